"""What the command line does: reads files, places shards, gives commands to the ledger, prints rows.

`Client.apply` takes one command of a history (`histories`) and returns the rows that `qfs --json` prints for it. `ANY`
stands for what only the binary can know: hashes of entries, keys, sentences.
"""

import hashlib
from collections import Counter

import qfs_reference as qfs

from . import closing, governance, metadata, money, objects, parameters, placement, registry
from .codes import INVALID_INPUT, INVALID_VERSION, NOT_FOUND, Refused, refuse_if
from .ledger import ACCEPTED, OPERATOR, Accepted, Ledger, Node


class _Any:
    """Equal to everything."""

    def __eq__(self, other):
        return True

    def __repr__(self):
        return "ANY"


ANY = _Any()
MAX_ANSWERS = 256
ORPHAN_EPOCHS = 2
amount = qfs.format_amount


def content_of(size, seed):
    """The bytes of a put: of a given size, random by a seed."""
    return hashlib.shake_128(str(seed).encode()).digest(size)


def failure(code):
    return {"ok": False, "error_code": code, "error_detail": ANY}


class Client:
    """A data directory: a ledger, and the shards that are at its nodes."""

    def __init__(self, init):
        values = parameters.Parameters(profile=qfs.Profile(*init.get("profile", (4, 0, 3))))
        rules = parameters.Rules()
        for name, text in init.get("set", {}).items():
            if name in parameters.RULE_NAMES:
                rules = parameters.with_value(rules, name, rule_value(name, text))
            else:
                values = parameters.with_value(values, name, parameters.read_parameter(name, text))
        nodes = [
            Node(number, node["id"], "ML-DSA-44", node["region"], node["operator"], node["asn"])
            for number, node in enumerate(init["nodes"])
        ]
        self.ledger = Ledger(values, rules, nodes)
        self.disk = set()
        self.notes = {}
        self.samples = []
        self.refusals = Counter()
        self.counts = Counter()

    # --- One command -----------------------------------------------------------------------------------

    def apply(self, command, observed=None):
        """The rows of a command. `observed` are the rows that the binary printed, which an audit's sample is read from."""
        try:
            rows = getattr(self, "_" + command["do"].replace("-", "_"))(command, observed)
        except Refused as refusal:
            rows = [failure(refusal.code)]
        self.counts[command["do"]] += 1
        for row in rows:
            if row.get("ok") is False:
                self.refusals[row["error_code"]] += 1
        return rows

    def _submit(self, event_type, apply, nodes=(), **row):
        """An entry; its refusal is raised, as the command line reports it."""
        entry = self.ledger.submit(event_type, apply, nodes, **row)
        if entry.outcome != ACCEPTED:
            raise entry.result
        return entry

    # --- Objects ---------------------------------------------------------------------------------------

    def _put(self, command, _):
        ledger = self.ledger
        value, canonical = metadata.read(command["metadata"], ledger.parameters.metadata_limit)
        refuse_if(command.get("missing"), NOT_FOUND, "no such file")
        object_id, version = command["object"], command.get("version")
        metadata.require_object_id(object_id)
        refuse_if(version == 0, INVALID_VERSION, "versions begin with 1")
        if version is None:
            record = ledger.objects.get(object_id)
            version = record.latest + 1 if record else 1
            refuse_if(version > qfs.MAX_VERSION, INVALID_VERSION, "the last version there can be")
        stored = self._staged(object_id, version, value, canonical, content_of(command["size"], command["seed"]))
        entry = self._submit(
            "STORE", lambda: objects.store(ledger, stored, len(value)),
            object_id=object_id, version=version, hash_commit=stored.hash_commit,
        )
        return [self._put_row(stored, entry)]

    def _staged(self, object_id, version, value, canonical, content):
        """The shards of a version at their nodes, before the ledger is asked."""
        ledger, profile = self.ledger, self.ledger.parameters.profile
        assignment = placement.place(
            object_id, version, profile, ledger.ring_of(value), ledger.open_domain_of
        )
        lengths, tokens = columns_of(content, profile, ledger.parameters.block_size)
        stored = objects.Stored(
            object_id, version, value, qfs.hash_commit(content, canonical).hex(), len(content), profile,
            ledger.parameters.block_size, lengths, tokens, assignment,
        )
        self._write(stored, stored.copies())
        self._note(stored)
        return stored

    def _put_row(self, stored, entry):
        replicas = stored.profile.replicas
        names = [self._name(number) for number in stored.assignment]
        shards = [stored.shard(column) for column in range(stored.profile.columns)]
        return {
            "object_id": stored.object_id,
            "version": stored.version,
            "hash_commit": stored.hash_commit,
            "size": stored.size,
            "shard_ids": shards,
            "replica_sets": {
                shard: names[c * replicas : (c + 1) * replicas] for c, shard in enumerate(shards)
            },
            "atr_cost": amount(stored.fee),
            "seq": entry.seq,
            "entry_hash": ANY,
        }

    def _rm(self, command, _):
        object_id = command["object"]
        metadata.require_object_id(object_id)
        record = self.ledger.objects.get(object_id)
        version = record.latest + 1 if record else 1
        refuse_if(version > qfs.MAX_VERSION, INVALID_VERSION, "the last version there can be")
        return self._plain("DELETE_MARKER", objects.delete, object_id, version)

    def _purge(self, command, _):
        object_id, version = command["object"], command["version"]
        metadata.require_object_id(object_id)
        found = self.ledger.versions.get((object_id, version))
        if found and found.stored:
            self._note(found.stored)
        refuse_if(version == 0, INVALID_VERSION, "versions begin with 1")
        return self._plain("PURGE", objects.purge, object_id, version)

    def _plain(self, event_type, apply, object_id, version):
        entry = self._submit(
            event_type, lambda: apply(self.ledger, object_id, version), object_id=object_id, version=version
        )
        return [{"object_id": object_id, "version": version, "seq": entry.seq, "entry_hash": ANY}]

    def _ls(self, command, _):
        ledger, rows = self.ledger, []
        for object_id, number in sorted(ledger.versions, key=lambda key: (key[0].encode(), key[1])):
            version, stored = ledger.versions[object_id, number], ledger.versions[object_id, number].stored
            current = number == ledger.objects[object_id].current
            if command.get("versions") or (current and stored):
                rows.append(self._ls_row(object_id, number, version, stored))
        return rows

    @staticmethod
    def _ls_row(object_id, number, version, stored):
        row = {
            "object_id": object_id,
            "version": number,
            "hash_commit": stored.hash_commit if stored else None,
            "size": stored.size if stored else 0,
            "created_at_tick": version.tick,
            "metadata": stored.metadata if stored else {},
        }
        return row if stored else row | {"deleted": True}

    # --- Shards at nodes -------------------------------------------------------------------------------

    def _write(self, stored, copies):
        for _, column, node in copies:
            if stored.lengths[column]:
                self.disk.add((node, stored.shard(column), stored.tokens[column]))

    def _note(self, stored):
        """JO-7: what may be unnamed one day is written down in its epoch."""
        self.notes.setdefault(self.ledger.epoch, []).append(
            (stored.object_id, stored.version, stored.profile, list(stored.tokens), list(stored.assignment))
        )

    def _collect(self):
        """JO-7: the copies that no entry names two epochs later; how many there were."""
        removed = 0
        for epoch in [epoch for epoch in self.notes if epoch <= self.ledger.epoch - ORPHAN_EPOCHS]:
            for object_id, version, profile, tokens, nodes in self.notes.pop(epoch):
                found = self.ledger.versions.get((object_id, version))
                named = self._named(found.stored) if found and found.stored else set()
                for index, node in enumerate(nodes):
                    column = index // profile.replicas
                    shard = qfs.shard_id(object_id, version, column).hex()
                    copy = (node, shard, tokens[column])
                    if copy not in named and copy in self.disk:
                        self.disk.remove(copy)
                        removed += 1
        return removed

    @staticmethod
    def _named(stored):
        return {(node, stored.shard(column), stored.tokens[column]) for _, column, node in stored.copies()}

    def _damage(self, command, _):
        """A shard is lost at its node: the driver removes the file."""
        number = self.ledger.numbers[command["node"]]
        self.disk = {copy for copy in self.disk if copy[:2] != (number, command["shard"])}
        return []

    def _restart(self, _, __):
        return []

    def _is_readable(self, stored, column):
        """Whether some copy of a column is left, or can be rebuilt (LA-15)."""
        def at_some_node(c):
            nodes = stored.assignment[c * stored.profile.replicas : (c + 1) * stored.profile.replicas]
            return any((node, stored.shard(c), stored.tokens[c]) in self.disk for node in nodes)

        if at_some_node(column):
            return True
        held = sum(at_some_node(c) or stored.lengths[c] == 0 for c in range(stored.profile.columns))
        return stored.profile.parity > 0 and held >= stored.profile.data

    # --- Audits ----------------------------------------------------------------------------------------

    def _audit(self, command, observed):
        ledger = self.ledger
        sample = None if command.get("all") else command.get("sample") or ledger.parameters.audit_sample
        refuse_if(command.get("sample") == 0, INVALID_INPUT, "a sample of 0")
        opened = self._submit("AUDIT_OPEN", lambda: objects.open_audit(ledger, sample))
        chosen = self._chosen(opened.seq, observed)
        rows = []
        for node, asked in chosen.items():
            for first in range(0, len(asked), MAX_ANSWERS):
                rows += self._answer(node, asked[first : first + MAX_ANSWERS])
        return rows

    def _chosen(self, seq, observed):
        """The challenges of an audit by node. Those of a sample follow from the hash of its entry (PL-6): what was
        observed is taken, and compared at the end, when the log shows the hash."""
        asked = objects.challenges(self.ledger)
        if self.ledger.audit.sample is None:
            return asked
        by_shard = {(node, s.shard(c)): (s, c) for node, shards in asked.items() for s, c in shards}
        if observed is None:
            observed = self._guess(asked, seq)
        self.samples.append((seq, {n: [s.shard(c) for s, c in asked[n]] for n in asked}, self._limits(asked), observed))
        chosen = {}
        for row in observed:
            node = self.ledger.numbers.get(row.get("node_id"))
            found = by_shard.get((node, row.get("shard_id")))
            if found:
                chosen.setdefault(node, []).append(found)
        return dict(sorted(chosen.items()))

    def _limits(self, asked):
        return {node: objects.sample_of(self.ledger, node) for node in asked}

    def _guess(self, asked, seq):
        beacon = qfs.sha3(b"beacon %d" % seq)
        shards = {node: [stored.shard(column) for stored, column in asked[node]] for node in asked}
        return self.sampled(beacon, shards, self._limits(asked))

    def sampled(self, beacon, shards, limits):
        """PL-6: the rows of a sampled audit, less their verdicts."""
        rows = []
        for node in sorted(shards):
            name = self._name(node)
            by_ticket = sorted(shards[node], key=lambda shard: objects.ticket(beacon, shard, name))
            rows += [{"node_id": name, "shard_id": shard} for shard in by_ticket[: limits[node]]]
        return rows

    def _answer(self, node, asked):
        answers = [
            (stored.shard(column), (node, stored.shard(column), stored.tokens[column]) in self.disk)
            for stored, column in asked
        ]
        self._submit("AUDIT_RESULT", lambda: objects.record_audit(self.ledger, node, answers), nodes=(node,))
        self.counts["failed proofs"] += sum(not proved for _, proved in answers)
        name = self._name(node)
        return [{"node_id": name, "shard_id": shard, "verified": proved} for shard, proved in answers]

    # --- Nodes -----------------------------------------------------------------------------------------

    def _name(self, number):
        return self.ledger.nodes[number].node_id

    def _number(self, name):
        number = self.ledger.numbers.get(name)
        refuse_if(number is None, NOT_FOUND, f"no node {name}")
        return number

    def _register(self, command, _):
        name, scheme = command["id"], command.get("scheme", "ML-DSA-44")
        metadata.require_node_id(name)
        metadata.require_label(command["region"])
        metadata.require_label(command["operator"])
        if command.get("key") is not None:
            refuse_if(registry.SCHEMES.get(scheme) != len(command["key"]) // 2, INVALID_INPUT, "key or scheme")
        self._submit(
            "NODE_REGISTER",
            lambda: self.ledger.register(
                name, scheme, command["region"], command["operator"], command["asn"], same_key=False
            ),
        )
        return [self._node_row(self.ledger.nodes[-1])]

    def _exit(self, command, _):
        number = self._number(command["id"])
        self._submit("NODE_EXIT", lambda: self.ledger.exit(number))
        return [self._node_row(self.ledger.nodes[number])]

    @staticmethod
    def _node_row(node):
        return {
            "node_id": node.node_id,
            "pqc_public_key": ANY,
            "pqc_scheme": node.scheme,
            "status": node.status or registry.NO_REGISTRY_ENTRY,
            "standing": node.standing,
            "region": node.region,
            "operator": node.operator,
            "asn": node.asn,
            "bytes_stored": node.bytes_stored,
        }

    def _node_list(self, _, __):
        nodes = sorted(self.ledger.nodes, key=lambda node: node.node_id.encode())
        return [self._node_row(node) for node in nodes]

    def _repair(self, command, _):
        """Every copy whose node may not keep it moves to its replacement, in the order of listings."""
        only = self._number(command["node"]) if command.get("node") else None
        rows = []
        for stored in objects.with_content(self.ledger):
            for index, column, source in stored.copies():
                if (only is None or only == source) and not objects.may_keep(self.ledger, source):
                    rows.append(self._move(stored, index, column, source))
        return rows

    def _move(self, stored, index, column, source):
        target = objects.replacement(self.ledger, stored, index)
        if target is None:
            return failure("SE_ERR_NO_ELIGIBLE_NODES")
        if stored.lengths[column] and not self._is_readable(stored, column):
            return failure("SE_ERR_CONTENT_UNAVAILABLE")
        self._note(stored)
        self._write(stored, [(index, column, target)])
        entry = self._submit(
            "REASSIGN", lambda: objects.reassign(self.ledger, stored, index, source, target),
            nodes=(source, target), object_id=stored.object_id, version=stored.version,
        )
        self.counts["copies moved"] += 1
        return {
            "object_id": stored.object_id, "version": stored.version, "shard_id": stored.shard(column),
            "from": self._name(source), "to": self._name(target), "seq": entry.seq, "entry_hash": ANY,
        }

    # --- Epochs ----------------------------------------------------------------------------------------

    def _advance(self, command, _):
        ledger = self.ledger
        known = ledger.numbers.__contains__
        facts = command.get("registry") and registry.read_registry(command["registry"], known)
        readings = command.get("telemetry") and registry.read_telemetry(command["telemetry"], known)
        entry = self._submit("EPOCH_ADVANCE", lambda: self._close(facts, readings))
        activated = self._activate_all()
        closed = entry.result
        self.counts["epochs closed"] += 1
        self.counts["in force"] += len(closed.changes)
        row = {
            "closed_epoch": closed.epoch,
            "epoch": ledger.epoch,
            "settlement": settlement_row(closed.settlement),
            "eligible": [self._name(number) for number in ledger.ring],
            "nodes": [{"node_id": one.node_id, "status": one.status} for one in closed.accounts],
            "changes": closed.changes,
            "activated": activated,
            "collected_shards": self._collect(),
            "seq": entry.seq,
            "entry_hash": ANY,
        }
        return [row]

    def _close(self, facts, readings):
        return Accepted(result=closing.close(self.ledger, facts, readings))

    def _activate_all(self):
        """GV-8: the operator's activations of all that can be activated in the new epoch."""
        done = []
        for number in list(self.ledger.proposals):
            try:
                governance.require_activation(self.ledger, number, (OPERATOR,))
            except Refused:
                continue
            self._activation(number, (OPERATOR,))
            done.append(number)
        return done

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
        nodes = [{"node_id": one.node_id, "status": one.status} for one in record.closed.accounts]
        return [row | {"settlement": settlement_row(record.closed.settlement), "nodes": nodes}]

    def _rewards(self, command, _):
        record = self.ledger.epochs.get(command["epoch"])
        refuse_if(record is None or record.closed is None, NOT_FOUND, "not closed")
        return [
            {
                "node_id": one.node_id,
                "nod_reward": amount(one.reward),
                "bytes_stored": one.bytes_stored,
                "uptime_bucket": one.uptime_bucket,
                "successful_proofs": one.proofs,
            }
            for one in sorted(record.closed.accounts, key=lambda one: one.node_id.encode())
        ]

    # --- Money -----------------------------------------------------------------------------------------

    def _credit(self, command, _):
        value = parameters.read_amount(command["amount"])
        refuse_if(value == 0, INVALID_INPUT, "a credit of 0")
        entry = self._submit("CREDIT", lambda: self.ledger.credit(command["account"], value))
        return [self._account_row(command["account"]) | {"settled": amount(entry.result), "seq": entry.seq, "entry_hash": ANY}]

    def _account(self, command, _):
        return [self._account_row(command["account"])]

    def _account_row(self, name):
        account = self.ledger.accounts.get(name) or money.Account()
        return {
            "account": ANY,
            "balance": amount(account.balance),
            "debt": amount(account.debt),
            "fees": amount(account.fees),
            "credits": amount(account.credits),
        }

    def _score(self, command, _):
        object_id, version, value = command["object"], command["version"], command["score"]
        metadata.require_object_id(object_id)
        refuse_if(version == 0, INVALID_VERSION, "versions begin with 1")
        refuse_if(value > 1_000_000, "SE_ERR_LIMIT", "score")
        entry = self._submit(
            "SCORE", lambda: objects.score(self.ledger, object_id, version, value),
            object_id=object_id, version=version,
        )
        return [{"object_id": object_id, "version": version, "score": value, "seq": entry.seq, "entry_hash": ANY}]

    def _bundle(self, _, __):
        ledger = self.ledger
        accounts, nodes = ledger.accounts.values(), ledger.nodes
        total = lambda name: amount(sum(getattr(account, name) for account in accounts))
        kind, electors = governance.electorate(ledger)
        weights = {self._name(speaker[1]): amount(w) for speaker, w in electors.items()} if kind == "nodes" else {}
        empty = {"supply": amount(0), "balances": {}}
        return [{
            "schema_version": "v1.0",
            "ledger_id": ANY,
            "epoch": ledger.epoch,
            "entries": ledger.next_seq,
            "chr": empty,
            "flx": empty,
            "psi_sync": empty,
            "atr": {
                "credited": total("credits"), "balances": total("balance"), "debts": total("debt"),
                "fees": total("fees"), "open_fees": amount(ledger.open_fees),
                "treasury": amount(ledger.treasury), "burnt": amount(ledger.burnt),
            },
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

    # --- Governance ------------------------------------------------------------------------------------

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

    def _change(self, command):
        kind, words = command["change"], command["words"]
        if kind == "parameter":
            return governance.Change(kind, words[0], parameters.read_parameter(*words))
        if kind == "rule":
            return governance.Change(kind, words[0], rule_value(*words))
        if kind == "code-version":
            return governance.Change(kind, None, int(words[0]))
        if kind == "credit":
            return governance.Change(kind, words[0], parameters.read_amount(words[1]))
        return governance.Change(kind, self._number(words[0]))

    def _propose(self, command, _):
        change = self._change(command)
        governance.admit(change)
        speaker, emergency = self.speaker(command["speaker"]), command["emergency"]
        entry = self._submit(
            "PROPOSE",
            lambda: self._accepted(
                governance.propose(self.ledger, self.ledger.next_seq, speaker, change, emergency)
            ),
        )
        proposal = entry.result
        return [{
            "proposal": proposal.number, "electorate": proposal.electorate, "weight": amount(proposal.weight),
            "needed": amount(proposal.needed), "opens": proposal.opens, "closes": proposal.closes,
            "seq": entry.seq, "entry_hash": ANY,
        }]

    @staticmethod
    def _accepted(result):
        return Accepted(result=result)

    def _vote(self, command, _):
        rows = []
        for text in command["speakers"]:
            try:
                rows.append(self._ballot(command["proposal"], self.speaker(text), command["approve"]))
            except Refused as refusal:
                rows.append(failure(refusal.code))
        return rows

    def _ballot(self, number, speaker, approve):
        entry = self._submit(
            "VOTE", lambda: self._accepted(governance.vote(self.ledger, number, speaker, approve))
        )
        return {
            "proposal": number, "speaker": self.speaker_name(speaker), "approve": approve,
            "weight": amount(entry.result), "seq": entry.seq, "entry_hash": ANY,
        }

    def _activate(self, command, _):
        entry = self._activation(command["proposal"], self.speaker(command["speaker"]))
        return [{"proposal": command["proposal"], "effective": entry.result, "seq": entry.seq, "entry_hash": ANY}]

    def _activation(self, number, speaker):
        return self._submit(
            "ACTIVATE",
            lambda: self._accepted(governance.activate(self.ledger, self.ledger.next_seq, number, speaker)),
        )

    def _gov_show(self, _, __):
        return [self._proposal_row(proposal) for proposal in self.ledger.proposals.values()]

    def _proposal_row(self, proposal):
        return {
            "proposal": proposal.number,
            "speaker": self.speaker_name(proposal.speaker),
            "emergency": proposal.emergency,
            "epoch": proposal.epoch,
            "seq": proposal.seq,
            "opens": proposal.opens,
            "closes": proposal.closes,
            "electorate": proposal.electorate,
            "weight": amount(proposal.weight),
            "needed": amount(proposal.needed),
            "yes": amount(proposal.yes),
            "no": amount(proposal.no),
            "effective": proposal.activated[0] if proposal.activated else None,
        }

    # --- Bad input -------------------------------------------------------------------------------------

    def _words(self, _, __):
        """Words that are no command at all."""
        raise Refused(INVALID_INPUT, "usage")

    def log_rows(self):
        """`log show`, less signatures and hashes of entries."""
        return [
            {
                "seq": entry.seq, "tick": entry.tick, "epoch": entry.epoch, "event_type": entry.event_type,
                "object_id": entry.object_id, "version": entry.version, "hash_commit": entry.hash_commit,
                "node_set": sorted(entry.nodes, key=str.encode), "outcome": entry.outcome,
                "prev_entry_hash": ANY, "entry_hash": ANY, "pqc_signature": ANY,
            }
            for entry in self.ledger.entries
        ]


def columns_of(content, profile, block_size):
    """The length of each shard, and a token of its bytes: parity follows from all of the content."""
    data = qfs.data_columns(content, profile, block_size)
    parity = qfs.parity_length(len(content), profile, block_size)
    lengths = [len(column) for column in data] + [parity] * profile.parity
    whole = hashlib.sha256(content).digest()
    tokens = [hashlib.sha256(column).digest() for column in data]
    return lengths, tokens + [whole + bytes([column]) for column in range(profile.parity)]


def settlement_row(settlement):
    return {name: amount(getattr(settlement, name)) for name in ("fees", "pool", "rewards", "treasury", "reserve")}


def rule_value(name, text):
    """The value of a rule from the text of the command line."""
    refuse_if(name not in parameters.RULE_NAMES, INVALID_INPUT, f"no rule {name!r}")
    if name in ("min_uptime", "min_health"):
        return parameters.read_amount(text)
    if name == "failure_domain":
        return text
    if name == "quarantine":
        failures, epochs = text.split(",")
        return int(failures), int(epochs)
    return tuple(part for part in text.split(",") if part)
