//! The table of targets.

mod checkpoint;
mod content;
mod engine;
mod export;
mod json;
mod ledger;
mod math;
mod proofs;
pub(crate) mod segment;
mod shards;
mod snapshot;
pub(crate) mod state;
mod text;
pub(crate) mod tiles;

/// Something that is fuzzed.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name, and that of its folder of seeds.
    pub name: &'static str,
    /// Feeds it one input.
    ///
    /// # Panics
    /// When what the target promises does not hold.
    pub run: fn(&[u8]),
    /// Longest input that is worth making up, in bytes.
    pub longest: usize,
    /// Dictionary of its text format, in `dictionaries/`.
    pub dictionary: Option<&'static str>,
}

const fn bytes(name: &'static str, run: fn(&[u8]), longest: usize) -> Target {
    Target { name, run, longest, dictionary: None }
}

const fn words(
    name: &'static str,
    run: fn(&[u8]),
    longest: usize,
    dictionary: &'static str,
) -> Target {
    Target { name, run, longest, dictionary: Some(dictionary) }
}

/// Every target, by name.
pub const TARGETS: &[Target] = &[
    bytes("arithmetic", math::arithmetic, 64),
    bytes("audit", export::audit, 1_024),
    words("checkpoint", checkpoint::checkpoint, 8_192, "note"),
    bytes("command", ledger::command, 4_096),
    words("consistency", proofs::consistency, 8_192, "note"),
    words("decimal", math::decimal, 64, "decimal"),
    bytes("entry", ledger::entry, 4_096),
    bytes("erasure", content::erasure, 4_096),
    bytes("export", export::export, 16_384),
    bytes("forgery", export::forgery, 1_024),
    bytes("frontier", tiles::frontier, 2_100),
    bytes("genesis", ledger::genesis, 8_192),
    bytes("history", engine::history, 512),
    words("json", json::json, 4_096, "json"),
    bytes("layout", content::layout, 256),
    bytes("map-proof", state::map_proof, 4_096),
    words("metadata", json::metadata, 4_096, "metadata"),
    words("misbehaviour", proofs::misbehaviour, 16_384, "note"),
    words("note", checkpoint::note, 8_192, "note"),
    words("policy", checkpoint::policy, 8_192, "policy"),
    bytes("record", state::record, 4_096),
    words("registry", json::registry, 4_096, "snapshot"),
    bytes("segment", segment::segment, 4_096),
    bytes("shard-file", shards::shard_file, 512),
    bytes("shard-proof", content::shard_proof, 512),
    bytes("signature", text::signature, 8_192),
    bytes("snapshot", snapshot::snapshot, 16_384),
    bytes("state-store", state::state_store, 512),
    words("telemetry", json::telemetry, 4_096, "snapshot"),
    words("text", text::text, 256, "text"),
    bytes("tile", tiles::tile, 16_384),
    words("tile-path", tiles::tile_path, 80, "tile-path"),
    bytes("tile-tree", tiles::tile_tree, 512),
    words("tlog-proof", proofs::tlog_proof, 8_192, "note"),
    bytes("tree-proof", proofs::tree_proof, 512),
    words("vkey", checkpoint::vkey, 2_048, "note"),
];
