"""`gov`, `credit`, `account`, `bundle`."""

import qfs_reference as qfs

from .. import governance, money, parameters
from ..codes import INVALID_INPUT, NOT_FOUND, UNAUTHORIZED, Refused, refuse_if
from ..ledger import OPERATOR, Accepted
from ..registry import SPEAKING_SCHEMES
from .nodes import Nodes
from .rows import ANY, amount, failure
from .settings import read_account, read_rule, read_setting, show_rule, show_setting


class Governors(Nodes):
    """Proposals, votes, and money."""

    # --- Speakers ----------------------------------------------------------------------------------------

    def speaker(self, text):
        """`operator`, `council-N` or a node's name."""
        if text == OPERATOR:
            return (OPERATOR,)
        if text.startswith("council-"):
            position = int(text[8:])
            refuse_if(position >= self.ledger.council, NOT_FOUND, "no such council key")
            return ("council", position)
        return ("node", self._number(text))

    def speaker_name(self, speaker):
        if speaker[0] == "council":
            return f"council-{speaker[1]}"
        return OPERATOR if speaker[0] == OPERATOR else self._name(speaker[1])

    def can_sign(self, speaker):
        """Whether the data directory has the speaker's key."""
        if speaker[0] != "node":
            return True
        node = self.ledger.nodes[speaker[1]]
        return node.scheme in SPEAKING_SCHEMES and node.number not in self.foreign

    def _require_key(self, speaker):
        refuse_if(not self.can_sign(speaker), UNAUTHORIZED, "no key here")

    @staticmethod
    def _nodes(*speakers):
        return tuple(speaker[1] for speaker in speakers if speaker[0] == "node")

    # --- Proposals ---------------------------------------------------------------------------------------

    def _change(self, command):
        kind, words = command["change"], command["words"]
        if kind == "parameter":
            return governance.Change(kind, words[0], read_setting(*words))
        if kind == "rule":
            return governance.Change(kind, words[0], read_rule(*words))
        if kind == "code-version":
            return governance.Change(kind, None, int(words[0]))
        if kind == "credit":
            return governance.Change(kind, read_account(words[0]), parameters.read_amount(words[1]))
        return governance.Change(kind, self._number(words[0]))

    def _propose(self, command, _):
        speaker, change = self.speaker(command["speaker"]), self._change(command)
        self._require_key(speaker)
        governance.admit(change)
        ledger, emergency = self.ledger, command["emergency"]
        about = (change.subject,) if change.kind in governance.OF_NODES else ()
        entry = self._submit(
            "PROPOSE",
            lambda: Accepted(governance.propose(ledger, ledger.next_seq, speaker, change, emergency)),
            nodes=about,
        )
        proposal = entry.result
        return [{
            "proposal": proposal.number,
            "kind": change.kind.replace("-", "_"),
            "change": self._change_row(change),
            "emergency": emergency,
            "speaker": command["speaker"],
            "electorate": proposal.electorate,
            "weight": amount(proposal.weight),
            "needed": amount(proposal.needed),
            "opens": proposal.opens,
            "closes": proposal.closes,
            "seq": entry.seq,
            "entry_hash": ANY,
        }]

    def _change_row(self, change):
        row = {"kind": change.kind.replace("-", "_")}
        if change.kind == "parameter":
            return row | {"name": change.subject, "value": show_setting(change.subject, change.value)}
        if change.kind == "rule":
            return row | {"name": change.subject, "value": show_rule(change.subject, change.value, lambda _: ANY)}
        if change.kind == "code-version":
            return row | {"version": change.value}
        if change.kind == "credit":
            return row | {"account": ANY, "amount": amount(change.value)}
        return row | {"node_id": self._name(change.subject)}

    # --- Votes and activations ---------------------------------------------------------------------------

    def _vote(self, command, _):
        speakers = [self.speaker(text) for text in command["speakers"]] or self._present(command["proposal"])
        for speaker in speakers:
            self._require_key(speaker)
        rows = []
        for speaker in speakers:
            try:
                rows.append(self._ballot(command["proposal"], speaker, command["approve"]))
            except Refused as refusal:
                rows.append(failure(refusal.code))
        return rows

    def _present(self, number):
        """Every elector whose key is here."""
        proposal = self.ledger.proposals.get(number)
        refuse_if(proposal is None, NOT_FOUND, "no such proposal")
        present = [speaker for speaker in proposal.electors if self.can_sign(speaker)]
        refuse_if(not present, UNAUTHORIZED, "no key of an elector")
        return present

    def _ballot(self, number, speaker, approve):
        ledger = self.ledger
        entry = self._submit(
            "VOTE",
            lambda: Accepted(governance.vote(ledger, ledger.next_seq, number, speaker, approve)),
            nodes=self._nodes(speaker),
        )
        return {
            "proposal": number, "speaker": self.speaker_name(speaker), "approve": approve,
            "weight": amount(entry.result), "seq": entry.seq, "entry_hash": ANY,
        }

    def _activate(self, command, _):
        speaker = self.speaker(command["speaker"])
        self._require_key(speaker)
        entry = self._activation(command["proposal"], speaker)
        row = {"proposal": command["proposal"], "effective": entry.result, "speaker": command["speaker"]}
        return [row | {"seq": entry.seq, "entry_hash": ANY}]

    def _activation(self, number, speaker):
        ledger = self.ledger
        return self._submit(
            "ACTIVATE",
            lambda: Accepted(governance.activate(ledger, ledger.next_seq, number, speaker)),
            nodes=self._nodes(speaker),
        )

    # --- Everything in force -----------------------------------------------------------------------------

    def _gov_show(self, command, _):
        if command.get("proposal") is not None:
            refuse_if(command["proposal"] not in self.ledger.proposals, NOT_FOUND, "no such proposal")
            return [self._proposal_row(self.ledger.proposals[command["proposal"]])]
        ledger, v13 = self.ledger, (parameters.Parameters(), parameters.Rules())
        rows = [self._parameter_row(name, getattr(v13[0], name)) for name in parameters.NAMES]
        rows += [self._rule_row(name, getattr(v13[1], name)) for name in parameters.RULE_NAMES]
        rows.append({"kind": "code_version", "value": ledger.code_version, "engine": ANY})
        return rows + [self._proposal_row(proposal) for proposal in ledger.proposals.values()]

    def _parameter_row(self, name, default):
        value = getattr(self.ledger.parameters, name)
        return {
            "kind": "parameter", "name": name, "value": show_setting(name, value),
            "default": show_setting(name, default), "bounds": ANY, "immutable": name in parameters.IMMUTABLE,
            "meaning": ANY,
        }

    def _rule_row(self, name, default):
        value = getattr(self.ledger.rules, name)
        return {
            "kind": "rule", "name": name, "value": show_rule(name, value, lambda _: ANY),
            "default": show_rule(name, default, lambda _: ANY), "bounds": ANY, "immutable": False, "meaning": ANY,
        }

    def _proposal_row(self, proposal):
        votes = [
            {
                "speaker": self.speaker_name(speaker), "approve": proposal.ballots[speaker][0],
                "weight": amount(proposal.electors[speaker]), "seq": proposal.ballots[speaker][1],
            }
            for speaker in proposal.electors
            if speaker in proposal.ballots
        ]
        return {
            "kind": "proposal",
            "number": proposal.number,
            "change": self._change_row(proposal.change),
            "status": self._status(proposal),
            "emergency": proposal.emergency,
            "speaker": self.speaker_name(proposal.speaker),
            "electorate": proposal.electorate,
            "yes": amount(proposal.yes),
            "no": amount(proposal.no),
            "needed": amount(proposal.needed),
            "weight": amount(proposal.weight),
            "opens": proposal.opens,
            "closes": proposal.closes,
            "effective": proposal.activated[0] if proposal.activated else None,
            "seq": proposal.seq,
            "votes": votes,
        }

    def _status(self, proposal):
        if proposal.activated:
            return "in_force" if proposal.activated[0] <= self.ledger.epoch else "scheduled"
        if governance.is_superseded(self.ledger, proposal):
            return "superseded"
        if governance.can_be_activated(self.ledger, proposal):
            return "accepted"
        if self.ledger.epoch <= proposal.closes:
            return "open"
        return "lapsed" if proposal.yes >= proposal.needed else "rejected"

    # --- Money -------------------------------------------------------------------------------------------

    def _credit(self, command, _):
        name, value = read_account(command["account"]), parameters.read_amount(command["amount"])
        refuse_if(value == 0, INVALID_INPUT, "a credit of 0")
        entry = self._submit("CREDIT", lambda: self.ledger.credit(name, value))
        account = self.ledger.accounts[name]
        return [{
            "account": ANY,
            "amount": amount(value),
            "settled": amount(entry.result),
            "balance": amount(account.balance),
            "debt": amount(account.debt),
            "seq": entry.seq,
            "entry_hash": ANY,
        }]

    def _account(self, command, _):
        account = self.ledger.accounts.get(read_account(command["account"])) or money.Account()
        sums = {name: amount(getattr(account, name)) for name in ("balance", "debt", "fees", "credits")}
        return [{"account": ANY} | sums]

    def _bundle(self, _, __):
        ledger, nodes = self.ledger, self.ledger.nodes
        kind, electors = governance.electorate(ledger)
        weights = {self._name(speaker[1]): amount(w) for speaker, w in electors.items()} if kind == "nodes" else {}
        foreign = {"supply": amount(0), "balances": {}}
        return [{
            "schema_version": "v1.0",
            "ledger_id": ANY,
            "epoch": ledger.epoch,
            "entries": ledger.next_seq,
            "chr": foreign,
            "flx": foreign,
            "psi_sync": foreign,
            "atr": self._atr(),
            "res": {"reserve": amount(ledger.reserve)},
            "nod": {
                "supply": amount(ledger.burnt),
                "balances": {node.node_id: amount(node.nod) for node in nodes},
                "voting_weights": weights,
            },
            "storage_bytes_stored": {node.node_id: amount(node.bytes_stored * qfs.SCALE) for node in nodes},
            "storage_uptime_bucket": {node.node_id: node.uptime_bucket for node in nodes},
            "storage_proofs_verified": {node.node_id: node.proofs for node in nodes},
            "bundle_hash": ANY,
            "checkpoint": ANY,
        }]

    def _atr(self):
        ledger, accounts = self.ledger, self.ledger.accounts.values()
        return {
            "credited": amount(sum(account.credits for account in accounts)),
            "balances": amount(sum(account.balance for account in accounts)),
            "debts": amount(sum(account.debt for account in accounts)),
            "fees": amount(sum(account.fees for account in accounts)),
            "open_fees": amount(ledger.open_fees),
            "treasury": amount(ledger.treasury),
            "burnt": amount(ledger.burnt),
        }
