"""State proofs, verified a second time from rules ST-3, ST-5 and ST-9 of the specification.

Nothing but the Python standard library is used. As a program it checks a document of `qfs state prove`:
`python3 state_proof.py FILE [ROOT]`.
"""

import hashlib
import json
import sys

NOT_COVERED = (b"C", b"T", b"Z")
MAX_SIBLINGS = 256


class Refused(Exception):
    """A proof that does not prove what it should."""


def sha3(data):
    return hashlib.sha3_256(data).digest()


def bit(path, depth):
    return path[depth // 8] >> (7 - depth % 8) & 1


def decode(proof):
    """The leaf (path, value hash) or None, and the siblings from the lowest up, of canonical bytes (ST-9)."""
    if not proof or proof[0] > 1:
        raise Refused("neither a leaf nor none")
    at = 1 + 64 * proof[0]
    leaf = (proof[1:33], proof[33:65]) if proof[0] else None
    count = int.from_bytes(proof[at:at + 4], "little")
    if count > MAX_SIBLINGS or len(proof) != at + 4 + 32 * count:
        raise Refused("not the length of its siblings")
    siblings = proof[at + 4:]
    return leaf, [siblings[i:i + 32] for i in range(0, len(siblings), 32)]


def verify(root, key, value, proof):
    """Refuses unless the map with `root` has `value` under `key`, or nothing where value is None (ST-5)."""
    if not key or key[:1] in NOT_COVERED:
        raise Refused("the root does not cover this key")
    leaf, siblings = decode(proof)
    path = sha3(key)
    if value is not None and leaf != (path, sha3(value)):
        raise Refused("another value")
    if value is None and leaf is not None:
        shares = all(bit(leaf[0], d) == bit(path, d) for d in range(len(siblings)))
        if leaf[0] == path or not shares:
            raise Refused("not absent")
    half = bytes(32) if leaf is None else sha3(b"\0" + leaf[0] + leaf[1])
    for depth, sibling in zip(reversed(range(len(siblings))), siblings):
        half = sha3(b"\1" + (sibling + half if bit(path, depth) else half + sibling))
    if half != root:
        raise Refused("another root")


def root_of(records, depth=0):
    """The root of a list of (path, value hash), by its definition (ST-3)."""
    if not records:
        return bytes(32)
    if len(records) == 1:
        return sha3(b"\0" + records[0][0] + records[0][1])
    halves = [[r for r in records if bit(r[0], depth) == side] for side in (0, 1)]
    return sha3(b"\1" + root_of(halves[0], depth + 1) + root_of(halves[1], depth + 1))


def check_document(document, root=None):
    """Refuses a document of `qfs state prove` (ST-10) that does not hold; under `root` where one is given."""
    if document["format"] != "qfs-state-proof-v1":
        raise Refused("another format")
    stated = bytes.fromhex(document["state_root"])
    if root is not None and root != stated:
        raise Refused("stated under another root")
    value = document["value"]
    value = None if value is None else bytes.fromhex(value)
    verify(stated, bytes.fromhex(document["key"]), value, bytes.fromhex(document["proof"]))


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as file:
        given = json.load(file)
    check_document(given, bytes.fromhex(sys.argv[2]) if len(sys.argv) > 2 else None)
    print("verified", "absent" if given["value"] is None else "present", "under", given["state_root"])
