"""The auditor against published vectors, against the other independent programs, and against `qfs-replay`.

The binaries are those of `binaries`.
"""

import random
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import state_proof
import state_snapshot
from qfs_reference import sha3

from . import borsh, compare, containers, ed25519, edges, export, logs, notes, schema, sparse
from .audit import audit
from .binaries import binaries
from .command import read_keys
from .state import State

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "crates" / "eqm-log" / "tests" / "golden"
COMPARED = 60
# RFC 8032, 7.1: public key, message, signature.
RFC_8032 = (
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
)


class Ed25519(unittest.TestCase):
    def test_published_signatures_hold_and_no_flipped_bit_does(self):
        for key, message, signature in (map(bytes.fromhex, vector) for vector in RFC_8032):
            self.assertTrue(ed25519.verify(key, message, signature))
            self.assertFalse(ed25519.verify(key, message + b"x", signature))
            for bit in range(0, 512, 7):
                forged = bytearray(signature)
                forged[bit // 8] ^= 1 << bit % 8
                self.assertFalse(ed25519.verify(key, message, bytes(forged)), bit)

    def test_el_13_no_second_spelling_and_no_small_order(self):
        key, message, signature = map(bytes.fromhex, RFC_8032[1])
        s = int.from_bytes(signature[32:], "little") + ed25519.ORDER
        self.assertFalse(ed25519.verify(key, message, signature[:32] + s.to_bytes(32, "little")))
        # [1]B = B + [k]0 holds for the neutral element as a key, under every message.
        base, neutral = ed25519._compress(ed25519.BASE), ed25519._compress(ed25519.IDENTITY)
        self.assertFalse(ed25519.verify(neutral, message, base + (1).to_bytes(32, "little")))


class Formats(unittest.TestCase):
    def test_el_golden_exports(self):
        ends = ("b0c5e49cdbea70c50b84f15e1d8013c00d36ac7712d5bf5ee9796b4cd288bd21", "00" * 32)
        for name, end in zip(("export-v1.qfslog", "export-v1-empty.qfslog"), ends):
            data = (GOLDEN / name).read_bytes()
            read = export.Export(data)
            header = read.header()
            for _ in range(header.count):
                read.body()
            checkpoint = read.trailer(header.origin)
            notes.verify(checkpoint, header.keys)
            self.assertEqual(read.entry_hash.hex(), end)
            with self.assertRaises(notes.Refused):
                notes.verify(checkpoint, header.keys[:1])

    def test_el_19_every_flipped_bit_of_the_golden_export_is_refused(self):
        data = (GOLDEN / "export-v1.qfslog").read_bytes()
        for at in range(len(data)):
            forged = bytearray(data)
            forged[at] ^= 1 << at % 8
            with self.assertRaises(export.Divergence):
                self._read(bytes(forged))

    @staticmethod
    def _read(data):
        read = export.Export(data)
        header = read.header()
        for _ in range(header.count):
            read.body()
        read.trailer(header.origin)

    def test_pr_3_example(self):
        one, two, tick = "0100000000000000", "0200000000000000", "1200000000000000"
        command = "c1" * 16 + two + "aa" * 32 + "04" + "03000000" + b"obj".hex() + one + "00"
        data = bytes.fromhex("0100" + two + tick + one + command + "01020000")
        body = borsh.decode(schema.Body, data)
        self.assertEqual((body.seq, body.tick, body.command.action.object, body.outcome.code), (2, 18, "obj", 2))
        self.assertEqual(schema.Body.write(body), data)

    def test_pr_1_what_is_cut_or_left_over_is_refused(self):
        action = schema.Exit(node=1)
        given = schema.Command(id=bytes(16), valid_until_epoch=1, payer=bytes(32), action=action, authorization=None)
        command = schema.Command.write(given)
        for data in [command[:length] for length in range(len(command))] + [command + b"\0"]:
            with self.assertRaises(borsh.Malformed):
                borsh.decode(schema.Command, data)


class Roots(unittest.TestCase):
    def test_st_2_records_and_root_of_the_published_snapshot(self):
        text = (ROOT / "tests" / "vectors" / "state-snapshot.hex").read_text()
        header, records, _ = state_snapshot.read(bytes.fromhex("".join(text.split())))
        state = State()
        for key, value in records:
            record = borsh.decode(schema.RECORDS[key[:1]], value)
            self.assertEqual(schema.RECORDS[key[:1]].write(record), value)
            state.put(key, record)
        self.assertEqual(state.root(), header["state_root"])

    def test_st_4_any_history_gives_the_root_by_definition(self):
        rng, held, tree = random.Random(4), {}, None
        for _ in range(200):
            changes = {}
            for _ in range(rng.randrange(1, 30)):
                # Few first bytes, so that paths share their beginnings.
                path = bytes([rng.randrange(4)]) + sha3(rng.randrange(60).to_bytes(1, "big"))[1:]
                changes[path] = None if rng.random() < 0.5 else rng.randbytes(32)
            held = {path: value for path, value in (held | changes).items() if value is not None}
            tree = sparse.update(tree, changes)
            self.assertEqual(sparse.hash_of(tree), state_proof.root_of(sorted(held.items())))


class AgainstTheBinary(unittest.TestCase):
    """`tests/acceptance/auditors.py` compares a thousand logs and more."""

    @classmethod
    def setUpClass(cls):
        cls.qfs, cls.replay = binaries()

    def test_rp_5_both_auditors_say_the_same(self):
        counts = compare.run(self.qfs, self.replay, COMPARED, seed=7, length=60)
        self.assertEqual(sum(counts.values()) - sum(n for name, n in counts.items() if "rotated" in name), COMPARED)
        for kind in ("honest accepted", "rewritten accepted", "lying rejected", "damaged rejected"):
            self.assertGreater(counts[kind], 0, counts)

    def test_st_7_commands_at_the_edges_are_decided_alike(self):
        log = logs.plain(self.qfs)
        bodies = edges.entered(log)
        with tempfile.TemporaryDirectory() as directory:
            comparison = compare.Comparison(self.replay, directory)
            comparison.compare("edges", logs.export(log, bodies), log.vkeys, True)
        codes = {getattr(borsh.decode(schema.Body, body).outcome, "code", 0) for body in bodies[len(log.bodies) :]}
        self.assertLessEqual({0, 1, 2, 3, 5, 6, 9, 10, 11, 14, 16}, codes)

    def test_el_15_to_19_containers_are_read_alike(self):
        log = logs.plain(self.qfs, 4)
        with tempfile.TemporaryDirectory() as directory:
            comparison = compare.Comparison(self.replay, directory)
            for name, data in containers.variants(log).items():
                comparison.compare(name, data, log.vkeys)
            for name in ("export-v1.qfslog", "export-v1-empty.qfslog"):
                comparison.compare(name, (GOLDEN / name).read_bytes(), log.vkeys, False)
        self.assertGreaterEqual(sum(comparison.counts.values()), 30)

    def test_rp_4_keys_and_exit_status(self):
        log, other = (logs.plain(self.qfs, nodes) for nodes in (5, 6))
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory) / "log"
            path.write_bytes(log.data)
            both = log.vkeys + other.vkeys
            for keys, status in ((log.vkeys, 0), (both, 0), (other.vkeys, 1), (log.vkeys[:1], 1), (["?"], 2)):
                flags = [word for key in keys for word in ("--key", key)]
                ours = subprocess.run(
                    [sys.executable, "-m", "tests.auditor", str(path), *flags], cwd=ROOT, capture_output=True, text=True
                )
                theirs = subprocess.run([self.replay, str(path), *flags], capture_output=True, text=True)
                self.assertEqual((ours.returncode, theirs.returncode), (status, status), ours.stderr + theirs.stderr)

    def test_rp_6_a_program_with_a_wrong_rule_is_noticed(self):
        """The comparison can fail: a fee that is off by one unit in the engine ends in a difference."""
        from . import objects

        log, right = logs.plain(self.qfs), objects.store_fee
        objects.store_fee = lambda *arguments: right(*arguments) + 1
        try:
            with self.assertRaises(export.Divergence) as caught:
                audit(log.data, [key for text in log.vkeys for key in read_keys(text)])
        finally:
            objects.store_fee = right
        self.assertEqual(caught.exception.field, "outcome.fee")


if __name__ == "__main__":
    unittest.main()
