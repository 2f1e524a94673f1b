//! The source of an export, read in large pieces and hashed as it is taken.

use super::{ByteSource, ExportError, FormatError, Place, check_length};
use alloc::vec::Vec;
use keccak_batch::Hasher;
use protocol::Hash32;

/// Bytes that the source is asked for at a time.
const READ_SIZE: usize = 1 << 16;

/// Bytes at the end of an export that repeat the hash of those before.
const TRAILING_HASH: usize = 32;

/// A window over the source. What was taken is hashed, but never the last 32 bytes received: should
/// the source end there, they are the file's own hash, which does not cover itself.
pub(super) struct Input<S> {
    source: S,
    failed: bool,
    received: u64,
    window: Vec<u8>,
    /// Bytes of the window that were taken.
    taken: usize,
    hasher: Hasher,
    /// Bytes of the window that the hasher has seen; never more than were taken.
    hashed: usize,
}

impl<S: ByteSource> Input<S> {
    pub(super) fn new(source: S) -> Self {
        let (window, hasher) = (Vec::new(), Hasher::new());
        Self { source, failed: false, received: 0, window, taken: 0, hasher, hashed: 0 }
    }

    /// The next `len` bytes; the caller bounds `len`.
    pub(super) fn take(
        &mut self,
        len: usize,
        place: Place,
    ) -> Result<&[u8], ExportError<S::Error>> {
        while self.waiting() < len {
            if self.receive()? == 0 {
                return Err(FormatError::Truncated { offset: self.received, place }.into());
            }
        }
        let start = self.taken;
        self.taken = start.saturating_add(len);
        Ok(self.window.get(start..self.taken).unwrap_or_default())
    }

    pub(super) fn array<const N: usize>(
        &mut self,
        place: Place,
    ) -> Result<[u8; N], ExportError<S::Error>> {
        let bytes = self.take(N, place)?;
        Ok(bytes.first_chunk().copied().unwrap_or([0; N]))
    }

    pub(super) fn u8_length(
        &mut self,
        place: Place,
        max: usize,
    ) -> Result<usize, ExportError<S::Error>> {
        let length = usize::from(u8::from_be_bytes(self.array(place)?));
        check_length(place, length, max)?;
        Ok(length)
    }

    pub(super) fn u16_length(
        &mut self,
        place: Place,
        max: usize,
    ) -> Result<usize, ExportError<S::Error>> {
        let length = usize::from(u16::from_be_bytes(self.array(place)?));
        check_length(place, length, max)?;
        Ok(length)
    }

    pub(super) fn u32_length(
        &mut self,
        place: Place,
        max: usize,
    ) -> Result<usize, ExportError<S::Error>> {
        let length = u32::from_be_bytes(self.array(place)?);
        // Where usize has 16 bits, a length beyond it is beyond every bound too.
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        check_length(place, length, max)?;
        Ok(length)
    }

    pub(super) fn at_end(&mut self) -> Result<bool, ExportError<S::Error>> {
        Ok(self.waiting() == 0 && self.receive()? == 0)
    }

    /// Where the next byte to be taken stands in the file.
    pub(super) fn offset(&self) -> u64 {
        self.received.saturating_sub(u64::try_from(self.waiting()).unwrap_or(u64::MAX))
    }

    /// Hash of everything before the last 32 bytes taken.
    pub(super) fn file_hash(&mut self) -> Hash32 {
        self.hash_until(self.taken.saturating_sub(TRAILING_HASH));
        Hash32(self.hasher.clone().finish())
    }

    /// Hash of the whole source but its last 32 bytes. Reads what is left; what stands behind a failed
    /// read is not waited for.
    pub(super) fn drain(mut self) -> Hash32 {
        self.taken = self.window.len();
        while !self.failed && self.receive().is_ok_and(|read| read > 0) {
            self.taken = self.window.len();
        }
        self.settle();
        Hash32(self.hasher.finish())
    }

    /// Bytes received and not taken.
    fn waiting(&self) -> usize {
        self.window.len().saturating_sub(self.taken)
    }

    /// Reads once. Returns how many bytes came; 0 at the end of the source.
    fn receive(&mut self) -> Result<usize, ExportError<S::Error>> {
        self.settle();
        let held = self.window.len();
        self.window.resize(held.saturating_add(READ_SIZE), 0);
        let room = self.window.get_mut(held..).unwrap_or_default();
        // A source that claims more than it was asked for is taken to have filled the buffer.
        let read = self.source.read(room).map(|read| read.min(READ_SIZE));
        self.window.truncate(held.saturating_add(*read.as_ref().unwrap_or(&0)));
        let read = read.map_err(ExportError::Io).inspect_err(|_| self.failed = true)?;
        self.received = self.received.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
        Ok(read)
    }

    /// Hashes what was taken and cannot be the file's own hash, and lets go of it.
    fn settle(&mut self) {
        let settled = self.window.len().saturating_sub(TRAILING_HASH).min(self.taken);
        self.hash_until(settled);
        self.window.drain(..self.hashed);
        self.taken = self.taken.saturating_sub(self.hashed);
        self.hashed = 0;
    }

    fn hash_until(&mut self, end: usize) {
        if let Some(bytes) = self.window.get(self.hashed..end) {
            self.hasher.update(bytes);
            self.hashed = end;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A source that gives a few bytes at a time.
    fn slowly(mut bytes: &[u8], step: usize) -> impl ByteSource<Error = core::convert::Infallible> {
        move |buf: &mut [u8]| {
            let len = buf.len().min(step);
            bytes.read(&mut buf[..len])
        }
    }

    /// RP-2: however the bytes come and however many were taken before.
    #[test]
    fn the_hash_of_a_file_leaves_out_its_last_32_bytes() {
        let bytes: Vec<u8> = (0..=255).cycle().take(70_000).collect();
        for len in [0, 1, 31, 32, 33, 64, 4_128, 65_535, 65_536, 65_569, 70_000] {
            for (step, taken) in [(7, 0), (33, len / 2), (usize::MAX, len), (65_536, len / 3)] {
                let mut input = Input::new(slowly(&bytes[..len], step));
                assert_eq!(input.take(taken, Place::Header).unwrap(), &bytes[..taken]);
                assert_eq!(input.offset(), taken as u64);
                assert_eq!(input.drain(), Hash32::of(&bytes[..len.saturating_sub(32)]));
            }
        }
    }

    /// EL-17: the hash at the end is that of what stands before it, also when something stands behind.
    #[test]
    fn el_17_the_hash_so_far() {
        let bytes: Vec<u8> = (0..=255).cycle().take(1_000).collect();
        for step in [1, 32, 500, 1_000] {
            let mut input = Input::new(slowly(&bytes, step));
            for _ in 0..9 {
                input.take(100, Place::Trailer).unwrap();
            }
            assert_eq!(input.file_hash(), Hash32::of(&bytes[..868]));
            assert!(!input.at_end().unwrap());
            assert_eq!(input.drain(), Hash32::of(&bytes[..968]));
        }
    }
}
