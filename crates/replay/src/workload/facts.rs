//! What the snapshots of an epoch say: in each epoch other nodes fail verification, for another reason.

use protocol::{
    Amount, Hash32, canonical,
    command::AdvanceEpoch,
    node::{NodeNumber, Reading, RegistryFact, TelemetryFact},
};
use storage_engine::state::records::NodeRecord;

use super::rng::Rng;

const ONE: u128 = 1_000_000_000_000_000_000;

/// Epochs whose snapshots verify two nodes only: nothing is paid, and nothing can be stored afterwards.
const DARK_EPOCH: u64 = 7;

/// Reasons not to be verified.
const FAULTS: u64 = 8;

/// The facts that close `epoch`.
pub(super) fn closing(rng: &mut Rng, epoch: u64, nodes: &[NodeRecord]) -> AdvanceEpoch {
    let count = u64::try_from(nodes.len()).unwrap_or(0);
    let unlucky =
        |shift: u64| epoch.wrapping_mul(5).wrapping_add(shift).checked_rem(count).unwrap_or(0);
    let (first, second) = (unlucky(0), unlucky(3));
    let mut advance = AdvanceEpoch {
        closes: epoch,
        registry_hash: Hash32::ZERO,
        registry: Default::default(),
        telemetry_hash: Hash32::ZERO,
        telemetry: Default::default(),
    };
    for (number, node) in (0..).zip(nodes) {
        let at = u64::from(number);
        let fault = if at == first {
            Some(epoch)
        } else if at == second {
            Some(epoch.wrapping_add(3))
        } else if epoch == DARK_EPOCH && at >= 2 {
            Some(epoch.wrapping_add(at))
        } else {
            None
        };
        let fault = fault.and_then(|fault| fault.checked_rem(FAULTS));
        advance.registry.extend(registry(number, node, fault));
        advance.telemetry.extend(telemetry(rng, number, fault));
    }
    advance.registry_hash = Hash32::of(&canonical::encode(&advance.registry));
    advance.telemetry_hash = Hash32::of(&canonical::encode(&advance.telemetry));
    advance
}

fn registry(number: NodeNumber, node: &NodeRecord, fault: Option<u64>) -> Option<RegistryFact> {
    let fact = RegistryFact {
        node: number,
        key: Some(node.key_hash),
        scheme: node.scheme.clone(),
        revoked: false,
        reason: Default::default(),
    };
    match fault {
        Some(0) => None,
        Some(1) => Some(RegistryFact { revoked: true, reason: "key lost".into(), ..fact }),
        Some(2) => Some(RegistryFact { key: None, ..fact }),
        Some(3) => Some(RegistryFact { scheme: "RSA-2048".into(), ..fact }),
        _ => Some(fact),
    }
}

fn telemetry(rng: &mut Rng, number: NodeNumber, fault: Option<u64>) -> Option<TelemetryFact> {
    let share = |rng: &mut Rng, least: u64, most: u64| {
        Amount::from_raw(u128::from(rng.between(least, most)).saturating_mul(ONE / 1_000))
    };
    let uptime = if fault == Some(5) {
        share(rng, 500, 899)
    } else if rng.one_in(3) {
        Amount::from_raw(ONE)
    } else {
        share(rng, 900, 999)
    };
    let health = if fault == Some(6) { share(rng, 100, 749) } else { share(rng, 750, 1_000) };
    let reading = Reading {
        uptime_ratio: uptime,
        health_score: health,
        conflict_detected: fault == Some(7),
        latency_bands: r#"{"p50":12,"p99":80}"#.into(),
        error_count: Some(rng.below(5)),
    };
    Some(TelemetryFact { node: number, reading: (fault != Some(4)).then_some(reading) })
}
