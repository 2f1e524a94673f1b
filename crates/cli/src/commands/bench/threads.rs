//! Many threads, each with one durable command at a time.

use super::{Figure, commit, commit::RawLog, median, micros, per_second, percentile};
use crate::error::Result;
use journal::Committer;
use protocol::Command;
use std::{
    panic::resume_unwind,
    path::Path,
    thread,
    time::{Duration, Instant},
};

/// Commands of each thread.
const EACH: u64 = 1_000;
/// Raw appends before the threads run, and again after them.
const RAW: usize = 300;
/// How near to one sync for each round of all threads a committer should come.
const AIM: f64 = 0.8;

/// Commands per second beside what raw syncs would allow, and how long a thread waits for its receipt.
pub fn submit(dir: &Path, threads: u64) -> Result<Vec<Figure>> {
    let ledger = commit::ledger(dir)?;
    let work: Vec<Vec<Command>> = (0..threads)
        .map(|thread| commit::stores(&ledger, thread * EACH, EACH))
        .collect::<Result<_>>()?;
    let mut raw_log = RawLog::create(dir)?;
    // About one group: the entries of all threads.
    let bytes = 700 * threads;
    let mut raw = raw_times(&mut raw_log, bytes)?;
    let began = Instant::now();
    let (_ledger, times) = ledger.share(|committer| {
        thread::scope(|scope| {
            let workers: Vec<_> = work
                .into_iter()
                .map(|commands| scope.spawn(move || one_by_one(committer, commands)))
                .collect();
            workers
                .into_iter()
                .map(|worker| worker.join().unwrap_or_else(|panic| resume_unwind(panic)))
                .collect()
        })
    })?;
    let took = began.elapsed();
    let times: Result<Vec<Vec<Duration>>> = times;
    let times = times?.concat();
    raw.extend(raw_times(&mut raw_log, bytes)?);
    let bound = AIM * threads as f64 / median(raw.clone()).as_secs_f64();
    let beside = ("0.8 × threads / median raw append + fdatasync", bound);
    let figure = |part: &str, value, unit, beside| Figure {
        part: part.to_owned(),
        value,
        unit,
        batch: 1,
        durable: true,
        beside,
    };
    let latency = |percent| {
        let beside = ("raw append + fdatasync", micros(percentile(raw.clone(), percent)));
        let value = micros(percentile(times.clone(), percent));
        figure(&format!("p{percent}"), value, "µs", beside)
    };
    let rate = per_second(times.len() as u64, took);
    Ok(vec![figure("", rate, "commands/s", beside), latency(50), latency(99)])
}

fn raw_times(raw: &mut RawLog, bytes: u64) -> Result<Vec<Duration>> {
    (0..RAW).map(|_| raw.append(bytes)).collect()
}

fn one_by_one(committer: &Committer, commands: Vec<Command>) -> Result<Vec<Duration>> {
    let one = |command| {
        let began = Instant::now();
        let results = committer.submit(vec![command])?;
        let took = began.elapsed();
        commit::check(&results)?;
        Ok(took)
    };
    commands.into_iter().map(one).collect()
}
