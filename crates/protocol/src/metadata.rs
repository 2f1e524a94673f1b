//! Metadata of an object: canonical JSON, with types for the keys that QFS itself reads (PR-6).

use crate::{
    error::{ErrorCode, Refusal},
    json::{self, Value},
    limits::MAX_REGIONS,
    rules::is_region,
};
use alloc::{format, string::String, vec::Vec};

/// Highest `openagi_score`.
pub const MAX_OPENAGI_SCORE: i64 = 1_000_000;

/// Metadata that has been checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metadata {
    value: Value,
    canonical: String,
}

impl Metadata {
    /// Takes any JSON text of an object and brings it into canonical form; `tags` are trimmed, sorted
    /// and made unique. For clients: the ledger itself accepts only what this returns.
    ///
    /// # Errors
    /// `SE_ERR_INVALID_INPUT` when it is not such JSON, `SE_ERR_LIMIT` when longer than `limit` bytes.
    pub fn normalise(text: &[u8], limit: u32) -> Result<Self, Refusal> {
        let value = json::parse(text).map_err(|error| invalid(format!("metadata: {error}")))?;
        let value = with_normal_tags(value);
        let canonical = value.to_canonical();
        Self::checked(value, canonical, limit)
    }

    /// Takes the canonical bytes of a command.
    ///
    /// # Errors
    /// As [`Metadata::normalise`], and when the bytes are not canonical.
    pub fn from_canonical(bytes: &[u8], limit: u32) -> Result<Self, Refusal> {
        let value =
            json::parse_canonical(bytes).map_err(|error| invalid(format!("metadata: {error}")))?;
        let canonical = String::from_utf8_lossy(bytes).into_owned();
        Self::checked(value, canonical, limit)
    }

    fn checked(value: Value, canonical: String, limit: u32) -> Result<Self, Refusal> {
        if u32::try_from(canonical.len()).map_or(true, |len| len > limit) {
            return Err(Refusal::with(
                ErrorCode::Limit,
                format!("metadata has {} bytes, the limit is {limit}", canonical.len()),
            ));
        }
        if value.as_object().is_none() {
            return Err(invalid("metadata is a JSON object".into()));
        }
        for (key, is_well_typed, expected) in TYPED_KEYS {
            if value.get(key).is_some_and(|value| !is_well_typed(value)) {
                return Err(invalid(format!("metadata {key:?} is {expected}")));
            }
        }
        if value.get(REGION).is_some() && nested_region(&value).is_some() {
            return Err(invalid(format!("metadata has {REGION:?} in one of its two forms")));
        }
        Ok(Self { value, canonical })
    }

    /// The canonical text.
    #[must_use]
    pub fn canonical(&self) -> &str {
        &self.canonical
    }

    /// The parsed value.
    #[must_use]
    pub const fn value(&self) -> &Value {
        &self.value
    }

    /// The regions that the object is restricted to (PL-9); none for no restriction.
    #[must_use]
    pub fn regions(&self) -> Vec<String> {
        regions(&self.value)
    }

    /// Number of top-level keys, which the fee counts.
    #[must_use]
    pub fn keys(&self) -> u64 {
        let count = self.value.as_object().map_or(0, |object| object.iter().count());
        u64::try_from(count).unwrap_or(u64::MAX)
    }
}

/// The regions that metadata restricts an object to: `"placement.region"`, or `"region"` inside `"placement"`; a text
/// or a list of texts (PL-9).
#[must_use]
pub fn regions(metadata: &Value) -> Vec<String> {
    let Some(value) = metadata.get(REGION).or_else(|| nested_region(metadata)) else {
        return Vec::new();
    };
    let one = core::slice::from_ref(value);
    let texts = value.as_array().unwrap_or(one);
    texts.iter().filter_map(|region| region.as_str().map(String::from)).collect()
}

const REGION: &str = "placement.region";

fn nested_region(metadata: &Value) -> Option<&Value> {
    metadata.get("placement")?.get("region")
}

type Check = fn(&Value) -> bool;

const REGIONS: &str = "the name of a region, or a list of 1 to 32 of them, sorted and unique";

const TYPED_KEYS: [(&str, Check, &str); 8] = [
    ("author_node_id", is_short_text, "a text of 1 to 64 bytes"),
    ("created_at_tick", is_count, "an integer from 0"),
    ("tags", are_tags, "a list of trimmed texts of 1 to 64 bytes, sorted and unique"),
    ("openagi_score", is_score, "an integer from 0 to 1,000,000"),
    ("atr_fee_events", are_references, "a list of at most 64 texts or integers"),
    (
        "aegis_telemetry_stub",
        is_telemetry_stub,
        "an object of node_id, proof_result, latency_band, at_epoch",
    ),
    (REGION, are_regions, REGIONS),
    (
        "placement",
        is_placement,
        "an object, whose \"region\" is a name, or a sorted list of 1 to 32",
    ),
];

fn are_regions(value: &Value) -> bool {
    let name = |value: &Value| value.as_str().is_some_and(is_region);
    match value.as_array() {
        None => name(value),
        Some(list) => {
            (1..=MAX_REGIONS).contains(&list.len())
                && list.iter().all(name)
                && list.is_sorted_by(|a, b| a.as_str() < b.as_str())
        }
    }
}

fn is_placement(value: &Value) -> bool {
    value.as_object().is_some() && value.get("region").is_none_or(are_regions)
}

fn is_short_text(value: &Value) -> bool {
    value.as_str().is_some_and(|text| (1..=64).contains(&text.len()))
}

fn is_count(value: &Value) -> bool {
    value.as_int().is_some_and(|number| number >= 0)
}

fn is_score(value: &Value) -> bool {
    value.as_int().is_some_and(|score| (0..=MAX_OPENAGI_SCORE).contains(&score))
}

fn are_tags(value: &Value) -> bool {
    let Some(tags) = value.as_array() else {
        return false;
    };
    let trimmed = |tag: &Value| is_short_text(tag) && tag.as_str().is_some_and(|t| t.trim() == t);
    tags.iter().all(trimmed) && tags.is_sorted_by(|a, b| a.as_str() < b.as_str())
}

fn are_references(value: &Value) -> bool {
    let reference = |value: &Value| is_short_text(value) || value.as_int().is_some();
    value.as_array().is_some_and(|list| list.len() <= 64 && list.iter().all(reference))
}

fn is_telemetry_stub(value: &Value) -> bool {
    let Some(object) = value.as_object() else {
        return false;
    };
    let known = ["node_id", "proof_result", "latency_band", "at_epoch"];
    object.iter().all(|(key, value)| {
        known.contains(&key) && if key == "at_epoch" { is_count(value) } else { is_scalar(value) }
    })
}

fn is_scalar(value: &Value) -> bool {
    value.as_array().is_none() && value.as_object().is_none()
}

/// Trims, sorts and dedups `tags` where they are a list of texts; anything else is left for the check.
fn with_normal_tags(value: Value) -> Value {
    let texts = |tags: &[Value]| -> Option<Vec<String>> {
        tags.iter().map(|tag| tag.as_str().map(|text| text.trim().into())).collect()
    };
    let Some(mut tags) = value.get("tags").and_then(Value::as_array).and_then(texts) else {
        return value;
    };
    tags.sort();
    tags.dedup();
    value.with("tags", Value::Array(tags.into_iter().map(Value::from).collect()))
}

fn invalid(detail: String) -> Refusal {
    Refusal::with(ErrorCode::InvalidInput, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_normalised_for_clients_and_required_by_the_ledger() {
        let unsorted = br#"{"tags":["b"," a","b"]}"#;
        let metadata = Metadata::normalise(unsorted, 16_384).unwrap();
        assert_eq!(metadata.canonical(), r#"{"tags":["a","b"]}"#);
        assert!(Metadata::from_canonical(br#"{"tags":["b","a"]}"#, 16_384).is_err());
        assert!(Metadata::from_canonical(metadata.canonical().as_bytes(), 16_384).is_ok());
    }

    #[test]
    fn pl_9_regions_in_each_form() {
        let cases: [(&str, &[&str]); 6] = [
            ("{}", &[]),
            (r#"{"placement":{"zone":1}}"#, &[]),
            (r#"{"placement":{"region":"eu"}}"#, &["eu"]),
            (r#"{"placement":{"region":["eu","uk"]}}"#, &["eu", "uk"]),
            (r#"{"placement.region":"eu"}"#, &["eu"]),
            (r#"{"placement.region":["eu","uk"]}"#, &["eu", "uk"]),
        ];
        for (text, regions) in cases {
            let metadata = Metadata::normalise(text.as_bytes(), 16_384).unwrap();
            assert_eq!(metadata.regions(), regions, "{text}");
        }
        for text in [
            r#"{"placement":"eu"}"#,
            r#"{"placement":{"region":7}}"#,
            r#"{"placement":{"region":[]}}"#,
            r#"{"placement.region":""}"#,
            r#"{"placement.region":["uk","eu"]}"#,
            r#"{"placement.region":["eu",null]}"#,
            r#"{"placement":{"region":"eu"},"placement.region":"eu"}"#,
        ] {
            let refusal = Metadata::normalise(text.as_bytes(), 16_384).unwrap_err();
            assert_eq!(refusal.code, ErrorCode::InvalidInput, "{text}");
        }
    }

    #[test]
    fn what_is_refused_and_with_which_code() {
        let cases: [(&str, ErrorCode); 12] = [
            ("[]", ErrorCode::InvalidInput),
            ("{", ErrorCode::InvalidInput),
            (r#"{"a":1.0}"#, ErrorCode::InvalidInput),
            (r#"{"a":1,"a":2}"#, ErrorCode::InvalidInput),
            (r#"{"author_node_id":7}"#, ErrorCode::InvalidInput),
            (r#"{"created_at_tick":-1}"#, ErrorCode::InvalidInput),
            (r#"{"tags":"a"}"#, ErrorCode::InvalidInput),
            (r#"{"tags":[""]}"#, ErrorCode::InvalidInput),
            (r#"{"openagi_score":1000001}"#, ErrorCode::InvalidInput),
            (r#"{"atr_fee_events":{}}"#, ErrorCode::InvalidInput),
            (r#"{"aegis_telemetry_stub":{"x":1}}"#, ErrorCode::InvalidInput),
            (r#"{"long":"0123456789012345678901234567890123456789"}"#, ErrorCode::Limit),
        ];
        for (text, code) in cases {
            let refusal = Metadata::normalise(text.as_bytes(), 40).unwrap_err();
            assert_eq!(refusal.code, code, "{text}: {refusal}");
        }
    }
}
