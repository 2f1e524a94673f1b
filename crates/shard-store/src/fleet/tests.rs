use super::*;
use crate::StoreError;
use crate::testing::{Fault, FaultyStore, MemStore, sample};
use proptest::prelude::*;
use protocol::layout::BLOCK_SIZE;
use std::ops::Range;
use storage_engine::content::hash_commit;
use storage_engine::layout::Geometry;

type Node = FaultyStore<MemStore>;

struct Nodes(Vec<Node>);

impl Nodes {
    fn new(count: usize) -> Self {
        Self((0..count).map(|_| FaultyStore::new(MemStore::new(None))).collect())
    }
}

impl Fleet for Nodes {
    fn store(&self, node: u32) -> Option<&dyn ShardStore> {
        self.0.get(node as usize).map(|store| store as &dyn ShardStore)
    }
}

fn plan(profile: Profile, block_size: u32, nodes: usize) -> UploadPlan {
    let copies = u32::from(profile.replicas);
    let node = |at: u32| (at / copies + at % copies) % nodes as u32;
    UploadPlan {
        object_id: "photos/a.jpg".into(),
        version: 3,
        profile,
        block_size,
        assignment: (0..profile.copies()).map(node).collect(),
    }
}

fn store(nodes: &Nodes, profile: Profile, block_size: u32, content: &[u8]) -> ObjectCopy {
    let plan = plan(profile, block_size, nodes.0.len());
    let mut seen = Vec::new();
    let mut progress = |taken| seen.push(taken);
    let uploaded = upload(nodes, &plan, &mut &content[..], b"{}", &mut progress).unwrap();
    sync_all(nodes, plan.assignment.iter().copied()).unwrap();
    assert_eq!(seen.last(), Some(&(content.len() as u64)));
    assert_eq!(uploaded.hash_commit, hash_commit(content, b"{}"));
    let UploadPlan { object_id, version, assignment, .. } = plan;
    ObjectCopy { object_id, version, layout: uploaded.layout, assignment }
}

type Got = (Result<(), DownloadError>, Vec<u8>, Vec<Notice>);

fn get(nodes: &Nodes, object: &ObjectCopy, range: Option<Range<u64>>) -> Got {
    let (mut bytes, mut notices) = (Vec::new(), Vec::new());
    let result = download(nodes, object, range, &mut bytes, &mut |notice| notices.push(notice));
    (result, bytes, notices)
}

/// Key and node of a copy of a column.
fn shard(object: &ObjectCopy, column: u32, copy: usize) -> (ShardKey, usize) {
    let root = object.layout.roots[column as usize];
    let key = key_of(&object.object_id, object.version, column, root);
    let nodes = copies_of(&object.assignment, object.layout.profile, column);
    (key, nodes[copy] as usize)
}

fn inject(nodes: &Nodes, object: &ObjectCopy, column: u32, fault: Fault) {
    let (key, node) = shard(object, column, 0);
    nodes.0[node].inject(key, fault);
}

const SMALL: Profile = Profile { data: 4, parity: 2, replicas: 1 };

/// SS-10, SS-11: what is read is what was stored, at every boundary of blocks, chunks and stripes.
#[test]
fn ss_11_sizes_at_the_boundaries() {
    let block = BLOCK_SIZE as usize;
    let v13 = [0, 1, block - 1, block, block + 1, 1 << 20, (1 << 20) + 1, 5 * (1 << 20) + 17];
    let wide = [0, 1, 15 * block, 16 * block - 1, 16 * block, 16 * block + 1, 17 * block];
    for (profile, sizes) in [(Profile::QFS_V13, &v13[..]), (Profile::EC_16_6, &wide[..])] {
        let nodes = Nodes::new(22);
        for size in sizes {
            let content = sample(*size, *size as u64);
            let object = store(&nodes, profile, BLOCK_SIZE, &content);
            let (result, bytes, notices) = get(&nodes, &object, None);
            result.unwrap();
            assert!(bytes == content && notices.is_empty(), "{profile} {size}");
            let geometry = Geometry::of(&object.layout).unwrap();
            for (column, root) in (0..).zip(&object.layout.roots) {
                let (key, node) = shard(&object, column, 0);
                let there = nodes.0[node].list().unwrap().iter().any(|stored| stored.key == key);
                assert_eq!(there, geometry.shard_len(column) > 0, "{column} {root}");
            }
        }
    }
}

/// SS-12: any copy that is gone or wrong is replaced by another, and named; never a wrong byte.
#[test]
fn ss_12_replica_fallback() {
    let content = sample(200_000, 1);
    for fault in [Fault::Missing, Fault::ReadError, Fault::FlippedBit(77)] {
        let nodes = Nodes::new(5);
        let object = store(&nodes, Profile::QFS_V13, 4096, &content);
        let (key, node) = shard(&object, 2, 0);
        nodes.0[node].inject(key, fault);
        let (result, bytes, notices) = get(&nodes, &object, None);
        assert!(result.is_ok() && bytes == content);
        let named = |notice: &Notice| matches!(notice, Notice::CopyFailed { node: at, shard_id, .. } if *at as usize == node && *shard_id == key.shard_id);
        assert!(notices.len() == 1 && named(&notices[0]), "{notices:?}");
        for copy in 1..3 {
            let (key, node) = shard(&object, 2, copy);
            nodes.0[node].inject(key, fault);
        }
        let (result, bytes, _) = get(&nodes, &object, None);
        assert!(matches!(
            result,
            Err(DownloadError::ContentUnavailable { stripe: 0, have: 3, need: 4 })
        ));
        assert!(content.starts_with(&bytes));
        // A range that needs another column only is served.
        let (result, bytes, notices) = get(&nodes, &object, Some(4096..8192));
        assert!(result.is_ok() && bytes == content[4096..8192] && notices.is_empty());
    }
}

/// SS-12: a node that cannot be reached is one more copy that fails, told once.
#[test]
fn ss_12_nodes_out_of_reach() {
    let nodes = Nodes::new(5);
    let content = sample(100_000, 1);
    let mut object = store(&nodes, Profile::QFS_V13, 4096, &content);
    object.assignment[0] = 99;
    let (result, bytes, notices) = get(&nodes, &object, None);
    assert!(result.is_ok() && bytes == content);
    assert!(matches!(notices[..], [Notice::CopyFailed { node: 99, why: Why::OutOfReach, .. }]));
    object.assignment.pop();
    assert!(matches!(get(&nodes, &object, None).0, Err(DownloadError::Assignment)));
}

/// SS-13: every set of up to m lost columns is rebuilt; one more on a full stripe is unavailable.
#[test]
fn ss_13_every_loss_up_to_m() {
    let content = sample(100_000, 2);
    let nodes = Nodes::new(6);
    let object = store(&nodes, SMALL, 4096, &content);
    for lost in 0_u32..1 << 6 {
        let faults = [Fault::Missing, Fault::FlippedBit(5), Fault::ReadError];
        for column in (0..6).filter(|column| lost >> column & 1 == 1) {
            inject(&nodes, &object, column, faults[column as usize % 3]);
        }
        let (result, bytes, notices) = get(&nodes, &object, None);
        if lost.count_ones() <= 2 {
            assert!(result.is_ok() && bytes == content, "lost {lost:06b}: {result:?}");
            // Parity is read only when data is missing.
            assert_eq!(notices.is_empty(), lost & 0b1111 == 0);
        } else if lost & 0b1111 != 0 {
            let have = 6 - lost.count_ones();
            match result {
                Err(DownloadError::ContentUnavailable { stripe: 0, have: found, need: 4 }) => {
                    assert_eq!(found, have);
                }
                other => panic!("lost {lost:06b}: {other:?}"),
            }
        }
        nodes.0.iter().for_each(Node::heal);
    }
}

/// SS-13: a stripe with fewer blocks than columns needs only as many cells as it has blocks.
#[test]
fn ss_13_short_stripes() {
    let content = sample(4096 + 100, 3);
    let nodes = Nodes::new(6);
    let object = store(&nodes, SMALL, 4096, &content);
    (0..2).for_each(|column| inject(&nodes, &object, column, Fault::Missing));
    assert_eq!(get(&nodes, &object, None).1, content);
    inject(&nodes, &object, 4, Fault::Missing);
    let (result, ..) = get(&nodes, &object, None);
    assert!(matches!(result, Err(DownloadError::ContentUnavailable { have: 1, need: 2, .. })));
}

/// LA-16: a rebuilt block is proven where the shard's tree survives, and the notice says so.
#[test]
fn la_16_rebuilt_blocks_are_proven_by_the_stored_tree() {
    let content = sample(100_000, 4);
    let nodes = Nodes::new(6);
    let object = store(&nodes, SMALL, 8192, &content);
    let rebuilt = |fault| {
        inject(&nodes, &object, 1, fault);
        let (result, bytes, notices) = get(&nodes, &object, Some(8192..16_384));
        assert!(result.is_ok() && bytes == content[8192..16_384]);
        nodes.0.iter().for_each(Node::heal);
        let proof = |notice| match notice {
            Notice::Rebuilt { proven, .. } => Some(proven),
            Notice::CopyFailed { .. } => None,
        };
        notices.into_iter().find_map(proof)
    };
    assert_eq!(rebuilt(Fault::FlippedBit(9)), Some(true));
    assert_eq!(rebuilt(Fault::Missing), Some(false));
}

/// SS-14: a range reads only its own stripes.
#[test]
fn ss_14_ranges_touch_their_stripes_only() {
    let content = sample(10 * 16_384, 5);
    let nodes = Nodes::new(6);
    let object = store(&nodes, SMALL, 4096, &content);
    // Stripe 3 is lost beyond repair: all its blocks in all columns.
    (0..6).for_each(|column| inject(&nodes, &object, column, Fault::FlippedBit(8 * 4096 * 3)));
    let (result, bytes, notices) = get(&nodes, &object, Some(0..3 * 16_384));
    assert!(result.is_ok() && notices.is_empty() && bytes == content[..3 * 16_384]);
    let (result, bytes, _) = get(&nodes, &object, Some(4 * 16_384..160_000));
    assert!(result.is_ok() && bytes == content[4 * 16_384..160_000]);
    let (result, ..) = get(&nodes, &object, Some(3 * 16_384..3 * 16_384 + 1));
    assert!(matches!(
        result,
        Err(DownloadError::ContentUnavailable { stripe: 3, have: 0, need: 4 })
    ));
    for outside in [Range { start: 5, end: 4 }, 0..163_841, 163_841..163_841] {
        let (result, ..) = get(&nodes, &object, Some(outside));
        assert!(matches!(result, Err(DownloadError::Range { size: 163_840 })));
    }
}

/// SS-10: an upload that fails says at which node, and leaves nothing readable under its key there.
#[test]
fn ss_10_failed_uploads() {
    let nodes = Nodes::new(5);
    let content = sample(3 << 20, 6);
    let mut good = plan(Profile::QFS_V13, BLOCK_SIZE, 5);
    let attempt = |plan: &UploadPlan| upload(&nodes, plan, &mut &content[..], b"{}", &mut |_| ());
    nodes.0[2].fill_disk_after(300_000);
    assert!(matches!(
        attempt(&good),
        Err(UploadError::Store { node: 2, source: StoreError::Io { .. } })
    ));
    assert!(
        nodes.0.iter().all(|node| node.usage().unwrap() == 0 && node.list().unwrap().is_empty())
    );
    nodes.0[2].heal();
    good.assignment[5] = 99;
    assert!(matches!(attempt(&good), Err(UploadError::UnknownNode(99))));
    good.assignment[5] = good.assignment[4];
    assert!(matches!(attempt(&good), Err(UploadError::Assignment)));
    good.assignment.pop();
    assert!(matches!(attempt(&good), Err(UploadError::Assignment)));
}

/// A destination that fails ends a long read without hanging the thread that reads ahead.
#[test]
fn ss_11_a_failing_destination_ends_the_read() {
    struct Full(usize);
    impl std::io::Write for Full {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 = self.0.checked_sub(bytes.len()).ok_or(std::io::ErrorKind::StorageFull)?;
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let nodes = Nodes::new(5);
    let object = store(&nodes, Profile::QFS_V13, 4096, &sample(2 << 20, 7));
    let result = download(&nodes, &object, None, &mut Full(100_000), &mut |_| ());
    assert!(matches!(result, Err(DownloadError::Output(_))));
}

/// SS-15: a shard is made anew from a good copy, leaf by leaf where none is good as a whole, and never from bad bytes.
#[test]
fn ss_15_from_copies() {
    let nodes = Nodes::new(8);
    let object = store(&nodes, Profile::QFS_V13, 4096, &sample(100_000, 8));
    let len = Geometry::of(&object.layout).unwrap().shard_len(1);
    let attempt = |to: usize| restore(&nodes, &object, 1, &nodes.0[to], &mut |_| ());
    let (key, first) = shard(&object, 1, 0);
    let others = [1, 2].map(|copy| shard(&object, 1, copy).1);
    nodes.0[first].inject(key, Fault::FlippedBit(40_000));
    nodes.0[others[0]].inject(key, Fault::FlippedBit(150_000));
    nodes.0[others[1]].inject(key, Fault::Missing);
    assert_eq!(attempt(6).unwrap(), Origin::Copy);
    nodes.0[6].open(&key, len).unwrap().verify_all().unwrap();
    nodes.0[others[0]].inject(key, Fault::FlippedBit(40_000));
    let refused = attempt(7).unwrap_err();
    assert!(matches!(refused, RestoreError::Source(DownloadError::ContentUnavailable { .. })));
    assert!(matches!(nodes.0[7].open(&key, len), Err(StoreError::Missing)));
}

/// SS-15: a lost column, of data or of parity, is computed from the others, as long as they are enough.
#[test]
fn ss_15_from_other_columns() {
    for size in [1, 4096, 5000, 100_000] {
        let nodes = Nodes::new(9);
        let object = store(&nodes, SMALL, 4096, &sample(size, 8));
        for column in 0..SMALL.columns() {
            let (key, node) = shard(&object, column, 0);
            let len = Geometry::of(&object.layout).unwrap().shard_len(column);
            nodes.0[node].inject(key, Fault::Missing);
            let mut rebuilt = 0;
            let mut count = |notice| rebuilt += u64::from(matches!(notice, Notice::Rebuilt { .. }));
            let origin = restore(&nodes, &object, column, &nodes.0[8], &mut count).unwrap();
            let expected = if len == 0 { Origin::Copy } else { Origin::Reconstructed };
            assert_eq!((origin, rebuilt > 0), (expected, len > 0), "{size} column {column}");
            nodes.0[8].open(&key, len).unwrap().verify_all().unwrap();
            nodes.0[node].heal();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// SS-12, SS-13, SS-14: any range under any faults gives the right bytes or an error, never wrong bytes.
    #[test]
    fn ss_14_any_range_under_any_faults(
        size in 0_usize..120_000,
        ends in (0.0..=1.0_f64, 0.0..=1.0_f64),
        replicated in any::<bool>(),
        faults in prop::collection::vec((0_u32..6, 0_usize..3, 0_u64..400_000), 0..6),
    ) {
        let nodes = Nodes::new(7);
        let content = sample(size, 9);
        let profile = if replicated { Profile::QFS_V13 } else { SMALL };
        let object = store(&nodes, profile, 4096, &content);
        for (column, kind, bit) in faults {
            let column = column % profile.columns();
            let fault = [Fault::Missing, Fault::ReadError, Fault::FlippedBit(bit)][kind];
            let (key, node) = shard(&object, column, bit as usize % usize::from(profile.replicas));
            nodes.0[node].inject(key, fault);
        }
        let mut ends = [ends.0, ends.1].map(|end| (end * size as f64) as usize);
        ends.sort_unstable();
        let wanted = &content[ends[0]..ends[1]];
        let (result, bytes, _) = get(&nodes, &object, Some(ends[0] as u64..ends[1] as u64));
        match result {
            Ok(()) => prop_assert_eq!(bytes, wanted),
            Err(DownloadError::ContentUnavailable { have, need, .. }) => {
                prop_assert!(have < need && wanted.starts_with(&bytes));
            }
            Err(other) => panic!("{other}"),
        }
    }
}
