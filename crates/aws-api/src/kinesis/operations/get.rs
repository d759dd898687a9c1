//! GetShardIterator and GetRecords.

use std::time::Instant;

use serde::{Deserialize, Serialize};
use tidemill_streams::{
    Error, IngestionTime, Position, ReadEnd, ReadRecord, Sequence, ShardHandle, ShardId, ShardReader, Stream,
};

use super::Outcome;
use super::describe::hash_key_range;
use super::put::{dry_run, encryption};
use crate::gateway::Answer;
use crate::kinesis::name::invalid;
use crate::kinesis::notes::Notes;
use crate::kinesis::sequence_number::{AnyNumber, SequenceNumber};
use crate::kinesis::token::{TOKEN_MS, java_time};
use crate::kinesis::{Kinesis, now_ms};
use crate::protocol::{Fault, Value, structure};

/// The most bytes, and records, of one answer.
const READ_BYTES_MAX: usize = 10 << 20;
const READ_RECORDS_MAX: usize = 10_000;
/// Bytes read at first, when only a few records are wanted.
const FIRST_READ_BYTES: usize = 64 << 10;
/// Calls of GetShardIterator a second on a shard.
const ITERATORS_PER_S: f64 = 5.0;

/// What a shard iterator holds.
#[derive(Debug, Serialize, Deserialize)]
struct Iterator {
    #[serde(rename = "s")]
    stream: String,
    /// The stream's creation: a new stream of that name has other records.
    #[serde(rename = "c")]
    created_us: i64,
    #[serde(rename = "i")]
    shard: u32,
    /// The next record.
    #[serde(rename = "n")]
    next: u64,
}

/// Where to begin to read, as GetShardIterator and SubscribeToShard are told.
pub(super) struct Start<'a> {
    /// `LATEST` and others.
    pub(super) kind: &'a str,
    pub(super) number: Option<&'a str>,
    /// Unix ms.
    pub(super) time: Option<i64>,
    /// The operation, for texts of errors.
    pub(super) operation: &'static str,
}

impl Kinesis {
    pub(super) fn get_shard_iterator(&self, input: &Value<'_>) -> Outcome {
        let id = input.text("ShardId").unwrap_or_default();
        let (stream, shard) = self.stream_and_shard(input, id)?;
        let key = (stream.created().as_micros(), shard.id().0);
        if self.limited() && !self.throttles.iterators.take(key, 1.0, ITERATORS_PER_S, Instant::now()) {
            return Err(self.rate_exceeded(&stream, shard.id().0));
        }
        let start = Start {
            kind: input.text("ShardIteratorType").unwrap_or_default(),
            number: input.text("StartingSequenceNumber"),
            time: input.time("Timestamp"),
            operation: "GetShardIterator",
        };
        let reader = self.reader(&stream, &shard, &start)?;
        dry_run(input)?;
        let iterator = self.iterator(&stream, shard.id(), reader.position());
        Ok(Answer::Value(structure([("ShardIterator", iterator.into())])))
    }

    /// A reader that begins where a request says.
    pub(super) fn reader(&self, stream: &Stream, shard: &ShardHandle, start: &Start<'_>) -> Result<ShardReader, Fault> {
        let wrong = |with: &str| {
            invalid(format!(
                "Must either specify (1) AT_SEQUENCE_NUMBER or AFTER_SEQUENCE_NUMBER and StartingSequenceNumber or (2) \
                 TRIM_HORIZON or LATEST and no StartingSequenceNumber. Request specified {} and {with} StartingSequenceNumber.",
                start.kind
            ))
        };
        let position = match (start.kind, start.number) {
            ("TRIM_HORIZON" | "LATEST", Some(_)) => return Err(wrong("also a")),
            ("AT_SEQUENCE_NUMBER" | "AFTER_SEQUENCE_NUMBER", None) => return Err(wrong("no")),
            ("TRIM_HORIZON", None) => Position::Oldest,
            ("LATEST", None) => Position::Latest,
            ("AT_TIMESTAMP", _) => Position::AtTime(starting_time(start.time)?),
            (kind, Some(number)) => {
                let after = kind == "AFTER_SEQUENCE_NUMBER";
                self.number_position(stream, shard, number, after, start.operation)?
            }
            (_, None) => return Err(wrong("no")),
        };
        match shard.reader(position) {
            Err(Error::SequenceAhead { .. }) => {
                Err(self.invalid_number(stream, shard, start.number.unwrap_or_default(), start.operation, ""))
            }
            reader => reader.map_err(|error| self.fault(stream.name(), &error)),
        }
    }

    fn number_position(
        &self,
        stream: &Stream,
        shard: &ShardHandle,
        text: &str,
        after: bool,
        operation: &'static str,
    ) -> Result<Position, Fault> {
        let number = AnyNumber::parse(text).ok_or_else(|| self.invalid_number(stream, shard, text, operation, ""))?;
        let (of_shard, shown) = match &number {
            AnyNumber::Current(number) => (number.shard, text),
            AnyNumber::Old { shard, shown, .. } => (*shard, shown.as_str()),
        };
        if of_shard != shard.id().0 {
            return Err(invalid(format!(
                "Invalid StartingSequenceNumber. It encodes {}, while it was used in a call to a shard with {}",
                ShardId(of_shard),
                shard.id()
            )));
        }
        let number = match &number {
            AnyNumber::Current(number) if number.is_of(shard) => number,
            _ => {
                let because = " because it did not come from this stream";
                return Err(self.invalid_number(stream, shard, shown, operation, because));
            }
        };
        Ok(if number.is_last() { Position::Latest } else { Position::At(number.position(after)) })
    }

    fn invalid_number(
        &self,
        stream: &Stream,
        shard: &ShardHandle,
        number: &str,
        operation: &str,
        because: &str,
    ) -> Fault {
        invalid(format!(
            "StartingSequenceNumber {number} used in {operation} on shard {} in stream {} under account {} is invalid{because}.",
            shard.id(),
            stream.name(),
            self.settings.account
        ))
    }

    fn iterator(&self, stream: &Stream, shard: ShardId, next: Sequence) -> String {
        let created_us = stream.created().as_micros();
        let content = Iterator { stream: stream.name().to_owned(), created_us, shard: shard.0, next: next.0 };
        self.seal.close("iterator", &content, now_ms())
    }

    pub(super) fn get_records(&self, input: &Value<'_>) -> Outcome {
        let (stream, shard, next) = self.open_iterator(input)?;
        let (id, now) = (shard.id(), Instant::now());
        let key = (stream.created().as_micros(), id.0);
        let bytes_per_s = f64::from(self.settings.shard_read_bytes_per_s);
        if self.limited() {
            // A read's bytes are known when it is done: they are owed, and calls wait until that is paid.
            let calls = self.settings.shard_reads_per_s.into();
            let paid = self.throttles.read_bytes.take(key, 1.0, bytes_per_s, now);
            if !paid || !self.throttles.read_calls.take(key, 1.0, calls, now) {
                return Err(self.rate_exceeded(&stream, id.0));
            }
        }
        dry_run(input)?;
        let limit = input.integer("Limit").and_then(|limit| usize::try_from(limit).ok()).unwrap_or(READ_RECORDS_MAX);
        let fault = |error: Error| self.fault(stream.name(), &error);
        let mut reader = shard.reader(Position::At(next)).map_err(fault)?;
        let Batch { records, end, bytes } = Batch::read(&mut reader, limit).map_err(fault)?;
        if self.limited() {
            self.throttles.read_bytes.charge(key, bytes as f64, bytes_per_s, now);
        }
        let next = records.last().map_or(reader.position(), |last| Sequence(last.sequence.0 + 1));
        let behind = millis_behind(&reader, &records, next);
        let iterator = end.is_none().then(|| self.iterator(&stream, id, next));
        let notes = self.notes.of(&stream);
        Ok(Answer::Value(structure([
            ("Records", show_records(&shard, &notes, records)),
            ("NextShardIterator", iterator.into()),
            ("MillisBehindLatest", behind.into()),
            ("ChildShards", end.map_or(Value::Null, |end| child_shards(&stream, &end))),
        ])))
    }

    fn open_iterator(&self, input: &Value<'_>) -> Result<(Stream, ShardHandle, Sequence), Fault> {
        let token = input.text("ShardIterator").unwrap_or_default();
        let opened = self.seal.open::<Iterator>("iterator", token);
        let opened = opened.ok_or_else(|| invalid("Invalid ShardIterator.".into()))?;
        let now = now_ms();
        if now - opened.issued_ms > TOKEN_MS {
            return Err(Fault::new(
                "ExpiredIteratorException",
                format!(
                    "Iterator expired. The iterator was created at time {} while right now it is {} which is further in the \
                     future than the tolerated delay of {TOKEN_MS} milliseconds.",
                    java_time(opened.issued_ms),
                    java_time(now)
                ),
            ));
        }
        let iterator = opened.content;
        let id = ShardId(iterator.shard);
        let gone = || self.no_shard(&iterator.stream, id);
        let stream = self.streams.get(&iterator.stream).map_err(|_| gone())?;
        if stream.created().as_micros() != iterator.created_us {
            return Err(gone());
        }
        if input.get("StreamARN").is_some() && self.stream(input)?.name() != stream.name() {
            return Err(invalid("StreamARN and ShardIterator are of different streams.".into()));
        }
        let shard = stream.shard(id).map_err(|_| gone())?;
        Ok((stream, shard, Sequence(iterator.next)))
    }
}

/// Records that were read together.
pub(super) struct Batch {
    pub(super) records: Vec<ReadRecord>,
    /// Set when the shard is closed and these were its last.
    pub(super) end: Option<ReadEnd>,
    pub(super) bytes: usize,
}

impl Batch {
    /// Reads at most so many records, and ten MiB. The reader may be further than these.
    pub(super) fn read(reader: &mut ShardReader, limit: usize) -> tidemill_streams::Result<Self> {
        let limit = limit.min(READ_RECORDS_MAX);
        let (mut records, mut bytes, mut budget) = (Vec::new(), 0, FIRST_READ_BYTES);
        loop {
            let read = reader.read(budget.min(READ_BYTES_MAX - bytes), &mut records)?;
            bytes += read.bytes;
            let full = records.len() > limit;
            if full || records.len() == limit || bytes >= READ_BYTES_MAX || read.records == 0 || read.end.is_some() {
                records.truncate(limit);
                // The last read may have gone a record above the limit of bytes.
                let end = read.end.filter(|_| !full);
                let kept = fitting(&records);
                let cut = kept < records.len();
                records.truncate(kept);
                let bytes = records.iter().map(|record| record.partition_key.len() + record.data.len()).sum();
                return Ok(Self { records, end: end.filter(|_| !cut), bytes });
            }
            budget = (budget * 4).min(READ_BYTES_MAX);
        }
    }
}

/// How many records fit into an answer; at least one.
fn fitting(records: &[ReadRecord]) -> usize {
    let mut bytes = 0;
    let fits = |record: &&ReadRecord| {
        bytes += record.partition_key.len() + record.data.len();
        bytes <= READ_BYTES_MAX
    };
    records.iter().take_while(fits).count().max(1).min(records.len())
}

/// How long ago the last of these came, if others wait behind it.
pub(super) fn millis_behind(reader: &ShardReader, records: &[ReadRecord], next: Sequence) -> i64 {
    let waiting = reader.records_behind() > 0 || reader.position() > next;
    let last = records.last().filter(|_| waiting);
    last.map_or(0, |last| (now_ms() - last.time.as_millis()).max(0))
}

/// Records as the service shows them.
pub(super) fn show_records(shard: &ShardHandle, notes: &Notes, records: Vec<ReadRecord>) -> Value<'static> {
    let (id, created) = (shard.id(), shard.created());
    let show = |record: ReadRecord| {
        let key = match std::str::from_utf8(&record.partition_key) {
            Ok(key) => key.to_owned(),
            Err(_) => String::from_utf8_lossy(&record.partition_key).into_owned(),
        };
        structure([
            ("SequenceNumber", SequenceNumber::of(id, created, record.sequence, record.time).to_string().into()),
            ("ApproximateArrivalTimestamp", Value::Time(record.time.as_millis())),
            ("Data", record.data.into()),
            // Without a key the record was spread.
            ("PartitionKey", Some(key).filter(|key| !key.is_empty()).into()),
            ("EncryptionType", encryption(notes)),
        ])
    };
    records.into_iter().map(show).collect::<Vec<_>>().into()
}

/// The shards to go on with.
pub(super) fn child_shards(stream: &Stream, end: &ReadEnd) -> Value<'static> {
    let child = |id: &ShardId| {
        let shard = stream.shard(*id).ok()?.describe();
        let parents: Vec<Value<'static>> = shard.parents.iter().map(|parent| parent.to_string().into()).collect();
        Some(structure([
            ("ShardId", id.to_string().into()),
            ("ParentShards", parents.into()),
            ("HashKeyRange", hash_key_range(&shard)),
        ]))
    };
    end.children.iter().filter_map(child).collect::<Vec<_>>().into()
}

fn starting_time(millis: Option<i64>) -> Result<IngestionTime, Fault> {
    let Some(millis) = millis else {
        return Err(invalid(
            "Must specify timestampInMillis parameter for iterator of type AT_TIMESTAMP. Current request has no timestamp \
             parameter."
                .into(),
        ));
    };
    let now = now_ms();
    if millis > now {
        return Err(invalid(format!(
            "The timestampInMillis parameter cannot be greater than the currentTimestampInMillis. timestampInMillis: \
             {millis}, currentTimestampInMillis: {now}"
        )));
    }
    Ok(IngestionTime::from_micros(millis.saturating_mul(1_000)))
}
