//! Writes the seeds that are made. With a target and a folder it adds inputs in that folder to the target's seeds, as long as
//! those stay few.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
};

use fuzz::seeds::{folder, made, name};

/// Bytes and files of one target's seeds; what is made counts, and is kept in any case.
const BYTES: usize = 24 << 10;
const FILES: usize = 40;

fn main() -> io::Result<()> {
    let arguments: Vec<PathBuf> = env::args_os().skip(1).map(PathBuf::from).collect();
    match &arguments[..] {
        [target, found] => add(&folder(&target.to_string_lossy()), found),
        _ => made().iter().try_for_each(|(target, seed)| keep(&folder(target), seed)),
    }
}

fn keep(folder: &Path, seed: &[u8]) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    fs::write(folder.join(name(seed)), seed)
}

/// Takes them in the order of their names, which are hashes: as good as by lot, and the same each time.
fn add(seeds: &Path, found: &Path) -> io::Result<()> {
    let kept = contents(seeds)?;
    let (mut bytes, mut files) = (kept.iter().map(Vec::len).sum::<usize>(), kept.len());
    let mut found = contents(found)?;
    found.sort_by_cached_key(|seed| name(seed));
    for seed in found.iter().filter(|seed| !kept.contains(seed)) {
        if files < FILES && bytes + seed.len() <= BYTES {
            keep(seeds, seed)?;
            (bytes, files) = (bytes + seed.len(), files + 1);
        }
    }
    Ok(())
}

fn contents(folder: &Path) -> io::Result<Vec<Vec<u8>>> {
    fs::read_dir(folder)?.map(|entry| fs::read(entry?.path())).collect()
}
