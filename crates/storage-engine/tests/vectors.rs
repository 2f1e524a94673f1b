//! The published vectors of the v13 profile, through the library.

use protocol::{Hash32, Parameters, Profile, metadata::Metadata};
use serde_json::Value;
use shake::{ExtendableOutput, Shake128, Update, XofReader};
use storage_engine::{
    content,
    placement::{Ring, place},
};

const VECTORS: &str = include_str!("../../../tests/vectors/v13-profile.json");

fn content(case: &Value) -> Vec<u8> {
    let size = usize::try_from(case["content"]["size"].as_u64().unwrap()).unwrap();
    match case["content"]["kind"].as_str().unwrap() {
        "zeros" => vec![0; size],
        "counter" => (0..=255).cycle().take(size).collect(),
        "shake" => {
            let mut bytes = vec![0; size];
            let mut hasher = Shake128::default();
            hasher.update(case["content"]["seed"].as_str().unwrap().as_bytes());
            hasher.finalize_xof().read(&mut bytes);
            bytes
        }
        kind => panic!("unknown kind {kind}"),
    }
}

#[test]
fn every_published_case_through_the_library() {
    let vectors: Value = serde_json::from_str(VECTORS).unwrap();
    let cases = vectors["cases"].as_array().unwrap();
    assert!(cases.len() >= 16);
    for case in cases {
        let (id, version) =
            (case["object_id"].as_str().unwrap(), case["version"].as_u64().unwrap());
        let bytes = content(case);
        let metadata =
            Metadata::normalise(case["metadata"].to_string().as_bytes(), 16_384).unwrap();
        assert_eq!(metadata.canonical(), case["canonical_metadata"]);
        let commit = content::hash_commit(&bytes, metadata.canonical().as_bytes());
        assert_eq!(commit.to_hex(), case["hash_commit"]);
        let names: Vec<&str> = case["eligible_nodes"]
            .as_array()
            .unwrap()
            .iter()
            .map(|n| n.as_str().unwrap())
            .collect();
        assert!(names.is_sorted());
        let numbers: Vec<u32> = (0..).take(names.len()).collect();
        let nodes = place(id, version, Profile::QFS_V13, &Ring::new(&numbers, None)).unwrap();
        for (column, copies) in (0..).zip(nodes.chunks(3)) {
            let shard = content::shard_id(id, version, column).to_hex();
            assert_eq!(shard, case["shard_ids"][column as usize]);
            let holders: Vec<&str> = copies.iter().map(|node| names[*node as usize]).collect();
            assert_eq!(case["replica_sets"][&shard], Value::from(holders));
        }
        let size = u64::try_from(bytes.len()).unwrap();
        let parameters = Parameters::v13(Profile::QFS_V13);
        let fee = token_state::storage_fee(size, metadata.keys(), &parameters).unwrap();
        assert_eq!(fee.to_string(), case["atr_cost"]);
        assert_ne!(commit, Hash32::ZERO);
    }
}
