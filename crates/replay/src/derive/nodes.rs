//! Who is verified, where nodes stand, and who is listed (RG-4 to RG-7).

use protocol::{
    Rules,
    node::{
        NodeStatus, RegistryFact,
        Standing::{
            self, Active, Degraded, Draining, Exited, Expelled, Probation, Quarantined, Revoked,
        },
        TelemetryFact,
    },
};

/// Schemes that verification accepts (RG-3).
const SCHEMES: [&str; 6] =
    ["Dilithium2", "Dilithium3", "Dilithium5", "ML-DSA-44", "ML-DSA-65", "ML-DSA-87"];

/// Result of the first check that fails (RG-4).
pub(crate) fn status(
    registry: Option<&RegistryFact>,
    telemetry: Option<&TelemetryFact>,
    rules: &Rules,
) -> NodeStatus {
    let entry = |fails: fn(&RegistryFact) -> bool| registry.is_some_and(fails);
    let reading = telemetry.and_then(|fact| fact.reading.as_ref());
    let unsupported = registry.is_some_and(|fact| !SCHEMES.contains(&fact.scheme.as_str()));
    let table = [
        (registry.is_none(), NodeStatus::NoRegistryEntry),
        (entry(|fact| fact.revoked), NodeStatus::Revoked),
        (entry(|fact| fact.key.is_none()), NodeStatus::NoPqcKey),
        (unsupported, NodeStatus::UnsupportedPqcScheme),
        (reading.is_none(), NodeStatus::TelemetryMalformed),
        (reading.is_some_and(|r| r.uptime_ratio < rules.min_uptime), NodeStatus::LowUptime),
        (reading.is_some_and(|r| r.health_score < rules.min_health), NodeStatus::Unhealthy),
        (reading.is_some_and(|r| r.conflict_detected), NodeStatus::TelemetryHashConflict),
    ];
    table.iter().find(|(fails, _)| *fails).map_or(NodeStatus::Verified, |(_, status)| *status)
}

/// floor(10 × uptime) of a verified node, 0 of any other (EC-3).
pub(crate) fn bucket(status: NodeStatus, telemetry: Option<&TelemetryFact>) -> u8 {
    let uptime = telemetry.and_then(|fact| fact.reading.as_ref()).map(|r| r.uptime_ratio.raw());
    match (status, uptime) {
        (NodeStatus::Verified, Some(uptime)) => uptime
            .saturating_mul(10)
            .checked_div(1_000_000_000_000_000_000)
            .and_then(|tenths| u8::try_from(tenths).ok())
            .unwrap_or(u8::MAX),
        _ => 0,
    }
}

/// What the closing of an epoch e says about a node (RG-6).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Observed {
    /// By the closing facts under the rules of e + 1.
    pub(crate) verified: bool,
    /// Named as revoked by the closing facts.
    pub(crate) revoked: bool,
    /// Failed proofs in the window.
    pub(crate) failures: u64,
    /// So many of them quarantine it; 0 for never.
    pub(crate) too_many: u64,
    /// e + 1 − since.
    pub(crate) age: u64,
    /// Epochs on probation.
    pub(crate) probation: u64,
    /// Whether a copy is assigned to it.
    pub(crate) holds: bool,
    /// What governance orders: EXPELLED, QUARANTINED, or PROBATION to reinstate it.
    pub(crate) order: Option<Standing>,
}

/// The standing in e + 1: the first line of RG-6 that applies.
pub(crate) fn next_standing(now: Standing, seen: &Observed) -> Standing {
    let ordered = |standing| seen.order == Some(standing);
    let sound = seen.verified && seen.failures == 0;
    let or = |good: bool, then: Standing, other: Standing| if good { then } else { other };
    let table = [
        (matches!(now, Expelled | Exited), now),
        (ordered(Expelled), Expelled),
        (now == Draining, or(seen.holds, Draining, Exited)),
        (ordered(Quarantined), Quarantined),
        (now == Quarantined && ordered(Probation), or(seen.revoked, Revoked, Probation)),
        (now == Quarantined, Quarantined),
        (seen.revoked, Revoked),
        (seen.too_many > 0 && seen.failures >= seen.too_many, Quarantined),
        (now == Revoked, Probation),
        (now == Probation, or(sound && seen.age >= seen.probation, Active, Probation)),
        (true, or(sound, Active, Degraded)),
    ];
    table.iter().find(|(applies, _)| *applies).map_or(now, |(_, standing)| *standing)
}

/// Whether a node is on the list of an epoch (RG-7).
pub(crate) fn is_listed(verified: bool, standing: Standing, region: &str, rules: &Rules) -> bool {
    let named = |regions: &[alloc::string::String]| regions.iter().any(|named| named == region);
    let allowed = rules.allowed_regions.is_empty() || named(&rules.allowed_regions);
    verified
        && !matches!(standing, Quarantined | Revoked | Draining | Exited | Expelled)
        && allowed
        && !named(&rules.denied_regions)
}

#[cfg(test)]
mod tests {
    use super::*;
    use aegis_registry::{
        eligibility::is_eligible,
        lifecycle::{Observation, Order, next},
        verify,
    };
    use proptest::prelude::*;
    use protocol::{Amount, Hash32, node::Reading, rules::Quarantine};

    proptest! {
        /// RP-6: both derivations of a status agree (RG-4), and of the bucket (EC-3).
        #[test]
        fn rp_6_status(
            named in any::<bool>(), revoked in any::<bool>(), key in any::<bool>(), scheme in 0usize..7,
            heard in 0u8..3, uptime in 0u64..=1000, health in 0u64..=1000, conflict in any::<bool>(),
            bounds in (0u64..=1000, 0u64..=1000),
        ) {
            let share = |thousandths: u64| Amount::from_raw(u128::from(thousandths) * 10u128.pow(15));
            let scheme = SCHEMES.get(scheme).copied().unwrap_or("RSA-2048").into();
            let registry = RegistryFact {
                node: 0, key: key.then_some(Hash32::ZERO), scheme, revoked, reason: Default::default(),
            };
            let reading = Reading {
                uptime_ratio: share(uptime), health_score: share(health), conflict_detected: conflict,
                latency_bands: Default::default(), error_count: None,
            };
            let telemetry = TelemetryFact { node: 0, reading: (heard == 2).then_some(reading) };
            let (registry, telemetry) =
                (named.then_some(&registry), (heard > 0).then_some(&telemetry));
            let rules = Rules { min_uptime: share(bounds.0), min_health: share(bounds.1), ..Rules::v13() };
            let ours = status(registry, telemetry, &rules);
            prop_assert_eq!(ours, verify(registry, telemetry, &rules));
            if ours == NodeStatus::Verified {
                prop_assert_eq!(bucket(ours, telemetry), token_state::uptime_bucket(share(uptime)));
            } else {
                prop_assert_eq!(bucket(ours, telemetry), 0);
            }
        }

        /// RP-6: both derivations of a standing agree (RG-6), and of the list (RG-7).
        #[test]
        fn rp_6_standing(
            now in 0usize..8, verified in any::<bool>(), revoked in any::<bool>(), failures in 0u64..4,
            bound in 0u32..4, age in 0u64..5, probation in 0u32..4, holds in any::<bool>(), order in 0u8..4,
            lists in (any::<bool>(), any::<bool>(), any::<bool>()),
        ) {
            let now = Standing::ALL[now];
            let orders = [None, Some((Order::Expel, Expelled)), Some((Order::Quarantine, Quarantined)),
                Some((Order::Reinstate, Probation))];
            let order = orders[usize::from(order)];
            let ours = next_standing(now, &Observed {
                verified, revoked, failures, too_many: u64::from(bound), age, probation: u64::from(probation),
                holds, order: order.map(|(_, standing)| standing),
            });
            prop_assert_eq!(ours, next(now, &Observation {
                verified, revoked, failures, epochs: age, holds_copies: holds, order: order.map(|(o, _)| o),
                quarantine: Quarantine { failures: bound, epochs: 3 }, probation_epochs: probation,
            }));
            let mut rules = Rules::v13();
            if lists.0 { rules.allowed_regions.push("eu".into()); }
            if lists.1 { rules.denied_regions.push("eu".into()); }
            let region = if lists.2 { "eu" } else { "" };
            let status = if verified { NodeStatus::Verified } else { NodeStatus::Unhealthy };
            prop_assert_eq!(
                is_listed(verified, ours, region, &rules), is_eligible(status, ours, region, &rules)
            );
        }
    }
}
