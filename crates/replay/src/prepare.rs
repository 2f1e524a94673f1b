//! The first stage of an audit: everything about an entry that needs no state of the ledger.
//!
//! Bytes are read, hashed, decoded and held to their canonical form; ids, draws and rows of stores are
//! derived, many at a time. What needs the ledger's word for it, the nodes of a row for instance, is taken
//! from the entries themselves: nothing rests on it until [`crate::apply`] has executed the entry and found
//! it to be true, and a row of an entry that is not is never used.

use alloc::vec::Vec;
use core::{fmt::Display, mem, ops::Range};
use eqm_log::{
    TreeHash,
    export::{Batch, ByteSource, Export, ExportedEntry, Header, Place, Reader},
};
use protocol::{
    Action, EntryBody, Event, Hash32, Outcome,
    command::{Content, Store},
};

use crate::{
    Divergence,
    derive::{self, Shard},
    framing::unreadable,
    rows::{self, NodeNames, StoreRow},
};

/// A part of an export, as far as it can be checked without a state.
#[derive(Debug)]
pub(crate) enum Piece {
    /// What the file says about itself.
    Header(Header),
    /// Some entries.
    Entries(Chunk),
    /// There are no more entries; the root of the tree over them.
    Tree(TreeHash),
    /// The trailer, which agrees with the entries.
    End(Export),
}

/// Entries that follow each other.
#[derive(Debug)]
pub(crate) struct Chunk {
    batch: Batch,
    /// As many as could be decoded; what the next one lacks is told after the chunk.
    entries: Vec<Prepared>,
    shards: Vec<Shard>,
}

/// A decoded entry.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) body: EntryBody,
    /// Given for every store that is said to be accepted, if it can have been.
    pub(crate) store: Option<PreparedStore>,
}

/// What can be derived of a store without a state.
#[derive(Debug)]
pub(crate) struct PreparedStore {
    shards: Range<usize>,
    /// Keys of its metadata; `None` where that is no object.
    pub(crate) metadata_keys: Option<usize>,
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

/// What comes next in the file.
#[derive(Clone, Copy)]
enum Next {
    Header,
    Entries,
    Trailer,
    Nothing,
}

/// Reads an export from start to end.
pub(crate) struct Preparer<S: ByteSource> {
    reader: Reader<S>,
    chunk: usize,
    next: Next,
    names: NodeNames,
    /// What is wrong with the entry after the last chunk.
    held: Option<Divergence>,
}

impl<S> Preparer<S>
where
    S: ByteSource,
    S::Error: Display,
{
    /// Entries come in chunks of at most `chunk`.
    pub(crate) fn new(source: S, chunk: usize) -> Self {
        let (reader, names) = (Reader::new(source), NodeNames::default());
        Self { reader, chunk, next: Next::Header, names, held: None }
    }

    /// The next piece; `None` after the last one, and nothing of use after an error.
    ///
    /// # Errors
    /// The divergence that comes after every piece so far.
    pub(crate) fn next(&mut self) -> Result<Option<Piece>, Divergence> {
        match self.next {
            Next::Header => self.header().map(Some),
            Next::Entries => self.entries().map(Some),
            Next::Trailer => self.trailer().map(Some),
            Next::Nothing => Ok(None),
        }
    }

    /// Hash of the whole file (RP-2), wherever the audit has ended.
    pub(crate) fn log_hash(self) -> Hash32 {
        self.reader.log_hash()
    }

    fn header(&mut self) -> Result<Piece, Divergence> {
        self.next = Next::Entries;
        let header = self.reader.read_header();
        Ok(Piece::Header(header.map_err(|error| unreadable(error, Place::Header))?.clone()))
    }

    fn entries(&mut self) -> Result<Piece, Divergence> {
        if let Some(divergence) = self.held.take() {
            return Err(divergence);
        }
        let batch = self.reader.next_batch(self.chunk);
        let at = Place::Frame { seq: self.reader.head().size() };
        match batch.map_err(|error| unreadable(error, at))? {
            Some(batch) => Ok(Piece::Entries(self.chunk(batch))),
            None => {
                self.next = Next::Trailer;
                Ok(Piece::Tree(self.reader.head().root()))
            }
        }
    }

    fn trailer(&mut self) -> Result<Piece, Divergence> {
        self.next = Next::Nothing;
        let export = self.reader.close();
        export.map(Piece::End).map_err(|error| unreadable(error, Place::Trailer))
    }

    fn chunk(&mut self, batch: Batch) -> Chunk {
        let mut entries = Vec::with_capacity(batch.len());
        for entry in batch.entries() {
            match EntryBody::from_bytes(entry.body) {
                Ok(body) => entries.push(Prepared { body, store: None }),
                Err(error) => {
                    let field = "canonical bytes";
                    self.held = Some(Divergence::in_entry(entry.seq, "body", field, error));
                    break;
                }
            }
        }
        let shards = self.derive(&mut entries);
        Chunk { batch, entries, shards }
    }

    /// Derives the stores of these entries, and returns their shards.
    fn derive(&mut self, entries: &mut [Prepared]) -> Vec<Shard> {
        let stores = entries.iter().filter_map(|entry| store(&entry.body));
        let versions = stores.map(|store| (store.object, store.version, store.profile.columns()));
        let shards = derive::shards(versions);
        let mut rows = rows::Leaves::default();
        let mut first = 0usize;
        for entry in entries.iter_mut() {
            self.names.learn(&entry.body);
            let Some(row) = store(&entry.body) else { continue };
            let columns = usize::try_from(row.profile.columns()).unwrap_or(usize::MAX);
            let end = first.saturating_add(columns);
            let own = shards.get(first..end).unwrap_or_default();
            rows.push(&row, own, &self.names);
            let metadata_keys = derive::metadata_keys(row.metadata);
            entry.store =
                Some(PreparedStore { shards: first..end, metadata_keys, row: Hash32::ZERO });
            first = end;
        }
        let prepared = entries.iter_mut().filter_map(|entry| entry.store.as_mut());
        for (store, leaf) in prepared.zip(rows.hash()) {
            store.row = leaf;
        }
        shards
    }
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
