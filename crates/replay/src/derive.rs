//! Placement, fees and rewards, derived a second time.
//!
//! Written from the rules LA-6, PL-1 to PL-4 and EC-1 to EC-5, without the functions by which the ledger
//! decides: an error would have to be made twice to go unseen (RP-6).

use alloc::{string::String, vec, vec::Vec};
use certified_math::{BigNum128, MathError, mul_div_u128};
use core::fmt::{self, Write};
use protocol::{
    Amount, Hash32, Parameters, Profile,
    event::{NodeAccount, Settlement},
    json,
    node::{NodeNumber, NodeStatus},
};
use storage_engine::state::records::NodeRecord;

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

/// Verified nodes, sorted by the bytes of their ids. Sorted anew only when other nodes are verified than before.
#[derive(Debug, Default)]
pub(crate) struct Eligible {
    verified: Vec<bool>,
    sorted: Vec<NodeNumber>,
}

impl Eligible {
    pub(crate) fn of(&mut self, nodes: &[NodeRecord]) -> &[NodeNumber] {
        let verified = nodes.iter().map(|node| node.status == Some(NodeStatus::Verified));
        if !verified.clone().eq(self.verified.iter().copied()) {
            self.verified = verified.collect();
            self.sorted = eligible(nodes);
        }
        &self.sorted
    }
}

fn eligible(nodes: &[NodeRecord]) -> Vec<NodeNumber> {
    let mut verified: Vec<(&[u8], NodeNumber)> = (0..)
        .zip(nodes)
        .filter(|(_, node)| node.status == Some(NodeStatus::Verified))
        .map(|(number, node)| (node.node_id.0.as_bytes(), number))
        .collect();
    verified.sort_unstable();
    verified.into_iter().map(|(_, number)| number).collect()
}

/// Nodes of all copies, copy r of column c at index c × replicas + r; `None` where there are too few.
pub(crate) fn assignment(
    shards: &[Shard],
    profile: Profile,
    eligible: &[NodeNumber],
) -> Option<Vec<NodeNumber>> {
    let spread = profile.parity > 0;
    let replicas = usize::from(profile.replicas);
    if eligible.len() < if spread { shards.len() } else { replicas } {
        return None;
    }
    let mut ring = Vec::with_capacity(shards.len().saturating_mul(replicas));
    for (column, own) in (0usize..).zip(shards) {
        let (shard, step) = if spread { (shards.first()?, column) } else { (own, 0) };
        let start = start(&shard.draw, eligible.len())?.checked_add(step)?;
        let (before, after) = eligible.split_at_checked(start.checked_rem(eligible.len())?)?;
        ring.extend(after.iter().chain(before).cycle().take(replicas));
    }
    Some(ring)
}

/// A draw as a big-endian integer, modulo `n`: long division by digits of 32 bits. `None` for zero, and for
/// more nodes than numbers reach.
fn start(draw: &Hash32, n: usize) -> Option<usize> {
    let n = u64::from(u32::try_from(n).ok()?);
    let (digits, _) = draw.0.as_chunks();
    let rest = digits.iter().try_fold(0u64, |rest, digit| {
        let digit = u64::from(u32::from_be_bytes(*digit));
        rest.checked_mul(1 << 32)?.checked_add(digit)?.checked_rem(n)
    })?;
    usize::try_from(rest).ok()
}

/// Top-level keys of metadata; `None` where that is not a JSON object.
pub(crate) fn metadata_keys(metadata: &[u8]) -> Option<usize> {
    Some(json::parse(metadata).ok()?.as_object()?.len())
}

/// The fee of a store.
pub(crate) fn fee(size: u64, metadata_keys: usize, parameters: &Parameters) -> Option<Amount> {
    let keys = u32::try_from(metadata_keys).ok()?.min(parameters.fee_metadata_keys);
    let surcharge =
        parameters.fee_per_metadata_key.0.mul(BigNum128::from_int(u128::from(keys)).ok()?).ok()?;
    let kib = u128::from(size).checked_add(1023)?.checked_div(1024)?;
    let base = parameters.fee_per_kib.0.mul(BigNum128::from_int(kib).ok()?).ok()?;
    let factor = BigNum128::ONE.add(surcharge).ok()?;
    base.mul(factor).ok().map(Amount)
}

/// Where the fees of an epoch go by the accounts of its nodes, and the nodes' rewards.
pub(crate) fn settlement(
    fees: Amount,
    nodes: &[NodeAccount],
    parameters: &Parameters,
) -> Result<(Settlement, Vec<Amount>), MathError> {
    let pool = fees.0.mul(parameters.pool_share.0)?.min(parameters.pool_cap.0);
    let most = pool.mul(parameters.node_reward_cap.0)?;
    let contributions: Vec<u128> = nodes.iter().map(contribution).collect();
    let all = contributions
        .iter()
        .try_fold(0u128, |sum, own| sum.checked_add(*own))
        .ok_or(MathError::Overflow)?;
    let verified = nodes.iter().filter(|node| is_verified(node)).count();
    let enough =
        usize::try_from(parameters.min_verified_nodes).is_ok_and(|least| verified >= least);
    let mut rewards = Vec::new();
    let mut paid = BigNum128::ZERO;
    for own in contributions {
        let reward = if enough && all > 0 {
            BigNum128::from_raw(mul_div_u128(own, pool.raw(), all)?).min(most)
        } else {
            BigNum128::ZERO
        };
        paid = paid.add(reward)?;
        rewards.push(Amount(reward));
    }
    let settlement = Settlement {
        fees,
        pool: Amount(pool),
        rewards: Amount(paid),
        treasury: Amount(fees.0.sub(pool)?),
        reserve: Amount(pool.sub(paid)?),
    };
    Ok((settlement, rewards))
}

fn is_verified(node: &NodeAccount) -> bool {
    node.status == NodeStatus::Verified
}

/// Bytes × bucket × proofs; bounds on bytes and proofs keep it far below 2^128.
fn contribution(node: &NodeAccount) -> u128 {
    if !is_verified(node) {
        return 0;
    }
    u128::from(node.bytes_stored)
        .saturating_mul(u128::from(node.uptime_bucket))
        .saturating_mul(u128::from(node.proofs))
}

/// `fees = rewards + treasury + reserve`, to the unit.
pub(crate) fn conserves(settlement: &Settlement) -> bool {
    let parts = [settlement.rewards, settlement.treasury, settlement.reserve];
    BigNum128::sum(parts.into_iter().map(|part| part.0)) == Ok(settlement.fees.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;
    use proptest::prelude::*;
    use storage_engine::placement::{Ring, place};
    use token_state::{Contribution, settle, storage_fee};

    proptest! {
        /// RP-6: both derivations of placement agree (PL-2 to PL-4).
        #[test]
        fn rp_6_placement(object in "[a-z:]{1,12}", version in 1u64.., nodes in 1u32..60, which in 0usize..4) {
            let profiles = [Profile::QFS_V13, Profile::EC_16_6, Profile::EC_10_5, Profile { data: 1, parity: 0, replicas: 1 }];
            let profile = profiles[which];
            let eligible: Vec<NodeNumber> = (0..nodes).map(|n| n * 7 % 61).collect();
            let shards = shards([(object.as_str(), version, profile.columns())].into_iter());
            prop_assert_eq!(
                assignment(&shards, profile, &eligible),
                place(&object, version, profile, &Ring::new(&eligible, None)).ok()
            );
        }

        /// RP-6: both derivations of the fee agree (EC-1).
        #[test]
        fn rp_6_fee(size in 0u64..=1 << 56, keys in 0u32..120) {
            let parameters = Parameters::v13(Profile::QFS_V13);
            let members = (0..keys).map(|key| format!("\"k{key:03}\":1")).collect::<Vec<_>>().join(",");
            prop_assert_eq!(
                metadata_keys(format!("{{{members}}}").as_bytes())
                    .and_then(|keys| fee(size, keys, &parameters)),
                storage_fee(size, u64::from(keys), &parameters).ok()
            );
        }

        /// RP-6: both derivations of a settlement agree (EC-2 to EC-5).
        #[test]
        fn rp_6_settlement(
            fees in 0u128..=u128::MAX >> 2,
            nodes in prop::collection::vec((any::<bool>(), 0u64..=1 << 58, 0u8..=10, 0u64..=1 << 40), 0..12),
        ) {
            let parameters = Parameters::v13(Profile::QFS_V13);
            let accounts: Vec<NodeAccount> = nodes.iter().map(|(verified, bytes_stored, uptime_bucket, proofs)| NodeAccount {
                status: if *verified { NodeStatus::Verified } else { NodeStatus::Revoked },
                bytes_stored: *bytes_stored, uptime_bucket: *uptime_bucket, proofs: *proofs, reward: Amount::ZERO,
                standing: protocol::node::Standing::Active, eligible: true,
            }).collect();
            let contributions: Vec<Contribution> = nodes.iter().map(|(verified, bytes_stored, uptime_bucket, proofs)| Contribution {
                verified: *verified, bytes_stored: *bytes_stored, uptime_bucket: *uptime_bucket, proofs: *proofs,
            }).collect();
            let ours = settlement(Amount::from_raw(fees), &accounts, &parameters).unwrap();
            prop_assert!(conserves(&ours.0));
            prop_assert_eq!(ours, settle(Amount::from_raw(fees), &contributions, &parameters).unwrap());
        }
    }

    #[test]
    fn rp_6_one_unit_more_or_less_breaks_the_identity() {
        let one = |raw| Amount::from_raw(raw);
        let sound = Settlement {
            fees: one(100),
            pool: one(10),
            rewards: one(7),
            treasury: one(90),
            reserve: one(3),
        };
        assert!(conserves(&sound));
        for wrong in [
            Settlement { fees: one(99), ..sound },
            Settlement { rewards: one(8), ..sound },
            Settlement { treasury: one(89), ..sound },
            Settlement { reserve: Amount::from_raw(u128::MAX), ..sound },
        ] {
            assert!(!conserves(&wrong), "{wrong:?}");
        }
    }
}
