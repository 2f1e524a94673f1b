//! Killed at random moments: every receipt that was printed is there afterwards.

mod common;

use common::{Qfs, noise};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Write},
    process::Stdio,
    time::Duration,
};

const KILLS: u64 = 24;

#[test]
fn receipts_survive_kill_9() {
    let qfs = Qfs::init(&["--nodes", "5"]);
    let mut receipts: BTreeMap<u64, Value> = BTreeMap::new();
    let mut number = 0;
    for round in 0..KILLS {
        let mut child = qfs.command(&["batch", "-"]);
        let mut child = child
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = child.stdin.take().unwrap();
        let first = number;
        number += 2_000;
        let sizes: Vec<usize> = (0..20)
            .map(|n| (n * 7919 + round as usize * 131) % 9_000)
            .collect();
        let files: Vec<String> = sizes
            .iter()
            .map(|size| qfs.file(&format!("f{size}"), noise(*size as u64, *size)))
            .collect();
        let feeder = std::thread::spawn(move || {
            for n in first..first + 2_000 {
                let file = &files[n as usize % files.len()];
                let line = serde_json::json!(["put", file, "--object-id", format!("o/{n}")]);
                if writeln!(lines, "{line}").is_err() {
                    break;
                }
            }
        });
        let reader = BufReader::new(child.stdout.take().unwrap());
        let collector = std::thread::spawn(move || {
            // A line that was cut is no receipt.
            let rows = reader.lines().map_while(Result::ok);
            rows.filter_map(|line| serde_json::from_str::<Value>(&line).ok())
                .collect::<Vec<_>>()
        });
        std::thread::sleep(Duration::from_millis(30 + (round * 37) % 211));
        child.kill().unwrap();
        child.wait().unwrap();
        feeder.join().unwrap();
        for row in collector.join().unwrap() {
            assert!(row["seq"].is_u64(), "{row}");
            receipts.insert(row["seq"].as_u64().unwrap(), row);
        }
    }
    assert!(
        receipts.len() > 100,
        "the rounds were long enough to mean something: {}",
        receipts.len()
    );
    let logged: BTreeMap<u64, Value> = qfs
        .ok(&["log", "show"])
        .into_iter()
        .map(|row| (row["seq"].as_u64().unwrap(), row))
        .collect();
    for (seq, receipt) in &receipts {
        assert_eq!(
            logged[seq]["entry_hash"], receipt["entry_hash"],
            "receipt {seq}"
        );
        assert_eq!(logged[seq]["outcome"], "ACCEPTED");
    }
    let verified = qfs.one(&["log", "verify"]);
    assert_eq!(verified["entries"].as_u64().unwrap(), logged.len() as u64);
    // And the bytes: every fifth object, whole.
    for receipt in receipts.values().step_by(5) {
        let id = receipt["object_id"].as_str().unwrap();
        let size = receipt["size"].as_u64().unwrap() as usize;
        assert_eq!(qfs.get(id, &[]), noise(size as u64, size), "{id}");
    }
}
