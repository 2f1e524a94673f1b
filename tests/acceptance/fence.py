#!/usr/bin/env python3
"""Stores objects that may lie in the EU only, and looks for a byte of them anywhere else.

    tests/acceptance/fence.py QFS [PROFILE...]

For each profile (ec-16-6 and qfs-v13 unless named): 22 nodes in the EU, 10 in the US, 100 fenced objects and 20 free ones. Then a node
of the EU leaves, another loses its shards, epochs close, copies are repaired, and in the end too few nodes of the EU are left. After
each step the files of the US nodes are searched for shard ids, roots and content of fenced objects, and the exported log, once
the auditor has passed it, for an assignment outside. Prints what it saw; anything wrong ends it with status 1.
"""

import hashlib
import json
import random
import subprocess
import sys
import tempfile
from pathlib import Path

EU = [f"eu-{n:02}" for n in range(22)]
US = [f"us-{n:02}" for n in range(10)]
LATER = ["eu-22", "eu-23"]
OBJECTS, FREE = 100, 20
FENCE = json.dumps({"placement.region": "EU"})
# In every 512 bytes of fenced content, so that no block of it is without.
CANARY = b"<<kept within the fence>>"
# Nodes of the EU with which a fenced object can be stored no more.
TOO_FEW = {"ec-16-6": 21, "qfs-v13": 2}


def expect(holds: bool, what: str) -> None:
    if not holds:
        sys.exit(f"FAILED: {what}")


class Ledger:
    def __init__(self, qfs: str, work: Path):
        self.qfs, self.work, self.dir = qfs, work, work / "ledger"
        self.epoch = 0

    def rows(self, *words: str, status: int = 0) -> list[dict]:
        command = [self.qfs, "--data-dir", str(self.dir), "--json", *words]
        done = subprocess.run(command, capture_output=True, text=True)
        expect(done.returncode == status, f"{words}: status {done.returncode}: {done.stderr}{done.stdout[-500:]}")
        return [json.loads(line) for line in done.stdout.splitlines()]

    def advance(self, down: list[str]) -> dict:
        self.epoch += 1
        names = [row["node_id"] for row in self.rows("node", "list")]
        entry = {"pqc_public_key": "aa", "pqc_scheme": "ML-DSA-44", "revoked": False}
        reading = {"health_score": "1", "conflict_detected": False}
        registry = {"schema_version": "v1.0", "nodes": {name: entry for name in names}}
        telemetry = {
            "schema_version": "v1.0",
            "nodes": {name: {**reading, "uptime_ratio": "0.1" if name in down else "1"} for name in names},
        }
        canonical = json.dumps(telemetry, sort_keys=True, separators=(",", ":"))
        telemetry["telemetry_hash"] = hashlib.sha3_256(canonical.encode()).hexdigest()
        files = []
        for kind, snapshot in (("registry", registry), ("telemetry", telemetry)):
            path = self.work / f"{kind}-{self.epoch}.json"
            path.write_text(json.dumps(snapshot))
            files += [f"--{kind}", str(path)]
        return self.rows("epoch", "advance", *files)[0]

    def files(self, nodes: list[str]) -> list[Path]:
        return [path for node in nodes for path in sorted((self.dir / "nodes" / node).rglob("*")) if path.is_file()]


class Fence:
    """What must not be found outside."""

    def __init__(self, ledger: Ledger, shards: set[str]):
        self.ledger, self.shards = ledger, shards
        inside = [path.name for path in ledger.files(EU) if path.name[:64] in shards]
        self.roots = {name[65:] for name in inside}
        expect(len(self.roots) > OBJECTS, "fenced shards lie in the EU")

    def check(self, when: str) -> None:
        outside = self.ledger.files(US)
        expect(len(outside) > 0, "free objects lie in the US too")
        for path in outside:
            expect(path.name[:64] not in self.shards, f"{when}: shard id of a fenced object at {path}")
            expect(path.name[65:] not in self.roots, f"{when}: root of a fenced shard at {path}")
            expect(CANARY not in path.read_bytes(), f"{when}: content of a fenced object at {path}")
        assigned = 0
        for row in self.ledger.rows("log", "show"):
            if (row["object_id"] or "").startswith("fenced/"):
                assigned += len(row["node_set"])
                expect(not set(row["node_set"]) & set(US), f"{when}: entry {row['seq']} names a node of the US")
        print(f"  {when}: {len(outside)} files in the US, {assigned} nodes named for fenced objects, nothing outside")


def fenced_content(rng: random.Random, size: int) -> bytes:
    bytes_ = bytearray(rng.randbytes(size))
    for at in range(0, size, 512):
        bytes_[at : at + len(CANARY)] = CANARY
    return bytes(bytes_[:size])


def make_objects(root: Path, rng: random.Random) -> dict[str, Path]:
    (root / "in/fenced").mkdir(parents=True)
    (root / "out/free").mkdir(parents=True)
    for n in range(OBJECTS):
        size = rng.choice([1, 4096, 100_000, 262_145, 900_000]) + rng.randrange(500)
        (root / f"in/fenced/{n:03}").write_bytes(fenced_content(rng, size + len(CANARY)))
    for n in range(FREE):
        (root / f"out/free/{n:03}").write_bytes(rng.randbytes(300_000))
    return {f"fenced/{n:03}": root / f"in/fenced/{n:03}" for n in range(OBJECTS)}


def repaired(ledger: Ledger, of: str) -> None:
    moved = ledger.rows("repair")
    expect(len(moved) > 0, f"copies of {of} move")
    expect({row["from"] for row in moved} == {of}, f"copies of {of} only move")
    fenced = [row["to"] for row in moved if row["object_id"].startswith("fenced/")]
    expect(len(fenced) > 0 and set(fenced) <= set(EU + LATER), "fenced copies move inside the EU")
    sources = {source: sum(row["source"] == source for row in moved) for source in ("copy", "reconstructed")}
    print(f"  repair of {of}: {len(moved)} copies moved, {len(fenced)} of them fenced, {sources}")


def too_few(ledger: Ledger, fence: Fence, profile: str, path: Path) -> None:
    names = [row["node_id"] for row in ledger.rows("node", "list") if row["eligible"] and row["region"] == "EU"]
    left = TOO_FEW[profile]
    ledger.advance(names[left:])
    before = (len(ledger.files(EU + US + LATER)), ledger.rows("log", "checkpoint")[0]["size"])
    refused = ledger.rows("put", str(path), "--object-id", "fenced/late", "--metadata", FENCE, status=1)
    expect(refused[-1]["error_code"] == "SE_ERR_NO_ELIGIBLE_NODES", f"{refused}")
    after = (len(ledger.files(EU + US + LATER)), ledger.rows("log", "checkpoint")[0]["size"])
    expect(before == after, "a refused store leaves nothing, at no node and not in the log")
    fence.check(f"with {left} nodes left in the EU")


def audited(ledger: Ledger) -> None:
    export = ledger.work / "ledger.qfslog"
    keys = ledger.work / "ledger.vkeys"
    keys.write_text("\n".join(ledger.rows("log", "checkpoint")[0]["vkeys"]) + "\n")
    ledger.rows("log", "export", str(export))
    ledger.rows("replay", str(export), "--key", f"@{keys}")
    print("  the auditor passes the exported log, under its pinned keys")


def run(qfs: str, profile: str, work: Path) -> None:
    print(profile)
    rng = random.Random(profile)
    objects = make_objects(work, rng)
    ledger = Ledger(qfs, work)
    nodes = [f"--node={name},region={name[:2].upper()}" for name in EU + US]
    ledger.rows("init", *nodes, "--profile", profile)
    stored = ledger.rows("put", str(work / "in"), "--metadata", FENCE)
    expect(len(stored) == OBJECTS, "every fenced object is stored")
    ledger.rows("put", str(work / "out"))
    fence = Fence(ledger, {shard for row in stored for shard in row["shard_ids"]})
    fence.check("stored")

    ledger.rows("node", "exit", "eu-03")
    if profile == "ec-16-6":
        # Every node of the EU has a column: there is no place to go to, and no way out either.
        rows = [row for row in ledger.rows("repair", status=1) if row["object_id"].startswith("fenced/")]
        expect(all(row["error_code"] == "SE_ERR_NO_ELIGIBLE_NODES" for row in rows), "no fenced copy moves")
        expect(len(rows) == OBJECTS, "one fenced column of each object stays")
        fence.check("no place inside")
        for name in LATER:
            ledger.rows("node", "register", name, "--region", "EU")
        ledger.advance([])
    repaired(ledger, "eu-03")
    fence.check("a node has left")

    for path in ledger.files(["eu-05"]):
        path.unlink()
    failed = [row for row in ledger.rows("audit", "run", "--all") if not row["verified"]]
    expect({row["node_id"] for row in failed} == {"eu-05"}, "the audit finds what is lost")
    ledger.advance([])
    repaired(ledger, "eu-05")
    fence.check("a node's shards are restored elsewhere")

    ledger.advance([])
    expect(all(row["verified"] for row in ledger.rows("audit", "run", "--all")), "every copy is proved")
    for name, path in objects.items():
        ledger.rows("get", name, "-o", str(work / "got"))
        expect((work / "got").read_bytes() == path.read_bytes(), f"{name} reads back")
        (work / "got").unlink()
    fence.check("an epoch later")
    too_few(ledger, fence, profile, objects["fenced/000"])
    audited(ledger)


def main() -> None:
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    for profile in sys.argv[2:] or TOO_FEW:
        with tempfile.TemporaryDirectory() as work:
            run(str(Path(sys.argv[1]).resolve()), profile, Path(work))
    print("passed")


if __name__ == "__main__":
    main()
