"""Ed25519 (RFC 8032), verification only and strict (EL-13, PR-4).

Refused are keys and points that are not written in their one way, points of small order, and an `s` that is not below
the order of the group. The equation is checked without the cofactor.
"""

import hashlib

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
SQRT_M1 = pow(2, (P - 1) // 4, P)
# Extended coordinates X, Y, Z, T with x = X/Z, y = Y/Z, xy = T/Z (RFC 8032, 5.1.4).
IDENTITY = (0, 1, 1, 0)


def _add(a, b):
    s, t = (a[1] - a[0]) * (b[1] - b[0]) % P, (a[1] + a[0]) * (b[1] + b[0]) % P
    c, d = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    e, f, g, h = t - s, d - c, d + c, t + s
    return e * f % P, g * h % P, f * g % P, e * h % P


def _decompress(data):
    """The point of 32 bytes, or None (RFC 8032, 5.1.3)."""
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & (2**255 - 1)
    if y >= P:
        return None
    u, v = (y * y - 1) % P, (D * y * y + 1) % P
    x = u * pow(v, 3, P) * pow(u * pow(v, 7, P), (P - 5) // 8, P) % P
    if v * x * x % P != u:
        x = x * SQRT_M1 % P
    if v * x * x % P != u or (x == 0 and sign):
        return None
    x = P - x if x & 1 != sign else x
    return x, y, 1, x * y % P


def _compress(point):
    inverse = pow(point[2], -1, P)
    x, y = point[0] * inverse % P, point[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def _is_small(point):
    for _ in range(3):
        point = _add(point, point)
    return point[0] % P == 0 and (point[1] - point[2]) % P == 0


def _double_multiply(s, a, k, b):
    """[s]a + [k]b."""
    both, result = _add(a, b), IDENTITY
    table = {(1, 0): a, (0, 1): b, (1, 1): both}
    for i in reversed(range(max(s.bit_length(), k.bit_length()))):
        result = _add(result, result)
        step = table.get((s >> i & 1, k >> i & 1))
        result = _add(result, step) if step else result
    return result


BASE = _decompress((4 * pow(5, -1, P) % P).to_bytes(32, "little"))


def verify(public_key, message, signature):
    """Whether the signature is the key's over the message."""
    if len(public_key) != 32 or len(signature) != 64:
        return False
    encoded_r, s = signature[:32], int.from_bytes(signature[32:], "little")
    a, r = _decompress(public_key), _decompress(encoded_r)
    if a is None or r is None or s >= ORDER or _is_small(a) or _is_small(r):
        return False
    k = int.from_bytes(hashlib.sha512(encoded_r + public_key + message).digest(), "little") % ORDER
    minus_a = (P - a[0], a[1], a[2], P - a[3])
    return _compress(_double_multiply(s, BASE, k, minus_a)) == encoded_r
