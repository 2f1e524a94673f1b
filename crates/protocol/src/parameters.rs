//! The governed numbers: value, bounds, and whether governance may change them (GV-5).
//!
//! Recorded from genesis on; an entry replays under the parameters of its own epoch.

use crate::{
    amount::Amount,
    error::{ErrorCode, Refusal},
    layout::Profile,
};
use alloc::{format, string::String};
use borsh::{BorshDeserialize, BorshSerialize};
use core::fmt;

const ONE: u128 = 1_000_000_000_000_000_000;
const PERCENT: u128 = ONE / 100;

/// The value of a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Value {
    /// A plain number.
    Integer(u64),
    /// An amount or a ratio, with 18 decimals.
    Amount(Amount),
    /// On or off.
    Flag(bool),
    /// A redundancy profile.
    Profile(Profile),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(number) => number.fmt(f),
            Self::Amount(amount) => amount.fmt(f),
            Self::Flag(flag) => flag.fmt(f),
            Self::Profile(profile) => profile.fmt(f),
        }
    }
}

/// Which values a parameter may have. Both ends are allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bounds {
    /// A plain number, a multiple of `step`.
    Integer {
        /// Least value.
        min: u64,
        /// Greatest value.
        max: u64,
        /// 1 where every number is allowed.
        step: u64,
    },
    /// An amount or a ratio.
    Amount {
        /// Least value.
        min: Amount,
        /// Greatest value.
        max: Amount,
    },
    /// Either.
    Flag,
    /// A profile within LA-1.
    Profile,
}

impl Bounds {
    /// Whether `value` is of this kind; `None` when it is not, else whether it is inside.
    fn admits(self, value: Value) -> Option<bool> {
        match (self, value) {
            (Self::Integer { min, max, step }, Value::Integer(number)) => {
                Some((min..=max).contains(&number) && number.is_multiple_of(step))
            }
            (Self::Amount { min, max }, Value::Amount(amount)) => {
                Some((min..=max).contains(&amount))
            }
            (Self::Flag, Value::Flag(_)) => Some(true),
            (Self::Profile, Value::Profile(profile)) => Some(profile.validate().is_ok()),
            _ => None,
        }
    }
}

impl fmt::Display for Bounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer { min, max, step: 1 } => write!(f, "{min} to {max}"),
            Self::Integer { min, max, step } => write!(f, "{min} to {max}, a multiple of {step}"),
            Self::Amount { min, max } => write!(f, "{min} to {max}"),
            Self::Flag => f.write_str("true or false"),
            Self::Profile => {
                f.write_str("k,m,r with 1 to 64 columns, 1 to 4 replicas, and one with parity")
            }
        }
    }
}

const fn whole(min: u64, max: u64) -> Bounds {
    Bounds::Integer { min, max, step: 1 }
}

const fn amounts(min: u128, max: u128) -> Bounds {
    Bounds::Amount { min: Amount::from_raw(min), max: Amount::from_raw(max) }
}

/// A type that parameters have.
trait Setting: Sized {
    fn to_value(&self) -> Value;
    fn from_value(value: Value) -> Option<Self>;
}

macro_rules! settings {
    ($($type:ty, $variant:ident;)*) => {
        $(impl Setting for $type {
            fn to_value(&self) -> Value { Value::$variant(self.clone().into()) }
            fn from_value(value: Value) -> Option<Self> {
                match value { Value::$variant(value) => value.try_into().ok(), _ => None }
            }
        })*
    };
}

settings! {
    u32, Integer;
    Amount, Amount;
    bool, Flag;
    Profile, Profile;
}

macro_rules! parameters {
    ($($(#[doc = $doc:literal])* $name:ident: $type:ty = $number:literal, $default:expr, $bounds:expr, $mutability:ident;)*) => {
        /// Every governed number.
        #[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
        pub struct Parameters { $($(#[doc = $doc])* pub $name: $type,)* }

        impl Parameters {
            /// The values of the QFS V13 specification, with `profile`.
            #[must_use]
            pub const fn v13(profile: Profile) -> Self {
                let mut parameters = Self { $($name: $default,)* };
                parameters.profile = profile;
                parameters
            }
        }

        /// A parameter, by its stable number: appended to, never reused.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[allow(non_camel_case_types)]
        pub enum Parameter { $($(#[doc = $doc])* $name,)* }

        impl Parameter {
            /// Every parameter, in the order of their numbers.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The stable number.
            #[must_use]
            pub const fn number(self) -> u16 { match self { $(Self::$name => $number,)* } }

            /// The name that people write.
            #[must_use]
            pub const fn name(self) -> &'static str { match self { $(Self::$name => stringify!($name),)* } }

            /// What it is for.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$name => concat!($($doc,)*).trim_ascii(),)* }
            }

            /// Which values it may have.
            #[must_use]
            pub const fn bounds(self) -> Bounds { match self { $(Self::$name => $bounds,)* } }

            /// Whether it stands for ever as genesis set it.
            #[must_use]
            pub const fn is_immutable(self) -> bool {
                match self { $(Self::$name => parameters!(@ $mutability),)* }
            }

            /// Its value.
            #[must_use]
            pub fn get(self, parameters: &Parameters) -> Value {
                match self { $(Self::$name => parameters.$name.to_value(),)* }
            }

            /// Sets it, without looking at its bounds; whether the value is of its kind.
            fn put(self, parameters: &mut Parameters, value: Value) -> bool {
                match self { $(Self::$name => Setting::from_value(value)
                    .map(|value| parameters.$name = value).is_some(),)* }
            }
        }
    };
    (@ immutable) => { true };
    (@ governed) => { false };
}

parameters! {
    /// Redundancy profile that objects are stored with.
    profile: Profile = 0, Profile::QFS_V13, Bounds::Profile, governed;
    /// Bytes of a block of the layout's matrix.
    block_size: u32 = 1, 262_144, Bounds::Integer { min: 4_096, max: 1 << 24, step: 4_096 }, governed;
    /// Bytes of a leaf of a shard's tree.
    leaf_size: u32 = 2, 4_096, whole(4_096, 4_096), immutable;
    /// Most bytes of an object's canonical metadata.
    metadata_limit: u32 = 3, 16_384, whole(256, 16_384), governed;
    /// ATR per started KiB of content.
    fee_per_kib: Amount = 4, Amount::from_raw(100 * ONE), amounts(0, 10_000 * ONE), governed;
    /// Surcharge per top-level metadata key, as a share of the size fee.
    fee_per_metadata_key: Amount = 5, Amount::from_raw(PERCENT), amounts(0, ONE), governed;
    /// Metadata keys beyond this many cost nothing more.
    fee_metadata_keys: u32 = 6, 99, whole(0, 1_000), governed;
    /// Whether a fee needs a balance that covers it; otherwise it accrues as debt.
    prepaid: bool = 7, false, Bounds::Flag, governed;
    /// Share of an epoch's fees that rewards nodes.
    pool_share: Amount = 8, Amount::from_raw(10 * PERCENT), amounts(0, 50 * PERCENT), governed;
    /// Most ATR that an epoch pays to nodes.
    pool_cap: Amount = 9, Amount::from_raw(1_000_000 * ONE), amounts(0, 1_000_000_000 * ONE), governed;
    /// Most of the pool that one node earns.
    node_reward_cap: Amount = 10, Amount::from_raw(30 * PERCENT), amounts(PERCENT, 50 * PERCENT), governed;
    /// With fewer verified nodes than this nothing is paid.
    min_verified_nodes: u32 = 11, 3, whole(1, 400), governed;
    /// Shards per node that a sampled audit challenges.
    audit_sample: u32 = 12, 64, whole(1, 4_096), governed;
    /// A sampled audit challenges this many times as many shards of a node that is on probation or degraded.
    probation_audit_factor: u32 = 13, 2, whole(1, 16), governed;
    /// Epochs that a node is on probation at least.
    probation_epochs: u32 = 14, 2, whole(0, 64), governed;
    /// Share of the votes' weight that accepts a proposal.
    quorum: Amount = 15, Amount::from_raw(66 * PERCENT), amounts(51 * PERCENT, 90 * PERCENT), governed;
    /// Share of the votes' weight that accepts an emergency proposal.
    emergency_quorum: Amount = 16, Amount::from_raw(80 * PERCENT), amounts(75 * PERCENT, 95 * PERCENT), governed;
    /// Most that one node has of all votes' weight.
    voting_cap: Amount = 17, Amount::from_raw(25 * PERCENT), amounts(25 * PERCENT, 25 * PERCENT), immutable;
    /// With fewer holders of NOD than this the council votes.
    min_nod_holders: u32 = 18, 4, whole(4, 4), immutable;
    /// Epochs in which a proposal takes votes.
    voting_epochs: u32 = 19, 2, whole(1, 16), governed;
    /// Epochs from the last one that takes votes to the one in which an accepted proposal is in force.
    activation_delay: u32 = 20, 2, whole(2, 16), governed;
    /// Epochs after a decision in which the same subject cannot be proposed again.
    cooldown_epochs: u32 = 21, 2, whole(0, 64), governed;
    /// Most ATR that the operator credits to accounts in an epoch.
    operator_credit_cap: Amount = 22, Amount::from_raw(1_000_000_000_000 * ONE), amounts(0, 1_000_000_000_000_000 * ONE), governed;
}

impl Parameter {
    /// The parameter with this number.
    #[must_use]
    pub fn from_number(number: u16) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }

    /// The parameter of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|parameter| parameter.name() == name).copied()
    }

    /// # Errors
    /// `SE_ERR_INVALID_INPUT` for a value of another kind, `SE_ERR_LIMIT` for one that is out of bounds.
    pub fn check(self, value: Value) -> Result<(), Refusal> {
        let refuse = |code, what: String| Err(Refusal::with(code, what));
        match self.bounds().admits(value) {
            Some(true) => Ok(()),
            Some(false) => refuse(
                ErrorCode::Limit,
                format!("{} is {}, not {value}", self.name(), self.bounds()),
            ),
            None => refuse(
                ErrorCode::InvalidInput,
                format!("{} has another kind of value: {}", self.name(), self.bounds()),
            ),
        }
    }

    /// Sets it in `parameters`.
    ///
    /// # Errors
    /// As [`Parameter::check`]; nothing is changed then.
    pub fn set(self, parameters: &mut Parameters, value: Value) -> Result<(), Refusal> {
        self.check(value)?;
        if self.put(parameters, value) {
            return Ok(());
        }
        Err(Refusal::new(ErrorCode::InvalidInput, "the parameter has another kind of value"))
    }
}

impl Parameters {
    /// # Errors
    /// `SE_ERR_LIMIT` when a number is outside the bounds that keep every later sum exact.
    pub fn validate(&self) -> Result<(), Refusal> {
        Parameter::ALL.iter().try_for_each(|parameter| parameter.check(parameter.get(self)))
    }
}

impl fmt::Display for Parameter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    /// GV-5: numbers are positions, names are unique, every default is within its bounds.
    #[test]
    fn gv_5_the_table_is_sound() {
        let parameters = Parameters::v13(Profile::QFS_V13);
        let mut names = Vec::new();
        for (position, parameter) in (0u16..).zip(Parameter::ALL) {
            assert_eq!(parameter.number(), position);
            assert_eq!(Parameter::from_number(position), Some(*parameter));
            assert_eq!(Parameter::from_name(parameter.name()), Some(*parameter));
            assert!(parameter.meaning().ends_with('.'), "{parameter}");
            names.push(parameter.name());
        }
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Parameter::ALL.len());
        assert_eq!(parameters.validate(), Ok(()));
    }

    /// GV-5: both ends of every bound are allowed, one step beyond is `SE_ERR_LIMIT`, another kind is refused.
    #[test]
    fn gv_5_bounds_hold_at_both_ends() {
        for parameter in Parameter::ALL {
            let mut parameters = Parameters::v13(Profile::QFS_V13);
            let (inside, outside): (Vec<Value>, Vec<Value>) = match parameter.bounds() {
                Bounds::Integer { min, max, step } => (
                    [min, max].map(Value::Integer).into(),
                    [min.checked_sub(1), max.checked_add(step)]
                        .into_iter()
                        .flatten()
                        .map(Value::Integer)
                        .collect(),
                ),
                Bounds::Amount { min, max } => (
                    [min, max].map(Value::Amount).into(),
                    [min.raw().checked_sub(1), max.raw().checked_add(1)]
                        .into_iter()
                        .flatten()
                        .map(|raw| Value::Amount(Amount::from_raw(raw)))
                        .collect(),
                ),
                Bounds::Flag => ([true, false].map(Value::Flag).into(), Vec::new()),
                Bounds::Profile => (
                    [Profile::EC_16_6, Profile::QFS_V13].map(Value::Profile).into(),
                    [Value::Profile(Profile { data: 0, parity: 0, replicas: 1 })].into(),
                ),
            };
            for value in inside {
                assert_eq!(parameter.set(&mut parameters, value), Ok(()), "{parameter}");
                assert_eq!(parameter.get(&parameters), value);
                assert_eq!(parameters.validate(), Ok(()));
            }
            let before = parameters.clone();
            for value in outside {
                let refusal = parameter.set(&mut parameters, value).unwrap_err();
                assert_eq!(refusal.code, ErrorCode::Limit, "{parameter} {value}");
            }
            let other = match parameter.bounds() {
                Bounds::Flag => Value::Integer(1),
                _ => Value::Flag(true),
            };
            let refusal = parameter.set(&mut parameters, other).unwrap_err();
            assert_eq!(refusal.code, ErrorCode::InvalidInput, "{parameter}");
            assert_eq!(parameters, before);
        }
    }
}
