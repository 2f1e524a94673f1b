//! Reading an export.

use super::{
    ByteSource, ExportError, FORMAT_VERSION, FormatError, Header, MAGIC, MAX_KEYS, Place,
    check_length, check_note,
};
use crate::{
    MAX_BODY_LEN, MAX_LOG_SIZE,
    checkpoint::{Checkpoint, CheckpointError, VerifiedCheckpoint},
    head::LogHead,
    note::{MAX_NOTE_LEN, MAX_VKEY_LEN, VerifierKey},
    text::{MAX_NAME_LEN, is_origin},
};
use alloc::{string::String, vec::Vec};
use core::mem;
use keccak_batch::Hasher;
use protocol::Hash32;

/// One entry as a [`Reader`] passes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExportedEntry<'a> {
    /// Position in the log, from zero.
    pub seq: u64,
    /// Hash of the entry before; zeros for the first.
    pub prev_entry_hash: Hash32,
    /// Hash of this entry, computed from the body.
    pub entry_hash: Hash32,
    /// The canonical bytes of the body.
    pub body: &'a [u8],
}

/// Reads an export entry by entry. After an error the reader has lost its place and is of no further use.
///
/// Entries come before the end of the file is seen: what they say may be relied upon only after
/// [`Reader::finish`] has returned.
pub struct Reader<S> {
    input: Input<S>,
    header: Header,
    head: LogHead,
    body: Vec<u8>,
}

impl<S: ByteSource> Reader<S> {
    /// Reads the header.
    ///
    /// # Errors
    /// [`FormatError`] if these are not the first bytes of an export, or what the source reports.
    pub fn open(source: S) -> Result<Self, ExportError<S::Error>> {
        let mut input = Input { source, hasher: Hasher::new(), offset: 0 };
        let header = read_header(&mut input)?;
        Ok(Self { input, header, head: LogHead::new(), body: Vec::new() })
    }

    /// What the file says about itself.
    #[must_use]
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// The log up to the last entry that was read.
    #[must_use]
    pub const fn head(&self) -> &LogHead {
        &self.head
    }

    /// The next entry; `None` after the last one.
    ///
    /// # Errors
    /// [`FormatError`] names the entry in whose frame the bytes go wrong.
    pub fn next_entry(&mut self) -> Result<Option<ExportedEntry<'_>>, ExportError<S::Error>> {
        let seq = self.head.size();
        if seq == self.header.count {
            return Ok(None);
        }
        let place = Place::Frame { seq };
        let len = self.input.u32_length(place, MAX_BODY_LEN)?;
        self.body.resize(len, 0);
        self.input.fill(&mut self.body, place)?;
        let prev_entry_hash = self.head.entry_hash();
        let entry_hash = self.head.append(&self.body, |_, _, _| ());
        Ok(Some(ExportedEntry { seq, prev_entry_hash, entry_hash, body: &self.body }))
    }

    /// Reads what is left and checks the file as a whole: its hash, its end, the final entry hash, and that
    /// the checkpoint speaks about these entries.
    ///
    /// # Errors
    /// [`FormatError`] says which of these fails.
    pub fn finish(mut self) -> Result<Export, ExportError<S::Error>> {
        while self.next_entry()?.is_some() {}
        let Self { mut input, header, head, .. } = self;
        let place = Place::Trailer;
        let final_hash = Hash32(input.array(place)?);
        let note_len = input.u32_length(place, MAX_NOTE_LEN)?;
        let note = input.bytes(note_len, place)?;

        let expected = Hash32(input.hasher.clone().finish());
        let found = Hash32(input.array(place)?);
        if found != expected {
            return Err(FormatError::FileHashMismatch { expected, found }.into());
        }
        if !input.at_end()? {
            return Err(FormatError::TrailingBytes { offset: input.offset }.into());
        }
        if final_hash != head.entry_hash() {
            let (expected, found) = (head.entry_hash(), final_hash);
            return Err(FormatError::FinalHashMismatch { expected, found }.into());
        }
        let note = utf8(note, place)?;
        check_note(&header.origin, &head, &note)?;
        Ok(Export { header, head, note, file_hash: expected })
    }
}

/// An export that was read to its end and agrees with itself. Its checkpoint's signatures are not checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Export {
    header: Header,
    head: LogHead,
    note: String,
    file_hash: Hash32,
}

impl Export {
    /// What the file says about itself.
    #[must_use]
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// Size, last entry hash and root, computed from the entries.
    #[must_use]
    pub const fn head(&self) -> &LogHead {
        &self.head
    }

    /// The signed checkpoint as it stands in the file.
    #[must_use]
    pub fn note(&self) -> &str {
        &self.note
    }

    /// SHA3-256 of all bytes of the file but the last 32, which repeat it.
    #[must_use]
    pub const fn file_hash(&self) -> Hash32 {
        self.file_hash
    }

    /// Checks the signatures of the checkpoint, which covers every entry of the file. With the keys of the
    /// header this shows only that the file was signed by whoever wrote those keys into it.
    ///
    /// # Errors
    /// [`CheckpointError`] says what is wrong or missing.
    pub fn verify(&self, keys: &[VerifierKey]) -> Result<VerifiedCheckpoint, CheckpointError> {
        Checkpoint::verify(&self.note, keys)
    }
}

/// The source with the hash and number of the bytes that came from it.
struct Input<S> {
    source: S,
    hasher: Hasher,
    offset: u64,
}

impl<S: ByteSource> Input<S> {
    fn fill(&mut self, buf: &mut [u8], place: Place) -> Result<(), ExportError<S::Error>> {
        let mut rest = &mut *buf;
        while !rest.is_empty() {
            // A source that claims more than it was asked for is taken to have filled the buffer.
            let read = self.source.read(rest).map_err(ExportError::Io)?.min(rest.len());
            if read == 0 {
                return Err(FormatError::Truncated { offset: self.offset, place }.into());
            }
            rest = mem::take(&mut rest).split_at_mut(read).1;
            self.offset = self.offset.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
        }
        self.hasher.update(buf);
        Ok(())
    }

    fn array<const N: usize>(&mut self, place: Place) -> Result<[u8; N], ExportError<S::Error>> {
        let mut array = [0; N];
        self.fill(&mut array, place)?;
        Ok(array)
    }

    /// `len` is bounded by the caller.
    fn bytes(&mut self, len: usize, place: Place) -> Result<Vec<u8>, ExportError<S::Error>> {
        let mut bytes = alloc::vec![0; len];
        self.fill(&mut bytes, place)?;
        Ok(bytes)
    }

    fn u8_length(&mut self, place: Place, max: usize) -> Result<usize, ExportError<S::Error>> {
        let length = usize::from(u8::from_be_bytes(self.array(place)?));
        check_length(place, length, max)?;
        Ok(length)
    }

    fn u16_length(&mut self, place: Place, max: usize) -> Result<usize, ExportError<S::Error>> {
        let length = usize::from(u16::from_be_bytes(self.array(place)?));
        check_length(place, length, max)?;
        Ok(length)
    }

    fn u32_length(&mut self, place: Place, max: usize) -> Result<usize, ExportError<S::Error>> {
        let length = u32::from_be_bytes(self.array(place)?);
        // Where usize has 16 bits, a length beyond it is beyond every bound too.
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        check_length(place, length, max)?;
        Ok(length)
    }

    fn at_end(&mut self) -> Result<bool, ExportError<S::Error>> {
        self.source.read(&mut [0]).map(|read| read == 0).map_err(ExportError::Io)
    }
}

fn read_header<S: ByteSource>(input: &mut Input<S>) -> Result<Header, ExportError<S::Error>> {
    let place = Place::Header;
    if input.array(place)? != MAGIC {
        return Err(FormatError::BadMagic.into());
    }
    let version = u32::from_be_bytes(input.array(place)?);
    if version != FORMAT_VERSION {
        return Err(FormatError::UnsupportedVersion(version).into());
    }
    let count = u64::from_be_bytes(input.array(place)?);
    if count > MAX_LOG_SIZE {
        return Err(FormatError::BadCount(count).into());
    }
    let origin_len = input.u8_length(place, MAX_NAME_LEN)?;
    let origin = utf8(input.bytes(origin_len, place)?, place)?;
    if !is_origin(&origin) {
        return Err(FormatError::BadOrigin.into());
    }
    let mut keys = Vec::new();
    for _ in 0..input.u8_length(place, MAX_KEYS)? {
        let len = input.u16_length(place, MAX_VKEY_LEN)?;
        let vkey = utf8(input.bytes(len, place)?, place)?;
        keys.push(vkey.parse().map_err(FormatError::BadKey)?);
    }
    Ok(Header { origin, count, keys })
}

fn utf8(bytes: Vec<u8>, place: Place) -> Result<String, FormatError> {
    String::from_utf8(bytes).map_err(|_| FormatError::NotUtf8(place))
}
