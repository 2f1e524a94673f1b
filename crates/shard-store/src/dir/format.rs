//! The bytes of a shard file (rule SS-3): `shard ‖ tree levels, leaves first ‖ footer`.

use protocol::Hash32;
use storage_engine::shard_tree::{leaf_count, level_counts};

/// Bytes of a stored hash.
pub(super) const HASH: u64 = 32;

/// Bytes of the footer.
pub(super) const FOOTER: usize = 64;

const MAGIC: &[u8; 8] = b"QFSSHARD";
const VERSION: u32 = 1;
const LEAF_SIZE: u32 = protocol::layout::LEAF_SIZE;

/// The footer of a shard: magic, format version, leaf size, length, leaf count, root; integers big-endian.
pub(super) fn footer(len: u64, root: &Hash32) -> [u8; FOOTER] {
    let mut bytes = [0; FOOTER];
    bytes[..8].copy_from_slice(MAGIC);
    bytes[8..12].copy_from_slice(&VERSION.to_be_bytes());
    bytes[12..16].copy_from_slice(&LEAF_SIZE.to_be_bytes());
    bytes[16..24].copy_from_slice(&len.to_be_bytes());
    bytes[24..32].copy_from_slice(&leaf_count(len).to_be_bytes());
    bytes[32..].copy_from_slice(&root.0);
    bytes
}

/// Length of the shard that a footer names, if it is the one footer of that length and root in a file of this size.
pub(super) fn parse_footer(bytes: &[u8; FOOTER], root: &Hash32, file_len: u64) -> Option<u64> {
    let (_, length) = bytes[..24].split_last_chunk::<8>()?;
    let len = u64::from_be_bytes(*length);
    let sound = self::file_len(len) == Some(file_len) && *bytes == footer(len, root);
    (sound && len > 0).then_some(len)
}

/// Offset of node `index` of `level` in the file of a shard of `len` bytes.
pub(super) fn node_offset(len: u64, level: u32, index: u64) -> Option<u64> {
    let below = level_counts(leaf_count(len)).take(level as usize).sum::<u64>();
    below.checked_add(index)?.checked_mul(HASH)?.checked_add(len)
}

/// Bytes of the whole file of a shard of `len` bytes; None if no file can be so long.
pub(super) fn file_len(len: u64) -> Option<u64> {
    let nodes = level_counts(leaf_count(len)).sum::<u64>();
    nodes.checked_mul(HASH)?.checked_add(len)?.checked_add(FOOTER as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SS-3: the footer, byte for byte.
    #[test]
    fn ss_3_footer_bytes_are_frozen() {
        let bytes = footer(262_145, &Hash32([9; 32]));
        let head = b"QFSSHARD\0\0\0\x01\0\0\x10\0\0\0\0\0\0\x04\0\x01\0\0\0\0\0\0\0\x41";
        assert_eq!(bytes, *[&head[..], &[9; 32]].concat());
    }

    /// SS-3: sizes and offsets of trees.
    #[test]
    fn ss_3_offsets() {
        for (len, nodes) in [(1, 1), (4096, 1), (4097, 3), (3 * 4096, 6), (64 * 4096, 127)] {
            assert_eq!(file_len(len), Some(len + 32 * nodes + 64), "{len}");
            assert_eq!(node_offset(len, 0, 0), Some(len));
        }
        assert_eq!(node_offset(3 * 4096, 1, 1), Some(3 * 4096 + 4 * 32));
        assert_eq!(node_offset(3 * 4096, 2, 0), Some(3 * 4096 + 5 * 32));
        assert_eq!(file_len(u64::MAX), None);
    }

    /// SS-3: a footer that was changed anywhere, or stands in a file of another size, is no footer.
    #[test]
    fn ss_3_damaged_footers_are_refused() {
        let root = Hash32([9; 32]);
        let good = footer(5000, &root);
        let size = file_len(5000).unwrap();
        assert_eq!(parse_footer(&good, &root, size), Some(5000));
        assert_eq!(parse_footer(&good, &root, size + 1), None);
        assert_eq!(parse_footer(&good, &Hash32::ZERO, size), None);
        for at in 0..FOOTER * 8 {
            let mut bad = good;
            bad[at / 8] ^= 1 << (at % 8);
            assert_eq!(parse_footer(&bad, &root, size), None, "bit {at}");
        }
        assert_eq!(parse_footer(&footer(u64::MAX, &root), &root, size), None);
    }
}
