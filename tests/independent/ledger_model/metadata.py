"""Metadata (PR-6) and names (PR-2): what is refused before the ledger is asked."""

import re

import qfs_reference as qfs

from .codes import INVALID_INPUT, LIMIT, Refused, refuse_if
from .parameters import MAX_REGIONS, is_region

STUB_KEYS = {"node_id", "proof_result", "latency_band", "at_epoch"}


def _is_text(value):
    return isinstance(value, str) and 1 <= len(value.encode()) <= 64


def _is_whole(value, most=qfs.MAX_JSON_INTEGER):
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= most


def _is_integer(value):
    return isinstance(value, int) and not isinstance(value, bool)


def _ascending(values):
    return all(a.encode() < b.encode() for a, b in zip(values, values[1:]))


def _are_tags(value):
    return (
        isinstance(value, list)
        and all(_is_text(tag) and tag == tag.strip() for tag in value)
        and _ascending(value)
    )


def _are_fee_events(value):
    return isinstance(value, list) and len(value) <= 64 and all(_is_text(e) or _is_integer(e) for e in value)


def _is_stub(value):
    return (
        isinstance(value, dict)
        and set(value) <= STUB_KEYS
        and not any(isinstance(member, (list, dict)) for member in value.values())
        and ("at_epoch" not in value or _is_whole(value["at_epoch"]))
    )


def _is_fence(value):
    if isinstance(value, str):
        return is_region(value)
    return (
        isinstance(value, list)
        and 1 <= len(value) <= MAX_REGIONS
        and all(isinstance(region, str) and is_region(region) for region in value)
        and _ascending(value)
    )


def _is_placement(value):
    return isinstance(value, dict) and ("region" not in value or _is_fence(value["region"]))


TYPES = {
    "author_node_id": _is_text,
    "created_at_tick": _is_whole,
    "tags": _are_tags,
    "openagi_score": lambda value: _is_whole(value, 1_000_000),
    "atr_fee_events": _are_fee_events,
    "aegis_telemetry_stub": _is_stub,
    "placement.region": _is_fence,
    "placement": _is_placement,
}


def _normalised(value):
    """What the client puts in order before the ledger looks: tags, trimmed, sorted and unique."""
    tags = value.get("tags")
    if isinstance(tags, list) and all(isinstance(tag, str) for tag in tags):
        value["tags"] = sorted({tag.strip() for tag in tags}, key=str.encode)
    return value


def read(text, limit):
    """The value of a client's metadata and its canonical text."""
    try:
        value = qfs.parse_json(text)
    except qfs.Refused as error:
        raise Refused(INVALID_INPUT, str(error)) from None
    value = _normalised(value) if isinstance(value, dict) else value
    try:
        canonical = qfs.canonical_json(value)
    except qfs.Refused as error:
        raise Refused(INVALID_INPUT, str(error)) from None
    refuse_if(len(canonical.encode()) > limit, LIMIT, "metadata is too long")
    refuse_if(not isinstance(value, dict), INVALID_INPUT, "metadata is an object")
    for key, is_valid in TYPES.items():
        refuse_if(key in value and not is_valid(value[key]), INVALID_INPUT, f"metadata {key}")
    both = "placement.region" in value and "region" in (value.get("placement") or {})
    refuse_if(both, INVALID_INPUT, "two fences")
    return value, canonical


def require_object_id(text):
    refuse_if(text == "" or "\0" in text, INVALID_INPUT, "object id")
    refuse_if(len(text.encode()) > qfs.MAX_OBJECT_ID_BYTES, LIMIT, "object id")


def require_node_id(text):
    valid = re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}", text, re.ASCII)
    refuse_if(not valid, INVALID_INPUT, "node id")


def require_label(text):
    """The region or operator of a node: a label, or nothing."""
    refuse_if(text != "" and not is_region(text), INVALID_INPUT, "label")
