//! The life of a node: its standing in the next epoch, and the failed proofs that it rests on (RG-6).

use alloc::vec::Vec;
use protocol::{
    limits::MAX_QUARANTINE_EPOCHS,
    node::Standing::{
        self, Active, Degraded, Draining, Exited, Expelled, Probation, Quarantined, Revoked,
    },
    rules::Quarantine,
};

/// What governance puts into force for a node when an epoch closes (GV-10).
///
/// Ordered by how hard they are: of several for one node, the greatest stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Order {
    /// The node, if it is quarantined, is on probation.
    Reinstate,
    /// The node is quarantined.
    Quarantine,
    /// The node is expelled.
    Expel,
}

/// What the closing of an epoch e sees of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Observation {
    /// Whether the closing facts verify it under the rules of e + 1.
    pub verified: bool,
    /// Whether the closing facts name it as revoked.
    pub revoked: bool,
    /// Its failed proofs in the window of `quarantine`: see [`failures_in_window`].
    pub failures: u64,
    /// Epochs that its standing has lasted: e + 1 − since.
    pub epochs: u64,
    /// Whether a copy is assigned to it.
    pub holds_copies: bool,
    /// The hardest of the orders that e + 1 puts into force for it.
    pub order: Option<Order>,
    /// The rule of e + 1.
    pub quarantine: Quarantine,
    /// The parameter of e + 1.
    pub probation_epochs: u32,
}

impl Observation {
    fn is_sound(&self) -> bool {
        self.verified && self.failures == 0
    }

    fn fails_too_often(&self) -> bool {
        let bound = self.quarantine.failures;
        bound > 0 && self.failures >= u64::from(bound)
    }
}

/// The standing in e + 1 of a node that has `standing` in e. The first line of RG-6 that applies decides.
#[must_use]
pub fn next(standing: Standing, seen: &Observation) -> Standing {
    match standing {
        Expelled | Exited => standing,
        _ if seen.order == Some(Order::Expel) => Expelled,
        Draining if seen.holds_copies => Draining,
        Draining => Exited,
        _ if seen.order == Some(Order::Quarantine) => Quarantined,
        Quarantined if seen.order != Some(Order::Reinstate) => Quarantined,
        _ if seen.revoked => Revoked,
        Quarantined => Probation,
        _ if seen.fails_too_often() => Quarantined,
        Revoked => Probation,
        Probation if seen.epochs < u64::from(seen.probation_epochs) => Probation,
        Probation if seen.is_sound() => Active,
        Probation => Probation,
        Active | Degraded if seen.is_sound() => Active,
        Active | Degraded => Degraded,
    }
}

/// Failed proofs in a window of `epochs`: those of the closing epoch, and of the `epochs` − 1 before it.
///
/// `failed` is the count of the closing epoch, `failures` those of earlier ones, the latest first.
#[must_use]
pub fn failures_in_window(failed: u32, failures: &[u32], epochs: u32) -> u64 {
    let earlier = usize::try_from(epochs.saturating_sub(1)).unwrap_or(usize::MAX);
    // At most 2^32 numbers below 2^32: the sum fits.
    core::iter::once(&failed).chain(failures.iter().take(earlier)).copied().map(u64::from).sum()
}

/// The counts to keep once an epoch with `failed` failed proofs is closed: the latest first, no more than
/// the longest window needs.
#[must_use]
pub fn pushed(failed: u32, failures: &[u32]) -> Vec<u32> {
    let longest = usize::try_from(MAX_QUARANTINE_EPOCHS).unwrap_or(usize::MAX);
    core::iter::once(&failed).chain(failures).copied().take(longest).collect()
}
