//! Which files a `put` takes, and how their objects are called.

use crate::{
    error::{CliError, Result},
    output::Output,
};
use protocol::{ErrorCode, Hash32};
use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

/// Where an object's content comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A file.
    File(PathBuf),
    /// Standard input.
    Stdin,
}

/// Collects inputs by object id. Symbolic links and special files inside a tree are left out, with a remark.
pub fn collect(
    out: &Output,
    paths: &[PathBuf],
    object_id: Option<&str>,
    namespace: Option<&str>,
) -> Result<BTreeMap<String, Source>> {
    let mut inputs = BTreeMap::new();
    let mut add = |name: String, source: Source| {
        let id = namespace.map_or_else(|| name.clone(), |namespace| hashed_id(namespace, &name));
        match inputs.insert(id, source) {
            None => Ok(()),
            Some(_) => Err(CliError::Usage(format!("two inputs would be the object {name:?}"))),
        }
    };
    if object_id.is_some() && paths.len() > 1 {
        return Err(CliError::Usage("--object-id names a single input".into()));
    }
    for path in paths {
        if path.as_os_str() == "-" {
            let Some(id) = object_id else {
                return Err(CliError::Usage("standard input needs --object-id".into()));
            };
            add(id.to_owned(), Source::Stdin)?;
            continue;
        }
        let kind = fs::metadata(path).map_err(|error| CliError::io("cannot read", path, &error))?;
        if kind.is_dir() {
            if object_id.is_some() {
                return Err(CliError::Usage("--object-id names a file, not a directory".into()));
            }
            walk(out, path, path, &mut add)?;
        } else if let Some(id) = object_id {
            add(id.to_owned(), Source::File(path.clone()))?;
        } else {
            let name = path.file_name().ok_or_else(|| nameless(path))?;
            add(
                name.to_str().ok_or_else(|| nameless(path))?.to_owned(),
                Source::File(path.clone()),
            )?;
        }
    }
    Ok(inputs)
}

fn walk(
    out: &Output,
    root: &Path,
    dir: &Path,
    add: &mut dyn FnMut(String, Source) -> Result<()>,
) -> Result<()> {
    let failed = |error: io::Error| CliError::io("cannot read directory", dir, &error);
    let mut children: Vec<fs::DirEntry> =
        fs::read_dir(dir).map_err(failed)?.collect::<io::Result<_>>().map_err(failed)?;
    children.sort_by_key(fs::DirEntry::file_name);
    for child in children {
        let path = child.path();
        let kind = child.file_type().map_err(failed)?;
        if kind.is_dir() {
            walk(out, root, &path, add)?;
        } else if kind.is_file() {
            add(relative_name(root, &path)?, Source::File(path))?;
        } else {
            out.note(&format!("left out, not a regular file: {}", path.display()));
        }
    }
    Ok(())
}

/// The path from `root`, with `/` between its parts.
fn relative_name(root: &Path, path: &Path) -> Result<String> {
    let relative = path.strip_prefix(root).map_err(|_| nameless(path))?;
    let parts: Option<Vec<&str>> = relative.iter().map(|part| part.to_str()).collect();
    Ok(parts.ok_or_else(|| nameless(path))?.join("/"))
}

fn nameless(path: &Path) -> CliError {
    CliError::failed(
        ErrorCode::InvalidInput,
        format!("{}: the name is not UTF-8; give one with --object-id", path.display()),
    )
}

/// `H(namespace ‖ 0x00 ‖ name)` in hexadecimal: an object's name that tells nothing about it (PR-10).
pub fn hashed_id(namespace: &str, name: &str) -> String {
    Hash32::of_parts(&[namespace.as_bytes(), &[0], name.as_bytes()]).to_hex()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_gives_relative_names_and_skips_links() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("a/b c")).unwrap();
        fs::write(dir.path().join("a/b c/ü.txt"), "x").unwrap();
        fs::write(dir.path().join("z"), "y").unwrap();
        std::os::unix::fs::symlink("/etc/passwd", dir.path().join("link")).unwrap();
        let out = Output::new(true);
        let inputs = collect(&out, &[dir.path().to_path_buf()], None, None).unwrap();
        assert_eq!(inputs.keys().collect::<Vec<_>>(), ["a/b c/ü.txt", "z"]);
    }

    #[test]
    fn two_inputs_of_one_name_are_a_usage_error() {
        let dir = tempfile::tempdir().unwrap();
        for sub in ["a", "b"] {
            fs::create_dir(dir.path().join(sub)).unwrap();
            fs::write(dir.path().join(sub).join("same"), "x").unwrap();
        }
        let paths = [dir.path().join("a/same"), dir.path().join("b/same")];
        let error = collect(&Output::new(true), &paths, None, None).unwrap_err();
        assert!(matches!(error, CliError::Usage(_)));
        let named = collect(&Output::new(true), &paths, Some("x"), None).unwrap_err();
        assert!(matches!(named, CliError::Usage(_)));
    }
}
