//! Proofs of single records of the state: made, checked, held against a checkpoint, and tampered with.

mod common;

use common::Qfs;
use serde_json::Value;

fn prove(qfs: &Qfs, record: &[&str]) -> Value {
    qfs.one(&[&["state", "prove"], record].concat())
}

/// Writes a document and checks it.
fn check(qfs: &Qfs, document: &Value, more: &[&str]) -> Value {
    let file = qfs.file("proof.json", document.to_string());
    qfs.one(&[&["state", "verify", &file], more].concat())
}

fn refused(qfs: &Qfs, document: &Value, more: &[&str]) -> String {
    let file = qfs.file("proof.json", document.to_string());
    qfs.refused(&[&["state", "verify", &file], more].concat())
}

/// A ledger with one object in it, and its operator's account.
fn ledger() -> (Qfs, String) {
    let qfs = Qfs::init(&["--nodes", "3"]);
    let file = qfs.file("a.txt", b"content");
    qfs.ok(&["put", &file, "--object-id", "a"]);
    let owner = prove(&qfs, &["object", "a"])["value"].as_str().unwrap()[..64].to_owned();
    (qfs, owner)
}

#[test]
fn st_9_records_and_their_absence_are_proved() {
    let (qfs, owner) = ledger();
    for (record, present) in [
        (&["object", "a"][..], true),
        (&["version", "a", "1"], true),
        (&["version", "a", "2"], false),
        (&["object", "b"], false),
        (&["account", &owner], true),
        (&["account", &"00".repeat(32)], false),
        (&["node", "node-001"], true),
        (&["node", "nobody"], false),
        (&["key", "4c"], true),
    ] {
        let document = prove(&qfs, record);
        assert_eq!(!document["value"].is_null(), present, "{record:?}");
        let root = document["state_root"].as_str().unwrap();
        let row = check(&qfs, &document, &["--root", root]);
        assert_eq!((&row["verified"], &row["verdict"]), (&true.into(), &"pinned".into()));
        assert_eq!(row["present"], present, "{record:?}");
        assert_eq!(check(&qfs, &document, &[])["verdict"], "unpinned");
    }
    for key in ["5a", "54", "43", "", "xy"] {
        assert_eq!(qfs.refused(&["state", "prove", "key", key]), "SE_ERR_INVALID_INPUT", "{key}");
    }
}

#[test]
fn st_10_a_root_of_the_log_is_held_against_its_keys() {
    let (qfs, owner) = ledger();
    let keys = qfs.one(&["log", "checkpoint"])["vkeys"].clone();
    let keys: Vec<&str> =
        keys.as_array().unwrap().iter().map(|key| key.as_str().unwrap()).collect();
    let pins: Vec<&str> = keys.iter().flat_map(|key| ["--key", key]).collect();

    let moved = prove(&qfs, &["account", &owner]);
    assert!(moved["root_entry"].is_null(), "entries came after the last root");
    assert_eq!(refused(&qfs, &moved, &pins), "SE_ERR_INTEGRITY_MISMATCH");

    qfs.ok(&["epoch", "advance"]);
    let held = prove(&qfs, &["account", &owner]);
    assert_eq!(held["root_entry"]["seq"], held["seq"]);
    let row = check(&qfs, &held, &pins);
    assert_eq!((&row["verdict"], &row["root_seq"]), (&"pinned".into(), &held["seq"]));
    assert!(row["checkpoint_size"].as_u64() > held["seq"].as_u64());

    // A refused command changes no record under the root, so the entry before it still carries it.
    qfs.refused(&["purge", "a", "7"]);
    let later = prove(&qfs, &["account", &owner]);
    assert_eq!(later["root_entry"]["seq"], held["seq"]);
    assert!(later["seq"].as_u64() >= held["seq"].as_u64());
    check(&qfs, &later, &pins);

    let mut foreign = held.clone();
    foreign["root_entry"] = moved["root_entry"].clone();
    assert_eq!(refused(&qfs, &foreign, &pins), "SE_ERR_INTEGRITY_MISMATCH");
    let mut other = moved;
    other["root_entry"] = held["root_entry"].clone();
    assert_eq!(refused(&qfs, &other, &[]), "SE_ERR_INTEGRITY_MISMATCH");
}

#[test]
fn st_9_tampered_documents_are_refused() {
    let (qfs, _) = ledger();
    let whole = prove(&qfs, &["object", "a"]);
    let root = whole["state_root"].as_str().unwrap();
    let change = |field: &str, value: Value| {
        let mut changed = whole.clone();
        changed[field] = value;
        changed
    };
    let proof = whole["proof"].as_str().unwrap();
    for (field, value) in [
        ("key", "4f62".into()),
        ("value", "00".into()),
        ("value", Value::Null),
        ("proof", proof[..proof.len() - 64].into()),
        ("proof", format!("{proof}00").into()),
        ("state_root", "00".repeat(32).into()),
        ("format", "qfs-storage-proof-v1".into()),
        ("value", 7.into()),
    ] {
        let code = refused(&qfs, &change(field, value), &["--root", root]);
        let expected = ["SE_ERR_INTEGRITY_MISMATCH", "SE_ERR_INVALID_INPUT"];
        assert!(expected.contains(&code.as_str()), "{field}: {code}");
    }
    assert_eq!(refused(&qfs, &whole, &["--root", &"11".repeat(32)]), "SE_ERR_INTEGRITY_MISMATCH");
    qfs.usage(&["state", "verify", "-", "--root", "zz"]);
}

#[test]
fn a_proof_goes_to_a_file_and_the_independent_verifier_takes_it() {
    let (qfs, _) = ledger();
    let file = qfs.path("version.json");
    let file = file.to_str().unwrap();
    let row = qfs.one(&["state", "prove", "version", "a", "1", "-o", file]);
    assert_eq!((&row["present"], &row["root_seq"]), (&true.into(), &Value::Null));
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/independent/state_proof.py");
    let output = std::process::Command::new("python3")
        .args(["-B", script, file, row["state_root"].as_str().unwrap()])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stdout.starts_with(b"verified present"));
}

#[test]
fn st_13_a_snapshot_of_a_ledger_is_written_and_checked() {
    let (qfs, _) = ledger();
    let last = qfs.ok(&["log", "show"]).pop().unwrap();
    let path = qfs.path("state.qfsstate");
    let file = path.to_str().unwrap();
    let written = qfs.one(&["state", "snapshot", file]);
    let bytes = std::fs::read(&path).unwrap();
    assert_eq!((&written["seq"], &written["entry_hash"]), (&last["seq"], &last["entry_hash"]));
    assert_eq!(written["bytes"], bytes.len());
    let root = written["state_root"].as_str().unwrap();
    assert_eq!(prove(&qfs, &["object", "a"])["state_root"], root);

    let checked = qfs.one(&["state", "check", file, "--root", root]);
    assert_eq!((&checked["verified"], &checked["verdict"]), (&true.into(), &"pinned".into()));
    assert_eq!((&checked["epoch"], &checked["nodes"]), (&1.into(), &3.into()));
    for field in ["ledger_id", "state_root", "seq", "entry_hash", "records", "file_hash", "bytes"] {
        assert_eq!(checked[field], written[field], "{field}");
    }
    assert_eq!(qfs.one(&["state", "check", file])["verdict"], "unpinned");
    // The same state is the same file, whichever process writes it.
    let again = qfs.one(&["state", "snapshot", qfs.path("again").to_str().unwrap()]);
    assert_eq!(again["file_hash"], written["file_hash"]);

    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/independent/state_snapshot.py");
    let output =
        std::process::Command::new("python3").args(["-B", script, file, root]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    let refused = |bytes: &[u8], more: &[&str]| {
        let file = qfs.file("changed.qfsstate", bytes);
        qfs.refused(&[&["state", "check", &file], more].concat())
    };
    let other = "11".repeat(32);
    assert_eq!(refused(&bytes, &["--root", &other]), "SE_ERR_INTEGRITY_MISMATCH");
    assert_eq!(refused(&bytes[..bytes.len() - 1], &[]), "SE_ERR_INTEGRITY_MISMATCH");
    assert_eq!(refused(b"hello", &[]), "SE_ERR_INTEGRITY_MISMATCH");
    assert_eq!(refused(&[b'x'; 400], &[]), "SE_ERR_INVALID_INPUT");
    let mut changed = bytes;
    let middle = changed.len() / 2;
    changed[middle] ^= 1;
    assert_eq!(refused(&changed, &[]), "SE_ERR_INTEGRITY_MISMATCH");
    qfs.usage(&["state", "check", file, "--root", "zz"]);
    qfs.usage(&["state", "check"]);
}
