//! The published test keys. Each grows from `SHA3-256("qfs test key " ‖ name)`: everyone can sign with them.

use alloc::vec::Vec;
use eqm_log::VerifierKey;
use protocol::{
    Hash32,
    signature::{SeedSigner, Signer, Suite},
};

use super::{LEDGER_NAME, WorkloadError};

/// The test key of this name and suite.
#[must_use]
pub fn signer(name: &str, suite: Suite) -> SeedSigner {
    let seed = Hash32::of_parts(&[b"qfs test key ", name.as_bytes()]);
    SeedSigner::from_seed(suite, seed.0)
}

/// The Ed25519 key of the log.
#[must_use]
pub fn log_ed25519() -> SeedSigner {
    signer("log-ed25519", Suite::Ed25519)
}

/// The ML-DSA-44 key of the log.
#[must_use]
pub fn log_ml_dsa() -> SeedSigner {
    signer("log-ml-dsa-44", Suite::MlDsa44)
}

/// The log's keys as an auditor pins them.
///
/// # Errors
/// None in fact: names and lengths are constant.
pub fn verifier_keys() -> Result<Vec<VerifierKey>, WorkloadError> {
    [log_ed25519(), log_ml_dsa()]
        .iter()
        .map(|signer| {
            VerifierKey::new(LEDGER_NAME, &signer.public_key()).map_err(WorkloadError::from)
        })
        .collect()
}
