//! `gov show`.

use super::{
    document, proposal, sentence,
    vote::{can_be_activated, is_superseded},
};
use crate::{
    app::App,
    error::Result,
    settings::{self, plain, value_text},
    speaker,
};
use protocol::{
    Parameters, Profile, Rules,
    governance::ProposalNumber,
    parameters::{Parameter, Value as Setting},
    rules::Rule,
};
use serde_json::{Value, json};
use storage_engine::state::{ENGINE_VERSION, State, StateStore, records::ProposalRecord};

pub fn run(app: &mut App, number: Option<ProposalNumber>) -> Result<()> {
    if let Some(number) = number {
        return show_proposal(app, number);
    }
    let Some(ledger) = app.state()?.ledger().cloned() else { return Ok(()) };
    app.out.say("parameters")?;
    let defaults = Parameters::v13(Profile::QFS_V13);
    for parameter in Parameter::ALL {
        let (value, default) = (parameter.get(&ledger.parameters), parameter.get(&defaults));
        show_parameter(app, *parameter, value, default)?;
    }
    app.out.say("\nrules")?;
    for (rule, default) in ledger.rules.list().iter().zip(Rules::v13().list()) {
        show_rule(app, rule, &default)?;
    }
    let row = json!({
        "kind": "code_version", "value": ledger.code_version, "engine": ENGINE_VERSION,
    });
    let needed = ledger.code_version;
    app.out.row(&row, || {
        format!("\ncode version {needed} is needed; this engine is version {ENGINE_VERSION}")
    })?;
    if ledger.proposals > 0 {
        app.out.say("\nproposals")?;
    }
    (1..=ledger.proposals).try_for_each(|number| show_proposal(app, number))
}

fn show_parameter(app: &App, parameter: Parameter, value: Setting, default: Setting) -> Result<()> {
    let row = json!({
        "kind": "parameter",
        "name": parameter.name(),
        "value": settings::value(value),
        "default": settings::value(default),
        "bounds": parameter.bounds().to_string(),
        "immutable": parameter.is_immutable(),
        "meaning": parameter.meaning(),
    });
    app.out.row(&row, || {
        let mut text = value_text(value);
        if value != default {
            text += &format!(" (v13: {})", value_text(default));
        }
        line(parameter.name(), &text, parameter.meaning())
    })
}

fn show_rule(app: &App, rule: &Rule, default: &Rule) -> Result<()> {
    let row = json!({
        "kind": "rule",
        "name": rule.name(),
        "value": settings::rule_value(rule),
        "default": settings::rule_value(default),
        "bounds": settings::rule_bounds(rule),
        "immutable": false,
        "meaning": settings::rule_meaning(rule),
    });
    app.out.row(&row, || {
        let text = settings::rule_text(rule);
        let text = if text.is_empty() { "-" } else { &text };
        line(rule.name(), text, settings::rule_meaning(rule))
    })
}

fn line(name: &str, value: &str, meaning: &str) -> String {
    format!("  {name:<23} {value:<24} {meaning}")
}

fn show_proposal(app: &mut App, number: ProposalNumber) -> Result<()> {
    let state = app.state()?;
    let record = proposal(state, number)?;
    let status = if record.activated.is_none() && is_superseded(state, number, &record)? {
        "superseded"
    } else {
        status(state.epoch(), &record)
    };
    let votes = votes(state, number)?;
    let row = json!({
        "kind": "proposal",
        "number": number,
        "change": document(state, &record.change),
        "status": status,
        "emergency": record.emergency,
        "speaker": speaker::name(state, record.speaker),
        "electorate": record.electorate.name(),
        "yes": record.yes.to_string(),
        "no": record.no.to_string(),
        "needed": record.needed.to_string(),
        "weight": record.weight.to_string(),
        "opens": record.opens,
        "closes": record.closes,
        "effective": record.activated.map(|activation| activation.effective),
        "seq": record.seq,
        "votes": votes,
    });
    let what = sentence(state, &record.change);
    app.out.row(&row, || {
        let ProposalRecord { yes, no, needed, weight, opens, closes, .. } = record;
        format!(
            "  {number}  {status}: {what}\n     {} for, {} against, {} of {} needed in epochs {opens} to {closes}",
            plain(yes),
            plain(no),
            plain(needed),
            plain(weight)
        )
    })
}

/// How a proposal stands in `epoch`.
fn status(epoch: u64, proposal: &ProposalRecord) -> &'static str {
    match proposal.activated {
        Some(activation) if activation.effective <= epoch => "in_force",
        Some(_) => "scheduled",
        None if can_be_activated(epoch, proposal) => "accepted",
        None if epoch <= proposal.closes => "open",
        None if proposal.yes >= proposal.needed => "lapsed",
        None => "rejected",
    }
}

fn votes<S: StateStore>(state: &State<S>, number: ProposalNumber) -> Result<Vec<Value>> {
    let mut votes = Vec::new();
    for (elector, _) in state.electors(number)? {
        if let Some(ballot) = state.ballot(number, elector)? {
            votes.push(json!({
                "speaker": speaker::name(state, elector), "approve": ballot.approve,
                "weight": ballot.weight.to_string(), "seq": ballot.seq,
            }));
        }
    }
    Ok(votes)
}
