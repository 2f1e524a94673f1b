"""The command: whole logs (RP-10), pieces of them (RP-15) and proofs of two histories (RP-16).

    python3 -m tests.auditor FILE [--key VKEY|@FILE]…
    python3 -m tests.auditor proof|misbehaviour FILE --key VKEY|@FILE…
    python3 -m tests.auditor consistency OLD_CHECKPOINT FILE --key VKEY|@FILE…
    python3 -m tests.auditor tiles DIR --key VKEY|@FILE…
"""

import argparse
import sys
from pathlib import Path

from . import notes, pieces, tiles
from .audit import audit
from .export import Divergence

PROGRAM = "python3 -m tests.auditor"


def read_keys(text):
    """RP-10: a vkey, `@FILE`, or the path of a file of them (KY-9)."""
    try:
        return [notes.VerifierKey.parse(text)]
    except notes.Refused:
        with open(text.removeprefix("@"), encoding="utf-8") as file:
            lines = [line.strip() for line in file]
    return [notes.VerifierKey.parse(line) for line in lines if line and not line.startswith("#")]


def read(path):
    """The bytes of a file, `-` for standard input."""
    return sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()


def main(arguments=None):
    arguments = sys.argv[1:] if arguments is None else arguments
    name = arguments[0] if arguments else None
    return _piece(name, arguments[1:]) if name in PIECES else _whole(arguments)


def _keys(parser, texts):
    try:
        return [key for text in texts for key in read_keys(text)]
    except (notes.Refused, OSError, UnicodeDecodeError) as error:
        parser.error(f"--key: {error}")


def _whole(arguments):
    pieces_of_it = f"Pieces of a log: {PROGRAM} {'|'.join(PIECES)} …"
    parser = argparse.ArgumentParser(prog=PROGRAM, description="Audit an exported log.", epilog=pieces_of_it)
    parser.add_argument("file", metavar="FILE", help="export of a log, - for standard input")
    parser.add_argument("--key", action="append", default=[], metavar="VKEY|@FILE", help="a key that must have signed")
    options = parser.parse_args(arguments)
    pinned = _keys(parser, options.key)
    try:
        verdict = audit(read(options.file), pinned)
    except (Divergence, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"passed, {verdict.name}: {verdict.entries} entries, {verdict.epochs} epochs closed")
    print(f"last entry {verdict.entry_hash.hex()}")
    print(f"state root {verdict.state_root.hex()}")
    return 0


# --- Pieces ------------------------------------------------------------------------------------------


def _checkpoint(checkpoint):
    return f"{checkpoint.origin}, {checkpoint.size} entries, root {checkpoint.root.hex()}"


def _proof(keys, path):
    proof = pieces.entry_proof(read(path), keys)
    outcome = proof.body.outcome
    code = getattr(outcome, "code", None)
    said = type(outcome.event).__name__ if code is None else f"refused with code {code}"
    yield f"entry {proof.seq}: {type(proof.body.command.action).__name__}, {said}"
    yield f"tick {proof.body.tick}, epoch {proof.body.epoch}, entry hash {proof.entry_hash.hex()}"
    yield _checkpoint(proof.checkpoint)


def _consistency(keys, old_path, path):
    for checkpoint in pieces.growth(read(old_path), read(path), keys):
        yield _checkpoint(checkpoint)


def _tiles(keys, directory):
    checkpoint, entry_hash = tiles.published(Path(directory), keys)
    yield _checkpoint(checkpoint)
    yield f"last entry {entry_hash.hex()}"


def _misbehaviour(keys, path):
    first, second = pieces.misbehaviour(read(path), keys)
    yield f"convincing: the log has two entries at {first.seq}"
    for proof in (first, second):
        yield f"entry hash {proof.entry_hash.hex()} under {_checkpoint(proof.checkpoint)}"


PIECES = {
    "proof": (_proof, ["FILE"]),
    "consistency": (_consistency, ["OLD_CHECKPOINT", "FILE"]),
    "tiles": (_tiles, ["DIR"]),
    "misbehaviour": (_misbehaviour, ["FILE"]),
}


def _piece(name, arguments):
    check, files = PIECES[name]
    parser = argparse.ArgumentParser(prog=f"{PROGRAM} {name}")
    for file in files:
        parser.add_argument(file)
    parser.add_argument("--key", action="append", required=True, metavar="VKEY|@FILE", help="a key of the log")
    options = parser.parse_args(arguments)
    keys = _keys(parser, options.key)
    try:
        for line in check(keys, *(getattr(options, file) for file in files)):
            print(line)
    except (notes.Refused, OSError) as error:
        print(f"not convincing: {error}" if name == "misbehaviour" else error, file=sys.stderr)
        return 1
    return 0
