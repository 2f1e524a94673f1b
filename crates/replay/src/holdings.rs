//! What the nodes hold, counted from the versions that exist (RP-6).

use alloc::collections::BTreeMap;

use protocol::{command::Content, node::NodeNumber};
use storage_engine::{layout::Geometry, state::records::VersionRecord};

/// What nodes hold.
#[derive(Default)]
pub(crate) struct Holdings {
    /// Bytes of every node's shard copies.
    pub(crate) bytes: BTreeMap<NodeNumber, u64>,
    /// Their number.
    pub(crate) copies: BTreeMap<NodeNumber, u64>,
}

impl Holdings {
    /// Adds the shards of a version.
    pub(crate) fn add(&mut self, version: &VersionRecord) {
        let Some(stored) = &version.stored else { return };
        let Content::Single(layout) = &stored.content else { return };
        let Ok(geometry) = Geometry::of(layout) else { return };
        let replicas = usize::from(layout.profile.replicas).max(1);
        for (column, nodes) in (0..).zip(stored.assignment.chunks(replicas)) {
            for node in nodes {
                add(&mut self.bytes, *node, geometry.shard_len(column));
                add(&mut self.copies, *node, 1);
            }
        }
    }

    /// Adds what was counted elsewhere.
    pub(crate) fn add_all(&mut self, part: &Self) {
        part.bytes.iter().for_each(|(node, more)| add(&mut self.bytes, *node, *more));
        part.copies.iter().for_each(|(node, more)| add(&mut self.copies, *node, *more));
    }
}

fn add(sums: &mut BTreeMap<NodeNumber, u64>, node: NodeNumber, more: u64) {
    let sum = sums.entry(node).or_default();
    *sum = sum.saturating_add(more);
}
