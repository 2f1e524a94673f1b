//! The inputs that are kept: what is made here, and what fuzzing found.
//!
//! `seeds/TARGET/` holds one file for each, named by its hash. Valid inputs are made from a generated log and from constants,
//! because no search finds a hash or a signature; `cargo run -p fuzz --example seeds` writes them, and a test sees that they are
//! there. The others were found by fuzzing, and `scripts/fuzz.sh seeds` added what they reach.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use eqm_log::{
    ConsistencyProof, Frontier, LogProof, Misbehaviour, VerifierKey, tree::inclusion_proof,
};
use protocol::{
    Action, EntryBody, Hash32,
    canonical::encode,
    hash::hex_encode,
    signature::{SeedSigner, Signer, Suite},
};

use crate::{
    base::{BASE, exported},
    target::{segment, state, tiles},
};

/// The folder of the seeds of a target.
#[must_use]
pub fn folder(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds").join(target)
}

/// The file name of a seed: the first half of its hash, so that the same input has one name.
#[must_use]
pub fn name(seed: &[u8]) -> String {
    hex_encode(&Hash32::of(seed).0[..16])
}

/// Every seed that is made, with its target.
#[must_use]
pub fn made() -> Vec<(&'static str, Vec<u8>)> {
    let mut seeds = Vec::new();
    seeds.extend(entries());
    seeds.extend(files());
    seeds.extend(proofs());
    seeds.extend(texts().map(|(target, text)| (target, text.into())));
    seeds.push(("frontier", encode(&Frontier::new())));
    seeds.push(("frontier", encode(BASE.head.frontier())));
    seeds.push(("segment", segment::payload()));
    seeds.extend(tiles::bundles().map(|seed| ("tile", seed)));
    seeds.extend(state::records().map(|seed| ("record", seed)));
    seeds.extend([0, 2].map(|how| ("snapshot", vec![how])));
    seeds.extend(drawn());
    seeds
}

/// For targets that draw from their input what they do: inputs that are used up at once, and longer ones of no meaning, because
/// libFuzzer itself makes short ones only for a long time.
fn drawn() -> impl Iterator<Item = (&'static str, Vec<u8>)> {
    let targets = [
        "arithmetic",
        "audit",
        "erasure",
        "forgery",
        "history",
        "layout",
        "map-proof",
        "shard-file",
        "shard-proof",
        "signature",
        "state-store",
        "tile-tree",
        "tree-proof",
    ];
    targets.into_iter().flat_map(|target| [0, 1, 4, 12].map(|blocks| (target, meaningless(blocks))))
}

fn meaningless(blocks: u8) -> Vec<u8> {
    (0..blocks).flat_map(|block| Hash32::of(&[blocks, block]).0).collect()
}

/// The shortest entry of each kind and outcome, its command, and the genesis.
fn entries() -> Vec<(&'static str, Vec<u8>)> {
    let mut kinds = BTreeMap::new();
    for bytes in &BASE.log.bodies {
        let body = EntryBody::from_bytes(bytes).expect("an honest entry");
        let command = encode(&body.command);
        let kind =
            (command_kind(&body.command.action), body.to_bytes_with(&command)[bytes.len() - 2]);
        let known = kinds.entry(kind).or_insert_with(|| (bytes.clone(), command.clone()));
        if bytes.len() < known.0.len() {
            *known = (bytes.clone(), command);
        }
    }
    let opening = EntryBody::from_bytes(&BASE.log.bodies[0]).expect("an honest entry").command;
    let genesis = match opening.action {
        Action::Genesis(genesis) => encode(&*genesis),
        _ => unreachable!("a log begins with its genesis"),
    };
    let kinds = kinds.into_values();
    let mut seeds = vec![("genesis", genesis)];
    seeds.extend(kinds.flat_map(|(entry, command)| [("entry", entry), ("command", command)]));
    seeds
}

/// The number of the variant, which is its first byte.
fn command_kind(action: &Action) -> u8 {
    encode(action)[0]
}

/// Small exports, their notes and their keys.
fn files() -> Vec<(&'static str, Vec<u8>)> {
    let mut seeds = Vec::new();
    for bodies in [Vec::new(), vec![b"one".to_vec(), b"three".to_vec()]] {
        let file = exported(bodies);
        seeds.push(("export", [&[3][..], &file].concat()));
    }
    seeds.push(("checkpoint", BASE.note.clone().into()));
    seeds.push(("checkpoint", BASE.checkpoint.statement().text().into()));
    seeds.push(("note", BASE.note.clone().into()));
    seeds.extend(BASE.keys.iter().map(|key| ("vkey", key.to_string().into())));
    let witness = SeedSigner::from_seed(Suite::Ed25519, [77; 32]).public_key();
    let witness = VerifierKey::cosigner("witness.example/w", &witness).expect("a plain name");
    seeds.push(("vkey", witness.to_string().into()));
    let logs: String =
        BASE.keys.iter().map(|key| format!("log {key} https://log.example\n")).collect();
    let group = "group some 1 w\ngroup all any some\nquorum all\n";
    let policy =
        format!("# who is believed\n{logs}witness w {witness} https://w.example/\n{group}");
    seeds.push(("policy", policy.into()));
    seeds.push(("policy", format!("{logs}quorum none\n").into()));
    seeds
}

/// Proofs about the base log and about a log that it could have been.
fn proofs() -> Vec<(&'static str, Vec<u8>)> {
    let proof = |index| LogProof {
        extra: Vec::new(),
        index,
        path: inclusion_proof(&BASE.nodes, index, BASE.size()).expect("within the log"),
        checkpoint: BASE.note.clone(),
    };
    let same =
        ConsistencyProof { old: BASE.size(), path: Vec::new(), checkpoint: BASE.note.clone() };
    let accusation = Misbehaviour { one: proof(0), other: proof(0) };
    vec![
        ("tlog-proof", proof(0).to_string().into()),
        ("tlog-proof", LogProof { extra: b"extra".to_vec(), ..proof(1) }.to_string().into()),
        ("consistency", same.to_string().into()),
        ("misbehaviour", accusation.to_string().into()),
    ]
}

fn texts() -> impl Iterator<Item = (&'static str, &'static str)> {
    [
        ("decimal", "340282366920938463463.374607431768211455"),
        ("decimal", "0.000000000000000001"),
        ("decimal", "12"),
        ("json", r#"{"a":[1,-2,"\u00e9\ud83d\ude00\n",true,false,null],"\ufb33":{}}"#),
        ("json", "[9007199254740991,-9007199254740991,0]"),
        ("metadata", r#"{"author_node_id":"n","created_at_tick":7,"tags":["a","b"],"openagi_score":10}"#),
        ("metadata", r#"{"atr_fee_events":[1,"x"],"placement":{"region":["EU","US"]}}"#),
        ("metadata", r#"{"aegis_telemetry_stub":{"node_id":"n","at_epoch":1},"placement.region":"EU"}"#),
        ("registry", r#"{"schema_version":"v1.0","nodes":{"node-000":{"pqc_public_key":"00","pqc_scheme":"ML-DSA-44","revoked":false},"n":{"revoked":true,"revocation_reason":"lost"}}}"#),
        ("telemetry", r#"{"schema_version":"v1.0","nodes":{"node-000":{"uptime_ratio":"0.95","health_score":"1","conflict_detected":false,"latency_bands":{"p50":3},"error_count":2},"n":{}}}"#),
        ("text", "a7ffc6f8bf1ed76651c14756a061d662f580ff4de43b49fa82d80a4b80f8434a"),
        ("text", "00112233445566778899aabbccddeeff"),
        ("text", "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="),
        ("text", "ML-DSA-44"),
        ("tile-path", "tile/entries/x001/234.p/5"),
        ("tile-path", "tile/0/000"),
        ("tile-path", "tile/7/000.p/127"),
    ]
    .into_iter()
}
