//! What a genesis and its parameters may be: rules PR-2, PR-4 and PR-5.

use protocol::{
    Genesis, Hash32, NodeId, Parameters, Profile, Refusal, Rules,
    error::ErrorCode::{self, InvalidInput, Limit},
    genesis::GenesisNode,
    limits::{MAX_COUNCIL_KEYS, MAX_LEDGER_NAME_BYTES, MAX_NODES},
    node::FailureDomain,
    signature::{PublicKey, SeedSigner, Signer, Suite},
};

fn key(suite: Suite) -> PublicKey {
    SeedSigner::from_seed(suite, [3; 32]).public_key()
}

fn nodes(count: u32) -> Vec<GenesisNode> {
    let node = |number| GenesisNode {
        node_id: NodeId(format!("node-{number:03}")),
        scheme: "ML-DSA-44".into(),
        key_hash: Hash32::ZERO,
        domain: FailureDomain::default(),
    };
    (0..count).map(node).collect()
}

fn genesis() -> Genesis {
    Genesis {
        name: "qfs.example/ledger".into(),
        log_keys: vec![key(Suite::Ed25519), key(Suite::MlDsa44)],
        operator: key(Suite::Ed25519),
        council: vec![key(Suite::Ed25519)],
        parameters: Parameters::v13(Profile::QFS_V13),
        rules: Rules::v13(),
        nodes: nodes(3),
    }
}

fn verdict(change: impl FnOnce(&mut Genesis)) -> Result<(), Refusal> {
    let mut genesis = genesis();
    change(&mut genesis);
    genesis.validate()
}

fn refused(verdict: Result<(), Refusal>, code: ErrorCode, said: &str) {
    let refusal = verdict.expect_err(said);
    assert_eq!(refusal.code, code, "{refusal}");
    assert!(refusal.detail.contains(said), "{refusal}");
}

#[test]
fn pr_2_names() {
    for good in ["a", "qfs.example/ledger", "~!", &"x".repeat(MAX_LEDGER_NAME_BYTES)] {
        assert_eq!(verdict(|genesis| genesis.name = good.into()), Ok(()), "{good:?}");
    }
    for bad in ["", "a b", "a+b", "a\n", "a\u{7f}", "ü", &"x".repeat(MAX_LEDGER_NAME_BYTES + 1)] {
        let verdict = verdict(|genesis| genesis.name = bad.into());
        refused(verdict, InvalidInput, "1 to 128 visible ASCII characters");
    }
}

/// PR-5: every key is of its suite's length, wherever it stands.
#[test]
fn pr_5_keys_have_the_length_of_their_suite() {
    let keys: [fn(&mut Genesis) -> &mut PublicKey; 4] = [
        |genesis| &mut genesis.log_keys[0],
        |genesis| &mut genesis.log_keys[1],
        |genesis| &mut genesis.operator,
        |genesis| &mut genesis.council[0],
    ];
    for key in keys {
        for length in [0, 31, 33] {
            let verdict = verdict(|genesis| key(genesis).bytes.resize(length, 0));
            refused(verdict, InvalidInput, "length");
        }
    }
    assert_eq!(verdict(|genesis| genesis.operator = key(Suite::MlDsa44)), Ok(()));
}

#[test]
fn pr_5_log_keys_are_one_of_each_suite_in_order() {
    use Suite::{Ed25519, MlDsa44};
    for suites in [
        &[][..],
        &[Ed25519],
        &[MlDsa44],
        &[MlDsa44, Ed25519],
        &[Ed25519; 2],
        &[Ed25519, MlDsa44, MlDsa44],
    ] {
        let keys = suites.iter().map(|suite| key(*suite)).collect();
        refused(verdict(|genesis| genesis.log_keys = keys), InvalidInput, "log's keys");
    }
}

#[test]
fn pr_2_councils_have_one_to_seven_keys() {
    for (count, fits) in
        [(0, false), (1, true), (MAX_COUNCIL_KEYS, true), (MAX_COUNCIL_KEYS + 1, false)]
    {
        let verdict = verdict(|genesis| genesis.council = vec![key(Suite::Ed25519); count]);
        assert_eq!(verdict.is_ok(), fits, "{count} keys");
        if !fits {
            refused(verdict, InvalidInput, "council");
        }
    }
}

#[test]
fn pr_5_nodes() {
    for count in [0, MAX_NODES] {
        assert_eq!(verdict(|genesis| genesis.nodes = nodes(count)), Ok(()), "{count} nodes");
    }
    refused(verdict(|genesis| genesis.nodes = nodes(MAX_NODES + 1)), Limit, "400 nodes");
    let twice = |genesis: &mut Genesis| genesis.nodes[2].node_id = NodeId("node-000".into());
    refused(verdict(twice), InvalidInput, "node-000 twice");
    let bad = |genesis: &mut Genesis| genesis.nodes[2].node_id = NodeId("..".into());
    refused(verdict(bad), InvalidInput, "node id \"..\"");
}

/// PR-5: genesis takes no parameter and no rule that is out of its bounds; each bound has its test beside it.
#[test]
fn pr_5_parameters_and_rules_within_bounds() {
    let code = |change: fn(&mut Genesis)| verdict(change).map_err(|refusal| refusal.code);
    assert_eq!(code(|genesis| genesis.parameters.leaf_size = 8_192), Err(Limit));
    assert_eq!(code(|genesis| genesis.parameters.profile.replicas = 5), Err(Limit));
    assert_eq!(code(|genesis| genesis.rules.quarantine.epochs = 0), Err(Limit));
    assert_eq!(code(|genesis| genesis.rules.allowed_regions.push("".into())), Err(InvalidInput));
}

/// The published values of QFS V13, each as it is written there.
#[test]
fn v13_parameters() {
    let parameters = Parameters::v13(Profile::QFS_V13);
    let amounts = [
        (parameters.fee_per_kib, "100.000000000000000000"),
        (parameters.fee_per_metadata_key, "0.010000000000000000"),
        (parameters.pool_share, "0.100000000000000000"),
        (parameters.pool_cap, "1000000.000000000000000000"),
        (parameters.node_reward_cap, "0.300000000000000000"),
        (parameters.quorum, "0.660000000000000000"),
        (parameters.emergency_quorum, "0.800000000000000000"),
        (parameters.voting_cap, "0.250000000000000000"),
        (Rules::v13().min_uptime, "0.900000000000000000"),
        (Rules::v13().min_health, "0.750000000000000000"),
    ];
    for (amount, text) in amounts {
        assert_eq!(amount.to_string(), text);
    }
    let numbers = [
        parameters.block_size,
        parameters.leaf_size,
        parameters.metadata_limit,
        parameters.fee_metadata_keys,
    ];
    assert_eq!(numbers, [262_144, 4_096, 16_384, 99]);
    assert_eq!((parameters.min_verified_nodes, parameters.audit_sample), (3, 64));
    assert!(!parameters.prepaid);
}

/// PR-4: the ledger's identity covers every field of its genesis.
#[test]
fn pr_4_every_field_is_part_of_the_identity() {
    let changes: [fn(&mut Genesis); 7] = [
        |genesis| genesis.name.push('2'),
        |genesis| genesis.log_keys.swap(0, 1),
        |genesis| genesis.operator.bytes[0] ^= 1,
        |genesis| genesis.council.push(key(Suite::Ed25519)),
        |genesis| genesis.parameters.audit_sample += 1,
        |genesis| genesis.rules.quarantine.failures += 1,
        |genesis| genesis.nodes.truncate(2),
    ];
    let base = genesis().ledger_id();
    for (number, change) in changes.into_iter().enumerate() {
        let mut other = genesis();
        change(&mut other);
        assert_ne!(other.ledger_id(), base, "change {number}");
    }
    assert_eq!(genesis().ledger_id(), base);
}
