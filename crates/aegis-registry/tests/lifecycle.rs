//! The life of a node: rule RG-6, line by line, and against the table read as data.

use aegis_registry::lifecycle::{
    Observation,
    Order::{self, Expel, Quarantine, Reinstate},
    failures_in_window, next, pushed,
};
use proptest::prelude::*;
use protocol::{
    limits::MAX_QUARANTINE_EPOCHS,
    node::Standing::{
        self, Active, Degraded, Draining, Exited, Expelled, Probation, Quarantined, Revoked,
    },
    rules,
};

/// A verified node without failures, with copies, past its probation, under a rule of 3 failures.
const GOOD: Observation = Observation {
    verified: true,
    revoked: false,
    failures: 0,
    epochs: 10,
    holds_copies: true,
    order: None,
    quarantine: rules::Quarantine { failures: 3, epochs: 3 },
    probation_epochs: 2,
};
const BAD: Observation = Observation { verified: false, ..GOOD };
const EMPTY: Observation = Observation { holds_copies: false, ..GOOD };
const REVOKED: Observation = Observation { revoked: true, ..BAD };

const fn ordered(order: Order, seen: Observation) -> Observation {
    Observation { order: Some(order), ..seen }
}

const fn failed(failures: u64, seen: Observation) -> Observation {
    Observation { failures, ..seen }
}

const fn after(epochs: u64, seen: Observation) -> Observation {
    Observation { epochs, ..seen }
}

/// RG-6: every line, on its own.
#[test]
fn rg_6_every_line() {
    let off = rules::Quarantine { failures: 0, epochs: 3 };
    let table = [
        (1, Expelled, GOOD, Expelled),
        (1, Exited, GOOD, Exited),
        (2, Active, ordered(Expel, GOOD), Expelled),
        (3, Draining, GOOD, Draining),
        (3, Draining, EMPTY, Exited),
        (4, Active, ordered(Quarantine, GOOD), Quarantined),
        (5, Quarantined, ordered(Reinstate, GOOD), Probation),
        (5, Quarantined, ordered(Reinstate, REVOKED), Revoked),
        (6, Quarantined, GOOD, Quarantined),
        (6, Quarantined, REVOKED, Quarantined),
        (7, Active, REVOKED, Revoked),
        (7, Revoked, REVOKED, Revoked),
        (8, Active, failed(3, GOOD), Quarantined),
        (8, Degraded, failed(u64::MAX, GOOD), Quarantined),
        (8, Probation, failed(3, GOOD), Quarantined),
        (9, Revoked, GOOD, Probation),
        (9, Revoked, BAD, Probation),
        (10, Probation, after(2, GOOD), Active),
        (10, Probation, after(1, GOOD), Probation),
        (10, Probation, after(2, BAD), Probation),
        (10, Probation, failed(1, GOOD), Probation),
        (10, Probation, after(0, Observation { probation_epochs: 0, ..GOOD }), Active),
        (11, Active, GOOD, Active),
        (11, Degraded, GOOD, Active),
        (11, Active, BAD, Degraded),
        (11, Active, failed(1, GOOD), Degraded),
        (11, Active, failed(2, GOOD), Degraded),
        (11, Degraded, BAD, Degraded),
        (11, Active, Observation { quarantine: off, ..failed(1 << 40, GOOD) }, Degraded),
        // An order to reinstate says nothing to a node that is not quarantined.
        (11, Active, ordered(Reinstate, GOOD), Active),
        (11, Active, ordered(Reinstate, BAD), Degraded),
    ];
    for (line, standing, seen, expected) in table {
        assert_eq!(next(standing, &seen), expected, "line {line}: {standing} {seen:?}");
        assert_eq!(first_line(standing, &seen).0, line, "{standing} {seen:?}");
    }
}

/// RG-6: where two lines apply, the upper one decides. Lines 4 and 5, 9 and 10, 10 and 11 never meet.
#[test]
fn rg_6_the_upper_line_decides() {
    let table = [
        ((1, 2), Exited, ordered(Expel, GOOD), Exited),
        ((1, 7), Expelled, REVOKED, Expelled),
        ((2, 3), Draining, ordered(Expel, EMPTY), Expelled),
        ((2, 7), Active, ordered(Expel, REVOKED), Expelled),
        ((2, 6), Quarantined, ordered(Expel, GOOD), Expelled),
        ((2, 8), Active, ordered(Expel, failed(3, GOOD)), Expelled),
        ((3, 7), Draining, REVOKED, Draining),
        ((3, 4), Draining, ordered(Quarantine, EMPTY), Exited),
        ((3, 8), Draining, failed(3, GOOD), Draining),
        ((4, 7), Active, ordered(Quarantine, REVOKED), Quarantined),
        ((4, 6), Quarantined, ordered(Quarantine, GOOD), Quarantined),
        ((4, 9), Revoked, ordered(Quarantine, GOOD), Quarantined),
        ((5, 6), Quarantined, ordered(Reinstate, GOOD), Probation),
        ((5, 7), Quarantined, ordered(Reinstate, REVOKED), Revoked),
        ((5, 8), Quarantined, ordered(Reinstate, failed(3, GOOD)), Probation),
        ((6, 7), Quarantined, REVOKED, Quarantined),
        ((6, 8), Quarantined, failed(3, GOOD), Quarantined),
        ((7, 8), Active, failed(3, REVOKED), Revoked),
        ((8, 9), Revoked, failed(3, GOOD), Quarantined),
        ((8, 10), Probation, failed(3, GOOD), Quarantined),
        ((8, 11), Active, failed(3, GOOD), Quarantined),
    ];
    for ((upper, lower), standing, seen, expected) in table {
        let applying: Vec<u32> = lines(standing, &seen).map(|(line, _)| line).collect();
        assert!(applying.contains(&lower), "line {lower} applies: {standing} {seen:?}");
        assert_eq!(applying[0], upper, "{standing} {seen:?}");
        assert_eq!(next(standing, &seen), expected, "{upper} over {lower}");
    }
}

/// The table of RG-6 as data: each line that applies, with what it gives. Written from the text alone.
fn lines(standing: Standing, seen: &Observation) -> impl Iterator<Item = (u32, Standing)> {
    let is = |list: &[Standing]| list.contains(&standing);
    let pick = |condition: bool, yes, no| if condition { yes } else { no };
    let order = |order| seen.order == Some(order);
    let rule = seen.quarantine.failures;
    let clean = seen.verified && seen.failures == 0;
    let served = seen.epochs >= seen.probation_epochs.into();
    [
        (1, is(&[Expelled, Exited]), standing),
        (2, order(Expel), Expelled),
        (3, is(&[Draining]), pick(seen.holds_copies, Draining, Exited)),
        (4, order(Quarantine), Quarantined),
        (5, is(&[Quarantined]) && order(Reinstate), pick(seen.revoked, Revoked, Probation)),
        (6, is(&[Quarantined]), Quarantined),
        (7, seen.revoked, Revoked),
        (8, rule > 0 && seen.failures >= rule.into(), Quarantined),
        (9, is(&[Revoked]), Probation),
        (10, is(&[Probation]), pick(clean && served, Active, Probation)),
        (11, is(&[Active, Degraded]), pick(clean, Active, Degraded)),
    ]
    .into_iter()
    .filter(|(_, applies, _)| *applies)
    .map(|(line, _, result)| (line, result))
}

fn first_line(standing: Standing, seen: &Observation) -> (u32, Standing) {
    lines(standing, seen).next().unwrap()
}

/// Every combination of what RG-6 looks at, numbers on both sides of each bound and at the ends of their types.
fn observations() -> impl Iterator<Item = Observation> {
    let beyond = u64::from(u32::MAX) + 1;
    let flags = (0..8).map(|bits| (bits & 1 > 0, bits & 2 > 0, bits & 4 > 0));
    flags.flat_map(move |(verified, revoked, holds_copies)| {
        let base = Observation { verified, revoked, holds_copies, ..GOOD };
        [None, Some(Expel), Some(Quarantine), Some(Reinstate)]
            .map(|order| Observation { order, ..base })
            .into_iter()
            .flat_map(move |seen| {
                [0, 1, 2, 3, beyond, u64::MAX].map(|failures| failed(failures, seen))
            })
            .flat_map(|seen| {
                [0, 1, 2, 3, u32::MAX].map(|failures| Observation {
                    quarantine: rules::Quarantine { failures, epochs: 16 },
                    ..seen
                })
            })
            .flat_map(|seen| [0, 1, 2, 64, u64::MAX].map(|epochs| after(epochs, seen)))
            .flat_map(|seen| {
                [0, 1, 2, 64].map(|probation_epochs| Observation { probation_epochs, ..seen })
            })
    })
}

/// RG-6: the function is the table, for every standing and observation.
#[test]
fn rg_6_every_combination_follows_the_table() {
    let mut deciding = [0u32; 12];
    for seen in observations() {
        for standing in Standing::ALL {
            let (line, expected) = first_line(*standing, &seen);
            assert_eq!(next(*standing, &seen), expected, "line {line}: {standing} {seen:?}");
            deciding[line as usize] += 1;
        }
    }
    assert!(deciding[1..].iter().all(|count| *count > 0), "{deciding:?}");
}

/// RG-6: what the standings promise, whatever is seen.
#[test]
fn rg_6_promises() {
    for seen in observations() {
        for standing in Standing::ALL {
            let then = next(*standing, &seen);
            let context = || format!("{standing} to {then}: {seen:?}");
            assert!(!matches!(standing, Expelled | Exited) || then == *standing, "{}", context());
            assert!(then != Active || seen.verified && seen.failures == 0, "{}", context());
            assert!(then != Exited || !seen.holds_copies || *standing == Exited, "{}", context());
            assert!(
                then != Expelled || seen.order == Some(Expel) || *standing == Expelled,
                "{}",
                context()
            );
            assert!(!(then.may_be_eligible() && seen.revoked), "{}", context());
            assert!(
                *standing != Quarantined
                    || !then.may_be_eligible()
                    || seen.order == Some(Reinstate),
                "{}",
                context()
            );
        }
    }
}

/// RG-6: the window holds the closing epoch and the E − 1 before it.
#[test]
fn rg_6_failures_of_a_window() {
    let earlier = [10, 200, 3_000];
    for (epochs, sum) in [(1, 4), (2, 14), (3, 214), (4, 3_214), (5, 3_214), (u32::MAX, 3_214)] {
        assert_eq!(failures_in_window(4, &earlier, epochs), sum, "{epochs}");
    }
    assert_eq!(failures_in_window(0, &[], 16), 0);
    let most = [u32::MAX; 15];
    assert_eq!(failures_in_window(u32::MAX, &most, 16), 16 * u64::from(u32::MAX));
}

/// RG-6: a window of no epoch, which the rules do not allow, still has the closing one.
#[test]
fn rg_6_a_window_is_never_empty() {
    assert_eq!(failures_in_window(4, &[10], 0), 4);
}

/// A node on a ledger: its standing, since when, and the counts that are kept for it.
struct Life {
    standing: Standing,
    since: u64,
    failures: Vec<u32>,
}

impl Life {
    /// Closes `epoch` with what `seen` says and `failed` failed proofs; the failures in the window.
    fn close(&mut self, epoch: u64, failed: u32, seen: Observation) -> u64 {
        let failures = failures_in_window(failed, &self.failures, seen.quarantine.epochs);
        let then =
            next(self.standing, &Observation { failures, ..after(epoch + 1 - self.since, seen) });
        self.failures = pushed(failed, &self.failures);
        if then != self.standing {
            (self.standing, self.since) = (then, epoch + 1);
        }
        failures
    }
}

proptest! {
    /// RG-6, from epoch to epoch: the rule on failures takes out exactly the nodes that it names, and whoever is verified
    /// and proves everything for long enough becomes active, unless it is quarantined.
    #[test]
    fn rg_6_good_conduct_leads_to_active(
        history in prop::collection::vec((0u32..3, any::<bool>(), 0u8..5), 0..40),
        (bound, epochs) in (0u32..6, 1..=MAX_QUARANTINE_EPOCHS), probation_epochs in 0u32..=64,
    ) {
        let quarantine = rules::Quarantine { failures: bound, epochs };
        let good = Observation { quarantine, probation_epochs, ..GOOD };
        let mut node = Life { standing: Probation, since: 1, failures: Vec::new() };
        let mut epoch = 0;
        for (failed, verified, chance) in history {
            epoch += 1;
            let (before, revoked) = (node.standing, chance == 0);
            let failures = node.close(epoch, failed, Observation { verified, revoked, ..good });
            let takes_out = bound > 0 && failures >= bound.into() && !revoked;
            let stays = before == Quarantined;
            prop_assert_eq!(node.standing == Quarantined, takes_out || stays);
        }
        let quarantined = node.standing == Quarantined;
        for _ in 0..=epochs.max(probation_epochs) + epochs {
            epoch += 1;
            node.close(epoch, 0, good);
        }
        let expected = [Active, Quarantined];
        prop_assert!(expected.contains(&node.standing), "{}", node.standing);
        prop_assert!(!quarantined || node.standing == Quarantined, "until it is reinstated");
    }

    /// RG-6: counts that are pushed epoch by epoch are enough for any window that the rules allow.
    #[test]
    fn rg_6_pushed_counts_serve_every_window(
        history in prop::collection::vec(any::<u32>(), 1..40),
        epochs in 1..=MAX_QUARANTINE_EPOCHS,
    ) {
        let mut kept = Vec::new();
        for (closing, failed) in history.iter().enumerate() {
            let first = (closing + 1).saturating_sub(epochs as usize);
            let expected: u64 = history[first..=closing].iter().copied().map(u64::from).sum();
            prop_assert_eq!(failures_in_window(*failed, &kept, epochs), expected);
            kept = pushed(*failed, &kept);
            prop_assert_eq!(kept.len(), (closing + 1).min(MAX_QUARANTINE_EPOCHS as usize));
            prop_assert_eq!(kept[0], *failed, "the latest first");
        }
    }
}
