//! The events of one kind among numbered events, and columns of them.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, StringArray, TimestampMillisecondArray};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, TimeUnit};
use arrow::error::ArrowError;

use super::config::{Config, Kind};
use super::pool::CHUNK;

/// A field of a kind of events.
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) data_type: DataType,
    pub(super) make: fn(&Events<'_>) -> Result<ArrayRef, ArrowError>,
}

pub(super) const TEXT: DataType = DataType::Utf8;
pub(super) const NUMBER: DataType = DataType::Int64;
pub(super) const TIME: DataType = DataType::Timestamp(TimeUnit::Millisecond, None);

/// One event after the other, without those of other kinds.
pub(super) struct Events<'a> {
    pub(super) config: &'a Config,
    /// The events' numbers.
    pub(super) numbers: Vec<u64>,
    /// When they happen, milliseconds since 1970.
    pub(super) times_ms: Vec<i64>,
    /// The last person's and the last auction's numbers by then, the event itself included.
    pub(super) last_person: Vec<u64>,
    pub(super) last_auction: Vec<u64>,
}

impl<'a> Events<'a> {
    /// The events of one kind in a range of numbers.
    pub(super) fn new(config: &'a Config, kind: Kind, range: &Range<u64>, base_ms: i64) -> Self {
        let share = match kind {
            Kind::Person => 0..config.people,
            Kind::Auction => config.people..config.people + config.auctions,
            Kind::Bid => config.people + config.auctions..config.round(),
        };
        let length = range.end - range.start;
        let most = (length / config.round() + 2) * (share.end - share.start);
        let most = usize::try_from(most.min(length)).unwrap_or(0);
        let mut events = Events {
            config,
            numbers: Vec::with_capacity(most),
            times_ms: Vec::with_capacity(most),
            last_person: Vec::with_capacity(most),
            last_auction: Vec::with_capacity(most),
        };
        let mut round = range.start / config.round();
        while round * config.round() < range.end {
            let first = round * config.round();
            let numbers = range.start.max(first + share.start)..range.end.min(first + share.end);
            for number in numbers.clone() {
                let offset = number - first;
                events.numbers.push(number);
                events.last_person.push(round * config.people + offset.min(config.people - 1));
                let auction = offset.saturating_sub(config.people).min(config.auctions - 1);
                events.last_auction.push(round * config.auctions + auction);
            }
            config.times_ms(numbers, base_ms, &mut events.times_ms);
            round += 1;
        }
        events
    }

    pub(super) fn len(&self) -> usize {
        self.numbers.len()
    }

    /// A column of numbers; `one` gets the event's number, the last person and the last auction.
    pub(super) fn numbers_of(&self, one: impl Fn(u64, u64, u64) -> i64) -> ArrayRef {
        let known = self.last_person.iter().zip(&self.last_auction);
        let values = self.numbers.iter().zip(known).map(|(&number, (&person, &auction))| one(number, person, auction));
        Arc::new(Int64Array::from_iter_values(values))
    }

    /// A column of times in milliseconds.
    pub(super) fn times(&self, times_ms: impl Iterator<Item = i64>) -> ArrayRef {
        Arc::new(TimestampMillisecondArray::from_iter_values(times_ms))
    }

    /// A column of text: `write` appends an event's text. `bytes` is what one has, about.
    pub(super) fn texts(&self, bytes: usize, write: impl Fn(u64, &mut Vec<u8>)) -> Result<ArrayRef, ArrowError> {
        let too_long = || ArrowError::InvalidArgumentError("a batch's texts are longer than 2 GiB".into());
        let mut values = Vec::with_capacity(self.len() * bytes + CHUNK);
        let mut offsets = Vec::with_capacity(self.len() + 1);
        offsets.push(0);
        for &number in &self.numbers {
            write(number, &mut values);
            offsets.push(i32::try_from(values.len()).map_err(|_| too_long())?);
        }
        Ok(Arc::new(StringArray::try_new(OffsetBuffer::new(offsets.into()), values.into(), None)?))
    }

    /// The `dateTime` of all kinds.
    pub(super) fn date_time(&self) -> Result<ArrayRef, ArrowError> {
        Ok(self.times(self.times_ms.iter().copied()))
    }
}
