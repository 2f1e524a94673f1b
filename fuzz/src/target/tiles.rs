//! What a published log consists of, and the right edge of its tree.

use core::{
    convert::Infallible,
    str::{FromStr, from_utf8},
};
use std::{collections::BTreeMap, sync::LazyLock};

use arbitrary::{Result, Unstructured};
use eqm_log::{
    Frontier, LogHead, MAX_LOG_SIZE, Tile, TileKind, TileSource, TileTree,
    tile::{Bundle, MAX_TILE_LEVEL, push_leaf, tiles_added},
    tree::leaf_hash,
};
use protocol::canonical::{decode, encode};

use crate::{
    base::{BASE, Nodes},
    edit::edit,
};

/// The path of a tile: one spelling, of a tile that a log can have (EL-21).
pub fn tile_path(data: &[u8]) {
    let Ok(text) = from_utf8(data) else { return };
    let Ok(tile) = Tile::from_str(text) else { return };
    assert_eq!(tile.to_string(), text);
    assert_eq!(
        Tile::at(tile.kind(), tile.index(), MAX_LOG_SIZE).map(|tile| tile.full()),
        Some(tile.full())
    );
}

/// A tile of some width, and bytes as its hashes or entries (EL-22, EL-23). What is taken to pieces is put together again
/// from them.
pub fn tile(data: &[u8]) {
    let _used_up = tiles(&mut Unstructured::new(data));
}

fn tiles(input: &mut Unstructured<'_>) -> Result<()> {
    let kind = match input.int_in_range(0..=MAX_TILE_LEVEL + 1)? {
        0 => TileKind::Entries,
        level => TileKind::Hashes(level - 1),
    };
    let Some(tile) = Tile::at(kind, input.arbitrary()?, input.arbitrary()?) else { return Ok(()) };
    assert_eq!(Tile::from_str(&tile.to_string()), Ok(tile));
    let bytes = input.bytes(input.len())?;
    if let Some(hashes) = tile.parse_hashes(bytes) {
        assert_eq!(hashes.len(), usize::from(tile.width()));
        let joined: Vec<u8> = hashes.iter().flat_map(|hash| hash.0).collect();
        assert_eq!(joined, bytes);
    }
    if let Ok(bundle) = Bundle::parse(tile, bytes.to_vec()) {
        let mut joined = Vec::new();
        let mut seqs = Vec::new();
        for (seq, leaf) in bundle.leaves() {
            push_leaf(&mut joined, &leaf).expect("it was in a bundle");
            seqs.push(seq);
        }
        assert_eq!(joined, bytes);
        assert!(tile.items().eq(seqs));
    }
    Ok(())
}

/// The bytes of a frontier. What decodes is the right edge of a tree of its size, and stays one while it grows.
pub fn frontier(data: &[u8]) {
    let Ok(mut frontier) = decode::<Frontier>(data) else { return };
    assert_eq!(encode(&frontier), data);
    assert_eq!(
        Frontier::from_parts(frontier.size(), frontier.peaks().to_vec()),
        Ok(frontier.clone())
    );
    let root = frontier.root();
    if let [peak] = frontier.peaks() {
        assert_eq!(root, *peak);
    }
    if frontier.size() < MAX_LOG_SIZE {
        let mut completed = 0;
        let carried = frontier.size().trailing_ones();
        frontier.push(leaf_hash(b"leaf"), |level, _, _| {
            assert_eq!(u32::from(level), completed);
            completed += 1;
        });
        assert_eq!(completed, carried + 1);
        assert_eq!(frontier.peaks().len(), frontier.size().count_ones() as usize);
        assert_eq!(decode(&encode(&frontier)), Ok(frontier));
    }
}

/// The published files of a log, some of them those of another log that differs in one entry, some changed, some missing. Whoever
/// reads them under the log's checkpoint finds the log's entries or an error, never others (EL-24).
pub fn tile_tree(data: &[u8]) {
    let _used_up = tile_trees(&mut Unstructured::new(data));
}

#[derive(Clone, PartialEq)]
struct Files(BTreeMap<Tile, Vec<u8>>);

impl TileSource for &Files {
    type Error = Infallible;

    fn read(&self, tile: &Tile) -> core::result::Result<Option<Vec<u8>>, Infallible> {
        Ok(self.0.get(tile).cloned())
    }
}

/// A log, its files, and those of a log with another entry.
struct Published {
    bodies: Vec<Vec<u8>>,
    head: LogHead,
    files: Files,
    lies: Files,
}

/// The base log, one that fills a tile, and one with two levels of tiles.
static LOGS: LazyLock<[Published; 3]> = LazyLock::new(|| {
    let numbered = |size: u32| (0..size).map(|seq| seq.to_be_bytes().to_vec()).collect();
    [BASE.log.bodies.clone(), numbered(256), numbered(515)].map(Published::new)
});

impl Published {
    fn new(bodies: Vec<Vec<u8>>) -> Self {
        let mut lie = bodies.clone();
        lie[3].push(1);
        let mut nodes = Nodes::default();
        let head = nodes.grow(&bodies);
        let files = Files(published(&bodies, &nodes));
        nodes.grow(&lie);
        let lies = Files(published(&lie, &nodes));
        Self { bodies, head, files, lies }
    }
}

fn tile_trees(input: &mut Unstructured<'_>) -> Result<()> {
    let Published { bodies, head, files: honest, lies } = input.choose(&*LOGS)?;
    let mut files = honest.clone();
    for (name, bytes) in &mut files.0 {
        if input.ratio(1, 4)? {
            bytes.clone_from(&lies.0[name]);
        }
    }
    for _ in 0..input.int_in_range(0..=3_u8)? {
        let names: Vec<Tile> = files.0.keys().copied().collect();
        let Some(name) = names.get(input.choose_index(names.len().max(1))?) else { break };
        match (input.arbitrary::<bool>()?, files.0.get_mut(name)) {
            (true, Some(bytes)) => edit(bytes, input)?,
            _ => drop(files.0.remove(name)),
        }
    }
    let mut seen = Vec::new();
    let tree = TileTree::open_at(&files, head.size(), &head.root());
    let read = tree.and_then(|tree| tree.read_all(|_, leaf| seen.push(leaf.body.to_vec())));
    match read {
        Ok(found) => assert_eq!((&found, &seen), (head, bodies)),
        Err(error) => {
            assert!(files != *honest, "{error}");
            assert!(bodies.starts_with(&seen), "what was shown before the error is right");
        }
    }
    Ok(())
}

fn published(bodies: &[Vec<u8>], nodes: &Nodes) -> BTreeMap<Tile, Vec<u8>> {
    let size = bodies.len() as u64;
    tiles_added(0, size)
        .map(|tile| match tile.kind() {
            TileKind::Entries => (tile, bundle(tile, bodies)),
            TileKind::Hashes(_) => {
                let Ok(bytes) = tile.read_hashes(nodes);
                (tile, bytes)
            }
        })
        .collect()
}

fn bundle(tile: Tile, bodies: &[Vec<u8>]) -> Vec<u8> {
    let mut chain = eqm_log::Chain::new();
    let mut bytes = Vec::new();
    for (seq, body) in (0..).zip(bodies) {
        let leaf = eqm_log::Leaf { prev_entry_hash: chain.head(), body };
        if tile.items().contains(&seq) {
            push_leaf(&mut bytes, &leaf).expect("a short body");
        }
        chain.append(body);
    }
    bytes
}

/// A bundle and a tile of the base log, behind the numbers that name them.
pub fn bundles() -> impl Iterator<Item = Vec<u8>> {
    let bodies = [b"one".to_vec(), b"three".to_vec()];
    let mut nodes = Nodes::default();
    nodes.grow(&bodies);
    let files = published(&bodies, &nodes);
    files.into_iter().map(|(tile, bytes)| {
        let kind = match tile.kind() {
            TileKind::Entries => 0,
            TileKind::Hashes(level) => level + 1,
        };
        let numbers = [tile.index().to_le_bytes(), 2_u64.to_le_bytes()].concat();
        [&[kind][..], &numbers, &bytes].concat()
    })
}
