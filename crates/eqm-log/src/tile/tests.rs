use super::*;
use crate::tree::naive;
use alloc::{collections::BTreeSet, string::ToString, vec};
use proptest::prelude::*;

fn paths(old: u64, new: u64) -> Vec<alloc::string::String> {
    tiles_added(old, new).map(|tile| tile.to_string()).collect()
}

/// EL-21: the examples of C2SP tlog-tiles.
#[test]
fn el_21_tiles_of_a_size() {
    assert!(paths(0, 0).is_empty());
    assert_eq!(paths(0, 1), ["tile/entries/000.p/1", "tile/0/000.p/1"]);
    assert_eq!(paths(0, 256), ["tile/entries/000", "tile/0/000", "tile/1/000.p/1"]);
    let large: Vec<_> = tiles_added(0, 70_000).collect();
    let count = |kind, partial| {
        large.iter().filter(|tile| tile.kind() == kind && tile.is_partial() == partial).count()
    };
    assert_eq!((count(TileKind::Hashes(0), false), count(TileKind::Entries, false)), (273, 273));
    assert_eq!(count(TileKind::Hashes(1), false), 1);
    for (kind, path) in [
        (TileKind::Entries, "tile/entries/273.p/112"),
        (TileKind::Hashes(0), "tile/0/273.p/112"),
        (TileKind::Hashes(1), "tile/1/001.p/17"),
        (TileKind::Hashes(2), "tile/2/000.p/1"),
    ] {
        assert_eq!(count(kind, true), 1);
        assert!(large.iter().any(|tile| tile.to_string() == path), "{path}");
    }
}

/// EL-21: what was added since an earlier size, and nothing that stood already.
#[test]
fn el_21_tiles_added() {
    assert!(paths(70_000, 70_000).is_empty());
    assert_eq!(paths(5, 6), ["tile/entries/000.p/6", "tile/0/000.p/6"]);
    let grown = ["tile/entries/000", "tile/entries/001.p/1", "tile/0/000", "tile/0/001.p/1"];
    assert_eq!(paths(255, 257), [&grown[..], &["tile/1/000.p/1"]].concat());
    for (old, new) in [(0, 300), (255, 256), (256, 257), (65_535, 65_537), (1_000, 70_000)] {
        let before: BTreeSet<Tile> = tiles_added(0, old).collect();
        let after: BTreeSet<Tile> = tiles_added(0, new).collect();
        let added: BTreeSet<Tile> = tiles_added(old, new).collect();
        assert_eq!(added, after.difference(&before).copied().collect(), "{old} to {new}");
    }
}

/// EL-21: one spelling for each path.
#[test]
fn el_21_paths_are_strict() {
    for (index, path) in [
        (0, "tile/0/000"),
        (999, "tile/0/999"),
        (1_000, "tile/0/x001/000"),
        (1_234_067, "tile/0/x001/x234/067"),
    ] {
        let tile = Tile::at(TileKind::Hashes(0), index, MAX_LOG_SIZE).unwrap();
        assert_eq!((tile.to_string().as_str(), path.parse()), (path, Ok(tile)));
    }
    for bad in [
        "",
        "tile",
        "tile/0",
        "tile/0/",
        "tile/0/0",
        "tile/0/0000",
        "tile/0/x000/001",
        "tile/00/000",
        "tile/8/000",
        "tile/x/000",
        "tile/0/001/000",
        "tile/0/x001/x000",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/01",
        "tile/0/000.p",
        "tile/0/000.p/",
        "tile/0/+01",
        "tile/0/xx001/000",
        "tile/data/000",
        "tile/8/data/000",
        "/tile/0/000",
        "tile/0/000/",
        "tile/7/000",
        "tile/7/000.p/128",
        "tile/7/001.p/1",
        "tile/0/x999/x999/x999/x999/x999/999",
        "tile/entries/000.p/1/2",
    ] {
        assert_eq!(bad.parse::<Tile>(), Err(TilePathError), "{bad:?}");
    }
    let top = Tile::at(TileKind::Hashes(7), 0, MAX_LOG_SIZE).unwrap();
    assert_eq!(top.to_string(), "tile/7/000.p/127");
    assert_eq!("tile/7/000.p/127".parse(), Ok(top));
}

/// EL-22: a tile is the roots of RFC 6962 over 256^level leaves each, and nothing else.
#[test]
fn el_22_hashes_are_those_of_the_recursive_tree() {
    struct Leaves(Vec<TreeHash>);
    impl NodeReader for Leaves {
        type Error = ();
        fn node(&self, level: u8, index: u64) -> Result<TreeHash, ()> {
            let (index, width) = (index as usize, 1_usize << level);
            Ok(naive::root(&self.0[index * width..(index + 1) * width]))
        }
    }
    let leaves = Leaves(naive::leaves(600));
    for tile in tiles_added(0, 600).filter(|tile| tile.kind() != TileKind::Entries) {
        let bytes = tile.read_hashes(&leaves).unwrap();
        let hashes = tile.parse_hashes(&bytes).unwrap();
        let width = if tile.kind() == TileKind::Hashes(0) { 1 } else { 256 };
        let first = tile.index() as usize * 256;
        for (at, hash) in hashes.iter().enumerate() {
            let at = (first + at) * width;
            assert_eq!(*hash, naive::root(&leaves.0[at..at + width]), "{tile}");
        }
        for bad in [&bytes[1..], &bytes[32..], &[&bytes[..], &[0]].concat()] {
            assert_eq!(tile.parse_hashes(bad), None);
        }
    }
}

/// EL-23: the bytes of a bundle, and what is refused.
#[test]
fn el_23_bundles_are_strict() {
    let tile = Tile::at(TileKind::Entries, 1, 258).unwrap();
    let mut bytes = Vec::new();
    let leaf = |n: u8, body| crate::Leaf { prev_entry_hash: protocol::Hash32([n; 32]), body };
    push_leaf(&mut bytes, &leaf(1, b"ab")).unwrap();
    push_leaf(&mut bytes, &leaf(2, b"c")).unwrap();
    let expected = [&[0, 34][..], &[1; 32], b"ab", &[0, 33], &[2; 32], b"c"].concat();
    assert_eq!(bytes, expected);
    let bundle = Bundle::parse(tile, bytes.clone()).unwrap();
    let leaves: Vec<_> = bundle.leaves().collect();
    assert_eq!(leaves, [(256, leaf(1, b"ab")), (257, leaf(2, b"c"))]);
    for end in 0..bytes.len() {
        let item = u16::from(end >= 36);
        let error = BundleError::Truncated { item };
        assert_eq!(Bundle::parse(tile, bytes[..end].to_vec()), Err(error), "{end}");
    }
    let longer = [&bytes[..], &[0]].concat();
    assert_eq!(Bundle::parse(tile, longer), Err(BundleError::TrailingBytes));
    let empty_body = [&[0, 32][..], &[1; 32]].concat();
    let length = BundleError::BadLength { length: 32 };
    assert_eq!(Bundle::parse(tile, empty_body), Err(length));
    assert_eq!(push_leaf(&mut bytes, &leaf(3, b"")), Err(length));
    let body = vec![0; crate::MAX_BODY_LEN + 1];
    let length = BundleError::BadLength { length: 65_536 };
    assert_eq!(push_leaf(&mut bytes, &leaf(3, &body)), Err(length));
    assert_eq!(bytes, expected);
    assert_eq!(push_leaf(&mut bytes, &leaf(3, &body[1..])), Ok(()));
}

proptest! {
    #[test]
    fn el_21_paths_go_there_and_back(level in 0_u8..8, index in any::<u64>(), width in 1_u64..300, shift in 0_u32..64) {
        let kind = if level == 7 { TileKind::Entries } else { TileKind::Hashes(level) };
        let size = ((index >> shift) / 256 * 256).saturating_add(width).saturating_mul(1 << kind.node_level());
        if let Some(tile) = Tile::at(kind, index >> shift >> 8, size) {
            prop_assert_eq!(tile.to_string().parse(), Ok(tile));
        }
    }

    #[test]
    fn el_21_el_23_decoding_never_panics(path in "(tile/)?(entries|[0-9]{1,2})?/?(x[0-9]{3}/){0,6}[0-9]{0,4}(\\.p/[0-9]{0,3})?", bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
        if let Ok(tile) = path.parse::<Tile>() {
            prop_assert_eq!(tile.to_string(), path);
        }
        let tile = Tile::at(TileKind::Entries, 0, 3).unwrap();
        prop_assert!(Bundle::parse(tile, bytes.clone()).is_err());
        prop_assert_eq!(tile.parse_hashes(&bytes).is_some(), bytes.len() == 96);
    }
}
