"""The byte maps of commands, events and entries (PR-3) and of records (ST-2)."""

from .borsh import (
    AMOUNT, BOOL, BYTES, HASH, TEXT, U8, U16, U32, U64, Fixed, List, Malformed, Option, Sum, Unsigned, struct,
)

KEY_LENGTHS = {1: 32, 2: 1_312, 3: 1_952, 4: 2_592}

_Key = struct("Key", suite=U8, data=BYTES)


class Key(_Key):
    """A public key, of the length that its suite has."""

    @classmethod
    def read(cls, reader):
        key = super().read(reader)
        if KEY_LENGTHS.get(key.suite) != len(key.data):
            raise Malformed(f"a key of suite {key.suite} with {len(key.data)} bytes")
        return key


Profile = struct("Profile", data=U8, parity=U8, replicas=U8)
Domain = struct("Domain", region=TEXT, operator=TEXT, asn=U32)

# GV-5, in the order of the numbers.
Parameters = struct(
    "Parameters",
    profile=Profile, block_size=U32, leaf_size=U32, metadata_limit=U32, fee_per_kib=AMOUNT, fee_per_metadata_key=AMOUNT,
    fee_metadata_keys=U32, prepaid=BOOL, pool_share=AMOUNT, pool_cap=AMOUNT, node_reward_cap=AMOUNT,
    min_verified_nodes=U32, audit_sample=U32, probation_audit_factor=U32, probation_epochs=U32, quorum=AMOUNT,
    emergency_quorum=AMOUNT, voting_cap=AMOUNT, min_nod_holders=U32, voting_epochs=U32, activation_delay=U32,
    cooldown_epochs=U32, operator_credit_cap=AMOUNT,
)

# RG-5, in the order of the numbers; each is a variant of what a proposal may change.
FAILURE_DOMAIN = Unsigned(1, 4)
REGIONS = List(TEXT)
Rules = struct(
    "Rules",
    min_uptime=AMOUNT, min_health=AMOUNT, allowed_regions=REGIONS, denied_regions=REGIONS,
    failure_domain=FAILURE_DOMAIN, failures=U32, epochs=U32, scorers=List(HASH),
)
RULE = Sum(
    "rule",
    struct("MinUptime", min_uptime=AMOUNT),
    struct("MinHealth", min_health=AMOUNT),
    struct("AllowedRegions", allowed_regions=REGIONS),
    struct("DeniedRegions", denied_regions=REGIONS),
    struct("FailureDomain", failure_domain=FAILURE_DOMAIN),
    struct("Quarantine", failures=U32, epochs=U32),
    struct("Scorers", scorers=List(HASH)),
)

Operator = struct("Operator")
Council = struct("Council", position=U32)
NodeSpeaker = struct("NodeSpeaker", node=U32)
SPEAKER = Sum("speaker", Operator, Council, NodeSpeaker)

# KY-1. All but the log speak for themselves, and are the same values as their speakers.
LogHolder = struct("LogHolder")
HOLDER = Sum("holder", LogHolder, Operator, Council, NodeSpeaker)

IntegerValue = struct("IntegerValue", value=U64)
AmountValue = struct("AmountValue", value=AMOUNT)
BoolValue = struct("BoolValue", value=BOOL)
ProfileValue = struct("ProfileValue", value=Profile)
VALUE = Sum("value", IntegerValue, AmountValue, BoolValue, ProfileValue)

ParameterChange = struct("ParameterChange", number=U16, value=VALUE)
RuleChange = struct("RuleChange", rule=RULE)
Expel = struct("Expel", node=U32)
Quarantine = struct("Quarantine", node=U32)
Reinstate = struct("Reinstate", node=U32)
CodeVersion = struct("CodeVersion", version=U32)
CreditChange = struct("CreditChange", account=HASH, amount=AMOUNT)
CHANGE = Sum("change", ParameterChange, RuleChange, Expel, Quarantine, Reinstate, CodeVersion, CreditChange)

RegistryFact = struct("RegistryFact", node=U32, key=Option(HASH), scheme=TEXT, revoked=BOOL, reason=TEXT)
Reading = struct(
    "Reading",
    uptime_ratio=AMOUNT, health_score=AMOUNT, conflict_detected=BOOL, latency_bands=TEXT, error_count=Option(U64),
)
TelemetryFact = struct("TelemetryFact", node=U32, reading=Option(Reading))

Single = struct("Single", size=U64, block_size=U32, profile=Profile, roots=List(HASH))
Manifest = struct("Manifest", root=HASH, count=U64, size=U64)
CONTENT = Sum("content", Single, Manifest)
Claimed = struct("Claimed")
ReceiptRoot = struct("ReceiptRoot", root=HASH)
CUSTODY = Sum("custody", Claimed, ReceiptRoot)

All = struct("All")
Sample = struct("Sample", sample=U32)
SCOPE = Sum("scope", All, Sample)
LeafProof = struct("LeafProof", leaf_hash=HASH, path=List(HASH))
Answer = struct("Answer", object=TEXT, version=U64, column=U32, leaf=U64, proof=Option(LeafProof))

# --- Actions -----------------------------------------------------------------------------------------

GenesisNode = struct("GenesisNode", node_id=TEXT, scheme=TEXT, key_hash=HASH, domain=Domain)
Genesis = struct(
    "Genesis",
    name=TEXT, log_keys=List(Key), operator=Key, council=List(Key), parameters=Parameters, rules=Rules,
    nodes=List(GenesisNode),
)
RegisterNode = struct("RegisterNode", node_id=TEXT, scheme=TEXT, public_key=BYTES, domain=Domain)
AdvanceEpoch = struct(
    "AdvanceEpoch",
    closes=U64, registry_hash=HASH, registry=List(RegistryFact), telemetry_hash=HASH, telemetry=List(TelemetryFact),
)
Store = struct(
    "Store", object=TEXT, version=U64, epoch=U64, hash_commit=HASH, metadata=BYTES, content=CONTENT, custody=CUSTODY
)
DeleteMarker = struct("DeleteMarker", object=TEXT, version=U64)
Purge = struct("Purge", object=TEXT, version=U64)
# `from` is a word of Python.
Reassign = struct("Reassign", object=TEXT, version=U64, column=U32, copy=U32, source=U32, target=U32)
OpenAudit = struct("OpenAudit", scope=SCOPE)
RecordAudit = struct("RecordAudit", audit=U64, node=U32, answers=List(Answer))
Exit = struct("Exit", node=U32)
Propose = struct("Propose", speaker=SPEAKER, change=CHANGE, emergency=BOOL)
Vote = struct("Vote", proposal=U64, speaker=SPEAKER, approve=BOOL)
Activate = struct("Activate", proposal=U64, speaker=SPEAKER)
Credit = struct("Credit", account=HASH, amount=AMOUNT)
RecordScore = struct("RecordScore", object=TEXT, version=U64, score=U32)
RotateKeys = struct(
    "RotateKeys",
    holder=HOLDER, generation=U32, keys=List(Key), possession=List(BYTES), endorsement=List(BYTES),
)
RevokeKeys = struct("RevokeKeys", holder=HOLDER, generation=U32, reason=TEXT)
ACTION = Sum(
    "action",
    Genesis, RegisterNode, AdvanceEpoch, Store, DeleteMarker, Purge, Reassign, OpenAudit, RecordAudit, Exit, Propose,
    Vote, Activate, Credit, RecordScore, RotateKeys, RevokeKeys,
)

Signature = struct("Signature", key=Key, signature=BYTES)
Command = struct(
    "Command", id=Fixed(16), valid_until_epoch=U64, payer=HASH, action=ACTION, authorization=Option(Signature)
)

# --- Events ------------------------------------------------------------------------------------------

STATUS, STANDING, ELECTORATE = Unsigned(1, 9), Unsigned(1, 8), Unsigned(1, 2)

NodeAccount = struct(
    "NodeAccount",
    status=STATUS, bytes_stored=U64, uptime_bucket=U8, proofs=U64, reward=AMOUNT, standing=STANDING, eligible=BOOL,
)
LedgerOpened = struct("LedgerOpened", ledger_id=HASH)
NodeRegistered = struct("NodeRegistered", node=U32)
NodeKeyDisclosed = struct("NodeKeyDisclosed", node=U32)
EpochClosed = struct(
    "EpochClosed",
    epoch=U64, fees=AMOUNT, pool=AMOUNT, rewards=AMOUNT, treasury=AMOUNT, reserve=AMOUNT, nodes=List(NodeAccount),
    changes=List(U64),
)
Stored = struct("Stored", fee=AMOUNT, assignment=List(U32), update=BOOL)
DeleteMarked = struct("DeleteMarked")
Purged = struct("Purged")
Reassigned = struct("Reassigned")
AuditOpened = struct("AuditOpened")
AuditRecorded = struct("AuditRecorded", counted=U32, failed=U32)
Exiting = struct("Exiting")
Proposed = struct(
    "Proposed", proposal=U64, electorate=ELECTORATE, weight=AMOUNT, needed=AMOUNT, opens=U64, closes=U64
)
Voted = struct("Voted", weight=AMOUNT)
Activated = struct("Activated", effective=U64)
Credited = struct("Credited", settled=AMOUNT)
Scored = struct("Scored")
KeysRotated = struct("KeysRotated")
KeysRevoked = struct("KeysRevoked")
EVENT = Sum(
    "event",
    LedgerOpened, NodeRegistered, NodeKeyDisclosed, EpochClosed, Stored, DeleteMarked, Purged, Reassigned, AuditOpened,
    AuditRecorded, Exiting, Proposed, Voted, Activated, Credited, Scored, KeysRotated, KeysRevoked,
)
Accepted = struct("Accepted", event=EVENT)
Rejected = struct("Rejected", code=Unsigned(2))
OUTCOME = Sum("outcome", Accepted, Rejected)
Body = struct(
    "Body",
    format=U16, seq=U64, tick=U64, epoch=U64, command=Command, outcome=OUTCOME, state_root=Option(HASH),
)

# --- Records -----------------------------------------------------------------------------------------

AuditRecord = struct("AuditRecord", seq=U64, scope=SCOPE, beacon=HASH)
OpenProposal = struct("OpenProposal", proposal=U64, speaker=SPEAKER, closes=U64)
Scheduled = struct("Scheduled", effective=U64, proposal=U64)
LedgerRecord = struct(
    "LedgerRecord",
    epoch=U64, parameters=Parameters, rules=Rules, code_version=U32, open_fees=AMOUNT, treasury=AMOUNT, reserve=AMOUNT,
    burnt=AMOUNT, credited=AMOUNT, credited_by_operator=AMOUNT, pending_credits=AMOUNT, bytes_stored=U64,
    audit=Option(AuditRecord), registry_hash=HASH, telemetry_hash=HASH, proposals=U64, open=List(OpenProposal),
    scheduled=List(Scheduled),
)
NodeRecord = struct(
    "NodeRecord",
    node_id=TEXT, scheme=TEXT, key_hash=HASH, domain=Domain, status=Option(STATUS), registry=Option(RegistryFact),
    telemetry=Option(TelemetryFact), uptime_bucket=U8, bytes_stored=U64, proofs=U64, answers=U32, nod=AMOUNT,
    standing=STANDING, since=U64, failed=U32, failures=List(U32),
)
EpochRecord = struct(
    "EpochRecord", eligible=List(U32), failure_domain=FAILURE_DOMAIN, opened_at=U64, closed=Option(EpochClosed)
)
AccountRecord = struct("AccountRecord", balance=AMOUNT, debt=AMOUNT, fees=AMOUNT, credits=AMOUNT)
ObjectRecord = struct("ObjectRecord", owner=HASH, latest=U64, current=Option(U64))
StoredRecord = struct(
    "StoredRecord",
    hash_commit=HASH, metadata=BYTES, content=CONTENT, custody=CUSTODY, fee=AMOUNT, assignment=List(U32),
)
VersionRecord = struct("VersionRecord", seq=U64, created_at_tick=U64, stored=Option(StoredRecord))
Activation = struct("Activation", effective=U64, seq=U64)
ProposalRecord = struct(
    "ProposalRecord",
    speaker=SPEAKER, change=CHANGE, emergency=BOOL, seq=U64, epoch=U64, opens=U64, closes=U64, electorate=ELECTORATE,
    weight=AMOUNT, needed=AMOUNT, yes=AMOUNT, no=AMOUNT, activated=Option(Activation),
)
Elector = struct("Elector", speaker=SPEAKER, weight=AMOUNT)
BallotRecord = struct("BallotRecord", approve=BOOL, weight=AMOUNT, seq=U64)
SubjectRecord = struct("SubjectRecord", proposal=U64, busy_until=U64, cool_until=U64)
ScoreRecord = struct("ScoreRecord", score=U32, scorer=HASH, seq=U64)
# `since` is the field `from` of KY-7, a word of Python.
Generation = struct("Generation", since=U64, keys=List(HASH), endorsed=BOOL, revoked=Option(U64))
KeysRecord = struct("KeysRecord", generations=List(Generation), in_force=List(Key))

RECORDS = {
    b"G": Genesis, b"L": LedgerRecord, b"N": NodeRecord, b"K": BYTES, b"I": U32, b"E": EpochRecord,
    b"A": AccountRecord, b"O": ObjectRecord, b"V": VersionRecord, b"P": ProposalRecord, b"W": List(Elector),
    b"B": BallotRecord, b"U": SubjectRecord, b"Q": ScoreRecord, b"S": Fixed(0), b"F": Fixed(0),
    b"H": KeysRecord,
}

# What a subject of proposals is (GV-9).
SUBJECT = Sum(
    "subject",
    struct("ParameterSubject", number=U16), struct("RuleSubject", number=U8), struct("ExpelSubject", node=U32),
    struct("QuarantineSubject", node=U32), struct("ReinstateSubject", node=U32), struct("CodeVersionSubject"),
    struct("CreditSubject", account=HASH),
)
