//! What proposals, votes and activations change.

use protocol::{
    Amount, Event,
    command::{Propose, Vote},
    governance::{Change, ProposalNumber},
};

use super::unfit;
use crate::{
    decide::electors,
    state::{
        State, StateError, StateResult, StateStore, keys,
        records::{
            Activation, BallotRecord, OpenProposal, ProposalRecord, Scheduled, SubjectRecord,
        },
    },
};

pub(super) fn open<S: StateStore>(
    state: &mut State<S>,
    seq: u64,
    propose: &Propose,
    event: &Event,
) -> StateResult<(), S> {
    let Event::Proposed { proposal, electorate, weight, needed, opens, closes } = *event else {
        return Err(StateError::Broken("an event does not belong to its command"));
    };
    let Propose { speaker, change, emergency } = propose;
    let (_, electors) = electors(state)?;
    state.put(keys::electors(proposal), &electors);
    let record = ProposalRecord {
        speaker: *speaker,
        change: change.clone(),
        emergency: *emergency,
        seq,
        epoch: state.epoch(),
        opens,
        closes,
        electorate,
        weight,
        needed,
        yes: Amount::ZERO,
        no: Amount::ZERO,
        activated: None,
    };
    put_subject(state, proposal, &record, closes)?;
    state.put(keys::proposal(proposal), &record);
    let ledger = &mut state.hot_mut()?.ledger;
    ledger.proposals = proposal;
    ledger.open.push(OpenProposal { proposal, speaker: *speaker, closes });
    Ok(())
}

/// The subject is taken until `busy_until`, and cools down after that (GV-9).
fn put_subject<S: StateStore>(
    state: &mut State<S>,
    proposal: ProposalNumber,
    record: &ProposalRecord,
    busy_until: u64,
) -> StateResult<(), S> {
    let cooldown = u64::from(state.hot_mut()?.ledger.parameters.cooldown_epochs);
    let cool_until = busy_until.saturating_add(cooldown);
    let subject = SubjectRecord { proposal, busy_until, cool_until };
    state.put(keys::subject(record.emergency, record.change.subject()), &subject);
    Ok(())
}

pub(super) fn count<S: StateStore>(
    state: &mut State<S>,
    seq: u64,
    vote: &Vote,
    weight: Amount,
) -> StateResult<(), S> {
    let mut record = existing(state, vote.proposal)?;
    let side = if vote.approve { &mut record.yes } else { &mut record.no };
    *side = Amount(side.0.add(weight.0).map_err(|_| unfit())?);
    state.put(keys::proposal(vote.proposal), &record);
    let ballot = BallotRecord { approve: vote.approve, weight, seq };
    state.put(keys::ballot(vote.proposal, vote.speaker), &ballot);
    Ok(())
}

pub(super) fn schedule<S: StateStore>(
    state: &mut State<S>,
    seq: u64,
    proposal: ProposalNumber,
    effective: u64,
) -> StateResult<(), S> {
    let mut record = existing(state, proposal)?;
    record.activated = Some(Activation { effective, seq });
    put_subject(state, proposal, &record, effective)?;
    state.put(keys::proposal(proposal), &record);
    let ledger = &mut state.hot_mut()?.ledger;
    ledger.scheduled.push(Scheduled { effective, proposal });
    if let Change::Credit { amount, .. } = record.change {
        let waiting = ledger.pending_credits.0.add(amount.0);
        ledger.pending_credits = Amount(waiting.map_err(|_| unfit())?);
    }
    Ok(())
}

fn existing<S: StateStore>(
    state: &State<S>,
    proposal: ProposalNumber,
) -> StateResult<ProposalRecord, S> {
    state.proposal(proposal)?.ok_or(StateError::Broken("a proposal is not there"))
}
