//! Closing an epoch: verification, settlement, what comes into force, and who is eligible next.

use aegis_registry::{
    Facts,
    eligibility::is_eligible,
    governance::apply,
    lifecycle::{Observation, Order, failures_in_window, next},
    verify,
};
use alloc::{collections::BTreeMap, vec::Vec};
use protocol::{
    AccountId, Amount, Event, Parameters, Refusal, Rules,
    command::AdvanceEpoch,
    error::ErrorCode,
    event::{EpochClosed, NodeAccount},
    governance::{Change, ProposalNumber},
    node::{NodeNumber, NodeStatus},
};
use token_state::{Contribution, settle, uptime_bucket};

use super::{Decision, refuse, refuse_with};
use crate::state::{
    State, StateError, StateResult, StateStore,
    records::{LedgerRecord, NodeRecord},
};

/// What is in force in the epoch after the open one (GV-10).
#[derive(Clone, Debug)]
pub(crate) struct Forces {
    pub parameters: Parameters,
    pub rules: Rules,
    pub code_version: u32,
    /// What becomes of nodes, the hardest order for each.
    pub orders: BTreeMap<NodeNumber, Order>,
    pub credits: Vec<(AccountId, Amount)>,
    /// The proposals that brought it about, in the order of activation.
    pub proposals: Vec<ProposalNumber>,
}

/// What the next epoch begins with.
pub(crate) fn coming<S: StateStore>(
    state: &State<S>,
    ledger: &LedgerRecord,
) -> StateResult<Forces, S> {
    let mut forces = Forces {
        parameters: ledger.parameters.clone(),
        rules: ledger.rules.clone(),
        code_version: ledger.code_version,
        orders: BTreeMap::new(),
        credits: Vec::new(),
        proposals: Vec::new(),
    };
    let due = ledger.scheduled.iter().filter(|s| s.effective.checked_sub(1) == Some(ledger.epoch));
    for scheduled in due {
        let proposal = state.proposal(scheduled.proposal)?;
        let proposal = proposal.ok_or(StateError::Broken("an activated proposal is not there"))?;
        forces.take(&proposal.change);
        forces.proposals.push(scheduled.proposal);
    }
    Ok(forces)
}

impl Forces {
    fn order(&mut self, node: NodeNumber, order: Order) {
        let standing = self.orders.entry(node).or_insert(order);
        *standing = order.max(*standing);
    }

    fn take(&mut self, change: &Change) {
        match change {
            Change::Expel(node) => self.order(*node, Order::Expel),
            Change::Quarantine(node) => self.order(*node, Order::Quarantine),
            Change::Reinstate(node) => self.order(*node, Order::Reinstate),
            Change::Credit { account, amount } => self.credits.push((*account, *amount)),
            Change::Parameter { .. } | Change::Rule(_) | Change::CodeVersion(_) => {
                let Self { parameters, rules, code_version, .. } = self;
                apply(change, parameters, rules, code_version);
            }
        }
    }
}

pub(super) fn advance<S: StateStore>(
    state: &State<S>,
    ledger: &LedgerRecord,
    advance: &AdvanceEpoch,
) -> StateResult<Decision, S> {
    let facts = match check(state, ledger, advance) {
        Ok(facts) => facts,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let forces = coming(state, ledger)?;
    let nodes = (0..).zip(state.nodes());
    let accounts = nodes.map(|(number, node)| account(number, node, facts, ledger, &forces));
    Ok(settled(ledger, accounts.collect(), forces.proposals))
}

fn check<'a, S: StateStore>(
    state: &State<S>,
    ledger: &LedgerRecord,
    advance: &'a AdvanceEpoch,
) -> Result<Facts<'a>, Refusal> {
    if advance.closes != ledger.epoch {
        return refuse_with(
            ErrorCode::EpochChanged,
            alloc::format!("epoch {} is open, not {}", ledger.epoch, advance.closes),
        );
    }
    if ledger.epoch == u64::MAX {
        return refuse(ErrorCode::Limit, "there is no later epoch");
    }
    Facts::checked(advance, u32::try_from(state.nodes().len()).unwrap_or(u32::MAX))
}

fn settled(
    ledger: &LedgerRecord,
    mut accounts: Vec<NodeAccount>,
    changes: Vec<ProposalNumber>,
) -> Decision {
    let contributions: Vec<Contribution> = accounts.iter().map(contribution).collect();
    let (settlement, rewards) =
        settle(ledger.treasury.open_fees, &contributions, &ledger.parameters).map_err(|_| {
            Refusal::new(ErrorCode::Internal, "the epoch's totals exceed what an amount can hold")
        })?;
    for (account, reward) in accounts.iter_mut().zip(rewards) {
        account.reward = reward;
    }
    Ok(Event::EpochClosed(EpochClosed {
        epoch: ledger.epoch,
        settlement,
        nodes: accounts,
        changes,
    }))
}

/// A node's account before the rewards are known: settled under the rules of the epoch that closes, standing under
/// those of the next.
fn account(
    number: NodeNumber,
    node: &NodeRecord,
    facts: Facts<'_>,
    ledger: &LedgerRecord,
    forces: &Forces,
) -> NodeAccount {
    let (registry, telemetry) = (facts.registry(number), facts.telemetry(number));
    let status = verify(registry, telemetry, &ledger.rules);
    let bucket = match (status, telemetry.and_then(|fact| fact.reading.as_ref())) {
        (NodeStatus::Verified, Some(reading)) => uptime_bucket(reading.uptime_ratio),
        _ => 0,
    };
    let coming = verify(registry, telemetry, &forces.rules);
    let quarantine = forces.rules.quarantine;
    let seen = Observation {
        verified: coming == NodeStatus::Verified,
        revoked: registry.is_some_and(|fact| fact.revoked),
        failures: failures_in_window(node.failed, &node.failures, quarantine.epochs),
        epochs: ledger.epoch.saturating_add(1).saturating_sub(node.since),
        holds_copies: node.bytes_stored > 0,
        order: forces.orders.get(&number).copied(),
        quarantine,
        probation_epochs: forces.parameters.probation_epochs,
    };
    let standing = next(node.standing, &seen);
    NodeAccount {
        status,
        bytes_stored: node.bytes_stored,
        uptime_bucket: bucket,
        proofs: node.proofs,
        reward: Amount::ZERO,
        standing,
        eligible: is_eligible(coming, standing, &node.domain.region, &forces.rules),
    }
}

fn contribution(account: &NodeAccount) -> Contribution {
    Contribution {
        verified: account.status == NodeStatus::Verified,
        bytes_stored: account.bytes_stored,
        uptime_bucket: account.uptime_bucket,
        proofs: account.proofs,
    }
}
