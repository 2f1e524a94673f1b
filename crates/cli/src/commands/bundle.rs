//! `bundle`: the TokenStateBundle (EC-10).

use crate::{
    app::App,
    error::{CliError, Result},
};
use eqm_log::Checkpoint;
use protocol::{
    Amount, ErrorCode, NodeId,
    governance::{Electorate, Speaker},
};
use std::collections::BTreeMap;
use storage_engine::{
    decide::electors,
    state::{State, StateStore, records::NodeRecord},
};
use token_state::{TokenStateBundle, bundle::NodeMetrics};

pub fn run(app: &mut App) -> Result<()> {
    let ledger = app.ledger()?;
    let (bundle, note) = (bundle(ledger.state())?, ledger.sign_checkpoint()?);
    let size = Checkpoint::parse_unverified(&note).map(|checkpoint| checkpoint.size).ok();
    if size != Some(bundle.entries) {
        let detail = "the checkpoint does not cover exactly the entries of the bundle";
        return Err(CliError::failed(ErrorCode::Internal, detail));
    }
    // A document for programs in either form.
    let text = bundle.document(&note).to_canonical();
    app.out.bytes(format!("{text}\n").as_bytes())
}

fn bundle<S: StateStore>(state: &State<S>) -> Result<TokenStateBundle> {
    let (Some(ledger_id), Some(ledger)) = (state.ledger_id(), state.ledger()) else {
        return Err(CliError::failed(ErrorCode::AegisContextMissing, "the ledger has no genesis"));
    };
    let named = |node: &NodeRecord| (node.node_id.clone(), metrics(node));
    Ok(TokenStateBundle {
        ledger_id,
        epoch: ledger.epoch,
        entries: state.cursor().next_seq,
        treasury: ledger.treasury,
        accounts: state.account_sums()?,
        nodes: state.nodes().iter().map(named).collect(),
        voting_weights: voting_weights(state)?,
    })
}

const fn metrics(node: &NodeRecord) -> NodeMetrics {
    NodeMetrics {
        nod: node.nod,
        bytes_stored: node.bytes_stored,
        uptime_bucket: node.uptime_bucket,
        proofs_verified: node.proofs,
    }
}

/// What each node's vote would weigh; nothing while the council votes.
fn voting_weights<S: StateStore>(state: &State<S>) -> Result<BTreeMap<NodeId, Amount>> {
    let (electorate, electors) = electors(state)?;
    let weight = |(speaker, weight)| match speaker {
        Speaker::Node(number) => Some((state.node(number)?.node_id.clone(), weight)),
        Speaker::Operator | Speaker::Council(_) => None,
    };
    match electorate {
        Electorate::Council => Ok(BTreeMap::new()),
        Electorate::Nodes => Ok(electors.into_iter().filter_map(weight).collect()),
    }
}
