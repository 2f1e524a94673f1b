//! What the entries of an epoch were about, counted.

use alloc::collections::BTreeMap;
use borsh::{BorshDeserialize, BorshSerialize};
use protocol::{Event, Outcome};

/// What an entry is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub enum Kind {
    /// Versions stored, deleted, purged and scored.
    Objects,
    /// Audits opened.
    Openings,
    /// Answers to audits, each of one node.
    Answers,
    /// Copies moved to another node.
    Moves,
    /// Nodes registered, keys disclosed, exits.
    Nodes,
    /// Proposals, votes, activations.
    Governance,
    /// ATR credited to accounts.
    Credits,
    /// The opening of the ledger and the closings of its epochs.
    Closings,
    /// Commands that the rules refused.
    Refusals,
}

impl Kind {
    /// Every kind, in the order in which they are shown.
    pub const ALL: [Self; 9] = [
        Self::Objects,
        Self::Openings,
        Self::Answers,
        Self::Moves,
        Self::Nodes,
        Self::Governance,
        Self::Credits,
        Self::Closings,
        Self::Refusals,
    ];

    /// The kind of an entry with this outcome.
    #[must_use]
    pub const fn of(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Rejected(_) => Self::Refusals,
            Outcome::Accepted(event) => Self::of_event(event),
        }
    }

    const fn of_event(event: &Event) -> Self {
        match event {
            Event::Stored { .. } | Event::DeleteMarked | Event::Purged | Event::Scored => {
                Self::Objects
            }
            Event::AuditOpened => Self::Openings,
            Event::AuditRecorded { .. } => Self::Answers,
            Event::Reassigned => Self::Moves,
            Event::NodeRegistered { .. } | Event::NodeKeyDisclosed { .. } | Event::Exiting => {
                Self::Nodes
            }
            Event::Proposed { .. }
            | Event::Voted { .. }
            | Event::Activated { .. }
            | Event::KeysRotated
            | Event::KeysRevoked => Self::Governance,
            Event::Credited { .. } => Self::Credits,
            Event::LedgerOpened { .. } | Event::EpochClosed(_) => Self::Closings,
        }
    }
}

/// Entries by what they are about.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Activity {
    entries: BTreeMap<Kind, u64>,
    failed_proofs: u64,
}

impl Activity {
    pub(crate) fn count(&mut self, outcome: &Outcome) {
        self.add(Kind::of(outcome), 1);
        if let Outcome::Accepted(Event::AuditRecorded { failed, .. }) = outcome {
            self.failed_proofs = self.failed_proofs.saturating_add(u64::from(*failed));
        }
    }

    /// Adds the entries of another time.
    pub fn merge(&mut self, other: &Self) {
        for (kind, number) in &other.entries {
            self.add(*kind, *number);
        }
        self.failed_proofs = self.failed_proofs.saturating_add(other.failed_proofs);
    }

    fn add(&mut self, kind: Kind, more: u64) {
        let number = self.entries.entry(kind).or_default();
        *number = number.saturating_add(more);
    }

    /// Entries of a kind.
    #[must_use]
    pub fn of(&self, kind: Kind) -> u64 {
        self.entries.get(&kind).copied().unwrap_or(0)
    }

    /// All entries.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.entries.values().fold(0, |sum, number| sum.saturating_add(*number))
    }

    /// Challenged shards that nodes did not prove.
    #[must_use]
    pub const fn failed_proofs(&self) -> u64 {
        self.failed_proofs
    }
}
