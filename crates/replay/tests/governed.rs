//! The generated log is governed: every kind of change by both electorates, every refusal of governance, every way of
//! a node's life.

mod common;

use std::collections::BTreeSet;

use common::LARGE;
use protocol::{
    Action, EntryBody, Event, Outcome,
    error::ErrorCode::{
        self, Conflict, InsufficientFunds, InvalidInput, Limit, NoQuorum, NotFound, TooEarly,
        TooLate, Unauthorized,
    },
    governance::Electorate,
    node::Standing,
};
use replay::workload::Log;

fn bodies() -> Vec<EntryBody> {
    let log = Log::generate(&LARGE).unwrap();
    log.bodies.iter().map(|body| EntryBody::from_bytes(body).unwrap()).collect()
}

fn name(action: &Action) -> &'static str {
    match action {
        Action::Propose(_) => "propose",
        Action::Vote(_) => "vote",
        Action::Activate { .. } => "activate",
        Action::Credit { .. } => "credit",
        Action::Exit { .. } => "exit",
        Action::RecordScore(_) => "score",
        Action::Reassign(_) => "reassign",
        Action::Store(_) => "store",
        _ => "other",
    }
}

/// GV-3, GV-7, GV-8, EC-8, EC-11, RG-8, PL-8: every refusal that the rules name is in the log.
#[test]
fn every_refusal_of_governance_is_in_the_generated_log() {
    let refused: BTreeSet<(&str, u16)> = bodies()
        .iter()
        .filter_map(|body| match body.outcome {
            Outcome::Rejected(code) => Some((name(&body.command.action), code.number())),
            Outcome::Accepted(_) => None,
        })
        .collect();
    let table: [(&str, &[ErrorCode]); 8] = [
        ("propose", &[InvalidInput, Unauthorized, Limit, NotFound, Conflict, TooEarly]),
        ("vote", &[NotFound, Unauthorized, TooEarly, TooLate, Conflict]),
        ("activate", &[NotFound, Conflict, TooEarly, TooLate, NoQuorum]),
        ("credit", &[InvalidInput, Limit, Unauthorized]),
        ("exit", &[NotFound, Unauthorized, Conflict]),
        ("score", &[Limit, Unauthorized, NotFound]),
        ("reassign", &[Conflict]),
        ("store", &[InsufficientFunds, ErrorCode::NoEligibleNodes]),
    ];
    let missing: Vec<(&str, &ErrorCode)> = table
        .iter()
        .flat_map(|(action, codes)| codes.iter().map(|code| (*action, code)))
        .filter(|(action, code)| !refused.contains(&(*action, code.number())))
        .collect();
    assert_eq!(missing, []);
}

/// GV-3, GV-4, GV-10: each kind of change comes into force, but for the code version, which would end the log for this
/// engine; both electorates decide, and both ways of voting are used.
#[test]
fn every_kind_of_change_is_in_the_generated_log() {
    let (mut kinds, mut electorates, mut emergencies) = (Vec::new(), Vec::new(), 0);
    let (mut in_force, mut node_votes) = (BTreeSet::new(), BTreeSet::new());
    for body in bodies() {
        let Outcome::Accepted(event) = &body.outcome else { continue };
        match (&body.command.action, event) {
            (Action::Propose(propose), Event::Proposed { electorate, .. }) => {
                kinds.push(propose.change.kind());
                electorates.push(*electorate);
                emergencies += u32::from(propose.emergency);
            }
            (Action::Vote(vote), _)
                if electorates[vote.proposal as usize - 1] == Electorate::Nodes =>
            {
                let protocol::Authorization::Signature { key, .. } = &body.command.authorization
                else {
                    panic!("an unsigned vote")
                };
                node_votes.insert(key.suite.name());
            }
            (_, Event::EpochClosed(closed)) => {
                in_force.extend(closed.changes.iter().map(|number| {
                    let at = *number as usize - 1;
                    (kinds[at], electorates[at].name())
                }));
            }
            _ => {}
        }
    }
    for kind in ["parameter", "rule", "quarantine", "reinstate", "credit"] {
        assert!(in_force.contains(&(kind, "council")), "{kind} by the council");
    }
    for kind in ["parameter", "rule", "expel", "reinstate", "credit"] {
        assert!(in_force.contains(&(kind, "nodes")), "{kind} by nodes: {in_force:?}");
    }
    assert!(kinds.contains(&"code_version") && emergencies >= 3);
    assert_eq!(Vec::from_iter(node_votes), ["ML-DSA-44", "ML-DSA-65", "ML-DSA-87"]);
}

/// RG-6: nodes of every standing, and every step of the table from one to another that this log can take.
#[test]
fn every_standing_is_in_the_generated_log() {
    let mut before: Vec<Standing> = Vec::new();
    let mut steps = BTreeSet::new();
    for body in bodies() {
        match (&body.command.action, &body.outcome) {
            (Action::Exit { node }, Outcome::Accepted(_)) => {
                before[*node as usize] = Standing::Draining;
            }
            (_, Outcome::Accepted(Event::EpochClosed(closed))) => {
                before.resize(closed.nodes.len(), Standing::Probation);
                for (was, node) in before.iter_mut().zip(&closed.nodes) {
                    steps.insert((*was, node.standing));
                    *was = node.standing;
                }
            }
            _ => {}
        }
    }
    use Standing::{Active, Degraded, Draining, Exited, Expelled, Probation, Quarantined, Revoked};
    for step in [
        (Probation, Probation),
        (Probation, Active),
        (Active, Active),
        (Active, Degraded),
        (Degraded, Active),
        (Active, Revoked),
        (Revoked, Probation),
        (Active, Quarantined),
        (Degraded, Quarantined),
        (Quarantined, Quarantined),
        (Quarantined, Probation),
        (Draining, Draining),
        (Draining, Exited),
        (Exited, Exited),
        (Expelled, Expelled),
    ] {
        assert!(steps.contains(&step), "{step:?} in {steps:?}");
    }
    assert!(steps.iter().any(|(was, now)| *was != Expelled && *now == Expelled), "{steps:?}");
}
