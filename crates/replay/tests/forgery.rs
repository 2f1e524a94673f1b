//! An operator who lies: one field of one entry changed, chain, tree and both signatures made anew with the
//! true keys. Only re-execution can find that, and it must name the field.

mod common;

use common::{GOVERNED, SMALL, failing, forged};
use protocol::{
    Action, Amount, Authorization, EntryBody, Event, Hash32, Layout, Outcome, Profile,
    command::{Content, Store},
    error::ErrorCode,
    event::{EpochClosed, NodeAccount, Settlement},
    governance::Electorate,
    node::{NodeStatus, Standing},
    signature::Suite,
};
use replay::workload::{Log, keys};

type Is = fn(&EntryBody) -> bool;
type Change = fn(&mut EntryBody);

fn event(body: &EntryBody) -> Option<&Event> {
    match &body.outcome {
        Outcome::Accepted(event) => Some(event),
        Outcome::Rejected(_) => None,
    }
}

fn stored(body: &EntryBody) -> bool {
    matches!(event(body), Some(Event::Stored { .. }))
}

fn closing(body: &EntryBody) -> bool {
    matches!(event(body), Some(Event::EpochClosed(_)))
}

fn audited(body: &EntryBody) -> bool {
    matches!(event(body), Some(Event::AuditRecorded { counted, .. }) if *counted > 0)
}

fn rejected(body: &EntryBody) -> bool {
    matches!(body.outcome, Outcome::Rejected(ErrorCode::NotFound))
}

fn in_closing(body: &mut EntryBody, change: impl FnOnce(&mut EpochClosed)) {
    let Outcome::Accepted(Event::EpochClosed(closed)) = &mut body.outcome else {
        panic!("not a closing")
    };
    change(closed);
}

fn in_store(body: &mut EntryBody, change: impl FnOnce(&mut Amount, &mut Vec<u32>, &mut bool)) {
    let Outcome::Accepted(Event::Stored { fee, assignment, update }) = &mut body.outcome else {
        panic!("not a store")
    };
    change(fee, assignment, update);
}

fn in_settlement(body: &mut EntryBody, change: impl FnOnce(&mut Settlement)) {
    in_closing(body, |closed| change(&mut closed.settlement));
}

fn in_account(body: &mut EntryBody, change: impl FnOnce(&mut NodeAccount)) {
    in_closing(body, |closed| change(&mut closed.nodes[2]));
}

fn one_more(amount: &mut Amount) {
    *amount = Amount::from_raw(amount.raw() + 1);
}

/// Every field of a body: which entry, what is changed, the field that the audit must name.
const TABLE: &[(Is, Change, &str)] = &[
    (stored, |b| b.format = 2, "format"),
    (stored, |b| b.seq += 1, "seq"),
    (closing, |b| b.tick = 0, "tick"),
    (stored, |b| b.epoch += 1, "epoch"),
    // A command that is not the one that was signed is refused when executed again.
    (stored, |b| b.command.id.0[0] ^= 1, "outcome"),
    (stored, |b| b.command.valid_until_epoch += 1, "outcome"),
    (stored, |b| b.command.payer.0.0[0] ^= 1, "outcome"),
    (stored, |b| b.command.authorization = Authorization::Operator, "outcome"),
    (
        stored,
        |b| {
            let Action::Store(store) = &mut b.command.action else { panic!("not a store") };
            store.hash_commit.0[0] ^= 1;
        },
        "outcome",
    ),
    (
        |b| b.seq == 0,
        |b| b.outcome = Outcome::Accepted(Event::LedgerOpened { ledger_id: Hash32::ZERO }),
        "outcome.ledger_id",
    ),
    (
        |b| matches!(event(b), Some(Event::NodeRegistered { .. })),
        |b| b.outcome = Outcome::Accepted(Event::NodeRegistered { node: 99 }),
        "outcome.node",
    ),
    (
        |b| matches!(event(b), Some(Event::NodeKeyDisclosed { .. })),
        |b| b.outcome = Outcome::Accepted(Event::NodeKeyDisclosed { node: 99 }),
        "outcome.node",
    ),
    (stored, |b| in_store(b, |fee, _, _| one_more(fee)), "outcome.fee"),
    (stored, |b| in_store(b, |_, nodes, _| nodes[1] += 1), "outcome.assignment[1]"),
    (stored, |b| in_store(b, |_, nodes, _| nodes.truncate(11)), "outcome.assignment.len"),
    (stored, |b| in_store(b, |_, _, update| *update = !*update), "outcome.update"),
    (stored, |b| b.outcome = Outcome::Rejected(ErrorCode::Limit), "outcome"),
    (rejected, |b| b.outcome = Outcome::Accepted(Event::Purged), "outcome"),
    (rejected, |b| b.outcome = Outcome::Rejected(ErrorCode::Limit), "outcome.code"),
    (
        |b| matches!(event(b), Some(Event::Purged)),
        |b| b.outcome = Outcome::Accepted(Event::DeleteMarked),
        "outcome.event",
    ),
    (
        audited,
        |b| {
            let Outcome::Accepted(Event::AuditRecorded { counted, .. }) = &mut b.outcome else {
                panic!("not an audit")
            };
            *counted += 1;
        },
        "outcome.counted",
    ),
    (
        audited,
        |b| {
            let Outcome::Accepted(Event::AuditRecorded { failed, .. }) = &mut b.outcome else {
                panic!("not an audit")
            };
            *failed += 1;
        },
        "outcome.failed",
    ),
    (closing, |b| in_closing(b, |closed| closed.epoch += 1), "outcome.epoch"),
    (closing, |b| in_settlement(b, |s| one_more(&mut s.fees)), "outcome.settlement.fees"),
    (closing, |b| in_settlement(b, |s| one_more(&mut s.pool)), "outcome.settlement.pool"),
    (closing, |b| in_settlement(b, |s| one_more(&mut s.rewards)), "outcome.settlement.rewards"),
    (closing, |b| in_settlement(b, |s| one_more(&mut s.treasury)), "outcome.settlement.treasury"),
    (closing, |b| in_settlement(b, |s| one_more(&mut s.reserve)), "outcome.settlement.reserve"),
    (closing, |b| in_closing(b, |closed| closed.nodes.truncate(3)), "outcome.nodes.len"),
    (
        closing,
        |b| in_account(b, |node| node.status = NodeStatus::NoPqcKey),
        "outcome.nodes[2].status",
    ),
    (closing, |b| in_account(b, |node| node.bytes_stored += 1), "outcome.nodes[2].bytes_stored"),
    (closing, |b| in_account(b, |node| node.uptime_bucket += 1), "outcome.nodes[2].uptime_bucket"),
    (closing, |b| in_account(b, |node| node.proofs += 1), "outcome.nodes[2].proofs"),
    (closing, |b| in_account(b, |node| one_more(&mut node.reward)), "outcome.nodes[2].reward"),
    (closing, |b| b.state_root = Some(Hash32::ZERO), "state_root"),
    (closing, |b| b.state_root = None, "state_root"),
    (stored, |b| b.state_root = Some(Hash32::ZERO), "state_root"),
];

/// What governance, accounts and the life of a node add to the fields.
const GOVERNED_TABLE: &[(Is, Change, &str)] = &[
    (
        closing,
        |b| in_account(b, |node| node.standing = Standing::Expelled),
        "outcome.nodes[2].standing",
    ),
    (
        closing,
        |b| in_account(b, |node| node.eligible = !node.eligible),
        "outcome.nodes[2].eligible",
    ),
    (closing, |b| in_closing(b, |closed| closed.changes.push(9)), "outcome.changes.len"),
    (changing, |b| in_closing(b, |closed| closed.changes[0] += 1), "outcome.changes[0]"),
    (changing, |b| in_closing(b, |closed| closed.changes.clear()), "outcome.changes.len"),
    (proposed, |b| in_proposal(b, |p| *p.proposal += 1), "outcome.proposal"),
    (proposed, |b| in_proposal(b, |p| *p.electorate = Electorate::Nodes), "outcome.electorate"),
    (proposed, |b| in_proposal(b, |p| one_more(p.weight)), "outcome.weight"),
    (proposed, |b| in_proposal(b, |p| one_more(p.needed)), "outcome.needed"),
    (proposed, |b| in_proposal(b, |p| *p.opens += 1), "outcome.opens"),
    (proposed, |b| in_proposal(b, |p| *p.closes += 1), "outcome.closes"),
    (
        voted,
        |b| b.outcome = Outcome::Accepted(Event::Voted { weight: Amount::from_raw(1) }),
        "outcome.weight",
    ),
    // A vote that is turned round is not the one that was signed.
    (
        voted,
        |b| {
            let Action::Vote(vote) = &mut b.command.action else { panic!("not a vote") };
            vote.approve = !vote.approve;
        },
        "outcome",
    ),
    (
        |b| matches!(event(b), Some(Event::Activated { .. })),
        |b| b.outcome = Outcome::Accepted(Event::Activated { effective: b.epoch }),
        "outcome.effective",
    ),
    // An activation that the votes do not allow, and one that they do.
    (
        |b| matches!(b.outcome, Outcome::Rejected(ErrorCode::NoQuorum)),
        |b| b.outcome = Outcome::Accepted(Event::Activated { effective: b.epoch + 2 }),
        "outcome",
    ),
    (
        |b| matches!(event(b), Some(Event::Activated { .. })),
        |b| b.outcome = Outcome::Rejected(ErrorCode::NoQuorum),
        "outcome",
    ),
    (
        |b| matches!(event(b), Some(Event::Credited { .. })),
        |b| b.outcome = Outcome::Accepted(Event::Credited { settled: Amount::from_raw(1) }),
        "outcome.settled",
    ),
    (
        |b| matches!(event(b), Some(Event::Scored)),
        |b| {
            let Action::RecordScore(record) = &mut b.command.action else { panic!("not a score") };
            record.score ^= 1;
        },
        "outcome",
    ),
];

fn changing(body: &EntryBody) -> bool {
    matches!(event(body), Some(Event::EpochClosed(closed)) if !closed.changes.is_empty())
}

fn proposed(body: &EntryBody) -> bool {
    matches!(event(body), Some(Event::Proposed { .. }))
}

fn voted(body: &EntryBody) -> bool {
    matches!(event(body), Some(Event::Voted { .. }))
}

/// What an accepted proposal says.
struct Said<'a> {
    proposal: &'a mut u64,
    electorate: &'a mut Electorate,
    weight: &'a mut Amount,
    needed: &'a mut Amount,
    opens: &'a mut u64,
    closes: &'a mut u64,
}

fn in_proposal(body: &mut EntryBody, change: impl FnOnce(Said<'_>)) {
    let Outcome::Accepted(Event::Proposed { proposal, electorate, weight, needed, opens, closes }) =
        &mut body.outcome
    else {
        panic!("not a proposal")
    };
    change(Said { proposal, electorate, weight, needed, opens, closes });
}

#[test]
fn rp_5_every_forged_field_is_named() {
    every_field_is_named(&Log::generate(&SMALL).unwrap(), TABLE);
}

/// Signed by its operator, and forged all the same: standings, lists, votes and accounts.
#[test]
fn rp_5_every_forged_field_of_governance_is_named() {
    every_field_is_named(&Log::generate(&GOVERNED).unwrap(), GOVERNED_TABLE);
}

/// PL-8: a copy moves to one node and no other, whatever the operator signs.
#[test]
fn rp_5_a_move_to_another_node_is_found() {
    let mut log = Log::generate(&GOVERNED).unwrap();
    let bodies: Vec<EntryBody> =
        log.bodies.iter().map(|body| EntryBody::from_bytes(body).unwrap()).collect();
    let seq = bodies.iter().position(|b| matches!(event(b), Some(Event::Reassigned))).unwrap();
    let Outcome::Accepted(Event::LedgerOpened { ledger_id }) = bodies[0].outcome else {
        panic!("not a genesis")
    };
    let mut body = bodies[seq].clone();
    let Action::Reassign(reassign) = &mut body.command.action else { panic!("not a move") };
    reassign.to = (reassign.to + 1) % GOVERNED.nodes;
    body.command = body.command.sign(&ledger_id, &keys::signer("operator", Suite::Ed25519));
    log.bodies[seq] = body.to_bytes();
    let found = failing(&log.export().unwrap());
    assert_eq!((found.seq(), found.field.as_str()), (Some(seq as u64), "outcome"));
    assert!(found.to_string().contains("and no other"), "{found}");
}

fn every_field_is_named(log: &Log, table: &[(Is, Change, &str)]) {
    let bodies: Vec<EntryBody> =
        log.bodies.iter().map(|body| EntryBody::from_bytes(body).unwrap()).collect();
    for (row, (is, change, field)) in table.iter().enumerate() {
        let seq = bodies
            .iter()
            .position(is)
            .unwrap_or_else(|| panic!("row {row}: no entry to forge {field} in"));
        let found = failing(&forged(log, seq, change));
        assert_eq!(found.field, *field, "{found}");
        assert_eq!(found.seq(), Some(seq as u64), "{found}");
        assert_ne!(found.expected, found.got, "{found}");
        assert_eq!(found.code, ErrorCode::IntegrityMismatch);
    }
}

/// RP-9: what is prepared ahead of execution is not to be trusted: shapes that no ledger accepts.
#[test]
fn rp_9_impossible_stores_are_found_by_execution() {
    let log = Log::generate(&SMALL).unwrap();
    let seq =
        log.bodies.iter().position(|body| stored(&EntryBody::from_bytes(body).unwrap())).unwrap();
    let in_command = |change: fn(&mut Store)| {
        forged(&log, seq, |body| {
            let Action::Store(store) = &mut body.command.action else { panic!("not a store") };
            change(store);
        })
    };
    let in_layout = |change: fn(&mut Layout)| {
        forged(&log, seq, |body| {
            let Action::Store(store) = &mut body.command.action else { panic!("not a store") };
            let Content::Single(layout) = &mut store.content else { panic!("not single") };
            change(layout);
        })
    };
    for file in [
        in_layout(|layout| layout.profile.replicas = 0),
        in_layout(|layout| layout.profile = Profile { data: 255, parity: 255, replicas: 255 }),
        in_command(|store| store.object.0 = "long".repeat(10_000)),
        in_command(|store| store.metadata = b"[]".to_vec()),
    ] {
        let found = failing(&file);
        assert_eq!((found.seq(), found.field.as_str()), (Some(seq as u64), "outcome"));
    }
    let more_copies = forged(&log, seq, |body| in_store(body, |_, nodes, _| nodes.push(77)));
    assert_eq!(failing(&more_copies).field, "outcome.assignment.len");
}

/// RP-5: nor is what an entry says about the ledger's identity or its nodes, on which later entries are prepared.
#[test]
fn rp_5_false_facts_are_found_before_they_are_used() {
    let log = Log::generate(&SMALL).unwrap();
    let opened = Outcome::Accepted(Event::LedgerOpened { ledger_id: Hash32::ZERO });
    for seq in 0..log.bodies.len() {
        let (before, said) = (EntryBody::from_bytes(&log.bodies[seq]).unwrap(), opened.clone());
        let found = failing(&forged(&log, seq, |body| body.outcome = said));
        assert_eq!(found.seq(), Some(seq as u64), "{:?}: {found}", before.outcome);
    }
}

/// RP-7: what was found before a divergence does not depend on what is said there: a second genesis.
#[test]
fn rp_7_rows_do_not_depend_on_later_entries() {
    let log = Log::generate(&SMALL).unwrap();
    for seq in 1..log.bodies.len() {
        let mut genesis = EntryBody::from_bytes(&log.bodies[0]).unwrap();
        genesis.seq = seq as u64;
        genesis.tick = u64::MAX;
        let mut repeated = log.clone();
        repeated.bodies[seq] = genesis.to_bytes();
        let found = failing(&repeated.export().unwrap());
        assert_eq!(found.seq(), Some(seq as u64));
        let mut ended = log.clone();
        ended.bodies.truncate(seq);
        let report = |log: &Log| common::audited(&log.export().unwrap(), &common::pinned());
        let roots = [repeated, ended].map(|log| report(&log).store_rows.root());
        assert_eq!(roots[0], roots[1], "{seq}");
    }
}

#[test]
fn rp_9_a_divergence_in_words() {
    let log = Log::generate(&SMALL).unwrap();
    let seq =
        log.bodies.iter().position(|body| stored(&EntryBody::from_bytes(body).unwrap())).unwrap();
    let mut fee = Amount::ZERO;
    let file = forged(&log, seq, |body| {
        in_store(body, |charged, _, _| {
            fee = *charged;
            *charged = Amount::from_raw(7);
        });
    });
    assert_eq!(
        failing(&file).to_string(),
        format!("entry {seq}, outcome.fee: expected {fee}, got 0.000000000000000007")
    );
}

/// A fee that is wrong from the first parameter on: every later signature names another ledger.
#[test]
fn rp_5_other_parameters_are_another_ledger() {
    let log = Log::generate(&SMALL).unwrap();
    let file = forged(&log, 0, |body| {
        let Action::Genesis(genesis) = &mut body.command.action else { panic!("not genesis") };
        genesis.parameters.fee_per_kib = Amount::ZERO;
        let ledger_id = genesis.ledger_id();
        body.outcome = Outcome::Accepted(Event::LedgerOpened { ledger_id });
    });
    let found = failing(&file);
    assert_eq!((found.seq(), found.field.as_str()), (Some(1), "outcome"));
}

/// RP-3: execution happens once for each command id.
#[test]
fn rp_3_a_command_id_is_executed_once() {
    let log = Log::generate(&SMALL).unwrap();
    let mut replayed = log.clone();
    let mut again = EntryBody::from_bytes(&log.bodies[3]).unwrap();
    again.seq = 4;
    replayed.bodies.insert(4, again.to_bytes());
    let found = failing(&replayed.export().unwrap());
    assert_eq!((found.seq(), found.field.as_str()), (Some(4), "command.id"));
}

/// RP-3: bytes that decode, but are not what encoding gives, and bytes that do not decode.
#[test]
fn rp_3_bodies_are_canonical() {
    let log = Log::generate(&SMALL).unwrap();
    for change in [
        |body: &mut Vec<u8>| body.push(0),
        |body: &mut Vec<u8>| body.truncate(body.len() - 1),
        |body: &mut Vec<u8>| body.truncate(1),
    ] {
        let mut changed = log.clone();
        change(&mut changed.bodies[5]);
        let found = failing(&changed.export().unwrap());
        assert_eq!((found.seq(), found.field.as_str()), (Some(5), "body"));
    }
}

/// RP-4: a log begins with its genesis.
#[test]
fn rp_4_a_log_begins_with_genesis() {
    let log = Log::generate(&SMALL).unwrap();
    let empty = Log { bodies: Vec::new() };
    let found = failing(&empty.export().unwrap());
    assert_eq!((found.seq(), found.field.as_str()), (None, "header.count"));

    let mut headless = log.clone();
    headless.bodies.remove(0);
    let mut first = EntryBody::from_bytes(&headless.bodies[0]).unwrap();
    (first.seq, first.epoch) = (0, 0);
    first.outcome = Outcome::Rejected(ErrorCode::AegisContextMissing);
    headless.bodies = vec![first.to_bytes()];
    let found = failing(&headless.export().unwrap());
    assert_eq!((found.seq(), found.field.as_str()), (Some(0), "outcome"));
}
