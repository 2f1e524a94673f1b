//! The formulas of the v13 profile: PL-1 to PL-6, without rules of placement.

use proptest::prelude::*;
use protocol::{Hash32, Profile, error::ErrorCode};
use storage_engine::{
    audit::{challenged_leaf, ticket},
    content::{shard_id, shard_ids},
    placement::{place, remainder},
};

use crate::oracle::{modulo, needed, plain, profiles, start};

/// PL-3 and PL-4: copy i of column c at index c × r + i of the assignment.
fn by_the_rules(object: &str, version: u64, profile: Profile, eligible: &[u32]) -> Vec<u32> {
    let n = eligible.len();
    let at = |column: u32, copy: usize| match profile.parity {
        0 => (start(object, version, column, n) + copy) % n,
        _ => (start(object, version, 0, n) + column as usize) % n,
    };
    let copies = usize::from(profile.replicas);
    (0..profile.columns())
        .flat_map(|column| (0..copies).map(move |copy| (column, copy)))
        .map(|(column, copy)| eligible[at(column, copy)])
        .collect()
}

const PROFILES: [Profile; 5] = [
    Profile::QFS_V13,
    Profile::EC_16_6,
    Profile::EC_10_5,
    Profile { data: 1, parity: 0, replicas: 4 },
    Profile { data: 1, parity: 1, replicas: 1 },
];

/// LA-6: the ids of a version, together or one by one, by their formula.
#[test]
fn la_6_shard_ids_of_a_version() {
    for count in [0, 1, 4, 9, 64] {
        let ids = shard_ids("ünï", 7, count);
        assert_eq!(ids.len(), count as usize);
        for (index, id) in (0..).zip(ids) {
            assert_eq!(id, Hash32::of(format!("ünï:7:{index}").as_bytes()));
            assert_eq!(id, shard_id("ünï", 7, index));
        }
    }
}

/// PL-1: exactly enough nodes are enough; one fewer is refused with both numbers.
#[test]
fn pl_1_as_many_nodes_as_copies_that_must_differ() {
    for profile in PROFILES {
        let eligible: Vec<u32> = (0..needed(profile) as u32).collect();
        let mut nodes = place("obj", 1, profile, &plain(&eligible)).unwrap();
        assert_eq!(nodes.len(), profile.copies() as usize, "{profile}");
        nodes.truncate(eligible.len());
        nodes.sort_unstable();
        assert_eq!(nodes, eligible, "{profile}: each node once before any is taken again");
        let refusal = place("obj", 1, profile, &plain(&eligible[1..])).unwrap_err();
        assert_eq!(refusal.code, ErrorCode::NoEligibleNodes);
        let said = format!("{} eligible nodes, {} needed", eligible.len() - 1, eligible.len());
        assert!(refusal.detail.contains(&said), "{refusal}");
    }
}

/// PL-2: divisors at the ends of the machine's words.
#[test]
fn pl_2_remainders_of_every_width() {
    let word = 1u64 << 32;
    let divisors = [1, 2, 3, 7, 400, word - 1, word, word + 1, u64::MAX - 1, u64::MAX];
    let hashes =
        (0u8..50).map(|seed| Hash32::of(&[seed])).chain([Hash32([0xff; 32]), Hash32::ZERO]);
    for hash in hashes {
        for n in divisors {
            assert_eq!(remainder(&hash, n), Some(modulo(&hash, n)), "{hash} mod {n}");
        }
        assert_eq!(remainder(&hash, 0), None);
    }
}

/// PL-5, PL-6: challenge and ticket by their formulas; one does not give away the other.
#[test]
fn pl_5_pl_6_challenges_and_tickets() {
    let (beacon, shard) = (Hash32::of(b"beacon"), Hash32::of(b"shard"));
    for name in ["a", "node-000", "ab"] {
        let node = protocol::NodeId(name.into());
        let derived =
            |label: &[u8]| Hash32::of(&[label, &beacon.0, &shard.0, name.as_bytes()].concat());
        assert_eq!(ticket(&beacon, &shard, &node), derived(b"qfs/v1/ticket"));
        for leaves in [1, 64, 1 << 44] {
            let leaf = challenged_leaf(&beacon, &shard, &node, leaves);
            assert_eq!(leaf, Some(modulo(&derived(b"qfs/v1/challenge"), leaves)));
        }
    }
}

proptest! {
    /// PL-2 to PL-4: any name, version, profile and list of nodes. The numbers of nodes mean nothing.
    #[test]
    fn pl_3_pl_4_placement_is_by_the_rules(
        object in "\\PC{1,20}",
        version in any::<u64>(),
        profile in profiles(),
        spare in 0u32..40,
        salt in any::<u32>(),
    ) {
        let eligible: Vec<u32> =
            (0..needed(profile) as u32 + spare).map(|node| (node * 7).wrapping_add(salt)).collect();
        let nodes = place(&object, version, profile, &plain(&eligible)).unwrap();
        prop_assert_eq!(&nodes, &by_the_rules(&object, version, profile, &eligible));
        // What the rules are for: no two copies that must differ share a node.
        for copies in nodes.chunks(needed(profile)) {
            let mut distinct = copies.to_vec();
            distinct.sort_unstable();
            distinct.dedup();
            prop_assert_eq!(distinct.len(), copies.len());
        }
    }
}
