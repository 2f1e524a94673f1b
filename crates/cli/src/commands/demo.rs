//! `demo`: the main job on a directory of yours, from an empty ledger to the auditor's verdict.

use crate::{
    app::App,
    args::DemoArgs,
    error::{CliError, Result},
};

pub fn run(app: &mut App, args: &DemoArgs) -> Result<()> {
    let _ = (app, args);
    Err(CliError::Reported)
}
