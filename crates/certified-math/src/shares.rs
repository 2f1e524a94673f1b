//! An amount split by weights.

use crate::nat::Nat;
use crate::{BigNum128, Divisor, MathError};
use alloc::vec::Vec;

/// What [`split`] makes of an amount. The parts and the rest add up to the amount, to the last unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shares {
    /// One part for each weight, in the order of the weights.
    pub parts: Vec<BigNum128>,
    /// What rounding down left over: less than one unit for each weight that is not 0.
    pub rest: BigNum128,
}

/// Splits `amount` by `weights`: each part is `floor(amount * weight / sum of weights)`, exactly, for
/// any weights and any number of them (rule CM-22).
///
/// # Errors
/// [`MathError::DivisionByZero`] if the weights sum to 0, as those of an empty list do.
pub fn split(amount: BigNum128, weights: &[u128]) -> Result<Shares, MathError> {
    let short = weights.iter().try_fold(0u128, |sum, weight| sum.checked_add(*weight));
    let parts = match short {
        Some(sum) => split_short(amount, weights, sum)?,
        None => split_long(amount, weights),
    };
    let rest = amount.sub(BigNum128::sum(parts.iter().copied())?)?;
    Ok(Shares { parts, rest })
}

/// The parts where the weights' `sum` fits 128 bits.
fn split_short(
    amount: BigNum128,
    weights: &[u128],
    sum: u128,
) -> Result<Vec<BigNum128>, MathError> {
    let by_sum = Divisor::new(sum)?;
    let part = |weight: &u128| by_sum.mul_div(amount.raw(), *weight).map(BigNum128::from_raw);
    weights.iter().map(part).collect()
}

/// The parts for any sum but 0.
fn split_long(amount: BigNum128, weights: &[u128]) -> Vec<BigNum128> {
    let (amount, sum) = (Nat::from(amount.raw()), weights.iter().fold(Nat::default(), add));
    let part = |weight: &u128| {
        // No part is above the amount, so each fits.
        let part = amount.times(&Nat::from(*weight)).quotient(&sum).to_u128().unwrap_or_default();
        BigNum128::from_raw(part)
    };
    weights.iter().map(part).collect()
}

fn add(sum: Nat, weight: &u128) -> Nat {
    sum.plus(&Nat::from(*weight))
}
