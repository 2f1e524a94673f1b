//! `gov`, `credit`, `account` and `score`.

use clap::{Args, Subcommand, ValueEnum};

/// `gov`.
#[derive(Debug, Subcommand)]
pub enum GovCommand {
    /// Put a change to the vote.
    #[command(after_help = "Examples:
  qfs gov propose parameter fee_per_kib 50
  qfs gov propose rule allowed_regions EU,UK
  qfs gov propose rule quarantine 3/4 --speaker council-0
  qfs gov propose expel node-003 --emergency
  qfs gov propose credit 5f1c…07aa 1000")]
    Propose(ProposeArgs),
    /// Vote on a proposal; final.
    #[command(after_help = "Examples:
  qfs gov vote 1                           yes, of every elector whose key is here
  qfs gov vote 1 no --speaker council-2")]
    Vote {
        /// Its number.
        proposal: u64,
        /// For or against.
        #[arg(default_value = "yes")]
        vote: Ballot,
        /// In whose name: operator, council-N or a node; may be given many times.
        #[arg(long = "speaker", value_name = "NAME")]
        speakers: Vec<String>,
    },
    /// Put an accepted proposal into force at a later epoch; `epoch advance` does it by itself.
    #[command(after_help = "Example:
  qfs gov activate 1 --speaker council-0")]
    Activate {
        /// Its number.
        proposal: u64,
        /// In whose name: operator, council-N or a node.
        #[arg(long, value_name = "NAME", default_value = "operator")]
        speaker: String,
    },
    /// Parameters and rules in force, and proposals.
    #[command(after_help = "Examples:
  qfs gov show                             everything
  qfs gov show 1                           one proposal with its votes")]
    Show {
        /// A proposal; everything if not given.
        proposal: Option<u64>,
    },
}

/// `gov propose`.
#[derive(Debug, Args)]
pub struct ProposeArgs {
    /// What is to change.
    #[command(subcommand)]
    pub change: ProposedChange,
    /// Take votes at once, under the higher quorum, and do not wait after that.
    #[arg(long, global = true)]
    pub emergency: bool,
    /// In whose name: operator, council-N or a node.
    #[arg(long, global = true, value_name = "NAME", default_value = "operator")]
    pub speaker: String,
}

/// What is to change.
#[derive(Debug, Subcommand)]
pub enum ProposedChange {
    /// A parameter gets a value.
    Parameter {
        /// Its name.
        name: String,
        /// Its value.
        #[arg(allow_hyphen_values = true)]
        value: String,
    },
    /// A rule gets a value: a decimal, a list with commas, or failures/epochs.
    Rule {
        /// Its name.
        name: String,
        /// Its value; an empty text for an empty list.
        #[arg(allow_hyphen_values = true)]
        value: String,
    },
    /// A node is expelled for ever.
    Expel {
        /// The node.
        node: String,
    },
    /// A node gets no new copies until it is reinstated.
    Quarantine {
        /// The node.
        node: String,
    },
    /// A quarantined node is on probation.
    Reinstate {
        /// The node.
        node: String,
    },
    /// Later entries need an engine of this version.
    CodeVersion {
        /// The version.
        version: u32,
    },
    /// An account is credited with ATR.
    Credit {
        /// 64 hex digits, or operator.
        account: String,
        /// How much, as a decimal.
        #[arg(allow_hyphen_values = true)]
        amount: String,
    },
}

/// For or against.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Ballot {
    /// For.
    Yes,
    /// Against.
    No,
}

/// `credit`.
#[derive(Debug, Args)]
pub struct CreditArgs {
    /// 64 hex digits, or operator.
    pub account: String,
    /// How much ATR, as a decimal.
    #[arg(allow_hyphen_values = true)]
    pub amount: String,
}

/// `score`.
#[derive(Debug, Args)]
pub struct ScoreArgs {
    /// The object.
    pub id: String,
    /// Its version.
    pub version: u64,
    /// 0 to 1,000,000.
    pub score: u32,
}
