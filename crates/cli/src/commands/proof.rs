//! `proof`: a leaf of a shard, the path to the shard's root, and the log entry that names the root.

use super::{audit::column_of, read_text};
use crate::{
    app::App,
    args::{ProofArgs, ProofCommand},
    error::{CliError, Result},
};
use eqm_log::{LogProof, VerifierKey, chain, tree::entry_leaf};
use node::objects::find;
use protocol::{
    Action, EntryBody, ErrorCode, Hash32, ObjectId, Outcome,
    command::Content,
    hash::{hex_decode, hex_encode},
};
use serde_json::{Value, json};
use shard_store::{ShardKey, StoreError, fleet::Fleet};
use std::{path::Path, str::FromStr};
use storage_engine::{
    content::shard_id,
    layout::Geometry,
    shard_tree::{leaf_count, verify_path},
};

pub fn run(app: &mut App, args: ProofArgs) -> Result<()> {
    match args {
        ProofArgs { verify: Some(ProofCommand::Verify { file, keys }), .. } => {
            verify(app, &file, &keys)
        }
        ProofArgs { id: Some(id), version: Some(version), shard_id: Some(shard), leaf, .. } => {
            make(app, &ObjectId(id), version, &shard, leaf)
        }
        _ => Err(CliError::Usage("give an object, a version and a shard".into())),
    }
}

fn make(app: &mut App, id: &ObjectId, version: u64, shard: &str, leaf: u64) -> Result<()> {
    let found = find(app.state()?, id, Some(version))?;
    let column = column_of(id, version, &found.layout, shard)?;
    let geometry = Geometry::of(&found.layout)
        .map_err(|error| CliError::failed(ErrorCode::Internal, error))?;
    let len = geometry.shard_len(column);
    let leaves = leaf_count(len);
    if leaf >= leaves {
        let code = if leaves == 0 { ErrorCode::ProofUnavailable } else { ErrorCode::InvalidInput };
        return Err(CliError::failed(code, format!("the shard has {leaves} leaves")));
    }
    let root = found.layout.roots[column as usize];
    let key = ShardKey { shard_id: shard_id(&id.0, version, column), root };
    let replicas = usize::from(found.layout.profile.replicas);
    let holders = found.stored.assignment.iter().skip(column as usize * replicas).take(replicas);
    let (state, fleet) = app.parts()?;
    let mut reasons = Vec::new();
    let mut shown = None;
    for node in holders {
        let name = state.node(*node).map_or("?", |node| node.node_id.0.as_str());
        let proof = fleet.store(*node).ok_or(StoreError::Missing);
        match proof.and_then(|store| store.prove(&key, len, leaf)) {
            Ok(proof) => {
                shown = Some((name.to_owned(), proof));
                break;
            }
            Err(error) => reasons.push(format!("{name}: {error}")),
        }
    }
    let Some((node_id, proof)) = shown else {
        return Err(CliError::failed(ErrorCode::ProofUnavailable, reasons.join("; ")));
    };
    let ledger = app.ledger()?;
    let entry = ledger.entry(found.seq)?.ok_or_else(|| {
        CliError::failed(ErrorCode::Internal, format!("entry {} is not in the log", found.seq))
    })?;
    let document = json!({
        "format": "qfs-storage-proof-v1",
        "object_id": id.0,
        "version": version,
        "shard_id": shard,
        "column": column,
        "node_id": node_id,
        "leaf": leaf,
        "leaf_count": leaves,
        "leaf_hash": proof.leaf_hash.to_hex(),
        "path": proof.path.iter().map(Hash32::to_hex).collect::<Vec<_>>(),
        "root": root.to_hex(),
        "hash_commit": found.stored.hash_commit.to_hex(),
        "seq": found.seq,
        "entry_hash": entry.entry_hash().to_hex(),
        "prev_entry_hash": entry.prev_entry_hash.to_hex(),
        "entry_body": hex_encode(&entry.body),
        "log_proof": ledger.prove(found.seq)?.to_string(),
    });
    // A proof is a document for programs in either form.
    app.out.bytes(format!("{document}\n").as_bytes())
}

/// Checks leaf → shard root → entry → checkpoint, from the document alone.
fn verify(app: &App, file: &Path, keys: &[String]) -> Result<()> {
    let text = read_text(file)?;
    let proof: Value = serde_json::from_slice(&text).map_err(|error| {
        CliError::failed(ErrorCode::InvalidInput, format!("{}: {error}", file.display()))
    })?;
    let pinned = replay::cli::read_keys(keys).map_err(CliError::Usage)?;
    let checked = check(&Fields(&proof), &pinned)?;
    let verdict = if pinned.is_empty() { "unpinned" } else { "pinned" };
    let document = json!({
        "ok": true, "verified": true, "verdict": verdict, "object_id": checked.object.0,
        "version": checked.version, "shard_id": proof["shard_id"], "leaf": proof["leaf"],
        "seq": proof["seq"], "checkpoint_size": checked.size,
    });
    app.out.row(&document, || {
        format!(
            "verified ({verdict}): leaf {} of shard {} is committed to by entry {} of {}",
            proof["leaf"], proof["shard_id"], proof["seq"], checked.size
        )
    })
}

struct Checked {
    object: ObjectId,
    version: u64,
    size: u64,
}

fn check(proof: &Fields<'_>, pinned: &[VerifierKey]) -> Result<Checked> {
    let mismatch = |what: &str| CliError::failed(ErrorCode::IntegrityMismatch, what);
    let path: Vec<Hash32> = proof.list("path")?;
    let (root, leaf, leaves) =
        (proof.hash("root")?, proof.number("leaf")?, proof.number("leaf_count")?);
    if !verify_path(&root, &proof.hash("leaf_hash")?, leaf, leaves, &path) {
        return Err(mismatch("the path does not lead from the leaf to the shard's root"));
    }
    let bytes = hex_decode(proof.text("entry_body")?).ok_or_else(|| proof.bad("entry_body"))?;
    let body = EntryBody::from_bytes(&bytes).map_err(|_| proof.bad("entry_body"))?;
    let Action::Store(store) = &body.command.action else {
        return Err(mismatch("the entry does not store an object"));
    };
    let Content::Single(layout) = &store.content else {
        return Err(mismatch("the entry stores no shards"));
    };
    let column = u32::try_from(proof.number("column")?).map_err(|_| proof.bad("column"))?;
    let geometry = Geometry::of(layout).map_err(|_| mismatch("the entry's layout is malformed"))?;
    let shard = shard_id(&store.object.0, store.version, column).to_hex();
    let holds = matches!(body.outcome, Outcome::Accepted(_))
        && store.object.0 == proof.text("object_id")?
        && store.version == proof.number("version")?
        && shard == proof.text("shard_id")?
        && layout.roots.get(column as usize) == Some(&root)
        && leaf_count(geometry.shard_len(column)) == leaves
        && body.seq == proof.number("seq")?;
    if !holds {
        return Err(mismatch("the entry does not store this shard with this root"));
    }
    let prev = proof.hash("prev_entry_hash")?;
    if chain::entry_hash(&prev, &bytes) != proof.hash("entry_hash")? {
        return Err(mismatch("the entry does not hash to its entry_hash"));
    }
    let size = check_log(proof, &prev, &bytes, body.seq, pinned)?;
    Ok(Checked { object: store.object.clone(), version: store.version, size })
}

/// The entry is in the tree of a checkpoint; with pinned keys, of one that they signed.
pub(super) fn check_log(
    proof: &Fields<'_>,
    prev: &Hash32,
    body: &[u8],
    seq: u64,
    pinned: &[VerifierKey],
) -> Result<u64> {
    let mismatch = |error: &dyn std::fmt::Display| {
        CliError::failed(ErrorCode::IntegrityMismatch, format!("log proof: {error}"))
    };
    let log_proof = LogProof::from_str(proof.text("log_proof")?).map_err(|e| mismatch(&e))?;
    if log_proof.index != seq {
        return Err(mismatch(&"it is about another entry"));
    }
    let leaf = entry_leaf(prev, body);
    if !pinned.is_empty() {
        let checkpoint = log_proof.verify(&leaf, pinned).map_err(|e| mismatch(&e))?;
        return Ok(checkpoint.size());
    }
    let checkpoint =
        eqm_log::Checkpoint::parse_unverified(&log_proof.checkpoint).map_err(|e| mismatch(&e))?;
    eqm_log::tree::verify_inclusion(&leaf, seq, checkpoint.size, &log_proof.path, &checkpoint.root)
        .map_err(|e| mismatch(&e))?;
    Ok(checkpoint.size)
}

/// Fields of a proof, each checked before it is believed.
pub(super) struct Fields<'a>(pub(super) &'a Value);

impl<'a> Fields<'a> {
    pub(super) fn bad(&self, name: &str) -> CliError {
        CliError::failed(
            ErrorCode::InvalidInput,
            format!("the proof's {name:?} is missing or malformed"),
        )
    }

    pub(super) fn text(&self, name: &str) -> Result<&'a str> {
        self.0[name].as_str().ok_or_else(|| self.bad(name))
    }

    pub(super) fn number(&self, name: &str) -> Result<u64> {
        self.0[name].as_u64().ok_or_else(|| self.bad(name))
    }

    pub(super) fn hash(&self, name: &str) -> Result<Hash32> {
        Hash32::from_hex(self.text(name)?).ok_or_else(|| self.bad(name))
    }

    fn list(&self, name: &str) -> Result<Vec<Hash32>> {
        let list = self.0[name].as_array().ok_or_else(|| self.bad(name))?;
        let hash = |value: &Value| value.as_str().and_then(Hash32::from_hex);
        list.iter().map(|value| hash(value).ok_or_else(|| self.bad(name))).collect()
    }
}
