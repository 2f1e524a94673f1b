//! Canonical bytes: borsh, and only bytes that encode back to themselves are accepted (PR-1).

use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize, io::ErrorKind};
use core::fmt;

/// Why bytes are not the canonical encoding of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecodeError {
    /// The bytes are cut short, too long, or hold an unknown variant.
    Malformed,
    /// The bytes name a signature suite that is none of ours.
    UnknownSuite,
    /// The bytes decode, but the value's own encoding differs from them.
    NotCanonical,
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "the bytes are not an encoding of the expected value",
            Self::UnknownSuite => {
                "the bytes name a signature suite that this release does not know; it knows 1 (Ed25519) and 2, 3, 4 (ML-DSA-44, -65, -87)"
            }
            Self::NotCanonical => "the bytes are not the canonical encoding of their value",
        })
    }
}

impl core::error::Error for DecodeError {}

/// The canonical bytes of `value`.
#[must_use]
pub fn encode<T: BorshSerialize>(value: &T) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(256);
    encode_to(&mut bytes, value);
    bytes
}

/// Appends the canonical bytes of `value`.
pub fn encode_to<T: BorshSerialize>(bytes: &mut Vec<u8>, value: &T) {
    #[expect(
        clippy::expect_used,
        reason = "a Vec takes every write, and no type here has a length beyond u32"
    )]
    value.serialize(bytes).expect("writing to memory");
}

/// The value whose canonical bytes are `bytes`.
///
/// # Errors
/// [`DecodeError`] for anything that [`encode`] would not have written.
pub fn decode<T: BorshSerialize + BorshDeserialize>(bytes: &[u8]) -> Result<T, DecodeError> {
    let value: T = borsh::from_slice(bytes).map_err(|error| match error.kind() {
        // What `PublicKey` says of an unknown suite, and nothing else here says.
        ErrorKind::Other => DecodeError::UnknownSuite,
        _ => DecodeError::Malformed,
    })?;
    if encode(&value) == bytes { Ok(value) } else { Err(DecodeError::NotCanonical) }
}
