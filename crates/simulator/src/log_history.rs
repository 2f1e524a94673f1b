//! Histories of a [`Log`] on a failing disk, beside a model of what it must hold.
//!
//! The model is a list of all entries and three numbers. After every restart the log must be the first entries of that
//! list, up to the end of some group, and at least those that were acknowledged. When bytes were changed behind
//! its back, it may refuse to open or to read instead, and lose what no later group vouched for.

use crate::{Ending, Faults, Random, SimDisk};
use eqm_log::chain;
use journal::{Disk, JournalError, Log, log::SegmentSizes};
use protocol::Hash32;
use std::{
    fmt,
    path::{Path, PathBuf},
};

/// Small enough that every history goes through several segments and several steps ahead.
pub const SIZES: SegmentSizes = SegmentSizes { segment: 6_000, ahead_min: 500, ahead_max: 2_000 };

const DIR: &str = "/ledger/log";

/// What a history consists of.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Operations on the log.
    pub steps: u64,
    /// A crash comes within so many write points after each restart; 0: none.
    pub crash_within: u64,
    /// As [`Faults::failing_sync`].
    pub failing_sync: u64,
    /// One restart in so many leaves the disk almost full until the next; 0: none.
    pub full_disk: u64,
    /// Bytes that change behind the log's back.
    pub corruption: Corruption,
}

/// How bytes change that were written well. A history ends when that is found, or after the first restart if it is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Corruption {
    /// They do not.
    None,
    /// One bit turns over at the last restart.
    Rot,
    /// Syncs put sectors elsewhere, one in so many.
    Misdirected(u64),
}

/// What became of a history that violated nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Entries in the log at the end.
    pub entries: u64,
    /// Write points passed.
    pub points: u64,
    /// Restarts of any kind.
    pub restarts: u64,
    /// Of these, the ones after which something was cut off.
    pub cuts: u64,
    /// Whether damage was found, by opening or reading.
    pub damage_found: bool,
}

/// A promise that was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The seed of the history.
    pub seed: u64,
    /// What is wrong.
    pub what: String,
    /// What was done to the disk until then.
    pub trace: Vec<String>,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, what, trace } = self;
        write!(f, "seed {seed}: {what}; the disk's last operations:")?;
        trace[trace.len().saturating_sub(40)..].iter().try_for_each(|line| write!(f, "\n  {line}"))
    }
}

/// Runs the history of a seed; gives what became of it, and the trace of the disk.
///
/// # Errors
/// [`Violation`] when the log is not what it must be.
pub fn run(seed: u64, plan: &Plan) -> Result<(Summary, Vec<String>), Box<Violation>> {
    run_crashing(seed, seed, plan, &[])
}

/// [`run`], where the machine stops at the first of `crashes`, counted in write points, and at each further one counted from
/// the restart before. The disk's chance has a seed of its own, so that one history can be broken in many ways.
///
/// # Errors
/// As [`run`].
pub fn run_crashing(
    seed: u64,
    disk: u64,
    plan: &Plan,
    crashes: &[u64],
) -> Result<(Summary, Vec<String>), Box<Violation>> {
    let mut history = History::new(seed, disk, *plan, crashes.to_vec());
    match history.play() {
        Ok(()) => Ok((history.summary, history.disk.trace())),
        Err(what) => Err(Box::new(Violation { seed, what, trace: history.disk.trace() })),
    }
}

/// One group that was given to the log.
#[derive(Clone, Debug)]
struct Written {
    /// Seq after its last entry.
    end: u64,
    /// Hash of its last entry.
    head: Hash32,
    cursor: Vec<u8>,
}

/// What the log must hold.
#[derive(Debug, Default)]
struct Model {
    bodies: Vec<Vec<u8>>,
    groups: Vec<Written>,
    /// Entries that the log said were durable.
    acknowledged: u64,
    /// Of these, the ones that the last group knew to be durable when it was written.
    vouched: u64,
}

impl Model {
    fn head(&self) -> Hash32 {
        self.groups.last().map_or(Hash32::ZERO, |group| group.head)
    }

    fn add(&mut self, cursor: &[u8], bodies: &[Vec<u8>]) -> Hash32 {
        let head = bodies.iter().fold(self.head(), |head, body| chain::entry_hash(&head, body));
        self.bodies.extend_from_slice(bodies);
        let (end, cursor) = (self.bodies.len() as u64, cursor.to_vec());
        self.groups.push(Written { end, head, cursor });
        head
    }

    /// The log was found with `len` entries: the others are gone, and these are durable.
    fn cut(&mut self, len: u64) {
        self.bodies.truncate(len as usize);
        self.groups.retain(|group| group.end <= len);
        self.acknowledged = len;
    }
}

#[derive(Debug)]
struct History {
    plan: Plan,
    /// Crashes that are still to come, the next one last.
    crashes: Vec<u64>,
    random: Random,
    disk: SimDisk,
    log: Option<Log<SimDisk>>,
    model: Model,
    summary: Summary,
}

impl History {
    fn new(seed: u64, disk: u64, plan: Plan, mut crashes: Vec<u64>) -> Self {
        crashes.reverse();
        // Not the history's own numbers, even under the same seed.
        let (random, disk) = (Random::new(seed), SimDisk::new(!disk));
        let (model, summary) = (Model::default(), Summary::default());
        Self { plan, crashes, random, disk, log: None, model, summary }
    }

    fn play(&mut self) -> Result<(), String> {
        self.arm();
        self.recover()?;
        for _ in 0..self.plan.steps {
            match self.random.below(20) {
                0..=9 => self.write()?,
                10..=16 => self.sync()?,
                17..=18 => self.check_read()?,
                _ => self.restart(Ending::ProcessKilled)?,
            }
            if self.summary.damage_found {
                return Ok(());
            }
        }
        self.end()
    }

    /// A last loss of power; what was acknowledged is found on the disk, or the damage to it.
    fn end(&mut self) -> Result<(), String> {
        if self.plan.corruption == Corruption::Rot {
            self.sync()?;
            self.disk.restart(Ending::PowerLost);
            self.rot()?;
        } else {
            self.disk.restart(Ending::PowerLost);
        }
        self.disk.set_faults(Faults::default());
        self.summary.restarts += 1;
        self.recover()?;
        self.summary.entries = self.log.as_ref().map_or(0, Log::len);
        self.summary.points = self.disk.points();
        Ok(())
    }

    fn rot(&mut self) -> Result<(), String> {
        let files = self.disk.list(Path::new(DIR)).map_err(|error| error.to_string())?;
        let file = files.get(self.random.below(files.len() as u64) as usize);
        // An empty file has nothing to rot.
        let _ = file.map(|file| self.disk.rot(&PathBuf::from(DIR).join(file)));
        Ok(())
    }

    fn arm(&mut self) {
        let Plan { crash_within, failing_sync, full_disk, corruption, .. } = self.plan;
        let random = (crash_within > 0).then(|| 1 + self.random.below(crash_within));
        let crash_at = self.crashes.pop().or(random).map(|within| self.disk.points() + within);
        let room = self.random.one_in(full_disk).then(|| self.random.below(4_000));
        let misdirected = if let Corruption::Misdirected(times) = corruption { times } else { 0 };
        self.disk.set_faults(Faults { crash_at, failing_sync, misdirected, room });
    }

    fn write(&mut self) -> Result<(), String> {
        let Some(log) = &mut self.log else {
            return Ok(());
        };
        let bodies: Vec<_> =
            (0..1 + self.random.below(4)).map(|_| self.random.bytes(900)).collect();
        let cursor = self.random.bytes(20);
        self.model.vouched = log.durable_len();
        let head = self.model.add(&cursor, &bodies);
        let written = log.write(&cursor, &bodies, head);
        if written.is_ok() && (log.len(), log.head()) != (self.model.bodies.len() as u64, head) {
            return Err("the log does not stand where it was written to".into());
        }
        self.model.acknowledged = log.durable_len();
        self.after(written)
    }

    fn sync(&mut self) -> Result<(), String> {
        let Some(log) = &mut self.log else {
            return Ok(());
        };
        let synced = log.sync();
        if synced.is_ok() && log.durable_len() != log.len() {
            return Err("a sync left something that is not durable".into());
        }
        self.model.acknowledged = log.durable_len();
        self.after(synced)
    }

    /// After a failure nothing may work any more until the next restart.
    fn after(&mut self, result: Result<(), JournalError>) -> Result<(), String> {
        if result.is_ok() {
            return Ok(());
        }
        let again = self.log.as_mut().map(|log| log.append(&[], &[vec![1]], true));
        if !matches!(again, None | Some(Err(JournalError::Poisoned))) {
            return Err(format!("after a failure the log still takes entries: {again:?}"));
        }
        let killed = !self.disk.crashed() && self.random.one_in(2);
        self.restart(if killed { Ending::ProcessKilled } else { Ending::PowerLost })
    }

    fn restart(&mut self, ending: Ending) -> Result<(), String> {
        self.log = None;
        self.disk.restart(ending);
        self.summary.restarts += 1;
        self.arm();
        self.recover()
    }

    /// Opens the log, however often that is interrupted, and checks what is in it.
    fn recover(&mut self) -> Result<(), String> {
        loop {
            match Log::open_sized(self.disk.clone(), Path::new(DIR), SIZES) {
                Ok((log, tail)) => {
                    let cut = tail.cut.as_ref().map(|cut| cut.first_seq);
                    if cut.is_some_and(|first_seq| first_seq != log.len()) {
                        return Err(format!("{tail}, but the log has {} entries", log.len()));
                    }
                    self.summary.cuts += u64::from(cut.is_some());
                    return self.check_opened(log);
                }
                Err(JournalError::Damaged(what)) => return self.damage(&what),
                Err(error) => self.interrupted(&error)?,
            }
        }
    }

    fn interrupted(&mut self, error: &JournalError) -> Result<(), String> {
        let failing_sync = self.plan.failing_sync > 0;
        if !self.disk.crashed() && !failing_sync {
            return Err(format!("opening failed: {error}"));
        }
        let killed = self.random.one_in(2);
        self.disk.restart(if killed { Ending::ProcessKilled } else { Ending::PowerLost });
        self.summary.restarts += 1;
        self.arm();
        Ok(())
    }

    fn damage(&mut self, what: &str) -> Result<(), String> {
        if self.plan.corruption == Corruption::None {
            return Err(format!("damage was found where there is none: {what}"));
        }
        self.summary.damage_found = true;
        self.log = None;
        Ok(())
    }

    fn check_opened(&mut self, log: Log<SimDisk>) -> Result<(), String> {
        let len = log.len();
        let least = match self.plan.corruption {
            Corruption::None => self.model.acknowledged,
            Corruption::Rot => self.model.vouched.min(self.model.acknowledged),
            Corruption::Misdirected(_) => 0,
        };
        if len < least {
            return Err(format!("{least} entries were acknowledged, {len} are left"));
        }
        let end = self.model.groups.iter().find(|group| group.end == len).cloned();
        let (head, cursor) = end.map_or((Hash32::ZERO, vec![]), |end| (end.head, end.cursor));
        if (log.head(), log.cursor()) != (head, &cursor[..]) || log.durable_len() != len {
            return Err(format!("the log of {len} entries does not end with one of its groups"));
        }
        self.log = Some(log);
        self.check_entries(0)?;
        self.model.cut(len);
        self.model.vouched = self.model.vouched.min(len);
        Ok(())
    }

    fn check_read(&mut self) -> Result<(), String> {
        let from = self.random.below(self.model.bodies.len() as u64 + 2);
        self.check_entries(from)
    }

    /// The log's entries from `from` on are those of the model.
    fn check_entries(&mut self, from: u64) -> Result<(), String> {
        let Some(log) = &self.log else {
            return Ok(());
        };
        let mut next = from;
        let read = log.read::<JournalError>(from, |entry| {
            let same =
                entry.seq == next && self.model.bodies.get(next as usize) == Some(&entry.body);
            next += u64::from(same);
            Ok(same)
        });
        match read {
            Ok(()) if next == log.len().max(from) => Ok(()),
            Ok(()) => Err(format!("entry {next} is not what was written, or is not there")),
            Err(JournalError::Damaged(what)) => self.damage(&what),
            Err(error) => Err(format!("reading failed: {error}")),
        }
    }
}
