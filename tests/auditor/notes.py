"""Verifier keys, signed notes and checkpoints (EL-8 to EL-13)."""

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass

from . import signatures
from .schema import Key

MAX_SIZE = 2**63 - 1
MAX_NOTE = 65_536
MAX_VKEY = 2_048
MAX_SIGNATURES = 16
ED25519, ML_DSA_44 = 0x01, 0x06
# The suite of PR-1 that a type of EL-10 is.
SUITES = {ED25519: 1, ML_DSA_44: 2}
KEY_LENGTHS = {ED25519: 32, ML_DSA_44: 1_312}
COSIGNATURE = b"subtree/v1\n\0"
# The characters with the property White_Space.
WHITE_SPACE = set("\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000") | {chr(c) for c in range(0x2000, 0x200B)}


class Refused(Exception):
    """Text that is no key, note or checkpoint, or is not signed."""


def decode_base64(text):
    """RFC 4648, section 4, in its one spelling."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Refused("not base64") from None
    if base64.b64encode(data).decode() != text:
        raise Refused("another spelling of base64")
    return data


def require_name(name):
    if not 1 <= len(name.encode()) <= 255 or "+" in name or WHITE_SPACE & set(name):
        raise Refused(f"{name!r} is no key name")


@dataclass(frozen=True)
class VerifierKey:
    """EL-10."""

    name: str
    id: bytes
    kind: int
    public_key: bytes

    @staticmethod
    def of(name, kind, public_key):
        hashed = name.encode() + b"\n" + bytes([kind]) + public_key
        return VerifierKey(name, hashlib.sha256(hashed).digest()[:4], kind, public_key)

    @staticmethod
    def of_key(name, key):
        """One of the log's keys, under the ledger's name."""
        kind = next(kind for kind, suite in SUITES.items() if suite == key.suite)
        return VerifierKey.of(name, kind, key.data)

    @property
    def ledger_key(self):
        return Key(suite=SUITES[self.kind], data=self.public_key)

    def __str__(self):
        encoded = base64.b64encode(bytes([self.kind]) + self.public_key).decode()
        return f"{self.name}+{self.id.hex()}+{encoded}"

    @staticmethod
    def parse(text):
        if len(text.encode()) > MAX_VKEY:
            raise Refused("a verifier key is too long")
        parts = text.split("+", 2)
        if len(parts) != 3 or not re.fullmatch("[0-9a-f]{8}", parts[1]):
            raise Refused("no verifier key")
        require_name(parts[0])
        data = decode_base64(parts[2])
        if not data or KEY_LENGTHS.get(data[0]) != len(data) - 1:
            raise Refused("a verifier key of no known type")
        key = VerifierKey.of(parts[0], data[0], data[1:])
        if key.id.hex() != parts[1]:
            raise Refused("a verifier key with another id")
        return key


@dataclass(frozen=True)
class Checkpoint:
    """EL-8, with its note's signatures as (key name, key id, signature)."""

    origin: str
    size: int
    root: bytes
    text: bytes
    signatures: tuple


def require_origin(origin):
    data = origin.encode()
    if not 1 <= len(data) <= 255 or min(data) < 0x20:
        raise Refused("bad origin")


def parse(note):
    """The checkpoint of a signed note (EL-8, EL-9)."""
    if len(note) > MAX_NOTE or any(byte < 0x20 and byte != 0x0A for byte in note):
        raise Refused("a note is too long or has control bytes")
    try:
        text, separator, lines = note.decode().rpartition("\n\n")
    except UnicodeDecodeError:
        raise Refused("a note is UTF-8") from None
    if not separator or not lines.endswith("\n"):
        raise Refused("no signed note")
    signed = tuple(_signature_line(line) for line in lines[:-1].split("\n"))
    if len(signed) > MAX_SIGNATURES:
        raise Refused("too many signatures")
    return _checkpoint(text + "\n", signed)


def _signature_line(line):
    start, _, rest = line.partition(" ")
    name, _, encoded = rest.partition(" ")
    if start != "\u2014":
        raise Refused("no signature line")
    require_name(name)
    data = decode_base64(encoded)
    if len(data) < 5:
        raise Refused("an empty signature")
    return name, data[:4], data[4:]


def _checkpoint(text, signed):
    lines = text.split("\n")
    if len(lines) != 4 or lines[3]:
        raise Refused("a checkpoint has three lines")
    require_origin(lines[0])
    if not re.fullmatch("0|[1-9][0-9]{0,18}", lines[1]) or int(lines[1]) > MAX_SIZE:
        raise Refused("bad size")
    root = decode_base64(lines[2])
    if len(root) != 32:
        raise Refused("a root has 32 bytes")
    return Checkpoint(lines[0], int(lines[1]), root, text.encode(), signed)


def _cosigned(checkpoint, name, timestamp):
    """The message of EL-11."""
    name, origin = name.encode(), checkpoint.origin.encode()
    numbers = bytes(8) + checkpoint.size.to_bytes(8, "big")
    return (
        COSIGNATURE + bytes([len(name)]) + name + timestamp + bytes([len(origin)]) + origin + numbers + checkpoint.root
    )


def _holds(checkpoint, key, signature):
    if key.kind == ED25519:
        return signatures.verify(signatures.ED25519, key.public_key, checkpoint.text, signature)
    if len(signature) != 8 + 2_420 or signature[0] >> 7:
        return False
    message = _cosigned(checkpoint, key.name, signature[:8])
    return signatures.verify(2, key.public_key, message, signature[8:])


def verify(checkpoint, keys):
    """EL-13."""
    known, held = {(key.name, key.id): key for key in keys}, set()
    for name, identity, signature in checkpoint.signatures:
        key = known.get((name, identity))
        if key is None:
            continue
        if not _holds(checkpoint, key, signature):
            raise Refused(f"the signature of {name}+{identity.hex()} does not hold")
        held.add(key.kind)
    if held != {ED25519, ML_DSA_44}:
        raise Refused("not signed with keys of both types")
