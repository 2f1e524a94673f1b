//! Explanations of a generated log: two of them word by word, the others against what the ledger has.

mod common;

use std::{collections::BTreeMap, fs, path::PathBuf};

use common::{ERASURE, GOVERNED};
use protocol::{
    Action, EntryBody, Event, Hash32, Outcome, Profile, command::Content, node::Standing,
};
use replay::{
    explain::{ExplainError, Explainer, Explanation},
    workload::{Log, Spec},
};
use storage_engine::content::shard_id;

/// Shards and nodes that are explained of a log.
const SAMPLES: usize = 12;

fn run(log: &Log, mut explainer: Explainer) -> Result<Explanation, ExplainError> {
    for body in &log.bodies {
        if !explainer.push(body)? {
            break;
        }
    }
    explainer.finish()
}

fn placement(
    log: &Log,
    object: &str,
    version: u64,
    shard: Hash32,
) -> Result<Explanation, ExplainError> {
    run(log, Explainer::placement(object, version, shard)?)
}

fn reward(log: &Log, node: &str, epoch: u64) -> Result<Explanation, ExplainError> {
    run(log, Explainer::reward(node, epoch)?)
}

fn bodies(log: &Log) -> Vec<EntryBody> {
    log.bodies.iter().map(|body| EntryBody::from_bytes(body).unwrap()).collect()
}

/// Where every copy stands at the end, by replaying stores, moves and purges alone.
struct Standings {
    profile: Profile,
    nodes: Vec<u32>,
    moved: Vec<u32>,
}

fn assignments(bodies: &[EntryBody]) -> BTreeMap<(String, u64), Standings> {
    let mut found = BTreeMap::new();
    for body in bodies {
        match (&body.command.action, &body.outcome) {
            (Action::Store(store), Outcome::Accepted(Event::Stored { assignment, .. })) => {
                let Content::Single(layout) = &store.content else { continue };
                let standings = Standings {
                    profile: layout.profile,
                    nodes: assignment.clone(),
                    moved: Vec::new(),
                };
                found.insert((store.object.0.clone(), store.version), standings);
            }
            (Action::Reassign(r), Outcome::Accepted(_)) => {
                let standings = found.get_mut(&(r.object.0.clone(), r.version)).unwrap();
                let at = r.column * u32::from(standings.profile.replicas) + r.copy;
                standings.nodes[at as usize] = r.to;
                standings.moved.push(r.column);
            }
            (Action::Purge { object, version }, Outcome::Accepted(_)) => {
                found.remove(&(object.0.clone(), *version));
            }
            _ => {}
        }
    }
    found
}

/// The text of a golden file. `QFS_GOLDEN=write` writes it anew; look at the difference before committing it.
#[track_caller]
fn golden(name: &str, found: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var("QFS_GOLDEN").as_deref() == Ok("write") {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, found).unwrap();
    }
    let expected = fs::read_to_string(&path).unwrap();
    assert_eq!(found, expected, "{name}");
}

/// A shard of the log that moved twice and is still there.
fn moved_twice(bodies: &[EntryBody]) -> (String, u64, u32) {
    let found = assignments(bodies);
    let moves = found.iter().flat_map(|((object, version), standings)| {
        let times = |column: u32| standings.moved.iter().filter(|moved| **moved == column).count();
        (0..standings.profile.columns()).map(move |column| (times(column), object, version, column))
    });
    let mut moves = moves.filter(|(times, ..)| *times == 2);
    let (_, object, version, column) = moves.next().expect("a shard that moved twice");
    (object.clone(), *version, column)
}

/// A node that was paid, in a late epoch.
fn first_paid(bodies: &[EntryBody]) -> (usize, u64) {
    let paid = bodies.iter().find_map(|body| match &body.outcome {
        Outcome::Accepted(Event::EpochClosed(closed)) if closed.epoch >= 9 => {
            let node = closed.nodes.iter().position(|node| node.reward.raw() > 0)?;
            Some((node, closed.epoch))
        }
        _ => None,
    });
    paid.expect("a node that was paid")
}

/// RP-13: one placement with its moves, word by word. `tests/independent/test_explanations.py` computes its numbers again.
#[test]
fn rp_13_a_placement_step_by_step() {
    let log = Log::generate(&GOVERNED).unwrap();
    let (object, version, column) = moved_twice(&bodies(&log));
    let shard = shard_id(&object, version, column);
    let found = placement(&log, &object, version, shard).unwrap();
    golden("explain-placement.txt", &found.to_string());
    golden("explain-placement.json", &format!("{}\n", found.to_json()));
}

/// RP-14: one reward, word by word.
#[test]
fn rp_14_a_reward_step_by_step() {
    let log = Log::generate(&GOVERNED).unwrap();
    let (node, epoch) = first_paid(&bodies(&log));
    let found = reward(&log, &format!("node-{node:03}"), epoch).unwrap();
    golden("explain-reward.txt", &found.to_string());
    golden("explain-reward.json", &format!("{}\n", found.to_json()));
}

/// RP-13: what is explained is where the copies are, with replicas and with parity.
#[test]
fn rp_13_placements_are_those_of_the_ledger() {
    for spec in [GOVERNED, Spec { epochs: 4, ..ERASURE }] {
        let log = Log::generate(&spec).unwrap();
        let found = assignments(&bodies(&log));
        let shards = found.iter().flat_map(|((object, version), standings)| {
            (0..standings.profile.columns())
                .map(move |column| (object, *version, column, standings))
        });
        for (object, version, column, standings) in shards.step_by(7).take(SAMPLES) {
            let replicas = usize::from(standings.profile.replicas);
            let first = column as usize * replicas;
            let names: Vec<String> = standings.nodes[first..first + replicas]
                .iter()
                .map(|node| format!("node-{node:03}"))
                .collect();
            let shard = shard_id(object, version, column);
            assert_eq!(placement(&log, object, version, shard).unwrap().result, names);
        }
    }
}

/// RP-14: what is explained is what was paid.
#[test]
fn rp_14_rewards_are_those_of_the_ledger() {
    let log = Log::generate(&GOVERNED).unwrap();
    let closed = bodies(&log).into_iter().filter_map(|body| match body.outcome {
        Outcome::Accepted(Event::EpochClosed(closed)) => Some(closed),
        _ => None,
    });
    let accounts = closed.flat_map(|closed| {
        (0u32..).zip(closed.nodes).map(move |(node, account)| (closed.epoch, node, account))
    });
    let mut paid = 0;
    for (epoch, node, account) in accounts.step_by(5) {
        let found = reward(&log, &format!("node-{node:03}"), epoch).unwrap();
        assert_eq!(found.result, [account.reward.to_string()]);
        paid += u32::from(account.reward.raw() > 0);
        assert_ne!((account.standing, account.reward.raw() > 0), (Standing::Exited, true));
    }
    assert!(paid > 3, "{paid}");
}

/// RP-12: what the log does not have is not explained.
#[test]
fn rp_12_what_is_not_there_is_not_found() {
    let log = Log::generate(&GOVERNED).unwrap();
    let (object, version, _) = moved_twice(&bodies(&log));
    let missing = [
        placement(&log, "nothing", 1, Hash32::ZERO),
        placement(&log, &object, version, Hash32::ZERO),
        reward(&log, "node-999", 2),
        reward(&log, "node-000", 99),
        run(&Log { bodies: Vec::new() }, Explainer::reward("node-000", 1).unwrap()),
    ];
    for found in missing {
        assert!(matches!(found, Err(ExplainError::NotFound(_))), "{found:?}");
    }
}

/// RP-12: a log that is not what the rules give is not explained, but its first divergence named.
#[test]
fn rp_12_a_forged_log_is_not_explained() {
    let log = Log::generate(&GOVERNED).unwrap();
    let mut forged = log.clone();
    let all = bodies(&log);
    let seq = all
        .iter()
        .position(|body| matches!(&body.outcome, Outcome::Accepted(Event::EpochClosed(c)) if c.epoch == 9))
        .unwrap();
    let mut body = all[seq].clone();
    let Outcome::Accepted(Event::EpochClosed(closed)) = &mut body.outcome else { unreachable!() };
    closed.nodes[4].proofs += 1;
    forged.bodies[seq] = body.to_bytes();
    let Err(ExplainError::Diverges(found)) = reward(&forged, "node-004", 9) else {
        panic!("a forged reward was explained")
    };
    assert_eq!(found.seq(), Some(seq as u64));
    assert!(found.field.ends_with("proofs"), "{found}");
}
