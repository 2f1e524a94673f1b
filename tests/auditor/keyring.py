"""Keys to sign with, for tests: those that `qfs init` leaves below `keys/`, each a seed in hexadecimal."""

import hashlib

from dilithium_py.ml_dsa import ML_DSA_44, ML_DSA_65, ML_DSA_87

from . import ed25519, schema
from .signatures import command_message

SUITES = {"ed25519": 1, "ml-dsa-44": 2, "ml-dsa-65": 3, "ml-dsa-87": 4}
ML_DSA = {2: ML_DSA_44, 3: ML_DSA_65, 4: ML_DSA_87}


def _multiply(scalar, point):
    return ed25519._double_multiply(scalar, point, 0, ed25519.IDENTITY)


class Ed25519Key:
    """RFC 8032, 5.1.5 and 5.1.6."""

    suite = 1

    def __init__(self, seed):
        digest = bytearray(hashlib.sha512(seed).digest())
        self.prefix = bytes(digest[32:])
        digest[0] &= 248
        digest[31] = digest[31] & 127 | 64
        self.scalar = int.from_bytes(digest[:32], "little")
        self.public = ed25519._compress(_multiply(self.scalar, ed25519.BASE))

    def sign(self, message):
        hashed = lambda *parts: int.from_bytes(hashlib.sha512(b"".join(parts)).digest(), "little") % ed25519.ORDER
        nonce = hashed(self.prefix, message)
        r = ed25519._compress(_multiply(nonce, ed25519.BASE))
        s = (nonce + hashed(r, self.public, message) * self.scalar) % ed25519.ORDER
        return r + s.to_bytes(32, "little")


class MlDsaKey:
    def __init__(self, suite, seed):
        self.suite, self.algorithm = suite, ML_DSA[suite]
        self.public, self.secret = self.algorithm.key_derive(seed)

    def sign(self, message):
        return self.algorithm.sign(self.secret, message, deterministic=True)


def from_seed(suite, seed):
    return Ed25519Key(seed) if suite == 1 else MlDsaKey(suite, seed)


class Keyring:
    """Every key of a data directory, by its public key."""

    def __init__(self, directory):
        self.keys = {}
        for path in sorted(directory.iterdir()):
            suite = SUITES.get(path.suffix[1:])
            if suite is not None:
                seed = bytes.fromhex(path.read_text().strip())
                key = from_seed(suite, seed)
                self.keys[suite, key.public] = key

    def add(self, suite, seed):
        """A key of that seed, from now on among the others; its public half."""
        key = from_seed(suite, seed)
        self.keys[suite, key.public] = key
        return schema.Key(suite=suite, data=key.public)

    def has(self, key):
        return (key.suite, key.data) in self.keys

    def sign(self, key, message):
        return self.keys[key.suite, key.data].sign(message)

    def publics(self):
        return [schema.Key(suite=suite, data=data) for suite, data in self.keys]

    def sign_command(self, command, key, ledger_id):
        """Puts the key's signature on a command (PR-4)."""
        signature = self.sign(key, command_message(command, ledger_id))
        command.authorization = schema.Signature(key=key, signature=signature)
