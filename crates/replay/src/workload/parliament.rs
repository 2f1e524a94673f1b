//! Proposals, votes and activations of a generated log, and what the ledger refuses of them.

use protocol::{
    AccountId, Action, Amount, Event, Outcome,
    command::{Propose, Vote},
    governance::{Change, ProposalNumber, Speaker},
    node::Standing,
    parameters::{Parameter, Value},
    signature::Signer,
};

use super::{
    WorkloadError,
    agenda::{self, Fate, Item, Subjects},
    ledger::Done,
    scenario::{Known, Scenario},
};

/// A proposal that is under way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Motion {
    number: ProposalNumber,
    emergency: bool,
    opens: u64,
    closes: u64,
    fate: Fate,
}

impl Motion {
    /// The epoch in which somebody activates it.
    const fn activated_in(&self) -> u64 {
        match self.fate {
            _ if self.emergency => self.opens,
            Fate::Passes | Fate::Fails => self.closes.saturating_add(1),
            Fate::Lapses => self.closes.saturating_add(9),
        }
    }
}

impl Scenario<'_> {
    /// What governance does in an epoch.
    pub(super) fn govern(&mut self, epoch: u64) -> Result<(), WorkloadError> {
        if !self.spec.governed {
            return Ok(());
        }
        for item in agenda::of_epoch(epoch, &self.subjects()) {
            self.propose(&item)?;
        }
        for motion in self.motions.clone() {
            if motion.opens == epoch {
                self.vote(motion)?;
            }
            if motion.activated_in() == epoch {
                let again = self.activate(motion.number)?.accepted();
                if again {
                    // Twice, and a vote on what is decided.
                    self.activate(motion.number)?;
                    self.speak(
                        Speaker::Council(0),
                        vote(motion.number, Speaker::Council(0), true),
                    )?;
                }
            }
        }
        self.motions.retain(|motion| motion.activated_in() > epoch);
        if epoch <= 2 || epoch == 11 {
            self.refuse_proposals()?;
        }
        Ok(())
    }

    fn subjects(&self) -> Subjects {
        let account = |client: usize| {
            self.clients.get(client).map_or(AccountId(protocol::Hash32::ZERO), |signer| {
                AccountId::of(&signer.public_key())
            })
        };
        let nodes = (0..).zip(self.ledger.state.nodes());
        let mut quarantined = nodes.filter(|(_, node)| node.standing == Standing::Quarantined);
        Subjects {
            nodes: self.spec.nodes,
            profile: self.spec.profile,
            scorer: account(0),
            credited: account(1),
            quarantined: quarantined.next().map(|(number, _)| number),
        }
    }

    fn propose(&mut self, item: &Item) -> Result<(), WorkloadError> {
        let Item { speaker, change, emergency, fate } = item.clone();
        let action = Action::Propose(Propose { speaker, change, emergency });
        let done = self.speak(speaker, action.clone())?;
        let Outcome::Accepted(Event::Proposed { proposal, opens, closes, .. }) = done.outcome
        else {
            return Ok(());
        };
        self.motions.push(Motion { number: proposal, emergency, opens, closes, fate });
        if proposal == 1 {
            // The same once more, a vote and an activation before their time, and somebody who has no vote.
            self.speak(speaker, action)?;
            self.speak(Speaker::Council(0), vote(proposal, Speaker::Council(0), true))?;
            self.activate(proposal)?;
            self.speak(Speaker::Operator, vote(proposal, Speaker::Operator, true))?;
        }
        Ok(())
    }

    /// Electors vote until it is accepted; or two of them, one for it and one against.
    fn vote(&mut self, motion: Motion) -> Result<(), WorkloadError> {
        let electors = self.ledger.state.electors(motion.number).map_err(WorkloadError::from)?;
        for (at, (speaker, _)) in (0u32..).zip(electors) {
            let is_over = match motion.fate {
                Fate::Fails => at >= 2,
                Fate::Passes | Fate::Lapses => self.is_accepted(motion.number)?,
            };
            if is_over {
                break;
            }
            let approve = motion.fate != Fate::Fails || at == 0;
            self.speak(speaker, vote(motion.number, speaker, approve))?;
            if at == 0 {
                // A vote is final.
                self.speak(speaker, vote(motion.number, speaker, !approve))?;
            }
        }
        Ok(())
    }

    fn is_accepted(&self, number: ProposalNumber) -> Result<bool, WorkloadError> {
        let proposal = self.ledger.state.proposal(number).map_err(WorkloadError::from)?;
        Ok(proposal.is_some_and(|proposal| proposal.yes >= proposal.needed))
    }

    fn activate(&mut self, proposal: ProposalNumber) -> Result<Done, WorkloadError> {
        let speaker = Speaker::Operator;
        self.speak(speaker, Action::Activate { proposal, speaker })
    }

    /// A command of governance in the name of `speaker`, signed by its key; by the operator's where it has none.
    pub(super) fn speak(
        &mut self,
        speaker: Speaker,
        action: Action,
    ) -> Result<Done, WorkloadError> {
        let operator = self.operator;
        let signer: &dyn Signer = match speaker {
            Speaker::Operator => operator,
            Speaker::Council(at) => usize::try_from(at)
                .ok()
                .and_then(|at| self.council.get(at))
                .map_or(operator, |signer| *signer),
            Speaker::Node(node) => self.nodes.signer(node).unwrap_or(operator),
        };
        self.ledger.submit(signer, action)
    }

    /// Proposals that no ledger takes.
    fn refuse_proposals(&mut self) -> Result<(), WorkloadError> {
        let set = |parameter: Parameter, value| Change::Parameter {
            parameter: parameter.number(),
            value,
        };
        let changes = [
            Change::Parameter { parameter: 999, value: Value::Flag(true) },
            set(Parameter::quorum, Value::Flag(true)),
            set(Parameter::voting_cap, Value::Amount(Amount::ZERO)),
            set(Parameter::leaf_size, Value::Integer(8_192)),
            set(Parameter::quorum, Value::Amount(Amount::ZERO)),
            Change::Credit { account: AccountId(protocol::Hash32::ZERO), amount: Amount::ZERO },
            Change::Expel(9_999),
            Change::Reinstate(0),
            Change::CodeVersion(9),
        ];
        for change in changes {
            self.speak(Speaker::Operator, propose(Speaker::Operator, change))?;
        }
        let harmless = || set(Parameter::audit_sample, Value::Integer(32));
        // Speakers that there are not, and one who did not sign.
        for speaker in [Speaker::Council(99), Speaker::Node(9_999)] {
            self.speak(speaker, propose(speaker, harmless()))?;
        }
        self.speak(Speaker::Operator, propose(Speaker::Council(0), harmless()))?;
        self.speak(Speaker::Operator, vote(9_999, Speaker::Operator, true))?;
        self.activate(9_999)?;
        // More than four of one speaker.
        let epochs = [Parameter::audit_sample, Parameter::probation_audit_factor];
        let more =
            [Parameter::fee_metadata_keys, Parameter::cooldown_epochs, Parameter::voting_epochs];
        for parameter in epochs.into_iter().chain(more) {
            let speaker = Speaker::Council(1);
            let value = Value::Integer(2);
            let done = self.speak(speaker, propose(speaker, set(parameter, value)))?;
            if let Outcome::Accepted(Event::Proposed { proposal, .. }) = done.outcome
                && parameter == Parameter::voting_epochs
            {
                return Err(WorkloadError(alloc::format!("proposal {proposal} is one too many")));
            }
        }
        Ok(())
    }

    /// Credits, scores and exits that are refused.
    pub(super) fn refuse_others(&mut self) -> Result<(), WorkloadError> {
        let account = self.operators_account();
        let most = self.ledger.state.genesis().map(|g| g.parameters.operator_credit_cap);
        let over = Amount::from_raw(most.map_or(0, Amount::raw).saturating_add(1));
        for amount in [Amount::ZERO, over] {
            self.operate(Action::Credit { account, amount })?;
        }
        self.ask(0, Action::Credit { account, amount: Amount::from_raw(1) })?;
        self.operate(Action::Exit { node: 9_999 })?;
        self.ask(0, Action::Exit { node: 0 })?;
        Ok(())
    }

    /// Scores by the scorer of a generated ledger and by another client.
    pub(super) fn score(&mut self) -> Result<(), WorkloadError> {
        let Some(Known { object, latest: version, .. }) = self.some_known() else {
            return Ok(());
        };
        let score = u32::try_from(self.rng.below(1_000_001)).unwrap_or(0);
        let record = protocol::command::RecordScore { object, version, score };
        self.ask(0, Action::RecordScore(record.clone()))?;
        if self.rng.one_in(6) {
            self.ask(1, Action::RecordScore(record.clone()))?;
            let beyond = protocol::command::RecordScore { score: 1_000_001, ..record.clone() };
            self.ask(0, Action::RecordScore(beyond))?;
            let missing = protocol::command::RecordScore { version: u64::MAX, ..record };
            self.ask(0, Action::RecordScore(missing))?;
        }
        Ok(())
    }
}

const fn vote(proposal: ProposalNumber, speaker: Speaker, approve: bool) -> Action {
    Action::Vote(Vote { proposal, speaker, approve })
}

const fn propose(speaker: Speaker, change: Change) -> Action {
    Action::Propose(Propose { speaker, change, emergency: false })
}
