//! Rows as records, put in batches.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant};

use aws_sdk_kinesis::primitives::Blob;
use aws_sdk_kinesis::types::PutRecordsRequestEntry;
use bytes::Bytes;
use tidemill_engine::{Batch, Delivery, EngineError, Epoch, OperatorContext, Result, Sink, SnapshotWriter};
use tidemill_formats::{Aggregator, Records, UserRecord, deaggregate};
use tidemill_streams::{HashRange, hash_key};

use super::client::{Api, Backoff, Refusal, refusal};
use crate::catalog::Settings;
use crate::connector::{Accepts, SinkTable};
use crate::environment::Environment;
use crate::partition_key::{PartitionKeys, key_columns};
use crate::payload::{Payload, PayloadEncoder};
use crate::runtime::{runtime, wait};

/// Characters of a partition key.
const KEY_CHARS_MAX: usize = 256;
/// Bytes of a PutRecords, and its records.
const REQUEST_BYTES_MAX: usize = 5 << 20;
const REQUEST_RECORDS_MAX: u64 = 500;
/// An aggregated record is sent when it has so many bytes, as the Kinesis Producer Library does it.
const AGGREGATED_BYTES: usize = 50 << 10;
/// What takes a byte or two a record: keys' places, lengths.
const ENTRY_BYTES: usize = 64;

pub(super) fn make(settings: &Settings<'_>, environment: &Environment) -> crate::error::Result<Arc<dyn SinkTable>> {
    settings.check_written_columns()?;
    let api = Api::new(settings)?;
    let payload = Payload::new(settings, environment)?;
    payload.check_writes()?;
    let records_max = settings.integer("sink.batch.max-size").unwrap_or(REQUEST_RECORDS_MAX);
    let in_flight_max = settings.integer("sink.requests.max-inflight").unwrap_or(4);
    Ok(Arc::new(KinesisSinkTable {
        api,
        key: key_columns(settings)?,
        payload,
        records_max: usize::try_from(records_max.clamp(1, REQUEST_RECORDS_MAX)).unwrap_or(1),
        in_flight_max: usize::try_from(in_flight_max).unwrap_or(1).max(1),
        aggregates: settings.flag("sink.aggregation"),
        patience: settings.duration("sink.retry-timeout").unwrap_or(Duration::from_secs(300)),
    }))
}

struct KinesisSinkTable {
    api: Arc<Api>,
    key: Vec<usize>,
    payload: Payload,
    records_max: usize,
    in_flight_max: usize,
    aggregates: bool,
    patience: Duration,
}

impl SinkTable for KinesisSinkTable {
    fn delivery(&self) -> Delivery {
        Delivery::Append
    }

    fn accepts(&self) -> Accepts {
        if self.payload.has_changes() { Accepts::Changes } else { Accepts::Inserts }
    }

    fn open(&self, context: &OperatorContext) -> Result<Box<dyn Sink>> {
        Ok(Box::new(KinesisSink {
            encoder: self.payload.encoder()?,
            records: Records::new(),
            keys: PartitionKeys::new(self.key.clone(), context),
            outbox: Outbox {
                api: self.api.clone(),
                records_max: self.records_max,
                in_flight_max: self.in_flight_max,
                patience: self.patience,
                entries: Vec::new(),
                bytes: 0,
                in_flight: VecDeque::new(),
                packing: self.aggregates.then(Packing::default),
            },
        }))
    }
}

struct KinesisSink {
    encoder: PayloadEncoder,
    records: Records,
    keys: PartitionKeys,
    outbox: Outbox,
}

impl Sink for KinesisSink {
    fn write(&mut self, batch: Batch) -> Result<()> {
        self.records.clear();
        self.encoder.encode(&batch, &mut self.records)?;
        let keys = self.keys.of(&batch)?;
        for (row, data) in self.records.iter().enumerate() {
            let (key, hash_key) = match keys.get(row) {
                Some(key) => (String::from_utf8_lossy(key).chars().take(KEY_CHARS_MAX).collect::<String>(), None),
                None => (String::new(), Some(self.keys.spread())),
            };
            // The service knows no empty keys.
            let key = if key.is_empty() { "-".to_owned() } else { key };
            self.outbox.push(Entry { key, hash_key, data: Bytes::copy_from_slice(data), packed_for: None })?;
        }
        Ok(())
    }

    fn prepare(&mut self, _epoch: Epoch, _writer: &mut SnapshotWriter) -> Result<Option<Vec<u8>>> {
        self.outbox.flush()?;
        self.outbox.settle(0)?;
        Ok(None)
    }

    fn delivery(&self) -> Delivery {
        Delivery::Append
    }
}

/// A record of a request.
#[derive(Clone, Debug)]
struct Entry {
    key: String,
    hash_key: Option<u128>,
    data: Bytes,
    /// The shard that its user records belong to, if it has some.
    packed_for: Option<String>,
}

impl Entry {
    fn hash_key(&self) -> u128 {
        self.hash_key.unwrap_or_else(|| hash_key(self.key.as_bytes()))
    }

    fn bytes(&self) -> usize {
        self.key.len() + self.data.len() + ENTRY_BYTES
    }

    fn request(&self) -> Result<PutRecordsRequestEntry, String> {
        let entry = PutRecordsRequestEntry::builder().partition_key(&self.key).data(Blob::new(self.data.to_vec()));
        let entry = entry.set_explicit_hash_key(self.hash_key.map(|key| key.to_string()));
        entry.build().map_err(|error| error.to_string())
    }
}

/// Records on their way.
struct Outbox {
    api: Arc<Api>,
    records_max: usize,
    in_flight_max: usize,
    patience: Duration,
    entries: Vec<Entry>,
    bytes: usize,
    in_flight: VecDeque<Receiver<Result<(), String>>>,
    packing: Option<Packing>,
}

/// Records for each shard that are packed together.
#[derive(Default)]
struct Packing {
    shards: Vec<(HashRange, String, Aggregator)>,
    /// A record came to another shard than the one it was packed for.
    stale: Arc<AtomicBool>,
}

impl Outbox {
    fn failed(&self, said: String) -> EngineError {
        EngineError::operator(format!("stream {}", self.api.stream()), said)
    }

    fn push(&mut self, entry: Entry) -> Result<()> {
        match self.pack(entry)? {
            Some(entry) => self.enqueue(entry),
            None => Ok(()),
        }
    }

    fn enqueue(&mut self, entry: Entry) -> Result<()> {
        if self.bytes + entry.bytes() > REQUEST_BYTES_MAX {
            self.send()?;
        }
        self.bytes += entry.bytes();
        self.entries.push(entry);
        if self.entries.len() >= self.records_max { self.send() } else { Ok(()) }
    }

    /// Packs a record, if that is wanted; what is to be sent by itself, or is full, comes back.
    fn pack(&mut self, entry: Entry) -> Result<Option<Entry>> {
        let Some(packing) = self.packing.as_mut() else { return Ok(Some(entry)) };
        if packing.shards.is_empty() || packing.stale.swap(false, Ordering::Relaxed) {
            let left: Vec<Entry> = packing.shards.iter_mut().filter_map(packed).collect();
            let api = self.api.clone();
            let listed = wait(async move { api.shards().await });
            let listed = match listed {
                Ok(Ok(listed)) => listed,
                Ok(Err(refusal)) => return Err(self.failed(format!("its shards: {refusal:?}"))),
                Err(said) => return Err(self.failed(said)),
            };
            let open = listed.into_iter().filter(|shard| shard.open);
            if let Some(packing) = self.packing.as_mut() {
                packing.shards = open.map(|shard| (shard.range, shard.id, Aggregator::default())).collect();
            }
            left.into_iter().try_for_each(|entry| self.enqueue(entry))?;
        }
        let Some(packing) = self.packing.as_mut() else { return Ok(Some(entry)) };
        let of = entry.hash_key();
        let shard = packing.shards.iter_mut().find(|(range, ..)| range.contains(of));
        let Some(shard) = shard.filter(|_| entry.bytes() <= AGGREGATED_BYTES) else { return Ok(Some(entry)) };
        let full = if shard.2.bytes() + entry.bytes() > AGGREGATED_BYTES { packed(shard) } else { None };
        shard.2.push(&UserRecord { partition_key: &entry.key, explicit_hash_key: entry.hash_key, data: &entry.data });
        Ok(full)
    }

    /// Sends what waits.
    fn flush(&mut self) -> Result<()> {
        let left =
            self.packing.as_mut().map(|packing| packing.shards.iter_mut().filter_map(packed).collect::<Vec<_>>());
        left.unwrap_or_default().into_iter().try_for_each(|entry| self.enqueue(entry))?;
        self.send()
    }

    fn send(&mut self) -> Result<()> {
        let entries = std::mem::take(&mut self.entries);
        self.bytes = 0;
        if entries.is_empty() {
            return Ok(());
        }
        self.settle(self.in_flight_max - 1)?;
        let (told, heard) = sync_channel(1);
        let stale = self.packing.as_ref().map(|packing| packing.stale.clone()).unwrap_or_default();
        let delivery = deliver(self.api.clone(), entries, self.patience, stale);
        let runtime = runtime().map_err(|said| self.failed(said))?;
        runtime.spawn(async move { drop(told.send(delivery.await)) });
        self.in_flight.push_back(heard);
        Ok(())
    }

    /// Waits until at most `most` requests are under way.
    fn settle(&mut self, most: usize) -> Result<()> {
        while self.in_flight.len() > most
            && let Some(oldest) = self.in_flight.pop_front()
        {
            let outcome = oldest.recv().unwrap_or_else(|_| Err("a request was given up".into()));
            outcome.map_err(|said| self.failed(said))?;
        }
        Ok(())
    }
}

/// The record that a shard's records are packed into; none where there are none.
fn packed((range, shard, aggregator): &mut (HashRange, String, Aggregator)) -> Option<Entry> {
    let data = (!aggregator.is_empty()).then(|| aggregator.finish())?;
    Some(Entry { key: "a".into(), hash_key: Some(range.start), data: data.into(), packed_for: Some(shard.clone()) })
}

/// Puts records until all are taken, or the time is over.
async fn deliver(
    api: Arc<Api>,
    mut entries: Vec<Entry>,
    patience: Duration,
    stale: Arc<AtomicBool>,
) -> Result<(), String> {
    let (deadline, mut backoff) = (Instant::now() + patience, Backoff::new());
    loop {
        let request = entries.iter().map(Entry::request).collect::<Result<_, _>>()?;
        let call = api.client.put_records().set_stream_name(api.name.clone()).set_stream_arn(api.arn.clone());
        let said = match call.set_records(Some(request)).send().await.map_err(refusal) {
            Ok(put) => {
                let (mut again, mut misplaced, mut said) = (Vec::new(), Vec::new(), String::new());
                for (entry, result) in entries.into_iter().zip(put.records()) {
                    match (result.error_code(), result.shard_id()) {
                        (Some("ProvisionedThroughputExceededException" | "InternalFailure"), _) => {
                            said = result.error_message().unwrap_or_default().to_owned();
                            again.push(entry);
                        }
                        (Some(code), _) => {
                            return Err(format!("{code}: {}", result.error_message().unwrap_or_default()));
                        }
                        (None, Some(shard)) if entry.packed_for.as_deref().is_some_and(|packed| packed != shard) => {
                            misplaced.push((entry, shard.to_owned()));
                        }
                        (None, _) => {}
                    }
                }
                if !misplaced.is_empty() {
                    stale.store(true, Ordering::Relaxed);
                    again.extend(send_again(&api, &misplaced).await?);
                }
                if again.is_empty() {
                    return Ok(());
                }
                entries = again;
                said
            }
            Err(Refusal::Permanent(said)) => return Err(said),
            Err(Refusal::Transient(said)) => said,
            Err(Refusal::Expired) => String::new(),
        };
        if Instant::now() > deadline {
            return Err(format!("{} records were not taken within {patience:?}: {said}", entries.len()));
        }
        backoff.pause().await;
    }
}

/// The user records of those that came to another shard than they were packed for and don't belong there: consumers leave
/// them out.
async fn send_again(api: &Api, misplaced: &[(Entry, String)]) -> Result<Vec<Entry>, String> {
    let shards = loop {
        match api.shards().await {
            Ok(shards) => break shards,
            Err(Refusal::Permanent(said)) => return Err(said),
            Err(_) => Backoff::new().pause().await,
        }
    };
    let mut again = Vec::new();
    for (entry, shard) in misplaced {
        let range = shards.iter().find(|listed| listed.id == *shard).map(|listed| listed.range);
        for user in deaggregate(&entry.data).unwrap_or_default() {
            let key = user.partition_key.to_owned();
            let data = Bytes::copy_from_slice(user.data);
            let plain = Entry { key, hash_key: user.explicit_hash_key, data, packed_for: None };
            if !range.is_some_and(|range| range.contains(plain.hash_key())) {
                again.push(plain);
            }
        }
    }
    Ok(again)
}
