//! Killed at random moments: every receipt that was printed is there afterwards.

mod common;

use common::{Qfs, files_below, noise};
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

/// No file may grow: the command says so, and what was acknowledged before is there. A limit on file sizes does
/// that without rights.
#[test]
fn files_that_cannot_grow_are_an_error_and_lose_nothing() {
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
    // The log's next group lies beyond the limit: the entry is not acknowledged, and nothing is signed over it.
    let segments = std::fs::read_dir(data_dir.join("log")).unwrap();
    let segment = std::fs::read(segments.last().unwrap().unwrap().path()).unwrap();
    let end = segment.iter().rposition(|byte| *byte != 0).unwrap();
    let metadata = format!(r#"{{"note":"{}"}}"#, "long".repeat(1_000));
    let script = format!(
        "trap '' XFSZ; ulimit -f {}; {program} --data-dir {} --json put {small} --metadata '{metadata}'",
        end.div_ceil(1_024),
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

/// A disk of its own, which root can mount: shards and entries on it until it is full, and again with room. Others
/// are told that nothing was tested.
#[test]
fn a_disk_that_is_full_refuses_a_put_and_takes_it_with_room_again() {
    let qfs = Qfs::empty();
    std::fs::create_dir(qfs.data_dir()).unwrap();
    let Some(_mount) = Mount::memory(&qfs.data_dir(), 48) else {
        eprintln!("SKIPPED, nothing was tested: a file system cannot be mounted here");
        return;
    };
    qfs.ok(&["init", "--nodes", "3"]);
    let ballast = qfs.data_dir().join("ballast");
    std::fs::write(&ballast, vec![1; 20 << 20]).unwrap();
    let mut stored = Vec::new();
    let refused = (0..).find_map(|n| {
        let file = qfs.file(&format!("f{n}"), noise(n, 1_500_000));
        let output = qfs.run(&["put", &file]);
        let shown = String::from_utf8_lossy(&output.stdout).into_owned();
        if output.status.success() {
            stored.push(n);
            return None;
        }
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        Some((file, n, serde_json::from_str::<Value>(&shown).unwrap()))
    });
    let (file, number, row) = refused.unwrap();
    assert!(stored.len() > 1, "{row}");
    assert_eq!(row["error_code"], "SE_ERR_LIMIT", "{row}");
    let detail = row["error_detail"].as_str().unwrap();
    assert!(detail.contains("No space left"), "{row}");
    // Room for what every opening writes, but not for the object.
    std::fs::write(&ballast, vec![1; 19 << 20]).unwrap();
    assert_eq!(qfs.ok(&["ls"]).len(), stored.len());
    std::fs::remove_file(ballast).unwrap();
    qfs.ok(&["put", &file]);
    for n in stored.into_iter().chain([number]) {
        assert_eq!(qfs.get(&format!("f{n}"), &[]), noise(n, 1_500_000), "object {n}");
    }
    qfs.ok(&["log", "verify"]);
}

/// A file system in memory, for as long as this lives.
struct Mount(std::path::PathBuf);

impl Mount {
    fn memory(at: &std::path::Path, mebibytes: u32) -> Option<Self> {
        let size = format!("size={mebibytes}m");
        let mut mount = std::process::Command::new("mount");
        let output = mount.args(["-t", "tmpfs", "-o", &size, "qfs"]).arg(at).output().ok()?;
        output.status.success().then(|| Self(at.to_path_buf()))
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg(&self.0).output();
    }
}

/// Repairs that are killed at any moment: no receipt without its bytes, and once one came to its end nothing is left
/// over, two epochs later, at any node.
#[test]
fn repairs_survive_kill_9() {
    let qfs = Qfs::init(&["--nodes", "6"]);
    for n in 0..40 {
        let file = qfs.file(&format!("in/f{n}"), noise(n, 30_000));
        qfs.ok(&["put", &file]);
    }
    let mut killed = 0;
    for node in ["node-001", "node-004"] {
        qfs.ok(&["node", "exit", node]);
        for round in 0..6_u64 {
            let mut repair = qfs.command(&["repair"]);
            let mut repair = repair.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
            std::thread::sleep(Duration::from_millis(30 + round * 23));
            killed += u64::from(repair.try_wait().unwrap().is_none());
            repair.kill().unwrap();
            repair.wait().unwrap();
        }
        qfs.ok(&["repair"]);
        qfs.ok(&["epoch", "advance"]);
        assert_eq!(qfs.nodes()[node]["standing"], "EXITED");
    }
    assert!(killed > 0, "no repair was killed on its way");
    qfs.ok(&["epoch", "advance"]);
    qfs.ok(&["epoch", "advance"]);
    let audited = qfs.ok(&["audit", "run", "--all"]);
    assert!(audited.iter().all(|row| row["verified"] == true));
    let shards =
        qfs.nodes().into_keys().map(|node| files_below(&qfs.node_dir(&node).join("data")).len());
    assert_eq!(shards.sum::<usize>(), audited.len(), "every shard at a node is assigned to it");
    for n in 0..40 {
        assert_eq!(qfs.get(&format!("f{n}"), &[]), noise(n, 30_000));
    }
    qfs.ok(&["log", "verify"]);
}
