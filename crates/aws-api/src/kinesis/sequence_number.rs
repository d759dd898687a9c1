//! Sequence numbers as Kinesis writes them: decimals of 56 digits that hold a shard, a place in it, and a time.
//!
//! ```text
//! bits   4        36            4           64         8         36          32      4
//!      0x2  creation, s   shard's low  place in the  zeros  arrival, s    shard    0x2     (version 2)
//!           of the shard  digit        shard
//! ```

use std::fmt;

use tidemill_streams::{IngestionTime, Sequence, ShardHandle, ShardId};

/// The place that stands in the last number of a closed shard.
const LAST_PLACE: u64 = 0x7fff_ffff_ffff_ffff;
/// Shards were not made later than this, in seconds.
const CREATED_MAX_S: u64 = 16_025_175_000;
/// 188 bits in words of 32, and in decimal digits of nine at a time.
const WORDS: usize = 6;
const NINE_DIGITS: u64 = 1_000_000_000;
/// No number of any version has more digits.
const DIGITS_MAX: usize = 57;

/// What the service takes for a sequence number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum AnyNumber {
    /// As they are written now: version 2.
    Current(SequenceNumber),
    /// Of version 0 or 1, which streams had before 2015. None of ours has.
    Old {
        shard: u32,
        /// When its record came, in seconds, where it says so.
        time_s: u64,
        /// As the service writes it.
        shown: String,
    },
}

impl AnyNumber {
    /// Reads one; `None` if it is none of any version.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if let Some(number) = SequenceNumber::parse(text) {
            return Some(AnyNumber::Current(number));
        }
        let [low, b, c, d, e, high] = parse_decimal(text)?.map(u128::from);
        let bits = low | b << 32 | c << 64 | d << 96;
        let high = e | high << 32;
        if high == 0 {
            // Version 0; what is below 2^124 stands for what is above.
            let bits = if bits < 1 << 124 { bits + (1 << 124) } else { bits };
            let created_s = (bits >> 88) as u64 & 0xf_ffff_ffff;
            let old = AnyNumber::Old { shard: bits as u32 & 0xffff, time_s: 0, shown: bits.to_string() };
            return (created_s < CREATED_MAX_S).then_some(old);
        }
        let time_s = (high << 28 | bits >> 100) as u64 & 0xf_ffff_ffff;
        let old = AnyNumber::Old { shard: (bits >> 4) as u32, time_s, shown: text.to_owned() };
        (high >> 56 == 2 && bits & 0xf == 1).then_some(old)
    }

    /// Whether its time is later than now.
    pub(super) fn is_future(&self, now_ms: i64) -> bool {
        let time_s = match self {
            AnyNumber::Current(number) => number.time_s,
            AnyNumber::Old { time_s, .. } => *time_s,
        };
        time_s > now_ms.max(0) as u64 / 1_000 + 1
    }
}

/// A sequence number, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SequenceNumber {
    /// When its shard was made, in seconds.
    created_s: u64,
    /// 0 before the first record; then the record's number in the log, and one.
    place: u64,
    /// When the record came, in seconds.
    time_s: u64,
    /// Its shard.
    pub(super) shard: u32,
}

impl SequenceNumber {
    /// Of a record.
    pub(super) fn of(shard: ShardId, created: IngestionTime, sequence: Sequence, time: IngestionTime) -> Self {
        Self { created_s: seconds(created), place: sequence.0 + 1, time_s: seconds(time), shard: shard.0 }
    }

    /// With which a shard begins: before its first record.
    pub(super) fn first(shard: ShardId, created: IngestionTime) -> Self {
        Self { created_s: seconds(created), place: 0, time_s: seconds(created), shard: shard.0 }
    }

    /// With which a shard ends that was closed then: after its last record.
    pub(super) fn last(shard: ShardId, created: IngestionTime, closed: IngestionTime) -> Self {
        Self { created_s: seconds(created), place: LAST_PLACE, time_s: seconds(closed), shard: shard.0 }
    }

    /// Reads one; `None` if it can't be one of this service now.
    fn parse(text: &str) -> Option<Self> {
        let words = parse_decimal(text)?;
        let [low, b, c, d, e, high] = words.map(u128::from);
        let bits = low | b << 32 | c << 64 | d << 96;
        let high = e | high << 32;
        let number = Self {
            created_s: (high >> 20 & 0xf_ffff_ffff) as u64,
            place: ((high & 0xffff) << 48 | bits >> 80) as u64,
            time_s: (bits >> 36 & 0xf_ffff_ffff) as u64,
            shard: (bits >> 4) as u32,
        };
        let version = high >> 56 == 2 && bits & 0xf == 2;
        (version && number.place <= LAST_PLACE && number.created_s < CREATED_MAX_S).then_some(number)
    }

    /// The place in the log that it names: at its record, or after it.
    pub(super) fn position(self, after: bool) -> Sequence {
        Sequence(if after { self.place } else { self.place.saturating_sub(1) })
    }

    /// Whether it is a closed shard's last one.
    pub(super) fn is_last(self) -> bool {
        self.place == LAST_PLACE
    }

    /// Whether it is of this shard, and not of another with its number in a stream of the same name.
    pub(super) fn is_of(self, shard: &ShardHandle) -> bool {
        self.shard == shard.id().0 && self.created_s == seconds(shard.created())
    }
}

impl fmt::Display for SequenceNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let high = 2 << 56 | self.created_s << 20 | u64::from(self.shard & 0xf) << 16 | self.place >> 48;
        let place = u128::from(self.place & 0xffff_ffff_ffff);
        let bits = place << 80 | u128::from(self.time_s) << 36 | u128::from(self.shard) << 4 | 2;
        let [w0, w1, w2, w3] = [0, 32, 64, 96].map(|shift| (bits >> shift) as u32);
        let mut words = [w0, w1, w2, w3, high as u32, (high >> 32) as u32];
        let mut digits = [b'0'; 63];
        // The lowest nine first.
        for group in digits.rchunks_exact_mut(9) {
            let mut rest = 0;
            for word in words.iter_mut().rev() {
                let value = rest << 32 | u64::from(*word);
                (*word, rest) = ((value / NINE_DIGITS) as u32, value % NINE_DIGITS);
            }
            let mut rest = rest as u32;
            for digit in group.iter_mut().rev() {
                *digit += (rest % 10) as u8;
                rest /= 10;
            }
        }
        f.write_str(std::str::from_utf8(&digits).unwrap_or_default().trim_start_matches('0'))
    }
}

fn parse_decimal(text: &str) -> Option<[u32; WORDS]> {
    if text.is_empty() || text.len() > DIGITS_MAX {
        return None;
    }
    let mut words = [0u32; WORDS];
    for digit in text.bytes() {
        let mut carry = u64::from(char::from(digit).to_digit(10)?);
        for word in &mut words {
            let value = u64::from(*word) * 10 + carry;
            (*word, carry) = (value as u32, value >> 32);
        }
        if carry != 0 {
            return None;
        }
    }
    Some(words)
}

fn seconds(time: IngestionTime) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or_default() / 1_000
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(seconds: i64) -> IngestionTime {
        IngestionTime::from_micros(seconds * 1_000_000)
    }

    #[test]
    fn a_number_of_the_service_is_read_and_written() {
        // The number in the API reference's example of PutRecord.
        let text = "49543463076548007577105092703039560359975228518395019266";
        let number = SequenceNumber::parse(text).unwrap();
        assert_eq!(number.shard, 0);
        assert_eq!(number.to_string(), text);
    }

    #[test]
    fn numbers_grow_with_the_place_and_from_parent_to_child() {
        let number = |shard, created, place, time| {
            SequenceNumber::of(ShardId(shard), at(created), Sequence(place), at(time)).to_string()
        };
        let first = SequenceNumber::first(ShardId(3), at(1_000)).to_string();
        let (a, b) = (number(3, 1_000, 0, 1_000), number(3, 1_000, 1, 900));
        let last = SequenceNumber::last(ShardId(3), at(1_000), at(2_000)).to_string();
        assert!(first < a && a < b && b < last && last < number(4, 1_001, 0, 1_500));
    }

    #[test]
    fn foreign_numbers_are_refused() {
        let large = "9".repeat(57);
        for text in ["", "0", "1", "49543463076548007577105092703039560359975228518395019267", "x", large.as_str()] {
            assert_eq!(SequenceNumber::parse(text), None, "{text}");
        }
        assert_eq!(AnyNumber::parse("x"), None);
        assert_eq!(AnyNumber::parse(&large), None);
    }

    #[test]
    fn old_numbers_are_told_from_none() {
        let old = |shard, shown: &str| Some(AnyNumber::Old { shard, time_s: 0, shown: shown.to_owned() });
        assert_eq!(AnyNumber::parse("0"), old(0, "21267647932558653966460912964485513216"));
        assert_eq!(AnyNumber::parse("5"), old(5, "21267647932558653966460912964485513221"));
        let text = "21693000891209827039382739016868823042";
        assert_eq!(AnyNumber::parse(text), old(2, text));
        // Its creation is beyond what the service takes.
        assert_eq!(AnyNumber::parse("26227199374822427428162556223570313216"), None);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(shard: u32, created in 0..10_000_000_000i64, place in 0..LAST_PLACE, time in 0..10_000_000_000i64) {
            let number = SequenceNumber::of(ShardId(shard), at(created), Sequence(place), at(time));
            prop_assert_eq!(SequenceNumber::parse(&number.to_string()), Some(number));
            prop_assert_eq!(number.position(false), Sequence(place));
            prop_assert_eq!(number.position(true), Sequence(place + 1));
        }
    }
}
