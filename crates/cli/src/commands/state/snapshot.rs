//! `state snapshot` and `state check`: the whole state as one file, and whether such a file is what it says (ST-11 to ST-13).

use crate::{
    app::App,
    error::{CliError, Result},
    sandbox::NewFile,
};
use protocol::{ErrorCode, Hash32};
use serde_json::{Value, json};
use std::{
    fs::File,
    io::{self, BufWriter, ErrorKind, Read, Write},
    path::Path,
};
use storage_engine::state::{
    MemoryStore,
    snapshot::{self, Reader, Reason, SnapshotError, Summary},
};

/// Bytes that go to or come from the file at once.
const BUFFER: usize = 1 << 20;

/// Writes the state after the last entry.
pub fn write(app: &mut App, file: &Path) -> Result<()> {
    // How long it gets is known at the end only.
    let progress = app.out.progress(0, "writing", true);
    let ledger = app.ledger()?;
    let target = NewFile::create(file, "ledger.qfsstate")?;
    let mut target = BufWriter::with_capacity(BUFFER, target);
    let failed = |error: &io::Error| CliError::io("cannot write", file, error);
    let summary = ledger.snapshot(|bytes: &[u8]| {
        progress.inc_length(bytes.len() as u64);
        progress.inc(bytes.len() as u64);
        target.write_all(bytes).map_err(|error| failed(&error))
    })?;
    progress.finish_and_clear();
    target.into_inner().map_err(|error| failed(error.error()))?.finish()?;
    let mut row = row(&summary);
    row["file"] = file.display().to_string().into();
    app.out.row(&row, || format!("{}: {}", file.display(), describe(&summary)))
}

/// Rebuilds the state in memory, so that its root is computed and not believed.
pub fn check(app: &App, file: &Path, root: Option<&Hash32>) -> Result<()> {
    let cannot_read = |error: io::Error| CliError::io("cannot read", file, &error);
    let (input, length) = open(file).map_err(cannot_read)?;
    let mut input = io::BufReader::with_capacity(BUFFER, input);
    let progress = app.out.progress(length, "checking", true);
    let source = |buf: &mut [u8]| {
        let read = read(&mut input, buf)?;
        progress.inc(read as u64);
        Ok(read)
    };
    let refused = |error| match error {
        SnapshotError::Stream(error) => cannot_read(error),
        SnapshotError::State(error) => CliError::failed(ErrorCode::Internal, error),
        SnapshotError::Refused(reason) => refusal(file, reason),
    };
    let reader = Reader::open(source).map_err(refused)?;
    if let Some(root) = root {
        reader.expect_root(root).map_err(|reason| refusal(file, reason))?;
    }
    let (state, summary) = snapshot::restore(reader, MemoryStore::default()).map_err(refused)?;
    progress.finish_and_clear();
    let mut row = row(&summary);
    row["ok"] = true.into();
    row["verified"] = true.into();
    row["verdict"] = if root.is_some() { "pinned" } else { "unpinned" }.into();
    row["epoch"] = state.epoch().into();
    row["nodes"] = state.nodes().len().into();
    app.out.row(&row, || {
        let verdict = if root.is_some() { "pinned" } else { "unpinned" };
        format!("verified ({verdict}): {}, epoch {}", describe(&summary), state.epoch())
    })
}

fn open(file: &Path) -> io::Result<(Box<dyn Read>, u64)> {
    if file.as_os_str() == "-" {
        return Ok((Box::new(io::stdin().lock()), 0));
    }
    let file = File::open(file)?;
    let length = file.metadata()?.len();
    Ok((Box::new(file), length))
}

fn read(input: &mut impl Read, buf: &mut [u8]) -> io::Result<usize> {
    loop {
        match input.read(buf) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}

fn refusal(file: &Path, reason: Reason) -> CliError {
    let code = match reason {
        Reason::Magic | Reason::Version => ErrorCode::InvalidInput,
        _ => ErrorCode::IntegrityMismatch,
    };
    CliError::failed(code, format!("{}: {reason}", file.display()))
}

fn row(summary: &Summary) -> Value {
    let header = &summary.header;
    json!({
        "ledger_id": header.ledger_id.to_hex(),
        "state_root": header.state_root.to_hex(),
        "seq": header.cursor.next_seq.saturating_sub(1),
        "tick": header.cursor.tick,
        "entry_hash": header.entry_hash.to_hex(),
        "records": summary.records,
        "command_ids": summary.command_ids,
        "bytes": summary.bytes,
        "file_hash": summary.file_hash.to_hex(),
    })
}

fn describe(summary: &Summary) -> String {
    let Summary { header, records, command_ids, bytes, file_hash } = summary;
    let seq = header.cursor.next_seq.saturating_sub(1);
    format!(
        "the state after entry {seq} ({}), root {}, {records} records, {command_ids} command ids, \
         {bytes} bytes, file hash {file_hash}",
        header.entry_hash, header.state_root
    )
}
