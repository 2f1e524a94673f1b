"""Histories of what commands about keys do and why they are refused (KY-4 to KY-7, PR-4, GV-2, GV-4).

Form as in `key_checkpoints`. Every refusal gives three: the log that has it, which is sound; one in which the entry
tells that the command was accepted; and one that refuses it with another code.
"""

import copy

from . import forge, schema
from .forge import ACCEPTED, LOG, OPERATOR, Forge, log_keys, node, seat, signer
from .key_refusals import REFUSALS

CREDIT = 5 * 10**18
OUTCOME, CODE = "outcome", "outcome.code"
ROTATED, REVOKED = schema.KeysRotated(), schema.KeysRevoked()


def histories():
    yield from _refusals()
    yield from _told_otherwise()
    yield from _operators()
    yield from _council()
    yield from _nodes()
    yield from _roots()
    yield from _generations()
    yield from _opening()
    yield from _suites()


def _entry(seq, field):
    return f"entry {seq}", field


def _as_accepted(ledger, seq):
    """An acceptance of the command, with numbers that nobody will look at."""
    action = forge.decode(schema.Body, ledger.bodies[seq]).command.action
    event = schema.EVENT.variants[schema.ACTION.tags[type(action)] + 1]
    zeros = {name: [] if name in ("nodes", "changes", "assignment") else 0 for name in event.FIELDS}
    return schema.Accepted(event=event(**zeros))


def _each_accepted(name, ledger, refused):
    """A log for each refusal, which it tells to have been accepted."""
    for number, seq in enumerate(refused):
        lying = copy.deepcopy(ledger)
        lying.tell(seq, _as_accepted(lying, seq))
        yield f"{name}, {number}", lying.export(), (), _entry(seq, OUTCOME)


# --- Refusals ----------------------------------------------------------------------------------------


def prepared():
    """A ledger with a past: operator, seat 1 and node 1 are in generation 2; the log is in generation 3, its first is
    revoked; seat 2 is vacant; node 3 is revoked by the registry."""
    ledger = Forge()
    ledger.rotate(OPERATOR, [signer(3, "operator 2")])
    ledger.rotate_log("second")
    ledger.rotate_log("third", endorsed=False)
    ledger.rotate(seat(1), [signer(4, "council 1, 2")])
    ledger.rotate(node(1), [signer(4, "node 1, 2")])
    ledger.revoke(LOG, 1)
    ledger.revoke(seat(2), 1)
    ledger.close(revoked=[3])
    return ledger


def _refusals():
    before = prepared()
    for name, code, enter in REFUSALS:
        ledger = copy.deepcopy(before)
        seq = enter(ledger, code)
        ledger.store("after")
        yield f"refused: {name}", ledger.export(), (), None
        ledger.tell(seq, _as_accepted(ledger, seq))
        yield f"told accepted: {name}", ledger.export(), (), _entry(seq, OUTCOME)
        other = 14 if code != "CONFLICT" else 9
        ledger.tell(seq, schema.Rejected(code=other))
        yield f"told another code: {name}", ledger.export(), (), _entry(seq, CODE)


def _told_otherwise():
    """Commands that are sound, and are told to be refused, or to be something else."""
    for name, enter in (
        ("rotation of the log", lambda ledger: ledger.rotate_log("fourth")),
        ("rotation of the operator", lambda ledger: ledger.rotate(OPERATOR, [signer(2, "operator 3")])),
        ("rotation of a seat", lambda ledger: ledger.rotate(seat(0), [signer(2, "council 0, 2")])),
        ("rotation of a node", lambda ledger: ledger.rotate(node(0), [signer(3, "node 0, 2")])),
        ("revocation of the log's", lambda ledger: ledger.revoke(LOG, 2)),
        ("revocation of a seat's", lambda ledger: ledger.revoke(seat(0), 1)),
    ):
        ledger = prepared()
        before = ledger.log[-1]
        seq = enter(ledger)
        ledger.close()
        yield f"accepted: {name}", ledger.export(), (), None
        ledger.tell(seq, schema.Rejected(code=14))
        yield f"told refused: {name}", ledger.export(), (), _entry(seq, OUTCOME)
        ledger.tell(seq, schema.Rejected(code=14))
        kept = ledger.export(forge.vkeys(before), before)
        yield f"told refused, signed as before: {name}", kept, (), _entry(seq, OUTCOME)
        wrong = REVOKED if "rotation" in name else ROTATED
        ledger.tell(seq, schema.Accepted(event=wrong))
        yield f"told as another event: {name}", ledger.export(), (), _entry(seq, "outcome.event")


# --- The operator ------------------------------------------------------------------------------------


def _operators():
    ledger = Forge()
    first, second, third = ledger.operator, signer(2, "operator 2"), signer(3, "operator 3")
    account = first.account
    ledger.store("mine", first)
    ledger.store("unsigned")
    ledger.rotate(OPERATOR, [second])
    ledger.store("mine", second, version=2)
    ledger.store("unsigned", second, version=2)
    ledger.store("mine", version=3)
    seqs = [ledger.store("old key", first, expect="UNAUTHORIZED")]
    seqs.append(ledger.store("old key, own name", first, payer=second.account, expect="UNAUTHORIZED"))
    seqs.append(ledger.store("new key, own name", second, payer=second.account, expect="UNAUTHORIZED"))
    seqs.append(ledger.store("a stranger", signer(1, "stranger"), payer=account, expect="UNAUTHORIZED"))
    seqs.append(ledger.store("unsigned, for the new key", payer=second.account, expect="UNAUTHORIZED"))
    credit = schema.Credit(account=account, amount=CREDIT)
    seqs.append(ledger.enter(credit, first, expect="UNAUTHORIZED"))
    ledger.enter(credit, second)
    seqs.append(ledger.close(by=first, expect="UNAUTHORIZED"))
    ledger.rotate(OPERATOR, [third])
    seqs.append(ledger.store("between", second, payer=account, expect="UNAUTHORIZED"))
    between = ledger.store("between", second)
    seqs.append(ledger.store("mine", second, version=4, expect="UNAUTHORIZED"))
    change = schema.ParameterChange(number=7, value=schema.BoolValue(value=True))
    proposal = schema.Propose(speaker=OPERATOR, change=change, emergency=False)
    for old in (first, second):
        seqs.append(ledger.enter(proposal, old, expect="UNAUTHORIZED"))
    ledger.enter(proposal, third)
    seqs.append(ledger.enter(schema.Exit(node=1), second, expect="UNAUTHORIZED"))
    ledger.enter(schema.Exit(node=1), third)
    seqs.append(ledger.rotate(LOG, log_keys("second"), second, "UNAUTHORIZED"))
    ledger.rotate(LOG, log_keys("second"))
    ledger.close()
    yield "operator: every way to pay", ledger.export(), (), None
    yield from _each_accepted("operator: told accepted", ledger, seqs)
    ledger.tell(between, schema.Rejected(code=9))
    yield "operator: a key between is nobody's", ledger.export(), (), _entry(between, OUTCOME)
    yield from _scorers()


def _scorers():
    """EC-11 lists accounts: the operator's is that of the key in genesis."""
    first, second = signer(1, "operator"), signer(2, "operator 2")
    for name, listed, code in (
        ("operator's account", first, ACCEPTED), ("account of the new key", second, "UNAUTHORIZED"),
    ):
        ledger = Forge(rules={"scorers": [listed.account]})
        ledger.store("scored")
        ledger.rotate(OPERATOR, [second])
        score = schema.RecordScore(object="scored", version=1, score=7)
        ledger.enter(score, second, expect=code)
        ledger.enter(score, first, expect="UNAUTHORIZED")
        ledger.close()
        yield f"scorer: {name}", ledger.export(), (), None


# --- The council -------------------------------------------------------------------------------------


def _proposal(ledger, by, speaker, number=7, expect=ACCEPTED, emergency=False):
    kinds = {7: schema.BoolValue(value=True), 12: schema.IntegerValue(value=9), 19: schema.IntegerValue(value=3)}
    change = schema.ParameterChange(number=number, value=kinds[number])
    return ledger.enter(schema.Propose(speaker=speaker, change=change, emergency=emergency), by, expect=expect)


def _vote(ledger, proposal, by, position, expect=ACCEPTED):
    return ledger.enter(schema.Vote(proposal=proposal, speaker=seat(position), approve=True), by, expect=expect)


def _council():
    yield from _rotated_seats()
    yield from _vacant_seats()


def _rotated_seats():
    """Electors are seats, not keys (KY-5)."""
    ledger = Forge()
    old, new = ledger.council[0], signer(4, "council 0, 2")
    _proposal(ledger, old, seat(0))
    ledger.close()
    ledger.rotate(seat(0), [new])
    told = [_vote(ledger, 1, old, 0, "UNAUTHORIZED")]
    _vote(ledger, 1, new, 0)
    _vote(ledger, 1, ledger.council[1], 1)
    ledger.rotate(seat(1), [signer(2, "council 1, 2")])
    told.append(_vote(ledger, 1, ledger.council[1], 1, "CONFLICT"))
    ledger.close()
    ledger.close()
    activate = lambda by, expect=ACCEPTED: ledger.enter(schema.Activate(proposal=1, speaker=seat(0)), by, expect=expect)
    told.append(activate(old, "UNAUTHORIZED"))
    activate(new)
    told.append(_proposal(ledger, old, seat(0), 12, "UNAUTHORIZED"))
    ledger.close()
    ledger.close()
    yield "council: a seat votes by its key in force", ledger.export(), (), None
    yield from _each_accepted("council: told accepted", ledger, told)


def _vacant_seats():
    """A vacant seat speaks no more, keeps its place in open electorates, and has none in later ones (KY-6)."""
    ledger = Forge()
    lost = ledger.council[2]
    first = _proposal(ledger, ledger.council[0], seat(0))
    ledger.revoke(seat(2), 1)
    second = _proposal(ledger, ledger.council[0], seat(0), 12)
    third = _proposal(ledger, ledger.operator, OPERATOR, 19, emergency=True)
    told = [_proposal(ledger, lost, seat(2), 19, "UNAUTHORIZED")]
    ledger.close()
    told.append(_vote(ledger, 1, lost, 2, "UNAUTHORIZED"))
    told.append(_vote(ledger, 2, lost, 2, "UNAUTHORIZED"))
    for proposal in (1, 2, 3):
        for position in (0, 1):
            _vote(ledger, proposal, ledger.council[position], position)
    ledger.rotate(seat(2), [signer(1, "council 2, 2")], lost, "UNAUTHORIZED")
    ledger.rotate(seat(2), [signer(1, "council 2, 2")], ledger.operator, "UNAUTHORIZED")
    ledger.revoke(seat(2), 1, lost, expect="UNAUTHORIZED")
    ledger.revoke(seat(0), 1)
    ledger.revoke(seat(1), 1, expect="CONFLICT")
    ledger.rotate(seat(1), [signer(1, "council 1, 2")])
    ledger.revoke(seat(1), 2, expect="CONFLICT")
    for _ in range(2):
        ledger.close()
    # Two of three are 0.666…, beyond the quorum of 0.66; two of two all the more.
    for proposal in (1, 2, 3):
        ledger.enter(schema.Activate(proposal=proposal, speaker=OPERATOR), ledger.operator)
    told.append(_proposal(ledger, ledger.council[1], seat(1), 19, "CONFLICT", emergency=True))
    ledger.close()
    yield "council: a vacant seat", ledger.export(), (), None
    yield from _each_accepted("council: a vacant seat told to speak", ledger, told)
    for name, seq, changed in (
        ("as if nobody had left", second, {"weight": 3 * 10**18}),
        ("needing too much", second, {"needed": 198 * 10**16}),
        ("needing too little", third, {"needed": 10**18}),
        ("of fewer than there were", first, {"weight": 2 * 10**18}),
        ("of nodes", second, {"electorate": 1}),
    ):
        lying = copy.deepcopy(ledger)
        event = forge.decode(schema.Body, lying.bodies[seq]).outcome.event
        lying.tell(seq, schema.Accepted(event=schema.Proposed(**vars(event) | changed)))
        yield f"council: an electorate {name}", lying.export(), (), _entry(seq, f"outcome.{next(iter(changed))}")


# --- Nodes -------------------------------------------------------------------------------------------


def _nodes():
    yield from _rotated_nodes()
    yield from _voting_nodes()


def _rotated_nodes():
    ledger = Forge()
    old, new = ledger.nodes[0], signer(4, "node 0, 2")
    ledger.rotate(node(0), [new])
    told = [ledger.enter(schema.Exit(node=0), old, expect="UNAUTHORIZED")]
    domain = ledger.state.genesis.nodes[0].domain
    for one, scheme in ((old, "ML-DSA-44"), (new, "ML-DSA-87")):
        register = schema.RegisterNode(node_id="node-000", scheme=scheme, public_key=one.key.data, domain=domain)
        told.append(ledger.enter(register, ledger.operator, expect="CONFLICT"))
    told.append(ledger.rotate(node(0), [signer(2, "node 0, 3")], ledger.operator, "UNAUTHORIZED"))
    ledger.enter(schema.Exit(node=0), new)
    # A node that is leaving still speaks.
    ledger.rotate(node(0), [signer(2, "node 0, 3")])
    late = signer(3, "late").key.data
    later = schema.RegisterNode(node_id="late", scheme="ML-DSA-65", public_key=late, domain=domain)
    ledger.enter(later, ledger.operator)
    ledger.nodes += [signer(2, "nobody"), signer(3, "late")]
    ledger.rotate(node(7), [signer(2, "late 2")])
    ledger.close()
    told.append(ledger.rotate(node(0), [signer(2, "node 0, 4")], expect="UNAUTHORIZED"))
    ledger.close()
    yield "node: rotates, leaves, rotates, and is gone", ledger.export(), (), None
    yield from _each_accepted("node: told accepted", ledger, told)


def _voting_nodes():
    """NOD is the node's, whatever its key is."""
    ledger = Forge()
    names = [f"object-{number}" for number in range(8)]
    for name in names:
        ledger.store(name)
    ledger.audit(names)
    ledger.rotate(node(1), [signer(4, "node 1, 2")])
    ledger.close()
    opened = ledger.enter(
        schema.Propose(speaker=node(1), change=schema.Quarantine(node=5), emergency=False), ledger.nodes[1]
    )
    old, new = ledger.nodes[2], signer(3, "node 2, 2")
    ledger.rotate(node(2), [new])
    ledger.close()
    vote = schema.Vote(proposal=1, speaker=node(2), approve=True)
    refused = ledger.enter(vote, old, expect="UNAUTHORIZED")
    ledger.enter(vote, new)
    ledger.rotate(node(2), [signer(2, "node 2, 3")])
    again = ledger.enter(vote, ledger.nodes[2], expect="CONFLICT")
    ledger.close()
    assert forge.decode(schema.Body, ledger.bodies[opened]).outcome.event.electorate == 1
    yield "node: votes by its key in force", ledger.export(), (), None
    yield from _each_accepted("node: told to vote", ledger, [refused, again])


# --- Records, generations, the first entry -----------------------------------------------------------


def _roots():
    """The records of KY-7 are under the root: one that is kept otherwise shows at the next closing."""
    changes = {
        "forgotten": lambda state, key: state.drop(key),
        "from another entry": lambda state, key: setattr(state.touch(key).generations[-1], "since", 1),
        "endorsed after all": lambda state, key: setattr(state.touch(key).generations[-1], "endorsed", True),
        "revoked after all": lambda state, key: setattr(state.touch(key).generations[0], "revoked", 1),
        "with a generation less": lambda state, key: state.touch(key).generations.pop(0),
    }
    key = forge.holder_key(LOG)
    for name, change in changes.items():
        ledger = Forge()
        ledger.store("a")
        ledger.rotate_log("second", endorsed=False)
        change(ledger.state, key)
        seq = ledger.close()
        yield f"record {name}", ledger.export(), (), _entry(seq, "state_root")
    for name, holder, keys in (
        ("operator", OPERATOR, [signer(2, "operator 2")]), ("seat", seat(1), [signer(1, "council 1, 2")]),
        ("node", node(1), [signer(3, "node 1, 2")]),
    ):
        ledger = Forge()
        ledger.rotate(holder, keys)
        ledger.state.touch(forge.holder_key(holder)).generations[-1].since = 0
        seq = ledger.close()
        yield f"record of the {name} from another entry", ledger.export(), (), _entry(seq, "state_root")
    ledger = Forge()
    ledger.rotate(node(1), [signer(3, "node 1, 2")])
    ledger.state.put(b"K" + bytes([0, 0, 0, 1]), signer(2, "node 1").key.data)
    seq = ledger.close()
    yield "record of the node's key kept", ledger.export(), (), _entry(seq, "state_root")


def _generations():
    """The 256th generation is the last (PR-2)."""
    ledger = Forge()
    for number in range(2, 257):
        ledger.rotate(OPERATOR, [signer(1, f"operator {number}")])
    ledger.close()
    told = ledger.rotate(OPERATOR, [signer(1, "operator 257")], expect="LIMIT")
    ledger.rotate(OPERATOR, [signer(1, "operator 1")], generation=258, expect="CONFLICT")
    # A key that comes back is looked for after the number of generations.
    ledger.rotate(OPERATOR, [signer(1, "operator 2")], expect="LIMIT")
    ledger.store("last", ledger.operator)
    yield "256 generations", ledger.export(), (), None
    ledger.tell(told, schema.Accepted(event=ROTATED))
    yield "a 257th generation", ledger.export(), (), _entry(told, OUTCOME)


def _opening():
    """The first entry is a genesis: nobody's keys are rotated before there are any."""
    ledger = Forge()
    for name, action in (
        ("rotation", ledger.rotation(LOG, log_keys("second"))),
        ("revocation", schema.RevokeKeys(holder=LOG, generation=1, reason="")),
    ):
        for signed, by in (("unsigned", None), ("signed", ledger.operator)):
            before = copy.deepcopy(ledger)
            before.execution = forge.writer.Execution()
            before.enter(action, by, expect="AEGIS_CONTEXT_MISSING", ledger_id=bytes(32))
            yield f"first a {name}, {signed}", before.export(), (), ("entry 0", OUTCOME)


def _suites():
    """KY-10: a key of a suite that there is not is no key, nor is one of another suite's length."""
    for name, suite in (("0", 0), ("5", 5), ("of another length", 3)):
        ledger = Forge()
        new = signer(2, "operator 2")
        seq = ledger.rotate(OPERATOR, [new])
        was = schema.Key.write(new.key)
        assert ledger.bodies[seq].count(was) == 1
        ledger.bodies[seq] = ledger.bodies[seq].replace(was, bytes([suite]) + was[1:])
        yield f"a key of suite {name}", ledger.export(), (), _entry(seq, "body")
