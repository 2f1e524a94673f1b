//! One version of an object whose copies move.

use crate::{
    app::App,
    error::{CliError, Result},
    speaker,
};
use node::{LocalFleet, Uploads};
use protocol::{
    ErrorCode, Layout, ObjectId,
    command::{Content, Reassign},
    node::NodeNumber,
};
use serde_json::{Value, json};
use shard_store::{
    ShardKey, ShardStore,
    fleet::{Fleet, ObjectCopy, Origin, restore},
};
use storage_engine::{
    content::shard_id,
    decide::replacement,
    layout::Geometry,
    state::{State, StateStore, records::StoredRecord},
};

/// One copy of one shard, and where it goes.
#[derive(Clone, Debug)]
pub struct Copy {
    /// What the ledger is asked; to the node that it is at, as long as there is no other.
    pub reassign: Reassign,
    /// Bytes of the shard.
    pub len: u64,
    key: ShardKey,
    /// Where it stands in the assignment.
    at: usize,
}

impl Copy {
    /// Whether its node still has every byte of it.
    pub fn is_sound(&self, fleet: &LocalFleet) -> bool {
        let verified = |store: &dyn ShardStore| store.open(&self.key, self.len)?.verify_all();
        self.len == 0
            || fleet.store(self.reassign.from).is_some_and(|store| verified(store).is_ok())
    }

    /// Whether the old node holds no copy of this shard any more. It may have got another one in the same group: a node that
    /// lost its copy can take over a sibling's.
    pub fn is_left<S: StateStore>(&self, state: &State<S>) -> Result<bool> {
        let Reassign { object, version, column, from, .. } = &self.reassign;
        let stored = state.version(object, *version)?.and_then(|record| record.stored);
        Ok(stored.is_none_or(|stored| {
            let replicas = match &stored.content {
                Content::Single(layout) => usize::from(layout.profile.replicas).max(1),
                Content::Manifest { .. } => return false,
            };
            let mut copies = stored.assignment.chunks(replicas);
            !copies.nth(*column as usize).is_some_and(|nodes| nodes.contains(from))
        }))
    }

    /// Removes the old bytes, which are not the node's any more. If it is out of reach they are collected once it is back.
    pub fn drop_old(&self, fleet: &LocalFleet) {
        if let Some(store) = fleet.store(self.reassign.from) {
            let _ = store.remove(&self.key);
        }
    }

    /// The fields that every row about it has.
    pub fn document<S: StateStore>(&self, state: &State<S>) -> Value {
        let Reassign { object, version, column, copy, from, to } = &self.reassign;
        json!({
            "object_id": object.0,
            "version": version,
            "shard_id": self.key.shard_id.to_hex(),
            "column": column,
            "copy": copy,
            "from": speaker::node_name(state, *from),
            "to": (from != to).then(|| speaker::node_name(state, *to)),
        })
    }
}

/// A version with its assignment as the ledger will have it once the copies so far have moved.
pub struct Version {
    object: ObjectId,
    version: u64,
    layout: Layout,
    geometry: Geometry,
    stored: StoredRecord,
}

impl Version {
    /// `None` for content that has no shards of its own.
    pub fn new(object: ObjectId, version: u64, stored: StoredRecord) -> Option<Self> {
        let Content::Single(layout) = stored.content.clone() else { return None };
        let geometry = Geometry::of(&layout).ok()?;
        Some(Self { object, version, layout, geometry, stored })
    }

    /// Nodes of the copies.
    pub fn nodes(&self) -> &[NodeNumber] {
        &self.stored.assignment
    }

    /// Every copy where it is now.
    pub fn copies(&self) -> impl Iterator<Item = Copy> {
        self.nodes().iter().enumerate().map(|(at, node)| self.copy(at, *node))
    }

    fn copy(&self, at: usize, node: NodeNumber) -> Copy {
        let (object, version) = (self.object.clone(), self.version);
        let replicas = usize::from(self.layout.profile.replicas);
        let (column, copy) = ((at / replicas) as u32, (at % replicas) as u32);
        let shard_id = shard_id(&object.0, version, column);
        let key = ShardKey { shard_id, root: self.layout.roots[column as usize] };
        let reassign = Reassign { object, version, column, copy, from: node, to: node };
        Copy { reassign, len: self.geometry.shard_len(column), key, at }
    }

    /// Finds the copy's new node, as the ledger will, and writes its bytes there, verified.
    pub fn place(&mut self, app: &mut App, copy: &mut Copy) -> Result<Origin> {
        let data_dir = app.data_dir().to_path_buf();
        let state = app.state()?;
        let to = self.replacement(state, copy)?;
        if copy.len > 0 {
            self.note(&Uploads::of(&data_dir, state.epoch()), to)?;
        }
        // A row about a copy that could not be written says where it would have gone.
        copy.reassign.to = to;
        let origin = self.write(app, copy, to)?;
        self.stored.assignment[copy.at] = to;
        Ok(origin)
    }

    /// Writes the copy's bytes anew where it is.
    pub fn restore(&self, app: &mut App, copy: &Copy) -> Result<Origin> {
        self.write(app, copy, copy.reassign.from)
    }

    /// Writes the copy's bytes at a node, verified. What is damaged there is replaced once all of it is good.
    fn write(&self, app: &mut App, copy: &Copy, to: NodeNumber) -> Result<Origin> {
        if copy.len == 0 {
            return Ok(Origin::Copy);
        }
        let (state, fleet) = app.parts()?;
        fleet.prepare([to])?;
        let target = fleet.store(to).ok_or_else(|| {
            let name = speaker::node_name(state, to);
            let detail = format!("node {name} is out of reach");
            CliError::failed(ErrorCode::ContentUnavailable, detail)
        })?;
        Ok(restore(fleet, &self.source(), copy.reassign.column, target, &mut |_| ())?)
    }

    fn replacement<S: StateStore>(&self, state: &State<S>, copy: &Copy) -> Result<NodeNumber> {
        replacement(state, &copy.reassign, &self.stored)?.ok_or_else(|| {
            let name = speaker::node_name(state, copy.reassign.from);
            let detail = format!("no eligible node may take the copy that is at {name}");
            CliError::failed(ErrorCode::NoEligibleNodes, detail)
        })
    }

    fn source(&self) -> ObjectCopy {
        ObjectCopy {
            object_id: self.object.0.clone(),
            version: self.version,
            layout: self.layout.clone(),
            assignment: self.stored.assignment.clone(),
        }
    }

    /// Notes where shards of this version are and may appear, so that whichever of them no entry names is collected.
    fn note(&self, uploads: &Uploads, to: NodeNumber) -> Result<()> {
        let copies = self.nodes().chunks(usize::from(self.layout.profile.replicas));
        let nodes: Vec<NodeNumber> =
            copies.flat_map(|nodes| nodes.iter().copied().chain([to])).collect();
        Ok(uploads.note(&self.object, self.version, &self.layout.roots, &nodes)?)
    }
}
