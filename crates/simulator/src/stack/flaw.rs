//! Mistakes made on purpose: a check that finds none of these proves nothing.
//!
//! Those below the journal are a [`Disk`] that does not do what it is told; the others are the simulator's own steps
//! in another order, or a store that forgets. No code of the journal has a switch for any of them.

use crate::{SimDisk, SimFile};
use journal::{Disk, DiskFile};
use std::{io, path::Path};

macro_rules! flaws {
    ($($(#[doc = $doc:literal])* $name:ident = $text:literal,)*) => {
        /// A mistake.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Flaw { $($(#[doc = $doc])* $name,)* }

        impl Flaw {
            /// Every one.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// Its name on the command line.
            #[must_use]
            pub const fn name(self) -> &'static str { match self { $(Self::$name => $text,)* } }
        }
    };
}

flaws! {
    /// Answers are given before the sync that they wait for.
    EarlyReceipt = "early-receipt",
    /// A sync that failed is taken for one that did not.
    IgnoredSyncError = "ignored-sync-error",
    /// The state is kept before its entries are durable.
    StateAhead = "state-ahead",
    /// Directories are never synced.
    NoDirectorySync = "no-directory-sync",
    /// Opening takes all segments but the last.
    LastSegmentForgotten = "last-segment-forgotten",
    /// Opening cuts the tree's file one node too early.
    TreeCutShort = "tree-cut-short",
    /// Command ids are forgotten once the state is kept.
    ForgottenId = "forgotten-id",
    /// Two answers of one sync are given to each other's clients.
    SwappedAnswers = "swapped-answers",
    /// A checkpoint is signed over entries that are not durable.
    EarlyCheckpoint = "early-checkpoint",
    /// The tree's file is not synced before the state is kept.
    TreeNotSynced = "tree-not-synced",
    /// A crash leaves half of a commit in the state store.
    TornCommit = "torn-commit",
    /// A barrier is passed with the hash of the entry before.
    StaleLink = "stale-link",
}

/// A [`SimDisk`], obedient or not.
#[derive(Clone, Debug)]
pub struct FlawedDisk {
    disk: SimDisk,
    flaw: Option<Flaw>,
}

/// A file of a [`FlawedDisk`].
#[derive(Debug)]
pub struct FlawedFile {
    disk: SimDisk,
    file: SimFile,
    flaw: Option<Flaw>,
    is_tree: bool,
}

impl FlawedDisk {
    /// `disk`, with this mistake in front of it.
    #[must_use]
    pub const fn new(disk: SimDisk, flaw: Option<Flaw>) -> Self {
        Self { disk, flaw }
    }

    fn file(&self, file: SimFile, path: &Path) -> FlawedFile {
        FlawedFile {
            disk: self.disk.clone(),
            file,
            flaw: self.flaw,
            is_tree: path.ends_with("tree"),
        }
    }
}

impl Disk for FlawedDisk {
    type File = FlawedFile;

    fn make_dir(&self, path: &Path) -> io::Result<()> {
        self.disk.make_dir(path)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        let mut names = self.disk.list(dir)?;
        if self.flaw == Some(Flaw::LastSegmentForgotten) && names.len() > 1 {
            names.pop();
        }
        Ok(names)
    }

    fn open(&self, path: &Path) -> io::Result<FlawedFile> {
        Ok(self.file(self.disk.open(path)?, path))
    }

    fn modify(&self, path: &Path) -> io::Result<FlawedFile> {
        Ok(self.file(self.disk.modify(path)?, path))
    }

    fn create(&self, path: &Path) -> io::Result<FlawedFile> {
        Ok(self.file(self.disk.create(path)?, path))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.disk.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.disk.remove(path)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        if self.flaw == Some(Flaw::NoDirectorySync) { Ok(()) } else { self.disk.sync_dir(dir) }
    }
}

impl DiskFile for FlawedFile {
    fn read_at(&self, at: u64, buf: &mut [u8]) -> io::Result<()> {
        self.file.read_at(at, buf)
    }

    fn write_at(&mut self, at: u64, bytes: &[u8]) -> io::Result<()> {
        self.file.write_at(at, bytes)
    }

    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn set_len(&mut self, len: u64) -> io::Result<()> {
        let short = self.is_tree && self.flaw == Some(Flaw::TreeCutShort);
        self.file.set_len(if short { len.saturating_sub(32) } else { len })
    }

    fn sync_data(&mut self) -> io::Result<()> {
        match self.flaw {
            Some(Flaw::TreeNotSynced) if self.is_tree => Ok(()),
            Some(Flaw::IgnoredSyncError) => {
                let synced = self.file.sync_data();
                if self.disk.crashed() { synced } else { Ok(()) }
            }
            _ => self.file.sync_data(),
        }
    }
}
