//! The workspace as data: its crates, and the text of its files.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::lexer::{self, Views};

/// A crate of the workspace, as its manifest has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// The name in the manifest.
    pub name: String,
    /// The folder of the crate, relative to the workspace root.
    pub folder: String,
    /// What it depends on, all kinds and targets, optional or not.
    pub dependencies: Vec<Dependency>,
}

/// One dependency of a [`Package`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dependency {
    /// The name of the crate depended on.
    pub name: String,
    /// Whether it is a crate of this workspace.
    pub ours: bool,
    /// Whether only tests, examples and benchmarks have it.
    pub dev: bool,
}

/// A text file of the project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// The path relative to the workspace root, with `/`.
    pub path: String,
    /// The text as it is.
    pub text: String,
    /// For Rust sources, code and comments apart; for others, empty.
    pub views: Views,
}

impl File {
    /// A file with this path and text; Rust sources are split into their views.
    pub fn new(path: &str, text: &str) -> Self {
        let views = if path.ends_with(".rs") {
            lexer::split(text)
        } else {
            Views { code: String::new(), comments: String::new() }
        };
        Self { path: path.to_owned(), text: text.to_owned(), views }
    }

    /// Whether this is a Rust source.
    pub fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }
}

/// Everything that the checks look at.
#[derive(Debug, Clone, Default)]
pub struct Workspace {
    /// The crates of the workspace.
    pub packages: Vec<Package>,
    /// The project's text files, sorted by path.
    pub files: Vec<File>,
}

impl Workspace {
    /// Reads the workspace at `root`.
    pub fn load(root: &Path) -> Result<Self, String> {
        Ok(Self { packages: packages(root)?, files: files(root)? })
    }

    /// The file at a path relative to the root.
    pub fn file(&self, path: &str) -> Option<&File> {
        self.files.iter().find(|file| file.path == path)
    }

    /// The Rust sources below a folder of the workspace.
    pub fn sources<'a>(&'a self, folder: &'a str) -> impl Iterator<Item = &'a File> {
        self.files
            .iter()
            .filter(move |file| file.is_rust() && Path::new(&file.path).starts_with(folder))
    }
}

/// The root of this workspace.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_path_buf).unwrap_or_default()
}

fn packages(root: &Path) -> Result<Vec<Package>, String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(root)
        .output()
        .map_err(|error| format!("cargo metadata: {error}"))?;
    if !output.status.success() {
        return Err(format!("cargo metadata: {}", String::from_utf8_lossy(&output.stderr)));
    }
    let document: Value = serde_json::from_slice(&output.stdout)
        .map_err(|error| format!("cargo metadata: {error}"))?;
    array(&document, "packages").iter().map(|package| read_package(root, package)).collect()
}

fn read_package(root: &Path, package: &Value) -> Result<Package, String> {
    let manifest = Path::new(string(package, "manifest_path"));
    let folder = manifest
        .parent()
        .and_then(|folder| folder.strip_prefix(root).ok())
        .ok_or_else(|| format!("{} is outside of the workspace", manifest.display()))?;
    let dependencies = array(package, "dependencies")
        .iter()
        .map(|dependency| Dependency {
            name: string(dependency, "name").to_owned(),
            ours: dependency.get("path").is_some(),
            dev: string(dependency, "kind") == "dev",
        })
        .collect();
    Ok(Package {
        name: string(package, "name").to_owned(),
        folder: folder.to_string_lossy().into_owned(),
        dependencies,
    })
}

fn array<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn string<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// Folders that hold no text of ours.
const FOREIGN_FOLDERS: &[&str] = &[".git", "target", "__pycache__", "node_modules"];

fn files(root: &Path) -> Result<Vec<File>, String> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let entries =
            fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        for entry in entries {
            let entry = entry.map_err(|error| format!("{}: {error}", folder.display()))?;
            let kind = entry
                .file_type()
                .map_err(|error| format!("{}: {error}", entry.path().display()))?;
            let name = entry.file_name();
            if kind.is_dir() && !FOREIGN_FOLDERS.iter().any(|foreign| name == *foreign) {
                folders.push(entry.path());
            } else if kind.is_file() {
                found.extend(read_text(root, &entry.path())?);
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

/// The file as text; binary files are none of the checks' business.
fn read_text(root: &Path, path: &Path) -> Result<Option<File>, String> {
    let bytes = fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let relative = path.strip_prefix(root).unwrap_or(path).to_string_lossy().replace('\\', "/");
    Ok(String::from_utf8(bytes).ok().map(|text| File::new(&relative, &text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_workspace_is_read() {
        let workspace = Workspace::load(&root()).expect("the workspace is readable");
        let xtask = workspace
            .packages
            .iter()
            .find(|package| package.name == "xtask")
            .expect("xtask is a member");
        assert_eq!(xtask.folder, "xtask");
        assert!(
            xtask
                .dependencies
                .iter()
                .any(|dependency| dependency.name == "serde_json" && !dependency.ours)
        );
        let protocol = workspace
            .packages
            .iter()
            .find(|package| package.name == "protocol")
            .expect("protocol is a member");
        assert!(
            protocol
                .dependencies
                .iter()
                .any(|dependency| dependency.name == "keccak-batch" && dependency.ours)
        );
        assert!(workspace.file("xtask/src/workspace.rs").is_some());
        assert!(workspace.files.iter().all(|file| !file.path.starts_with("target/")));
    }
}
