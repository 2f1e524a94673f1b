//! Writing an export.

use super::{
    ByteSink, ExportError, FORMAT_VERSION, FormatError, Header, MAGIC, MAX_KEYS, Place, check_key,
    check_length, check_note,
};
use crate::{
    MAX_BODY_LEN, MAX_LOG_SIZE,
    head::LogHead,
    note::{MAX_NOTE_LEN, MAX_VKEY_LEN},
    text::{MAX_NAME_LEN, is_origin},
};
use alloc::{string::String, string::ToString};
use keccak_batch::Hasher;
use protocol::Hash32;

/// Writes an export entry by entry. Dropped before [`Writer::finish`], it leaves a file that every reader
/// refuses as truncated.
pub struct Writer<W> {
    output: Output<W>,
    origin: String,
    count: u64,
    head: LogHead,
}

impl<W: ByteSink> Writer<W> {
    /// Writes the header.
    ///
    /// # Errors
    /// [`FormatError`] if the header breaks a bound of the format, or what the sink reports.
    pub fn create(sink: W, header: &Header) -> Result<Self, ExportError<W::Error>> {
        let mut output = Output { sink, hasher: Hasher::new() };
        write_header(&mut output, header)?;
        let (origin, count) = (header.origin.clone(), header.count);
        Ok(Self { output, origin, count, head: LogHead::new() })
    }

    /// Writes the next entry and returns its hash.
    ///
    /// # Errors
    /// [`FormatError`] for an entry more than declared or a body of impossible length, or what the sink
    /// reports.
    pub fn push(&mut self, body: &[u8]) -> Result<Hash32, ExportError<W::Error>> {
        let seq = self.head.size();
        if seq >= self.count {
            let written = seq.saturating_add(1);
            return Err(FormatError::WrongCount { declared: self.count, written }.into());
        }
        self.output.u32_prefixed(Place::Frame { seq }, body, MAX_BODY_LEN)?;
        Ok(self.head.append(body, |_, _, _| ()))
    }

    /// The log up to the last entry that was written, for instance to sign it.
    #[must_use]
    pub const fn head(&self) -> &LogHead {
        &self.head
    }

    /// Writes the end and returns the hash of the file. `note` is the signed checkpoint of
    /// exactly the entries written; its signatures are not checked here.
    ///
    /// # Errors
    /// [`FormatError`] if entries are missing or the checkpoint is of another log, or what the sink reports.
    pub fn finish(mut self, note: &str) -> Result<Hash32, ExportError<W::Error>> {
        let (declared, written) = (self.count, self.head.size());
        if written != declared {
            return Err(FormatError::WrongCount { declared, written }.into());
        }
        check_note(&self.origin, &self.head, note)?;
        self.output.put(&self.head.entry_hash().0)?;
        self.output.u32_prefixed(Place::Trailer, note.as_bytes(), MAX_NOTE_LEN)?;
        let file_hash = Hash32(self.output.hasher.clone().finish());
        self.output.put(&file_hash.0)?;
        Ok(file_hash)
    }
}

/// The sink with the hash of the bytes that went to it.
struct Output<W> {
    sink: W,
    hasher: Hasher,
}

impl<W: ByteSink> Output<W> {
    fn put(&mut self, bytes: &[u8]) -> Result<(), ExportError<W::Error>> {
        self.hasher.update(bytes);
        self.sink.write_all(bytes).map_err(ExportError::Io)
    }

    fn u32_prefixed(
        &mut self,
        place: Place,
        bytes: &[u8],
        max: usize,
    ) -> Result<(), ExportError<W::Error>> {
        check_length(place, bytes.len(), max)?;
        // Every bound is far below 2^32.
        let len = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        self.put(&len.to_be_bytes())?;
        self.put(bytes)
    }
}

fn write_header<W: ByteSink>(
    output: &mut Output<W>,
    header: &Header,
) -> Result<(), ExportError<W::Error>> {
    let place = Place::Header;
    if header.count > MAX_LOG_SIZE {
        return Err(FormatError::BadCount(header.count).into());
    }
    if !is_origin(&header.origin) {
        return Err(FormatError::BadOrigin.into());
    }
    check_length(place, header.keys.len(), MAX_KEYS)?;
    header.keys.iter().try_for_each(check_key)?;
    output.put(&MAGIC)?;
    output.put(&FORMAT_VERSION.to_be_bytes())?;
    output.put(&header.count.to_be_bytes())?;
    output.put(&[short(header.origin.len(), MAX_NAME_LEN)])?;
    output.put(header.origin.as_bytes())?;
    output.put(&[short(header.keys.len(), MAX_KEYS)])?;
    for key in &header.keys {
        let vkey = key.to_string();
        check_length(place, vkey.len(), MAX_VKEY_LEN)?;
        let len = u16::try_from(vkey.len()).unwrap_or(u16::MAX);
        output.put(&len.to_be_bytes())?;
        output.put(vkey.as_bytes())?;
    }
    Ok(())
}

/// A length that was checked against `max`, a bound below 256.
fn short(len: usize, max: usize) -> u8 {
    u8::try_from(len.min(max)).unwrap_or(u8::MAX)
}
