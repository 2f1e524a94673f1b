//! Real faults against a real ledger: processes that are killed, disks that run full, disks that fail.
//!
//! ```text
//! torture [kills|full|faults]… [--kills N] [--depth N] [--seed N]
//! ```
//!
//! Without names it does all three, briefly. `make torture` does it at length. Sixteen threads write through a
//! [`journal::Committer`] in a process of its own (this program again), each noting what it is about to ask and what
//! was acknowledged; afterwards the ledger must hold every acknowledged entry, and re-execute.

mod faults;
mod full;
mod kills;
mod ledger;
mod witness;
mod workload;
mod writers;

use std::{path::Path, process::ExitCode};

const NAMES: [&str; 3] = ["kills", "full", "faults"];

/// How much is done.
struct Plan {
    names: Vec<String>,
    kills: u64,
    /// Calls that are made to fail, for each kind of file and call.
    depth: u64,
    seed: u64,
}

impl Plan {
    /// Words that are none of ours belong to the test runner, and are left alone.
    fn parse(words: &[String]) -> Self {
        let number = |name: &str, default| {
            let at = words.iter().position(|word| word == name);
            at.map_or(default, |at| words[at + 1].parse().expect("a number"))
        };
        let names = words.iter().filter(|word| NAMES.contains(&word.as_str()));
        Self {
            names: names.cloned().collect(),
            kills: number("--kills", 30),
            depth: number("--depth", 2),
            seed: number("--seed", 1),
        }
    }

    fn wants(&self, name: &str) -> bool {
        self.names.is_empty() || self.names.iter().any(|wanted| wanted == name)
    }
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match &words[..] {
        [mode, dir, notes, threads, each] if mode == "writers" => {
            let number = |word: &str| word.parse().expect("a number");
            return writers::run(Path::new(dir), Path::new(notes), number(threads), number(each));
        }
        // A runner that asks for names gets one.
        words if words.iter().any(|word| word == "--list") => println!("torture: test"),
        words if is_for_others(words) => {}
        words => torture(&Plan::parse(words)),
    }
    ExitCode::SUCCESS
}

/// Whether the test runner was asked for tests by names of which none is meant here.
fn is_for_others(words: &[String]) -> bool {
    let ours = |word: &str| NAMES.contains(&word) || "torture".contains(word);
    let mut names = words
        .iter()
        .filter(|word| !word.starts_with('-') && word.parse::<u64>().is_err())
        .peekable();
    names.peek().is_some() && !names.any(|word| ours(word))
}

fn torture(plan: &Plan) {
    if plan.wants("kills") {
        println!("kills: {}", kills::run(plan.kills, plan.seed));
    }
    if plan.wants("full") {
        println!("full: {}", full::run());
    }
    if plan.wants("faults") {
        println!("faults: {}", faults::run(plan.depth));
    }
}
