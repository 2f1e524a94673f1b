//! Two bodies of one entry, compared field by field.

use alloc::{
    format,
    string::{String, ToString},
};
use core::fmt::Display;
use protocol::{
    EntryBody, Event, Hash32, Outcome,
    event::{EpochClosed, NodeAccount, Settlement},
};

use crate::names::outcome_name;

/// A field that two bodies do not agree on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The field in words, for instance `outcome.nodes[3].reward`.
    pub field: String,
    /// Its value in the first body.
    pub expected: String,
    /// Its value in the second body.
    pub got: String,
}

type Found = Option<Difference>;

/// The first field, in the order of the format, in which `got` differs from `expected` (RP-5); `None` when
/// they are equal.
#[must_use]
pub fn first_difference(expected: &EntryBody, got: &EntryBody) -> Option<Difference> {
    differ("format", &expected.format, &got.format)
        .or_else(|| differ("seq", &expected.seq, &got.seq))
        .or_else(|| differ("tick", &expected.tick, &got.tick))
        .or_else(|| differ("epoch", &expected.epoch, &got.epoch))
        .or_else(|| differ("command", &expected.command.hash(), &got.command.hash()))
        .or_else(|| outcome(&expected.outcome, &got.outcome))
        .or_else(|| {
            let name = |root: &Option<Hash32>| root.map_or("none".into(), |root| root.to_hex());
            differ("state_root", &name(&expected.state_root), &name(&got.state_root))
        })
}

fn differ<T: Display + PartialEq>(field: impl Into<String>, expected: &T, got: &T) -> Found {
    (expected != got).then(|| Difference {
        field: field.into(),
        expected: expected.to_string(),
        got: got.to_string(),
    })
}

fn outcome(expected: &Outcome, got: &Outcome) -> Found {
    match (expected, got) {
        (Outcome::Accepted(expected), Outcome::Accepted(got)) => event(expected, got),
        (Outcome::Rejected(expected), Outcome::Rejected(got)) => {
            differ("outcome.code", expected, got)
        }
        _ => differ("outcome", &outcome_name(expected), &outcome_name(got)),
    }
}

fn event(expected: &Event, got: &Event) -> Found {
    match (expected, got) {
        (Event::LedgerOpened { ledger_id: a }, Event::LedgerOpened { ledger_id: b }) => {
            differ("outcome.ledger_id", a, b)
        }
        (Event::NodeRegistered { node: a }, Event::NodeRegistered { node: b })
        | (Event::NodeKeyDisclosed { node: a }, Event::NodeKeyDisclosed { node: b }) => {
            differ("outcome.node", a, b)
        }
        (Event::EpochClosed(a), Event::EpochClosed(b)) => closed(a, b),
        (
            Event::Stored { fee: fee_a, assignment: nodes_a, update: update_a },
            Event::Stored { fee: fee_b, assignment: nodes_b, update: update_b },
        ) => differ("outcome.fee", fee_a, fee_b)
            .or_else(|| list("outcome.assignment", nodes_a, nodes_b))
            .or_else(|| differ("outcome.update", update_a, update_b)),
        (
            Event::AuditRecorded { counted: counted_a, failed: failed_a },
            Event::AuditRecorded { counted: counted_b, failed: failed_b },
        ) => differ("outcome.counted", counted_a, counted_b)
            .or_else(|| differ("outcome.failed", failed_a, failed_b)),
        (Event::Proposed { .. }, Event::Proposed { .. }) => proposed(expected, got),
        (Event::Voted { weight: a }, Event::Voted { weight: b }) => differ("outcome.weight", a, b),
        (Event::Activated { effective: a }, Event::Activated { effective: b }) => {
            differ("outcome.effective", a, b)
        }
        (Event::Credited { settled: a }, Event::Credited { settled: b }) => {
            differ("outcome.settled", a, b)
        }
        // Left are events of two kinds, and pairs of one kind without fields.
        (a, b) => differ("outcome.event", &crate::event_type(a), &crate::event_type(b)),
    }
}

fn proposed(expected: &Event, got: &Event) -> Found {
    let (
        Event::Proposed { proposal, electorate, weight, needed, opens, closes },
        Event::Proposed {
            proposal: proposal_b,
            electorate: electorate_b,
            weight: weight_b,
            needed: needed_b,
            opens: opens_b,
            closes: closes_b,
        },
    ) = (expected, got)
    else {
        return None;
    };
    differ("outcome.proposal", proposal, proposal_b)
        .or_else(|| differ("outcome.electorate", &electorate.name(), &electorate_b.name()))
        .or_else(|| differ("outcome.weight", weight, weight_b))
        .or_else(|| differ("outcome.needed", needed, needed_b))
        .or_else(|| differ("outcome.opens", opens, opens_b))
        .or_else(|| differ("outcome.closes", closes, closes_b))
}

/// Two lists: their lengths, then their items.
fn list<T: Display + PartialEq>(field: &str, expected: &[T], got: &[T]) -> Found {
    differ(format!("{field}.len"), &expected.len(), &got.len()).or_else(|| {
        (0u64..)
            .zip(expected.iter().zip(got))
            .find_map(|(at, (a, b))| differ(format!("{field}[{at}]"), a, b))
    })
}

fn closed(expected: &EpochClosed, got: &EpochClosed) -> Found {
    differ("outcome.epoch", &expected.epoch, &got.epoch)
        .or_else(|| settlement(&expected.settlement, &got.settlement))
        .or_else(|| differ("outcome.nodes.len", &expected.nodes.len(), &got.nodes.len()))
        .or_else(|| {
            (0u64..)
                .zip(expected.nodes.iter().zip(&got.nodes))
                .find_map(|(at, (a, b))| account(at, a, b))
        })
        .or_else(|| list("outcome.changes", &expected.changes, &got.changes))
}

fn settlement(expected: &Settlement, got: &Settlement) -> Found {
    [
        ("fees", expected.fees, got.fees),
        ("pool", expected.pool, got.pool),
        ("rewards", expected.rewards, got.rewards),
        ("treasury", expected.treasury, got.treasury),
        ("reserve", expected.reserve, got.reserve),
    ]
    .iter()
    .find_map(|(field, a, b)| differ(format!("outcome.settlement.{field}"), a, b))
}

fn account(at: u64, expected: &NodeAccount, got: &NodeAccount) -> Found {
    let field = |name: &str| format!("outcome.nodes[{at}].{name}");
    differ(field("status"), &expected.status, &got.status)
        .or_else(|| differ(field("bytes_stored"), &expected.bytes_stored, &got.bytes_stored))
        .or_else(|| differ(field("uptime_bucket"), &expected.uptime_bucket, &got.uptime_bucket))
        .or_else(|| differ(field("proofs"), &expected.proofs, &got.proofs))
        .or_else(|| differ(field("reward"), &expected.reward, &got.reward))
        .or_else(|| differ(field("standing"), &expected.standing, &got.standing))
        .or_else(|| differ(field("eligible"), &expected.eligible, &got.eligible))
}
