"""Objects and what is done to them: versions, owners, moves, audits, scores."""

from collections import Counter
from dataclasses import dataclass, field

import qfs_reference as qfs

from . import placement, registry
from .codes import (
    CONFLICT,
    INVALID_VERSION,
    LIMIT,
    NO_ELIGIBLE_NODES,
    NOT_FOUND,
    UNAUTHORIZED,
    refuse_if,
)
from .ledger import OPERATOR, Accepted
from .money import MAX_CHARGED, store_fee


@dataclass
class ObjectRecord:
    owner: str
    latest: int
    current: object


@dataclass
class Stored:
    """A version with content. `tokens` name the bytes of each column; two columns are equal if their tokens are."""

    object_id: str
    version: int
    metadata: dict
    hash_commit: str
    size: int
    profile: qfs.Profile
    block_size: int
    lengths: list
    tokens: list
    assignment: list
    fee: int = 0

    def bytes_by_node(self):
        held = Counter()
        for index, node in enumerate(self.assignment):
            held[node] += self.lengths[index // self.profile.replicas]
        return held

    def shard(self, column):
        return qfs.shard_id(self.object_id, self.version, column).hex()

    def copies(self):
        """Every copy as (index in the assignment, column, node)."""
        return [(index, index // self.profile.replicas, node) for index, node in enumerate(self.assignment)]


@dataclass
class Version:
    seq: int
    tick: int
    stored: object = None


@dataclass
class Audit:
    """PL-6. `sample` is None when all are challenged."""

    seq: int
    sample: object = None
    answers: Counter = field(default_factory=Counter)


def require_owner(ledger, object_id):
    record = ledger.objects.get(object_id)
    refuse_if(record is not None and record.owner != OPERATOR, UNAUTHORIZED, "another owner")
    return record


def store(ledger, stored, keys):
    """ST-7, store, by the operator, with the epoch that is open."""
    record = require_owner(ledger, stored.object_id)
    refuse_if(record is not None and stored.version <= record.latest, INVALID_VERSION, "not greater")
    ring = ledger.ring_of(stored.metadata)
    assignment = placement.place(
        stored.object_id, stored.version, stored.profile, ring, ledger.open_domain_of
    )
    fee = store_fee(stored.size, keys, ledger.parameters)
    charged = sum(account.fees for account in ledger.accounts.values())
    refuse_if(charged + fee > MAX_CHARGED, LIMIT, "all fees together")
    payer = ledger.account(OPERATOR)
    payer.require(fee, ledger.parameters.prepaid)
    payer.charge(fee)
    ledger.open_fees += fee
    stored.assignment, stored.fee = assignment, fee
    _add_version(ledger, stored.object_id, stored.version, stored)
    for node, held in stored.bytes_by_node().items():
        ledger.nodes[node].bytes_stored += held
    return Accepted(result=fee, nodes=tuple(assignment), event_type="UPDATE" if record else "STORE")


def _add_version(ledger, object_id, version, stored):
    seq = ledger.next_seq
    ledger.versions[object_id, version] = Version(seq, seq + 1, stored)
    record = ledger.objects.setdefault(object_id, ObjectRecord(OPERATOR, 0, None))
    record.latest = record.current = version


def delete(ledger, object_id, version):
    """PR-8: a marker hides the versions before it."""
    refuse_if(object_id not in ledger.objects, NOT_FOUND, "no object")
    record = require_owner(ledger, object_id)
    refuse_if(version <= record.latest, INVALID_VERSION, "not greater")
    current = ledger.versions.get((object_id, record.current))
    refuse_if(current is None or current.stored is None, NOT_FOUND, "no current version")
    _add_version(ledger, object_id, version, None)
    return Accepted()


def purge(ledger, object_id, version):
    """PR-8: ends one version."""
    refuse_if(object_id not in ledger.objects, NOT_FOUND, "no object")
    record = require_owner(ledger, object_id)
    ended = ledger.versions.pop((object_id, version), None)
    refuse_if(ended is None, NOT_FOUND, "no version")
    if ended.stored:
        for node, held in ended.stored.bytes_by_node().items():
            ledger.nodes[node].bytes_stored -= held
    ledger.scores.pop((object_id, version), None)
    rest = [number for name, number in ledger.versions if name == object_id]
    record.current = max(rest, default=None)
    return Accepted()


def with_content(ledger):
    """Every version that has content, in the order of listings."""
    keys = sorted(ledger.versions, key=lambda key: (key[0].encode(), key[1]))
    return [ledger.versions[key].stored for key in keys if ledger.versions[key].stored]


# --- Moving copies -----------------------------------------------------------------------------------


def may_keep(ledger, number):
    """PL-8."""
    leaving = (registry.DRAINING, registry.DEGRADED)
    return number in ledger.ring and ledger.nodes[number].standing not in leaving


def replacement(ledger, stored, index):
    """PL-11."""
    return placement.replacement(
        stored.object_id, stored.version, stored.profile, stored.assignment, index,
        ledger.ring_of(stored.metadata),
        lambda number: ledger.nodes[number].standing == registry.DRAINING,
        ledger.open_domain_of,
    )


def reassign(ledger, stored, index, source, target):
    """PL-8."""
    refuse_if(stored.assignment[index] != source, CONFLICT, "the copy is elsewhere")
    refuse_if(may_keep(ledger, source), CONFLICT, "the node may keep it")
    found = replacement(ledger, stored, index)
    refuse_if(found is None, NO_ELIGIBLE_NODES, "no replacement")
    refuse_if(found != target, CONFLICT, "another node is next")
    length = stored.lengths[index // stored.profile.replicas]
    stored.assignment[index] = target
    ledger.nodes[source].bytes_stored -= length
    ledger.nodes[target].bytes_stored += length
    return Accepted()


# --- Audits ------------------------------------------------------------------------------------------


def open_audit(ledger, sample):
    ledger.audit = Audit(ledger.next_seq, sample)
    return Accepted()


def sample_of(ledger, number):
    """PL-6: how many answers the open audit takes of a node; None for all."""
    if ledger.audit.sample is None:
        return None
    watched = ledger.nodes[number].standing in (registry.PROBATION, registry.DEGRADED)
    return ledger.audit.sample * (ledger.parameters.probation_audit_factor if watched else 1)


def record_audit(ledger, number, answers):
    """PL-5, PL-6. `answers` are (shard id, proved)."""
    most = sample_of(ledger, number)
    taken = ledger.audit.answers[number] + len(answers)
    refuse_if(most is not None and taken > most, LIMIT, "more answers than the sample")
    ledger.audit.answers[number] = taken
    node = ledger.nodes[number]
    for shard, proved in answers:
        seen = ledger.proven if proved else ledger.unproven
        if (number, shard) not in seen:
            seen.add((number, shard))
            node.proofs += proved
            node.failed += not proved
    return Accepted(nodes=(number,))


def challenges(ledger):
    """What an audit may ask: by node, every non-empty shard that is assigned to it, in the order of listings."""
    asked = {}
    for stored in with_content(ledger):
        for _, column, node in stored.copies():
            if stored.lengths[column]:
                asked.setdefault(node, []).append((stored, column))
    return dict(sorted(asked.items()))


def ticket(beacon, shard, node_id):
    """PL-6; `beacon` and the result are bytes, `shard` hexadecimal."""
    return qfs.sha3(b"qfs/v1/ticket" + beacon + bytes.fromhex(shard) + node_id.encode())


# --- Scores ------------------------------------------------------------------------------------------


def score(ledger, object_id, version, value, scorer=OPERATOR):
    """EC-11."""
    refuse_if(scorer not in ledger.rules.scorers, UNAUTHORIZED, "no scorer")
    found = ledger.versions.get((object_id, version))
    refuse_if(found is None or found.stored is None, NOT_FOUND, "no such version with content")
    ledger.scores[object_id, version] = value
    return Accepted()
