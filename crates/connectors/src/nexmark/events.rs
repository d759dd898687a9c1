//! The events of one kind among numbered events, and columns of them.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, StringArray, TimestampMillisecondArray};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::{DataType, Int64Type, TimeUnit, TimestampMillisecondType};
use arrow::error::ArrowError;

use super::config::{Config, Kind};

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
    pub(super) base_ms: i64,
    /// The events' numbers.
    pub(super) numbers: Vec<u64>,
    /// The last person's and the last auction's numbers by then, the event itself included.
    pub(super) last_person: Vec<u64>,
    pub(super) last_auction: Vec<u64>,
    /// Where each event lies in the range.
    pub(super) rows: Vec<u32>,
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
            base_ms,
            numbers: Vec::with_capacity(most),
            last_person: Vec::with_capacity(most),
            last_auction: Vec::with_capacity(most),
            rows: Vec::with_capacity(most),
        };
        let mut round = range.start / config.round();
        while round * config.round() < range.end {
            let first = round * config.round();
            let offsets = range.start.max(first + share.start)..range.end.min(first + share.end);
            for number in offsets {
                let offset = number - first;
                events.numbers.push(number);
                events.last_person.push(round * config.people + offset.min(config.people - 1));
                let auction = offset.saturating_sub(config.people).min(config.auctions - 1);
                events.last_auction.push(round * config.auctions + auction);
                events.rows.push((number - range.start) as u32);
            }
            round += 1;
        }
        events
    }

    pub(super) fn len(&self) -> usize {
        self.numbers.len()
    }

    pub(super) fn times_ms(&self) -> impl Iterator<Item = i64> {
        self.numbers.iter().map(|&number| self.config.time_ms(number, self.base_ms))
    }

    /// A column of numbers; `one` gets the event's number, the last person and the last auction.
    pub(super) fn numbers_of(&self, one: impl Fn(u64, u64, u64) -> i64) -> ArrayRef {
        let known = self.last_person.iter().zip(&self.last_auction);
        let values = self.numbers.iter().zip(known).map(|(&number, (&person, &auction))| one(number, person, auction));
        Arc::new(values.collect::<Int64Array>())
    }

    /// A column of times in milliseconds.
    pub(super) fn times(&self, times_ms: impl Iterator<Item = i64>) -> ArrayRef {
        Arc::new(TimestampMillisecondArray::from_iter_values(times_ms))
    }

    /// A column of text: `write` appends an event's text. `bytes` is what one has, about.
    pub(super) fn texts(&self, bytes: usize, write: impl Fn(u64, &mut Vec<u8>)) -> Result<ArrayRef, ArrowError> {
        let too_long = || ArrowError::InvalidArgumentError("a batch's texts are longer than 2 GiB".into());
        let mut values = Vec::with_capacity(self.len() * bytes + 64);
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
        Ok(self.times(self.times_ms()))
    }

    /// True at the events' rows.
    pub(super) fn validity(&self, rows: usize) -> NullBuffer {
        let mut valid = vec![false; rows];
        for &row in &self.rows {
            if let Some(valid) = valid.get_mut(row as usize) {
                *valid = true;
            }
        }
        NullBuffer::from(valid)
    }

    /// A column of the events as one of all rows of the range; null at the others. Text is not copied.
    pub(super) fn spread(&self, column: &ArrayRef, rows: usize) -> Result<ArrayRef, ArrowError> {
        let nulls = Some(self.validity(rows));
        let scatter = |values: &[i64]| {
            let mut all = vec![0; rows];
            for (&row, &value) in self.rows.iter().zip(values) {
                if let Some(slot) = all.get_mut(row as usize) {
                    *slot = value;
                }
            }
            all
        };
        Ok(match column.data_type() {
            DataType::Int64 => {
                Arc::new(Int64Array::new(scatter(column.as_primitive::<Int64Type>().values()).into(), nulls))
            }
            DataType::Timestamp(TimeUnit::Millisecond, _) => {
                let values = scatter(column.as_primitive::<TimestampMillisecondType>().values());
                Arc::new(TimestampMillisecondArray::new(values.into(), nulls))
            }
            _ => {
                let texts = column.as_string::<i32>();
                let mut offsets: Vec<i32> = Vec::with_capacity(rows + 1);
                let mut ends = texts.value_offsets().iter().copied();
                let mut at = ends.next().unwrap_or(0);
                for (&row, end) in self.rows.iter().zip(ends) {
                    offsets.resize(row as usize + 1, at);
                    at = end;
                }
                offsets.resize(rows + 1, at);
                Arc::new(StringArray::try_new(OffsetBuffer::new(offsets.into()), texts.values().clone(), nulls)?)
            }
        })
    }
}
