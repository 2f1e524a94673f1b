//! What every command does and why it is refused: tables, one command a line.
//!
//! Besides the table, the harness checks for each line that a refused command leaves the state as it was,
//! and that a second replica, which has only the bytes, gives the same bytes and the same state root.

mod audits;
mod bounds;
#[path = "../common/mod.rs"]
mod common;
mod epochs;
mod frame;
mod governance;
mod keys;
mod money;
mod nodes;
mod objects;
mod order;
mod rules;
mod scores;
mod standing;
