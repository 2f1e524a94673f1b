//! The TokenStateBundle: who has what, with the storage metrics that it was earned by (EC-10).

use alloc::{collections::BTreeMap, format, string::ToString};
use certified_math::MathError;
use protocol::{
    Amount, Hash32, NodeId,
    json::{Value, object},
};

use crate::{Account, Treasury};

/// One node's part of the bundle.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NodeMetrics {
    /// NOD that the node holds.
    pub nod: Amount,
    /// Bytes of the shard copies assigned to it.
    pub bytes_stored: u64,
    /// Uptime bucket of the last closed epoch.
    pub uptime_bucket: u8,
    /// Shards proved in the open epoch.
    pub proofs_verified: u64,
}

/// ATR of all accounts together; `credits + debts = balances + fees` (EC-8).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AccountSums {
    /// What they can spend.
    pub balances: Amount,
    /// What they owe.
    pub debts: Amount,
    /// All fees ever charged to them.
    pub fees: Amount,
    /// All ATR ever credited to them.
    pub credits: Amount,
}

impl AccountSums {
    /// Adds one account; nothing is added when there is an error.
    ///
    /// # Errors
    /// Overflow, which the bounds on all fees and all credits rule out.
    pub fn add(&mut self, account: &Account) -> Result<(), MathError> {
        let sum = |a: Amount, b: Amount| a.0.add(b.0).map(Amount);
        *self = Self {
            balances: sum(self.balances, account.balance)?,
            debts: sum(self.debts, account.debt)?,
            fees: sum(self.fees, account.fees)?,
            credits: sum(self.credits, account.credits)?,
        };
        Ok(())
    }
}

/// The token state at one point of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenStateBundle {
    /// The ledger.
    pub ledger_id: Hash32,
    /// The open epoch.
    pub epoch: u64,
    /// Number of entries that the bundle covers.
    pub entries: u64,
    /// Totals of the ledger.
    pub treasury: Treasury,
    /// Totals of its accounts.
    pub accounts: AccountSums,
    /// Every registered node.
    pub nodes: BTreeMap<NodeId, NodeMetrics>,
    /// Weight of each node that could vote on a proposal made now; empty while the council votes.
    pub voting_weights: BTreeMap<NodeId, Amount>,
}

impl TokenStateBundle {
    /// The bundle as JSON. Amounts are decimal texts with 18 decimals; `storage_bytes_stored` is a
    /// BigNum128 per node, as the storage specification asks (its section 6.3).
    #[must_use]
    pub fn to_json(&self) -> Value {
        let per_node = |value: fn(&NodeMetrics) -> Value| {
            object(self.nodes.iter().map(|(id, metrics)| (id.0.as_str(), value(metrics))))
        };
        object([
            ("schema_version", Value::from("v1.0")),
            ("ledger_id", Value::from(self.ledger_id.to_hex())),
            ("epoch", Value::uint(self.epoch)),
            ("entries", Value::uint(self.entries)),
            ("chr", foreign()),
            ("flx", foreign()),
            ("psi_sync", foreign()),
            ("atr", self.atr()),
            ("res", object([("reserve", text(self.treasury.reserve))])),
            ("nod", self.nod()),
            ("storage_bytes_stored", per_node(|m| bytes(m.bytes_stored))),
            ("storage_uptime_bucket", per_node(|m| Value::uint(u64::from(m.uptime_bucket)))),
            ("storage_proofs_verified", per_node(|m| Value::uint(m.proofs_verified))),
        ])
    }

    /// SHA3-256 of the canonical JSON: what `bundle_hash` says.
    #[must_use]
    pub fn hash(&self) -> Hash32 {
        Hash32::of(self.to_json().to_canonical().as_bytes())
    }

    /// The bundle as it is handed out: with its hash, and the signed note over exactly the entries that it
    /// covers.
    #[must_use]
    pub fn document(&self, checkpoint: &str) -> Value {
        let mut document = self.to_json();
        let hash = Hash32::of(document.to_canonical().as_bytes());
        if let Value::Object(members) = &mut document {
            members.insert("bundle_hash", hash.to_hex());
            members.insert("checkpoint", checkpoint);
        }
        document
    }

    fn atr(&self) -> Value {
        object([
            ("credited", text(self.accounts.credits)),
            ("balances", text(self.accounts.balances)),
            ("debts", text(self.accounts.debts)),
            ("fees", text(self.accounts.fees)),
            ("open_fees", text(self.treasury.open_fees)),
            ("treasury", text(self.treasury.treasury)),
            ("burnt", text(self.treasury.burnt)),
        ])
    }

    /// The supply is what was minted, which is what was burnt (EC-9).
    fn nod(&self) -> Value {
        let balances = self.nodes.iter().map(|(id, metrics)| (id, &metrics.nod));
        object([
            ("supply", text(self.treasury.burnt)),
            ("balances", amounts(balances)),
            ("voting_weights", amounts(&self.voting_weights)),
        ])
    }
}

/// A token of another QFS engine: this ledger neither issues nor moves it.
fn foreign() -> Value {
    object([("supply", text(Amount::ZERO)), ("balances", object::<&str, Value>([]))])
}

fn amounts<'a>(by_node: impl IntoIterator<Item = (&'a NodeId, &'a Amount)>) -> Value {
    object(by_node.into_iter().map(|(id, amount)| (id.0.as_str(), text(*amount))))
}

fn text(amount: Amount) -> Value {
    Value::from(amount.to_string())
}

fn bytes(count: u64) -> Value {
    Value::from(format!("{count}.000000000000000000"))
}
