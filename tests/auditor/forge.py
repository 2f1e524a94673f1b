"""A ledger of which every key is at hand, command by command, for logs that no honest program would write.

What is entered is executed by the rules and said to come out as the caller expects; what is told in its place, and who
signs the export, is the caller's to choose. All keys grow from seeds `H("qfs test key " ‖ name)`.
"""

from functools import lru_cache

from ledger_model.parameters import Parameters
from qfs_reference import SCALE, sha3

from . import keyring, notes, schema, signatures, writer
from .borsh import decode
from .decide import NUMBERS
from .keys import SCHEME_OF_SUITE
from .state import holder_key

NAME = "example.com/keys"
NOTHING = sha3(b"")
CONTENT = b"r" * 32
ACCEPTED = 0
LOG, OPERATOR = schema.LogHolder(), schema.Operator()


def seat(position):
    return schema.Council(position=position)


def node(number):
    return schema.NodeSpeaker(node=number)


class Signer:
    """One key pair, of the suite and name that make it."""

    def __init__(self, suite, name):
        self.pair = keyring.from_seed(suite, sha3(f"qfs test key {name}".encode()))
        self.key = schema.Key(suite=suite, data=self.pair.public)
        self.account = signatures.account_of(self.key)
        self.sign = lru_cache(maxsize=None)(self.pair.sign)

    def __deepcopy__(self, _):
        return self

    def vkey(self, name=NAME):
        return notes.VerifierKey.of_key(name, self.key)


signer = lru_cache(maxsize=None)(Signer)


def log_keys(name):
    """A pair of keys as a log has them."""
    return [signer(1, f"{name} log"), signer(2, f"{name} log")]


def vkeys(signers, name=NAME):
    return [str(one.vkey(name)) for one in signers]


class Forge:
    """A ledger of seven nodes and three seats, and the keys of all holders as its commands change them."""

    NODE_SUITES = (2, 2, 2, 3, 4, 2)

    def __init__(self, seats=3, rules=None):
        self.execution = writer.Execution()
        self.log = [log_keys("first")]
        self.operator = signer(1, "operator")
        self.council = [signer((1, 2, 1)[place % 3], f"council {place}") for place in range(seats)]
        self.nodes = [signer(suite, f"node {number}") for number, suite in enumerate(self.NODE_SUITES)]
        self.enter(self._genesis(rules or {}))

    def _genesis(self, changed):
        rules = {"min_uptime": 9 * SCALE // 10, "min_health": 3 * SCALE // 4, "allowed_regions": []}
        rules |= {"denied_regions": [], "failure_domain": 0, "failures": 0, "epochs": 3, "scorers": []}
        nodes = [self._node(number, one, SCHEME_OF_SUITE[one.key.suite]) for number, one in enumerate(self.nodes)]
        # The last has a scheme without a suite.
        nodes.append(self._node(len(nodes), self.nodes[0], "Dilithium2"))
        profile = schema.Profile(data=4, parity=0, replicas=3)
        return schema.Genesis(
            name=NAME, log_keys=[one.key for one in self.log[0]], operator=self.operator.key,
            council=[one.key for one in self.council],
            parameters=schema.Parameters(**vars(Parameters()) | {"profile": profile}),
            rules=schema.Rules(**rules | changed), nodes=nodes,
        )

    @staticmethod
    def _node(number, one, scheme):
        domain = schema.Domain(region="eu", operator="", asn=0)
        key_hash = sha3(one.key.data)
        return schema.GenesisNode(node_id=f"node-{number:03}", scheme=scheme, key_hash=key_hash, domain=domain)

    # --- Entries ---------------------------------------------------------------------------------------

    @property
    def state(self):
        return self.execution.state

    @property
    def bodies(self):
        return self.execution.bodies

    @property
    def account(self):
        """The operator's: that of the key in genesis, for ever."""
        return signatures.account_of(self.state.genesis.operator)

    def enter(self, action, by=None, payer=None, expect=ACCEPTED, ledger_id=None):
        """Enters a command that `by` has signed, or nobody, and gives its seq. It must end as expected: with
        acceptance, or the name of a code."""
        seq = len(self.bodies)
        if payer is None:
            payer = self._payer(by) if seq else self.operator.account
        command = schema.Command(
            id=b"key" + seq.to_bytes(13, "big"), valid_until_epoch=self.state.epoch, payer=payer, action=action,
            authorization=None,
        )
        if by is not None:
            message = signatures.command_message(command, ledger_id or self.state.ledger_id)
            command.authorization = schema.Signature(key=by.key, signature=by.sign(message))
        outcome = self.execution.add(command, self.execution.tick + 1).outcome
        code = getattr(outcome, "code", ACCEPTED)
        wanted = NUMBERS[expect.removeprefix("SE_ERR_")] if expect else ACCEPTED
        assert code == wanted, f"entry {seq}: {type(action).__name__} gives {code}, expected {wanted}"
        return seq

    def _payer(self, by):
        return self.account if by in (None, self.operator) else by.account

    def store(self, name, by=None, **more):
        """A first version of one byte, or of nothing."""
        size = more.pop("size", 1)
        parameters = self.state.ledger.parameters
        roots = [CONTENT if size else NOTHING, NOTHING, NOTHING, NOTHING]
        content = schema.Single(size=size, block_size=parameters.block_size, profile=parameters.profile, roots=roots)
        action = schema.Store(
            object=name, version=more.pop("version", 1), epoch=self.state.epoch, hash_commit=bytes(32),
            metadata=b"{}", content=content, custody=schema.Claimed(),
        )
        return self.enter(action, by, **more)

    def close(self, revoked=(), **more):
        """Closes the epoch; all nodes are well, but for those that the registry revokes."""
        registry, telemetry = [], []
        for number, one in enumerate(self.state.nodes()):
            fact = {"node": number, "key": one.key_hash, "scheme": one.scheme, "reason": ""}
            registry.append(schema.RegistryFact(**fact, revoked=number in revoked))
            reading = schema.Reading(
                uptime_ratio=SCALE, health_score=SCALE, conflict_detected=False, latency_bands="", error_count=None
            )
            telemetry.append(schema.TelemetryFact(node=number, reading=reading))
        action = schema.AdvanceEpoch(
            closes=self.state.epoch, registry_hash=bytes(32), registry=registry, telemetry_hash=bytes(32),
            telemetry=telemetry,
        )
        return self.enter(action, more.pop("by", self.operator), **more)

    def audit(self, names):
        """Opens an audit, and has every holder of these objects prove its one leaf."""
        audit = self.enter(schema.OpenAudit(scope=schema.All()), self.operator)
        proof = schema.LeafProof(leaf_hash=CONTENT, path=[])
        for number in range(len(self.state.nodes())):
            held = [name for name in names if number in self.state.stored(name, 1).assignment[:3]]
            answers = [schema.Answer(object=name, version=1, column=0, leaf=0, proof=proof) for name in held]
            if answers:
                self.enter(schema.RecordAudit(audit=audit, node=number, answers=answers), self.operator)

    # --- Keys ------------------------------------------------------------------------------------------

    def holders_keys(self, holder):
        if isinstance(holder, schema.LogHolder):
            return self.log[-1]
        if isinstance(holder, schema.Operator):
            return [self.operator]
        held = self.council if isinstance(holder, schema.Council) else self.nodes
        number = holder.position if isinstance(holder, schema.Council) else holder.node
        return [held[number] if number < len(held) else signer(2, "nobody")]

    def rotation(self, holder, keys, generation=None, possession=None, endorsement=(), ledger_id=None):
        """The action, with signatures of possession by `possession`, or by the keys themselves, and endorsements by
        `endorsement`."""
        if generation is None:
            generation = self.generation(holder) + 1
        action = schema.RotateKeys(
            holder=holder, generation=generation, keys=[one.key for one in keys], possession=[], endorsement=[]
        )
        message = signatures.rotation_message(action, ledger_id or self.state.ledger_id)
        action.possession = [one.sign(message) for one in (keys if possession is None else possession)]
        action.endorsement = [one.sign(message) for one in endorsement]
        return action

    def generation(self, holder):
        record = self.state.get(holder_key(holder))
        return len(record.generations) if record else 1

    def rotate(self, holder, keys, by=None, expect=ACCEPTED, **more):
        """Enters a rotation; after an accepted one the new keys are the holder's."""
        if by is None:
            by = self.operator if isinstance(holder, schema.LogHolder) else self.holders_keys(holder)[0]
        payer = more.pop("payer", None)
        seq = self.enter(self.rotation(holder, keys, **more), by, payer, expect)
        if expect == ACCEPTED:
            self._take(holder, keys)
        return seq

    def rotate_log(self, name, endorsed=True):
        keys = log_keys(name)
        return self.rotate(LOG, keys, endorsement=self.log[-1] if endorsed else ())

    def _take(self, holder, keys):
        if isinstance(holder, schema.LogHolder):
            self.log.append(keys)
        elif isinstance(holder, schema.Operator):
            self.operator = keys[0]
        elif isinstance(holder, schema.Council):
            self.council[holder.position] = keys[0]
        else:
            self.nodes[holder.node] = keys[0]

    def revoke(self, holder, generation, by=None, reason="lost", expect=ACCEPTED):
        if by is None:
            by = self.operator if isinstance(holder, schema.LogHolder) else self.holders_keys(holder)[0]
        return self.enter(schema.RevokeKeys(holder=holder, generation=generation, reason=reason), by, expect=expect)

    # --- Exports and lies ------------------------------------------------------------------------------

    def export(self, header=None, signers=None, name=NAME):
        """The log's export. Its header and its checkpoint are by the keys in force, unless told otherwise."""
        header = vkeys(self.log[-1]) if header is None else header
        signers = self.log[-1] if signers is None else signers
        return writer.export(name, self.bodies, header, [(one.vkey(), one.sign) for one in signers])

    def tell(self, seq, outcome):
        """Puts another outcome in an entry's place, and leaves everything else as it is."""
        body = decode(schema.Body, self.bodies[seq])
        body.outcome = outcome
        self.bodies[seq] = schema.Body.write(body)
