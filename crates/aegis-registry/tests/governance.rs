//! The arithmetic of proposals: rules GV-3 to GV-10.

use aegis_registry::governance::{
    Window, apply, effective, lapses, needed, voting_weights, window,
};
use certified_math::{BigNum128, MathError, mul_wide};
use proptest::prelude::*;
use protocol::{
    AccountId, Amount, Hash32, Parameters, Profile, Rules,
    governance::Change,
    parameters::{Parameter, Value},
    rules::Rule,
};

const ONE: u128 = BigNum128::ONE.raw();
const QUARTER: Amount = Amount::from_raw(ONE / 4);

fn v13() -> Parameters {
    Parameters::v13(Profile::QFS_V13)
}

fn raw(amounts: &[u128]) -> Vec<Amount> {
    amounts.iter().copied().map(Amount::from_raw).collect()
}

fn weights(nod: &[u128]) -> Vec<u128> {
    voting_weights(&raw(nod), QUARTER).unwrap().iter().map(|weight| weight.raw()).collect()
}

/// GV-4, done by hand.
#[test]
fn gv_4_weights_by_hand() {
    let table: [(&[u128], &[u128]); 10] = [
        // Nobody has more than a quarter.
        (&[1, 1, 1, 1], &[1, 1, 1, 1]),
        (&[5, 4, 5, 4, 3], &[5, 4, 5, 4, 3]),
        // One above: of 10 + c, c is a quarter when c = 3 1/3.
        (&[4, 100, 4, 2], &[2, 2, 2, 2]),
        (&[100, 4, 3, 2, 1], &[3, 3, 3, 2, 1]),
        (&[100, 3, 3, 3, 1], &[3, 3, 3, 3, 1]),
        // Two above: 2c is half when the others have 2c as well.
        (&[90, 80, 7, 7, 6, 10], &[15, 15, 7, 7, 6, 10]),
        // Three above: 3c is three quarters when the others have c.
        (&[1_000, 999, 998, 5, 6], &[11, 11, 11, 5, 6]),
        (&[u128::MAX / 8, 1, 1, 1], &[1, 1, 1, 1]),
        // Fewer than four cannot each have at most a quarter of what counts.
        (&[1, 2, 3], &[0, 0, 0]),
        (&[], &[]),
    ];
    for (nod, expected) in table {
        assert_eq!(weights(nod), expected, "{nod:?}");
    }
}

/// GV-4: NOD beyond all that can be minted is an error, not a weight.
#[test]
fn gv_4_sums_that_do_not_fit() {
    let most = u128::MAX / 4;
    assert_eq!(weights(&[most; 4]), [most; 4]);
    let beyond = raw(&[most, most, most, most, 4]);
    assert_eq!(voting_weights(&beyond, QUARTER), Err(MathError::Overflow));
}

/// GV-4 as what it is for: the greatest weights of the form min(NOD, c) that keep to the share. Found by bisection.
fn by_bisection(nod: &[u128], cap: u128) -> Vec<u128> {
    let cut = |most: u128| nod.iter().map(move |nod| *nod.min(&most));
    let keeps = |most: u128| {
        let (greatest, sum): (u128, u128) = (cut(most).max().unwrap_or(0), cut(most).sum());
        mul_wide(greatest, ONE) <= mul_wide(cap, sum)
    };
    let (mut good, mut bad) = (0, nod.iter().copied().max().unwrap_or(0) + 1);
    while bad - good > 1 {
        let middle = good + (bad - good) / 2;
        if keeps(middle) { good = middle } else { bad = middle }
    }
    cut(good).collect()
}

/// NOD of holders, from units to nearly all that can be minted.
fn holdings(holders: std::ops::Range<usize>) -> impl Strategy<Value = Vec<u128>> {
    let holding = (any::<u128>(), 9u32..=127).prop_map(|(bits, shift)| (bits >> shift).max(1));
    prop::collection::vec(holding, holders)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// GV-4: nobody has more than the cap of the sum of weights, nor more than its NOD; more NOD is never less weight.
    #[test]
    fn gv_4_no_weight_above_the_cap(nod in holdings(4..40)) {
        let weights = weights(&nod);
        let sum: u128 = weights.iter().sum();
        prop_assert_eq!(weights.len(), nod.len());
        for (at, weight) in weights.iter().enumerate() {
            prop_assert!(*weight <= nod[at] && *weight > 0);
            prop_assert!(4 * weight <= sum, "{} of {}", weight, sum);
            for (other, other_weight) in weights.iter().enumerate() {
                prop_assert!(nod[at] > nod[other] || weight <= other_weight);
            }
        }
    }

    /// GV-4: no higher cut would keep to the share: nothing is taken from the holders without need.
    #[test]
    fn gv_4_the_cut_is_the_highest(nod in holdings(0..12)) {
        prop_assert_eq!(weights(&nod), by_bisection(&nod, QUARTER.raw()));
    }

    /// GV-4 with any other cap.
    #[test]
    fn gv_4_any_cap(nod in holdings(0..12), cap in 0..=ONE) {
        let weights = voting_weights(&raw(&nod), Amount::from_raw(cap)).unwrap();
        prop_assert_eq!(weights, raw(&by_bisection(&nod, cap)));
    }

    /// GV-4: equal holders are equal; the order of the others does not matter.
    #[test]
    fn gv_4_equal_and_in_any_order(mut nod in holdings(4..12), holders in 4usize..400) {
        let equal = vec![nod[0]; holders];
        prop_assert_eq!(&weights(&equal), &equal);
        let mut forward = weights(&nod);
        nod.reverse();
        forward.reverse();
        prop_assert_eq!(forward, weights(&nod));
    }

    /// GV-4: more NOD for one holder is not less weight for it, nor for anybody else.
    #[test]
    fn gv_4_more_is_never_less(nod in holdings(4..12), more in 1u128..=1 << 100, at in any::<prop::sample::Index>()) {
        let mut richer = nod.clone();
        richer[at.index(nod.len())] += more;
        for (before, after) in weights(&nod).into_iter().zip(weights(&richer)) {
            prop_assert!(before <= after);
        }
    }

    /// GV-4: what is needed is the least number of units that is not below the quorum's share.
    #[test]
    fn gv_4_needed_is_the_least_that_suffices(weight in any::<u128>(), quorum in 0..=ONE) {
        let needed = needed(Amount::from_raw(weight), Amount::from_raw(quorum)).unwrap().raw();
        prop_assert!(mul_wide(needed, ONE) >= mul_wide(weight, quorum));
        prop_assert!(needed <= weight);
        if let Some(less) = needed.checked_sub(1) {
            prop_assert!(mul_wide(less, ONE) < mul_wide(weight, quorum));
        }
    }
}

/// GV-4: quorums that people meet, and the ends.
#[test]
fn gv_4_needed() {
    let needed = |weight: u128, quorum: u128| {
        needed(Amount::from_raw(weight), Amount::from_raw(quorum)).map(Amount::raw)
    };
    for (weight, percent, expected) in
        [(3, 66, 2), (4, 66, 3), (5, 66, 4), (7, 66, 5), (7, 80, 6), (100, 66, 66), (101, 66, 67)]
    {
        assert_eq!(needed(weight, percent * ONE / 100), Ok(expected), "{weight} {percent}");
    }
    assert_eq!(needed(3 * ONE, 66 * ONE / 100), Ok(198 * ONE / 100));
    assert_eq!(needed(0, ONE), Ok(0));
    assert_eq!(needed(u128::MAX, ONE), Ok(u128::MAX));
    assert_eq!(needed(u128::MAX, ONE + 1), Err(MathError::Overflow));
    assert_eq!(needed(1, 0), Ok(0));
}

/// GV-6: windows of proposals and emergencies, to the last epoch there is.
#[test]
fn gv_6_windows() {
    const LAST: u64 = u64::MAX;
    let with = |voting_epochs| Parameters { voting_epochs, ..v13() };
    let table = [
        (1, false, 2, Some((2, 3))),
        (1, true, 2, Some((1, 2))),
        (7, false, 1, Some((8, 8))),
        (7, true, 1, Some((7, 7))),
        (7, false, 16, Some((8, 23))),
        (LAST - 2, false, 2, Some((LAST - 1, LAST))),
        (LAST - 1, false, 2, None),
        (LAST - 1, false, 1, Some((LAST, LAST))),
        (LAST, false, 1, None),
        (LAST - 1, true, 2, Some((LAST - 1, LAST))),
        (LAST, true, 1, Some((LAST, LAST))),
        (LAST, true, 2, None),
        // Out of bounds: a window without an epoch is none.
        (1, false, 0, None),
    ];
    for (epoch, emergency, voting_epochs, expected) in table {
        let expected = expected.map(|(opens, closes)| Window { opens, closes });
        let found = window(epoch, emergency, &with(voting_epochs));
        assert_eq!(found, expected, "{epoch} {emergency} {voting_epochs}");
    }
}

/// GV-8: when a proposal is in force, and how long it can be activated.
#[test]
fn gv_8_effective_epochs() {
    const LAST: u64 = u64::MAX;
    let table = [
        ((3, 4, false, 2), Some(5)),
        ((3, 5, false, 2), Some(6)),
        ((3, 11, false, 2), Some(12)),
        ((3, 4, false, 16), Some(19)),
        ((3, 3, true, 16), Some(4)),
        ((3, 11, true, 2), Some(12)),
        ((LAST - 2, LAST - 1, false, 2), Some(LAST)),
        ((LAST - 1, LAST - 1, false, 2), None),
        ((LAST - 9, LAST, false, 2), None),
        ((LAST, LAST - 1, true, 2), Some(LAST)),
        ((LAST, LAST, true, 2), None),
    ];
    for ((closes, now, emergency, activation_delay), expected) in table {
        let parameters = Parameters { activation_delay, ..v13() };
        let found = effective(closes, now, emergency, &parameters);
        assert_eq!(found, expected, "{closes} {now} {emergency} {activation_delay}");
    }
    assert_eq!((lapses(3), lapses(LAST - 8), lapses(LAST - 7)), (11, LAST, LAST));
}

/// What a change leaves of parameters, rules and code version 4.
fn applied(change: &Change) -> (Parameters, Rules, u32) {
    let (mut parameters, mut rules, mut code_version) = (v13(), Rules::v13(), 4);
    apply(change, &mut parameters, &mut rules, &mut code_version);
    (parameters, rules, code_version)
}

/// GV-3, GV-10: each kind of change has its effect and no other.
#[test]
fn gv_10_changes_in_force() {
    let unchanged = || (v13(), Rules::v13(), 4);
    let fee = Amount::from_raw(7 * ONE);
    let parameter = Parameter::fee_per_kib.number();
    assert_eq!(
        applied(&Change::Parameter { parameter, value: Value::Amount(fee) }),
        (Parameters { fee_per_kib: fee, ..v13() }, Rules::v13(), 4)
    );
    assert_eq!(
        applied(&Change::Rule(Rule::MinUptime(QUARTER))),
        (v13(), Rules { min_uptime: QUARTER, ..Rules::v13() }, 4)
    );
    assert_eq!(applied(&Change::CodeVersion(5)), (v13(), Rules::v13(), 5));
    let account = AccountId(Hash32::ZERO);
    for inert in [
        Change::CodeVersion(4),
        Change::CodeVersion(3),
        Change::Expel(0),
        Change::Quarantine(0),
        Change::Reinstate(0),
        Change::Credit { account, amount: fee },
        // What admission refuses.
        Change::Parameter { parameter, value: Value::Flag(true) },
        Change::Parameter { parameter, value: Value::Amount(Amount::from_raw(u128::MAX)) },
        Change::Parameter { parameter: u16::MAX, value: Value::Flag(true) },
        Change::Parameter {
            parameter: Parameter::voting_cap.number(),
            value: Value::Amount(QUARTER),
        },
        Change::Rule(Rule::MinHealth(Amount::from_raw(ONE + 1))),
    ] {
        assert_eq!(applied(&inert), unchanged(), "{inert:?}");
    }
}

/// GV-3, GV-5: whatever is proposed of a parameter and can be admitted is in force afterwards, and nothing else is.
#[test]
fn gv_5_every_governed_parameter_can_change() {
    use protocol::parameters::Bounds;
    for parameter in Parameter::ALL {
        let value = match parameter.bounds() {
            Bounds::Integer { max, .. } => Value::Integer(max),
            Bounds::Amount { max, .. } => Value::Amount(max),
            Bounds::Flag => Value::Flag(true),
            Bounds::Profile => Value::Profile(Profile::EC_16_6),
        };
        let (after, _, _) = applied(&Change::Parameter { parameter: parameter.number(), value });
        for other in Parameter::ALL {
            let changed = other == parameter && !parameter.is_immutable();
            let expected = if changed { value } else { other.get(&v13()) };
            assert_eq!(other.get(&after), expected, "{other} after {parameter}");
        }
    }
}
