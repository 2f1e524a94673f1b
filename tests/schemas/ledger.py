"""A scripted ledger: every command of `qfs`, with what is done, what is refused and what fails."""

import contextlib
import hashlib
import json
import shutil
import subprocess
import urllib.error
import urllib.request
from collections import namedtuple
from pathlib import Path

from documents import command_of

# What was printed, and by which command.
Row = namedtuple("Row", "command document")

NODES = ["n0,region=EU,operator=acme,asn=64500", "n1,region=EU", "n2,region=US", "n3", "n4", "n5"]
SETTINGS = ["voting_epochs=1"]
# Four at a time by one speaker; an emergency among them is voted on at once.
PROPOSALS = [
    ("operator", "parameter fee_per_kib 80"),
    ("operator", "parameter audit_sample 3"),
    ("operator", "parameter prepaid true"),
    ("operator", "parameter profile 2,0,2"),
    ("council-0", "rule min_uptime 0.5"),
    ("council-0", "rule denied_regions UK,US"),
    ("council-0", "rule failure_domain region"),
    ("council-0", "rule quarantine 3/4"),
    ("council-1", "rule scorers {account}"),
    ("council-1", "quarantine n4"),
    ("council-1", "code-version 2"),
    ("council-1", "credit operator 12.5"),
]
EMERGENCY = len(PROPOSALS) + 1
METADATA = {"tags": ["sea", "sand"], "n": -3, "deep": {"list": [None, True, "ü", {}]}, "author": "u1"}


class Ledger:
    """One data directory, and every row that commands upon it have printed."""

    def __init__(self, binary, work, name):
        self.binary, self.work, self.data = str(binary), Path(work), Path(work) / name
        self.rows, self.files = [], 0

    def file(self, content):
        self.files += 1
        path = self.data.with_suffix(f".{self.files}")
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(path)

    def run(self, *words, status=0, lines=None, program=None):
        """The rows of a command that must end with `status`."""
        words = [word for text in words for word in ([text] if isinstance(text, str) else text)]
        head = program or [self.binary, "--data-dir", str(self.data), "--json"]
        done = subprocess.run([*head, *words], input=lines or "", capture_output=True, text=True)
        said = f"{' '.join(words):.200}: status {done.returncode}: {done.stderr[-500:]}{done.stdout[-500:]}"
        assert done.returncode == status, said
        rows = []
        # A text may have other characters in it that end a line elsewhere.
        for line in done.stdout.removesuffix("\n").split("\n") if done.stdout else ():
            try:
                rows.append(json.loads(line))
            except ValueError:
                raise AssertionError(f"{' '.join(words):.200}: no JSON on standard output: {line!r:.200}") from None
        command = command_of([Path(program[0]).name] if program else words)
        self.rows += [Row(command, row) for row in rows]
        return rows

    @contextlib.contextmanager
    def serving(self, *words):
        """The first row of a command that serves; the others are kept once it has been ended."""
        command = [self.binary, "--data-dir", str(self.data), "--json", *words]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            try:
                rows = [json.loads(process.stdout.readline())]
                yield rows[0]
            finally:
                process.terminate()
            rows += [json.loads(line) for line in process.stdout]
        assert process.returncode == 0, process.returncode
        self.rows += [Row(command_of(words), row) for row in rows]

    def one(self, *words, **more):
        (row,) = self.run(*words, **more)
        return row

    def refused(self, code, *words, **more):
        row = self.run(*words, status=1, **more)[-1]
        assert row["error_code"] == f"SE_ERR_{code}", row

    def snapshots(self, low=()):
        """Snapshots of the registry and of telemetry, as files; uptime of the nodes in `low` is bad."""
        names = [row["node_id"] for row in self.run("node", "list")]
        key = {"pqc_public_key": "aa", "pqc_scheme": "ML-DSA-44", "revoked": False}
        reading = {"health_score": "1", "conflict_detected": False}
        registry = {"schema_version": "v1.0", "nodes": {name: key for name in names}}
        nodes = {name: {**reading, "uptime_ratio": "0.1" if name in low else "1"} for name in names}
        telemetry = {"schema_version": "v1.0", "nodes": nodes}
        canonical = json.dumps(telemetry, sort_keys=True, separators=(",", ":"))
        telemetry["telemetry_hash"] = hashlib.sha3_256(canonical.encode()).hexdigest()
        files = self.file(json.dumps(registry)), self.file(json.dumps(telemetry))
        return ["--registry", files[0], "--telemetry", files[1]]

    def lose(self, node):
        """Every shard of a node is gone from its disk."""
        for path in (self.data / "nodes" / node).rglob("*"):
            if path.is_file():
                path.write_bytes(b"")


def history(binary, work):
    """The rows of a ledger's whole life, and the directories of the evidence that was written."""
    ledger = Ledger(binary, work, "ledger")
    made = ledger.one("init", [word for node in NODES for word in ("--node", node)], "--set", SETTINGS)
    ledger.refused("CONFLICT", "init")
    stored = objects(ledger)
    proofs(ledger, stored)
    ledger.run("audit", "run", "--all")
    propose(ledger, made["scorer"])
    nodes(ledger)
    money(ledger, stored)
    derivations(ledger, stored)
    keys(ledger)
    batch(ledger)
    evidence = log(ledger)
    state(ledger, made["operator"])
    rest = [nowhere_to_go(binary, work), reconstructed(binary, work), tour(binary, work), benchmarks(binary, work)]
    return ledger.rows + [row for rows in rest for row in rows], evidence


def objects(ledger):
    """Stored, read, listed, deleted, ended. Gives the row of a version that stays."""
    sea = ledger.file(b"sea" * 9_000)
    stored = ledger.one("put", sea, "--object-id", "sea.jpg", "--metadata", json.dumps(METADATA))
    ledger.run("put", ledger.file(""), "--object-id", "empty")
    ledger.run("put", sea, "--object-id", "big", "--version", str(2**64 - 2))
    ledger.run("put", sea, "--hash-ids", "space")
    ledger.refused("INVALID_VERSION", "put", sea, "--object-id", "sea.jpg", "--version", "1")
    ledger.refused("INVALID_INPUT", "put", sea, "--metadata", "[1.5]")
    ledger.refused("NOT_FOUND", "put", "/no/such/file")
    copy = str(ledger.work / "copy")
    ledger.run("get", "sea.jpg", "-o", copy)
    ledger.run("get", "sea.jpg", "-o", copy, "--range", "3-5")
    ledger.refused("NOT_FOUND", "get", "nothing", "-o", copy)
    assert ledger.run("get", "sea.jpg", status=2) == [], "a usage error is no document"
    ledger.run("rm", "empty")
    ledger.refused("NOT_FOUND", "rm", "nothing")
    ledger.run("purge", "empty", "1")
    ledger.refused("NOT_FOUND", "purge", "empty", "9")
    ledger.refused("INVALID_VERSION", "purge", "empty", "0")
    ledger.run("ls")
    ledger.run("ls", "--versions")
    return stored


def proofs(ledger, stored):
    # All of it is in the first column; the others have no leaf to prove.
    shard, *_, empty = stored["shard_ids"]
    ledger.refused("PROOF_UNAVAILABLE", "proof", "sea.jpg", "1", empty)
    proof = ledger.one("proof", "sea.jpg", "1", shard)
    keys = [word for key in ledger.one("log", "checkpoint")["vkeys"] for word in ("--key", key)]
    ledger.run("proof", "verify", ledger.file(json.dumps(proof)))
    ledger.run("proof", "verify", ledger.file(json.dumps(proof)), keys)
    ledger.refused("INTEGRITY_MISMATCH", "proof", "verify", ledger.file(json.dumps({**proof, "leaf": 1})))
    ledger.refused("NOT_FOUND", "proof", "sea.jpg", "1", "0" * 64)


def propose(ledger, account):
    """Every kind of change; one is voted on and activated in the same epoch, one in the next."""
    for speaker, words in PROPOSALS:
        ledger.run("gov", "propose", words.format(account=account).split(), "--speaker", speaker)
    ledger.refused("CONFLICT", "gov", "propose", "parameter", "fee_per_kib", "90")
    ledger.run("gov", "propose", "expel", "n5", "--emergency", "--speaker", "council-2")
    ledger.refused("TOO_EARLY", "gov", "vote", "1")
    ledger.run("gov", "vote", str(EMERGENCY))
    ledger.run("gov", "activate", str(EMERGENCY), "--speaker", "council-1")
    ledger.refused("NOT_FOUND", "gov", "activate", "99")
    ledger.run("gov", "show")
    ledger.run("epoch", "show")
    ledger.run("epoch", "advance", ledger.snapshots(low=["n3"]))
    ledger.run("gov", "vote", "1")
    ledger.run("gov", "vote", "2", "no", "--speaker", "council-0")
    ledger.refused("NOT_FOUND", "gov", "show", "99")


def nodes(ledger):
    """They join, lose shards, leave; copies move."""
    ledger.run("node", "register", "n6", "--region", "EU")
    ledger.refused("CONFLICT", "node", "register", "n6")
    ledger.run("node", "status", "n3")
    ledger.refused("NOT_FOUND", "node", "status", "nobody")
    ledger.lose("n1")
    ledger.run("audit", "run", "--all")
    ledger.run("get", "sea.jpg", "-o", str(ledger.work / "again"))
    ledger.run("node", "exit", "n2")
    ledger.refused("NOT_FOUND", "node", "exit", "nobody")
    ledger.run("repair")
    for _ in range(2):
        ledger.run("epoch", "advance", ledger.snapshots())
    ledger.run("repair")
    ledger.refused("INVALID_INPUT", "epoch", "advance", "--registry", ledger.file("{}"))
    ledger.run("epoch", "advance")
    ledger.run("epoch", "show", "--epoch", "1")
    ledger.refused("NOT_FOUND", "epoch", "show", "--epoch", "99")
    ledger.run("node", "list")
    ledger.run("gov", "show")
    ledger.run("gov", "show", "1")


def money(ledger, stored):
    ledger.run("credit", "operator", "1000.5")
    ledger.refused("INVALID_INPUT", "credit", "operator", "0")
    ledger.run("account")
    ledger.refused("INVALID_INPUT", "account", "nobody")
    ledger.run("score", "sea.jpg", str(stored["version"]), "870000")
    ledger.refused("NOT_FOUND", "score", "nothing", "1", "1")
    ledger.run("ls", "--filter", "openagi_score=870000")
    ledger.run("rewards", "--epoch", "1")
    ledger.refused("NOT_FOUND", "rewards", "--epoch", "99")
    ledger.run("bundle")


def derivations(ledger, stored):
    for shard in stored["shard_ids"]:
        ledger.run("explain", "placement", "sea.jpg", "1", shard)
    ledger.refused("NOT_FOUND", "explain", "placement", "sea.jpg", "1", "0" * 64)
    ledger.run("explain", "reward", "n0", "--epoch", "1")
    ledger.refused("NOT_FOUND", "explain", "reward", "n0", "--epoch", "99")


def keys(ledger):
    """Of every holder, replaced; some declared void."""
    ledger.run("log", "keys")
    for holder in ("log", "operator", "n0", "council-1"):
        ledger.run("key", "rotate", holder)
    ledger.run("key", "rotate", "council-0", "--suite", "Ed25519")
    ledger.run("key", "rotate", "log", "--unendorsed")
    ledger.run("key", "revoke", "log", "1", "--reason", "a backup was lost")
    ledger.run("key", "revoke", "council-2", "1")
    ledger.refused("CONFLICT", "key", "revoke", "log", "3")
    ledger.refused("INVALID_INPUT", "key", "rotate", "n0", "--suite", "Ed25519")
    ledger.refused("UNAUTHORIZED", "key", "rotate", "council-2")
    ledger.run("key", "list")
    ledger.run("key", "list", "operator")
    ledger.run("log", "keys")


def batch(ledger):
    lines = [["ls"], ["node", "list"], ["rm", "nothing"], ["log", "show", "--limit", "2"], ["no such command"]]
    ledger.run("batch", "-", lines="\n".join(map(json.dumps, lines)), status=1)


def log(ledger):
    """Shown, proved, exported, audited; and audited again when it is damaged."""
    ledger.run("log", "show")
    ledger.run("log", "verify")
    ledger.run("log", "prove", "3")
    ledger.refused("NOT_FOUND", "log", "prove", "99999")
    export = ledger.work / "ledger.qfslog"
    ledger.run("log", "export", str(export))
    keys = [word for key in ledger.one("log", "checkpoint")["vkeys"] for word in ("--key", key)]
    folders = [ledger.work / "evidence"]
    ledger.run("replay", str(export))
    ledger.run("replay", str(export), keys, "--evidence", str(folders[0]), "--report", str(ledger.work / "report.html"))
    for damaged in damages(export.read_bytes()):
        folders.append(ledger.work / f"evidence-{len(folders)}")
        ledger.refused("INTEGRITY_MISMATCH", "replay", ledger.file(damaged), "--evidence", str(folders[-1]))
    ledger.refused("NOT_FOUND", "replay", "/no/such/file")
    auditor = [str(Path(ledger.binary).with_name("qfs-replay")), "--json"]
    ledger.run(str(export), program=auditor)
    pieces(ledger, export, keys)
    return folders


def pieces(ledger, export, keys):
    """What is checked without the whole log; and two histories under one key."""
    proof, growth, two, tiles = (str(ledger.work / name) for name in ("entry", "growth", "two", "tiles"))
    ledger.run("log", "prove", "3", "-o", proof)
    ledger.run("replay", "proof", proof, keys)
    old = ledger.file(ledger.one("log", "checkpoint")["checkpoint"])
    twin = Ledger(ledger.binary, ledger.work, "twin")
    shutil.copytree(ledger.data, twin.data)
    ledger.run("epoch", "advance")
    ledger.run("log", "consistency", old, "-o", growth)
    ledger.run("replay", "consistency", old, growth, keys)
    ledger.run("log", "export", "--tiles", tiles)
    ledger.run("replay", "tiles", tiles, keys)
    longer, other = str(ledger.work / "longer"), str(ledger.work / "other")
    ledger.run("log", "export", longer)
    ledger.run("replay", str(export), "--against", longer)
    twin.run("put", twin.file("another history"), "--object-id", "twin")
    twin.run("log", "export", other)
    ledger.refused("INTEGRITY_MISMATCH", "replay", longer, "--against", other, "--misbehaviour", two)
    ledger.run("replay", "misbehaviour", two, keys)
    witnesses(ledger, old)
    with ledger.serving("serve", "--listen", "127.0.0.1:0"):
        ledger.refused("BUSY", "ls")
    ledger.refused("UNAUTHORIZED", "serve", "--listen", "0.0.0.0:0")


def witnesses(ledger, old):
    """One witness cosigns and one is gone: enough for one policy, too few for another."""
    home, fork = str(ledger.work / "witness"), Ledger(ledger.binary, ledger.work, "fork")
    shutil.copytree(ledger.data, fork.data)
    for one, text in ((ledger, "one"), (fork, "other")):
        one.run("put", one.file(text), "--object-id", text)
    vkeys = ledger.one("log", "checkpoint")["vkeys"]
    keys = [word for key in vkeys for word in ("--key", key)]
    ledger.run("witness", "init", "--dir", home, "--name", "w.example/1")
    ledger.refused("CONFLICT", "witness", "init", "--dir", home, "--name", "w.example/2")
    ledger.run("witness", "trust", "--dir", home, keys)
    proof, export, growth, tiles = (str(ledger.work / f"cosigned-{name}") for name in ("entry", "log", "growth", "tiles"))
    with ledger.serving("witness", "serve", "--dir", home, "--listen", "127.0.0.1:0") as served:
        lines = [f"log {key}" for key in vkeys]
        lines.append(f"witness w {served['vkeys'][0]} {served['url']}")
        # Nobody listens at port 1.
        lines.append(f"witness gone {served['vkeys'][1]} http://127.0.0.1:1")
        policy = ledger.file("\n".join([*lines, "group any any w gone", "quorum any"]))
        ledger.run("log", "cosign", "--policy", policy)
        fork.refused("INTEGRITY_MISMATCH", "log", "cosign", "--policy", policy)
        strict = ledger.file("\n".join([*lines, "group all all w gone", "quorum all"]))
        ledger.refused("PROOF_UNAVAILABLE", "log", "cosign", "--policy", strict)
        with contextlib.suppress(urllib.error.HTTPError):
            urllib.request.urlopen(f"{served['url']}/add-checkpoint", data=b"nothing")
    ledger.run("witness", "show", "--dir", home)
    ledger.run("log", "prove", "3", "-o", proof)
    ledger.run("log", "export", export)
    ledger.run("log", "export", "--tiles", tiles)
    ledger.run("log", "consistency", old, "-o", growth)
    for words in (["proof", proof], [export], ["tiles", tiles], ["consistency", old, growth]):
        ledger.run("replay", words, "--policy", policy)
        ledger.refused("INTEGRITY_MISMATCH", "replay", words, "--policy", strict)


def damages(log):
    """A log with a bit changed, one that ends early, and what is no log."""
    middle = len(log) // 2
    return [log[:middle] + bytes([log[middle] ^ 1]) + log[middle + 1 :], log[:middle], b"no log"]


def state(ledger, account):
    snapshot, proof = str(ledger.work / "snapshot"), str(ledger.work / "proof.json")
    ledger.run("state", "snapshot", snapshot)
    root = ledger.one("state", "check", snapshot)["state_root"]
    ledger.run("state", "check", snapshot, "--root", root)
    ledger.refused("INTEGRITY_MISMATCH", "state", "check", snapshot, "--root", "0" * 64)
    for record in (["object", "sea.jpg"], ["version", "sea.jpg", "7"], ["account", account], ["node", "n0"]):
        ledger.run("state", "prove", record)
    ledger.refused("INVALID_INPUT", "state", "prove", "key", "no key")
    ledger.run("state", "prove", "node", "n0", "-o", proof)
    ledger.run("state", "verify", proof)
    ledger.run("epoch", "advance")
    for words in (["object", "sea.jpg"], ["object", "nothing"]):
        ledger.run("state", "verify", ledger.file(json.dumps(ledger.one("state", "prove", words))))
    changed = {**ledger.one("state", "prove", "node", "n0"), "value": None}
    ledger.refused("INTEGRITY_MISMATCH", "state", "verify", ledger.file(json.dumps(changed)))


def nowhere_to_go(binary, work):
    """As many nodes as copies: what leaves one has no other."""
    ledger = Ledger(binary, work, "small")
    ledger.run("init", "--nodes", "3", "--profile", "1,0,3")
    ledger.run("put", ledger.file("x"), "--object-id", "x")
    ledger.run("node", "exit", "node-001")
    ledger.run("repair", status=1)
    return ledger.rows


def reconstructed(binary, work):
    """Erasure coded: a node lost its shards and leaves."""
    ledger = Ledger(binary, work, "erasure")
    ledger.run("init", "--nodes", "4", "--profile", "2,1,1")
    stored = ledger.one("put", ledger.file(b"x" * 600_000), "--object-id", "x")
    shard = stored["shard_ids"][0]
    (node,) = stored["replica_sets"][shard]
    ledger.lose(node)
    ledger.run("get", "x", "-o", str(ledger.work / "rebuilt"))
    restored = ledger.one("repair", "--in-place")
    assert (restored["to"], restored["seq"]) == (node, None)
    ledger.lose(node)
    ledger.run("node", "exit", node)
    assert ledger.one("repair")["source"] == "reconstructed"
    ledger.run("explain", "placement", "x", "1", shard)
    return ledger.rows


def tour(binary, work):
    ledger = Ledger(binary, work, "tour")
    folder = ledger.work / "input"
    folder.mkdir()
    (folder / "file").write_text("x")
    ledger.run("demo", "--input", str(folder), "--output", str(ledger.work / "output"))
    return ledger.rows


def benchmarks(binary, work):
    ledger = Ledger(binary, work, "bench")
    ledger.run("bench", "--list")
    ledger.run("bench", "keccak.node", "--dir", str(ledger.work))
    return ledger.rows
