//! The 32-byte SHA3-256 value that names content, shards, entries and state.

use alloc::string::String;
use borsh::{BorshDeserialize, BorshSerialize};
use core::fmt;

/// A SHA3-256 value (FIPS 202). Printed and parsed as 64 lowercase hexadecimal digits.
#[derive(
    Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize,
)]
pub struct Hash32(pub [u8; 32]);

impl Hash32 {
    /// 32 zero bytes: the predecessor of the first entry, and the root of an empty state map.
    pub const ZERO: Self = Self([0; 32]);

    /// SHA3-256 of one message.
    #[must_use]
    pub fn of(message: &[u8]) -> Self {
        Self(keccak_batch::hash(message))
    }

    /// SHA3-256 of the concatenation of `parts`.
    #[must_use]
    pub fn of_parts(parts: &[&[u8]]) -> Self {
        Self(keccak_batch::hash_parts(parts))
    }

    /// The 64 lowercase hexadecimal digits of the value, as ASCII.
    #[must_use]
    pub fn hex_digits(&self) -> [u8; 64] {
        let mut digits = [0; 64];
        let (pairs, _) = digits.as_chunks_mut::<2>();
        for (pair, byte) in pairs.iter_mut().zip(self.0) {
            *pair = [digit(byte >> 4), digit(byte & 15)];
        }
        digits
    }

    /// The 64 lowercase hexadecimal digits of the value.
    #[must_use]
    pub fn to_hex(&self) -> String {
        hex_encode(&self.0)
    }

    /// Parses 64 lowercase hexadecimal digits; anything else is `None`.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        hex_decode(text)?.try_into().ok().map(Self)
    }
}

impl fmt::Display for Hash32 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_hex())
    }
}

impl fmt::Debug for Hash32 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_hex())
    }
}

impl AsRef<[u8]> for Hash32 {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// The digit of a value below 16.
const fn digit(nibble: u8) -> u8 {
    let base = if nibble < 10 { b'0' } else { b'a'.wrapping_sub(10) };
    base.wrapping_add(nibble)
}

/// Lowercase hexadecimal of any bytes.
#[must_use]
pub fn hex_encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().saturating_mul(2));
    for byte in bytes {
        text.push(char::from(digit(byte >> 4)));
        text.push(char::from(digit(byte & 15)));
    }
    text
}

/// Bytes of a lowercase hexadecimal text of even length; anything else is `None`.
#[must_use]
pub fn hex_decode(text: &str) -> Option<alloc::vec::Vec<u8>> {
    let value = |c: u8| match c {
        b'0'..=b'9' => Some(c & 15),
        b'a'..=b'f' => (c & 15).checked_add(9),
        _ => None,
    };
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    pairs.iter().map(|[high, low]| Some(value(*high)? << 4 | value(*low)?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_goes_there_and_back_and_is_strict() {
        let hash = Hash32::of(b"qfs");
        assert_eq!(Hash32::from_hex(&hash.to_hex()), Some(hash));
        for bad in ["", "0", "zz", "AB", "ab ", &hash.to_hex().to_uppercase(), &hash.to_hex()[1..]]
        {
            assert_eq!(Hash32::from_hex(bad), None, "{bad:?}");
        }
    }
}
