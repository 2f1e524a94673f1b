//! The functions against the committed vectors, which come from MPFR and from whole-number arithmetic (CM-23).

use certified_math::{BigNum128, MathError, split};
use std::{fs, path::PathBuf};

type Answer = Result<Vec<u128>, MathError>;

/// Reads a vector file from its front.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn byte(&mut self) -> u8 {
        let (first, rest) = self.0.split_first().expect("a record that ends");
        self.0 = rest;
        *first
    }

    fn field(&mut self) -> u128 {
        let size = usize::from(self.byte());
        let (digits, rest) = self.0.split_at(size);
        self.0 = rest;
        assert_ne!(digits.last(), Some(&0), "a superfluous zero");
        digits.iter().rev().fold(0, |value, digit| value << 8 | u128::from(*digit))
    }

    fn record(&mut self, many: bool) -> (Vec<u128>, Answer) {
        let count = self.byte();
        let operands: Vec<u128> = (0..count).map(|_| self.field()).collect();
        let results = if many { operands.len() } else { 1 };
        let answer = match self.byte() {
            0 => Ok((0..results).map(|_| self.field()).collect()),
            1 => Err(MathError::DivisionByZero),
            2 => Err(MathError::Overflow),
            3 => Err(MathError::Underflow),
            5 => Err(MathError::Domain),
            other => panic!("no status {other}"),
        };
        (operands, answer)
    }
}

/// Compares a function with its vectors, and says how many of them have a value and how many an error.
fn compare(name: &str, function: impl Fn(&[u128]) -> Answer) -> (usize, usize) {
    let folder =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors/certified-math");
    let bytes = fs::read(folder.join(format!("{name}.bin"))).unwrap();
    let (mut reader, mut values, mut errors) = (Reader(&bytes), 0, 0);
    while !reader.0.is_empty() {
        let (operands, expected) = reader.record(name == "split");
        assert_eq!(function(&operands), expected, "{name} of {operands:?}");
        *if expected.is_ok() { &mut values } else { &mut errors } += 1;
    }
    (values, errors)
}

fn one(result: Result<BigNum128, MathError>) -> Answer {
    result.map(|value| vec![value.raw()])
}

fn unary(name: &str, function: impl Fn(BigNum128) -> Result<BigNum128, MathError>) {
    let (values, errors) =
        compare(name, |operands| one(function(BigNum128::from_raw(operands[0]))));
    assert!(
        values + errors >= 10_000 && values >= 5_000,
        "{name}: {values} values, {errors} errors"
    );
    assert!(name == "sqrt" || errors >= 1_000, "{name}: {errors} errors");
}

#[test]
fn cm16_square_roots() {
    unary("sqrt", |x| Ok(x.sqrt()));
}

#[test]
fn cm17_exponentials() {
    unary("exp", BigNum128::exp);
    unary("exp2", BigNum128::exp2);
}

#[test]
fn cm18_logarithms() {
    unary("ln", BigNum128::ln);
    unary("log2", BigNum128::log2);
    unary("log10", BigNum128::log10);
}

#[test]
fn cm19_whole_powers() {
    let (values, errors) =
        compare("powi", |operands| one(BigNum128::from_raw(operands[0]).powi(operands[1])));
    assert!(values >= 5_000 && errors >= 2_000, "{values} values, {errors} errors");
}

#[test]
fn cm20_fractional_powers() {
    let (values, errors) = compare("pow", |operands| {
        one(BigNum128::from_raw(operands[0]).pow(BigNum128::from_raw(operands[1])))
    });
    assert!(values >= 7_000 && errors >= 1_000, "{values} values, {errors} errors");
}

#[test]
fn cm22_shares() {
    let (values, errors) = compare("split", |operands| {
        let shares = split(BigNum128::from_raw(operands[0]), &operands[1..])?;
        Ok(shares.parts.iter().chain([&shares.rest]).map(|part| part.raw()).collect())
    });
    assert!(values >= 9_000 && errors >= 10, "{values} values, {errors} errors");
}
