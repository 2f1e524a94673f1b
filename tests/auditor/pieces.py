"""Pieces of a log without the log (RP-15, RP-16): one entry, growth, two histories, and published files.

What is refused is refused with `notes.Refused` and a reason in words. Nothing is executed.
"""

import hashlib
import re
from dataclasses import dataclass

from qfs_reference import sha3

from . import notes, schema
from .borsh import Malformed, decode
from .notes import Refused

MAX_PROOF = 262_144
MAX_GROWTH = 69_632
MAX_MISBEHAVIOUR = 524_352
MAX_PATH, MAX_GROWTH_PATH = 64, 63
MAX_LEAF = 65_535
LINK = 32
PROOF_LINE, MISBEHAVIOUR_LINE = b"c2sp.org/tlog-proof@v1", b"qfs-misbehaviour@v1"


def require(condition, reason):
    if not condition:
        raise Refused(reason)


def leaf_hash(data):
    """EL-3."""
    return hashlib.sha256(b"\0" + data).digest()


def node_hash(left, right):
    """EL-4."""
    return hashlib.sha256(b"\1" + left + right).digest()


# --- Proofs of the tree ------------------------------------------------------------------------------


def included_under(leaf, index, size, path):
    """EL-6: the root that an inclusion proof leads to (RFC 9162, 2.1.3.2)."""
    require(index < size, "the entry is not below the checkpoint")
    at, last, root = index, size - 1, leaf
    for sibling in path:
        require(last > 0, "the path is too long")
        if at & 1 or at == last:
            root = node_hash(sibling, root)
            at, last = _up_to_a_right_half(at, last)
        else:
            root = node_hash(root, sibling)
        at, last = at >> 1, last >> 1
    require(last == 0, "the path is too short")
    return root


def _up_to_a_right_half(at, last):
    while at and not at & 1:
        at, last = at >> 1, last >> 1
    return at, last


def require_growth(old_size, old_root, size, root, path):
    """EL-7 (RFC 9162, 2.1.4.2)."""
    require(old_size <= size, "the log has shrunk")
    if old_size in (0, size):
        expected = root if old_size == size else hashlib.sha256().digest()
        require(not path, "a path where there is none")
        require(old_root == expected, "another root of the same entries")
        return
    at, last = old_size - 1, size - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    # Where the earlier tree is one complete subtree, its root begins the path.
    first, *rest = path if at else [old_root, *path]
    earlier = later = first
    for sibling in rest:
        require(last > 0, "the path is too long")
        if at & 1 or at == last:
            earlier, later = node_hash(sibling, earlier), node_hash(sibling, later)
            at, last = _up_to_a_right_half(at, last)
        else:
            later = node_hash(later, sibling)
        at, last = at >> 1, last >> 1
    require(last == 0, "the path is too short")
    require(earlier == old_root, "the path does not lead to the earlier root")
    require(later == root, "the path does not lead to the later root")


# --- Files -------------------------------------------------------------------------------------------


def signed_checkpoint(note, keys):
    """EL-13."""
    checkpoint = notes.parse(note)
    notes.verify(checkpoint, keys)
    return checkpoint


def _split(data, most):
    """Lines before the empty one, and the note after it."""
    require(len(data) <= most, f"more than {most} bytes")
    head, separator, note = data.partition(b"\n\n")
    require(separator, "no empty line")
    try:
        return head.decode("ascii").split("\n"), note
    except UnicodeDecodeError:
        raise Refused("other characters than those of a proof") from None


def _number(text, prefix):
    found = re.fullmatch(prefix + "(0|[1-9][0-9]{0,18})", text, re.ASCII)
    require(found and int(found[1]) <= notes.MAX_SIZE, f"{text!r} is no number after {prefix!r}")
    return int(found[1])


def _hashes(lines, most):
    require(len(lines) <= most, f"more than {most} hashes")
    hashes = [notes.decode_base64(line) for line in lines]
    require(all(len(one) == 32 for one in hashes), "a hash has 32 bytes")
    return hashes


@dataclass(frozen=True)
class EntryProof:
    """An entry that is in a log (EL-25), and the checkpoint that says so."""

    checkpoint: notes.Checkpoint
    seq: int
    leaf: bytes
    body: object

    @property
    def previous(self):
        return self.leaf[:LINK]

    @property
    def entry_hash(self):
        """EL-1."""
        return sha3(self.previous + sha3(self.leaf[LINK:]))


def entry_proof(data, keys):
    """EL-14 and EL-25."""
    lines, note = _split(data, MAX_PROOF)
    require(lines[0].encode() == PROOF_LINE, "no proof file")
    require(len(lines) > 2 and lines[1].startswith("extra "), "the proof encloses no entry")
    leaf = notes.decode_base64(lines[1].removeprefix("extra "))
    require(LINK < len(leaf) <= MAX_LEAF, "the entry has another length")
    seq = _number(lines[2], "index ")
    require(seq < notes.MAX_SIZE, "no entry has this index")
    path = _hashes(lines[3:], MAX_PATH)
    checkpoint = signed_checkpoint(note, keys)
    root = included_under(leaf_hash(leaf), seq, checkpoint.size, path)
    require(root == checkpoint.root, "the path does not lead to the root")
    return EntryProof(checkpoint, seq, leaf, _body(leaf, seq))


def _body(leaf, seq):
    try:
        body = decode(schema.Body, leaf[LINK:])
    except Malformed as error:
        raise Refused(f"the entry is not canonical: {error}") from None
    require(body.seq == seq, f"the entry says that it is number {body.seq}")
    return body


def growth(old_note, data, keys):
    """EL-26: the earlier and the later checkpoint."""
    lines, note = _split(data, MAX_GROWTH)
    size = _number(lines[0], "old ")
    path = _hashes(lines[1:], MAX_GROWTH_PATH)
    old, new = signed_checkpoint(old_note, keys), signed_checkpoint(note, keys)
    require(old.origin == new.origin, "two logs")
    require(old.size == size, "the proof begins at another size")
    require_growth(old.size, old.root, new.size, new.root, path)
    return old, new


def misbehaviour(data, keys):
    """EL-27: the two entries that the log has at one place."""
    require(len(data) <= MAX_MISBEHAVIOUR, f"more than {MAX_MISBEHAVIOUR} bytes")
    line, _, rest = data.partition(b"\n")
    require(line == MISBEHAVIOUR_LINE, "no proof of misbehaviour")
    line, _, rest = rest.partition(b"\n")
    length = _number(line.decode("latin-1"), "")
    require(length <= len(rest), "the first proof is cut short")
    first, second = entry_proof(rest[:length], keys), entry_proof(rest[length:], keys)
    require(first.checkpoint.origin == second.checkpoint.origin, "two logs")
    require(first.seq == second.seq, "two entries of one history")
    require(first.leaf != second.leaf, "twice the same entry")
    return first, second
