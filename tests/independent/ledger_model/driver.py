"""A history through the binary, beside the model: every row is compared, and at the end everything that can be shown."""

import json
import shutil
import subprocess
import tempfile
from pathlib import Path

from .client import ANY, Client
from .commandline import Words, line

MARK = {"do": "epoch-show"}
ENDS_PROCESS = ("damage", "restart")
DIVERGED_ROWS = 3


class Difference(Exception):
    """The binary and the model disagree."""


def differences(expected, got, path=""):
    """Where two documents differ, as sentences."""
    if isinstance(expected, dict) and isinstance(got, dict):
        for key in sorted(expected.keys() | got.keys()):
            where = f"{path}.{key}"
            if key not in expected:
                yield f"{where}: not expected, got {got[key]!r}"
            elif key not in got:
                yield f"{where}: missing, expected {expected[key]!r}"
            else:
                yield from differences(expected[key], got[key], where)
    elif isinstance(expected, list) and isinstance(got, list):
        if len(expected) != len(got):
            yield f"{path}: {len(expected)} expected, got {len(got)}: {expected!r} against {got!r}"
            return
        for index, pair in enumerate(zip(expected, got)):
            yield from differences(*pair, f"{path}[{index}]")
    elif not (expected == got and (type(expected) is type(got) or expected is ANY)):
        yield f"{path}: expected {expected!r}, got {got!r}"


class Process:
    """`qfs` over one data directory."""

    def __init__(self, binary, data_dir):
        self.command = [str(binary), "--json", "--data-dir", str(data_dir)]

    def run(self, words, stdin=None):
        """The rows, and the exit status. A row that is no JSON is a difference."""
        done = subprocess.run(self.command + words, input=stdin, capture_output=True, text=True, timeout=600)
        try:
            rows = [json.loads(text) for text in done.stdout.splitlines()]
        except ValueError as error:
            raise Difference(f"{words}: output is no JSON: {error}: {done.stdout[-500:]!r}") from None
        if done.returncode not in (0, 1, 2):
            raise Difference(f"{words}: status {done.returncode}: {done.stderr[-2_000:]}")
        return rows, done.returncode


class Run:
    """One history."""

    def __init__(self, binary, history, directory, separate=False):
        self.directory = Path(directory)
        self.data_dir = self.directory / "data"
        self.qfs = Process(binary, self.data_dir)
        self.words = Words(self.directory / "files")
        self.history = history
        self.separate = separate
        self.client = Client(history.init)
        self.entry_hashes = {}
        self.position = 0

    # --- The course --------------------------------------------------------------------------------------

    def execute(self):
        rows, status = self.qfs.run(self.words.init(self.history.init))
        if status != 0:
            raise Difference(f"init: {rows}")
        self.words.scorer = rows[0].get("scorer")
        self._commands()
        self._final()
        return self.client

    def _commands(self):
        segment = []
        for command in self.history.commands:
            if command["do"] in ENDS_PROCESS:
                self._segment(segment)
                segment = []
                self._outside(command)
            else:
                segment.append(command)
        self._segment(segment)

    def _segment(self, commands):
        if not self.separate:
            return self._batch(commands)
        for command in commands:
            rows, status = self.qfs.run(self.words.of(command))
            self._command(command, rows, status)

    def _batch(self, commands):
        """One process. After every command the open epoch is shown, which also tells commands' rows apart."""
        if not commands:
            return
        mark = line(self.words.of(MARK)) + "\n"
        path = self.directory / f"batch{self.position}"
        path.write_text("".join(line(self.words.of(command)) + "\n" + mark for command in commands))
        rows, _ = self.qfs.run(["batch", str(path)])
        for command in commands:
            self._command(command, self._until_mark(command, rows), None)
        if rows:
            raise Difference(f"rows that no command printed: {rows[:DIVERGED_ROWS]}")

    def _until_mark(self, command, rows):
        """The rows of a command. Where it shows epochs itself, what it prints is known to be one row."""
        taken = []
        own = 1 if command["do"] == "epoch-show" else 0
        while rows and (own > 0 or not _is_mark(rows[0])):
            own -= 1
            taken.append(rows.pop(0))
        if not rows:
            raise Difference(f"the batch ended after {command}: {taken[-DIVERGED_ROWS:]}")
        self.mark = rows.pop(0)
        return taken

    def _command(self, command, rows, status):
        self.position += 1
        expected = self.client.apply(command, rows)
        usage = status == 2 and not rows and _is_usage(expected)
        if not usage:
            self._compare(command, expected, rows)
        if status is not None and not usage and status != int(any(row.get("ok") is False for row in expected)):
            raise Difference(f"{command}: exit status {status}, expected {expected}")
        self._remember(rows)
        if status is None:
            self._compare(MARK, self.client.apply(MARK), [self.mark])
        self.client.ledger.check()

    def _compare(self, command, expected, got):
        found = list(differences(expected, got))
        if found:
            raise Difference(f"command {self.position}, {str(command)[:200]}:\n  " + "\n  ".join(found[:12]))

    def _remember(self, rows):
        for row in rows:
            if "seq" in row and "entry_hash" in row:
                self.entry_hashes[row["seq"]] = row["entry_hash"]

    def _outside(self, command):
        """What happens between processes."""
        rows = self.client.apply(command)
        if command["do"] == "damage":
            was_there = rows[0]["lost"]
            found = list((self.data_dir / "nodes" / command["node"] / "data").glob(f"*/{command['shard']}-*"))
            if bool(found) != was_there:
                raise Difference(f"{command}: {len(found)} files, expected {'one' if was_there else 'none'}")
            for path in found:
                path.unlink()

    # --- The end -----------------------------------------------------------------------------------------

    def _final(self):
        epochs = range(1, self.client.ledger.epoch + 1)
        shown = [{"do": "node-list"}, {"do": "bundle"}, {"do": "gov-show"}, {"do": "ls", "versions": True}]
        shown += [{"do": "rewards", "epoch": epoch} for epoch in epochs]
        shown += [{"do": "epoch-show", "epoch": epoch} for epoch in epochs]
        self._segment(shown)
        self._log()
        self._replay()

    def _log(self):
        rows, _ = self.qfs.run(["log", "show"])
        self._compare("log show", self.client.log_rows(), rows)
        hashes = {row["seq"]: row["entry_hash"] for row in rows}
        wrong = {seq for seq, entry_hash in self.entry_hashes.items() if hashes[seq] != entry_hash}
        if wrong:
            raise Difference(f"entries {sorted(wrong)} have other hashes in the log than in their rows")
        for seq, shards, limits, observed in self.client.samples:
            expected = self.client.sampled(bytes.fromhex(hashes[seq]), shards, limits)
            self._compare(f"the sample of audit {seq}", expected, [_challenge(row) for row in observed])

    def _replay(self):
        path = self.directory / "ledger.qfslog"
        rows, status = self.qfs.run(["log", "export", str(path)])
        if status != 0:
            raise Difference(f"log export: {rows}")
        rows, status = self.qfs.run(["replay", str(path)])
        good = status == 0 and rows and rows[0].get("passed") is True
        if not good or rows[0]["entries"] != self.client.ledger.next_seq:
            raise Difference(f"replay: {rows}")


def _is_mark(row):
    return "opened_at" in row


def _is_usage(expected):
    return len(expected) == 1 and expected[0].get("error_code") == "SE_ERR_INVALID_INPUT"


def _challenge(row):
    return {"node_id": row.get("node_id"), "shard_id": row.get("shard_id")}


def model_only(history):
    """A history through the model alone, which checks itself after every command; returns its client."""
    client = Client(history.init)
    for command in history.commands:
        client.apply(command)
        client.ledger.check()
    return client


def run(binary, history, separate=False, base=None):
    """Runs a history in a directory of its own, which stays only where it failed; returns the model's client."""
    directory = Path(tempfile.mkdtemp(prefix=f"qfs-history-{history.seed}-", dir=base))
    try:
        client = Run(binary, history, directory, separate).execute()
    except Exception as error:
        (directory / "history.jsonl").write_text(history.to_json())
        raise Difference(f"history {history.seed} (kept in {directory}): {error}") from error
    shutil.rmtree(directory)
    return client
