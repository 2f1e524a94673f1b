//! Who may sign: the keys in force, those of the file's header, and those that the auditor brings (RP-4, KY-8).

use alloc::{borrow::Cow, format, string::String, string::ToString, vec::Vec};
use eqm_log::{
    Note, VerifierKey,
    checkpoint::CheckpointError,
    export::{Export, Header, Place},
};
use protocol::Genesis;

use crate::{
    Divergence,
    books::Generation,
    report::{LogKeys, SignatureSummary},
};

/// Whether the file is named like the ledger, as soon as its genesis is known.
pub(crate) fn check_origin(genesis: &Genesis, header: &Header) -> Result<(), Divergence> {
    if header.origin == genesis.name {
        return Ok(());
    }
    Err(Divergence::new(Place::Header, "header.origin", &genesis.name, &header.origin))
}

/// The generations of a log's keys as keys that sign notes under its name.
///
/// # Errors
/// When they cannot: genesis and rotations refuse such keys.
pub(crate) fn history(name: &str, log: &[Generation]) -> Result<Vec<LogKeys>, Divergence> {
    let signs = |key| {
        VerifierKey::new(name, key).map_err(|error| {
            Divergence::in_entry(0, "log_keys", "keys that can sign a note", error)
        })
    };
    log.iter()
        .map(|generation| {
            let keys = generation.keys.iter().map(signs).collect::<Result<_, _>>()?;
            let Generation { from, endorsed, revoked, .. } = *generation;
            Ok(LogKeys { from, keys, endorsed, revoked })
        })
        .collect()
}

/// Checks the file's keys, its checkpoint and what the auditor has pinned against the key history, which ends before the
/// log does when only a `part` of it was executed: whoever signs it then, nobody is known to vouch for (RP-19).
pub(crate) fn verify(
    history: &[LogKeys],
    part: bool,
    header: &Header,
    export: &Export,
    pinned: &[VerifierKey],
) -> Result<Vec<SignatureSummary>, Divergence> {
    let mut history = Cow::Borrowed(history);
    if part && history.last().is_some_and(|last| last.keys != header.keys) {
        let (keys, from) = (header.keys.clone(), header.count);
        history.to_mut().push(LogKeys { from, keys, endorsed: Some(false), revoked: None });
    }
    let in_force = history.last().map_or(&[][..], |last| &last.keys);
    if header.keys != in_force {
        let (expected, got) = (ids(in_force), ids(&header.keys));
        return Err(Divergence::new(Place::Header, "header.keys", expected, got)
            .because("the file's keys are not those in force at its end"));
    }
    if !pinned.is_empty() {
        check_pins(&history, pinned)?;
    }
    export.verify(in_force).map_err(unconvincing)?;
    let note = Note::parse(export.note()).map_err(|error| unconvincing(error.into()))?;
    let verified = note.signatures.iter().filter_map(|signature| {
        let key = in_force.iter().find(|key| key.made(signature))?;
        Some(SignatureSummary {
            key_name: key.name().into(),
            key_id: key.key_id(),
            suite: key.public_key().suite.name(),
        })
    });
    Ok(verified.collect())
}

/// Whether the pinned keys reach the keys in force: a generation that is wholly pinned and not void, and an
/// endorsement of every later one.
fn check_pins(history: &[LogKeys], pinned: &[VerifierKey]) -> Result<(), Divergence> {
    let is_pinned = |keys: &LogKeys| keys.keys.iter().all(|key| pinned.contains(key));
    let endorsed = history.iter().rev().take_while(|keys| keys.endorsed == Some(true)).count();
    // The generation before an endorsed one is reached as well.
    let reached = history.iter().rev().take(endorsed.saturating_add(1));
    if reached.into_iter().any(|keys| is_pinned(keys) && keys.revoked.is_none()) {
        return Ok(());
    }
    let why = match history.iter().rev().find(|keys| is_pinned(keys)) {
        Some(LogKeys { revoked: Some(seq), .. }) => {
            format!("entry {seq} declares the pinned keys void: get the log's keys anew")
        }
        Some(_) => String::from(
            "the pinned keys were replaced by some that they did not endorse: get the log's keys anew",
        ),
        None => {
            String::from("no generation of the log's keys is wholly pinned: pin both of its keys")
        }
    };
    let in_force = history.last().map_or(&[][..], |last| &last.keys);
    Err(Divergence::in_entry(0, "log_keys", ids(pinned), ids(in_force)).because(why))
}

fn unconvincing(error: CheckpointError) -> Divergence {
    Divergence::new(
        Place::Trailer,
        "checkpoint.signature",
        "an Ed25519 and an ML-DSA-44 signature by the log's keys",
        error,
    )
}

/// Names and ids of keys.
fn ids(keys: &[VerifierKey]) -> String {
    let names: Vec<String> =
        keys.iter().map(|key| format!("{}+{:08x}", key.name(), key.key_id())).collect();
    if names.is_empty() { "no key".to_string() } else { names.join(" ") }
}
