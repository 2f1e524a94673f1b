//! `gov vote` and `gov activate`.

use super::proposal;
use crate::{
    app::App,
    args::gov::Ballot,
    error::{CliError, Result, accepted},
    settings::plain,
    speaker,
};
use aegis_registry::governance::lapses;
use journal::Submitted;
use protocol::{
    Action, ErrorCode, Event, Outcome, Receipt, Refusal,
    command::Vote,
    governance::{ProposalNumber, Speaker},
    limits::ACTIVATION_WINDOW_EPOCHS,
};
use serde_json::json;
use storage_engine::state::{State, StateStore, records::ProposalRecord};

/// Most epochs from a proposal to the last one that takes votes on it (GV-5, GV-6).
const LONGEST_VOTE: u64 = 16;

pub fn run(
    app: &mut App,
    number: ProposalNumber,
    ballot: Ballot,
    speakers: &[String],
) -> Result<()> {
    let speakers = speakers_of(app, number, speakers)?;
    let approve = ballot == Ballot::Yes;
    let mut commands = Vec::with_capacity(speakers.len());
    for speaker in &speakers {
        let vote = Vote { proposal: number, speaker: *speaker, approve };
        commands.push(speaker::signed(app, *speaker, Action::Vote(vote))?);
    }
    let mut refused = false;
    for (result, speaker) in app.submit(commands)?.into_iter().zip(speakers) {
        match show(app, number, speaker, approve, result) {
            Err(CliError::Failed(refusal)) => {
                refused = true;
                app.out.failure(&refusal);
            }
            other => other?,
        }
    }
    if refused { Err(CliError::Reported) } else { Ok(()) }
}

/// Those who are named; otherwise every elector whose key is kept here.
fn speakers_of(app: &mut App, number: ProposalNumber, names: &[String]) -> Result<Vec<Speaker>> {
    if !names.is_empty() {
        let state = app.state()?;
        return names.iter().map(|name| speaker::parse(state, name)).collect();
    }
    let ledger = app.ledger()?;
    proposal(ledger.state(), number)?;
    let mut present = Vec::new();
    for (speaker, _) in ledger.state().electors(number)? {
        if ledger.speaker(speaker)?.is_some() {
            present.push(speaker);
        }
    }
    if present.is_empty() {
        let detail = "no key of an elector is in this data directory";
        return Err(CliError::failed(ErrorCode::Unauthorized, detail));
    }
    Ok(present)
}

fn show(
    app: &mut App,
    number: ProposalNumber,
    speaker: Speaker,
    approve: bool,
    result: Submitted,
) -> Result<()> {
    let name = speaker::name(app.state()?, speaker);
    let receipt = accepted(result).map_err(|error| match error {
        CliError::Failed(refusal) => {
            CliError::failed(refusal.code, format!("{name}: {}", refusal.detail))
        }
        other => other,
    })?;
    let Outcome::Accepted(Event::Voted { weight }) = receipt.outcome else {
        return Err(CliError::failed(ErrorCode::Internal, "the receipt is not of a vote"));
    };
    let row = json!({
        "proposal": number, "speaker": name, "approve": approve, "weight": weight.to_string(),
        "seq": receipt.seq, "entry_hash": receipt.entry_hash.to_hex(),
    });
    let vote = if approve { "yes" } else { "no" };
    app.out.row(&row, || {
        format!("proposal {number}: {name} votes {vote} with weight {}", plain(weight))
    })
}

/// `gov activate`.
pub fn activate(app: &mut App, number: ProposalNumber, name: &str) -> Result<()> {
    let speaker = speaker::parse(app.state()?, name)?;
    let command = speaker::signed(app, speaker, Action::Activate { proposal: number, speaker })?;
    let receipt = app.submit_one(command)?;
    let effective = effective(&receipt)?;
    let row = json!({
        "proposal": number, "effective": effective, "speaker": name,
        "seq": receipt.seq, "entry_hash": receipt.entry_hash.to_hex(),
    });
    app.out.row(&row, || format!("proposal {number} is in force from epoch {effective} on"))
}

fn effective(receipt: &Receipt) -> Result<u64> {
    match receipt.outcome {
        Outcome::Accepted(Event::Activated { effective }) => Ok(effective),
        _ => Err(CliError::failed(ErrorCode::Internal, "the receipt is not of an activation")),
    }
}

/// Activates, in the operator's name, every proposal that can be activated in the open epoch (GV-8). One that the ledger
/// refuses is told and left.
pub fn activate_due(app: &mut App) -> Result<Vec<ProposalNumber>> {
    let due = due(app.state()?)?;
    let speaker = Speaker::Operator;
    let commands = due.iter().map(|proposal| {
        speaker::signed(app, speaker, Action::Activate { proposal: *proposal, speaker })
    });
    let commands = commands.collect::<Result<_>>()?;
    let mut activated = Vec::new();
    for (result, proposal) in app.submit(commands)?.into_iter().zip(due) {
        match accepted(result) {
            Ok(_) => activated.push(proposal),
            Err(CliError::Failed(Refusal { code, detail })) => {
                app.out.note(&format!("proposal {proposal} is not activated: {code}: {detail}"));
            }
            Err(other) => return Err(other),
        }
    }
    Ok(activated)
}

/// Proposals that can be activated now, by number. Older ones than the longest vote and the window have lapsed.
fn due<S: StateStore>(state: &State<S>) -> Result<Vec<ProposalNumber>> {
    let (epoch, last) = (state.epoch(), state.ledger().map_or(0, |ledger| ledger.proposals));
    let mut due = Vec::new();
    for number in (1..=last).rev() {
        let Some(proposal) = state.proposal(number)? else { break };
        if epoch > proposal.epoch.saturating_add(LONGEST_VOTE + ACTIVATION_WINDOW_EPOCHS) {
            break;
        }
        if can_be_activated(epoch, &proposal) && !is_superseded(state, number, &proposal)? {
            due.push(number);
        }
    }
    due.reverse();
    Ok(due)
}

/// Whether a later proposal about the same subject was accepted: then this one cannot be activated any more (GV-8).
pub fn is_superseded<S: StateStore>(
    state: &State<S>,
    number: ProposalNumber,
    proposal: &ProposalRecord,
) -> Result<bool> {
    let latest = state.subject(proposal.emergency, proposal.change.subject())?;
    Ok(latest.is_some_and(|latest| latest.proposal != number))
}

/// Whether a proposal that is not superseded can be activated in `epoch` (GV-8).
pub fn can_be_activated(epoch: u64, proposal: &ProposalRecord) -> bool {
    let begun = if proposal.emergency { epoch >= proposal.opens } else { epoch > proposal.closes };
    let accepted = proposal.yes >= proposal.needed;
    proposal.activated.is_none() && begun && epoch <= lapses(proposal.closes) && accepted
}
