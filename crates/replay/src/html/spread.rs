//! How evenly something is spread over nodes. Ratios are in millionths.

use alloc::{format, string::String};

use super::figures::{Grouped, MILLION};

/// Numbers of a spread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Spread {
    pub(super) nodes: u64,
    pub(super) total: u64,
    pub(super) least: u64,
    pub(super) most: u64,
    /// `least / mean`.
    pub(super) least_ratio: u64,
    /// `most / mean`.
    pub(super) most_ratio: u64,
    /// Standard deviation over mean.
    pub(super) variation: u64,
}

impl Spread {
    /// The spread of values; `None` of none, or when all are 0.
    pub(super) fn of(values: &[u64]) -> Option<Self> {
        let nodes = u64::try_from(values.len()).ok()?;
        let total = values.iter().fold(0u64, |sum, value| sum.saturating_add(*value));
        if total == 0 {
            return None;
        }
        let (least, most) = (*values.iter().min()?, *values.iter().max()?);
        let ratio = |value| to_mean(value, nodes, total);
        let squares = values.iter().fold(0u128, |sum, value| {
            let away = u128::from(ratio(*value).abs_diff(MILLION));
            sum.saturating_add(away.saturating_mul(away))
        });
        let variance = squares.checked_div(u128::from(nodes))?;
        let variation = u64::try_from(variance.isqrt()).unwrap_or(u64::MAX);
        let (least_ratio, most_ratio) = (ratio(least), ratio(most));
        Some(Self { nodes, total, least, most, least_ratio, most_ratio, variation })
    }

    /// The mean, floored.
    pub(super) fn mean(&self) -> u64 {
        self.total.checked_div(self.nodes).unwrap_or(0)
    }

    /// The mean to two decimals, floored.
    pub(super) fn exact_mean(&self) -> String {
        let hundredths = u128::from(self.total).saturating_mul(100);
        let hundredths = hundredths.checked_div(u128::from(self.nodes)).unwrap_or(0);
        format!("{}.{:02}", Grouped(hundredths / 100), hundredths % 100)
    }

    /// The variation that chance alone gives where each draw takes `run` nodes in a row from a random start: copies of
    /// a node are then binomial with `total / run` trials and probability `run / nodes`, so it is
    /// `sqrt((nodes − run) / total)`.
    pub(super) fn by_chance(&self, run: u64) -> u64 {
        let left = u128::from(self.nodes.saturating_sub(run));
        let scaled = left.saturating_mul(u128::from(MILLION).saturating_mul(u128::from(MILLION)));
        let square = scaled.checked_div(u128::from(self.total)).unwrap_or(0);
        u64::try_from(square.isqrt()).unwrap_or(u64::MAX)
    }
}

fn to_mean(value: u64, nodes: u64, total: u64) -> u64 {
    let millionths = u128::from(value)
        .saturating_mul(u128::from(nodes))
        .saturating_mul(u128::from(MILLION))
        .checked_div(u128::from(total));
    millionths.and_then(|ratio| u64::try_from(ratio).ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rp_20_spreads() {
        assert_eq!(Spread::of(&[]), None);
        assert_eq!(Spread::of(&[0, 0]), None);
        let even = Spread::of(&[7, 7, 7]).unwrap();
        assert_eq!((even.least_ratio, even.most_ratio, even.variation), (MILLION, MILLION, 0));
        let two = Spread::of(&[1, 3]).unwrap();
        assert_eq!(
            (two.mean(), two.least_ratio, two.most_ratio, two.variation),
            (2, 500_000, 1_500_000, 500_000)
        );
        let huge = Spread::of(&[u64::MAX / 2, 0]).unwrap();
        assert_eq!((huge.most_ratio, huge.variation), (2_000_000, MILLION));
    }

    /// Of 100 copies in runs of 3 over 12 nodes: sqrt(9 / 100).
    #[test]
    fn rp_20_chance() {
        let spread = Spread::of(&[9, 8, 8, 8, 8, 8, 8, 8, 8, 9, 9, 9]).unwrap();
        assert_eq!((spread.total, spread.by_chance(3), spread.by_chance(12)), (100, 300_000, 0));
    }
}
