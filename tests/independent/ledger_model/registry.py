"""The registry (RG): snapshots, verification, standings, eligibility."""

import re
from dataclasses import dataclass

from qfs_reference import SCALE, Refused as NotJson, canonical_json, parse_json, sha3

from .codes import INTEGRITY_MISMATCH, INVALID_INPUT, Refused, refuse_if

SCHEMES = {
    "Dilithium2": 1_312,
    "ML-DSA-44": 1_312,
    "Dilithium3": 1_952,
    "ML-DSA-65": 1_952,
    "Dilithium5": 2_592,
    "ML-DSA-87": 2_592,
}
SPEAKING_SCHEMES = {"ML-DSA-44", "ML-DSA-65", "ML-DSA-87"}
MAX_TEXT = 64
MAX_BANDS = 256

VERIFIED = "VERIFIED"
NO_REGISTRY_ENTRY = "UNVERIFIED_NO_REGISTRY_ENTRY"
REVOKED_KEY = "UNVERIFIED_REVOKED"
NO_PQC_KEY = "UNVERIFIED_NO_PQC_KEY"
UNSUPPORTED_SCHEME = "UNVERIFIED_UNSUPPORTED_PQC_SCHEME"
TELEMETRY_MALFORMED = "UNVERIFIED_TELEMETRY_MALFORMED"
LOW_UPTIME = "UNVERIFIED_LOW_UPTIME"
UNHEALTHY = "UNVERIFIED_UNHEALTHY"
HASH_CONFLICT = "UNVERIFIED_TELEMETRY_HASH_CONFLICT"

PROBATION = "PROBATION"
ACTIVE = "ACTIVE"
DEGRADED = "DEGRADED"
QUARANTINED = "QUARANTINED"
REVOKED = "REVOKED"
DRAINING = "DRAINING"
EXITED = "EXITED"
EXPELLED = "EXPELLED"
MAY_HOLD = {PROBATION, ACTIVE, DEGRADED}
SILENT = {REVOKED, EXITED, EXPELLED}


@dataclass(frozen=True)
class RegistryFact:
    """RG-1, of one node."""

    has_key: bool
    scheme: str
    revoked: bool


@dataclass(frozen=True)
class Reading:
    """RG-2, of one node; what is inert is left out."""

    uptime: int
    health: int
    conflict: bool


@dataclass(frozen=True)
class TelemetryFact:
    """A telemetry record, with a reading if it was well-formed."""

    reading: object = None


# --- Snapshots ---------------------------------------------------------------------------------------


def _frame(text):
    try:
        snapshot = parse_json(text)
    except NotJson as error:
        raise Refused(INVALID_INPUT, str(error)) from None
    refuse_if(not isinstance(snapshot, dict), INVALID_INPUT, "a snapshot is an object")
    refuse_if(snapshot.get("schema_version") != "v1.0", INVALID_INPUT, "schema_version")
    refuse_if(not isinstance(snapshot.get("nodes"), dict), INVALID_INPUT, "nodes")
    return snapshot


def _registry_record(record):
    refuse_if(not isinstance(record, dict), INVALID_INPUT, "a node's record is an object")
    key, scheme = record.get("pqc_public_key"), record.get("pqc_scheme")
    refuse_if(not (key is None or isinstance(key, str)), INVALID_INPUT, "pqc_public_key")
    refuse_if(not isinstance(scheme, str) or len(scheme.encode()) > MAX_TEXT, INVALID_INPUT, "pqc_scheme")
    refuse_if(not isinstance(record.get("revoked"), bool), INVALID_INPUT, "revoked")
    reason = record.get("revocation_reason", "")
    if reason is not None:
        refuse_if(not isinstance(reason, str) or len(reason.encode()) > MAX_TEXT, INVALID_INPUT, "reason")
    return RegistryFact(bool(key), scheme, record["revoked"])


def read_registry(text, is_registered):
    """RG-1: the facts of the registered nodes that a snapshot names, by node id."""
    nodes = _frame(text)["nodes"]
    return {name: _registry_record(record) for name, record in nodes.items() if is_registered(name)}


def _ratio(text):
    if not isinstance(text, str):
        return None
    match = re.fullmatch(r"(0|1)(?:\.([0-9]{1,18}))?", text, re.ASCII)
    value = match and int(match[1]) * SCALE + int((match[2] or "").ljust(18, "0"))
    return value if match and value <= SCALE else None


def _reading(record):
    """RG-2: the reading of a record, or None where it has another form."""
    if not isinstance(record, dict):
        return None
    uptime, health = _ratio(record.get("uptime_ratio")), _ratio(record.get("health_score"))
    conflict, errors = record.get("conflict_detected"), record.get("error_count")
    if uptime is None or health is None or not isinstance(conflict, bool):
        return None
    if errors is not None and (isinstance(errors, bool) or not isinstance(errors, int) or errors < 0):
        return None
    if len(canonical_json(record.get("latency_bands")).encode()) > MAX_BANDS:
        return None
    return Reading(uptime, health, conflict)


def telemetry_hash(snapshot):
    """RG-2: H of the snapshot without its hash."""
    rest = {key: value for key, value in snapshot.items() if key != "telemetry_hash"}
    return sha3(canonical_json(rest).encode()).hex()


def read_telemetry(text, is_registered):
    """RG-2: the facts of the registered nodes that a snapshot names, by node id."""
    snapshot = _frame(text)
    refuse_if(not isinstance(snapshot.get("telemetry_hash"), str), INVALID_INPUT, "telemetry_hash")
    refuse_if(snapshot["telemetry_hash"] != telemetry_hash(snapshot), INTEGRITY_MISMATCH, "telemetry_hash")
    nodes = snapshot["nodes"]
    return {name: TelemetryFact(_reading(record)) for name, record in nodes.items() if is_registered(name)}


# --- Verification, standing, eligibility -------------------------------------------------------------


def verify(registry, telemetry, rules):
    """RG-4: the first failure."""
    if registry is None:
        return NO_REGISTRY_ENTRY
    if registry.revoked:
        return REVOKED_KEY
    if not registry.has_key:
        return NO_PQC_KEY
    if registry.scheme not in SCHEMES:
        return UNSUPPORTED_SCHEME
    if telemetry is None or telemetry.reading is None:
        return TELEMETRY_MALFORMED
    if telemetry.reading.uptime < rules.min_uptime:
        return LOW_UPTIME
    if telemetry.reading.health < rules.min_health:
        return UNHEALTHY
    return HASH_CONFLICT if telemetry.reading.conflict else VERIFIED


def uptime_bucket(telemetry):
    """EC-3; 0 without a reading."""
    return 10 * telemetry.reading.uptime // SCALE if telemetry and telemetry.reading else 0


@dataclass(frozen=True)
class Observation:
    """What the closing of an epoch knows of a node."""

    verified: bool
    revoked: bool
    failures: int
    epochs: int
    holds_copies: bool
    order: object
    quarantine_failures: int
    probation_epochs: int


def next_standing(standing, seen):
    """RG-6: the first line that applies."""
    table = (
        (standing in (EXPELLED, EXITED), lambda: standing),
        (seen.order == "expel", lambda: EXPELLED),
        (standing == DRAINING, lambda: DRAINING if seen.holds_copies else EXITED),
        (seen.order == "quarantine", lambda: QUARANTINED),
        (standing == QUARANTINED and seen.order == "reinstate", lambda: REVOKED if seen.revoked else PROBATION),
        (standing == QUARANTINED, lambda: QUARANTINED),
        (seen.revoked, lambda: REVOKED),
        (0 < seen.quarantine_failures <= seen.failures, lambda: QUARANTINED),
        (standing == REVOKED, lambda: PROBATION),
        (standing == PROBATION, lambda: _after_probation(seen)),
        (True, lambda: ACTIVE if seen.verified and seen.failures == 0 else DEGRADED),
    )
    return next(outcome() for applies, outcome in table if applies)


def _after_probation(seen):
    served = seen.epochs >= seen.probation_epochs
    return ACTIVE if seen.verified and seen.failures == 0 and served else PROBATION


def region_is_allowed(region, rules):
    allowed = not rules.allowed_regions or region in rules.allowed_regions
    return allowed and region not in rules.denied_regions


def is_eligible(status, standing, region, rules):
    """RG-7."""
    return status == VERIFIED and standing in MAY_HOLD and region_is_allowed(region, rules)
