//! Verification by the facts of an epoch: rule RG-4.

mod common;

use aegis_registry::{
    scheme::SCHEMES,
    verification::{Failure, check},
    verify,
};
use common::{entry, ratio, reading, registries, telemetries};
use protocol::{
    Rules,
    node::{NodeStatus, RegistryFact, TelemetryFact},
    rules::Rule,
    signature::Suite,
};

/// The published names, by number.
const NAMES: [&str; 9] = [
    "VERIFIED",
    "UNVERIFIED_NO_REGISTRY_ENTRY",
    "UNVERIFIED_REVOKED",
    "UNVERIFIED_NO_PQC_KEY",
    "UNVERIFIED_UNSUPPORTED_PQC_SCHEME",
    "UNVERIFIED_TELEMETRY_MALFORMED",
    "UNVERIFIED_LOW_UPTIME",
    "UNVERIFIED_UNHEALTHY",
    "UNVERIFIED_TELEMETRY_HASH_CONFLICT",
];

/// RG-3, GV-2: a scheme is a suite of the same name and key length, or one that cannot sign commands.
#[test]
fn rg_3_schemes_and_suites() {
    let with_suite = SCHEMES.iter().filter(|(name, len)| {
        Suite::from_name(name).is_some_and(|suite| suite.public_key_len() == *len)
    });
    let names: Vec<&str> = with_suite.map(|(name, _)| *name).collect();
    assert_eq!(names, ["ML-DSA-44", "ML-DSA-65", "ML-DSA-87"]);
    assert!(SCHEMES.iter().all(|(name, _)| {
        names.contains(name) || name.starts_with("Dilithium") && Suite::from_name(name).is_none()
    }));
}

/// RG-4: every status, with every later check failing as well where that is possible.
#[test]
fn rg_4_first_failure_wins() {
    let revoked = RegistryFact { revoked: true, key: None, ..entry() };
    let keyless = RegistryFact { key: None, scheme: "RSA".into(), ..entry() };
    let unsupported = RegistryFact { scheme: "RSA".into(), ..entry() };
    let malformed = TelemetryFact { node: 0, reading: None };
    let good = reading("0.9", "0.75", false);
    let table = [
        (Some(entry()), Some(good.clone()), 0),
        (None, Some(good), 1),
        (Some(revoked), None, 2),
        (Some(keyless), None, 3),
        (Some(unsupported), None, 4),
        (Some(entry()), None, 5),
        (Some(entry()), Some(malformed), 5),
        (Some(entry()), Some(reading("0.899999999999999999", "0", true)), 6),
        (Some(entry()), Some(reading("0.9", "0.749999999999999999", true)), 7),
        (Some(entry()), Some(reading("1", "1", true)), 8),
    ];
    for (registry, telemetry, number) in table {
        let status = verify(registry.as_ref(), telemetry.as_ref(), &Rules::v13());
        assert_eq!(status.name(), NAMES[number]);
    }
}

/// What each check of the table in RG-4 says by itself, in its order.
fn failed_checks(
    registry: Option<&RegistryFact>,
    telemetry: Option<&TelemetryFact>,
    rules: &Rules,
) -> [bool; 8] {
    let of_entry = |bad: fn(&RegistryFact) -> bool| registry.is_some_and(bad);
    let reading = telemetry.and_then(|fact| fact.reading.as_ref());
    [
        registry.is_none(),
        of_entry(|entry| entry.revoked),
        of_entry(|entry| entry.key.is_none()),
        of_entry(|entry| !SCHEMES.iter().any(|(name, _)| *name == entry.scheme)),
        reading.is_none(),
        reading.is_some_and(|reading| reading.uptime_ratio < rules.min_uptime),
        reading.is_some_and(|reading| reading.health_score < rules.min_health),
        reading.is_some_and(|reading| reading.conflict_detected),
    ]
}

/// RG-4: over every combination of facts, and rules from lax to strict, the first failing check is the status.
#[test]
fn rg_4_every_combination_of_facts() {
    let mut seen = [false; 9];
    for bounds in [("0.9", "0.75"), ("0", "0"), ("1", "1"), ("0.5", "0.1")] {
        let mut rules = Rules::v13();
        rules.set(&Rule::MinUptime(ratio(bounds.0)));
        rules.set(&Rule::MinHealth(ratio(bounds.1)));
        for registry in registries() {
            for telemetry in telemetries() {
                let (registry, telemetry) = (registry.as_ref(), telemetry.as_ref());
                let failed = failed_checks(registry, telemetry, &rules);
                let number = failed.iter().position(|failed| *failed).map_or(0, |at| at + 1);
                let status = verify(registry, telemetry, &rules);
                assert_eq!(status.name(), NAMES[number], "{registry:?} {telemetry:?} {rules:?}");
                seen[number] = true;
            }
        }
    }
    assert_eq!(seen, [true; 9], "each status came up");
}

/// RG-4: the bounds are those of the rules, and being at a bound is enough.
#[test]
fn rg_4_the_rules_give_the_bounds() {
    let fact = reading("0.5", "0.25", false);
    let status = |uptime: &str, health: &str| {
        let rules = Rules { min_uptime: ratio(uptime), min_health: ratio(health), ..Rules::v13() };
        verify(Some(&entry()), Some(&fact), &rules)
    };
    assert_eq!(status("0.5", "0.25"), NodeStatus::Verified);
    assert_eq!(status("0.500000000000000001", "0.25"), NodeStatus::LowUptime);
    assert_eq!(status("0.5", "0.250000000000000001"), NodeStatus::Unhealthy);
}

/// RG-9: a failure carries what was found and what was asked for.
#[test]
fn rg_9_failures_carry_value_and_bound() {
    let rules = Rules::v13();
    let failure = |registry: Option<&RegistryFact>, telemetry: Option<&TelemetryFact>| {
        check(registry, telemetry, &rules).unwrap_err()
    };
    let good = entry();
    let lost = RegistryFact { revoked: true, reason: "key lost".into(), ..entry() };
    assert_eq!(failure(Some(&lost), None), Failure::Revoked { reason: "key lost".into() });
    assert_eq!(failure(Some(&good), None), Failure::NoTelemetry);
    let malformed = TelemetryFact { node: 0, reading: None };
    assert_eq!(failure(Some(&good), Some(&malformed)), Failure::TelemetryMalformed);
    let low = Failure::LowUptime { uptime_ratio: ratio("0.85"), min_uptime: ratio("0.9") };
    assert_eq!(failure(Some(&good), Some(&reading("0.85", "1", false))), low);
    let ill = Failure::Unhealthy { health_score: ratio("0.5"), min_health: ratio("0.75") };
    assert_eq!(failure(Some(&good), Some(&reading("1", "0.5", false))), ill);
    assert_eq!(check(Some(&good), Some(&reading("1", "1", false)), &rules), Ok(()));
}
