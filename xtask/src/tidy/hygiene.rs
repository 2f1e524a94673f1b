//! Rules for every file: nothing unfinished, nothing unsafe, nothing too long, nothing from outside.

use super::Problem;
use crate::lexer;
use crate::workspace::{File, Workspace};

/// Macros of unfinished work.
const UNFINISHED: &[&str] = &["todo", "unimplemented", "dbg"];

/// The only folder that may hold `unsafe`: hash kernels written with processor instructions.
const UNSAFE_FOLDER: &str = "crates/keccak-batch/";

/// The longest source file, in lines, that a reader should have to face.
const MAX_LINES: usize = 600;

/// Longer files, each with the reason why splitting it would not help a reader.
const LONG_FILES: &[(&str, &str)] = &[];

/// Words that lead outside of the project, in two halves so that this file does not hold them itself.
const FOREIGN_WORDS: &[(&str, &str)] =
    &[("/wo", "rk/"), ("../sha", "red"), ("design", ".md"), ("crates", ".io")];

/// Written by cargo, which names the registry in it.
const GENERATED: &[&str] = &["Cargo.lock"];

/// Looks through every file of the project.
pub fn check(workspace: &Workspace) -> Vec<Problem> {
    let files = workspace.files.iter().filter(|file| !GENERATED.contains(&file.path.as_str()));
    files.flat_map(check_file).collect()
}

fn check_file(file: &File) -> Vec<Problem> {
    let mut problems = foreign_words(file);
    problems.extend(too_long(file));
    if file.is_rust() {
        problems.extend(unfinished(file));
        problems.extend(unsafe_code(file));
    }
    problems
}

fn foreign_words(file: &File) -> Vec<Problem> {
    let found = |(first, second): &(&str, &str)| {
        let word = [*first, *second].concat();
        let offset = file.text.find(&word)?;
        Some(Problem::at(file, offset, format!("`{word}` means nothing inside of this project")))
    };
    FOREIGN_WORDS.iter().filter_map(found).collect()
}

fn too_long(file: &File) -> Option<Problem> {
    let source = file.is_rust() || file.path.ends_with(".py");
    let lines = file.text.lines().count();
    let excused = LONG_FILES.iter().any(|(path, _)| *path == file.path);
    (source && lines > MAX_LINES && !excused).then(|| {
        Problem::in_file(&file.path, format!("{lines} lines, more than {MAX_LINES}: split it"))
    })
}

fn unfinished(file: &File) -> Vec<Problem> {
    lexer::words(&file.views.code)
        .filter(|(offset, word)| {
            UNFINISHED.contains(word) && file.views.code[offset + word.len()..].starts_with('!')
        })
        .map(|(offset, word)| Problem::at(file, offset, format!("`{word}!` is unfinished work")))
        .collect()
}

fn unsafe_code(file: &File) -> Vec<Problem> {
    if file.path.starts_with(UNSAFE_FOLDER) {
        return Vec::new();
    }
    lexer::words(&file.views.code)
        .filter(|(_, word)| *word == "unsafe")
        .map(|(offset, _)| {
            Problem::at(file, offset, format!("`unsafe` outside of {UNSAFE_FOLDER}"))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(path: &str, text: &str) -> Vec<String> {
        check_file(&File::new(path, text)).iter().map(Problem::to_string).collect()
    }

    #[test]
    fn unfinished_work_is_found() {
        for word in UNFINISHED {
            assert_eq!(
                problems("crates/x/src/lib.rs", &format!("fn a() {{\n {word}!() }}")).len(),
                1
            );
            assert_eq!(
                problems("crates/x/src/lib.rs", &format!("// {word}!()\nlet {word} = 1;")),
                [""; 0]
            );
        }
    }

    #[test]
    fn unsafe_lives_in_one_crate() {
        let source = "#![allow(unsafe_code)] fn a() { unsafe { b() } }";
        assert_eq!(problems("crates/x/src/lib.rs", source).len(), 1);
        assert_eq!(problems("crates/keccak-batch/src/lib.rs", source), [""; 0]);
        assert_eq!(problems("crates/x/src/lib.rs", "// unsafe\nlet a = \"unsafe\";"), [""; 0]);
    }

    #[test]
    fn long_sources_are_found() {
        let lines = |count: usize| "fn a() {}\n".repeat(count);
        assert_eq!(problems("crates/x/src/lib.rs", &lines(MAX_LINES)), [""; 0]);
        assert_eq!(problems("crates/x/src/lib.rs", &lines(MAX_LINES + 1)).len(), 1);
        assert_eq!(problems("tests/a.py", &lines(MAX_LINES + 1)).len(), 1);
        assert_eq!(problems("tests/a.json", &lines(MAX_LINES + 1)), [""; 0]);
    }

    #[test]
    fn words_from_outside_are_found_with_their_line() {
        for (first, second) in FOREIGN_WORDS {
            let found = problems("README.md", &format!("a\nb {first}{second} c"));
            assert!(found.len() == 1 && found[0].starts_with("README.md:2: "), "{found:?}");
        }
    }
}
