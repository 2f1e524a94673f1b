//! Verification of a node by the facts of an epoch (RG-4).

use protocol::{
    Parameters,
    node::{NodeStatus, RegistryFact, TelemetryFact},
};

use crate::scheme::public_key_len;

/// The first check that fails, or `Verified`. The order is part of the contract.
#[must_use]
pub fn verify(
    registry: Option<&RegistryFact>,
    telemetry: Option<&TelemetryFact>,
    parameters: &Parameters,
) -> NodeStatus {
    let Some(entry) = registry else {
        return NodeStatus::NoRegistryEntry;
    };
    if entry.revoked {
        return NodeStatus::Revoked;
    }
    if entry.key.is_none() {
        return NodeStatus::NoPqcKey;
    }
    if public_key_len(&entry.scheme).is_none() {
        return NodeStatus::UnsupportedPqcScheme;
    }
    let Some(reading) = telemetry.and_then(|fact| fact.reading.as_ref()) else {
        return NodeStatus::TelemetryMalformed;
    };
    if reading.uptime_ratio < parameters.min_uptime {
        return NodeStatus::LowUptime;
    }
    if reading.health_score < parameters.min_health {
        return NodeStatus::Unhealthy;
    }
    if reading.conflict_detected {
        return NodeStatus::TelemetryHashConflict;
    }
    NodeStatus::Verified
}

#[cfg(test)]
mod tests {
    use super::*;
    use certified_math::BigNum128;
    use protocol::{Amount, Hash32, Profile, node::Reading};

    fn entry() -> RegistryFact {
        RegistryFact {
            node: 0,
            key: Some(Hash32::ZERO),
            scheme: "ML-DSA-44".into(),
            revoked: false,
            reason: "".into(),
        }
    }

    fn reading(uptime: &str, health: &str, conflict_detected: bool) -> TelemetryFact {
        let ratio = |text| Amount(BigNum128::parse(text).unwrap());
        let reading = Reading {
            uptime_ratio: ratio(uptime),
            health_score: ratio(health),
            conflict_detected,
            latency_bands: "".into(),
            error_count: None,
        };
        TelemetryFact { node: 0, reading: Some(reading) }
    }

    /// RG-4: every status, and that an earlier check hides a later one.
    #[test]
    fn rg_4_first_failure_wins() {
        let revoked = RegistryFact { revoked: true, key: None, ..entry() };
        let keyless = RegistryFact { key: None, scheme: "RSA".into(), ..entry() };
        let unsupported = RegistryFact { scheme: "RSA".into(), ..entry() };
        let malformed = TelemetryFact { node: 0, reading: None };
        let good = reading("0.9", "0.75", false);
        let table = [
            (None, Some(good.clone()), "UNVERIFIED_NO_REGISTRY_ENTRY"),
            (Some(revoked), None, "UNVERIFIED_REVOKED"),
            (Some(keyless), None, "UNVERIFIED_NO_PQC_KEY"),
            (Some(unsupported), None, "UNVERIFIED_UNSUPPORTED_PQC_SCHEME"),
            (Some(entry()), None, "UNVERIFIED_TELEMETRY_MALFORMED"),
            (Some(entry()), Some(malformed), "UNVERIFIED_TELEMETRY_MALFORMED"),
            (
                Some(entry()),
                Some(reading("0.899999999999999999", "0", true)),
                "UNVERIFIED_LOW_UPTIME",
            ),
            (
                Some(entry()),
                Some(reading("0.9", "0.749999999999999999", true)),
                "UNVERIFIED_UNHEALTHY",
            ),
            (Some(entry()), Some(reading("1", "1", true)), "UNVERIFIED_TELEMETRY_HASH_CONFLICT"),
            (Some(entry()), Some(good), "VERIFIED"),
        ];
        let parameters = Parameters::v13(Profile::QFS_V13);
        for (registry, telemetry, expected) in table {
            let status = verify(registry.as_ref(), telemetry.as_ref(), &parameters);
            assert_eq!(status.name(), expected);
        }
    }
}
