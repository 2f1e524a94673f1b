//! `explain`: derivations step by step, recomputed from the log (RP-12).

use crate::{
    app::App,
    args::ExplainCommand,
    error::{CliError, Result},
};
use journal::JournalError;
use protocol::{ErrorCode, Hash32};
use replay::explain::{ExplainError, Explainer, Explanation};

/// Why an explanation stopped early.
enum Stopped {
    Journal(JournalError),
    Explain(ExplainError),
}

impl From<JournalError> for Stopped {
    fn from(error: JournalError) -> Self {
        Self::Journal(error)
    }
}

impl From<Stopped> for CliError {
    fn from(stopped: Stopped) -> Self {
        match stopped {
            Stopped::Journal(error) => error.into(),
            Stopped::Explain(error) => explained(&error),
        }
    }
}

fn explained(error: &ExplainError) -> CliError {
    match error {
        ExplainError::NotFound(detail) => CliError::failed(ErrorCode::NotFound, detail),
        ExplainError::Diverges(divergence) => CliError::failed(divergence.code, divergence),
    }
}

/// `explain`.
pub fn run(app: &mut App, command: &ExplainCommand) -> Result<()> {
    let explainer = match command {
        ExplainCommand::Placement { id, version, shard_id } => {
            let shard = Hash32::from_hex(shard_id).ok_or_else(|| {
                CliError::Usage(format!("{shard_id:?} is no shard id: 64 lowercase hex digits"))
            })?;
            Explainer::placement(id, *version, shard)
        }
        ExplainCommand::Reward { node, epoch } => Explainer::reward(node, *epoch),
    };
    let explanation = derive(app, explainer.map_err(|error| explained(&error))?)?;
    let document = serde_json::from_str(&explanation.to_json().to_string())
        .map_err(|error| CliError::failed(ErrorCode::Internal, error))?;
    app.out.row(&document, || explanation.to_string().trim_end().to_owned())
}

/// Gives it every entry of the log, from the first on.
fn derive(app: &mut App, mut explainer: Explainer) -> Result<Explanation> {
    app.ledger()?
        .read::<Stopped>(0, |entry| explainer.push(&entry.body).map_err(Stopped::Explain))?;
    explainer.finish().map_err(|error| explained(&error))
}
