//! The EQM log: an append-only sequence of entries that anyone can check without trusting its keeper.
//!
//! An entry is opaque here: canonical bytes, called its *body*. Two structures commit to every body. The
//! [`chain`] links each entry to the one before it (SHA3-256); the [`tree`] is an RFC 6962 Merkle tree
//! (SHA-256) whose leaves repeat the chain's links. A [`checkpoint`] signs the tree's size and root with two
//! signature suites in the C2SP text formats, a [`proof`] shows one entry under a checkpoint, a
//! [`consistency`] proof that a log has only grown, the
//! [`export`] file carries a whole log in one stream, and [`tile`]s are the log as static files.
//!
//! The formats, byte by byte and with numbered rules, are in `spec/eqm-log.md`.
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

pub mod chain;
pub mod checkpoint;
pub mod consistency;
pub mod cosignature;
pub mod export;
pub mod head;
pub mod leaf;
pub mod misbehaviour;
pub mod note;
pub mod policy;
pub mod proof;
pub mod tile;
pub mod tree;

mod text;

pub use chain::Chain;
pub use checkpoint::{Checkpoint, VerifiedCheckpoint};
pub use consistency::ConsistencyProof;
pub use head::LogHead;
pub use leaf::Leaf;
pub use misbehaviour::Misbehaviour;
pub use note::{Note, VerifierKey};
pub use policy::Policy;
pub use proof::LogProof;
pub use tile::{Tile, TileKind, TileSource, TileTree};
pub use tree::{Frontier, NodeReader, TreeHash};

/// Longest body in bytes: with the 32 bytes of the previous entry's hash before it, a leaf then fits the
/// 16-bit length of a tile bundle (C2SP tlog-tiles, "Log entries").
pub const MAX_BODY_LEN: usize = 65_535 - 32;

/// Most entries of a log, 2^63 − 1: sizes stay within a signed 64-bit integer, which other tools use.
pub const MAX_LOG_SIZE: u64 = u64::MAX >> 1;
