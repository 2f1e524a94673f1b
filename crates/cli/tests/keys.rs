//! `key` and `log keys`: who can sign before and after, in one process and in several (KY-4 to KY-9).

mod common;

use common::Qfs;
use serde_json::{Value, json};
use std::path::Path;

fn audit(qfs: &Qfs, pins: &Path) -> Result<Value, String> {
    let export = qfs.path("audit.qfslog");
    qfs.ok(&["log", "export", export.to_str().unwrap()]);
    let arguments = ["replay", export.to_str().unwrap(), "--key", pins.to_str().unwrap()];
    let output = qfs.run(&arguments);
    let row: Value = serde_json::from_slice(&output.stdout).unwrap();
    match row["ok"] == true {
        true => Ok(row),
        false => Err(row["error_detail"].as_str().unwrap().to_owned()),
    }
}

fn keys(qfs: &Qfs, name: &str) -> std::path::PathBuf {
    let path = qfs.path(name);
    qfs.ok(&["log", "keys", "-o", path.to_str().unwrap()]);
    path
}

/// KY-5: every speaker goes on under its new key; the operator in the same process, too.
#[test]
fn ky_5_work_goes_on_under_new_keys() {
    let qfs = Qfs::init(&["--nodes", "5"]);
    let file = qfs.file("a", "a");
    qfs.ok(&["put", &file]);
    let lines = [
        json!(["key", "rotate", "operator", "--suite", "Ed25519"]),
        json!(["epoch", "advance"]),
        json!(["put", file]),
        json!(["key", "rotate", "node-001", "--suite", "ML-DSA-87"]),
        json!(["node", "exit", "node-001", "--as", "node"]),
        json!(["key", "rotate", "council-0"]),
        json!(["gov", "propose", "parameter", "fee_per_kib", "7", "--speaker", "council-0"]),
        json!(["epoch", "advance"]),
        json!(["gov", "vote", "1"]),
    ];
    let count = lines.len();
    let batch = lines.map(|line| line.to_string()).join("\n");
    let rows = qfs.ok(&["batch", &qfs.file("batch", batch)]);
    assert!(rows.len() >= count, "{rows:?}");
    qfs.ok(&["purge", "a", "1"]);
    qfs.ok(&["audit", "run", "--all"]);
    qfs.ok(&["epoch", "advance"]);
    assert_eq!(qfs.one(&["node", "status", "node-001"])["pqc_scheme"], "ML-DSA-87");
    let operator = qfs.ok(&["key", "list", "operator"]);
    assert_eq!(operator.len(), 2);
    assert_eq!((&operator[0]["in_force"], &operator[1]["in_force"]), (&json!(false), &json!(true)));
    assert_eq!(operator[1]["suites"], json!(["Ed25519"]));
    audit(&qfs, &keys(&qfs, "pins")).unwrap();
}

/// KY-8, KY-9: what an auditor pinned at the beginning goes on to hold, until the log says otherwise.
#[test]
fn ky_8_pins_over_rotations() {
    let qfs = Qfs::init(&["--nodes", "3"]);
    let first = keys(&qfs, "first");
    qfs.ok(&["key", "rotate", "log"]);
    let second = keys(&qfs, "second");
    for pins in [&first, &second] {
        assert_eq!(audit(&qfs, pins).unwrap()["verdict"], "pinned");
    }
    let old = qfs.file("old", "");
    let checkpoint = qfs.one(&["log", "checkpoint"]);
    std::fs::write(&old, checkpoint["checkpoint"].as_str().unwrap()).unwrap();
    qfs.ok(&["key", "revoke", "log", "1", "--reason", "stolen"]);
    assert!(audit(&qfs, &first).unwrap_err().contains("declares the pinned keys void"));
    audit(&qfs, &second).unwrap();
    qfs.ok(&["key", "rotate", "log", "--unendorsed"]);
    assert!(audit(&qfs, &second).unwrap_err().contains("did not endorse"));
    let third = keys(&qfs, "third");
    audit(&qfs, &third).unwrap();
    let listed = std::fs::read_to_string(&third).unwrap();
    assert!(listed.contains("# Void since entry"), "{listed}");
    assert_eq!(listed.lines().filter(|line| !line.starts_with('#')).count(), 4);
    // A checkpoint of an earlier generation is still the log's own.
    let growth = qfs.path("growth");
    qfs.ok(&["log", "consistency", &old, "-o", growth.to_str().unwrap()]);
    qfs.ok(&[
        "replay",
        "consistency",
        &old,
        growth.to_str().unwrap(),
        "--key",
        third.to_str().unwrap(),
    ]);
}

/// KY-4, KY-6: what is refused, and that a refusal leaves nothing behind.
#[test]
fn ky_4_refusals() {
    let qfs = Qfs::init(&["--nodes", "3"]);
    let before = qfs.standing();
    assert_eq!(qfs.refused(&["key", "rotate", "council-9"]), "SE_ERR_NOT_FOUND");
    assert_eq!(qfs.refused(&["key", "rotate", "nobody"]), "SE_ERR_NOT_FOUND");
    assert_eq!(
        qfs.refused(&["key", "rotate", "log", "--suite", "Ed25519"]),
        "SE_ERR_INVALID_INPUT"
    );
    assert_eq!(
        qfs.refused(&["key", "rotate", "node-000", "--suite", "Ed25519"]),
        "SE_ERR_INVALID_INPUT"
    );
    assert_eq!(
        qfs.refused(&["key", "rotate", "operator", "--suite", "RSA"]),
        "SE_ERR_INVALID_INPUT"
    );
    assert_eq!(qfs.refused(&["key", "revoke", "operator", "1"]), "SE_ERR_INVALID_INPUT");
    assert_eq!(qfs.standing(), before);
    assert_eq!(qfs.refused(&["key", "revoke", "log", "1"]), "SE_ERR_CONFLICT");
    qfs.ok(&["key", "revoke", "council-1", "1"]);
    assert_eq!(qfs.refused(&["key", "rotate", "council-1"]), "SE_ERR_UNAUTHORIZED");
    // A key that is not here signs nothing, and says so.
    std::fs::remove_file(qfs.data_dir().join("keys/council-2.ml-dsa-44")).unwrap();
    assert_eq!(qfs.refused(&["key", "rotate", "council-2"]), "SE_ERR_UNAUTHORIZED");
}
