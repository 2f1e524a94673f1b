//! SHA3-256 (FIPS 202) of one message, of a message in pieces, or of many messages at once.
//!
//! Everything in QFS that is hashed under SHA3-256 goes through this crate, so that a faster back end
//! reaches all of it. It is also the only crate with unsafe code.
//!
//! # Many messages at once
//!
//! A sponge absorbs one block after another, so a single message cannot be spread over the lanes of a
//! vector register. Independent messages can: [`hash_many`] and [`hash_many_prefixed`] run one sponge in
//! each lane. The messages may differ in length. A lane whose message ends takes the next one, so
//! that short messages do not wait for long ones, and only the end of a batch leaves lanes idle.
//!
//! The digests are those of FIPS 202 and nothing else: they depend neither on the back end, nor on which
//! lane a message ran in, nor on what ran beside it.
//!
//! # Back ends
//!
//! | [`Backend`] | lanes | needs |
//! |---|---|---|
//! | `Portable` | 1 | nothing |
//! | `Avx2` | 4 | x86-64 with AVX2 |
//! | `Avx512` | 8 | x86-64 with AVX-512F |
//!
//! With the feature `std`, the widest one that the processor and the operating system support is chosen
//! at run time. Without it there is no operating system to ask, and only what the target was compiled
//! for counts, which by default is the portable back end. Single messages always run there.
//!
//! # Unsafe code
//!
//! It is confined to the two kernels, and there to three acts: loading a vector from an array of its
//! size, storing one to such an array, and calling code compiled for an instruction set with a value
//! in hand that only its detection gives out. Which bytes go where is decided in safe code.
#![no_std]
#![deny(unsafe_op_in_unsafe_fn)]
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

#[cfg(any(test, feature = "std"))]
extern crate std;

mod backend;
#[cfg(any(test, target_arch = "x86_64"))]
mod lanes;
#[cfg(target_arch = "x86_64")]
mod x86;

#[cfg(test)]
mod tests;

pub use backend::{Backend, Unavailable, available, hash_many_with};

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
    hash_many_prefixed(&[], messages, digests);
}

/// SHA3-256 of `prefix ‖ message` for each message, in order, without joining them in memory.
///
/// A prefix of one byte separates the leaves of a Merkle tree from its nodes (RFC 9162, section 2.1.1).
/// Writes `min(messages.len(), digests.len())` digests; callers pass equal lengths.
pub fn hash_many_prefixed(prefix: &[u8], messages: &[&[u8]], digests: &mut [Digest256]) {
    backend::hash_many_widest(prefix, messages, digests);
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
