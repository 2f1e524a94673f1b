//! Proposals, votes and activations (GV-2 to GV-9).

use aegis_registry::governance::{effective, lapses, needed, voting_weights, window};
use alloc::{format, vec::Vec};
use protocol::{
    Amount, Command, Event, Refusal,
    command::{Propose, Vote},
    error::ErrorCode,
    governance::{Change, Electorate, ProposalNumber, Speaker},
    limits::{MAX_OPEN_PROPOSALS, MAX_OPEN_PROPOSALS_EACH},
    node::Standing,
    signature::Suite,
};

use super::{
    Decision,
    money::has_room,
    nodes::{may_speak, speaks},
    refuse, refuse_with,
};
use crate::state::{
    State, StateError, StateResult, StateStore,
    records::{LedgerRecord, NodeRecord, ProposalRecord},
};

pub(super) fn propose<S: StateStore>(
    state: &State<S>,
    ledger: &LedgerRecord,
    command: &Command,
    propose: &Propose,
) -> StateResult<Decision, S> {
    if let Err(refusal) = speaks(state, command, propose.speaker)
        .and_then(|()| check_target(state, ledger, &propose.change))
    {
        return Ok(Err(refusal));
    }
    let subject = state.subject(propose.emergency, propose.change.subject())?;
    if let Some(subject) = subject {
        let earlier = subject.proposal;
        if ledger.epoch <= subject.busy_until {
            return Ok(refuse_with(
                ErrorCode::Conflict,
                format!("proposal {earlier} about this is open or waits to be in force"),
            ));
        }
        if ledger.epoch <= subject.cool_until {
            return Ok(refuse_with(
                ErrorCode::TooEarly,
                format!(
                    "proposal {earlier} was about this: propose again after epoch {}",
                    subject.cool_until
                ),
            ));
        }
    }
    let own = ledger.open.iter().filter(|open| open.speaker == propose.speaker).count();
    if ledger.open.len() >= MAX_OPEN_PROPOSALS || own >= MAX_OPEN_PROPOSALS_EACH {
        return Ok(refuse(
            ErrorCode::Limit,
            "at most 64 proposals take votes at a time, 4 of one speaker",
        ));
    }
    opened(state, ledger, propose.emergency)
}

/// What the state says of the change; its value alone was judged at admission.
fn check_target<S: StateStore>(
    state: &State<S>,
    ledger: &LedgerRecord,
    change: &Change,
) -> Result<(), Refusal> {
    if let Some(number) = change.node() {
        let Some(node) = state.node(number) else {
            return refuse(ErrorCode::NotFound, "there is no such node");
        };
        let possible = match change {
            Change::Reinstate(_) => node.standing == Standing::Quarantined,
            _ => !matches!(node.standing, Standing::Exited | Standing::Expelled),
        };
        if !possible {
            return refuse_with(
                ErrorCode::Conflict,
                format!("{} is {}: there is nothing to change", node.node_id, node.standing),
            );
        }
    }
    match change {
        Change::CodeVersion(version) if ledger.code_version.checked_add(1) != Some(*version) => {
            refuse_with(
                ErrorCode::InvalidInput,
                format!("the next code version is the one after {}", ledger.code_version),
            )
        }
        _ => Ok(()),
    }
}

fn opened<S: StateStore>(
    state: &State<S>,
    ledger: &LedgerRecord,
    emergency: bool,
) -> StateResult<Decision, S> {
    let parameters = &ledger.parameters;
    let proposal = ledger.proposals.checked_add(1);
    let (Some(proposal), Some(window)) = (proposal, window(ledger.epoch, emergency, parameters))
    else {
        return Ok(refuse(ErrorCode::Limit, "there is no later epoch to vote in"));
    };
    let (electorate, electors) = electors(state)?;
    let weight = certified_math::BigNum128::sum(electors.iter().map(|(_, weight)| weight.0));
    let quorum = if emergency { parameters.emergency_quorum } else { parameters.quorum };
    let sums = weight.and_then(|weight| Ok((Amount(weight), needed(Amount(weight), quorum)?)));
    let (weight, needed) = sums.map_err(|_| StateError::Broken("votes do not add up"))?;
    let (opens, closes) = (window.opens, window.closes);
    Ok(Ok(Event::Proposed { proposal, electorate, weight, needed, opens, closes }))
}

/// Who votes on a proposal that is made now, with what weight (GV-4).
///
/// # Errors
/// A fault of the store.
pub fn electors<S: StateStore>(
    state: &State<S>,
) -> StateResult<(Electorate, Vec<(Speaker, Amount)>), S> {
    let least = state.ledger().map_or(0, |ledger| ledger.parameters.min_nod_holders);
    let cap = state.ledger().map_or(Amount::ZERO, |ledger| ledger.parameters.voting_cap);
    let holders: Vec<(Speaker, Amount)> = (0..)
        .zip(state.nodes())
        .filter(|(_, node)| is_holder(node))
        .map(|(number, node)| (Speaker::Node(number), node.nod))
        .collect();
    if u32::try_from(holders.len()).is_ok_and(|holders| holders < least) {
        let one = Amount(certified_math::BigNum128::ONE);
        let seats = (0..).zip(state.council()).filter(|(_, key)| key.is_some());
        let council = seats.map(|(seat, _)| (Speaker::Council(seat), one));
        return Ok((Electorate::Council, council.collect()));
    }
    let nod: Vec<Amount> = holders.iter().map(|(_, nod)| *nod).collect();
    let weights = voting_weights(&nod, cap);
    let weights = weights.map_err(|_| StateError::Broken("votes do not add up"))?;
    let electors = holders.into_iter().zip(weights);
    Ok((Electorate::Nodes, electors.map(|((speaker, _), weight)| (speaker, weight)).collect()))
}

fn is_holder(node: &NodeRecord) -> bool {
    node.nod > Amount::ZERO && may_speak(node) && Suite::from_name(&node.scheme).is_some()
}

pub(super) fn vote<S: StateStore>(
    state: &State<S>,
    ledger: &LedgerRecord,
    command: &Command,
    vote: &Vote,
) -> StateResult<Decision, S> {
    let Some(proposal) = state.proposal(vote.proposal)? else {
        return Ok(no_such_proposal());
    };
    if let Err(refusal) = speaks(state, command, vote.speaker) {
        return Ok(Err(refusal));
    }
    let electors = state.electors(vote.proposal)?;
    let Some((_, weight)) = electors.iter().find(|(speaker, _)| *speaker == vote.speaker) else {
        return Ok(refuse_with(
            ErrorCode::Unauthorized,
            format!("{} has no vote on this proposal", vote.speaker),
        ));
    };
    if let Err(refusal) = check_window(ledger.epoch, &proposal) {
        return Ok(Err(refusal));
    }
    if state.ballot(vote.proposal, vote.speaker)?.is_some() {
        return Ok(refuse(ErrorCode::Conflict, "a vote is final, and this speaker has voted"));
    }
    Ok(Ok(Event::Voted { weight: *weight }))
}

fn check_window(epoch: u64, proposal: &ProposalRecord) -> Result<(), Refusal> {
    let (opens, closes) = (proposal.opens, proposal.closes);
    if epoch < opens {
        return refuse_with(
            ErrorCode::TooEarly,
            format!("votes are taken in epochs {opens} to {closes}, this is {epoch}"),
        );
    }
    if epoch > closes || proposal.activated.is_some() {
        return refuse_with(
            ErrorCode::TooLate,
            format!("votes were taken in epochs {opens} to {closes}, until it was activated"),
        );
    }
    Ok(())
}

pub(super) fn activate<S: StateStore>(
    state: &State<S>,
    ledger: &LedgerRecord,
    command: &Command,
    number: ProposalNumber,
    speaker: Speaker,
) -> StateResult<Decision, S> {
    let Some(proposal) = state.proposal(number)? else {
        return Ok(no_such_proposal());
    };
    let subject = state.subject(proposal.emergency, proposal.change.subject())?;
    let superseded = subject.is_some_and(|subject| subject.proposal != number);
    Ok(speaks(state, command, speaker).and_then(|()| activated(ledger, &proposal, superseded)))
}

fn activated(ledger: &LedgerRecord, proposal: &ProposalRecord, superseded: bool) -> Decision {
    let epoch = ledger.epoch;
    if proposal.activated.is_some() {
        return refuse(ErrorCode::Conflict, "the proposal is activated already");
    }
    if superseded {
        return refuse(ErrorCode::Conflict, "there is a later proposal about the same");
    }
    let earliest =
        if proposal.emergency { proposal.opens } else { proposal.closes.saturating_add(1) };
    if epoch < earliest {
        return refuse_with(
            ErrorCode::TooEarly,
            format!("the proposal can be activated from epoch {earliest} on, this is {epoch}"),
        );
    }
    let last = lapses(proposal.closes);
    if epoch > last {
        return refuse_with(
            ErrorCode::TooLate,
            format!("the proposal has lapsed: it could be activated until epoch {last}"),
        );
    }
    if proposal.yes < proposal.needed {
        return refuse_with(
            ErrorCode::NoQuorum,
            format!("{} of {} needed votes are for it", proposal.yes, proposal.needed),
        );
    }
    if let Change::Credit { amount, .. } = &proposal.change
        && !has_room(ledger, *amount)
    {
        return refuse(ErrorCode::Limit, "all credits together would exceed their bound");
    }
    let effective = effective(proposal.closes, epoch, proposal.emergency, &ledger.parameters);
    match effective {
        Some(effective) => Ok(Event::Activated { effective }),
        None => refuse(ErrorCode::Limit, "there is no later epoch to be in force in"),
    }
}

fn no_such_proposal<T>() -> Result<T, Refusal> {
    refuse(ErrorCode::NotFound, "there is no such proposal; see `qfs gov show`")
}
