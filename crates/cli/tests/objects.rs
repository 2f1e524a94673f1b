//! Storing and reading back: trees, sizes around block boundaries, ranges, versions, lost nodes.

mod common;

use common::{Qfs, files_below, noise};
use serde_json::Value;

const SIZES: [usize; 8] = [0, 1, 4096, 262_143, 262_144, 262_145, 1_048_577, 5_000_017];

fn put_sizes(qfs: &Qfs) -> Vec<(String, Vec<u8>)> {
    let mut objects: Vec<(String, Vec<u8>)> =
        SIZES.iter().map(|size| (format!("sizes/{size}"), noise(*size as u64, *size))).collect();
    objects.push(("names/with  spaces é 東京.txt".into(), b"unicode".to_vec()));
    objects.push(("names/a:b".into(), b"colon".to_vec()));
    for (name, bytes) in &objects {
        qfs.file(&format!("tree/{name}"), bytes);
    }
    let rows = qfs.ok(&["put", qfs.path("tree").to_str().unwrap()]);
    assert_eq!(rows.len(), objects.len());
    objects
}

#[test]
fn a_tree_is_listed_in_order_and_read_back_whole_and_by_range() {
    let qfs = Qfs::init(&["--nodes", "7"]);
    let objects = put_sizes(&qfs);
    let listed = qfs.ok(&["ls"]);
    let ids: Vec<&str> = listed.iter().map(|row| row["object_id"].as_str().unwrap()).collect();
    assert!(ids.is_sorted() && ids.len() == objects.len(), "{ids:?}");
    for (id, bytes) in &objects {
        assert_eq!(&qfs.get(id, &[]), bytes, "{id}");
        let len = bytes.len();
        for (first, last) in [(0, 0), (len / 2, len / 2 + 5000), (len.saturating_sub(1), len + 9)] {
            if first < len {
                let range = format!("{first}-{last}");
                let expected = &bytes[first..len.min(last + 1)];
                assert_eq!(qfs.get(id, &["--range", &range]), expected, "{id} {range}");
            }
        }
    }
}

#[test]
fn with_parity_six_lost_nodes_lose_nothing_and_seven_are_told() {
    let qfs = Qfs::init(&["--nodes", "24", "--profile", "ec-16-6"]);
    let objects = put_sizes(&qfs);
    let holders: Vec<String> = {
        let rows = qfs.ok(&["log", "show"]);
        let last = rows.iter().find(|row| row["object_id"] == "sizes/5000017").unwrap();
        let set = last["node_set"].as_array().unwrap();
        set.iter().map(|node| node.as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(holders.len(), 22);
    for node in &holders[..6] {
        std::fs::remove_dir_all(qfs.node_dir(node)).unwrap();
    }
    for (id, bytes) in &objects {
        assert_eq!(&qfs.get(id, &[]), bytes, "{id} without six nodes");
    }
    std::fs::remove_dir_all(qfs.node_dir(&holders[6])).unwrap();
    let out = qfs.path("seven");
    let mut unavailable = 0;
    for (id, bytes) in &objects {
        let output = qfs.run(&["get", id, "-o", out.to_str().unwrap()]);
        if output.status.success() {
            assert_eq!(&std::fs::read(&out).unwrap(), bytes, "{id} without seven nodes");
        } else {
            let row: Value = serde_json::from_slice(&output.stdout).unwrap();
            assert_eq!(row["error_code"], "SE_ERR_CONTENT_UNAVAILABLE", "{id}");
            unavailable += 1;
        }
        let _ = std::fs::remove_file(&out);
    }
    assert!(unavailable >= 1, "the full stripes of the largest object lost seven columns");
}

#[test]
fn a_corrupt_copy_is_noticed_and_another_one_used() {
    let qfs = Qfs::init(&["--nodes", "3"]);
    let bytes = noise(9, 300_000);
    let file = qfs.file("x", &bytes);
    qfs.ok(&["put", &file]);
    for path in files_below(&qfs.node_dir("node-000").join("data")) {
        let mut shard = std::fs::read(&path).unwrap();
        shard[17] ^= 1;
        std::fs::write(&path, shard).unwrap();
    }
    std::fs::remove_dir_all(qfs.node_dir("node-001")).unwrap();
    let out = qfs.path("got");
    let output = qfs.run(&["get", "x", "-o", out.to_str().unwrap()]);
    assert!(output.status.success());
    assert_eq!(std::fs::read(&out).unwrap(), bytes);
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("copy failed: node-00"), "{told}");
    let audited = qfs.ok(&["audit", "run", "--all"]);
    let verified = |node: &str| {
        audited.iter().filter(|row| row["node_id"] == node).all(|row| row["verified"] == true)
    };
    assert!(!verified("node-001") && verified("node-002"));
    for path in files_below(&qfs.node_dir("node-002").join("data")) {
        std::fs::remove_file(path).unwrap();
    }
    assert_eq!(
        qfs.refused(&["get", "x", "-o", out.to_str().unwrap()]),
        "SE_ERR_CONTENT_UNAVAILABLE"
    );
}

#[test]
fn versions_markers_and_purges() {
    let qfs = Qfs::init(&["--nodes", "3"]);
    let first = qfs.file("a", "first");
    qfs.ok(&["put", &first, "--object-id", "o"]);
    let second = qfs.file("b", "second");
    assert_eq!(qfs.one(&["put", &second, "--object-id", "o", "--version", "5"])["version"], 5);
    assert_eq!(
        qfs.refused(&["put", &second, "--object-id", "o", "--version", "5"]),
        "SE_ERR_INVALID_VERSION"
    );
    assert_eq!(qfs.get("o", &[]), b"second");
    assert_eq!(qfs.one(&["rm", "o"])["version"], 6);
    assert_eq!(qfs.refused(&["get", "o", "-o", "/dev/null"]), "SE_ERR_NOT_FOUND");
    assert_eq!(qfs.refused(&["rm", "o"]), "SE_ERR_NOT_FOUND");
    assert!(qfs.ok(&["ls"]).is_empty());
    assert_eq!(qfs.ok(&["ls", "--versions"]).len(), 3);
    assert_eq!(qfs.get("o", &["--version", "1"]), b"first");
    qfs.ok(&["purge", "o", "1"]);
    assert_eq!(qfs.refused(&["get", "o", "--version", "1", "-o", "/dev/null"]), "SE_ERR_NOT_FOUND");
    assert_eq!(qfs.refused(&["purge", "o", "1"]), "SE_ERR_NOT_FOUND");
    qfs.ok(&["purge", "o", "6"]);
    assert_eq!(qfs.get("o", &[]), b"second", "ending the marker brings the version before it back");
    let types: Vec<Value> =
        qfs.ok(&["log", "show"]).into_iter().map(|row| row["event_type"].clone()).collect();
    for expected in ["STORE", "UPDATE", "DELETE_MARKER", "PURGE"] {
        assert!(types.contains(&Value::from(expected)), "{expected} in {types:?}");
    }
    qfs.ok(&["log", "verify"]);
}

#[test]
fn readable_names_can_stay_out_of_the_log() {
    let qfs = Qfs::init(&["--nodes", "3"]);
    let file = qfs.file("secret-plan.txt", "content");
    let row = qfs.one(&["put", &file, "--hash-ids", "team"]);
    let id = row["object_id"].as_str().unwrap();
    assert_eq!(id.len(), 64);
    assert_eq!(qfs.get(id, &[]), b"content");
    let export = qfs.path("log.qfslog");
    qfs.ok(&["log", "export", export.to_str().unwrap()]);
    let bytes = std::fs::read(export).unwrap();
    assert!(!bytes.windows(11).any(|window| window == b"secret-plan"));
}

#[test]
fn standard_input_filters_and_batches() {
    let qfs = Qfs::init(&["--nodes", "3"]);
    let file = qfs.file("a", "x");
    let batch = qfs.file(
        "batch",
        format!(
            "{}\n\n{}\n{}\n",
            serde_json::json!([
                "put",
                file,
                "--object-id",
                "p/1",
                "--metadata",
                r#"{"k":"v","tags":["b","a"]}"#
            ]),
            serde_json::json!(["get", "nothing", "-o", "/dev/null"]),
            serde_json::json!(["put", file, "--object-id", "p/2"]),
        ),
    );
    let output = qfs.run(&["batch", &batch]);
    assert_eq!(output.status.code(), Some(1), "one line of three fails");
    assert_eq!(String::from_utf8_lossy(&output.stdout).lines().count(), 3);
    assert_eq!(qfs.ok(&["ls", "p/"]).len(), 2);
    assert_eq!(qfs.one(&["ls", "--filter", "k=v"])["object_id"], "p/1");
    assert_eq!(
        qfs.one(&["ls", "--filter", "tags=a"])["metadata"]["tags"],
        serde_json::json!(["a", "b"])
    );
    let mut put = qfs.command(&["put", "-", "--object-id", "stdin"]);
    put.stdin(std::fs::File::open(&file).unwrap());
    assert!(put.output().unwrap().status.success());
    assert_eq!(qfs.get("stdin", &[]), b"x");
}

#[test]
fn proofs_of_storage_are_made_and_checked() {
    let qfs = Qfs::init(&["--nodes", "4"]);
    let file = qfs.file("x", noise(3, 700_000));
    let row = qfs.one(&["put", &file]);
    let vkeys = qfs.one(&["log", "checkpoint"])["vkeys"].clone();
    let vkeys: Vec<&str> =
        vkeys.as_array().unwrap().iter().map(|key| key.as_str().unwrap()).collect();
    let keys = qfs.file("vkeys", vkeys.join("\n"));
    let pin = format!("@{keys}");
    let shard = row["shard_ids"][1].as_str().unwrap();
    let proof = qfs.one(&["proof", "x", "1", shard, "--leaf", "63"]);
    let made = qfs.file("proof.json", proof.to_string());
    assert_eq!(qfs.one(&["proof", "verify", &made])["verdict"], "unpinned");
    assert_eq!(qfs.one(&["proof", "verify", &made, "--key", &pin])["verdict"], "pinned");
    // A file without a key must not be taken for "no key asked for".
    let no_keys = format!("@{}", qfs.file("no.vkeys", "\n"));
    qfs.usage(&["proof", "verify", &made, "--key", &no_keys]);
    let other = Qfs::init(&["--nodes", "1"]);
    let foreign = other.one(&["log", "checkpoint"])["vkeys"][0].as_str().unwrap().to_owned();
    assert_eq!(
        qfs.refused(&["proof", "verify", &made, "--key", &foreign]),
        "SE_ERR_INTEGRITY_MISMATCH"
    );
    for field in [
        "leaf_hash",
        "root",
        "entry_hash",
        "prev_entry_hash",
        "shard_id",
        "object_id",
        "version",
        "leaf",
        "seq",
        "column",
    ] {
        let mut forged = proof.clone();
        forged[field] = match &proof[field] {
            Value::String(text) => {
                let first = if text.starts_with('0') { "1" } else { "0" };
                Value::from(format!("{first}{}", &text[1..]))
            }
            number => Value::from(number.as_u64().unwrap() + 1),
        };
        let forged = qfs.file("forged.json", forged.to_string());
        assert_eq!(
            qfs.refused(&["proof", "verify", &forged]),
            "SE_ERR_INTEGRITY_MISMATCH",
            "{field}"
        );
    }
    let empty = qfs.file("empty", "");
    let row = qfs.one(&["put", &empty]);
    let shard = row["shard_ids"][0].as_str().unwrap();
    assert_eq!(qfs.refused(&["proof", "empty", "1", shard]), "SE_ERR_PROOF_UNAVAILABLE");
}
