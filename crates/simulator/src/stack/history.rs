//! One history: the stages of a ledger, driven in any order that threads could bring about, beside the model.
//!
//! Execution, writing, syncing, keeping the state and signing are steps of their own, as in [`journal::Committer`],
//! so that execution runs ahead of the log. What must be durable is judged by [`super::store::durable_entries`], which cuts the power
//! of a copy of the disk, and never by what the journal says of itself.

mod answers;
mod clients;
mod failures;
mod stages;

use super::{
    DIR, LOG_DIR,
    client::Parties,
    compare,
    flaw::{Flaw, FlawedDisk},
    model::{Model, Want},
    plan::{Act, Step},
    store::SimStore,
    summary::Summary,
};
use crate::{Ending, Faults, Random, SimDisk, log_history};
use eqm_log::tree;
use journal::{
    Executor, JournalError,
    checkpoint::CheckpointFile,
    engine::{Group, Limits},
    executor::Sizes,
};
use protocol::{Command, EntryBody, Hash32};
use std::{collections::VecDeque, path::Path};
use storage_engine::{
    Admitted, execute_committed,
    state::{MemoryStore, State},
};

/// Small enough that groups end, files turn and the state is kept within a few commands.
pub const SIZES: Sizes = Sizes {
    segments: log_history::SIZES,
    engine: Limits {
        group_entries: 4,
        pending_at_root: 0,
        pending_records: 60,
        unflushed_at_root: 6,
        unflushed_entries: 6,
    },
};

/// Openings that may be interrupted one after the other; then nothing interrupts any more.
const INTERRUPTED: u32 = 6;

/// A promise that was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Number of the step.
    pub step: u64,
    /// What is wrong.
    pub what: String,
}

/// A history that violated nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done {
    /// What happened in it.
    pub summary: Summary,
    /// Hash of everything that was done to the disk and answered.
    pub trace: Hash32,
}

/// Runs a history.
///
/// # Errors
/// The first promise that was broken.
pub fn run(parties: &Parties, steps: &[Step], flaw: Option<Flaw>) -> Result<Done, Violation> {
    let mut history = History::new(parties, flaw);
    let mut number = 0;
    let result = (|| {
        history.recover()?;
        for step in steps {
            number = step.number;
            history.step(step)?;
            if history.over {
                return Ok(());
            }
        }
        history.end()
    })();
    result.map_err(|what| Violation { step: number, what })?;
    history.summary.points = history.disk.points();
    history.summary.commits = history.store.count();
    let lines = [history.disk.trace(), history.answers].concat().join("\n");
    Ok(Done { summary: history.summary, trace: Hash32::of(lines.as_bytes()) })
}

type Stack = Executor<FlawedDisk, SimStore>;
type Checked = Result<(), String>;

struct History<'a> {
    parties: &'a Parties,
    flaw: Option<Flaw>,
    disk: SimDisk,
    store: SimStore,
    checkpoint: CheckpointFile<FlawedDisk>,
    stack: Option<Stack>,
    model: Model,
    /// Everything ever sent, to be sent again.
    sent: Vec<Command>,
    line: VecDeque<Admitted>,
    /// Groups that are executed and not written, each with its answers as they must be.
    executed: VecDeque<(Group, Vec<Want>)>,
    /// Answers of what is written and not synced.
    written: Vec<Want>,
    /// Whether execution waits for the last group.
    barrier: bool,
    /// Entries that the next opening must find.
    least: u64,
    random: Random,
    /// Faults that are under way, so that a failure has a cause.
    failing: bool,
    filled: bool,
    unreadable: bool,
    /// Bytes were changed behind the journal's back: it may refuse, but not lie.
    corrupt: bool,
    /// That was found.
    over: bool,
    answers: Vec<String>,
    summary: Summary,
}

impl<'a> History<'a> {
    fn new(parties: &'a Parties, flaw: Option<Flaw>) -> Self {
        let disk = SimDisk::new(0);
        let flawed = FlawedDisk::new(disk.clone(), flaw);
        Self {
            parties,
            flaw,
            store: SimStore::new(disk.clone(), flaw),
            checkpoint: CheckpointFile::in_dir(flawed, Path::new(DIR)),
            disk,
            stack: None,
            model: Model::new(parties.account(0)),
            sent: Vec::new(),
            line: VecDeque::new(),
            executed: VecDeque::new(),
            written: Vec::new(),
            barrier: false,
            least: 0,
            random: Random::new(0),
            failing: false,
            filled: false,
            unreadable: false,
            corrupt: false,
            over: false,
            answers: Vec::new(),
            summary: Summary::default(),
        }
    }

    fn step(&mut self, step: &Step) -> Checked {
        self.random = Random::new(step.seed);
        self.disk.reseed(!step.seed);
        self.summary.steps += 1;
        match step.act {
            Act::Ask(client, ask) => self.ask(step.number, client, ask),
            Act::Execute(count) => self.execute(count),
            Act::Append => self.append(),
            Act::Sync => self.sync(),
            Act::Pass => self.pass(),
            Act::Submit(count) => self.submit(count),
            Act::Flush => self.flush(),
            Act::Checkpoint => self.sign(),
            Act::Settle => {
                self.store.settle();
                Ok(())
            }
            Act::Look if !self.unreadable => self.look(),
            Act::Look => Ok(()),
            Act::End(ending, again) => self.restart(ending, again.map(u64::from)),
            Act::StopAt(points) => {
                self.stop_at(u64::from(points));
                Ok(())
            }
            Act::FailSync => {
                self.failing = true;
                self.arm();
                Ok(())
            }
            Act::FailStore(operations) => {
                self.unreadable = true;
                self.store.fail_in(operations.into());
                Ok(())
            }
            Act::Fill(room) => {
                self.filled = true;
                self.disk.set_faults(Faults { room: Some(room.into()), ..self.disk.faults() });
                Ok(())
            }
            Act::Clear => {
                self.filled = false;
                self.disk.set_faults(Faults { room: None, ..self.disk.faults() });
                Ok(())
            }
            Act::Rot => self.rot(),
            Act::Misdirect => self.misdirect(),
        }?;
        self.store.ahead().map_or(Ok(()), Err)
    }

    fn look(&mut self) -> Checked {
        let Some(stack) = &mut self.stack else { return Ok(()) };
        compare::state(stack.state(), &self.model)?;
        let len = stack.appender().log().len();
        if self.model.attempted == len {
            self.check_log(len)?;
        }
        self.check_tree()
    }

    /// The log's entries are those of the model.
    fn check_log(&mut self, len: u64) -> Checked {
        let Some(stack) = &self.stack else { return Ok(()) };
        let (mut next, mut wrong) = (0, None);
        let model = &mut self.model;
        let read = stack.appender().log().read::<JournalError>(0, |entry| {
            let seen =
                if entry.seq == next { model.see(next, &entry.body) } else { Err("a gap".into()) };
            wrong = seen.err();
            next += 1;
            Ok(wrong.is_none())
        });
        match (read, wrong) {
            (_, Some(wrong)) => Err(format!("reading: {wrong}")),
            (Ok(()), None) if next == len => Ok(()),
            (Ok(()), None) => Err(format!("{next} entries are read, {len} are there")),
            (Err(error), None) => self.check_cause(&error),
        }
    }

    /// The tree's file gives the roots that were signed, and that of now.
    fn check_tree(&mut self) -> Checked {
        let Some(stack) = self.stack.as_ref().filter(|_| !self.corrupt) else { return Ok(()) };
        let appender = stack.appender();
        let now = (appender.head().size(), appender.head().root());
        for (size, root) in self.model.signed.iter().chain([&now]) {
            let found = tree::root_at(appender, *size);
            let found = found.map_err(|error| format!("the tree at {size}: {error:?}"))?;
            if found != *root || self.model.root(*size) != *root {
                return Err(format!("the root of the first {size} entries is not what it was"));
            }
        }
        Ok(())
    }

    /// Whether something is still on its way to the log.
    fn is_busy(&self) -> bool {
        self.barrier || !self.line.is_empty() || !self.executed.is_empty()
    }

    /// Everything on its way is finished; the power goes; everything acknowledged is there, and executing it again from
    /// nothing gives the same bytes.
    fn end(&mut self) -> Checked {
        self.disk.set_faults(Faults::default());
        (self.failing, self.filled, self.unreadable) = (false, false, false);
        self.store.heal();
        while !self.over && self.is_busy() {
            self.execute(u8::MAX)?;
            if !self.over {
                self.append()?;
            }
            if !self.over && self.executed.is_empty() {
                self.pass()?;
            }
        }
        if !self.over {
            self.sync()?;
        }
        if self.over {
            return Ok(());
        }
        self.restart(Ending::PowerLost, None)?;
        self.disk.set_faults(Faults::default());
        self.summary.entries = self.model.size();
        if self.over {
            return Ok(());
        }
        let mut state = State::open(MemoryStore::default()).map_err(|error| error.to_string())?;
        for (seq, body) in self.model.bodies().enumerate() {
            let entry = EntryBody::from_bytes(body).map_err(|error| error.to_string())?;
            let again = execute_committed(&mut state, entry.tick, entry.command);
            let again = again.map_err(|error| format!("entry {seq} again: {error}"))?;
            if again.bytes != body {
                return Err(format!("entry {seq} comes out otherwise from nothing"));
            }
            if let Some(hash) = self.model.hash(seq as u64) {
                state.link(hash);
            }
        }
        let Some(stack) = &mut self.stack else { return Ok(()) };
        let root = stack.root().map_err(|error| error.to_string())?;
        if state.root().map_err(|error| error.to_string())? != root {
            return Err("the state's root is not that of executing everything from nothing".into());
        }
        Ok(())
    }
}
