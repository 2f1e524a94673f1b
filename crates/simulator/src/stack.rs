//! Histories of a whole ledger on one node: clients, execution, log, tree, state, checkpoints, and every way to end.
//!
//! See [`history`] for what is driven, [`model`] and [`rules`] for what is expected, [`flaw`] for the proof that it is.

pub mod client;
pub mod compare;
pub mod flaw;
pub mod history;
pub mod model;
pub mod plan;
pub mod rules;
pub mod shrink;
pub mod store;
pub mod summary;

/// The ledger's directory.
const DIR: &str = "/ledger";
/// Its log.
const LOG_DIR: &str = "/ledger/log";
