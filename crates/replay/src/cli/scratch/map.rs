//! An ordered map on the disk: a table of the database, and before it what is on its way there.

use std::{
    fmt::Display,
    ops::Bound,
    sync::{Arc, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use redb::{ReadOnlyTable, ReadTransaction, TableDefinition, WriteTransaction};
use storage_engine::state::{Changes, KeyRange, StateStore};

use super::{Fault, writer::Writer};
use crate::cli::threads::side_by_side;

/// The form of every table here.
pub(super) type Definition = TableDefinition<'static, &'static [u8], &'static [u8]>;

/// Changes that are not in the table yet: ranges end first.
#[derive(Clone, Debug, Default)]
pub(super) struct Staged {
    ended: Vec<KeyRange>,
    changes: Changes,
}

/// A table as of the last commit, and what comes after it.
pub(super) struct Layers {
    definition: Definition,
    both: RwLock<Both>,
}

struct Both {
    staged: Arc<Staged>,
    table: ReadOnlyTable<&'static [u8], &'static [u8]>,
}

/// One of the maps of a scratch.
pub struct Map {
    layers: Arc<Layers>,
    writer: Arc<Writer>,
    /// Whether each commit begins its own transaction, because nobody saves.
    alone: bool,
}

impl Staged {
    fn has_ended(&self, key: &[u8]) -> bool {
        self.ended.iter().any(|(from, end)| from.as_slice() <= key && key < end.as_slice())
    }

    /// Adds what was committed after these.
    fn add(&mut self, ended: &[KeyRange], mut changes: Changes) {
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
        let (staged, table) = (Arc::default(), from.open_table(definition)?);
        Ok(Self { definition, both: RwLock::new(Both { staged, table }) })
    }

    pub(super) const fn definition(&self) -> Definition {
        self.definition
    }

    pub(super) fn staged(&self) -> Arc<Staged> {
        Arc::clone(&self.read().staged)
    }

    /// What was staged is in the table now.
    pub(super) fn turn(&self, to: &ReadTransaction) -> Result<(), Fault> {
        let table = to.open_table(self.definition)?;
        *self.write() = Both { staged: Arc::default(), table };
        Ok(())
    }

    // A panic of another thread ends the audit anyway: the lock is not what tells of it.
    fn read(&self) -> RwLockReadGuard<'_, Both> {
        self.both.read().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn write(&self) -> RwLockWriteGuard<'_, Both> {
        self.both.write().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Map {
    pub(super) const fn new(layers: Arc<Layers>, writer: Arc<Writer>) -> Self {
        Self { layers, writer, alone: false }
    }

    pub(super) fn alone(self) -> Self {
        Self { alone: true, ..self }
    }

    fn failed<T>(&self, result: Result<T, impl Display>) -> Result<T, Fault> {
        result.map_err(|error| self.writer.fail(Fault::of(error)))
    }
}

impl StateStore for Map {
    type Fault = Fault;

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Fault> {
        let both = self.layers.read();
        match both.staged.changes.get(key) {
            Some(value) => Ok(value.clone()),
            None if both.staged.has_ended(key) => Ok(None),
            None => {
                let found = self.failed(both.table.get(key))?;
                Ok(found.map(|value| value.value().to_vec()))
            }
        }
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
        let both = self.layers.read();
        let newer = (Bound::Included(from), Bound::Excluded(end));
        let mut newer = both.staged.changes.range::<[u8], _>(newer).peekable();
        for record in self.failed(both.table.range(from..end))? {
            let (key, value) = self.failed(record)?;
            let key = key.value();
            while let Some((newer, value)) = newer.next_if(|(newer, _)| newer.as_slice() < key) {
                if value.as_ref().is_some_and(|value| !visit(newer, value)) {
                    return Ok(());
                }
            }
            let going = match newer.next_if(|(newer, _)| newer.as_slice() == key) {
                Some((_, value)) => value.as_ref().is_none_or(|value| visit(key, value)),
                None => both.staged.has_ended(key) || visit(key, value.value()),
            };
            if !going {
                return Ok(());
            }
        }
        newer.all(|(key, value)| value.as_ref().is_none_or(|value| visit(key, value)));
        Ok(())
    }

    fn commit(&mut self, changes: Changes) -> Result<(), Fault> {
        self.commit_without(&[], changes)
    }

    /// Stays in memory until the scratch saves: the other map and the progress belong to the same transaction.
    fn commit_without(&mut self, ranges: &[KeyRange], changes: Changes) -> Result<(), Fault> {
        // What is on its way must have arrived: it would not hear of these.
        self.writer.wait()?;
        Arc::make_mut(&mut self.layers.write().staged).add(ranges, changes);
        if self.alone { self.writer.begin(Vec::new(), false) } else { Ok(()) }
    }

    fn side_by_side<J: Send, R: Send>(&self, jobs: Vec<J>, work: impl Fn(J) -> R + Sync) -> Vec<R> {
        side_by_side(jobs, work)
    }
}
