//! Where copies move to (PL-11).

use proptest::{collection::vec, prelude::*, sample::Index};
use protocol::{Hash32, Profile};
use std::ops::Range;
use storage_engine::placement::{Ring, place_from, replacement, start_hashes};

use crate::oracle::{World, needed, plain, profiles, rotation, start, worlds};

/// The copies that must be apart from the one at `place` of an assignment, itself included.
fn group(profile: Profile, place: usize) -> Range<usize> {
    let size = needed(profile);
    let first = place / size * size;
    first..first + size
}

/// PL-11 by its text.
fn by_the_rule(
    world: &World,
    version: u64,
    profile: Profile,
    assignment: &[u32],
    place: usize,
    leaving: &[bool],
) -> Option<u32> {
    let list = &world.eligible;
    if list.is_empty() {
        return None;
    }
    let column = if profile.parity == 0 { place / usize::from(profile.replicas) } else { 0 };
    let first = start("object", version, column as u32, list.len());
    let siblings: Vec<u32> =
        group(profile, place).filter(|other| *other != place).map(|i| assignment[i]).collect();
    let domains: Vec<String> = siblings.iter().map(|node| world.domain(*node)).collect();
    rotation(list, first)
        .into_iter()
        .filter(|node| *node != assignment[place])
        .filter(|node| !leaving[*node as usize])
        .filter(|node| !siblings.contains(node))
        .find(|node| !domains.contains(&world.domain(*node)))
}

/// Column and copy of a place (PL-4).
fn column_and_copy(profile: Profile, place: usize) -> (u32, u32) {
    let (place, replicas) = (place as u32, u32::from(profile.replicas));
    (place / replicas, place % replicas)
}

fn at(index: u8) -> Hash32 {
    let mut hash = Hash32::ZERO;
    hash.0[31] = index;
    hash
}

#[test]
fn pl_11_replacements_by_hand() {
    let two_shards = Profile { data: 2, parity: 0, replicas: 2 };
    let coded = Profile { data: 2, parity: 1, replicas: 1 };
    let none: &[u32] = &[0, 1, 2, 3, 4, 5];
    let pairs: &[u32] = &[0, 0, 2, 2, 4, 4];
    let starts = [at(0), at(4)];
    // Profile, assignment, column and copy, nodes on the list, nodes that leave, classes, expected.
    type Case<'a> = (Profile, &'a [u32], (u32, u32), &'a [u32], &'a [u32], &'a [u32], Option<u32>);
    let cases: [Case<'_>; 16] = [
        // The walk begins at the start of the shard, not behind the copy that moves.
        (two_shards, &[3, 4, 4, 5], (0, 0), &[0, 1, 2, 3, 4, 5], &[], none, Some(0)),
        (two_shards, &[0, 1, 4, 5], (0, 1), &[0, 1, 2, 3, 4, 5], &[], none, Some(2)),
        (two_shards, &[0, 1, 4, 5], (1, 0), &[0, 1, 2, 3, 4, 5], &[], none, Some(0)),
        // A copy of another shard is no sibling.
        (two_shards, &[0, 1, 2, 0], (0, 0), &[0, 1, 2, 3], &[], none, Some(2)),
        // Nodes that leave take nothing.
        (two_shards, &[0, 1, 4, 5], (0, 1), &[0, 1, 2, 3, 4, 5], &[2, 3], none, Some(4)),
        // The list is the open epoch's: the node that is lost is not on it.
        (two_shards, &[0, 1, 4, 5], (0, 0), &[1, 2, 3, 4, 5], &[], none, Some(2)),
        (two_shards, &[0, 1, 4, 5], (0, 0), &[1], &[], none, None),
        (two_shards, &[0, 1, 4, 5], (0, 0), &[], &[], none, None),
        // A domain that a sibling uses is taken, its own is free.
        (two_shards, &[0, 2, 4, 0], (0, 0), &[0, 1, 2, 3, 4, 5], &[], pairs, Some(1)),
        (two_shards, &[0, 2, 4, 0], (0, 1), &[0, 1, 2, 3, 4, 5], &[], pairs, Some(3)),
        (two_shards, &[0, 2, 4, 0], (0, 0), &[2, 3, 4, 5], &[], pairs, Some(4)),
        // So is that of a sibling which is not on the list any more.
        (two_shards, &[0, 2, 4, 0], (0, 0), &[1, 3], &[1], pairs, None),
        // With parity every column is a sibling, and all walks begin at the start of column 0.
        (coded, &[0, 1, 2], (1, 0), &[0, 1, 2, 3, 4, 5], &[], none, Some(3)),
        (coded, &[0, 2, 4], (2, 0), &[0, 1, 2, 3, 4, 5], &[], pairs, Some(5)),
        (coded, &[0, 1, 2], (1, 0), &[0, 1, 2], &[], none, None),
        (coded, &[0, 1, 2], (1, 0), &[0, 1, 2, 3], &[3], none, None),
    ];
    for (profile, assignment, (column, copy), list, leaving, classes, expected) in cases {
        let ring = Ring::new(list, Some(classes));
        let leaves = |node: u32| leaving.contains(&node);
        let found = replacement(&starts, profile, assignment, column, copy, &ring, leaves);
        assert_eq!(found, expected, "{profile} {assignment:?} {column}/{copy} on {list:?}");
    }
}

#[test]
fn pl_11_there_is_no_replacement_for_a_copy_that_is_not() {
    let nodes: Vec<u32> = (0..30).collect();
    for profile in [Profile::QFS_V13, Profile::EC_10_5] {
        let starts = start_hashes("object", 1, profile);
        let assignment = place_from(&starts, profile, &plain(&nodes)).unwrap();
        let of = |column, copy| {
            replacement(&starts, profile, &assignment, column, copy, &plain(&nodes), |_| false)
        };
        let last = (profile.columns() - 1, u32::from(profile.replicas) - 1);
        assert!(of(0, 0).is_some() && of(last.0, last.1).is_some());
        for (column, copy) in
            [(last.0 + 1, 0), (0, last.1 + 1), (last.0, last.1 + 1), (u32::MAX, 0), (0, u32::MAX)]
        {
            assert_eq!(of(column, copy), None, "{profile} {column}/{copy}");
        }
    }
}

proptest! {
    /// Any assignment of earlier days, made without the rule and on another list: the first node of the walk that
    /// PL-11 allows, or none.
    #[test]
    fn pl_11_replacement_is_by_the_rule(
        world in worlds(), profile in profiles(), version in any::<u64>(),
        place in any::<Index>(), leaving in vec(any::<bool>(), 100), earlier in any::<Index>(),
    ) {
        let mut everyone: Vec<u32> = (0..world.registered.len() as u32).collect();
        let turn = earlier.index(everyone.len() + 1);
        everyone.rotate_left(turn);
        let starts = start_hashes("object", version, profile);
        let placed = place_from(&starts, profile, &plain(&everyone));
        let Ok(assignment) = placed else { return Ok(()) };
        let place = place.index(assignment.len());
        let (column, copy) = column_and_copy(profile, place);
        let classes = world.classes();
        let ring = Ring::new(&world.eligible, classes.as_deref());
        let leaves = |node: u32| leaving[node as usize];
        prop_assert_eq!(
            replacement(&starts, profile, &assignment, column, copy, &ring, leaves),
            by_the_rule(&world, version, profile, &assignment, place, &leaving)
        );
    }

    /// Node after node is lost and its copies move: those that must be apart always are, and a copy stays on a
    /// lost node only while no other may take it.
    #[test]
    fn pl_11_copies_stay_apart_as_nodes_are_lost(
        mut world in worlds(), profile in profiles(), version in any::<u64>(),
        losses in vec(any::<Index>(), 1..40), fence in any::<bool>(),
    ) {
        let regions: Vec<String> = world.registered.iter().map(|d| d.region.clone()).collect();
        let allowed = |node: u32| !fence || !regions[node as usize].is_empty();
        world.eligible.retain(|node| allowed(*node));
        let classes = world.classes();
        let starts = start_hashes("object", version, profile);
        let whole = Ring::new(&world.eligible, classes.as_deref());
        let Ok(mut assignment) = place_from(&starts, profile, &whole) else { return Ok(()) };
        let stays = vec![false; 100];
        for loss in losses {
            if world.eligible.is_empty() {
                break;
            }
            world.eligible.remove(loss.index(world.eligible.len()));
            for place in 0..assignment.len() {
                if world.eligible.contains(&assignment[place]) {
                    continue;
                }
                let ring = Ring::new(&world.eligible, classes.as_deref());
                let (column, copy) = column_and_copy(profile, place);
                let to = replacement(&starts, profile, &assignment, column, copy, &ring, |_| false);
                prop_assert_eq!(
                    to, by_the_rule(&world, version, profile, &assignment, place, &stays)
                );
                assignment[place] = to.unwrap_or(assignment[place]);
            }
            for copies in assignment.chunks(needed(profile)) {
                let mut domains: Vec<String> = copies.iter().map(|n| world.domain(*n)).collect();
                domains.sort_unstable();
                domains.dedup();
                prop_assert_eq!(domains.len(), copies.len());
                prop_assert!(copies.iter().all(|node| allowed(*node)));
            }
        }
    }

    /// Nothing from outside panics, and what is found is on the list and stays.
    #[test]
    fn replacement_takes_any_numbers(
        world in worlds(), data in any::<u8>(), parity in 0u8..3, replicas in 0u8..6,
        starts in vec(any::<[u8; 32]>(), 0..5), assignment in vec(any::<u32>(), 0..20),
        column in 0u32..8, copy in 0u32..6,
    ) {
        let starts: Vec<Hash32> = starts.into_iter().map(Hash32).collect();
        let profile = Profile { data, parity, replicas };
        let classes = world.classes();
        let ring = Ring::new(&world.eligible, classes.as_deref());
        let leaves = |node: u32| node.is_multiple_of(2);
        let found = replacement(&starts, profile, &assignment, column, copy, &ring, leaves);
        prop_assert!(found.is_none_or(|node| ring.contains(node) && !leaves(node)));
    }
}
