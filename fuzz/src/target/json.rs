//! JSON from outside: canonical JSON itself, metadata, and the snapshots that close an epoch.

use aegis_registry::{
    Facts,
    snapshot::{read_registry, read_telemetry, telemetry_hash},
};
use protocol::{
    Hash32,
    command::AdvanceEpoch,
    json::{ErrorKind, MAX_INTEGER, Value, parse, parse_canonical},
    limits::MAX_METADATA_BYTES,
    metadata::Metadata,
};

/// Any bytes as JSON. What parses has one canonical text, which parses to the same value; and `serde_json` agrees about what is
/// JSON and what it says, but for what CJ-1 to CJ-6 leave out.
pub fn json(data: &[u8]) {
    let theirs = serde_json::from_slice::<serde_json::Value>(data);
    match parse(data) {
        Ok(value) => {
            let canonical = value.to_canonical();
            assert_eq!(parse_canonical(canonical.as_bytes()).as_ref(), Ok(&value));
            assert_eq!(parse_canonical(data).is_ok(), canonical.as_bytes() == data);
            assert!(same(&value, &theirs.expect("it is JSON")), "{canonical}");
        }
        Err(error) => {
            assert!(error.offset <= data.len());
            let ours_only = matches!(
                error.kind,
                ErrorKind::NotAnInteger
                    | ErrorKind::OutOfRange
                    | ErrorKind::DuplicateKey
                    | ErrorKind::TooDeep
            );
            assert!(ours_only || theirs.is_err(), "{error:?}");
        }
    }
}

fn same(ours: &Value, theirs: &serde_json::Value) -> bool {
    use serde_json::Value as Theirs;
    match (ours, theirs) {
        (Value::Null, Theirs::Null) => true,
        (Value::Bool(ours), Theirs::Bool(theirs)) => ours == theirs,
        // They take -0 for a float.
        (Value::Int(0), Theirs::Number(theirs)) => theirs.as_f64() == Some(0.0),
        (Value::Int(ours), Theirs::Number(theirs)) => {
            theirs.as_i64() == Some(*ours) && ours.abs() <= MAX_INTEGER
        }
        (Value::Str(ours), Theirs::String(theirs)) => ours == theirs,
        (Value::Array(ours), Theirs::Array(theirs)) => {
            ours.len() == theirs.len() && ours.iter().zip(theirs).all(|(a, b)| same(a, b))
        }
        (Value::Object(ours), Theirs::Object(theirs)) => {
            let found = |(key, value)| theirs.get(key).is_some_and(|other| same(value, other));
            ours.len() == theirs.len() && ours.iter().all(found)
        }
        _ => false,
    }
}

/// Metadata as a client gives it (PR-6). What the client makes of it is what the ledger accepts, and making it again changes
/// nothing; what the ledger accepts is the canonical text of itself, within the limit.
pub fn metadata(data: &[u8]) {
    let limit = u32::try_from(MAX_METADATA_BYTES).expect("a constant");
    if let Ok(metadata) = Metadata::normalise(data, limit) {
        let text = metadata.canonical().as_bytes();
        assert_eq!(Metadata::from_canonical(text, limit).as_ref(), Ok(&metadata));
        assert_eq!(Metadata::normalise(text, limit).as_ref(), Ok(&metadata));
        let just_too_short = u32::try_from(text.len() - 1).expect("short");
        assert!(Metadata::from_canonical(text, just_too_short).is_err());
    }
    if let Ok(metadata) = Metadata::from_canonical(data, limit) {
        assert_eq!(metadata.canonical().as_bytes(), data);
        assert_eq!(metadata.keys(), metadata.value().as_object().expect("an object").len() as u64);
        assert!(metadata.regions().is_sorted());
        assert_eq!(Metadata::normalise(data, limit), Ok(metadata));
    }
}

/// Nodes of the fuzzed ledger, by name.
const NODES: [&str; 4] = ["node-000", "node-001", "n", ""];

fn number_of(id: &str) -> Option<u32> {
    (0..).zip(NODES).find(|(_, name)| *name == id).map(|(number, _)| number)
}

/// A registry snapshot. Its hash is that of its canonical text, however it is spelt, and its facts are such as a
/// command may carry (RG-1).
pub fn registry(data: &[u8]) {
    let Ok(snapshot) = read_registry(data, number_of) else { return };
    let canonical = parse(data).expect("it was read").to_canonical();
    assert_eq!(snapshot.hash, Hash32::of(canonical.as_bytes()));
    assert_eq!(read_registry(canonical.as_bytes(), number_of).as_ref(), Ok(&snapshot));
    closes(AdvanceEpoch { registry: snapshot.facts, ..nothing() });
}

/// A telemetry snapshot, as it is and with the hash that it should name (RG-2). Its facts are such as a command may carry.
pub fn telemetry(data: &[u8]) {
    let as_it_is = read_telemetry(data, number_of);
    let Ok(value) = parse(data) else { return assert!(as_it_is.is_err()) };
    let hash = telemetry_hash(&value);
    let named = value.with("telemetry_hash", hash.to_hex()).to_canonical();
    let named = read_telemetry(named.as_bytes(), number_of);
    if let Ok(snapshot) = &as_it_is {
        assert_eq!(named.as_ref(), Ok(snapshot));
    }
    if let Ok(snapshot) = named {
        assert_eq!(snapshot.hash, hash);
        closes(AdvanceEpoch { telemetry: snapshot.facts, ..nothing() });
    }
}

fn closes(advance: AdvanceEpoch) {
    let nodes = u32::try_from(NODES.len()).expect("few");
    assert!(Facts::checked(&advance, nodes).is_ok(), "{advance:?}");
}

fn nothing() -> AdvanceEpoch {
    AdvanceEpoch {
        closes: 1,
        registry_hash: Hash32::ZERO,
        registry: Vec::new(),
        telemetry_hash: Hash32::ZERO,
        telemetry: Vec::new(),
    }
}
