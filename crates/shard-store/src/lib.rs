//! The bytes of the shards at one node, and their way there and back.
//!
//! [`ShardStore`] is the seam: a node keeps shards under [`ShardKey`], durable after
//! [`ShardStore::sync`], and gives them back only through a [`VerifiedReader`], which checks every leaf
//! against the root that the log names. [`DirStore`] keeps them in a directory. [`fleet`] moves whole objects
//! between a stream and the stores of many nodes. The rules are in `spec/shard-store.md`.

pub mod dir;
mod error;
pub mod fleet;
mod meter;
mod reader;
mod store;
pub mod testing;

pub use dir::DirStore;
pub use error::StoreError;
pub use reader::{LeafProof, RawShard, VerifiedReader};
pub use store::{ShardKey, ShardStore, StagedShard, StoredShard};
