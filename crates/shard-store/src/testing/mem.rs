//! A store in memory.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use protocol::Hash32;
use storage_engine::shard_tree::{LEAF_SIZE, TreeBuilder, parents};

use crate::meter::Meter;
use crate::{RawShard, ShardKey, ShardStore, StagedShard, StoreError, StoredShard};

/// A [`ShardStore`] that keeps nothing beyond its own life.
pub struct MemStore {
    shards: Mutex<BTreeMap<ShardKey, Arc<MemShard>>>,
    meter: Meter,
}

struct MemShard {
    bytes: Vec<u8>,
    levels: Vec<Vec<Hash32>>,
}

impl MemStore {
    /// An empty store with an optional quota in bytes.
    #[must_use]
    pub fn new(quota: Option<u64>) -> Self {
        Self { shards: Mutex::default(), meter: Meter::new(0, quota) }
    }

    fn shards(&self) -> MutexGuard<'_, BTreeMap<ShardKey, Arc<MemShard>>> {
        self.shards.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ShardStore for MemStore {
    fn stage(&self, shard_id: Hash32) -> Result<Box<dyn StagedShard + '_>, StoreError> {
        Ok(Box::new(MemStaged {
            store: self,
            shard_id,
            bytes: Vec::new(),
            leaves: Vec::new(),
            kept: false,
        }))
    }

    fn sync(&self) -> Result<(), StoreError> {
        Ok(())
    }

    fn open_raw(&self, key: &ShardKey, len: u64) -> Result<Box<dyn RawShard + '_>, StoreError> {
        let shard = self.shards().get(key).cloned().ok_or(StoreError::Missing)?;
        if shard.bytes.len() as u64 != len {
            return Err(StoreError::Damaged("its size"));
        }
        Ok(Box::new(shard))
    }

    fn visit(
        &self,
        visit: &mut dyn FnMut(StoredShard) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let stored = |(key, shard): (&ShardKey, &Arc<MemShard>)| StoredShard {
            key: *key,
            len: Some(shard.bytes.len() as u64),
        };
        // Collected first: the visitor may open what it is shown.
        let all: Vec<_> = self.shards().iter().map(stored).collect();
        all.into_iter().try_for_each(visit)
    }

    fn remove(&self, key: &ShardKey) -> Result<bool, StoreError> {
        let removed = self.shards().remove(key);
        self.meter.give_back(removed.as_ref().map_or(0, |shard| shard.bytes.len() as u64));
        Ok(removed.is_some())
    }

    fn usage(&self) -> Result<u64, StoreError> {
        Ok(self.meter.used())
    }
}

impl RawShard for Arc<MemShard> {
    fn read_bytes(&self, offset: u64, buffer: &mut [u8]) -> Result<(), StoreError> {
        copy_from(&self.bytes, offset, buffer)
    }

    fn read_nodes(&self, level: u32, first: u64, nodes: &mut [Hash32]) -> Result<(), StoreError> {
        let level = self.levels.get(level as usize).ok_or(StoreError::OutOfRange)?;
        copy_from(level, first, nodes)
    }
}

fn copy_from<T: Copy>(from: &[T], first: u64, to: &mut [T]) -> Result<(), StoreError> {
    let rest = usize::try_from(first).ok().and_then(|first| from.get(first..));
    let part = rest.and_then(|rest| rest.get(..to.len())).ok_or(StoreError::OutOfRange)?;
    to.copy_from_slice(part);
    Ok(())
}

struct MemStaged<'a> {
    store: &'a MemStore,
    shard_id: Hash32,
    bytes: Vec<u8>,
    leaves: Vec<Hash32>,
    kept: bool,
}

impl StagedShard for MemStaged<'_> {
    fn append(&mut self, block: &[u8], leaves: &[Hash32]) -> Result<(), StoreError> {
        if !self.bytes.len().is_multiple_of(LEAF_SIZE) {
            return Err(StoreError::Refused("a block after a short one"));
        }
        if leaves.len() != block.len().div_ceil(LEAF_SIZE) {
            return Err(StoreError::Refused("not one hash for each leaf of the block"));
        }
        self.store.meter.take(block.len() as u64)?;
        self.bytes.extend_from_slice(block);
        self.leaves.extend_from_slice(leaves);
        Ok(())
    }

    fn commit(mut self: Box<Self>, root: Hash32, len: u64) -> Result<(), StoreError> {
        if self.bytes.len() as u64 != len {
            return Err(StoreError::Refused("its blocks have another length"));
        }
        let mut tree = TreeBuilder::new();
        tree.extend(&self.leaves);
        if tree.root() != root {
            return Err(StoreError::Refused("its blocks have another root"));
        }
        let key = ShardKey { shard_id: self.shard_id, root };
        let good = |shard: crate::VerifiedReader<'_>| shard.verify_all().is_ok();
        if len == 0 || self.store.open(&key, len).is_ok_and(good) {
            return Ok(());
        }
        let mut levels = vec![std::mem::take(&mut self.leaves)];
        while levels.last().is_some_and(|level| level.len() > 1) {
            let above = levels.last().map_or_else(Vec::new, |level| parents(level));
            levels.push(above);
        }
        self.kept = true;
        let shard = MemShard { bytes: std::mem::take(&mut self.bytes), levels };
        let replaced = self.store.shards().insert(key, Arc::new(shard));
        self.store.meter.give_back(replaced.map_or(0, |shard| shard.bytes.len() as u64));
        Ok(())
    }
}

impl Drop for MemStaged<'_> {
    fn drop(&mut self) {
        if !self.kept {
            self.store.meter.give_back(self.bytes.len() as u64);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mem_store_conforms() {
        crate::testing::conformance(&mut |quota| MemStore::new(quota));
    }
}
