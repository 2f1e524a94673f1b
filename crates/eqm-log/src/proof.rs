//! A proof that one entry is in a log, in one text file (C2SP tlog-proof): the entry's index, its inclusion
//! proof and the checkpoint that it leads to. Verification needs no network and no log.

use crate::{
    MAX_LOG_SIZE,
    checkpoint::{Checkpoint, CheckpointError, VerifiedCheckpoint},
    note::{MAX_NOTE_LEN, VerifierKey},
    text::{base64_decode, base64_encode, parse_decimal},
    tree::{MAX_PATH_LEN, TreeHash, VerifyError, verify_inclusion},
};
use alloc::{string::String, vec::Vec};
use core::{error::Error, fmt, str::FromStr};

const FIRST_LINE: &str = "c2sp.org/tlog-proof@v1";

/// Longest extra data in bytes: a whole leaf fits.
pub const MAX_EXTRA_LEN: usize = 65_535;

/// Longest proof file in bytes: header lines, extra data in base64, hashes, checkpoint.
pub const MAX_PROOF_LEN: usize = 256 * 1_024;

/// Why a proof file is malformed or proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProofError {
    /// The file is longer than [`MAX_PROOF_LEN`].
    TooLong(usize),
    /// The first line is not that of a tlog-proof of version 1.
    NotAProof,
    /// The extra data is empty, too long or not strict base64.
    BadExtra,
    /// The index line is missing or not a plain decimal number below 2^63.
    BadIndex,
    /// The line of the inclusion proof with this number (from zero) is not the base64 of a hash.
    BadHashLine(usize),
    /// There are more hashes than any tree is high.
    PathTooLong,
    /// No blank line and checkpoint follow the inclusion proof.
    NoCheckpoint,
    /// The checkpoint is malformed, or its signatures do not convince.
    Checkpoint(CheckpointError),
    /// The inclusion proof does not hold.
    Inclusion(VerifyError),
}

impl fmt::Display for ProofError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong(len) => {
                write!(f, "a proof file has at most {MAX_PROOF_LEN} bytes, this one has {len}")
            }
            Self::NotAProof => write!(f, "the first line is not \"{FIRST_LINE}\""),
            Self::BadExtra => f.write_str("the extra data of the proof is malformed"),
            Self::BadIndex => f.write_str("the index line of the proof is missing or malformed"),
            Self::BadHashLine(line) => write!(f, "hash {line} of the proof is malformed"),
            Self::PathTooLong => write!(f, "the proof has more than {MAX_PATH_LEN} hashes"),
            Self::NoCheckpoint => f.write_str("the proof ends before its checkpoint"),
            Self::Checkpoint(error) => write!(f, "the checkpoint of the proof: {error}"),
            Self::Inclusion(error) => error.fmt(f),
        }
    }
}

impl Error for ProofError {}

/// The content of a proof file. Parsing checks its form only; [`LogProof::verify`] checks what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogProof {
    /// Data beside the proof that nothing authenticates; empty when there is none.
    pub extra: Vec<u8>,
    /// Index of the leaf, which is the seq of the entry.
    pub index: u64,
    /// The inclusion proof, from the leaf's sibling upwards.
    pub path: Vec<TreeHash>,
    /// The signed checkpoint, a note.
    pub checkpoint: String,
}

impl LogProof {
    /// Checks that `leaf` (see [`crate::tree::entry_leaf`]) is in the log whose keys are `keys`, and returns
    /// the checkpoint that vouches for it.
    ///
    /// # Errors
    /// [`ProofError::Checkpoint`] or [`ProofError::Inclusion`].
    pub fn verify(
        &self,
        leaf: &TreeHash,
        keys: &[VerifierKey],
    ) -> Result<VerifiedCheckpoint, ProofError> {
        let checkpoint =
            Checkpoint::verify(&self.checkpoint, keys).map_err(ProofError::Checkpoint)?;
        verify_inclusion(leaf, self.index, checkpoint.size(), &self.path, &checkpoint.root())
            .map_err(ProofError::Inclusion)?;
        Ok(checkpoint)
    }
}

impl FromStr for LogProof {
    type Err = ProofError;

    fn from_str(file: &str) -> Result<Self, ProofError> {
        if file.len() > MAX_PROOF_LEN {
            return Err(ProofError::TooLong(file.len()));
        }
        let (head, checkpoint) = file.split_once("\n\n").ok_or(ProofError::NoCheckpoint)?;
        let mut lines = head.split('\n').peekable();
        if lines.next() != Some(FIRST_LINE) {
            return Err(ProofError::NotAProof);
        }
        let extra = match lines.next_if(|line| line.starts_with("extra ")) {
            Some(line) => parse_extra(line)?,
            None => Vec::new(),
        };
        let index = lines.next().and_then(parse_index).ok_or(ProofError::BadIndex)?;
        let path = parse_path(lines)?;
        if checkpoint.is_empty() || checkpoint.len() > MAX_NOTE_LEN {
            return Err(ProofError::NoCheckpoint);
        }
        Ok(Self { extra, index, path, checkpoint: String::from(checkpoint) })
    }
}

fn parse_extra(line: &str) -> Result<Vec<u8>, ProofError> {
    line.strip_prefix("extra ")
        .and_then(base64_decode)
        .filter(|extra| !extra.is_empty() && extra.len() <= MAX_EXTRA_LEN)
        .ok_or(ProofError::BadExtra)
}

fn parse_index(line: &str) -> Option<u64> {
    line.strip_prefix("index ").and_then(parse_decimal).filter(|index| *index < MAX_LOG_SIZE)
}

fn parse_path<'a>(lines: impl Iterator<Item = &'a str>) -> Result<Vec<TreeHash>, ProofError> {
    let mut path = Vec::new();
    for (number, line) in lines.enumerate() {
        if number >= MAX_PATH_LEN {
            return Err(ProofError::PathTooLong);
        }
        path.push(TreeHash::from_base64(line).ok_or(ProofError::BadHashLine(number))?);
    }
    Ok(path)
}

impl fmt::Display for LogProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{FIRST_LINE}")?;
        if !self.extra.is_empty() {
            writeln!(f, "extra {}", base64_encode(&self.extra))?;
        }
        writeln!(f, "index {}", self.index)?;
        self.path.iter().try_for_each(|hash| writeln!(f, "{hash}"))?;
        write!(f, "\n{}", self.checkpoint)
    }
}
