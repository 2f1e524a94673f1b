//! `log keys`: the file of verifier keys that an auditor pins (KY-9).

use crate::{
    app::App,
    error::{CliError, Result},
    sandbox::NewFile,
};
use journal::LogKeys;
use serde_json::{Value, json};
use std::{fmt::Write as _, io::Write, path::Path};

pub fn run(app: &mut App, output: Option<&Path>) -> Result<()> {
    let ledger = app.ledger()?;
    let (origin, generations) = (ledger.origin().to_owned(), ledger.log_keys()?);
    let text = file(&origin, &generations);
    if let Some(path) = output {
        let mut file = NewFile::create(path, "log.vkeys")?;
        let failed = |error| CliError::io("cannot write", path, &error);
        file.write_all(text.as_bytes()).map_err(failed)?;
        file.finish()?;
        app.out.note(&format!("keys of {origin} in {}", path.display()));
    } else if !app.out.is_json() {
        app.out.say(text.trim_end())?;
    }
    if app.out.is_json() {
        for generation in &generations {
            app.out.row(&document(&origin, generation), String::new)?;
        }
    }
    Ok(())
}

/// One key a line, each generation under a comment; what is void is named and not listed.
fn file(origin: &str, generations: &[LogKeys]) -> String {
    let mut text = format!("# Keys that sign the checkpoints of {origin}.\n");
    for LogKeys { generation, from, endorsed, revoked, keys } in generations {
        let vouched = match endorsed {
            None => "of genesis",
            Some(true) => "endorsed by the one before",
            Some(false) => "not endorsed by the one before",
        };
        // Writing to a String cannot fail.
        let _ = writeln!(text, "# Generation {generation}, from entry {from}, {vouched}.");
        match revoked {
            Some(seq) => {
                let _ = writeln!(text, "# Void since entry {seq}: not listed.");
            }
            None => keys.iter().for_each(|key| {
                let _ = writeln!(text, "{key}");
            }),
        }
    }
    text
}

fn document(origin: &str, keys: &LogKeys) -> Value {
    json!({
        "origin": origin,
        "generation": keys.generation,
        "from_seq": keys.from,
        "endorsed": keys.endorsed,
        "revoked_by_seq": keys.revoked,
        "vkeys": keys.keys.iter().map(ToString::to_string).collect::<Vec<_>>(),
    })
}
