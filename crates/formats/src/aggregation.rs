//! Records that hold several: the aggregation of the Kinesis Producer Library.
//!
//! ```text
//! F3 89 9A C2 | AggregatedRecord (proto2)                                  | MD5 of the message
//!               1 repeated string  partition_key_table
//!               2 repeated string  explicit_hash_key_table, decimal
//!               3 repeated Record  1 partition_key_index, 2 explicit_hash_key_index?, 3 data, 4 tags (not read)
//! ```
//!
//! What begins so and is anything else is a record of its own, as in the Kinesis Client Library.

use std::collections::HashMap;

use md5::{Digest, Md5};

use crate::varint;

const MAGIC: [u8; 4] = [0xf3, 0x89, 0x9a, 0xc2];
const DIGEST_BYTES: usize = 16;

const KEYS: u64 = 1;
const HASH_KEYS: u64 = 2;
const RECORDS: u64 = 3;
const KEY_INDEX: u64 = 1;
const HASH_KEY_INDEX: u64 = 2;
const DATA: u64 = 3;

/// Kinds of values on the wire.
const VARINT: u64 = 0;
const BYTES: u64 = 2;

/// A record as its producer made it. Its place in the aggregated record is its sub-sequence number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UserRecord<'a> {
    /// Which records belong together.
    pub partition_key: &'a str,
    /// The hash key, where it is not that of the partition key.
    pub explicit_hash_key: Option<u128>,
    /// The bytes.
    pub data: &'a [u8],
}

/// The records in an aggregated record; `None` where it is none.
///
/// ```
/// use tidemill_formats::{Aggregator, UserRecord, deaggregate};
///
/// let record = UserRecord { partition_key: "truck-7", explicit_hash_key: None, data: b"52.5,13.4" };
/// let mut aggregator = Aggregator::default();
/// aggregator.push(&record);
/// let packed = aggregator.finish();
/// assert_eq!(deaggregate(&packed), Some(vec![record]));
/// assert_eq!(deaggregate(b"52.5,13.4"), None);
/// ```
pub fn deaggregate(data: &[u8]) -> Option<Vec<UserRecord<'_>>> {
    let (message, digest) = data.strip_prefix(&MAGIC)?.split_last_chunk::<DIGEST_BYTES>()?;
    if Md5::digest(message).as_slice() != digest {
        return None;
    }
    let (mut keys, mut hash_keys, mut records) = (Vec::new(), Vec::new(), Vec::new());
    for field in Fields(message) {
        match field? {
            (KEYS, Value::Bytes(key)) => keys.push(std::str::from_utf8(key).ok()?),
            (HASH_KEYS, Value::Bytes(key)) => hash_keys.push(std::str::from_utf8(key).ok()?.parse().ok()?),
            (RECORDS, Value::Bytes(record)) => records.push(record),
            _ => {}
        }
    }
    records.into_iter().map(|record| user_record(record, &keys, &hash_keys)).collect()
}

fn user_record<'a>(record: &'a [u8], keys: &[&'a str], hash_keys: &[u128]) -> Option<UserRecord<'a>> {
    let (mut key, mut hash_key, mut data) = (None, None, None);
    for field in Fields(record) {
        match field? {
            (KEY_INDEX, Value::Number(index)) => key = Some(*keys.get(usize::try_from(index).ok()?)?),
            (HASH_KEY_INDEX, Value::Number(index)) => hash_key = Some(*hash_keys.get(usize::try_from(index).ok()?)?),
            (DATA, Value::Bytes(bytes)) => data = Some(bytes),
            _ => {}
        }
    }
    Some(UserRecord { partition_key: key?, explicit_hash_key: hash_key, data: data? })
}

enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

/// The fields of a message, each by its number; `None` where it is broken off.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn field(&mut self) -> Option<(u64, Value<'a>)> {
        let (tag, rest) = varint::read(self.0)?;
        let (value, rest) = varint::read(rest)?;
        let (value, rest) = match tag & 7 {
            VARINT => (Value::Number(value), rest),
            BYTES => {
                let (bytes, rest) = rest.split_at_checked(usize::try_from(value).ok()?)?;
                (Value::Bytes(bytes), rest)
            }
            _ => return None,
        };
        self.0 = rest;
        Some((tag >> 3, value))
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Option<(u64, Value<'a>)>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_none() {
            self.0 = &[];
        }
        Some(field)
    }
}

/// Collects records for an aggregated record. All of them must belong to one shard: the aggregated record goes where its own
/// key says.
#[derive(Clone, Debug, Default)]
pub struct Aggregator {
    keys: Table,
    hash_keys: Table,
    records: Vec<u8>,
    count: usize,
}

/// Texts, each once.
#[derive(Clone, Debug, Default)]
struct Table {
    places: HashMap<String, u64>,
    encoded: Vec<u8>,
}

impl Table {
    fn place(&mut self, field: u64, text: &str) -> u64 {
        if let Some(place) = self.places.get(text) {
            return *place;
        }
        let place = self.places.len() as u64;
        self.places.insert(text.to_owned(), place);
        write_bytes(field, text.as_bytes(), &mut self.encoded);
        place
    }
}

impl Aggregator {
    /// Adds a record.
    pub fn push(&mut self, record: &UserRecord<'_>) {
        let mut message = Vec::with_capacity(record.data.len() + 16);
        write_tagged(KEY_INDEX, VARINT, self.keys.place(KEYS, record.partition_key), &mut message);
        if let Some(hash_key) = record.explicit_hash_key {
            let place = self.hash_keys.place(HASH_KEYS, &hash_key.to_string());
            write_tagged(HASH_KEY_INDEX, VARINT, place, &mut message);
        }
        write_bytes(DATA, record.data, &mut message);
        write_bytes(RECORDS, &message, &mut self.records);
        self.count += 1;
    }

    /// How many records it holds.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Bytes of what [`Aggregator::finish`] would give.
    pub fn bytes(&self) -> usize {
        MAGIC.len() + self.keys.encoded.len() + self.hash_keys.encoded.len() + self.records.len() + DIGEST_BYTES
    }

    /// The aggregated record; it is empty afterwards.
    pub fn finish(&mut self) -> Vec<u8> {
        let Self { keys, hash_keys, records, .. } = std::mem::take(self);
        let mut packed = MAGIC.to_vec();
        packed.extend([keys.encoded, hash_keys.encoded, records].concat());
        let digest = Md5::digest(packed.get(MAGIC.len()..).unwrap_or_default());
        packed.extend_from_slice(&digest);
        packed
    }
}

fn write_tagged(field: u64, kind: u64, value: u64, out: &mut Vec<u8>) {
    varint::write(field << 3 | kind, out);
    varint::write(value, out);
}

fn write_bytes(field: u64, bytes: &[u8], out: &mut Vec<u8>) {
    write_tagged(field, BYTES, bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What aws-kinesis-agg 1.2.3, of PyPI, made of three records.
    const MADE_ELSEWHERE: &str = include_str!("aggregation.hex");

    fn made_elsewhere() -> Vec<u8> {
        let digits = MADE_ELSEWHERE.trim();
        (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
    }

    #[test]
    fn what_another_producer_packed_is_unpacked_and_packed_alike() {
        let packed = made_elsewhere();
        let records = deaggregate(&packed).unwrap();
        let record = |partition_key, explicit_hash_key, data| UserRecord { partition_key, explicit_hash_key, data };
        let wanted =
            [record("pk", Some(5), &b"one"[..]), record("pk", Some(u128::MAX), b"two"), record("other", Some(5), b"")];
        assert_eq!(records, wanted);
        let mut aggregator = Aggregator::default();
        records.iter().for_each(|record| aggregator.push(record));
        assert_eq!((aggregator.len(), aggregator.bytes()), (3, packed.len()));
        assert_eq!(deaggregate(&aggregator.finish()).unwrap(), wanted);
        assert!(aggregator.is_empty());
    }

    #[test]
    fn what_only_looks_packed_is_a_record_of_its_own() {
        let packed = made_elsewhere();
        let mut changed = packed.clone();
        changed[8] ^= 1;
        assert_eq!(deaggregate(&changed), None);
        assert_eq!(deaggregate(&packed[..packed.len() - 1]), None);
        assert_eq!(deaggregate(&MAGIC), None);
        // A good checksum, but a record whose key is not in the table.
        let mut message = Vec::new();
        write_bytes(RECORDS, &[8, 0, 26, 0], &mut message);
        let digest = Md5::digest(&message).to_vec();
        assert_eq!(deaggregate(&[&MAGIC[..], &message, &digest].concat()), None);
    }

    proptest! {
        #[test]
        fn any_records_come_back(records in prop::collection::vec((".{0,5}", prop::option::of(any::<u128>()), any::<Vec<u8>>()), 0..20)) {
            let mut aggregator = Aggregator::default();
            let records: Vec<_> = records.iter().map(|(key, hash_key, data)| UserRecord { partition_key: key, explicit_hash_key: *hash_key, data }).collect();
            records.iter().for_each(|record| aggregator.push(record));
            let bytes = aggregator.bytes();
            let packed = aggregator.finish();
            prop_assert_eq!(packed.len(), bytes);
            prop_assert_eq!(deaggregate(&packed), Some(records));
        }

        #[test]
        fn no_bytes_panic(message in any::<Vec<u8>>()) {
            let digest = Md5::digest(&message).to_vec();
            deaggregate(&[&MAGIC[..], &message, &digest].concat());
        }
    }
}
