//! What the state knows of nodes, epochs, accounts, objects and command ids.

use alloc::{string::String, vec::Vec};
use protocol::{
    AccountId, Command, CommandId, Hash32, NodeId, ObjectId, canonical, node::NodeNumber,
};
use token_state::Account;

use super::{
    Seen, State, StateError, StateResult, StateStore, keys,
    records::{CommandRecord, EpochRecord, NodeRecord, ObjectRecord, VersionRecord},
};
use crate::placement::Ring;

impl<S: StateStore> State<S> {
    /// Nodes that new copies are placed on in the open epoch, with the failure domains of the rule in force.
    #[must_use]
    pub fn ring(&self) -> Ring<'_> {
        let domains = self.hot.as_ref().and_then(|hot| hot.domains.as_deref());
        Ring::new(self.eligible(), domains)
    }

    /// The part of [`State::ring`] in which an object with these regions in its metadata may be placed (PL-9).
    #[must_use]
    pub fn ring_within(&self, regions: &[String]) -> Ring<'_> {
        self.fenced(self.ring(), regions)
    }

    pub(crate) fn fenced<'a>(&self, ring: Ring<'a>, regions: &[String]) -> Ring<'a> {
        if regions.is_empty() {
            return ring;
        }
        ring.within(|number| {
            self.node(number).is_some_and(|node| regions.contains(&node.domain.region))
        })
    }

    /// The node of this number.
    #[must_use]
    pub fn node(&self, number: NodeNumber) -> Option<&NodeRecord> {
        self.nodes().get(usize::try_from(number).ok()?)
    }

    /// # Errors
    /// A fault of the store.
    pub fn node_number(&self, id: &NodeId) -> StateResult<Option<NodeNumber>, S> {
        self.record(&keys::node_number(id))
    }

    /// The public key of a node; `None` while genesis' commitment to it is all there is.
    ///
    /// # Errors
    /// A fault of the store.
    pub fn node_key(&self, number: NodeNumber) -> StateResult<Option<Vec<u8>>, S> {
        self.record(&keys::node_key(number))
    }

    /// # Errors
    /// A fault of the store.
    pub fn epoch_record(&self, epoch: u64) -> StateResult<Option<EpochRecord>, S> {
        self.record(&keys::epoch(epoch))
    }

    /// # Errors
    /// A fault of the store.
    pub fn account(&self, id: &AccountId) -> StateResult<Account, S> {
        if let Some(account) = self.hot.as_ref().and_then(|hot| hot.accounts.get(id)) {
            return Ok(*account);
        }
        Ok(self.record(&keys::account(id))?.unwrap_or_default())
    }

    /// # Errors
    /// A fault of the store.
    pub fn object(&self, id: &ObjectId) -> StateResult<Option<ObjectRecord>, S> {
        self.record(&keys::object(id))
    }

    /// # Errors
    /// A fault of the store.
    pub fn version(&self, id: &ObjectId, version: u64) -> StateResult<Option<VersionRecord>, S> {
        self.record(&keys::version(id, version))
    }

    /// Whether `node` has proved this shard in `epoch` already.
    ///
    /// # Errors
    /// A fault of the store.
    pub fn has_proved(
        &self,
        epoch: u64,
        node: NodeNumber,
        shard_id: &Hash32,
    ) -> StateResult<bool, S> {
        Ok(self.get(&keys::proof(epoch, node, shard_id))?.is_some())
    }

    /// Whether `node` has failed to prove this shard in `epoch` already.
    ///
    /// # Errors
    /// A fault of the store.
    pub fn has_failed(
        &self,
        epoch: u64,
        node: NodeNumber,
        shard_id: &Hash32,
    ) -> StateResult<bool, S> {
        Ok(self.get(&keys::failed_proof(epoch, node, shard_id))?.is_some())
    }

    /// Whether the command, or another one under its id, was executed in this epoch or the one before.
    ///
    /// # Errors
    /// A fault of the store.
    pub fn seen(&self, command: &Command) -> StateResult<Seen, S> {
        self.seen_as(&command.id, &command.hash())
    }

    /// [`State::seen`] of the command with this id and hash.
    ///
    /// # Errors
    /// A fault of the store.
    pub fn seen_as(&self, id: &CommandId, hash: &Hash32) -> StateResult<Seen, S> {
        Ok(match self.use_of(id)? {
            Some(record) if record.hash == *hash => Seen::Executed { seq: record.seq },
            Some(_) => Seen::Conflict,
            None => Seen::Never,
        })
    }

    /// Visits the versions of all objects whose name begins with `prefix`, by name and version.
    ///
    /// # Errors
    /// A fault of the store, or a damaged record.
    pub fn visit_versions(
        &self,
        prefix: &str,
        visit: &mut dyn FnMut(&str, u64, VersionRecord) -> bool,
    ) -> StateResult<(), S> {
        let (from, end) = keys::versions_with_prefix(prefix);
        self.scan_versions(&from, &end, visit)
    }

    /// The entry of the command that was executed under this id in this epoch or the one before.
    ///
    /// # Errors
    /// A fault of the store.
    pub fn executed_as(&self, id: &CommandId) -> StateResult<Option<u64>, S> {
        Ok(self.use_of(id)?.map(|record| record.seq))
    }

    fn use_of(&self, id: &CommandId) -> StateResult<Option<CommandRecord>, S> {
        let epoch = self.epoch();
        let oldest = epoch.saturating_sub(protocol::limits::COMMAND_ID_EPOCHS.saturating_sub(1));
        // Ids are kept under the epoch after their entry, so none is under epoch 0 once there is a genesis.
        for epoch in oldest.max(epoch.min(1))..=epoch {
            if let Some(record) = self.record(&keys::command(epoch, id))? {
                return Ok(Some(record));
            }
        }
        Ok(None)
    }

    /// Goes through the versions of all objects, of which there may be many: parts of them are counted into a `T` each,
    /// side by side where the store can, and handed to `take` in their order.
    ///
    /// # Errors
    /// A fault of the store, or a damaged record.
    pub fn count_versions<T: Default + Send>(
        &self,
        count: impl Fn(&mut T, &VersionRecord) + Sync,
        mut take: impl FnMut(T),
    ) -> StateResult<(), S> {
        let count_part = |records: Vec<Vec<u8>>| {
            let mut counted = T::default();
            for record in &records {
                count(&mut counted, &canonical::decode(record).ok()?);
            }
            Some(counted)
        };
        // Whether every record could be read.
        let mut count_parts = |parts: &mut Vec<Vec<Vec<u8>>>| {
            let counted = self.store.side_by_side(core::mem::take(parts), count_part);
            counted.into_iter().all(|counted| counted.map(&mut take).is_some())
        };
        let (mut parts, mut sound) = (Vec::new(), true);
        let (from, end) = keys::versions_with_prefix("");
        self.scan(&from, &end, &mut |_, record| {
            if !add_to_last(&mut parts, record) {
                sound = parts.len() < PARTS_TOGETHER || count_parts(&mut parts);
                parts.push(Vec::from([record.to_vec()]));
            }
            sound
        })?;
        if sound && count_parts(&mut parts) {
            return Ok(());
        }
        Err(StateError::Broken("an object's record cannot be read"))
    }

    /// Visits the versions of one object in ascending order.
    ///
    /// # Errors
    /// A fault of the store, or a damaged record.
    pub fn visit_versions_of(
        &self,
        id: &ObjectId,
        visit: &mut dyn FnMut(&str, u64, VersionRecord) -> bool,
    ) -> StateResult<(), S> {
        let (from, end) = keys::versions(id);
        self.scan_versions(&from, &end, visit)
    }

    /// Visits the versions of all objects that come after `version` of `id`, by name and version; all of them
    /// after `None`. So a long list can be taken a page at a time.
    ///
    /// # Errors
    /// A fault of the store, or a damaged record.
    pub fn visit_versions_after(
        &self,
        after: Option<(&ObjectId, u64)>,
        visit: &mut dyn FnMut(&str, u64, VersionRecord) -> bool,
    ) -> StateResult<(), S> {
        self.visit_versions_within(("", None), after, visit)
    }

    /// Visits the versions of the objects whose name begins with a prefix, or of one object of them, that come after this
    /// version; all of them after `None`.
    ///
    /// # Errors
    /// A fault of the store, or a damaged record.
    pub fn visit_versions_within(
        &self,
        (prefix, object): (&str, Option<&ObjectId>),
        after: Option<(&ObjectId, u64)>,
        visit: &mut dyn FnMut(&str, u64, VersionRecord) -> bool,
    ) -> StateResult<(), S> {
        let (mut from, mut end) = keys::versions_with_prefix(prefix);
        if let Some((first, last)) = object.map(keys::versions) {
            (from, end) = (from.max(first), end.min(last));
        }
        if let Some((id, version)) = after {
            let mut next = keys::version(id, version);
            next.push(0);
            from = from.max(next);
        }
        self.scan_versions(&from, &end, visit)
    }

    fn scan_versions(
        &self,
        from: &[u8],
        end: &[u8],
        visit: &mut dyn FnMut(&str, u64, VersionRecord) -> bool,
    ) -> StateResult<(), S> {
        let mut damaged = false;
        self.scan(from, end, &mut |key, value| match (
            keys::parse_version(key),
            canonical::decode(value),
        ) {
            (Some((name, version)), Ok(record)) => visit(name, version, record),
            _ => {
                damaged = true;
                false
            }
        })?;
        if damaged { Err(StateError::Broken("an object's record cannot be read")) } else { Ok(()) }
    }
}

/// Records that are counted together, and parts of so many that are counted side by side.
const PART_RECORDS: usize = 1_024;
const PARTS_TOGETHER: usize = 16;

/// Adds a record to the last part, unless that is full or there is none.
fn add_to_last(parts: &mut [Vec<Vec<u8>>], record: &[u8]) -> bool {
    let last = parts.last_mut().filter(|part| part.len() < PART_RECORDS);
    last.map(|part| part.push(record.to_vec())).is_some()
}
