//! The map of the evidence: each row of `PHASE_STORAGE_EVIDENCE.md` (guarantee, rule, test, artifact) names
//! rules that are specified, tests that exist, and files that are there.

use super::edges::cells;
use super::rules::{self, Catalogue};
use super::{Problem, Report};
use crate::lexer;
use crate::workspace::Workspace;

const FILE: &str = "PHASE_STORAGE_EVIDENCE.md";

/// Checks the map, or notes that there is none yet.
pub fn check(workspace: &Workspace, catalogue: &Catalogue, report: &mut Report) {
    let Some(file) = workspace.file(FILE) else {
        report.notes.push(format!("{FILE} does not exist, its rows were not checked"));
        return;
    };
    let tests = test_names(workspace);
    let mut rows = 0usize;
    for (index, line) in file.text.lines().enumerate().filter(|(_, line)| is_row(line)) {
        rows += 1;
        let problem = |what: String| Problem { path: FILE.into(), line: Some(index + 1), what };
        report
            .problems
            .extend(check_row(workspace, catalogue, &tests, line).into_iter().map(problem));
    }
    if rows == 0 {
        report
            .problems
            .push(Problem::in_file(FILE, "no row of guarantee, rule, test and artifact"));
    }
}

/// A row with content: not the header, not the line below it.
fn is_row(line: &str) -> bool {
    let cells = cells(line);
    let header = cells.first().is_some_and(|cell| cell.eq_ignore_ascii_case("guarantee"));
    let ruler = cells.iter().all(|cell| cell.chars().all(|mark| matches!(mark, '-' | ':')));
    line.starts_with('|') && !header && !ruler
}

fn check_row(
    workspace: &Workspace,
    catalogue: &Catalogue,
    tests: &[String],
    line: &str,
) -> Vec<String> {
    let [_, rule, test, artifact] = cells(line)[..] else {
        return vec!["not a row of guarantee, rule, test and artifact".into()];
    };
    let mut faults = Vec::new();
    let cited: Vec<&str> = rules::ids(rule).map(|(_, id)| id).collect();
    if cited.is_empty() {
        faults.push("names no rule".into());
    }
    faults.extend(
        cited
            .iter()
            .filter(|id| !catalogue.has(id))
            .map(|id| format!("no specification defines {id}")),
    );
    let named = quoted(test);
    if named.is_empty() {
        faults.push("names no test".into());
    }
    let unknown = named.iter().filter(|name| !tests.iter().any(|test| test == function(name)));
    faults.extend(unknown.map(|name| format!("there is no test `{name}`")));
    let artifacts = quoted(artifact);
    if artifacts.is_empty() {
        faults.push("names no artifact".into());
    }
    let absent = artifacts.iter().filter(|path| workspace.file(without_fragment(path)).is_none());
    faults.extend(absent.map(|path| format!("there is no file `{path}`")));
    faults
}

/// What stands between backticks in a cell.
fn quoted(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).map(str::trim).collect()
}

/// The function that a test is named by: the last part of its path (`file.py::Case.test`, `crate::module::test`).
fn function(name: &str) -> &str {
    name.rsplit([':', '.', '/']).next().unwrap_or(name)
}

fn without_fragment(path: &str) -> &str {
    path.split('#').next().unwrap_or(path)
}

/// The names of all test functions, Rust and Python.
fn test_names(workspace: &Workspace) -> Vec<String> {
    let rust = workspace
        .files
        .iter()
        .filter(|file| file.is_rust())
        .flat_map(|file| rust_tests(&file.views.code));
    let python =
        workspace.files.iter().filter(|file| file.path.ends_with(".py")).flat_map(|file| {
            file.text.lines().filter_map(|line| line.trim_start().strip_prefix("def test_")).map(
                |rest| {
                    let end = rest.find('(').unwrap_or(rest.len());
                    format!("test_{}", &rest[..end])
                },
            )
        });
    rust.chain(python).collect()
}

/// The functions that follow a `#[test]` attribute.
fn rust_tests(code: &str) -> Vec<String> {
    lexer::attributes(code)
        .iter()
        .filter(|attribute| attribute.text == "#[test]")
        .filter_map(|attribute| {
            let mut rest = lexer::words(&code[attribute.range.end..]).map(|(_, word)| word);
            rest.find(|word| *word == "fn").and_then(|_| rest.next()).map(str::to_owned)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::files;
    use super::*;

    fn problems(row: &str) -> Vec<String> {
        let map =
            format!("# Map\n\n| Guarantee | Rule | Test | Artifact |\n|---|:---|---|---|\n{row}\n");
        let workspace = files(&[
            (FILE, &map),
            ("spec/a.md", "### CM-1 Text"),
            ("evidence/a.json", "{}"),
            (
                "crates/x/src/lib.rs",
                "#[cfg(test)] mod tests { #[test]\n#[ignore] fn it_holds() {}\nfn helper() {} }",
            ),
            ("tests/b.py", "class B:\n    def test_b(self):\n"),
        ]);
        let mut report = Report::default();
        check(&workspace, &Catalogue::read(&workspace), &mut report);
        report.problems.iter().map(Problem::to_string).collect()
    }

    #[test]
    fn true_rows_pass() {
        assert_eq!(
            problems("| It holds | CM-1 | `x::tests::it_holds` | `evidence/a.json#part` |"),
            [""; 0]
        );
        assert_eq!(
            problems(
                "| It holds | CM-1 | `it_holds`, `tests/b.py::B.test_b` | `evidence/a.json` |"
            ),
            [""; 0]
        );
    }

    #[test]
    fn false_rows_are_found() {
        for row in [
            "",
            "| It holds | CM-2 | `it_holds` | `evidence/a.json` |",
            "| It holds | none | `it_holds` | `evidence/a.json` |",
            "| It holds | CM-1 | `helper` | `evidence/a.json` |",
            "| It holds | CM-1 | it_holds | `evidence/a.json` |",
            "| It holds | CM-1 | `it_holds` | `evidence/b.json` |",
            "| It holds | CM-1 | `it_holds` | — |",
            "| It holds | CM-1 | `it_holds` |",
        ] {
            assert_eq!(problems(row).len(), 1, "{row}");
        }
    }

    #[test]
    fn an_absent_map_is_a_note() {
        let workspace = files(&[]);
        let mut report = Report::default();
        check(&workspace, &Catalogue::read(&workspace), &mut report);
        assert!(report.problems.is_empty() && report.notes.len() == 1);
    }
}
