//! Whatever goes wrong below, as a numbered refusal.

use std::{fmt, io, path::Path};

use journal::{JournalError, Submitted};
use protocol::{ErrorCode, Receipt, Refusal};
use shard_store::{
    StoreError,
    fleet::{DownloadError, RestoreError, UploadError},
};
use storage_engine::state::StateError;

/// Why something was not done: a code, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure(pub Refusal);

/// What is done, or why it is not.
pub type Result<T> = std::result::Result<T, Failure>;

impl Failure {
    /// A failure with a code and a sentence.
    pub fn new(code: ErrorCode, detail: impl fmt::Display) -> Self {
        Self(Refusal::with(code, detail.to_string()))
    }

    /// An error of the operating system, with what was attempted.
    pub fn io(what: &str, path: &Path, error: &io::Error) -> Self {
        Self::new(io_code(error), format!("{what} {}: {error}", path.display()))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.code.name(), self.0.detail)
    }
}

impl std::error::Error for Failure {}

/// The code of an error of the operating system.
#[must_use]
pub fn io_code(error: &io::Error) -> ErrorCode {
    match error.kind() {
        io::ErrorKind::NotFound => ErrorCode::NotFound,
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ErrorCode::Limit,
        io::ErrorKind::PermissionDenied
        | io::ErrorKind::IsADirectory
        | io::ErrorKind::NotADirectory
        | io::ErrorKind::InvalidData
        | io::ErrorKind::InvalidFilename
        | io::ErrorKind::AlreadyExists => ErrorCode::InvalidInput,
        _ => ErrorCode::Internal,
    }
}

fn store_code(error: &StoreError) -> ErrorCode {
    match error {
        StoreError::Missing => ErrorCode::ContentUnavailable,
        StoreError::Corrupt { .. } | StoreError::Damaged(_) => ErrorCode::IntegrityMismatch,
        StoreError::OutOfRange | StoreError::Refused(_) => ErrorCode::InvalidInput,
        StoreError::QuotaExceeded { .. } => ErrorCode::Limit,
        StoreError::SyncFailed => ErrorCode::Internal,
        StoreError::Io { source, .. } => io_code(source),
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self(refusal)
    }
}

impl From<JournalError> for Failure {
    fn from(error: JournalError) -> Self {
        Self::new(error.code(), error)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::new(store_code(&error), error)
    }
}

impl From<UploadError> for Failure {
    fn from(error: UploadError) -> Self {
        let code = match &error {
            UploadError::Input(source) => io_code(source),
            UploadError::Layout(_) => ErrorCode::Limit,
            UploadError::Store { source, .. } => store_code(source),
            UploadError::UnknownNode(_) => ErrorCode::ContentUnavailable,
            UploadError::Assignment | UploadError::Erasure(_) => ErrorCode::Internal,
        };
        Self::new(code, error)
    }
}

impl From<DownloadError> for Failure {
    fn from(error: DownloadError) -> Self {
        let code = match &error {
            DownloadError::ContentUnavailable { .. } => ErrorCode::ContentUnavailable,
            DownloadError::Range { .. } => ErrorCode::InvalidInput,
            DownloadError::Output(source) => io_code(source),
            _ => ErrorCode::Internal,
        };
        Self::new(code, error)
    }
}

impl From<RestoreError> for Failure {
    fn from(error: RestoreError) -> Self {
        match error {
            RestoreError::Source(error) => error.into(),
            RestoreError::Target(ref source) => Self::new(store_code(source), error),
        }
    }
}

impl<F: fmt::Display> From<StateError<F>> for Failure {
    fn from(error: StateError<F>) -> Self {
        Self::new(ErrorCode::Internal, error)
    }
}

/// The receipt of an accepted command; a refusal becomes the failure.
///
/// # Errors
/// The refusal.
pub fn accepted(submitted: Submitted) -> Result<Receipt> {
    match submitted {
        Submitted::Refused(refusal) => Err(refusal.into()),
        Submitted::Logged { refusal: Some(refusal), receipt } => Err(Failure::new(
            refusal.code,
            format!("{} (logged as entry {})", refusal.detail, receipt.seq),
        )),
        Submitted::Logged { receipt, .. } | Submitted::Repeated(receipt) => Ok(receipt),
    }
}
