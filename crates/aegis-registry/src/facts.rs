//! The facts that close an epoch, as the command carries them.

use protocol::{
    Refusal,
    command::AdvanceEpoch,
    error::ErrorCode,
    json,
    limits::{MAX_LABEL_BYTES, MAX_LATENCY_BANDS_BYTES},
    node::{NodeNumber, Reading, RegistryFact, TelemetryFact},
};

use certified_math::BigNum128;

/// Facts by node number.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    registry: &'a [RegistryFact],
    telemetry: &'a [TelemetryFact],
}

impl<'a> Facts<'a> {
    /// The facts of a command, after checking their shape: ascending, unique, registered nodes; bounded
    /// texts; ratios of 0 to 1 (RG-2).
    ///
    /// # Errors
    /// `SE_ERR_INVALID_INPUT` with what is wrong.
    pub fn checked(advance: &'a AdvanceEpoch, nodes: u32) -> Result<Self, Refusal> {
        if !is_ascending(advance.registry.iter().map(|fact| fact.node), nodes)
            || !is_ascending(advance.telemetry.iter().map(|fact| fact.node), nodes)
        {
            return invalid("facts name registered nodes once each, by ascending number");
        }
        let short = |text: &str| text.len() <= MAX_LABEL_BYTES;
        if !advance.registry.iter().all(|fact| short(&fact.scheme) && short(&fact.reason)) {
            return invalid("schemes and revocation reasons have at most 64 bytes");
        }
        let readings = advance.telemetry.iter().filter_map(|fact| fact.reading.as_ref());
        if !readings.into_iter().all(is_well_formed) {
            return invalid("ratios are 0 to 1, latency bands canonical JSON of at most 256 bytes");
        }
        Ok(Self { registry: &advance.registry, telemetry: &advance.telemetry })
    }

    /// What the registry snapshot says of `node`.
    #[must_use]
    pub fn registry(&self, node: NodeNumber) -> Option<&'a RegistryFact> {
        let at = self.registry.binary_search_by_key(&node, |fact| fact.node).ok()?;
        self.registry.get(at)
    }

    /// What the telemetry snapshot says of `node`.
    #[must_use]
    pub fn telemetry(&self, node: NodeNumber) -> Option<&'a TelemetryFact> {
        let at = self.telemetry.binary_search_by_key(&node, |fact| fact.node).ok()?;
        self.telemetry.get(at)
    }
}

fn is_ascending(numbers: impl Iterator<Item = NodeNumber> + Clone, nodes: u32) -> bool {
    numbers.clone().is_sorted_by(|a, b| a < b) && numbers.last().is_none_or(|last| last < nodes)
}

fn is_well_formed(reading: &Reading) -> bool {
    let ratio = |amount: protocol::Amount| amount.0 <= BigNum128::ONE;
    let bands = reading.latency_bands.as_bytes();
    ratio(reading.uptime_ratio)
        && ratio(reading.health_score)
        && bands.len() <= MAX_LATENCY_BANDS_BYTES
        && (bands.is_empty() || json::parse_canonical(bands).is_ok())
}

fn invalid<T>(detail: &'static str) -> Result<T, Refusal> {
    Err(Refusal::new(ErrorCode::InvalidInput, detail))
}
