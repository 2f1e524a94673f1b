//! `demo`: the main job on a directory of yours, from an empty ledger to the auditor's verdict.
//!
//! Every step is a command that anyone can type; the tour prints it before it runs it.

use crate::{
    app::App,
    args::{Command as Words, DemoArgs, Line},
    error::{CliError, Result},
};
use clap::Parser;
use protocol::ErrorCode;
use serde_json::{Map, Value, json};
use std::{
    fs, io,
    os::unix::{fs::PermissionsExt, process::CommandExt},
    path::{Path, PathBuf},
    process::Command,
};

/// Uptimes of the nodes in the first epoch that closes: the last node is below the gate of 0.90.
const UPTIMES: [&str; 7] = ["1", "0.999", "0.99", "0.97", "0.95", "0.91", "0.42"];
/// User that owns nothing, for the auditor.
const NOBODY: u32 = 65_534;

pub fn run(app: &mut App, args: &DemoArgs) -> Result<()> {
    if !args.input.is_dir() {
        return Err(CliError::Usage(format!("{} is not a directory", args.input.display())));
    }
    let tour = Tour { out: absolute(&args.output)?, input: absolute(&args.input)? };
    make_dir(&tour.out)?;
    let mut guide = App::new(tour.out.join("ledger"), app.out.is_json());
    let result = tour.guide(&mut guide);
    let ended = guide.close();
    result.and(ended)?;
    tour.audit(app)
}

struct Tour {
    out: PathBuf,
    input: PathBuf,
}

impl Tour {
    fn guide(&self, app: &mut App) -> Result<()> {
        let input = self.input.to_string_lossy().into_owned();
        let export = self.out.join("ledger.qfslog").to_string_lossy().into_owned();
        heading(
            app,
            "A ledger with seven storage nodes, a council of three, and votes that take one epoch",
        )?;
        step(app, &["init", "--nodes", "7", "--set", "voting_epochs=1"], Rows::Shown)?;
        heading(
            app,
            "Every file stored: four shards, three copies each, at nodes that anyone can compute",
        )?;
        let version = ["put", &input, "--metadata", r#"{"tags":["demo"]}"#];
        step(app, &version, Rows::Counted("objects stored"))?;
        heading(
            app,
            "Proofs of storage: the entry that opens the audit decides which leaf of which shard",
        )?;
        step(app, &["audit", "run", "--all"], Rows::Counted("shards challenged"))?;
        heading(app, "A change of the rules is proposed; nobody can make it alone, or at once")?;
        step(app, &["gov", "propose", "parameter", "fee_per_kib", "80"], Rows::Shown)?;
        heading(
            app,
            "Epoch 1 closes by what AEGIS observed; fees become rewards, treasury and reserve",
        )?;
        self.advance(app, 1, &UPTIMES)?;
        step(app, &["rewards"], Rows::Shown)?;
        heading(
            app,
            "Epoch 2: the node that was mostly down gets no new shards; the council votes",
        )?;
        step(app, &["node", "list"], Rows::Shown)?;
        step(app, &["gov", "vote", "1"], Rows::Shown)?;
        step(app, &["audit", "run"], Rows::Counted("shards challenged"))?;
        self.advance(app, 2, &["1"; 7])?;
        heading(
            app,
            "Epoch 3: a node leaves; each of its copies moves where the ledger says, bytes first",
        )?;
        step(app, &["node", "exit", "node-002"], Rows::Shown)?;
        step(app, &["repair"], Rows::Counted("copies moved"))?;
        self.advance(app, 3, &["1"; 7])?;
        heading(app, "Epoch 4: the vote is in force, and the node has left")?;
        step(app, &["gov", "show", "1"], Rows::Shown)?;
        step(app, &["node", "list"], Rows::Shown)?;
        heading(app, "The whole history as one file, under a signed checkpoint")?;
        step(app, &["log", "export", &export], Rows::Shown)?;
        let keys: Vec<String> =
            app.ledger()?.verifier_keys()?.iter().map(ToString::to_string).collect();
        write(&self.out.join("ledger.vkeys"), &(keys.join("\n") + "\n"))
    }

    /// Writes the two snapshots of an epoch, as AEGIS would hand them over, and closes it.
    fn advance(&self, app: &mut App, epoch: u64, uptimes: &[&str]) -> Result<()> {
        let (mut registry, mut telemetry) = (Map::new(), Map::new());
        for (node, uptime) in app.state()?.nodes().iter().zip(uptimes) {
            let key = node.key_hash.to_hex();
            registry.insert(
                node.node_id.0.clone(),
                json!({ "pqc_public_key": key, "pqc_scheme": node.scheme, "revoked": false }),
            );
            telemetry.insert(
                node.node_id.0.clone(),
                json!({ "uptime_ratio": uptime, "health_score": "0.99", "conflict_detected": false }),
            );
        }
        let registry = json!({ "schema_version": "v1.0", "nodes": registry });
        let mut telemetry = json!({ "schema_version": "v1.0", "nodes": telemetry });
        telemetry["telemetry_hash"] = Value::from(telemetry_hash(&telemetry)?);
        let files = [("registry", &registry), ("telemetry", &telemetry)].map(|(kind, snapshot)| {
            let path = self.out.join(format!("epoch-{epoch}-{kind}.json"));
            write(&path, &format!("{snapshot}\n")).map(|()| path.to_string_lossy().into_owned())
        });
        let [registry, telemetry] = files;
        let words = ["epoch", "advance", "--registry", &registry?, "--telemetry", &telemetry?];
        step(app, &words, Rows::Shown)
    }

    /// Runs the auditor as a program of its own, in a directory of its own, as another user where this one may
    /// become one: it sees the exported file and the published keys, and nothing else of the ledger.
    fn audit(&self, app: &App) -> Result<()> {
        heading(
            app,
            "An auditor who trusts nobody: another program, another directory, only the file and the keys",
        )?;
        let desk = self.out.join("auditor");
        make_dir(&desk)?;
        let program = qfs_replay()?;
        for (from, name) in [
            (program.as_path(), "qfs-replay"),
            (&self.out.join("ledger.qfslog"), "ledger.qfslog"),
            (&self.out.join("ledger.vkeys"), "ledger.vkeys"),
        ] {
            let to = desk.join(name);
            fs::copy(from, &to).map_err(|error| CliError::io("cannot copy", from, &error))?;
        }
        let mut command = Command::new(desk.join("qfs-replay"));
        command.args(["ledger.qfslog", "--key", "@ledger.vkeys", "--evidence", "evidence"]);
        if app.out.is_json() {
            command.arg("--json");
        }
        command.env_clear().current_dir(&desk);
        if rustix::process::geteuid().is_root() {
            hand_over(&desk)?;
            command.uid(NOBODY).gid(NOBODY);
        }
        app.out.say("$ qfs-replay ledger.qfslog --key @ledger.vkeys --evidence evidence")?;
        let status =
            command.status().map_err(|error| CliError::io("cannot run", &program, &error))?;
        if !status.success() {
            return Err(CliError::Status(1));
        }
        self.look_next(app)
    }

    fn look_next(&self, app: &App) -> Result<()> {
        let out = self.out.display();
        heading(app, "Where to look next")?;
        app.out.say(&format!("  {out}/auditor/evidence/   what the auditor computed, as JSON"))?;
        app.out.say(&format!(
            "  {out}/ledger.qfslog       the log: give it to anyone, with ledger.vkeys"
        ))?;
        app.out.say(&format!("  qfs --data-dir {out}/ledger ls      what is stored"))?;
        app.out.say(&format!("  qfs --data-dir {out}/ledger log show    what happened"))
    }
}

/// What is shown of a step's rows.
enum Rows {
    Shown,
    Counted(&'static str),
}

/// Prints a command line and runs it.
fn step(app: &mut App, words: &[&str], rows: Rows) -> Result<()> {
    let quoted: Vec<String> = words.iter().map(|word| quote(word)).collect();
    app.out.say(&format!("$ qfs {}", quoted.join(" ")))?;
    let line = Line::try_parse_from(words).map_err(|error| CliError::Usage(error.to_string()))?;
    let command: Words = line.command;
    match rows {
        Rows::Shown => super::run(app, command),
        Rows::Counted(what) => {
            app.out.set_quiet(true);
            let result = super::run(app, command);
            app.out.set_quiet(false);
            let count = app.out.take_count();
            result?;
            app.out.say(&format!("{count} {what}"))
        }
    }
}

fn quote(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./@=".contains(c);
    if word.chars().all(plain) { word.to_owned() } else { format!("'{word}'") }
}

fn heading(app: &App, text: &str) -> Result<()> {
    app.out.say(&format!("\n── {text}"))
}

fn telemetry_hash(snapshot: &Value) -> Result<String> {
    let value = protocol::json::parse(snapshot.to_string().as_bytes())
        .map_err(|error| CliError::failed(ErrorCode::Internal, error))?;
    Ok(aegis_registry::snapshot::telemetry_hash(&value).to_hex())
}

/// The auditor's program, built beside this one.
fn qfs_replay() -> Result<PathBuf> {
    let this = std::env::current_exe()
        .map_err(|error| CliError::io("cannot find", Path::new("qfs"), &error))?;
    let program = this.with_file_name("qfs-replay");
    if program.is_file() {
        return Ok(program);
    }
    Err(CliError::failed(
        ErrorCode::NotFound,
        format!("{} is not there; build it with `make build`", program.display()),
    ))
}

/// Lets the auditor's user write its own directory, and pass through the ones above that the tour made.
fn hand_over(desk: &Path) -> Result<()> {
    let failed = |error: io::Error| CliError::io("cannot hand over", desk, &error);
    for entry in fs::read_dir(desk).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        std::os::unix::fs::chown(&path, Some(NOBODY), Some(NOBODY)).map_err(failed)?;
    }
    std::os::unix::fs::chown(desk, Some(NOBODY), Some(NOBODY)).map_err(failed)
}

fn absolute(path: &Path) -> Result<PathBuf> {
    std::path::absolute(path).map_err(|error| CliError::io("cannot find", path, &error))
}

/// A new directory; the tour overwrites nothing.
fn make_dir(path: &Path) -> Result<()> {
    let made = fs::create_dir(path);
    made.and_then(|()| fs::set_permissions(path, fs::Permissions::from_mode(0o755)))
        .map_err(|error| CliError::io("cannot make", path, &error))
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).map_err(|error| CliError::io("cannot write", path, &error))
}
