"""State snapshots, read a second time from rules ST-1, ST-11 and ST-12 of the specification.

Nothing but the Python standard library is used. Form, hashes, order and root are checked; whether values are records (ST-2)
is not looked at, as the root answers for them. As a program it checks a file of `qfs state snapshot`:
`python3 state_snapshot.py FILE [ROOT]`.
"""

import sys

from state_proof import Refused, root_of, sha3

MAGIC = bytes.fromhex("89514653534e500a")
VERSION = 1
MAX_CHUNK = 65_536
LAST_SEQ = 2**64 - 1
KINDS = {1: b"ABEFGHIKLNOPQSUVW", 2: b"C"}


class Input:
    """The file from its first byte on."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, length):
        if self.at + length > len(self.data):
            raise Refused("cut short")
        self.at += length
        return self.data[self.at - length:self.at]

    def number(self, length):
        return int.from_bytes(self.take(length), "big")


def split(records):
    """The (key, value) pairs of a chunk."""
    chunk = Input(records)
    while chunk.at < len(records):
        key, value = chunk.number(2), chunk.number(4)
        yield chunk.take(key), chunk.take(value)


def read_header(file):
    if file.take(8) != MAGIC:
        raise Refused("another magic")
    if file.number(4) != VERSION:
        raise Refused("another version")
    header = {"ledger_id": file.take(32), "next_seq": file.number(8), "tick": file.number(8)}
    header |= {"entry_hash": file.take(32), "state_root": file.take(32)}
    if header["next_seq"] in (0, LAST_SEQ):
        raise Refused("no log ends there")
    return header


def read_chunk(file, part):
    """The bytes of a chunk's records."""
    start = file.at - 1
    length = file.number(4)
    if not 1 <= length <= MAX_CHUNK:
        raise Refused("an empty or too long chunk")
    records = file.take(length)
    if file.take(32) != sha3(file.data[start:start + 5 + length]):
        raise Refused("another chunk hash")
    return records


def read_parts(file):
    """The records of both parts, and all bytes of the second."""
    parts, ids, before = {1: [], 2: []}, b"", (1, MAX_CHUNK)
    while part := file.number(1):
        if part not in parts or part < before[0]:
            raise Refused("a part is unknown or out of place")
        chunk = read_chunk(file, part)
        records = list(split(chunk))
        first = 6 + sum(map(len, records[0]))
        if before[0] == part and before[1] + first <= MAX_CHUNK:
            raise Refused("the chunk before had room")
        parts[part] += records
        ids += chunk if part == 2 else b""
        before = (part, len(chunk))
    return parts, ids


def check_keys(part, records):
    keys = [key for key, _ in records]
    if any(a >= b for a, b in zip(keys, keys[1:])):
        raise Refused("a key is out of order or comes twice")
    if any(key[:1] not in [bytes([kind]) for kind in KINDS[part]] for key in keys):
        raise Refused("a kind that the part does not have")


def read(data, root=None):
    """The header and the records of a snapshot, refused unless it is one; of the state with `root` where one is given."""
    file = Input(data)
    header = read_header(file)
    if root is not None and header["state_root"] != root:
        raise Refused("another state")
    parts, ids = read_parts(file)
    for part, records in parts.items():
        check_keys(part, records)
    if [file.number(8), file.number(8)] != [len(parts[1]), len(parts[2])] or file.take(32) != sha3(ids):
        raise Refused("other counts")
    covered = file.at
    if file.take(32) != sha3(data[:covered]):
        raise Refused("another file hash")
    if file.at != len(data):
        raise Refused("bytes after the end")
    if root_of([(sha3(key), sha3(value)) for key, value in parts[1]]) != header["state_root"]:
        raise Refused("another root")
    genesis = dict(parts[1]).get(b"G", b"")
    if sha3(b"qfs/v1/ledger" + genesis) != header["ledger_id"]:
        raise Refused("another ledger")
    return header, parts[1], parts[2]


if __name__ == "__main__":
    with open(sys.argv[1], "rb") as given:
        found, covered_records, uses = read(given.read(), bytes.fromhex(sys.argv[2]) if len(sys.argv) > 2 else None)
    print(f"verified {len(covered_records)} records and {len(uses)} command ids after entry {found['next_seq'] - 1}",
          "under", found["state_root"].hex())
