//! Execution and log together: what is executed, written, made durable and answered, in that order.

use crate::{
    Batch, JournalError, Log, NodeFile, RocksStore,
    appender::Appender,
    disk::{Disk, RealDisk},
    engine::{Engine, Group},
    log::Tail,
};
use protocol::{Command, EntryBody, Receipt, Refusal};
use std::{
    path::Path,
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    thread,
};
use storage_engine::{
    Admitted, admit_all,
    state::{State, StateStore},
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

/// Batches up to this many commands are hashed and written by the thread that executes them: waking another one
/// would take longer than the work.
const INLINE: usize = 256;
/// Groups that may be executed and not yet written.
const GROUPS_AHEAD: usize = 4;
/// Entries that are re-executed together.
const RECOVERED_TOGETHER: usize = 512;

/// The engine on its log.
#[derive(Debug)]
pub struct Executor<D: Disk = RealDisk, S = RocksStore> {
    pub(crate) engine: Engine<S>,
    pub(crate) appender: Appender<D>,
}

impl<D: Disk, S: StateStore> Executor<D, S> {
    /// Opens the log in `dir` and re-executes what the state in `store` has not seen.
    ///
    /// # Errors
    /// [`JournalError::Damaged`] when re-execution does not reproduce an entry, or the log is shorter than
    /// what the state has seen.
    pub fn open(disk: D, dir: &Path, store: S) -> Result<(Self, Recovery), JournalError> {
        let (log, tail) = Log::open(disk.clone(), &dir.join("log"))?;
        let (engine, head) = Engine::open(store)?;
        let nodes = NodeFile::open(disk, &dir.join("tree"))?;
        let mut executor = Self { engine, appender: Appender::new(log, nodes, head)? };
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
        for (((seq, body), tick), admission) in (first_seq..).zip(&bodies).zip(ticks).zip(admissions) {
            let barrier = self.engine.re_execute(seq, tick, admission, body)?;
            self.appender.catch_up(&[body])?;
            if barrier {
                self.pass_barrier()?;
            }
        }
        Ok(())
    }

    /// Executes a batch. Answers come back once their entries are as durable as the batch asks.
    ///
    /// # Errors
    /// A failed write or a halted state: nothing more can be executed, and nothing is guessed.
    pub fn execute(&mut self, batch: Batch) -> Result<Vec<crate::Submitted>, JournalError>
    where
        S: Send,
    {
        // A command whose write failed is in the state's memory: asked again, it must not get a receipt for that.
        self.appender.check_whole()?;
        if batch.commands.len() <= INLINE {
            self.execute_in_turn(batch)
        } else {
            self.execute_ahead(batch)
        }
    }

    fn execute_in_turn(&mut self, batch: Batch) -> Result<Vec<Submitted>, JournalError> {
        let mut commands = batch.commands.into_iter().peekable();
        while commands.peek().is_some() {
            let group = self.engine.execute(&mut commands)?;
            let barrier = group.barrier;
            self.appender.append(&batch.cursor, group)?;
            if barrier {
                self.pass_barrier()?;
            }
        }
        self.appender.sync(batch.sync)
    }

    /// Lets the engine go on after an entry that it had to wait for.
    fn pass_barrier(&mut self) -> Result<(), JournalError> {
        let mark = self.appender.mark()?;
        self.engine.appended(&mark)
    }

    /// Executes the next group while another thread hashes and writes the last.
    fn execute_ahead(&mut self, batch: Batch) -> Result<Vec<Submitted>, JournalError>
    where
        S: Send,
    {
        let Self { engine, appender } = self;
        let (groups, work) = sync_channel(GROUPS_AHEAD);
        let (marks, passed) = sync_channel(1);
        thread::scope(|scope| {
            let cursor = &batch.cursor;
            let writer = scope.spawn(move || {
                append_all(appender, cursor, &work, &marks)?;
                appender.sync(batch.sync)
            });
            let executed = execute_all(engine, batch.commands, groups, &passed);
            let answers = writer.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            // A failed write is the cause of whatever went wrong on this side.
            answers.and_then(|answers| executed.map(|()| answers))
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

    /// The log's side.
    pub const fn appender(&self) -> &Appender<D> {
        &self.appender
    }
}

/// Executes commands group by group, and waits behind each barrier until the group is durable.
fn execute_all<S: StateStore>(
    engine: &mut Engine<S>,
    commands: Vec<(u64, Admitted)>,
    groups: SyncSender<Group>,
    passed: &Receiver<crate::appender::Mark>,
) -> Result<(), JournalError> {
    let mut commands = commands.into_iter().peekable();
    while commands.peek().is_some() {
        let group = engine.execute(&mut commands)?;
        let barrier = group.barrier;
        // The other side ends early only after a failed write, which it reports itself.
        if groups.send(group).is_err() {
            return Err(JournalError::Poisoned);
        }
        if barrier {
            let mark = passed.recv().map_err(|_| JournalError::Poisoned)?;
            engine.appended(&mark)?;
        }
    }
    Ok(())
}

fn append_all<D: Disk>(
    appender: &mut Appender<D>,
    cursor: &[u8],
    work: &Receiver<Group>,
    marks: &SyncSender<crate::appender::Mark>,
) -> Result<(), JournalError> {
    for group in work {
        let barrier = group.barrier;
        appender.append(cursor, group)?;
        if barrier {
            let _ = marks.send(appender.mark()?);
        }
    }
    Ok(())
}
