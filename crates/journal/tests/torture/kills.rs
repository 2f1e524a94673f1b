//! SIGKILL at random moments: while writers write, while the state is flushed, while a segment is made, while the
//! next process recovers from the last kill (JO-3, JO-4, JO-6).

use crate::{
    ledger::Target,
    witness::{Witness, re_execute},
    workload::WRITERS,
};
use journal::{Recovery, log::Cause};
use std::{
    fmt,
    io::{BufRead, BufReader},
    process::Child,
    thread,
    time::{Duration, Instant},
};

/// Kills that one ledger lives through.
const KILLS_A_LEDGER: u64 = 15;
/// Longest time that writers have between opening and their end.
const LONGEST: Duration = Duration::from_millis(250);
/// Longest time between the first sign of a flush or a new segment and the kill.
const FOLLOWING: Duration = Duration::from_millis(4);
/// Longest time that such a sign is waited for.
const PATIENCE: Duration = Duration::from_secs(4);

/// What happened, for people.
#[derive(Default)]
pub struct Figures {
    kills: u64,
    in_recovery: u64,
    acknowledged: u64,
    entries: u64,
    repeated: u64,
    re_executed: u64,
    from_nothing: u64,
    segments: u64,
    in_flush: u64,
    clean: u64,
    torn: u64,
    out_of_order: u64,
    unfinished_segments: u64,
    seed: u64,
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kills, in_recovery, in_flush, acknowledged, entries, repeated, .. } = self;
        write!(
            f,
            "{kills} kills ({in_recovery} in recovery, {in_flush} with a state table on its way); {acknowledged} of {entries} entries were acknowledged, all are there; {repeated} commands asked for again got their first receipt; {} entries executed again at openings, {} from nothing, to the same roots; {} segments; ends: {} clean, {} torn groups, {} out of order, {} unfinished segments (seed {})",
            self.re_executed,
            self.from_nothing,
            self.segments,
            self.clean,
            self.torn,
            self.out_of_order,
            self.unfinished_segments,
            self.seed
        )
    }
}

impl Figures {
    fn recovered(&mut self, re_executed: u64, cause: &str) {
        self.re_executed += re_executed;
        let count = match cause {
            "None" => &mut self.clean,
            "Some(TornGroup)" => &mut self.torn,
            "Some(OutOfOrder)" => &mut self.out_of_order,
            "Some(MissingHeader)" => &mut self.unfinished_segments,
            other => panic!("an end of an unknown kind: {other}"),
        };
        *count += 1;
    }

    fn checked(&mut self, recovery: &Recovery) {
        let cause: Option<Cause> = recovery.tail.cut.as_ref().map(|cut| cut.cause);
        self.recovered(recovery.re_executed, &format!("{cause:?}"));
    }
}

pub fn run(kills: u64, seed: u64) -> Figures {
    let mut figures = Figures { seed, ..Figures::default() };
    let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    while figures.kills < kills {
        let now = KILLS_A_LEDGER.min(kills - figures.kills);
        one_ledger(now, &mut random, &mut figures);
    }
    assert!(figures.acknowledged > kills, "too little was written to mean anything");
    figures
}

fn one_ledger(kills: u64, random: &mut Random, figures: &mut Figures) {
    let scratch = tempfile::tempdir().unwrap();
    let target = Target::create(&scratch.path().join("ledger"), &scratch.path().join("notes"));
    let mut witness = Witness::default();
    // How long the last process needed to open: what the kills in recovery aim at.
    let mut opening = Duration::from_millis(100);
    for kill in 0..kills {
        let aim = match kill % 16 {
            3 | 7 | 11 | 15 => Aim::Recovery(opening.mul_f64(random.fraction())),
            5 => Aim::Segment(FOLLOWING.mul_f64(random.fraction())),
            1 | 9 => Aim::Flush(FOLLOWING.mul_f64(random.fraction())),
            _ => Aim::Writing(LONGEST.mul_f64(random.fraction())),
        };
        if let Some(took) = kill_one(&target, &aim, figures) {
            opening = took;
        }
        figures.kills += 1;
        witness.read(&target);
        figures.in_flush += u64::from(is_flushing(&target));
        // The next process recovers from a kill before one in recovery, and is killed at it.
        if kill % 4 == 2 && kill + 1 < kills {
            continue;
        }
        let (ledger, recovery) = witness.check(&target);
        figures.checked(&recovery);
        match kill % 5 {
            0 => ledger.close().unwrap(),
            1 => drop(ledger.sign_checkpoint().unwrap()),
            _ => {}
        }
    }
    let (mut ledger, _) = witness.check_whole(&target);
    figures.from_nothing += re_execute(&mut ledger, scratch.path());
    figures.entries += ledger.len();
    figures.acknowledged += witness.len();
    figures.repeated += witness.repeated;
    figures.segments += segments(&target);
}

/// When the process is killed.
enum Aim {
    /// This long after its start.
    Recovery(Duration),
    /// This long after it opened the ledger.
    Writing(Duration),
    /// This long after another segment appeared.
    Segment(Duration),
    /// This long after the state began to write a table.
    Flush(Duration),
}

impl Aim {
    /// Waits for the sign; how long to wait then.
    fn moment(&self, target: &Target) -> Duration {
        let (after, sign): (_, Box<dyn Fn() -> bool>) = match self {
            Self::Recovery(after) | Self::Writing(after) => (after, Box::new(|| true)),
            Self::Segment(after) => {
                let before = segments(target);
                (after, Box::new(move || segments(target) > before))
            }
            Self::Flush(after) => (after, Box::new(|| is_flushing(target))),
        };
        let began = Instant::now();
        while !sign() && began.elapsed() < PATIENCE {
            thread::sleep(Duration::from_micros(100));
        }
        *after
    }
}

fn segments(target: &Target) -> u64 {
    std::fs::read_dir(target.dir.join("log")).unwrap().count() as u64
}

/// The table has this name until the state's database has taken it in.
fn is_flushing(target: &Target) -> bool {
    target.dir.join("state/incoming.sst").exists()
}

/// Starts the writers and kills them; how long they needed to open the ledger, if that was waited for.
fn kill_one(target: &Target, aim: &Aim, figures: &mut Figures) -> Option<Duration> {
    let began = Instant::now();
    let mut child = target.writers(WRITERS, u64::MAX >> 1).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let (opened, took) = match aim {
        Aim::Recovery(after) => {
            thread::sleep(*after);
            kill(&mut child);
            (lines.next(), None)
        }
        _ => {
            let opened = lines.next();
            let took = began.elapsed();
            assert!(opened.is_some(), "did not open: {}", errors(&mut child));
            thread::sleep(aim.moment(target));
            kill(&mut child);
            (opened, Some(took))
        }
    };
    match opened.transpose().unwrap() {
        None => figures.in_recovery += 1,
        Some(line) => {
            let words: Vec<&str> = line.split(' ').collect();
            figures.recovered(words[2].parse().unwrap(), words[3]);
        }
    }
    took
}

fn kill(child: &mut Child) {
    child.kill().unwrap();
    let status = child.wait().unwrap();
    assert_eq!(status.code(), None, "it ended by itself: {}", errors(child));
}

fn errors(child: &mut Child) -> String {
    let mut text = String::new();
    if let Some(mut stderr) = child.stderr.take() {
        let _ = std::io::Read::read_to_string(&mut stderr, &mut text);
    }
    text
}

/// Moments to kill at. The system's own timing decides more than these do.
struct Random(u64);

impl Random {
    /// From 0 to 1.
    fn fraction(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }
}
