//! Admission: what can be judged of a command without the state (PR-5).
//!
//! What is refused here is never logged. A command that consensus committed without it is refused in
//! the log by [`crate::execute`], with the same code.

use alloc::{boxed::Box, format, string::String, vec::Vec};
use protocol::{
    Action, Authorization, Command, CommandId, Genesis, Hash32, Profile, Refusal, canonical,
    command::{Content, Custody, OpenAudit, RecordAudit, RecordScore, RegisterNode, Store},
    error::ErrorCode,
    governance::validate_credit,
    layout::MAX_OBJECT_SIZE,
    limits::{
        MAX_AUDIT_RESULTS, MAX_BODY_BYTES, MAX_LABEL_BYTES, MAX_METADATA_BYTES,
        MAX_PUBLIC_KEY_BYTES,
    },
    metadata::{MAX_OPENAGI_SCORE, Metadata},
    node::FailureDomain,
};

use crate::{
    content::hash_all,
    layout::Geometry,
    placement::{ShardNames, start_hashes},
    shard_tree,
};

/// A command that was checked. Only [`admit`] and [`admit_all`] make one.
#[derive(Clone, Debug)]
pub struct Admitted {
    command: Command,
    bytes: Vec<u8>,
    hash: Hash32,
    derived: Derived,
}

/// What follows from a command alone, so that it can be computed before the command has its turn.
#[derive(Clone, Debug, Default)]
pub struct Derived {
    /// Top-level keys of a store's metadata, which the fee counts; 0 for other commands.
    pub metadata_keys: u64,
    /// Hashes from which a store's placement starts (PL-2); none for other commands.
    pub starts: Vec<Hash32>,
    /// Regions that a store's metadata restricts it to (PL-9); none for no restriction.
    pub regions: Vec<String>,
}

impl Admitted {
    /// The command.
    #[must_use]
    pub const fn command(&self) -> &Command {
        &self.command
    }

    /// Hash of the whole command.
    #[must_use]
    pub const fn hash(&self) -> Hash32 {
        self.hash
    }

    pub(crate) fn into_parts(self) -> (Encoded, Derived) {
        let Self { command, bytes, hash, derived } = self;
        (Encoded { command, bytes, hash }, derived)
    }
}

/// A command with its canonical bytes and their hash.
#[derive(Clone, Debug)]
pub(crate) struct Encoded {
    pub command: Command,
    pub bytes: Vec<u8>,
    pub hash: Hash32,
}

/// A command that was refused. A log that has it all the same records it with this refusal's code.
#[derive(Clone, Debug)]
pub struct Inadmissible {
    pub(crate) encoded: Encoded,
    refusal: Refusal,
}

impl Inadmissible {
    /// The command.
    #[must_use]
    pub const fn command(&self) -> &Command {
        &self.encoded.command
    }

    /// Why it was refused.
    #[must_use]
    pub const fn refusal(&self) -> &Refusal {
        &self.refusal
    }

    pub(crate) fn into_parts(self) -> (Encoded, Refusal) {
        (self.encoded, self.refusal)
    }
}

/// What admission says of a command.
pub type Admission = Result<Admitted, Box<Inadmissible>>;

/// The command's id and hash, however it was judged.
#[must_use]
pub fn identity(admission: &Admission) -> (CommandId, Hash32) {
    let (command, hash) = match admission {
        Ok(Admitted { command, hash, .. }) => (command, hash),
        Err(refused) => (&refused.encoded.command, &refused.encoded.hash),
    };
    (command.id, *hash)
}

/// Room that an outcome and the fields around a command need in an entry, beyond what an epoch's
/// closing needs per node.
const BODY_OVERHEAD: usize = 1_024;

/// Checks shape, limits and signature. `ledger_id` is what the signature must name; a genesis that opens
/// the ledger is signed for the ledger that it opens.
///
/// # Errors
/// The command comes back with its refusal: `SE_ERR_INVALID_INPUT`, `_LIMIT`, `_INVALID_VERSION`,
/// `_UNAUTHORIZED`, or `_AEGIS_CONTEXT_MISSING` for a signature before there is a ledger.
pub fn admit(ledger_id: Option<&Hash32>, command: Command) -> Admission {
    let (bytes, verdict) = judge(ledger_id, &command);
    let starts = verdict.as_ref().map_or(Vec::new(), |_| placed_from(&command, start_hashes));
    let hash = Hash32::of(&bytes);
    admission(Encoded { command, bytes, hash }, verdict, starts)
}

/// [`admit`] for each of the commands, in order; what has to be hashed is hashed together, which is several
/// times faster than one after the other.
#[must_use]
pub fn admit_all(ledger_id: Option<&Hash32>, commands: Vec<Command>) -> Vec<Admission> {
    let judged: Vec<_> = commands.iter().map(|command| judge(ledger_id, command)).collect();
    let bytes: Vec<&[u8]> = judged.iter().map(|(bytes, _)| bytes.as_slice()).collect();
    let hashes = hash_all(&[], &bytes);
    let mut names = ShardNames::default();
    let counts: Vec<usize> = commands
        .iter()
        .zip(&judged)
        .map(|(command, (_, verdict))| match verdict {
            Ok(_) => {
                placed_from(command, |object, version, profile| names.add(object, version, profile))
            }
            Err(_) => 0,
        })
        .collect();
    let mut starts = names.start_hashes().into_iter();
    let mut admissions = Vec::with_capacity(commands.len());
    for (((command, (bytes, verdict)), hash), count) in
        commands.into_iter().zip(judged).zip(hashes).zip(counts)
    {
        let starts = starts.by_ref().take(count).collect();
        admissions.push(admission(Encoded { command, bytes, hash }, verdict, starts));
    }
    admissions
}

fn judge(ledger_id: Option<&Hash32>, command: &Command) -> (Vec<u8>, Result<Derived, Refusal>) {
    let bytes = canonical::encode(command);
    let verdict = check(ledger_id, command, bytes.len());
    (bytes, verdict)
}

fn admission(
    encoded: Encoded,
    verdict: Result<Derived, Refusal>,
    starts: Vec<Hash32>,
) -> Admission {
    match verdict {
        Ok(derived) => {
            let Encoded { command, bytes, hash } = encoded;
            Ok(Admitted { command, bytes, hash, derived: Derived { starts, ..derived } })
        }
        Err(refusal) => Err(Box::new(Inadmissible { encoded, refusal })),
    }
}

/// Asks `answer` about a store of one matrix of blocks; nothing else is placed.
fn placed_from<T: Default>(command: &Command, answer: impl FnOnce(&str, u64, Profile) -> T) -> T {
    match &command.action {
        Action::Store(Store { object, version, content: Content::Single(layout), .. }) => {
            answer(&object.0, *version, layout.profile)
        }
        _ => T::default(),
    }
}

/// Returns what follows from the command, but for the hashes.
fn check(ledger_id: Option<&Hash32>, command: &Command, len: usize) -> Result<Derived, Refusal> {
    if len > MAX_BODY_BYTES.saturating_sub(BODY_OVERHEAD) {
        return refuse(ErrorCode::Limit, "the command does not fit into an entry of 65,535 bytes");
    }
    let derived = check_action(&command.action)?;
    check_signature(ledger_id, command)?;
    check_possession(ledger_id, &command.action)?;
    Ok(derived)
}

fn check_signature(ledger_id: Option<&Hash32>, command: &Command) -> Result<(), Refusal> {
    let Authorization::Signature { key, signature } = &command.authorization else {
        return Ok(());
    };
    let opened = match &command.action {
        Action::Genesis(genesis) => Some(genesis.ledger_id()),
        _ => None,
    };
    let ledger_id = ledger_id.copied().or(opened).ok_or_else(|| {
        Refusal::new(ErrorCode::AegisContextMissing, "there is no ledger to sign for yet")
    })?;
    key.verify(&command.signed_bytes(&ledger_id), signature).map_err(|error| {
        Refusal::with(ErrorCode::Unauthorized, format!("the command's signature: {error}"))
    })
}

/// New keys are of use only if somebody has them (KY-4).
fn check_possession(ledger_id: Option<&Hash32>, action: &Action) -> Result<(), Refusal> {
    let Action::RotateKeys(rotation) = action else { return Ok(()) };
    let ledger_id = ledger_id.ok_or_else(|| {
        Refusal::new(ErrorCode::AegisContextMissing, "there is no ledger to have keys for yet")
    })?;
    rotation.check_possession(ledger_id)
}

fn check_action(action: &Action) -> Result<Derived, Refusal> {
    match action {
        Action::Genesis(genesis) => check_genesis(genesis)?,
        Action::RegisterNode(node) => check_node(node)?,
        Action::Propose(propose) => propose.change.validate()?,
        Action::Credit { amount, .. } => validate_credit(*amount)?,
        Action::RecordScore(record) => check_score(record)?,
        Action::RotateKeys(rotation) => rotation.validate()?,
        Action::RevokeKeys(revocation) => revocation.validate()?,
        Action::AdvanceEpoch(_)
        | Action::Exit { .. }
        | Action::Vote(_)
        | Action::Activate { .. } => {}
        Action::Store(store) => return check_store(store),
        Action::DeleteMarker { object, version } | Action::Purge { object, version } => {
            object.validate()?;
            check_version(*version)?;
        }
        Action::Reassign(reassign) => {
            reassign.object.validate()?;
            check_version(reassign.version)?;
        }
        Action::OpenAudit(OpenAudit::Sample(0)) => {
            return refuse(ErrorCode::InvalidInput, "an audit challenges at least one shard");
        }
        Action::OpenAudit(_) => {}
        Action::RecordAudit(audit) => check_audit(audit)?,
    }
    Ok(Derived::default())
}

fn check_version(version: u64) -> Result<(), Refusal> {
    if version == 0 {
        return refuse(ErrorCode::InvalidVersion, "versions begin with 1");
    }
    Ok(())
}

/// The nodes of epoch 1 count as verified, so that their schemes must be ones that verification accepts.
fn check_genesis(genesis: &Genesis) -> Result<(), Refusal> {
    genesis.validate()?;
    for node in &genesis.nodes {
        check_domain(&node.domain)?;
        if aegis_registry::scheme::public_key_len(&node.scheme).is_none() {
            return refuse(
                ErrorCode::InvalidInput,
                "a node's scheme is one of Dilithium2/3/5 or ML-DSA-44/65/87",
            );
        }
    }
    Ok(())
}

fn check_node(node: &RegisterNode) -> Result<(), Refusal> {
    node.node_id.validate()?;
    check_domain(&node.domain)?;
    let expected = aegis_registry::scheme::public_key_len(&node.scheme);
    if expected != Some(node.public_key.len()) || node.public_key.len() > MAX_PUBLIC_KEY_BYTES {
        return refuse(
            ErrorCode::InvalidInput,
            "the key is not one of Dilithium2/3/5 or ML-DSA-44/65/87, or has another scheme's length",
        );
    }
    Ok(())
}

/// # Errors
/// `SE_ERR_INVALID_INPUT` when a text is too long or has control characters.
pub fn check_domain(domain: &FailureDomain) -> Result<(), Refusal> {
    let label = |text: &str| text.len() <= MAX_LABEL_BYTES && !text.chars().any(char::is_control);
    if label(&domain.region) && label(&domain.operator) {
        return Ok(());
    }
    refuse(ErrorCode::InvalidInput, "region and operator have at most 64 bytes of plain text")
}

fn check_store(store: &Store) -> Result<Derived, Refusal> {
    store.object.validate()?;
    check_version(store.version)?;
    if store.custody != Custody::Claimed {
        return refuse(
            ErrorCode::InvalidInput,
            "custody by receipts is not offered by this ledger",
        );
    }
    let Content::Single(layout) = &store.content else {
        return refuse(ErrorCode::InvalidInput, "manifests are not offered by this ledger");
    };
    if layout.size > MAX_OBJECT_SIZE {
        return refuse(ErrorCode::Limit, "an object has at most 2^56 bytes");
    }
    let geometry = Geometry::of(layout)?;
    let empty = shard_tree::empty_root();
    for (column, root) in (0..).zip(&layout.roots) {
        if (geometry.shard_len(column) == 0) != (*root == empty) {
            return refuse(
                ErrorCode::InvalidInput,
                "a shard has the empty root if and only if it is empty",
            );
        }
    }
    let limit = u32::try_from(MAX_METADATA_BYTES).unwrap_or(u32::MAX);
    let metadata = Metadata::from_canonical(&store.metadata, limit)?;
    let (metadata_keys, regions) = (metadata.keys(), metadata.regions());
    Ok(Derived { metadata_keys, regions, starts: Vec::new() })
}

fn check_score(record: &RecordScore) -> Result<(), Refusal> {
    record.object.validate()?;
    check_version(record.version)?;
    if i64::from(record.score) > MAX_OPENAGI_SCORE {
        return refuse(ErrorCode::Limit, "a score is 0 to 1,000,000");
    }
    Ok(())
}

fn check_audit(audit: &RecordAudit) -> Result<(), Refusal> {
    if audit.answers.is_empty() || audit.answers.len() > MAX_AUDIT_RESULTS {
        return refuse(ErrorCode::Limit, "an audit result has 1 to 256 answers");
    }
    for answer in &audit.answers {
        answer.object.validate()?;
        check_version(answer.version)?;
        if answer.proof.as_ref().is_some_and(|proof| proof.path.len() > 64) {
            return refuse(ErrorCode::InvalidInput, "an inclusion path has at most 64 hashes");
        }
    }
    Ok(())
}

fn refuse<T>(code: ErrorCode, detail: &'static str) -> Result<T, Refusal> {
    Err(Refusal::new(code, detail))
}
