//! Answers lines `name x [y …]` on standard input, numbers as their `raw` integers (weights and whole
//! exponents as themselves), with a line each on standard output: the `raw` result, or the error.
//!
//! `tests/independent/certified_math_check.py` drives it.

use certified_math::{BigNum128, MathError, split};
use std::error::Error;
use std::io::{self, BufRead, BufWriter, Write};

fn main() -> Result<(), Box<dyn Error>> {
    let mut out = BufWriter::with_capacity(1 << 16, io::stdout().lock());
    for line in io::stdin().lock().lines() {
        let line = line?;
        let (name, operands) = line.split_once(' ').ok_or("no operand")?;
        let operands = operands.split(' ').map(str::parse).collect::<Result<Vec<u128>, _>>()?;
        match answer(name, &operands).ok_or_else(|| format!("not a request: {line}"))? {
            Ok(values) => {
                let values: Vec<String> = values.iter().map(u128::to_string).collect();
                writeln!(out, "{}", values.join(" "))?;
            }
            Err(error) => writeln!(out, "{error:?}")?,
        }
    }
    Ok(out.flush()?)
}

/// The results of a function by its name, or nothing if there is none of that name and arity.
fn answer(name: &str, operands: &[u128]) -> Option<Result<Vec<u128>, MathError>> {
    if name == "split" {
        let (amount, weights) = operands.split_first()?;
        return Some(split(BigNum128::from_raw(*amount), weights).map(|shares| {
            shares.parts.iter().chain([&shares.rest]).map(|part| part.raw()).collect()
        }));
    }
    let result = match *operands {
        [x] => unary(name, BigNum128::from_raw(x))?,
        [x, y] if name == "powi" => BigNum128::from_raw(x).powi(y),
        [x, y] => binary(name, BigNum128::from_raw(x), BigNum128::from_raw(y))?,
        _ => return None,
    };
    Some(result.map(|value| vec![value.raw()]))
}

fn unary(name: &str, x: BigNum128) -> Option<Result<BigNum128, MathError>> {
    Some(match name {
        "sqrt" => Ok(x.sqrt()),
        "exp" => x.exp(),
        "exp2" => x.exp2(),
        "ln" => x.ln(),
        "log2" => x.log2(),
        "log10" => x.log10(),
        _ => return None,
    })
}

fn binary(name: &str, x: BigNum128, y: BigNum128) -> Option<Result<BigNum128, MathError>> {
    Some(match name {
        "pow" => x.pow(y),
        "mul" => x.mul(y),
        "div" => x.div(y),
        _ => return None,
    })
}
