//! The log must keep its promises (`spec/journal.md`, JO-3 to JO-5) in every history.

use journal::{Log, log::Cause, segment};
use simulator::{
    Ending, Faults, SimDisk,
    log_history::{Corruption, Plan, SIZES, Summary, run, run_crashing},
};
use std::path::Path;

const CALM: Plan = Plan {
    steps: 60,
    crash_within: 0,
    failing_sync: 0,
    full_disk: 0,
    corruption: Corruption::None,
};

/// Runs one history for each seed; the sum of what became of them.
fn run_all(seeds: std::ops::Range<u64>, plan: Plan) -> (Summary, u64) {
    let mut sum = Summary::default();
    let mut found = 0;
    for seed in seeds {
        let (one, _) = run(seed, &plan).unwrap_or_else(|violation| panic!("{violation}"));
        sum.entries += one.entries;
        sum.restarts += one.restarts;
        sum.cuts += one.cuts;
        found += u64::from(one.damage_found);
    }
    (sum, found)
}

#[test]
fn jo_3_nothing_is_cut_where_nothing_fails() {
    let (sum, _) = run_all(0..100, CALM);
    assert!(sum.entries > 3_000 && sum.restarts > 200, "{sum:?}");
}

/// JO-4: crashes at any point, recovery among them, lose nothing that was acknowledged.
#[test]
fn jo_4_crashes_lose_no_acknowledged_entry() {
    let (sum, _) = run_all(0..800, Plan { crash_within: 40, ..CALM });
    assert!(sum.restarts > 1_600 && sum.cuts > 150, "{sum:?}");
}

/// JO-4: also when crashes are so close that recovery itself is rarely finished.
#[test]
fn jo_4_recovery_can_be_interrupted_again_and_again() {
    let (sum, _) = run_all(0..500, Plan { crash_within: 6, ..CALM });
    assert!(sum.restarts > 5_000, "{sum:?}");
}

/// JO-3: a failed sync may leave in memory what is not on the disk; nobody is told that it is.
#[test]
fn jo_3_failed_syncs_lose_no_acknowledged_entry() {
    let (sum, _) = run_all(0..800, Plan { failing_sync: 8, crash_within: 60, ..CALM });
    assert!(sum.restarts > 1_600, "{sum:?}");
}

/// JO-1, JO-3: a full disk refuses, and opening again needs no room.
#[test]
fn jo_3_a_full_disk_loses_no_acknowledged_entry() {
    let (sum, _) = run_all(0..500, Plan { full_disk: 2, crash_within: 80, ..CALM });
    assert!(sum.restarts > 1_000, "{sum:?}");
    run_all(0..500, Plan { full_disk: 1, ..CALM });
}

/// JO-5: one turned bit is found, or changes nothing that a later group vouched for.
#[test]
fn jo_5_rot_is_found_or_harmless() {
    let (_, found) = run_all(0..1_000, Plan { corruption: Corruption::Rot, ..CALM });
    assert!(found > 500, "{found}");
}

/// JO-5: a sector in a wrong place is never read as something that was not written.
#[test]
fn jo_5_misdirected_sectors_are_never_misread() {
    let plan = Plan { corruption: Corruption::Misdirected(10), crash_within: 60, ..CALM };
    let (_, found) = run_all(0..1_000, plan);
    assert!(found > 250, "{found}");
}

/// Chance is nothing but the seed: the same history, operation by operation.
#[test]
fn the_same_seed_is_the_same_history() {
    let plan = Plan { crash_within: 20, failing_sync: 10, full_disk: 5, ..CALM };
    for seed in 0..20 {
        let first = run(seed, &plan).unwrap_or_else(|violation| panic!("{violation}"));
        assert_eq!(run(seed, &plan).ok(), Some(first));
    }
    assert_ne!(run(1, &plan).ok(), run(2, &plan).ok());
}

/// JO-4: one history, stopped at each of its points, and again at each of the first points of the recovery from that;
/// every time with other sectors and names lost.
#[test]
fn jo_4_every_point_of_a_history_and_of_its_recovery_can_be_the_last() {
    let plan = Plan { steps: 50, ..CALM };
    let (whole, _) = run(3, &plan).unwrap_or_else(|violation| panic!("{violation}"));
    assert!(whole.points > 60, "{whole:?}");
    for crash in 1..=whole.points {
        for in_recovery in 1..=6 {
            for disk in 0..8 {
                let run = run_crashing(3, disk, &plan, &[crash, in_recovery]);
                let (broken, _) = run.unwrap_or_else(|violation| panic!("{violation}"));
                assert!(broken.restarts > 1, "it was stopped at {crash}");
            }
        }
    }
}

/// JO-1: zeros ahead need room that is there; groups are taken as long as they fit themselves.
#[test]
fn jo_1_a_disk_is_filled_to_its_last_group() {
    let disk = SimDisk::new(1);
    disk.set_faults(Faults { room: Some(3_000), ..Faults::default() });
    let dir = Path::new("/log");
    let (mut log, _) = Log::open_sized(disk.clone(), dir, SIZES).unwrap();
    let body = [vec![1; 100]];
    let taken = (0..100).take_while(|_| log.append(&[], &body, true).is_ok()).count();
    let group = segment::FRAME_LEN + segment::MIN_PAYLOAD + 100;
    assert_eq!(taken, (3_000 - segment::HEADER_LEN) / group);
    disk.restart(Ending::PowerLost);
    let (log, tail) = Log::open_sized(disk, dir, SIZES).unwrap();
    assert_eq!(log.len(), taken as u64);
    assert!(tail.cut.is_none_or(|cut| cut.cause == Cause::TornGroup));
}
