//! Names of one directory: as everybody sees them, and as they would be without power.

use super::Random;
use std::collections::BTreeMap;

/// A change that happens as a whole: names, and the files that they stand for from then on.
type Change = Vec<(String, Option<u64>)>;

/// One directory.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    now: BTreeMap<String, u64>,
    stable: BTreeMap<String, u64>,
    pending: Vec<Change>,
}

impl Names {
    pub(super) fn get(&self, name: &str) -> Option<u64> {
        self.now.get(name).copied()
    }

    pub(super) fn list(&self) -> Vec<String> {
        self.now.keys().cloned().collect()
    }

    pub(super) fn files(&self) -> impl Iterator<Item = u64> {
        self.now.values().copied()
    }

    pub(super) fn change(&mut self, change: Change) {
        apply(&mut self.now, &change);
        self.pending.push(change);
    }

    pub(super) fn sync(&mut self) {
        self.stable.clone_from(&self.now);
        self.pending.clear();
    }

    /// The names that are on the disk for certain.
    pub(super) fn durable(&self) -> Self {
        Self { now: self.stable.clone(), stable: self.stable.clone(), pending: Vec::new() }
    }

    /// The power is gone: each change since the last sync may have happened or not.
    pub(super) fn lose_power(&mut self, random: &mut Random) {
        for change in std::mem::take(&mut self.pending) {
            if random.one_in(2) {
                apply(&mut self.stable, &change);
            }
        }
        self.now.clone_from(&self.stable);
    }
}

fn apply(names: &mut BTreeMap<String, u64>, change: &Change) {
    for (name, file) in change {
        match file {
            Some(file) => names.insert(name.clone(), *file),
            None => names.remove(name),
        };
    }
}
