//! A batch's columns become Arrow arrays.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, ArrowPrimitiveType, BinaryArray, BinaryViewArray, BooleanArray, Decimal128Array, FixedSizeBinaryArray,
    LargeBinaryArray, LargeStringArray, ListArray, MapArray, NullArray, PrimitiveArray, StringArray, StringViewArray,
    StructArray,
};
use arrow::buffer::{BooleanBuffer, Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::compute::cast;
use arrow::datatypes::{
    DataType, Date32Type, Date64Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    Time32MillisecondType, Time32SecondType, Time64MicrosecondType, Time64NanosecondType, TimeUnit, UInt8Type,
    UInt16Type, UInt32Type, UInt64Type,
};
use arrow::error::ArrowError;

use super::{Column, Values};
use crate::error::Result;

const MILLIS_PER_DAY: i64 = 86_400_000;

impl Column {
    /// The values so far as an array; the column is empty again, with room for as many.
    pub(crate) fn finish(&mut self) -> Result<ArrayRef> {
        let nulls = self.valid.finish();
        let len = std::mem::take(&mut self.len);
        let array = match self.field.data_type() {
            DataType::Dictionary(_, value) => {
                let plain = build(&mut self.values, value, len, nulls)?;
                cast(&plain, self.field.data_type())?
            }
            data_type => build(&mut self.values, data_type, len, nulls)?,
        };
        Ok(array)
    }
}

fn build(values: &mut Values, data_type: &DataType, len: usize, nulls: Option<NullBuffer>) -> Result<ArrayRef> {
    Ok(match (values, data_type) {
        (Values::Null, _) => Arc::new(NullArray::new(len)),
        (Values::Bool(values), _) => {
            let bits = BooleanBuffer::from(values.as_slice());
            values.clear();
            Arc::new(BooleanArray::new(bits, nulls))
        }
        (Values::Int(values), data_type) => integers(values, data_type, nulls)?,
        (Values::Float(values), DataType::Float32) => narrow::<Float32Type, _>(values, nulls, |v| v as f32)?,
        (Values::Float(values), _) => whole::<Float64Type>(values, nulls)?,
        (Values::Decimal(values), data_type) => {
            Arc::new(Decimal128Array::try_new(take(values).into(), nulls)?.with_data_type(data_type.clone()))
        }
        (Values::Bytes { ends, data }, data_type) => bytes(ends, data, data_type, nulls)?,
        (Values::List { ends, item }, DataType::List(field)) => {
            Arc::new(ListArray::try_new(Arc::clone(field), offsets(ends), item.finish()?, nulls)?)
        }
        (Values::Map { ends, key, value }, DataType::Map(entries, sorted)) => {
            let DataType::Struct(fields) = entries.data_type() else { return Err(unexpected(entries.data_type())) };
            let pairs = StructArray::try_new(fields.clone(), vec![key.finish()?, value.finish()?], None)?;
            Arc::new(MapArray::try_new(Arc::clone(entries), offsets(ends), pairs, nulls, *sorted)?)
        }
        (Values::Struct(columns), DataType::Struct(fields)) => {
            let arrays = columns.iter_mut().map(Column::finish).collect::<Result<_>>()?;
            Arc::new(StructArray::try_new_with_length(fields.clone(), arrays, nulls, len)?)
        }
        (_, data_type) => return Err(unexpected(data_type)),
    })
}

fn unexpected(data_type: &DataType) -> crate::Error {
    ArrowError::SchemaError(format!("a column was built that is no {data_type}")).into()
}

/// The values, and room for as many of the next batch.
fn take<T>(values: &mut Vec<T>) -> Vec<T> {
    let room = Vec::with_capacity(values.len());
    std::mem::replace(values, room)
}

fn whole<T: ArrowPrimitiveType>(values: &mut Vec<T::Native>, nulls: Option<NullBuffer>) -> Result<ArrayRef> {
    Ok(Arc::new(PrimitiveArray::<T>::try_new(take(values).into(), nulls)?))
}

fn narrow<T: ArrowPrimitiveType, V: Copy>(
    values: &mut Vec<V>,
    nulls: Option<NullBuffer>,
    to: impl Fn(V) -> T::Native,
) -> Result<ArrayRef> {
    let narrowed: ScalarBuffer<T::Native> = values.iter().map(|&value| to(value)).collect();
    values.clear();
    Ok(Arc::new(PrimitiveArray::<T>::try_new(narrowed, nulls)?))
}

/// The casts lose nothing: each value's range was checked when it was added.
fn integers(values: &mut Vec<i64>, data_type: &DataType, nulls: Option<NullBuffer>) -> Result<ArrayRef> {
    use arrow::array::{
        TimestampMicrosecondArray, TimestampMillisecondArray, TimestampNanosecondArray, TimestampSecondArray,
    };
    Ok(match data_type {
        DataType::Int8 => narrow::<Int8Type, _>(values, nulls, |v| v as i8)?,
        DataType::Int16 => narrow::<Int16Type, _>(values, nulls, |v| v as i16)?,
        DataType::Int32 => narrow::<Int32Type, _>(values, nulls, |v| v as i32)?,
        DataType::Int64 => whole::<Int64Type>(values, nulls)?,
        DataType::UInt8 => narrow::<UInt8Type, _>(values, nulls, |v| v as u8)?,
        DataType::UInt16 => narrow::<UInt16Type, _>(values, nulls, |v| v as u16)?,
        DataType::UInt32 => narrow::<UInt32Type, _>(values, nulls, |v| v as u32)?,
        DataType::UInt64 => narrow::<UInt64Type, _>(values, nulls, i64::cast_unsigned)?,
        DataType::Date32 => narrow::<Date32Type, _>(values, nulls, |v| v as i32)?,
        DataType::Date64 => narrow::<Date64Type, _>(values, nulls, |v| v * MILLIS_PER_DAY)?,
        DataType::Time32(TimeUnit::Second) => narrow::<Time32SecondType, _>(values, nulls, |v| v as i32)?,
        DataType::Time32(_) => narrow::<Time32MillisecondType, _>(values, nulls, |v| v as i32)?,
        DataType::Time64(TimeUnit::Nanosecond) => whole::<Time64NanosecondType>(values, nulls)?,
        DataType::Time64(_) => whole::<Time64MicrosecondType>(values, nulls)?,
        DataType::Timestamp(unit, zone) => {
            let (values, zone) = (ScalarBuffer::from(take(values)), zone.clone());
            match unit {
                TimeUnit::Second => Arc::new(TimestampSecondArray::try_new(values, nulls)?.with_timezone_opt(zone)),
                TimeUnit::Millisecond => {
                    Arc::new(TimestampMillisecondArray::try_new(values, nulls)?.with_timezone_opt(zone))
                }
                TimeUnit::Microsecond => {
                    Arc::new(TimestampMicrosecondArray::try_new(values, nulls)?.with_timezone_opt(zone))
                }
                TimeUnit::Nanosecond => {
                    Arc::new(TimestampNanosecondArray::try_new(values, nulls)?.with_timezone_opt(zone))
                }
            }
        }
        other => return Err(unexpected(other)),
    })
}

fn bytes(ends: &mut Vec<i32>, data: &mut Vec<u8>, data_type: &DataType, nulls: Option<NullBuffer>) -> Result<ArrayRef> {
    if let &DataType::FixedSizeBinary(width) = data_type {
        let len = ends.len();
        ends.clear();
        let data = Buffer::from_vec(take(data));
        return Ok(Arc::new(FixedSizeBinaryArray::try_new_with_len(width, data, nulls, len)?));
    }
    let wide = matches!(data_type, DataType::LargeUtf8 | DataType::LargeBinary);
    let wide_offsets = wide.then(|| OffsetBuffer::from_lengths(lengths(ends)));
    let (offsets, data) = (offsets(ends), Buffer::from_vec(take(data)));
    Ok(match (data_type, wide_offsets) {
        (DataType::LargeUtf8, Some(offsets)) => Arc::new(LargeStringArray::try_new(offsets, data, nulls)?),
        (DataType::LargeBinary, Some(offsets)) => Arc::new(LargeBinaryArray::try_new(offsets, data, nulls)?),
        (DataType::Utf8View, _) => Arc::new(StringViewArray::from(&StringArray::try_new(offsets, data, nulls)?)),
        (DataType::BinaryView, _) => Arc::new(BinaryViewArray::from(&BinaryArray::try_new(offsets, data, nulls)?)),
        (DataType::Binary, _) => Arc::new(BinaryArray::try_new(offsets, data, nulls)?),
        (DataType::Utf8, _) => Arc::new(StringArray::try_new(offsets, data, nulls)?),
        (other, _) => return Err(unexpected(other)),
    })
}

fn lengths(ends: &[i32]) -> impl Iterator<Item = usize> {
    let begins = std::iter::once(0).chain(ends.iter().copied());
    ends.iter().zip(begins).map(|(end, begin)| (end - begin).unsigned_abs() as usize)
}

fn offsets(ends: &mut Vec<i32>) -> OffsetBuffer<i32> {
    let mut offsets = Vec::with_capacity(ends.len() + 1);
    offsets.push(0);
    offsets.append(ends);
    OffsetBuffer::new(offsets.into())
}
