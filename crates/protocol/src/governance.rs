//! Proposals and votes: what governance can change, and who speaks (GV-*).

use crate::{
    amount::Amount,
    error::{ErrorCode, Refusal},
    ids::AccountId,
    node::NodeNumber,
    parameters::{Parameter, Value},
    rules::Rule,
};
use borsh::{BorshDeserialize, BorshSerialize};
use core::fmt;

/// Number of a proposal: the order in which they were made, from 1.
pub type ProposalNumber = u64;

/// A change that governance can make. Variants are numbered by position: append only.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Change {
    /// A parameter gets a value.
    Parameter {
        /// The stable number of the parameter.
        parameter: u16,
        /// Its value from then on.
        value: Value,
    },
    /// A rule gets a value.
    Rule(Rule),
    /// A node is expelled for ever.
    Expel(NodeNumber),
    /// A node is quarantined.
    Quarantine(NodeNumber),
    /// A quarantined node is on probation.
    Reinstate(NodeNumber),
    /// Later entries need an engine of this version.
    CodeVersion(u32),
    /// An account is credited with ATR.
    Credit {
        /// The account.
        account: AccountId,
        /// How much.
        amount: Amount,
    },
}

impl Change {
    /// The kind's name, as people write it.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Parameter { .. } => "parameter",
            Self::Rule(_) => "rule",
            Self::Expel(_) => "expel",
            Self::Quarantine(_) => "quarantine",
            Self::Reinstate(_) => "reinstate",
            Self::CodeVersion(_) => "code_version",
            Self::Credit { .. } => "credit",
        }
    }

    /// What it is about: no two open proposals have the same subject.
    #[must_use]
    pub const fn subject(&self) -> Subject {
        match self {
            Self::Parameter { parameter, .. } => Subject::Parameter(*parameter),
            Self::Rule(rule) => Subject::Rule(rule.number()),
            Self::Expel(node) => Subject::Expel(*node),
            Self::Quarantine(node) => Subject::Quarantine(*node),
            Self::Reinstate(node) => Subject::Reinstate(*node),
            Self::CodeVersion(_) => Subject::CodeVersion,
            Self::Credit { account, .. } => Subject::Credit(*account),
        }
    }

    /// The node that it is about.
    #[must_use]
    pub const fn node(&self) -> Option<NodeNumber> {
        match self {
            Self::Expel(node) | Self::Quarantine(node) | Self::Reinstate(node) => Some(*node),
            _ => None,
        }
    }

    /// What can be judged without the state: that the value is within its bounds (GV-5).
    ///
    /// # Errors
    /// `SE_ERR_INVALID_INPUT` for a parameter that does not exist or a value of another kind, `SE_ERR_UNAUTHORIZED`
    /// for one that nobody may change, `SE_ERR_LIMIT` for a value that is out of bounds.
    pub fn validate(&self) -> Result<(), Refusal> {
        match self {
            Self::Parameter { parameter, value } => {
                let parameter = Parameter::from_number(*parameter).ok_or_else(|| {
                    Refusal::new(ErrorCode::InvalidInput, "there is no parameter of this number")
                })?;
                if parameter.is_immutable() {
                    let detail = "the parameter stands for ever as genesis set it";
                    return Err(Refusal::new(ErrorCode::Unauthorized, detail));
                }
                parameter.check(*value)
            }
            Self::Rule(rule) => rule.validate(),
            Self::Credit { amount, .. } => validate_credit(*amount),
            Self::Expel(_) | Self::Quarantine(_) | Self::Reinstate(_) | Self::CodeVersion(_) => {
                Ok(())
            }
        }
    }
}

/// # Errors
/// `SE_ERR_INVALID_INPUT` for nothing.
pub fn validate_credit(amount: Amount) -> Result<(), Refusal> {
    if amount == Amount::ZERO {
        return Err(Refusal::new(ErrorCode::InvalidInput, "a credit is more than nothing"));
    }
    Ok(())
}

/// What a proposal is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub enum Subject {
    /// A parameter, by number.
    Parameter(u16),
    /// A rule, by number.
    Rule(u8),
    /// Expelling a node.
    Expel(NodeNumber),
    /// Quarantining a node.
    Quarantine(NodeNumber),
    /// Reinstating a node.
    Reinstate(NodeNumber),
    /// The engine's version.
    CodeVersion,
    /// Crediting an account.
    Credit(AccountId),
}

/// In whose name a command of governance is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub enum Speaker {
    /// The operator of the ledger.
    Operator,
    /// A member of the council, by the position of its key in genesis.
    Council(u32),
    /// A storage node.
    Node(NodeNumber),
}

impl fmt::Display for Speaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Operator => f.write_str("operator"),
            Self::Council(member) => write!(f, "council-{member}"),
            Self::Node(node) => write!(f, "node {node}"),
        }
    }
}

/// Who votes on a proposal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Electorate {
    /// The council, each key with the same weight.
    Council,
    /// Nodes, weighted by the NOD that they hold.
    Nodes,
}

impl Electorate {
    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Council => "council",
            Self::Nodes => "nodes",
        }
    }
}
