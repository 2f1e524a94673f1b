//! A ledger with the stores of its nodes, for many callers at once.

use std::{
    io::{self, Read, Write},
    ops::Range,
    sync::{Mutex, PoisonError},
};

use journal::{Committer, Ledger, LoggedEntry, SharedLedger};
use protocol::{
    AccountId, Action, Amount, Authorization, Command, CommandId, EntryBody, ErrorCode, Event,
    Hash32, ObjectId, Outcome, Receipt,
    command::{Content, Store},
    metadata::Metadata,
    node::NodeNumber,
};
use shard_store::fleet::{ObjectCopy, download, sync_all};
use storage_engine::{content::CommitHasher, state::State};

use crate::{
    Failure, LocalFleet, Uploads,
    failure::{Result, accepted, io_code},
    objects::{Found, PlacedShard, Placement, find, next_version, placed_shards},
};

/// Bytes that are read at once where content is only hashed.
const CHUNK: usize = 1 << 16;

/// A ledger with the stores of its nodes. Every method may be called from any thread, and waits for disks.
pub struct Node {
    ledger: SharedLedger,
    fleet: Mutex<LocalFleet>,
}

/// What is to be stored.
#[derive(Clone, Debug)]
pub struct Put {
    /// The object.
    pub object: ObjectId,
    /// The version; the next one if it is not said.
    pub version: Option<u64>,
    /// JSON, as it was given.
    pub metadata: Vec<u8>,
    /// The same id and the same content twice are one command.
    pub id: CommandId,
}

/// What was stored.
#[derive(Clone, Debug)]
pub struct Stored {
    /// What the ledger was asked.
    pub store: Store,
    /// Bytes of the content.
    pub size: u64,
    /// Fee in ATR.
    pub fee: Amount,
    /// Where its shards are.
    pub shards: Vec<PlacedShard>,
    /// The entry.
    pub receipt: Receipt,
    /// Whether it was stored before, under the same id.
    pub repeated: bool,
}

/// A version that can be read.
#[derive(Clone)]
pub struct Readable {
    /// What the ledger has of it.
    pub found: Found,
    /// Where its shards are.
    pub shards: Vec<PlacedShard>,
    copy: ObjectCopy,
    fleet: LocalFleet,
}

impl Node {
    /// Takes over a ledger.
    #[must_use]
    pub fn new(ledger: Ledger) -> Self {
        Self { ledger: ledger.into_shared(), fleet: Mutex::default() }
    }

    /// Ends well: a checkpoint over everything, and a state that the next opening need not rebuild.
    ///
    /// # Errors
    /// When either cannot be kept. Nothing acknowledged is lost by that.
    pub fn close(self) -> Result<()> {
        Ok(self.ledger.end()?.close()?)
    }

    /// The ledger.
    #[must_use]
    pub const fn ledger(&self) -> &SharedLedger {
        &self.ledger
    }

    fn committer(&self) -> &Committer {
        self.ledger.committer()
    }

    /// Answers a question about the state, in which everything is durable. `ask` must be short.
    ///
    /// # Errors
    /// After a failed write.
    pub fn read<T>(&self, ask: impl FnOnce(&State<journal::RocksStore>) -> T) -> Result<T> {
        Ok(self.committer().read(ask)?)
    }

    /// The stores of all nodes that are registered. Asked for with whatever else is read, as each read waits for the disk.
    fn fleet(&self, state: &State<journal::RocksStore>) -> LocalFleet {
        let mut fleet = self.fleet.lock().unwrap_or_else(PoisonError::into_inner);
        fleet.refresh(state.nodes(), |node| self.ledger.node_dir(node));
        fleet.clone()
    }

    fn uploads(&self, epoch: u64) -> Uploads {
        Uploads::of(self.ledger.dir(), epoch)
    }

    /// Stores a version: its bytes at their nodes, durably, and then the ledger's word for it.
    ///
    /// # Errors
    /// A refusal, or a fault of the machine; nothing is acknowledged then.
    pub fn put(&self, put: &Put, content: &mut dyn Read) -> Result<Stored> {
        if let Some(entry) = self.executed(&put.id)? {
            return self.repeat(put, entry, content);
        }
        let (placement, fleet) = self.read(|state| {
            let limit = state.ledger().map_or(0, |ledger| ledger.parameters.metadata_limit);
            let metadata = Metadata::normalise(&put.metadata, limit)?;
            let placement = Placement::of(state, &put.object, put.version, &metadata)?;
            Ok::<_, Failure>((placement, self.fleet(state)))
        })??;
        let (epoch, nodes) = (placement.epoch, placement.nodes().to_vec());
        let store = placement.send(&fleet, &self.uploads(epoch), content, &mut |_| ())?;
        sync_all(&fleet, nodes)?;
        let receipt = self.submit(put.id, Action::Store(store.clone()))?;
        self.stored(store, receipt, false)
    }

    /// The entry of a command that was executed in this epoch or the one before.
    fn executed(&self, id: &CommandId) -> Result<Option<LoggedEntry>> {
        let Some(seq) = self.read(|state| state.executed_as(id))?? else { return Ok(None) };
        Ok(self.committer().read_log(|log| log.log().entry(seq))??)
    }

    /// Gives the answer of the first time, if this is the same.
    fn repeat(&self, put: &Put, entry: LoggedEntry, content: &mut dyn Read) -> Result<Stored> {
        let (seq, entry_hash) = (entry.seq, entry.entry_hash());
        let body = body_of(&entry)?;
        let Action::Store(store) = body.command.action else { return Err(conflict()) };
        let limit = self.read(|state| state.ledger().map_or(0, |l| l.parameters.metadata_limit))?;
        let metadata = Metadata::normalise(&put.metadata, limit)?;
        let commit = commitment(content, metadata.canonical().as_bytes())?;
        let same = store.object == put.object
            && put.version.is_none_or(|version| version == store.version)
            && commit == store.hash_commit;
        match body.outcome {
            Outcome::Accepted(_) if same => {
                self.stored(store, Receipt { seq, entry_hash, outcome: body.outcome }, true)
            }
            Outcome::Rejected(code) if same => {
                Err(Failure::new(code, format!("refused as entry {seq}")))
            }
            _ => Err(conflict()),
        }
    }

    fn stored(&self, store: Store, receipt: Receipt, repeated: bool) -> Result<Stored> {
        let broken = |what| Failure::new(ErrorCode::Internal, what);
        let Outcome::Accepted(Event::Stored { fee, assignment, .. }) = &receipt.outcome else {
            return Err(broken("the receipt is not of a store"));
        };
        let Content::Single(layout) = &store.content else {
            return Err(broken("the entry is not of an object in one part"));
        };
        let shards = self
            .read(|state| placed_shards(state, &store.object, store.version, layout, assignment))?;
        let (fee, size) = (*fee, layout.size);
        Ok(Stored { store, size, fee, shards, receipt, repeated })
    }

    /// Ends an object with a delete marker, or a version of it for good. Returns the version, the receipt, and whether that
    /// was done before under the same id.
    ///
    /// # Errors
    /// A refusal, or a fault of the machine.
    pub fn delete(
        &self,
        object: &ObjectId,
        version: Option<u64>,
        id: CommandId,
    ) -> Result<(u64, Receipt, bool)> {
        object.validate()?;
        if let Some(entry) = self.executed(&id)? {
            let (version, receipt) = repeated_delete(object, version, &entry)?;
            return Ok((version, receipt, true));
        }
        let object = object.clone();
        let (version, action) = match version {
            Some(version) => {
                self.note_end(&object, version)?;
                (version, Action::Purge { object, version })
            }
            None => {
                let latest = self.read(|state| {
                    Ok::<_, Failure>(state.object(&object)?.map_or(0, |object| object.latest))
                })??;
                let version = next_version(latest)?;
                (version, Action::DeleteMarker { object, version })
            }
        };
        Ok((version, self.submit(id, action)?, false))
    }

    /// Noted first: once the entry is there, nothing else says where the shards are.
    fn note_end(&self, object: &ObjectId, version: u64) -> Result<()> {
        let (epoch, found) =
            self.read(|state| (state.epoch(), find(state, object, Some(version))))?;
        match found {
            Ok(found) => {
                let roots = &found.layout.roots;
                self.uploads(epoch).note(object, version, roots, &found.stored.assignment)
            }
            // The ledger says what is wrong with it.
            Err(_) => Ok(()),
        }
    }

    /// A command of the operator's, unsigned: the checkpoint answers for it.
    fn submit(&self, id: CommandId, action: Action) -> Result<Receipt> {
        let (epoch, operator) = self.read(|state| (state.epoch(), state.operator()))?;
        let payer: AccountId = operator.ok_or_else(|| {
            Failure::new(ErrorCode::AegisContextMissing, "the ledger has no genesis")
        })?;
        let authorization = Authorization::Operator;
        let command = Command { id, valid_until_epoch: epoch, payer, action, authorization };
        let submitted = self.committer().submit(vec![command])?.pop();
        accepted(submitted.ok_or_else(|| {
            Failure::new(ErrorCode::Internal, "a command came back without a result")
        })?)
    }

    /// Finds a version to read, the current one if none is named.
    ///
    /// # Errors
    /// A refusal, when there is no such version with content.
    pub fn open(&self, object: &ObjectId, version: Option<u64>) -> Result<Readable> {
        self.read(|state| {
            let found = find(state, object, version)?;
            let assignment: &[NodeNumber] = &found.stored.assignment;
            let shards = placed_shards(state, object, found.version, &found.layout, assignment);
            let copy = ObjectCopy {
                object_id: object.0.clone(),
                version: found.version,
                layout: found.layout.clone(),
                assignment: found.stored.assignment.clone(),
            };
            Ok(Readable { found, shards, copy, fleet: self.fleet(state) })
        })?
    }

    /// Writes a range of a version to `out`, every leaf verified before it is written; a whole version must also be what
    /// was committed to.
    ///
    /// # Errors
    /// When content is not in reach, is not what was stored, or `out` fails.
    pub fn get(
        &self,
        from: &Readable,
        range: Option<Range<u64>>,
        out: &mut dyn Write,
    ) -> Result<()> {
        let whole = range.is_none();
        let mut out = Hashed { out, hasher: CommitHasher::new() };
        download(&from.fleet, &from.copy, range, &mut out, &mut |_| ())?;
        let stored = &from.found.stored;
        let commit = out.hasher.finish(&stored.metadata);
        let out = out.out;
        if whole && commit != stored.hash_commit {
            let detail = format!("the content hashes to {commit}, not to {}", stored.hash_commit);
            return Err(Failure::new(ErrorCode::IntegrityMismatch, detail));
        }
        let failed = |error| Failure::new(io_code(&error), format!("writing the content: {error}"));
        out.flush().map_err(failed)
    }

    /// Entries from `seq` on, at most so many: those that are durable.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn entries(&self, seq: u64, most: usize) -> Result<Vec<LoggedEntry>> {
        let mut entries = Vec::new();
        let read = self.committer().read_log(|log| {
            log.log().read::<journal::JournalError>(seq, |entry| {
                entries.push(entry);
                Ok(entries.len() < most)
            })
        });
        read??;
        Ok(entries)
    }

    /// Number of durable entries.
    ///
    /// # Errors
    /// After a failed write.
    pub fn entry_count(&self) -> Result<u64> {
        Ok(self.committer().durable_head()?.size())
    }
}

fn body_of(entry: &LoggedEntry) -> Result<EntryBody> {
    EntryBody::from_bytes(&entry.body).map_err(|error| Failure::new(ErrorCode::Internal, error))
}

fn conflict() -> Failure {
    Failure::new(ErrorCode::Conflict, "this idempotency key was used for another command")
}

fn repeated_delete(
    object: &ObjectId,
    version: Option<u64>,
    entry: &LoggedEntry,
) -> Result<(u64, Receipt)> {
    let body = body_of(entry)?;
    let was = match &body.command.action {
        Action::Purge { object: was, version: purged } if version == Some(*purged) => {
            Some((was, *purged))
        }
        Action::DeleteMarker { object: was, version: marker } if version.is_none() => {
            Some((was, *marker))
        }
        _ => None,
    };
    let Some((_, version)) = was.filter(|(was, _)| *was == object) else {
        return Err(conflict());
    };
    if let Outcome::Rejected(code) = body.outcome {
        return Err(Failure::new(code, format!("refused as entry {}", entry.seq)));
    }
    let receipt = Receipt { seq: entry.seq, entry_hash: entry.entry_hash(), outcome: body.outcome };
    Ok((version, receipt))
}

/// What is committed to by this content and metadata.
fn commitment(content: &mut dyn Read, metadata: &[u8]) -> Result<Hash32> {
    let mut hasher = CommitHasher::new();
    let mut chunk = vec![0; CHUNK];
    loop {
        let read = content.read(&mut chunk);
        match read.map_err(|error| Failure::new(ErrorCode::InvalidInput, error))? {
            0 => return Ok(hasher.finish(metadata)),
            len => hasher.update(&chunk[..len]),
        }
    }
}

/// Passes content on and computes its commitment.
struct Hashed<'a> {
    out: &'a mut dyn Write,
    hasher: CommitHasher,
}

impl Write for Hashed<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
