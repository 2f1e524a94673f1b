"""Commands at the edges of the rules, entered after an honest log: each is decided by one sentence of `spec/`."""

import copy

from qfs_reference import canonical_json, sha3

from . import ed25519, schema
from .keyring import Ed25519Key, MlDsaKey
from .signatures import account_of, command_message
from .writer import Execution

NOTHING = sha3(b"")
WHITE = (" ", "\u00a0", "\u200b", "\u180e", "\u2003", "\u0085", "\x1c", "\ufeff")


class Edges:
    """Builds commands for one log, and signs them."""

    def __init__(self, log, execution):
        self.log, self.execution, self.count = log, execution, 0
        self.genesis = log.bodies[0].command.action
        self.users = {1: Ed25519Key(b"u" * 32), 2: MlDsaKey(2, b"v" * 32), 3: MlDsaKey(3, b"w" * 32)}
        self.users[4] = MlDsaKey(4, b"x" * 32)

    @property
    def state(self):
        return self.execution.state

    def enter(self, action, key=None, signer=None, payer=None, until=0):
        """Enters a command that is signed with `key`, or unsigned. The outcome."""
        self.count += 1
        payer = payer or account_of(key or self.genesis.operator)
        identity = b"edge" + self.count.to_bytes(12, "big")
        command = schema.Command(
            id=identity, valid_until_epoch=self.state.epoch + until, payer=payer, action=action, authorization=None
        )
        if key is not None:
            sign = signer or (lambda message: self.log.keyring.sign(key, message))
            command.authorization = schema.Signature(key=key, signature=sign(command_message(command, self.state.ledger_id)))
        return self.execution.add(command, self.execution.tick).outcome

    def operator(self, action, **more):
        return self.enter(action, self.genesis.operator, **more)

    def user(self, suite, action, **more):
        user = self.users[suite]
        return self.enter(action, schema.Key(suite=suite, data=user.public), more.pop("signer", user.sign), **more)

    def store(self, name, metadata=b"{}", version=1, size=0, **changed):
        """A store of nothing, or of one byte."""
        parameters = self.state.ledger.parameters
        profile = parameters.profile
        columns = profile.data + profile.parity
        full = range(columns) if size and profile.parity else range(min(size, 1))
        roots = [b"r" * 32 if c in full and (c == 0 or c >= profile.data) else NOTHING for c in range(columns)]
        layout = {"size": size, "block_size": parameters.block_size, "profile": profile, "roots": roots}
        layout |= {key: changed.pop(key) for key in list(changed) if key in layout}
        content = schema.Single(**layout)
        fields = {"object": name, "version": version, "epoch": self.state.epoch, "hash_commit": bytes(32)}
        fields |= {"metadata": metadata, "content": content, "custody": schema.Claimed()}
        return schema.Store(**fields | changed)


def entered(log):
    """The bodies of an honest log and of every edge after it."""
    execution = Execution()
    for body in log.bodies:
        execution.add(copy.deepcopy(body.command), body.tick)
    edges = Edges(log, execution)
    for enter in (_metadata, _stores, _keys, _nodes, _governance, _audits, _frames, _facts):
        enter(edges)
    return execution.bodies


def _metadata(edges):
    texts = ['{"a":1.0}', '{"a":1e3}', "[]", "{", "", '{"a":-0}', '{"a":9007199254740991}', '{"a":9007199254740992}']
    texts += ['{"b":1,"a":2}', '{"a":1,"a":1}', '{"a":"\\ud800"}', '{"a":"\\/"}', '{"a":NaN}', '{"a":"\\u0000"}']
    texts.append("\ufeff{}")
    texts += ['{"a":' + "[" * depth + "]" * depth + "}" for depth in (63, 64)]
    texts += ['{"a":"' + "x" * length + '"}' for length in (16_376, 16_377)]
    for space in WHITE:
        texts.append(canonical_json({"tags": ["a" + space]}))
        texts.append(canonical_json({"tags": [space + "a"]}))
    typed = ['"author_node_id":""', '"author_node_id":"x"', '"created_at_tick":-1', '"tags":["b","a"]', '"tags":["a","a"]']
    typed += ['"tags":[]', '"openagi_score":1000001', '"openagi_score":true', '"atr_fee_events":[1,"x"]']
    typed += ['"atr_fee_events":[""]', '"aegis_telemetry_stub":{"node_id":[]}', '"aegis_telemetry_stub":{"x":1}']
    typed += ['"aegis_telemetry_stub":{"at_epoch":0,"node_id":null}', '"placement.region":[]', '"placement.region":""']
    typed += ['"placement":{"region":"eu"},"placement.region":"eu"', '"placement":{"region":["us","eu"]}', '"placement":1']
    typed += ['"placement":{"region":null}', '"placement.region":"nowhere"', '"placement":{"x":{}}', '"tags":null']
    texts += ["{" + text + "}" for text in typed]
    for number, text in enumerate(texts):
        edges.enter(edges.store(f"metadata-{number}", text.encode()))
    edges.enter(edges.store("metadata-utf8", b'{"a":"\xff"}'))


def _stores(edges):
    for name in ("", "\0", "x" * 1_025, "\0" * 1_025, "é" * 512, "é" * 513):
        edges.enter(edges.store(name))
        edges.enter(schema.DeleteMarker(object=name, version=0))
    profile, block = edges.state.ledger.parameters.profile, edges.state.ledger.parameters.block_size
    odd = schema.Profile(data=0, parity=0, replicas=1)
    other = schema.Profile(data=profile.data, parity=profile.parity, replicas=profile.replicas % 4 + 1)
    for changed in (
        {"version": 0}, {"version": 2**64 - 1}, {"epoch": 0}, {"epoch": edges.state.epoch + 1}, {"epoch": 1},
        {"size": 2**56 + 1}, {"size": 1}, {"size": 1, "roots": [NOTHING]}, {"profile": odd}, {"profile": other},
        {"block_size": 0}, {"block_size": block * 2}, {"block_size": 4_097},
        {"custody": schema.ReceiptRoot(root=bytes(32))}, {"content": schema.Manifest(root=bytes(32), count=1, size=1)},
    ):
        edges.enter(edges.store(f"store-{edges.count}", **changed))
    edges.enter(edges.store("store-0", version=1))
    edges.enter(edges.store("store-0", version=1))


def _keys(edges):
    for suite in edges.users:
        edges.user(suite, edges.store(f"of-{suite}"))
        # One account has a charge of 0 and no other, which makes its record all the same.
        if suite != 3:
            edges.user(suite, edges.store(f"of-{suite}", version=2, size=1))
    edges.user(2, schema.DeleteMarker(object="of-1", version=3))
    edges.user(1, schema.DeleteMarker(object="of-1", version=3), payer=bytes(32))
    edges.user(1, schema.DeleteMarker(object="of-1", version=3))
    edges.user(1, schema.DeleteMarker(object="of-1", version=4))
    edges.user(1, schema.Purge(object="of-1", version=3))
    one = edges.users[1]

    def second_spelling(message):
        signature = one.sign(message)
        s = int.from_bytes(signature[32:], "little") + ed25519.ORDER
        return signature[:32] + s.to_bytes(32, "little")

    edges.user(1, edges.store("spelled"), signer=second_spelling)
    # Under the neutral element as a key every R = [s]B is a signature, but for strictness.
    neutral = schema.Key(suite=1, data=ed25519._compress(ed25519.IDENTITY))
    for data in (neutral.data, bytes(32), b"\xff" * 32, b"\x02" + bytes(31)):
        key = schema.Key(suite=1, data=data)
        signature = ed25519._compress(ed25519.BASE) + (1).to_bytes(32, "little")
        edges.enter(edges.store("small"), key, lambda _: signature)
    for signature in (b"", bytes(64), bytes(2_420)):
        edges.user(2, edges.store("short"), signer=lambda _: signature)
        edges.user(1, edges.store("short"), signer=lambda _: signature)


def _nodes(edges):
    domain = schema.Domain(region="", operator="", asn=0)
    lengths = {"Dilithium2": 1_312, "ML-DSA-65": 1_952, "Dilithium5": 2_592, "RSA": 1_312, "ML-DSA-44": 1_313}
    for scheme, length in lengths.items():
        register = schema.RegisterNode(node_id=f"edge-{scheme}", scheme=scheme, public_key=bytes(length), domain=domain)
        edges.enter(register)
        edges.operator(register)
        edges.operator(register)
    for name in ("", "-a", "a b", "x" * 65, "a:b.c_d-e", "é"):
        edges.operator(schema.RegisterNode(node_id=name, scheme="ML-DSA-44", public_key=bytes(1_312), domain=domain))
    for region in ("x" * 65, "a\n", "\x85", "é" * 32, "é" * 33):
        place = schema.Domain(region=region, operator="", asn=7)
        register = schema.RegisterNode(node_id=f"at-{edges.count}", scheme="ML-DSA-44", public_key=bytes(1_312), domain=place)
        edges.operator(register)
    council = edges.genesis.council[0]
    for node in (9_999, 0):
        edges.enter(schema.Exit(node=node))
        edges.enter(schema.Exit(node=node), council)
        edges.operator(schema.Exit(node=node))
        edges.operator(schema.Exit(node=node))
    for number, node in enumerate(edges.state.nodes()):
        own = next((key for key in edges.log.keyring.publics() if sha3(key.data) == node.key_hash), None)
        if own is not None and number % 2:
            edges.enter(schema.Vote(proposal=1, speaker=schema.NodeSpeaker(node=number), approve=True), own)
            edges.enter(schema.Exit(node=number), own)


def _governance(edges):
    council = edges.genesis.council
    speakers = [schema.Operator(), schema.Council(position=0), schema.Council(position=7), schema.NodeSpeaker(node=9_999)]
    values = [schema.IntegerValue(value=1), schema.AmountValue(value=10**17), schema.BoolValue(value=False)]
    for number in range(25):
        for value in values:
            change = schema.ParameterChange(number=number, value=value)
            edges.enter(schema.Propose(speaker=speakers[number % 4], change=change, emergency=number % 3 == 0), council[0])
    rules = schema.RULE.variants
    for rule in (
        rules[0](min_uptime=10**18 + 1), rules[2](allowed_regions=["b", "a"]), rules[2](allowed_regions=[""]),
        rules[3](denied_regions=[f"{i:02}" for i in range(33)]), rules[5](failures=0, epochs=0),
        rules[5](failures=1, epochs=17), rules[6](scorers=[b"b" * 32, b"a" * 32]), rules[6](scorers=[]),
    ):
        edges.operator(schema.Propose(speaker=schema.Operator(), change=schema.RuleChange(rule=rule), emergency=False))
    for change in (
        schema.Expel(node=9_999), schema.Expel(node=1), schema.Quarantine(node=1), schema.Reinstate(node=1),
        schema.CodeVersion(version=3), schema.CreditChange(account=bytes(32), amount=0),
        schema.CreditChange(account=bytes(32), amount=2**128 - 1), schema.CreditChange(account=b"c" * 32, amount=1),
    ):
        propose = schema.Propose(speaker=schema.Council(position=0), change=change, emergency=True)
        edges.enter(propose, council[0])
        edges.enter(propose, council[-1])
        made = edges.state.ledger.proposals
        for position, key in enumerate(council):
            for _ in range(2):
                edges.enter(schema.Vote(proposal=made, speaker=schema.Council(position=position), approve=True), key)
        edges.enter(schema.Activate(proposal=made, speaker=schema.Council(position=0)), council[0])
        edges.operator(schema.Activate(proposal=made, speaker=schema.Operator()))
    for proposal in (0, 9_999):
        edges.operator(schema.Vote(proposal=proposal, speaker=speakers[3], approve=True))
        edges.operator(schema.Activate(proposal=proposal, speaker=speakers[2]))
    edges.enter(schema.RecordScore(object="of-1", version=1, score=1))
    edges.operator(schema.RecordScore(object="of-1", version=1, score=1_000_001))
    for amount in (0, 1, 2**128 - 1):
        edges.operator(schema.Credit(account=account_of(edges.genesis.operator), amount=amount))


def _audits(edges):
    edges.operator(schema.OpenAudit(scope=schema.Sample(sample=0)))
    answer = schema.Answer(object="of-1", version=2, column=0, leaf=0, proof=None)
    long = schema.LeafProof(leaf_hash=bytes(32), path=[bytes(32)] * 65)
    for scope in (schema.Sample(sample=2), schema.All()):
        edges.operator(schema.OpenAudit(scope=scope))
        _answers(edges, answer, long)
    audit = edges.state.ledger.audit.seq
    for count in (0, 256, 257):
        edges.operator(schema.RecordAudit(audit=audit, node=0, answers=[answer] * count))
    edges.operator(schema.RecordAudit(audit=audit + 1, node=0, answers=[answer]))
    _longest(edges, audit, schema.Answer(**vars(answer) | {"proof": long}))


def _answers(edges, answer, long):
    audit, stored = edges.state.ledger.audit.seq, edges.state.stored("of-1", 2)
    nodes = sorted({9_999, *(stored.assignment if stored else ())})
    for changed in (
        {}, {"leaf": 1}, {"column": 200}, {"column": 1}, {"version": 0}, {"version": 9}, {"object": ""},
        {"proof": long}, {"proof": schema.LeafProof(leaf_hash=b"r" * 32, path=[])},
        {"proof": schema.LeafProof(leaf_hash=b"r" * 32, path=[bytes(32)])},
        {"proof": schema.LeafProof(leaf_hash=b"s" * 32, path=[])},
    ):
        given = schema.Answer(**vars(answer) | changed)
        for node in nodes:
            edges.operator(schema.RecordAudit(audit=audit, node=node, answers=[given, given]))


def _longest(edges, audit, answer):
    """Commands of exactly the most bytes that PR-2 allows, and of one more."""
    most, answers = 64_479, [answer] * 29
    for extra in (0, 1):
        action = schema.RecordAudit(audit=audit, node=0, answers=[*answers, answer])
        frame = 16 + 8 + 32 + 1
        room = most + extra - frame - len(schema.ACTION.write(action))
        path = schema.LeafProof(leaf_hash=bytes(32), path=[bytes(32)] * (65 + room // 32))
        padded = {"proof": path, "object": answer.object + "o" * (room % 32)}
        edges.enter(schema.RecordAudit(audit=audit, node=0, answers=[*answers, schema.Answer(**vars(answer) | padded)]))


def _frames(edges):
    for until in (-1, 1, 2):
        edges.enter(edges.store(f"until-{until}"), until=until)
    edges.enter(edges.genesis)
    edges.operator(edges.genesis)
    edges.enter(schema.OpenAudit(scope=schema.All()))
    edges.enter(edges.store("payer"), payer=bytes(32))


def _facts(edges):
    """Closings: first those that are refused, then one without facts, and one of everybody."""
    epoch = edges.state.epoch
    none = {"closes": epoch, "registry_hash": b"h" * 32, "registry": [], "telemetry_hash": bytes(32), "telemetry": []}
    fact = schema.RegistryFact(node=0, key=None, scheme="", revoked=False, reason="")
    other = schema.RegistryFact(**vars(fact) | {"node": 1})
    far = schema.RegistryFact(**vars(fact) | {"node": 9_999})
    long = schema.RegistryFact(**vars(fact) | {"scheme": "x" * 65})
    good = schema.Reading(
        uptime_ratio=10**18, health_score=10**18, conflict_detected=False, latency_bands="", error_count=None
    )
    ill = [{"uptime_ratio": 10**18 + 1}, {"health_score": 10**18 + 1}]
    ill += [{"latency_bands": bands} for bands in ("{ }", "1.0", '"' + "x" * 255 + '"')]
    readings = [schema.Reading(**vars(good) | changed) for changed in ill]
    bad = [{"registry": facts} for facts in ([other, fact], [fact, fact], [far], [long])] + [{"closes": epoch + 1}]
    bad += [{"telemetry": [schema.TelemetryFact(node=0, reading=reading)]} for reading in readings]
    for changed in bad:
        edges.operator(schema.AdvanceEpoch(**none | changed))
    edges.operator(schema.AdvanceEpoch(**none))
    for _ in range(3):
        _close_well(edges, none, good)
    edges.enter(edges.store("late", epoch=epoch))
    edges.enter(edges.store("last"))


def _close_well(edges, none, good):
    nodes = edges.state.nodes()
    fact = {"revoked": False, "reason": ""}
    registry = [
        schema.RegistryFact(node=number, key=node.key_hash, scheme=node.scheme, **fact)
        for number, node in enumerate(nodes)
    ]
    telemetry = [schema.TelemetryFact(node=number, reading=good) for number in range(len(nodes))]
    facts = {"closes": edges.state.epoch, "registry": registry, "telemetry": telemetry}
    edges.operator(schema.AdvanceEpoch(**none | facts))
