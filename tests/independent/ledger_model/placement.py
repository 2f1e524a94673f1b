"""Placement (PL): where copies go, and where one goes that cannot stay. Nodes are any values that compare equal."""

from qfs_reference import shard_id, start_index

from .codes import NO_ELIGIBLE_NODES, Refused, refuse_if


def regions_of(metadata):
    """PL-9: the regions of an object's fence, or None without one."""
    region = metadata.get("placement.region")
    if region is None and isinstance(metadata.get("placement"), dict):
        region = metadata["placement"].get("region")
    if region is None:
        return None
    return [region] if isinstance(region, str) else list(region)


def fenced(ring, regions, region_of):
    """PL-9: the ring of an object, in the order of the ring."""
    return ring if regions is None else [node for node in ring if region_of(node) in regions]


def walk(ring, start):
    """Every node of the ring once, from `start` on, wrapping."""
    return ring[start:] + ring[:start]


def _take(steps, count, domain_of):
    """The first `count` nodes of a walk, of pairwise distinct domains where domains count (PL-10)."""
    taken, used = [], set()
    for node in steps:
        if domain_of is not None and domain_of(node) in used:
            continue
        taken.append(node)
        if domain_of is not None:
            used.add(domain_of(node))
        if len(taken) == count:
            return taken
    raise Refused(NO_ELIGIBLE_NODES, f"{len(taken)} of {count} copies can be placed")


def starts(object_id, version, profile):
    """The shards whose ids say where the walks start: every column's, or the first one's (PL-3, PL-4)."""
    columns = range(profile.columns) if profile.parity == 0 else range(1)
    return [shard_id(object_id, version, column) for column in columns]


def place(object_id, version, profile, ring, domain_of=None):
    """PL-1 to PL-4 and PL-10: copy i of column c at index c × r + i."""
    refuse_if(len(ring) < profile.copies(), NO_ELIGIBLE_NODES, f"{len(ring)} nodes, {profile.copies()} needed")
    count = profile.columns if profile.parity else profile.replicas
    assignment = []
    for shard in starts(object_id, version, profile):
        assignment += _take(walk(ring, start_index(shard, len(ring))), count, domain_of)
    return assignment


def replacement(object_id, version, profile, assignment, place_index, ring, is_draining, domain_of=None):
    """PL-11: who takes over the copy at `place_index` of the assignment, or None."""
    if not ring:
        return None
    column = place_index // profile.replicas
    if profile.parity:
        siblings = assignment[:place_index] + assignment[place_index + 1 :]
    else:
        first = column * profile.replicas
        siblings = assignment[first:place_index] + assignment[place_index + 1 : first + profile.replicas]
    leaving = assignment[place_index]
    used = {domain_of(node) for node in siblings} if domain_of else set()
    shard = shard_id(object_id, version, 0 if profile.parity else column)
    for node in walk(ring, start_index(shard, len(ring))):
        if node == leaving or is_draining(node) or node in siblings:
            continue
        if domain_of is not None and domain_of(node) in used:
            continue
        return node
    return None
