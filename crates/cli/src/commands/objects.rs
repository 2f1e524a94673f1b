//! `get`, `rm`, `purge` and `ls`.

use crate::{
    app::App,
    args::{GetArgs, LsArgs},
    error::{CliError, Result},
    output::Output,
    sandbox::NewFile,
};
use indicatif::ProgressBar;
use node::{
    Uploads,
    objects::{Found, find, next_version},
};
use protocol::{Action, ErrorCode, ObjectId};
use serde_json::{Value, json};
use shard_store::fleet::{Notice, ObjectCopy, download};
use std::{
    io::{self, Write},
    ops::Range,
    str::FromStr,
};
use storage_engine::{
    content::CommitHasher,
    query::{ObjectFilter, ObjectSummary, list_objects},
    state::{State, StateStore},
};

/// `get`.
pub fn get(app: &mut App, args: &GetArgs) -> Result<()> {
    if app.out.is_json() && args.output.is_none() {
        return Err(CliError::Usage("with --json the content goes to a file: add -o FILE".into()));
    }
    let id = ObjectId(args.id.clone());
    let found = find(app.state()?, &id, args.version)?;
    let range =
        args.range.as_deref().map(|range| parse_range(range, found.layout.size)).transpose()?;
    let wanted = range.clone().unwrap_or(0..found.layout.size);
    let progress = app.out.progress(wanted.end - wanted.start, "reading", true);
    let mut notices = Vec::new();
    let (state, fleet) = app.parts()?;
    let object = ObjectCopy {
        object_id: id.0.clone(),
        version: found.version,
        layout: found.layout.clone(),
        assignment: found.stored.assignment.clone(),
    };
    let mut notice = |notice| notices.push(describe(state, &notice));
    let outcome = match &args.output {
        None => {
            let mut out = Checked::new(io::stdout().lock(), progress);
            let read = download(fleet, &object, range.clone(), &mut out, &mut notice);
            read.map_err(CliError::from).and_then(|()| out.check(&found, range.is_some()))
        }
        Some(path) => {
            let mut out = Checked::new(NewFile::create(path, &id.0)?, progress);
            let read = download(fleet, &object, range.clone(), &mut out, &mut notice);
            read.map_err(CliError::from)
                .and_then(|()| out.check(&found, range.is_some()))
                .and_then(|()| out.into_inner().finish())
        }
    };
    tell(app, &notices);
    outcome?;
    if args.output.is_none() {
        return Ok(());
    }
    let document = json!({
        "object_id": id.0,
        "version": found.version,
        "hash_commit": found.stored.hash_commit.to_hex(),
        "size": found.layout.size,
        "range": [wanted.start, wanted.end],
        "repaired_reads": notices.len(),
        "seq": found.seq,
    });
    app.out.row(&document, || {
        format!("{id}  version {}  {} bytes, verified", found.version, wanted.end - wanted.start)
    })
}

/// Most lines about copies that failed; the rest is counted.
const MAX_NOTICES: usize = 20;

fn tell(app: &App, notices: &[String]) {
    for line in notices.iter().take(MAX_NOTICES) {
        app.out.note(line);
    }
    if notices.len() > MAX_NOTICES {
        app.out.note(&format!("… and {} more like these", notices.len() - MAX_NOTICES));
    }
}

fn describe<S: StateStore>(state: &State<S>, notice: &Notice) -> String {
    match notice {
        Notice::CopyFailed { node, shard_id, stripe, why } => {
            let name = state.node(*node).map_or("?", |node| node.node_id.0.as_str());
            format!(
                "copy failed: {name}, shard {shard_id}, stripe {stripe}: {why}; another one is used"
            )
        }
        Notice::Rebuilt { .. } => format!("{notice}"),
    }
}

/// `A-B` with both ends included, or `A-`.
fn parse_range(text: &str, size: u64) -> Result<Range<u64>> {
    let usage =
        || CliError::Usage(format!("range {text:?}: give first and last byte, like 0-1023"));
    let (first, last) = text.split_once('-').ok_or_else(usage)?;
    let first = u64::from_str(first).map_err(|_| usage())?;
    let last = match last {
        "" => size.saturating_sub(1),
        last => u64::from_str(last).map_err(|_| usage())?,
    };
    if last < first && !(size == 0 && first == 0) {
        return Err(if first >= size { outside(size) } else { usage() });
    }
    if first >= size && size > 0 {
        return Err(outside(size));
    }
    Ok(first..last.saturating_add(1).min(size))
}

fn outside(size: u64) -> CliError {
    CliError::failed(ErrorCode::InvalidInput, format!("the object has {size} bytes"))
}

/// Passes content on and computes its commitment.
struct Checked<W> {
    inner: W,
    hasher: CommitHasher,
    progress: ProgressBar,
}

impl<W: Write> Checked<W> {
    fn new(inner: W, progress: ProgressBar) -> Self {
        Self { inner, hasher: CommitHasher::new(), progress }
    }

    /// Every leaf was checked on its way; a whole object must also be what was committed to.
    fn check(&mut self, found: &Found, partial: bool) -> Result<()> {
        self.progress.finish_and_clear();
        self.inner.flush().map_err(|error| {
            CliError::failed(ErrorCode::Internal, format!("cannot write the content: {error}"))
        })?;
        let commit = self.hasher.clone().finish(&found.stored.metadata);
        if partial || commit == found.stored.hash_commit {
            return Ok(());
        }
        Err(CliError::failed(
            ErrorCode::IntegrityMismatch,
            format!("the content hashes to {commit}, not to {}", found.stored.hash_commit),
        ))
    }

    fn into_inner(self) -> W {
        self.inner
    }
}

impl<W: Write> Write for Checked<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        self.progress.inc(written as u64);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// `rm`.
pub fn rm(app: &mut App, id: String) -> Result<()> {
    let object = ObjectId(id);
    object.validate()?;
    let version = next_version(app.state()?.object(&object)?.map_or(0, |object| object.latest))?;
    let action = Action::DeleteMarker { object: object.clone(), version };
    submit_plain(app, action, &object, version, "deleted, as of")
}

/// `purge`.
pub fn purge(app: &mut App, id: String, version: u64) -> Result<()> {
    let object = ObjectId(id);
    object.validate()?;
    let data_dir = app.data_dir().to_path_buf();
    let state = app.state()?;
    if let Ok(found) = find(state, &object, Some(version)) {
        // Noted first: once the entry is there, nothing else says where the shards are.
        let uploads = Uploads::of(&data_dir, state.epoch());
        uploads.note(&object, version, &found.layout.roots, &found.stored.assignment)?;
    }
    let action = Action::Purge { object: object.clone(), version };
    submit_plain(app, action, &object, version, "ended:")
}

fn submit_plain(
    app: &mut App,
    action: Action,
    object: &ObjectId,
    version: u64,
    done: &str,
) -> Result<()> {
    let command = app.command(action)?;
    let receipt = app.submit_one(command)?;
    let document = json!({
        "object_id": object.0,
        "version": version,
        "seq": receipt.seq,
        "entry_hash": receipt.entry_hash.to_hex(),
    });
    app.out.row(&document, || format!("{object}  {done} version {version}  entry {}", receipt.seq))
}

/// Name of the score, in metadata, rows and filters.
const SCORE: &str = "openagi_score";

/// `ls`.
pub fn ls(app: &mut App, args: &LsArgs) -> Result<()> {
    let pair = |filter: &String| {
        let pair = filter.split_once('=').map(|(key, value)| (key.to_owned(), value.to_owned()));
        pair.ok_or_else(|| CliError::Usage(format!("filter {filter:?}: give KEY=VALUE")))
    };
    let pairs = args.filters.iter().map(pair).collect::<Result<Vec<_>>>()?;
    let (scores, metadata): (Vec<_>, _) = pairs.into_iter().partition(|(key, _)| key == SCORE);
    let (prefix, versions) = (args.prefix.clone(), args.versions);
    let filter = ObjectFilter { prefix, versions, metadata, object: None };
    let out = app.out.clone();
    let state = app.state()?;
    let mut shown = Ok(());
    list_objects(state, &filter, &mut |summary| {
        shown = score_of(state, summary).and_then(|score| {
            let has = |(_, wanted): &(String, String)| has_score(score, summary, wanted);
            if scores.iter().all(has) { row(&out, summary, score) } else { Ok(()) }
        });
        shown.is_ok()
    })?;
    shown
}

/// The score on record.
fn score_of<S: StateStore>(state: &State<S>, summary: &ObjectSummary<'_>) -> Result<Option<u32>> {
    let id = ObjectId(summary.object_id.to_owned());
    Ok(state.score(&id, summary.version)?.map(|record| record.score))
}

/// Whether a version has this score: on record, or in its metadata as long as none is.
fn has_score(recorded: Option<u32>, summary: &ObjectSummary<'_>, wanted: &str) -> bool {
    let text = match recorded {
        Some(score) => Some(score.to_string()),
        None => summary.metadata.get(SCORE).map(|value| value.to_canonical()),
    };
    text.as_deref() == Some(wanted)
}

fn row(out: &Output, summary: &ObjectSummary<'_>, score: Option<u32>) -> Result<()> {
    let ObjectSummary { object_id, version, .. } = *summary;
    let metadata: Value = serde_json::from_str(&summary.metadata.to_canonical())
        .map_err(|error| CliError::failed(ErrorCode::Internal, error))?;
    let hash_commit = summary.stored.map(|stored| stored.hash_commit.to_hex());
    let mut document = json!({
        "object_id": object_id,
        "version": version,
        "hash_commit": hash_commit,
        "size": summary.size(),
        "created_at_tick": summary.created_at_tick,
        "metadata": metadata,
        "openagi_score": score,
    });
    if hash_commit.is_none() {
        document["deleted"] = Value::Bool(true);
    }
    out.row(&document, || match &hash_commit {
        Some(commit) => {
            format!("{object_id}  version {version}  {} bytes  {commit}", summary.size())
        }
        None => format!("{object_id}  version {version}  deleted"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_first_and_last_byte() {
        for (text, size, expected) in [
            ("0-0", 10, 0..1),
            ("0-9", 10, 0..10),
            ("3-", 10, 3..10),
            ("5-99", 10, 5..10),
            ("0-", 0, 0..0),
        ] {
            assert_eq!(parse_range(text, size).unwrap(), expected, "{text} of {size}");
        }
        for (text, size) in [("10-11", 10), ("10-", 10)] {
            assert!(
                matches!(parse_range(text, size), Err(CliError::Failed(_))),
                "{text} of {size}"
            );
        }
        for text in ["", "-", "5", "5-3", "a-b", "-5"] {
            assert!(matches!(parse_range(text, 10), Err(CliError::Usage(_))), "{text}");
        }
    }
}
