//! Powers with whole and fractional exponents, each the real result rounded down.

use crate::bignum::SCALE;
use crate::enclosure::{Enclosure, Estimate, Precision, floor};
use crate::kernels::{exp, exp_negative, ln_magnitude};
use crate::nat::Nat;
use crate::{BigNum128, MathError};

/// Decimals, which are also the factors 2 and the factors 5 of 10^18.
const DECIMALS: u32 = 18;

/// No number of CM-1 but 1 is a rational to the power of 127 or more. Denominators of exponents divide
/// 10^18; those below 127 divide 8000.
const ROOTS: u128 = 8000;

/// 10^18 / 8000: an exponent that this does not divide has a greater denominator.
const ROOT_STEP: u128 = SCALE / ROOTS;

/// An exponent from which on every power is out of bounds: `(1 + 10^-18)^(2^66) > e^70`.
const LARGEST_POWER: u128 = 1 << 66;

impl BigNum128 {
    /// `self^exponent` for a whole exponent, rounded down (rule CM-19); `0^0` is 1.
    ///
    /// # Errors
    /// [`MathError::Overflow`] above [`Self::MAX`].
    pub fn powi(self, exponent: u128) -> Result<Self, MathError> {
        self.trivial_power(exponent)
            .or_else(|| exact_power(self, exponent, 1))
            .unwrap_or_else(|| by_squaring(Precision::FIRST, self, exponent))
    }

    /// `self^exponent`, rounded down (rule CM-20); `0^0` is 1.
    ///
    /// # Errors
    /// [`MathError::Overflow`] above [`Self::MAX`].
    pub fn pow(self, exponent: Self) -> Result<Self, MathError> {
        if exponent.raw().is_multiple_of(SCALE) {
            return self.powi(exponent.floor_int());
        }
        self.trivial_power(exponent.raw())
            .or_else(|| exact_root_power(self, exponent))
            .unwrap_or_else(|| by_logarithm(Precision::FIRST, self, exponent))
    }

    /// Powers that follow from the base or the exponent being 0 or 1, whatever the scale of the
    /// exponent.
    fn trivial_power(self, exponent: u128) -> Option<Result<Self, MathError>> {
        if exponent == 0 || self == Self::ONE {
            return Some(Ok(Self::ONE));
        }
        (self == Self::ZERO).then_some(Ok(Self::ZERO))
    }
}

/// `x^exponent` where it is a multiple of 10^-18 and `exponent` has a denominator up to 127.
fn exact_root_power(x: BigNum128, exponent: BigNum128) -> Option<Result<BigNum128, MathError>> {
    if !exponent.raw().is_multiple_of(ROOT_STEP) {
        return None;
    }
    let steps = exponent.raw().checked_div(ROOT_STEP)?;
    let common = greatest_common_divisor(steps, ROOTS);
    let root = u32::try_from(ROOTS.checked_div(common)?).ok()?;
    exact_power(x, steps.checked_div(common)?, root)
}

/// `x^(power / root)` for `x` neither 0 nor 1 and a fraction in lowest terms, if it is a multiple of
/// 10^-18 (rule CM-15).
///
/// With `x = u / (2^i * 5^j)` in lowest terms it is one if `u`, `2^i` and `5^j` are such powers of
/// whole numbers as `root` says, and their roots to the `power` leave at most 18 factors 2 and 5.
fn exact_power(x: BigNum128, power: u128, root: u32) -> Option<Result<BigNum128, MathError>> {
    let (u, twos) = strip(x.raw(), 2);
    let (u, fives) = strip(u, 5);
    let spare_twos = spare_factors(twos, power, root)?;
    let spare_fives = spare_factors(fives, power, root)?;
    let base = exact_root(u, root)?;
    let power = u32::try_from(power).unwrap_or(u32::MAX);
    let raw = base
        .checked_pow(power)
        .and_then(|raw| raw.checked_mul(2u128.checked_pow(spare_twos)?))
        .and_then(|raw| raw.checked_mul(5u128.checked_pow(spare_fives)?));
    Some(raw.map(BigNum128::from_raw).ok_or(MathError::Overflow))
}

/// `value` without its factors `prime`, up to 18 of them, and how many those were.
fn strip(mut value: u128, prime: u128) -> (u128, u32) {
    let mut count = 0u32;
    while count < DECIMALS && value.checked_rem(prime) == Some(0) {
        value = value.checked_div(prime).unwrap_or_default();
        count = count.saturating_add(1);
    }
    (value, count)
}

/// How many of 18 factors a denominator with `18 - stripped` of them leaves after `power / root`.
fn spare_factors(stripped: u32, power: u128, root: u32) -> Option<u32> {
    let own = DECIMALS.checked_sub(stripped)?;
    let rooted = own.checked_div(root).filter(|_| own.checked_rem(root) == Some(0))?;
    let used = u128::from(rooted).checked_mul(power)?;
    DECIMALS.checked_sub(u32::try_from(used).ok()?)
}

/// The whole number whose power `root` is `value`, if there is one: bisection.
fn exact_root(value: u128, root: u32) -> Option<u128> {
    if root == 1 {
        return Some(value);
    }
    let (mut low, mut high) = (1u128, 1u128.unbounded_shl(u128::BITS.div_ceil(root)));
    while low < high {
        let middle = low.midpoint(high.saturating_add(1));
        match middle.checked_pow(root) {
            Some(power) if power <= value => low = middle,
            _ => high = middle.saturating_sub(1),
        }
    }
    (low.checked_pow(root) == Some(value)).then_some(low)
}

/// Euclid's algorithm.
fn greatest_common_divisor(mut a: u128, mut b: u128) -> u128 {
    while let Some(rest) = a.checked_rem(b) {
        (a, b) = (b, rest);
    }
    a
}

/// `x^exponent` for `x` neither 0 nor 1, by squaring and multiplying enclosures.
fn by_squaring(first: Precision, x: BigNum128, exponent: u128) -> Result<BigNum128, MathError> {
    if exponent >= LARGEST_POWER {
        return if x > BigNum128::ONE { Err(MathError::Overflow) } else { Ok(BigNum128::ZERO) };
    }
    floor(first, |precision| {
        let base = precision.enclose(x);
        let beyond = Nat::power_of_two(precision.bits().saturating_add(69));
        let mut power = base.clone();
        for bit in (0..exponent.checked_ilog2().unwrap_or_default()).rev() {
            power = power.times(&power, precision);
            if exponent.unbounded_shr(bit) & 1 == 1 {
                power = power.times(&base, precision);
            }
            // A base above 1 only grows from here on, and one below 1 never gets here.
            if power.low >= beyond {
                return Estimate::Beyond;
            }
        }
        Estimate::Within(power, 0)
    })
}

/// `x^exponent = e^(exponent * ln x)` for `x` neither 0 nor 1.
fn by_logarithm(
    first: Precision,
    x: BigNum128,
    exponent: BigNum128,
) -> Result<BigNum128, MathError> {
    floor(first, |precision| {
        let product: Enclosure = ln_magnitude(precision, x).scaled(exponent);
        if x > BigNum128::ONE {
            exp(precision, &product)
        } else {
            exp_negative(precision, &product)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Bits at which many results are undecided, so that the loop goes on from them.
    const COARSE: Precision = Precision::of_limbs(2);

    fn base() -> impl Strategy<Value = BigNum128> {
        prop_oneof![
            (1..=u128::MAX, 0u32..128).prop_map(|(raw, shift)| (raw >> shift).max(2)),
            (SCALE - 1_000_000..SCALE),
            (SCALE + 1..SCALE + 1_000_000),
            (SCALE / 2..SCALE),
            (SCALE + 1..2 * SCALE),
        ]
        .prop_map(BigNum128::from_raw)
    }

    /// Neither 0 nor 1 as base, and no power that is a multiple of 10^-18.
    fn is_hard(x: BigNum128, exponent: u128) -> bool {
        x.trivial_power(exponent).is_none() && exact_power(x, exponent, 1).is_none()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]

        /// Two ways of computing that share no formula.
        #[test]
        fn cm19_squaring_and_logarithm_agree(x in base(), wide in any::<u64>(), shift in 0u32..64) {
            let exponent = u128::from(wide >> shift);
            prop_assume!(is_hard(x, exponent));
            let Ok(fixed) = BigNum128::from_int(exponent) else { return Ok(()) };
            let squared = by_squaring(Precision::FIRST, x, exponent);
            prop_assert_eq!(by_logarithm(Precision::FIRST, x, fixed), squared);
        }

        /// The result does not depend on where the loop begins.
        #[test]
        fn cm14_any_first_precision_gives_the_result(x in base(), y in any::<u128>(), shift in 0u32..128, limbs in 2usize..9) {
            let y = BigNum128::from_raw(y >> shift);
            let first = Precision::of_limbs(limbs);
            if x.trivial_power(y.raw()).is_none() && !y.raw().is_multiple_of(ROOT_STEP) {
                prop_assert_eq!(by_logarithm(first, x, y), x.pow(y));
            }
            let whole = y.raw() >> 62;
            if is_hard(x, whole) {
                prop_assert_eq!(by_squaring(first, x, whole), x.powi(whole));
            }
        }

        #[test]
        fn cm15_roots_are_found(root in 2u32..128, base in 2u128..1 << 64, off in 0u128..3) {
            match base.checked_pow(root) {
                Some(power) => {
                    prop_assert_eq!(exact_root(power, root), Some(base));
                    let near = power - 1 + off;
                    prop_assert_eq!(exact_root(near, root).is_some(), off == 1 || near == 1);
                }
                None => prop_assert_eq!(exact_root(u128::MAX, root), None),
            }
        }
    }

    /// At 128 bits the bounds of a large power hold many multiples of 10^-18, so that a second round must
    /// decide.
    #[test]
    fn cm14_an_undecided_round_is_followed_by_another() {
        let (x, y) =
            (BigNum128::from_raw(SCALE + 1), BigNum128::from_raw(47 * SCALE * (SCALE / 10) + 1));
        let mut rounds = core::cell::Cell::new(0);
        let result = floor(COARSE, |precision| {
            rounds.set(rounds.get() + 1);
            exp(precision, &ln_magnitude(precision, x).scaled(y))
        });
        assert_eq!(result, x.pow(y));
        assert!(*rounds.get_mut() > 1);
    }

    #[test]
    fn cm15_denominators_are_in_lowest_terms() {
        for (a, b, common) in
            [(0, 8000, 8000), (8000, 8000, 8000), (12000, 8000, 4000), (3, 8000, 1), (5, 0, 5)]
        {
            assert_eq!(greatest_common_divisor(a, b), common, "{a} {b}");
        }
    }

    /// Every exact power of a base with few digits is found, with the number that exact integers give.
    #[test]
    fn cm15_exact_powers_of_short_bases() {
        let mut found = 0;
        for digits in 2u128..300 {
            for decimals in 0..=6u32 {
                let x = BigNum128::from_raw(digits * 10u128.pow(18 - decimals));
                for power in 2..=9u32 {
                    let top = digits.checked_pow(power).and_then(|top| top.checked_mul(SCALE));
                    let bottom = 10u128.checked_pow(decimals * power);
                    let (Some(raw), Some(bottom)) = (top, bottom) else { continue };
                    let expected =
                        raw.is_multiple_of(bottom).then(|| Ok(BigNum128::from_raw(raw / bottom)));
                    if x != BigNum128::ONE {
                        assert_eq!(exact_power(x, u128::from(power), 1), expected, "{x}^{power}");
                        found += u32::from(expected.is_some());
                    }
                }
            }
        }
        assert!(found > 1000, "{found}");
    }
}
