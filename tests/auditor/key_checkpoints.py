"""Histories about whose log it is: header, pins and checkpoint over generations of the log's keys (KY-2, KY-8, RP-4).

A history is a name, the bytes of an export, the pinned vkeys, and place and field of the divergence that the rules
demand, or None; of sound logs also the generations that its evidence lists (RP-8).
"""

import copy

from qfs_reference import sha3

from . import notes
from .forge import LOG, NAME, Forge, log_keys, vkeys

NO_PIN = ("entry 0", "log_keys")
HEADER = ("header", "header.keys")
SIGNATURE = ("trailer", "checkpoint.signature")


def histories():
    yield from _without_rotation()
    yield from _pins()
    yield from _headers()
    yield from _signatures()
    yield from _order()
    yield from _last_entries()


def listed(log):
    """What evidence says of the generations (RP-8), from the forge's own book."""
    ids = lambda keys: [f"{NAME}+{one.vkey().id.hex()}" for one in keys]
    return [
        {"generation": number, "from_seq": since, "keys": ids(keys), "endorsed": endorsed, "revoked_by_seq": revoked}
        for number, (keys, since, endorsed, revoked) in enumerate(log, start=1)
    ]


def _ledger(*endorsed, revoked=()):
    """A ledger whose log has rotated once for each flag, with an endorsement or without; and its generations."""
    ledger = Forge()
    generations = [[ledger.log[0], 0, None, None]]
    ledger.store("before")
    for number, flag in enumerate(endorsed, start=2):
        seq = ledger.rotate_log(f"generation {number}", flag)
        generations.append([ledger.log[-1], seq, flag, None])
        ledger.store(f"under-{number}")
    for number in revoked:
        generations[number - 1][3] = ledger.revoke(LOG, number)
    ledger.close()
    return ledger, listed(generations)


def _without_rotation():
    ledger, log = _ledger()
    data = ledger.export()
    yield "never rotated", data, (), None, log
    yield "never rotated, pinned", data, vkeys(ledger.log[0]), None, log
    yield "never rotated, pinned to one key", data, vkeys(ledger.log[0][:1]), NO_PIN
    yield "never rotated, pinned under another name", data, vkeys(ledger.log[0], "example.com/other"), NO_PIN
    yield "never rotated, header swapped", ledger.export(header=vkeys(ledger.log[0][::-1])), (), HEADER


# Flags of endorsement, generations that are revoked, and the pinned generations that lead to the end.
ENDORSEMENTS = (
    ("endorsed", (True,), (), (1, 2)),
    ("not endorsed", (False,), (), (2,)),
    ("endorsed twice", (True, True), (), (1, 2, 3)),
    ("endorsed, then not", (True, False), (), (3,)),
    ("not endorsed, then endorsed", (False, True), (), (2, 3)),
    ("first revoked", (True,), (1,), (2,)),
    ("second of three revoked", (True, True), (2,), (1, 3)),
    ("first and second revoked", (True, True), (1, 2), (3,)),
    ("revoked and not endorsed", (False,), (1,), (2,)),
)


def _pins():
    for name, flags, revoked, leading in ENDORSEMENTS:
        ledger, log = _ledger(*flags, revoked=revoked)
        data = ledger.export()
        yield f"{name}, unpinned", data, (), None, log
        for number, keys in enumerate(ledger.log, start=1):
            said = None if number in leading else NO_PIN
            yield f"{name}, pinned to {number}", data, vkeys(keys), said, *([log] if said is None else [])
    ledger, log = _ledger(True, True, revoked=(1, 2))
    first, second, third = ledger.log
    data = ledger.export()
    yield "pinned to both revoked", data, vkeys(first + second), NO_PIN
    yield "pinned to every generation", data, vkeys(first + second + third), None, log
    ledger, log = _ledger(True)
    first, second = ledger.log
    data = ledger.export()
    yield "pinned to one key of the first", data, vkeys(first[:1]), NO_PIN
    yield "pinned to one key of the last", data, vkeys(second[1:]), NO_PIN
    yield "pinned to keys of two generations", data, vkeys([first[0], second[1]]), NO_PIN
    yield "pinned to three keys", data, vkeys([first[0], *second]), None, log
    yield "pinned to a stranger", data, vkeys(log_keys("stranger")), NO_PIN
    yield "pinned to a stranger and the first", data, vkeys(log_keys("stranger") + first), None, log
    yield "pinned under another name", data, vkeys(first + second, "example.com/other"), NO_PIN


def _headers():
    ledger, _ = _ledger(True)
    first, second = ledger.log
    headers = {
        "of the first generation": first, "in the wrong order": second[::-1], "of both": second + first,
        "of the first and the last": first + second, "with one key": second[:1],
        "with a key twice": [*second, second[0]],
        "of a stranger": log_keys("stranger"), "mixed": [second[0], first[1]],
    }
    for name, keys in headers.items():
        yield f"header {name}", ledger.export(header=vkeys(keys)), vkeys(first), HEADER
    other = vkeys(second, "example.com/other")
    yield "header under another name", ledger.export(header=other), (), HEADER
    unknown = str(notes.VerifierKey.of(NAME, 0x04, second[0].key.data))
    yield "header with a key of another type", ledger.export(header=[unknown, vkeys(second)[1]]), (), HEADER
    yield "header and checkpoint of the first generation", ledger.export(vkeys(first), first), vkeys(first), HEADER


def _signatures():
    ledger, log = _ledger(True)
    (first, second), pins = ledger.log, vkeys(ledger.log[0])
    stranger = log_keys("stranger")
    for name, signers, said in (
        ("the first generation", first, SIGNATURE), ("a stranger", stranger, SIGNATURE),
        ("one key", second[:1], SIGNATURE), ("the other key", second[1:], SIGNATURE),
        ("keys of two generations", [second[0], first[1]], SIGNATURE), ("keys in the other order", second[::-1], None),
        ("both generations", first + second, None), ("a stranger as well", second + stranger, None),
    ):
        yield f"signed by {name}", ledger.export(signers=signers), pins, said, *([log] if said is None else [])
    yield "signed badly by the last, well by the first", ledger.export(signers=first + _broken(second)), pins, SIGNATURE
    yield "signed badly by the first, well by the last", ledger.export(signers=_broken(first) + second), pins, None, log
    yield "signed well and badly by the last", ledger.export(signers=second + _broken(second)), pins, SIGNATURE


class _Broken:
    """A signer whose signatures are of another message."""

    def __init__(self, one):
        self.one, self.key = one, one.key

    def vkey(self):
        return self.one.vkey()

    def sign(self, message):
        return self.one.sign(message + b"x")


def _broken(keys):
    return [_Broken(one) for one in keys]


def _order():
    """What is wrong in two ways is reported in the order of RP-4, the trailer before all."""
    ledger, _ = _ledger(True)
    first, second = ledger.log
    stranger = log_keys("stranger")
    pins = vkeys(stranger)
    yield "wrong header, wrong pins", ledger.export(header=vkeys(first)), pins, HEADER
    yield "wrong pins, wrong checkpoint", ledger.export(signers=first), pins, NO_PIN
    yield "wrong header, wrong checkpoint", ledger.export(vkeys(first), stranger), vkeys(first), HEADER
    data = ledger.export(header=vkeys(first))
    yield "wrong header, wrong file hash", data[:-1] + bytes([data[-1] ^ 1]), (), ("trailer", "export.hash")
    forged = data[:-32].replace(ledger.execution.entry_hash, bytes(32))
    yield "wrong header, wrong last entry", forged + sha3(forged), (), ("trailer", "trailer.last_entry_hash")
    other = ledger.export(name="example.com/other")
    yield "another origin", other, vkeys(second), ("header", "header.origin")


def _last_entries():
    """KY-2: a checkpoint is signed by the generation after the last entry."""
    ledger = Forge()
    ledger.store("a")
    refused = copy.deepcopy(ledger)
    seq = ledger.rotate_log("second")
    first, second = ledger.log
    log = listed([(first, 0, None, None), (second, seq, True, None)])
    yield "rotation is the last entry", ledger.export(), vkeys(first), None, log
    yield "rotation is the last entry, signed as before", ledger.export(vkeys(first), first), vkeys(first), HEADER
    yield "rotation is the last entry, header as before", ledger.export(vkeys(first)), vkeys(first), HEADER
    refused.rotate(LOG, log_keys("second"), generation=3, expect="CONFLICT")
    log = listed([(first, 0, None, None)])
    yield "refused rotation is the last entry", refused.export(), vkeys(first), None, log
    taken = refused.export(vkeys(second), second)
    yield "refused rotation is the last entry, taken as done", taken, (), HEADER
    alone = Forge()
    alone.rotate(LOG, log_keys("second"), endorsement=alone.log[-1])
    log = listed([(first, 0, None, None), (second, 1, True, None)])
    yield "nothing but a rotation", alone.export(), vkeys(first), None, log
