"""`put`, `rm`, `purge`, `ls`, `score`, `audit run`, `repair`."""

import qfs_reference as qfs

from .. import metadata, objects, placement, registry
from ..codes import (
    CONTENT_UNAVAILABLE,
    INVALID_INPUT,
    INVALID_VERSION,
    LIMIT,
    NO_ELIGIBLE_NODES,
    NOT_FOUND,
    Refused,
    refuse_if,
)
from .base import Base
from .rows import ANY, amount, content_of, failure
from .shards import columns_of, named

MAX_ANSWERS = 256
MOVES_PER_GROUP = 128
SCORER = "scorer"


class Objects(Base):
    """Objects and what holds them."""

    # --- Versions ----------------------------------------------------------------------------------------

    def _put(self, command, _):
        ledger, object_id = self.ledger, command["object"]
        value, canonical = metadata.read(command["metadata"], ledger.parameters.metadata_limit)
        refuse_if(command.get("missing"), NOT_FOUND, "no such file")
        metadata.require_object_id(object_id)
        version = command.get("version")
        refuse_if(version == 0, INVALID_VERSION, "versions begin with 1")
        version = version or self._next_version(object_id)
        content = content_of(command["size"], command["seed"])
        stored = self._staged(object_id, version, value, canonical, content)
        entry = self._submit(
            "STORE", lambda: objects.store(ledger, stored, len(value)),
            object_id=object_id, version=version, hash_commit=stored.hash_commit,
        )
        self.counts["fenced objects"] += placement.regions_of(value) is not None
        return [self._put_row(stored, entry)]

    def _next_version(self, object_id):
        record = self.ledger.objects.get(object_id)
        version = record.latest + 1 if record else 1
        refuse_if(version > qfs.MAX_VERSION, INVALID_VERSION, "the last version there can be")
        return version

    def _staged(self, object_id, version, value, canonical, content):
        """The shards of a version at their nodes, before the ledger is asked."""
        ledger, values = self.ledger, self.ledger.parameters
        ring, domain_of = ledger.ring_of(value), ledger.open_domain_of
        assignment = placement.place(object_id, version, values.profile, ring, domain_of)
        lengths, tokens = columns_of(content, values.profile, values.block_size)
        commit = qfs.hash_commit(content, canonical).hex()
        stored = objects.Stored(
            object_id, version, value, commit, len(content), values.profile, values.block_size, lengths, tokens,
            assignment,
        )
        for index in range(len(assignment)):
            self.shards.write(stored, index)
        self.shards.note(ledger.epoch, stored)
        return stored

    def _put_row(self, stored, entry):
        replicas, names = stored.profile.replicas, [self._name(number) for number in stored.assignment]
        shards = [stored.shard(column) for column in range(stored.profile.columns)]
        return {
            "object_id": stored.object_id,
            "version": stored.version,
            "hash_commit": stored.hash_commit,
            "size": stored.size,
            "shard_ids": shards,
            "replica_sets": {shard: names[c * replicas : (c + 1) * replicas] for c, shard in enumerate(shards)},
            "atr_cost": amount(stored.fee),
            "seq": entry.seq,
            "entry_hash": ANY,
        }

    def _rm(self, command, _):
        metadata.require_object_id(command["object"])
        version = self._next_version(command["object"])
        return self._plain("DELETE_MARKER", objects.delete, command["object"], version)

    def _purge(self, command, _):
        object_id, version = command["object"], command["version"]
        metadata.require_object_id(object_id)
        found = self.ledger.versions.get((object_id, version))
        if found and found.stored:
            self.shards.note(self.ledger.epoch, found.stored)
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
            version = ledger.versions[object_id, number]
            is_current = number == ledger.objects[object_id].current and version.stored
            if command.get("versions") or is_current:
                rows.append(self._ls_row(object_id, number, version))
        return rows

    def _ls_row(self, object_id, number, version):
        stored = version.stored
        row = {
            "object_id": object_id,
            "version": number,
            "hash_commit": stored.hash_commit if stored else None,
            "size": stored.size if stored else 0,
            "created_at_tick": version.tick,
            "metadata": stored.metadata if stored else {},
            "openagi_score": self.ledger.scores.get((object_id, number)),
        }
        return row if stored else row | {"deleted": True}

    def _score(self, command, _):
        object_id, version, value = command["object"], command["version"], command["score"]
        metadata.require_object_id(object_id)
        refuse_if(version == 0, INVALID_VERSION, "versions begin with 1")
        refuse_if(value > 1_000_000, LIMIT, "score")
        entry = self._submit(
            "SCORE", lambda: objects.score(self.ledger, object_id, version, value, SCORER),
            object_id=object_id, version=version,
        )
        row = {"object_id": object_id, "version": version, "score": value, "scorer": ANY}
        return [row | {"seq": entry.seq, "entry_hash": ANY}]

    # --- Audits ------------------------------------------------------------------------------------------

    def _audit(self, command, observed):
        ledger = self.ledger
        refuse_if(command.get("sample") == 0, INVALID_INPUT, "a sample of 0")
        sample = None if command.get("all") else command.get("sample") or ledger.parameters.audit_sample
        opened = self._submit("AUDIT_OPEN", lambda: objects.open_audit(ledger, sample))
        rows = []
        for node, asked in self._chosen(opened.seq, observed).items():
            for first in range(0, len(asked), MAX_ANSWERS):
                rows += self._answer(node, asked[first : first + MAX_ANSWERS])
        return rows

    def _chosen(self, seq, observed):
        """The challenges of an audit by node. Those of a sample follow from the hash of its entry (PL-6): what was
        observed is taken, and compared at the end, when the log shows the hash."""
        asked = objects.challenges(self.ledger)
        if self.ledger.audit.sample is None:
            return asked
        shards = {node: [stored.shard(column) for stored, column in asked[node]] for node in asked}
        limits = {node: objects.sample_of(self.ledger, node) for node in asked}
        if observed is None:
            observed = self.sampled(qfs.sha3(b"beacon %d" % seq), shards, limits)
        self.samples.append((seq, shards, limits, observed))
        by_shard = {(self._name(node), s.shard(c)): (node, (s, c)) for node in asked for s, c in asked[node]}
        chosen = {}
        for row in observed:
            node, challenge = by_shard.get((row.get("node_id"), row.get("shard_id")), (None, None))
            if challenge:
                chosen.setdefault(node, []).append(challenge)
        return dict(sorted(chosen.items()))

    def sampled(self, beacon, shards, limits):
        """PL-6: the rows of a sampled audit, less their verdicts."""
        rows = []
        for node in sorted(shards):
            name = self._name(node)
            by_ticket = sorted(shards[node], key=lambda shard: objects.ticket(beacon, shard, name))
            rows += [{"node_id": name, "shard_id": shard} for shard in by_ticket[: limits[node]]]
        return rows

    def _answer(self, node, asked):
        held = self.shards.held
        answers = [(s.shard(column), (node, s.shard(column), s.tokens[column]) in held) for s, column in asked]
        self._submit("AUDIT_RESULT", lambda: objects.record_audit(self.ledger, node, answers), nodes=(node,))
        self.counts["failed proofs"] += sum(not proved for _, proved in answers)
        name = self._name(node)
        return [{"node_id": name, "shard_id": shard, "verified": proved} for shard, proved in answers]

    # --- Repair ------------------------------------------------------------------------------------------

    def _repair(self, command, _):
        """Copies move in the order of listings, in groups: what cannot be moved is told at once, what was moved when its
        group is in the ledger."""
        only = self._number(command["node"]) if command.get("node") else None
        rows, group = [], []
        for stored in objects.with_content(self.ledger):
            for index, _, source in stored.copies():
                if only not in (None, source) or not self._must_move(stored, index):
                    continue
                row = self._move(stored, index, source)
                (rows if row.get("ok") is False else group).append(row)
                if len(group) == MOVES_PER_GROUP:
                    rows, group = rows + group, []
        return rows + group

    def waits(self, number):
        """Whether no copy may stay at a node: a degraded one keeps what it can show."""
        return number not in self.ledger.ring or self.ledger.nodes[number].standing == registry.DRAINING

    def _must_move(self, stored, index):
        node = stored.assignment[index]
        if self.waits(node):
            return True
        return self.ledger.nodes[node].standing == registry.DEGRADED and not self.shards.has(stored, index)

    def _move(self, stored, index, source):
        column, copy = divmod(index, stored.profile.replicas)
        row = {
            "object_id": stored.object_id, "version": stored.version, "shard_id": stored.shard(column),
            "column": column, "copy": copy, "from": self._name(source), "to": None,
        }
        target = objects.replacement(self.ledger, stored, index)
        if target is None:
            return row | failure(NO_ELIGIBLE_NODES)
        row["to"] = self._name(target)
        origin = self.shards.source(stored, column)
        if origin is None:
            return row | failure(CONTENT_UNAVAILABLE)
        old, before = named(stored)[index], list(stored.assignment)
        entry = self._submit(
            "REASSIGN", lambda: objects.reassign(self.ledger, stored, index, source, target),
            nodes=(source, target), object_id=stored.object_id, version=stored.version,
        )
        if stored.lengths[column]:
            self.shards.note(self.ledger.epoch, stored, before)
            self.shards.note(self.ledger.epoch, stored)
        self.shards.write(stored, index)
        self.shards.remove(old)
        self.counts["copies moved"] += 1
        return row | {"source": origin, "seq": entry.seq}

    # --- From outside ------------------------------------------------------------------------------------

    def _damage(self, command, _):
        """A shard is lost at its node: the driver removes the file. Says whether there was one: what a sampled audit found
        decides where copies went since the history was drawn up."""
        return [{"lost": self.shards.lose(self.ledger.numbers[command["node"]], command["shard"])}]

    def _restart(self, _, __):
        """Another process goes on."""
        return []

    def _words(self, _, __):
        """Words that are no command at all."""
        raise Refused(INVALID_INPUT, "usage")
