"""The state of a ledger, its log, and what must hold of them after every entry."""

from collections import Counter
from dataclasses import dataclass, field

from qfs_reference import SCALE

from . import placement, registry
from .codes import CONFLICT, LIMIT, NOT_FOUND, Refused, refuse_if
from .money import MAX_CREDITED, Account
from .registry import PROBATION

OPERATOR = "operator"
ACCEPTED = "ACCEPTED"
MAX_NODES = 400


@dataclass
class Node:
    """ST-2, node."""

    number: int
    node_id: str
    scheme: str = "ML-DSA-44"
    region: str = ""
    operator: str = ""
    asn: int = 0
    status: object = None
    registry: object = None
    telemetry: object = None
    uptime_bucket: int = 0
    bytes_stored: int = 0
    proofs: int = 0
    failed: int = 0
    failures: list = field(default_factory=list)
    nod: int = 0
    standing: str = PROBATION
    since: int = 1


@dataclass
class EpochRecord:
    eligible: list
    failure_domain: str
    opened_at: int
    closed: object = None


@dataclass(frozen=True)
class Entry:
    """A row of the log, as `log show` has it."""

    seq: int
    tick: int
    epoch: int
    event_type: str
    outcome: str
    object_id: object = None
    version: object = None
    hash_commit: object = None
    nodes: frozenset = frozenset()
    result: object = None


@dataclass(frozen=True)
class Accepted:
    """What an accepted command leaves for its receipt and its row."""

    result: object = None
    nodes: tuple = ()
    event_type: object = None


class Ledger:
    """ST-2, computed from commands."""

    def __init__(self, parameters, rules, nodes, council=3):
        self.parameters = parameters
        self.rules = rules
        self.council = council
        self.code_version = 1
        self.epoch = 1
        self.nodes = nodes
        self.numbers = {node.node_id: node.number for node in nodes}
        self.accounts = {OPERATOR: Account()}
        self.objects = {}
        self.versions = {}
        self.scores = {}
        self.open_fees = self.treasury = self.reserve = self.burnt = 0
        self.credited = self.credited_by_operator = self.pending_credits = 0
        self.audit = None
        self.proven, self.unproven = set(), set()
        self.proposals, self.open, self.scheduled, self.subjects = {}, [], [], {}
        self.entries = []
        self.epochs = {}
        self._genesis()

    def _genesis(self):
        perfect = registry.TelemetryFact(registry.Reading(SCALE, SCALE, False))
        for node in self.nodes:
            node.status, node.uptime_bucket, node.standing = registry.VERIFIED, 10, registry.ACTIVE
            node.registry, node.telemetry = registry.RegistryFact(True, node.scheme, False), perfect
        allowed = [node for node in self.nodes if registry.region_is_allowed(node.region, self.rules)]
        allowed.sort(key=lambda node: node.node_id.encode())
        self.epochs[1] = EpochRecord([node.number for node in allowed], self.rules.failure_domain, 0)
        self.entries.append(Entry(0, 1, 0, "GENESIS", ACCEPTED))
        for node in self.nodes:
            self.submit("NODE_REGISTER", lambda node=node: Accepted(nodes=(node.number,)))

    # --- Entries -------------------------------------------------------------------------------------

    def submit(self, event_type, apply, nodes=(), **row):
        """Logs a command: what `apply` did, or the code of its refusal. `apply` changes nothing before it refuses."""
        seq, epoch = len(self.entries), self.epoch
        try:
            accepted = apply() or Accepted()
            outcome, kind = ACCEPTED, accepted.event_type or event_type
            names, result = accepted.nodes or nodes, accepted.result
        except Refused as refusal:
            outcome, kind, names, result = refusal.code, event_type, nodes, refusal
        names = frozenset(self.nodes[number].node_id for number in names if number < len(self.nodes))
        entry = Entry(seq, seq + 1, epoch, kind, outcome, nodes=names, result=result, **row)
        self.entries.append(entry)
        return entry

    @property
    def next_seq(self):
        return len(self.entries)

    # --- Nodes ---------------------------------------------------------------------------------------

    def register(self, node_id, scheme, region, operator, asn, same_key):
        """RG-3, ST-7. `same_key` says that a known name comes with the key on record, not disclosed yet."""
        refuse_if(node_id not in self.numbers and len(self.nodes) >= MAX_NODES, LIMIT, "400 nodes")
        refuse_if(node_id in self.numbers and not same_key, CONFLICT, "the name is known")
        node = Node(len(self.nodes), node_id, scheme, region, operator, asn, since=self.epoch)
        self.nodes.append(node)
        self.numbers[node_id] = node.number
        return Accepted(nodes=(node.number,))

    def exit(self, number):
        """RG-8."""
        refuse_if(number >= len(self.nodes), NOT_FOUND, "no such node")
        node = self.nodes[number]
        gone = (registry.DRAINING, registry.EXITED, registry.EXPELLED)
        refuse_if(node.standing in gone, CONFLICT, f"{node.node_id} is {node.standing}")
        node.standing, node.since = registry.DRAINING, self.epoch
        return Accepted(nodes=(number,))

    def domain_of(self, kind):
        """PL-10: the domain of a node under the rule, or None when it is off."""
        return None if kind == "none" else lambda number: getattr(self.nodes[number], kind)

    @property
    def ring(self):
        return self.epochs[self.epoch].eligible

    def ring_of(self, metadata):
        """PL-9: the list of an object in the open epoch."""
        return placement.fenced(self.ring, placement.regions_of(metadata), lambda n: self.nodes[n].region)

    @property
    def open_domain_of(self):
        return self.domain_of(self.epochs[self.epoch].failure_domain)

    # --- Money ---------------------------------------------------------------------------------------

    def account(self, name):
        return self.accounts.setdefault(name, Account())

    def give(self, name, amount):
        """EC-8."""
        self.credited += amount
        return self.account(name).credit(amount)

    def credit(self, name, amount):
        """The operator's credit: its cap, then the total."""
        cap = self.parameters.operator_credit_cap
        refuse_if(self.credited_by_operator + amount > cap, LIMIT, "operator_credit_cap")
        refuse_if(self.credited + self.pending_credits + amount > MAX_CREDITED, LIMIT, "all credits")
        self.credited_by_operator += amount
        return Accepted(result=self.give(name, amount))

    # --- Invariants ----------------------------------------------------------------------------------

    def check(self):
        """What holds after every entry, whatever the commands were (EC-5, EC-8, EC-9, ST-8)."""
        accounts = self.accounts.values()
        assert all(account.is_balanced() for account in accounts), "EC-8 of an account"
        charged = sum(account.fees for account in accounts)
        assert charged == self.open_fees + self.treasury + self.reserve + self.burnt, "EC-5"
        assert sum(account.credits for account in accounts) == self.credited, "EC-8 in sum"
        assert sum(node.nod for node in self.nodes) == self.burnt, "EC-9"
        held = Counter()
        for version in self.versions.values():
            if version.stored:
                held.update(version.stored.bytes_by_node())
        assert all(held[node.number] == node.bytes_stored for node in self.nodes), "ST-8"
