//! Secret keys of a ledger: one file per key, readable by its owner only, used through [`protocol::signature::Signer`].

use crate::{
    JournalError,
    disk::{Disk, RealDisk},
    files,
};
use protocol::{
    hash::{hex_decode, hex_encode},
    signature::{SEED_LEN, SeedSigner, Suite},
};
use std::{
    io,
    path::{Path, PathBuf},
};
use zeroize::Zeroizing;

/// Longest key file that is read.
const MAX_FILE: u64 = 128;

/// The directory of key files. A file holds the 64 hexadecimal digits of a seed; the suite is its extension.
#[derive(Clone, Debug)]
pub struct KeyStore<D: Disk = RealDisk> {
    disk: D,
    dir: PathBuf,
}

impl<D: Disk> KeyStore<D> {
    /// The keys in `dir`, which is made if need be.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn open(disk: D, dir: &Path) -> Result<Self, JournalError> {
        disk.make_dir(dir).map_err(JournalError::io("cannot make directory", dir))?;
        Ok(Self { disk, dir: dir.to_path_buf() })
    }

    /// The signer called `name`, whose key is made on first use.
    ///
    /// # Errors
    /// When the file cannot be read or made, or does not hold a seed.
    pub fn signer(&self, name: &str, suite: Suite) -> Result<SeedSigner, JournalError> {
        let path = self.path(name, suite);
        if let Some(signer) = self.read(&path, suite)? {
            return Ok(signer);
        }
        self.create(&path).map_err(JournalError::io("cannot make key", &path))?;
        self.existing(name, suite)
    }

    /// The signer called `name`.
    ///
    /// # Errors
    /// When there is no such key, or its file does not hold a seed.
    pub fn existing(&self, name: &str, suite: Suite) -> Result<SeedSigner, JournalError> {
        let path = self.path(name, suite);
        let missing = || JournalError::io("cannot read key", &path)(io::ErrorKind::NotFound.into());
        self.read(&path, suite)?.ok_or_else(missing)
    }

    /// The signer called `name`, if there is such a key.
    ///
    /// # Errors
    /// When its file cannot be read, or does not hold a seed.
    pub fn find(&self, name: &str, suite: Suite) -> Result<Option<SeedSigner>, JournalError> {
        self.read(&self.path(name, suite), suite)
    }

    fn read(&self, path: &Path, suite: Suite) -> Result<Option<SeedSigner>, JournalError> {
        let read = files::read(&self.disk, path, MAX_FILE).map(|text| text.map(Zeroizing::new));
        let Some(text) = read.map_err(JournalError::io("cannot read key", path))? else {
            return Ok(None);
        };
        let digits = std::str::from_utf8(&text).ok();
        let seed = digits.and_then(|digits| hex_decode(digits.trim_end())).map(Zeroizing::new);
        let seed = seed.and_then(|seed| <[u8; SEED_LEN]>::try_from(seed.as_slice()).ok());
        let Some(seed) = seed else {
            let bad = io::Error::new(io::ErrorKind::InvalidData, "not the 64 digits of a seed");
            return Err(JournalError::io("cannot read key", path)(bad));
        };
        Ok(Some(SeedSigner::from_seed(suite, seed)))
    }

    fn path(&self, name: &str, suite: Suite) -> PathBuf {
        let extension = match suite {
            Suite::Ed25519 => "ed25519",
            Suite::MlDsa44 => "ml-dsa-44",
            Suite::MlDsa65 => "ml-dsa-65",
            Suite::MlDsa87 => "ml-dsa-87",
        };
        self.dir.join(format!("{name}.{extension}"))
    }

    /// Makes a fresh seed: a crash leaves no half-written key.
    fn create(&self, path: &Path) -> io::Result<()> {
        let mut seed = Zeroizing::new([0u8; SEED_LEN]);
        getrandom::fill(seed.as_mut()).map_err(io::Error::other)?;
        let line = Zeroizing::new(hex_encode(seed.as_ref()) + "\n");
        files::replace(&self.disk, path, line.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::signature::Signer;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn keys_are_made_once_private_and_kept() {
        let dir = tempfile::tempdir().unwrap();
        let keys = KeyStore::open(RealDisk, &dir.path().join("keys")).unwrap();
        assert!(keys.existing("operator", Suite::Ed25519).is_err());
        assert!(keys.find("operator", Suite::Ed25519).unwrap().is_none());
        let first = keys.signer("operator", Suite::Ed25519).unwrap().public_key();
        assert_eq!(keys.signer("operator", Suite::Ed25519).unwrap().public_key(), first);
        let path = dir.path().join("keys/operator.ed25519");
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::write(&path, "short").unwrap();
        let error = keys.existing("operator", Suite::Ed25519).unwrap_err().to_string();
        assert!(!error.contains("short"), "a key's text never reaches a message: {error}");
    }
}
