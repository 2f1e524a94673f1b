//! What the ledger must have computed, derived a second time (RP-6).
//!
//! Written from the rules LA-6, PL-1 to PL-4, PL-9 to PL-11, RG-4 to RG-7, GV-4 to GV-8 and EC-1 to EC-8, without the
//! functions by which the ledger decides: an error would have to be made twice to go unseen.

mod money;
mod nodes;
mod placement;
mod shards;
mod votes;

pub(crate) use money::{balance_and_debt, conserves, fee, settled, settlement};
pub(crate) use nodes::{Observed, bucket, is_listed, next_standing, status};
pub(crate) use placement::{Copy, Told, assignment, replacement, start, told, walk};
pub(crate) use shards::{Shard, Texts, shards};
pub(crate) use votes::{effective, needed, weights, window};
