//! Who may sign: the keys of genesis, of the file's header, and those that the auditor brings (RP-4).

use alloc::{format, string::String, string::ToString, vec::Vec};
use eqm_log::{
    Note, VerifierKey,
    checkpoint::CheckpointError,
    export::{Export, Header, Place},
};
use protocol::Genesis;

use crate::{Divergence, report::SignatureSummary};

/// The verifier keys that genesis names for the log, under the ledger's name.
fn genesis_keys(genesis: &Genesis) -> Result<Vec<VerifierKey>, Divergence> {
    let key = |key| {
        VerifierKey::new(&genesis.name, key).map_err(|error| {
            Divergence::in_entry(0, "genesis.log_keys", "keys that can sign a note", error)
        })
    };
    genesis.log_keys.iter().map(key).collect()
}

/// Checks header and pinned keys against genesis, as soon as it is known.
pub(crate) fn check(
    genesis: &Genesis,
    header: &Header,
    pinned: &[VerifierKey],
) -> Result<(), Divergence> {
    if header.origin != genesis.name {
        return Err(Divergence::new(Place::Header, "header.origin", &genesis.name, &header.origin));
    }
    let named = genesis_keys(genesis)?;
    let same = named.iter().all(|key| header.keys.contains(key))
        && header.keys.iter().all(|key| named.contains(key));
    if !same {
        let (expected, got) = (ids(&named), ids(&header.keys));
        return Err(Divergence::new(Place::Header, "header.keys", expected, got)
            .because("the file's keys are not those that genesis names"));
    }
    match named.iter().find(|key| !pinned.contains(key)) {
        Some(stranger) if !pinned.is_empty() => Err(Divergence::in_entry(
            0,
            "genesis.log_keys",
            ids(pinned),
            ids(core::slice::from_ref(stranger)),
        )
        .because("genesis names a key that is not pinned")),
        _ => Ok(()),
    }
}

/// Verifies both signatures of the checkpoint by the keys of genesis, and by the pinned ones if there are any.
pub(crate) fn verify(
    genesis: &Genesis,
    export: &Export,
    pinned: &[VerifierKey],
) -> Result<Vec<SignatureSummary>, Divergence> {
    let named = genesis_keys(genesis)?;
    export.verify(&named).map_err(unconvincing)?;
    if !pinned.is_empty() {
        export.verify(pinned).map_err(unconvincing)?;
    }
    let note = Note::parse(export.note()).map_err(|error| unconvincing(error.into()))?;
    let verified = note.signatures.iter().filter_map(|signature| {
        let key = named.iter().find(|key| key.made(signature))?;
        Some(SignatureSummary {
            key_name: key.name().into(),
            key_id: key.key_id(),
            suite: key.public_key().suite.name(),
        })
    });
    Ok(verified.collect())
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
