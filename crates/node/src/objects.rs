//! How an object gets to its nodes and is found again. Bytes first, ledger second.

use std::io::Read;

use protocol::{
    ErrorCode, Hash32, Layout, ObjectId, Refusal,
    command::{Content, Custody, Store},
    metadata::Metadata,
    node::NodeNumber,
};
use shard_store::fleet::{UploadPlan, stage};
use storage_engine::{
    content::shard_ids,
    placement::place,
    state::{
        State, StateStore,
        records::{StoredRecord, VersionRecord},
    },
};

use crate::{Failure, LocalFleet, Uploads, failure::Result};

/// Where a version goes, under the rules of the open epoch.
#[derive(Clone, Debug)]
pub struct Placement {
    /// The object.
    pub object: ObjectId,
    /// The version.
    pub version: u64,
    /// The epoch that it is placed under.
    pub epoch: u64,
    metadata: Metadata,
    plan: UploadPlan,
}

impl Placement {
    /// Places a version, the next one if none is named.
    ///
    /// # Errors
    /// A refusal: of the name, of the version, or for want of nodes.
    pub fn of<S: StateStore>(
        state: &State<S>,
        object: &ObjectId,
        version: Option<u64>,
        metadata: &Metadata,
    ) -> Result<Self> {
        object.validate()?;
        let ledger = state.ledger().ok_or_else(|| {
            Refusal::new(ErrorCode::AegisContextMissing, "the ledger has no genesis")
        })?;
        let version = match version {
            Some(0) => {
                return Err(Failure::new(ErrorCode::InvalidVersion, "versions begin with 1"));
            }
            Some(version) => version,
            None => next_version(state.object(object)?.map_or(0, |object| object.latest))?,
        };
        let profile = ledger.parameters.profile;
        let ring = state.ring_within(&metadata.regions());
        let plan = UploadPlan {
            object_id: object.0.clone(),
            version,
            profile,
            block_size: ledger.parameters.block_size,
            assignment: place(&object.0, version, profile, &ring)?,
        };
        let (object, metadata) = (object.clone(), metadata.clone());
        Ok(Self { object, version, epoch: ledger.epoch, metadata, plan })
    }

    /// The nodes, column by column.
    #[must_use]
    pub fn nodes(&self) -> &[NodeNumber] {
        &self.plan.assignment
    }

    /// Writes the shards to their nodes, and returns what the ledger is to be asked. Nothing is durable yet, and nothing
    /// acknowledged: a crash from here to the receipt leaves shards that no entry names.
    ///
    /// # Errors
    /// When the content cannot be read, or a node cannot take it.
    pub fn send(
        self,
        fleet: &LocalFleet,
        uploads: &Uploads,
        content: &mut dyn Read,
        progress: &mut dyn FnMut(u64),
    ) -> Result<Store> {
        fleet.prepare(self.plan.assignment.iter().copied())?;
        let metadata = self.metadata.canonical().as_bytes();
        let staged = stage(fleet, &self.plan, content, metadata, progress)?;
        // Noted before any shard can be read: should no entry ever name them, they are found by this.
        let roots = &staged.uploaded().layout.roots;
        uploads.note(&self.object, self.version, roots, &self.plan.assignment)?;
        let uploaded = staged.commit()?;
        Ok(Store {
            object: self.object,
            version: self.version,
            epoch: self.epoch,
            hash_commit: uploaded.hash_commit,
            metadata: metadata.to_vec(),
            content: Content::Single(uploaded.layout),
            custody: Custody::Claimed,
        })
    }
}

/// One more than the latest version.
///
/// # Errors
/// A refusal, when there is none.
pub fn next_version(latest: u64) -> Result<u64> {
    latest.checked_add(1).ok_or_else(|| {
        Failure::new(ErrorCode::InvalidVersion, "the object has the last version there can be")
    })
}

/// A version with content, found by name.
#[derive(Clone, Debug)]
pub struct Found {
    /// Its version.
    pub version: u64,
    /// The entry that stored it.
    pub seq: u64,
    /// Its record.
    pub stored: StoredRecord,
    /// Its layout.
    pub layout: Layout,
}

/// Finds a version, the current one if none is named.
///
/// # Errors
/// A refusal, when there is no such version with content.
pub fn find<S: StateStore>(state: &State<S>, id: &ObjectId, version: Option<u64>) -> Result<Found> {
    let missing = |detail: String| Failure::new(ErrorCode::NotFound, detail);
    let object = state
        .object(id)?
        .ok_or_else(|| missing(format!("there is no object {id:?}", id = id.0)))?;
    let version = version
        .or(object.current)
        .ok_or_else(|| missing(format!("every version of {id} has ended")))?;
    let record = state.version(id, version)?;
    let VersionRecord { seq, stored, .. } =
        record.ok_or_else(|| missing(format!("{id} has no version {version}")))?;
    let stored =
        stored.ok_or_else(|| missing(format!("{id} is deleted, as of version {version}")))?;
    match stored.content.clone() {
        Content::Single(layout) => Ok(Found { version, seq, stored, layout }),
        Content::Manifest { .. } => Err(Failure::new(
            ErrorCode::ContentUnavailable,
            "objects in several parts cannot be read by this version of qfs",
        )),
    }
}

/// A shard and the names of the nodes that hold it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlacedShard {
    /// Its id.
    pub shard_id: Hash32,
    /// Root of its tree.
    pub root: Hash32,
    /// Names of its nodes.
    pub nodes: Vec<String>,
}

/// The shards of a version, column by column.
pub fn placed_shards<S: StateStore>(
    state: &State<S>,
    object: &ObjectId,
    version: u64,
    layout: &Layout,
    assignment: &[NodeNumber],
) -> Vec<PlacedShard> {
    let name = |node: &NodeNumber| {
        state.node(*node).map_or_else(String::new, |node| node.node_id.0.clone())
    };
    let copies = assignment.chunks(usize::from(layout.profile.replicas));
    let ids = shard_ids(&object.0, version, layout.profile.columns());
    let shards = ids.into_iter().zip(&layout.roots).zip(copies);
    shards
        .map(|((shard_id, root), nodes)| PlacedShard {
            shard_id,
            root: *root,
            nodes: nodes.iter().map(name).collect(),
        })
        .collect()
}
