"""Export files that differ from an honest one in header, trailer or note alone (EL-8, EL-9, EL-15 to EL-19, RP-4)."""

import struct

from qfs_reference import sha3

from .logs import _rehash, _split


def variants(log):
    """Files by name. Which of them are sound is for both auditors to say."""
    header, frames, trailer = _split(log.data)
    rest = b"".join(frames) + trailer
    found = {"empty": b"", "more bytes": log.data + b"x", "more bytes, hashed": _rehash(log.data + b"x")}
    found["file hash"] = log.data[:-1] + bytes([log.data[-1] ^ 1])
    found["last entry"] = _rehash(header + b"".join(frames) + bytes(32) + trailer[32:])
    for name, changed in _headers(header, len(frames)).items():
        found[f"header: {name}"] = _rehash(changed + rest)
    for name, note in _notes(trailer, len(frames)).items():
        data = header + b"".join(frames) + trailer[:32] + struct.pack(">I", len(note)) + note
        found[f"note: {name}"] = data + sha3(data)
    return found


def _headers(header, count):
    origin_end = 21 + header[20]
    first_end = origin_end + 3 + struct.unpack_from(">H", header, origin_end + 1)[0]
    start, keys = header[:origin_end], (header[origin_end + 1 : first_end], header[first_end:])
    numbers = {f"count {n}": header[:12] + struct.pack(">Q", n) + header[20:] for n in (0, count - 1, count + 1, 2**63)}
    key_at = origin_end + 10
    return numbers | {
        "keys swapped": start + b"\2" + keys[1] + keys[0],
        "a key twice": start + b"\3" + keys[0] + keys[1] + keys[1],
        "one key": start + b"\1" + keys[0],
        "no key": start + b"\0",
        "key of other text": header[:key_at] + b"!" + header[key_at + 1 :],
        "key not UTF-8": header[:key_at] + b"\xff" + header[key_at + 1 :],
        "long key": header[: origin_end + 1] + b"\xff" + header[origin_end + 2 :],
        "magic": b"x" + header[1:],
        "version": header[:11] + b"\2" + header[12:],
        "no origin": header[:20] + b"\0" + header[21:],
        "origin with newline": header[:21] + b"\n" + header[22:],
        "origin not UTF-8": header[:21] + b"\xff" + header[22:],
        "another origin": header[:21] + b"r" + header[22:],
    }


def _notes(trailer, count):
    note = trailer[36:-32].decode()
    lines = note.split("\n")
    text, signed = "\n".join(lines[:3]) + "\n", [line + "\n" for line in lines[4:-1]]
    last = lines[2][:-2] + chr(ord(lines[2][-2]) + 1) + "="
    changed = {
        "another size": note.replace(f"\n{count}\n", f"\n{count + 1}\n", 1),
        "size with a zero": note.replace(f"\n{count}\n", f"\n0{count}\n", 1),
        "another origin": "x" + note,
        "extension line": text + "more\n\n" + "".join(signed),
        "a signature twice": note + signed[0],
        "signatures swapped": text + "\n" + signed[1] + signed[0],
        "one signature": text + "\n" + signed[0],
        "another's signature": note + "\u2014 other AAAAAAAA\n",
        "seventeen signatures": note + "\u2014 other AAAAAAAA\n" * 15,
        "an empty signature": note + "\u2014 other AAAAAA==\n",
        "space in a name": note + "\u2014 o\u00a0r AAAAAAAA\n",
        "no signatures": text + "\n",
        "no text": "hello",
        "no end": note[:-1],
        "another spelling of base64": note.replace(lines[2], last, 1),
    }
    return {name: text.encode() for name, text in changed.items()} | {"not UTF-8": b"\xff" + note.encode()}
