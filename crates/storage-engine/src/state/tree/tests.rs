//! The tree against its definition.

use alloc::{collections::BTreeMap, vec, vec::Vec};

use proptest::prelude::*;
use protocol::Hash32;

use super::{
    Broken, Change, Pages,
    page::tag,
    parts,
    path::{bit, set_bit},
    plan::message,
    root, settle, update,
};

#[derive(Clone, Default, Debug, PartialEq, Eq)]
pub(super) struct Map(pub(super) BTreeMap<Vec<u8>, Vec<u8>>);

impl Pages for Map {
    type Error = Broken;
    fn read(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Broken> {
        Ok(self.0.get(key).cloned())
    }
}

impl Map {
    pub(super) fn update(&mut self, changes: &[Change]) -> Result<Hash32, Broken> {
        let mut writes = BTreeMap::new();
        let root = update(self, changes, &mut |key, page| {
            assert!(writes.insert(key, page).is_none(), "a page is written once");
        })?;
        for (key, page) in writes {
            match page {
                Some(page) => self.0.insert(key, page),
                None => self.0.remove(&key),
            };
        }
        Ok(root)
    }
}

/// The definition, without any storage (ST-3).
fn naive(records: &[(Hash32, Hash32)], depth: u16) -> Hash32 {
    match records {
        [] => Hash32::ZERO,
        [(path, value)] => Hash32::of(&message(tag::LEAF, path, value)),
        _ => {
            let at = records.partition_point(|(path, _)| !bit(path, depth));
            let (left, right) = records.split_at(at);
            let (left, right) = (naive(left, depth + 1), naive(right, depth + 1));
            Hash32::of(&message(tag::BRANCH, &left, &right))
        }
    }
}

/// A path out of few: every fourth number shares its first 20 bytes with others, and every 64th number begins with
/// another half byte; so there are deep shared beginnings, crowded pages and lone leaves.
fn path(n: u16) -> Hash32 {
    let [high, low] = n.to_be_bytes();
    let mut path = [0; 32];
    path[0] = low << 6;
    path[1] = high;
    path[20] = low & 0xfc;
    Hash32(path)
}

/// Evenly spread paths, as those of real records are.
fn spread(n: u16) -> Hash32 {
    Hash32::of(&n.to_be_bytes())
}

/// Applies batches of changes, and compares the root with the definition after each.
fn check_history(
    batches: &[BTreeMap<u16, Option<u8>>],
    path: fn(u16) -> Hash32,
) -> Result<(Map, Hash32), TestCaseError> {
    let (mut map, mut model, mut last) = (Map::default(), BTreeMap::new(), Hash32::ZERO);
    for batch in batches {
        let value = |v: &Option<u8>| v.map(|v| Hash32::of(&[v]));
        let mut changes: Vec<Change> = batch.iter().map(|(n, v)| (path(*n), value(v))).collect();
        changes.sort();
        for (path, value) in &changes {
            match value {
                Some(value) => model.insert(*path, *value),
                None => model.remove(path),
            };
        }
        last = map.update(&changes).unwrap();
        let records: Vec<_> = model.iter().map(|(p, v)| (*p, *v)).collect();
        prop_assert_eq!(last, naive(&records, 0));
        prop_assert_eq!(root(&map).unwrap(), last);
    }
    let removals: Vec<Change> = model.keys().map(|path| (*path, None)).collect();
    let mut emptied = map.clone();
    prop_assert_eq!(emptied.update(&removals).unwrap(), Hash32::ZERO);
    prop_assert_eq!(emptied, Map::default(), "removing every record removes every page");
    Ok((map, last))
}

fn batches(numbers: u16, size: usize) -> impl Strategy<Value = Vec<BTreeMap<u16, Option<u8>>>> {
    let batch = prop::collection::btree_map(0..numbers, any::<Option<u8>>(), 0..size);
    prop::collection::vec(batch, 0..10)
}

proptest! {
    /// ST-4: any history of batches gives the root of the records that are left.
    #[test]
    fn st_4_root_depends_on_records_alone_where_paths_share_much(batches in batches(600, 60)) {
        check_history(&batches, path)?;
    }

    #[test]
    fn st_4_root_depends_on_records_alone_where_paths_are_spread(batches in batches(900, 300)) {
        check_history(&batches, spread)?;
    }

    /// ST-4: many writes, of which the last at each path counts, give the same root at once and in parts.
    #[test]
    fn st_4_parts_of_changes_give_the_root_of_all(
        before in batches(900, 300),
        writes in prop::collection::vec((0u16..900, any::<Option<u8>>()), 0..600),
        most in 1usize..300,
    ) {
        let (mut map, _) = check_history(&before, spread)?;
        let change = |(n, v): &(u16, Option<u8>)| (spread(*n), v.map(|v| Hash32::of(&[v])));
        let mut changes: Vec<Change> = writes.iter().map(change).collect();
        let last: BTreeMap<Hash32, Option<Hash32>> = changes.iter().copied().collect();
        settle(&mut changes);
        prop_assert_eq!(&changes, &last.into_iter().collect::<Vec<Change>>());
        let mut at_once = map.clone();
        at_once.update(&changes).unwrap();
        let mut seen = 0;
        for part in parts(&changes, most) {
            // Each subtree below the top page gives one more at most, as its share is rounded up.
            prop_assert!(part.len() <= most + 16);
            seen += part.len();
            map.update(&part).unwrap();
        }
        prop_assert_eq!(seen, changes.len());
        // How the nodes are divided into pages depends on the way.
        prop_assert_eq!(root(&map).unwrap(), root(&at_once).unwrap());
    }

    /// A page that ends early is an error. A flipped bit may be one, and is never a panic.
    #[test]
    fn st_4_damaged_pages_are_errors(
        batches in batches(300, 120), page in any::<prop::sample::Index>(), bit in any::<prop::sample::Index>(),
    ) {
        let (map, _) = check_history(&batches, spread)?;
        prop_assume!(!map.0.is_empty());
        let key = map.0.keys().nth(page.index(map.0.len())).unwrap();
        let bit = bit.index(map.0[key].len() * 8);
        let everywhere: BTreeMap<Hash32, Option<Hash32>> = (0..300).map(|n| (spread(n), None)).collect();
        let changes: Vec<Change> = everywhere.into_iter().collect();
        let mut short = map.clone();
        short.0.get_mut(key).unwrap().truncate(bit / 8);
        prop_assert!(short.update(&changes).is_err());
        let mut flipped = map.clone();
        flipped.0.get_mut(key).unwrap()[bit / 8] ^= 1 << (bit % 8);
        let _error_or_another_root = flipped.update(&changes);
    }
}

/// ST-4: thinned-out pages stay, but each has a branch at its top, so records bound them.
#[test]
fn st_4_pages_are_bounded_by_the_records_that_are_left() {
    let mut map = Map::default();
    let all: BTreeMap<Hash32, u16> = (0..20_000).map(|n| (spread(n), n)).collect();
    let changes: Vec<Change> = all.keys().map(|path| (*path, Some(Hash32::ZERO))).collect();
    map.update(&changes).unwrap();
    assert!(map.0.len() > 1000);
    let stays = |n: u16| n.is_multiple_of(100);
    let removals: Vec<Change> =
        all.iter().filter(|(_, n)| !stays(**n)).map(|(path, _)| (*path, None)).collect();
    for part in removals.chunks(777) {
        map.update(part).unwrap();
    }
    let left: Vec<_> =
        all.iter().filter(|(_, n)| stays(**n)).map(|(path, _)| (*path, Hash32::ZERO)).collect();
    assert_eq!(root(&map).unwrap(), naive(&left, 0));
    assert!(map.0.len() < left.len(), "{} pages", map.0.len());
}

/// An update without effect writes nothing, wherever it reaches.
#[test]
fn what_does_not_change_is_not_written() {
    let mut map = Map::default();
    let changes: BTreeMap<Hash32, Option<Hash32>> =
        (0..5000).map(|n| (spread(n), Some(spread(n)))).collect();
    let changes: Vec<Change> = changes.into_iter().collect();
    let before = map.update(&changes).unwrap();
    let absent: BTreeMap<Hash32, Option<Hash32>> =
        (5000..9000).map(|n| (spread(n), None)).collect();
    for same in [changes, absent.into_iter().collect(), vec![]] {
        let mut written = 0;
        assert_eq!(update(&map, &same, &mut |_, _| written += 1).unwrap(), before);
        assert_eq!(written, 0);
    }
}

#[test]
fn missing_and_foreign_pages_and_unsorted_changes_are_errors() {
    let mut map = Map::default();
    let changes: BTreeMap<Hash32, Option<Hash32>> =
        (0..500).map(|n| (spread(n), Some(spread(n)))).collect();
    let changes: Vec<Change> = changes.into_iter().collect();
    map.update(&changes).unwrap();
    let removals: Vec<Change> = changes.iter().map(|(path, _)| (*path, None)).collect();
    let last = map.0.keys().last().unwrap().clone();
    let first = map.0.keys().nth(1).unwrap().clone();
    for key in [&last, &first] {
        let mut holed = map.clone();
        holed.0.remove(key);
        assert!(holed.update(&removals).is_err());
    }
    let mut swapped = map.clone();
    swapped.0.insert(last, map.0[&first].clone());
    assert!(swapped.update(&removals).is_err());
    let mut reversed = changes;
    reversed.reverse();
    assert!(map.update(&reversed).is_err());
}

/// Two records whose paths differ in the last bit alone need a branch at every depth, and collapse to one leaf.
#[test]
fn st_3_the_deepest_branch_is_at_bit_255() {
    let (zeros, mut other) = (Hash32::ZERO, Hash32::ZERO);
    set_bit(&mut other, 255, true);
    let value = Hash32::of(b"value");
    let mut map = Map::default();
    let both = [(zeros, Some(value)), (other, Some(value))];
    let records = [(zeros, value), (other, value)];
    assert_eq!(map.update(&both).unwrap(), naive(&records, 0));
    assert_eq!(map.update(&[(zeros, None)]).unwrap(), naive(&records[1..], 0));
    let mut crowd: Vec<Change> = (0..40)
        .map(|n| {
            let mut path = Hash32::ZERO;
            path.0[31] = n;
            (path, Some(value))
        })
        .collect();
    crowd.sort();
    let records: Vec<_> = crowd.iter().map(|(path, _)| (*path, value)).collect();
    assert_eq!(map.update(&crowd).unwrap(), naive(&records, 0));
    assert!(map.0.contains_key(&crate::state::keys::tree_page(62, &Hash32::ZERO)));
}

/// ST-3: golden roots of zero, one, two and a thousand records.
#[test]
fn st_3_golden_roots() {
    let record = |text: &[u8]| (Hash32::of(text), Some(Hash32::of(b"value")));
    let root = |mut changes: Vec<Change>| {
        changes.sort();
        Map::default().update(&changes).unwrap()
    };
    assert_eq!(root(vec![]), Hash32::ZERO);
    let (path, value) = (Hash32::of(b"a"), Hash32::of(b"value"));
    assert_eq!(root(vec![record(b"a")]), Hash32::of_parts(&[&[0], &path.0, &value.0]));

    let mut two = [(Hash32::of(b"a"), value), (Hash32::of(b"c"), value)];
    two.sort();
    assert_eq!(root(vec![record(b"a"), record(b"c")]), naive(&two, 0));
    let thousand = root((0..1000u16).map(|n| record(&n.to_be_bytes())).collect());
    assert_eq!(
        thousand.to_hex(),
        "9a060b212bb76f319eebb96ccc1c4ed3625383e41a4e167488ca207355f2a076"
    );
}
