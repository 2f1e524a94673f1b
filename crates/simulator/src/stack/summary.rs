//! What happened, counted.

/// What happened in histories that violated nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Steps that did something.
    pub steps: u64,
    /// Write points of the disk.
    pub points: u64,
    /// Entries at the end.
    pub entries: u64,
    /// Entries that recoveries executed again.
    pub re_executed: u64,
    /// Ends of the process alone.
    pub kills: u64,
    /// Losses of power.
    pub power_losses: u64,
    /// Of both, those within an operation.
    pub stops: u64,
    /// Syncs that failed.
    pub failed_syncs: u64,
    /// Operations of the state store that failed.
    pub failed_reads: u64,
    /// Writes that found no room.
    pub full: u64,
    /// Changes of bytes behind the journal's back.
    pub corruptions: u64,
    /// Histories that ended with the discovery of one.
    pub detected: u64,
    /// Unfinished ends that were cut off.
    pub cuts: u64,
    /// Entries that were executed or written, had no receipt, and were lost.
    pub lost: u64,
    /// Receipts that were given and compared, for what was accepted,
    pub accepted: u64,
    /// for what was refused in the log,
    pub rejected: u64,
    /// and for what was sent again.
    pub repeated: u64,
    /// Commands that were refused without an entry.
    pub refused: u64,
    /// Epochs that ended.
    pub epochs: u64,
    /// Shards that were proved in audits.
    pub proofs: u64,
    /// NOD that was earned, in whole units.
    pub rewards: u64,
    /// Commits of the state.
    pub commits: u64,
    /// Checkpoints that were signed.
    pub checkpoints: u64,
}

macro_rules! add_fields {
    ($sum:expr, $one:expr, $($field:ident)*) => { $($sum.$field += $one.$field;)* };
}

impl std::ops::AddAssign for Summary {
    fn add_assign(&mut self, one: Self) {
        add_fields!(self, one, steps points entries re_executed kills power_losses stops failed_syncs failed_reads full
            corruptions detected cuts lost accepted rejected repeated refused epochs proofs rewards
            commits checkpoints);
    }
}
