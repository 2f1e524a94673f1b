//! The TokenStateBundle: who has what, with the storage metrics that it was earned by.

use alloc::{collections::BTreeMap, string::ToString};
use protocol::{
    Amount, Hash32, NodeId,
    json::{Value, object},
};

use crate::Treasury;

/// One node's part of the bundle.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NodeMetrics {
    /// NOD that the node holds.
    pub nod: Amount,
    /// Bytes of the shard copies assigned to it.
    pub bytes_stored: u64,
    /// Uptime bucket of the last closed epoch.
    pub uptime_bucket: u8,
    /// Shards proved in the open epoch.
    pub proofs_verified: u64,
}

/// The token state at one point of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenStateBundle {
    /// The ledger.
    pub ledger_id: Hash32,
    /// The open epoch.
    pub epoch: u64,
    /// Number of entries that the bundle covers.
    pub entries: u64,
    /// Totals of the ledger.
    pub treasury: Treasury,
    /// Every registered node.
    pub nodes: BTreeMap<NodeId, NodeMetrics>,
}

impl TokenStateBundle {
    /// The bundle as JSON. Amounts are decimal texts with 18 decimals; `storage_bytes_stored` is a
    /// BigNum128 per node, as the storage specification asks (its section 6.3).
    #[must_use]
    pub fn to_json(&self) -> Value {
        let per_node = |value: fn(&NodeMetrics) -> Value| {
            object(self.nodes.iter().map(|(id, metrics)| (id.0.as_str(), value(metrics))))
        };
        let nod_supply = self.treasury.burnt;
        object([
            ("schema_version", Value::from("v1.0")),
            ("ledger_id", Value::from(self.ledger_id.to_hex())),
            ("epoch", Value::uint(self.epoch)),
            ("entries", Value::uint(self.entries)),
            (
                "atr",
                object([
                    ("open_fees", text(self.treasury.open_fees)),
                    ("treasury", text(self.treasury.treasury)),
                    ("burnt", text(self.treasury.burnt)),
                ]),
            ),
            ("res", object([("reserve", text(self.treasury.reserve))])),
            (
                "nod",
                object([("supply", text(nod_supply)), ("balances", per_node(|m| text(m.nod)))]),
            ),
            ("storage_bytes_stored", per_node(|m| bytes(m.bytes_stored))),
            ("storage_uptime_bucket", per_node(|m| Value::uint(u64::from(m.uptime_bucket)))),
            ("storage_proofs_verified", per_node(|m| Value::uint(m.proofs_verified))),
        ])
    }
}

fn text(amount: Amount) -> Value {
    Value::from(amount.to_string())
}

fn bytes(count: u64) -> Value {
    Value::from(alloc::format!("{count}.000000000000000000"))
}
