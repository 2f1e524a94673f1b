"""The end of an epoch: settlement under its own rules, then what is in force, standings and the next list."""

from dataclasses import dataclass

from . import governance, money, registry
from .ledger import EpochRecord

MAX_REMEMBERED_FAILURES = 16


@dataclass(frozen=True)
class NodeAccount:
    """One node in an epoch's closing."""

    node_id: str
    status: str
    bytes_stored: int
    uptime_bucket: int
    proofs: int
    reward: int


@dataclass(frozen=True)
class Closed:
    epoch: int
    settlement: money.Settlement
    accounts: list
    changes: list


def close(ledger, registry_facts, telemetry_facts):
    """ST-8, epoch closed. Facts are by node id; `None` means that those on record stand."""
    for node in ledger.nodes:
        if registry_facts is not None:
            node.registry = registry_facts.get(node.node_id)
        if telemetry_facts is not None:
            node.telemetry = telemetry_facts.get(node.node_id)
    settlement, accounts = _settle(ledger)
    changes, orders = governance.put_into_force(ledger, ledger.epoch + 1)
    for node, account in zip(ledger.nodes, accounts):
        _end_of_epoch(ledger, node, account, orders.get(node.number))
    closed = Closed(ledger.epoch, settlement, accounts, changes)
    ledger.epochs[ledger.epoch].closed = closed
    _open_next(ledger)
    return closed


def _settle(ledger):
    statuses = [registry.verify(node.registry, node.telemetry, ledger.rules) for node in ledger.nodes]
    verified = [status == registry.VERIFIED for status in statuses]
    buckets = [registry.uptime_bucket(node.telemetry) if ok else 0 for node, ok in zip(ledger.nodes, verified)]
    contributions = [
        money.contribution(node.bytes_stored, bucket, node.proofs, ok)
        for node, bucket, ok in zip(ledger.nodes, buckets, verified)
    ]
    settlement, rewards = money.settle(ledger.open_fees, contributions, sum(verified), ledger.parameters)
    ledger.treasury += settlement.treasury
    ledger.reserve += settlement.reserve
    ledger.burnt += settlement.rewards
    ledger.open_fees = 0
    accounts = [
        NodeAccount(node.node_id, status, node.bytes_stored, bucket, node.proofs, reward)
        for node, status, bucket, reward in zip(ledger.nodes, statuses, buckets, rewards)
    ]
    return settlement, accounts


def _end_of_epoch(ledger, node, account, order):
    """Standing (RG-6) under the rules of the next epoch, which are in force by now."""
    node.status = registry.verify(node.registry, node.telemetry, ledger.rules)
    node.uptime_bucket = account.uptime_bucket
    node.nod += account.reward
    node.failures = ([node.failed] + node.failures)[:MAX_REMEMBERED_FAILURES]
    node.failed = node.proofs = 0
    limit, window = ledger.rules.quarantine
    seen = registry.Observation(
        verified=node.status == registry.VERIFIED,
        revoked=node.registry is not None and node.registry.revoked,
        failures=sum(node.failures[:window]),
        epochs=ledger.epoch + 1 - node.since,
        holds_copies=node.bytes_stored > 0,
        order=order,
        quarantine_failures=limit,
        probation_epochs=ledger.parameters.probation_epochs,
    )
    standing = registry.next_standing(node.standing, seen)
    if node.standing == registry.QUARANTINED and standing == registry.PROBATION:
        node.failures = []
    if standing != node.standing:
        node.standing, node.since = standing, ledger.epoch + 1


def _open_next(ledger):
    ledger.epoch += 1
    eligible = [node.number for node in ledger.nodes if is_eligible(ledger, node)]
    eligible.sort(key=lambda number: ledger.nodes[number].node_id.encode())
    ledger.epochs[ledger.epoch] = EpochRecord(eligible, ledger.rules.failure_domain, len(ledger.entries))
    ledger.open = [number for number in ledger.open if ledger.proposals[number].closes >= ledger.epoch]
    ledger.credited_by_operator = 0
    ledger.audit = None
    ledger.proven.clear()
    ledger.unproven.clear()


def is_eligible(ledger, node):
    """RG-7, by the facts on record under the rules in force."""
    status = registry.verify(node.registry, node.telemetry, ledger.rules)
    return registry.is_eligible(status, node.standing, node.region, ledger.rules)
