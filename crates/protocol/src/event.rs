//! What happened: the part of an accepted outcome that the ledger computed.
//!
//! An event holds nothing that its command already says; together they determine the next state.

use crate::{
    amount::Amount,
    governance::{Electorate, ProposalNumber},
    hash::Hash32,
    node::{NodeNumber, NodeStatus, Standing},
};
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};

/// What happened. Variants are numbered by position: append only.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Event {
    /// The ledger is open, in epoch 1.
    LedgerOpened {
        /// Its identity.
        ledger_id: Hash32,
    },
    /// A node has this number from now on.
    NodeRegistered {
        /// The number.
        node: NodeNumber,
    },
    /// The whole key of a genesis node is on record.
    NodeKeyDisclosed {
        /// The node's number.
        node: NodeNumber,
    },
    /// An epoch is closed and settled, the next one is open.
    EpochClosed(EpochClosed),
    /// A version is stored.
    Stored {
        /// The fee charged.
        fee: Amount,
        /// Nodes of the copies: copy r of column c stands at index c × replicas + r.
        assignment: Vec<NodeNumber>,
        /// Whether the object had a version before.
        update: bool,
    },
    /// The object is marked as deleted.
    DeleteMarked,
    /// The version has ended.
    Purged,
    /// The copy has moved.
    Reassigned,
    /// Challenges may be answered.
    AuditOpened,
    /// Answers are on record.
    AuditRecorded {
        /// Answers that prove a shard not proved before in this epoch.
        counted: u32,
        /// Answers without a proof, for a shard that did not fail before in this epoch.
        failed: u32,
    },
    /// The node is leaving.
    Exiting,
    /// The proposal takes votes.
    Proposed {
        /// Its number.
        proposal: ProposalNumber,
        /// Who votes.
        electorate: Electorate,
        /// Weight of all votes.
        weight: Amount,
        /// Weight that accepts it.
        needed: Amount,
        /// First epoch that takes votes.
        opens: u64,
        /// Last epoch that takes votes.
        closes: u64,
    },
    /// The vote counts.
    Voted {
        /// Its weight.
        weight: Amount,
    },
    /// The change is in force from an epoch on.
    Activated {
        /// That epoch.
        effective: u64,
    },
    /// The account has more.
    Credited {
        /// What of it paid the account's debt.
        settled: Amount,
    },
    /// The score is on record.
    Scored,
    /// The holder's new keys are in force.
    KeysRotated,
    /// The keys are void.
    KeysRevoked,
}

/// An epoch's accounts.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct EpochClosed {
    /// The epoch that closed.
    pub epoch: u64,
    /// Where its fees went.
    pub settlement: Settlement,
    /// Every registered node, by number.
    pub nodes: Vec<NodeAccount>,
    /// Proposals that are in force from the next epoch on.
    pub changes: Vec<ProposalNumber>,
}

/// Where an epoch's fees went, in ATR: `fees = rewards + treasury + reserve`, to the last unit (EC-5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Settlement {
    /// All fees charged in the epoch.
    pub fees: Amount,
    /// What was set aside for rewards.
    pub pool: Amount,
    /// Rewards of all nodes: this much ATR is burnt and NOD minted.
    pub rewards: Amount,
    /// To the treasury: fees less pool.
    pub treasury: Amount,
    /// To the reserve: pool less rewards.
    pub reserve: Amount,
}

/// One node's accounts for an epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct NodeAccount {
    /// Result of its verification by the closing facts.
    pub status: NodeStatus,
    /// Bytes of the copies assigned to it at the close.
    pub bytes_stored: u64,
    /// floor(10 × uptime), 0 when not verified.
    pub uptime_bucket: u8,
    /// Shards proved in the epoch.
    pub proofs: u64,
    /// NOD earned.
    pub reward: Amount,
    /// Where it stands in the next epoch.
    pub standing: Standing,
    /// Whether the next epoch places new copies on it.
    pub eligible: bool,
}
