//! Which keys a store may have: a Bloom filter in memory, so that the usual question, whether something new is
//! there already, is answered without asking the database.
//!
//! A filter is blocked: all bits of a key lie in one cache line (Putze, Sanders, Singler: Cache-, Hash- and
//! Space-Efficient Bloom Filters, 2007). It grows by doubling: a full part is left as it is, and a new one taken.

use std::{
    collections::BTreeMap,
    hash::{BuildHasher, RandomState},
};
use storage_engine::state::keys;

/// Keys of the first part.
const FIRST_PART: usize = 1 << 16;
/// Keys for which a filter is kept at most: about 200 MiB. Beyond it, it says "maybe" to everything.
const MOST_KEYS: usize = 1 << 27;
/// Bits per key, and how many of them are set: about one wrong "maybe" in a hundred.
const BITS_PER_KEY: usize = 12;
const BITS_SET: u32 = 6;
const BLOCK_BITS: usize = 512;

type Block = [u64; BLOCK_BITS / 64];

/// A set of keys that is never wrong about what it lacks.
#[derive(Debug)]
pub struct KeyFilter {
    /// Keyed anew in every process, so that nobody can choose keys that share their bits.
    hasher: RandomState,
    parts: Vec<Part>,
    full: bool,
}

#[derive(Debug)]
struct Part {
    blocks: Vec<Block>,
    room: usize,
}

impl Part {
    fn with_room(keys: usize) -> Self {
        let blocks = (keys * BITS_PER_KEY / BLOCK_BITS).max(1);
        Self { blocks: vec![Block::default(); blocks], room: keys }
    }

    /// The block of a key: its hash, scaled to their number.
    fn block(&self, hash: u64) -> usize {
        ((u128::from(hash) * self.blocks.len() as u128) >> 64) as usize
    }
}

/// Bits of a key within its block, from the low bits of its hash, nine for each.
fn bits(hash: u64) -> impl Iterator<Item = (usize, u64)> {
    (0..BITS_SET).map(move |n| {
        let bit = (hash >> (9 * n)) as usize % BLOCK_BITS;
        (bit / 64, 1 << (bit % 64))
    })
}

impl Default for KeyFilter {
    fn default() -> Self {
        Self { hasher: RandomState::new(), parts: vec![Part::with_room(FIRST_PART)], full: false }
    }
}

impl KeyFilter {
    /// Adds a key.
    pub fn add(&mut self, key: &[u8]) {
        let hash = self.hasher.hash_one(key);
        let Some(last) = self.parts.last_mut().filter(|_| !self.full) else { return };
        let at = last.block(hash);
        for (word, bit) in bits(hash) {
            last.blocks[at][word] |= bit;
        }
        last.room -= 1;
        if last.room == 0 {
            let next = FIRST_PART << self.parts.len();
            self.full = next >= MOST_KEYS;
            if self.full {
                self.parts.clear();
            } else {
                self.parts.push(Part::with_room(next));
            }
        }
    }

    /// Whether the key may have been added; false is certain.
    #[must_use]
    pub fn may_have(&self, key: &[u8]) -> bool {
        let hash = self.hasher.hash_one(key);
        let has = |part: &Part| {
            let block = &part.blocks[part.block(hash)];
            bits(hash).all(|(word, bit)| block[word] & bit != 0)
        };
        self.full || self.parts.iter().rev().any(has)
    }
}

/// The kinds of keys that are asked for before they exist: objects, and uses of command ids.
///
/// Until everything that a database had from the beginning was added, nothing is denied.
#[derive(Debug, Default)]
pub struct KeyFilters {
    objects: KeyFilter,
    /// By the part of the key that names the epoch. Only the last epochs' ids are ever asked for.
    commands: BTreeMap<[u8; COMMAND_PREFIX], KeyFilter>,
    complete: bool,
}

/// First bytes of a command id's key: its kind and the epoch.
const COMMAND_PREFIX: usize = 9;
/// Epochs whose command ids are remembered.
const EPOCHS: usize = 3;

impl KeyFilters {
    /// Whether keys of this kind are remembered.
    #[must_use]
    pub fn covers(key: &[u8]) -> bool {
        matches!(key.first(), Some(&(keys::OBJECT | keys::COMMAND)))
    }

    /// Remembers a key, if it is of such a kind.
    pub fn add(&mut self, key: &[u8]) {
        match key.first() {
            Some(&keys::OBJECT) => self.objects.add(key),
            Some(&keys::COMMAND) => {
                if let Some(prefix) = key.first_chunk() {
                    self.commands.entry(*prefix).or_default().add(key);
                }
                // An epoch that was forgotten is never asked for again: its ids are not looked up any more.
                while self.commands.len() > EPOCHS {
                    self.commands.pop_first();
                }
            }
            _ => {}
        }
    }

    /// Says that every key of the database was added.
    pub fn complete(&mut self) {
        self.complete = true;
    }

    /// Whether the database may have this key; false is certain.
    #[must_use]
    pub fn may_have(&self, key: &[u8]) -> bool {
        let has = match key.first() {
            Some(&keys::OBJECT) => self.objects.may_have(key),
            Some(&keys::COMMAND) => key
                .first_chunk()
                .and_then(|prefix| self.commands.get(prefix))
                .is_some_and(|filter| filter.may_have(key)),
            _ => true,
        };
        has || !self.complete
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_added_is_never_denied_and_little_else_is_affirmed() {
        let mut filter = KeyFilter::default();
        let keys = 4 * FIRST_PART as u64;
        (0..keys).for_each(|n| filter.add(&n.to_be_bytes()));
        assert!((0..keys).all(|n| filter.may_have(&n.to_be_bytes())));
        let wrong = (keys..2 * keys).filter(|n| filter.may_have(&n.to_be_bytes())).count();
        assert!((wrong as u64) < keys / 20, "{wrong} of {keys}");
        assert_eq!(filter.parts.len(), 3);
    }

    #[test]
    fn a_filter_that_is_full_denies_nothing() {
        let mut filter = KeyFilter { parts: vec![], full: true, ..KeyFilter::default() };
        filter.add(b"a");
        assert!(filter.may_have(b"b"));
    }

    #[test]
    fn nothing_is_denied_before_everything_is_in() {
        let (old, new, other) =
            (b"Oold".as_slice(), b"C\0\0\0\0\0\0\0\x01new".as_slice(), b"Vother");
        let mut filters = KeyFilters::default();
        filters.add(new);
        assert!(filters.may_have(old), "it may have been there from the beginning");
        filters.add(old);
        filters.complete();
        assert!(filters.may_have(old) && filters.may_have(new));
        assert!(!filters.may_have(b"Onone") && !filters.may_have(b"C\0\0\0\0\0\0\0\x02new"));
        assert!(filters.may_have(other), "of a kind that is not remembered");
        for epoch in 2..9 {
            filters.add(&[b"C\0\0\0\0\0\0\0", &[epoch][..], b"id"].concat());
        }
        assert_eq!(filters.commands.len(), EPOCHS);
    }
}
