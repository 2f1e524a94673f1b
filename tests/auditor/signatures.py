"""Signatures of every suite (PR-1), and what a command's signature covers (PR-4)."""

from functools import lru_cache

from dilithium_py.ml_dsa import ML_DSA_44, ML_DSA_65, ML_DSA_87
from qfs_reference import sha3

from . import ed25519
from .borsh import U64
from .schema import ACTION, HOLDER, U32, Genesis, Key, List

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
    return verify(signed.key.suite, signed.key.data, command_message(command, ledger), signed.signature)


def command_message(command, ledger):
    """PR-4: what a signature of a command covers."""
    until = U64.write(command.valid_until_epoch)
    return b"qfs/v1/command" + ledger + command.id + until + command.payer + ACTION.write(command.action)


def rotation_message(rotation, ledger):
    """KY-3: what possession and endorsement of new keys are signatures over."""
    holder, generation = HOLDER.write(rotation.holder), U32.write(rotation.generation)
    return b"qfs/v1/key rotation" + ledger + holder + generation + List(Key).write(rotation.keys)


def rotation_holds(rotation, ledger, keys, signed):
    """Whether each of these signatures over a rotation is by the key in its place."""
    message = rotation_message(rotation, ledger)
    return len(keys) == len(signed) and all(
        verify(key.suite, key.data, message, signature) for key, signature in zip(keys, signed)
    )
