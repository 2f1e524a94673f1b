//! `qfs`: a ledger and its storage nodes from the command line.

mod app;
mod args;
mod commands;
mod error;
mod output;
mod sandbox;
mod settings;
mod speaker;
mod tree;

use clap::Parser;
use std::process::ExitCode;

/// Commands are made on one thread and dropped on another, which the system's allocator is slow at.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let cli = match args::Cli::try_parse() {
        Ok(cli) => cli,
        // clap's own statuses are the contract's: 0 for help, 2 for a usage error.
        Err(error) => error.exit(),
    };
    let mut app = app::App::new(cli.data_dir, cli.json);
    let result = commands::run(&mut app, cli.command);
    // The ledger ends well even when a command failed: a checkpoint covers what was logged.
    let ended = app.close();
    app.report(result.and(ended))
}
