//! Square root, exponentials and logarithms of [`BigNum128`], each the real result rounded down.

use crate::bignum::SCALE;
use crate::constants::{ln_2, log2_e, log10_e};
use crate::enclosure::{Enclosure, Estimate, Precision, floor};
use crate::kernels::{exp, ln_magnitude};
use crate::{BigNum128, MathError, div_rem_wide, mul_wide};

/// 2^68 is the greatest power of two of the range.
const LARGEST_EXP2: u128 = 68;

impl BigNum128 {
    /// The square root, rounded down (rule CM-16). There is one for every number.
    #[must_use]
    pub fn sqrt(self) -> Self {
        let (hi, lo) = mul_wide(self.raw(), SCALE);
        Self::from_raw(sqrt_wide(hi, lo))
    }

    /// `e^self`, rounded down (rule CM-17).
    ///
    /// # Errors
    /// [`MathError::Overflow`] above [`Self::MAX`], which is from 47.276307437780177294 on.
    pub fn exp(self) -> Result<Self, MathError> {
        if self == Self::ZERO {
            return Ok(Self::ONE);
        }
        floor(Precision::FIRST, |precision| exp(precision, &precision.enclose(self)))
    }

    /// `2^self`, rounded down (rule CM-17).
    ///
    /// # Errors
    /// [`MathError::Overflow`] above [`Self::MAX`].
    pub fn exp2(self) -> Result<Self, MathError> {
        let (whole, part) = (self.floor_int(), Self::from_raw(self.raw() % SCALE));
        let exponent = match i32::try_from(whole) {
            Ok(exponent) if whole <= LARGEST_EXP2 => exponent,
            _ => return Err(MathError::Overflow),
        };
        if part == Self::ZERO {
            return Self::from_int(1u128.unbounded_shl(exponent.unsigned_abs()));
        }
        floor(Precision::FIRST, |precision| {
            exp(precision, &ln_2(precision).scaled(part)).times_power_of_two(exponent)
        })
    }

    /// The natural logarithm, rounded down (rule CM-18).
    ///
    /// # Errors
    /// [`MathError::Domain`] of 0; [`MathError::Underflow`] below 1.
    pub fn ln(self) -> Result<Self, MathError> {
        self.logarithm(|raw| (raw == SCALE).then_some(0), |_, ln| ln)
    }

    /// The binary logarithm, rounded down (rule CM-18).
    ///
    /// # Errors
    /// [`MathError::Domain`] of 0; [`MathError::Underflow`] below 1.
    pub fn log2(self) -> Result<Self, MathError> {
        self.logarithm(
            |raw| exact_log(raw, 2),
            |precision, ln| ln.times(&log2_e(precision), precision),
        )
    }

    /// The decimal logarithm, rounded down (rule CM-18).
    ///
    /// # Errors
    /// [`MathError::Domain`] of 0; [`MathError::Underflow`] below 1.
    pub fn log10(self) -> Result<Self, MathError> {
        self.logarithm(
            |raw| exact_log(raw, 10),
            |precision, ln| ln.times(&log10_e(precision), precision),
        )
    }

    /// A logarithm: a whole number where `exact` says so, and otherwise what `of_ln` makes of the
    /// natural one.
    fn logarithm(
        self,
        exact: impl Fn(u128) -> Option<u128>,
        of_ln: impl Fn(Precision, Enclosure) -> Enclosure,
    ) -> Result<Self, MathError> {
        if self == Self::ZERO {
            return Err(MathError::Domain);
        }
        if self < Self::ONE {
            return Err(MathError::Underflow);
        }
        if let Some(whole) = exact(self.raw()) {
            return Self::from_int(whole);
        }
        floor(Precision::FIRST, |precision| {
            Estimate::Within(of_ln(precision, ln_magnitude(precision, self)), 0)
        })
    }
}

/// The whole `n` with `base^n * 10^18 = raw`, if there is one.
fn exact_log(raw: u128, base: u128) -> Option<u128> {
    let whole = raw.checked_div(SCALE).filter(|_| raw.is_multiple_of(SCALE))?;
    let exponent = whole.checked_ilog(base)?;
    (base.checked_pow(exponent)? == whole).then_some(u128::from(exponent))
}

/// The whole square root of `(hi, lo)`, for `hi < 2^60`.
///
/// Newton's iteration in integers falls from any start above the root, and stops where it would rise.
fn sqrt_wide(hi: u128, lo: u128) -> u128 {
    if hi == 0 {
        return lo.isqrt();
    }
    let half_shift = u128::BITS.saturating_sub(hi.leading_zeros()).div_ceil(2);
    let shift = half_shift.saturating_mul(2);
    let leading = hi.unbounded_shl(u128::BITS.saturating_sub(shift)) | lo.unbounded_shr(shift);
    let mut root = leading.isqrt().saturating_add(1).unbounded_shl(half_shift);
    while let Ok((quotient, _)) = div_rem_wide(hi, lo, root)
        && quotient < root
    {
        root = root.midpoint(quotient);
    }
    root
}

#[cfg(test)]
mod tests {
    use super::*;

    /// CM-15: values on the grid, which no precision would separate from their floors.
    #[test]
    fn cm15_values_on_the_grid_are_found_first() {
        let whole = |value| BigNum128::from_int(value).unwrap();
        let (zero, one) = (BigNum128::ZERO, BigNum128::ONE);
        assert_eq!((zero.exp(), one.ln(), zero.exp2()), (Ok(one), Ok(zero), Ok(one)));
        assert_eq!((one.log2(), one.log10()), (Ok(zero), Ok(zero)));
        for n in 0..=20 {
            assert_eq!(whole(n).exp2(), Ok(whole(1 << n)));
            assert_eq!(whole(1 << n).log2(), Ok(whole(n)));
            assert_eq!(whole(10u128.pow(u32::try_from(n).unwrap())).log10(), Ok(whole(n)));
        }
        for (base, roots) in [(2, 8), (3, 5), (10, 2)] {
            let power = whole(u128::pow(base, roots));
            assert_eq!(power.pow(one.div(whole(roots.into())).unwrap()), Ok(whole(base)));
        }
    }

    /// CM-17 and CM-18: one value of each, with its neighbours in the literature.
    #[test]
    fn cm17_cm18_values_off_the_grid() {
        let (one, two) = (BigNum128::ONE, BigNum128::from_raw(2 * SCALE));
        let half = BigNum128::from_raw(SCALE / 2);
        for (result, raw) in [
            (one.exp(), 2_718_281_828_459_045_235),
            (half.exp2(), 1_414_213_562_373_095_048),
            (two.ln(), 693_147_180_559_945_309),
            (two.add(one).and_then(BigNum128::log2), 1_584_962_500_721_156_181),
            (two.log10(), 301_029_995_663_981_195),
            (Ok(two.sqrt()), 1_414_213_562_373_095_048),
            (half.pow(half), 707_106_781_186_547_524),
            (one.add(half).and_then(|x| x.powi(50)), 637_621_500_214_049_586_903_407_806),
        ] {
            assert_eq!(result, Ok(BigNum128::from_raw(raw)));
        }
        assert_eq!(BigNum128::from_raw(48 * SCALE).exp(), Err(MathError::Overflow));
        assert_eq!(half.pow(BigNum128::MAX), Ok(BigNum128::ZERO));
    }
}
