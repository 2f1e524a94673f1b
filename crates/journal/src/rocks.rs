//! The state in RocksDB: a cache of the log, written without a log of its own.
//!
//! One [`StateStore::commit`] becomes one sorted table, which the database takes in whole: it always stands at
//! a commit, and what was taken in is durable. A crash loses at most the commit on its way; re-executing the log
//! brings it back. Tables are written by a thread of their own, one at a time and in order; until one is there,
//! reads find its pairs in memory.

use crate::{JournalError, key_filter::KeyFilters, page_cache::PageCache};
use rocksdb::{
    BlockBasedOptions, Cache, DB, DBCompressionType, IngestExternalFileOptions, IteratorMode,
    Options, ReadOptions, SstFileWriter,
};
use std::{
    io::ErrorKind,
    num::NonZero,
    path::Path,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread::{self, JoinHandle},
};
use storage_engine::state::{Changes, StateStore, keys};

/// Bytes of blocks of the database that are kept in memory.
const BLOCK_CACHE: usize = 128 << 20;
/// Bytes of the first sorted level, of which the next ones are ten times as long each.
const LEVEL_BASE: u64 = 512 << 20;
/// A table on its way into the database, in its directory.
const TABLE_NAME: &str = "incoming.sst";

/// The ordered map in a RocksDB directory.
pub struct RocksStore {
    db: Arc<DB>,
    /// As the database has them: what is on its way there is newer.
    pages: Arc<Mutex<PageCache>>,
    filters: Arc<Filters>,
    writer: Mutex<Writer>,
    thread: Option<JoinHandle<()>>,
    survey: Mutex<Survey>,
}

/// What the database lacks, as far as it was gone through.
#[derive(Default)]
struct Filters {
    keys: Mutex<KeyFilters>,
    /// Set when the store is closed.
    ended: AtomicBool,
}

/// The going through the database that completes the filters; begun when it is worth it.
enum Survey {
    /// So many questions were answered with no.
    Due(u64),
    Begun(JoinHandle<()>),
    Done,
}

/// Questions answered with no after which the database is gone through, so that later ones need not reach it.
const SURVEY_AFTER: u64 = 10_000;
/// Keys that are added to the filters at once.
const ADDED_TOGETHER: usize = 256;

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
        let pages = Arc::new(Mutex::new(PageCache::default()));
        let filters = Arc::new(Filters::default());
        let is_empty = db.iterator(IteratorMode::Start).next().is_none();
        if is_empty {
            lock(&filters.keys).complete();
        }
        let survey = Mutex::new(if is_empty { Survey::Done } else { Survey::Due(0) });
        let thread = std::thread::Builder::new().name("state".into()).spawn({
            let (db, pages, filters) = (Arc::clone(&db), Arc::clone(&pages), Arc::clone(&filters));
            move || write_tables(&db, &pages, &filters, &work, &done)
        });
        let thread = Some(thread.map_err(JournalError::io("cannot start a thread for", dir))?);
        Ok(Self { db, pages, filters, writer: Mutex::new(writer), thread, survey })
    }

    fn answered_no(&self) {
        let mut survey = lock(&self.survey);
        let Survey::Due(answers) = &mut *survey else { return };
        *answers += 1;
        if *answers == SURVEY_AFTER {
            let (db, filters) = (Arc::clone(&self.db), Arc::clone(&self.filters));
            let begun = std::thread::Builder::new()
                .name("state-survey".into())
                .spawn(move || filters.survey(&db));
            // Without it, answers take longer.
            *survey = begun.map_or(Survey::Done, Survey::Begun);
        }
    }

    fn writer(&self) -> MutexGuard<'_, Writer> {
        lock(&self.writer)
    }
}

impl Filters {
    fn add<'a>(&self, changes: impl Iterator<Item = &'a [u8]>) {
        let mut changes = changes.filter(|key| KeyFilters::covers(key)).peekable();
        while changes.peek().is_some() {
            let mut filters = lock(&self.keys);
            changes.by_ref().take(ADDED_TOGETHER).for_each(|key| filters.add(key));
        }
    }

    /// Adds every key of the kinds that are remembered. What is committed meanwhile is added as well, by its writer.
    fn survey(&self, db: &DB) {
        for kind in [keys::COMMAND, keys::OBJECT] {
            let mut options = ReadOptions::default();
            options.set_iterate_lower_bound([kind]);
            options.set_iterate_upper_bound([kind + 1]);
            options.fill_cache(false);
            for pair in db.iterator_opt(IteratorMode::Start, options) {
                let Ok((key, _)) = pair else { return };
                if self.ended.load(Ordering::Relaxed) {
                    return;
                }
                lock(&self.keys).add(&key);
            }
        }
        lock(&self.keys).complete();
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
    // Nearly every object and command id that is asked for is new: filters answer without reading.
    blocks.set_bloom_filter(10.0, false);
    blocks.set_block_cache(&Cache::new_lru_cache(BLOCK_CACHE));
    let mut options = Options::default();
    options.create_if_missing(true);
    options.set_block_based_table_factory(&blocks);
    // Hashes do not compress, and what is young is soon written again.
    options.set_compression_per_level(&[
        DBCompressionType::None,
        DBCompressionType::None,
        DBCompressionType::Lz4,
    ]);
    options.set_max_bytes_for_level_base(LEVEL_BASE);
    options.set_target_file_size_base(LEVEL_BASE / 8);
    options.set_max_open_files(256);
    options.set_keep_log_file_num(2);
    options.set_log_level(rocksdb::LogLevel::Warn);
    options.increase_parallelism(2);
    options
}

fn write_tables(
    db: &DB,
    pages: &Mutex<PageCache>,
    filters: &Filters,
    work: &Receiver<Arc<Changes>>,
    done: &SyncSender<Result<(), rocksdb::Error>>,
) {
    // Dropped one round later, when the other side has let go of it: freeing so many pieces takes its time.
    let mut _last = None;
    for changes in work {
        // Before they can be there: a key must never be denied once it is.
        filters.add(
            changes.iter().filter(|(_, value)| value.is_some()).map(|(key, _)| key.as_slice()),
        );
        let result = write_table(db, &changes);
        if result.is_ok() {
            remember_pages(&mut lock(pages), &changes);
        }
        _last = Some(changes);
        if done.send(result).is_err() {
            return;
        }
    }
}

/// The pages that a root writes are those that the next one reads.
fn remember_pages(pages: &mut PageCache, changes: &Changes) {
    let written = changes.range(vec![keys::TREE_PAGE]..vec![keys::TREE_PAGE + 1]);
    for (key, page) in written {
        pages.put(key.clone(), page.clone());
    }
}

/// Sorted already, so that no buffer has to sort them again. A crash in here leaves a table that the database
/// does not know; the next one replaces it.
fn write_table(db: &DB, changes: &Changes) -> Result<(), rocksdb::Error> {
    let path = db.path().join(TABLE_NAME);
    let mut options = options();
    // A table would else be written as for the last level.
    options.set_compression_per_level(&[DBCompressionType::None]);
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
            // A table that is not written is executed again from the log.
            let _ = thread.join();
        }
        self.filters.ended.store(true, Ordering::Relaxed);
        if let Survey::Begun(thread) = std::mem::replace(&mut *lock(&self.survey), Survey::Done) {
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
        if KeyFilters::covers(key) {
            if !lock(&self.filters.keys).may_have(key) {
                return Ok(None);
            }
            let value = self.db.get(key)?;
            if value.is_none() {
                self.answered_no();
            }
            return Ok(value);
        }
        if key.first() != Some(&keys::TREE_PAGE) {
            return Ok(self.db.get(key)?);
        }
        if let Some(page) = lock(&self.pages).get(key) {
            return Ok(page);
        }
        let page = self.db.get(key)?;
        lock(&self.pages).put(key.to_vec(), page.clone());
        Ok(page)
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
