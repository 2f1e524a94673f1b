//! What a command ends with when it does not succeed.

use journal::{JournalError, Submitted};
use node::{Failure, failure::io_code};
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

impl From<Refusal> for CliError {
    fn from(refusal: Refusal) -> Self {
        Self::Failed(refusal)
    }
}

impl From<Failure> for CliError {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure.0)
    }
}

/// Whatever the node has a code for.
macro_rules! from_below {
    ($($error:ty),*) => {$(
        impl From<$error> for CliError {
            fn from(error: $error) -> Self {
                Failure::from(error).into()
            }
        }
    )*};
}

from_below!(JournalError, StoreError, UploadError, DownloadError, RestoreError);

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

impl<F: fmt::Display> From<storage_engine::state::StateError<F>> for CliError {
    fn from(error: storage_engine::state::StateError<F>) -> Self {
        Self::failed(ErrorCode::Internal, error)
    }
}

/// The receipt of an accepted command; a refusal becomes the error.
pub fn accepted(submitted: Submitted) -> Result<Receipt> {
    Ok(node::failure::accepted(submitted)?)
}
