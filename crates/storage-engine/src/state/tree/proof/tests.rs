//! ST-5, ST-9: what is in the map proves, what is not proves absent, and nothing else verifies.

use alloc::{collections::BTreeMap, format, vec::Vec};

use proptest::prelude::*;
use protocol::{Hash32, hash::hex_encode};
use serde_json::{Value, json};

use super::*;
use crate::state::tree::{tests::Map, update};

/// A key that the root covers.
fn key(n: u16) -> Vec<u8> {
    format!("Okey-{n}").into_bytes()
}

fn value(n: u16) -> Vec<u8> {
    n.to_be_bytes().repeat(usize::from(n % 7))
}

fn tree(numbers: impl IntoIterator<Item = u16>) -> (Map, Hash32) {
    let mut map = Map::default();
    let record = |n| (Hash32::of(&key(n)), Some(Hash32::of(&value(n))));
    let changes: BTreeMap<_, _> = numbers.into_iter().map(record).collect();
    let root = map.update(&changes.into_iter().collect::<Vec<_>>()).unwrap();
    (map, root)
}

proptest! {
    #[test]
    fn st_5_every_key_proves_what_stands_there_and_nothing_else(
        numbers in prop::collection::btree_set(0u16..400, 0..400), others in prop::collection::vec(0u16..400, 8),
    ) {
        let (map, root) = tree(numbers.iter().copied());
        for n in others {
            let proof = prove(&map, &key(n)).unwrap();
            let bytes = value(n);
            let there = numbers.contains(&n);
            prop_assert_eq!(proof.verify(&root, &key(n), Some(&bytes)).is_ok(), there);
            prop_assert_eq!(proof.verify(&root, &key(n), None).is_ok(), !there);
            let stands = there.then_some(bytes.as_slice());
            prop_assert!(proof.verify(&root, &key(n), Some(b"another value")).is_err());
            prop_assert!(proof.verify(&Hash32::of(b"another root"), &key(n), stands).is_err());
            prop_assert_eq!(MapProof::from_bytes(&proof.to_bytes()), Ok(proof.clone()));
            for other in numbers.iter().take(8).filter(|other| **other != n) {
                // That a key is absent is shown by the record in its place, and so is that record.
                let shown = proof.leaf.is_some_and(|leaf| leaf.path == Hash32::of(&key(*other)));
                let verdict = proof.verify(&root, &key(*other), Some(&value(*other)));
                prop_assert_eq!(verdict.is_ok(), shown);
                prop_assert!(proof.verify(&root, &key(*other), None).is_err());
            }
        }
    }

    #[test]
    fn st_9_no_changed_proof_verifies(
        numbers in prop::collection::btree_set(0u16..100, 2..60), n in 0u16..100, bit in any::<prop::sample::Index>(),
        sibling in any::<[u8; 32]>(),
    ) {
        let (map, root) = tree(numbers.iter().copied());
        let proof = prove(&map, &key(n)).unwrap();
        let bytes = value(n);
        let stands = numbers.contains(&n).then_some(bytes.as_slice());
        let verifies = |proof: &MapProof| proof.verify(&root, &key(n), stands).is_ok();
        prop_assert!(verifies(&proof));

        let mut flipped = proof.to_bytes();
        let bit = bit.index(flipped.len() * 8);
        flipped[bit / 8] ^= 1 << (bit % 8);
        prop_assert!(!MapProof::from_bytes(&flipped).is_ok_and(|proof| verifies(&proof)));

        let changed = |change: &dyn Fn(&mut Vec<Hash32>)| {
            let mut changed = proof.clone();
            change(&mut changed.siblings);
            changed
        };
        let shorter = |at: usize| {
            changed(&|siblings| {
                siblings.remove(at);
            })
        };
        if !proof.siblings.is_empty() {
            prop_assert!(!verifies(&shorter(0)) && !verifies(&shorter(proof.siblings.len() - 1)));
        }
        for extra in [Hash32::ZERO, Hash32(sibling)] {
            prop_assert!(!verifies(&changed(&|siblings| siblings.insert(0, extra))));
            prop_assert!(!verifies(&changed(&|siblings| siblings.push(extra))));
        }
        prop_assert!(!verifies(&changed(&|siblings| siblings.resize(257, Hash32::ZERO))));
    }

    /// Whatever somebody sends: an answer, never a panic.
    #[test]
    fn st_9_hostile_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..300), tag in 0u8..3) {
        for bytes in [bytes.clone(), [&[tag][..], &bytes].concat()] {
            if let Ok(proof) = MapProof::from_bytes(&bytes) {
                prop_assert_eq!(proof.to_bytes(), bytes);
                prop_assert!(proof.verify(&Hash32::of(b"root"), b"O", Some(b"value")).is_err());
            }
        }
    }
}

/// Two paths with 255 bits in common give the longest proof.
#[test]
fn st_9_the_longest_proof_fits() {
    let (key, mut near) = (key(1), Hash32::of(&key(1)));
    near.0[31] ^= 1;
    let mut changes = [(Hash32::of(&key), Some(Hash32::of(b"v"))), (near, Some(Hash32::ZERO))];
    changes.sort();
    let mut map = Map::default();
    let root = map.update(&changes).unwrap();
    let proof = prove(&map, &key).unwrap();
    assert_eq!((proof.siblings.len(), proof.to_bytes().len()), (MAX_SIBLINGS, MAX_PROOF_BYTES));
    assert_eq!(
        MapProof::from_bytes(&proof.to_bytes()).unwrap().verify(&root, &key, Some(b"v")),
        Ok(())
    );
    let longer = [proof.to_bytes(), Vec::from([0; 32])].concat();
    assert_eq!(MapProof::from_bytes(&longer), Err(ProofError::Malformed));
}

#[test]
fn st_9_what_the_root_does_not_cover_is_not_proved_absent() {
    let (map, root) = tree(0..9);
    for key in [&b"C"[..], b"Z", b"T", b""] {
        let proof = prove(&map, key).unwrap();
        assert_eq!(proof.verify(&root, key, None), Err(ProofError::NotCovered));
    }
}

#[test]
fn damaged_pages_are_errors_when_proving() {
    let (mut map, _) = tree(0..300);
    let writes = &mut |_, _| ();
    assert!(update(&map, &[], writes).is_ok());
    map.0.values_mut().for_each(|page| page.truncate(40));
    assert!(prove(&map, &key(1)).is_err());
}

/// The committed vectors, which the independent implementation checks as well.
#[test]
fn st_9_golden_vectors() {
    const VECTORS: &str = include_str!("../../../../../../tests/vectors/state-proofs.json");
    let mut cases = Vec::new();
    for (records, numbers) in [(0, 0..1), (1, 0..2), (2, 0..3), (1000, 0..1003u16)] {
        let (map, root) = tree(0..records);
        for n in numbers.filter(|n| *n < 3 || *n > 998) {
            let proof = prove(&map, &key(n)).unwrap();
            let stands = (n < records).then(|| hex_encode(&value(n)));
            cases.push(json!({
                "records": records, "root": root.to_hex(), "key": hex_encode(&key(n)), "value": stands,
                "proof": hex_encode(&proof.to_bytes()),
            }));
        }
    }
    let committed: Value = serde_json::from_str(VECTORS).unwrap();
    assert_eq!(committed["cases"], Value::from(cases.clone()), "{}", Value::from(cases));
}
