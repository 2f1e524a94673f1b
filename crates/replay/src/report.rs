//! What an audit found.

use alloc::{collections::BTreeMap, string::String, vec::Vec};
use borsh::{BorshDeserialize, BorshSerialize};
use eqm_log::{TreeHash, VerifierKey};
use protocol::{
    Amount, Genesis, Hash32, NodeId, Parameters, Profile, Rules,
    event::Settlement,
    governance::{Change, ProposalNumber},
    node::{FailureDomain, NodeStatus, Standing},
};
use token_state::Treasury;

use crate::{Activity, Divergence, books::AccountTotals, rows::RowsRoot};

/// Whose word the keys are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The auditor brought the log's keys from elsewhere.
    Pinned,
    /// The keys are those that the log names for itself.
    Unpinned,
}

impl Verdict {
    /// `pinned` or `unpinned`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pinned => "pinned",
            Self::Unpinned => "unpinned",
        }
    }
}

/// A signature of the checkpoint that verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignatureSummary {
    /// Name of the key.
    pub key_name: String,
    /// Its short id.
    pub key_id: u32,
    /// Its signature suite.
    pub suite: &'static str,
}

/// A generation of the log's keys (KY-8).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogKeys {
    /// Seq of the entry that began it; 0 for the first.
    pub from: u64,
    /// Its keys, as those that sign notes.
    pub keys: Vec<VerifierKey>,
    /// Whether the keys before vouch for it; `None` for the first.
    pub endorsed: Option<bool>,
    /// Seq of the entry that declared it void.
    pub revoked: Option<u64>,
}

/// A state root that an entry carries and that re-execution reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct StateRoot {
    /// The entry.
    pub seq: u64,
    /// The epoch that the entry belongs to.
    pub epoch: u64,
    /// The root after the entry.
    pub root: Hash32,
}

/// A closed epoch, as re-execution and the auditor's own sums agree on it.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct EpochSummary {
    /// The epoch.
    pub epoch: u64,
    /// The entry that closed it.
    pub seq: u64,
    /// Where its fees went.
    pub settlement: Settlement,
    /// Nodes registered at its close.
    pub nodes: u32,
    /// Nodes verified by its closing facts.
    pub verified: u32,
    /// Shards proved in it.
    pub proofs: u64,
    /// NOD in existence after it.
    pub nod_supply: Amount,
    /// Nodes that the next epoch lists.
    pub eligible: u32,
    /// ATR ever credited, until the next epoch begins.
    pub credited: Amount,
    /// Proposals that are in force from the next epoch on.
    pub changes: Vec<(ProposalNumber, Change)>,
    /// Its entries, that which closed it included.
    pub activity: Activity,
}

/// What became of audits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct AuditCounts {
    /// Audits opened.
    pub opened: u64,
    /// Results recorded, each of one node.
    pub recorded: u64,
    /// Answers that proved a shard not proved before in their epoch.
    pub counted: u64,
    /// Answers without a proof.
    pub failed: u64,
}

/// How often the auditor derived something itself and found the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Derivations {
    /// Accepted stores.
    pub stores: u64,
    /// Shard ids of those stores.
    pub shard_ids: u64,
    /// Copies placed by those stores.
    pub copies: u64,
    /// Fees of those stores.
    pub fees: u64,
    /// Node accounts of closed epochs: status, standing, place on the list, proofs and reward of each.
    pub accounts: u64,
    /// Copies that moved.
    pub moves: u64,
    /// Rotations and revocations of keys.
    pub keys: u64,
    /// Proposals, votes and activations, with electorate, weights, tally and epochs.
    pub governance: u64,
    /// Credits, with what paid a debt.
    pub credits: u64,
}

/// A node at the end of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeSummary {
    /// Its name.
    pub node_id: NodeId,
    /// Where it says that it is.
    pub domain: FailureDomain,
    /// Result of its last verification.
    pub status: Option<NodeStatus>,
    /// Where it stands.
    pub standing: Standing,
    /// Whether the open epoch lists it.
    pub eligible: bool,
    /// Bytes of the shard copies assigned to it.
    pub bytes_stored: u64,
    /// Those copies, empty ones included; counted at the end of a log that is sound until there.
    pub copies: Option<u64>,
    /// Shards that it proved, over all closed epochs.
    pub proofs: u64,
    /// NOD that it holds.
    pub nod: Amount,
}

/// What an audit found, as far as it got.
#[derive(Clone, Debug)]
pub struct Report {
    /// SHA3-256 of the file but its last 32 bytes, which repeat it in a sound file.
    pub log_hash: Hash32,
    /// Name of the log in the file's header.
    pub origin: Option<String>,
    /// Genesis of the ledger.
    pub genesis: Option<Genesis>,
    /// Whose word the keys are.
    pub verdict: Verdict,
    /// Entries that the header declares.
    pub declared: u64,
    /// Entries that were re-executed and are the same in every byte.
    pub entries: u64,
    /// Hash of the first entry.
    pub first_entry_hash: Option<Hash32>,
    /// Hash of the last of those entries.
    pub last_entry_hash: Option<Hash32>,
    /// Root of the log's tree, once every entry is verified.
    pub tree_root: Option<TreeHash>,
    /// The checkpoint as signed, once both signatures have verified.
    pub checkpoint: Option<String>,
    /// Every generation of the log's keys, once the end of the log was reached.
    pub log_keys: Vec<LogKeys>,
    /// The signatures that verified.
    pub signatures: Vec<SignatureSummary>,
    /// Accepted commands by the name of their event.
    pub events: BTreeMap<&'static str, u64>,
    /// Refused commands by the name of their code.
    pub refusals: BTreeMap<&'static str, u64>,
    /// What became of audits.
    pub audits: AuditCounts,
    /// Every closed epoch.
    pub epochs: Vec<EpochSummary>,
    /// Entries since the last closing.
    pub open_epoch: Activity,
    /// What the auditor derived itself.
    pub derivations: Derivations,
    /// Accepted stores by the profile that was in force.
    pub profiles: BTreeMap<Profile, u64>,
    /// All accounts together at the end, once they are counted.
    pub accounts: Option<AccountTotals>,
    /// Parameters in force at the end.
    pub parameters: Option<Parameters>,
    /// Rules in force at the end.
    pub rules: Option<Rules>,
    /// One row for each accepted store.
    pub store_rows: RowsRoot,
    /// One row for each node and closed epoch.
    pub account_rows: RowsRoot,
    /// Every state root in the log.
    pub state_roots: Vec<StateRoot>,
    /// Root of the state after the last entry.
    pub final_state_root: Option<Hash32>,
    /// Every node, by number.
    pub nodes: Vec<NodeSummary>,
    /// Totals of the ledger.
    pub treasury: Treasury,
    /// Where the log is wrong; `None` when nothing is.
    pub divergence: Option<Divergence>,
}

impl Report {
    pub(crate) fn empty(verdict: Verdict) -> Self {
        Self {
            log_hash: Hash32::ZERO,
            origin: None,
            genesis: None,
            verdict,
            declared: 0,
            entries: 0,
            first_entry_hash: None,
            last_entry_hash: None,
            tree_root: None,
            checkpoint: None,
            log_keys: Vec::new(),
            signatures: Vec::new(),
            events: BTreeMap::new(),
            refusals: BTreeMap::new(),
            audits: AuditCounts::default(),
            epochs: Vec::new(),
            open_epoch: Activity::default(),
            derivations: Derivations::default(),
            profiles: BTreeMap::new(),
            accounts: None,
            parameters: None,
            rules: None,
            store_rows: RowsRoot::default(),
            account_rows: RowsRoot::default(),
            state_roots: Vec::new(),
            final_state_root: None,
            nodes: Vec::new(),
            treasury: Treasury::default(),
            divergence: None,
        }
    }

    /// Of an audit that could not begin.
    pub(crate) fn failed(divergence: Divergence) -> Self {
        Self { divergence: Some(divergence), ..Self::empty(Verdict::Unpinned) }
    }

    /// Whether every entry of the file was executed.
    #[must_use]
    pub const fn is_whole(&self) -> bool {
        self.entries == self.declared
    }

    /// The last entry that was executed; `None` when there is none.
    #[must_use]
    pub const fn verified_until(&self) -> Option<u64> {
        self.entries.checked_sub(1)
    }

    /// Whether nothing is wrong: the log is what its rules and signatures require, as far as it was executed.
    #[must_use]
    pub const fn passed(&self) -> bool {
        self.divergence.is_none()
    }

    /// Accepted commands.
    #[must_use]
    pub fn accepted(&self) -> u64 {
        self.events.values().fold(0, |sum, n| sum.saturating_add(*n))
    }

    /// Refused commands.
    #[must_use]
    pub fn rejected(&self) -> u64 {
        self.refusals.values().fold(0, |sum, n| sum.saturating_add(*n))
    }
}
