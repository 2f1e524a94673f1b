//! `init`: a ledger with its storage nodes.

use crate::{
    app::App,
    args::InitArgs,
    error::{CliError, Result, accepted},
    settings,
};
use journal::{Ledger, ledger::NewNode};
use protocol::{AccountId, NodeId, Parameters, Rules, node::FailureDomain, signature::Signer};
use serde_json::json;
use std::collections::BTreeSet;

const DEFAULT_NODES: u32 = 7;

pub fn run(app: &mut App, args: &InitArgs) -> Result<()> {
    let nodes = nodes(args)?;
    let (parameters, rules) = constitution(args)?;
    let profile = parameters.profile;
    let (ledger, results) = Ledger::create(app.data_dir(), parameters, rules, &nodes)?;
    for result in results {
        accepted(result)?;
    }
    app.adopt(ledger)?;
    app.fleet()?.prepare(0..nodes.len() as u32)?;
    let data_dir = app.data_dir().display().to_string();
    let ledger = app.ledger()?;
    let keys = ledger.verifier_keys()?;
    let vkeys: Vec<String> = keys.iter().map(ToString::to_string).collect();
    let council = ledger.state().genesis().map_or(&[][..], |genesis| &genesis.council);
    let scorer = ledger.scorer()?.map(|signer| AccountId::of(&signer.public_key()).to_string());
    let document = json!({
        "ledger_id": ledger.state().ledger_id().map(|id| id.to_hex()),
        "name": ledger.origin(),
        "profile": profile.to_string(),
        "nodes": nodes.iter().map(|node| node.node_id.0.as_str()).collect::<Vec<_>>(),
        "epoch": ledger.state().epoch(),
        "entries": ledger.len(),
        "vkeys": vkeys,
        "operator": ledger.state().operator().map(|operator| operator.to_string()),
        "council": council.iter().map(|key| AccountId::of(key).to_string()).collect::<Vec<_>>(),
        "scorer": scorer,
    });
    let name = ledger.origin().to_owned();
    app.out.row(&document, || {
        format!(
            "ledger {name} in {data_dir}: {} nodes, profile {profile}, epoch 1 is open",
            nodes.len()
        )
    })
}

fn nodes(args: &InitArgs) -> Result<Vec<NewNode>> {
    let nodes: Vec<NewNode> = if args.node.is_empty() {
        let names = (0..args.nodes.unwrap_or(DEFAULT_NODES)).map(|n| format!("node-{n:03}"));
        names.map(|name| new_node(name, FailureDomain::default())).collect()
    } else {
        args.node.iter().map(|text| described(text)).collect::<Result<_>>()?
    };
    let names: BTreeSet<&NodeId> = nodes.iter().map(|node| &node.node_id).collect();
    if names.is_empty() || names.len() != nodes.len() {
        return Err(CliError::Usage("a ledger has at least one node, and names differ".into()));
    }
    for node in &nodes {
        node.node_id.validate()?;
    }
    Ok(nodes)
}

const fn new_node(name: String, domain: FailureDomain) -> NewNode {
    NewNode { node_id: NodeId(name), domain }
}

/// A node as `ID[,region=R][,operator=O][,asn=N]`.
fn described(text: &str) -> Result<NewNode> {
    let usage =
        || CliError::Usage(format!("node {text:?}: give ID[,region=R][,operator=O][,asn=N]"));
    let mut parts = text.split(',');
    let name = parts.next().unwrap_or_default().to_owned();
    let mut domain = FailureDomain::default();
    for part in parts {
        match part.split_once('=').ok_or_else(usage)? {
            ("region", region) => domain.region = region.to_owned(),
            ("operator", operator) => domain.operator = operator.to_owned(),
            ("asn", asn) => domain.asn = asn.parse().map_err(|_| usage())?,
            _ => return Err(usage()),
        }
    }
    Ok(new_node(name, domain))
}

/// The parameters and rules of v13, with the profile and what was set.
fn constitution(args: &InitArgs) -> Result<(Parameters, Rules)> {
    let profile = settings::profile(&args.profile).ok_or_else(|| {
        CliError::Usage(format!(
            "profile {:?}: use qfs-v13, ec-16-6, ec-10-5, or three numbers like 16,6,1",
            args.profile
        ))
    })?;
    let (mut parameters, mut rules) = (Parameters::v13(profile), Rules::v13());
    for setting in &args.set {
        let (name, value) = setting
            .split_once('=')
            .ok_or_else(|| CliError::Usage(format!("set {setting:?}: give NAME=VALUE")))?;
        settings::set(&mut parameters, &mut rules, name, value)?;
    }
    Ok((parameters, rules))
}
