//! Credits: ATR that accounts can spend (EC-8).

use alloc::format;
use protocol::{AccountId, Amount, Event, error::ErrorCode};

use super::{Decision, refuse, refuse_with};
use crate::state::{State, StateError, StateResult, StateStore, records::LedgerRecord};

pub(super) fn credit<S: StateStore>(
    state: &State<S>,
    ledger: &LedgerRecord,
    account: &AccountId,
    amount: Amount,
) -> StateResult<Decision, S> {
    let cap = ledger.parameters.operator_credit_cap;
    let credited = ledger.credited_by_operator.0.add(amount.0);
    if credited.is_ok_and(|credited| credited > cap.0) || credited.is_err() {
        return Ok(refuse_with(
            ErrorCode::Limit,
            format!("the operator credits at most {cap} ATR in an epoch"),
        ));
    }
    if !has_room(ledger, amount) {
        return Ok(refuse(ErrorCode::Limit, "all credits together would exceed their bound"));
    }
    let credited = state.account(account)?.credited(amount);
    let (_, settled) = credited.map_err(|_| StateError::Broken("a credit does not fit"))?;
    Ok(Ok(Event::Credited { settled }))
}

/// Whether the credits so far, those that wait to be in force, and this one stay below the bound.
pub(super) fn has_room(ledger: &LedgerRecord, amount: Amount) -> bool {
    let waiting = ledger.pending_credits.0.add(amount.0);
    waiting.is_ok_and(|sum| ledger.treasury.credited(Amount(sum)).is_ok())
}
