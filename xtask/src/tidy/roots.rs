//! The crate root of a pure crate: `no_std`, and the lints that keep arithmetic and access honest.

use super::Problem;
use super::edges::Table;
use crate::lexer;
use crate::workspace::{File, Package, Workspace};

/// Clippy lints that every pure crate denies outside of its tests.
pub const DENIED: &[&str] = &[
    "arithmetic_side_effects",
    "as_conversions",
    "float_arithmetic",
    "indexing_slicing",
    "unwrap_used",
    "expect_used",
    "panic",
];

/// Types that the `clippy.toml` beside every pure crate's manifest disallows, for what tidy cannot see through.
const DISALLOWED_TYPES: &[&str] = &[
    "std::collections::HashMap",
    "std::collections::HashSet",
    "std::time::SystemTime",
    "std::time::Instant",
];

/// Holds every pure crate to the shape of its root, and to giving a reason wherever it lifts a lint.
pub fn check(workspace: &Workspace, table: &Table) -> Vec<Problem> {
    table.pure(workspace).flat_map(|package| check_package(workspace, package)).collect()
}

fn check_package(workspace: &Workspace, package: &Package) -> Vec<Problem> {
    let path = format!("{}/src/lib.rs", package.folder);
    let mut problems = match workspace.file(&path) {
        Some(root) => check_root(root),
        None => vec![Problem::in_file(&path, "a pure crate is a library")],
    };
    problems.extend(check_clippy(workspace, package));
    let folder = format!("{}/src", package.folder);
    problems.extend(workspace.sources(&folder).flat_map(unexplained));
    problems
}

fn check_clippy(workspace: &Workspace, package: &Package) -> Vec<Problem> {
    let path = format!("{}/clippy.toml", package.folder);
    let text = workspace.file(&path).map(|file| file.text.as_str()).unwrap_or_default();
    let absent = DISALLOWED_TYPES
        .iter()
        .filter(|disallowed| !text.contains(&format!("path = \"{disallowed}\"")));
    absent
        .map(|disallowed| Problem::in_file(&path, format!("a pure crate disallows `{disallowed}`")))
        .collect()
}

fn check_root(root: &File) -> Vec<Problem> {
    let attributes = lexer::attributes(&root.views.code);
    let mut problems = Vec::new();
    if !attributes.iter().any(|attribute| is_no_std(&attribute.text)) {
        problems.push(Problem::in_file(&root.path, "a pure crate is `#![no_std]`"));
    }
    let denied: Vec<&str> =
        attributes.iter().flat_map(|attribute| denied_by(&attribute.text)).collect();
    for lint in DENIED {
        if !denied.contains(lint) {
            problems.push(Problem::in_file(
                &root.path,
                format!("a pure crate denies `clippy::{lint}` at its root"),
            ));
        }
    }
    problems
}

/// `#![no_std]`, or the same except in tests or with a feature named by the crate.
fn is_no_std(attribute: &str) -> bool {
    attribute == "#![no_std]"
        || (attribute.starts_with("#![cfg_attr(not(") && attribute.ends_with(",no_std)]"))
}

/// The clippy lints that an attribute of the root denies at least outside of tests.
fn denied_by(attribute: &str) -> Vec<&str> {
    let list = ["#![cfg_attr(not(test),", "#!["]
        .iter()
        .filter_map(|opening| attribute.strip_prefix(opening))
        .find_map(|rest| rest.strip_prefix("deny(").or_else(|| rest.strip_prefix("forbid(")));
    list.into_iter()
        .flat_map(|list| list.split([',', ')']))
        .filter_map(|lint| lint.strip_prefix("clippy::"))
        .collect()
}

/// Attributes that lift one of the denied lints without saying why.
fn unexplained(file: &File) -> Vec<Problem> {
    let code = lexer::without_tests(&file.views.code);
    lexer::attributes(&code)
        .into_iter()
        .filter(|attribute| attribute.text.contains("allow(") || attribute.text.contains("expect("))
        .filter(|attribute| !attribute.text.contains("reason="))
        .filter_map(|attribute| {
            let lint =
                DENIED.iter().find(|lint| attribute.text.contains(&format!("clippy::{lint}")))?;
            Some(Problem::at(
                file,
                attribute.range.start,
                format!("`clippy::{lint}` is lifted without a reason"),
            ))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root(text: &str) -> File {
        File::new("crates/x/src/lib.rs", text)
    }

    fn denials(form: &str) -> String {
        let list: Vec<String> = DENIED.iter().map(|lint| format!("clippy::{lint}")).collect();
        form.replace('%', &list.join(",\n    "))
    }

    #[test]
    fn accepted_roots() {
        for form in [
            "#![no_std]\n#![cfg_attr(\n not(test),\n deny(%)\n)]",
            "#![cfg_attr(not(feature = \"std\"), no_std)]\n#![cfg_attr(not(test), deny(%,))]",
            "#![no_std]\n#![deny(%)]",
            "#![no_std]\n#![forbid(%)]",
        ] {
            assert_eq!(check_root(&root(&denials(form))), [], "{form}");
        }
    }

    #[test]
    fn refused_roots() {
        for (form, faults) in [
            ("#![cfg_attr(not(test), deny(%))]", 1),
            ("// #![no_std]\n#![deny(%)]", 1),
            ("#![no_std]\n#![cfg_attr(test, deny(%))]", DENIED.len()),
            ("#![no_std]\n#![warn(%)]", DENIED.len()),
            ("#![no_std]", DENIED.len()),
        ] {
            assert_eq!(check_root(&root(&denials(form))).len(), faults, "{form}");
        }
        let all_but_one =
            denials("#![no_std]\n#![deny(%)]").replace("clippy::panic", "clippy::todo");
        assert_eq!(check_root(&root(&all_but_one)).len(), 1);
    }

    #[test]
    fn pure_crates_disallow_types_that_are_not_deterministic() {
        let package =
            Package { name: "x".into(), folder: "crates/x".into(), dependencies: Vec::new() };
        let lines: Vec<String> =
            DISALLOWED_TYPES.iter().map(|path| format!("{{ path = \"{path}\" }}")).collect();
        let problems = |text: &str| {
            check_clippy(&super::super::tests::files(&[("crates/x/clippy.toml", text)]), &package)
        };
        assert_eq!(problems(&lines.join(",\n")), []);
        assert_eq!(problems(&lines[1..].join(",\n")).len(), 1);
        assert_eq!(problems("").len(), DISALLOWED_TYPES.len());
    }

    #[test]
    fn lifted_lints_need_a_reason() {
        assert_eq!(unexplained(&root("#[allow(clippy::as_conversions)] fn a() {}")).len(), 1);
        assert_eq!(unexplained(&root("#![cfg_attr(x, expect(clippy::panic))]")).len(), 1);
        assert_eq!(
            unexplained(&root("#[expect(clippy::panic, reason = \"never reached\")] fn a() {}")),
            []
        );
        assert_eq!(unexplained(&root("#[allow(dead_code)] fn a() {}")), []);
        assert_eq!(unexplained(&root("#[cfg(test)] mod t { #![allow(clippy::panic)] }")), []);
    }
}
