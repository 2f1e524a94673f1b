//! Runs the `qfs` program in a directory of its own.
#![allow(dead_code, reason = "each test file uses a part of this")]

use serde_json::{Map, Value, json};
use std::{
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};
use tempfile::TempDir;

/// A data directory and the program.
pub struct Qfs {
    dir: TempDir,
}

impl Qfs {
    /// A directory without a ledger.
    pub fn empty() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    /// A ledger made with these arguments of `init`.
    pub fn init(arguments: &[&str]) -> Self {
        let qfs = Self::empty();
        qfs.ok(&[&["init"], arguments].concat());
        qfs
    }

    /// Where the ledger is.
    pub fn data_dir(&self) -> PathBuf {
        self.dir.path().join("ledger")
    }

    /// A path beside the ledger.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// A file beside the ledger, written; its path as text.
    pub fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> String {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_qfs"));
        command.arg("--data-dir").arg(self.data_dir()).arg("--json").args(arguments);
        command.env_remove("QFS_DATA_DIR").stdin(Stdio::null());
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Rows of a command that must succeed.
    pub fn ok(&self, arguments: &[&str]) -> Vec<Value> {
        let output = self.run(arguments);
        let errors = String::from_utf8_lossy(&output.stderr);
        let rows = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{arguments:?}: {errors}{rows}");
        rows.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The only row of a command that must succeed.
    pub fn one(&self, arguments: &[&str]) -> Value {
        let mut rows = self.ok(arguments);
        assert_eq!(rows.len(), 1, "{arguments:?}");
        rows.remove(0)
    }

    /// The error code of a command that must be refused with status 1.
    pub fn refused(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let shown = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {shown}");
        let row: Value = serde_json::from_str(shown.lines().last().unwrap_or("")).unwrap();
        assert_eq!(row["ok"], false, "{arguments:?}");
        assert!(row["error_detail"].as_str().is_some_and(|detail| detail.len() > 8), "{row}");
        row["error_code"].as_str().unwrap().to_owned()
    }

    /// A command that must be a usage error, with status 2 and nothing on standard output.
    pub fn usage(&self, arguments: &[&str]) {
        let output = self.run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
        assert!(!output.stderr.is_empty(), "{arguments:?}");
    }

    /// Number of entries, and the state root, as an auditor computes them.
    pub fn standing(&self) -> (u64, String) {
        let row = self.one(&["log", "verify"]);
        (row["entries"].as_u64().unwrap(), row["state_root"].as_str().unwrap().to_owned())
    }

    /// Reads an object back.
    pub fn get(&self, id: &str, more: &[&str]) -> Vec<u8> {
        let out = self.path("got");
        self.ok(&[&["get", id, "-o", out.to_str().unwrap()], more].concat());
        std::fs::read(out).unwrap()
    }

    /// The rows of a command with this exit status, refused or not.
    pub fn rows(&self, status: i32, arguments: &[&str]) -> Vec<Value> {
        let output = self.run(arguments);
        let shown = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(output.status.code(), Some(status), "{arguments:?}: {shown}");
        shown.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Registry and telemetry snapshots of these nodes, each with its uptime, as two files.
    pub fn snapshots(&self, nodes: &[(&str, &str)]) -> (String, String) {
        let entry = json!({"pqc_public_key": "aa", "pqc_scheme": "ML-DSA-44", "revoked": false});
        let registry = nodes.iter().map(|(id, _)| ((*id).to_owned(), entry.clone()));
        let reading = |uptime: &str| json!({"uptime_ratio": uptime, "health_score": "0.9", "conflict_detected": false});
        let readings = nodes.iter().map(|(id, uptime)| ((*id).to_owned(), reading(uptime)));
        let registry = json!({"schema_version": "v1.0", "nodes": registry.collect::<Map<_, _>>()});
        let mut telemetry =
            json!({"schema_version": "v1.0", "nodes": readings.collect::<Map<_, _>>()});
        // serde_json sorts keys and these texts need no escapes: this is canonical JSON.
        telemetry["telemetry_hash"] =
            protocol::Hash32::of(telemetry.to_string().as_bytes()).to_hex().into();
        (
            self.file("registry.json", registry.to_string()),
            self.file("telemetry.json", telemetry.to_string()),
        )
    }

    /// Closes the epoch with these uptimes.
    pub fn advance(&self, nodes: &[(&str, &str)]) -> Value {
        let (registry, telemetry) = self.snapshots(nodes);
        self.one(&["epoch", "advance", "--registry", &registry, "--telemetry", &telemetry])
    }

    /// The rows of `node list`, by name.
    pub fn nodes(&self) -> std::collections::BTreeMap<String, Value> {
        let rows = self.ok(&["node", "list"]).into_iter();
        rows.map(|row| (row["node_id"].as_str().unwrap().to_owned(), row)).collect()
    }

    /// The directory of a node's shards.
    pub fn node_dir(&self, node: &str) -> PathBuf {
        self.data_dir().join("nodes").join(node)
    }
}

/// Bytes that repeat nowhere soon; the same for the same seed on every machine.
pub fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    (0..len)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state as u8
        })
        .collect()
}

/// All files below a directory.
pub fn files_below(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() { files.extend(files_below(&path)) } else { files.push(path) }
    }
    files.sort();
    files
}
