//! From a stream to the nodes, in one pass.

use std::io::{self, Read};
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;

use protocol::Hash32;
use protocol::layout::{Layout, LayoutError, Profile};
use storage_engine::content::{CommitHasher, shard_id};
use storage_engine::erasure::ErasureError;
use storage_engine::layout::{BlockSink, BuildError, Geometry, LayoutBuilder};

use super::{Fleet, copies_of};
use crate::{StagedShard, StoreError};

/// Bytes read at once; content up to this size is hashed on the caller's thread.
const CHUNK: u64 = 1 << 20;

/// What is to be stored where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadPlan {
    /// The object's id.
    pub object_id: String,
    /// The version that is being stored.
    pub version: u64,
    /// Columns and copies.
    pub profile: Profile,
    /// Bytes of a block.
    pub block_size: u32,
    /// Registration numbers of the nodes, column-major: column c, copy i at c × replicas + i.
    pub assignment: Vec<u32>,
}

/// What was stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uploaded {
    /// Size, shape and roots.
    pub layout: Layout,
    /// Commitment to content and metadata (rule LA-5).
    pub hash_commit: Hash32,
}

/// Stores a stream: every copy of every shard at its node, in one pass and constant memory (rule SS-10).
///
/// `progress` hears the bytes taken so far. Nothing is durable before [`super::sync_all`], and nothing may be
/// acknowledged before that. After an error, shards of this object may be committed at some nodes; no entry names
/// them, so they are collected as unnamed shards.
///
/// # Errors
/// [`UploadError`].
pub fn upload(
    fleet: &dyn Fleet,
    plan: &UploadPlan,
    reader: &mut dyn Read,
    canonical_metadata: &[u8],
    progress: &mut dyn FnMut(u64),
) -> Result<Uploaded, UploadError> {
    stage(fleet, plan, reader, canonical_metadata, progress)?.commit()
}

/// The first half of [`upload`]: every copy is at its node, and nobody can read it yet. Between the halves the
/// caller can note what is about to appear, so that shards which no entry comes to name can be found again.
///
/// # Errors
/// [`UploadError`].
pub fn stage<'a>(
    fleet: &'a dyn Fleet,
    plan: &'a UploadPlan,
    reader: &mut dyn Read,
    canonical_metadata: &[u8],
    progress: &mut dyn FnMut(u64),
) -> Result<Staged<'a>, UploadError> {
    let mut pass = Pass::new(fleet, plan)?;
    let first = read_chunk(reader)?;
    let mut hasher = CommitHasher::new();
    if (first.len() as u64) < CHUNK {
        hasher.update(&first);
        pass.take(&first, progress)?;
    } else {
        hasher = pass.take_all(first, reader, progress)?;
    }
    let hash_commit = hasher.finish(canonical_metadata);
    let (layout, writers) = pass.finish()?;
    let uploaded = Uploaded { layout, hash_commit };
    Ok(Staged { uploaded, writers })
}

/// An object whose shards are at their nodes, not readable yet. Dropping it leaves nothing.
pub struct Staged<'a> {
    uploaded: Uploaded,
    writers: Writers<'a>,
}

impl Staged<'_> {
    /// What the shards are.
    #[must_use]
    pub const fn uploaded(&self) -> &Uploaded {
        &self.uploaded
    }

    /// Makes every shard readable at its node.
    ///
    /// # Errors
    /// [`UploadError`]; some shards may then be readable.
    pub fn commit(self) -> Result<Uploaded, UploadError> {
        self.writers.commit(&self.uploaded.layout)?;
        Ok(self.uploaded)
    }
}

fn read_chunk(reader: &mut dyn Read) -> Result<Vec<u8>, UploadError> {
    let mut chunk = Vec::new();
    reader.take(CHUNK).read_to_end(&mut chunk).map_err(UploadError::Input)?;
    Ok(chunk)
}

/// One pass over the content.
struct Pass<'a> {
    builder: LayoutBuilder,
    writers: Writers<'a>,
    taken: u64,
}

impl<'a> Pass<'a> {
    fn new(fleet: &'a dyn Fleet, plan: &'a UploadPlan) -> Result<Self, UploadError> {
        let builder = LayoutBuilder::new(plan.block_size, plan.profile)?;
        let distinct = |column| {
            let copies = copies_of(&plan.assignment, plan.profile, column);
            (1..copies.len()).all(|i| !copies[..i].contains(&copies[i]))
        };
        let complete = plan.assignment.len() == plan.profile.copies() as usize;
        if !complete || !(0..plan.profile.columns()).all(distinct) {
            return Err(UploadError::Assignment);
        }
        let columns = (0..plan.profile.columns()).map(|_| Vec::new()).collect();
        Ok(Self { builder, writers: Writers { fleet, plan, columns }, taken: 0 })
    }

    fn take(&mut self, chunk: &[u8], progress: &mut dyn FnMut(u64)) -> Result<(), UploadError> {
        self.builder.push(chunk, &mut self.writers)?;
        self.taken += chunk.len() as u64;
        progress(self.taken);
        Ok(())
    }

    /// Takes `first` and the rest of the reader, while a second thread computes the commitment.
    fn take_all(
        &mut self,
        first: Vec<u8>,
        reader: &mut dyn Read,
        progress: &mut dyn FnMut(u64),
    ) -> Result<CommitHasher, UploadError> {
        thread::scope(|scope| {
            let (to_hasher, chunks) = sync_channel::<Arc<Vec<u8>>>(2);
            let hashing = scope.spawn(move || {
                let mut hasher = CommitHasher::new();
                chunks.iter().for_each(|chunk| hasher.update(&chunk));
                hasher
            });
            let taken = self.feed(first, reader, to_hasher, progress);
            let hasher = hashing.join().unwrap_or_else(|panic| resume_unwind(panic));
            taken.map(|()| hasher)
        })
    }

    fn feed(
        &mut self,
        first: Vec<u8>,
        reader: &mut dyn Read,
        to_hasher: SyncSender<Arc<Vec<u8>>>,
        progress: &mut dyn FnMut(u64),
    ) -> Result<(), UploadError> {
        let mut chunk = Arc::new(first);
        while !chunk.is_empty() {
            // Fails only if the hashing thread has panicked, which its join reports.
            let _ = to_hasher.send(Arc::clone(&chunk));
            self.take(&chunk, progress)?;
            chunk = Arc::new(read_chunk(reader)?);
        }
        Ok(())
    }

    fn finish(mut self) -> Result<(Layout, Writers<'a>), UploadError> {
        let layout = self.builder.finish(&mut self.writers)?;
        Ok((layout, self.writers))
    }
}

/// One copy of a shard on its way to a node.
type Writer<'a> = (u32, Box<dyn StagedShard + 'a>);

/// The staged copies of each column; a column without blocks has none.
struct Writers<'a> {
    fleet: &'a dyn Fleet,
    plan: &'a UploadPlan,
    columns: Vec<Vec<Writer<'a>>>,
}

impl<'a> Writers<'a> {
    fn stage(&self, column: u32) -> Result<Vec<Writer<'a>>, UploadError> {
        let id = shard_id(&self.plan.object_id, self.plan.version, column);
        let nodes = copies_of(&self.plan.assignment, self.plan.profile, column);
        let stage = |node: &u32| {
            let store = self.fleet.store(*node).ok_or(UploadError::UnknownNode(*node))?;
            let staged = store.stage(id);
            staged.map(|staged| (*node, staged)).map_err(|source| at(*node, source))
        };
        nodes.iter().map(stage).collect()
    }

    fn commit(self, layout: &Layout) -> Result<(), UploadError> {
        let geometry = Geometry::of(layout)?;
        for ((column, copies), root) in (0..).zip(self.columns).zip(&layout.roots) {
            for (node, staged) in copies {
                let committed = staged.commit(*root, geometry.shard_len(column));
                committed.map_err(|source| at(node, source))?;
            }
        }
        Ok(())
    }
}

impl BlockSink for Writers<'_> {
    type Error = UploadError;

    fn block(&mut self, column: u32, bytes: &[u8], leaves: &[Hash32]) -> Result<(), UploadError> {
        let index = column as usize;
        if self.columns[index].is_empty() {
            self.columns[index] = self.stage(column)?;
        }
        for (node, staged) in &mut self.columns[index] {
            staged.append(bytes, leaves).map_err(|source| at(*node, source))?;
        }
        Ok(())
    }
}

fn at(node: u32, source: StoreError) -> UploadError {
    UploadError::Store { node, source }
}

/// Why a stream was not stored.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// The stream could not be read.
    #[error("reading the content: {0}")]
    Input(#[source] io::Error),
    /// The shape or the size is refused.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// Parity could not be computed.
    #[error(transparent)]
    Erasure(#[from] ErasureError),
    /// The assignment does not name one node for each copy, or names one twice for the same shard.
    #[error("the assignment does not name distinct nodes for all copies of every shard")]
    Assignment,
    /// The fleet does not know the node.
    #[error("node {0} is out of reach")]
    UnknownNode(u32),
    /// A node refused a shard.
    #[error("node {node}: {source}")]
    Store {
        /// Registration number of the node.
        node: u32,
        /// Why.
        source: StoreError,
    },
}

impl From<BuildError<UploadError>> for UploadError {
    fn from(error: BuildError<UploadError>) -> Self {
        match error {
            BuildError::Layout(error) => error.into(),
            BuildError::Erasure(error) => error.into(),
            BuildError::Sink(error) => error,
        }
    }
}
