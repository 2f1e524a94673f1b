//! Keys that are replaced and declared void: every refusal with its code, and who speaks afterwards (KY-1 to KY-7).

use crate::common::{
    Accepted,
    By::{self, *},
    Ledger, NotAdmitted, Refused,
    make::{self, activate, advance, propose, put, quorum, ratio, set, vote},
};
use protocol::{
    Action, Amount,
    ErrorCode::{self, *},
    Event, Hash32,
    governance::{Change, Speaker},
    keys::{KeyHolder, RevokeKeys, RotateKeys},
    limits::MAX_KEY_GENERATIONS,
    parameters::{Parameter, Value},
    signature::{SeedSigner, Signer, Suite},
};
use storage_engine::state::records::KeyGeneration;

fn key(suite: Suite, seed: u8) -> SeedSigner {
    SeedSigner::from_seed(suite, [seed; 32])
}

fn by(keys: &[SeedSigner]) -> Vec<&dyn Signer> {
    keys.iter().map(|key| key as &dyn Signer).collect()
}

/// A council of Alice and Bob, whose seats are 0 and 1.
fn ledger() -> Ledger {
    let mut genesis = make::genesis(6);
    genesis.council.push(Bob.signer().public_key());
    Ledger::open(genesis)
}

/// A rotation of `holder` to keys of these seeds; those of the log are endorsed by the ones of `old`.
fn rotation(
    ledger: &Ledger,
    holder: KeyHolder,
    generation: u32,
    seed: u8,
    old: Option<u8>,
) -> RotateKeys {
    let keys = |seed| match holder {
        KeyHolder::Log => vec![key(Suite::Ed25519, seed), key(Suite::MlDsa44, seed)],
        KeyHolder::Node(_) => vec![key(Suite::MlDsa44, seed)],
        _ => vec![key(Suite::Ed25519, seed)],
    };
    let (new, old) = (keys(seed), old.map(keys).unwrap_or_default());
    let ledger_id = ledger.state.ledger_id().unwrap_or(Hash32::ZERO);
    RotateKeys::signed(&ledger_id, holder, generation, &by(&new), &by(&old))
}

fn rotate(ledger: &Ledger, holder: KeyHolder, generation: u32, seed: u8) -> Action {
    let old = (holder == KeyHolder::Log).then_some(9);
    Action::RotateKeys(rotation(ledger, holder, generation, seed, old).into())
}

fn changed(ledger: &Ledger, holder: KeyHolder, change: impl FnOnce(&mut RotateKeys)) -> Action {
    let mut rotation = rotation(ledger, holder, 2, 40, (holder == KeyHolder::Log).then_some(9));
    change(&mut rotation);
    Action::RotateKeys(rotation.into())
}

fn revoke(holder: KeyHolder, generation: u32) -> Action {
    Action::RevokeKeys(RevokeKeys { holder, generation, reason: "lost".into() })
}

fn pool_share(percent: u128) -> Change {
    set(Parameter::pool_share, Value::Amount(ratio(percent)))
}

const LOG: KeyHolder = KeyHolder::Log;
const OPERATOR: KeyHolder = KeyHolder::Operator;
const SEAT_0: KeyHolder = KeyHolder::Council(0);
const SEAT_1: KeyHolder = KeyHolder::Council(1);
const NODE_2: KeyHolder = KeyHolder::Node(2);

/// KY-4, 1 and 2: what is refused before it is logged.
#[test]
fn ky_4_what_is_not_admitted() {
    let mut ledger = ledger();
    let wrong = |holder, change: fn(&mut RotateKeys), code: ErrorCode| (holder, change, code);
    for (holder, change, code) in [
        wrong(OPERATOR, |r| r.generation = 1, InvalidInput),
        wrong(OPERATOR, |r| r.generation = 0, InvalidInput),
        wrong(OPERATOR, |r| r.keys.clear(), InvalidInput),
        wrong(OPERATOR, |r| r.keys.push(r.keys[0].clone()), InvalidInput),
        wrong(OPERATOR, |r| r.possession.clear(), InvalidInput),
        wrong(OPERATOR, |r| r.endorsement.push(r.possession[0].clone()), InvalidInput),
        wrong(LOG, |r| r.keys.swap(0, 1), InvalidInput),
        wrong(LOG, |r| r.keys.truncate(1), InvalidInput),
        wrong(LOG, |r| r.endorsement.truncate(1), InvalidInput),
        wrong(LOG, |r| r.possession.swap(0, 1), Unauthorized),
        wrong(NODE_2, |r| r.keys[0] = key(Suite::Ed25519, 1).public_key(), InvalidInput),
        wrong(OPERATOR, |r| r.possession[0][5] ^= 1, Unauthorized),
        wrong(OPERATOR, |r| r.generation = 3, Unauthorized),
        wrong(OPERATOR, |r| r.keys[0] = By::Bob.signer().public_key(), Unauthorized),
    ] {
        let action = changed(&ledger, holder, change);
        ledger.play([(Operator, action, NotAdmitted(code))]);
    }
    let long = RevokeKeys { holder: LOG, generation: 1, reason: "x".repeat(65) };
    let control = RevokeKeys { reason: "\n".into(), ..long.clone() };
    ledger.play([
        (Operator, Action::RevokeKeys(long), NotAdmitted(InvalidInput)),
        (Operator, Action::RevokeKeys(control), NotAdmitted(InvalidInput)),
        (Operator, revoke(LOG, 0), NotAdmitted(InvalidInput)),
        (Operator, revoke(OPERATOR, 1), NotAdmitted(InvalidInput)),
        (Node(2), revoke(NODE_2, 1), NotAdmitted(InvalidInput)),
    ]);
    let mut empty = Ledger::empty();
    let early = rotate(&empty, OPERATOR, 2, 40);
    empty.play([(Unsigned, early, NotAdmitted(AegisContextMissing))]);
}

/// KY-3: a signature of possession names the ledger, the holder, the generation and the keys.
#[test]
fn ky_3_possession_is_of_one_rotation() {
    let mut ledger = ledger();
    let other = Ledger::with_nodes(5);
    let elsewhere = rotate(&other, OPERATOR, 2, 40);
    let of_a_seat = changed(&ledger, SEAT_0, |r| r.holder = OPERATOR);
    ledger.play([
        (Operator, elsewhere, NotAdmitted(Unauthorized)),
        (Operator, of_a_seat, NotAdmitted(Unauthorized)),
    ]);
}

/// KY-4: every refusal by decision, in its order.
#[test]
fn ky_4_refusals() {
    let mut ledger = ledger();
    let l = &ledger;
    let unendorsed = Action::RotateKeys(rotation(l, LOG, 2, 40, None).into());
    let forged = Action::RotateKeys(rotation(l, LOG, 2, 40, Some(41)).into());
    let same = rotate(l, OPERATOR, 2, 1);
    let table = [
        (Operator, rotate(l, KeyHolder::Council(2), 2, 40), Refused(NotFound)),
        (Operator, rotate(l, KeyHolder::Node(6), 2, 40), Refused(NotFound)),
        (Operator, rotate(l, SEAT_0, 2, 40), Refused(Unauthorized)),
        (Operator, rotate(l, NODE_2, 2, 40), Refused(Unauthorized)),
        (Node(3), rotate(l, NODE_2, 2, 40), Refused(Unauthorized)),
        (Alice, rotate(l, OPERATOR, 2, 40), Refused(Unauthorized)),
        (Alice, rotate(l, LOG, 2, 40), Refused(Unauthorized)),
        (Unsigned, rotate(l, OPERATOR, 2, 40), Refused(Unauthorized)),
        (Unsigned, rotate(l, LOG, 2, 40), Refused(Unauthorized)),
        (Bob, rotate(l, SEAT_0, 2, 40), Refused(Unauthorized)),
        (Operator, rotate(l, OPERATOR, 3, 40), Refused(Conflict)),
        (Operator, same, Refused(Conflict)),
        (Operator, forged, Refused(Unauthorized)),
        (Operator, unendorsed, Accepted),
        (Operator, rotate(l, LOG, 2, 42), Refused(Conflict)),
    ];
    ledger.play(table);
    // What was replaced does not come back, nor does it endorse any more.
    let back = Action::RotateKeys(rotation(&ledger, LOG, 3, 9, Some(40)).into());
    let by_the_first = Action::RotateKeys(rotation(&ledger, LOG, 3, 42, Some(9)).into());
    let by_the_second = Action::RotateKeys(rotation(&ledger, LOG, 3, 42, Some(40)).into());
    ledger.play([
        (Operator, back, Refused(Conflict)),
        (Operator, by_the_first, Refused(Unauthorized)),
        (Operator, by_the_second, Accepted),
    ]);
}

/// KY-7: what the state keeps, and which generation signs which checkpoint (KY-2).
#[test]
fn ky_7_the_history_of_the_log() {
    let mut ledger = ledger();
    assert!(ledger.state.keys_of(LOG).unwrap().is_none());
    let second = rotate(&ledger, LOG, 2, 40);
    let third = Action::RotateKeys(rotation(&ledger, LOG, 3, 41, None).into());
    ledger.play([
        (Operator, put("a", 1), Accepted),
        (Operator, second, Accepted),
        (Operator, third, Accepted),
        (Operator, revoke(LOG, 2), Accepted),
    ]);
    let record = ledger.state.keys_of(LOG).unwrap().unwrap();
    let fingerprints = |seed| {
        [Suite::Ed25519, Suite::MlDsa44].map(|suite| key(suite, seed).public_key().fingerprint())
    };
    let generation = |from, seed, endorsed, revoked| KeyGeneration {
        from,
        keys: fingerprints(seed).to_vec(),
        endorsed,
        revoked,
    };
    assert_eq!(
        record.generations,
        [
            generation(0, 9, false, None),
            generation(2, 40, true, Some(4)),
            generation(3, 41, false, None)
        ]
    );
    assert_eq!(record.in_force, ledger.state.log_keys());
    assert_eq!([1, 2, 3, 4, 9].map(|size| record.signing(size)), [1, 1, 2, 3, 3]);
}

/// KY-5: the operator's account goes with the office, not with the key.
#[test]
fn ky_5_the_operator_changes_keys() {
    let mut ledger = ledger();
    let account = Operator.account();
    let next = rotate(&ledger, OPERATOR, 2, 40);
    ledger.play([(Operator, put("mine", 1), Accepted), (Operator, next, Accepted)]);
    assert_eq!(ledger.state.operator(), Some(account));
    let later = rotate(&ledger, OPERATOR, 3, 50);
    ledger.play([
        // The old key speaks for nobody, and not for its own account either.
        (Operator, put("mine", 2), Refused(Unauthorized)),
        (Operator, Action::RegisterNode(make::register(20)), Refused(Unauthorized)),
        (Operator, later, Refused(Unauthorized)),
        (Successor(40), put("mine", 2), Accepted),
        (Unsigned, put("mine", 3), Accepted),
        (Successor(40), Action::RegisterNode(make::register(20)), Accepted),
        // The new key has no account of its own.
        (Seeded(40), put("theirs", 1), Refused(Unauthorized)),
        (Seeded(41), put("theirs", 1), Accepted),
        (Successor(41), put("mine", 4), Refused(Unauthorized)),
        (Successor(40), advance(1, &[0, 1, 2, 3, 4, 5]), Accepted),
    ]);
}

/// KY-5: a node keeps its name, its standing and its vote.
#[test]
fn ky_5_a_node_changes_keys() {
    let mut ledger = ledger();
    let next = rotate(&ledger, NODE_2, 2, 60);
    let before = ledger.state.node(2).unwrap().clone();
    ledger.play([(Node(2), next, Accepted)]);
    let after = ledger.state.node(2).unwrap().clone();
    let bytes = key(Suite::MlDsa44, 60).public_key().bytes;
    assert_eq!(after.key_hash, Hash32::of(&bytes));
    assert_eq!(ledger.state.node_key(2).unwrap(), Some(bytes));
    assert_eq!(
        (after.standing, after.nod, after.node_id),
        (before.standing, before.nod, before.node_id)
    );
    let propose = |percent| propose(Speaker::Node(2), quorum(percent), false);
    let next = rotate(&ledger, NODE_2, 3, 61);
    ledger.play([
        (Node(2), propose(70), Refused(Unauthorized)),
        (Node(60), propose(70), Accepted),
        (Node(60), next, Accepted),
        (Node(61), Action::Exit { node: 2 }, Accepted),
    ]);
    // Another suite is another scheme.
    let ledger_id = ledger.state.ledger_id().unwrap();
    let strong = key(Suite::MlDsa87, 62);
    let rotation = RotateKeys::signed(&ledger_id, KeyHolder::Node(3), 2, &[&strong], &[]);
    ledger.play([(Node(3), Action::RotateKeys(rotation.into()), Accepted)]);
    assert_eq!(ledger.state.node(3).unwrap().scheme, "ML-DSA-87");
}

/// A node that has no say changes no key (GV-2).
#[test]
fn ky_4_a_revoked_node_stays_silent() {
    let mut ledger = ledger();
    let revoked = make::advance_with(1, |advance| {
        advance.registry = make::facts(1, &[0, 1, 2, 3, 4, 5]).registry;
        advance.telemetry = make::facts(1, &[0, 1, 2, 3, 4, 5]).telemetry;
        advance.registry[2].revoked = true;
    });
    let next = rotate(&ledger, NODE_2, 2, 60);
    ledger.play([(Operator, revoked, Accepted), (Node(2), next, Refused(Unauthorized))]);
}

/// KY-6 and GV-4: a seat whose key is void votes on nothing later, and does not count.
#[test]
fn ky_6_a_vacant_seat() {
    let mut ledger = ledger();
    let again = rotate(&ledger, SEAT_1, 2, 40);
    ledger.play([
        (Operator, propose(Speaker::Operator, quorum(70), true), Accepted),
        (Operator, revoke(SEAT_1, 1), Refused(Unauthorized)),
        (Alice, revoke(SEAT_1, 1), Refused(Unauthorized)),
        (Alice, revoke(KeyHolder::Council(7), 1), Refused(NotFound)),
        (Bob, revoke(SEAT_1, 2), Refused(NotFound)),
        (Bob, revoke(SEAT_1, 1), Accepted),
        (Bob, revoke(SEAT_1, 1), Refused(Unauthorized)),
        (Bob, again, Refused(Unauthorized)),
        (Bob, vote(1, Speaker::Council(1), true), Refused(Unauthorized)),
        (Alice, revoke(SEAT_0, 1), Refused(Conflict)),
        (Alice, vote(1, Speaker::Council(0), true), Accepted),
        // One vote of two: the electorate of the first proposal stays as it was.
        (Operator, activate(1, Speaker::Operator), Refused(NoQuorum)),
    ]);
    let event = ledger.event(Operator, propose(Speaker::Operator, pool_share(5), true));
    let Event::Proposed { weight, .. } = event else { panic!("{event:?}") };
    assert_eq!(weight, Amount(certified_math::BigNum128::ONE));
    ledger.play([
        (Alice, vote(2, Speaker::Council(0), true), Accepted),
        (Operator, activate(2, Speaker::Operator), Accepted),
    ]);
}

/// KY-5: whoever has the seat has its vote.
#[test]
fn ky_5_a_seat_changes_keys() {
    let mut ledger = ledger();
    let next = rotate(&ledger, SEAT_0, 2, 40);
    ledger.play([
        (Operator, propose(Speaker::Operator, quorum(70), true), Accepted),
        (Alice, next, Accepted),
        (Alice, vote(1, Speaker::Council(0), true), Refused(Unauthorized)),
        (Seeded(40), vote(1, Speaker::Council(0), true), Accepted),
        (Seeded(40), revoke(SEAT_0, 1), Refused(Conflict)),
        (Seeded(40), revoke(SEAT_0, 2), Accepted),
    ]);
}

/// KY-6: of the log, only what was replaced.
#[test]
fn ky_6_keys_of_the_log() {
    let mut ledger = ledger();
    let next = rotate(&ledger, LOG, 2, 40);
    ledger.play([
        (Operator, revoke(LOG, 1), Refused(Conflict)),
        (Operator, revoke(LOG, 2), Refused(NotFound)),
        (Operator, next, Accepted),
        (Alice, revoke(LOG, 1), Refused(Unauthorized)),
        (Operator, revoke(LOG, 1), Accepted),
        (Operator, revoke(LOG, 1), Refused(Conflict)),
    ]);
}

/// KY-4, 3: generations end, so that a record stays small.
#[test]
fn ky_4_generations_are_bounded() {
    let mut ledger = ledger();
    let ledger_id = ledger.state.ledger_id().unwrap();
    let seed = |generation: u32| {
        let bytes = Hash32::of(&generation.to_be_bytes());
        SeedSigner::from_seed(Suite::Ed25519, bytes.0)
    };
    let last = MAX_KEY_GENERATIONS as u32;
    for generation in 2..=last + 1 {
        let rotation =
            RotateKeys::signed(&ledger_id, OPERATOR, generation, &[&seed(generation)], &[]);
        let mut command = ledger.command(Unsigned, Action::RotateKeys(rotation.into()));
        let signer = if generation == 2 { Operator.signer() } else { seed(generation - 1) };
        command = command.sign(&ledger_id, &signer);
        let expect = if generation <= last { Accepted } else { Refused(Limit) };
        assert_eq!(ledger.submit(command).1, expect, "generation {generation}");
    }
}
