//! Executes ordered batches: state forward, entries to the log, one sync per group, then receipts.

use crate::{Batch, JournalError, Log, LoggedEntry, RealDisk, RocksStore, rocks::RocksFault};
use eqm_log::{Frontier, LogHead, NodeReader, TreeHash};
use protocol::{EntryBody, Hash32, Receipt, Refusal, canonical, error::ErrorCode};
use std::{collections::BTreeMap, path::Path};
use storage_engine::{
    Admitted, execute, execute_committed,
    state::{Changes, Seen, State, StateError, StateStore},
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recovery {
    /// Entries in the log.
    pub entries: u64,
    /// Entries that the state had not seen, re-executed and compared.
    pub re_executed: u64,
    /// Bytes cut off the end: a group that was being written and that nobody had a receipt for.
    pub torn_bytes: u64,
}

/// A group is closed before it grows beyond this.
const GROUP_BYTES: usize = 8 << 20;
/// Records kept in memory before they go to the state store.
const PENDING_RECORDS: usize = 50_000;
/// Entries that a restart re-executes at most, after a clean end.
const UNFLUSHED_ENTRIES: u64 = 1_024;

/// Keys of the journal's own records in the state store: below every letter that the state uses.
const FRONTIER_KEY: &[u8] = b"\0frontier";
const TREE_PREFIX: u8 = 1;

/// The engine on its log.
#[derive(Debug)]
pub struct Executor {
    state: State<RocksStore>,
    log: Log,
    head: LogHead,
    pending_nodes: BTreeMap<(u8, u64), TreeHash>,
    flushed_seq: u64,
}

impl Executor {
    /// Opens log and state in `dir`, and re-executes what the state has not seen.
    ///
    /// # Errors
    /// [`JournalError::Damaged`] when re-execution does not reproduce an entry, or the log is shorter than
    /// what the state has seen.
    pub fn open(dir: &Path) -> Result<(Self, Recovery), JournalError> {
        let (log, tail) = Log::open(RealDisk, &dir.join("log"))?;
        let state = State::open(RocksStore::open(&dir.join("state"))?).map_err(halted)?;
        let cursor = *state.cursor();
        if cursor.next_seq > log.len() {
            return Err(JournalError::Damaged(format!(
                "the log has {} entries, but the state has seen {}: entries are lost; restore the log from a copy",
                log.len(),
                cursor.next_seq
            )));
        }
        let frontier =
            match state.store().get(FRONTIER_KEY).map_err(|e| halted(StateError::Store(e)))? {
                Some(bytes) => canonical::decode(&bytes).map_err(|_| {
                    JournalError::Halted("the tree's frontier cannot be read".into())
                })?,
                None => Frontier::new(),
            };
        let head = LogHead::resume(cursor.head, frontier);
        if head.size() != cursor.next_seq {
            return Err(JournalError::Halted("state and tree stand at different entries".into()));
        }
        let flushed_seq = cursor.next_seq;
        let mut executor = Self { state, log, head, pending_nodes: BTreeMap::new(), flushed_seq };
        let re_executed = executor.catch_up()?;
        let recovery =
            Recovery { entries: executor.log.len(), re_executed, torn_bytes: tail.bytes() };
        Ok((executor, recovery))
    }

    /// Re-executes the log from where the state stands; every entry must come out as it is.
    fn catch_up(&mut self) -> Result<u64, JournalError> {
        let from = self.head.size();
        // The log is moved out so that its entries can be read while the state changes.
        let log = std::mem::replace(&mut self.log, Log::closed());
        let result = log.read::<JournalError>(from, |entry| {
            self.re_execute(&entry)?;
            if self.state.pending() > PENDING_RECORDS {
                self.persist()?;
            }
            Ok(true)
        });
        self.log = log;
        result.map(|()| self.head.size() - from)
    }

    fn re_execute(&mut self, entry: &LoggedEntry) -> Result<(), JournalError> {
        let wrong = |what: String| {
            JournalError::Damaged(format!("entry {}: {what}; the replica stops here", entry.seq))
        };
        let body = EntryBody::from_bytes(&entry.body).map_err(|error| wrong(error.to_string()))?;
        let again = execute_committed(&mut self.state, body.tick, body.command).map_err(halted)?;
        if again.bytes != entry.body {
            return Err(wrong("executing it again gives other bytes".into()));
        }
        let hash = self.append_to_tree(&again.bytes);
        self.state.link(hash).map_err(halted)
    }

    fn append_to_tree(&mut self, body: &[u8]) -> Hash32 {
        let nodes = &mut self.pending_nodes;
        self.head.append(body, |level, index, hash| {
            nodes.insert((level, index), hash);
        })
    }

    /// Executes a batch. Receipts come back only for entries that are as durable as the batch asks.
    ///
    /// # Errors
    /// A failed write or a halted state: nothing more can be executed, and nothing is guessed.
    pub fn execute(&mut self, batch: Batch) -> Result<Vec<Submitted>, JournalError> {
        // A command whose append failed is in the state's memory: asked again, it must not get a receipt for that.
        self.check_whole()?;
        let mut results = Vec::with_capacity(batch.commands.len());
        let (mut group, mut group_bytes) = (Vec::new(), 0);
        for (tick, command) in batch.commands {
            let result = match self.state.seen(command.command()).map_err(halted)? {
                Seen::Executed { seq } => {
                    self.append(&batch.cursor, std::mem::take(&mut group), batch.sync)?;
                    Submitted::Repeated(self.receipt(seq)?)
                }
                Seen::Conflict => Submitted::Refused(Refusal::new(
                    ErrorCode::Conflict,
                    "another command was executed under this id; choose a new id",
                )),
                Seen::Never => {
                    let (result, bytes) = self.execute_one(tick, command)?;
                    group_bytes += bytes.len();
                    group.push(bytes);
                    result
                }
            };
            results.push(result);
            if group_bytes >= GROUP_BYTES {
                self.append(&batch.cursor, std::mem::take(&mut group), batch.sync)?;
                group_bytes = 0;
            }
        }
        self.append(&batch.cursor, group, batch.sync)?;
        if self.state.pending() > PENDING_RECORDS {
            self.flush()?;
        }
        Ok(results)
    }

    fn execute_one(
        &mut self,
        tick: u64,
        command: Admitted,
    ) -> Result<(Submitted, Vec<u8>), JournalError> {
        let done = execute(&mut self.state, tick, command).map_err(halted)?;
        let entry_hash = self.append_to_tree(&done.bytes);
        self.state.link(entry_hash).map_err(halted)?;
        let receipt = Receipt { seq: done.body.seq, entry_hash, outcome: done.body.outcome };
        Ok((Submitted::Logged { receipt, refusal: done.refusal }, done.bytes))
    }

    /// The state may be ahead of the log in memory while this runs, never on disk: [`Self::flush`] comes after.
    fn append(
        &mut self,
        cursor: &[u8],
        bodies: Vec<Vec<u8>>,
        sync: bool,
    ) -> Result<(), JournalError> {
        if bodies.is_empty() {
            return Ok(());
        }
        self.log.append(cursor, &bodies, sync)
    }

    /// After an append that failed, the state in memory is ahead of the log. Nothing of it may be kept or signed.
    ///
    /// # Errors
    /// [`JournalError::Poisoned`] in that case.
    pub fn check_whole(&self) -> Result<(), JournalError> {
        if self.head.size() == self.log.len() { Ok(()) } else { Err(JournalError::Poisoned) }
    }

    /// The receipt of an entry in the log.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn receipt(&self, seq: u64) -> Result<Receipt, JournalError> {
        let missing = || JournalError::Damaged(format!("entry {seq} is not in the log"));
        let entry = self.log.entry(seq)?.ok_or_else(missing)?;
        let body = EntryBody::from_bytes(&entry.body)
            .map_err(|error| JournalError::Damaged(format!("entry {seq}: {error}")))?;
        Ok(Receipt { seq, entry_hash: entry.entry_hash(), outcome: body.outcome })
    }

    /// Hands state and tree to the state store, in one commit that stands at one entry.
    ///
    /// # Errors
    /// When the store fails, or the log is behind the state after a failed append.
    pub fn flush(&mut self) -> Result<(), JournalError> {
        self.check_whole()?;
        self.persist()
    }

    fn persist(&mut self) -> Result<(), JournalError> {
        let nodes = std::mem::take(&mut self.pending_nodes);
        let mut extra: Changes = nodes
            .into_iter()
            .map(|((level, index), hash)| (tree_key(level, index), Some(hash.0.to_vec())))
            .collect();
        extra.insert(FRONTIER_KEY.to_vec(), Some(canonical::encode(self.head.frontier())));
        self.state.flush(extra).map_err(halted)?;
        self.flushed_seq = self.head.size();
        Ok(())
    }

    /// Flushes if a restart would otherwise have much to re-execute.
    ///
    /// # Errors
    /// As [`Executor::flush`].
    pub fn settle(&mut self) -> Result<(), JournalError> {
        if self.head.size() - self.flushed_seq >= UNFLUSHED_ENTRIES { self.flush() } else { Ok(()) }
    }

    /// The state after the last entry.
    pub const fn state(&self) -> &State<RocksStore> {
        &self.state
    }

    /// The state, for its root, which is computed on demand.
    pub const fn state_mut(&mut self) -> &mut State<RocksStore> {
        &mut self.state
    }

    /// The log.
    pub const fn log(&self) -> &Log {
        &self.log
    }

    /// Chain and tree after the last entry.
    pub const fn head(&self) -> &LogHead {
        &self.head
    }
}

impl NodeReader for Executor {
    type Error = JournalError;

    fn node(&self, level: u8, index: u64) -> Result<TreeHash, JournalError> {
        if let Some(hash) = self.pending_nodes.get(&(level, index)) {
            return Ok(*hash);
        }
        let stored = self.state.store().get(&tree_key(level, index));
        let bytes = stored.map_err(|error| halted(StateError::Store(error)))?;
        bytes.and_then(|bytes| bytes.try_into().ok()).map(TreeHash).ok_or_else(|| {
            JournalError::Halted(format!("the tree has no node {index} at level {level}"))
        })
    }
}

fn tree_key(level: u8, index: u64) -> Vec<u8> {
    [&[TREE_PREFIX, level][..], &index.to_be_bytes()].concat()
}

fn halted(error: StateError<RocksFault>) -> JournalError {
    JournalError::Halted(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::{AccountId, Action, Authorization, Command, CommandId, command::OpenAudit};
    use storage_engine::admit;

    /// JO-3: after a failed append nothing is executed, and a command sent again gets no receipt.
    #[test]
    fn jo_3_a_failed_append_ends_all_receipts() {
        let dir = tempfile::tempdir().unwrap();
        let (mut executor, _) = Executor::open(dir.path()).unwrap();
        let command = Command {
            id: CommandId([7; 16]),
            valid_until_epoch: 1,
            payer: AccountId(Hash32::ZERO),
            action: Action::OpenAudit(OpenAudit::All),
            authorization: Authorization::Operator,
        };
        let batch = || {
            let admitted = admit(None, command.clone()).unwrap();
            Batch { commands: vec![(1, admitted)], cursor: Vec::new(), sync: true }
        };
        executor.log = Log::closed();
        for attempt in ["first", "again"] {
            let result = executor.execute(batch());
            assert!(matches!(result, Err(JournalError::Poisoned)), "{attempt}: {result:?}");
        }
        assert!(matches!(executor.flush(), Err(JournalError::Poisoned)));
    }
}
