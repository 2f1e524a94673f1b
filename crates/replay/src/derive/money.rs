//! Fees, settlements and credits (EC-1 to EC-8).

use alloc::vec::Vec;
use certified_math::{BigNum128, MathError, mul_div_u128};
use protocol::{
    Amount, Parameters,
    event::{NodeAccount, Settlement},
    node::NodeStatus,
};

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

/// What of a credit pays the account's debt. An account owes what its fees exceed its credits by, and has what its
/// credits exceed its fees by: fees take from the balance first, credits pay the debt first (EC-6, EC-8).
pub(crate) fn settled(credits: Amount, fees: Amount, credit: Amount) -> Amount {
    balance_and_debt(credits, fees).1.min(credit)
}

/// What an account has, and what it owes; one of them is nothing.
pub(crate) fn balance_and_debt(credits: Amount, fees: Amount) -> (Amount, Amount) {
    let excess = |more: Amount, less: Amount| more.0.sub(less.0).map_or(Amount::ZERO, Amount);
    (excess(credits, fees), excess(fees, credits))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::derive::told;
    use alloc::format;
    use proptest::prelude::*;
    use protocol::{Profile, node::Standing};
    use token_state::{Contribution, settle, storage_fee};

    proptest! {
        /// RP-6: both derivations of the fee agree (EC-1).
        #[test]
        fn rp_6_fee(size in 0u64..=1 << 56, keys in 0u32..120) {
            let parameters = Parameters::v13(Profile::QFS_V13);
            let members = (0..keys).map(|key| format!("\"k{key:03}\":1")).collect::<Vec<_>>().join(",");
            prop_assert_eq!(
                told(format!("{{{members}}}").as_bytes())
                    .and_then(|told| fee(size, told.keys, &parameters)),
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
                standing: Standing::Active, eligible: true,
            }).collect();
            let contributions: Vec<Contribution> = nodes.iter().map(|(verified, bytes_stored, uptime_bucket, proofs)| Contribution {
                verified: *verified, bytes_stored: *bytes_stored, uptime_bucket: *uptime_bucket, proofs: *proofs,
            }).collect();
            let ours = settlement(Amount::from_raw(fees), &accounts, &parameters).unwrap();
            prop_assert!(conserves(&ours.0));
            prop_assert_eq!(ours, settle(Amount::from_raw(fees), &contributions, &parameters).unwrap());
        }
    }

    proptest! {
        /// RP-6: an account follows from the sums of its fees and credits alone (EC-6, EC-8).
        #[test]
        fn rp_6_accounts(moves in prop::collection::vec((any::<bool>(), 0u64..1_000), 0..40)) {
            let (mut account, mut credits, mut fees) = (token_state::Account::default(), Amount::ZERO, Amount::ZERO);
            for (credit, amount) in moves {
                let amount = Amount::from_raw(u128::from(amount));
                if credit {
                    let (after, theirs) = account.credited(amount).unwrap();
                    prop_assert_eq!(settled(credits, fees, amount), theirs);
                    (account, credits) = (after, Amount(credits.0.add(amount.0).unwrap()));
                } else {
                    account = account.charged(amount, false).unwrap();
                    fees = Amount(fees.0.add(amount.0).unwrap());
                }
                prop_assert_eq!(balance_and_debt(credits, fees), (account.balance, account.debt));
            }
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
