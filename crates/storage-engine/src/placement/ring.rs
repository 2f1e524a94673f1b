//! The nodes that one object may be placed on, as the walks of placement meet them (PL-1, PL-9, PL-10).

use alloc::{borrow::Cow, collections::BTreeMap, format, vec::Vec};
use protocol::{
    Hash32, Refusal,
    error::ErrorCode,
    node::{FailureDomain, NodeNumber},
    rules::DomainKind,
};

use super::remainder;

/// Eligible nodes in the order of their ids, the last followed by the first, with the failure domains that
/// copies must not share.
#[derive(Clone, Debug)]
pub struct Ring<'a> {
    nodes: Cow<'a, [NodeNumber]>,
    /// The class of every registered node, at its number; `None` where the rule is off.
    domains: Option<&'a [u32]>,
    /// How many eligible nodes a fence left out.
    outside: usize,
}

impl<'a> Ring<'a> {
    /// The eligible nodes of an epoch, sorted by id, each once; and with the failure-domain rule on, the
    /// [`domain_classes`] of all registered nodes.
    #[must_use]
    pub const fn new(nodes: &'a [NodeNumber], domains: Option<&'a [u32]>) -> Self {
        Self { nodes: Cow::Borrowed(nodes), domains, outside: 0 }
    }

    /// The ring of an object with a fence: the nodes of `allowed` regions only, in the same order (PL-9).
    #[must_use]
    pub fn within(mut self, allowed: impl Fn(NodeNumber) -> bool) -> Self {
        let all = self.len();
        self.nodes = self.nodes.iter().copied().filter(|node| allowed(*node)).collect();
        self.outside = self.outside.saturating_add(all.saturating_sub(self.len()));
        self
    }

    /// How many nodes there are: N of PL-2.
    #[must_use]
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether there is no node at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Whether a node is eligible and within the fence.
    #[must_use]
    pub fn contains(&self, node: NodeNumber) -> bool {
        self.nodes.contains(&node)
    }

    /// Every node once, beginning where `start` points to (PL-2).
    pub(super) fn walk(&self, start: &Hash32) -> impl Iterator<Item = NodeNumber> {
        let nodes = u64::try_from(self.len()).unwrap_or(u64::MAX);
        let first = remainder(start, nodes).and_then(|index| usize::try_from(index).ok());
        let halves = first.and_then(|first| self.nodes.split_at_checked(first));
        let (before, after) = halves.unwrap_or_default();
        after.iter().chain(before).copied()
    }

    /// Appends the first `count` nodes of a walk, no two of them in one failure domain where the rule is on
    /// (PL-3, PL-4, PL-10).
    ///
    /// # Errors
    /// `SE_ERR_NO_ELIGIBLE_NODES` when the walk ends before.
    pub(super) fn take(
        &self,
        start: &Hash32,
        count: usize,
        taken: &mut Vec<NodeNumber>,
    ) -> Result<(), Refusal> {
        if self.len() < count {
            return Err(self.too_few_nodes(count));
        }
        if self.domains.is_none() {
            taken.extend(self.walk(start).take(count));
            return Ok(());
        }
        let found = self.take_apart(start, count, taken);
        if found < count { Err(self.too_few_domains(found, count)) } else { Ok(()) }
    }

    /// The walk of PL-10: appends up to `count` nodes of distinct domains, and says how many it found. Fewer are
    /// all the domains that there are.
    fn take_apart(&self, start: &Hash32, count: usize, taken: &mut Vec<NodeNumber>) -> usize {
        let begin = taken.len();
        let found = |taken: &[NodeNumber]| taken.len().saturating_sub(begin);
        for node in self.walk(start) {
            if found(taken) == count {
                break;
            }
            let mut earlier = taken.iter().skip(begin);
            if !earlier.any(|other| self.share_domain(*other, node)) {
                taken.push(node);
            }
        }
        found(taken)
    }

    /// Whether two nodes share what copies must not share: never, where the rule is off.
    pub(super) fn share_domain(&self, one: NodeNumber, other: NodeNumber) -> bool {
        self.domains.is_some_and(|classes| class(classes, one) == class(classes, other))
    }

    fn too_few_nodes(&self, needed: usize) -> Refusal {
        self.refusal(&format!("{} eligible nodes, {needed} needed", self.len()))
    }

    fn too_few_domains(&self, found: usize, needed: usize) -> Refusal {
        self.refusal(&format!(
            "{} eligible nodes in {found} failure domains, {needed} domains needed",
            self.len()
        ))
    }

    fn refusal(&self, shortage: &str) -> Refusal {
        let fence = match self.outside {
            0 => "",
            _ => &format!(", {} more are outside of the object's placement.region", self.outside),
        };
        let detail = format!("{shortage}{fence}; see `qfs node list`");
        Refusal::with(ErrorCode::NoEligibleNodes, detail)
    }
}

/// Nodes that are not in the table share one class: copies are kept apart when in doubt.
fn class(classes: &[u32], node: NodeNumber) -> Option<u32> {
    classes.get(usize::try_from(node).ok()?).copied()
}

/// The failure domain of every registered node, at its number, as the smallest number of a node with the
/// same (PL-10); `None` when the rule is off. Nodes that declared nothing share one domain.
#[must_use]
pub fn domain_classes<'a>(
    domains: impl Iterator<Item = &'a FailureDomain>,
    kind: DomainKind,
) -> Option<Vec<u32>> {
    match kind {
        DomainKind::None => None,
        DomainKind::Operator => Some(classes_by(domains.map(|domain| domain.operator.as_str()))),
        DomainKind::Asn => Some(classes_by(domains.map(|domain| domain.asn))),
        DomainKind::Region => Some(classes_by(domains.map(|domain| domain.region.as_str()))),
    }
}

fn classes_by<K: Ord>(keys: impl Iterator<Item = K>) -> Vec<u32> {
    let mut first = BTreeMap::new();
    (0..NodeNumber::MAX).zip(keys).map(|(node, key)| *first.entry(key).or_insert(node)).collect()
}
