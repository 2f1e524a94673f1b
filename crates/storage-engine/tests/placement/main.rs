//! Placement against its rules, computed here from the text of `spec/placement.md` alone.

mod formula;
mod frozen;
mod oracle;
mod replacement;
mod rules;
