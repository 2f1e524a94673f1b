//! Whether a witness may cosign: a function of what it is asked and what it has seen (`spec/witness.md`, WI-5).

use eqm_log::{
    Checkpoint, ConsistencyProof, TreeHash, VerifierKey,
    checkpoint::CheckpointError,
    consistency::ConsistencyError,
    tree::{VerifyError, empty_root, verify_consistency},
};

/// The largest tree of a log that a witness has cosigned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Number of entries; 0 when it has cosigned none.
    pub size: u64,
    /// Root over them.
    pub root: TreeHash,
}

impl Seen {
    /// What is seen of a log before its first checkpoint.
    #[must_use]
    pub fn nothing() -> Self {
        Self { size: 0, root: empty_root() }
    }
}

impl From<&Checkpoint> for Seen {
    fn from(checkpoint: &Checkpoint) -> Self {
        Self { size: checkpoint.size, root: checkpoint.root }
    }
}

/// Why a witness does not cosign. The numbers are HTTP's, as C2SP tlog-witness assigns them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// 400: the request is longer than [`eqm_log::consistency::MAX_CONSISTENCY_LEN`], or not text.
    #[error("the request is not a text of at most 69632 bytes")]
    NotAText,
    /// 400: the request is malformed.
    #[error("{0}")]
    Malformed(ConsistencyError),
    /// 400: the checkpoint is malformed.
    #[error("{0}")]
    BadCheckpoint(CheckpointError),
    /// 400: the request speaks of more entries than its own checkpoint.
    #[error("{old} entries before are more than the {new} of the checkpoint")]
    Shrinking {
        /// Entries that the witness is said to have seen.
        old: u64,
        /// Entries under the checkpoint.
        new: u64,
    },
    /// 403: the log's keys have not signed the checkpoint.
    #[error("{0}")]
    Unsigned(CheckpointError),
    /// 404: the witness does not know the log.
    #[error("this witness does not know the log {0}")]
    UnknownLog(String),
    /// 409: the request does not begin where the witness is.
    #[error(
        "this witness has cosigned {0} entries of the log; prove that they are the beginning of the checkpoint's"
    )]
    Elsewhere(u64),
    /// 409: the witness has cosigned another tree of this size. The log has two histories.
    #[error("this witness has cosigned another history of {0} entries")]
    OtherRoot(u64),
    /// 422: nothing shows that the checkpoint extends what the witness has seen.
    #[error("the checkpoint is not shown to extend what this witness has cosigned: {0}")]
    Inconsistent(VerifyError),
    /// 503: the witness cannot be sure of its memory.
    #[error(
        "this witness could not keep the checkpoint, and answers for this log no more until it is started again"
    )]
    Broken,
}

impl Refusal {
    /// The status of the HTTP answer.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Self::NotAText
            | Self::Malformed(_)
            | Self::BadCheckpoint(_)
            | Self::Shrinking { .. } => 400,
            Self::Unsigned(_) => 403,
            Self::UnknownLog(_) => 404,
            Self::Elsewhere(_) | Self::OtherRoot(_) => 409,
            Self::Inconsistent(_) => 422,
            Self::Broken => 503,
        }
    }

    /// Entries that the witness has cosigned, where the refusal is about that.
    #[must_use]
    pub const fn seen(&self) -> Option<u64> {
        match self {
            Self::Elsewhere(size) | Self::OtherRoot(size) => Some(*size),
            _ => None,
        }
    }
}

/// The checkpoint of a request, if the log's `keys` have signed it and it is shown to extend what was `seen`.
///
/// # Errors
/// The first [`Refusal`] that applies, in the order of WI-5.
pub fn judge(
    request: &ConsistencyProof,
    keys: &[VerifierKey],
    seen: Seen,
) -> Result<Checkpoint, Refusal> {
    let new = Checkpoint::verify(&request.checkpoint, keys).map_err(Refusal::Unsigned)?;
    let (old, new) = (request.old, new.statement().clone());
    if old > new.size {
        return Err(Refusal::Shrinking { old, new: new.size });
    }
    if old != seen.size {
        return Err(Refusal::Elsewhere(seen.size));
    }
    if new.size == seen.size && new.root != seen.root {
        return Err(Refusal::OtherRoot(seen.size));
    }
    verify_consistency(old, new.size, &request.path, &seen.root, &new.root)
        .map_err(Refusal::Inconsistent)?;
    Ok(new)
}
