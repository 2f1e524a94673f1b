#!/usr/bin/env python3
"""Honest, rewritten, lying and damaged logs through two auditors: `qfs-replay`, and tests/auditor in Python.

    tests/acceptance/auditors.py --qfs PATH --replay PATH [--count 1000] [--seed 0] [--length 200] [--each 50]

Each log of a random history is followed by EACH - 1 logs made of it. Rewritten ones have changed, dropped, moved and
repeated commands, executed anew by the Python engine and signed with the log's own keys: both must accept. Lying ones
have one wrong outcome, number or state root, signed as well; damaged ones have wrong bytes: both must reject, at the same
place and in the same field. The fixed set of histories of keys comes first. The first disagreement ends the run with
status 1 and leaves its log in a file.

Needs the package of tests/auditor/requirements.txt; `make auditors` installs it.
"""

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
sys.dont_write_bytecode = True

from tests.auditor import compare, key_histories  # noqa: E402


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--qfs", type=Path, required=True)
    parser.add_argument("--replay", type=Path, required=True, help="the binary qfs-replay")
    parser.add_argument("--count", type=int, default=1000, help="logs")
    parser.add_argument("--seed", type=int, default=0, help="of the first history")
    parser.add_argument("--length", type=int, default=200, help="least number of commands of a history")
    parser.add_argument("--each", type=int, default=50, help="logs of one history")
    chosen = parser.parse_args()
    began = time.monotonic()

    def progress(done):
        if done % 50 == 0:
            print(f"{done} logs, {time.monotonic() - began:.0f} s", file=sys.stderr)

    if key_histories.main(["--replay", str(chosen.replay)]):
        return 1
    try:
        counts = compare.run(
            chosen.qfs, chosen.replay, chosen.count, chosen.seed, chosen.length, chosen.each, progress
        )
    except compare.Disagreement as disagreement:
        print(disagreement, file=sys.stderr)
        return 1
    print(f"{sum(counts.values())} logs, both auditors agree: {dict(sorted(counts.items()))}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
