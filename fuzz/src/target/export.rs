//! The export file: its reader, and the auditor behind it.

use core::convert::Infallible;

use arbitrary::{Result, Unstructured};
use eqm_log::MAX_BODY_LEN;
use eqm_log::export::{ByteSource, Export, ExportError, Reader, Writer};
use protocol::Hash32;

use crate::{
    base::{BASE, exported, replayed},
    edit::edit,
};

/// Bytes at the end of a file that repeat the hash of those before.
const TRAILING_HASH: usize = 32;

/// Any bytes as an export file, as they are or with their hash made good; in one piece and in small ones, by entry and by batch.
/// Every way of reading finds the same entries, the same error, the same hash; and a file that is accepted is the one that the
/// writer makes of what was read.
pub fn export(data: &[u8]) {
    let [how, file @ ..] = data else { return };
    let mut file = file.to_vec();
    if how & 1 == 1 {
        rehash(&mut file);
    }
    let whole = read(&file[..], None);
    let step = usize::from(how >> 1) + 1;
    assert_eq!(read(pieces(&file, step), None), whole);
    assert_eq!(read(pieces(&file, step * 50), Some(usize::from(how >> 5))), whole);
    let Reading { bodies, export, log_hash } = whole;
    if let Ok(export) = export {
        let covered = file.len() - TRAILING_HASH;
        assert_eq!((log_hash, export.file_hash()), (Hash32::of(&file[..covered]), log_hash));
        assert_eq!(written(&export, &bodies), file);
    }
}

/// What one way of reading found.
#[derive(Debug, PartialEq)]
struct Reading {
    bodies: Vec<Vec<u8>>,
    export: core::result::Result<Export, ExportError<Infallible>>,
    log_hash: Hash32,
}

fn read(source: impl ByteSource<Error = Infallible>, batch: Option<usize>) -> Reading {
    let mut reader = Reader::new(source);
    let mut bodies = Vec::new();
    let export = read_all(&mut reader, batch, &mut bodies);
    Reading { bodies, export, log_hash: reader.log_hash() }
}

fn read_all<S: ByteSource>(
    reader: &mut Reader<S>,
    batch: Option<usize>,
    bodies: &mut Vec<Vec<u8>>,
) -> core::result::Result<Export, ExportError<S::Error>> {
    reader.read_header()?;
    if let Some(most) = batch {
        while let Some(batch) = reader.next_batch(most)? {
            bodies.extend(batch.entries().map(|entry| entry.body.to_vec()));
        }
    } else {
        while let Some(entry) = reader.next_entry()? {
            bodies.push(entry.body.to_vec());
        }
    }
    reader.close()
}

/// The file in pieces of at most `step` bytes.
fn pieces(mut file: &[u8], step: usize) -> impl ByteSource<Error = Infallible> {
    move |buffer: &mut [u8]| {
        let room = buffer.len().min(step);
        file.read(&mut buffer[..room])
    }
}

fn written(export: &Export, bodies: &[Vec<u8>]) -> Vec<u8> {
    let mut file = Vec::new();
    let mut writer = Writer::create(&mut file, export.header()).expect("it was read");
    for body in bodies {
        writer.push(body).expect("it was read");
    }
    writer.finish(export.note()).expect("it was read");
    file
}

/// Makes the hash at the end of a file good.
fn rehash(file: &mut [u8]) {
    if let Some((covered, hash)) = file.split_last_chunk_mut::<TRAILING_HASH>() {
        *hash = Hash32::of(covered).0;
    }
}

/// The audit of an honest file that was changed, with its hash made good or not. As nobody but the log can sign, it never passes
/// with other entries than the log's; and without a new hash it never passes at all.
pub fn audit(data: &[u8]) {
    let mut file = BASE.file.clone();
    let mut input = Unstructured::new(data);
    let rehashed = input.arbitrary().unwrap_or(false);
    let _used_up = edit(&mut file, &mut input);
    if rehashed {
        rehash(&mut file);
    }
    let report = replay::audit(&file[..], &BASE.keys, &mut |_| ());
    assert_eq!(report.passed(), report.divergence.is_none());
    if file == BASE.file {
        assert!(report.passed(), "{:?}", report.divergence);
    } else if report.passed() {
        assert!(rehashed, "a changed file has another hash");
        let reading = read(&file[..], None);
        assert_eq!(reading.bodies, BASE.log.bodies);
    }
}

/// The audit of a log whose own keys sign entries that were changed, dropped, repeated or moved. It passes if and only if executing its
/// commands makes exactly these entries.
pub fn forgery(data: &[u8]) {
    let mut bodies = BASE.log.bodies.clone();
    let _used_up = forge(&mut bodies, &mut Unstructured::new(data));
    // Such as the format can hold at all.
    bodies.retain(|body| !body.is_empty());
    bodies.iter_mut().for_each(|body| body.truncate(MAX_BODY_LEN));
    let honest = replayed(&bodies).is_some();
    let opens = bodies.first() == BASE.log.bodies.first();
    let file = exported(bodies);
    let report = replay::audit(&file[..], &BASE.keys, &mut |_| ());
    assert!(honest || !report.passed(), "the entries are not what their commands make");
    if opens {
        assert_eq!(report.passed(), honest, "{:?}", report.divergence);
    }
}

fn forge(bodies: &mut Vec<Vec<u8>>, input: &mut Unstructured<'_>) -> Result<()> {
    for _ in 0..input.int_in_range(1..=3_u8)? {
        let at = input.choose_index(bodies.len().max(1))?;
        let Some(body) = bodies.get_mut(at) else { return Ok(()) };
        match input.int_in_range(0..=4_u8)? {
            0 => bodies.truncate(at + 1),
            1 => drop(bodies.remove(at)),
            2 => {
                let repeated = body.clone();
                bodies.push(repeated);
            }
            _ => edit(body, input)?,
        }
    }
    Ok(())
}
