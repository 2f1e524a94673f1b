"""The committed snapshot against its specification, and against every single flipped bit."""

import unittest
from pathlib import Path

import state_snapshot
from state_proof import Refused

VECTOR = Path(__file__).resolve().parent.parent / "vectors" / "state-snapshot.hex"


class StateSnapshots(unittest.TestCase):
    def setUp(self):
        self.file = bytes.fromhex(VECTOR.read_text(encoding="utf-8"))

    def refused(self, data, root=None):
        self.assertRaises(Refused, state_snapshot.read, data, root)

    def test_st_11_the_committed_snapshot_has_its_root(self):
        header, records, ids = state_snapshot.read(self.file)
        self.assertEqual({key[:1] for key, _ in records}, {bytes([kind]) for kind in b"ABEFGHIKLNOPQSUVW"})
        self.assertEqual(len(ids), header["next_seq"])
        state_snapshot.read(self.file, header["state_root"])
        self.refused(self.file, bytes(32))

    def test_st_12_nothing_else_is_a_snapshot(self):
        for at in range(len(self.file)):
            flipped = bytearray(self.file)
            flipped[at] ^= 1 << at % 8
            self.refused(bytes(flipped))
            self.refused(self.file[:at])
        self.refused(self.file + b"\0")


if __name__ == "__main__":
    unittest.main()
