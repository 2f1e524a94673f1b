"""A published log as files (EL-21 to EL-24, JO-10)."""

import hashlib

from qfs_reference import sha3

from .notes import Refused
from .pieces import LINK, leaf_hash, node_hash, require, signed_checkpoint

WIDTH = 256
LEVELS = 8
MIN_LENGTH, MAX_LENGTH = 33, 65_535


def path_of(kind, number, width):
    """EL-21."""
    groups = [f"{number % 1000:03}"]
    while number := number // 1000:
        groups.insert(0, f"x{number % 1000:03}")
    partial = f".p/{width}" if width < WIDTH else ""
    return f"tile/{kind}/{'/'.join(groups)}{partial}"


def _widths(items):
    """Of the tiles of a kind."""
    return [WIDTH] * (items // WIDTH) + ([items % WIDTH] if items % WIDTH else [])


class Published:
    """The files below a directory, read by name."""

    def __init__(self, directory):
        self.directory = directory

    def _read(self, name):
        try:
            return (self.directory / name).read_bytes()
        except OSError as error:
            raise Refused(f"{name}: {error.strerror}") from None

    def checkpoint(self):
        return self._read("checkpoint")

    def _tile(self, kind, number, width, first):
        """The first items of a tile, by `first`; where a partial one is not there, the full one may be."""
        name = path_of(kind, number, width)
        if width < WIDTH and not (self.directory / name).exists():
            full = path_of(kind, number, WIDTH)
            if (self.directory / full).exists():
                return first(self._read(full), WIDTH, full)[:width]
        return first(self._read(name), width, name)

    def hashes(self, level, items):
        """EL-22: every hash of a level of tiles."""
        found = []
        for number, width in enumerate(_widths(items)):
            found += self._tile(str(level), number, width, _hashes_of)
        return found

    def bundles(self, size):
        """EL-23: leaf data, one after the other."""
        for number, width in enumerate(_widths(size)):
            yield from self._tile("entries", number, width, _leaves_of)


def _hashes_of(data, width, name):
    require(len(data) == 32 * width, f"{name}: another length than {32 * width}")
    return [data[at : at + 32] for at in range(0, len(data), 32)]


def _leaves_of(data, width, name):
    leaves, at = [], 0
    for _ in range(width):
        length = int.from_bytes(data[at : at + 2], "big")
        leaf, at = data[at + 2 : at + 2 + length], at + 2 + length
        require(MIN_LENGTH <= length and at <= len(data), f"{name}: a length is out of bounds")
        leaves.append(leaf)
    require(at == len(data), f"{name}: bytes after the last entry")
    return leaves


def root_of(hashes):
    """EL-4."""
    if len(hashes) < 2:
        return hashes[0] if hashes else hashlib.sha256().digest()
    half = 1 << (len(hashes) - 1).bit_length() - 1
    return node_hash(root_of(hashes[:half]), root_of(hashes[half:]))


def published(directory, keys):
    """EL-24 for every file that the checkpoint speaks of: the checkpoint, and the last entry's hash."""
    files = Published(directory)
    checkpoint = signed_checkpoint(files.checkpoint(), keys)
    levels = [files.hashes(level, checkpoint.size // WIDTH**level) for level in range(LEVELS)]
    for level, (lower, upper) in enumerate(zip(levels, levels[1:])):
        for number, expected in enumerate(upper):
            root = root_of(lower[number * WIDTH : (number + 1) * WIDTH])
            require(root == expected, f"{path_of(level, number, WIDTH)}: not the hash of the level above")
    require(root_of(levels[0]) == checkpoint.root, "the tiles do not lead to the root")
    entry_hash = bytes(32)
    for seq, (leaf, expected) in enumerate(zip(files.bundles(checkpoint.size), levels[0])):
        require(leaf_hash(leaf) == expected, f"entry {seq}: not the one in the tree")
        require(leaf[:LINK] == entry_hash, f"entry {seq}: names another predecessor")
        entry_hash = sha3(entry_hash + sha3(leaf[LINK:]))
    return checkpoint, entry_hash
