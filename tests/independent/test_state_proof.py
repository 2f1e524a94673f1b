"""The committed state proofs against their specification, and against every single flipped bit."""

import json
import unittest
from pathlib import Path

import state_proof

VECTORS = Path(__file__).resolve().parent.parent / "vectors" / "state-proofs.json"


def load_cases():
    cases = json.loads(VECTORS.read_text(encoding="utf-8"))["cases"]
    for case in cases:
        value = case["value"]
        yield (
            case["records"],
            bytes.fromhex(case["root"]),
            bytes.fromhex(case["key"]),
            None if value is None else bytes.fromhex(value),
            bytes.fromhex(case["proof"]),
        )


class StateProofs(unittest.TestCase):
    def refused(self, *arguments):
        self.assertRaises(state_proof.Refused, state_proof.verify, *arguments)

    def test_st_3_roots_are_those_of_the_definition(self):
        def record(n):
            return (state_proof.sha3(b"Okey-%d" % n), state_proof.sha3(n.to_bytes(2, "big") * (n % 7)))

        for count, root, *_ in load_cases():
            self.assertEqual(root, state_proof.root_of([record(n) for n in range(count)]))

    def test_st_9_every_committed_proof_verifies(self):
        cases = list(load_cases())
        self.assertGreaterEqual(len(cases), 10)
        self.assertTrue(any(value is None for *_, value, _ in cases))
        for _, root, key, value, proof in cases:
            state_proof.verify(root, key, value, proof)
            self.refused(root, key, b"another value", proof)
            self.refused(bytes(31) + b"\1", key, value, proof)
            if value is not None:
                self.refused(root, key, None, proof)

    def test_st_9_no_flipped_bit_verifies(self):
        for _, root, key, value, proof in load_cases():
            for at in range(len(proof) * 8):
                flipped = bytearray(proof)
                flipped[at // 8] ^= 1 << at % 8
                self.refused(root, key, value, bytes(flipped))
            for cut in range(len(proof)):
                self.refused(root, key, value, proof[:cut])
            self.refused(root, key, value, proof + bytes(32))


if __name__ == "__main__":
    unittest.main()
