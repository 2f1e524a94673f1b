"""Governance (GV): electorates, proposals, votes, activation. Functions read and change a `ledger.Ledger`.

A speaker is ("operator",), ("council", position) or ("node", number).
"""

from dataclasses import dataclass, field

from qfs_reference import SCALE

from . import parameters, registry
from .codes import (
    CONFLICT,
    INVALID_INPUT,
    LIMIT,
    NO_QUORUM,
    NOT_FOUND,
    TOO_EARLY,
    TOO_LATE,
    UNAUTHORIZED,
    refuse_if,
)
from .money import MAX_CREDITED

MAX_OPEN = 64
MAX_OPEN_OF_SPEAKER = 4
LAPSES_AFTER = 8
# The hardest first.
OF_NODES = ("expel", "quarantine", "reinstate")


@dataclass(frozen=True)
class Change:
    """GV-3. `subject` is a parameter's or rule's name, a node's number, or an account."""

    kind: str
    subject: object = None
    value: object = None


@dataclass
class Proposal:
    number: int
    speaker: tuple
    change: Change
    emergency: bool
    seq: int
    epoch: int
    opens: int
    closes: int
    electorate: str
    electors: dict
    weight: int
    needed: int
    yes: int = 0
    no: int = 0
    activated: object = None
    ballots: dict = field(default_factory=dict)


@dataclass
class Subject:
    """GV-9."""

    proposal: int
    busy_until: int
    cool_until: int


# --- GV-4 --------------------------------------------------------------------------------------------


def voting_weights(nod, share):
    """The capped weight of each holder."""
    holdings = sorted(nod, reverse=True)
    for k, largest in enumerate(holdings):
        if SCALE - share * k <= 0:
            break
        cap = share * sum(holdings[k:]) // (SCALE - share * k)
        if largest <= cap:
            return [min(one, cap) for one in nod]
    raise AssertionError("four holders always have a cap")


def is_heard(node):
    """GV-2: whether the standing of a node, and the last facts about it, let it speak."""
    return node.standing not in registry.SILENT and not (node.registry and node.registry.revoked)


def holders(ledger):
    """Nodes that could vote: with NOD, a standing that speaks, and a scheme that signs."""
    return [
        node
        for node in ledger.nodes
        if node.nod > 0 and is_heard(node) and node.scheme in registry.SPEAKING_SCHEMES
    ]


def electorate(ledger):
    """Who would vote on a proposal made now: the kind, and each elector's weight."""
    voters = holders(ledger)
    if len(voters) < ledger.parameters.min_nod_holders:
        return "council", {("council", position): SCALE for position in range(ledger.council)}
    weights = voting_weights([node.nod for node in voters], ledger.parameters.voting_cap)
    return "nodes", {("node", node.number): weight for node, weight in zip(voters, weights)}


def needed(weight, quorum):
    return -(-quorum * weight // SCALE)


# --- Speakers ----------------------------------------------------------------------------------------


def require_speaker(ledger, speaker):
    """GV-2."""
    if speaker[0] == "council":
        refuse_if(speaker[1] >= ledger.council, NOT_FOUND, "no such council key")
    elif speaker[0] == "node":
        refuse_if(speaker[1] >= len(ledger.nodes), NOT_FOUND, "no such node")
        node = ledger.nodes[speaker[1]]
        refuse_if(not is_heard(node), UNAUTHORIZED, f"{node.node_id} does not speak")
        refuse_if(node.scheme not in registry.SPEAKING_SCHEMES, UNAUTHORIZED, "no suite")


# --- GV-3 --------------------------------------------------------------------------------------------


def admit(change):
    """What is refused without the state."""
    if change.kind == "parameter":
        parameters.admit_parameter(change.subject, change.value)
    elif change.kind == "rule":
        parameters.admit_rule(change.subject, change.value)
    elif change.kind == "credit":
        refuse_if(change.value == 0, INVALID_INPUT, "a credit of 0")


def _require_change(ledger, change):
    if change.kind in OF_NODES:
        refuse_if(change.subject >= len(ledger.nodes), NOT_FOUND, "no such node")
        standing = ledger.nodes[change.subject].standing
        if change.kind == "reinstate":
            refuse_if(standing != registry.QUARANTINED, CONFLICT, "not quarantined")
        else:
            refuse_if(standing in (registry.EXITED, registry.EXPELLED), CONFLICT, "gone already")
    elif change.kind == "code-version":
        refuse_if(change.value != ledger.code_version + 1, INVALID_INPUT, "code version")


def _require_subject(ledger, key):
    subject = ledger.subjects.get(key)
    if subject is not None:
        refuse_if(ledger.epoch <= subject.busy_until, CONFLICT, "the subject is under vote or waits")
        refuse_if(ledger.epoch <= subject.cool_until, TOO_EARLY, "the subject cools down")


def _require_room(ledger, speaker):
    refuse_if(len(ledger.open) >= MAX_OPEN, LIMIT, "64 proposals")
    mine = sum(ledger.proposals[number].speaker == speaker for number in ledger.open)
    refuse_if(mine >= MAX_OPEN_OF_SPEAKER, LIMIT, "4 proposals of one speaker")


def subject_key(change, emergency):
    return (emergency, change.kind, change.subject)


def propose(ledger, seq, speaker, change, emergency):
    """GV-3 from 2, GV-4, GV-6."""
    require_speaker(ledger, speaker)
    _require_change(ledger, change)
    key = subject_key(change, emergency)
    _require_subject(ledger, key)
    _require_room(ledger, speaker)
    values = ledger.parameters
    opens = ledger.epoch if emergency else ledger.epoch + 1
    closes = ledger.epoch + values.voting_epochs - (1 if emergency else 0)
    kind, electors = electorate(ledger)
    weight = sum(electors.values())
    quorum = values.emergency_quorum if emergency else values.quorum
    proposal = Proposal(
        len(ledger.proposals) + 1, speaker, change, emergency, seq, ledger.epoch, opens, closes, kind, electors,
        weight, needed(weight, quorum),
    )
    ledger.proposals[proposal.number] = proposal
    ledger.open.append(proposal.number)
    ledger.subjects[key] = Subject(proposal.number, closes, closes + values.cooldown_epochs)
    return proposal


# --- GV-7 --------------------------------------------------------------------------------------------


def vote(ledger, seq, number, speaker, approve):
    proposal = ledger.proposals.get(number)
    refuse_if(proposal is None, NOT_FOUND, "no such proposal")
    require_speaker(ledger, speaker)
    refuse_if(speaker not in proposal.electors, UNAUTHORIZED, "no elector")
    refuse_if(ledger.epoch < proposal.opens, TOO_EARLY, "before the vote opens")
    refuse_if(ledger.epoch > proposal.closes or proposal.activated, TOO_LATE, "the vote is over")
    refuse_if(speaker in proposal.ballots, CONFLICT, "voted already")
    weight = proposal.electors[speaker]
    proposal.ballots[speaker] = (approve, seq)
    if approve:
        proposal.yes += weight
    else:
        proposal.no += weight
    return weight


# --- GV-8 --------------------------------------------------------------------------------------------


def is_superseded(ledger, proposal):
    """Whether a later proposal about the same subject was accepted."""
    key = subject_key(proposal.change, proposal.emergency)
    return ledger.subjects[key].proposal != proposal.number


def can_be_activated(ledger, proposal):
    """Whether votes and epochs allow it now."""
    begun = ledger.epoch >= proposal.opens if proposal.emergency else ledger.epoch > proposal.closes
    in_time = ledger.epoch <= proposal.closes + LAPSES_AFTER
    stands = not proposal.activated and not is_superseded(ledger, proposal)
    return stands and begun and in_time and proposal.yes >= proposal.needed


def require_activation(ledger, number, speaker):
    """Every refusal of an activation."""
    proposal = ledger.proposals.get(number)
    refuse_if(proposal is None, NOT_FOUND, "no such proposal")
    require_speaker(ledger, speaker)
    refuse_if(proposal.activated, CONFLICT, "activated already")
    refuse_if(is_superseded(ledger, proposal), CONFLICT, "a later proposal is about the same")
    refuse_if(ledger.epoch <= proposal.closes and not proposal.emergency, TOO_EARLY, "votes are still taken")
    refuse_if(ledger.epoch < proposal.opens, TOO_EARLY, "before the vote opens")
    refuse_if(ledger.epoch > proposal.closes + LAPSES_AFTER, TOO_LATE, "lapsed")
    refuse_if(proposal.yes < proposal.needed, NO_QUORUM, "too few votes")
    if proposal.change.kind == "credit":
        total = ledger.credited + ledger.pending_credits + proposal.change.value
        refuse_if(total > MAX_CREDITED, LIMIT, "all credits together")
    return proposal


def activate(ledger, seq, number, speaker):
    proposal = require_activation(ledger, number, speaker)
    values, change = ledger.parameters, proposal.change
    effective = ledger.epoch + 1
    if not proposal.emergency:
        effective = max(proposal.closes + values.activation_delay, effective)
    proposal.activated = (effective, seq)
    ledger.scheduled.append((effective, number))
    key = subject_key(change, proposal.emergency)
    ledger.subjects[key] = Subject(number, effective, effective + values.cooldown_epochs)
    if change.kind == "credit":
        ledger.pending_credits += change.value
    return effective


# --- GV-10 -------------------------------------------------------------------------------------------


def put_into_force(ledger, epoch):
    """Applies what has `effective = epoch`, in the order of activation: the numbers, and orders by node."""
    due = [number for effective, number in ledger.scheduled if effective == epoch]
    orders = {}
    for number in due:
        change = ledger.proposals[number].change
        if change.kind == "parameter":
            ledger.parameters = parameters.with_value(ledger.parameters, change.subject, change.value)
        elif change.kind == "rule":
            ledger.rules = parameters.with_value(ledger.rules, change.subject, change.value)
        elif change.kind == "code-version":
            ledger.code_version = max(ledger.code_version, change.value)
        elif change.kind == "credit":
            ledger.pending_credits -= change.value
            ledger.give(change.subject, change.value)
        else:
            orders[change.subject] = min(change.kind, orders.get(change.subject, change.kind), key=OF_NODES.index)
    ledger.scheduled = [(effective, number) for effective, number in ledger.scheduled if effective != epoch]
    return due, orders
