//! A ledger in a directory: lock, keys, executor, checkpoints, export.
//!
//! ```text
//! DIR/LOCK        held while a process uses the directory
//! DIR/keys/       secret keys, mode 0600
//! DIR/log/        the log: the only thing that cannot be rebuilt
//! DIR/state/      RocksDB, a cache of the log
//! DIR/checkpoint  the latest signed checkpoint
//! DIR/uploads/    what appeared in each epoch, to collect what no entry names (JO-7)
//! DIR/nodes/      shards of the nodes that this process keeps itself
//! ```

use crate::{
    Committer, Executor, JournalError, KeyStore, Log, LoggedEntry, Published, Recovery, RocksStore,
    SharedLedger, Submitted, TileDir,
    checkpoint::CheckpointFile,
    disk::{DirLock, PublicDisk, RealDisk},
    files,
    holders::{log_signers, node_key_name, signing_generation},
};
use eqm_log::{
    LogProof, TreeHash, VerifierKey,
    export::{ByteSink, ExportError, Header, Writer},
    tree,
};
use protocol::{
    AccountId, Action, Authorization, Command, CommandId, Genesis, Hash32, NodeId, Parameters,
    Rules,
    command::RegisterNode,
    genesis::GenesisNode,
    node::FailureDomain,
    signature::{PublicKey, SeedSigner, Signer, Suite},
};
use std::{
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    path::{Path, PathBuf},
};
use storage_engine::{
    admit,
    state::{State, snapshot::Summary, tree::MapProof},
};

/// Scheme of the node keys that a ledger makes itself.
const NODE_SCHEME: &str = "ML-DSA-44";
/// Council keys that a new ledger makes.
const COUNCIL_KEYS: usize = 3;
/// The key that a new ledger makes for scores, and whose account it lists among its scorers.
const SCORER: &str = "scorer";

/// Entries by which the kept checkpoint may be behind the log of a running process. Signing takes longer than
/// writing, so it is done now and then and at the end.
pub const CHECKPOINT_LAG: u64 = 16_384;

/// A node of a new ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewNode {
    /// Its name.
    pub node_id: NodeId,
    /// Where it stands.
    pub domain: FailureDomain,
}

/// A ledger that this process holds.
pub struct Ledger {
    pub(crate) dir: PathBuf,
    pub(crate) keys: KeyStore,
    pub(crate) executor: Executor,
    pub(crate) checkpoint: CheckpointFile,
    /// Entries under the last checkpoint; 0 before the first.
    pub(crate) checkpointed: u64,
    pub(crate) lock: DirLock,
}

impl Ledger {
    /// Makes a ledger in `dir`, with its keys, its nodes and epoch 1 open. The account of a key made here is added
    /// to the scorers of `rules`. A crash before the genesis entry is durable leaves keys, which the next call takes
    /// up; after it, a whole ledger.
    ///
    /// # Errors
    /// [`JournalError::Exists`] when there is one; a refusal of genesis comes back as [`Submitted`].
    pub fn create(
        dir: &Path,
        parameters: Parameters,
        rules: Rules,
        nodes: &[NewNode],
    ) -> Result<(Self, Vec<Submitted>), JournalError> {
        files::make_dir(dir)?;
        let (mut ledger, _) = Self::open_any(dir)?;
        if !ledger.log().is_empty() {
            return Err(JournalError::Exists(dir.to_path_buf()));
        }
        let (genesis, keys) = ledger.genesis(parameters, rules, nodes)?;
        let ledger_id = genesis.ledger_id();
        let operator = ledger.operator()?;
        let command = |action| Command {
            id: ledger.fresh_id(),
            valid_until_epoch: 1,
            payer: AccountId::of(&operator.public_key()),
            action,
            authorization: Authorization::Operator,
        };
        let genesis = command(Action::Genesis(Box::new(genesis)));
        if let Err(refused) = admit(None, genesis.clone()) {
            // Before anything is logged: the commands that follow genesis make no sense without it.
            return Ok((ledger, vec![Submitted::Refused(refused.refusal().clone())]));
        }
        let mut commands = vec![genesis];
        for (node, key) in nodes.iter().zip(keys) {
            let register = RegisterNode {
                node_id: node.node_id.clone(),
                scheme: NODE_SCHEME.into(),
                public_key: key.bytes,
                domain: node.domain.clone(),
            };
            commands.push(command(Action::RegisterNode(register)).sign(&ledger_id, &operator));
        }
        let results = ledger.submit(commands)?;
        ledger.sign_checkpoint()?;
        Ok((ledger, results))
    }

    fn genesis(
        &self,
        parameters: Parameters,
        mut rules: Rules,
        nodes: &[NewNode],
    ) -> Result<(Genesis, Vec<PublicKey>), JournalError> {
        let key = |name: &str, suite| Ok(self.keys.signer(name, suite)?.public_key());
        let log_keys = vec![key("log", Suite::Ed25519)?, key("log", Suite::MlDsa44)?];
        let council = (0..COUNCIL_KEYS)
            .map(|member| key(&format!("council-{member}"), Suite::MlDsa44))
            .collect::<Result<_, JournalError>>()?;
        let mut node_keys = Vec::new();
        let mut listed = Vec::new();
        for node in nodes {
            let key = self.node_key(&node.node_id, Suite::MlDsa44)?;
            listed.push(GenesisNode {
                node_id: node.node_id.clone(),
                scheme: NODE_SCHEME.into(),
                key_hash: Hash32::of(&key.bytes),
                domain: node.domain.clone(),
            });
            node_keys.push(key);
        }
        // The name says which log it is, not whose: it is bound to the log's own key.
        let name = format!("qfs.local/{}", &log_keys[0].fingerprint().to_hex()[..16]);
        let operator = key("operator", Suite::MlDsa44)?;
        rules.scorers.push(AccountId::of(&key(SCORER, Suite::MlDsa44)?));
        rules.scorers.sort_unstable();
        rules.scorers.dedup();
        let nodes = listed;
        let genesis = Genesis { name, log_keys, operator, council, parameters, rules, nodes };
        Ok((genesis, node_keys))
    }

    /// Opens the ledger in `dir`; re-executes what its state has not seen.
    ///
    /// # Errors
    /// [`JournalError::NoLedger`], [`JournalError::Busy`], or whatever is damaged.
    pub fn open(dir: &Path) -> Result<(Self, Recovery), JournalError> {
        if !dir.join("log").is_dir() {
            return Err(JournalError::NoLedger(dir.to_path_buf()));
        }
        let (ledger, recovery) = Self::open_any(dir)?;
        if ledger.log().is_empty() {
            return Err(JournalError::NoLedger(dir.to_path_buf()));
        }
        Ok((ledger, recovery))
    }

    fn open_any(dir: &Path) -> Result<(Self, Recovery), JournalError> {
        let lock = files::lock(dir)?;
        let checkpoint = CheckpointFile::in_dir(RealDisk, dir);
        let checkpointed = checkpoint.read()?.map_or(0, |(_, checkpoint)| checkpoint.size);
        let (executor, recovery) =
            Executor::open(RealDisk, dir, RocksStore::open(&dir.join("state"))?)?;
        // Also where nothing is left: a new ledger here would sign another history under the same keys.
        checkpoint.check(executor.appender().head(), executor.appender())?;
        let ledger = Self {
            dir: dir.to_path_buf(),
            keys: KeyStore::open(RealDisk, &dir.join("keys"))?,
            executor,
            checkpoint,
            checkpointed,
            lock,
        };
        Ok((ledger, recovery))
    }

    /// Submits commands in order. Each comes back with its receipt, once that is durable, or its refusal. The kept
    /// checkpoint is never more than [`CHECKPOINT_LAG`] entries behind when this returns.
    ///
    /// # Errors
    /// A failed write or a halted state; what was submitted is then known only after a restart.
    pub fn submit(&mut self, commands: Vec<Command>) -> Result<Vec<Submitted>, JournalError> {
        let results = self.executor.submit(commands)?;
        if self.len().saturating_sub(self.checkpointed) >= CHECKPOINT_LAG
            && !self.origin().is_empty()
        {
            self.sign_checkpoint()?;
            self.checkpointed = self.len();
        }
        Ok(results)
    }

    /// Lets many threads submit, through a [`Committer`], for as long as `work` runs; see [`Ledger::into_shared`].
    ///
    /// # Errors
    /// When a checkpoint cannot be signed or kept. What was acknowledged stands; the ledger is to be opened again.
    pub fn share<T>(self, work: impl FnOnce(&Committer) -> T) -> Result<(Self, T), JournalError> {
        let shared = self.into_shared();
        let result = catch_unwind(AssertUnwindSafe(|| work(shared.committer())));
        let ended = shared.end();
        let result = result.unwrap_or_else(|panic| resume_unwind(panic));
        Ok((ended?, result))
    }

    /// A ledger for many threads. One of its own signs a checkpoint every [`CHECKPOINT_LAG`] entries; the log is never
    /// [`crate::committer::MAX_CHECKPOINT_LAG`] ahead.
    #[must_use]
    pub fn into_shared(self) -> SharedLedger {
        SharedLedger::begin(self)
    }

    pub(crate) const fn keys(&self) -> &KeyStore {
        &self.keys
    }

    /// The state after the last entry.
    pub const fn state(&self) -> &State<RocksStore> {
        self.executor.state()
    }

    /// The root of the state after the last entry.
    ///
    /// # Errors
    /// When the state store fails.
    pub fn state_root(&mut self) -> Result<Hash32, JournalError> {
        self.executor.root()
    }

    /// Bytes of the log's groups written since the ledger was opened.
    #[must_use]
    pub const fn bytes_logged(&self) -> u64 {
        self.log().bytes_written()
    }

    const fn log(&self) -> &Log {
        self.executor.appender().log()
    }

    /// The record at `key` of the state after the last entry, and a proof of it under [`Ledger::state_root`].
    ///
    /// # Errors
    /// When the state store fails.
    pub fn prove_state(&mut self, key: &[u8]) -> Result<(Option<Vec<u8>>, MapProof), JournalError> {
        self.executor.prove(key)
    }

    /// Hands a snapshot of the state after the last entry to `sink`, a piece at a time.
    ///
    /// # Errors
    /// When the state store fails; what the sink reports.
    pub fn snapshot<E: From<JournalError>>(
        &mut self,
        sink: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<Summary, E> {
        self.executor.snapshot(sink)
    }

    /// Number of entries.
    #[must_use]
    pub const fn len(&self) -> u64 {
        self.log().len()
    }

    /// Whether there is no entry; a ledger that opened has at least its genesis.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.log().is_empty()
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

    /// A command id that nobody has used.
    #[must_use]
    pub fn fresh_id(&self) -> CommandId {
        let mut id = [0; 16];
        // Without randomness an id could repeat; then the ledger refuses the second command, and nothing is lost.
        let _ = getrandom::fill(&mut id);
        CommandId(id)
    }

    /// The public key of a node whose secret key this directory keeps; made on first use.
    ///
    /// # Errors
    /// When its key cannot be read or made.
    pub fn node_key(&self, node: &NodeId, suite: Suite) -> Result<PublicKey, JournalError> {
        Ok(self.keys.signer(&node_key_name(node), suite)?.public_key())
    }

    /// The scorer's signer; `None` when its key is not kept here.
    ///
    /// # Errors
    /// When its key cannot be read.
    pub fn scorer(&self) -> Result<Option<SeedSigner>, JournalError> {
        self.keys.find(SCORER, Suite::MlDsa44)
    }

    /// Name of the log, as in its checkpoints.
    #[must_use]
    pub fn origin(&self) -> &str {
        self.state().genesis().map_or("", |genesis| &genesis.name)
    }

    /// The log's keys in force, which sign its next checkpoint.
    ///
    /// # Errors
    /// When the ledger names keys that cannot stand in a note.
    pub fn verifier_keys(&self) -> Result<Vec<VerifierKey>, JournalError> {
        self.noted(self.state().log_keys())
    }

    /// Signs a checkpoint over all entries, and keeps it.
    ///
    /// # Errors
    /// When the keys cannot be read, the checkpoint cannot be kept, or entries are not durable after a failure.
    pub fn sign_checkpoint(&self) -> Result<String, JournalError> {
        let head = self.executor.appender().durable_head()?;
        let generation = signing_generation(self.state(), head.size())?;
        self.checkpoint.sign(self.origin(), head, &log_signers(&self.keys, generation)?)
    }

    /// The checkpoint over all entries that is given out: with the cosignatures of witnesses, if they have cosigned this one.
    ///
    /// # Errors
    /// As [`Ledger::sign_checkpoint`], and when the cosigned one cannot be read.
    pub fn best_checkpoint(&self) -> Result<String, JournalError> {
        let note = self.sign_checkpoint()?;
        let head = self.executor.appender().durable_head()?.checkpoint(self.origin());
        let cosigned = self.cosigned().read()?.filter(|(_, cosigned)| *cosigned == head);
        Ok(cosigned.map_or(note, |(note, _)| note))
    }

    /// The file of the latest checkpoint that witnesses have cosigned.
    #[must_use]
    pub fn cosigned(&self) -> CheckpointFile {
        CheckpointFile::cosigned_in_dir(RealDisk, &self.dir)
    }

    /// Visits the entries from `seq` on.
    ///
    /// # Errors
    /// When the log cannot be read; whatever `visit` returns.
    pub fn read<E: From<JournalError>>(
        &self,
        seq: u64,
        visit: impl FnMut(LoggedEntry) -> Result<bool, E>,
    ) -> Result<(), E> {
        self.log().read(seq, visit)
    }

    /// The entry at `seq`.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn entry(&self, seq: u64) -> Result<Option<LoggedEntry>, JournalError> {
        self.log().entry(seq)
    }

    /// Hashes from the entry at `seq` up to the root of the first `size` entries.
    ///
    /// # Errors
    /// When there is no such entry or the tree cannot be read.
    pub fn inclusion_path(&self, seq: u64, size: u64) -> Result<Vec<TreeHash>, JournalError> {
        tree::inclusion_proof(self.executor.appender(), seq, size)
            .map_err(|error| JournalError::Halted(error.to_string()))
    }

    /// Hashes that show that the first `new` entries begin with the first `old` ones.
    ///
    /// # Errors
    /// When there are fewer entries or the tree cannot be read.
    pub fn consistency_path(&self, old: u64, new: u64) -> Result<Vec<TreeHash>, JournalError> {
        tree::consistency_proof(self.executor.appender(), old, new)
            .map_err(|error| JournalError::Halted(error.to_string()))
    }

    /// Root of the tree over the first `size` entries.
    ///
    /// # Errors
    /// When there are fewer entries or the tree cannot be read.
    pub fn root_at(&self, size: u64) -> Result<TreeHash, JournalError> {
        tree::root_at(self.executor.appender(), size)
            .map_err(|error| JournalError::Halted(error.to_string()))
    }

    /// The proof that the entry at `seq` is in the log, under a checkpoint over all entries.
    ///
    /// # Errors
    /// When there is no such entry, or the checkpoint cannot be signed.
    pub fn prove(&self, seq: u64) -> Result<LogProof, JournalError> {
        let checkpoint = self.best_checkpoint()?;
        let path = self.inclusion_path(seq, self.len())?;
        Ok(LogProof { extra: Vec::new(), index: seq, path, checkpoint })
    }

    /// Writes the whole log as one file, ending with a checkpoint over all of it; returns the file's hash.
    ///
    /// # Errors
    /// When the log cannot be read or the sink fails.
    pub fn export<W: ByteSink>(
        &self,
        sink: W,
        mut progress: impl FnMut(u64),
    ) -> Result<Hash32, JournalError>
    where
        W::Error: std::fmt::Display,
    {
        let failed =
            |error: ExportError<W::Error>| JournalError::Halted(format!("export: {error}"));
        let note = self.best_checkpoint()?;
        let header = Header {
            origin: self.origin().to_owned(),
            count: self.len(),
            keys: self.verifier_keys()?,
        };
        let mut writer = Writer::create(sink, &header).map_err(failed)?;
        self.read::<JournalError>(0, |entry| {
            writer.push(&entry.body).map_err(failed)?;
            progress(entry.seq + 1);
            Ok(true)
        })?;
        writer.finish(&note).map_err(failed)
    }

    /// Publishes the log below `dir` as static files, under a checkpoint over all of it; what is there already stays.
    ///
    /// # Errors
    /// As [`TileDir::publish`], and when the checkpoint cannot be signed.
    pub fn publish(
        &self,
        dir: &Path,
        progress: impl FnMut(u64),
    ) -> Result<Published, JournalError> {
        let note = self.best_checkpoint()?;
        TileDir::new(PublicDisk, dir).publish(self.executor.appender(), &note, progress)
    }

    /// Ends well: a checkpoint over everything, and a state that the next opening need not rebuild.
    ///
    /// # Errors
    /// When either cannot be kept. Nothing acknowledged is lost by that.
    pub fn close(mut self) -> Result<(), JournalError> {
        self.sign_checkpoint()?;
        self.executor.settle()
    }
}

pub(crate) fn node_dir(ledger: &Path, node: &NodeId) -> PathBuf {
    ledger.join("nodes").join(&node.0)
}
