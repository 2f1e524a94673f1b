"""Logs for tests: honest ones, made by `qfs` from random histories; damaged ones; and forged ones.

A forger has every key of the ledger. What he changes among the commands is executed anew, chained and signed, so that
nothing but the rules can tell; what he then changes in an outcome is signed as well, and only the rules can.
"""

import copy
import json
import shutil
import struct
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from ledger_model import driver, histories
from qfs_reference import sha3

from . import notes, schema, writer
from .borsh import Malformed, decode
from .export import Export
from .keyring import Keyring
from .signatures import account_of, ledger_id as ledger_id_of, rotation_message
from .writer import Execution

# What writing and reading raise for a value that has no bytes.
UNWRITABLE = (AssertionError, AttributeError, OverflowError, TypeError, ValueError, KeyError, Malformed)


@dataclass
class Log:
    """An export with its keys, and its entries as bodies."""

    data: bytes
    vkeys: list
    keyring: Keyring
    bodies: list
    object_ids: list


def honest(binary, seed, length=200, base=None):
    """The log of a random history."""
    directory = Path(tempfile.mkdtemp(prefix=f"qfs-auditor-{seed}-", dir=base))
    try:
        driver.Run(binary, histories.generate(seed, length), directory).execute()
        return _exported(binary, directory / "data")
    finally:
        shutil.rmtree(directory)


def plain(binary, nodes=7):
    """The log of a ledger where all is well: three objects, an audit, a closed epoch."""
    with tempfile.TemporaryDirectory() as directory:
        content, data = Path(directory) / "content", Path(directory) / "data"
        content.write_bytes(bytes(20_000))
        puts = [["put", str(content), f"--object-id=object-{number}"] for number in range(3)]
        for words in [["init", "--nodes", str(nodes)], *puts, ["audit", "run", "--all"], ["epoch", "advance"]]:
            _qfs(binary, data, words)
        return _exported(binary, data)


# What `rotated` does with keys, and the generations of the log that lead to those in force.
KEY_COMMANDS = (
    "rotate log", "rotate operator", "rotate council-0 --suite ML-DSA-87", "rotate node-001 --suite ML-DSA-65",
    "rotate log --unendorsed", "rotate log", "rotate operator --suite Ed25519", "revoke council-2 1", "revoke log 3",
)
LEADING = (4,)


def rotated(binary):
    """The log of a ledger whose keys `qfs` has replaced and revoked between stores, and every generation's vkeys."""
    with tempfile.TemporaryDirectory() as directory:
        content, data = Path(directory) / "content", Path(directory) / "data"
        content.write_bytes(bytes(20_000))
        _qfs(binary, data, ["init", "--nodes", "5"])
        for number, words in enumerate(KEY_COMMANDS):
            _qfs(binary, data, ["put", str(content), f"--object-id=object-{number}"])
            _qfs(binary, data, ["key", *words.split()])
        _qfs(binary, data, ["epoch", "advance"])
        rows = map(json.loads, _qfs(binary, data, ["log", "keys"]).splitlines())
        return _exported(binary, data), {row["generation"]: row["vkeys"] for row in rows}


def _qfs(binary, data, words):
    command = [str(binary), "--json", "--data-dir", str(data), *words]
    return subprocess.run(command, capture_output=True, check=True).stdout


def _exported(binary, directory):
    path = directory.parent / "exported.qfslog"
    _qfs(binary, directory, ["log", "export", str(path)])
    vkeys = json.loads(_qfs(binary, directory, ["log", "checkpoint"]))["vkeys"]
    bodies = bodies_of(path.read_bytes())
    names = sorted({body.command.action.object for body in bodies if hasattr(body.command.action, "object")})
    return Log(path.read_bytes(), vkeys, Keyring(directory / "keys"), bodies, names)


def bodies_of(data):
    export = Export(data)
    return [decode(schema.Body, export.body()) for _ in range(export.header().count)]


def export(log, bodies):
    """An export of these bodies, as bytes, signed by the log's keys that are in force after them."""
    name, keys = log.bodies[0].command.action.name, keys_after(log, bodies)
    sign = lambda key: lambda message: log.keyring.sign(key, message)
    signers = [(notes.VerifierKey.of_key(name, key), sign(key)) for key in keys]
    return writer.export(name, bodies, vkeys_after(log, bodies), signers)


def keys_after(log, bodies):
    """KY-2, by what the entries say of themselves."""
    keys = log.bodies[0].command.action.log_keys
    for body in map(_readable, bodies):
        action = body and body.command.action
        if isinstance(action, schema.RotateKeys) and isinstance(action.holder, schema.LogHolder):
            keys = action.keys if isinstance(body.outcome, schema.Accepted) else keys
    return keys


def vkeys_after(log, bodies):
    name = log.bodies[0].command.action.name
    return [str(notes.VerifierKey.of_key(name, key)) for key in keys_after(log, bodies)]


def _readable(data):
    try:
        return decode(schema.Body, data)
    except Malformed:
        return None


# --- Executing commands anew -------------------------------------------------------------------------


def rewritten(log, rng):
    """Commands changed, dropped, moved and repeated, and everything after them executed anew: a sound log."""
    commands = [copy.deepcopy((body.command, body.tick)) for body in log.bodies]
    ledger_id = log.bodies[0].outcome.event.ledger_id
    for _ in range(rng.choice((1, 4, 16, 40))):
        _disturb(log, rng, commands, ledger_id)
    execution = Execution()
    for command, tick in commands:
        _follow_audit(log, rng, execution, command, ledger_id)
        execution.add(command, tick)
    return execution.bodies


def reopened(log, rng):
    """Another genesis, and so another ledger, under which every command is signed and executed anew."""
    commands = [copy.deepcopy([body.command, body.tick]) for body in log.bodies]
    genesis = commands[0][0] = _changed(log, rng, commands[0][0])
    ledger_id = ledger_id_of(genesis.action)
    execution = Execution()
    for command, tick in commands:
        signed = command.authorization
        if signed is not None and log.keyring.has(signed.key):
            log.keyring.sign_command(command, signed.key, ledger_id)
        _follow_audit(log, rng, execution, command, ledger_id)
        execution.add(command, tick)
    return execution.bodies


def _follow_audit(log, rng, execution, command, ledger_id):
    """Answers name an audit by its place, which may have moved."""
    action, ledger = command.action, execution.state.ledger if execution.state.genesis else None
    if not isinstance(action, schema.RecordAudit) or ledger is None or ledger.audit is None:
        return
    if action.audit != ledger.audit.seq and rng.random() < 0.9 and command.authorization is not None:
        action.audit = ledger.audit.seq
        log.keyring.sign_command(command, command.authorization.key, ledger_id)


def _disturb(log, rng, commands, ledger_id):
    at = rng.randrange(1, len(commands))
    kind = rng.choice(("field",) * 6 + ("keys",) * 2 + ("drop", "move", "repeat", "tick", "sign", "frame"))
    command, tick = commands[at]
    if kind == "drop":
        del commands[at]
    elif kind == "move":
        commands.insert(rng.randrange(1, len(commands)), commands.pop(at))
    elif kind == "repeat":
        again = copy.deepcopy(command)
        again.id = rng.randbytes(16)
        _sign(log, rng, again, ledger_id)
        commands.insert(rng.randrange(at, len(commands)) + 1, (again, tick))
    elif kind == "tick":
        commands[at] = (command, tick + rng.choice((1, 10**6)))
    elif kind == "sign":
        _sign_otherwise(log, rng, command, ledger_id)
    elif kind == "keys":
        _insert_key_command(log, rng, commands, at, ledger_id)
    elif kind == "frame":
        _other_frame(rng, command)
        _sign(log, rng, command, ledger_id)
    else:
        commands[at] = (_changed(log, rng, command), tick)
        _sign(log, rng, commands[at][0], ledger_id)


def _changed(log, rng, command):
    """The command with another value somewhere that its bytes can have."""
    while True:
        changed = copy.deepcopy(command)
        mutate(log, rng, changed.action)
        try:
            return decode(schema.Command, schema.Command.write(changed))
        except UNWRITABLE:
            continue


def _sign(log, rng, command, ledger_id):
    """Signs again where it was signed; now and then forgets to."""
    signed = command.authorization
    if signed is not None and log.keyring.has(signed.key) and rng.random() < 0.9:
        log.keyring.sign_command(command, signed.key, ledger_id)


def _sign_otherwise(log, rng, command, ledger_id):
    """Another key, no signature, or a broken one."""
    key = rng.choice(log.keyring.publics())
    what = rng.randrange(4)
    if what == 0:
        command.authorization = None
    elif what == 1 and command.authorization is not None:
        broken = bytearray(command.authorization.signature)
        broken[rng.randrange(len(broken))] ^= 1 << rng.randrange(8)
        command.authorization.signature = bytes(broken[: rng.choice((len(broken), len(broken) - 1))])
    else:
        if rng.random() < 0.7:
            command.payer = account_of(key)
        log.keyring.sign_command(command, key, ledger_id)


def _other_frame(rng, command):
    if rng.random() < 0.7:
        command.valid_until_epoch = max(0, command.valid_until_epoch + rng.choice((-2, -1, 1, 2)))
    else:
        command.payer = rng.randbytes(32)


# --- Keys --------------------------------------------------------------------------------------------


def _holders(genesis):
    """Holders with their keys of genesis; a node's are known by their hash alone."""
    yield schema.LogHolder(), genesis.log_keys
    yield schema.Operator(), [genesis.operator]
    for position, key in enumerate(genesis.council):
        yield schema.Council(position=position), [key]


def _insert_key_command(log, rng, commands, at, ledger_id):
    """A rotation, with the commands after it signed by the new key, or a revocation; mostly as it should be."""
    genesis = log.bodies[0].command.action
    holder, first = rng.choice(list(_holders(genesis)))
    before = [command.action for command, _ in commands[:at] if isinstance(command.action, schema.RotateKeys)]
    mine = [action for action in before if action.holder == holder]
    keys = mine[-1].keys if mine else first
    by = keys[0]
    if isinstance(holder, schema.LogHolder):
        operators = [action.keys[0] for action in before if isinstance(action.holder, schema.Operator)]
        by = operators[-1] if operators else genesis.operator
    generation = max(0, len(mine) + rng.choice((1,) * 12 + (0, 2)))
    if rng.random() < 0.2:
        action = schema.RevokeKeys(holder=holder, generation=generation, reason="")
    else:
        action = _rotation(log, rng, holder, generation + 1, keys, ledger_id)
    operators_own = isinstance(holder, (schema.LogHolder, schema.Operator))
    command = schema.Command(
        id=rng.randbytes(16), valid_until_epoch=commands[at][0].valid_until_epoch,
        payer=account_of(genesis.operator if operators_own else by), action=action, authorization=None,
    )
    log.keyring.sign_command(command, by, ledger_id)
    commands.insert(at, (command, commands[at][1]))
    if isinstance(action, schema.RotateKeys) and rng.random() < 0.8:
        for later, _ in commands[at + 1 :]:
            if later.authorization is not None and later.authorization.key == by and by == keys[0]:
                log.keyring.sign_command(later, action.keys[0], ledger_id)


def _rotation(log, rng, holder, generation, keys, ledger_id):
    new = [log.keyring.add(key.suite, rng.randbytes(32)) for key in keys]
    endorsers = keys if isinstance(holder, schema.LogHolder) and rng.random() < 0.7 else []
    action = schema.RotateKeys(holder=holder, generation=generation, keys=new, possession=[], endorsement=[])
    message = rotation_message(action, ledger_id)
    action.possession = [log.keyring.sign(key, message) for key in new]
    action.endorsement = [log.keyring.sign(key, message) for key in endorsers]
    return action


# --- Changing values ---------------------------------------------------------------------------------


def mutate(log, rng, record):
    """Changes one field somewhere in a record."""
    spots = list(_spots(record))
    if spots:
        holder, name = rng.choice(spots)
        value = holder[name] if isinstance(holder, list) else getattr(holder, name)
        changed = _other(log, rng, value, name)
        if isinstance(holder, list):
            holder[name] = changed
        else:
            setattr(holder, name, changed)


def _spots(record):
    """Every (holder, name) of a value that can be changed, inner ones included."""
    items = enumerate(record) if isinstance(record, list) else list(vars(record).items())
    for name, value in items:
        yield record, name
        if isinstance(value, list) or hasattr(value, "FIELDS"):
            yield from _spots(value)


HALF = 5 * 10**17
SPEAKERS = (schema.Operator(), schema.Council(position=0), schema.Council(position=9), schema.NodeSpeaker(node=1))
CHANGES = (
    schema.ParameterChange(number=7, value=schema.BoolValue(value=True)),
    schema.ParameterChange(number=13, value=schema.IntegerValue(value=3)),
    schema.ParameterChange(number=0, value=schema.ProfileValue(value=schema.Profile(data=2, parity=1, replicas=1))),
    schema.ParameterChange(number=8, value=schema.AmountValue(value=HALF)),
    schema.ParameterChange(number=17, value=schema.AmountValue(value=HALF)),
    schema.ParameterChange(number=23, value=schema.IntegerValue(value=3)),
    schema.RuleChange(rule=schema.RULE.variants[0](min_uptime=HALF)),
    schema.RuleChange(rule=schema.RULE.variants[2](allowed_regions=["us", "eu"])),
    schema.RuleChange(rule=schema.RULE.variants[4](failure_domain=1)),
    schema.RuleChange(rule=schema.RULE.variants[5](failures=1, epochs=2)),
    schema.RuleChange(rule=schema.RULE.variants[6](scorers=[])),
    schema.Expel(node=1), schema.Quarantine(node=2), schema.Reinstate(node=2), schema.CodeVersion(version=3),
    schema.CreditChange(account=bytes(32), amount=1),
)
# A value of a sum is exchanged for another of these.
SUMS = (
    SPEAKERS, CHANGES, (schema.All(), schema.Sample(sample=1), schema.Sample(sample=0)),
    (schema.Manifest(root=bytes(32), count=1, size=1),), (schema.ReceiptRoot(root=bytes(32)),),
)
KINDS_OF_SUMS = (schema.SPEAKER, schema.CHANGE, schema.SCOPE, schema.CONTENT, schema.CUSTODY)


def _other(log, rng, value, name):
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return max(0, value + rng.choice((-2, -1, 1, 2, 1_000)))
    if isinstance(value, str):
        known = log.object_ids if name == "object" else ["", "ML-DSA-44", "eu", "x" * 70, value + "x"]
        return rng.choice(known)
    if isinstance(value, bytes):
        return _other_bytes(rng, value)
    if isinstance(value, list):
        return _other_list(rng, value)
    for kind, others in zip(KINDS_OF_SUMS, SUMS):
        if type(value) in kind.tags:
            return copy.deepcopy(rng.choice(others))
    return None if isinstance(value, (schema.LeafProof, schema.Reading)) else value


def _other_bytes(rng, value):
    """Of the same length for hashes; metadata may be any."""
    if len(value) == 32 or not value:
        return rng.choice((sha3(b""), rng.randbytes(32))) if value else value
    changed = bytearray(value)
    changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _other_list(rng, values):
    changed = list(values)
    if changed:
        what = rng.randrange(3)
        if what == 0:
            del changed[rng.randrange(len(changed))]
        elif what == 1:
            changed.append(changed[rng.randrange(len(changed))])
        else:
            rng.shuffle(changed)
    return changed


def lying(log, rng):
    """A sound log but for one outcome, tick, number, or state root; and the entry where it lies."""
    execution = Execution()
    at = rng.randrange(1, len(log.bodies))
    for seq, body in enumerate(log.bodies):
        made = execution.add(copy.deepcopy(body.command), body.tick)
        if seq == at:
            _lie(log, rng, execution, made)
    return execution.bodies, at


def _lie(log, rng, execution, made):
    honest_bytes = execution.bodies[-1]
    while execution.bodies[-1] == honest_bytes:
        told = decode(schema.Body, honest_bytes)
        try:
            _tell(log, rng, told)
            execution.bodies[-1] = schema.Body.write(told)
            decode(schema.Body, execution.bodies[-1])
        except UNWRITABLE:
            execution.bodies[-1] = honest_bytes


def _tell(log, rng, body):
    what = rng.choice(("outcome",) * 5 + ("frame", "root"))
    if what == "frame":
        name = rng.choice(("format", "seq", "epoch"))
        setattr(body, name, max(0, getattr(body, name) + rng.choice((-1, 1))))
    elif what == "root":
        body.state_root = None if body.state_root and rng.random() < 0.3 else rng.randbytes(32)
    elif isinstance(body.outcome, schema.Rejected):
        codes = [code for code in range(1, 19) if code != body.outcome.code]
        body.outcome.code = rng.choice(codes)
    elif vars(body.outcome.event) and rng.random() < 0.9:
        mutate(log, rng, body.outcome.event)
    else:
        body.outcome = schema.Rejected(code=rng.randrange(1, 19))


# --- Damage to bytes ---------------------------------------------------------------------------------


def damaged(data, rng):
    """Flipped, cut, moved, repeated and missing bytes; half of them with hash and number made right again."""
    header, frames, trailer = _split(data)
    kind = rng.choice(("flip", "cut", "swap", "repeat", "delete"))
    mend = rng.random() < 0.5
    if kind == "flip":
        forged = bytearray(data)
        forged[rng.randrange(len(data) - 32 if mend else len(data))] ^= 1 << rng.randrange(8)
        return _rehash(bytes(forged)) if mend else bytes(forged)
    if kind == "cut":
        cut = data[: rng.randrange(len(data))]
        return _rehash(cut) if mend and len(cut) > 32 else cut
    i, j = rng.sample(range(len(frames)), 2)
    if kind == "swap":
        frames[i], frames[j] = frames[j], frames[i]
    elif kind == "repeat":
        frames.insert(j, frames[i])
    else:
        del frames[i]
    if mend:
        header = header[:12] + struct.pack(">Q", len(frames)) + header[20:]
        return _rehash(header + b"".join(frames) + trailer)
    return header + b"".join(frames) + trailer


def _split(data):
    read = Export(data)
    count = read.header().count
    ends = [read.at]
    for _ in range(count):
        read.body()
        ends.append(read.at)
    return data[: ends[0]], [data[a:b] for a, b in zip(ends, ends[1:])], data[ends[-1] :]


def _rehash(data):
    return data[:-32] + sha3(data[:-32])
