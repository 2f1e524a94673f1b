"""Keys: every history of `key_histories` through both auditors, and what makes the set worth anything."""

import tempfile
import unittest
from collections import Counter

from . import compare, key_histories, logs, writer
from .binaries import binaries


class Keys(unittest.TestCase):
    def test_ky_every_history_is_judged_as_the_rules_say(self):
        _, replay = binaries()
        said, wrong = Counter(), []
        with tempfile.TemporaryDirectory() as directory:
            for history in key_histories.histories():
                wrong += key_histories.judge(history, replay, directory)
                said[history.expected.field or history.expected.verdict] += 1
        self.assertEqual(wrong, [])
        fields = {"log_keys", "header.keys", "checkpoint.signature", "outcome", "outcome.code", "state_root"}
        self.assertLessEqual(fields | {"pinned", "unpinned"}, said.keys())
        self.assertGreaterEqual(sum(said.values()), 60)

    def test_ky_8_a_log_whose_keys_qfs_has_replaced(self):
        """By both auditors, under pins of each generation and of all."""
        qfs, replay = binaries()
        log, generations = logs.rotated(qfs)
        self.assertEqual(sorted(generations), [1, 2, 3, 4])
        with tempfile.TemporaryDirectory() as directory:
            comparison = compare.Comparison(replay, directory)
            for number, vkeys in generations.items():
                comparison.compare(f"pinned to {number}", log.data, vkeys, number in logs.LEADING)
            comparison.compare("pinned to all", log.data, sum(generations.values(), []), True)
            # A program that follows the rules makes the same bytes of the same commands.
            execution = writer.Execution()
            for body in log.bodies:
                execution.add(body.command, body.tick)
            comparison.compare("made anew", logs.export(log, execution.bodies), log.vkeys, True)


if __name__ == "__main__":
    unittest.main()
