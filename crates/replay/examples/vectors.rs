//! Writes the files of `tests/vectors/ledger`: `cargo run -p replay --features cli,workload --example vectors DIR`.

use std::{env, fs, path::Path, process::ExitCode};

#[path = "../tests/common/vectors.rs"]
mod vectors;

fn main() -> ExitCode {
    let Some(folder) = env::args_os().nth(1) else {
        eprintln!("usage: vectors DIR");
        return ExitCode::from(2);
    };
    for (name, bytes) in vectors::files() {
        let path = Path::new(&folder).join(name);
        let written = fs::create_dir_all(path.parent().unwrap_or(Path::new(".")))
            .and_then(|()| fs::write(&path, bytes));
        if let Err(error) = written {
            eprintln!("{}: {error}", path.display());
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
