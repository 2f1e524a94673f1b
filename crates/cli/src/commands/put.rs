//! `put`: bytes to their nodes first, then the ledger, many objects to one sync.

use super::text_or_file;
use crate::{
    app::App,
    args::PutArgs,
    error::{CliError, Result, accepted},
    tree::{Source, collect},
};
use indicatif::ProgressBar;
use journal::Submitted;
use node::{
    Uploads,
    objects::{Placement, placed_shards},
};
use protocol::{
    Action, ErrorCode, Event, ObjectId, Outcome, Refusal,
    command::{Content, Store},
    metadata::Metadata,
    node::NodeNumber,
};
use serde_json::{Map, Value, json};
use shard_store::fleet::sync_all;
use std::{
    fs::File,
    io::{self, Read},
};

/// Objects that one sync of the nodes and one of the log make durable together.
const BATCH_OBJECTS: usize = 128;
/// Bytes of content after which a batch is closed early.
const BATCH_BYTES: u64 = 128 << 20;

/// Stored at its nodes, not yet in the ledger.
struct Uploaded {
    store: Store,
    nodes: Vec<NodeNumber>,
}

pub fn run(app: &mut App, args: &PutArgs) -> Result<()> {
    let limit = match app.state()?.ledger() {
        Some(ledger) => ledger.parameters.metadata_limit,
        None => 0,
    };
    let metadata = Metadata::normalise(&text_or_file(&args.metadata)?, limit)?;
    let inputs =
        collect(&app.out, &args.paths, args.object_id.as_deref(), args.hash_ids.as_deref())?;
    let total = inputs.values().map(size_hint).sum();
    let progress = app.out.progress(total, "storing", true);
    let (mut batch, mut bytes, mut failed) = (Vec::new(), 0, false);
    for (id, source) in inputs {
        match send(app, &ObjectId(id), &source, args.version, &metadata, &progress) {
            Ok(uploaded) => {
                bytes += size_of_content(&uploaded.store);
                batch.push(uploaded);
            }
            Err(CliError::Failed(refusal)) => {
                failed = true;
                progress.suspend(|| app.out.failure(&refusal));
            }
            Err(other) => return Err(other),
        }
        if batch.len() >= BATCH_OBJECTS || bytes >= BATCH_BYTES {
            failed |= !settle(app, std::mem::take(&mut batch), &progress)?;
            bytes = 0;
        }
    }
    failed |= !settle(app, batch, &progress)?;
    progress.finish_and_clear();
    if failed { Err(CliError::Reported) } else { Ok(()) }
}

fn size_hint(source: &Source) -> u64 {
    match source {
        Source::File(path) => path.metadata().map_or(0, |metadata| metadata.len()),
        Source::Stdin => 0,
    }
}

const fn size_of_content(store: &Store) -> u64 {
    match &store.content {
        Content::Single(layout) => layout.size,
        Content::Manifest { size, .. } => *size,
    }
}

/// Writes the shards to their nodes. Nothing is acknowledged yet: a crash from here to the receipt
/// leaves shards that no entry names.
fn send(
    app: &mut App,
    object: &ObjectId,
    source: &Source,
    version: Option<u64>,
    metadata: &Metadata,
    progress: &ProgressBar,
) -> Result<Uploaded> {
    let data_dir = app.data_dir().to_path_buf();
    let (state, fleet) = app.parts()?;
    let placement = Placement::of(state, object, version, metadata)?;
    let nodes = placement.nodes().to_vec();
    let uploads = Uploads::of(&data_dir, placement.epoch);
    let mut reader = open(source)?;
    let before = progress.position();
    let mut show = |taken| progress.set_position(before + taken);
    let store = placement
        .send(fleet, &uploads, &mut reader, &mut show)
        .map_err(|failure| named(source, failure.into()))?;
    Ok(Uploaded { store, nodes })
}

fn open(source: &Source) -> Result<Box<dyn Read>> {
    match source {
        Source::Stdin => Ok(Box::new(io::stdin())),
        Source::File(path) => match File::open(path) {
            Ok(file) => Ok(Box::new(file)),
            Err(error) => Err(CliError::io("cannot read", path, &error)),
        },
    }
}

fn named(source: &Source, error: CliError) -> CliError {
    match (source, error) {
        (Source::File(path), CliError::Failed(refusal)) => {
            CliError::failed(refusal.code, format!("{}: {}", path.display(), refusal.detail))
        }
        (_, error) => error,
    }
}

/// Makes a batch durable at its nodes, then asks the ledger; false when it refused any of it.
fn settle(app: &mut App, batch: Vec<Uploaded>, progress: &ProgressBar) -> Result<bool> {
    if batch.is_empty() {
        return Ok(true);
    }
    sync_all(app.fleet()?, batch.iter().flat_map(|uploaded| uploaded.nodes.iter().copied()))?;
    let mut commands = Vec::with_capacity(batch.len());
    for uploaded in &batch {
        commands.push(app.command(Action::Store(uploaded.store.clone()))?);
    }
    let results = app.submit(commands)?;
    let mut all_accepted = true;
    for (uploaded, result) in batch.iter().zip(results) {
        progress.suspend(|| match report(app, &uploaded.store, result) {
            Err(CliError::Failed(refusal)) => {
                all_accepted = false;
                app.out.failure(&Refusal::with(
                    refusal.code,
                    format!("{}: {}", uploaded.store.object, refusal.detail),
                ));
                Ok(())
            }
            other => other,
        })?;
    }
    Ok(all_accepted)
}

fn report(app: &mut App, store: &Store, result: Submitted) -> Result<()> {
    let receipt = accepted(result)?;
    let Outcome::Accepted(Event::Stored { fee, assignment, .. }) = &receipt.outcome else {
        return Err(CliError::failed(ErrorCode::Internal, "the receipt is not of a store"));
    };
    let Content::Single(layout) = &store.content else {
        return Ok(());
    };
    let state = app.state()?;
    let shards = placed_shards(state, &store.object, store.version, layout, assignment);
    let shard_ids: Vec<String> = shards.iter().map(|shard| shard.shard_id.to_hex()).collect();
    let replica_sets: Map<String, Value> =
        shard_ids.iter().cloned().zip(shards.iter().map(|shard| json!(shard.nodes))).collect();
    let document = json!({
        "object_id": store.object.0,
        "version": store.version,
        "hash_commit": store.hash_commit.to_hex(),
        "size": layout.size,
        "shard_ids": shard_ids,
        "replica_sets": replica_sets,
        "atr_cost": fee.to_string(),
        "seq": receipt.seq,
        "entry_hash": receipt.entry_hash.to_hex(),
    });
    app.out.row(&document, || {
        format!(
            "{}  version {}  {} bytes  {fee} ATR  entry {}",
            store.object, store.version, layout.size, receipt.seq
        )
    })
}
