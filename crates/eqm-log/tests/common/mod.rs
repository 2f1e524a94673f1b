//! A small log with published keys, shared by the tests.

#![allow(dead_code)]

use eqm_log::{LogHead, VerifierKey};
use protocol::signature::{SeedSigner, Signer, Suite};

/// Name of the test log.
pub const ORIGIN: &str = "qfs.example/test-log";

/// Bodies of the test log.
pub const BODIES: [&[u8]; 5] = [b"genesis", b"\x00", b"store", &[0xab; 300], b"epoch advance"];

/// Ed25519 signer from the seed of RFC 8032, 7.1, TEST 1.
pub fn ed() -> SeedSigner {
    let seed = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
    let seed = protocol::hash::hex_decode(seed).unwrap().try_into().unwrap();
    SeedSigner::from_seed(Suite::Ed25519, seed)
}

/// ML-DSA-44 signer from the seed of RFC 9881, appendix C: 00 01 02 … 1f.
pub fn pq() -> SeedSigner {
    SeedSigner::from_seed(Suite::MlDsa44, std::array::from_fn(|i| i as u8))
}

/// The keys of the test log, Ed25519 first.
pub fn keys() -> [VerifierKey; 2] {
    [ed().public_key(), pq().public_key()].map(|key| VerifierKey::new(ORIGIN, &key).unwrap())
}

/// The test log after its first `count` bodies.
pub fn head(count: usize) -> LogHead {
    let mut head = LogHead::new();
    for body in &BODIES[..count] {
        head.append(body, |_, _, _| ());
    }
    head
}

/// Signed checkpoint of a log under the keys of the test log.
pub fn sign(head: &LogHead) -> String {
    head.checkpoint(ORIGIN).sign(ORIGIN, &ed(), &pq()).unwrap()
}

/// Compares with a file under `tests/golden`; `QFS_WRITE_GOLDEN=1` writes the file instead, for a new format
/// version.
pub fn assert_golden(name: &str, bytes: &[u8]) {
    assert_file(&format!("tests/golden/{name}"), bytes);
}

/// As [`assert_golden`], with a file of the published log that other implementations read, too.
pub fn assert_vector(name: &str, bytes: &[u8]) {
    assert_file(&format!("../../tests/vectors/tiles/{name}"), bytes);
}

fn assert_file(path: &str, bytes: &[u8]) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if std::env::var_os("QFS_WRITE_GOLDEN").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
    }
    let golden = std::fs::read(&path).unwrap();
    assert!(golden == bytes, "{} differs from the frozen bytes", path.display());
}
