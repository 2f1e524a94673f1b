//! The ledgers of `tests/vectors/ledger`, made anew: their files, which must be the same bytes on every architecture.

use protocol::{
    Hash32, Profile,
    json::{Value, object},
};
use replay::{
    Report, audit, evidence,
    workload::{self, Spec, keys},
};

/// What the file of expected hashes is called.
pub const MANIFEST: &str = "manifest.json";

/// A ledger in which every kind of event happens, small enough to be kept.
const KEPT: Spec = Spec {
    seed: 15,
    nodes: 8,
    epochs: 13,
    objects_per_epoch: 4,
    profile: Profile::QFS_V13,
    sample: 1,
    council_epochs: 4,
    governed: true,
};

/// Ledgers of which hashes are kept, by name.
const HASHED: [(&str, Spec); 2] = [
    ("long", Spec { seed: 12, nodes: 20, epochs: 34, objects_per_epoch: 8, sample: 8, ..KEPT }),
    ("erasure", Spec { seed: 13, nodes: 28, profile: Profile::EC_16_6, sample: 4, ..KEPT }),
];

/// A file: its path below `tests/vectors/ledger`, and its bytes.
pub type File = (String, Vec<u8>);

/// Every file of `tests/vectors/ledger`: the kept log, the keys that its auditor pins, its evidence, and hashes of all.
pub fn files() -> Vec<File> {
    let log = workload::generate(&KEPT).expect("a log");
    let report = audited(&log);
    let mut files: Vec<File> = evidence::documents(&report)
        .iter()
        .map(|document| (format!("evidence/{}", document.name), document.to_text().into_bytes()))
        .collect();
    let hashed = HASHED.map(|(name, spec)| {
        let log = workload::generate(&spec).expect("a log");
        (name, described(&log, &audited(&log)))
    });
    let manifest = object(core::iter::once(("kept", described(&log, &report))).chain(hashed));
    files.push((MANIFEST.into(), format!("{manifest}\n").into_bytes()));
    files.push(("keys".into(), keys().into_bytes()));
    files.push(("kept.qfslog".into(), log));
    files
}

fn audited(log: &[u8]) -> Report {
    let report = audit(log, &keys::verifier_keys().expect("keys"), &mut |_| ());
    assert_eq!(report.divergence, None);
    report
}

fn keys() -> String {
    let lines = keys::verifier_keys().expect("keys").into_iter().map(|key| format!("{key}\n"));
    format!("# Test keys that everyone knows.\n{}", lines.collect::<String>())
}

/// What a ledger comes to, in hashes.
fn described(log: &[u8], report: &Report) -> Value {
    let hash = |hash: Option<Hash32>| Value::from(hash.expect("a hash").to_hex());
    let documents = evidence::documents(report);
    let evidence = documents.iter().map(|document| {
        (document.name, Value::from(Hash32::of(document.to_text().as_bytes()).to_hex()))
    });
    object([
        ("bytes", Value::uint(log.len() as u64)),
        ("entries", Value::uint(report.entries)),
        ("evidence", object(evidence)),
        ("last_entry_hash", hash(report.last_entry_hash)),
        ("log_hash", Value::from(report.log_hash.to_hex())),
        ("state_root", hash(report.final_state_root)),
        ("tree_root", Value::from(report.tree_root.expect("a root").to_base64())),
    ])
}
