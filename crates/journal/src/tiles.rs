//! The log as a directory of static files that others read (`spec/journal.md`, JO-10; formats in
//! `spec/eqm-log.md`, EL-21 to EL-23).
//!
//! A file other than the checkpoint never changes: its name says how many items it has. So publishing is adding
//! what is new, in an order in which every file that the checkpoint speaks of is durable before the checkpoint is.

use crate::{
    Appender, JournalError,
    checkpoint::CheckpointFile,
    disk::{Disk, RealDisk},
    files,
};
use eqm_log::{
    Checkpoint, Leaf, Tile, TileKind,
    tile::{push_leaf, tiles_added},
};
use std::{
    collections::BTreeSet,
    io,
    path::{Path, PathBuf},
};

/// What [`TileDir::publish`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Published {
    /// Entries under the checkpoint that is there now.
    pub size: u64,
    /// Entries under the one that was there before, 0 when there was none.
    pub before: u64,
    /// Tiles and bundles written.
    pub written: u64,
}

/// A directory with the published files of one log.
#[derive(Clone, Debug)]
pub struct TileDir<D: Disk = RealDisk> {
    disk: D,
    dir: PathBuf,
}

impl<D: Disk> TileDir<D> {
    /// The directory at `dir`, which need not exist yet.
    #[must_use]
    pub fn new(disk: D, dir: &Path) -> Self {
        Self { disk, dir: dir.to_path_buf() }
    }

    /// Adds what the checkpoint `note`, which must be of this log, has beyond the one that is in the directory;
    /// then puts it in its place. `progress` is told how many entries have been bundled.
    ///
    /// A crash anywhere leaves the checkpoint of before or the new one, each with all its files; beside them perhaps
    /// new files that no checkpoint speaks of yet, staged ones (`*.new`), and partial tiles whose full ones are there.
    /// The next call makes use of the first and replaces the second.
    ///
    /// # Errors
    /// [`JournalError::Damaged`] when the directory is of another log or of another history, or has a file with other
    /// bytes; nothing is published then. What the operating system says.
    pub fn publish<L: Disk>(
        &self,
        log: &Appender<L>,
        note: &str,
        progress: impl FnMut(u64),
    ) -> Result<Published, JournalError> {
        let next = Checkpoint::parse_unverified(note)
            .map_err(|error| JournalError::Halted(format!("checkpoint: {error}")))?;
        make_dir(&self.disk, &self.dir)?;
        let (before, published) = self.published(log, &next)?;
        let mut adding = Adding { target: self, dirs: BTreeSet::new(), written: 0 };
        // A crash from here on leaves files of a size that nobody has been told of.
        adding.bundles(log, before, next.size, progress)?;
        adding.hashes(log, before, next.size)?;
        adding.sync()?;
        // All that the new checkpoint speaks of is durable; a crash now leaves the old one, which still holds.
        // Over the same entries, witnesses may have cosigned since; cosignatures that are there are not taken away.
        if before < next.size || published.len() < note.len() {
            let path = self.dir.join("checkpoint");
            files::replace(&self.disk, &path, note.as_bytes())
                .map_err(JournalError::io("cannot write", &path))?;
        }
        let written = adding.written;
        // A crash on the way leaves partial tiles that their full ones stand for; they do no harm.
        tiles_added(before, next.size).try_for_each(|tile| self.remove_partial(&tile))?;
        Ok(Published { size: next.size, before, written })
    }

    /// Entries under the checkpoint in the directory, which must be of the same history, and the note itself.
    fn published<L: Disk>(
        &self,
        log: &Appender<L>,
        next: &Checkpoint,
    ) -> Result<(u64, String), JournalError> {
        let file = CheckpointFile::in_dir(self.disk.clone(), &self.dir);
        let Some((note, published)) = file.read()? else {
            return Ok((0, String::new()));
        };
        if published.origin != next.origin {
            return Err(JournalError::Damaged(format!(
                "{} has the files of the log {}, not of {}; name another directory",
                self.dir.display(),
                published.origin,
                next.origin
            )));
        }
        file.check(log.head(), log)?;
        Ok((published.size, note))
    }

    /// Removes the partial tiles at the place of a full one.
    fn remove_partial(&self, tile: &Tile) -> Result<(), JournalError> {
        if tile.is_partial() {
            return Ok(());
        }
        let dir = self.dir.join(format!("{tile}.p"));
        let names = match self.disk.list(&dir) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            listed => listed.map_err(JournalError::io("cannot list", &dir))?,
        };
        // Others' files are left alone; what was staged and never placed is ours.
        let ours = |name: &&String| {
            let width = name.strip_suffix(".new").unwrap_or(name);
            format!("{tile}.p/{width}").parse::<Tile>().is_ok()
        };
        for path in names.iter().filter(ours).map(|name| dir.join(name)) {
            self.disk.remove(&path).map_err(JournalError::io("cannot remove", &path))?;
        }
        Ok(())
    }
}

fn make_dir<D: Disk>(disk: &D, dir: &Path) -> Result<(), JournalError> {
    disk.make_dir(dir).map_err(JournalError::io("cannot make directory", dir))
}

/// Files on their way into a directory.
struct Adding<'a, D: Disk> {
    target: &'a TileDir<D>,
    /// Directories whose names are to be made durable.
    dirs: BTreeSet<PathBuf>,
    written: u64,
}

impl<D: Disk> Adding<'_, D> {
    fn bundles<L: Disk>(
        &mut self,
        log: &Appender<L>,
        old: u64,
        new: u64,
        mut progress: impl FnMut(u64),
    ) -> Result<(), JournalError> {
        let mut tiles = tiles_added(old, new).filter(|tile| tile.kind() == TileKind::Entries);
        let Some(mut tile) = tiles.next() else {
            return Ok(());
        };
        let mut bytes = Vec::new();
        log.log().read::<JournalError>(tile.items().start, |entry| {
            let leaf = Leaf { prev_entry_hash: entry.prev_entry_hash, body: &entry.body };
            push_leaf(&mut bytes, &leaf)
                .map_err(|error| JournalError::Damaged(format!("entry {}: {error}", entry.seq)))?;
            let after = entry.seq + 1;
            if after < tile.items().end {
                return Ok(true);
            }
            self.put(&tile, &bytes)?;
            progress(after);
            bytes.clear();
            Ok(tiles.next().map(|next| tile = next).is_some())
        })
    }

    fn hashes<L: Disk>(
        &mut self,
        log: &Appender<L>,
        old: u64,
        new: u64,
    ) -> Result<(), JournalError> {
        tiles_added(old, new)
            .filter(|tile| tile.kind() != TileKind::Entries)
            .try_for_each(|tile| self.put(&tile, &tile.read_hashes(log)?))
    }

    /// Puts a file in its place, unless it is there. Its name lasts from [`Adding::sync`] on.
    fn put(&mut self, tile: &Tile, bytes: &[u8]) -> Result<(), JournalError> {
        let path = self.target.dir.join(tile.to_string());
        let parent = files::parent(&path);
        if self.dirs.insert(parent.to_path_buf()) {
            make_dir(&self.target.disk, parent)?;
        }
        match files::read(&self.target.disk, &path, bytes.len() as u64) {
            // Perhaps of a run that did not come to its end: its name is made durable with the others.
            Ok(Some(there)) if there == bytes => return Ok(()),
            Ok(None) => {}
            Err(error) if error.kind() != io::ErrorKind::FileTooLarge => {
                return Err(JournalError::io("cannot read", &path)(error));
            }
            _ => {
                return Err(JournalError::Damaged(format!(
                    "{}: this is not what the log has there; remove it, to have it written again",
                    path.display()
                )));
            }
        }
        files::place(&self.target.disk, &path, bytes)
            .map_err(JournalError::io("cannot write", &path))?;
        self.written += 1;
        Ok(())
    }

    fn sync(&self) -> Result<(), JournalError> {
        self.dirs.iter().try_for_each(|dir| {
            self.target.disk.sync_dir(dir).map_err(JournalError::io("cannot sync", dir))
        })
    }
}
