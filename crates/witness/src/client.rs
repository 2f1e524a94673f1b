//! Asking witnesses to cosign a checkpoint (C2SP tlog-witness).

use crate::server::SIZE_TYPE;
use eqm_log::{
    Checkpoint, ConsistencyProof, Note, TreeHash, VerifierKey,
    checkpoint::CheckpointError,
    note::{NoteError, NoteSignature},
};
use std::{fmt::Display, time::Duration};
use ureq::{Agent, http::Response};

/// Longest answer in bytes: as long as a note.
const MAX_ANSWER: u64 = eqm_log::note::MAX_NOTE_LEN as u64;

/// Longest part of a witness's words that is shown.
const MAX_WORDS: usize = 300;

/// Why a witness's cosignature was not obtained.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// No answer.
    #[error("{0}")]
    Unreachable(Box<ureq::Error>),
    /// The checkpoint to be cosigned is malformed.
    #[error("{0}")]
    BadCheckpoint(#[from] CheckpointError),
    /// The proof that the witness needs cannot be made.
    #[error("the proof for the witness could not be made: {0}")]
    NoProof(String),
    /// The witness has cosigned a checkpoint that this one does not extend.
    #[error(
        "the witness has seen another history: its first {0} entries are not this log's; somebody has signed two histories with the log's keys"
    )]
    OtherHistory(u64),
    /// The witness has cosigned more entries than there are.
    #[error(
        "the witness has seen another history, or a later part of this one: it has cosigned {seen} entries, the log has {size}; restore the log if it has lost some"
    )]
    Ahead {
        /// Entries that the witness has cosigned.
        seen: u64,
        /// Entries under the checkpoint.
        size: u64,
    },
    /// The witness refused, in its own words.
    #[error("the witness refused with status {status}: {words}")]
    Refused {
        /// The status of its answer.
        status: u16,
        /// What it said, without control characters.
        words: String,
    },
    /// The answer is not what a witness may say.
    #[error("the witness's answer makes no sense: {0}")]
    Nonsense(String),
    /// The answer has no cosignature by any of the keys that the witness is known by.
    #[error("the witness answered without a cosignature by the key that it is known by")]
    NotCosigned,
}

impl From<ureq::Error> for ClientError {
    fn from(error: ureq::Error) -> Self {
        Self::Unreachable(Box::new(error))
    }
}

impl From<NoteError> for ClientError {
    fn from(error: NoteError) -> Self {
        Self::Nonsense(error.to_string())
    }
}

/// Asks witnesses, each within a time.
#[derive(Debug)]
pub struct Client {
    agent: Agent,
}

impl Client {
    /// A client that gives each request at most `time`, from looking up the name to the last byte of the answer.
    #[must_use]
    pub fn new(time: Duration) -> Self {
        let config = Agent::config_builder()
            .timeout_global(Some(time))
            .max_redirects(0)
            .http_status_as_error(false)
            .user_agent("qfs-witness-client")
            .build();
        Self { agent: config.into() }
    }

    /// Submits the checkpoint `note` to the witness at `url` (its submission prefix), and returns the verified
    /// cosignatures by `keys`. `seen` is how many entries the witness is thought to have cosigned; when it says
    /// otherwise, it is asked once more, from there. `prove` makes the consistency proof from an earlier size.
    ///
    /// # Errors
    /// [`ClientError`] says who is at fault, as far as can be told.
    pub fn submit<E: Display>(
        &self,
        url: &str,
        note: &str,
        keys: &[&VerifierKey],
        seen: u64,
        mut prove: impl FnMut(u64) -> Result<Vec<TreeHash>, E>,
    ) -> Result<Vec<NoteSignature>, ClientError> {
        let checkpoint = Checkpoint::parse_unverified(note)?;
        let mut old = seen.min(checkpoint.size);
        for last in [false, true] {
            let path = if old == 0 { Ok(Vec::new()) } else { prove(old) };
            let path = path.map_err(|error| ClientError::NoProof(error.to_string()))?;
            let request = ConsistencyProof { old, path, checkpoint: note.to_owned() };
            match self.post(url, &request.to_string())? {
                Reply::Lines(lines) => return cosignatures(&checkpoint, note, &lines, keys),
                Reply::Seen(size) if size > checkpoint.size => {
                    return Err(ClientError::Ahead { seen: size, size: checkpoint.size });
                }
                // It is where we thought, and still does not agree.
                Reply::Seen(size) if size == old => return Err(ClientError::OtherHistory(size)),
                Reply::Inconsistent => return Err(ClientError::OtherHistory(old)),
                Reply::Seen(size) if last => {
                    let moved = format!("it has cosigned {old} entries, then {size}");
                    return Err(ClientError::Nonsense(moved));
                }
                Reply::Seen(size) => old = size,
            }
        }
        Err(ClientError::NotCosigned)
    }

    fn post(&self, url: &str, request: &str) -> Result<Reply, ClientError> {
        let url = format!("{}/add-checkpoint", url.trim_end_matches('/'));
        let mut response =
            self.agent.post(url).content_type("text/plain; charset=utf-8").send(request)?;
        let words = response.body_mut().with_config().limit(MAX_ANSWER).read_to_string()?;
        match response.status().as_u16() {
            200 => Ok(Reply::Lines(words)),
            409 if content_type(&response) == Some(SIZE_TYPE) => {
                let size = words.strip_suffix('\n').and_then(|size| size.parse().ok());
                size.map(Reply::Seen).ok_or_else(|| ClientError::Nonsense(plain(&words)))
            }
            422 => Ok(Reply::Inconsistent),
            status => Err(ClientError::Refused { status, words: plain(&words) }),
        }
    }
}

/// What a witness can answer.
enum Reply {
    /// 200: signature lines.
    Lines(String),
    /// 409: entries that it has cosigned.
    Seen(u64),
    /// 422.
    Inconsistent,
}

fn content_type<B>(response: &Response<B>) -> Option<&str> {
    let value = response.headers().get("content-type")?.to_str().ok()?;
    value.split(';').next().map(str::trim)
}

/// The lines of an answer that are by `keys`, each of which must be right.
fn cosignatures(
    checkpoint: &Checkpoint,
    note: &str,
    lines: &str,
    keys: &[&VerifierKey],
) -> Result<Vec<NoteSignature>, ClientError> {
    let text = Note::parse(note)?.text;
    let mut found = Vec::new();
    for line in Note::parse(&format!("{text}\n{lines}"))?.signatures {
        for key in keys.iter().filter(|key| key.made(&line)) {
            let verdict = checkpoint.verify_cosignature(key, &line);
            verdict.map_err(|error| ClientError::Nonsense(error.to_string()))?;
            found.push(line.clone());
        }
    }
    if found.is_empty() { Err(ClientError::NotCosigned) } else { Ok(found) }
}

/// The beginning of a text, without control characters, which a terminal would obey.
fn plain(text: &str) -> String {
    let words = text.trim().chars().take(MAX_WORDS);
    words.map(|c| if c.is_control() { ' ' } else { c }).collect()
}
