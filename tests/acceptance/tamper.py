#!/usr/bin/env python3
"""Damages an exported log in many ways and shows each to the auditor.

    tests/acceptance/tamper.py QFS_REPLAY LOG VKEYS [COUNT]

Five kinds of damage, COUNT of them in all (2,000 if not given): flipped bits, truncations, swapped, repeated and
missing entries. Half of them have the file hash (and, where entries came or went, their number) made right again.
Each must end with status 1 and name a place and a reason.
"""

import hashlib
import random
import re
import struct
import subprocess
import sys
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

PLACE = re.compile(r"entry \d+|header|trailer|export|checkpoint|file", re.I)


def split(log: bytes) -> tuple[bytes, list[bytes], bytes]:
    """Header, frames and trailer (EL-15 to EL-17)."""
    (count,) = struct.unpack_from(">Q", log, 12)
    at = 21 + log[20]
    keys, at = log[at], at + 1
    for _ in range(keys):
        at += 2 + struct.unpack_from(">H", log, at)[0]
    header, frames = log[:at], []
    for _ in range(count):
        end = at + 4 + struct.unpack_from(">I", log, at)[0]
        frames.append(log[at:end])
        at = end
    return header, frames, log[at:]


def join(header: bytes, frames: list[bytes], trailer: bytes) -> bytes:
    header = header[:12] + struct.pack(">Q", len(frames)) + header[20:]
    return rehash(header + b"".join(frames) + trailer)


def rehash(log: bytes) -> bytes:
    return log[:-32] + hashlib.sha3_256(log[:-32]).digest()


def damage(log: bytes, parts: tuple, rng: random.Random, number: int) -> tuple[str, bytes]:
    header, frames, trailer = parts[0], list(parts[1]), parts[2]
    kind = ["flip", "truncate", "swap", "repeat", "delete"][number % 5]
    mend = number % 2 == 0
    if kind == "flip":
        bit = rng.randrange((len(log) - (32 if mend else 0)) * 8)
        forged = bytearray(log)
        forged[bit // 8] ^= 1 << (bit % 8)
        return kind, rehash(bytes(forged)) if mend else bytes(forged)
    if kind == "truncate":
        cut = log[: rng.randrange(len(log))]
        return kind, rehash(cut) if mend and len(cut) > 32 else cut
    i, j = rng.sample(range(len(frames)), 2)
    if kind == "swap":
        frames[i], frames[j] = frames[j], frames[i]
    elif kind == "repeat":
        frames.insert(j, frames[i])
    else:
        del frames[i]
    return kind, join(header, frames, trailer) if mend else header + b"".join(frames) + trailer


def main() -> None:
    program, log, keys = sys.argv[1], Path(sys.argv[2]).read_bytes(), sys.argv[3]
    count = int(sys.argv[4]) if len(sys.argv) > 4 else 2000
    parts, rng, seen, places = split(log), random.Random(5), Counter(), Counter()

    def show(number: int, forged: bytes, folder: str) -> subprocess.CompletedProcess:
        path = Path(folder) / str(number)
        path.write_bytes(forged)
        done = subprocess.run([program, str(path), "--key", f"@{keys}"], capture_output=True, text=True)
        path.unlink()
        return done

    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(2) as pool:
        done = show(0, log, folder)
        assert done.returncode == 0, done.stderr
        jobs = []
        for number in range(count):
            kind, forged = damage(log, parts, rng, number)
            if forged == log:
                continue
            jobs.append((number, kind, pool.submit(show, number, forged, folder)))
            forged = b""
        for number, kind, job in jobs:
            done = job.result()
            assert done.returncode == 1, (number, kind, done)
            reason = done.stderr.strip()
            assert PLACE.search(reason) and len(reason) > 20, (number, kind, reason)
            seen[kind] += 1
            places["names an entry" if "entry " in reason else "names header, trailer or file"] += 1
    print(f"the honest log passes; {sum(seen.values())} damaged ones are refused: {dict(seen)}; {dict(places)}")


if __name__ == "__main__":
    main()
