//! Closing an epoch: verification, settlement, and who is eligible next.

use aegis_registry::{Facts, verify};
use alloc::vec::Vec;
use protocol::{
    Event, Refusal,
    command::AdvanceEpoch,
    error::ErrorCode,
    event::{EpochClosed, NodeAccount},
    node::{NodeNumber, NodeStatus},
};
use token_state::{Contribution, settle, uptime_bucket};

use super::{Decision, refuse, refuse_with};
use crate::state::{
    State, StateStore,
    records::{LedgerRecord, NodeRecord},
};

pub(super) fn advance<S: StateStore>(
    state: &State<S>,
    ledger: &LedgerRecord,
    advance: &AdvanceEpoch,
) -> Decision {
    if advance.closes != ledger.epoch {
        return refuse_with(
            ErrorCode::EpochChanged,
            alloc::format!("epoch {} is open, not {}", ledger.epoch, advance.closes),
        );
    }
    if ledger.epoch == u64::MAX {
        return refuse(ErrorCode::Limit, "there is no later epoch");
    }
    let nodes = u32::try_from(state.nodes().len()).unwrap_or(u32::MAX);
    let facts = Facts::checked(advance, nodes)?;
    let mut accounts: Vec<NodeAccount> = (0..)
        .zip(state.nodes())
        .map(|(number, node)| account(number, node, facts, ledger))
        .collect();
    let contributions: Vec<Contribution> = accounts.iter().map(contribution).collect();
    let (settlement, rewards) =
        settle(ledger.treasury.open_fees, &contributions, &ledger.parameters).map_err(|_| {
            Refusal::new(ErrorCode::Internal, "the epoch's totals exceed what an amount can hold")
        })?;
    for (account, reward) in accounts.iter_mut().zip(rewards) {
        account.reward = reward;
    }
    Ok(Event::EpochClosed(EpochClosed { epoch: ledger.epoch, settlement, nodes: accounts }))
}

/// A node's account before the rewards are known.
fn account(
    number: NodeNumber,
    node: &NodeRecord,
    facts: Facts<'_>,
    ledger: &LedgerRecord,
) -> NodeAccount {
    let telemetry = facts.telemetry(number);
    let status = verify(facts.registry(number), telemetry, &ledger.parameters);
    let bucket = match (status, telemetry.and_then(|fact| fact.reading.as_ref())) {
        (NodeStatus::Verified, Some(reading)) => uptime_bucket(reading.uptime_ratio),
        _ => 0,
    };
    NodeAccount {
        status,
        bytes_stored: node.bytes_stored,
        uptime_bucket: bucket,
        proofs: node.proofs,
        reward: protocol::Amount::ZERO,
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
