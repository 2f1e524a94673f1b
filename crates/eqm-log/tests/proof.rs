//! The proof file of one entry: rule EL-14.

mod common;

use common::{BODIES, assert_golden, head, keys, sign};
use eqm_log::{
    Frontier, LogProof, NodeReader, TreeHash,
    checkpoint::CheckpointError,
    proof::{MAX_EXTRA_LEN, MAX_PROOF_LEN, ProofError},
    tree::{VerifyError, entry_leaf, inclusion_proof},
};
use proptest::prelude::*;
use protocol::{Hash32, signature::Suite};
use std::collections::BTreeMap;

struct Nodes(BTreeMap<(u8, u64), TreeHash>);

impl NodeReader for Nodes {
    type Error = &'static str;

    fn node(&self, level: u8, index: u64) -> Result<TreeHash, Self::Error> {
        self.0.get(&(level, index)).copied().ok_or("no such node")
    }
}

/// Leaf and proof file of the entry at `index` of the test log.
fn prove(index: u64) -> (TreeHash, LogProof) {
    let (mut frontier, mut nodes) = (Frontier::new(), Nodes(BTreeMap::new()));
    let (mut prev, mut leaves) = (Hash32::ZERO, Vec::new());
    for body in BODIES {
        let leaf = entry_leaf(&prev, body);
        leaves.push(leaf);
        frontier.push(leaf, |level, index, hash| {
            nodes.0.insert((level, index), hash);
        });
        prev = eqm_log::chain::entry_hash(&prev, body);
    }
    let path = inclusion_proof(&nodes, index, frontier.size()).unwrap();
    let checkpoint = sign(&head(BODIES.len()));
    let proof = LogProof { extra: Vec::new(), index, path, checkpoint };
    (leaves[usize::try_from(index).unwrap()], proof)
}

#[test]
fn el_14_golden_proof() {
    let (_, mut proof) = prove(3);
    proof.extra = b"not authenticated".to_vec();
    assert_golden("proof-v1.tlog-proof", proof.to_string().as_bytes());
}

#[test]
fn el_14_every_entry_is_proved_and_only_itself() {
    let proofs: Vec<_> = (0..5).map(prove).collect();
    for (index, (leaf, proof)) in proofs.iter().enumerate() {
        let file = proof.to_string();
        assert_eq!(file.parse(), Ok(proof.clone()));
        assert_eq!(proof.verify(leaf, &keys()).map(|checkpoint| checkpoint.size()), Ok(5));
        for (other, (other_leaf, _)) in proofs.iter().enumerate() {
            assert_eq!(proof.verify(other_leaf, &keys()).is_ok(), other == index);
        }
        let mut moved = proof.clone();
        moved.index = 5;
        let out = ProofError::Inclusion(VerifyError::OutOfRange);
        assert_eq!(moved.verify(leaf, &keys()), Err(out));
        let unsigned = ProofError::Checkpoint(CheckpointError::MissingSignature(Suite::Ed25519));
        assert_eq!(proof.verify(leaf, &[]), Err(unsigned));
    }
}

#[test]
fn el_14_malformed_files_are_refused() {
    let (_, mut proof) = prove(3);
    proof.extra = vec![1, 2, 3];
    let file = proof.to_string();
    let hash = proof.path[0].to_base64();
    let many = format!("{hash}\n").repeat(65);
    for (from, to, error) in [
        ("@v1", "@v2", ProofError::NotAProof),
        ("extra AQID", "extra AQI", ProofError::BadExtra),
        ("extra AQID", "extra ", ProofError::BadExtra),
        ("extra AQID", "extra AQID\nextra AQID", ProofError::BadIndex),
        ("index 3", "index 03", ProofError::BadIndex),
        ("index 3", "index 9223372036854775807", ProofError::BadIndex),
        ("index 3\n", "", ProofError::BadIndex),
        (&*hash, "AAAA", ProofError::BadHashLine(0)),
        (&*hash, many.trim_end(), ProofError::PathTooLong),
    ] {
        let bad = file.replacen(from, to, 1);
        assert_ne!(bad, file);
        assert_eq!(bad.parse::<LogProof>(), Err(error), "{from} to {to}");
    }
    let end = file.find("\n\n").unwrap();
    assert_eq!(file[..end + 1].parse::<LogProof>(), Err(ProofError::NoCheckpoint));
    assert_eq!(file[..end + 2].parse::<LogProof>(), Err(ProofError::NoCheckpoint));
    let long = "x".repeat(MAX_PROOF_LEN + 1);
    assert_eq!(long.parse::<LogProof>(), Err(ProofError::TooLong(MAX_PROOF_LEN + 1)));
    assert_eq!(long[1..].parse::<LogProof>(), Err(ProofError::NoCheckpoint));
    proof.extra = vec![0; MAX_EXTRA_LEN];
    assert_eq!(proof.to_string().parse(), Ok(proof.clone()));
    proof.extra.push(0);
    assert_eq!(proof.to_string().parse::<LogProof>(), Err(ProofError::BadExtra));
}

proptest! {
    #[test]
    fn parsing_never_panics_and_prints_back(
        text in "(c2sp.org/tlog-proof@v1\n)?(extra [A-Za-z]{0,8}\n)?(index [0-9]{1,3}\n)?\n{0,2}\\PC*",
    ) {
        if let Ok(proof) = text.parse::<LogProof>() {
            prop_assert_eq!(proof.to_string(), text);
        }
    }
}
