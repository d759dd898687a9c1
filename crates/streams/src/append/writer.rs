//! The writer thread of a stream: the only one that changes what is on disk.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::thread;
use std::time::Instant;

use parking_lot::{Mutex, RwLock};

use crate::catalog::{self, StreamMeta};
use crate::log::{CleanTail, LogWriter, Written};
use crate::options::{Options, StreamConfig};
use crate::shard::Shard;
use crate::{Error, IngestionTime, Result, ShardId};

use super::ack::{Committed, Outcome};
use super::queue::{Control, Item, Part, PendingGroup, Queue};

/// Where a control answers.
pub(crate) type Reply<T> = SyncSender<Result<T>>;

/// The shards of a stream, shared with its readers.
pub(crate) type Shards = RwLock<BTreeMap<ShardId, Arc<Shard>>>;

/// What the writer shares with the stream's handles, and what it takes over from recovery.
pub(crate) struct WriterParts {
    pub(crate) folder: PathBuf,
    pub(crate) stream: Arc<str>,
    pub(crate) created: IngestionTime,
    pub(crate) options: Options,
    pub(crate) config: Arc<Mutex<StreamConfig>>,
    pub(crate) queue: Arc<Queue>,
    pub(crate) shards: Arc<Shards>,
    pub(crate) logs: HashMap<ShardId, LogWriter>,
    pub(crate) next_shard: ShardId,
}

/// The writer thread's state.
pub(crate) struct Writer(pub(super) WriterParts);

/// Files that are synced at the same time.
const SYNCS_AT_ONCE: usize = 8;

/// However the writer thread ends, no one waits for it afterwards.
struct AbandonAtEnd(Arc<Queue>);

impl Drop for AbandonAtEnd {
    fn drop(&mut self) {
        self.0.abandon();
    }
}

/// A frame on its way to the disk.
struct InFlight {
    route: usize,
    shard: Arc<Shard>,
    time: IngestionTime,
    written: Written,
}

impl Writer {
    pub(crate) fn new(parts: WriterParts) -> Self {
        Self(parts)
    }

    /// Works until the queue is stopped and empty, then notes that the stop was clean.
    pub(crate) fn run(mut self) {
        let mut earliest = Instant::now();
        let queue = Arc::clone(&self.0.queue);
        let _end = AbandonAtEnd(Arc::clone(&queue));
        while let Some(item) = queue.take(earliest) {
            match item {
                Item::Group(group) => {
                    earliest = queue.next_commit(Instant::now());
                    self.commit(group);
                }
                Item::Control(control) => self.control(control),
            }
        }
        // A deleted stream has nothing that this could be noted of.
        if self.0.folder.is_dir()
            && let Err(error) = self.note_clean_stop()
        {
            tracing::warn!(stream = %self.0.stream, %error, "the stream stopped, but could not note that it did so cleanly");
        }
    }

    fn commit(&mut self, mut group: PendingGroup) {
        let mut outcome: Outcome = group.parts.iter().map(|_| None).collect();
        let mut in_flight = Vec::new();
        let filled = group.parts.iter_mut().enumerate().filter(|(_, part)| part.records > 0);
        for (route, part) in filled {
            match self.write(route, part) {
                Ok(frame) => in_flight.push(frame),
                Err(error) => set(&mut outcome, route, Err(error)),
            }
        }
        let synced = self.sync_all(&in_flight);
        for (frame, synced) in in_flight.into_iter().zip(synced) {
            set(&mut outcome, frame.route, self.publish(&frame, synced));
        }
        self.0.queue.finish(group, outcome);
    }

    fn write(&mut self, route: usize, part: &mut Part) -> Result<InFlight> {
        let shard = self.shard(part.shard)?;
        let segment_bytes = self.segment_bytes();
        let segment_micros = self.0.config.lock().retention_micros().map(|micros| micros / 8);
        let now = self.0.options.clock.now();
        let log = self.log(part.shard)?;
        let age = now.as_micros().saturating_sub(log.active().floor.as_micros());
        let old = segment_micros.is_some_and(|limit| age > limit);
        if !log.is_empty() && (old || log.active().durable_bytes() >= segment_bytes) {
            let segment = log.roll(shard.newest())?;
            shard.push_segment(segment);
        }
        let time = shard.begin_commit(now);
        match log.write(&mut part.frame, part.records, time) {
            Ok(written) => Ok(InFlight { route, shard, time, written }),
            Err(error) => {
                shard.abandon_commit();
                Err(error)
            }
        }
    }

    /// Syncs the files of these frames, several at a time: the disk then flushes once for all of them.
    fn sync_all<'a>(&'a self, frames: &'a [InFlight]) -> Vec<io::Result<()>> {
        let logs = &self.0.logs;
        let sync = move |frame: &InFlight| match logs.get(&frame.shard.info.id) {
            Some(log) => log.sync(),
            None => Err(io::ErrorKind::NotFound.into()),
        };
        let share = frames.len().div_ceil(SYNCS_AT_ONCE).max(1);
        let Some((own, others)) = frames.split_at_checked(share.min(frames.len())) else { return Vec::new() };
        thread::scope(|scope| {
            let begin = |frames: &'a [InFlight]| {
                let work = move || frames.iter().map(sync).collect::<Vec<_>>();
                thread::Builder::new().spawn_scoped(scope, work)
            };
            let running: Vec<_> = others.chunks(share).map(begin).collect();
            let mut synced: Vec<_> = own.iter().map(sync).collect();
            for (part, frames) in running.into_iter().zip(others.chunks(share)) {
                let failed = || frames.iter().map(|_| Err(io::Error::other("the sync panicked"))).collect();
                synced.extend(match part {
                    Ok(thread) => thread.join().unwrap_or_else(|_| failed()),
                    // No thread could be had for them: their turn is now.
                    Err(_) => frames.iter().map(sync).collect(),
                });
            }
            synced
        })
    }

    fn publish(&mut self, frame: &InFlight, synced: io::Result<()>) -> Result<Committed> {
        let shard = frame.shard.info.id;
        let log = self.log(shard)?;
        match log.publish(&frame.written, synced) {
            Ok(first) => {
                frame.shard.end_commit(log.next());
                Ok(Committed { shard, first, time: frame.time })
            }
            Err(error) => {
                frame.shard.abandon_commit();
                Err(error)
            }
        }
    }

    /// Segments are small enough that retention by size has several to choose from.
    fn segment_bytes(&self) -> u64 {
        const SMALLEST_BYTES: u64 = 64 << 10;
        let limit = self.0.config.lock().retention_bytes;
        let share = limit.map(|bytes| bytes / 8 / self.0.logs.len().max(1) as u64);
        self.0.options.segment_bytes.min(share.unwrap_or(u64::MAX).max(SMALLEST_BYTES))
    }

    pub(super) fn shard(&self, id: ShardId) -> Result<Arc<Shard>> {
        self.0.shards.read().get(&id).cloned().ok_or_else(|| self.not_found(id))
    }

    pub(super) fn log(&mut self, id: ShardId) -> Result<&mut LogWriter> {
        let not_found = self.not_found(id);
        self.0.logs.get_mut(&id).ok_or(not_found)
    }

    fn not_found(&self, shard: ShardId) -> Error {
        Error::ShardNotFound { stream: self.0.stream.to_string(), shard }
    }

    fn control(&mut self, control: Control) {
        // Nobody may be waiting for the answer any more: that is fine.
        match control {
            Control::Reshard(reshard, reply) => {
                let done = self.reshard(&reshard);
                if let Err(error) = &done {
                    self.0.queue.revert(reshard.before, error);
                }
                let _ = reply.send(done);
            }
            Control::Configure(config, reply) => {
                let saved = self.save(&config, |_| {});
                if saved.is_ok() {
                    *self.0.config.lock() = config;
                }
                let _ = reply.send(saved);
            }
            Control::Sweep(reply) => {
                let _ = reply.send(Ok(self.sweep()));
            }
        }
    }

    pub(super) fn save(&self, config: &StreamConfig, change: impl FnOnce(&mut StreamMeta)) -> Result<()> {
        let shards = self.0.shards.read().values().map(|shard| catalog::entry(shard)).collect();
        let mut meta =
            StreamMeta::new(self.0.stream.to_string(), self.0.created, config.clone(), self.0.next_shard, shards);
        change(&mut meta);
        catalog::save(&self.0.folder, &meta)
    }

    fn note_clean_stop(&mut self) -> Result<()> {
        self.0.logs.values_mut().try_for_each(LogWriter::trim)?;
        let shards = self.0.shards.read();
        let tail = |(id, log): (&ShardId, &LogWriter)| {
            let floor = shards.get(id).map_or(IngestionTime::MIN, |shard| shard.floor());
            (*id, CleanTail { segment: log.active().first, bytes: log.active().durable_bytes(), floor })
        };
        catalog::save_clean_stop(&self.0.folder, &self.0.logs.iter().map(tail).collect())
    }
}

fn set(outcome: &mut Outcome, route: usize, result: Result<Committed>) {
    if let Some(entry) = outcome.get_mut(route) {
        *entry = Some(result);
    }
}

#[cfg(test)]
mod tests {
    use crate::{Error, Options, Position, ReadRecord, Record, Sequence, ShardId, Stream, StreamConfig, Streams};

    fn put(stream: &Stream, data: &[u8]) -> crate::Result<crate::Appended> {
        stream.append(Record { data, ..Record::default() }).wait()
    }

    fn data(stream: &Stream) -> Vec<Vec<u8>> {
        let mut records: Vec<ReadRecord> = Vec::new();
        let mut reader = stream.shard(ShardId(0)).unwrap().reader(Position::Oldest).unwrap();
        reader.read(usize::MAX, &mut records).unwrap();
        records.iter().map(|record| record.data.to_vec()).collect()
    }

    #[test]
    fn a_full_disk_refuses_and_forgets_nothing_and_recovers() {
        let dir = tempfile::tempdir().unwrap();
        let options = Options::default();
        let faults = options.faults.clone();
        let streams = Streams::open(dir.path(), options).unwrap();
        let stream = streams.create("s", StreamConfig::default()).unwrap();
        put(&stream, b"before").unwrap();
        // Whatever part of the frame still fits, nobody sees it.
        for room in [0, 1, 20, 40, 60] {
            faults.set_room(Some(room));
            let error = put(&stream, &[9; 100]).unwrap_err();
            assert!(matches!(error, Error::DiskFull { .. }) && error.is_retryable(), "{error}");
            assert_eq!(data(&stream), [b"before"]);
        }
        faults.set_room(None);
        assert_eq!(put(&stream, b"after").unwrap().sequence, Sequence(1));
        drop((stream, streams));
        let streams = Streams::open(dir.path(), Options::default()).unwrap();
        assert_eq!(data(&streams.get("s").unwrap()), [&b"before"[..], b"after"]);
    }

    #[test]
    fn a_failed_sync_is_not_acknowledged_and_its_frame_cut_off() {
        let dir = tempfile::tempdir().unwrap();
        let options = Options::default();
        let faults = options.faults.clone();
        let streams = Streams::open(dir.path(), options).unwrap();
        let stream = streams.create("s", StreamConfig::default()).unwrap();
        put(&stream, b"before").unwrap();
        faults.fail_syncs(1);
        assert!(matches!(put(&stream, b"lost"), Err(Error::Io { .. })));
        put(&stream, b"after").unwrap();
        assert_eq!(data(&stream), [&b"before"[..], b"after"]);
        // Also for whoever opens the folder after a kill in this moment.
        faults.fail_syncs(1);
        assert!(put(&stream, b"lost again").is_err());
        drop((stream, streams));
        std::fs::remove_file(dir.path().join("streams/s/clean.json")).unwrap();
        let streams = Streams::open(dir.path(), Options::default()).unwrap();
        assert_eq!(data(&streams.get("s").unwrap()), [&b"before"[..], b"after"]);
    }

    #[test]
    fn nobody_waits_for_ever_when_the_writer_panics() {
        let dir = tempfile::tempdir().unwrap();
        let streams = Streams::open(dir.path(), Options::default()).unwrap();
        let stream = streams.create("s", StreamConfig::default()).unwrap();
        let mut reader = stream.shard(ShardId(0)).unwrap().reader(Position::Latest).unwrap();
        reader.on_data(std::sync::Arc::new(|| panic!("a listener that should not have panicked")));
        assert!(matches!(put(&stream, b"x"), Err(Error::Closed { .. })));
        assert!(matches!(put(&stream, b"y"), Err(Error::Closed { .. })));
        assert!(matches!(stream.split(ShardId(0), 1), Err(Error::Closed { .. })));
    }

    #[test]
    fn a_split_that_fails_leaves_the_parent_open() {
        let dir = tempfile::tempdir().unwrap();
        let streams = Streams::open(dir.path(), Options::default()).unwrap();
        let stream = streams.create("s", StreamConfig::default()).unwrap();
        put(&stream, b"before").unwrap();
        // A folder where the children's segment should be a file makes its creation fail.
        let blocked = dir.path().join("streams/s/shards/0000000001/00000000000000000001.log/x");
        std::fs::create_dir_all(&blocked).unwrap();
        assert!(matches!(stream.split(ShardId(0), 1), Err(Error::Io { .. })));
        assert_eq!(put(&stream, b"after").unwrap().shard, ShardId(0));
        assert_eq!(data(&stream).len(), 2);
        stream.split(ShardId(0), 1).unwrap();
        assert!(put(&stream, b"to a child").unwrap().sequence > Sequence(1));
    }
}
