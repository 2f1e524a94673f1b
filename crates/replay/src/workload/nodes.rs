//! Nodes of a generated log: names, keys that speak, domains; who joins, leaves, and whose copies move.

use alloc::{collections::BTreeMap, format, vec::Vec};
use protocol::{
    Action, Hash32, NodeId,
    command::{Content, Reassign, RegisterNode},
    genesis::GenesisNode,
    node::{FailureDomain, Standing},
    signature::{SeedSigner, Signer, Suite},
};
use storage_engine::{decide::replacement, state::records::NodeRecord};

use super::{WorkloadError, keys::signer, scenario::Scenario};

/// The last epoch in which nodes join one after the other: the entry that closes an epoch names each of them.
const LAST_JOIN: u64 = 24;

/// Epochs between nodes that join and leave later.
const TURNOVER: u64 = 200;

/// The epoch in which a node leaves when copies have moved already, so that it is still leaving in the next.
pub(super) const LATE_EXIT: u64 = 14;

/// Copies that are moved from nodes that may not keep them, in an epoch and beside those of nodes that leave.
const MOVES: usize = 6;

/// Keys of nodes, grown when they are first needed.
#[derive(Default)]
pub(super) struct NodeKeys(BTreeMap<u32, SeedSigner>);

impl NodeKeys {
    /// The signer of a node; `None` for a scheme without a suite.
    pub(super) fn signer(&mut self, number: u32) -> Option<&dyn Signer> {
        let suite = Suite::from_name(scheme(number))?;
        let grow = || signer(&format!("node-{number}"), suite);
        Some(self.0.entry(number).or_insert_with(grow))
    }

    /// A node has another key.
    pub(super) fn replace(&mut self, number: u32, new: SeedSigner) {
        self.0.insert(number, new);
    }

    /// The public key of a node: of a round-3 Dilithium node, for which nothing here signs, bytes of its length.
    fn public_key(&mut self, number: u32) -> Vec<u8> {
        match self.signer(number) {
            Some(signer) => signer.public_key().bytes,
            None => {
                let seed = Hash32::of(format!("qfs test node key {number}").as_bytes());
                seed.0.into_iter().cycle().take(1_952).collect()
            }
        }
    }

    pub(super) fn of_genesis(&mut self, number: u32) -> GenesisNode {
        GenesisNode {
            node_id: node_id(number),
            scheme: scheme(number).into(),
            key_hash: Hash32::of(&self.public_key(number)),
            domain: domain(number),
        }
    }

    fn registration(&mut self, number: u32) -> RegisterNode {
        RegisterNode {
            node_id: node_id(number),
            scheme: scheme(number).into(),
            public_key: self.public_key(number),
            domain: domain(number),
        }
    }
}

impl Scenario<'_> {
    /// A genesis node discloses its key, nodes join, and now and then one leaves.
    pub(super) fn nodes(&mut self, epoch: u64) -> Result<(), WorkloadError> {
        let disclosing = u32::try_from(epoch.saturating_sub(1)).unwrap_or(u32::MAX);
        let joining = u32::try_from(self.ledger.state.nodes().len()).unwrap_or(u32::MAX);
        let joins = if epoch <= LAST_JOIN {
            epoch.checked_rem(3) == Some(2)
        } else {
            epoch.is_multiple_of(TURNOVER)
        };
        let disclosed = (disclosing < self.spec.nodes).then_some(disclosing);
        for number in [disclosed, joins.then_some(joining)].into_iter().flatten() {
            let registration = self.nodes.registration(number);
            self.operate(Action::RegisterNode(registration))?;
        }
        if self.spec.governed && epoch != LATE_EXIT {
            self.exits(epoch)?;
        }
        Ok(())
    }

    /// By the node's own key, or the operator's.
    pub(super) fn exits(&mut self, epoch: u64) -> Result<(), WorkloadError> {
        let leaving = match epoch {
            10 => 7,
            LATE_EXIT => 10,
            _ if epoch > LAST_JOIN && epoch.is_multiple_of(TURNOVER) => {
                u32::try_from(epoch.checked_div(TURNOVER).unwrap_or(0))
                    .unwrap_or(0)
                    .saturating_add(15)
            }
            _ => return Ok(()),
        };
        let node = leaving.checked_rem(self.spec.nodes).unwrap_or(0);
        let exit = Action::Exit { node };
        let operator = self.operator;
        let signer =
            if epoch == LATE_EXIT { operator } else { self.nodes.signer(node).unwrap_or(operator) };
        self.ledger.submit(signer, exit.clone())?;
        // Once is enough.
        self.operate(exit)?;
        Ok(())
    }

    /// Moves copies off nodes that leave, and some off nodes that may not keep them; now and then to the wrong node.
    pub(super) fn move_copies(&mut self) -> Result<(), WorkloadError> {
        let state = &self.ledger.state;
        let mut moves = Vec::new();
        let mut others = 0usize;
        state
            .visit_versions("", &mut |name, version, record| {
                let Some(stored) = record.stored else { return true };
                let Content::Single(layout) = &stored.content else { return true };
                let replicas = usize::from(layout.profile.replicas);
                for (column, nodes) in (0..).zip(stored.assignment.chunks(replicas)) {
                    for (copy, from) in (0..).zip(nodes) {
                        let leaves = state.node(*from).is_some_and(must_leave);
                        if !leaves && state.eligible().contains(from) {
                            continue;
                        }
                        others = others.saturating_add(usize::from(!leaves));
                        if leaves || others <= MOVES {
                            let object = protocol::ObjectId(name.into());
                            let from = *from;
                            moves.push(Reassign { object, version, column, copy, from, to: from });
                        }
                    }
                }
                true
            })
            .map_err(WorkloadError::from)?;
        for mut reassign in moves {
            let record = self.ledger.state.version(&reassign.object, reassign.version);
            let record = record.map_err(WorkloadError::from)?;
            let Some(stored) = record.and_then(|record| record.stored) else { continue };
            let to = replacement(&self.ledger.state, &reassign, &stored);
            // Where no node may take it, the ledger says so.
            reassign.to = to.map_err(WorkloadError::from)?.unwrap_or(reassign.from);
            if self.rng.one_in(16) {
                let to = reassign.to.wrapping_add(1);
                self.operate(Action::Reassign(Reassign { to, ..reassign.clone() }))?;
            }
            self.operate(Action::Reassign(reassign))?;
        }
        Ok(())
    }
}

const fn must_leave(node: &NodeRecord) -> bool {
    matches!(node.standing, Standing::Draining | Standing::Expelled)
}

fn node_id(number: u32) -> NodeId {
    NodeId(format!("node-{number:03}"))
}

/// Most have ML-DSA-44 keys; some have stronger ones, and some keys that cannot speak.
const fn scheme(number: u32) -> &'static str {
    match number % 16 {
        13 => "ML-DSA-65",
        14 => "ML-DSA-87",
        15 => "Dilithium3",
        _ => "ML-DSA-44",
    }
}

fn domain(number: u32) -> FailureDomain {
    FailureDomain {
        region: format!("region-{}", number.checked_rem(4).unwrap_or(0)),
        operator: format!("operator-{}", number.checked_rem(5).unwrap_or(0)),
        asn: 64_512u32.saturating_add(number),
    }
}
