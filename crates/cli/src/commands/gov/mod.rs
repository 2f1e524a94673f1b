//! `gov`: changes of parameters, rules and nodes by proposals and votes (GV-*).

mod propose;
mod show;
mod vote;

use crate::{
    app::App,
    args::gov::GovCommand,
    error::{CliError, Result},
    settings::{self, plain},
    speaker,
};
use protocol::{
    ErrorCode,
    governance::{Change, ProposalNumber},
    parameters::Parameter,
};
use serde_json::{Value, json};
use storage_engine::state::{State, StateStore, records::ProposalRecord};

pub use vote::activate_due;

pub fn run(app: &mut App, command: &GovCommand) -> Result<()> {
    match command {
        GovCommand::Propose(args) => propose::run(app, args),
        GovCommand::Vote { proposal, vote, speakers } => vote::run(app, *proposal, *vote, speakers),
        GovCommand::Activate { proposal, speaker } => vote::activate(app, *proposal, speaker),
        GovCommand::Show { proposal } => show::run(app, *proposal),
    }
}

/// A proposal that must be there.
fn proposal<S: StateStore>(state: &State<S>, number: ProposalNumber) -> Result<ProposalRecord> {
    state.proposal(number)?.ok_or_else(|| {
        CliError::failed(
            ErrorCode::NotFound,
            format!("there is no proposal {number}; see `qfs gov show`"),
        )
    })
}

/// A change as a document.
fn document<S: StateStore>(state: &State<S>, change: &Change) -> Value {
    let kind = change.kind();
    match change {
        Change::Parameter { parameter, value } => json!({
            "kind": kind, "name": name_of(*parameter), "value": settings::value(*value),
        }),
        Change::Rule(rule) => json!({
            "kind": kind, "name": rule.name(), "value": settings::rule_value(rule),
        }),
        Change::Expel(node) | Change::Quarantine(node) | Change::Reinstate(node) => {
            json!({ "kind": kind, "node_id": speaker::node_name(state, *node) })
        }
        Change::CodeVersion(version) => json!({ "kind": kind, "version": version }),
        Change::Credit { account, amount } => json!({
            "kind": kind, "account": account.to_string(), "amount": amount.to_string(),
        }),
    }
}

/// A change as people read it.
fn sentence<S: StateStore>(state: &State<S>, change: &Change) -> String {
    match change {
        Change::Parameter { parameter, value } => {
            format!("{} = {}", name_of(*parameter), settings::value_text(*value))
        }
        Change::Rule(rule) => format!("{} = {}", rule.name(), settings::rule_text(rule)),
        Change::Expel(node) | Change::Quarantine(node) | Change::Reinstate(node) => {
            format!("{} {}", change.kind(), speaker::node_name(state, *node))
        }
        Change::CodeVersion(version) => format!("code version {version}"),
        Change::Credit { account, amount } => {
            format!("credit {account} with {} ATR", plain(*amount))
        }
    }
}

fn name_of(parameter: u16) -> &'static str {
    Parameter::from_number(parameter).map_or("", Parameter::name)
}
