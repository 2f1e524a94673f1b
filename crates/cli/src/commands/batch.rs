//! `batch`: many commands, one JSON array of words a line, in one process.

use crate::{
    app::App,
    args::{Command, Line},
    error::{CliError, Result},
};
use clap::Parser;
use protocol::ErrorCode;
use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::Path,
};

/// Longest line.
const MAX_LINE: u64 = 1 << 20;

pub fn run(app: &mut App, file: &Path) -> Result<()> {
    let mut reader: Box<dyn BufRead> = if file.as_os_str() == "-" {
        Box::new(BufReader::new(io::stdin()))
    } else {
        let opened = File::open(file).map_err(|error| CliError::io("cannot read", file, &error))?;
        Box::new(BufReader::new(opened))
    };
    let mut failed = false;
    for number in 1_u64.. {
        let mut line = Vec::new();
        let read = reader.as_mut().take(MAX_LINE).read_until(b'\n', &mut line);
        if read.map_err(|error| CliError::io("cannot read", file, &error))? == 0 {
            break;
        }
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let result = parse(&line).and_then(|command| super::run(app, command));
        failed |= !report(app, number, result)?;
    }
    if failed { Err(CliError::Reported) } else { Ok(()) }
}

/// A line that fails does not end the batch; standard output that is gone does.
fn report(app: &App, number: u64, result: Result<()>) -> Result<bool> {
    let refusal = match result {
        Ok(()) => return Ok(true),
        Err(CliError::Reported | CliError::Status(_)) => return Ok(false),
        Err(CliError::Failed(refusal)) => refusal,
        Err(CliError::Usage(detail)) => {
            protocol::Refusal::with(ErrorCode::InvalidInput, format!("line {number}: {detail}"))
        }
    };
    app.out.failure(&refusal);
    Ok(false)
}

fn parse(line: &[u8]) -> Result<Command> {
    let words: Vec<String> = serde_json::from_slice(line)
        .map_err(|error| CliError::Usage(format!("not a JSON array of words: {error}")))?;
    let line = Line::try_parse_from(words).map_err(|error| CliError::Usage(error.to_string()))?;
    match line.command {
        Command::Batch { .. }
        | Command::Init(_)
        | Command::Demo(_)
        | Command::Replay(_)
        | Command::Serve(_)
        | Command::Bench(_) => Err(CliError::Usage("this command has a process of its own".into())),
        command => Ok(command),
    }
}
