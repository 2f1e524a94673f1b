//! Files that prove something about the log, and the trees under them.

use core::str::{FromStr, from_utf8};

use arbitrary::{Result, Unstructured};
use eqm_log::{
    ConsistencyProof, LogProof, Misbehaviour, TreeHash,
    tree::{
        Frontier, consistency_proof, inclusion_proof, leaf_hash, root_at, verify_consistency,
        verify_inclusion,
    },
};

use crate::base::{BASE, Nodes};

/// A C2SP tlog-proof. It prints as it was; and if the log's keys vouch for it, its path is the path of that entry.
pub fn tlog_proof(data: &[u8]) {
    let Ok(text) = from_utf8(data) else { return };
    let Ok(proof) = LogProof::from_str(text) else { return };
    assert_eq!(proof.to_string(), text);
    for index in 0..BASE.size() {
        let leaf = BASE.nodes.leaf(index);
        if proof.verify(&leaf, &BASE.keys).is_ok() {
            assert_eq!(proof.index, index);
            let honest = inclusion_proof(&BASE.nodes, index, BASE.size());
            assert_eq!(Ok(proof.path.clone()), honest, "there is one path to a leaf");
        }
    }
}

/// A file that shows that the log only grew: it prints as it was, and holds for nothing but an earlier size of this log.
pub fn consistency(data: &[u8]) {
    let Ok(text) = from_utf8(data) else { return };
    let Ok(proof) = ConsistencyProof::from_str(text) else { return };
    assert_eq!(proof.to_string(), text);
    if proof.verify(&BASE.checkpoint, &BASE.keys).is_ok() {
        assert_eq!((proof.old, &proof.path[..]), (BASE.size(), &[][..]));
    }
}

/// A file that accuses a log of two histories: it prints as it was, and nobody can accuse a log that has signed one history only.
pub fn misbehaviour(data: &[u8]) {
    let Ok(text) = from_utf8(data) else { return };
    let Ok(accusation) = Misbehaviour::from_str(text) else { return };
    assert_eq!(accusation.to_string(), text);
    assert!(accusation.verify(&BASE.keys).is_err(), "the log has signed one checkpoint");
}

/// Paths in a tree of some leaves, honest and changed. Honest ones verify; a change of leaf, place, size, path or root never
/// does, unless it changed nothing.
pub fn tree_proof(data: &[u8]) {
    let _used_up = tree_proofs(&mut Unstructured::new(data));
}

fn tree_proofs(input: &mut Unstructured<'_>) -> Result<()> {
    let new = input.int_in_range(1..=300_u64)?;
    let (index, old) = (input.int_in_range(0..=new - 1)?, input.int_in_range(0..=new)?);
    let mut nodes = Nodes::default();
    let mut frontier = Frontier::new();
    for leaf in 0..new {
        frontier.push(leaf_hash(&leaf.to_be_bytes()), |level, index, hash| {
            nodes.0.insert((level, index), hash);
        });
    }
    let (Ok(old_root), Ok(new_root)) = (root_at(&nodes, old), root_at(&nodes, new)) else {
        panic!("both sizes are within the tree")
    };
    assert_eq!(new_root, frontier.root());
    let inclusion = inclusion_proof(&nodes, index, new).expect("within the tree");
    let leaf = nodes.leaf(index);
    assert_eq!(verify_inclusion(&leaf, index, new, &inclusion, &new_root), Ok(()));
    let consistency = consistency_proof(&nodes, old, new).expect("within the tree");
    assert_eq!(verify_consistency(old, new, &consistency, &old_root, &new_root), Ok(()));

    let (path, at, size) = (altered(&inclusion, input)?, input.arbitrary()?, input.arbitrary()?);
    if verify_inclusion(&leaf, at, new, &path, &new_root).is_ok() {
        assert_eq!((at, &path), (index, &inclusion));
    }
    // The size is the checkpoint's, not the prover's: another may have the same shape on the way to this leaf.
    let _other_size = verify_inclusion(&leaf, at, size, &path, &new_root);
    let path = altered(&consistency, input)?;
    if verify_consistency(old, new, &path, &old_root, &new_root).is_ok() {
        assert_eq!(path, consistency);
    }
    let _other_sizes = verify_consistency(at, size, &path, &old_root, &new_root);
    Ok(())
}

/// The path with one hash changed, missing or added, or as it is.
fn altered(path: &[TreeHash], input: &mut Unstructured<'_>) -> Result<Vec<TreeHash>> {
    let mut path = path.to_vec();
    let at = input.int_in_range(0..=path.len())?;
    match input.int_in_range(0..=3_u8)? {
        0 => path.insert(at, TreeHash(input.arbitrary()?)),
        1 if at < path.len() => drop(path.remove(at)),
        2 if at < path.len() => path[at].0[usize::from(input.arbitrary::<u8>()? % 32)] ^= 1,
        _ => {}
    }
    Ok(path)
}
