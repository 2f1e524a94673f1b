//! Challenges of an audit: derived from its beacon, so that nobody can choose them (PL-5, PL-6).

use protocol::{Hash32, NodeId, Parameters, node::Standing};

use crate::placement::remainder;

/// The challenged leaf of one shard at one node: `H("qfs/v1/challenge" ‖ beacon ‖ shard_id ‖ node_id)`
/// modulo the number of leaves. `None` for an empty shard, which is never challenged.
#[must_use]
pub fn challenged_leaf(
    beacon: &Hash32,
    shard_id: &Hash32,
    node: &NodeId,
    leaves: u64,
) -> Option<u64> {
    remainder(&derive(b"qfs/v1/challenge", beacon, shard_id, node), leaves)
}

/// A sampled audit challenges the shards of a node with the smallest tickets:
/// `H("qfs/v1/ticket" ‖ beacon ‖ shard_id ‖ node_id)`.
#[must_use]
pub fn ticket(beacon: &Hash32, shard_id: &Hash32, node: &NodeId) -> Hash32 {
    derive(b"qfs/v1/ticket", beacon, shard_id, node)
}

/// Shards that a sampled audit challenges at a node: `sample`, times a factor while it is on probation or degraded (PL-6).
#[must_use]
pub fn sample_of(sample: u32, standing: Standing, parameters: &Parameters) -> u32 {
    match standing {
        Standing::Probation | Standing::Degraded => {
            sample.saturating_mul(parameters.probation_audit_factor)
        }
        _ => sample,
    }
}

fn derive(label: &[u8], beacon: &Hash32, shard_id: &Hash32, node: &NodeId) -> Hash32 {
    Hash32::of_parts(&[label, beacon.as_ref(), shard_id.as_ref(), node.0.as_bytes()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pl_5_an_empty_shard_is_never_challenged() {
        let node = NodeId("n".into());
        assert_eq!(challenged_leaf(&Hash32::ZERO, &Hash32::ZERO, &node, 0), None);
        assert_eq!(challenged_leaf(&Hash32::ZERO, &Hash32::ZERO, &node, 1), Some(0));
    }

    #[test]
    fn pl_5_beacon_shard_and_node_all_matter() {
        let (a, b) = (NodeId("a".into()), NodeId("b".into()));
        let (x, y) = (Hash32::of(b"x"), Hash32::of(b"y"));
        let leaves = u64::MAX;
        let base = challenged_leaf(&x, &x, &a, leaves);
        for other in [(&y, &x, &a), (&x, &y, &a), (&x, &x, &b)] {
            assert_ne!(base, challenged_leaf(other.0, other.1, other.2, leaves));
        }
    }
}
