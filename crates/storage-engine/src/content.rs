//! What names content: the hash commitment and the shard ids (rules LA-5 and LA-6 of `spec/layout.md`).

use alloc::{string::String, vec, vec::Vec};
use keccak_batch::Hasher;
use protocol::Hash32;

/// The schema version that every hash commitment covers.
pub const SCHEMA_VERSION: &str = "1.0";

/// Computes `hash_commit` of content that arrives in pieces, in constant memory (rule LA-5).
#[derive(Clone, Default)]
pub struct CommitHasher(Hasher);

impl CommitHasher {
    /// A hasher that has seen no content.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next bytes of the content.
    pub fn update(&mut self, content: &[u8]) {
        self.0.update(content);
    }

    /// `SHA3-256(content ‖ "1.0" ‖ canonical_metadata)`; the caller has made the metadata canonical (RFC 8785).
    #[must_use]
    pub fn finish(mut self, canonical_metadata: &[u8]) -> Hash32 {
        self.0.update(SCHEMA_VERSION.as_bytes());
        self.0.update(canonical_metadata);
        Hash32(self.0.finish())
    }
}

/// `hash_commit` of content that is in memory (rule LA-5).
#[must_use]
pub fn hash_commit(content: &[u8], canonical_metadata: &[u8]) -> Hash32 {
    let mut hasher = CommitHasher::new();
    hasher.update(content);
    hasher.finish(canonical_metadata)
}

/// The ids of shards 0 to `count` of a version, hashed together.
#[must_use]
pub fn shard_ids(object_id: &str, version: u64, count: u32) -> Vec<Hash32> {
    let names: Vec<String> =
        (0..count).map(|index| shard_name(object_id, version, index)).collect();
    let messages: Vec<&[u8]> = names.iter().map(String::as_bytes).collect();
    hash_all(&[], &messages)
}

fn shard_name(object_id: &str, version: u64, index: u32) -> String {
    let mut name = String::new();
    push_shard_name(&mut name, object_id, version, index);
    name
}

/// Appends `"{object_id}:{version}:{index}"` to `text`.
pub(crate) fn push_shard_name(text: &mut String, object_id: &str, version: u64, index: u32) {
    use core::fmt::Write;
    text.push_str(object_id);
    // A string takes every write.
    let _ = write!(text, ":{version}:{index}");
}

/// SHA3-256 of each message after `prefix`, several at once where the machine can.
pub(crate) fn hash_all(prefix: &[u8], messages: &[&[u8]]) -> Vec<Hash32> {
    let mut digests = vec![[0; keccak_batch::DIGEST_LEN]; messages.len()];
    keccak_batch::hash_many_prefixed(prefix, messages, &mut digests);
    digests.into_iter().map(Hash32).collect()
}

/// `SHA3-256("{object_id}:{version}:{index}")`, numbers in plain decimal, UTF-8 (rule LA-6).
#[must_use]
pub fn shard_id(object_id: &str, version: u64, index: u32) -> Hash32 {
    Hash32::of(shard_name(object_id, version, index).as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    /// LA-5: published vectors of the v13 profile.
    #[test]
    fn la_5_hash_commit_vectors() {
        assert_eq!(
            hash_commit(b"", b"{}").to_string(),
            "194e048024fd810e0d8f24344346a26b5292df968e9205c31418ecd8d8a75d77"
        );
        assert_eq!(
            hash_commit(&[0], br#"{"author":"u1"}"#).to_string(),
            "46d82ff52a54633ae13a9af981173bcc6da81013ec6f27688452953e2ed72436"
        );
    }

    #[test]
    fn la_5_pieces_equal_the_whole() {
        let content: [u8; 300] = core::array::from_fn(|i| (i % 251) as u8);
        let mut hasher = CommitHasher::new();
        content.chunks(7).for_each(|piece| hasher.update(piece));
        assert_eq!(hasher.finish(b"{}"), hash_commit(&content, b"{}"));
    }

    /// LA-6: published vectors of the v13 profile; the version is printed in full, never as a float.
    #[test]
    fn la_6_shard_id_vectors() {
        for (object_id, version, index, expected) in [
            ("obj_a", 1, 0, "7dcca0b251608f38e28a53892d79fa05c5d6e8e9c0423553a16ea9ebbff692a0"),
            ("obj_a", 1, 3, "95cd9af68b4340b1aa038ecac14aee6d53cd0f00259938b53f498f48cd95893e"),
            ("a:b:c", 7, 1, "52cfeeec9076b1ff30da749b166f47e1a5c1185152e10c8ffe581590fa2fd602"),
        ] {
            assert_eq!(shard_id(object_id, version, index).to_string(), expected);
        }
        let widest = Hash32::of("ünï:18446744073709551615:4294967295".as_bytes());
        assert_eq!(shard_id("ünï", u64::MAX, u32::MAX), widest);
    }
}
