//! The export file: a whole log in one stream, checked while it is read.
//!
//! [`Writer`] and [`Reader`] hold one body or one [`Batch`] at a time, so a log of any length passes in constant memory. The
//! bytes come and go through [`ByteSink`] and [`ByteSource`], which closures implement; with `std::io` that
//! is `Reader::open(|buf: &mut [u8]| file.read(buf))` and
//! `Writer::create(|bytes: &[u8]| file.write_all(bytes), &header)` over buffered files.
//!
//! Reading proves more than form: the chain and the tree are computed from the bodies, and both the final
//! entry hash and the checkpoint in the file must agree with them. [`Export::verify`] then checks the
//! checkpoint's signatures.

mod batch;
mod input;
mod reader;
mod writer;

pub use batch::Batch;
pub use reader::{Export, ExportedEntry, Reader};
pub use writer::Writer;

use crate::{
    checkpoint::{Checkpoint, CheckpointError},
    head::LogHead,
    note::{NoteError, VerifierKey},
};
use alloc::{boxed::Box, string::String, vec::Vec};
use core::{convert::Infallible, error::Error, fmt};
use protocol::Hash32;

/// First bytes of every export file. Not ASCII, so that a transfer as text damages them visibly.
pub const MAGIC: [u8; 8] = *b"\x89QFSLOG\n";

/// The version of the format that this code writes and reads.
pub const FORMAT_VERSION: u32 = 1;

/// Most verifier keys of an export file.
pub const MAX_KEYS: usize = 16;

/// Where bytes of an export come from.
pub trait ByteSource {
    /// What can go wrong.
    type Error;

    /// Writes at least one byte into `buf` and returns how many; 0 means that the source has ended.
    ///
    /// # Errors
    /// Whatever the source reports. It retries by itself where that makes sense.
    fn read(&mut self, buf: &mut [u8]) -> Result<usize, Self::Error>;
}

/// Where bytes of an export go.
pub trait ByteSink {
    /// What can go wrong.
    type Error;

    /// Takes all of `bytes`.
    ///
    /// # Errors
    /// Whatever the sink reports; the file is then unusable.
    fn write_all(&mut self, bytes: &[u8]) -> Result<(), Self::Error>;
}

impl<F, E> ByteSource for F
where
    F: FnMut(&mut [u8]) -> Result<usize, E>,
{
    type Error = E;

    fn read(&mut self, buf: &mut [u8]) -> Result<usize, E> {
        self(buf)
    }
}

impl<F, E> ByteSink for F
where
    F: FnMut(&[u8]) -> Result<(), E>,
{
    type Error = E;

    fn write_all(&mut self, bytes: &[u8]) -> Result<(), E> {
        self(bytes)
    }
}

impl ByteSource for &[u8] {
    type Error = Infallible;

    fn read(&mut self, buf: &mut [u8]) -> Result<usize, Infallible> {
        let taken = buf.len().min(self.len());
        let (now, later) = self.split_at(taken);
        buf.iter_mut().zip(now).for_each(|(to, from)| *to = *from);
        *self = later;
        Ok(taken)
    }
}

impl ByteSink for &mut Vec<u8> {
    type Error = Infallible;

    fn write_all(&mut self, bytes: &[u8]) -> Result<(), Infallible> {
        self.extend_from_slice(bytes);
        Ok(())
    }
}

/// What an export file says about itself before the first entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Name of the log, as in its checkpoints.
    pub origin: String,
    /// Number of entries in the file.
    pub count: u64,
    /// Keys that the log signs its checkpoints with, 1 to 16. The file vouches for them with nothing: an
    /// auditor who has the keys from elsewhere verifies with those.
    pub keys: Vec<VerifierKey>,
}

/// A part of the file, for error messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Before the first entry.
    Header,
    /// The length and body of one entry.
    Frame {
        /// Position of the entry in the log, from zero.
        seq: u64,
    },
    /// After the last entry.
    Trailer,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header => f.write_str("in the header"),
            Self::Frame { seq } => write!(f, "in the frame of entry {seq}"),
            Self::Trailer => f.write_str("in the trailer"),
        }
    }
}

/// Why a file is not an export, or why one cannot be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FormatError {
    /// The file does not begin with [`MAGIC`].
    BadMagic,
    /// The format version is another than [`FORMAT_VERSION`].
    UnsupportedVersion(u32),
    /// The number of entries is beyond [`crate::MAX_LOG_SIZE`].
    BadCount(u64),
    /// The file ends too early.
    Truncated {
        /// Length of the file in bytes.
        offset: u64,
        /// What was being read.
        place: Place,
    },
    /// A length or number of items is outside its bounds.
    LengthOutOfBounds {
        /// What was being read or written.
        place: Place,
        /// The length.
        length: u64,
        /// The largest that is allowed. Nothing may be empty.
        max: u64,
    },
    /// A text is not UTF-8.
    NotUtf8(Place),
    /// The origin cannot be that of a checkpoint.
    BadOrigin,
    /// A verifier key in the header is malformed.
    BadKey(NoteError),
    /// More or fewer entries were written than the header declares.
    WrongCount {
        /// Entries declared.
        declared: u64,
        /// Entries written, or about to be.
        written: u64,
    },
    /// The file's last 32 bytes are not the hash of what stands before them.
    FileHashMismatch {
        /// The hash of the bytes.
        expected: Hash32,
        /// The hash in the file.
        found: Hash32,
    },
    /// There are bytes after the end.
    TrailingBytes {
        /// Where the file should have ended.
        offset: u64,
    },
    /// The final entry hash in the trailer is not that of the last entry.
    FinalHashMismatch {
        /// The hash that the bodies give.
        expected: Hash32,
        /// The hash in the file.
        found: Hash32,
    },
    /// The checkpoint is malformed.
    BadCheckpoint(CheckpointError),
    /// The checkpoint is well-formed, but about another log, another size or another tree.
    OtherCheckpoint {
        /// What the entries give.
        expected: Box<Checkpoint>,
        /// What the checkpoint says.
        found: Box<Checkpoint>,
    },
}

impl fmt::Display for FormatError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadMagic => f.write_str("this is not an export of a log"),
            Self::UnsupportedVersion(version) => {
                write!(f, "format version {version} is not supported, only {FORMAT_VERSION}")
            }
            Self::BadCount(count) => write!(f, "a log cannot have {count} entries"),
            Self::Truncated { offset, place } => {
                write!(f, "the file ends at byte {offset}, {place}")
            }
            Self::LengthOutOfBounds { place, length, max } => {
                write!(f, "the length {length} {place} is outside 1 to {max}")
            }
            Self::NotUtf8(place) => write!(f, "a text {place} is not UTF-8"),
            Self::BadOrigin => f.write_str("the origin is not a line of 1 to 255 bytes"),
            Self::BadKey(error) => write!(f, "a key in the header: {error}"),
            Self::WrongCount { declared, written } => {
                write!(f, "the header declares {declared} entries, but there are {written}")
            }
            Self::FileHashMismatch { expected, found } => {
                write!(f, "the bytes of the file hash to {expected}, but it ends in {found}")
            }
            Self::TrailingBytes { offset } => {
                write!(f, "there are bytes after the end at {offset}")
            }
            Self::FinalHashMismatch { expected, found } => {
                write!(f, "the last entry has the hash {expected}, but the trailer says {found}")
            }
            Self::BadCheckpoint(error) => error.fmt(f),
            Self::OtherCheckpoint { expected, found } => write!(
                f,
                "the entries give {} at size {} with root {}, but the checkpoint is of {} at size {} with root {}",
                expected.origin, expected.size, expected.root, found.origin, found.size, found.root
            ),
        }
    }
}

impl Error for FormatError {}

/// Why reading or writing an export stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExportError<E> {
    /// The source or the sink failed.
    Io(E),
    /// The bytes, or what was to be written, are not an export.
    Format(FormatError),
}

impl<E> From<FormatError> for ExportError<E> {
    fn from(error: FormatError) -> Self {
        Self::Format(error)
    }
}

impl<E: fmt::Display> fmt::Display for ExportError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => error.fmt(f),
            Self::Format(error) => error.fmt(f),
        }
    }
}

impl<E: fmt::Debug + fmt::Display> Error for ExportError<E> {}

/// Checks that a length is between 1 and `max`.
fn check_length(place: Place, length: usize, max: usize) -> Result<(), FormatError> {
    if (1..=max).contains(&length) {
        return Ok(());
    }
    let [length, max] = [length, max].map(|len| u64::try_from(len).unwrap_or(u64::MAX));
    Err(FormatError::LengthOutOfBounds { place, length, max })
}

/// Checks that a log can sign with the key.
fn check_key(key: &VerifierKey) -> Result<(), FormatError> {
    let key_type = key.key_type();
    if key_type.signs_logs() {
        return Ok(());
    }
    Err(FormatError::BadKey(NoteError::UnknownKeyType(key_type.byte())))
}

/// Checks that an unverified note speaks about the log that ends in `head`.
fn check_note(origin: &str, head: &LogHead, note: &str) -> Result<(), FormatError> {
    let found = Checkpoint::parse_unverified(note).map_err(FormatError::BadCheckpoint)?.into();
    let expected = Box::new(head.checkpoint(origin));
    if found == expected { Ok(()) } else { Err(FormatError::OtherCheckpoint { expected, found }) }
}
