//! Shard files at a node.

use std::{fs, path::PathBuf, sync::LazyLock};

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

/// A shard as a store keeps it.
struct Stored {
    key: ShardKey,
    bytes: Vec<u8>,
    file: Vec<u8>,
    /// Path of the file in its store.
    path: PathBuf,
}

static STORED: LazyLock<Stored> = LazyLock::new(|| {
    let folder = TempDir::new().expect("a temporary folder");
    let store = DirStore::open(folder.path(), None).expect("an empty folder");
    let bytes = sample(LEN, 1);
    let key = put(&store, Hash32([0xab; 32]), &bytes).expect("room for a shard");
    let path = PathBuf::from("data/ab").join(key.to_string());
    let file = fs::read(folder.path().join(&path)).expect("the shard is there");
    Stored { key, bytes, file, path }
});

/// A shard file that was changed on the disk. The scrub finds every change (SS-9); and whatever is read or proved is right, or an error
/// says that it is not there.
pub fn shard_file(data: &[u8]) {
    let _used_up = shard_files(&mut Unstructured::new(data));
}

fn shard_files(input: &mut Unstructured<'_>) -> Result<()> {
    let Stored { key, bytes, file, path } = &*STORED;
    let mut changed = file.clone();
    edit(&mut changed, input)?;
    let folder = TempDir::new().expect("a temporary folder");
    let place = folder.path().join(path);
    fs::create_dir_all(place.with_file_name("")).expect("a temporary folder");
    fs::write(&place, &changed).expect("room for a shard");
    let store = DirStore::open(folder.path(), None).expect("a readable folder");
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
