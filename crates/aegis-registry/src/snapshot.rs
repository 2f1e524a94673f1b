//! Registry and telemetry snapshots: JSON files that AEGIS writes, read into facts (RG-1, RG-2).

use alloc::{format, string::String, vec::Vec};
use certified_math::BigNum128;
use protocol::{
    Amount, Hash32, Refusal,
    error::ErrorCode,
    json::{self, Value},
    limits::{MAX_LABEL_BYTES, MAX_LATENCY_BANDS_BYTES},
    node::{NodeNumber, Reading, RegistryFact, TelemetryFact},
};

/// A snapshot read: its hash, and what it says about registered nodes by ascending number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot<Fact> {
    /// SHA3-256 that anchors the file: of its canonical JSON, for telemetry without `telemetry_hash`.
    pub hash: Hash32,
    /// One fact per registered node that it names.
    pub facts: Vec<Fact>,
}

/// Reads a registry snapshot. `number_of` finds registered nodes; others are anchored by the hash only.
///
/// # Errors
/// `SE_ERR_INVALID_INPUT` when it is not a registry snapshot of schema v1.0.
pub fn read_registry(
    text: &[u8],
    number_of: impl Fn(&str) -> Option<NodeNumber>,
) -> Result<Snapshot<RegistryFact>, Refusal> {
    let value = parse(text, "registry")?;
    let hash = Hash32::of(value.to_canonical().as_bytes());
    let facts = facts(&value, "registry", number_of, registry_fact)?;
    Ok(Snapshot { hash, facts })
}

/// Reads a telemetry snapshot, and checks its `telemetry_hash`.
///
/// # Errors
/// `SE_ERR_INVALID_INPUT` when it is not a telemetry snapshot of schema v1.0,
/// `SE_ERR_INTEGRITY_MISMATCH` when its hash is not that of its contents.
pub fn read_telemetry(
    text: &[u8],
    number_of: impl Fn(&str) -> Option<NodeNumber>,
) -> Result<Snapshot<TelemetryFact>, Refusal> {
    let value = parse(text, "telemetry")?;
    let claimed = value.get("telemetry_hash").and_then(Value::as_str).and_then(Hash32::from_hex);
    let hash = telemetry_hash(&value);
    if claimed != Some(hash) {
        return Err(Refusal::with(
            ErrorCode::IntegrityMismatch,
            format!("telemetry_hash is not the hash of the snapshot, which is {hash}"),
        ));
    }
    let facts = facts(&value, "telemetry", number_of, |_, node, record| {
        Ok(TelemetryFact { node, reading: reading(record) })
    })?;
    Ok(Snapshot { hash, facts })
}

/// SHA3-256 of the canonical JSON of a telemetry snapshot without its `telemetry_hash` field (RG-2).
#[must_use]
pub fn telemetry_hash(snapshot: &Value) -> Hash32 {
    let Some(members) = snapshot.as_object() else {
        return Hash32::of(snapshot.to_canonical().as_bytes());
    };
    let mut members = members.clone();
    members.remove("telemetry_hash");
    Hash32::of(Value::Object(members).to_canonical().as_bytes())
}

fn parse(text: &[u8], kind: &str) -> Result<Value, Refusal> {
    let value = json::parse(text).map_err(|error| invalid(format!("{kind} snapshot: {error}")))?;
    if value.get("schema_version").and_then(Value::as_str) != Some("v1.0") {
        return Err(invalid(format!("{kind} snapshot: \"schema_version\" is \"v1.0\"")));
    }
    Ok(value)
}

fn facts<Fact>(
    value: &Value,
    kind: &str,
    number_of: impl Fn(&str) -> Option<NodeNumber>,
    read: impl Fn(&str, NodeNumber, &Value) -> Result<Fact, Refusal>,
) -> Result<Vec<Fact>, Refusal> {
    let Some(nodes) = value.get("nodes").and_then(Value::as_object) else {
        return Err(invalid(format!("{kind} snapshot: \"nodes\" is an object by node id")));
    };
    let mut numbered: Vec<(NodeNumber, &str, &Value)> =
        nodes.iter().filter_map(|(id, record)| Some((number_of(id)?, id, record))).collect();
    numbered.sort_by_key(|(number, _, _)| *number);
    numbered.into_iter().map(|(number, id, record)| read(id, number, record)).collect()
}

fn registry_fact(id: &str, node: NodeNumber, record: &Value) -> Result<RegistryFact, Refusal> {
    let bad = |what: &str| invalid(format!("registry snapshot, node {id:?}: {what}"));
    let text = |key: &str| match record.get(key) {
        None | Some(Value::Null) => Ok(""),
        Some(value) => value.as_str().ok_or_else(|| bad(&format!("{key:?} is a text"))),
    };
    let label = |key: &str| {
        let label = text(key)?;
        let fits = label.len() <= MAX_LABEL_BYTES;
        fits.then(|| String::from(label))
            .ok_or_else(|| bad(&format!("{key:?} has at most 64 bytes")))
    };
    let key = text("pqc_public_key")?;
    let revoked = match record.get("revoked") {
        Some(Value::Bool(revoked)) => *revoked,
        _ => return Err(bad("\"revoked\" is true or false")),
    };
    Ok(RegistryFact {
        node,
        key: (!key.is_empty()).then(|| Hash32::of(key.as_bytes())),
        scheme: label("pqc_scheme")?,
        revoked,
        reason: label("revocation_reason")?,
    })
}

/// `None` for a malformed record: that is a fact about the node, not an error of the snapshot.
fn reading(record: &Value) -> Option<Reading> {
    let ratio = |key: &str| {
        let ratio = BigNum128::parse(record.get(key)?.as_str()?).ok()?;
        (ratio <= BigNum128::ONE).then_some(Amount(ratio))
    };
    let conflict_detected = match record.get("conflict_detected")? {
        Value::Bool(conflict) => *conflict,
        _ => return None,
    };
    let latency_bands = record.get("latency_bands").map(Value::to_canonical).unwrap_or_default();
    let error_count = match record.get("error_count") {
        None => None,
        Some(count) => Some(u64::try_from(count.as_int()?).ok()?),
    };
    (latency_bands.len() <= MAX_LATENCY_BANDS_BYTES).then_some(Reading {
        uptime_ratio: ratio("uptime_ratio")?,
        health_score: ratio("health_score")?,
        conflict_detected,
        latency_bands,
        error_count,
    })
}

fn invalid(detail: String) -> Refusal {
    Refusal::with(ErrorCode::InvalidInput, detail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    fn number_of(id: &str) -> Option<NodeNumber> {
        ["b", "a"].iter().position(|known| *known == id).map(|at| at as u32)
    }

    #[test]
    fn rg_1_registry_facts_by_number_and_unknown_nodes_left_out() {
        let text = br#"{"schema_version":"v1.0","nodes":{
            "a":{"pqc_public_key":"00ff","pqc_scheme":"ML-DSA-44","revoked":false},
            "b":{"pqc_public_key":"","pqc_scheme":"RSA","revoked":true,"revocation_reason":"lost"},
            "z":{"pqc_public_key":"11","pqc_scheme":"ML-DSA-44","revoked":false}}}"#;
        let snapshot = read_registry(text, number_of).unwrap();
        assert_eq!(snapshot.facts.len(), 2);
        assert_eq!(snapshot.facts[0].key, None);
        assert_eq!(snapshot.facts[0].reason, "lost");
        assert_eq!(snapshot.facts[1].key, Some(Hash32::of(b"00ff")));
    }

    #[test]
    fn rg_2_telemetry_hash_must_hold() {
        let body = r#"{"nodes":{"a":{"conflict_detected":false,"health_score":"0.9","uptime_ratio":"0.95"}},"schema_version":"v1.0"}"#;
        let hash = Hash32::of(body.as_bytes());
        let with = |hash: &str| body.replacen('{', &format!(r#"{{"telemetry_hash":"{hash}","#), 1);
        let snapshot = read_telemetry(with(&hash.to_string()).as_bytes(), number_of).unwrap();
        assert_eq!(snapshot.hash, hash);
        assert_eq!(
            snapshot.facts[0].reading.as_ref().unwrap().uptime_ratio.to_string(),
            "0.950000000000000000"
        );
        let refusal =
            read_telemetry(with(&Hash32::ZERO.to_string()).as_bytes(), number_of).unwrap_err();
        assert_eq!(refusal.code, ErrorCode::IntegrityMismatch);
    }

    #[test]
    fn rg_2_malformed_records_are_facts() {
        let malformed = [
            r#"{}"#,
            r#"{"uptime_ratio":1,"health_score":"1","conflict_detected":false}"#,
            r#"{"uptime_ratio":"1.1","health_score":"1","conflict_detected":false}"#,
            r#"{"uptime_ratio":"1","health_score":"-1","conflict_detected":false}"#,
            r#"{"uptime_ratio":"1","health_score":"1"}"#,
            r#"{"uptime_ratio":"1","health_score":"1","conflict_detected":false,"error_count":-1}"#,
        ];
        for text in malformed {
            assert_eq!(reading(&json::parse(text.as_bytes()).unwrap()), None, "{text}");
        }
    }
}
