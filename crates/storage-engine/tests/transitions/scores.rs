//! Scores of versions (EC-11).

use crate::common::{
    Accepted, By,
    By::*,
    Ledger, NotAdmitted, Refused,
    make::{self, advance, delete, object, parameters, purge, put, score},
};
use protocol::{ErrorCode::*, Parameters, Profile, governance::Change, rules::Rule};
use storage_engine::state::records::ScoreRecord;

fn recorded(ledger: &Ledger, version: u64) -> Option<ScoreRecord> {
    ledger.state.score(&object("a"), version).unwrap()
}

/// EC-11: refusals, in their order.
#[test]
fn ec_11_refusals() {
    Ledger::with_nodes(3).play([
        (Alice, put("a", 1), Accepted),
        (Alice, delete("a", 2), Accepted),
        (Bob, score("", 1, 7), NotAdmitted(InvalidInput)),
        (Bob, score("a", 0, 7), NotAdmitted(InvalidVersion)),
        (Bob, score("a", 1, 1_000_001), NotAdmitted(Limit)),
        (Bob, score("a", 1, u32::MAX), NotAdmitted(Limit)),
        (Bob, score("none", 1, 7), Refused(Unauthorized)),
        (Operator, score("a", 1, 7), Refused(Unauthorized)),
        (Unsigned, score("a", 1, 7), Refused(Unauthorized)),
        (Alice, score("none", 1, 7), Refused(NotFound)),
        (Alice, score("a", 3, 7), Refused(NotFound)),
        (Alice, score("a", 2, 7), Refused(NotFound)),
        (Alice, score("a", 1, 1_000_000), Accepted),
        (Alice, score("a", 1, 0), Accepted),
    ]);
}

/// EC-11: the operator scores like any other account that the rule lists, and by its signature only.
#[test]
fn ec_11_an_operator_that_scores() {
    let mut genesis = make::genesis(3);
    genesis.rules.scorers = vec![Operator.account()];
    Ledger::open(genesis).play([
        (Alice, put("a", 1), Accepted),
        (Alice, score("a", 1, 7), Refused(Unauthorized)),
        (Unsigned, score("a", 1, 7), Refused(Unauthorized)),
        (Operator, score("a", 1, 7), Accepted),
    ]);
}

/// EC-11: a later score replaces the one before, also another scorer's; it ends with its version, and with no other.
#[test]
fn ec_11_replaced_and_ended() {
    let mut genesis = make::genesis(3);
    genesis.rules.scorers = [Alice, Bob].map(By::account).to_vec();
    genesis.rules.scorers.sort();
    let mut ledger = Ledger::open(genesis);
    ledger.play([
        (Alice, put("a", 1), Accepted),
        (Alice, put("a", 2), Accepted),
        (Alice, score("a", 1, 7), Accepted),
        (Alice, score("a", 2, 8), Accepted),
    ]);
    let first = ScoreRecord { score: 7, scorer: Alice.account(), seq: 3 };
    assert_eq!(recorded(&ledger, 1), Some(first));
    ledger.play([(Bob, score("a", 1, 9), Accepted)]);
    let second = ScoreRecord { score: 9, scorer: Bob.account(), seq: 5 };
    assert_eq!(recorded(&ledger, 1), Some(second));
    ledger.play([(Alice, delete("a", 3), Accepted), (Alice, purge("a", 3), Accepted)]);
    assert_eq!(recorded(&ledger, 1), Some(second), "a marker changes nothing");
    ledger.play([(Alice, purge("a", 1), Accepted), (Bob, score("a", 1, 9), Refused(NotFound))]);
    assert_eq!(recorded(&ledger, 1), None);
    assert_eq!(recorded(&ledger, 2).map(|record| record.score), Some(8));
}

/// EC-11: a score costs nothing, even where fees are prepaid, and nothing depends on it.
#[test]
fn ec_11_an_observation() {
    let prepaid = Parameters { prepaid: true, ..parameters(Profile::QFS_V13) };
    let mut ledger = Ledger::open(make::genesis_with(3, prepaid));
    ledger.play([(Operator, make::credit(Bob, 100), Accepted), (Bob, put("a", 1), Accepted)]);
    let seen = |ledger: &Ledger| {
        let version = ledger.state.version(&object("a"), 1).unwrap();
        let accounts = [Alice, Bob].map(|by| ledger.state.account(&by.account()).unwrap());
        (version, accounts, ledger.state.ledger().cloned(), ledger.state.nodes().to_vec())
    };
    let before = seen(&ledger);
    ledger.play([(Alice, score("a", 1, 1_000_000), Accepted)]);
    assert_eq!(seen(&ledger), before);
}

/// RG-5, GV-10: who scores is a rule like any other; what was recorded before stays.
#[test]
fn rg_5_other_scorers() {
    let mut ledger = Ledger::with_nodes(3);
    ledger.play([(Alice, put("a", 1), Accepted), (Alice, score("a", 1, 7), Accepted)]);
    ledger.enact(Change::Rule(Rule::Scorers(vec![Bob.account()])));
    ledger.play([
        (Bob, score("a", 1, 9), Refused(Unauthorized)),
        (Alice, score("a", 1, 8), Accepted),
        (Operator, advance(1, &[0, 1, 2]), Accepted),
        (Alice, score("a", 1, 9), Refused(Unauthorized)),
    ]);
    assert_eq!(recorded(&ledger, 1).map(|record| record.score), Some(8));
    ledger.play([(Bob, score("a", 1, 9), Accepted)]);
}
