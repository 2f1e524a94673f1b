//! A small Rust lexer: enough to tell code from comments and literals, and tests from the rest.
//!
//! Every view keeps the length and the line breaks of the source, so that a byte offset means the same
//! place in all of them.

use std::ops::Range;

/// The views of one source file that the checks look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Views {
    /// The source with comments and the contents of string and character literals blanked.
    pub code: String,
    /// Only the comments; everything else is blanked.
    pub comments: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Code,
    Comment,
    Literal,
}

/// Splits a Rust source into its [`Views`].
pub fn split(source: &str) -> Views {
    let bytes = source.as_bytes();
    let mut code = bytes.to_vec();
    let mut comments = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let (kind, end) = token(bytes, at);
        match kind {
            Kind::Code => blank(&mut comments, at..end),
            Kind::Comment => blank(&mut code, at..end),
            Kind::Literal => {
                blank(&mut comments, at..end);
                blank(&mut code, at..end);
            }
        }
        at = end;
    }
    Views { code: text(code), comments: text(comments) }
}

/// Overwrites everything but line breaks with spaces.
fn blank(view: &mut [u8], range: Range<usize>) {
    for byte in &mut view[range] {
        if *byte != b'\n' {
            *byte = b' ';
        }
    }
}

/// Blanking works on whole tokens, so what is left is always whole characters.
fn text(view: Vec<u8>) -> String {
    String::from_utf8(view).expect("blanked ranges end at character boundaries")
}

/// The kind of the token that starts at `at`, and where it ends.
fn token(bytes: &[u8], at: usize) -> (Kind, usize) {
    let rest = &bytes[at..];
    if rest.starts_with(b"//") {
        (Kind::Comment, at + line_length(rest))
    } else if rest.starts_with(b"/*") {
        (Kind::Comment, at + block_comment_length(rest))
    } else if rest[0] == b'"' {
        (Kind::Literal, at + string_length(rest))
    } else if rest[0] == b'\'' {
        quote(rest, at)
    } else if is_word(rest[0]) {
        word(bytes, at)
    } else {
        (Kind::Code, at + character_length(rest[0]))
    }
}

fn line_length(rest: &[u8]) -> usize {
    rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len())
}

fn block_comment_length(rest: &[u8]) -> usize {
    let mut depth = 0usize;
    let mut at = 0;
    while at < rest.len() {
        if rest[at..].starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    rest.len()
}

/// Length of a string literal with escapes, from its opening quote.
fn string_length(rest: &[u8]) -> usize {
    let mut at = 1;
    while at < rest.len() {
        match rest[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

/// A character literal, or the quote of a lifetime.
fn quote(rest: &[u8], at: usize) -> (Kind, usize) {
    let Some(first) = rest.get(1) else {
        return (Kind::Code, at + 1);
    };
    if *first == b'\\' {
        let closing = rest.iter().skip(3).position(|byte| *byte == b'\'');
        return (Kind::Literal, at + closing.map_or(rest.len(), |found| found + 4));
    }
    let width = character_length(*first);
    match rest.get(1 + width) {
        Some(b'\'') => (Kind::Literal, at + width + 2),
        _ => (Kind::Code, at + 1),
    }
}

/// A word, or the literal that it is the prefix of (`r"…"`, `br#"…"#`, `b'…'`, `c"…"`).
fn word(bytes: &[u8], at: usize) -> (Kind, usize) {
    let end = at + bytes[at..].iter().position(|byte| !is_word(*byte)).unwrap_or(bytes.len() - at);
    let rest = &bytes[end..];
    let raw = matches!(&bytes[at..end], b"r" | b"br" | b"cr");
    let hashes = rest.iter().take_while(|byte| **byte == b'#').count();
    if raw && rest.get(hashes) == Some(&b'"') {
        return (Kind::Literal, end + raw_string_length(rest, hashes));
    }
    match (&bytes[at..end], rest.first()) {
        (b"b" | b"c", Some(b'"')) => (Kind::Literal, end + string_length(rest)),
        (b"b", Some(b'\'')) => (Kind::Literal, quote(rest, end).1),
        _ => (Kind::Code, end),
    }
}

fn raw_string_length(rest: &[u8], hashes: usize) -> usize {
    let closing: Vec<u8> = [b'"'].into_iter().chain(std::iter::repeat_n(b'#', hashes)).collect();
    let body = hashes + 1;
    rest[body..]
        .windows(closing.len())
        .position(|window| window == closing)
        .map_or(rest.len(), |found| body + found + closing.len())
}

fn character_length(first: u8) -> usize {
    match first {
        0x00..=0x7f => 1,
        0xc0..=0xdf => 2,
        0xe0..=0xef => 3,
        _ => 4,
    }
}

fn is_word(byte: u8) -> bool {
    byte == b'_' || byte.is_ascii_alphanumeric()
}

/// The words of a code view (identifiers, keywords and numbers), each with its offset.
pub fn words(code: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let bytes = code.as_bytes();
        at += bytes[at..].iter().position(|byte| is_word(*byte))?;
        let start = at;
        at += bytes[at..].iter().position(|byte| !is_word(*byte)).unwrap_or(bytes.len() - at);
        Some((start, &code[start..at]))
    })
}

/// An attribute of a code view: `#[…]` or `#![…]`, without white space.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    /// Where it stands.
    pub range: Range<usize>,
    /// Its text without white space.
    pub text: String,
}

/// All attributes of a code view, in order.
pub fn attributes(code: &str) -> Vec<Attribute> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(offset) = code[at..].find('#') {
        let start = at + offset;
        let inner = code[start + 1..].strip_prefix('!').is_some();
        let open = start + 1 + usize::from(inner);
        if !code[open..].starts_with('[') {
            at = start + 1;
            continue;
        }
        let end = closing(code, open);
        let text = code[start..end].split_whitespace().collect();
        found.push(Attribute { range: start..end, text });
        at = end;
    }
    found
}

/// The offset after the bracket that closes the one at `open`.
fn closing(code: &str, open: usize) -> usize {
    let mut depth = 0usize;
    for (offset, byte) in code.as_bytes()[open..].iter().enumerate() {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => continue,
        }
        if depth == 0 {
            return open + offset + 1;
        }
    }
    code.len()
}

/// What a file holds for tests only.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct TestOnly {
    /// Ranges of items under `#[cfg(test)]`.
    pub ranges: Vec<Range<usize>>,
    /// Names of modules that live in files of their own under `#[cfg(test)] mod name;`.
    pub modules: Vec<String>,
    /// The whole file is for tests: `#![cfg(test)]`.
    pub whole_file: bool,
}

/// Finds the items of a code view that only exist in tests.
pub fn test_only(code: &str) -> TestOnly {
    let mut found = TestOnly::default();
    let all = attributes(code);
    for attribute in &all {
        match attribute.text.as_str() {
            "#![cfg(test)]" => found.whole_file = true,
            text if text == "#[cfg(test)]" || text.starts_with("#[cfg(all(test,") => {
                let end = item_end(code, attribute.range.end, &all);
                found.modules.extend(module_of_file(&code[attribute.range.end..end]));
                found.ranges.push(attribute.range.start..end);
            }
            _ => {}
        }
    }
    found
}

/// Where the item that starts at `at` ends: at its `;`, or after its braces. Its own attributes are skipped.
fn item_end(code: &str, at: usize, attributes: &[Attribute]) -> usize {
    let mut at = at;
    while at < code.len() {
        if let Some(attribute) = attributes.iter().find(|attribute| attribute.range.start == at) {
            at = attribute.range.end;
            continue;
        }
        match code.as_bytes()[at] {
            b'{' => return closing(code, at),
            b'(' | b'[' => at = closing(code, at),
            b';' => return at + 1,
            _ => at += 1,
        }
    }
    code.len()
}

fn module_of_file(item: &str) -> Option<String> {
    let before = item.trim_end().strip_suffix(';')?;
    let mut last = words(before).map(|(_, word)| word).skip_while(|word| *word != "mod");
    last.next()?;
    last.next().map(str::to_owned)
}

/// The code view without what only exists in tests.
pub fn without_tests(code: &str) -> String {
    let found = test_only(code);
    let mut view = code.as_bytes().to_vec();
    if found.whole_file {
        blank(&mut view, 0..code.len());
    }
    for range in found.ranges {
        blank(&mut view, range);
    }
    text(view)
}

/// The line (from 1) of a byte offset.
pub fn line(source: &str, offset: usize) -> usize {
    source.as_bytes()[..offset].iter().filter(|byte| **byte == b'\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(source: &str) -> String {
        split(source).code.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn comments_and_literals_leave_the_code() {
        assert_eq!(code("let a = 1; // f32"), "let a = 1;");
        assert_eq!(code("a /* f32 /* nested */ f64 */ b"), "a b");
        assert_eq!(code(r#"a("f32 \" f64", 'x', '\'', b'\\', b"f32") + b"#), "a( , , , , ) + b");
        assert_eq!(code("a(r#\"f32 \" f64\"#, br##\"\"# f32\"##) + b"), "a( , ) + b");
        assert_eq!(
            code("fn f<'a>(x: &'a str, y: &'static str)"),
            "fn f<'a>(x: &'a str, y: &'static str)"
        );
        assert_eq!(code("let r#type = '\u{e9}';"), "let r#type = ;");
    }

    #[test]
    fn views_keep_offsets_and_lines() {
        let source = "a // ünï\n/* x\n y */ \"s\n\" b\n";
        let views = split(source);
        assert_eq!(views.code.len(), source.len());
        assert_eq!(views.comments.len(), source.len());
        assert_eq!(line(&views.code, views.code.find('b').expect("b stays")), 4);
        assert!(views.comments.contains("ünï"));
    }

    #[test]
    fn unfinished_tokens_end_with_the_file() {
        for source in ["\"abc", "/* abc", "r#\"abc", "'", "'\\", "b'", "\"\\"] {
            assert_eq!(split(source).code.len(), source.len(), "{source}");
        }
    }

    #[test]
    fn items_for_tests_are_found() {
        let source = "fn a() {}\n#[cfg(test)]\n#[rustfmt::skip]\nmod tests { fn b() { {} } }\nfn c() {}\n\
                      #[cfg(test)] mod table;\n#[cfg(all(test, unix))] use x::{y, z};\n#[cfg(not(test))] fn d() {}";
        let left = without_tests(&split(source).code);
        for (word, stays) in
            [("a", true), ("b", false), ("c", true), ("table", false), ("y", false), ("d", true)]
        {
            assert_eq!(words(&left).any(|(_, found)| found == word), stays, "{word}");
        }
        assert_eq!(test_only(source).modules, ["table"]);
        assert!(words(&without_tests("#![cfg(test)]\nfn a() {}")).next().is_none());
    }

    #[test]
    fn attributes_are_normalised() {
        let texts: Vec<String> =
            attributes("#![no_std]\n#![cfg_attr(\n not(test),\n deny(a::b)\n)] x")
                .into_iter()
                .map(|a| a.text)
                .collect();
        assert_eq!(texts, ["#![no_std]", "#![cfg_attr(not(test),deny(a::b))]"]);
    }
}
