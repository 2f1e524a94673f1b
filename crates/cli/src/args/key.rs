//! `key`.

use clap::Subcommand;

/// `key`.
#[derive(Debug, Subcommand)]
pub enum KeyCommand {
    /// Make new keys and put them into force.
    #[command(after_help = "Examples:
  qfs key rotate log                       checkpoints from now on; the old keys vouch for the new ones
  qfs key rotate operator
  qfs key rotate council-0 --suite ML-DSA-87
  qfs key rotate node-003
  qfs key rotate log --unendorsed          when the old keys are lost: every auditor needs the new ones

The old files stay in keys/; nothing needs them once the entry is in the log.")]
    Rotate {
        /// log, operator, council-N or a node.
        holder: String,
        /// Suite of the new key: Ed25519, ML-DSA-44, ML-DSA-65 or ML-DSA-87; the one of now if not given.
        #[arg(long, value_name = "NAME")]
        suite: Option<String>,
        /// Do not have the log's old keys vouch for the new ones.
        #[arg(long)]
        unendorsed: bool,
    },
    /// Declare keys void: replaced ones of the log, or those of a council seat, which is vacant then.
    #[command(after_help = "Examples:
  qfs key revoke log 1 --reason \"stolen backup\"
  qfs key revoke council-2 1")]
    Revoke {
        /// log or council-N.
        holder: String,
        /// Number of the generation; see `qfs key list`.
        generation: u32,
        /// Why, for people; at most 64 bytes.
        #[arg(long, default_value = "")]
        reason: String,
    },
    /// Every generation of keys.
    List {
        /// log, operator, council-N or a node; everything if not given.
        holder: Option<String>,
    },
}
