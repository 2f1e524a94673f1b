//! `explain`: what it derives is what the ledger did.

mod common;

use common::Qfs;
use serde_json::Value;

fn entry_hash<'a>(log: &'a [Value], step: &'a Value) -> Option<(&'a Value, &'a Value)> {
    let seq = step["entry"]["seq"].as_u64()?;
    Some((&log[seq as usize]["entry_hash"], &step["entry"]["entry_hash"]))
}

/// RP-12: the derivation ends where the shard's copies are, before and after one of them moved, and names true entries.
#[test]
fn rp_12_a_placement_ends_at_the_nodes_that_hold_it() {
    let qfs = Qfs::init(&["--nodes", "6"]);
    let put = qfs.one(&["put", &qfs.file("a.txt", "some content")]);
    let shard = put["shard_ids"][2].as_str().unwrap();
    let explain = || qfs.one(&["explain", "placement", "a.txt", "1", shard]);
    let first = explain();
    assert_eq!(first["result"], put["replica_sets"][shard]);
    let leaving = first["result"][1].as_str().unwrap();
    qfs.ok(&["node", "exit", leaving]);
    qfs.ok(&["repair"]);
    let moved = explain();
    let nodes: Vec<&str> =
        moved["result"].as_array().unwrap().iter().map(|node| node.as_str().unwrap()).collect();
    assert!(!nodes.contains(&leaving) && nodes.len() == 3, "{nodes:?}");
    assert!(moved["steps"].as_array().unwrap().len() > first["steps"].as_array().unwrap().len());
    let log = qfs.ok(&["log", "show"]);
    let steps = moved["steps"].as_array().unwrap();
    let named: Vec<_> = steps.iter().filter_map(|step| entry_hash(&log, step)).collect();
    assert!(named.len() >= 2 && named.iter().all(|(logged, named)| logged == named), "{named:?}");
}

/// RP-12: the reward is what the ledger paid, for each node and for one that got nothing.
#[test]
fn rp_12_a_reward_is_what_was_paid() {
    let qfs = Qfs::init(&["--nodes", "5"]);
    qfs.ok(&["put", &qfs.file("a.bin", vec![7; 300_000])]);
    qfs.ok(&["audit", "run", "--all"]);
    qfs.ok(&["epoch", "advance"]);
    qfs.ok(&["epoch", "advance"]);
    for epoch in ["1", "2"] {
        for row in qfs.ok(&["rewards", "--epoch", epoch]) {
            let node = row["node_id"].as_str().unwrap();
            let explained = qfs.one(&["explain", "reward", node, "--epoch", epoch]);
            assert_eq!(explained["result"][0], row["nod_reward"], "{node} in epoch {epoch}");
        }
    }
}

#[test]
fn what_cannot_be_explained() {
    let qfs = Qfs::init(&["--nodes", "4"]);
    let put = qfs.one(&["put", &qfs.file("a", "x")]);
    let shard = put["shard_ids"][0].as_str().unwrap();
    let refused = |arguments: &[&str]| qfs.refused(&[&["explain"], arguments].concat());
    assert_eq!(refused(&["placement", "b", "1", shard]), "SE_ERR_NOT_FOUND");
    assert_eq!(refused(&["placement", "a", "2", shard]), "SE_ERR_NOT_FOUND");
    assert_eq!(refused(&["placement", "a", "1", &"0".repeat(64)]), "SE_ERR_NOT_FOUND");
    assert_eq!(refused(&["reward", "node-000", "--epoch", "1"]), "SE_ERR_NOT_FOUND");
    assert_eq!(refused(&["reward", "nobody", "--epoch", "1"]), "SE_ERR_NOT_FOUND");
    qfs.usage(&["explain", "placement", "a", "1", "shard"]);
    qfs.usage(&["explain", "reward", "node-000"]);
}
