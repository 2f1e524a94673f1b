//! The numbered rules of `spec/*.md`, and the sources that cite them.
//!
//! A rule is defined where a line of a specification starts with its id (after list, heading, table or
//! emphasis marks), and cited wherever a comment of a Rust source names it.

use std::collections::BTreeMap;

use super::Problem;
use crate::lexer;
use crate::workspace::{File, Workspace};

/// Every rule, with the specification files that define it (exactly one, if all is well).
#[derive(Debug, Default)]
pub struct Catalogue {
    rules: BTreeMap<String, Vec<String>>,
}

impl Catalogue {
    /// Reads the rules of all specifications.
    pub fn read(workspace: &Workspace) -> Self {
        let mut catalogue = Self::default();
        let index = "spec/README.md";
        let specs = workspace
            .files
            .iter()
            .filter(|file| file.path.starts_with("spec/") && file.path.ends_with(".md"));
        for file in specs.filter(|file| file.path != index) {
            for id in file.text.lines().filter_map(defined) {
                catalogue.rules.entry(id.to_owned()).or_default().push(file.path.clone());
            }
        }
        catalogue
    }

    /// Whether a specification defines this rule.
    pub fn has(&self, id: &str) -> bool {
        self.rules.contains_key(id)
    }
}

/// The rule that a line of a specification defines.
fn defined(line: &str) -> Option<&str> {
    let start = line.trim_start_matches(['#', '*', '-', '|', '`', ' ']);
    ids(start).next().filter(|(offset, _)| *offset == 0).map(|(_, id)| id)
}

/// The rule ids in a text (two capital letters, a hyphen, a number), each with its offset.
pub fn ids(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let bytes = text.as_bytes();
    let part_of_word = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    text.match_indices('-').filter_map(move |(hyphen, _)| {
        let start = hyphen.checked_sub(2)?;
        let digits = bytes[hyphen + 1..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let end = hyphen + 1 + digits;
        let capitals = bytes[start..hyphen].iter().all(u8::is_ascii_uppercase);
        let alone = !start.checked_sub(1).is_some_and(|before| part_of_word(&bytes[before]))
            && !bytes.get(end).is_some_and(part_of_word);
        (digits > 0 && capitals && alone).then(|| (start, &text[start..end]))
    })
}

fn citing(workspace: &Workspace) -> impl Iterator<Item = &File> {
    workspace.sources("crates")
}

/// Rules that are cited but not defined, or defined twice.
pub fn check(workspace: &Workspace, catalogue: &Catalogue) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (id, files) in catalogue.rules.iter().filter(|(_, files)| files.len() > 1) {
        problems.push(Problem::in_file(&files[1], format!("{id} is defined more than once")));
    }
    for file in citing(workspace) {
        let unknown = ids(&file.views.comments).filter(|(_, id)| !catalogue.has(id));
        problems.extend(unknown.map(|(offset, id)| {
            Problem::at(file, offset, format!("no specification defines {id}"))
        }));
    }
    problems
}

/// Which rules no source cites.
pub fn notes(workspace: &Workspace, catalogue: &Catalogue) -> Option<String> {
    let uncited: Vec<&str> = catalogue
        .rules
        .keys()
        .filter(|id| !citing(workspace).any(|file| cites(file, id)))
        .map(String::as_str)
        .collect();
    (!uncited.is_empty()).then(|| format!("no source cites {}", uncited.join(", ")))
}

/// In a comment as `CM-3`, or in the name of a function as `cm_3_…`.
fn cites(file: &File, id: &str) -> bool {
    let snake = id.to_ascii_lowercase().replace('-', "_");
    let in_name = |word: &str| format!("_{word}_").contains(&format!("_{snake}_"));
    ids(&file.views.comments).any(|(_, cited)| cited == id)
        || lexer::words(&file.views.code).any(|(_, word)| in_name(word))
}

#[cfg(test)]
mod tests {
    use super::super::tests::files;
    use super::*;

    #[test]
    fn ids_stand_alone() {
        let found: Vec<&str> =
            ids("CM-3, (EL-12) **RP-1**: ML-DSA-44 AVX-512 UTF-8 XX-1a A-CM-4 CM- CM-5…")
                .map(|(_, id)| id)
                .collect();
        assert_eq!(found, ["CM-3", "EL-12", "RP-1", "CM-5"]);
    }

    #[test]
    fn rules_are_defined_at_the_start_of_a_line() {
        for line in
            ["CM-1. Text", "### CM-1 Text", "- **CM-1** Text", "| CM-1 | Text |", "**`CM-1`** text"]
        {
            assert_eq!(defined(line), Some("CM-1"), "{line}");
        }
        assert_eq!(defined("As CM-1 says"), None);
    }

    fn problems(spec: &str, source: &str) -> Vec<String> {
        let workspace = files(&[
            ("spec/a.md", spec),
            ("crates/x/src/lib.rs", source),
            ("spec/README.md", "| CM-1 |"),
        ]);
        check(&workspace, &Catalogue::read(&workspace)).iter().map(Problem::to_string).collect()
    }

    #[test]
    fn citations_must_exist() {
        assert_eq!(problems("### CM-1 Text", "// CM-1\nlet a = \"ZZ-9\";"), [""; 0]);
        assert_eq!(
            problems("### CM-1 Text", "\n// CM-2"),
            ["crates/x/src/lib.rs:2: no specification defines CM-2"]
        );
        assert_eq!(problems("CM-1\n\nCM-1", ""), ["spec/a.md: CM-1 is defined more than once"]);
    }

    #[test]
    fn uncited_rules_are_noted() {
        let note = |source: &str| {
            let workspace = files(&[("spec/a.md", "CM-1\nCM-2"), ("crates/x/tests/a.rs", source)]);
            notes(&workspace, &Catalogue::read(&workspace))
        };
        assert_eq!(note("// CM-1 and CM-2"), None);
        assert_eq!(note("fn cm_1_holds() {} fn it_holds_cm_2() {}"), None);
        assert_eq!(note("// CM-1\nfn cm_22() {}"), Some("no source cites CM-2".into()));
    }
}
