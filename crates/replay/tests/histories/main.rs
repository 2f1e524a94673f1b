//! Random histories of commands, and the laws that no sequence of them may break.
//!
//! Each history is a ledger of its own: clients store and end versions, nodes join, leave and fail audits, the operator
//! credits and closes epochs, everybody proposes and votes, with right keys and wrong ones. After every command the laws are
//! held against sums that are kept apart from the engine; at the end the exported log goes through the auditor.
//!
//! `QFS_HISTORIES` says how many, `QFS_HISTORIES_FROM` from which seed on; `make histories` runs a hundred thousand.

mod draw;
mod laws;
mod ledger;
mod play;

use ledger::Ledger;
use std::{
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

/// Histories without being asked for more; `make histories` asks for more.
const HISTORIES: u64 = 300;

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().expect(name))
}

/// EC-5, EC-8, EC-9, GV-4, GV-5, GV-10, RG-7: conservation, caps, and eligibility that stands for an epoch; replay agrees.
#[test]
fn ec_5_no_sequence_of_commands_breaks_a_law() {
    let (from, count) = (number("QFS_HISTORIES_FROM", 0), number("QFS_HISTORIES", HISTORIES));
    let (next, tally) = (AtomicU64::new(from), Mutex::new(ledger::Tally::default()));
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                let mut keys = ledger::Keys::default();
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= from + count {
                        return;
                    }
                    let seen = history(seed, &mut keys);
                    tally.lock().unwrap().add(&seen);
                }
            });
        }
    });
    let tally = tally.into_inner().unwrap();
    println!("{count} histories: {tally}");
    assert!(tally.commands >= 40 * count, "{tally}");
    if count >= HISTORIES {
        tally.assert_varied();
    }
}

fn history(seed: u64, keys: &mut ledger::Keys) -> ledger::Tally {
    let mut ledger = Ledger::open(seed, keys);
    play::all(&mut ledger);
    ledger.finish()
}
