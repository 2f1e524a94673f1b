//! An ordered map on the disk: a table of the database, and before it what is on its way there.

use std::{
    fmt::Display,
    mem,
    ops::Bound,
    sync::{Arc, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use redb::{ReadOnlyTable, ReadTransaction, TableDefinition, WriteTransaction};
use storage_engine::state::{Changes, KeyRange, StateStore, keys::TREE_PAGE};

use super::{Fault, pages::PageFiles, writer::Writer};
use crate::cli::threads::side_by_side;

/// Changed records whose pages of the state tree are made and written at a time: some ten megabytes.
const PAGES_AHEAD: usize = 5_000;

/// Bytes that a change takes beside its key and its value.
const RECORD_OVERHEAD: usize = 64;

/// The form of every table here.
pub(super) type Definition = TableDefinition<'static, &'static [u8], &'static [u8]>;

/// Changes that are not in the table yet: ranges end first.
#[derive(Debug, Default)]
pub(super) struct Staged {
    ended: Vec<KeyRange>,
    changes: Changes,
    /// What the changes take in memory, about.
    bytes: usize,
}

/// A table as of the last transaction, and what comes after it.
pub(super) struct Layers {
    definition: Definition,
    now: RwLock<Now>,
}

struct Now {
    /// Waits for the next transaction.
    waiting: Staged,
    /// On its way in a transaction.
    flying: Arc<Staged>,
    table: ReadOnlyTable<&'static [u8], &'static [u8]>,
}

/// One of the maps of a scratch.
pub struct Map {
    layers: Arc<Layers>,
    writer: Arc<Writer>,
    /// For the map of the state, whose commits begin a transaction each: its tree. What is committed to another map
    /// waits for the next of these.
    tree: Option<PageFiles>,
}

impl Staged {
    fn has_ended(&self, key: &[u8]) -> bool {
        self.ended.iter().any(|(from, end)| from.as_slice() <= key && key < end.as_slice())
    }

    /// What these say about a key: nothing, that it has ended, or its value.
    fn get(&self, key: &[u8]) -> Option<Option<&Vec<u8>>> {
        match self.changes.get(key) {
            Some(value) => Some(value.as_ref()),
            None => self.has_ended(key).then_some(None),
        }
    }

    /// Visits what these and `older` pairs, which come in order, amount to.
    fn scan<E>(
        &self,
        from: &[u8],
        end: &[u8],
        visit: &mut dyn FnMut(&[u8], &[u8]) -> bool,
        older: impl FnOnce(&mut dyn FnMut(&[u8], &[u8]) -> bool) -> Result<(), E>,
    ) -> Result<(), E> {
        let newer = (Bound::Included(from), Bound::Excluded(end));
        let mut newer = self.changes.range::<[u8], _>(newer).peekable();
        let mut going = true;
        older(&mut |key, value| {
            while let Some((newer, value)) = newer.next_if(|(newer, _)| newer.as_slice() < key) {
                going = going && value.as_ref().is_none_or(|value| visit(newer, value));
            }
            going = going
                && match newer.next_if(|(newer, _)| newer.as_slice() == key) {
                    Some((_, value)) => value.as_ref().is_none_or(|value| visit(key, value)),
                    None => self.has_ended(key) || visit(key, value),
                };
            going
        })?;
        let _all = going && newer.all(|(key, value)| value.as_ref().is_none_or(|v| visit(key, v)));
        Ok(())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ended.is_empty() && self.changes.is_empty()
    }

    /// Adds what was committed after these.
    fn add(&mut self, ended: &[KeyRange], mut changes: Changes) {
        for (key, value) in &changes {
            let bytes = key.len().saturating_add(value.as_ref().map_or(0, Vec::len));
            self.bytes = self.bytes.saturating_add(bytes).saturating_add(RECORD_OVERHEAD);
        }
        for (from, end) in ended {
            self.changes.retain(|key, _| key < from || key >= end);
        }
        self.ended.extend_from_slice(ended);
        if self.changes.is_empty() {
            self.changes = changes;
        } else {
            self.changes.append(&mut changes);
        }
    }

    /// Writes these into their table.
    pub(super) fn write(&self, to: &WriteTransaction, into: Definition) -> Result<(), Fault> {
        let mut table = to.open_table(into)?;
        for (from, end) in self.ended.iter().filter(|(from, end)| from < end) {
            table.retain_in(from.as_slice()..end.as_slice(), |_, _| false)?;
        }
        for (key, value) in &self.changes {
            match value {
                Some(value) => table.insert(key.as_slice(), value.as_slice()).map(drop)?,
                None => table.remove(key.as_slice()).map(drop)?,
            }
        }
        Ok(())
    }
}

impl Layers {
    pub(super) fn open(definition: Definition, from: &ReadTransaction) -> Result<Self, Fault> {
        let table = from.open_table(definition)?;
        let now = Now { waiting: Staged::default(), flying: Arc::default(), table };
        Ok(Self { definition, now: RwLock::new(now) })
    }

    pub(super) const fn definition(&self) -> Definition {
        self.definition
    }

    /// Bytes that wait for a transaction.
    pub(super) fn waiting(&self) -> usize {
        self.read().waiting.bytes
    }

    /// Takes what waits for a transaction; nothing else is on its way.
    pub(super) fn take_off(&self) -> Arc<Staged> {
        let mut now = self.write();
        now.flying = Arc::new(mem::take(&mut now.waiting));
        Arc::clone(&now.flying)
    }

    /// What was on its way is in the table now.
    pub(super) fn land(&self, to: &ReadTransaction) -> Result<(), Fault> {
        let table = to.open_table(self.definition)?;
        let mut now = self.write();
        (now.flying, now.table) = (Arc::default(), table);
        Ok(())
    }

    // A panic of another thread ends the audit anyway: the lock is not what tells of it.
    fn read(&self) -> RwLockReadGuard<'_, Now> {
        self.now.read().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn write(&self) -> RwLockWriteGuard<'_, Now> {
        self.now.write().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Map {
    pub(super) const fn new(
        layers: Arc<Layers>,
        writer: Arc<Writer>,
        tree: Option<PageFiles>,
    ) -> Self {
        Self { layers, writer, tree }
    }

    fn failed<T>(&self, result: Result<T, impl Display>) -> Result<T, Fault> {
        result.map_err(|error| self.writer.fail(Fault::of(error)))
    }
}

impl StateStore for Map {
    type Fault = Fault;

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Fault> {
        if let Some(tree) = &self.tree
            && key.first() == Some(&TREE_PAGE)
        {
            return self.failed(tree.get(key));
        }
        let now = self.layers.read();
        if let Some(found) = now.waiting.get(key).or_else(|| now.flying.get(key)) {
            return Ok(found.cloned());
        }
        let found = self.failed(now.table.get(key))?;
        Ok(found.map(|value| value.value().to_vec()))
    }

    fn scan(
        &self,
        from: &[u8],
        end: &[u8],
        visit: &mut dyn FnMut(&[u8], &[u8]) -> bool,
    ) -> Result<(), Fault> {
        if from >= end {
            return Ok(());
        }
        let now = self.layers.read();
        now.waiting.scan(from, end, visit, |visit| {
            now.flying.scan(from, end, visit, |visit| {
                for record in self.failed(now.table.range(from..end))? {
                    let (key, value) = self.failed(record)?;
                    if !visit(key.value(), value.value()) {
                        break;
                    }
                }
                Ok(())
            })
        })
    }

    fn commit(&mut self, changes: Changes) -> Result<(), Fault> {
        self.commit_without(&[], changes)
    }

    /// Pages of the tree are in their file when this returns; the rest is on its way to the database, or waits.
    fn commit_without(&mut self, ranges: &[KeyRange], mut changes: Changes) -> Result<(), Fault> {
        let Some(tree) = &mut self.tree else {
            self.layers.write().waiting.add(ranges, changes);
            return Ok(());
        };
        let mut pages = changes.split_off([TREE_PAGE].as_slice());
        changes.append(&mut pages.split_off([TREE_PAGE + 1].as_slice()));
        tree.write(&pages).map_err(|fault| self.writer.fail(fault))?;
        if changes.is_empty() && ranges.is_empty() {
            return Ok(());
        }
        self.layers.write().waiting.add(ranges, changes);
        self.writer.relieve()
    }

    fn pages_ahead(&self) -> Option<usize> {
        Some(PAGES_AHEAD)
    }

    fn side_by_side<J: Send, R: Send>(&self, jobs: Vec<J>, work: impl Fn(J) -> R + Sync) -> Vec<R> {
        side_by_side(jobs, work)
    }
}
