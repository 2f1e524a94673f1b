"""Parameters (GV-5) and rules (RG-5): values, kinds, bounds, and the text that people write."""

import re
from dataclasses import dataclass, fields, replace

from qfs_reference import SCALE, Profile

from .codes import INVALID_INPUT, LIMIT, UNAUTHORIZED, refuse_if

MAX_REGIONS = 32
MAX_SCORERS = 16
MAX_REGION_BYTES = 64
MAX_QUARANTINE_EPOCHS = 16
FAILURE_DOMAINS = ("none", "operator", "asn", "region")


def share(text):
    """An amount that is written as a decimal, in units of 10^-18; a literal of this file."""
    whole, _, decimals = text.partition(".")
    return int(whole) * SCALE + int(decimals.ljust(18, "0") or "0")


def read_amount(text):
    """CM-11."""
    match = re.fullmatch(r"(0|[1-9][0-9]*)(?:\.([0-9]{1,18}))?", text, re.ASCII)
    refuse_if(not match, INVALID_INPUT, f"{text!r} is not an amount")
    value = int(match[1]) * SCALE + int((match[2] or "").ljust(18, "0"))
    refuse_if(value >= 2**128, INVALID_INPUT, "an amount has 128 bits")
    return value


@dataclass(frozen=True)
class Parameters:
    """GV-5, in the order of the numbers; amounts and shares in units of 10^-18."""

    profile: Profile = Profile(4, 0, 3)
    block_size: int = 262_144
    leaf_size: int = 4_096
    metadata_limit: int = 16_384
    fee_per_kib: int = 100 * SCALE
    fee_per_metadata_key: int = share("0.01")
    fee_metadata_keys: int = 99
    prepaid: bool = False
    pool_share: int = share("0.10")
    pool_cap: int = 1_000_000 * SCALE
    node_reward_cap: int = share("0.30")
    min_verified_nodes: int = 3
    audit_sample: int = 64
    probation_audit_factor: int = 2
    probation_epochs: int = 2
    quorum: int = share("0.66")
    emergency_quorum: int = share("0.80")
    voting_cap: int = share("0.25")
    min_nod_holders: int = 4
    voting_epochs: int = 2
    activation_delay: int = 2
    cooldown_epochs: int = 2
    operator_credit_cap: int = 10**12 * SCALE


IMMUTABLE = {"leaf_size", "voting_cap", "min_nod_holders"}

INTEGERS = {
    "block_size": (4_096, 2**24),
    "leaf_size": (4_096, 4_096),
    "metadata_limit": (256, 16_384),
    "fee_metadata_keys": (0, 1_000),
    "min_verified_nodes": (1, 400),
    "audit_sample": (1, 4_096),
    "probation_audit_factor": (1, 16),
    "probation_epochs": (0, 64),
    "min_nod_holders": (4, 4),
    "voting_epochs": (1, 16),
    "activation_delay": (2, 16),
    "cooldown_epochs": (0, 64),
}

AMOUNTS = {
    "fee_per_kib": (0, 10_000 * SCALE),
    "fee_per_metadata_key": (0, SCALE),
    "pool_share": (0, share("0.50")),
    "pool_cap": (0, 10**9 * SCALE),
    "node_reward_cap": (share("0.01"), share("0.50")),
    "quorum": (share("0.51"), share("0.90")),
    "emergency_quorum": (share("0.75"), share("0.95")),
    "voting_cap": (share("0.25"), share("0.25")),
    "operator_credit_cap": (0, 10**15 * SCALE),
}

NAMES = [field.name for field in fields(Parameters)]


def read_profile(text):
    """LA-4."""
    match = re.fullmatch(r"\(?(0|[1-9][0-9]*),(0|[1-9][0-9]*),(0|[1-9][0-9]*)\)?", text, re.ASCII)
    refuse_if(not match, INVALID_INPUT, f"{text!r} is not a profile")
    numbers = [int(part) for part in match.groups()]
    refuse_if(max(numbers) > 255, INVALID_INPUT, "a part of a profile has 8 bits")
    return Profile(*numbers)


def is_valid_profile(profile):
    """LA-1."""
    k, m, r = profile.data, profile.parity, profile.replicas
    return k >= 1 and k + m <= 64 and 1 <= r <= 4 and (m == 0 or r == 1)


def read_parameter(name, text):
    """The value of a parameter from its text: INVALID_INPUT for an unknown name or another kind."""
    refuse_if(name not in NAMES, INVALID_INPUT, f"no parameter {name!r}")
    if name == "profile":
        return read_profile(text)
    if name == "prepaid":
        refuse_if(text not in ("true", "false"), INVALID_INPUT, "true or false")
        return text == "true"
    if name in INTEGERS:
        refuse_if(not re.fullmatch(r"0|[1-9][0-9]*", text, re.ASCII), INVALID_INPUT, "a whole number")
        refuse_if(int(text) >= 2**64, INVALID_INPUT, "a number has 64 bits")
        return int(text)
    return read_amount(text)


def within_bounds(name, value):
    """Whether GV-5 allows the value."""
    if name == "profile":
        return is_valid_profile(value)
    if name == "prepaid":
        return True
    low, high = (INTEGERS.get(name) or AMOUNTS[name])
    return low <= value <= high and (name != "block_size" or value % 4_096 == 0)


def admit_parameter(name, value):
    """GV-3, 1."""
    refuse_if(name in IMMUTABLE, UNAUTHORIZED, f"{name} is immutable")
    refuse_if(not within_bounds(name, value), LIMIT, f"{name} is out of bounds")


@dataclass(frozen=True)
class Rules:
    """RG-5."""

    min_uptime: int = share("0.90")
    min_health: int = share("0.75")
    allowed_regions: tuple = ()
    denied_regions: tuple = ()
    failure_domain: str = "none"
    quarantine: tuple = (0, 3)
    scorers: tuple = ()


RULE_NAMES = [field.name for field in fields(Rules)]


def is_region(text):
    """A label of PR-2: 1 to 64 bytes without control characters."""
    return 1 <= len(text.encode()) <= MAX_REGION_BYTES and not any(
        ord(c) < 0x20 or 0x7F <= ord(c) < 0xA0 for c in text
    )


def _admit_list(values, most, key):
    refuse_if(len(values) > most, LIMIT, "a list is too long")
    sorted_unique = all(key(a) < key(b) for a, b in zip(values, values[1:]))
    refuse_if(not sorted_unique, INVALID_INPUT, "a list is sorted and unique")


def admit_rule(name, value):
    """RG-5, last paragraph."""
    refuse_if(name not in RULE_NAMES, INVALID_INPUT, f"no rule {name!r}")
    if name in ("min_uptime", "min_health"):
        refuse_if(value > SCALE, LIMIT, f"{name} is at most 1")
    elif name in ("allowed_regions", "denied_regions"):
        _admit_list(value, MAX_REGIONS, str.encode)
        refuse_if(not all(map(is_region, value)), INVALID_INPUT, "a region is a label")
    elif name == "failure_domain":
        refuse_if(value not in FAILURE_DOMAINS, INVALID_INPUT, "none, operator, asn or region")
    elif name == "quarantine":
        refuse_if(not 1 <= value[1] <= MAX_QUARANTINE_EPOCHS, LIMIT, "epochs are 1 to 16")
    elif name == "scorers":
        _admit_list(value, MAX_SCORERS, lambda account: account)


def with_value(holder, name, value):
    """Parameters or rules with one value changed."""
    return replace(holder, **{name: value})
