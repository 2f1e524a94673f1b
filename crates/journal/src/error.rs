//! What can fail around the log, each with its code and what to do next.

use protocol::ErrorCode;
use std::{io, path::PathBuf};

/// A failure of the journal. Refusals of commands are not failures: they come back as outcomes.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// Another process has the directory.
    #[error("another process is using {0}; wait for it to end, or give another --data-dir")]
    Busy(PathBuf),
    /// There is no ledger here.
    #[error("there is no ledger in {0}; make one with `qfs init`")]
    NoLedger(PathBuf),
    /// There is a ledger here already.
    #[error("there is a ledger in {0} already; nothing was changed")]
    Exists(PathBuf),
    /// The operating system refused.
    #[error("{what} {path}: {source}{}", remedy(source))]
    Io {
        /// What was attempted.
        what: &'static str,
        /// On which file.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// Something that was written is not there any more as it was.
    #[error("{0}")]
    Damaged(String),
    /// The state store failed, or an invariant broke.
    #[error("{0}")]
    Halted(String),
    /// An earlier write failed; what is on disk is only known after a restart.
    #[error("an earlier write to the log failed: start again to recover what is on disk")]
    Poisoned,
}

/// What the operating system leaves unsaid.
fn remedy(source: &io::Error) -> &'static str {
    match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "; make room there and start again: nothing that was acknowledged is lost"
        }
        _ => "",
    }
}

impl JournalError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Busy(_) => ErrorCode::Busy,
            Self::NoLedger(_) => ErrorCode::NotFound,
            Self::Exists(_) => ErrorCode::Conflict,
            Self::Damaged(_) => ErrorCode::IntegrityMismatch,
            Self::Io { source, .. } => match source.kind() {
                io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied => {
                    ErrorCode::InvalidInput
                }
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ErrorCode::Limit,
                _ => ErrorCode::Internal,
            },
            Self::Halted(_) | Self::Poisoned => ErrorCode::Internal,
        }
    }

    /// Adds what was attempted to an error of the operating system.
    pub fn io(what: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { what, path, source }
    }
}
