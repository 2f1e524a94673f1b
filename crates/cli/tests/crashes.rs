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
        let sizes: Vec<usize> =
            (0..20).map(|n| (n * 7919 + round as usize * 131) % 9_000).collect();
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
        let (seen, first_receipts) = std::sync::mpsc::channel();
        let collector = std::thread::spawn(move || {
            // A line that was cut is no receipt.
            let rows = reader.lines().map_while(Result::ok);
            let receipts = rows.filter_map(|line| serde_json::from_str::<Value>(&line).ok());
            receipts.inspect(|_| seen.send(()).unwrap_or(())).collect::<Vec<_>>()
        });
        // Every other round is killed at some moment from its start, the rest at one after some receipts, so that
        // a slow machine sees both.
        if round % 2 == 0 {
            std::thread::sleep(Duration::from_millis(20 + (round * 37) % 211));
        } else {
            (0..=round).for_each(|_| first_receipts.recv().unwrap());
            std::thread::sleep(Duration::from_micros((round * 3_701) % 9_000));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        feeder.join().unwrap();
        for row in collector.join().unwrap() {
            assert!(row["seq"].is_u64(), "{row}");
            receipts.insert(row["seq"].as_u64().unwrap(), row);
        }
    }
    assert!(receipts.len() as u64 >= (1..KILLS).step_by(2).map(|round| round + 1).sum());
    let logged: BTreeMap<u64, Value> = qfs
        .ok(&["log", "show"])
        .into_iter()
        .map(|row| (row["seq"].as_u64().unwrap(), row))
        .collect();
    for (seq, receipt) in &receipts {
        assert_eq!(logged[seq]["entry_hash"], receipt["entry_hash"], "receipt {seq}");
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

/// The file system is full: the command says so, and what was acknowledged before is there. Root can mount a small
/// one; others skip nothing silently, they run it under a limit on file sizes, which fails writes the same way.
#[test]
fn a_full_disk_is_an_error_and_loses_nothing() {
    let qfs = Qfs::init(&["--nodes", "3"]);
    let small = qfs.file("small", noise(1, 10_000));
    qfs.ok(&["put", &small]);
    let large = qfs.file("large", noise(2, 3_000_000));
    let program = env!("CARGO_BIN_EXE_qfs");
    let data_dir = qfs.data_dir();
    // Blocks of 1 KiB: a shard of the large object does not fit. SIGXFSZ is ignored, so the write itself fails.
    let script = format!(
        "trap '' XFSZ; ulimit -f 300; {program} --data-dir {} --json put {large}",
        data_dir.display()
    );
    let output = std::process::Command::new("bash").args(["-c", &script]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let row: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(row["ok"], false, "{row}");
    // The log itself cannot grow: the entry is not acknowledged, and nothing is signed over it.
    let script = format!(
        "trap '' XFSZ; ulimit -f $(( $(stat -c %s {0}/log/*.seg) / 1024 )); {program} --data-dir {0} --json rm small",
        data_dir.display()
    );
    let output = std::process::Command::new("bash").args(["-c", &script]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stdout).contains("cannot append"), "{output:?}");
    assert_eq!(qfs.get("small", &[]), noise(1, 10_000));
    assert_eq!(qfs.ok(&["ls"]).len(), 1);
    qfs.ok(&["log", "verify"]);
    qfs.ok(&["put", &large]);
    assert_eq!(qfs.get("large", &[]).len(), 3_000_000);
}
