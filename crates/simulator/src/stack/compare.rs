//! The state, record by record, beside the rules.

use super::{
    client::NODES,
    model::Model,
    rules::{Object, Stored, Version},
};
use protocol::ObjectId;
use std::collections::BTreeMap;
use storage_engine::state::{State, StateStore};

/// Whether a state says what the model says.
///
/// # Errors
/// The first difference.
pub fn state<S: StateStore>(state: &State<S>, model: &Model) -> Result<(), String> {
    let rules = model.now();
    let differs = |what: &str| Err(format!("the state's {what} is not the model's"));
    if state.cursor().next_seq != model.len() {
        return differs("position");
    }
    if state.epoch() != rules.epoch {
        return differs("epoch");
    }
    let failed = |error: storage_engine::state::StateError<S::Fault>| error.to_string();
    let mut listed: BTreeMap<String, BTreeMap<u64, Version>> = BTreeMap::new();
    state
        .visit_versions("", &mut |name, number, record| {
            let stored = record.stored.map(|stored| Stored {
                size: match &stored.content {
                    protocol::command::Content::Single(layout) => layout.size,
                    protocol::command::Content::Manifest { size, .. } => *size,
                },
                fee: stored.fee.raw(),
                hash_commit: stored.hash_commit,
                assignment: stored.assignment,
            });
            let version = Version { seq: record.seq, tick: record.created_at_tick, stored };
            listed.entry(name.to_owned()).or_default().insert(number, version);
            true
        })
        .map_err(failed)?;
    for (name, object) in &rules.objects {
        let Object { owner, latest, versions } = object;
        if listed.remove(name).unwrap_or_default() != *versions {
            return differs("list of versions");
        }
        let record = state.object(&ObjectId(name.clone())).map_err(failed)?;
        let current = versions.keys().next_back().copied();
        if record.map(|r| (r.owner, r.latest, r.current)) != Some((*owner, *latest, current)) {
            return differs("object");
        }
    }
    if !listed.is_empty() {
        return differs("list of objects");
    }
    for (account, fees) in &rules.fees {
        let record = state.account(account).map_err(failed)?;
        if (record.fees.raw(), record.debt.raw(), record.balance.raw()) != (*fees, *fees, 0) {
            return differs("account");
        }
    }
    let Some(ledger) = state.ledger() else {
        return if rules.epoch == 0 { Ok(()) } else { differs("ledger") };
    };
    let totals = ledger.treasury;
    let settled = [totals.treasury.raw(), totals.reserve.raw(), totals.burnt.raw()];
    if (totals.open_fees.raw(), settled) != (rules.open_fees, rules.settled) {
        return differs("treasury");
    }
    if rules.fees.values().sum::<u128>() != rules.open_fees + settled.iter().sum::<u128>() {
        return Err("the fees do not add up".into());
    }
    for (number, node) in (0..NODES).zip(state.nodes()) {
        let nod = rules.nod.get(&number).copied().unwrap_or(0);
        if (node.bytes_stored, node.nod.raw()) != (rules.bytes_at(number), nod) {
            return differs("node");
        }
    }
    Ok(())
}
