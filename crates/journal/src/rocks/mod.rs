//! The state in RocksDB: a cache of the log, written without a log of its own.
//!
//! One [`StateStore::commit`] becomes one sorted table, which the database takes in whole: it always stands at
//! a commit, and what was taken in is durable. A crash loses at most the commit on its way; re-executing the log
//! brings it back. Tables are written by a thread of their own, one at a time and in order; until one is there,
//! reads find its pairs in memory.

mod absence;
mod key_filter;
mod page_cache;
mod writer;

use crate::JournalError;
use absence::Absence;
use page_cache::PageCache;
use rocksdb::{
    BlockBasedOptions, Cache, DB, DBCompressionType, IteratorMode, Options, ReadOptions,
};
use std::{
    io::ErrorKind,
    num::NonZero,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
};
use storage_engine::state::{Changes, StateStore, keys};
use writer::TableWriter;

/// Bytes of blocks of the database that are kept in memory.
const BLOCK_CACHE: usize = 64 << 20;
/// Bytes of the first sorted level, of which the next ones are ten times as long each.
const LEVEL_BASE: u64 = 512 << 20;

/// The ordered map in a RocksDB directory.
pub struct RocksStore {
    db: Arc<DB>,
    writer: TableWriter,
    /// Pages as the database has them: what is on its way there is newer.
    pages: Arc<Mutex<PageCache>>,
    absence: Arc<Absence>,
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

impl RocksStore {
    /// Opens the database in `dir`, made if need be.
    ///
    /// # Errors
    /// [`JournalError::Halted`] with what RocksDB says.
    pub fn open(dir: &Path) -> Result<Self, JournalError> {
        let db = DB::open(&options(), dir).map_err(|error| not_opened(dir, &error))?;
        let db = Arc::new(db);
        let pages = Arc::new(Mutex::new(PageCache::default()));
        let absence = Arc::new(Absence::of(&db));
        let writer = TableWriter::start(&db, &pages, &absence)
            .map_err(JournalError::io("cannot start a thread for", dir))?;
        Ok(Self { db, writer, pages, absence })
    }

    fn page(&self, key: &[u8]) -> Result<Option<Vec<u8>>, RocksFault> {
        if let Some(page) = lock(&self.pages).get(key) {
            return Ok(page);
        }
        let page = self.db.get(key)?;
        lock(&self.pages).put(key.to_vec(), page.clone());
        Ok(page)
    }
}

/// A panic while it was held would have left nothing half-changed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
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
    // Most of what is asked for and not answered from memory is not there: filters answer without reading.
    blocks.set_bloom_filter(10.0, false);
    blocks.set_block_cache(&Cache::new_lru_cache(BLOCK_CACHE));
    let mut options = Options::default();
    options.create_if_missing(true);
    options.set_block_based_table_factory(&blocks);
    // Most of it are hashes, which do not compress.
    options.set_compression_type(DBCompressionType::None);
    options.set_max_bytes_for_level_base(LEVEL_BASE);
    options.set_target_file_size_base(LEVEL_BASE / 8);
    options.set_max_open_files(256);
    options.set_keep_log_file_num(2);
    options.set_log_level(rocksdb::LogLevel::Warn);
    options.increase_parallelism(2);
    options
}

impl Drop for RocksStore {
    fn drop(&mut self) {
        // A table that is not written is executed again from the log.
        self.writer.end();
        self.absence.end();
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
        if let Some(value) = self.writer.get(key) {
            return Ok(value);
        }
        if key.first() == Some(&keys::TREE_PAGE) {
            return self.page(key);
        }
        if self.absence.is_certain(key) {
            return Ok(None);
        }
        let value = self.db.get(key)?;
        if value.is_none() {
            Absence::learned(&self.absence, &self.db, key);
        }
        Ok(value)
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
        self.writer.settle()?;
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
        if changes.is_empty() { self.writer.settle() } else { self.writer.write(changes) }
    }

    fn side_by_side<J: Send, R: Send>(&self, jobs: Vec<J>, work: impl Fn(J) -> R + Sync) -> Vec<R> {
        let threads = thread::available_parallelism().map_or(1, NonZero::get).min(jobs.len());
        let (queue, done) = (Mutex::new(jobs.into_iter().enumerate()), Mutex::new(Vec::new()));
        let run = || {
            // Taken in a statement of its own, so that the queue is free while the job is done.
            while let Some((place, job)) = next(&queue) {
                let result = work(job);
                lock(&done).push((place, result));
            }
        };
        thread::scope(|scope| {
            (1..threads).for_each(|_| drop(scope.spawn(run)));
            run();
        });
        let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
        done.sort_unstable_by_key(|(place, _)| *place);
        done.into_iter().map(|(_, result)| result).collect()
    }
}

fn next<T>(queue: &Mutex<impl Iterator<Item = T>>) -> Option<T> {
    lock(queue).next()
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
