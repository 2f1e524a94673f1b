//! Reading an export.

use super::{
    ByteSource, ExportError, FORMAT_VERSION, FormatError, Header, MAGIC, MAX_KEYS, Place,
    batch::Batch, check_key, check_note, input::Input,
};
use crate::{
    MAX_BODY_LEN, MAX_LOG_SIZE,
    checkpoint::{Checkpoint, CheckpointError, VerifiedCheckpoint},
    head::LogHead,
    note::{MAX_NOTE_LEN, MAX_VKEY_LEN, VerifierKey},
    text::{MAX_NAME_LEN, is_origin},
};
use alloc::{string::String, vec::Vec};
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

/// Reads an export, entry by entry or several at once. After an error the reader has lost its place: all
/// that it can still tell is the [hash of the file](Reader::log_hash).
///
/// Entries come before the end of the file is seen: what they say may be relied upon only after
/// [`Reader::finish`] has returned.
pub struct Reader<S: ByteSource> {
    input: Input<S>,
    header: Header,
    head: LogHead,
    /// What stopped the last batch, to be told once its entries were.
    held: Option<ExportError<S::Error>>,
}

impl<S: ByteSource> Reader<S> {
    /// A reader that has read nothing; until [`Reader::read_header`] it knows of no entries.
    #[must_use]
    pub fn new(source: S) -> Self {
        let header = Header { origin: String::new(), count: 0, keys: Vec::new() };
        Self { input: Input::new(source), header, head: LogHead::new(), held: None }
    }

    /// A new reader that has read the header.
    ///
    /// # Errors
    /// As [`Reader::read_header`].
    pub fn open(source: S) -> Result<Self, ExportError<S::Error>> {
        let mut reader = Self::new(source);
        reader.read_header()?;
        Ok(reader)
    }

    /// Reads the header, before anything else.
    ///
    /// # Errors
    /// [`FormatError`] if these are not the first bytes of an export, or what the source reports.
    pub fn read_header(&mut self) -> Result<&Header, ExportError<S::Error>> {
        self.header = read_header(&mut self.input)?;
        Ok(&self.header)
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
        if let Some(error) = self.held.take() {
            return Err(error);
        }
        let (seq, prev_entry_hash) = (self.head.size(), self.head.entry_hash());
        if seq == self.header.count {
            return Ok(None);
        }
        let body = read_frame(&mut self.input, seq)?;
        let entry_hash = self.head.append(body, |_, _, _| ());
        Ok(Some(ExportedEntry { seq, prev_entry_hash, entry_hash, body }))
    }

    /// The next entries, `most` of them or fewer, because a batch is bounded in bytes as well; `None` after
    /// the last one. They are hashed together, which is several times faster than one by one.
    ///
    /// # Errors
    /// As [`Reader::next_entry`]; entries before the one that goes wrong come first.
    pub fn next_batch(&mut self, most: usize) -> Result<Option<Batch>, ExportError<S::Error>> {
        if let Some(error) = self.held.take() {
            return Err(error);
        }
        let mut batch = Batch::after(&self.head);
        let mut missing = self.header.count.saturating_sub(self.head.size());
        let mut seq = self.head.size();
        while missing > 0 && batch.len() < most.max(1) && !batch.is_full() {
            match read_frame(&mut self.input, seq) {
                Ok(body) => batch.push(body),
                Err(error) if batch.is_empty() => return Err(error),
                Err(error) => {
                    self.held = Some(error);
                    break;
                }
            }
            (missing, seq) = (missing.saturating_sub(1), seq.saturating_add(1));
        }
        batch.append_to(&mut self.head);
        Ok((!batch.is_empty()).then_some(batch))
    }

    /// [`Reader::close`] for a reader that is not needed any more.
    ///
    /// # Errors
    /// As [`Reader::close`].
    pub fn finish(mut self) -> Result<Export, ExportError<S::Error>> {
        self.close()
    }

    /// Reads what is left and checks the file as a whole: its hash, its end, the final entry hash, and that
    /// the checkpoint speaks about these entries.
    ///
    /// # Errors
    /// [`FormatError`] says which of these fails.
    pub fn close(&mut self) -> Result<Export, ExportError<S::Error>> {
        while self.next_entry()?.is_some() {}
        let Self { input, header, head, .. } = self;
        let place = Place::Trailer;
        let final_hash = Hash32(input.array(place)?);
        let note_len = input.u32_length(place, MAX_NOTE_LEN)?;
        let note = input.take(note_len, place)?.to_vec();

        let found = Hash32(input.array(place)?);
        let expected = input.file_hash();
        if found != expected {
            return Err(FormatError::FileHashMismatch { expected, found }.into());
        }
        if !input.at_end()? {
            return Err(FormatError::TrailingBytes { offset: input.offset() }.into());
        }
        if final_hash != head.entry_hash() {
            let (expected, found) = (head.entry_hash(), final_hash);
            return Err(FormatError::FinalHashMismatch { expected, found }.into());
        }
        let note = utf8(&note, place)?;
        check_note(&header.origin, head, &note)?;
        Ok(Export { header: header.clone(), head: head.clone(), note, file_hash: expected })
    }

    /// SHA3-256 of the file but its last 32 bytes, wherever reading stands and whatever went wrong. Reads what
    /// is left; what stands behind a failed read is not waited for.
    #[must_use]
    pub fn log_hash(self) -> Hash32 {
        self.input.drain()
    }
}

fn read_frame<S: ByteSource>(
    input: &mut Input<S>,
    seq: u64,
) -> Result<&[u8], ExportError<S::Error>> {
    let place = Place::Frame { seq };
    let len = input.u32_length(place, MAX_BODY_LEN)?;
    input.take(len, place)
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
    let origin = utf8(input.take(origin_len, place)?, place)?;
    if !is_origin(&origin) {
        return Err(FormatError::BadOrigin.into());
    }
    let mut keys = Vec::new();
    for _ in 0..input.u8_length(place, MAX_KEYS)? {
        let len = input.u16_length(place, MAX_VKEY_LEN)?;
        let vkey = utf8(input.take(len, place)?, place)?;
        let key: VerifierKey = vkey.parse().map_err(FormatError::BadKey)?;
        check_key(&key)?;
        keys.push(key);
    }
    Ok(Header { origin, count, keys })
}

fn utf8(bytes: &[u8], place: Place) -> Result<String, FormatError> {
    core::str::from_utf8(bytes).map(String::from).map_err(|_| FormatError::NotUtf8(place))
}
