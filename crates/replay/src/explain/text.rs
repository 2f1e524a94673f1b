//! An explanation for people: numbered steps, aligned.

use alloc::string::String;
use core::fmt::{self, Write};

use super::{Explanation, Step};

/// Room for the names of inputs.
const NAMES: usize = 28;

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.explains)?;
        for (name, value) in &self.subject {
            write!(f, "  {name} {value}")?;
        }
        f.write_char('\n')?;
        for (number, step) in (1u32..).zip(&self.steps) {
            write!(f, "\n{number:>2}  {}  [{}]\n", step.title, step.rule)?;
            step.write(f)?;
        }
        f.write_char('\n')?;
        line(f, "result", &self.result.join(", "))
    }
}

impl Step {
    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        line(f, "formula", self.formula)?;
        for (name, value) in &self.inputs {
            line(f, name, value)?;
        }
        for (name, value) in &self.parameters {
            line(f, name, value)?;
        }
        for row in &self.rows {
            writeln!(f, "      {row}")?;
        }
        line(f, "=", &self.result)?;
        match self.entry {
            Some(entry) => line(f, "entry", &alloc::format!("{} {}", entry.seq, entry.entry_hash)),
            None => Ok(()),
        }
    }
}

fn line(f: &mut fmt::Formatter<'_>, name: &str, value: &str) -> fmt::Result {
    writeln!(f, "    {name:<NAMES$}{value}")
}

/// Rows of cells, each column as wide as its longest cell; the first column to the left, the others to the right.
pub(super) fn table(rows: &[alloc::vec::Vec<String>]) -> alloc::vec::Vec<String> {
    let columns = rows.iter().map(alloc::vec::Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: alloc::vec::Vec<usize> = (0..columns).map(width).collect();
    let aligned = |row: &alloc::vec::Vec<String>| {
        let mut out = String::new();
        for (at, (cell, width)) in row.iter().zip(&widths).enumerate() {
            // Writing to memory cannot fail.
            let _ = if at == 0 {
                write!(out, "{cell:<width$}")
            } else {
                write!(out, "  {cell:>width$}")
            };
        }
        out.truncate(out.trim_end().len());
        out
    };
    rows.iter().map(aligned).collect()
}
