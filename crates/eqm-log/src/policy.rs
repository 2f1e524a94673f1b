//! Trust policies: which logs count, which witnesses, and how many of these must have cosigned (C2SP tlog-policy).
//!
//! Whoever controls a log's keys can sign two histories. A witness cosigns one history only, so a reader who asks for
//! the cosignatures of enough witnesses sees what every other such reader sees.

mod parse;

pub use parse::{Fault, ParseError};

use crate::{
    checkpoint::{Checkpoint, CheckpointError, VerifiedCheckpoint},
    note::{Note, VerifierKey},
};
use alloc::{format, string::String, vec::Vec};
use core::{error::Error, fmt};

/// Longest policy file in bytes.
pub const MAX_POLICY_LEN: usize = 262_144;

/// Most lines of each kind: keys of logs, witnesses, groups.
pub const MAX_LINES: usize = 64;

/// A key of a log. A log of ours has two, each on a line of its own, under one name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogKey {
    /// The key; its name is the log's origin.
    pub key: VerifierKey,
    /// Where the log can be reached.
    pub url: Option<String>,
}

/// A witness.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witness {
    /// Its name in this policy.
    pub name: String,
    /// The key that it cosigns with.
    pub key: VerifierKey,
    /// Prefix of the address that takes checkpoints (C2SP tlog-witness).
    pub url: Option<String>,
}

/// A witness or a group, by its position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Member {
    Witness(usize),
    Group(usize),
}

/// So many of these.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Group {
    name: String,
    threshold: usize,
    /// All of them defined before; no member is one of another group, so that groups form trees.
    members: Vec<Member>,
}

/// A policy file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    logs: Vec<LogKey>,
    witnesses: Vec<Witness>,
    groups: Vec<Group>,
    quorum: Option<Member>,
}

/// A cosignature that verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cosigner {
    /// The witness's name in the policy.
    pub witness: String,
    /// Id of its key.
    pub key_id: u32,
    /// When it cosigned, in seconds since 1970; 0 when it does not say.
    pub time: u64,
}

/// A checkpoint that the log has signed, and as many witnesses as the policy asks for. Only [`Policy::check`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cosigned {
    /// What was signed.
    pub checkpoint: VerifiedCheckpoint,
    /// Whose cosignatures are on it, in the order of the policy; also those beyond the quorum.
    pub cosigners: Vec<Cosigner>,
}

/// Why a checkpoint does not satisfy a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PolicyError {
    /// The checkpoint is malformed, or a signature by a known log or witness is wrong or missing.
    Checkpoint(CheckpointError),
    /// The policy has no key of this log.
    UnknownLog(String),
    /// Too few witnesses have cosigned; says which are missing.
    Quorum(String),
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Checkpoint(error) => error.fmt(f),
            Self::UnknownLog(origin) => write!(f, "the policy has no key of the log {origin}"),
            Self::Quorum(missing) => f.write_str(missing),
        }
    }
}

impl Error for PolicyError {}

impl From<CheckpointError> for PolicyError {
    fn from(error: CheckpointError) -> Self {
        Self::Checkpoint(error)
    }
}

impl Policy {
    /// Parses a policy file.
    ///
    /// # Errors
    /// [`ParseError`] names the line and what is wrong with it.
    pub fn parse(file: &str) -> Result<Self, ParseError> {
        parse::parse(file)
    }

    /// The keys of logs, in the order of the file.
    #[must_use]
    pub fn logs(&self) -> &[LogKey] {
        &self.logs
    }

    /// The witnesses, in the order of the file.
    #[must_use]
    pub fn witnesses(&self) -> &[Witness] {
        &self.witnesses
    }

    /// The keys of the log with this origin.
    #[must_use]
    pub fn keys_of(&self, origin: &str) -> Vec<VerifierKey> {
        let keys = self.logs.iter().map(|log| &log.key);
        keys.filter(|key| key.name() == origin).cloned().collect()
    }

    /// Checks that a log of this policy has signed the note, and enough witnesses have cosigned it.
    ///
    /// # Errors
    /// [`PolicyError`] says whose signature is wrong or missing.
    pub fn check(&self, note: &str) -> Result<Cosigned, PolicyError> {
        let Checkpoint { origin, .. } = Checkpoint::parse_unverified(note)?;
        let keys = self.keys_of(&origin);
        if keys.is_empty() {
            return Err(PolicyError::UnknownLog(origin));
        }
        let checkpoint = Checkpoint::verify(note, &keys)?;
        Ok(Cosigned { checkpoint, cosigners: self.witnessed(note)? })
    }

    /// Checks that enough witnesses have cosigned the note, which the caller verifies by the log's keys.
    ///
    /// # Errors
    /// As [`Policy::check`].
    pub fn witnessed(&self, note: &str) -> Result<Vec<Cosigner>, PolicyError> {
        let cosigners = self.cosigners(note)?;
        self.quorum(&cosigners).map(|()| cosigners)
    }

    /// The witnesses of this policy that have cosigned the note, however many.
    ///
    /// # Errors
    /// [`CheckpointError`] if the note is malformed, or a line that claims to be by one of them is not: whoever puts
    /// false lines under a note is not to be believed in anything.
    pub fn cosigners(&self, note: &str) -> Result<Vec<Cosigner>, CheckpointError> {
        let checkpoint = Checkpoint::parse_unverified(note)?;
        let note = Note::parse(note)?;
        let mut cosigners = Vec::new();
        for witness in &self.witnesses {
            let mut latest = None;
            for signature in note.signatures.iter().filter(|line| witness.key.made(line)) {
                let time = checkpoint.verify_cosignature(&witness.key, signature)?;
                latest = latest.max(Some(time));
            }
            cosigners.extend(latest.map(|time| Cosigner {
                witness: witness.name.clone(),
                key_id: witness.key.key_id(),
                time,
            }));
        }
        Ok(cosigners)
    }

    /// Whether these are enough.
    ///
    /// # Errors
    /// [`PolicyError::Quorum`] says who is missing.
    pub fn quorum(&self, cosigners: &[Cosigner]) -> Result<(), PolicyError> {
        let Some(quorum) = self.quorum else {
            return Ok(());
        };
        let tally = Tally::new(self, cosigners);
        if tally.has(quorum) {
            return Ok(());
        }
        let missing = match quorum {
            Member::Witness(_) => {
                format!(
                    "the policy wants a cosignature of {}, which is missing",
                    tally.name(quorum)
                )
            }
            Member::Group(_) => {
                format!("too few witnesses of the policy have cosigned: {}", tally.explain(quorum))
            }
        };
        Err(PolicyError::Quorum(missing))
    }
}

/// Who has cosigned, group by group.
struct Tally<'a> {
    policy: &'a Policy,
    witnesses: Vec<bool>,
    /// Members that have cosigned, of each group.
    groups: Vec<usize>,
}

impl<'a> Tally<'a> {
    fn new(policy: &'a Policy, cosigners: &[Cosigner]) -> Self {
        let cosigned = |witness: &Witness| cosigners.iter().any(|one| one.witness == witness.name);
        let witnesses = policy.witnesses.iter().map(cosigned).collect();
        let mut tally = Self { policy, witnesses, groups: Vec::new() };
        // Members are defined before their group, so one pass settles all.
        for group in &policy.groups {
            let have = group.members.iter().filter(|member| tally.has(**member)).count();
            tally.groups.push(have);
        }
        tally
    }

    fn has(&self, member: Member) -> bool {
        match member {
            Member::Witness(at) => self.witnesses.get(at).copied().unwrap_or(false),
            Member::Group(at) => {
                let threshold = self.policy.groups.get(at).map(|group| group.threshold);
                self.groups.get(at).zip(threshold).is_some_and(|(have, wanted)| *have >= wanted)
            }
        }
    }

    fn name(&self, member: Member) -> &str {
        match member {
            Member::Witness(at) => self.policy.witnesses.get(at).map(|witness| &*witness.name),
            Member::Group(at) => self.policy.groups.get(at).map(|group| &*group.name),
        }
        .unwrap_or_default()
    }

    /// What a member lacks. Groups are at most as deep as there are groups.
    fn explain(&self, member: Member) -> String {
        let Member::Group(at) = member else {
            return self.name(member).into();
        };
        let (Some(group), Some(have)) = (self.policy.groups.get(at), self.groups.get(at)) else {
            return String::new();
        };
        let missing = group.members.iter().filter(|member| !self.has(**member));
        let missing: Vec<String> = missing.map(|member| self.explain(*member)).collect();
        let (Group { name, threshold, .. }, missing) = (group, missing.join(", "));
        format!("{name} has {have} of the {threshold} that it needs (missing: {missing})")
    }
}
