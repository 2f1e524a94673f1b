//! The log as static files: rules EL-21 to EL-24.

#[path = "common/tiled.rs"]
mod tiled;

use eqm_log::{
    NodeReader, Tile, TileKind, TileTree,
    chain::ChainError,
    tile::{BundleError, TileError, push_leaf},
    tree::{consistency_proof, inclusion_proof, root_at},
};
use proptest::prelude::*;
use protocol::Hash32;
use std::{convert::Infallible, sync::LazyLock};
use tiled::{Files, Log};

/// Long enough for tiles of level 2.
const SIZE: u64 = 65_536 + 300;

static LOG: LazyLock<Log> = LazyLock::new(|| Log::new(SIZE));

type Opened<'a> = Result<TileTree<&'a Files>, TileError<Infallible>>;

fn open(files: &Files, size: u64) -> Opened<'_> {
    TileTree::open_at(files, size, &LOG.root(size))
}

/// Everything that can be read from the files of a log of `size` entries.
fn read_all(files: &Files, size: u64) -> Result<(), TileError<Infallible>> {
    let tree = open(files, size)?;
    let mut seqs = 0..;
    let head = tree.read_all(|seq, leaf| {
        assert_eq!((seqs.next(), leaf), (Some(seq), LOG.leaf(seq)));
    })?;
    assert_eq!((head.size(), head.root()), (size, LOG.root(size)));
    Ok(())
}

/// EL-24: what was written is read back, at the edges of tiles of each level.
#[test]
fn el_24_every_file_of_every_size_is_read_back() {
    for size in [0, 1, 2, 255, 256, 257, 511, 512, 513, 1_000, 65_535, 65_536, 65_537, SIZE] {
        assert_eq!(read_all(&LOG.files(size), size), Ok(()), "{size}");
    }
}

/// EL-24: the files of a later log serve an earlier checkpoint, the partial ones being gone.
#[test]
fn el_24_full_tiles_stand_for_their_partial_ones() {
    let files = LOG.files(SIZE);
    for size in [300, 65_100, 65_537] {
        let partial = Tile::at(TileKind::Hashes(0), size / 256, size).unwrap();
        assert!(partial.is_partial() && !files.0.contains_key(&partial.to_string()));
        assert_eq!(read_all(&files, size), Ok(()), "{size}");
    }
}

/// EL-6, EL-7, EL-24: the nodes beyond a checkpoint are not given out, though the files have them.
#[test]
fn el_24_nothing_beyond_the_checkpoint() {
    let mut files = LOG.files(700);
    files.0.extend(LOG.files(1_000).0);
    let tree = open(&files, 700).unwrap();
    assert_eq!(tree.node(0, 699), LOG.node(0, 699).map_err(|_| unreachable!()));
    for (level, index) in [(0, 700), (1, 350), (2, 175), (8, 2), (9, 1), (63, 0), (64, 0), (255, 9)]
    {
        assert_eq!(tree.node(level, index), Err(TileError::OutOfRange { level, index }));
    }
    assert_eq!(tree.leaf_data(699), Ok(LOG.leaf(699).to_bytes()));
    let beyond = |index| Some(TileError::OutOfRange { level: 0, index });
    assert_eq!(tree.leaf_data(700).err(), beyond(700));
    assert_eq!(tree.leaf_data(u64::MAX).err(), beyond(u64::MAX / 256 * 256));
    let huge = TileTree::open_at(&files, 1 << 63, &LOG.root(700)).err();
    assert_eq!(huge, Some(TileError::WrongRoot { size: 1 << 63 }));
}

/// EL-24: whatever is done to a file that a log needs, reading the log finds it.
#[test]
fn el_24_every_changed_file_is_found() {
    const AT: u64 = 600;
    let files = LOG.files(AT);
    assert_eq!(files.0.len(), 7);
    for (path, bytes) in &files.0 {
        let refused = |what: &str, changed: Option<Vec<u8>>| {
            let mut spoiled = files.clone();
            match changed {
                Some(changed) => spoiled.0.insert(path.clone(), changed),
                None => spoiled.0.remove(path),
            };
            assert!(read_all(&spoiled, AT).is_err(), "{path}: {what}");
        };
        refused("missing", None);
        for end in (0..bytes.len()).step_by(31) {
            refused(&format!("cut at {end}"), Some(bytes[..end].to_vec()));
        }
        for at in (0..bytes.len()).step_by(7) {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1 << (at % 8);
            refused(&format!("bit of byte {at}"), Some(flipped));
        }
        refused("a byte more", Some([&bytes[..], &[0]].concat()));
        for (other, taken) in files.0.iter().filter(|(other, _)| *other != path) {
            refused(other, Some(taken.clone()));
        }
    }
    for wrong in [AT - 1, AT + 1] {
        let other = TileTree::open_at(&files, AT, &LOG.root(wrong)).err();
        assert_eq!(other, Some(TileError::WrongRoot { size: AT }));
    }
}

/// EL-24: each error names what is wrong.
#[test]
fn el_24_errors_say_where() {
    let size = 600;
    let spoil = |path: &str, change: fn(&mut Vec<u8>)| {
        let mut files = LOG.files(size);
        change(files.0.get_mut(path).unwrap());
        read_all(&files, size).unwrap_err()
    };
    let tile = |path: &str| path.parse::<Tile>().unwrap();
    let first = |bytes: &mut Vec<u8>| bytes[0] ^= 1;
    let last = |bytes: &mut Vec<u8>| *bytes.last_mut().unwrap() ^= 1;
    let cut = |bytes: &mut Vec<u8>| bytes.truncate(bytes.len() - 1);
    let full = tile("tile/0/001");
    assert_eq!(spoil("tile/0/001", first), TileError::WrongHashes(full));
    assert_eq!(spoil("tile/0/001", cut), TileError::BadLength { tile: full, found: 8_191 });
    assert_eq!(spoil("tile/0/002.p/88", first), TileError::WrongRoot { size });
    assert_eq!(spoil("tile/1/000.p/2", last), TileError::WrongRoot { size });
    assert_eq!(spoil("tile/entries/001", last), TileError::WrongEntry { seq: 511 });
    let bundle = tile("tile/entries/001");
    let error = BundleError::Truncated { item: 255 };
    assert_eq!(spoil("tile/entries/001", cut), TileError::BadBundle { tile: bundle, error });
    let mut files = LOG.files(size);
    files.0.remove("tile/entries/002.p/88");
    let missing = TileError::Missing(tile("tile/entries/002.p/88"));
    assert_eq!(read_all(&files, size), Err(missing.clone()));
    assert_eq!(missing.to_string(), "tile/entries/002.p/88: there is no such file");
}

/// EL-2, EL-24: leaves that are in the tree but do not follow each other are no log.
#[test]
fn el_24_the_chain_is_held_too() {
    let mut frontier = eqm_log::Frontier::new();
    let mut bundle = Vec::new();
    let mut hashes = Vec::new();
    for n in [0, 7_u8] {
        let leaf = eqm_log::Leaf { prev_entry_hash: Hash32([n; 32]), body: b"body" };
        push_leaf(&mut bundle, &leaf).unwrap();
        frontier.push(leaf.leaf_hash(), |_, _, _| ());
        hashes.extend(leaf.leaf_hash().0);
    }
    let paths = ["tile/entries/000.p/2", "tile/0/000.p/2"].map(String::from);
    let files = Files(paths.into_iter().zip([bundle, hashes]).collect());
    let tree = TileTree::open_at(&files, 2, &frontier.root()).unwrap();
    assert!(tree.bundle(0).is_ok());
    let expected = eqm_log::chain::entry_hash(&Hash32::ZERO, b"body");
    let broken = ChainError::BrokenLink { seq: 1, expected, found: Hash32([7; 32]) };
    assert_eq!(tree.read_all(|_, _| ()).err(), Some(TileError::Chain(broken)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// EL-6, EL-7, EL-24: proofs from tiles are those from the tree.
    #[test]
    fn el_24_proofs_from_tiles_equal_those_from_the_tree(
        size in prop_oneof![1_u64..1_000, 1..SIZE, 65_530_u64..65_540],
        picks in proptest::collection::vec(any::<u64>(), 20),
    ) {
        let files = LOG.files(size);
        let tree = open(&files, size).unwrap();
        prop_assert_eq!(root_at(&tree, size), Ok(LOG.root(size)));
        for pick in picks {
            let index = pick % size;
            let path = inclusion_proof(&tree, index, size).unwrap();
            prop_assert_eq!(path, inclusion_proof(&*LOG, index, size).unwrap());
            let earlier = consistency_proof(&tree, index, size).unwrap();
            prop_assert_eq!(earlier, consistency_proof(&*LOG, index, size).unwrap());
            prop_assert_eq!(root_at(&tree, index), Ok(LOG.root(index)));
            prop_assert_eq!(tree.leaf_data(index), Ok(LOG.leaf(index).to_bytes()));
        }
    }
}
