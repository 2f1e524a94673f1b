//! Keys that are replaced and withdrawn, and whose they are (`spec/keys.md`).

use crate::{
    canonical,
    error::{ErrorCode, Refusal},
    governance::Speaker,
    hash::Hash32,
    limits::MAX_LABEL_BYTES,
    node::NodeNumber,
    signature::{PublicKey, Signer, Suite},
};
use alloc::{format, string::String, vec::Vec};
use borsh::{BorshDeserialize, BorshSerialize};
use core::fmt;

/// Domain separation of what new keys and their predecessors sign.
const ROTATION_CONTEXT: &[u8] = b"qfs/v1/key rotation";

/// Number of the keys that a holder begins with.
pub const FIRST_GENERATION: u32 = 1;

/// Whose keys they are (KY-1). Variants are numbered by position: append only.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize,
)]
pub enum KeyHolder {
    /// The log: its checkpoints are signed with them.
    Log,
    /// The operator of the ledger.
    Operator,
    /// A seat of the council, by its position in genesis.
    Council(u32),
    /// A storage node.
    Node(NodeNumber),
}

impl KeyHolder {
    /// Whose signature a command about these keys needs.
    #[must_use]
    pub const fn speaker(self) -> Speaker {
        match self {
            Self::Log | Self::Operator => Speaker::Operator,
            Self::Council(seat) => Speaker::Council(seat),
            Self::Node(node) => Speaker::Node(node),
        }
    }

    /// Whether these can be the holder's keys, by number, suite, order and length.
    #[must_use]
    pub fn allows(self, keys: &[PublicKey]) -> bool {
        let suites: Vec<Suite> = keys.iter().map(|key| key.suite).collect();
        let fit = match self {
            Self::Log => suites == [Suite::Ed25519, Suite::MlDsa44],
            Self::Operator | Self::Council(_) => suites.len() == 1,
            Self::Node(_) => {
                matches!(suites[..], [Suite::MlDsa44 | Suite::MlDsa65 | Suite::MlDsa87])
            }
        };
        fit && keys.iter().all(PublicKey::has_length_of_suite)
    }
}

impl From<Speaker> for KeyHolder {
    /// The holder of the key that speaks.
    fn from(speaker: Speaker) -> Self {
        match speaker {
            Speaker::Operator => Self::Operator,
            Speaker::Council(seat) => Self::Council(seat),
            Speaker::Node(node) => Self::Node(node),
        }
    }
}

impl fmt::Display for KeyHolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Log => f.write_str("log"),
            _ => self.speaker().fmt(f),
        }
    }
}

/// New keys for a holder, in force for the commands after this one.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct RotateKeys {
    /// Whose.
    pub holder: KeyHolder,
    /// The generation that begins: the one in force plus 1.
    pub generation: u32,
    /// All keys of the generation.
    pub keys: Vec<PublicKey>,
    /// A signature over [`rotation_bytes`] by each of them, in their order: somebody has the key.
    pub possession: Vec<Vec<u8>>,
    /// Signatures over the same by the log's keys in force before, in their order; none when they are lost, and
    /// for other holders.
    pub endorsement: Vec<Vec<u8>>,
}

/// A declaration that keys are void.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct RevokeKeys {
    /// Whose.
    pub holder: KeyHolder,
    /// Their generation.
    pub generation: u32,
    /// Why, for people.
    pub reason: String,
}

/// What new keys and their predecessors sign (KY-3).
#[must_use]
pub fn rotation_bytes(
    ledger_id: &Hash32,
    holder: KeyHolder,
    generation: u32,
    keys: &[PublicKey],
) -> Vec<u8> {
    let said = canonical::encode(&(holder, generation, keys));
    [ROTATION_CONTEXT, ledger_id.as_ref(), &said].concat()
}

impl RotateKeys {
    /// A rotation to the keys of `new`, which prove that they are had, endorsed by `old`.
    #[must_use]
    pub fn signed(
        ledger_id: &Hash32,
        holder: KeyHolder,
        generation: u32,
        new: &[&dyn Signer],
        old: &[&dyn Signer],
    ) -> Self {
        let keys: Vec<PublicKey> = new.iter().map(|signer| signer.public_key()).collect();
        let message = rotation_bytes(ledger_id, holder, generation, &keys);
        let sign = |signers: &[&dyn Signer]| signers.iter().map(|s| s.sign(&message)).collect();
        Self { holder, generation, keys, possession: sign(new), endorsement: sign(old) }
    }

    /// What the signatures inside cover.
    #[must_use]
    pub fn message(&self, ledger_id: &Hash32) -> Vec<u8> {
        rotation_bytes(ledger_id, self.holder, self.generation, &self.keys)
    }

    /// Whether the old keys vouch for the new ones.
    #[must_use]
    pub fn is_endorsed(&self) -> bool {
        !self.endorsement.is_empty()
    }

    /// Checks what needs no state and no signature.
    ///
    /// # Errors
    /// `SE_ERR_INVALID_INPUT` for keys that the holder cannot have, or a wrong number of signatures.
    pub fn validate(&self) -> Result<(), Refusal> {
        let invalid = |detail| Err(Refusal::new(ErrorCode::InvalidInput, detail));
        if self.generation <= FIRST_GENERATION {
            return invalid("a rotation begins generation 2 or a later one");
        }
        if !self.holder.allows(&self.keys) {
            return invalid(match self.holder {
                KeyHolder::Log => "the log has one Ed25519 and one ML-DSA-44 key, in this order",
                KeyHolder::Node(_) => "a node has one key of ML-DSA-44, ML-DSA-65 or ML-DSA-87",
                _ => "the holder has one key, of its suite's length",
            });
        }
        if self.possession.len() != self.keys.len() {
            return invalid("every new key signs the rotation once");
        }
        let endorsements = if self.holder == KeyHolder::Log { self.keys.len() } else { 0 };
        if self.is_endorsed() && self.endorsement.len() != endorsements {
            return invalid(
                "a rotation of the log is endorsed by both old keys, any other by none",
            );
        }
        Ok(())
    }

    /// Checks that whoever made this has the new keys.
    ///
    /// # Errors
    /// `SE_ERR_UNAUTHORIZED` if a signature of possession does not hold.
    pub fn check_possession(&self, ledger_id: &Hash32) -> Result<(), Refusal> {
        check_all(&self.keys, &self.message(ledger_id), &self.possession, "possession of the key")
    }

    /// Checks the endorsements, if there are any, against the keys that they must be by.
    ///
    /// # Errors
    /// `SE_ERR_UNAUTHORIZED` if one does not hold.
    pub fn check_endorsement(
        &self,
        ledger_id: &Hash32,
        in_force: &[PublicKey],
    ) -> Result<(), Refusal> {
        if !self.is_endorsed() {
            return Ok(());
        }
        check_all(in_force, &self.message(ledger_id), &self.endorsement, "endorsement by the key")
    }
}

impl RevokeKeys {
    /// Checks what needs no state.
    ///
    /// # Errors
    /// `SE_ERR_INVALID_INPUT` for a holder whose keys are not revoked, generation 0, or a reason out of bounds.
    pub fn validate(&self) -> Result<(), Refusal> {
        let invalid = |detail| Err(Refusal::new(ErrorCode::InvalidInput, detail));
        if !matches!(self.holder, KeyHolder::Log | KeyHolder::Council(_)) {
            return invalid(
                "only keys of the log and the council are revoked by an entry: rotate the operator's or a node's, or name the node as revoked in a registry snapshot",
            );
        }
        if self.generation == 0 {
            return invalid("generations begin with 1");
        }
        if self.reason.len() > MAX_LABEL_BYTES || self.reason.chars().any(char::is_control) {
            return invalid("a reason has at most 64 bytes of plain text");
        }
        Ok(())
    }
}

/// Whether each signature is by the key at its place.
fn check_all(
    keys: &[PublicKey],
    message: &[u8],
    signatures: &[Vec<u8>],
    what: &str,
) -> Result<(), Refusal> {
    if keys.len() != signatures.len() {
        return Err(Refusal::with(
            ErrorCode::Unauthorized,
            format!("{what}: {} signatures for {} keys", signatures.len(), keys.len()),
        ));
    }
    for (key, signature) in keys.iter().zip(signatures) {
        key.verify(message, signature).map_err(|error| {
            Refusal::with(ErrorCode::Unauthorized, format!("{what} of {}: {error}", key.suite))
        })?;
    }
    Ok(())
}
