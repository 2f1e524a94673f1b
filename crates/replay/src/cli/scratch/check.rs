//! Whether the records of a scratch are those of the state that it claims: its root, computed anew from all of them
//! (ST-3). Pages of the state tree play no part in that, and no record stays in memory.

use std::{
    fs::{self, File},
    io::{BufWriter, Read, Write},
    panic::{self, AssertUnwindSafe},
    path::{Path, PathBuf},
};

use keccak_batch::hash_many;
use protocol::Hash32;
use redb::{Database, ReadOnlyTable, ReadableDatabase};
use storage_engine::state::keys;

use super::{Fault, STATE};

/// A record as the root sees it: hash of its key, hash of its value.
type Record = (Hash32, Hash32);

/// Bytes of a [`Record`].
const RECORD_BYTES: usize = 64;

/// Records that are hashed together.
const TOGETHER: usize = 256;

/// Parts into which records are sorted by the first byte of their path, one of which is in memory at a time.
const PARTS: usize = 256;

/// Levels of the tree above the parts.
const PART_BITS: u16 = 8;

/// Bytes that wait for the file of each part.
const BUFFER: usize = 8 << 10;

/// Does work over a file that may be damaged in any way: the database panics over some damages, which is a fault here.
pub(super) fn damage_is_a_fault<T>(work: impl FnOnce() -> Result<T, Fault>) -> Result<T, Fault> {
    let done = panic::catch_unwind(AssertUnwindSafe(work));
    done.unwrap_or_else(|_| Err(Fault::of("the file is damaged")))
}

/// Holds the records of the state against `root`. `folder` has files with their hashes meanwhile.
pub(super) fn root(database: &Database, root: Hash32, folder: &Path) -> Result<(), Fault> {
    // Of a check that was killed.
    let _ = fs::remove_dir_all(folder);
    fs::create_dir_all(folder).map_err(Fault::of)?;
    let found = computed(database, folder);
    fs::remove_dir_all(folder).map_err(Fault::of)?;
    if found? == root { Ok(()) } else { Err(Fault::of("its records have another root")) }
}

fn computed(database: &Database, folder: &Path) -> Result<Hash32, Fault> {
    let mut parts = Parts::create(folder)?;
    let table = database.begin_read()?.open_table(STATE)?;
    for kind in (0..=u8::MAX).filter(|kind| keys::is_authenticated(&[*kind])) {
        parts.take(&table, kind)?;
    }
    let files = parts.finish()?;
    let nodes = files.iter().map(|file| {
        let mut records = read(file)?;
        records.sort_unstable();
        Ok(subtree(&records, PART_BITS))
    });
    let mut nodes = nodes.collect::<Result<Vec<Node>, Fault>>()?;
    while nodes.len() > 1 {
        nodes = nodes.as_chunks().0.iter().map(|[left, right]| Node::join(*left, *right)).collect();
    }
    Ok(nodes.first().map_or(Hash32::ZERO, |node| node.hash()))
}

/// Files of hashes, by the first byte of the path.
struct Parts {
    paths: Vec<PathBuf>,
    files: Vec<BufWriter<File>>,
    waiting: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Parts {
    fn create(folder: &Path) -> Result<Self, Fault> {
        let paths: Vec<PathBuf> = (0..PARTS).map(|at| folder.join(format!("{at:03}"))).collect();
        let create = |path: &PathBuf| Ok(BufWriter::with_capacity(BUFFER, File::create(path)?));
        let files = paths.iter().map(create).collect::<std::io::Result<_>>().map_err(Fault::of)?;
        Ok(Self { paths, files, waiting: Vec::with_capacity(TOGETHER) })
    }

    /// All records of a kind.
    fn take(
        &mut self,
        table: &ReadOnlyTable<&'static [u8], &'static [u8]>,
        kind: u8,
    ) -> Result<(), Fault> {
        let (from, end) = ([kind], [kind.saturating_add(1)]);
        for record in table.range(from.as_slice()..end.as_slice())? {
            let (key, value) = record?;
            self.waiting.push((key.value().to_vec(), value.value().to_vec()));
            if self.waiting.len() >= TOGETHER {
                self.hash()?;
            }
        }
        Ok(())
    }

    fn hash(&mut self) -> Result<(), Fault> {
        let messages: Vec<&[u8]> =
            self.waiting.iter().flat_map(|(key, value)| [key.as_slice(), value]).collect();
        let mut digests = vec![[0; 32]; messages.len()];
        hash_many(&messages, &mut digests);
        for record in digests.as_chunks::<2>().0 {
            let [[part, ..], _] = record;
            if let Some(file) = self.files.get_mut(usize::from(*part)) {
                file.write_all(record.as_flattened()).map_err(Fault::of)?;
            }
        }
        self.waiting.clear();
        Ok(())
    }

    fn finish(mut self) -> Result<Vec<PathBuf>, Fault> {
        self.hash()?;
        self.files.iter_mut().try_for_each(Write::flush).map_err(Fault::of)?;
        Ok(self.paths)
    }
}

fn read(path: &Path) -> Result<Vec<Record>, Fault> {
    let mut bytes = Vec::new();
    let file = File::open(path).and_then(|mut file| file.read_to_end(&mut bytes));
    file.map_err(Fault::of)?;
    let (records, rest) = bytes.as_chunks::<RECORD_BYTES>();
    if !rest.is_empty() {
        return Err(Fault::of("a file of hashes was cut short"));
    }
    let record = |bytes: &[u8; RECORD_BYTES]| match bytes.as_chunks::<32>().0 {
        [path, value] => Some((Hash32(*path), Hash32(*value))),
        _ => None,
    };
    Ok(records.iter().filter_map(record).collect())
}

/// What stands at a place of the tree.
#[derive(Clone, Copy)]
enum Node {
    Empty,
    /// One record, which stands as high as it has a subtree for itself.
    Lone(Hash32),
    Branch(Hash32),
}

impl Node {
    fn join(left: Self, right: Self) -> Self {
        match (left, right) {
            (Self::Empty, Self::Empty) => Self::Empty,
            (Self::Empty, Self::Lone(hash)) | (Self::Lone(hash), Self::Empty) => Self::Lone(hash),
            (left, right) => {
                Self::Branch(Hash32::of_parts(&[&[1], left.hash().as_ref(), right.hash().as_ref()]))
            }
        }
    }

    const fn hash(&self) -> Hash32 {
        match self {
            Self::Empty => Hash32::ZERO,
            Self::Lone(hash) | Self::Branch(hash) => *hash,
        }
    }
}

/// The node over records in the order of their paths, which share the first `depth` bits.
fn subtree(records: &[Record], depth: u16) -> Node {
    match records {
        [] => Node::Empty,
        [(path, value)] => Node::Lone(Hash32::of_parts(&[&[0], path.as_ref(), value.as_ref()])),
        // Two records of one key are none of a map; whatever this gives is another root.
        _ if depth > u16::from(u8::MAX) => Node::Empty,
        _ => {
            let at = records.partition_point(|(path, _)| !bit(path, depth));
            let (left, right) = records.split_at(at);
            let below = depth.saturating_add(1);
            Node::join(subtree(left, below), subtree(right, below))
        }
    }
}

fn bit(path: &Hash32, depth: u16) -> bool {
    let byte = path.0.get(usize::from(depth / 8)).copied().unwrap_or(0);
    byte & (0x80 >> (depth % 8)) != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ST-3 by hand: three records, two of which part at the third bit.
    #[test]
    fn st_3_a_lone_record_stands_as_high_as_it_can() {
        let path = |first: u8| {
            let mut path = [0; 32];
            path[0] = first;
            Hash32(path)
        };
        let value = Hash32::of(b"value");
        let leaf = |first| Hash32::of_parts(&[&[0], path(first).as_ref(), value.as_ref()]);
        let node =
            |left: Hash32, right: Hash32| Hash32::of_parts(&[&[1], left.as_ref(), right.as_ref()]);
        let records = [0b0100_0000, 0b0110_0000, 0b1000_0000].map(|first| (path(first), value));
        let pair = node(leaf(0b0100_0000), leaf(0b0110_0000));
        let expected = node(node(Hash32::ZERO, pair), leaf(0b1000_0000));
        assert_eq!(subtree(&records, 0).hash(), expected);
        assert_eq!(subtree(&records[2..], 0).hash(), leaf(0b1000_0000));
        assert_eq!(subtree(&[], 0).hash(), Hash32::ZERO);
    }
}
