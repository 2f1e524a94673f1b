//! What names in a log mean, in a line each, for somebody who reads them for the first time.

use protocol::{
    error::ErrorCode,
    node::{NodeStatus, Standing},
};

use crate::Kind;

/// The entries of a kind, in a word and in a line.
pub(super) const fn kind(kind: Kind) -> (&'static str, &'static str) {
    match kind {
        Kind::Objects => ("Objects", "versions stored, deleted, purged or scored"),
        Kind::Openings => ("Audits opened", "each challenges nodes to prove shards"),
        Kind::Answers => ("Audit answers", "each has one node's proofs"),
        Kind::Moves => ("Moved copies", "a copy goes to another node"),
        Kind::Nodes => ("Nodes", "registered, key disclosed, exit announced"),
        Kind::Governance => ("Governance", "proposals, votes, activations, keys"),
        Kind::Credits => ("Credits", "ATR given to accounts"),
        Kind::Closings => ("Closings", "of epochs, and the opening of the ledger"),
        Kind::Refusals => ("Refusals", "commands that the rules did not allow"),
    }
}

pub(super) const fn standing(standing: Standing) -> &'static str {
    match standing {
        Standing::Probation => "new or reinstated; takes shards if verified, and is audited more",
        Standing::Active => "verified, and without a failed proof lately",
        Standing::Degraded => "not verified, or failed a proof lately; audited more",
        Standing::Quarantined => "takes no shards until governance reinstates it",
        Standing::Revoked => "revoked by the registry; takes no shards",
        Standing::Draining => "is leaving; its copies move to others",
        Standing::Exited => "has left and holds nothing",
        Standing::Expelled => "expelled by governance, for ever",
    }
}

pub(super) const fn status(status: Option<NodeStatus>) -> (&'static str, &'static str) {
    let Some(status) = status else {
        return ("—", "no closing has looked at it yet");
    };
    let meaning = match status {
        NodeStatus::Verified => "every check passed",
        NodeStatus::NoRegistryEntry => "the registry does not name it",
        NodeStatus::Revoked => "the registry has revoked it",
        NodeStatus::NoPqcKey => "the registry has no post-quantum key of it",
        NodeStatus::UnsupportedPqcScheme => "its signature scheme is not supported",
        NodeStatus::TelemetryMalformed => "no telemetry of it, or none that can be read",
        NodeStatus::LowUptime => "uptime below the minimum",
        NodeStatus::Unhealthy => "health below the minimum",
        NodeStatus::TelemetryHashConflict => "observers disagree about its telemetry",
    };
    (status.name(), meaning)
}

/// Why something was refused.
pub(super) fn refusal(name: &str) -> &'static str {
    let code = ErrorCode::ALL.iter().find(|code| code.name() == name);
    match code {
        Some(ErrorCode::NotFound) => "no such object, version, shard, node, epoch or proposal",
        Some(ErrorCode::InvalidVersion) => "a version that is zero or not greater than the last",
        Some(ErrorCode::InvalidInput) => "a malformed command",
        Some(ErrorCode::NoEligibleNodes) => "fewer nodes than copies needed",
        Some(ErrorCode::ProofUnavailable) => "a proof where none is possible",
        Some(ErrorCode::IntegrityMismatch) => "bytes that do not match the hash that names them",
        Some(ErrorCode::AegisContextMissing) => "no facts about the nodes",
        Some(ErrorCode::Internal) => "a fault of the machine",
        Some(ErrorCode::Unauthorized) => "not signed by a key that may ask for it",
        Some(ErrorCode::EpochChanged) => "placed under an epoch that is over",
        Some(ErrorCode::Limit) => "beyond a bound",
        Some(ErrorCode::InsufficientFunds) => "the balance does not cover the fee",
        Some(ErrorCode::ContentUnavailable) => "too few shards are left to read the content",
        Some(ErrorCode::Conflict) => "exists already, or the same id with other bytes",
        Some(ErrorCode::Busy) => "somebody else holds what is needed",
        Some(ErrorCode::TooEarly) => "votes or proposals before their time",
        Some(ErrorCode::TooLate) => "votes or activations after their time",
        Some(ErrorCode::NoQuorum) => "too few votes",
        None => "",
    }
}

/// What it means that a log departs from its rules in a field (RP-5, RP-6, RP-9).
pub(super) fn divergence(field: &str) -> &'static str {
    const MEANINGS: [(&str, &str); 17] = [
        (
            "export.read",
            "The file could not be read to its end. That says nothing about the log itself.",
        ),
        (
            "export.",
            "The file is damaged: it is cut short, has more than it says, or is not what its own hash names.",
        ),
        (
            "header.keys",
            "The file names other keys than those that the ledger's entries have put into force.",
        ),
        ("header.", "The beginning of the file is not that of a log of this ledger."),
        ("trailer.", "The end of the file does not belong to the entries before it."),
        (
            "checkpoint",
            "The signed commitment at the end does not cover these entries, or nobody who counts has signed it.",
        ),
        (
            "log_keys",
            "The keys that the auditor was told to trust do not lead to those that sign this log.",
        ),
        ("body", "The bytes of the entry are not the one way in which such an entry is written."),
        ("command.id", "The log executes a command a second time."),
        ("format", "The entry is of a form that does not exist."),
        ("seq", "Entries are missing, repeated or out of order."),
        ("tick", "Time in the log went back."),
        ("epoch", "The entry claims to belong to another epoch than that in which it was decided."),
        ("state_root", "The log claims another state of the ledger than its entries give."),
        ("outcome", "The log claims another outcome of the command than the rules give."),
        ("command", "The log has another command than the one that was executed."),
        (
            "derived.",
            "The log is consistent with itself, but the auditor's own derivation by the written rules gives another result.",
        ),
    ];
    let found = MEANINGS.iter().find(|(prefix, _)| field.starts_with(prefix));
    found.map_or("The log is not what its rules require.", |(_, meaning)| meaning)
}
