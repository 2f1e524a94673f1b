//! A disk that fails in every way, and histories that must survive it.
//!
//! Everything durable in the journal goes through [`journal::Disk`]. [`SimDisk`] is one in memory that keeps what that
//! trait promises, and not a byte more. There is no clock, no thread and no randomness but [`Random`]: whatever happens
//! follows from a seed, and a seed that failed fails again, with the same [`SimDisk::trace`].
//!
//! # What it does to bytes
//!
//! Every write goes to a cache, which is what readers see. When the power is lost ([`Ending::PowerLost`]), each sector of
//! [`disk::SECTOR`] bytes is what it was at *some* moment since the last sync of its file: at that sync, now, or after any write in
//! between. Each sector is decided by itself, and so is the length, so writes come out torn, short, lost and in another
//! order. A name that was made, changed or removed since the last sync of its directory is so or not, each by itself. When only
//! the process ends ([`Ending::ProcessKilled`]), the cache stays; this is how bytes come to be read that were never synced.
//!
//! [`Faults`] adds what else disks do: syncs that fail and forget, sectors in wrong places, no room. [`SimDisk::rot`]
//! turns bits. A sector is never torn itself; the journal's format builds on that, and says so (JO-5).
//!
//! # Crashes at every point
//!
//! Each operation that changes something is a *write point*. [`Faults::crash_at`] stops the machine within the one of that number;
//! everything fails until [`SimDisk::restart`]. To break a history everywhere: run it once, read [`SimDisk::points`], run it
//! again for every number up to there. Then do the same to the recovery, which is a history as well.
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
//! For the whole stack, the model's entries become commands with their receipts, and three promises are added: a receipt that
//! was given is given again for the same command, a checkpoint that was signed stays a prefix of the log, and the state's root after
//! recovery is the root that executing the model's commands in memory gives. The tree's file (`journal::NodeFile`), the
//! checkpoint and the keys take a `SimDisk` as they are. The state store is a cache without files of its own
//! here: an ordered map that forgets, at a crash, every commit since one that it draws.
//!
//! To look for rare failures, run [`log_history::run`] over more seeds than the tests do; a failing seed belongs into a test.

#![forbid(unsafe_code)]

pub mod disk;
pub mod log_history;
pub mod random;
pub mod stack;

pub use disk::{Ending, Faults, SimDisk, SimFile};
pub use random::Random;
