#!/usr/bin/env python3
"""Random histories of a whole ledger through `qfs`, beside the independent model of tests/independent/ledger_model.

    tests/acceptance/histories.py --binary PATH [--count 1000] [--separate 20] [--seed 0] [--jobs 2]
                                  [--length 200] [--dir DIR]
    tests/acceptance/histories.py --binary PATH --replay FILE [--separate 1]
    tests/acceptance/histories.py --model-only [--count 5000]

Each history is one `qfs batch`, which is interrupted only where a node loses a shard; the first `--separate` of them
are run a second time with one process for each command. Every printed row is compared with what the model says, and at
the end nodes, rewards and lists of all epochs, bundle, proposals, versions, the log, the samples of audits, and the
verdict of `qfs replay` over the export. The first difference ends the run with status 1; its history is kept in a file
that `--replay` takes.
"""

import argparse
import os
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "independent"))
sys.dont_write_bytecode = True

from ledger_model import driver, histories  # noqa: E402

SHOWN = ("epochs closed", "in force", "copies moved", "fenced objects", "failed proofs", "damage")
STEP = 50


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--binary", type=Path, help="the qfs to hold to the model")
    parser.add_argument("--count", type=int, default=1000, help="histories")
    parser.add_argument("--separate", type=int, default=20, help="of them, run again as separate processes")
    parser.add_argument("--seed", type=int, default=0, help="of the first history")
    parser.add_argument("--length", type=int, default=200, help="least number of commands of a history")
    parser.add_argument("--jobs", type=int, default=2, help="histories at the same time")
    parser.add_argument("--dir", type=Path, help="where data directories go; the system's temporary directory if not given")
    parser.add_argument("--replay", type=Path, help="run this history instead of random ones")
    parser.add_argument("--model-only", action="store_true", help="no binary: only what the model checks of itself")
    chosen = parser.parse_args()
    if not chosen.model_only and (chosen.binary is None or not os.access(chosen.binary, os.X_OK)):
        parser.error("--binary is the path of a qfs")
    return chosen


def totals(client):
    """What happened in a history."""
    counts = Counter({name: client.counts[name] for name in SHOWN})
    counts["entries"] = client.ledger.next_seq
    counts.update(client.refusals)
    return counts


def one(binary, base, length, task):
    """One history, by its seed: the counts, or the difference in words."""
    seed, separate = task
    history = histories.generate(seed, length)
    try:
        client = driver.run(binary, history, separate, base) if binary else driver.model_only(history)
    except driver.Difference as difference:
        return None, str(difference)
    except AssertionError as broken:
        return None, f"history {seed}: the model breaks its own invariant: {broken}"
    return totals(client) + Counter({"histories": 1, "commands": len(history.commands)}), None


def replay(chosen):
    history = histories.History.from_json(chosen.replay.read_text())
    client = driver.run(chosen.binary, history, chosen.separate == 1, chosen.dir)
    return totals(client)


def run_all(chosen):
    seeds = range(chosen.seed, chosen.seed + chosen.count)
    separate = 0 if chosen.model_only else chosen.separate
    tasks = [(seed, False) for seed in seeds] + [(seed, True) for seed in seeds[:separate]]
    binary = None if chosen.model_only else chosen.binary.resolve()
    sums, begun = Counter(), time.monotonic()
    with ProcessPoolExecutor(chosen.jobs) as pool:
        running = [pool.submit(partial(one, binary, chosen.dir, chosen.length), task) for task in tasks]
        for done, future in enumerate(as_completed(running), 1):
            counts, difference = future.result()
            if difference:
                pool.shutdown(wait=False, cancel_futures=True)
                raise driver.Difference(difference)
            sums += counts
            if done % STEP == 0:
                print(f"{done} of {len(tasks)}, {time.monotonic() - begun:.0f} s", file=sys.stderr)
    return sums


def main():
    chosen = arguments()
    if chosen.dir:
        chosen.dir.mkdir(parents=True, exist_ok=True)
    try:
        sums = replay(chosen) if chosen.replay else run_all(chosen)
    except driver.Difference as difference:
        print(difference, file=sys.stderr)
        return 1
    refusals = {name: count for name, count in sorted(sums.items()) if name.startswith("SE_ERR_")}
    rest = {name: count for name, count in sums.items() if name not in refusals}
    print(", ".join(f"{count} {name}" for name, count in rest.items()))
    print("refused: " + ", ".join(f"{count} {name[7:]}" for name, count in refusals.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
