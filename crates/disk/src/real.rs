//! The file system of the machine.

use crate::{Disk, DiskFile};
use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt},
    path::Path,
};

/// The file system of the machine: directories of mode 0700, files of mode 0600.
#[derive(Clone, Copy, Debug, Default)]
pub struct RealDisk;

impl Disk for RealDisk {
    type File = File;

    fn make_dir(&self, path: &Path) -> io::Result<()> {
        make_dir(path, 0o700)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        let names = fs::read_dir(dir)?.map(|item| Ok(item?.file_name().into_string().ok()));
        // A name that is not UTF-8 is none of ours.
        let mut names: Vec<String> =
            names.filter_map(io::Result::transpose).collect::<io::Result<_>>()?;
        names.sort_unstable();
        Ok(names)
    }

    fn open(&self, path: &Path) -> io::Result<File> {
        File::open(path)
    }

    fn modify(&self, path: &Path) -> io::Result<File> {
        OpenOptions::new().read(true).write(true).open(path)
    }

    fn create(&self, path: &Path) -> io::Result<File> {
        create(path, 0o600)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        let dir = if dir.as_os_str().is_empty() { Path::new(".") } else { dir };
        File::open(dir)?.sync_all()
    }
}

fn make_dir(path: &Path, mode: u32) -> io::Result<()> {
    if path.as_os_str().is_empty() || path.is_dir() {
        return Ok(());
    }
    let parent = path.parent().unwrap_or(Path::new(""));
    make_dir(parent, mode)?;
    match DirBuilder::new().mode(mode).create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        made => made.and_then(|()| RealDisk.sync_dir(parent)),
    }
}

fn create(path: &Path, mode: u32) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create_new(true).mode(mode).open(path)
}

/// The file system of the machine for what others are to read: directories and files have the modes that the
/// process's umask leaves.
#[derive(Clone, Copy, Debug, Default)]
pub struct PublicDisk;

impl Disk for PublicDisk {
    type File = File;

    fn make_dir(&self, path: &Path) -> io::Result<()> {
        make_dir(path, 0o777)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        RealDisk.list(dir)
    }

    fn open(&self, path: &Path) -> io::Result<File> {
        RealDisk.open(path)
    }

    fn modify(&self, path: &Path) -> io::Result<File> {
        RealDisk.modify(path)
    }

    fn create(&self, path: &Path) -> io::Result<File> {
        create(path, 0o666)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        RealDisk.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        RealDisk.remove(path)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        RealDisk.sync_dir(dir)
    }
}

impl DiskFile for File {
    fn read_at(&self, at: u64, buf: &mut [u8]) -> io::Result<()> {
        self.read_exact_at(buf, at)
    }

    fn write_at(&mut self, at: u64, bytes: &[u8]) -> io::Result<()> {
        self.write_all_at(bytes, at)
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn set_len(&mut self, len: u64) -> io::Result<()> {
        File::set_len(self, len)
    }

    fn sync_data(&mut self) -> io::Result<()> {
        File::sync_data(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn the_real_disk_conforms() {
        let dir = tempfile::tempdir().unwrap();
        crate::conformance::check(&RealDisk, dir.path());
        let dir = tempfile::tempdir().unwrap();
        crate::conformance::check(&PublicDisk, dir.path());
    }

    #[test]
    fn jo_1_what_is_made_is_its_owners_only() {
        let dir = tempfile::tempdir().unwrap();
        let made = dir.path().join("one/two");
        RealDisk.make_dir(&made).unwrap();
        drop(RealDisk.create(&made.join("file")).unwrap());
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&dir.path().join("one")), mode(&made)), (0o700, 0o700));
        assert_eq!(mode(&made.join("file")), 0o600);
    }
}
