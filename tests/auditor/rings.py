"""Lists of nodes to place on, and walks over them (PL-1 to PL-4, PL-8 to PL-11)."""

from ledger_model import placement
from ledger_model.codes import CONFLICT, EPOCH_CHANGED, INVALID_INPUT, NO_ELIGIBLE_NODES, NOT_FOUND, Refused, refuse_if
from qfs_reference import Profile

from .admission import read_metadata, shard_lengths

FAILURE_DOMAINS = ("none", "operator", "asn", "region")
DRAINING, DEGRADED = 5, 2


def profile_of(layout):
    profile = layout.profile
    return Profile(profile.data, profile.parity, profile.replicas)


def ring_of(state, epoch, metadata):
    """The list of an object in an epoch (PL-9), and the domain of a node where domains count (PL-10)."""
    record = state.epoch_record(epoch)
    ring = placement.fenced(
        record.eligible, placement.regions_of(metadata), lambda number: state.node(number).domain.region
    )
    kind = FAILURE_DOMAINS[record.failure_domain]
    if kind == "none":
        return ring, None
    return ring, lambda number: getattr(state.node(number).domain, kind)


def _place(state, action, epoch, metadata):
    ring, domain_of = ring_of(state, epoch, metadata)
    return placement.place(action.object, action.version, profile_of(action.content), ring, domain_of)


def place(state, action, metadata):
    """PL-7: the assignment of a store."""
    assignment = _place(state, action, state.epoch, metadata)
    refuse_if(not 1 <= action.epoch <= state.epoch, INVALID_INPUT, "epoch")
    if action.epoch < state.epoch:
        try:
            earlier = _place(state, action, action.epoch, metadata)
        except Refused:
            earlier = None
        refuse_if(earlier != assignment, EPOCH_CHANGED, "placed under another list")
    return assignment


def may_keep(state, number):
    """PL-8."""
    listed = number in state.epoch_record(state.epoch).eligible
    return listed and state.node(number).standing not in (DRAINING, DEGRADED)


def replacement(state, action, stored, index):
    """PL-11: who takes over the copy at `index` of the assignment, or None."""
    ring, domain_of = ring_of(state, state.epoch, read_metadata(stored.metadata))
    return placement.replacement(
        action.object, action.version, profile_of(stored.content), stored.assignment, index, ring,
        lambda number: state.node(number).standing == DRAINING, domain_of,
    )


def require_move(state, action):
    """PL-8, in its order; the copy's place in the assignment and its bytes."""
    stored = state.stored(action.object, action.version)
    refuse_if(stored is None, NOT_FOUND, "no such version with content")
    profile = stored.content.profile
    exists = action.column < profile.data + profile.parity and action.copy < profile.replicas
    refuse_if(not exists, NOT_FOUND, "no such copy")
    index = action.column * profile.replicas + action.copy
    refuse_if(stored.assignment[index] != action.source, CONFLICT, "the copy is elsewhere")
    refuse_if(may_keep(state, action.source), CONFLICT, "the node may keep it")
    found = replacement(state, action, stored, index)
    refuse_if(found is None, NO_ELIGIBLE_NODES, "no replacement")
    refuse_if(found != action.target, CONFLICT, f"{found} is the replacement")
    return index, shard_lengths(stored.content)[action.column]


def bytes_by_node(stored):
    """ST-8: what each node holds of a version, as pairs for every copy."""
    lengths = shard_lengths(stored.content)
    replicas = stored.content.profile.replicas
    return [(node, lengths[index // replicas]) for index, node in enumerate(stored.assignment)]
