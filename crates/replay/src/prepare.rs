//! The second stage of an audit: everything else about an entry that needs no state of the ledger.
//!
//! Commands are admitted, their signatures verified with it; ids, draws and rows of stores are derived, many
//! at a time. Chunks do not depend on each other, so any number of them can be prepared at the same time.
//!
//! What needs the ledger's word for it, its identity and the names of nodes, is taken from what the entries say
//! about themselves. Nothing rests on it until [`crate::apply`] has executed them and found it to be true: an
//! entry that says what is not so is a divergence, and what was prepared after it is never used.

use alloc::vec::Vec;
use core::{mem, ops::Range};
use eqm_log::export::{Batch, ExportedEntry};
use protocol::{
    Action, Command, EntryBody, Event, Hash32, Outcome,
    command::{Content, Store},
};
use storage_engine::{Admission, admit_all};

use crate::{
    decode::{Decoded, opened},
    derive::{self, Shard, Told},
    rows::{self, NodeNames, StoreRow},
};

/// Entries that follow each other, ready to be executed.
#[derive(Debug)]
pub(crate) struct Chunk {
    batch: Batch,
    entries: Vec<Prepared>,
    shards: Vec<Shard>,
}

/// An entry as far as it can be judged without a state.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) format: u16,
    pub(crate) seq: u64,
    pub(crate) tick: u64,
    pub(crate) command: Admission,
    /// Given for every store that is said to be accepted, if it can have been.
    pub(crate) store: Option<PreparedStore>,
}

/// What can be derived of a store without a state.
#[derive(Debug)]
pub(crate) struct PreparedStore {
    shards: Range<usize>,
    /// What its metadata says; `None` where that is no object.
    pub(crate) told: Option<Told>,
    /// The leaf of its row, should everything that it says be true.
    pub(crate) row: Hash32,
}

impl Chunk {
    /// The entries in order: as in the file, and prepared. The shards of their stores come along.
    pub(crate) fn take(
        &mut self,
    ) -> (impl Iterator<Item = (ExportedEntry<'_>, Prepared)>, Shards<'_>) {
        let entries = mem::take(&mut self.entries);
        (self.batch.entries().zip(entries), Shards(&self.shards))
    }
}

/// Shards of all stores of a chunk.
#[derive(Clone, Copy)]
pub(crate) struct Shards<'a>(&'a [Shard]);

impl<'a> Shards<'a> {
    pub(crate) fn of(self, store: &PreparedStore) -> &'a [Shard] {
        self.0.get(store.shards.clone()).unwrap_or_default()
    }
}

/// Prepares entries.
pub(crate) fn prepare(decoded: Decoded) -> Chunk {
    let Decoded { batch, bodies, mut ledger_id, names } = decoded;
    let (shards, stores) = derive_stores(&bodies, &names);
    let mut stores = stores.into_iter();
    let mut entries = Vec::with_capacity(bodies.len());
    let mut run = Run::default();
    for body in bodies {
        let store = if store(&body).is_some() { stores.next() } else { None };
        let known = ledger_id;
        ledger_id = opened(&body).or(known);
        run.add(body, store);
        if ledger_id != known {
            mem::take(&mut run).admit(known, &mut entries);
        }
    }
    run.admit(ledger_id, &mut entries);
    Chunk { batch, entries, shards }
}

/// Entries whose commands are admitted under the same ledger.
#[derive(Default)]
struct Run {
    commands: Vec<Command>,
    others: Vec<(u16, u64, u64, Option<PreparedStore>)>,
}

impl Run {
    fn add(&mut self, body: EntryBody, store: Option<PreparedStore>) {
        let EntryBody { format, seq, tick, command, .. } = body;
        self.commands.push(command);
        self.others.push((format, seq, tick, store));
    }

    fn admit(self, ledger_id: Option<Hash32>, entries: &mut Vec<Prepared>) {
        let admissions = admit_all(ledger_id.as_ref(), self.commands);
        let prepared = admissions.into_iter().zip(self.others);
        entries.extend(prepared.map(|(command, (format, seq, tick, store))| Prepared {
            format,
            seq,
            tick,
            command,
            store,
        }));
    }
}

/// The shards of all stores among these entries, and what is derived of each store.
fn derive_stores(bodies: &[EntryBody], names: &NodeNames) -> (Vec<Shard>, Vec<PreparedStore>) {
    let said: Vec<StoreRow<'_>> = bodies.iter().filter_map(store).collect();
    let versions = said.iter().map(|row| (row.object, row.version, row.profile.columns()));
    let shards = derive::shards(versions);
    let mut rows = rows::Leaves::with_room(said.len());
    let mut stores = Vec::with_capacity(said.len());
    let mut first = 0usize;
    for row in &said {
        let columns = usize::try_from(row.profile.columns()).unwrap_or(usize::MAX);
        let end = first.saturating_add(columns);
        rows.push(row, shards.get(first..end).unwrap_or_default(), names);
        let told = derive::told(row.metadata);
        stores.push(PreparedStore { shards: first..end, told, row: Hash32::ZERO });
        first = end;
    }
    for (store, leaf) in stores.iter_mut().zip(rows.hash()) {
        store.row = leaf;
    }
    (shards, stores)
}

/// The store of an entry that says it was accepted. One that no ledger accepts, whatever its entry says, is not
/// worth the memory that many columns of a long name would take.
fn store(body: &EntryBody) -> Option<StoreRow<'_>> {
    let (Action::Store(store), Outcome::Accepted(Event::Stored { fee, assignment, .. })) =
        (&body.command.action, &body.outcome)
    else {
        return None;
    };
    let Store { object, version, hash_commit, metadata, content: Content::Single(layout), .. } =
        store
    else {
        return None;
    };
    if object.validate().is_err() || layout.profile.validate().is_err() {
        return None;
    }
    Some(StoreRow {
        seq: body.seq,
        epoch: body.epoch,
        object: &object.0,
        version: *version,
        hash_commit,
        metadata,
        profile: layout.profile,
        fee: *fee,
        assignment,
    })
}
