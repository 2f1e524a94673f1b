//! Whether the records of a scratch are those of the state that it claims: their tree, made anew from all of them,
//! has its root (ST-3). No record stays in memory.

use std::{
    fs::{self, File},
    io::{BufWriter, Read, Write},
    panic::{self, AssertUnwindSafe},
    path::{Path, PathBuf},
};

use keccak_batch::hash_many;
use protocol::Hash32;
use redb::{Database, ReadableDatabase, ReadableTable};
use storage_engine::state::{Changes, keys, tree};

use super::{
    Fault, STATE,
    pages::{PageFiles, Unreadable},
};

/// Bytes of a record as the root sees it: hash of its key, hash of its value.
const RECORD_BYTES: usize = 64;

/// Records that are hashed together.
const TOGETHER: usize = 256;

/// Parts into which records are sorted by the first byte of their path, one of which is in memory at a time.
const PARTS: usize = 256;

/// Bytes that wait for the file of each part.
const BUFFER: usize = 8 << 10;

/// Does work over a file that may be damaged in any way: the database panics over some damages, which is a fault here.
pub(super) fn damage_is_a_fault<T>(work: impl FnOnce() -> Result<T, Fault>) -> Result<T, Fault> {
    let done = panic::catch_unwind(AssertUnwindSafe(work));
    done.unwrap_or_else(|_| Err(Fault::of("the file is damaged")))
}

/// Makes the tree of the state's records anew, and holds it against `root`. `folder` has files with their hashes
/// meanwhile.
pub(super) fn plant(
    database: &Database,
    root: Hash32,
    files: &mut PageFiles,
    folder: &Path,
) -> Result<(), Fault> {
    // Of a check that was killed.
    let _ = fs::remove_dir_all(folder);
    fs::create_dir_all(folder).map_err(Fault::of)?;
    let planted = plant_from(database, files, folder);
    fs::remove_dir_all(folder).map_err(Fault::of)?;
    if planted? == root { Ok(()) } else { Err(Fault::of("its records have another root")) }
}

fn plant_from(database: &Database, files: &mut PageFiles, folder: &Path) -> Result<Hash32, Fault> {
    let mut parts = Parts::create(folder)?;
    for record in database.begin_read()?.open_table(STATE)?.iter()? {
        let (key, value) = record?;
        if keys::is_authenticated(key.value()) {
            parts.take(key.value(), value.value())?;
        }
    }
    let mut root = Hash32::ZERO;
    for part in parts.finish()? {
        let mut records = read(&part)?;
        tree::settle(&mut records);
        if !records.is_empty() {
            let mut pages = Changes::new();
            let mut write = |key, page| drop(pages.insert(key, page));
            let updated = tree::update(files, &records, &mut write);
            root = updated.map_err(|Unreadable(fault)| fault)?;
            files.write(&pages)?;
        }
    }
    Ok(root)
}

/// Files of hashes, by the first byte of the path.
struct Parts {
    paths: Vec<PathBuf>,
    files: Vec<BufWriter<File>>,
    waiting: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Parts {
    fn create(folder: &Path) -> Result<Self, Fault> {
        let paths: Vec<PathBuf> = (0..PARTS).map(|at| folder.join(format!("{at:03}"))).collect();
        let create = |path: &PathBuf| Ok(BufWriter::with_capacity(BUFFER, File::create(path)?));
        let files = paths.iter().map(create).collect::<std::io::Result<_>>().map_err(Fault::of)?;
        Ok(Self { paths, files, waiting: Vec::with_capacity(TOGETHER) })
    }

    fn take(&mut self, key: &[u8], value: &[u8]) -> Result<(), Fault> {
        self.waiting.push((key.to_vec(), value.to_vec()));
        if self.waiting.len() < TOGETHER { Ok(()) } else { self.hash() }
    }

    fn hash(&mut self) -> Result<(), Fault> {
        let messages: Vec<&[u8]> =
            self.waiting.iter().flat_map(|(key, value)| [key.as_slice(), value]).collect();
        let mut digests = vec![[0; 32]; messages.len()];
        hash_many(&messages, &mut digests);
        for record in digests.as_chunks::<2>().0 {
            let [[part, ..], _] = record;
            if let Some(file) = self.files.get_mut(usize::from(*part)) {
                file.write_all(record.as_flattened()).map_err(Fault::of)?;
            }
        }
        self.waiting.clear();
        Ok(())
    }

    fn finish(mut self) -> Result<Vec<PathBuf>, Fault> {
        self.hash()?;
        self.files.iter_mut().try_for_each(Write::flush).map_err(Fault::of)?;
        Ok(self.paths)
    }
}

fn read(path: &Path) -> Result<Vec<tree::Change>, Fault> {
    let mut bytes = Vec::new();
    let file = File::open(path).and_then(|mut file| file.read_to_end(&mut bytes));
    file.map_err(Fault::of)?;
    let (records, rest) = bytes.as_chunks::<RECORD_BYTES>();
    if !rest.is_empty() {
        return Err(Fault::of("a file of hashes was cut short"));
    }
    let record = |bytes: &[u8; RECORD_BYTES]| match bytes.as_chunks::<32>().0 {
        [path, value] => Some((Hash32(*path), Some(Hash32(*value)))),
        _ => None,
    };
    Ok(records.iter().filter_map(record).collect())
}
