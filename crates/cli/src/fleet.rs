//! The nodes of a ledger whose shards lie in its own data directory.

use journal::Ledger;
use protocol::node::NodeNumber;
use shard_store::{DirStore, ShardStore, StoreError, fleet::Fleet};
use std::{path::PathBuf, sync::OnceLock};

/// Stores of nodes by number, opened on first use.
#[derive(Default)]
pub struct LocalFleet {
    nodes: Vec<LocalNode>,
}

struct LocalNode {
    dir: PathBuf,
    store: OnceLock<Result<DirStore, StoreError>>,
}

impl LocalFleet {
    /// Takes up nodes that were registered since the last time.
    pub fn refresh(&mut self, ledger: &Ledger) {
        for node in ledger.state().nodes().iter().skip(self.nodes.len()) {
            let dir = ledger.node_dir(&node.node_id);
            self.nodes.push(LocalNode { dir, store: OnceLock::new() });
        }
    }

    /// Makes the directories of these nodes, so that shards can be put there. Without this a node whose
    /// directory is gone counts as out of reach.
    ///
    /// # Errors
    /// When a directory cannot be made.
    pub fn prepare(&self, nodes: impl IntoIterator<Item = NodeNumber>) -> crate::error::Result<()> {
        for number in nodes {
            if let Some(node) = self.nodes.get(number as usize)
                && !node.dir.exists()
            {
                DirStore::open(&node.dir, None)?;
            }
        }
        Ok(())
    }
}

impl Fleet for LocalFleet {
    fn store(&self, node: NodeNumber) -> Option<&dyn ShardStore> {
        let node = self.nodes.get(node as usize)?;
        if !node.dir.exists() {
            return None;
        }
        let store = node.store.get_or_init(|| DirStore::open(&node.dir, None));
        store.as_ref().ok().map(|store| store as &dyn ShardStore)
    }
}
