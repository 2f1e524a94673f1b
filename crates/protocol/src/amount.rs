//! Amounts of ATR or NOD, and ratios: [`BigNum128`] with canonical bytes.

use borsh::{
    BorshDeserialize, BorshSerialize,
    io::{Read, Result, Write},
};
use certified_math::{BigNum128, MathError};
use core::{fmt, str::FromStr};

/// A non-negative fixed-point number with 18 decimals. Encoded as its raw u128, little endian.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Amount(pub BigNum128);

impl Amount {
    /// Nothing.
    pub const ZERO: Self = Self(BigNum128::ZERO);

    /// The amount of `raw` units of 10^-18.
    #[must_use]
    pub const fn from_raw(raw: u128) -> Self {
        Self(BigNum128::from_raw(raw))
    }

    /// Units of 10^-18.
    #[must_use]
    pub const fn raw(self) -> u128 {
        self.0.raw()
    }
}

impl Default for Amount {
    fn default() -> Self {
        Self::ZERO
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Plain decimal digits, with at most 18 after a point (CM-11).
impl FromStr for Amount {
    type Err = MathError;

    fn from_str(text: &str) -> core::result::Result<Self, MathError> {
        BigNum128::parse(text).map(Self)
    }
}

impl BorshSerialize for Amount {
    fn serialize<W: Write>(&self, writer: &mut W) -> Result<()> {
        self.raw().serialize(writer)
    }
}

impl BorshDeserialize for Amount {
    fn deserialize_reader<R: Read>(reader: &mut R) -> Result<Self> {
        u128::deserialize_reader(reader).map(Self::from_raw)
    }
}
