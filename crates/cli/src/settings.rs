//! Parameters and rules as people write them, and as documents.

use crate::error::{CliError, Result};
use protocol::{
    AccountId, Amount, ErrorCode, Hash32, Parameters, Profile, Rules,
    parameters::{Bounds, Parameter, Value},
    rules::{DomainKind, Quarantine, Rule},
};
use serde_json::{Value as Json, json};
use std::fmt::Display;

/// Sets a parameter or a rule, within its bounds, by its name.
pub fn set(parameters: &mut Parameters, rules: &mut Rules, name: &str, text: &str) -> Result<()> {
    if let Some(parameter) = Parameter::from_name(name) {
        return Ok(parameter.set(parameters, parse_value(parameter, text)?)?);
    }
    if !is_rule(name) {
        return Err(unknown("parameter or rule", name));
    }
    let rule = parse_rule(name, text)?;
    rule.validate()?;
    rules.set(&rule);
    Ok(())
}

fn unknown(what: &str, name: &str) -> CliError {
    CliError::failed(
        ErrorCode::InvalidInput,
        format!("there is no {what} {name:?}; see `qfs gov show`"),
    )
}

/// The parameter of this name.
pub fn parameter(name: &str) -> Result<Parameter> {
    Parameter::from_name(name).ok_or_else(|| unknown("parameter", name))
}

/// The value of a parameter, of its kind; whether it is within its bounds, the ledger says.
pub fn parse_value(parameter: Parameter, text: &str) -> Result<Value> {
    let value = match parameter.bounds() {
        Bounds::Integer { .. } => text.parse().ok().map(Value::Integer),
        Bounds::Amount { .. } => text.parse().ok().map(Value::Amount),
        Bounds::Flag => text.parse().ok().map(Value::Flag),
        Bounds::Profile => profile(text).map(Value::Profile),
    };
    value.ok_or_else(|| not_a_value(parameter.name(), text, parameter.bounds()))
}

fn not_a_value(name: &str, text: &str, bounds: impl Display) -> CliError {
    CliError::failed(ErrorCode::InvalidInput, format!("{name} is {bounds}, not {text:?}"))
}

/// A profile by its name, or as data,parity,replicas.
pub fn profile(name: &str) -> Option<Profile> {
    match name.to_ascii_lowercase().as_str() {
        "qfs-v13" | "v13" | "default" => Some(Profile::QFS_V13),
        "ec-16-6" | "ec-16-6-1" => Some(Profile::EC_16_6),
        "ec-10-5" | "ec-10-5-1" => Some(Profile::EC_10_5),
        other => other.parse().ok(),
    }
}

/// A value as a document: amounts as texts with 18 decimals.
pub fn value(value: Value) -> Json {
    match value {
        Value::Integer(number) => number.into(),
        Value::Flag(flag) => flag.into(),
        Value::Amount(_) | Value::Profile(_) => value.to_string().into(),
    }
}

fn is_rule(name: &str) -> bool {
    Rules::v13().list().iter().any(|rule| rule.name() == name)
}

/// A rule with the value that people write: decimals, comma-separated lists, `failures/epochs`. Lists are sorted here.
pub fn parse_rule(name: &str, text: &str) -> Result<Rule> {
    let current = Rules::v13().list().into_iter().find(|rule| rule.name() == name);
    let current = current.ok_or_else(|| unknown("rule", name))?;
    let parsed = match &current {
        Rule::MinUptime(_) => text.parse().ok().map(Rule::MinUptime),
        Rule::MinHealth(_) => text.parse().ok().map(Rule::MinHealth),
        Rule::AllowedRegions(_) => Some(Rule::AllowedRegions(list(text, region))),
        Rule::DeniedRegions(_) => Some(Rule::DeniedRegions(list(text, region))),
        Rule::FailureDomain(_) => domain(text).map(Rule::FailureDomain),
        Rule::Quarantine(_) => quarantine(text).map(Rule::Quarantine),
        Rule::Scorers(_) => {
            let scorers: Vec<Option<AccountId>> = list(text, |text| account(text).ok());
            scorers.into_iter().collect::<Option<_>>().map(Rule::Scorers)
        }
    };
    parsed.ok_or_else(|| not_a_value(name, text, rule_bounds(&current)))
}

fn region(text: &str) -> String {
    text.to_owned()
}

/// The items of a comma-separated list, sorted, each once; none in an empty text.
fn list<T: Ord>(text: &str, item: impl Fn(&str) -> T) -> Vec<T> {
    let items = text.split(',').map(str::trim).filter(|_| !text.trim().is_empty());
    let mut items: Vec<T> = items.map(item).collect();
    items.sort_unstable();
    items.dedup();
    items
}

fn domain(text: &str) -> Option<DomainKind> {
    DomainKind::ALL.into_iter().find(|kind| kind.name() == text)
}

fn quarantine(text: &str) -> Option<Quarantine> {
    let (failures, epochs) = text.split_once('/')?;
    Some(Quarantine { failures: failures.parse().ok()?, epochs: epochs.parse().ok()? })
}

/// An account, as 64 hexadecimal digits.
pub fn account(text: &str) -> Result<AccountId> {
    Hash32::from_hex(text).map(AccountId).ok_or_else(|| {
        CliError::failed(ErrorCode::InvalidInput, format!("{text:?} is no account: 64 hex digits"))
    })
}

/// An amount of ATR, as a plain decimal.
pub fn amount(text: &str) -> Result<Amount> {
    text.parse().map_err(|error| {
        CliError::failed(ErrorCode::InvalidInput, format!("{text:?} is no amount: {error}"))
    })
}

/// An amount as people read it: without the zeros at its end.
pub fn plain(amount: Amount) -> String {
    amount.to_string().trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// What a parameter says, as people write it.
pub fn value_text(value: Value) -> String {
    match value {
        Value::Amount(amount) => plain(amount),
        other => other.to_string(),
    }
}

/// What a rule says, as a document.
pub fn rule_value(rule: &Rule) -> Json {
    match rule {
        Rule::MinUptime(ratio) | Rule::MinHealth(ratio) => ratio.to_string().into(),
        Rule::AllowedRegions(regions) | Rule::DeniedRegions(regions) => json!(regions),
        Rule::FailureDomain(kind) => kind.name().into(),
        Rule::Quarantine(rule) => json!({ "failures": rule.failures, "epochs": rule.epochs }),
        Rule::Scorers(scorers) => scorers.iter().map(ToString::to_string).collect(),
    }
}

/// What a rule says, as people write it.
pub fn rule_text(rule: &Rule) -> String {
    match rule {
        Rule::MinUptime(ratio) | Rule::MinHealth(ratio) => plain(*ratio),
        Rule::AllowedRegions(regions) | Rule::DeniedRegions(regions) => regions.join(","),
        Rule::FailureDomain(kind) => kind.to_string(),
        Rule::Quarantine(rule) => format!("{}/{}", rule.failures, rule.epochs),
        Rule::Scorers(scorers) => {
            scorers.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
        }
    }
}

/// Which values a rule may have (RG-5).
pub const fn rule_bounds(rule: &Rule) -> &'static str {
    match rule {
        Rule::MinUptime(_) | Rule::MinHealth(_) => "0 to 1",
        Rule::AllowedRegions(_) | Rule::DeniedRegions(_) => {
            "at most 32 regions of 1 to 64 bytes, separated by commas"
        }
        Rule::FailureDomain(_) => "none, operator, asn or region",
        Rule::Quarantine(_) => "failures/epochs, 1 to 16 epochs, 0 failures for never",
        Rule::Scorers(_) => "at most 16 accounts, separated by commas",
    }
}

/// What a rule is for.
pub const fn rule_meaning(rule: &Rule) -> &'static str {
    match rule {
        Rule::MinUptime(_) => "Least uptime of a verified node.",
        Rule::MinHealth(_) => "Least health of a verified node.",
        Rule::AllowedRegions(_) => "Regions whose nodes are eligible; empty for every region.",
        Rule::DeniedRegions(_) => "Regions whose nodes are not eligible.",
        Rule::FailureDomain(_) => {
            "What copies of a shard, or columns of an erasure-coded object, do not share."
        }
        Rule::Quarantine(_) => {
            "A node with so many failed proofs in so many closed epochs is quarantined."
        }
        Rule::Scorers(_) => "Accounts that may record scores.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set_one(name: &str, text: &str) -> std::result::Result<(Parameters, Rules), ErrorCode> {
        let (mut parameters, mut rules) = (Parameters::v13(Profile::QFS_V13), Rules::v13());
        match set(&mut parameters, &mut rules, name, text) {
            Ok(()) => Ok((parameters, rules)),
            Err(CliError::Failed(refusal)) => Err(refusal.code),
            Err(other) => panic!("{other:?}"),
        }
    }

    /// GV-5, RG-5: everything has a spelling, and what is shown can be set again.
    #[test]
    fn gv_5_every_value_is_written_as_it_is_shown() {
        let (parameters, rules) = (Parameters::v13(Profile::EC_10_5), Rules::v13());
        for parameter in Parameter::ALL {
            let value = parameter.get(&parameters);
            assert_eq!(parse_value(*parameter, &value_text(value)).unwrap(), value);
        }
        for rule in rules.list() {
            assert_eq!(parse_rule(rule.name(), &rule_text(&rule)).unwrap(), rule);
        }
    }

    #[test]
    fn rg_5_rules_are_parsed() {
        let rules = |name, text| set_one(name, text).unwrap().1;
        assert_eq!(rules("allowed_regions", "UK, EU,EU").allowed_regions, ["EU", "UK"]);
        assert_eq!(rules("failure_domain", "asn").failure_domain, DomainKind::Asn);
        let quarantine = rules("quarantine", "3/4").quarantine;
        assert_eq!(quarantine, Quarantine { failures: 3, epochs: 4 });
        assert_eq!(rules("scorers", &"0a".repeat(32)).scorers.len(), 1);
        assert!(set_one("prepaid", "true").unwrap().0.prepaid);
    }

    #[test]
    fn gv_5_what_is_no_value_is_refused() {
        for (name, text, code) in [
            ("no_such", "1", ErrorCode::InvalidInput),
            ("fee_per_kib", "-1", ErrorCode::InvalidInput),
            ("fee_per_kib", "10000.000000000000000001", ErrorCode::Limit),
            ("block_size", "4097", ErrorCode::Limit),
            ("block_size", "4096.0", ErrorCode::InvalidInput),
            ("leaf_size", "8192", ErrorCode::Limit),
            ("prepaid", "yes", ErrorCode::InvalidInput),
            ("profile", "0,0,1", ErrorCode::InvalidInput),
            ("min_uptime", "1.1", ErrorCode::Limit),
            ("allowed_regions", "EU,,UK", ErrorCode::InvalidInput),
            ("failure_domain", "rack", ErrorCode::InvalidInput),
            ("quarantine", "3", ErrorCode::InvalidInput),
            ("quarantine", "3/17", ErrorCode::Limit),
            ("scorers", "me", ErrorCode::InvalidInput),
        ] {
            assert_eq!(set_one(name, text).unwrap_err(), code, "{name}={text}");
        }
    }
}
