//! Honest logs pass, give the same evidence every time, and hold what the evidence is to show.

mod common;

use common::{ERASURE, GOVERNED, LARGE, SMALL, audited, pinned};
use protocol::{Amount, Hash32, error::ErrorCode, node::NodeStatus};
use replay::{Report, Verdict, evidence, workload};
use workload::Spec;

fn texts(report: &Report) -> Vec<String> {
    let documents = evidence::documents(report);
    documents.iter().map(evidence::Document::to_text).collect()
}

#[test]
fn rp_1_honest_logs_pass() {
    for spec in [SMALL, GOVERNED, LARGE, ERASURE] {
        let file = workload::generate(&spec).unwrap();
        let report = audited(&file, &pinned());
        assert_eq!(report.divergence, None);
        assert_eq!(report.verdict, Verdict::Pinned);
        assert_eq!(report.log_hash, Hash32::of(&file[..file.len() - 32]));
        assert_eq!(report.log_hash.0, file[file.len() - 32..]);
        assert_eq!(report.epochs.len() as u64, spec.epochs);
        assert_eq!(report.signatures.len(), 2);
        assert_eq!(report.entries, report.accepted() + report.rejected());
        for text in texts(&report) {
            assert!(text.contains("\"passed\":true"), "{text}");
        }
    }
}

/// RP-8: the same log gives the same bytes, and so does the same seed.
#[test]
fn rp_8_evidence_is_deterministic() {
    let first = workload::generate(&LARGE).unwrap();
    let again = workload::generate(&LARGE).unwrap();
    assert_eq!(first, again);
    let [first, again] = [first, again].map(|file| texts(&audited(&file, &pinned())));
    assert_eq!(first, again);
    let other = workload::generate(&Spec { seed: 2, ..SMALL }).unwrap();
    assert_ne!(other, workload::generate(&SMALL).unwrap());
}

/// RP-8: canonical JSON that other parsers read; the log is named in each document.
#[test]
fn rp_8_evidence_is_canonical_json() {
    let report = audited(&workload::generate(&SMALL).unwrap(), &pinned());
    for document in evidence::documents(&report) {
        let text = document.to_text();
        protocol::json::parse_canonical(text.trim_end().as_bytes()).unwrap();
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["schema_version"], "v1.0");
        assert_eq!(value["log_hash"], report.log_hash.to_hex());
        assert_eq!(format!("{}.json", value["artifact"].as_str().unwrap()), document.name);
    }
}

/// The committed evidence is worth something only if the log has everything in it.
#[test]
fn the_generated_log_has_everything_in_it() {
    let report = audited(&workload::generate(&LARGE).unwrap(), &pinned());
    let events: Vec<&str> = report.events.keys().copied().collect();
    assert_eq!(
        events,
        [
            "ACTIVATE",
            "AUDIT_OPEN",
            "AUDIT_RESULT",
            "CREDIT",
            "DELETE_MARKER",
            "EPOCH_ADVANCE",
            "GENESIS",
            "KEY_REVOKE",
            "KEY_ROTATE",
            "NODE_EXIT",
            "NODE_KEY",
            "NODE_REGISTER",
            "PROPOSE",
            "PURGE",
            "REASSIGN",
            "SCORE",
            "STORE",
            "UPDATE",
            "VOTE",
        ]
    );
    for code in [
        ErrorCode::NotFound,
        ErrorCode::InvalidVersion,
        ErrorCode::InvalidInput,
        ErrorCode::NoEligibleNodes,
        ErrorCode::ProofUnavailable,
        ErrorCode::IntegrityMismatch,
        ErrorCode::Unauthorized,
        ErrorCode::EpochChanged,
        ErrorCode::Limit,
        ErrorCode::Conflict,
        ErrorCode::InsufficientFunds,
        ErrorCode::TooEarly,
        ErrorCode::TooLate,
        ErrorCode::NoQuorum,
    ] {
        assert!(report.refusals.contains_key(code.name()), "{code}");
    }
    assert!(report.audits.counted > 100 && report.audits.failed > 10);
    let cap = Amount::from_raw(1_000_000 * 10u128.pow(18));
    let pools: Vec<Amount> = report.epochs.iter().map(|e| e.settlement.pool).collect();
    assert!(pools.contains(&cap), "an epoch reaches the cap");
    assert!(pools.iter().any(|pool| *pool < cap && *pool > Amount::ZERO));
    let unpaid = report.epochs.iter().find(|e| e.verified < 3).unwrap();
    assert_eq!(unpaid.settlement.rewards, Amount::ZERO);
    assert_eq!(unpaid.settlement.reserve, unpaid.settlement.pool);
    assert!(report.nodes.iter().any(|n| n.status != Some(NodeStatus::Verified)));
}

/// RP-4: without a key the verdict says so, in the evidence too.
#[test]
fn rp_4_without_a_key_the_verdict_is_unpinned() {
    let report = audited(&workload::generate(&SMALL).unwrap(), &[]);
    assert!(report.passed());
    assert_eq!(report.verdict.name(), "unpinned");
    let replay: serde_json::Value = serde_json::from_str(&texts(&report)[2]).unwrap();
    assert_eq!(replay["verdict"], "unpinned");
    assert_eq!(replay["signatures"][0]["verified_by"], serde_json::json!(["log"]));
}

/// RP-6: the identity, from the evidence alone, with other arithmetic than the ledger's.
#[test]
fn rp_6_the_identity_holds_in_the_evidence() {
    let report = audited(&workload::generate(&LARGE).unwrap(), &pinned());
    let economics: serde_json::Value = serde_json::from_str(&texts(&report)[1]).unwrap();
    let units = |value: &serde_json::Value| -> u128 {
        value.as_str().unwrap().replace('.', "").parse().unwrap()
    };
    let mut supply = 0;
    for epoch in economics["epochs"].as_array().unwrap() {
        let parts = ["rewards", "treasury", "reserve"].map(|part| units(&epoch[part]));
        assert_eq!(units(&epoch["fees"]), parts.iter().sum::<u128>());
        supply += parts[0];
        assert_eq!(units(&epoch["nod_supply"]), supply);
    }
    let balances = economics["nodes"].as_array().unwrap();
    assert_eq!(balances.iter().map(|n| units(&n["nod_balance"])).sum::<u128>(), supply);
    assert!(supply > 0);
}
