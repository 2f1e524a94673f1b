//! The export file: rules EL-15 to EL-20.

mod common;

use common::{BODIES, ORIGIN, assert_golden, head, keys, sign};
use eqm_log::{
    LogHead, MAX_BODY_LEN, VerifierKey,
    export::{
        Export, ExportError, ExportedEntry, FormatError, Header, MAGIC, Place, Reader, Writer,
    },
    note::NoteError,
};
use proptest::prelude::*;
use protocol::Hash32;
use std::io::{Read, Write};

fn header(count: u64) -> Header {
    Header { origin: ORIGIN.into(), count, keys: keys().to_vec() }
}

fn write(bodies: &[impl AsRef<[u8]>]) -> Vec<u8> {
    let mut file = Vec::new();
    let mut writer = Writer::create(&mut file, &header(bodies.len() as u64)).unwrap();
    for body in bodies {
        writer.push(body.as_ref()).unwrap();
    }
    let note = sign(writer.head());
    let hash = writer.finish(&note).unwrap();
    assert!(file.ends_with(&hash.0));
    file
}

fn export(count: usize) -> Vec<u8> {
    write(&BODIES[..count])
}

fn read(file: &[u8]) -> Result<Export, FormatError> {
    let format = |error| match error {
        ExportError::Format(error) => error,
        ExportError::Io(never) => match never {},
    };
    Reader::open(file).and_then(Reader::finish).map_err(format)
}

/// Replaces the last 32 bytes by the hash of those before, so that what is wrong is something else.
fn rehashed(mut file: Vec<u8>) -> Vec<u8> {
    file.truncate(file.len() - 32);
    let hash = Hash32::of(&file);
    [file, hash.0.to_vec()].concat()
}

/// Where the frames begin: the same in every export of the test log.
fn frames_at() -> usize {
    export(0).len() - 32 - 4 - sign(&head(0)).len() - 32
}

/// EL-15, EL-16, EL-17: the bytes of format version 1.
#[test]
fn el_15_el_16_el_17_golden_bytes() {
    let file = export(5);
    assert_golden("export-v1.qfslog", &file);
    assert_eq!(file[..8], MAGIC);
    assert_eq!(file[8..12], [0, 0, 0, 1]);
    assert_eq!(file[12..20], [0, 0, 0, 0, 0, 0, 0, 5]);
    let first_frame = [&[0, 0, 0, 7][..], b"genesis"].concat();
    assert_eq!(file[frames_at()..][..11], first_frame);
    assert_golden("export-v1-empty.qfslog", &export(0));
}

#[test]
fn el_18_reading_gives_back_entries_chain_and_tree() {
    for count in 0..=BODIES.len() {
        let file = export(count);
        let mut reader = Reader::open(&file[..]).unwrap();
        assert_eq!(*reader.header(), header(count as u64));
        let mut prev_entry_hash = Hash32::ZERO;
        for (seq, body) in BODIES[..count].iter().enumerate() {
            let entry_hash = eqm_log::chain::entry_hash(&prev_entry_hash, body);
            let seq = seq as u64;
            let expected = ExportedEntry { seq, prev_entry_hash, entry_hash, body };
            assert_eq!(reader.next_entry(), Ok(Some(expected)));
            prev_entry_hash = entry_hash;
        }
        assert_eq!(reader.next_entry(), Ok(None));
        let export = reader.finish().unwrap();
        assert_eq!((export.header(), export.head()), (&header(count as u64), &head(count)));
        assert_eq!(export.file_hash(), Hash32::of(&file[..file.len() - 32]));
        let verified = export.verify(&keys()).unwrap();
        assert_eq!((verified.size(), verified.root()), (count as u64, head(count).root()));
        assert!(export.verify(&[]).is_err());
    }
}

/// EL-15, EL-20: a key that only witnesses use is none of a log's, for who reads and for who writes.
#[test]
fn el_15_keys_are_those_that_sign_logs() {
    let [ed_key, pq_key] = keys();
    let cosigner = VerifierKey::cosigner(ORIGIN, ed_key.public_key()).unwrap();
    let refused = FormatError::BadKey(NoteError::UnknownKeyType(4));
    let keys = vec![cosigner.clone(), pq_key];
    let written = Writer::create(&mut Vec::new(), &Header { keys, ..header(0) }).map(|_| ());
    assert_eq!(written, Err(refused.clone().into()));
    let (from, to) = (ed_key.to_string(), cosigner.to_string());
    let file = export(0);
    let at = file.windows(from.len()).position(|bytes| bytes == from.as_bytes()).unwrap();
    let file = [&file[..at], to.as_bytes(), &file[at + from.len()..]].concat();
    assert_eq!(read(&rehashed(file)), Err(refused));
}

/// EL-18: however many entries are read together, they are the same, and so is what goes wrong between them.
#[test]
fn el_18_batches_hold_the_same_entries() {
    for count in 0..=BODIES.len() {
        let sound = export(count);
        for file in [&sound[..], &sound[..sound.len() / 2], &sound[..frames_at() + count]] {
            for most in 0..=count + 1 {
                let mut singly = Reader::open(file).unwrap();
                let mut batched = Reader::open(file).unwrap();
                let error = loop {
                    match batched.next_batch(most) {
                        Ok(Some(batch)) => {
                            assert!((1..=most.max(1)).contains(&batch.len()));
                            for entry in batch.entries() {
                                assert_eq!(singly.next_entry(), Ok(Some(entry)));
                            }
                        }
                        Ok(None) => break None,
                        Err(error) => break Some(error),
                    }
                };
                assert_eq!(singly.next_entry().err(), error);
                assert_eq!(singly.head(), batched.head());
                assert_eq!(batched.close(), singly.close());
                let hash = Hash32::of(&file[..file.len() - 32]);
                assert_eq!((batched.log_hash(), singly.log_hash()), (hash, hash));
            }
        }
    }
}

/// A batch is bounded in bytes, too.
#[test]
fn long_bodies_make_short_batches() {
    let file = write(&vec![[7; MAX_BODY_LEN]; 40]);
    let mut reader = Reader::open(&file[..]).unwrap();
    let mut sizes = Vec::new();
    while let Some(batch) = reader.next_batch(usize::MAX).unwrap() {
        sizes.push(batch.len());
    }
    assert_eq!(sizes, [17, 17, 6]);
}

/// EL-19: every single bit counts.
#[test]
fn el_19_every_flipped_bit_is_refused() {
    let mut file = export(5);
    for at in 0..file.len() {
        for bit in 0..8 {
            file[at] ^= 1 << bit;
            assert!(read(&file).is_err(), "bit {bit} of byte {at}");
            file[at] ^= 1 << bit;
        }
    }
    assert!(read(&file).is_ok());
}

/// EL-19: a file cut anywhere is truncated, and the error says where and in what.
#[test]
fn el_19_every_truncation_is_named() {
    let file = export(2);
    let frames = frames_at();
    for cut in 0..file.len() {
        let place = match cut {
            _ if cut < frames => Place::Header,
            _ if cut < frames + 11 => Place::Frame { seq: 0 },
            _ if cut < frames + 16 => Place::Frame { seq: 1 },
            _ => Place::Trailer,
        };
        let truncated = FormatError::Truncated { offset: cut as u64, place };
        assert_eq!(read(&file[..cut]), Err(truncated));
    }
    let longer = [&file[..], b"\n"].concat();
    let trailing = FormatError::TrailingBytes { offset: file.len() as u64 };
    assert_eq!(read(&longer), Err(trailing));
}

/// EL-16, EL-17, EL-19: errors by name.
#[test]
fn el_16_el_17_el_19_errors_have_names() {
    let file = export(2);
    let patched = |at: usize, bytes: &[u8]| {
        let mut file = file.clone();
        file[at..at + bytes.len()].copy_from_slice(bytes);
        read(&rehashed(file)).unwrap_err()
    };
    let out_of_bounds = |place, length, max| FormatError::LengthOutOfBounds { place, length, max };
    let (frames, frame_0, frame_1) =
        (frames_at(), Place::Frame { seq: 0 }, Place::Frame { seq: 1 });
    let max = MAX_BODY_LEN as u64;
    assert_eq!(patched(0, b"P"), FormatError::BadMagic);
    assert_eq!(patched(8, &[0, 0, 0, 2]), FormatError::UnsupportedVersion(2));
    assert_eq!(patched(12, &[0x80]), FormatError::BadCount((1 << 63) | 2));
    assert_eq!(patched(20, &[0]), out_of_bounds(Place::Header, 0, 255));
    assert_eq!(patched(21, b"\n"), FormatError::BadOrigin);
    assert_eq!(patched(21, &[0xff]), FormatError::NotUtf8(Place::Header));
    assert_eq!(patched(21 + ORIGIN.len(), &[17]), out_of_bounds(Place::Header, 17, 16));
    assert!(matches!(patched(24 + ORIGIN.len(), b"Q"), FormatError::BadKey(_)));
    assert_eq!(patched(frames, &[0, 0, 0, 0]), out_of_bounds(frame_0, 0, max));
    assert_eq!(patched(frames, &[0, 1, 0, 0]), out_of_bounds(frame_0, 65_536, max));
    assert_eq!(patched(frames + 11, &[0xff; 4]), out_of_bounds(frame_1, 0xffff_ffff, max));
    let trailer = frames + 16;
    let final_hash = patched(trailer, &[0; 32]);
    assert!(matches!(final_hash, FormatError::FinalHashMismatch { .. }));
    let note_len = patched(trailer + 32, &[0, 1, 0, 1]);
    assert_eq!(note_len, out_of_bounds(Place::Trailer, 65_537, 65_536));
    assert_eq!(patched(trailer + 36, &[0xff]), FormatError::NotUtf8(Place::Trailer));
    let other_log = patched(trailer + 36, b"Q");
    assert!(matches!(other_log, FormatError::OtherCheckpoint { .. }));
    assert!(matches!(patched(trailer + 36, b"\n"), FormatError::BadCheckpoint(_)));

    let mut wrong_hash = file.clone();
    *wrong_hash.last_mut().unwrap() ^= 1;
    assert!(matches!(read(&wrong_hash), Err(FormatError::FileHashMismatch { .. })));
}

/// EL-18: another body with every hash of the file made to fit still fails at the checkpoint.
#[test]
fn el_18_a_rewritten_history_is_refused() {
    let mut file = export(2);
    let frames = frames_at();
    file[frames + 4] ^= 1;
    let mut forged = LogHead::new();
    forged.append(b"fenesis", |_, _, _| ());
    forged.append(BODIES[1], |_, _, _| ());
    file[frames + 16..][..32].copy_from_slice(&forged.entry_hash().0);
    let error = read(&rehashed(file)).unwrap_err();
    let [expected, found] = [forged, head(2)].map(|head| head.checkpoint(ORIGIN).into());
    assert_eq!(error, FormatError::OtherCheckpoint { expected, found });
}

#[test]
fn el_20_the_writer_refuses_what_no_reader_would_take() {
    let (mut file, mut unfinished) = (Vec::new(), Vec::new());
    let mut writer = Writer::create(&mut file, &header(1)).unwrap();
    let frame = Place::Frame { seq: 0 };
    let max = MAX_BODY_LEN as u64;
    for length in [0, max + 1] {
        let error = FormatError::LengthOutOfBounds { place: frame, length, max };
        assert_eq!(writer.push(&vec![1; length as usize]), Err(error.into()));
    }
    writer.push(&vec![1; MAX_BODY_LEN]).unwrap();
    let more = FormatError::WrongCount { declared: 1, written: 2 };
    assert_eq!(writer.push(b"more"), Err(more.into()));
    let other = writer.finish(&sign(&head(1))).unwrap_err();
    assert!(matches!(other, ExportError::Format(FormatError::OtherCheckpoint { .. })));

    let missing = Writer::create(&mut unfinished, &header(1)).unwrap().finish(&sign(&head(0)));
    let error = FormatError::WrongCount { declared: 1, written: 0 };
    assert_eq!(missing.unwrap_err(), error.into());

    let create = |header: Header| Writer::create(&mut Vec::new(), &header).map(|_| ()).unwrap_err();
    let bad_origin = create(Header { origin: "two\nlines".into(), ..header(0) });
    assert_eq!(bad_origin, FormatError::BadOrigin.into());
    let no_keys = FormatError::LengthOutOfBounds { place: Place::Header, length: 0, max: 16 };
    assert_eq!(create(Header { keys: vec![], ..header(0) }), no_keys.into());
    assert_eq!(create(header(1 << 63)), FormatError::BadCount(1 << 63).into());
}

/// EL-3, EL-16: whatever the protocol allows as a body fits a frame, and the other way round.
#[test]
fn el_16_bounds_agree_with_the_protocol() {
    assert_eq!(MAX_BODY_LEN, protocol::limits::MAX_BODY_BYTES);
}

/// Streams of `std::io` fit through closures, and their errors come out unchanged.
#[test]
fn std_streams_fit_the_seams() {
    // Not the system's directory for such files, nor a process's number: not every target has them.
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("eqm-log-export");
    let mut file = std::io::BufWriter::new(std::fs::File::create(&path).unwrap());
    let mut writer = Writer::create(|bytes: &[u8]| file.write_all(bytes), &header(2)).unwrap();
    writer.push(BODIES[0]).unwrap();
    writer.push(BODIES[1]).unwrap();
    writer.finish(&sign(&head(2))).unwrap();
    file.flush().unwrap();
    let mut file = std::io::BufReader::new(std::fs::File::open(&path).unwrap());
    let reader = Reader::open(|buf: &mut [u8]| file.read(buf)).unwrap();
    assert_eq!(*reader.finish().unwrap().head(), head(2));
    std::fs::remove_file(&path).unwrap();

    let broken = |_: &mut [u8]| Err::<usize, _>(std::io::Error::other("unplugged"));
    let error = Reader::open(broken).map(|_| ()).unwrap_err();
    assert_eq!(error.to_string(), "unplugged");
}

/// A source may give one byte at a time.
#[test]
fn short_reads_are_no_end() {
    let file = export(3);
    let mut bytes = file.iter();
    let one_by_one = |buf: &mut [u8]| match (buf.first_mut(), bytes.next()) {
        (Some(to), Some(from)) => {
            *to = *from;
            Ok::<_, ()>(1)
        }
        _ => Ok(0),
    };
    assert_eq!(Reader::open(one_by_one).unwrap().finish().unwrap(), read(&file).unwrap());
}

proptest! {
    #[test]
    fn the_reader_never_panics(
        mut tail in prop::collection::vec(any::<u8>(), 0..600), kept in 0_usize..5_000,
    ) {
        let file = export(2);
        let mut bytes = file[..kept.min(file.len())].to_vec();
        bytes.append(&mut tail);
        prop_assert_eq!(read(&bytes).is_ok(), bytes == file);
    }

    #[test]
    fn any_bodies_survive(
        bodies in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..200), 0..20),
    ) {
        let file = write(&bodies);
        let mut reader = Reader::open(&file[..]).unwrap();
        let mut found = Vec::new();
        while let Some(entry) = reader.next_entry().unwrap() {
            found.push(entry.body.to_vec());
        }
        prop_assert_eq!(found, bodies);
        prop_assert!(reader.finish().unwrap().verify(&keys()).is_ok());
    }
}
