//! What the service says of records, beside their data.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, StringArray, TimestampMillisecondArray};
use aws_sdk_kinesis::types::Record;
use tidemill_formats::deaggregate;
use tidemill_streams::{HashRange, hash_key};

use crate::payload::{About, Origins};

/// A record as its producer made it.
pub(super) struct UserRecord<'a> {
    pub(super) data: &'a [u8],
    key: &'a str,
    number: &'a str,
    sub_number: i64,
    /// Unix ms.
    arrived: i64,
}

/// The records of a shard, unpacked where they are aggregated. A split after they were packed leaves some in it that belong
/// elsewhere: their producer sends them again.
pub(super) fn unpack(records: &[Record], range: HashRange) -> Vec<UserRecord<'_>> {
    let mut unpacked = Vec::with_capacity(records.len());
    for record in records {
        let arrived = record.approximate_arrival_timestamp.and_then(|time| time.to_millis().ok()).unwrap_or_default();
        let (data, number) = (record.data.as_ref(), record.sequence_number.as_str());
        let Some(packed) = deaggregate(data) else {
            let key = record.partition_key.as_deref().unwrap_or_default();
            unpacked.push(UserRecord { data, key, number, sub_number: 0, arrived });
            continue;
        };
        for (place, user) in packed.into_iter().enumerate() {
            let key = user.partition_key;
            if range.contains(user.explicit_hash_key.unwrap_or_else(|| hash_key(key.as_bytes()))) {
                unpacked.push(UserRecord { data: user.data, key, number, sub_number: place as i64, arrived });
            }
        }
    }
    unpacked
}

/// When the last of these came in, Unix µs.
pub(super) fn last_arrival(records: &[UserRecord<'_>]) -> Option<i64> {
    records.iter().map(|record| record.arrived).max().map(|millis| millis.saturating_mul(1_000))
}

/// What is known of the rows of such records.
pub(super) struct OfRecords<'a> {
    pub(super) shard: &'a str,
    pub(super) records: &'a [UserRecord<'a>],
}

impl OfRecords<'_> {
    fn of_rows<T>(&self, rows: &Origins<'_>, value: impl Fn(&UserRecord<'_>) -> T) -> Vec<Option<T>> {
        rows.records().map(|record| self.records.get(record).map(&value)).collect()
    }
}

impl About for OfRecords<'_> {
    fn times(&self, rows: &Origins<'_>) -> Vec<i64> {
        let micros = self.of_rows(rows, |record| record.arrived.saturating_mul(1_000));
        micros.into_iter().map(Option::unwrap_or_default).collect()
    }

    fn column(&self, key: &str, rows: &Origins<'_>) -> Option<ArrayRef> {
        let texts = |value: fn(&UserRecord<'_>) -> String| -> ArrayRef {
            Arc::new(StringArray::from_iter(self.of_rows(rows, value)))
        };
        Some(match key {
            "timestamp" => {
                let times = TimestampMillisecondArray::from_iter(self.of_rows(rows, |record| record.arrived));
                Arc::new(times.with_timezone("UTC"))
            }
            "partition-key" => texts(|record| record.key.to_owned()),
            "sequence-number" => texts(|record| record.number.to_owned()),
            "shard-id" => Arc::new(StringArray::from_iter_values(rows.records().map(|_| self.shard))),
            "sub-sequence-number" => Arc::new(Int64Array::from_iter(self.of_rows(rows, |record| record.sub_number))),
            _ => return None,
        })
    }
}
