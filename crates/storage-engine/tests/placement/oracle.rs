//! The rules by themselves, as slowly and plainly as their text, and worlds of nodes to try them on.

use proptest::{collection::vec, prelude::*, sample::select};
use protocol::{Hash32, Profile, node::FailureDomain, rules::DomainKind};
use storage_engine::placement::{Ring, domain_classes};

/// The 256-bit big-endian integer modulo `n`, bit by bit.
pub fn modulo(hash: &Hash32, n: u64) -> u64 {
    let bits = hash.0.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1));
    let rest = bits.fold(0u128, |rest, bit| (rest * 2 + u128::from(bit)) % u128::from(n));
    u64::try_from(rest).unwrap()
}

/// PL-2: `H(hex(shard_id)) mod N`, the shard id by LA-6.
pub fn start(object: &str, version: u64, column: u32, n: usize) -> usize {
    let shard_id = Hash32::of(format!("{object}:{version}:{column}").as_bytes());
    let hash = Hash32::of(shard_id.to_hex().as_bytes());
    usize::try_from(modulo(&hash, n as u64)).unwrap()
}

/// How many copies must be on different nodes (PL-1).
pub fn needed(profile: Profile) -> usize {
    if profile.parity == 0 { profile.replicas.into() } else { profile.columns() as usize }
}

/// The columns whose starts a placement uses: every one, or with parity the first.
pub fn started_columns(profile: Profile) -> u32 {
    if profile.parity == 0 { profile.columns() } else { 1 }
}

/// The list from an index on, each node once.
pub fn rotation(list: &[u32], first: usize) -> Vec<u32> {
    (0..list.len()).map(|step| list[(first + step) % list.len()]).collect()
}

/// Registered nodes, those of them that are eligible in the order of their ids, and the rule on domains.
#[derive(Clone, Debug)]
pub struct World {
    pub registered: Vec<FailureDomain>,
    pub eligible: Vec<u32>,
    pub kind: DomainKind,
}

impl World {
    pub fn classes(&self) -> Option<Vec<u32>> {
        domain_classes(self.registered.iter(), self.kind)
    }

    /// What the rule compares; each node is its own domain while the rule is off.
    pub fn domain(&self, node: u32) -> String {
        let declared = &self.registered[node as usize];
        match self.kind {
            DomainKind::None => format!("node {node}"),
            DomainKind::Operator => declared.operator.clone(),
            DomainKind::Asn => declared.asn.to_string(),
            DomainKind::Region => declared.region.clone(),
        }
    }

    /// PL-10 on a list of nodes: what the walks give, or nothing when one of them ends too early.
    pub fn placed(
        &self,
        list: &[u32],
        object: &str,
        version: u64,
        profile: Profile,
    ) -> Option<Vec<u32>> {
        if list.is_empty() {
            return None;
        }
        let mut assignment = Vec::new();
        for column in 0..started_columns(profile) {
            let mut copies: Vec<u32> = Vec::new();
            for node in rotation(list, start(object, version, column, list.len())) {
                let used = copies.iter().any(|copy| self.domain(*copy) == self.domain(node));
                if !used && copies.len() < needed(profile) {
                    copies.push(node);
                }
            }
            if copies.len() < needed(profile) {
                return None;
            }
            assignment.extend(copies);
        }
        Some(assignment)
    }
}

/// Without the rule.
pub fn plain(nodes: &[u32]) -> Ring<'_> {
    Ring::new(nodes, None)
}

/// Every profile that PR-2 allows.
pub fn profiles() -> impl Strategy<Value = Profile> {
    let replicated = (1..=64u8, 1..=4u8);
    let coded = (2..=64u8).prop_flat_map(|columns| (Just(columns), 1..columns));
    prop_oneof![
        replicated.prop_map(|(data, replicas)| Profile { data, parity: 0, replicas }),
        coded.prop_map(|(columns, parity)| Profile { data: columns - parity, parity, replicas: 1 }),
    ]
}

fn declared(region: u32, operator: u32, asn: u32) -> FailureDomain {
    let label = |name: &str, n: u32| if n == 0 { String::new() } else { format!("{name}-{n}") };
    FailureDomain { region: label("region", region), operator: label("operator", operator), asn }
}

prop_compose! {
    /// From 0 to 100 registered nodes in few or many domains, of which any part is eligible; ids are in
    /// another order than numbers.
    pub fn worlds()(registered in 0u32..=100, variety in 1u32..=120)(
        order in Just((0..registered).collect::<Vec<u32>>()).prop_shuffle(),
        eligible in prop_oneof![Just(registered), 0..=registered],
        domains in vec((0..variety, 0..variety, 0..variety), registered as usize),
        kind in select(&DomainKind::ALL[..]),
    ) -> World {
        let domains = domains.into_iter();
        World {
            registered: domains.map(|(region, operator, asn)| declared(region, operator, asn)).collect(),
            eligible: order[..eligible as usize].to_vec(),
            kind,
        }
    }
}
