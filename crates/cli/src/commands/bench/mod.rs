//! `bench`: what the parts cost here, each beside a plain thing done to the same bytes in the same run.

mod commit;
mod content;
mod hashing;
mod replaying;

use crate::{
    app::App,
    args::BenchArgs,
    error::{CliError, Result},
};
use protocol::ErrorCode;
use serde_json::json;
use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// One measurement.
pub struct Figure {
    /// What was measured.
    pub value: f64,
    /// Its unit.
    pub unit: &'static str,
    /// Commands, objects or messages that were handed over at a time.
    pub batch: u64,
    /// Whether every batch was on the disk before the next.
    pub durable: bool,
    /// What was run beside it, and its value in the same unit.
    pub beside: (&'static str, f64),
}

type Bench = fn(&Path) -> Result<Figure>;

/// Names, and what each measures.
const BENCHES: [(&str, &str, Bench); 12] = [
    ("commit.group_1", "durable Store commands, one a group", |dir| commit::groups(dir, 1)),
    ("commit.group_32", "durable Store commands, 32 a group", |dir| commit::groups(dir, 32)),
    ("commit.group_512", "durable Store commands, 512 a group", |dir| commit::groups(dir, 512)),
    ("commit.group_8000", "durable Store commands, 8,000 a group", |dir| {
        commit::groups(dir, 8_000)
    }),
    ("put.256mib", "an object of 256 MiB, three copies", |dir| content::put(dir, 256 << 20, 1)),
    ("get.256mib", "an object of 256 MiB, verified", |dir| content::get(dir, 256 << 20, 1)),
    ("put.1mib", "objects of 1 MiB, 64 a batch", |dir| content::put(dir, 1 << 20, 64)),
    ("put.4kib", "objects of 4 KiB, 128 a batch", |dir| content::put(dir, 4 << 10, 128)),
    ("get.4kib", "objects of 4 KiB, verified", |dir| content::get(dir, 4 << 10, 128)),
    ("replay", "entries audited and executed again", replaying::replay),
    ("keccak.leaf_4k", "leaves of 4 KiB", |_| hashing::leaves()),
    ("keccak.node", "nodes of a shard tree", |_| hashing::nodes()),
];

pub fn run(app: &mut App, args: &BenchArgs) -> Result<()> {
    if args.list {
        return BENCHES.iter().try_for_each(|(name, about, _)| {
            app.out.row(&json!({ "name": name, "about": about }), || format!("{name:<18} {about}"))
        });
    }
    if let Some(unknown) = args.names.iter().find(|name| !BENCHES.iter().any(|b| b.0 == **name)) {
        return Err(CliError::Usage(format!("no benchmark {unknown:?}; see qfs bench --list")));
    }
    for (name, _, bench) in BENCHES {
        if !args.names.is_empty() && !args.names.iter().any(|wanted| wanted == name) {
            continue;
        }
        let scratch = Scratch::new(args.dir.as_deref())?;
        let figure = bench(&scratch.0)?;
        show(app, name, &figure)?;
    }
    Ok(())
}

fn show(app: &App, name: &str, figure: &Figure) -> Result<()> {
    let Figure { value, unit, batch, durable, beside } = figure;
    let ratio = value / beside.1;
    let document = json!({
        "name": name, "value": value, "unit": unit, "batch": batch, "durable": durable,
        "beside": { "name": beside.0, "value": beside.1 }, "ratio": ratio,
    });
    app.out.row(&document, || {
        let durable = if *durable { ", durable" } else { "" };
        format!(
            "{name:<18} {value:>12.1} {unit} (batch {batch}{durable}); {} {:.1}; ratio {ratio:.2}",
            beside.0, beside.1
        )
    })
}

/// A directory that goes with its owner.
struct Scratch(PathBuf);

impl Scratch {
    fn new(parent: Option<&Path>) -> Result<Self> {
        let parent = parent.map_or_else(std::env::temp_dir, Path::to_path_buf);
        let path = parent.join(format!("qfs-bench.{}", std::process::id()));
        std::fs::create_dir(&path).map_err(|error| CliError::io("cannot make", &path, &error))?;
        Ok(Self(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Runs `work` until enough time has passed to mean something; returns how often, and how long it took.
fn repeat(mut work: impl FnMut(u64) -> Result<()>) -> Result<(u64, Duration)> {
    let began = Instant::now();
    let mut rounds = 0;
    while began.elapsed() < Duration::from_millis(1_500) {
        work(rounds)?;
        rounds += 1;
    }
    Ok((rounds, began.elapsed()))
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

fn per_second(count: u64, time: Duration) -> f64 {
    count as f64 / time.as_secs_f64()
}

fn broken(what: impl std::fmt::Display) -> CliError {
    CliError::failed(ErrorCode::Internal, what)
}

/// A small generator: the same bytes in every run.
fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend(state.to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}
