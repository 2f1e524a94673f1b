//! What holds for every command: lifetime, signature, payer, ids, order.

use crate::common::{
    Accepted,
    By::*,
    Expect, Ledger, NotAdmitted, Refused,
    make::{self, ALL, advance, delete, purge, put, reassign, register},
};
use protocol::{
    Action, Authorization, Command,
    ErrorCode::*,
    Genesis, Hash32, NodeId, Profile,
    command::OpenAudit,
    limits::MAX_NODES,
    signature::{Signer, Suite},
};
use storage_engine::{
    execute_committed,
    state::{Changes, Seen, State, StateError, StateStore, keys},
};

fn genesis_with(change: impl FnOnce(&mut Genesis)) -> Action {
    let mut genesis = make::genesis(5);
    change(&mut genesis);
    Action::Genesis(Box::new(genesis))
}

#[test]
fn nothing_comes_before_genesis() {
    let mut ledger = Ledger::empty();
    ledger.play([
        (Unsigned, put("a", 1), Refused(AegisContextMissing)),
        (Operator, put("a", 1), NotAdmitted(AegisContextMissing)),
        (Unsigned, advance(0, &[]), Refused(AegisContextMissing)),
        (Unsigned, put("", 1), NotAdmitted(InvalidInput)),
        (Unsigned, genesis_with(|_| {}), Accepted),
        (Unsigned, genesis_with(|_| {}), Refused(Conflict)),
        (Operator, genesis_with(|_| {}), Refused(Conflict)),
        (Alice, put("a", 1), Accepted),
    ]);
    assert_eq!((ledger.state.epoch(), ledger.state.nodes().len()), (1, 5));
}

/// PR-4: a signed genesis is signed for the ledger that it opens.
#[test]
fn pr_4_genesis_may_be_signed() {
    Ledger::empty().play([(Operator, genesis_with(|_| {}), Accepted)]);
    let mut ledger = Ledger::empty();
    let mut forged = ledger.command(Operator, genesis_with(|_| {}));
    forged.action = genesis_with(|genesis| genesis.name.push('x'));
    assert_eq!(ledger.submit(forged).1, NotAdmitted(Unauthorized));
    assert_eq!(ledger.state.epoch(), 0);
}

#[test]
fn genesis_is_checked() {
    let suites = |genesis: &mut Genesis| genesis.log_keys.swap(0, 1);
    let cut_key = |genesis: &mut Genesis| genesis.operator.bytes.truncate(31);
    let bad_id = |genesis: &mut Genesis| genesis.nodes[1].node_id = NodeId("..".into());
    let twice = |genesis: &mut Genesis| genesis.nodes[1] = genesis.nodes[0].clone();
    let scheme = |genesis: &mut Genesis| genesis.nodes[1].scheme = "RSA".into();
    let region = |genesis: &mut Genesis| genesis.nodes[1].domain.region = "x".repeat(65);
    let council = |genesis: &mut Genesis| genesis.council.clear();
    let block = |genesis: &mut Genesis| genesis.parameters.block_size = 1;
    let share = |genesis: &mut Genesis| genesis.parameters.pool_share = make::ratio(101);
    Ledger::empty().play([
        (Unsigned, genesis_with(|g| g.name.clear()), NotAdmitted(InvalidInput)),
        (Unsigned, genesis_with(|g| g.name = "a b".into()), NotAdmitted(InvalidInput)),
        (Unsigned, genesis_with(suites), NotAdmitted(InvalidInput)),
        (Unsigned, genesis_with(council), NotAdmitted(InvalidInput)),
        (Unsigned, genesis_with(bad_id), NotAdmitted(InvalidInput)),
        (Unsigned, genesis_with(twice), NotAdmitted(InvalidInput)),
        (Unsigned, genesis_with(scheme), NotAdmitted(InvalidInput)),
        (Unsigned, genesis_with(region), NotAdmitted(InvalidInput)),
        (Unsigned, genesis_with(block), NotAdmitted(Limit)),
        (Unsigned, genesis_with(share), NotAdmitted(Limit)),
        (Unsigned, Action::Genesis(Box::new(make::genesis(MAX_NODES + 1))), NotAdmitted(Limit)),
        (Unsigned, Action::Genesis(Box::new(make::genesis(MAX_NODES))), Accepted),
    ]);
    // A key of another length has no bytes that decode, so it cannot even stand in a log.
    let mut genesis = make::genesis(1);
    cut_key(&mut genesis);
    assert_eq!(genesis.validate().unwrap_err().code, InvalidInput);
}

/// PR-5: a command is executed in the epoch that it names or the one before.
#[test]
fn pr_5_lifetime() {
    let mut ledger = Ledger::with_nodes(5);
    ledger.play([
        (Operator, advance(1, &[0, 1, 2]), Accepted),
        (Operator, advance(2, &[0, 1, 2]), Accepted),
    ]);
    let rows: [(u64, Expect); 6] = [
        (0, Refused(EpochChanged)),
        (2, Refused(EpochChanged)),
        (3, Accepted),
        (4, Accepted),
        (5, Refused(InvalidInput)),
        (u64::MAX, Refused(InvalidInput)),
    ];
    for (number, (valid_until_epoch, expect)) in rows.into_iter().enumerate() {
        let action = make::put_at(&format!("a{number}"), 1, 3);
        let command = Command { valid_until_epoch, ..ledger.command(Alice, action) };
        let command = ledger.sign(Alice, command);
        assert_eq!(ledger.submit(command).1, expect, "until {valid_until_epoch}");
    }
}

/// PR-4: some actions are the operator's alone, and need its signature.
#[test]
fn pr_4_reserved_actions() {
    let actions = || {
        [
            Action::RegisterNode(register(9)),
            advance(1, &[0, 1, 2, 3, 4]),
            reassign("a", 1, (0, 0), 0, 1),
            ALL,
            Action::OpenAudit(OpenAudit::Sample(1)),
            make::record(1, 0, vec![no_answer()]),
            make::credit(Bob, 1),
        ]
    };
    let mut ledger = Ledger::with_nodes(5);
    for by in [Unsigned, Alice] {
        ledger.play(actions().map(|action| (by, action, Refused(Unauthorized))));
    }
    ledger.play([
        (Unsigned, put("a", 1), Accepted),
        (Operator, put("a", 2), Accepted),
        (Unsigned, delete("a", 3), Accepted),
        (Unsigned, purge("a", 3), Accepted),
    ]);
}

fn no_answer() -> protocol::command::AuditAnswer {
    protocol::command::AuditAnswer {
        object: make::object("a"),
        version: 1,
        column: 0,
        leaf: 0,
        proof: None,
    }
}

/// PR-4: whoever signs pays, and what is not signed the operator pays.
#[test]
fn pr_4_payers() {
    let mut ledger = Ledger::with_nodes(5);
    for (by, payer) in [(Alice, Bob), (Unsigned, Alice), (Operator, Alice), (Alice, Operator)] {
        let command = Command { payer: payer.account(), ..ledger.command(by, put("a", 1)) };
        let command = ledger.sign(by, command);
        assert_eq!(ledger.submit(command).1, Refused(Unauthorized), "{by:?} for {payer:?}");
    }
}

/// PR-4: a signature covers the ledger and every field of the command.
#[test]
fn pr_4_forged_signatures() {
    let mut ledger = Ledger::with_nodes(5);
    let forgeries: [fn(&mut Command); 6] = [
        |command| command.id.0[0] ^= 1,
        |command| command.valid_until_epoch += 1,
        |command| command.payer = Bob.account(),
        |command| command.action = put("b", 1),
        |command| replace_key(command, Bob.signer().public_key()),
        |command| signature(command)[10] ^= 1,
    ];
    for (number, forge) in forgeries.into_iter().enumerate() {
        let mut command = ledger.command(Alice, put("a", 1));
        forge(&mut command);
        assert_eq!(ledger.submit(command).1, NotAdmitted(Unauthorized), "forgery {number}");
    }
    let elsewhere = ledger.command(Alice, put("a", 1));
    let elsewhere = elsewhere.sign(&Hash32::of(b"another ledger"), &Alice.signer());
    assert_eq!(ledger.submit(elsewhere).1, NotAdmitted(Unauthorized));
    let mut short = ledger.command(Alice, put("a", 1));
    signature(&mut short).pop();
    assert_eq!(ledger.submit(short).1, NotAdmitted(Unauthorized));
    ledger.play([(Alice, put("a", 1), Accepted)]);
}

fn signature(command: &mut Command) -> &mut Vec<u8> {
    match &mut command.authorization {
        Authorization::Signature { signature, .. } => signature,
        Authorization::Operator => panic!("the command is not signed"),
    }
}

fn replace_key(command: &mut Command, new: protocol::signature::PublicKey) {
    if let Authorization::Signature { key, .. } = &mut command.authorization {
        *key = new;
    }
}

/// PR-4: ML-DSA-44 keys sign commands as well.
#[test]
fn pr_4_both_suites() {
    let signer = protocol::signature::SeedSigner::from_seed(Suite::MlDsa44, [5; 32]);
    let mut ledger = Ledger::with_nodes(5);
    let mut command = ledger.command(Unsigned, put("a", 1));
    command.payer = protocol::AccountId::of(&signer.public_key());
    let id = ledger.state.ledger_id().unwrap();
    assert_eq!(ledger.submit(command.sign(&id, &signer)).1, Accepted);
}

/// PR-5: ids are remembered, of refused commands too, for the epoch of their execution and the next.
#[test]
fn pr_5_ids_are_remembered_for_two_epochs() {
    let mut ledger = Ledger::with_nodes(5);
    let accepted = ledger.command(Alice, put("a", 1));
    let refused = ledger.command(Alice, delete("none", 1));
    assert_eq!(ledger.state.seen(&accepted).unwrap(), Seen::Never);
    ledger.submit(accepted.clone());
    ledger.submit(refused.clone());
    let mut other = accepted.clone();
    other.action = put("b", 1);
    for closes in 1..=2 {
        assert_eq!(ledger.state.seen(&accepted).unwrap(), Seen::Executed { seq: 1 });
        assert_eq!(ledger.state.seen(&refused).unwrap(), Seen::Executed { seq: 2 });
        assert_eq!(ledger.state.seen(&other).unwrap(), Seen::Conflict);
        ledger.play([(Operator, advance(closes, &[0, 1, 2]), Accepted)]);
    }
    assert_eq!(ledger.state.seen(&accepted).unwrap(), Seen::Never);
    // By now the command is past its lifetime, so that it cannot happen a second time.
    assert_eq!(ledger.submit(accepted).1, Refused(EpochChanged));
}

/// The id of the command that closes an epoch is kept as long as any other.
#[test]
fn the_id_of_a_closing_is_remembered() {
    let mut ledger = Ledger::with_nodes(5);
    let closing = ledger.command(Operator, advance(1, &[0, 1, 2]));
    ledger.submit(closing.clone());
    ledger.play([(Operator, advance(2, &[0, 1, 2]), Accepted)]);
    assert_eq!(ledger.state.seen(&closing).unwrap(), Seen::Executed { seq: 1 });
    ledger.play([(Operator, advance(3, &[0, 1, 2]), Accepted)]);
    assert_eq!(ledger.state.seen(&closing).unwrap(), Seen::Never);
}

/// ST-8: what only mattered for two epochs, or for one, does not stay for ever.
#[test]
fn st_8_old_records_leave_the_store() {
    let mut ledger = Ledger::with_nodes(5);
    let content = make::sample(1, Profile::QFS_V13);
    ledger.play([(Alice, put("a", 1), Accepted), (Operator, ALL, Accepted)]);
    let version = ledger.state.version(&make::object("a"), 1).unwrap();
    let node = version.unwrap().stored.unwrap().assignment[0];
    let proof = make::answer(&ledger.state, &content, ("a", 1, 0), node);
    let none = protocol::command::AuditAnswer { proof: None, ..proof.clone() };
    ledger.play([(Operator, make::record(2, node, vec![proof, none]), Accepted)]);
    assert_eq!(count_records(&mut ledger, [keys::proofs(1), keys::failed_proofs(1)]), [1, 1]);
    let mut kept = |closes: u64| {
        ledger.play([(Operator, advance(closes, &[0, 1, 2]), Accepted)]);
        let ranges = [keys::proofs(1), keys::failed_proofs(1), keys::commands(1)];
        count_records(&mut ledger, ranges)
    };
    assert_eq!(kept(1), [0, 0, 4], "the ids of genesis and of three commands");
    assert_eq!(kept(2), [0, 0, 0]);
}

/// Records of the store in each range.
fn count_records<const N: usize>(
    ledger: &mut Ledger,
    ranges: [(Vec<u8>, Vec<u8>); N],
) -> [usize; N] {
    ledger.state.flush(Changes::new()).unwrap();
    ranges.map(|(from, end)| {
        let mut count = 0;
        let mut visit = |_: &[u8], _: &[u8]| {
            count += 1;
            true
        };
        let Ok(()) = ledger.state.store().scan(&from, &end, &mut visit);
        count
    })
}

/// PR-2: a command that could not stand in an entry is not admitted.
#[test]
fn pr_2_commands_that_do_not_fit() {
    let answers = |count: usize| {
        let mut answer = no_answer();
        answer.object = make::object(&"x".repeat(1_024));
        make::record(1, 0, vec![answer; count])
    };
    let mut ledger = Ledger::with_nodes(5);
    ledger.play([
        (Operator, answers(61), Refused(NotFound)),
        (Operator, answers(62), NotAdmitted(Limit)),
    ]);
    let oversize = ledger.command(Operator, answers(256));
    let executed = execute_committed(&mut ledger.state, 9, oversize);
    assert!(matches!(executed, Err(StateError::Broken(_))), "no entry can hold it");
}

/// Misuse by the caller is an error that stops the replica, not an outcome.
#[test]
fn the_order_of_calls_is_held() {
    let mut ledger = Ledger::with_nodes(5);
    let again = ledger.command(Alice, put("a", 1));
    ledger.submit(again.clone());
    let state = &mut ledger.state;
    let broken = |result: Result<_, StateError<_>>| matches!(result, Err(StateError::Broken(_)));
    assert!(broken(execute_committed(state, 9, again.clone()).map(drop)), "an id twice");
    let fresh = |n| Command { id: protocol::CommandId([n; 16]), ..again.clone() };
    assert!(broken(execute_committed(state, 1, fresh(7)).map(drop)), "the tick goes back");
    execute_committed(state, 2, fresh(7)).unwrap();
    assert!(!state.awaits_link(), "nothing follows from this entry's hash");
    let open = ledger.command(Operator, Action::OpenAudit(OpenAudit::All));
    let state = &mut ledger.state;
    execute_committed(state, 2, open).unwrap();
    assert!(state.awaits_link());
    assert!(broken(state.flush(Changes::new())), "a flush before the link");
    assert!(broken(execute_committed(state, 9, fresh(8)).map(drop)), "no link between");
    let beacon = Hash32::of(b"the entry's hash");
    state.link(beacon);
    state.link(Hash32::ZERO);
    let audit = state.ledger().and_then(|ledger| ledger.audit);
    assert_eq!(audit.map(|audit| audit.beacon), Some(beacon), "the first link counts");
    assert!(state.flush(Changes::new()).is_ok());
}

/// ST-4: without its pages the tree would begin again from nothing, and give other roots.
#[test]
fn a_state_without_its_tree_does_not_open() {
    let mut ledger = Ledger::with_nodes(5);
    ledger.state.flush(Changes::new()).unwrap();
    let mut store = ledger.state.store().clone();
    assert!(State::open(store.clone()).is_ok());
    store.commit(Changes::from([(keys::tree_page(0, &Hash32::ZERO), None)])).unwrap();
    assert!(matches!(State::open(store), Err(StateError::Broken(_))));
}

/// ST-9: the state proves what its records are now, not what they were at the last root.
#[test]
fn st_9_a_state_proves_what_was_just_written() {
    let mut ledger = Ledger::with_nodes(5);
    let key = keys::ledger();
    let (before, _) = ledger.state.prove(&key).unwrap();
    ledger.play([(Alice, put("a", 1), Accepted)]);
    let (value, proof) = ledger.state.prove(&key).unwrap();
    let root = ledger.state.root().unwrap();
    assert!(value.is_some() && value != before);
    assert_eq!(proof.verify(&root, &key, value.as_deref()), Ok(()));
    assert!(proof.verify(&root, &key, before.as_deref()).is_err());
}
