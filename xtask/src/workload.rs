//! A generated log of any length, for measurements: an export signed by the published test keys.

use std::{
    fs::{self, File},
    io::{BufWriter, Write},
    path::{Path, PathBuf},
};

use replay::{
    cli::scratch::{Bounds, Scratch},
    workload::flow::{self, Flow, Mix},
};

use crate::Failure;

const USAGE: &str = "workload takes -o FILE, --entries N, and perhaps --mix stores|mixed|signed, --epoch N, --seed N";

/// Entries between two lines about the progress.
const TOLD: u64 = 500_000;

struct Request {
    flow: Flow,
    file: PathBuf,
}

/// `cargo xtask workload --entries N -o FILE [--mix MIX] [--epoch N] [--seed N]`
pub fn run(arguments: &[String]) -> Result<(), Failure> {
    let Request { flow, file } = read(arguments)?;
    let scratch = file.with_extension("scratch");
    let written = write(&flow, &file, &scratch);
    // The state is of no use afterwards; a failure to remove it is not that of the log.
    let _ = fs::remove_dir_all(&scratch);
    let hash = written.map_err(|error| Failure::Failed(format!("{}: {error}", file.display())))?;
    println!("{} entries in {}, hash {hash}", flow.entries, file.display());
    Ok(())
}

fn read(arguments: &[String]) -> Result<Request, Failure> {
    let mut flow = Flow { seed: 1, entries: 0, epoch: 50_000, mix: Mix::Mixed };
    let mut file = None;
    let (pairs, rest) = arguments.as_chunks::<2>();
    for [option, value] in pairs {
        let number = || value.parse().map_err(|_| usage());
        match (option.as_str(), value.as_str()) {
            ("-o", _) => file = Some(PathBuf::from(value)),
            ("--entries", _) => flow.entries = number()?,
            ("--epoch", _) => flow.epoch = number()?,
            ("--seed", _) => flow.seed = number()?,
            ("--mix", "stores") => flow.mix = Mix::Stores,
            ("--mix", "mixed") => flow.mix = Mix::Mixed,
            ("--mix", "signed") => flow.mix = Mix::Signed,
            _ => return Err(usage()),
        }
    }
    match (file, rest) {
        (Some(file), []) if flow.entries > 0 => Ok(Request { flow, file }),
        _ => Err(usage()),
    }
}

fn usage() -> Failure {
    Failure::Usage(USAGE.into())
}

fn write(flow: &Flow, file: &Path, scratch: &Path) -> Result<String, Box<dyn std::error::Error>> {
    let store = Scratch::open(scratch, Bounds::default())?.into_store();
    let mut out = BufWriter::with_capacity(1 << 20, File::create(file)?);
    let sink = |bytes: &[u8]| out.write_all(bytes);
    let hash = flow::write(flow, store, sink, &mut |entries| {
        if entries.is_multiple_of(TOLD) {
            eprintln!("{entries} of {} entries", flow.entries);
        }
    })?;
    out.flush()?;
    Ok(hash.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_names_a_file_and_a_number() {
        let words = |text: &str| text.split(' ').map(String::from).collect::<Vec<_>>();
        let request = read(&words("--entries 100 -o a --mix signed --epoch 70 --seed 9")).unwrap();
        let flow = Flow { seed: 9, entries: 100, epoch: 70, mix: Mix::Signed };
        assert_eq!((request.flow, request.file), (flow, PathBuf::from("a")));
        for wrong in
            ["--entries 100", "-o a", "--entries 100 -o", "--entries x -o a", "-o a --mix b"]
        {
            assert!(matches!(read(&words(wrong)), Err(Failure::Usage(_))), "{wrong}");
        }
    }
}
