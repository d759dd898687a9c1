//! Records of shards as rows.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use tidemill_engine::{
    EngineError, EventTime, OperatorContext, Replay, Result, SnapshotReader, SnapshotWriter, Source, SourceOutput,
    SourceStatus, Waker,
};
use tidemill_streams::HashRange;

use super::client::Api;
use super::place::{self, Place, Places};
use super::plan::{Assigned, Board, Plan, Start};
use super::reading::{Fetched, Manner, Reading};
use super::records::{OfRecords, last_arrival, unpack};
use crate::catalog::Settings;
use crate::connector::SourceTable;
use crate::environment::Environment;
use crate::error::Error;
use crate::payload::{Payload, PayloadDecoder};

/// Arrival times are approximate: a shard that is read to its tip is complete up to this long ago.
const SLACK_MICROS: i64 = 1_000_000;

pub(super) fn make(settings: &Settings<'_>, environment: &Environment) -> crate::error::Result<Arc<dyn SourceTable>> {
    let place = match settings.word("source.init.position") {
        Some("TRIM_HORIZON") => Place::TrimHorizon,
        Some("AT_TIMESTAMP") => Place::At(init_time(settings)?),
        _ => Place::Latest,
    };
    let consumer = match settings.word("source.reader.type") {
        Some("EFO") => Some(settings.require("source.efo.consumer.name")?.to_owned()),
        _ => None,
    };
    let discovery = settings.duration("source.shard.discovery.interval").unwrap_or(Duration::from_secs(10));
    let records_max = settings.integer("source.shard.get-records.max-record-count").unwrap_or(10_000);
    let interval = settings.duration("source.shard.get-records.interval").unwrap_or(Duration::from_millis(200));
    let api = Api::new(settings)?;
    let payload = Payload::new(settings, environment)?;
    payload.check_reads()?;
    let records_max = i32::try_from(records_max.clamp(1, 10_000)).unwrap_or(10_000);
    Ok(Arc::new(KinesisTable {
        manner: Manner::new(api, records_max, interval),
        start: Start { place, consumer, discovery: discovery.max(Duration::from_millis(100)) },
        board: Arc::default(),
        payload,
    }))
}

/// Unix ms.
fn init_time(settings: &Settings<'_>) -> crate::error::Result<i64> {
    let option = "source.init.timestamp";
    let given = settings.require(option)?;
    let seconds = given.trim().parse::<f64>().ok().filter(|seconds| seconds.is_finite());
    let parsed = seconds.map(|seconds| (seconds * 1_000.0) as i64).or_else(|| {
        let time = aws_sdk_kinesis::primitives::DateTime::from_str(
            given.trim(),
            aws_sdk_kinesis::primitives::DateTimeFormat::DateTimeWithOffset,
        );
        time.ok()?.to_millis().ok()
    });
    parsed.ok_or_else(|| Error::invalid(option, given, "say `2026-01-31T12:00:00Z`, or seconds since 1970"))
}

struct KinesisTable {
    manner: Manner,
    start: Start,
    board: Arc<Board>,
    payload: Payload,
}

impl SourceTable for KinesisTable {
    fn replay(&self) -> Replay {
        Replay::FromPosition
    }

    fn is_bounded(&self) -> bool {
        false
    }

    fn has_changes(&self) -> bool {
        self.payload.has_changes()
    }

    fn open(&self, projection: &[usize], _: &OperatorContext) -> Result<Box<dyn Source>> {
        Ok(Box::new(KinesisSource {
            manner: self.manner.clone(),
            start: self.start.clone(),
            board: Arc::clone(&self.board),
            decoder: self.payload.decoder(projection)?,
            opened: None,
            plan: None,
            restored: None,
            shards: BTreeMap::new(),
            written: Places::new(),
            marked: None,
            turn: 0,
        }))
    }
}

struct KinesisSource {
    manner: Manner,
    start: Start,
    board: Arc<Board>,
    decoder: PayloadDecoder,
    opened: Option<(OperatorContext, Waker)>,
    /// With the version of it that `shards` shows.
    plan: Option<(Arc<Plan>, u64)>,
    restored: Option<Places>,
    shards: BTreeMap<String, Part>,
    /// What the last snapshots hold: only changes are written.
    written: Places,
    /// The last watermark.
    marked: Option<EventTime>,
    /// The shard to begin the next `poll` with, so that none starves.
    turn: usize,
}

/// A shard of this instance.
struct Part {
    /// None while its parents are read, and after its end.
    reading: Option<Reading>,
    /// Where to go on.
    place: Place,
    range: HashRange,
    /// No row earlier than this will come from here; unknown at first.
    complete_to: Option<EventTime>,
    /// There was more to read when it was last asked.
    behind: bool,
}

impl Part {
    fn is_behind(&self) -> bool {
        self.behind || self.reading.as_ref().is_some_and(Reading::has_more)
    }
}

impl KinesisSource {
    fn failed(&self, said: impl Into<String>) -> EngineError {
        EngineError::operator(format!("stream {}", self.manner.api.stream()), said.into())
    }

    /// Takes over the shards that fell to this worker since the last call.
    fn take_shards(&mut self) -> Result<()> {
        let Some((context, waker)) = &self.opened else {
            return Err(EngineError::Plan("the source is not open".into()));
        };
        let waker = waker.clone();
        let worker = context.worker;
        if self.plan.is_none() {
            let plan = self.board.join(&self.manner.api, context, &waker, &self.start, self.restored.as_ref());
            self.plan = Some((plan.map_err(|said| self.failed(said))?, u64::MAX));
        }
        let Some((plan, seen)) = &mut self.plan else { return Ok(()) };
        let version = plan.version();
        if std::mem::replace(seen, version) == version {
            return Ok(());
        }
        let plan = Arc::clone(plan);
        if let Some(said) = plan.failure() {
            return Err(self.failed(said));
        }
        for assigned in plan.of(worker) {
            self.take_shard(&assigned, plan.consumer(), &waker)?;
        }
        Ok(())
    }

    fn take_shard(&mut self, assigned: &Assigned, consumer: Option<String>, waker: &Waker) -> Result<()> {
        let new = || Part {
            reading: None,
            place: assigned.from.clone(),
            range: assigned.range,
            complete_to: None,
            behind: true,
        };
        let part = self.shards.entry(assigned.id.clone()).or_insert_with(new);
        if part.reading.is_some() || part.place == Place::Ended || !assigned.ready {
            return Ok(());
        }
        let reading = Reading::start(&self.manner, &assigned.id, part.place.clone(), consumer, waker);
        match reading {
            Ok(reading) => part.reading = Some(reading),
            Err(said) => return Err(self.failed(said)),
        }
        Ok(())
    }

    /// Reads what has come from one shard; returns its bytes.
    fn read(&mut self, shard: &str, out: &mut SourceOutput<'_>) -> Result<usize> {
        let Some(part) = self.shards.get_mut(shard) else { return Ok(0) };
        let Some(reading) = &mut part.reading else { return Ok(0) };
        let range = part.range;
        let fetched = match reading.take() {
            Ok(Some(fetched)) => fetched,
            Ok(None) => return Ok(0),
            Err(said) => return Err(self.failed(format!("{shard}: {said}"))),
        };
        let Fetched { records, next, caught_up, children, .. } = &fetched;
        let users = unpack(records, range);
        let data: Vec<&[u8]> = users.iter().map(|record| record.data).collect();
        if !data.is_empty() {
            out.of_split(split(shard));
            self.decoder.decode(&data, &OfRecords { shard, records: &users }, out)?;
        }
        let Some(part) = self.shards.get_mut(shard) else { return Ok(0) };
        let tip = caught_up.map(|time| time.0.saturating_sub(SLACK_MICROS));
        let complete = last_arrival(&users).max(tip).map(EventTime);
        part.complete_to = part.complete_to.max(complete);
        part.behind = caught_up.is_none();
        part.place = next.clone();
        if *next == Place::Ended {
            part.reading = None;
            if let Some((plan, _)) = &self.plan {
                plan.end(shard, children.clone());
            }
        }
        Ok(data.iter().map(|data| data.len()).sum::<usize>().max(1))
    }

    /// Tells up to when this instance's rows are complete.
    fn mark(&mut self, out: &mut SourceOutput<'_>) {
        let unread = self.shards.values().filter(|part| part.place != Place::Ended);
        let least = unread.map(|part| part.complete_to).min();
        match least {
            // Nothing is known of some shard yet.
            Some(None) => {}
            Some(Some(time)) => {
                if self.marked.is_none_or(|marked| marked < time) {
                    self.marked = Some(time);
                    out.watermark(time);
                }
            }
            // With shards that are all read, or before they are known.
            None if self.shards.is_empty() && self.marked.is_none() && self.is_unknown() => {}
            None => out.idle(),
        }
    }

    /// Whether the stream's shards have not been listed yet.
    fn is_unknown(&self) -> bool {
        self.plan.as_ref().is_none_or(|(plan, _)| plan.version() == 0)
    }
}

/// A shard by a number.
fn split(shard: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    shard.hash(&mut hasher);
    hasher.finish()
}

impl Source for KinesisSource {
    fn open(&mut self, context: &OperatorContext, waker: Waker) -> Result<()> {
        self.opened = Some((context.clone(), waker));
        Ok(())
    }

    fn poll(&mut self, budget: usize, out: &mut SourceOutput<'_>) -> Result<SourceStatus> {
        self.take_shards()?;
        let ids: Vec<String> = self.shards.keys().cloned().collect();
        let turn = self.turn.checked_rem(ids.len()).unwrap_or(0);
        let mut left = budget;
        for shard in ids.iter().cycle().skip(turn).take(ids.len()) {
            if left == 0 {
                break;
            }
            left = left.saturating_sub(self.read(shard, out)?);
            self.turn = self.turn.wrapping_add(1);
        }
        // The children of a shard that has just ended hold the watermark back from now on.
        self.take_shards()?;
        self.mark(out);
        if !self.is_unknown() {
            let unread = self.shards.iter().filter(|(_, part)| part.place != Place::Ended);
            out.splits(unread.map(|(shard, part)| (split(shard), part.is_behind())));
        }
        let more = self.shards.values().any(|part| part.reading.as_ref().is_some_and(Reading::has_more));
        Ok(if more { SourceStatus::More } else { SourceStatus::Waiting })
    }

    fn snapshot(&mut self, writer: &mut SnapshotWriter) -> Result<()> {
        for (shard, part) in &self.shards {
            if self.written.get(shard) != Some(&part.place) {
                place::write(writer, shard, Some(&part.place));
                self.written.insert(shard.clone(), part.place.clone());
            }
        }
        let Some((plan, _)) = self.plan.as_ref().filter(|_| !self.is_unknown()) else { return Ok(()) };
        let ended = self.shards.iter().filter(|(_, part)| part.place == Place::Ended).map(|(shard, _)| shard.clone());
        let mut gone: Vec<String> = ended.filter(|shard| plan.is_gone(shard)).collect();
        // Shards of earlier starts are looked after by the first worker.
        if self.opened.as_ref().is_some_and(|(context, _)| context.worker == 0) {
            let earlier = self.restored.take().unwrap_or_default();
            gone.extend(earlier.into_keys().filter(|shard| plan.is_gone(shard)));
        }
        for shard in gone {
            self.shards.remove(&shard);
            self.written.remove(&shard);
            place::write(writer, &shard, None);
        }
        Ok(())
    }

    fn restore(&mut self, reader: &SnapshotReader) -> Result<()> {
        self.restored = Some(place::read(reader)?);
        Ok(())
    }

    fn replay(&self) -> Replay {
        Replay::FromPosition
    }
}
