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

/// Entries are made on one thread and dropped on another, which the system's allocator is slow at and keeps memory for.
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    run(&arguments.replay, arguments.json)
}
