//! An update: down through the pages, and up again with the new nodes.

use alloc::{collections::BTreeMap, vec::Vec};
use protocol::Hash32;

use super::{
    Broken, Change, Pages,
    page::{MAX_LEAVES, edge, top},
    path::{bit, set_bit},
    plan::{Half, Mark, Plan},
};
use crate::state::keys;

/// Planned nodes from which on a subtree is hashed and written by itself. A plan has at most about sixteen times as
/// many, which stay in the second-level cache, and are enough to fill the lanes of the hash function.
const SETTLED_TOGETHER: usize = 256;

/// Changes from which on the subtrees below the top page are updated side by side.
const SIDE_BY_SIDE: usize = if cfg!(test) { 1 } else { 4_096 };

/// A page's key, and its bytes or `None` when it ends.
type Write = (Vec<u8>, Option<Vec<u8>>);

/// A subtree below the top page, which is updated by itself: its changes, and the hash of what stands there.
struct Job<'a> {
    changes: &'a [Change],
    stands: Option<Hash32>,
}

/// What stands there afterwards.
enum Subtree {
    Same,
    Empty,
    Leaf(Hash32, Hash32),
    Branch(Hash32),
}

/// Applies `changes`, sorted by path and unique, and returns the new root. Every page that changes is handed to `write`
/// once: its key, and its bytes or `None` when it ends.
///
/// # Errors
/// A fault of the store, a damaged page, or changes out of order. What was written until then is of no use.
pub fn update<P>(
    pages: &P,
    changes: &[Change],
    write: &mut impl FnMut(Vec<u8>, Option<Vec<u8>>),
) -> Result<Hash32, P::Error>
where
    P: Pages + Sync,
    P::Error: Send,
{
    if !changes.is_sorted_by(|(a, _), (b, _)| a < b) {
        return Err(Broken("changes of the state tree are out of order").into());
    }
    let mut update = Update { pages, write, plan: Plan::default(), ready: BTreeMap::new() };
    let before = update.top()?;
    if changes.len() >= SIDE_BY_SIDE {
        update.go_ahead(before, changes)?;
    }
    update.all(before, changes)
}

/// Brings changes into the order of [`update`]; of several at one path the last one stays.
pub fn settle(changes: &mut Vec<Change>) {
    changes.sort_by_key(|(path, _)| *path);
    changes.dedup_by(|later, kept| {
        let same = later.0 == kept.0;
        if same {
            *kept = *later;
        }
        same
    });
}

/// Divides settled changes into parts of about `most`, each with its share of every subtree below the top page, so that
/// these can be updated side by side. One [`update`] after the other gives the root of one with all.
pub fn parts(changes: &[Change], most: usize) -> impl Iterator<Item = Vec<Change>> {
    let count = changes.len().div_ceil(most.max(1));
    let subtrees = || changes.chunk_by(|(a, _), (b, _)| nibble(a) == nibble(b));
    (0..count).map(move |at| {
        let share = |subtree: &'_ [Change]| {
            let size = subtree.len().div_ceil(count).max(1);
            subtree.chunks(size).nth(at).map(<[Change]>::to_vec).unwrap_or_default()
        };
        subtrees().flat_map(share).collect()
    })
}

/// The first four bits of a path, which name its subtree below the top page.
fn nibble(path: &Hash32) -> u8 {
    path.0.first().map_or(0, |byte| byte >> 4)
}

/// Updates one subtree below the top page.
fn subtree<P: Pages>(pages: &P, job: &Job<'_>) -> Result<(Subtree, Vec<Write>), P::Error> {
    let mut writes = Vec::new();
    let mut write = |key, page| writes.push((key, page));
    let plan = Plan::default();
    let mut update = Update { pages, write: &mut write, plan, ready: BTreeMap::new() };
    let subtree = update.alone(job)?;
    Ok((subtree, writes))
}

struct Update<'a, P, W> {
    pages: &'a P,
    write: &'a mut W,
    plan: Plan,
    /// Subtrees below the top page that are updated already.
    ready: BTreeMap<u8, Subtree>,
}

impl<P, W> Update<'_, P, W>
where
    P: Pages + Sync,
    P::Error: Send,
    W: FnMut(Vec<u8>, Option<Vec<u8>>),
{
    /// Updates the subtrees of many changes, side by side where the store can.
    fn go_ahead(&mut self, before: Half, changes: &[Change]) -> Result<(), P::Error> {
        let subtrees = changes.chunk_by(|(a, _), (b, _)| nibble(a) == nibble(b));
        let jobs: Vec<Job<'_>> = subtrees.filter_map(|changes| self.job(before, changes)).collect();
        let names: Vec<u8> = jobs
            .iter()
            .filter_map(|job| job.changes.first())
            .map(|(path, _)| nibble(path))
            .collect();
        let pages = self.pages;
        let done = pages.side_by_side(jobs, |job| subtree(pages, &job));
        for (name, done) in names.into_iter().zip(done) {
            let (subtree, writes) = done?;
            writes.into_iter().for_each(|(key, page)| (self.write)(key, page));
            self.ready.insert(name, subtree);
        }
        Ok(())
    }

    /// The job of a subtree that has a page of its own, or will have one where nothing has stood.
    fn job<'c>(&self, before: Half, changes: &'c [Change]) -> Option<Job<'c>> {
        let (path, _) = changes.first().filter(|_| changes.len() > MAX_LEAVES)?;
        let mut half = before;
        for depth in top(0)..edge(0) {
            if half == Half::Empty {
                break;
            }
            let (left, right) = self.plan.halves(half)?;
            half = if bit(path, depth) { right } else { left };
        }
        match half {
            Half::Empty => Some(Job { changes, stands: None }),
            own if self.plan.has_page(own) => {
                Some(Job { changes, stands: Some(self.plan.hash(own)) })
            }
            _ => None,
        }
    }
}

impl<P: Pages, W: FnMut(Vec<u8>, Option<Vec<u8>>)> Update<'_, P, W> {
    fn alone(&mut self, job: &Job<'_>) -> Result<Subtree, P::Error> {
        const LEVEL: u8 = 1;
        let path = job.changes.first().map_or(Hash32::ZERO, |(path, _)| *path);
        let key = keys::tree_page(LEVEL, &path);
        let before = match job.stands {
            Some(hash) => {
                let branch = self.plan.settled(hash);
                self.plan.load_below(self.pages, LEVEL, &path, branch)?
            }
            None => Half::Empty,
        };
        let start = self.plan.mark();
        let after = self.node(LEVEL, top(LEVEL), before, job.changes)?;
        if after == before {
            return Ok(Subtree::Same);
        }
        if let Some((path, value)) = self.plan.leaf(after) {
            self.end_page(start, key, job);
            return Ok(Subtree::Leaf(path, value));
        }
        if after == Half::Empty {
            self.end_page(start, key, job);
            return Ok(Subtree::Empty);
        }
        let root = self.fit(LEVEL, &path, after);
        self.plan.set_page(key, Some(root));
        self.plan.finish(start, self.write);
        Ok(Subtree::Branch(self.plan.hash(after)))
    }

    fn end_page(&mut self, start: Mark, key: Vec<u8>, job: &Job<'_>) {
        if job.stands.is_some() {
            self.plan.set_page(key, None);
        }
        self.plan.finish(start, self.write);
    }

    fn top(&mut self) -> Result<Half, P::Error> {
        match self.pages.read(&keys::tree_page(0, &Hash32::ZERO))? {
            Some(page) => Ok(self.plan.load(0, &Hash32::ZERO, &page)?),
            None => Ok(Half::Empty),
        }
    }

    fn all(&mut self, before: Half, changes: &[Change]) -> Result<Hash32, P::Error> {
        let (start, key) = (self.plan.mark(), keys::tree_page(0, &Hash32::ZERO));
        let mut after = self.node(0, 0, before, changes)?;
        if after != before {
            after = self.fit(0, &Hash32::ZERO, after);
            self.plan.set_page(key, (after != Half::Empty).then_some(after));
        }
        let root = self.plan.hashable(after);
        self.plan.finish(start, self.write);
        Ok(self.plan.hash(root))
    }

    /// What stands, after `changes`, at `depth` of a page of this `level`, where `old` has stood.
    fn node(
        &mut self,
        level: u8,
        depth: u16,
        old: Half,
        changes: &[Change],
    ) -> Result<Half, P::Error> {
        if changes.is_empty() {
            return Ok(old);
        }
        let crowded = depth == edge(level) && changes.len() > MAX_LEAVES;
        if crowded || self.plan.has_page(old) {
            return self.below(level.saturating_add(1), old, changes);
        }
        match self.plan.halves(old) {
            Some(halves) => self.branch(level, depth, old, halves, changes),
            None => self.few(level, depth, old, changes),
        }
    }

    /// The same where a page of its own stands, or will.
    fn below(&mut self, level: u8, old: Half, changes: &[Change]) -> Result<Half, P::Error> {
        let path = changes.first().map_or(Hash32::ZERO, |(path, _)| *path);
        if level == 1
            && let Some(ready) = self.ready.remove(&nibble(&path))
        {
            return Ok(match ready {
                Subtree::Same => old,
                Subtree::Empty => Half::Empty,
                Subtree::Leaf(path, value) => self.plan.add_leaf(path, value),
                Subtree::Branch(hash) => self.plan.settled(hash),
            });
        }
        let (start, key) = (self.plan.mark(), keys::tree_page(level, &path));
        let stored = self.plan.has_page(old);
        let before =
            if stored { self.plan.load_below(self.pages, level, &path, old)? } else { old };
        let after = self.node(level, top(level), before, changes)?;
        if after == before {
            return Ok(old);
        }
        let after = match after {
            Half::Planned(at) if !self.plan.is_leaf(after) => {
                let root = self.fit(level, &path, after);
                self.plan.set_page(key, Some(root));
                Half::Below(at)
            }
            lone => {
                // A lone record, or none, stands in the page above.
                if stored {
                    self.plan.set_page(key, None);
                }
                lone
            }
        };
        if self.plan.since(start) < SETTLED_TOGETHER {
            return Ok(after);
        }
        self.plan.finish(start, self.write);
        Ok(self.plan.forget(start, after))
    }

    /// Where one record or none has stood.
    fn few(
        &mut self,
        level: u8,
        depth: u16,
        old: Half,
        changes: &[Change],
    ) -> Result<Half, P::Error> {
        let leaf = self.plan.leaf(old);
        let changed = |path: &Hash32| changes.binary_search_by(|(other, _)| other.cmp(path));
        let stays = leaf.is_some_and(|(path, _)| changed(&path).is_err());
        let mut inserts = changes.iter().filter_map(|(path, value)| Some((*path, (*value)?)));
        match (inserts.next(), inserts.next()) {
            (None, _) => Ok(if stays { old } else { Half::Empty }),
            (insert, None) if !stays && insert == leaf => Ok(old),
            (Some((path, value)), None) if !stays => Ok(self.plan.add_leaf(path, value)),
            _ => {
                let right = leaf.is_some_and(|(path, _)| bit(&path, depth));
                let halves = if right { (Half::Empty, old) } else { (old, Half::Empty) };
                self.branch(level, depth, old, halves, changes)
            }
        }
    }

    fn branch(
        &mut self,
        level: u8,
        depth: u16,
        old: Half,
        halves: (Half, Half),
        changes: &[Change],
    ) -> Result<Half, P::Error> {
        let below = depth.saturating_add(1);
        let at = changes.partition_point(|(path, _)| !bit(path, depth));
        let (to_left, to_right) = changes.split_at(at);
        let left = self.node(level, below, halves.0, to_left)?;
        let right = self.node(level, below, halves.1, to_right)?;
        Ok(match (left, right) {
            unchanged if unchanged == halves => old,
            // A lone record moves up to the top of the subtree that it has for itself.
            (Half::Empty, lone) | (lone, Half::Empty)
                if lone == Half::Empty || self.plan.is_leaf(lone) =>
            {
                lone
            }
            _ => self.plan.add_branch(left, right),
        })
    }

    /// Moves branches at the lower edge of a page that has too many leaves to pages of their own.
    fn fit(&mut self, level: u8, path: &Hash32, root: Half) -> Half {
        if self.plan.leaves(root) <= MAX_LEAVES {
            return root;
        }
        self.shed(level, top(level), *path, root)
    }

    fn shed(&mut self, level: u8, depth: u16, path: Hash32, half: Half) -> Half {
        let Some(halves) = self.plan.halves(half) else { return half };
        if depth == edge(level) {
            return self.move_out(level.saturating_add(1), &path, half);
        }
        let (mut left, mut right) = (path, path);
        set_bit(&mut left, depth, false);
        set_bit(&mut right, depth, true);
        let below = depth.saturating_add(1);
        let shed =
            (self.shed(level, below, left, halves.0), self.shed(level, below, right, halves.1));
        match half {
            same if shed == halves => same,
            Half::Planned(at) => {
                self.plan.set_halves(at, shed.0, shed.1);
                half
            }
            _ => self.plan.open(self.plan.hash(half), shed.0, shed.1),
        }
    }

    fn move_out(&mut self, level: u8, path: &Hash32, half: Half) -> Half {
        let root = self.fit(level, path, half);
        self.plan.set_page(keys::tree_page(level, path), Some(root));
        match half {
            Half::Planned(at) => Half::Below(at),
            kept => self.plan.settled(self.plan.hash(kept)),
        }
    }
}
