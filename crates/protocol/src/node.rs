//! What is said about storage nodes: registration, snapshots' facts, verification status.

use crate::{amount::Amount, hash::Hash32};
use alloc::string::String;
use borsh::{BorshDeserialize, BorshSerialize};
use core::fmt;

/// Registration number of a node: the order in which nodes joined, from 0. Entries name nodes by it.
pub type NodeNumber = u32;

/// Where a node stands, as declared at registration. Empty texts and 0 mean "not declared".
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct FailureDomain {
    /// Geographic or legal region.
    pub region: String,
    /// Who runs the node.
    pub operator: String,
    /// Autonomous system number of its network.
    pub asn: u32,
}

/// What a registry snapshot says about one node.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct RegistryFact {
    /// The node.
    pub node: NodeNumber,
    /// SHA3-256 of the snapshot's `pqc_public_key` text; `None` when it is empty.
    pub key: Option<Hash32>,
    /// `pqc_scheme`, as written in the snapshot.
    pub scheme: String,
    /// Whether the node is revoked.
    pub revoked: bool,
    /// `revocation_reason`, or empty.
    pub reason: String,
}

/// What a telemetry snapshot says about one node.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct TelemetryFact {
    /// The node.
    pub node: NodeNumber,
    /// The reading; `None` when the snapshot's record is malformed.
    pub reading: Option<Reading>,
}

/// A well-formed telemetry record.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Reading {
    /// Share of the epoch in which the node answered, 0 to 1.
    pub uptime_ratio: Amount,
    /// Health score, 0 to 1.
    pub health_score: Amount,
    /// Whether other observers reported another telemetry hash for this node.
    pub conflict_detected: bool,
    /// Canonical JSON of the latency bands, or empty. Logged; decides nothing.
    pub latency_bands: String,
    /// Errors seen. Logged; decides nothing.
    pub error_count: Option<u64>,
}

macro_rules! statuses {
    ($($(#[doc = $doc:literal])* $name:ident = $text:literal,)*) => {
        /// Result of verifying a node against the facts of an epoch; the first failure wins (RG-4).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
        pub enum NodeStatus { $($(#[doc = $doc])* $name,)* }

        impl NodeStatus {
            /// The published name.
            #[must_use]
            pub const fn name(self) -> &'static str { match self { $(Self::$name => $text,)* } }
        }
    };
}

statuses! {
    /// Every check passed.
    Verified = "VERIFIED",
    /// The registry snapshot does not name the node.
    NoRegistryEntry = "UNVERIFIED_NO_REGISTRY_ENTRY",
    /// The registry snapshot says that the node is revoked.
    Revoked = "UNVERIFIED_REVOKED",
    /// The registry snapshot has no PQC key for the node.
    NoPqcKey = "UNVERIFIED_NO_PQC_KEY",
    /// The scheme is none of Dilithium2/3/5, ML-DSA-44/65/87.
    UnsupportedPqcScheme = "UNVERIFIED_UNSUPPORTED_PQC_SCHEME",
    /// There is no telemetry for the node, or it is malformed.
    TelemetryMalformed = "UNVERIFIED_TELEMETRY_MALFORMED",
    /// Uptime below the governed minimum.
    LowUptime = "UNVERIFIED_LOW_UPTIME",
    /// Health below the governed minimum.
    Unhealthy = "UNVERIFIED_UNHEALTHY",
    /// Observers disagree about the node's telemetry.
    TelemetryHashConflict = "UNVERIFIED_TELEMETRY_HASH_CONFLICT",
}

impl fmt::Display for NodeStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

macro_rules! standings {
    ($($(#[doc = $doc:literal])* $name:ident = $text:literal,)*) => {
        /// Where a node stands in its life on the ledger; it changes when an epoch closes, and when the node leaves (RG-6).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
        pub enum Standing { $($(#[doc = $doc])* $name,)* }

        impl Standing {
            /// Every standing.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The published name.
            #[must_use]
            pub const fn name(self) -> &'static str { match self { $(Self::$name => $text,)* } }
        }
    };
}

standings! {
    /// New or reinstated: eligible where verified, audited more.
    Probation = "PROBATION",
    /// Verified, without a failed proof in the window.
    Active = "ACTIVE",
    /// Not verified by the last facts, or with a failed proof in the window: eligible where verified, audited more.
    Degraded = "DEGRADED",
    /// Not eligible until governance reinstates it.
    Quarantined = "QUARANTINED",
    /// Revoked by the registry's facts: not eligible as long as they say so.
    Revoked = "REVOKED",
    /// Leaving: not eligible, its copies move to others.
    Draining = "DRAINING",
    /// Has left, and holds nothing.
    Exited = "EXITED",
    /// Expelled by governance, for ever.
    Expelled = "EXPELLED",
}

impl Standing {
    /// Whether a verified node of this standing is eligible, where the rules allow its region.
    #[must_use]
    pub const fn may_be_eligible(self) -> bool {
        matches!(self, Self::Probation | Self::Active | Self::Degraded)
    }

    /// Whether the node may no longer speak: its key has no say on this ledger.
    #[must_use]
    pub const fn is_gone(self) -> bool {
        matches!(self, Self::Revoked | Self::Exited | Self::Expelled)
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
