//! Which nodes hold which shard: a pure function of the object's name, its version, the eligible nodes and the
//! rules of placement (PL-1 to PL-4, PL-9 to PL-11).

mod replacement;
mod ring;

use alloc::{string::String, vec::Vec};
use protocol::{Hash32, Profile, Refusal, node::NodeNumber};

use crate::content::{hash_all, push_shard_name};
pub use replacement::replacement;
pub use ring::{Ring, domain_classes};

/// A hash, read as a 256-bit big-endian integer, modulo `n`; `None` for zero.
#[must_use]
pub fn remainder(hash: &Hash32, n: u64) -> Option<u64> {
    if let Ok(n) = u32::try_from(n) {
        return small_remainder(hash, n);
    }
    let n = u128::from(n);
    let (words, _) = hash.0.as_chunks::<8>();
    let rest = words.iter().try_fold(0u128, |rest, word| {
        (rest << 64 | u128::from(u64::from_be_bytes(*word))).checked_rem(n)
    })?;
    u64::try_from(rest).ok()
}

/// The same for a divisor of 32 bits, as nearly every one is: machine words are several times faster.
fn small_remainder(hash: &Hash32, n: u32) -> Option<u64> {
    let (words, _) = hash.0.as_chunks::<4>();
    words.iter().try_fold(0u64, |rest, word| {
        (rest << 32 | u64::from(u32::from_be_bytes(*word))).checked_rem(u64::from(n))
    })
}

/// The nodes of every copy: copy r of column c at index `c × replicas + r`.
///
/// # Errors
/// As [`place_from`].
pub fn place(
    object_id: &str,
    version: u64,
    profile: Profile,
    ring: &Ring<'_>,
) -> Result<Vec<NodeNumber>, Refusal> {
    place_from(&start_hashes(object_id, version, profile), profile, ring)
}

/// [`place`], from the [`start_hashes`] of the version.
///
/// Without parity the walk of each shard begins at its own node and gives its copies (PL-3); with parity one
/// walk, from the start of column 0, gives all columns (PL-4). With the failure-domain rule on, a walk skips
/// nodes whose domain it has used (PL-10).
///
/// # Errors
/// `SE_ERR_NO_ELIGIBLE_NODES` when there are fewer nodes, or fewer failure domains, than copies that must differ.
pub fn place_from(
    starts: &[Hash32],
    profile: Profile,
    ring: &Ring<'_>,
) -> Result<Vec<NodeNumber>, Refusal> {
    let apart = copies_apart(profile);
    let mut nodes = Vec::with_capacity(starts.len().saturating_mul(apart));
    for start in starts {
        ring.take(start, apart, &mut nodes)?;
    }
    Ok(nodes)
}

/// How many copies must be on different nodes: those of one shard without parity, else all columns (PL-1).
fn copies_apart(profile: Profile) -> usize {
    let replicas = usize::from(profile.replicas);
    if profile.parity == 0 {
        return replicas;
    }
    usize::from(profile.data).saturating_add(usize::from(profile.parity))
}

/// `H(hex(shard_id))` of the shards that a placement starts from: every shard without parity, else the first.
#[must_use]
pub fn start_hashes(object_id: &str, version: u64, profile: Profile) -> Vec<Hash32> {
    let mut names = ShardNames::default();
    names.add(object_id, version, profile);
    names.start_hashes()
}

/// Names of the shards that the placements of many versions start from, to be hashed together.
#[derive(Default)]
pub(crate) struct ShardNames {
    text: String,
    ends: Vec<usize>,
}

impl ShardNames {
    /// Adds those of one version; returns how many they are.
    pub(crate) fn add(&mut self, object_id: &str, version: u64, profile: Profile) -> usize {
        let before = self.ends.len();
        let count = if profile.parity == 0 { profile.columns() } else { 1 };
        for index in 0..count {
            push_shard_name(&mut self.text, object_id, version, index);
            self.ends.push(self.text.len());
        }
        self.ends.len().saturating_sub(before)
    }

    /// `H(hex(H(name)))` of each name, in order.
    pub(crate) fn start_hashes(&self) -> Vec<Hash32> {
        let begins = core::iter::once(0).chain(self.ends.iter().copied());
        let names = begins.zip(&self.ends).filter_map(|(from, end)| self.text.get(from..*end));
        let names: Vec<&[u8]> = names.map(str::as_bytes).collect();
        let digits: Vec<[u8; 64]> = hash_all(&[], &names).iter().map(Hash32::hex_digits).collect();
        let digits: Vec<&[u8]> = digits.iter().map(<[u8; 64]>::as_slice).collect();
        hash_all(&[], &digits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::error::ErrorCode;

    #[test]
    fn pl_2_remainder_is_of_the_whole_256_bit_integer() {
        let mut hash = Hash32::ZERO;
        hash.0[31] = 10;
        assert_eq!(remainder(&hash, 7), Some(3));
        hash.0[0] = 1; // 2^248 mod 7 = (2^3)^82 × 4 mod 7 = 4
        assert_eq!(remainder(&hash, 7), Some(0));
        assert_eq!(remainder(&hash, 0), None);
    }

    /// PL-2: both widths of divisor give the same remainders.
    #[test]
    fn pl_2_divisors_of_both_widths_agree() {
        for seed in 0u64..200 {
            let hash = Hash32::of(&seed.to_be_bytes());
            let n = 1 + seed * 7919;
            // r = h mod 2^32·n determines h mod n.
            let wide = remainder(&hash, n << 32).unwrap();
            assert_eq!(remainder(&hash, n), Some(wide % n));
        }
    }

    #[test]
    fn pl_3_copies_are_consecutive_distinct_and_wrap() {
        let eligible: Vec<u32> = (10..17).collect();
        for version in 1..200 {
            let nodes =
                place("obj", version, Profile::QFS_V13, &Ring::new(&eligible, None)).unwrap();
            assert_eq!(nodes.len(), 12);
            for copies in nodes.chunks(3) {
                let at = |node: u32| eligible.iter().position(|n| *n == node).unwrap();
                assert_eq!((at(copies[0]) + 1) % 7, at(copies[1]));
                assert_eq!((at(copies[1]) + 1) % 7, at(copies[2]));
            }
        }
    }

    #[test]
    fn pl_4_columns_step_from_the_first() {
        let eligible: Vec<u32> = (0..22).collect();
        let nodes = place("obj", 1, Profile::EC_16_6, &Ring::new(&eligible, None)).unwrap();
        let expected: Vec<u32> = (0..22).map(|i| (nodes[0] + i) % 22).collect();
        assert_eq!(nodes, expected);
    }

    #[test]
    fn pl_1_too_few_nodes_is_a_refusal_never_a_duplicate() {
        for (profile, nodes) in
            [(Profile::QFS_V13, 2), (Profile::EC_16_6, 21), (Profile::EC_10_5, 0)]
        {
            let eligible: Vec<u32> = (0..nodes).collect();
            let refusal = place("obj", 1, profile, &Ring::new(&eligible, None)).unwrap_err();
            assert_eq!(refusal.code, ErrorCode::NoEligibleNodes);
        }
    }
}
