//! Placement, fees and rewards, derived a second time.
//!
//! Written from the rules LA-6, PL-1 to PL-4 and EC-1 to EC-5, without the functions by which the ledger
//! decides: an error would have to be made twice to go unseen (RP-6).

use alloc::{format, vec::Vec};
use certified_math::{BigNum128, MathError, mul_div_u128};
use protocol::{
    Amount, Hash32, Parameters, Profile,
    event::{NodeAccount, Settlement},
    json,
    node::{NodeNumber, NodeStatus},
};
use storage_engine::state::records::NodeRecord;

/// Ids of all shards of a version, by column.
pub(crate) fn shard_ids(object: &str, version: u64, columns: u32) -> Vec<Hash32> {
    (0..columns)
        .map(|column| Hash32::of(format!("{object}:{version}:{column}").as_bytes()))
        .collect()
}

/// Verified nodes, sorted by the bytes of their ids.
pub(crate) fn eligible(nodes: &[NodeRecord]) -> Vec<NodeNumber> {
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
    shard_ids: &[Hash32],
    profile: Profile,
    eligible: &[NodeNumber],
) -> Option<Vec<NodeNumber>> {
    let spread = profile.parity > 0;
    let distinct = if spread { shard_ids.len() } else { usize::from(profile.replicas) };
    if eligible.len() < distinct {
        return None;
    }
    let mut ring = Vec::new();
    for (column, own) in (0usize..).zip(shard_ids) {
        let (shard, step) = if spread { (shard_ids.first()?, column) } else { (own, 0) };
        let start = start(shard, eligible.len())?.checked_add(step)?;
        let copies = eligible.iter().cycle().skip(start);
        ring.extend(copies.take(usize::from(profile.replicas)));
    }
    Some(ring)
}

/// The hash of the shard id's hexadecimal text, as a big-endian integer, modulo `n`: long division by bytes.
fn start(shard: &Hash32, n: usize) -> Option<usize> {
    let digits = Hash32::of(shard.to_hex().as_bytes()).0;
    let n = u64::try_from(n).ok()?;
    let rest = digits.iter().try_fold(0u64, |rest, digit| {
        rest.checked_mul(256)?.checked_add(u64::from(*digit))?.checked_rem(n)
    })?;
    usize::try_from(rest).ok()
}

/// The fee of a store.
pub(crate) fn fee(size: u64, metadata: &[u8], parameters: &Parameters) -> Option<Amount> {
    let keys = json::parse(metadata).ok()?.as_object()?.len();
    let keys = u32::try_from(keys).ok()?.min(parameters.fee_metadata_keys);
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
    use proptest::prelude::*;
    use storage_engine::placement::place;
    use token_state::{Contribution, settle, storage_fee};

    proptest! {
        /// RP-6: both derivations of placement agree (PL-2 to PL-4).
        #[test]
        fn rp_6_placement(object in "[a-z:]{1,12}", version in 1u64.., nodes in 1u32..60, which in 0usize..4) {
            let profiles = [Profile::QFS_V13, Profile::EC_16_6, Profile::EC_10_5, Profile { data: 1, parity: 0, replicas: 1 }];
            let profile = profiles[which];
            let eligible: Vec<NodeNumber> = (0..nodes).map(|n| n * 7 % 61).collect();
            let ids = shard_ids(&object, version, profile.columns());
            prop_assert_eq!(
                assignment(&ids, profile, &eligible),
                place(&object, version, profile, &eligible).ok()
            );
        }

        /// RP-6: both derivations of the fee agree (EC-1).
        #[test]
        fn rp_6_fee(size in 0u64..=1 << 56, keys in 0u32..120) {
            let parameters = Parameters::v13(Profile::QFS_V13);
            let members = (0..keys).map(|key| format!("\"k{key:03}\":1")).collect::<Vec<_>>().join(",");
            prop_assert_eq!(
                fee(size, format!("{{{members}}}").as_bytes(), &parameters),
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
