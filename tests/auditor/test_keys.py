"""Keys: every history of `key_histories` through both auditors, and what makes the set worth anything."""

import tempfile
import unittest
from collections import Counter

from . import key_histories
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


if __name__ == "__main__":
    unittest.main()
