//! `score`: what a scorer thinks of a version (EC-11).

use crate::{
    app::App,
    args::gov::ScoreArgs,
    error::{CliError, Result},
};
use protocol::{Action, ErrorCode, ObjectId, command::RecordScore};
use serde_json::json;

pub fn run(app: &mut App, args: &ScoreArgs) -> Result<()> {
    let object = ObjectId(args.id.clone());
    let (version, score) = (args.version, args.score);
    let signer = app.ledger()?.scorer()?.ok_or_else(|| {
        CliError::failed(ErrorCode::Unauthorized, "no key of a scorer is in this data directory")
    })?;
    let record = RecordScore { object: object.clone(), version, score };
    let command = app.signed_by(Action::RecordScore(record), &signer)?;
    let scorer = command.payer;
    let receipt = app.submit_one(command)?;
    let row = json!({
        "object_id": object.0,
        "version": version,
        "score": score,
        "scorer": scorer.to_string(),
        "seq": receipt.seq,
        "entry_hash": receipt.entry_hash.to_hex(),
    });
    app.out
        .row(&row, || format!("{object}  version {version}  score {score}  entry {}", receipt.seq))
}
