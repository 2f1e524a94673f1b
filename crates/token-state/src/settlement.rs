//! Closing an epoch: pool, rewards, treasury, reserve (EC-2 to EC-5).

use alloc::vec::Vec;
use certified_math::{BigNum128, MathError, mul_div_u128};
use protocol::{Amount, Parameters, event::Settlement};

/// What one node did in the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contribution {
    /// Whether the closing facts verified the node; otherwise it earns nothing.
    pub verified: bool,
    /// Bytes of the shard copies assigned to it.
    pub bytes_stored: u64,
    /// See [`uptime_bucket`].
    pub uptime_bucket: u8,
    /// Shards proved.
    pub proofs: u64,
}

impl Contribution {
    /// `bytes × bucket × proofs`, a plain integer (EC-3).
    fn weight(&self) -> Result<u128, MathError> {
        if !self.verified {
            return Ok(0);
        }
        u128::from(self.bytes_stored)
            .checked_mul(u128::from(self.uptime_bucket))
            .and_then(|product| product.checked_mul(u128::from(self.proofs)))
            .ok_or(MathError::Overflow)
    }
}

/// `floor(10 × uptime_ratio)` for a ratio of 0 to 1 (EC-3).
#[must_use]
pub fn uptime_bucket(uptime_ratio: Amount) -> u8 {
    let tenth = BigNum128::ONE.raw() / 10;
    uptime_ratio.raw().checked_div(tenth).and_then(|b| u8::try_from(b).ok()).unwrap_or(u8::MAX)
}

/// Settles an epoch: where its fees go, and each node's reward in the order given.
///
/// # Errors
/// Overflow when weights exceed 128 bits, which the bounds on bytes and proofs rule out.
pub fn settle(
    fees: Amount,
    nodes: &[Contribution],
    parameters: &Parameters,
) -> Result<(Settlement, Vec<Amount>), MathError> {
    let share = fees.0.mul(parameters.pool_share.0)?;
    let pool = share.min(parameters.pool_cap.0);
    let rewards = rewards(pool, nodes, parameters)?;
    let paid = BigNum128::sum(rewards.iter().map(|reward| reward.0))?;
    let settlement = Settlement {
        fees,
        pool: Amount(pool),
        rewards: Amount(paid),
        treasury: Amount(fees.0.sub(pool)?),
        reserve: Amount(pool.sub(paid)?),
    };
    Ok((settlement, rewards))
}

/// `floor(pool × weight / Σ weights)`, at most `floor(pool × cap)`; nothing below the least number of
/// verified nodes (EC-4). Since every reward is floored, their sum cannot exceed the pool.
fn rewards(
    pool: BigNum128,
    nodes: &[Contribution],
    parameters: &Parameters,
) -> Result<Vec<Amount>, MathError> {
    let weights: Vec<u128> = nodes.iter().map(Contribution::weight).collect::<Result<_, _>>()?;
    let total = weights
        .iter()
        .try_fold(0u128, |sum, weight| sum.checked_add(*weight))
        .ok_or(MathError::Overflow)?;
    let verified = nodes.iter().filter(|node| node.verified).count();
    let enough = u32::try_from(verified).is_ok_and(|n| n >= parameters.min_verified_nodes);
    if total == 0 || !enough {
        return Ok(alloc::vec![Amount::ZERO; nodes.len()]);
    }
    let cap = pool.mul(parameters.node_reward_cap.0)?.raw();
    weights
        .into_iter()
        .map(|weight| Ok(Amount::from_raw(mul_div_u128(pool.raw(), weight, total)?.min(cap))))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::{string::ToString, vec};
    use proptest::prelude::*;
    use protocol::Profile;

    fn node(bytes_stored: u64, uptime_bucket: u8, proofs: u64) -> Contribution {
        Contribution { verified: true, bytes_stored, uptime_bucket, proofs }
    }

    fn atr(text: &str) -> Amount {
        Amount(BigNum128::parse(text).unwrap())
    }

    #[test]
    fn ec_3_buckets() {
        for (uptime, bucket) in [("0", 0), ("0.899999999999999999", 8), ("0.9", 9), ("1", 10)] {
            assert_eq!(uptime_bucket(atr(uptime)), bucket, "{uptime}");
        }
    }

    #[test]
    fn ec_4_equal_nodes_share_and_the_rest_is_reserve() {
        let parameters = Parameters::v13(Profile::QFS_V13);
        let nodes = vec![node(100, 10, 5); 7];
        let (settlement, rewards) = settle(atr("1000"), &nodes, &parameters).unwrap();
        assert_eq!(settlement.pool, atr("100"));
        assert_eq!(rewards[0].to_string(), "14.285714285714285714");
        assert_eq!(settlement.treasury, atr("900"));
        assert_eq!(settlement.reserve.to_string(), "0.000000000000000002");
    }

    #[test]
    fn ec_4_cap_and_least_number() {
        let parameters = Parameters::v13(Profile::QFS_V13);
        let nodes = [node(1_000_000, 10, 5), node(1, 10, 1), node(1, 10, 1)];
        let (settlement, rewards) = settle(atr("1000"), &nodes, &parameters).unwrap();
        assert_eq!(rewards[0], atr("30"));
        assert!(settlement.reserve > atr("69"));
        let (settlement, _) = settle(atr("1000"), &nodes[..2], &parameters).unwrap();
        assert_eq!(settlement.rewards, Amount::ZERO);
        assert_eq!(settlement.reserve, atr("100"));
    }

    #[test]
    fn ec_2_pool_is_capped() {
        let parameters = Parameters::v13(Profile::QFS_V13);
        let (settlement, _) = settle(atr("20000000"), &[], &parameters).unwrap();
        assert_eq!(settlement.pool, atr("1000000"));
        assert_eq!(settlement.treasury, atr("19000000"));
    }

    proptest! {
        /// EC-5: whatever the nodes did, no unit is lost or made.
        #[test]
        fn ec_5_conservation(
            fees in 0u128..=(u128::MAX >> 2),
            nodes in prop::collection::vec((any::<bool>(), 0u64..=1 << 58, 0u8..=10, 0u64..=1 << 40), 0..20),
        ) {
            let nodes: vec::Vec<_> = nodes.into_iter().map(|(verified, bytes_stored, uptime_bucket, proofs)|
                Contribution { verified, bytes_stored, uptime_bucket, proofs }).collect();
            let parameters = Parameters::v13(Profile::QFS_V13);
            let (s, rewards) = settle(Amount::from_raw(fees), &nodes, &parameters).unwrap();
            prop_assert_eq!(s.fees.raw(), s.rewards.raw() + s.treasury.raw() + s.reserve.raw());
            prop_assert_eq!(s.rewards.raw(), rewards.iter().map(|r| r.raw()).sum::<u128>());
            for (node, reward) in nodes.iter().zip(&rewards) {
                prop_assert!(node.verified || reward.raw() == 0);
            }
        }
    }
}
