//! Words of `put`, `get` and `ls`.

use clap::Args;
use std::path::PathBuf;

/// `put`.
#[derive(Debug, Args)]
pub struct PutArgs {
    /// Files, directories, or - for standard input.
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Name of the object, for a single file or standard input.
    #[arg(long, value_name = "ID")]
    pub object_id: Option<String>,
    /// Version; one more than the latest if not given.
    #[arg(long)]
    pub version: Option<u64>,
    /// Metadata: a JSON object, or @FILE with one.
    #[arg(long, value_name = "JSON|@FILE", default_value = "{}")]
    pub metadata: String,
    /// Keep readable names out of the log: the object is named by the hash of NS and its name.
    #[arg(long, value_name = "NS")]
    pub hash_ids: Option<String>,
}

/// `get`.
#[derive(Debug, Args)]
pub struct GetArgs {
    /// The object.
    pub id: String,
    /// Version; the latest if not given.
    #[arg(long)]
    pub version: Option<u64>,
    /// Bytes A to B, both included, from 0; A- to the end.
    #[arg(long, value_name = "A-B")]
    pub range: Option<String>,
    /// File to write, or an existing directory to write below; standard output if not given.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// `ls`.
#[derive(Debug, Args)]
pub struct LsArgs {
    /// Beginning of the names to list.
    #[arg(default_value = "")]
    pub prefix: String,
    /// Only objects whose metadata K is V, or a list with V in it; openagi_score is the score on record, if there is one.
    #[arg(long = "filter", value_name = "K=V")]
    pub filters: Vec<String>,
    /// Every version, not the current one only.
    #[arg(long)]
    pub versions: bool,
}
