//! Names of objects, nodes, accounts and commands.
//!
//! Decoding accepts any text, so that a committed but malformed command can be refused in the log;
//! admission calls `validate` before anything else looks at a name.

use crate::{
    error::{ErrorCode, Refusal},
    hash::{Hash32, hex_decode, hex_encode},
    limits::{MAX_NODE_ID_BYTES, MAX_OBJECT_ID_BYTES},
    signature::PublicKey,
};
use alloc::string::{String, ToString};
use borsh::{BorshDeserialize, BorshSerialize};
use core::fmt;

/// Name of an object: 1 to 1,024 bytes of UTF-8 without NUL.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
pub struct ObjectId(pub String);

impl ObjectId {
    /// # Errors
    /// `SE_ERR_INVALID_INPUT` when empty or with a NUL (which separates keys of the state), `SE_ERR_LIMIT`
    /// when too long.
    pub fn validate(&self) -> Result<(), Refusal> {
        if self.0.is_empty() {
            return Err(Refusal::new(ErrorCode::InvalidInput, "an object id is not empty"));
        }
        if self.0.len() > MAX_OBJECT_ID_BYTES {
            return Err(Refusal::new(
                ErrorCode::Limit,
                "an object id has at most 1,024 bytes of UTF-8",
            ));
        }
        if self.0.contains('\0') {
            return Err(Refusal::new(ErrorCode::InvalidInput, "an object id has no NUL character"));
        }
        Ok(())
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Name of a storage node: 1 to 64 characters of `A-Z a-z 0-9 . _ : -`, the first a letter or digit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
pub struct NodeId(pub String);

impl NodeId {
    /// # Errors
    /// `SE_ERR_INVALID_INPUT` for any other text. The alphabet keeps a node id usable as a file name.
    pub fn validate(&self) -> Result<(), Refusal> {
        let bytes = self.0.as_bytes();
        let first = bytes.first().is_some_and(u8::is_ascii_alphanumeric);
        let rest = bytes.iter().all(|b| b.is_ascii_alphanumeric() || b"._:-".contains(b));
        if first && rest && bytes.len() <= MAX_NODE_ID_BYTES {
            return Ok(());
        }
        Err(Refusal::with(
            ErrorCode::InvalidInput,
            alloc::format!(
                "node id {:?}: use 1 to 64 of A-Z a-z 0-9 . _ : -, beginning with a letter or digit",
                self.0
            ),
        ))
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An account is its key: the fingerprint of the public key that may spend from it.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize,
)]
pub struct AccountId(pub Hash32);

impl AccountId {
    /// The account of `key`.
    #[must_use]
    pub fn of(key: &PublicKey) -> Self {
        Self(key.fingerprint())
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The client's name for one command. Sent again with the same bytes, the command is not executed
/// again: the first receipt comes back.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
pub struct CommandId(pub [u8; 16]);

impl CommandId {
    /// Parses 32 lowercase hexadecimal digits.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        hex_decode(text)?.try_into().ok().map(Self)
    }
}

impl fmt::Display for CommandId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex_encode(&self.0))
    }
}

impl fmt::Debug for CommandId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn node_ids_that_are_refused() {
        for good in ["a", "node-000", "n:1", "0.x_y", &"x".repeat(64)] {
            assert!(NodeId(good.into()).validate().is_ok(), "{good:?}");
        }
        for bad in ["", ".", "..", "-a", "a/b", "a b", "ü", "a\0", &"x".repeat(65)] {
            assert!(NodeId(bad.into()).validate().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn object_ids_that_are_refused() {
        for good in ["a", "/etc/x", "../x", "a:b", "ü n", &"x".repeat(1024)] {
            assert!(ObjectId(good.into()).validate().is_ok(), "{good:?}");
        }
        for (bad, code) in [
            ("", ErrorCode::InvalidInput),
            ("a\0b", ErrorCode::InvalidInput),
            (&"x".repeat(1025), ErrorCode::Limit),
        ] {
            let refusal = ObjectId(bad.into()).validate().unwrap_err();
            assert_eq!(refusal.code, code, "{bad:?}");
        }
    }
}
