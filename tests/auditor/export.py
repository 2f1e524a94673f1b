"""The export file (EL-15 to EL-19), the chain (EL-1, EL-2) and the tree (EL-3, EL-4)."""

import hashlib
from contextlib import contextmanager
from dataclasses import dataclass

from qfs_reference import sha3

from . import notes

MAGIC = b"\x89QFSLOG\n"
MAX_BODY = 65_503
MAX_KEYS = 16


class Divergence(Exception):
    """Where a log departs from the rules (RP-9)."""

    def __init__(self, place, field, expected="", got="", message=""):
        text = f"{place}, {field}: expected {_short(expected)}, got {_short(got)}"
        super().__init__(text + (f" ({message})" if message else ""))
        self.place, self.field = place, field


@contextmanager
def _refused_as(field, expected):
    """What is refused within is a divergence of the header."""
    try:
        yield
    except notes.Refused as error:
        raise Divergence("header", field, expected, "other text", str(error)) from None


def _short(value):
    text = value.hex() if isinstance(value, bytes) else str(value)
    return text if len(text) <= 200 else text[:200] + "…"


@dataclass(frozen=True)
class Header:
    count: int
    origin: str
    keys: list


class Export:
    """Reads a file once, from start to end; keeps chain and tree of what was read."""

    def __init__(self, data):
        self.data, self.at, self.place = data, 0, "header"
        self.entry_hash, self.size, self.frontier = bytes(32), 0, []

    def _take(self, length):
        end = self.at + length
        if end > len(self.data):
            raise Divergence(self.place, "export.length", f"{length} bytes at {self.at}", len(self.data) - self.at)
        taken, self.at = self.data[self.at : end], end
        return taken

    def _number(self, size):
        return int.from_bytes(self._take(size), "big")

    def _length(self, size, most):
        """A length or number, of which none may be 0."""
        length = self._number(size)
        if not 1 <= length <= most:
            raise Divergence(self.place, "export.frame", f"1 to {most}", length)
        return length

    def _text(self, length, field):
        try:
            return self._take(length).decode()
        except UnicodeDecodeError:
            raise Divergence(self.place, "export.text", "UTF-8", "other bytes", field) from None

    def header(self):
        magic = self._take(8)
        if magic != MAGIC:
            raise Divergence("header", "header.magic", MAGIC, magic)
        version = self._number(4)
        if version != 1:
            raise Divergence("header", "header.format_version", 1, version)
        count = self._number(8)
        if count > notes.MAX_SIZE:
            raise Divergence("header", "header.count", f"at most {notes.MAX_SIZE}", count)
        origin = self._text(self._length(1, 255), "origin")
        with _refused_as("header.origin", "an origin"):
            notes.require_origin(origin)
        with _refused_as("header.keys", "verifier keys"):
            return Header(count, origin, self._keys())

    def _keys(self):
        number = self._length(1, MAX_KEYS)
        return [notes.VerifierKey.parse(self._text(self._length(2, notes.MAX_VKEY), "key")) for _ in range(number)]

    def body(self):
        """The next entry's body, entered into chain and tree."""
        self.place = f"entry {self.size}"
        body = self._take(self._length(4, MAX_BODY))
        self._append(hashlib.sha256(b"\0" + self.entry_hash + body).digest())
        self.entry_hash = sha3(self.entry_hash + sha3(body))
        return body

    def _append(self, node):
        """EL-5: a complete subtree for each bit of the size, the largest first."""
        size, self.size = self.size, self.size + 1
        while size & 1:
            node = hashlib.sha256(b"\1" + self.frontier.pop() + node).digest()
            size >>= 1
        self.frontier.append(node)

    def root(self):
        if not self.frontier:
            return hashlib.sha256(b"").digest()
        root = self.frontier[-1]
        for left in reversed(self.frontier[:-1]):
            root = hashlib.sha256(b"\1" + left + root).digest()
        return root

    def trailer(self, origin):
        """The signed checkpoint, held against what was read (EL-17, EL-18)."""
        self.place = "trailer"
        last = self._take(32)
        note = self._text(self._length(4, notes.MAX_NOTE), "note").encode()
        covered = self.at
        stated = self._take(32)
        computed = sha3(self.data[:covered])
        if stated != computed:
            raise Divergence("trailer", "export.hash", computed, stated)
        if self.at != len(self.data):
            raise Divergence("trailer", "export.length", self.at, len(self.data), "bytes after the end")
        if last != self.entry_hash:
            raise Divergence("trailer", "trailer.last_entry_hash", self.entry_hash, last)
        return self._checkpoint(note, origin)

    def _checkpoint(self, note, origin):
        try:
            checkpoint = notes.parse(note)
        except notes.Refused as error:
            raise Divergence("trailer", "checkpoint", "a signed checkpoint", "", str(error)) from None
        for name, expected in (("origin", origin), ("size", self.size), ("root", self.root())):
            got = getattr(checkpoint, name)
            if got != expected:
                raise Divergence("trailer", f"checkpoint.{name}", expected, got)
        return checkpoint
