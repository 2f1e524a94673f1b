//! Storage nodes: what snapshots say about them, who is verified and eligible, and the arithmetic of the
//! proposals that change the rules for them.
//!
//! Rules RG-* of `spec/registry.md` and GV-* of `spec/governance.md`. Telemetry is observation: it acts only through these rules, once
//! per epoch, and never on a single request.
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

pub mod eligibility;
pub mod facts;
pub mod governance;
pub mod lifecycle;
pub mod scheme;
pub mod snapshot;
pub mod verification;

pub use facts::Facts;
pub use verification::verify;
