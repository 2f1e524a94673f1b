//! Credits, accounts, scores and the bundle.

mod common;

use common::Qfs;
use serde_json::json;

fn units(text: &serde_json::Value) -> i128 {
    text.as_str().unwrap().replace('.', "").parse().unwrap()
}

/// EC-8: a credit pays debt first; credits + debt = balance + fees.
#[test]
fn ec_8_credits_pay_debt_first() {
    let qfs = Qfs::init(&["--nodes", "4", "--set", "operator_credit_cap=1000"]);
    let file = qfs.file("x", "x");
    qfs.ok(&["put", &file]);
    assert_eq!(qfs.one(&["account"])["debt"], "100.000000000000000000");
    let credited = qfs.one(&["credit", "operator", "100.5"]);
    assert_eq!(credited["settled"], "100.000000000000000000");
    assert_eq!(credited["balance"], "0.500000000000000000");
    qfs.ok(&["put", &file]);
    let account = qfs.one(&["account", "operator"]);
    assert_eq!(account["debt"], "99.500000000000000000");
    let sum = |a: &str, b: &str| units(&account[a]) + units(&account[b]);
    assert_eq!(sum("credits", "debt"), sum("balance", "fees"));

    let other = "5f".repeat(32);
    assert_eq!(qfs.one(&["account", &other])["credits"], "0.000000000000000000");
    qfs.ok(&["credit", &other, "899.5"]);
    assert_eq!(qfs.one(&["account", &other])["balance"], "899.500000000000000000");
    assert_eq!(qfs.refused(&["credit", &other, "0.000000000000000001"]), "SE_ERR_LIMIT");
    qfs.ok(&["epoch", "advance"]);
    qfs.ok(&["credit", &other, "1000"]);
    for amount in ["0", "-1", "1e3", "", "0.0000000000000000001"] {
        assert_eq!(qfs.refused(&["credit", &other, amount]), "SE_ERR_INVALID_INPUT", "{amount:?}");
    }
    assert_eq!(qfs.refused(&["credit", "nobody", "1"]), "SE_ERR_INVALID_INPUT");
    assert_eq!(qfs.refused(&["account", "nobody"]), "SE_ERR_INVALID_INPUT");
    let rows = qfs.ok(&["log", "show"]);
    assert_eq!(rows.iter().filter(|row| row["event_type"] == "CREDIT").count(), 4);
}

/// EC-6: with `prepaid`, a fee needs a balance.
#[test]
fn ec_6_prepaid() {
    let qfs = Qfs::init(&["--nodes", "4", "--set", "prepaid=true"]);
    let file = qfs.file("x", "x");
    assert_eq!(qfs.refused(&["put", &file]), "SE_ERR_INSUFFICIENT_FUNDS");
    qfs.ok(&["credit", "operator", "100"]);
    qfs.ok(&["put", &file]);
    assert_eq!(qfs.one(&["account"])["balance"], "0.000000000000000000");
    assert_eq!(qfs.refused(&["put", &file]), "SE_ERR_INSUFFICIENT_FUNDS");
}

/// EC-10: the bundle's hash is over everything but itself and the checkpoint, which covers exactly its entries.
#[test]
fn ec_10_the_bundle() {
    let qfs = Qfs::init(&["--nodes", "4"]);
    let file = qfs.file("x", common::noise(1, 5_000));
    qfs.ok(&["put", &file]);
    qfs.ok(&["credit", &"5f".repeat(32), "7"]);
    let mut bundle = qfs.one(&["bundle"]);
    assert_eq!(bundle["atr"]["credited"], "7.000000000000000000");
    assert_eq!(bundle["atr"]["fees"], bundle["atr"]["debts"]);
    assert_eq!(bundle["atr"]["balances"], "7.000000000000000000");
    let note = bundle["checkpoint"].as_str().unwrap();
    let size: u64 = note.lines().nth(1).unwrap().parse().unwrap();
    assert_eq!(size, bundle["entries"].as_u64().unwrap());
    assert_eq!(size, qfs.standing().0);
    let hash = bundle["bundle_hash"].clone();
    let fields = bundle.as_object_mut().unwrap();
    fields.remove("bundle_hash");
    fields.remove("checkpoint");
    assert_eq!(hash, protocol::Hash32::of(bundle.to_string().as_bytes()).to_hex());
}

/// EC-11: a score is on record, is listed, replaces an earlier one, and moves no money.
#[test]
fn ec_11_scores() {
    let qfs = Qfs::init(&["--nodes", "4"]);
    let file = qfs.file("x", "x");
    qfs.ok(&["put", &file, "--metadata", r#"{"openagi_score":3}"#]);
    qfs.ok(&["put", &file, "--object-id", "y"]);
    assert_eq!(qfs.one(&["ls", "x"])["openagi_score"], json!(null));
    let fees = qfs.one(&["account"]);
    for score in ["1", "870000"] {
        let row = qfs.one(&["score", "x", "1", score]);
        assert_eq!(row["score"].to_string(), score);
    }
    assert_eq!(qfs.one(&["account"]), fees);
    let row = qfs.one(&["ls", "--filter", "openagi_score=870000"]);
    assert_eq!((&row["object_id"], &row["openagi_score"]), (&"x".into(), &870_000.into()));
    assert_eq!(row["metadata"], json!({"openagi_score": 3}));
    assert!(qfs.ok(&["ls", "--filter", "openagi_score=3"]).is_empty());
    for (code, words) in [
        ("SE_ERR_LIMIT", ["x", "1", "1000001"]),
        ("SE_ERR_NOT_FOUND", ["x", "2", "5"]),
        ("SE_ERR_NOT_FOUND", ["z", "1", "5"]),
    ] {
        assert_eq!(qfs.refused(&[&["score"], &words[..]].concat()), code, "{words:?}");
    }
    qfs.usage(&["score", "x", "1", "-1"]);
    qfs.ok(&["purge", "x", "1"]);
    assert_eq!(qfs.refused(&["score", "x", "1", "5"]), "SE_ERR_NOT_FOUND");
    std::fs::remove_file(qfs.data_dir().join("keys/scorer.ml-dsa-44")).unwrap();
    assert_eq!(qfs.refused(&["score", "y", "1", "5"]), "SE_ERR_UNAUTHORIZED");
    qfs.ok(&["log", "verify"]);
}
