//! Rules CJ-1 to CJ-13, in the names of the tests.

use super::ErrorKind::*;
use super::*;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;

fn canonical(text: &str) -> String {
    parse(text.as_bytes()).unwrap_or_else(|error| panic!("{text}: {error}")).to_canonical()
}

fn refusal(bytes: &[u8]) -> (usize, ErrorKind) {
    let error = parse(bytes).expect_err(&format!("{}", bytes.escape_ascii()));
    (error.offset, error.kind)
}

#[test]
fn cj_2_cj_4_integers_within_53_bits() {
    let rows = [("0", 0), ("-0", 0), ("-7", -7), ("10", 10)];
    let ends = [("9007199254740991", MAX_INTEGER), ("-9007199254740991", -MAX_INTEGER)];
    for (text, value) in rows.into_iter().chain(ends) {
        assert_eq!(parse(text.as_bytes()), Ok(Value::Int(value)), "{text}");
    }
}

/// CJ-1, CJ-3, CJ-4, CJ-5, CJ-13: every reason, and where.
#[test]
fn cj_1_to_cj_6_and_cj_13_refusals() {
    let rows: &[(&str, usize, ErrorKind)] = &[
        ("", 0, UnexpectedEnd),
        (" \n", 2, UnexpectedEnd),
        ("[", 1, UnexpectedEnd),
        ("[1", 2, UnexpectedEnd),
        ("{\"a\"", 4, UnexpectedEnd),
        ("{\"a\":", 5, UnexpectedEnd),
        ("\"abc", 4, UnexpectedEnd),
        ("\"\\", 2, UnexpectedEnd),
        ("-", 1, UnexpectedEnd),
        ("nul", 0, UnexpectedCharacter),
        ("True", 0, UnexpectedCharacter),
        ("NaN", 0, UnexpectedCharacter),
        ("-Infinity", 1, UnexpectedCharacter),
        ("+1", 0, UnexpectedCharacter),
        (".5", 0, UnexpectedCharacter),
        ("'a'", 0, UnexpectedCharacter),
        ("[1,]", 3, UnexpectedCharacter),
        ("[,1]", 1, UnexpectedCharacter),
        ("[1 2]", 3, UnexpectedCharacter),
        ("[1}", 2, UnexpectedCharacter),
        ("{\"a\":1,}", 7, UnexpectedCharacter),
        ("{a:1}", 1, UnexpectedCharacter),
        ("{1:1}", 1, UnexpectedCharacter),
        ("{\"a\" 1}", 5, UnexpectedCharacter),
        ("// x\n1", 0, UnexpectedCharacter),
        ("\u{a0}1", 0, UnexpectedCharacter),
        ("\u{b}1", 0, UnexpectedCharacter),
        ("1 2", 2, TrailingBytes),
        ("nullx", 4, TrailingBytes),
        ("{}\0", 2, TrailingBytes),
        ("1\u{feff}", 1, TrailingBytes),
        ("\u{feff}1", 0, ByteOrderMark),
        ("\"a\nb\"", 2, ControlCharacter),
        ("\"\0\"", 1, ControlCharacter),
        ("\"\u{1f}\"", 1, ControlCharacter),
        (r#""\x41""#, 1, InvalidEscape),
        (r#""a\'""#, 2, InvalidEscape),
        (r#""\u12""#, 1, InvalidEscape),
        (r#""\u+123""#, 1, InvalidEscape),
        (r#""\u12g4""#, 1, InvalidEscape),
        (r#""\u00é""#, 1, InvalidEscape),
        (r#""\U0041""#, 1, InvalidEscape),
        (r#""a\ud800""#, 2, LoneSurrogate),
        (r#""\udc00""#, 1, LoneSurrogate),
        (r#""\ud800\u0041""#, 1, LoneSurrogate),
        (r#""\udc00\ud800""#, 1, LoneSurrogate),
        (r#""\ud800\ud800""#, 1, LoneSurrogate),
        (r#""\ud800\n""#, 1, LoneSurrogate),
        ("1.0", 0, NotAnInteger),
        ("[1.5]", 1, NotAnInteger),
        ("1e0", 0, NotAnInteger),
        ("-1E5", 0, NotAnInteger),
        ("01", 0, LeadingZero),
        ("-00", 0, LeadingZero),
        ("9007199254740992", 0, OutOfRange),
        ("[-9007199254740992]", 1, OutOfRange),
        ("99999999999999999999999999", 0, OutOfRange),
        (r#"{"a":1,"a":1}"#, 7, DuplicateKey),
        (r#"{"a":1, "\u0061":2}"#, 8, DuplicateKey),
        (r#"[{"":{"b":0,"b":0}}]"#, 12, DuplicateKey),
    ];
    for (text, offset, kind) in rows {
        assert_eq!(refusal(text.as_bytes()), (*offset, *kind), "{text:?}");
    }
    let not_utf8: [&[u8]; 4] = [b"\"\xff\"", b"\"\xc0\x80\"", b"\"\xed\xa0\x80\"", b"\"\xe2\x82"];
    for bytes in not_utf8 {
        assert_eq!(refusal(bytes), (1, InvalidUtf8));
    }
}

#[test]
fn cj_6_nesting_ends_at_64_without_deep_recursion() {
    let nested = |open: &str, close: &str, n| format!("{}{}", open.repeat(n), close.repeat(n));
    let list = nested("[", "]", MAX_DEPTH);
    assert_eq!(canonical(&list), list);
    assert_eq!(refusal(nested("[", "]", MAX_DEPTH + 1).as_bytes()), (64, TooDeep));
    assert_eq!(refusal("[".repeat(1 << 20).as_bytes()), (64, TooDeep));
    assert_eq!(refusal("{\"a\":".repeat(1 << 20).as_bytes()), (64 * 5, TooDeep));
    let wide = format!("[{}[]]", "[],".repeat(1000));
    assert_eq!(canonical(&wide), wide);
}

/// RFC 8785, section 3.2.3: its names, numbered in the order that the example lists them.
#[test]
fn cj_8_names_sort_by_utf16_code_units() {
    let text = r#"{"\u20ac":1,"\r":2,"\ufb33":3,"1":4,"\ud83d\ude00":5,"\u0080":6,"\u00f6":7}"#;
    let sorted = "{\"\\r\":2,\"1\":4,\"\u{80}\":6,\"ö\":7,\"€\":1,\"😀\":5,\"\u{fb33}\":3}";
    assert_eq!(canonical(text), sorted);
    assert_eq!(
        canonical(r#"{"b":0,"aa":0,"a":0,"":0,"B":0}"#),
        r#"{"":0,"B":0,"a":0,"aa":0,"b":0}"#
    );
}

#[test]
fn cj_3_cj_9_strings_escape_only_what_they_must() {
    let text = r#""\u0000\b\t\n\u000b\f\r\u001F\"\\\/\u007f\u00e9\u2028\ud83d\ude00\uffff ""#;
    let expected = "\"\\u0000\\b\\t\\n\\u000b\\f\\r\\u001f\\\"\\\\/\u{7f}é\u{2028}😀\u{ffff} \"";
    assert_eq!(canonical(text), expected);
}

#[test]
fn cj_7_whitespace_goes_and_order_of_elements_stays() {
    let text = " { \"b\" : [ 3 ,\t1,\r\n2 , [ ] ] , \"a\" : { } , \"c\":[null,true,false]}\n";
    assert_eq!(canonical(text), r#"{"a":{},"b":[3,1,2,[]],"c":[null,true,false]}"#);
}

#[test]
fn cj_11_only_canonical_bytes_are_taken_as_canonical() {
    for text in ["{}", "0", r#"{"a":[1,"é"],"b":null}"#] {
        assert_eq!(parse_canonical(text.as_bytes()), parse(text.as_bytes()), "{text}");
    }
    let rows = [
        ("{} ", 2),
        (" 1", 0),
        ("-0", 0),
        (r#"{"b":1,"a":2}"#, 2),
        (r#"["a\/"]"#, 3),
        (r#"["\u00e9"]"#, 2),
        (r#"["\u001F"]"#, 7),
    ];
    for (text, offset) in rows {
        let expected = Err(JsonError { offset, kind: NotCanonical });
        assert_eq!(parse_canonical(text.as_bytes()), expected, "{text}");
    }
    assert_eq!(parse_canonical(b"1.0").unwrap_err().kind, NotAnInteger);
}

#[test]
fn cj_12_large_numbers_become_digits() {
    let limit = MAX_INTEGER.unsigned_abs();
    for (number, text) in [
        (0, "0"),
        (limit, "9007199254740991"),
        (limit + 1, "\"9007199254740992\""),
        (u64::MAX, "\"18446744073709551615\""),
    ] {
        let value = Value::uint(number);
        assert_eq!(value.to_canonical(), text);
        assert_eq!(value.as_uint(), Some(number));
    }
    assert_eq!(Value::try_from(limit + 1), Err(limit + 1));
    for other in ["5", "09007199254740992", "+9007199254740992", "18446744073709551616", ""] {
        assert_eq!(Value::from(other).as_uint(), None, "{other:?}");
    }
    for other in [Value::from(-1), Value::Null, Value::from(true), Value::Array(vec![])] {
        assert_eq!(other.as_uint(), None, "{other}");
    }
}

#[test]
fn builders_and_accessors() {
    let value = object([("ok", Value::from(false)), ("code", "SE_ERR_LIMIT".into())])
        .with("rows", (1..=2).collect::<Value>())
        .with("detail", object([("seq", 7_i64)]));
    let text = r#"{"code":"SE_ERR_LIMIT","detail":{"seq":7},"ok":false,"rows":[1,2]}"#;
    assert_eq!(value.to_canonical(), text);
    assert_eq!(parse_canonical(text.as_bytes()), Ok(value.clone()));
    assert_eq!(value.get("ok").and_then(Value::as_bool), Some(false));
    assert_eq!(value.get("code").and_then(Value::as_str), Some("SE_ERR_LIMIT"));
    assert_eq!(value.get("rows").and_then(Value::as_array).map(<[_]>::len), Some(2));
    assert_eq!(value.get("detail").and_then(|d| d.get("seq")?.as_int()), Some(7));
    assert_eq!((value.get("none"), Value::Null.get("ok")), (None, None));
    assert_eq!(Value::Null.with("a", 1), Value::Null);
    let mut members = value.as_object().cloned().unwrap();
    assert_eq!((members.len(), members.is_empty()), (4, false));
    assert_eq!(members.insert("ok", true), Some(Value::Bool(false)));
    assert_eq!(members.remove("ok"), Some(Value::Bool(true)));
    assert_eq!(members.iter().next(), Some(("code", &Value::from("SE_ERR_LIMIT"))));
    assert_eq!(Value::from(members.clone()).as_object(), Some(&members));
}

#[test]
fn errors_say_what_and_where() {
    let error = parse(b"[1.5]").unwrap_err();
    let sentence = "only integers are allowed, without fraction or exponent (byte 1)";
    assert_eq!(error.to_string(), sentence);
}

/// The generator SplitMix64: arbitrary values, the same in every run.
struct Source(u64);

impl Source {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn text(&mut self) -> String {
        let bounds = [0x24, 0x80, 0x3000, 0x1_0000, 0x11_0000];
        let length = self.below(6);
        (0..length)
            .filter_map(|_| {
                let bound = bounds[self.below(5) as usize];
                char::from_u32(self.below(bound) as u32)
            })
            .collect()
    }

    fn value(&mut self, depth: u32) -> Value {
        match self.below(if depth == 0 { 4 } else { 6 }) {
            0 => Value::Null,
            1 => Value::Bool(self.below(2) == 0),
            2 => Value::Int(
                (self.next() >> (11 + self.below(53))) as i64 - (MAX_INTEGER >> self.below(53)),
            ),
            3 => Value::Str(self.text()),
            4 => (0..self.below(5)).map(|_| self.value(depth - 1)).collect(),
            _ => Value::Object(
                (0..self.below(5)).map(|_| (self.text(), self.value(depth - 1))).collect(),
            ),
        }
    }
}

#[test]
fn cj_10_canonical_text_goes_there_and_back() {
    let mut source = Source(8785);
    for _ in 0..5000 {
        let value = source.value(5);
        let text = value.to_canonical();
        assert_eq!(parse_canonical(text.as_bytes()), Ok(value), "{text}");
    }
}

/// Texts broken at one byte: never a panic, and what still parses has one canonical text.
#[test]
fn cj_1_broken_texts_are_refused_or_mean_one_value() {
    let mut source = Source(8259);
    for _ in 0..5000 {
        let mut bytes = source.value(3).to_canonical().into_bytes();
        let place = source.below(bytes.len() as u64) as usize;
        bytes[place] = vec![source.below(256) as u8, b"\"\\{}[],:-0e.u"[source.below(13) as usize]]
            [source.below(2) as usize];
        match parse(&bytes) {
            Ok(value) => {
                assert_eq!(parse_canonical(value.to_canonical().as_bytes()), Ok(value))
            }
            Err(error) => assert!(error.offset <= bytes.len()),
        }
    }
}
