//! PR-1: signatures against published vectors. Where they come from is said in `tests/vectors/ml-dsa/README.md` and
//! `tests/vectors/ed25519/README.md`.

mod cases;
mod ed25519;
mod ml_dsa_signing;
mod ml_dsa_verification;
