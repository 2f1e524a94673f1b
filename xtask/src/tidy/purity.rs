//! What the sources of pure crates may not contain.

use super::Problem;
use super::edges::Table;
use crate::lexer;
use crate::workspace::{File, Package, Workspace};

/// A word that has no place in a pure crate, and why.
const FORBIDDEN: &[(&str, &str)] = &[
    ("f32", "floats round differently from what an auditor can re-derive"),
    ("f64", "floats round differently from what an auditor can re-derive"),
    ("SystemTime", "a clock is an input that replay does not have"),
    ("Instant", "a clock is an input that replay does not have"),
    ("rand", "randomness is an input that replay does not have"),
    ("rand_core", "randomness is an input that replay does not have"),
    ("getrandom", "randomness is an input that replay does not have"),
    ("OsRng", "randomness is an input that replay does not have"),
    ("thread_rng", "randomness is an input that replay does not have"),
    ("HashMap", "its order is not deterministic: use BTreeMap"),
    ("HashSet", "its order is not deterministic: use BTreeSet"),
    ("thread", "the order of threads is not deterministic"),
    ("thread_local", "the order of threads is not deterministic"),
    ("print", "a pure crate has no output"),
    ("println", "a pure crate has no output"),
    ("eprint", "a pure crate has no output"),
    ("eprintln", "a pure crate has no output"),
];

/// The parts of std that the hash kernels reach for, to ask which instructions the processor has.
const STD_EXCEPTIONS: &[(&str, &[&str])] =
    &[("keccak-batch", &["is_x86_feature_detected", "arch"])];

/// Sources that are a binary's, not the library's.
fn is_binary(package: &Package, file: &File) -> bool {
    let inside = file.path.strip_prefix(&package.folder).unwrap_or_default();
    // The program, and its command line, which the library has behind a feature only.
    let program = ["/src/main.rs", "/src/cli.rs"].contains(&inside);
    program || inside.starts_with("/src/bin/") || inside.starts_with("/src/cli/")
}

/// Looks through the library sources of every pure crate.
pub fn check(workspace: &Workspace, table: &Table) -> Vec<Problem> {
    table.pure(workspace).flat_map(|package| check_package(workspace, package)).collect()
}

fn check_package(workspace: &Workspace, package: &Package) -> Vec<Problem> {
    let folder = format!("{}/src", package.folder);
    let files: Vec<&File> =
        workspace.sources(&folder).filter(|file| !is_binary(package, file)).collect();
    let tests: Vec<String> = files.iter().flat_map(|file| test_files(file)).collect();
    files
        .into_iter()
        .filter(|file| !tests.iter().any(|stem| belongs_to(&file.path, stem)))
        .flat_map(|file| check_file(&package.name, file))
        .collect()
}

/// The paths, without `.rs`, of modules that a file declares for tests only.
fn test_files(file: &File) -> Vec<String> {
    let stem = file.path.strip_suffix(".rs").unwrap_or(&file.path);
    let folder =
        ["/lib", "/main", "/mod"].iter().find_map(|name| stem.strip_suffix(name)).unwrap_or(stem);
    lexer::test_only(&file.views.code)
        .modules
        .iter()
        .map(|module| format!("{folder}/{module}"))
        .collect()
}

fn belongs_to(path: &str, stem: &str) -> bool {
    path.strip_prefix(stem).is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
}

fn check_file(package: &str, file: &File) -> Vec<Problem> {
    let code = lexer::without_tests(&file.views.code);
    let mut problems = Vec::new();
    for (offset, word) in lexer::words(&code) {
        if let Some((_, why)) = FORBIDDEN.iter().find(|(forbidden, _)| *forbidden == word) {
            problems.push(Problem::at(file, offset, format!("`{word}` in a pure crate: {why}")));
        }
        if word == "std" && !std_is_excused(package, &code[offset..]) {
            problems.push(Problem::at(file, offset, "`std::` in a pure crate: use core or alloc"));
        }
        if is_float(&code, offset, word) {
            problems.push(Problem::at(file, offset, "a float literal in a pure crate"));
        }
    }
    problems
}

/// Whether `std` here is no path (`extern crate std;`, `feature = std`), or one that this crate may use.
fn std_is_excused(package: &str, from: &str) -> bool {
    let Some(path) =
        from.strip_prefix("std").map(str::trim_start).and_then(|rest| rest.strip_prefix("::"))
    else {
        return true;
    };
    let next = lexer::words(path).next().map(|(_, word)| word).unwrap_or_default();
    STD_EXCEPTIONS.iter().any(|(excused, names)| *excused == package && names.contains(&next))
}

/// Whether the word at `offset` is the start of a float literal (`1.0`, `1.`, `1e5`, `1f64`).
fn is_float(code: &str, offset: usize, word: &str) -> bool {
    let bytes = code.as_bytes();
    let before = &code[..offset];
    let tuple_index = before.ends_with('.') && !before.ends_with("..");
    let radix = ["0x", "0o", "0b"].iter().any(|prefix| word.starts_with(prefix));
    if tuple_index || radix || !word.starts_with(|first: char| first.is_ascii_digit()) {
        return false;
    }
    if word.ends_with("f32") || word.ends_with("f64") || has_exponent(word) {
        return true;
    }
    let after = &bytes[offset + word.len()..];
    let decimal = word.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_');
    match after {
        [b'.', next, ..] => {
            decimal && *next != b'.' && *next != b'_' && !next.is_ascii_alphabetic()
        }
        [b'.'] => decimal,
        _ => false,
    }
}

/// Whether a decimal literal such as `1e5` or the `1e` of `1e-5` carries an exponent.
fn has_exponent(word: &str) -> bool {
    let Some((mantissa, exponent)) = word.split_once(['e', 'E']) else {
        return false;
    };
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_');
    digits(mantissa) && digits(exponent)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(package: &str, source: &str) -> Vec<String> {
        check_file(package, &File::new("crates/x/src/lib.rs", source))
            .iter()
            .map(Problem::to_string)
            .collect()
    }

    #[test]
    fn impure_code_is_found() {
        for source in [
            "fn a(x: f32) {}",
            "fn a() -> f64 { 0 }",
            "const A: T = 1.0;",
            "const A: T = 1.;",
            "const A: T = 1e5;",
            "const A: T = 2_0e-5;",
            "const A: T = 1f64;",
            "let a = 0..1.5;",
            "let t = SystemTime::now();",
            "let t: Instant = t;",
            "use std::time;",
            "use std :: vec::Vec;",
            "use rand::Rng;",
            "getrandom(&mut b)",
            "HashMap::new()",
            "HashSet::new()",
            "println!()",
            "std::thread::spawn(f)",
            "std::is_x86_feature_detected!()",
        ] {
            assert!(!problems("x", source).is_empty(), "{source}");
        }
    }

    #[test]
    fn pure_code_passes() {
        for source in [
            "/// f64, HashMap, std::time\nfn a() {}",
            "let a = \"f64 HashMap 1.0\";",
            "let a = x.0.1 + 1.max(2) + 0xe5 + 1_000u64 + 0x1f32;",
            "for i in 0..10 { a[1..2]; 1..=2; }",
            "use alloc::collections::BTreeMap; use core::fmt;",
            "extern crate std;",
            "#[cfg(test)]\nmod tests { use std::collections::HashMap; const A: f64 = 1.0; }",
        ] {
            assert_eq!(problems("x", source), [""; 0], "{source}");
        }
    }

    #[test]
    fn hash_kernels_may_ask_for_instructions_only() {
        assert!(
            problems("keccak-batch", "std::is_x86_feature_detected!(); std::arch::x();").is_empty()
        );
        assert!(!problems("keccak-batch", "std::fs::read()").is_empty());
    }

    #[test]
    fn files_of_tests_and_binaries_are_left_alone() {
        let package =
            Package { name: "x".into(), folder: "crates/x".into(), dependencies: Vec::new() };
        let workspace = super::super::tests::files(&[
            ("crates/x/src/lib.rs", "#[cfg(test)]\nmod tests;\nmod a;"),
            ("crates/x/src/tests.rs", "const A: f64 = 1.0;"),
            ("crates/x/src/a.rs", "#[cfg(test)] mod table;"),
            ("crates/x/src/a/table.rs", "const A: f64 = 1.0;"),
            ("crates/x/src/main.rs", "use std::fs;"),
            ("crates/x/src/bin/b.rs", "use std::fs;"),
            ("crates/x/tests/c.rs", "use std::fs;"),
        ]);
        assert_eq!(check_package(&workspace, &package), []);
        let workspace = super::super::tests::files(&[
            ("crates/x/src/lib.rs", "mod tests;"),
            ("crates/x/src/tests.rs", "const A: f64 = 1.0;"),
        ]);
        assert_eq!(check_package(&workspace, &package).len(), 2);
    }
}
