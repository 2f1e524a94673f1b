//! `cargo xtask tidy`: the rules that no compiler holds.

mod edges;
mod evidence;
mod hygiene;
mod purity;
mod roots;
mod rules;

use std::fmt;

use crate::Failure;
use crate::lexer;
use crate::workspace::{self, File, Workspace};

/// Something that breaks a rule, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    path: String,
    line: Option<usize>,
    what: String,
}

impl Problem {
    fn in_file(path: &str, what: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line: None, what: what.into() }
    }

    /// At a byte offset of a file, which is the same place in all of its views.
    fn at(file: &File, offset: usize, what: impl Into<String>) -> Self {
        Self {
            path: file.path.clone(),
            line: Some(lexer::line(&file.text, offset)),
            what: what.into(),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.path, self.what),
            None => write!(f, "{}: {}", self.path, self.what),
        }
    }
}

/// What the checks have to say about a workspace.
#[derive(Debug, Default)]
struct Report {
    problems: Vec<Problem>,
    /// What could not be checked, or is worth knowing; never a failure.
    notes: Vec<String>,
}

fn check(workspace: &Workspace) -> Report {
    let table = edges::Table::read(workspace);
    let mut report = Report::default();
    report.problems.extend(edges::check(workspace, &table));
    report.problems.extend(purity::check(workspace, &table));
    report.problems.extend(roots::check(workspace, &table));
    report.problems.extend(hygiene::check(workspace));
    let catalogue = rules::Catalogue::read(workspace);
    report.problems.extend(rules::check(workspace, &catalogue));
    report.notes.extend(rules::notes(workspace, &catalogue));
    evidence::check(workspace, &catalogue, &mut report);
    report
}

/// Runs every check on this workspace; any problem is a failure.
pub fn run(arguments: &[String]) -> Result<(), Failure> {
    if let Some(unknown) = arguments.first() {
        return Err(Failure::Usage(format!("tidy takes no arguments, not `{unknown}`")));
    }
    let workspace = Workspace::load(&workspace::root()).map_err(Failure::Failed)?;
    let report = check(&workspace);
    for note in &report.notes {
        eprintln!("tidy: note: {note}");
    }
    if report.problems.is_empty() {
        eprintln!(
            "tidy: {} crates, {} files, no problem",
            workspace.packages.len(),
            workspace.files.len()
        );
        return Ok(());
    }
    let lines: Vec<String> = report.problems.iter().map(Problem::to_string).collect();
    Err(Failure::Failed(format!("{}\ntidy: {} problems", lines.join("\n"), lines.len())))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A workspace of these files, with no crates.
    pub(super) fn files(files: &[(&str, &str)]) -> Workspace {
        let files = files.iter().map(|(path, text)| File::new(path, text)).collect();
        Workspace { packages: Vec::new(), files }
    }

    #[test]
    fn tidy_holds_on_this_workspace() {
        let workspace = Workspace::load(&workspace::root()).expect("the workspace is readable");
        let problems: Vec<String> =
            check(&workspace).problems.iter().map(Problem::to_string).collect();
        assert!(problems.is_empty(), "\n{}", problems.join("\n"));
    }
}
