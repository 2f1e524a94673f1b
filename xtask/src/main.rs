//! What the project's people run: `cargo xtask <command>`.

mod evidence;
mod lexer;
mod tidy;
mod workload;
mod workspace;

use std::process::ExitCode;

/// One command of `cargo xtask`. A new one is a module with a `run` function and a row in [`COMMANDS`].
struct Command {
    name: &'static str,
    about: &'static str,
    run: fn(&[String]) -> Result<(), Failure>,
}

const COMMANDS: &[Command] = &[
    Command {
        name: "tidy",
        about: "hold the sources to the rules of the workspace",
        run: tidy::run,
    },
    Command {
        name: "evidence",
        about: "write the evidence anew, or compare it (--check, --dir DIR)",
        run: evidence::run,
    },
    Command {
        name: "workload",
        about: "write a long log for measurements (--entries N -o FILE, --mix stores|mixed|signed)",
        run: workload::run,
    },
];

/// Why a command did not succeed; the two kinds have their own exit status.
#[derive(Debug)]
enum Failure {
    /// The command line makes no sense (exit status 2).
    Usage(String),
    /// The command ran and found a fault, or could not run (exit status 1).
    Failed(String),
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match dispatch(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Usage(message)) => {
            eprintln!("{message}\n\n{}", usage());
            ExitCode::from(2)
        }
        Err(Failure::Failed(message)) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(arguments: &[String]) -> Result<(), Failure> {
    let (name, rest) =
        arguments.split_first().ok_or_else(|| Failure::Usage("no command given".into()))?;
    let command = COMMANDS
        .iter()
        .find(|command| command.name == name)
        .ok_or_else(|| Failure::Usage(format!("there is no command `{name}`")))?;
    (command.run)(rest)
}

fn usage() -> String {
    let rows = COMMANDS.iter().map(|command| format!("  {:<10} {}", command.name, command.about));
    ["usage: cargo xtask <command>".to_owned()]
        .into_iter()
        .chain(rows)
        .collect::<Vec<_>>()
        .join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_and_missing_commands_are_usage_errors() {
        assert!(matches!(dispatch(&[]), Err(Failure::Usage(_))));
        assert!(matches!(dispatch(&["nonsense".into()]), Err(Failure::Usage(_))));
    }

    #[test]
    fn usage_lists_every_command() {
        assert!(COMMANDS.iter().all(|command| usage().contains(command.name)));
    }
}
