//! A proof that a log has only grown since an earlier checkpoint, in one text file: size of the earlier log,
//! consistency proof, later checkpoint. These are the bytes that C2SP tlog-witness has a log send to a witness.

use crate::{
    MAX_LOG_SIZE,
    checkpoint::{Checkpoint, CheckpointError, VerifiedCheckpoint},
    note::{MAX_NOTE_LEN, VerifierKey},
    text::parse_decimal,
    tree::{TreeHash, VerifyError, verify_consistency},
};
use alloc::{string::String, vec::Vec};
use core::{error::Error, fmt, str::FromStr};

/// Most hashes of such a file (C2SP tlog-witness).
pub const MAX_HASHES: usize = 63;

/// Longest file in bytes.
pub const MAX_CONSISTENCY_LEN: usize = MAX_NOTE_LEN + 4_096;

/// Why a file is malformed or proves nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConsistencyError {
    /// The file is longer than [`MAX_CONSISTENCY_LEN`].
    TooLong(usize),
    /// The first line is not `old` and a plain decimal number up to 2^63 − 1.
    BadOldSize,
    /// The line of the proof with this number (from zero) is not the base64 of a hash.
    BadHashLine(usize),
    /// There are more than [`MAX_HASHES`] hashes.
    PathTooLong,
    /// No blank line and checkpoint follow the proof.
    NoCheckpoint,
    /// The later checkpoint is malformed, or its signatures do not convince.
    Checkpoint(CheckpointError),
    /// The proof is about another earlier size than the checkpoint that it was held against.
    OtherSize {
        /// Size of the earlier checkpoint.
        expected: u64,
        /// Size in the file.
        found: u64,
    },
    /// The checkpoints are of two logs.
    OtherLog,
    /// The later log does not extend the earlier one, or the proof is not that of these two.
    Inconsistent(VerifyError),
}

impl fmt::Display for ConsistencyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong(len) => write!(
                f,
                "a consistency proof has at most {MAX_CONSISTENCY_LEN} bytes, this one has {len}"
            ),
            Self::BadOldSize => {
                f.write_str("the first line of the proof is not \"old\" and a size")
            }
            Self::BadHashLine(line) => write!(f, "hash {line} of the proof is malformed"),
            Self::PathTooLong => write!(f, "the proof has more than {MAX_HASHES} hashes"),
            Self::NoCheckpoint => f.write_str("the proof ends before its checkpoint"),
            Self::Checkpoint(error) => write!(f, "the checkpoint of the proof: {error}"),
            Self::OtherSize { expected, found } => write!(
                f,
                "the proof is about the first {found} entries, the earlier checkpoint about {expected}"
            ),
            Self::OtherLog => f.write_str("the two checkpoints are of different logs"),
            Self::Inconsistent(error) => {
                write!(f, "the later checkpoint is not shown to extend the earlier one: {error}")
            }
        }
    }
}

impl Error for ConsistencyError {}

/// The content of such a file. Parsing checks its form only; [`ConsistencyProof::verify`] checks what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsistencyProof {
    /// Size of the earlier log.
    pub old: u64,
    /// The consistency proof (RFC 9162, 2.1.4.1).
    pub path: Vec<TreeHash>,
    /// The later signed checkpoint, a note.
    pub checkpoint: String,
}

impl ConsistencyProof {
    /// Checks that the log has only grown since `old`, by a later checkpoint that `keys` have signed, and returns
    /// that one.
    ///
    /// # Errors
    /// [`ConsistencyError`] says what does not fit. Two checkpoints that verify, of one log and with no proof
    /// between them, are evidence of two histories.
    pub fn verify(
        &self,
        old: &VerifiedCheckpoint,
        keys: &[VerifierKey],
    ) -> Result<VerifiedCheckpoint, ConsistencyError> {
        let new =
            Checkpoint::verify(&self.checkpoint, keys).map_err(ConsistencyError::Checkpoint)?;
        if old.origin() != new.origin() {
            return Err(ConsistencyError::OtherLog);
        }
        if old.size() != self.old {
            return Err(ConsistencyError::OtherSize { expected: old.size(), found: self.old });
        }
        verify_consistency(self.old, new.size(), &self.path, &old.root(), &new.root())
            .map_err(ConsistencyError::Inconsistent)?;
        Ok(new)
    }
}

impl FromStr for ConsistencyProof {
    type Err = ConsistencyError;

    fn from_str(file: &str) -> Result<Self, ConsistencyError> {
        if file.len() > MAX_CONSISTENCY_LEN {
            return Err(ConsistencyError::TooLong(file.len()));
        }
        let (head, checkpoint) = file.split_once("\n\n").ok_or(ConsistencyError::NoCheckpoint)?;
        let mut lines = head.split('\n');
        let old = lines.next().and_then(parse_old).ok_or(ConsistencyError::BadOldSize)?;
        let mut path = Vec::new();
        for (number, line) in lines.enumerate() {
            if number >= MAX_HASHES {
                return Err(ConsistencyError::PathTooLong);
            }
            let hash = TreeHash::from_base64(line).ok_or(ConsistencyError::BadHashLine(number))?;
            path.push(hash);
        }
        if checkpoint.is_empty() || checkpoint.len() > MAX_NOTE_LEN {
            return Err(ConsistencyError::NoCheckpoint);
        }
        Ok(Self { old, path, checkpoint: String::from(checkpoint) })
    }
}

fn parse_old(line: &str) -> Option<u64> {
    line.strip_prefix("old ").and_then(parse_decimal).filter(|size| *size <= MAX_LOG_SIZE)
}

impl fmt::Display for ConsistencyProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "old {}", self.old)?;
        self.path.iter().try_for_each(|hash| writeln!(f, "{hash}"))?;
        write!(f, "\n{}", self.checkpoint)
    }
}
