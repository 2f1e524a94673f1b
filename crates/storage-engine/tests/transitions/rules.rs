//! Rules of placement: fences, failure domains, and the epoch from which on a rule is in force.

use crate::common::{
    Accepted,
    By::*,
    Ledger, NotAdmitted, Refused,
    make::{self, EC, advance, facts, put_with, ratio, reassign, replacement},
};
use protocol::{
    Action,
    ErrorCode::*,
    Event, Genesis, Profile,
    governance::{Change, Speaker},
    node::{FailureDomain, NodeStatus, Standing},
    rules::{DomainKind, Rule},
};
use std::collections::BTreeSet;
use storage_engine::{
    placement::{Ring, place},
    state::{Changes, State},
};

const V13: Profile = Profile::QFS_V13;

/// Region, operator and ASN of the nodes, by number.
type Domains = [(&'static str, &'static str, u32)];

/// Region "eu" has nodes 0, 2, 4, 7; "uk" 1, 3, 5; "us" 6; node 8 declared none. Operators and ASNs are nobody's.
const REGIONS: [(&str, &str, u32); 9] = [
    ("eu", "", 0),
    ("uk", "", 0),
    ("eu", "", 0),
    ("uk", "", 0),
    ("eu", "", 0),
    ("uk", "", 0),
    ("us", "", 0),
    ("eu", "", 0),
    ("", "", 0),
];
const ALL_NINE: [u32; 9] = [0, 1, 2, 3, 4, 5, 6, 7, 8];

fn genesis(domains: &Domains) -> Genesis {
    let mut genesis = make::genesis(domains.len() as u32);
    for (node, (region, operator, asn)) in genesis.nodes.iter_mut().zip(domains) {
        let (region, operator) = ((*region).into(), (*operator).into());
        node.domain = FailureDomain { region, operator, asn: *asn };
    }
    genesis
}

fn apart(domains: &Domains, kind: DomainKind, profile: Profile) -> Ledger {
    let mut genesis = genesis(domains);
    genesis.rules.failure_domain = kind;
    genesis.parameters.profile = profile;
    Ledger::open(genesis)
}

/// One byte with this metadata, placed under `epoch`.
fn fenced(name: &str, metadata: &str, epoch: u64) -> Action {
    put_with(name, |store| {
        store.metadata = metadata.as_bytes().to_vec();
        store.epoch = epoch;
    })
}

/// One byte under this profile, placed under epoch 1.
fn put(name: &str, profile: Profile) -> Action {
    make::put_sized(name, 1, 1, profile)
}

/// Where version 1 of an object stands among these nodes.
fn placed(name: &str, nodes: &[u32], classes: Option<&[u32]>) -> Vec<u32> {
    place(name, 1, V13, &Ring::new(nodes, classes)).unwrap()
}

/// PL-9: in each form the eligible nodes of the regions are the list, and without a fence all of them.
#[test]
fn pl_9_each_form_of_a_fence() {
    let mut ledger = Ledger::open(genesis(&REGIONS));
    let forms: [(&str, &[u32]); 6] = [
        ("{}", &ALL_NINE),
        (r#"{"placement":{"zone":1}}"#, &ALL_NINE),
        (r#"{"placement":{"region":"eu"}}"#, &[0, 2, 4, 7]),
        (r#"{"placement.region":"eu"}"#, &[0, 2, 4, 7]),
        (r#"{"placement":{"region":["uk","us"]}}"#, &[1, 3, 5, 6]),
        (r#"{"placement.region":["uk"]}"#, &[1, 3, 5]),
    ];
    for (name, (metadata, nodes)) in ["a", "b", "c", "d", "e", "f"].into_iter().zip(forms) {
        ledger.play([(Alice, fenced(name, metadata, 1), Accepted)]);
        assert_eq!(ledger.assignment(name), placed(name, nodes, None), "{metadata}");
    }
}

/// PL-9, PR-6: what is no fence is refused, and one that is too narrow never spills.
#[test]
fn pl_9_fences_that_hold_nothing() {
    let many: Vec<String> = (0..33).map(|n| format!("\"r{n:02}\"")).collect();
    let many = format!(r#"{{"placement.region":[{}]}}"#, many.join(","));
    let malformed = [
        r#"{"placement":{"region":"eu"},"placement.region":"eu"}"#,
        r#"{"placement":"eu"}"#,
        r#"{"placement.region":""}"#,
        r#"{"placement.region":[]}"#,
        r#"{"placement.region":["uk","eu"]}"#,
        r#"{"placement.region":["eu","eu"]}"#,
        r#"{"placement.region":["eu",7]}"#,
        &many,
    ];
    let mut ledger = Ledger::open(genesis(&REGIONS));
    for metadata in malformed {
        ledger.play([(Alice, fenced("a", metadata, 1), NotAdmitted(InvalidInput))]);
    }
    ledger.play([
        (Alice, fenced("a", r#"{"placement.region":"us"}"#, 1), Refused(NoEligibleNodes)),
        (Alice, fenced("a", r#"{"placement.region":["ch","us"]}"#, 1), Refused(NoEligibleNodes)),
        (Alice, fenced("a", r#"{"placement.region":"ch"}"#, 1), Refused(NoEligibleNodes)),
        (Alice, fenced("a", r#"{"placement.region":"uk"}"#, 1), Accepted),
        (Operator, advance(1, &[0, 1, 2, 3, 4, 6, 7, 8]), Accepted),
        (Alice, fenced("b", r#"{"placement.region":"uk"}"#, 2), Refused(NoEligibleNodes)),
        (Alice, fenced("b", "{}", 2), Accepted),
    ]);
}

/// PL-7, PL-9: of an earlier epoch's list, too, only the nodes within the fence count.
#[test]
fn pl_7_a_fence_under_an_earlier_epoch() {
    let mut ledger = Ledger::open(genesis(&REGIONS));
    let without_us = [0, 1, 2, 3, 4, 5, 7, 8];
    let without_4 = [0, 1, 2, 3, 5, 6, 7, 8];
    assert_ne!(placed("a", &ALL_NINE, None), placed("a", &without_us, None));
    assert_ne!(placed("b", &[0, 2, 4, 7], None), placed("b", &[0, 2, 7], None));
    let eu = r#"{"placement.region":"eu"}"#;
    ledger.play([
        (Operator, advance(1, &without_us), Accepted),
        (Alice, fenced("a", "{}", 1), Refused(EpochChanged)),
        (Alice, fenced("a", eu, 1), Accepted),
        (Operator, advance(2, &without_4), Accepted),
        (Alice, fenced("b", eu, 2), Refused(EpochChanged)),
        (Alice, fenced("b", eu, 1), Refused(EpochChanged)),
        (Alice, fenced("b", eu, 3), Accepted),
    ]);
    assert_eq!(ledger.assignment("b"), placed("b", &[0, 2, 7], None));
}

/// PL-9, PL-11: a copy of an object with a fence moves within it, or not at all.
#[test]
fn pl_11_copies_stay_within_their_fence() {
    let mut ledger = Ledger::open(genesis(&REGIONS));
    ledger.play([(Alice, fenced("a", r#"{"placement.region":"eu"}"#, 1), Accepted)]);
    let copies = ledger.assignment("a")[..3].to_vec();
    let free = [0, 2, 4, 7].into_iter().find(|node| !copies.contains(node)).unwrap();
    ledger.play([(Operator, Action::Exit { node: copies[0] }, Accepted)]);
    assert_eq!(replacement(&ledger.state, "a", (0, 0)), Some(free));
    ledger.play([
        (Operator, reassign("a", 1, (0, 0), copies[0], 8), Refused(Conflict)),
        (Operator, reassign("a", 1, (0, 0), copies[0], free), Accepted),
        (Operator, Action::Exit { node: copies[1] }, Accepted),
        (Operator, reassign("a", 1, (0, 1), copies[1], 8), Refused(NoEligibleNodes)),
        (Operator, reassign("a", 1, (0, 1), copies[1], copies[0]), Refused(NoEligibleNodes)),
    ]);
}

/// PL-10: whichever domain the rule names, the copies of a shard stand in as many.
#[test]
fn pl_10_copies_stand_apart() {
    // Three regions, operators and ASNs, each in its own arrangement.
    let domains = [
        ("r1", "o1", 1),
        ("r1", "o1", 2),
        ("r1", "o2", 2),
        ("r2", "o3", 2),
        ("r2", "o2", 1),
        ("r3", "o3", 3),
    ];
    let nodes = [0, 1, 2, 3, 4, 5];
    let kinds: [(DomainKind, Option<&[u32]>); 4] = [
        (DomainKind::None, None),
        (DomainKind::Region, Some(&[0, 0, 0, 3, 3, 5])),
        (DomainKind::Operator, Some(&[0, 0, 2, 3, 2, 3])),
        (DomainKind::Asn, Some(&[0, 1, 1, 1, 0, 5])),
    ];
    let by_kind = |name: &str| kinds.map(|(_, classes)| placed(name, &nodes, classes));
    let differ = |name: &String| BTreeSet::from(by_kind(name)).len() == kinds.len();
    let name = (0..1_000).map(|n| format!("n{n}")).find(differ).unwrap();
    for ((kind, _), expected) in kinds.into_iter().zip(by_kind(&name)) {
        let mut ledger = apart(&domains, kind, V13);
        ledger.play([(Alice, put(&name, V13), Accepted)]);
        assert_eq!(ledger.assignment(&name), expected, "{kind}");
    }
}

/// PL-10: too few domains is a refusal; nodes that declared none share one.
#[test]
fn pl_10_too_few_domains() {
    let two = [("", "o1", 0), ("", "o2", 0), ("", "o1", 0), ("", "o2", 0)];
    let undeclared = [("", "o1", 0), ("", "o2", 0), ("", "", 0), ("", "", 0)];
    let refuses = |domains: &Domains, kind, profile| {
        apart(domains, kind, profile).play([(Alice, put("a", profile), Refused(NoEligibleNodes))]);
    };
    let takes = |domains: &Domains, kind, profile| {
        apart(domains, kind, profile).play([(Alice, put("a", profile), Accepted)]);
    };
    refuses(&two, DomainKind::Operator, V13);
    takes(&two, DomainKind::None, V13);
    takes(&undeclared, DomainKind::Operator, V13);
    refuses(&undeclared, DomainKind::Region, V13);
    refuses(&undeclared, DomainKind::Asn, V13);
    refuses(&undeclared, DomainKind::Operator, EC);
    takes(&undeclared, DomainKind::None, EC);
    let four = [("", "o1", 0), ("", "o2", 0), ("", "o2", 0), ("", "o3", 0), ("", "", 0)];
    takes(&four, DomainKind::Operator, EC);
}

/// PL-9, PL-10: with both, the fence comes first, and what it leaves must reach.
#[test]
fn pl_10_within_a_fence() {
    let domains =
        [("eu", "o1", 0), ("eu", "o1", 0), ("eu", "o2", 0), ("uk", "o3", 0), ("uk", "o3", 0)];
    let mut ledger = apart(&domains, DomainKind::Operator, V13);
    ledger.play([
        (Alice, fenced("a", r#"{"placement.region":"eu"}"#, 1), Refused(NoEligibleNodes)),
        (Alice, fenced("a", r#"{"placement.region":["eu","uk"]}"#, 1), Accepted),
    ]);
    assert_eq!(
        ledger.assignment("a"),
        placed("a", &[0, 1, 2, 3, 4], Some(&[0, 0, 2, 3, 3])),
        "operators apart"
    );
}

/// PL-10, PL-11: a copy moves to no node that shares the domain of a sibling.
#[test]
fn pl_11_copies_move_apart() {
    let domains = [("", "o1", 0), ("", "o2", 0), ("", "o3", 0), ("", "o1", 0), ("", "o2", 0)];
    let mut ledger = apart(&domains, DomainKind::Operator, V13);
    ledger.play([(Alice, put("a", V13), Accepted)]);
    let copies = ledger.assignment("a")[..3].to_vec();
    let (at, first) = (0..).zip(&copies).find(|(_, node)| [0, 3].contains(*node)).unwrap();
    let twin = 3 - first;
    assert!(!copies.contains(&twin));
    ledger.play([(Operator, Action::Exit { node: *first }, Accepted)]);
    assert_eq!(replacement(&ledger.state, "a", (0, at)), Some(twin));
    let (alone, _) = (0..).zip(&copies).find(|(_, node)| **node == 2).unwrap();
    ledger.play([
        (Operator, reassign("a", 1, (0, at), *first, twin), Accepted),
        // Nobody else is of the third operator.
        (Operator, Action::Exit { node: 2 }, Accepted),
        (Operator, reassign("a", 1, (0, alone), 2, *first), Refused(NoEligibleNodes)),
    ]);
}

/// A name for which the two placements agree, or do not.
fn name_where(
    agree: bool,
    one: &dyn Fn(&str) -> Vec<u32>,
    other: &dyn Fn(&str) -> Vec<u32>,
) -> String {
    let mut names = (0..1_000).map(|n| format!("n{n}"));
    names.find(|name| (one(name) == other(name)) == agree).unwrap()
}

/// GV-10, PL-7, PL-10: a rule of placement is in force from its epoch on, and what was placed under an earlier
/// epoch is judged by that epoch's rule.
#[test]
fn pl_7_an_earlier_epoch_has_its_own_rule() {
    let domains = [("", "o1", 0), ("", "o1", 0), ("", "o2", 0), ("", "o3", 0)];
    let nodes = [0, 1, 2, 3];
    let off = |name: &str| placed(name, &nodes, None);
    let on = |name: &str| placed(name, &nodes, Some(&[0, 0, 2, 3]));
    let (moves, stays) = (name_where(false, &off, &on), name_where(true, &off, &on));
    let mut ledger = Ledger::open(genesis(&domains));
    ledger.enact(Change::Rule(Rule::FailureDomain(DomainKind::Operator)));
    ledger.play([(Alice, fenced("before", "{}", 1), Accepted)]);
    assert_eq!(ledger.assignment("before"), off("before"));
    ledger.play([
        (Operator, advance(1, &nodes), Accepted),
        (Alice, fenced(&moves, "{}", 1), Refused(EpochChanged)),
        (Alice, fenced(&stays, "{}", 1), Accepted),
        (Alice, fenced(&moves, "{}", 2), Accepted),
    ]);
    assert_eq!(ledger.assignment(&moves), on(&moves));
    let kinds =
        [1, 2].map(|epoch| ledger.state.epoch_record(epoch).unwrap().unwrap().failure_domain);
    assert_eq!(kinds, [DomainKind::None, DomainKind::Operator]);
    // The copies that stand already stay where they are.
    assert_eq!(ledger.assignment("before"), off("before"));
    ledger.state.flush(Changes::new()).unwrap();
    let reopened = State::open(ledger.state.store().clone()).unwrap();
    assert_eq!(place(&moves, 1, V13, &reopened.ring()), Ok(on(&moves)), "also after a restart");
}

/// PL-10: a node that joins while the rule is on brings its own domain.
#[test]
fn pl_10_a_node_that_joins() {
    let domains = [("", "o1", 0), ("", "o1", 0), ("", "o2", 0)];
    let mut ledger = apart(&domains, DomainKind::Operator, V13);
    let mut node = make::register(3);
    node.domain.operator = "o3".into();
    ledger.play([
        (Operator, Action::RegisterNode(node), Accepted),
        (Alice, put("a", V13), Refused(NoEligibleNodes)),
        (Operator, advance(1, &[0, 1, 2, 3]), Accepted),
        (Alice, fenced("a", "{}", 2), Accepted),
    ]);
    assert_eq!(ledger.assignment("a"), placed("a", &[0, 1, 2, 3], Some(&[0, 0, 2, 3])));
}

/// GV-10, RG-7: regions are allowed and denied from the rule's epoch on, neither before nor within an epoch.
#[test]
fn rg_7_rules_of_regions_come_into_force() {
    let mut ledger = Ledger::open(genesis(&REGIONS));
    let regions = |list: &[&str]| list.iter().map(|region| String::from(*region)).collect();
    ledger.enact(Change::Rule(Rule::DeniedRegions(regions(&["uk"]))));
    assert_eq!(ledger.state.eligible(), ALL_NINE);
    ledger.play([(Operator, advance(1, &ALL_NINE), Accepted)]);
    assert_eq!(ledger.state.eligible(), [0, 2, 4, 6, 7, 8]);
    ledger.play([(
        Alice,
        fenced("a", r#"{"placement.region":"uk"}"#, 2),
        Refused(NoEligibleNodes),
    )]);
    ledger.enact(Change::Rule(Rule::AllowedRegions(regions(&["eu", "uk"]))));
    assert_eq!(ledger.state.eligible(), [0, 2, 4, 6, 7, 8]);
    ledger.play([(Operator, advance(2, &ALL_NINE), Accepted)]);
    assert_eq!(
        ledger.state.eligible(),
        [0, 2, 4, 7],
        "denied though allowed, and undeclared is not allowed"
    );
    ledger.play([(Operator, advance(3, &ALL_NINE), Accepted)]);
    assert_eq!(ledger.state.eligible(), [0, 2, 4, 7]);
    assert!(ledger.state.nodes().iter().all(|node| node.standing == Standing::Active));
}

/// RG-7: genesis' own rules shape epoch 1.
#[test]
fn rg_7_rules_of_genesis() {
    let mut genesis = genesis(&REGIONS);
    genesis.rules.allowed_regions = vec!["uk".into(), "us".into()];
    let ledger = Ledger::open(genesis);
    assert_eq!(ledger.state.eligible(), [1, 3, 5, 6]);
}

/// GV-6, GV-8, GV-10, RG-6: an epoch closes under its own rules, and what is in force next decides who is eligible next.
#[test]
fn gv_10_min_uptime_comes_into_force() {
    let mut ledger = Ledger::with_nodes(4);
    let close = |ledger: &mut Ledger, closes: u64| {
        let mut facts = facts(closes, &[0, 1, 2, 3]);
        facts.telemetry[3].reading.as_mut().unwrap().uptime_ratio = ratio(93);
        let event = ledger.event(Operator, Action::AdvanceEpoch(facts));
        let Event::EpochClosed(closed) = event else { panic!("{event:?}") };
        let node = closed.nodes[3];
        (node.status, node.uptime_bucket, node.standing, node.eligible, closed.changes)
    };
    use {NodeStatus::*, Standing::*};
    let change = Change::Rule(Rule::MinUptime(ratio(95)));
    ledger.play([(Operator, make::propose(Speaker::Operator, change, false), Accepted)]);
    assert_eq!(close(&mut ledger, 1), (Verified, 9, Active, true, vec![]));
    ledger.play([(Alice, make::vote(1, Speaker::Council(0), true), Accepted)]);
    assert_eq!(close(&mut ledger, 2), (Verified, 9, Active, true, vec![]));
    assert_eq!(close(&mut ledger, 3), (Verified, 9, Active, true, vec![]));
    let event = ledger.event(Operator, make::activate(1, Speaker::Operator));
    assert_eq!(event, Event::Activated { effective: 5 });
    assert_eq!(ledger.state.eligible(), [0, 1, 2, 3]);
    assert_eq!(close(&mut ledger, 4), (Verified, 9, Degraded, false, vec![1]));
    assert_eq!(ledger.state.node(3).unwrap().status, Some(LowUptime), "by the rules of epoch 5");
    assert_eq!(ledger.state.eligible(), [0, 1, 2]);
    assert_eq!(close(&mut ledger, 5), (LowUptime, 0, Degraded, false, vec![]));
}
