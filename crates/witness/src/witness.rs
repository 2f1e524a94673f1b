//! The witness: what it has seen, durably, and the cosignatures that it gives.

use crate::{
    WitnessError,
    judge::{Refusal, judge},
    record::{EXTENSION, MAX_KEYS, MAX_RECORD_LEN, Record},
};
use disk::{DirLock, Disk, files};
use eqm_log::{
    Checkpoint, ConsistencyProof, VerifierKey,
    checkpoint::CheckpointError,
    note::{KeyType, NoteError},
};
use protocol::signature::Signer;
use std::{
    collections::BTreeMap,
    fmt, io,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

/// The signers of a witness. Each gives a line of its own under a checkpoint.
pub type Signers = Vec<Box<dyn Signer + Send + Sync>>;

/// What a log signs with: both, always (EL-13).
const LOG_KEYS: [KeyType; 2] = [KeyType::Ed25519, KeyType::MlDsa44Cosignature];

/// Longest name of a witness, with its newline.
const MAX_NAME_FILE: u64 = 256;

/// A witness in a directory. Requests for one log are answered one after another, those for several at the same time.
pub struct Witness<D: Disk> {
    disk: D,
    dir: PathBuf,
    name: String,
    signers: Signers,
    logs: BTreeMap<String, Mutex<Log>>,
}

/// One log that the witness knows.
struct Log {
    record: Record,
    /// A record could not be written: what the disk has is unknown until the witness is opened again.
    broken: bool,
}

/// What a witness knows of one log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownLog {
    /// Name of the log.
    pub origin: String,
    /// Entries that were cosigned.
    pub size: u64,
    /// The log's keys have also signed another history, of which the first checkpoint that came is in this file.
    pub conflict: Option<PathBuf>,
}

/// What a witness says to a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cosigned {
    /// The checkpoint that was cosigned.
    pub checkpoint: Checkpoint,
    /// Signature lines of a note.
    pub lines: String,
}

impl<D: Disk> fmt::Debug for Witness<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Witness").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Holds the directory of a witness for this process.
///
/// # Errors
/// [`WitnessError::Busy`] when another process has it.
pub fn lock(dir: &Path) -> Result<DirLock, WitnessError> {
    DirLock::take(dir).map_err(|error| match error.kind() {
        io::ErrorKind::WouldBlock => WitnessError::Busy(dir.to_path_buf()),
        io::ErrorKind::NotFound => WitnessError::Missing(dir.to_path_buf()),
        _ => WitnessError::io("cannot lock", dir)(error),
    })
}

impl<D: Disk> Witness<D> {
    /// Makes a witness called `name` in `dir`. The name stands in its cosignatures; a URL without scheme is usual.
    ///
    /// # Errors
    /// [`WitnessError::Exists`] when there is one; names that cannot stand in a note; what the operating system says.
    pub fn create(disk: &D, dir: &Path, name: &str, signers: &Signers) -> Result<(), WitnessError> {
        vkeys(name, signers)?;
        let logs = dir.join("logs");
        disk.make_dir(&logs).map_err(WitnessError::io("cannot make directory", &logs))?;
        let path = dir.join("witness");
        let read = files::read(disk, &path, MAX_NAME_FILE);
        if read.map_err(WitnessError::io("cannot read", &path))?.is_some() {
            return Err(WitnessError::Exists(dir.to_path_buf()));
        }
        // The witness is there once this name is; a crash before leaves an empty directory that the next call takes up.
        files::replace(disk, &path, format!("{name}\n").as_bytes())
            .map_err(WitnessError::io("cannot write", path))
    }

    /// Opens the witness in `dir`.
    ///
    /// # Errors
    /// [`WitnessError::Missing`], [`WitnessError::Damaged`], what the operating system says.
    pub fn open(disk: D, dir: &Path, signers: Signers) -> Result<Self, WitnessError> {
        let path = dir.join("witness");
        let name = read_text(&disk, &path, MAX_NAME_FILE)?
            .ok_or_else(|| WitnessError::Missing(dir.to_path_buf()))?;
        let name = name.trim_end().to_owned();
        vkeys(&name, &signers)?;
        let mut witness =
            Self { disk, dir: dir.to_path_buf(), name, signers, logs: BTreeMap::new() };
        let logs = witness.logs_dir();
        let names = witness.disk.list(&logs).map_err(WitnessError::io("cannot list", &logs))?;
        for name in names.iter().filter(|name| name.ends_with(EXTENSION)) {
            let record = witness.read(&logs.join(name))?;
            // What is read may never have become durable, when the process before ended between the new name and its sync.
            // Cosigning on such a memory, and losing it then, would be forgetting.
            witness.keep(&record)?;
            witness.insert(record);
        }
        Ok(witness)
    }

    /// The name that its cosignatures carry.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The keys that others configure to believe this witness.
    ///
    /// # Errors
    /// When a signer has a suite that does not cosign.
    pub fn vkeys(&self) -> Result<Vec<VerifierKey>, NoteError> {
        vkeys(&self.name, &self.signers)
    }

    /// The logs that it knows, sorted by origin.
    #[must_use]
    pub fn logs(&self) -> Vec<KnownLog> {
        let known = |(origin, log): (&String, &Mutex<Log>)| {
            let conflict = self.logs_dir().join(Record::conflict_name(origin));
            KnownLog {
                origin: origin.clone(),
                size: locked(log).record.seen().size,
                conflict: self.disk.open(&conflict).is_ok().then_some(conflict),
            }
        };
        self.logs.iter().map(known).collect()
    }

    /// Gets to know the log that these are the keys of, or more keys of a log that it knows. Keys are never taken away:
    /// what was cosigned under them stays.
    ///
    /// # Errors
    /// [`WitnessError::NotALog`] when these are not the keys of one log, one of each type at least; when it cannot be kept.
    pub fn trust(&mut self, keys: &[VerifierKey]) -> Result<(), WitnessError> {
        let origin = one_log(keys)?.to_owned();
        let known = self.logs.get(&origin).map(|log| locked(log).record.clone());
        let mut record = known.unwrap_or(Record { keys: Vec::new(), note: None });
        for key in keys {
            if !record.keys.contains(key) {
                record.keys.push(key.clone());
            }
        }
        if record.keys.len() > MAX_KEYS {
            return Err(WitnessError::NotALog(format!("a log has at most {MAX_KEYS} keys")));
        }
        self.keep(&record)?;
        self.insert(record);
        Ok(())
    }

    /// Cosigns the checkpoint of a request (the body of `add-checkpoint`) at the time `now`, in seconds since 1970, if
    /// it extends all that this witness has cosigned of the log. The checkpoint is durable before there is a cosignature.
    ///
    /// A crash leaves the old record or the new one. In both cases the same request can be made again: it is accepted, or
    /// refused with the size to prove from.
    ///
    /// # Errors
    /// [`Refusal`]: nothing was cosigned.
    pub fn add_checkpoint(&self, request: &[u8], now: u64) -> Result<Cosigned, Refusal> {
        let request = std::str::from_utf8(request).map_err(|_| Refusal::NotAText)?;
        let request: ConsistencyProof = request.parse().map_err(Refusal::Malformed)?;
        let origin = Checkpoint::parse_unverified(&request.checkpoint)
            .map_err(Refusal::BadCheckpoint)?
            .origin;
        let log = self.logs.get(&origin).ok_or(Refusal::UnknownLog(origin))?;
        // From the judgement to the durable record nobody else gets in between.
        let mut log = locked(log);
        if log.broken {
            return Err(Refusal::Broken);
        }
        let seen = log.record.seen();
        let judged = judge(&request, &log.record.keys, seen);
        if let Err(Refusal::OtherRoot(_)) = judged {
            self.keep_conflict(log.record.origin(), &request.checkpoint);
        }
        let checkpoint = judged?;
        if log.record.note.is_none() || checkpoint.size > seen.size {
            let record = Record { note: Some(request.checkpoint), keys: log.record.keys.clone() };
            if self.keep(&record).is_err() {
                log.broken = true;
                return Err(Refusal::Broken);
            }
            log.record = record;
        }
        self.cosign(&checkpoint, now)
            .map(|lines| Cosigned { checkpoint, lines })
            .map_err(Refusal::BadCheckpoint)
    }

    fn cosign(&self, checkpoint: &Checkpoint, now: u64) -> Result<String, CheckpointError> {
        let mut lines = String::new();
        for signer in &self.signers {
            let line = checkpoint.cosign(&self.name, signer.as_ref(), now)?;
            lines.push_str(&format!("{line}\n"));
        }
        Ok(lines)
    }

    fn read(&self, path: &Path) -> Result<Record, WitnessError> {
        let damaged = |why: String| WitnessError::Damaged { path: path.to_path_buf(), why };
        let text = read_text(&self.disk, path, MAX_RECORD_LEN)?;
        let record = Record::parse(&text.unwrap_or_default()).map_err(damaged)?;
        if path.file_name().is_none_or(|name| name != &*Record::file_name(record.origin())) {
            return Err(damaged(format!("this is the record of {}", record.origin())));
        }
        Ok(record)
    }

    /// Makes a record durable (JO-9).
    fn keep(&self, record: &Record) -> Result<(), WitnessError> {
        let path = self.logs_dir().join(Record::file_name(record.origin()));
        files::replace(&self.disk, &path, record.to_string().as_bytes())
            .map_err(WitnessError::io("cannot write", path))
    }

    /// Keeps the first signed checkpoint of another history: with the one that was cosigned, whoever has the log's keys
    /// sees that they signed both. The refusal stands whether it can be kept or not.
    fn keep_conflict(&self, origin: &str, note: &str) {
        let path = self.logs_dir().join(Record::conflict_name(origin));
        if self.disk.open(&path).is_err() {
            let _ = files::replace(&self.disk, &path, note.as_bytes());
        }
    }

    fn logs_dir(&self) -> PathBuf {
        self.dir.join("logs")
    }

    fn insert(&mut self, record: Record) {
        let origin = record.origin().to_owned();
        self.logs.insert(origin, Mutex::new(Log { record, broken: false }));
    }
}

/// A panic while the lock was held cannot have left a record half written: it is replaced as a whole, at the end.
fn locked(log: &Mutex<Log>) -> std::sync::MutexGuard<'_, Log> {
    log.lock().unwrap_or_else(PoisonError::into_inner)
}

fn vkeys(name: &str, signers: &Signers) -> Result<Vec<VerifierKey>, NoteError> {
    signers.iter().map(|signer| VerifierKey::cosigner(name, &signer.public_key())).collect()
}

/// The origin of the log that has these keys.
fn one_log(keys: &[VerifierKey]) -> Result<&str, WitnessError> {
    let origin = keys.first().map_or("", VerifierKey::name);
    let problem = if keys.iter().any(|key| key.name() != origin) {
        "these are keys of several logs: name one at a time"
    } else if keys.iter().any(|key| !key.key_type().signs_logs()) {
        "logs do not sign with keys of this type: is it a witness's?"
    } else if !LOG_KEYS.iter().all(|kind| keys.iter().any(|key| key.key_type() == *kind)) {
        "a log has an Ed25519 and an ML-DSA-44 key: both are needed"
    } else {
        return Ok(origin);
    };
    Err(WitnessError::NotALog(problem.into()))
}

fn read_text<D: Disk>(disk: &D, path: &Path, limit: u64) -> Result<Option<String>, WitnessError> {
    let read = files::read(disk, path, limit).map_err(WitnessError::io("cannot read", path))?;
    read.map(String::from_utf8)
        .transpose()
        .map_err(|error| WitnessError::Damaged { path: path.to_path_buf(), why: error.to_string() })
}
