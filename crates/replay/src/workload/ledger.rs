//! A ledger in memory that keeps its log.

use alloc::vec::Vec;
use eqm_log::LogHead;
use protocol::{
    AccountId, Action, Authorization, Command, CommandId, EntryBody, Hash32, Outcome,
    signature::Signer,
};
use storage_engine::{
    execute_committed,
    state::{Changes, MemoryStore, State},
};

use super::WorkloadError;

pub(super) struct Ledger {
    pub(super) state: State<MemoryStore>,
    pub(super) bodies: Vec<Vec<u8>>,
    head: LogHead,
    seed: u64,
}

/// What became of a command.
pub(super) struct Done {
    pub(super) seq: u64,
    pub(super) entry_hash: Hash32,
    pub(super) outcome: Outcome,
}

impl Done {
    pub(super) const fn accepted(&self) -> bool {
        matches!(self.outcome, Outcome::Accepted(_))
    }
}

impl Ledger {
    pub(super) fn new(seed: u64) -> Result<Self, WorkloadError> {
        Ok(Self {
            state: State::open(MemoryStore::default()).map_err(WorkloadError::from)?,
            bodies: Vec::new(),
            head: LogHead::new(),
            seed,
        })
    }

    /// A command that is still to be signed. Its id follows from its position, so it is used once.
    pub(super) fn unsigned(&self, payer: AccountId, action: Action) -> Command {
        let seq = self.state.cursor().next_seq;
        let name = [self.seed.to_be_bytes(), seq.to_be_bytes()].concat();
        let hash = Hash32::of_parts(&[b"qfs test command", &name]);
        let id = hash.0.first_chunk::<16>().copied().unwrap_or_default();
        Command {
            id: CommandId(id),
            valid_until_epoch: self.state.epoch().saturating_add(1),
            payer,
            action,
            authorization: Authorization::Operator,
        }
    }

    /// The account that the signer answers for: the operator's stays what it was when its key changes.
    fn account_of(&self, signer: &dyn Signer) -> AccountId {
        let key = signer.public_key();
        let operators = self.state.operator().filter(|_| self.state.operator_key() == Some(&key));
        operators.unwrap_or_else(|| AccountId::of(&key))
    }

    /// Signs and executes.
    pub(super) fn submit(
        &mut self,
        signer: &dyn Signer,
        action: Action,
    ) -> Result<Done, WorkloadError> {
        let payer = self.account_of(signer);
        let command = self.unsigned(payer, action);
        self.submit_signed(signer, command)
    }

    pub(super) fn submit_signed(
        &mut self,
        signer: &dyn Signer,
        command: Command,
    ) -> Result<Done, WorkloadError> {
        let command = match self.state.ledger_id() {
            Some(id) => command.sign(&id, signer),
            None => command,
        };
        self.commit(command)
    }

    /// Executes a command as it is, also one that admission would not have let through.
    pub(super) fn commit(&mut self, command: Command) -> Result<Done, WorkloadError> {
        let seq = self.state.cursor().next_seq;
        // Ticks jump, because nothing may take them for positions.
        let tick = self.state.cursor().tick.saturating_add(seq.checked_rem(3).unwrap_or(0));
        let executed =
            execute_committed(&mut self.state, tick, command).map_err(WorkloadError::from)?;
        let entry_hash = self.head.append(&executed.bytes, |_, _, _| ());
        self.state.link(entry_hash);
        let EntryBody { outcome, state_root, .. } = executed.body;
        if state_root.is_some() {
            self.state.flush(Changes::new()).map_err(WorkloadError::from)?;
        }
        self.bodies.push(executed.bytes);
        Ok(Done { seq, entry_hash, outcome })
    }
}
