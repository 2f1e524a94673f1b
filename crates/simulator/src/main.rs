//! Runs histories of the whole stack, one for each seed, and says what was found.

#![forbid(unsafe_code)]

use simulator::stack::{
    client::Parties, flaw::Flaw, history::run, plan::draw, shrink::shrink, summary::Summary,
};
use std::{
    ops::Range,
    process::ExitCode,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

const USAGE: &str = "usage: simulator --seeds FROM..TO [--bug NAME] [--jobs N]";
/// Seeds between two lines of progress.
const PROGRESS: u64 = 10_000;
/// One seed in so many is run twice, and must come out the same.
const TWICE: u64 = 64;

struct Options {
    seeds: Range<u64>,
    flaw: Option<Flaw>,
    jobs: u64,
}

fn options() -> Option<Options> {
    let mut options = Options { seeds: 0..0, flaw: None, jobs: 1 };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let value = words.next()?;
        match word.as_str() {
            "--seeds" => {
                let (from, to) = value.split_once("..")?;
                options.seeds = from.parse().ok()?..to.parse().ok()?;
            }
            "--bug" => {
                options.flaw = Some(*Flaw::ALL.iter().find(|flaw| flaw.name() == value)?);
            }
            "--jobs" => options.jobs = value.parse().ok().filter(|jobs| *jobs > 0)?,
            _ => return None,
        }
    }
    (!options.seeds.is_empty()).then_some(options)
}

/// What all jobs share.
struct Search {
    options: Options,
    next: AtomicU64,
    sum: Mutex<Summary>,
    /// The first seed that failed.
    failed: AtomicU64,
}

impl Search {
    fn work(&self) {
        let parties = Parties::default();
        loop {
            let seed = self.next.fetch_add(1, Ordering::Relaxed);
            if seed >= self.options.seeds.end || self.failed.load(Ordering::Relaxed) < u64::MAX {
                return;
            }
            match run(&parties, &draw(seed), self.options.flaw) {
                Ok(done) => {
                    if seed.is_multiple_of(TWICE)
                        && run(&parties, &draw(seed), self.options.flaw).as_ref() != Ok(&done)
                    {
                        eprintln!("seed {seed} is not the same history twice");
                        self.failed.fetch_min(seed, Ordering::Relaxed);
                    }
                    *self.sum.lock().unwrap_or_else(PoisonError::into_inner) += done.summary;
                }
                Err(violation) => {
                    self.failed.fetch_min(seed, Ordering::Relaxed);
                    eprintln!("seed {seed}, step {}: {}", violation.step, violation.what);
                    let (steps, violation) =
                        shrink(&parties, &draw(seed), violation, self.options.flaw);
                    eprintln!("the shortest history that fails, with: {}", violation.what);
                    for step in steps {
                        eprintln!("  {step:?}");
                    }
                }
            }
            if (seed + 1).is_multiple_of(PROGRESS) {
                eprintln!("{} seeds", seed + 1 - self.options.seeds.start);
            }
        }
    }
}

fn main() -> ExitCode {
    let Some(options) = options() else {
        let bugs: Vec<&str> = Flaw::ALL.iter().map(|flaw| flaw.name()).collect();
        eprintln!("{USAGE}\nbugs: {}", bugs.join(", "));
        return ExitCode::from(2);
    };
    let (next, started) = (AtomicU64::new(options.seeds.start), Instant::now());
    let (sum, failed) = (Mutex::default(), AtomicU64::new(u64::MAX));
    let search = Search { options, next, sum, failed };
    std::thread::scope(|scope| {
        for _ in 0..search.options.jobs {
            scope.spawn(|| search.work());
        }
    });
    let done = search.next.load(Ordering::Relaxed).min(search.options.seeds.end);
    let seeds = done - search.options.seeds.start;
    let sum = search.sum.into_inner().unwrap_or_else(PoisonError::into_inner);
    println!("{seeds} seeds in {:.1} s: {sum:#?}", started.elapsed().as_secs_f64());
    ExitCode::from(u8::from(search.failed.load(Ordering::Relaxed) < u64::MAX))
}
