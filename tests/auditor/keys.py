"""Keys in force, who speaks with them, their rotation and revocation (KY, GV-2, PR-4)."""

from ledger_model.codes import CONFLICT, LIMIT, NOT_FOUND, UNAUTHORIZED, refuse_if
from qfs_reference import sha3

from . import schema, signatures
from .state import holder_key, node_key, public_key_key

REVOKED, EXITED, EXPELLED = 4, 6, 7
MAX_GENERATIONS = 256
SCHEME_OF_SUITE = {suite: scheme for scheme, suite in signatures.SUITE_OF_SCHEME.items()}


# --- Keys in force (KY-1) ----------------------------------------------------------------------------


def in_force(state, holder):
    """The keys of the log, the operator, or a seat of the council; none of a vacant seat."""
    record = state.get(holder_key(holder))
    if record is not None:
        return record.in_force
    if isinstance(holder, schema.LogHolder):
        return state.genesis.log_keys
    if isinstance(holder, schema.Operator):
        return [state.genesis.operator]
    return [state.genesis.council[holder.position]]


def operator_key(state):
    return in_force(state, schema.Operator())[0]


def seats(state):
    return [schema.Council(position=position) for position in range(len(state.genesis.council))]


def taken_seats(state):
    """Seats that are not vacant (KY-6)."""
    return [seat for seat in seats(state) if in_force(state, seat)]


def log_generations(state):
    """Every generation of the log's keys (KY-8); their keys as hashes (KY-7)."""
    log = schema.LogHolder()
    record = state.get(holder_key(log))
    return record.generations if record else [_first(in_force(state, log))]


def key_hash(key):
    """KY-7: the suite is part of the key."""
    return sha3(bytes([key.suite]) + key.data)


# --- Who speaks (GV-2) -------------------------------------------------------------------------------


def signed_by(command, key):
    return command.authorization is not None and command.authorization.key == key


def signed_by_node(command, node):
    """Whether the node's own key signed."""
    key = command.authorization and command.authorization.key
    suite = signatures.SUITE_OF_SCHEME.get(node.scheme)
    return key is not None and key.suite == suite and sha3(key.data) == node.key_hash


def is_heard(node):
    revoked = node.registry is not None and node.registry.revoked
    return node.standing not in (REVOKED, EXITED, EXPELLED) and not revoked


def require_speaker(state, command, speaker):
    if isinstance(speaker, schema.NodeSpeaker):
        node = state.node(speaker.node)
        refuse_if(node is None, NOT_FOUND, "no such node")
        holds = is_heard(node) and signed_by_node(command, node)
    else:
        no_seat = isinstance(speaker, schema.Council) and speaker not in seats(state)
        refuse_if(no_seat, NOT_FOUND, "no such seat of the council")
        holds = any(signed_by(command, key) for key in in_force(state, speaker))
    refuse_if(not holds, UNAUTHORIZED, "not the speaker's signature")


def _speaker_for(holder):
    return schema.Operator() if isinstance(holder, schema.LogHolder) else holder


def answers_for_payer(state, command):
    """PR-4: the operator's account is that of the key in genesis, and answers to the key in force alone."""
    operators = signatures.account_of(state.genesis.operator)
    if command.authorization is None or signed_by(command, operator_key(state)):
        return command.payer == operators
    return command.payer == signatures.account_of(command.authorization.key) != operators


# --- Rotation (KY-4, KY-5) ---------------------------------------------------------------------------


def _first(keys):
    return schema.Generation(since=0, keys=[key_hash(key) for key in keys], endorsed=False, revoked=None)


def _generations(state, holder, command):
    """All generations of a holder for whom the command speaks; a node's first key is the one that signed it."""
    record = state.get(holder_key(holder))
    if record is not None:
        return record.generations
    is_node = isinstance(holder, schema.NodeSpeaker)
    return [_first([command.authorization.key] if is_node else in_force(state, holder))]


def rotate(state, ordered, action):
    command, holder = ordered.command, action.holder
    require_speaker(state, command, _speaker_for(holder))
    generations = _generations(state, holder, command)
    refuse_if(action.generation != len(generations) + 1, CONFLICT, "not the next generation")
    refuse_if(action.generation > MAX_GENERATIONS, LIMIT, "generations")
    new = [key_hash(key) for key in action.keys]
    known = {one for generation in generations for one in generation.keys}
    refuse_if(not known.isdisjoint(new), CONFLICT, "a key comes back")
    endorsed = bool(action.endorsement)
    if endorsed:
        log_keys = in_force(state, holder)
        holds = signatures.rotation_holds(action, state.ledger_id, log_keys, action.endorsement)
        refuse_if(not holds, UNAUTHORIZED, "an endorsement does not hold")
    begun = schema.Generation(since=ordered.seq, keys=new, endorsed=endorsed, revoked=None)
    record = schema.KeysRecord(generations=[*generations, begun], in_force=action.keys)
    return schema.KeysRotated(), lambda: _rotated(state, action, record)


def _rotated(state, action, record):
    holder = action.holder
    state.put(holder_key(holder), record)
    if isinstance(holder, schema.NodeSpeaker):
        node, (key,) = state.touch(node_key(holder.node)), action.keys
        node.scheme, node.key_hash = SCHEME_OF_SUITE[key.suite], sha3(key.data)
        state.put(public_key_key(holder.node), key.data)


# --- Revocation (KY-6) -------------------------------------------------------------------------------


def revoke(state, ordered, action):
    command, holder = ordered.command, action.holder
    require_speaker(state, command, _speaker_for(holder))
    generations, index = _generations(state, holder, command), action.generation - 1
    refuse_if(index >= len(generations), NOT_FOUND, "no such generation")
    refuse_if(generations[index].revoked is not None, CONFLICT, "revoked already")
    is_last, of_log = index == len(generations) - 1, isinstance(holder, schema.LogHolder)
    refuse_if(is_last if of_log else not is_last, CONFLICT, "in force, or not the one of the seat")
    refuse_if(not of_log and taken_seats(state) == [holder], CONFLICT, "the last seat")
    left = in_force(state, holder) if of_log else []
    return schema.KeysRevoked(), lambda: _revoked(state, ordered, holder, generations, index, left)


def _revoked(state, ordered, holder, generations, index, left):
    void = schema.Generation(**vars(generations[index]) | {"revoked": ordered.seq})
    changed = [*generations[:index], void, *generations[index + 1 :]]
    state.put(holder_key(holder), schema.KeysRecord(generations=changed, in_force=left))
