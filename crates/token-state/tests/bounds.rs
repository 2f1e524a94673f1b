//! Money under every parameter that governance can set: rules EC-1 to EC-5 within the bounds of GV-5.

use certified_math::{BigNum128, MathError, mul_wide};
use proptest::prelude::*;
use protocol::{
    Amount, Parameters, Profile, Refusal,
    layout::MAX_OBJECT_SIZE,
    limits::{MAX_PROOFS_PER_EPOCH, MAX_TOTAL_BYTES},
    parameters::{Bounds, Parameter, Value},
};
use token_state::{Contribution, Treasury, settle, storage_fee};

const ONE: u128 = BigNum128::ONE.raw();

/// Everything that EC-1 to EC-5 look at.
const OF_MONEY: [Parameter; 7] = [
    Parameter::fee_per_kib,
    Parameter::fee_per_metadata_key,
    Parameter::fee_metadata_keys,
    Parameter::pool_share,
    Parameter::pool_cap,
    Parameter::node_reward_cap,
    Parameter::min_verified_nodes,
];

/// A number of `min..=max`, at either end as often as between.
fn within(min: u128, max: u128) -> impl Strategy<Value = u128> {
    prop_oneof![Just(min), min..=max, Just(max)]
}

fn value(bounds: Bounds) -> BoxedStrategy<Value> {
    match bounds {
        Bounds::Integer { min, max, .. } => {
            within(min.into(), max.into()).prop_map(|n| Value::Integer(n as u64)).boxed()
        }
        Bounds::Amount { min, max } => within(min.raw(), max.raw())
            .prop_map(|raw| Value::Amount(Amount::from_raw(raw)))
            .boxed(),
        Bounds::Flag | Bounds::Profile => unreachable!("no parameter of money"),
    }
}

/// Parameters that governance could have made of those of v13.
fn parameters() -> impl Strategy<Value = Parameters> {
    let values: Vec<_> = OF_MONEY.iter().map(|parameter| value(parameter.bounds())).collect();
    values.prop_map(|values| {
        let mut parameters = Parameters::v13(Profile::QFS_V13);
        let set: Result<(), Refusal> = OF_MONEY
            .iter()
            .zip(values)
            .try_for_each(|(parameter, value)| parameter.set(&mut parameters, value));
        set.expect("values within bounds are accepted");
        parameters
    })
}

/// Contributions that all limits allow together.
fn contributions() -> impl Strategy<Value = Vec<Contribution>> {
    let node = |most: u64| {
        (any::<bool>(), within(0, most.into()), 0u8..=10, within(0, MAX_PROOFS_PER_EPOCH.into()))
            .prop_map(|(verified, bytes, uptime_bucket, proofs)| Contribution {
                verified,
                bytes_stored: bytes as u64,
                uptime_bucket,
                proofs: proofs as u64,
            })
    };
    (1u64..=400).prop_flat_map(move |nodes| {
        prop::collection::vec(node(MAX_TOTAL_BYTES / nodes), 1..=nodes as usize)
    })
}

/// Whether `quotient` is `a · b / divisor` without its fraction.
fn is_floor(quotient: u128, a: u128, b: u128, divisor: u128) -> bool {
    let (product, least) = (mul_wide(a, b), mul_wide(quotient, divisor));
    let next = quotient.checked_add(1).map(|next| mul_wide(next, divisor));
    least <= product && next.is_none_or(|next| product < next)
}

fn weight(node: &Contribution) -> u128 {
    let product =
        u128::from(node.bytes_stored) * u128::from(node.uptime_bucket) * u128::from(node.proofs);
    if node.verified { product } else { 0 }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    /// EC-2 to EC-5: every epoch can be closed, every share is the exact floor, and no unit is made or lost.
    #[test]
    fn ec_5_settlements_are_exact_within_all_bounds(
        fees in within(0, u128::MAX / 4), nodes in contributions(), parameters in parameters(),
    ) {
        let (settled, rewards) = settle(Amount::from_raw(fees), &nodes, &parameters).unwrap();
        let pool = settled.pool.raw();
        if pool < parameters.pool_cap.raw() {
            prop_assert!(is_floor(pool, fees, parameters.pool_share.raw(), ONE));
        } else {
            prop_assert_eq!(pool, parameters.pool_cap.raw());
            prop_assert!(mul_wide(pool, ONE) <= mul_wide(fees, parameters.pool_share.raw()));
        }
        prop_assert_eq!(settled.treasury.raw(), fees - pool);
        prop_assert_eq!(settled.reserve.raw(), pool - settled.rewards.raw());
        prop_assert_eq!(settled.rewards.raw(), rewards.iter().map(|r| r.raw()).sum::<u128>());

        let sum: u128 = nodes.iter().map(weight).sum();
        let verified = nodes.iter().filter(|node| node.verified).count();
        let paid = sum > 0 && verified >= parameters.min_verified_nodes as usize;
        for (node, reward) in nodes.iter().zip(&rewards) {
            let reward = reward.raw();
            if !paid {
                prop_assert_eq!(reward, 0);
            } else if is_floor(reward, pool, parameters.node_reward_cap.raw(), ONE) {
                // Cut to the cap, or just there: the share is no less.
                prop_assert!(mul_wide(reward, sum) <= mul_wide(pool, weight(node)));
            } else {
                prop_assert!(is_floor(reward, pool, weight(node), sum));
                prop_assert!(mul_wide(reward, ONE) < mul_wide(pool, parameters.node_reward_cap.raw()));
            }
        }
        let treasury = Treasury::default().charged(Amount::from_raw(fees)).unwrap();
        let after = treasury.settled(&settled).unwrap();
        prop_assert_eq!(after.total(), Ok(Amount::from_raw(fees)));
    }

    /// EC-1: a fee is the exact floor of the formula, or refused because no amount could hold it.
    #[test]
    fn ec_1_fees_are_exact_within_all_bounds(
        size in within(0, MAX_OBJECT_SIZE.into()), keys in within(0, u64::MAX.into()),
        parameters in parameters(),
    ) {
        let base = parameters.fee_per_kib.raw() * size.div_ceil(1_024);
        let counted = keys.min(parameters.fee_metadata_keys.into());
        let factor = ONE + parameters.fee_per_metadata_key.raw() * counted;
        match storage_fee(size as u64, keys as u64, &parameters) {
            Ok(fee) => prop_assert!(is_floor(fee.raw(), base, factor, ONE)),
            Err(error) => {
                prop_assert_eq!(error, MathError::Overflow);
                // The product is 2^128 · ONE at least.
                prop_assert!(mul_wide(base, factor).0 >= ONE);
            }
        }
    }
}

/// EC-1: under the highest parameters the largest object has no fee that fits; an object of one PiB has.
#[test]
fn ec_1_the_highest_fees() {
    let mut highest = Parameters::v13(Profile::QFS_V13);
    for parameter in &OF_MONEY[..3] {
        let value = match parameter.bounds() {
            Bounds::Integer { max, .. } => Value::Integer(max),
            Bounds::Amount { max, .. } => Value::Amount(max),
            Bounds::Flag | Bounds::Profile => unreachable!("no parameter of fees"),
        };
        parameter.set(&mut highest, value).unwrap();
    }
    assert_eq!(storage_fee(MAX_OBJECT_SIZE, u64::MAX, &highest), Err(MathError::Overflow));
    let fee = (1 << 40) * 10_000 * 1_001 * ONE;
    assert_eq!(storage_fee(1 << 50, u64::MAX, &highest), Ok(Amount::from_raw(fee)));
    assert!(Treasury::default().charged(Amount::from_raw(fee)).is_ok(), "within EC-7");
}
