//! What a restart costs when nothing was kept but the log.

use super::{Figure, broken, commit, per_second};
use crate::error::Result;
use journal::Ledger;
use std::{path::Path, time::Instant};

/// Fewer than after which the state is kept by itself, so that all of them are executed again.
const ENTRIES: u64 = 60_000;

/// Entries a second, beside those of their first execution; seconds to open, beside reading the log.
pub fn recovery(dir: &Path) -> Result<Vec<Figure>> {
    let mut ledger = commit::ledger(dir)?;
    let first = per_second(ENTRIES, commit::fill(&mut ledger, 0..ENTRIES)?);
    // Not closed: as after a kill, nothing is flushed and nothing is signed.
    drop(ledger);
    let began = Instant::now();
    let (ledger, recovery) = Ledger::open(&dir.join("ledger"))?;
    let took = began.elapsed();
    if recovery.re_executed < ENTRIES {
        return Err(broken("the state was kept, so that nothing was measured"));
    }
    let began = Instant::now();
    ledger.read::<journal::JournalError>(0, |entry| {
        Ok(!std::hint::black_box(entry).body.is_empty())
    })?;
    let read = began.elapsed();
    let figure = |part: &str, value, unit, beside| {
        let (part, batch, durable) = (part.to_owned(), recovery.re_executed, false);
        Figure { part, value, unit, batch, durable, beside }
    };
    let rate = per_second(recovery.re_executed, took);
    let beside = ("their first execution, 8,000 a group", first);
    let open = ("reading the log, its chain verified", read.as_secs_f64());
    Ok(vec![figure("", rate, "entries/s", beside), figure("open", took.as_secs_f64(), "s", open)])
}
