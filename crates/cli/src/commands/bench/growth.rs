//! A ledger that grows: what a command costs, what the process needs and how long a restart takes, at each power of ten.

use super::{Figure, Setup, broken, commit, per_second};
use crate::error::{CliError, Result};
use journal::Ledger;
use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

/// The first size that is measured.
const FIRST: u64 = 10_000;
/// Objects between two lines of progress.
const STEP: u64 = 200_000;
/// Entries between two state roots. A large ledger keeps its state at each of them.
const ROOT_EVERY: u64 = 65_536;
/// A little less than between two roots: nearly the most that is ever executed again.
const UNFLUSHED: u64 = 65_000;
const MIB: f64 = 1_048_576.0;

/// Three figures for each size, shown as soon as they are there.
pub fn growth(setup: &Setup<'_>) -> Result<Vec<Figure>> {
    if setup.objects < FIRST {
        return Err(CliError::Usage(format!("--objects must be {FIRST} or more")));
    }
    let mut ledger = commit::ledger(setup.dir)?;
    let (mut objects, mut first) = (0, None);
    let sizes = std::iter::successors(Some(FIRST), |size| size.checked_mul(10));
    for size in sizes.take_while(|size| *size <= setup.objects) {
        reset_peak();
        let added = size - objects;
        let time = grow(&mut ledger, objects..size, setup)?;
        let rate = per_second(added, time);
        let peak = peak_memory()?;
        let (clean, killed);
        (ledger, clean) = reopen_clean(ledger, setup.dir)?;
        let more = beyond(size);
        commit::fill(&mut ledger, size..size + more)?;
        (ledger, killed) = reopen_killed(ledger, setup.dir)?;
        objects = size + more;
        let figure = |part: &str, value, unit, batch, durable, beside| {
            let part = format!("{size}{part}");
            Figure { part, value, unit, batch, durable, beside }
        };
        let first = *first.get_or_insert(rate);
        let disk = bytes_below(setup.dir)? as f64 / MIB;
        let group = commit::GROUP as u64;
        let figures = [
            figure("", rate, "commands/s", group, true, ("the first 10,000", first)),
            figure(".memory", peak, "MiB", 1, false, ("log and state on the disk", disk)),
            figure(".open", clean, "s", 1, false, ("after an end without a flush", killed)),
        ];
        figures.iter().try_for_each(setup.show)?;
    }
    Ok(Vec::new())
}

/// Objects that are added before the end that is not clean: a small ledger shall stay about as large as it was.
const fn beyond(size: u64) -> u64 {
    let longest = ROOT_EVERY - size % ROOT_EVERY + UNFLUSHED;
    if longest <= size / 5 { longest } else { size / 10 }
}

fn grow(ledger: &mut Ledger, objects: std::ops::Range<u64>, setup: &Setup<'_>) -> Result<Duration> {
    let mut time = Duration::ZERO;
    for from in objects.clone().step_by(STEP as usize) {
        let end = objects.end.min(from + STEP);
        time += commit::fill(ledger, from..end)?;
        (setup.note)(&format!("growth: {end} objects"));
    }
    Ok(time)
}

fn reopen_clean(ledger: Ledger, dir: &Path) -> Result<(Ledger, f64)> {
    ledger.close()?;
    open(dir)
}

/// As after a kill, nothing is flushed and nothing is signed at the end.
fn reopen_killed(ledger: Ledger, dir: &Path) -> Result<(Ledger, f64)> {
    drop(ledger);
    open(dir)
}

fn open(dir: &Path) -> Result<(Ledger, f64)> {
    let began = Instant::now();
    let (ledger, _) = Ledger::open(&dir.join("ledger"))?;
    Ok((ledger, began.elapsed().as_secs_f64()))
}

/// Lets the kernel's peak begin anew. Where it refuses, the peak is that of the process so far.
fn reset_peak() {
    let _ = fs::write("/proc/self/clear_refs", "5");
}

/// The most memory that the process had, in MiB.
fn peak_memory() -> Result<f64> {
    let status = fs::read_to_string("/proc/self/status").map_err(broken)?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<f64>().ok());
    kib.map(|kib| kib / 1024.0).ok_or_else(|| broken("the system does not tell the peak of memory"))
}

fn bytes_below(dir: &Path) -> Result<u64> {
    let mut bytes = 0;
    for item in fs::read_dir(dir).map_err(broken)? {
        let item = item.map_err(broken)?;
        let about = item.metadata().map_err(broken)?;
        bytes += if about.is_dir() { bytes_below(&item.path())? } else { about.len() };
    }
    Ok(bytes)
}
