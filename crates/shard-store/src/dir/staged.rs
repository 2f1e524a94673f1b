//! A shard on its way into a directory.

use std::fs::{self, File};
use std::io::{self, Seek, Write};
use std::path::PathBuf;

use protocol::Hash32;
use storage_engine::shard_tree::{LEAF_SIZE, TreeBuilder, level_counts, parents};

use super::format::{footer, node_offset};
use super::{DirStore, read_hashes};
use crate::error::During;
use crate::{ShardKey, ShardStore, StagedShard, StoreError};

/// Leaf hashes held in memory before they go to a file: 1 MiB of them, enough for a shard of 128 MiB.
const HELD: usize = 32_768;

/// Nodes of a level that are read back at once while the next level is made; even, so that no pair is cut.
const CHUNK: u64 = 8_192;

pub(super) struct DirStaged<'a> {
    store: &'a DirStore,
    shard_id: Hash32,
    path: PathBuf,
    file: File,
    tree: TreeBuilder,
    held: Vec<Hash32>,
    /// Leaf hashes that no longer fit in memory.
    spill: Option<File>,
    len: u64,
    renamed: bool,
}

impl<'a> DirStaged<'a> {
    pub(super) fn new(store: &'a DirStore, shard_id: Hash32) -> Result<Self, StoreError> {
        // A crash from here to the rename leaves a file in the staging directory, which the next opening removes.
        let (path, file) = store.staging_file()?;
        Ok(Self {
            store,
            shard_id,
            path,
            file,
            tree: TreeBuilder::new(),
            held: Vec::new(),
            spill: None,
            len: 0,
            renamed: false,
        })
    }

    fn spill(&mut self) -> Result<(), StoreError> {
        let mut file = match self.spill.take() {
            Some(file) => file,
            None => {
                let (path, file) = self.store.staging_file()?;
                // Without a name it vanishes with the process; a crash right before this leaves a staging file.
                fs::remove_file(path).during("unlinking a staging file")?;
                file
            }
        };
        file.write_all(&flat(&self.held)).during("staging leaf hashes")?;
        self.held.clear();
        self.spill = Some(file);
        Ok(())
    }

    /// Writes all levels of the tree and the footer after the shard's bytes.
    fn write_tree(&mut self, root: &Hash32) -> io::Result<()> {
        if let Some(spill) = &mut self.spill {
            spill.rewind()?;
            io::copy(spill, &mut self.file)?;
        }
        self.file.write_all(&flat(&self.held))?;
        let mut counts = level_counts(self.tree.leaves()).peekable();
        for level in 0.. {
            let Some(count) = counts.next() else { break };
            if counts.peek().is_some() {
                self.write_parents(level, count)?;
            }
        }
        self.file.write_all(&footer(self.len, root))
    }

    fn write_parents(&mut self, level: u32, count: u64) -> io::Result<()> {
        for first in (0..count).step_by(CHUNK as usize) {
            let mut nodes = vec![Hash32::ZERO; CHUNK.min(count - first) as usize];
            let offset = node_offset(self.len, level, first).ok_or(io::ErrorKind::FileTooLarge)?;
            read_hashes(&self.file, offset, &mut nodes)?;
            self.file.write_all(&flat(&parents(&nodes)))?;
        }
        Ok(())
    }
}

impl StagedShard for DirStaged<'_> {
    fn append(&mut self, block: &[u8], leaves: &[Hash32]) -> Result<(), StoreError> {
        if !self.len.is_multiple_of(LEAF_SIZE as u64) {
            return Err(StoreError::Refused("a block after a short one"));
        }
        if leaves.len() != block.len().div_ceil(LEAF_SIZE) {
            return Err(StoreError::Refused("not one hash for each leaf of the block"));
        }
        self.store.meter.take(block.len() as u64)?;
        self.len += block.len() as u64;
        self.file.write_all(block).during("staging a block")?;
        self.tree.extend(leaves);
        self.held.extend_from_slice(leaves);
        if self.held.len() >= HELD { self.spill() } else { Ok(()) }
    }

    fn commit(mut self: Box<Self>, root: Hash32, len: u64) -> Result<(), StoreError> {
        if self.len != len {
            return Err(StoreError::Refused("its blocks have another length"));
        }
        if self.tree.root() != root {
            return Err(StoreError::Refused("its blocks have another root"));
        }
        if len == 0 {
            return Ok(());
        }
        let key = ShardKey { shard_id: self.shard_id, root };
        let present = self.store.open(&key, len);
        if present.is_ok_and(|shard| shard.verify_all().is_ok()) {
            // Acknowledged bytes are never replaced. Their directory entry may still wait for its first sync.
            self.store.touched(&key);
            return Ok(());
        }
        self.write_tree(&root).during("staging the tree of a shard")?;
        // The bytes must be on the disk before their name: a crash between the two leaves a staging file,
        // a crash the other way round would leave a committed shard without its bytes.
        self.file.sync_data().during("syncing a staged shard")?;
        // A crash after this line leaves the old directory entry or the new one, both with good bytes;
        // which one is certain only after the next sync of the store.
        self.store.publish(&self.path, &key, len)?;
        self.renamed = true;
        Ok(())
    }
}

impl Drop for DirStaged<'_> {
    fn drop(&mut self) {
        if !self.renamed {
            // What cannot be removed now is removed at the next opening.
            let _ = fs::remove_file(&self.path);
            self.store.meter.give_back(self.len);
        }
    }
}

/// The hashes as they stand in the file.
fn flat(nodes: &[Hash32]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(nodes.len() * 32);
    nodes.iter().for_each(|node| bytes.extend_from_slice(&node.0));
    bytes
}
