//! Snapshot files as AEGIS writes them: rules RG-1 to RG-3.

use aegis_registry::{
    scheme::{SCHEMES, public_key_len},
    snapshot::{Snapshot, read_registry, read_telemetry, telemetry_hash},
};
use protocol::{
    Hash32,
    error::ErrorCode::{IntegrityMismatch, InvalidInput},
    json,
    node::{NodeNumber, TelemetryFact},
};

/// Nodes "n0" to "n9" are registered.
fn number_of(id: &str) -> Option<NodeNumber> {
    id.strip_prefix('n')?.parse().ok().filter(|number| *number < 10)
}

fn registry(nodes: &str) -> String {
    format!(r#"{{"schema_version":"v1.0","nodes":{nodes}}}"#)
}

/// A telemetry snapshot with its right hash.
fn telemetry(nodes: &str) -> String {
    let bare = registry(nodes);
    let hash = telemetry_hash(&json::parse(bare.as_bytes()).unwrap());
    bare.replacen('{', &format!(r#"{{"telemetry_hash":"{hash}","#), 1)
}

fn readings(nodes: &str) -> Snapshot<TelemetryFact> {
    read_telemetry(telemetry(nodes).as_bytes(), number_of).unwrap()
}

/// The one node of a telemetry snapshot, with `fields` besides those that every record has.
fn reading_with(fields: &str) -> Option<protocol::node::Reading> {
    let record = r#""uptime_ratio":"0.95","health_score":"0.8","conflict_detected":true"#;
    readings(&format!(r#"{{"n3":{{{record}{fields}}}}}"#)).facts.remove(0).reading
}

const GOOD: &str = r#"{"n1":{"pqc_public_key":"k","pqc_scheme":"ML-DSA-44","revoked":false}}"#;

/// RG-1, RG-2: what is wrong with a file is said, and where.
#[test]
fn rg_1_rg_2_frames_that_are_refused() {
    let frames = [
        ("", "snapshot: "),
        ("{", "snapshot: "),
        (r#"{"a":1.5}"#, "snapshot: "),
        ("[]", "schema_version"),
        (r#"{"nodes":{}}"#, "schema_version"),
        (r#"{"schema_version":"v1.1","nodes":{}}"#, "schema_version"),
        (r#"{"schema_version":1,"nodes":{}}"#, "schema_version"),
    ];
    for (text, said) in frames {
        let refusals = [
            read_registry(text.as_bytes(), number_of).map(drop),
            read_telemetry(text.as_bytes(), number_of).map(drop),
        ];
        for (refusal, kind) in refusals.into_iter().zip(["registry", "telemetry"]) {
            let refusal = refusal.unwrap_err();
            assert_eq!(refusal.code, InvalidInput, "{text}");
            assert!(refusal.detail.starts_with(&format!("{kind} snapshot: ")), "{refusal}");
            assert!(refusal.detail.contains(said), "{refusal}");
        }
    }
    for text in [r#"{"schema_version":"v1.0"}"#, &registry("[]"), &registry("null")] {
        let refusal = read_registry(text.as_bytes(), number_of).unwrap_err();
        assert_eq!(refusal.code, InvalidInput, "{text}");
        assert!(refusal.detail.contains("by node id"), "{refusal}");
    }
}

/// RG-1: a registry record is of its form, or the whole file is refused, naming node and field.
#[test]
fn rg_1_records_that_are_refused() {
    let long = format!(r#"{{"revoked":false,"pqc_scheme":"{}"}}"#, "x".repeat(65));
    let wordy = format!(r#"{{"revoked":true,"revocation_reason":"{}"}}"#, "x".repeat(65));
    for (record, field) in [
        ("{}", "revoked"),
        (r#"{"revoked":null}"#, "revoked"),
        (r#"{"revoked":"false"}"#, "revoked"),
        (r#"{"revoked":false,"pqc_public_key":7}"#, "pqc_public_key"),
        (r#"{"revoked":false,"pqc_scheme":[]}"#, "pqc_scheme"),
        (r#"{"revoked":false,"revocation_reason":{}}"#, "revocation_reason"),
        (&long, "pqc_scheme"),
        (&wordy, "revocation_reason"),
        ("[]", "revoked"),
    ] {
        let text = registry(&format!(r#"{{"n2":{record}}}"#));
        let refusal = read_registry(text.as_bytes(), number_of).unwrap_err();
        assert_eq!(refusal.code, InvalidInput, "{record}");
        assert!(refusal.detail.contains(r#"node "n2""#), "{refusal}");
        assert!(refusal.detail.contains(&format!("{field:?}")), "{refusal}");
        let unknown = text.replace("n2", "elsewhere");
        assert!(read_registry(unknown.as_bytes(), number_of).unwrap().facts.is_empty());
    }
}

/// RG-1: absent, null and empty mean none; labels have 64 bytes at most; every field is taken over.
#[test]
fn rg_1_what_a_record_says() {
    let label = "x".repeat(64);
    let full = format!(
        r#"{{"pqc_public_key":"0a","pqc_scheme":"{label}","revoked":true,"revocation_reason":"{label}"}}"#
    );
    let nodes = format!(
        r#"{{"n1":{full},"n2":{{"pqc_public_key":null,"revoked":false}},
            "n3":{{"pqc_public_key":"","revoked":false}},"n4":{{"revoked":false}}}}"#
    );
    let facts = read_registry(registry(&nodes).as_bytes(), number_of).unwrap().facts;
    assert_eq!(facts.iter().map(|fact| fact.node).collect::<Vec<_>>(), [1, 2, 3, 4]);
    assert_eq!(
        facts[0].key,
        Some(Hash32::of(b"0a")),
        "the hash of the text, not of what it spells"
    );
    assert_eq!((&facts[0].scheme, &facts[0].reason, facts[0].revoked), (&label, &label, true));
    for fact in &facts[1..] {
        assert_eq!((fact.key, fact.scheme.as_str(), fact.revoked), (None, "", false));
    }
}

/// RG-1: the hash is of the canonical form, whatever the spelling of the file.
#[test]
fn rg_1_the_hash_does_not_depend_on_spelling() {
    let text = registry(GOOD);
    let spaced = format!(" {{ \"nodes\" :{GOOD}, \"schema_version\":\"v1.\\u0030\" }}\n");
    let [one, other] =
        [&text, &spaced].map(|text| read_registry(text.as_bytes(), number_of).unwrap());
    assert_eq!(one, other);
    assert_eq!(
        one.hash,
        Hash32::of(json::parse(text.as_bytes()).unwrap().to_canonical().as_bytes())
    );
    let changed = text.replace("ML-DSA-44", "ML-DSA-65");
    assert_ne!(read_registry(changed.as_bytes(), number_of).unwrap().hash, one.hash);
}

/// RG-2: another hash, or none, is refused with the one that would be right.
#[test]
fn rg_2_telemetry_hashes_that_are_refused() {
    let good = telemetry("{}");
    let hash = read_telemetry(good.as_bytes(), number_of).unwrap().hash;
    let shouted = good.replace(&hash.to_hex(), &hash.to_hex().to_uppercase());
    let other = good.replace(&hash.to_hex(), &Hash32::ZERO.to_hex());
    let number = good.replace(&format!("\"{hash}\""), "7");
    let more = good.replacen('{', r#"{"author":"somebody","#, 1);
    for bad in [&registry("{}"), &shouted, &other, &number, &more] {
        let refusal = read_telemetry(bad.as_bytes(), number_of).unwrap_err();
        assert_eq!(refusal.code, IntegrityMismatch, "{bad}");
        let right = telemetry_hash(&json::parse(bad.as_bytes()).unwrap());
        assert!(refusal.detail.contains(&right.to_hex()), "{refusal}");
    }
    let list = json::parse(b"[ 1 ]").unwrap();
    assert_eq!(telemetry_hash(&list), Hash32::of(b"[1]"), "a value without fields is hashed whole");
}

/// RG-2: the optional fields, at their bounds. Beyond them the record is malformed.
#[test]
fn rg_2_optional_fields() {
    let bands = |bytes: usize| format!(r#","latency_bands":"{}""#, "x".repeat(bytes - 2));
    let none = reading_with("").unwrap();
    assert_eq!((none.latency_bands.as_str(), none.error_count), ("", None));
    assert_eq!(none.uptime_ratio.to_string(), "0.950000000000000000");
    assert_eq!(none.health_score.to_string(), "0.800000000000000000");
    assert!(none.conflict_detected);
    let some = reading_with(r#","error_count":7,"latency_bands":{"p99":3, "p50":1}"#).unwrap();
    assert_eq!((some.latency_bands.as_str(), some.error_count), (r#"{"p50":1,"p99":3}"#, Some(7)));
    assert_eq!(reading_with(&bands(256)).unwrap().latency_bands.len(), 256);
    for bad in
        [&bands(257), r#","error_count":-1"#, r#","error_count":"7""#, r#","error_count":null"#]
    {
        assert_eq!(reading_with(bad), None, "{bad}");
    }
    assert_eq!(reading_with(r#","error_count":0"#).unwrap().error_count, Some(0));
}

/// RG-2: a malformed record is a fact without a reading; nodes come by number, unknown ones not at all.
#[test]
fn rg_2_one_fact_for_each_registered_node() {
    let good = r#"{"uptime_ratio":"1","health_score":"1.0","conflict_detected":false}"#;
    let bad = r#"{"uptime_ratio":"1","health_score":"1.0","conflict_detected":"no"}"#;
    let nodes = format!(r#"{{"n9":{good},"m1":{good},"n10":{good},"n0":{bad},"n5":7}}"#);
    let facts = readings(&nodes).facts;
    let seen: Vec<_> = facts.iter().map(|fact| (fact.node, fact.reading.is_some())).collect();
    assert_eq!(seen, [(0, false), (5, false), (9, true)]);
}

/// RG-3: key lengths of FIPS 204, table 2, under both generations of names; names are exact.
#[test]
fn rg_3_schemes() {
    let table = [
        ("Dilithium2", 1_312),
        ("Dilithium3", 1_952),
        ("Dilithium5", 2_592),
        ("ML-DSA-44", 1_312),
        ("ML-DSA-65", 1_952),
        ("ML-DSA-87", 2_592),
    ];
    assert_eq!(SCHEMES, table);
    for (scheme, length) in table {
        assert_eq!(public_key_len(scheme), Some(length), "{scheme}");
    }
    for unknown in ["", "ml-dsa-44", "ML-DSA-44 ", "Dilithium4", "Ed25519"] {
        assert_eq!(public_key_len(unknown), None, "{unknown:?}");
    }
}

/// RG-2: bytes that are not what was hashed are damaged, whatever their form.
#[test]
fn rg_2_the_hash_is_checked_before_the_nodes() {
    for (text, code) in [(registry("[]"), IntegrityMismatch), (telemetry("[]"), InvalidInput)] {
        let refusal = read_telemetry(text.as_bytes(), number_of).unwrap_err();
        assert_eq!(refusal.code, code, "{text}");
    }
}
