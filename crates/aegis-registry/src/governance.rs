//! The arithmetic of proposals: weights, quorum, epochs, and what a change does (GV-*).

use alloc::vec::Vec;
use certified_math::{BigNum128, MathError, div_rem_wide, mul_div_u128, mul_wide};
use protocol::{
    Amount, Parameters, Rules, governance::Change, limits::ACTIVATION_WINDOW_EPOCHS,
    parameters::Parameter,
};

/// Weights of the votes of holders with `nod`, in their order: each at most the share `cap` of the sum of
/// all weights (GV-4).
///
/// With fewer than 1 / `cap` holders no other weights keep to that share than zeros, so these are returned.
///
/// # Errors
/// Overflow when all `nod` together do not fit into 128 bits.
pub fn voting_weights(nod: &[Amount], cap: Amount) -> Result<Vec<Amount>, MathError> {
    let most = greatest_weight(nod, cap)?;
    Ok(nod.iter().map(|nod| (*nod).min(most)).collect())
}

/// Where the weights are cut. If the k greatest holders are cut to c, the sum of weights is k·c + R with R
/// the NOD of the others; c = cap · (k·c + R) gives c, and the least k whose others are not above it is the one.
fn greatest_weight(nod: &[Amount], cap: Amount) -> Result<Amount, MathError> {
    let mut descending = nod.to_vec();
    descending.sort_unstable_by(|a, b| b.cmp(a));
    let mut others = BigNum128::sum(nod.iter().map(|nod| nod.0))?;
    // 1 − cap · k: what the others have of all weights.
    let mut share = BigNum128::ONE;
    for greatest in descending {
        let most = mul_div_u128(cap.raw(), others.raw(), share.raw())?;
        if greatest.raw() <= most {
            return Ok(Amount::from_raw(most));
        }
        others = others.sub(greatest.0)?;
        share = share.sub(cap.0)?;
    }
    Ok(Amount::ZERO)
}

/// The weight of votes that accepts a proposal: `ceil(quorum × weight)` in units of 10^-18 (GV-4).
///
/// # Errors
/// Overflow, which a quorum of at most 1 rules out.
pub fn needed(weight: Amount, quorum: Amount) -> Result<Amount, MathError> {
    let (hi, lo) = mul_wide(weight.raw(), quorum.raw());
    let (floor, rest) = div_rem_wide(hi, lo, BigNum128::ONE.raw())?;
    let up = BigNum128::from_raw(u128::from(rest > 0));
    BigNum128::from_raw(floor).add(up).map(Amount)
}

/// The epochs that take votes on a proposal; both ends do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// The first.
    pub opens: u64,
    /// The last.
    pub closes: u64,
}

/// The window of a proposal that is accepted in `epoch`; `None` beyond 2^64 − 1 (GV-6).
#[must_use]
pub fn window(epoch: u64, emergency: bool, parameters: &Parameters) -> Option<Window> {
    let opens = if emergency { epoch } else { epoch.checked_add(1)? };
    let more = parameters.voting_epochs.checked_sub(1)?;
    Some(Window { opens, closes: opens.checked_add(u64::from(more))? })
}

/// The first epoch in which a proposal is in force that is activated in epoch `now`; `None` beyond 2^64 − 1 (GV-8).
#[must_use]
pub fn effective(closes: u64, now: u64, emergency: bool, parameters: &Parameters) -> Option<u64> {
    let next = now.checked_add(1)?;
    if emergency {
        return Some(next);
    }
    closes.checked_add(u64::from(parameters.activation_delay)).map(|due| due.max(next))
}

/// The last epoch in which a proposal can be activated; after it, the proposal has lapsed (GV-8).
#[must_use]
pub const fn lapses(closes: u64) -> u64 {
    closes.saturating_add(ACTIVATION_WINDOW_EPOCHS)
}

/// Puts a change of a parameter, a rule or the code version into force (GV-3, GV-10). Other changes concern
/// nodes and accounts, and alter nothing here; nor does a value that admission would have refused.
pub fn apply(
    change: &Change,
    parameters: &mut Parameters,
    rules: &mut Rules,
    code_version: &mut u32,
) {
    if change.validate().is_err() {
        return;
    }
    match change {
        Change::Parameter { parameter, value } => {
            // Validated above: the parameter exists and takes the value.
            let _ = Parameter::from_number(*parameter).map(|known| known.set(parameters, *value));
        }
        Change::Rule(rule) => rules.set(rule),
        Change::CodeVersion(version) => *code_version = (*code_version).max(*version),
        Change::Expel(_) | Change::Quarantine(_) | Change::Reinstate(_) | Change::Credit { .. } => {
        }
    }
}
