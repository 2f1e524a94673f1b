"""The records of a ledger (ST-1, ST-2), and the root over them."""

from qfs_reference import sha3

from . import sparse
from .schema import HOLDER, RECORDS, SPEAKER, SUBJECT, AccountRecord

EMPTY_ACCOUNT = (0, 0, 0, 0)


def _u32(number):
    return number.to_bytes(4, "big")


def _u64(number):
    return number.to_bytes(8, "big")


def node_key(number):
    return b"N" + _u32(number)


def public_key_key(number):
    return b"K" + _u32(number)


def holder_key(holder):
    """KY-7: numbers in keys of the state are big-endian."""
    tag = bytes([HOLDER.tags[type(holder)]])
    return b"H" + tag + b"".join(map(_u32, vars(holder).values()))


def name_key(node_id):
    return b"I" + node_id.encode()


def epoch_key(epoch):
    return b"E" + _u64(epoch)


def object_key(object_id):
    return b"O" + object_id.encode()


def version_key(object_id, version):
    return b"V" + object_id.encode() + b"\0" + _u64(version)


def score_key(object_id, version):
    return b"Q" + object_id.encode() + b"\0" + _u64(version)


def shard_key(proved, epoch, node, shard):
    return (b"S" if proved else b"F") + _u64(epoch) + _u32(node) + shard


def proposal_key(number):
    return b"P" + _u64(number)


def electors_key(number):
    return b"W" + _u64(number)


def ballot_key(number, speaker):
    return b"B" + _u64(number) + SPEAKER.write(speaker)


def subject_key(emergency, subject):
    return b"U" + bytes([emergency]) + SUBJECT.write(subject)


class State:
    """Records by key. Whoever changes a record says so with `touch`, or through `put` and `drop`."""

    def __init__(self):
        self.records, self.changed, self.tree = {}, set(), None
        self.ledger_id = None
        self.ids = {}
        self.versions = {}
        self.answered = []

    # --- Records ---------------------------------------------------------------------------------------

    def get(self, key):
        return self.records.get(key)

    def put(self, key, value):
        self.records[key] = value
        self.changed.add(key)

    def drop(self, key):
        if self.records.pop(key, None) is not None:
            self.changed.add(key)

    def touch(self, key):
        """The record, which the caller is about to change."""
        self.changed.add(key)
        return self.records[key]

    # --- Reads -----------------------------------------------------------------------------------------

    @property
    def genesis(self):
        return self.records.get(b"G")

    @property
    def ledger(self):
        return self.records[b"L"]

    @property
    def epoch(self):
        """The open epoch; 0 before genesis."""
        return self.ledger.epoch if self.genesis else 0

    def node(self, number):
        return self.get(node_key(number))

    def nodes(self):
        """Every node, by its number."""
        found = []
        while (node := self.node(len(found))) is not None:
            found.append(node)
        return found

    def epoch_record(self, epoch):
        return self.get(epoch_key(epoch))

    def account(self, account):
        """An account, made of zeros where it has no record."""
        return self.get(b"A" + account) or AccountRecord(**dict(zip(AccountRecord.FIELDS, EMPTY_ACCOUNT)))

    def version(self, object_id, version):
        return self.get(version_key(object_id, version))

    def stored(self, object_id, version):
        """What a version holds; None for a marker, and where there is no such version."""
        record = self.version(object_id, version)
        return record and record.stored

    # --- The root --------------------------------------------------------------------------------------

    def root(self):
        """ST-3."""
        changes = {}
        for key in self.changed:
            value = self.records.get(key)
            changes[sha3(key)] = None if value is None else sha3(RECORDS[key[:1]].write(value))
        self.tree = sparse.update(self.tree, changes)
        self.changed.clear()
        return sparse.hash_of(self.tree)
