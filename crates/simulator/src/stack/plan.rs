//! A history as a list of steps, drawn from a seed before anything happens, so that steps can be left out.

use crate::{Ending, Random};

/// One step, with a seed of its own for the chance in it: leaving out another changes nothing here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// Number in the whole history. Ids of commands follow from it.
    pub number: u64,
    /// Decides whatever the disk leaves to chance from here on.
    pub seed: u64,
    /// What is done.
    pub act: Act,
}

/// What is done in a step. One that is impossible at its time does nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// A client's command gets into the line.
    Ask(u8, Ask),
    /// So many commands of the line are executed, ahead of the log.
    Execute(u8),
    /// The oldest executed group is hashed and written.
    Append,
    /// What was written is made durable and answered.
    Sync,
    /// The log catches up with execution, which waits for it; the state is kept if that is due.
    Pass,
    /// So many commands of the line go all the way, by [`journal::Executor::submit`].
    Submit(u8),
    /// The state is kept.
    Flush,
    /// A checkpoint is signed.
    Checkpoint,
    /// What the state store was given reaches its disk.
    Settle,
    /// State and log are read and compared.
    Look,
    /// The process is killed or the power goes; also again while the next opening is under way, if a number says at
    /// which of its write points.
    End(Ending, Option<u8>),
    /// The machine stops at so many write points from here.
    StopAt(u8),
    /// The next sync fails.
    FailSync,
    /// The state store fails once, after so many operations.
    FailStore(u8),
    /// Files can grow by so many bytes until the next restart.
    Fill(u16),
    /// There is room again.
    Clear,
    /// One bit turns over in one of the files.
    Rot,
    /// The next sync puts a sector elsewhere.
    Misdirect,
}

/// What a client asks for. Versions and epochs are relative to what it knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// The next version of an object, after a gap; with a gap of 0 the version that is there.
    Store {
        /// Which of the objects.
        object: u8,
        /// Version after the latest.
        gap: u8,
        /// Bytes.
        size: u16,
        /// Keys of its metadata.
        keys: u8,
        /// Epochs by which the client's knowledge is behind.
        behind: u8,
    },
    /// A delete marker.
    Delete(u8),
    /// The end of a version, so many before the latest.
    Purge(u8, u8),
    /// The end of the epoch, with faults at some nodes, or of one that is not open.
    Advance(u8, bool),
    /// An audit.
    OpenAudit,
    /// A node's answer to the last audit about some version, with proof or without.
    Answer(u8, u8, bool),
    /// A command that was sent before, so many ago.
    Again(u8),
    /// Another command under the id of an earlier one.
    Conflict(u8),
    /// Something that admission refuses.
    Inadmissible(u8),
    /// A command that is valid for another epoch.
    Lifetime(bool),
}

/// The faults that a history may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Weather {
    ends: bool,
    failing: bool,
    full: bool,
    corrupt: bool,
}

/// The history of a seed.
#[must_use]
pub fn draw(seed: u64) -> Vec<Step> {
    let mut random = Random::new(seed);
    let weather = Weather {
        ends: !random.one_in(10),
        failing: random.one_in(3),
        full: random.one_in(6),
        corrupt: random.one_in(8),
    };
    let length = 30 + random.below(60);
    // How far execution runs ahead of the log is a habit of the whole history.
    let haste = 1 + random.below(4);
    let mut step =
        |number| Step { number, seed: random.bits(), act: act(&mut random, weather, haste) };
    (0..length).map(&mut step).collect()
}

fn act(random: &mut Random, weather: Weather, haste: u64) -> Act {
    match random.below(100) {
        0..=43 => ask(random),
        44..=57 => Act::Execute(1 + random.below(2 * haste + 1) as u8),
        58..=67 => Act::Append,
        68..=75 => Act::Sync,
        76..=80 => Act::Pass,
        81..=83 => Act::Submit(1 + random.below(5) as u8),
        84..=85 => Act::Flush,
        86 => Act::Checkpoint,
        87..=88 => Act::Settle,
        89 => Act::Look,
        _ => fault(random, weather),
    }
}

fn fault(random: &mut Random, weather: Weather) -> Act {
    match random.below(12) {
        0..=2 if weather.ends => {
            let ending = if random.one_in(3) { Ending::ProcessKilled } else { Ending::PowerLost };
            let again = random.one_in(3).then(|| 1 + random.below(12) as u8);
            Act::End(ending, again)
        }
        3..=5 if weather.ends => Act::StopAt(1 + random.below(14) as u8),
        6 if weather.failing => Act::FailSync,
        7 if weather.failing => Act::FailStore(random.below(40) as u8),
        8 if weather.full => Act::Fill(random.below(2_500) as u16),
        9 if weather.full => Act::Clear,
        10 if weather.corrupt => Act::Rot,
        11 if weather.corrupt => Act::Misdirect,
        _ => Act::Execute(1),
    }
}

fn ask(random: &mut Random) -> Act {
    let mut client = u8::from(random.one_in(5));
    let object = random.below(3) as u8;
    let ask = match random.below(40) {
        0..=17 => Ask::Store {
            object,
            gap: if random.one_in(8) { 0 } else { 1 + random.below(2) as u8 },
            size: [0, 1, 700, 4_096, 4_097, 8_192][random.below(6) as usize],
            keys: random.below(3) as u8,
            behind: u8::from(random.one_in(10)),
        },
        18..=20 => Ask::Delete(object),
        21..=23 => Ask::Purge(object, random.below(3) as u8),
        24..=27 => {
            client = u8::from(random.one_in(20));
            let faults = if random.one_in(3) { random.below(32) as u8 } else { 0 };
            Ask::Advance(faults, random.one_in(8))
        }
        28..=29 => {
            client = u8::from(random.one_in(20));
            Ask::OpenAudit
        }
        30..=32 => {
            client = u8::from(random.one_in(20));
            Ask::Answer(object, random.below(5) as u8, !random.one_in(5))
        }
        33..=35 => Ask::Again(random.below(12) as u8),
        36..=37 => Ask::Conflict(random.below(6) as u8),
        38 => Ask::Inadmissible(random.below(4) as u8),
        _ => Ask::Lifetime(random.one_in(2)),
    };
    Act::Ask(client, ask)
}
