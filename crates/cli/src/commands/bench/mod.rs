//! `bench`: what the parts cost here, each beside a plain thing done to the same bytes in the same run.

mod commit;
mod content;
mod growth;
mod hashing;
mod recovery;
mod replaying;
mod threads;

use crate::{
    app::App,
    args::BenchArgs,
    error::{CliError, Result},
};
use protocol::{ErrorCode, Profile};
use serde_json::json;
use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// One measurement.
pub struct Figure {
    /// Which part of its benchmark; empty for the only or the main one.
    pub part: String,
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

/// Where a benchmark works, and how much it does.
pub struct Setup<'a> {
    /// An empty directory on the disk that is measured.
    pub dir: &'a Path,
    /// Objects that a ledger grows to.
    pub objects: u64,
    /// Tells a person how far it is.
    pub note: &'a dyn Fn(&str),
    /// Shows a figure before the others are there, for what takes long.
    pub show: &'a dyn Fn(&Figure) -> Result<()>,
}

type Run = dyn Fn(&Setup<'_>) -> Result<Vec<Figure>>;

/// A name, what it measures, and how.
struct Bench {
    name: String,
    about: String,
    run: Box<Run>,
}

impl Bench {
    fn new(
        name: impl Into<String>,
        about: impl Into<String>,
        run: impl Fn(&Setup<'_>) -> Result<Vec<Figure>> + 'static,
    ) -> Self {
        Self { name: name.into(), about: about.into(), run: Box::new(run) }
    }

    fn one(
        name: impl Into<String>,
        about: impl Into<String>,
        run: impl Fn(&Path) -> Result<Figure> + 'static,
    ) -> Self {
        Self::new(name, about, move |setup| Ok(vec![run(setup.dir)?]))
    }
}

/// Everything that can be measured, in the order in which it is.
fn catalogue() -> Vec<Bench> {
    let group = |size: u64, about| {
        Bench::one(format!("commit.group_{size}"), about, move |dir| commit::groups(dir, size))
    };
    let threads = |count: u64| {
        let about = format!(
            "durable Store commands of {count} threads, one at a time each; .p50 and .p99: how long one takes"
        );
        Bench::new(format!("commit.threads_{count}"), about, move |setup| {
            threads::submit(setup.dir, count)
        })
    };
    let mut benches = vec![
        group(1, "durable Store commands, one a group"),
        group(32, "durable Store commands, 32 a group"),
        group(512, "durable Store commands, 512 a group"),
        group(8_000, "durable Store commands, 8,000 a group"),
        threads(1),
        threads(16),
        threads(64),
    ];
    benches.extend(content_benches());
    benches.extend([
        Bench::one("replay", "entries audited and executed again", replaying::replay),
        Bench::new(
            "recovery",
            "entries executed again by the opening after an end without a flush; .open: its time",
            |setup| recovery::recovery(setup.dir),
        ),
        Bench::new(
            "growth",
            "a ledger with 10^4, 10^5… objects, up to --objects: commands a second; .memory: peak of the process; .open: a restart",
            growth::growth,
        ),
        Bench::one("keccak.leaf_4k", "leaves of 4 KiB", |_| hashing::leaves()),
        Bench::one("keccak.node", "nodes of a shard tree", |_| hashing::nodes()),
    ]);
    benches
}

/// Objects of each size under each profile, written and read.
fn content_benches() -> Vec<Bench> {
    let profiles =
        [("", Profile::QFS_V13), (".ec_16_6", Profile::EC_16_6), (".ec_10_5", Profile::EC_10_5)];
    let sizes = [("256mib", 256 << 20, 1), ("1mib", 1 << 20, 64), ("4kib", 4 << 10, 128)];
    let mut benches = Vec::new();
    for (suffix, profile) in profiles {
        for (name, size, count) in sizes {
            let about = format!("objects of {name}, {count} a batch, profile {profile}");
            benches.push(Bench::one(format!("put.{name}{suffix}"), &about, move |dir| {
                content::put(dir, profile, size, count)
            }));
            let about = format!("{about}, read and verified");
            benches.push(Bench::one(format!("get.{name}{suffix}"), about, move |dir| {
                content::get(dir, profile, size, count)
            }));
        }
    }
    benches
}

pub fn run(app: &mut App, args: &BenchArgs) -> Result<()> {
    let benches = catalogue();
    if args.list {
        return benches.iter().try_for_each(|Bench { name, about, .. }| {
            app.out.row(&json!({ "name": name, "about": about }), || format!("{name:<24} {about}"))
        });
    }
    if let Some(unknown) = args.names.iter().find(|name| !benches.iter().any(|b| b.name == **name))
    {
        return Err(CliError::Usage(format!("no benchmark {unknown:?}; see qfs bench --list")));
    }
    for bench in &benches {
        if !args.names.is_empty() && !args.names.contains(&bench.name) {
            continue;
        }
        let scratch = Scratch::new(args.dir.as_deref())?;
        let note = |text: &str| app.out.note(text);
        let early = |figure: &Figure| show(app, &bench.name, figure);
        let setup = Setup { dir: &scratch.0, objects: args.objects, note: &note, show: &early };
        for figure in (bench.run)(&setup)? {
            show(app, &bench.name, &figure)?;
        }
    }
    Ok(())
}

fn show(app: &App, name: &str, figure: &Figure) -> Result<()> {
    let Figure { part, value, unit, batch, durable, beside } = figure;
    let name = if part.is_empty() { name.to_owned() } else { format!("{name}.{part}") };
    let ratio = value / beside.1;
    let document = json!({
        "name": name, "value": value, "unit": unit, "batch": batch, "durable": durable,
        "beside": { "name": beside.0, "value": beside.1 }, "ratio": ratio,
    });
    app.out.row(&document, || {
        let durable = if *durable { ", durable" } else { "" };
        format!(
            "{name:<24} {:>12} {unit} (batch {batch}{durable}); {} {}; ratio {ratio:.2}",
            shown(*value),
            beside.0,
            shown(beside.1)
        )
    })
}

/// With as many digits as mean something.
fn shown(value: f64) -> String {
    if value < 10.0 { format!("{value:.3}") } else { format!("{value:.1}") }
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

fn median(times: Vec<Duration>) -> Duration {
    percentile(times, 50)
}

fn percentile(mut times: Vec<Duration>, percent: usize) -> Duration {
    times.sort_unstable();
    times.get(times.len() * percent / 100).copied().unwrap_or_default()
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
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
