//! The auditor's own sums of fees, proofs and NOD, which every closing of an epoch must meet (RP-6).

use alloc::{collections::BTreeMap, format, string::String};
use certified_math::BigNum128;
use core::fmt::Display;
use protocol::{Amount, Parameters, event::EpochClosed, node::NodeNumber};
use storage_engine::state::records::NodeRecord;
use token_state::Treasury;

use crate::{compare::Difference, derive};

/// Sums over the entries so far, made from outcomes alone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Totals {
    /// Fees of the open epoch, and where all earlier ones went.
    treasury: Treasury,
    /// Shards proved in the open epoch.
    proofs: BTreeMap<NodeNumber, u64>,
    /// Shards proved in closed epochs.
    settled_proofs: BTreeMap<NodeNumber, u64>,
}

impl Totals {
    /// A fee was charged.
    pub(crate) fn charge(&mut self, fee: Amount) -> Result<(), Difference> {
        let open = self.treasury.open_fees.0.add(fee.0);
        self.treasury.open_fees = Amount(open.map_err(|error| overflow("fees", error))?);
        Ok(())
    }

    /// A node proved this many shards.
    pub(crate) fn prove(&mut self, node: NodeNumber, counted: u32) {
        let proofs = self.proofs.entry(node).or_default();
        *proofs = proofs.saturating_add(u64::from(counted));
    }

    /// Shards that `node` proved, over all closed epochs.
    pub(crate) fn proofs_of(&self, node: NodeNumber) -> u64 {
        self.settled_proofs.get(&node).copied().unwrap_or(0)
    }

    /// Holds a closing to the sums, to the rules and to what the ledger then has.
    pub(crate) fn close(
        &mut self,
        closed: &EpochClosed,
        parameters: &Parameters,
        ledger: &Treasury,
        nodes: &[NodeRecord],
    ) -> Result<(), Difference> {
        let fees = self.treasury.open_fees;
        same("settlement.fees", fees, closed.settlement.fees)?;
        for (number, account) in (0..).zip(&closed.nodes) {
            let proofs = self.proofs.remove(&number).unwrap_or(0);
            same(format!("nodes[{number}].proofs"), proofs, account.proofs)?;
            let settled = self.settled_proofs.entry(number).or_default();
            *settled = settled.saturating_add(proofs);
        }
        let (settlement, rewards) = derive::settlement(fees, &closed.nodes, parameters)
            .map_err(|error| overflow("settlement", error))?;
        for (number, (reward, account)) in (0u32..).zip(rewards.iter().zip(&closed.nodes)) {
            same(format!("nodes[{number}].reward"), *reward, account.reward)?;
        }
        let name = |settlement| format!("{settlement:?}");
        same("settlement", name(settlement), name(closed.settlement))?;
        if !derive::conserves(&closed.settlement) {
            let found = "fees that differ from rewards + treasury + reserve";
            return Err(difference("settlement.identity", "conservation", found));
        }
        self.treasury = self
            .treasury
            .settled(&closed.settlement)
            .map_err(|error| overflow("treasury", error))?;
        let name = |treasury| format!("{treasury:?}");
        same("treasury", name(self.treasury), name(*ledger))?;
        let supply = BigNum128::sum(nodes.iter().map(|node| node.nod.0))
            .map_err(|error| overflow("nod_supply", error))?;
        same("nod_supply", self.treasury.burnt, Amount(supply))
    }
}

fn same<T: Display + PartialEq>(
    field: impl Into<String>,
    expected: T,
    got: T,
) -> Result<(), Difference> {
    if expected == got {
        return Ok(());
    }
    Err(difference(field, expected, got))
}

fn difference(field: impl Into<String>, expected: impl Display, got: impl Display) -> Difference {
    Difference {
        field: format!("derived.{}", field.into()),
        expected: format!("{expected}"),
        got: format!("{got}"),
    }
}

fn overflow(field: &str, error: impl Display) -> Difference {
    difference(field, "a sum that fits an amount", error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::{
        Hash32, NodeId, Profile,
        event::{NodeAccount, Settlement},
        node::{FailureDomain, NodeStatus, Standing},
    };

    fn account(proofs: u64) -> NodeAccount {
        NodeAccount {
            status: NodeStatus::Verified,
            bytes_stored: 1_000,
            uptime_bucket: 10,
            proofs,
            reward: Amount::ZERO,
            standing: Standing::Active,
            eligible: true,
        }
    }

    fn record(nod: Amount) -> NodeRecord {
        NodeRecord {
            node_id: NodeId("n".into()),
            scheme: "ML-DSA-44".into(),
            key_hash: Hash32::ZERO,
            domain: FailureDomain::default(),
            status: None,
            registry: None,
            telemetry: None,
            uptime_bucket: 10,
            bytes_stored: 1_000,
            proofs: 0,
            answers: 0,
            nod,
            standing: Standing::Active,
            since: 1,
            failed: 0,
            failures: alloc::vec::Vec::new(),
        }
    }

    /// An epoch with three nodes, closed by the rules; each wrong number is found under its own name.
    #[test]
    fn rp_6_a_closing_that_does_not_add_up_is_named() {
        let parameters = Parameters::v13(Profile::QFS_V13);
        let mut totals = Totals::default();
        totals.charge(Amount::from_raw(10_007)).unwrap();
        (0..3).for_each(|node| totals.prove(node, 4));
        let mut closed = EpochClosed {
            epoch: 1,
            settlement: Settlement::default(),
            nodes: [account(4); 3].into(),
            changes: alloc::vec::Vec::new(),
        };
        let fees = Amount::from_raw(10_007);
        let (settlement, rewards) = derive::settlement(fees, &closed.nodes, &parameters).unwrap();
        closed.settlement = settlement;
        for (node, reward) in closed.nodes.iter_mut().zip(&rewards) {
            node.reward = *reward;
        }
        let open = Treasury { open_fees: fees, ..Treasury::default() };
        let ledger = open.settled(&settlement).unwrap();
        let nodes: alloc::vec::Vec<NodeRecord> = rewards.iter().map(|nod| record(*nod)).collect();
        assert_eq!(totals.clone().close(&closed, &parameters, &ledger, &nodes), Ok(()));

        type Forge = fn(&mut EpochClosed, &mut Treasury);
        let forgeries: [(&str, Forge); 5] = [
            ("derived.settlement.fees", |closed, _| {
                closed.settlement.fees = Amount::from_raw(10_006);
            }),
            ("derived.nodes[1].proofs", |closed, _| closed.nodes[1].proofs = 5),
            ("derived.nodes[2].reward", |closed, _| {
                closed.nodes[2].reward = Amount::from_raw(1_000);
            }),
            ("derived.settlement", |closed, _| {
                closed.settlement.treasury = Amount::ZERO;
            }),
            ("derived.treasury", |_, ledger| ledger.reserve = Amount::ZERO),
        ];
        for (field, forge) in forgeries {
            let (mut closed, mut ledger) = (closed.clone(), ledger);
            forge(&mut closed, &mut ledger);
            let found = totals.clone().close(&closed, &parameters, &ledger, &nodes);
            assert_eq!(found.unwrap_err().field, field);
        }
        let missing = totals.clone().close(&closed, &parameters, &ledger, &nodes[1..]);
        assert_eq!(missing.unwrap_err().field, "derived.nod_supply");
    }
}
