//! Executes ordered commands durably; the one place where the engine and the log meet.
//!
//! The log is the database: entries in segment files ([`segment`]) are all that must reach the disk before a
//! client gets its receipt. The state ([`rocks`]) is a cache of the log; [`Ledger::open`] re-executes what the
//! cache has not seen and compares every entry's hash, so that every restart is also a check. Everything but the state
//! goes through a [`Disk`], so that a simulator can crash it at every write.

pub mod appender;
pub mod checkpoint;
pub mod committer;
pub mod engine;
pub mod error;
pub mod executor;
pub mod files;
pub mod holders;
pub mod keys;
pub mod ledger;
pub mod log;
pub mod node_file;
pub mod rocks;
pub mod segment;
pub mod sequencer;
pub mod shared;
pub mod tiles;

pub use appender::Appender;
pub use committer::Committer;
pub use disk::{self, Disk, DiskFile, RealDisk};
pub use error::JournalError;
pub use executor::{Executor, Recovery, Submitted};
pub use holders::LogKeys;
pub use keys::KeyStore;
pub use ledger::Ledger;
pub use log::{Log, LoggedEntry};
pub use node_file::NodeFile;
pub use rocks::RocksStore;
pub use sequencer::{Batch, Sequencer, Solo};
pub use shared::SharedLedger;
pub use tiles::{Published, TileDir};
