//! A log of any number of small entries, with its tree, and its files in memory.
#![allow(dead_code, reason = "each test file uses a part of this")]

use eqm_log::{
    Leaf, LogHead, NodeReader, Tile, TileKind, TileSource, TreeHash,
    tile::{push_leaf, tiles_added},
};
use protocol::Hash32;
use std::{collections::BTreeMap, convert::Infallible};

/// A log and every complete node of its tree.
pub struct Log {
    bodies: Vec<Vec<u8>>,
    prevs: Vec<Hash32>,
    nodes: BTreeMap<(u8, u64), TreeHash>,
    roots: Vec<TreeHash>,
}

impl Log {
    /// A log of `size` entries, all of them different.
    pub fn new(size: u64) -> Self {
        let (mut head, mut nodes) = (LogHead::new(), BTreeMap::new());
        let (mut bodies, mut prevs, mut roots) = (Vec::new(), Vec::new(), vec![head.root()]);
        for seq in 0..size {
            let body = format!("entry {seq}").into_bytes();
            prevs.push(head.entry_hash());
            head.append(&body, |level, index, hash| {
                nodes.insert((level, index), hash);
            });
            roots.push(head.root());
            bodies.push(body);
        }
        Self { bodies, prevs, nodes, roots }
    }

    /// Root of the first `size` entries.
    pub fn root(&self, size: u64) -> TreeHash {
        self.roots[size as usize]
    }

    /// The leaf of an entry.
    pub fn leaf(&self, seq: u64) -> Leaf<'_> {
        let seq = seq as usize;
        Leaf { prev_entry_hash: self.prevs[seq], body: &self.bodies[seq] }
    }

    /// Bytes of one file.
    pub fn file(&self, tile: &Tile) -> Vec<u8> {
        if tile.kind() != TileKind::Entries {
            return tile.read_hashes(self).unwrap();
        }
        let mut bytes = Vec::new();
        tile.items().for_each(|seq| push_leaf(&mut bytes, &self.leaf(seq)).unwrap());
        bytes
    }

    /// Every file of the first `size` entries, by its path.
    pub fn files(&self, size: u64) -> Files {
        Files(tiles_added(0, size).map(|tile| (tile.to_string(), self.file(&tile))).collect())
    }
}

impl NodeReader for Log {
    type Error = (u8, u64);

    fn node(&self, level: u8, index: u64) -> Result<TreeHash, Self::Error> {
        self.nodes.get(&(level, index)).copied().ok_or((level, index))
    }
}

/// Files by their paths.
#[derive(Clone)]
pub struct Files(pub BTreeMap<String, Vec<u8>>);

impl TileSource for &Files {
    type Error = Infallible;

    fn read(&self, tile: &Tile) -> Result<Option<Vec<u8>>, Infallible> {
        Ok(self.0.get(&tile.to_string()).cloned())
    }
}
