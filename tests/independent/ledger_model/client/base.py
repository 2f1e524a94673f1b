"""What all commands share: the ledger, the shards at its nodes, names, and entries that may be refused."""

from collections import Counter

import qfs_reference as qfs

from .. import parameters
from ..codes import NOT_FOUND, Refused, refuse_if
from ..ledger import ACCEPTED, Ledger, Node
from .rows import failure
from .settings import read_rule, read_setting
from .shards import Shards


class Base:
    """A data directory."""

    def __init__(self, init):
        values = parameters.Parameters(profile=qfs.Profile(*init.get("profile", (4, 0, 3))))
        rules = parameters.Rules(scorers=("scorer",))
        for name, text in init.get("set", {}).items():
            if name in parameters.RULE_NAMES:
                rules = parameters.with_value(rules, name, read_rule(name, text))
            else:
                values = parameters.with_value(values, name, read_setting(name, text))
        nodes = [
            Node(number, node["id"], "ML-DSA-44", node["region"], node["operator"], node["asn"])
            for number, node in enumerate(init["nodes"])
        ]
        self.ledger = Ledger(values, rules, nodes)
        self.shards = Shards()
        self.samples = []
        self.foreign = set()
        self.refusals, self.counts = Counter(), Counter()

    def apply(self, command, observed=None):
        """The rows of a command. `observed` are those of the binary, from which a sample of an audit is read."""
        try:
            rows = getattr(self, "_" + command["do"].replace("-", "_"))(command, observed)
        except Refused as refusal:
            rows = [failure(refusal.code)]
        self.counts[command["do"]] += 1
        self.refusals.update(row["error_code"] for row in rows if row.get("ok") is False)
        return rows

    def _submit(self, event_type, apply, nodes=(), **row):
        """An entry; its refusal is raised, as the command line reports it."""
        entry = self.ledger.submit(event_type, apply, nodes, **row)
        if entry.outcome != ACCEPTED:
            raise entry.result
        return entry

    def _name(self, number):
        return self.ledger.nodes[number].node_id

    def _number(self, name):
        number = self.ledger.numbers.get(name)
        refuse_if(number is None, NOT_FOUND, f"no node {name}")
        return number
