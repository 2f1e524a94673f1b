//! The state of the ledger: a cache of the log, kept in an ordered map.
//!
//! Reads see what was written since the last [`State::flush`] over what the store holds. The state root
//! covers every record but those that are facts about the log itself (see [`keys::is_authenticated`]).

mod accounts;
mod governance;
mod holders;
pub mod keys;
mod reads;
pub mod records;
pub mod snapshot;
pub mod store;
pub mod tree;

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};
use borsh::{BorshDeserialize, BorshSerialize};
use core::fmt;
use protocol::{AccountId, Genesis, Hash32, canonical, node::NodeNumber, rules::DomainKind};
use token_state::Account;

use crate::{content::hash_all, placement};
pub(crate) use holders::KeysInForce;
use records::{Cursor, LedgerRecord, NodeRecord};
pub use store::{Changes, KeyRange, MemoryStore, StateStore};
use tree::MapProof;

/// Why the replica must stop. Neither is a refusal: no command can cause one.
#[derive(Debug)]
pub enum StateError<F> {
    /// The store failed.
    Store(F),
    /// The state contradicts itself: the store was damaged, or the code is wrong.
    Broken(&'static str),
    /// Governance has put rules into force that this engine does not have.
    Outdated {
        /// Least version of the engine that can go on.
        needed: u32,
    },
}

impl<F: fmt::Display> fmt::Display for StateError<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store(fault) => write!(f, "state store: {fault}"),
            Self::Broken(what) => write!(f, "broken invariant: {what}"),
            Self::Outdated { needed } => write!(
                f,
                "this ledger needs an engine of version {needed}, this one is {ENGINE_VERSION}: install a newer release",
            ),
        }
    }
}

impl<F: fmt::Debug + fmt::Display> core::error::Error for StateError<F> {}

impl<F> From<tree::Broken> for StateError<F> {
    fn from(broken: tree::Broken) -> Self {
        Self::Broken(broken.0)
    }
}

/// Version of the rules that this engine executes (GV-3, code version).
pub const ENGINE_VERSION: u32 = 1;

/// What a state's methods return.
pub type StateResult<T, S> = Result<T, StateError<<S as StateStore>::Fault>>;

/// Records whose keys and values are hashed in one call.
const HASHED_TOGETHER: usize = 256;

/// What is known about a command id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// Not used in this epoch or the one before.
    Never,
    /// The same command was executed as this entry.
    Executed {
        /// Its seq.
        seq: u64,
    },
    /// Another command was executed under this id.
    Conflict,
}

/// The state at one point of the log.
#[derive(Debug)]
pub struct State<S> {
    store: S,
    pending: Changes,
    /// Ranges of unauthenticated records that end with the next flush; nothing is written to them any more.
    ended: Vec<KeyRange>,
    /// Keys of authenticated records written since the last root or spill, in the order of the writes.
    touched: Vec<Vec<u8>>,
    /// Changes of the tree by records that were spilled since the last root, in the order of the spills.
    spilled: Vec<tree::Change>,
    root: Hash32,
    hot: Option<Hot>,
    pub(crate) cursor: Cursor,
}

/// Small records that nearly every command reads; written back before a root or a flush.
#[derive(Debug)]
pub(crate) struct Hot {
    pub genesis: Genesis,
    pub keys: KeysInForce,
    /// The operator's account: a hash of its long first key that every unsigned command needs.
    pub operator: AccountId,
    pub ledger_id: Hash32,
    pub ledger: LedgerRecord,
    pub nodes: Vec<NodeRecord>,
    pub eligible: Vec<NodeNumber>,
    /// Failure domains of the nodes, while the rule is on.
    pub domains: Option<Vec<u32>>,
    pub changed_nodes: BTreeSet<NodeNumber>,
    /// Accounts that were charged since the last root.
    pub accounts: BTreeMap<AccountId, Account>,
}

impl<S: StateStore> State<S> {
    /// The state that `store` holds; an empty store is a ledger before its genesis.
    ///
    /// # Errors
    /// A fault of the store, or records that contradict each other.
    pub fn open(store: S) -> StateResult<Self, S> {
        let mut state = Self {
            store,
            pending: BTreeMap::new(),
            ended: Vec::new(),
            touched: Vec::new(),
            spilled: Vec::new(),
            root: Hash32::ZERO,
            hot: None,
            cursor: Cursor::default(),
        };
        state.cursor = state.record(&keys::cursor())?.unwrap_or_default();
        state.root = tree::root(&state)?;
        if let Some(genesis) = state.record::<Genesis>(&keys::genesis())? {
            // A store of another format, or one that lost its tree: it would give wrong roots.
            if state.root == Hash32::ZERO {
                return Err(StateError::Broken("the state has records and no tree"));
            }
            state.hot = Some(state.load_hot(genesis)?);
        }
        Ok(state)
    }

    fn load_hot(&self, genesis: Genesis) -> StateResult<Hot, S> {
        let ledger: LedgerRecord =
            self.record(&keys::ledger())?.ok_or(StateError::Broken("no ledger record"))?;
        let mut nodes = Vec::new();
        while let Some(number) = u32::try_from(nodes.len()).ok()
            && let Some(node) = self.record(&keys::node(number))?
        {
            nodes.push(node);
        }
        let epoch = self.epoch_record(ledger.epoch)?;
        let eligible = epoch.ok_or(StateError::Broken("no record of the open epoch"))?.eligible;
        let keys = self.load_keys(&genesis)?;
        let ledger_id = genesis.ledger_id();
        let operator = AccountId::of(&genesis.operator);
        let domains = domain_classes(&nodes, ledger.rules.failure_domain);
        Ok(Hot {
            genesis,
            keys,
            operator,
            ledger_id,
            ledger,
            nodes,
            eligible,
            domains,
            changed_nodes: BTreeSet::new(),
            accounts: BTreeMap::new(),
        })
    }

    // --- what is known ---

    /// Where in the log the state stands.
    #[must_use]
    pub const fn cursor(&self) -> &Cursor {
        &self.cursor
    }

    /// The genesis of the ledger; `None` before it.
    #[must_use]
    pub fn genesis(&self) -> Option<&Genesis> {
        self.hot.as_ref().map(|hot| &hot.genesis)
    }

    /// The operator's account; `None` before genesis.
    #[must_use]
    pub fn operator(&self) -> Option<AccountId> {
        self.hot.as_ref().map(|hot| hot.operator)
    }

    /// The identity of the ledger; `None` before its genesis.
    #[must_use]
    pub fn ledger_id(&self) -> Option<Hash32> {
        self.hot.as_ref().map(|hot| hot.ledger_id)
    }

    /// Totals and the open epoch; `None` before genesis.
    #[must_use]
    pub fn ledger(&self) -> Option<&LedgerRecord> {
        self.hot.as_ref().map(|hot| &hot.ledger)
    }

    /// The open epoch; 0 before genesis.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.hot.as_ref().map_or(0, |hot| hot.ledger.epoch)
    }

    /// Every node, by number.
    #[must_use]
    pub fn nodes(&self) -> &[NodeRecord] {
        self.hot.as_ref().map_or(&[], |hot| &hot.nodes)
    }

    /// Nodes that new shards are placed on, sorted by node id.
    #[must_use]
    pub fn eligible(&self) -> &[NodeNumber] {
        self.hot.as_ref().map_or(&[], |hot| &hot.eligible)
    }

    // --- raw reads ---

    fn get(&self, key: &[u8]) -> StateResult<Option<Vec<u8>>, S> {
        match self.pending.get(key) {
            Some(value) => Ok(value.clone()),
            None if self.has_ended(key) => Ok(None),
            None => self.store.get(key).map_err(StateError::Store),
        }
    }

    fn has_ended(&self, key: &[u8]) -> bool {
        self.ended.iter().any(|(from, end)| from.as_slice() <= key && key < end.as_slice())
    }

    fn record<T: BorshSerialize + BorshDeserialize>(
        &self,
        key: &[u8],
    ) -> StateResult<Option<T>, S> {
        let decode = |bytes: Vec<u8>| {
            canonical::decode(&bytes).map_err(|_| StateError::Broken("a record cannot be read"))
        };
        self.get(key)?.map(decode).transpose()
    }

    /// Merges what is pending into a scan of the store.
    pub(crate) fn scan(
        &self,
        from: &[u8],
        end: &[u8],
        visit: &mut dyn FnMut(&[u8], &[u8]) -> bool,
    ) -> StateResult<(), S> {
        if from >= end {
            return Ok(());
        }
        let mut pending = self.pending.range(from.to_vec()..end.to_vec()).peekable();
        let mut going = true;
        self.store
            .scan(from, end, &mut |key, value| {
                while let Some((newer, value)) =
                    pending.next_if(|(newer, _)| newer.as_slice() < key)
                {
                    going = going && value.as_ref().is_none_or(|value| visit(newer, value));
                }
                let value = match pending.next_if(|(newer, _)| newer.as_slice() == key) {
                    Some((_, newer)) => newer.as_deref(),
                    None => Some(value).filter(|_| !self.has_ended(key)),
                };
                going = going && value.is_none_or(|value| visit(key, value));
                going
            })
            .map_err(StateError::Store)?;
        for (key, value) in pending {
            going = going && value.as_ref().is_none_or(|value| visit(key, value));
        }
        Ok(())
    }

    // --- writes, for `evolve` only ---

    pub(crate) fn hot_mut(&mut self) -> StateResult<&mut Hot, S> {
        self.hot.as_mut().ok_or(StateError::Broken("no genesis"))
    }

    pub(crate) fn set_hot(&mut self, hot: Hot) {
        self.hot = Some(hot);
    }

    pub(crate) fn put<T: BorshSerialize>(&mut self, key: Vec<u8>, record: &T) {
        self.write(key, Some(canonical::encode(record)));
    }

    pub(crate) fn remove(&mut self, key: Vec<u8>) {
        self.write(key, None);
    }

    /// Removes every record from `from` up to `end`.
    pub(crate) fn remove_range(&mut self, from: &[u8], end: &[u8]) -> StateResult<(), S> {
        let mut keys = Vec::new();
        self.scan(from, end, &mut |key, _| {
            keys.push(key.to_vec());
            true
        })?;
        keys.into_iter().for_each(|key| self.remove(key));
        Ok(())
    }

    /// Removes every record from `from` up to `end`, none of which the root covers, without naming each. Nothing is
    /// written there afterwards.
    pub(crate) fn end_range(&mut self, from: Vec<u8>, end: Vec<u8>) {
        let waiting = self.pending.range(from.clone()..end.clone());
        let waiting: Vec<Vec<u8>> = waiting.map(|(key, _)| key.clone()).collect();
        for key in waiting {
            self.pending.remove(&key);
        }
        // Epochs end one after the other, so that there is one range.
        match self.ended.last_mut() {
            Some((_, last)) if *last == from => *last = end,
            _ => self.ended.push((from, end)),
        }
    }

    fn write(&mut self, key: Vec<u8>, value: Option<Vec<u8>>) {
        if keys::is_authenticated(&key) {
            self.touched.push(key.clone());
        }
        self.pending.insert(key, value);
    }

    fn write_back_hot(&mut self) {
        let Some(hot) = &mut self.hot else { return };
        let changed = core::mem::take(&mut hot.changed_nodes);
        let mut writes = Vec::new();
        for number in changed {
            let node = usize::try_from(number).ok().and_then(|at| hot.nodes.get(at));
            writes.extend(node.map(|node| (keys::node(number), canonical::encode(node))));
        }
        for (id, account) in core::mem::take(&mut hot.accounts) {
            writes.push((keys::account(&id), canonical::encode(&account)));
        }
        writes.push((keys::ledger(), canonical::encode(&hot.ledger)));
        for (key, value) in writes {
            self.write(key, Some(value));
        }
    }

    // --- root, link, flush ---

    /// The root of all authenticated records (ST-3). Costs grow with what changed since it was last asked for.
    ///
    /// # Errors
    /// A fault of the store.
    pub fn root(&mut self) -> StateResult<Hash32, S> {
        self.write_back_hot();
        let mut changes = self.changed_since_root();
        tree::settle(&mut changes);
        match self.store.pages_ahead() {
            None => {
                let pages = self.update_tree(&changes)?;
                self.pending.extend(pages);
            }
            Some(most) => {
                for part in tree::parts(&changes, most) {
                    let pages = self.update_tree(&part)?;
                    self.store.commit(pages).map_err(StateError::Store)?;
                }
            }
        }
        Ok(self.root)
    }

    /// Changes of the tree since the last root, in the order of the writes.
    fn changed_since_root(&mut self) -> Vec<tree::Change> {
        let touched = core::mem::take(&mut self.touched);
        let mut changes = core::mem::take(&mut self.spilled);
        changes.extend(hash_records(&changed_records(&self.pending, touched)));
        changes
    }

    /// Brings the tree, and its root, up to `changes`; returns the pages that differ now.
    fn update_tree(&mut self, changes: &[tree::Change]) -> StateResult<Changes, S> {
        let mut pages = Vec::new();
        if !changes.is_empty() {
            self.root = tree::update(self, changes, &mut |key, page| pages.push((key, page)))?;
        }
        Ok(pages.into_iter().collect())
    }

    /// What stands at `key`, and a proof of that under the [`State::root`] of now.
    ///
    /// # Errors
    /// A fault of the store.
    pub fn prove(&mut self, key: &[u8]) -> StateResult<(Option<Vec<u8>>, MapProof), S> {
        self.root()?;
        Ok((self.get(key)?, tree::prove(self, key)?))
    }

    /// Whether the next entry cannot be executed before [`State::link`]: the last one opened an audit, whose
    /// challenges follow from that entry's hash.
    #[must_use]
    pub fn awaits_link(&self) -> bool {
        self.hot.as_ref().is_some_and(|hot| {
            hot.ledger.audit.is_some_and(|audit| {
                audit.beacon == Hash32::ZERO
                    && audit.seq.checked_add(1) == Some(self.cursor.next_seq)
            })
        })
    }

    /// Tells the state the hash of the entry that was just executed; needed only where [`State::awaits_link`].
    pub fn link(&mut self, entry_hash: Hash32) {
        if self.awaits_link()
            && let Some(hot) = &mut self.hot
            && let Some(audit) = &mut hot.ledger.audit
        {
            audit.beacon = entry_hash;
        }
    }

    /// Hands everything written since the last flush to the store, with `extra` in the same commit.
    /// A crash before or within leaves the store at the previous flush; the log has what came after.
    ///
    /// # Errors
    /// A fault of the store, or an entry that was executed and not linked.
    pub fn flush(&mut self, extra: Changes) -> StateResult<(), S> {
        if self.awaits_link() {
            return Err(StateError::Broken("an executed entry is not linked"));
        }
        self.root()?;
        let cursor = canonical::encode(&self.cursor);
        let mut changes = core::mem::take(&mut self.pending);
        changes.insert(keys::cursor(), Some(cursor));
        changes.extend(extra);
        let ended = core::mem::take(&mut self.ended);
        self.store.commit_without(&ended, changes).map_err(StateError::Store)
    }

    /// Hands the records of now to the store without their tree, which the next root brings up to them: many changes
    /// of a tree at once cost less. Only for a store that nobody opens before the next flush.
    ///
    /// # Errors
    /// A fault of the store.
    pub fn spill(&mut self) -> StateResult<(), S> {
        self.write_back_hot();
        self.spilled = self.changed_since_root();
        let changes = core::mem::take(&mut self.pending);
        let ended = core::mem::take(&mut self.ended);
        self.store.commit_without(&ended, changes).map_err(StateError::Store)
    }

    /// Records written since the last flush.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.pending.len()
    }

    /// The store below.
    pub const fn store(&self) -> &S {
        &self.store
    }
}

/// Failure domains of the nodes, by number; `None` while the rule is off.
pub(crate) fn domain_classes(nodes: &[NodeRecord], kind: DomainKind) -> Option<Vec<u32>> {
    placement::domain_classes(nodes.iter().map(|node| &node.domain), kind)
}

/// A key, and what stands at it.
type Record<'a> = (&'a [u8], Option<&'a [u8]>);

/// The authenticated records among `pending` at the keys `touched`; or all of them, when that is not many more:
/// going through them in order is cheaper than looking each up, and a record that did not change costs its hash only.
fn changed_records(pending: &Changes, mut touched: Vec<Vec<u8>>) -> Vec<Record<'_>> {
    const LOOKUPS_PER_STEP: usize = 4;
    if touched.len().saturating_mul(LOOKUPS_PER_STEP) >= pending.len() {
        let all = pending.iter().filter(|(key, _)| keys::is_authenticated(key));
        return all.map(|(key, value)| (key.as_slice(), value.as_deref())).collect();
    }
    touched.sort_unstable();
    touched.dedup();
    let found = touched.iter().filter_map(|key| pending.get_key_value(key));
    found.map(|(key, value)| (key.as_slice(), value.as_deref())).collect()
}

/// Hashes of the keys, which are paths in the tree, and of the values; many messages at a time.
fn hash_records(records: &[Record<'_>]) -> Vec<tree::Change> {
    let mut changes = Vec::with_capacity(records.len());
    for records in records.chunks(HASHED_TOGETHER) {
        let keys = records.iter().map(|(key, _)| *key);
        let values = records.iter().filter_map(|(_, value)| *value);
        let messages: Vec<&[u8]> = keys.chain(values).collect();
        let hashes = hash_all(&[], &messages);
        let (paths, hashes) = hashes.split_at_checked(records.len()).unwrap_or_default();
        let mut hashes = hashes.iter();
        for (path, (_, value)) in paths.iter().zip(records) {
            changes.push((*path, value.and_then(|_| hashes.next().copied())));
        }
    }
    changes
}

impl<S: StateStore> tree::Pages for State<S> {
    type Error = StateError<S::Fault>;

    fn read(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Self::Error> {
        self.get(key)
    }

    fn side_by_side<J: Send, R: Send>(&self, jobs: Vec<J>, work: impl Fn(J) -> R + Sync) -> Vec<R> {
        self.store.side_by_side(jobs, work)
    }
}
