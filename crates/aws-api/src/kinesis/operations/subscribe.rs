//! SubscribeToShard: records are pushed as they come, for five minutes a call.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::StreamExt;
use parking_lot::Mutex;
use tidemill_streams::{Error, ReadEnd, ReadRecord, Sequence, ShardHandle, ShardReader, Stream};
use tokio::sync::watch;

use super::Outcome;
use super::get::{Start, child_shards, millis_behind, show_records};
use super::put::dry_run;
use crate::gateway::Answer;
use crate::kinesis::name::{in_use, limit};
use crate::kinesis::sequence_number::SequenceNumber;
use crate::kinesis::{Kinesis, now_ms};
use crate::protocol::{Fault, Frame, Value, structure};

/// How long a subscription lasts.
const LASTS: Duration = Duration::from_secs(300);
/// An idle one tells that it is alive.
const KEEP_ALIVE: Duration = Duration::from_secs(5);
/// A newer subscription takes over from one that is at least so old; a younger one is in its way.
const TAKE_OVER: Duration = Duration::from_secs(5);
/// Bytes of an event.
const EVENT_BYTES_MAX: usize = 1 << 20;
/// Pause of a subscription that is faster than it may be.
const PACE: Duration = Duration::from_millis(20);

/// A consumer's place at a shard: its stream's creation, its name, the shard.
type Key = (i64, String, u32);

/// Why a subscription ends before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    No,
    TakenOver,
    Deregistered,
}

/// The open subscriptions.
#[derive(Clone, Debug, Default)]
pub(in crate::kinesis) struct Subscriptions(Arc<Mutex<HashMap<Key, Open>>>);

#[derive(Debug)]
struct Open {
    since: Instant,
    end: watch::Sender<End>,
}

/// A subscription's entry among the open ones; removed when dropped.
struct Entry {
    all: Subscriptions,
    key: Key,
    sender: watch::Sender<End>,
    end: watch::Receiver<End>,
}

impl Subscriptions {
    fn enter(&self, key: Key, max: usize, consumer: &str) -> Result<Entry, Fault> {
        let mut all = self.0.lock();
        match all.get(&key) {
            Some(open) if open.since.elapsed() < TAKE_OVER => {
                return Err(in_use(format!("Another active subscription exists for this consumer: {consumer}")));
            }
            Some(open) => {
                open.end.send_replace(End::TakenOver);
            }
            None if all.len() >= max => {
                return Err(limit(format!("{max} subscriptions are open on this server, which is the limit.")));
            }
            None => {}
        }
        let (sender, end) = watch::channel(End::No);
        all.insert(key.clone(), Open { since: Instant::now(), end: sender.clone() });
        Ok(Entry { all: self.clone(), key, sender, end })
    }

    /// Ends those of a consumer.
    pub(in crate::kinesis) fn end(&self, stream: &Stream, consumer: &str) {
        let created_us = stream.created().as_micros();
        for ((stream, name, _), open) in self.0.lock().iter() {
            if *stream == created_us && name == consumer {
                open.end.send_replace(End::Deregistered);
            }
        }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let mut all = self.all.0.lock();
        // One that took over has the entry now.
        if all.get(&self.key).is_some_and(|open| open.end.same_channel(&self.sender)) {
            all.remove(&self.key);
        }
    }
}

/// A running subscription.
struct Subscription {
    kinesis: Kinesis,
    stream: Stream,
    shard: ShardHandle,
    consumer: String,
    reader: Option<ShardReader>,
    entry: Entry,
    stop: watch::Receiver<bool>,
    deadline: tokio::time::Instant,
    begun: bool,
}

/// What was read for one event.
struct Read {
    reader: ShardReader,
    records: Vec<ReadRecord>,
    end: Option<ReadEnd>,
    bytes: usize,
}

impl Kinesis {
    pub(super) async fn subscribe_to_shard(&self, input: &Value<'_>) -> Outcome {
        let arn = input.text("ConsumerARN").unwrap_or_default();
        let (stream, consumer, _) = self.consumer_by_arn(arn)?;
        let shard = self.shard(&stream, input.text("ShardId").unwrap_or_default())?;
        let position = input.get("StartingPosition").unwrap_or(&Value::Null);
        let start = Start {
            kind: position.text("Type").unwrap_or_default(),
            number: position.text("SequenceNumber"),
            time: position.time("Timestamp"),
            operation: "SubscribeToShard",
        };
        let reader = self.reader(&stream, &shard, &start)?;
        dry_run(input)?;
        if self.limited() {
            let key = (arn.to_owned(), shard.id().0);
            if !self.throttles.subscribed.take(key, 1.0, 1.0, Instant::now()) {
                let said = format!("Rate exceeded for consumer {arn} and shard {}: one call a second.", shard.id());
                return Err(limit(said));
            }
        }
        let key = (stream.created().as_micros(), consumer.clone(), shard.id().0);
        let entry = self.subscriptions.enter(key, self.settings.subscriptions_max, arn)?;
        let subscription = Subscription {
            kinesis: self.clone(),
            stream,
            shard,
            consumer,
            reader: Some(reader),
            entry,
            stop: self.stop.subscribe(),
            deadline: tokio::time::Instant::now() + LASTS,
            begun: false,
        };
        let frames = futures::stream::unfold(Some(subscription), |subscription| async {
            let mut subscription = subscription?;
            let (frame, last) = subscription.next().await?;
            Some((frame, (!last).then_some(subscription)))
        });
        Ok(Answer::Events(frames.boxed()))
    }
}

impl Subscription {
    /// The next frame, and whether it is the last; `None` when the time is over.
    async fn next(&mut self) -> Option<(Frame, bool)> {
        if !self.begun {
            self.begun = true;
            return Some((Frame::Initial(structure([])), false));
        }
        let keep_alive = tokio::time::Instant::now() + KEEP_ALIVE;
        loop {
            self.pace().await;
            if *self.stop.borrow() || tokio::time::Instant::now() >= self.deadline {
                return None;
            }
            let read = match self.read().await {
                Ok(read) => read,
                Err(fault) => return Some((Frame::Exception(fault), true)),
            };
            if !read.records.is_empty() || read.end.is_some() {
                let last = read.end.is_some();
                return Some((self.event(read), last));
            }
            let data = read.reader.wait_async();
            let idle = tokio::select! {
                biased;
                // Why it ends is looked at before the next read.
                _ = self.entry.end.wait_for(|end| *end != End::No) => false,
                _ = self.stop.wait_for(|stop| *stop) => false,
                () = tokio::time::sleep_until(self.deadline) => false,
                () = data => false,
                () = tokio::time::sleep_until(keep_alive) => true,
            };
            if idle {
                return Some((self.event(read), false));
            }
            self.reader = Some(read.reader);
        }
    }

    async fn read(&mut self) -> Result<Read, Fault> {
        let ends = *self.entry.end.borrow();
        if ends != End::No {
            return Err(self.ended(ends));
        }
        let mut reader = self.reader.take().ok_or_else(|| self.ended(End::TakenOver))?;
        let read = tokio::task::spawn_blocking(move || {
            let mut records = Vec::new();
            let read = reader.read(EVENT_BYTES_MAX, &mut records)?;
            Ok::<_, Error>(Read { reader, records, end: read.end, bytes: read.bytes })
        });
        match read.await {
            Ok(Ok(read)) => Ok(read),
            Ok(Err(error)) => Err(self.kinesis.fault(self.stream.name(), &error)),
            Err(error) => Err(Fault::internal(&error)),
        }
    }

    fn event(&mut self, read: Read) -> Frame {
        let Read { reader, records, end, bytes } = read;
        if self.kinesis.limited() && bytes > 0 {
            let (key, per_second) = self.pace_key();
            self.kinesis.throttles.subscribed_bytes.charge(key, bytes as f64, per_second, Instant::now());
        }
        let next = reader.position();
        let notes = self.kinesis.notes.of(&self.stream);
        let behind = millis_behind(&reader, &records, next);
        // At the end there is nothing to go on with but the children.
        let number = end.is_none().then(|| self.number(&records, next).to_string());
        let children = end.map(|end| child_shards(&self.stream, &end));
        let event = structure([
            ("Records", show_records(&self.shard, &notes, records)),
            ("ContinuationSequenceNumber", number.into()),
            ("MillisBehindLatest", behind.into()),
            ("ChildShards", children.unwrap_or(Value::Null)),
        ]);
        self.reader = Some(reader);
        Frame::Event("SubscribeToShardEvent", event)
    }

    /// The number after which a later subscription goes on.
    fn number(&self, records: &[ReadRecord], next: Sequence) -> SequenceNumber {
        let (id, created) = (self.shard.id(), self.shard.created());
        match (records.last(), next.0.checked_sub(1)) {
            (Some(last), _) => SequenceNumber::of(id, created, last.sequence, last.time),
            (None, Some(before)) => {
                let now = tidemill_streams::IngestionTime::from_micros(now_ms().saturating_mul(1_000));
                SequenceNumber::of(id, created, Sequence(before), now)
            }
            (None, None) => SequenceNumber::first(id, created),
        }
    }

    fn ended(&self, end: End) -> Fault {
        match end {
            End::Deregistered => self.kinesis.no_consumer(self.stream.name(), &self.consumer),
            _ => in_use(format!("Another subscription of consumer {} took over.", self.consumer)),
        }
    }

    fn pace_key(&self) -> (Key, f64) {
        (self.entry.key.clone(), self.kinesis.settings.shard_read_bytes_per_s.into())
    }

    /// Waits until what was sent is within the rate.
    async fn pace(&self) {
        if !self.kinesis.limited() {
            return;
        }
        let (key, per_second) = self.pace_key();
        while !self.kinesis.throttles.subscribed_bytes.take(key.clone(), 1.0, per_second, Instant::now()) {
            tokio::time::sleep(PACE).await;
        }
    }
}
