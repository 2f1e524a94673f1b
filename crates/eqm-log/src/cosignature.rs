//! Cosignatures: timestamped statements about a checkpoint (C2SP tlog-cosignature). A log makes one itself (EL-12); a
//! witness makes one for every checkpoint that extends all it has seen of that log (WI-1).

use crate::{
    checkpoint::{Checkpoint, CheckpointError},
    note::{KeyType, NoteError, NoteSignature, VerifierKey},
};
use alloc::{format, string::String, vec::Vec};
use protocol::signature::{SignatureError, Signer};

/// First bytes of every message that an ML-DSA-44 cosignature covers.
const SUBTREE_LABEL: &[u8; 12] = b"subtree/v1\n\0";

/// Latest time that a cosignature may carry, in seconds since 1970: 2^63 − 1.
const MAX_TIMESTAMP: u64 = u64::MAX >> 1;

impl Checkpoint {
    /// A witness's cosignature of this checkpoint, made at `time`, in seconds since 1970: type 0x04 when `signer` is one
    /// of Ed25519, 0x06 when it is one of ML-DSA-44. Whether to give one is the caller's decision.
    ///
    /// # Errors
    /// [`CheckpointError`] if origin, size, name or time cannot stand in a cosignature, or the signer has another suite.
    pub fn cosign(
        &self,
        name: &str,
        signer: &dyn Signer,
        time: u64,
    ) -> Result<NoteSignature, CheckpointError> {
        self.check()?;
        self.cosigned_by(&VerifierKey::cosigner(name, &signer.public_key())?, signer, time)
    }

    pub(crate) fn cosigned_by(
        &self,
        key: &VerifierKey,
        signer: &dyn Signer,
        time: u64,
    ) -> Result<NoteSignature, CheckpointError> {
        let message = self.cosigned_message(key, time)?;
        Ok(NoteSignature {
            name: String::from(key.name()),
            key_id: key.key_id(),
            bytes: [&time.to_be_bytes()[..], &signer.sign(&message)].concat(),
        })
    }

    /// Checks a cosignature of this checkpoint by `key`; returns the time that it carries, in seconds since 1970. Zero
    /// makes no statement about time.
    ///
    /// # Errors
    /// [`CheckpointError`] if the key makes no cosignatures, or this is none of it.
    pub fn verify_cosignature(
        &self,
        key: &VerifierKey,
        signature: &NoteSignature,
    ) -> Result<u64, CheckpointError> {
        let key_id = key.key_id();
        if !key.made(signature) {
            return Err(CheckpointError::BadSignature { key_id, error: SignatureError::Mismatch });
        }
        let (time, bytes) = signature
            .bytes
            .split_first_chunk::<8>()
            .map(|(time, bytes)| (u64::from_be_bytes(*time), bytes))
            .ok_or(CheckpointError::BadTimestamp { key_id })?;
        let message = self.cosigned_message(key, time)?;
        match key.public_key().verify(&message, bytes) {
            Ok(()) => Ok(time),
            Err(error) => Err(CheckpointError::BadSignature { key_id, error }),
        }
    }

    /// The message under a cosignature.
    fn cosigned_message(&self, key: &VerifierKey, time: u64) -> Result<Vec<u8>, CheckpointError> {
        let key_id = key.key_id();
        if time > MAX_TIMESTAMP {
            return Err(CheckpointError::BadTimestamp { key_id });
        }
        match key.key_type() {
            KeyType::Ed25519 => Err(CheckpointError::NotACosigner { key_id }),
            KeyType::Ed25519Cosignature => {
                Ok(format!("cosignature/v1\ntime {time}\n{}", self.text()).into_bytes())
            }
            KeyType::MlDsa44Cosignature => self.subtree_message(key.name(), time),
        }
    }

    /// The message under an ML-DSA-44 cosignature (C2SP tlog-cosignature, `cosigned_message`).
    fn subtree_message(&self, cosigner: &str, time: u64) -> Result<Vec<u8>, CheckpointError> {
        let name_len = u8::try_from(cosigner.len()).map_err(|_| NoteError::BadKeyName)?;
        let origin_len = u8::try_from(self.origin.len()).map_err(|_| CheckpointError::BadOrigin)?;
        let parts: [&[u8]; 9] = [
            SUBTREE_LABEL,
            &[name_len],
            cosigner.as_bytes(),
            &time.to_be_bytes(),
            &[origin_len],
            self.origin.as_bytes(),
            // The cosigned subtree starts at leaf zero: it is the whole tree.
            &0_u64.to_be_bytes(),
            &self.size.to_be_bytes(),
            &self.root.0,
        ];
        Ok(parts.concat())
    }
}
