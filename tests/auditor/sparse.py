"""The sparse Merkle map of ST-3, changed a batch at a time: only ways from changed leaves up are hashed again.

A node is None for no record, (path, hash) for one, and (None, hash, left, right) for a branch.
"""

from qfs_reference import sha3

EMPTY = bytes(32)
DEPTH = 256


def hash_of(node):
    return EMPTY if node is None else node[1]


def update(root, changes):
    """The map with every path of `changes` set to its value's hash, or taken out where that is None."""
    items = [(path, value and (path, sha3(b"\0" + path + value))) for path, value in sorted(changes.items())]
    return _update(root, items, 0)


def _update(node, items, depth):
    if not items:
        return node
    if node is None or node[0] is not None:
        if len(items) == 1 and (node is None or node[0] == items[0][0]):
            return items[0][1]
        # A leaf in the way goes down on its side, beside what is changed there.
        left, right = (None, node) if node and _bit(node[0], depth) else (node, None)
    else:
        left, right = node[2], node[3]
    middle = next((i for i, item in enumerate(items) if _bit(item[0], depth)), len(items))
    return _join(_update(left, items[:middle], depth + 1), _update(right, items[middle:], depth + 1))


def _bit(path, depth):
    return path[depth // 8] >> (7 - depth % 8) & 1


def _join(left, right):
    """A leaf stands at the top of the subtree that it has for itself (ST-4)."""
    if left is None and (right is None or right[0] is not None):
        return right
    if right is None and left[0] is not None:
        return left
    return None, sha3(b"\1" + hash_of(left) + hash_of(right)), left, right
