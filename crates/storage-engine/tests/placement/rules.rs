//! Fences (PL-9) and failure domains (PL-10).

use proptest::prelude::*;
use protocol::{Hash32, Profile, error::ErrorCode, node::FailureDomain, rules::DomainKind};
use std::collections::BTreeSet;
use storage_engine::placement::{Ring, domain_classes, place, place_from, start_hashes};

use crate::oracle::{World, needed, plain, profiles, worlds};

/// Nodes 0, 1, … whose operators are the letters of a text; a dot has declared none.
fn run_by(operators: &str) -> World {
    let operator = |letter: char| if letter == '.' { String::new() } else { letter.to_string() };
    let declared = |letter| FailureDomain { operator: operator(letter), ..Default::default() };
    World {
        registered: operators.chars().map(declared).collect(),
        eligible: (0..operators.len() as u32).collect(),
        kind: DomainKind::Operator,
    }
}

/// A hash that points to an index, whatever the length of the list beyond it.
fn at(index: u8) -> Hash32 {
    let mut hash = Hash32::ZERO;
    hash.0[31] = index;
    hash
}

const fn copies(replicas: u8) -> Profile {
    Profile { data: 1, parity: 0, replicas }
}

const fn coded(data: u8, parity: u8) -> Profile {
    Profile { data, parity, replicas: 1 }
}

#[test]
fn pl_10_classes_are_named_by_their_first_node() {
    let declared = |region: &str, operator: &str, asn| FailureDomain {
        region: region.into(),
        operator: operator.into(),
        asn,
    };
    let nodes = [
        declared("eu", "", 7),
        declared("us", "a", 0),
        declared("eu", "", 0),
        declared("", "a", 7),
        declared("EU", "b", 0),
    ];
    for (kind, classes) in [
        (DomainKind::None, None),
        (DomainKind::Operator, Some(vec![0, 1, 0, 1, 4])),
        (DomainKind::Asn, Some(vec![0, 1, 1, 0, 1])),
        (DomainKind::Region, Some(vec![0, 1, 0, 3, 4])),
    ] {
        assert_eq!(domain_classes(nodes.iter(), kind), classes, "{kind}");
    }
    assert_eq!(domain_classes([].iter(), DomainKind::Asn), Some(vec![]));
}

/// The walk skips used domains, wraps, and ends after one round.
#[test]
fn pl_10_walks_by_hand() {
    let cases: [(&str, Profile, u8, Option<&[u32]>); 12] = [
        ("abcd", copies(3), 2, Some(&[2, 3, 0])),
        ("aabbc", copies(3), 0, Some(&[0, 2, 4])),
        ("aabbc", copies(3), 1, Some(&[1, 2, 4])),
        ("aabbc", copies(3), 3, Some(&[3, 4, 0])),
        ("aabbc", copies(1), 4, Some(&[4])),
        ("abbbb", copies(2), 2, Some(&[2, 0])),
        ("a..b", copies(3), 1, Some(&[1, 3, 0])),
        ("....", copies(2), 0, None),
        ("aabb", copies(3), 0, None),
        ("aabbcc", coded(2, 1), 5, Some(&[5, 0, 2])),
        ("abcabc", coded(2, 1), 4, Some(&[4, 5, 0])),
        ("abab", coded(2, 1), 0, None),
    ];
    for (operators, profile, first, expected) in cases {
        let (world, case) = (run_by(operators), format!("{operators} {profile} from {first}"));
        let classes = world.classes();
        let placed =
            place_from(&[at(first)], profile, &Ring::new(&world.eligible, classes.as_deref()));
        match expected {
            Some(nodes) => assert_eq!(placed.as_deref(), Ok(nodes), "{case}"),
            None => assert_eq!(placed.unwrap_err().code, ErrorCode::NoEligibleNodes, "{case}"),
        }
    }
}

/// Each shard has a walk of its own: what one has used is free for the next.
#[test]
fn pl_10_shards_do_not_share_their_used_domains() {
    let world = run_by("aabbc");
    let classes = world.classes();
    let profile = Profile { data: 3, parity: 0, replicas: 2 };
    let ring = Ring::new(&world.eligible, classes.as_deref());
    let nodes = place_from(&[at(0), at(1), at(3)], profile, &ring).unwrap();
    assert_eq!(nodes, [0, 2, 1, 2, 3, 4]);
}

/// A table that is too short keeps the nodes beyond it apart from the others, and together.
#[test]
fn pl_10_nodes_beyond_the_table_share_one_domain() {
    let ring = Ring::new(&[0, 9, 1, 8, u32::MAX], Some(&[0, 1]));
    assert_eq!(place_from(&[at(0)], copies(3), &ring).unwrap(), [0, 9, 1]);
    assert!(place_from(&[at(0)], copies(4), &ring).is_err());
}

#[test]
fn pl_9_a_fence_shortens_the_list_before_the_start_is_taken() {
    let nodes = [5, 3, 8, 1, 9, 4];
    let ring = plain(&nodes).within(|node| [3, 1, 9, 4].contains(&node));
    assert_eq!((ring.len(), ring.is_empty()), (4, false));
    assert!(ring.contains(9) && !ring.contains(5));
    for (first, expected) in [(0, [3, 1]), (2, [9, 4]), (3, [4, 3]), (5, [1, 9])] {
        assert_eq!(place_from(&[at(first)], copies(2), &ring).unwrap(), expected);
    }
    assert!(ring.within(|node| node == 5).is_empty(), "fences add up");
}

/// PL-1, PL-9, PL-10: what is missing, and where, in one sentence.
#[test]
fn pl_1_a_refusal_says_what_is_short() {
    let world = run_by("aabb");
    let classes = world.classes();
    let said = |ring: &Ring<'_>, replicas| {
        place_from(&[at(0)], copies(replicas), ring).unwrap_err().to_string()
    };
    let ring = Ring::new(&world.eligible, classes.as_deref());
    let fenced = ring.clone().within(|node| node != 1);
    for (sentence, expected) in [
        (said(&plain(&[]), 1), "0 eligible nodes, 1 needed; see `qfs node list`"),
        (said(&plain(&[7, 8]), 3), "2 eligible nodes, 3 needed; see `qfs node list`"),
        (
            said(&plain(&[7, 8]).within(|node| node == 7), 2),
            "1 eligible nodes, 2 needed, 1 more are outside of the object's placement.region; \
             see `qfs node list`",
        ),
        (
            said(&ring, 3),
            "4 eligible nodes in 2 failure domains, 3 domains needed; see `qfs node list`",
        ),
        (
            said(&fenced, 3),
            "3 eligible nodes in 2 failure domains, 3 domains needed, 1 more are outside of the \
             object's placement.region; see `qfs node list`",
        ),
    ] {
        assert_eq!(sentence, format!("SE_ERR_NO_ELIGIBLE_NODES: {expected}"));
    }
}

/// What the rule is for: of the copies that must differ, no two share a node or a domain.
fn assert_apart(world: &World, profile: Profile, assignment: &[u32]) -> Result<(), TestCaseError> {
    for group in assignment.chunks(needed(profile)) {
        let nodes: BTreeSet<u32> = group.iter().copied().collect();
        let domains: BTreeSet<String> = group.iter().map(|node| world.domain(*node)).collect();
        prop_assert_eq!(nodes.len(), group.len());
        prop_assert_eq!(domains.len(), group.len());
    }
    Ok(())
}

proptest! {
    /// PL-10: the naive walk's nodes; a refusal if and only if there are too few domains.
    #[test]
    fn pl_10_placement_is_by_the_rule(
        world in worlds(), profile in profiles(), version in any::<u64>(),
    ) {
        let classes = world.classes();
        let ring = Ring::new(&world.eligible, classes.as_deref());
        let placed = place("object", version, profile, &ring);
        let domains: BTreeSet<String> = world.eligible.iter().map(|n| world.domain(*n)).collect();
        prop_assert_eq!(placed.is_ok(), domains.len() >= needed(profile));
        match placed {
            Ok(nodes) => {
                prop_assert_eq!(nodes.len(), profile.copies() as usize);
                assert_apart(&world, profile, &nodes)?;
                prop_assert_eq!(
                    Some(nodes), world.placed(&world.eligible, "object", version, profile)
                );
            }
            Err(refusal) => prop_assert_eq!(refusal.code, ErrorCode::NoEligibleNodes),
        }
    }

    /// PL-9: an object with a fence is placed as if no other nodes were there.
    #[test]
    fn pl_9_placement_stays_within_the_fence(
        world in worlds(), profile in profiles(), version in any::<u64>(),
        regions in proptest::collection::btree_set(0u32..20, 1..12),
    ) {
        let regions: Vec<String> = regions.iter().map(|n| format!("region-{n}")).collect();
        let allowed = |node: u32| regions.contains(&world.registered[node as usize].region);
        let inside: Vec<u32> = world.eligible.iter().copied().filter(|n| allowed(*n)).collect();
        let classes = world.classes();
        let ring = Ring::new(&world.eligible, classes.as_deref()).within(allowed);
        prop_assert_eq!(ring.len(), inside.len());
        prop_assert!((0..100).all(|node| ring.contains(node) == inside.contains(&node)));
        let placed = place("object", version, profile, &ring).ok();
        prop_assert!(placed.iter().flatten().all(|node| allowed(*node)));
        prop_assert_eq!(placed, world.placed(&inside, "object", version, profile));
    }

    /// The rule changes nothing where no two nodes share a domain.
    #[test]
    fn pl_10_nodes_that_share_nothing_are_placed_by_the_formula(
        nodes in 0u32..=100, profile in profiles(), version in any::<u64>(),
    ) {
        let nodes: Vec<u32> = (0..nodes).rev().collect();
        let starts = start_hashes("object", version, profile);
        let apart: Vec<u32> = (0..100).collect();
        let with_rule = place_from(&starts, profile, &Ring::new(&nodes, Some(&apart)));
        prop_assert_eq!(with_rule, place_from(&starts, profile, &plain(&nodes)));
    }

    /// Nothing from outside panics, whether or not it makes sense.
    #[test]
    fn placement_takes_any_numbers(
        world in worlds(), data in any::<u8>(), parity in any::<u8>(), replicas in any::<u8>(),
        starts in proptest::collection::vec(any::<[u8; 32]>(), 0..5),
    ) {
        let starts: Vec<Hash32> = starts.into_iter().map(Hash32).collect();
        let profile = Profile { data, parity, replicas };
        let classes = world.classes();
        let ring = Ring::new(&world.eligible, classes.as_deref());
        if let Ok(nodes) = place_from(&starts, profile, &ring) {
            prop_assert_eq!(nodes.len(), starts.len() * needed(profile));
        }
    }
}
