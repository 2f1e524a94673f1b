//! The facts of a command that closes an epoch: rule RG-2.

use aegis_registry::Facts;
use certified_math::BigNum128;
use protocol::{
    Amount, Hash32, Refusal,
    command::AdvanceEpoch,
    error::ErrorCode,
    limits::{MAX_LABEL_BYTES, MAX_LATENCY_BANDS_BYTES},
    node::{Reading, RegistryFact, TelemetryFact},
};

const ONE: u128 = BigNum128::ONE.raw();

/// Nodes that the ledger has registered.
const REGISTERED: u32 = 10;

fn registry_fact(node: u32) -> RegistryFact {
    RegistryFact {
        node,
        key: Some(Hash32::of(&node.to_be_bytes())),
        scheme: "ML-DSA-44".into(),
        revoked: false,
        reason: String::new(),
    }
}

fn telemetry_fact(node: u32) -> TelemetryFact {
    let reading = Reading {
        uptime_ratio: Amount::from_raw(ONE),
        health_score: Amount::from_raw(ONE),
        conflict_detected: false,
        latency_bands: String::new(),
        error_count: None,
    };
    TelemetryFact { node, reading: Some(reading) }
}

fn command(registry: &[u32], telemetry: &[u32]) -> AdvanceEpoch {
    AdvanceEpoch {
        closes: 1,
        registry_hash: Hash32::ZERO,
        registry: registry.iter().copied().map(registry_fact).collect(),
        telemetry_hash: Hash32::ZERO,
        telemetry: telemetry.iter().copied().map(telemetry_fact).collect(),
    }
}

fn verdict(advance: &AdvanceEpoch) -> Result<(), Refusal> {
    Facts::checked(advance, REGISTERED).map(drop)
}

/// The verdict on a good reading after `change`.
fn verdict_on_reading(change: impl FnOnce(&mut Reading)) -> Result<(), Refusal> {
    let mut advance = command(&[], &[3]);
    change(advance.telemetry[0].reading.as_mut().unwrap());
    verdict(&advance)
}

#[test]
fn rg_2_numbers_ascend_once_each_and_are_registered() {
    for good in [&[][..], &[0], &[9], &[0, 9], &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]] {
        assert_eq!(verdict(&command(good, good)), Ok(()), "{good:?}");
    }
    for bad in [&[10][..], &[u32::MAX], &[0, 10], &[1, 0], &[1, 1], &[0, 2, 2], &[0, 3, 2, 9]] {
        for advance in [command(bad, &[]), command(&[], bad), command(&[0, 1], bad)] {
            let refusal = verdict(&advance).unwrap_err();
            assert_eq!(refusal.code, ErrorCode::InvalidInput);
            assert!(refusal.detail.contains("ascending number"), "{bad:?}: {refusal}");
        }
    }
    assert!(Facts::checked(&command(&[], &[]), 0).is_ok());
    assert!(Facts::checked(&command(&[0], &[]), 0).is_err());
}

#[test]
fn rg_2_labels_end_at_their_bound() {
    let labels: [fn(&mut RegistryFact) -> &mut String; 2] =
        [|fact| &mut fact.scheme, |fact| &mut fact.reason];
    for label in labels {
        for (length, fits) in [(0, true), (MAX_LABEL_BYTES, true), (MAX_LABEL_BYTES + 1, false)] {
            let mut advance = command(&[1, 2], &[]);
            *label(&mut advance.registry[1]) = "x".repeat(length);
            let refused = verdict(&advance).err().map(|refusal| refusal.code);
            assert_eq!(refused, (!fits).then_some(ErrorCode::InvalidInput), "{length} bytes");
        }
    }
}

#[test]
fn rg_2_ratios_are_at_most_one() {
    let ratios: [fn(&mut Reading) -> &mut Amount; 2] =
        [|reading| &mut reading.uptime_ratio, |reading| &mut reading.health_score];
    for ratio in ratios {
        for (raw, fits) in [(0, true), (ONE, true), (ONE + 1, false), (u128::MAX, false)] {
            let verdict = verdict_on_reading(|reading| *ratio(reading) = Amount::from_raw(raw));
            assert_eq!(verdict.is_ok(), fits, "{raw}");
        }
    }
}

#[test]
fn rg_2_latency_bands_are_short_canonical_json() {
    let text = |length: usize| format!("\"{}\"", "x".repeat(length - 2));
    for good in ["", "{}", "7", r#"{"a":1,"b":[]}"#, &text(MAX_LATENCY_BANDS_BYTES)] {
        let verdict = verdict_on_reading(|reading| reading.latency_bands = good.into());
        assert_eq!(verdict, Ok(()), "{good:?}");
    }
    for bad in [" ", "{ }", r#"{"b":1,"a":2}"#, "1.0", "no", &text(MAX_LATENCY_BANDS_BYTES + 1)] {
        let refusal = verdict_on_reading(|reading| reading.latency_bands = bad.into()).unwrap_err();
        assert_eq!(refusal.code, ErrorCode::InvalidInput, "{bad:?}");
        assert!(refusal.detail.contains("canonical JSON"), "{refusal}");
    }
}

/// A record without a reading is a fact about the node, not a fault of the command.
#[test]
fn rg_2_a_fact_may_have_no_reading() {
    let mut advance = command(&[], &[3]);
    advance.telemetry[0].reading = None;
    assert_eq!(verdict(&advance), Ok(()));
}

#[test]
fn facts_are_found_by_number() {
    let advance = command(&[1, 4, 7], &[0, 4]);
    let facts = Facts::checked(&advance, REGISTERED).unwrap();
    for node in 0..=REGISTERED {
        let registry = facts.registry(node).map(|fact| fact.node);
        assert_eq!(registry, [1, 4, 7].contains(&node).then_some(node));
        let telemetry = facts.telemetry(node).map(|fact| fact.node);
        assert_eq!(telemetry, [0, 4].contains(&node).then_some(node));
    }
}
