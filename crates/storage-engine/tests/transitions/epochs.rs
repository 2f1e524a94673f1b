//! Closing epochs.

use crate::common::{
    Accepted,
    By::*,
    Ledger, Refused,
    make::{self, advance, advance_with, put, ratio},
};
use protocol::{
    EntryBody,
    ErrorCode::*,
    Event, Hash32, canonical,
    command::AdvanceEpoch,
    event::EpochClosed,
    node::{NodeStatus, Reading},
};
use storage_engine::{
    execute_committed,
    state::{Changes, State, StateStore, keys, records::Cursor},
};

fn reading(advance: &mut AdvanceEpoch, node: usize) -> &mut Reading {
    advance.telemetry[node].reading.as_mut().unwrap()
}

fn close(ledger: &mut Ledger, action: protocol::Action) -> EpochClosed {
    match ledger.event(Operator, action) {
        Event::EpochClosed(closed) => closed,
        other => panic!("{other:?}"),
    }
}

/// RG-2: facts are ascending, unique, about registered nodes, and bounded.
#[test]
fn rg_2_facts() {
    let bands = |text: &str| {
        let text = text.to_owned();
        advance_with(1, move |advance| reading(advance, 0).latency_bands = text)
    };
    Ledger::with_nodes(3).play([
        (Operator, advance(0, &[]), Refused(EpochChanged)),
        (Operator, advance(2, &[]), Refused(EpochChanged)),
        (Operator, advance(u64::MAX, &[]), Refused(EpochChanged)),
        (Operator, advance(1, &[1, 0]), Refused(InvalidInput)),
        (Operator, advance(1, &[1, 1]), Refused(InvalidInput)),
        (Operator, advance(1, &[0, 3]), Refused(InvalidInput)),
        (Operator, advance_with(1, |a| a.telemetry.reverse()), Refused(InvalidInput)),
        (Operator, advance_with(1, |a| a.telemetry[2].node = 3), Refused(InvalidInput)),
        (
            Operator,
            advance_with(1, |a| a.registry[0].scheme = "x".repeat(65)),
            Refused(InvalidInput),
        ),
        (
            Operator,
            advance_with(1, |a| a.registry[0].reason = "x".repeat(65)),
            Refused(InvalidInput),
        ),
        (
            Operator,
            advance_with(1, |a| reading(a, 0).uptime_ratio = ratio(101)),
            Refused(InvalidInput),
        ),
        (
            Operator,
            advance_with(1, |a| reading(a, 0).health_score = ratio(101)),
            Refused(InvalidInput),
        ),
        (Operator, bands("{ }"), Refused(InvalidInput)),
        (Operator, bands(&format!("\"{}\"", "x".repeat(255))), Refused(InvalidInput)),
        (Operator, bands(&format!("\"{}\"", "x".repeat(254))), Accepted),
        (Operator, advance(1, &[]), Refused(EpochChanged)),
        (Operator, advance(2, &[]), Accepted),
        (Operator, advance(3, &[]), Accepted),
    ]);
}

/// RG-4: the facts that close an epoch say who is eligible in the next one.
#[test]
fn rg_4_statuses_of_a_closing() {
    let mut ledger = Ledger::with_nodes(9);
    let change = |advance: &mut AdvanceEpoch| {
        *advance = make::facts(1, &[0, 1, 2, 3, 4, 5, 6, 7]);
        advance.registry[1].revoked = true;
        advance.registry[2].key = None;
        advance.registry[3].scheme = "RSA".into();
        advance.telemetry[4].reading = None;
        reading(advance, 5).uptime_ratio = ratio(89);
        reading(advance, 6).health_score = ratio(74);
        reading(advance, 7).conflict_detected = true;
    };
    let closed = close(&mut ledger, advance_with(1, change));
    let statuses: Vec<_> = closed.nodes.iter().map(|node| node.status).collect();
    assert_eq!(
        statuses,
        [
            NodeStatus::Verified,
            NodeStatus::Revoked,
            NodeStatus::NoPqcKey,
            NodeStatus::UnsupportedPqcScheme,
            NodeStatus::TelemetryMalformed,
            NodeStatus::LowUptime,
            NodeStatus::Unhealthy,
            NodeStatus::TelemetryHashConflict,
            NodeStatus::NoRegistryEntry,
        ]
    );
    assert_eq!(ledger.state.eligible(), [0]);
    let buckets: Vec<_> = closed.nodes.iter().map(|node| node.uptime_bucket).collect();
    assert_eq!(buckets, [10, 0, 0, 0, 0, 0, 0, 0, 0]);
}

/// EC-2 to EC-5: fees move once, and the closing carries every number.
#[test]
fn ec_5_settlement_moves_the_fees() {
    let mut ledger = Ledger::with_nodes(3);
    ledger.play([(Alice, put("a", 1), Accepted), (Bob, put("b", 1), Accepted)]);
    let closed = close(&mut ledger, advance(1, &[0, 1, 2]));
    assert_eq!(closed.settlement.fees.to_string(), "200.000000000000000000");
    assert_eq!(closed.settlement.pool.to_string(), "20.000000000000000000");
    assert_eq!(closed.settlement.rewards.raw(), 0, "nobody proved anything");
    assert_eq!(closed.settlement.reserve, closed.settlement.pool);
    let treasury = ledger.state.ledger().unwrap().treasury;
    assert_eq!(treasury.open_fees.raw(), 0);
    assert_eq!(treasury.treasury.to_string(), "180.000000000000000000");
    let closed = close(&mut ledger, advance(2, &[0, 1, 2]));
    assert_eq!(closed.settlement.fees.raw(), 0);
    let record = ledger.state.epoch_record(2).unwrap().unwrap();
    assert_eq!(record.closed, Some(closed));
}

/// RG-2: hashes of the snapshots and the facts themselves stay on record until the next closing.
#[test]
fn rg_2_facts_are_kept() {
    let mut ledger = Ledger::with_nodes(3);
    ledger.play([(Operator, advance(1, &[0, 2]), Accepted)]);
    let record = ledger.state.ledger().unwrap();
    assert_eq!(record.registry_hash, Hash32::of(b"registry"));
    assert_eq!(record.telemetry_hash, Hash32::of(b"telemetry"));
    let known = |ledger: &Ledger| {
        let nodes = ledger.state.nodes().iter();
        nodes.map(|node| node.registry.is_some()).collect::<Vec<_>>()
    };
    assert_eq!(known(&ledger), [true, false, true]);
    ledger.play([(Operator, advance(2, &[1]), Accepted)]);
    assert_eq!(known(&ledger), [false, true, false]);
}

/// ST-6: a closing carries the state root, and that root is of the state after it.
#[test]
fn st_6_a_closing_carries_the_root() {
    let mut ledger = Ledger::with_nodes(3);
    let store = ledger.command(Alice, put("a", 1));
    assert_eq!(ledger.submit(store).0.body.state_root, None);
    let closing = ledger.command(Operator, advance(1, &[0, 1, 2]));
    let root = ledger.submit(closing).0.body.state_root;
    assert_eq!(root, Some(ledger.state.root().unwrap()));
    let refused = ledger.command(Operator, advance(1, &[0, 1, 2]));
    assert_eq!(ledger.submit(refused).0.body.state_root, None);
}

/// ST-6: so does every 65,536th entry, whatever became of its command; the first entry does not.
#[test]
fn st_6_every_65536th_entry_carries_the_root() {
    let mut ledger = Ledger::with_nodes(3);
    assert_eq!(EntryBody::from_bytes(&ledger.log[0]).unwrap().state_root, None);
    for (seq, carries) in [(65_535, false), (65_536, true), (65_537, false), (131_072, true)] {
        ledger.state.flush(Changes::new()).unwrap();
        let mut store = ledger.state.store().clone();
        let cursor = Cursor { next_seq: seq, ..*ledger.state.cursor() };
        let moved = [(keys::cursor(), Some(canonical::encode(&cursor)))];
        store.commit(moved.into()).unwrap();
        let mut state = State::open(store).unwrap();
        let command = ledger.command(Alice, make::delete("none", seq));
        let executed = execute_committed(&mut state, cursor.tick, command).unwrap();
        let root = executed.body.state_root;
        assert_eq!(root.is_some(), carries, "seq {seq}");
        assert!(root.is_none_or(|root| root == state.root().unwrap()));
    }
}
