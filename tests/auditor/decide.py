"""Execution of one ordered command: its outcome, and what that changes (ST-7, ST-8)."""

from dataclasses import dataclass

from ledger_model import registry
from ledger_model.codes import (
    AEGIS_CONTEXT_MISSING, CONFLICT, EPOCH_CHANGED, INVALID_INPUT, LIMIT, UNAUTHORIZED, Refused, refuse_if,
)
from qfs_reference import SCALE, sha3

from . import admission, closing, governance, keys, objects, schema, signatures
from .state import epoch_key, name_key, node_key, public_key_key

ENGINE_VERSION = 1
MAX_BODY_WITHOUT_ROOT = 65_471
ROOT_EVERY = 65_536
NUMBERS = {
    name: number
    for number, name in enumerate(
        "NOT_FOUND INVALID_VERSION INVALID_INPUT NO_ELIGIBLE_NODES PROOF_UNAVAILABLE INTEGRITY_MISMATCH "
        "AEGIS_CONTEXT_MISSING INTERNAL UNAUTHORIZED EPOCH_CHANGED LIMIT INSUFFICIENT_FUNDS CONTENT_UNAVAILABLE "
        "CONFLICT BUSY TOO_EARLY TOO_LATE NO_QUORUM".split(),
        start=1,
    )
}
BY_OPERATOR = (
    schema.RegisterNode, schema.AdvanceEpoch, schema.Reassign, schema.OpenAudit, schema.RecordAudit, schema.Credit,
)
ACTIVE = 1


class EngineTooOld(Exception):
    """A code version is in force that this program does not know (GV-3)."""


@dataclass(frozen=True)
class Ordered:
    seq: int
    tick: int
    command: object


def execute(state, ordered):
    """The body of the entry that the command gives. Changes the state."""
    epoch = state.epoch
    if epoch and state.ledger.code_version > ENGINE_VERSION:
        raise EngineTooOld(state.ledger.code_version)
    body = schema.Body(
        format=1, seq=ordered.seq, tick=ordered.tick, epoch=epoch, command=ordered.command, outcome=None,
        state_root=None,
    )
    try:
        event, change = decide(state, ordered)
        body.outcome = schema.Accepted(event=event)
        refuse_if(len(schema.Body.write(body)) > MAX_BODY_WITHOUT_ROOT, LIMIT, "body")
    except Refused as refusal:
        body.outcome = schema.Rejected(code=NUMBERS[refusal.code.removeprefix("SE_ERR_")])
    else:
        change()
    closed = isinstance(body.outcome, schema.Accepted) and isinstance(body.outcome.event, schema.EpochClosed)
    if closed or (ordered.seq and ordered.seq % ROOT_EVERY == 0):
        body.state_root = state.root()
    return body


def decide(state, ordered):
    """The event, and a function that writes it; or a refusal."""
    command = ordered.command
    action = command.action
    admission.admit(command, state.ledger_id)
    if state.ledger_id is None:
        refuse_if(not isinstance(action, schema.Genesis), AEGIS_CONTEXT_MISSING, "no ledger")
        return _genesis(state, action)
    refuse_if(command.valid_until_epoch < state.epoch, EPOCH_CHANGED, "over")
    refuse_if(command.valid_until_epoch > state.epoch + 1, INVALID_INPUT, "too far ahead")
    unsigned = isinstance(action, BY_OPERATOR) and not keys.signed_by(command, keys.operator_key(state))
    refuse_if(unsigned, UNAUTHORIZED, "the operator's signature is needed")
    refuse_if(not keys.answers_for_payer(state, command), UNAUTHORIZED, "another payer")
    return DECISIONS[type(action)](state, ordered, action)


# --- Genesis and nodes -------------------------------------------------------------------------------


def _again(_state, _ordered, _action):
    refuse_if(True, CONFLICT, "there is a ledger")


def _genesis(state, action):
    event = schema.LedgerOpened(ledger_id=signatures.ledger_id(action))
    return event, lambda: _opened(state, action, event)


def _opened(state, action, event):
    state.ledger_id = event.ledger_id
    state.put(b"G", action)
    zeros = {name: 0 for name in schema.LedgerRecord.FIELDS}
    lists = {"audit": None, "registry_hash": bytes(32), "telemetry_hash": bytes(32), "open": [], "scheduled": []}
    in_force = {"epoch": 1, "parameters": action.parameters, "rules": action.rules, "code_version": 1}
    state.put(b"L", schema.LedgerRecord(**zeros | lists | in_force))
    for number, node in enumerate(action.nodes):
        state.put(node_key(number), _first_node(number, node))
        state.put(name_key(node.node_id), number)
    allowed = [registry.region_is_allowed(node.domain.region, action.rules) for node in action.nodes]
    eligible = closing.eligible_list(action.nodes, allowed.__getitem__)
    domain = action.rules.failure_domain
    state.put(epoch_key(1), schema.EpochRecord(eligible=eligible, failure_domain=domain, opened_at=0, closed=None))


def _first_node(number, node):
    fact = schema.RegistryFact(node=number, key=node.key_hash, scheme=node.scheme, revoked=False, reason="")
    reading = schema.Reading(
        uptime_ratio=SCALE, health_score=SCALE, conflict_detected=False, latency_bands="", error_count=None
    )
    record = _new_node(node.node_id, node.scheme, node.key_hash, node.domain, 1)
    record.status, record.uptime_bucket, record.standing = 0, 10, ACTIVE
    record.registry, record.telemetry = fact, schema.TelemetryFact(node=number, reading=reading)
    return record


def _new_node(node_id, scheme, key_hash, domain, epoch):
    return schema.NodeRecord(
        node_id=node_id, scheme=scheme, key_hash=key_hash, domain=domain, status=None, registry=None, telemetry=None,
        uptime_bucket=0, bytes_stored=0, proofs=0, answers=0, nod=0, standing=objects.PROBATION, since=epoch, failed=0,
        failures=[],
    )


def _register(state, _, action):
    number, count = state.get(name_key(action.node_id)), len(state.nodes())
    key_hash = sha3(action.public_key)
    if number is None:
        refuse_if(count >= admission.MAX_NODES, LIMIT, "nodes")
        event = schema.NodeRegistered(node=count)
        return event, lambda: _registered(state, action, count, key_hash)
    node = state.node(number)
    same = (node.scheme, node.domain, node.key_hash) == (action.scheme, action.domain, key_hash)
    disclosed = state.get(public_key_key(number)) is not None
    refuse_if(disclosed or not same, CONFLICT, "the name is known")
    event = schema.NodeKeyDisclosed(node=number)
    return event, lambda: state.put(public_key_key(number), action.public_key)


def _registered(state, action, number, key_hash):
    record = _new_node(action.node_id, action.scheme, key_hash, action.domain, state.epoch)
    state.put(node_key(number), record)
    state.put(public_key_key(number), action.public_key)
    state.put(name_key(action.node_id), number)


DECISIONS = {
    schema.Genesis: _again,
    schema.RegisterNode: _register,
    schema.AdvanceEpoch: closing.advance,
    schema.Store: objects.store,
    schema.DeleteMarker: objects.delete,
    schema.Purge: objects.purge,
    schema.Reassign: objects.reassign,
    schema.OpenAudit: objects.open_audit,
    schema.RecordAudit: objects.record_audit,
    schema.Exit: governance.exit_node,
    schema.Propose: governance.propose,
    schema.Vote: governance.vote,
    schema.Activate: governance.activate,
    schema.Credit: governance.credit,
    schema.RecordScore: objects.score,
    schema.RotateKeys: keys.rotate,
    schema.RevokeKeys: keys.revoke,
}
