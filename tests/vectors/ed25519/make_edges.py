"""Writes edges.json: signatures on which verifiers of Ed25519 are known to disagree (after Chalkias, Garillot and
Nikolaenko, "Taming the many EdDSAs", 2020). Each satisfies the equation of some verifier. `valid` says what ours must
answer: canonical spelling, no point of small order, no cofactor (PR-1).

Run from the root: python3 -m tests.vectors.ed25519.make_edges
"""

import base64
import hashlib
import json
from itertools import count
from pathlib import Path

from tests.auditor import ed25519 as curve

L, P = curve.ORDER, curve.P
SECRET, NONCE = (int.from_bytes(hashlib.sha512(name).digest(), "little") % L for name in (b"qfs secret", b"qfs nonce"))


NEUTRAL = curve._compress(curve.IDENTITY)


def times(scalar, point):
    return curve._double_multiply(scalar, point, 0, curve.IDENTITY)


def base(scalar):
    return times(scalar, curve.BASE)


def torsion():
    """The eight points of small order, as multiples of one of order eight."""
    for y in count(2):
        point = curve._decompress(y.to_bytes(32, "little"))
        if point is None:
            continue
        low = times(L, point)
        if curve._compress(times(4, low)) != NEUTRAL:
            return [times(i, low) for i in range(8)]


def other_spellings():
    """Encodings of points of small order that are not their canonical ones: y not below p, or a sign of x = 0."""
    signs = (0, 1 << 255)
    large = [y + P | sign for y in (0, 1) for sign in signs]
    return [value.to_bytes(32, "little") for value in [*large, 1 | 1 << 255, P - 1 | 1 << 255]]


def challenge(r, key, message):
    return int.from_bytes(hashlib.sha512(r + key + message).digest(), "little") % L


def message_for(r, key, wanted):
    """The first message whose challenge is as wanted."""
    for number in count():
        message = b"edge %d" % number
        if wanted(challenge(r, key, message)):
            return message


def case(comment, key, message, r, s, valid=False):
    parts = {"key": key, "message": message, "signature": r + s.to_bytes(32, "little")}
    parts = {name: base64.b64encode(part).decode() for name, part in parts.items()}
    return {"comment": comment, "valid": valid, **parts}


def small_keys(low):
    """With a challenge that is a multiple of eight, [s]B = R + [k]A for any key of small order."""
    r, s = curve._compress(base(NONCE)), NONCE
    for comment, keys in (
        ("key of small order", [curve._compress(point) for point in low]),
        ("key of small order, another spelling", other_spellings()),
    ):
        for key in keys:
            yield case(comment, key, message_for(r, key, lambda k: k % 8 == 0), r, s)


def small_nonces(low):
    """R of small order: the equation holds exactly for the neutral element, and for all others times the cofactor."""
    key = curve._compress(base(SECRET))
    for comment, points in (
        ("R of small order", [curve._compress(point) for point in low]),
        ("R of small order, another spelling", other_spellings()),
    ):
        for r in points:
            message = b"a message"
            yield case(comment, key, message, r, challenge(r, key, message) * SECRET % L)


def mixed(low):
    """Keys and nonces with a part of small order."""
    key = curve._compress(curve._add(base(SECRET), low[1]))
    r = curve._compress(base(NONCE))
    for comment, wanted, valid in (
        ("mixed key, holds without cofactor", lambda k: k % 8 == 0, True),
        ("mixed key, holds with cofactor only", lambda k: k % 8 == 1, False),
    ):
        message = message_for(r, key, wanted)
        s = (NONCE + challenge(r, key, message) * SECRET) % L
        yield case(comment, key, message, r, s, valid)
    key, r = curve._compress(base(SECRET)), curve._compress(curve._add(base(NONCE), low[1]))
    s = (NONCE + challenge(r, key, b"a message") * SECRET) % L
    yield case("mixed R, holds with cofactor only", key, b"a message", r, s)


def large_scalars():
    key, r = curve._compress(base(SECRET)), curve._compress(base(NONCE))
    s = (NONCE + challenge(r, key, b"a message") * SECRET) % L
    for multiple in range(16):
        if s + multiple * L < 2**256:
            comment = f"s plus {multiple} times the order" if multiple else "an ordinary signature"
            yield case(comment, key, b"a message", r, s + multiple * L, multiple == 0)


def main():
    low = torsion()
    cases = [*small_keys(low), *small_nonces(low), *mixed(low), *large_scalars()]
    lines = ",\n".join(json.dumps({"id": number, **test}) for number, test in enumerate(cases, 1))
    text = f'[\n{{"tests":[\n{lines}\n]}}\n]\n'
    Path(__file__).with_name("edges.json").write_text(text, encoding="ascii")


if __name__ == "__main__":
    main()
