//! A state store that forgets as [`journal::RocksStore`] may: commits are whole and in order, and a crash takes the
//! last ones.

use super::{LOG_DIR, flaw::Flaw};
use crate::{Random, SimDisk, log_history::SIZES};
use journal::Log;
use protocol::canonical;
use std::{
    collections::BTreeMap,
    ops::Bound,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use storage_engine::state::{Changes, StateStore, keys, records::Cursor};

/// What a store says that fails.
pub const FAULT: &str = "the store did not answer";

type Pairs = BTreeMap<Vec<u8>, Vec<u8>>;

/// The store. Clones are the same store.
#[derive(Clone, Debug, Default)]
pub struct SimStore(Arc<Mutex<Commits>>);

#[derive(Debug, Default)]
struct Commits {
    now: Pairs,
    /// What no crash takes any more.
    durable: Pairs,
    /// Commits since then.
    pending: Vec<Changes>,
    /// Where the log is that this store must not be ahead of.
    log: Option<SimDisk>,
    /// The first commit that was.
    ahead: Option<String>,
    count: u64,
    /// Operations until one fails; 0: none will.
    fails_in: u64,
    flaw: Option<Flaw>,
}

impl SimStore {
    /// An empty store over the log on `log`, with what is wrong about it.
    #[must_use]
    pub fn new(log: SimDisk, flaw: Option<Flaw>) -> Self {
        Self(Arc::new(Mutex::new(Commits { log: Some(log), flaw, ..Commits::default() })))
    }

    /// What a commit was ahead of the durable log, if one was.
    #[must_use]
    pub fn ahead(&self) -> Option<String> {
        self.commits().ahead.clone()
    }

    /// From here on nobody knows what the log has: its bytes were changed behind its back.
    pub fn trust(&self) {
        self.commits().log = None;
    }

    /// The operation after so many others fails, and the ones after that do not.
    pub fn fail_in(&self, operations: u64) {
        self.commits().fails_in = operations + 1;
    }

    /// No operation fails any more.
    pub fn heal(&self) {
        self.commits().fails_in = 0;
    }

    /// Commits so far.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.commits().count
    }

    /// Entries that the state in the store has seen.
    #[must_use]
    pub fn seen(&self) -> u64 {
        self.commits().now.get(&keys::cursor()).map_or(0, |bytes| next_seq(bytes))
    }

    fn commits(&self) -> MutexGuard<'_, Commits> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Everything committed reaches the disk.
    pub fn settle(&self) {
        let mut commits = self.commits();
        commits.pending.clear();
        commits.durable = commits.now.clone();
    }

    /// The process or the machine ends: some of the first commits since the last [`SimStore::settle`] are kept.
    pub fn crash(&self, random: &mut Random) {
        let mut commits = self.commits();
        let pending = std::mem::take(&mut commits.pending);
        commits.fails_in = 0;
        let kept = random.below(pending.len() as u64 + 1) as usize;
        let torn = pending.get(kept).filter(|_| commits.flaw == Some(Flaw::TornCommit)).cloned();
        for changes in pending.into_iter().take(kept) {
            apply(&mut commits.durable, changes);
        }
        if let Some(torn) = torn {
            let half = torn.len() / 2;
            apply(&mut commits.durable, torn.into_iter().take(half).collect());
        }
        commits.now = commits.durable.clone();
    }
}

fn next_seq(cursor: &[u8]) -> u64 {
    canonical::decode(cursor).map_or(u64::MAX, |cursor: Cursor| cursor.next_seq)
}

/// Entries that a log would have if the power went now and nothing unsynced had reached the disk. No word of the journal
/// is taken for it.
#[must_use]
pub fn durable_entries(disk: &SimDisk) -> u64 {
    let opened = Log::open_sized(disk.durable(), Path::new(LOG_DIR), SIZES);
    opened.map_or(0, |(log, _)| log.len())
}

fn apply(pairs: &mut Pairs, changes: Changes) {
    for (key, value) in changes {
        match value {
            Some(value) => pairs.insert(key, value),
            None => pairs.remove(&key),
        };
    }
}

impl Commits {
    fn operation(&mut self) -> Result<(), String> {
        if self.fails_in == 0 {
            return Ok(());
        }
        self.fails_in -= 1;
        if self.fails_in == 0 { Err(FAULT.into()) } else { Ok(()) }
    }
}

impl StateStore for SimStore {
    type Fault = String;

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, String> {
        let mut commits = self.commits();
        commits.operation()?;
        if commits.flaw == Some(Flaw::ForgottenId) && key.first() == Some(&b'C') {
            return Ok(None);
        }
        Ok(commits.now.get(key).cloned())
    }

    fn scan(
        &self,
        from: &[u8],
        end: &[u8],
        visit: &mut dyn FnMut(&[u8], &[u8]) -> bool,
    ) -> Result<(), String> {
        if from < end {
            let mut commits = self.commits();
            commits.operation()?;
            let range = commits.now.range::<[u8], _>((Bound::Included(from), Bound::Excluded(end)));
            let _all = range.into_iter().all(|(key, value)| visit(key, value));
        }
        Ok(())
    }

    fn commit(&mut self, changes: Changes) -> Result<(), String> {
        let mut commits = self.commits();
        commits.operation()?;
        commits.count += 1;
        let seen = changes.get(&keys::cursor()).and_then(Option::as_deref).map_or(0, next_seq);
        let durable = commits.log.as_ref().map(durable_entries);
        if let Some(durable) = durable.filter(|durable| seen > *durable) {
            commits.ahead.get_or_insert_with(|| {
                format!("the state has seen {seen} entries, and {durable} of them are durable")
            });
        }
        apply(&mut commits.now, changes.clone());
        commits.pending.push(changes);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_conforms() {
        storage_engine::state::store::conformance(SimStore::default());
    }

    /// A crash leaves the state of one of the commits since the last that is durable.
    #[test]
    fn a_crash_takes_the_last_commits() {
        let mut kept = std::collections::BTreeSet::new();
        for seed in 0..200 {
            let mut store = SimStore::default();
            for number in 0..6_u8 {
                let changes =
                    [(b"last".to_vec(), Some(vec![number])), (vec![number], Some(vec![]))];
                store.commit(changes.into()).unwrap();
                if number == 2 {
                    store.settle();
                }
            }
            store.crash(&mut Random::new(seed));
            let last = store.get(b"last").unwrap().unwrap()[0];
            for number in 0..6_u8 {
                assert_eq!(store.get(&[number]).unwrap().is_some(), number <= last);
            }
            kept.insert(last);
        }
        assert_eq!(kept.into_iter().collect::<Vec<_>>(), [2, 3, 4, 5]);
    }
}
