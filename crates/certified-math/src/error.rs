//! Why an operation has no result.

use core::fmt;

/// Why an operation has no result (rule CM-4). The operands are never changed by a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MathError {
    /// The result is greater than the type can hold.
    Overflow,
    /// The result would be less than zero.
    Underflow,
    /// The divisor is zero; reported before any overflow.
    DivisionByZero,
    /// The text is not a decimal number in the one accepted form (rule CM-11).
    Syntax,
    /// The function has no value there: the logarithm of 0, or bounds of which the lower is the greater.
    Domain,
}

impl fmt::Display for MathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Overflow => "the result is too large to represent",
            Self::Underflow => "the result would be negative",
            Self::DivisionByZero => "division by zero",
            Self::Syntax => "not a plain decimal number with at most 18 decimals",
            Self::Domain => "the function is not defined for these arguments",
        })
    }
}

impl core::error::Error for MathError {}
