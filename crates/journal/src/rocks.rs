//! The state in RocksDB: a cache of the log, written without a log of its own.
//!
//! One [`StateStore::commit`] is one write batch, so the database always stands between two flushes of the
//! state. A crash may put it back to an earlier one; re-executing the log brings it forward again. Batches are
//! written by a thread of their own, one at a time and in order; until one is there, reads find it in memory.

use crate::JournalError;
use rocksdb::{
    BlockBasedOptions, Cache, DB, DBCompressionType, IteratorMode, Options, ReadOptions,
    WriteBatch, WriteOptions,
};
use std::{
    path::Path,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread::JoinHandle,
};
use storage_engine::state::{Changes, StateStore};

/// Bytes of blocks of the database that are kept in memory.
const BLOCK_CACHE: usize = 128 << 20;
/// Bytes of the database's own buffer of writes.
const WRITE_BUFFER: usize = 64 << 20;

/// The ordered map in a RocksDB directory.
pub struct RocksStore {
    db: Arc<DB>,
    writer: Mutex<Writer>,
    thread: Option<JoinHandle<()>>,
}

/// Why the store failed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum RocksFault {
    /// What RocksDB says.
    #[error(transparent)]
    Rocks(#[from] rocksdb::Error),
    /// The thread that writes is gone.
    #[error("the thread that writes the state has ended")]
    Ended,
}

/// The batch that is being written, and the way to the thread that writes it.
struct Writer {
    writing: Option<Arc<Changes>>,
    batches: Option<SyncSender<Arc<Changes>>>,
    results: Receiver<Result<(), rocksdb::Error>>,
    failed: Option<RocksFault>,
}

impl Writer {
    /// Waits for the batch on its way. After a failure nothing more is written: a later batch without an
    /// earlier one would be a state that never was.
    fn settle(&mut self) -> Result<(), RocksFault> {
        if self.writing.take().is_some() {
            let result = self
                .results
                .recv()
                .map_or(Err(RocksFault::Ended), |result| result.map_err(Into::into));
            self.failed = result.err();
        }
        self.failed.clone().map_or(Ok(()), Err)
    }
}

impl RocksStore {
    /// Opens the database in `dir`, made if need be.
    ///
    /// # Errors
    /// [`JournalError::Halted`] with what RocksDB says.
    pub fn open(dir: &Path) -> Result<Self, JournalError> {
        let db = DB::open(&options(), dir).map_err(|error| {
            JournalError::Halted(format!(
                "state in {}: {error}; removing that directory is safe: it is rebuilt from the log",
                dir.display()
            ))
        })?;
        let db = Arc::new(db);
        let (batches, work) = sync_channel::<Arc<Changes>>(1);
        let (done, results) = sync_channel(1);
        let writer = Writer { writing: None, batches: Some(batches), results, failed: None };
        let thread = std::thread::spawn({
            let db = Arc::clone(&db);
            move || write_batches(&db, &work, &done)
        });
        Ok(Self { db, writer: Mutex::new(writer), thread: Some(thread) })
    }

    fn writer(&self) -> MutexGuard<'_, Writer> {
        // A panic while it was held would have left nothing half-changed.
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn options() -> Options {
    let mut blocks = BlockBasedOptions::default();
    // Nearly every object and command id that is asked for is new: filters answer without reading.
    blocks.set_bloom_filter(10.0, false);
    blocks.set_block_cache(&Cache::new_lru_cache(BLOCK_CACHE));
    let mut options = Options::default();
    options.create_if_missing(true);
    options.set_block_based_table_factory(&blocks);
    options.set_memtable_prefix_bloom_ratio(0.1);
    options.set_memtable_whole_key_filtering(true);
    options.set_compression_type(DBCompressionType::Lz4);
    options.set_write_buffer_size(WRITE_BUFFER);
    options.set_max_open_files(256);
    options.set_keep_log_file_num(2);
    options.set_log_level(rocksdb::LogLevel::Warn);
    options.increase_parallelism(2);
    options
}

fn write_batches(
    db: &DB,
    work: &Receiver<Arc<Changes>>,
    done: &SyncSender<Result<(), rocksdb::Error>>,
) {
    for changes in work {
        let mut batch = WriteBatch::with_capacity_bytes(bytes_of(&changes));
        for (key, value) in changes.as_ref() {
            match value {
                Some(value) => batch.put(key, value),
                None => batch.delete(key),
            }
        }
        let mut options = WriteOptions::default();
        options.disable_wal(true);
        let result = db.write_opt(batch, &options);
        if done.send(result).is_err() {
            return;
        }
    }
}

/// Room that a batch needs: asked for once, because growing to tens of megabytes copies them several times.
fn bytes_of(changes: &Changes) -> usize {
    const OVERHEAD: usize = 12;
    let pair = |(key, value): (&Vec<u8>, &Option<Vec<u8>>)| {
        key.len() + value.as_ref().map_or(0, Vec::len) + OVERHEAD
    };
    changes.iter().map(pair).sum()
}

impl Drop for RocksStore {
    fn drop(&mut self) {
        self.writer().batches = None;
        if let Some(thread) = self.thread.take() {
            // A batch that is not written is executed again from the log.
            let _ = thread.join();
        }
    }
}

impl std::fmt::Debug for RocksStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RocksStore").field("path", &self.db.path()).finish_non_exhaustive()
    }
}

impl StateStore for RocksStore {
    type Fault = RocksFault;

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Self::Fault> {
        if let Some(writing) = &self.writer().writing
            && let Some(value) = writing.get(key)
        {
            return Ok(value.clone());
        }
        Ok(self.db.get(key)?)
    }

    fn scan(
        &self,
        from: &[u8],
        end: &[u8],
        visit: &mut dyn FnMut(&[u8], &[u8]) -> bool,
    ) -> Result<(), Self::Fault> {
        if from >= end {
            return Ok(());
        }
        self.writer().settle()?;
        let mut options = ReadOptions::default();
        options.set_iterate_lower_bound(from);
        options.set_iterate_upper_bound(end);
        for pair in self.db.iterator_opt(IteratorMode::Start, options) {
            let (key, value) = pair?;
            if !visit(&key, &value) {
                break;
            }
        }
        Ok(())
    }

    fn commit(&mut self, changes: Changes) -> Result<(), Self::Fault> {
        let mut writer = self.writer();
        writer.settle()?;
        let changes = Arc::new(changes);
        writer.writing = Some(Arc::clone(&changes));
        if let Some(batches) = &writer.batches {
            // Fails only if the thread has ended, which `settle` then finds out as well.
            let _ = batches.send(changes);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rocksdb_conforms() {
        let dir = tempfile::tempdir().unwrap();
        storage_engine::state::store::conformance(RocksStore::open(dir.path()).unwrap());
    }

    /// What was committed is read back at once, while it is written, and after the store was opened again.
    #[test]
    fn batches_on_their_way_are_read_and_kept() {
        let dir = tempfile::tempdir().unwrap();
        let key = |n: u32| n.to_be_bytes().to_vec();
        let mut store = RocksStore::open(dir.path()).unwrap();
        for round in 0..20u32 {
            let changes = (0..2_000).map(|n| (key(n), Some(key(round)))).collect();
            store.commit(changes).unwrap();
            for n in [0, 999, 1_999] {
                assert_eq!(store.get(&key(n)).unwrap(), Some(key(round)));
            }
        }
        drop(store);
        let store = RocksStore::open(dir.path()).unwrap();
        let mut seen = 0;
        store
            .scan(&key(0), &key(u32::MAX), &mut |_, value| {
                assert_eq!(value, key(19));
                seen += 1;
                true
            })
            .unwrap();
        assert_eq!(seen, 2_000);
    }
}
