//! The latest signed checkpoint, kept in a file, and the guard against a log that lost its end.

use crate::{
    JournalError,
    disk::{Disk, RealDisk},
    files,
};
use eqm_log::{Checkpoint, LogHead, tree};
use protocol::signature::Signer;
use std::path::{Path, PathBuf};

/// Longest note that is read; ours have some five kilobytes.
const MAX_NOTE: u64 = 1 << 20;

/// The file of the latest checkpoint.
#[derive(Clone, Debug)]
pub struct CheckpointFile<D: Disk = RealDisk> {
    disk: D,
    path: PathBuf,
}

/// The two signers of a log.
pub struct LogSigners {
    /// Signs the checkpoint's text.
    pub ed25519: Box<dyn Signer + Send>,
    /// Cosigns its tree head.
    pub ml_dsa_44: Box<dyn Signer + Send>,
}

impl<D: Disk> CheckpointFile<D> {
    /// The file in a ledger's directory.
    #[must_use]
    pub fn in_dir(disk: D, dir: &Path) -> Self {
        Self { disk, path: dir.join("checkpoint") }
    }

    /// The file of the latest checkpoint that witnesses have cosigned, in a ledger's directory. It may be over fewer
    /// entries than the other one, which is signed without asking anybody.
    #[must_use]
    pub fn cosigned_in_dir(disk: D, dir: &Path) -> Self {
        Self { disk, path: dir.join("cosigned-checkpoint") }
    }

    /// The note and what it states; `None` before the first one.
    ///
    /// # Errors
    /// When the file cannot be read, or is not a checkpoint.
    pub fn read(&self) -> Result<Option<(String, Checkpoint)>, JournalError> {
        let read = files::read(&self.disk, &self.path, MAX_NOTE);
        let Some(bytes) = read.map_err(JournalError::io("cannot read", &self.path))? else {
            return Ok(None);
        };
        let damaged = |error: &dyn std::fmt::Display| {
            JournalError::Damaged(format!("{}: {error}", self.path.display()))
        };
        let note = String::from_utf8(bytes).map_err(|error| damaged(&error))?;
        let checkpoint = Checkpoint::parse_unverified(&note).map_err(|error| damaged(&error))?;
        Ok(Some((note, checkpoint)))
    }

    /// Refuses to go on with a log that does not contain what was signed before: signing on would show two
    /// histories under one key.
    ///
    /// # Errors
    /// [`JournalError::Damaged`] in that case.
    pub fn check<R: tree::NodeReader>(&self, head: &LogHead, nodes: &R) -> Result<(), JournalError>
    where
        R::Error: std::fmt::Display,
    {
        let Some((_, signed)) = self.read()? else {
            return Ok(());
        };
        if signed.size > head.size() {
            return Err(JournalError::Damaged(format!(
                "the log has {} entries, but a checkpoint over {} was signed: entries are lost; restore the log from a copy",
                head.size(),
                signed.size
            )));
        }
        let root = tree::root_at(nodes, signed.size)
            .map_err(|error| JournalError::Damaged(format!("the log's tree: {error}")))?;
        if root != signed.root {
            return Err(JournalError::Damaged(format!(
                "the first {} entries are not those that were signed: restore the log from a copy",
                signed.size
            )));
        }
        Ok(())
    }

    /// Signs the head and keeps the note; the same head is not signed twice.
    ///
    /// # Errors
    /// When the note cannot be made or kept.
    pub fn sign(
        &self,
        origin: &str,
        head: &LogHead,
        signers: &LogSigners,
    ) -> Result<String, JournalError> {
        let checkpoint = head.checkpoint(origin);
        if let Some((note, kept)) = self.read()?
            && kept == checkpoint
        {
            return Ok(note);
        }
        let note = checkpoint
            .sign(origin, signers.ed25519.as_ref(), signers.ml_dsa_44.as_ref())
            .map_err(|error| JournalError::Halted(format!("checkpoint: {error}")))?;
        // Kept before anyone sees it: a crash here leaves the older checkpoint, which this one extends.
        self.keep(&note)?;
        Ok(note)
    }

    /// Keeps a note in place of the one before.
    ///
    /// # Errors
    /// When it cannot be kept.
    pub fn keep(&self, note: &str) -> Result<(), JournalError> {
        files::replace(&self.disk, &self.path, note.as_bytes())
            .map_err(JournalError::io("cannot write", &self.path))
    }
}
