//! Shard files at a node.

use std::{fs, path::PathBuf};

use arbitrary::{Result, Unstructured};
use protocol::Hash32;
use shard_store::{
    DirStore, ShardKey, ShardStore,
    testing::{put, sample},
};
use storage_engine::shard_tree::{LEAF_SIZE, leaf_count, verify_path};
use tempfile::TempDir;

use crate::edit::edit;

/// Bytes of the shard: five leaves, the last one short.
const LEN: usize = 4 * LEAF_SIZE + 5;

/// A store with one shard.
struct Node {
    store: DirStore,
    key: ShardKey,
    bytes: Vec<u8>,
    /// What the shard's file holds, and where it is.
    file: Vec<u8>,
    path: PathBuf,
    /// Removed with the thread that made it.
    _folder: TempDir,
}

thread_local! {
    static NODE: Node = Node::new();
}

impl Node {
    fn new() -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let store = DirStore::open(folder.path(), None).expect("an empty folder");
        let bytes = sample(LEN, 1);
        let key = put(&store, Hash32([0xab; 32]), &bytes).expect("room for a shard");
        let path = folder.path().join("data/ab").join(key.to_string());
        let file = fs::read(&path).expect("the shard is there");
        Self { store, key, bytes, file, path, _folder: folder }
    }
}

/// A shard file that was changed on the disk. The scrub finds every change (SS-9); and whatever is read or proved is right, or an error
/// says that it is not there.
pub fn shard_file(data: &[u8]) {
    let _used_up = NODE.with(|node| shard_files(node, &mut Unstructured::new(data)));
}

fn shard_files(node: &Node, input: &mut Unstructured<'_>) -> Result<()> {
    let Node { store, key, bytes, file, path, .. } = node;
    let mut changed = file.clone();
    edit(&mut changed, input)?;
    fs::write(path, &changed).expect("room for a shard");
    let mut verdicts = Vec::new();
    store.scrub(&mut |_, verdict| verdicts.push(verdict.is_ok())).expect("a readable folder");
    assert_eq!(verdicts, [changed == *file]);
    let Ok(reader) = store.open(key, LEN as u64) else { return Ok(()) };

    let from = input.int_in_range(0..=LEN)?;
    let len = input.int_in_range(0..=2 * LEAF_SIZE)?;
    if let Ok(read) = reader.read(from as u64, len) {
        assert_eq!(read, bytes[from..from + len]);
    }
    let leaf = input.int_in_range(0..=5_u64)?;
    let leaves = leaf_count(LEN as u64);
    if let Ok(proof) = reader.prove(leaf) {
        assert!(verify_path(&key.root, &proof.leaf_hash, leaf, leaves, &proof.path));
    }
    let start = leaf as usize * LEAF_SIZE;
    let mut claimed = bytes.get(start..).unwrap_or_default().to_vec();
    edit(&mut claimed, input)?;
    if reader.confirms(leaf, &claimed).is_ok_and(|confirmed| confirmed) {
        assert!(bytes[start..].starts_with(&claimed));
    }
    Ok(())
}
