//! The writer thread of a stream: the only one that changes what is on disk.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::Instant;

use parking_lot::{Mutex, RwLock};

use crate::catalog::{self, StreamMeta};
use crate::log::{CleanTail, LogWriter, Segment, Written, create_folder, remove_folder};
use crate::options::{Options, StreamConfig};
use crate::shard::{Shard, ShardEnd, ShardInfo};
use crate::{Error, IngestionTime, Result, ShardId};

use super::ack::{Committed, Outcome};
use super::queue::{Control, Item, Part, PendingGroup, Queue, Reshard};

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
pub(crate) struct Writer(WriterParts);

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
        while let Some(item) = queue.take(earliest) {
            match item {
                Item::Group(group) => {
                    earliest = queue.next_commit(Instant::now());
                    self.commit(group);
                }
                Item::Control(control) => self.control(control),
            }
        }
        if let Err(error) = self.note_clean_stop() {
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
        for frame in in_flight {
            set(&mut outcome, frame.route, self.sync(&frame));
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

    fn sync(&mut self, frame: &InFlight) -> Result<Committed> {
        let shard = frame.shard.info.id;
        let log = self.log(shard)?;
        match log.sync(&frame.written) {
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

    fn shard(&self, id: ShardId) -> Result<Arc<Shard>> {
        self.0.shards.read().get(&id).cloned().ok_or_else(|| self.not_found(id))
    }

    fn log(&mut self, id: ShardId) -> Result<&mut LogWriter> {
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

    /// Makes the children, then changes the catalog (from here on the split is done), then tells readers.
    fn reshard(&mut self, reshard: &Reshard) -> Result<()> {
        let now = self.0.options.clock.now();
        let parents = reshard.parents.iter().map(|id| self.shard(*id)).collect::<Result<Vec<_>>>()?;
        // As if a frame were in flight: no reader is promised more than the children will keep.
        let floor = parents.iter().map(|parent| parent.begin_commit(now)).max().unwrap_or(now);
        let done = self.make_children(reshard, &parents, now, floor);
        if done.is_err() {
            parents.iter().for_each(|parent| parent.abandon_commit());
            for (_, id) in &reshard.children {
                let _ = remove_folder(&catalog::shard_folder(&self.0.folder, *id));
            }
        }
        done
    }

    fn make_children(
        &mut self,
        reshard: &Reshard,
        parents: &[Arc<Shard>],
        now: IngestionTime,
        floor: IngestionTime,
    ) -> Result<()> {
        let mut ends = BTreeMap::new();
        for parent in parents {
            let next = self.log(parent.info.id)?.next();
            let children = reshard.children.iter().map(|(_, id)| *id).collect();
            ends.insert(parent.info.id, ShardEnd { children, next, floor });
        }
        let start = ends.values().map(|end| end.next).max().unwrap_or_default();
        let mut made = Vec::new();
        for (range, id) in &reshard.children {
            let parents = reshard.parents.clone();
            let info = ShardInfo { id: *id, range: *range, parents, created: now, start, floor };
            made.push(create_shard(&self.0.folder, &self.0.stream, info, &self.0.options)?);
        }
        let config = self.0.config.lock().clone();
        let last = reshard.children.iter().map(|(_, id)| id.0).max().unwrap_or_default();
        self.0.next_shard = self.0.next_shard.max(ShardId(last + 1));
        self.save(&config, |meta| {
            meta.shards.iter_mut().for_each(|entry| {
                if let Some(end) = ends.get(&entry.info.id) {
                    entry.end = Some(end.clone());
                }
            });
            meta.shards.extend(made.iter().map(|(shard, _)| catalog::entry(shard)));
        })?;
        // The children are there before a reader is told to go to them.
        for (shard, log) in made {
            self.0.shards.write().insert(shard.info.id, Arc::clone(&shard));
            self.0.logs.insert(shard.info.id, log);
        }
        for parent in parents {
            self.0.logs.remove(&parent.info.id);
            if let Some(end) = ends.remove(&parent.info.id) {
                parent.close(end);
            }
        }
        Ok(())
    }

    fn save(&self, config: &StreamConfig, change: impl FnOnce(&mut StreamMeta)) -> Result<()> {
        let shards = self.0.shards.read().values().map(|shard| catalog::entry(shard)).collect();
        let mut meta =
            StreamMeta::new(self.0.stream.to_string(), self.0.created, config.clone(), self.0.next_shard, shards);
        change(&mut meta);
        catalog::save(&self.0.folder, &meta)
    }

    /// Retention: see `retention.rs`, which removes the files that are returned.
    fn sweep(&mut self) -> Vec<PathBuf> {
        let config = self.0.config.lock().clone();
        let cutoff = config.retention_micros().map(|micros| self.0.options.clock.now().minus_micros(micros));
        let mut expired: Vec<Arc<Segment>> = Vec::new();
        let shards: Vec<Arc<Shard>> = self.0.shards.read().values().cloned().collect();
        if let Some(cutoff) = cutoff {
            self.roll_idle(&shards, cutoff);
            for shard in &shards {
                expired.extend(shard.expire(|_, last_stamp| last_stamp < cutoff));
            }
        }
        if let Some(limit) = config.retention_bytes {
            expired.extend(crate::retention::expire_by_size(&shards, limit));
        }
        let mut paths: Vec<PathBuf> = expired.into_iter().map(|segment| segment.path.clone()).collect();
        match self.forget_expired_shards(&shards, &config, cutoff) {
            Ok(folders) => paths.extend(folders),
            Err(error) => tracing::warn!(%error, "expired shards are still listed; tried again later"),
        }
        paths
    }

    /// An active segment can't be removed: one that holds only expired records is sealed first.
    fn roll_idle(&mut self, shards: &[Arc<Shard>], cutoff: IngestionTime) {
        for shard in shards.iter().filter(|shard| shard.newest() < cutoff) {
            let Some(log) = self.0.logs.get_mut(&shard.info.id).filter(|log| !log.is_empty()) else { continue };
            match log.roll(shard.floor()) {
                Ok(segment) => shard.push_segment(segment),
                Err(error) => tracing::warn!(%error, "an expired segment could not be sealed; tried again later"),
            }
        }
    }

    /// Closed shards without records leave the catalog, and then the disk.
    fn forget_expired_shards(
        &mut self,
        shards: &[Arc<Shard>],
        config: &StreamConfig,
        cutoff: Option<IngestionTime>,
    ) -> Result<Vec<PathBuf>> {
        // A shard that never held a record stays as long as one would have: consumers may be about to look for it.
        let gone = |shard: &&Arc<Shard>| {
            let over = cutoff.is_none_or(|cutoff| shard.end().is_some_and(|end| end.floor < cutoff));
            shard.end().is_some() && shard.bytes() == 0 && over
        };
        let gone: Vec<ShardId> = shards.iter().filter(gone).map(|shard| shard.info.id).collect();
        if gone.is_empty() {
            return Ok(Vec::new());
        }
        self.save(config, |meta| meta.shards.retain(|entry| !gone.contains(&entry.info.id)))?;
        self.0.shards.write().retain(|id, _| !gone.contains(id));
        Ok(gone.iter().map(|id| catalog::shard_folder(&self.0.folder, *id)).collect())
    }

    fn note_clean_stop(&self) -> Result<()> {
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

/// Makes a shard's folder and its first segment.
pub(crate) fn create_shard(
    stream_folder: &std::path::Path,
    stream: &Arc<str>,
    info: ShardInfo,
    options: &Options,
) -> Result<(Arc<Shard>, LogWriter)> {
    let folder = catalog::shard_folder(stream_folder, info.id);
    create_folder(&folder)?;
    let segment = Segment::create(&folder, info.id, info.start, info.floor)?;
    let log = LogWriter::open(
        folder,
        Arc::clone(&segment),
        info.start,
        false,
        #[cfg(test)]
        options.faults.clone(),
    )?;
    #[cfg(not(test))]
    let _ = options;
    let (start, floor) = (info.start, info.floor);
    Ok((Shard::new(Arc::clone(stream), info, None, vec![segment], start, floor, floor), log))
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
