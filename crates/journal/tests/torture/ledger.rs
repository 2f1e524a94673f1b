//! Ledgers to be tortured, and the process that writes to one.

use crate::workload::WRITERS;
use journal::{Ledger, Submitted, ledger::NewNode};
use protocol::{NodeId, Parameters, Profile, Rules, node::FailureDomain};
use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// A ledger of four nodes, and the notes of its writers beside it.
pub struct Target {
    /// The ledger.
    pub dir: PathBuf,
    /// One file for each writer. They may be on another disk.
    pub notes: PathBuf,
}

impl Target {
    pub fn create(dir: &Path, notes: &Path) -> Self {
        let nodes: Vec<NewNode> = (0..4)
            .map(|n| NewNode {
                node_id: NodeId(format!("node-{n}")),
                domain: FailureDomain::default(),
            })
            .collect();
        std::fs::create_dir_all(notes).unwrap();
        let made = Ledger::create(dir, Parameters::v13(Profile::QFS_V13), Rules::v13(), &nodes);
        let (_, results) = made.unwrap();
        let accepted = |result| matches!(result, &Submitted::Logged { refusal: None, .. });
        assert!(results.iter().all(accepted), "{results:?}");
        Self { dir: dir.to_path_buf(), notes: notes.to_path_buf() }
    }

    /// This program as the process that writes; each thread ends after `each` commands.
    pub fn writers(&self, threads: u64, each: u64) -> Command {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.arg("writers").arg(&self.dir).arg(&self.notes);
        command.args([threads.to_string(), each.to_string()]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// The notes of each writer.
    pub fn note_files(&self) -> impl Iterator<Item = PathBuf> {
        (0..WRITERS).map(|writer| note_file(&self.notes, writer))
    }
}

/// The notes of one writer.
pub fn note_file(notes: &Path, writer: u64) -> PathBuf {
    notes.join(writer.to_string())
}
