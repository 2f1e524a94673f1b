//! Errors of the export's framing, as divergences.

use alloc::{format, string::ToString};
use core::fmt::Display;
use eqm_log::{
    checkpoint::Checkpoint,
    export::{ExportError, FormatError, Place},
};
use protocol::error::ErrorCode;

use crate::Divergence;

/// An error of the export's framing, as the place and field that it is about. `at` is where reading stood.
pub(crate) fn unreadable<E: Display>(error: ExportError<E>, at: Place) -> Divergence {
    let format = match error {
        ExportError::Format(format) => format,
        ExportError::Io(error) => {
            return Divergence {
                code: ErrorCode::Internal,
                ..Divergence::new(at, "export.read", "bytes of the file", error)
            };
        }
    };
    let message = format.to_string();
    match format {
        FormatError::BadMagic => {
            Divergence::new(at, "header.magic", "that of an export", "other bytes")
        }
        FormatError::UnsupportedVersion(found) => {
            Divergence::new(at, "header.format_version", eqm_log::export::FORMAT_VERSION, found)
        }
        FormatError::BadCount(found) => {
            let most = format!("at most {}", eqm_log::MAX_LOG_SIZE);
            Divergence::new(at, "header.count", most, found)
        }
        FormatError::Truncated { offset, place } => {
            let got = format!("the end of the file at byte {offset}");
            Divergence::new(place, "export.length", "more bytes", got)
        }
        FormatError::LengthOutOfBounds { place, length, max } => {
            Divergence::new(place, "export.frame", format!("a length of 1 to {max}"), length)
        }
        FormatError::NotUtf8(place) => {
            Divergence::new(place, "export.text", "UTF-8", "other bytes")
        }
        FormatError::BadOrigin => {
            Divergence::new(at, "header.origin", "a line of 1 to 255 bytes", "another text")
        }
        FormatError::BadKey(error) => Divergence::new(at, "header.keys", "verifier keys", error),
        FormatError::WrongCount { declared, written } => {
            Divergence::new(at, "header.count", declared, written)
        }
        FormatError::FileHashMismatch { expected, found } => {
            Divergence::new(at, "export.hash", expected, found)
        }
        FormatError::TrailingBytes { offset } => {
            let expected = format!("the end of the file at byte {offset}");
            Divergence::new(at, "export.length", expected, "more bytes")
        }
        FormatError::FinalHashMismatch { expected, found } => {
            Divergence::new(at, "trailer.last_entry_hash", expected, found)
        }
        FormatError::BadCheckpoint(error) => {
            Divergence::new(at, "checkpoint", "a signed checkpoint", error)
        }
        FormatError::OtherCheckpoint { expected, found } => other_checkpoint(at, &expected, &found),
    }
    .because(message)
}

fn other_checkpoint(at: Place, expected: &Checkpoint, found: &Checkpoint) -> Divergence {
    if expected.origin != found.origin {
        Divergence::new(at, "checkpoint.origin", &expected.origin, &found.origin)
    } else if expected.size != found.size {
        Divergence::new(at, "checkpoint.size", expected.size, found.size)
    } else {
        Divergence::new(at, "checkpoint.root", expected.root, found.root)
    }
}
