//! `witness` and `log cosign`.

use clap::{Args, Subcommand};
use std::{net::SocketAddr, path::PathBuf};

/// What to do with a witness.
#[derive(Debug, Subcommand)]
pub enum WitnessCommand {
    /// Make a witness with keys of its own, and print the keys that others configure to believe it.
    Init {
        /// Where it is.
        #[command(flatten)]
        dir: WitnessDir,
        /// Its name, which stands in its cosignatures; a URL without scheme is usual. It cannot be changed later.
        #[arg(long, value_name = "NAME")]
        name: String,
    },
    /// Tell a witness the keys of a log, which it cosigns from then on; or more keys of a log that it knows.
    Trust {
        /// Where it is.
        #[command(flatten)]
        dir: WitnessDir,
        /// Keys of the log (`qfs log checkpoint` prints them): a verifier key, or a file of them (`@FILE` or a path).
        #[arg(long = "key", value_name = "VKEY|@FILE", required = true)]
        keys: Vec<String>,
    },
    /// Print its keys and the logs that it knows.
    Show {
        /// Where it is.
        #[command(flatten)]
        dir: WitnessDir,
    },
    /// Answer logs (C2SP tlog-witness) until the process is asked to end.
    Serve {
        /// Where it is.
        #[command(flatten)]
        dir: WitnessDir,
        /// Address to listen at; port 0 is any free one.
        #[arg(long, default_value = "127.0.0.1:8480", value_name = "IP:PORT")]
        listen: SocketAddr,
        /// Listen at an address that others reach, although this is plain HTTP: there is a proxy with TLS in front.
        #[arg(long)]
        plain_http: bool,
    },
}

/// The directory of a witness. It has nothing to do with a ledger's.
#[derive(Debug, Args)]
pub struct WitnessDir {
    /// Directory of the witness.
    #[arg(long = "dir", value_name = "DIR")]
    pub path: PathBuf,
}

/// `log cosign`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  qfs log cosign --policy trust.policy
  qfs log cosign --policy trust.policy && qfs log export --tiles /srv/www/log

Each witness of the policy that has an address is asked; what it answers is a row. Checkpoint, proofs, tiles
and export carry the cosignatures from then on, until the log grows. The exit status is 0 when the quorum of
the policy has cosigned, 1 when not.

A policy (C2SP tlog-policy) has lines like these:
  log VKEY                                 both keys of the log, one a line
  witness NAME VKEY https://witness.example
  group two-of-three 2 NAME NAME NAME
  quorum two-of-three")]
pub struct CosignArgs {
    /// File of the policy.
    #[arg(long, value_name = "FILE")]
    pub policy: PathBuf,
    /// Seconds for each request to a witness.
    #[arg(
        long,
        default_value_t = 30,
        value_name = "SECONDS",
        value_parser = clap::value_parser!(u64).range(1..=600)
    )]
    pub timeout: u64,
}
