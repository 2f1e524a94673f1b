//! The kernels for x86-64.

#[allow(unsafe_code, reason = "vector loads and stores, and the way into code for AVX2")]
mod avx2;
#[allow(unsafe_code, reason = "vector loads and stores, and the way into code for AVX-512")]
mod avx512;
mod permutation;

pub(crate) use avx2::Avx2;
pub(crate) use avx512::Avx512;

use crate::lanes::{Block, RATE};

// Whether the instructions of a feature may be run. With an operating system beneath, it is asked,
// and the standard library remembers the answer; without, only what the target was compiled for counts.
#[cfg(any(test, feature = "std"))]
use std::arch::is_x86_feature_detected as supported;
#[cfg(not(any(test, feature = "std")))]
macro_rules! supported {
    ($feature:literal) => {
        cfg!(target_feature = $feature)
    };
}
#[cfg(not(any(test, feature = "std")))]
use supported;

// Not for one instruction set, so that they can be inlined anywhere.

/// The bytes of vector `INDEX` of a block that is cut into vectors of `BYTES`.
#[inline]
fn vector<const BYTES: usize, const INDEX: usize>(block: &Block) -> &[u8; BYTES] {
    const { assert!((INDEX + 1) * BYTES <= RATE) }
    block.as_chunks().0.get(INDEX).unwrap_or(&[0; BYTES])
}

/// The word that is left when a block is cut into vectors.
#[inline]
fn last_word(block: &Block) -> u64 {
    let [.., a, b, c, d, e, f, g, h] = *block;
    u64::from_le_bytes([a, b, c, d, e, f, g, h])
}
