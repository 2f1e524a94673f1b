//! Proof that a log shows two histories: two proof files (C2SP tlog-proof) of one position whose entries differ, each under
//! a checkpoint that the log's keys signed. Whoever has the keys is convinced by this file alone (EL-27).

use crate::{
    checkpoint::VerifiedCheckpoint,
    leaf::Leaf,
    note::VerifierKey,
    proof::{LogProof, MAX_PROOF_LEN, ProofError},
    text::parse_decimal,
};
use core::{error::Error, fmt, str::FromStr};

const FIRST_LINE: &str = "qfs-misbehaviour@v1";

/// Longest file in bytes: two proof files, and two short lines before them.
pub const MAX_MISBEHAVIOUR_LEN: usize = 2 * MAX_PROOF_LEN + 64;

/// Two proofs of one position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misbehaviour {
    /// What one history has there; the proof encloses the entry.
    pub one: LogProof,
    /// What the other has.
    pub other: LogProof,
}

/// Why a file proves no misbehaviour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MisbehaviourError {
    /// It is longer than [`MAX_MISBEHAVIOUR_LEN`].
    TooLong(usize),
    /// The first line is not that of version 1.
    NotMisbehaviour,
    /// The second line is not the length of the first proof in bytes.
    BadLength,
    /// A proof is malformed, or does not hold; the first or the second.
    Proof(u8, ProofError),
    /// The two are about different positions.
    Positions,
    /// The checkpoints are of two logs.
    Origins,
    /// A proof does not enclose its entry; the first or the second.
    NoEntry(u8),
    /// The two enclose the same entry.
    Same,
}

impl fmt::Display for MisbehaviourError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong(len) => {
                write!(f, "the file has at most {MAX_MISBEHAVIOUR_LEN} bytes, this one has {len}")
            }
            Self::NotMisbehaviour => write!(f, "the first line is not \"{FIRST_LINE}\""),
            Self::BadLength => f.write_str("the second line is not the length of the first proof"),
            Self::Proof(which, error) => write!(f, "proof {which}: {error}"),
            Self::Positions => f.write_str("the proofs are of different positions"),
            Self::Origins => f.write_str("the proofs are of two logs: one key may sign both"),
            Self::NoEntry(which) => write!(f, "proof {which} does not enclose its entry"),
            Self::Same => {
                f.write_str("both proofs are of the same entry, which is no contradiction")
            }
        }
    }
}

impl Error for MisbehaviourError {}

impl Misbehaviour {
    /// Checks that the holder of `keys` signed two histories that differ at one position, and returns the checkpoints.
    ///
    /// # Errors
    /// [`MisbehaviourError`] says what does not convince.
    pub fn verify(
        &self,
        keys: &[VerifierKey],
    ) -> Result<[VerifiedCheckpoint; 2], MisbehaviourError> {
        if self.one.index != self.other.index {
            return Err(MisbehaviourError::Positions);
        }
        let leaf = |which, proof: &LogProof| {
            let leaf = Leaf::parse(&proof.extra).ok_or(MisbehaviourError::NoEntry(which))?;
            Ok(leaf.leaf_hash())
        };
        let (one, other) = (leaf(1, &self.one)?, leaf(2, &self.other)?);
        if one == other {
            return Err(MisbehaviourError::Same);
        }
        let holds = |which, proof: &LogProof, leaf| {
            proof.verify(leaf, keys).map_err(|error| MisbehaviourError::Proof(which, error))
        };
        let (one, other) = (holds(1, &self.one, &one)?, holds(2, &self.other, &other)?);
        // One key may sign several logs, each with a history of its own.
        if one.origin() != other.origin() {
            return Err(MisbehaviourError::Origins);
        }
        Ok([one, other])
    }
}

impl FromStr for Misbehaviour {
    type Err = MisbehaviourError;

    fn from_str(file: &str) -> Result<Self, MisbehaviourError> {
        if file.len() > MAX_MISBEHAVIOUR_LEN {
            return Err(MisbehaviourError::TooLong(file.len()));
        }
        let (first, rest) = file.split_once('\n').ok_or(MisbehaviourError::NotMisbehaviour)?;
        if first != FIRST_LINE {
            return Err(MisbehaviourError::NotMisbehaviour);
        }
        let (length, proofs) = rest.split_once('\n').ok_or(MisbehaviourError::BadLength)?;
        let length = parse_decimal(length).and_then(|length| usize::try_from(length).ok());
        let (one, other) = length
            .and_then(|length| proofs.split_at_checked(length))
            .ok_or(MisbehaviourError::BadLength)?;
        let proof = |which, text: &str| {
            text.parse().map_err(|error| MisbehaviourError::Proof(which, error))
        };
        Ok(Self { one: proof(1, one)?, other: proof(2, other)? })
    }
}

impl fmt::Display for Misbehaviour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let one = alloc::format!("{}", self.one);
        write!(f, "{FIRST_LINE}\n{}\n{one}{}", one.len(), self.other)
    }
}
