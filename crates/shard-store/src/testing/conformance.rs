//! What every store of shards must do.

use protocol::Hash32;
use storage_engine::shard_tree::{empty_root, leaf_count, leaf_hash, leaf_hashes, verify_path};

use super::{put, root_of, sample};
use crate::{ShardKey, ShardStore, StoreError, StoredShard};

/// Runs the whole suite; `make` gives an empty store with the quota asked for.
///
/// # Panics
/// If the store does not conform.
pub fn conformance<S: ShardStore>(make: &mut dyn FnMut(Option<u64>) -> S) {
    reads_and_proofs(&make(None));
    empty_shards(&make(None));
    same_id_other_content(&make(None));
    idempotent_commit(&make(None));
    refused_commits_leave_nothing(&make(None));
    listing_and_removal(&make(None));
    quota(&make(Some(10_000)));
}

fn id(number: u8) -> Hash32 {
    Hash32([number; 32])
}

/// SS-2, SS-7: what is read is what was stored, and every proof holds.
fn reads_and_proofs(store: &dyn ShardStore) {
    for size in [1, 4095, 4096, 4097, 5 * 4096, 262_144, 262_145, 300_000] {
        let bytes = sample(size, size as u64);
        let key = put(store, id(1), &bytes).unwrap();
        let len = size as u64;
        let shard = store.open(&key, len).unwrap();
        assert_eq!(shard.len(), len);
        assert_eq!(shard.read(0, size).unwrap(), bytes);
        assert_eq!(shard.read(len, 0).unwrap(), []);
        for start in (0..size).step_by(size / 5 + 1) {
            let wanted = &bytes[start..size.min(start + 5_000)];
            assert_eq!(shard.read(start as u64, wanted.len()).unwrap(), wanted);
            assert!(
                shard.confirms(leaf_count(len) - 1, &bytes[(size - 1) / 4096 * 4096..]).unwrap()
            );
        }
        for leaf in (0..leaf_count(len)).step_by(7) {
            let proof = store.prove(&key, len, leaf).unwrap();
            let at = leaf as usize * 4096;
            assert_eq!(proof.leaf_hash, leaf_hash(&bytes[at..size.min(at + 4096)]));
            let leaves = leaf_count(len);
            assert!(verify_path(&key.root, &proof.leaf_hash, leaf, leaves, &proof.path));
        }
        shard.verify_all().unwrap();
        for (offset, count) in [(len, 1), (len + 1, 0), (u64::MAX, 1), (0, size + 1)] {
            assert!(matches!(shard.read(offset, count), Err(StoreError::OutOfRange)));
        }
        assert!(matches!(shard.read_leaves(0, 0), Err(StoreError::OutOfRange)));
        assert!(matches!(shard.prove(leaf_count(len)), Err(StoreError::OutOfRange)));
        assert!(!matches!(store.open(&key, len + 1), Ok(_) | Err(StoreError::Missing)));
    }
    store.sync().unwrap();
}

/// SS-2: an empty shard is never stored and always readable.
fn empty_shards(store: &dyn ShardStore) {
    let key = put(store, id(1), b"").unwrap();
    assert_eq!((key.root, store.list().unwrap()), (empty_root(), vec![]));
    let shard = store.open(&key, 0).unwrap();
    assert!(shard.is_empty() && shard.read(0, 0).unwrap().is_empty());
    shard.verify_all().unwrap();
    assert!(matches!(shard.prove(0), Err(StoreError::OutOfRange)));
    let wrong = ShardKey { root: id(9), ..key };
    assert!(matches!(store.open(&wrong, 0), Err(StoreError::Damaged(_))));
}

/// SS-1: other content under the same id stands beside what was acknowledged.
fn same_id_other_content(store: &dyn ShardStore) {
    let (first, second) = (sample(9_000, 1), sample(9_000, 2));
    let one = put(store, id(1), &first).unwrap();
    let two = put(store, id(1), &second).unwrap();
    assert_eq!(store.open(&one, 9_000).unwrap().read(0, 9_000).unwrap(), first);
    assert_eq!(store.open(&two, 9_000).unwrap().read(0, 9_000).unwrap(), second);
    assert_eq!(store.usage().unwrap(), 18_000);
}

/// SS-5: the same shard twice is one shard.
fn idempotent_commit(store: &dyn ShardStore) {
    let bytes = sample(9_000, 1);
    let key = put(store, id(1), &bytes).unwrap();
    store.sync().unwrap();
    assert_eq!(put(store, id(1), &bytes).unwrap(), key);
    store.sync().unwrap();
    assert_eq!(store.usage().unwrap(), 9_000);
    assert_eq!(store.list().unwrap(), [StoredShard { key, len: Some(9_000) }]);
}

/// SS-4: nothing is readable before commit, and a refused or dropped shard leaves no trace.
fn refused_commits_leave_nothing(store: &dyn ShardStore) {
    let bytes = sample(5_000, 1);
    let key = ShardKey { shard_id: id(1), root: root_of(&bytes) };
    let stage = || {
        let mut staged = store.stage(id(1)).unwrap();
        staged.append(&bytes, &leaf_hashes(&bytes)).unwrap();
        assert_eq!(store.usage().unwrap(), 5_000);
        assert!(matches!(store.open(&key, 5_000), Err(StoreError::Missing)));
        staged
    };
    drop(stage());
    assert!(matches!(stage().commit(id(9), 5_000), Err(StoreError::Refused(_))));
    assert!(matches!(stage().commit(key.root, 4_999), Err(StoreError::Refused(_))));
    let mut after_short = stage();
    assert!(matches!(after_short.append(b"x", &[leaf_hash(b"x")]), Err(StoreError::Refused(_))));
    drop(after_short);
    let mut miscounted = store.stage(id(1)).unwrap();
    assert!(matches!(miscounted.append(&bytes, &[]), Err(StoreError::Refused(_))));
    drop(miscounted);
    assert_eq!((store.usage().unwrap(), store.list().unwrap()), (0, vec![]));
}

/// SS-8: listing in order of keys; removal gives the bytes back.
fn listing_and_removal(store: &dyn ShardStore) {
    let mut keys = Vec::new();
    for number in [200, 3, 77, 3] {
        let bytes = sample(100 + keys.len(), keys.len() as u64);
        keys.push(StoredShard {
            key: put(store, id(number), &bytes).unwrap(),
            len: Some(bytes.len() as u64),
        });
    }
    keys.sort_unstable();
    assert_eq!(store.list().unwrap(), keys);
    let mut scrubbed = Vec::new();
    store.scrub(&mut |key, verdict| scrubbed.push((*key, verdict.is_ok()))).unwrap();
    assert_eq!(scrubbed, keys.iter().map(|stored| (stored.key, true)).collect::<Vec<_>>());
    for stored in &keys {
        assert!(store.remove(&stored.key).unwrap());
        assert!(!store.remove(&stored.key).unwrap());
    }
    store.sync().unwrap();
    assert_eq!((store.usage().unwrap(), store.list().unwrap()), (0, vec![]));
}

/// SS-8: the quota counts staged bytes, and a refusal says how much is used.
fn quota(store: &dyn ShardStore) {
    put(store, id(1), &sample(6_000, 1)).unwrap();
    let block = sample(4_096, 2);
    let mut staged = store.stage(id(2)).unwrap();
    let refused = put(store, id(3), &sample(4_001, 3));
    assert!(matches!(
        refused,
        Err(StoreError::QuotaExceeded { quota: 10_000, used: 6_000, wanted: 4_001 })
    ));
    assert!(matches!(
        staged.append(&block, &leaf_hashes(&block)),
        Err(StoreError::QuotaExceeded { wanted: 4_096, .. })
    ));
    drop(staged);
    put(store, id(4), &sample(4_000, 4)).unwrap();
    assert_eq!(store.usage().unwrap(), 10_000);
}
