"""Objects: stores, delete markers, purges, moves, audits, scores (PR-8, PL-5 to PL-8, EC-1, EC-6, EC-7, EC-11)."""

from ledger_model.codes import (
    INSUFFICIENT_FUNDS, INTEGRITY_MISMATCH, INVALID_INPUT, INVALID_VERSION, LIMIT, NOT_FOUND, PROOF_UNAVAILABLE,
    UNAUTHORIZED, refuse_if,
)
from ledger_model.money import MAX_CHARGED, MAX_UNITS, store_fee
from qfs_reference import sha3, shard_id

from . import rings, schema
from .admission import read_metadata, shard_lengths
from .state import node_key, object_key, score_key, shard_key, version_key

MAX_BYTES = 2**60
MAX_PROOFS = 2**40
LEAF = 4_096
PROBATION = 0


# --- Versions ----------------------------------------------------------------------------------------


def _require_owner(record, command):
    refuse_if(record.owner != command.payer, UNAUTHORIZED, "another owner")


def _require_later(record, version):
    refuse_if(version <= record.latest, INVALID_VERSION, "not greater")


def store(state, ordered, action):
    command, ledger = ordered.command, state.ledger
    record = state.get(object_key(action.object))
    if record is not None:
        _require_owner(record, command)
        _require_later(record, action.version)
    parameters, layout = ledger.parameters, action.content
    own = layout.profile == parameters.profile and layout.block_size == parameters.block_size
    refuse_if(not own, INVALID_INPUT, "profile or block size")
    refuse_if(len(action.metadata) > parameters.metadata_limit, LIMIT, "metadata")
    metadata = read_metadata(action.metadata)
    assignment = rings.place(state, action, metadata)
    fee = store_fee(layout.size, len(metadata), parameters)
    charged = ledger.open_fees + ledger.treasury + ledger.reserve + ledger.burnt
    refuse_if(fee > MAX_UNITS or charged + fee > MAX_CHARGED, LIMIT, "all fees together")
    account = state.account(command.payer)
    refuse_if(parameters.prepaid and fee > account.balance, INSUFFICIENT_FUNDS, "fee")
    added = sum(shard_lengths(layout)) * layout.profile.replicas
    refuse_if(ledger.bytes_stored + added > MAX_BYTES, LIMIT, "bytes")
    event = schema.Stored(fee=fee, assignment=assignment, update=record is not None)
    return event, lambda: _stored(state, ordered, action, event)


def _stored(state, ordered, action, event):
    _charge(state, ordered.command.payer, event.fee)
    stored = schema.StoredRecord(
        hash_commit=action.hash_commit, metadata=action.metadata, content=action.content, custody=action.custody,
        fee=event.fee, assignment=list(event.assignment),
    )
    _add_version(state, ordered, action, stored)
    _move_bytes(state, stored, 1)


def _charge(state, payer, fee):
    account = state.account(payer)
    paid = min(fee, account.balance)
    account.balance -= paid
    account.debt += fee - paid
    account.fees += fee
    state.put(b"A" + payer, account)
    state.touch(b"L").open_fees += fee


def _move_bytes(state, stored, sign):
    for node, length in rings.bytes_by_node(stored):
        state.touch(node_key(node)).bytes_stored += sign * length
        state.touch(b"L").bytes_stored += sign * length


def _add_version(state, ordered, action, stored):
    version = schema.VersionRecord(seq=ordered.seq, created_at_tick=ordered.tick, stored=stored)
    state.put(version_key(action.object, action.version), version)
    record = state.get(object_key(action.object))
    owner = record.owner if record else ordered.command.payer
    new = schema.ObjectRecord(owner=owner, latest=action.version, current=action.version)
    state.put(object_key(action.object), new)
    state.versions.setdefault(action.object, set()).add(action.version)


def delete(state, ordered, action):
    record = state.get(object_key(action.object))
    refuse_if(record is None, NOT_FOUND, "no object")
    _require_owner(record, ordered.command)
    _require_later(record, action.version)
    hidden = record.current is None or state.stored(action.object, record.current) is None
    refuse_if(hidden, NOT_FOUND, "no current version")
    return schema.DeleteMarked(), lambda: _add_version(state, ordered, action, None)


def purge(state, ordered, action):
    record = state.get(object_key(action.object))
    refuse_if(record is None, NOT_FOUND, "no object")
    _require_owner(record, ordered.command)
    refuse_if(state.version(action.object, action.version) is None, NOT_FOUND, "no version")
    return schema.Purged(), lambda: _purged(state, action)


def _purged(state, action):
    stored = state.stored(action.object, action.version)
    if stored:
        _move_bytes(state, stored, -1)
    state.drop(version_key(action.object, action.version))
    state.drop(score_key(action.object, action.version))
    left = state.versions[action.object]
    left.remove(action.version)
    state.touch(object_key(action.object)).current = max(left, default=None)


def reassign(state, _, action):
    index, length = rings.require_move(state, action)
    return schema.Reassigned(), lambda: _reassigned(state, action, index, length)


def _reassigned(state, action, index, length):
    version = state.touch(version_key(action.object, action.version))
    version.stored.assignment[index] = action.target
    state.touch(node_key(action.source)).bytes_stored -= length
    state.touch(node_key(action.target)).bytes_stored += length


# --- Audits ------------------------------------------------------------------------------------------


def open_audit(state, ordered, action):
    return schema.AuditOpened(), lambda: _audit_opened(state, ordered, action)


def _audit_opened(state, ordered, action):
    """The beacon is not known before the entry's hash is (ST-6)."""
    audit = schema.AuditRecord(seq=ordered.seq, scope=action.scope, beacon=bytes(32))
    state.touch(b"L").audit = audit
    for number in range(len(state.nodes())):
        state.touch(node_key(number)).answers = 0


def _require_sample(state, audit, node, answers):
    """PL-6."""
    if isinstance(audit.scope, schema.All):
        return
    watched = node.standing in (PROBATION, rings.DEGRADED)
    most = audit.scope.sample * (state.ledger.parameters.probation_audit_factor if watched else 1)
    refuse_if(node.answers + answers > most, LIMIT, "more answers than the sample")


def record_audit(state, _, action):
    audit, node = state.ledger.audit, state.node(action.node)
    refuse_if(audit is None or audit.seq != action.audit, NOT_FOUND, "no such audit")
    refuse_if(node is None, NOT_FOUND, "no such node")
    _require_sample(state, audit, node, len(action.answers))
    shown = {True: set(), False: set()}
    for answer in action.answers:
        proved, shard = _judge(state, audit, action.node, node, answer)
        key = shard_key(proved, state.epoch, action.node, shard)
        if state.get(key) is None:
            shown[proved].add(key)
    refuse_if(node.proofs + len(shown[True]) > MAX_PROOFS, LIMIT, "proofs")
    event = schema.AuditRecorded(counted=len(shown[True]), failed=len(shown[False]))
    return event, lambda: _audit_recorded(state, action, event, shown[True] | shown[False])


def _judge(state, audit, number, node, answer):
    """PL-5, 2: whether the answer has a proof, and the shard that it is about."""
    stored = state.stored(answer.object, answer.version)
    refuse_if(stored is None, NOT_FOUND, "no such version with content")
    replicas = stored.content.profile.replicas
    copies = stored.assignment[answer.column * replicas : (answer.column + 1) * replicas]
    refuse_if(number not in copies, INVALID_INPUT, "no copy at the node")
    length = shard_lengths(stored.content)[answer.column]
    refuse_if(length == 0, PROOF_UNAVAILABLE, "an empty shard")
    shard, leaves = shard_id(answer.object, answer.version, answer.column), -(-length // LEAF)
    challenge = sha3(b"qfs/v1/challenge" + audit.beacon + shard + node.node_id.encode())
    refuse_if(answer.leaf != int.from_bytes(challenge, "big") % leaves, INVALID_INPUT, "another leaf")
    if answer.proof is None:
        return False, shard
    root = stored.content.roots[answer.column]
    refuse_if(_root_of(answer.proof, answer.leaf, leaves) != root, INTEGRITY_MISMATCH, "path")
    return True, shard


def _root_of(proof, index, count):
    """LA-12: the root that a path leads to, or None for one of another length."""
    node, path = proof.leaf_hash, list(proof.path)
    while count > 1:
        if index ^ 1 < count:
            if not path:
                return None
            sibling = path.pop(0)
            node = sha3(b"\1" + (sibling + node if index & 1 else node + sibling))
        index, count = index // 2, -(-count // 2)
    return None if path else node


def _audit_recorded(state, action, event, keys):
    for key in keys:
        state.put(key, b"")
        state.answered.append(key)
    node = state.touch(node_key(action.node))
    node.proofs += event.counted
    node.failed += event.failed
    node.answers += len(action.answers)


# --- Scores ------------------------------------------------------------------------------------------


def score(state, ordered, action):
    command = ordered.command
    scorer = command.authorization is not None and command.payer in state.ledger.rules.scorers
    refuse_if(not scorer, UNAUTHORIZED, "not a scorer")
    refuse_if(state.stored(action.object, action.version) is None, NOT_FOUND, "no such version with content")
    record = schema.ScoreRecord(score=action.score, scorer=command.payer, seq=ordered.seq)
    return schema.Scored(), lambda: state.put(score_key(action.object, action.version), record)
