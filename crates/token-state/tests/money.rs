//! Laws of money over arbitrary histories, and the ends of its range: rules EC-1 to EC-7.

use certified_math::{BigNum128, MathError};
use proptest::prelude::*;
use protocol::{Amount, Parameters, Profile, event::Settlement, limits};
use token_state::{Account, Contribution, Treasury, settle, storage_fee, uptime_bucket};

const ONE: u128 = BigNum128::ONE.raw();

fn v13() -> Parameters {
    Parameters::v13(Profile::QFS_V13)
}

fn raw(amount: u128) -> Amount {
    Amount::from_raw(amount)
}

fn node(verified: bool, bytes_stored: u64, uptime_bucket: u8, proofs: u64) -> Contribution {
    Contribution { verified, bytes_stored, uptime_bucket, proofs }
}

/// EC-1: factors beyond 128 bits are an overflow, wherever they meet.
#[test]
fn ec_1_a_fee_that_does_not_fit() {
    let with = |fee_per_kib: u128, fee_per_metadata_key: u128, fee_metadata_keys: u32| Parameters {
        fee_per_kib: raw(fee_per_kib),
        fee_per_metadata_key: raw(fee_per_metadata_key),
        fee_metadata_keys,
        ..v13()
    };
    for (size, keys, parameters, fee) in [
        (1, 0, with(u128::MAX, 0, 0), Ok(u128::MAX)),
        (1_025, 0, with(u128::MAX, 0, 0), Err(MathError::Overflow)),
        (1, 1, with(u128::MAX, 1, 1), Err(MathError::Overflow)),
        (1, 1, with(1, u128::MAX - ONE, 1), Ok(u128::MAX / ONE)),
        (1, 1, with(1, u128::MAX - ONE + 1, 1), Err(MathError::Overflow)),
        (1, 2, with(1, u128::MAX / 2 + 1, 2), Err(MathError::Overflow)),
        (u64::MAX, u64::MAX, with(0, ONE, u32::MAX), Ok(0)),
    ] {
        assert_eq!(storage_fee(size, keys, &parameters), fee.map(raw), "{size} {keys}");
    }
}

/// EC-1: the last unit is floored, not rounded.
#[test]
fn ec_1_rounding() {
    let parameters =
        Parameters { fee_per_kib: raw(3), fee_per_metadata_key: raw(ONE / 2), ..v13() };
    let fees: Vec<u128> =
        (0..4).map(|keys| storage_fee(1, keys, &parameters).unwrap().raw()).collect();
    assert_eq!(fees, [3, 4, 6, 7], "3, 4.5, 6 and 7.5 units");
}

/// EC-3: a tenth begun does not count; a ratio beyond every bound is not wrapped into a small bucket.
#[test]
fn ec_3_the_edges_of_buckets() {
    for (ratio, bucket) in [
        (0, 0),
        (ONE / 10 - 1, 0),
        (ONE / 10, 1),
        (ONE - 1, 9),
        (ONE, 10),
        (25 * ONE + ONE / 2, 255),
        (26 * ONE, 255),
        (u128::MAX, 255),
    ] {
        assert_eq!(uptime_bucket(raw(ratio)), bucket, "{ratio}");
    }
}

/// EC-3: each factor counts, and a node that is not verified earns nothing with any of them.
#[test]
fn ec_3_every_factor_counts() {
    let base = node(true, 10, 10, 10);
    for (other, share) in [
        (base, (1, 2)),
        (node(true, 30, 10, 10), (3, 4)),
        (node(true, 10, 9, 10), (9, 19)),
        (node(true, 10, 10, 5), (1, 3)),
        (node(true, 0, 10, 10), (0, 1)),
        (node(true, 10, 0, 10), (0, 1)),
        (node(true, 10, 10, 0), (0, 1)),
        (node(false, 10, 10, 10), (0, 1)),
    ] {
        let parameters = Parameters { node_reward_cap: raw(ONE), min_verified_nodes: 1, ..v13() };
        let (settlement, rewards) = settle(raw(7_000), &[base, other], &parameters).unwrap();
        assert_eq!(settlement.pool, raw(700));
        assert_eq!(rewards[1], raw(700 * share.0 / share.1), "{other:?}");
        assert_eq!(rewards[0], raw(700 * (share.1 - share.0) / share.1), "{other:?}");
    }
}

/// EC-4: the least number of nodes counts the verified ones, whether or not they have anything to show.
#[test]
fn ec_4_only_verified_nodes_make_a_quorum() {
    let (working, idle, unverified) =
        (node(true, 1, 10, 1), node(true, 0, 9, 0), node(false, 1, 10, 1));
    for (nodes, paid) in [
        (vec![working; 3], true),
        (vec![working, idle, idle], true),
        (vec![working, working, unverified], false),
        (vec![working, working, unverified, unverified], false),
        (vec![idle; 3], false),
        (vec![], false),
    ] {
        let (settlement, rewards) = settle(raw(1_000), &nodes, &v13()).unwrap();
        assert_eq!(settlement.rewards.raw() > 0, paid, "{nodes:?}");
        assert_eq!(rewards.len(), nodes.len());
        assert_eq!(settlement.reserve.raw() + settlement.rewards.raw(), 100);
    }
}

/// EC-7: the largest contributions that the bounds allow can be settled; beyond them there is no wrapping.
#[test]
fn ec_7_the_largest_contributions() {
    let proofs = limits::MAX_PROOFS_PER_EPOCH;
    let largest = node(true, limits::MAX_TOTAL_BYTES, 10, proofs);
    assert!(settle(raw(u128::MAX / 4), &[largest; 3], &v13()).is_ok());
    let beyond = node(true, u64::MAX, 255, u64::MAX);
    assert_eq!(settle(raw(1), &[beyond], &v13()), Err(MathError::Overflow));
    let half = node(true, u64::MAX, 1, u64::MAX);
    assert_eq!(settle(raw(1), &[half, half], &v13()), Err(MathError::Overflow), "the sum");
    assert!(settle(raw(1), &[node(false, u64::MAX, 255, u64::MAX)], &v13()).is_ok());
}

/// EC-6: what cannot be represented is refused and changes nothing; it never wraps into a balance.
#[test]
fn ec_6_ends_of_an_account() {
    let owing = Account { debt: raw(u128::MAX - 1), ..Account::default() };
    assert_eq!(owing.charged(raw(1), false).map(|account| account.debt), Ok(raw(u128::MAX)));
    assert_eq!(owing.charged(raw(2), false), Err(MathError::Overflow));
    let old = Account { balance: raw(9), fees: raw(u128::MAX - 4), ..Account::default() };
    assert_eq!(old.charged(raw(4), true).map(|account| account.fees), Ok(raw(u128::MAX)));
    assert_eq!(old.charged(raw(5), true), Err(MathError::Overflow));
    let nothing = Account::default();
    assert_eq!(nothing.charged(raw(0), true), Ok(nothing));
}

/// EC-5: a settlement of other fees than the open ones is an error.
#[test]
fn ec_5_a_settlement_of_more_than_was_charged() {
    let treasury = Treasury::default().charged(raw(10)).unwrap();
    let settlement = Settlement { fees: raw(11), ..Settlement::default() };
    assert_eq!(treasury.settled(&settlement), Err(MathError::Underflow));
    let full = Treasury { treasury: raw(u128::MAX), ..treasury };
    let settlement = Settlement { fees: raw(10), treasury: raw(1), ..Settlement::default() };
    assert_eq!(full.settled(&settlement), Err(MathError::Overflow));
    assert_eq!(full.total(), Err(MathError::Overflow));
}

proptest! {
    /// EC-5, EC-7: over any sequence of fees and closings the ledger holds exactly what was charged, every
    /// closing succeeds, and the NOD minted are the ATR burnt.
    #[test]
    fn ec_5_ec_7_no_history_makes_or_loses_a_unit(
        epochs in prop::collection::vec(
            (prop::collection::vec(0u128..=u128::MAX / 3, 0..4), prop::collection::vec(
                (any::<bool>(), 0u64..=1 << 58, 0u8..=10, 0u64..=1 << 40), 0..6)),
            1..6,
        ),
    ) {
        let (mut treasury, mut charged, mut minted) = (Treasury::default(), 0u128, 0u128);
        for (fees, nodes) in epochs {
            for fee in fees {
                if let Ok(after) = treasury.charged(raw(fee)) {
                    treasury = after;
                    charged += fee;
                }
            }
            let nodes: Vec<_> = nodes.into_iter().map(|(v, b, u, p)| node(v, b, u, p)).collect();
            let (settlement, rewards) = settle(treasury.open_fees, &nodes, &v13()).unwrap();
            minted += rewards.iter().map(|reward| reward.raw()).sum::<u128>();
            treasury = treasury.settled(&settlement).unwrap();
            prop_assert_eq!(treasury.open_fees, Amount::ZERO);
            prop_assert_eq!(treasury.total(), Ok(raw(charged)));
            prop_assert_eq!(treasury.burnt, raw(minted));
        }
    }

    /// EC-4: more contribution is never less reward, and nobody passes the cap.
    #[test]
    fn ec_4_rewards_follow_contributions(
        fees in 0u128..=u128::MAX / 4,
        bytes in prop::collection::vec(0u64..=1 << 50, 3..20),
    ) {
        let nodes: Vec<_> = bytes.iter().map(|bytes| node(true, *bytes, 10, 1)).collect();
        let (settlement, rewards) = settle(raw(fees), &nodes, &v13()).unwrap();
        let cap = settlement.pool.0.mul(v13().node_reward_cap.0).unwrap();
        let mut ranked: Vec<_> = bytes.iter().zip(&rewards).collect();
        ranked.sort();
        prop_assert!(ranked.is_sorted_by_key(|(_, reward)| **reward));
        prop_assert!(rewards.iter().all(|reward| reward.0 <= cap));
    }

    /// EC-6: a fee is paid once: balance given up plus debt taken on is the fee.
    #[test]
    fn ec_6_paid_and_owed_make_the_fee(balance in any::<u64>(), debt in any::<u64>(), fee in any::<u64>()) {
        let account = Account {
            balance: raw(balance.into()), debt: raw(debt.into()), ..Account::default()
        };
        let after = account.charged(raw(fee.into()), false).unwrap();
        let paid = account.balance.raw() - after.balance.raw();
        let owed = after.debt.raw() - account.debt.raw();
        prop_assert_eq!((paid + owed, after.fees), (u128::from(fee), raw(fee.into())));
        prop_assert!(owed == 0 || after.balance.raw() == 0, "debt only once the balance is spent");
        prop_assert_eq!(account.charged(raw(fee.into()), true).is_ok(), fee <= balance);
    }
}
