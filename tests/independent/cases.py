"""Random requests of the line protocol. The same generator state gives the same requests."""

import json

import qfs_reference as qfs

PROFILES = ([4, 0, 3], [4, 0, 1], [4, 0, 4], [1, 0, 2], [7, 0, 3], [16, 6, 1], [10, 5, 1], [2, 1, 1], [3, 2, 1])
LETTERS = "abcXYZ019-_./: \"\\\t\n\r\x00\x1f\x7f\u0080éüßñ€中\u2028\ufb33\U0001f600\U00010000\U0010ffff"
NODE_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789-"


def _text(rng, most, letters=LETTERS):
    return "".join(rng.choices(letters, k=rng.randint(0, most)))


def _integer(rng):
    edge = rng.choice([0, 1, 255, 2**31, 2**53 - 1])
    return rng.choice([edge, -edge, rng.randint(-(2**53) + 1, 2**53 - 1), rng.randint(-100, 100)])


def _value(rng, depth):
    kind = rng.randrange(7 if depth else 5)
    if kind == 5:
        return [_value(rng, depth - 1) for _ in range(rng.randint(0, 4))]
    if kind == 6:
        return _members(rng, depth - 1, rng.randint(0, 4))
    return [None, True, False, _integer(rng), _text(rng, 12)][kind]


def _members(rng, depth, count):
    return {_text(rng, 8) + str(i) * rng.randint(0, 1): _value(rng, depth) for i in range(count)}


def _spelled(rng, value):
    """One of the many JSON texts of a value: order, white space and escapes vary."""
    gap = rng.choice(["", " ", "\n", "\t", "\r\n "])
    if isinstance(value, dict):
        members = list(value.items())
        rng.shuffle(members)
        inside = ("," + gap).join(f"{_spelled(rng, key)}{gap}:{gap}{_spelled(rng, item)}" for key, item in members)
        return "{" + gap + inside + gap + "}"
    if isinstance(value, list):
        return "[" + gap + ("," + gap).join(_spelled(rng, item) for item in value) + gap + "]"
    text = json.dumps(value, ensure_ascii=rng.random() < 0.5)
    if value == 0 and value is not False and rng.random() < 0.3:
        return "-0"
    return text.replace("/", "\\/") if rng.random() < 0.3 else text


def metadata(rng):
    """A metadata text that is accepted."""
    count = rng.choice([0, 1, 2, 3, 5, rng.randint(0, 20), 99, 100, 130] if rng.random() < 0.1 else [0, 1, 2, 3, 5])
    return _spelled(rng, _members(rng, 3, count))


def refused_metadata(rng):
    """A metadata text with one fault."""
    value = rng.choice([
        "1.5", "1.0", "1e3", "-0.0", "9007199254740992", "-9007199254740992", "18446744073709551616", "1" * 40,
        "01", "+1", ".5", "5.", "NaN", "Infinity", "nul", "True", "'a'", "[1,]", "[1 2]", '{"a":1,}', "{1:2}", ",",
        '{"k":1,"k":2}', '{"k":1,"\\u006b":2}', '"\\ud800"', '"\\udc00\\ud800"',
        '"\\x41"', '"\\u00g0"', '"\n"', '"open',
        "[" * 70 + "]" * 70, "/* a */ 1", "1 // a", "\u00a01", "\u20281",
    ])
    prefix = _spelled(rng, {"a": _integer(rng)})[:-1]
    return rng.choice([f'{prefix},"x":{value}}}', f'{{"x":{value}}}', f'{{"x":[{value}]}}'])


def refused_document(rng):
    """A text that is no metadata object at all."""
    return rng.choice(["", "null", "true", "7", '"text"', "[]", "{", "}", "{}{}", "{} x", "\ufeff{}"])


def long_metadata(rng):
    """Metadata at the limit of 16 KiB, or one byte past it. No white space: both its lengths are the same."""
    length = qfs.MAX_METADATA_BYTES + rng.choice([0, 1, 1, 500])
    return json.dumps({"k": "x" * (length - len('{"k":""}'))}, separators=(",", ":"))


def nodes(rng, count):
    """Distinct node ids in any order, now and then one of them twice."""
    ids = set()
    while len(ids) < count:
        width = rng.choice([1, 3, 8, 8, 8, 20, qfs.MAX_NODE_ID_BYTES])
        ids.add("".join(rng.choices(NODE_LETTERS, k=width)))
    ids = sorted(ids)
    if ids and rng.random() < 0.1:
        ids.append(rng.choice(ids))
    rng.shuffle(ids)
    return ids


def _object_id(rng):
    plain = rng.choice(["obj", "photos/2026/", "a:b", "ünï", "中", "\U0001f600"]) + str(rng.randint(0, 10**6))
    return rng.choice([plain, plain, plain, "x" * qfs.MAX_OBJECT_ID_BYTES])


def _version(rng):
    return str(rng.choice([1, 2, rng.randint(1, 1000), rng.randint(1, 2**64 - 1), 2**63, 2**64 - 1]))


def _content(rng):
    edges = [0, 1, 1023, 1024, 1025, 4095, 4096, 4097]
    return rng.randbytes(rng.choice(edges + [rng.randint(0, most) for most in (64, 3000, 20_000)]))


def _object(rng, profile, content):
    k, m, r = profile
    return {
        "op": "object",
        "object_id": _object_id(rng),
        "version": _version(rng),
        "metadata_json": metadata(rng),
        "content_hex": content.hex(),
        "nodes": nodes(rng, (k + m if m else r) + rng.choice([0, 0, 1, 2, rng.randint(0, 40)])),
        "profile": profile,
    }


def random_object(rng):
    """An object with at most one fault; most have none."""
    request = _object(rng, list(rng.choice(PROFILES)), _content(rng))
    fault = rng.randrange(30)
    if fault == 0:
        request["version"] = "0"
    elif fault == 1:
        request["object_id"] = ""
    elif fault == 2:
        request["object_id"] = rng.choice(["x" * 1025, "é" * 513, "x" * 5000])
    elif fault == 3:
        k, m, r = request["profile"]
        request["nodes"] = nodes(rng, rng.randint(0, (k + m if m else r) - 1))
    elif fault == 4:
        request["metadata_json"] = long_metadata(rng)
    elif fault == 5:
        request["metadata_json"] = refused_document(rng)
    elif fault in (6, 7, 8):
        request["metadata_json"] = refused_metadata(rng)
    return request


def boundaries():
    """Profiles and sizes one byte before, at and after the ends of leaves, blocks and stripes."""
    for profile in ([4, 0, 3], [16, 6, 1], [10, 5, 1]):
        block, stripe = qfs.BLOCK_SIZE, qfs.BLOCK_SIZE * profile[0]
        for edge in (qfs.LEAF_SIZE, block, 2 * block, 4 * block, stripe, stripe + block):
            for size in (edge - 1, edge, edge + 1):
                yield profile, size


def boundary_object(rng, profile, size):
    """An object of exactly this size, without a fault."""
    return _object(rng, profile, rng.randbytes(size))


def _amount(rng, most):
    if rng.random() < 0.1:
        return qfs.format_amount(rng.choice([0, 1, 9, 10, 11, 99]))
    return qfs.format_amount(rng.randint(0, rng.choice([10**20, most // 1000, most, most])))


def _uptime(rng):
    ratio = rng.choice([qfs.SCALE, qfs.SCALE - 1, 9 * qfs.SCALE // 10, rng.randint(9 * qfs.SCALE // 10, qfs.SCALE)])
    text = qfs.format_amount(ratio)
    return rng.choice([text, text.rstrip("0").rstrip(".")])


def _node(rng, verified, even):
    uptime = _uptime(rng) if verified or rng.random() < 0.5 else rng.choice(["0", "0.5", "0.89"])
    if even:
        stored, proofs = rng.randint(2**29, 2**30), rng.randint(60, 64)
    else:
        stored = rng.choice([0, 1, rng.randint(0, 4096), rng.randint(0, 2**30), rng.randint(0, 2**50)])
        proofs = rng.choice([0, 1, 64, rng.randint(0, 100), rng.randint(0, 10_000)])
    return {"bytes_stored": str(stored), "uptime": uptime, "proofs": str(proofs), "verified": verified}


def random_settlement(rng):
    """An epoch's fees and the facts that close it: nodes much alike (no cap) or far apart (capped)."""
    count = rng.choice([0, 2, 3, 4, 5, 6, 8, rng.randint(3, 40), rng.randint(3, 40)])
    even = rng.random() < 0.5
    return {
        "op": "settle",
        "fees": _amount(rng, 3 * 10**7 * qfs.SCALE),
        "nodes": [_node(rng, rng.random() < 0.85, even) for _ in range(count)],
    }
