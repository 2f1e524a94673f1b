//! Several entries of an export at once.

use super::ExportedEntry;
use crate::{chain::body_hashes, head::LogHead};
use alloc::vec::Vec;
use protocol::Hash32;

/// A batch takes no more entries once it holds this many bytes of bodies.
pub(super) const BATCH_BYTES: usize = 1 << 20;

/// Entries that follow each other, with their hashes: bodies in one piece of memory, hashed together.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    first_seq: u64,
    prev_entry_hash: Hash32,
    bodies: Vec<u8>,
    /// Where each body ends, and the hash of its entry.
    entries: Vec<(usize, Hash32)>,
}

impl Batch {
    /// Number of entries; at least one in every batch that a reader gives.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no entry.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The entries in order.
    pub fn entries(&self) -> impl Iterator<Item = ExportedEntry<'_>> {
        let mut start = 0;
        let mut prev_entry_hash = self.prev_entry_hash;
        (self.first_seq..).zip(&self.entries).map(move |(seq, (end, entry_hash))| {
            let body = self.bodies.get(start..*end).unwrap_or_default();
            let entry = ExportedEntry { seq, prev_entry_hash, entry_hash: *entry_hash, body };
            (start, prev_entry_hash) = (*end, *entry_hash);
            entry
        })
    }

    /// An empty batch for the entries after `head`.
    pub(super) fn after(head: &LogHead) -> Self {
        let (first_seq, prev_entry_hash) = (head.size(), head.entry_hash());
        Self { first_seq, prev_entry_hash, ..Self::default() }
    }

    pub(super) const fn is_full(&self) -> bool {
        self.bodies.len() >= BATCH_BYTES
    }

    pub(super) fn push(&mut self, body: &[u8]) {
        self.bodies.extend_from_slice(body);
        self.entries.push((self.bodies.len(), Hash32::ZERO));
    }

    /// Appends all entries to `head`, and keeps their hashes.
    pub(super) fn append_to(&mut self, head: &mut LogHead) {
        let bodies: Vec<&[u8]> = self.entries().map(|entry| entry.body).collect();
        let hashes = body_hashes(&bodies);
        let hashed = bodies.iter().zip(&hashes);
        let linked: Vec<Hash32> =
            hashed.map(|(body, hash)| head.append_hashed(body, hash, |_, _, _| ())).collect();
        for ((_, entry_hash), linked) in self.entries.iter_mut().zip(linked) {
            *entry_hash = linked;
        }
    }
}
