//! Which keys and values a state has (ST-1, ST-2). The root shows that records are the right ones; this shows that they
//! are records at all, so that a state is never rebuilt from bytes that it could not read.

use borsh::{BorshDeserialize, BorshSerialize};
use protocol::{
    Amount, Genesis, canonical,
    governance::{Speaker, Subject},
    limits::{COMMAND_ID_EPOCHS, MAX_NODE_ID_BYTES, MAX_OBJECT_ID_BYTES},
    node::NodeNumber,
};
use token_state::Account;

use super::{Part, Reason};
use crate::state::{
    keys,
    records::{
        BallotRecord, CommandRecord, EpochRecord, KeysRecord, LedgerRecord, NodeRecord,
        ObjectRecord, ProposalRecord, ScoreRecord, SubjectRecord, VersionRecord,
    },
};
use alloc::vec::Vec;

/// Bytes of an epoch in a key.
const EPOCH_BYTES: usize = 8;
/// Bytes of a proposal's number in a key.
const PROPOSAL_BYTES: usize = 8;

/// Judges one record after the other, in the order of the file.
#[derive(Debug, Default)]
pub(super) struct Shape {
    /// The open epoch, once its record has passed; it does before the command ids.
    epoch: u64,
}

impl Shape {
    /// Whether a state that stands before `next_seq` can have this record in this part.
    pub(super) fn check(
        &mut self,
        part: Part,
        key: &[u8],
        value: &[u8],
        next_seq: u64,
    ) -> Result<(), Reason> {
        let (kind, rest) = key.split_first().ok_or(Reason::Record)?;
        let fits = match part {
            Part::Records if *kind == b'L' && rest.is_empty() => self.is_ledger(value),
            Part::Records => is_record(*kind, key, rest, value),
            Part::CommandIds => *kind == keys::COMMAND && self.is_use(rest, value, next_seq),
            Part::Trailer => false,
        };
        if fits { Ok(()) } else { Err(Reason::Record) }
    }

    fn is_ledger(&mut self, value: &[u8]) -> bool {
        let Ok(ledger) = canonical::decode::<LedgerRecord>(value) else { return false };
        self.epoch = ledger.epoch;
        true
    }

    /// A use of a command id in an epoch that is still remembered.
    fn is_use(&self, rest: &[u8], value: &[u8], next_seq: u64) -> bool {
        let Some((epoch, id)) = rest.split_first_chunk::<EPOCH_BYTES>() else { return false };
        let epoch = u64::from_be_bytes(*epoch);
        let remembered = epoch <= self.epoch
            && epoch.checked_add(COMMAND_ID_EPOCHS).is_none_or(|ends| ends > self.epoch);
        let used: Result<CommandRecord, _> = canonical::decode(value);
        remembered && id.len() == 16 && used.is_ok_and(|used| used.seq < next_seq)
    }
}

/// The log or the operator; a seat or a node with its number.
fn is_holder(rest: &[u8]) -> bool {
    matches!(rest, [0 | 1] | [2 | 3, _, _, _, _])
}

fn is_record(kind: u8, key: &[u8], rest: &[u8], value: &[u8]) -> bool {
    match kind {
        b'G' => rest.is_empty() && is::<Genesis>(value),
        b'N' => rest.len() == 4 && is::<NodeRecord>(value),
        b'K' => rest.len() == 4 && is::<Vec<u8>>(value),
        b'H' => is_holder(rest) && is::<KeysRecord>(value),
        b'I' => is_name(rest, MAX_NODE_ID_BYTES) && is::<NodeNumber>(value),
        b'E' => rest.len() == EPOCH_BYTES && is::<EpochRecord>(value),
        b'A' => rest.len() == 32 && is::<Account>(value),
        keys::OBJECT => is_name(rest, MAX_OBJECT_ID_BYTES) && is::<ObjectRecord>(value),
        b'V' => {
            let named = keys::parse_version(key)
                .is_some_and(|(name, _)| is_name(name.as_bytes(), MAX_OBJECT_ID_BYTES));
            named && is::<VersionRecord>(value)
        }
        b'S' | b'F' => rest.len() == EPOCH_BYTES + 4 + 32 && value.is_empty(),
        b'P' => rest.len() == PROPOSAL_BYTES && is::<ProposalRecord>(value),
        b'W' => rest.len() == PROPOSAL_BYTES && is::<Vec<(Speaker, Amount)>>(value),
        b'B' => {
            let speaker = rest.split_first_chunk::<PROPOSAL_BYTES>().map(|(_, speaker)| speaker);
            speaker.is_some_and(is::<Speaker>) && is::<BallotRecord>(value)
        }
        b'U' => is::<(bool, Subject)>(rest) && is::<SubjectRecord>(value),
        b'Q' => {
            let named = keys::parse_score(key)
                .is_some_and(|(name, _)| is_name(name.as_bytes(), MAX_OBJECT_ID_BYTES));
            named && is::<ScoreRecord>(value)
        }
        _ => false,
    }
}

fn is<T: BorshSerialize + BorshDeserialize>(value: &[u8]) -> bool {
    canonical::decode::<T>(value).is_ok()
}

fn is_name(name: &[u8], longest: usize) -> bool {
    (1..=longest).contains(&name.len()) && !name.contains(&0) && core::str::from_utf8(name).is_ok()
}
