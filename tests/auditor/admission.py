"""What can be judged of a command without the state (PR-5, PR-6): codes of refusals, in their order."""

import re
from functools import singledispatch

from ledger_model import codes, metadata as model_metadata
from ledger_model.codes import INVALID_INPUT, INVALID_VERSION, LIMIT, UNAUTHORIZED, refuse_if
from ledger_model.parameters import AMOUNTS, IMMUTABLE, INTEGERS, is_region
from ledger_model.registry import SCHEMES
from qfs_reference import SCALE, Refused as NotJson, canonical_json, parse_json, sha3

from . import schema, signatures
from .notes import WHITE_SPACE

MAX_COMMAND = 64_479
MAX_NODES = 400
MAX_OBJECT_ID = 1_024
MAX_CONTENT = 2**56
MAX_METADATA = 16_384
MAX_SCORE = 1_000_000
MAX_ANSWERS = 256
MAX_PATH = 64
MAX_REGIONS = 32
MAX_SCORERS = 16
MAX_QUARANTINE_EPOCHS = 16
ROOT_OF_NOTHING = sha3(b"")
NUMBERS = list(schema.Parameters.FIELDS)


def admit(command, ledger_id):
    """Refuses a command as admission does. `ledger_id` is None as long as there is no ledger."""
    refuse_if(len(schema.Command.write(command)) > MAX_COMMAND, LIMIT, "command")
    _admit(command.action)
    if command.authorization is not None:
        _admit_signature(command, ledger_id)
    if isinstance(command.action, schema.RotateKeys):
        _admit_possession(command.action, ledger_id)


def _admit_signature(command, ledger_id):
    if ledger_id is None:
        refuse_if(not isinstance(command.action, schema.Genesis), codes.AEGIS_CONTEXT_MISSING, "no ledger")
        ledger_id = signatures.ledger_id(command.action)
    refuse_if(not signatures.command_holds(command, ledger_id), UNAUTHORIZED, "the signature does not hold")


def _admit_possession(rotation, ledger_id):
    """KY-4, 2."""
    refuse_if(ledger_id is None, codes.AEGIS_CONTEXT_MISSING, "no ledger")
    holds = signatures.rotation_holds(rotation, ledger_id, rotation.keys, rotation.possession)
    refuse_if(not holds, UNAUTHORIZED, "a signature of possession does not hold")


@singledispatch
def _admit(action):
    """Advance epoch, exit, vote, activate: nothing to judge."""


# --- Genesis and nodes -------------------------------------------------------------------------------


def _require_node_id(text):
    model_metadata.require_node_id(text)


def _require_domain(domain):
    model_metadata.require_label(domain.region)
    model_metadata.require_label(domain.operator)


@_admit.register
def _(action: schema.Genesis):
    name = re.fullmatch(r"[!-~]{1,128}", action.name, re.ASCII)
    refuse_if(not name or "+" in action.name, INVALID_INPUT, "name")
    refuse_if([key.suite for key in action.log_keys] != [1, 2], INVALID_INPUT, "log keys")
    refuse_if(not 1 <= len(action.council) <= 7, INVALID_INPUT, "council")
    refuse_if(len(action.nodes) > MAX_NODES, LIMIT, "nodes")
    for node in action.nodes:
        _require_node_id(node.node_id)
    names = {node.node_id for node in action.nodes}
    refuse_if(len(names) != len(action.nodes), INVALID_INPUT, "a node's id twice")
    for name, value in vars(action.parameters).items():
        refuse_if(not within_bounds(name, value), LIMIT, name)
    _admit_rules(vars(action.rules))
    for node in action.nodes:
        _require_domain(node.domain)
        refuse_if(node.scheme not in SCHEMES, INVALID_INPUT, "scheme")


@_admit.register
def _(action: schema.RegisterNode):
    _require_node_id(action.node_id)
    _require_domain(action.domain)
    refuse_if(SCHEMES.get(action.scheme) != len(action.public_key), INVALID_INPUT, "scheme and key")


# --- Parameters and rules (GV-5, RG-5) ---------------------------------------------------------------


def is_profile(profile):
    """LA-1."""
    k, m, r = profile.data, profile.parity, profile.replicas
    return k >= 1 and k + m <= 64 and 1 <= r <= 4 and (m == 0 or r == 1)


def within_bounds(name, value):
    if name == "profile":
        return is_profile(value)
    if name == "prepaid":
        return True
    low, high = INTEGERS.get(name) or AMOUNTS[name]
    return low <= value <= high and (name != "block_size" or value % 4_096 == 0)


def _value_kind(name):
    kinds = {"profile": schema.ProfileValue, "prepaid": schema.BoolValue}
    return kinds.get(name) or (schema.IntegerValue if name in INTEGERS else schema.AmountValue)


def _admit_list(values, most, key=None):
    refuse_if(len(values) > most, LIMIT, "a list is too long")
    keys = [key(value) if key else value for value in values]
    refuse_if(any(a >= b for a, b in zip(keys, keys[1:])), INVALID_INPUT, "a list is sorted and unique")


def _admit_rules(values):
    """Rules by name, or the fields of one of them."""
    for name in ("min_uptime", "min_health"):
        refuse_if(values.get(name, 0) > SCALE, LIMIT, name)
    for name in ("allowed_regions", "denied_regions"):
        regions = values.get(name, [])
        _admit_list(regions, MAX_REGIONS, str.encode)
        refuse_if(not all(map(is_region, regions)), INVALID_INPUT, name)
    refuse_if(not 1 <= values.get("epochs", 1) <= MAX_QUARANTINE_EPOCHS, LIMIT, "quarantine")
    _admit_list(values.get("scorers", []), MAX_SCORERS)


# --- Objects -----------------------------------------------------------------------------------------


def _admit_version(action):
    refuse_if(len(action.object.encode()) > MAX_OBJECT_ID, LIMIT, "object id")
    refuse_if(action.object == "" or "\0" in action.object, INVALID_INPUT, "object id")
    refuse_if(action.version == 0, INVALID_VERSION, "version 0")


@_admit.register(schema.DeleteMarker)
@_admit.register(schema.Purge)
@_admit.register(schema.Reassign)
def _(action):
    _admit_version(action)


@_admit.register
def _(action: schema.Store):
    _admit_version(action)
    refuse_if(not isinstance(action.custody, schema.Claimed), INVALID_INPUT, "custody")
    refuse_if(not isinstance(action.content, schema.Single), INVALID_INPUT, "content")
    refuse_if(action.content.size > MAX_CONTENT, LIMIT, "size")
    _admit_layout(action.content)
    read_metadata(action.metadata)


def _admit_layout(layout):
    profile, block = layout.profile, layout.block_size
    refuse_if(not is_profile(profile), INVALID_INPUT, "profile")
    refuse_if(block % 4_096 or not 4_096 <= block <= 2**24, INVALID_INPUT, "block size")
    refuse_if(len(layout.roots) != profile.data + profile.parity, INVALID_INPUT, "roots")
    for root, length in zip(layout.roots, shard_lengths(layout)):
        refuse_if((root == ROOT_OF_NOTHING) != (length == 0), INVALID_INPUT, "the root of an empty shard")


def shard_lengths(layout):
    """LA-8: the length of each column's shard."""
    block, data = layout.block_size, layout.profile.data
    stripes, rest = divmod(layout.size, block * data)
    columns = [stripes * block + min(max(rest - column * block, 0), block) for column in range(data)]
    return columns + [columns[0]] * layout.profile.parity


def _no_space_at_ends(tags):
    return not isinstance(tags, list) or not any(
        isinstance(tag, str) and tag and {tag[0], tag[-1]} & WHITE_SPACE for tag in tags
    )


# The model trims tags as Python does, which takes some control characters for white space.
TYPES = model_metadata.TYPES | {
    "tags": lambda value: isinstance(value, list)
    and all(model_metadata._is_text(tag) for tag in value)
    and _no_space_at_ends(value)
    and model_metadata._ascending(value)
}


def read_metadata(data):
    """PR-6: the value of canonical metadata."""
    try:
        value = parse_json(data.decode())
        canonical = canonical_json(value).encode()
    except (UnicodeDecodeError, NotJson):
        canonical = None
    refuse_if(canonical != data, INVALID_INPUT, "metadata is not canonical JSON")
    refuse_if(len(data) > MAX_METADATA, LIMIT, "metadata")
    refuse_if(not isinstance(value, dict), INVALID_INPUT, "metadata is an object")
    for key, is_valid in TYPES.items():
        refuse_if(key in value and not is_valid(value[key]), INVALID_INPUT, f"metadata {key}")
    both = "placement.region" in value and "region" in value.get("placement", {})
    refuse_if(both, INVALID_INPUT, "two fences")
    return value


# --- Audits, governance, money -----------------------------------------------------------------------


@_admit.register
def _(action: schema.OpenAudit):
    refuse_if(isinstance(action.scope, schema.Sample) and action.scope.sample == 0, INVALID_INPUT, "sample")


@_admit.register
def _(action: schema.RecordAudit):
    refuse_if(not 1 <= len(action.answers) <= MAX_ANSWERS, LIMIT, "answers")
    for answer in action.answers:
        _admit_version(answer)
        refuse_if(answer.proof is not None and len(answer.proof.path) > MAX_PATH, INVALID_INPUT, "path")


@_admit.register
def _(action: schema.Propose):
    change = action.change
    if isinstance(change, schema.ParameterChange):
        _admit_parameter(change.number, change.value)
    elif isinstance(change, schema.RuleChange):
        _admit_rules(vars(change.rule))
    elif isinstance(change, schema.CreditChange):
        refuse_if(change.amount == 0, INVALID_INPUT, "a credit of 0")


def _admit_parameter(number, value):
    refuse_if(number >= len(NUMBERS), INVALID_INPUT, "no such parameter")
    name = NUMBERS[number]
    refuse_if(name in IMMUTABLE, UNAUTHORIZED, "immutable")
    refuse_if(not isinstance(value, _value_kind(name)), INVALID_INPUT, "a value of another kind")
    refuse_if(not within_bounds(name, value.value), LIMIT, "out of bounds")


@_admit.register
def _(action: schema.Credit):
    refuse_if(action.amount == 0, INVALID_INPUT, "a credit of 0")


@_admit.register
def _(action: schema.RecordScore):
    _admit_version(action)
    refuse_if(action.score > MAX_SCORE, LIMIT, "score")


# --- Keys (KY-1, KY-4, KY-6) -------------------------------------------------------------------------

SUITES_OF_NODES = (2, 3, 4)


def _are_keys_of(holder, keys):
    suites = [key.suite for key in keys]
    if isinstance(holder, schema.LogHolder):
        return suites == [1, 2]
    return len(suites) == 1 and (not isinstance(holder, schema.NodeSpeaker) or suites[0] in SUITES_OF_NODES)


@_admit.register
def _(action: schema.RotateKeys):
    refuse_if(action.generation < 2, INVALID_INPUT, "generation")
    refuse_if(not _are_keys_of(action.holder, action.keys), INVALID_INPUT, "keys of the holder")
    refuse_if(len(action.possession) != len(action.keys), INVALID_INPUT, "signatures of possession")
    allowed = (0, 2) if isinstance(action.holder, schema.LogHolder) else (0,)
    refuse_if(len(action.endorsement) not in allowed, INVALID_INPUT, "endorsements")


@_admit.register
def _(action: schema.RevokeKeys):
    refuse_if(not isinstance(action.holder, (schema.LogHolder, schema.Council)), INVALID_INPUT, "holder")
    refuse_if(action.generation == 0, INVALID_INPUT, "generation")
    model_metadata.require_label(action.reason)
