//! A task for each shard asks for its records, or is pushed them, and puts them into a bounded queue.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_kinesis::primitives::DateTime;
use aws_sdk_kinesis::types::{ChildShard, Record, ShardIteratorType, StartingPosition, SubscribeToShardEventStream};
use tidemill_engine::{EventTime, Waker};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::AbortHandle;

use super::client::{Api, Backoff, Refusal, ShardInfo, hash_range, refusal};
use super::place::Place;
use crate::runtime::runtime;

/// Bytes of one table's records that may wait, in KiB. A call's records that find no room wait outside.
const ROOM_KIB: usize = 64 << 10;
/// Calls whose records wait, for each shard.
const QUEUED: usize = 1;

/// How shards are read.
#[derive(Clone)]
pub(super) struct Manner {
    pub(super) api: Arc<Api>,
    pub(super) records_max: i32,
    pub(super) interval: Duration,
    room: Arc<Semaphore>,
}

impl Manner {
    pub(super) fn new(api: Arc<Api>, records_max: i32, interval: Duration) -> Self {
        Self { api, records_max, interval, room: Arc::new(Semaphore::new(ROOM_KIB)) }
    }
}

/// What came together.
pub(super) struct Fetched {
    pub(super) records: Vec<Record>,
    /// Where to go on behind them.
    pub(super) next: Place,
    /// Nothing waits behind these, as of this time.
    pub(super) caught_up: Option<EventTime>,
    pub(super) children: Vec<ShardInfo>,
    _room: Option<OwnedSemaphorePermit>,
}

/// A shard that is being read. The task ends with it.
pub(super) struct Reading {
    queue: mpsc::Receiver<Result<Fetched, String>>,
    task: AbortHandle,
}

impl Drop for Reading {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Reading {
    /// Begins to read. `consumer` is the ARN of one of enhanced fan-out.
    pub(super) fn start(
        manner: &Manner,
        shard: &str,
        from: Place,
        consumer: Option<String>,
        waker: &Waker,
    ) -> Result<Self, String> {
        let (sender, queue) = mpsc::channel(QUEUED);
        let feed = Feed { manner: manner.clone(), shard: shard.to_owned(), place: from, sender, waker: waker.clone() };
        let task = runtime()?.spawn(feed.run(consumer)).abort_handle();
        Ok(Self { queue, task })
    }

    /// What has come, if anything has.
    pub(super) fn take(&mut self) -> Result<Option<Fetched>, String> {
        match self.queue.try_recv() {
            Ok(Ok(fetched)) => Ok(Some(fetched)),
            Ok(Err(said)) => Err(said),
            Err(mpsc::error::TryRecvError::Empty) => Ok(None),
            Err(mpsc::error::TryRecvError::Disconnected) => Err("its reader has ended".into()),
        }
    }

    /// Whether something waits.
    pub(super) fn has_more(&self) -> bool {
        !self.queue.is_empty()
    }
}

struct Feed {
    manner: Manner,
    shard: String,
    place: Place,
    sender: mpsc::Sender<Result<Fetched, String>>,
    waker: Waker,
}

/// Why a task stops before the shard's end.
enum Stop {
    /// Nobody reads any more.
    Unread,
    Failed(String),
}

impl Feed {
    async fn run(mut self, consumer: Option<String>) {
        let done = match consumer {
            Some(consumer) => self.subscribe(&consumer).await,
            None => self.poll().await,
        };
        if let Err(Stop::Failed(said)) = done {
            let _ = self.sender.send(Err(said)).await;
            (self.waker)();
        }
    }

    async fn poll(&mut self) -> Result<(), Stop> {
        let (mut iterator, mut backoff) = (None, Backoff::new());
        loop {
            let current = match iterator.take() {
                Some(iterator) => iterator,
                None => match self.iterator().await {
                    Ok(iterator) => iterator,
                    Err(refusal) => {
                        self.wait(refusal, &mut backoff).await?;
                        continue;
                    }
                },
            };
            let call = self.manner.api.client.get_records().shard_iterator(&current).limit(self.manner.records_max);
            match call.send().await {
                Ok(got) => {
                    backoff.reset();
                    let caught_up = got.millis_behind_latest == Some(0);
                    let idle = got.records.is_empty() || caught_up;
                    iterator = got.next_shard_iterator;
                    let children = got.child_shards.unwrap_or_default();
                    self.put(got.records, None, caught_up, iterator.is_none(), &children).await?;
                    if iterator.is_none() {
                        return Ok(());
                    }
                    if idle {
                        tokio::time::sleep(self.manner.interval).await;
                    }
                }
                Err(error) => {
                    let refusal = refusal(error);
                    iterator = Some(current).filter(|_| !matches!(refusal, Refusal::Expired));
                    self.wait(refusal, &mut backoff).await?;
                }
            }
        }
    }

    async fn iterator(&mut self) -> Result<String, Refusal> {
        let begun = EventTime::now();
        let api = &self.manner.api;
        let call = api.client.get_shard_iterator().set_stream_name(api.name.clone()).set_stream_arn(api.arn.clone());
        let (kind, number, time) = starting(&self.place);
        let call = call.shard_id(&self.shard).shard_iterator_type(kind);
        let call = call.set_starting_sequence_number(number).set_timestamp(time);
        let iterator = call.send().await.map_err(refusal)?.shard_iterator.unwrap_or_default();
        if self.place == Place::Latest {
            // What comes from now on is of the table, also when it is asked for after a restart.
            self.place = Place::At(begun.0.div_euclid(1_000));
        }
        Ok(iterator)
    }

    async fn subscribe(&mut self, consumer: &str) -> Result<(), Stop> {
        let mut backoff = Backoff::new();
        loop {
            let (kind, number, time) = starting(&self.place);
            let from = StartingPosition::builder().r#type(kind).set_sequence_number(number).set_timestamp(time).build();
            let from = from.map_err(|error| Stop::Failed(error.to_string()))?;
            let call = self.manner.api.client.subscribe_to_shard();
            let call = call.consumer_arn(consumer).shard_id(&self.shard).starting_position(from);
            let mut events = match call.send().await {
                Ok(subscribed) => subscribed.event_stream,
                Err(error) => {
                    self.wait(refusal(error), &mut backoff).await?;
                    continue;
                }
            };
            loop {
                match events.recv().await {
                    Ok(Some(SubscribeToShardEventStream::SubscribeToShardEvent(event))) => {
                        backoff.reset();
                        let children = event.child_shards.unwrap_or_default();
                        let caught_up = event.millis_behind_latest == 0;
                        let (ended, next) = (!children.is_empty(), event.continuation_sequence_number);
                        self.put(event.records, Some(next), caught_up, ended, &children).await?;
                        if ended {
                            return Ok(());
                        }
                    }
                    Ok(Some(_)) => {}
                    // After five minutes: the next subscription goes on.
                    Ok(None) => break,
                    Err(error) => {
                        self.wait(refusal(error), &mut backoff).await?;
                        break;
                    }
                }
            }
        }
    }

    async fn put(
        &mut self,
        records: Vec<Record>,
        next: Option<String>,
        caught_up: bool,
        ended: bool,
        children: &[ChildShard],
    ) -> Result<(), Stop> {
        let last = records.last().map(|record| record.sequence_number.clone());
        match next.or(last) {
            _ if ended => self.place = Place::Ended,
            Some(number) => self.place = Place::After(number),
            None => {}
        }
        let bytes: usize = records.iter().map(|record| record.data.as_ref().len()).sum();
        let permits = u32::try_from((bytes >> 10).min(ROOM_KIB)).unwrap_or(u32::MAX);
        let fetched = Fetched {
            records,
            next: self.place.clone(),
            caught_up: caught_up.then(EventTime::now),
            children: children.iter().map(child).collect(),
            _room: self.manner.room.clone().acquire_many_owned(permits).await.ok(),
        };
        self.sender.send(Ok(fetched)).await.map_err(|_| Stop::Unread)?;
        (self.waker)();
        Ok(())
    }

    async fn wait(&self, refusal: Refusal, backoff: &mut Backoff) -> Result<(), Stop> {
        match refusal {
            Refusal::Permanent(said) => return Err(Stop::Failed(said)),
            Refusal::Transient(said) => tracing::debug!(shard = self.shard, said, "a read is tried again"),
            Refusal::Expired => {}
        }
        backoff.pause().await;
        Ok(())
    }
}

fn starting(place: &Place) -> (ShardIteratorType, Option<String>, Option<DateTime>) {
    match place {
        Place::Latest => (ShardIteratorType::Latest, None, None),
        Place::At(millis) => (ShardIteratorType::AtTimestamp, None, Some(DateTime::from_millis(*millis))),
        Place::After(number) => (ShardIteratorType::AfterSequenceNumber, Some(number.clone()), None),
        Place::TrimHorizon | Place::Ended => (ShardIteratorType::TrimHorizon, None, None),
    }
}

fn child(shard: &ChildShard) -> ShardInfo {
    let bounds = shard.hash_key_range().map(|range| (range.starting_hash_key(), range.ending_hash_key()));
    ShardInfo {
        id: shard.shard_id().to_owned(),
        parents: shard.parent_shards().to_vec(),
        range: hash_range(bounds),
        open: true,
    }
}
