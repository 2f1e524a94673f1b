//! The state, record by record, beside the rules.

use super::{
    client::NODES,
    model::Model,
    rules::{Object, Rules, Stored, Version},
};
use protocol::{ObjectId, command::Content};
use std::{collections::BTreeMap, fmt::Display};
use storage_engine::state::{State, StateError, StateStore, records::VersionRecord};

/// Whether a state says what the model says.
///
/// # Errors
/// The first difference.
pub fn state<S: StateStore>(state: &State<S>, model: &Model) -> Result<(), String> {
    let rules = model.now();
    same("position", &state.cursor().next_seq, &model.size())?;
    same("epoch", &state.epoch(), &rules.epoch)?;
    objects(state, rules)?;
    for (account, fees) in &rules.fees {
        let record = state.account(account).map_err(failed)?;
        let found = (record.fees.raw(), record.debt.raw(), record.balance.raw());
        same("account", &found, &(*fees, *fees, 0))?;
    }
    totals(state, rules)?;
    for (number, node) in (0..NODES).zip(state.nodes()) {
        let nod = rules.nod.get(&number).copied().unwrap_or(0);
        same("node", &(node.bytes_stored, node.nod.raw()), &(rules.bytes_at(number), nod))?;
    }
    Ok(())
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, found: &T, wanted: &T) -> Result<(), String> {
    if found == wanted {
        return Ok(());
    }
    Err(format!("the state's {what} is {found:?}, and must be {wanted:?}"))
}

fn failed<F: Display>(error: StateError<F>) -> String {
    error.to_string()
}

fn objects<S: StateStore>(state: &State<S>, rules: &Rules) -> Result<(), String> {
    let mut listed: BTreeMap<String, BTreeMap<u64, Version>> = BTreeMap::new();
    let mut visit = |name: &str, number, record| {
        listed.entry(name.to_owned()).or_default().insert(number, version(record));
        true
    };
    state.visit_versions("", &mut visit).map_err(failed)?;
    for (name, object) in &rules.objects {
        let Object { owner, latest, versions } = object;
        same(name, &listed.remove(name).unwrap_or_default(), versions)?;
        let record = state.object(&ObjectId(name.clone())).map_err(failed)?;
        let found = record.map(|record| (record.owner, record.latest, record.current));
        let current = versions.keys().next_back().copied();
        same(name, &found, &Some((*owner, *latest, current)))?;
    }
    same("list of objects", &listed, &BTreeMap::new())
}

fn version(record: VersionRecord) -> Version {
    let stored = record.stored.map(|stored| Stored {
        size: match &stored.content {
            Content::Single(layout) => layout.size,
            Content::Manifest { size, .. } => *size,
        },
        fee: stored.fee.raw(),
        hash_commit: stored.hash_commit,
        assignment: stored.assignment,
    });
    Version { seq: record.seq, tick: record.created_at_tick, stored }
}

/// Where all fees are, and that none is missing.
fn totals<S: StateStore>(state: &State<S>, rules: &Rules) -> Result<(), String> {
    let found = state.ledger().map_or((0, [0; 3]), |ledger| {
        let totals = ledger.treasury;
        let settled = [totals.treasury, totals.reserve, totals.burnt];
        (totals.open_fees.raw(), settled.map(|part| part.raw()))
    });
    same("treasury", &found, &(rules.open_fees, rules.settled))?;
    let charged: u128 = rules.fees.values().sum();
    same("sum of all fees", &(found.0 + found.1.iter().sum::<u128>()), &charged)
}
