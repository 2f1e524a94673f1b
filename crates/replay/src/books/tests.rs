//! Outcomes that are forged are found by the books alone, without the ledger's decisions (RP-6).

use super::*;
use crate::workload::{Log, Spec};
use alloc::vec::Vec;
use protocol::{canonical, governance::Electorate};
use storage_engine::{
    execute_committed,
    state::{MemoryStore, State},
};

const SPEC: Spec = Spec {
    seed: 7,
    nodes: 9,
    epochs: 12,
    objects_per_epoch: 4,
    profile: Profile::QFS_V13,
    sample: 4,
    council_epochs: 4,
    governed: true,
};

type Forge = fn(&mut EntryBody) -> bool;

/// Changes an outcome if it is of the kind that is to be forged.
macro_rules! forge {
    ($pattern:pat $(if $guard:expr)? => $change:expr) => {
        |body| match &mut body.outcome {
            Outcome::Accepted($pattern) $(if $guard)? => { $change; true }
            _ => false,
        }
    };
}

fn more(amount: &mut Amount) {
    *amount = Amount::from_raw(amount.raw().wrapping_add(1));
}

/// What is changed in the first outcome that has it, and the field that the books must name.
const TABLE: &[(Forge, &str)] = &[
    (forge!(Event::NodeRegistered { node } => *node += 1), "derived.node"),
    (forge!(Event::Stored { fee, .. } => more(fee)), "derived.fee"),
    (forge!(Event::Stored { assignment, .. } => assignment.swap(0, 1)), "derived.assignment"),
    (forge!(Event::Proposed { proposal, .. } => *proposal += 1), "derived.proposal"),
    (
        forge!(Event::Proposed { electorate, .. } => *electorate = Electorate::Nodes),
        "derived.electorate",
    ),
    (forge!(Event::Proposed { weight, .. } => more(weight)), "derived.weight"),
    (forge!(Event::Proposed { needed, .. } => more(needed)), "derived.needed"),
    (forge!(Event::Proposed { opens, .. } => *opens += 1), "derived.opens"),
    (forge!(Event::Proposed { closes, .. } => *closes += 1), "derived.closes"),
    (forge!(Event::Voted { weight } => more(weight)), "derived.weight"),
    (forge!(Event::Activated { effective } => *effective += 1), "derived.effective"),
    (forge!(Event::Credited { settled } => more(settled)), "derived.settled"),
    (
        forge!(Event::EpochClosed(c) if !c.changes.is_empty() => c.changes.clear()),
        "derived.changes",
    ),
    (forge!(Event::EpochClosed(c) => c.changes.push(1)), "derived.changes"),
    (forge!(Event::EpochClosed(c) => more(&mut c.settlement.fees)), "derived.settlement.fees"),
    (
        forge!(Event::EpochClosed(c) => c.nodes[1].status = NodeStatus::NoPqcKey),
        "derived.nodes[1].status",
    ),
    (
        forge!(Event::EpochClosed(c) => c.nodes[1].uptime_bucket ^= 1),
        "derived.nodes[1].uptime_bucket",
    ),
    (
        forge!(Event::EpochClosed(c) => c.nodes[1].standing = Standing::Expelled),
        "derived.nodes[1].standing",
    ),
    (forge!(Event::EpochClosed(c) => c.nodes[1].eligible ^= true), "derived.nodes[1].eligible"),
    (forge!(Event::EpochClosed(c) => c.nodes[1].proofs += 1), "derived.nodes[1].proofs"),
    (
        |body| {
            let is = matches!(body.outcome, Outcome::Accepted(Event::Reassigned));
            if let Action::Reassign(reassign) = &mut body.command.action {
                reassign.to = reassign.to.wrapping_add(1);
            }
            is
        },
        "derived.assignment",
    ),
    // A vote in another's name; a vote of somebody who has voted; a vote that was refused.
    (
        |body| match &mut body.command.action {
            Action::Vote(vote) if matches!(body.outcome, Outcome::Accepted(_)) => {
                vote.speaker = protocol::governance::Speaker::Operator;
                true
            }
            _ => false,
        },
        "derived.speaker",
    ),
    (
        |body| {
            let twice = matches!(body.command.action, Action::Vote(_))
                && matches!(body.outcome, Outcome::Rejected(ErrorCode::Conflict));
            if twice {
                let weight = Amount(certified_math::BigNum128::ONE);
                body.outcome = Outcome::Accepted(Event::Voted { weight });
            }
            twice
        },
        "derived.vote",
    ),
    // An activation without the votes, and one that is denied them.
    (
        |body| {
            let short = matches!(body.outcome, Outcome::Rejected(ErrorCode::NoQuorum));
            if short {
                body.outcome = Outcome::Accepted(Event::Activated { effective: body.epoch + 2 });
            }
            short
        },
        "derived.votes",
    ),
    (
        |body| {
            let accepted = matches!(body.outcome, Outcome::Accepted(Event::Activated { .. }));
            if accepted {
                body.outcome = Outcome::Rejected(ErrorCode::NoQuorum);
            }
            accepted
        },
        "derived.votes",
    ),
];

/// Executes the log and enters it; each forged outcome is held against a copy of the books at its place.
#[test]
fn rp_6_a_forged_outcome_does_not_fit_the_books() {
    let log = Log::generate(&SPEC).unwrap();
    let mut state = State::open(MemoryStore::default()).unwrap();
    let mut head = eqm_log::LogHead::new();
    let mut books: Option<Books> = None;
    let mut left: Vec<&(Forge, &str)> = TABLE.iter().collect();
    for bytes in &log.bodies {
        let body = canonical::decode::<EntryBody>(bytes).unwrap();
        execute_committed(&mut state, body.tick, body.command.clone()).unwrap();
        state.link(head.append(bytes, |_, _, _| ()));
        match &mut books {
            None => books = Some(Books::open(state.genesis().unwrap())),
            Some(books) => {
                left.retain(|(forge, field)| {
                    let mut forged = body.clone();
                    if !forge(&mut forged) {
                        return true;
                    }
                    let found = books.clone().follow(&forged, &state).expect_err(field);
                    assert_eq!(found.field, *field, "{found:?}");
                    false
                });
                books.follow(&body, &state).unwrap();
            }
        }
    }
    let left: Vec<&str> = left.iter().map(|(_, field)| *field).collect();
    assert_eq!(left, [""; 0], "nothing of this kind is in the log");
}
