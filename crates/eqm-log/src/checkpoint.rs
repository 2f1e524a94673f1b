//! Checkpoints: the signed statement that a log of some size has some root (C2SP tlog-checkpoint).
//!
//! A checkpoint of a QFS log carries two signatures: Ed25519 over the text, and an ML-DSA-44 cosignature
//! over the same facts. A verifier requires both, so that a break of either suite alone forges nothing.

use crate::{
    MAX_LOG_SIZE,
    note::{KeyType, Note, NoteError, NoteSignature, VerifierKey},
    text::{is_key_name, is_origin, parse_decimal},
    tree::TreeHash,
};
use alloc::{format, string::String, string::ToString, vec::Vec};
use core::{error::Error, fmt};
use protocol::signature::{PublicKey, SignatureError, Signer, Suite};

/// Time that our logs write: none. A log has the same bytes wherever it is made.
const NO_TIMESTAMP: u64 = 0;

/// Why a checkpoint cannot be made or is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckpointError {
    /// The note around it is malformed, or a key name is.
    Note(NoteError),
    /// The origin is empty, longer than 255 bytes, or not one line.
    BadOrigin,
    /// The size is not a plain decimal number up to 2^63 − 1.
    BadSize,
    /// The root is not the strict base64 of 32 bytes.
    BadRoot,
    /// There are lines after the root. The ML-DSA-44 cosignature would not cover them.
    ExtensionLines,
    /// The text has fewer than three lines.
    MissingLines,
    /// A signer or a public key has another suite than its place needs.
    WrongSuite {
        /// The suite that the place needs.
        expected: Suite,
        /// The suite of the signer.
        found: Suite,
    },
    /// A signature by a known key is wrong.
    BadSignature {
        /// Id of the key.
        key_id: u32,
        /// What is wrong.
        error: SignatureError,
    },
    /// A cosignature by a known key is too short for its timestamp, or its timestamp is beyond 2^63 − 1.
    BadTimestamp {
        /// Id of the key.
        key_id: u32,
    },
    /// The key makes no cosignatures.
    NotACosigner {
        /// Id of the key.
        key_id: u32,
    },
    /// No known key of this suite has signed.
    MissingSignature(Suite),
}

impl fmt::Display for CheckpointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Note(error) => error.fmt(f),
            Self::BadOrigin => {
                f.write_str("the origin of the checkpoint is not a line of 1 to 255 bytes")
            }
            Self::BadSize => {
                f.write_str("the size of the checkpoint is not a plain decimal number")
            }
            Self::BadRoot => {
                f.write_str("the root of the checkpoint is not the base64 of 32 bytes")
            }
            Self::ExtensionLines => f.write_str("the checkpoint has extension lines"),
            Self::MissingLines => f.write_str("the checkpoint has fewer than three lines"),
            Self::WrongSuite { expected, found } => {
                write!(f, "the key must be one of {expected}, but it is one of {found}")
            }
            Self::BadSignature { key_id, error } => {
                write!(f, "the signature by key {key_id:08x} is wrong: {error}")
            }
            Self::BadTimestamp { key_id } => {
                write!(f, "the cosignature by key {key_id:08x} has no valid timestamp")
            }
            Self::NotACosigner { key_id } => {
                write!(f, "the key {key_id:08x} is not one that cosigns")
            }
            Self::MissingSignature(suite) => {
                write!(f, "the checkpoint has no {suite} signature by a known key")
            }
        }
    }
}

impl Error for CheckpointError {}

impl From<NoteError> for CheckpointError {
    fn from(error: NoteError) -> Self {
        Self::Note(error)
    }
}

/// A statement about a log, not yet signed or not yet verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Name of the log, for people and for telling logs apart: one line of 1 to 255 bytes.
    pub origin: String,
    /// Number of entries, at most 2^63 − 1.
    pub size: u64,
    /// Root of the tree over these entries.
    pub root: TreeHash,
}

impl Checkpoint {
    /// The text to be signed: origin, size and root, each on a line.
    #[must_use]
    pub fn text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, self.root)
    }

    /// Parses [`Checkpoint::text`].
    ///
    /// # Errors
    /// [`CheckpointError`] for any other spelling, and for extension lines.
    pub fn parse_text(text: &str) -> Result<Self, CheckpointError> {
        let body = text.strip_suffix('\n').ok_or(CheckpointError::MissingLines)?;
        let mut lines = body.split('\n');
        let mut line = || lines.next().ok_or(CheckpointError::MissingLines);
        let (origin, size, root) = (line()?, line()?, line()?);
        if lines.next().is_some() {
            return Err(CheckpointError::ExtensionLines);
        }
        let size = parse_decimal(size).ok_or(CheckpointError::BadSize)?;
        let root = TreeHash::from_base64(root).ok_or(CheckpointError::BadRoot)?;
        let checkpoint = Self { origin: String::from(origin), size, root };
        checkpoint.check().map(|()| checkpoint)
    }

    /// What a note says about a log, with no signature checked. For comparing a note with a log at hand;
    /// to believe it, use [`Checkpoint::verify`].
    ///
    /// # Errors
    /// [`CheckpointError`] if the note or its text is malformed.
    pub fn parse_unverified(note: &str) -> Result<Self, CheckpointError> {
        Self::parse_text(&Note::parse(note)?.text)
    }

    /// Signs with both suites under the key name `name` and returns the note. The name should be the origin.
    ///
    /// # Errors
    /// [`CheckpointError`] if origin, size or name cannot stand in a note, or a signer has the wrong suite.
    pub fn sign(
        &self,
        name: &str,
        ed: &dyn Signer,
        pq: &dyn Signer,
    ) -> Result<String, CheckpointError> {
        self.check()?;
        let ed_key = signing_key(name, &ed.public_key(), Suite::Ed25519)?;
        let pq_key = signing_key(name, &pq.public_key(), Suite::MlDsa44)?;
        let text = self.text();
        let signature = NoteSignature {
            name: String::from(name),
            key_id: ed_key.key_id(),
            bytes: ed.sign(text.as_bytes()),
        };
        let cosignature = self.cosigned_by(&pq_key, pq, NO_TIMESTAMP)?;
        Ok(Note { text, signatures: Vec::from([signature, cosignature]) }.to_string())
    }

    /// Checks a signed checkpoint against the keys of the log. There must be a signature of each suite by
    /// one of `keys`. Signatures by other keys are ignored; a wrong one by a known key rejects the note.
    ///
    /// The keys decide whose log this is; the caller still compares the origin and the root with its own.
    ///
    /// # Errors
    /// [`CheckpointError`] says what is malformed, wrong or missing.
    pub fn verify(note: &str, keys: &[VerifierKey]) -> Result<VerifiedCheckpoint, CheckpointError> {
        let note = Note::parse(note)?;
        let checkpoint = Self::parse_text(&note.text)?;
        let (mut ed, mut pq) = (false, false);
        for signature in &note.signatures {
            for key in keys.iter().filter(|key| key.made(signature)) {
                checkpoint.verify_signature(key, signature)?;
                match key.key_type() {
                    KeyType::Ed25519 => ed = true,
                    KeyType::MlDsa44Cosignature => pq = true,
                    // A witness's word, which a log's own cannot be replaced by.
                    KeyType::Ed25519Cosignature => {}
                }
            }
        }
        match (ed, pq) {
            (true, true) => Ok(VerifiedCheckpoint(checkpoint)),
            (false, _) => Err(CheckpointError::MissingSignature(Suite::Ed25519)),
            (true, false) => Err(CheckpointError::MissingSignature(Suite::MlDsa44)),
        }
    }

    fn verify_signature(
        &self,
        key: &VerifierKey,
        signature: &NoteSignature,
    ) -> Result<(), CheckpointError> {
        match key.key_type() {
            KeyType::Ed25519 => key
                .public_key()
                .verify(self.text().as_bytes(), &signature.bytes)
                .map_err(|error| CheckpointError::BadSignature { key_id: key.key_id(), error }),
            KeyType::Ed25519Cosignature | KeyType::MlDsa44Cosignature => {
                self.verify_cosignature(key, signature).map(|_| ())
            }
        }
    }

    pub(crate) fn check(&self) -> Result<(), CheckpointError> {
        if !is_origin(&self.origin) {
            return Err(CheckpointError::BadOrigin);
        }
        if self.size > MAX_LOG_SIZE {
            return Err(CheckpointError::BadSize);
        }
        Ok(())
    }
}

fn signing_key(
    name: &str,
    key: &PublicKey,
    expected: Suite,
) -> Result<VerifierKey, CheckpointError> {
    if key.suite != expected {
        return Err(CheckpointError::WrongSuite { expected, found: key.suite });
    }
    if !is_key_name(name) {
        return Err(NoteError::BadKeyName.into());
    }
    Ok(VerifierKey::new(name, key)?)
}

/// A checkpoint that known keys of both suites have signed. Only [`Checkpoint::verify`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedCheckpoint(Checkpoint);

impl VerifiedCheckpoint {
    /// Name of the log.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.0.origin
    }

    /// Number of entries.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.0.size
    }

    /// Root of the tree over these entries.
    #[must_use]
    pub const fn root(&self) -> TreeHash {
        self.0.root
    }

    /// The statement itself.
    #[must_use]
    pub const fn statement(&self) -> &Checkpoint {
        &self.0
    }
}
