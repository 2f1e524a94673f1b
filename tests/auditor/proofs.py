"""Proof files as a log would write them (EL-14, EL-25 to EL-27). For tests."""

import base64
import hashlib

from qfs_reference import sha3

from . import writer
from .pieces import leaf_hash
from .tiles import root_of


def leaves_of(bodies):
    """EL-3: every entry behind the hash of the one before."""
    leaves, entry_hash = [], bytes(32)
    for body in bodies:
        leaves.append(entry_hash + body)
        entry_hash = sha3(entry_hash + sha3(body))
    return leaves


def _half(count):
    return 1 << (count - 1).bit_length() - 1


def inclusion(hashes, index):
    """EL-6 by the definition of RFC 6962, 2.1.1, the sibling of the leaf first."""
    if len(hashes) == 1:
        return []
    half = _half(len(hashes))
    left, right = hashes[:half], hashes[half:]
    if index < half:
        return [*inclusion(left, index), root_of(right)]
    return [*inclusion(right, index - half), root_of(left)]


def consistency(hashes, size):
    """EL-7 by the definition of RFC 6962, 2.1.2, between the first `size` of the hashes and all."""
    return _between(hashes, size, True) if 0 < size < len(hashes) else []


def _between(hashes, size, known):
    if size == len(hashes):
        return [] if known else [root_of(hashes)]
    half = _half(len(hashes))
    if size <= half:
        return [*_between(hashes[:half], size, known), root_of(hashes[half:])]
    return [*_between(hashes[half:], size - half, False), root_of(hashes[:half])]


def _text(lines, note):
    return "".join(f"{line}\n" for line in lines).encode() + b"\n" + note


def _encoded(hashes):
    return [base64.b64encode(one).decode() for one in hashes]


class Tree:
    """The leaves of a log of some length, and who signs for it."""

    def __init__(self, name, bodies, signers):
        self.name, self.leaves = name, leaves_of(bodies)
        self.hashes = [leaf_hash(leaf) for leaf in self.leaves]
        self.signers = [(one.vkey(), one.sign) for one in signers]

    def checkpoint(self, size=None):
        size = len(self.leaves) if size is None else size
        root = root_of(self.hashes[:size]) if size else hashlib.sha256().digest()
        return writer.checkpoint(self.name, size, root, self.signers)

    def proof(self, seq):
        """EL-25."""
        extra = base64.b64encode(self.leaves[seq]).decode()
        path = _encoded(inclusion(self.hashes, seq))
        return _text(["c2sp.org/tlog-proof@v1", f"extra {extra}", f"index {seq}", *path], self.checkpoint())

    def growth(self, size):
        """EL-26."""
        return _text([f"old {size}", *_encoded(consistency(self.hashes, size))], self.checkpoint())


def misbehaviour(first, second):
    """EL-27, of two proof files."""
    return b"qfs-misbehaviour@v1\n%d\n" % len(first) + first + second
