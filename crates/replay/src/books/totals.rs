//! The auditor's own sums of fees, proofs and NOD, which every closing of an epoch must meet (RP-6).

use alloc::{collections::BTreeMap, format};
use borsh::{BorshDeserialize, BorshSerialize};
use certified_math::BigNum128;
use protocol::{Amount, Parameters, event::EpochClosed, node::NodeNumber};
use token_state::Treasury;

use super::{difference, overflow, same};
use crate::{compare::Difference, derive};

/// Sums over the entries so far, made from outcomes alone.
#[derive(Clone, Debug, Default, BorshSerialize, BorshDeserialize)]
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
        nod: impl IntoIterator<Item = Amount>,
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
        // Credits are no part of the fees, and summed elsewhere.
        let ledger = Treasury { credited: Amount::ZERO, ..*ledger };
        let name = |treasury| format!("{treasury:?}");
        same("treasury", name(self.treasury), name(ledger))?;
        let supply = BigNum128::sum(nod.into_iter().map(|nod| nod.0))
            .map_err(|error| overflow("nod_supply", error))?;
        same("nod_supply", self.treasury.burnt, Amount(supply))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::{
        Profile,
        event::{NodeAccount, Settlement},
        node::{NodeStatus, Standing},
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
        assert_eq!(totals.clone().close(&closed, &parameters, &ledger, rewards.clone()), Ok(()));

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
            let found = totals.clone().close(&closed, &parameters, &ledger, rewards.clone());
            assert_eq!(found.unwrap_err().field, field);
        }
        let missing = totals.clone().close(&closed, &parameters, &ledger, rewards[1..].to_vec());
        assert_eq!(missing.unwrap_err().field, "derived.nod_supply");
    }
}
