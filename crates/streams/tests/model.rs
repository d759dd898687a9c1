//! Random histories of a stream against a plain model of it.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use proptest::prelude::*;
use tidemill_streams::{
    Error, IngestionTime, Options, Position, ReadRecord, Record, Sequence, ShardId, Stream, StreamConfig, Streams,
};

/// One thing that happens to a stream.
#[derive(Clone, Debug)]
enum Step {
    Append {
        key: u8,
        bytes: usize,
    },
    Batch {
        keys: Vec<u8>,
        bytes: usize,
    },
    Split {
        which: usize,
        part: u64,
    },
    Merge {
        which: usize,
    },
    /// A clean stop and a start.
    Reopen,
    /// A kill with a torn write in flight, and a start.
    Crash {
        which: usize,
        torn: Vec<u8>,
    },
    /// A reader goes a little further.
    Read {
        max_bytes: usize,
    },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (any::<u8>(), 0..2_000_usize).prop_map(|(key, bytes)| Step::Append { key, bytes }),
        6 => (prop::collection::vec(any::<u8>(), 0..40), 0..300_usize)
            .prop_map(|(keys, bytes)| Step::Batch { keys, bytes }),
        1 => (any::<usize>(), any::<u64>()).prop_map(|(which, part)| Step::Split { which, part }),
        1 => any::<usize>().prop_map(|which| Step::Merge { which }),
        1 => Just(Step::Reopen),
        2 => (any::<usize>(), prop::collection::vec(any::<u8>(), 0..200))
            .prop_map(|(which, torn)| Step::Crash { which, torn }),
        4 => (1..5_000_usize).prop_map(|max_bytes| Step::Read { max_bytes }),
    ]
}

/// Key and data of a record.
type Stored = (Vec<u8>, Vec<u8>);

/// What a stream should hold: each shard's records, from its first sequence number on.
#[derive(Default)]
struct Model {
    shards: BTreeMap<ShardId, (Sequence, Vec<Stored>)>,
    appended: usize,
}

struct World {
    dir: tempfile::TempDir,
    open: Option<(Streams, Stream)>,
    model: Model,
    /// Where the slow reader is in each shard.
    positions: BTreeMap<ShardId, Sequence>,
}

fn options() -> Options {
    // Small segments, so that histories cross many; no waiting between commits.
    Options { segment_bytes: 3_000, commit_interval: Duration::ZERO, ..Options::default() }
}

impl World {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let streams = Streams::open(dir.path(), options()).unwrap();
        let stream = streams.create("s", StreamConfig { shards: 2, ..StreamConfig::default() }).unwrap();
        let mut world =
            Self { dir, open: Some((streams, stream)), model: Model::default(), positions: BTreeMap::new() };
        world.note_shards();
        world
    }

    fn stream(&self) -> &Stream {
        &self.open.as_ref().unwrap().1
    }

    fn note_shards(&mut self) {
        for shard in self.stream().describe().shards {
            self.model.shards.entry(shard.id).or_insert((shard.start_sequence, Vec::new()));
        }
    }

    fn open_shards(&self) -> Vec<ShardId> {
        let mut open: Vec<_> = self.stream().describe().shards.into_iter().filter(|shard| !shard.closed).collect();
        open.sort_by_key(|shard| shard.range.start);
        open.iter().map(|shard| shard.id).collect()
    }

    fn append(&mut self, keys: &[u8], bytes: usize) {
        let records: Vec<Stored> = keys
            .iter()
            .map(|key| {
                self.model.appended += 1;
                let mut data = self.model.appended.to_le_bytes().to_vec();
                data.resize(8 + bytes, *key);
                (vec![*key], data)
            })
            .collect();
        let batch: Vec<Record<'_>> =
            records.iter().map(|(key, data)| Record { partition_key: key, data, ..Record::default() }).collect();
        let places = self.stream().append_batch(&batch).wait().unwrap();
        for (place, stored) in places.iter().zip(&records) {
            let (start, shard) = self.model.shards.get_mut(&place.shard).unwrap();
            assert_eq!(place.sequence, Sequence(start.0 + shard.len() as u64));
            shard.push(stored.clone());
        }
    }

    fn reopen(&mut self, before_start: impl FnOnce(&Path)) {
        self.open = None;
        before_start(&self.dir.path().join("streams/s"));
        let streams = Streams::open(self.dir.path(), options()).unwrap();
        let stream = streams.get("s").unwrap();
        self.open = Some((streams, stream));
    }

    fn apply(&mut self, step: &Step) {
        match step {
            Step::Append { key, bytes } => self.append(&[*key], *bytes),
            Step::Batch { keys, bytes } => self.append(keys, *bytes),
            Step::Split { which, part } => {
                let open = self.open_shards();
                let shard = open[which % open.len()];
                let range = self.stream().shard(shard).unwrap().describe().range;
                let at = range.start + 1 + (range.end - range.start - 1) / u128::from(u64::MAX) * u128::from(*part);
                self.stream().split(shard, at).unwrap();
                self.note_shards();
            }
            Step::Merge { which } => {
                let open = self.open_shards();
                if let [a, b, ..] = open[which % open.len()..] {
                    self.stream().merge(b, a).unwrap();
                    self.note_shards();
                }
            }
            Step::Reopen => self.reopen(|_| {}),
            Step::Crash { which, torn } => {
                let open = self.open_shards();
                let shard = open[which % open.len()];
                self.reopen(|folder| {
                    fs::remove_file(folder.join("clean.json")).unwrap();
                    let active = segments(folder, shard).pop().unwrap();
                    let mut bytes = fs::read(&active).unwrap();
                    bytes.extend_from_slice(torn);
                    fs::write(&active, bytes).unwrap();
                });
            }
            Step::Read { max_bytes } => self.read_some(*max_bytes),
        }
    }

    /// A consumer with its own positions, which it keeps over restarts.
    fn read_some(&mut self, max_bytes: usize) {
        for (shard, (start, records)) in &self.model.shards {
            let position = self.positions.entry(*shard).or_insert(*start);
            let mut reader =
                self.open.as_ref().unwrap().1.shard(*shard).unwrap().reader(Position::At(*position)).unwrap();
            let mut read = Vec::new();
            reader.read(max_bytes, &mut read).unwrap();
            let from = (position.0 - start.0) as usize;
            assert_same(&read, &records[from..from + read.len()], *position);
            assert!(!read.is_empty() || from == records.len());
            *position = reader.position();
        }
    }

    /// Every shard holds what the model holds, in order, stamped in order.
    fn check(&self) {
        let mut last_of = BTreeMap::new();
        for shard in self.stream().describe().shards {
            let (start, expected) = &self.model.shards[&shard.id];
            let mut read = Vec::new();
            let mut reader = self.stream().shard(shard.id).unwrap().reader(Position::Oldest).unwrap();
            let end = reader.read(usize::MAX, &mut read).unwrap().end;
            assert_same(&read, expected, *start);
            assert_eq!(read.len(), expected.len());
            assert_eq!(end.is_some(), shard.closed);
            assert!(read.windows(2).all(|pair| pair[0].time <= pair[1].time));
            let inherited = shard.parents.iter().filter_map(|parent| last_of.get(parent)).max().copied();
            if let (Some((sequence, time)), Some(first)) = (inherited, read.first()) {
                assert!(first.sequence > sequence && first.time > time, "a child goes on above its parents");
            }
            let own = read.last().map(|last| (last.sequence, last.time));
            if let Some(last) = own.max(inherited) {
                last_of.insert(shard.id, last);
            }
            self.check_seeks(shard.id, &read);
        }
    }

    fn check_seeks(&self, shard: ShardId, read: &[ReadRecord]) {
        let shard = self.stream().shard(shard).unwrap();
        for wanted in read.iter().step_by(7) {
            let first = |position| {
                let mut found = Vec::new();
                shard.reader(position).unwrap().read(1, &mut found).unwrap();
                found.first().map(|record: &ReadRecord| record.sequence)
            };
            assert_eq!(first(Position::At(wanted.sequence)), Some(wanted.sequence));
            let at_time = read.iter().find(|record| record.time >= wanted.time).map(|record| record.sequence);
            assert_eq!(first(Position::AtTime(wanted.time)), at_time);
            let later = IngestionTime::from_micros(wanted.time.as_micros() + 1);
            let after = read.iter().find(|record| record.time >= later).map(|record| record.sequence);
            assert_eq!(first(Position::AtTime(later)), after);
        }
    }
}

fn assert_same(read: &[ReadRecord], expected: &[Stored], from: Sequence) {
    for (i, (record, (key, data))) in read.iter().zip(expected).enumerate() {
        assert_eq!(record.sequence, Sequence(from.0 + i as u64));
        assert_eq!((&record.partition_key[..], &record.data[..]), (&key[..], &data[..]));
    }
    assert!(read.len() <= expected.len(), "more than was appended");
}

fn segments(stream_folder: &Path, shard: ShardId) -> Vec<PathBuf> {
    let folder = stream_folder.join(format!("shards/{:010}", shard.0));
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn a_stream_holds_what_was_appended_whatever_happens(steps in prop::collection::vec(step(), 1..40)) {
        let mut world = World::new();
        for step in &steps {
            world.apply(step);
        }
        world.check();
        world.reopen(|_| {});
        world.check();
    }

    #[test]
    fn a_flipped_bit_is_told_or_harmless_but_never_read(
        steps in prop::collection::vec(step(), 1..15),
        which in any::<usize>(),
        at in any::<usize>(),
        bit in 0..8_u32,
    ) {
        let mut world = World::new();
        for step in &steps {
            world.apply(step);
        }
        world.open = None;
        let folder = world.dir.path().join("streams/s");
        let files: Vec<PathBuf> = world.model.shards.keys().flat_map(|shard| segments(&folder, *shard)).collect();
        let file = &files[which % files.len()];
        let mut bytes = fs::read(file).unwrap();
        let offset = at % bytes.len();
        bytes[offset] ^= 1 << bit;
        fs::write(file, bytes).unwrap();

        // The stop was clean: no damage can pass for a torn tail.
        let error = read_everything(world.dir.path(), &world.model).expect_err("nobody noticed");
        let Error::Corrupt { path, offset: told, .. } = &error else { panic!("{error}") };
        prop_assert_eq!(path, file);
        prop_assert!(*told <= offset as u64);
    }
}

fn read_everything(dir: &Path, model: &Model) -> Result<(), Error> {
    let streams = Streams::open(dir, options())?;
    for (shard, (start, expected)) in &model.shards {
        let mut read = Vec::new();
        let result = streams.get("s")?.shard(*shard)?.reader(Position::Oldest)?.read(usize::MAX, &mut read);
        assert_same(&read, expected, *start);
        result?;
    }
    Ok(())
}
