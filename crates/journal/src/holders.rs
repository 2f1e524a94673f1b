//! Whose secret keys a ledger's directory keeps, by generation (KY-1), and how the next ones come into force.
//!
//! A generation's key files are durable before the entry that puts it into force is submitted. A crash between leaves
//! files that nothing names; the next rotation of the holder takes them up.

use crate::{JournalError, KeyStore, Ledger, checkpoint::LogSigners};
use eqm_log::VerifierKey;
use protocol::{
    Action, EntryBody, NodeId,
    governance::Speaker,
    keys::{FIRST_GENERATION, KeyHolder, RotateKeys},
    signature::{PublicKey, SeedSigner, Signer, Suite},
};
use storage_engine::state::{State, StateStore, records::KeysRecord};

/// The suites of the log's keys, in their order.
const LOG_SUITES: [Suite; 2] = [Suite::Ed25519, Suite::MlDsa44];

/// One generation of the log's keys, as those who check its notes know them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogKeys {
    /// Its number, from 1.
    pub generation: u32,
    /// Seq of the entry that began it.
    pub from: u64,
    /// Whether the keys before vouch for it; `None` for the first.
    pub endorsed: Option<bool>,
    /// Seq of the entry that declared it void.
    pub revoked: Option<u64>,
    /// Its keys.
    pub keys: Vec<VerifierKey>,
}

/// Name of a key's file without the suite. No name of a holder has an `@`.
fn file_name(name: &str, generation: u32) -> String {
    if generation == FIRST_GENERATION { name.into() } else { format!("{name}@{generation}") }
}

pub(crate) fn node_key_name(node: &NodeId) -> String {
    format!("node-{node}")
}

/// The signers of a generation of the log.
pub(crate) fn log_signers(keys: &KeyStore, generation: u32) -> Result<LogSigners, JournalError> {
    let name = file_name("log", generation);
    Ok(LogSigners {
        ed25519: Box::new(keys.existing(&name, Suite::Ed25519)?),
        ml_dsa_44: Box::new(keys.existing(&name, Suite::MlDsa44)?),
    })
}

/// The generation of the log that signs a checkpoint over `size` entries (KY-2).
pub(crate) fn signing_generation<S: StateStore>(
    state: &State<S>,
    size: u64,
) -> Result<u32, JournalError> {
    let record = state.keys_of(KeyHolder::Log).map_err(unreadable)?;
    Ok(record.map_or(FIRST_GENERATION, |record| record.signing(size)))
}

fn unreadable(error: impl std::fmt::Display) -> JournalError {
    JournalError::Halted(format!("keys: {error}"))
}

impl Ledger {
    /// Name of the files of a holder's first keys; `None` for a node that does not exist.
    fn name_of(&self, holder: KeyHolder) -> Option<String> {
        match holder {
            KeyHolder::Log => Some("log".into()),
            KeyHolder::Operator => Some("operator".into()),
            KeyHolder::Council(seat) => Some(format!("council-{seat}")),
            KeyHolder::Node(number) => {
                self.state().node(number).map(|node| node_key_name(&node.node_id))
            }
        }
    }

    /// The suite of a speaker's key in force; `None` where nobody speaks, or with a key that has no suite.
    fn suite_of(&self, speaker: Speaker) -> Option<Suite> {
        let state = self.state();
        match speaker {
            Speaker::Operator => state.operator_key().map(|key| key.suite),
            Speaker::Council(seat) => {
                state.council().get(usize::try_from(seat).ok()?)?.as_ref().map(|key| key.suite)
            }
            Speaker::Node(number) => Suite::from_name(&state.node(number)?.scheme),
        }
    }

    /// The signer that speaks for `speaker`; `None` when its key is not kept here, or when nobody speaks.
    ///
    /// # Errors
    /// When its key cannot be read.
    pub fn speaker(&self, speaker: Speaker) -> Result<Option<SeedSigner>, JournalError> {
        let holder = KeyHolder::from(speaker);
        let (Some(suite), Some(name)) = (self.suite_of(speaker), self.name_of(holder)) else {
            return Ok(None);
        };
        let generation = self.state().generation_of(holder).map_err(unreadable)?;
        self.keys().find(&file_name(&name, generation), suite)
    }

    /// The operator's signer.
    ///
    /// # Errors
    /// When its key cannot be read.
    pub fn operator(&self) -> Result<SeedSigner, JournalError> {
        let Some(suite) = self.suite_of(Speaker::Operator) else {
            return self.keys().signer("operator", Suite::MlDsa44);
        };
        let generation = self.state().generation_of(KeyHolder::Operator).map_err(unreadable)?;
        self.keys().existing(&file_name("operator", generation), suite)
    }

    /// What gives `holder` new keys, which are made and kept here: of `suite`, or of the suite that it has; the log
    /// always has one of each. `endorsed` has the log's keys of now vouch for the next ones.
    ///
    /// # Errors
    /// When there is no such holder, or a key cannot be read or made.
    pub fn prepare_rotation(
        &self,
        holder: KeyHolder,
        suite: Option<Suite>,
        endorsed: bool,
    ) -> Result<RotateKeys, JournalError> {
        let missing = || JournalError::Halted(format!("{holder} has no key to replace"));
        let ledger_id = self.state().ledger_id().ok_or_else(missing)?;
        let name = self.name_of(holder).ok_or_else(missing)?;
        let in_force = self.state().generation_of(holder).map_err(unreadable)?;
        let generation = in_force.saturating_add(1);
        let suites = match holder {
            KeyHolder::Log => LOG_SUITES.to_vec(),
            _ => vec![suite.or_else(|| self.suite_of(holder.speaker())).ok_or_else(missing)?],
        };
        let new = suites
            .iter()
            .map(|suite| self.keys().signer(&file_name(&name, generation), *suite))
            .collect::<Result<Vec<_>, _>>()?;
        let old = if endorsed && holder == KeyHolder::Log {
            let name = file_name(&name, in_force);
            LOG_SUITES.iter().map(|suite| self.keys().existing(&name, *suite)).collect()
        } else {
            Ok(Vec::new())
        }?;
        Ok(RotateKeys::signed(&ledger_id, holder, generation, &signers(&new), &signers(&old)))
    }

    /// Every generation of the log's keys, the first one first.
    ///
    /// # Errors
    /// When the log cannot be read, or names keys that cannot stand in a note.
    pub fn log_keys(&self) -> Result<Vec<LogKeys>, JournalError> {
        let record = self.state().keys_of(KeyHolder::Log).map_err(unreadable)?;
        let Some(KeysRecord { generations, .. }) = record else {
            let keys = self.noted(self.state().log_keys())?;
            let (generation, from) = (FIRST_GENERATION, 0);
            return Ok(vec![LogKeys { generation, from, endorsed: None, revoked: None, keys }]);
        };
        let mut all = Vec::with_capacity(generations.len());
        for (number, generation) in (FIRST_GENERATION..).zip(generations) {
            let keys = self.keys_begun_at(generation.from)?;
            all.push(LogKeys {
                generation: number,
                from: generation.from,
                endorsed: (number > FIRST_GENERATION).then_some(generation.endorsed),
                revoked: generation.revoked,
                keys: self.noted(&keys)?,
            });
        }
        Ok(all)
    }

    /// The keys that a checkpoint over `size` entries is signed with (KY-2).
    ///
    /// # Errors
    /// As [`Ledger::log_keys`].
    pub fn verifier_keys_at(&self, size: u64) -> Result<Vec<VerifierKey>, JournalError> {
        let all = self.log_keys()?;
        let signing = all.into_iter().take_while(|keys| keys.from < size.max(1)).last();
        Ok(signing.map_or(Vec::new(), |keys| keys.keys))
    }

    /// The log's keys that genesis or a rotation put into force.
    fn keys_begun_at(&self, seq: u64) -> Result<Vec<PublicKey>, JournalError> {
        let entry = self.entry(seq)?;
        let body = entry.and_then(|entry| EntryBody::from_bytes(&entry.body).ok());
        match body.map(|body| body.command.action) {
            Some(Action::Genesis(genesis)) => Ok(genesis.log_keys),
            Some(Action::RotateKeys(rotation)) => Ok(rotation.keys),
            _ => Err(JournalError::Halted(format!("entry {seq} puts no keys into force"))),
        }
    }

    pub(crate) fn noted(&self, keys: &[PublicKey]) -> Result<Vec<VerifierKey>, JournalError> {
        noted(self.origin(), keys)
    }
}

/// The log's keys as they stand in notes.
pub(crate) fn noted(origin: &str, keys: &[PublicKey]) -> Result<Vec<VerifierKey>, JournalError> {
    keys.iter()
        .map(|key| VerifierKey::new(origin, key))
        .collect::<Result<_, _>>()
        .map_err(|error| JournalError::Halted(format!("the log's keys: {error}")))
}

fn signers(keys: &[SeedSigner]) -> Vec<&dyn Signer> {
    keys.iter().map(|key| key as &dyn Signer).collect()
}
