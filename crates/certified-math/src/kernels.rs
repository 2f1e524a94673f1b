//! Exponential and logarithm between bounds, at any precision.
//!
//! Everything is rounded down at one limb more than asked for; `spec/certified-math.md` derives the
//! widths that are added here (rules CM-17 and CM-18). All hold from 128 bits on.

use crate::BigNum128;
use crate::constants::{LN_2_TOP, ln_2, ln_10};
use crate::enclosure::{Enclosure, Estimate, Precision};
use crate::nat::{LIMB_BITS, Nat};
use core::num::NonZero;

/// By how many halvings the argument of the exponential series is made small, and by how many
/// squarings its sum is made good again. Affects speed only, as long as it is at most 16.
const HALVINGS: usize = 16;

/// How many bits of the binary logarithm are found before the series. Affects speed only.
const LOG_BITS: u32 = 52;

/// `e^48` is above the greatest value, and `e^-48` is below 10^-18.
const LARGEST_EXPONENT: u64 = 48;

/// `e^t` for `t` of an enclosure.
pub(crate) fn exp(precision: Precision, t: &Enclosure) -> Estimate {
    if t.low >= Nat::from(LARGEST_EXPONENT).shl(precision.bits()) {
        return Estimate::Beyond;
    }
    let ln_2 = ln_2(precision);
    let twos = whole_twos(&t.low, precision, LN_2_TOP.saturating_add(2));
    let low = t.low.clone().minus(&ln_2.high.times(&Nat::from(twos)));
    let high = t.high.clone().minus(&ln_2.low.times(&Nat::from(twos)));
    Estimate::Within(
        exp_reduced(precision, &Enclosure { low, high }),
        i32::try_from(twos).unwrap_or(i32::MAX),
    )
}

/// `e^-t` for `t` of an enclosure.
pub(crate) fn exp_negative(precision: Precision, t: &Enclosure) -> Estimate {
    if t.low >= Nat::from(LARGEST_EXPONENT).shl(precision.bits()) {
        return Estimate::BelowStep;
    }
    let ln_2 = ln_2(precision);
    let twos = whole_twos(&t.high, precision, LN_2_TOP).saturating_add(1);
    let low = ln_2.low.times(&Nat::from(twos)).minus(&t.high);
    let high = ln_2.high.times(&Nat::from(twos)).minus(&t.low);
    Estimate::Within(
        exp_reduced(precision, &Enclosure { low, high }),
        i32::try_from(twos).map_or(i32::MIN, i32::saturating_neg),
    )
}

/// How often `ln_2`, given in units of 2^-64, goes into `t`, which is below 2^7.
fn whole_twos(t: &Nat, precision: Precision, ln_2: u64) -> u64 {
    let t = t.shr(precision.bits().saturating_sub(LIMB_BITS)).to_u128();
    let twos = t.and_then(|t| t.checked_div(u128::from(ln_2)));
    twos.and_then(|twos| u64::try_from(twos).ok()).unwrap_or_default()
}

/// `e^t` for `t` of an enclosure that ends below 1.2. The exponential grows by less than 4 times
/// what its argument grows by there.
fn exp_reduced(precision: Precision, t: &Enclosure) -> Enclosure {
    let low = exp_series(precision, &t.low);
    let width = t.high.clone().minus(&t.low).times(&Nat::from(4u64)).plus(&Nat::from(2u64));
    Enclosure { high: low.clone().plus(&width), low }
}

/// `e^t` for `t < 1.2`, less than 2 units too low and never too high: the series at
/// `t / 2^HALVINGS`, squared as often.
fn exp_series(precision: Precision, t: &Nat) -> Nat {
    let inner = precision.guarded();
    let step = t.shl(LIMB_BITS.saturating_sub(HALVINGS));
    let mut sum = inner.one().plus(&step);
    let mut term = step.clone();
    for n in (2..).map_while(NonZero::new) {
        term = inner.times(&term, &step).over(n);
        if term.is_zero() {
            break;
        }
        sum.add_assign(&term);
    }
    for _ in 0..HALVINGS {
        sum = inner.times(&sum, &sum);
    }
    sum.without_limbs(1)
}

/// `|ln x|` for `x > 0`.
///
/// With `x = m * 2^(length - 1) / 10^18` and `1 <= m < 2`, and with a short `w` a little below
/// `ln(2 / m)`, the number `d = 1 - m * e^w / 2` is small, and
/// `ln x = length * ln 2 - w + ln(1 - d) - 18 * ln 10`.
pub(crate) fn ln_magnitude(precision: Precision, x: BigNum128) -> Enclosure {
    let inner = precision.guarded();
    let zeros = x.raw().leading_zeros();
    let mantissa = x.raw().unbounded_shl(zeros);
    let short = short_ln_of_two_over(mantissa);

    let w = Nat::from(short).shl(inner.bits().saturating_sub(LIMB_BITS));
    let product = exp_series(inner, &w).times(&Nat::from(mantissa)).shr(128);
    let defect = inner.one().minus(&product);

    let length = u64::from(u128::BITS.saturating_sub(zeros));
    let plus = ln_2(inner).low.times(&Nat::from(length));
    let minus = ln_10(inner).low.times(&Nat::from(18u64)).plus(&w);
    let minus = minus.plus(&minus_ln_one_minus(inner, &defect));
    Enclosure::around(plus.abs_diff(minus).without_limbs(1), 1, 2)
}

/// `-ln(1 - d) = d + d^2 / 2 + d^3 / 3 + ...` for `d` up to 2^-32, rounded down.
fn minus_ln_one_minus(precision: Precision, d: &Nat) -> Nat {
    let (mut sum, mut power) = (d.clone(), d.clone());
    for n in (2..).map_while(NonZero::new) {
        power = precision.times(&power, d);
        if power.is_zero() {
            break;
        }
        sum.add_assign(&power.clone().over(n));
    }
    sum
}

/// A number in units of 2^-64, at most 2^-50 below `ln(2 / m)` and never above, for
/// `m = mantissa / 2^127`, `1 <= m < 2`.
///
/// The bits of the binary logarithm of `m` come from squaring: whenever the square passes 2, the bit
/// is 1 and the square is halved. Roundings take less than 2^-60 off the logarithm.
fn short_ln_of_two_over(mantissa: u128) -> u64 {
    let mut square = u64::try_from(mantissa >> 64).unwrap_or(u64::MAX);
    let mut log = 0u64;
    for _ in 0..LOG_BITS {
        let (low, high) = square.carrying_mul(square, 0);
        let passed = high >> 63;
        square = if passed == 1 { high } else { high << 1 | low >> 63 };
        log = log << 1 | passed;
    }
    let one = 1u64.unbounded_shl(LOG_BITS);
    let rest = one.saturating_sub(log).saturating_sub(2);
    let (_, w) = rest.unbounded_shl(u64::BITS.saturating_sub(LOG_BITS)).carrying_mul(LN_2_TOP, 0);
    w
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const COARSE: Precision = Precision::of_limbs(2);
    const FINE: Precision = Precision::of_limbs(9);

    /// That bounds at both precisions enclose one number, as they must if each of them encloses the
    /// true one, and that the coarse ones are no wider than `units`.
    fn assert_consistent(coarse: &Enclosure, fine: &Enclosure, units: u64) {
        let scale = |bound: &Nat| bound.shl(FINE.bits() - COARSE.bits());
        assert!(coarse.low <= coarse.high && fine.low <= fine.high);
        assert!(scale(&coarse.low) <= fine.high && fine.low <= scale(&coarse.high));
        assert!(coarse.high.clone().minus(&coarse.low) <= Nat::from(units));
    }

    fn within(estimate: Estimate) -> (Enclosure, i32) {
        match estimate {
            Estimate::Within(bounds, exponent) => (bounds, exponent),
            other => panic!("{other:?}"),
        }
    }

    fn positive() -> impl Strategy<Value = BigNum128> {
        (1..=u128::MAX, 0u32..128)
            .prop_map(|(raw, shift)| BigNum128::from_raw((raw >> shift).max(1)))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2048))]

        #[test]
        fn cm18_bounds_of_the_logarithm(x in positive()) {
            assert_consistent(&ln_magnitude(COARSE, x), &ln_magnitude(FINE, x), 3);
        }

        #[test]
        fn cm17_bounds_of_the_exponential(raw in 0..48 * crate::bignum::SCALE) {
            let x = BigNum128::from_raw(raw);
            let (coarse, exponent) = within(exp(COARSE, &COARSE.enclose(x)));
            let (fine, same) = within(exp(FINE, &FINE.enclose(x)));
            prop_assert_eq!(exponent, same);
            assert_consistent(&coarse, &fine, 2 + 4 * (1 + 2 * 70));
            let (coarse, exponent) = within(exp_negative(COARSE, &COARSE.enclose(x)));
            let (fine, same) = within(exp_negative(FINE, &FINE.enclose(x)));
            prop_assert_eq!(exponent, same);
            assert_consistent(&coarse, &fine, 2 + 4 * (1 + 2 * 70));
        }

        /// `m * e^w / 2` is not above 1, and less than 2^-50 below it.
        #[test]
        fn cm18_the_first_bits_of_the_logarithm(mantissa in 1u128 << 127..) {
            let short = Nat::from(short_ln_of_two_over(mantissa)).shl(FINE.bits() - 64);
            let product = exp_series(FINE, &short).times(&Nat::from(mantissa)).shr(128);
            prop_assert!(product <= FINE.one());
            prop_assert!(FINE.one().minus(&product) < Nat::power_of_two(FINE.bits() - 50));
        }
    }

    #[test]
    fn cm17_out_of_bounds_is_seen_at_once() {
        let t = FINE.enclose(BigNum128::from_int(48).unwrap());
        assert!(matches!(exp(FINE, &t), Estimate::Beyond));
        assert!(matches!(exp_negative(FINE, &t), Estimate::BelowStep));
    }
}
