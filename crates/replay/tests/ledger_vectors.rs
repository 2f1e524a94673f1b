//! RP-8: a ledger, its hashes, its roots and the evidence of it are the same bytes on every machine. The files were
//! written on one of them; this test runs on all.

mod common;

use std::{fs, path::Path};

use common::{audited, pinned, vectors};
use replay::evidence;

fn committed(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors/ledger");
    fs::read(folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// What is generated and audited here is what was generated and audited there.
#[test]
fn rp_8_ledgers_are_the_same_everywhere() {
    for (name, bytes) in vectors::files() {
        assert!(committed(&name) == bytes, "{name} is another on this machine");
    }
}

/// The committed file itself, with the evidence beside it, and with every kind of event in it.
#[test]
fn rp_8_the_kept_ledger_gives_the_kept_evidence() {
    let report = audited(&committed("kept.qfslog"), &pinned());
    assert!(report.passed());
    for document in evidence::documents(&report) {
        let name = format!("evidence/{}", document.name);
        assert_eq!(document.to_text().as_bytes(), committed(&name), "{name}");
    }
    assert_eq!(report.events.len(), 19, "{:?}", report.events.keys());
}
