//! `qfs-replay dilithium`: what it accepts, what it refuses, and how it says so.

use std::{fs, process::Command};

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::Value;
use tempfile::TempDir;

const VECTORS: &str = include_str!("../../../tests/vectors/dilithium-round3/vectors.json");

/// A folder with `key`, `message` and `signature` of the first vector, and the name of its scheme.
fn vector() -> (TempDir, String) {
    let folder = TempDir::new().unwrap();
    let tests: Value = serde_json::from_str(VECTORS).unwrap();
    let text = |field: &str| tests[0][field].as_str().unwrap();
    for file in ["key", "message", "signature"] {
        let bytes = BASE64_STANDARD.decode(text(file)).unwrap();
        fs::write(folder.path().join(file), bytes).unwrap();
    }
    let scheme = text("scheme").to_owned();
    (folder, scheme)
}

/// Exit status and the document.
fn run(folder: &TempDir, scheme: &str) -> (i32, Value) {
    let files = ["key", "message", "signature"];
    let arguments = files.map(|file| format!("--{file}={}", folder.path().join(file).display()));
    let output = Command::new(env!("CARGO_BIN_EXE_qfs-replay"))
        .args(["dilithium", "--json", "--scheme", scheme])
        .args(arguments)
        .output()
        .unwrap();
    let document = serde_json::from_slice(&output.stdout).unwrap_or_default();
    (output.status.code().unwrap(), document)
}

#[test]
fn a_sound_signature_passes() {
    let (folder, scheme) = vector();
    assert_eq!(run(&folder, &scheme), (0, serde_json::json!({"ok": true, "scheme": scheme})));
}

#[test]
fn anything_else_is_refused() {
    let (folder, scheme) = vector();
    for (file, bytes) in [("message", &b"another"[..]), ("key", b"short"), ("signature", b"")] {
        let path = folder.path().join(file);
        let sound = fs::read(&path).unwrap();
        fs::write(&path, bytes).unwrap();
        let (status, document) = run(&folder, &scheme);
        assert_eq!((status, &document["ok"]), (1, &Value::Bool(false)), "{file}");
        assert_eq!(document["error_code"], "SE_ERR_INTEGRITY_MISMATCH", "{file}");
        fs::write(&path, sound).unwrap();
    }
    fs::remove_file(folder.path().join("key")).unwrap();
    assert_eq!(run(&folder, &scheme).1["error_code"], "SE_ERR_NOT_FOUND");
    assert_eq!(run(&folder, "ML-DSA-44").0, 2);
}
