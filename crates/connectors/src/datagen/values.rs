//! Whole columns of made-up values.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Decimal128Array, FixedSizeBinaryArray, Float64Array, Int64Array, ListArray,
    MapArray, StringArray, StructArray, TimestampMicrosecondArray,
};
use arrow::buffer::{BooleanBuffer, Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::compute::cast;
use arrow::datatypes::{DataType, FieldRef, TimeUnit};
use arrow::error::ArrowError;

use crate::generate::{below, mix, unit};

const DAY_US: i64 = 86_400_000_000;

/// How a column's values are made.
#[derive(Clone, Debug)]
pub(super) enum Values {
    Booleans,
    Integers { min: i64, max: i64 },
    Floats { min: f64, max: f64 },
    Decimals { min: i128, max: i128 },
    Text { length: u64, var_len: bool },
    Bytes { length: u64, var_len: bool },
    Timestamps { past: u64 },
    Dates,
    Times,
    Sequence { start: i64 },
    List { length: u64, item: Box<Column> },
    Map { length: u64, key: Box<Column>, value: Box<Column> },
    Row(Vec<Column>),
}

/// A column, or a part of one.
#[derive(Clone, Debug)]
pub(super) struct Column {
    field: FieldRef,
    /// Tells columns apart, whatever their order.
    salt: u64,
    null_rate: f64,
    values: Values,
}

/// Which values: the number of each, and its "now" in microseconds.
#[derive(Clone, Copy)]
pub(super) struct Places<'a> {
    pub(super) seed: u64,
    pub(super) numbers: &'a [u64],
    pub(super) times: &'a [i64],
}

impl Column {
    pub(super) fn new(field: FieldRef, path: &str, null_rate: f64, values: Values) -> Self {
        let salt = path.bytes().fold(0, |salt, byte| mix(salt, u64::from(byte)));
        Column { field, salt, null_rate, values }
    }

    /// Makes the values of these places.
    pub(super) fn fill(&self, places: Places<'_>) -> Result<ArrayRef, ArrowError> {
        let seed = mix(places.seed, self.salt);
        let words = || places.numbers.iter().map(move |&number| mix(seed, number));
        let nulls = self.nulls(seed, places);
        let array: ArrayRef = match &self.values {
            Values::Booleans => {
                Arc::new(BooleanArray::new(BooleanBuffer::from_iter(words().map(|word| word & 1 == 1)), nulls))
            }
            Values::Integers { min, max } => {
                let span = max.wrapping_sub(*min) as u64;
                let value = |word| match span.checked_add(1) {
                    Some(values) => min.wrapping_add(below(word, values) as i64),
                    None => word as i64,
                };
                Arc::new(Int64Array::new(words().map(value).collect(), nulls))
            }
            Values::Floats { min, max } => {
                let value = |word| {
                    let part = unit(word);
                    (min * (1.0 - part) + max * part).clamp(*min, *max)
                };
                Arc::new(Float64Array::new(words().map(value).collect(), nulls))
            }
            Values::Decimals { min, max } => {
                let span = max.wrapping_sub(*min) as u128;
                let value = |word: u64| {
                    let wide = (u128::from(word) << 64) | u128::from(mix(seed ^ 1, word));
                    min.wrapping_add(span.checked_add(1).map_or(wide, |values| wide % values) as i128)
                };
                let values: ScalarBuffer<i128> = words().map(value).collect();
                Arc::new(Decimal128Array::new(values, nulls).with_data_type(self.field.data_type().clone()))
            }
            Values::Text { length, var_len } => {
                let (offsets, bytes) = hex(words(), *length, *var_len)?;
                Arc::new(StringArray::try_new(offsets, bytes, nulls)?)
            }
            Values::Bytes { length, var_len } => {
                let (offsets, bytes) = binary(words(), *length, *var_len)?;
                match self.field.data_type() {
                    DataType::FixedSizeBinary(width) => Arc::new(FixedSizeBinaryArray::try_new(*width, bytes, nulls)?),
                    _ => Arc::new(BinaryArray::try_new(offsets, bytes, nulls)?),
                }
            }
            Values::Timestamps { past } => {
                let values = words().zip(places.times);
                let values = values.map(|(word, now)| now - below(word, past.saturating_add(1)) as i64).collect();
                self.timestamps(values, nulls)
            }
            Values::Dates => cast(&utc(places.times.to_vec().into(), nulls), &DataType::Date32)?,
            Values::Times => {
                let values = places.times.iter().map(|now| now.rem_euclid(DAY_US)).collect();
                let times = Int64Array::new(values, nulls);
                cast(&times, &DataType::Time64(TimeUnit::Microsecond))?
            }
            Values::Sequence { start } => {
                let values = places.numbers.iter().map(|&number| start.wrapping_add(number as i64)).collect();
                Arc::new(Int64Array::new(values, nulls))
            }
            Values::List { length, item } => {
                let DataType::List(field) = self.field.data_type() else { return Err(self.defect()) };
                let items = item.elements(seed, places, *length)?;
                Arc::new(ListArray::try_new(field.clone(), self.offsets(places, *length), items, nulls)?)
            }
            Values::Map { length, key, value } => {
                let DataType::Map(entries, sorted) = self.field.data_type() else { return Err(self.defect()) };
                let DataType::Struct(fields) = entries.data_type() else { return Err(self.defect()) };
                let (keys, values) = (key.elements(seed, places, *length)?, value.elements(seed, places, *length)?);
                let pairs = StructArray::try_new(fields.clone(), vec![keys, values], None)?;
                let offsets = self.offsets(places, *length);
                Arc::new(MapArray::try_new(entries.clone(), offsets, pairs, nulls, *sorted)?)
            }
            Values::Row(columns) => {
                let DataType::Struct(fields) = self.field.data_type() else { return Err(self.defect()) };
                let arrays = columns.iter().map(|column| column.fill(places)).collect::<Result<_, _>>()?;
                Arc::new(StructArray::try_new_with_length(fields.clone(), arrays, nulls, places.numbers.len())?)
            }
        };
        if array.data_type() == self.field.data_type() { Ok(array) } else { cast(&array, self.field.data_type()) }
    }

    fn nulls(&self, seed: u64, places: Places<'_>) -> Option<NullBuffer> {
        (self.null_rate > 0.0).then(|| {
            let seed = !seed;
            places.numbers.iter().map(|&number| unit(mix(seed, number)) >= self.null_rate).collect()
        })
    }

    fn timestamps(&self, values: ScalarBuffer<i64>, nulls: Option<NullBuffer>) -> ArrayRef {
        let zone = match self.field.data_type() {
            DataType::Timestamp(_, zone) => zone.clone(),
            _ => None,
        };
        Arc::new(TimestampMicrosecondArray::new(values, nulls).with_timezone_opt(zone))
    }

    /// The elements of all places, `length` each.
    fn elements(&self, seed: u64, places: Places<'_>, length: u64) -> Result<ArrayRef, ArrowError> {
        let numbers: Vec<u64> =
            places.numbers.iter().flat_map(|&number| (0..length).map(move |i| mix(number, i))).collect();
        let times: Vec<i64> = places.times.iter().flat_map(|&time| (0..length).map(move |_| time)).collect();
        self.fill(Places { seed, numbers: &numbers, times: &times })
    }

    fn offsets(&self, places: Places<'_>, length: u64) -> OffsetBuffer<i32> {
        OffsetBuffer::from_lengths(std::iter::repeat_n(length as usize, places.numbers.len()))
    }

    fn defect(&self) -> ArrowError {
        ArrowError::InvalidArgumentError(format!("column {} is {}", self.field.name(), self.field.data_type()))
    }
}

fn utc(values: ScalarBuffer<i64>, nulls: Option<NullBuffer>) -> TimestampMicrosecondArray {
    TimestampMicrosecondArray::new(values, nulls)
}

type Parts = (OffsetBuffer<i32>, Buffer);

/// Hexadecimal digits.
fn hex(words: impl Iterator<Item = u64>, length: u64, var_len: bool) -> Result<Parts, ArrowError> {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    build(words, length, var_len, |word, digits| {
        for (i, digit) in digits.iter_mut().enumerate() {
            *digit = DIGITS[(word >> (i * 4)) as usize & 15];
        }
    })
}

fn binary(words: impl Iterator<Item = u64>, length: u64, var_len: bool) -> Result<Parts, ArrowError> {
    build(words, length, var_len, |word, bytes| {
        bytes.copy_from_slice(&(u128::from(word) | u128::from(mix(word, 1)) << 64).to_le_bytes());
    })
}

/// Values of random bytes, sixteen of them of a word.
fn build(
    words: impl Iterator<Item = u64>,
    length: u64,
    var_len: bool,
    sixteen: impl Fn(u64, &mut [u8; 16]),
) -> Result<Parts, ArrowError> {
    let too_long =
        || ArrowError::InvalidArgumentError("a batch's texts are longer than 2 GiB; make them shorter".into());
    let mut offsets = vec![0];
    let mut bytes = Vec::new();
    for word in words {
        let mut left = if var_len { 1 + below(word, length.max(1)) } else { length } as usize;
        let mut part = word;
        let mut chunk = [0; 16];
        while left > 0 {
            part = mix(part, 1);
            sixteen(part, &mut chunk);
            let (taken, _) = chunk.split_at(left.min(16));
            bytes.extend_from_slice(taken);
            left -= taken.len();
        }
        offsets.push(i32::try_from(bytes.len()).map_err(|_| too_long())?);
    }
    Ok((OffsetBuffer::new(offsets.into()), bytes.into()))
}
