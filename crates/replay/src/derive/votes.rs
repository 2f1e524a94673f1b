//! Weights of votes, what accepts a proposal, and when (GV-4 to GV-8).

use alloc::vec::Vec;
use certified_math::{BigNum128, mul_div_u128, mul_wide};
use protocol::{Amount, Parameters};

/// Weights of holders, in their order: NOD cut so that nobody has more than `cap` of the sum of weights (GV-4).
/// `None` where no cut does that: with fewer holders than 1 / `cap`.
pub(crate) fn weights(nod: &[Amount], cap: Amount) -> Option<Vec<Amount>> {
    let mut falling = nod.to_vec();
    falling.sort_unstable();
    falling.reverse();
    let cut = (0usize..).zip(&falling).find_map(|(above, next)| {
        let rest = BigNum128::sum(falling.iter().skip(above).map(|nod| nod.0)).ok()?;
        let taken = cap.raw().checked_mul(u128::try_from(above).ok()?)?;
        let left = BigNum128::ONE.raw().checked_sub(taken)?;
        let cut = mul_div_u128(cap.raw(), rest.raw(), left).ok()?;
        (next.raw() <= cut).then_some(Amount::from_raw(cut))
    })?;
    Some(nod.iter().map(|nod| (*nod).min(cut)).collect())
}

/// The least amount n with n × 1 ≥ `quorum` × `weight` (GV-4).
pub(crate) fn needed(weight: Amount, quorum: Amount) -> Option<Amount> {
    let one = BigNum128::ONE.raw();
    let below = mul_div_u128(weight.raw(), quorum.raw(), one).ok()?;
    let is_exact = mul_wide(below, one) == mul_wide(weight.raw(), quorum.raw());
    below.checked_add(u128::from(!is_exact)).map(Amount::from_raw)
}

/// First and last epoch that take votes (GV-6).
pub(crate) fn window(epoch: u64, emergency: bool, parameters: &Parameters) -> Option<(u64, u64)> {
    let epochs = u64::from(parameters.voting_epochs);
    if emergency {
        return Some((epoch, epoch.checked_add(epochs)?.checked_sub(1)?));
    }
    Some((epoch.checked_add(1)?, epoch.checked_add(epochs)?))
}

/// The first epoch in which a proposal is in force that is activated in `now` (GV-8).
pub(crate) fn effective(
    closes: u64,
    now: u64,
    emergency: bool,
    parameters: &Parameters,
) -> Option<u64> {
    let delay = if emergency { 0 } else { u64::from(parameters.activation_delay) };
    let due = if emergency { 0 } else { closes.checked_add(delay)? };
    now.checked_add(1).map(|next| next.max(due))
}

#[cfg(test)]
mod tests {
    use super::*;
    use aegis_registry::governance;
    use proptest::prelude::*;
    use protocol::Profile;

    const QUARTER: Amount = Amount::from_raw(250_000_000_000_000_000);

    proptest! {
        /// RP-6: both derivations of weights agree, and nobody has more than a quarter (GV-4).
        #[test]
        fn rp_6_weights(nod in prop::collection::vec(1u128..=u128::MAX >> 8, 4..40)) {
            let nod: Vec<Amount> = nod.into_iter().map(Amount::from_raw).collect();
            let ours = weights(&nod, QUARTER).unwrap();
            prop_assert_eq!(&ours, &governance::voting_weights(&nod, QUARTER).unwrap());
            let all: u128 = ours.iter().map(|weight| weight.raw() / 4).sum();
            prop_assert!(ours.iter().all(|weight| weight.raw() / 4 <= all / 4 + 40));
        }

        /// RP-6: both derivations of what is needed, and of epochs, agree (GV-4, GV-6, GV-8).
        #[test]
        fn rp_6_tally(
            weight in any::<u128>(), quorum in 0u128..=1_000_000_000_000_000_000, epoch in any::<u64>(),
            closes in any::<u64>(), emergency in any::<bool>(), voting in 1u32..=16, delay in 2u32..=16,
        ) {
            let (weight, quorum) = (Amount::from_raw(weight), Amount::from_raw(quorum));
            prop_assert_eq!(needed(weight, quorum), governance::needed(weight, quorum).ok());
            let mut parameters = Parameters::v13(Profile::QFS_V13);
            (parameters.voting_epochs, parameters.activation_delay) = (voting, delay);
            let theirs = governance::window(epoch, emergency, &parameters);
            prop_assert_eq!(
                window(epoch, emergency, &parameters), theirs.map(|window| (window.opens, window.closes))
            );
            prop_assert_eq!(
                effective(closes, epoch, emergency, &parameters),
                governance::effective(closes, epoch, emergency, &parameters)
            );
        }
    }

    /// RP-6: three holders cannot each have at most a quarter.
    #[test]
    fn rp_6_too_few_holders_have_no_weights() {
        assert_eq!(weights(&[Amount::from_raw(5); 3], QUARTER), None);
        assert_eq!(
            weights(&[Amount::from_raw(5); 4], QUARTER),
            Some([Amount::from_raw(5); 4].into())
        );
    }
}
