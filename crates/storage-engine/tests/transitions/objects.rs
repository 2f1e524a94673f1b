//! Store, delete marker, purge.

use crate::common::{
    Accepted, By,
    By::*,
    Ledger, NotAdmitted, Refused,
    make::{
        self, EC, advance, delete, object, parameters, purge, put, put_at, put_layout, put_sized,
        put_with,
    },
};
use protocol::{
    Action,
    ErrorCode::*,
    Event, Hash32, Parameters, Profile,
    command::{Content, Custody},
};
use storage_engine::shard_tree::empty_root;

/// Greatest version that has not ended.
fn current(ledger: &Ledger, name: &str) -> Option<u64> {
    ledger.state.object(&object(name)).unwrap().and_then(|object| object.current)
}

/// PR-8: versions begin with 1 and grow; gaps are allowed, and there is a last one.
#[test]
fn pr_8_versions() {
    Ledger::with_nodes(5).play([
        (Alice, put("a", 0), NotAdmitted(InvalidVersion)),
        (Alice, put("a", 1), Accepted),
        (Alice, put("a", 1), Refused(InvalidVersion)),
        (Alice, put("a", 7), Accepted),
        (Alice, put("a", 7), Refused(InvalidVersion)),
        (Alice, put("a", 6), Refused(InvalidVersion)),
        (Alice, delete("a", 7), Refused(InvalidVersion)),
        (Alice, put("a", u64::MAX), Accepted),
        (Alice, put("a", u64::MAX), Refused(InvalidVersion)),
        (Alice, delete("a", u64::MAX), Refused(InvalidVersion)),
        (Alice, put("b", u64::MAX), Accepted),
    ]);
}

/// PR-9: whoever stores the first version owns the object, also after all its versions have ended.
#[test]
fn pr_9_ownership() {
    Ledger::with_nodes(5).play([
        (Alice, put("a", 1), Accepted),
        (Bob, put("a", 2), Refused(Unauthorized)),
        (Bob, delete("a", 2), Refused(Unauthorized)),
        (Bob, purge("a", 1), Refused(Unauthorized)),
        (Operator, put("a", 2), Refused(Unauthorized)),
        (Operator, purge("a", 1), Refused(Unauthorized)),
        (Unsigned, delete("a", 2), Refused(Unauthorized)),
        (Alice, purge("a", 1), Accepted),
        (Bob, put("a", 2), Refused(Unauthorized)),
        (Alice, put("a", 1), Refused(InvalidVersion)),
        (Alice, put("a", 2), Accepted),
        (Bob, put("b", 1), Accepted),
    ]);
}

#[test]
fn delete_markers() {
    Ledger::with_nodes(5).play([
        (Alice, delete("a", 1), Refused(NotFound)),
        (Alice, put("a", 1), Accepted),
        (Alice, delete("a", 0), NotAdmitted(InvalidVersion)),
        (Alice, delete("a", 2), Accepted),
        (Alice, delete("a", 3), Refused(NotFound)),
        (Alice, put("a", 3), Accepted),
        (Alice, delete("a", 9), Accepted),
        (Alice, delete("", 1), NotAdmitted(InvalidInput)),
    ]);
}

#[test]
fn a_marker_keeps_earlier_versions() {
    let mut ledger = Ledger::with_nodes(5);
    ledger.play([(Alice, put("a", 1), Accepted), (Alice, delete("a", 2), Accepted)]);
    assert_eq!(current(&ledger, "a"), Some(2));
    let version = |version| ledger.state.version(&object("a"), version).unwrap();
    assert!(version(1).unwrap().stored.is_some());
    assert!(version(2).unwrap().stored.is_none());
    assert_eq!(ledger.state.ledger().unwrap().bytes_stored, 3);
}

#[test]
fn purging() {
    let mut ledger = Ledger::with_nodes(5);
    ledger.play([
        (Alice, purge("a", 1), Refused(NotFound)),
        (Alice, put("a", 1), Accepted),
        (Alice, put("a", 4), Accepted),
        (Alice, delete("a", 5), Accepted),
        (Alice, purge("a", 0), NotAdmitted(InvalidVersion)),
        (Alice, purge("a", 3), Refused(NotFound)),
        (Alice, purge("a", 5), Accepted),
    ]);
    assert_eq!(current(&ledger, "a"), Some(4), "the marker is gone");
    ledger.play([
        (Alice, purge("a", 5), Refused(NotFound)),
        (Alice, delete("a", 6), Accepted),
        (Alice, purge("a", 6), Accepted),
        (Alice, purge("a", 4), Accepted),
    ]);
    assert_eq!(current(&ledger, "a"), Some(1));
    ledger.play([(Alice, purge("a", 1), Accepted)]);
    assert_eq!(current(&ledger, "a"), None);
    assert_eq!(ledger.state.ledger().unwrap().bytes_stored, 0);
    ledger.play([
        (Alice, delete("a", 7), Refused(NotFound)),
        (Alice, put("a", 6), Refused(InvalidVersion)),
        (Alice, put("a", 7), Accepted),
    ]);
    assert_eq!(current(&ledger, "a"), Some(7));
}

/// A version in the middle ends without a change of what is current.
#[test]
fn purging_an_old_version() {
    let mut ledger = Ledger::with_nodes(5);
    ledger.play([
        (Alice, put("a", 1), Accepted),
        (Alice, put("a", 2), Accepted),
        (Alice, purge("a", 1), Accepted),
        (Alice, put("ab", 1), Accepted),
    ]);
    assert_eq!(current(&ledger, "a"), Some(2));
}

/// EC-1, PL-3: the event has the fee, where the copies stand, and whether the object was there before.
#[test]
fn what_a_store_says() {
    let mut ledger = Ledger::with_nodes(7);
    let metadata = br#"{"k":1,"tags":["a","b"]}"#.to_vec();
    let first = ledger.event(Alice, put_with("a", |store| store.metadata = metadata));
    let Event::Stored { fee, assignment, update } = first else { panic!("{first:?}") };
    assert_eq!(fee.to_string(), "102.000000000000000000");
    assert_eq!((assignment.len(), update), (12, false));
    let second = ledger.event(Alice, put("a", 2));
    assert!(matches!(second, Event::Stored { update: true, .. }));
    let account = ledger.state.account(&By::Alice.account()).unwrap();
    assert_eq!(account.fees.to_string(), "202.000000000000000000");
    assert_eq!(account.debt, account.fees);
    assert_eq!(ledger.state.ledger().unwrap().treasury.open_fees, account.fees);
}

/// LA-8: bytes are counted where the copies stand, empty shards as nothing.
#[test]
fn bytes_are_counted_per_copy() {
    let mut ledger = Ledger::with_nodes(3);
    ledger.play([
        (Alice, put_sized("a", 1, 0, Profile::QFS_V13), Accepted),
        (Alice, put_sized("b", 1, 4_097, Profile::QFS_V13), Accepted),
    ]);
    for node in ledger.state.nodes() {
        assert_eq!(node.bytes_stored, 4_097, "three nodes hold a copy each");
    }
    assert_eq!(ledger.state.ledger().unwrap().bytes_stored, 3 * 4_097);
}

/// PL-7: a placement of an earlier epoch counts if this epoch places the shards there too.
#[test]
fn pl_7_epochs_of_a_placement() {
    let all = [0, 1, 2, 3, 4];
    Ledger::with_nodes(5).play([
        (Alice, put_at("a", 1, 0), Refused(InvalidInput)),
        (Alice, put_at("a", 1, 2), Refused(InvalidInput)),
        (Alice, put_at("a", 1, u64::MAX), Refused(InvalidInput)),
        (Operator, advance(1, &all), Accepted),
        (Alice, put_at("a", 1, 1), Accepted),
        (Alice, put_at("b", 1, 2), Accepted),
        (Operator, advance(2, &all[..4]), Accepted),
        (Alice, put_at("c", 1, 1), Refused(EpochChanged)),
        (Alice, put_at("c", 1, 2), Refused(EpochChanged)),
        (Alice, put_at("c", 1, 3), Accepted),
        (Operator, advance(3, &all), Accepted),
        (Alice, put_at("d", 1, 3), Refused(EpochChanged)),
        (Alice, put_at("d", 1, 1), Accepted),
    ]);
}

/// PL-3, PL-4: too few nodes is a refusal, never a copy beside another.
#[test]
fn too_few_nodes() {
    Ledger::with_nodes(2).play([(Alice, put("a", 1), Refused(NoEligibleNodes))]);
    Ledger::with_nodes(3).play([
        (Alice, put("a", 1), Accepted),
        (Operator, advance(1, &[0, 1]), Accepted),
        (Alice, put_at("b", 1, 1), Refused(NoEligibleNodes)),
        (Alice, put_at("b", 1, 2), Refused(NoEligibleNodes)),
    ]);
    let ec = |nodes| Ledger::open(make::genesis_with(nodes, parameters(EC)));
    ec(3).play([(Alice, put_sized("a", 1, 9, EC), Refused(NoEligibleNodes))]);
    ec(4).play([(Alice, put_sized("a", 1, 9, EC), Accepted)]);
}

/// EC-6: with `prepaid`, a fee needs a balance that covers it.
#[test]
fn ec_6_prepaid() {
    let prepaid = Parameters { prepaid: true, ..parameters(Profile::QFS_V13) };
    Ledger::open(make::genesis_with(5, prepaid)).play([
        (Alice, put("a", 1), Refused(InsufficientFunds)),
        (Alice, put_sized("a", 1, 0, Profile::QFS_V13), Accepted),
    ]);
}

/// PR-6: metadata must be canonical, well typed and within its limits.
#[test]
fn pr_6_metadata() {
    let with = |text: String| put_with("a", |store| store.metadata = text.into_bytes());
    let long = |bytes: usize| with(format!("{{\"k\":\"{}\"}}", "x".repeat(bytes - 8)));
    let short = Parameters { metadata_limit: 256, ..parameters(Profile::QFS_V13) };
    Ledger::open(make::genesis_with(5, short)).play([
        (Alice, with("{ }".into()), NotAdmitted(InvalidInput)),
        (Alice, with("".into()), NotAdmitted(InvalidInput)),
        (Alice, with("[]".into()), NotAdmitted(InvalidInput)),
        (Alice, with(r#"{"b":1,"a":2}"#.into()), NotAdmitted(InvalidInput)),
        (Alice, with(r#"{"a":1.0}"#.into()), NotAdmitted(InvalidInput)),
        (Alice, with(r#"{"tags":["b","a"]}"#.into()), NotAdmitted(InvalidInput)),
        (Alice, with(r#"{"openagi_score":1000001}"#.into()), NotAdmitted(InvalidInput)),
        (Alice, long(16_385), NotAdmitted(Limit)),
        (Alice, long(16_384), Refused(Limit)),
        (Alice, long(257), Refused(Limit)),
        (Alice, long(256), Accepted),
    ]);
}

/// PR-5, LA-1, LA-2: what a layout must be on any ledger, and on this one.
#[test]
fn layouts() {
    let empty = empty_root();
    Ledger::with_nodes(5).play([
        (Alice, put_layout("a", |l| l.roots[0] = empty), NotAdmitted(InvalidInput)),
        (Alice, put_layout("a", |l| l.roots[3] = Hash32::ZERO), NotAdmitted(InvalidInput)),
        (Alice, put_layout("a", |l| l.roots.truncate(3)), NotAdmitted(InvalidInput)),
        (Alice, put_layout("a", |l| l.roots.push(empty)), NotAdmitted(InvalidInput)),
        (Alice, put_layout("a", |l| l.size = 0), NotAdmitted(InvalidInput)),
        (Alice, put_layout("a", |l| l.size = (1 << 56) + 1), NotAdmitted(Limit)),
        (Alice, put_layout("a", |l| l.block_size = 0), NotAdmitted(InvalidInput)),
        (Alice, put_layout("a", |l| l.block_size = 4_095), NotAdmitted(InvalidInput)),
        (Alice, put_layout("a", |l| l.profile.data = 0), NotAdmitted(InvalidInput)),
        (Alice, put_layout("a", |l| l.profile.replicas = 5), NotAdmitted(InvalidInput)),
        (Alice, put_layout("a", |l| l.profile.replicas = 2), Refused(InvalidInput)),
        (Alice, put_layout("a", |l| l.block_size = 8_192), Refused(InvalidInput)),
        (Alice, put_sized("a", 1, 9, EC), Refused(InvalidInput)),
        (Alice, put("a", 1), Accepted),
    ]);
}

#[test]
fn formats_that_are_only_reserved() {
    let manifest = Content::Manifest { root: Hash32::ZERO, count: 1, size: 1 };
    let receipts = Custody::ReceiptRoot(Hash32::ZERO);
    Ledger::with_nodes(5).play([
        (Alice, put_with("a", |s| s.content = manifest), NotAdmitted(InvalidInput)),
        (Alice, put_with("a", |s| s.custody = receipts), NotAdmitted(InvalidInput)),
    ]);
}

/// PR-2: names.
#[test]
fn pr_2_object_ids() {
    Ledger::with_nodes(5).play([
        (Alice, put("", 1), NotAdmitted(InvalidInput)),
        (Alice, put("a\0b", 1), NotAdmitted(InvalidInput)),
        (Alice, put(&"x".repeat(1_025), 1), NotAdmitted(Limit)),
        (Alice, put(&"x".repeat(1_024), 1), Accepted),
        (Alice, put("../ü \u{1f600}", 1), Accepted),
    ]);
}

/// The nodes together hold at most 2^60 bytes; fees of all objects stay below their bound.
#[test]
fn the_ledger_is_full_at_2_to_the_60() {
    let profile = Profile { data: 1, parity: 0, replicas: 4 };
    let large = |name: &str| {
        let mut store = make::store(name, 1, 1, &make::sample(1, profile));
        if let Content::Single(layout) = &mut store.content {
            layout.size = 1 << 56;
        }
        Action::Store(store)
    };
    let mut ledger = Ledger::open(make::genesis_with(4, parameters(profile)));
    for name in ["a", "b", "c", "d"] {
        ledger.play([(Alice, large(name), Accepted)]);
    }
    assert_eq!(ledger.state.ledger().unwrap().bytes_stored, 1 << 60);
    ledger.play([
        (Alice, large("e"), Refused(Limit)),
        (Alice, put_sized("e", 1, 1, profile), Refused(Limit)),
        (Alice, put_sized("e", 1, 0, profile), Accepted),
        (Alice, purge("a", 1), Accepted),
        (Alice, large("e"), Refused(InvalidVersion)),
        (Alice, large("f"), Accepted),
        (Operator, advance(1, &[0, 1, 2, 3]), Accepted),
    ]);
}
