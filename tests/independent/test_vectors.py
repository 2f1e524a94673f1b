"""The reference against the published vectors, and against constants worked out by hand."""

import hashlib
import json
import unittest
from pathlib import Path

import qfs_reference as qfs

VECTORS = Path(__file__).resolve().parent.parent / "vectors" / "v13-profile.json"


def load_cases():
    return json.loads(VECTORS.read_text(encoding="utf-8"))["cases"]


def content_of(case):
    """The bytes that a vector describes by kind, size and seed."""
    kind, size = case["content"]["kind"], case["content"]["size"]
    if kind == "zeros":
        return bytes(size)
    if kind == "counter":
        return bytes(i % 256 for i in range(size))
    if kind == "shake":
        return hashlib.shake_128(case["content"]["seed"].encode("ascii")).digest(size)
    raise ValueError(f"no content kind {kind}")


def request_of(case):
    """A vector as a request of the line protocol."""
    return {
        "op": "object",
        "object_id": case["object_id"],
        "version": str(case["version"]),
        "metadata_json": json.dumps(case["metadata"]),
        "content_hex": content_of(case).hex(),
        "nodes": case["eligible_nodes"],
        "profile": [4, 0, 3],
    }


def agrees(test, case, answer):
    """Holds an answer of the line protocol to a vector."""
    test.assertNotIn("error_code", answer)
    for field in ("canonical_metadata", "hash_commit", "shard_ids", "atr_cost"):
        test.assertEqual(answer[field], case[field], field)
    sets = dict(zip(answer["shard_ids"], answer["replica_sets"]))
    test.assertEqual(sets, case["replica_sets"])


class PublishedVectors(unittest.TestCase):
    def test_reference_agrees_with_every_vector(self):
        cases = load_cases()
        self.assertGreaterEqual(len(cases), 16)
        for number, case in enumerate(cases):
            with self.subTest(case=number):
                agrees(self, case, qfs.answer(request_of(case)))


class CanonicalJson(unittest.TestCase):
    def canonical(self, text):
        return qfs.canonical_json(qfs.parse_json(text))

    def test_keys_are_sorted_by_utf16(self):
        # The example of RFC 8785, section 3.2.3: U+1F600 sorts before U+FB33, unlike by code points.
        keys = ["\u20ac", "\r", "\ufb33", "1", "\U0001f600", "\u0080", "\u00f6"]
        order = ["\r", "1", "\u0080", "\u00f6", "\u20ac", "\U0001f600", "\ufb33"]
        text = self.canonical(json.dumps({key: 0 for key in keys}))
        self.assertEqual(list(json.loads(text)), order)

    def test_strings_have_one_form(self):
        self.assertEqual(self.canonical(r'"\u0041\/\u00e9\u000a\u001F\u007f"'), '"A/é\\n\\u001f\x7f"')

    def test_refusals(self):
        for text in (
            "1.0", "1e2", "9007199254740992", "-9007199254740992", '{"a":1,"a":1}', '{"a":1,"\\u0061":1}',
            "NaN", "Infinity", "01", "+1", "[1,]", "'a'", '"\n"', "", "1 2", "\ufeff1",
            "[" * 65 + "]" * 65, "9" * 5000,
        ):
            with self.subTest(text=text[:40]), self.assertRaises(qfs.Refused):
                self.canonical(text)
        with self.assertRaises(qfs.Refused):
            self.canonical(r'"\ud800"')

    def test_limits_are_inclusive(self):
        for text in ("9007199254740991", "-9007199254740991", "[" * 64 + "]" * 64):
            self.assertEqual(self.canonical(text), text)
        self.assertEqual(self.canonical("-0"), "0")


class Layout(unittest.TestCase):
    def test_empty_shard_has_the_hash_of_nothing(self):
        self.assertEqual(
            qfs.merkle_root(b"").hex(), "a7ffc6f8bf1ed76651c14756a061d662f580ff4de43b49fa82d80a4b80f8434a"
        )

    def test_three_leaves_split_two_and_one(self):
        a, b, c = (qfs.sha3(b"\x00" + bytes([n]) * size) for n, size in ((1, 4096), (2, 4096), (3, 1)))
        expected = qfs.sha3(b"\x01" + qfs.sha3(b"\x01" + a + b) + c)
        self.assertEqual(qfs.merkle_root(bytes([1]) * 4096 + bytes([2]) * 4096 + b"\x03"), expected)

    def test_blocks_go_round_the_columns(self):
        content = bytes(range(11))
        self.assertEqual(
            qfs.data_columns(content, qfs.V13, block_size=2),
            [b"\x00\x01\x08\x09", b"\x02\x03\x0a", b"\x04\x05", b"\x06\x07"],
        )

    def test_parity_is_as_long_as_the_first_column(self):
        profile = qfs.Profile(3, 2, 1)
        for size in range(40):
            columns = qfs.data_columns(bytes(size), profile, block_size=4)
            self.assertEqual(qfs.parity_length(size, profile, block_size=4), max(map(len, columns)))


class Economics(unittest.TestCase):
    def node(self, stored, proofs=1, uptime="0.95", verified=True):
        return qfs.NodeFacts(stored, qfs.parse_amount(uptime), proofs, verified)

    def test_fee_by_hand(self):
        for size, keys, fee in ((0, 5, 0), (1, 0, 100), (1024, 0, 100), (1025, 1, 202), (1, 99, 199), (1, 500, 199)):
            self.assertEqual(qfs.atr_fee(size, keys), fee * qfs.SCALE)

    def test_settlement_by_hand(self):
        # Pool 100; contributions 900, 90, 90 and none: the first is capped at 30, 90 of 1,080 earn 8.33…
        nodes = [self.node(100), self.node(10), self.node(10), self.node(10, verified=False)]
        settled = qfs.settle(1000 * qfs.SCALE, nodes)
        share = 100 * qfs.SCALE * 90 // 1080
        self.assertEqual(settled.rewards, [30 * qfs.SCALE, share, share, 0])
        self.assertEqual(settled.treasury, 900 * qfs.SCALE)
        self.assertEqual(settled.reserve, 70 * qfs.SCALE - 2 * share)

    def test_two_nodes_earn_nothing(self):
        settled = qfs.settle(10 * qfs.SCALE, [self.node(1), self.node(1), self.node(1, verified=False)])
        self.assertEqual((settled.rewards, settled.reserve), ([0, 0, 0], qfs.SCALE))

    def test_pool_is_capped_and_floored(self):
        self.assertEqual(qfs.settle(10**8 * qfs.SCALE, []).pool, 10**6 * qfs.SCALE)
        self.assertEqual(qfs.settle(19, []).pool, 1)

    def test_full_uptime_counts_ten(self):
        self.assertEqual(self.node(7, proofs=2, uptime="1").contribution(), 140)
        self.assertEqual(self.node(7, proofs=2, uptime="0.999999999999999999").contribution(), 126)


if __name__ == "__main__":
    unittest.main()
