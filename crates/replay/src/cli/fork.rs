//! Where two logs part, and the proof that one key signed both (RP-16).

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    convert::Infallible,
    fs::File,
    io::{BufReader, Read},
    path::Path,
};

use eqm_log::{
    Leaf, LogHead, LogProof, Misbehaviour, NodeReader, TreeHash, VerifierKey, export::Reader,
    tree::inclusion_proof,
};
use protocol::{EntryBody, json::Value};

use super::checks::{Failure, Rows, named};
use crate::first_difference;

/// How two logs stand to each other.
enum Relation {
    /// Both have these entries, and one of them or neither has more.
    Prefix { common: u64, more: [u64; 2] },
    /// They have this many entries in common, and then differ.
    Fork { seq: u64, bodies: [Vec<u8>; 2] },
}

/// Compares two exported logs entry by entry, in bounded memory. Where they part, the proof of that goes to `out`.
///
/// # Errors
/// What cannot be read, and a fork, which is the worst that a log can have.
pub fn find(
    paths: [&Path; 2],
    out: Option<&Path>,
    pinned: &[VerifierKey],
) -> Result<Rows, Failure> {
    let (seq, bodies) = match relation(paths)? {
        Relation::Prefix { common, more: [one, other] } => {
            return Ok(vec![
                ("common_entries", Value::uint(common)),
                ("further_entries", Value::uint(one)),
                ("further_entries_of_other", Value::uint(other)),
            ]);
        }
        Relation::Fork { seq, bodies } => (seq, bodies),
    };
    let fork = format!("the logs part at entry {seq}: {}", difference(&bodies));
    let [one, other] = paths.map(|path| prove(path, seq));
    let (one, keys) = one?;
    let misbehaviour = Misbehaviour { one, other: other?.0 };
    let keys = if pinned.is_empty() { &keys } else { pinned };
    let proof = match (misbehaviour.verify(keys), out) {
        (Err(error), _) => format!("no proof of misbehaviour: {error}"),
        (Ok(_), None) => {
            "the same keys signed both; --misbehaviour FILE keeps the proof".to_owned()
        }
        (Ok(_), Some(out)) => {
            std::fs::write(out, misbehaviour.to_string())
                .map_err(|error| ("SE_ERR_INTERNAL", format!("{}: {error}", out.display())))?;
            format!("the same keys signed both; the proof is in {}", out.display())
        }
    };
    Err(("SE_ERR_INTEGRITY_MISMATCH", format!("{fork}; {proof}")))
}

/// The first field in which two bodies differ, in words.
fn difference([one, other]: &[Vec<u8>; 2]) -> String {
    match (EntryBody::from_bytes(one), EntryBody::from_bytes(other)) {
        (Ok(one), Ok(other)) => first_difference(&one, &other).map_or_else(
            || "a field that has no name".to_owned(),
            |found| {
                format!(
                    "{} is {} in the one and {} in the other",
                    found.field, found.expected, found.got
                )
            },
        ),
        _ => "at least one of the two is no entry".to_owned(),
    }
}

type Log = Reader<Box<dyn FnMut(&mut [u8]) -> std::io::Result<usize>>>;

fn open(path: &Path) -> Result<Log, Failure> {
    let file = File::open(path).map_err(|error| {
        let missing = error.kind() == std::io::ErrorKind::NotFound;
        let code = if missing { "SE_ERR_NOT_FOUND" } else { "SE_ERR_INVALID_INPUT" };
        (code, format!("{}: {error}", path.display()))
    })?;
    let mut file = BufReader::new(file);
    let source: Box<dyn FnMut(&mut [u8]) -> _> = Box::new(move |buf: &mut [u8]| file.read(buf));
    Reader::open(source).map_err(named(path))
}

fn relation(paths: [&Path; 2]) -> Result<Relation, Failure> {
    let (mut one, mut other) = (open(paths[0])?, open(paths[1])?);
    loop {
        let seq = one.head().size();
        let left = one.next_entry().map_err(named(paths[0]))?.map(|entry| entry.body);
        let right = other.next_entry().map_err(named(paths[1]))?.map(|entry| entry.body);
        match (left, right) {
            (Some(left), Some(right)) if left == right => {}
            (Some(left), Some(right)) => {
                return Ok(Relation::Fork { seq, bodies: [left.to_vec(), right.to_vec()] });
            }
            _ => break,
        }
    }
    let common = one.head().size().min(other.head().size());
    // To the ends: a file that is cut short or damaged has no common part that means anything.
    let [one, other] =
        [one.finish().map_err(named(paths[0]))?, other.finish().map_err(named(paths[1]))?]
            .map(|export| export.header().count);
    let more = [one, other].map(|count| count.saturating_sub(common));
    Ok(Relation::Prefix { common, more })
}

/// The proof that a log has this entry, under the checkpoint of its file; and the keys that the file names.
fn prove(path: &Path, seq: u64) -> Result<(LogProof, Vec<VerifierKey>), Failure> {
    let mut log = open(path)?;
    let wanted = Wanted::of(seq, log.header().count);
    let (mut head, mut nodes, mut leaf) = (LogHead::new(), BTreeMap::new(), Vec::new());
    while let Some(entry) = log.next_entry().map_err(named(path))? {
        if entry.seq == seq {
            let found = Leaf { prev_entry_hash: entry.prev_entry_hash, body: entry.body };
            leaf = found.to_bytes();
        }
        head.append(entry.body, |level, index, hash| {
            if wanted.contains(&(level, index)) {
                nodes.insert((level, index), hash);
            }
        });
    }
    let export = log.finish().map_err(named(path))?;
    let path = inclusion_proof(&Nodes(nodes), seq, head.size()).map_err(named(path))?;
    let checkpoint = export.note().to_owned();
    Ok((LogProof { extra: leaf, index: seq, path, checkpoint }, export.header().keys.clone()))
}

/// Notes which nodes a proof is made of, before there are any.
#[derive(Default)]
struct Wanted(RefCell<BTreeSet<(u8, u64)>>);

impl Wanted {
    fn of(seq: u64, size: u64) -> BTreeSet<(u8, u64)> {
        let wanted = Self::default();
        // What the proof says does not matter here; an entry beyond the end needs no node.
        let _ = inclusion_proof(&wanted, seq, size);
        wanted.0.into_inner()
    }
}

impl NodeReader for Wanted {
    type Error = Infallible;

    fn node(&self, level: u8, index: u64) -> Result<TreeHash, Infallible> {
        self.0.borrow_mut().insert((level, index));
        Ok(TreeHash([0; 32]))
    }
}

struct Nodes(BTreeMap<(u8, u64), TreeHash>);

impl NodeReader for Nodes {
    type Error = &'static str;

    fn node(&self, level: u8, index: u64) -> Result<TreeHash, Self::Error> {
        self.0.get(&(level, index)).copied().ok_or("the log ended early")
    }
}
