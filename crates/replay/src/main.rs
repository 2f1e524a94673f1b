//! `qfs-replay`: audits an exported log offline. It links no server code.

use std::process::ExitCode;

use clap::Parser;
use replay::cli::{ReplayArgs, run};

/// Audit an exported log: re-execute every entry and compare every byte.
#[derive(Parser)]
#[command(name = "qfs-replay", version)]
struct Arguments {
    #[command(flatten)]
    replay: ReplayArgs,
    /// Print one JSON document instead of text.
    #[arg(long, global = true)]
    json: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    run(&arguments.replay, arguments.json)
}
