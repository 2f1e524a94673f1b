//! What can fail around a witness.

use eqm_log::note::NoteError;
use std::{io, path::PathBuf};

/// A failure of the witness itself. What it says to a log is a [`crate::Refusal`].
#[derive(Debug, thiserror::Error)]
pub enum WitnessError {
    /// Another process has the directory.
    #[error("another process is using {0}: wait for it to end, or give another directory")]
    Busy(PathBuf),
    /// There is no witness here.
    #[error("there is no witness in {0}; make one with `qfs witness init`")]
    Missing(PathBuf),
    /// There is a witness here already.
    #[error("there is a witness in {0} already; nothing was changed")]
    Exists(PathBuf),
    /// A file is not what the witness wrote. It must not go on without its memory.
    #[error(
        "{path}: {why}; a witness must not forget what it has cosigned: make another one, under another name"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// Names or keys that cannot be a witness's.
    #[error("{0}")]
    Key(#[from] NoteError),
    /// Keys that are not those of one log.
    #[error("{0}")]
    NotALog(String),
    /// The operating system refused.
    #[error("{what} {path}: {source}")]
    Io {
        /// What was attempted.
        what: &'static str,
        /// On which file.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
}

impl WitnessError {
    /// Adds what was attempted to an error of the operating system.
    pub(crate) fn io(
        what: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { what, path, source }
    }
}
