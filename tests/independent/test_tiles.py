"""Reads the published log of tests/vectors/tiles by the text of EL-1 to EL-7 and EL-21 to EL-26 alone.

Signatures are left to the Rust tests; everything between the entries' bytes and the roots is computed here.
"""

import base64
import hashlib
import struct
import unittest
from pathlib import Path

LOG = Path(__file__).parents[1] / "vectors" / "tiles"


def leaf_hash(data: bytes) -> bytes:
    return hashlib.sha256(b"\0" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\1" + left + right).digest()


def root(hashes: list[bytes]) -> bytes:
    """EL-4, by recursion."""
    if not hashes:
        return hashlib.sha256().digest()
    if len(hashes) == 1:
        return hashes[0]
    split = 1 << (len(hashes) - 1).bit_length() - 1
    return node_hash(root(hashes[:split]), root(hashes[split:]))


def tile_path(kind: str, index: int, width: int) -> str:
    """EL-21."""
    groups = [f"{index % 1000:03}"]
    while index := index // 1000:
        groups.insert(0, f"x{index % 1000:03}")
    return f"tile/{kind}/{'/'.join(groups)}" + (f".p/{width}" if width < 256 else "")


def checkpoint(text: str) -> tuple[str, int, bytes]:
    """EL-8."""
    origin, size, root_line = text.split("\n\n")[0].split("\n")[:3]
    return origin, int(size), base64.b64decode(root_line, validate=True)


def tiles_of(items: int) -> list[int]:
    """Widths of the tiles of a kind."""
    return [256] * (items // 256) + ([items % 256] if items % 256 else [])


def read_bundles(size: int) -> list[bytes]:
    """EL-23."""
    leaves = []
    for index, width in enumerate(tiles_of(size)):
        data = (LOG / tile_path("entries", index, width)).read_bytes()
        for _ in range(width):
            (length,) = struct.unpack_from(">H", data)
            leaves.append(data[2 : 2 + length])
            assert len(leaves[-1]) == length >= 33
            data = data[2 + length :]
        assert not data
    return leaves


def read_hashes(level: int, size: int) -> list[bytes]:
    """EL-22."""
    data = b"".join(
        (LOG / tile_path(str(level), index, width)).read_bytes()
        for index, width in enumerate(tiles_of(size // 256**level))
    )
    return [data[at : at + 32] for at in range(0, len(data), 32)]


def included(leaf: bytes, index: int, size: int, path: list[bytes]) -> bytes:
    """Root that an inclusion proof leads to, by recursion on EL-4."""
    if size == 1:
        assert not path
        return leaf
    split = 1 << (size - 1).bit_length() - 1
    if index < split:
        return node_hash(included(leaf, index, split, path[:-1]), path[-1])
    return node_hash(path[-1], included(leaf, index - split, size - split, path[:-1]))


def grown(old: int, size: int, path: list[bytes], known: bytes | None) -> tuple[bytes, bytes]:
    """Both roots that a consistency proof leads to, by recursion; `known` is the earlier root while it is whole."""
    if old == size:
        return (known, known) if known else (path[-1], path[-1])
    split = 1 << (size - 1).bit_length() - 1
    if old <= split:
        earlier, later = grown(old, split, path[:-1], known)
        return earlier, node_hash(later, path[-1])
    earlier, later = grown(old - split, size - split, path[:-1], None)
    return node_hash(path[-1], earlier), node_hash(path[-1], later)


class Published(unittest.TestCase):
    def setUp(self) -> None:
        self.origin, self.size, self.root = checkpoint((LOG / "checkpoint").read_text())
        self.leaves = read_bundles(self.size)

    def test_el_1_el_2_the_chain(self) -> None:
        previous = bytes(32)
        for seq, leaf in enumerate(self.leaves):
            self.assertEqual((leaf[:32], leaf[32:]), (previous, b"entry %d" % seq))
            previous = hashlib.sha3_256(previous + hashlib.sha3_256(leaf[32:]).digest()).digest()

    def test_el_22_el_24_tiles_lead_to_the_root(self) -> None:
        hashes = read_hashes(0, self.size)
        self.assertEqual(hashes, [leaf_hash(leaf) for leaf in self.leaves])
        self.assertEqual(read_hashes(1, self.size), [root(hashes[:256])])
        self.assertEqual((root(hashes), self.size), (self.root, 300))
        names = {str(path.relative_to(LOG)) for path in (LOG / "tile").rglob("*") if path.is_file()}
        kinds = [("entries", 300), ("0", 300), ("1", 1)]
        self.assertEqual(
            names,
            {tile_path(k, n, w) for k, items in kinds for n, w in enumerate(tiles_of(items))},
        )

    def test_el_21_paths(self) -> None:
        self.assertEqual(tile_path("0", 1234067, 256), "tile/0/x001/x234/067")
        self.assertEqual(tile_path("2", 0, 1), "tile/2/000.p/1")

    def test_el_14_el_25_an_entry_in_one_file(self) -> None:
        head, note = (LOG / "entry.tlog-proof").read_text().split("\n\n", 1)
        first, extra, index, *path = head.split("\n")
        self.assertEqual((first, index), ("c2sp.org/tlog-proof@v1", "index 271"))
        leaf = base64.b64decode(extra.removeprefix("extra "), validate=True)
        self.assertEqual(leaf, self.leaves[271])
        path = [base64.b64decode(line, validate=True) for line in path]
        _, size, expected = checkpoint(note)
        self.assertEqual(included(leaf_hash(leaf), 271, size, path), expected)
        self.assertNotEqual(included(leaf_hash(leaf), 270, size, path), expected)

    def test_el_7_el_26_growth(self) -> None:
        _, old_size, old_root = checkpoint((LOG / "checkpoint-200").read_text())
        self.assertEqual(old_root, root(read_hashes(0, self.size)[:200]))
        head, note = (LOG / "growth.consistency-proof").read_text().split("\n\n", 1)
        old, *path = head.split("\n")
        self.assertEqual(old, f"old {old_size}")
        path = [base64.b64decode(line, validate=True) for line in path]
        origin, size, new_root = checkpoint(note)
        self.assertEqual((origin, size, new_root), (self.origin, self.size, self.root))
        self.assertEqual(grown(old_size, size, path, old_root), (old_root, new_root))


if __name__ == "__main__":
    unittest.main()
