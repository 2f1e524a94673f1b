//! What the ledger must hold: every entry that was executed, what it must say, and how many of them nobody may lose.

use super::rules::{Known, Rules};
use eqm_log::{TreeHash, tree};
use protocol::{AccountId, Command, EntryBody, Hash32, Outcome};

/// An entry as it must be.
#[derive(Clone, Debug)]
struct Expected {
    tick: u64,
    epoch: u64,
    command: Command,
    outcome: Outcome,
    /// Its bytes and its hash, once they were seen.
    seen: Option<(Vec<u8>, Hash32)>,
}

/// What a command must be answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Want {
    /// The receipt of the new entry at this seq.
    Entry(u64),
    /// The receipt of an earlier one.
    Repeated(u64),
    /// This refusal, and no entry.
    Refused(protocol::error::ErrorCode),
}

/// The model.
#[derive(Clone, Debug)]
pub struct Model {
    operator: AccountId,
    entries: Vec<Expected>,
    /// The rules after all entries.
    now: Rules,
    /// The rules where the log may end, by number of entries.
    ends: Vec<(u64, Rules)>,
    /// Entries that were given to the log, whether it took them or not.
    pub attempted: u64,
    /// Entries that the log took.
    pub appended: u64,
    /// Entries with a receipt.
    pub acknowledged: u64,
    /// Size and root of every checkpoint that was signed.
    pub signed: Vec<(u64, TreeHash)>,
}

impl Model {
    /// A ledger without entries.
    #[must_use]
    pub fn new(operator: AccountId) -> Self {
        Self {
            operator,
            entries: Vec::new(),
            now: Rules::default(),
            ends: vec![(0, Rules::default())],
            attempted: 0,
            appended: 0,
            acknowledged: 0,
            signed: Vec::new(),
        }
    }

    /// The rules after the last entry.
    #[must_use]
    pub const fn now(&self) -> &Rules {
        &self.now
    }

    /// Number of entries.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.entries.len() as u64
    }

    /// Executes an admitted command.
    pub fn execute(&mut self, tick: u64, command: Command) -> Want {
        match self.now.known(&command.id, &command.hash()) {
            Known::As(seq) => return Want::Repeated(seq),
            Known::Otherwise => return Want::Refused(protocol::error::ErrorCode::Conflict),
            Known::New => {}
        }
        let (seq, epoch) = (self.size(), self.now.epoch);
        let outcome = self.now.execute(seq, tick, &command, &self.operator);
        self.entries.push(Expected { tick, epoch, command, outcome, seen: None });
        Want::Entry(seq)
    }

    /// The log may end here.
    pub fn end_group(&mut self) {
        if self.ends.last().is_none_or(|(len, _)| *len < self.size()) {
            self.ends.push((self.size(), self.now.clone()));
        }
    }

    /// What must have become of an entry.
    ///
    /// # Errors
    /// When there is no such entry.
    pub fn outcome(&self, seq: u64) -> Result<&Outcome, String> {
        let entry = self.entries.get(seq as usize);
        entry.map(|entry| &entry.outcome).ok_or_else(|| format!("there is no entry {seq}"))
    }

    /// Hash of an entry whose bytes were seen.
    #[must_use]
    pub fn hash(&self, seq: u64) -> Option<Hash32> {
        self.entries.get(seq as usize)?.seen.as_ref().map(|(_, hash)| *hash)
    }

    /// Looks at the bytes of an entry, which must say what they must, and be the same as ever.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn see(&mut self, seq: u64, bytes: &[u8]) -> Result<(), String> {
        let before = seq.checked_sub(1).map_or(Some(Hash32::ZERO), |before| self.hash(before));
        let before = before.ok_or_else(|| format!("entry {seq} came before the one before it"))?;
        let entry = self.entries.get_mut(seq as usize);
        let entry = entry.ok_or_else(|| format!("entry {seq} was never executed"))?;
        if let Some((seen, _)) = &entry.seen {
            return (seen == bytes).then_some(()).ok_or_else(|| format!("entry {seq} has changed"));
        }
        let body = EntryBody::from_bytes(bytes).map_err(|error| format!("entry {seq}: {error}"))?;
        let closes = matches!(entry.outcome, Outcome::Accepted(protocol::Event::EpochClosed(_)));
        if body.outcome != entry.outcome {
            let (found, wanted) = (body.outcome, &entry.outcome);
            return Err(format!("entry {seq} is {found:?}, and must be {wanted:?}"));
        }
        if (body.seq, body.tick, body.epoch) != (seq, entry.tick, entry.epoch)
            || body.command != entry.command
            || body.state_root.is_some() != closes
        {
            return Err(format!("entry {seq} is not what was asked: {body:?}"));
        }
        // EL-1, written out.
        let hash = Hash32::of_parts(&[before.as_ref(), Hash32::of(bytes).as_ref()]);
        entry.seen = Some((bytes.to_vec(), hash));
        self.now.link(seq, hash);
        self.ends.iter_mut().for_each(|(_, rules)| rules.link(seq, hash));
        Ok(())
    }

    /// The log was found with `len` entries: the others are gone, and these stay.
    ///
    /// # Errors
    /// When it cannot have ended there.
    pub fn cut(&mut self, len: u64) -> Result<(), String> {
        let at = self.ends.iter().position(|(end, _)| *end == len);
        let at = at.ok_or_else(|| format!("{len} entries are left, which is within a group"))?;
        self.ends.truncate(at + 1);
        self.now = self.ends[at].1.clone();
        self.entries.truncate(len as usize);
        (self.attempted, self.appended, self.acknowledged) = (len, len, len);
        Ok(())
    }

    /// Root of the first `size` entries (RFC 9162, 2.1.1), all of which were seen.
    #[must_use]
    pub fn root(&self, size: u64) -> TreeHash {
        let leaves: Vec<TreeHash> = self.entries[..size as usize]
            .iter()
            .enumerate()
            .filter_map(|(seq, entry)| {
                let before =
                    seq.checked_sub(1).map_or(Some(Hash32::ZERO), |b| self.hash(b as u64))?;
                entry.seen.as_ref().map(|(bytes, _)| tree::entry_leaf(&before, bytes))
            })
            .collect();
        root_of(&leaves)
    }

    /// Bytes of the entries from the first on.
    pub fn bodies(&self) -> impl Iterator<Item = &[u8]> {
        self.entries.iter().filter_map(|entry| entry.seen.as_ref().map(|(bytes, _)| &bytes[..]))
    }
}

fn root_of(leaves: &[TreeHash]) -> TreeHash {
    match leaves {
        [] => tree::empty_root(),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
            tree::node_hash(&root_of(left), &root_of(right))
        }
    }
}
