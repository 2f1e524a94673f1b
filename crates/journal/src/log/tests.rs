use super::*;
use crate::segment::{HEADER_LEN, encode_group};
use std::fs;

/// Segments that a few groups fill, with a few hundred zeros ahead.
const SMALL: SegmentSizes = SegmentSizes { segment: 700, ahead_min: 150, ahead_max: 300 };

fn bodies(from: u64, count: u64) -> Vec<Vec<u8>> {
    (from..from + count).map(|n| format!("body {n}").into_bytes()).collect()
}

fn open(dir: &Path) -> Result<(Log, Tail), JournalError> {
    Log::open_sized(RealDisk, dir, SMALL)
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

/// Nine entries in three groups, each synced; the path of their segment, and where its groups end.
fn filled(dir: &Path) -> (PathBuf, Vec<usize>) {
    let (mut log, _) = open(dir).unwrap();
    let mut ends = vec![HEADER_LEN];
    for (from, count) in [(0, 3), (3, 1), (4, 5)] {
        log.append(&[from as u8], &bodies(from, count), true).unwrap();
        ends.push(log.active.as_ref().unwrap().len() as usize);
    }
    (log.segments[0].path.clone(), ends)
}

#[test]
fn jo_3_what_is_appended_is_read_back_from_any_seq() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path());
    let (log, tail) = open(dir.path()).unwrap();
    assert_eq!((log.len(), log.durable_len(), log.cursor()), (9, 9, &[4u8][..]));
    assert_eq!(tail, Tail::default());
    for from in 0..=9 {
        let expected: Vec<_> = (from..9).zip(bodies(from, 9 - from)).collect();
        assert_eq!(read_all(&log, from), expected, "from {from}");
    }
}

/// JO-3: writing makes nothing durable; one sync does for all groups before it.
#[test]
fn jo_3_groups_share_a_sync() {
    let dir = tempfile::tempdir().unwrap();
    let (mut log, _) = open(dir.path()).unwrap();
    for from in 0..3 {
        log.append(&[], &bodies(from, 1), false).unwrap();
    }
    assert_eq!((log.len(), log.durable_len()), (3, 0));
    assert_eq!(read_all(&log, 0).len(), 3, "they can be read before");
    log.sync().unwrap();
    assert_eq!(log.durable_len(), 3);
}

/// JO-2: what a group cannot hold is refused before anything is written, and the log goes on.
#[test]
fn jo_2_too_long_a_group_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (mut log, _) = open(dir.path()).unwrap();
    let refused = log.append(&[0; 5_000], &bodies(0, 1), true);
    assert!(matches!(refused, Err(JournalError::Halted(_))), "{refused:?}");
    log.append(&[], &[], true).unwrap();
    log.append(&[], &bodies(0, 1), true).unwrap();
    assert_eq!(open(dir.path()).unwrap().0.len(), 1);
}

/// JO-4: however the last write was cut, every earlier group is there, and appending goes on.
#[test]
fn jo_4_a_torn_group_is_cut_off_at_every_length() {
    let dir = tempfile::tempdir().unwrap();
    let (path, ends) = filled(dir.path());
    let whole = fs::read(&path).unwrap();
    for cut in ends[2]..ends[3] {
        for zeros in [0, 400] {
            let mut bytes = whole[..cut].to_vec();
            bytes.resize(cut + zeros, 0);
            fs::write(&path, &bytes).unwrap();
            let (mut log, tail) = open(dir.path()).unwrap();
            // Zeros at the end of what was written cannot be told from those ahead.
            let torn = whole[ends[2]..cut].iter().rposition(|byte| *byte != 0);
            let torn = torn.map_or(0, |last| last as u64 + 1);
            assert_eq!((log.len(), tail.bytes()), (4, torn), "cut at {cut}");
            let cause = tail.cut.map(|cut| (cut.first_seq, cut.cause));
            assert_eq!(cause, (torn > 0).then_some((4, Cause::TornGroup)));
            log.append(&[], &bodies(4, 1), true).unwrap();
            let (log, tail) = open(dir.path()).unwrap();
            assert_eq!((read_all(&log, 0), tail.bytes()), ((0..5).zip(bodies(0, 5)).collect(), 0));
        }
    }
}

/// JO-5: damage before the end is never mistaken for a torn write.
#[test]
fn jo_5_damage_in_the_middle_stops_the_opening() {
    let dir = tempfile::tempdir().unwrap();
    let (path, ends) = filled(dir.path());
    let whole = fs::read(&path).unwrap();
    for byte in 0..ends[2] {
        let mut damaged = whole.clone();
        damaged[byte] ^= 4;
        fs::write(&path, &damaged).unwrap();
        assert!(matches!(open(dir.path()), Err(JournalError::Damaged(_))), "byte {byte}");
        assert_eq!(fs::read(&path).unwrap(), damaged, "nothing is changed");
    }
}

/// JO-4, JO-5: behind a hole, groups written before anything in the hole was durable are a crash; a group that
/// knows the missing entries to be durable makes it damage.
#[test]
fn jo_4_jo_5_a_hole_is_judged_by_what_later_groups_know() {
    for (synced, expected) in [(1, Ok(4)), (2, Ok(4)), (3, Err(()))] {
        let dir = tempfile::tempdir().unwrap();
        let (mut log, _) = open(dir.path()).unwrap();
        let mut ends = vec![];
        for group in 0..5 {
            log.append(&[], &bodies(group * 2, 2), group < synced).unwrap();
            ends.push(log.active.as_ref().unwrap().len() as usize);
        }
        let path = log.segments[0].path.clone();
        let mut bytes = fs::read(&path).unwrap();
        // The third group never reached the disk.
        bytes[ends[1]..ends[2]].fill(0);
        fs::write(&path, &bytes).unwrap();
        let opened = open(dir.path());
        let outcome = opened.as_ref().map(|(log, _)| log.len()).map_err(|_| ());
        assert_eq!(outcome, expected, "{synced} synced");
        match opened {
            Ok((log, tail)) => {
                let cut = tail.cut.unwrap();
                assert_eq!((cut.first_seq, cut.cause), (4, Cause::OutOfOrder));
                assert_eq!(read_all(&log, 0).len(), 4);
            }
            Err(_) => assert_eq!(fs::read(&path).unwrap(), bytes, "nothing is changed"),
        }
    }
}

/// JO-3: entries run through segments; one that is missing or called otherwise is damage.
#[test]
fn jo_3_segments_continue_each_other() {
    let dir = tempfile::tempdir().unwrap();
    let (mut log, _) = open(dir.path()).unwrap();
    for from in 0..60 {
        log.append(&[], &bodies(from, 1), true).unwrap();
    }
    assert!(log.segments.len() >= 4);
    let (log, _) = open(dir.path()).unwrap();
    for from in [0, 1, 17, 58, 59] {
        assert_eq!(read_all(&log, from).len() as u64, 60 - from);
    }
    assert_eq!(log.entry(60).unwrap(), None);
    let middle = log.segments[1].clone();
    fs::rename(&middle.path, dir.path().join("away")).unwrap();
    let (log, _) = open(dir.path()).unwrap();
    assert!(matches!(log.entry(middle.first_seq), Err(JournalError::Damaged(_))));
    let last = log.segments.last().unwrap().path.clone();
    fs::rename(last, dir.path().join(segment_name(99))).unwrap();
    assert!(matches!(open(dir.path()), Err(JournalError::Damaged(_))));
}

/// JO-1: a closed segment has no zeros behind its groups; the last one has, and grows in steps.
#[test]
fn jo_1_zeros_stand_ahead_of_the_last_segment_only() {
    let dir = tempfile::tempdir().unwrap();
    let (mut log, _) = open(dir.path()).unwrap();
    let mut lengths = Vec::new();
    for from in 0..20 {
        log.append(&[], &bodies(from, 1), true).unwrap();
        let active = log.active.as_ref().unwrap();
        let len = fs::metadata(&log.segments.last().unwrap().path).unwrap().len();
        assert!(len >= active.len());
        lengths.push(len);
    }
    lengths.dedup();
    assert!(lengths.len() < 14, "the file grew with almost every group: {lengths:?}");
    for segment in log.segments.iter().rev().skip(1) {
        let bytes = fs::read(&segment.path).unwrap();
        assert!(bytes.len() as u64 >= SMALL.segment);
        let mut reader =
            GroupReader::new(fs::File::open(&segment.path).unwrap(), &segment.path, None);
        let reader = reader.as_mut().unwrap();
        while reader.next().unwrap().is_some() {}
        assert_eq!(reader.at(), bytes.len() as u64);
    }
}

#[test]
fn jo_4_a_segment_without_a_header_is_removed() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path());
    for left in [&b""[..], b"QFSSEG", &[0; 52], &[0; 300]] {
        let path = dir.path().join(segment_name(9));
        fs::write(&path, left).unwrap();
        let (log, tail) = open(dir.path()).unwrap();
        let cut = tail.cut.unwrap();
        assert_eq!((log.len(), cut.first_seq, cut.cause), (9, 9, Cause::MissingHeader));
        assert_eq!(cut.segment, path);
        assert!(!path.exists());
    }
}

/// JO-5: entries before a segment that was being made were durable; without them the log is damaged.
#[test]
fn jo_5_nothing_is_missing_before_an_unfinished_segment() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(segment_name(10));
    filled(dir.path());
    fs::write(&path, b"").unwrap();
    assert!(matches!(open(dir.path()), Err(JournalError::Damaged(_))));
    assert!(path.exists(), "nothing is changed");
}

/// The cursor outlives the beginning of a segment that has no group yet.
#[test]
fn jo_6_a_fresh_segment_has_the_cursor_of_the_one_before() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path());
    let (mut log, _) = open(dir.path()).unwrap();
    log.or_poison(Log::begin_segment).unwrap();
    let (log, _) = open(dir.path()).unwrap();
    assert_eq!((log.len(), log.cursor()), (9, &[4u8][..]));
    // The one before lost its last group: the new one does not continue it.
    let (path, ends) = (&log.segments[0].path, log.segments.len());
    assert_eq!(ends, 2);
    let bytes = fs::read(path).unwrap();
    fs::write(path, &bytes[..bytes.len() - 1]).unwrap();
    assert!(matches!(open(dir.path()), Err(JournalError::Damaged(_))));
}

/// JO-5: an intact group that does not continue the one before it is damage.
#[test]
fn jo_5_a_group_that_does_not_continue_is_damage() {
    let dir = tempfile::tempdir().unwrap();
    let (path, ends) = filled(dir.path());
    let mut bytes = fs::read(&path).unwrap();
    let start = GroupStart { first_seq: 4, prev_entry_hash: Hash32::of(b"other"), durable: 4 };
    let other = encode_group(ends[2] as u64, &start, &[], &bodies(4, 5)).unwrap();
    bytes[ends[2]..ends[2] + other.len()].copy_from_slice(&other);
    fs::write(&path, &bytes).unwrap();
    assert!(matches!(open(dir.path()), Err(JournalError::Damaged(_))));
}
