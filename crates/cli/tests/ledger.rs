//! Epochs, nodes, rewards, and the log for an auditor.

mod common;

use common::{Qfs, noise};
use serde_json::json;

#[test]
fn an_epoch_pays_verified_nodes_and_moves_eligibility() {
    let qfs = Qfs::init(&["--nodes", "5"]);
    let file = qfs.file("x", noise(1, 2_000_000));
    qfs.ok(&["put", &file]);
    qfs.ok(&["audit", "run", "--all"]);
    qfs.ok(&["node", "register", "node-new", "--region", "eu"]);
    let all = [
        ("node-000", "1"),
        ("node-001", "0.95"),
        ("node-002", "0.9"),
        ("node-003", "0.89"),
        ("node-new", "1"),
    ];
    let (registry, telemetry) = qfs.snapshots(&all);
    let closed = qfs.one(&["epoch", "advance", "--registry", &registry, "--telemetry", &telemetry]);
    assert_eq!(closed["eligible"], json!(["node-000", "node-001", "node-002", "node-new"]));
    assert_eq!(closed["nodes"][3]["status"], "UNVERIFIED_LOW_UPTIME");
    assert_eq!(closed["nodes"][4]["status"], "UNVERIFIED_NO_REGISTRY_ENTRY");
    let money = |field: &str| -> u128 {
        let text = closed["settlement"][field].as_str().unwrap();
        text.replace('.', "").parse().unwrap()
    };
    assert_eq!(money("fees"), money("rewards") + money("treasury") + money("reserve"));
    assert!(money("rewards") > 0);
    let rewards = qfs.ok(&["rewards", "--epoch", "1"]);
    assert_eq!(rewards.len(), 6);
    assert_eq!(rewards[3]["nod_reward"], "0.000000000000000000");
    assert_eq!(rewards[1]["uptime_bucket"], 9);
    let bundle = qfs.one(&["bundle"]);
    assert_eq!(bundle["nod"]["balances"]["node-000"], rewards[0]["nod_reward"]);
    // Without files the last facts stand.
    assert_eq!(qfs.one(&["epoch", "advance"])["eligible"], closed["eligible"]);
    let row = qfs.one(&["put", &file]);
    assert!(!row["replica_sets"].to_string().contains("node-003"));
    qfs.ok(&["log", "verify"]);
}

#[test]
fn a_telemetry_snapshot_with_another_hash_is_refused_and_not_logged() {
    let qfs = Qfs::init(&["--nodes", "3"]);
    let (registry, telemetry) = qfs.snapshots(&[("node-000", "1")]);
    let text = std::fs::read_to_string(&telemetry).unwrap().replace("0.9", "0.8");
    let forged = qfs.file("forged.json", text);
    let before = qfs.standing();
    let advance = ["epoch", "advance", "--registry", &registry, "--telemetry", &forged];
    assert_eq!(qfs.refused(&advance), "SE_ERR_INTEGRITY_MISMATCH");
    assert_eq!(
        qfs.refused(&["epoch", "advance", "--registry", &telemetry, "--telemetry", &telemetry]),
        "SE_ERR_INVALID_INPUT"
    );
    assert_eq!(qfs.standing(), before);
}

/// With fewer eligible nodes than copies nothing is stored, and nothing breaks.
#[test]
fn too_few_nodes_refuse_and_recover() {
    let qfs = Qfs::init(&["--nodes", "3"]);
    let file = qfs.file("x", "x");
    let (registry, telemetry) = qfs.snapshots(&[("node-000", "1"), ("node-001", "1")]);
    qfs.ok(&["epoch", "advance", "--registry", &registry, "--telemetry", &telemetry]);
    assert_eq!(qfs.refused(&["put", &file]), "SE_ERR_NO_ELIGIBLE_NODES");
    let all = [("node-000", "1"), ("node-001", "1"), ("node-002", "1")];
    let (registry, telemetry) = qfs.snapshots(&all);
    qfs.ok(&["epoch", "advance", "--registry", &registry, "--telemetry", &telemetry]);
    qfs.ok(&["put", &file]);
}

#[test]
fn the_log_is_shown_signed_proved_and_replayed() {
    let qfs = Qfs::init(&["--nodes", "3"]);
    let file = qfs.file("x", "x");
    qfs.ok(&["put", &file]);
    let rows = qfs.ok(&["log", "show"]);
    assert_eq!(rows.len(), 5);
    for (seq, row) in rows.iter().enumerate() {
        assert_eq!(row["seq"], seq);
        assert!(row["pqc_signature"]["signature"].as_str().unwrap().len() > 4800);
    }
    assert_eq!(rows[4]["prev_entry_hash"], rows[3]["entry_hash"]);
    assert_eq!(qfs.ok(&["log", "show", "--from", "3", "--limit", "1"])[0], rows[3]);
    let proof = qfs.one(&["log", "prove", "4"]);
    assert!(proof["log_proof"].as_str().unwrap().contains("index 4"));
    assert_eq!(qfs.refused(&["log", "prove", "5"]), "SE_ERR_NOT_FOUND");
    let export = qfs.path("log.qfslog");
    let export = export.to_str().unwrap();
    qfs.ok(&["log", "export", export]);
    let evidence = qfs.path("evidence");
    let replay = qfs.one(&["replay", export, "--evidence", evidence.to_str().unwrap()]);
    assert_eq!((&replay["passed"], &replay["verdict"]), (&json!(true), &json!("unpinned")));
    let mut bytes = std::fs::read(export).unwrap();
    bytes[5000] ^= 1;
    let damaged = qfs.file("damaged", bytes);
    let output = qfs.run(&["replay", &damaged]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stdout).contains("\"ok\":false"));
}

/// Shards of a refused put and of an ended version go after two epochs; named ones stay.
#[test]
fn unnamed_shards_are_collected_after_two_epochs() {
    let qfs = Qfs::init(&["--nodes", "3"]);
    let shards = || common::files_below(&qfs.data_dir().join("nodes")).len();
    let keep = qfs.file("keep", "keep");
    let ends = qfs.file("ends", "ends");
    qfs.ok(&["put", &keep, &ends]);
    let other = qfs.file("other", "other content");
    let put = ["put", &other, "--object-id", "keep", "--version", "1"];
    assert_eq!(qfs.refused(&put), "SE_ERR_INVALID_VERSION");
    qfs.ok(&["purge", "ends", "1"]);
    assert_eq!(shards(), 9, "three objects of one shard with three copies");
    assert_eq!(qfs.one(&["epoch", "advance"])["collected_shards"], 0);
    assert_eq!(shards(), 9, "the notes of epoch 1 are kept through epoch 2");
    assert_eq!(qfs.one(&["epoch", "advance"])["collected_shards"], 6);
    assert_eq!(shards(), 3);
    assert_eq!(qfs.get("keep", &[]), b"keep");
}
