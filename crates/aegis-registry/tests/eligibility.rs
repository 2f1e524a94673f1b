//! Who is eligible, and the reasons given to people: rules RG-7 and RG-9.

mod common;

use aegis_registry::{
    eligibility::{Reason, explain, is_eligible},
    verify,
};
use common::{entry, reading, registries, telemetries};
use protocol::{
    Rules,
    node::{
        FailureDomain,
        NodeStatus::{self, Unhealthy, Verified},
        RegistryFact, Standing, TelemetryFact,
    },
};

fn rules(allowed: &[&str], denied: &[&str]) -> Rules {
    let list = |regions: &[&str]| regions.iter().map(|region| String::from(*region)).collect();
    Rules { allowed_regions: list(allowed), denied_regions: list(denied), ..Rules::v13() }
}

fn within(region: &str) -> FailureDomain {
    FailureDomain { region: region.into(), ..FailureDomain::default() }
}

/// RG-7: status, standing and region are all needed.
#[test]
fn rg_7_three_conditions() {
    for standing in Standing::ALL {
        use Standing::{Active, Degraded, Probation};
        let standing_allows = [Probation, Active, Degraded].contains(standing);
        assert_eq!(is_eligible(Verified, *standing, "", &Rules::v13()), standing_allows);
        assert!(!is_eligible(Unhealthy, *standing, "", &Rules::v13()), "{standing}");
    }
    let table = [
        (rules(&[], &[]), ["eu", "us", ""], [true, true, true]),
        (rules(&["eu"], &[]), ["eu", "us", ""], [true, false, false]),
        (rules(&[], &["eu"]), ["eu", "us", ""], [false, true, true]),
        (rules(&["eu", "us"], &["eu"]), ["eu", "us", ""], [false, true, false]),
    ];
    for (rules, regions, expected) in table {
        let eligible =
            regions.map(|region| is_eligible(Verified, Standing::Active, region, &rules));
        assert_eq!(eligible, expected, "{rules:?}");
    }
}

/// RG-9: over every combination, what is explained is what is decided, and "eligible" comes with no other reason.
#[test]
fn rg_9_an_explanation_agrees_with_the_decision() {
    let mut eligible = 0;
    for rules in [rules(&[], &[]), rules(&["eu"], &[]), rules(&["eu"], &["eu"])] {
        for (registry, telemetry) in
            registries().iter().flat_map(|r| telemetries().into_iter().map(move |t| (r, t)))
        {
            let (registry, telemetry) = (registry.as_ref(), telemetry.as_ref());
            let status = verify(registry, telemetry, &rules);
            for (standing, region) in
                Standing::ALL.iter().flat_map(|s| ["", "eu", "us"].map(|region| (*s, region)))
            {
                let told = explain(registry, telemetry, standing, &within(region), &rules);
                assert_eq!((told.status, told.standing), (status, standing));
                assert_eq!(told.eligible, is_eligible(status, standing, region, &rules));
                assert_eq!(told.eligible, told.reason == Reason::Eligible, "{told:?}");
                let unverified = matches!(told.reason, Reason::Unverified(_));
                assert_eq!(unverified, status != NodeStatus::Verified, "verification comes first");
                eligible += u32::from(told.eligible);
            }
        }
    }
    assert!(eligible > 0);
}

fn sentence(
    registry: Option<RegistryFact>,
    telemetry: Option<TelemetryFact>,
    (standing, region, rules): (Standing, &str, Rules),
) -> String {
    explain(registry.as_ref(), telemetry.as_ref(), standing, &within(region), &rules)
        .reason
        .to_string()
}

/// RG-9: the words for each reason that the facts give.
#[test]
fn rg_9_sentences_about_facts() {
    let rest = || (Standing::Expelled, "mars", rules(&["eu"], &[]));
    let good = || Some(reading("1", "1", false));
    let say = |registry, telemetry| sentence(registry, telemetry, rest());
    let revoked = |reason: &str| RegistryFact { revoked: true, reason: reason.into(), ..entry() };
    let table = [
        (say(None, good()), "the registry does not name the node"),
        (
            say(Some(revoked("key\nlost")), good()),
            r#"the registry says that the node is revoked: "key\nlost""#,
        ),
        (
            say(Some(revoked("")), good()),
            "the registry says that the node is revoked, without a reason",
        ),
        (
            say(Some(RegistryFact { key: None, ..entry() }), good()),
            "the registry has no pqc_public_key for the node",
        ),
        (
            say(Some(RegistryFact { scheme: "RSA".into(), ..entry() }), good()),
            r#"pqc_scheme "RSA" is none of the supported ones"#,
        ),
        (say(Some(entry()), None), "there is no telemetry for the node"),
        (
            say(Some(entry()), Some(TelemetryFact { node: 0, reading: None })),
            "the telemetry of the node is malformed",
        ),
        (
            say(Some(entry()), Some(reading("0.85", "1", false))),
            "uptime_ratio 0.850000000000000000 is below min_uptime 0.900000000000000000",
        ),
        (
            say(Some(entry()), Some(reading("1", "0.7", false))),
            "health_score 0.700000000000000000 is below min_health 0.750000000000000000",
        ),
        (
            say(Some(entry()), Some(reading("1", "1", true))),
            "conflict_detected: observers disagree about the node's telemetry",
        ),
    ];
    for (said, expected) in table {
        assert_eq!(said, expected);
    }
}

/// RG-9: the words for a verified node: standing before region.
#[test]
fn rg_9_sentences_about_standing_and_region() {
    use Standing::{Active, Draining};
    let say = |rest| sentence(Some(entry()), Some(reading("1", "1", false)), rest);
    let table = [
        ((Draining, "us", rules(&["eu"], &[])), "a node that is DRAINING is not eligible"),
        ((Active, "us", rules(&["eu"], &[])), r#"region "us" is not in allowed_regions"#),
        (
            (Active, "", rules(&["eu"], &[])),
            "the node declared no region, and only allowed_regions are eligible",
        ),
        ((Active, "us", rules(&["us"], &["us"])), r#"region "us" is in denied_regions"#),
        ((Active, "us", rules(&["us"], &["eu"])), "every check is passed"),
    ];
    for (rest, expected) in table {
        assert_eq!(say(rest), expected);
    }
}
