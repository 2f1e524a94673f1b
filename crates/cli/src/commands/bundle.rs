//! `bundle`: the TokenStateBundle.

use crate::{
    app::App,
    error::{CliError, Result},
};
use protocol::{ErrorCode, Hash32};
use token_state::{TokenStateBundle, bundle::NodeMetrics};

pub fn run(app: &mut App) -> Result<()> {
    let state = app.state()?;
    let (Some(ledger_id), Some(ledger)) = (state.ledger_id(), state.ledger()) else {
        return Err(CliError::failed(ErrorCode::AegisContextMissing, "the ledger has no genesis"));
    };
    let metrics = |node: &storage_engine::state::records::NodeRecord| NodeMetrics {
        nod: node.nod,
        bytes_stored: node.bytes_stored,
        uptime_bucket: node.uptime_bucket,
        proofs_verified: node.proofs,
    };
    let bundle = TokenStateBundle {
        ledger_id,
        epoch: ledger.epoch,
        entries: state.cursor().next_seq,
        treasury: ledger.treasury,
        nodes: state.nodes().iter().map(|node| (node.node_id.clone(), metrics(node))).collect(),
    };
    let text = bundle.to_json().to_canonical();
    app.out.bytes(format!("{text}\n").as_bytes())?;
    let hash = Hash32::of(text.as_bytes());
    app.out.note(&format!("bundle hash {hash}"));
    Ok(())
}
