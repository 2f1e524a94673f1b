//! Reads `tests/vectors`, and counts what was used.

use std::{collections::BTreeMap, fs, path::Path};

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::Value;

/// Tests that share a key or a parameter set.
pub struct Group {
    fields: Case,
    /// Its tests.
    pub tests: Vec<Case>,
}

impl Group {
    /// Key or seed that its tests share.
    pub fn key(&self) -> Vec<u8> {
        self.fields.bytes("key")
    }

    /// Name of the parameter set, where the file has several.
    pub fn suite(&self) -> &str {
        self.fields.text("suite")
    }
}

/// One test of a file.
pub struct Case(Value);

impl Case {
    /// A field of bytes that must be there.
    pub fn bytes(&self, field: &str) -> Vec<u8> {
        self.maybe_bytes(field).unwrap_or_else(|| panic!("{self}: no {field}"))
    }

    /// A field of bytes.
    pub fn maybe_bytes(&self, field: &str) -> Option<Vec<u8>> {
        let text = self.0.get(field)?.as_str()?;
        Some(BASE64_STANDARD.decode(text).expect("base64"))
    }

    /// A field of text that must be there.
    pub fn text(&self, field: &str) -> &str {
        self.0[field].as_str().unwrap_or_else(|| panic!("{self}: no {field}"))
    }

    /// An object within this one.
    pub fn inner(&self, field: &str) -> Case {
        Case(self.0[field].clone())
    }

    /// What the file says of the signature.
    pub fn valid(&self) -> bool {
        self.0["valid"].as_bool().expect("a verdict")
    }

    /// Whether the file marks it so.
    pub fn is(&self, flag: &str) -> bool {
        self.flags().contains(&flag)
    }

    fn flags(&self) -> Vec<&str> {
        self.0["flags"].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
    }
}

impl std::fmt::Display for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "test {} ({})", self.0["id"], self.0["comment"])
    }
}

/// The groups of a file below `tests/vectors`.
pub fn read(file: &str) -> Vec<Group> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors").join(file);
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{file}: {error}"));
    let groups: Vec<Value> = serde_json::from_str(&text).expect("JSON");
    groups.into_iter().map(group).collect()
}

fn group(mut fields: Value) -> Group {
    let tests = fields["tests"].take();
    let tests = tests.as_array().expect("tests").iter().cloned().map(Case).collect();
    Group { fields: Case(fields), tests }
}

/// How many valid and invalid tests of each kind were used.
#[derive(Default)]
pub struct Tally(BTreeMap<String, [u32; 2]>);

impl Tally {
    /// One more test was used.
    pub fn count(&mut self, case: &Case) {
        let flags = case.flags().join(" ");
        let kind = if flags.is_empty() { case.text("comment").to_owned() } else { flags };
        let [valid, invalid] = self.0.entry(kind).or_default();
        *if case.valid() { valid } else { invalid } += 1;
    }

    /// All that was counted is this table of kinds with their valid and invalid tests, line by line.
    pub fn assert_is(&self, table: &[(&str, u32, u32)]) {
        let found: Vec<_> = self
            .0
            .iter()
            .map(|(kind, [valid, invalid])| (kind.as_str(), *valid, *invalid))
            .collect();
        assert_eq!(found, table);
    }
}
