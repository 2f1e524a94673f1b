"""Rows that `qfs --json` prints, and what in them only the binary can know."""

import hashlib

import qfs_reference as qfs

amount = qfs.format_amount


class _Any:
    """Equal to everything."""

    def __eq__(self, other):
        return True

    def __repr__(self):
        return "ANY"


ANY = _Any()


def failure(code):
    return {"ok": False, "error_code": code, "error_detail": ANY}


def settlement_row(settlement):
    return {name: amount(getattr(settlement, name)) for name in ("fees", "pool", "rewards", "treasury", "reserve")}


def content_of(size, seed):
    """The bytes of a put: of a given size, random by a seed."""
    return hashlib.shake_128(str(seed).encode()).digest(size)
