//! The laws, held against sums that are made from commands and outcomes alone.

use crate::ledger::Tally;
use certified_math::mul_div_u128;
use protocol::{
    AccountId, Action, Amount, EntryBody, Event, Outcome, Parameters, Rules,
    event::EpochClosed,
    governance::{Change, Electorate},
    node::{NodeNumber, NodeStatus},
};
use replay::event_type;
use std::collections::{BTreeMap, BTreeSet};
use storage_engine::state::{MemoryStore, State};

const ONE: u128 = 1_000_000_000_000_000_000;

/// What must be so, as counted outside of the engine.
#[derive(Default)]
pub struct Books {
    /// Fees of the open epoch, and of all epochs.
    open_fees: u128,
    fees: u128,
    /// Fees and credits of each account.
    accounts: BTreeMap<AccountId, (u128, u128)>,
    credited_by_operator: u128,
    /// NOD of each node, from rewards alone.
    nod: Vec<u128>,
    rewards: u128,
    treasury: u128,
    reserve: u128,
    /// What an epoch began with, which stands until it ends.
    epoch: u64,
    eligible: Vec<NodeNumber>,
    governed: Option<(Parameters, Rules)>,
}

impl Books {
    pub fn check(&mut self, body: &EntryBody, state: &State<MemoryStore>, tally: &mut Tally) {
        tally.commands += 1;
        match &body.outcome {
            Outcome::Accepted(event) => {
                *tally.accepted.entry(event_type(event)).or_default() += 1;
                self.take(body, event, state, tally);
            }
            Outcome::Rejected(code) => *tally.refused.entry(*code).or_default() += 1,
        }
        self.hold(state);
    }

    fn take(
        &mut self,
        body: &EntryBody,
        event: &Event,
        state: &State<MemoryStore>,
        tally: &mut Tally,
    ) {
        match (&body.command.action, event) {
            (_, Event::Stored { fee, .. }) => {
                self.open_fees += fee.raw();
                self.fees += fee.raw();
                self.accounts.entry(body.command.payer).or_default().0 += fee.raw();
            }
            (Action::Credit { account, amount }, Event::Credited { .. }) => {
                self.credited_by_operator += amount.raw();
                let cap = self.governed.as_ref().unwrap().0.operator_credit_cap;
                assert!(self.credited_by_operator <= cap.raw());
                self.accounts.entry(*account).or_default().1 += amount.raw();
            }
            (_, Event::Proposed { proposal, electorate, weight, needed, .. }) => {
                tally.nod_electorates += u64::from(*electorate == Electorate::Nodes);
                self.vote(*proposal, *electorate, *weight, *needed, state);
            }
            (_, Event::EpochClosed(closed)) => self.close(closed, state, tally),
            (_, Event::LedgerOpened { .. }) => self.begin(state),
            _ => {}
        }
    }

    /// GV-4: no node has more than a quarter of the votes, nor more than its NOD; what is needed is more than half.
    fn vote(
        &self,
        proposal: u64,
        electorate: Electorate,
        weight: Amount,
        needed: Amount,
        state: &State<MemoryStore>,
    ) {
        let electors = state.electors(proposal).unwrap();
        let sum: u128 = electors.iter().map(|(_, own)| own.raw()).sum();
        assert_eq!(sum, weight.raw());
        assert!(needed.raw() * 2 > sum && needed <= weight);
        if electorate == Electorate::Nodes {
            assert!(electors.len() >= 4);
            for (speaker, own) in electors {
                let protocol::governance::Speaker::Node(number) = speaker else {
                    panic!("{speaker} votes among nodes");
                };
                assert!(own.raw() * 4 <= sum && own.raw() <= self.nod[number as usize]);
            }
        }
    }

    fn close(&mut self, closed: &EpochClosed, state: &State<MemoryStore>, tally: &mut Tally) {
        let (parameters, _) = self.governed.clone().unwrap();
        let settled = closed.settlement;
        tally.epochs += 1;
        tally.rewarded += u64::from(settled.rewards > Amount::ZERO);
        tally.in_force += closed.changes.len() as u64;
        assert_eq!(settled.fees.raw(), self.open_fees);
        let parts = settled.rewards.raw() + settled.treasury.raw() + settled.reserve.raw();
        assert_eq!(parts, self.open_fees, "EC-5, to the last unit");
        assert!(settled.pool <= parameters.pool_cap);
        assert!(settled.pool.raw() <= mul(self.open_fees, parameters.pool_share.raw()));
        let most = mul(settled.pool.raw(), parameters.node_reward_cap.raw());
        self.nod.resize(closed.nodes.len(), 0);
        for (held, node) in self.nod.iter_mut().zip(&closed.nodes) {
            assert!(node.reward.raw() <= most, "EC-4");
            assert!(node.status == NodeStatus::Verified || node.reward == Amount::ZERO);
            *held += node.reward.raw();
        }
        self.rewards += settled.rewards.raw();
        self.treasury += settled.treasury.raw();
        self.reserve += settled.reserve.raw();
        (self.open_fees, self.credited_by_operator) = (0, 0);
        for number in &closed.changes {
            let proposal = state.proposal(*number).unwrap().unwrap();
            assert!(proposal.yes >= proposal.needed, "nothing is in force without its votes");
            if let Change::Credit { account, amount } = proposal.change {
                self.accounts.entry(account).or_default().1 += amount.raw();
            }
        }
        self.begin(state);
    }

    fn begin(&mut self, state: &State<MemoryStore>) {
        let ledger = state.ledger().unwrap();
        assert_eq!(ledger.epoch, self.epoch + 1);
        self.epoch = ledger.epoch;
        self.eligible = state.eligible().to_vec();
        self.governed = Some((ledger.parameters.clone(), ledger.rules.clone()));
        assert_eq!((ledger.parameters.validate(), ledger.rules.validate()), (Ok(()), Ok(())));
        for number in &self.eligible {
            let node = state.node(*number).unwrap();
            assert_eq!(node.status, Some(NodeStatus::Verified));
            assert!(node.standing.may_be_eligible() && ledger.rules.allows(&node.domain.region));
        }
    }

    /// What holds after every command, whatever became of it.
    fn hold(&self, state: &State<MemoryStore>) {
        let ledger = state.ledger().unwrap();
        assert_eq!(state.eligible(), self.eligible, "RG-7: the list stands for the whole epoch");
        let (parameters, rules) = self.governed.as_ref().unwrap();
        assert!(ledger.parameters == *parameters && ledger.rules == *rules, "GV-10");
        let treasury = &ledger.treasury;
        assert_eq!(treasury.open_fees.raw(), self.open_fees);
        assert_eq!(
            (treasury.treasury.raw(), treasury.reserve.raw(), treasury.burnt.raw()),
            (self.treasury, self.reserve, self.rewards)
        );
        assert_eq!(treasury.total().unwrap().raw(), self.fees);
        for (number, node) in state.nodes().iter().enumerate() {
            let earned = self.nod.get(number).copied().unwrap_or(0);
            assert_eq!(node.nod.raw(), earned, "EC-9: NOD is minted by closings and never moves");
        }
        let mut credits = 0;
        for (id, (fees, credited)) in &self.accounts {
            let account = state.account(id).unwrap();
            assert_eq!((account.fees.raw(), account.credits.raw()), (*fees, *credited));
            let (debt, balance) = (account.debt.raw(), account.balance.raw());
            assert_eq!(credited + debt, balance + fees, "EC-8");
            credits += credited;
        }
        assert_eq!(treasury.credited.raw(), credits);
        let held: u64 = state.nodes().iter().map(|node| node.bytes_stored).sum();
        assert_eq!(held, ledger.bytes_stored);
        self.unique(state);
    }

    /// No node is eligible twice.
    fn unique(&self, state: &State<MemoryStore>) {
        let distinct: BTreeSet<_> = state.eligible().iter().collect();
        assert_eq!(distinct.len(), self.eligible.len());
    }
}

fn mul(amount: u128, share: u128) -> u128 {
    mul_div_u128(amount, share, ONE).unwrap()
}
