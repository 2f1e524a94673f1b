"""The end of an epoch (ST-8, RG-4 to RG-7, GV-10, EC-2 to EC-5)."""

from ledger_model import money, registry
from ledger_model.codes import EPOCH_CHANGED, INVALID_INPUT, LIMIT, refuse_if
from qfs_reference import SCALE, Refused as NotJson, canonical_json, parse_json

from . import governance, schema
from .state import epoch_key, node_key

MAX_EPOCH = 2**64 - 1
MAX_TEXT = 64
MAX_BANDS = 256
REMEMBERED = 16
STATUSES = (
    registry.VERIFIED, registry.NO_REGISTRY_ENTRY, registry.REVOKED_KEY, registry.NO_PQC_KEY,
    registry.UNSUPPORTED_SCHEME, registry.TELEMETRY_MALFORMED, registry.LOW_UPTIME, registry.UNHEALTHY,
    registry.HASH_CONFLICT,
)
STANDINGS = (
    registry.PROBATION, registry.ACTIVE, registry.DEGRADED, registry.QUARANTINED, registry.REVOKED, registry.DRAINING,
    registry.EXITED, registry.EXPELLED,
)
# The hardest first (RG-6).
ORDERS = ((schema.Expel, "expel"), (schema.Quarantine, "quarantine"), (schema.Reinstate, "reinstate"))


# --- Facts (RG-2) ------------------------------------------------------------------------------------


def _require_numbers(facts, count):
    numbers = [fact.node for fact in facts]
    ascending = all(a < b for a, b in zip(numbers, numbers[1:]))
    refuse_if(not ascending or any(number >= count for number in numbers), INVALID_INPUT, "facts")


def _are_bands(text):
    if text == "":
        return True
    try:
        canonical = canonical_json(parse_json(text))
    except NotJson:
        return False
    return canonical == text and len(text.encode()) <= MAX_BANDS


def _require_facts(action, count):
    _require_numbers(action.registry, count)
    for fact in action.registry:
        long = max(len(fact.scheme.encode()), len(fact.reason.encode())) > MAX_TEXT
        refuse_if(long, INVALID_INPUT, "a registry fact")
    _require_numbers(action.telemetry, count)
    for fact in action.telemetry:
        reading = fact.reading
        if reading is not None:
            well = reading.uptime_ratio <= SCALE and reading.health_score <= SCALE
            refuse_if(not well or not _are_bands(reading.latency_bands), INVALID_INPUT, "a reading")


class Facts:
    """What closes an epoch, of each node."""

    def __init__(self, action):
        self.registry = {fact.node: fact for fact in action.registry}
        self.telemetry = {fact.node: fact for fact in action.telemetry}

    def status(self, number, rules):
        """RG-4."""
        fact, seen = self.registry.get(number), self.telemetry.get(number)
        known = fact and registry.RegistryFact(fact.key is not None, fact.scheme, fact.revoked)
        reading = seen and seen.reading
        reading = reading and registry.Reading(reading.uptime_ratio, reading.health_score, reading.conflict_detected)
        return STATUSES.index(registry.verify(known, registry.TelemetryFact(reading), rules))

    def revoked(self, number):
        fact = self.registry.get(number)
        return fact is not None and fact.revoked

    def bucket(self, number):
        return 10 * self.telemetry[number].reading.uptime_ratio // SCALE


# --- The closing -------------------------------------------------------------------------------------


def advance(state, ordered, action):
    ledger, nodes = state.ledger, state.nodes()
    refuse_if(action.closes != ledger.epoch, EPOCH_CHANGED, "another epoch is open")
    refuse_if(ledger.epoch == MAX_EPOCH, LIMIT, "no later epoch")
    _require_facts(action, len(nodes))
    facts, coming = Facts(action), governance.in_force(state, ledger.epoch + 1)
    _, parameters, rules, _, orders, _ = coming
    settlement, accounts = _settle(ledger, nodes, facts)
    for number, (node, account) in enumerate(zip(nodes, accounts)):
        account.standing = _standing(ledger.epoch, number, node, facts, parameters, rules, orders)
        account.eligible = _is_eligible(facts.status(number, rules), account.standing, node, rules)
    event = schema.EpochClosed(epoch=ledger.epoch, **vars(settlement), nodes=accounts, changes=coming[0])
    return event, lambda: _closed(state, ordered, action, event, facts, coming)


def _settle(ledger, nodes, facts):
    """Of the closing epoch, under its own parameters and rules; standings are filled in later."""
    accounts, contributions = [], []
    for number, node in enumerate(nodes):
        status = facts.status(number, ledger.rules)
        bucket = facts.bucket(number) if status == 0 else 0
        contributions.append(money.contribution(node.bytes_stored, bucket, node.proofs, status == 0))
        accounts.append(
            schema.NodeAccount(
                status=status, bytes_stored=node.bytes_stored, uptime_bucket=bucket, proofs=node.proofs, reward=0,
                standing=node.standing, eligible=False,
            )
        )
    verified = sum(account.status == 0 for account in accounts)
    settlement, rewards = money.settle(ledger.open_fees, contributions, verified, ledger.parameters)
    for account, reward in zip(accounts, rewards):
        account.reward = reward
    return settlement, accounts


def _failures(node):
    return ([node.failed] + node.failures)[:REMEMBERED]


def _standing(epoch, number, node, facts, parameters, rules, orders):
    """RG-6, under the rules of the next epoch."""
    given = orders.get(number, ())
    seen = registry.Observation(
        verified=facts.status(number, rules) == 0,
        revoked=facts.revoked(number),
        failures=sum(_failures(node)[: rules.epochs]),
        epochs=epoch + 1 - node.since,
        holds_copies=node.bytes_stored > 0,
        order=next((name for kind, name in ORDERS if kind in given), None),
        quarantine_failures=rules.failures,
        probation_epochs=parameters.probation_epochs,
    )
    return STANDINGS.index(registry.next_standing(STANDINGS[node.standing], seen))


def _is_eligible(status, standing, node, rules):
    """RG-7."""
    return registry.is_eligible(STATUSES[status], STANDINGS[standing], node.domain.region, rules)


def eligible_list(nodes, is_eligible):
    """Numbers, in the order of the bytes of the nodes' ids."""
    listed = [number for number in range(len(nodes)) if is_eligible(number)]
    return sorted(listed, key=lambda number: nodes[number].node_id.encode())


def _closed(state, ordered, action, event, facts, coming):
    _, parameters, rules, code_version, _, credits = coming
    ledger, nodes = state.touch(b"L"), state.nodes()
    for number, (node, account) in enumerate(zip(nodes, event.nodes)):
        _end_of_epoch(node, number, account, facts, rules, ledger.epoch + 1)
        state.touch(node_key(number))
    ledger.parameters, ledger.rules, ledger.code_version = parameters, rules, code_version
    ledger.scheduled = [one for one in ledger.scheduled if one.effective != ledger.epoch + 1]
    for change in credits:
        ledger.pending_credits -= change.amount
        governance.give(state, change.account, change.amount)
    _totals(ledger, action, event)
    state.touch(epoch_key(event.epoch)).closed = event
    eligible = eligible_list(nodes, lambda number: event.nodes[number].eligible)
    opened = schema.EpochRecord(
        eligible=eligible, failure_domain=rules.failure_domain, opened_at=ordered.seq, closed=None
    )
    state.put(epoch_key(event.epoch + 1), opened)
    for key in state.answered:
        state.drop(key)
    state.answered.clear()


def _end_of_epoch(node, number, account, facts, rules, epoch):
    node.status = facts.status(number, rules)
    node.uptime_bucket = account.uptime_bucket
    node.nod += account.reward
    node.failures = _failures(node)
    node.failed = node.proofs = 0
    node.registry, node.telemetry = facts.registry.get(number), facts.telemetry.get(number)
    if STANDINGS[node.standing] == registry.QUARANTINED and STANDINGS[account.standing] == registry.PROBATION:
        node.failures = []
    if node.standing != account.standing:
        node.standing, node.since = account.standing, epoch


def _totals(ledger, action, event):
    ledger.open_fees = 0
    ledger.treasury += event.treasury
    ledger.reserve += event.reserve
    ledger.burnt += event.rewards
    ledger.credited_by_operator = 0
    ledger.audit = None
    ledger.registry_hash, ledger.telemetry_hash = action.registry_hash, action.telemetry_hash
    ledger.epoch = event.epoch + 1
    ledger.open = [one for one in ledger.open if one.closes >= ledger.epoch]
