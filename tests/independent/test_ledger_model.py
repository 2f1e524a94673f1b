"""The model of the whole ledger: against the tables of the specification, against itself, and against `qfs`.

The binary is taken from QFS_BINARY; without it, it is built. If it cannot be built, the tests fail.
"""

import json
import os
import subprocess
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import qfs_reference as qfs
from ledger_model import driver, governance, histories, metadata, money, parameters, placement, registry
from ledger_model.client import Client
from ledger_model.codes import Refused
from ledger_model.parameters import Parameters, Rules, share
from qfs_reference import SCALE, Profile, format_amount
from test_vectors import content_of, load_cases

ROOT = Path(__file__).resolve().parents[2]
BUILD = "build --quiet -p cli -p replay --features replay/cli --message-format=json-render-diagnostics".split()
HISTORIES = 20
MODEL_HISTORIES = 100


def new_client(nodes=5, regions=None, **settings):
    """A ledger with nodes n0 to n4; regions are given to them in turn."""
    regions = regions or [""]
    places = [{"id": f"n{i}", "region": regions[i % len(regions)], "operator": "", "asn": 0} for i in range(nodes)]
    return Client({"profile": (4, 0, 3), "nodes": places, "set": settings})


def put(client, name, size=1, metadata="{}", **more):
    return client.apply({"do": "put", "object": name, "size": size, "seed": name, "metadata": metadata} | more)


def advance(client, uptime=None, health=None, revoked=(), absent=()):
    """Closes the epoch with snapshots in which all are well but those that are named."""
    names = [node.node_id for node in client.ledger.nodes]
    keys = {n: {"pqc_public_key": "k", "pqc_scheme": "ML-DSA-44", "revoked": n in revoked} for n in names}
    telemetry = {"schema_version": "v1.0", "nodes": {}}
    for name in names:
        if name not in absent:
            telemetry["nodes"][name] = {
                "uptime_ratio": (uptime or {}).get(name, "1"),
                "health_score": (health or {}).get(name, "1"),
                "conflict_detected": False,
            }
    telemetry["telemetry_hash"] = registry.telemetry_hash(telemetry)
    files = {"registry": json.dumps({"schema_version": "v1.0", "nodes": keys}), "telemetry": json.dumps(telemetry)}
    return client.apply({"do": "advance"} | files)[0]


def propose(client, change, *words, emergency=False, speaker="operator"):
    command = {"do": "propose", "change": change, "words": list(words), "emergency": emergency, "speaker": speaker}
    return client.apply(command)[0]


def vote(client, number, *speakers, approve=True):
    return client.apply({"do": "vote", "proposal": number, "approve": approve, "speakers": list(speakers)})


def code(rows):
    row = rows[0] if isinstance(rows, list) else rows
    return row.get("error_code", "ACCEPTED").removeprefix("SE_ERR_")


COUNCIL = ("council-0", "council-1", "council-2")


class PublishedVectors(unittest.TestCase):
    def test_puts_give_what_the_vectors_say(self):
        for number, case in enumerate(load_cases()):
            with self.subTest(case=number):
                canonical = metadata.read(json.dumps(case["metadata"]), 16_384)[1]
                self.assertEqual(canonical, case["canonical_metadata"])
                eligible = sorted(set(case["eligible_nodes"]), key=str.encode)
                got = placement.place(case["object_id"], case["version"], Profile(4, 0, 3), eligible)
                self.assertEqual([got[i : i + 3] for i in range(0, 12, 3)], list(case["replica_sets"].values()))
                fee = money.store_fee(len(content_of(case)), len(case["metadata"]), Parameters())
                self.assertEqual(format_amount(fee), case["atr_cost"])


class Money(unittest.TestCase):
    def test_ec_1_examples(self):
        for size, keys, atr in ((0, 5, 0), (1, 1, 101), (1_025, 0, 200), (262_145, 3, 26_471), (1, 100, 199)):
            self.assertEqual(money.store_fee(size, keys, Parameters()), atr * SCALE)

    def test_ec_4_rewards_are_capped_and_need_enough_verified_nodes(self):
        values = Parameters()
        settlement, rewards = money.settle(1_000 * SCALE, [8, 1, 1], 3, values)
        self.assertEqual(rewards, [30 * SCALE, 10 * SCALE, 10 * SCALE])
        self.assertEqual(settlement, money.Settlement(1_000 * SCALE, 100 * SCALE, 50 * SCALE, 900 * SCALE, 50 * SCALE))
        self.assertEqual(money.settle(1_000 * SCALE, [8, 1, 1], 2, values)[1], [0, 0, 0])
        self.assertEqual(money.settle(10**9 * SCALE, [0, 0, 0], 3, values)[0].reserve, 10**6 * SCALE)

    def test_ec_6_and_ec_8_debt_is_paid_first(self):
        client = new_client()
        put(client, "a", 1)
        row = client.apply({"do": "credit", "account": "operator", "amount": "150"})[0]
        self.assertEqual((row["settled"], row["balance"], row["debt"]), tuple(format_amount(n * SCALE) for n in (100, 50, 0)))
        put(client, "b", 1)
        row = client.apply({"do": "account", "account": "operator"})[0]
        self.assertEqual((row["balance"], row["debt"]), (format_amount(0), format_amount(50 * SCALE)))
        client.ledger.check()

    def test_ec_6_prepaid_accounts_have_no_debt(self):
        client = new_client(prepaid="true")
        self.assertEqual(code(put(client, "a")), "INSUFFICIENT_FUNDS")
        client.apply({"do": "credit", "account": "operator", "amount": "99.999999999999999999"})
        self.assertEqual(code(put(client, "a")), "INSUFFICIENT_FUNDS")
        client.apply({"do": "credit", "account": "operator", "amount": "0.000000000000000001"})
        self.assertEqual(code(put(client, "a")), "ACCEPTED")

    def test_ec_8_caps(self):
        client = new_client(operator_credit_cap="10")
        credit = lambda amount: code(client.apply({"do": "credit", "account": "operator", "amount": amount}))
        self.assertEqual([credit("10"), credit("0.000000000000000001"), credit("0")], ["ACCEPTED", "LIMIT", "INVALID_INPUT"])
        advance(client)
        self.assertEqual(credit("10"), "ACCEPTED")


class Registry(unittest.TestCase):
    def test_rg_4_the_first_failure_wins(self):
        good = registry.RegistryFact(True, "ML-DSA-44", False)
        well = registry.Reading(share("0.90"), share("0.75"), False)
        table = (
            (None, None, "UNVERIFIED_NO_REGISTRY_ENTRY"),
            (registry.RegistryFact(False, "Rainbow", True), None, "UNVERIFIED_REVOKED"),
            (registry.RegistryFact(False, "Rainbow", False), None, "UNVERIFIED_NO_PQC_KEY"),
            (registry.RegistryFact(True, "Rainbow", False), None, "UNVERIFIED_UNSUPPORTED_PQC_SCHEME"),
            (good, None, "UNVERIFIED_TELEMETRY_MALFORMED"),
            (good, registry.Reading(share("0.90") - 1, 0, True), "UNVERIFIED_LOW_UPTIME"),
            (good, registry.Reading(SCALE, share("0.75") - 1, True), "UNVERIFIED_UNHEALTHY"),
            (good, registry.Reading(SCALE, SCALE, True), "UNVERIFIED_TELEMETRY_HASH_CONFLICT"),
            (good, well, "VERIFIED"),
        )
        for fact, reading, status in table:
            self.assertEqual(registry.verify(fact, registry.TelemetryFact(reading), Rules()), status)

    def test_rg_6_every_line(self):
        ok = dict(verified=True, revoked=False, failures=0, epochs=2, holds_copies=True, order=None,
                  quarantine_failures=3, probation_epochs=2)
        table = (
            ("EXPELLED", dict(order="reinstate"), "EXPELLED"),
            ("EXITED", dict(order="expel"), "EXITED"),
            ("DRAINING", dict(order="expel"), "EXPELLED"),
            ("REVOKED", dict(order="expel", revoked=True), "EXPELLED"),
            ("DRAINING", dict(revoked=True), "DRAINING"),
            ("DRAINING", dict(holds_copies=False), "EXITED"),
            ("ACTIVE", dict(revoked=True, order="quarantine"), "QUARANTINED"),
            ("QUARANTINED", dict(revoked=True, order="reinstate"), "REVOKED"),
            ("QUARANTINED", dict(revoked=True), "QUARANTINED"),
            ("ACTIVE", dict(revoked=True, failures=3), "REVOKED"),
            ("ACTIVE", dict(order="quarantine"), "QUARANTINED"),
            ("REVOKED", dict(order="quarantine"), "QUARANTINED"),
            ("QUARANTINED", dict(order="reinstate", failures=3), "PROBATION"),
            ("QUARANTINED", {}, "QUARANTINED"),
            ("ACTIVE", dict(failures=3), "QUARANTINED"),
            ("REVOKED", dict(failures=3), "QUARANTINED"),
            ("ACTIVE", dict(failures=3, quarantine_failures=0), "DEGRADED"),
            ("REVOKED", {}, "PROBATION"),
            ("PROBATION", {}, "ACTIVE"),
            ("PROBATION", dict(epochs=1), "PROBATION"),
            ("PROBATION", dict(failures=1), "PROBATION"),
            ("PROBATION", dict(verified=False), "PROBATION"),
            ("ACTIVE", {}, "ACTIVE"),
            ("ACTIVE", dict(verified=False), "DEGRADED"),
            ("DEGRADED", dict(failures=2), "DEGRADED"),
            ("DEGRADED", {}, "ACTIVE"),
        )
        for standing, seen, expected in table:
            with self.subTest(standing=standing, seen=seen):
                self.assertEqual(registry.next_standing(standing, registry.Observation(**ok | seen)), expected)

    def test_rg_6_and_rg_7_a_late_node_serves_its_probation(self):
        client = new_client(3)
        client.apply({"do": "register", "id": "late", "region": "", "operator": "", "asn": 0})
        node = client.ledger.nodes[3]
        seen = []
        for _ in range(3):
            row = advance(client)
            seen.append((row["epoch"], "late" in row["eligible"], node.standing))
        self.assertEqual(seen, [(2, True, "PROBATION"), (3, True, "ACTIVE"), (4, True, "ACTIVE")])

    def test_rg_8_a_node_leaves(self):
        client = new_client(4)
        put(client, "a")
        number = client.ledger.versions["a", 1].stored.assignment[0]
        name = client.ledger.nodes[number].node_id
        leave = lambda: client.apply({"do": "exit", "id": name})
        self.assertEqual([code(leave()), code(leave())], ["ACCEPTED", "CONFLICT"])
        self.assertIn(number, client.ledger.ring)
        advance(client)
        self.assertEqual(client.ledger.nodes[number].standing, "DRAINING")
        self.assertNotIn(number, client.ledger.ring)
        moved = client.apply({"do": "repair", "node": None})
        self.assertTrue(moved and all(row["from"] == name and "seq" in row for row in moved))
        advance(client)
        self.assertEqual(client.ledger.nodes[number].standing, "EXITED")
        client.ledger.check()

    def test_rg_7_regions(self):
        client = new_client(4, ["eu", "us"], allowed_regions="eu,us", denied_regions="us")
        self.assertEqual([client.ledger.nodes[n].region for n in client.ledger.ring], ["eu", "eu"])
        self.assertEqual(code(put(client, "a")), "NO_ELIGIBLE_NODES")

    def test_rg_2_another_hash_closes_nothing(self):
        client = new_client()
        text = '{"schema_version":"v1.0","nodes":{},"telemetry_hash":"00"}'
        row = client.apply({"do": "advance", "registry": None, "telemetry": text})
        self.assertEqual((code(row), client.ledger.epoch), ("INTEGRITY_MISMATCH", 1))


class Placement(unittest.TestCase):
    RING = list(range(9))

    def test_pl_10_domains_are_skipped_and_shared_by_those_without_one(self):
        domain = {node: node // 3 for node in self.RING}.get
        for version in range(1, 40):
            got = placement.place("o", version, Profile(4, 0, 3), self.RING, domain)
            for column in range(4):
                copies = got[3 * column : 3 * column + 3]
                self.assertEqual(len({domain(node) for node in copies}), 3)
                start = qfs.start_index(qfs.shard_id("o", version, column), 9)
                self.assertEqual(copies[0], start)
                self.assertEqual(copies[1], (start // 3 + 1) * 3 % 9)
        with self.assertRaises(Refused):
            placement.place("o", 1, Profile(1, 0, 2), self.RING, lambda node: "")

    def test_pl_9_a_fence_filters_before_the_start_is_taken(self):
        region = lambda node: "eu" if node % 2 else "us"
        self.assertEqual(placement.fenced(self.RING, ["eu"], region), [1, 3, 5, 7])
        client = new_client(8, ["eu", "us"])
        put(client, "a", metadata='{"placement.region":"us"}')
        fenced = [node.number for node in client.ledger.nodes if node.region == "us"]
        plain = placement.place("a", 1, Profile(4, 0, 3), fenced)
        self.assertEqual(client.ledger.versions["a", 1].stored.assignment, plain)
        self.assertEqual(code(put(client, "b", metadata='{"placement":{"region":"mars"}}')), "NO_ELIGIBLE_NODES")

    def test_pl_11_the_first_that_holds_no_sibling(self):
        profile = Profile(1, 0, 3)
        got = placement.place("o", 1, profile, self.RING)
        start = got[0]
        ring = [node for node in self.RING if node != got[1]]
        begin = qfs.start_index(qfs.shard_id("o", 1, 0), 8)
        walk = [n for n in placement.walk(ring, begin) if n not in got]
        found = lambda draining: placement.replacement("o", 1, profile, got, 1, ring, draining.__contains__)
        self.assertEqual(found([]), walk[0])
        self.assertEqual(found(walk[:1]), walk[1])
        self.assertIsNone(found(walk))
        self.assertNotEqual(found([]), start)


class Governance(unittest.TestCase):
    def test_gv_4_nobody_has_more_than_the_cap_of_what_is_counted(self):
        for nod, weights in (
            ([1, 1, 1, 1], [1, 1, 1, 1]),
            ([1, 100, 1, 1], [1, 1, 1, 1]),
            ([100, 50, 1, 1], [1, 1, 1, 1]),
            ([8, 4, 4, 4, 4], [5, 4, 4, 4, 4]),  # k = 1: a third of 16
            ([10, 10, 3, 3, 3], [4, 4, 3, 3, 3]),  # k = 2: half of 9
            ([4, 4, 4, 4, 4], [4, 4, 4, 4, 4]),
        ):
            self.assertEqual(governance.voting_weights(nod, share("0.25")), weights)
            self.assertLessEqual(max(weights) * 4, sum(weights))

    def test_gv_4_needed_is_rounded_up(self):
        self.assertEqual(governance.needed(3 * SCALE, share("0.66")), share("1.98"))
        self.assertEqual(governance.needed(1, share("0.66")), 1)

    def test_gv_6_to_gv_10_the_life_of_a_proposal(self):
        client = new_client()
        row = propose(client, "parameter", "fee_per_kib", "50")
        self.assertEqual((row["proposal"], row["electorate"], row["opens"], row["closes"]), (1, "council", 2, 3))
        self.assertEqual(code(vote(client, 1, "council-0")), "TOO_EARLY")
        self.assertEqual(code(propose(client, "parameter", "fee_per_kib", "60")), "CONFLICT")
        advance(client)
        self.assertEqual(code(vote(client, 1, "operator")), "UNAUTHORIZED")
        self.assertEqual([code([r]) for r in vote(client, 1, *COUNCIL[:2])], ["ACCEPTED"] * 2)
        self.assertEqual(code(vote(client, 1, "council-1", approve=False)), "CONFLICT")
        activate = {"do": "activate", "proposal": 1, "speaker": "operator"}
        self.assertEqual(code(client.apply(activate)), "TOO_EARLY")
        advance(client)
        self.assertEqual(code(client.apply(activate)), "TOO_EARLY")
        self.assertEqual(advance(client)["activated"], [1])
        self.assertEqual(client.ledger.proposals[1].activated[0], 5)
        self.assertEqual(code(client.apply(activate)), "CONFLICT")
        self.assertEqual(code(vote(client, 1, "council-2")), "TOO_LATE")
        put(client, "before", 1)
        self.assertEqual(client.ledger.parameters.fee_per_kib, 100 * SCALE)
        self.assertEqual(advance(client)["in_force"], [1])
        self.assertEqual(put(client, "after", 1)[0]["atr_cost"], format_amount(50 * SCALE))
        self.assertEqual(code(propose(client, "parameter", "fee_per_kib", "60")), "CONFLICT")
        advance(client)
        self.assertEqual(code(propose(client, "parameter", "fee_per_kib", "60")), "TOO_EARLY")
        advance(client)
        self.assertEqual(code(propose(client, "parameter", "fee_per_kib", "60")), "TOO_EARLY")
        advance(client)
        self.assertEqual(code(propose(client, "parameter", "fee_per_kib", "60")), "ACCEPTED")

    def test_gv_8_two_of_three_council_votes_reach_no_emergency_quorum(self):
        client = new_client()
        row = propose(client, "quarantine", "n1", emergency=True)
        self.assertEqual((row["opens"], row["closes"]), (1, 2))
        vote(client, 1, *COUNCIL[:2])
        activate = {"do": "activate", "proposal": 1, "speaker": "council-0"}
        self.assertEqual(code(client.apply(activate)), "NO_QUORUM")
        vote(client, 1, COUNCIL[2])
        self.assertEqual(client.apply(activate)[0]["effective"], 2)
        self.assertNotIn("n1", advance(client)["eligible"])
        self.assertEqual(client.ledger.nodes[1].standing, "QUARANTINED")

    def test_gv_8_what_nobody_activated_lapses(self):
        client = new_client()
        propose(client, "parameter", "fee_per_kib", "50")
        for _ in range(10):
            advance(client)
        activate = {"do": "activate", "proposal": 1, "speaker": "operator"}
        self.assertEqual((client.ledger.epoch, code(client.apply(activate))), (11, "NO_QUORUM"))
        advance(client)
        self.assertEqual(code(client.apply(activate)), "TOO_LATE")

    def test_gv_5_bounds(self):
        for name, text, expected in (
            ("leaf_size", "4096", "UNAUTHORIZED"), ("voting_cap", "0.5", "UNAUTHORIZED"), ("quorum", "0.5", "LIMIT"),
            ("quorum", "0.51", "ACCEPTED"), ("block_size", "6144", "LIMIT"), ("prepaid", "1", "INVALID_INPUT"),
            ("no_such", "1", "INVALID_INPUT"), ("audit_sample", "1.0", "INVALID_INPUT"),
        ):
            with self.subTest(name=name, text=text):
                self.assertEqual(code(propose(new_client(), "parameter", name, text)), expected)

    def test_gv_3_four_of_one_speaker(self):
        client = new_client()
        names = ("fee_per_kib", "pool_cap", "prepaid", "quorum", "pool_share")
        values = ("1", "1", "true", "0.9", "0")
        got = [code(propose(client, "parameter", *pair)) for pair in zip(names, values)]
        self.assertEqual(got, ["ACCEPTED"] * 4 + ["LIMIT"])
        self.assertEqual(code(propose(client, "parameter", "pool_share", "0", speaker="council-1")), "ACCEPTED")

    def test_every_bound_of_the_table_is_a_bound_of_its_kind(self):
        kinds = set(parameters.INTEGERS) | set(parameters.AMOUNTS) | {"profile", "prepaid"}
        self.assertEqual(kinds, set(parameters.NAMES))
        for name, value in vars(Parameters()).items():
            self.assertTrue(parameters.within_bounds(name, value), name)


class Audits(unittest.TestCase):
    def test_pl_6_counts_once_and_a_loss_degrades(self):
        client = new_client(4)
        put(client, "a", 100)
        stored = client.ledger.versions["a", 1].stored
        number = stored.assignment[0]
        name = client.ledger.nodes[number].node_id
        for _ in range(2):
            rows = client.apply({"do": "audit", "all": True})
            self.assertEqual([row["verified"] for row in rows], [True] * 3)
        self.assertEqual(client.ledger.nodes[number].proofs, 1)
        client.apply({"do": "damage", "node": name, "shard": stored.shard(0)})
        client.apply({"do": "audit", "all": True})
        self.assertEqual((client.ledger.nodes[number].proofs, client.ledger.nodes[number].failed), (1, 1))
        advance(client)
        self.assertEqual(client.ledger.nodes[number].standing, "DEGRADED")
        self.assertEqual(len(client.apply({"do": "repair", "node": None})), 1)
        self.assertNotIn(number, stored.assignment[:3])

    def test_jo_7_what_no_entry_names_is_collected_two_epochs_later(self):
        client = new_client(4)
        put(client, "a", 100, version=2)
        self.assertEqual(code(client.apply({"do": "put", "object": "a", "size": 9, "seed": 1, "metadata": "{}", "version": 1})), "INVALID_VERSION")
        self.assertEqual([advance(client)["collected_shards"] for _ in range(3)], [0, 3, 0])


class Histories(unittest.TestCase):
    def test_the_same_seed_is_the_same_history(self):
        self.assertEqual(histories.generate(7).to_json(), histories.generate(7).to_json())
        self.assertEqual(histories.History.from_json(histories.generate(7).to_json()), histories.generate(7))

    def test_invariants_hold_and_everything_occurs(self):
        seen, refused = set(), set()
        for seed in range(MODEL_HISTORIES):
            client = self._checked(histories.generate(seed))
            seen |= {node.standing for node in client.ledger.nodes} | {e.event_type for e in client.ledger.entries}
            refused |= set(client.refusals)
        self.assertLessEqual({"ACTIVE", "PROBATION", "DEGRADED", "QUARANTINED", "DRAINING", "EXITED", "EXPELLED"}, seen)
        self.assertLessEqual({"REASSIGN", "ACTIVATE", "SCORE", "CREDIT", "UPDATE", "NODE_EXIT"}, seen)
        self.assertGreaterEqual(len(refused), 12, refused)

    def _checked(self, history):
        """Runs a history and looks at every placement when it is made."""
        client = Client(history.init)
        for command in history.commands:
            rows = client.apply(command)
            client.ledger.check()
            if command["do"] == "put" and code(rows) == "ACCEPTED":
                self._placed_well(client, rows[0])
        return client

    def _placed_well(self, client, row):
        ledger = client.ledger
        stored = ledger.versions[row["object_id"], row["version"]].stored
        fence, domain_of = placement.regions_of(stored.metadata), ledger.open_domain_of
        groups = list(row["replica_sets"].values())
        if stored.profile.parity:
            groups = [sum(groups, [])]
        for names in groups:
            nodes = [ledger.numbers[name] for name in names]
            self.assertEqual(len(set(nodes)), len(nodes), "a node twice")
            self.assertLessEqual(set(nodes), set(ledger.ring), "a node that is not eligible")
            if fence is not None:
                self.assertLessEqual({ledger.nodes[node].region for node in nodes}, set(fence), "outside the fence")
            if domain_of:
                self.assertEqual(len(set(map(domain_of, nodes))), len(nodes), "a domain twice")


def binary():
    """The program to hold to the model."""
    if os.environ.get("QFS_BINARY"):
        return os.environ["QFS_BINARY"]
    command = [os.environ.get("CARGO", "cargo"), *BUILD]
    built = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    messages = map(json.loads, built.stdout.splitlines())
    (program,) = [m["executable"] for m in messages if m.get("executable") and m["target"]["name"] == "qfs"]
    return program


class CommandLine(unittest.TestCase):
    """Every row of whole histories; `tests/acceptance/histories.py` runs a thousand."""

    def test_a_sample_of_histories(self):
        program = binary()
        with ThreadPoolExecutor(2) as pool:
            clients = list(pool.map(lambda seed: driver.run(program, histories.generate(seed)), range(HISTORIES)))
        self.assertGreater(sum(client.counts["epochs closed"] for client in clients), 5 * HISTORIES)


if __name__ == "__main__":
    unittest.main()
