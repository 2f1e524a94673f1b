//! `epoch` and `rewards`.

use super::{gov, read_text, repair};
use crate::{
    app::App,
    args::EpochCommand,
    error::{CliError, Result},
};
use aegis_registry::snapshot::{Snapshot, read_registry, read_telemetry};
use protocol::{
    Action, ErrorCode, Event, NodeId, Outcome,
    command::AdvanceEpoch,
    event::{EpochClosed, Settlement},
    node::NodeNumber,
};
use serde_json::{Value, json};
use std::path::Path;
use storage_engine::state::{State, StateStore, records::EpochRecord};

pub fn run(app: &mut App, command: &EpochCommand) -> Result<()> {
    match command {
        EpochCommand::Advance { registry, telemetry } => {
            advance(app, registry.as_deref(), telemetry.as_deref())
        }
        EpochCommand::Show { epoch } => show(app, *epoch),
    }
}

fn advance(app: &mut App, registry: Option<&Path>, telemetry: Option<&Path>) -> Result<()> {
    let facts = facts(app.state()?, registry, telemetry)?;
    let command = app.signed(Action::AdvanceEpoch(facts))?;
    let receipt = app.submit_one(command)?;
    let Outcome::Accepted(Event::EpochClosed(closed)) = &receipt.outcome else {
        return Err(CliError::failed(
            ErrorCode::Internal,
            "the receipt is not of an epoch's closing",
        ));
    };
    let data_dir = app.data_dir().to_path_buf();
    let (state, fleet) = app.parts()?;
    let collected = node::uploads::collect(&data_dir, state, fleet)?;
    let activated = gov::activate_due(app)?;
    let state = app.state()?;
    let waiting = repair::waiting(state)?;
    let document = json!({
        "closed_epoch": closed.epoch,
        "epoch": state.epoch(),
        "settlement": settlement(&closed.settlement),
        "eligible": names(state, state.eligible()),
        "nodes": statuses(state, closed),
        "collected_shards": collected,
        "copies_to_repair": waiting,
        "activated": activated,
        "in_force": closed.changes,
        "seq": receipt.seq,
        "entry_hash": receipt.entry_hash.to_hex(),
    });
    let (epoch, eligible, all) = (state.epoch(), state.eligible().len(), state.nodes().len());
    app.out.row(&document, || {
        let s = &closed.settlement;
        let mut text = format!(
            "epoch {} closed: fees {} = rewards {} + treasury {} + reserve {}\nepoch {epoch} is open: {eligible} of {all} nodes are eligible",
            closed.epoch, s.fees, s.rewards, s.treasury, s.reserve
        );
        for proposal in &closed.changes {
            text += &format!("\nproposal {proposal} is in force");
        }
        for proposal in &activated {
            text += &format!("\nproposal {proposal} is accepted and activated");
        }
        if waiting > 0 {
            text += &format!("\n{waiting} copies wait for `qfs repair`");
        }
        text
    })
}

/// Facts of the files that were given; where none was, those of the last closing stand.
fn facts<S: StateStore>(
    state: &State<S>,
    registry: Option<&Path>,
    telemetry: Option<&Path>,
) -> Result<AdvanceEpoch> {
    let ledger = state.ledger().ok_or_else(|| {
        CliError::failed(ErrorCode::AegisContextMissing, "the ledger has no genesis")
    })?;
    let number_of = |id: &str| state.node_number(&NodeId(id.to_owned())).ok().flatten();
    let registry = match registry {
        Some(path) => read_registry(&read_text(path)?, number_of)?,
        None => Snapshot {
            hash: ledger.registry_hash,
            facts: state.nodes().iter().filter_map(|node| node.registry.clone()).collect(),
        },
    };
    let telemetry = match telemetry {
        Some(path) => read_telemetry(&read_text(path)?, number_of)?,
        None => Snapshot {
            hash: ledger.telemetry_hash,
            facts: state.nodes().iter().filter_map(|node| node.telemetry.clone()).collect(),
        },
    };
    Ok(AdvanceEpoch {
        closes: ledger.epoch,
        registry_hash: registry.hash,
        registry: registry.facts,
        telemetry_hash: telemetry.hash,
        telemetry: telemetry.facts,
    })
}

fn names<S: StateStore>(state: &State<S>, nodes: &[NodeNumber]) -> Vec<String> {
    let name = |number: &NodeNumber| Some(state.node(*number)?.node_id.0.clone());
    nodes.iter().filter_map(name).collect()
}

fn settlement(settlement: &Settlement) -> Value {
    json!({
        "fees": settlement.fees.to_string(),
        "pool": settlement.pool.to_string(),
        "rewards": settlement.rewards.to_string(),
        "treasury": settlement.treasury.to_string(),
        "reserve": settlement.reserve.to_string(),
    })
}

fn statuses<S: StateStore>(state: &State<S>, closed: &EpochClosed) -> Vec<Value> {
    let rows = state.nodes().iter().zip(&closed.nodes);
    rows.map(
        |(node, account)| json!({ "node_id": node.node_id.0, "status": account.status.name() }),
    )
    .collect()
}

fn record<S: StateStore>(state: &State<S>, epoch: u64) -> Result<EpochRecord> {
    state
        .epoch_record(epoch)?
        .ok_or_else(|| CliError::failed(ErrorCode::NotFound, format!("there is no epoch {epoch}")))
}

fn show(app: &mut App, epoch: Option<u64>) -> Result<()> {
    let state = app.state()?;
    let epoch = epoch.unwrap_or_else(|| state.epoch());
    let record = record(state, epoch)?;
    let open_fees = state.ledger().map_or_else(String::new, |l| l.treasury.open_fees.to_string());
    let document = match &record.closed {
        None => json!({
            "epoch": epoch, "open": true, "opened_at": record.opened_at, "fees": open_fees,
            "eligible": names(state, &record.eligible),
        }),
        Some(closed) => json!({
            "epoch": epoch, "open": false, "opened_at": record.opened_at,
            "settlement": settlement(&closed.settlement),
            "eligible": names(state, &record.eligible),
            "nodes": statuses(state, closed),
        }),
    };
    let eligible = record.eligible.len();
    app.out.row(&document, || match &record.closed {
        None => format!("epoch {epoch} is open: {eligible} eligible nodes, fees {open_fees} ATR"),
        Some(closed) => format!(
            "epoch {epoch} is closed: {eligible} eligible nodes, fees {} ATR, rewards {} NOD",
            closed.settlement.fees, closed.settlement.rewards
        ),
    })
}

/// `rewards`.
pub fn rewards(app: &mut App, epoch: Option<u64>) -> Result<()> {
    let state = app.state()?;
    let epoch = epoch.unwrap_or_else(|| state.epoch().saturating_sub(1));
    let closed = record(state, epoch)?.closed.ok_or_else(|| {
        CliError::failed(ErrorCode::NotFound, format!("epoch {epoch} is still open"))
    })?;
    let mut rows: Vec<(String, Value)> = Vec::new();
    for (node, account) in state.nodes().iter().zip(&closed.nodes) {
        let id = node.node_id.0.clone();
        let row = json!({
            "node_id": id,
            "nod_reward": account.reward.to_string(),
            "bytes_stored": account.bytes_stored,
            "uptime_bucket": account.uptime_bucket,
            "successful_proofs": account.proofs,
        });
        rows.push((id, row));
    }
    rows.sort_by(|a, b| a.0.cmp(&b.0));
    for (id, row) in rows {
        let reward = row["nod_reward"].as_str().unwrap_or("").to_owned();
        app.out.row(&row, || {
            format!(
                "{id}  {reward} NOD  {} bytes × bucket {} × {} proofs",
                row["bytes_stored"], row["uptime_bucket"], row["successful_proofs"]
            )
        })?;
    }
    Ok(())
}
