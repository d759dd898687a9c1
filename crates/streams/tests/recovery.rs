//! What a crash, a torn write or a damaged disk leaves behind.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs;
use std::path::{Path, PathBuf};

use tidemill_streams::{Error, Options, Position, Record, Sequence, ShardId, StreamConfig, Streams};

/// A folder with three commits in one segment, and where in the file each of them ends.
struct Folder {
    dir: tempfile::TempDir,
    ends: Vec<u64>,
}

const DATA: [&[u8]; 3] = [b"first", b"second, a little longer", b"third and last"];

impl Folder {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let streams = Streams::open(dir.path(), Options::default()).unwrap();
        let stream = streams.create("s", StreamConfig::default()).unwrap();
        let mut ends = Vec::new();
        for data in DATA {
            stream.append(Record { partition_key: b"k", data, ..Record::default() }).wait().unwrap();
            ends.push(stream.describe().bytes);
        }
        drop((stream, streams));
        Self { dir, ends }
    }

    fn segment(&self) -> PathBuf {
        self.dir.path().join("streams/s/shards/0000000000/00000000000000000000.log")
    }

    /// As if the process had been killed: a stop that is not clean leaves no note.
    fn crash(&self) {
        fs::remove_file(self.dir.path().join("streams/s/clean.json")).unwrap();
    }

    fn open(&self) -> Result<Vec<Vec<u8>>, Error> {
        read_all(self.dir.path())
    }

    fn flip_bit(&self, offset: u64) {
        let mut bytes = fs::read(self.segment()).unwrap();
        bytes[offset as usize] ^= 1;
        fs::write(self.segment(), bytes).unwrap();
    }
}

fn read_all(dir: &Path) -> Result<Vec<Vec<u8>>, Error> {
    let streams = Streams::open(dir, Options::default())?;
    let mut records = Vec::new();
    let mut reader = streams.get("s")?.shard(ShardId(0))?.reader(Position::Oldest)?;
    while reader.read(1 << 20, &mut records)?.records > 0 {}
    Ok(records.iter().map(|record| record.data.to_vec()).collect())
}

#[test]
fn a_tail_torn_at_any_byte_is_cut_off_and_written_over() {
    let whole = Folder::new();
    let bytes = fs::read(whole.segment()).unwrap();
    let (start, end) = (whole.ends[1], whole.ends[2]);
    whole.crash();
    for cut in start..end {
        fs::write(whole.segment(), &bytes[..cut as usize]).unwrap();
        let streams = Streams::open(whole.dir.path(), Options::default()).unwrap();
        let stream = streams.get("s").unwrap();
        let again = stream.append(Record { data: DATA[2], ..Record::default() }).wait().unwrap();
        assert_eq!(again.sequence, Sequence(2), "cut at {cut}");
        drop((stream, streams));
        assert_eq!(whole.open().unwrap(), DATA, "cut at {cut}");
        whole.crash();
    }
}

#[test]
fn a_tail_of_zeros_or_garbage_is_torn_too() {
    for tail in [vec![0; 5_000], b"TMfr".repeat(1_000), (0..=255).collect()] {
        let folder = Folder::new();
        folder.crash();
        let mut bytes = fs::read(folder.segment()).unwrap();
        bytes.extend_from_slice(&tail);
        fs::write(folder.segment(), bytes).unwrap();
        assert_eq!(folder.open().unwrap(), DATA);
        assert_eq!(fs::metadata(folder.segment()).unwrap().len(), folder.ends[2], "the tail is gone from the file");
    }
}

#[test]
fn damage_before_a_good_frame_is_told_with_file_and_offset() {
    let sample = Folder::new();
    let (first, second) = (32, sample.ends[0]);
    // Every byte of the first two frames, in strides that meet each part of a frame.
    for offset in (first..sample.ends[1]).step_by(3) {
        let folder = Folder::new_like(&sample);
        folder.crash();
        folder.flip_bit(offset);
        let error = folder.open().unwrap_err();
        let Error::Corrupt { path, offset: at, .. } = &error else { panic!("{error}") };
        assert_eq!(path, &folder.segment());
        assert_eq!(*at, if offset < second { first } else { second }, "flipped at {offset}");
        assert!(error.to_string().starts_with("TM-STREAM-0003"));
    }
}

impl Folder {
    fn new_like(other: &Self) -> Self {
        let dir = tempfile::tempdir().unwrap();
        copy(other.dir.path(), dir.path());
        Self { dir, ends: other.ends.clone() }
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[test]
fn damage_to_the_last_frame_is_told_after_a_clean_stop() {
    let sample = Folder::new();
    for offset in sample.ends[1]..sample.ends[2] {
        let folder = Folder::new_like(&sample);
        folder.flip_bit(offset);
        let error = folder.open().unwrap_err();
        let Error::Corrupt { offset: at, .. } = &error else { panic!("{error}") };
        assert_eq!(*at, sample.ends[1]);
    }
    // A refused folder is left as it was: the file can be repaired, and is then whole.
    let folder = Folder::new_like(&sample);
    folder.flip_bit(sample.ends[1] + 7);
    folder.open().unwrap_err();
    folder.flip_bit(sample.ends[1] + 7);
    assert_eq!(folder.open().unwrap(), DATA);
}

#[test]
fn damage_to_a_sealed_segment_is_told_by_its_readers() {
    let dir = tempfile::tempdir().unwrap();
    let options = || Options { segment_bytes: 1, ..Options::default() };
    let streams = Streams::open(dir.path(), options()).unwrap();
    let stream = streams.create("s", StreamConfig::default()).unwrap();
    for data in DATA {
        stream.append(Record { data, ..Record::default() }).wait().unwrap();
    }
    assert_eq!(stream.describe().shards[0].segments, 3);
    drop((stream, streams));
    let second = dir.path().join("streams/s/shards/0000000000/00000000000000000001.log");
    let mut bytes = fs::read(&second).unwrap();
    bytes[32 + 20] ^= 4;
    fs::write(&second, bytes).unwrap();
    let streams = Streams::open(dir.path(), options()).unwrap();
    let mut reader = streams.get("s").unwrap().shard(ShardId(0)).unwrap().reader(Position::Oldest).unwrap();
    let mut records = Vec::new();
    let error = reader.read(usize::MAX, &mut records).unwrap_err();
    assert!(matches!(&error, Error::Corrupt { path, offset: 32, .. } if *path == second), "{error}");
    assert_eq!(records.len(), 1, "what comes before the damage is given");
}

#[test]
fn a_missing_segment_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let streams = Streams::open(dir.path(), Options { segment_bytes: 1, ..Options::default() }).unwrap();
    let stream = streams.create("s", StreamConfig::default()).unwrap();
    for data in DATA {
        stream.append(Record { data, ..Record::default() }).wait().unwrap();
    }
    drop((stream, streams));
    fs::remove_file(dir.path().join("streams/s/shards/0000000000/00000000000000000001.log")).unwrap();
    assert!(matches!(read_all(dir.path()), Err(Error::Corrupt { .. })));
}

#[test]
fn a_record_that_holds_a_segment_file_is_not_taken_for_frames() {
    let folder = Folder::new();
    let segment = fs::read(folder.segment()).unwrap();
    let streams = Streams::open(folder.dir.path(), Options::default()).unwrap();
    let stream = streams.get("s").unwrap();
    stream.append(Record { data: &segment, ..Record::default() }).wait().unwrap();
    drop((stream, streams));
    folder.crash();
    let len = fs::metadata(folder.segment()).unwrap().len();
    fs::File::options().write(true).open(folder.segment()).unwrap().set_len(len - 1).unwrap();
    assert_eq!(folder.open().unwrap(), DATA, "its torn frame is cut off, with the frames in it");
}

#[test]
fn a_segment_that_somebody_removed_under_a_reader_is_an_error() {
    let folder = Folder::new();
    let streams = Streams::open(folder.dir.path(), Options::default()).unwrap();
    let mut reader = streams.get("s").unwrap().shard(ShardId(0)).unwrap().reader(Position::Oldest).unwrap();
    fs::remove_file(folder.segment()).unwrap();
    let error = reader.read(1 << 20, &mut Vec::new()).unwrap_err();
    assert!(error.to_string().contains("00000000000000000000.log"), "{error}");
}

#[test]
fn a_folder_of_a_newer_version_is_refused_untouched() {
    let folder = Folder::new();
    let format = folder.dir.path().join("format.json");
    fs::write(&format, r#"{"format": 2, "something": "new"}"#).unwrap();
    let error = folder.open().unwrap_err();
    assert!(matches!(error, Error::NewerFormat { found: 2, known: 1, .. }), "{error}");
    fs::write(&format, r#"{"format": 1}"#).unwrap();
    let meta = folder.dir.path().join("streams/s/stream.json");
    let text = fs::read_to_string(&meta).unwrap();
    fs::write(&meta, text.replace(r#""format": 1"#, r#""format": 7"#)).unwrap();
    assert!(matches!(folder.open().unwrap_err(), Error::NewerFormat { found: 7, .. }));
    fs::write(&meta, "{").unwrap();
    assert!(matches!(folder.open().unwrap_err(), Error::Corrupt { .. }));
    fs::write(&meta, text).unwrap();
    assert_eq!(folder.open().unwrap(), DATA);
}

#[test]
fn what_a_cut_short_split_or_creation_left_is_cleared_away() {
    let folder = Folder::new();
    let orphan = folder.dir.path().join("streams/s/shards/0000000001");
    fs::create_dir(&orphan).unwrap();
    let half = folder.dir.path().join("streams/half/shards");
    fs::create_dir_all(&half).unwrap();
    let scratch = folder.segment().with_file_name("00000000000000000009.tmp");
    fs::write(&scratch, "TM").unwrap();
    assert_eq!(folder.open().unwrap(), DATA);
    assert!(!orphan.exists() && !half.exists() && !scratch.exists());
}
