//! `key`: keys of the log, the operator, the council and the nodes, replaced and declared void (KY-4, KY-6).

use crate::{
    app::App,
    args::key::KeyCommand,
    error::{CliError, Result},
    speaker,
};
use protocol::{
    Action, ErrorCode,
    keys::{FIRST_GENERATION, KeyHolder, RevokeKeys},
    signature::{PublicKey, Suite},
};
use serde_json::{Value, json};
use storage_engine::state::{State, StateStore, records::KeysRecord};

pub fn run(app: &mut App, command: &KeyCommand) -> Result<()> {
    match command {
        KeyCommand::Rotate { holder, suite, unendorsed } => {
            rotate(app, holder, suite.as_deref(), !unendorsed)
        }
        KeyCommand::Revoke { holder, generation, reason } => {
            revoke(app, holder, *generation, reason)
        }
        KeyCommand::List { holder } => list(app, holder.as_deref()),
    }
}

fn rotate(app: &mut App, name: &str, suite: Option<&str>, endorsed: bool) -> Result<()> {
    let holder = parse(app.state()?, name)?;
    let suite = suite.map(parse_suite).transpose()?;
    check_suite(holder, suite)?;
    // Asked first: who cannot sign the command makes no keys.
    check_speaker(app, holder)?;
    let rotation = app.ledger()?.prepare_rotation(holder, suite, endorsed)?;
    let generation = rotation.generation;
    let command = speaker::signed(app, holder.speaker(), Action::RotateKeys(rotation.into()))?;
    let receipt = app.submit_one(command)?;
    if holder == KeyHolder::Operator {
        app.take_up_operator()?;
    }
    let mut row = document(app.state()?, holder, generation)?;
    row["seq"] = receipt.seq.into();
    row["entry_hash"] = receipt.entry_hash.to_hex().into();
    app.out.row(&row, || {
        let told = match holder {
            KeyHolder::Log => "; give `qfs log keys` to those who check the log",
            _ => "",
        };
        format!("{name}: generation {generation} is in force{told}")
    })
}

fn revoke(app: &mut App, name: &str, generation: u32, reason: &str) -> Result<()> {
    let holder = parse(app.state()?, name)?;
    check_speaker(app, holder)?;
    let action = RevokeKeys { holder, generation, reason: reason.to_owned() };
    let command = speaker::signed(app, holder.speaker(), Action::RevokeKeys(action))?;
    let receipt = app.submit_one(command)?;
    let mut row = document(app.state()?, holder, generation)?;
    row["seq"] = receipt.seq.into();
    row["entry_hash"] = receipt.entry_hash.to_hex().into();
    app.out.row(&row, || format!("{name}: generation {generation} is void"))
}

fn list(app: &mut App, name: Option<&str>) -> Result<()> {
    let state = app.state()?;
    let holders = match name {
        Some(name) => vec![parse(state, name)?],
        None => all(state),
    };
    for holder in holders {
        let last = app.state()?.generation_of(holder)?;
        for generation in FIRST_GENERATION..=last {
            let row = document(app.state()?, holder, generation)?;
            app.out.row(&row, || sentence(&row))?;
        }
    }
    Ok(())
}

fn all<S: StateStore>(state: &State<S>) -> Vec<KeyHolder> {
    let seats = (0..).zip(state.council()).map(|(seat, _)| KeyHolder::Council(seat));
    let nodes = (0..).zip(state.nodes()).map(|(number, _)| KeyHolder::Node(number));
    [KeyHolder::Log, KeyHolder::Operator].into_iter().chain(seats).chain(nodes).collect()
}

fn parse<S: StateStore>(state: &State<S>, name: &str) -> Result<KeyHolder> {
    if name == "log" {
        return Ok(KeyHolder::Log);
    }
    Ok(speaker::parse(state, name)?.into())
}

fn parse_suite(name: &str) -> Result<Suite> {
    Suite::from_name(name).ok_or_else(|| {
        let known = Suite::ALL.map(Suite::name).join(", ");
        CliError::failed(ErrorCode::InvalidInput, format!("no suite {name:?}: one of {known}"))
    })
}

fn check_suite(holder: KeyHolder, suite: Option<Suite>) -> Result<()> {
    let detail = match (holder, suite) {
        (KeyHolder::Log, Some(_)) => "the log always has one Ed25519 and one ML-DSA-44 key",
        (KeyHolder::Node(_), Some(Suite::Ed25519)) => "a node's key is of ML-DSA-44, -65 or -87",
        _ => return Ok(()),
    };
    Err(CliError::failed(ErrorCode::InvalidInput, detail))
}

fn check_speaker(app: &mut App, holder: KeyHolder) -> Result<()> {
    let ledger = app.ledger()?;
    if ledger.speaker(holder.speaker())?.is_some() {
        return Ok(());
    }
    let name = speaker::name(ledger.state(), holder.speaker());
    let detail = format!("the key of {name} is not in this data directory, or the seat is vacant");
    Err(CliError::failed(ErrorCode::Unauthorized, detail))
}

fn document<S: StateStore>(state: &State<S>, holder: KeyHolder, generation: u32) -> Result<Value> {
    let record = state.keys_of(holder)?.or_else(|| first(state, holder));
    let named = record.as_ref().and_then(|record| record.get(generation));
    let in_force = record
        .as_ref()
        .is_some_and(|record| record.generation() == generation && !record.in_force.is_empty());
    let keys = named.map(|named| named.keys.iter().map(|key| key.to_hex()).collect::<Vec<_>>());
    Ok(json!({
        "holder": name(state, holder),
        "generation": generation,
        "from_seq": named.map(|named| named.from),
        "fingerprints": keys,
        "suites": record.as_ref().filter(|_| in_force).map(|record| suites(&record.in_force)),
        "in_force": in_force || (named.is_none() && generation == FIRST_GENERATION),
        "endorsed": (holder == KeyHolder::Log && generation > FIRST_GENERATION)
            .then(|| named.is_some_and(|named| named.endorsed)),
        "revoked_by_seq": named.and_then(|named| named.revoked),
    }))
}

/// The record of keys that were never replaced; a node has none, as its suite stands in its scheme only.
fn first<S: StateStore>(state: &State<S>, holder: KeyHolder) -> Option<KeysRecord> {
    let one = |key: &PublicKey| KeysRecord::first(std::slice::from_ref(key));
    match holder {
        KeyHolder::Log => Some(KeysRecord::first(state.log_keys())),
        KeyHolder::Operator => state.operator_key().map(one),
        KeyHolder::Council(seat) => state.council().get(seat as usize)?.as_ref().map(one),
        KeyHolder::Node(number) => {
            let suite = Suite::from_name(&state.node(number)?.scheme)?;
            let bytes = state.node_key(number).ok()??;
            Some(one(&PublicKey { suite, bytes }))
        }
    }
}

fn suites(keys: &[PublicKey]) -> Vec<&'static str> {
    keys.iter().map(|key| key.suite.name()).collect()
}

fn name<S: StateStore>(state: &State<S>, holder: KeyHolder) -> String {
    match holder {
        KeyHolder::Log => "log".into(),
        _ => speaker::name(state, holder.speaker()),
    }
}

fn sentence(row: &Value) -> String {
    let word = match (&row["in_force"], &row["revoked_by_seq"]) {
        (_, Value::Number(seq)) => format!("void since entry {seq}"),
        (Value::Bool(true), _) => "in force".into(),
        _ => "replaced".into(),
    };
    let keys = row["fingerprints"].as_array().into_iter().flatten();
    let keys: Vec<&str> = keys.filter_map(|key| key.as_str()?.get(..16)).collect();
    format!(
        "{:<12} generation {}  {word}  {}",
        row["holder"].as_str().unwrap_or(""),
        row["generation"],
        keys.join(" ")
    )
}
