//! The seam to ordering: who says which command comes next, at which tick, and when it is safe.

use std::{iter::Peekable, vec};
use storage_engine::Admitted;

/// Commands in their order.
#[derive(Debug)]
pub struct Batch {
    /// Each command with its tick.
    pub commands: Vec<(u64, Admitted)>,
    /// What the sequencer wants back after a restart; stored beside the entries, never in them.
    pub cursor: Vec<u8>,
    /// Whether the executor must make the entries durable before receipts are given. A quorum that holds the
    /// commands already needs no local sync.
    pub sync: bool,
}

impl Batch {
    pub(crate) fn into_parts(self) -> (Vec<u8>, Peekable<vec::IntoIter<(u64, Admitted)>>) {
        (self.cursor, self.commands.into_iter().peekable())
    }
}

/// Orders commands. Implementations differ in who agrees on the order, never in the entries that result.
pub trait Sequencer: std::fmt::Debug + Send {
    /// Puts `commands` in an order, in which they keep their places among each other: results are given back in
    /// it. `last_tick` is the tick of the last entry; ticks never go back.
    fn order(&mut self, last_tick: u64, commands: Vec<Admitted>) -> Vec<Batch>;
}

/// One process, one writer: the order is that of arrival, each tick one more than the last.
#[derive(Debug, Default)]
pub struct Solo;

impl Sequencer for Solo {
    fn order(&mut self, last_tick: u64, commands: Vec<Admitted>) -> Vec<Batch> {
        let commands = (last_tick.saturating_add(1)..).zip(commands).collect();
        vec![Batch { commands, cursor: Vec::new(), sync: true }]
    }
}

/// What every [`Sequencer`] must do. Each implementation calls this in its tests.
///
/// # Panics
/// When `sequencer` does not conform.
#[cfg(any(test, feature = "conformance"))]
pub fn conformance(sequencer: &mut dyn Sequencer, commands: Vec<Admitted>) {
    let sent: Vec<_> = commands.iter().map(|command| command.command().id).collect();
    let batches = sequencer.order(41, commands);
    let ordered: Vec<_> = batches.iter().flat_map(|batch| &batch.commands).collect();
    let got: Vec<_> = ordered.iter().map(|(_, command)| command.command().id).collect();
    let ticks: Vec<u64> = ordered.iter().map(|(tick, _)| *tick).collect();
    assert!(ticks.is_sorted() && ticks.first().is_none_or(|tick| *tick >= 41), "{ticks:?}");
    assert_eq!(got, sent, "every command once, in the order of arrival, and no other");
}
