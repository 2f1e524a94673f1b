//! Refusals as statuses: a code that gRPC knows, and the ledger's own in the details.

use std::collections::HashMap;

use protocol::ErrorCode;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use crate::Failure;

/// Who numbers the codes.
const DOMAIN: &str = "qfs.v1";

/// The status of a failure. Its details have an `ErrorInfo` with the name of the ledger's code as the reason, and its
/// number.
pub(super) fn of(failure: &Failure) -> Status {
    let (code, detail) = (failure.0.code, &failure.0.detail);
    let number = HashMap::from([("number".to_owned(), code.number().to_string())]);
    let details = ErrorDetails::with_error_info(code.name(), DOMAIN, number);
    Status::with_error_details(grpc(code), format!("{}: {detail}", code.name()), details)
}

/// A failure of what was asked.
pub(super) fn invalid(detail: impl std::fmt::Display) -> Status {
    of(&Failure::new(ErrorCode::InvalidInput, detail))
}

const fn grpc(code: ErrorCode) -> Code {
    match code {
        ErrorCode::NotFound => Code::NotFound,
        ErrorCode::InvalidInput => Code::InvalidArgument,
        ErrorCode::Unauthorized => Code::PermissionDenied,
        ErrorCode::Limit => Code::ResourceExhausted,
        ErrorCode::IntegrityMismatch => Code::DataLoss,
        ErrorCode::Internal => Code::Internal,
        ErrorCode::ContentUnavailable | ErrorCode::ProofUnavailable | ErrorCode::Busy => {
            Code::Unavailable
        }
        // Placed under another epoch, or named by an id that is taken: to be asked anew.
        ErrorCode::EpochChanged | ErrorCode::Conflict => Code::Aborted,
        _ => Code::FailedPrecondition,
    }
}
