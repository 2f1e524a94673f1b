//! Many threads, one log. Commands that arrive while a group is on its way to the disk become the next group.
//!
//! Nobody waits for company: a lone command is executed, written and synced by the thread that brought it. When
//! there are several, one of them leads: it takes what is waiting, executes it, passes the lead on and goes to the
//! disk, so that the next group is executed while this one is synced. At most one group is on the disk's side
//! and one behind it; the rest waits in a line of bounded length.
//!
//! Checkpoints are signed beside all that, by whoever calls [`Committer::next_head`]; when they stay behind too far,
//! submitters wait for them.

use crate::{
    Appender, JournalError, RocksStore, Sequencer, Submitted,
    disk::{Disk, RealDisk},
    engine::{Engine, Group},
    executor::{Answers, Executor, execute_in_order},
    holders::signing_generation,
};
use eqm_log::LogHead;
use protocol::{Command, Hash32};
use std::{
    collections::VecDeque,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::{self, Thread},
};
use storage_engine::{
    Admitted, admit_all,
    state::{State, StateStore},
};

/// Commands that may wait; whoever comes then waits before the line.
const MAX_WAITING: usize = 65_536;
/// Commands that are executed together at most, unless one submission alone has more.
const MAX_TOGETHER: usize = 8_192;

/// Entries by which checkpoints may be behind while commands are taken.
pub const MAX_CHECKPOINT_LAG: u64 = 65_536;

/// Takes commands from any number of threads.
pub struct Committer<D: Disk = RealDisk, S = RocksStore> {
    ledger_id: Option<Hash32>,
    progress: Mutex<Progress>,
    progressed: Condvar,
    line: Mutex<Line>,
    room: Condvar,
    execution: Mutex<Execution<S>>,
    appender: Mutex<Appender<D>>,
}

/// What the leader holds while it executes.
struct Execution<S> {
    engine: Engine<S>,
    sequencer: Box<dyn Sequencer>,
    /// Set while commands are executed; what fails or panics on the way leaves it set.
    interrupted: bool,
}

/// How far the log and its checkpoints are.
struct Progress {
    durable: u64,
    checkpointed: u64,
    /// Entries that the next checkpoint waits for: below that nobody is woken up.
    awaited: u64,
    /// No checkpoint is signed any more: at the end, or after one could not be.
    ended: bool,
    unsigned: bool,
}

#[derive(Default)]
struct Line {
    waiting: VecDeque<Waiting>,
    commands: usize,
    led: bool,
}

struct Waiting {
    ticket: Arc<Ticket>,
    commands: Vec<Admitted>,
}

/// Where a thread waits for its answers, or for the lead.
struct Ticket {
    turn: Mutex<Turn>,
    thread: Thread,
}

enum Turn {
    Waiting,
    Leads,
    Answered(Result<Vec<Submitted>, JournalError>),
}

impl Ticket {
    fn set(&self, turn: Turn) {
        *lock(&self.turn) = turn;
        self.thread.unpark();
    }

    /// Waits until there is something else to do; takes an answer out.
    fn wait(&self) -> Turn {
        loop {
            match std::mem::replace(&mut *lock(&self.turn), Turn::Waiting) {
                Turn::Waiting => {}
                turn => return turn,
            }
            thread::park();
        }
    }
}

/// The submissions that a leader took. Those that it does not answer, because it failed or panicked, are told so.
struct Taken(VecDeque<(Arc<Ticket>, usize)>);

impl Taken {
    fn answer(mut self, answers: Vec<Submitted>) {
        let mut answers = answers.into_iter();
        while let Some((ticket, count)) = self.0.pop_front() {
            ticket.set(Turn::Answered(Ok(answers.by_ref().take(count).collect())));
        }
    }

    fn fail(mut self, own: &Arc<Ticket>, error: JournalError) {
        if let Some(at) = self.0.iter().position(|(ticket, _)| Arc::ptr_eq(ticket, own)) {
            self.0.remove(at);
            own.set(Turn::Answered(Err(error)));
        }
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        for (ticket, _) in self.0.drain(..) {
            ticket.set(Turn::Answered(Err(JournalError::Poisoned)));
        }
    }
}

impl<D: Disk, S: StateStore> Committer<D, S> {
    /// Takes over an executor, until [`Committer::into_executor`]. Of its entries so many are under a checkpoint.
    #[must_use]
    pub fn new(executor: Executor<D, S>, checkpointed: u64) -> Self {
        let Executor { engine, appender, sequencer } = executor;
        let durable = appender.log().durable_len();
        let progress =
            Progress { durable, checkpointed, awaited: u64::MAX, ended: false, unsigned: false };
        Self {
            progress: Mutex::new(progress),
            progressed: Condvar::new(),
            ledger_id: engine.state().ledger_id(),
            line: Mutex::default(),
            room: Condvar::new(),
            execution: Mutex::new(Execution { engine, sequencer, interrupted: false }),
            appender: Mutex::new(appender),
        }
    }

    /// Gives the executor back, once no thread submits any more.
    #[must_use]
    pub fn into_executor(self) -> Executor<D, S> {
        let execution = self.execution.into_inner().unwrap_or_else(PoisonError::into_inner);
        let appender = self.appender.into_inner().unwrap_or_else(PoisonError::into_inner);
        let Execution { engine, sequencer, .. } = execution;
        Executor { engine, appender, sequencer }
    }

    /// Answers a question about the state, in which everything is durable: whatever is on its way to the disk is
    /// waited for, and nothing is executed meanwhile. So `ask` must be short.
    ///
    /// # Errors
    /// After a failed write or execution: then nobody knows what is durable before a restart.
    pub fn read<T>(&self, ask: impl FnOnce(&State<S>) -> T) -> Result<T, JournalError> {
        let execution = lock(&self.execution);
        if execution.interrupted {
            return Err(JournalError::Poisoned);
        }
        // Whoever has executed a group holds the log before it lets go of the execution, until the group is durable.
        lock(&self.appender).durable_head()?;
        Ok(ask(execution.engine.state()))
    }

    /// Answers a question about the log, of which everything is durable. Nothing is written meanwhile.
    ///
    /// # Errors
    /// After a failed write.
    pub fn read_log<T>(&self, ask: impl FnOnce(&Appender<D>) -> T) -> Result<T, JournalError> {
        let appender = lock(&self.appender);
        appender.durable_head()?;
        Ok(ask(&appender))
    }

    /// Chain and tree over all durable entries.
    ///
    /// # Errors
    /// After a failed write.
    pub fn durable_head(&self) -> Result<LogHead, JournalError> {
        lock(&self.appender).durable_head().cloned()
    }

    /// Waits until `lag` entries are durable that no checkpoint covers, and returns chain and tree as they are then;
    /// `None` once there is nothing to wait for any more.
    pub fn next_head(&self, lag: u64) -> Option<LogHead> {
        let waits = |progress: &mut Progress| {
            progress.awaited = progress.checkpointed.saturating_add(lag);
            !progress.ended && progress.durable < progress.awaited
        };
        let progress = self.progressed.wait_while(lock(&self.progress), waits);
        if progress.unwrap_or_else(PoisonError::into_inner).ended {
            return None;
        }
        lock(&self.appender).durable_head().ok().cloned()
    }

    /// The generation of the log's keys that signs a checkpoint over `size` entries, of those that are durable (KY-2).
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn signing_generation(&self, size: u64) -> Result<u32, JournalError> {
        signing_generation(lock(&self.execution).engine.state(), size)
    }

    /// Says that a checkpoint over so many entries is kept.
    pub fn checkpointed(&self, size: u64) {
        lock(&self.progress).checkpointed = size;
        self.progressed.notify_all();
    }

    /// Says that no more checkpoints will be signed: because everything was submitted, or because one could not be,
    /// after which nothing more is taken.
    pub fn end_checkpoints(&self, failed: bool) {
        let mut progress = lock(&self.progress);
        progress.ended = true;
        progress.unsigned |= failed;
        self.progressed.notify_all();
    }

    /// Back-pressure: whoever would add to a log that is too far ahead of its checkpoints waits for them.
    fn wait_for_checkpoints(&self) -> Result<(), JournalError> {
        let behind = |progress: &mut Progress| {
            !progress.ended
                && progress.durable.saturating_sub(progress.checkpointed) >= MAX_CHECKPOINT_LAG
        };
        let progress = self.progressed.wait_while(lock(&self.progress), behind);
        if progress.unwrap_or_else(PoisonError::into_inner).unsigned {
            return Err(JournalError::Halted(
                "a checkpoint could not be signed or kept; what was acknowledged stands, nothing more is taken".into(),
            ));
        }
        Ok(())
    }

    fn note_durable(&self, len: u64) {
        let mut progress = lock(&self.progress);
        progress.durable = len;
        if len >= progress.awaited {
            self.progressed.notify_all();
        }
    }

    /// Submits commands in order, from any thread. Each comes back with its receipt, once that is durable, or
    /// its refusal. Waits while the line is full, or checkpoints are [`MAX_CHECKPOINT_LAG`] entries behind.
    ///
    /// # Errors
    /// A failed write or a halted state; what was submitted is then known only after a restart.
    pub fn submit(&self, commands: Vec<Command>) -> Result<Vec<Submitted>, JournalError> {
        self.wait_for_checkpoints()?;
        let mut answers = Answers::default();
        let admitted = answers.admit(admit_all(self.ledger_id.as_ref(), commands));
        let logged = if admitted.is_empty() { Vec::new() } else { self.commit(admitted)? };
        Ok(answers.complete(logged))
    }

    fn commit(&self, commands: Vec<Admitted>) -> Result<Vec<Submitted>, JournalError> {
        let ticket =
            Arc::new(Ticket { turn: Mutex::new(Turn::Waiting), thread: thread::current() });
        if self.stand_in_line(&ticket, commands) {
            self.lead(&ticket);
        }
        loop {
            match ticket.wait() {
                Turn::Waiting => {}
                Turn::Leads => self.lead(&ticket),
                Turn::Answered(answers) => return answers,
            }
        }
    }

    /// Whether the caller leads, because nobody else does.
    fn stand_in_line(&self, ticket: &Arc<Ticket>, commands: Vec<Admitted>) -> bool {
        let full = |line: &mut Line| line.commands >= MAX_WAITING;
        let waited = self.room.wait_while(lock(&self.line), full);
        let mut line = waited.unwrap_or_else(PoisonError::into_inner);
        line.commands += commands.len();
        line.waiting.push_back(Waiting { ticket: Arc::clone(ticket), commands });
        !std::mem::replace(&mut line.led, true)
    }

    fn lead(&self, own: &Arc<Ticket>) {
        let execution = lock(&self.execution);
        let (taken, commands) = self.take();
        match self.execute(execution, commands) {
            Ok(answers) => taken.answer(answers),
            Err(error) => taken.fail(own, error),
        }
    }

    fn take(&self) -> (Taken, Vec<Admitted>) {
        let mut line = lock(&self.line);
        let (mut taken, mut commands) = (Taken(VecDeque::new()), Vec::new());
        while let Some(next) = line.waiting.front()
            && (commands.is_empty() || commands.len() + next.commands.len() <= MAX_TOGETHER)
            && let Some(Waiting { ticket, commands: next }) = line.waiting.pop_front()
        {
            taken.0.push_back((ticket, next.len()));
            commands.extend(next);
        }
        line.commands -= commands.len();
        self.room.notify_all();
        (taken, commands)
    }

    /// Passes the lead to the next in line, who may execute while the caller is on its way to the disk.
    fn pass_on(&self) {
        let mut line = lock(&self.line);
        match line.waiting.front() {
            Some(next) => next.ticket.set(Turn::Leads),
            None => line.led = false,
        }
    }

    fn execute(
        &self,
        execution: MutexGuard<'_, Execution<S>>,
        commands: Vec<Admitted>,
    ) -> Result<Vec<Submitted>, JournalError> {
        let lead = Lead { committer: self, execution: Some(execution) };
        lead.execute(commands)
    }
}

/// The lead, which is passed on when this ends, whatever happens.
struct Lead<'a, D: Disk, S: StateStore> {
    committer: &'a Committer<D, S>,
    execution: Option<MutexGuard<'a, Execution<S>>>,
}

impl<D: Disk, S: StateStore> Drop for Lead<'_, D, S> {
    fn drop(&mut self) {
        if self.execution.take().is_some() {
            self.committer.pass_on();
        }
    }
}

impl<D: Disk, S: StateStore> Lead<'_, D, S> {
    fn execute(mut self, commands: Vec<Admitted>) -> Result<Vec<Submitted>, JournalError> {
        let Some(execution) = &mut self.execution else { return Err(JournalError::Poisoned) };
        if std::mem::replace(&mut execution.interrupted, true) {
            return Err(JournalError::Poisoned);
        }
        let Execution { engine, sequencer, interrupted } = &mut **execution;
        let mut executed = Vec::new();
        let durably = execute_in_order(engine, sequencer.as_mut(), commands, |group| {
            let barrier = group.barrier;
            executed.push(group);
            if !barrier {
                return Ok(None);
            }
            let mut appender = lock(&self.committer.appender);
            append(&mut appender, executed.drain(..))?;
            appender.mark().map(Some)
        })?;
        *interrupted = false;
        // Taken before the lead is passed on, so that groups reach the log in the order of their execution.
        let committer = self.committer;
        let mut appender = lock(&committer.appender);
        drop(self);
        append(&mut appender, executed.into_iter())?;
        let answers = appender.sync(durably)?;
        committer.note_durable(appender.log().durable_len());
        Ok(answers)
    }
}

fn append<D: Disk>(
    appender: &mut Appender<D>,
    mut groups: impl Iterator<Item = Group>,
) -> Result<(), JournalError> {
    groups.try_for_each(|group| appender.append(group))
}

/// What a panic left behind a lock is told by [`Execution::interrupted`] and by the appender itself.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
