"""Pieces of a log: proof files, growth, published files and misbehaviour, here and with `qfs-replay`.

QFS_EVERY_BYTE=1 changes every byte also of signatures, which takes minutes.
"""

import hashlib
import os
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

from . import forge, pieces, proofs, tiles
from .binaries import ROOT, binaries
from .command import read_keys
from .forge import Forge, log_keys
from .notes import Refused

VECTORS = ROOT / "tests" / "vectors" / "tiles"
KEYS = [one.vkey() for one in log_keys("first")]
# Of bytes within signatures, which cost a verification each, every so many are changed.
SIGNATURE_STRIDE = 1 if os.environ.get("QFS_EVERY_BYTE") else 61


def trees(seats=3):
    """Two histories of one ledger that part after two entries, the second one longer."""
    made = []
    for names in (("a", "b"), ("a", "c", "d")):
        ledger = Forge(seats)
        for name in names:
            ledger.store(name)
        made.append(proofs.Tree(forge.NAME, ledger.bodies, ledger.log[0]))
    return made


def in_signatures(data):
    """Whether a byte stands in the base64 of a signature line."""
    inside = set()
    at = data.find(b"\n\xe2\x80\x94 ")
    while at >= 0:
        end = data.index(b"\n", at + 1)
        inside.update(range(data.rindex(b" ", at, end) + 1, end))
        at = data.find(b"\n\xe2\x80\x94 ", at + 1)
    return inside


def flipped(data, stride=SIGNATURE_STRIDE):
    """The file with one byte changed, for every byte."""
    inside = in_signatures(data)
    for at in range(len(data)):
        if at not in inside or at % stride == 0:
            yield at, data[:at] + bytes([data[at] ^ 1 << at % 8]) + data[at + 1 :]


class Trees(unittest.TestCase):
    def test_el_6_el_7_every_proof_leads_to_the_roots_and_to_no_other(self):
        hashes = [hashlib.sha256(bytes([n])).digest() for n in range(33)]
        for size in range(1, len(hashes) + 1):
            part, root = hashes[:size], tiles.root_of(hashes[:size])
            for index in range(size):
                path = proofs.inclusion(part, index)
                self.assertEqual(pieces.included_under(part[index], index, size, path), root)
                for wrong in (path + [root], path[:-1] if path else [root]):
                    with self.assertRaises(Refused):
                        pieces.included_under(part[index], index, size, wrong)
            for old in range(size + 1):
                before = tiles.root_of(hashes[:old])
                path = proofs.consistency(part, old)
                pieces.require_growth(old, before, size, root, path)
                wrongs = [(before[::-1], root, path), (before, root, path + [root])]
                # Every log has grown from nothing.
                wrongs += [(before, root[::-1], path)] if old else []
                wrongs += [(before, root, path[:-1])] if path else []
                for old_root, new_root, wrong in wrongs:
                    with self.assertRaises(Refused, msg=f"{old} to {size}"):
                        pieces.require_growth(old, old_root, size, new_root, wrong)


class Proofs(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.one, cls.other = trees()

    def test_el_25_entries_in_files(self):
        for seq, leaf in enumerate(self.one.leaves):
            proof = pieces.entry_proof(self.one.proof(seq), KEYS)
            self.assertEqual((proof.seq, proof.leaf, proof.body.seq), (seq, leaf, seq))

    def test_el_25_no_changed_byte_proves(self):
        data = self.one.proof(2)
        for at, forged in flipped(data):
            with self.assertRaises(Refused, msg=at):
                pieces.entry_proof(forged, KEYS)

    def test_el_14_el_25_other_forms_are_refused(self):
        data = self.one.proof(2)
        lines, note = data.split(b"\n\n", 1)
        for name, forged in {
            "no entry": data.replace(data.split(b"\n")[1] + b"\n", b"", 1),
            "another index": data.replace(b"index 2", b"index 1", 1),
            "index with a zero": data.replace(b"index 2", b"index 02", 1),
            "index beyond the log": data.replace(b"index 2", b"index 3", 1),
            "a hash more": lines + b"\n" + lines.split(b"\n")[-1] + b"\n\n" + note,
            "65 hashes": lines + (b"\n" + bytes(44)) * 64 + b"\n\n" + note,
            "an empty line more": lines + b"\n\n\n" + note,
            "carriage returns": data.replace(b"\n", b"\r\n"),
            "bytes at the end": data + b"x",
            "no note": lines + b"\n\n",
            "too long": lines + b"\n\n" + note + b"x" * pieces.MAX_PROOF,
            "nothing": b"",
        }.items():
            with self.assertRaises(Refused, msg=name):
                pieces.entry_proof(forged, KEYS)

    def test_el_13_el_25_keys(self):
        data, strangers = self.one.proof(1), [one.vkey() for one in log_keys("stranger")]
        pieces.entry_proof(data, KEYS + strangers)
        for keys in (KEYS[:1], KEYS[1:], strangers, [KEYS[0], strangers[1]], []):
            with self.assertRaises(Refused):
                pieces.entry_proof(data, keys)

    def test_el_25_an_entry_with_another_number_is_refused(self):
        """Its leaf is in the tree, but the entry says that it is another one."""
        ledger = Forge()
        ledger.store("a")
        shifted = proofs.Tree(forge.NAME, ledger.bodies[1:], ledger.log[0])
        with self.assertRaisesRegex(Refused, "number 1"):
            pieces.entry_proof(shifted.proof(0), KEYS)

    def test_el_26_growth(self):
        for old in range(4):
            pieces.growth(self.one.checkpoint(old), self.one.growth(old), KEYS)
            if old:
                with self.assertRaises(Refused):
                    pieces.growth(self.one.checkpoint(old - 1), self.one.growth(old), KEYS)
        with self.assertRaises(Refused):
            pieces.growth(self.other.checkpoint(3), self.one.growth(3), KEYS)

    def test_el_26_published_growth(self):
        keys = read_keys(str(VECTORS / "vkeys"))
        old, data = (VECTORS / "checkpoint-200").read_bytes(), (VECTORS / "growth.consistency-proof").read_bytes()
        before, after = pieces.growth(old, data, keys)
        self.assertEqual((before.size, after.size), (200, 300))
        for at, forged in flipped(data):
            with self.assertRaises(Refused, msg=at):
                pieces.growth(old, forged, keys)


class Misbehaviour(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.one, cls.other = trees()
        cls.data = proofs.misbehaviour(cls.one.proof(2), cls.other.proof(2))

    def test_el_27_two_entries_at_one_place(self):
        first, second = pieces.misbehaviour(self.data, KEYS)
        self.assertEqual((first.seq, second.seq), (2, 2))
        self.assertEqual((first.leaf, second.leaf), (self.one.leaves[2], self.other.leaves[2]))
        self.assertEqual((first.checkpoint.size, second.checkpoint.size), (3, 4))

    def test_el_27_what_accuses_nobody(self):
        one, other = self.one, self.other
        elsewhere = proofs.Tree("example.com/other", [leaf[32:] for leaf in other.leaves], log_keys("first"))
        stranger = proofs.Tree(forge.NAME, [leaf[32:] for leaf in other.leaves], log_keys("stranger"))
        files = {
            "the same entry": (one.proof(1), other.proof(1)),
            "the same proof": (one.proof(2), one.proof(2)),
            "two entries of one history": (one.proof(1), one.proof(2)),
            "two indices": (one.proof(2), other.proof(3)),
            "another log": (one.proof(2), elsewhere.proof(2)),
            "another's signature": (one.proof(2), stranger.proof(2)),
            "nothing second": (one.proof(2), b""),
            "nothing first": (b"", one.proof(2)),
        }
        for name, (first, second) in files.items():
            with self.assertRaises(Refused, msg=name):
                pieces.misbehaviour(proofs.misbehaviour(first, second), KEYS)

    def test_el_27_forms(self):
        first, second = self.one.proof(2), self.other.proof(2)
        for name, forged in {
            "no first line": self.data.split(b"\n", 1)[1],
            "length with a zero": self.data.replace(b"\n%d\n" % len(first), b"\n0%d\n" % len(first), 1),
            "length with a sign": self.data.replace(b"\n%d\n" % len(first), b"\n+%d\n" % len(first), 1),
            "length beyond the end": self.data.replace(b"\n%d\n" % len(first), b"\n%d\n" % len(self.data), 1),
            "length of both": self.data.replace(b"\n%d\n" % len(first), b"\n%d\n" % len(first + second), 1),
            "too long": self.data + b"x" * pieces.MAX_MISBEHAVIOUR,
            "cut short": self.data[:-1],
            "more bytes": self.data + b"\n",
            "nothing": b"",
        }.items():
            with self.assertRaises(Refused, msg=name):
                pieces.misbehaviour(forged, KEYS)

    def test_el_27_a_changed_byte_refuses_or_says_the_same(self):
        """Of the proofs' own bytes none may change. A line of another's signature is nobody's word, and may."""
        said, kept = self._said(self.data), 0
        witness = "\u2014 witness.example AAAAAAAAAAAA\n".encode()
        data = proofs.misbehaviour(self.one.proof(2) + witness, self.other.proof(2))
        free = range(data.index(witness), data.index(witness) + len(witness))
        for at, forged in flipped(data):
            try:
                self.assertEqual(self._said(forged), said, at)
            except Refused:
                continue
            self.assertIn(at, free)
            kept += 1
        self.assertGreater(kept, 0)

    @staticmethod
    def _said(data):
        return [
            (one.seq, one.leaf, one.checkpoint.origin, one.checkpoint.size, one.checkpoint.root)
            for one in pieces.misbehaviour(data, KEYS)
        ]


class Published(unittest.TestCase):
    def setUp(self):
        self.keys = read_keys(str(VECTORS / "vkeys"))
        kept = tempfile.TemporaryDirectory()
        self.addCleanup(kept.cleanup)
        self.log = Path(kept.name) / "log"
        shutil.copytree(VECTORS, self.log)

    def test_el_24_files_lead_to_the_root(self):
        checkpoint, entry_hash = tiles.published(self.log, self.keys)
        self.assertEqual(checkpoint.size, 300)
        self.assertEqual(entry_hash.hex(), "10138d1cac6dc8d60274a489a0caeb0d709ceb8041ef617955a70909a264b2c2")

    def test_el_24_no_changed_byte_of_any_file(self):
        files = [path for path in self.log.glob("tile/**/*") if path.is_file()] + [self.log / "checkpoint"]
        for path in files:
            data = path.read_bytes()
            stride = 1 if path.name == "1" else 29
            for at, forged in flipped(data):
                if at % stride == 0:
                    path.write_bytes(forged)
                    with self.assertRaises(Refused, msg=f"{path} {at}"):
                        tiles.published(self.log, self.keys)
            for forged in (data[:-1], data + b"\0", b""):
                path.write_bytes(forged)
                with self.assertRaises(Refused, msg=path):
                    tiles.published(self.log, self.keys)
            path.unlink()
            with self.assertRaises(Refused, msg=path):
                tiles.published(self.log, self.keys)
            path.write_bytes(data)
        tiles.published(self.log, self.keys)

    def test_el_24_a_full_tile_may_stand_for_a_partial_one(self):
        """The checkpoint over 200 entries, in the log that has 300 by now."""
        shutil.copy(self.log / "checkpoint-200", self.log / "checkpoint")
        checkpoint, _ = tiles.published(self.log, self.keys)
        self.assertEqual(checkpoint.size, 200)

    def test_el_1_el_2_a_broken_chain_under_a_sound_tree(self):
        ledger = Forge()
        ledger.store("a")
        tree = proofs.Tree(forge.NAME, ledger.bodies, ledger.log[0])
        tree.leaves[1] = bytes(32) + tree.leaves[1][32:]
        tree.hashes[1] = pieces.leaf_hash(tree.leaves[1])
        written(self.log, tree)
        with self.assertRaisesRegex(Refused, "predecessor"):
            tiles.published(self.log, [one.vkey() for one in ledger.log[0]])


def written(directory, tree):
    """A log of fewer entries than fill a tile, as files."""
    shutil.rmtree(directory)
    count = len(tree.leaves)
    bundle = b"".join(len(leaf).to_bytes(2, "big") + leaf for leaf in tree.leaves)
    for kind, data in (("entries", bundle), ("0", b"".join(tree.hashes))):
        path = directory / tiles.path_of(kind, 0, count)
        path.parent.mkdir(parents=True)
        path.write_bytes(data)
    (directory / "checkpoint").write_bytes(tree.checkpoint())


class AgainstTheBinary(unittest.TestCase):
    """Status for status, over files that are sound and files with a changed byte."""

    @classmethod
    def setUpClass(cls):
        _, cls.replay = binaries()
        cls.one, cls.other = trees()

    def setUp(self):
        kept = tempfile.TemporaryDirectory()
        self.addCleanup(kept.cleanup)
        self.directory = Path(kept.name)
        self.path, self.keys = self.directory / "piece", self.directory / "vkeys"
        self.keys.write_text("\n".join(map(str, KEYS)) + "\n")

    def _theirs(self, name, *files):
        done = subprocess.run([self.replay, name, *files, "--key", f"@{self.keys}"], capture_output=True, text=True)
        self.assertIn(done.returncode, (0, 1), done.stderr)
        return done.returncode == 0

    def _compare(self, name, data, judge, *before):
        self.path.write_bytes(data)
        try:
            judge(data)
            holds = True
        except Refused:
            holds = False
        self.assertEqual(self._theirs(name, *before, self.path), holds, f"{name}, kept until now in {self.path}")
        return holds

    def test_rp_15_proofs(self):
        judge = lambda data: pieces.entry_proof(data, KEYS)
        for seq in range(3):
            self.assertTrue(self._compare("proof", self.one.proof(seq), judge))
        for at, forged in flipped(self.one.proof(2)):
            if at % 11 == 0:
                self._compare("proof", forged, judge)

    def test_rp_15_growth(self):
        old = self.directory / "old"
        for size in range(4):
            old.write_bytes(self.one.checkpoint(size))
            judge = lambda data: pieces.growth(old.read_bytes(), data, KEYS)
            self.assertTrue(self._compare("consistency", self.one.growth(size), judge, old))
        for at, forged in flipped(self.one.growth(3)):
            if at % 11 == 0:
                self._compare("consistency", forged, judge, old)

    def test_rp_16_misbehaviour(self):
        judge = lambda data: pieces.misbehaviour(data, KEYS)
        pairs = ((2, 2, True), (1, 1, False), (2, 3, False), (0, 0, False), (1, 2, False))
        for first, second, holds in pairs:
            data = proofs.misbehaviour(self.one.proof(first), self.other.proof(second))
            self.assertEqual(self._compare("misbehaviour", data, judge), holds, (first, second))
        elsewhere = proofs.Tree("example.com/other", [leaf[32:] for leaf in self.other.leaves], log_keys("first"))
        two_logs = proofs.misbehaviour(self.one.proof(2), elsewhere.proof(2))
        self.assertFalse(self._compare("misbehaviour", two_logs, judge))
        for at, forged in flipped(proofs.misbehaviour(self.one.proof(2), self.other.proof(2))):
            if at % 23 == 0:
                self._compare("misbehaviour", forged, judge)


if __name__ == "__main__":
    unittest.main()
