//! Bounds on everything that comes from outside (`spec/protocol.md`, PR-2).

/// Longest entry: previous entry's hash and body. A C2SP tile bundle stores an entry's length in 16 bits.
pub const MAX_ENTRY_BYTES: usize = 65_535;
/// Longest entry body.
pub const MAX_BODY_BYTES: usize = MAX_ENTRY_BYTES - 32;
/// Longest object id in bytes of UTF-8.
pub const MAX_OBJECT_ID_BYTES: usize = 1_024;
/// Longest node id in bytes.
pub const MAX_NODE_ID_BYTES: usize = 64;
/// Longest canonical metadata in bytes.
pub const MAX_METADATA_BYTES: usize = 16_384;
/// Longest name of a region, storage operator or signature scheme, and longest revocation reason.
pub const MAX_LABEL_BYTES: usize = 64;
/// Longest canonical JSON of a node's latency bands.
pub const MAX_LATENCY_BANDS_BYTES: usize = 256;
/// Longest name of a ledger (the origin line of its checkpoints).
pub const MAX_LEDGER_NAME_BYTES: usize = 128;
/// Longest public key of any supported scheme (ML-DSA-87).
pub const MAX_PUBLIC_KEY_BYTES: usize = 2_592;
/// Most nodes that a ledger registers: the entry that closes an epoch names each of them and must fit.
pub const MAX_NODES: u32 = 400;
/// Most keys of a council.
pub const MAX_COUNCIL_KEYS: usize = 7;
/// Most generations of keys that a holder ever has.
pub const MAX_KEY_GENERATIONS: usize = 256;
/// Most shards that one audit result names.
pub const MAX_AUDIT_RESULTS: usize = 256;
/// Most bytes that all nodes together hold. Keeps every contribution and its sum inside 128 bits.
pub const MAX_TOTAL_BYTES: u64 = 1 << 60;
/// Most proofs counted for a node in an epoch. Keeps every contribution inside 128 bits.
pub const MAX_PROOFS_PER_EPOCH: u64 = 1 << 40;
/// Command ids are remembered for the epoch they were executed in and the one after.
pub const COMMAND_ID_EPOCHS: u64 = 2;
/// Shards that no entry names are kept for this many epochs.
pub const ORPHAN_EPOCHS: u64 = 2;
/// Every entry whose seq is a multiple of this carries a state root, besides each epoch's closing.
pub const STATE_ROOT_INTERVAL: u64 = 65_536;
/// Most regions that a list names.
pub const MAX_REGIONS: usize = 32;
/// Most accounts that may record scores.
pub const MAX_SCORERS: usize = 16;
/// Most epochs over which failed proofs are counted.
pub const MAX_QUARANTINE_EPOCHS: u32 = 16;
/// Most proposals that take votes at a time.
pub const MAX_OPEN_PROPOSALS: usize = 64;
/// Most of them by one speaker.
pub const MAX_OPEN_PROPOSALS_EACH: usize = 4;
/// Epochs in which an accepted proposal can be activated; after that it has lapsed.
pub const ACTIVATION_WINDOW_EPOCHS: u64 = 8;
/// Most ATR ever credited, in units of 10^-18: no balance can overflow.
pub const MAX_CREDITED: u128 = u128::MAX / 4;
