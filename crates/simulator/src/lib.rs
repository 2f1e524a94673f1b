//! A disk that fails in every way, and histories that must survive it.
//!
//! Everything durable in the journal goes through a [`disk::Disk`]. [`SimDisk`] is one in memory that keeps what that
//! trait promises, and not a byte more, and can stop at every write point: [`disk::sim`] says what it does to bytes. There is
//! no clock, no thread and no randomness but [`Random`]: whatever happens follows from a seed, and a seed that failed fails
//! again, with the same [`SimDisk::trace`].
//!
//! # How to simulate something
//!
//! [`log_history`] is the pattern, for the log alone:
//!
//! 1. Keep a *model* beside the thing: plain lists of what was asked for, and how much of it was acknowledged.
//! 2. Draw operations from a [`Random`]. Tell the model first, then do them, for an operation that failed may have
//!    happened.
//! 3. After an error, end the life (`restart`), open again until opening is not interrupted any more, and compare: what
//!    was acknowledged is there, in order; what was not is there as a whole or not at all; nothing else is. Then the model
//!    takes over what was found.
//! 4. Bytes that were changed behind the thing's back may be found as damage instead, but never read as something else.
//! 5. Report a [`log_history::Violation`] with seed and trace, not a panic, so that a search can go on.
//!
//! [`stack`] is the same for a whole node. Its history is a list of steps ([`stack::plan`]), drawn before anything happens: clients ask,
//! and execution, writing, syncing, keeping the state and signing are steps of their own, so that they overlap as threads
//! make them overlap. [`stack::rules`] says what every command must come to, written from the specification; [`stack::model`]
//! which entries may be lost, and which never. Three things are judged from outside and not by what the journal says:
//!
//! - what is durable, by cutting the power of a copy of the disk ([`SimDisk::durable`]): at every receipt, every commit of the
//!   state and every checkpoint;
//! - what an entry is, by its bytes, its hash, the root of the tree, and by executing everything from nothing at the end;
//! - whether a failure had a cause, and whether anything is still answered after it.
//!
//! A history that fails is shrunk ([`stack::shrink`]) to the steps that it takes. [`stack::flaw`] has the mistakes that must be found.
//!
//! To look for rare failures: `cargo run -p simulator -- --seeds FROM..TO`. What it finds belongs into a test.

#![forbid(unsafe_code)]

pub mod log_history;
pub mod stack;

pub use disk::sim::{Ending, Faults, Random, SimDisk, SimFile};
