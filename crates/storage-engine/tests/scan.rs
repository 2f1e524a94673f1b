//! Listings see one map, whatever part of it is in the store already and whatever is still pending.

mod common;

use common::{Accepted, By::*, Ledger, make};
use protocol::{Action, Profile};
use storage_engine::state::Changes;

/// Name, version, and whether it has content.
type Row = (String, u64, bool);

fn rows(ledger: &Ledger, prefix: &str, most: usize) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut visit = |name: &str, version, record: storage_engine::state::records::VersionRecord| {
        rows.push((name.to_owned(), version, record.stored.is_some()));
        rows.len() < most
    };
    ledger.state.visit_versions(prefix, &mut visit).unwrap();
    rows
}

fn row(name: &str, version: u64, stored: bool) -> Row {
    (name.to_owned(), version, stored)
}

/// ST-1: by name and version; pending records between, before, after and over stored ones.
#[test]
fn st_1_pending_and_stored_records_merge_in_order() {
    let mut ledger = Ledger::with_nodes(5);
    ledger.play([
        (Alice, make::put("b", 1), Accepted),
        (Alice, make::put("b", 300), Accepted),
        (Alice, make::put("d", 1), Accepted),
        (Alice, make::put("b/c", 2), Accepted),
    ]);
    ledger.state.flush(Changes::new()).unwrap();
    ledger.play([
        (Alice, make::put("a", 1), Accepted),
        (Alice, make::put("bb", 7), Accepted),
        (Alice, make::delete("d", 2), Accepted),
        (Alice, make::purge("b", 300), Accepted),
        (Alice, make::put("b", 301), Accepted),
        (Alice, make::purge("b/c", 2), Accepted),
        (Alice, make::put("b\u{1}", 1), Accepted),
        (Alice, make::put("e", 1), Accepted),
    ]);
    let all = [
        row("a", 1, true),
        row("b", 1, true),
        row("b", 301, true),
        row("b\u{1}", 1, true),
        row("bb", 7, true),
        row("d", 1, true),
        row("d", 2, false),
        row("e", 1, true),
    ];
    for flushed in [false, true] {
        for most in 1..=all.len() {
            assert_eq!(rows(&ledger, "", most), all[..most], "flushed: {flushed}");
        }
        assert_eq!(rows(&ledger, "b", 99), all[1..5]);
        assert_eq!(rows(&ledger, "b/", 99), []);
        assert_eq!(rows(&ledger, "f", 99), []);
        let mut of_one = Vec::new();
        let mut visit = |_: &str, version, _| {
            of_one.push(version);
            true
        };
        ledger.state.visit_versions_of(&make::object("b"), &mut visit).unwrap();
        assert_eq!(of_one, [1, 301]);
        ledger.state.flush(Changes::new()).unwrap();
    }
}

/// A pending record hides the stored one of the same key, also when it was removed and written again.
#[test]
fn the_newer_record_wins() {
    let mut ledger = Ledger::with_nodes(5);
    let size = 4_097;
    ledger.play([(Alice, make::put_sized("a", 1, size, Profile::QFS_V13), Accepted)]);
    ledger.state.flush(Changes::new()).unwrap();
    let assignment = |ledger: &Ledger| {
        let mut seen = Vec::new();
        let mut visit = |_: &str, _, record: storage_engine::state::records::VersionRecord| {
            seen.extend(record.stored.unwrap().assignment);
            true
        };
        ledger.state.visit_versions("a", &mut visit).unwrap();
        seen
    };
    let before = assignment(&ledger);
    ledger.play([(Operator, Action::Exit { node: before[0] }, Accepted)]);
    let to = make::replacement(&ledger.state, "a", (0, 0)).unwrap();
    let moved = make::reassign("a", 1, (0, 0), before[0], to);
    ledger.play([(Operator, moved, Accepted)]);
    let after = assignment(&ledger);
    assert_eq!((after.len(), after[0]), (before.len(), to));
    assert_eq!(after[1..], before[1..]);
}
