//! Where copies stand, and where they move (PL-1 to PL-4, PL-9 to PL-11).

use alloc::{string::String, vec::Vec};
use protocol::{
    Hash32, Profile,
    json::{self, Value},
    node::NodeNumber,
};

use super::Shard;

/// Whether two nodes have in common what copies must not share; `None` while no rule asks for it (PL-10).
pub(crate) type Alike<'a> = Option<&'a dyn Fn(NodeNumber, NodeNumber) -> bool>;

/// What a store's metadata says that matters to the ledger.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Told {
    /// Number of its top-level keys, which the fee counts (EC-1).
    pub(crate) keys: usize,
    /// Regions that the object must not leave; none for no fence (PL-9).
    pub(crate) regions: Vec<String>,
}

/// `None` where metadata is not a JSON object.
pub(crate) fn told(metadata: &[u8]) -> Option<Told> {
    let value = json::parse(metadata).ok()?;
    let keys = value.as_object()?.len();
    let flat = value.get("placement.region");
    let nested = value.get("placement").and_then(|placement| placement.get("region"));
    Some(Told { keys, regions: flat.or(nested).map(texts).unwrap_or_default() })
}

/// One text, or those of a list.
fn texts(value: &Value) -> Vec<String> {
    match value.as_array() {
        Some(list) => list.iter().filter_map(Value::as_str).map(String::from).collect(),
        None => value.as_str().map(String::from).into_iter().collect(),
    }
}

/// Nodes of all copies, copy r of column c at index c × replicas + r; `None` where there are too few.
pub(crate) fn assignment(
    shards: &[Shard],
    profile: Profile,
    list: &[NodeNumber],
    alike: Alike<'_>,
) -> Option<Vec<NodeNumber>> {
    let (walks, apart) = if profile.parity > 0 {
        (shards.get(..1)?, shards.len())
    } else {
        (shards, usize::from(profile.replicas))
    };
    if list.len() < apart {
        return None;
    }
    let mut nodes = Vec::with_capacity(walks.len().saturating_mul(apart));
    for shard in walks {
        let walk = walk(&shard.draw, list)?;
        match alike {
            None => nodes.extend(walk.take(apart)),
            Some(alike) => nodes.extend(strangers(walk, apart, alike)?),
        }
    }
    Some(nodes)
}

/// The first `count` nodes of a walk of which no two are alike.
fn strangers(
    walk: impl Iterator<Item = NodeNumber>,
    count: usize,
    alike: &dyn Fn(NodeNumber, NodeNumber) -> bool,
) -> Option<Vec<NodeNumber>> {
    let mut taken: Vec<NodeNumber> = Vec::with_capacity(count);
    for node in walk {
        if taken.len() < count && !taken.iter().any(|other| alike(*other, node)) {
            taken.push(node);
        }
    }
    (taken.len() == count).then_some(taken)
}

/// One copy of a version, among all of them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Copy<'a> {
    pub(crate) shards: &'a [Shard],
    pub(crate) profile: Profile,
    /// Nodes of all copies before this one moves.
    pub(crate) assignment: &'a [NodeNumber],
    pub(crate) column: u32,
    pub(crate) copy: u32,
}

impl Copy<'_> {
    fn index(&self) -> Option<usize> {
        let first = self.column.checked_mul(u32::from(self.profile.replicas))?;
        usize::try_from(first.checked_add(self.copy)?).ok()
    }

    /// The node that holds it.
    pub(crate) fn holder(&self) -> Option<NodeNumber> {
        self.assignment.get(self.index()?).copied()
    }

    /// Nodes of all copies, with this one at `node`.
    pub(crate) fn held_by(&self, node: NodeNumber) -> Vec<NodeNumber> {
        let own = self.index();
        let placed = self.assignment.iter().enumerate();
        placed.map(|(at, other)| if Some(at) == own { node } else { *other }).collect()
    }

    /// The shard whose walk is taken: its own, or the first one's where columns are spread.
    pub(crate) fn shard(&self) -> Option<&Shard> {
        let column = if self.profile.parity > 0 { 0 } else { usize::try_from(self.column).ok()? };
        self.shards.get(column)
    }

    /// Nodes of the copies that must not meet it: those of its shard, or of all columns.
    pub(crate) fn siblings(&self) -> Vec<NodeNumber> {
        let all = self.profile.parity > 0;
        let replicas = usize::from(self.profile.replicas).max(1);
        let own = self.index();
        let of_shard = |at: usize| {
            at.checked_div(replicas).and_then(|column| u32::try_from(column).ok())
                == Some(self.column)
        };
        let kept = |at: usize| Some(at) != own && (all || of_shard(at));
        let placed = self.assignment.iter().enumerate();
        placed.filter(|(at, _)| kept(*at)).map(|(_, node)| *node).collect()
    }
}

/// The node that takes a copy over (PL-11); `None` where no node may.
pub(crate) fn replacement(
    copy: &Copy<'_>,
    list: &[NodeNumber],
    leaves: impl Fn(NodeNumber) -> bool,
    alike: Alike<'_>,
) -> Option<NodeNumber> {
    let (from, siblings) = (copy.holder()?, copy.siblings());
    let meets = |node: NodeNumber| {
        siblings.iter().any(|other| *other == node || alike.is_some_and(|a| a(*other, node)))
    };
    walk(&copy.shard()?.draw, list)?.find(|node| *node != from && !leaves(*node) && !meets(*node))
}

/// Every node of the list once, from where the draw points to.
pub(crate) fn walk<'a>(
    draw: &Hash32,
    list: &'a [NodeNumber],
) -> Option<impl Iterator<Item = NodeNumber> + use<'a>> {
    let (before, after) = list.split_at_checked(start(draw, list.len())?)?;
    Some(after.iter().chain(before).copied())
}

/// A draw as a big-endian integer, modulo `n`: long division by digits of 32 bits. `None` for zero, and for
/// more nodes than numbers reach.
pub(crate) fn start(draw: &Hash32, n: usize) -> Option<usize> {
    let n = u64::from(u32::try_from(n).ok()?);
    let (digits, _) = draw.0.as_chunks();
    let rest = digits.iter().try_fold(0u64, |rest, digit| {
        let digit = u64::from(u32::from_be_bytes(*digit));
        rest.checked_mul(1 << 32)?.checked_add(digit)?.checked_rem(n)
    })?;
    usize::try_from(rest).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::derive::shards;
    use alloc::vec;
    use proptest::prelude::*;
    use protocol::{node::FailureDomain, rules::DomainKind};
    use storage_engine::placement::{self, Ring, domain_classes};

    const PROFILES: [Profile; 4] = [
        Profile::QFS_V13,
        Profile::EC_16_6,
        Profile::EC_10_5,
        Profile { data: 1, parity: 0, replicas: 1 },
    ];

    /// Nodes 0 to 60 in a number of operators.
    fn domains(operators: u32) -> Vec<FailureDomain> {
        (0..61u32)
            .map(|n| FailureDomain {
                operator: alloc::format!("{}", n % operators),
                ..Default::default()
            })
            .collect()
    }

    proptest! {
        /// RP-6: both derivations of placement agree (PL-2 to PL-4, PL-10).
        #[test]
        fn rp_6_placement(
            object in "[a-z:]{1,12}", version in 1u64.., nodes in 1u32..60, which in 0usize..4,
            operators in prop::option::of(1u32..61),
        ) {
            let profile = PROFILES[which];
            let list: Vec<NodeNumber> = (0..nodes).map(|n| n * 7 % 61).collect();
            let domains = domains(operators.unwrap_or(1));
            let kind = if operators.is_some() { DomainKind::Operator } else { DomainKind::None };
            let classes = domain_classes(domains.iter(), kind);
            let same = |a: u32, b: u32| domains[a as usize].operator == domains[b as usize].operator;
            let alike: Alike<'_> = if operators.is_some() { Some(&same) } else { None };
            let shards = shards([(object.as_str(), version, profile.columns())].into_iter());
            prop_assert_eq!(
                assignment(&shards, profile, &list, alike),
                placement::place(&object, version, profile, &Ring::new(&list, classes.as_deref())).ok()
            );
        }

        /// RP-6: both derivations of where a copy moves agree (PL-11).
        #[test]
        fn rp_6_replacement(
            version in 1u64.., nodes in 22u32..40, which in 0usize..4, column in 0u32..24, copy in 0u32..4,
            operators in prop::option::of(1u32..61), draining in prop::collection::vec(any::<bool>(), 61),
            moved in prop::collection::vec(0u32..61, 22),
        ) {
            let profile = PROFILES[which];
            let list: Vec<NodeNumber> = (0..nodes).map(|n| n * 7 % 61).collect();
            let domains = domains(operators.unwrap_or(1));
            let kind = if operators.is_some() { DomainKind::Operator } else { DomainKind::None };
            let classes = domain_classes(domains.iter(), kind);
            let same = |a: u32, b: u32| domains[a as usize].operator == domains[b as usize].operator;
            let alike: Alike<'_> = if operators.is_some() { Some(&same) } else { None };
            let shards = shards([("object", version, profile.columns())].into_iter());
            let copies = profile.copies() as usize;
            let assignment: Vec<NodeNumber> = moved.into_iter().cycle().take(copies).collect();
            let leaves = |node: NodeNumber| draining[node as usize];
            let (column, copy) = (column % profile.columns(), copy % u32::from(profile.replicas));
            let ours = replacement(
                &Copy { shards: &shards, profile, assignment: &assignment, column, copy }, &list, leaves, alike,
            );
            let ring = Ring::new(&list, classes.as_deref());
            let starts = placement::start_hashes("object", version, profile);
            prop_assert_eq!(
                ours,
                placement::replacement(&starts, profile, &assignment, column, copy, &ring, leaves)
            );
        }
    }

    /// RP-6: a fence in each of its forms (PL-9).
    #[test]
    fn rp_6_fences() {
        for (text, keys, regions) in [
            (r#"{}"#, 0, vec![]),
            (r#"{"a":1,"placement.region":"eu"}"#, 2, vec!["eu"]),
            (r#"{"placement":{"region":["eu","uk"]}}"#, 1, vec!["eu", "uk"]),
            (r#"{"placement":{"zone":"a"}}"#, 1, vec![]),
        ] {
            let found = told(text.as_bytes()).unwrap();
            assert_eq!(
                (found.keys, found.regions),
                (keys, regions.iter().map(|r| String::from(*r)).collect())
            );
        }
        assert_eq!(told(b"[]"), None);
    }
}
