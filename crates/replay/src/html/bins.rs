//! Epochs in at most so many bins, so that a long log stays readable.

use alloc::{format, string::String, vec::Vec};
use protocol::{Amount, event::Settlement};

use super::{figures::Grouped, scale};
use crate::{Activity, EpochSummary};

/// Most bins of a plot.
pub(super) const MAX_BINS: u64 = 120;

/// Labels of an axis, few enough for a narrow page.
const LABELS: u64 = 6;

/// Closed epochs in bins of equal width; the last one may be shorter.
pub(super) struct Bins<'a> {
    /// Epochs in a bin.
    pub(super) width: u64,
    pub(super) bins: Vec<Bin<'a>>,
}

/// Consecutive epochs.
#[derive(Clone, Copy)]
pub(super) struct Bin<'a>(&'a [EpochSummary]);

/// A label below a plot: its place in ten-thousandths of the width, and its text.
pub(super) type Label = (u64, String);

impl<'a> Bins<'a> {
    pub(super) fn of(epochs: &'a [EpochSummary]) -> Self {
        let number = u64::try_from(epochs.len()).unwrap_or(u64::MAX);
        let width = number.div_ceil(MAX_BINS).max(1);
        let chunk = usize::try_from(width).unwrap_or(usize::MAX);
        Self { width, bins: epochs.chunks(chunk).map(Bin).collect() }
    }

    /// `epoch` or `9 epochs`: what a bar stands for.
    pub(super) fn unit(&self) -> String {
        if self.width == 1 { "epoch".into() } else { format!("{} epochs", self.width) }
    }

    /// One value for each bin.
    pub(super) fn values(&self, value: impl Fn(&Bin<'a>) -> u128) -> Vec<u128> {
        self.bins.iter().map(value).collect()
    }

    /// The first epoch and round ones after it, each below the middle of its own part of the bar.
    pub(super) fn labels(&self) -> Vec<Label> {
        let (Some(first), Some(last)) = (self.bins.first(), self.bins.last()) else {
            return Vec::new();
        };
        let (first, last) = (first.first(), last.last());
        let step = scale::label_step(last.saturating_sub(first), LABELS);
        let round = (1..=LABELS).map(|number| number.saturating_mul(step));
        let far = |epoch: &u64| {
            *epoch <= last && epoch.saturating_sub(first) >= step / 2 && *epoch > first
        };
        let others = round
            .filter(far)
            .map(|epoch| (self.place(first, epoch), format!("{}", Grouped::of(epoch))));
        core::iter::once((self.place(first, first), format!("epoch {first}")))
            .chain(others)
            .collect()
    }

    fn place(&self, first: u64, epoch: u64) -> u64 {
        let bins = u64::try_from(self.bins.len()).unwrap_or(1);
        let halves = epoch.saturating_sub(first).saturating_mul(2).saturating_add(1);
        let all = bins.saturating_mul(self.width).saturating_mul(2);
        halves.saturating_mul(10_000).checked_div(all).unwrap_or(0)
    }
}

impl Bin<'_> {
    pub(super) fn first(&self) -> u64 {
        self.0.first().map_or(0, |epoch| epoch.epoch)
    }

    pub(super) fn last(&self) -> u64 {
        self.0.last().map_or(0, |epoch| epoch.epoch)
    }

    /// `7`, or `1–9`.
    pub(super) fn name(&self) -> String {
        let (first, last) = (self.first(), self.last());
        if first == last { format!("{first}") } else { format!("{first}–{last}") }
    }

    /// The last of its epochs.
    pub(super) fn closing(&self) -> Option<&EpochSummary> {
        self.0.last()
    }

    pub(super) fn sum(&self, value: impl Fn(&EpochSummary) -> u64) -> u64 {
        self.0.iter().fold(0, |sum, epoch| sum.saturating_add(value(epoch)))
    }

    pub(super) fn activity(&self) -> Activity {
        let mut all = Activity::default();
        self.0.iter().for_each(|epoch| all.merge(&epoch.activity));
        all
    }

    pub(super) fn settlement(&self) -> Settlement {
        let all = |part: fn(&Settlement) -> Amount| {
            let parts = self.0.iter().map(|epoch| part(&epoch.settlement).raw());
            Amount::from_raw(parts.fold(0, u128::saturating_add))
        };
        Settlement {
            fees: all(|s| s.fees),
            pool: all(|s| s.pool),
            rewards: all(|s| s.rewards),
            treasury: all(|s| s.treasury),
            reserve: all(|s| s.reserve),
        }
    }
}
