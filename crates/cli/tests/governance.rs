//! Proposals, votes and activations from the command line, and what they are refused for.

mod common;

use common::Qfs;
use serde_json::{Value, json};

/// A ledger whose votes take one epoch.
fn ledger() -> Qfs {
    Qfs::init(&["--nodes", "4", "--set", "voting_epochs=1"])
}

fn last_outcome(qfs: &Qfs) -> Value {
    qfs.ok(&["log", "show"]).pop().unwrap()
}

fn of_kind(qfs: &Qfs, kind: &str, name: &str) -> Value {
    let rows = qfs.ok(&["gov", "show"]).into_iter();
    let mut rows =
        rows.filter(|row| row["kind"] == kind && (name.is_empty() || row["name"] == name));
    rows.next().unwrap()
}

/// GV-6 to GV-10: proposed, voted, activated by the closing of the epoch, in force two epochs after the vote.
#[test]
fn gv_8_a_parameter_changes_by_a_vote() {
    let qfs = ledger();
    let proposed = qfs.one(&["gov", "propose", "parameter", "fee_per_kib", "50"]);
    let expected = json!({
        "kind": "parameter", "name": "fee_per_kib", "value": "50.000000000000000000",
    });
    assert_eq!((&proposed["proposal"], &proposed["change"]), (&1.into(), &expected));
    assert_eq!((&proposed["opens"], &proposed["closes"]), (&2.into(), &2.into()));
    assert_eq!(proposed["electorate"], "council");
    assert_eq!(proposed["weight"], "3.000000000000000000");
    assert_eq!(proposed["needed"], "1.980000000000000000");

    assert_eq!(qfs.refused(&["gov", "vote", "1"]), "SE_ERR_TOO_EARLY");
    assert_eq!(qfs.refused(&["gov", "activate", "1"]), "SE_ERR_TOO_EARLY");
    assert_eq!(
        qfs.refused(&["gov", "propose", "parameter", "fee_per_kib", "60"]),
        "SE_ERR_CONFLICT"
    );
    assert_eq!(qfs.one(&["epoch", "advance"])["activated"], json!([]));
    for speaker in ["operator", "node-000"] {
        assert_eq!(qfs.refused(&["gov", "vote", "1", "--speaker", speaker]), "SE_ERR_UNAUTHORIZED");
    }
    let against = qfs.one(&["gov", "vote", "1", "no", "--speaker", "council-2"]);
    assert_eq!((&against["approve"], &against["speaker"]), (&false.into(), &"council-2".into()));
    let rows = qfs.rows(1, &["gov", "vote", "1"]);
    assert_eq!(rows.len(), 3, "two votes, and a voter who has voted");
    assert_eq!(
        (&rows[0]["speaker"], &rows[1]["speaker"]),
        (&"council-0".into(), &"council-1".into())
    );
    assert_eq!(rows[2]["error_code"], "SE_ERR_CONFLICT");
    let shown = qfs.one(&["gov", "show", "1"]);
    assert_eq!(shown["status"], "open");
    assert_eq!(shown["votes"].as_array().unwrap().len(), 3);

    let third = qfs.one(&["epoch", "advance"]);
    assert_eq!((&third["activated"], &third["in_force"]), (&json!([1]), &json!([])));
    assert_eq!(qfs.one(&["gov", "show", "1"])["status"], "scheduled");
    assert_eq!(qfs.refused(&["gov", "vote", "1", "--speaker", "council-0"]), "SE_ERR_TOO_LATE");
    assert_eq!(qfs.refused(&["gov", "activate", "1"]), "SE_ERR_CONFLICT");
    assert_eq!(of_kind(&qfs, "parameter", "fee_per_kib")["value"], "100.000000000000000000");
    let fourth = qfs.one(&["epoch", "advance"]);
    assert_eq!((&fourth["activated"], &fourth["in_force"]), (&json!([]), &json!([1])));
    let parameter = of_kind(&qfs, "parameter", "fee_per_kib");
    assert_eq!(parameter["value"], "50.000000000000000000");
    assert_eq!(parameter["default"], "100.000000000000000000");
    let status = |number: &str| qfs.one(&["gov", "show", number])["status"].clone();
    assert_eq!(status("1"), "in_force");
    let file = qfs.file("x", "x");
    assert_eq!(qfs.one(&["put", &file])["atr_cost"], "50.000000000000000000");

    // GV-9: taken up to the epoch in which it is in force, and cooling down for two more.
    let again = ["gov", "propose", "parameter", "fee_per_kib", "60"];
    for code in ["SE_ERR_CONFLICT", "SE_ERR_TOO_EARLY", "SE_ERR_TOO_EARLY"] {
        assert_eq!(qfs.refused(&again), code);
        qfs.ok(&["epoch", "advance"]);
    }
    assert_eq!(qfs.one(&again)["proposal"], 2);
    qfs.ok(&["log", "verify"]);
}

/// GV-8: too few votes; and what is not activated in time has lapsed.
#[test]
fn gv_8_rejected_and_lapsed() {
    let qfs = ledger();
    qfs.ok(&["gov", "propose", "rule", "min_uptime", "0.95"]);
    qfs.ok(&["epoch", "advance"]);
    qfs.ok(&["gov", "vote", "1", "--speaker", "council-0"]);
    assert_eq!(qfs.one(&["epoch", "advance"])["activated"], json!([]));
    assert_eq!(qfs.refused(&["gov", "activate", "1"]), "SE_ERR_NO_QUORUM");
    assert_eq!(qfs.one(&["gov", "show", "1"])["status"], "rejected");
    assert_eq!(qfs.refused(&["gov", "vote", "1", "--speaker", "council-1"]), "SE_ERR_TOO_LATE");
    for _ in 0..8 {
        qfs.ok(&["epoch", "advance"]);
    }
    assert_eq!(qfs.refused(&["gov", "activate", "1"]), "SE_ERR_TOO_LATE");
}

/// GV-6, GV-8: an emergency is voted on at once, needs more votes, and is in force in the next epoch.
#[test]
fn gv_6_an_emergency_expels_a_node() {
    let qfs = ledger();
    let expel = ["gov", "propose", "expel", "node-001", "--emergency", "--speaker", "council-0"];
    let proposed = qfs.one(&expel);
    assert_eq!(
        (&proposed["opens"], &proposed["needed"]),
        (&1.into(), &"2.400000000000000000".into())
    );
    assert_eq!(proposed["change"], json!({"kind": "expel", "node_id": "node-001"}));
    assert_eq!(last_outcome(&qfs)["node_set"], json!(["node-001"]));
    assert_eq!(qfs.refused(&["gov", "activate", "1"]), "SE_ERR_NO_QUORUM");
    assert_eq!(qfs.ok(&["gov", "vote", "1", "yes"]).len(), 3);
    assert_eq!(qfs.one(&["gov", "show", "1"])["status"], "accepted");
    let by = ["gov", "activate", "1", "--speaker", "node-002"];
    assert_eq!(qfs.one(&by)["effective"], 2);
    let closed = qfs.one(&["epoch", "advance"]);
    assert_eq!(closed["in_force"], json!([1]));
    assert_eq!(closed["eligible"], json!(["node-000", "node-002", "node-003"]));
    let node = qfs.one(&["node", "status", "node-001"]);
    assert_eq!((&node["standing"], &node["eligible"]), (&"EXPELLED".into(), &false.into()));
    assert!(node["reason"].as_str().unwrap().contains("EXPELLED"));
    let speak = ["gov", "propose", "code-version", "2", "--speaker", "node-001"];
    assert_eq!(qfs.refused(&speak), "SE_ERR_UNAUTHORIZED");
    assert_eq!(qfs.refused(&["gov", "propose", "expel", "node-001"]), "SE_ERR_CONFLICT");
    qfs.ok(&["log", "verify"]);
}

/// GV-3: what admission refuses is not logged; what the ledger refuses is.
#[test]
fn gv_3_refusals() {
    let qfs = ledger();
    let before = qfs.standing();
    for (code, words) in [
        ("SE_ERR_INVALID_INPUT", &["parameter", "no_such", "1"][..]),
        ("SE_ERR_INVALID_INPUT", &["parameter", "prepaid", "maybe"]),
        ("SE_ERR_INVALID_INPUT", &["parameter", "fee_per_kib", "-1"]),
        ("SE_ERR_LIMIT", &["parameter", "fee_per_kib", "10001"]),
        ("SE_ERR_LIMIT", &["parameter", "quorum", "0.5"]),
        ("SE_ERR_LIMIT", &["parameter", "block_size", "5000"]),
        ("SE_ERR_UNAUTHORIZED", &["parameter", "voting_cap", "0.25"]),
        ("SE_ERR_UNAUTHORIZED", &["parameter", "leaf_size", "4096"]),
        ("SE_ERR_INVALID_INPUT", &["rule", "no_such", "1"]),
        ("SE_ERR_LIMIT", &["rule", "min_uptime", "1.5"]),
        ("SE_ERR_LIMIT", &["rule", "quarantine", "1/17"]),
        ("SE_ERR_INVALID_INPUT", &["rule", "scorers", "me"]),
        ("SE_ERR_NOT_FOUND", &["expel", "nobody"]),
        ("SE_ERR_INVALID_INPUT", &["credit", "operator", "0"]),
        ("SE_ERR_INVALID_INPUT", &["credit", "operator", "-5"]),
        ("SE_ERR_INVALID_INPUT", &["credit", "xyz", "5"]),
        ("SE_ERR_NOT_FOUND", &["code-version", "2", "--speaker", "council-3"]),
        ("SE_ERR_NOT_FOUND", &["code-version", "2", "--speaker", "nobody"]),
    ] {
        assert_eq!(qfs.refused(&[&["gov", "propose"], words].concat()), code, "{words:?}");
    }
    assert_eq!(qfs.refused(&["gov", "vote", "7"]), "SE_ERR_NOT_FOUND");
    assert_eq!(qfs.refused(&["gov", "show", "7"]), "SE_ERR_NOT_FOUND");
    assert_eq!(qfs.standing(), before);
    for (code, words) in [
        ("SE_ERR_CONFLICT", &["gov", "propose", "reinstate", "node-000"][..]),
        ("SE_ERR_INVALID_INPUT", &["gov", "propose", "code-version", "3"]),
        ("SE_ERR_NOT_FOUND", &["gov", "activate", "7"]),
        ("SE_ERR_NOT_FOUND", &["gov", "vote", "7", "--speaker", "council-0"]),
    ] {
        let (entries, root) = qfs.standing();
        assert_eq!(qfs.refused(words), code, "{words:?}");
        assert_eq!(qfs.standing(), (entries + 1, root), "{words:?}");
        assert_eq!(last_outcome(&qfs)["outcome"], code);
    }
    std::fs::remove_file(qfs.data_dir().join("keys/council-1.ml-dsa-44")).unwrap();
    let silent = ["gov", "propose", "rule", "min_health", "0.8", "--speaker", "council-1"];
    assert_eq!(qfs.refused(&silent), "SE_ERR_UNAUTHORIZED");
    for words in
        [&["gov"][..], &["gov", "propose"], &["gov", "vote", "1", "perhaps"], &["gov", "vote"]]
    {
        qfs.usage(words);
    }
}

/// Every command of governance and money has its line in a batch.
#[test]
fn batches_take_all_of_it() {
    let qfs = ledger();
    let file = qfs.file("x", "x");
    let lines = [
        json!(["put", file]),
        json!(["gov", "propose", "parameter", "quorum", "0.75", "--emergency"]),
        json!(["gov", "vote", "1"]),
        json!(["gov", "activate", "1"]),
        json!(["gov", "show", "1"]),
        json!(["credit", "operator", "5"]),
        json!(["account"]),
        json!(["score", "x", "1", "5"]),
        json!(["node", "exit", "node-000"]),
        json!(["repair"]),
        json!(["bundle"]),
        json!(["epoch", "advance"]),
    ];
    let batch: Vec<String> = lines.iter().map(|line| line.to_string() + "\n").collect();
    let rows = qfs.ok(&["batch", &qfs.file("batch", batch.concat())]);
    assert!(rows.len() > lines.len());
    assert_eq!(rows.last().unwrap()["in_force"], json!([1]));
    qfs.ok(&["log", "verify"]);
}

/// GV-3: at most four open proposals of one speaker.
#[test]
fn gv_3_a_speaker_has_four_proposals() {
    let qfs = ledger();
    for (name, value) in
        [("fee_per_kib", "1"), ("audit_sample", "2"), ("pool_cap", "3"), ("prepaid", "true")]
    {
        qfs.ok(&["gov", "propose", "parameter", name, value]);
    }
    let fifth = ["gov", "propose", "parameter", "pool_share", "0.2"];
    assert_eq!(qfs.refused(&fifth), "SE_ERR_LIMIT");
    qfs.ok(&[&fifth[..], &["--speaker", "council-0"]].concat());
    assert_eq!(qfs.ok(&["gov", "show"]).iter().filter(|row| row["kind"] == "proposal").count(), 5);
}

/// GV-5, RG-5: genesis is held to the bounds, and remembers what was set.
#[test]
fn gv_5_init_sets_parameters_and_rules() {
    let qfs = Qfs::empty();
    for (code, setting) in [
        ("SE_ERR_LIMIT", "quorum=0.5"),
        ("SE_ERR_LIMIT", "leaf_size=8192"),
        ("SE_ERR_INVALID_INPUT", "no_such=1"),
        ("SE_ERR_INVALID_INPUT", "failure_domain=rack"),
        ("SE_ERR_LIMIT", "min_uptime=1.01"),
    ] {
        assert_eq!(qfs.refused(&["init", "--set", setting]), code, "{setting}");
    }
    qfs.usage(&["init", "--set", "quorum"]);
    qfs.usage(&["init", "--node", "a,where=here"]);
    qfs.usage(&["init", "--node", "a,asn=x"]);
    assert!(!qfs.data_dir().exists(), "nothing is made before everything is sound");
    let made = qfs.one(&[
        "init",
        "--node",
        "a,region=EU,operator=x,asn=64500",
        "--node",
        "b,region=US",
        "--node",
        "c,region=EU",
        "--set",
        "allowed_regions=UK,EU",
        "--set",
        "quarantine=3/4",
        "--set",
        "prepaid=true",
        "--set",
        "failure_domain=operator",
        "--set",
        "min_uptime=0.95",
    ]);
    for field in ["operator", "scorer"] {
        assert_eq!(made[field].as_str().unwrap().len(), 64);
    }
    assert_eq!(made["council"].as_array().unwrap().len(), 3);
    assert_eq!(of_kind(&qfs, "rule", "allowed_regions")["value"], json!(["EU", "UK"]));
    assert_eq!(of_kind(&qfs, "rule", "quarantine")["value"], json!({"failures": 3, "epochs": 4}));
    assert_eq!(of_kind(&qfs, "rule", "scorers")["value"], json!([made["scorer"]]));
    assert_eq!(of_kind(&qfs, "parameter", "prepaid")["value"], true);
    let nodes = qfs.nodes();
    assert_eq!((&nodes["a"]["region"], &nodes["a"]["asn"]), (&"EU".into(), &64_500.into()));
    assert_eq!((&nodes["a"]["operator"], &nodes["a"]["eligible"]), (&"x".into(), &true.into()));
    assert_eq!(nodes["b"]["eligible"], false);
    assert!(nodes["b"]["reason"].as_str().unwrap().contains("allowed_regions"));
    let file = qfs.file("x", "x");
    assert_eq!(qfs.refused(&["put", &file]), "SE_ERR_NO_ELIGIBLE_NODES");
    qfs.ok(&["log", "verify"]);
}

/// GV-4: four nodes with NOD vote, each with no more than a quarter of what is counted.
#[test]
fn gv_4_holders_of_nod_vote() {
    let qfs = Qfs::init(&["--nodes", "4"]);
    for n in 0..6 {
        let file = qfs.file(&format!("f{n}"), common::noise(n, 1 << 20));
        qfs.ok(&["put", &file]);
    }
    qfs.ok(&["audit", "run", "--all"]);
    qfs.ok(&["epoch", "advance"]);
    assert!(qfs.nodes().values().all(|node| node["nod"] != "0.000000000000000000"));
    let weights = qfs.one(&["bundle"])["nod"]["voting_weights"].clone();
    let proposed = qfs.one(&["gov", "propose", "parameter", "audit_sample", "8", "--emergency"]);
    assert_eq!(proposed["electorate"], "nodes");
    assert_eq!(qfs.refused(&["gov", "vote", "1", "--speaker", "council-0"]), "SE_ERR_UNAUTHORIZED");
    let votes = qfs.ok(&["gov", "vote", "1"]);
    assert_eq!(votes.len(), 4);
    for vote in &votes {
        assert_eq!(vote["weight"], weights[vote["speaker"].as_str().unwrap()]);
    }
    assert_eq!(qfs.one(&["gov", "activate", "1"])["effective"], 3);
    qfs.ok(&["log", "verify"]);
}

/// No key ever shows: not in rows, not in texts, not in errors.
#[test]
fn secrets_stay_in_their_files() {
    let qfs = ledger();
    let mut shown = Vec::new();
    for words in [
        &["gov", "propose", "credit", "operator", "5"][..],
        &["gov", "vote", "1"],
        &["gov", "show"],
        &["node", "list"],
        &["node", "exit", "node-000"],
        &["node", "register", "node-new", "--scheme", "ML-DSA-87"],
        &["repair"],
        &["credit", "operator", "1"],
        &["bundle"],
        &["epoch", "advance"],
        &["log", "show"],
    ] {
        let output = qfs.run(words);
        shown.extend(output.stdout);
        shown.extend(output.stderr);
    }
    let shown = String::from_utf8(shown).unwrap();
    let keys = common::files_below(&qfs.data_dir().join("keys"));
    assert!(keys.len() >= 12, "{keys:?}");
    for key in keys {
        let seed = std::fs::read_to_string(&key).unwrap();
        assert!(!shown.contains(seed.trim()), "{}", key.display());
    }
}
