//! Listing objects: sorted by name and version, filtered by name and metadata.

mod common;

use common::{Accepted, By::*, Ledger, make};
use protocol::{Action, Hash32, Profile, command::Content};
use storage_engine::query::{ObjectFilter, ObjectSummary, list_objects};

fn tagged(name: &str, metadata: &str) -> Action {
    let metadata = metadata.as_bytes().to_vec();
    make::put_with(name, |store| store.metadata = metadata)
}

/// Object "a" of three versions, "b" that is deleted, "c" whose marker was purged, "d/1" and "d/2", and
/// "gone", of which every version has ended.
fn ledger() -> Ledger {
    let mut ledger = Ledger::with_nodes(5);
    ledger.play([
        (Alice, tagged("d/2", r#"{"n":7,"tags":["x"]}"#), Accepted),
        (Alice, make::put("a", 1), Accepted),
        (Alice, make::put_sized("a", 4, 5_000, Profile::QFS_V13), Accepted),
        (Alice, make::put_sized("a", 300, 9, Profile::QFS_V13), Accepted),
        (Alice, make::put("b", 1), Accepted),
        (Alice, make::delete("b", 2), Accepted),
        (Alice, tagged("c", r#"{"n":7}"#), Accepted),
        (Alice, make::delete("c", 2), Accepted),
        (Alice, make::purge("c", 2), Accepted),
        (Alice, tagged("d/1", r#"{"n":"7","tags":["x","y"]}"#), Accepted),
        (Alice, make::put("gone", 1), Accepted),
        (Alice, make::purge("gone", 1), Accepted),
    ]);
    ledger
}

/// Names and versions that the filter lets through, at most `most` of them.
fn rows(ledger: &Ledger, filter: &ObjectFilter, most: usize) -> Vec<(String, u64)> {
    let mut rows = Vec::new();
    let mut visit = |summary: &ObjectSummary<'_>| {
        rows.push((summary.object_id.to_owned(), summary.version));
        rows.len() < most
    };
    list_objects(&ledger.state, filter, &mut visit).unwrap();
    rows
}

fn named(rows: &[(&str, u64)]) -> Vec<(String, u64)> {
    rows.iter().map(|(name, version)| ((*name).to_owned(), *version)).collect()
}

const CURRENT: [(&str, u64); 4] = [("a", 300), ("c", 1), ("d/1", 1), ("d/2", 1)];

#[test]
fn the_current_version_of_each_object_that_is_not_deleted() {
    assert_eq!(rows(&ledger(), &ObjectFilter::default(), 99), named(&CURRENT));
}

#[test]
fn every_version_and_marker() {
    let filter = ObjectFilter { versions: true, ..ObjectFilter::default() };
    let all =
        [("a", 1), ("a", 4), ("a", 300), ("b", 1), ("b", 2), ("c", 1), ("d/1", 1), ("d/2", 1)];
    assert_eq!(rows(&ledger(), &filter, 99), named(&all));
}

#[test]
fn a_prefix_is_the_beginning_of_a_name() {
    let ledger = ledger();
    for (prefix, expected) in [
        ("d", &[("d/1", 1), ("d/2", 1)][..]),
        ("d/2", &[("d/2", 1)]),
        ("a", &[("a", 300)]),
        ("b", &[]),
        ("z", &[]),
        ("/", &[]),
    ] {
        let filter = ObjectFilter { prefix: prefix.into(), ..ObjectFilter::default() };
        assert_eq!(rows(&ledger, &filter, 99), named(expected), "{prefix:?}");
    }
}

/// A text, the JSON of another value, or a member of a list; several pairs must all hold.
#[test]
fn metadata_that_is_asked_for() {
    let ledger = ledger();
    for (wanted, expected) in [
        (&[("n", "7")][..], &[("c", 1), ("d/1", 1), ("d/2", 1)][..]),
        (&[("tags", "x")], &[("d/1", 1), ("d/2", 1)]),
        (&[("tags", r#"["x"]"#)], &[("d/2", 1)]),
        (&[("tags", "x"), ("tags", "y")], &[("d/1", 1)]),
        (&[("n", "7"), ("tags", "z")], &[]),
        (&[("none", "")], &[]),
    ] {
        let metadata = wanted.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect();
        let filter = ObjectFilter { metadata, ..ObjectFilter::default() };
        assert_eq!(rows(&ledger, &filter, 99), named(expected), "{wanted:?}");
    }
}

/// Whoever has seen enough says so, and sees no more, not even the object held back until the end.
#[test]
fn a_visit_ends_when_it_wants_to() {
    let ledger = ledger();
    for versions in [false, true] {
        let filter = ObjectFilter { versions, ..ObjectFilter::default() };
        let all = rows(&ledger, &filter, 99);
        for most in 1..=all.len() {
            assert_eq!(rows(&ledger, &filter, most), all[..most], "versions: {versions}");
        }
    }
}

#[test]
fn what_a_row_says() {
    let ledger = ledger();
    let filter = ObjectFilter { versions: true, ..ObjectFilter::default() };
    let mut seen = Vec::new();
    let mut visit = |row: &ObjectSummary<'_>| {
        let deleted = row.stored.is_none();
        let metadata = row.metadata.to_canonical();
        seen.push((row.size(), row.created_at_tick, deleted, metadata));
        true
    };
    list_objects(&ledger.state, &filter, &mut visit).unwrap();
    let row = |size, tick, deleted, metadata: &str| (size, tick, deleted, metadata.to_owned());
    assert_eq!(
        seen,
        [
            row(1, 3, false, "{}"),
            row(5_000, 4, false, "{}"),
            row(9, 5, false, "{}"),
            row(1, 6, false, "{}"),
            row(0, 7, true, "{}"),
            row(1, 8, false, r#"{"n":7}"#),
            row(1, 11, false, r#"{"n":"7","tags":["x","y"]}"#),
            row(1, 2, false, r#"{"n":7,"tags":["x"]}"#),
        ]
    );
}

/// A manifest says the size of its parts; the format has room for it already.
#[test]
fn the_size_of_a_manifest() {
    let ledger = ledger();
    let version = ledger.state.version(&make::object("a"), 1).unwrap().unwrap();
    let mut stored = version.stored.unwrap();
    stored.content = Content::Manifest { root: Hash32::ZERO, count: 2, size: 77 };
    let metadata = protocol::json::Value::Null;
    let row = ObjectSummary {
        object_id: "a",
        version: 1,
        created_at_tick: 0,
        stored: Some(&stored),
        metadata,
    };
    assert_eq!(row.size(), 77);
}
