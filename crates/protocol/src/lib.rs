//! The nouns of the ledger and their canonical bytes: commands, events, outcomes, entries, ids,
//! limits and error codes.
//!
//! Every type that reaches a hash has one encoding: borsh in a fixed field order (`spec/protocol.md`).
//! [`canonical::decode`] refuses bytes that do not encode back to themselves.
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

pub mod amount;
pub mod canonical;
pub mod command;
pub mod entry;
pub mod error;
pub mod event;
pub mod genesis;
pub mod governance;
pub mod hash;
pub mod ids;
pub mod json;
pub mod keys;
pub mod layout;
pub mod limits;
pub mod metadata;
pub mod node;
pub mod parameters;
pub mod rules;
pub mod signature;

pub use amount::Amount;
pub use command::{Action, Authorization, Command};
pub use entry::{EntryBody, Outcome, Receipt};
pub use error::{ErrorCode, Refusal};
pub use event::Event;
pub use genesis::Genesis;
pub use hash::Hash32;
pub use ids::{AccountId, CommandId, NodeId, ObjectId};
pub use layout::{Layout, Profile};
pub use parameters::Parameters;
pub use rules::Rules;
