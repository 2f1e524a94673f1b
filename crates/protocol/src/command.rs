//! What a client asks of the ledger.

use crate::{
    amount::Amount,
    canonical,
    genesis::Genesis,
    governance::{Change, ProposalNumber, Speaker},
    hash::Hash32,
    ids::{AccountId, CommandId, NodeId, ObjectId},
    keys::{RevokeKeys, RotateKeys},
    layout::Layout,
    node::{FailureDomain, NodeNumber, RegistryFact, TelemetryFact},
    signature::{PublicKey, Signer},
};
use alloc::{boxed::Box, string::String, vec::Vec};
use borsh::{BorshDeserialize, BorshSerialize};

/// Domain separation of command signatures.
const SIGNATURE_CONTEXT: &[u8] = b"qfs/v1/command";

/// A request, with what makes it safe to send twice and who answers for it.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Command {
    /// The client's name for this command.
    pub id: CommandId,
    /// Last epoch in which it may be executed: the current one or the next.
    pub valid_until_epoch: u64,
    /// Who pays its fee, and owns what it stores.
    pub payer: AccountId,
    /// What is asked.
    pub action: Action,
    /// Who answers for it.
    pub authorization: Authorization,
}

/// Who answers for a command.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Authorization {
    /// The operator of the ledger, whose checkpoint signature covers the entry.
    Operator,
    /// A key, over [`Command::signed_bytes`].
    Signature {
        /// The key that signed.
        key: PublicKey,
        /// Its signature.
        signature: Vec<u8>,
    },
}

impl Command {
    /// What a signature covers: `"qfs/v1/command" ‖ ledger_id ‖ command without its authorization` (PR-4).
    #[must_use]
    pub fn signed_bytes(&self, ledger_id: &Hash32) -> Vec<u8> {
        let unsigned = (&self.id, &self.valid_until_epoch, &self.payer, &self.action);
        [SIGNATURE_CONTEXT, ledger_id.as_ref(), &canonical::encode(&unsigned)].concat()
    }

    /// The command, signed by `signer`.
    #[must_use]
    pub fn sign(mut self, ledger_id: &Hash32, signer: &dyn Signer) -> Self {
        let signature = signer.sign(&self.signed_bytes(ledger_id));
        self.authorization = Authorization::Signature { key: signer.public_key(), signature };
        self
    }

    /// The key that signed it; `None` for the operator's unsigned commands.
    #[must_use]
    pub const fn signer(&self) -> Option<&PublicKey> {
        match &self.authorization {
            Authorization::Operator => None,
            Authorization::Signature { key, .. } => Some(key),
        }
    }

    /// Hash of the whole command: tells a repeated command from another one with the same id.
    #[must_use]
    pub fn hash(&self) -> Hash32 {
        Hash32::of(&canonical::encode(self))
    }
}

/// What is asked. Variants are numbered by position: append only.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Action {
    /// Opens the ledger; the first entry and no other.
    Genesis(Box<Genesis>),
    /// Registers a node, or discloses the whole key of one that genesis named.
    RegisterNode(RegisterNode),
    /// Closes the current epoch and opens the next.
    AdvanceEpoch(AdvanceEpoch),
    /// Stores a version of an object.
    Store(Store),
    /// Marks an object as deleted, as a version without content.
    DeleteMarker {
        /// The object.
        object: ObjectId,
        /// The marker's own version.
        version: u64,
    },
    /// Ends one version: it is no longer readable, audited or counted.
    Purge {
        /// The object.
        object: ObjectId,
        /// The version that ends.
        version: u64,
    },
    /// Moves one copy of one shard.
    Reassign(Reassign),
    /// Opens an audit; this entry's hash is the beacon of its challenges.
    OpenAudit(OpenAudit),
    /// What a reader found at one node.
    RecordAudit(RecordAudit),
    /// A node leaves: it gets no new copies, and those that it has move to others.
    Exit {
        /// The node.
        node: NodeNumber,
    },
    /// Proposes a change to whoever votes.
    Propose(Propose),
    /// Votes on a proposal.
    Vote(Vote),
    /// Puts an accepted proposal into force at a later epoch.
    Activate {
        /// The proposal.
        proposal: ProposalNumber,
        /// In whose name.
        speaker: Speaker,
    },
    /// Credits an account with ATR.
    Credit {
        /// The account.
        account: AccountId,
        /// How much.
        amount: Amount,
    },
    /// Records what a scorer thinks of a version; it replaces an earlier score.
    RecordScore(RecordScore),
    /// Gives a holder new keys.
    RotateKeys(Box<RotateKeys>),
    /// Declares keys void.
    RevokeKeys(RevokeKeys),
}

/// A node that joins. It becomes eligible with the next epoch that verifies it.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct RegisterNode {
    /// The node's name.
    pub node_id: NodeId,
    /// Signature scheme of its key.
    pub scheme: String,
    /// Its public key.
    pub public_key: Vec<u8>,
    /// Where it stands.
    pub domain: FailureDomain,
}

/// The facts by which an epoch is settled and the next one's nodes are chosen.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct AdvanceEpoch {
    /// The epoch that closes; it must be the current one.
    pub closes: u64,
    /// SHA3-256 of the registry snapshot's canonical JSON.
    pub registry_hash: Hash32,
    /// Facts of that snapshot, by ascending node number.
    pub registry: Vec<RegistryFact>,
    /// `telemetry_hash` of the telemetry snapshot.
    pub telemetry_hash: Hash32,
    /// Facts of that snapshot, by ascending node number.
    pub telemetry: Vec<TelemetryFact>,
}

/// A version of an object whose shards lie at their nodes already.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Store {
    /// The object.
    pub object: ObjectId,
    /// Greater than every earlier version.
    pub version: u64,
    /// The epoch whose eligible nodes the client placed the shards on.
    pub epoch: u64,
    /// SHA3-256 of content, schema version and canonical metadata.
    pub hash_commit: Hash32,
    /// Canonical JSON.
    pub metadata: Vec<u8>,
    /// What the content is made of.
    pub content: Content,
    /// Who says that the shards are held.
    pub custody: Custody,
}

/// What an object's content is made of.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Content {
    /// One matrix of blocks.
    Single(Layout),
    /// A list of parts (refused for now; the format has room for it).
    Manifest {
        /// Root over the parts.
        root: Hash32,
        /// Number of parts.
        count: u64,
        /// Bytes of all parts.
        size: u64,
    },
}

/// Who says that the shards are held.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Custody {
    /// The payer says so; audits find out.
    Claimed,
    /// Root over the nodes' signed receipts (refused for now; the format has room for it).
    ReceiptRoot(Hash32),
}

/// The only way in which an assignment moves.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Reassign {
    /// The object.
    pub object: ObjectId,
    /// Its version.
    pub version: u64,
    /// The shard.
    pub column: u32,
    /// Which of the shard's copies.
    pub copy: u32,
    /// The node that holds it now.
    pub from: NodeNumber,
    /// The node that holds it from now on.
    pub to: NodeNumber,
}

/// A change that is put to the vote.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Propose {
    /// In whose name.
    pub speaker: Speaker,
    /// What is to change.
    pub change: Change,
    /// Whether votes are taken at once, under the higher quorum, and the change does not wait.
    pub emergency: bool,
}

/// A vote. It is final.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Vote {
    /// The proposal.
    pub proposal: ProposalNumber,
    /// In whose name.
    pub speaker: Speaker,
    /// For or against.
    pub approve: bool,
}

/// A score of one version of an object. The scorer saw its metadata and hashes, or the content at a node that holds it.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct RecordScore {
    /// The object.
    pub object: ObjectId,
    /// Its version.
    pub version: u64,
    /// 0 to 1,000,000.
    pub score: u32,
}

/// How much an audit challenges.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum OpenAudit {
    /// Every non-empty shard at every node.
    All,
    /// This many shards per node: those with the smallest tickets.
    Sample(u32),
}

/// What a reader found at one node. Its authorization is the reader's attestation.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct RecordAudit {
    /// Seq of the entry that opened the audit.
    pub audit: u64,
    /// The node.
    pub node: NodeNumber,
    /// One answer per challenged shard.
    pub answers: Vec<AuditAnswer>,
}

/// The answer to the challenge of one shard.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct AuditAnswer {
    /// The object.
    pub object: ObjectId,
    /// Its version.
    pub version: u64,
    /// The shard.
    pub column: u32,
    /// The challenged leaf.
    pub leaf: u64,
    /// What the node showed; `None` when it had nothing to show.
    pub proof: Option<LeafProof>,
}

/// A leaf of a shard and its inclusion path.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct LeafProof {
    /// Hash of the leaf's bytes under the leaf prefix.
    pub leaf_hash: Hash32,
    /// Sibling hashes from the leaf to the root.
    pub path: Vec<Hash32>,
}
