//! Reads a stream.

use std::collections::BTreeMap;
use std::sync::Arc;

use tidemill_engine::{
    EngineError, EventTime, OperatorContext, Replay, Result, SnapshotReader, SnapshotWriter, Source, SourceOutput,
    SourceStatus, Waker,
};
use tidemill_formats::deaggregate;
use tidemill_streams::{
    Error, HashRange, IngestionTime, Position, RecordRef, Sequence, ShardId, ShardReader, Stream, hash_key,
};

use super::Share;
use super::failed;
use super::positions::{self, Ends, Positions, Progress};
use super::rows::{ROW_BYTES, RowBuilder};
use super::shard_plan::{Assigned, PlanBoard, Restored, Seat, ShardPlan};

/// Where a source begins that has no checkpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StartFrom {
    /// At the oldest records.
    #[default]
    Oldest,
    /// After the newest that there are at the start.
    Latest,
    /// At the first record stamped so or later.
    At(IngestionTime),
}

impl From<StartFrom> for Position {
    fn from(start: StartFrom) -> Self {
        match start {
            StartFrom::Oldest => Self::Oldest,
            StartFrom::Latest => Self::Latest,
            StartFrom::At(time) => Self::AtTime(time),
        }
    }
}

/// Settings of a [`StreamSource`].
#[derive(Clone, Debug, Default)]
pub struct StreamSourceConfig {
    /// Where to begin without a checkpoint.
    pub start: StartFrom,
    /// Where to begin in these shards instead.
    pub start_at: BTreeMap<ShardId, Sequence>,
    /// The shards that it reads.
    pub share: Share,
    /// Finish with the newest records that there are at the first start, instead of waiting for more.
    pub bounded: bool,
    /// Records that the Kinesis Producer Library has aggregated are rows of their own, as long as they belong to the shard:
    /// a split after they were packed leaves others in it, which their producer sends again.
    pub deaggregate: bool,
}

/// A source over the shards of a stream.
///
/// ```no_run
/// # use tidemill_connectors::stream::{StreamSource, StreamSourceConfig};
/// # use tidemill_engine::{Job, Replay};
/// # fn example(stream: tidemill_streams::Stream) {
/// let mut job = Job::new("clicks");
/// let source = StreamSource::factory(stream, StreamSourceConfig::default());
/// let clicks = job.source("clicks", Replay::FromPosition, source);
/// # }
/// ```
pub struct StreamSource {
    stream: Stream,
    config: StreamSourceConfig,
    board: Arc<PlanBoard>,
    opened: Option<Opened>,
    restored: Option<Positions>,
    shards: BTreeMap<ShardId, Part>,
    /// What the last snapshots hold: only changes are written.
    written: Positions,
    ends_restored: Option<Ends>,
    ends_written: bool,
    /// The shard to begin the next `poll` with, so that none starves.
    turn: usize,
    rows: RowBuilder,
}

impl std::fmt::Debug for StreamSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StreamSource").field("stream", &self.stream.name()).field("shards", &self.shards).finish()
    }
}

struct Opened {
    seat: Seat,
    waker: Waker,
    /// With the version of it that `shards` shows.
    plan: Option<(Arc<ShardPlan>, u64)>,
}

/// A shard of this instance.
#[derive(Debug)]
struct Part {
    stage: Stage,
    range: HashRange,
    /// Records from this number on are not of this table.
    end: Option<Sequence>,
    /// No row earlier than this will come from here.
    complete_to: IngestionTime,
}

impl Part {
    fn records_behind(&self) -> u64 {
        match (&self.stage, self.end) {
            (Stage::Reading(reader), Some(end)) => end.0.saturating_sub(reader.position().0),
            (Stage::Reading(reader), None) => reader.records_behind(),
            _ => 0,
        }
    }

    /// Whether there is more to read, now or once its parents are read.
    fn is_behind(&self) -> bool {
        matches!(self.stage, Stage::Waiting(_)) || self.records_behind() > 0
    }
}

#[derive(Debug)]
enum Stage {
    /// Its parents are not read yet.
    Waiting(Sequence),
    Reading(ShardReader),
    Ended,
}

impl StreamSource {
    /// Makes the instances of one source of a job.
    pub fn factory(
        stream: Stream,
        config: StreamSourceConfig,
    ) -> impl Fn(&OperatorContext) -> Result<Self> + Send + Sync + 'static {
        let board = Arc::new(PlanBoard::default());
        move |_| {
            Ok(Self {
                stream: stream.clone(),
                config: config.clone(),
                board: Arc::clone(&board),
                opened: None,
                restored: None,
                shards: BTreeMap::new(),
                written: Positions::new(),
                ends_restored: None,
                ends_written: false,
                turn: 0,
                rows: RowBuilder::default(),
            })
        }
    }

    fn error(&self, error: &Error) -> EngineError {
        failed(self.stream.name(), error)
    }

    /// Joins the plan at first, and takes over the shards that fell to this worker since the last call.
    fn take_shards(&mut self) -> Result<()> {
        let Some(opened) = &mut self.opened else { return Err(EngineError::Plan("the source is not open".into())) };
        let (plan, seen) = match &mut opened.plan {
            Some((plan, seen)) => (plan, seen),
            none => {
                let (positions, ends) = (self.restored.as_ref(), self.ends_restored.as_ref());
                let restored = positions.map(|positions| Restored { positions, ends });
                let plan = self.board.join(&self.stream, opened.seat, &opened.waker, &self.config, restored);
                let (plan, seen) = none.insert((plan.map_err(|e| failed(self.stream.name(), &e))?, 0));
                (plan, seen)
            }
        };
        if self.config.share.is_part() {
            plan.look();
        }
        let version = plan.version();
        if *seen == version {
            return Ok(());
        }
        *seen = version;
        let assigned = plan.of(opened.seat.worker);
        let waker = Arc::clone(&opened.waker);
        for shard in assigned {
            self.take_shard(&shard, &waker)?;
        }
        Ok(())
    }

    fn take_shard(&mut self, assigned: &Assigned, waker: &Waker) -> Result<()> {
        let id = assigned.shard;
        let Ok(shard) = self.stream.shard(id) else {
            // It has expired: to its children it is as good as read.
            self.shards.remove(&id);
            self.tell_end(id);
            return Ok(());
        };
        let known = self.shards.get(&id);
        if known.is_some_and(|part| !matches!(part.stage, Stage::Waiting(_)) || !assigned.ready) {
            return Ok(());
        }
        let described = shard.describe();
        let from = assigned.from.unwrap_or(described.start_sequence);
        if self.config.bounded && assigned.end.is_none() {
            // It came after the start.
            self.tell_end(id);
            return Ok(());
        }
        let stage = if assigned.ready {
            let mut reader = shard.reader(Position::At(from)).map_err(|e| self.error(&e))?;
            reader.on_data(Arc::clone(waker));
            Stage::Reading(reader)
        } else {
            Stage::Waiting(from)
        };
        self.shards
            .insert(id, Part { stage, range: described.range, end: assigned.end, complete_to: described.oldest_time });
        Ok(())
    }

    /// Reads from one shard; returns the bytes that its rows take.
    fn read(&mut self, shard: ShardId, budget: usize, out: &mut SourceOutput<'_>) -> Result<usize> {
        let Some(part) = self.shards.get_mut(&shard) else { return Ok(0) };
        let Stage::Reading(reader) = &mut part.stage else { return Ok(0) };
        out.of_split(u64::from(shard.0));
        let (rows, mut last, mut broken) = (&mut self.rows, None, None);
        let (end, range, aggregated) = (part.end, part.range, self.config.deaggregate);
        let mut push = |record: &RecordRef<'_>| {
            if rows.push(shard, record) {
                match rows.finish() {
                    Ok(batch) => batch.into_iter().for_each(|batch| out.emit(batch)),
                    Err(error) => broken = Some(error),
                }
            }
        };
        let read = reader.read_each(budget, |record| {
            if end.is_some_and(|end| record.sequence >= end) {
                return;
            }
            last = Some(record.time);
            let Some(packed) = deaggregate(record.data).filter(|_| aggregated) else { return push(&record) };
            for user in packed {
                let partition_key = user.partition_key.as_bytes();
                if range.contains(user.explicit_hash_key.unwrap_or_else(|| hash_key(partition_key))) {
                    push(&RecordRef { partition_key, data: user.data, ..record });
                }
            }
        });
        let read = read.map_err(|e| failed(self.stream.name(), &e))?;
        if let Some(error) = broken {
            return Err(error);
        }
        // The next shard's rows are not of its event time.
        rows.finish()?.into_iter().for_each(|batch| out.emit(batch));
        part.complete_to = part.complete_to.max(last.unwrap_or(IngestionTime::MIN));
        if read.expired > 0 {
            tracing::warn!(stream = self.stream.name(), %shard, records = read.expired, "retention removed records before they were read");
        }
        if read.end.is_some() || end.is_some_and(|end| reader.position() >= end) {
            part.stage = Stage::Ended;
            self.tell_end(shard);
        }
        Ok(read.bytes + read.records * ROW_BYTES)
    }

    fn tell_end(&self, shard: ShardId) {
        if let Some((plan, _)) = self.opened.as_ref().and_then(|opened| opened.plan.as_ref()) {
            plan.end(shard);
        }
    }

    /// One round over the shards; returns the bytes that are left of the budget.
    fn read_round(&mut self, mut budget: usize, out: &mut SourceOutput<'_>) -> Result<usize> {
        let ids: Vec<ShardId> = self.shards.keys().copied().collect();
        let turn = self.turn.checked_rem(ids.len()).unwrap_or(0);
        for shard in ids.iter().cycle().skip(turn).take(ids.len()) {
            if budget == 0 {
                break;
            }
            budget = budget.saturating_sub(self.read(*shard, budget, out)?);
            self.turn = self.turn.wrapping_add(1);
        }
        Ok(budget)
    }

    /// Notes up to when each shard's rows are complete.
    fn complete(&mut self) {
        for part in self.shards.values_mut() {
            if let Stage::Reading(reader) = &part.stage {
                // Everything to come is later than the tail time; an end of the shard is noticed by the next read.
                let after = reader.tail_time().map(|tail| IngestionTime::from_micros(tail.as_micros() + 1));
                part.complete_to = part.complete_to.max(after.unwrap_or(IngestionTime::MIN));
            }
        }
    }

    /// Tells up to when this instance's rows are complete.
    fn mark(&self, out: &mut SourceOutput<'_>) {
        let unread = self.shards.values().filter(|part| !matches!(part.stage, Stage::Ended));
        match unread.map(|part| part.complete_to).min() {
            Some(time) => out.watermark(EventTime(time.as_micros())),
            None => out.idle(),
        }
    }

    fn records_behind(&self) -> u64 {
        self.shards.values().map(Part::records_behind).sum()
    }

    fn status(&self, behind: u64) -> SourceStatus {
        let plan = self.opened.as_ref().and_then(|opened| opened.plan.as_ref());
        let news = plan.is_some_and(|(plan, seen)| plan.version() != *seen);
        let waiting = self.shards.values().any(|part| matches!(part.stage, Stage::Waiting(_)));
        match behind {
            0 if !news && self.config.bounded && !waiting => SourceStatus::Finished,
            0 if !news => SourceStatus::Waiting,
            _ => SourceStatus::More,
        }
    }
}

impl Source for StreamSource {
    fn open(&mut self, context: &OperatorContext, waker: Waker) -> Result<()> {
        self.opened = Some(Opened { seat: context.into(), waker, plan: None });
        Ok(())
    }

    fn poll(&mut self, budget: usize, out: &mut SourceOutput<'_>) -> Result<SourceStatus> {
        self.take_shards()?;
        self.read_round(budget, out)?;
        // The children of a shard that has just ended hold the watermark back from now on; so do those that came meanwhile of shards of
        // another share, none of whose records is earlier than what is complete.
        self.complete();
        self.take_shards()?;
        self.mark(out);
        let unread = self.shards.iter().filter(|(_, part)| !matches!(part.stage, Stage::Ended));
        out.splits(unread.map(|(shard, part)| (u64::from(shard.0), part.is_behind())));
        let behind = self.records_behind();
        out.lag(behind);
        Ok(self.status(behind))
    }

    fn snapshot(&mut self, writer: &mut SnapshotWriter) -> Result<()> {
        self.take_shards()?;
        let mut gone: Vec<ShardId> = Vec::new();
        for (shard, part) in &self.shards {
            let progress = match &part.stage {
                Stage::Waiting(from) => Progress::At(*from),
                Stage::Reading(reader) => Progress::At(reader.position()),
                Stage::Ended if self.stream.shard(*shard).is_err() => {
                    gone.push(*shard);
                    continue;
                }
                Stage::Ended => Progress::Ended,
            };
            if self.written.insert(*shard, progress) != Some(progress) {
                positions::write(writer, *shard, Some(progress));
            }
        }
        if let Some((plan, _)) = self.opened.as_ref().and_then(|opened| opened.plan.as_ref())
            && let Some(ends) = plan.ends().filter(|_| !std::mem::replace(&mut self.ends_written, true))
        {
            positions::write_ends(writer, ends);
        }
        // Shards of earlier starts are looked after by the first worker.
        let first = self.opened.as_ref().is_some_and(|opened| opened.seat.worker == 0);
        let earlier = self.restored.take().filter(|_| first).unwrap_or_default();
        gone.extend(earlier.into_keys().filter(|shard| self.stream.shard(*shard).is_err()));
        for shard in gone {
            self.shards.remove(&shard);
            self.written.remove(&shard);
            positions::write(writer, shard, None);
        }
        Ok(())
    }

    fn restore(&mut self, reader: &SnapshotReader) -> Result<()> {
        self.restored = Some(positions::read(reader)?);
        self.ends_restored = self.config.bounded.then(|| positions::read_ends(reader)).transpose()?;
        Ok(())
    }

    fn replay(&self) -> Replay {
        Replay::FromPosition
    }
}
