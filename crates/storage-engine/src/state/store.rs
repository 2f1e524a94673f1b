//! The ordered map under the state: in memory, or a database that is a cache of the log.

use alloc::{collections::BTreeMap, vec::Vec};
use core::{convert::Infallible, fmt::Display, ops::Bound};

/// Writes that belong together; `None` removes the key.
pub type Changes = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

/// Keys from the first up to the second, which is not among them.
pub type KeyRange = (Vec<u8>, Vec<u8>);

/// An ordered map of bytes to bytes.
///
/// A fault is the machine failing, never a rule: whoever meets one stops and does not guess.
pub trait StateStore: Sync {
    /// What can go wrong; [`Infallible`] in memory.
    type Fault: Display + Send;

    /// The value of `key`.
    ///
    /// # Errors
    /// A fault of the store.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Self::Fault>;

    /// Visits the pairs with `from <= key < end` in order, until `visit` returns false.
    ///
    /// # Errors
    /// A fault of the store.
    fn scan(
        &self,
        from: &[u8],
        end: &[u8],
        visit: &mut dyn FnMut(&[u8], &[u8]) -> bool,
    ) -> Result<(), Self::Fault>;

    /// Applies all changes, or none of them.
    ///
    /// # Errors
    /// A fault of the store.
    fn commit(&mut self, changes: Changes) -> Result<(), Self::Fault>;

    /// Removes everything within `ranges` and then applies `changes`, or does nothing. A store that can remove a range
    /// without naming each of its keys does so here: there may be millions.
    ///
    /// # Errors
    /// A fault of the store.
    fn commit_without(
        &mut self,
        ranges: &[KeyRange],
        mut changes: Changes,
    ) -> Result<(), Self::Fault> {
        for (from, end) in ranges {
            self.scan(from, end, &mut |key, _| {
                changes.entry(key.to_vec()).or_insert(None);
                true
            })?;
        }
        self.commit(changes)
    }

    /// How many changed records it takes at most until their pages of the state tree are handed over, should they
    /// be many more; `None` for a store that takes what belongs together at once. A store that takes pages ahead of
    /// their records is of no use to anybody who opens it before the next [`super::State::flush`].
    fn pages_ahead(&self) -> Option<usize> {
        None
    }

    /// Does jobs that do not depend on each other, such as hashing parts of the state tree; their results in the
    /// order of the jobs. A store that may use threads does so here.
    fn side_by_side<J: Send, R: Send>(&self, jobs: Vec<J>, work: impl Fn(J) -> R + Sync) -> Vec<R> {
        jobs.into_iter().map(work).collect()
    }
}

/// The map in memory.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore(BTreeMap<Vec<u8>, Vec<u8>>);

impl StateStore for MemoryStore {
    type Fault = Infallible;

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Infallible> {
        Ok(self.0.get(key).cloned())
    }

    fn scan(
        &self,
        from: &[u8],
        end: &[u8],
        visit: &mut dyn FnMut(&[u8], &[u8]) -> bool,
    ) -> Result<(), Infallible> {
        if from < end {
            let range = self.0.range::<[u8], _>((Bound::Included(from), Bound::Excluded(end)));
            let _all = range.into_iter().all(|(key, value)| visit(key, value));
        }
        Ok(())
    }

    fn commit(&mut self, changes: Changes) -> Result<(), Infallible> {
        if self.0.is_empty() {
            // Sorted already: several times faster than one insertion after the other.
            self.0 = changes.into_iter().filter_map(|(key, value)| Some((key, value?))).collect();
            return Ok(());
        }
        for (key, value) in changes {
            match value {
                Some(value) => self.0.insert(key, value),
                None => self.0.remove(&key),
            };
        }
        Ok(())
    }
}

/// What every [`StateStore`] must do. Each implementation calls this in its tests.
///
/// # Panics
/// When `store`, which must be empty, does not conform.
#[cfg(any(test, feature = "conformance"))]
#[expect(clippy::unwrap_used, clippy::arithmetic_side_effects, reason = "a test suite")]
pub fn conformance<S: StateStore>(mut store: S)
where
    S::Fault: core::fmt::Debug,
{
    let pairs = |store: &S, from: &[u8], end: &[u8]| {
        let mut seen = Vec::new();
        store
            .scan(from, end, &mut |k, v| {
                seen.push((k.to_vec(), v.to_vec()));
                true
            })
            .unwrap();
        seen
    };
    let change = |pairs: &[(&[u8], Option<&[u8]>)]| -> Changes {
        pairs.iter().map(|(k, v)| (k.to_vec(), v.map(<[u8]>::to_vec))).collect()
    };
    assert_eq!(store.get(b"a").unwrap(), None);
    assert!(pairs(&store, b"", b"\xff\xff").is_empty());
    store
        .commit(change(&[
            (b"b", Some(b"2")),
            (b"a", Some(b"1")),
            (b"a\0", Some(b"")),
            (b"\xff", Some(b"9")),
        ]))
        .unwrap();
    assert_eq!(store.get(b"a").unwrap().as_deref(), Some(&b"1"[..]));
    assert_eq!(store.get(b"a\0").unwrap().as_deref(), Some(&b""[..]));
    let keys = |pairs: Vec<(Vec<u8>, Vec<u8>)>| pairs.into_iter().map(|p| p.0).collect::<Vec<_>>();
    assert_eq!(keys(pairs(&store, b"a", b"b")), [b"a".to_vec(), b"a\0".to_vec()]);
    assert_eq!(keys(pairs(&store, b"", b"\xff")).len(), 3, "the end is excluded");
    assert_eq!(keys(pairs(&store, b"b", b"b")).len(), 0);
    assert_eq!(keys(pairs(&store, b"b", b"a")).len(), 0, "an inverted range is empty");
    let mut visited = 0;
    store
        .scan(b"", b"\xff\xff", &mut |_, _| {
            visited += 1;
            visited < 2
        })
        .unwrap();
    assert_eq!(visited, 2, "the visitor stops the scan");
    let squares = store.side_by_side((0..100u64).collect(), |n| n * n);
    assert_eq!(squares, (0..100).map(|n| n * n).collect::<Vec<u64>>(), "in the order of the jobs");
    store.commit(change(&[(b"a", None), (b"missing", None), (b"b", Some(b"3"))])).unwrap();
    assert_eq!(store.get(b"a").unwrap(), None);
    assert_eq!(store.get(b"b").unwrap().as_deref(), Some(&b"3"[..]));
    let ranges = [(b"a".to_vec(), b"b".to_vec()), (b"b\0".to_vec(), b"\xff".to_vec())];
    store.commit(change(&[(b"a", Some(b"4")), (b"c", Some(b"5"))])).unwrap();
    store.commit_without(&ranges, change(&[(b"c", Some(b"6"))])).unwrap();
    let left = [(b"b".to_vec(), b"3".to_vec()), (b"c".to_vec(), b"6".to_vec())];
    assert_eq!(pairs(&store, b"", b"\xff"), left, "ranges end before the changes");
    assert_eq!((store.get(b"a\0").unwrap(), store.get(b"a").unwrap()), (None, None));
    assert_eq!(store.get(b"\xff").unwrap().as_deref(), Some(&b"9"[..]));
}

#[cfg(test)]
mod tests {
    #[test]
    fn memory_conforms() {
        super::conformance(super::MemoryStore::default());
    }
}
