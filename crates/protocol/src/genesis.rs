//! The first entry: who may do what, which nodes there are, and every governed number.

use crate::{
    canonical,
    error::{ErrorCode, Refusal},
    hash::Hash32,
    ids::NodeId,
    limits::{MAX_COUNCIL_KEYS, MAX_LEDGER_NAME_BYTES, MAX_NODES},
    node::FailureDomain,
    parameters::Parameters,
    rules::Rules,
    signature::{PublicKey, Suite},
};
use alloc::{collections::BTreeSet, format, string::String, vec::Vec};
use borsh::{BorshDeserialize, BorshSerialize};

/// The ledger's constitution.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Genesis {
    /// The ledger's name: origin line and key name of its checkpoints.
    pub name: String,
    /// Keys that sign checkpoints: one Ed25519, one ML-DSA-44.
    pub log_keys: Vec<PublicKey>,
    /// Key that registers nodes, closes epochs and attests audits.
    pub operator: PublicKey,
    /// Keys of the council that governs until nodes hold NOD.
    pub council: Vec<PublicKey>,
    /// Every governed number.
    pub parameters: Parameters,
    /// Every rule of eligibility.
    pub rules: Rules,
    /// The nodes of epoch 1: active and verified with uptime 1.
    pub nodes: Vec<GenesisNode>,
}

/// A node of the first epoch. Its whole key follows in a `RegisterNode` entry, because the keys of a
/// large network do not fit into one entry.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct GenesisNode {
    /// The node's name.
    pub node_id: NodeId,
    /// Signature scheme of its key.
    pub scheme: String,
    /// SHA3-256 of its public key.
    pub key_hash: Hash32,
    /// Where it stands.
    pub domain: FailureDomain,
}

impl Genesis {
    /// The ledger's identity: every signed command names it, so that no command of one ledger is
    /// valid on another.
    #[must_use]
    pub fn ledger_id(&self) -> Hash32 {
        Hash32::of_parts(&[b"qfs/v1/ledger", &canonical::encode(self)])
    }

    /// # Errors
    /// `SE_ERR_INVALID_INPUT` or `SE_ERR_LIMIT` when a field is out of its bounds.
    pub fn validate(&self) -> Result<(), Refusal> {
        let invalid = |detail| Err(Refusal::new(ErrorCode::InvalidInput, detail));
        let printable = |c: char| c.is_ascii_graphic() && c != '+';
        if self.name.is_empty()
            || self.name.len() > MAX_LEDGER_NAME_BYTES
            || !self.name.chars().all(printable)
        {
            return invalid("a ledger's name has 1 to 128 visible ASCII characters and no '+'");
        }
        let keys = self.log_keys.iter().chain([&self.operator]).chain(&self.council);
        if !keys.into_iter().all(PublicKey::has_length_of_suite) {
            return invalid("a key has another length than its suite's keys");
        }
        let suites: Vec<Suite> = self.log_keys.iter().map(|key| key.suite).collect();
        if suites != [Suite::Ed25519, Suite::MlDsa44] {
            return invalid("the log's keys are one Ed25519 and one ML-DSA-44 key, in this order");
        }
        if self.council.is_empty() || self.council.len() > MAX_COUNCIL_KEYS {
            return invalid("a council has 1 to 7 keys");
        }
        self.validate_nodes()?;
        self.parameters.validate()?;
        self.rules.validate()
    }

    /// Two nodes of one name would let the copies of a shard share a node.
    fn validate_nodes(&self) -> Result<(), Refusal> {
        if u32::try_from(self.nodes.len()).map_or(true, |count| count > MAX_NODES) {
            return Err(Refusal::new(ErrorCode::Limit, "a ledger registers at most 400 nodes"));
        }
        let mut ids = BTreeSet::new();
        for node in &self.nodes {
            node.node_id.validate()?;
            if !ids.insert(&node.node_id) {
                return Err(Refusal::with(
                    ErrorCode::InvalidInput,
                    format!("genesis names node {} twice", node.node_id),
                ));
            }
        }
        Ok(())
    }
}
