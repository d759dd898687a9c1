//! How far the results are behind what was accepted.
//!
//! The pipeline says up to which ingestion time everything is visible ([`Progress::visible_until`]). Where that is in each
//! shard of the stream, and how old the first beacon behind it is, is looked up ten times a second; how many there are by now
//! costs nothing to ask.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tidemill_streams::{IngestionTime, Position, ReadRecord, Sequence, ShardHandle, Stream};

/// Time between two looks.
pub(crate) const SAMPLE_EVERY: Duration = Duration::from_millis(100);

/// How far the results are behind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Behind {
    /// Age of the oldest beacon that isn't visible yet; 0 when all are.
    pub(crate) lag_ms: u64,
    /// Beacons that were accepted and aren't visible yet, of all sites.
    pub(crate) beacons: u64,
}

/// What was accepted, and up to when it is visible.
#[derive(Debug)]
pub(crate) struct Progress {
    beacons: Stream,
    visible_until_us: Arc<AtomicI64>,
    look: Mutex<Look>,
}

/// What the last look found.
#[derive(Debug, Default)]
struct Look {
    at_us: i64,
    visible_us: i64,
    /// The first beacon of each shard that isn't visible, or where it will be.
    waiting: Vec<(ShardHandle, Sequence)>,
    /// When the first of them came; none when all were visible.
    oldest_us: Option<i64>,
}

impl Look {
    fn beacons(&self) -> u64 {
        let behind = |(shard, first): &(ShardHandle, Sequence)| {
            let shard = shard.describe();
            // Retention may have been faster than the pipeline.
            shard.next_sequence.0.saturating_sub(first.max(&shard.oldest_sequence).0)
        };
        self.waiting.iter().map(behind).sum()
    }
}

impl Progress {
    pub(crate) fn new(beacons: Stream) -> Self {
        Progress { beacons, visible_until_us: Arc::new(AtomicI64::new(0)), look: Mutex::default() }
    }

    /// Where the pipeline writes the ingestion time (µs) up to which everything is visible.
    pub(crate) fn visible_until(&self) -> Arc<AtomicI64> {
        self.visible_until_us.clone()
    }

    /// Looks where the results are in the stream. Reads from its files.
    pub(crate) fn sample(&self, now_us: i64) -> tidemill_streams::Result<()> {
        let (visible_us, shards) = (self.visible_until_us.load(Ordering::Acquire), self.beacons.shards());
        if let Some(look) = self.look.try_lock()
            && look.visible_us == visible_us
            && look.oldest_us.is_some()
            && look.waiting.len() == shards.len()
        {
            return Ok(()); // The results stand still: so does what waits first.
        }
        let mut look = Look { at_us: now_us, visible_us, ..Look::default() };
        for shard in shards {
            let mut reader = shard.reader(Position::AtTime(IngestionTime::from_micros(visible_us)))?;
            let first = reader.position();
            let mut records: Vec<ReadRecord> = Vec::new();
            reader.read(1, &mut records)?;
            let came_us = records.first().map(|record| record.time.as_micros());
            look.oldest_us = look.oldest_us.into_iter().chain(came_us).min();
            look.waiting.push((shard, first));
        }
        *self.look.lock() = look;
        Ok(())
    }

    /// How far the results are behind at this moment.
    pub(crate) fn behind(&self, now_us: i64) -> Behind {
        let look = self.look.lock();
        let beacons = look.beacons();
        if beacons == 0 {
            return Behind::default();
        }
        // What wasn't there at the last look has come since.
        let lag_us = now_us.saturating_sub(look.oldest_us.unwrap_or(look.at_us));
        Behind { lag_ms: u64::try_from(lag_us / 1_000).unwrap_or(0), beacons }
    }
}

#[cfg(test)]
mod tests {
    use tidemill_streams::{Clock, Options, Record, StreamConfig, Streams};

    use super::*;

    const MINUTE: i64 = 60_000_000;

    struct World {
        progress: Progress,
        now: Arc<AtomicI64>,
        _streams: Streams,
        _folder: tempfile::TempDir,
    }

    /// A stream of two shards whose clock stands.
    fn world() -> World {
        let (folder, now) = (tempfile::tempdir().unwrap(), Arc::new(AtomicI64::new(MINUTE)));
        let clock = now.clone();
        let clock = Clock::from_fn(move || IngestionTime::from_micros(clock.load(Ordering::SeqCst)));
        // Each record begins a segment, so that retention can take each away.
        let options = Options { clock, segment_bytes: 1, ..Options::default() };
        let streams = Streams::open(folder.path(), options).unwrap();
        let stream = streams.create("beacons", StreamConfig { shards: 2, ..StreamConfig::default() }).unwrap();
        World { progress: Progress::new(stream), now, _streams: streams, _folder: folder }
    }

    impl World {
        /// Takes a beacon in each shard at a time.
        fn take(&self, time_us: i64) {
            self.now.store(time_us, Ordering::SeqCst);
            for hash in [0, u128::MAX] {
                self.progress
                    .beacons
                    .append(Record { explicit_hash_key: Some(hash), ..Record::default() })
                    .wait()
                    .unwrap();
            }
        }

        fn behind(&self, visible_us: i64, now_us: i64) -> Behind {
            self.progress.visible_until().store(visible_us, Ordering::Release);
            self.progress.sample(now_us).unwrap();
            self.progress.behind(now_us)
        }
    }

    #[test]
    fn nothing_waits_when_all_is_visible() {
        let world = world();
        assert_eq!(world.behind(0, MINUTE), Behind::default());
        world.take(2 * MINUTE);
        assert_eq!(world.behind(2 * MINUTE + 1, 3 * MINUTE), Behind::default());
    }

    #[test]
    fn what_came_after_is_behind_since_it_came() {
        let world = world();
        [2, 3, 5].into_iter().for_each(|minute| world.take(minute * MINUTE));
        assert_eq!(world.behind(2 * MINUTE + 1, 6 * MINUTE), Behind { lag_ms: 180_000, beacons: 4 });
        assert_eq!(world.behind(4 * MINUTE, 6 * MINUTE), Behind { lag_ms: 60_000, beacons: 2 });
    }

    #[test]
    fn what_comes_between_two_looks_is_counted_at_once() {
        let world = world();
        assert_eq!(world.behind(MINUTE, 2 * MINUTE), Behind::default());
        world.take(3 * MINUTE);
        assert_eq!(world.progress.behind(3 * MINUTE).beacons, 2);
        // The next look finds when it came, although the results stand still.
        assert_eq!(world.behind(MINUTE, 4 * MINUTE), Behind { lag_ms: 60_000, beacons: 2 });
    }

    #[test]
    fn what_retention_took_is_not_waited_for() {
        let world = world();
        [2, 3, 5].into_iter().for_each(|minute| world.take(minute * MINUTE));
        assert_eq!(world.behind(3 * MINUTE + 1, 6 * MINUTE).beacons, 2);
        // The two oldest of each shard go; the results are through with them.
        world.now.store(3 * MINUTE + 3_600_000_000 + 1, Ordering::SeqCst);
        world.progress.beacons.set_retention(Some(1), None).unwrap();
        world.progress.beacons.enforce_retention().unwrap();
        assert_eq!(world.progress.beacons.describe().records, 2);
        assert_eq!(world.progress.behind(6 * MINUTE), Behind { lag_ms: 60_000, beacons: 2 });
        assert_eq!(world.behind(5 * MINUTE + 1, 6 * MINUTE), Behind::default());
    }
}
