//! Rows of evidence, which are not kept but folded into a root (RP-7).

use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use borsh::{BorshDeserialize, BorshSerialize};
use core::fmt::{self, Write};
use protocol::{
    Action, Amount, EntryBody, Event, Hash32, NodeId, Outcome, Profile,
    event::NodeAccount,
    json::{Value, object},
    node::NodeNumber,
};
use storage_engine::shard_tree::{TreeBuilder, leaf_hash};

use crate::derive::{Shard, Texts};

/// Leaves that are added to the tree together.
const RUN: usize = 64;

/// About what a row takes.
const ROW_BYTES: usize = 1_024;

/// The prefix of a leaf (LA-10).
const LEAF_PREFIX: [u8; 1] = [0];

/// A Merkle root over rows of canonical JSON, in the shape and with the prefixes of a shard's tree (RP-7),
/// so that a single row can be proved under it.
#[derive(Clone, Debug, Default, BorshSerialize, BorshDeserialize)]
pub struct RowsRoot {
    tree: TreeBuilder,
    /// Fewer than a run.
    waiting: Vec<Hash32>,
}

impl RowsRoot {
    pub(crate) fn push(&mut self, row: &Value) {
        self.push_leaf(leaf_hash(row.to_string().as_bytes()));
    }

    pub(crate) fn push_leaf(&mut self, leaf: Hash32) {
        self.waiting.push(leaf);
        if self.waiting.len() >= RUN {
            self.tree.extend(&self.waiting);
            self.waiting.clear();
        }
    }

    /// Rows so far.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.tree.leaves().saturating_add(u64::try_from(self.waiting.len()).unwrap_or(u64::MAX))
    }

    /// The root; `H("")` without rows.
    #[must_use]
    pub fn root(&self) -> Hash32 {
        let mut tree = self.tree.clone();
        tree.extend(&self.waiting);
        tree.root()
    }
}

/// The row of a node and closed epoch.
pub(crate) fn account_row(epoch: u64, node_id: &NodeId, account: &NodeAccount) -> Value {
    object([
        ("epoch", Value::uint(epoch)),
        ("node_id", Value::from(node_id.0.as_str())),
        ("status", Value::from(account.status.name())),
        ("standing", Value::from(account.standing.name())),
        ("eligible", Value::from(account.eligible)),
        ("bytes_stored", Value::uint(account.bytes_stored)),
        ("uptime_bucket", Value::from(u32::from(account.uptime_bucket))),
        ("successful_proofs", Value::uint(account.proofs)),
        ("nod_reward", Value::from(account.reward.to_string())),
    ])
}

/// What a store says, for its row and for the derivations.
pub(crate) struct StoreRow<'a> {
    pub(crate) seq: u64,
    pub(crate) epoch: u64,
    pub(crate) object: &'a str,
    pub(crate) version: u64,
    pub(crate) hash_commit: &'a Hash32,
    pub(crate) metadata: &'a [u8],
    pub(crate) profile: Profile,
    pub(crate) fee: Amount,
    pub(crate) assignment: &'a [NodeNumber],
}

impl StoreRow<'_> {
    /// Writes the canonical JSON of the row: members in the order of their names.
    fn write(&self, out: &mut String, shards: &[Shard], nodes: &NodeNames) -> fmt::Result {
        out.write_str("{\"epoch\":")?;
        Value::uint(self.epoch).write_canonical(out)?;
        write!(out, ",\"fee\":\"{}\",\"hash_commit\":", self.fee)?;
        write_hash(out, self.hash_commit)?;
        out.write_str(",\"object_id\":")?;
        Value::from(self.object).write_canonical(out)?;
        out.write_str(",\"replica_sets\":{")?;
        self.write_replica_sets(out, shards, nodes)?;
        out.write_str("},\"seq\":")?;
        Value::uint(self.seq).write_canonical(out)?;
        out.write_str(",\"version\":")?;
        Value::uint(self.version).write_canonical(out)?;
        out.write_char('}')
    }

    /// Digits sort as the bytes that they stand for.
    fn write_replica_sets(
        &self,
        out: &mut String,
        shards: &[Shard],
        nodes: &NodeNames,
    ) -> fmt::Result {
        // Zero in no valid profile; `chunks` would panic.
        let replicas = usize::from(self.profile.replicas).max(1);
        let mut sets: Vec<(&Hash32, &[NodeNumber])> =
            shards.iter().map(|shard| &shard.id).zip(self.assignment.chunks(replicas)).collect();
        sets.sort_unstable();
        for (at, (id, numbers)) in sets.into_iter().enumerate() {
            if at > 0 {
                out.write_char(',')?;
            }
            write_hash(out, id)?;
            out.write_str(":[")?;
            for (at, name) in numbers.iter().filter_map(|number| nodes.get(*number)).enumerate() {
                if at > 0 {
                    out.write_char(',')?;
                }
                out.write_str(name)?;
            }
            out.write_char(']')?;
        }
        Ok(())
    }
}

fn write_hash(out: &mut String, hash: &Hash32) -> fmt::Result {
    let digits = hash.hex_digits();
    out.write_char('"')?;
    out.write_str(core::str::from_utf8(&digits).unwrap_or_default())?;
    out.write_char('"')
}

/// Leaves of many rows, hashed together.
pub(crate) struct Leaves(Texts);

impl Leaves {
    pub(crate) fn with_room(rows: usize) -> Self {
        Self(Texts::with_room(rows, ROW_BYTES))
    }

    pub(crate) fn push(&mut self, row: &StoreRow<'_>, shards: &[Shard], nodes: &NodeNames) {
        // Writing to memory cannot fail.
        self.0.push(|out| row.write(out, shards, nodes));
    }

    pub(crate) fn hash(&self) -> Vec<Hash32> {
        self.0.hash(&LEAF_PREFIX)
    }
}

/// Names of nodes by number, as JSON texts, learnt from the entries that register them.
#[derive(Clone, Debug, Default)]
pub(crate) struct NodeNames(Vec<String>);

impl NodeNames {
    /// The names of nodes that are registered already, by number.
    pub(crate) fn of<'a>(ids: impl Iterator<Item = &'a NodeId>) -> Self {
        Self(ids.map(text).collect())
    }

    /// Whether an entry says that it registered nodes.
    pub(crate) const fn has_news(body: &EntryBody) -> bool {
        matches!(
            body.outcome,
            Outcome::Accepted(Event::LedgerOpened { .. } | Event::NodeRegistered { .. })
        )
    }

    /// Takes note of the nodes that an entry says it registered. Names are only ever added, so that the rows of
    /// earlier entries do not depend on what later ones say.
    pub(crate) fn learn(&mut self, body: &EntryBody) {
        let Outcome::Accepted(event) = &body.outcome else { return };
        match (&body.command.action, event) {
            (Action::Genesis(genesis), Event::LedgerOpened { .. }) if self.0.is_empty() => {
                self.0 = genesis.nodes.iter().map(|node| text(&node.node_id)).collect();
            }
            (Action::RegisterNode(node), Event::NodeRegistered { .. }) => {
                self.0.push(text(&node.node_id));
            }
            _ => {}
        }
    }

    fn get(&self, number: NodeNumber) -> Option<&str> {
        self.0.get(usize::try_from(number).ok()?).map(String::as_str)
    }
}

fn text(id: &NodeId) -> String {
    Value::from(id.0.as_str()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::derive;
    use alloc::{format, vec};
    use proptest::prelude::*;

    proptest! {
        /// RP-7: the text of a row is the canonical JSON of its members.
        #[test]
        fn rp_7_a_row_is_canonical_json(
            object_id in ".{1,12}", version in any::<u64>(), seq in any::<u64>(), fee in any::<u128>(),
            nodes in prop::collection::vec(0u32..6, 12), names in prop::collection::vec("[a-z.:_-]{1,9}", 5),
        ) {
            let nodes_by_name = NodeNames(names.iter().map(|name| text(&NodeId(name.clone()))).collect());
            let profile = Profile::QFS_V13;
            let shards = derive::shards([(object_id.as_str(), version, profile.columns())].into_iter());
            let row = StoreRow {
                seq, epoch: 3, object: &object_id, version, hash_commit: &shards[0].draw, metadata: b"{}",
                profile, fee: Amount::from_raw(fee), assignment: &nodes,
            };
            let sets = shards.iter().zip(nodes.chunks(3)).map(|(shard, numbers)| {
                let known = numbers.iter().filter_map(|number| names.get(*number as usize));
                (shard.id.to_hex(), known.map(String::as_str).collect::<Value>())
            });
            let expected = object([
                ("seq", Value::uint(seq)),
                ("epoch", Value::uint(3)),
                ("object_id", Value::from(object_id.as_str())),
                ("version", Value::uint(version)),
                ("hash_commit", Value::from(shards[0].draw.to_hex())),
                ("fee", Value::from(Amount::from_raw(fee).to_string())),
                ("replica_sets", object(sets)),
            ]);
            let mut found = String::new();
            row.write(&mut found, &shards, &nodes_by_name).unwrap();
            prop_assert_eq!(&found, &expected.to_canonical());
            let mut leaves = Leaves::with_room(1);
            leaves.push(&row, &shards, &nodes_by_name);
            prop_assert_eq!(leaves.hash(), vec![leaf_hash(found.as_bytes())]);
        }
    }

    /// RP-7: runs are only a faster way.
    #[test]
    fn rp_7_the_root_does_not_know_of_runs() {
        let (mut rows, mut tree) = (RowsRoot::default(), TreeBuilder::new());
        for number in 0..200u64 {
            assert_eq!((rows.rows(), rows.root()), (number, tree.root()));
            let row = Value::uint(number);
            rows.push(&row);
            tree.push(leaf_hash(format!("{number}").as_bytes()));
        }
    }
}
