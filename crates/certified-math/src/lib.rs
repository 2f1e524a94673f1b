//! Certified fixed-point arithmetic.
//!
//! [`BigNum128`] is an unsigned number of 18 decimals in a `u128`. Every operation is the exact real
//! result up to one rounding down, or it is a [`MathError`]: nothing wraps, nothing clamps, nothing
//! depends on the platform (rule CM-13). Products are formed in 256 bits, so an intermediate never overflows
//! before its quotient does. Roots, exponentials, logarithms and powers are enclosed between bounds at
//! a growing precision, until one result is left.
//!
//! The rules CM-1 to CM-23 are written down in `spec/certified-math.md`.
#![no_std]
#![cfg_attr(
    not(test),
    deny(
        clippy::arithmetic_side_effects,
        clippy::as_conversions,
        clippy::float_arithmetic,
        clippy::indexing_slicing,
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic
    )
)]

extern crate alloc;

mod bignum;
mod constants;
mod elementary;
mod enclosure;
mod error;
mod kernels;
mod nat;
mod power;
mod shares;
mod wide;

pub use bignum::BigNum128;
pub use error::MathError;
pub use shares::{Shares, split};
pub use wide::{Divisor, div_rem_wide, mul_div_u128, mul_wide};
