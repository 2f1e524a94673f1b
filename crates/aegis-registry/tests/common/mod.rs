//! Facts about one node, good unless said otherwise.

use certified_math::BigNum128;
use protocol::{
    Amount, Hash32,
    node::{Reading, RegistryFact, TelemetryFact},
};

pub fn ratio(text: &str) -> Amount {
    Amount(BigNum128::parse(text).unwrap())
}

pub fn entry() -> RegistryFact {
    RegistryFact {
        node: 0,
        key: Some(Hash32::ZERO),
        scheme: "ML-DSA-44".into(),
        revoked: false,
        reason: String::new(),
    }
}

pub fn reading(uptime: &str, health: &str, conflict_detected: bool) -> TelemetryFact {
    let reading = Reading {
        uptime_ratio: ratio(uptime),
        health_score: ratio(health),
        conflict_detected,
        latency_bands: String::new(),
        error_count: None,
    };
    TelemetryFact { node: 0, reading: Some(reading) }
}

/// Registry facts with every combination of what RG-4 looks at.
pub fn registries() -> Vec<Option<RegistryFact>> {
    let mut all = vec![None];
    for revoked in [false, true] {
        for key in [Some(Hash32::ZERO), None] {
            for scheme in ["ML-DSA-44", "RSA"] {
                all.push(Some(RegistryFact { revoked, key, scheme: scheme.into(), ..entry() }));
            }
        }
    }
    all
}

/// Telemetry facts with every combination of what RG-4 looks at, at and beside the bounds of v13.
pub fn telemetries() -> Vec<Option<TelemetryFact>> {
    let mut all = vec![None, Some(TelemetryFact { node: 0, reading: None })];
    for uptime in ["0", "0.899999999999999999", "0.9", "1"] {
        for health in ["0", "0.749999999999999999", "0.75", "1"] {
            for conflict in [false, true] {
                all.push(Some(reading(uptime, health, conflict)));
            }
        }
    }
    all
}
