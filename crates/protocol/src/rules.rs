//! The rules by which nodes become eligible: data, which governance changes (RG-5).

use crate::{
    amount::Amount,
    error::{ErrorCode, Refusal},
    ids::AccountId,
    limits::{MAX_LABEL_BYTES, MAX_QUARANTINE_EPOCHS, MAX_REGIONS, MAX_SCORERS},
};
use alloc::{string::String, vec::Vec};
use borsh::{BorshDeserialize, BorshSerialize};
use core::fmt;

/// Every rule, as in force in an epoch.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Rules {
    /// Least uptime of a verified node, 0 to 1.
    pub min_uptime: Amount,
    /// Least health of a verified node, 0 to 1.
    pub min_health: Amount,
    /// Regions whose nodes are eligible, sorted; empty for every region.
    pub allowed_regions: Vec<String>,
    /// Regions whose nodes are not eligible, sorted.
    pub denied_regions: Vec<String>,
    /// What the copies of one shard, or the columns of an erasure-coded object, must not share.
    pub failure_domain: DomainKind,
    /// When failed proofs take a node out.
    pub quarantine: Quarantine,
    /// Accounts that may record scores, sorted.
    pub scorers: Vec<AccountId>,
}

/// What nodes may have in common, as declared at registration.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize,
)]
pub enum DomainKind {
    /// The rule is off.
    #[default]
    None,
    /// Who runs the node.
    Operator,
    /// The autonomous system of its network.
    Asn,
    /// Its region.
    Region,
}

impl DomainKind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::None, Self::Operator, Self::Asn, Self::Region];

    /// The name that people write.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Operator => "operator",
            Self::Asn => "asn",
            Self::Region => "region",
        }
    }
}

impl fmt::Display for DomainKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A node with `failures` failed proofs in the last `epochs` closed epochs is quarantined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Quarantine {
    /// How many; 0 turns the rule off.
    pub failures: u32,
    /// The window in epochs, 1 to 16. Failures in it also make a node degraded.
    pub epochs: u32,
}

/// One rule with a new value. Variants are numbered by position: append only.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Rule {
    /// [`Rules::min_uptime`].
    MinUptime(Amount),
    /// [`Rules::min_health`].
    MinHealth(Amount),
    /// [`Rules::allowed_regions`].
    AllowedRegions(Vec<String>),
    /// [`Rules::denied_regions`].
    DeniedRegions(Vec<String>),
    /// [`Rules::failure_domain`].
    FailureDomain(DomainKind),
    /// [`Rules::quarantine`].
    Quarantine(Quarantine),
    /// [`Rules::scorers`].
    Scorers(Vec<AccountId>),
}

impl Rule {
    /// The name of the rule.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::MinUptime(_) => "min_uptime",
            Self::MinHealth(_) => "min_health",
            Self::AllowedRegions(_) => "allowed_regions",
            Self::DeniedRegions(_) => "denied_regions",
            Self::FailureDomain(_) => "failure_domain",
            Self::Quarantine(_) => "quarantine",
            Self::Scorers(_) => "scorers",
        }
    }

    /// Position among the variants.
    #[must_use]
    pub const fn number(&self) -> u8 {
        match self {
            Self::MinUptime(_) => 0,
            Self::MinHealth(_) => 1,
            Self::AllowedRegions(_) => 2,
            Self::DeniedRegions(_) => 3,
            Self::FailureDomain(_) => 4,
            Self::Quarantine(_) => 5,
            Self::Scorers(_) => 6,
        }
    }

    /// # Errors
    /// `SE_ERR_LIMIT` for a number or a list that is out of bounds, `SE_ERR_INVALID_INPUT` for a list that is not
    /// sorted and unique, or a region that is no label.
    pub fn validate(&self) -> Result<(), Refusal> {
        let limit = |holds: bool, detail| {
            if holds { Ok(()) } else { Err(Refusal::new(ErrorCode::Limit, detail)) }
        };
        match self {
            Self::MinUptime(ratio) | Self::MinHealth(ratio) => {
                let one = certified_math::BigNum128::ONE;
                limit(ratio.0 <= one, "least uptime and health are 0 to 1")
            }
            Self::AllowedRegions(regions) | Self::DeniedRegions(regions) => {
                validate_regions(regions)
            }
            Self::FailureDomain(_) => Ok(()),
            Self::Quarantine(rule) => limit(
                (1..=MAX_QUARANTINE_EPOCHS).contains(&rule.epochs),
                "failed proofs are counted over 1 to 16 epochs",
            ),
            Self::Scorers(scorers) => {
                limit(scorers.len() <= MAX_SCORERS, "a ledger has at most 16 scorers")?;
                sorted(scorers)
            }
        }
    }
}

/// At most 32 regions, sorted and unique, each a label of 1 to 64 bytes.
///
/// # Errors
/// `SE_ERR_LIMIT` for too many, `SE_ERR_INVALID_INPUT` for anything else.
pub fn validate_regions(regions: &[String]) -> Result<(), Refusal> {
    if regions.len() > MAX_REGIONS {
        return Err(Refusal::new(ErrorCode::Limit, "a list names at most 32 regions"));
    }
    if !regions.iter().all(|region| is_region(region)) {
        let detail = "a region is a text of 1 to 64 bytes without control characters";
        return Err(Refusal::new(ErrorCode::InvalidInput, detail));
    }
    sorted(regions)
}

/// Whether a text names a region.
#[must_use]
pub fn is_region(text: &str) -> bool {
    (1..=MAX_LABEL_BYTES).contains(&text.len()) && !text.chars().any(char::is_control)
}

fn sorted<T: Ord>(list: &[T]) -> Result<(), Refusal> {
    if list.is_sorted_by(|a, b| a < b) {
        return Ok(());
    }
    Err(Refusal::new(ErrorCode::InvalidInput, "a list is sorted, each item once"))
}

impl Rules {
    /// The rules of the QFS V13 specification: uptime 0.90, health 0.75, everything else off.
    #[must_use]
    pub const fn v13() -> Self {
        Self {
            min_uptime: Amount::from_raw(900_000_000_000_000_000),
            min_health: Amount::from_raw(750_000_000_000_000_000),
            allowed_regions: Vec::new(),
            denied_regions: Vec::new(),
            failure_domain: DomainKind::None,
            quarantine: Quarantine { failures: 0, epochs: 3 },
            scorers: Vec::new(),
        }
    }

    /// Each rule by itself, in the order of their numbers.
    #[must_use]
    pub fn list(&self) -> [Rule; 7] {
        [
            Rule::MinUptime(self.min_uptime),
            Rule::MinHealth(self.min_health),
            Rule::AllowedRegions(self.allowed_regions.clone()),
            Rule::DeniedRegions(self.denied_regions.clone()),
            Rule::FailureDomain(self.failure_domain),
            Rule::Quarantine(self.quarantine),
            Rule::Scorers(self.scorers.clone()),
        ]
    }

    /// Puts one rule in the place of its predecessor.
    pub fn set(&mut self, rule: &Rule) {
        match rule {
            Rule::MinUptime(ratio) => self.min_uptime = *ratio,
            Rule::MinHealth(ratio) => self.min_health = *ratio,
            Rule::AllowedRegions(regions) => self.allowed_regions.clone_from(regions),
            Rule::DeniedRegions(regions) => self.denied_regions.clone_from(regions),
            Rule::FailureDomain(kind) => self.failure_domain = *kind,
            Rule::Quarantine(rule) => self.quarantine = *rule,
            Rule::Scorers(scorers) => self.scorers.clone_from(scorers),
        }
    }

    /// # Errors
    /// As [`Rule::validate`] of each.
    pub fn validate(&self) -> Result<(), Refusal> {
        self.list().iter().try_for_each(Rule::validate)
    }

    /// Whether nodes of `region` are eligible. A node that declared none is in no allowed region.
    #[must_use]
    pub fn allows(&self, region: &str) -> bool {
        let listed = |list: &[String]| list.iter().any(|listed| listed == region);
        (self.allowed_regions.is_empty() || listed(&self.allowed_regions))
            && !listed(&self.denied_regions)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    #[test]
    fn rg_5_rules_have_bounds() {
        let region = |text: &str| vec![String::from(text)];
        let over = Amount::from_raw(1_000_000_000_000_000_001);
        let many: Vec<String> = (0..33).map(|n| alloc::format!("r{n:02}")).collect();
        let scorer = |n: u8| AccountId(crate::Hash32([n; 32]));
        let refused = [
            (Rule::MinUptime(over), ErrorCode::Limit),
            (Rule::MinHealth(over), ErrorCode::Limit),
            (Rule::AllowedRegions(many), ErrorCode::Limit),
            (Rule::AllowedRegions(region("")), ErrorCode::InvalidInput),
            (Rule::DeniedRegions(region("a\n")), ErrorCode::InvalidInput),
            (Rule::DeniedRegions(region(&"x".repeat(65))), ErrorCode::InvalidInput),
            (Rule::DeniedRegions(vec!["b".into(), "a".into()]), ErrorCode::InvalidInput),
            (Rule::Quarantine(Quarantine { failures: 1, epochs: 0 }), ErrorCode::Limit),
            (Rule::Quarantine(Quarantine { failures: 1, epochs: 17 }), ErrorCode::Limit),
            (Rule::Scorers((0..17).map(scorer).collect()), ErrorCode::Limit),
            (Rule::Scorers(vec![scorer(1), scorer(1)]), ErrorCode::InvalidInput),
        ];
        for (rule, code) in refused {
            assert_eq!(rule.validate().unwrap_err().code, code, "{rule:?}");
            let mut rules = Rules::v13();
            rules.set(&rule);
            assert_eq!(rules.validate().unwrap_err().code, code);
        }
        assert_eq!(Rules::v13().validate(), Ok(()));
        for (number, rule) in (0u8..).zip(Rules::v13().list()) {
            assert_eq!(rule.number(), number);
        }
    }

    #[test]
    fn rg_5_regions_allow_and_deny() {
        let mut rules = Rules::v13();
        assert!(rules.allows("eu") && rules.allows(""));
        rules.set(&Rule::AllowedRegions(vec!["eu".into(), "uk".into()]));
        rules.set(&Rule::DeniedRegions(vec!["uk".into()]));
        for (region, allowed) in [("eu", true), ("uk", false), ("us", false), ("", false)] {
            assert_eq!(rules.allows(region), allowed, "{region:?}");
        }
    }
}
