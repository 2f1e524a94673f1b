//! Secret keys of a ledger: one file per key, readable by its owner only, used through [`Signer`].

use crate::{JournalError, files};
use protocol::{
    hash::{hex_decode, hex_encode},
    signature::{SEED_LEN, SeedSigner, Suite},
};
use std::{
    fs::OpenOptions,
    io::{self, Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};
use zeroize::Zeroizing;

/// The directory of key files. A file holds the 64 hexadecimal digits of a seed; the suite is its extension.
#[derive(Clone, Debug)]
pub struct KeyStore {
    dir: PathBuf,
}

impl KeyStore {
    /// The keys in `dir`, which is made if need be.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn open(dir: &Path) -> Result<Self, JournalError> {
        files::make_dir(dir)?;
        Ok(Self { dir: dir.to_path_buf() })
    }

    /// The signer called `name`, whose key is made on first use.
    ///
    /// # Errors
    /// When the file cannot be read or made, or does not hold a seed.
    pub fn signer(&self, name: &str, suite: Suite) -> Result<SeedSigner, JournalError> {
        let path = self.path(name, suite);
        if !path.exists() {
            self.create(&path)?;
        }
        self.existing(name, suite)
    }

    /// The signer called `name`.
    ///
    /// # Errors
    /// When there is no such key, or its file does not hold a seed.
    pub fn existing(&self, name: &str, suite: Suite) -> Result<SeedSigner, JournalError> {
        let path = self.path(name, suite);
        let mut text = Zeroizing::new(String::new());
        OpenOptions::new()
            .read(true)
            .open(&path)
            .and_then(|file| file.take(128).read_to_string(&mut text))
            .map_err(JournalError::io("cannot read key", &path))?;
        let seed = hex_decode(text.trim_end()).map(Zeroizing::new);
        let seed = seed.and_then(|seed| <[u8; SEED_LEN]>::try_from(seed.as_slice()).ok());
        let Some(seed) = seed else {
            let bad = io::Error::new(io::ErrorKind::InvalidData, "not the 64 digits of a seed");
            return Err(JournalError::io("cannot read key", path)(bad));
        };
        Ok(SeedSigner::from_seed(suite, seed))
    }

    fn path(&self, name: &str, suite: Suite) -> PathBuf {
        let extension = match suite {
            Suite::Ed25519 => "ed25519",
            Suite::MlDsa44 => "ml-dsa-44",
        };
        self.dir.join(format!("{name}.{extension}"))
    }

    /// Writes a fresh seed beside the final name and links it there: a crash leaves no half-written key.
    fn create(&self, path: &Path) -> Result<(), JournalError> {
        let failed =
            |source| JournalError::Io { what: "cannot make key", path: path.into(), source };
        let mut seed = Zeroizing::new([0u8; SEED_LEN]);
        getrandom::fill(seed.as_mut()).map_err(|error| failed(io::Error::other(error)))?;
        let staged = path.with_extension("new");
        let write = || {
            let mut file = OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(true)
                .mode(0o600)
                .open(&staged)?;
            let line = Zeroizing::new(hex_encode(seed.as_ref()) + "\n");
            file.write_all(line.as_bytes())?;
            file.sync_all()?;
            std::fs::rename(&staged, path)
        };
        write().map_err(failed)?;
        files::sync_dir(&self.dir)
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
        let keys = KeyStore::open(&dir.path().join("keys")).unwrap();
        assert!(keys.existing("operator", Suite::Ed25519).is_err());
        let first = keys.signer("operator", Suite::Ed25519).unwrap().public_key();
        assert_eq!(keys.signer("operator", Suite::Ed25519).unwrap().public_key(), first);
        let path = dir.path().join("keys/operator.ed25519");
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::write(&path, "short").unwrap();
        let error = keys.existing("operator", Suite::Ed25519).unwrap_err().to_string();
        assert!(!error.contains("short"), "a key's text never reaches a message: {error}");
    }
}
