"""Writes vectors.json: signatures of round-3 Dilithium, made by dilithium-py 1.5.1.

The first of each scheme is record 0 of NIST's known answers. That dilithium-py is of round 3.1 is checked by the SHA-256 which
PQClean publishes of that record (`nistkat-sha256` in the META.yml of each scheme); nothing is written if it differs. The generator of
random bytes that NIST prescribes needs AES, which the package `cryptography` has.
"""

import base64
import hashlib
import json
from pathlib import Path

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from dilithium_py.dilithium import Dilithium2, Dilithium3, Dilithium5

SCHEMES = (
    ("Dilithium2", Dilithium2, "faa8998108fa541309c9df5044018c5d26cc23654594bef639dd64b838646cbd"),
    ("Dilithium3", Dilithium3, "8439f580566c46b99449b2cbbd597ce59bcd5d184b90c1108b79a08f6bdbbcb1"),
    ("Dilithium5", Dilithium5, "984ea5f06b13778292f60ecc07301af76e375f1bb9f4a39d676513439e1e83a2"),
)
MESSAGES = (b"", b"\x00", b"qfs", bytes(range(256)) * 5)


class Drbg:
    """AES-256 CTR_DRBG without derivation function, as NIST's generator of known answers uses it."""

    def __init__(self, seed):
        self.key, self.counter = bytes(32), 0
        self._update(seed)

    def _block(self):
        self.counter = (self.counter + 1) % 2**128
        return Cipher(algorithms.AES(self.key), modes.ECB()).encryptor().update(self.counter.to_bytes(16, "big"))

    def _update(self, data):
        fresh = b"".join(self._block() for _ in range(3))
        fresh = bytes(a ^ b for a, b in zip(fresh, data, strict=True))
        self.key, self.counter = fresh[:32], int.from_bytes(fresh[32:], "big")

    def __call__(self, length):
        output = b""
        while len(output) < length:
            output += self._block()
        self._update(bytes(48))
        return output[:length]


def known_answer(scheme, published):
    draw = Drbg(bytes(range(48)))
    seed, message = draw(48), draw(33)
    scheme.random_bytes = Drbg(seed)
    public, secret = scheme.keygen()
    signature = scheme.sign(secret, message)
    fields = {
        "count": 0,
        "seed": seed.hex().upper(),
        "mlen": len(message),
        "msg": message.hex().upper(),
        "pk": public.hex().upper(),
        "sk": secret.hex().upper(),
        "smlen": len(signature + message),
        "sm": (signature + message).hex().upper(),
    }
    record = "".join(f"{name} = {value}\n" for name, value in fields.items())
    if hashlib.sha256(record.encode()).hexdigest() != published:
        raise ValueError("not the published known answer")
    return public, message, signature


def own(scheme, name):
    """One key, and a signature over each message."""
    scheme.random_bytes = lambda length: hashlib.shake_256(b"qfs round 3 " + name.encode()).digest(length)
    public, secret = scheme.keygen()
    return [(public, message, scheme.sign(secret, message)) for message in MESSAGES]


def main():
    tests = []
    for name, scheme, published in SCHEMES:
        for case in [known_answer(scheme, published), *own(scheme, name)]:
            key, message, signature = (base64.b64encode(part).decode() for part in case)
            tests.append({"scheme": name, "key": key, "message": message, "signature": signature})
    lines = ",\n".join(json.dumps(test, separators=(",", ":")) for test in tests)
    Path(__file__).with_name("vectors.json").write_text(f"[\n{lines}\n]\n", encoding="ascii")


if __name__ == "__main__":
    main()
