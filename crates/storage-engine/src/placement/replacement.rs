//! Where a copy goes when it moves (PL-11).

use protocol::{Hash32, Profile, node::NodeNumber};

use super::Ring;

/// The node that takes over one copy: a function of the state, so that nobody chooses where copies move.
///
/// `starts` are the [`start_hashes`](super::start_hashes) of the version, `assignment` its nodes now (PL-4), `ring`
/// the object's nodes of the open epoch, and `leaving` says which nodes are DRAINING. `None` when no node
/// qualifies, or when the version has no such column or copy.
#[must_use]
pub fn replacement(
    starts: &[Hash32],
    profile: Profile,
    assignment: &[NodeNumber],
    column: u32,
    copy: u32,
    ring: &Ring<'_>,
    leaving: impl Fn(NodeNumber) -> bool,
) -> Option<NodeNumber> {
    let group = Group::of(starts, profile, assignment, column, copy)?;
    ring.walk(group.start).find(|node| {
        let taken = |sibling: NodeNumber| sibling == *node || ring.share_domain(sibling, *node);
        *node != group.from && !leaving(*node) && !group.siblings().any(taken)
    })
}

/// A copy among those that must be on different nodes.
struct Group<'a> {
    /// Where the walk of the group begins.
    start: &'a Hash32,
    /// The node that has the copy.
    from: NodeNumber,
    before: &'a [NodeNumber],
    after: &'a [NodeNumber],
}

impl<'a> Group<'a> {
    fn of(
        starts: &'a [Hash32],
        profile: Profile,
        assignment: &'a [NodeNumber],
        column: u32,
        copy: u32,
    ) -> Option<Self> {
        let (column, copy) = (usize::try_from(column).ok()?, usize::try_from(copy).ok()?);
        let copies = usize::from(profile.replicas);
        if copy >= copies {
            return None;
        }
        let (start, nodes, place) = if profile.parity == 0 {
            let first = column.checked_mul(copies)?;
            let shard = assignment.get(first..first.checked_add(copies)?)?;
            (starts.get(column)?, shard, copy)
        } else {
            // With parity there is one copy of each column.
            (starts.first()?, assignment, column)
        };
        let (before, rest) = nodes.split_at_checked(place)?;
        let (from, after) = rest.split_first()?;
        Some(Self { start, from: *from, before, after })
    }

    fn siblings(&self) -> impl Iterator<Item = NodeNumber> {
        self.before.iter().chain(self.after).copied()
    }
}
