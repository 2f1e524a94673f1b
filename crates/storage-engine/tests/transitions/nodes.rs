//! Registering nodes, and moving copies between them.

use crate::common::{
    Accepted,
    By::*,
    Ledger, NotAdmitted, Refused,
    make::{self, EC, advance, delete, put, put_sized, reassign, register, replacement},
};
use protocol::{
    Action, ErrorCode::*, Event, Genesis, NodeId, Profile, command::RegisterNode,
    limits::MAX_NODES, node::FailureDomain,
};

fn register_with(number: u32, change: impl FnOnce(&mut RegisterNode)) -> Action {
    let mut node = register(number);
    change(&mut node);
    Action::RegisterNode(node)
}

fn join(number: u32) -> Action {
    register_with(number, |_| {})
}

/// RG-3: names, keys and domains of nodes that join.
#[test]
fn rg_3_registration() {
    let no_key = |node: &mut RegisterNode| node.public_key.clear();
    let long = |node: &mut RegisterNode| node.public_key.push(0);
    let scheme = |node: &mut RegisterNode| node.scheme = "RSA".into();
    let id = |node: &mut RegisterNode| node.node_id = NodeId("a/b".into());
    let region = |node: &mut RegisterNode| node.domain.region = "a\nb".into();
    let operator = |node: &mut RegisterNode| node.domain.operator = "x".repeat(65);
    let dilithium = |node: &mut RegisterNode| {
        node.scheme = "Dilithium5".into();
        node.public_key = vec![1; 2_592];
    };
    Ledger::with_nodes(3).play([
        (Operator, register_with(3, no_key), NotAdmitted(InvalidInput)),
        (Operator, register_with(3, long), NotAdmitted(InvalidInput)),
        (Operator, register_with(3, scheme), NotAdmitted(InvalidInput)),
        (Operator, register_with(3, id), NotAdmitted(InvalidInput)),
        (Operator, register_with(3, region), NotAdmitted(InvalidInput)),
        (Operator, register_with(3, operator), NotAdmitted(InvalidInput)),
        (Operator, join(3), Accepted),
        (Operator, join(3), Refused(Conflict)),
        (Operator, register_with(3, dilithium), Refused(Conflict)),
        (Operator, register_with(4, dilithium), Accepted),
    ]);
}

/// Genesis commits to keys by their hash; each is disclosed once, as it was committed to.
#[test]
fn keys_of_genesis_nodes() {
    let other_key = |node: &mut RegisterNode| node.public_key[0] ^= 1;
    let other_domain = |node: &mut RegisterNode| {
        node.domain = FailureDomain { asn: 1, ..FailureDomain::default() }
    };
    let mut ledger = Ledger::with_nodes(3);
    ledger.play([
        (Operator, register_with(1, other_key), Refused(Conflict)),
        (Operator, register_with(1, other_domain), Refused(Conflict)),
    ]);
    assert_eq!(ledger.state.node_key(1).unwrap(), None);
    let event = ledger.event(Operator, join(1));
    assert_eq!(event, Event::NodeKeyDisclosed { node: 1 });
    assert_eq!(ledger.state.node_key(1).unwrap(), Some(make::node_key(1)));
    ledger.play([(Operator, join(1), Refused(Conflict))]);
    let event = ledger.event(Operator, join(3));
    assert_eq!(event, Event::NodeRegistered { node: 3 });
}

/// RG-4: a node that joins holds nothing until an epoch has verified it.
#[test]
fn rg_4_a_new_node_waits_for_the_next_epoch() {
    let mut ledger = Ledger::with_nodes(2);
    ledger.play([
        (Operator, join(7), Accepted),
        (Alice, put("a", 1), Refused(NoEligibleNodes)),
        (Operator, advance(1, &[0, 1, 2]), Accepted),
        (Alice, make::put_at("a", 1, 2), Accepted),
    ]);
    let names = ledger.state.nodes().iter().map(|node| node.node_id.0.as_str());
    assert_eq!(names.collect::<Vec<_>>(), ["node-000", "node-001", "node-007"]);
}

/// PL-1: the list is sorted by name, whatever the order in which nodes joined.
#[test]
fn pl_1_eligible_nodes_are_sorted_by_name() {
    let mut genesis: Genesis = make::genesis(0);
    for number in [5, 1, 9] {
        genesis.nodes.extend(make::genesis(number + 1).nodes.pop());
    }
    let mut ledger = Ledger::open(genesis);
    assert_eq!(ledger.state.eligible(), [1, 0, 2]);
    ledger.play([(Operator, join(3), Accepted), (Operator, advance(1, &[0, 1, 2, 3]), Accepted)]);
    assert_eq!(ledger.state.eligible(), [1, 3, 0, 2]);
}

#[test]
fn the_last_place() {
    Ledger::with_nodes(MAX_NODES - 1).play([
        (Operator, join(500), Accepted),
        (Operator, join(501), Refused(Limit)),
        (Operator, join(0), Accepted),
    ]);
}

fn bytes(ledger: &Ledger) -> Vec<u64> {
    ledger.state.nodes().iter().map(|node| node.bytes_stored).collect()
}

/// PL-8: a copy moves from a node that may not keep it, to the one node that takes it over.
#[test]
fn pl_8_reassigning() {
    let mut ledger = Ledger::with_nodes(6);
    ledger.play([
        (Operator, reassign("a", 1, (0, 0), 0, 1), Refused(NotFound)),
        (Alice, put_sized("a", 1, 5_000, Profile::QFS_V13), Accepted),
        (Alice, delete("a", 2), Accepted),
    ]);
    let placed = ledger.assignment("a");
    let (from, sibling) = (placed[3], placed[4]);
    let to = replacement(&ledger.state, "a", (1, 0)).unwrap();
    let other = (0..6).find(|node| *node != to && !placed[3..6].contains(node)).unwrap();
    ledger.play([
        (Operator, reassign("a", 1, (1, 0), from, to), Refused(Conflict)),
        (Operator, Action::Exit { node: from }, Accepted),
        (Operator, reassign("a", 0, (1, 0), from, to), NotAdmitted(InvalidVersion)),
        (Operator, reassign("", 1, (1, 0), from, to), NotAdmitted(InvalidInput)),
        (Operator, reassign("a", 3, (1, 0), from, to), Refused(NotFound)),
        (Operator, reassign("a", 2, (1, 0), from, to), Refused(NotFound)),
        (Operator, reassign("a", 1, (4, 0), from, to), Refused(NotFound)),
        (Operator, reassign("a", 1, (u32::MAX, 0), from, to), Refused(NotFound)),
        (Operator, reassign("a", 1, (0, 3), from, to), Refused(NotFound)),
        (Operator, reassign("a", 1, (1, u32::MAX), from, to), Refused(NotFound)),
        (Operator, reassign("a", 1, (1, 0), to, to), Refused(Conflict)),
        (Operator, reassign("a", 1, (1, 1), from, to), Refused(Conflict)),
        (Operator, reassign("a", 1, (1, 0), from, sibling), Refused(Conflict)),
        (Operator, reassign("a", 1, (1, 0), from, from), Refused(Conflict)),
        (Operator, reassign("a", 1, (1, 0), from, other), Refused(Conflict)),
        (Operator, reassign("a", 1, (1, 0), from, 99), Refused(Conflict)),
        (Alice, reassign("a", 1, (1, 0), from, to), Refused(Unauthorized)),
    ]);
    let before = bytes(&ledger);
    ledger.play([(Operator, reassign("a", 1, (1, 0), from, to), Accepted)]);
    let after = bytes(&ledger);
    let shard = 5_000 - 4_096;
    assert_eq!(after[from as usize], before[from as usize] - shard);
    assert_eq!(after[to as usize], before[to as usize] + shard);
    assert_eq!(after.iter().sum::<u64>(), before.iter().sum::<u64>());
    assert_eq!(ledger.assignment("a")[3], to);
    ledger.play([
        (Operator, reassign("a", 1, (1, 0), from, to), Refused(Conflict)),
        (Operator, reassign("a", 1, (1, 0), to, from), Refused(Conflict)),
    ]);
}

/// PL-8, PL-11: with parity every column of the object is a sibling, and with no node left the copy stays.
#[test]
fn pl_8_reassigning_with_parity() {
    let genesis = make::genesis_with(5, make::parameters(EC));
    let mut ledger = Ledger::open(genesis);
    ledger.play([(Alice, put_sized("a", 1, 9_000, EC), Accepted)]);
    let placed = ledger.assignment("a");
    let free = (0..5).find(|node| !placed.contains(node)).unwrap();
    ledger.play([
        (Operator, Action::Exit { node: placed[2] }, Accepted),
        (Operator, Action::Exit { node: placed[0] }, Accepted),
        (Operator, reassign("a", 1, (2, 0), placed[2], placed[0]), Refused(Conflict)),
        (Operator, reassign("a", 1, (2, 1), placed[2], free), Refused(NotFound)),
        (Operator, reassign("a", 1, (2, 0), placed[2], free), Accepted),
        (Operator, reassign("a", 1, (0, 0), placed[0], placed[2]), Refused(NoEligibleNodes)),
    ]);
}

/// PL-8: a node that lost its eligibility keeps nothing that others can take.
#[test]
fn pl_8_from_a_node_that_is_no_longer_eligible() {
    let mut ledger = Ledger::with_nodes(4);
    ledger.play([
        (Operator, join(5), Accepted),
        (Alice, put("a", 1), Accepted),
        (Operator, advance(1, &[0, 1, 2, 4]), Accepted),
    ]);
    // Four shards on three of four nodes each: node 3 has one of them.
    let placed = ledger.assignment("a");
    let at = placed.iter().position(|node| *node == 3).unwrap();
    let place = ((at / 3) as u32, (at % 3) as u32);
    let to = replacement(&ledger.state, "a", place).unwrap();
    ledger.play([(Operator, reassign("a", 1, place, 3, to), Accepted)]);
}
