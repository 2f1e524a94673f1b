//! What a witness keeps of one log, as a file (`spec/witness.md`, WI-4).

use crate::judge::Seen;
use eqm_log::{Checkpoint, VerifierKey, note::MAX_NOTE_LEN};
use protocol::Hash32;
use std::fmt;

/// First line of the file.
const HEADER: &str = "qfs-witness-log@v1";

/// Most keys of one log: two, and those that it had before.
pub const MAX_KEYS: usize = 16;

/// Longest file in bytes.
pub const MAX_RECORD_LEN: u64 = 128 * 1024;

/// Extension of the file.
pub const EXTENSION: &str = ".log";

const _: () = assert!(MAX_RECORD_LEN > (MAX_NOTE_LEN + MAX_KEYS * 2_049 + 64) as u64);

/// What a witness keeps of one log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The keys that the log may sign with; their name is the log's origin.
    pub keys: Vec<VerifierKey>,
    /// The latest checkpoint that was cosigned, as the log signed it.
    pub note: Option<String>,
}

impl Record {
    /// Name of the log.
    pub fn origin(&self) -> &str {
        self.keys.first().map_or("", VerifierKey::name)
    }

    /// Name of the file for a log. Origins can be longer than names of files, and contain anything.
    pub fn file_name(origin: &str) -> String {
        Hash32::of(origin.as_bytes()).to_hex() + EXTENSION
    }

    /// Name of the file for a checkpoint of the log's other history.
    pub fn conflict_name(origin: &str) -> String {
        Hash32::of(origin.as_bytes()).to_hex() + ".conflict"
    }

    /// What was cosigned.
    pub fn seen(&self) -> Seen {
        let checkpoint = self.note.as_deref().map(Checkpoint::parse_unverified);
        checkpoint
            .and_then(Result::ok)
            .map_or_else(Seen::nothing, |checkpoint| (&checkpoint).into())
    }

    /// Parses the file, and checks its checkpoint by its keys.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (head, note) = text.split_once("\n\n").ok_or("the file ends early")?;
        let mut lines = head.split('\n');
        if lines.next() != Some(HEADER) {
            return Err(format!("the first line is not {HEADER}"));
        }
        let keys: Result<Vec<VerifierKey>, _> = lines.map(str::parse).collect();
        let keys = keys.map_err(|error| error.to_string())?;
        let record = Self { keys, note: (!note.is_empty()).then(|| note.to_owned()) };
        let origin = record.origin();
        if origin.is_empty() || record.keys.iter().any(|key| key.name() != origin) {
            return Err("the keys are not those of one log".into());
        }
        if let Some(note) = &record.note {
            let verified = Checkpoint::verify(note, &record.keys);
            let verified = verified.map_err(|error| error.to_string())?;
            if verified.origin() != origin {
                return Err(format!("the checkpoint is of the log {}", verified.origin()));
            }
        }
        Ok(record)
    }
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEADER}")?;
        self.keys.iter().try_for_each(|key| writeln!(f, "{key}"))?;
        write!(f, "\n{}", self.note.as_deref().unwrap_or_default())
    }
}
