//! The life of a node: every line of RG-6, leaving (RG-8), and what a standing means for audits.

use crate::common::{
    Accepted, By,
    By::*,
    Ledger, Refused,
    make::{self, ALL, EC, advance, facts, put, put_at, reassign, register, replacement, sample},
};
use protocol::{
    Action,
    ErrorCode::*,
    Event, Parameters, Profile,
    command::{AuditAnswer, OpenAudit},
    event::EpochClosed,
    governance::{Change, Speaker},
    node::{NodeNumber, Standing, Standing::*},
    rules::Quarantine,
};

fn standing(ledger: &Ledger, node: NodeNumber) -> Standing {
    ledger.state.node(node).unwrap().standing
}

/// Closes the open epoch with facts that verify these nodes.
fn close(ledger: &mut Ledger, verified: &[NodeNumber]) -> EpochClosed {
    close_with(ledger, verified, &[])
}

/// [`close`], with facts that name some of them as revoked.
fn close_with(ledger: &mut Ledger, verified: &[NodeNumber], revoked: &[NodeNumber]) -> EpochClosed {
    let mut facts = facts(ledger.state.epoch(), verified);
    facts.registry.iter_mut().for_each(|fact| fact.revoked = revoked.contains(&fact.node));
    match ledger.event(Operator, Action::AdvanceEpoch(facts)) {
        Event::EpochClosed(closed) => closed,
        other => panic!("{other:?}"),
    }
}

/// Its standing after each of these closings.
fn standings<const N: usize>(
    ledger: &mut Ledger,
    node: NodeNumber,
    closings: [&[NodeNumber]; N],
) -> [Standing; N] {
    closings.map(|verified| {
        let closed = close(ledger, verified);
        let account = closed.nodes[node as usize];
        assert_eq!(account.standing, standing(ledger, node), "the event says it");
        assert_eq!(account.eligible, ledger.state.eligible().contains(&node));
        account.standing
    })
}

const FOUR: [NodeNumber; 4] = [0, 1, 2, 3];

/// A ledger of four nodes with the quarantine rule, and objects "a" to "d" of one byte.
fn ledger(failures: u32, epochs: u32) -> Ledger {
    let mut genesis = make::genesis(4);
    genesis.rules.quarantine = Quarantine { failures, epochs };
    let mut ledger = Ledger::open(genesis);
    for name in NAMES {
        ledger.play([(Alice, put(name, 1), Accepted)]);
    }
    ledger
}

const NAMES: [&str; 4] = ["a", "b", "c", "d"];

/// A node of all of [`NAMES`]; with four nodes and three copies of each there is one.
fn holder(ledger: &Ledger) -> NodeNumber {
    let of_all =
        |node: &NodeNumber| NAMES.iter().all(|name| ledger.assignment(name)[..3].contains(node));
    FOUR.into_iter().find(of_all).unwrap()
}

/// What the node answers for one of the objects, truly or with nothing to show.
fn answer(ledger: &Ledger, name: &str, node: NodeNumber, proves: bool) -> AuditAnswer {
    let content = sample(1, Profile::QFS_V13);
    let answer = make::answer(&ledger.state, &content, (name, 1, 0), node);
    if proves { answer } else { AuditAnswer { proof: None, ..answer } }
}

/// The node fails to prove this many of its shards in the open epoch.
fn fail(ledger: &mut Ledger, node: NodeNumber, shards: usize) {
    ledger.play([(Operator, ALL, Accepted)]);
    let audit = ledger.state.ledger().unwrap().audit.unwrap().seq;
    let none = |name: &&str| answer(ledger, name, node, false);
    let answers: Vec<_> = NAMES[..shards].iter().map(none).collect();
    let event = ledger.event(Operator, make::record(audit, node, answers));
    assert_eq!(event, Event::AuditRecorded { counted: 0, failed: shards as u32 });
}

/// RG-6, 10: on probation for `probation_epochs` at least, and until it is verified and fails no proof.
#[test]
fn rg_6_probation() {
    let joined = |probation_epochs| {
        let parameters = Parameters { probation_epochs, ..make::parameters(Profile::QFS_V13) };
        let mut ledger = Ledger::open(make::genesis_with(3, parameters));
        ledger.play([(Operator, Action::RegisterNode(register(3)), Accepted)]);
        assert_eq!((standing(&ledger, 3), ledger.state.eligible()), (Probation, &[0, 1, 2][..]));
        ledger
    };
    let (seen, unseen) = (&FOUR[..], &FOUR[..3]);
    assert_eq!(standings(&mut joined(2), 3, [seen, seen, seen]), [Probation, Active, Active]);
    assert_eq!(standings(&mut joined(0), 3, [seen]), [Active]);
    assert_eq!(standings(&mut joined(1), 3, [seen]), [Active]);
    assert_eq!(standings(&mut joined(3), 3, [seen; 3]), [Probation, Probation, Active]);
    assert_eq!(standings(&mut joined(2), 3, [unseen; 3]), [Probation; 3]);
    let late = standings(&mut joined(2), 3, [unseen, unseen, seen, unseen]);
    assert_eq!(late, [Probation, Probation, Active, Degraded]);
    let mut ledger = joined(2);
    close(&mut ledger, seen);
    assert_eq!(ledger.state.eligible(), FOUR, "a node on probation takes copies");
    assert_eq!(ledger.state.node(3).unwrap().since, 1);
    close(&mut ledger, seen);
    assert_eq!(ledger.state.node(3).unwrap().since, 3);
}

/// RG-6, 10: who fails a proof while on probation stays on it for as long as the window remembers.
#[test]
fn rg_6_failures_on_probation() {
    let mut ledger = ledger(0, 2);
    let node = holder(&ledger);
    ledger.enact(Change::Quarantine(node));
    close(&mut ledger, &FOUR);
    ledger.enact(Change::Reinstate(node));
    close(&mut ledger, &FOUR);
    fail(&mut ledger, node, 1);
    let after = standings(&mut ledger, node, [&FOUR; 4]);
    assert_eq!(after, [Probation, Probation, Active, Active], "failures of two epochs count");
}

/// RG-6, 11: degraded by facts that do not verify it, and by a failed proof for as long as the window remembers it.
#[test]
fn rg_6_degraded() {
    let mut by_facts = ledger(0, 3);
    let unseen = &FOUR[..3];
    let after = standings(&mut by_facts, 3, [unseen, unseen, &FOUR, unseen]);
    assert_eq!(after, [Degraded, Degraded, Active, Degraded]);
    let mut by_proof = ledger(0, 3);
    let node = holder(&by_proof);
    fail(&mut by_proof, node, 1);
    assert_eq!(standing(&by_proof, node), Active, "nothing changes within an epoch");
    let after = standings(&mut by_proof, node, [&FOUR; 4]);
    assert_eq!(after, [Degraded, Degraded, Degraded, Active]);
    assert_eq!(by_proof.state.node(node).unwrap().failures, [0, 0, 0, 1]);
}

/// PL-8: copies of a degraded node may move although it is eligible; those of one in good standing may not.
#[test]
fn pl_8_copies_leave_a_degraded_node() {
    let mut ledger = ledger(0, 3);
    let node = holder(&ledger);
    let copies = ledger.assignment("a");
    let place = (0, (0..).zip(&copies).find(|(_, other)| **other == node).unwrap().0);
    let to = replacement(&ledger.state, "a", place).unwrap();
    fail(&mut ledger, node, 1);
    ledger.play([(Operator, reassign("a", 1, place, node, to), Refused(Conflict))]);
    close(&mut ledger, &FOUR);
    assert!(ledger.state.eligible().contains(&node));
    ledger.play([(Operator, reassign("a", 1, place, node, to), Accepted)]);
}

/// PL-8: a node that is out loses its copies, whatever the reason.
#[test]
fn pl_8_copies_leave_who_is_not_eligible() {
    let cases =
        [(Some(Change::Expel(3)), false), (Some(Change::Quarantine(3)), false), (None, true)];
    for (change, revoked) in cases {
        let mut ledger = ledger(0, 3);
        let holds = |name: &&str| ledger.assignment(name)[..3].contains(&3);
        let name = NAMES.into_iter().find(holds).unwrap();
        let copies = ledger.assignment(name)[..3].to_vec();
        let (copy, _) = (0..).zip(&copies).find(|(_, node)| **node == 3).unwrap();
        let to = FOUR.into_iter().find(|node| !copies.contains(node)).unwrap();
        change.into_iter().for_each(|change| ledger.enact(change));
        ledger.play([(Operator, reassign(name, 1, (0, copy), 3, to), Refused(Conflict))]);
        close_with(&mut ledger, &FOUR, if revoked { &[3] } else { &[] });
        ledger.play([(Operator, reassign(name, 1, (0, copy), 3, to), Accepted)]);
    }
}

/// Failed proofs in an epoch, and the standing after it.
type Epoch = (usize, Standing);

/// RG-6, 8: F failures within E epochs, the closing one among them, quarantine; one less, or one epoch more, do not.
#[test]
fn rg_6_quarantine_by_the_rule() {
    let cases: [(u32, u32, &[Epoch]); 6] = [
        (2, 2, &[(2, Quarantined)]),
        (2, 2, &[(1, Degraded), (1, Quarantined), (0, Quarantined), (0, Quarantined)]),
        (2, 2, &[(1, Degraded), (0, Degraded), (1, Degraded), (0, Degraded), (0, Active)]),
        (2, 1, &[(1, Degraded), (1, Degraded), (0, Active), (2, Quarantined)]),
        (3, 16, &[(1, Degraded), (1, Degraded), (0, Degraded), (1, Quarantined)]),
        (0, 3, &[(4, Degraded), (4, Degraded)]),
    ];
    for (number, (failures, epochs, rows)) in cases.into_iter().enumerate() {
        let mut ledger = ledger(failures, epochs);
        let node = holder(&ledger);
        for (row, (failed, expected)) in rows.iter().enumerate() {
            if *failed > 0 {
                fail(&mut ledger, node, *failed);
            }
            let [after] = standings(&mut ledger, node, [&FOUR]);
            assert_eq!(after, *expected, "case {number}, epoch {}", row + 1);
            assert_eq!(ledger.state.eligible().contains(&node), after != Quarantined);
        }
    }
}

/// RG-6, 5 to 7: quarantined by vote until governance reinstates it; then on probation, its failures forgotten.
#[test]
fn rg_6_quarantine_by_vote() {
    let mut ledger = ledger(2, 16);
    let node = holder(&ledger);
    fail(&mut ledger, node, 1);
    ledger.enact(Change::Quarantine(node));
    assert_eq!(standing(&ledger, node), Active, "not before its epoch");
    assert_eq!(standings(&mut ledger, node, [&FOUR; 2]), [Quarantined; 2]);
    ledger.enact(Change::Reinstate(node));
    assert_eq!(standing(&ledger, node), Quarantined);
    assert_eq!(standings(&mut ledger, node, [&FOUR]), [Probation]);
    let record = ledger.state.node(node).unwrap();
    assert_eq!((record.failures.len(), record.since), (0, 4));
    fail(&mut ledger, node, 1);
    assert_eq!(standings(&mut ledger, node, [&FOUR]), [Probation], "one failure, and not two");
    fail(&mut ledger, node, 1);
    assert_eq!(standings(&mut ledger, node, [&FOUR]), [Quarantined]);
}

/// RG-6, 5 and 7: facts that revoke a node come before its reinstatement.
#[test]
fn rg_6_reinstating_concerns_the_quarantined() {
    let mut ledger = ledger(0, 3);
    ledger.enact(Change::Quarantine(3));
    close(&mut ledger, &FOUR);
    ledger.enact(Change::Reinstate(3));
    close_with(&mut ledger, &FOUR, &[3]);
    assert_eq!(standing(&ledger, 3), Revoked, "facts come first");
    assert_eq!(standings(&mut ledger, 3, [&FOUR]), [Probation]);
}

/// RG-6, 7 and 9: revoked as long as the facts say so, then on probation again.
#[test]
fn rg_6_revoked_by_facts() {
    let mut ledger = ledger(0, 3);
    close_with(&mut ledger, &FOUR, &[3]);
    assert_eq!((standing(&ledger, 3), ledger.state.eligible()), (Revoked, &FOUR[..3]));
    close_with(&mut ledger, &FOUR, &[3]);
    assert_eq!(standing(&ledger, 3), Revoked);
    // Not named at all is not revoked, nor verified.
    assert_eq!(
        standings(&mut ledger, 3, [&FOUR[..3], &FOUR, &FOUR]),
        [Probation, Probation, Active]
    );
}

/// RG-6, 4, 6, 7 and 8: an order before facts, facts before what a node did; and no snapshot lifts a quarantine.
#[test]
fn rg_6_what_comes_first() {
    let mut ledger = ledger(1, 3);
    let node = holder(&ledger);
    fail(&mut ledger, node, 1);
    close_with(&mut ledger, &FOUR, &[node]);
    assert_eq!(standing(&ledger, node), Revoked);
    // Its failure is within the window still: 8 before 9.
    assert_eq!(standings(&mut ledger, node, [&FOUR]), [Quarantined]);
    let other = FOUR.into_iter().find(|other| *other != node).unwrap();
    ledger.enact(Change::Quarantine(other));
    close_with(&mut ledger, &FOUR, &[other]);
    assert_eq!(standing(&ledger, other), Quarantined);
    assert_eq!(standings(&mut ledger, other, [&FOUR; 2]), [Quarantined; 2]);
}

/// RG-6, 1 and 2: expelled whatever else is the case, and for ever.
#[test]
fn rg_6_expelled() {
    let mut ledger = ledger(0, 3);
    ledger.play([(Operator, Action::Exit { node: 2 }, Accepted)]);
    ledger.enact(Change::Expel(2));
    ledger.enact(Change::Expel(3));
    close_with(&mut ledger, &FOUR, &[3]);
    assert_eq!([2, 3].map(|node| standing(&ledger, node)), [Expelled; 2]);
    assert_eq!(ledger.state.eligible(), [0, 1]);
    close_with(&mut ledger, &FOUR, &[3]);
    assert_eq!(standings(&mut ledger, 3, [&FOUR; 2]), [Expelled; 2]);
    ledger.play([(Operator, Action::Exit { node: 3 }, Refused(Conflict))]);
}

/// GV-10, RG-6: of several orders about one node the hardest counts, whichever was activated last.
#[test]
fn gv_10_the_hardest_order_counts() {
    for (changes, expected) in [
        ([Change::Expel(3), Change::Quarantine(3)], Expelled),
        ([Change::Quarantine(3), Change::Expel(3)], Expelled),
    ] {
        let mut ledger = ledger(0, 3);
        changes.into_iter().for_each(|change| ledger.enact(change));
        assert_eq!(close(&mut ledger, &FOUR).changes, [1, 2]);
        assert_eq!(standing(&ledger, 3), expected);
    }
}

/// RG-8: who may send a node off, and when it is too late.
#[test]
fn rg_8_who_may_exit() {
    let exit = |node| Action::Exit { node };
    let mut ledger = ledger(0, 3);
    ledger.play([
        (Operator, exit(4), Refused(NotFound)),
        (Unsigned, exit(0), Refused(Unauthorized)),
        (Alice, exit(0), Refused(Unauthorized)),
        (Node(1), exit(0), Refused(Unauthorized)),
        (Node(0), exit(0), Accepted),
        (Node(0), exit(0), Refused(Conflict)),
        (Operator, exit(0), Refused(Conflict)),
        (Operator, exit(1), Accepted),
    ]);
    ledger.enact(Change::Quarantine(2));
    close_with(&mut ledger, &FOUR, &[3]);
    assert_eq!([2, 3].map(|node| standing(&ledger, node)), [Quarantined, Revoked]);
    ledger.play([(Node(2), exit(2), Accepted), (Operator, exit(3), Accepted)]);
    assert_eq!([2, 3].map(|node| standing(&ledger, node)), [Draining; 2]);
}

/// GV-2: a node that the facts name as revoked does not speak, and cannot win its voice back by leaving.
#[test]
fn gv_2_a_revoked_node_that_leaves_does_not_speak() {
    let propose = || make::propose(Speaker::Node(3), make::quorum(70), false);
    let mut ledger = ledger(0, 3);
    close_with(&mut ledger, &FOUR, &[3]);
    ledger.play([
        (Node(3), propose(), Refused(Unauthorized)),
        (Node(3), Action::Exit { node: 3 }, Accepted),
        (Node(3), propose(), Refused(Unauthorized)),
    ]);
    close_with(&mut ledger, &FOUR, &[3]);
    assert_eq!(standing(&ledger, 3), Draining);
    ledger.play([(Node(3), propose(), Refused(Unauthorized))]);
    close(&mut ledger, &FOUR);
    ledger.play([(Node(3), propose(), Accepted)]);
}

/// RG-8: a node whose scheme has no suite leaves by the operator's signature only.
#[test]
fn rg_8_a_key_without_a_suite() {
    let mut genesis = make::genesis(4);
    genesis.nodes[0].scheme = "Dilithium2".into();
    genesis.nodes[1].scheme = "ML-DSA-65".into();
    let exit = |node| Action::Exit { node };
    Ledger::open(genesis).play([
        (Node(0), exit(0), Refused(Unauthorized)),
        (Node(1), exit(1), Refused(Unauthorized)),
        (Node(2), exit(2), Accepted),
        (Operator, exit(0), Accepted),
    ]);
}

/// RG-8: at once it gets nothing by reassignment, but stays on the open epoch's list, is audited and earns.
#[test]
fn rg_8_draining() {
    let mut ledger = ledger(0, 3);
    let node = holder(&ledger);
    ledger.play([(By::Node(node as u8), Action::Exit { node }, Accepted)]);
    assert_eq!(ledger.state.node(node).unwrap().since, 1);
    assert_eq!(ledger.state.eligible(), FOUR);
    ledger.play([(Alice, put("e", 1), Accepted), (Operator, ALL, Accepted)]);
    let audit = ledger.state.ledger().unwrap().audit.unwrap().seq;
    let proof = answer(&ledger, "a", node, true);
    ledger.play([(Operator, make::record(audit, node, vec![proof]), Accepted)]);
    let closed = close(&mut ledger, &FOUR);
    let account = closed.nodes[node as usize];
    assert!(account.reward.raw() > 0 && account.bytes_stored > 0);
    assert_eq!((account.standing, account.eligible), (Draining, false));
    let rest: Vec<_> = FOUR.into_iter().filter(|other| *other != node).collect();
    assert_eq!(ledger.state.eligible(), rest);
}

/// RG-8, PL-8, PL-11: its copies move, none to another node that leaves; then it has left, for ever.
#[test]
fn rg_8_drained_to_the_last_byte() {
    let mut ledger = Ledger::with_nodes(5);
    ledger.play([(Alice, put("a", 1), Accepted)]);
    let copies = ledger.assignment("a")[..3].to_vec();
    let others: Vec<u32> = (0..5).filter(|node| !copies.contains(node)).collect();
    let node = copies[1];
    ledger.play([
        (Operator, Action::Exit { node }, Accepted),
        (Operator, Action::Exit { node: others[0] }, Accepted),
    ]);
    assert_eq!(replacement(&ledger.state, "a", (0, 1)), Some(others[1]));
    let all = [0, 1, 2, 3, 4];
    assert_eq!(standings(&mut ledger, node, [&all]), [Draining]);
    assert_eq!(standing(&ledger, others[0]), Exited, "it holds no byte");
    ledger.play([
        (Operator, reassign("a", 1, (0, 1), node, others[0]), Refused(Conflict)),
        (Operator, reassign("a", 1, (0, 1), node, others[1]), Accepted),
    ]);
    assert_eq!(standing(&ledger, node), Draining, "until the epoch closes");
    assert_eq!(standings(&mut ledger, node, [&all, &all]), [Exited; 2]);
    close_with(&mut ledger, &all, &[node]);
    assert_eq!(standing(&ledger, node), Exited);
    ledger.play([(Operator, Action::Exit { node }, Refused(Conflict))]);
}

/// RG-6, 3: facts that name it as revoked do not keep it from leaving.
#[test]
fn rg_6_a_draining_node_that_is_revoked() {
    let mut ledger = ledger(0, 3);
    ledger.play([(Operator, Action::Exit { node: 3 }, Accepted)]);
    close_with(&mut ledger, &FOUR, &[3]);
    assert_eq!(standing(&ledger, 3), Draining);
}

/// PL-11: with parity, too, no copy moves to a node that leaves.
#[test]
fn pl_11_no_column_moves_to_a_node_that_leaves() {
    let mut ledger = Ledger::open(make::genesis_with(6, make::parameters(EC)));
    ledger.play([(Alice, make::put_sized("a", 1, 9_000, EC), Accepted)]);
    let columns = ledger.assignment("a");
    let free: Vec<u32> = (0..6).filter(|node| !columns.contains(node)).collect();
    for leaving in [free[0], free[1]] {
        let staying = free[0] + free[1] - leaving;
        let mut ledger = Ledger::open(make::genesis_with(6, make::parameters(EC)));
        ledger.play([
            (Alice, make::put_sized("a", 1, 9_000, EC), Accepted),
            (Operator, Action::Exit { node: columns[3] }, Accepted),
            (Operator, Action::Exit { node: leaving }, Accepted),
            (Operator, reassign("a", 1, (3, 0), columns[3], leaving), Refused(Conflict)),
            (Operator, reassign("a", 1, (3, 0), columns[3], staying), Accepted),
        ]);
    }
}

/// PL-6: a sampled audit takes `probation_audit_factor` times as many answers of a node on probation or degraded.
#[test]
fn pl_6_samples_of_nodes_on_probation() {
    let parameters = Parameters { probation_audit_factor: 3, ..make::parameters(Profile::QFS_V13) };
    let mut ledger = Ledger::open(make::genesis_with(3, parameters));
    ledger.play([
        (Alice, put("a", 1), Accepted),
        (Operator, Action::RegisterNode(register(3)), Accepted),
        (Operator, advance(1, &[1, 2, 3]), Accepted),
        (Alice, put_at("b", 1, 2), Accepted),
        (Operator, Action::OpenAudit(OpenAudit::Sample(2)), Accepted),
    ]);
    assert_eq!([0, 1, 3].map(|node| standing(&ledger, node)), [Degraded, Active, Probation]);
    let audit = ledger.state.ledger().unwrap().audit.unwrap().seq;
    for (node, name, most) in [(0, "a", 6), (1, "a", 2), (3, "b", 6)] {
        let none = answer(&ledger, name, node, false);
        let record = |count: usize| make::record(audit, node, vec![none.clone(); count]);
        ledger.play([
            (Operator, record(most + 1), Refused(Limit)),
            (Operator, record(most - 1), Accepted),
            (Operator, record(2), Refused(Limit)),
            (Operator, record(1), Accepted),
            (Operator, record(1), Refused(Limit)),
        ]);
    }
}
