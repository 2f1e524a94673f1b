"""Commands about keys that are refused, each with its code and the sentence of KY-4 or KY-6 that it breaks.

They are entered after `key_commands.prepared`. Two reasons in one name are there for their order: the first decides.
"""

from .forge import LOG, OPERATOR, log_keys, node, seat, signer

INVALID, DENIED, CONFLICT, MISSING = "INVALID_INPUT", "UNAUTHORIZED", "CONFLICT", "NOT_FOUND"
NEW = log_keys("fourth")
FRESH = [signer(2, "fresh")]
STRANGER = signer(1, "stranger")
OTHER_LEDGER = bytes(32)


def _rotation(holder, keys, **more):
    """A rotation, with `by` and keys that may be functions of the ledger."""

    def enter(ledger, code):
        given = {name: value(ledger) if callable(value) else value for name, value in more.items()}
        made = keys(ledger) if callable(keys) else keys
        return ledger.rotate(holder, made, expect=code, **given)

    return enter


def _revocation(holder, generation, by=None, reason="lost"):
    return lambda ledger, code: ledger.revoke(holder, generation, by(ledger) if by else None, reason, code)


def _unsigned(holder, keys):
    return lambda ledger, code: ledger.enter(ledger.rotation(holder, keys), None, expect=code)


def _signed_elsewhere(ledger, code):
    return ledger.enter(ledger.rotation(LOG, NEW), ledger.operator, expect=code, ledger_id=OTHER_LEDGER)


def _signed_over(generation=None, holder=LOG, keys=None, ledger_id=None, endorse=False):
    """A rotation of the log whose signatures of possession, or endorsements, are over another message."""

    def enter(ledger, code):
        action = ledger.rotation(LOG, NEW, endorsement=ledger.log[-1])
        other = ledger.rotation(
            holder, keys or NEW, generation, NEW, ledger.log[-1] if holder == LOG else (), ledger_id
        )
        if endorse:
            action.endorsement = other.endorsement
        else:
            action.possession = other.possession
        return ledger.enter(action, ledger.operator, expect=code)

    return enter


def _cut(name, change):
    """A rotation of the log with one list of signatures changed."""

    def enter(ledger, code):
        action = ledger.rotation(LOG, NEW, endorsement=ledger.log[-1])
        setattr(action, name, change(getattr(action, name)))
        return ledger.enter(action, ledger.operator, expect=code)

    return enter


FORMS = (
    ("generation 0", INVALID, _rotation(LOG, NEW, generation=0)),
    ("generation 1", INVALID, _rotation(LOG, NEW, generation=1)),
    ("log with no key", INVALID, _rotation(LOG, [])),
    ("log with one key", INVALID, _rotation(LOG, NEW[:1])),
    ("log with keys in the other order", INVALID, _rotation(LOG, NEW[::-1])),
    ("log with two of one suite", INVALID, _rotation(LOG, [NEW[0], STRANGER])),
    ("log with ML-DSA-65", INVALID, _rotation(LOG, [NEW[0], signer(3, "fresh")])),
    ("log with three keys", INVALID, _rotation(LOG, [*NEW, STRANGER])),
    ("operator with no key", INVALID, _rotation(OPERATOR, [])),
    ("operator with two keys", INVALID, _rotation(OPERATOR, NEW)),
    ("seat with two keys", INVALID, _rotation(seat(0), NEW)),
    ("node with Ed25519", INVALID, _rotation(node(0), [STRANGER])),
    ("no possession", INVALID, _rotation(OPERATOR, FRESH, possession=[])),
    ("one possession of two", INVALID, _rotation(LOG, NEW, possession=NEW[:1])),
    ("more possession than keys", INVALID, _rotation(OPERATOR, FRESH, possession=FRESH * 2)),
    ("one endorsement", INVALID, _rotation(LOG, NEW, endorsement=lambda ledger: ledger.log[-1][:1])),
    ("three endorsements", INVALID, _rotation(LOG, NEW, endorsement=lambda ledger: ledger.log[-1] + NEW[:1])),
    ("endorsement of the operator", INVALID, _rotation(OPERATOR, FRESH, endorsement=lambda ledger: ledger.log[-1])),
    ("endorsement of a seat", INVALID, _rotation(seat(0), FRESH, endorsement=lambda ledger: ledger.log[-1][:1])),
    ("endorsement of a node", INVALID, _rotation(node(0), FRESH, endorsement=lambda ledger: ledger.log[-1])),
    ("generation 1, without possession", INVALID, _rotation(OPERATOR, FRESH, generation=1, possession=[STRANGER])),
    ("two keys at no such seat", INVALID, _rotation(seat(7), NEW, by=lambda ledger: STRANGER)),
    ("node with Ed25519, by a stranger", INVALID, _rotation(node(0), [STRANGER], by=STRANGER)),
)

POSSESSION = (
    ("possession by a stranger", DENIED, _rotation(OPERATOR, FRESH, possession=[signer(2, "other")])),
    ("possession by the old key", DENIED, _rotation(seat(0), [signer(1, "seat")], possession=lambda l: [l.council[0]])),
    ("possession in the other order", DENIED, _rotation(LOG, NEW, possession=NEW[::-1])),
    ("one possession holds", DENIED, _rotation(LOG, NEW, possession=[NEW[0], signer(2, "other")])),
    ("the other possession holds", DENIED, _rotation(LOG, NEW, possession=[STRANGER, NEW[1]])),
    ("possession of another generation", DENIED, _signed_over(generation=5)),
    ("possession for another holder", DENIED, _signed_over(holder=OPERATOR)),
    ("possession of other keys", DENIED, _signed_over(keys=log_keys("fifth"))),
    ("possession for another ledger", DENIED, _signed_over(ledger_id=OTHER_LEDGER)),
    ("empty possession", DENIED, _cut("possession", lambda signed: [b"", signed[1]])),
    ("cut possession", DENIED, _cut("possession", lambda signed: [signed[0], signed[1][:-1]])),
    ("unsigned, possession by a stranger", DENIED, lambda ledger, code: ledger.enter(
        ledger.rotation(OPERATOR, FRESH, possession=[STRANGER]), None, expect=code)),
    ("possession by a stranger, no such seat", DENIED, _rotation(
        seat(7), FRESH, by=STRANGER, possession=[signer(2, "other")])),
    ("command signed for another ledger", DENIED, _signed_elsewhere),
)

SPEAKERS = (
    ("no such seat", MISSING, _rotation(seat(3), FRESH, by=lambda ledger: ledger.operator)),
    ("no such node", MISSING, _rotation(node(7), FRESH, by=lambda ledger: ledger.operator)),
    ("no such seat, another generation", MISSING, _rotation(seat(2**32 - 1), FRESH, by=STRANGER, generation=9)),
    ("log by nobody", DENIED, _unsigned(LOG, NEW)),
    ("log by its own key", DENIED, _rotation(LOG, NEW, by=lambda ledger: ledger.log[-1][0])),
    ("log by the council", DENIED, _rotation(LOG, NEW, by=lambda ledger: ledger.council[0])),
    ("log by the old operator", DENIED, _rotation(LOG, NEW, by=signer(1, "operator"))),
    ("operator by nobody", DENIED, _unsigned(OPERATOR, FRESH)),
    ("operator by the new key", DENIED, _rotation(OPERATOR, FRESH, by=FRESH[0])),
    ("operator by the old key", DENIED, _rotation(OPERATOR, FRESH, by=signer(1, "operator"))),
    ("operator by the council", DENIED, _rotation(OPERATOR, FRESH, by=lambda ledger: ledger.council[0])),
    ("seat by the operator", DENIED, _rotation(seat(0), FRESH, by=lambda ledger: ledger.operator)),
    ("seat by another seat", DENIED, _rotation(seat(0), FRESH, by=lambda ledger: ledger.council[1])),
    ("seat by its old key", DENIED, _rotation(seat(1), FRESH, by=signer(2, "council 1"))),
    ("vacant seat by its last key", DENIED, _rotation(seat(2), FRESH)),
    ("vacant seat by the operator", DENIED, _rotation(seat(2), FRESH, by=lambda ledger: ledger.operator)),
    ("node by the operator", DENIED, _rotation(node(0), FRESH, by=lambda ledger: ledger.operator)),
    ("node by another node", DENIED, _rotation(node(0), FRESH, by=lambda ledger: ledger.nodes[2])),
    ("node by its old key", DENIED, _rotation(node(1), FRESH, by=signer(2, "node 1"))),
    ("node that the registry revoked", DENIED, _rotation(node(3), FRESH)),
    ("node whose scheme has no suite", DENIED, _rotation(node(6), FRESH, by=lambda ledger: ledger.nodes[0])),
    ("operator by the old key, another generation", DENIED, _rotation(
        OPERATOR, FRESH, by=signer(1, "operator"), generation=9)),
    ("log paid by the signer", DENIED, _rotation(LOG, NEW, payer=lambda ledger: ledger.operator.account)),
)

GENERATIONS = (
    ("generation passed over", CONFLICT, _rotation(LOG, NEW, generation=5)),
    ("generation in force again", CONFLICT, _rotation(LOG, NEW, generation=3)),
    ("generation before", CONFLICT, _rotation(LOG, NEW, generation=2)),
    ("the greatest generation", CONFLICT, _rotation(OPERATOR, FRESH, generation=2**32 - 1)),
    ("a first rotation to 3", CONFLICT, _rotation(node(0), FRESH, generation=3)),
    ("key in force", CONFLICT, _rotation(OPERATOR, lambda ledger: [ledger.operator])),
    ("key of genesis", CONFLICT, _rotation(OPERATOR, [signer(1, "operator")])),
    ("key of a seat in force", CONFLICT, _rotation(seat(0), lambda ledger: [ledger.council[0]])),
    ("key of a node in force", CONFLICT, _rotation(node(0), lambda ledger: [ledger.nodes[0]])),
    ("key of a node before", CONFLICT, _rotation(node(1), [signer(2, "node 1")])),
    ("log with its Ed25519 key", CONFLICT, _rotation(LOG, lambda ledger: [ledger.log[-1][0], NEW[1]])),
    ("log with its ML-DSA key", CONFLICT, _rotation(LOG, lambda ledger: [NEW[0], ledger.log[-1][1]])),
    ("log with a key of two before", CONFLICT, _rotation(LOG, lambda ledger: [NEW[0], ledger.log[0][1]])),
    ("key comes back, forged endorsement", CONFLICT, _rotation(
        LOG, lambda ledger: [ledger.log[0][0], NEW[1]], endorsement=NEW)),
    ("generation passed over, forged endorsement", CONFLICT, _rotation(LOG, NEW, generation=9, endorsement=NEW)),
    ("endorsed by the new keys", DENIED, _rotation(LOG, NEW, endorsement=NEW)),
    ("endorsed by a generation before", DENIED, _rotation(LOG, NEW, endorsement=lambda ledger: ledger.log[1])),
    ("endorsed by a revoked generation", DENIED, _rotation(LOG, NEW, endorsement=lambda ledger: ledger.log[0])),
    ("endorsed in the other order", DENIED, _rotation(LOG, NEW, endorsement=lambda ledger: ledger.log[-1][::-1])),
    ("endorsed by one key twice", DENIED, _rotation(LOG, NEW, endorsement=lambda ledger: ledger.log[-1][:1] * 2)),
    ("endorsed half by a stranger", DENIED, _rotation(
        LOG, NEW, endorsement=lambda ledger: [ledger.log[-1][0], signer(2, "other")])),
    ("endorsement of another generation", DENIED, _signed_over(generation=5, endorse=True)),
    ("endorsement of other keys", DENIED, _signed_over(keys=log_keys("fifth"), endorse=True)),
    ("endorsement for another ledger", DENIED, _signed_over(ledger_id=OTHER_LEDGER, endorse=True)),
    ("empty endorsements", DENIED, _cut("endorsement", lambda signed: [b"", b""])),
)

REVOCATIONS = (
    ("revocation of the operator's", INVALID, _revocation(OPERATOR, 1)),
    ("revocation of a node's", INVALID, _revocation(node(0), 1)),
    ("revocation of generation 0", INVALID, _revocation(LOG, 0)),
    ("revocation with a long reason", INVALID, _revocation(LOG, 2, reason="x" * 65)),
    ("revocation with a long reason of few letters", INVALID, _revocation(LOG, 2, reason="é" * 33)),
    ("revocation with a newline", INVALID, _revocation(LOG, 2, reason="a\nb")),
    ("revocation with a delete", INVALID, _revocation(LOG, 2, reason="\x7f")),
    ("revocation with a control of Latin 1", INVALID, _revocation(LOG, 2, reason="\x85")),
    ("revocation at no such seat", MISSING, _revocation(seat(3), 1, lambda ledger: ledger.operator)),
    ("revocation of the log's by the council", DENIED, _revocation(LOG, 2, lambda ledger: ledger.council[0])),
    ("revocation of the log's by its key", DENIED, _revocation(LOG, 2, lambda ledger: ledger.log[-1][0])),
    ("revocation of the log's by the old operator", DENIED, _revocation(LOG, 2, lambda _: signer(1, "operator"))),
    ("revocation of a seat's by the operator", DENIED, _revocation(seat(0), 1, lambda ledger: ledger.operator)),
    ("revocation of a seat's by another seat", DENIED, _revocation(seat(0), 1, lambda ledger: ledger.council[1])),
    ("revocation of a seat's by its old key", DENIED, _revocation(seat(1), 2, lambda _: signer(2, "council 1"))),
    ("revocation at a vacant seat", DENIED, _revocation(seat(2), 1)),
    ("revocation of no such generation of the log", MISSING, _revocation(LOG, 4)),
    ("revocation of no such generation of a seat", MISSING, _revocation(seat(0), 2)),
    ("revocation of the greatest generation", MISSING, _revocation(LOG, 2**32 - 1)),
    ("revocation of what is revoked", CONFLICT, _revocation(LOG, 1)),
    ("revocation of the log's in force", CONFLICT, _revocation(LOG, 3)),
    ("revocation of a seat's before", CONFLICT, _revocation(seat(1), 1)),
)

REFUSALS = FORMS + POSSESSION + SPEAKERS + GENERATIONS + REVOCATIONS
