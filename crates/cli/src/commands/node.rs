//! `node`: registering storage nodes, and what the registry says of them.

use crate::{
    app::App,
    args::NodeCommand,
    error::{CliError, Result},
};
use protocol::{
    Action, ErrorCode, NodeId,
    command::RegisterNode,
    hash::{hex_decode, hex_encode},
    node::{FailureDomain, NodeNumber, NodeStatus},
};
use serde_json::{Value, json};
use storage_engine::state::{State, StateStore};

pub fn run(app: &mut App, command: NodeCommand) -> Result<()> {
    match command {
        NodeCommand::Register { id, region, operator, asn, scheme, public_key } => {
            register(app, NodeId(id), FailureDomain { region, operator, asn }, scheme, public_key)
        }
        NodeCommand::Status { id } => {
            let id = NodeId(id);
            let number = app.state()?.node_number(&id)?.ok_or_else(|| {
                CliError::failed(ErrorCode::NotFound, format!("there is no node {id}"))
            })?;
            show(app, number)
        }
        NodeCommand::List => {
            let nodes = app.state()?.nodes();
            let mut numbers: Vec<NodeNumber> = (0..nodes.len() as u32).collect();
            numbers.sort_by_key(|number| &nodes[*number as usize].node_id);
            numbers.into_iter().try_for_each(|number| show(app, number))
        }
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
        None => app.ledger()?.node_key(&node_id)?.bytes,
    };
    let action = RegisterNode { node_id: node_id.clone(), scheme, public_key, domain };
    let command = app.signed(Action::RegisterNode(action))?;
    app.submit_one(command)?;
    let number = app.state()?.node_number(&node_id)?.ok_or(CliError::Reported)?;
    show(app, number)
}

fn show(app: &mut App, number: NodeNumber) -> Result<()> {
    let document = document(app.state()?, number)?;
    let text = |key: &str| document[key].as_str().unwrap_or("").to_owned();
    app.out.row(&document, || {
        format!("{}  {}  {} bytes", text("node_id"), text("status"), document["bytes_stored"])
    })
}

fn document<S: StateStore>(state: &State<S>, number: NodeNumber) -> Result<Value> {
    let node = state.node(number).ok_or_else(|| {
        CliError::failed(ErrorCode::NotFound, format!("there is no node {number}"))
    })?;
    let key = state.node_key(number)?.map(|key| hex_encode(&key));
    Ok(json!({
        "node_id": node.node_id.0,
        "pqc_public_key": key,
        "pqc_scheme": node.scheme,
        "status": node.status.unwrap_or(NodeStatus::NoRegistryEntry).name(),
        "region": node.domain.region,
        "operator": node.domain.operator,
        "asn": node.domain.asn,
        "bytes_stored": node.bytes_stored,
    }))
}
