//! Hash keys: a 128-bit number tells which shard a record goes to, exactly as in Amazon Kinesis.

use std::fmt;

use md5::{Digest, Md5};
use serde::{Deserialize, Serialize};

/// The hash key of a partition key: its MD5, read as a big-endian number.
pub fn hash_key(partition_key: &[u8]) -> u128 {
    u128::from_be_bytes(Md5::digest(partition_key).into())
}

/// The hash keys that a shard owns, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HashRange {
    /// The lowest hash key.
    #[serde(with = "decimal")]
    pub start: u128,
    /// The highest hash key.
    #[serde(with = "decimal")]
    pub end: u128,
}

impl HashRange {
    /// Every hash key.
    pub const ALL: Self = Self { start: 0, end: u128::MAX };

    /// Whether the range holds `key`.
    pub fn contains(self, key: u128) -> bool {
        (self.start..=self.end).contains(&key)
    }

    /// All hash keys cut into `shards` even ranges: range i starts at ⌊i·2^128 / shards⌋.
    pub fn even(shards: u32) -> Vec<Self> {
        let n = u128::from(shards.max(1));
        // 2^128 = quotient·n + rest; the product i·rest stays far below 2^128.
        let (quotient, rest) = (u128::MAX / n, u128::MAX % n + 1);
        let start = |i: u128| quotient.wrapping_mul(i).wrapping_add(rest * i / n);
        (0..n).map(|i| Self { start: start(i), end: start(i + 1).wrapping_sub(1) }).collect()
    }

    /// The two halves around `at`, the first key of the upper half; `None` when one of them would be empty.
    pub(crate) fn split(self, at: u128) -> Option<(Self, Self)> {
        (at > self.start && at <= self.end)
            .then(|| (Self { start: self.start, end: at - 1 }, Self { start: at, end: self.end }))
    }

    /// The union with a range that touches this one.
    pub(crate) fn join(self, other: Self) -> Option<Self> {
        let (low, high) = if self.start < other.start { (self, other) } else { (other, self) };
        (low.end.checked_add(1) == Some(high.start)).then_some(Self { start: low.start, end: high.end })
    }

    /// The middle of the range: where a split gives two even halves.
    pub fn middle(self) -> u128 {
        self.start + (self.end - self.start) / 2 + u128::from(self.end > self.start)
    }
}

impl fmt::Display for HashRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..={}", self.start, self.end)
    }
}

/// JSON numbers end at 2^53 for most readers: hash keys are written as decimal text, as Kinesis does.
mod decimal {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(value: &u128, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u128, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partition_keys_hash_as_in_kinesis() {
        // RFC 1321's test suite, read as big-endian numbers.
        assert_eq!(hash_key(b""), 0xd41d8cd98f00b204e9800998ecf8427e);
        assert_eq!(hash_key(b"a"), 0x0cc175b9c0f1b6a831c399e269772661);
        assert_eq!(hash_key(b"message digest"), 0xf96b697d7cb7938d525a2f31aaf161d0);
    }

    #[test]
    fn three_shards_have_the_ranges_that_kinesis_gives_them() {
        let ranges = HashRange::even(3);
        assert_eq!(ranges[0], HashRange { start: 0, end: 113427455640312821154458202477256070484 });
        assert_eq!(ranges[1].start, 113427455640312821154458202477256070485);
        assert_eq!(ranges[1].end, 226854911280625642308916404954512140969);
        assert_eq!(ranges[2].end, u128::MAX);
    }

    #[test]
    fn even_ranges_touch_and_cover_everything() {
        for shards in [1, 2, 3, 5, 7, 16, 255, 1_000] {
            let ranges = HashRange::even(shards);
            assert_eq!(ranges.len(), shards as usize);
            assert_eq!((ranges[0].start, ranges[ranges.len() - 1].end), (0, u128::MAX));
            assert!(ranges.windows(2).all(|pair| pair[0].end.wrapping_add(1) == pair[1].start));
        }
    }

    #[test]
    fn a_split_and_its_merge_give_the_range_back() {
        let range = HashRange { start: 10, end: 20 };
        let (low, high) = range.split(range.middle()).unwrap();
        assert_eq!((low.end, high.start), (15, 16));
        assert_eq!(high.join(low), Some(range));
        assert_eq!(range.split(10), None);
        assert_eq!(low.join(HashRange { start: 17, end: 20 }), None);
        assert_eq!(HashRange::ALL.middle(), 1 << 127);
    }
}
