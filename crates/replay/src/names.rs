//! The published names of events and outcomes, and changes in words.

use alloc::{
    format,
    string::{String, ToString},
};
use protocol::{Event, Outcome, governance::Change, parameters::Parameter, rules::Rule};

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
        Event::KeysRotated => "KEY_ROTATE",
        Event::KeysRevoked => "KEY_REVOKE",
    }
}

/// Every name that [`event_type`] gives.
pub(crate) const EVENT_TYPES: [&str; 19] = [
    "GENESIS",
    "NODE_REGISTER",
    "NODE_KEY",
    "EPOCH_ADVANCE",
    "STORE",
    "UPDATE",
    "DELETE_MARKER",
    "PURGE",
    "REASSIGN",
    "AUDIT_OPEN",
    "AUDIT_RESULT",
    "NODE_EXIT",
    "PROPOSE",
    "VOTE",
    "ACTIVATE",
    "CREDIT",
    "SCORE",
    "KEY_ROTATE",
    "KEY_REVOKE",
];

/// An outcome in two words.
pub(crate) fn outcome_name(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Accepted(event) => alloc::format!("accepted {}", event_type(event)),
        Outcome::Rejected(code) => alloc::format!("rejected {}", code),
    }
}

/// What a proposal changes, without its kind: `fee_per_kib = 120.000000000000000000`, `node 7`.
pub(crate) fn change(change: &Change) -> String {
    match change {
        Change::Parameter { parameter, value } => {
            let known = Parameter::from_number(*parameter);
            format!("{} = {value}", known.map_or("unknown", Parameter::name))
        }
        Change::Rule(rule) => format!("{} = {}", rule.name(), rule_value(rule)),
        Change::Expel(node) | Change::Quarantine(node) | Change::Reinstate(node) => {
            format!("node {node}")
        }
        Change::CodeVersion(version) => version.to_string(),
        Change::Credit { account, amount } => format!("{amount} to {account}"),
    }
}

/// The value of a rule, lists with commas.
pub(crate) fn rule_value(rule: &Rule) -> String {
    match rule {
        Rule::MinUptime(ratio) | Rule::MinHealth(ratio) => ratio.to_string(),
        Rule::AllowedRegions(regions) | Rule::DeniedRegions(regions) => regions.join(","),
        Rule::FailureDomain(kind) => kind.to_string(),
        Rule::Quarantine(rule) => format!("{} in {} epochs", rule.failures, rule.epochs),
        Rule::Scorers(scorers) => {
            let names = scorers.iter().map(ToString::to_string);
            names.collect::<alloc::vec::Vec<_>>().join(",")
        }
    }
}
