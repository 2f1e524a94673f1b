//! `state`: one record of the state, or its absence, proved under the state root (ST-9, ST-10); snapshots of all of it.

mod snapshot;

use super::{
    proof::{Fields, check_log},
    read_text,
};
use crate::{
    app::App,
    args::{StateCommand, StateRecord},
    error::{CliError, Result},
    sandbox::NewFile,
};
use eqm_log::{VerifierKey, chain};
use journal::Ledger;
use protocol::{
    AccountId, EntryBody, ErrorCode, Hash32, NodeId, ObjectId,
    hash::{hex_decode, hex_encode},
    limits::STATE_ROOT_INTERVAL,
};
use serde_json::{Value, json};
use std::{
    io::Write,
    path::{Path, PathBuf},
};
use storage_engine::state::{keys, tree::MapProof};

/// The document's format.
const FORMAT: &str = "qfs-state-proof-v1";

pub fn run(app: &mut App, command: StateCommand) -> Result<()> {
    match command {
        StateCommand::Prove { record, output } => prove(app, &record, output),
        StateCommand::Verify { file, root, keys } => verify(app, &file, root.as_deref(), &keys),
        StateCommand::Snapshot { file } => snapshot::write(app, &file),
        StateCommand::Check { file, root } => {
            snapshot::check(app, &file, expected_root(root.as_deref())?.as_ref())
        }
    }
}

// --- making ---

fn prove(app: &mut App, record: &StateRecord, output: Option<PathBuf>) -> Result<()> {
    let ledger = app.ledger()?;
    let key = key_of(ledger, record)?;
    if !keys::is_authenticated(&key) {
        return Err(invalid("the state root does not cover records of this kind"));
    }
    let (value, proof) = ledger.prove_state(&key)?;
    let root = ledger.state_root()?;
    let document = json!({
        "format": FORMAT,
        "key": hex_encode(&key),
        "value": value.map(|value| hex_encode(&value)),
        "proof": hex_encode(&proof.to_bytes()),
        "state_root": root.to_hex(),
        "seq": ledger.state().cursor().next_seq.saturating_sub(1),
        "root_entry": root_entry(ledger, &root)?,
    });
    let text = format!("{document}\n");
    // A proof is a document for programs in either form.
    let Some(path) = output else { return app.out.bytes(text.as_bytes()) };
    let mut file = NewFile::create(&path, "state-proof.json")?;
    file.write_all(text.as_bytes()).map_err(|error| CliError::io("cannot write", &path, &error))?;
    file.finish()?;
    let row = json!({
        "file": path.display().to_string(), "state_root": document["state_root"], "seq": document["seq"],
        "present": !document["value"].is_null(), "root_seq": document["root_entry"]["seq"],
    });
    app.out.row(&row, || {
        let stands = match row["root_seq"].as_u64() {
            Some(seq) => format!("which entry {seq} of the log carries"),
            None => "which no entry of the log carries yet".into(),
        };
        format!("{}: proved under the root after entry {}, {stands}", path.display(), row["seq"])
    })
}

fn key_of(ledger: &Ledger, record: &StateRecord) -> Result<Vec<u8>> {
    Ok(match record {
        StateRecord::Object { id } => keys::object(&ObjectId(id.clone())),
        StateRecord::Version { id, version } => keys::version(&ObjectId(id.clone()), *version),
        StateRecord::Account { account } => {
            let account = Hash32::from_hex(account);
            keys::account(&AccountId(
                account.ok_or_else(|| invalid("an account is 64 hex digits"))?,
            ))
        }
        StateRecord::Node { node } => {
            let id = NodeId(node.clone());
            let number = ledger.state().nodes().iter().position(|node| node.node_id == id);
            match number.and_then(|number| u32::try_from(number).ok()) {
                Some(number) => keys::node(number),
                // That the name has no number shows that there is no such node.
                None => keys::node_number(&id),
            }
        }
        StateRecord::Key { key } => {
            hex_decode(key).ok_or_else(|| invalid("a key is lowercase hexadecimal"))?
        }
    })
}

fn invalid(detail: &str) -> CliError {
    CliError::failed(ErrorCode::InvalidInput, detail)
}

/// The last entry that carries a state root, with its place in the log, if that root is this one.
fn root_entry(ledger: &Ledger, root: &Hash32) -> Result<Value> {
    let state = ledger.state();
    let failed = |error: &dyn std::fmt::Display| CliError::failed(ErrorCode::Internal, error);
    let epoch = state.epoch_record(state.epoch()).map_err(|error| failed(&error))?;
    let opened_at = epoch.map_or(0, |epoch| epoch.opened_at);
    let last = state.cursor().next_seq.saturating_sub(1);
    // ST-6: entries that closed an epoch, and every 65,536th.
    let seq = opened_at.max(last - last % STATE_ROOT_INTERVAL);
    let Some(entry) = ledger.entry(seq)? else { return Ok(Value::Null) };
    let body = EntryBody::from_bytes(&entry.body).map_err(|error| failed(&error))?;
    if body.state_root != Some(*root) {
        return Ok(Value::Null);
    }
    Ok(json!({
        "seq": seq,
        "entry_hash": entry.entry_hash().to_hex(),
        "prev_entry_hash": entry.prev_entry_hash.to_hex(),
        "entry_body": hex_encode(&entry.body),
        "log_proof": ledger.prove(seq)?.to_string(),
    }))
}

// --- checking ---

/// Checks record → root → entry → checkpoint, as far as the document goes, from the document alone.
fn verify(app: &App, file: &Path, root: Option<&str>, keys: &[String]) -> Result<()> {
    let pinned = replay::cli::read_keys(keys).map_err(CliError::Usage)?;
    let expected = expected_root(root)?;
    let text = read_text(file)?;
    let document: Value = serde_json::from_slice(&text).map_err(|error| {
        CliError::failed(ErrorCode::InvalidInput, format!("{}: {error}", file.display()))
    })?;
    let fields = Fields(&document);
    let checked = check(&fields, expected.as_ref())?;
    let entry = &document["root_entry"];
    let checkpoint_size = match entry {
        Value::Null if !pinned.is_empty() => {
            return Err(mismatch("no entry of the log carries the root, so no key answers for it"));
        }
        Value::Null => None,
        entry => Some(check_entry(&Fields(entry), &checked.root, &pinned)?),
    };
    let trusted = expected.is_some() || !pinned.is_empty();
    let verdict = if trusted { "pinned" } else { "unpinned" };
    let row = json!({
        "ok": true, "verified": true, "verdict": verdict, "present": checked.present, "key": document["key"],
        "value": document["value"], "state_root": checked.root.to_hex(), "seq": document["seq"],
        "root_seq": entry["seq"], "checkpoint_size": checkpoint_size,
    });
    app.out.row(&row, || {
        let stands = if checked.present { "has this value" } else { "has no record" };
        let carried = match entry["seq"].as_u64() {
            Some(seq) => format!("carried by entry {seq}"),
            None => "stated by the document alone".into(),
        };
        format!(
            "verified ({verdict}): {} {stands} under root {}, {carried}",
            row["key"], checked.root
        )
    })
}

fn expected_root(root: Option<&str>) -> Result<Option<Hash32>> {
    let parse = |root| {
        Hash32::from_hex(root).ok_or_else(|| CliError::Usage("a root is 64 hex digits".into()))
    };
    root.map(parse).transpose()
}

struct Checked {
    root: Hash32,
    present: bool,
}

fn check(document: &Fields<'_>, expected: Option<&Hash32>) -> Result<Checked> {
    if document.text("format")? != FORMAT {
        return Err(document.bad("format"));
    }
    let bytes = |name: &str| hex_decode(document.text(name)?).ok_or_else(|| document.bad(name));
    let root = document.hash("state_root")?;
    if expected.is_some_and(|expected| *expected != root) {
        return Err(mismatch("the document is about another state root"));
    }
    let value = if document.0["value"].is_null() { None } else { Some(bytes("value")?) };
    let proof = MapProof::from_bytes(&bytes("proof")?).map_err(|_| document.bad("proof"))?;
    proof
        .verify(&root, &bytes("key")?, value.as_deref())
        .map_err(|error| CliError::failed(ErrorCode::IntegrityMismatch, error))?;
    Ok(Checked { root, present: value.is_some() })
}

/// The entry carries the root and is in the tree of a checkpoint; the checkpoint's size.
fn check_entry(entry: &Fields<'_>, root: &Hash32, pinned: &[VerifierKey]) -> Result<u64> {
    let bytes = hex_decode(entry.text("entry_body")?).ok_or_else(|| entry.bad("entry_body"))?;
    let body = EntryBody::from_bytes(&bytes).map_err(|_| entry.bad("entry_body"))?;
    if body.state_root != Some(*root) || body.seq != entry.number("seq")? {
        return Err(mismatch("the entry does not carry the root"));
    }
    let prev = entry.hash("prev_entry_hash")?;
    if chain::entry_hash(&prev, &bytes) != entry.hash("entry_hash")? {
        return Err(mismatch("the entry does not hash to its entry_hash"));
    }
    check_log(entry, &prev, &bytes, body.seq, pinned)
}

fn mismatch(what: &str) -> CliError {
    CliError::failed(ErrorCode::IntegrityMismatch, what)
}
