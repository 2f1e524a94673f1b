//! What the state knows of proposals, votes and scores.

use alloc::vec::Vec;
use protocol::{
    Amount, ObjectId,
    governance::{ProposalNumber, Speaker, Subject},
};

use super::{
    State, StateResult, StateStore, keys,
    records::{BallotRecord, ProposalRecord, ScoreRecord, SubjectRecord},
};

impl<S: StateStore> State<S> {
    /// # Errors
    /// A fault of the store.
    pub fn proposal(&self, number: ProposalNumber) -> StateResult<Option<ProposalRecord>, S> {
        self.record(&keys::proposal(number))
    }

    /// Who votes on a proposal, with what weight, by speaker; nobody on one that does not exist.
    ///
    /// # Errors
    /// A fault of the store.
    pub fn electors(&self, number: ProposalNumber) -> StateResult<Vec<(Speaker, Amount)>, S> {
        Ok(self.record(&keys::electors(number))?.unwrap_or_default())
    }

    /// # Errors
    /// A fault of the store.
    pub fn ballot(
        &self,
        number: ProposalNumber,
        speaker: Speaker,
    ) -> StateResult<Option<BallotRecord>, S> {
        self.record(&keys::ballot(number, speaker))
    }

    /// What was proposed last about a subject.
    ///
    /// # Errors
    /// A fault of the store.
    pub fn subject(
        &self,
        emergency: bool,
        subject: Subject,
    ) -> StateResult<Option<SubjectRecord>, S> {
        self.record(&keys::subject(emergency, subject))
    }

    /// # Errors
    /// A fault of the store.
    pub fn score(&self, id: &ObjectId, version: u64) -> StateResult<Option<ScoreRecord>, S> {
        self.record(&keys::score(id, version))
    }
}
