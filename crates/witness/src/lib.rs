//! A witness of logs (C2SP tlog-witness), and the client that asks witnesses.
//!
//! A witness keeps one thing for each log that it knows: the latest checkpoint that it has cosigned. It cosigns another
//! one only when that is shown to extend the kept one ([`judge`]), and not before it is kept in its place, durably
//! ([`Witness`]). So no two histories of a log ever have the cosignature of one witness, whatever crashes, and a reader
//! who asks for the cosignatures of enough witnesses ([`eqm_log::Policy`]) sees what every other such reader sees.
//!
//! [`server`] answers over HTTP, [`client`] asks. The rules are in `spec/witness.md`. Keys stay behind
//! [`protocol::signature::Signer`]: where they are kept is the caller's matter.

pub mod client;
mod error;
pub mod judge;
mod record;
pub mod server;
mod witness;

pub use error::WitnessError;
pub use judge::Refusal;
pub use witness::{Cosigned, KnownLog, Signers, Witness, lock};
