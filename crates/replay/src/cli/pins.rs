//! The keys that `--key` names.

use std::fs;

use eqm_log::VerifierKey;

/// Longest file of keys that is read, in bytes.
const MAX_FILE: u64 = 1 << 20;

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
