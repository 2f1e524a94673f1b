//! Actions for tests, with everything that a test does not care about filled in.

use protocol::{
    Action, Amount, Genesis, Hash32, Layout, NodeId, ObjectId, Parameters, Profile, Rules,
    command::{
        AdvanceEpoch, AuditAnswer, Content, Custody, LeafProof, OpenAudit, Propose, Reassign,
        RecordAudit, RecordScore, RegisterNode, Store, Vote,
    },
    genesis::GenesisNode,
    governance::{Change, Speaker},
    node::{FailureDomain, NodeNumber, Reading, RegistryFact, TelemetryFact},
    parameters::{Parameter, Value},
    signature::{SeedSigner, Signer, Suite},
};
use std::convert::Infallible;
use storage_engine::{
    audit::challenged_leaf,
    content::{hash_commit, shard_id},
    layout::LayoutBuilder,
    shard_tree::{LevelReader, parents, path},
    state::{MemoryStore, State},
};

use super::By;

pub const BLOCK: u32 = 4096;
pub const SCHEME: &str = "ML-DSA-44";

/// A small profile with parity.
pub const EC: Profile = Profile { data: 2, parity: 2, replicas: 1 };

pub fn object(name: &str) -> ObjectId {
    ObjectId(name.into())
}

pub fn node_id(number: u32) -> NodeId {
    NodeId(format!("node-{number:03}"))
}

/// The key of [`By::Node`]; where there are more nodes than those, something of a key's length.
pub fn node_key(number: u32) -> Vec<u8> {
    match u8::try_from(number) {
        Ok(number) if number < 16 => By::Node(number).signer().public_key().bytes,
        _ => number.to_be_bytes().repeat(1_312 / 4),
    }
}

pub fn parameters(profile: Profile) -> Parameters {
    Parameters { block_size: BLOCK, ..Parameters::v13(profile) }
}

pub fn genesis(nodes: u32) -> Genesis {
    genesis_with(nodes, parameters(Profile::QFS_V13))
}

pub fn genesis_with(nodes: u32, parameters: Parameters) -> Genesis {
    let key = |suite| SeedSigner::from_seed(suite, [9; 32]).public_key();
    let node = |number| GenesisNode {
        node_id: node_id(number),
        scheme: SCHEME.into(),
        key_hash: Hash32::of(&node_key(number)),
        domain: FailureDomain::default(),
    };
    let mut rules = Rules::v13();
    rules.scorers = vec![By::Alice.account()];
    Genesis {
        name: "qfs.test/ledger".into(),
        log_keys: vec![key(Suite::Ed25519), key(Suite::MlDsa44)],
        operator: By::Operator.signer().public_key(),
        council: vec![By::Alice.signer().public_key()],
        parameters,
        rules,
        nodes: (0..nodes).map(node).collect(),
    }
}

/// Content that was laid out, with the leaves that audits ask for.
#[derive(Clone, Debug)]
pub struct Sample {
    pub layout: Layout,
    pub commit: Hash32,
    leaves: Vec<Vec<Hash32>>,
}

pub fn sample(size: usize, profile: Profile) -> Sample {
    let content: Vec<u8> = (0..size).map(|i| (i % 251) as u8).collect();
    let mut leaves = vec![Vec::new(); profile.columns() as usize];
    let mut sink = |column: u32, _: &[u8], hashes: &[Hash32]| {
        leaves[column as usize].extend_from_slice(hashes);
        Ok::<(), Infallible>(())
    };
    let mut builder = LayoutBuilder::new(BLOCK, profile).unwrap();
    builder.push(&content, &mut sink).unwrap();
    let layout = builder.finish(&mut sink).unwrap();
    Sample { layout, commit: hash_commit(&content, b"{}"), leaves }
}

pub fn store(name: &str, version: u64, epoch: u64, sample: &Sample) -> Store {
    Store {
        object: object(name),
        version,
        epoch,
        hash_commit: sample.commit,
        metadata: b"{}".to_vec(),
        content: Content::Single(sample.layout.clone()),
        custody: Custody::Claimed,
    }
}

/// Stores one byte, placed under epoch 1.
pub fn put(name: &str, version: u64) -> Action {
    put_at(name, version, 1)
}

pub fn put_at(name: &str, version: u64, epoch: u64) -> Action {
    Action::Store(store(name, version, epoch, &sample(1, Profile::QFS_V13)))
}

/// Stores `size` bytes under `profile`.
pub fn put_sized(name: &str, version: u64, size: usize, profile: Profile) -> Action {
    Action::Store(store(name, version, 1, &sample(size, profile)))
}

/// [`put`] with one thing changed.
pub fn put_with(name: &str, change: impl FnOnce(&mut Store)) -> Action {
    let mut store = store(name, 1, 1, &sample(1, Profile::QFS_V13));
    change(&mut store);
    Action::Store(store)
}

/// [`put`] with one thing of its layout changed.
pub fn put_layout(name: &str, change: impl FnOnce(&mut Layout)) -> Action {
    put_with(name, |store| {
        if let Content::Single(layout) = &mut store.content {
            change(layout);
        }
    })
}

pub fn delete(name: &str, version: u64) -> Action {
    Action::DeleteMarker { object: object(name), version }
}

pub fn purge(name: &str, version: u64) -> Action {
    Action::Purge { object: object(name), version }
}

pub fn reassign(
    name: &str,
    version: u64,
    (column, copy): (u32, u32),
    from: u32,
    to: u32,
) -> Action {
    Action::Reassign(Reassign { object: object(name), version, column, copy, from, to })
}

pub fn register(number: u32) -> RegisterNode {
    RegisterNode {
        node_id: node_id(number),
        scheme: SCHEME.into(),
        public_key: node_key(number),
        domain: FailureDomain::default(),
    }
}

pub fn ratio(percent: u128) -> Amount {
    Amount::from_raw(percent * 10_000_000_000_000_000)
}

/// Closes an epoch with facts that verify exactly `nodes`, which ascend.
pub fn facts(closes: u64, nodes: &[NodeNumber]) -> AdvanceEpoch {
    let registry = |node: &u32| RegistryFact {
        node: *node,
        key: Some(Hash32::of(&node.to_be_bytes())),
        scheme: SCHEME.into(),
        revoked: false,
        reason: String::new(),
    };
    let telemetry = |node: &u32| TelemetryFact {
        node: *node,
        reading: Some(Reading {
            uptime_ratio: ratio(100),
            health_score: ratio(100),
            conflict_detected: false,
            latency_bands: String::new(),
            error_count: None,
        }),
    };
    AdvanceEpoch {
        closes,
        registry_hash: Hash32::of(b"registry"),
        registry: nodes.iter().map(registry).collect(),
        telemetry_hash: Hash32::of(b"telemetry"),
        telemetry: nodes.iter().map(telemetry).collect(),
    }
}

pub fn advance(closes: u64, nodes: &[NodeNumber]) -> Action {
    Action::AdvanceEpoch(facts(closes, nodes))
}

/// [`advance`] with nodes 0 to 2 and one thing changed.
pub fn advance_with(closes: u64, change: impl FnOnce(&mut AdvanceEpoch)) -> Action {
    let mut facts = facts(closes, &[0, 1, 2]);
    change(&mut facts);
    Action::AdvanceEpoch(facts)
}

pub fn record(audit: u64, node: NodeNumber, answers: Vec<AuditAnswer>) -> Action {
    Action::RecordAudit(RecordAudit { audit, node, answers })
}

struct Levels(Vec<Vec<Hash32>>);

impl LevelReader for Levels {
    type Error = Infallible;
    fn node(&self, level: u32, index: u64) -> Result<Hash32, Infallible> {
        Ok(self.0[level as usize][index as usize])
    }
}

/// The true answer of `node` to the open audit, for a shard that is not empty.
pub fn answer(
    state: &State<MemoryStore>,
    sample: &Sample,
    (name, version, column): (&str, u64, u32),
    node: NodeNumber,
) -> AuditAnswer {
    let beacon = state.ledger().unwrap().audit.unwrap().beacon;
    let leaves = &sample.leaves[column as usize];
    let shard = shard_id(name, version, column);
    let holder = &state.node(node).unwrap().node_id;
    let leaf = challenged_leaf(&beacon, &shard, holder, leaves.len() as u64).unwrap();
    let mut levels = vec![leaves.clone()];
    while levels.last().unwrap().len() > 1 {
        levels.push(parents(levels.last().unwrap()));
    }
    let Ok(path) = path(&Levels(levels), leaves.len() as u64, leaf);
    AuditAnswer {
        object: object(name),
        version,
        column,
        leaf,
        proof: Some(LeafProof { leaf_hash: leaves[leaf as usize], path }),
    }
}

/// The node to which the copy of version 1 of an object moves.
pub fn replacement(
    state: &State<MemoryStore>,
    name: &str,
    place: (u32, u32),
) -> Option<NodeNumber> {
    replacement_in(state, name, 1, place)
}

/// The node to which a copy moves.
pub fn replacement_in(
    state: &State<MemoryStore>,
    name: &str,
    version: u64,
    (column, copy): (u32, u32),
) -> Option<NodeNumber> {
    let moved = Reassign { object: object(name), version, column, copy, from: 0, to: 0 };
    let stored = state.version(&moved.object, version).unwrap().unwrap().stored.unwrap();
    storage_engine::decide::replacement(state, &moved, &stored).unwrap()
}

pub fn credit(by: By, atr: u128) -> Action {
    let amount = Amount::from_raw(atr * 1_000_000_000_000_000_000);
    Action::Credit { account: by.account(), amount }
}

pub fn propose(speaker: Speaker, change: Change, emergency: bool) -> Action {
    Action::Propose(Propose { speaker, change, emergency })
}

pub fn vote(proposal: u64, speaker: Speaker, approve: bool) -> Action {
    Action::Vote(Vote { proposal, speaker, approve })
}

pub fn activate(proposal: u64, speaker: Speaker) -> Action {
    Action::Activate { proposal, speaker }
}

/// Another quorum, in percent.
pub fn quorum(percent: u128) -> Change {
    set(Parameter::quorum, Value::Amount(ratio(percent)))
}

pub fn set(parameter: Parameter, value: Value) -> Change {
    Change::Parameter { parameter: parameter.number(), value }
}

pub fn score(name: &str, version: u64, score: u32) -> Action {
    Action::RecordScore(RecordScore { object: object(name), version, score })
}

/// The action in a few words, for failures.
pub fn brief(action: &Action) -> String {
    match action {
        Action::Store(s) => format!("store {:.20} {} (epoch {})", s.object.0, s.version, s.epoch),
        Action::DeleteMarker { object, version } => format!("delete {object} {version}"),
        Action::Purge { object, version } => format!("purge {object} {version}"),
        Action::Genesis(genesis) => format!("genesis of {} nodes", genesis.nodes.len()),
        Action::RegisterNode(node) => format!("register {}", node.node_id),
        Action::AdvanceEpoch(advance) => format!("close epoch {}", advance.closes),
        Action::Reassign(reassign) => format!("{reassign:?}"),
        Action::OpenAudit(scope) => format!("open audit {scope:?}"),
        Action::RecordAudit(record) => {
            let (audit, node, answers) = (record.audit, record.node, record.answers.len());
            format!("audit {audit}, node {node}, {answers} answers")
        }
        other => format!("{other:?}"),
    }
}

pub const ALL: Action = Action::OpenAudit(OpenAudit::All);
