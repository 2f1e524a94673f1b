//! Shard ids and the hashes that placement starts from (LA-6, PL-2), many at a time.

use alloc::{string::String, vec, vec::Vec};
use core::fmt::{self, Write};
use protocol::Hash32;

/// Hexadecimal digits of a hash.
const HEX_DIGITS: usize = 64;

/// A shard, and the hash that decides where its copies begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shard {
    pub(crate) id: Hash32,
    /// Hash of the id's hexadecimal text (PL-2).
    pub(crate) draw: Hash32,
}

/// The shards of versions, given by object, version and number of columns: version by version, column by
/// column, hashed together.
pub(crate) fn shards<'a>(versions: impl Iterator<Item = (&'a str, u64, u32)>) -> Vec<Shard> {
    let mut names = Texts::default();
    for (object, version, columns) in versions {
        for column in 0..columns {
            names.push(|out| write!(out, "{object}:{version}:{column}"));
        }
    }
    let ids = names.hash(&[]);
    let mut digits = Texts::with_room(ids.len(), HEX_DIGITS);
    for id in &ids {
        let hex = id.hex_digits();
        digits.push(|out| out.write_str(core::str::from_utf8(&hex).unwrap_or_default()));
    }
    let draws = digits.hash(&[]);
    ids.into_iter().zip(draws).map(|(id, draw)| Shard { id, draw }).collect()
}

/// Texts in one piece of memory, to be hashed together.
#[derive(Default)]
pub(crate) struct Texts {
    text: String,
    ends: Vec<usize>,
}

impl Texts {
    /// Room for texts of this many bytes, which is not a bound.
    pub(crate) fn with_room(texts: usize, bytes_each: usize) -> Self {
        let text = String::with_capacity(texts.saturating_mul(bytes_each));
        Self { text, ends: Vec::with_capacity(texts) }
    }

    /// Adds what `write` writes. Memory takes every write.
    pub(crate) fn push(&mut self, write: impl FnOnce(&mut String) -> fmt::Result) {
        let _ = write(&mut self.text);
        self.ends.push(self.text.len());
    }

    /// SHA3-256 of `prefix ‖ text` for each text.
    pub(crate) fn hash(&self, prefix: &[u8]) -> Vec<Hash32> {
        let mut start = 0;
        let text = |end: &usize| {
            let text = self.text.as_bytes().get(start..*end).unwrap_or_default();
            start = *end;
            text
        };
        let messages: Vec<&[u8]> = self.ends.iter().map(text).collect();
        let mut digests = vec![[0; 32]; messages.len()];
        keccak_batch::hash_many_prefixed(prefix, &messages, &mut digests);
        digests.into_iter().map(Hash32).collect()
    }
}
