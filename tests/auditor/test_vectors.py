"""The auditor's signatures against published vectors (PR-1); see tests/vectors/ml-dsa and tests/vectors/ed25519."""

import base64
import json
import unittest
from collections import Counter
from pathlib import Path

from . import ed25519, signatures

VECTORS = Path(__file__).resolve().parents[1] / "vectors"
SUITES = {2: "44", 3: "65", 4: "87"}
# Python is slow: of each kind of vector this many, the ledger's own tests take all.
OF_EACH_KIND = 2


def tests(name):
    """Key and test, one after another."""
    for group in json.loads((VECTORS / name).read_text(encoding="ascii")):
        for test in group["tests"]:
            yield base64.b64decode(test.get("key", group.get("key", ""))), test


def some_of_each_kind(name):
    seen = Counter()
    for key, test in tests(name):
        kind = (*test["flags"], test["valid"])
        seen[kind] += 1
        if seen[kind] <= OF_EACH_KIND:
            yield key, test


def parts(test):
    return tuple(base64.b64decode(test[name]) for name in ("message", "signature"))


class Vectors(unittest.TestCase):
    def test_pr_1_ed25519(self):
        used = 0
        for name in ("wycheproof", "edges"):
            for key, test in tests(f"ed25519/{name}.json"):
                found = ed25519.verify(key, *parts(test))
                self.assertEqual(found, test["valid"], test["comment"])
                used += 1
        self.assertEqual(used, 151 + 47)

    def test_pr_1_ml_dsa(self):
        used = 0
        for suite, name in SUITES.items():
            for key, test in some_of_each_kind(f"ml-dsa/wycheproof-verify-{name}.json"):
                found = signatures.verify(suite, key, *parts(test))
                # The ledger's context is empty.
                expected = test["valid"] and "context" not in test
                self.assertEqual(found, expected, f"ML-DSA-{name}, test {test['id']}: {test['comment']}")
                used += 1
        self.assertGreater(used, 80)


if __name__ == "__main__":
    unittest.main()
