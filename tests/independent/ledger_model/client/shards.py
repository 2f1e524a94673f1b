"""The bytes at the nodes: which shards are there, which are noted for collection (JO-7)."""

import hashlib

import qfs_reference as qfs

ORPHAN_EPOCHS = 2


def columns_of(content, profile, block_size):
    """The length of each shard, and a token of its bytes: parity follows from all of the content."""
    data = qfs.data_columns(content, profile, block_size)
    parity = qfs.parity_length(len(content), profile, block_size)
    lengths = [len(column) for column in data] + [parity] * profile.parity
    whole = hashlib.sha256(content).digest()
    tokens = [hashlib.sha256(column).digest() for column in data]
    return lengths, tokens + [whole + bytes([column]) for column in range(profile.parity)]


def named(stored, assignment=None):
    """The copies that a version names, by the place in its assignment."""
    nodes = stored.assignment if assignment is None else assignment
    replicas = stored.profile.replicas
    return [
        (node, stored.shard(index // replicas), stored.tokens[index // replicas]) for index, node in enumerate(nodes)
    ]


class Shards:
    """What is stored: (node, shard id, token of its bytes)."""

    def __init__(self):
        self.held = set()
        self.notes = {}

    def write(self, stored, index):
        """One copy, by its place in the assignment; empty shards are never stored (SS-2)."""
        if stored.lengths[index // stored.profile.replicas]:
            self.held.add(named(stored)[index])

    def remove(self, copy):
        self.held.discard(copy)

    def lose(self, node, shard):
        """All that a node has of a shard; whether that was anything."""
        lost = {copy for copy in self.held if copy[:2] == (node, shard)}
        self.held -= lost
        return bool(lost)

    def note(self, epoch, stored, assignment=None):
        """What may be unnamed one day is written down in its epoch."""
        self.notes.setdefault(epoch, []).append((stored.object_id, stored.version, named(stored, assignment)))

    def collect(self, ledger):
        """The copies that no entry names two epochs later; how many there were."""
        removed = 0
        for epoch in [epoch for epoch in self.notes if epoch <= ledger.epoch - ORPHAN_EPOCHS]:
            for object_id, version, copies in self.notes.pop(epoch):
                found = ledger.versions.get((object_id, version))
                kept = set(named(found.stored)) if found and found.stored else set()
                gone = {copy for copy in copies if copy not in kept and copy in self.held}
                self.held -= gone
                removed += len(gone)
        return removed

    def has(self, stored, index):
        """Whether the node at a place of the assignment can show its copy."""
        return stored.lengths[index // stored.profile.replicas] == 0 or named(stored)[index] in self.held

    def copy_is_left(self, stored, column):
        replicas = stored.profile.replicas
        return any(self.has(stored, index) for index in range(column * replicas, (column + 1) * replicas))

    def source(self, stored, column):
        """SS-15: where a shard is restored from, or None (LA-15)."""
        if self.copy_is_left(stored, column):
            return "copy"
        rest = sum(self.copy_is_left(stored, other) for other in range(stored.profile.columns))
        return "reconstructed" if stored.profile.parity and rest >= stored.profile.data else None
