//! The auditor over a log, beside a plain SHA3-256 of the same file.

use super::{Figure, broken, commit, per_second};
use crate::error::Result;
use protocol::Hash32;
use std::{path::Path, time::Instant};

const ENTRIES: u64 = 100_000;

pub fn replay(dir: &Path) -> Result<Figure> {
    let mut ledger = commit::ledger(dir)?;
    commit::fill(&mut ledger, 0..ENTRIES)?;
    let mut file = Vec::new();
    ledger.export(&mut file, |_| ())?;
    let keys = ledger.verifier_keys()?;
    let began = Instant::now();
    let report = replay::cli::threads::audit(file.as_slice(), &keys, &mut |_| ());
    let value = per_second(report.entries, began.elapsed());
    if let Some(divergence) = report.divergence {
        return Err(broken(divergence));
    }
    let began = Instant::now();
    std::hint::black_box(Hash32::of(&file));
    let plain = per_second(report.entries, began.elapsed());
    let beside = ("plain SHA3-256 of the file", plain);
    Ok(Figure {
        part: String::new(),
        value,
        unit: "entries/s",
        batch: ENTRIES,
        durable: false,
        beside,
    })
}
