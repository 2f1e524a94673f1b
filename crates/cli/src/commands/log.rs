//! `log`: the EQM log, shown, signed, exported, checked, proved.

mod cosign;
mod keys;
mod proofs;

use crate::{
    app::App,
    args::LogCommand,
    error::{CliError, Result},
    output::Output,
    sandbox::NewFile,
};
use eqm_log::{Checkpoint, Note, TreeHash, VerifierKey, note::KeyType};
use journal::{JournalError, LoggedEntry, Published};
use protocol::{
    Action, EntryBody, ErrorCode, Event, Hash32, Outcome, command::Vote, governance::Speaker,
    hash::hex_encode, keys::KeyHolder, node::NodeNumber,
};
use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    io::{BufWriter, Read, Write},
    path::Path,
};

pub fn run(app: &mut App, command: &LogCommand) -> Result<()> {
    match command {
        LogCommand::Show { from, limit } => show(app, *from, limit.unwrap_or(u64::MAX)),
        LogCommand::Checkpoint => checkpoint(app),
        LogCommand::Export { file: Some(file), .. } => export(app, file),
        LogCommand::Export { tiles: Some(dir), .. } => publish(app, dir),
        LogCommand::Export { .. } => {
            Err(CliError::Usage("name a file, or a directory with --tiles".into()))
        }
        LogCommand::Cosign(args) => cosign::run(app, args),
        LogCommand::Verify => verify(app),
        LogCommand::Keys { output } => keys::run(app, output.as_deref()),
        LogCommand::Prove { seq, output } => proofs::entry(app, *seq, output.as_deref()),
        LogCommand::Consistency { old, new, output } => {
            proofs::consistency(app, old, new.as_deref(), output.as_deref())
        }
    }
}

/// Errors while rows are shown: of the log, or of the output.
enum ShowError {
    Journal(JournalError),
    Cli(CliError),
}

impl From<JournalError> for ShowError {
    fn from(error: JournalError) -> Self {
        Self::Journal(error)
    }
}

impl From<ShowError> for CliError {
    fn from(error: ShowError) -> Self {
        match error {
            ShowError::Journal(error) => error.into(),
            ShowError::Cli(error) => error,
        }
    }
}

fn show(app: &mut App, from: u64, limit: u64) -> Result<()> {
    let out = app.out.clone();
    show_rows(app, &out, from, limit)
}

fn show_rows(app: &mut App, out: &Output, from: u64, limit: u64) -> Result<()> {
    let ledger = app.ledger()?;
    let signed = Covering::new(ledger)?;
    let mut left = limit;
    let name = |node: NodeNumber| ledger.state().node(node).map(|node| node.node_id.0.clone());
    ledger.read::<ShowError>(from, |entry| {
        if left == 0 {
            return Ok(false);
        }
        left -= 1;
        let signature = signed.signature_of(ledger, entry.seq)?;
        row(out, &entry, &name, &signature).map_err(ShowError::Cli)?;
        Ok(true)
    })?;
    Ok(())
}

/// The checkpoint that covers every entry that is shown.
struct Covering {
    checkpoint: Checkpoint,
    signature: String,
    key: String,
}

impl Covering {
    fn new(ledger: &journal::Ledger) -> Result<Self> {
        let note_text = ledger.sign_checkpoint()?;
        let broken = |error: &dyn std::fmt::Display| CliError::failed(ErrorCode::Internal, error);
        let checkpoint = Checkpoint::parse_unverified(&note_text).map_err(|e| broken(&e))?;
        let note = Note::parse(&note_text).map_err(|e| broken(&e))?;
        let keys = ledger.verifier_keys()?;
        let key = keys.iter().find(|key| key.key_type() == KeyType::MlDsa44Cosignature);
        let key = key.ok_or_else(|| broken(&"the log has no ML-DSA-44 key"))?;
        let line = note.signatures.iter().find(|signature| key.made(signature));
        let line = line.ok_or_else(|| broken(&"the checkpoint has no ML-DSA-44 signature"))?;
        Ok(Self {
            checkpoint,
            signature: hex_encode(&line.bytes),
            key: format!("{:08x}", key.key_id()),
        })
    }

    /// An entry's signature: the covering checkpoint's, and the path from the entry to its root.
    fn signature_of(
        &self,
        ledger: &journal::Ledger,
        seq: u64,
    ) -> std::result::Result<Value, JournalError> {
        let path = ledger.inclusion_path(seq, self.checkpoint.size)?;
        Ok(json!({
            "scheme": "ML-DSA-44",
            "key_id": self.key,
            "origin": self.checkpoint.origin,
            "tree_size": self.checkpoint.size,
            "root": self.checkpoint.root.to_base64(),
            "signature": self.signature,
            "inclusion_proof": path.iter().map(TreeHash::to_base64).collect::<Vec<_>>(),
        }))
    }
}

fn row(
    out: &Output,
    entry: &LoggedEntry,
    name: &dyn Fn(NodeNumber) -> Option<String>,
    signature: &Value,
) -> Result<()> {
    let body = EntryBody::from_bytes(&entry.body).map_err(|error| {
        CliError::failed(ErrorCode::IntegrityMismatch, format!("entry {}: {error}", entry.seq))
    })?;
    let (event_type, object) = describe(&body);
    let hash_commit = match &body.command.action {
        Action::Store(store) => Some(store.hash_commit.to_hex()),
        _ => None,
    };
    let nodes: BTreeSet<String> = nodes_of(&body).into_iter().filter_map(name).collect();
    let outcome = match &body.outcome {
        Outcome::Accepted(_) => "ACCEPTED",
        Outcome::Rejected(code) => code.name(),
    };
    let entry_hash = entry.entry_hash().to_hex();
    let document = json!({
        "seq": body.seq,
        "tick": body.tick,
        "epoch": body.epoch,
        "event_type": event_type,
        "object_id": object.map(|(id, _)| id),
        "version": object.map(|(_, version)| version),
        "hash_commit": hash_commit,
        "node_set": nodes,
        "outcome": outcome,
        "prev_entry_hash": entry.prev_entry_hash.to_hex(),
        "entry_hash": entry_hash,
        "pqc_signature": signature,
    });
    out.row(&document, || {
        let object =
            object.map_or(String::new(), |(id, version)| format!("  {id} version {version}"));
        format!(
            "{:>6}  epoch {}  {event_type:<14} {outcome}{object}  {entry_hash}",
            body.seq, body.epoch
        )
    })
}

/// Type and object of an entry. A store is an update when the object had a version before.
fn describe(body: &EntryBody) -> (&'static str, Option<(&str, u64)>) {
    match &body.command.action {
        Action::Genesis(_) => ("GENESIS", None),
        Action::RegisterNode(_) => ("NODE_REGISTER", None),
        Action::AdvanceEpoch(_) => ("EPOCH_ADVANCE", None),
        Action::Exit { .. } => ("NODE_EXIT", None),
        Action::Propose(_) => ("PROPOSE", None),
        Action::Vote(_) => ("VOTE", None),
        Action::Activate { .. } => ("ACTIVATE", None),
        Action::Credit { .. } => ("CREDIT", None),
        Action::RecordScore(record) => ("SCORE", Some((&record.object.0, record.version))),
        Action::Store(store) => {
            let update =
                matches!(&body.outcome, Outcome::Accepted(Event::Stored { update: true, .. }));
            let kind = if update { "UPDATE" } else { "STORE" };
            (kind, Some((&store.object.0, store.version)))
        }
        Action::DeleteMarker { object, version } => ("DELETE_MARKER", Some((&object.0, *version))),
        Action::Purge { object, version } => ("PURGE", Some((&object.0, *version))),
        Action::Reassign(reassign) => ("REASSIGN", Some((&reassign.object.0, reassign.version))),
        Action::OpenAudit(_) => ("AUDIT_OPEN", None),
        Action::RecordAudit(_) => ("AUDIT_RESULT", None),
        Action::RotateKeys(_) => ("KEY_ROTATE", None),
        Action::RevokeKeys(_) => ("KEY_REVOKE", None),
    }
}

fn nodes_of(body: &EntryBody) -> Vec<NodeNumber> {
    match (&body.command.action, &body.outcome) {
        (_, Outcome::Accepted(Event::Stored { assignment, .. })) => assignment.clone(),
        (
            _,
            Outcome::Accepted(Event::NodeRegistered { node } | Event::NodeKeyDisclosed { node }),
        ) => {
            vec![*node]
        }
        (Action::RecordAudit(record), _) => vec![record.node],
        (Action::Reassign(reassign), _) => vec![reassign.from, reassign.to],
        (Action::Exit { node }, _) => vec![*node],
        (Action::RotateKeys(rotation), _) => match rotation.holder {
            KeyHolder::Node(node) => vec![node],
            _ => Vec::new(),
        },
        (Action::Propose(propose), _) => propose.change.node().into_iter().collect(),
        (
            Action::Vote(Vote { speaker: Speaker::Node(node), .. })
            | Action::Activate { speaker: Speaker::Node(node), .. },
            _,
        ) => vec![*node],
        _ => Vec::new(),
    }
}

fn vkeys(keys: &[VerifierKey]) -> Vec<String> {
    keys.iter().map(ToString::to_string).collect()
}

fn checkpoint(app: &mut App) -> Result<()> {
    let ledger = app.ledger()?;
    let note = ledger.best_checkpoint()?;
    let checkpoint = Checkpoint::parse_unverified(&note)
        .map_err(|error| CliError::failed(ErrorCode::Internal, error))?;
    let keys = vkeys(&ledger.verifier_keys()?);
    let document = json!({
        "origin": checkpoint.origin,
        "size": checkpoint.size,
        "root": checkpoint.root.to_base64(),
        "checkpoint": note,
        "vkeys": keys,
    });
    app.out.row(&document, || note.trim_end().to_owned())?;
    if !app.out.is_json() {
        app.out.note("keys that an auditor pins, one a line, for --key @FILE:");
        keys.iter().for_each(|key| app.out.note(key));
    }
    Ok(())
}

fn export(app: &mut App, file: &Path) -> Result<()> {
    let entries = app.ledger()?.len();
    let progress = app.out.progress(entries, "exporting", false);
    let target = NewFile::create(file, "ledger.qfslog")?;
    let mut writer = BufWriter::with_capacity(1 << 20, target);
    let hash = app
        .ledger()?
        .export(|bytes: &[u8]| writer.write_all(bytes), |done| progress.set_position(done))?;
    progress.finish_and_clear();
    let target =
        writer.into_inner().map_err(|error| CliError::io("cannot write", file, error.error()))?;
    target.finish()?;
    let document = json!({
        "file": file.display().to_string(), "entries": entries, "log_hash": hash.to_hex(),
    });
    app.out.row(&document, || format!("{entries} entries in {}  log hash {hash}", file.display()))
}

/// Adds what is new to a directory of static files.
fn publish(app: &mut App, dir: &Path) -> Result<()> {
    let entries = app.ledger()?.len();
    let progress = app.out.progress(entries, "publishing", false);
    let published = app.ledger()?.publish(dir, |done| progress.set_position(done))?;
    progress.finish_and_clear();
    let Published { size, before, written } = published;
    let document = json!({
        "dir": dir.display().to_string(), "entries": size, "entries_before": before,
        "files_written": written,
    });
    let added = size - before;
    app.out.row(&document, || {
        format!("{size} entries below {}, {added} of them new, in {written} files", dir.display())
    })
}

/// Streams an export through the auditor, so that nothing is judged by the code that wrote it.
fn verify(app: &mut App) -> Result<()> {
    let ledger = app.ledger()?;
    let keys = ledger.verifier_keys()?;
    let broken = |error: std::io::Error| CliError::failed(ErrorCode::Internal, error);
    let (mut reader, writer) = std::io::pipe().map_err(broken)?;
    let (report, exported) = std::thread::scope(|scope| {
        let auditor = scope.spawn(|| {
            let report =
                replay::cli::threads::audit(|buf: &mut [u8]| reader.read(buf), &keys, &mut |_| ());
            drop(reader);
            report
        });
        let mut writer = BufWriter::with_capacity(1 << 20, writer);
        let exported = ledger.export(|bytes: &[u8]| writer.write_all(bytes), |_| ());
        let flushed = writer.flush();
        drop(writer);
        (auditor.join(), exported.map(|hash| flushed.map(|()| hash)))
    });
    let report =
        report.map_err(|_| CliError::failed(ErrorCode::Internal, "the auditor stopped"))?;
    if let Some(divergence) = &report.divergence {
        return Err(CliError::failed(divergence.code, divergence));
    }
    let log_hash: Hash32 = exported?.map_err(broken)?;
    let entries = report.entries;
    let document = json!({
        "ok": true, "entries": entries, "log_hash": log_hash.to_hex(),
        "verdict": report.verdict.name(),
        "state_root": report.final_state_root.map(|root| root.to_hex()),
    });
    app.out.row(&document, || format!("{entries} entries verified  log hash {log_hash}"))
}
