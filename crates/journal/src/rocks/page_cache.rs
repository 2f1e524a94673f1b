//! Pages of the state tree that were used lately, in bounded memory.

use std::{collections::HashMap, mem};

/// Bytes of one generation; the cache holds two.
const GENERATION: usize = 48 << 20;
/// What a page takes beyond its key and its bytes, about.
const OVERHEAD: usize = 80;

/// Values by key, in two generations: what is used while the younger one fills moves into it, and the rest is
/// dropped with the older one. Cheaper than an order of use, and as good where everything is used in rounds.
#[derive(Debug, Default)]
pub struct PageCache {
    young: HashMap<Vec<u8>, Option<Vec<u8>>>,
    old: HashMap<Vec<u8>, Option<Vec<u8>>>,
    young_bytes: usize,
}

impl PageCache {
    /// What is known of `key`: its value, or that it has none.
    pub fn get(&mut self, key: &[u8]) -> Option<Option<Vec<u8>>> {
        if let Some(value) = self.young.get(key) {
            return Some(value.clone());
        }
        let (key, value) = self.old.remove_entry(key)?;
        self.put(key, value.clone());
        Some(value)
    }

    /// Remembers what stands at `key`.
    pub fn put(&mut self, key: Vec<u8>, value: Option<Vec<u8>>) {
        self.young_bytes += OVERHEAD + key.len() + value.as_ref().map_or(0, Vec::len);
        self.old.remove(&key);
        self.young.insert(key, value);
        if self.young_bytes > GENERATION {
            self.old = mem::take(&mut self.young);
            self.young_bytes = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_value_counts_and_memory_is_bounded() {
        let mut cache = PageCache::default();
        let key = |n: u32| n.to_be_bytes().to_vec();
        let page = |n: u32| Some(vec![n as u8; 1 << 16]);
        cache.put(key(0), page(7));
        for n in 0..5_000 {
            cache.put(key(n), page(n));
            assert_eq!(cache.get(&key(n)), Some(page(n)));
            // Used in every round, so never dropped.
            assert_eq!(cache.get(&key(0)), Some(page(0)));
            assert!(cache.young.len() + cache.old.len() <= 2 * (GENERATION >> 16) + 1);
        }
        assert_eq!(cache.get(&key(1)), None, "long unused");
        cache.put(key(0), None);
        assert_eq!(cache.get(&key(0)), Some(None));
    }
}
