//! Nodes that leave or lose shards, and the copies that move for it.

mod common;

use common::{Qfs, files_below, noise};
use serde_json::{Value, json};

const NODES: [&str; 5] = ["node-000", "node-001", "node-002", "node-003", "node-004"];

fn with_objects(init: &[&str], objects: u64, size: usize) -> Qfs {
    let qfs = Qfs::init(init);
    for n in 0..objects {
        let file = qfs.file(&format!("o{n}"), noise(n, size + n as usize));
        qfs.ok(&["put", &file]);
    }
    qfs
}

fn check_objects(qfs: &Qfs, objects: u64, size: usize) {
    for n in 0..objects {
        assert!(qfs.get(&format!("o{n}"), &[]) == noise(n, size + n as usize), "o{n}");
    }
}

/// RG-8, PL-8, PL-11: a node leaves; its copies move to the replacements, its bytes go, and it has left.
#[test]
fn rg_8_a_node_exits() {
    let qfs = with_objects(&["--nodes", "5"], 6, 600_000);
    let row = qfs.one(&["node", "exit", "node-001"]);
    assert_eq!((&row["standing"], &row["eligible"]), (&"DRAINING".into(), &true.into()));
    let last = qfs.ok(&["log", "show"]).pop().unwrap();
    assert_eq!(last["event_type"], "NODE_EXIT");
    assert_eq!(last["node_set"], json!(["node-001"]));
    assert_eq!(qfs.refused(&["node", "exit", "node-001"]), "SE_ERR_CONFLICT");
    assert_eq!(qfs.refused(&["node", "exit", "nobody"]), "SE_ERR_NOT_FOUND");

    assert!(!files_below(&qfs.node_dir("node-001").join("data")).is_empty());
    let moved = qfs.ok(&["repair"]);
    assert!(moved.len() > 5);
    for row in &moved {
        assert_eq!((&row["from"], &row["source"]), (&"node-001".into(), &"copy".into()));
        assert_ne!(row["to"], "node-001");
    }
    assert!(files_below(&qfs.node_dir("node-001").join("data")).is_empty());
    assert_eq!(qfs.nodes()["node-001"]["bytes_stored"], 0);
    assert!(qfs.ok(&["repair"]).is_empty());
    check_objects(&qfs, 6, 600_000);
    qfs.ok(&["audit", "run", "--all"]).iter().for_each(|row| assert_eq!(row["verified"], true));
    let closed = qfs.one(&["epoch", "advance"]);
    assert_eq!(closed["copies_to_repair"], 0);
    assert_eq!(qfs.nodes()["node-001"]["standing"], "EXITED");
    qfs.ok(&["log", "verify"]);
}

/// RG-8: who may sign an exit.
#[test]
fn rg_8_an_exit_is_signed_by_the_node_or_the_operator() {
    let qfs = Qfs::init(&["--nodes", "5"]);
    qfs.ok(&["node", "exit", "node-000", "--as", "node"]);
    qfs.ok(&["node", "exit", "node-001", "--as", "operator"]);
    std::fs::remove_file(qfs.data_dir().join("keys/node-node-002.ml-dsa-44")).unwrap();
    assert_eq!(qfs.refused(&["node", "exit", "node-002", "--as", "node"]), "SE_ERR_UNAUTHORIZED");
    qfs.ok(&["node", "exit", "node-002"]);
    qfs.usage(&["node", "exit", "node-003", "--as", "council-0"]);
    for (scheme, more) in [("ML-DSA-65", "n65"), ("ML-DSA-87", "n87")] {
        assert_eq!(
            qfs.one(&["node", "register", more, "--scheme", scheme])["standing"],
            "PROBATION"
        );
        qfs.ok(&["node", "exit", more, "--as", "node"]);
    }
    for scheme in ["Ed25519", "Dilithium2", "RSA"] {
        let register = ["node", "register", "n", "--scheme", scheme];
        assert_eq!(qfs.refused(&register), "SE_ERR_INVALID_INPUT", "{scheme}");
    }
}

/// PL-8: what a node lost moves once an audit has found out; nothing else of it does.
#[test]
fn pl_8_lost_and_damaged_shards() {
    let qfs = with_objects(&["--nodes", "5"], 4, 600_000);
    let shards = files_below(&qfs.node_dir("node-002").join("data"));
    std::fs::remove_file(&shards[0]).unwrap();
    let mut bytes = std::fs::read(&shards[1]).unwrap();
    bytes[5_000] ^= 1;
    std::fs::write(&shards[1], bytes).unwrap();
    assert!(qfs.ok(&["repair"]).is_empty(), "before an audit nobody may take copies from it");
    // The challenged leaf of the damaged shard may be a good one, so only the lost shard must fail.
    let failed =
        qfs.ok(&["audit", "run", "--all"]).into_iter().filter(|row| row["verified"] == false);
    assert!((1..=2).contains(&failed.count()));
    qfs.ok(&["epoch", "advance"]);
    assert_eq!(qfs.nodes()["node-002"]["standing"], "DEGRADED");
    assert!(qfs.ok(&["repair", "--node", "node-003"]).is_empty());
    let moved = qfs.ok(&["repair"]);
    assert_eq!(moved.len(), 2);
    let name = |row: &Value| row["shard_id"].as_str().unwrap().to_owned();
    for (row, shard) in moved.iter().zip(&shards) {
        assert_eq!(row["from"], "node-002");
        assert!(
            shards[..2].iter().any(|path| path.to_str().unwrap().contains(&name(row))),
            "{shard:?}"
        );
    }
    assert!(!shards[1].exists(), "what was damaged is dropped");
    assert!(shards[2..].iter().all(|path| path.exists()), "what is good stays");
    check_objects(&qfs, 4, 600_000);
    assert!(qfs.ok(&["repair"]).is_empty());
    qfs.ok(&["log", "verify"]);
}

/// PL-8: a node that is not on the list gives up its copies; `epoch advance` says how many.
#[test]
fn pl_8_a_node_that_is_not_eligible() {
    let qfs = with_objects(&["--nodes", "5"], 3, 5_000);
    let nodes: Vec<(&str, &str)> =
        NODES.iter().map(|id| (*id, if *id == "node-000" { "0.5" } else { "1" })).collect();
    let closed = qfs.advance(&nodes);
    let waiting = closed["copies_to_repair"].as_u64().unwrap();
    let reason = qfs.nodes()["node-000"]["reason"].as_str().unwrap().to_owned();
    assert!(reason.contains("uptime_ratio 0.5") && reason.contains("min_uptime 0.9"), "{reason}");
    // Its store is out of reach, too: the other copies serve.
    std::fs::rename(qfs.node_dir("node-000"), qfs.path("away")).unwrap();
    let moved = qfs.ok(&["repair"]);
    assert_eq!(moved.len() as u64, waiting);
    check_objects(&qfs, 3, 5_000);
    // Back again, its old bytes are collected two epochs later.
    std::fs::rename(qfs.path("away"), qfs.node_dir("node-000")).unwrap();
    assert!(!files_below(&qfs.node_dir("node-000").join("data")).is_empty());
    for _ in 0..2 {
        qfs.ok(&["epoch", "advance"]);
    }
    assert!(files_below(&qfs.node_dir("node-000").join("data")).is_empty());
    qfs.ok(&["log", "verify"]);
}

/// SS-15, PL-11: a column that is lost altogether is computed from the others.
#[test]
fn ss_15_an_erasure_coded_column_is_reconstructed() {
    let qfs = with_objects(&["--nodes", "8", "--profile", "4,2,1"], 3, 1_500_000);
    std::fs::remove_dir_all(qfs.node_dir("node-003").join("data")).unwrap();
    qfs.ok(&["audit", "run", "--all"]);
    qfs.ok(&["epoch", "advance"]);
    let moved = qfs.ok(&["repair"]);
    assert!(!moved.is_empty());
    assert!(moved.iter().all(|row| row["source"] == "reconstructed"), "{moved:?}");
    // With the moved columns, any two other nodes may be lost.
    for node in ["node-000", "node-005"] {
        std::fs::remove_dir_all(qfs.node_dir(node).join("data")).unwrap();
    }
    check_objects(&qfs, 3, 1_500_000);
    qfs.ok(&["log", "verify"]);
}

/// PL-11: where nobody may take a copy, it stays, the row says so, and the others move all the same.
#[test]
fn pl_11_what_cannot_move_is_told() {
    let qfs = Qfs::init(&["--nodes", "4"]);
    let small = qfs.file("small", "x");
    qfs.ok(&["put", &small, "--metadata", r#"{"a":1}"#]);
    qfs.ok(&["node", "exit", "node-000"]);
    qfs.ok(&["node", "exit", "node-001"]);
    let rows = qfs.rows(1, &["repair"]);
    let (failed, moved): (Vec<_>, Vec<_>) = rows.into_iter().partition(|row| row["ok"] == false);
    assert!(!failed.is_empty() && !moved.is_empty());
    for row in &failed {
        assert_eq!(row["error_code"], "SE_ERR_NO_ELIGIBLE_NODES");
        assert_eq!((&row["object_id"], &row["to"]), (&"small".into(), &json!(null)));
    }
    // All copies of a shard lost: no bytes to be had, and nothing changes in the ledger.
    let before = qfs.standing();
    for node in NODES {
        let _ = std::fs::remove_dir_all(qfs.node_dir(node).join("data"));
    }
    qfs.ok(&["node", "register", "node-new"]);
    qfs.advance(&[
        ("node-000", "1"),
        ("node-001", "1"),
        ("node-002", "1"),
        ("node-003", "1"),
        ("node-new", "1"),
    ]);
    let rows = qfs.rows(1, &["repair"]);
    assert!(rows.iter().any(|row| row["error_code"] == "SE_ERR_CONTENT_UNAVAILABLE"), "{rows:?}");
    assert!(qfs.standing().0 > before.0);
    assert_eq!(qfs.refused(&["repair", "--node", "nobody"]), "SE_ERR_NOT_FOUND");
    qfs.ok(&["log", "verify"]);
}

/// PL-11: a node that lost its copy takes over that of a sibling which leaves, and keeps what it was given.
#[test]
fn pl_11_a_node_gets_back_another_copy_of_what_it_lost() {
    let qfs = Qfs::init(&["--nodes", "4"]);
    let file = qfs.file("small", "one block, so one shard with bytes");
    let row = qfs.one(&["put", &file]);
    let first = row["shard_ids"][0].as_str().unwrap();
    let node = |copy: usize| row["replica_sets"][first][copy].as_str().unwrap();
    std::fs::remove_dir_all(qfs.node_dir(node(0)).join("data")).unwrap();
    qfs.ok(&["audit", "run", "--all"]);
    qfs.ok(&["epoch", "advance"]);
    qfs.ok(&["node", "exit", node(1)]);
    let moved = qfs.ok(&["repair"]);
    let went =
        |from: &str| moved.iter().find(|row| row["shard_id"] == first && row["from"] == from);
    assert_eq!(went(node(1)).unwrap()["to"], node(0));
    assert_ne!(went(node(0)).unwrap()["to"], node(1));
    let audited = qfs.ok(&["audit", "run", "--all"]);
    assert_eq!(audited.len(), 3);
    assert!(audited.iter().all(|row| row["verified"] == true), "{audited:?}");
    qfs.ok(&["log", "verify"]);
}

/// SS-15: a node with a new disk gets what it lost where it was, from copies or from other columns; no entry is made.
#[test]
fn ss_15_in_place() {
    for (init, source) in [
        (&["--nodes", "5"][..], "copy"),
        (&["--nodes", "6", "--profile", "3,2,1"], "reconstructed"),
    ] {
        let qfs = with_objects(init, 4, 300_000);
        let (data, entries) = (qfs.node_dir("node-002").join("data"), qfs.standing().0);
        let held = files_below(&data).len();
        assert!(held > 1);
        assert!(qfs.ok(&["repair", "--in-place"]).is_empty(), "nothing is lost yet");
        let files = files_below(&data);
        std::fs::remove_file(&files[0]).unwrap();
        std::fs::write(&files[1], b"damaged").unwrap();
        assert!(qfs.ok(&["repair"]).is_empty(), "the node is in good standing");
        assert!(qfs.ok(&["repair", "--in-place", "--node", "node-001"]).is_empty());
        let restored = qfs.ok(&["repair", "--in-place"]);
        assert_eq!(restored.len(), 2, "{restored:?}");
        for row in restored {
            assert_eq!((&row["from"], &row["to"]), (&"node-002".into(), &"node-002".into()));
            assert_eq!((&row["source"], &row["seq"]), (&source.into(), &Value::Null));
        }
        assert_eq!((files_below(&data).len(), qfs.standing().0), (held, entries));
        qfs.ok(&["audit", "run", "--all"]).iter().for_each(|row| assert_eq!(row["verified"], true));
        check_objects(&qfs, 4, 300_000);
    }
}
