//! Verification of a node by the facts of an epoch (RG-4).

use alloc::string::String;
use core::fmt;
use protocol::{
    Amount, Rules,
    node::{NodeStatus, Reading, RegistryFact, TelemetryFact},
};

use crate::scheme::public_key_len;

/// The check that a node fails, with what was found and what was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The registry facts do not name the node.
    NoRegistryEntry,
    /// It is revoked.
    Revoked {
        /// Why, in the words of the registry; may be empty.
        reason: String,
    },
    /// The registry has no key for it.
    NoPqcKey,
    /// Its scheme is none of RG-3.
    UnsupportedPqcScheme {
        /// The scheme as the registry writes it.
        scheme: String,
    },
    /// The telemetry facts do not name the node.
    NoTelemetry,
    /// Its telemetry record is malformed.
    TelemetryMalformed,
    /// It answered too rarely.
    LowUptime {
        /// Its uptime.
        uptime_ratio: Amount,
        /// The least that the rules ask for.
        min_uptime: Amount,
    },
    /// Its health is too low.
    Unhealthy {
        /// Its health.
        health_score: Amount,
        /// The least that the rules ask for.
        min_health: Amount,
    },
    /// Observers disagree about its telemetry.
    TelemetryHashConflict,
}

impl Failure {
    /// The published status that stands for this failure.
    #[must_use]
    pub const fn status(&self) -> NodeStatus {
        match self {
            Self::NoRegistryEntry => NodeStatus::NoRegistryEntry,
            Self::Revoked { .. } => NodeStatus::Revoked,
            Self::NoPqcKey => NodeStatus::NoPqcKey,
            Self::UnsupportedPqcScheme { .. } => NodeStatus::UnsupportedPqcScheme,
            Self::NoTelemetry | Self::TelemetryMalformed => NodeStatus::TelemetryMalformed,
            Self::LowUptime { .. } => NodeStatus::LowUptime,
            Self::Unhealthy { .. } => NodeStatus::Unhealthy,
            Self::TelemetryHashConflict => NodeStatus::TelemetryHashConflict,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRegistryEntry => f.write_str("the registry does not name the node"),
            Self::Revoked { reason } if reason.is_empty() => {
                f.write_str("the registry says that the node is revoked, without a reason")
            }
            Self::Revoked { reason } => {
                write!(f, "the registry says that the node is revoked: {reason:?}")
            }
            Self::NoPqcKey => f.write_str("the registry has no pqc_public_key for the node"),
            Self::UnsupportedPqcScheme { scheme } => {
                write!(f, "pqc_scheme {scheme:?} is none of the supported ones")
            }
            Self::NoTelemetry => f.write_str("there is no telemetry for the node"),
            Self::TelemetryMalformed => f.write_str("the telemetry of the node is malformed"),
            Self::LowUptime { uptime_ratio, min_uptime } => {
                write!(f, "uptime_ratio {uptime_ratio} is below min_uptime {min_uptime}")
            }
            Self::Unhealthy { health_score, min_health } => {
                write!(f, "health_score {health_score} is below min_health {min_health}")
            }
            Self::TelemetryHashConflict => {
                f.write_str("conflict_detected: observers disagree about the node's telemetry")
            }
        }
    }
}

/// The status of a node under `rules`: that of the first check that fails, or `Verified`.
#[must_use]
pub fn verify(
    registry: Option<&RegistryFact>,
    telemetry: Option<&TelemetryFact>,
    rules: &Rules,
) -> NodeStatus {
    check(registry, telemetry, rules)
        .map_or_else(|failure| failure.status(), |()| NodeStatus::Verified)
}

/// Every check of RG-4 on what the snapshots say of a node. The order is part of the contract.
///
/// # Errors
/// The first check that fails.
pub fn check(
    registry: Option<&RegistryFact>,
    telemetry: Option<&TelemetryFact>,
    rules: &Rules,
) -> Result<(), Failure> {
    check_entry(registry.ok_or(Failure::NoRegistryEntry)?)?;
    let fact = telemetry.ok_or(Failure::NoTelemetry)?;
    check_reading(fact.reading.as_ref().ok_or(Failure::TelemetryMalformed)?, rules)
}

fn check_entry(entry: &RegistryFact) -> Result<(), Failure> {
    if entry.revoked {
        return Err(Failure::Revoked { reason: entry.reason.clone() });
    }
    if entry.key.is_none() {
        return Err(Failure::NoPqcKey);
    }
    if public_key_len(&entry.scheme).is_none() {
        return Err(Failure::UnsupportedPqcScheme { scheme: entry.scheme.clone() });
    }
    Ok(())
}

fn check_reading(reading: &Reading, rules: &Rules) -> Result<(), Failure> {
    let Reading { uptime_ratio, health_score, conflict_detected, .. } = *reading;
    let Rules { min_uptime, min_health, .. } = *rules;
    if uptime_ratio < min_uptime {
        return Err(Failure::LowUptime { uptime_ratio, min_uptime });
    }
    if health_score < min_health {
        return Err(Failure::Unhealthy { health_score, min_health });
    }
    if conflict_detected {
        return Err(Failure::TelemetryHashConflict);
    }
    Ok(())
}
