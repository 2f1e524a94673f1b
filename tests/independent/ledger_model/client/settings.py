"""Parameters and rules as people write them on the command line."""

import re

import qfs_reference as qfs

from .. import parameters
from ..codes import INVALID_INPUT, Refused, refuse_if

PROFILES = {
    "qfs-v13": (4, 0, 3), "v13": (4, 0, 3), "default": (4, 0, 3),
    "ec-16-6": (16, 6, 1), "ec-16-6-1": (16, 6, 1), "ec-10-5": (10, 5, 1), "ec-10-5-1": (10, 5, 1),
}


def read_setting(name, text):
    """A parameter's value of its kind. A profile outside of LA-1 cannot be written."""
    if name == "profile" and text.lower() in PROFILES:
        return qfs.Profile(*PROFILES[text.lower()])
    value = parameters.read_parameter(name, text)
    unwritable = name == "profile" and not parameters.is_valid_profile(value)
    refuse_if(unwritable, INVALID_INPUT, "no profile")
    return value


def _items(text):
    return tuple(sorted({part.strip() for part in text.split(",")}, key=str.encode)) if text.strip() else ()


def _quarantine(text):
    match = re.fullmatch(r"([0-9]+)/([0-9]+)", text, re.ASCII)
    refuse_if(not match or max(map(int, match.groups())) >= 2**32, INVALID_INPUT, "failures/epochs")
    return int(match[1]), int(match[2])


def _account(text):
    """An account; the model knows that of the operator and the scorer by their words."""
    if text in ("operator", "scorer") or re.fullmatch("[0-9a-f]{64}", text):
        return text
    raise Refused(INVALID_INPUT, f"{text!r} is no account")


read_account = _account


def _choice(text):
    refuse_if(text not in parameters.FAILURE_DOMAINS, INVALID_INPUT, "none, operator, asn or region")
    return text


def read_rule(name, text):
    """A rule's value: decimals, lists with commas (sorted, each once), `failures/epochs`."""
    refuse_if(name not in parameters.RULE_NAMES, INVALID_INPUT, f"no rule {name!r}")
    readers = {
        "min_uptime": parameters.read_amount,
        "min_health": parameters.read_amount,
        "allowed_regions": _items,
        "denied_regions": _items,
        "failure_domain": _choice,
        "quarantine": _quarantine,
        "scorers": lambda value: tuple(_account(one) for one in _items(value)),
    }
    return readers[name](text)


def show_setting(name, value):
    """A parameter's value in a document."""
    if name == "profile":
        return f"({value.data},{value.parity},{value.replicas})"
    return qfs.format_amount(value) if name in parameters.AMOUNTS else value


def show_rule(name, value, account):
    """A rule's value in a document; `account` gives the digits of an account."""
    if name in ("min_uptime", "min_health"):
        return qfs.format_amount(value)
    if name == "quarantine":
        return {"failures": value[0], "epochs": value[1]}
    if name == "scorers":
        return sorted(map(account, value), key=str)
    return list(value) if isinstance(value, tuple) else value
