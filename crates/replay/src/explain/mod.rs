//! Why something is as it is: the derivation of a shard's nodes or of a node's reward, step by step, recomputed from the
//! log and never looked up (RP-12 to RP-14).
//!
//! ```text
//! Explainer::placement(..) or ::reward(..)  →  push every entry, from the first on  →  finish
//! ```
//!
//! Every entry is executed again on the way, and held against the auditor's own books. So what is explained is what the rules
//! give, and an explanation of a log that departs from them is an error.

mod placement;
mod rerun;
mod reward;
mod text;

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::fmt;
use protocol::{
    Hash32,
    json::{Value, object},
};

use self::{placement::Placement, rerun::Rerun, reward::Reward};
use crate::Divergence;

/// An entry that a step rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntryRef {
    /// Its position in the log.
    pub seq: u64,
    /// Its hash in the chain.
    pub entry_hash: Hash32,
}

/// One step of a derivation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What it finds.
    pub title: &'static str,
    /// The rule that says how.
    pub rule: &'static str,
    /// The rule in one line.
    pub formula: &'static str,
    /// What goes into the formula, by name.
    pub inputs: Vec<(&'static str, String)>,
    /// A table or a list: a walk, the nodes that share a pool.
    pub rows: Vec<String>,
    /// What comes out.
    pub result: String,
    /// The entry that it rests on.
    pub entry: Option<EntryRef>,
    /// Parameters and rules in force that it used, by name.
    pub parameters: Vec<(&'static str, String)>,
}

/// A derivation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// `placement` or `reward`.
    pub explains: &'static str,
    /// What was asked about, by name.
    pub subject: Vec<(&'static str, String)>,
    /// From what is known to what was asked for.
    pub steps: Vec<Step>,
    /// Node ids of the copies now, or the reward.
    pub result: Vec<String>,
}

/// Why there is no explanation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExplainError {
    /// The log has nothing of this name: what is missing.
    NotFound(String),
    /// The log is not what the rules give.
    Diverges(Divergence),
}

impl fmt::Display for ExplainError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound(what) => f.write_str(what),
            Self::Diverges(divergence) => divergence.fmt(f),
        }
    }
}

impl core::error::Error for ExplainError {}

impl From<Divergence> for ExplainError {
    fn from(divergence: Divergence) -> Self {
        Self::Diverges(divergence)
    }
}

/// Takes the entries of a log, from the first on, and explains one thing about them.
pub struct Explainer {
    rerun: Rerun,
    question: Question,
}

enum Question {
    Placement(Placement),
    Reward(Reward),
}

impl Explainer {
    /// Why the copies of a shard are where they are.
    ///
    /// # Errors
    /// A state that cannot be opened, which memory rules out.
    pub fn placement(object: &str, version: u64, shard_id: Hash32) -> Result<Self, ExplainError> {
        let question = Question::Placement(Placement::new(object, version, shard_id));
        Ok(Self { rerun: Rerun::new()?, question })
    }

    /// Why a node earned what it earned when an epoch closed.
    ///
    /// # Errors
    /// As [`Explainer::placement`].
    pub fn reward(node_id: &str, epoch: u64) -> Result<Self, ExplainError> {
        let question = Question::Reward(Reward::new(node_id, epoch));
        Ok(Self { rerun: Rerun::new()?, question })
    }

    /// Takes the next entry's body. Returns whether later ones matter, too.
    ///
    /// # Errors
    /// [`ExplainError::Diverges`] at the first entry that is not what the rules give.
    pub fn push(&mut self, body: &[u8]) -> Result<bool, ExplainError> {
        let next = self.rerun.read(body)?;
        match &mut self.question {
            Question::Placement(placement) => {
                placement.before(&next, &self.rerun)?;
                self.rerun.apply(next)?;
                Ok(true)
            }
            Question::Reward(reward) => {
                reward.before(&next, &self.rerun)?;
                let closing = self.rerun.apply(next)?;
                reward.after(closing)?;
                Ok(!reward.is_done())
            }
        }
    }

    /// The explanation.
    ///
    /// # Errors
    /// [`ExplainError::NotFound`] when the log has no such shard, node or closed epoch.
    pub fn finish(self) -> Result<Explanation, ExplainError> {
        match self.question {
            Question::Placement(placement) => placement.finish(&self.rerun),
            Question::Reward(reward) => reward.finish(),
        }
    }
}

impl Step {
    fn new(title: &'static str, rule: &'static str, formula: &'static str) -> Self {
        Self {
            title,
            rule,
            formula,
            inputs: Vec::new(),
            rows: Vec::new(),
            result: String::new(),
            entry: None,
            parameters: Vec::new(),
        }
    }

    fn input(mut self, name: &'static str, value: impl ToString) -> Self {
        self.inputs.push((name, value.to_string()));
        self
    }

    fn parameter(mut self, name: &'static str, value: impl ToString) -> Self {
        self.parameters.push((name, value.to_string()));
        self
    }

    fn rows(mut self, rows: Vec<String>) -> Self {
        self.rows = rows;
        self
    }

    fn result(mut self, result: impl ToString) -> Self {
        self.result = result.to_string();
        self
    }

    fn at(mut self, entry: EntryRef) -> Self {
        self.entry = Some(entry);
        self
    }

    fn to_json(&self) -> Value {
        let entry = self.entry.map_or(Value::Null, |entry| {
            object([
                ("seq", Value::uint(entry.seq)),
                ("entry_hash", Value::from(entry.entry_hash.to_hex())),
            ])
        });
        object([
            ("title", Value::from(self.title)),
            ("rule", Value::from(self.rule)),
            ("formula", Value::from(self.formula)),
            ("inputs", named(&self.inputs)),
            ("rows", self.rows.iter().map(String::as_str).collect()),
            ("result", Value::from(self.result.as_str())),
            ("entry", entry),
            ("parameters", named(&self.parameters)),
        ])
    }
}

impl Explanation {
    /// The derivation as one document.
    #[must_use]
    pub fn to_json(&self) -> Value {
        object([
            ("explains", Value::from(self.explains)),
            ("subject", named(&self.subject)),
            ("steps", self.steps.iter().map(Step::to_json).collect()),
            ("result", self.result.iter().map(String::as_str).collect()),
        ])
    }
}

fn named(values: &[(&'static str, String)]) -> Value {
    object(values.iter().map(|(name, value)| (*name, Value::from(value.as_str()))))
}

fn not_found(what: impl fmt::Display) -> ExplainError {
    ExplainError::NotFound(format!("{what}"))
}
