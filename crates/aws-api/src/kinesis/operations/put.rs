//! PutRecord and PutRecords.

use std::time::Instant;

use tidemill_streams::{Appended, Error, Record, ShardId, Stream, hash_key};

use super::Outcome;
use crate::gateway::Answer;
use crate::kinesis::name::invalid;
use crate::kinesis::notes::Notes;
use crate::kinesis::sequence_number::{AnyNumber, SequenceNumber};
use crate::kinesis::{Kinesis, now_ms};
use crate::protocol::{Fault, Value, structure};

/// The most bytes of a request's data and keys.
const REQUEST_BYTES_MAX: usize = 10 << 20;

/// A record of a request, checked.
struct Incoming<'a> {
    key: &'a str,
    data: &'a [u8],
    hash_key: u128,
}

impl Incoming<'_> {
    fn bytes(&self) -> usize {
        self.key.len() + self.data.len()
    }

    fn record(&self) -> Record<'_> {
        Record { partition_key: self.key.as_bytes(), explicit_hash_key: Some(self.hash_key), data: self.data }
    }
}

impl Kinesis {
    pub(super) async fn put_record(&self, input: &Value<'_>) -> Outcome {
        let stream = self.owned(input)?;
        let notes = self.notes.of(&stream);
        let incoming = self.incoming(&stream, &notes, input, &"partitionKey")?;
        if let Some(least) = input.text("SequenceNumberForOrdering") {
            self.check_order(&stream, least)?;
        }
        dry_run(input)?;
        self.throttled(&stream, &incoming).map_or(Ok(()), |shard| Err(self.rate_exceeded(&stream, shard.0)))?;
        let appended = stream.append(incoming.record()).await;
        let appended = appended.map_err(|error| self.fault(stream.name(), &error))?;
        let shown = self.shown(&stream, &appended);
        let Value::Map(mut members) = shown else { return Ok(Answer::Value(shown)) };
        members.push(("EncryptionType".into(), encryption(&notes)));
        Ok(Answer::Value(Value::Map(members)))
    }

    pub(super) async fn put_records(&self, input: &Value<'_>) -> Outcome {
        let stream = self.owned(input)?;
        let notes = self.notes.of(&stream);
        let mut records = Vec::new();
        for (i, entry) in input.list("Records").iter().enumerate() {
            records.push(self.incoming(
                &stream,
                &notes,
                entry,
                &format_args!("records.{}.member.partitionKey", i + 1),
            )?);
        }
        if records.iter().map(Incoming::bytes).sum::<usize>() > REQUEST_BYTES_MAX {
            return Err(invalid("Records size exceeds 10 MB limit".into()));
        }
        dry_run(input)?;
        let throttled: Vec<Option<ShardId>> = records.iter().map(|record| self.throttled(&stream, record)).collect();
        let taken = || records.iter().zip(&throttled).filter(|(_, throttled)| throttled.is_none());
        let batch: Vec<_> = taken().map(|(record, _)| record.record()).collect();
        let appended = stream.append_batch(&batch).await;
        if let Err(Error::StreamDeleted { .. }) = &appended {
            return Err(self.no_stream(stream.name()));
        }
        let mut outcomes = match &appended {
            Ok(appended) => Ok(appended.iter()),
            Err(error) => Err(self.fault(stream.name(), error)),
        };
        let mut failed = 0u32;
        let mut entry = |throttled: &Option<ShardId>| {
            let fault = match (throttled, &mut outcomes) {
                (Some(shard), _) => self.rate_exceeded(&stream, shard.0),
                (None, Ok(appended)) => match appended.next() {
                    Some(appended) => return self.shown(&stream, appended),
                    None => Fault::bare("InternalFailure"),
                },
                (None, Err(fault)) => fault.clone(),
            };
            failed += 1;
            structure([("ErrorCode", fault.kind.into()), ("ErrorMessage", fault.message.into())])
        };
        let shown: Vec<_> = throttled.iter().map(&mut entry).collect();
        Ok(Answer::Value(structure([
            ("FailedRecordCount", failed.into()),
            ("Records", shown.into()),
            ("EncryptionType", encryption(&notes)),
        ])))
    }

    /// A record of a request, if it may be put.
    fn incoming<'a>(
        &self,
        stream: &Stream,
        notes: &Notes,
        entry: &'a Value<'_>,
        path: &dyn std::fmt::Display,
    ) -> Result<Incoming<'a>, Fault> {
        let key = entry.text("PartitionKey");
        let hash_key = match (key, entry.text("ExplicitHashKey")) {
            _ if notes.spread => random_key()?,
            (None, _) => {
                return Err(Fault::validation(format!(
                    "1 validation error detected: Value null at '{path}' failed to satisfy constraint: Member must not be null"
                )));
            }
            (Some(_), Some(explicit)) => explicit.parse().map_err(|_| {
                invalid(format!(
                    "Invalid ExplicitHashKey. ExplicitHashKey must be in the range: [0, 2^128-1]. Specified value was {explicit}"
                ))
            })?,
            (Some(key), None) => hash_key(key.as_bytes()),
        };
        let data = entry.blob("Data").map_or(&[][..], |data| data);
        let incoming = Incoming { key: key.unwrap_or_default(), data, hash_key };
        let max = stream.config().record_bytes_max;
        if incoming.bytes() > max {
            return Err(invalid(format!(
                "A record of {} bytes, data and partition key, exceeds the maximum record size of {} KiB of stream {} under account {}.",
                incoming.bytes(),
                max >> 10,
                stream.name(),
                self.settings.account
            )));
        }
        Ok(incoming)
    }

    /// The record's shard, if that has no room for it within its rates.
    fn throttled(&self, stream: &Stream, record: &Incoming<'_>) -> Option<ShardId> {
        if !self.limited() {
            return None;
        }
        let shard = stream.shard_of(record.hash_key)?;
        let (key, now) = ((stream.created().as_micros(), shard.0), Instant::now());
        let (records, bytes) = (self.settings.shard_records_per_s, self.settings.shard_bytes_per_s);
        let taken = self.throttles.written_records.take(key, 1.0, records.into(), now)
            && self.throttles.written_bytes.take(key, record.bytes() as f64, bytes.into(), now);
        (!taken).then_some(shard)
    }

    fn check_order(&self, stream: &Stream, least: &str) -> Result<(), Fault> {
        match AnyNumber::parse(least).filter(|number| !number.is_future(now_ms())) {
            Some(_) => Ok(()),
            None => Err(invalid(format!(
                "ExclusiveMinimumSequenceNumber {least} used in PutRecord on stream {} under account {} is invalid.",
                stream.name(),
                self.settings.account
            ))),
        }
    }

    fn shown(&self, stream: &Stream, appended: &Appended) -> Value<'static> {
        let created = stream.shard(appended.shard).map_or(stream.created(), |shard| shard.created());
        let number = SequenceNumber::of(appended.shard, created, appended.sequence, appended.time);
        structure([("ShardId", appended.shard.to_string().into()), ("SequenceNumber", number.to_string().into())])
    }
}

/// `KMS`, or nothing: the service doesn't say that there is no encryption.
pub(super) fn encryption(notes: &Notes) -> Value<'static> {
    notes.key_id.as_ref().map(|_| "KMS").into()
}

/// The error that says that all would have gone well.
pub(super) fn dry_run(input: &Value<'_>) -> Result<(), Fault> {
    match input.flag("DryRun") {
        true => Err(Fault::new("DryRunOperationException", "Request would have succeeded, but DryRun flag is set.")),
        false => Ok(()),
    }
}

fn random_key() -> Result<u128, Fault> {
    let mut key = [0; 16];
    getrandom::fill(&mut key).map_err(|error| Fault::internal(&error))?;
    Ok(u128::from_be_bytes(key))
}
