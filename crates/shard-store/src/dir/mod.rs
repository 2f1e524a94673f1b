//! Shards in a directory of a local file system.
//!
//! ```text
//! ROOT/data/<first byte of shard_id>/<shard_id>-<root>   committed shards (rule SS-3)
//! ROOT/staging/<process>-<counter>                       shards on their way in
//! ```

mod format;
mod staged;

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};

use protocol::Hash32;

use crate::error::During;
use crate::meter::Meter;
use crate::{RawShard, ShardKey, ShardStore, StagedShard, StoreError, StoredShard};
use format::{FOOTER, file_len, footer, node_offset, parse_footer};
use staged::DirStaged;

/// A [`ShardStore`] in a directory. Several processes may open the same one.
pub struct DirStore {
    data: PathBuf,
    staging: PathBuf,
    /// Held shared while the store is open, so that nobody else cleans the staging directory meanwhile.
    _staging_lock: File,
    /// Counts staged bytes; with a quota also committed ones, which costs a look at every shard when opening.
    meter: Meter,
    has_quota: bool,
    counter: AtomicU64,
    unsynced: Mutex<Unsynced>,
    /// Held during a whole sync, so that a caller whose shards another thread is syncing waits for the end of it.
    syncing: Mutex<()>,
    publishing: Mutex<()>,
}

/// Directories with entries that a loss of power would still undo.
#[derive(Default)]
struct Unsynced {
    directories: BTreeSet<u8>,
    failed: bool,
}

impl DirStore {
    /// Opens the store in `root`, creating what is missing, and removes what a crash left in its staging directory.
    ///
    /// `quota` bounds the bytes of shards, stored and staged.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn open(root: &Path, quota: Option<u64>) -> Result<Self, StoreError> {
        let (data, staging) = (root.join("data"), root.join("staging"));
        for directory in [root, &data, &staging] {
            let mut builder = DirBuilder::new();
            builder.recursive(true).mode(0o700).create(directory).during("creating the store")?;
        }
        // A crash before these syncs leaves no store, or an empty one: both are opened again from here.
        for directory in
            [Some(root), root.parent().filter(|parent| *parent != Path::new("")), Some(&data)]
        {
            directory.map_or(Ok(()), sync_directory).during("syncing the store's directory")?;
        }
        let lock = clean_staging(&staging).during("cleaning the staging directory")?;
        let mut store = Self {
            data,
            staging,
            _staging_lock: lock,
            meter: Meter::new(0, quota),
            has_quota: quota.is_some(),
            counter: AtomicU64::new(0),
            unsynced: Mutex::default(),
            syncing: Mutex::default(),
            publishing: Mutex::default(),
        };
        if quota.is_some() {
            store.meter = Meter::new(store.committed()?, quota);
        }
        Ok(store)
    }

    /// Bytes of all committed shards.
    fn committed(&self) -> Result<u64, StoreError> {
        let mut sum = 0_u64;
        self.visit(&mut |stored| {
            sum = sum.saturating_add(stored.len.unwrap_or(0));
            Ok(())
        })?;
        Ok(sum)
    }

    fn directory(&self, first_byte: u8) -> PathBuf {
        self.data.join(format!("{first_byte:02x}"))
    }

    fn path(&self, key: &ShardKey) -> PathBuf {
        self.directory(key.shard_id.0[0]).join(key.to_string())
    }

    /// A new file that only this process knows.
    fn staging_file(&self) -> Result<(PathBuf, File), StoreError> {
        loop {
            let number = self.counter.fetch_add(1, Relaxed);
            let path = self.staging.join(format!("{}-{number}", std::process::id()));
            let mut options = OpenOptions::new();
            match options.read(true).write(true).create_new(true).mode(0o600).open(&path) {
                Ok(file) => return Ok((path, file)),
                // Another process of the same number, in another container, shares the directory.
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error).during("creating a staging file"),
            }
        }
    }

    /// Gives a complete, synced staging file its final name, replacing what is there.
    fn publish(&self, staged: &Path, key: &ShardKey, len: u64) -> Result<(), StoreError> {
        let path = self.path(key);
        // Two threads with the same shard: only the later one may count the earlier one as replaced.
        let _one_at_a_time = self.publishing.lock().unwrap_or_else(PoisonError::into_inner);
        let replaced = stored_len(&path, &key.root).ok().flatten().unwrap_or(0);
        let renamed = fs::rename(staged, &path).or_else(|error| {
            if error.kind() != ErrorKind::NotFound {
                return Err(error);
            }
            let directory = self.directory(key.shard_id.0[0]);
            DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
            fs::rename(staged, &path)
        });
        renamed.during("renaming a shard")?;
        self.meter.give_back(if self.has_quota { replaced } else { len });
        self.touched(key);
        Ok(())
    }

    fn touched(&self, key: &ShardKey) {
        self.unsynced().directories.insert(key.shard_id.0[0]);
    }

    fn unsynced(&self) -> MutexGuard<'_, Unsynced> {
        self.unsynced.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sync_touched(&self, directories: &BTreeSet<u8>) -> io::Result<()> {
        for directory in directories {
            match sync_directory(&self.directory(*directory)) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                // Gone as a whole: nothing in it is left to make durable.
                _ => {}
            }
        }
        // Last, for a directory that is new itself: until here a crash may lose it with all its unacknowledged shards.
        if directories.is_empty() { Ok(()) } else { sync_directory(&self.data) }
    }

    /// Shards of one directory, sorted by name, which is the order of keys.
    fn shards_of(&self, directory: &Path) -> io::Result<Vec<StoredShard>> {
        let mut shards = Vec::new();
        for entry in fs::read_dir(directory)? {
            let entry = entry?;
            if let Some(key) = entry.file_name().to_str().and_then(parse_name) {
                shards.push(StoredShard { key, len: stored_len(&entry.path(), &key.root)? });
            }
        }
        shards.sort_unstable();
        Ok(shards)
    }
}

impl ShardStore for DirStore {
    fn stage(&self, shard_id: Hash32) -> Result<Box<dyn StagedShard + '_>, StoreError> {
        Ok(Box::new(DirStaged::new(self, shard_id)?))
    }

    fn sync(&self) -> Result<(), StoreError> {
        let _one_at_a_time = self.syncing.lock().unwrap_or_else(PoisonError::into_inner);
        let directories = {
            let mut unsynced = self.unsynced();
            if unsynced.failed {
                return Err(StoreError::SyncFailed);
            }
            std::mem::take(&mut unsynced.directories)
        };
        let synced = self.sync_touched(&directories);
        if synced.is_err() {
            // The kernel may have dropped what it could not write: trying again would report success falsely.
            self.unsynced().failed = true;
        }
        synced.during("syncing the directories of shards")
    }

    fn open_raw(&self, key: &ShardKey, len: u64) -> Result<Box<dyn RawShard + '_>, StoreError> {
        let file = match File::open(self.path(key)) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Err(StoreError::Missing),
            opened => opened.during("opening a shard")?,
        };
        let size = file.metadata().during("reading the size of a shard")?.len();
        if file_len(len) != Some(size) {
            return Err(StoreError::Damaged("its size"));
        }
        let mut found = [0; FOOTER];
        file.read_exact_at(&mut found, size - FOOTER as u64).during("reading a footer")?;
        if found != footer(len, &key.root) {
            return Err(StoreError::Damaged("its footer"));
        }
        Ok(Box::new(DirShard { file, len }))
    }

    fn visit(
        &self,
        visit: &mut dyn FnMut(StoredShard) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        for first_byte in 0..=u8::MAX {
            let shards = match self.shards_of(&self.directory(first_byte)) {
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                listed => listed.during("listing the shards")?,
            };
            shards.into_iter().try_for_each(&mut *visit)?;
        }
        Ok(())
    }

    fn remove(&self, key: &ShardKey) -> Result<bool, StoreError> {
        let path = self.path(key);
        let len = stored_len(&path, &key.root);
        match fs::remove_file(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
            removed => removed.during("removing a shard")?,
        }
        // A crash before the next sync may bring the shard back: it is still the right bytes under its key.
        self.touched(key);
        if self.has_quota {
            self.meter.give_back(len.ok().flatten().unwrap_or(0));
        }
        Ok(true)
    }

    fn usage(&self) -> Result<u64, StoreError> {
        let committed = if self.has_quota { 0 } else { self.committed()? };
        Ok(committed.saturating_add(self.meter.used()))
    }
}

/// A committed shard file.
struct DirShard {
    file: File,
    len: u64,
}

impl RawShard for DirShard {
    fn read_bytes(&self, offset: u64, buffer: &mut [u8]) -> Result<(), StoreError> {
        self.file.read_exact_at(buffer, offset).during("reading a shard")
    }

    fn read_nodes(&self, level: u32, first: u64, nodes: &mut [Hash32]) -> Result<(), StoreError> {
        let offset = node_offset(self.len, level, first).ok_or(StoreError::OutOfRange)?;
        read_hashes(&self.file, offset, nodes).during("reading the tree of a shard")
    }
}

fn read_hashes(file: &File, offset: u64, nodes: &mut [Hash32]) -> io::Result<()> {
    let mut bytes = vec![0; nodes.len() * format::HASH as usize];
    file.read_exact_at(&mut bytes, offset)?;
    for (node, bytes) in nodes.iter_mut().zip(bytes.as_chunks().0) {
        *node = Hash32(*bytes);
    }
    Ok(())
}

/// Bytes of the shard in a file; None if the file is damaged.
fn stored_len(path: &Path, root: &Hash32) -> io::Result<Option<u64>> {
    let file = File::open(path)?;
    let size = file.metadata()?.len();
    let Some(at) = size.checked_sub(FOOTER as u64) else {
        return Ok(None);
    };
    let mut bytes = [0; FOOTER];
    file.read_exact_at(&mut bytes, at)?;
    Ok(parse_footer(&bytes, root, size))
}

fn parse_name(name: &str) -> Option<ShardKey> {
    let (shard_id, root) = name.split_once('-')?;
    Some(ShardKey { shard_id: Hash32::from_hex(shard_id)?, root: Hash32::from_hex(root)? })
}

fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Removes what crashed processes left, unless a living one has the store open. Returns the shared lock.
fn clean_staging(staging: &Path) -> io::Result<File> {
    let lock = File::open(staging)?;
    match lock.try_lock() {
        Ok(()) => {
            for entry in fs::read_dir(staging)? {
                fs::remove_file(entry?.path())?;
            }
            lock.unlock()?;
        }
        Err(TryLockError::WouldBlock) => {}
        Err(TryLockError::Error(error)) => return Err(error),
    }
    lock.lock_shared()?;
    Ok(lock)
}

#[cfg(test)]
mod tests;
