//! A ledger that many threads submit to and read, with a thread of its own that signs checkpoints.

use std::{
    fmt::Display,
    panic::resume_unwind,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    thread::{self, JoinHandle},
};

use eqm_log::{LogProof, TreeHash, VerifierKey, tree};
use protocol::NodeId;

use crate::{
    Appender, Committer, JournalError, KeyStore, Ledger,
    checkpoint::CheckpointFile,
    disk::DirLock,
    holders::{log_signers, noted},
    ledger::{CHECKPOINT_LAG, node_dir},
};

/// See [`Ledger::into_shared`].
pub struct SharedLedger {
    dir: PathBuf,
    /// Entries under the last checkpoint when this began.
    checkpointed: u64,
    signing: Signing,
    lock: DirLock,
}

/// What is shared with the thread that signs.
struct Desk {
    origin: String,
    keys: KeyStore,
    /// One signature at a time, so that a kept checkpoint is never replaced by a shorter one.
    checkpoint: Mutex<CheckpointFile>,
    committer: Committer,
}

/// What the thread that signs ends with: entries under its last checkpoint, if it signed any.
type Signed = Result<Option<u64>, JournalError>;

impl Desk {
    /// Signs and keeps a checkpoint over all durable entries; the note, and their number.
    fn sign(&self) -> Result<(String, u64), JournalError> {
        let checkpoint = self.checkpoint.lock().unwrap_or_else(PoisonError::into_inner);
        let head = self.committer.durable_head()?;
        let generation = self.committer.signing_generation(head.size())?;
        let note = checkpoint.sign(&self.origin, &head, &log_signers(&self.keys, generation)?)?;
        self.committer.checkpointed(head.size());
        Ok((note, head.size()))
    }

    /// Signs whenever there is enough to sign.
    fn sign_on(&self) -> Signed {
        let mut signed = None;
        while self.committer.next_head(CHECKPOINT_LAG).is_some() {
            signed = Some(self.sign()?.1);
        }
        Ok(signed)
    }
}

impl SharedLedger {
    pub(crate) fn begin(ledger: Ledger) -> Self {
        let origin = ledger.origin().to_owned();
        let Ledger { dir, keys, executor, checkpoint, checkpointed, lock } = ledger;
        let committer = Committer::new(executor, checkpointed);
        let desk = Arc::new(Desk { origin, keys, checkpoint: Mutex::new(checkpoint), committer });
        let signer = {
            let desk = Arc::clone(&desk);
            thread::spawn(move || {
                let signed = desk.sign_on();
                desk.committer.end_checkpoints(signed.is_err());
                signed
            })
        };
        Self { dir, checkpointed, signing: Signing { desk, thread: Some(signer) }, lock }
    }

    /// Takes commands from any thread, and answers about what is durable.
    #[must_use]
    pub fn committer(&self) -> &Committer {
        &self.signing.desk.committer
    }

    /// Name of the log, as in its checkpoints.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.signing.desk.origin
    }

    /// The directory.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The directory of a node that this process keeps itself.
    #[must_use]
    pub fn node_dir(&self, node: &NodeId) -> PathBuf {
        node_dir(&self.dir, node)
    }

    /// A signed checkpoint over all durable entries, kept before anyone sees it.
    ///
    /// # Errors
    /// When the keys cannot be read, the checkpoint cannot be kept, or entries are not durable after a failure.
    pub fn checkpoint(&self) -> Result<String, JournalError> {
        Ok(self.signing.desk.sign()?.0)
    }

    /// The log's keys in force, which sign its next checkpoint.
    ///
    /// # Errors
    /// When the ledger names keys that cannot stand in a note.
    pub fn verifier_keys(&self) -> Result<Vec<VerifierKey>, JournalError> {
        let keys = self.committer().read(|state| state.log_keys().to_vec())?;
        noted(self.origin(), &keys)
    }

    /// The proof that the entry at `seq` is in the log, under a checkpoint over all durable entries; `None` where there is
    /// no such entry.
    ///
    /// # Errors
    /// When the checkpoint cannot be signed, or the tree cannot be read.
    pub fn prove(&self, seq: u64) -> Result<Option<LogProof>, JournalError> {
        let (checkpoint, size) = self.signing.desk.sign()?;
        if seq >= size {
            return Ok(None);
        }
        let path = self.read_tree(|log| tree::inclusion_proof(log, seq, size))?;
        Ok(Some(LogProof { extra: Vec::new(), index: seq, path, checkpoint }))
    }

    /// Hashes that show that the first `new` entries begin with the first `old` ones; `None` where there are fewer, or
    /// `old` are more than `new`.
    ///
    /// # Errors
    /// When the tree cannot be read.
    pub fn consistency_path(
        &self,
        old: u64,
        new: u64,
    ) -> Result<Option<Vec<TreeHash>>, JournalError> {
        if old > new || new > self.committer().durable_head()?.size() {
            return Ok(None);
        }
        self.read_tree(|log| tree::consistency_proof(log, old, new)).map(Some)
    }

    fn read_tree<T, E: Display>(
        &self,
        ask: impl FnOnce(&Appender) -> Result<T, E>,
    ) -> Result<T, JournalError> {
        let answer = self.committer().read_log(ask)?;
        answer.map_err(|error| JournalError::Halted(error.to_string()))
    }

    /// Gives the ledger back, once nobody else has this.
    ///
    /// # Errors
    /// When a checkpoint could not be signed or kept. What was acknowledged stands; the ledger is to be opened again.
    pub fn end(self) -> Result<Ledger, JournalError> {
        let Self { dir, checkpointed, signing, lock } = self;
        let (desk, signed) = signing.end();
        let checkpointed = signed?.unwrap_or(checkpointed);
        let desk = desk.ok_or_else(|| JournalError::Halted("the ledger is still in use".into()))?;
        let Desk { keys, checkpoint, committer, .. } = desk;
        let checkpoint = checkpoint.into_inner().unwrap_or_else(PoisonError::into_inner);
        let executor = committer.into_executor();
        Ok(Ledger { dir, keys, executor, checkpoint, checkpointed, lock })
    }
}

/// The thread that signs, which ends with this.
struct Signing {
    desk: Arc<Desk>,
    thread: Option<JoinHandle<Signed>>,
}

impl Signing {
    fn end(mut self) -> (Option<Desk>, Signed) {
        let signed = self.stop();
        // Taken out, as this is dropped too; the thread's own was given back when it ended.
        let desk = Arc::clone(&self.desk);
        drop(self);
        (Arc::into_inner(desk), signed)
    }

    fn stop(&mut self) -> Signed {
        self.desk.committer.end_checkpoints(false);
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(signed)) => signed,
            Some(Err(panic)) => resume_unwind(panic),
            None => Ok(None),
        }
    }
}

impl Drop for Signing {
    fn drop(&mut self) {
        self.desk.committer.end_checkpoints(false);
    }
}
