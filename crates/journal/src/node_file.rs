//! The nodes of the log's tree, in one file that only grows (`spec/journal.md`, JO-8).
//!
//! The file is the 32-byte hashes and nothing else, in the order in which the tree completes them: a leaf, then the
//! parents that it completes, from the bottom up. So the place of a node is a formula, and needs no index.

use crate::{
    JournalError,
    disk::{Disk, DiskFile, RealDisk},
    files,
};
use eqm_log::{NodeReader, TreeHash};
use std::{
    io,
    path::{Path, PathBuf},
};

const NODE_LEN: u64 = 32;

/// Nodes that a tree of `entries` leaves has completed: 2·n − (bits set in n).
#[must_use]
pub const fn completed_nodes(entries: u64) -> u64 {
    2 * entries - entries.count_ones() as u64
}

/// Place of a node in the order of completion: it follows what was completed before its last leaf, that leaf, and
/// the nodes between the two. `None` for a node that no log is long enough for.
#[must_use]
pub fn node_position(level: u8, index: u64) -> Option<u64> {
    let width = 1_u64.checked_shl(level.into())?;
    let last_leaf = index.checked_add(1)?.checked_mul(width)?.checked_sub(1)?;
    (last_leaf < eqm_log::MAX_LOG_SIZE).then(|| completed_nodes(last_leaf) + u64::from(level))
}

/// The file of the tree's nodes: a cache of the log, as the state is. Whoever keeps both makes this one durable
/// first, and cuts it to the state's position on opening ([`NodeFile::truncate_to`]): what is behind that may be
/// anything after a crash.
#[derive(Debug)]
pub struct NodeFile<D: Disk = RealDisk> {
    file: D::File,
    path: PathBuf,
    /// Nodes in the file.
    written: u64,
    /// Nodes that are still to be written.
    buffer: Vec<TreeHash>,
    poisoned: bool,
}

impl<D: Disk> NodeFile<D> {
    /// Opens the file at `path`, made if need be.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn open(disk: &D, path: &Path) -> Result<Self, JournalError> {
        let open = || -> io::Result<_> {
            let file = match disk.modify(path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => disk.create(path)?,
                opened => opened?,
            };
            // Its name may be in the cache alone, from a process that ended before this line.
            disk.sync_dir(files::parent(path))?;
            let written = file.len()? / NODE_LEN;
            Ok((file, written))
        };
        let (file, written) = open().map_err(JournalError::io("cannot open", path))?;
        let (path, buffer) = (path.to_path_buf(), Vec::new());
        Ok(Self { file, path, written, buffer, poisoned: false })
    }

    /// Number of nodes, those in the buffer among them.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.written + self.buffer.len() as u64
    }

    /// Whether there is no node.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds the node that the tree completed next. It is in memory until [`NodeFile::flush`].
    pub fn append(&mut self, hash: TreeHash) {
        self.buffer.push(hash);
    }

    /// Writes the buffer to the file; a crash may still take it.
    ///
    /// # Errors
    /// What the operating system says, and [`JournalError::Poisoned`] ever after.
    pub fn flush(&mut self) -> Result<(), JournalError> {
        self.or_poison(|nodes| {
            let bytes: Vec<u8> = nodes.buffer.iter().flat_map(|hash| hash.0).collect();
            nodes.file.write_at(nodes.written * NODE_LEN, &bytes)?;
            nodes.written += nodes.buffer.len() as u64;
            nodes.buffer.clear();
            Ok(())
        })
    }

    /// Makes all nodes durable.
    ///
    /// # Errors
    /// As [`NodeFile::flush`]. A failed sync is never tried again.
    pub fn sync(&mut self) -> Result<(), JournalError> {
        self.flush()?;
        self.or_poison(|nodes| nodes.file.sync_data())
    }

    /// Drops all nodes but those of the first `entries` entries.
    ///
    /// # Errors
    /// [`JournalError::Damaged`] when it has fewer: then tree and state must be built from the log again. Else as
    /// [`NodeFile::flush`].
    pub fn truncate_to(&mut self, entries: u64) -> Result<(), JournalError> {
        let keep = completed_nodes(entries);
        self.flush()?;
        if keep > self.written {
            return Err(JournalError::Damaged(format!(
                "{}: nodes of the first {entries} entries are missing; remove it and the state, to have both rebuilt",
                self.path.display()
            )));
        }
        self.or_poison(|nodes| {
            nodes.written = keep;
            nodes.file.set_len(keep * NODE_LEN)
        })
    }

    fn or_poison(
        &mut self,
        step: impl FnOnce(&mut Self) -> io::Result<()>,
    ) -> Result<(), JournalError> {
        if self.poisoned {
            return Err(JournalError::Poisoned);
        }
        self.poisoned = true;
        step(self).map_err(JournalError::io("cannot write", &self.path))?;
        self.poisoned = false;
        Ok(())
    }
}

impl<D: Disk> NodeReader for NodeFile<D> {
    type Error = JournalError;

    fn node(&self, level: u8, index: u64) -> Result<TreeHash, JournalError> {
        let position = node_position(level, index).filter(|position| *position < self.len());
        let Some(position) = position else {
            let path = self.path.display();
            return Err(JournalError::Damaged(format!(
                "{path}: there is no node {index} at level {level}"
            )));
        };
        if let Some(buffered) = position.checked_sub(self.written) {
            return Ok(self.buffer[buffered as usize]);
        }
        let mut hash = [0; 32];
        let read = self.file.read_at(position * NODE_LEN, &mut hash);
        read.map_err(JournalError::io("cannot read", &self.path))?;
        Ok(TreeHash(hash))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use eqm_log::{Frontier, tree};

    fn leaf(n: u64) -> TreeHash {
        tree::leaf_hash(&n.to_be_bytes())
    }

    /// JO-8: nodes stand in the order in which the frontier completes them, at every size of a log.
    #[test]
    fn jo_8_the_place_of_a_node_is_the_order_of_its_completion() {
        let (mut frontier, mut position) = (Frontier::new(), 0);
        for n in 0..2_000 {
            assert_eq!(completed_nodes(n), position);
            frontier.push(leaf(n), |level, index, _| {
                assert_eq!(node_position(level, index), Some(position), "({level}, {index})");
                position += 1;
            });
        }
        for (level, index) in [(64, 0), (0, u64::MAX), (63, 1), (62, 1), (1, u64::MAX / 2)] {
            assert_eq!(node_position(level, index), None, "({level}, {index})");
        }
    }

    /// JO-8: proofs come out the same from buffer and file, after reopening and after cutting.
    #[test]
    fn jo_8_nodes_are_read_from_buffer_and_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("tree");
        let mut nodes = NodeFile::open(&RealDisk, &path).unwrap();
        let (mut frontier, mut roots) = (Frontier::new(), vec![tree::empty_root()]);
        for n in 0..100 {
            frontier.push(leaf(n), |_, _, hash| nodes.append(hash));
            roots.push(frontier.root());
            if n == 60 {
                nodes.flush().unwrap();
            }
        }
        let check = |nodes: &NodeFile, sizes: std::ops::RangeInclusive<u64>| {
            for size in sizes {
                assert_eq!(tree::root_at(nodes, size).unwrap(), roots[size as usize], "{size}");
            }
        };
        check(&nodes, 0..=100);
        nodes.sync().unwrap();
        drop(nodes);
        // What a crash may leave behind the last whole node.
        let mut bytes = std::fs::read(&path).unwrap();
        bytes.extend([9; 45]);
        std::fs::write(&path, bytes).unwrap();
        let mut nodes = NodeFile::open(&RealDisk, &path).unwrap();
        nodes.truncate_to(77).unwrap();
        assert_eq!(nodes.len(), completed_nodes(77));
        check(&nodes, 0..=77);
        assert!(nodes.node(0, 77).is_err());
        assert!(matches!(nodes.truncate_to(78), Err(JournalError::Damaged(_))));
        let mut frontier = Frontier::new();
        (0..77).for_each(|n| frontier.push(leaf(n), |_, _, _| ()));
        (77..100).for_each(|n| frontier.push(leaf(n), |_, _, hash| nodes.append(hash)));
        check(&nodes, 0..=100);
    }
}
