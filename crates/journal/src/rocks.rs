//! The state in RocksDB: a cache of the log, written without a log of its own.
//!
//! One [`StateStore::commit`] becomes one sorted table, which the database takes in whole: it always stands at
//! a commit, and what was taken in is durable. A crash loses at most the commit on its way; re-executing the log
//! brings it back. Tables are written by a thread of their own, one at a time and in order; until one is there,
//! reads find its pairs in memory.

use crate::JournalError;
use rocksdb::{
    BlockBasedOptions, Cache, DB, DBCompressionType, IngestExternalFileOptions, IteratorMode,
    Options, ReadOptions, SstFileWriter,
};
use std::{
    io::ErrorKind,
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
/// A table on its way into the database, in its directory.
const TABLE_NAME: &str = "incoming.sst";

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
        let db = DB::open(&options(), dir).map_err(|error| not_opened(dir, &error))?;
        let db = Arc::new(db);
        let (batches, work) = sync_channel::<Arc<Changes>>(1);
        let (done, results) = sync_channel(1);
        let writer = Writer { writing: None, batches: Some(batches), results, failed: None };
        let thread = std::thread::spawn({
            let db = Arc::clone(&db);
            move || write_tables(&db, &work, &done)
        });
        Ok(Self { db, writer: Mutex::new(writer), thread: Some(thread) })
    }

    fn writer(&self) -> MutexGuard<'_, Writer> {
        // A panic while it was held would have left nothing half-changed.
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn not_opened(dir: &Path, error: &rocksdb::Error) -> JournalError {
    // Opening writes; RocksDB says why it could not in words only.
    if error.as_ref().contains("No space left on device") {
        return JournalError::io("cannot open the state in", dir)(ErrorKind::StorageFull.into());
    }
    JournalError::Halted(format!(
        "state in {}: {error}; removing that directory is safe: it is rebuilt from the log",
        dir.display()
    ))
}

fn options() -> Options {
    let mut blocks = BlockBasedOptions::default();
    // Nearly every object and command id that is asked for is new: filters answer without reading.
    blocks.set_bloom_filter(10.0, false);
    blocks.set_block_cache(&Cache::new_lru_cache(BLOCK_CACHE));
    let mut options = Options::default();
    options.create_if_missing(true);
    options.set_block_based_table_factory(&blocks);
    options.set_compression_type(DBCompressionType::Lz4);
    options.set_max_open_files(256);
    options.set_keep_log_file_num(2);
    options.set_log_level(rocksdb::LogLevel::Warn);
    options.increase_parallelism(2);
    options
}

fn write_tables(
    db: &DB,
    work: &Receiver<Arc<Changes>>,
    done: &SyncSender<Result<(), rocksdb::Error>>,
) {
    for changes in work {
        if done.send(write_table(db, &changes)).is_err() {
            return;
        }
    }
}

/// Sorted already, so that no buffer has to sort them again. A crash in here leaves a table that the database
/// does not know; the next one replaces it.
fn write_table(db: &DB, changes: &Changes) -> Result<(), rocksdb::Error> {
    let path = db.path().join(TABLE_NAME);
    let options = options();
    let mut table = SstFileWriter::create(&options);
    table.open(&path)?;
    for (key, value) in changes {
        match value {
            Some(value) => table.put(key, value)?,
            None => table.delete(key)?,
        }
    }
    table.finish()?;
    let mut ingest = IngestExternalFileOptions::default();
    ingest.set_move_files(true);
    // No snapshots are taken.
    ingest.set_snapshot_consistency(false);
    db.ingest_external_file_opts(&ingest, vec![path])
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
        if changes.is_empty() {
            return Ok(());
        }
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
