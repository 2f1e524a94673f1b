//! The first entry: who may do what, which nodes there are, and every governed number.

use crate::{
    amount::Amount,
    canonical,
    error::{ErrorCode, Refusal},
    hash::Hash32,
    ids::NodeId,
    layout::Profile,
    limits::{MAX_COUNCIL_KEYS, MAX_LEDGER_NAME_BYTES, MAX_METADATA_BYTES, MAX_NODES},
    node::FailureDomain,
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
        self.parameters.validate()
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

/// Every governed number. Recorded from genesis on; an entry replays under the parameters of its own epoch.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Parameters {
    /// Redundancy profile that objects are stored with.
    pub profile: Profile,
    /// Bytes of a block of the layout's matrix.
    pub block_size: u32,
    /// Bytes of a leaf of a shard's tree.
    pub leaf_size: u32,
    /// Most bytes of an object's canonical metadata.
    pub metadata_limit: u32,
    /// ATR per started KiB of content.
    pub fee_per_kib: Amount,
    /// Surcharge per top-level metadata key, as a share of the size fee.
    pub fee_per_metadata_key: Amount,
    /// Metadata keys beyond this many cost nothing more.
    pub fee_metadata_keys: u32,
    /// Whether a fee needs a balance that covers it; otherwise it accrues as debt.
    pub prepaid: bool,
    /// Share of an epoch's fees that rewards nodes.
    pub pool_share: Amount,
    /// Most ATR that an epoch pays to nodes.
    pub pool_cap: Amount,
    /// Most of the pool that one node earns.
    pub node_reward_cap: Amount,
    /// With fewer verified nodes than this nothing is paid.
    pub min_verified_nodes: u32,
    /// Least uptime of a verified node.
    pub min_uptime: Amount,
    /// Least health of a verified node.
    pub min_health: Amount,
    /// Shards per node that a sampled audit challenges.
    pub audit_sample: u32,
}

const TENTH: u128 = 100_000_000_000_000_000;
const ONE: u128 = 1_000_000_000_000_000_000;

impl Parameters {
    /// The values of the QFS V13 specification, with `profile`.
    #[must_use]
    pub const fn v13(profile: Profile) -> Self {
        Self {
            profile,
            block_size: 262_144,
            leaf_size: 4_096,
            metadata_limit: 16_384,
            fee_per_kib: Amount::from_raw(100 * ONE),
            fee_per_metadata_key: Amount::from_raw(ONE / 100),
            fee_metadata_keys: 99,
            prepaid: false,
            pool_share: Amount::from_raw(TENTH),
            pool_cap: Amount::from_raw(1_000_000 * ONE),
            node_reward_cap: Amount::from_raw(3 * TENTH),
            min_verified_nodes: 3,
            min_uptime: Amount::from_raw(9 * TENTH),
            min_health: Amount::from_raw(75 * (ONE / 100)),
            audit_sample: 64,
        }
    }

    /// # Errors
    /// `SE_ERR_INVALID_INPUT` when a number is outside the bounds that keep every later sum exact.
    pub fn validate(&self) -> Result<(), Refusal> {
        let invalid = |detail| Err(Refusal::new(ErrorCode::InvalidInput, detail));
        self.profile.validate()?;
        let share = |amount: Amount| amount.raw() <= ONE;
        if self.leaf_size != 4_096 || self.block_size == 0 || !self.block_size.is_multiple_of(4_096)
        {
            return invalid("leaves have 4,096 bytes, blocks a multiple of that");
        }
        if self.block_size > 1 << 24 {
            return invalid("a block has at most 16 MiB");
        }
        if usize::try_from(self.metadata_limit).map_or(true, |limit| limit > MAX_METADATA_BYTES) {
            return invalid("metadata has at most 16 KiB");
        }
        if self.fee_per_kib.raw() > 10_000 * ONE
            || !share(self.fee_per_metadata_key)
            || self.fee_metadata_keys > 1_000
        {
            return invalid("a fee is at most 10,000 per KiB, times 1 + 1,000 keys at most");
        }
        let shares = [self.pool_share, self.node_reward_cap, self.min_uptime, self.min_health];
        if !shares.into_iter().all(share) {
            return invalid("shares and ratios are at most 1");
        }
        Ok(())
    }
}
