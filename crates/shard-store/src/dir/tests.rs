use super::*;
use crate::testing::{conformance, put, sample};
use std::os::unix::fs::PermissionsExt;
use storage_engine::shard_tree::leaf_hashes;
use tempfile::TempDir;

fn id(number: u8) -> Hash32 {
    Hash32([number; 32])
}

fn verdicts(store: &DirStore) -> Vec<bool> {
    let mut verdicts = Vec::new();
    store.scrub(&mut |_, verdict| verdicts.push(verdict.is_ok())).unwrap();
    verdicts
}

#[test]
fn dir_store_conforms() {
    let mut folders = Vec::new();
    conformance(&mut |quota| {
        folders.push(TempDir::new().unwrap());
        DirStore::open(folders.last().unwrap().path(), quota).unwrap()
    });
}

/// SS-3, SS-8: shards, usage and quota are there after a restart, files 0600 in directories 0700.
#[test]
fn ss_8_a_store_opens_again() {
    let folder = TempDir::new().unwrap();
    let root = folder.path().join("node");
    let bytes = sample(10_000, 1);
    let key = put(&DirStore::open(&root, None).unwrap(), id(0xab), &bytes).unwrap();
    let store = DirStore::open(&root, Some(10_001)).unwrap();
    assert_eq!(store.usage().unwrap(), 10_000);
    assert_eq!(store.open(&key, 10_000).unwrap().read(0, 10_000).unwrap(), bytes);
    assert!(matches!(put(&store, id(1), b"xy"), Err(StoreError::QuotaExceeded { .. })));
    let file = root.join("data/ab").join(key.to_string());
    assert_eq!(fs::metadata(&file).unwrap().len(), file_len(10_000).unwrap());
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&file), mode(file.parent().unwrap()), mode(&root)), (0o600, 0o700, 0o700));
}

/// SS-4: what a crash left in staging is removed, but not under the hands of a living process.
#[test]
fn ss_4_staging_is_cleaned_when_nobody_uses_it() {
    let folder = TempDir::new().unwrap();
    let leftover = folder.path().join("staging/1-1");
    let first = DirStore::open(folder.path(), None).unwrap();
    fs::write(&leftover, b"half a shard").unwrap();
    let second = DirStore::open(folder.path(), None).unwrap();
    assert!(leftover.exists());
    drop((first, second));
    let third = DirStore::open(folder.path(), None).unwrap();
    assert!(!leftover.exists());
    let mut staged = third.stage(id(1)).unwrap();
    staged.append(b"x", &leaf_hashes(b"x")).unwrap();
    assert_eq!(fs::read_dir(folder.path().join("staging")).unwrap().count(), 1);
    drop(staged);
    assert_eq!(fs::read_dir(folder.path().join("staging")).unwrap().count(), 0);
}

/// SS-5, SS-9: any change of a shard file is found by the scrub, and storing the shard again repairs it.
#[test]
fn ss_9_every_damage_is_found_and_repaired() {
    let folder = TempDir::new().unwrap();
    let store = DirStore::open(folder.path(), None).unwrap();
    let bytes = sample(3 * 4096 + 5, 1);
    let key = put(&store, id(1), &bytes).unwrap();
    let path = store.path(&key);
    let whole = fs::read(&path).unwrap();
    for at in (0..whole.len()).step_by(97).chain(bytes.len()..whole.len()) {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x10;
        fs::write(&path, &damaged).unwrap();
        assert_eq!(verdicts(&store), [false], "byte {at}");
    }
    for len in [0, 1, FOOTER, bytes.len(), whole.len() - 1] {
        fs::write(&path, &whole[..len]).unwrap();
        assert_eq!(verdicts(&store), [false], "cut at {len}");
        assert!(matches!(store.open(&key, bytes.len() as u64), Err(StoreError::Damaged(_))));
    }
    let mut rotten = whole.clone();
    rotten[0] ^= 1;
    for damaged in [&whole[..100], &rotten] {
        fs::write(&path, damaged).unwrap();
        put(&store, id(1), &bytes).unwrap();
        assert_eq!(verdicts(&store), [true]);
        assert!(fs::read(&path).unwrap() == whole);
    }
    fs::write(path.with_file_name("notes.txt"), b"not a shard").unwrap();
    assert_eq!(verdicts(&store), [true]);
}

/// SS-3: a tree too large to be held in memory while staging is the same tree.
#[test]
fn ss_3_spilled_leaf_hashes() {
    let folder = TempDir::new().unwrap();
    let store = DirStore::open(folder.path(), None).unwrap();
    let block = sample(1 << 20, 1);
    let hashes = leaf_hashes(&block);
    let mut tree = storage_engine::shard_tree::TreeBuilder::new();
    let mut staged = store.stage(id(1)).unwrap();
    for _ in 0..130 {
        staged.append(&block, &hashes).unwrap();
        tree.extend(&hashes);
    }
    let len = 130 << 20;
    staged.commit(tree.root(), len).unwrap();
    let key = ShardKey { shard_id: id(1), root: tree.root() };
    let shard = store.open(&key, len).unwrap();
    for leaf in [0, 255, 16_383, 16_384, 32_767, 32_768, 33_279] {
        assert_eq!(shard.prove(leaf).unwrap().leaf_hash, hashes[leaf as usize % 256]);
    }
    assert_eq!(shard.read(len - 5_000, 5_000).unwrap(), block[block.len() - 5_000..]);
    assert_eq!(fs::read_dir(folder.path().join("staging")).unwrap().count(), 0);
}

/// SS-5, SS-6: a repeated put waits for the directory entry of the first, which a crash may have kept from its sync.
#[test]
fn ss_6_a_repeated_put_is_synced_again() {
    let folder = TempDir::new().unwrap();
    put(&DirStore::open(folder.path(), None).unwrap(), id(7), b"shard").unwrap();
    let store = DirStore::open(folder.path(), None).unwrap();
    put(&store, id(7), b"shard").unwrap();
    assert_eq!(store.unsynced().directories, BTreeSet::from([7]));
    store.sync().unwrap();
    assert!(store.unsynced().directories.is_empty());
    fs::remove_dir_all(folder.path().join("data")).unwrap();
    store.touched(&ShardKey { shard_id: id(7), root: id(7) });
    assert!(matches!(store.sync(), Err(StoreError::Io { .. })));
    assert!(matches!(store.sync(), Err(StoreError::SyncFailed)));
}

/// SS-6: concurrent puts and syncs of many threads.
#[test]
fn ss_6_concurrent_puts() {
    let folder = TempDir::new().unwrap();
    let store = DirStore::open(folder.path(), Some(1 << 20)).unwrap();
    std::thread::scope(|scope| {
        for number in 0..8 {
            let store = &store;
            scope.spawn(move || {
                for round in 0..4 {
                    // Every second thread stores the same shard.
                    put(store, id(number / 2), &sample(5_000, round)).unwrap();
                    store.sync().unwrap();
                }
            });
        }
    });
    assert_eq!(verdicts(&store), [true; 16]);
    assert_eq!((store.unsynced().directories.len(), store.usage().unwrap()), (0, 16 * 5_000));
}
