//! A source that hashes what passes, so that a report names the file even where its framing is broken.

use alloc::vec::Vec;
use eqm_log::export::ByteSource;
use keccak_batch::Hasher;
use protocol::Hash32;

/// Bytes at the end of an export that repeat the hash of those before.
const TRAILING_HASH: usize = 32;

pub(crate) struct Tap<S> {
    source: S,
    hasher: Hasher,
    /// The last bytes so far, which are not hashed yet.
    tail: Vec<u8>,
    failed: bool,
}

impl<S: ByteSource> Tap<S> {
    pub(crate) fn new(source: S) -> Self {
        Self { source, hasher: Hasher::new(), tail: Vec::new(), failed: false }
    }

    pub(crate) fn read(&mut self, buf: &mut [u8]) -> Result<usize, S::Error> {
        let read = self.source.read(buf).inspect_err(|_| self.failed = true)?.min(buf.len());
        self.tail.extend(buf.iter().take(read));
        let settled = self.tail.len().saturating_sub(TRAILING_HASH);
        let (settled, tail) = self.tail.split_at(settled);
        self.hasher.update(settled);
        self.tail = tail.to_vec();
        Ok(read)
    }

    /// SHA3-256 of the file but its last 32 bytes (RP-2). Reads what is left; bytes behind a failed read
    /// are not waited for.
    pub(crate) fn finish(mut self) -> Hash32 {
        let mut buf = [0; 4096];
        while !self.failed && self.read(&mut buf).is_ok_and(|read| read > 0) {}
        Hash32(self.hasher.finish())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rp_2_the_hash_leaves_out_the_last_32_bytes() {
        let bytes: Vec<u8> = (0..=255).cycle().take(10_000).collect();
        for len in [0, 1, 31, 32, 33, 64, 4_128, 10_000] {
            let mut tap = Tap::new(&bytes[..len]);
            let mut buf = [0; 7];
            tap.read(&mut buf).unwrap();
            assert_eq!(tap.finish(), Hash32::of(&bytes[..len.saturating_sub(32)]));
        }
    }
}
