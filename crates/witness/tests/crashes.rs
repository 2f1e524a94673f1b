//! A witness that crashes at every write: rule WI-7.

mod common;

use common::{DIR, History, log_keys, made, signers};
use disk::sim::{Ending, Faults, SimDisk};
use eqm_log::TreeHash;
use std::path::Path;
use witness::Witness;

/// Seeds for each write point: what a crash leaves is drawn from them.
const SEEDS: u64 = 30;

/// What the outside world has: sizes and roots that came with a cosignature.
type Cosigned = Vec<(u64, TreeHash)>;

fn open(disk: &SimDisk) -> Option<Witness<SimDisk>> {
    Witness::open(disk.clone(), Path::new(DIR), signers()).ok()
}

/// Asks for the next checkpoint of a history as a log does, which goes by what the witness says of itself.
fn ask(witness: &Witness<SimDisk>, history: &History, new: u64, cosigned: &mut Cosigned) -> bool {
    let mut old = 0;
    for _ in 0..2 {
        match witness.add_checkpoint(history.request(old.min(new), new).as_bytes(), 7) {
            Ok(answer) => {
                cosigned.push((answer.checkpoint.size, answer.checkpoint.root));
                return true;
            }
            Err(refusal) => match refusal.seen() {
                Some(size) if size != old => old = size,
                _ => return false,
            },
        }
    }
    false
}

/// One history: a fork asks first, then, whatever became of that, the other.
fn requests(witness: &Witness<SimDisk>, forks: &[History; 2], cosigned: &mut Cosigned) {
    ask(witness, &forks[0], 6, cosigned);
    ask(witness, &forks[0], 10, cosigned);
    ask(witness, &forks[1], 10, cosigned);
    ask(witness, &forks[1], 12, cosigned);
}

fn one_history(cosigned: &Cosigned, forks: &[History; 2]) -> bool {
    forks.iter().any(|fork| cosigned.iter().all(|(size, root)| fork.root(*size) == *root))
}

/// The crash is at write point `point` of everything from the first request on; then both forks ask again, the second
/// first, and a second crash is at write point `again` of the recovery.
fn history(seed: u64, point: u64, again: u64, ending: Ending, forks: &[History; 2]) -> (u64, u64) {
    let disk = SimDisk::new(seed);
    drop(made(&disk, Path::new(DIR)));
    let mut cosigned = Cosigned::new();
    let before = disk.points();
    disk.set_faults(Faults { crash_at: Some(before + point), ..Faults::default() });
    if let Some(witness) = open(&disk) {
        requests(&witness, forks, &mut cosigned);
    }
    let first = disk.points() - before;
    disk.restart(ending);
    let before = disk.points();
    disk.set_faults(Faults { crash_at: Some(before + again), ..Faults::default() });
    let mut swapped = forks.clone();
    swapped.reverse();
    if let Some(witness) = open(&disk) {
        requests(&witness, &swapped, &mut cosigned);
    }
    let second = disk.points() - before;
    disk.restart(ending);
    let witness = open(&disk).expect("a crash leaves a record that reads");
    let size = witness.logs()[0].size;
    assert!(cosigned.iter().all(|(cosigned, _)| *cosigned <= size), "the witness forgot");
    // One of the two can go on; the other cannot, once they differ.
    let goes_on = [0, 1].map(|fork| ask(&witness, &forks[fork], 14, &mut cosigned));
    assert!(goes_on[0] != goes_on[1], "{goes_on:?}");
    assert!(
        one_history(&cosigned, forks),
        "seed {seed}, point {point}, then {again}: {cosigned:?}"
    );
    (first, second)
}

/// WI-7: every write point of two lives, and every way for a life to end.
#[test]
fn wi_7_no_crash_makes_it_forget() {
    let forks = [History::new(4, 1, 14), History::new(4, 2, 14)];
    let (points, _) = history(0, u64::MAX / 2, u64::MAX / 2, Ending::ProcessKilled, &forks);
    assert!(points >= 12, "{points}");
    let mut histories = 0;
    for ending in [Ending::ProcessKilled, Ending::PowerLost] {
        for point in 1..=points + 1 {
            let (_, recovery) = history(0, point, u64::MAX / 2, ending, &forks);
            for again in 1..=recovery + 1 {
                for seed in 0..SEEDS / recovery.max(1) + 1 {
                    history(seed * 1_000 + point, point, again, ending, &forks);
                    histories += 1;
                }
            }
        }
    }
    assert!(histories > 500, "{histories}");
}

/// WI-4, WI-7: a crash while a witness is made, or gets to know a log, leaves it undone or done.
#[test]
fn wi_7_no_crash_breaks_the_making() {
    let make = |disk: &SimDisk| -> Result<(), witness::WitnessError> {
        let dir = Path::new(DIR);
        match Witness::create(disk, dir, common::NAME, &signers()) {
            Err(witness::WitnessError::Exists(_)) => {}
            created => created?,
        }
        Witness::open(disk.clone(), dir, signers())?.trust(&log_keys())
    };
    let disk = SimDisk::new(0);
    make(&disk).unwrap();
    for point in 1..=disk.points() {
        for seed in 0..20 {
            let disk = SimDisk::new(seed);
            disk.set_faults(Faults { crash_at: Some(point), ..Faults::default() });
            assert!(make(&disk).is_err());
            disk.restart(Ending::PowerLost);
            make(&disk).unwrap();
            assert_eq!(open(&disk).unwrap().logs().len(), 1);
        }
    }
}
