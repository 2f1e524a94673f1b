//! The first stage of an audit: bytes are read, hashed, chained and decoded, in the order of the file.

use alloc::{sync::Arc, vec::Vec};
use core::fmt::Display;
use eqm_log::{
    TreeHash,
    export::{Batch, ByteSource, Export, Header, Place, Reader},
};
use protocol::{EntryBody, Event, Hash32, Outcome};

use crate::{Divergence, framing::unreadable, rows::NodeNames};

/// A part of an export, with entries as `E`.
#[derive(Debug)]
pub(crate) enum Piece<E> {
    /// What the file says about itself.
    Header(Header),
    /// Some entries.
    Entries(E),
    /// Entries that are not executed, because they were before or because nobody asked: the number of all entries
    /// until here, and the hash of the last. They are in the chain and the tree like any others.
    Passed(u64, Hash32),
    /// There are no more entries; the root of the tree over them.
    Tree(TreeHash),
    /// The trailer, which agrees with the entries.
    End(Export),
}

/// What comes next: a piece, `None` after the last one, or the divergence that ends the audit.
pub(crate) type Next<E> = Result<Option<Piece<E>>, Divergence>;

impl<E> Piece<E> {
    pub(crate) fn map<F>(self, change: impl FnOnce(E) -> F) -> Piece<F> {
        match self {
            Self::Header(header) => Piece::Header(header),
            Self::Entries(entries) => Piece::Entries(change(entries)),
            Self::Passed(size, entry_hash) => Piece::Passed(size, entry_hash),
            Self::Tree(root) => Piece::Tree(root),
            Self::End(export) => Piece::End(export),
        }
    }
}

/// Entries that follow each other.
#[derive(Debug)]
pub(crate) struct Decoded {
    pub(crate) batch: Batch,
    /// As many as could be decoded; what the next one lacks is told after these.
    pub(crate) bodies: Vec<EntryBody>,
    /// The ledger that is open before these entries, if one is.
    pub(crate) ledger_id: Option<Hash32>,
    /// Nodes registered until after these entries.
    pub(crate) names: Arc<NodeNames>,
}

/// Which entries are to be decoded, and what is known before the first of them.
#[derive(Clone, Debug)]
pub(crate) struct Span {
    pub(crate) from: u64,
    /// The first entry after them.
    pub(crate) end: u64,
    /// The ledger that is open before them, if one is.
    pub(crate) ledger_id: Option<Hash32>,
    /// Nodes registered before them.
    pub(crate) names: NodeNames,
}

/// What comes next in the file.
#[derive(Clone, Copy)]
enum Part {
    Header,
    Entries,
    Trailer,
    Nothing,
}

/// Entries that are passed over together.
const PASSED: u64 = 1_024;

/// Reads an export from start to end.
pub(crate) struct Decoder<S: ByteSource> {
    reader: Reader<S>,
    chunk: usize,
    from: u64,
    end: u64,
    next: Part,
    ledger_id: Option<Hash32>,
    names: Arc<NodeNames>,
    /// What is wrong with the entry after the last ones.
    held: Option<Divergence>,
}

impl<S> Decoder<S>
where
    S: ByteSource,
    S::Error: Display,
{
    /// Entries of `span` come in chunks of at most `chunk`.
    pub(crate) fn new(source: S, chunk: usize, span: Span) -> Self {
        let Span { from, end, ledger_id, names } = span;
        let (reader, next, names) = (Reader::new(source), Part::Header, Arc::new(names));
        Self { reader, chunk, from, end, next, ledger_id, names, held: None }
    }

    /// The next piece; nothing of use after an error.
    pub(crate) fn next(&mut self) -> Next<Decoded> {
        match self.next {
            Part::Header => self.header().map(Some),
            Part::Entries => self.entries().map(Some),
            Part::Trailer => self.trailer().map(Some),
            Part::Nothing => Ok(None),
        }
    }

    /// Hash of the whole file (RP-2), wherever the audit has ended.
    pub(crate) fn log_hash(self) -> Hash32 {
        self.reader.log_hash()
    }

    fn header(&mut self) -> Result<Piece<Decoded>, Divergence> {
        self.next = Part::Entries;
        let header = self.reader.read_header();
        Ok(Piece::Header(header.map_err(|error| unreadable(error, Place::Header))?.clone()))
    }

    fn entries(&mut self) -> Result<Piece<Decoded>, Divergence> {
        if let Some(divergence) = self.held.take() {
            return Err(divergence);
        }
        let seq = self.reader.head().size();
        let within = (self.from..self.end).contains(&seq);
        let until = if seq < self.from { self.from } else { self.end };
        let left = if seq < self.end { until.saturating_sub(seq) } else { PASSED };
        let most = usize::try_from(left.min(PASSED)).unwrap_or(usize::MAX);
        let most = if within { most.min(self.chunk) } else { most };
        let batch = self.reader.next_batch(most);
        let at = Place::Frame { seq: self.reader.head().size() };
        match batch.map_err(|error| unreadable(error, at))? {
            Some(batch) if within => Ok(Piece::Entries(self.decode(batch))),
            Some(_) => {
                let head = self.reader.head();
                Ok(Piece::Passed(head.size(), head.entry_hash()))
            }
            None => {
                self.next = Part::Trailer;
                Ok(Piece::Tree(self.reader.head().root()))
            }
        }
    }

    fn trailer(&mut self) -> Result<Piece<Decoded>, Divergence> {
        self.next = Part::Nothing;
        let export = self.reader.close();
        export.map(Piece::End).map_err(|error| unreadable(error, Place::Trailer))
    }

    fn decode(&mut self, batch: Batch) -> Decoded {
        let ledger_id = self.ledger_id;
        let mut bodies = Vec::with_capacity(batch.len());
        for entry in batch.entries() {
            match EntryBody::from_bytes(entry.body) {
                Ok(body) => {
                    self.learn(&body);
                    bodies.push(body);
                }
                Err(error) => {
                    let expected = "canonical bytes";
                    self.held = Some(Divergence::in_entry(entry.seq, "body", expected, error));
                    break;
                }
            }
        }
        Decoded { batch, bodies, ledger_id, names: Arc::clone(&self.names) }
    }

    fn learn(&mut self, body: &EntryBody) {
        self.ledger_id = opened(body).or(self.ledger_id);
        if NodeNames::has_news(body) {
            Arc::make_mut(&mut self.names).learn(body);
        }
    }
}

/// The ledger that an entry says it opened.
pub(crate) fn opened(body: &EntryBody) -> Option<Hash32> {
    match body.outcome {
        Outcome::Accepted(Event::LedgerOpened { ledger_id }) => Some(ledger_id),
        _ => None,
    }
}
