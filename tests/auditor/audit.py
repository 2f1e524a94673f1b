"""The pass over a log (RP-1 to RP-6)."""

from dataclasses import dataclass

from . import decide, keys, notes, schema
from .borsh import Malformed, decode
from .export import Divergence, Export
from .rings import bytes_by_node
from .state import State

# RP-5: fields of an event whose names in a report are not their own.
SETTLEMENT = ("fees", "pool", "rewards", "treasury", "reserve")


@dataclass(frozen=True)
class Verdict:
    """Of a log in which nothing diverged."""

    entries: int
    epochs: int
    pinned: bool
    entry_hash: bytes
    state_root: bytes

    @property
    def name(self):
        return "pinned" if self.pinned else "unpinned"


def audit(data, pinned=()):
    """The verdict on the bytes of an export; raises the first divergence."""
    export = Export(data)
    header = export.header()
    entries = _Entries()
    for seq in range(header.count):
        entries.enter(export.body(), export)
        if seq == 0:
            _require_origin(header, entries.state.genesis)
    checkpoint = export.trailer(header.origin)
    if header.count == 0:
        raise Divergence("header", "header.count", "an entry that opens the ledger", 0)
    state = entries.state
    _require_keys(state, header, checkpoint, pinned)
    _require_sums(state)
    return Verdict(header.count, state.epoch - 1, bool(pinned), export.entry_hash, state.root())


def _require_origin(header, genesis):
    """RP-4, 1."""
    if genesis is None:
        raise Divergence("entry 0", "outcome", "an accepted genesis", "another outcome")
    if header.origin != genesis.name:
        raise Divergence("header", "header.origin", genesis.name, header.origin)


def _require_keys(state, header, checkpoint, pinned):
    """RP-4, 2 to 4: whose log it is, by the keys that are in force at its end."""
    name = state.genesis.name
    in_force = [notes.VerifierKey.of_key(name, key) for key in keys.in_force(state, schema.LogHolder())]
    if header.keys != in_force:
        raise Divergence("header", "header.keys", in_force, header.keys)
    if pinned and not _lead_to_force(keys.log_generations(state), name, pinned):
        raise Divergence("entry 0", "log_keys", "pinned keys", "others", "none leads to those in force")
    try:
        notes.verify(checkpoint, in_force)
    except notes.Refused as error:
        raise Divergence("trailer", "checkpoint.signature", "both signatures", "", str(error)) from None


def _lead_to_force(generations, name, pinned):
    """KY-8, 3."""
    known = {keys.key_hash(key.ledger_key) for key in pinned if key.name == name}
    for generation in reversed(generations):
        if generation.revoked is None and known.issuperset(generation.keys):
            return True
        if not generation.endorsed:
            return False
    return False


class _Entries:
    """Entries, one after the other, over the state that they make."""

    def __init__(self):
        self.state, self.seq, self.tick = State(), 0, 0

    def enter(self, data, export):
        place = f"entry {self.seq}"
        try:
            body = decode(schema.Body, data)
        except Malformed as error:
            raise Divergence(place, "body", "canonical bytes", "others", str(error)) from None
        self._require_order(place, body)
        try:
            made = decide.execute(self.state, decide.Ordered(self.seq, body.tick, body.command))
        except decide.EngineTooOld as error:
            raise Divergence(place, "execution", f"code version {decide.ENGINE_VERSION}", error) from None
        if schema.Body.write(made) != data:
            raise Divergence(place, *_difference(made, body))
        self._after(body, export.entry_hash)

    def _require_order(self, place, body):
        """RP-3."""
        for field, expected in (("format", 1), ("seq", self.seq)):
            if getattr(body, field) != expected:
                raise Divergence(place, field, expected, getattr(body, field))
        if body.tick < self.tick:
            raise Divergence(place, "tick", f"at least {self.tick}", body.tick)
        used = self.state.ids.get(body.command.id)
        if used is not None and used + 1 >= self.state.epoch:
            raise Divergence(place, "command.id", "a new id", f"used in epoch {used}")

    def _after(self, body, entry_hash):
        """What depends on the entry itself: its id's use, the beacon of an audit, its place."""
        self.state.ids[body.command.id] = self.state.epoch
        if isinstance(body.outcome, schema.Accepted) and isinstance(body.outcome.event, schema.AuditOpened):
            self.state.touch(b"L").audit.beacon = entry_hash
        self.seq, self.tick = self.seq + 1, body.tick


def _difference(made, found):
    """RP-5: the first field that differs, what was expected and what is there."""
    for field in ("format", "seq", "tick", "epoch", "command"):
        if getattr(made, field) != getattr(found, field):
            return field, getattr(made, field), getattr(found, field)
    if made.outcome != found.outcome:
        return _outcome_difference(made.outcome, found.outcome)
    return "state_root", made.state_root, found.state_root


def _outcome_difference(made, found):
    if type(made) is not type(found):
        return "outcome", made, found
    if isinstance(made, schema.Rejected):
        return "outcome.code", made.code, found.code
    if type(made.event) is not type(found.event):
        return "outcome.event", type(made.event).__name__, type(found.event).__name__
    for name in made.event.FIELDS:
        path = f"outcome.settlement.{name}" if name in SETTLEMENT else f"outcome.{name}"
        difference = _field_difference(path, getattr(made.event, name), getattr(found.event, name))
        if difference:
            return difference
    return "body", made, found


def _field_difference(path, made, found):
    if made == found:
        return None
    if isinstance(made, list):
        if len(made) != len(found):
            return f"{path}.len", len(made), len(found)
        index = next(i for i, pair in enumerate(zip(made, found)) if pair[0] != pair[1])
        return _field_difference(f"{path}[{index}]", made[index], found[index])
    if isinstance(made, schema.NodeAccount):
        name = next(name for name in made.FIELDS if getattr(made, name) != getattr(found, name))
        return f"{path}.{name}", getattr(made, name), getattr(found, name)
    return path, made, found


def _require_sums(state):
    """What re-execution must have left: EC-5, EC-8, EC-9 and ST-8, summed from the records."""
    ledger, nodes = state.ledger, state.nodes()
    accounts = [record for key, record in state.records.items() if key[:1] == b"A"]
    held = [0] * len(nodes)
    for key, record in state.records.items():
        if key[:1] == b"V" and record.stored:
            for node, length in bytes_by_node(record.stored):
                held[node] += length
    sums = (
        ("nod", ledger.burnt, sum(node.nod for node in nodes)),
        ("fees", sum(one.fees for one in accounts), ledger.open_fees + ledger.treasury + ledger.reserve + ledger.burnt),
        ("credits", ledger.credited, sum(one.credits for one in accounts)),
        ("accounts", [one.credits + one.debt for one in accounts], [one.balance + one.fees for one in accounts]),
        ("bytes_stored", held, [node.bytes_stored for node in nodes]),
        ("bytes_stored", sum(held), ledger.bytes_stored),
    )
    for field, expected, got in sums:
        if expected != got:
            raise Divergence("trailer", f"derived.{field}", expected, got)
