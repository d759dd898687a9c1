//! Values of one column's type as state keeps them: numbers as they are, everything else as bytes of Arrow's row encoding.

use std::cmp::Ordering;
use std::fmt::Debug;
use std::hash::Hash;
use std::marker::PhantomData;

use arrow::{
    array::{Array, ArrayData, ArrayRef, ArrowNativeTypeOp, NullBufferBuilder, make_array},
    buffer::{Buffer, ScalarBuffer},
    datatypes::{ArrowNativeType, DataType},
    row::Rows,
};
use tidemill_engine::{EngineError, Result};

use super::bytes::{Bytes, put_bytes, put_i64, put_u64};
use crate::operators::rows::RowCodec;

/// How values of one type are read from columns, kept, and made columns again. Their order is SQL's.
pub(crate) trait Values: Debug + Send + 'static {
    /// A value in state.
    type Value: Ord + Hash + Clone + Debug + Send + 'static;
    /// A batch's values.
    type Column<'a>
    where
        Self: 'a;
    /// Values as they are collected.
    type Builder;

    fn column<'a>(&'a self, column: &'a ArrayRef) -> Result<Self::Column<'a>>;
    /// The value of a row, which is not null unless nulls are values to the caller.
    fn get(column: &Self::Column<'_>, row: usize) -> Self::Value;
    /// As comparing with [`Values::get`], which may have to copy.
    fn compare(value: &Self::Value, column: &Self::Column<'_>, row: usize) -> Ordering;
    fn builder(&self, capacity: usize) -> Self::Builder;
    fn append(&self, value: Option<&Self::Value>, builder: &mut Self::Builder);
    fn finish(&self, builder: Self::Builder) -> Result<ArrayRef>;
    fn encode(value: &Self::Value, out: &mut Vec<u8>);
    fn decode(bytes: &mut Bytes<'_>) -> Option<Self::Value>;
}

/// Numbers that values are kept as.
pub(crate) trait Number: ArrowNativeTypeOp + Send + Sync + Debug + 'static {
    /// What tells values apart.
    type Bits: Hash;
    fn bits(self) -> Self::Bits;
    fn encode(self, out: &mut Vec<u8>);
    fn decode(bytes: &mut Bytes<'_>) -> Option<Self>;
}

macro_rules! number {
    ($($type:ty, $bits:ty, |$value:ident, $out:ident| $encode:expr, |$bytes:ident| $decode:expr, $to_bits:expr;)*) => {$(
        impl Number for $type {
            type Bits = $bits;
            fn bits(self) -> $bits {
                let to_bits: fn($type) -> $bits = $to_bits;
                to_bits(self)
            }
            fn encode(self, $out: &mut Vec<u8>) {
                let $value = self;
                $encode
            }
            fn decode($bytes: &mut Bytes<'_>) -> Option<Self> {
                $decode
            }
        }
    )*};
}

number! {
    i8, i8, |v, out| put_i64(out, v.into()), |b| b.i64()?.try_into().ok(), |v| v;
    i16, i16, |v, out| put_i64(out, v.into()), |b| b.i64()?.try_into().ok(), |v| v;
    i32, i32, |v, out| put_i64(out, v.into()), |b| b.i64()?.try_into().ok(), |v| v;
    i64, i64, |v, out| put_i64(out, v), |b| b.i64(), |v| v;
    u8, u8, |v, out| put_u64(out, v.into()), |b| b.u64()?.try_into().ok(), |v| v;
    u16, u16, |v, out| put_u64(out, v.into()), |b| b.u64()?.try_into().ok(), |v| v;
    u32, u32, |v, out| put_u64(out, v.into()), |b| b.u64()?.try_into().ok(), |v| v;
    u64, u64, |v, out| put_u64(out, v), |b| b.u64(), |v| v;
    f32, u32, |v, out| out.extend(v.to_le_bytes()), |b| b.array().map(f32::from_le_bytes), f32::to_bits;
    f64, u64, |v, out| out.extend(v.to_le_bytes()), |b| b.array().map(f64::from_le_bytes), f64::to_bits;
    i128, i128, |v, out| out.extend(v.to_le_bytes()), |b| b.array().map(i128::from_le_bytes), |v| v;
}

/// A number with the total order that SQL's sorting has: not-a-number is the greatest.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ordered<N>(pub(crate) N);

impl<N: Number> PartialEq for Ordered<N> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}
impl<N: Number> Eq for Ordered<N> {}
impl<N: Number> PartialOrd for Ordered<N> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl<N: Number> Ord for Ordered<N> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.compare(other.0)
    }
}
impl<N: Number> Hash for Ordered<N> {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.bits().hash(state);
    }
}

/// A column's numbers, whatever its type makes of them; those of nulls are anything.
pub(crate) fn numbers<N: ArrowNativeType>(column: &ArrayRef) -> Result<ScalarBuffer<N>> {
    let data = column.to_data();
    if data.data_type().primitive_width() != Some(size_of::<N>()) {
        return Err(EngineError::Plan(format!(
            "a column of {} came where one of {} bytes a value was promised",
            data.data_type(),
            size_of::<N>()
        )));
    }
    let Some(buffer) = data.buffers().first() else { return Ok(ScalarBuffer::from(Vec::new())) };
    Ok(ScalarBuffer::new(buffer.clone(), data.offset(), data.len()))
}

/// A column of a type whose values are numbers, as they are collected.
#[derive(Debug)]
pub(crate) struct NumberBuilder<N> {
    values: Vec<N>,
    valid: NullBufferBuilder,
}

impl<N: ArrowNativeType> NumberBuilder<N> {
    pub(crate) fn with_capacity(capacity: usize) -> Self {
        NumberBuilder { values: Vec::with_capacity(capacity), valid: NullBufferBuilder::new(capacity) }
    }

    pub(crate) fn append(&mut self, value: Option<N>) {
        self.values.push(value.unwrap_or_default());
        self.valid.append(value.is_some());
    }

    pub(crate) fn finish(mut self, data_type: &DataType) -> Result<ArrayRef> {
        let data = ArrayData::builder(data_type.clone())
            .len(self.values.len())
            .add_buffer(Buffer::from_vec(self.values))
            .nulls(self.valid.finish())
            .build()?;
        Ok(make_array(data))
    }
}

/// Numbers, dates, times and decimals.
#[derive(Debug)]
pub(crate) struct Numbers<N> {
    data_type: DataType,
    number: PhantomData<N>,
}

impl<N> Numbers<N> {
    pub(crate) fn new(data_type: &DataType) -> Self {
        Numbers { data_type: data_type.clone(), number: PhantomData }
    }
}

impl<N: Number> Values for Numbers<N> {
    type Value = Ordered<N>;
    type Column<'a> = ScalarBuffer<N>;
    type Builder = NumberBuilder<N>;

    fn column<'a>(&'a self, column: &'a ArrayRef) -> Result<ScalarBuffer<N>> {
        numbers(column)
    }

    fn get(column: &ScalarBuffer<N>, row: usize) -> Ordered<N> {
        Ordered(column[row])
    }

    fn compare(value: &Ordered<N>, column: &ScalarBuffer<N>, row: usize) -> Ordering {
        value.0.compare(column[row])
    }

    fn builder(&self, capacity: usize) -> NumberBuilder<N> {
        NumberBuilder::with_capacity(capacity)
    }

    fn append(&self, value: Option<&Ordered<N>>, builder: &mut NumberBuilder<N>) {
        builder.append(value.map(|value| value.0));
    }

    fn finish(&self, builder: NumberBuilder<N>) -> Result<ArrayRef> {
        builder.finish(&self.data_type)
    }

    fn encode(value: &Ordered<N>, out: &mut Vec<u8>) {
        value.0.encode(out);
    }

    fn decode(bytes: &mut Bytes<'_>) -> Option<Ordered<N>> {
        N::decode(bytes).map(Ordered)
    }
}

/// Values of any type, by their row encoding.
#[derive(Debug)]
pub(crate) struct Encoded {
    codec: RowCodec,
    null: Box<[u8]>,
}

impl Encoded {
    pub(crate) fn new(data_type: &DataType) -> Result<Self> {
        let codec = RowCodec::new([data_type.clone()])?;
        let null = codec.encode(&[arrow::array::new_null_array(data_type, 1)])?.row(0).as_ref().into();
        Ok(Encoded { codec, null })
    }
}

/// Encoded rows behind each other.
#[derive(Debug, Default)]
pub(crate) struct EncodedBuilder {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Values for Encoded {
    type Value = Box<[u8]>;
    type Column<'a> = Rows;
    type Builder = EncodedBuilder;

    fn column<'a>(&'a self, column: &'a ArrayRef) -> Result<Rows> {
        self.codec.encode(std::slice::from_ref(column))
    }

    fn get(column: &Rows, row: usize) -> Box<[u8]> {
        column.row(row).as_ref().into()
    }

    fn compare(value: &Box<[u8]>, column: &Rows, row: usize) -> Ordering {
        (**value).cmp(column.row(row).as_ref())
    }

    fn builder(&self, capacity: usize) -> EncodedBuilder {
        EncodedBuilder { bytes: Vec::new(), ends: Vec::with_capacity(capacity) }
    }

    fn append(&self, value: Option<&Box<[u8]>>, builder: &mut EncodedBuilder) {
        builder.bytes.extend_from_slice(value.unwrap_or(&self.null));
        builder.ends.push(builder.bytes.len());
    }

    fn finish(&self, builder: EncodedBuilder) -> Result<ArrayRef> {
        let EncodedBuilder { bytes, ends } = builder;
        let starts = std::iter::once(0).chain(ends.iter().copied());
        let rows = starts.zip(&ends).filter_map(|(start, end)| bytes.get(start..*end));
        let column = self.codec.decode(rows)?.pop();
        column.ok_or_else(|| EngineError::Plan("a codec of one column decoded none".into()))
    }

    fn encode(value: &Box<[u8]>, out: &mut Vec<u8>) {
        put_bytes(out, value);
    }

    fn decode(bytes: &mut Bytes<'_>) -> Option<Box<[u8]>> {
        bytes.bytes().map(Into::into)
    }
}

/// Appends a value, or that there is none.
pub(crate) fn put_option<V: Values>(value: Option<&V::Value>, out: &mut Vec<u8>) {
    out.push(u8::from(value.is_some()));
    value.into_iter().for_each(|value| V::encode(value, out));
}

/// Reads back what [`put_option`] wrote.
pub(crate) fn option<V: Values>(bytes: &mut Bytes<'_>) -> Option<Option<V::Value>> {
    match bytes.u8()? {
        0 => Some(None),
        _ => V::decode(bytes).map(Some),
    }
}

/// Names the [`Values`] of a type and goes on with them.
macro_rules! with_values {
    ($data_type:expr, |$values:ident| $then:expr) => {{
        use arrow::datatypes::DataType as T;
        let data_type: &T = $data_type;
        match data_type {
            T::Int32 | T::Date32 | T::Time32(_) => {
                let $values = $crate::aggregate::values::Numbers::<i32>::new(data_type);
                $then
            }
            T::Int64 | T::Date64 | T::Time64(_) | T::Timestamp(..) | T::Duration(_) => {
                let $values = $crate::aggregate::values::Numbers::<i64>::new(data_type);
                $then
            }
            T::Float64 => {
                let $values = $crate::aggregate::values::Numbers::<f64>::new(data_type);
                $then
            }
            T::Decimal128(..) => {
                let $values = $crate::aggregate::values::Numbers::<i128>::new(data_type);
                $then
            }
            _ => {
                let $values = $crate::aggregate::values::Encoded::new(data_type)?;
                $then
            }
        }
    }};
}
pub(crate) use with_values;
