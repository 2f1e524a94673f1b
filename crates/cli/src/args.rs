//! The command line. Names, fields and exit statuses are a contract with other programs.

pub mod gov;
pub mod key;
mod objects;
pub mod witness;

pub use self::objects::{GetArgs, LsArgs, PutArgs};
use self::witness::{CosignArgs, WitnessCommand};
use clap::{Args, Parser, Subcommand};
use gov::{CreditArgs, GovCommand, ScoreArgs};
use key::KeyCommand;
use std::{net::SocketAddr, path::PathBuf};

const ABOUT: &str = "A storage ledger that anyone can check: every placement, fee and reward is in a signed log that replays byte for byte.";

const EXAMPLES: &str = "Examples:
  qfs init --nodes 7                     make a ledger with seven storage nodes
  qfs put report.pdf photos/             store a file and a tree
  qfs get report.pdf -o copy.pdf         read it back, verified
  qfs audit run && qfs epoch advance     prove storage, close the epoch, pay the nodes
  qfs log export ledger.qfslog           the whole history as one file
  qfs replay ledger.qfslog               check every byte of it

Exit status: 0 done; 1 refused or failed, with an error code; 2 usage.";

/// The whole command line.
#[derive(Debug, Parser)]
#[command(name = "qfs", version, about = ABOUT, after_help = EXAMPLES, max_term_width = 100)]
pub struct Cli {
    /// Directory of the ledger.
    #[arg(
        long,
        global = true,
        env = "QFS_DATA_DIR",
        default_value = "qfs-data",
        value_name = "DIR"
    )]
    pub data_dir: PathBuf,
    /// One JSON document per row on standard output; everything else on standard error.
    #[arg(long, global = true)]
    pub json: bool,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// One line of a batch: the words after `qfs`.
#[derive(Debug, Parser)]
#[command(name = "qfs", no_binary_name = true, disable_help_flag = true)]
pub struct Line {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a ledger with its storage nodes; epoch 1 is open afterwards.
    #[command(after_help = "Examples:
  qfs init --nodes 7                       nodes node-000 to node-006, profile qfs-v13
  qfs init --node berlin-1,region=EU --node paris-1,region=EU,operator=acme --node rome-1,region=EU
  qfs init --nodes 24 --profile ec-16-6    16 data and 6 parity shards
  qfs init --set allowed_regions=EU,UK --set quarantine=3/4 --set voting_epochs=1")]
    Init(InitArgs),
    /// Store files, standard input (-) or whole trees.
    #[command(after_help = "Examples:
  qfs put notes.txt                        object notes.txt, next version
  qfs put src/                             every file below src/, named by its path from there
  tar c . | qfs put - --object-id backup.tar
  qfs put a.jpg --metadata '{\"tags\":[\"sea\"]}'")]
    Put(PutArgs),
    /// Read an object, verified against the log.
    #[command(after_help = "Examples:
  qfs get notes.txt                        to standard output
  qfs get notes.txt --version 2 -o old.txt
  qfs get video.mp4 --range 0-1048575 -o start.bin
  qfs get src/main.rs -o restored/         into a directory, as restored/src/main.rs")]
    Get(GetArgs),
    /// Mark an object as deleted; earlier versions stay readable until they are purged.
    Rm {
        /// The object.
        id: String,
    },
    /// End one version of an object.
    Purge {
        /// The object.
        id: String,
        /// The version.
        version: u64,
    },
    /// List objects, sorted by name and version.
    #[command(after_help = "Examples:
  qfs ls photos/
  qfs ls --versions --filter author=u1 --filter tags=sea")]
    Ls(LsArgs),
    /// Make or check a Merkle proof of storage.
    #[command(
        args_conflicts_with_subcommands = true,
        after_help = "Examples:
  qfs proof notes.txt 1 7dcca0b2…92a0 > proof.json
  qfs proof verify proof.json --key @log.vkey"
    )]
    Proof(ProofArgs),
    /// Challenge nodes to prove what they store.
    #[command(
        subcommand,
        after_help = "Examples:
  qfs audit run                            a sample of the shards of each node
  qfs audit run --all"
    )]
    Audit(AuditCommand),
    /// Move copies away from nodes that may not keep them: bytes first, ledger second.
    #[command(after_help = "Examples:
  qfs repair                               every copy that has to move
  qfs repair --node node-003               those of one node
  qfs repair --in-place --node node-003    after a new disk: what the node lost, at the node itself

Copies move from nodes that are not eligible or are leaving, and, where a node is degraded, those that
it lost. What cannot be moved is a row with an error code; the others are moved all the same.")]
    Repair {
        /// Only the copies at this node.
        #[arg(long, value_name = "ID")]
        node: Option<String>,
        /// Read every copy that a node may keep, and make what is lost or damaged anew where it was; nothing moves, and
        /// the ledger is not asked.
        #[arg(long)]
        in_place: bool,
    },
    /// Storage nodes.
    #[command(
        subcommand,
        after_help = "Examples:
  qfs node list                            who is eligible, and why the others are not
  qfs node register oslo-1 --region EU --scheme ML-DSA-65
  qfs node exit oslo-1 && qfs repair"
    )]
    Node(NodeCommand),
    /// Epochs: accounting periods.
    #[command(
        subcommand,
        after_help = "Examples:
  qfs epoch advance --registry registry.json --telemetry telemetry.json
  qfs epoch show --epoch 1"
    )]
    Epoch(EpochCommand),
    /// Parameters, rules and nodes, changed by proposals and votes.
    #[command(
        subcommand,
        after_help = "Examples:
  qfs gov propose parameter fee_per_kib 50
  qfs epoch advance && qfs gov vote 1
  qfs gov show"
    )]
    Gov(GovCommand),
    /// Replace keys and declare keys void.
    #[command(
        subcommand,
        after_help = "Examples:
  qfs key rotate log && qfs log keys -o log.vkeys
  qfs key list operator"
    )]
    Key(KeyCommand),
    /// Credit an account with ATR, in the operator's name.
    #[command(after_help = "Example:
  qfs credit operator 1000.5")]
    Credit(CreditArgs),
    /// What an account has and owes.
    #[command(after_help = "Example:
  qfs account operator")]
    Account {
        /// 64 hex digits, or operator.
        #[arg(default_value = "operator")]
        account: String,
    },
    /// Record a score of a version, with the scorer's key of this data directory.
    #[command(after_help = "Example:
  qfs score notes.txt 1 870000 && qfs ls --filter openagi_score=870000")]
    Score(ScoreArgs),
    /// What nodes earned in an epoch.
    Rewards {
        /// The epoch; the last one closed if not given.
        #[arg(long)]
        epoch: Option<u64>,
    },
    /// Why a shard is where it is, or why a node earned what it did, step by step.
    #[command(
        subcommand,
        after_help = "Examples:
  qfs explain placement notes.txt 1 SHARD_ID
  qfs explain reward node-000 --epoch 1

Every number is computed again from the whole log; none is looked up."
    )]
    Explain(ExplainCommand),
    /// The TokenStateBundle as JSON.
    Bundle,
    /// The EQM log.
    #[command(subcommand)]
    Log(LogCommand),
    /// A witness of other people's logs, which cosigns one history of each.
    #[command(
        subcommand,
        after_help = "Examples:
  qfs witness init --dir /var/lib/witness --name witness.example/w1
  qfs witness trust --dir /var/lib/witness --key @log.vkeys
  qfs witness serve --dir /var/lib/witness --listen 127.0.0.1:8480

Never restore the directory from an older copy: a witness that has forgotten what it cosigned can
cosign a second history. Make another one instead, under another name."
    )]
    Witness(WitnessCommand),
    /// Serve this ledger over gRPC (package qfs.v1), with health and reflection, until SIGINT or SIGTERM.
    #[command(after_help = "Examples:
  qfs serve
  qfs serve --listen 127.0.0.1:0 --json      the first row says which port it is

The service does not ask who calls yet, and listens on addresses of this machine alone.")]
    Serve(ServeArgs),
    /// Prove single records of the state under its root, take snapshots of all of it, and check both.
    #[command(
        subcommand,
        after_help = "Examples:
  qfs state prove account 5f1c…07aa -o account.json
  qfs state prove version notes.txt 1 > version.json
  qfs state verify version.json --key @log.vkey
  qfs state snapshot ledger.qfsstate
  qfs state check ledger.qfsstate --root 07c1…e3b2"
    )]
    State(StateCommand),
    /// Run many commands in one process: one JSON array of words per line.
    #[command(after_help = "Example:
  printf '%s\\n' '[\"put\",\"a.txt\"]' '[\"ls\"]' | qfs batch -")]
    Batch {
        /// A file, or - for standard input.
        file: PathBuf,
    },
    /// Check an exported log: chain, tree, signatures, and every outcome by re-execution.
    Replay(replay::cli::ReplayArgs),
    /// A guided tour: a ledger with seven nodes over a directory of yours, audited and replayed.
    Demo(DemoArgs),
    /// Measure the parts on this machine, each beside a plain thing done to the same bytes.
    #[command(after_help = "Examples:
  qfs bench                                everything, in a temporary directory
  qfs bench commit.group_512 --dir /data   on the disk that will hold the ledger
  qfs bench --json > figures.jsonl")]
    Bench(BenchArgs),
}

/// `serve`.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Address to listen on; port 0 takes any that is free.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7420")]
    pub listen: SocketAddr,
}

/// `init`.
#[derive(Debug, Args)]
pub struct InitArgs {
    /// A storage node, and where it stands; may be given many times.
    #[arg(long = "node", value_name = "ID[,region=R][,operator=O][,asn=N]")]
    pub node: Vec<String>,
    /// Number of storage nodes, named node-000 and so on.
    #[arg(long, value_name = "N", conflicts_with = "node")]
    pub nodes: Option<u32>,
    /// Redundancy: qfs-v13 (4,0,3), ec-16-6, ec-10-5, or data,parity,replicas.
    #[arg(long, default_value = "qfs-v13", value_name = "NAME")]
    pub profile: String,
    /// A parameter or a rule, within its bounds (`gov show` lists them); may be given many times.
    #[arg(long, value_name = "NAME=VALUE")]
    pub set: Vec<String>,
}

/// `proof`.
#[derive(Debug, Args)]
pub struct ProofArgs {
    /// Check a proof instead of making one.
    #[command(subcommand)]
    pub verify: Option<ProofCommand>,
    /// The object.
    #[arg(required = true)]
    pub id: Option<String>,
    /// Its version.
    #[arg(required = true)]
    pub version: Option<u64>,
    /// The shard.
    #[arg(required = true)]
    pub shard_id: Option<String>,
    /// Leaf of 4 KiB to prove.
    #[arg(long, default_value_t = 0)]
    pub leaf: u64,
}

/// `proof verify`.
#[derive(Debug, Subcommand)]
pub enum ProofCommand {
    /// Check a proof that was made; needs no ledger.
    Verify {
        /// The proof, or - for standard input.
        file: PathBuf,
        /// Key of the log that must have signed, as text or @FILE.
        #[arg(long = "key", value_name = "VKEY")]
        keys: Vec<String>,
    },
}

/// `audit`.
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Challenge nodes now: a governed sample of shards per node, unless told otherwise.
    Run {
        /// Every shard at every node.
        #[arg(long, conflicts_with = "sample")]
        all: bool,
        /// This many shards per node.
        #[arg(long, value_name = "N")]
        sample: Option<u32>,
    },
}

/// `node`.
#[derive(Debug, Subcommand)]
pub enum NodeCommand {
    /// Register a node. It becomes eligible with the first epoch whose snapshots verify it.
    Register {
        /// Its name.
        id: String,
        /// Region where it stands.
        #[arg(long, default_value = "")]
        region: String,
        /// Who runs it.
        #[arg(long, default_value = "")]
        operator: String,
        /// Autonomous system number of its network.
        #[arg(long, default_value_t = 0)]
        asn: u32,
        /// Signature scheme of its key.
        #[arg(long, default_value = "ML-DSA-44")]
        scheme: String,
        /// Its public key in hexadecimal; a key is made here if not given.
        #[arg(long, value_name = "HEX")]
        public_key: Option<String>,
    },
    /// One node.
    Status {
        /// Its name.
        id: String,
    },
    /// All nodes, by name.
    List,
    /// A node leaves: it gets no new copies, and `qfs repair` moves those that it has.
    Exit {
        /// Its name.
        id: String,
        /// Whose key signs; the node's own if that is here, else the operator's.
        #[arg(long = "as", value_name = "WHO", value_parser = ["operator", "node"])]
        by: Option<String>,
    },
}

/// `epoch`.
#[derive(Debug, Subcommand)]
pub enum EpochCommand {
    /// Close the epoch: verify nodes, settle fees, pay rewards, open the next one.
    Advance {
        /// Registry snapshot (JSON); the last facts stand if not given.
        #[arg(long, value_name = "FILE")]
        registry: Option<PathBuf>,
        /// Telemetry snapshot (JSON); the last facts stand if not given.
        #[arg(long, value_name = "FILE")]
        telemetry: Option<PathBuf>,
    },
    /// The open epoch, or an earlier one.
    Show {
        /// Which epoch.
        #[arg(long)]
        epoch: Option<u64>,
    },
}

/// `log`.
#[derive(Debug, Subcommand)]
pub enum LogCommand {
    /// The entries, in order.
    Show {
        /// First entry to show.
        #[arg(long, default_value_t = 0, value_name = "SEQ")]
        from: u64,
        /// Most entries to show.
        #[arg(long, value_name = "N")]
        limit: Option<u64>,
    },
    /// Sign and print a checkpoint over all entries, with the keys that an auditor pins.
    Checkpoint,
    /// Have the checkpoint over all entries cosigned by the witnesses of a policy, and keep their cosignatures.
    Cosign(CosignArgs),
    /// Write the whole log as one file, or publish it as static files.
    #[command(after_help = "Examples:
  qfs log export ledger.qfslog
  qfs log export --tiles /srv/www/log        what is new since the last time is added")]
    Export {
        /// The file to make.
        #[arg(required_unless_present = "tiles", conflicts_with = "tiles")]
        file: Option<PathBuf>,
        /// Directory for checkpoint, tiles and entry bundles, as C2SP tlog-tiles lays them out; made if missing.
        #[arg(long, value_name = "DIR")]
        tiles: Option<PathBuf>,
    },
    /// Check the ledger's own log as an auditor would.
    Verify,
    /// Prove that an entry is in the log, in a file that `qfs-replay proof` checks offline.
    Prove {
        /// The entry.
        seq: u64,
        /// File to write the proof to; standard output if not given.
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// The keys that checkpoints are signed with, for those who check them.
    #[command(after_help = "Example:
  qfs log keys -o log.vkeys && qfs-replay ledger.qfslog --key @log.vkeys")]
    Keys {
        /// File to write them to; standard output if not given.
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Prove that the log has only grown since an earlier checkpoint; `qfs-replay consistency` checks it offline.
    #[command(after_help = "Examples:
  qfs log consistency old.checkpoint -o growth.proof
  qfs log consistency 1024                   since its first 1,024 entries
  qfs log consistency old.checkpoint newer.checkpoint")]
    Consistency {
        /// The earlier checkpoint: a file, or the number of its entries.
        #[arg(value_name = "OLD_CHECKPOINT|SIZE")]
        old: String,
        /// File of the later checkpoint; one over all entries if not given.
        #[arg(value_name = "NEW_CHECKPOINT")]
        new: Option<PathBuf>,
        /// File to write the proof to; standard output if not given.
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
}

/// `state`.
#[derive(Debug, Subcommand)]
pub enum StateCommand {
    /// Prove a record, or that there is none, under the state root after the last entry.
    Prove {
        /// Which record.
        #[command(subcommand)]
        record: StateRecord,
        /// File to write; standard output if not given.
        #[arg(short, long, value_name = "FILE", global = true)]
        output: Option<PathBuf>,
    },
    /// Check a proof that was made; needs no ledger.
    Verify {
        /// The proof, or - for standard input.
        file: PathBuf,
        /// State root that it must be about.
        #[arg(long, value_name = "HEX")]
        root: Option<String>,
        /// Key of the log that must have signed for the root, as text or @FILE.
        #[arg(long = "key", value_name = "VKEY")]
        keys: Vec<String>,
    },
    /// Write the whole state after the last entry as one file, from which it can be rebuilt.
    Snapshot {
        /// The file to make.
        file: PathBuf,
    },
    /// Rebuild the state of a snapshot in memory, and hold it against its root; needs no ledger.
    Check {
        /// The snapshot, or - for standard input.
        file: PathBuf,
        /// State root that it must have.
        #[arg(long, value_name = "HEX")]
        root: Option<String>,
    },
}

/// A record of the state.
#[derive(Debug, Subcommand)]
pub enum StateRecord {
    /// An object: its owner and its versions' numbers.
    Object {
        /// The object.
        id: String,
    },
    /// One version of an object.
    Version {
        /// The object.
        id: String,
        /// The version.
        version: u64,
    },
    /// An account.
    Account {
        /// The account in hexadecimal.
        account: String,
    },
    /// A storage node.
    Node {
        /// Its name.
        node: String,
    },
    /// Any key.
    Key {
        /// The key in hexadecimal.
        key: String,
    },
}

/// `demo`.
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Directory to store.
    #[arg(long, value_name = "DIR")]
    pub input: PathBuf,
    /// New directory for everything that the tour makes.
    #[arg(long, value_name = "DIR")]
    pub output: PathBuf,
}

/// `bench`.
#[derive(Debug, Args)]
pub struct BenchArgs {
    /// What to measure; everything if not given.
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
    /// Where to put the files that are measured; the system's temporary directory if not given.
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// Objects that `growth` goes up to, in powers of ten from 10,000.
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    pub objects: u64,
    /// Name the benchmarks and run none.
    #[arg(long)]
    pub list: bool,
}

/// `explain`.
#[derive(Debug, Subcommand)]
pub enum ExplainCommand {
    /// The nodes of a shard's copies: its start, its walk, and every move since.
    Placement {
        /// The object.
        id: String,
        /// Its version.
        version: u64,
        /// The shard, as `qfs put --json` names it.
        shard_id: String,
    },
    /// What a node earned when an epoch closed: fees, pool, bytes, uptime and proofs.
    Reward {
        /// The node.
        node: String,
        /// The closed epoch.
        #[arg(long)]
        epoch: u64,
    },
}
