//! SHA3-256 (FIPS 202) of one message, of a message in pieces, or of many messages at once.
//!
//! Everything in QFS that is hashed under SHA3-256 goes through this crate, so that a faster back end
//! reaches all of it and there is one place to look for it. This version has the portable back end;
//! [`hash_many`] is the seam behind which wider ones fit.
#![no_std]
#![cfg_attr(
    not(test),
    deny(
        clippy::arithmetic_side_effects,
        clippy::as_conversions,
        clippy::float_arithmetic,
        clippy::indexing_slicing,
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic
    )
)]

use sha3::{Digest, Sha3_256};

/// Length of a SHA3-256 digest in bytes.
pub const DIGEST_LEN: usize = 32;

/// A SHA3-256 digest.
pub type Digest256 = [u8; DIGEST_LEN];

/// SHA3-256 of one message.
#[must_use]
pub fn hash(message: &[u8]) -> Digest256 {
    Sha3_256::digest(message).into()
}

/// SHA3-256 of the concatenation of `parts`, without joining them in memory.
#[must_use]
pub fn hash_parts(parts: &[&[u8]]) -> Digest256 {
    let mut hasher = Hasher::new();
    for part in parts {
        hasher.update(part);
    }
    hasher.finish()
}

/// SHA3-256 of each message, in order. The messages may differ in length.
///
/// Writes `min(messages.len(), digests.len())` digests; callers pass equal lengths.
pub fn hash_many(messages: &[&[u8]], digests: &mut [Digest256]) {
    for (message, digest) in messages.iter().zip(digests) {
        *digest = hash(message);
    }
}

/// SHA3-256 of a message that arrives in pieces.
#[derive(Clone, Default)]
pub struct Hasher(Sha3_256);

impl Hasher {
    /// A hasher that has seen nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next bytes of the message.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The digest of all bytes taken.
    #[must_use]
    pub fn finish(self) -> Digest256 {
        self.0.finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// FIPS 202 example values: the empty message, and 1600 bits of 0xa3.
    #[test]
    fn fips_202_examples() {
        assert_eq!(hash(b"")[..8], [0xa7, 0xff, 0xc6, 0xf8, 0xbf, 0x1e, 0xd7, 0x66]);
        assert_eq!(hash(&[0xa3; 200])[..8], [0x79, 0xf3, 0x8a, 0xde, 0xc5, 0xc2, 0x03, 0x07]);
    }

    #[test]
    fn pieces_equal_the_whole() {
        let message: [u8; 700] = core::array::from_fn(|i| (i % 251) as u8);
        for cut in [0, 1, 135, 136, 137, 699, 700] {
            let (a, b) = message.split_at(cut);
            assert_eq!(hash_parts(&[a, b]), hash(&message), "cut at {cut}");
        }
    }

    #[test]
    fn many_equal_one_by_one() {
        let message: [u8; 700] = core::array::from_fn(|i| (i % 251) as u8);
        let messages: [&[u8]; 4] = [&message[..0], &message[..136], &message, &message[5..9]];
        let mut digests = [[0u8; 32]; 4];
        hash_many(&messages, &mut digests);
        for (message, digest) in messages.iter().zip(digests) {
            assert_eq!(digest, hash(message));
        }
    }
}
