//! A log that is executed again in memory, entry by entry, beside the auditor's books.

use alloc::{string::ToString, vec::Vec};
use eqm_log::{LogHead, export::Place};
use protocol::{
    Action, EntryBody, Event, Hash32, NodeId, Outcome, command::AdvanceEpoch, event::EpochClosed,
    node::NodeNumber,
};
use storage_engine::{
    execute_committed,
    state::{Changes, MemoryStore, State},
};

use super::{EntryRef, ExplainError};
use crate::{
    Divergence,
    books::Books,
    compare::{Difference, first_difference},
};

/// The ledger so far.
pub(super) struct Rerun {
    pub(super) state: State<MemoryStore>,
    /// From the genesis on.
    pub(super) books: Option<Books>,
    head: LogHead,
    /// The entry that opened the open epoch.
    pub(super) opened: Option<EntryRef>,
}

/// An entry that has been read, and is executed next.
pub(super) struct Next {
    pub(super) body: EntryBody,
    pub(super) entry: EntryRef,
    bytes: Vec<u8>,
}

impl Next {
    /// The event, if the log says that the command was accepted.
    pub(super) const fn event(&self) -> Option<&Event> {
        match &self.body.outcome {
            Outcome::Accepted(event) => Some(event),
            Outcome::Rejected(_) => None,
        }
    }

    /// The facts and the accounts of a closing.
    pub(super) const fn closing(&self) -> Option<(&AdvanceEpoch, &EpochClosed)> {
        match (&self.body.command.action, self.event()) {
            (Action::AdvanceEpoch(advance), Some(Event::EpochClosed(closed))) => {
                Some((advance, closed))
            }
            _ => None,
        }
    }
}

impl Rerun {
    pub(super) fn new() -> Result<Self, ExplainError> {
        let state = State::open(MemoryStore::default())
            .map_err(|error| Divergence::new(Place::Header, "state", "an empty state", error))?;
        Ok(Self { state, books: None, head: LogHead::new(), opened: None })
    }

    /// Decodes an entry and names it.
    pub(super) fn read(&mut self, bytes: &[u8]) -> Result<Next, ExplainError> {
        let seq = self.head.size();
        let body = EntryBody::from_bytes(bytes)
            .map_err(|error| Divergence::in_entry(seq, "body", "canonical bytes", error))?;
        let entry_hash = self.head.append(bytes, |_, _, _| ());
        Ok(Next { body, entry: EntryRef { seq, entry_hash }, bytes: bytes.to_vec() })
    }

    /// Executes it, and holds it against what it says and against the books. Returns it.
    pub(super) fn apply(&mut self, next: Next) -> Result<Next, ExplainError> {
        let EntryRef { seq, entry_hash } = next.entry;
        let command = next.body.command.clone();
        let executed =
            execute_committed(&mut self.state, next.body.tick, command).map_err(|error| {
                Divergence::in_entry(seq, "execution", "an entry that can be executed", error)
            })?;
        if executed.bytes != next.bytes {
            let found = first_difference(&executed.body, &next.body);
            return Err(named(seq, found.unwrap_or_else(other_bytes)).into());
        }
        self.state.link(entry_hash);
        self.enter(&next).map_err(|found| named(seq, found))?;
        Ok(next)
    }

    fn enter(&mut self, next: &Next) -> Result<(), Difference> {
        let Some(books) = &mut self.books else {
            self.books = self.state.genesis().map(Books::open);
            self.opened = self.books.as_ref().map(|_| next.entry);
            return Ok(());
        };
        books.follow(&next.body, &self.state)?;
        if next.closing().is_some() {
            self.opened = Some(next.entry);
            self.state
                .flush(Changes::new())
                .map_err(|error| crate::books::difference("state", "a state", error))?;
        }
        Ok(())
    }

    /// The name of a node; its number where it has none.
    pub(super) fn name(&self, node: NodeNumber) -> alloc::string::String {
        let member = self.books.as_ref().and_then(|books| books.roll.member(node));
        member.map_or_else(|| node.to_string(), |member| member.id.to_string())
    }

    pub(super) fn number(&self, id: &NodeId) -> Option<NodeNumber> {
        self.state.node_number(id).ok().flatten()
    }
}

pub(super) fn named(seq: u64, found: Difference) -> Divergence {
    Divergence::in_entry(seq, found.field, found.expected, found.got)
}

fn other_bytes() -> Difference {
    Difference {
        field: "body".into(),
        expected: "the bytes of re-execution".into(),
        got: "other bytes".into(),
    }
}

/// A hash as a whole number, in hexadecimal, as Python reads it.
pub(super) fn as_integer(hash: &Hash32) -> alloc::string::String {
    alloc::format!("0x{}", hash.to_hex())
}
