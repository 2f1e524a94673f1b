//! Objects that may lie in the EU only: no byte of them, and no assignment, ever reaches another region (PL-9).

mod common;

use common::{Qfs, files_below, noise};
use serde_json::Value;
use std::collections::BTreeSet;

const FENCE: &str = r#"{"placement.region":"EU"}"#;
const EU: [&str; 5] = ["eu-0", "eu-1", "eu-2", "eu-3", "eu-4"];
const US: [&str; 3] = ["us-0", "us-1", "us-2"];

fn ledger(eu: &[&str]) -> Qfs {
    let regions = eu.iter().map(|id| (id, "EU")).chain(US.iter().map(|id| (id, "US")));
    let nodes: Vec<String> = regions.map(|(id, region)| format!("{id},region={region}")).collect();
    let arguments: Vec<&str> = nodes.iter().flat_map(|node| ["--node", node.as_str()]).collect();
    Qfs::init(&arguments)
}

/// Ids of the shards that files at a node are of.
fn shards_at(qfs: &Qfs, node: &str) -> BTreeSet<String> {
    let files = files_below(&qfs.node_dir(node));
    files.iter().map(|path| path.file_name().unwrap().to_str().unwrap()[..64].to_owned()).collect()
}

fn check(qfs: &Qfs, fenced: &BTreeSet<String>) {
    for node in US {
        assert!(shards_at(qfs, node).is_disjoint(fenced), "bytes of a fenced object at {node}");
    }
    for row in qfs.ok(&["log", "show"]) {
        let inside = row["object_id"].as_str().is_some_and(|id| id.starts_with("fenced"));
        let nodes = row["node_set"].as_array().unwrap().iter().map(|node| node.as_str().unwrap());
        assert!(!inside || nodes.into_iter().all(|node| EU.contains(&node)), "{row}");
    }
}

fn ids(row: &Value) -> Vec<String> {
    row["shard_ids"].as_array().unwrap().iter().map(|id| id.as_str().unwrap().to_owned()).collect()
}

#[test]
fn pl_9_no_byte_leaves_the_fence() {
    let qfs = ledger(&EU);
    let mut fenced = BTreeSet::new();
    for n in 0..12 {
        let file = qfs.file(&format!("fenced-{n}"), noise(n, 300_000));
        fenced.extend(ids(&qfs.one(&["put", &file, "--metadata", FENCE])));
        qfs.ok(&["put", &file, "--object-id", &format!("free-{n}")]);
    }
    check(&qfs, &fenced);
    assert!(US.iter().all(|node| !shards_at(&qfs, node).is_empty()), "others go anywhere");

    qfs.ok(&["node", "exit", "eu-1"]);
    assert!(!qfs.ok(&["repair"]).is_empty());
    check(&qfs, &fenced);
    std::fs::remove_dir_all(qfs.node_dir("eu-2").join("data")).unwrap();
    qfs.ok(&["audit", "run", "--all"]);
    qfs.ok(&["epoch", "advance"]);
    assert!(!qfs.ok(&["repair"]).is_empty());
    qfs.ok(&["epoch", "advance"]);
    check(&qfs, &fenced);
    for n in 0..12 {
        assert!(qfs.get(&format!("fenced-{n}"), &[]) == noise(n, 300_000));
    }
    qfs.ok(&["log", "verify"]);
}

#[test]
fn pl_9_too_few_nodes_inside_the_fence() {
    let qfs = ledger(&EU[..2]);
    let file = qfs.file("fenced", "x");
    let before = qfs.standing();
    for metadata in [FENCE, r#"{"placement":{"region":["EU"]}}"#] {
        let put = ["put", &file, "--metadata", metadata];
        assert_eq!(qfs.refused(&put), "SE_ERR_NO_ELIGIBLE_NODES");
    }
    assert_eq!(qfs.standing(), before);
    assert!(EU.iter().chain(&US).all(|node| shards_at(&qfs, node).is_empty()));
    qfs.ok(&["put", &file, "--metadata", r#"{"placement.region":["EU","US"]}"#]);
}
