//! The nodes of a ledger whose shards lie in its own data directory.

use std::{
    path::PathBuf,
    sync::{Arc, OnceLock},
};

use protocol::{NodeId, node::NodeNumber};
use shard_store::{DirStore, ShardStore, StoreError, fleet::Fleet};
use storage_engine::state::records::NodeRecord;

/// Stores of nodes by number, opened on first use. Copies share them.
#[derive(Clone, Default)]
pub struct LocalFleet {
    nodes: Vec<Arc<LocalNode>>,
}

struct LocalNode {
    dir: PathBuf,
    store: OnceLock<Result<DirStore, StoreError>>,
}

impl LocalFleet {
    /// Takes up nodes that were registered since the last time; `dir` says where each is.
    pub fn refresh(&mut self, nodes: &[NodeRecord], dir: impl Fn(&NodeId) -> PathBuf) {
        for node in nodes.iter().skip(self.nodes.len()) {
            let node = LocalNode { dir: dir(&node.node_id), store: OnceLock::new() };
            self.nodes.push(Arc::new(node));
        }
    }

    /// Number of nodes that were taken up.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Makes the directories of these nodes, so that shards can be put there. Without this a node whose
    /// directory is gone counts as out of reach.
    ///
    /// # Errors
    /// When a directory cannot be made.
    pub fn prepare(&self, nodes: impl IntoIterator<Item = NodeNumber>) -> Result<(), StoreError> {
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
