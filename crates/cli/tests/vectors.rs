//! The published vectors of the v13 profile, through the command line.

mod common;

use common::Qfs;
use serde_json::Value;

const VECTORS: &str = include_str!("../../../tests/vectors/v13-profile.json");

/// SHAKE128 of the ASCII seed is what the vectors call content of kind `shake`; the sizes and seeds of the
/// file are fixed, so the bytes come from the independent implementation.
fn content(case: &Value) -> Vec<u8> {
    let size = case["content"]["size"].as_u64().unwrap() as usize;
    let seed = case["content"]["seed"].as_str().unwrap();
    match case["content"]["kind"].as_str().unwrap() {
        "zeros" => vec![0; size],
        "counter" => (0..size).map(|i| (i % 256) as u8).collect(),
        "shake" => {
            let program = format!(
                "import hashlib,sys; sys.stdout.buffer.write(hashlib.shake_128(b'{seed}').digest({size}))"
            );
            let output = std::process::Command::new("python3").args(["-c", &program]).output();
            output.unwrap().stdout
        }
        kind => panic!("unknown kind {kind}"),
    }
}

#[test]
fn every_published_case_through_put() {
    let vectors: Value = serde_json::from_str(VECTORS).unwrap();
    let cases = vectors["cases"].as_array().unwrap();
    assert!(cases.len() >= 16);
    for case in cases {
        let nodes = case["eligible_nodes"].as_array().unwrap();
        let words: Vec<&str> =
            nodes.iter().flat_map(|node| ["--node", node.as_str().unwrap()]).collect();
        let qfs = Qfs::init(&words);
        let content = content(case);
        let file = qfs.file("content", &content);
        let version = case["version"].to_string();
        let metadata = case["metadata"].to_string();
        let id = case["object_id"].as_str().unwrap();
        let row = qfs.one(&[
            "put",
            &file,
            "--object-id",
            id,
            "--version",
            &version,
            "--metadata",
            &metadata,
        ]);
        for field in
            ["object_id", "version", "hash_commit", "shard_ids", "replica_sets", "atr_cost"]
        {
            assert_eq!(row[field], case[field], "{field} of {id} version {version}");
        }
        assert_eq!(row["size"], case["content"]["size"]);
        assert_eq!(qfs.get(id, &["--version", &version]), content);
        let listed = qfs.one(&["ls"]);
        assert_eq!(listed["metadata"], case["metadata"]);
    }
}
