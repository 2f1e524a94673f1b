//! The auditor: re-executes a log and compares every byte.
//!
//! [`audit`] reads an export file once, in constant memory besides the state of the ledger. It works in three
//! stages, which `cli::threads` runs at the same time: entries are decoded, prepared as far as no state is
//! needed, and applied to the state. Each entry is decoded canonically, executed again from its command, and compared byte for byte; chain, tree,
//! checkpoint and signatures are checked at the end. The [`Report`] says what was found, and
//! [`evidence`] turns it into three documents. The rules are in `spec/replay.md`.
//!
//! The library does no I/O. Feature `cli` adds the command line, feature `workload` a generated log under
//! published test keys.
#![cfg_attr(not(feature = "cli"), no_std)]
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

mod activity;
mod apply;
mod audit;
mod books;
mod compare;
mod decode;
mod derive;
mod divergence;
pub mod evidence;
pub mod explain;
mod framing;
mod holdings;
#[cfg(feature = "cli")]
pub mod html;
mod keep;
mod keys;
mod names;
mod prepare;
mod report;
mod rows;
#[cfg_attr(not(feature = "cli"), expect(dead_code, reason = "only a scratch is gone on with"))]
mod saved;

#[cfg(feature = "cli")]
pub mod cli;
#[cfg(feature = "workload")]
pub mod workload;

pub use activity::{Activity, Kind};
pub use audit::{Progress, audit};
pub use books::AccountTotals;
pub use compare::{Difference, first_difference};
pub use divergence::Divergence;
pub use names::event_type;
pub use report::{
    AuditCounts, Derivations, EpochSummary, LogKeys, NodeSummary, Report, SignatureSummary,
    StateRoot, Verdict,
};
pub use rows::RowsRoot;
