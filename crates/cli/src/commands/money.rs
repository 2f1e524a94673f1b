//! `credit` and `account`: ATR of accounts (EC-6, EC-8).

use crate::{
    app::App,
    args::gov::CreditArgs,
    error::{CliError, Result},
    settings::{self, plain},
};
use protocol::{AccountId, Action, ErrorCode, Event, Outcome};
use serde_json::json;
use storage_engine::state::{State, StateStore};

/// `credit`.
pub fn credit(app: &mut App, args: &CreditArgs) -> Result<()> {
    let account = account_named(app.state()?, &args.account)?;
    let amount = settings::amount(&args.amount)?;
    let command = app.signed(Action::Credit { account, amount })?;
    let receipt = app.submit_one(command)?;
    let Outcome::Accepted(Event::Credited { settled }) = receipt.outcome else {
        return Err(CliError::failed(ErrorCode::Internal, "the receipt is not of a credit"));
    };
    let after = app.state()?.account(&account)?;
    let row = json!({
        "account": account.to_string(),
        "amount": amount.to_string(),
        "settled": settled.to_string(),
        "balance": after.balance.to_string(),
        "debt": after.debt.to_string(),
        "seq": receipt.seq,
        "entry_hash": receipt.entry_hash.to_hex(),
    });
    app.out.row(&row, || {
        format!(
            "{account}  {} ATR credited, {} of it pays debt; balance {}, debt {}",
            plain(amount),
            plain(settled),
            plain(after.balance),
            plain(after.debt)
        )
    })
}

/// `account`.
pub fn account(app: &mut App, name: &str) -> Result<()> {
    let state = app.state()?;
    let id = account_named(state, name)?;
    let account = state.account(&id)?;
    let row = json!({
        "account": id.to_string(),
        "balance": account.balance.to_string(),
        "debt": account.debt.to_string(),
        "fees": account.fees.to_string(),
        "credits": account.credits.to_string(),
    });
    app.out.row(&row, || {
        format!(
            "{id}  balance {} ATR, debt {}, fees {}, credits {}",
            plain(account.balance),
            plain(account.debt),
            plain(account.fees),
            plain(account.credits)
        )
    })
}

/// An account by its 64 hexadecimal digits, or the operator's.
pub fn account_named<S: StateStore>(state: &State<S>, name: &str) -> Result<AccountId> {
    match state.operator() {
        Some(operator) if name == "operator" => Ok(operator),
        _ => settings::account(name),
    }
}
