//! What a command ends with when it does not succeed.

use journal::{JournalError, Submitted};
use protocol::{ErrorCode, Receipt, Refusal};
use shard_store::{
    StoreError,
    fleet::{DownloadError, RestoreError, UploadError},
};
use std::{fmt, io, path::Path};
use witness::WitnessError;

/// Why a command failed.
#[derive(Debug)]
pub enum CliError {
    /// The command line asks for something that makes no sense. Exit status 2.
    Usage(String),
    /// Refused or failed, with a code. Exit status 1.
    Failed(Refusal),
    /// Some rows of many failed; each was reported in its place. Exit status 1.
    Reported,
    /// A program that was run reported its own failure; its status is passed on.
    Status(u8),
}

/// What commands return.
pub type Result<T> = std::result::Result<T, CliError>;

impl CliError {
    /// A failure with a code and a sentence.
    pub fn failed(code: ErrorCode, detail: impl fmt::Display) -> Self {
        Self::Failed(Refusal::with(code, detail.to_string()))
    }

    /// An error of the operating system, with what was attempted.
    pub fn io(what: &str, path: &Path, error: &io::Error) -> Self {
        Self::failed(io_code(error), format!("{what} {}: {error}", path.display()))
    }
}

/// The code of an error of the operating system.
fn io_code(error: &io::Error) -> ErrorCode {
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

impl From<Refusal> for CliError {
    fn from(refusal: Refusal) -> Self {
        Self::Failed(refusal)
    }
}

impl From<JournalError> for CliError {
    fn from(error: JournalError) -> Self {
        Self::failed(error.code(), error)
    }
}

impl From<WitnessError> for CliError {
    fn from(error: WitnessError) -> Self {
        let code = match &error {
            WitnessError::Busy(_) => ErrorCode::Busy,
            WitnessError::Missing(_) => ErrorCode::NotFound,
            WitnessError::Exists(_) => ErrorCode::Conflict,
            WitnessError::Damaged { .. } => ErrorCode::IntegrityMismatch,
            WitnessError::Key(_) | WitnessError::NotALog(_) => ErrorCode::InvalidInput,
            WitnessError::Io { source, .. } => io_code(source),
        };
        Self::failed(code, error)
    }
}

impl From<StoreError> for CliError {
    fn from(error: StoreError) -> Self {
        Self::failed(store_code(&error), error)
    }
}

impl From<UploadError> for CliError {
    fn from(error: UploadError) -> Self {
        let code = match &error {
            UploadError::Input(source) => io_code(source),
            UploadError::Layout(_) => ErrorCode::Limit,
            UploadError::Store { source, .. } => store_code(source),
            UploadError::UnknownNode(_) => ErrorCode::ContentUnavailable,
            UploadError::Assignment | UploadError::Erasure(_) => ErrorCode::Internal,
        };
        Self::failed(code, error)
    }
}

impl From<DownloadError> for CliError {
    fn from(error: DownloadError) -> Self {
        let code = match &error {
            DownloadError::ContentUnavailable { .. } => ErrorCode::ContentUnavailable,
            DownloadError::Range { .. } => ErrorCode::InvalidInput,
            DownloadError::Output(source) => io_code(source),
            _ => ErrorCode::Internal,
        };
        Self::failed(code, error)
    }
}

impl From<RestoreError> for CliError {
    fn from(error: RestoreError) -> Self {
        match error {
            RestoreError::Source(error) => error.into(),
            RestoreError::Target(ref source) => Self::failed(store_code(source), error),
        }
    }
}

impl<F: fmt::Display> From<storage_engine::state::StateError<F>> for CliError {
    fn from(error: storage_engine::state::StateError<F>) -> Self {
        Self::failed(ErrorCode::Internal, error)
    }
}

/// The receipt of an accepted command; a refusal becomes the error.
pub fn accepted(submitted: Submitted) -> Result<Receipt> {
    match submitted {
        Submitted::Refused(refusal) => Err(refusal.into()),
        Submitted::Logged { refusal: Some(refusal), receipt } => Err(CliError::failed(
            refusal.code,
            format!("{} (logged as entry {})", refusal.detail, receipt.seq),
        )),
        Submitted::Logged { receipt, .. } | Submitted::Repeated(receipt) => Ok(receipt),
    }
}
