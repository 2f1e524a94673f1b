//! The thread that makes tables of what is committed, one at a time and in order.

use super::{PageCache, RocksFault, absence::Absence, lock, options};
use rocksdb::{DB, IngestExternalFileOptions, SstFileWriter};
use std::{
    io,
    sync::{
        Arc, Condvar, Mutex, PoisonError,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread::{Builder, JoinHandle},
};
use storage_engine::state::{Changes, keys};

/// A table on its way into the database, in its directory.
const TABLE_NAME: &str = "incoming.sst";

/// The way to that thread, and what is on it.
pub(super) struct TableWriter {
    on_its_way: Arc<OnItsWay>,
    tables: Option<SyncSender<Arc<Changes>>>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct OnItsWay {
    table: Mutex<Table>,
    settled: Condvar,
}

/// What is being written; after a failure it stays, so that reads go on seeing it.
#[derive(Default)]
struct Table {
    changes: Option<Arc<Changes>>,
    failed: Option<RocksFault>,
}

impl TableWriter {
    pub(super) fn start(
        db: &Arc<DB>,
        pages: &Arc<Mutex<PageCache>>,
        absence: &Arc<Absence>,
    ) -> io::Result<Self> {
        let on_its_way = Arc::new(OnItsWay::default());
        let (tables, work) = sync_channel(1);
        let (db, pages, absence) = (Arc::clone(db), Arc::clone(pages), Arc::clone(absence));
        let shared = Arc::clone(&on_its_way);
        let write_all = move || write_all(&db, &pages, &absence, &shared, work);
        let thread = Builder::new().name("state".into()).spawn(write_all)?;
        Ok(Self { on_its_way, tables: Some(tables), thread: Some(thread) })
    }

    /// What the table on its way says of `key`, if anything.
    pub(super) fn get(&self, key: &[u8]) -> Option<Option<Vec<u8>>> {
        lock(&self.on_its_way.table).changes.as_ref()?.get(key).cloned()
    }

    /// Waits for the table on its way. After a failure nothing more is written: a later table without an earlier
    /// one would be a state that never was.
    pub(super) fn settle(&self) -> Result<(), RocksFault> {
        let waits = |table: &mut Table| table.changes.is_some() && table.failed.is_none();
        let table = self.on_its_way.settled.wait_while(lock(&self.on_its_way.table), waits);
        table.unwrap_or_else(PoisonError::into_inner).failed.clone().map_or(Ok(()), Err)
    }

    /// Sends a table on its way, once the last one has arrived.
    pub(super) fn write(&self, changes: Changes) -> Result<(), RocksFault> {
        self.settle()?;
        let changes = Arc::new(changes);
        lock(&self.on_its_way.table).changes = Some(Arc::clone(&changes));
        let sent = self.tables.as_ref().map(|tables| tables.send(changes));
        if matches!(sent, Some(Ok(()))) { Ok(()) } else { Err(RocksFault::Ended) }
    }

    /// Waits for the thread's end, which comes after the table on its way.
    pub(super) fn end(&mut self) {
        self.tables = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Says so if the thread ends before its work does, by a panic.
struct Ended<'a>(&'a OnItsWay);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        self.0.arrived(Err(RocksFault::Ended));
    }
}

impl OnItsWay {
    fn arrived(&self, result: Result<(), RocksFault>) {
        let mut table = lock(&self.table);
        let written = match result {
            Ok(()) => table.changes.take(),
            Err(fault) => {
                table.failed.get_or_insert(fault);
                None
            }
        };
        drop(table);
        self.settled.notify_all();
        // Freeing so many pieces takes its time, which nobody waits for here.
        drop(written);
    }
}

fn write_all(
    db: &DB,
    pages: &Mutex<PageCache>,
    absence: &Absence,
    on_its_way: &OnItsWay,
    work: Receiver<Arc<Changes>>,
) {
    let ended = Ended(on_its_way);
    for changes in work {
        // Before they can be there: a key must never be denied once it is.
        let added = changes.iter().filter(|(_, value)| value.is_some());
        absence.ends_for(added.map(|(key, _)| key.as_slice()));
        let result = write_table(db, &changes);
        if result.is_ok() {
            remember_pages(&mut lock(pages), &changes);
        }
        drop(changes);
        on_its_way.arrived(result.map_err(Into::into));
    }
    drop(ended);
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
