//! Collecting shards that no entry names (JO-7): of puts that were refused or interrupted, and of versions that ended.
//!
//! `DIR/uploads/EPOCH` has a line for every object whose shards appeared, or whose version was about to end, in
//! that epoch. Two epochs later each line is compared with the state, and what is not named there is removed.
//! So collecting costs as much as there was to note, however much is stored.

use crate::failure::{Failure, Result};
use protocol::{Hash32, ObjectId, command::Content, limits::ORPHAN_EPOCHS, node::NodeNumber};
use serde_json::{Value, json};
use shard_store::{ShardKey, fleet::Fleet};
use std::{
    collections::BTreeSet,
    fs::{self, File, OpenOptions},
    io::{BufRead, BufReader, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};
use storage_engine::{
    content::shard_id,
    state::{State, StateStore, records::StoredRecord},
};

/// What appeared in one epoch.
pub struct Uploads {
    path: PathBuf,
}

impl Uploads {
    /// The notes of `epoch`.
    #[must_use]
    pub fn of(data_dir: &Path, epoch: u64) -> Self {
        Self { path: data_dir.join("uploads").join(epoch.to_string()) }
    }

    /// Adds a line. A crash of the machine may lose it: then, at worst, shards that nobody names stay.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn note(
        &self,
        object: &ObjectId,
        version: u64,
        roots: &[Hash32],
        nodes: &[NodeNumber],
    ) -> Result<()> {
        let roots: Vec<String> = roots.iter().map(Hash32::to_hex).collect();
        let line =
            json!({ "object": object.0, "version": version, "roots": roots, "nodes": nodes });
        let dir = self.path.parent().unwrap_or(Path::new("."));
        let write = || {
            fs::create_dir_all(dir)?;
            let mut file =
                OpenOptions::new().append(true).create(true).mode(0o600).open(&self.path)?;
            file.write_all(format!("{line}\n").as_bytes())
        };
        write().map_err(|error| Failure::io("cannot write", &self.path, &error))
    }
}

/// Removes what epochs that are two or more behind left unnamed; returns the number of copies removed.
///
/// # Errors
/// When notes cannot be read, or a shard cannot be removed.
pub fn collect<S: StateStore>(data_dir: &Path, state: &State<S>, fleet: &dyn Fleet) -> Result<u64> {
    let dir = data_dir.join("uploads");
    let Some(last) = state.epoch().checked_sub(ORPHAN_EPOCHS) else {
        return Ok(0);
    };
    let mut removed = 0;
    for path in epochs_until(&dir, last)? {
        let failed = |error| Failure::io("cannot read", &path, &error);
        let mut touched = BTreeSet::new();
        for line in BufReader::new(File::open(&path).map_err(failed)?).lines() {
            // A line that was cut by a crash names nothing.
            let Some(note) =
                serde_json::from_str(&line.map_err(failed)?).ok().and_then(Note::parse)
            else {
                continue;
            };
            removed += note.remove_unnamed(state, fleet, &mut touched)?;
        }
        // A crash before this line leaves the notes, and the next closing goes through them again.
        touched.iter().filter_map(|node| fleet.store(*node)).try_for_each(|store| store.sync())?;
        fs::remove_file(&path).map_err(|error| Failure::io("cannot remove", &path, &error))?;
    }
    Ok(removed)
}

fn epochs_until(dir: &Path, last: u64) -> Result<Vec<PathBuf>> {
    if !dir.is_dir() {
        return Ok(Vec::new());
    }
    let listing = fs::read_dir(dir).map_err(|error| Failure::io("cannot read", dir, &error))?;
    let due = |path: &PathBuf| {
        let epoch = path.file_name().and_then(|name| name.to_str()?.parse::<u64>().ok());
        epoch.is_some_and(|epoch| epoch <= last)
    };
    Ok(listing.filter_map(|entry| Some(entry.ok()?.path())).filter(due).collect())
}

struct Note {
    object: ObjectId,
    version: u64,
    roots: Vec<Hash32>,
    nodes: Vec<NodeNumber>,
}

impl Note {
    fn parse(line: Value) -> Option<Self> {
        let list = |name: &str| line[name].as_array();
        Some(Self {
            object: ObjectId(line["object"].as_str()?.to_owned()),
            version: line["version"].as_u64()?,
            roots: list("roots")?
                .iter()
                .map(|root| Hash32::from_hex(root.as_str()?))
                .collect::<Option<_>>()?,
            nodes: list("nodes")?
                .iter()
                .map(|node| u32::try_from(node.as_u64()?).ok())
                .collect::<Option<_>>()?,
        })
    }

    fn remove_unnamed<S: StateStore>(
        &self,
        state: &State<S>,
        fleet: &dyn Fleet,
        touched: &mut BTreeSet<NodeNumber>,
    ) -> Result<u64> {
        let stored = state.version(&self.object, self.version)?.and_then(|record| record.stored);
        let copies = self.nodes.len().checked_div(self.roots.len()).unwrap_or(0).max(1);
        let mut removed = 0;
        for ((column, root), nodes) in (0..).zip(&self.roots).zip(self.nodes.chunks(copies)) {
            let key =
                ShardKey { shard_id: shard_id(&self.object.0, self.version, column), root: *root };
            for node in nodes {
                if names(stored.as_ref(), column, root, *node) {
                    continue;
                }
                if let Some(store) = fleet.store(*node)
                    && store.remove(&key)?
                {
                    touched.insert(*node);
                    removed += 1;
                }
            }
        }
        Ok(removed)
    }
}

/// Whether the version has this shard, with this content, at this node.
fn names(stored: Option<&StoredRecord>, column: u32, root: &Hash32, node: NodeNumber) -> bool {
    let Some(stored) = stored else { return false };
    let Content::Single(layout) = &stored.content else {
        return false;
    };
    let replicas = usize::from(layout.profile.replicas);
    layout.roots.get(column as usize) == Some(root)
        && stored
            .assignment
            .chunks(replicas)
            .nth(column as usize)
            .is_some_and(|c| c.contains(&node))
}
