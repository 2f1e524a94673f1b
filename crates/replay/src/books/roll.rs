//! The nodes: where they stand, what they failed to prove, what they earned, and who is listed (RG-6, RG-7).

use alloc::{string::String, vec::Vec};
use borsh::{BorshDeserialize, BorshSerialize};
use protocol::{
    Amount, Authorization, Command, Genesis, Hash32, NodeId, Rules,
    command::{AdvanceEpoch, RegisterNode},
    event::NodeAccount,
    governance::Speaker,
    node::{FailureDomain, NodeNumber, Standing},
    rules::DomainKind,
    signature::{PublicKey, Suite},
};

use storage_engine::state::records::NodeRecord;

use super::{Keyring, difference, is_verified, overflow, same};
use crate::{
    compare::Difference,
    derive::{self, Observed},
};

/// What the auditor keeps of a node.
#[derive(Clone, Debug, BorshSerialize, BorshDeserialize)]
pub(crate) struct Member {
    pub(crate) id: NodeId,
    pub(crate) domain: FailureDomain,
    pub(crate) standing: Standing,
    pub(crate) nod: Amount,
    /// Named as revoked by the last facts.
    revoked: bool,
    scheme: String,
    key_hash: Hash32,
    /// The epoch in which its standing began.
    since: u64,
    /// Shards that it failed to prove in the open epoch.
    failed: u64,
    /// The same for closed epochs in which there were any.
    failures: Vec<(u64, u64)>,
}

/// Every node by number, and the list of the open epoch.
#[derive(Clone, Debug, Default, BorshSerialize, BorshDeserialize)]
pub(crate) struct Roll {
    members: Vec<Member>,
    list: Vec<NodeNumber>,
}

/// What the closing of an epoch is judged by.
pub(crate) struct Closing<'a> {
    pub(crate) advance: &'a AdvanceEpoch,
    /// The epoch that closes.
    pub(crate) epoch: u64,
    /// Its rules.
    pub(crate) closing: &'a Rules,
    /// The rules of the next.
    pub(crate) coming: &'a Rules,
    /// Epochs on probation, by the next epoch's parameters.
    pub(crate) probation: u32,
    /// What governance orders: EXPELLED, QUARANTINED, or PROBATION to reinstate; the hardest for a node counts.
    pub(crate) orders: &'a [(NodeNumber, Standing)],
}

impl Roll {
    /// The nodes of genesis: active, and listed where the rules allow their region.
    pub(crate) fn open(genesis: &Genesis) -> Self {
        let members = genesis.nodes.iter().map(|node| Member {
            standing: Standing::Active,
            ..new(&node.node_id, &node.scheme, node.key_hash, &node.domain, 1)
        });
        let mut roll = Self { members: members.collect(), list: Vec::new() };
        let allowed = |member: &Member| {
            derive::is_listed(true, Standing::Active, &member.domain.region, &genesis.rules)
        };
        let listed: Vec<bool> = roll.members.iter().map(allowed).collect();
        roll.relist(&listed);
        roll
    }

    /// The list of the open epoch.
    pub(crate) fn list(&self) -> &[NodeNumber] {
        &self.list
    }

    /// The part of the list that a fence leaves; all of it without one (PL-9).
    pub(crate) fn fenced(&self, regions: &[String]) -> Vec<NodeNumber> {
        let inside = |node: &&NodeNumber| {
            self.member(**node).is_some_and(|member| regions.contains(&member.domain.region))
        };
        self.list.iter().filter(|node| regions.is_empty() || inside(node)).copied().collect()
    }

    /// Whether two nodes share a domain of this kind (PL-10).
    pub(crate) fn alike(&self, kind: DomainKind, a: NodeNumber, b: NodeNumber) -> bool {
        let (Some(a), Some(b)) = (self.member(a), self.member(b)) else { return true };
        match kind {
            DomainKind::None => false,
            DomainKind::Operator => a.domain.operator == b.domain.operator,
            DomainKind::Asn => a.domain.asn == b.domain.asn,
            DomainKind::Region => a.domain.region == b.domain.region,
        }
    }

    pub(crate) fn member(&self, node: NodeNumber) -> Option<&Member> {
        self.members.get(usize::try_from(node).ok()?)
    }

    pub(crate) fn standing(&self, node: NodeNumber) -> Option<Standing> {
        self.member(node).map(|member| member.standing)
    }

    /// What every node earned.
    pub(crate) fn nod(&self) -> impl Iterator<Item = Amount> {
        self.members.iter().map(|member| member.nod)
    }

    /// A node joins; returns its number.
    pub(crate) fn register(&mut self, node: &RegisterNode, epoch: u64) -> NodeNumber {
        let key_hash = Hash32::of(&node.public_key);
        self.members.push(new(&node.node_id, &node.scheme, key_hash, &node.domain, epoch));
        NodeNumber::try_from(self.members.len().saturating_sub(1)).unwrap_or(NodeNumber::MAX)
    }

    /// A node leaves (RG-8).
    pub(crate) fn exit(&mut self, node: NodeNumber, epoch: u64) -> Result<(), Difference> {
        let member = self.member_mut(node);
        let member = member.ok_or_else(|| difference("node", "a registered node", node))?;
        (member.standing, member.since) = (Standing::Draining, epoch);
        Ok(())
    }

    /// A node failed to prove this many shards.
    pub(crate) fn fail(&mut self, node: NodeNumber, failed: u32) {
        if let Some(member) = self.member_mut(node) {
            member.failed = member.failed.saturating_add(u64::from(failed));
        }
    }

    /// A node has another key (KY-5).
    pub(crate) fn rekey(&mut self, node: NodeNumber, key: &PublicKey) {
        if let Some(member) = self.member_mut(node) {
            (member.scheme, member.key_hash) = (key.suite.name().into(), Hash32::of(&key.bytes));
        }
    }

    fn member_mut(&mut self, node: NodeNumber) -> Option<&mut Member> {
        self.members.get_mut(usize::try_from(node).ok()?)
    }

    /// Whether the speaker whom a command of governance names has signed it (GV-2).
    pub(crate) fn speaks(&self, command: &Command, keys: &Keyring) -> bool {
        let Authorization::Signature { key, .. } = &command.authorization else { return false };
        match speaker(command) {
            Some(Speaker::Node(node)) => self.member(node).is_some_and(|m| m.is_spoken_for_by(key)),
            Some(speaker) => keys.is_in_force(speaker.into(), key),
            None => false,
        }
    }

    /// Nodes with NOD and a key that can vote.
    pub(crate) fn holders(&self) -> impl Iterator<Item = (NodeNumber, Amount)> {
        let holds = |member: &Member| {
            member.nod > Amount::ZERO && !member.is_gone() && member.suite().is_some()
        };
        let members = (0..).zip(&self.members);
        members.filter(move |(_, m)| holds(m)).map(|(number, m)| (number, m.nod))
    }

    /// Holds the nodes' accounts against the facts, and opens the next epoch with what follows from them.
    pub(crate) fn close(
        &mut self,
        closing: &Closing<'_>,
        accounts: &[NodeAccount],
    ) -> Result<(), Difference> {
        same("nodes.len", self.members.len(), accounts.len())?;
        let mut listed = Vec::with_capacity(accounts.len());
        for ((number, member), account) in (0u32..).zip(&mut self.members).zip(accounts) {
            listed.push(member.close(number, closing, account)?);
        }
        self.relist(&listed);
        Ok(())
    }

    /// Holds what the ledger has of the nodes against the roll.
    pub(crate) fn check(&self, nodes: &[NodeRecord]) -> Result<(), Difference> {
        same("nodes.len", self.members.len(), nodes.len())?;
        for ((number, member), node) in (0u32..).zip(&self.members).zip(nodes) {
            let field = |name: &str| alloc::format!("nodes[{number}].{name}");
            same(field("node_id"), &member.id, &node.node_id)?;
            same(field("standing"), member.standing, node.standing)?;
            same(field("since"), member.since, node.since)?;
            same(field("nod_balance"), member.nod, node.nod)?;
        }
        Ok(())
    }

    fn relist(&mut self, listed: &[bool]) {
        let mut names: Vec<(&[u8], NodeNumber)> = (0..)
            .zip(self.members.iter().zip(listed))
            .filter(|(_, (_, listed))| **listed)
            .map(|(number, (member, _))| (member.id.0.as_bytes(), number))
            .collect();
        names.sort_unstable();
        self.list = names.into_iter().map(|(_, number)| number).collect();
    }
}

fn speaker(command: &Command) -> Option<Speaker> {
    use protocol::Action;
    match &command.action {
        Action::Propose(propose) => Some(propose.speaker),
        Action::Vote(vote) => Some(vote.speaker),
        Action::Activate { speaker, .. } => Some(*speaker),
        Action::RotateKeys(rotation) => Some(rotation.holder.speaker()),
        Action::RevokeKeys(revocation) => Some(revocation.holder.speaker()),
        _ => None,
    }
}

fn new(id: &NodeId, scheme: &str, key_hash: Hash32, domain: &FailureDomain, since: u64) -> Member {
    Member {
        id: id.clone(),
        domain: domain.clone(),
        standing: Standing::Probation,
        nod: Amount::ZERO,
        revoked: false,
        scheme: scheme.into(),
        key_hash,
        since,
        failed: 0,
        failures: Vec::new(),
    }
}

impl Member {
    fn is_gone(&self) -> bool {
        self.revoked
            || matches!(self.standing, Standing::Revoked | Standing::Exited | Standing::Expelled)
    }

    fn suite(&self) -> Option<Suite> {
        Suite::from_name(&self.scheme)
    }

    fn is_spoken_for_by(&self, key: &PublicKey) -> bool {
        !self.is_gone()
            && self.suite() == Some(key.suite)
            && self.key_hash == Hash32::of(&key.bytes)
    }

    /// Returns whether the next epoch lists the node.
    fn close(
        &mut self,
        number: NodeNumber,
        closing: &Closing<'_>,
        account: &NodeAccount,
    ) -> Result<bool, Difference> {
        let field = |name: &str| alloc::format!("nodes[{number}].{name}");
        let registry = closing.advance.registry.iter().find(|fact| fact.node == number);
        let telemetry = closing.advance.telemetry.iter().find(|fact| fact.node == number);
        let status = derive::status(registry, telemetry, closing.closing);
        same(field("status"), status, account.status)?;
        same(field("uptime_bucket"), derive::bucket(status, telemetry), account.uptime_bucket)?;
        let verified = is_verified(derive::status(registry, telemetry, closing.coming));
        // From PROBATION to EXPELLED, standings ascend as orders get harder.
        let own = closing.orders.iter().filter(|(node, _)| *node == number);
        let order = own.max_by_key(|(_, standing)| *standing);
        let seen = Observed {
            verified,
            revoked: registry.is_some_and(|fact| fact.revoked),
            failures: self.failures_in(closing),
            too_many: u64::from(closing.coming.quarantine.failures),
            age: closing.epoch.saturating_add(1).saturating_sub(self.since),
            probation: u64::from(closing.probation),
            holds: account.bytes_stored > 0,
            order: order.map(|(_, standing)| *standing),
        };
        let next = derive::next_standing(self.standing, &seen);
        same(field("standing"), next, account.standing)?;
        let listed = derive::is_listed(verified, next, &self.domain.region, closing.coming);
        same(field("eligible"), listed, account.eligible)?;
        let nod = self.nod.0.add(account.reward.0);
        self.nod = Amount(nod.map_err(|error| overflow("nod", error))?);
        self.revoked = seen.revoked;
        self.turn(closing.epoch, next);
        Ok(listed)
    }

    /// Failed proofs in the epoch that closes and the E − 1 before it.
    fn failures_in(&self, closing: &Closing<'_>) -> u64 {
        let window = u64::from(closing.coming.quarantine.epochs);
        let oldest = closing.epoch.saturating_add(1).saturating_sub(window);
        let earlier = self.failures.iter().filter(|(epoch, _)| *epoch >= oldest);
        earlier.fold(self.failed, |sum, (_, failed)| sum.saturating_add(*failed))
    }

    /// The next epoch begins. What was failed before a reinstatement is forgotten.
    fn turn(&mut self, epoch: u64, next: Standing) {
        let reinstated = (self.standing, next) == (Standing::Quarantined, Standing::Probation);
        let longest = u64::from(protocol::limits::MAX_QUARANTINE_EPOCHS);
        self.failures.retain(|(failed_in, _)| epoch.saturating_sub(*failed_in) < longest);
        if reinstated {
            self.failures.clear();
        } else if self.failed > 0 {
            self.failures.push((epoch, self.failed));
        }
        self.failed = 0;
        if self.standing != next {
            (self.standing, self.since) = (next, epoch.saturating_add(1));
        }
    }
}
