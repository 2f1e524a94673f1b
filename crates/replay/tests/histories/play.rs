//! What people do with a ledger, and what they should not do.

use crate::ledger::{BLOCK, CLIENTS, COUNCIL, Ledger, NODES, node_id};
use protocol::{
    Action, Amount, Hash32, ObjectId, Outcome, Profile,
    command::{
        AdvanceEpoch, AuditAnswer, Content, Custody, LeafProof, OpenAudit, Propose, Reassign,
        RecordAudit, RecordScore, RegisterNode, Store, Vote,
    },
    governance::{Change, Speaker},
    metadata::Metadata,
    node::{Reading, RegistryFact, TelemetryFact},
    parameters::{Parameter, Value},
    rules::{DomainKind, Quarantine, Rule},
    signature::Signer,
};
use std::convert::Infallible;
use storage_engine::{
    audit::challenged_leaf,
    content::{hash_commit, shard_id},
    decide::replacement,
    layout::{Geometry, LayoutBuilder},
    shard_tree::leaf_count,
    state::records::StoredRecord,
};

const ONE: u128 = 1_000_000_000_000_000_000;
const OBJECTS: [&str; 5] = ["a", "b", "c", "d", "e"];

pub fn all(ledger: &mut Ledger<'_>) {
    let commands = 50 + ledger.draw.below(30) as usize;
    while ledger.bodies.len() < commands {
        match ledger.draw.below(100) {
            0..=24 => store(ledger),
            25..=29 => end(ledger),
            30..=44 => advance(ledger),
            45..=55 => audit(ledger),
            56..=60 => credit(ledger),
            61..=64 => register(ledger),
            65..=66 => exit(ledger),
            67..=73 => reassign(ledger),
            74..=81 => propose(ledger),
            82..=90 => vote(ledger),
            91..=96 => activate(ledger),
            _ => score(ledger),
        }
    }
}

/// A client, and now and then the operator.
fn someone(ledger: &mut Ledger<'_>) -> &'static str {
    if ledger.draw.chance(10) { "operator" } else { ledger.draw.pick(&CLIENTS) }
}

fn object(ledger: &mut Ledger<'_>) -> ObjectId {
    ObjectId(ledger.draw.pick(&OBJECTS).into())
}

/// The greatest version of an object so far.
fn latest(ledger: &Ledger<'_>, id: &ObjectId) -> u64 {
    ledger.state.object(id).unwrap().map_or(0, |object| object.latest)
}

fn a_version(ledger: &mut Ledger<'_>) -> (ObjectId, u64) {
    let id = object(ledger);
    let latest = latest(ledger, &id);
    let version = latest.saturating_sub(ledger.draw.below(2));
    (id, if ledger.draw.chance(5) { 0 } else { version.max(1) })
}

fn store(ledger: &mut Ledger<'_>) {
    let object = object(ledger);
    let owner = ledger.state.object(&object).unwrap().map(|object| object.owner);
    let mut by = someone(ledger);
    if let Some(owner) = owner
        && ledger.draw.chance(90)
    {
        let own = ["alice", "bob", "carol", "operator"];
        by = own.into_iter().find(|name| ledger.account(name) == owner).unwrap_or(by);
    }
    let profile = ledger.state.ledger().unwrap().parameters.profile;
    let metadata = metadata(ledger);
    let size = ledger.draw.below(16_000) as usize;
    let content = vec![ledger.draw.below(256) as u8; size];
    let mut builder = LayoutBuilder::new(BLOCK, profile).unwrap();
    let mut nowhere = |_: u32, _: &[u8], _: &[Hash32]| Ok::<(), Infallible>(());
    builder.push(&content, &mut nowhere).unwrap();
    let layout = builder.finish(&mut nowhere).unwrap();
    let version = latest(ledger, &object) + if ledger.draw.chance(95) { 1 } else { 0 };
    let epoch = ledger.state.epoch().saturating_sub(u64::from(ledger.draw.chance(20)));
    let store = Store {
        object,
        version,
        epoch,
        hash_commit: hash_commit(&content, metadata.canonical().as_bytes()),
        metadata: metadata.canonical().into(),
        content: Content::Single(layout),
        custody: Custody::Claimed,
    };
    ledger.person(by, Action::Store(store));
}

fn metadata(ledger: &mut Ledger<'_>) -> Metadata {
    let text = ledger.draw.pick(&[
        "{}",
        "{}",
        "{}",
        "{}",
        r#"{"k":1}"#,
        r#"{"tags":["x"],"k":2}"#,
        r#"{"placement":{"region":"EU"}}"#,
        r#"{"placement.region":["EU","US"]}"#,
        r#"{"placement.region":"MOON"}"#,
    ]);
    Metadata::normalise(text.as_bytes(), 16_384).unwrap()
}

fn end(ledger: &mut Ledger<'_>) {
    let by = someone(ledger);
    let action = if ledger.draw.chance(40) {
        let object = object(ledger);
        let version = latest(ledger, &object) + 1;
        Action::DeleteMarker { object, version }
    } else {
        let (object, version) = a_version(ledger);
        Action::Purge { object, version }
    };
    ledger.person(by, action);
}

fn advance(ledger: &mut Ledger<'_>) {
    let nodes = ledger.state.nodes().len() as u32;
    let mut facts = AdvanceEpoch {
        closes: ledger.state.epoch() + u64::from(ledger.draw.chance(4)),
        registry_hash: Hash32::ZERO,
        registry: Vec::new(),
        telemetry_hash: Hash32::ZERO,
        telemetry: Vec::new(),
    };
    // Most epochs are quiet; in the others things go wrong at many nodes at once.
    let quiet = ledger.draw.chance(70);
    for node in 0..nodes {
        if quiet {
            facts.registry.push(registered(node));
            facts.telemetry.push(TelemetryFact { node, reading: Some(reading(100, 100)) });
            continue;
        }
        if ledger.draw.chance(97) {
            let mut fact = registered(node);
            fact.key = fact.key.filter(|_| ledger.draw.chance(98));
            fact.scheme = if ledger.draw.chance(98) { fact.scheme } else { "RSA".into() };
            fact.revoked = ledger.draw.chance(3);
            facts.registry.push(fact);
        }
        let uptime = if ledger.draw.chance(90) { 90 + ledger.draw.below(11) } else { 80 };
        let mut reading = reading(uptime, if ledger.draw.chance(95) { 80 } else { 70 });
        reading.conflict_detected = ledger.draw.chance(2);
        let reading = ledger.draw.chance(98).then_some(reading);
        facts.telemetry.push(TelemetryFact { node, reading });
    }
    let by = if ledger.draw.chance(97) { "operator" } else { "alice" };
    ledger.person(by, Action::AdvanceEpoch(facts));
}

fn registered(node: u32) -> RegistryFact {
    let (key, scheme) = (Some(Hash32::ZERO), "ML-DSA-44".into());
    RegistryFact { node, key, scheme, revoked: false, reason: String::new() }
}

fn reading(uptime: u64, health: u64) -> Reading {
    let ratio = |percent: u64| Amount::from_raw(u128::from(percent) * (ONE / 100));
    Reading {
        uptime_ratio: ratio(uptime),
        health_score: ratio(health),
        conflict_detected: false,
        latency_bands: String::new(),
        error_count: None,
    }
}

/// Opens an audit, and answers for some nodes; a tenth of the answers have nothing to show.
fn audit(ledger: &mut Ledger<'_>) {
    let scope = match ledger.draw.below(3) {
        0 => OpenAudit::Sample(1 + ledger.draw.number(4)),
        _ => OpenAudit::All,
    };
    let audit = ledger.bodies.len() as u64;
    if !matches!(ledger.operator(Action::OpenAudit(scope)), Outcome::Accepted(_)) {
        return;
    }
    let mut stored: Vec<(String, u64, StoredRecord)> = Vec::new();
    let mut take =
        |name: &str, version: u64, record: storage_engine::state::records::VersionRecord| {
            stored.extend(record.stored.map(|record| (name.to_owned(), version, record)));
            true
        };
    ledger.state.visit_versions("", &mut take).unwrap();
    for node in 0..ledger.state.nodes().len() as u32 {
        let mut answers = Vec::new();
        for (name, version, record) in &stored {
            answers.extend(answers_of(ledger, node, name, *version, record));
        }
        if answers.is_empty() || ledger.draw.chance(20) {
            continue;
        }
        let node = if ledger.draw.chance(98) { node } else { node + 1 };
        ledger.operator(Action::RecordAudit(RecordAudit { audit, node, answers }));
    }
}

fn answers_of(
    ledger: &mut Ledger<'_>,
    node: u32,
    name: &str,
    version: u64,
    record: &StoredRecord,
) -> Vec<AuditAnswer> {
    let Content::Single(layout) = &record.content else { return Vec::new() };
    let geometry = Geometry::of(layout).unwrap();
    let beacon = ledger.state.ledger().unwrap().audit.unwrap().beacon;
    let holder = ledger.state.node(node).unwrap().node_id.clone();
    let copies = record.assignment.chunks(usize::from(layout.profile.replicas));
    let mut answers = Vec::new();
    for ((column, root), nodes) in (0..).zip(&layout.roots).zip(copies) {
        let leaves = leaf_count(geometry.shard_len(column));
        let leaf = challenged_leaf(&beacon, &shard_id(name, version, column), &holder, leaves);
        // Columns of several leaves would need their tree; content this small has at most two.
        let (Some(leaf), true) = (leaf, nodes.contains(&node) && leaves == 1) else { continue };
        let proof = LeafProof { leaf_hash: *root, path: Vec::new() };
        let proof = ledger.draw.chance(92).then_some(proof);
        let object = ObjectId(name.into());
        answers.push(AuditAnswer { object, version, column, leaf, proof });
    }
    answers
}

fn amount(ledger: &mut Ledger<'_>) -> Amount {
    let raw = match ledger.draw.below(12) {
        0 => 0,
        1 => u128::MAX,
        2 => ONE * 1_000_000_000_001,
        3 => 1,
        _ => ONE * u128::from(ledger.draw.below(5_000)),
    };
    Amount::from_raw(raw)
}

fn credit(ledger: &mut Ledger<'_>) {
    let name = someone(ledger);
    let (account, amount) = (ledger.account(name), amount(ledger));
    let by = if ledger.draw.chance(90) { "operator" } else { "bob" };
    ledger.person(by, Action::Credit { account, amount });
}

fn register(ledger: &mut Ledger<'_>) {
    let next = ledger.state.nodes().len() as u32;
    let number = if ledger.draw.chance(70) { next } else { ledger.draw.number(next) };
    if number >= NODES {
        return;
    }
    let domain = match ledger.state.node(number) {
        Some(node) if ledger.draw.chance(80) => node.domain.clone(),
        _ => ledger.domain(),
    };
    let node = RegisterNode {
        node_id: node_id(number),
        scheme: "ML-DSA-44".into(),
        public_key: ledger.keys.node(number).public_key().bytes,
        domain,
    };
    ledger.operator(Action::RegisterNode(node));
}

fn a_node(ledger: &mut Ledger<'_>) -> u32 {
    let nodes = ledger.state.nodes().len() as u32;
    let beyond = u32::from(ledger.draw.chance(5));
    ledger.draw.number(nodes + beyond)
}

fn exit(ledger: &mut Ledger<'_>) {
    let node = a_node(ledger);
    match ledger.draw.below(4) {
        0 => drop(ledger.person("alice", Action::Exit { node })),
        1 => drop(ledger.node(node.min(NODES - 1), Action::Exit { node })),
        _ => drop(ledger.operator(Action::Exit { node })),
    }
}

fn reassign(ledger: &mut Ledger<'_>) {
    let (object, version) = a_version(ledger);
    let Some(record) = ledger.state.version(&object, version).unwrap() else { return };
    let Some(stored) = record.stored else { return };
    let Content::Single(layout) = &stored.content else { return };
    let replicas = u32::from(layout.profile.replicas);
    // A copy of a node that may lose it, if there is one.
    let eligible = ledger.state.eligible();
    let lost = stored.assignment.iter().position(|node| !eligible.contains(node));
    let chosen = ledger.draw.number(stored.assignment.len() as u32);
    let at = lost.map_or(chosen, |at| at as u32);
    let (column, copy) = (at / replicas, at % replicas);
    let from = stored.assignment[at as usize];
    let mut moved = Reassign { object, version, column, copy, from, to: 0 };
    let to = replacement(&ledger.state, &moved, &stored).unwrap();
    moved.to = match to {
        Some(to) if ledger.draw.chance(90) => to,
        _ => a_node(ledger),
    };
    ledger.operator(Action::Reassign(moved));
}

fn change(ledger: &mut Ledger<'_>) -> Change {
    let share = |draw: u64| Value::Amount(Amount::from_raw(u128::from(draw) * (ONE / 100)));
    let parameter =
        |parameter: Parameter, value| Change::Parameter { parameter: parameter.number(), value };
    match ledger.draw.below(16) {
        0 => parameter(Parameter::quorum, share(45 + ledger.draw.below(50))),
        1 => parameter(Parameter::pool_share, share(ledger.draw.below(60))),
        2 => parameter(Parameter::node_reward_cap, share(ledger.draw.below(60))),
        3 => parameter(Parameter::fee_per_kib, share(ledger.draw.below(90_000))),
        4 => parameter(Parameter::prepaid, Value::Flag(ledger.draw.chance(50))),
        5 => parameter(Parameter::pool_cap, share(ledger.draw.below(4_000))),
        6 => parameter(Parameter::profile, Value::Profile(Profile::QFS_V13)),
        7 => Change::Rule(Rule::DeniedRegions(vec![ledger.draw.pick(&["EU", "US"]).into()])),
        8 => Change::Rule(Rule::FailureDomain(ledger.draw.pick(&DomainKind::ALL))),
        9 => {
            let failures = ledger.draw.number(4);
            Change::Rule(Rule::Quarantine(Quarantine { failures, epochs: 1 + failures }))
        }
        10 => Change::Expel(a_node(ledger)),
        11 => Change::Quarantine(a_node(ledger)),
        12 => Change::Reinstate(a_node(ledger)),
        13 => parameter(Parameter::leaf_size, Value::Integer(4_096)),
        _ => {
            let name = someone(ledger);
            Change::Credit { account: ledger.account(name), amount: amount(ledger) }
        }
    }
}

/// A speaker, and mostly its own key.
fn speak(ledger: &mut Ledger<'_>, action: impl FnOnce(Speaker) -> Action) {
    let speaker = match ledger.draw.below(10) {
        0..=3 => Speaker::Operator,
        4..=7 => Speaker::Council(ledger.draw.number(COUNCIL)),
        _ => Speaker::Node(ledger.draw.number(ledger.state.nodes().len() as u32)),
    };
    speak_as(ledger, speaker, action(speaker));
}

fn speak_as(ledger: &mut Ledger<'_>, speaker: Speaker, action: Action) {
    if ledger.draw.chance(5) {
        let by = someone(ledger);
        ledger.person(by, action);
        return;
    }
    match speaker {
        Speaker::Operator => ledger.operator(action),
        Speaker::Council(member) => ledger.person(&format!("council-{member}"), action),
        Speaker::Node(node) => ledger.node(node, action),
    };
}

fn propose(ledger: &mut Ledger<'_>) {
    let (change, emergency) = (change(ledger), ledger.draw.chance(60));
    speak(ledger, |speaker| Action::Propose(Propose { speaker, change, emergency }));
}

fn a_proposal(ledger: &mut Ledger<'_>) -> u64 {
    let made = ledger.state.ledger().unwrap().proposals;
    made.saturating_sub(ledger.draw.below(3)).max(u64::from(!ledger.draw.chance(4)))
}

/// Mostly everyone who may vote does, and mostly for it.
fn vote(ledger: &mut Ledger<'_>) {
    let proposal = a_proposal(ledger);
    if ledger.draw.chance(15) {
        let approve = ledger.draw.chance(50);
        speak(ledger, |speaker| Action::Vote(Vote { proposal, speaker, approve }));
        return;
    }
    for (speaker, _) in ledger.state.electors(proposal).unwrap() {
        if ledger.draw.chance(90) {
            let approve = ledger.draw.chance(90);
            speak_as(ledger, speaker, Action::Vote(Vote { proposal, speaker, approve }));
        }
    }
}

fn activate(ledger: &mut Ledger<'_>) {
    for _ in 0..3 {
        let proposal = a_proposal(ledger);
        speak(ledger, |speaker| Action::Activate { proposal, speaker });
    }
}

fn score(ledger: &mut Ledger<'_>) {
    let (object, version) = a_version(ledger);
    let score = ledger.draw.number(1_000_002);
    let by = if ledger.draw.chance(80) { "carol" } else { "alice" };
    ledger.person(by, Action::RecordScore(RecordScore { object, version, score }));
}
