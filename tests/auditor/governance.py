"""Proposals, votes, activations, credits and exits (GV, RG-8, EC-8)."""

from ledger_model.codes import (
    CONFLICT, INVALID_INPUT, LIMIT, NO_QUORUM, NOT_FOUND, TOO_EARLY, TOO_LATE, UNAUTHORIZED, refuse_if,
)
from ledger_model.governance import needed, voting_weights
from ledger_model.money import MAX_CREDITED
from qfs_reference import SCALE

from . import schema, signatures
from .admission import NUMBERS
from .keys import is_heard, operator_key, require_speaker, signed_by, signed_by_node, taken_seats
from .state import ballot_key, electors_key, node_key, proposal_key, subject_key

QUARANTINED, DRAINING, EXITED, EXPELLED = 3, 5, 6, 7
MAX_OPEN, MAX_OPEN_OF_SPEAKER = 64, 4
LAPSES_AFTER = 8
MAX_EPOCH = 2**64 - 1
BY_COUNCIL, BY_NODES = 0, 1


# --- Exits (RG-8) ------------------------------------------------------------------------------------


def exit_node(state, ordered, action):
    """RG-8."""
    command, node = ordered.command, state.node(action.node)
    by_operator = signed_by(command, operator_key(state))
    refuse_if(not by_operator and node is not None and not signed_by_node(command, node), UNAUTHORIZED, "exit")
    refuse_if(node is None, NOT_FOUND, "no such node")
    refuse_if(node.standing in (DRAINING, EXITED, EXPELLED), CONFLICT, "leaving or gone")
    return schema.Exiting(), lambda: _exiting(state, action)


def _exiting(state, action):
    node = state.touch(node_key(action.node))
    node.standing, node.since = DRAINING, state.epoch


# --- Proposals (GV-3 to GV-6) ------------------------------------------------------------------------


def subject_of(change):
    kinds = [kind for kind in schema.SUBJECT.variants]
    kind = kinds[schema.CHANGE.tags[type(change)]]
    if isinstance(change, schema.RuleChange):
        return kind(number=schema.RULE.tags[type(change.rule)])
    return kind(**{name: getattr(change, name) for name in kind.FIELDS})


def _require_change(state, change):
    if isinstance(change, (schema.Expel, schema.Quarantine, schema.Reinstate)):
        node = state.node(change.node)
        refuse_if(node is None, NOT_FOUND, "no such node")
        if isinstance(change, schema.Reinstate):
            refuse_if(node.standing != QUARANTINED, CONFLICT, "not quarantined")
        else:
            refuse_if(node.standing in (EXITED, EXPELLED), CONFLICT, "gone already")
    elif isinstance(change, schema.CodeVersion):
        refuse_if(change.version != state.ledger.code_version + 1, INVALID_INPUT, "code version")


def _require_subject(state, key):
    subject = state.get(key)
    if subject is not None:
        refuse_if(state.epoch <= subject.busy_until, CONFLICT, "under vote, or waits")
        refuse_if(state.epoch <= subject.cool_until, TOO_EARLY, "cools down")


def _require_room(state, speaker):
    waiting = state.ledger.open
    refuse_if(len(waiting) >= MAX_OPEN, LIMIT, "proposals")
    mine = sum(one.speaker == speaker for one in waiting)
    refuse_if(mine >= MAX_OPEN_OF_SPEAKER, LIMIT, "proposals of the speaker")


def electorate(state):
    """GV-4: who votes on a proposal made now."""
    parameters = state.ledger.parameters
    holders = [
        (number, node)
        for number, node in enumerate(state.nodes())
        if node.nod > 0 and is_heard(node) and node.scheme in signatures.SUITE_OF_SCHEME
    ]
    if len(holders) < parameters.min_nod_holders:
        return BY_COUNCIL, [schema.Elector(speaker=seat, weight=SCALE) for seat in taken_seats(state)]
    weights = voting_weights([node.nod for _, node in holders], parameters.voting_cap)
    speakers = [schema.NodeSpeaker(node=number) for number, _ in holders]
    return BY_NODES, [schema.Elector(speaker=one, weight=weight) for one, weight in zip(speakers, weights)]


def propose(state, ordered, action):
    require_speaker(state, ordered.command, action.speaker)
    _require_change(state, action.change)
    key = subject_key(action.emergency, subject_of(action.change))
    _require_subject(state, key)
    _require_room(state, action.speaker)
    parameters, epoch = state.ledger.parameters, state.epoch
    opens = epoch if action.emergency else epoch + 1
    closes = opens + parameters.voting_epochs - 1
    refuse_if(closes + parameters.cooldown_epochs > MAX_EPOCH, LIMIT, "epochs")
    kind, electors = electorate(state)
    weight = sum(elector.weight for elector in electors)
    quorum = parameters.emergency_quorum if action.emergency else parameters.quorum
    event = schema.Proposed(
        proposal=state.ledger.proposals + 1, electorate=kind, weight=weight, needed=needed(weight, quorum),
        opens=opens, closes=closes,
    )
    return event, lambda: _proposed(state, ordered, action, event, electors, key)


def _proposed(state, ordered, action, event, electors, key):
    number = event.proposal
    record = schema.ProposalRecord(
        speaker=action.speaker, change=action.change, emergency=action.emergency, seq=ordered.seq, epoch=state.epoch,
        opens=event.opens, closes=event.closes, electorate=event.electorate, weight=event.weight, needed=event.needed,
        yes=0, no=0, activated=None,
    )
    ledger = state.touch(b"L")
    ledger.proposals = number
    ledger.open = ledger.open + [schema.OpenProposal(proposal=number, speaker=action.speaker, closes=event.closes)]
    cool = event.closes + ledger.parameters.cooldown_epochs
    state.put(proposal_key(number), record)
    state.put(electors_key(number), electors)
    state.put(key, schema.SubjectRecord(proposal=number, busy_until=event.closes, cool_until=cool))


# --- Votes (GV-7) ------------------------------------------------------------------------------------


def vote(state, ordered, action):
    proposal = state.get(proposal_key(action.proposal))
    refuse_if(proposal is None, NOT_FOUND, "no such proposal")
    require_speaker(state, ordered.command, action.speaker)
    electors = {elector.speaker: elector.weight for elector in state.get(electors_key(action.proposal))}
    refuse_if(action.speaker not in electors, UNAUTHORIZED, "no elector")
    refuse_if(state.epoch < proposal.opens, TOO_EARLY, "before the vote opens")
    refuse_if(state.epoch > proposal.closes or proposal.activated is not None, TOO_LATE, "the vote is over")
    key = ballot_key(action.proposal, action.speaker)
    refuse_if(state.get(key) is not None, CONFLICT, "voted already")
    ballot = schema.BallotRecord(approve=action.approve, weight=electors[action.speaker], seq=ordered.seq)
    return schema.Voted(weight=ballot.weight), lambda: _voted(state, action, key, ballot)


def _voted(state, action, key, ballot):
    state.put(key, ballot)
    proposal = state.touch(proposal_key(action.proposal))
    if action.approve:
        proposal.yes += ballot.weight
    else:
        proposal.no += ballot.weight


# --- Activation (GV-8) -------------------------------------------------------------------------------


def activate(state, ordered, action):
    proposal = state.get(proposal_key(action.proposal))
    refuse_if(proposal is None, NOT_FOUND, "no such proposal")
    require_speaker(state, ordered.command, action.speaker)
    key = subject_key(proposal.emergency, subject_of(proposal.change))
    refuse_if(proposal.activated is not None, CONFLICT, "activated before")
    refuse_if(state.get(key).proposal != action.proposal, CONFLICT, "a later proposal is about the same")
    epoch, parameters = state.epoch, state.ledger.parameters
    refuse_if(epoch <= proposal.closes and not proposal.emergency, TOO_EARLY, "votes are still taken")
    refuse_if(epoch < proposal.opens, TOO_EARLY, "before the vote opens")
    refuse_if(epoch > proposal.closes + LAPSES_AFTER, TOO_LATE, "lapsed")
    refuse_if(proposal.yes < proposal.needed, NO_QUORUM, "too few votes")
    if isinstance(proposal.change, schema.CreditChange):
        _require_total(state, proposal.change.amount)
    effective = epoch + 1
    if not proposal.emergency:
        effective = max(proposal.closes + parameters.activation_delay, effective)
    refuse_if(effective + parameters.cooldown_epochs > MAX_EPOCH, LIMIT, "epochs")
    event = schema.Activated(effective=effective)
    return event, lambda: _activated(state, ordered, action, effective, key)


def _activated(state, ordered, action, effective, key):
    proposal = state.touch(proposal_key(action.proposal))
    proposal.activated = schema.Activation(effective=effective, seq=ordered.seq)
    ledger = state.touch(b"L")
    ledger.scheduled = ledger.scheduled + [schema.Scheduled(effective=effective, proposal=action.proposal)]
    cool = effective + ledger.parameters.cooldown_epochs
    state.put(key, schema.SubjectRecord(proposal=action.proposal, busy_until=effective, cool_until=cool))
    if isinstance(proposal.change, schema.CreditChange):
        ledger.pending_credits += proposal.change.amount


# --- Being in force (GV-10) --------------------------------------------------------------------------


def in_force(state, epoch):
    """What comes into force with an epoch: numbers, parameters, rules, code version, orders by node, credits."""
    ledger = state.ledger
    due = [one.proposal for one in ledger.scheduled if one.effective == epoch]
    parameters, rules, code_version = _copy(ledger.parameters), _copy(ledger.rules), ledger.code_version
    orders, credits = {}, []
    for number in due:
        change = state.get(proposal_key(number)).change
        if isinstance(change, schema.ParameterChange):
            setattr(parameters, NUMBERS[change.number], change.value.value)
        elif isinstance(change, schema.RuleChange):
            vars(rules).update(vars(change.rule))
        elif isinstance(change, schema.CodeVersion):
            code_version = max(code_version, change.version)
        elif isinstance(change, schema.CreditChange):
            credits.append(change)
        else:
            orders.setdefault(change.node, set()).add(type(change))
    return due, parameters, rules, code_version, orders, credits


def _copy(record):
    return type(record)(**vars(record))


# --- Credits (EC-8) ----------------------------------------------------------------------------------


def _require_total(state, amount):
    total = state.ledger.credited + state.ledger.pending_credits + amount
    refuse_if(total > MAX_CREDITED, LIMIT, "all credits together")


def credit(state, _, action):
    ledger = state.ledger
    cap = ledger.parameters.operator_credit_cap
    refuse_if(ledger.credited_by_operator + action.amount > cap, LIMIT, "operator_credit_cap")
    _require_total(state, action.amount)
    event = schema.Credited(settled=min(action.amount, state.account(action.account).debt))
    return event, lambda: _credited(state, action)


def _credited(state, action):
    state.touch(b"L").credited_by_operator += action.amount
    give(state, action.account, action.amount)


def give(state, account, amount):
    """Debt is paid first."""
    record = state.account(account)
    settled = min(amount, record.debt)
    record.debt -= settled
    record.balance += amount - settled
    record.credits += amount
    state.put(b"A" + account, record)
    state.touch(b"L").credited += amount
