"""Logs as a ledger would write them: commands executed, chained, signed and exported. For tests."""

import base64
import struct

from qfs_reference import sha3

from . import decide, notes, schema
from .export import Export
from .state import State

NO_TIME = bytes(8)


class Execution:
    """Makes the bodies of commands, as the ledger would."""

    def __init__(self):
        self.state, self.bodies, self.entry_hash, self.tick = State(), [], bytes(32), 0

    def add(self, command, tick):
        """Enters a command, unless its id or tick forbid that it is in the log at all (RP-3)."""
        used = self.state.ids.get(command.id)
        if used is not None and used + 1 >= self.state.epoch:
            return None
        self.tick = max(tick, self.tick)
        body = decide.execute(self.state, decide.Ordered(len(self.bodies), self.tick, command))
        data = schema.Body.write(body)
        self.bodies.append(data)
        self.entry_hash = sha3(self.entry_hash + sha3(data))
        self.state.ids[command.id] = self.state.epoch
        if isinstance(body.outcome, schema.Accepted) and isinstance(body.outcome.event, schema.AuditOpened):
            self.state.touch(b"L").audit.beacon = self.entry_hash
        return body


def export(name, bodies, vkeys, signers):
    """An export of these bodies (EL-15 to EL-17), as bytes: with these keys in its header, as texts, and signed by
    pairs of a verifier key and a function that signs."""
    origin, keys = name.encode(), [text.encode() for text in vkeys]
    header = b"\x89QFSLOG\n" + struct.pack(">IQB", 1, len(bodies), len(origin)) + origin + bytes([len(keys)])
    header += b"".join(struct.pack(">H", len(key)) + key for key in keys)
    frames = b"".join(struct.pack(">I", len(body)) + body for body in bodies)
    read = Export(header + frames)
    read.at, read.place = len(header), "entry 0"
    for _ in bodies:
        read.body()
    note = checkpoint(name, read.size, read.root(), signers)
    data = header + frames + read.entry_hash + struct.pack(">I", len(note)) + note
    return data + sha3(data)


def checkpoint(name, size, root, signers):
    """The signed note of a checkpoint (EL-8 to EL-12), as bytes."""
    text = f"{name}\n{size}\n{base64.b64encode(root).decode()}\n"
    unsigned = notes.Checkpoint(name, size, root, text.encode(), ())
    lines = "".join(_signature_line(unsigned, vkey, sign) for vkey, sign in signers)
    return (text + "\n" + lines).encode()


def _signature_line(unsigned, vkey, sign):
    if vkey.kind == notes.ED25519:
        signature = sign(unsigned.text)
    else:
        signature = NO_TIME + sign(notes._cosigned(unsigned, vkey.name, NO_TIME))
    return f"\u2014 {vkey.name} {base64.b64encode(vkey.id + signature).decode()}\n"
