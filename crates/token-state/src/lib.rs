//! Money: ATR fees, the settlement of an epoch, NOD rewards, treasury, reserve, and their conservation.
//!
//! Rules EC-* of `spec/economics.md`. Everything here is integer arithmetic on units of 10^-18.
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

pub mod account;
pub mod bundle;
pub mod fee;
pub mod settlement;
pub mod treasury;

pub use account::Account;
pub use bundle::{AccountSums, TokenStateBundle};
pub use fee::storage_fee;
pub use settlement::{Contribution, settle, uptime_bucket};
pub use treasury::Treasury;
