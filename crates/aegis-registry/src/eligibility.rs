//! Who may be given new copies, and why a node may not (RG-7, RG-9).

use alloc::string::String;
use core::fmt;
use protocol::{
    Rules,
    node::{FailureDomain, NodeStatus, RegistryFact, Standing, TelemetryFact},
};

use crate::verification::{Failure, check};

/// Whether a node of this status and standing, in `region`, is eligible under `rules` (RG-7).
#[must_use]
pub fn is_eligible(status: NodeStatus, standing: Standing, region: &str, rules: &Rules) -> bool {
    status == NodeStatus::Verified && standing.may_be_eligible() && rules.allows(region)
}

/// Why a node is, or is not, eligible. Printed, it is a clause for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Nothing speaks against it.
    Eligible,
    /// The facts do not verify it.
    Unverified(Failure),
    /// Nodes of its standing are not eligible.
    Standing(Standing),
    /// There is a list of allowed regions, and its own is not in it.
    RegionNotAllowed {
        /// Its region; empty when it declared none.
        region: String,
    },
    /// Its region is in the list of denied ones.
    RegionDenied {
        /// Its region.
        region: String,
    },
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Eligible => f.write_str("every check is passed"),
            Self::Unverified(failure) => failure.fmt(f),
            Self::Standing(standing) => write!(f, "a node that is {standing} is not eligible"),
            Self::RegionNotAllowed { region } if region.is_empty() => {
                f.write_str("the node declared no region, and only allowed_regions are eligible")
            }
            Self::RegionNotAllowed { region } => {
                write!(f, "region {region:?} is not in allowed_regions")
            }
            Self::RegionDenied { region } => write!(f, "region {region:?} is in denied_regions"),
        }
    }
}

/// What the registry says of one node under the rules of an epoch (RG-9).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// Result of its verification.
    pub status: NodeStatus,
    /// Where it stands.
    pub standing: Standing,
    /// Whether new copies are placed on it.
    pub eligible: bool,
    /// The first check that fails: of RG-4, then the standing, then the region.
    pub reason: Reason,
}

/// Judges a node as [`crate::verify`] and [`is_eligible`] do, and says why.
#[must_use]
pub fn explain(
    registry: Option<&RegistryFact>,
    telemetry: Option<&TelemetryFact>,
    standing: Standing,
    domain: &FailureDomain,
    rules: &Rules,
) -> Explanation {
    let failure = check(registry, telemetry, rules).err();
    let status = failure.as_ref().map_or(NodeStatus::Verified, Failure::status);
    let eligible = is_eligible(status, standing, &domain.region, rules);
    let reason = match failure {
        Some(failure) => Reason::Unverified(failure),
        None if !standing.may_be_eligible() => Reason::Standing(standing),
        None => region_reason(&domain.region, rules),
    };
    Explanation { status, standing, eligible, reason }
}

fn region_reason(region: &str, rules: &Rules) -> Reason {
    if rules.allows(region) {
        return Reason::Eligible;
    }
    let region = String::from(region);
    if rules.denied_regions.contains(&region) {
        return Reason::RegionDenied { region };
    }
    Reason::RegionNotAllowed { region }
}
