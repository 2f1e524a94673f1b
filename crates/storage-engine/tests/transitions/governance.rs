//! Proposals, votes and activations: every refusal with its code, and when a change is in force (GV-2 to GV-10).

use crate::common::{
    Accepted,
    By::{self, *},
    Ledger, NotAdmitted, Refused,
    make::{self, activate, advance, propose, put_at, quorum, ratio, set, vote},
};
use protocol::{
    AccountId, Action, Amount,
    ErrorCode::*,
    Event, Hash32, Profile,
    governance::{Change, Electorate, Speaker},
    limits::ACTIVATION_WINDOW_EPOCHS,
    node::Standing,
    parameters::{Parameter, Value},
    rules::{Quarantine, Rule},
};

const NODES: [u32; 6] = [0, 1, 2, 3, 4, 5];
const COUNCIL: Speaker = Speaker::Council(0);
const OPERATOR: Speaker = Speaker::Operator;

/// Six nodes and a council of one, which is Alice.
fn ledger() -> Ledger {
    Ledger::with_nodes(6)
}

fn close(ledger: &mut Ledger, nodes: &[u32]) {
    let epoch = ledger.state.epoch();
    ledger.play([(Operator, advance(epoch, nodes), Accepted)]);
}

/// A proposal of the operator, for which the council votes as soon as it can.
fn accepted(ledger: &mut Ledger, change: Change) -> u64 {
    let proposal = ledger.state.ledger().unwrap().proposals + 1;
    ledger.play([(Operator, propose(OPERATOR, change, false), Accepted)]);
    close(ledger, &NODES);
    ledger.play([(Alice, vote(proposal, COUNCIL, true), Accepted)]);
    close(ledger, &NODES);
    close(ledger, &NODES);
    proposal
}

/// Every node stores and proves something, so that all hold NOD after the closing.
fn earn(ledger: &mut Ledger) {
    let epoch = ledger.state.epoch();
    let content = make::sample(200_000, Profile::QFS_V13);
    let names = ["p", "q", "r", "s"];
    for name in names {
        let store = Action::Store(make::store(name, epoch, epoch, &content));
        ledger.play([(Alice, store, Accepted)]);
    }
    let audit = ledger.log.len() as u64;
    ledger.play([(Operator, make::ALL, Accepted)]);
    for name in names {
        let stored = ledger.state.version(&make::object(name), epoch).unwrap().unwrap().stored;
        for (at, node) in (0u32..).zip(stored.unwrap().assignment) {
            let answer = make::answer(&ledger.state, &content, (name, epoch, at / 3), node);
            ledger.play([(Operator, make::record(audit, node, vec![answer]), Accepted)]);
        }
    }
    close(ledger, &NODES);
    assert!(ledger.state.nodes().iter().all(|node| node.nod > Amount::ZERO));
}

/// GV-3, 1: what is refused before it is logged.
#[test]
fn gv_3_values_out_of_bounds_are_not_admitted() {
    let unknown = Change::Parameter { parameter: 999, value: Value::Integer(1) };
    let over = |epochs| Change::Rule(Rule::Quarantine(Quarantine { failures: 1, epochs }));
    let credit = |raw| Change::Credit { account: Alice.account(), amount: Amount::from_raw(raw) };
    let refused = [
        (unknown, InvalidInput),
        (set(Parameter::quorum, Value::Integer(1)), InvalidInput),
        (set(Parameter::leaf_size, Value::Integer(4_096)), Unauthorized),
        (set(Parameter::voting_cap, Value::Amount(ratio(25))), Unauthorized),
        (set(Parameter::min_nod_holders, Value::Integer(4)), Unauthorized),
        (quorum(50), Limit),
        (quorum(91), Limit),
        (set(Parameter::emergency_quorum, Value::Amount(ratio(74))), Limit),
        (set(Parameter::activation_delay, Value::Integer(1)), Limit),
        (set(Parameter::fee_per_kib, Value::Amount(Amount::from_raw(u128::MAX))), Limit),
        (over(0), Limit),
        (Change::Rule(Rule::MinUptime(ratio(101))), Limit),
        (Change::Rule(Rule::AllowedRegions(vec!["b".into(), "a".into()])), InvalidInput),
        (credit(0), InvalidInput),
    ];
    let mut ledger = ledger();
    for (change, code) in refused {
        let proposal = propose(OPERATOR, change, false);
        ledger.play([(Operator, proposal, NotAdmitted(code))]);
    }
    for bound in [51, 90] {
        ledger.play([(Operator, propose(OPERATOR, quorum(bound), bound == 90), Accepted)]);
    }
}

/// GV-2: who speaks for whom.
#[test]
fn gv_2_speakers() {
    let by = |speaker| propose(speaker, quorum(70), false);
    let mut ledger = ledger();
    ledger.play([
        (Alice, by(OPERATOR), Refused(Unauthorized)),
        (Unsigned, by(OPERATOR), Refused(Unauthorized)),
        (Bob, by(COUNCIL), Refused(Unauthorized)),
        (Operator, by(COUNCIL), Refused(Unauthorized)),
        (Alice, by(Speaker::Council(1)), Refused(NotFound)),
        (Node(1), by(Speaker::Node(0)), Refused(Unauthorized)),
        (Operator, by(Speaker::Node(0)), Refused(Unauthorized)),
        (Node(0), by(Speaker::Node(6)), Refused(NotFound)),
        (Node(0), by(Speaker::Node(0)), Accepted),
        (Alice, propose(COUNCIL, quorum(70), true), Accepted),
    ]);
    // A key of the council that is not a node's key speaks for no node, and the other way round.
    ledger.play([(Alice, vote(1, Speaker::Node(0), true), Refused(Unauthorized))]);
}

/// GV-3, 3: what the state says against a change.
#[test]
fn gv_3_targets() {
    let by = |change| propose(OPERATOR, change, true);
    let mut ledger = ledger();
    ledger.play([
        (Operator, by(Change::Expel(6)), Refused(NotFound)),
        (Operator, by(Change::Quarantine(99)), Refused(NotFound)),
        (Operator, by(Change::Reinstate(0)), Refused(Conflict)),
        (Operator, by(Change::CodeVersion(1)), Refused(InvalidInput)),
        (Operator, by(Change::CodeVersion(3)), Refused(InvalidInput)),
        (Operator, by(Change::Expel(0)), Accepted),
        (Operator, by(Change::Quarantine(1)), Accepted),
        (Alice, vote(1, COUNCIL, true), Accepted),
        (Alice, vote(2, COUNCIL, true), Accepted),
        (Operator, activate(1, OPERATOR), Accepted),
        (Operator, activate(2, OPERATOR), Accepted),
    ]);
    assert_eq!(ledger.state.node(0).unwrap().standing, Standing::Active);
    close(&mut ledger, &NODES);
    let standing = |number| ledger.state.node(number).unwrap().standing;
    assert_eq!((standing(0), standing(1)), (Standing::Expelled, Standing::Quarantined));
    assert_eq!(ledger.state.eligible(), [2, 3, 4, 5]);
    ledger.play([
        (Operator, propose(OPERATOR, Change::Expel(0), false), Refused(Conflict)),
        (Operator, propose(OPERATOR, Change::Quarantine(0), false), Refused(Conflict)),
        (Operator, propose(OPERATOR, Change::Reinstate(0), false), Refused(Conflict)),
        (Operator, propose(OPERATOR, Change::Reinstate(1), false), Accepted),
        (Operator, propose(OPERATOR, Change::Expel(1), false), Accepted),
        // Expelled nodes do not speak.
        (Node(0), propose(Speaker::Node(0), quorum(70), false), Refused(Unauthorized)),
        (Node(1), propose(Speaker::Node(1), quorum(70), false), Accepted),
    ]);
}

/// GV-3, 4 and 5: one open proposal about a subject, emergencies apart; 4 of one speaker, 64 in all.
#[test]
fn gv_3_subjects_and_limits() {
    let mut ledger = Ledger::with_nodes(16);
    ledger.play([
        (Operator, propose(OPERATOR, quorum(70), false), Accepted),
        (Alice, propose(COUNCIL, quorum(80), false), Refused(Conflict)),
        (Alice, propose(COUNCIL, quorum(80), true), Accepted),
        (Alice, propose(COUNCIL, quorum(80), true), Refused(Conflict)),
        (Operator, propose(OPERATOR, Change::Expel(0), false), Accepted),
        (Operator, propose(OPERATOR, Change::Quarantine(0), false), Accepted),
        (Operator, propose(OPERATOR, Change::Expel(1), false), Accepted),
        (Operator, propose(OPERATOR, Change::Expel(2), false), Refused(Limit)),
        (Alice, propose(COUNCIL, Change::Expel(2), false), Accepted),
        (Alice, propose(COUNCIL, Change::Expel(3), false), Accepted),
        (Alice, propose(COUNCIL, Change::Expel(4), false), Accepted),
    ]);
    // Eight are open; fourteen nodes with four each fill the rest.
    for node in 0..14u8 {
        let speaker = Speaker::Node(u32::from(node));
        for account in 0..4 {
            let account = AccountId(Hash32([16 * account + node; 32]));
            let change = Change::Credit { account, amount: ratio(100) };
            ledger.play([(Node(node), propose(speaker, change, node % 2 == 0), Accepted)]);
        }
    }
    assert_eq!(ledger.state.ledger().unwrap().open.len(), 64);
    let one_more = propose(Speaker::Node(15), Change::Expel(14), false);
    ledger.play([(Node(15), one_more, Refused(Limit))]);
    let all: Vec<u32> = (0..16).collect();
    close(&mut ledger, &all);
    close(&mut ledger, &all);
    // Emergencies took votes in epochs 1 and 2, the others in 2 and 3.
    let open = ledger.state.ledger().unwrap().open.len();
    assert!(open > 0 && open < 64, "{open} are open");
    close(&mut ledger, &all);
    assert!(ledger.state.ledger().unwrap().open.is_empty());
}

/// GV-6, GV-7: early, late, double and forged votes, and those of who has none.
#[test]
fn gv_7_votes() {
    let mut ledger = ledger();
    let yes = |speaker| vote(1, speaker, true);
    ledger.play([
        (Alice, yes(COUNCIL), Refused(NotFound)),
        (Operator, propose(OPERATOR, quorum(70), false), Accepted),
        (Alice, yes(COUNCIL), Refused(TooEarly)),
    ]);
    close(&mut ledger, &NODES);
    ledger.play([
        (Bob, yes(COUNCIL), Refused(Unauthorized)),
        (Unsigned, yes(COUNCIL), Refused(Unauthorized)),
        (Alice, yes(Speaker::Council(1)), Refused(NotFound)),
        (Node(0), yes(Speaker::Node(0)), Refused(Unauthorized)),
        (Operator, yes(OPERATOR), Refused(Unauthorized)),
    ]);
    // A signature over another command is no signature over this one.
    let mut forged = ledger.command(Alice, vote(1, COUNCIL, false));
    forged.action = yes(COUNCIL);
    assert_eq!(ledger.submit(forged).1, NotAdmitted(Unauthorized));
    ledger.play([
        (Alice, yes(COUNCIL), Accepted),
        (Alice, yes(COUNCIL), Refused(Conflict)),
        (Alice, vote(1, COUNCIL, false), Refused(Conflict)),
        (Operator, propose(OPERATOR, Change::Expel(0), false), Accepted),
    ]);
    close(&mut ledger, &NODES);
    // The last epoch of its window, and then one too many.
    ledger.play([(Alice, yes(COUNCIL), Refused(Conflict))]);
    close(&mut ledger, &NODES);
    ledger.play([
        (Alice, yes(COUNCIL), Refused(TooLate)),
        (Alice, vote(2, COUNCIL, false), Accepted),
    ]);
    close(&mut ledger, &NODES);
    ledger.play([(Alice, vote(2, COUNCIL, true), Refused(TooLate))]);
    let proposal = ledger.state.proposal(1).unwrap().unwrap();
    assert_eq!((proposal.yes, proposal.no), (ratio(100), Amount::ZERO));
}

/// GV-8, GV-9: activations that are early, late, double, or of what was not accepted; cool-down.
#[test]
fn gv_8_activations() {
    let mut ledger = ledger();
    let first = |speaker| activate(1, speaker);
    ledger.play([
        (Operator, first(OPERATOR), Refused(NotFound)),
        (Operator, propose(OPERATOR, quorum(70), false), Accepted),
        (Operator, propose(OPERATOR, Change::Expel(0), false), Accepted),
        (Operator, propose(OPERATOR, Change::Expel(1), false), Accepted),
        (Operator, first(OPERATOR), Refused(TooEarly)),
    ]);
    close(&mut ledger, &NODES);
    ledger.play([
        (Alice, vote(1, COUNCIL, true), Accepted),
        (Alice, vote(3, COUNCIL, true), Accepted),
        (Operator, first(OPERATOR), Refused(TooEarly)),
    ]);
    close(&mut ledger, &NODES);
    ledger.play([(Operator, first(OPERATOR), Refused(TooEarly))]);
    close(&mut ledger, &NODES);
    assert_eq!(ledger.state.epoch(), 4, "votes were taken in epochs 2 and 3");
    ledger.play([
        (Bob, first(OPERATOR), Refused(Unauthorized)),
        (Alice, first(OPERATOR), Refused(Unauthorized)),
        (Alice, first(Speaker::Council(4)), Refused(NotFound)),
        (Operator, activate(2, OPERATOR), Refused(NoQuorum)),
    ]);
    // Any speaker may: the operator has no veto.
    let event = ledger.event(Node(5), first(Speaker::Node(5)));
    assert_eq!(event, Event::Activated { effective: 5 });
    ledger.play([
        (Operator, first(OPERATOR), Refused(Conflict)),
        (Alice, propose(COUNCIL, quorum(60), false), Refused(Conflict)),
        (Alice, propose(COUNCIL, Change::Expel(0), false), Refused(TooEarly)),
    ]);
    let quorum_of = |ledger: &Ledger| ledger.state.ledger().unwrap().parameters.quorum;
    assert_eq!(quorum_of(&ledger), ratio(66));
    close(&mut ledger, &NODES);
    assert_eq!(quorum_of(&ledger), ratio(70), "in force from epoch 5 on, and not before");
    ledger.play([(Alice, propose(COUNCIL, quorum(60), false), Refused(Conflict))]);
    for epoch in 6..=7 {
        close(&mut ledger, &NODES);
        assert_eq!(ledger.state.epoch(), epoch);
        ledger.play([(Alice, propose(COUNCIL, quorum(60), false), Refused(TooEarly))]);
    }
    close(&mut ledger, &NODES);
    ledger.play([(Alice, propose(COUNCIL, quorum(60), false), Accepted)]);
    // Accepted and never activated: it lapses.
    while ledger.state.epoch() < 3 + ACTIVATION_WINDOW_EPOCHS {
        close(&mut ledger, &NODES);
    }
    let mut lapsed = activate(3, OPERATOR);
    close(&mut ledger, &NODES);
    ledger.play([(Operator, lapsed.clone(), Refused(TooLate))]);
    lapsed = activate(2, OPERATOR);
    ledger.play([(Operator, lapsed, Refused(TooLate))]);
}

/// GV-8: the last epoch in which an activation is taken; what is activated late is in force in the next epoch.
#[test]
fn gv_8_the_last_epoch_of_activation() {
    let mut ledger = ledger();
    ledger.play([(Operator, propose(OPERATOR, quorum(70), false), Accepted)]);
    close(&mut ledger, &NODES);
    ledger.play([(Alice, vote(1, COUNCIL, true), Accepted)]);
    while ledger.state.epoch() < 3 + ACTIVATION_WINDOW_EPOCHS {
        close(&mut ledger, &NODES);
    }
    let event = ledger.event(Operator, activate(1, OPERATOR));
    assert_eq!(event, Event::Activated { effective: 12 });
}

/// GV-4, GV-6, GV-8: an emergency takes votes at once, needs more of them, and is in force in the next epoch.
#[test]
fn gv_6_emergencies() {
    let mut ledger = ledger();
    earn(&mut ledger);
    // Against the one with the fewest votes: the other five have more than 0.80 of them.
    let nodes = ledger.state.nodes();
    let target = NODES.into_iter().min_by_key(|n| nodes[*n as usize].nod).unwrap();
    let event = ledger.event(Operator, propose(OPERATOR, Change::Expel(target), true));
    let Event::Proposed { electorate, weight, needed, opens, closes, .. } = event else {
        panic!("{event:?}");
    };
    assert_eq!((electorate, opens, closes), (Electorate::Nodes, 2, 3));
    assert_eq!(needed.raw(), (weight.raw() * 80).div_ceil(100));
    let electors = ledger.state.electors(1).unwrap();
    assert_eq!(electors.len(), 6);
    // No node has more than a quarter of what is counted.
    assert!(electors.iter().all(|(_, own)| own.raw() * 4 <= weight.raw()));
    ledger.play([
        (Alice, vote(1, COUNCIL, true), Refused(Unauthorized)),
        (Operator, activate(1, OPERATOR), Refused(NoQuorum)),
    ]);
    let by = |number: u32| -> By { Node(u8::try_from(number).unwrap()) };
    let mut yes = 0;
    for (speaker, own) in electors {
        let Speaker::Node(number) = speaker else { panic!("{speaker}") };
        if number == target {
            continue;
        }
        if yes < needed.raw() {
            ledger.play([(Operator, activate(1, OPERATOR), Refused(NoQuorum))]);
        }
        ledger.play([(by(number), vote(1, speaker, true), Accepted)]);
        yes += own.raw();
    }
    assert!(yes >= needed.raw(), "five of six are enough");
    let event = ledger.event(Operator, activate(1, OPERATOR));
    assert_eq!(event, Event::Activated { effective: 3 });
    let late = vote(1, Speaker::Node(target), false);
    ledger.play([(by(target), late, Refused(TooLate))]);
    assert!(ledger.state.eligible().contains(&target), "nothing changes inside an epoch");
    close(&mut ledger, &NODES);
    assert!(!ledger.state.eligible().contains(&target));
    // Its NOD no longer counts.
    let event = ledger.event(Operator, propose(OPERATOR, quorum(70), false));
    assert!(matches!(event, Event::Proposed { electorate: Electorate::Nodes, .. }));
    let electors = ledger.state.electors(2).unwrap();
    assert!(electors.iter().all(|(speaker, _)| *speaker != Speaker::Node(target)));
}

/// GV-4: with fewer than four holders of NOD the council votes, and weights stay as they were when it was proposed.
#[test]
fn gv_4_electorates() {
    let mut ledger = ledger();
    let event = ledger.event(Operator, propose(OPERATOR, quorum(70), false));
    let Event::Proposed { electorate, weight, needed, .. } = event else { panic!("{event:?}") };
    assert_eq!((electorate, weight, needed), (Electorate::Council, ratio(100), ratio(66)));
    earn(&mut ledger);
    // Nodes hold NOD by now; this proposal is the council's all the same.
    ledger.play([
        (Node(0), vote(1, Speaker::Node(0), true), Refused(Unauthorized)),
        (Alice, vote(1, COUNCIL, true), Accepted),
    ]);
    let event = ledger.event(Operator, propose(OPERATOR, Change::Expel(3), false));
    let Event::Proposed { weight, .. } = event else { panic!("{event:?}") };
    let before = ledger.state.electors(2).unwrap();
    earn(&mut ledger);
    assert_eq!(ledger.state.electors(2).unwrap(), before);
    let held: u128 = ledger.state.nodes().iter().map(|node| node.nod.raw()).sum();
    assert!(weight.raw() < held, "NOD that was earned later has no vote");
}

/// GV-10: what is in force changes placement, fees and verification at its epoch and not before.
#[test]
fn gv_10_in_force_exactly_at_its_epoch() {
    let mut ledger = ledger();
    let rule = Change::Rule(Rule::MinUptime(Amount::from_raw(ratio(100).raw())));
    ledger.play([
        (Operator, propose(OPERATOR, rule, false), Accepted),
        (
            Operator,
            propose(
                OPERATOR,
                set(Parameter::fee_per_kib, Value::Amount(Amount::from_raw(7))),
                false,
            ),
            Accepted,
        ),
    ]);
    close(&mut ledger, &NODES);
    ledger.play([
        (Alice, vote(1, COUNCIL, true), Accepted),
        (Alice, vote(2, COUNCIL, true), Accepted),
    ]);
    close(&mut ledger, &NODES);
    close(&mut ledger, &NODES);
    ledger.play([
        (Operator, activate(2, OPERATOR), Accepted),
        (Operator, activate(1, OPERATOR), Accepted),
    ]);
    let fee = |ledger: &mut Ledger, name: &str| {
        let epoch = ledger.state.epoch();
        match ledger.event(Alice, put_at(name, 1, epoch)) {
            Event::Stored { fee, .. } => fee.raw(),
            event => panic!("{event:?}"),
        }
    };
    assert_eq!(fee(&mut ledger, "before"), ratio(10_000).raw());
    // Node 0 has an uptime of 0.95: enough for the epoch that closes, too little for the next.
    let closing = make::advance_with(4, |facts| {
        *facts = make::facts(4, &NODES);
        facts.telemetry[0].reading.as_mut().unwrap().uptime_ratio = ratio(95);
    });
    let event = ledger.event(Operator, closing);
    let Event::EpochClosed(closed) = event else { panic!("{event:?}") };
    assert_eq!(closed.changes, [2, 1], "in the order of activation");
    assert_eq!(closed.nodes[0].status.name(), "VERIFIED");
    assert_eq!(closed.nodes[0].uptime_bucket, 9);
    assert!(!closed.nodes[0].eligible);
    assert_eq!(closed.nodes[0].standing, Standing::Degraded);
    let node = ledger.state.node(0).unwrap();
    assert_eq!(node.status.unwrap().name(), "UNVERIFIED_LOW_UPTIME");
    assert_eq!(ledger.state.eligible(), [1, 2, 3, 4, 5]);
    assert_eq!(fee(&mut ledger, "after"), 7);
}

/// GV-3: a code version that this engine does not have is accepted by votes like any other change.
#[test]
fn gv_3_a_code_version_waits_for_its_epoch() {
    let mut ledger = ledger();
    let number = accepted(&mut ledger, Change::CodeVersion(2));
    ledger.play([(Operator, activate(number, OPERATOR), Accepted)]);
    assert_eq!(ledger.state.ledger().unwrap().code_version, 1);
    ledger.play([(Alice, put_at("a", 1, 4), Accepted)]);
}

/// EC-8: an accepted credit is counted when it is in force, and has its place in the total until then.
#[test]
fn gv_3_credits_come_into_force() {
    let mut ledger = ledger();
    let amount = ratio(500);
    let number = accepted(&mut ledger, Change::Credit { account: Bob.account(), amount });
    ledger.play([(Operator, activate(number, OPERATOR), Accepted)]);
    let account = |ledger: &Ledger| ledger.state.account(&Bob.account()).unwrap();
    assert_eq!(account(&ledger).credits, Amount::ZERO);
    assert_eq!(ledger.state.ledger().unwrap().pending_credits, amount);
    close(&mut ledger, &NODES);
    assert_eq!(account(&ledger).balance, amount);
    let record = ledger.state.ledger().unwrap();
    assert_eq!((record.pending_credits, record.treasury.credited), (Amount::ZERO, amount));
    assert!(record.scheduled.is_empty());
}

/// GV-8: a decision that was left lying overrides none that is newer.
#[test]
fn gv_8_a_stale_decision_is_superseded() {
    let mut ledger = ledger();
    ledger.play([(Operator, propose(OPERATOR, quorum(70), false), Accepted)]);
    close(&mut ledger, &NODES);
    ledger.play([(Alice, vote(1, COUNCIL, true), Accepted)]);
    while ledger.state.epoch() < 6 {
        close(&mut ledger, &NODES);
    }
    ledger.play([
        (Operator, propose(OPERATOR, quorum(60), false), Accepted),
        (Operator, activate(1, OPERATOR), Refused(Conflict)),
    ]);
}

/// GV-2: a node that the last facts name as revoked has no say, even while it is quarantined.
#[test]
fn gv_2_a_revoked_key_does_not_speak() {
    let mut ledger = ledger();
    ledger.play([
        (Operator, propose(OPERATOR, Change::Quarantine(0), true), Accepted),
        (Alice, vote(1, COUNCIL, true), Accepted),
        (Operator, activate(1, OPERATOR), Accepted),
    ]);
    let closing = make::advance_with(1, |facts| {
        *facts = make::facts(1, &NODES);
        facts.registry[0].revoked = true;
    });
    ledger.play([(Operator, closing, Accepted)]);
    assert_eq!(ledger.state.node(0).unwrap().standing, Standing::Quarantined);
    ledger.play([
        (Node(0), propose(Speaker::Node(0), quorum(70), false), Refused(Unauthorized)),
        (Node(1), propose(Speaker::Node(1), quorum(70), false), Accepted),
    ]);
}
