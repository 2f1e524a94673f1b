//! Writes the seeds that are made, beside those that were found.

use std::{fs, io};

use fuzz::seeds::{folder, made, name};

fn main() -> io::Result<()> {
    for (target, seed) in made() {
        let folder = folder(target);
        fs::create_dir_all(&folder)?;
        fs::write(folder.join(name(&seed)), &seed)?;
    }
    Ok(())
}
