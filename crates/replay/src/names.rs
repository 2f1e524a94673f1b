//! The published names of events and outcomes.

use alloc::string::String;
use protocol::{Event, Outcome};

/// The published name of what happened. A store is an `UPDATE` when the object had a version before.
#[must_use]
pub const fn event_type(event: &Event) -> &'static str {
    match event {
        Event::LedgerOpened { .. } => "GENESIS",
        Event::NodeRegistered { .. } => "NODE_REGISTER",
        Event::NodeKeyDisclosed { .. } => "NODE_KEY",
        Event::EpochClosed(_) => "EPOCH_ADVANCE",
        Event::Stored { update: false, .. } => "STORE",
        Event::Stored { update: true, .. } => "UPDATE",
        Event::DeleteMarked => "DELETE_MARKER",
        Event::Purged => "PURGE",
        Event::Reassigned => "REASSIGN",
        Event::AuditOpened => "AUDIT_OPEN",
        Event::AuditRecorded { .. } => "AUDIT_RESULT",
        Event::Exiting => "NODE_EXIT",
        Event::Proposed { .. } => "PROPOSE",
        Event::Voted { .. } => "VOTE",
        Event::Activated { .. } => "ACTIVATE",
        Event::Credited { .. } => "CREDIT",
        Event::Scored => "SCORE",
    }
}

/// An outcome in two words.
pub(crate) fn outcome_name(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Accepted(event) => alloc::format!("accepted {}", event_type(event)),
        Outcome::Rejected(code) => alloc::format!("rejected {}", code),
    }
}
