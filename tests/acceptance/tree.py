#!/usr/bin/env python3
"""Stores a large tree of real files, reads everything back, loses nodes, and reads again.

    tests/acceptance/tree.py QFS SOURCE_DIR [SOURCE_DIR...]

SOURCE_DIRs are copied until there are at least 5,000 files; files at the edges of blocks, a file of 300 MiB and
names with spaces and other scripts are added. Everything is read back whole and by byte range, with the default
profile and with (16,6,1); then six node directories are deleted, and a seventh. Prints what it saw; any
difference ends it with status 1.
"""

import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SIZES = [0, 1, 262143, 262144, 262145, 300 * 1024 * 1024]
NAMES = ["with  two spaces.txt", "ünï cödé 東京.txt", "deep/er/a:b", "trailing space "]
FILES = 5000


def make_tree(root: Path, sources: list[Path], rng: random.Random) -> dict[str, Path]:
    count = 0
    for number, source in enumerate(sources):
        for path in sorted(source.rglob("*")):
            if count >= FILES:
                break
            if path.is_file() and not path.is_symlink() and path.stat().st_size < 1 << 20:
                target = root / f"real-{number}" / path.relative_to(source)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, target)
                count += 1
    if count < FILES:
        sys.exit(f"only {count} files in {sources}: give more directories")
    for size in SIZES:
        with (root / f"size-{size}").open("wb") as file:
            for at in range(0, size, 1 << 20):
                file.write(rng.randbytes(min(1 << 20, size - at)))
    for name in NAMES:
        path = root / "names" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    return {str(p.relative_to(root)): p for p in root.rglob("*") if p.is_file()}


class Ledger:
    def __init__(self, qfs: str, work: Path, *init: str):
        self.qfs, self.dir = qfs, work
        self.run("init", *init)

    def run(self, *words: str, stdin: str = "", check: bool = True) -> list[dict]:
        command = [self.qfs, "--data-dir", str(self.dir), "--json", *words]
        done = subprocess.run(command, input=stdin, capture_output=True, text=True)
        if check and done.returncode != 0:
            sys.exit(f"{words}: status {done.returncode}: {done.stderr}{done.stdout[-500:]}")
        return [json.loads(line) for line in done.stdout.splitlines()]

    def get_all(self, ids: list[str], out: Path) -> list[dict]:
        """One row for each object: what was read, or why not."""
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir()
        lines = [json.dumps(["get", i, "-o", str(out / f"{n}")]) for n, i in enumerate(ids)]
        return self.run("batch", "-", stdin="\n".join(lines), check=False)

    def get_ranges(self, wanted: list[tuple[str, int, int]], out: Path) -> list[dict]:
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir()
        lines = [
            json.dumps(["get", i, "--range", f"{a}-{b}", "-o", str(out / f"{n}")])
            for n, (i, a, b) in enumerate(wanted)
        ]
        return self.run("batch", "-", stdin="\n".join(lines))


def same(path: Path, other: Path) -> bool:
    with path.open("rb") as a, other.open("rb") as b:
        while True:
            x, y = a.read(1 << 20), b.read(1 << 20)
            if x != y:
                return False
            if not x:
                return True


def check_whole(ledger: Ledger, files: dict[str, Path], out: Path, may_lack: bool) -> tuple[int, int]:
    ids = sorted(files)
    rows = ledger.get_all(ids, out)
    assert len(rows) == len(ids), (len(rows), len(ids))
    lacking = 0
    for number, (name, row) in enumerate(zip(ids, rows)):
        if row.get("ok") is False:
            assert may_lack and row["error_code"] == "SE_ERR_CONTENT_UNAVAILABLE", (name, row)
            assert not (out / str(number)).exists(), name
            lacking += 1
        else:
            assert same(files[name], out / str(number)), f"{name}: other bytes"
    return len(ids) - lacking, lacking


def check_ranges(ledger: Ledger, files: dict[str, Path], out: Path, rng: random.Random) -> int:
    wanted = []
    for name in sorted(files):
        size = files[name].stat().st_size
        if size:
            first = rng.randrange(size)
            wanted.append((name, first, min(size - 1, first + rng.randrange(1 << 20))))
    ledger.get_ranges(wanted, out)
    for number, (name, first, last) in enumerate(wanted):
        with files[name].open("rb") as file:
            file.seek(first)
            assert (out / str(number)).read_bytes() == file.read(last - first + 1), (name, first, last)
    return len(wanted)


def store(ledger: Ledger, tree: Path, files: dict[str, Path]) -> None:
    began = time.monotonic()
    rows = ledger.run("put", str(tree))
    total = sum(row["size"] for row in rows)
    took = time.monotonic() - began
    assert {row["object_id"] for row in rows} == set(files)
    listed = [row["object_id"] for row in ledger.run("ls")]
    assert listed == sorted(files, key=lambda name: name.encode()), "ls is not in order"
    print(f"  stored {len(rows)} files, {total >> 20} MiB in {took:.1f} s; listed in order")


def main() -> None:
    qfs, sources = sys.argv[1], [Path(p) for p in sys.argv[2:]]
    rng = random.Random(7)
    work = Path(tempfile.mkdtemp(prefix="qfs-tree."))
    try:
        tree, out = work / "tree", work / "out"
        files = make_tree(tree, sources, rng)
        print(f"{len(files)} files")
        print("profile (4,0,3), 7 nodes")
        ledger = Ledger(qfs, work / "v13", "--nodes", "7")
        store(ledger, tree, files)
        print(f"  whole: {check_whole(ledger, files, out, False)[0]} identical")
        print(f"  by range: {check_ranges(ledger, files, out, rng)} identical")
        shutil.rmtree(work / "v13")
        print("profile (16,6,1), 24 nodes")
        ledger = Ledger(qfs, work / "ec", "--nodes", "24", "--profile", "ec-16-6")
        store(ledger, tree, files)
        print(f"  whole: {check_whole(ledger, files, out, False)[0]} identical")
        big = f"size-{SIZES[-1]}"
        rows = ledger.run("log", "show")
        holders = next(row["node_set"] for row in rows if row["object_id"] == big)
        lost = rng.sample(holders, 7)
        for node in lost[:6]:
            shutil.rmtree(work / "ec" / "nodes" / node)
        print(f"  six node directories deleted: {', '.join(sorted(lost[:6]))}")
        print(f"  whole: {check_whole(ledger, files, out, False)[0]} identical")
        print(f"  by range: {check_ranges(ledger, files, out, rng)} identical")
        shutil.rmtree(work / "ec" / "nodes" / lost[6])
        right, lacking = check_whole(ledger, files, out, True)
        print(f"  seven deleted: {right} identical, {lacking} SE_ERR_CONTENT_UNAVAILABLE, none wrong")
        rows = ledger.get_all([big], out)
        assert rows[0].get("error_code") == "SE_ERR_CONTENT_UNAVAILABLE", rows
        print(f"  {big}, whose full stripes lost seven columns: {rows[0]['error_detail']}")
    finally:
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    main()
