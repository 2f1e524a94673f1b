//! A store that fails on demand.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

use protocol::Hash32;

use crate::error::During;
use crate::{RawShard, ShardKey, ShardStore, StagedShard, StoreError, StoredShard};

/// What goes wrong with one shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The shard is gone.
    Missing,
    /// One bit of the shard reads wrong, counted from the lowest bit of its first byte.
    FlippedBit(u64),
    /// One bit of every stored hash reads wrong.
    RottenTree,
    /// Every read fails.
    ReadError,
}

/// Any [`ShardStore`], with faults laid over it.
pub struct FaultyStore<S> {
    inner: S,
    faults: Mutex<Vec<(ShardKey, Fault)>>,
    /// Bytes that still fit the disk.
    room: AtomicU64,
}

impl<S: ShardStore> FaultyStore<S> {
    /// A store without faults so far.
    pub fn new(inner: S) -> Self {
        Self { inner, faults: Mutex::default(), room: AtomicU64::new(u64::MAX) }
    }

    /// Lays a fault over a shard, on top of those it has.
    pub fn inject(&self, key: ShardKey, fault: Fault) {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner).push((key, fault));
    }

    /// Takes all faults away.
    pub fn heal(&self) {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.room.store(u64::MAX, Relaxed);
    }

    /// From now on the disk takes `bytes` more.
    pub fn fill_disk_after(&self, bytes: u64) {
        self.room.store(bytes, Relaxed);
    }

    fn faults_of(&self, key: &ShardKey) -> Vec<Fault> {
        let faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        faults.iter().filter(|(of, _)| of == key).map(|(_, fault)| *fault).collect()
    }
}

impl<S: ShardStore> ShardStore for FaultyStore<S> {
    fn stage(&self, shard_id: Hash32) -> Result<Box<dyn StagedShard + '_>, StoreError> {
        Ok(Box::new(FaultyStaged { inner: self.inner.stage(shard_id)?, room: &self.room }))
    }

    fn sync(&self) -> Result<(), StoreError> {
        self.inner.sync()
    }

    fn open_raw(&self, key: &ShardKey, len: u64) -> Result<Box<dyn RawShard + '_>, StoreError> {
        let faults = self.faults_of(key);
        if faults.contains(&Fault::Missing) {
            return Err(StoreError::Missing);
        }
        Ok(Box::new(FaultyShard { inner: self.inner.open_raw(key, len)?, faults }))
    }

    fn visit(
        &self,
        visit: &mut dyn FnMut(StoredShard) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        self.inner.visit(visit)
    }

    fn remove(&self, key: &ShardKey) -> Result<bool, StoreError> {
        self.inner.remove(key)
    }

    fn usage(&self) -> Result<u64, StoreError> {
        self.inner.usage()
    }
}

struct FaultyShard<'a> {
    inner: Box<dyn RawShard + 'a>,
    faults: Vec<Fault>,
}

impl FaultyShard<'_> {
    fn fail(&self) -> Result<(), StoreError> {
        if self.faults.contains(&Fault::ReadError) {
            return Err(io::Error::other("injected")).during("reading a shard");
        }
        Ok(())
    }
}

impl RawShard for FaultyShard<'_> {
    fn read_bytes(&self, offset: u64, buffer: &mut [u8]) -> Result<(), StoreError> {
        self.fail()?;
        self.inner.read_bytes(offset, buffer)?;
        for fault in &self.faults {
            let Fault::FlippedBit(bit) = fault else {
                continue;
            };
            let at = (bit / 8).checked_sub(offset).and_then(|at| usize::try_from(at).ok());
            if let Some(byte) = at.and_then(|at| buffer.get_mut(at)) {
                *byte ^= 1 << (bit % 8);
            }
        }
        Ok(())
    }

    fn read_nodes(&self, level: u32, first: u64, nodes: &mut [Hash32]) -> Result<(), StoreError> {
        self.fail()?;
        self.inner.read_nodes(level, first, nodes)?;
        if self.faults.contains(&Fault::RottenTree) {
            nodes.iter_mut().for_each(|node| node.0[31] ^= 1);
        }
        Ok(())
    }
}

struct FaultyStaged<'a> {
    inner: Box<dyn StagedShard + 'a>,
    room: &'a AtomicU64,
}

impl StagedShard for FaultyStaged<'_> {
    fn append(&mut self, block: &[u8], leaves: &[Hash32]) -> Result<(), StoreError> {
        let less = |room: u64| room.checked_sub(block.len() as u64);
        if self.room.fetch_update(Relaxed, Relaxed, less).is_err() {
            return Err(io::Error::from(io::ErrorKind::StorageFull)).during("staging a block");
        }
        self.inner.append(block, leaves)
    }

    fn commit(self: Box<Self>, root: Hash32, len: u64) -> Result<(), StoreError> {
        self.inner.commit(root, len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{MemStore, put, sample};

    #[test]
    fn without_faults_it_conforms() {
        crate::testing::conformance(&mut |quota| FaultyStore::new(MemStore::new(quota)));
    }

    /// SS-7, SS-9: every fault is seen by reads, proofs and the scrub, and names the leaf.
    #[test]
    fn ss_7_faults_are_seen() {
        let store = FaultyStore::new(MemStore::new(None));
        let bytes = sample(5 * 4096 + 9, 1);
        let key = put(&store, Hash32([1; 32]), &bytes).unwrap();
        let len = bytes.len() as u64;
        let read = || store.open(&key, len).and_then(|shard| shard.read_leaves(0, 6));
        let scrub = || {
            let mut verdicts = Vec::new();
            store.scrub(&mut |_, verdict| verdicts.push(verdict.is_ok())).unwrap();
            verdicts
        };
        assert_eq!((read().unwrap() == bytes, scrub()), (true, vec![true]));
        for bit in [0, 8 * 4096 - 1, 8 * 4096, 8 * (len - 1)] {
            store.inject(key, Fault::FlippedBit(bit));
            let leaf = bit / 8 / 4096;
            assert!(matches!(read(), Err(StoreError::Corrupt { leaf: at }) if at == leaf));
            assert!(matches!(store.prove(&key, len, leaf), Err(StoreError::Corrupt { .. })));
            assert_eq!(scrub(), [false]);
            let elsewhere = (leaf + 3) % 6;
            let other = store.open(&key, len).unwrap().read_leaves(elsewhere, 1).unwrap();
            assert_eq!(other, bytes.chunks(4096).nth(elsewhere as usize).unwrap());
            store.heal();
        }
        store.inject(key, Fault::RottenTree);
        // All leaves together need no stored hash; one leaf does.
        assert_eq!(read().unwrap(), bytes);
        assert!(matches!(store.prove(&key, len, 2), Err(StoreError::Corrupt { leaf: 2 })));
        assert_eq!(scrub(), [false]);
        store.heal();
        store.inject(key, Fault::ReadError);
        assert!(matches!(read(), Err(StoreError::Io { .. })));
        store.heal();
        store.inject(key, Fault::Missing);
        assert!(matches!(read(), Err(StoreError::Missing)));
    }

    #[test]
    fn a_full_disk_leaves_nothing_behind() {
        let store = FaultyStore::new(MemStore::new(None));
        store.fill_disk_after(3 * 4096);
        let refused = put(&store, Hash32([1; 32]), &sample(4 * 4096, 1));
        assert!(matches!(refused, Err(StoreError::Io { .. })));
        assert_eq!((store.usage().unwrap(), store.list().unwrap()), (0, vec![]));
    }
}
