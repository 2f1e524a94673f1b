//! `init`: a ledger with its storage nodes.

use crate::{
    app::App,
    args::InitArgs,
    error::{CliError, Result, accepted},
};
use journal::{Ledger, ledger::NewNode};
use protocol::{NodeId, Parameters, Profile, node::FailureDomain};
use serde_json::json;
use std::{collections::BTreeSet, str::FromStr};

const DEFAULT_NODES: u32 = 7;

pub fn run(app: &mut App, args: &InitArgs) -> Result<()> {
    let names: Vec<String> = if args.node.is_empty() {
        (0..args.nodes.unwrap_or(DEFAULT_NODES)).map(|n| format!("node-{n:03}")).collect()
    } else {
        args.node.clone()
    };
    if names.is_empty() || names.len() != names.iter().collect::<BTreeSet<_>>().len() {
        return Err(CliError::Usage("a ledger has at least one node, and names differ".into()));
    }
    let profile = profile(&args.profile)?;
    let nodes: Vec<NewNode> = names
        .into_iter()
        .map(|name| NewNode { node_id: NodeId(name), domain: FailureDomain::default() })
        .collect();
    for node in &nodes {
        node.node_id.validate()?;
    }
    let (ledger, results) = Ledger::create(app.data_dir(), Parameters::v13(profile), &nodes)?;
    for result in results {
        accepted(result)?;
    }
    app.adopt(ledger)?;
    app.fleet()?.prepare(0..nodes.len() as u32)?;
    let data_dir = app.data_dir().display().to_string();
    let ledger = app.ledger()?;
    let keys = ledger.verifier_keys()?;
    let vkeys: Vec<String> = keys.iter().map(ToString::to_string).collect();
    let document = json!({
        "ledger_id": ledger.state().ledger_id().map(|id| id.to_hex()),
        "name": ledger.origin(),
        "profile": profile.to_string(),
        "nodes": nodes.iter().map(|node| node.node_id.0.as_str()).collect::<Vec<_>>(),
        "epoch": ledger.state().epoch(),
        "entries": ledger.len(),
        "vkeys": vkeys,
    });
    let name = ledger.origin().to_owned();
    app.out.row(&document, || {
        format!(
            "ledger {name} in {data_dir}: {} nodes, profile {profile}, epoch 1 is open",
            nodes.len()
        )
    })
}

/// A profile by its name, or as data,parity,replicas.
fn profile(name: &str) -> Result<Profile> {
    match name.to_ascii_lowercase().as_str() {
        "qfs-v13" | "v13" | "default" => Ok(Profile::QFS_V13),
        "ec-16-6" | "ec-16-6-1" => Ok(Profile::EC_16_6),
        "ec-10-5" | "ec-10-5-1" => Ok(Profile::EC_10_5),
        other => Profile::from_str(other).map_err(|_| {
            CliError::Usage(format!(
                "profile {name:?}: use qfs-v13, ec-16-6, ec-10-5, or three numbers like 16,6,1"
            ))
        }),
    }
}
