//! The fixed-point number.

use crate::{Divisor, MathError, mul_div_u128};
use core::fmt;
use core::str::FromStr;

/// Decimals after the point.
const DECIMALS: usize = 18;

/// 10^18, the number of raw units in one.
pub(crate) const SCALE: u128 = 1_000_000_000_000_000_000;

/// Division by the scale closes every multiplication; its reciprocal is computed once, at compile
/// time.
const BY_SCALE: Divisor = Divisor::of_nonzero(SCALE);

/// An unsigned fixed-point number: `raw / 10^18`, with `raw` a `u128` (rules CM-1 and CM-2).
///
/// From 0 to 340282366920938463463.374607431768211455 in steps of 10^-18. Where a result is not a
/// multiple of the step it is rounded down; where it is outside the range it is a [`MathError`].
///
/// ```
/// use certified_math::BigNum128;
/// let fee = BigNum128::parse("12.5")?;
/// let share = fee.mul(BigNum128::parse("0.1")?)?;
/// assert_eq!(share.to_string(), "1.250000000000000000");
/// # Ok::<(), certified_math::MathError>(())
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BigNum128(u128);

#[expect(
    clippy::should_implement_trait,
    reason = "the operators of the standard library cannot refuse; these return a Result"
)]
impl BigNum128 {
    /// 0.
    pub const ZERO: Self = Self(0);
    /// 1, which is 10^18 raw units.
    pub const ONE: Self = Self(SCALE);
    /// 340282366920938463463.374607431768211455, the greatest value.
    pub const MAX: Self = Self(u128::MAX);

    /// The number of `raw` units of 10^-18.
    #[must_use]
    pub const fn from_raw(raw: u128) -> Self {
        Self(raw)
    }

    /// How many units of 10^-18 this is: the form that goes into canonical bytes.
    #[must_use]
    pub const fn raw(self) -> u128 {
        self.0
    }

    /// The whole number `value`.
    ///
    /// # Errors
    /// [`MathError::Overflow`] above 340282366920938463463.
    pub const fn from_int(value: u128) -> Result<Self, MathError> {
        Self::fits(value.checked_mul(SCALE))
    }

    /// The whole part, rounded down: a plain integer.
    #[must_use]
    pub const fn floor_int(self) -> u128 {
        // The quotient cannot fail: the scale is not zero.
        self.0.wrapping_div(SCALE)
    }

    /// `self + other`, exact.
    ///
    /// # Errors
    /// [`MathError::Overflow`] above [`Self::MAX`].
    pub const fn add(self, other: Self) -> Result<Self, MathError> {
        Self::fits(self.0.checked_add(other.0))
    }

    /// `self - other`, exact.
    ///
    /// # Errors
    /// [`MathError::Underflow`] if `other` is greater than `self`.
    pub const fn sub(self, other: Self) -> Result<Self, MathError> {
        match self.0.checked_sub(other.0) {
            Some(raw) => Ok(Self(raw)),
            None => Err(MathError::Underflow),
        }
    }

    /// `self * other`, rounded down (rule CM-8).
    ///
    /// # Errors
    /// [`MathError::Overflow`] above [`Self::MAX`].
    pub fn mul(self, other: Self) -> Result<Self, MathError> {
        BY_SCALE.mul_div(self.0, other.0).map(Self)
    }

    /// `self / other`, rounded down (rule CM-8).
    ///
    /// # Errors
    /// [`MathError::DivisionByZero`] if `other` is 0; [`MathError::Overflow`] above [`Self::MAX`].
    pub fn div(self, other: Self) -> Result<Self, MathError> {
        mul_div_u128(self.0, SCALE, other.0).map(Self)
    }

    /// What is left of `self` after taking `other` away as many whole times as it goes, exact (rule
    /// CM-9).
    ///
    /// # Errors
    /// [`MathError::DivisionByZero`] if `other` is 0.
    pub const fn rem(self, other: Self) -> Result<Self, MathError> {
        match self.0.checked_rem(other.0) {
            Some(raw) => Ok(Self(raw)),
            None => Err(MathError::DivisionByZero),
        }
    }

    /// `a * b / c`, rounded down once, at the end (rule CM-10).
    ///
    /// # Errors
    /// [`MathError::DivisionByZero`] if `c` is 0; [`MathError::Overflow`] above [`Self::MAX`].
    pub fn mul_div(a: Self, b: Self, c: Self) -> Result<Self, MathError> {
        mul_div_u128(a.0, b.0, c.0).map(Self)
    }

    /// The lesser of two numbers (rule CM-21).
    #[must_use]
    pub const fn min(self, other: Self) -> Self {
        if other.0 < self.0 { other } else { self }
    }

    /// The greater of two numbers (rule CM-21).
    #[must_use]
    pub const fn max(self, other: Self) -> Self {
        if other.0 > self.0 { other } else { self }
    }

    /// The number from `low` to `high` that is nearest to this one (rule CM-21).
    ///
    /// # Errors
    /// [`MathError::Domain`] if `low` is greater than `high`.
    pub const fn clamp(self, low: Self, high: Self) -> Result<Self, MathError> {
        if low.0 > high.0 {
            return Err(MathError::Domain);
        }
        Ok(self.max(low).min(high))
    }

    /// The sum of `values`, 0 if there are none. No order of the same values gives another result.
    ///
    /// # Errors
    /// [`MathError::Overflow`] above [`Self::MAX`].
    pub fn sum(values: impl IntoIterator<Item = Self>) -> Result<Self, MathError> {
        values.into_iter().try_fold(Self::ZERO, Self::add)
    }

    /// Reads a plain decimal number: digits, then optionally a point and 1 to 18 digits (rule
    /// CM-11).
    ///
    /// # Errors
    /// [`MathError::Syntax`] for any other text; [`MathError::Overflow`] for a number above
    /// [`Self::MAX`].
    pub fn parse(text: &str) -> Result<Self, MathError> {
        let (whole, fraction) = match text.split_once('.') {
            Some((whole, fraction)) if is_fraction(fraction) => (whole, fraction),
            Some(_) => return Err(MathError::Syntax),
            None => (text, ""),
        };
        if !is_whole(whole) {
            return Err(MathError::Syntax);
        }
        let padding = core::iter::repeat_n(b'0', DECIMALS.saturating_sub(fraction.len()));
        let mut digits = whole.bytes().chain(fraction.bytes()).chain(padding);
        Self::fits(digits.try_fold(0, push_digit))
    }

    const fn fits(raw: Option<u128>) -> Result<Self, MathError> {
        match raw {
            Some(raw) => Ok(Self(raw)),
            None => Err(MathError::Overflow),
        }
    }
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_whole(text: &str) -> bool {
    is_digits(text) && (text == "0" || !text.starts_with('0'))
}

fn is_fraction(text: &str) -> bool {
    is_digits(text) && text.len() <= DECIMALS
}

fn push_digit(value: u128, ascii: u8) -> Option<u128> {
    value.checked_mul(10)?.checked_add(u128::from(ascii.checked_sub(b'0')?))
}

/// Always 18 decimals, no sign, no exponent, no leading zeros (rule CM-12).
impl fmt::Display for BigNum128 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:018}", self.floor_int(), self.0 % SCALE)
    }
}

impl fmt::Debug for BigNum128 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for BigNum128 {
    type Err = MathError;

    /// As [`BigNum128::parse`].
    fn from_str(text: &str) -> Result<Self, MathError> {
        Self::parse(text)
    }
}
