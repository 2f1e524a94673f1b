//! Whose keys are in force, and which were (KY-1, KY-7).

use alloc::vec::Vec;
use protocol::{
    Genesis, Hash32,
    keys::{FIRST_GENERATION, KeyHolder},
    signature::PublicKey,
};

use super::{
    State, StateResult, StateStore, keys,
    records::{KeyGeneration, KeysRecord},
};

/// Keys that commands are checked against, but for those of nodes, which stand in the nodes' records.
#[derive(Clone, Debug)]
pub(crate) struct KeysInForce {
    pub log: Vec<PublicKey>,
    pub operator: PublicKey,
    /// By seat; `None` for a vacant one.
    pub council: Vec<Option<PublicKey>>,
}

impl KeysInForce {
    /// Those that genesis lists.
    pub(crate) fn of(genesis: &Genesis) -> Self {
        Self {
            log: genesis.log_keys.clone(),
            operator: genesis.operator.clone(),
            council: genesis.council.iter().cloned().map(Some).collect(),
        }
    }

    /// Puts the keys of a holder into force; none make a seat vacant.
    pub(crate) fn put(&mut self, holder: KeyHolder, in_force: &[PublicKey]) {
        match holder {
            KeyHolder::Log => self.log = in_force.to_vec(),
            KeyHolder::Operator => {
                if let Some(key) = in_force.first() {
                    self.operator = key.clone();
                }
            }
            KeyHolder::Council(seat) => {
                let seat = usize::try_from(seat).ok().and_then(|seat| self.council.get_mut(seat));
                if let Some(seat) = seat {
                    *seat = in_force.first().cloned();
                }
            }
            KeyHolder::Node(_) => {}
        }
    }
}

impl KeysRecord {
    /// A holder whose first keys these are.
    #[must_use]
    pub fn first(keys: &[PublicKey]) -> Self {
        let mut record = Self { generations: Vec::new(), in_force: Vec::new() };
        record.begin(0, keys, false);
        record
    }

    /// Begins a generation with the entry at `from`.
    pub fn begin(&mut self, from: u64, in_force: &[PublicKey], endorsed: bool) {
        let keys = in_force.iter().map(PublicKey::fingerprint).collect();
        self.generations.push(KeyGeneration { from, keys, endorsed, revoked: None });
        self.in_force = in_force.to_vec();
    }

    /// Number of the last generation.
    #[must_use]
    pub fn generation(&self) -> u32 {
        u32::try_from(self.generations.len()).unwrap_or(u32::MAX)
    }

    /// The generation of this number.
    #[must_use]
    pub fn get(&self, generation: u32) -> Option<&KeyGeneration> {
        self.generations.get(index(generation)?)
    }

    pub(crate) fn get_mut(&mut self, generation: u32) -> Option<&mut KeyGeneration> {
        self.generations.get_mut(index(generation)?)
    }

    /// Whether the holder has, or had, this key.
    #[must_use]
    pub fn knows(&self, key: &Hash32) -> bool {
        self.generations.iter().any(|generation| generation.keys.contains(key))
    }

    /// The generation of the log that signs a checkpoint over `size` entries (KY-2).
    #[must_use]
    pub fn signing(&self, size: u64) -> u32 {
        let begun = self.generations.iter().take_while(|generation| generation.from < size);
        u32::try_from(begun.count()).unwrap_or(u32::MAX).max(FIRST_GENERATION)
    }
}

fn index(generation: u32) -> Option<usize> {
    usize::try_from(generation.checked_sub(FIRST_GENERATION)?).ok()
}

impl<S: StateStore> State<S> {
    /// The keys that sign the log's checkpoints now; none before genesis.
    #[must_use]
    pub fn log_keys(&self) -> &[PublicKey] {
        self.hot.as_ref().map_or(&[], |hot| &hot.keys.log)
    }

    /// The operator's key that is in force; `None` before genesis.
    #[must_use]
    pub fn operator_key(&self) -> Option<&PublicKey> {
        self.hot.as_ref().map(|hot| &hot.keys.operator)
    }

    /// The council's keys that are in force, by seat; `None` for a vacant one.
    #[must_use]
    pub fn council(&self) -> &[Option<PublicKey>] {
        self.hot.as_ref().map_or(&[], |hot| &hot.keys.council)
    }

    /// The keys of a holder since their first rotation or revocation; `None` before.
    ///
    /// # Errors
    /// A fault of the store.
    pub fn keys_of(&self, holder: KeyHolder) -> StateResult<Option<KeysRecord>, S> {
        self.record(&keys::holder(holder))
    }

    /// [`State::keys_of`], with the record of first keys where there is none: those of genesis, and of a node `first`,
    /// because the state has no suite beside a node's key. `None` if there is no such seat.
    pub(crate) fn key_history(
        &self,
        holder: KeyHolder,
        first: Option<&PublicKey>,
    ) -> StateResult<Option<KeysRecord>, S> {
        if let Some(record) = self.keys_of(holder)? {
            return Ok(Some(record));
        }
        let Some(genesis) = self.genesis() else { return Ok(None) };
        let one =
            |key: Option<&PublicKey>| key.map(|key| KeysRecord::first(core::slice::from_ref(key)));
        Ok(match holder {
            KeyHolder::Log => Some(KeysRecord::first(&genesis.log_keys)),
            KeyHolder::Operator => one(Some(&genesis.operator)),
            KeyHolder::Council(seat) => {
                one(usize::try_from(seat).ok().and_then(|seat| genesis.council.get(seat)))
            }
            KeyHolder::Node(_) => one(first),
        })
    }

    /// The generation of the speaker's keys that is in force; 1 for one that does not exist.
    ///
    /// # Errors
    /// A fault of the store.
    pub fn generation_of(&self, holder: KeyHolder) -> StateResult<u32, S> {
        Ok(self.keys_of(holder)?.map_or(FIRST_GENERATION, |record| record.generation()))
    }

    /// Reads what is in force from the records.
    pub(super) fn load_keys(&self, genesis: &Genesis) -> StateResult<KeysInForce, S> {
        let mut in_force = KeysInForce::of(genesis);
        let seats = (0..).zip(&genesis.council).map(|(seat, _)| KeyHolder::Council(seat));
        for holder in [KeyHolder::Log, KeyHolder::Operator].into_iter().chain(seats) {
            if let Some(record) = self.keys_of(holder)? {
                in_force.put(holder, &record.in_force);
            }
        }
        Ok(in_force)
    }
}
