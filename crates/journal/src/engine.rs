//! Execution: commands in, groups of entries' bodies out. It runs ahead of the log, in memory only.
//!
//! Nothing here hashes entries or touches the log. What an entry's hash decides, the challenges of an audit,
//! comes back through [`Engine::appended`]; so does the permission to keep the state, which must never be on
//! disk ahead of the log.

use crate::{JournalError, appender::Mark};
use eqm_log::LogHead;
use protocol::{Hash32, Outcome, Refusal, canonical, error::ErrorCode};
use std::{io, iter::Peekable};
use storage_engine::{
    Admission, Admitted, Executed, execute, execute_admission, identity,
    state::{
        Changes, Seen, State, StateError, StateStore,
        snapshot::{self, SnapshotError, Summary},
        tree::MapProof,
    },
};

/// A group is closed before it grows beyond this.
const GROUP_BYTES: usize = 8 << 20;

/// When groups end and the state is kept. No byte of an entry depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Entries of one group. Enough to hash many at once, few enough that log and execution overlap.
    pub group_entries: usize,
    /// Records in memory after which the state is kept at the next entry with a state root: then its tree is up to
    /// date, and keeping it costs least.
    pub pending_at_root: usize,
    /// Records in memory after which it is kept wherever the log stands.
    pub pending_records: usize,
    /// Entries that the store may be behind at an entry with a state root.
    pub unflushed_at_root: u64,
    /// Entries that a restart re-executes at most, after a clean end.
    pub unflushed_entries: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            group_entries: 512,
            pending_at_root: 300_000,
            pending_records: if cfg!(test) { 2_000 } else { 600_000 },
            unflushed_at_root: 200_000,
            unflushed_entries: 1_024,
        }
    }
}

/// Key of the journal's own record in the state store: below every letter that the state uses.
const HEAD_KEY: &[u8] = b"\0head";

/// Executed entries on their way to the log.
#[derive(Debug, Default)]
pub struct Group {
    /// What the sequencer wants back after a restart.
    pub cursor: Vec<u8>,
    /// Canonical bytes of the entries' bodies, in order.
    pub bodies: Vec<Vec<u8>>,
    /// What became of each command, in the order of the commands.
    pub answers: Vec<Answer>,
    /// Whether execution goes on only after this group is durable: to keep the state, or because the next
    /// entries follow from this one's hash.
    pub barrier: bool,
}

/// What became of a command, before its entry has a hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The next body of the group is its entry.
    Executed {
        /// Accepted or refused.
        outcome: Outcome,
        /// Why it was refused, if it was.
        refusal: Option<Refusal>,
    },
    /// It was executed before, as this entry.
    Repeated {
        /// Its seq, in this group or an earlier one.
        seq: u64,
    },
    /// It was refused before it had a place in the log.
    Refused(Refusal),
}

/// The state, and how far it is kept.
#[derive(Debug)]
pub struct Engine<S> {
    state: State<S>,
    limits: Limits,
    flushed_seq: u64,
    flush_due: bool,
    /// Set while the state changes; a failure on the way leaves it set, for then nobody knows what the state is of.
    interrupted: bool,
}

impl<S: StateStore> Engine<S> {
    /// The state in `store`, and the head of the log at the entry where it stands.
    ///
    /// # Errors
    /// [`JournalError::Halted`] when the store cannot be read or contradicts itself.
    pub fn open(store: S, limits: Limits) -> Result<(Self, LogHead), JournalError> {
        let state = State::open(store).map_err(halted)?;
        let kept = state.store().get(HEAD_KEY).map_err(|error| halted(StateError::Store(error)))?;
        let head = match kept {
            Some(bytes) => {
                let (hash, frontier) = canonical::decode(&bytes).map_err(|_| {
                    JournalError::Halted("the state's log head cannot be read".into())
                })?;
                LogHead::resume(hash, frontier)
            }
            None => LogHead::new(),
        };
        let flushed_seq = state.cursor().next_seq;
        if head.size() != flushed_seq {
            return Err(JournalError::Halted(
                "state and log head stand at different entries".into(),
            ));
        }
        let (flush_due, interrupted) = (false, false);
        Ok((Self { state, limits, flushed_seq, flush_due, interrupted }, head))
    }

    /// Executes commands until they end or the group should. Each has its tick.
    ///
    /// # Errors
    /// A halted state: nothing more is executed. What was executed before the failure is in no group.
    pub fn execute(
        &mut self,
        cursor: &[u8],
        commands: &mut Peekable<impl Iterator<Item = (u64, Admitted)>>,
    ) -> Result<Group, JournalError> {
        self.or_interrupt(|engine| engine.execute_group(cursor, commands))
    }

    /// Does `step`; unless it succeeds, nothing is done with the state any more.
    fn or_interrupt<T>(
        &mut self,
        step: impl FnOnce(&mut Self) -> Result<T, JournalError>,
    ) -> Result<T, JournalError> {
        if std::mem::replace(&mut self.interrupted, true) {
            return Err(JournalError::Poisoned);
        }
        let done = step(self)?;
        self.interrupted = false;
        Ok(done)
    }

    fn execute_group(
        &mut self,
        cursor: &[u8],
        commands: &mut Peekable<impl Iterator<Item = (u64, Admitted)>>,
    ) -> Result<Group, JournalError> {
        let mut group = Group { cursor: cursor.to_vec(), ..Group::default() };
        let mut bytes = 0;
        let entries = self.limits.group_entries;
        while let Some((tick, command)) =
            commands.next_if(|_| group.bodies.len() < entries && bytes < GROUP_BYTES)
        {
            let answer =
                match self.state.seen_as(&command.command().id, &command.hash()).map_err(halted)? {
                    Seen::Executed { seq } => Answer::Repeated { seq },
                    Seen::Conflict => Answer::Refused(Refusal::new(
                        ErrorCode::Conflict,
                        "another command was executed under this id; choose a new id",
                    )),
                    Seen::Never => {
                        let done = execute(&mut self.state, tick, command).map_err(halted)?;
                        self.note(&done);
                        bytes += done.bytes.len();
                        group.bodies.push(done.bytes);
                        Answer::Executed { outcome: done.body.outcome, refusal: done.refusal }
                    }
                };
            group.answers.push(answer);
            if self.is_barrier() {
                group.barrier = true;
                break;
            }
        }
        Ok(group)
    }

    fn note(&mut self, done: &Executed) {
        let unflushed = self.unflushed();
        self.flush_due = self.state.pending() > self.limits.pending_records
            || (done.body.state_root.is_some()
                && (self.state.pending() > self.limits.pending_at_root
                    || unflushed > self.limits.unflushed_at_root));
    }

    fn is_barrier(&self) -> bool {
        self.flush_due || self.state.awaits_link()
    }

    /// Tells the engine that a group with a barrier is durable, and how the log stands after it.
    ///
    /// # Errors
    /// When the state cannot be kept.
    pub fn appended(&mut self, mark: &Mark) -> Result<(), JournalError> {
        self.state.link(mark.head.entry_hash());
        if self.flush_due { self.flush(mark) } else { Ok(()) }
    }

    /// Hands the state to its store, in one commit that stands at one entry, which is durable.
    ///
    /// # Errors
    /// When the store fails, or the log stands elsewhere than the state: then nothing is kept.
    pub fn flush(&mut self, mark: &Mark) -> Result<(), JournalError> {
        let head = &mark.head;
        if head.size() != self.state.cursor().next_seq {
            return Err(JournalError::Poisoned);
        }
        let kept = canonical::encode(&(head.entry_hash(), head.frontier()));
        let extra = Changes::from([(HEAD_KEY.to_vec(), Some(kept))]);
        self.or_interrupt(|engine| engine.state.flush(extra).map_err(halted))?;
        (self.flushed_seq, self.flush_due) = (head.size(), false);
        Ok(())
    }

    /// Tick of the last executed entry.
    #[must_use]
    pub const fn tick(&self) -> u64 {
        self.state.cursor().tick
    }

    /// Entries that a restart would execute again.
    #[must_use]
    pub fn unflushed(&self) -> u64 {
        self.state.cursor().next_seq.saturating_sub(self.flushed_seq)
    }

    /// Whether a restart would have much to execute again.
    #[must_use]
    pub fn is_far_ahead(&self) -> bool {
        self.unflushed() >= self.limits.unflushed_entries
    }

    /// Executes an entry of the log again; its bytes must come out as they are. Returns whether the next one has to
    /// wait until this one is in the log's tree, as [`Group::barrier`] says.
    ///
    /// # Errors
    /// [`JournalError::Damaged`] when they do not.
    pub fn re_execute(
        &mut self,
        seq: u64,
        tick: u64,
        admission: Admission,
        body: &[u8],
    ) -> Result<bool, JournalError> {
        let wrong = |what: &str| {
            JournalError::Damaged(format!("entry {seq}: {what}; the replica stops here"))
        };
        let (id, hash) = identity(&admission);
        if self.state.seen_as(&id, &hash).map_err(halted)? != Seen::Never {
            return Err(wrong("its command was executed before"));
        }
        let again = execute_admission(&mut self.state, tick, admission).map_err(halted)?;
        if again.bytes != body {
            return Err(wrong("executing it again gives other bytes"));
        }
        self.note(&again);
        Ok(self.is_barrier())
    }

    /// The state after the last executed entry.
    pub const fn state(&self) -> &State<S> {
        &self.state
    }

    /// The root of the state after the last executed entry.
    ///
    /// # Errors
    /// When the store fails.
    pub fn root(&mut self) -> Result<Hash32, JournalError> {
        self.state.root().map_err(halted)
    }

    /// The record at `key`, and a proof of it under [`Engine::root`].
    ///
    /// # Errors
    /// When the store fails.
    pub fn prove(&mut self, key: &[u8]) -> Result<(Option<Vec<u8>>, MapProof), JournalError> {
        self.state.prove(key).map_err(halted)
    }

    /// A snapshot of the state after the last executed entry, which hashes to `entry_hash`.
    ///
    /// # Errors
    /// When the store fails; what the sink reports.
    pub fn snapshot<E: From<JournalError>>(
        &mut self,
        entry_hash: Hash32,
        sink: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<Summary, E> {
        snapshot::write(&mut self.state, entry_hash, sink).map_err(|error| match error {
            SnapshotError::Stream(error) => error,
            SnapshotError::State(error) => halted(error).into(),
            SnapshotError::Refused(reason) => JournalError::Halted(reason.to_string()).into(),
        })
    }
}

fn halted<F: std::fmt::Display>(error: StateError<F>) -> JournalError {
    let said = error.to_string();
    // The store says why it failed in words only.
    if said.contains("No space left on device") {
        let full = io::Error::new(io::ErrorKind::StorageFull, said);
        return JournalError::io("cannot keep", "state")(full);
    }
    JournalError::Halted(said)
}
