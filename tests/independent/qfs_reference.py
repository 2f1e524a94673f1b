"""The formulas of QFS, written a second time from the specification.

Nothing here was derived from the Rust sources, and nothing but the Python standard library is used, so
that an agreement between the two says something. Amounts are integers in units of 10^-18.
"""

import hashlib
import json
import re
from dataclasses import dataclass

SCHEMA_VERSION = "1.0"
BLOCK_SIZE = 256 * 1024
LEAF_SIZE = 4 * 1024
MAX_METADATA_BYTES = 16 * 1024
MAX_OBJECT_ID_BYTES = 1024
MAX_NODE_ID_BYTES = 64
MAX_VERSION = 2**64 - 1
MAX_JSON_INTEGER = 2**53 - 1
MAX_JSON_DEPTH = 64

SCALE = 10**18
ATR_PER_KIB = 100
FEE_KEYS_LIMIT = 99
POOL_CAP = 1_000_000 * SCALE
MIN_REWARDED_NODES = 3

INVALID_INPUT = "SE_ERR_INVALID_INPUT"
INVALID_VERSION = "SE_ERR_INVALID_VERSION"
LIMIT = "SE_ERR_LIMIT"
NO_ELIGIBLE_NODES = "SE_ERR_NO_ELIGIBLE_NODES"


class Refused(Exception):
    """An input that QFS refuses, with its error code."""

    def __init__(self, code, detail):
        super().__init__(f"{code}: {detail}")
        self.code = code


def sha3(data):
    return hashlib.sha3_256(data).digest()


# --- Canonical JSON: RFC 8785 for integers in ±(2^53 - 1) -------------------------------------------


def _integer(text):
    value = int(text) if len(text) <= 20 else MAX_JSON_INTEGER + 1
    if abs(value) > MAX_JSON_INTEGER:
        raise Refused(INVALID_INPUT, f"{text} is not exact in every JSON reader")
    return value


def _no_float(text):
    raise Refused(INVALID_INPUT, f"{text} is not an integer")


def _unique(pairs):
    result = dict(pairs)
    if len(result) != len(pairs):
        raise Refused(INVALID_INPUT, "an object has a key twice")
    return result


def _depth(value):
    if isinstance(value, dict):
        return 1 + max(map(_depth, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(_depth, value), default=0)
    return 0


def parse_json(text):
    """Strict RFC 8259, with the refusals of the canonical form."""
    # The json module also accepts a few things that RFC 8259 does not: NaN and infinities (refused
    # through parse_constant) and, in non-strict mode, control characters (strict is the default).
    try:
        value = json.loads(
            text,
            parse_int=_integer,
            parse_float=_no_float,
            parse_constant=_no_float,
            object_pairs_hook=_unique,
        )
    except (ValueError, RecursionError) as error:
        raise Refused(INVALID_INPUT, f"not JSON: {error}") from None
    if _depth(value) > MAX_JSON_DEPTH:
        raise Refused(INVALID_INPUT, "nested too deeply")
    return value


_ESCAPES = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r"}


def _canonical_string(text):
    if re.search("[\ud800-\udfff]", text):
        raise Refused(INVALID_INPUT, "a surrogate stands alone")
    return '"' + "".join(_ESCAPES.get(c) or (c if c >= " " else f"\\u{ord(c):04x}") for c in text) + '"'


def _utf16(text):
    return text.encode("utf-16-be", "surrogatepass")


def canonical_json(value):
    """The one text of a parsed value."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        return _canonical_string(value)
    if isinstance(value, list):
        return "[" + ",".join(map(canonical_json, value)) + "]"
    members = (f"{_canonical_string(key)}:{canonical_json(value[key])}" for key in sorted(value, key=_utf16))
    return "{" + ",".join(members) + "}"


def read_metadata(text):
    """The canonical text of an object's metadata and its number of top-level keys."""
    value = parse_json(text)
    if not isinstance(value, dict):
        raise Refused(INVALID_INPUT, "metadata is a JSON object")
    canonical = canonical_json(value)
    if len(canonical.encode()) > MAX_METADATA_BYTES:
        raise Refused(LIMIT, "metadata is longer than 16 KiB")
    return canonical, len(value)


# --- Content addressing ----------------------------------------------------------------------------


def hash_commit(content, canonical_metadata):
    return sha3(content + SCHEMA_VERSION.encode() + canonical_metadata.encode())


def shard_id(object_id, version, index):
    return sha3(f"{object_id}:{version}:{index}".encode())


# --- Layout ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Profile:
    """k data columns, m parity columns, r replicas of each."""

    data: int
    parity: int
    replicas: int

    @property
    def columns(self):
        return self.data + self.parity

    def copies(self):
        """How many different nodes an object's placement draws from at least."""
        return self.columns if self.parity else self.replicas


V13 = Profile(4, 0, 3)


def data_columns(content, profile, block_size=BLOCK_SIZE):
    """Row = stripe, column = shard: block b stands in column b mod k."""
    columns = [bytearray() for _ in range(profile.data)]
    for block, start in enumerate(range(0, len(content), block_size)):
        columns[block % profile.data] += content[start : start + block_size]
    return [bytes(column) for column in columns]


def parity_length(size, profile, block_size=BLOCK_SIZE):
    """A parity block is as long as the longest block of its stripe."""
    stripe = profile.data * block_size
    full, rest = divmod(size, stripe)
    return full * block_size + min(rest, block_size)


def merkle_root(shard):
    """The Merkle tree hash of RFC 9162, section 2.1.1, over leaves of 4 KiB."""
    leaves = [sha3(b"\x00" + shard[i : i + LEAF_SIZE]) for i in range(0, len(shard), LEAF_SIZE)]
    return _tree_hash(leaves) if leaves else sha3(b"")


def _tree_hash(hashes):
    if len(hashes) == 1:
        return hashes[0]
    split = 1 << ((len(hashes) - 1).bit_length() - 1)
    return sha3(b"\x01" + _tree_hash(hashes[:split]) + _tree_hash(hashes[split:]))


# --- Placement -------------------------------------------------------------------------------------


def start_index(shard, nodes):
    return int.from_bytes(sha3(shard.hex().encode("ascii")), "big") % nodes


def replica_sets(object_id, version, nodes, profile):
    """For each column the nodes that hold it, first copy first."""
    eligible = sorted(set(nodes), key=str.encode)
    if len(eligible) < profile.copies():
        raise Refused(NO_ELIGIBLE_NODES, f"{len(eligible)} eligible nodes, {profile.copies()} needed")
    sets = []
    for column in range(profile.columns):
        if profile.parity:
            first = start_index(shard_id(object_id, version, 0), len(eligible)) + column
        else:
            first = start_index(shard_id(object_id, version, column), len(eligible))
        sets.append([eligible[(first + copy) % len(eligible)] for copy in range(profile.replicas)])
    return sets


# --- Economics -------------------------------------------------------------------------------------


def format_amount(units):
    return f"{units // SCALE}.{units % SCALE:018d}"


def parse_amount(text):
    match = re.fullmatch(r"([0-9]+)(?:\.([0-9]{1,18}))?", text)
    if not match:
        raise Refused(INVALID_INPUT, f"{text} is not an amount")
    return int(match[1]) * SCALE + int((match[2] or "").ljust(18, "0"))


def atr_fee(size, metadata_keys):
    """100 x ceil(size / 1024) x (1 + min(keys, 99) / 100): always a whole number of ATR."""
    return -(-size // 1024) * (ATR_PER_KIB + min(metadata_keys, FEE_KEYS_LIMIT)) * SCALE


@dataclass(frozen=True)
class NodeFacts:
    """What an epoch's closing facts say about one node."""

    bytes_stored: int
    uptime: int
    proofs: int
    verified: bool

    def contribution(self):
        bucket = 10 * self.uptime // SCALE
        return self.bytes_stored * bucket * self.proofs if self.verified else 0


@dataclass(frozen=True)
class Settlement:
    """What closing an epoch does with its fees."""

    pool: int
    rewards: list
    treasury: int
    reserve: int


def settle(fees, nodes):
    pool = min(fees // 10, POOL_CAP)
    contributions = [node.contribution() for node in nodes]
    total = sum(contributions)
    if sum(node.verified for node in nodes) < MIN_REWARDED_NODES or total == 0:
        rewards = [0] * len(nodes)
    else:
        most = pool * 3 // 10
        rewards = [min(pool * contribution // total, most) for contribution in contributions]
    return Settlement(pool, rewards, fees - pool, pool - sum(rewards))


# --- The line protocol of README.md ----------------------------------------------------------------


def _check_object(request):
    identifier = request["object_id"].encode()
    version = int(request["version"])
    if not identifier:
        raise Refused(INVALID_INPUT, "an object id is not empty")
    if len(identifier) > MAX_OBJECT_ID_BYTES:
        raise Refused(LIMIT, "an object id has at most 1,024 bytes")
    if not 1 <= version <= MAX_VERSION:
        raise Refused(INVALID_VERSION, "a version is a u64 from 1")
    return version


def answer_object(request):
    version = _check_object(request)
    canonical, keys = read_metadata(request["metadata_json"])
    profile = Profile(*request["profile"])
    object_id = request["object_id"]
    content = bytes.fromhex(request["content_hex"])
    sets = replica_sets(object_id, version, request["nodes"], profile)
    columns = data_columns(content, profile)
    lengths = [len(column) for column in columns] + [parity_length(len(content), profile)] * profile.parity
    return {
        "canonical_metadata": canonical,
        "hash_commit": hash_commit(content, canonical).hex(),
        "shard_ids": [shard_id(object_id, version, index).hex() for index in range(profile.columns)],
        "shard_lens": [str(length) for length in lengths],
        "roots": [merkle_root(column).hex() for column in columns],
        "replica_sets": sets,
        "atr_cost": format_amount(atr_fee(len(content), keys)),
    }


def answer_settle(request):
    nodes = [
        NodeFacts(int(node["bytes_stored"]), parse_amount(node["uptime"]), int(node["proofs"]), node["verified"])
        for node in request["nodes"]
    ]
    settlement = settle(parse_amount(request["fees"]), nodes)
    return {
        "pool": format_amount(settlement.pool),
        "rewards": [format_amount(reward) for reward in settlement.rewards],
        "treasury": format_amount(settlement.treasury),
        "reserve": format_amount(settlement.reserve),
    }


OPERATIONS = {"object": answer_object, "settle": answer_settle}


def answer(request):
    """The answer to one request of the line protocol."""
    try:
        return OPERATIONS[request["op"]](request)
    except Refused as refusal:
        return {"error_code": refusal.code}
