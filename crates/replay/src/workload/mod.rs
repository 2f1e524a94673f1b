//! A log that is generated from a seed, under published test keys.
//!
//! It is what the committed evidence (RP-11) and the tests are made from: stores of many sizes, updates, delete
//! markers, purges, moved copies, audits with true proofs and with failures, nodes that join, leave, are revoked,
//! quarantined or expelled, proposals of every kind with votes of the council and of nodes, credits and scores, refusals of
//! every code that a ledger gives, and settled epochs. Integers only, so that the
//! same [`Spec`] gives the same bytes on every machine.
//!
//! **Everyone knows the keys. They protect nothing.**

mod agenda;
mod audits;
mod content;
mod facts;
pub mod flow;
pub mod keys;
mod ledger;
mod nodes;
mod parliament;
mod refusals;
mod rng;
mod rotation;
mod scenario;

use alloc::{string::String, vec::Vec};
use core::fmt;
use eqm_log::{
    LogHead, VerifierKey,
    export::{Header, Writer},
};
pub use protocol::Profile;
use protocol::{Hash32, signature::Signer};

/// Name of every generated ledger, which is the origin of its checkpoints.
pub const LEDGER_NAME: &str = "qfs.test/workload";

/// What to generate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spec {
    /// Decides everything that is not counted below.
    pub seed: u64,
    /// Nodes of genesis; some more join.
    pub nodes: u32,
    /// Epochs that are closed.
    pub epochs: u64,
    /// Versions stored in an epoch.
    pub objects_per_epoch: u32,
    /// Redundancy profile of genesis.
    pub profile: Profile,
    /// Shards of a node that an audit challenges.
    pub sample: u32,
    /// Epochs without audits at the beginning: as long as no node has NOD, the council votes.
    pub council_epochs: u64,
    /// Whether there are proposals, votes, exits, credits and scores.
    pub governed: bool,
}

/// A generated log.
#[derive(Clone, Debug)]
pub struct Log {
    /// Bodies of the entries, in order.
    pub bodies: Vec<Vec<u8>>,
}

/// Why no log came out: a fault of the generator, or of what it drives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkloadError(pub String);

impl WorkloadError {
    fn from(error: impl fmt::Display) -> Self {
        Self(alloc::format!("{error}"))
    }
}

impl fmt::Display for WorkloadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the generated log: {}", self.0)
    }
}

impl core::error::Error for WorkloadError {}

/// Generates a log and exports it, signed by the published test keys.
///
/// # Errors
/// [`WorkloadError`], for instance with fewer nodes than the profile needs.
pub fn generate(spec: &Spec) -> Result<Vec<u8>, WorkloadError> {
    Log::generate(spec)?.export()
}

impl Log {
    /// Generates the entries.
    ///
    /// # Errors
    /// As [`generate`].
    pub fn generate(spec: &Spec) -> Result<Self, WorkloadError> {
        scenario::run(spec).map(|bodies| Self { bodies })
    }

    /// The export file, signed by the published test keys.
    ///
    /// # Errors
    /// A body that does not fit the format.
    pub fn export(&self) -> Result<Vec<u8>, WorkloadError> {
        let keys = keys::verifier_keys()?;
        self.export_signed(&keys, &keys::log_ed25519(), &keys::log_ml_dsa())
    }

    /// The export file with these keys in its header, signed by these signers.
    ///
    /// # Errors
    /// A body that does not fit the format, or a signer of the wrong suite.
    pub fn export_signed(
        &self,
        keys: &[VerifierKey],
        ed: &dyn Signer,
        pq: &dyn Signer,
    ) -> Result<Vec<u8>, WorkloadError> {
        let note = self
            .head()
            .checkpoint(LEDGER_NAME)
            .sign(LEDGER_NAME, ed, pq)
            .map_err(WorkloadError::from)?;
        self.export_with_note(keys, &note)
    }

    /// The export file with any note as its checkpoint, whose text must fit these entries.
    ///
    /// # Errors
    /// A body that does not fit the format, or a checkpoint of other entries.
    pub fn export_with_note(
        &self,
        keys: &[VerifierKey],
        note: &str,
    ) -> Result<Vec<u8>, WorkloadError> {
        let header = Header {
            origin: LEDGER_NAME.into(),
            count: u64::try_from(self.bodies.len()).map_err(WorkloadError::from)?,
            keys: keys.to_vec(),
        };
        let mut file = Vec::new();
        let mut writer = Writer::create(&mut file, &header).map_err(WorkloadError::from)?;
        for body in &self.bodies {
            writer.push(body).map_err(WorkloadError::from)?;
        }
        let _hash: Hash32 = writer.finish(note).map_err(WorkloadError::from)?;
        Ok(file)
    }

    /// Chain and tree over the entries.
    #[must_use]
    pub fn head(&self) -> LogHead {
        let mut head = LogHead::new();
        for body in &self.bodies {
            head.append(body, |_, _, _| ());
        }
        head
    }
}
