//! One module per command.

mod audit;
mod batch;
mod bench;
mod bundle;
mod demo;
mod epoch;
mod explain;
mod gov;
mod init;
mod key;
mod log;
mod money;
mod node;
mod objects;
mod proof;
mod put;
mod repair;
mod score;
mod serve;
mod state;
mod witness;

use crate::{
    app::App,
    args::Command,
    error::{CliError, Result},
};
use eqm_log::Policy;
use protocol::ErrorCode;
use std::{fs::File, io::Read, path::Path, process::ExitCode};

/// Runs one command.
pub fn run(app: &mut App, command: Command) -> Result<()> {
    match command {
        Command::Init(args) => init::run(app, &args),
        Command::Put(args) => put::run(app, &args),
        Command::Get(args) => objects::get(app, &args),
        Command::Rm { id } => objects::rm(app, id),
        Command::Purge { id, version } => objects::purge(app, id, version),
        Command::Ls(args) => objects::ls(app, &args),
        Command::Proof(args) => proof::run(app, args),
        Command::Audit(command) => audit::run(app, &command),
        Command::Repair { node, in_place } => repair::run(app, node.as_deref(), in_place),
        Command::Node(command) => node::run(app, command),
        Command::Epoch(command) => epoch::run(app, &command),
        Command::Gov(command) => gov::run(app, &command),
        Command::Key(command) => key::run(app, &command),
        Command::Credit(args) => money::credit(app, &args),
        Command::Account { account } => money::account(app, &account),
        Command::Serve(args) => serve::run(app, &args),
        Command::Score(args) => score::run(app, &args),
        Command::Rewards { epoch } => epoch::rewards(app, epoch),
        Command::Explain(command) => explain::run(app, &command),
        Command::Bundle => bundle::run(app),
        Command::Log(command) => log::run(app, &command),
        Command::Witness(command) => witness::run(app, &command),
        Command::State(command) => state::run(app, command),
        Command::Batch { file } => batch::run(app, &file),
        Command::Replay(args) => replay_log(app, &args),
        Command::Demo(args) => demo::run(app, &args),
        Command::Bench(args) => bench::run(app, &args),
    }
}

fn replay_log(app: &App, args: &replay::cli::ReplayArgs) -> Result<()> {
    let code = replay::cli::run(args, app.out.is_json());
    if code == ExitCode::SUCCESS {
        return Ok(());
    }
    Err(CliError::Status(if code == ExitCode::from(2) { 2 } else { 1 }))
}

/// Longest text file that a command takes: snapshots, metadata, proofs.
const MAX_TEXT_BYTES: u64 = 64 << 20;

/// A whole file, or standard input for `-`, up to a bound.
pub fn read_text(path: &Path) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let limit = MAX_TEXT_BYTES + 1;
    let read = if path.as_os_str() == "-" {
        std::io::stdin().lock().take(limit).read_to_end(&mut bytes)
    } else {
        File::open(path).and_then(|file| file.take(limit).read_to_end(&mut bytes))
    };
    read.map_err(|error| CliError::io("cannot read", path, &error))?;
    if bytes.len() as u64 > MAX_TEXT_BYTES {
        let detail = format!("{} is longer than 64 MiB", path.display());
        return Err(CliError::failed(ErrorCode::Limit, detail));
    }
    Ok(bytes)
}

/// The policy in a file.
pub fn read_policy(path: &Path) -> Result<Policy> {
    replay::cli::read_policy(path).map_err(CliError::Usage)
}

/// An argument that is a text, or `@FILE` with one.
pub fn text_or_file(argument: &str) -> Result<Vec<u8>> {
    match argument.strip_prefix('@') {
        Some(path) => read_text(Path::new(path)),
        None => Ok(argument.as_bytes().to_vec()),
    }
}
