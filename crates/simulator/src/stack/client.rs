//! What clients ask for, as commands that are signed where they must be.

use eqm_log::VerifierKey;
use journal::checkpoint::LogSigners;
use protocol::{
    AccountId, Action, Amount, Authorization, Command, CommandId, Genesis, Hash32, NodeId,
    ObjectId, Parameters, Profile, Rules,
    command::{
        AdvanceEpoch, AuditAnswer, Content, Custody, LeafProof, OpenAudit, RecordAudit, Store,
    },
    genesis::GenesisNode,
    layout::Layout,
    node::{FailureDomain, Reading, RegistryFact, TelemetryFact},
    signature::{SEED_LEN, SeedSigner, Signer, Suite},
};
use storage_engine::shard_tree;

/// Storage nodes of the simulated ledger; three are needed for a copy of everything.
pub const NODES: u32 = 5;
/// Bytes of a leaf of a shard's tree.
pub const LEAF: u64 = 4_096;
/// Clients. The first is the operator, without a signature where none is needed; the second signs with a key of its own.
pub const CLIENTS: u8 = 2;

/// One ATR.
pub const ATR: u128 = 1_000_000_000_000_000_000;

const BLOCK: u32 = 262_144;
const SCHEME: &str = "ML-DSA-44";

/// Keys and genesis, which are the same in all histories.
pub struct Parties {
    genesis: Genesis,
    ledger_id: Hash32,
    operator: SeedSigner,
    customer: SeedSigner,
    /// Who signs checkpoints.
    pub log: LogSigners,
    /// How that is verified.
    pub verifiers: Vec<VerifierKey>,
}

/// Why a node is not verified by a closing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The registry does not name it.
    Unknown,
    /// The registry has revoked it.
    Revoked,
    /// It was away for too long.
    Away,
}

impl Fault {
    /// The fault of node `number` where there is one.
    #[must_use]
    pub const fn of(number: u32) -> Self {
        match number % 3 {
            0 => Self::Unknown,
            1 => Self::Revoked,
            _ => Self::Away,
        }
    }
}

impl Default for Parties {
    fn default() -> Self {
        let grown = |suite, seed: u8| SeedSigner::from_seed(suite, [seed; SEED_LEN]);
        let log = LogSigners {
            ed25519: Box::new(grown(Suite::Ed25519, 1)),
            ml_dsa_44: Box::new(grown(Suite::MlDsa44, 2)),
        };
        let (operator, customer) = (grown(Suite::Ed25519, 3), grown(Suite::Ed25519, 4));
        let node = |number| GenesisNode {
            node_id: node_id(number),
            scheme: SCHEME.into(),
            key_hash: Hash32::of(&number.to_be_bytes()),
            domain: FailureDomain::default(),
        };
        let genesis = Genesis {
            name: "simulated.example/ledger".into(),
            log_keys: vec![log.ed25519.public_key(), log.ml_dsa_44.public_key()],
            operator: operator.public_key(),
            council: vec![grown(Suite::Ed25519, 5).public_key()],
            parameters: Parameters::v13(Profile::QFS_V13),
            rules: Rules::v13(),
            nodes: (0..NODES).map(node).collect(),
        };
        let keys = genesis.log_keys.iter();
        let verifiers = keys.filter_map(|key| VerifierKey::new(&genesis.name, key).ok()).collect();
        Self { ledger_id: genesis.ledger_id(), genesis, operator, customer, log, verifiers }
    }
}

/// Name of a node; the order of names is that of numbers.
#[must_use]
pub fn node_id(number: u32) -> NodeId {
    NodeId(format!("node-{number}"))
}

impl Parties {
    /// Identity of the ledger.
    #[must_use]
    pub const fn ledger_id(&self) -> Hash32 {
        self.ledger_id
    }

    /// Name of the log.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.genesis.name
    }

    /// Account of a client.
    #[must_use]
    pub fn account(&self, client: u8) -> AccountId {
        let signer = if client == 0 { &self.operator } else { &self.customer };
        AccountId::of(&signer.public_key())
    }

    /// The command that opens the ledger.
    #[must_use]
    pub fn open(&self) -> Command {
        let action = Action::Genesis(Box::new(self.genesis.clone()));
        self.unsigned(CommandId([0xff; 16]), 1, 0, action)
    }

    fn unsigned(
        &self,
        id: CommandId,
        valid_until_epoch: u64,
        client: u8,
        action: Action,
    ) -> Command {
        let payer = self.account(client);
        Command { id, valid_until_epoch, payer, action, authorization: Authorization::Operator }
    }

    /// The command of a client, signed unless the operator needs no signature for it.
    #[must_use]
    pub fn command(&self, id: CommandId, valid_until: u64, client: u8, action: Action) -> Command {
        let reserved = matches!(
            action,
            Action::AdvanceEpoch(_) | Action::OpenAudit(_) | Action::RecordAudit(_)
        );
        let command = self.unsigned(id, valid_until, client, action);
        match client {
            0 if !reserved => command,
            0 => command.sign(&self.ledger_id, &self.operator),
            _ => command.sign(&self.ledger_id, &self.customer),
        }
    }
}

/// A leaf of a version's only shard that is not empty.
#[must_use]
pub fn leaf(object: &ObjectId, version: u64, leaf: u64) -> Hash32 {
    Hash32::of_parts(&[object.0.as_bytes(), &version.to_be_bytes(), &leaf.to_be_bytes()])
}

/// Storing `size` bytes, at most two leaves of them.
#[must_use]
pub fn store(object: ObjectId, version: u64, epoch: u64, size: u64, keys: u8) -> Action {
    let leaves: Vec<Hash32> =
        (0..size.div_ceil(LEAF)).map(|at| leaf(&object, version, at)).collect();
    let empty = shard_tree::empty_root();
    let root = match leaves[..] {
        [] => empty,
        [only] => only,
        [left, right, ..] => Hash32::of_parts(&[&[1], left.as_ref(), right.as_ref()]),
    };
    let layout = Layout {
        size,
        block_size: BLOCK,
        profile: Profile::QFS_V13,
        roots: vec![root, empty, empty, empty],
    };
    let metadata = match keys {
        0 => "{}".to_owned(),
        1 => format!(r#"{{"openagi_score":{size}}}"#),
        _ => format!(r#"{{"created_at_tick":{version},"openagi_score":{size}}}"#),
    };
    Action::Store(Store {
        hash_commit: leaf(&object, version, size),
        object,
        version,
        epoch,
        metadata: metadata.into_bytes(),
        content: Content::Single(layout),
        custody: Custody::Claimed,
    })
}

/// Closing `epoch` with faults at the nodes whose bit is set.
#[must_use]
pub fn advance(epoch: u64, faults: u8) -> Action {
    let fault = |number: u32| (faults >> number & 1 == 1).then(|| Fault::of(number));
    let registry = (0..NODES).filter(|number| fault(*number) != Some(Fault::Unknown));
    let registry = registry.map(|node| RegistryFact {
        node,
        key: Some(Hash32::ZERO),
        scheme: SCHEME.into(),
        revoked: fault(node) == Some(Fault::Revoked),
        reason: String::new(),
    });
    let tenths = |node| if fault(node) == Some(Fault::Away) { 5 } else { 10 };
    let telemetry = (0..NODES).map(|node| TelemetryFact {
        node,
        reading: Some(Reading {
            uptime_ratio: Amount::from_raw(tenths(node) * 100_000_000_000_000_000),
            health_score: Amount::from_raw(1_000_000_000_000_000_000),
            conflict_detected: false,
            latency_bands: String::new(),
            error_count: None,
        }),
    });
    Action::AdvanceEpoch(AdvanceEpoch {
        closes: epoch,
        registry_hash: Hash32::ZERO,
        registry: registry.collect(),
        telemetry_hash: Hash32::ZERO,
        telemetry: telemetry.collect(),
    })
}

/// What `node` answers to an audit about one version of at most two leaves.
#[must_use]
pub fn record_audit(
    audit: u64,
    beacon: &Hash32,
    node: u32,
    object: ObjectId,
    version: u64,
    size: u64,
    shown: bool,
) -> Action {
    let challenged = challenged_leaf(beacon, &object, version, node, size);
    let path = if size > LEAF { vec![leaf(&object, version, 1 - challenged)] } else { Vec::new() };
    let proof = LeafProof { leaf_hash: leaf(&object, version, challenged), path };
    let answer =
        AuditAnswer { object, version, column: 0, leaf: challenged, proof: shown.then_some(proof) };
    Action::RecordAudit(RecordAudit { audit, node, answers: vec![answer] })
}

/// PL-5: the leaf of a version's first shard that a beacon challenges at a node.
#[must_use]
pub fn challenged_leaf(
    beacon: &Hash32,
    object: &ObjectId,
    version: u64,
    node: u32,
    size: u64,
) -> u64 {
    let shard = shard_id(object, version, 0);
    let node = node_id(node);
    let parts: [&[u8]; 4] =
        [b"qfs/v1/challenge", beacon.as_ref(), shard.as_ref(), node.0.as_bytes()];
    remainder(&Hash32::of_parts(&parts), size.div_ceil(LEAF).max(1))
}

/// Name of a shard.
#[must_use]
pub fn shard_id(object: &ObjectId, version: u64, column: u32) -> Hash32 {
    Hash32::of(format!("{object}:{version}:{column}").as_bytes())
}

/// A hash as a number, modulo a small one.
#[must_use]
pub fn remainder(hash: &Hash32, n: u64) -> u64 {
    hash.0.iter().fold(0, |rest, byte| (rest * 256 + u64::from(*byte)) % n)
}

/// Opening an audit of everything.
#[must_use]
pub const fn open_audit() -> Action {
    Action::OpenAudit(OpenAudit::All)
}
