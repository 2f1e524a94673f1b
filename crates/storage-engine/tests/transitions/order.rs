//! The first failure wins (ST-7). A command with several faults has one recorded code, and another
//! implementation must record the same: each line here breaks two rules, and names the one that counts.

use crate::common::{
    Accepted,
    By::*,
    Ledger, NotAdmitted, Refused,
    make::{self, advance, delete, object, parameters, purge, put_with, reassign, score},
};
use protocol::{
    Action, Amount,
    ErrorCode::*,
    Parameters, Profile,
    command::{Content, OpenAudit, Store},
};

const OTHER_PROFILE: Profile = Profile { replicas: 2, ..Profile::QFS_V13 };

/// Object "a" is Alice's, its latest version is 5; only free stores are possible, without a balance.
fn ledger(nodes: u32) -> Ledger {
    let parameters =
        Parameters { prepaid: true, metadata_limit: 256, ..parameters(Profile::QFS_V13) };
    let mut ledger = Ledger::open(make::genesis_with(nodes, parameters));
    ledger.play([(Alice, free("a", |store| store.version = 5), Accepted)]);
    ledger
}

/// Nothing, which costs nothing.
fn free(name: &str, change: impl FnOnce(&mut Store)) -> Action {
    let mut store = make::store(name, 1, 1, &make::sample(0, Profile::QFS_V13));
    change(&mut store);
    Action::Store(store)
}

fn other_profile(store: &mut Store) {
    if let Content::Single(layout) = &mut store.content {
        layout.profile = OTHER_PROFILE;
    }
}

fn long_metadata(store: &mut Store) {
    store.metadata = format!("{{\"k\":\"{}\"}}", "x".repeat(256)).into_bytes();
}

/// ST-7: lifetime, then who may, then the object, then what it is made of.
#[test]
fn st_7_stores() {
    let mut expired = ledger(5);
    expired.play([
        (Operator, advance(1, &[0, 1, 2, 3, 4]), Accepted),
        (Operator, advance(2, &[0, 1, 2, 3, 4]), Accepted),
    ]);
    for (valid_until_epoch, code) in [(2, EpochChanged), (5, InvalidInput)] {
        let mut command = expired.command(Alice, advance(3, &[]));
        command.valid_until_epoch = valid_until_epoch;
        let command = expired.sign(Alice, command);
        assert_eq!(expired.submit(command).1, Refused(code), "and reserved to the operator");
    }
    ledger(5).play([
        (Bob, put_with("a", |_| {}), Refused(Unauthorized)),
        (Alice, put_with("a", other_profile), Refused(InvalidVersion)),
        (
            Alice,
            put_with("b", |store| {
                other_profile(store);
                long_metadata(store);
            }),
            Refused(InvalidInput),
        ),
        (Alice, put_with("b", |store| store.epoch = 2), Refused(InvalidInput)),
        (Operator, advance(1, &[0, 1, 2]), Accepted),
        (Alice, put_with("b", |_| {}), Refused(EpochChanged)),
        (Alice, put_with("b", |store| store.epoch = 2), Refused(InsufficientFunds)),
        (Operator, advance(2, &[0, 1]), Accepted),
        (Alice, put_with("b", long_metadata), Refused(Limit)),
        (Alice, put_with("b", |store| store.epoch = 0), Refused(NoEligibleNodes)),
        (Alice, put_with("b", |store| store.epoch = 9), Refused(NoEligibleNodes)),
    ]);
}

/// ST-7: existence, owner, number, and only then what the version is.
#[test]
fn st_7_markers_and_purges() {
    let mut ledger = ledger(5);
    ledger.play([
        (Bob, delete("none", 1), Refused(NotFound)),
        (Bob, delete("a", 5), Refused(Unauthorized)),
        (Alice, delete("a", 6), Accepted),
        (Alice, delete("a", 6), Refused(InvalidVersion)),
        (Bob, purge("none", 1), Refused(NotFound)),
        (Bob, purge("a", 4), Refused(Unauthorized)),
    ]);
}

/// PL-8, in its order: the version, the place, who has it, who may keep it, whether it can go anywhere, and where.
#[test]
fn pl_8_moves() {
    let mut ledger = ledger(5);
    let version = ledger.state.version(&object("a"), 5).unwrap();
    let copies = version.unwrap().stored.unwrap().assignment[..3].to_vec();
    let [lost, kept] = [copies[0], copies[1]];
    let mut siblings = copies[1..].to_vec();
    siblings.sort_unstable();
    ledger.play([
        (Operator, advance(1, &siblings), Accepted),
        (Alice, reassign("none", 5, (4, 0), lost, 99), Refused(Unauthorized)),
        (Operator, reassign("a", 5, (4, 0), 99, 99), Refused(NotFound)),
        // Nobody could take either copy: all that are eligible hold a sibling.
        (Operator, reassign("a", 5, (0, 0), kept, 99), Refused(Conflict)),
        (Operator, reassign("a", 5, (0, 1), kept, 99), Refused(Conflict)),
        (Operator, reassign("a", 5, (0, 0), lost, kept), Refused(NoEligibleNodes)),
    ]);
}

/// ST-7: which epoch, before what the facts are.
#[test]
fn st_7_closings() {
    ledger(5).play([
        (Alice, advance(7, &[]), Refused(Unauthorized)),
        (Operator, advance(2, &[1, 0]), Refused(EpochChanged)),
        (Operator, advance(1, &[1, 0]), Refused(InvalidInput)),
    ]);
}

/// RG-8, in its order: the node, the key, the standing.
#[test]
fn rg_8_exits() {
    let exit = |node| Action::Exit { node };
    ledger(5).play([
        (Alice, exit(9), Refused(NotFound)),
        (Operator, exit(1), Accepted),
        (Alice, exit(1), Refused(Unauthorized)),
        (Node(0), exit(1), Refused(Unauthorized)),
        (Node(1), exit(1), Refused(Conflict)),
    ]);
}

/// ST-7, EC-11: lifetime and shape, then who may, then the version.
#[test]
fn st_7_scores() {
    let mut ledger = ledger(5);
    let mut expired = ledger.command(Bob, score("none", 1, 7));
    expired.valid_until_epoch = 0;
    let expired = ledger.sign(Bob, expired);
    assert_eq!(ledger.submit(expired).1, Refused(EpochChanged));
    ledger.play([
        (Bob, score("none", 0, 1_000_001), NotAdmitted(InvalidVersion)),
        (Bob, score("none", 1, 1_000_001), NotAdmitted(Limit)),
        (Bob, score("none", 1, 7), Refused(Unauthorized)),
        (Alice, score("none", 1, 7), Refused(NotFound)),
    ]);
}

/// ST-7, EC-8: shape, then who may, then the bounds.
#[test]
fn st_7_credits() {
    let credit = |units| {
        let amount = Amount::from_raw(units);
        Action::Credit { account: Alice.account(), amount }
    };
    ledger(5).play([
        (Alice, credit(0), NotAdmitted(InvalidInput)),
        (Alice, credit(u128::MAX), Refused(Unauthorized)),
        (Operator, credit(u128::MAX), Refused(Limit)),
    ]);
}

/// PL-5, in its order: the audit, the number of answers, the version, the holder, the shard, the leaf, the path.
#[test]
fn pl_5_answers() {
    let mut ledger = Ledger::with_nodes(5);
    let content = make::sample(4_096 * 9, Profile::QFS_V13);
    let big = Action::Store(make::store("a", 1, 1, &content));
    ledger.play([
        (Alice, big, Accepted),
        (Alice, make::put("b", 1), Accepted),
        (Operator, Action::OpenAudit(OpenAudit::Sample(1)), Accepted),
    ]);
    let assigned = |name: &str, column: usize| {
        let version = ledger.state.version(&object(name), 1).unwrap();
        version.unwrap().stored.unwrap().assignment[column * 3..][..3].to_vec()
    };
    let (holders, empty) = (assigned("a", 0), assigned("b", 1));
    let node = holders[0];
    let stranger = (0..5).find(|node| !empty.contains(node)).unwrap();
    let good = make::answer(&ledger.state, &content, ("a", 1, 0), node);
    let mut unknown = good.clone();
    unknown.object = object("none");
    let mut elsewhere = good.clone();
    (elsewhere.object, elsewhere.column, elsewhere.leaf) = (object("b"), 1, 7);
    let mut astray = good.clone();
    astray.leaf += 1;
    astray.proof.as_mut().unwrap().path.clear();
    ledger.play([
        (Operator, make::record(9, node, vec![unknown.clone(); 2]), Refused(NotFound)),
        (Operator, make::record(3, node, vec![unknown.clone(); 2]), Refused(Limit)),
        (Operator, make::record(3, stranger, vec![unknown]), Refused(NotFound)),
        (Operator, make::record(3, stranger, vec![elsewhere.clone()]), Refused(InvalidInput)),
        (Operator, make::record(3, empty[0], vec![elsewhere]), Refused(ProofUnavailable)),
        (Operator, make::record(3, node, vec![astray]), Refused(InvalidInput)),
        (Operator, make::record(3, node, vec![good]), Accepted),
    ]);
}
