//! The proof that a log has only grown, as a file: rule EL-26.

mod common;
#[path = "common/tiled.rs"]
mod tiled;

use common::{ORIGIN, assert_vector, ed, keys, pq};
use eqm_log::{
    Checkpoint, ConsistencyProof, Leaf, LogProof, VerifiedCheckpoint,
    checkpoint::CheckpointError,
    consistency::{ConsistencyError, MAX_CONSISTENCY_LEN},
    tile::tiles_added,
    tree::{VerifyError, consistency_proof, inclusion_proof},
};
use proptest::prelude::*;
use protocol::signature::Suite;
use std::sync::LazyLock;
use tiled::Log;

static LOG: LazyLock<Log> = LazyLock::new(|| Log::new(300));

fn note(size: u64, origin: &str) -> String {
    let checkpoint = Checkpoint { origin: origin.into(), size, root: LOG.root(size) };
    checkpoint.sign(ORIGIN, &ed(), &pq()).unwrap()
}

fn verified(size: u64) -> VerifiedCheckpoint {
    Checkpoint::verify(&note(size, ORIGIN), &keys()).unwrap()
}

fn prove(old: u64, new: u64) -> ConsistencyProof {
    let path = consistency_proof(&*LOG, old, new).unwrap();
    ConsistencyProof { old, path, checkpoint: note(new, ORIGIN) }
}

/// EL-14, EL-21 to EL-26: the files of a log of 300 entries under published keys, byte by byte.
#[test]
fn el_22_el_26_golden_files() {
    assert_vector("checkpoint", note(300, ORIGIN).as_bytes());
    assert_vector("checkpoint-200", note(200, ORIGIN).as_bytes());
    assert_vector("vkeys", keys().map(|key| format!("{key}\n")).concat().as_bytes());
    tiles_added(0, 300).for_each(|tile| assert_vector(&tile.to_string(), &LOG.file(&tile)));
    assert_vector("growth.consistency-proof", prove(200, 300).to_string().as_bytes());
    let path = inclusion_proof(&*LOG, 271, 300).unwrap();
    let (extra, checkpoint) = (LOG.leaf(271).to_bytes(), note(300, ORIGIN));
    let proof = LogProof { extra, index: 271, path, checkpoint };
    assert_vector("entry.tlog-proof", proof.to_string().as_bytes());
    // EL-25: what the file encloses is what it proves.
    let leaf = Leaf::parse(&proof.extra).unwrap().leaf_hash();
    assert!(proof.verify(&leaf, &keys()).is_ok());
}

#[test]
fn el_26_growth_is_proved_and_nothing_else() {
    for (old, new) in [(0, 1), (0, 300), (1, 1), (1, 2), (3, 7), (255, 300), (256, 257), (300, 300)]
    {
        let proof = prove(old, new);
        assert_eq!(proof.to_string().parse(), Ok(proof.clone()));
        assert_eq!(proof.verify(&verified(old), &keys()).map(|new| new.size()), Ok(new));
        for at in 0..proof.path.len() {
            let mut bad = proof.clone();
            bad.path[at].0[31] ^= 1;
            let error = ConsistencyError::Inconsistent(VerifyError::RootMismatch);
            assert_eq!(bad.verify(&verified(old), &keys()).err(), Some(error), "{old} to {new}");
        }
        let mut longer = proof.clone();
        longer.path.push(LOG.root(1));
        assert!(longer.verify(&verified(old), &keys()).is_err());
    }
}

#[test]
fn el_26_the_two_checkpoints_must_belong_together() {
    let proof = prove(7, 20);
    let other_size = ConsistencyError::OtherSize { expected: 8, found: 7 };
    assert_eq!(proof.verify(&verified(8), &keys()).err(), Some(other_size));
    let unsigned = CheckpointError::MissingSignature(Suite::Ed25519);
    let unsigned = ConsistencyError::Checkpoint(unsigned);
    assert_eq!(proof.verify(&verified(7), &[]).err(), Some(unsigned));
    let mut foreign = proof.clone();
    foreign.checkpoint = note(20, "qfs.example/another");
    assert_eq!(foreign.verify(&verified(7), &keys()).err(), Some(ConsistencyError::OtherLog));
    let mut shrunk = prove(20, 20);
    shrunk.checkpoint = note(7, ORIGIN);
    let shrunk = shrunk.verify(&verified(20), &keys()).err();
    assert_eq!(shrunk, Some(ConsistencyError::Inconsistent(VerifyError::OutOfRange)));
}

#[test]
fn el_26_malformed_files_are_refused() {
    let proof = prove(7, 20);
    let file = proof.to_string();
    let hash = proof.path[0].to_base64();
    let many = format!("{hash}\n").repeat(64);
    for (from, to, error) in [
        ("old 7", "old 07", ConsistencyError::BadOldSize),
        ("old 7", "old -7", ConsistencyError::BadOldSize),
        ("old 7", "old 9223372036854775808", ConsistencyError::BadOldSize),
        ("old 7", "new 7", ConsistencyError::BadOldSize),
        ("old 7\n", "", ConsistencyError::BadOldSize),
        ("old 7\n", "old 7\r\n", ConsistencyError::BadOldSize),
        (&*hash, "AAAA", ConsistencyError::BadHashLine(0)),
        (&*hash, many.trim_end(), ConsistencyError::PathTooLong),
    ] {
        let bad = file.replacen(from, to, 1);
        assert_ne!(bad, file);
        assert_eq!(bad.parse::<ConsistencyProof>(), Err(error), "{from} to {to}");
    }
    let end = file.find("\n\n").unwrap();
    for cut in [end + 1, end + 2] {
        let cut = file[..cut].parse::<ConsistencyProof>();
        assert_eq!(cut, Err(ConsistencyError::NoCheckpoint));
    }
    let long = "x".repeat(MAX_CONSISTENCY_LEN + 1);
    let error = ConsistencyError::TooLong(MAX_CONSISTENCY_LEN + 1);
    assert_eq!(
        error.to_string(),
        "a consistency proof has at most 69632 bytes, this one has 69633"
    );
    assert_eq!(long.parse::<ConsistencyProof>(), Err(error));
}

/// EL-14, EL-26: no prefix of a file, and no file with one bit changed, proves what the file proves.
#[test]
fn el_26_every_changed_file_is_refused() {
    let old = verified(7);
    let growth = prove(7, 20).to_string();
    let checkpoint = note(20, ORIGIN);
    let path = inclusion_proof(&*LOG, 9, 20).unwrap();
    let proof = LogProof { extra: LOG.leaf(9).to_bytes(), index: 9, path, checkpoint }.to_string();
    let grows = |file: &str| {
        let proof = file.parse::<ConsistencyProof>().ok();
        proof.is_some_and(|proof| proof.verify(&old, &keys()).is_ok())
    };
    let proves = |file: &str| {
        file.parse::<LogProof>().is_ok_and(|proof| {
            let leaf = Leaf::parse(&proof.extra).map(|leaf| leaf.leaf_hash());
            leaf.is_some_and(|leaf| proof.verify(&leaf, &keys()).is_ok())
        })
    };
    for (file, holds) in [(growth, &grows as &dyn Fn(&str) -> bool), (proof, &proves)] {
        assert!(holds(&file));
        // Characters of the long signature are all alike: a sample of them will do.
        let dense = file.len() - 3_300;
        for at in (0..dense).chain((dense..file.len()).step_by(37)) {
            if let Some(prefix) = file.get(..at) {
                assert!(!holds(prefix), "cut at {at}");
            }
            let mut bytes = file.clone().into_bytes();
            bytes[at] ^= 1 << (at % 7);
            if let Ok(changed) = String::from_utf8(bytes) {
                assert!(!holds(&changed), "changed at {at}");
            }
        }
        assert!(!holds(&file[..file.len() - 1]));
        assert!(!holds(&format!("{file}\n")));
    }
}

proptest! {
    #[test]
    fn el_26_parsing_never_panics_and_prints_back(text in "(old [0-9]{1,3}\n)?([A-Za-z0-9+/]{43}=\n){0,2}\n{0,2}\\PC*") {
        if let Ok(proof) = text.parse::<ConsistencyProof>() {
            prop_assert_eq!(proof.to_string(), text);
        }
    }
}
