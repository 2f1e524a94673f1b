//! Records of the state map (ST-2).

use alloc::{string::String, vec::Vec};
use borsh::{BorshDeserialize, BorshSerialize};
use protocol::{
    AccountId, Amount, Hash32, NodeId, Parameters, Rules,
    command::{Content, Custody, OpenAudit},
    event::EpochClosed,
    governance::{Change, Electorate, ProposalNumber, Speaker},
    node::{FailureDomain, NodeNumber, NodeStatus, RegistryFact, Standing, TelemetryFact},
    rules::DomainKind,
    signature::PublicKey,
};
use token_state::Treasury;

/// Totals and the open epoch.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct LedgerRecord {
    /// The open epoch.
    pub epoch: u64,
    /// Every governed number, as in force now.
    pub parameters: Parameters,
    /// Every rule of eligibility, as in force now.
    pub rules: Rules,
    /// Least version of the engine that executes further entries.
    pub code_version: u32,
    /// Totals of ATR and NOD.
    pub treasury: Treasury,
    /// What the operator credited in the open epoch.
    pub credited_by_operator: Amount,
    /// Credits of activated proposals that are not in force yet.
    pub pending_credits: Amount,
    /// Bytes of all shard copies assigned now.
    pub bytes_stored: u64,
    /// The audit whose answers are taken now.
    pub audit: Option<AuditRecord>,
    /// Hash of the last registry snapshot.
    pub registry_hash: Hash32,
    /// Hash of the last telemetry snapshot.
    pub telemetry_hash: Hash32,
    /// Number of proposals ever made.
    pub proposals: u64,
    /// Proposals whose votes are not over.
    pub open: Vec<OpenProposal>,
    /// Activated proposals that are not in force yet, in the order of activation.
    pub scheduled: Vec<Scheduled>,
}

/// The keys of a holder since their first rotation or revocation (KY-7).
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct KeysRecord {
    /// Every generation, the first one first.
    pub generations: Vec<KeyGeneration>,
    /// The keys of the last one; none for a vacant seat.
    pub in_force: Vec<PublicKey>,
}

/// One generation of a holder's keys.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct KeyGeneration {
    /// Seq of the entry that began it; 0 for the first.
    pub from: u64,
    /// Fingerprint of each key.
    pub keys: Vec<Hash32>,
    /// Whether the keys before vouch for it; false for the first.
    pub endorsed: bool,
    /// Seq of the entry that declared it void.
    pub revoked: Option<u64>,
}

/// A proposal whose votes are not over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct OpenProposal {
    /// Its number.
    pub proposal: ProposalNumber,
    /// Who made it.
    pub speaker: Speaker,
    /// Last epoch that takes votes.
    pub closes: u64,
}

/// A change that will be in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Scheduled {
    /// The epoch from which on.
    pub effective: u64,
    /// The proposal.
    pub proposal: ProposalNumber,
}

/// A proposal, and how it stands.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct ProposalRecord {
    /// Who made it.
    pub speaker: Speaker,
    /// What is to change.
    pub change: Change,
    /// Whether it is an emergency.
    pub emergency: bool,
    /// Seq of the entry that made it.
    pub seq: u64,
    /// Epoch of that entry.
    pub epoch: u64,
    /// First epoch that takes votes.
    pub opens: u64,
    /// Last epoch that takes votes.
    pub closes: u64,
    /// Who votes.
    pub electorate: Electorate,
    /// Weight of all votes.
    pub weight: Amount,
    /// Weight that accepts it.
    pub needed: Amount,
    /// Weight of the votes for it.
    pub yes: Amount,
    /// Weight of the votes against it.
    pub no: Amount,
    /// When it was activated.
    pub activated: Option<Activation>,
}

/// When a proposal was activated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Activation {
    /// The epoch from which on it is in force.
    pub effective: u64,
    /// Seq of the entry.
    pub seq: u64,
}

/// A vote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct BallotRecord {
    /// For or against.
    pub approve: bool,
    /// With what weight.
    pub weight: Amount,
    /// Seq of its entry.
    pub seq: u64,
}

/// What was proposed last about a subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct SubjectRecord {
    /// The proposal.
    pub proposal: ProposalNumber,
    /// Last epoch in which it is undecided, or decided and not in force.
    pub busy_until: u64,
    /// Last epoch in which the subject cannot be proposed again.
    pub cool_until: u64,
}

/// What a scorer thinks of a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct ScoreRecord {
    /// 0 to 1,000,000.
    pub score: u32,
    /// Who says so.
    pub scorer: AccountId,
    /// Seq of its entry.
    pub seq: u64,
}

/// An open audit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct AuditRecord {
    /// Seq of the entry that opened it.
    pub seq: u64,
    /// How much it challenges.
    pub scope: OpenAudit,
    /// Hash of that entry.
    pub beacon: Hash32,
}

/// Where in the log the state stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Cursor {
    /// Seq of the next entry.
    pub next_seq: u64,
    /// Tick of the last entry.
    pub tick: u64,
}

/// A storage node.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct NodeRecord {
    /// Its name.
    pub node_id: NodeId,
    /// Signature scheme of its key.
    pub scheme: String,
    /// SHA3-256 of its public key.
    pub key_hash: Hash32,
    /// Where it stands.
    pub domain: FailureDomain,
    /// Result of its last verification; `None` until the first epoch that sees it closes.
    pub status: Option<NodeStatus>,
    /// What the last registry snapshot said.
    pub registry: Option<RegistryFact>,
    /// What the last telemetry snapshot said.
    pub telemetry: Option<TelemetryFact>,
    /// floor(10 × uptime) of the last verification.
    pub uptime_bucket: u8,
    /// Bytes of the shard copies assigned to it now.
    pub bytes_stored: u64,
    /// Shards proved in the open epoch.
    pub proofs: u64,
    /// Answers given to the open audit.
    pub answers: u32,
    /// NOD that it holds.
    pub nod: Amount,
    /// Where it stands.
    pub standing: Standing,
    /// The epoch in which that began.
    pub since: u64,
    /// Shards that it failed to prove in the open epoch.
    pub failed: u32,
    /// Shards that it failed to prove in closed epochs, the latest first, at most 16 of them.
    pub failures: Vec<u32>,
}

/// An epoch.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct EpochRecord {
    /// Nodes that new shards are placed on, sorted by node id.
    pub eligible: Vec<NodeNumber>,
    /// What copies must not share.
    pub failure_domain: DomainKind,
    /// Seq of the entry that opened it.
    pub opened_at: u64,
    /// Its accounts, once closed.
    pub closed: Option<EpochClosed>,
}

/// An object. It outlives its versions, so that a version number is never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct ObjectRecord {
    /// Who may add and end versions.
    pub owner: AccountId,
    /// Greatest version ever.
    pub latest: u64,
    /// Greatest version that has not ended.
    pub current: Option<u64>,
}

/// One version of an object.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct VersionRecord {
    /// Seq of the entry that made it.
    pub seq: u64,
    /// Tick of that entry.
    pub created_at_tick: u64,
    /// Content, or `None` for a delete marker.
    pub stored: Option<StoredRecord>,
}

/// A version's content.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct StoredRecord {
    /// SHA3-256 of content, schema version and metadata.
    pub hash_commit: Hash32,
    /// Canonical JSON.
    pub metadata: Vec<u8>,
    /// What the content is made of.
    pub content: Content,
    /// Who says that it is held.
    pub custody: Custody,
    /// The fee that was charged.
    pub fee: Amount,
    /// Nodes of the copies now: copy r of column c at index c × replicas + r.
    pub assignment: Vec<NodeNumber>,
}

/// A [`VersionRecord`] with content, of parts that stand in an entry: the same bytes without copying them first.
#[derive(Clone, Copy, Debug, BorshSerialize)]
pub(crate) struct NewVersion<'a> {
    pub seq: u64,
    pub created_at_tick: u64,
    pub stored: Option<NewStored<'a>>,
}

/// A [`StoredRecord`] of parts that stand in an entry.
#[derive(Clone, Copy, Debug, BorshSerialize)]
pub(crate) struct NewStored<'a> {
    pub hash_commit: &'a Hash32,
    pub metadata: &'a [u8],
    pub content: &'a Content,
    pub custody: &'a Custody,
    pub fee: Amount,
    pub assignment: &'a [NodeNumber],
}

/// Use of a command id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct CommandRecord {
    /// Seq of its entry.
    pub seq: u64,
    /// Hash of the command.
    pub hash: Hash32,
}
