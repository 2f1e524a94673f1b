"""`node`, `epoch`, `rewards`."""

from .. import closing, governance, metadata, registry
from ..codes import INVALID_INPUT, NOT_FOUND, Refused, refuse_if
from ..ledger import OPERATOR, Accepted
from .objects import Objects
from .rows import ANY, amount, settlement_row


class Nodes(Objects):
    """Nodes and epochs."""

    def _register(self, command, _):
        name, scheme = command["id"], command.get("scheme", "ML-DSA-44")
        metadata.require_node_id(name)
        has_key = command.get("key") is not None
        refuse_if(not has_key and scheme not in registry.SPEAKING_SCHEMES, INVALID_INPUT, "no key can be made")
        metadata.require_label(command["region"])
        metadata.require_label(command["operator"])
        wrong = has_key and registry.SCHEMES.get(scheme) != len(command["key"]) // 2
        refuse_if(wrong, INVALID_INPUT, "scheme, or a key of another length")
        place = (command["region"], command["operator"], command["asn"])
        self._submit("NODE_REGISTER", lambda: self.ledger.register(name, scheme, *place, same_key=False))
        if has_key:
            self.foreign.add(self.ledger.nodes[-1].number)
        return [self._node_row(self.ledger.nodes[-1])]

    def _exit(self, command, _):
        number = self._number(command["id"])
        entry = self._submit("NODE_EXIT", lambda: self.ledger.exit(number), nodes=(number,))
        return [self._node_row(self.ledger.nodes[number]) | {"seq": entry.seq, "entry_hash": ANY}]

    def _node_list(self, _, __):
        nodes = sorted(self.ledger.nodes, key=lambda node: node.node_id.encode())
        return [self._node_row(node) for node in nodes]

    def _node_row(self, node):
        return {
            "node_id": node.node_id,
            "pqc_public_key": ANY,
            "pqc_scheme": node.scheme,
            "status": node.status or registry.NO_REGISTRY_ENTRY,
            "standing": node.standing,
            "eligible": node.number in self.ledger.ring,
            "reason": ANY,
            "region": node.region,
            "operator": node.operator,
            "asn": node.asn,
            "bytes_stored": node.bytes_stored,
            "nod": amount(node.nod),
        }

    # --- Epochs ------------------------------------------------------------------------------------------

    def _advance(self, command, _):
        ledger, known = self.ledger, self.ledger.numbers.__contains__
        facts = readings = None
        if command["registry"] is not None:
            facts = registry.read_registry(command["registry"], known)
        if command["telemetry"] is not None:
            readings = registry.read_telemetry(command["telemetry"], known)
        entry = self._submit("EPOCH_ADVANCE", lambda: Accepted(closing.close(ledger, facts, readings)))
        closed, collected = entry.result, self.shards.collect(ledger)
        activated = self._activate_due()
        self.counts["epochs closed"] += 1
        self.counts["in force"] += len(closed.changes)
        return [{
            "closed_epoch": closed.epoch,
            "epoch": ledger.epoch,
            "settlement": settlement_row(closed.settlement),
            "eligible": [self._name(number) for number in ledger.ring],
            "nodes": self._statuses(closed),
            "collected_shards": collected,
            "copies_to_repair": self._waiting(),
            "activated": activated,
            "in_force": closed.changes,
            "seq": entry.seq,
            "entry_hash": ANY,
        }]

    def _activate_due(self):
        """GV-8: the operator's activations of all that can be activated in the new epoch."""
        activated = []
        for proposal in self.ledger.proposals.values():
            if governance.can_be_activated(self.ledger, proposal):
                try:
                    self._activation(proposal.number, (OPERATOR,))
                    activated.append(proposal.number)
                except Refused:
                    continue
        return activated

    def _waiting(self):
        """Copies that no repair would leave where they are; none while such nodes hold no bytes."""
        nodes = {node.number for node in self.ledger.nodes if self.waits(node.number)}
        if not any(self.ledger.nodes[number].bytes_stored for number in nodes):
            return 0
        versions = (version.stored for version in self.ledger.versions.values() if version.stored)
        return sum(node in nodes for stored in versions for node in stored.assignment)

    @staticmethod
    def _statuses(closed):
        return [{"node_id": one.node_id, "status": one.status} for one in closed.accounts]

    def _epoch_show(self, command, _):
        ledger = self.ledger
        epoch = command.get("epoch") or ledger.epoch
        record = ledger.epochs.get(epoch)
        refuse_if(record is None, NOT_FOUND, f"no epoch {epoch}")
        row = {
            "epoch": epoch,
            "open": record.closed is None,
            "opened_at": record.opened_at,
            "eligible": [self._name(number) for number in record.eligible],
        }
        if record.closed is None:
            return [row | {"fees": amount(ledger.open_fees)}]
        settled = {"settlement": settlement_row(record.closed.settlement)}
        return [row | settled | {"nodes": self._statuses(record.closed)}]

    def _rewards(self, command, _):
        record = self.ledger.epochs.get(command["epoch"])
        refuse_if(record is None or record.closed is None, NOT_FOUND, "not closed")
        accounts = sorted(record.closed.accounts, key=lambda one: one.node_id.encode())
        return [
            {
                "node_id": one.node_id,
                "nod_reward": amount(one.reward),
                "bytes_stored": one.bytes_stored,
                "uptime_bucket": one.uptime_bucket,
                "successful_proofs": one.proofs,
            }
            for one in accounts
        ]
