//! Layout, placement, proofs, state and its transitions: the pure core.
//!
//! A command goes one way: [`admit`] judges its shape and signature, [`decide`](decide::decide) reads the
//! state and says what happens, [`evolve`](evolve::evolve) writes it, [`execute`](execute::execute) joins
//! them and gives the bytes of the entry.
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

mod admit;
pub mod audit;
pub mod content;
pub mod decide;
pub mod erasure;
pub mod evolve;
pub mod execute;
pub mod layout;
pub mod placement;
pub mod query;
pub mod shard_tree;
pub mod state;

pub use admit::{
    Admission, Admitted, Derived, Inadmissible, admit, admit_all, check_domain, identity,
};
pub use execute::{Executed, execute, execute_admission, execute_committed};
