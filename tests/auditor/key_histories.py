"""Honest and forged histories of keys (KY), each with what the rules say of it: verdict, place and field.

    python3 -m tests.auditor.key_histories [--replay PATH] [--write DIR] [NAME]…

Every history goes through this auditor, and through `qfs-replay` when its path is given. Of a sound log the two must
also agree on the state root, and the evidence must list the generations of the log's keys. The set is the same bytes on
every run.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from . import compare, key_checkpoints, key_commands, notes
from .audit import audit
from .export import Divergence


@dataclass(frozen=True)
class Expected:
    """What an auditor must say: the verdict, or place and field of the first divergence."""

    verdict: str = ""
    place: str = ""
    field: str = ""

    def __str__(self):
        return self.verdict or f"{self.place}, {self.field}"


@dataclass(frozen=True)
class History:
    """The bytes of an export, the vkeys that are pinned, and what must be said of them."""

    name: str
    data: bytes
    pins: tuple
    expected: Expected
    log_keys: object = None


def histories():
    """All of them, in a fixed order and under names of their own."""
    names = set()
    for made in chain(key_checkpoints.histories(), key_commands.histories()):
        name, data, pins, said, *generations = made
        assert name not in names, name
        names.add(name)
        verdict = "pinned" if pins else "unpinned"
        expected = Expected(verdict) if said is None else Expected("", *said)
        yield History(name, data, tuple(pins), expected, *generations)


def ours(history):
    pins = [notes.VerifierKey.parse(text) for text in history.pins]
    try:
        verdict = audit(history.data, pins)
    except Divergence as divergence:
        return Expected("", divergence.place, divergence.field), None
    return Expected(verdict.name), verdict.state_root.hex()


def theirs(replay, history, directory):
    path, keys, evidence = (Path(directory) / name for name in ("log.qfslog", "log.vkeys", "evidence"))
    path.write_bytes(history.data)
    keys.write_text("\n".join(history.pins) + "\n")
    pinned = ["--key", f"@{keys}"] if history.pins else []
    command = [str(replay), str(path), "--json", "--evidence", str(evidence), *pinned]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    if done.returncode not in (0, 1):
        raise compare.Disagreement(f"{replay} ended with status {done.returncode}: {done.stderr[-1_000:]}")
    row = json.loads(done.stdout)
    if done.returncode == 0:
        log_keys = json.loads((evidence / "storage_replay.json").read_text())["log_keys"]
        return Expected(row["verdict"]), row["state_root"], log_keys
    found = compare.REPORT.search(row["error_detail"])
    return Expected("", found and found[1], found and found[2]), None, row["error_detail"]


def judge(history, replay=None, directory=None):
    """Sentences about all that is not as it must be; none when all is well."""
    said, root = ours(history)
    wrong = [] if said == history.expected else [f"here: {said}"]
    if replay is not None:
        other, other_root, more = theirs(replay, history, directory)
        if other != history.expected:
            wrong.append(f"{Path(replay).name}: {other} ({more})")
        elif root != other_root:
            wrong.append(f"state root here {root}, there {other_root}")
        elif root and history.log_keys is not None and more != history.log_keys:
            wrong.append(f"log_keys in evidence: {more}, expected {history.log_keys}")
    return [f"{history.name}: expected {history.expected}; {one}" for one in wrong]


def write(history, directory):
    """The history as files, for whoever wants to look at one."""
    name = history.name.replace(" ", "-").replace("/", "-")
    (directory / f"{name}.qfslog").write_bytes(history.data)
    (directory / f"{name}.expected").write_text(f"{history.expected}\n")
    if history.pins:
        (directory / f"{name}.vkeys").write_text("\n".join(history.pins) + "\n")


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python3 -m tests.auditor.key_histories", description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="histories whose names contain this; all without")
    parser.add_argument("--replay", type=Path, help="the binary qfs-replay")
    parser.add_argument("--write", type=Path, metavar="DIR", help="leave every log, its pins and what is expected")
    chosen = parser.parse_args(arguments)
    if chosen.write:
        chosen.write.mkdir(parents=True, exist_ok=True)
    count, wrong = 0, []
    with tempfile.TemporaryDirectory(prefix="qfs-keys-") as directory:
        for history in histories():
            if chosen.names and not any(part in history.name for part in chosen.names):
                continue
            count += 1
            if chosen.write:
                write(history, chosen.write)
            wrong += judge(history, chosen.replay, directory)
    for sentence in wrong:
        print(sentence, file=sys.stderr)
    print(f"{count} histories of keys, {len(wrong)} not as the rules say")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
