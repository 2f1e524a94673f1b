//! Exact 256-bit products and their quotients by 128-bit divisors.
//!
//! A 256-bit value is a pair `(hi, lo)` standing for `hi * 2^128 + lo`.

use crate::MathError;

/// The low 64 bits of a `u128`: one digit of a long division in base 2^64.
const DIGIT: u128 = 0xffff_ffff_ffff_ffff;

/// The exact product `a * b` as `(hi, lo)`; it always fits (rule CM-5).
#[inline]
#[must_use]
pub fn mul_wide(a: u128, b: u128) -> (u128, u128) {
    let (lo, hi) = a.carrying_mul(b, 0);
    (hi, lo)
}

/// `floor(a * b / c)` over plain integers, the product exact in 256 bits (rule CM-6).
///
/// # Errors
/// [`MathError::DivisionByZero`] if `c` is 0; [`MathError::Overflow`] if the quotient exceeds
/// `u128::MAX`.
#[inline]
pub fn mul_div_u128(a: u128, b: u128, c: u128) -> Result<u128, MathError> {
    let (hi, lo) = mul_wide(a, b);
    div_rem_wide(hi, lo, c).map(|(quotient, _)| quotient)
}

/// Quotient and remainder of `(hi, lo)` by `divisor` (rule CM-6). Long division, Knuth's Algorithm
/// D (TAOCP vol. 2, 4.3.1).
///
/// # Errors
/// [`MathError::DivisionByZero`] if `divisor` is 0; [`MathError::Overflow`] if the quotient exceeds
/// `u128::MAX`.
#[inline]
pub fn div_rem_wide(hi: u128, lo: u128, divisor: u128) -> Result<(u128, u128), MathError> {
    if hi == 0 {
        let quotient_and_rest = lo.checked_div(divisor).zip(lo.checked_rem(divisor));
        return quotient_and_rest.ok_or(MathError::DivisionByZero);
    }
    if hi >= divisor {
        return Err(if divisor == 0 { MathError::DivisionByZero } else { MathError::Overflow });
    }
    Ok(long_division(hi, lo, divisor))
}

/// Division in base 2^64 for `hi < divisor`, which bounds the quotient to two digits.
#[inline]
const fn long_division(hi: u128, lo: u128, divisor: u128) -> (u128, u128) {
    let shift = divisor.leading_zeros();
    let divisor = divisor.unbounded_shl(shift);
    let (hi, lo) = shift_left(hi, lo, shift);
    let (first, rest) = quotient_digit(hi, lo >> 64, divisor);
    let (second, rest) = quotient_digit(rest, lo & DIGIT, divisor);
    (first << 64 | second, rest.unbounded_shr(shift))
}

/// One digit of the quotient, and the remainder: `rest * 2^64 + next` by a `divisor` whose top bit
/// is set, with `rest < divisor`.
///
/// The estimate from the divisor's leading digit is at most 2 too large (TAOCP 4.3.1, Theorem B),
/// hence at most 2^64 + 1, so that its product with `trailing` fits. The wrapping subtraction is
/// exact: the true remainder is below the divisor, hence below 2^128. A digit that is 0, as the first
/// one of most quotients of amounts, is seen without a division.
#[inline]
const fn quotient_digit(rest: u128, next: u128, divisor: u128) -> (u128, u128) {
    let (leading, trailing) = (divisor >> 64, divisor & DIGIT);
    if rest <= DIGIT && (rest << 64 | next) < divisor {
        return (0, rest << 64 | next);
    }
    // `leading` has its top bit set, so neither the division nor the remainder can fail.
    let (Some(mut digit), Some(mut left)) = (rest.checked_div(leading), rest.checked_rem(leading))
    else {
        return (0, rest);
    };
    let mut product = digit.wrapping_mul(trailing);
    while left <= DIGIT && product > (left << 64 | next) {
        digit = digit.wrapping_sub(1);
        left = left.wrapping_add(leading);
        product = product.wrapping_sub(trailing);
    }
    (digit, (left << 64 | next).wrapping_sub(product))
}

/// `(hi, lo)` shifted left by `shift` < 128 bits; the caller knows that no set bit leaves the top.
#[inline]
const fn shift_left(hi: u128, lo: u128, shift: u32) -> (u128, u128) {
    let carried = lo.unbounded_shr(u128::BITS.saturating_sub(shift));
    (hi.unbounded_shl(shift) | carried, lo.unbounded_shl(shift))
}

/// A divisor that is used many times: division by it costs two multiplications.
///
/// Results are those of [`div_rem_wide`] and [`mul_div_u128`], bit for bit. The reciprocal and the
/// division step are Möller and Granlund's ("Improved division by invariant integers", IEEE
/// Transactions on Computers 60(2), Algorithm 4), with 128-bit words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Divisor {
    /// The divisor shifted left until its top bit is set.
    normalized: u128,
    /// By how many bits it was shifted.
    shift: u32,
    /// `floor((2^256 - 1) / normalized) - 2^128`.
    reciprocal: u128,
}

impl Divisor {
    /// Prepares division by `divisor`.
    ///
    /// # Errors
    /// [`MathError::DivisionByZero`] if `divisor` is 0.
    pub const fn new(divisor: u128) -> Result<Self, MathError> {
        if divisor == 0 {
            return Err(MathError::DivisionByZero);
        }
        Ok(Self::of_nonzero(divisor))
    }

    /// Prepares division by a `divisor` that the caller knows not to be 0.
    pub(crate) const fn of_nonzero(divisor: u128) -> Self {
        let shift = divisor.leading_zeros();
        let normalized = divisor.unbounded_shl(shift);
        // (2^256 - 1) - 2^128 * d = (!d, 2^128 - 1), and !d < d because the top bit of d is set.
        let (reciprocal, _) = long_division(!normalized, u128::MAX, normalized);
        Self { normalized, shift, reciprocal }
    }

    /// The divisor itself.
    #[must_use]
    pub const fn get(&self) -> u128 {
        self.normalized.unbounded_shr(self.shift)
    }

    /// `floor(a * b / divisor)`, the product exact in 256 bits.
    ///
    /// # Errors
    /// [`MathError::Overflow`] if the quotient exceeds `u128::MAX`.
    pub fn mul_div(&self, a: u128, b: u128) -> Result<u128, MathError> {
        let (hi, lo) = mul_wide(a, b);
        self.div_rem_wide(hi, lo).map(|(quotient, _)| quotient)
    }

    /// Quotient and remainder of `(hi, lo)` by the divisor.
    ///
    /// # Errors
    /// [`MathError::Overflow`] if the quotient exceeds `u128::MAX`.
    pub fn div_rem_wide(&self, hi: u128, lo: u128) -> Result<(u128, u128), MathError> {
        if hi >= self.get() {
            return Err(MathError::Overflow);
        }
        let (hi, lo) = shift_left(hi, lo, self.shift);
        let (quotient, remainder) = self.divide_normalized(hi, lo);
        Ok((quotient, remainder.unbounded_shr(self.shift)))
    }

    /// The division step for `hi < normalized`. All sums and products are modulo 2^128, as the
    /// algorithm states them.
    fn divide_normalized(&self, hi: u128, lo: u128) -> (u128, u128) {
        let (fraction, estimate) = self.reciprocal.carrying_mul(hi, lo);
        let mut quotient = estimate.wrapping_add(hi).wrapping_add(1);
        let mut remainder = lo.wrapping_sub(quotient.wrapping_mul(self.normalized));
        if remainder > fraction {
            quotient = quotient.wrapping_sub(1);
            remainder = remainder.wrapping_add(self.normalized);
        }
        if remainder >= self.normalized {
            quotient = quotient.wrapping_add(1);
            remainder = remainder.wrapping_sub(self.normalized);
        }
        (quotient, remainder)
    }
}
