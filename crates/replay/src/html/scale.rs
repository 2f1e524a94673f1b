//! Axes: a round number at the top, and where values stand below it. Whole numbers only.

/// Steps from the bottom of a plot to its top.
pub(super) const STEPS: u32 = 1_000;

/// Values above this are halved before they are multiplied.
const SAFE: u128 = u128::MAX >> 12;

/// How many of `STEPS` a value takes of `of`, floored; nothing of nothing.
pub(super) fn steps(value: u128, of: u128) -> u32 {
    let (mut value, mut of) = (value.min(of), of);
    while of > SAFE {
        (value, of) = (value >> 1, of >> 1);
    }
    let steps = value.saturating_mul(u128::from(STEPS)).checked_div(of).unwrap_or(0);
    u32::try_from(steps).unwrap_or(STEPS)
}

/// The least of 1, 2, 4, 6, 8, 10 × 10^n that is not below `most`; at least 1.
pub(super) fn round_top(most: u128) -> u128 {
    let mut power: u128 = 1;
    while power.saturating_mul(10) < most {
        power = power.saturating_mul(10);
    }
    let tops = [1, 2, 4, 6, 8, 10].map(|factor| power.saturating_mul(factor));
    tops.into_iter().find(|top| *top >= most).unwrap_or(u128::MAX)
}

/// The least power of two, or one and a half of it, that is not below `most`; at least 1.
pub(super) fn round_bytes(most: u64) -> u64 {
    let Some(power) = most.max(1).checked_next_power_of_two() else { return u64::MAX };
    let between = (power >> 1).saturating_add(power >> 2);
    if between >= most.max(1) { between } else { power }
}

/// Distance between labels so that at most `labels` of them stand on a span: 1, 2, 5 × 10^n.
pub(super) fn label_step(span: u64, labels: u64) -> u64 {
    let mut power: u64 = 1;
    loop {
        for factor in [1, 2, 5] {
            let step = power.saturating_mul(factor);
            if span.checked_div(step).is_none_or(|needed| needed < labels) {
                return step;
            }
        }
        power = power.saturating_mul(10);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn rp_20_tops_are_round() {
        let tops = [(0, 1), (1, 1), (3, 4), (9, 10), (10, 10), (11, 20), (61, 80), (101, 200)];
        for (most, top) in tops {
            assert_eq!(round_top(most), top, "{most}");
        }
        let tops =
            [(0, 1), (1, 1), (3, 3), (4, 4), (5, 6), (7, 8), (1025, 1536), (u64::MAX, u64::MAX)];
        for (most, top) in tops {
            assert_eq!(round_bytes(most), top, "{most}");
        }
        assert_eq!([label_step(3, 5), label_step(12, 5), label_step(1_040, 5)], [1, 5, 500]);
    }

    proptest! {
        #[test]
        fn rp_20_values_stay_below_the_top(value in any::<u128>(), most in any::<u128>()) {
            prop_assert!(round_top(most) >= most);
            prop_assert!(steps(value, most) <= STEPS);
            prop_assert_eq!(steps(most, most), if most == 0 { 0 } else { STEPS });
        }

        #[test]
        fn rp_20_labels_fit(span in any::<u64>(), labels in 2u64..9) {
            prop_assert!(span / label_step(span, labels) < labels);
        }
    }
}
