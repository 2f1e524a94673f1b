"""Both auditors over the same logs: this one, and `qfs-replay`."""

import json
import random
import re
import subprocess
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from . import logs, notes
from .audit import audit
from .export import Divergence

# Of the logs after an honest one.
KINDS = ("rewritten", "rewritten", "lying", "lying", "damaged")
REPORT = re.compile(r"(entry \d+|header|trailer), ([^:]+):")


class Disagreement(Exception):
    """The two auditors say different things of one log."""


@dataclass(frozen=True)
class Saying:
    """What an auditor says of a log: the last entry and the state, or where it departs and in which field."""

    accepted: bool
    entry_hash: str = ""
    state_root: str = ""
    place: str = ""
    field: str = ""


def ours(data, vkeys):
    try:
        verdict = audit(data, [notes.VerifierKey.parse(text) for text in vkeys])
    except Divergence as divergence:
        return Saying(False, place=divergence.place, field=divergence.field), str(divergence)
    return Saying(True, verdict.entry_hash.hex(), verdict.state_root.hex()), ""


def theirs(binary, path, keys):
    command = [str(binary), str(path), "--key", f"@{keys}", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    if done.returncode not in (0, 1):
        raise Disagreement(f"{binary} ended with status {done.returncode}: {done.stderr[-1_000:]}")
    row = json.loads(done.stdout)
    if done.returncode == 0:
        return Saying(True, row["last_entry_hash"], row["state_root"]), ""
    found = REPORT.search(row["error_detail"])
    return Saying(False, place=found and found[1], field=found and found[2]), row["error_detail"]


class Comparison:
    """Runs both over logs, and counts what they agree on. A disagreement ends it, and leaves the log in a file."""

    def __init__(self, replay, directory):
        self.replay, self.directory, self.counts = replay, Path(directory), Counter()

    def compare(self, name, data, vkeys, expected=None):
        path, keys = self.directory / "log.qfslog", self.directory / "log.vkeys"
        path.write_bytes(data)
        keys.write_text("\n".join(vkeys) + "\n")
        (mine, my_words), (other, other_words) = ours(data, vkeys), theirs(self.replay, path, keys)
        if mine != other or expected not in (None, mine.accepted):
            kept = Path(tempfile.mkdtemp(prefix="qfs-auditors-"))
            (kept / "log.qfslog").write_bytes(data)
            (kept / "log.vkeys").write_text("\n".join(vkeys) + "\n")
            said = f"  here:   {my_words or mine}\n  binary: {other_words or other}"
            raise Disagreement(f"{name} (kept in {kept})\n{said}")
        verdict = "accepted" if mine.accepted else "rejected"
        self.counts[f"{name.split()[0]} {verdict}"] += 1
        return mine


def run(qfs, replay, count, seed=0, length=200, each=50, progress=lambda done: None):
    """Compares `count` logs: each honest one is followed by what is made of it. Returns the counts."""
    with tempfile.TemporaryDirectory(prefix="qfs-auditors-") as directory:
        comparison, done = Comparison(replay, directory), 0
        while done < count:
            log = logs.honest(qfs, seed, length, directory)
            comparison.compare(f"honest {seed}", log.data, log.vkeys, True)
            todo = min(each - 1, count - done - 1)
            for number in range(todo):
                _one(comparison, log, seed, number)
                progress(done + number + 2)
            done, seed = done + 1 + todo, seed + 1
        return comparison.counts


def _one(comparison, log, seed, number):
    rng = random.Random(f"{seed} {number}")
    kind, name = "reopened" if number % 25 == 24 else KINDS[number % len(KINDS)], f"of seed {seed}, number {number}"
    if kind == "rewritten":
        bodies = logs.rewritten(log, rng)
        data = logs.export(log, bodies)
        comparison.compare(f"rewritten {name}", data, logs.vkeys_after(log, bodies), True)
        # The first keys may lead to those in force, or not (KY-8).
        if logs.vkeys_after(log, bodies) != log.vkeys:
            comparison.compare(f"rotated {name}", data, log.vkeys)
    elif kind == "reopened":
        comparison.compare(f"reopened {name}", logs.export(log, logs.reopened(log, rng)), log.vkeys)
    elif kind == "lying":
        bodies, at = logs.lying(log, rng)
        said = comparison.compare(f"lying {name}", logs.export(log, bodies), log.vkeys, False)
        if said.place != f"entry {at}":
            raise Disagreement(f"lying {name}: the lie is in entry {at}, found at {said.place}")
    else:
        data = logs.damaged(log.data, rng)
        comparison.compare(f"damaged {name}", data, log.vkeys, None if data == log.data else False)
