"""Random histories: lists of commands, the same for the same seed.

The generator runs a model of its own beside what it draws, so that most commands make sense and the rest fail in
interesting ways. That model has to guess the hashes from which samples of audits follow; nothing depends on its guess.
"""

import json
import random
from dataclasses import dataclass, field

import qfs_reference as qfs

from . import objects, registry
from .client import Client

REGIONS = ["ap", "eu", "us"]
OPERATORS = ["", "north", "south", "west", "east"]
ACCOUNTS = [qfs.sha3(b"account %d" % number).hex() for number in range(3)]
PROFILES = [(4, 0, 3)] * 6 + [(2, 0, 2), (1, 0, 1), (3, 0, 4), (2, 1, 1), (3, 2, 1)]

# Values that bring parameters into force now and then, values at a bound, and values that are refused.
PARAMETERS = {
    "profile": ["4,0,3", "2,0,2", "(2,1,1)", "1,0,4", "0,0,1", "4,1,2", "60,5,1", "x"],
    "block_size": ["4096", "8192", "262144", "4095", "6144", "33554432"],
    "metadata_limit": ["256", "16384", "255", "16385", "1024"],
    "fee_per_kib": ["0", "100", "0.000000000000000001", "10000", "10000.000000000000000001", "33.333333333333333333"],
    "fee_per_metadata_key": ["0", "0.01", "1", "1.1", "0.333333333333333333"],
    "fee_metadata_keys": ["0", "2", "1000", "1001"],
    "prepaid": ["true", "false", "maybe"],
    "pool_share": ["0", "0.5", "0.1", "0.51", "0.123456789012345678"],
    "pool_cap": ["0", "5", "1000000", "1000000000.1"],
    "node_reward_cap": ["0.01", "0.3", "0.5", "0.009", "0.251"],
    "min_verified_nodes": ["1", "3", "6", "0", "401"],
    "audit_sample": ["1", "2", "64", "4096", "4097", "0"],
    "probation_audit_factor": ["1", "3", "16", "17"],
    "probation_epochs": ["0", "1", "64", "65"],
    "quorum": ["0.51", "0.66", "0.9", "0.5"],
    "emergency_quorum": ["0.75", "0.8", "0.95", "0.96"],
    "voting_epochs": ["1", "2", "3", "0", "17"],
    "activation_delay": ["2", "3", "1", "18446744073709551616"],
    "cooldown_epochs": ["0", "1", "3", "65"],
    "operator_credit_cap": ["0", "100000", "1000000000000000", "1000000000000000.1"],
    "leaf_size": ["4096", "8192", "1.5"],
    "voting_cap": ["0.25", "0.5"],
    "min_nod_holders": ["4", "3"],
    "gravity": ["9"],
}

RULES = {
    "min_uptime": ["0.9", "0.8", "0.95", "0", "1.1"],
    "min_health": ["0.75", "0.5", "0.9", "1.000000000000000001"],
    "allowed_regions": ["", "eu,us", "ap,eu,us", "eu", ",".join(f"r{n:02}" for n in range(33))],
    "denied_regions": ["", "ap", "us"],
    "failure_domain": ["none", "operator", "asn", "region"],
    "quarantine": ["0/3", "1/2", "3/3", "2/16", "1/17", "1/0", "1"],
    "scorers": ["scorer", "scorer", "", ACCOUNTS[0], "nobody"],
}

FAULTS = [
    "absent", "revoked", "no_key", "bad_scheme", "silent", "malformed", "low_uptime", "lower_uptime", "unhealthy",
    "conflict",
]
GOOD_UPTIMES = ["1", "0.99", "0.95", "0.900000000000000000", "0.9", "1.000"]
GOOD_HEALTH = ["1", "0.75", "0.8", "0.999999999999999999"]
BAD_METADATA = [
    "", "{", "[]", '{"a":1.5}', '{"a":1,"a":2}', '{"tags":"x"}', '{"author_node_id":""}', '{"openagi_score":1000001}',
    '{"aegis_telemetry_stub":{"other":1}}', '{"placement.region":""}', '{"placement.region":["us","eu"]}',
    '{"placement":{"region":"eu"},"placement.region":"eu"}', '{"placement":"eu"}', '{"created_at_tick":-1}',
    json.dumps({"long": "x" * 17_000}),
]
BAD_WORDS = [["bogus"], ["put"], ["rm"], ["purge", "x", "one"], ["gov", "vote"], ["epoch"], ["credit", "operator"], []]


@dataclass
class History:
    """What `qfs` is asked to do, from `init` on."""

    seed: int
    init: dict
    commands: list

    def to_json(self):
        return json.dumps({"seed": self.seed, "init": self.init}) + "\n" + "".join(
            json.dumps(command) + "\n" for command in self.commands
        )

    @staticmethod
    def from_json(text):
        head, *rest = text.splitlines()
        head = json.loads(head)
        return History(head["seed"], head["init"], [json.loads(line) for line in rest if line])


def generate(seed, length=200):
    """A history of at least `length` commands."""
    return _Generator(seed, length).run()


@dataclass
class _Generator:
    seed: int
    length: int
    commands: list = field(default_factory=list)

    def __post_init__(self):
        self.rng = random.Random(self.seed)
        self.damages = self.rng.random() < 0.25
        self.faults = {}
        self.registered = 0
        self.init = self._init()
        self.client = Client(self.init)

    @property
    def ledger(self):
        return self.client.ledger

    def chance(self, probability):
        return self.rng.random() < probability

    def pick(self, values):
        return self.rng.choice(list(values))

    # --- Genesis ---------------------------------------------------------------------------------------

    def _domain(self):
        return {
            "region": self.pick(REGIONS + [""]),
            "operator": self.pick(OPERATORS),
            "asn": self.pick([0, 64500, 64501, 64502, 64503]),
        }

    def _init(self):
        profile = self.pick(PROFILES)
        needed = qfs.Profile(*profile).copies()
        nodes = [{"id": f"n{number}"} | self._domain() for number in range(needed + self.rng.randrange(2, 7))]
        self.rng.shuffle(nodes)
        chosen = {"block_size": "4096"} if self.chance(0.7) else {}
        options = {
            "prepaid": "true", "voting_epochs": "1", "audit_sample": "2", "cooldown_epochs": "0",
            "quarantine": "1/2", "failure_domain": self.pick(["operator", "region", "asn"]),
            "probation_epochs": "0", "min_verified_nodes": "1", "denied_regions": "ap", "metadata_limit": "512",
            "operator_credit_cap": "100000", "min_uptime": "0.85",
        }
        chosen |= {name: value for name, value in options.items() if self.chance(0.2)}
        return {"profile": list(profile), "nodes": nodes, "set": chosen}

    # --- The loop --------------------------------------------------------------------------------------

    def run(self):
        draws = {
            self._put: 26, self._rm: 3, self._purge: 4, self._audit: 6, self._register: 2, self._exit: 1,
            self._repair: 3, self._credit: 5, self._score: 3, self._propose: 10, self._votes: 14, self._vote: 6,
            self._activate: 4, self._bad: 2, self._query: 3, self._advance: 7,
        }
        if self.damages:
            draws[self._damage] = 2
        makers, weights = list(draws), list(draws.values())
        while len(self.commands) < self.length:
            for command in self.rng.choices(makers, weights)[0]() or []:
                self._add(command)
        return History(self.seed, self.init, self.commands)

    def _add(self, command):
        self.commands.append(command)
        self.client.apply(command)

    # --- Objects ---------------------------------------------------------------------------------------

    def _object(self):
        if self.chance(0.03):
            return self.pick(["", "x" * 1_025, "y" * 1_024, "unknown"])
        return self.pick(["a", "b", "c/d", "ö", "report.pdf", "z z"]) + str(self.rng.randrange(6))

    def _size(self):
        block = self.ledger.parameters.block_size
        sizes = [0, 1, 1023, 1024, 1025, self.rng.randrange(40_000), self.rng.randrange(5_000)]
        if block <= 8_192:
            sizes += [block * self.rng.randrange(1, 12), block * self.rng.randrange(1, 12) + 1]
        elif self.chance(0.05):
            sizes = [block + 1, 3 * block]
        return self.pick(sizes)

    def _metadata(self):
        if self.chance(0.08):
            return self.pick(BAD_METADATA)
        value = {f"k{number}": number for number in range(self.pick([0, 0, 1, 2, 5]))}
        if self.chance(0.01):
            value |= {f"m{number}": 0 for number in range(120)}
        if self.chance(0.2):
            value["tags"] = self.rng.sample(["sea", "sky", "é", " land"], 2)
        if self.chance(0.25):
            fence = self.pick([*REGIONS, "mars", ["eu", "us"], REGIONS])
            value |= self.pick([{"placement.region": fence}, {"placement": {"region": fence}}])
        return json.dumps(value)

    def _put(self):
        command = {
            "do": "put", "object": self._object(), "size": self._size(), "seed": self.rng.randrange(2**32),
            "metadata": self._metadata(),
        }
        if self.chance(0.15):
            command["version"] = self.pick([0, 1, 2, 5, 9, 2**64 - 1] if self.chance(0.3) else [1, 2, 5, 9])
        if self.chance(0.02):
            command["missing"] = True
        return [command]

    def _known_version(self):
        if self.ledger.versions and self.chance(0.8):
            return self.pick(sorted(self.ledger.versions))
        return self._object(), self.rng.randrange(5)

    def _rm(self):
        return [{"do": "rm", "object": self._known_version()[0]}]

    def _purge(self):
        object_id, version = self._known_version()
        return [{"do": "purge", "object": object_id, "version": version}]

    def _score(self):
        object_id, version = self._known_version()
        score = self.pick([0, 1, 700_000, 1_000_000, 1_000_001])
        return [{"do": "score", "object": object_id, "version": version, "score": score}]

    # --- Nodes and audits ------------------------------------------------------------------------------

    def _audit(self):
        how = self.rng.random()
        if how < 0.4:
            return [{"do": "audit", "all": True}]
        return [{"do": "audit", "sample": self.pick([1, 2, 5, 0]) if how < 0.6 else None}]

    def _register(self):
        if self.chance(0.25):
            name = self.pick([self.pick(self.ledger.nodes).node_id, "", "-x", "a b", "n" * 65])
            return [{"do": "register", "id": name} | self._domain()]
        self.registered += 1
        command = {"do": "register", "id": f"late{self.registered}"} | self._domain()
        if self.chance(0.2):
            scheme = self.pick(["Dilithium3", "ML-DSA-65", "Rainbow"])
            key = self.rng.randbytes(self.pick([1_952, 1_952, 1_952, 32])).hex()
            command |= {"scheme": scheme, "key": key}
        elif self.chance(0.2):
            command |= {"scheme": self.pick(["ML-DSA-65", "ML-DSA-87", "Dilithium2"])}
        return [command]

    def _node_id(self):
        return "nobody" if self.chance(0.05) else self.pick(self.ledger.nodes).node_id

    def _exit(self):
        return [{"do": "exit", "id": self._node_id()}]

    def _repair(self):
        node = self._node_id() if self.chance(0.3) else None
        return [{"do": "repair", "node": node}]

    def _damage(self):
        """Loses one shard at a node, never so many that content is lost."""
        held = [
            (stored, column, node)
            for stored in objects.with_content(self.ledger)
            for _, column, node in stored.copies()
            if self._can_lose(stored, column, node)
        ]
        if not held:
            return []
        stored, column, node = self.pick(held)
        name = self.ledger.nodes[node].node_id
        return [{"do": "damage", "node": name, "shard": stored.shard(column)}]

    def _can_lose(self, stored, column, node):
        if stored.profile.parity:
            return False
        shard, token = stored.shard(column), stored.tokens[column]
        nodes = stored.assignment[column * stored.profile.replicas : (column + 1) * stored.profile.replicas]
        at = [n for n in nodes if (n, shard, token) in self.client.shards.held]
        return node in at and len(at) > 1

    # --- Epochs ----------------------------------------------------------------------------------------

    def _advance(self):
        command = {"do": "advance", "registry": None, "telemetry": None}
        if self.chance(0.85):
            self._drift()
            names = [node.node_id for node in self.ledger.nodes]
            if self.chance(0.9):
                command["registry"] = self._registry(names)
            if self.chance(0.9):
                command["telemetry"] = self._telemetry(names)
        return [command]

    def _drift(self):
        for node in self.ledger.nodes:
            if self.faults.get(node.node_id):
                if self.chance(0.4):
                    self.faults[node.node_id] = None
            elif self.chance(0.07):
                self.faults[node.node_id] = self.pick(FAULTS)

    def _registry(self, names):
        if self.chance(0.04):
            return self.pick(['{"schema_version":"v1.0"}', "{", '{"nodes":{},"schema_version":"v2.0"}', "[1]"])
        nodes = {}
        for name in names + (["stranger"] if self.chance(0.2) else []):
            fault = self.faults.get(name)
            if fault == "absent":
                continue
            record = {"pqc_public_key": f"key of {name}", "pqc_scheme": "ML-DSA-44", "revoked": fault == "revoked"}
            if fault == "revoked":
                record["revocation_reason"] = "lost"
            if fault == "no_key":
                record["pqc_public_key"] = self.pick(["", None])
            if fault == "bad_scheme":
                record["pqc_scheme"] = "Rainbow"
            nodes[name] = record
        return json.dumps({"schema_version": "v1.0", "nodes": nodes})

    def _telemetry(self, names):
        snapshot = {"schema_version": "v1.0", "nodes": {}}
        for name in names:
            if self.faults.get(name) != "silent":
                snapshot["nodes"][name] = self._record(self.faults.get(name))
        snapshot["telemetry_hash"] = registry.telemetry_hash(snapshot)
        if self.chance(0.04):
            snapshot["telemetry_hash"] = "00" * 32
        return json.dumps(snapshot)

    def _record(self, fault):
        record = {
            "uptime_ratio": self.pick(GOOD_UPTIMES), "health_score": self.pick(GOOD_HEALTH),
            "conflict_detected": fault == "conflict",
        }
        if self.chance(0.2):
            record |= {"latency_bands": {"p50": 12, "p99": 80}, "error_count": self.rng.randrange(100)}
        if fault == "low_uptime":
            record["uptime_ratio"] = self.pick(["0.899999999999999999", "0.85", "0.8"])
        if fault == "lower_uptime":
            record["uptime_ratio"] = "0.5"
        if fault == "unhealthy":
            record["health_score"] = self.pick(["0.749999999999999999", "0.5", "0"])
        if fault == "malformed":
            self.pick([
                lambda: record.update(uptime_ratio="1.000000000000000001"), lambda: record.update(uptime_ratio="often"),
                lambda: record.pop("health_score"), lambda: record.update(conflict_detected="no"),
                lambda: record.update(error_count=-1), lambda: record.update(latency_bands="x" * 255),
            ])()
        return record

    # --- Money -----------------------------------------------------------------------------------------

    def _account(self):
        return "operator" if self.chance(0.7) else self.pick(ACCOUNTS)

    def _credit(self):
        amounts = ["1000", "250000", "0.000000000000000001", "99999", "0", "2000000000000", "7.5"]
        return [{"do": "credit", "account": self._account(), "amount": self.pick(amounts)}]

    # --- Governance ------------------------------------------------------------------------------------

    def _speaker(self, among=None):
        if among and self.chance(0.85):
            return self.client.speaker_name(self.pick(sorted(among)))
        nodes = [node.node_id for node in self.ledger.nodes]
        return self.pick(["operator", "council-0", "council-1", "council-2", "council-3", "nobody", *nodes * 2])

    def _propose(self):
        kind = self.rng.choices(
            ["parameter", "rule", "expel", "quarantine", "reinstate", "code-version", "credit"], [40, 25, 2, 4, 8, 1, 6]
        )[0]
        if kind in ("parameter", "rule"):
            table = PARAMETERS if kind == "parameter" else RULES
            name = self.pick(table)
            words = [name, self.pick(table[name][:4] if self.chance(0.7) else table[name])]
        elif kind == "code-version":
            words = [self.pick(["1", "2", "3"])]
        elif kind == "credit":
            words = [self._account(), self.pick(["10", "5000000", "85000000000000000000", "0"])]
        else:
            words = [self._target(kind)]
        speaker = "operator" if self.chance(0.4) else self._speaker()
        command = {"do": "propose", "change": kind, "words": words, "emergency": self.chance(0.35), "speaker": speaker}
        return [command]

    def _target(self, kind):
        if kind == "reinstate":
            quarantined = [n.node_id for n in self.ledger.nodes if n.standing == registry.QUARANTINED]
            if quarantined and self.chance(0.9):
                return self.pick(quarantined)
        return self._node_id()

    def _votable(self):
        open_now = lambda p: p.opens <= self.ledger.epoch <= p.closes and not p.activated
        return [p for p in self.ledger.proposals.values() if open_now(p) and p.change.kind != "code-version"]

    def _votes(self):
        """Most electors of an open proposal, of one mind."""
        proposals = self._votable()
        if not proposals:
            return []
        proposal = self.pick(proposals)
        voters = [s for s in sorted(proposal.electors) if s not in proposal.ballots and self.client.can_sign(s)]
        speakers = [self.client.speaker_name(speaker) for speaker in voters if self.chance(0.9)]
        if not speakers:
            return []
        return [{"do": "vote", "proposal": proposal.number, "approve": self.chance(0.85), "speakers": speakers}]

    def _vote(self):
        """A single vote, often out of time, out of place or a second one."""
        proposals = [p for p in self.ledger.proposals.values() if p.change.kind != "code-version"]
        if not proposals or self.chance(0.05):
            return [{"do": "vote", "proposal": 999, "approve": True, "speakers": ["operator"]}]
        recent = proposals[-4:] if self.chance(0.7) else proposals
        proposal = self.pick(recent)
        command = {"do": "vote", "proposal": proposal.number, "approve": self.chance(0.7)}
        return [command | {"speakers": [] if self.chance(0.1) else [self._speaker(proposal.electors)]}]

    def _activate(self):
        number = self.rng.randrange(0, len(self.ledger.proposals) + 2)
        return [{"do": "activate", "proposal": number, "speaker": self._speaker()}]

    # --- The rest --------------------------------------------------------------------------------------

    def _bad(self):
        return [{"do": "words", "words": self.pick(BAD_WORDS)}]

    def _query(self):
        return [self.pick([
            {"do": "account", "account": self._account()}, {"do": "ls", "versions": self.chance(0.5)},
            {"do": "node-list"}, {"do": "gov-show"}, {"do": "gov-show", "proposal": self.rng.randrange(1, 6)}, {"do": "bundle"},
            {"do": "epoch-show", "epoch": self.rng.randrange(1, self.ledger.epoch + 2)},
            {"do": "rewards", "epoch": self.rng.randrange(1, self.ledger.epoch + 1)},
        ])]
