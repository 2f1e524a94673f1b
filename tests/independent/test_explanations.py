"""Numbers of two explanations, computed by hand: hashlib, whole numbers, and nothing of the Rust sources.

The explanations are golden files of the crate `replay` (RP-13, RP-14). Run: python3 -m unittest discover -s tests/independent
"""

import hashlib
import json
import pathlib
import unittest

GOLDEN = pathlib.Path(__file__).parents[2] / "crates/replay/tests/golden"
SCALE = 10**18


def read(name):
    return json.loads((GOLDEN / f"explain-{name}.json").read_text())


def steps_of(explanation, title):
    return [step for step in explanation["steps"] if step["title"] == title]


def sha3(text):
    return hashlib.sha3_256(text.encode()).hexdigest()


def units(text):
    whole, decimals = text.split(".")
    assert len(decimals) == 18
    return int(whole + decimals)


class Placement(unittest.TestCase):
    """RP-13: names, hashes, remainders and walks."""

    def setUp(self):
        self.explanation = read("placement")

    def test_rp_13_shard_id_and_start_hash(self):
        (name,) = steps_of(self.explanation, "Shard id")
        (start,) = steps_of(self.explanation, "Start hash")
        subject = self.explanation["subject"]
        self.assertTrue(name["inputs"]["name"].startswith(f"{subject['object']}:{subject['version']}:"))
        self.assertEqual(sha3(name["inputs"]["name"]), name["result"])
        self.assertEqual(name["result"], subject["shard"])
        self.assertEqual(sha3(name["result"]), start["result"])

    def test_rp_13_walks_give_the_copies(self):
        explanation = self.explanation
        (listed,) = steps_of(explanation, "Eligible nodes")
        (start,) = steps_of(explanation, "Start index")
        (walk,) = steps_of(explanation, "Walk")
        nodes = listed["inputs"]["list"].split()
        self.assertEqual(nodes, sorted(nodes))
        first = int(start["inputs"]["start hash"], 16) % len(nodes)
        self.assertEqual(first, int(start["result"]))
        copies = [nodes[(first + copy) % len(nodes)] for copy in range(3)]
        self.assertEqual(copies, walk["result"].split())
        starts = steps_of(explanation, "Start of a replacement")
        moves = steps_of(explanation, "Replacement")
        self.assertEqual(len(starts), len(moves))
        self.assertGreater(len(moves), 0)
        for start, move in zip(starts, moves):
            nodes = start["inputs"]["list"].split()
            first = int(start["inputs"]["start hash"], 16) % len(nodes)
            self.assertEqual(first, int(start["result"]))
            at = int(move["inputs"]["copy"])
            siblings = move["inputs"]["siblings"].split()
            self.assertEqual(siblings, copies[:at] + copies[at + 1 :])
            self.assertTrue(move["inputs"]["from"].startswith(copies[at] + ":"))
            # No node of this log is DRAINING or shares a domain on these walks, which their rows would say.
            self.assertFalse([row for row in move["rows"] if "DRAINING" in row or "shares" in row])
            free = [nodes[(first + i) % len(nodes)] for i in range(len(nodes))]
            free = [node for node in free if node not in siblings and node != copies[at]]
            copies[at] = free[0]
            self.assertEqual(copies[at], move["result"])
        self.assertEqual(copies, explanation["result"])


class Reward(unittest.TestCase):
    """RP-14: fees, pool, contributions, reward and conservation."""

    def setUp(self):
        self.explanation = read("reward")

    def one(self, title):
        (step,) = steps_of(self.explanation, title)
        return step

    def test_rp_14_fees_and_pool(self):
        fees = sum(units(row.split()[-1]) for row in self.one("Fees of the epoch")["rows"])
        self.assertEqual(fees, units(self.one("Fees of the epoch")["result"]))
        pool = self.one("Pool")
        share = units(pool["parameters"]["pool_share"])
        self.assertEqual(min(fees * share // SCALE, units(pool["parameters"]["pool_cap"])), units(pool["result"]))

    def test_rp_14_reward_and_conservation(self):
        node = self.explanation["subject"]["node"]
        pool = units(self.one("Pool")["result"])
        contributions = {}
        for row in self.one("Sum of contributions")["rows"][1:]:
            name, stored, bucket, proofs, contribution = row.split()
            contributions[name] = int(stored) * int(bucket) * int(proofs)
            self.assertEqual(contributions[name], int(contribution))
        total = sum(contributions.values())
        self.assertEqual(total, int(self.one("Sum of contributions")["result"]))
        reward = self.one("Reward")
        cap = pool * units(reward["parameters"]["node_reward_cap"]) // SCALE
        self.assertEqual(cap, units(reward["inputs"]["cap"]))
        rewards = {name: min(pool * own // total, cap) for name, own in contributions.items()}
        self.assertEqual([rewards[node]], [units(text) for text in self.explanation["result"]])
        end = self.one("Conservation")
        fees = units(self.one("Pool")["inputs"]["fees"])
        parts = {name: units(value) for name, value in end["inputs"].items()}
        self.assertEqual(parts["rewards"], sum(rewards.values()))
        self.assertEqual(parts["treasury"], fees - pool)
        self.assertEqual(parts["reserve"], pool - sum(rewards.values()))
        self.assertEqual(fees, sum(parts.values()))
        self.assertEqual(fees, units(end["result"]))


if __name__ == "__main__":
    unittest.main()
