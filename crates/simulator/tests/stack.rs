//! The whole stack must keep its promises (`spec/journal.md`, JO-3 to JO-8) in every history, and no mistake that is
//! made on purpose may stay hidden.

use protocol::{Action, Command, CommandId, ObjectId};
use simulator::{
    SimDisk,
    stack::{
        client::Parties,
        flaw::Flaw,
        history::{SIZES, run},
        plan::draw,
        shrink::shrink,
        store::SimStore,
        summary::Summary,
    },
};
use std::path::Path;

/// Every receipt, listing, account and checkpoint is right in each of these histories, and they are worth something.
#[test]
fn jo_3_to_8_hold_in_every_history() {
    let parties = Parties::default();
    let mut sum = Summary::default();
    for seed in 0..2_000 {
        let done = run(&parties, &draw(seed), None);
        sum += done.unwrap_or_else(|violation| panic!("seed {seed}: {violation:?}")).summary;
    }
    assert!(sum.power_losses > 3_000 && sum.kills > 500 && sum.stops > 1_000, "{sum:?}");
    assert!(sum.failed_syncs > 50 && sum.failed_reads > 20 && sum.full > 20, "{sum:?}");
    assert!(sum.detected > 20 && sum.cuts > 300 && sum.lost > 3_000, "{sum:?}");
    assert!(sum.accepted > 5_000 && sum.rejected > 5_000 && sum.repeated > 500, "{sum:?}");
    assert!(sum.epochs > 1_000 && sum.proofs > 5 && sum.rewards > 5, "{sum:?}");
    assert!(sum.commits > 1_000 && sum.checkpoints > 200 && sum.re_executed > 10_000, "{sum:?}");
}

/// Chance is nothing but the seed: the same operations of the disk, the same answers.
#[test]
fn the_same_seed_is_the_same_history() {
    let parties = Parties::default();
    let trace = |seed| run(&parties, &draw(seed), None).map(|done| done.trace);
    for seed in 0..100 {
        assert_eq!(trace(seed), trace(seed));
    }
    assert_ne!(trace(1), trace(2));
}

fn is_found(flaw: Flaw) {
    let parties = Parties::default();
    let found = (0..1_000).find_map(|seed| {
        let violation = run(&parties, &draw(seed), Some(flaw)).err()?;
        Some((seed, violation))
    });
    let Some((seed, violation)) = found else { panic!("{} stays hidden", flaw.name()) };
    let (steps, shorter) = shrink(&parties, &draw(seed), violation, Some(flaw));
    assert_eq!(run(&parties, &steps, Some(flaw)), Err(shorter.clone()), "it fails again");
    assert!(steps.len() < draw(seed).len(), "{steps:?}");
    run(&parties, &steps, None).unwrap_or_else(|violation| {
        panic!("without {} the same steps fail too: {violation:?}", flaw.name())
    });
}

macro_rules! found {
    ($($test:ident = $flaw:ident,)*) => {
        $(#[test] fn $test() { is_found(Flaw::$flaw); })*

        #[test]
        fn every_flaw_has_its_test() {
            assert_eq!([$(Flaw::$flaw,)*], *Flaw::ALL);
        }
    };
}

found! {
    a_receipt_before_the_sync_is_found = EarlyReceipt,
    an_ignored_sync_error_is_found = IgnoredSyncError,
    a_state_ahead_of_the_log_is_found = StateAhead,
    a_directory_that_is_not_synced_is_found = NoDirectorySync,
    a_segment_too_few_in_recovery_is_found = LastSegmentForgotten,
    a_node_too_few_in_recovery_is_found = TreeCutShort,
    a_forgotten_command_id_is_found = ForgottenId,
    receipts_given_to_others_are_found = SwappedAnswers,
    a_checkpoint_before_the_sync_is_found = EarlyCheckpoint,
    a_tree_that_is_not_synced_is_found = TreeNotSynced,
    a_torn_commit_of_the_state_is_found = TornCommit,
    a_stale_link_of_an_audit_is_found = StaleLink,
}

/// JO-3: when the state store fails within a group, no entry may follow: what was executed before the failure is in no
/// group, and the next entry would stand at the wrong place.
#[test]
fn jo_3_nothing_is_executed_after_the_store_failed() {
    let parties = Parties::default();
    let disk = SimDisk::new(1);
    let store = SimStore::new(disk.clone(), None);
    let dir = Path::new("/ledger");
    let opened = journal::Executor::open_sized(disk, dir, store.clone(), &SIZES);
    let (mut executor, _) = opened.unwrap();
    executor.submit(vec![parties.open()]).unwrap();
    let delete = |number: u8| -> Command {
        let object = ObjectId(format!("object-{number}"));
        let action = Action::DeleteMarker { object, version: 1 };
        parties.command(CommandId([number; 16]), 1, 0, action)
    };
    let mut operations = 0;
    loop {
        store.fail_in(operations);
        let commands = (0..3).map(|n| delete(10 * operations as u8 + n)).collect();
        if executor.submit(commands).is_err() {
            break;
        }
        operations += 1;
    }
    let after = executor.submit(vec![delete(200)]);
    assert!(after.is_err(), "{after:?}");
}
