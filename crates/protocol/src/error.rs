//! Numbered error codes and refusals.

use alloc::{borrow::Cow, string::String};
use borsh::{
    BorshDeserialize, BorshSerialize,
    io::{Error, ErrorKind, Read, Result, Write},
};
use core::fmt;

macro_rules! error_codes {
    ($($(#[doc = $doc:literal])* $name:ident = $number:literal, $text:literal;)*) => {
        /// Why something was refused or failed. Numbers are stable: appended to, never reused (PR-7).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum ErrorCode { $($(#[doc = $doc])* $name,)* }

        impl ErrorCode {
            /// Every code, in the order of their numbers.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The stable number.
            #[must_use]
            pub const fn number(self) -> u16 { match self { $(Self::$name => $number,)* } }

            /// The name that programs match on.
            #[must_use]
            pub const fn name(self) -> &'static str { match self { $(Self::$name => $text,)* } }

            /// The code with this number.
            #[must_use]
            pub const fn from_number(number: u16) -> Option<Self> {
                match number { $($number => Some(Self::$name),)* _ => None }
            }
        }
    };
}

error_codes! {
    /// No such object, version, shard, node, epoch or entry.
    NotFound = 1, "SE_ERR_NOT_FOUND";
    /// The version is zero, or not greater than the last one.
    InvalidVersion = 2, "SE_ERR_INVALID_VERSION";
    /// The input is malformed.
    InvalidInput = 3, "SE_ERR_INVALID_INPUT";
    /// Fewer eligible nodes than copies needed.
    NoEligibleNodes = 4, "SE_ERR_NO_ELIGIBLE_NODES";
    /// No proof can be made: the shard is empty or no node has it.
    ProofUnavailable = 5, "SE_ERR_PROOF_UNAVAILABLE";
    /// Bytes do not match the hash that names them.
    IntegrityMismatch = 6, "SE_ERR_INTEGRITY_MISMATCH";
    /// The ledger has no genesis, or no facts about its nodes.
    AegisContextMissing = 7, "SE_ERR_AEGIS_CONTEXT_MISSING";
    /// A fault of the machine or a broken invariant; nothing was guessed.
    Internal = 8, "SE_ERR_INTERNAL";
    /// The command is not signed by a key that may give it.
    Unauthorized = 9, "SE_ERR_UNAUTHORIZED";
    /// The epoch named by the command is over, and it would be decided differently now.
    EpochChanged = 10, "SE_ERR_EPOCH_CHANGED";
    /// A bound would be exceeded.
    Limit = 11, "SE_ERR_LIMIT";
    /// The payer's balance does not cover the fee.
    InsufficientFunds = 12, "SE_ERR_INSUFFICIENT_FUNDS";
    /// Too few intact shards are left to read the content.
    ContentUnavailable = 13, "SE_ERR_CONTENT_UNAVAILABLE";
    /// The same command id was used for other bytes, or the thing exists already.
    Conflict = 14, "SE_ERR_CONFLICT";
    /// Another process or request holds what is needed.
    Busy = 15, "SE_ERR_BUSY";
    /// Votes, activations or proposals of this kind are not taken yet.
    TooEarly = 16, "SE_ERR_TOO_EARLY";
    /// Votes or activations are not taken any more.
    TooLate = 17, "SE_ERR_TOO_LATE";
    /// The votes do not reach the quorum.
    NoQuorum = 18, "SE_ERR_NO_QUORUM";
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl BorshSerialize for ErrorCode {
    fn serialize<W: Write>(&self, writer: &mut W) -> Result<()> {
        self.number().serialize(writer)
    }
}

impl BorshDeserialize for ErrorCode {
    fn deserialize_reader<R: Read>(reader: &mut R) -> Result<Self> {
        Self::from_number(u16::deserialize_reader(reader)?)
            .ok_or_else(|| Error::new(ErrorKind::InvalidData, "unknown error code"))
    }
}

/// A refusal: the code that is recorded, and a sentence for the one who asked. Only the code reaches
/// the log, so the sentence may be improved without changing history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The recorded code.
    pub code: ErrorCode,
    /// What is wrong and what to do about it.
    pub detail: Cow<'static, str>,
}

impl Refusal {
    /// A refusal with a fixed sentence.
    #[must_use]
    pub const fn new(code: ErrorCode, detail: &'static str) -> Self {
        Self { code, detail: Cow::Borrowed(detail) }
    }

    /// A refusal with a sentence made for the case.
    #[must_use]
    pub const fn with(code: ErrorCode, detail: String) -> Self {
        Self { code, detail: Cow::Owned(detail) }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.detail)
    }
}

impl core::error::Error for Refusal {}

#[cfg(test)]
mod tests {
    use super::*;

    /// PR-7: numbers and names, as published. A change here breaks every program that matches on them.
    #[test]
    fn numbers_and_names_are_frozen() {
        let table: alloc::vec::Vec<_> =
            ErrorCode::ALL.iter().map(|code| (code.number(), code.name())).collect();
        assert_eq!(
            table,
            [
                (1, "SE_ERR_NOT_FOUND"),
                (2, "SE_ERR_INVALID_VERSION"),
                (3, "SE_ERR_INVALID_INPUT"),
                (4, "SE_ERR_NO_ELIGIBLE_NODES"),
                (5, "SE_ERR_PROOF_UNAVAILABLE"),
                (6, "SE_ERR_INTEGRITY_MISMATCH"),
                (7, "SE_ERR_AEGIS_CONTEXT_MISSING"),
                (8, "SE_ERR_INTERNAL"),
                (9, "SE_ERR_UNAUTHORIZED"),
                (10, "SE_ERR_EPOCH_CHANGED"),
                (11, "SE_ERR_LIMIT"),
                (12, "SE_ERR_INSUFFICIENT_FUNDS"),
                (13, "SE_ERR_CONTENT_UNAVAILABLE"),
                (14, "SE_ERR_CONFLICT"),
                (15, "SE_ERR_BUSY"),
                (16, "SE_ERR_TOO_EARLY"),
                (17, "SE_ERR_TOO_LATE"),
                (18, "SE_ERR_NO_QUORUM"),
            ]
        );
        for code in ErrorCode::ALL {
            assert_eq!(ErrorCode::from_number(code.number()), Some(*code));
        }
    }
}
