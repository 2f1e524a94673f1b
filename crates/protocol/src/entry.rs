//! One ordered command and its outcome, as the log keeps it.

use crate::{
    canonical::{self, DecodeError},
    command::Command,
    error::ErrorCode,
    event::Event,
    hash::Hash32,
};
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};

/// Version of the entry format.
pub const ENTRY_FORMAT: u16 = 1;

/// What became of a command.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Outcome {
    /// It happened.
    Accepted(Event),
    /// It was refused; nothing changed.
    Rejected(ErrorCode),
}

/// The hashed part of an entry that is its own.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct EntryBody {
    /// [`ENTRY_FORMAT`].
    pub format: u16,
    /// Position in the log, from 0, without gaps.
    pub seq: u64,
    /// Logical time: never decreases.
    pub tick: u64,
    /// Epoch in which the command was decided.
    pub epoch: u64,
    /// What was asked.
    pub command: Command,
    /// What became of it.
    pub outcome: Outcome,
    /// Root of the state after this entry, at each epoch's closing and every 65,536th entry.
    pub state_root: Option<Hash32>,
}

impl EntryBody {
    /// The canonical bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        canonical::encode(self)
    }

    /// The canonical bytes, from those of the command, which are the longest part and known already.
    #[must_use]
    pub fn to_bytes_with(&self, command: &[u8]) -> Vec<u8> {
        const USUAL_REST: usize = 192;
        let mut bytes = Vec::with_capacity(command.len().saturating_add(USUAL_REST));
        canonical::encode_to(&mut bytes, &(self.format, self.seq, self.tick, self.epoch));
        bytes.extend_from_slice(command);
        canonical::encode_to(&mut bytes, &(&self.outcome, &self.state_root));
        bytes
    }

    /// # Errors
    /// [`DecodeError`] for anything but canonical bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        canonical::decode(bytes)
    }
}

/// What the client gets once its command is durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Position in the log.
    pub seq: u64,
    /// Hash of the entry.
    pub entry_hash: Hash32,
    /// What became of the command.
    pub outcome: Outcome,
}
