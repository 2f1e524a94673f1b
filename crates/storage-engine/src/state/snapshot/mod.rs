//! Snapshots: the whole state after one entry in one file, which anyone can hold against a state root (ST-11 to ST-13).
//!
//! [`write`] streams a state out, [`Reader`] checks the form of a file while it passes, [`restore`] rebuilds a state from
//! it. All of them hold one chunk, or one batch of records, at a time. The pages of the tree are not in the file: they
//! are made anew, so that the root is computed and never believed.

mod read;
mod restore;
mod shape;
mod write;

use core::fmt;
use protocol::Hash32;

use super::{StateError, records::Cursor};

pub use read::Reader;
pub use restore::restore;
pub use write::write;

/// First bytes of every snapshot. Not ASCII, so that a transfer as text damages them visibly.
pub const MAGIC: [u8; 8] = *b"\x89QFSSNP\n";

/// The version of the format that this code writes and reads.
pub const FORMAT_VERSION: u32 = 1;

/// Most bytes of records in one chunk. Every record fits: an entry is shorter, and a record is made of one.
pub const MAX_CHUNK_BYTES: usize = 65_536;

/// Bytes of the header: magic, version, ledger id, cursor, hash of the last entry, state root.
const HEADER_BYTES: usize = 8 + 4 + 32 + 8 + 8 + 32 + 32;

/// Bytes of a chunk before its records: what it holds, and how many bytes.
const CHUNK_FRAME_BYTES: usize = 1 + 4;

/// Bytes of a record before its key: lengths of key and value.
const RECORD_FRAME_BYTES: usize = 2 + 4;

/// Bytes of the trailer's counts and of the hash of the command ids.
const COUNTS_BYTES: usize = 8 + 8 + 32;

/// What follows in the file: its first byte says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    /// Records that the state root covers.
    Records,
    /// Uses of command ids, which it does not cover.
    CommandIds,
    /// Counts and hashes; the last part.
    Trailer,
}

impl Part {
    const fn tag(self) -> u8 {
        match self {
            Self::Records => 1,
            Self::CommandIds => 2,
            Self::Trailer => 0,
        }
    }

    const fn of_tag(tag: u8) -> Option<Self> {
        match tag {
            1 => Some(Self::Records),
            2 => Some(Self::CommandIds),
            0 => Some(Self::Trailer),
            _ => None,
        }
    }
}

/// What a snapshot says about itself before its records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The ledger, which follows from its genesis.
    pub ledger_id: Hash32,
    /// Where in the log the state stands. The root does not cover it.
    pub cursor: Cursor,
    /// Hash of the last entry, as whoever wrote the file gave it. The root does not cover it.
    pub entry_hash: Hash32,
    /// The root of the state after that entry.
    pub state_root: Hash32,
}

/// A whole snapshot in numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    /// What it is a snapshot of.
    pub header: Header,
    /// Records under the root.
    pub records: u64,
    /// Uses of command ids.
    pub command_ids: u64,
    /// Bytes of the file.
    pub bytes: u64,
    /// The file's last 32 bytes: SHA3-256 of all before.
    pub file_hash: Hash32,
}

/// Why bytes are not a snapshot of the state they claim to be. The numbers are those of ST-12.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Other first bytes.
    Magic,
    /// A format that this code does not know.
    Version,
    /// The bytes end too early.
    CutShort,
    /// Bytes after the end.
    Trailing,
    /// No log has this many entries, or none at all.
    Position,
    /// A part of the file begins with an unknown tag, or comes after one that it must precede.
    Part,
    /// A chunk without records, or a longer one than there are.
    ChunkLength,
    /// A chunk's hash is not that of its bytes.
    ChunkHash,
    /// A record reaches over the end of its chunk.
    Frame,
    /// A key that is not greater than the one before.
    Order,
    /// A chunk that had room for the first record of the next.
    Packing,
    /// A key or a value that no state has.
    Record,
    /// Counts or the hash of the command ids are other than those of the file.
    Counts,
    /// The file's hash is not that of its bytes.
    FileHash,
    /// The records have another root than the header says.
    Root,
    /// The records contradict each other, or are of another ledger than the header says.
    Contradiction,
    /// A snapshot of another state than was asked for.
    OtherState,
}

impl Reason {
    /// Its number in ST-12.
    #[must_use]
    pub const fn number(self) -> u8 {
        self.explained().0
    }

    const fn explained(self) -> (u8, &'static str) {
        match self {
            Self::Magic => (1, "the file is not a state snapshot"),
            Self::Version => (2, "the format version is unknown"),
            Self::CutShort => (3, "the file is cut short"),
            Self::Trailing => (4, "bytes follow the end"),
            Self::Position => (5, "no log ends there"),
            Self::Part => (6, "a part is unknown or out of place"),
            Self::ChunkLength => (7, "a chunk is empty or too long"),
            Self::ChunkHash => (8, "a chunk does not have its hash"),
            Self::Frame => (9, "a record reaches over the end of its chunk"),
            Self::Order => (10, "a key is out of order or comes twice"),
            Self::Packing => (11, "a chunk had room for the record after it"),
            Self::Record => (12, "a record is not one that a state has"),
            Self::Counts => (13, "the trailer does not count what is there"),
            Self::FileHash => (14, "the file does not have its hash"),
            Self::Root => (15, "the records have another root"),
            Self::Contradiction => (16, "the records contradict each other or the header"),
            Self::OtherState => (17, "it is a snapshot of another state"),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (number, text) = self.explained();
        write!(f, "snapshot refused ({number}): {text}")
    }
}

/// Why a snapshot was not written, read or restored: `F` is the fault of the store, `E` that of the stream.
#[derive(Debug)]
pub enum SnapshotError<F, E> {
    /// Reading or writing the file failed.
    Stream(E),
    /// The state or its store failed.
    State(StateError<F>),
    /// The file is at fault.
    Refused(Reason),
}

impl<F: fmt::Display, E: fmt::Display> fmt::Display for SnapshotError<F, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stream(error) => write!(f, "snapshot: {error}"),
            Self::State(error) => error.fmt(f),
            Self::Refused(reason) => reason.fmt(f),
        }
    }
}

impl<F: fmt::Debug + fmt::Display, E: fmt::Debug + fmt::Display> core::error::Error
    for SnapshotError<F, E>
{
}

impl<F, E> From<StateError<F>> for SnapshotError<F, E> {
    fn from(error: StateError<F>) -> Self {
        Self::State(error)
    }
}

impl<F, E> From<Reason> for SnapshotError<F, E> {
    fn from(reason: Reason) -> Self {
        Self::Refused(reason)
    }
}
