//! What the state root costs: as many new records as two for each of 65,536 entries, put at once into trees of
//! several sizes whose pages are in memory.
//!
//! `cargo bench -p storage-engine --profile dev --features keccak-batch/std [-- RECORDS…]`: without the feature
//! only what the target was compiled for is measured.

use std::{collections::BTreeMap, time::Duration};

use protocol::Hash32;
use storage_engine::state::tree::{self, Broken, Change, Pages};

/// Records that change at once: two for each entry between two roots (ST-6).
const CHANGED: u64 = 131_072;

/// Records of a tree before the change, unless others are asked for.
const SIZES: [u64; 3] = [0, 200_000, 2_000_000];

/// How often each figure is measured; the best counts.
const REPEATS: u64 = 10;

type Writes = Vec<(Vec<u8>, Option<Vec<u8>>)>;

#[derive(Default)]
struct Memory(BTreeMap<Vec<u8>, Vec<u8>>);

impl Pages for Memory {
    type Error = Broken;

    fn read(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Broken> {
        Ok(self.0.get(key).cloned())
    }
}

impl Memory {
    fn update(&self, changes: &[Change]) -> Writes {
        let mut writes = Vec::new();
        tree::update(self, changes, &mut |key, page| writes.push((key, page)))
            .expect("whole pages");
        writes
    }

    fn write(&mut self, writes: Writes) {
        for (key, page) in writes {
            match page {
                Some(page) => self.0.insert(key, page),
                None => self.0.remove(&key),
            };
        }
    }

    fn of(records: u64) -> Self {
        let mut memory = Self::default();
        for first in (0..records).step_by(100_000) {
            let writes = memory.update(&inserts(first, (records - first).min(100_000)));
            memory.write(writes);
        }
        memory
    }
}

fn main() {
    let asked: Vec<u64> = std::env::args().filter_map(|word| word.parse().ok()).collect();
    println!(
        "{CHANGED} new records at once; the least processor time of {REPEATS} updates, each of other records"
    );
    for records in if asked.is_empty() { SIZES.to_vec() } else { asked } {
        measure(records);
    }
}

/// Prints one line for a tree of this size.
fn measure(records: u64) {
    let memory = Memory::of(records);
    let stored: usize = memory.0.values().map(Vec::len).sum();
    let mut best = Duration::MAX;
    let (mut pages, mut bytes) = (0, 0);
    for repeat in 0..REPEATS {
        let changes = inserts((1 << 40) + repeat * CHANGED, CHANGED);
        let start = cpu_time();
        let writes = memory.update(&changes);
        best = best.min(cpu_time().saturating_sub(start));
        pages = writes.len();
        bytes = writes.iter().filter_map(|(_, page)| Some(page.as_ref()?.len())).sum();
    }
    println!(
        "into {records:>9} in {:>7} pages ({:>4} MB): {:>6.1} ms, {:>5} ns a record, {pages} pages written ({} MB)",
        memory.0.len(),
        stored / 1_000_000,
        best.as_secs_f64() * 1e3,
        best.as_nanos() / u128::from(CHANGED),
        bytes / 1_000_000,
    );
}

/// What this thread has had of a processor: other work on the machine does not count.
fn cpu_time() -> Duration {
    let spent = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux tells");
    let nanos = spent.split_whitespace().next().and_then(|number| number.parse().ok());
    Duration::from_nanos(nanos.expect("its first number is the time on a processor"))
}

fn inserts(first: u64, count: u64) -> Vec<Change> {
    let record = |n: u64| (Hash32::of(&n.to_be_bytes()), Some(Hash32::of(&n.to_le_bytes())));
    let mut changes: Vec<Change> = (first..first + count).map(record).collect();
    changes.sort_unstable();
    changes
}
