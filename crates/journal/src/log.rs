//! The log on disk: segment files, appended to and never changed (`spec/journal.md`).

use crate::{
    JournalError, files,
    segment::{FRAME_LEN, Frame, GROUP_MAGIC, Group, HEADER_LEN, MAX_CURSOR, SegmentHeader},
};
use eqm_log::chain;
use protocol::Hash32;
use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufReader, ErrorKind, Read, Seek, SeekFrom, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

/// A segment is closed once it is this long.
const SEGMENT_BYTES: u64 = if cfg!(test) { 700 } else { 64 << 20 };

const DISCONTINUED: &str = "a group does not continue the one before";

/// One entry as the log has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedEntry {
    /// Position in the log.
    pub seq: u64,
    /// Hash of the entry before.
    pub prev_entry_hash: Hash32,
    /// Canonical bytes of its body.
    pub body: Vec<u8>,
}

impl LoggedEntry {
    /// Hash of this entry.
    #[must_use]
    pub fn entry_hash(&self) -> Hash32 {
        chain::entry_hash(&self.prev_entry_hash, &self.body)
    }
}

#[derive(Clone, Debug)]
struct Segment {
    first_seq: u64,
    path: PathBuf,
}

/// The segment files of one ledger, and where the next group goes.
#[derive(Debug)]
pub struct Log {
    dir: PathBuf,
    segments: Vec<Segment>,
    active: Option<File>,
    active_len: u64,
    next_seq: u64,
    head: Hash32,
    cursor: Vec<u8>,
    poisoned: bool,
}

/// What opening found at the end of the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tail {
    /// Bytes of a group that was being written when the machine stopped; no receipt was given for it.
    pub torn_bytes: u64,
}

impl Log {
    /// Opens the log in `dir`, made if need be, and drops a torn group at its end.
    ///
    /// # Errors
    /// [`JournalError::Damaged`] when anything but the last group is damaged; nothing is changed then.
    pub fn open(dir: &Path) -> Result<(Self, Tail), JournalError> {
        files::make_dir(dir)?;
        let segments = list_segments(dir)?;
        let mut log = Self { dir: dir.to_path_buf(), segments, poisoned: false, ..Self::closed() };
        let mut tail = Tail::default();
        while let Some(last) = log.segments.last().cloned() {
            let Some(header) = read_header(&last.path)? else {
                // A crash between making a segment and its first group: nothing in it was acknowledged.
                tail.torn_bytes += drop_headless(&last.path)?;
                log.segments.pop();
                continue;
            };
            tail.torn_bytes += log.recover_end(&last, header)?;
            break;
        }
        Ok((log, tail))
    }

    /// A log that takes and has nothing: what stands in while the real one is read.
    pub(crate) fn closed() -> Self {
        Self {
            dir: PathBuf::new(),
            segments: Vec::new(),
            active: None,
            active_len: 0,
            next_seq: 0,
            head: Hash32::ZERO,
            cursor: Vec::new(),
            poisoned: true,
        }
    }

    /// Reads the last segment to its end and cuts off a torn group.
    fn recover_end(&mut self, last: &Segment, header: SegmentHeader) -> Result<u64, JournalError> {
        if header.first_seq != last.first_seq {
            return Err(damaged(&last.path, 0, "the file's name and its header disagree"));
        }
        (self.next_seq, self.head) = (header.first_seq, header.prev_entry_hash);
        let mut reader = GroupReader::open(&last.path)?;
        while let Some(group) = reader.next()? {
            if (group.first_seq, group.prev_entry_hash) != (self.next_seq, self.head) {
                return Err(damaged(&last.path, reader.at, DISCONTINUED));
            }
            self.take(&group);
            self.cursor = group.cursor;
        }
        let (end, len) = (reader.at, reader.len);
        if end < len {
            if intact_group_after(&last.path, end)? {
                return Err(damaged(
                    &last.path,
                    end,
                    "a group is damaged and later ones are intact",
                ));
            }
            // Cut before anything is appended, so that no stale bytes can follow a later group.
            let file = OpenOptions::new().write(true).open(&last.path);
            file.and_then(|file| file.set_len(end).and_then(|()| file.sync_all()))
                .map_err(JournalError::io("cannot cut a torn group off", &last.path))?;
        }
        let file = OpenOptions::new().append(true).open(&last.path);
        self.active = Some(file.map_err(JournalError::io("cannot open", &last.path))?);
        self.active_len = end;
        Ok(len - end)
    }

    fn take(&mut self, group: &Group) {
        for body in &group.bodies {
            self.head = chain::entry_hash(&self.head, body);
            self.next_seq += 1;
        }
    }

    /// Number of entries, which is the seq of the next.
    #[must_use]
    pub const fn len(&self) -> u64 {
        self.next_seq
    }

    /// Whether there is no entry.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.next_seq == 0
    }

    /// Hash of the last entry; zeros while there is none.
    #[must_use]
    pub const fn head(&self) -> Hash32 {
        self.head
    }

    /// The cursor that the sequencer left with the last group.
    #[must_use]
    pub fn cursor(&self) -> &[u8] {
        &self.cursor
    }

    /// Appends a group, and makes it durable when `sync`. After an error nothing more can be appended:
    /// only a restart finds out what reached the disk.
    ///
    /// # Errors
    /// What the operating system says, and [`JournalError::Poisoned`] after that.
    pub fn append(
        &mut self,
        cursor: Vec<u8>,
        bodies: Vec<Vec<u8>>,
        sync: bool,
    ) -> Result<(), JournalError> {
        if self.poisoned {
            return Err(JournalError::Poisoned);
        }
        if cursor.len() > MAX_CURSOR {
            return Err(JournalError::Halted("the sequencer's cursor is too long".into()));
        }
        let group = Group { first_seq: self.next_seq, prev_entry_hash: self.head, cursor, bodies };
        self.poisoned = true;
        self.write(&group.to_bytes(), sync)?;
        self.poisoned = false;
        self.take(&group);
        self.cursor = group.cursor;
        Ok(())
    }

    fn write(&mut self, bytes: &[u8], sync: bool) -> Result<(), JournalError> {
        if self.active.is_none() || self.active_len >= SEGMENT_BYTES {
            self.begin_segment()?;
        }
        let path = self.segments.last().map(|segment| segment.path.clone()).unwrap_or_default();
        let Some(file) = &mut self.active else {
            return Err(JournalError::Poisoned);
        };
        // A crash in this write leaves a torn group, which opening cuts off: no receipt was given for it.
        file.write_all(bytes).map_err(JournalError::io("cannot append to", &path))?;
        if sync {
            // A crash before this returns may lose the group; after it, never.
            file.sync_data().map_err(JournalError::io("cannot make durable", &path))?;
        }
        self.active_len += bytes.len() as u64;
        Ok(())
    }

    fn begin_segment(&mut self) -> Result<(), JournalError> {
        let path = self.dir.join(format!("{:020}.seg", self.next_seq));
        let header = SegmentHeader { first_seq: self.next_seq, prev_entry_hash: self.head };
        let make = || -> io::Result<File> {
            let mut file =
                OpenOptions::new().append(true).create_new(true).mode(0o600).open(&path)?;
            file.write_all(&header.to_bytes())?;
            file.sync_all()?;
            Ok(file)
        };
        // A crash in here leaves a segment without a header or without groups; opening removes the former.
        self.active = Some(make().map_err(JournalError::io("cannot begin segment", &path))?);
        files::sync_dir(&self.dir)?;
        self.active_len = HEADER_LEN as u64;
        self.segments.push(Segment { first_seq: self.next_seq, path });
        Ok(())
    }

    /// Visits the entries from `seq` on, in order, until `visit` returns false.
    ///
    /// # Errors
    /// [`JournalError::Damaged`] when bytes are not as they were written; whatever `visit` returns.
    pub fn read<E: From<JournalError>>(
        &self,
        seq: u64,
        mut visit: impl FnMut(LoggedEntry) -> Result<bool, E>,
    ) -> Result<(), E> {
        let first = self.segments.partition_point(|segment| segment.first_seq <= seq);
        let from = first.saturating_sub(1);
        let mut expected = None;
        for segment in self.segments.iter().skip(from) {
            let mut reader = GroupReader::open(&segment.path)?;
            reader.skip_to(seq)?;
            while let Some(group) = reader.next()? {
                let begins = (group.first_seq, group.prev_entry_hash);
                if expected.map_or(group.first_seq > seq, |expected| expected != begins) {
                    return Err(damaged(&segment.path, reader.at, DISCONTINUED).into());
                }
                let (mut at, mut prev) = begins;
                for body in group.bodies {
                    let entry = LoggedEntry { seq: at, prev_entry_hash: prev, body };
                    (at, prev) = (at + 1, entry.entry_hash());
                    if entry.seq >= seq && !visit(entry)? {
                        return Ok(());
                    }
                }
                expected = Some((at, prev));
            }
            if reader.at < reader.len {
                return Err(damaged(&segment.path, reader.at, "a group cannot be read").into());
            }
        }
        match expected {
            Some((end, _)) if end != self.next_seq => {
                Err(damaged(&self.dir, 0, "the log ends before its last entry").into())
            }
            _ => Ok(()),
        }
    }

    /// The entry at `seq`, if there is one.
    ///
    /// # Errors
    /// As [`Log::read`].
    pub fn entry(&self, seq: u64) -> Result<Option<LoggedEntry>, JournalError> {
        let mut found = None;
        self.read::<JournalError>(seq, |entry| {
            found = Some(entry);
            Ok(false)
        })?;
        Ok(found)
    }
}

fn list_segments(dir: &Path) -> Result<Vec<Segment>, JournalError> {
    let listing = fs::read_dir(dir).map_err(JournalError::io("cannot read", dir))?;
    let mut segments = Vec::new();
    for item in listing {
        let path = item.map_err(JournalError::io("cannot read", dir))?.path();
        let number = path.file_name().and_then(|name| name.to_str()?.strip_suffix(".seg"));
        if let Some(first_seq) = number.and_then(|number| number.parse().ok()) {
            segments.push(Segment { first_seq, path });
        }
    }
    segments.sort_by_key(|segment| segment.first_seq);
    Ok(segments)
}

/// The header of a segment; `None` when the file is too short to have one or it is damaged.
fn read_header(path: &Path) -> Result<Option<SegmentHeader>, JournalError> {
    let mut bytes = [0; HEADER_LEN];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut bytes));
    match read {
        Ok(()) => Ok(SegmentHeader::from_bytes(&bytes)),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(JournalError::io("cannot read", path)(error)),
    }
}

/// Removes a last segment whose header was being written. One with groups in it is damage, not a crash.
fn drop_headless(path: &Path) -> Result<u64, JournalError> {
    let len = fs::metadata(path).map_err(JournalError::io("cannot read", path))?.len();
    if len > HEADER_LEN as u64 {
        return Err(damaged(path, 0, "the segment's header is damaged"));
    }
    fs::remove_file(path).map_err(JournalError::io("cannot remove", path))?;
    files::sync_dir(path.parent().unwrap_or(Path::new(".")))?;
    Ok(len)
}

fn damaged(path: &Path, at: u64, what: &str) -> JournalError {
    let path = path.display();
    JournalError::Damaged(format!("{path}, byte {at}: {what}; restore the file from a copy"))
}

/// Whether any intact group begins after `from`: then what stands at `from` is damage, not a torn end.
fn intact_group_after(path: &Path, from: u64) -> Result<bool, JournalError> {
    let read = || -> io::Result<Vec<u8>> {
        let mut file = File::open(path)?;
        file.seek(SeekFrom::Start(from + 1))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let bytes = read().map_err(JournalError::io("cannot read", path))?;
    let starts = bytes.windows(GROUP_MAGIC.len()).enumerate();
    Ok(starts.filter(|(_, window)| *window == GROUP_MAGIC).any(|(at, _)| {
        let Some((frame, rest)) = bytes[at..].split_first_chunk::<FRAME_LEN>() else {
            return false;
        };
        let Some(frame) = Frame::from_bytes(frame) else {
            return false;
        };
        rest.get(..frame.len).is_some_and(|payload| frame.holds(payload))
    }))
}

/// Reads the groups of one segment.
struct GroupReader {
    file: BufReader<File>,
    path: PathBuf,
    /// Where the next group begins.
    at: u64,
    len: u64,
}

impl GroupReader {
    fn open(path: &Path) -> Result<Self, JournalError> {
        let failed = |source| JournalError::Io { what: "cannot read", path: path.into(), source };
        let mut file = File::open(path).map_err(failed)?;
        let len = file.metadata().map_err(failed)?.len();
        file.seek(SeekFrom::Start(HEADER_LEN as u64)).map_err(failed)?;
        let file = BufReader::with_capacity(1 << 16, file);
        Ok(Self { file, path: path.to_path_buf(), at: HEADER_LEN as u64, len })
    }

    /// The next group; `None` at the end of the file and before anything that is not an intact group.
    fn next(&mut self) -> Result<Option<Group>, JournalError> {
        let Some(frame) = self.frame()? else {
            return Ok(None);
        };
        let mut payload = vec![0; frame.len];
        self.file.read_exact(&mut payload).map_err(JournalError::io("cannot read", &self.path))?;
        let group = if frame.holds(&payload) { Group::from_payload(&payload) } else { None };
        if group.is_some() {
            self.at += (FRAME_LEN + frame.len) as u64;
        }
        Ok(group)
    }

    fn frame(&mut self) -> Result<Option<Frame>, JournalError> {
        let mut bytes = [0; FRAME_LEN];
        if self.at + FRAME_LEN as u64 > self.len {
            return Ok(None);
        }
        self.file.read_exact(&mut bytes).map_err(JournalError::io("cannot read", &self.path))?;
        let frame = Frame::from_bytes(&bytes);
        Ok(frame.filter(|frame| self.at + (FRAME_LEN + frame.len) as u64 <= self.len))
    }

    /// Goes to the last group that begins at or before `seq`, reading frames only.
    fn skip_to(&mut self, seq: u64) -> Result<(), JournalError> {
        let mut target = self.at;
        while let Some(frame) = self.frame()? {
            let mut first_seq = [0; 8];
            self.file
                .read_exact(&mut first_seq)
                .map_err(JournalError::io("cannot read", &self.path))?;
            if u64::from_be_bytes(first_seq) > seq {
                break;
            }
            target = self.at;
            self.at += (FRAME_LEN + frame.len) as u64;
            self.file
                .seek_relative(frame.len as i64 - 8)
                .map_err(JournalError::io("cannot read", &self.path))?;
        }
        self.at = target;
        self.file
            .seek(SeekFrom::Start(target))
            .map(|_| ())
            .map_err(JournalError::io("cannot read", &self.path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bodies(from: u64, count: u64) -> Vec<Vec<u8>> {
        (from..from + count).map(|n| format!("body {n}").into_bytes()).collect()
    }

    fn read_all(log: &Log, from: u64) -> Vec<(u64, Vec<u8>)> {
        let mut entries = Vec::new();
        log.read::<JournalError>(from, |entry| {
            entries.push((entry.seq, entry.body));
            Ok(true)
        })
        .unwrap();
        entries
    }

    fn filled(dir: &Path) -> PathBuf {
        let (mut log, _) = Log::open(dir).unwrap();
        for (from, count) in [(0, 3), (3, 1), (4, 5)] {
            log.append(vec![from as u8], bodies(from, count), true).unwrap();
        }
        log.segments[0].path.clone()
    }

    #[test]
    fn jo_3_what_is_appended_is_read_back_from_any_seq() {
        let dir = tempfile::tempdir().unwrap();
        filled(dir.path());
        let (log, tail) = Log::open(dir.path()).unwrap();
        assert_eq!((log.len(), tail.torn_bytes, log.cursor()), (9, 0, &[4u8][..]));
        for from in 0..=9 {
            let expected: Vec<_> = (from..9).zip(bodies(from, 9 - from)).collect();
            assert_eq!(read_all(&log, from), expected, "from {from}");
        }
    }

    /// JO-4: however the last write was cut, every earlier group is there, and appending goes on.
    #[test]
    fn jo_4_a_torn_group_is_cut_off_at_every_length() {
        let dir = tempfile::tempdir().unwrap();
        let path = filled(dir.path());
        let whole = fs::read(&path).unwrap();
        let last = whole.len()
            - Group {
                first_seq: 4,
                prev_entry_hash: Hash32::ZERO,
                cursor: vec![4],
                bodies: bodies(4, 5),
            }
            .to_bytes()
            .len();
        for cut in last..whole.len() {
            fs::write(&path, &whole[..cut]).unwrap();
            let (mut log, tail) = Log::open(dir.path()).unwrap();
            assert_eq!((log.len(), tail.torn_bytes), (4, (cut - last) as u64), "cut at {cut}");
            log.append(vec![], bodies(4, 1), true).unwrap();
            let (log, _) = Log::open(dir.path()).unwrap();
            assert_eq!(read_all(&log, 0).len(), 5);
        }
    }

    /// JO-5: damage before the end is never mistaken for a torn write.
    #[test]
    fn jo_5_damage_in_the_middle_stops_the_opening() {
        let dir = tempfile::tempdir().unwrap();
        let path = filled(dir.path());
        let whole = fs::read(&path).unwrap();
        let first_group = HEADER_LEN..HEADER_LEN + 80;
        for byte in first_group {
            let mut damaged = whole.clone();
            damaged[byte] ^= 4;
            fs::write(&path, &damaged).unwrap();
            assert!(matches!(Log::open(dir.path()), Err(JournalError::Damaged(_))), "byte {byte}");
            assert_eq!(fs::read(&path).unwrap(), damaged, "nothing is changed");
        }
    }

    /// JO-3: entries run through segments; one that is missing or called otherwise is damage.
    #[test]
    fn jo_3_segments_continue_each_other() {
        let dir = tempfile::tempdir().unwrap();
        let (mut log, _) = Log::open(dir.path()).unwrap();
        for from in 0..60 {
            log.append(vec![], bodies(from, 1), true).unwrap();
        }
        assert!(log.segments.len() >= 4);
        let (log, _) = Log::open(dir.path()).unwrap();
        for from in [0, 1, 17, 58, 59] {
            assert_eq!(read_all(&log, from).len() as u64, 60 - from);
        }
        assert_eq!(log.entry(60).unwrap(), None);
        let middle = log.segments[1].clone();
        fs::rename(&middle.path, dir.path().join("away")).unwrap();
        let (log, _) = Log::open(dir.path()).unwrap();
        assert!(matches!(log.entry(middle.first_seq), Err(JournalError::Damaged(_))));
        let last = log.segments.last().unwrap().path.clone();
        fs::rename(last, dir.path().join(format!("{:020}.seg", 99))).unwrap();
        assert!(matches!(Log::open(dir.path()), Err(JournalError::Damaged(_))));
    }

    #[test]
    fn jo_4_a_segment_without_a_header_is_removed() {
        let dir = tempfile::tempdir().unwrap();
        filled(dir.path());
        fs::write(dir.path().join(format!("{:020}.seg", 9)), b"QFSSEG").unwrap();
        let (log, tail) = Log::open(dir.path()).unwrap();
        assert_eq!((log.len(), tail.torn_bytes), (9, 6));
    }
}
