//! Proposals, their votes, and when they are in force (GV-3 to GV-10).

use alloc::{
    collections::{BTreeMap, BTreeSet},
    format,
    vec::Vec,
};
use borsh::{BorshDeserialize, BorshSerialize};
use certified_math::BigNum128;
use protocol::{
    Amount, Event, Parameters,
    command::{Propose, Vote},
    governance::{Change, Electorate, ProposalNumber, Speaker, Subject},
    limits::{ACTIVATION_WINDOW_EPOCHS, MAX_OPEN_PROPOSALS, MAX_OPEN_PROPOSALS_EACH},
};
use storage_engine::state::StateStore;

use super::{Books, difference, overflow, same};
use crate::{compare::Difference, derive};

/// A proposal, and how it stands.
#[derive(Clone, Debug, BorshSerialize, BorshDeserialize)]
struct Proposal {
    speaker: Speaker,
    change: Change,
    emergency: bool,
    opens: u64,
    closes: u64,
    needed: Amount,
    electors: BTreeMap<Speaker, Amount>,
    voted: BTreeSet<Speaker>,
    votes_for: Amount,
    effective: Option<u64>,
    /// Last epoch in which its subject is not free (GV-9).
    cools_until: u64,
}

/// Every proposal in the order of numbers, and those that wait to be in force.
#[derive(Clone, Debug, Default, BorshSerialize, BorshDeserialize)]
pub(crate) struct Proposals {
    made: Vec<Proposal>,
    /// Epoch and number, in the order of activation.
    waiting: Vec<(u64, ProposalNumber)>,
    /// Those whose votes are not over.
    open: Vec<ProposalNumber>,
    /// The last proposal about each subject.
    subjects: BTreeMap<(bool, Subject), ProposalNumber>,
}

/// Who votes on a proposal that is made now (GV-4).
pub(crate) fn electors<A: StateStore>(
    books: &Books<A>,
) -> Option<(Electorate, BTreeMap<Speaker, Amount>)> {
    let (numbers, nod): (Vec<_>, Vec<_>) = books.roll.holders().unzip();
    let least = usize::try_from(books.parameters.min_nod_holders).ok()?;
    if nod.len() < least {
        let one = Amount(BigNum128::ONE);
        return Some((
            Electorate::Council,
            books.keys.seats().map(|seat| (Speaker::Council(seat), one)).collect(),
        ));
    }
    let weights = derive::weights(&nod, books.parameters.voting_cap)?;
    let speakers = numbers.into_iter().map(Speaker::Node);
    Some((Electorate::Nodes, speakers.zip(weights).collect()))
}

/// Holds an accepted proposal against the rules, and takes votes on it.
pub(super) fn propose<A: StateStore>(
    books: &mut Books<A>,
    propose: &Propose,
    event: &Event,
) -> Result<(), Difference> {
    let Event::Proposed { proposal, electorate, weight, needed, opens, closes } = *event else {
        return Ok(());
    };
    let Propose { speaker, change, emergency } = propose;
    let parameters = &books.parameters;
    same("proposal", books.proposals.next_number(), proposal)?;
    books.proposals.check_is_free(*emergency, change.subject(), books.epoch)?;
    books.proposals.check_is_room(*speaker)?;
    let (voters, electors) =
        electors(books).ok_or_else(|| difference("electorate", "weights", "none"))?;
    same("electorate", voters.name(), electorate.name())?;
    let sum = BigNum128::sum(electors.values().map(|weight| weight.0));
    let sum = Amount(sum.map_err(|error| overflow("weight", error))?);
    same("weight", sum, weight)?;
    let quorum = if *emergency { parameters.emergency_quorum } else { parameters.quorum };
    let least = derive::needed(sum, quorum).ok_or_else(|| overflow("needed", "more"))?;
    same("needed", least, needed)?;
    let window = derive::window(books.epoch, *emergency, parameters);
    let (first, last) = window.ok_or_else(|| difference("opens", "a later epoch", opens))?;
    same("opens", first, opens)?;
    same("closes", last, closes)?;
    books.proposals.made.push(Proposal {
        speaker: *speaker,
        change: change.clone(),
        emergency: *emergency,
        opens,
        closes,
        needed,
        electors,
        voted: BTreeSet::new(),
        votes_for: Amount::ZERO,
        effective: None,
        cools_until: closes.saturating_add(u64::from(parameters.cooldown_epochs)),
    });
    books.proposals.open.push(proposal);
    books.proposals.subjects.insert((*emergency, change.subject()), proposal);
    Ok(())
}

/// Position of a proposal among all of them.
fn index(number: ProposalNumber) -> Option<usize> {
    usize::try_from(number.checked_sub(1)?).ok()
}

impl Proposals {
    fn next_number(&self) -> ProposalNumber {
        ProposalNumber::try_from(self.made.len()).unwrap_or(u64::MAX).saturating_add(1)
    }

    fn get(&self, number: ProposalNumber) -> Result<&Proposal, Difference> {
        index(number)
            .and_then(|at| self.made.get(at))
            .ok_or_else(|| difference("proposal", "a proposal that was made", number))
    }

    fn get_mut(&mut self, number: ProposalNumber) -> Result<&mut Proposal, Difference> {
        index(number)
            .and_then(|at| self.made.get_mut(at))
            .ok_or_else(|| difference("proposal", "a proposal that was made", number))
    }

    /// What a proposal changes.
    pub(crate) fn change(&self, number: ProposalNumber) -> Option<&Change> {
        self.get(number).ok().map(|proposal| &proposal.change)
    }

    /// GV-9: the last proposal about the subject is decided, in force, and cooled down.
    fn check_is_free(
        &self,
        emergency: bool,
        subject: Subject,
        epoch: u64,
    ) -> Result<(), Difference> {
        let Some(earlier) = self.subjects.get(&(emergency, subject)) else { return Ok(()) };
        let until = self.get(*earlier)?.cools_until;
        if epoch > until {
            return Ok(());
        }
        Err(difference("subject", format!("no proposal until after epoch {until}"), epoch))
    }

    /// At most 64 take votes at a time, at most 4 of one speaker.
    fn check_is_room(&self, speaker: Speaker) -> Result<(), Difference> {
        let open: Vec<&Proposal> = self.open.iter().filter_map(|n| self.get(*n).ok()).collect();
        let all = open.len();
        let own = open.iter().filter(|proposal| proposal.speaker == speaker).count();
        if all < MAX_OPEN_PROPOSALS && own < MAX_OPEN_PROPOSALS_EACH {
            return Ok(());
        }
        Err(difference("open", "at most 64 proposals, 4 of a speaker", format!("{all}, {own}")))
    }

    /// Holds a vote that counts against the rules (GV-7).
    pub(crate) fn vote(
        &mut self,
        vote: &Vote,
        epoch: u64,
        weight: Amount,
    ) -> Result<(), Difference> {
        let proposal = self.get_mut(vote.proposal)?;
        let (opens, closes) = (proposal.opens, proposal.closes);
        if !(opens..=closes).contains(&epoch) || proposal.effective.is_some() {
            let taken = format!("votes in epochs {opens} to {closes}, until it is activated");
            return Err(difference("vote", taken, format!("one in epoch {epoch}")));
        }
        let due = proposal.electors.get(&vote.speaker).copied();
        let due = due.ok_or_else(|| difference("vote", "an elector", vote.speaker))?;
        same("weight", due, weight)?;
        if !proposal.voted.insert(vote.speaker) {
            return Err(difference("vote", "one vote of each", vote.speaker));
        }
        if vote.approve {
            let sum = proposal.votes_for.0.add(weight.0);
            proposal.votes_for = Amount(sum.map_err(|error| overflow("votes", error))?);
        }
        Ok(())
    }

    /// Holds an activation against the tally and the calendar (GV-8).
    pub(crate) fn activate(
        &mut self,
        number: ProposalNumber,
        epoch: u64,
        effective: u64,
        parameters: &Parameters,
    ) -> Result<(), Difference> {
        // The last one about its subject: a stale decision overrides none that is newer.
        if !self.subjects.values().any(|last| *last == number) {
            return Err(difference("activation", "the latest of its subject", number));
        }
        let proposal = self.get_mut(number)?;
        if proposal.votes_for < proposal.needed {
            let least = format!("at least {}", proposal.needed);
            return Err(difference("votes", least, proposal.votes_for));
        }
        let after =
            if proposal.emergency { proposal.opens } else { proposal.closes.saturating_add(1) };
        let lapses = proposal.closes.saturating_add(ACTIVATION_WINDOW_EPOCHS);
        if !(after..=lapses).contains(&epoch) || proposal.effective.is_some() {
            let once = format!("one activation in epochs {after} to {lapses}");
            return Err(difference("activation", once, format!("one in epoch {epoch}")));
        }
        let due = derive::effective(proposal.closes, epoch, proposal.emergency, parameters);
        let due = due.ok_or_else(|| difference("effective", "a later epoch", effective))?;
        same("effective", due, effective)?;
        proposal.effective = Some(due);
        proposal.cools_until = due.saturating_add(u64::from(parameters.cooldown_epochs));
        self.waiting.push((due, number));
        Ok(())
    }

    /// The votes for a proposal are fewer than it needs.
    pub(crate) fn check_is_short(&self, number: ProposalNumber) -> Result<(), Difference> {
        let proposal = self.get(number)?;
        if proposal.votes_for < proposal.needed {
            return Ok(());
        }
        let below = format!("fewer votes than {}", proposal.needed);
        Err(difference("votes", below, proposal.votes_for))
    }

    /// What comes into force with an epoch, in the order of activation (GV-10).
    pub(crate) fn due(&self, epoch: u64) -> Vec<ProposalNumber> {
        let due = self.waiting.iter().filter(|(effective, _)| *effective == epoch);
        due.map(|(_, number)| *number).collect()
    }

    /// An epoch begins: what is in force with it waits no more, and voters of proposals that are over are forgotten.
    pub(crate) fn close(&mut self, next: u64) {
        self.waiting.retain(|(effective, _)| *effective > next);
        let (open, over): (Vec<_>, Vec<_>) = core::mem::take(&mut self.open)
            .into_iter()
            .partition(|number| self.get(*number).is_ok_and(|proposal| proposal.closes >= next));
        self.open = open;
        for number in over {
            if let Ok(proposal) = self.get_mut(number) {
                proposal.electors.clear();
                proposal.voted.clear();
            }
        }
    }
}
