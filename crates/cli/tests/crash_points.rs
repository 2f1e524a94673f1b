//! Killed at every single write of what changes or publishes a log: it opens, verifies and goes on (JO-6, JO-9, JO-10, KY-2).
//!
//! `tests/acceptance/crash-points.c` stands between the process and the system. The ledger is small, so that every
//! point can be tried, not some of them.

mod common;

use common::Qfs;
use serde_json::Value;
use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicU64, Ordering},
};

const SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/acceptance/crash-points.c");

/// The preloaded library; `None` where there is no C compiler.
fn library(dir: &Path) -> Option<PathBuf> {
    let library = dir.join("crash-points.so");
    let mut cc = Command::new("cc");
    cc.args(["-shared", "-fPIC", "-O2", "-o"]).arg(&library).args([SOURCE, "-ldl"]);
    let output = cc.output().ok()?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(library)
}

/// A ledger with a rotation and an epoch behind it, the keys that an auditor pinned at its beginning, and some published tiles.
fn ledger() -> Qfs {
    let qfs = Qfs::init(&["--nodes", "4"]);
    let pins = qfs.path("pins");
    qfs.ok(&["log", "keys", "-o", pins.to_str().unwrap()]);
    for name in ["a", "b"] {
        let file = qfs.file(name, name);
        qfs.ok(&["put", &file]);
    }
    qfs.ok(&["key", "rotate", "log"]);
    qfs.ok(&["epoch", "advance"]);
    qfs.ok(&["log", "export", "--tiles", qfs.path("tiles").to_str().unwrap()]);
    qfs
}

fn copy(from: &Path, to: &Path) {
    let status = Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap();
    assert!(status.success());
}

/// Runs one command on a copy of `base`, killed at `point`; gives the copy, and the number of points if it was not.
fn killed(base: &Qfs, library: &Path, point: u64, arguments: &[&str]) -> (Qfs, Option<u64>) {
    let qfs = Qfs::empty();
    let root = qfs.path("");
    for part in ["ledger", "tiles", "pins", "a"] {
        copy(&base.path(part), &root.join(part));
    }
    let arguments: Vec<String> =
        arguments.iter().map(|word| word.replace("ROOT", root.to_str().unwrap())).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let report = std::env::temp_dir().join(format!("points-{}-{point}", std::process::id()));
    let status = qfs
        .command(&words)
        .env("LD_PRELOAD", library)
        .env("QFS_CRASH_AT", point.to_string())
        .env("QFS_CRASH_BELOW", root.canonicalize().unwrap())
        .env("QFS_CRASH_REPORT", &report)
        .output()
        .unwrap()
        .status;
    let points = std::fs::read_to_string(&report).ok().map(|text| text.trim().parse().unwrap());
    let _ = std::fs::remove_file(report);
    assert_eq!(status.success(), points.is_some(), "{words:?}: killed, or done");
    (qfs, points)
}

/// The ledger opens, has lost nothing, and passes the auditor who pinned its first keys; then it grows, and passes again.
fn check(qfs: &Qfs, before: u64) {
    let verified = qfs.one(&["log", "verify"]);
    assert!(verified["entries"].as_u64().unwrap() >= before);
    let audit = || -> Value {
        let (export, pins) = (qfs.path("audit.qfslog"), qfs.path("pins"));
        qfs.ok(&["log", "export", export.to_str().unwrap()]);
        qfs.one(&["replay", export.to_str().unwrap(), "--key", pins.to_str().unwrap()])
    };
    assert_eq!(audit()["verdict"], "pinned");
    let tiles = qfs.path("tiles");
    let keys = qfs.path("keys");
    qfs.ok(&["log", "keys", "-o", keys.to_str().unwrap()]);
    let (tiles, keys) = (tiles.to_str().unwrap(), keys.to_str().unwrap());
    qfs.ok(&["replay", "tiles", tiles, "--key", keys]);
    qfs.ok(&["put", qfs.path("a").to_str().unwrap(), "--object-id", "after"]);
    qfs.ok(&["key", "rotate", "log"]);
    qfs.ok(&["log", "export", "--tiles", tiles]);
    qfs.ok(&["log", "keys", "-o", keys]);
    qfs.ok(&["replay", "tiles", tiles, "--key", keys]);
    assert_eq!(audit()["entries"], verified["entries"].as_u64().unwrap() + 2);
}

/// Tries every point of a command; the number of points.
fn every_point(name: &str, arguments: &[&str]) {
    let tools = tempfile::tempdir().unwrap();
    let Some(library) = library(tools.path()) else {
        println!("SKIPPED {name}: there is no C compiler");
        return;
    };
    let base = ledger();
    let before = base.one(&["log", "verify"])["entries"].as_u64().unwrap();
    let (done, points) = killed(&base, &library, 0, arguments);
    check(&done, before);
    let points = points.expect("a process that is not killed");
    assert!(points > 4, "{name} has {points} points");
    let next = AtomicU64::new(1);
    let work = || {
        while let point = next.fetch_add(1, Ordering::Relaxed)
            && point <= points
        {
            check(&killed(&base, &library, point, arguments).0, before);
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(work);
        }
    });
    println!("{name}: {points} points");
}

#[test]
fn jo_6_every_point_of_a_put() {
    every_point("put", &["put", "ROOT/a", "--object-id", "new"]);
}

#[test]
fn jo_6_every_point_of_a_closing() {
    every_point("epoch advance", &["epoch", "advance"]);
}

#[test]
fn ky_2_every_point_of_a_rotation_of_the_log() {
    every_point("key rotate log", &["key", "rotate", "log"]);
}

#[test]
fn ky_5_every_point_of_a_rotation_of_the_operator() {
    every_point("key rotate operator", &["key", "rotate", "operator"]);
}

#[test]
fn el_17_every_point_of_an_export() {
    every_point("log export", &["log", "export", "ROOT/out.qfslog"]);
}

#[test]
fn jo_10_every_point_of_a_publication() {
    every_point("log export --tiles", &["log", "export", "--tiles", "ROOT/tiles"]);
}
