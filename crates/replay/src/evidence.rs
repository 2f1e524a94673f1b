//! The three evidence documents (RP-7, RP-8): canonical JSON, nothing in it but what the audit computed.
//!
//! There is no clock, host name or path in them: the same log gives the same bytes everywhere. A failing
//! audit gives documents too, with `passed` false and the divergence.

use alloc::{
    format,
    string::{String, ToString},
};
use protocol::{
    Amount, Genesis, Hash32, Parameters, Profile, Rules,
    event::Settlement,
    governance::{Change, ProposalNumber},
    json::{Map, Value, object},
    parameters::Parameter,
};
use token_state::Treasury;

use crate::{AccountTotals, Divergence, EpochSummary, LogKeys, Report, Verdict, derive, names};

/// Version of the documents' schema.
pub const SCHEMA_VERSION: &str = "v1.0";

/// A document: its file name and its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// Name of its file.
    pub name: &'static str,
    /// Its content.
    pub value: Value,
}

impl Document {
    /// The bytes of the file: canonical JSON and a newline.
    #[must_use]
    pub fn to_text(&self) -> String {
        format!("{}\n", self.value)
    }
}

/// The evidence of an audit: determinism, economics, replay.
#[must_use]
pub fn documents(report: &Report) -> [Document; 3] {
    [
        Document { name: "storage_determinism.json", value: determinism(report) },
        Document { name: "storage_economics.json", value: economics(report) },
        Document { name: "storage_replay.json", value: replay(report) },
    ]
}

/// What every document begins with; `holds` are the document's own conditions beside those of the audit.
fn frame(report: &Report, artifact: &str, holds: bool) -> Value {
    object([
        ("schema_version", Value::from(SCHEMA_VERSION)),
        ("artifact", Value::from(artifact)),
        ("log_hash", hash(report.log_hash)),
        ("ledger_id", maybe(report.genesis.as_ref().map(Genesis::ledger_id), hash)),
        ("entries", Value::uint(report.entries)),
        ("passed", Value::from(report.passed() && holds)),
        ("divergence", maybe(report.divergence.as_ref(), divergence)),
    ])
}

/// Placement, shard ids and fees derived a second time; the state roots that re-execution reached.
fn determinism(report: &Report) -> Value {
    let done = report.derivations;
    let stores = sum_of(report, &["STORE", "UPDATE"]);
    let complete = done.stores == stores
        && done.fees == stores
        && report.store_rows.rows() == stores
        && done.shard_ids == sum_over(report, |profile| profile.columns())
        && done.copies == sum_over(report, |profile| profile.copies())
        && done.moves == sum_of(report, &["REASSIGN"])
        && done.governance == sum_of(report, &["PROPOSE", "VOTE", "ACTIVATE"])
        && done.keys == sum_of(report, &["KEY_ROTATE", "KEY_REVOKE"]);
    let profiles = report.profiles.iter().map(|(profile, stores)| {
        object([
            ("data", Value::from(u32::from(profile.data))),
            ("parity", Value::from(u32::from(profile.parity))),
            ("replicas", Value::from(u32::from(profile.replicas))),
            ("stores", Value::uint(*stores)),
        ])
    });
    let roots = report.state_roots.iter().map(|root| {
        object([
            ("epoch", Value::uint(root.epoch)),
            ("seq", Value::uint(root.seq)),
            ("state_root", hash(root.root)),
        ])
    });
    frame(report, "storage_determinism", complete)
        .with("profile", maybe(report.genesis.as_ref(), profile))
        .with("profiles", profiles.collect::<Value>())
        .with(
            "rederived",
            object([
                ("stores", Value::uint(done.stores)),
                ("shard_ids", Value::uint(done.shard_ids)),
                ("copies", Value::uint(done.copies)),
                ("fees", Value::uint(done.fees)),
                ("moves", Value::uint(done.moves)),
                ("governance", Value::uint(done.governance)),
                ("keys", Value::uint(done.keys)),
                ("node_accounts", Value::uint(done.accounts)),
            ]),
        )
        .with("store_rows", Value::uint(report.store_rows.rows()))
        .with("store_rows_root", hash(report.store_rows.root()))
        .with("state_roots", roots.collect::<Value>())
        .with("final_state_root", maybe(report.final_state_root, hash))
}

/// Where fees went, epoch by epoch, and that nothing was lost or made.
fn economics(report: &Report) -> Value {
    let totals = totals(&report.epochs);
    let closed = report.events.get("EPOCH_ADVANCE").copied().unwrap_or(0);
    let holds = report.epochs.iter().all(|e| derive::conserves(&e.settlement))
        && totals.as_ref().is_some_and(|all| is_of(all, &report.treasury))
        && u64::try_from(report.epochs.len()) == Ok(closed)
        && report.account_rows.rows() == report.derivations.accounts
        && report.derivations.credits == sum_of(report, &["CREDIT"])
        && report.accounts.is_some_and(|accounts| accounts_hold(&accounts, report));
    let nodes = report.nodes.iter().map(|node| {
        object([
            ("node_id", Value::from(node.node_id.0.as_str())),
            ("status", maybe(node.status, |status| Value::from(status.name()))),
            ("standing", Value::from(node.standing.name())),
            ("eligible", Value::from(node.eligible)),
            ("bytes_stored", Value::uint(node.bytes_stored)),
            ("successful_proofs", Value::uint(node.proofs)),
            ("nod_balance", amount(node.nod)),
        ])
    });
    frame(report, "storage_economics", holds)
        .with("epochs", report.epochs.iter().map(epoch).collect::<Value>())
        .with("totals", maybe(totals, |all| settlement(&all).into()))
        .with("identity_holds", holds)
        .with("credits", maybe(report.accounts, credits))
        .with("parameters", maybe(report.parameters.as_ref(), parameters))
        .with("rules", maybe(report.rules.as_ref(), rules))
        .with("open_fees", amount(report.treasury.open_fees))
        .with("nod_supply", amount(report.treasury.burnt))
        .with("nodes", nodes.collect::<Value>())
        .with("account_rows", Value::uint(report.account_rows.rows()))
        .with("account_rows_root", hash(report.account_rows.root()))
}

/// What was replayed, and whose signatures cover it.
fn replay(report: &Report) -> Value {
    let whole = report.entries == report.declared
        && report.accepted().saturating_add(report.rejected()) == report.entries
        && report.signatures.len() >= 2;
    let sources: &[&str] = match report.verdict {
        Verdict::Pinned => &["log", "pinned"],
        Verdict::Unpinned => &["log"],
    };
    let signatures = report.signatures.iter().map(|signature| {
        object([
            ("key_name", Value::from(signature.key_name.as_str())),
            ("key_id", Value::from(format!("{:08x}", signature.key_id))),
            ("suite", Value::from(signature.suite)),
            ("verified_by", sources.iter().copied().collect()),
        ])
    });
    let audits = report.audits;
    frame(report, "storage_replay", whole)
        .with("origin", maybe(report.origin.as_deref(), Value::from))
        .with("declared_entries", Value::uint(report.declared))
        .with("epochs_closed", count(&report.epochs))
        .with("first_entry_hash", maybe(report.first_entry_hash, hash))
        .with("last_entry_hash", maybe(report.last_entry_hash, hash))
        .with("tree_root", maybe(report.tree_root, |root| Value::from(root.to_string())))
        .with("checkpoint", maybe(report.checkpoint.as_deref(), Value::from))
        .with("log_keys", (1u32..).zip(&report.log_keys).map(log_keys).collect::<Value>())
        .with("signatures", signatures.collect::<Value>())
        .with("verdict", report.verdict.name())
        .with("accepted", Value::uint(report.accepted()))
        .with("rejected", Value::uint(report.rejected()))
        .with("events", counts(&report.events))
        .with("refusals", counts(&report.refusals))
        .with(
            "audits",
            object([
                ("opened", Value::uint(audits.opened)),
                ("results", Value::uint(audits.recorded)),
                ("counted", Value::uint(audits.counted)),
                ("failed", Value::uint(audits.failed)),
                // Paths are checked here; that a node holds the bytes is what the reader attests.
                ("possession", Value::from("attested")),
            ]),
        )
}

/// A generation of the log's keys.
fn log_keys((generation, keys): (u32, &LogKeys)) -> Value {
    let ids = keys.keys.iter().map(|key| format!("{}+{:08x}", key.name(), key.key_id()));
    object([
        ("generation", Value::from(generation)),
        ("from_seq", Value::uint(keys.from)),
        ("keys", ids.collect()),
        ("endorsed", maybe(keys.endorsed, Value::from)),
        ("revoked_by_seq", maybe(keys.revoked, Value::uint)),
    ])
}

/// The profile as genesis set it.
fn profile(genesis: &Genesis) -> Value {
    let parameters = &genesis.parameters;
    object([
        ("data", u32::from(parameters.profile.data)),
        ("parity", u32::from(parameters.profile.parity)),
        ("replicas", u32::from(parameters.profile.replicas)),
        ("block_size", parameters.block_size),
        ("leaf_size", parameters.leaf_size),
    ])
}

fn divergence(divergence: &Divergence) -> Value {
    object([
        ("place", Value::from(divergence.place_name())),
        ("seq", maybe(divergence.seq(), Value::uint)),
        ("field", Value::from(divergence.field.as_str())),
        ("expected", Value::from(divergence.expected.as_str())),
        ("got", Value::from(divergence.got.as_str())),
        ("message", Value::from(divergence.message.as_str())),
    ])
}

fn epoch(summary: &EpochSummary) -> Value {
    let mut row = settlement(&summary.settlement);
    row.insert("epoch", Value::uint(summary.epoch));
    row.insert("seq", Value::uint(summary.seq));
    row.insert("nodes", summary.nodes);
    row.insert("verified_nodes", summary.verified);
    row.insert("successful_proofs", Value::uint(summary.proofs));
    row.insert("eligible_nodes", summary.eligible);
    row.insert("nod_supply", amount(summary.nod_supply));
    row.insert("credited", amount(summary.credited));
    row.insert("changes", summary.changes.iter().map(change).collect::<Value>());
    row.insert("identity_holds", derive::conserves(&summary.settlement));
    Value::Object(row)
}

fn change((proposal, change): &(ProposalNumber, Change)) -> Value {
    object([
        ("proposal", Value::uint(*proposal)),
        ("kind", Value::from(change.kind())),
        ("change", Value::from(names::change(change))),
    ])
}

/// All accounts together, and that they are the ledger's.
fn accounts_hold(accounts: &AccountTotals, report: &Report) -> bool {
    accounts.hold()
        && accounts.credits == report.treasury.credited
        && report.treasury.total() == Ok(accounts.fees)
}

fn credits(accounts: AccountTotals) -> Value {
    object([
        ("credited", amount(accounts.credits)),
        ("fees", amount(accounts.fees)),
        ("balances", amount(accounts.balances)),
        ("debts", amount(accounts.debts)),
        ("identity_holds", Value::from(accounts.hold())),
    ])
}

fn parameters(parameters: &Parameters) -> Value {
    object(
        Parameter::ALL.iter().map(|parameter| {
            (parameter.name(), Value::from(parameter.get(parameters).to_string()))
        }),
    )
}

fn rules(rules: &Rules) -> Value {
    object(rules.list().iter().map(|rule| (rule.name(), Value::from(names::rule_value(rule)))))
}

fn settlement(settlement: &Settlement) -> Map {
    [
        ("fees", amount(settlement.fees)),
        ("pool", amount(settlement.pool)),
        ("rewards", amount(settlement.rewards)),
        ("treasury", amount(settlement.treasury)),
        ("reserve", amount(settlement.reserve)),
    ]
    .into_iter()
    .collect()
}

/// All settlements together; `None` when a sum does not fit an amount.
pub(crate) fn totals(epochs: &[EpochSummary]) -> Option<Settlement> {
    let add = |a: Amount, b: Amount| a.0.add(b.0).ok().map(Amount);
    epochs.iter().try_fold(Settlement::default(), |sum, summary| {
        let next = &summary.settlement;
        Some(Settlement {
            fees: add(sum.fees, next.fees)?,
            pool: add(sum.pool, next.pool)?,
            rewards: add(sum.rewards, next.rewards)?,
            treasury: add(sum.treasury, next.treasury)?,
            reserve: add(sum.reserve, next.reserve)?,
        })
    })
}

/// Whether the ledger has what all settlements gave it.
fn is_of(totals: &Settlement, treasury: &Treasury) -> bool {
    derive::conserves(totals)
        && totals.treasury == treasury.treasury
        && totals.reserve == treasury.reserve
        && totals.rewards == treasury.burnt
}

/// A number of each accepted store by its profile, summed.
fn sum_over(report: &Report, number: fn(Profile) -> u32) -> u64 {
    report.profiles.iter().fold(0, |sum, (profile, stores)| {
        sum.saturating_add(stores.saturating_mul(u64::from(number(*profile))))
    })
}

fn sum_of(report: &Report, events: &[&str]) -> u64 {
    events
        .iter()
        .filter_map(|event| report.events.get(event))
        .fold(0, |sum, n| sum.saturating_add(*n))
}

fn counts(counts: &alloc::collections::BTreeMap<&'static str, u64>) -> Value {
    object(counts.iter().map(|(name, n)| (*name, Value::uint(*n))))
}

fn count<T>(items: &[T]) -> Value {
    Value::uint(u64::try_from(items.len()).unwrap_or(u64::MAX))
}

fn maybe<T>(value: Option<T>, show: impl FnOnce(T) -> Value) -> Value {
    value.map_or(Value::Null, show)
}

fn hash(hash: Hash32) -> Value {
    Value::from(hash.to_hex())
}

fn amount(amount: Amount) -> Value {
    Value::from(amount.to_string())
}
