//! Execution and log together: what is executed, written, made durable and answered, in that order.

use crate::{
    JournalError, Log, NodeFile, RocksStore, Sequencer, Solo,
    appender::{Appender, Mark},
    disk::{Disk, RealDisk},
    engine::{Engine, Group, Limits},
    log::{SegmentSizes, Tail},
};
use protocol::{Action, Command, EntryBody, Hash32, Receipt, Refusal};
use std::{
    fmt, io,
    panic::resume_unwind,
    path::Path,
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    thread,
};
use storage_engine::{
    Admission, Admitted, admit_all,
    state::{State, StateStore, snapshot::Summary, tree::MapProof},
};

/// What became of a submitted command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Submitted {
    /// It is in the log, accepted or refused.
    Logged {
        /// Its place and outcome.
        receipt: Receipt,
        /// Why it was refused, if it was.
        refusal: Option<Refusal>,
    },
    /// The same command was executed before; this is its first receipt.
    Repeated(Receipt),
    /// It was refused before it had a place in the log.
    Refused(Refusal),
}

/// What opening a ledger found and did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovery {
    /// Entries in the log.
    pub entries: u64,
    /// Entries that the state had not seen, re-executed and compared.
    pub re_executed: u64,
    /// What was cut off the end: nobody had a receipt for it.
    pub tail: Tail,
}

impl fmt::Display for Recovery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { entries, re_executed, tail } = self;
        write!(f, "{tail}; {entries} entries stand, the last {re_executed} of them executed again")
    }
}

/// Submissions up to this many commands are admitted, hashed and written by the thread that executes them: waking
/// others would take longer than the work.
const INLINE: usize = 1_024;
/// Commands that are admitted together in a longer one.
const ADMITTED_TOGETHER: usize = 1_024;
/// Chunks of commands, and groups of entries, that may wait for the next stage.
const AHEAD: usize = 4;
/// Entries that are re-executed together.
const RECOVERED_TOGETHER: usize = 512;

/// How large files, groups and what is kept in memory get. No byte of an entry depends on it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sizes {
    /// Of the log's files.
    pub segments: SegmentSizes,
    /// Of groups, and of the state that is not kept yet.
    pub engine: Limits,
}

/// The engine on its log.
#[derive(Debug)]
pub struct Executor<D: Disk = RealDisk, S = RocksStore> {
    pub(crate) engine: Engine<S>,
    pub(crate) appender: Appender<D>,
    pub(crate) sequencer: Box<dyn Sequencer>,
}

impl<D: Disk, S: StateStore> Executor<D, S> {
    /// Opens the log in `dir` and re-executes what the state in `store` has not seen.
    ///
    /// # Errors
    /// [`JournalError::Damaged`] when re-execution does not reproduce an entry, or the log is shorter than
    /// what the state has seen.
    pub fn open(disk: D, dir: &Path, store: S) -> Result<(Self, Recovery), JournalError> {
        Self::open_sized(disk, dir, store, &Sizes::default())
    }

    /// [`Executor::open`], with other sizes from here on.
    ///
    /// # Errors
    /// As [`Executor::open`].
    pub fn open_sized(
        disk: D,
        dir: &Path,
        store: S,
        sizes: &Sizes,
    ) -> Result<(Self, Recovery), JournalError> {
        let (log, tail) = Log::open_sized(disk.clone(), &dir.join("log"), sizes.segments)?;
        let (engine, head) = Engine::open(store, sizes.engine)?;
        let nodes = NodeFile::open(&disk, &dir.join("tree"))?;
        let appender = Appender::new(log, nodes, head)?;
        let mut executor = Self { engine, appender, sequencer: Box::new(Solo) };
        let re_executed = executor.catch_up()?;
        let recovery = Recovery { entries: executor.appender.log().len(), re_executed, tail };
        Ok((executor, recovery))
    }

    /// Re-executes the log from where the state stands; every entry must come out as it is.
    fn catch_up(&mut self) -> Result<u64, JournalError> {
        let from = self.appender.head().size();
        loop {
            let at = self.appender.head().size();
            // The first entry says under which ledger the others are admitted.
            let together = if at == 0 { 1 } else { RECOVERED_TOGETHER };
            let mut bodies = Vec::with_capacity(together);
            self.appender.log().read::<JournalError>(at, |entry| {
                bodies.push(entry.body);
                Ok(bodies.len() < together)
            })?;
            if bodies.is_empty() {
                return Ok(at - from);
            }
            self.re_execute(at, bodies)?;
        }
    }

    fn re_execute(&mut self, first_seq: u64, bodies: Vec<Vec<u8>>) -> Result<(), JournalError> {
        let mut ticks = Vec::with_capacity(bodies.len());
        let mut commands: Vec<Command> = Vec::with_capacity(bodies.len());
        for (seq, body) in (first_seq..).zip(&bodies) {
            let entry = EntryBody::from_bytes(body).map_err(|error| {
                JournalError::Damaged(format!("entry {seq}: {error}; the replica stops here"))
            })?;
            ticks.push(entry.tick);
            commands.push(entry.command);
        }
        let ledger_id = self.engine.state().ledger_id();
        let admissions = admit_all(ledger_id.as_ref(), commands);
        for (((seq, body), tick), admission) in
            (first_seq..).zip(&bodies).zip(ticks).zip(admissions)
        {
            let barrier = self.engine.re_execute(seq, tick, admission, body)?;
            self.appender.catch_up(&[body])?;
            if barrier {
                self.pass_barrier()?;
            }
        }
        Ok(())
    }

    /// Submits commands in order. Each comes back with its receipt, once that is durable, or its refusal.
    ///
    /// # Errors
    /// A failed write or a halted state: nothing more can be executed, and nothing is guessed.
    pub fn submit(&mut self, commands: Vec<Command>) -> Result<Vec<Submitted>, JournalError>
    where
        S: Send,
    {
        // A command whose write failed is in the state's memory: asked again, it must not get a receipt for that.
        self.appender.check_whole()?;
        let ledger_id = self.state().ledger_id().or_else(|| opening(&commands));
        if commands.len() <= INLINE {
            self.submit_in_turn(ledger_id.as_ref(), commands)
        } else {
            self.submit_ahead(ledger_id.as_ref(), commands)
        }
    }

    fn submit_in_turn(
        &mut self,
        ledger_id: Option<&Hash32>,
        commands: Vec<Command>,
    ) -> Result<Vec<Submitted>, JournalError> {
        let mut answers = Answers::default();
        let admitted = answers.admit(admit_all(ledger_id, commands));
        let Self { engine, appender, sequencer } = self;
        let durably = execute_in_order(engine, sequencer.as_mut(), admitted, |group| {
            appender.append_to_mark(group)
        })?;
        Ok(answers.complete(appender.sync(durably)?))
    }

    /// Lets the engine go on after an entry that it had to wait for.
    fn pass_barrier(&mut self) -> Result<(), JournalError> {
        let mark = self.appender.mark()?;
        self.engine.appended(&mark)
    }

    /// Admits the next commands on one thread while this one executes, and another hashes and writes the last.
    fn submit_ahead(
        &mut self,
        ledger_id: Option<&Hash32>,
        commands: Vec<Command>,
    ) -> Result<Vec<Submitted>, JournalError>
    where
        S: Send,
    {
        let Self { engine, appender, sequencer } = self;
        let (admissions, admitted) = sync_channel(AHEAD);
        let (groups, executed) = sync_channel(AHEAD);
        let (marks, passed) = sync_channel(1);
        thread::scope(|scope| {
            let stage = |name: &str| thread::Builder::new().name(name.into());
            let admission = move || admit_ahead(ledger_id, commands, &admissions);
            stage("admit").spawn_scoped(scope, admission).map_err(no_thread)?;
            let append = move || append_all(appender, &executed, &marks);
            let writer = stage("append").spawn_scoped(scope, append).map_err(no_thread)?;
            let execution = execute_all(engine, sequencer.as_mut(), admitted, groups, &passed);
            let logged = writer.join().unwrap_or_else(|panic| resume_unwind(panic))?;
            Ok(execution?.complete(logged))
        })
    }

    /// Keeps the state as it is now.
    ///
    /// # Errors
    /// When the store fails, or the log is behind the state after a failed write.
    pub fn flush(&mut self) -> Result<(), JournalError> {
        let mark = self.appender.mark()?;
        self.engine.flush(&mark)
    }

    /// Flushes if a restart would otherwise have much to re-execute.
    ///
    /// # Errors
    /// As [`Executor::flush`].
    pub fn settle(&mut self) -> Result<(), JournalError> {
        if self.engine.is_far_ahead() { self.flush() } else { Ok(()) }
    }

    /// The state after the last entry.
    pub const fn state(&self) -> &State<S> {
        self.engine.state()
    }

    /// The root of the state after the last entry.
    ///
    /// # Errors
    /// When the state store fails.
    pub fn root(&mut self) -> Result<Hash32, JournalError> {
        self.engine.root()
    }

    /// The record at `key`, and a proof of it under [`Executor::root`].
    ///
    /// # Errors
    /// When the state store fails.
    pub fn prove(&mut self, key: &[u8]) -> Result<(Option<Vec<u8>>, MapProof), JournalError> {
        self.engine.prove(key)
    }

    /// A snapshot of the state after the last entry.
    ///
    /// # Errors
    /// When the state store fails; what the sink reports.
    pub fn snapshot<E: From<JournalError>>(
        &mut self,
        sink: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<Summary, E> {
        self.engine.snapshot(self.appender.log().head(), sink)
    }

    /// The two sides, for whoever puts the steps of a submission together itself; see [`Executor::submit`] for their
    /// order.
    pub const fn sides(&mut self) -> (&mut Engine<S>, &mut Appender<D>) {
        (&mut self.engine, &mut self.appender)
    }

    /// The log's side.
    pub const fn appender(&self) -> &Appender<D> {
        &self.appender
    }
}

/// What is known of each command of a submission.
#[derive(Default)]
pub(crate) struct Answers(Vec<Option<Submitted>>);

impl Answers {
    /// Keeps the refusals, in their places, and gives back what was admitted.
    pub fn admit(&mut self, admissions: Vec<Admission>) -> Vec<Admitted> {
        let mut admitted = Vec::with_capacity(admissions.len());
        for admission in admissions {
            self.0.push(match admission {
                Ok(command) => {
                    admitted.push(command);
                    None
                }
                Err(refused) => Some(Submitted::Refused(refused.refusal().clone())),
            });
        }
        admitted
    }

    /// Puts the answers to what was admitted in between.
    pub fn complete(self, logged: Vec<Submitted>) -> Vec<Submitted> {
        let mut logged = logged.into_iter();
        self.0.into_iter().filter_map(|known| known.or_else(|| logged.next())).collect()
    }
}

fn no_thread(error: io::Error) -> JournalError {
    JournalError::Halted(format!("cannot start a thread: {error}"))
}

/// The first stage: ends early when the second one does.
fn admit_ahead(
    ledger_id: Option<&Hash32>,
    commands: Vec<Command>,
    admissions: &SyncSender<Vec<Admission>>,
) {
    let mut commands = commands.into_iter();
    loop {
        let chunk: Vec<Command> = commands.by_ref().take(ADMITTED_TOGETHER).collect();
        if chunk.is_empty() || admissions.send(admit_all(ledger_id, chunk)).is_err() {
            return;
        }
    }
}

/// The second stage: executes group by group, and waits behind each barrier until the group is durable.
fn execute_all<S: StateStore>(
    engine: &mut Engine<S>,
    sequencer: &mut dyn Sequencer,
    admissions: Receiver<Vec<Admission>>,
    groups: SyncSender<Group>,
    passed: &Receiver<Mark>,
) -> Result<Answers, JournalError> {
    let mut answers = Answers::default();
    for admissions in admissions {
        execute_in_order(engine, sequencer, answers.admit(admissions), |group| {
            let barrier = group.barrier;
            // The third stage ends early only after a failed write, which it reports itself.
            groups.send(group).map_err(|_| JournalError::Poisoned)?;
            if !barrier {
                return Ok(None);
            }
            passed.recv().map(Some).map_err(|_| JournalError::Poisoned)
        })?;
    }
    Ok(answers)
}

/// Executes commands in the sequencer's order. Each group goes to `take`, which returns the mark of the durable log
/// after a group with a barrier. Whether the answers need a sync.
pub(crate) fn execute_in_order<S: StateStore>(
    engine: &mut Engine<S>,
    sequencer: &mut dyn Sequencer,
    commands: Vec<Admitted>,
    mut take: impl FnMut(Group) -> Result<Option<Mark>, JournalError>,
) -> Result<bool, JournalError> {
    let mut durably = false;
    for batch in sequencer.order(engine.tick(), commands) {
        durably |= batch.sync;
        let (cursor, mut commands) = batch.into_parts();
        while commands.peek().is_some() {
            let group = engine.execute(&cursor, &mut commands)?;
            if let Some(mark) = take(group)? {
                engine.appended(&mark)?;
            }
        }
    }
    Ok(durably)
}

/// The third stage: chain, tree and log, and one sync at the end.
fn append_all<D: Disk>(
    appender: &mut Appender<D>,
    groups: &Receiver<Group>,
    marks: &SyncSender<Mark>,
) -> Result<Vec<Submitted>, JournalError> {
    for group in groups {
        if let Some(mark) = appender.append_to_mark(group)? {
            // The second stage waits for it, unless it failed, which it reports itself.
            let _ = marks.send(mark);
        }
    }
    appender.sync(true)
}

/// The identity of the ledger that these commands open.
fn opening(commands: &[Command]) -> Option<Hash32> {
    match commands.first().map(|command| &command.action) {
        Some(Action::Genesis(genesis)) => Some(genesis.ledger_id()),
        _ => None,
    }
}
