"""More than 10,000 random cases, each answered by the reference and by the Rust implementation.

The Rust side is `crates/storage-engine/examples/formulas.rs`, spoken to in the line protocol of README.md.
It is built once and gets all cases on its standard input. If it cannot be built, the tests fail.
"""

import json
import os
import random
import subprocess
import unittest
from pathlib import Path

import cases
import qfs_reference as qfs
from test_vectors import agrees, load_cases, request_of

ROOT = Path(__file__).resolve().parents[2]
SEED = 20_130
OBJECTS = 7_000
SETTLEMENTS = 4_000
BUILD = "build --quiet -p storage-engine --example formulas --message-format=json-render-diagnostics".split()


def build_example():
    """Builds the example and returns the path of its program."""
    command = [os.environ.get("CARGO", "cargo"), *BUILD]
    built = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    messages = map(json.loads, built.stdout.splitlines())
    programs = [m["executable"] for m in messages if m.get("executable") and m["target"]["name"] == "formulas"]
    (program,) = programs
    return program


class CrossCheck(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.program = build_example()

    def ask(self, requests):
        """All answers of the Rust side, in order."""
        lines = "".join(json.dumps(request) + "\n" for request in requests)
        ran = subprocess.run([self.program], input=lines, stdout=subprocess.PIPE, encoding="utf-8", check=True)
        answers = [json.loads(line) for line in ran.stdout.splitlines()]
        self.assertEqual(len(answers), len(requests), "one answer for each request")
        return answers

    def agree(self, requests):
        """Holds both sides to each other and returns the answers that they agree on."""
        expected = [qfs.answer(request) for request in requests]
        differences = [
            f"case {number}\n request {json.dumps(request)[:2000]}\n reference {ours}\n Rust {theirs}"
            for number, (request, ours, theirs) in enumerate(zip(requests, expected, self.ask(requests)))
            if ours != theirs
        ]
        self.assertEqual(differences[:3], [], f"{len(differences)} of {len(requests)} cases differ")
        return expected

    def test_random_objects(self):
        rng = random.Random(SEED)
        answers = self.agree([cases.random_object(rng) for _ in range(OBJECTS)])
        # Guard against a generator that has stopped reaching the interesting cases.
        refusals = {answer["error_code"] for answer in answers if "error_code" in answer}
        self.assertEqual(
            refusals, {qfs.INVALID_INPUT, qfs.INVALID_VERSION, qfs.LIMIT, qfs.NO_ELIGIBLE_NODES}
        )
        self.assertGreater(sum("error_code" not in answer for answer in answers), OBJECTS // 2)

    def test_sizes_around_every_boundary(self):
        rng = random.Random(SEED + 1)
        answers = self.agree([cases.boundary_object(rng, *case) for case in cases.boundaries()])
        self.assertFalse([answer for answer in answers if "error_code" in answer])

    def test_random_settlements(self):
        rng = random.Random(SEED + 2)
        answers = self.agree([cases.random_settlement(rng) for _ in range(SETTLEMENTS)])
        caps = [qfs.parse_amount(answer["pool"]) * 3 // 10 for answer in answers]
        best = [max(map(qfs.parse_amount, answer["rewards"]), default=0) for answer in answers]
        most = list(zip(caps, best))
        for kind, reached in (
            ("unrewarded", sum(best == 0 for _, best in most)),
            ("capped", sum(0 < best == cap for cap, best in most)),
            ("uncapped", sum(0 < best < cap for cap, best in most)),
        ):
            self.assertGreater(reached, SETTLEMENTS // 20, kind)

    def test_published_vectors(self):
        vectors = load_cases()
        for number, (case, answer) in enumerate(zip(vectors, self.ask([request_of(case) for case in vectors]))):
            with self.subTest(case=number):
                agrees(self, case, answer)


if __name__ == "__main__":
    unittest.main()
