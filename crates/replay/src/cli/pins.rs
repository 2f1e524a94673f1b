//! Whose word counts: the keys that `--key` names, or the policy that `--policy` names.

use std::{fs, path::Path};

use eqm_log::{
    Checkpoint, Policy, VerifierKey,
    policy::{Cosigner, PolicyError},
};
use protocol::json::{Value, object};

/// Longest file of keys that is read, in bytes.
const MAX_FILE: u64 = 1 << 20;

/// Keys of logs, and witnesses that must have cosigned.
#[derive(Debug, Default)]
pub struct Trust {
    keys: Vec<VerifierKey>,
    policy: Option<Policy>,
}

impl Trust {
    /// What the options say. Keys come from one of them: of a policy that names no log, the keys are given beside it.
    ///
    /// # Errors
    /// What cannot be read, and options that contradict each other.
    pub fn read(keys: &[String], policy: Option<&Path>) -> Result<Self, String> {
        let keys = read(keys)?;
        let policy = policy.map(read_policy).transpose()?;
        match &policy {
            Some(policy) if policy.logs().is_empty() && keys.is_empty() => {
                Err("the policy names no log: give the log's keys with --key".into())
            }
            Some(policy) if !policy.logs().is_empty() && !keys.is_empty() => {
                Err("the policy names the keys of logs: --key is for one that does not".into())
            }
            _ => Ok(Self { keys, policy }),
        }
    }

    /// Every key of a log that counts; none when anybody's word will do.
    pub fn pins(&self) -> Vec<VerifierKey> {
        let of_policy = self.policy.iter().flat_map(Policy::logs).map(|log| &log.key);
        self.keys.iter().chain(of_policy).cloned().collect()
    }

    /// The keys that can have signed this note: a policy's are each for the log that they are named after.
    pub fn keys_of(&self, note: &str) -> Vec<VerifierKey> {
        match &self.policy {
            Some(policy) if self.keys.is_empty() => Checkpoint::parse_unverified(note)
                .map(|checkpoint| policy.keys_of(&checkpoint.origin))
                .unwrap_or_default(),
            _ => self.keys.clone(),
        }
    }

    /// The witnesses that have cosigned the note, if they are enough for the policy; none are asked for without one.
    ///
    /// # Errors
    /// [`PolicyError`] says who is missing.
    pub fn witnessed(&self, note: &str) -> Result<Vec<Cosigner>, PolicyError> {
        self.policy.as_ref().map_or_else(|| Ok(Vec::new()), |policy| policy.witnessed(note))
    }
}

/// Witnesses as a field of a document.
pub fn cosigners(cosigners: &[Cosigner]) -> Value {
    let one = |cosigner: &Cosigner| {
        object([
            ("witness", cosigner.witness.clone().into()),
            ("key_id", format!("{:08x}", cosigner.key_id).into()),
            ("time", Value::uint(cosigner.time)),
        ])
    };
    cosigners.iter().map(one).collect()
}

/// The policy in a file.
///
/// # Errors
/// What cannot be read or is no policy, with the number of the line.
pub fn read_policy(path: &Path) -> Result<Policy, String> {
    let named = |error: &dyn core::fmt::Display| format!("--policy {}: {error}", path.display());
    if fs::metadata(path).map_err(|error| named(&error))?.len() > MAX_FILE {
        return Err(named(&"longer than 1 MiB"));
    }
    let text = fs::read_to_string(path).map_err(|error| named(&error))?;
    Policy::parse(&text).map_err(|error| named(&error))
}

/// The keys that arguments name, each a verifier key or a file of them (`@FILE` or a path).
///
/// # Errors
/// What is neither, and files that have no key.
pub fn read(arguments: &[String]) -> Result<Vec<VerifierKey>, String> {
    let mut keys = Vec::new();
    for argument in arguments {
        keys.extend(one(argument)?);
    }
    Ok(keys)
}

/// A key, or the keys of a file. What is no key is taken for a path.
fn one(argument: &str) -> Result<Vec<VerifierKey>, String> {
    if let Some(path) = argument.strip_prefix('@') {
        return from_file(path);
    }
    match argument.parse() {
        Ok(key) => Ok(vec![key]),
        Err(error) if fs::exists(argument).unwrap_or(false) => {
            from_file(argument).map_err(|in_file| format!("{in_file} (and as a key: {error})"))
        }
        Err(error) => Err(format!("--key {argument}: {error}, and there is no such file")),
    }
}

fn from_file(path: &str) -> Result<Vec<VerifierKey>, String> {
    let unreadable = |error: std::io::Error| format!("--key {path}: {error}");
    if fs::metadata(path).map_err(unreadable)?.len() > MAX_FILE {
        return Err(format!("--key {path}: longer than 1 MiB"));
    }
    let text = fs::read_to_string(path).map_err(unreadable)?;
    let mut keys = Vec::new();
    for (number, line) in (1u32..).zip(text.lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let key = line.parse().map_err(|error| format!("--key {path}, line {number}: {error}"))?;
        keys.push(key);
    }
    if keys.is_empty() {
        return Err(format!("--key {path}: the file has no key"));
    }
    Ok(keys)
}
