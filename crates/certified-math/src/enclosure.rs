//! Real numbers between two bounds, and the loop that narrows the bounds until they have one floor.

use crate::bignum::SCALE;
use crate::nat::{LIMB_BITS, Nat};
use crate::{BigNum128, MathError};
use core::num::NonZero;

/// 10^18 as the divisor of one limb.
const UNITS: NonZero<u64> = NonZero::new(1_000_000_000_000_000_000).unwrap();

/// How many bits a working number has behind the binary point; such a number is a [`Nat`] that counts
/// units of `2^-(64 * limbs)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Precision {
    limbs: usize,
}

impl Precision {
    /// 192 bits, and one limb more inside: enough for all but inputs that are made to be hard.
    pub(crate) const FIRST: Self = Self { limbs: 3 };

    /// 64 bits for each limb.
    #[cfg(test)]
    pub(crate) const fn of_limbs(limbs: usize) -> Self {
        Self { limbs }
    }

    /// The next step of the loop. It has no last one.
    const fn doubled(self) -> Self {
        // No input of a test is so hard: a mistake shall fail there, and not run for ever.
        #[cfg(test)]
        assert!(self.limbs < 1 << 9);
        Self { limbs: self.limbs.saturating_mul(2) }
    }

    /// One limb more, for sums of roundings inside a function.
    pub(crate) const fn guarded(self) -> Self {
        Self { limbs: self.limbs.saturating_add(1) }
    }

    pub(crate) const fn limbs(self) -> usize {
        self.limbs
    }

    pub(crate) const fn bits(self) -> usize {
        self.limbs.saturating_mul(LIMB_BITS)
    }

    /// 1 in units of this precision.
    pub(crate) fn one(self) -> Nat {
        Nat::power_of_two(self.bits())
    }

    /// `a * b`, rounded down to a unit.
    pub(crate) fn times(self, a: &Nat, b: &Nat) -> Nat {
        a.times(b).without_limbs(self.limbs)
    }

    /// `value` as an enclosure of at most one unit.
    pub(crate) fn enclose(self, value: BigNum128) -> Enclosure {
        let low = Nat::from(value.raw()).shl(self.bits()).over(UNITS);
        Enclosure::around(low, 0, 1)
    }
}

/// All real numbers from `low` to `high`, both counted in units of one [`Precision`].
#[derive(Clone, Debug)]
pub(crate) struct Enclosure {
    pub(crate) low: Nat,
    pub(crate) high: Nat,
}

impl Enclosure {
    /// From `below` units under `value`, but not under 0, to `above` units over it.
    pub(crate) fn around(value: Nat, below: u64, above: u64) -> Self {
        let high = value.clone().plus(&Nat::from(above));
        Self { low: value.minus(&Nat::from(below)), high }
    }

    /// Numbers multiplied by a number of CM-1, which is exact but for one rounding outward.
    pub(crate) fn scaled(&self, factor: BigNum128) -> Self {
        let factor = Nat::from(factor.raw());
        let low = self.low.times(&factor).over(UNITS);
        Self { low, high: self.high.times(&factor).over(UNITS).plus(&Nat::from(1u64)) }
    }

    /// Products of numbers of both enclosures.
    pub(crate) fn times(&self, other: &Self, precision: Precision) -> Self {
        let low = precision.times(&self.low, &other.low);
        let high = precision.times(&self.high, &other.high).plus(&Nat::from(1u64));
        Self { low, high }
    }

    /// The numbers times `2^exponent`, as multiples of 10^-18 rounded down: that of the least number,
    /// and that of the greatest. `None` stands for a multiple of 2^128 or more.
    fn floors(&self, precision: Precision, exponent: i32) -> (Option<u128>, Option<u128>) {
        let up = usize::try_from(exponent.max(0)).unwrap_or_default();
        let down = usize::try_from(exponent.min(0).unsigned_abs()).unwrap_or_default();
        let scale = Nat::from(SCALE).shl(up);
        let shift = precision.bits().saturating_add(down);
        let floor = |bound: &Nat| bound.times(&scale).shr(shift).to_u128();
        (floor(&self.low), floor(&self.high))
    }
}

/// What is known of a result at some precision.
#[derive(Clone, Debug)]
pub(crate) enum Estimate {
    /// A number of the enclosure, times 2 to the power beside it.
    Within(Enclosure, i32),
    /// Certainly above the greatest value.
    Beyond,
    /// Certainly at least 0 and below 10^-18.
    BelowStep,
}

impl Estimate {
    /// The same times `2^exponent`; only for what is not out of bounds already.
    pub(crate) fn times_power_of_two(self, exponent: i32) -> Self {
        match self {
            Self::Within(bounds, other) => Self::Within(bounds, other.saturating_add(exponent)),
            decided => decided,
        }
    }
}

/// The real number that `estimate` encloses ever more closely, rounded down to a multiple of 10^-18
/// (rule CM-14): Ziv's strategy.
///
/// The number must not be such a multiple itself: then its two neighbours have a distance from it, and
/// some precision separates it from both, so that the loop ends (rule CM-15).
///
/// # Errors
/// [`MathError::Overflow`] above [`BigNum128::MAX`].
pub(crate) fn floor(
    first: Precision,
    estimate: impl Fn(Precision) -> Estimate,
) -> Result<BigNum128, MathError> {
    let mut precision = first;
    loop {
        let (low, high) = match estimate(precision) {
            Estimate::Within(bounds, exponent) => bounds.floors(precision, exponent),
            Estimate::Beyond => (None, None),
            Estimate::BelowStep => (Some(0), Some(0)),
        };
        match (low, high) {
            (None, _) => return Err(MathError::Overflow),
            (Some(low), Some(high)) if low == high => return Ok(BigNum128::from_raw(low)),
            _ => precision = precision.doubled(),
        }
    }
}
