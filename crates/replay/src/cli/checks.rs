//! Checks without a whole log: the proof of an entry, the growth of a log, a directory of its tiles.

use std::{
    fmt::Display,
    fs,
    io::{ErrorKind, Read},
    path::{Path, PathBuf},
    process::ExitCode,
};

use eqm_log::{
    Checkpoint, ConsistencyProof, Leaf, LogProof, Misbehaviour, Tile, TileSource, TileTree,
    VerifiedCheckpoint, consistency::MAX_CONSISTENCY_LEN, leaf::MAX_LEAF_LEN,
    misbehaviour::MAX_MISBEHAVIOUR_LEN, note::MAX_NOTE_LEN, proof::MAX_PROOF_LEN,
};
use protocol::{
    EntryBody, Outcome,
    json::{Value, object},
};

use super::{USAGE, complain, fail, pins, pins::Trust, plain, say};

/// Longest tile or bundle: 256 entries, each with its length before it.
const MAX_TILE_LEN: usize = 256 * (2 + MAX_LEAF_LEN);

/// What can be checked without the whole log.
#[derive(Debug, clap::Subcommand)]
pub enum Check {
    /// Check the proof that an entry is in a log (`qfs log prove`).
    Proof {
        /// The proof (C2SP tlog-proof), which encloses the entry.
        file: PathBuf,
        /// The keys.
        #[command(flatten)]
        keys: Keys,
    },
    /// Check that a log has only grown since an earlier checkpoint (`qfs log consistency`).
    Consistency {
        /// The earlier checkpoint.
        old: PathBuf,
        /// The proof, which encloses the later checkpoint.
        proof: PathBuf,
        /// The keys.
        #[command(flatten)]
        keys: Keys,
    },
    /// Check the proof that a log's keys signed two histories (`--against`).
    Misbehaviour {
        /// The proof.
        file: PathBuf,
        /// The keys.
        #[command(flatten)]
        keys: Keys,
    },
    /// Check every file of a published log (`qfs log export --tiles`): tiles, bundles, chain; executes nothing.
    Tiles {
        /// The directory with `checkpoint` and `tile`.
        dir: PathBuf,
        /// The keys.
        #[command(flatten)]
        keys: Keys,
    },
    /// Check a signature of a node from before FIPS 204: round-3 Dilithium. No ledger rests on it.
    #[cfg(feature = "round3")]
    Dilithium(super::round3::Arguments),
}

/// Whose word counts.
#[derive(Debug, clap::Args)]
pub struct Keys {
    /// Key that the log must have signed with: a verifier key, or a file of them, one a line (`@FILE` or a path).
    /// Give both keys of the log; may be repeated.
    #[arg(long = "key", value_name = "VKEY|@FILE", required_unless_present = "policy")]
    keys: Vec<String>,
    /// Policy (C2SP tlog-policy): keys of logs, and which witnesses must have cosigned the checkpoint.
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
}

/// A failed check: stable code, sentence.
pub(super) type Failure = (&'static str, String);

/// Name and value of each row that is shown.
pub(super) type Rows = Vec<(&'static str, Value)>;

/// Checks and says what was found; the exit status is that of an audit.
pub fn run(check: &Check, json: bool) -> ExitCode {
    let keys = match check {
        Check::Proof { keys, .. }
        | Check::Consistency { keys, .. }
        | Check::Misbehaviour { keys, .. }
        | Check::Tiles { keys, .. } => keys,
        #[cfg(feature = "round3")]
        Check::Dilithium(arguments) => return end(super::round3::check(arguments), json),
    };
    let trust = match Trust::read(&keys.keys, keys.policy.as_deref()) {
        Ok(trust) => trust,
        Err(message) => {
            complain(&message);
            return ExitCode::from(USAGE);
        }
    };
    let found = match check {
        Check::Proof { file, .. } => proof(file, &trust),
        Check::Consistency { old, proof, .. } => consistency(old, proof, &trust),
        Check::Misbehaviour { file, .. } => misbehaviour(file, &trust),
        Check::Tiles { dir, .. } => tiles(dir, &trust),
        #[cfg(feature = "round3")]
        Check::Dilithium(arguments) => super::round3::check(arguments),
    };
    end(found, json)
}

/// Shows what was found; the exit status is that of an audit.
pub(super) fn end(found: Result<Rows, Failure>, json: bool) -> ExitCode {
    match found {
        Ok(rows) => {
            show(rows, json);
            ExitCode::SUCCESS
        }
        Err((code, detail)) => fail(code, &detail, json),
    }
}

fn show(rows: Rows, json: bool) {
    if json {
        let ok = ("ok", Value::from(true));
        return say(&object(core::iter::once(ok).chain(rows)).to_string());
    }
    say("verdict      passed");
    for (name, value) in rows {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        say(&plain(&format!("{:<12} {text}", name.replace('_', " "))));
    }
}

fn proof(path: &Path, trust: &Trust) -> Result<Rows, Failure> {
    let proof: LogProof = text(path, MAX_PROOF_LEN)?.parse().map_err(named(path))?;
    let leaf = Leaf::parse(&proof.extra)
        .ok_or("the proof does not enclose its entry")
        .map_err(named(path))?;
    // From here on the enclosed entry is the proved one: what the proof shows is its leaf hash.
    let keys = trust.keys_of(&proof.checkpoint);
    let checkpoint = proof.verify(&leaf.leaf_hash(), &keys).map_err(named(path))?;
    let body = EntryBody::from_bytes(leaf.body).map_err(named(path))?;
    if body.seq != proof.index {
        let detail = format!("entry {} stands at {} of the log", body.seq, proof.index);
        return Err(named(path)(detail));
    }
    let outcome = match &body.outcome {
        Outcome::Accepted(_) => "ACCEPTED",
        Outcome::Rejected(code) => code.name(),
    };
    let mut rows = vec![
        ("seq", Value::uint(body.seq)),
        ("tick", Value::uint(body.tick)),
        ("epoch", Value::uint(body.epoch)),
        ("outcome", outcome.into()),
        ("entry_hash", leaf.entry_hash().to_hex().into()),
        ("prev_entry_hash", leaf.prev_entry_hash.to_hex().into()),
    ];
    rows.extend(stated(&checkpoint));
    rows.push(witnessed(path, trust, &proof.checkpoint)?);
    Ok(rows)
}

/// The row of the witnesses that a policy asks for.
fn witnessed(path: &Path, trust: &Trust, note: &str) -> Result<(&'static str, Value), Failure> {
    let cosigners = trust.witnessed(note).map_err(named(path))?;
    Ok(("cosigners", pins::cosigners(&cosigners)))
}

/// Witnesses are asked for under the later checkpoint: it is the one that is to be believed from now on.
fn consistency(old: &Path, path: &Path, trust: &Trust) -> Result<Rows, Failure> {
    let note = text(old, MAX_NOTE_LEN)?;
    let keys = trust.keys_of(&note);
    let old = Checkpoint::verify(&note, &keys).map_err(named(old))?;
    let proof: ConsistencyProof = text(path, MAX_CONSISTENCY_LEN)?.parse().map_err(named(path))?;
    let new = proof.verify(&old, &keys).map_err(named(path))?;
    let mut rows =
        vec![("old_size", Value::uint(old.size())), ("old_root", old.root().to_base64().into())];
    rows.extend(stated(&new));
    rows.push(witnessed(path, trust, &proof.checkpoint)?);
    Ok(rows)
}

/// No witness need have seen what a log's own keys signed twice.
fn misbehaviour(path: &Path, trust: &Trust) -> Result<Rows, Failure> {
    let proof: Misbehaviour = text(path, MAX_MISBEHAVIOUR_LEN)?.parse().map_err(named(path))?;
    let keys = trust.keys_of(&proof.one.checkpoint);
    let [one, other] = proof.verify(&keys).map_err(named(path))?;
    Ok(vec![
        ("origin", one.origin().into()),
        ("seq", Value::uint(proof.one.index)),
        ("size", Value::uint(one.size())),
        ("root", one.root().to_base64().into()),
        ("other_size", Value::uint(other.size())),
        ("other_root", other.root().to_base64().into()),
    ])
}

fn tiles(dir: &Path, trust: &Trust) -> Result<Rows, Failure> {
    let path = dir.join("checkpoint");
    let note = text(&path, MAX_NOTE_LEN)?;
    let checkpoint = Checkpoint::verify(&note, &trust.keys_of(&note)).map_err(named(&path))?;
    let cosigners = witnessed(&path, trust, &note)?;
    let tree = TileTree::open(Directory(dir), &checkpoint).map_err(named(dir))?;
    let head = tree.read_all(|_, _| ()).map_err(named(dir))?;
    let mut rows = Rows::from(stated(&checkpoint));
    rows.push(("last_entry_hash", head.entry_hash().to_hex().into()));
    rows.push(cosigners);
    Ok(rows)
}

fn stated(checkpoint: &VerifiedCheckpoint) -> [(&'static str, Value); 3] {
    [
        ("origin", checkpoint.origin().into()),
        ("size", Value::uint(checkpoint.size())),
        ("root", checkpoint.root().to_base64().into()),
    ]
}

/// A published log on disk.
struct Directory<'a>(&'a Path);

impl TileSource for Directory<'_> {
    type Error = String;

    fn read(&self, tile: &Tile) -> Result<Option<Vec<u8>>, String> {
        let path = self.0.join(tile.to_string());
        match bytes(&path, MAX_TILE_LEN) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(format!("{tile}: {error}")),
        }
    }
}

/// A text file of bounded length.
fn text(path: &Path, limit: usize) -> Result<String, Failure> {
    String::from_utf8(content(path, limit)?).map_err(named(path))
}

/// A file of bounded length.
pub(super) fn content(path: &Path, limit: usize) -> Result<Vec<u8>, Failure> {
    bytes(path, limit).map_err(|error| {
        let code = match error.kind() {
            ErrorKind::NotFound => "SE_ERR_NOT_FOUND",
            ErrorKind::FileTooLarge => "SE_ERR_LIMIT",
            _ => "SE_ERR_INVALID_INPUT",
        };
        (code, format!("{}: {error}", path.display()))
    })
}

fn bytes(path: &Path, limit: usize) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let bound = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    fs::File::open(path)?.take(bound).read_to_end(&mut bytes)?;
    if bytes.len() > limit {
        return Err(ErrorKind::FileTooLarge.into());
    }
    Ok(bytes)
}

/// What a file says is not so.
pub(super) fn named<E: Display>(path: &Path) -> impl Fn(E) -> Failure {
    move |error| ("SE_ERR_INTEGRITY_MISMATCH", format!("{}: {error}", path.display()))
}
