//! The auditor's own books of a ledger: what its state must be by the commands and what the log says became of
//! them, written beside the ledger's state and never from it (RP-6).
//!
//! Every accepted entry is held against the books before it is entered. They keep no object: where copies stand is
//! told by whoever asks.

mod accounts;
mod keyring;
mod page;
mod proposals;
mod roll;
#[cfg(all(test, feature = "workload"))]
mod tests;
mod totals;

use alloc::{format, string::String, vec::Vec};
use core::fmt::Display;
use protocol::{
    Action, Amount, Authorization, Command, EntryBody, Event, Genesis, Hash32, Outcome, Parameters,
    Profile, Rules,
    command::{AdvanceEpoch, Content, Reassign},
    error::ErrorCode,
    event::EpochClosed,
    governance::{Change, ProposalNumber},
    keys::{KeyHolder, RotateKeys},
    node::{NodeNumber, NodeStatus, Standing},
    parameters::Parameter,
    rules::DomainKind,
};
use storage_engine::state::{MemoryStore, State, StateStore};

pub use self::{accounts::AccountTotals, keyring::Generation};
pub(crate) use self::{
    accounts::Accounts, keyring::Keyring, page::Page, proposals::Proposals, roll::Roll,
    totals::Totals,
};
use crate::{
    compare::Difference,
    derive::{self, Copy, Shard, Told},
};

/// What the auditor keeps of a ledger that is open. Accounts are in a map `A` of their own.
#[derive(Clone, Debug)]
pub(crate) struct Books<A = MemoryStore> {
    pub(crate) ledger_id: Hash32,
    pub(crate) keys: Keyring,
    /// The open epoch.
    pub(crate) epoch: u64,
    /// Seq of the entry that opened it.
    pub(crate) opened_at: u64,
    /// In force in it, as are the next two.
    pub(crate) parameters: Parameters,
    pub(crate) rules: Rules,
    pub(crate) code_version: u32,
    pub(crate) roll: Roll,
    pub(crate) proposals: Proposals,
    pub(crate) accounts: Accounts<A>,
    pub(crate) totals: Totals,
}

/// A version that is placed, or whose copy moves.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Placed<'a> {
    pub(crate) shards: &'a [Shard],
    pub(crate) profile: Profile,
    pub(crate) told: &'a Told,
}

impl Books {
    /// The books of a ledger that `genesis` has just opened, with accounts in memory.
    pub(crate) fn open(genesis: &Genesis) -> Self {
        Self::open_with(genesis, MemoryStore::default())
    }
}

impl<A: StateStore> Books<A> {
    /// The books of a ledger that `genesis` has just opened (RG-6, RG-7, GV-1). `accounts` is empty.
    pub(crate) fn open_with(genesis: &Genesis, accounts: A) -> Self {
        Self {
            ledger_id: genesis.ledger_id(),
            keys: Keyring::open(genesis),
            epoch: 1,
            opened_at: 0,
            parameters: genesis.parameters.clone(),
            rules: genesis.rules.clone(),
            code_version: 1,
            roll: Roll::open(genesis),
            proposals: Proposals::default(),
            accounts: Accounts::resume(accounts, Amount::ZERO),
            totals: Totals::default(),
        }
    }

    /// Enters what needs no placement and no state: everything but stores, moves and closings.
    pub(crate) fn enter(&mut self, body: &EntryBody) -> Result<(), Difference> {
        let command = &body.command;
        let event = match &body.outcome {
            Outcome::Accepted(event) => event,
            Outcome::Rejected(code) => return self.refused(&command.action, *code),
        };
        match (&command.action, event) {
            (Action::RegisterNode(node), Event::NodeRegistered { node: number }) => {
                same("node", self.roll.register(node, self.epoch), *number)
            }
            (Action::Exit { node }, Event::Exiting) => self.roll.exit(*node, self.epoch),
            (Action::RecordAudit(record), Event::AuditRecorded { counted, failed }) => {
                self.totals.prove(record.node, *counted);
                self.roll.fail(record.node, *failed);
                Ok(())
            }
            (Action::Propose(propose), Event::Proposed { .. }) => {
                self.check_speaker(command)?;
                proposals::propose(self, propose, event)
            }
            (Action::Vote(vote), Event::Voted { weight }) => {
                self.check_speaker(command)?;
                self.proposals.vote(vote, self.epoch, *weight)
            }
            (Action::Activate { proposal, .. }, Event::Activated { effective }) => {
                self.check_speaker(command)?;
                self.proposals.activate(*proposal, self.epoch, *effective, &self.parameters)
            }
            (Action::Credit { account, amount }, Event::Credited { settled }) => {
                same("settled", self.accounts.credit(*account, *amount)?, *settled)
            }
            (Action::RotateKeys(rotation), Event::KeysRotated) => {
                self.check_speaker(command)?;
                self.rotate(body.seq, command, rotation)
            }
            (Action::RevokeKeys(revocation), Event::KeysRevoked) => {
                self.check_speaker(command)?;
                self.keys.revoke(body.seq, revocation)
            }
            _ => Ok(()),
        }
    }

    fn rotate(
        &mut self,
        seq: u64,
        command: &Command,
        rotation: &RotateKeys,
    ) -> Result<(), Difference> {
        // Whoever speaks has signed; the log alone is spoken for by another key than its own.
        let Authorization::Signature { key, .. } = &command.authorization else { return Ok(()) };
        self.keys.rotate(seq, &self.ledger_id, rotation, key)?;
        if let (KeyHolder::Node(node), [key]) = (rotation.holder, &rotation.keys[..]) {
            self.roll.rekey(node, key);
        }
        Ok(())
    }

    /// Enters any entry, deriving what it needs itself. `state` is that after the entry.
    pub(crate) fn follow<S: StateStore>(
        &mut self,
        body: &EntryBody,
        state: &State<S>,
    ) -> Result<(), Difference> {
        let (action, Outcome::Accepted(event)) = (&body.command.action, &body.outcome) else {
            return self.enter(body);
        };
        match (action, event) {
            (Action::Store(store), Event::Stored { fee, assignment, .. }) => {
                let Content::Single(layout) = &store.content else { return Ok(()) };
                let named = (store.object.0.as_str(), store.version, layout.profile.columns());
                let shards = derive::shards([named].into_iter());
                let told = derive::told(&store.metadata).unwrap_or_default();
                let placed = Placed { shards: &shards, profile: layout.profile, told: &told };
                self.store(body.command.payer, layout.size, placed, *fee, assignment)
            }
            (Action::Reassign(reassign), Event::Reassigned) => self.reassigned(reassign, state),
            (Action::AdvanceEpoch(advance), Event::EpochClosed(closed)) => {
                self.close(body.seq, advance, closed, state)
            }
            _ => self.enter(body),
        }
    }

    /// Holds a move against the rules, by the version as it stands after it.
    pub(crate) fn reassigned<S: StateStore>(
        &self,
        reassign: &Reassign,
        state: &State<S>,
    ) -> Result<(), Difference> {
        let Reassign { object, version, .. } = reassign;
        let missing = || difference("version", "a version with content", "none");
        let record = state.version(object, *version);
        let record = record.map_err(|error| difference("version", "a readable state", error))?;
        let stored = record.and_then(|record| record.stored).ok_or_else(missing)?;
        let Content::Single(layout) = &stored.content else { return Err(missing()) };
        let told = derive::told(&stored.metadata).ok_or_else(missing)?;
        let named = (object.0.as_str(), *version, layout.profile.columns());
        let shards = derive::shards([named].into_iter());
        let placed = Placed { shards: &shards, profile: layout.profile, told: &told };
        self.reassign(reassign, placed, &stored.assignment)
    }

    /// A refusal is a judgement, too: that the votes do not suffice.
    fn refused(&self, action: &Action, code: ErrorCode) -> Result<(), Difference> {
        match (action, code) {
            (Action::Activate { proposal, .. }, ErrorCode::NoQuorum) => {
                self.proposals.check_is_short(*proposal)
            }
            _ => Ok(()),
        }
    }

    fn check_speaker(&self, command: &Command) -> Result<(), Difference> {
        if self.roll.speaks(command, &self.keys) {
            return Ok(());
        }
        Err(difference("speaker", "a command that is signed by its speaker", "another signature"))
    }

    /// Holds placement and fee of an accepted store against the rules, and charges it (PL-1 to PL-10, EC-1, EC-6).
    pub(crate) fn store(
        &mut self,
        payer: protocol::AccountId,
        size: u64,
        version: Placed<'_>,
        fee: Amount,
        assignment: &[NodeNumber],
    ) -> Result<(), Difference> {
        let placed = self.place(version);
        if placed.as_deref() != Some(assignment) {
            let placed = placed.map_or("no placement".into(), |placed| format!("{placed:?}"));
            return Err(difference("assignment", placed, format!("{assignment:?}")));
        }
        let charged = derive::fee(size, version.told.keys, &self.parameters);
        if charged != Some(fee) {
            let charged = charged.map_or("no fee".into(), |fee| format!("{fee}"));
            return Err(difference("fee", charged, fee));
        }
        self.accounts.charge(payer, fee, self.parameters.prepaid)?;
        self.totals.charge(fee)
    }

    fn place(&self, version: Placed<'_>) -> Option<Vec<NodeNumber>> {
        let Placed { shards, profile, told } = version;
        let alike = |a, b| self.roll.alike(self.rules.failure_domain, a, b);
        let alike: Option<&dyn Fn(NodeNumber, NodeNumber) -> bool> =
            (self.rules.failure_domain != DomainKind::None).then_some(&alike);
        if told.regions.is_empty() {
            return derive::assignment(shards, profile, self.roll.list(), alike);
        }
        derive::assignment(shards, profile, &self.roll.fenced(&told.regions), alike)
    }

    /// Holds a move against the rules: who may lose a copy, and who takes it over (PL-8, PL-11). `after` are the nodes
    /// of all copies with the move done.
    fn reassign(
        &self,
        reassign: &Reassign,
        version: Placed<'_>,
        after: &[NodeNumber],
    ) -> Result<(), Difference> {
        let Reassign { column, copy, from, to, .. } = *reassign;
        if self.keeps(from) {
            return Err(difference("from", "a node that may lose its copies", from));
        }
        let Placed { shards, profile, .. } = version;
        let moved = Copy { shards, profile, assignment: after, column, copy };
        if moved.holder() != Some(to) {
            return Err(difference("assignment", to, format!("{after:?}")));
        }
        let before = moved.held_by(from);
        let before = Copy { assignment: &before, ..moved };
        let derived = self.replacement(&before, version.told);
        if derived == Some(to) {
            return Ok(());
        }
        Err(difference("to", derived.map_or("no node".into(), |node| format!("{node}")), to))
    }

    /// The node that takes over a copy now.
    pub(crate) fn replacement(&self, copy: &Copy<'_>, told: &Told) -> Option<NodeNumber> {
        let kind = self.rules.failure_domain;
        let alike = |a, b| self.roll.alike(kind, a, b);
        let leaves = |node| self.roll.standing(node) == Some(Standing::Draining);
        let alike: Option<&dyn Fn(NodeNumber, NodeNumber) -> bool> =
            (kind != DomainKind::None).then_some(&alike);
        derive::replacement(copy, &self.roll.fenced(&told.regions), leaves, alike)
    }

    fn keeps(&self, node: NodeNumber) -> bool {
        let standing = self.roll.standing(node);
        self.roll.list().contains(&node)
            && !matches!(standing, None | Some(Standing::Draining | Standing::Degraded))
    }

    /// Holds a closing against the books and opens the next epoch. `state` is what the ledger then has.
    pub(crate) fn close<S: StateStore>(
        &mut self,
        seq: u64,
        advance: &AdvanceEpoch,
        closed: &EpochClosed,
        state: &State<S>,
    ) -> Result<(), Difference> {
        let next = self.epoch.saturating_add(1);
        let due = self.proposals.due(next);
        same("changes", format!("{due:?}"), format!("{:?}", closed.changes))?;
        let before = self.rules.clone();
        let settling = self.parameters.clone();
        let orders = self.come_into_force(&due)?;
        let view = roll::Closing {
            advance,
            epoch: self.epoch,
            closing: &before,
            coming: &self.rules,
            probation: self.parameters.probation_epochs,
            orders: &orders,
        };
        self.roll.close(&view, &closed.nodes)?;
        if let Some(ledger) = state.ledger() {
            self.totals.close(closed, &settling, &ledger.treasury, self.roll.nod())?;
        }
        self.proposals.close(next);
        (self.epoch, self.opened_at) = (next, seq);
        self.check_state(state)
    }

    /// The changes of proposals.
    pub(crate) fn changes(&self, numbers: &[ProposalNumber]) -> Vec<(ProposalNumber, Change)> {
        let change =
            |number: &ProposalNumber| Some((*number, self.proposals.change(*number)?.clone()));
        numbers.iter().filter_map(change).collect()
    }

    /// Holds what the ledger has against the books: what is in force, its nodes, and the accounts that moved.
    pub(crate) fn check_state<S: StateStore>(
        &mut self,
        state: &State<S>,
    ) -> Result<(), Difference> {
        let Some(ledger) = state.ledger() else { return Ok(()) };
        same("epoch", self.epoch, ledger.epoch)?;
        same_debug("parameters", &self.parameters, &ledger.parameters)?;
        same_debug("rules", &self.rules, &ledger.rules)?;
        same("code_version", self.code_version, ledger.code_version)?;
        same_debug("eligible", self.roll.list(), state.eligible())?;
        self.roll.check(state.nodes())?;
        same("credited", self.accounts.credited(), ledger.treasury.credited)?;
        self.settle(state)
    }

    /// Holds the accounts that moved since the last time against the ledger's, and puts them into their map.
    pub(crate) fn settle<S: StateStore>(&mut self, state: &State<S>) -> Result<(), Difference> {
        self.accounts.settle(|id| {
            let unreadable = |error| difference("account", "a readable state", error);
            state.account(id).map_err(|error| unreadable(format!("{error}")))
        })
    }

    /// What the proposals change, in the order of their activation (GV-10). Returns what they order of nodes.
    fn come_into_force(
        &mut self,
        due: &[ProposalNumber],
    ) -> Result<Vec<(NodeNumber, Standing)>, Difference> {
        let mut orders = Vec::new();
        for number in due {
            match self.proposals.change(*number).cloned() {
                Some(Change::Parameter { parameter, value }) => {
                    let known = Parameter::from_number(parameter);
                    let set = known.is_some_and(|p| p.set(&mut self.parameters, value).is_ok());
                    same("parameter", true, set)?;
                }
                Some(Change::Rule(rule)) => self.rules.set(&rule),
                Some(Change::CodeVersion(version)) => self.code_version = version,
                Some(Change::Credit { account, amount }) => {
                    self.accounts.credit(account, amount)?;
                }
                Some(Change::Expel(node)) => orders.push((node, Standing::Expelled)),
                Some(Change::Quarantine(node)) => orders.push((node, Standing::Quarantined)),
                Some(Change::Reinstate(node)) => orders.push((node, Standing::Probation)),
                None => return Err(difference("changes", "a proposal that was made", number)),
            }
        }
        Ok(orders)
    }
}

/// Whether a status is VERIFIED.
pub(crate) fn is_verified(status: NodeStatus) -> bool {
    status == NodeStatus::Verified
}

pub(crate) fn same<T: Display + PartialEq>(
    field: impl Into<String>,
    expected: T,
    got: T,
) -> Result<(), Difference> {
    if expected == got {
        return Ok(());
    }
    Err(difference(field, expected, got))
}

fn same_debug<T: core::fmt::Debug + PartialEq + ?Sized>(
    field: &str,
    expected: &T,
    got: &T,
) -> Result<(), Difference> {
    if expected == got {
        return Ok(());
    }
    Err(difference(field, format!("{expected:?}"), format!("{got:?}")))
}

pub(crate) fn difference(
    field: impl Into<String>,
    expected: impl Display,
    got: impl Display,
) -> Difference {
    Difference {
        field: format!("derived.{}", field.into()),
        expected: format!("{expected}"),
        got: format!("{got}"),
    }
}

fn overflow(field: &str, error: impl Display) -> Difference {
    difference(field, "a sum that fits an amount", error)
}
