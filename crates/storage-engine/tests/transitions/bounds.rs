//! Bounds and formats that no test could reach by commands alone: the states are written into a store.

use crate::common::{
    Accepted,
    By::*,
    Expect, Ledger, Refused,
    make::{self, ALL, advance, put},
};
use borsh::BorshSerialize;
use protocol::{
    Action, Amount,
    ErrorCode::*,
    Hash32, Outcome, Profile, canonical,
    command::{AuditAnswer, Content},
    governance::{Change, Speaker},
    limits::MAX_PROOFS_PER_EPOCH,
    rules::DomainKind,
};
use storage_engine::{
    execute_committed,
    state::{
        Changes, MemoryStore, State, StateError, StateStore, keys,
        records::{EpochRecord, LedgerRecord, NodeRecord},
    },
};

/// One record to be written.
type Edit = (Vec<u8>, Option<Vec<u8>>);

fn edit(key: Vec<u8>, record: &impl BorshSerialize) -> Edit {
    (key, Some(canonical::encode(record)))
}

/// The ledger's state with some records replaced.
fn edited<const N: usize>(ledger: &mut Ledger, edits: [Edit; N]) -> State<MemoryStore> {
    ledger.state.flush(Changes::new()).unwrap();
    let mut store = ledger.state.store().clone();
    store.commit(edits.into()).unwrap();
    State::open(store).unwrap()
}

/// What becomes of the operator's command in a state like `ledger`'s, but with these records.
fn outcome<const N: usize>(ledger: &mut Ledger, edits: [Edit; N], action: Action) -> Expect {
    let mut state = edited(ledger, edits);
    let mut command = ledger.command(Operator, action);
    command.valid_until_epoch = state.epoch();
    let command = ledger.sign(Operator, command);
    let tick = state.cursor().tick;
    match execute_committed(&mut state, tick, command).unwrap().body.outcome {
        Outcome::Accepted(_) => Accepted,
        Outcome::Rejected(code) => Refused(code),
    }
}

/// A ledger with an open audit, a node of it, and the node's true answer for one shard.
fn audited() -> (Ledger, u32, AuditAnswer) {
    let mut ledger = Ledger::with_nodes(3);
    ledger.play([(Alice, put("a", 1), Accepted), (Operator, ALL, Accepted)]);
    let content = make::sample(1, Profile::QFS_V13);
    let answer = make::answer(&ledger.state, &content, ("a", 1, 0), 1);
    (ledger, 1, answer)
}

/// PL-5: 2^40 proofs count for a node in an epoch, and not one more. Failures are no proofs.
#[test]
fn pl_5_the_last_proof_that_counts() {
    let (mut ledger, number, answer) = audited();
    let failure = AuditAnswer { proof: None, ..answer.clone() };
    for (proofs, answer, expect) in [
        (MAX_PROOFS_PER_EPOCH - 1, &answer, Accepted),
        (MAX_PROOFS_PER_EPOCH, &answer, Refused(Limit)),
        (MAX_PROOFS_PER_EPOCH, &failure, Accepted),
        (u64::MAX, &answer, Refused(Limit)),
    ] {
        let node = NodeRecord { proofs, ..ledger.state.node(number).unwrap().clone() };
        let record = make::record(2, number, vec![answer.clone()]);
        let edits = [edit(keys::node(number), &node)];
        assert_eq!(outcome(&mut ledger, edits, record), expect, "{proofs} proofs before");
    }
}

/// PL-6: the answers of a node to one audit are counted in 32 bits.
#[test]
fn pl_6_the_last_answer_that_is_counted() {
    let (mut ledger, number, answer) = audited();
    for (answers, expect) in [(u32::MAX - 1, Accepted), (u32::MAX, Refused(Limit))] {
        let node = NodeRecord { answers, ..ledger.state.node(number).unwrap().clone() };
        let record = make::record(2, number, vec![answer.clone()]);
        let edits = [edit(keys::node(number), &node)];
        assert_eq!(outcome(&mut ledger, edits, record), expect, "{answers} answers before");
    }
}

/// There is a last epoch; closing it would have to open a later one.
#[test]
fn the_last_epoch_stays_open() {
    let mut ledger = Ledger::with_nodes(3);
    for (epoch, expect) in [(u64::MAX - 1, Accepted), (u64::MAX, Refused(Limit))] {
        let record = LedgerRecord { epoch, ..ledger.state.ledger().unwrap().clone() };
        let opened = EpochRecord {
            eligible: vec![0, 1, 2],
            failure_domain: DomainKind::None,
            opened_at: 0,
            closed: None,
        };
        let edits = [edit(keys::ledger(), &record), edit(keys::epoch(epoch), &opened)];
        let closing = advance(epoch, &[0, 1, 2]);
        assert_eq!(outcome(&mut ledger, edits, closing), expect, "epoch {epoch}");
    }
}

/// A manifest has no shards to move or to prove. The format has room for it before commands may make one.
#[test]
fn manifests_are_neither_moved_nor_audited() {
    let (mut ledger, number, answer) = audited();
    let mut version = ledger.state.version(&make::object("a"), 1).unwrap().unwrap();
    let stored = version.stored.as_mut().unwrap();
    let to = (0..3).find(|node| *node != stored.assignment[0]).unwrap();
    let moved = make::reassign("a", 1, (0, 0), stored.assignment[0], to);
    stored.content = Content::Manifest { root: Hash32::ZERO, count: 1, size: 1 };
    let manifest = || [edit(keys::version(&make::object("a"), 1), &version)];
    assert_eq!(outcome(&mut ledger, manifest(), moved), Refused(InvalidInput));
    let record = make::record(2, number, vec![answer]);
    assert_eq!(outcome(&mut ledger, manifest(), record), Refused(ProofUnavailable));
}

/// EC-8: credits so far, those that wait to be in force, and this one stay at or below a quarter of the range.
#[test]
fn ec_8_all_credits_together() {
    let mut ledger = Ledger::with_nodes(3);
    let credit = Action::Credit { account: Alice.account(), amount: Amount::from_raw(10) };
    let most = u128::MAX / 4;
    for (credited, pending, expect) in [
        (most - 10, 0, Accepted),
        (most - 9, 0, Refused(Limit)),
        (most - 10, 1, Refused(Limit)),
        (0, most - 10, Accepted),
        (0, most - 9, Refused(Limit)),
        (most, u128::MAX, Refused(Limit)),
    ] {
        let mut record = ledger.state.ledger().unwrap().clone();
        record.treasury.credited = Amount::from_raw(credited);
        record.pending_credits = Amount::from_raw(pending);
        let edits = [edit(keys::ledger(), &record)];
        assert_eq!(outcome(&mut ledger, edits, credit.clone()), expect, "{credited} and {pending}");
    }
}

/// EC-8: so does a credit by proposal, when it is activated.
#[test]
fn ec_8_activated_credits_count_before_they_are_in_force() {
    let mut ledger = Ledger::with_nodes(3);
    let change = Change::Credit { account: Alice.account(), amount: Amount::from_raw(10) };
    ledger.play([
        (Operator, make::propose(Speaker::Operator, change, true), Accepted),
        (Alice, make::vote(1, Speaker::Council(0), true), Accepted),
    ]);
    for (credited, expect) in [(u128::MAX / 4 - 10, Accepted), (u128::MAX / 4 - 9, Refused(Limit))]
    {
        let mut record = ledger.state.ledger().unwrap().clone();
        record.treasury.credited = Amount::from_raw(credited);
        let edits = [edit(keys::ledger(), &record)];
        let activate = make::activate(1, Speaker::Operator);
        assert_eq!(outcome(&mut ledger, edits, activate), expect, "{credited} before");
    }
}

/// GV-3: an engine that is older than the code version in force decides nothing, be it asked by a client or by a log.
#[test]
fn gv_3_an_outdated_engine_stops() {
    let mut ledger = Ledger::with_nodes(3);
    ledger.enact(Change::CodeVersion(2));
    ledger.play([(Alice, put("a", 1), Accepted), (Operator, advance(1, &[0, 1, 2]), Accepted)]);
    let before = (ledger.state.root().unwrap(), *ledger.state.cursor());
    let command = ledger.command(Alice, make::put_at("b", 1, 2));
    let refused = ledger.command(Alice, make::put_at("", 1, 2));
    for command in [command, refused] {
        let executed = execute_committed(&mut ledger.state, before.1.tick, command);
        assert!(matches!(executed, Err(StateError::Outdated { needed: 2 })), "{executed:?}");
        assert_eq!((ledger.state.root().unwrap(), *ledger.state.cursor()), before);
    }
    // A store that stands there opens, so that it can still be read, and stops at the same place.
    let mut reopened = edited(&mut ledger, []);
    let command = ledger.command(Alice, make::put_at("b", 1, 2));
    let executed = execute_committed(&mut reopened, before.1.tick, command);
    assert!(matches!(executed, Err(StateError::Outdated { needed: 2 })));
}
