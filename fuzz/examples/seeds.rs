//! Writes the seeds that are made. With a target and a folder it adds the inputs in that folder to the target's seeds, the
//! smallest first, as long as the seeds stay small.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
};

use fuzz::seeds::{folder, made, name};

/// Bytes of the seeds of one target; what is made counts, and is kept in any case.
const ROOM: u64 = 20 << 10;

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

fn add(seeds: &Path, found: &Path) -> io::Result<()> {
    let mut used: u64 = sizes(seeds)?.iter().map(|(size, _)| size).sum();
    for (size, file) in sizes(found)? {
        let seed = fs::read(file)?;
        if !seeds.join(name(&seed)).exists() && used + size <= ROOM {
            keep(seeds, &seed)?;
            used += size;
        }
    }
    Ok(())
}

/// The files of a folder by size.
fn sizes(folder: &Path) -> io::Result<Vec<(u64, PathBuf)>> {
    let size = |entry: io::Result<fs::DirEntry>| {
        let entry = entry?;
        Ok((entry.metadata()?.len(), entry.path()))
    };
    let mut sizes = fs::read_dir(folder)?.map(size).collect::<io::Result<Vec<_>>>()?;
    sizes.sort();
    Ok(sizes)
}
