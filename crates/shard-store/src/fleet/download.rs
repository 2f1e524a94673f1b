//! From the nodes to a stream, every leaf verified before it is written.

use std::fmt;
use std::io::{self, Write};
use std::ops::Range;
use std::panic::resume_unwind;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;

use protocol::Hash32;
use protocol::layout::{Layout, LayoutError};
use storage_engine::erasure::{Codec, ErasureError};
use storage_engine::layout::{Geometry, Span};
use storage_engine::shard_tree::LEAF_SIZE;

use super::{Fleet, copies_of, key_of};
use crate::{ShardKey, StoreError, VerifiedReader};

/// Ranges longer than this are read ahead on a second thread.
const READ_AHEAD: u64 = 1 << 20;

/// A version of an object as the log describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectCopy {
    /// The object's id.
    pub object_id: String,
    /// The version.
    pub version: u64,
    /// Size, shape and roots.
    pub layout: Layout,
    /// Registration numbers of the nodes, column-major: column c, copy i at c × replicas + i.
    pub assignment: Vec<u32>,
}

/// Why a copy could not serve.
#[derive(Debug)]
pub enum Why {
    /// The fleet does not know the node, or cannot reach it.
    OutOfReach,
    /// What its store reports.
    Store(StoreError),
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OutOfReach => f.write_str("out of reach"),
            Self::Store(error) => error.fmt(f),
        }
    }
}

/// Something that an operator should look at, although the content came.
#[derive(Debug)]
pub enum Notice {
    /// A copy failed; another one, or parity, was used instead.
    CopyFailed {
        /// Registration number of the node.
        node: u32,
        /// Id of the shard.
        shard_id: Hash32,
        /// Stripe that was being read.
        stripe: u64,
        /// What was wrong.
        why: Why,
    },
    /// A block was computed from the other columns of its stripe.
    Rebuilt {
        /// Id of the shard that lacks the block.
        shard_id: Hash32,
        /// Stripe of the block.
        stripe: u64,
        /// Whether a stored tree of the shard was there to check the block against its root (rule LA-16).
        proven: bool,
    },
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CopyFailed { node, shard_id, stripe, why } => {
                write!(f, "node {node}, shard {shard_id}, stripe {stripe}: {why}")
            }
            Self::Rebuilt { shard_id, stripe, .. } => {
                write!(f, "shard {shard_id}, stripe {stripe}: rebuilt from the other columns")
            }
        }
    }
}

/// Why content did not come, or not wholly. What was written before is verified and in order.
#[derive(Debug, thiserror::Error)]
pub enum DownloadError {
    /// The layout is refused.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// The assignment does not name one node for each copy.
    #[error("the assignment does not name a node for each copy of every shard")]
    Assignment,
    /// The range is not one of the object.
    #[error("the range is outside the object of {size} bytes")]
    Range {
        /// Bytes of the object.
        size: u64,
    },
    /// Too few good blocks of a stripe are in reach.
    #[error("stripe {stripe}: {have} blocks are in reach, {need} are needed")]
    ContentUnavailable {
        /// The stripe.
        stripe: u64,
        /// Good blocks that were found.
        have: u32,
        /// Good blocks that are needed: those asked for (m = 0), or as many as the stripe has blocks of content (m > 0).
        need: u32,
    },
    /// The parity of a stripe could not be used.
    #[error(transparent)]
    Erasure(#[from] ErasureError),
    /// The content could not be written to its destination.
    #[error("writing the content: {0}")]
    Output(#[source] io::Error),
}

/// Writes a byte range of an object, or all of it, to `out` (rules SS-11 to SS-14).
///
/// Every leaf is compared with the root in the layout before its bytes are written. Copies that fail are told through
/// `notice` and replaced by other copies (m = 0) or by parity (m > 0). Only the stripes of the range are read, and two of
/// them at most are held. Whoever reads a whole object lets `out` feed a
/// [`storage_engine::content::CommitHasher`] too and compares `hash_commit`.
///
/// # Errors
/// [`DownloadError`].
pub fn download(
    fleet: &dyn Fleet,
    object: &ObjectCopy,
    range: Option<Range<u64>>,
    out: &mut dyn Write,
    notice: &mut dyn FnMut(Notice),
) -> Result<(), DownloadError> {
    let mut assembler = Assembler::new(fleet, object)?;
    let size = object.layout.size;
    let range = range.unwrap_or(0..size);
    if range.start > range.end || range.end > size {
        return Err(DownloadError::Range { size });
    }
    let mut deliver = |part: Part| {
        part.notices.into_iter().for_each(&mut *notice);
        part.bytes?.iter().try_for_each(|bytes| out.write_all(bytes)).map_err(DownloadError::Output)
    };
    let mut stripes = assembler.geometry.stripes_of(&range);
    if range.end - range.start <= READ_AHEAD {
        return stripes.try_for_each(|stripe| deliver(assembler.part(stripe, &range)));
    }
    thread::scope(|scope| {
        // Without a buffer: one stripe is being read while the one before it is being written.
        let (sender, parts) = sync_channel(0);
        let reading = scope.spawn(move || assembler.send_all(stripes, &range, &sender));
        let delivered = parts.iter().try_for_each(deliver);
        // Unblocks the reader if the output has failed.
        drop(parts);
        reading.join().unwrap_or_else(|panic| resume_unwind(panic));
        delivered
    })
}

/// What reading one stripe gave.
struct Part {
    notices: Vec<Notice>,
    bytes: Result<Vec<Vec<u8>>, DownloadError>,
}

/// One copy of a column.
struct Copy<'a> {
    node: u32,
    reader: State<'a>,
}

enum State<'a> {
    Unopened,
    Open(VerifiedReader<'a>),
    /// Failed as a whole; not tried again.
    Dead,
}

impl<'a> Copy<'a> {
    /// Verified bytes, or why not; None if the copy is known to be dead.
    fn read(
        &mut self,
        fleet: &'a dyn Fleet,
        key: &ShardKey,
        shard_len: u64,
        offset: u64,
        len: u32,
    ) -> Option<Result<Vec<u8>, Why>> {
        if let State::Unopened = self.reader {
            let store = fleet.store(self.node).ok_or(Why::OutOfReach);
            match store.and_then(|store| store.open(key, shard_len).map_err(Why::Store)) {
                Ok(reader) => self.reader = State::Open(reader),
                Err(why) => {
                    self.reader = State::Dead;
                    return Some(Err(why));
                }
            }
        }
        let State::Open(reader) = &self.reader else {
            return None;
        };
        let read = reader.read(offset, len as usize);
        // Other leaves of a damaged shard may be good; a disk that fails is not asked again.
        if !matches!(read, Ok(_) | Err(StoreError::Corrupt { .. })) {
            self.reader = State::Dead;
        }
        Some(read.map_err(Why::Store))
    }
}

/// Gets the bytes of stripes together.
pub(super) struct Assembler<'a> {
    fleet: &'a dyn Fleet,
    object: &'a ObjectCopy,
    geometry: Geometry,
    columns: Vec<Vec<Copy<'a>>>,
    /// Built when it is first needed.
    codec: Option<Codec>,
    notices: Vec<Notice>,
}

impl<'a> Assembler<'a> {
    pub(super) fn new(fleet: &'a dyn Fleet, object: &'a ObjectCopy) -> Result<Self, DownloadError> {
        let geometry = Geometry::of(&object.layout)?;
        let profile = geometry.profile();
        if object.assignment.len() != profile.copies() as usize {
            return Err(DownloadError::Assignment);
        }
        let copies = |column| {
            let nodes = copies_of(&object.assignment, profile, column).iter();
            nodes.map(|node| Copy { node: *node, reader: State::Unopened }).collect()
        };
        let columns = (0..geometry.columns()).map(copies).collect();
        Ok(Self { fleet, object, geometry, columns, codec: None, notices: Vec::new() })
    }

    pub(super) const fn geometry(&self) -> &Geometry {
        &self.geometry
    }

    /// What an operator should look at, since the last time.
    pub(super) fn take_notices(&mut self) -> Vec<Notice> {
        std::mem::take(&mut self.notices)
    }

    fn send_all(mut self, stripes: Range<u64>, range: &Range<u64>, parts: &SyncSender<Part>) {
        for stripe in stripes {
            let part = self.part(stripe, range);
            let failed = part.bytes.is_err();
            if parts.send(part).is_err() || failed {
                return;
            }
        }
    }

    fn part(&mut self, stripe: u64, range: &Range<u64>) -> Part {
        let bytes = self.stripe(stripe, range);
        Part { notices: self.take_notices(), bytes }
    }

    /// The bytes of a range that lie in one stripe, in order.
    fn stripe(&mut self, stripe: u64, range: &Range<u64>) -> Result<Vec<Vec<u8>>, DownloadError> {
        let spans: Vec<Span> = self.geometry.spans(stripe, range).collect();
        let mut read = |span: &Span| self.read(span.column, stripe, span.shard_offset, span.len);
        let parts: Vec<Option<Vec<u8>>> = spans.iter().map(&mut read).collect();
        let have = parts.iter().flatten().count();
        if have == spans.len() {
            return Ok(parts.into_iter().flatten().collect());
        }
        if self.geometry.profile().parity == 0 {
            let (have, need) = (have as u32, spans.len() as u32);
            return Err(DownloadError::ContentUnavailable { stripe, have, need });
        }
        let cells = self.rebuild(stripe, &spans, &parts)?;
        let cut = |span: &Span| {
            let from = span.cell_offset as usize;
            let cell = cells[span.column as usize].as_deref().unwrap_or_default();
            cell[from..from + span.len as usize].to_vec()
        };
        let whole = spans.iter().zip(parts).map(|(span, part)| part.unwrap_or_else(|| cut(span)));
        Ok(whole.collect())
    }

    /// The cells of a stripe, those of the spans that could not be read computed from as many others as the
    /// stripe has blocks (rule LA-15).
    fn rebuild(
        &mut self,
        stripe: u64,
        spans: &[Span],
        parts: &[Option<Vec<u8>>],
    ) -> Result<Vec<Option<Vec<u8>>>, DownloadError> {
        let mut cells = self.gather(stripe, spans, parts)?;
        self.codec()?.restore_data(&mut cells)?;
        for (span, _) in spans.iter().zip(parts).filter(|(_, part)| part.is_none()) {
            let len = self.geometry.cell_len(stripe, span.column) as usize;
            if let Some(cell) = &mut cells[span.column as usize] {
                cell.truncate(len);
                self.report_rebuilt(stripe, span.column, cell);
            }
        }
        Ok(cells)
    }

    /// The cell of a column that no copy has, computed from the others of its stripe; parity as well as data (LA-15).
    pub(super) fn recompute(&mut self, stripe: u64, column: u32) -> Result<Vec<u8>, DownloadError> {
        if self.geometry.profile().parity == 0 {
            return Err(DownloadError::ContentUnavailable { stripe, have: 0, need: 1 });
        }
        let mut cells = self.gather(stripe, &[], &[])?;
        self.codec()?.restore_all(&mut cells)?;
        let mut cell = cells.swap_remove(column as usize).unwrap_or_default();
        cell.truncate(self.geometry.cell_len(stripe, column) as usize);
        self.report_rebuilt(stripe, column, &cell);
        Ok(cell)
    }

    /// As many good cells of a stripe as restore it, those that the object does not have as zeros; all of one length.
    fn gather(
        &mut self,
        stripe: u64,
        spans: &[Span],
        parts: &[Option<Vec<u8>>],
    ) -> Result<Vec<Option<Vec<u8>>>, DownloadError> {
        let width = self.geometry.stripe_width(stripe) as usize;
        let data = u32::from(self.geometry.profile().data);
        let need = self.geometry.stripe_blocks(stripe);
        let (mut have, mut cells) = (0, Vec::new());
        for column in 0..self.geometry.columns() {
            let read = spans.iter().zip(parts).find(|(span, _)| span.column == column);
            let mut cell = match read {
                // A block that the object does not have is zeros, known without reading.
                _ if column < data && column >= need => Some(Vec::new()),
                Some((_, None)) => None,
                Some((span, Some(part))) if span.len == self.geometry.cell_len(stripe, column) => {
                    Some(part.clone())
                }
                _ if have < need => self.cell(stripe, column),
                _ => None,
            };
            if let Some(cell) = &mut cell {
                have += u32::from(!cell.is_empty());
                cell.resize(width, 0);
            }
            cells.push(cell);
        }
        if have < need {
            return Err(DownloadError::ContentUnavailable { stripe, have, need });
        }
        Ok(cells)
    }

    fn codec(&mut self) -> Result<&Codec, ErasureError> {
        let codec = match self.codec.take() {
            Some(codec) => codec,
            None => Codec::new(self.geometry.profile())?,
        };
        Ok(self.codec.insert(codec))
    }

    pub(super) fn key(&self, column: u32) -> ShardKey {
        let ObjectCopy { object_id, version, layout, .. } = self.object;
        key_of(object_id, *version, column, layout.roots[column as usize])
    }

    pub(super) fn cell(&mut self, stripe: u64, column: u32) -> Option<Vec<u8>> {
        let len = self.geometry.cell_len(stripe, column);
        self.read(column, stripe, self.geometry.cell_offset(stripe), len)
    }

    /// Verified bytes of a column from the first copy that has them.
    fn read(&mut self, column: u32, stripe: u64, offset: u64, len: u32) -> Option<Vec<u8>> {
        let key = self.key(column);
        let shard_len = self.geometry.shard_len(column);
        for copy in &mut self.columns[column as usize] {
            match copy.read(self.fleet, &key, shard_len, offset, len) {
                Some(Ok(bytes)) => return Some(bytes),
                Some(Err(why)) => {
                    let (node, shard_id) = (copy.node, key.shard_id);
                    self.notices.push(Notice::CopyFailed { node, shard_id, stripe, why });
                }
                None => {}
            }
        }
        None
    }

    fn report_rebuilt(&mut self, stripe: u64, column: u32, cell: &[u8]) {
        let first = self.geometry.cell_offset(stripe) / LEAF_SIZE as u64;
        let confirms = |copy: &Copy<'_>| match &copy.reader {
            State::Open(reader) => reader.confirms(first, cell).unwrap_or(false),
            State::Unopened | State::Dead => false,
        };
        let proven = self.columns[column as usize].iter().any(confirms);
        let shard_id = self.key(column).shard_id;
        self.notices.push(Notice::Rebuilt { shard_id, stripe, proven });
    }
}
