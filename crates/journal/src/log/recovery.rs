//! Opening a log: what its end says, and how it is made whole (JO-4, JO-5).
//!
//! First everything is read and judged; damage ends it there, with nothing changed. Then the end is made durable as
//! it was read. Each change can be interrupted by a crash and done again with the same result.

use super::{
    Cause, Cut, DISCONTINUED, Log, Segment, Tail,
    active::Active,
    damaged,
    reader::{GroupReader, groups_within},
    segment_name,
};
use crate::{
    JournalError,
    disk::{Disk, DiskFile},
    segment::{Group, HEADER_LEN, SegmentHeader},
};
use eqm_log::chain;
use protocol::Hash32;
use std::{collections::VecDeque, path::Path};

/// What the last segment says about the log.
struct End {
    next_seq: u64,
    head: Hash32,
    cursor: Option<Vec<u8>>,
    /// End of the last intact group.
    len: u64,
    /// Length of the file.
    ahead: u64,
    /// Where those groups begin that no later one knows to be durable; 0, for the header, when there is no group.
    unvouched: u64,
    /// What is to be dropped after the last group.
    cut: Option<Cut>,
}

impl<D: Disk> Log<D> {
    /// Finds the end of the log and makes it durable.
    pub(super) fn recover(&mut self) -> Result<Tail, JournalError> {
        self.segments = self.list_segments()?;
        let unfinished = self.unfinished_segment()?;
        if unfinished.is_some() {
            self.segments.pop();
        }
        let mut end = self.read_end()?;
        if let Some(cut) = &unfinished {
            let ended = end.as_ref().map_or((0, &None), |end| (end.next_seq, &end.cut));
            if ended != (cut.first_seq, &None) {
                return Err(damaged(&cut.segment, 0, "entries before this segment are missing"));
            }
        }
        // From here on the log is changed.
        if let Some(cut) = &unfinished {
            // A crash before the directory is synced may bring it back, to be removed again.
            let removed = self.disk.remove(&cut.segment);
            removed.map_err(JournalError::io("cannot remove", &cut.segment))?;
        }
        let cut = unfinished.or_else(|| end.as_mut().and_then(|end| end.cut.take()));
        if let (Some(end), Some(last)) = (end, self.segments.last()) {
            self.active = Some(self.settle(&last.path, &end, cut.is_some())?);
            self.take(end);
        }
        // A name that only the cache has could still be lost under everything appended from here on.
        self.sync_dir()?;
        Ok(Tail { cut })
    }

    fn take(&mut self, end: End) {
        (self.next_seq, self.durable, self.head) = (end.next_seq, end.next_seq, end.head);
        self.cursor = end.cursor.unwrap_or_default();
    }

    fn list_segments(&self) -> Result<Vec<Segment>, JournalError> {
        let names =
            self.disk.list(&self.dir).map_err(JournalError::io("cannot read", &self.dir))?;
        let segment = |name: String| {
            let first_seq = name.strip_suffix(".seg")?.parse().ok()?;
            (name == segment_name(first_seq))
                .then(|| Segment { first_seq, path: self.dir.join(name) })
        };
        Ok(names.into_iter().filter_map(segment).collect())
    }

    /// The last segment if it has no header: a crash came before its first group, and nothing in it was
    /// acknowledged. One with anything after the place of the header is damage.
    fn unfinished_segment(&self) -> Result<Option<Cut>, JournalError> {
        let Some(last) = self.segments.last() else {
            return Ok(None);
        };
        let mut reader = self.reader(self.segments.len() - 1)?;
        if reader.header()?.is_some() {
            return Ok(None);
        }
        if reader.rest()?.is_some() {
            return Err(damaged(&last.path, 0, "the segment's header is damaged"));
        }
        let bytes = reader.end().min(HEADER_LEN as u64);
        let (segment, first_seq) = (last.path.clone(), last.first_seq);
        Ok(Some(Cut { segment, bytes, first_seq, cause: Cause::MissingHeader }))
    }

    /// Reads the last segment; `None` when there is none.
    fn read_end(&self) -> Result<Option<End>, JournalError> {
        let Some(last) = self.segments.len().checked_sub(1) else {
            return Ok(None);
        };
        let mut end = self.segment_end(last)?;
        if end.cursor.is_none() && last > 0 {
            // The segment was just begun: the cursor is in the one before.
            let before = self.last_group(last - 1)?;
            if before.as_ref().map(group_end) != Some((end.next_seq, end.head)) {
                return Err(damaged(&self.segments[last].path, 0, DISCONTINUED));
            }
            end.cursor = before.map(|group| group.cursor);
        }
        Ok(Some(end))
    }

    fn header_of(
        &self,
        index: usize,
        reader: &mut GroupReader<D::File>,
    ) -> Result<SegmentHeader, JournalError> {
        let Segment { first_seq, path } = &self.segments[index];
        match reader.header()? {
            Some(header) if header.first_seq == *first_seq => Ok(header),
            Some(_) => Err(damaged(path, 0, "the file's name and its header disagree")),
            None => Err(damaged(path, 0, "the segment's header is damaged")),
        }
    }

    fn segment_end(&self, index: usize) -> Result<End, JournalError> {
        let mut reader = self.reader(index)?;
        let header = self.header_of(index, &mut reader)?;
        let (mut next, mut cursor) = ((header.first_seq, header.prev_entry_hash), None);
        let mut unvouched = VecDeque::new();
        loop {
            let at = reader.at();
            let Some(group) = reader.next()? else {
                break;
            };
            if (group.start.first_seq, group.start.prev_entry_hash) != next {
                return Err(damaged(&self.segments[index].path, at, DISCONTINUED));
            }
            next = group_end(&group);
            while unvouched.front().is_some_and(|(end, _)| *end <= group.start.durable) {
                unvouched.pop_front();
            }
            unvouched.push_back((next.0, at));
            cursor = Some(group.cursor);
        }
        let cut = unfinished_groups(&mut reader, &self.segments[index].path, next.0)?;
        let unvouched = unvouched.front().map_or(0, |(_, at)| *at);
        let (len, ahead) = (reader.at(), reader.end());
        Ok(End { next_seq: next.0, head: next.1, cursor, len, ahead, unvouched, cut })
    }

    /// The last group of a closed segment.
    fn last_group(&self, index: usize) -> Result<Option<Group>, JournalError> {
        let mut reader = self.reader(index)?;
        self.header_of(index, &mut reader)?;
        reader.skip_to(u64::MAX)?;
        let group = reader.next()?;
        match reader.rest()? {
            Some(_) => Err(reader.damaged("a group cannot be read")),
            None => Ok(group),
        }
    }

    /// Drops what follows the last group, and makes everything before it durable.
    ///
    /// What was read may be in the system's cache alone, even after a sync that failed and then forgot the bytes. So the
    /// part that nothing vouches for is written again, as it is, and synced. A crash on the way leaves groups that were
    /// there before, or are torn and have no receipt.
    fn settle(&self, path: &Path, end: &End, cut: bool) -> Result<Active<D::File>, JournalError> {
        let settle = || {
            let mut file = self.disk.modify(path)?;
            if cut {
                file.set_len(end.len)?;
            }
            let mut bytes = vec![0; (end.len - end.unvouched) as usize];
            file.read_at(end.unvouched, &mut bytes)?;
            file.write_at(end.unvouched, &bytes)?;
            // Before anything is appended, so that no stale bytes can follow a later group.
            file.sync_data()?;
            Ok(file)
        };
        let file = settle().map_err(JournalError::io("cannot recover", path))?;
        Ok(Active::resume(file, end.len, if cut { end.len } else { end.ahead }))
    }
}

/// Seq and hash that a group after this one must begin with.
fn group_end(group: &Group) -> (u64, Hash32) {
    let bodies = group.bodies.iter();
    let head =
        bodies.fold(group.start.prev_entry_hash, |head, body| chain::entry_hash(&head, body));
    (group.start.first_seq + group.bodies.len() as u64, head)
}

/// Judges what follows the last group that could be read, `first_seq` being the first entry that is not there. Groups
/// that are intact beyond it must have been written before that entry was durable; else it was acknowledged and is lost.
fn unfinished_groups<F: DiskFile>(
    reader: &mut GroupReader<F>,
    path: &Path,
    first_seq: u64,
) -> Result<Option<Cut>, JournalError> {
    let at = reader.at();
    let Some(rest) = reader.rest()? else {
        return Ok(None);
    };
    let mut cause = Cause::TornGroup;
    for group in groups_within(rest, at) {
        if group.start.durable > first_seq || group.start.first_seq <= first_seq {
            return Err(damaged(path, at, "a group is damaged and later ones are intact"));
        }
        cause = Cause::OutOfOrder;
    }
    let bytes = rest.iter().rposition(|byte| *byte != 0).map_or(0, |last| last as u64 + 1);
    Ok(Some(Cut { segment: path.to_path_buf(), bytes, first_seq, cause }))
}
