//! The text of a policy file.

use super::{Group, LogKey, MAX_LINES, MAX_POLICY_LEN, Member, Policy, Witness};
use crate::{
    note::{NoteError, VerifierKey},
    text::parse_decimal,
};
use alloc::{string::String, vec::Vec};
use core::{error::Error, fmt};

/// The name that a quorum without witnesses has.
const NONE: &str = "none";

/// What is wrong with a policy file, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    /// Number of the line, from one; none when it is the file as a whole.
    pub line: Option<usize>,
    /// What is wrong.
    pub fault: Fault,
}

/// What can be wrong with a policy file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The file is longer than [`MAX_POLICY_LEN`].
    TooLong(usize),
    /// There is a control character other than tab and newline.
    ControlCharacter,
    /// The line does not begin with `log`, `witness`, `group` or `quorum`.
    UnknownKeyword(String),
    /// The line ends before this item.
    Missing(&'static str),
    /// There is something after the line's last item.
    Extra(String),
    /// The verifier key is malformed.
    BadKey(NoteError),
    /// The key is of a type that logs do not sign with.
    NotALogKey(u8),
    /// The key is of a type that witnesses do not cosign with.
    NotAWitnessKey(u8),
    /// The public key is in the file already, whatever its name.
    DuplicateKey,
    /// A witness or group has this name already, or it is `none`.
    NameTaken(String),
    /// No line before this one defines the name.
    UnknownName(String),
    /// The name is a member of a group already.
    MemberTwice(String),
    /// The threshold is not `all`, `any` or a plain decimal number from 1 to the number of members.
    BadThreshold(String),
    /// There are more than [`MAX_LINES`] lines of this kind.
    TooMany(&'static str),
    /// There is a second quorum line.
    SecondQuorum,
    /// There is no quorum line.
    NoQuorum,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong(len) => {
                write!(f, "a policy has at most {MAX_POLICY_LEN} bytes, this one has {len}")
            }
            Self::ControlCharacter => f.write_str("the line contains a control character"),
            Self::UnknownKeyword(word) => {
                write!(f, "{word:?} is none of log, witness, group and quorum")
            }
            Self::Missing(what) => write!(f, "the line ends before its {what}"),
            Self::Extra(word) => write!(f, "{word:?} is more than the line can have"),
            Self::BadKey(error) => error.fmt(f),
            Self::NotALogKey(byte) => write!(f, "logs do not sign with keys of type {byte:#04x}"),
            Self::NotAWitnessKey(byte) => {
                write!(f, "witnesses do not cosign with keys of type {byte:#04x}")
            }
            Self::DuplicateKey => f.write_str("this key is in the policy already"),
            Self::NameTaken(name) => write!(f, "the name {name:?} is taken"),
            Self::UnknownName(name) => {
                write!(f, "no line before defines a witness or group {name:?}")
            }
            Self::MemberTwice(name) => write!(f, "{name:?} is a member of a group already"),
            Self::BadThreshold(word) => {
                write!(f, "{word:?} is not all, any, or a number from 1 to the number of members")
            }
            Self::TooMany(kind) => write!(f, "there are more than {MAX_LINES} {kind} lines"),
            Self::SecondQuorum => f.write_str("there is a quorum already"),
            Self::NoQuorum => f.write_str("the policy has no quorum line"),
        }
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        self.fault.fmt(f)
    }
}

impl Error for ParseError {}

/// Parses a whole file.
pub(super) fn parse(file: &str) -> Result<Policy, ParseError> {
    let whole = |fault| ParseError { line: None, fault };
    if file.len() > MAX_POLICY_LEN {
        return Err(whole(Fault::TooLong(file.len())));
    }
    let mut builder = Builder::default();
    for (number, line) in (1..).zip(file.split('\n')) {
        builder.line(line).map_err(|fault| ParseError { line: Some(number), fault })?;
    }
    let quorum = builder.quorum.ok_or_else(|| whole(Fault::NoQuorum))?;
    let Builder { logs, witnesses, groups, .. } = builder;
    Ok(Policy { logs, witnesses, groups, quorum })
}

/// A policy on its way.
#[derive(Default)]
struct Builder {
    logs: Vec<LogKey>,
    witnesses: Vec<Witness>,
    groups: Vec<Group>,
    /// Members of all groups so far.
    taken: Vec<Member>,
    quorum: Option<Option<Member>>,
}

impl Builder {
    fn line(&mut self, line: &str) -> Result<(), Fault> {
        if line.bytes().any(|byte| (byte < 0x20 && byte != b'\t') || byte == 0x7f) {
            return Err(Fault::ControlCharacter);
        }
        let mut items = line.split([' ', '\t']).filter(|item| !item.is_empty());
        match items.next() {
            None => Ok(()),
            Some(comment) if comment.starts_with('#') => Ok(()),
            Some("log") => self.log(&mut items),
            Some("witness") => self.witness(&mut items),
            Some("group") => self.group(&mut items),
            Some("quorum") => self.quorum(&mut items),
            Some(other) => Err(Fault::UnknownKeyword(other.into())),
        }
    }

    fn log<'a>(&mut self, items: &mut impl Iterator<Item = &'a str>) -> Result<(), Fault> {
        let key = self.key(items)?;
        if !key.key_type().signs_logs() {
            return Err(Fault::NotALogKey(key.key_type().byte()));
        }
        let log = LogKey { key, url: last(items)? };
        room(&self.logs, "log")?;
        self.logs.push(log);
        Ok(())
    }

    fn witness<'a>(&mut self, items: &mut impl Iterator<Item = &'a str>) -> Result<(), Fault> {
        let name = self.new_name(items)?;
        let key = self.key(items)?;
        if !key.key_type().cosigns() {
            return Err(Fault::NotAWitnessKey(key.key_type().byte()));
        }
        let witness = Witness { name, key, url: last(items)? };
        room(&self.witnesses, "witness")?;
        self.witnesses.push(witness);
        Ok(())
    }

    fn group<'a>(&mut self, items: &mut impl Iterator<Item = &'a str>) -> Result<(), Fault> {
        let name = self.new_name(items)?;
        let wanted = items.next().ok_or(Fault::Missing("threshold"))?;
        let mut members = Vec::new();
        for name in items {
            let member = self.find(name)?;
            if self.taken.contains(&member) {
                return Err(Fault::MemberTwice(name.into()));
            }
            self.taken.push(member);
            members.push(member);
        }
        if members.is_empty() {
            return Err(Fault::Missing("members"));
        }
        let threshold = match wanted {
            "all" => Some(members.len()),
            "any" => Some(1),
            number => parse_decimal(number)
                .and_then(|number| usize::try_from(number).ok())
                .filter(|number| (1..=members.len()).contains(number)),
        };
        let threshold = threshold.ok_or_else(|| Fault::BadThreshold(wanted.into()))?;
        room(&self.groups, "group")?;
        self.groups.push(Group { name, threshold, members });
        Ok(())
    }

    fn quorum<'a>(&mut self, items: &mut impl Iterator<Item = &'a str>) -> Result<(), Fault> {
        if self.quorum.is_some() {
            return Err(Fault::SecondQuorum);
        }
        let name = items.next().ok_or(Fault::Missing("name"))?;
        let quorum = if name == NONE { None } else { Some(self.find(name)?) };
        if let Some(extra) = items.next() {
            return Err(Fault::Extra(extra.into()));
        }
        self.quorum = Some(quorum);
        Ok(())
    }

    fn key<'a>(&self, items: &mut impl Iterator<Item = &'a str>) -> Result<VerifierKey, Fault> {
        let key = items.next().ok_or(Fault::Missing("verifier key"))?;
        let key: VerifierKey = key.parse().map_err(Fault::BadKey)?;
        let logs = self.logs.iter().map(|log| &log.key);
        let mut known = logs.chain(self.witnesses.iter().map(|witness| &witness.key));
        // Also a log's key for a witness: its own signature would count as somebody else's.
        if known.any(|known| known.public_key() == key.public_key()) {
            return Err(Fault::DuplicateKey);
        }
        Ok(key)
    }

    fn new_name<'a>(&self, items: &mut impl Iterator<Item = &'a str>) -> Result<String, Fault> {
        let name = items.next().ok_or(Fault::Missing("name"))?;
        if name == NONE || self.find(name).is_ok() {
            return Err(Fault::NameTaken(name.into()));
        }
        Ok(name.into())
    }

    fn find(&self, name: &str) -> Result<Member, Fault> {
        let witness = self.witnesses.iter().position(|witness| witness.name == name);
        let group = self.groups.iter().position(|group| group.name == name);
        witness
            .map(Member::Witness)
            .or(group.map(Member::Group))
            .ok_or_else(|| Fault::UnknownName(name.into()))
    }
}

/// The optional address at the end of a line.
fn last<'a>(items: &mut impl Iterator<Item = &'a str>) -> Result<Option<String>, Fault> {
    let url = items.next().map(String::from);
    items.next().map_or(Ok(url), |extra| Err(Fault::Extra(extra.into())))
}

fn room<T>(lines: &[T], kind: &'static str) -> Result<(), Fault> {
    if lines.len() < MAX_LINES { Ok(()) } else { Err(Fault::TooMany(kind)) }
}
