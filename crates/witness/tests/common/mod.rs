//! Logs that can be forked, and witnesses with published keys.
#![allow(dead_code, reason = "each test file uses a part of this")]

use disk::Disk;
use eqm_log::{
    ConsistencyProof, LogHead, NodeReader, Policy, TreeHash, VerifierKey, tree::consistency_proof,
};
use protocol::signature::{SeedSigner, Signer, Suite};
use std::{
    collections::BTreeMap,
    path::Path,
    sync::{LazyLock, Mutex},
};
use witness::{Signers, Witness};

/// Name of the test log.
pub const ORIGIN: &str = "qfs.example/test-log";

/// Name of the test witness.
pub const NAME: &str = "witness.example/one";

/// Where the test witness lives on a simulated disk.
pub const DIR: &str = "/witness";

fn signers_of(seed: u8) -> [SeedSigner; 2] {
    [Suite::Ed25519, Suite::MlDsa44].map(|suite| SeedSigner::from_seed(suite, [seed; 32]))
}

/// The keys of the test log.
pub fn log_keys() -> Vec<VerifierKey> {
    let key = |signer: &SeedSigner| VerifierKey::new(ORIGIN, &signer.public_key()).unwrap();
    static KEYS: LazyLock<[SeedSigner; 2]> = LazyLock::new(|| signers_of(1));
    KEYS.iter().map(key).collect()
}

/// The signers of the test witness.
pub fn signers() -> Signers {
    signers_of(2).into_iter().map(|signer| Box::new(signer) as _).collect()
}

/// The keys of the test witness.
pub fn witness_keys() -> Vec<VerifierKey> {
    let key = |signer: &SeedSigner| VerifierKey::cosigner(NAME, &signer.public_key()).unwrap();
    signers_of(2).iter().map(key).collect()
}

/// A witness that knows the test log, on a disk where it is not there yet.
pub fn made<D: Disk>(disk: &D, dir: &Path) -> Witness<D> {
    Witness::create(disk, dir, NAME, &signers()).unwrap();
    let mut witness = Witness::open(disk.clone(), dir, signers()).unwrap();
    witness.trust(&log_keys()).unwrap();
    witness
}

/// One history of the test log, with the tree of every size.
#[derive(Clone, Default)]
pub struct History {
    head: LogHead,
    nodes: BTreeMap<(u8, u64), TreeHash>,
    roots: Vec<TreeHash>,
}

impl History {
    /// A history that begins with these entries of `fork` 0, and goes on with those of `fork` up to `size`.
    pub fn new(common: u64, fork: u8, size: u64) -> Self {
        let mut history = Self::default();
        history.roots.push(history.head.root());
        for seq in 0..size {
            let body = [if seq < common { 0 } else { fork }, seq as u8, (seq >> 8) as u8];
            let nodes = &mut history.nodes;
            history.head.append(&body, |level, index, hash| {
                nodes.insert((level, index), hash);
            });
            history.roots.push(history.head.root());
        }
        history
    }

    /// Root of the first `size` entries.
    pub fn root(&self, size: u64) -> TreeHash {
        self.roots[size as usize]
    }

    /// The signed checkpoint over the first `size` entries; signed once, as tests ask for it thousands of times.
    pub fn note(&self, size: u64) -> String {
        static NOTES: LazyLock<Mutex<BTreeMap<TreeHash, String>>> = LazyLock::new(Mutex::default);
        let root = self.root(size);
        let mut notes = NOTES.lock().unwrap();
        let note = notes.entry(root).or_insert_with(|| {
            let [ed, pq] = signers_of(1);
            eqm_log::Checkpoint { origin: ORIGIN.into(), size, root }
                .sign(ORIGIN, &ed, &pq)
                .unwrap()
        });
        note.clone()
    }

    /// The hashes between two sizes.
    pub fn path(&self, old: u64, new: u64) -> Vec<TreeHash> {
        if old == 0 { Vec::new() } else { consistency_proof(self, old, new).unwrap() }
    }

    /// The body of `add-checkpoint`.
    pub fn request(&self, old: u64, new: u64) -> String {
        let path = if old <= new { self.path(old, new) } else { Vec::new() };
        ConsistencyProof { old, path, checkpoint: self.note(new) }.to_string()
    }
}

impl NodeReader for History {
    type Error = (u8, u64);

    fn node(&self, level: u8, index: u64) -> Result<TreeHash, Self::Error> {
        self.nodes.get(&(level, index)).copied().ok_or((level, index))
    }
}

/// A policy that wants both cosignatures of the test witness.
pub fn policy() -> Policy {
    let logs: String = log_keys().iter().map(|key| format!("log {key}\n")).collect();
    let [ed, pq] = &witness_keys()[..] else { panic!("two keys") };
    let text =
        format!("{logs}witness ed {ed}\nwitness pq {pq}\ngroup both all ed pq\nquorum both\n");
    Policy::parse(&text).unwrap()
}
