"""Signatures of every suite (PR-1), and what a command's signature covers (PR-4)."""

from functools import lru_cache

from dilithium_py.ml_dsa import ML_DSA_44, ML_DSA_65, ML_DSA_87
from qfs_reference import sha3

from . import ed25519
from .borsh import U64
from .schema import ACTION, Genesis

ED25519 = 1
ML_DSA = {2: ML_DSA_44, 3: ML_DSA_65, 4: ML_DSA_87}
# Lengths of public key and signature (PR-1).
LENGTHS = {2: (1_312, 2_420), 3: (1_952, 3_309), 4: (2_592, 4_627)}
# Which suite a node's scheme speaks with (GV-2).
SUITE_OF_SCHEME = {"ML-DSA-44": 2, "ML-DSA-65": 3, "ML-DSA-87": 4}


@lru_cache(maxsize=100_000)
def verify(suite, public_key, message, signature):
    """Whether the signature is the key's; a pure function, so its answers are kept."""
    if suite == ED25519:
        return ed25519.verify(public_key, message, signature)
    if (len(public_key), len(signature)) != LENGTHS[suite]:
        return False
    return ML_DSA[suite].verify(public_key, message, signature)


def account_of(key):
    """The account of a key (PR-3)."""
    return sha3(bytes([key.suite]) + key.data)


def ledger_id(genesis):
    """PR-4."""
    return sha3(b"qfs/v1/ledger" + Genesis.write(genesis))


def command_holds(command, ledger):
    """Whether a signed command's signature holds for the ledger of that id."""
    signed = command.authorization
    action = ACTION.write(command.action)
    message = b"qfs/v1/command" + ledger + command.id + U64.write(command.valid_until_epoch) + command.payer + action
    return verify(signed.key.suite, signed.key.data, message, signed.signature)
