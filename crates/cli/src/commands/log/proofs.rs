//! `log prove` and `log consistency`: files that an auditor checks without the log.

use crate::{
    app::App,
    commands::read_text,
    error::{CliError, Result},
    sandbox::NewFile,
};
use eqm_log::{Checkpoint, ConsistencyProof, Leaf, LogProof, TreeHash};
use journal::Ledger;
use protocol::{ErrorCode, hash::hex_encode};
use serde_json::{Value, json};
use std::{fmt::Display, io::Write, path::Path};

/// Proves one entry. The file encloses the entry, so that it needs nothing beside it.
pub fn entry(app: &mut App, seq: u64, output: Option<&Path>) -> Result<()> {
    let ledger = app.ledger()?;
    let entry = ledger.entry(seq)?.ok_or_else(|| {
        CliError::failed(ErrorCode::NotFound, format!("the log has {} entries", ledger.len()))
    })?;
    let leaf = Leaf { prev_entry_hash: entry.prev_entry_hash, body: &entry.body };
    let proof = LogProof { extra: leaf.to_bytes(), ..ledger.prove(seq)? };
    let text = proof.to_string();
    let document = json!({
        "seq": seq,
        "entry_hash": entry.entry_hash().to_hex(),
        "prev_entry_hash": entry.prev_entry_hash.to_hex(),
        "entry_body": hex_encode(&entry.body),
        "log_proof": text,
    });
    give(app, document, &text, output, "entry.tlog-proof")
}

/// Proves that a later checkpoint extends an earlier one.
pub fn consistency(
    app: &mut App,
    old: &str,
    new: Option<&Path>,
    output: Option<&Path>,
) -> Result<()> {
    let ledger = app.ledger()?;
    let (note, new) = match new {
        Some(path) => own_checkpoint(ledger, path)?,
        None => parse(ledger.best_checkpoint()?)?,
    };
    let size = match old.parse() {
        Ok(size) => size,
        Err(_) => own_checkpoint(ledger, Path::new(old))?.1.size,
    };
    if size > new.size {
        let detail =
            format!("{size} entries are more than the {} of the later checkpoint", new.size);
        return Err(CliError::failed(ErrorCode::InvalidInput, detail));
    }
    let path = ledger.consistency_path(size, new.size)?;
    let proof = ConsistencyProof { old: size, path, checkpoint: note };
    let document = json!({
        "old_size": size,
        "old_root": ledger.root_at(size)?.to_base64(),
        "size": new.size,
        "root": new.root.to_base64(),
        "consistency_proof": proof.path.iter().map(TreeHash::to_base64).collect::<Vec<_>>(),
        "proof": proof.to_string(),
    });
    give(app, document, &proof.to_string(), output, "log.consistency-proof")
}

fn parse(note: String) -> Result<(String, Checkpoint)> {
    let checkpoint = Checkpoint::parse_unverified(&note).map_err(mismatch)?;
    Ok((note, checkpoint))
}

/// A checkpoint in a file, which must be of this log and of its history. Its signatures are checked, too: one that
/// the log did not sign proves nothing to anyone.
fn own_checkpoint(ledger: &Ledger, path: &Path) -> Result<(String, Checkpoint)> {
    let note = String::from_utf8(read_text(path)?).map_err(mismatch)?;
    let unread = |error| mismatch(format!("{}: {error}", path.display()));
    let size = Checkpoint::parse_unverified(&note).map_err(unread)?.size;
    let checkpoint = Checkpoint::verify(&note, &ledger.verifier_keys_at(size)?)
        .map_err(unread)?
        .statement()
        .clone();
    let foreign = |what: &str| {
        let detail = format!("{}: the checkpoint is {what}", path.display());
        Err(CliError::failed(ErrorCode::IntegrityMismatch, detail))
    };
    if checkpoint.origin != ledger.origin() {
        return foreign("of another log");
    }
    if checkpoint.size > ledger.len() {
        return foreign("over more entries than the log has: the log has lost some");
    }
    if checkpoint.root != ledger.root_at(checkpoint.size)? {
        return foreign(
            "of another history under the same keys: keep it, it proves that there are two",
        );
    }
    Ok((note, checkpoint))
}

fn mismatch(error: impl Display) -> CliError {
    CliError::failed(ErrorCode::IntegrityMismatch, error)
}

/// The text to a file, when one is named, else to people; the document to programs in either case.
fn give(
    app: &mut App,
    document: Value,
    text: &str,
    output: Option<&Path>,
    name: &str,
) -> Result<()> {
    let Some(path) = output else {
        return app.out.row(&document, || text.trim_end().to_owned());
    };
    let mut file = NewFile::create(path, name)?;
    file.write_all(text.as_bytes()).map_err(|error| CliError::io("cannot write", path, &error))?;
    file.finish()?;
    app.out.row(&document, || format!("proof in {}", path.display()))
}
