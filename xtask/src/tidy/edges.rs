//! Which crate may know which: the manifests against the table in `ARCHITECTURE.md`.

use super::Problem;
use crate::workspace::{Package, Workspace};

const FILE: &str = "ARCHITECTURE.md";
const BEGIN: &str = "<!-- edges:begin -->";
const END: &str = "<!-- edges:end -->";

/// What a crate is allowed to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// No I/O, no clock, no randomness, no floats, no hash maps.
    Pure,
    /// May do I/O.
    Io,
    /// A tool of the project's people.
    Tool,
}

/// One row of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The crate.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// Crates of the workspace that it may use.
    pub uses: Vec<String>,
    /// External crates that it may use outside of tests.
    pub externals: Vec<String>,
}

/// The table, or what is wrong with it.
#[derive(Debug, Default)]
pub struct Table {
    /// The rows in their order; a crate may only use crates above it.
    pub rows: Vec<Row>,
    problems: Vec<Problem>,
}

impl Table {
    /// Reads the table of a workspace.
    pub fn read(workspace: &Workspace) -> Self {
        let section = workspace
            .file(FILE)
            .and_then(|file| file.text.split_once(BEGIN))
            .and_then(|(_, after)| after.split_once(END));
        let Some((section, _)) = section else {
            let what = format!("no crate table between `{BEGIN}` and `{END}`");
            return Self { rows: Vec::new(), problems: vec![Problem::in_file(FILE, what)] };
        };
        let mut table = Self::default();
        for line in section.lines().filter(|line| line.starts_with('|')).skip(2) {
            match read_row(line) {
                Ok(row) => table.rows.push(row),
                Err(what) => table.problems.push(Problem::in_file(FILE, what)),
            }
        }
        table
    }

    fn position(&self, name: &str) -> Option<usize> {
        self.rows.iter().position(|row| row.name == name)
    }

    /// The pure crates of a workspace with their folders.
    pub fn pure<'a>(&'a self, workspace: &'a Workspace) -> impl Iterator<Item = &'a Package> {
        workspace.packages.iter().filter(|package| {
            self.rows.iter().any(|row| row.name == package.name && row.kind == Kind::Pure)
        })
    }
}

/// The cells of a Markdown table row, without their markup.
pub fn cells(line: &str) -> Vec<&str> {
    line.trim().trim_matches('|').split('|').map(str::trim).collect()
}

fn read_row(line: &str) -> Result<Row, String> {
    let [name, kind, uses, externals] = cells(line)[..] else {
        return Err(format!("not a row of four cells: {line}"));
    };
    let kind = match kind {
        "pure" => Kind::Pure,
        "io" => Kind::Io,
        "tool" => Kind::Tool,
        other => return Err(format!("`{other}` is no kind of crate (pure, io, tool)")),
    };
    Ok(Row { name: plain(name), kind, uses: list(uses), externals: list(externals) })
}

fn plain(cell: &str) -> String {
    cell.trim_matches('`').to_owned()
}

/// A comma-separated cell; a dash means none.
fn list(cell: &str) -> Vec<String> {
    cell.split(',')
        .map(|item| plain(item.trim()))
        .filter(|item| !matches!(item.as_str(), "" | "-" | "—"))
        .collect()
}

/// Holds the table to itself, and the manifests to the table.
pub fn check(workspace: &Workspace, table: &Table) -> Vec<Problem> {
    let mut problems = table.problems.clone();
    problems.extend(table.rows.iter().flat_map(|row| check_row(table, row)));
    for row in &table.rows {
        if !workspace.packages.iter().any(|package| package.name == row.name) {
            problems.push(Problem::in_file(
                FILE,
                format!("`{}` is not a crate of the workspace", row.name),
            ));
        }
    }
    problems.extend(workspace.packages.iter().flat_map(|package| check_package(table, package)));
    problems
}

/// An edge of the table may only point up, and from a pure crate only at a pure one.
fn check_row(table: &Table, row: &Row) -> Vec<Problem> {
    let own = table.position(&row.name);
    let mut problems = Vec::new();
    for used in &row.uses {
        let other = table.position(used);
        if other.is_none() || other >= own {
            problems.push(Problem::in_file(
                FILE,
                format!("`{}` may only use crates above it, not `{used}`", row.name),
            ));
        }
        let pure = other.is_none_or(|position| table.rows[position].kind == Kind::Pure);
        if row.kind == Kind::Pure && !pure {
            problems.push(Problem::in_file(
                FILE,
                format!("`{}` is pure and may not use `{used}`", row.name),
            ));
        }
    }
    if table.rows.iter().filter(|other| other.name == row.name).count() > 1 {
        problems.push(Problem::in_file(FILE, format!("`{}` has more than one row", row.name)));
    }
    problems
}

fn check_package(table: &Table, package: &Package) -> Vec<Problem> {
    let manifest = format!("{}/Cargo.toml", package.folder);
    let Some(own) = table.position(&package.name) else {
        return vec![Problem::in_file(
            &manifest,
            format!("`{}` has no row in {FILE}", package.name),
        )];
    };
    let row = &table.rows[own];
    let mut problems = Vec::new();
    for dependency in &package.dependencies {
        let name = &dependency.name;
        let above = table.position(name).is_some_and(|position| position < own);
        let what = match (dependency.ours, dependency.dev) {
            // A crate's tests may use the crate itself, with other features.
            (true, true) if !above && *name != package.name => {
                format!("tests may only use crates above `{}`, not `{name}`", row.name)
            }
            (true, false) if !row.uses.contains(name) => {
                format!("`{}` may not use `{name}`", row.name)
            }
            (false, false) if !row.externals.contains(name) => {
                format!("`{}` may not use the external crate `{name}`", row.name)
            }
            _ => continue,
        };
        problems.push(Problem::in_file(&manifest, what));
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::{Dependency, File};

    const TABLE: &str = "<!-- edges:begin -->\n\n| crate | kind | may use | external crates |\n|---|---|---|---|\n\
        | maths | pure | — | — |\n| `core` | pure | maths | borsh, `sha3` |\n| disk | io | core, maths | — |\n\n<!-- edges:end -->";

    fn package(name: &str, dependencies: &[(&str, bool, bool)]) -> Package {
        let dependencies = dependencies
            .iter()
            .map(|(name, ours, dev)| Dependency { name: (*name).into(), ours: *ours, dev: *dev })
            .collect();
        Package { name: name.into(), folder: format!("crates/{name}"), dependencies }
    }

    fn problems_of(table: &str, core: &[(&str, bool, bool)]) -> Vec<String> {
        let workspace = Workspace {
            packages: vec![package("maths", &[]), package("core", core), package("disk", &[])],
            files: vec![File::new(FILE, table)],
        };
        let table = Table::read(&workspace);
        check(&workspace, &table).iter().map(Problem::to_string).collect()
    }

    #[test]
    fn allowed_edges_pass() {
        let allowed = [
            ("maths", true, false),
            ("borsh", false, false),
            ("sha3", false, false),
            ("proptest", false, true),
        ];
        assert_eq!(problems_of(TABLE, &allowed), [""; 0]);
    }

    #[test]
    fn forbidden_edges_are_found() {
        for (name, ours, dev) in
            [("disk", true, false), ("disk", true, true), ("rand", false, false)]
        {
            let found = problems_of(TABLE, &[(name, ours, dev)]);
            assert!(found.len() == 1 && found[0].contains(name), "{found:?}");
        }
    }

    #[test]
    fn the_table_itself_is_held_to_its_rules() {
        for (from, to) in [
            ("| maths | pure | — |", "| maths | pure | core |"),
            ("| `core` | pure | maths |", "| `core` | pure | core |"),
            ("| `core` | pure | maths |", "| `core` | neat | maths |"),
            ("| disk | io | core, maths |", "| disk | io | core, other |"),
            ("| disk | io |", "| maths | io |"),
            ("| disk | io | core, maths | — |", "| disk | io |"),
            ("<!-- edges:end -->", ""),
        ] {
            assert!(TABLE.contains(from));
            assert!(!problems_of(&TABLE.replace(from, to), &[]).is_empty(), "{to}");
        }
        let impure = TABLE.replace("| maths | pure |", "| maths | io |");
        assert_eq!(
            problems_of(&impure, &[]),
            ["ARCHITECTURE.md: `core` is pure and may not use `maths`"]
        );
    }

    #[test]
    fn a_crate_without_a_row_is_found() {
        let table = TABLE.replace("| disk | io | core, maths | — |\n", "");
        assert_eq!(
            problems_of(&table, &[]),
            ["crates/disk/Cargo.toml: `disk` has no row in ARCHITECTURE.md"]
        );
    }
}
