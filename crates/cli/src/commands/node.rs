//! `node`: storage nodes that join and leave, and what the registry says of them.

use crate::{
    app::App,
    args::NodeCommand,
    error::{CliError, Result},
    settings::plain,
    speaker,
};
use aegis_registry::eligibility::{Reason, explain};
use protocol::{
    Action, ErrorCode, NodeId, Rules,
    command::RegisterNode,
    governance::Speaker,
    hash::{hex_decode, hex_encode},
    node::{FailureDomain, NodeNumber, NodeStatus},
    signature::Suite,
};
use serde_json::{Value, json};
use storage_engine::state::{State, StateStore, records::NodeRecord};

pub fn run(app: &mut App, command: NodeCommand) -> Result<()> {
    match command {
        NodeCommand::Register { id, region, operator, asn, scheme, public_key } => {
            register(app, NodeId(id), FailureDomain { region, operator, asn }, scheme, public_key)
        }
        NodeCommand::Status { id } => {
            let number = speaker::node_number(app.state()?, &id)?;
            show(app, number)
        }
        NodeCommand::List => {
            let nodes = app.state()?.nodes();
            let mut numbers: Vec<NodeNumber> = (0..nodes.len() as u32).collect();
            numbers.sort_by_key(|number| &nodes[*number as usize].node_id);
            numbers.into_iter().try_for_each(|number| show(app, number))
        }
        NodeCommand::Exit { id, by } => exit(app, &id, by.as_deref()),
    }
}

fn register(
    app: &mut App,
    node_id: NodeId,
    domain: FailureDomain,
    scheme: String,
    public_key: Option<String>,
) -> Result<()> {
    node_id.validate()?;
    let public_key = match public_key {
        Some(hex) => hex_decode(&hex).ok_or_else(|| {
            CliError::failed(ErrorCode::InvalidInput, "the public key is not lowercase hexadecimal")
        })?,
        None => new_key(app, &node_id, &scheme)?,
    };
    let action = RegisterNode { node_id: node_id.clone(), scheme, public_key, domain };
    let command = app.signed(Action::RegisterNode(action))?;
    app.submit_one(command)?;
    let number = app.state()?.node_number(&node_id)?.ok_or(CliError::Reported)?;
    show(app, number)
}

/// The key that is kept here for a node, made on first use.
fn new_key(app: &mut App, node_id: &NodeId, scheme: &str) -> Result<Vec<u8>> {
    let suite = Suite::from_name(scheme).filter(|suite| *suite != Suite::Ed25519);
    let suite = suite.ok_or_else(|| {
        CliError::failed(
            ErrorCode::InvalidInput,
            format!("no key of scheme {scheme:?} can be made here; give --public-key, or use ML-DSA-44, -65 or -87"),
        )
    })?;
    Ok(app.ledger()?.node_key(node_id, suite)?.bytes)
}

fn exit(app: &mut App, id: &str, by: Option<&str>) -> Result<()> {
    let ledger = app.ledger()?;
    let node = speaker::node_number(ledger.state(), id)?;
    let own = Speaker::Node(node);
    let speaker = match by {
        Some("operator") => Speaker::Operator,
        Some(_) => own,
        None if ledger.speaker(own)?.is_some() => own,
        None => Speaker::Operator,
    };
    let command = speaker::signed(app, speaker, Action::Exit { node })?;
    let receipt = app.submit_one(command)?;
    let mut row = document(app.state()?, node)?;
    row["seq"] = receipt.seq.into();
    row["entry_hash"] = receipt.entry_hash.to_hex().into();
    app.out.row(&row, || {
        format!(
            "{id} is leaving: it gets no new copies; `qfs repair` moves the {} bytes that it holds",
            row["bytes_stored"]
        )
    })
}

fn show(app: &mut App, number: NodeNumber) -> Result<()> {
    let document = document(app.state()?, number)?;
    let text = |key: &str| document[key].as_str().unwrap_or("").to_owned();
    let nod = app.state()?.node(number).map_or_else(String::new, |node| plain(node.nod));
    app.out.row(&document, || {
        let eligible = if document["eligible"] == true { "eligible" } else { "not eligible" };
        format!(
            "{}  {}  {}  {eligible}: {}  {} bytes  {nod} NOD",
            text("node_id"),
            text("status"),
            text("standing"),
            text("reason"),
            document["bytes_stored"],
        )
    })
}

fn document<S: StateStore>(state: &State<S>, number: NodeNumber) -> Result<Value> {
    let (node, ledger) = state.node(number).zip(state.ledger()).ok_or_else(|| {
        CliError::failed(ErrorCode::NotFound, format!("there is no node {number}"))
    })?;
    let key = state.node_key(number)?.map(|key| hex_encode(&key));
    let eligible = state.eligible().contains(&number);
    Ok(json!({
        "node_id": node.node_id.0,
        "pqc_public_key": key,
        "pqc_scheme": node.scheme,
        "status": node.status.unwrap_or(NodeStatus::NoRegistryEntry).name(),
        "standing": node.standing.name(),
        "eligible": eligible,
        "reason": reason(node, eligible, &ledger.rules),
        "region": node.domain.region,
        "operator": node.domain.operator,
        "asn": node.domain.asn,
        "bytes_stored": node.bytes_stored,
        "nod": node.nod.to_string(),
    }))
}

/// Why a node is on the list of the open epoch, or is not (RG-9). The list stands for the whole epoch, so what was
/// learnt since counts from the next one on.
fn reason(node: &NodeRecord, eligible: bool, rules: &Rules) -> String {
    let NodeRecord { registry, telemetry, standing, domain, .. } = node;
    let now = explain(registry.as_ref(), telemetry.as_ref(), *standing, domain, rules);
    match (eligible, now.reason) {
        (true, Reason::Eligible) => Reason::Eligible.to_string(),
        (true, reason) => format!("on the list of this epoch, not of the next: {reason}"),
        (false, Reason::Eligible) => "not on the list of this epoch".into(),
        (false, reason) => reason.to_string(),
    }
}
