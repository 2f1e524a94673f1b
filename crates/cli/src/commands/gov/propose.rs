//! `gov propose`.

use super::{document, sentence};
use crate::{
    app::App,
    args::gov::{ProposeArgs, ProposedChange},
    commands::money::account_named,
    error::{CliError, Result},
    settings::{self, plain},
    speaker,
};
use protocol::{Action, ErrorCode, Event, Outcome, command::Propose, governance::Change};
use serde_json::json;
use storage_engine::state::{State, StateStore};

pub fn run(app: &mut App, args: &ProposeArgs) -> Result<()> {
    let state = app.state()?;
    let (speaker, change) = (speaker::parse(state, &args.speaker)?, change(state, &args.change)?);
    let propose = Propose { speaker, change: change.clone(), emergency: args.emergency };
    let command = speaker::signed(app, speaker, Action::Propose(propose))?;
    let receipt = app.submit_one(command)?;
    let Outcome::Accepted(Event::Proposed { proposal, electorate, weight, needed, opens, closes }) =
        receipt.outcome
    else {
        return Err(CliError::failed(ErrorCode::Internal, "the receipt is not of a proposal"));
    };
    let state = app.state()?;
    let row = json!({
        "proposal": proposal,
        "kind": change.kind(),
        "change": document(state, &change),
        "emergency": args.emergency,
        "speaker": speaker::name(state, speaker),
        "electorate": electorate.name(),
        "weight": weight.to_string(),
        "needed": needed.to_string(),
        "opens": opens,
        "closes": closes,
        "seq": receipt.seq,
        "entry_hash": receipt.entry_hash.to_hex(),
    });
    let what = sentence(state, &change);
    app.out.row(&row, || {
        format!(
            "proposal {proposal}: {what}\nthe {} votes in epochs {opens} to {closes}; {} of {} votes are needed",
            electorate.name(),
            plain(needed),
            plain(weight)
        )
    })
}

fn change<S: StateStore>(state: &State<S>, proposed: &ProposedChange) -> Result<Change> {
    let node = |name: &String| speaker::node_number(state, name);
    Ok(match proposed {
        ProposedChange::Parameter { name, value } => {
            let parameter = settings::parameter(name)?;
            let value = settings::parse_value(parameter, value)?;
            Change::Parameter { parameter: parameter.number(), value }
        }
        ProposedChange::Rule { name, value } => Change::Rule(settings::parse_rule(name, value)?),
        ProposedChange::Expel { node: name } => Change::Expel(node(name)?),
        ProposedChange::Quarantine { node: name } => Change::Quarantine(node(name)?),
        ProposedChange::Reinstate { node: name } => Change::Reinstate(node(name)?),
        ProposedChange::CodeVersion { version } => Change::CodeVersion(*version),
        ProposedChange::Credit { account, amount } => Change::Credit {
            account: account_named(state, account)?,
            amount: settings::amount(amount)?,
        },
    })
}
