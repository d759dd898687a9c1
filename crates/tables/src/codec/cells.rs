//! Arrow arrays as cells and back: the only place that knows every array type.

use std::borrow::Cow;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BinaryBuilder, BinaryViewArray, BinaryViewBuilder, BooleanArray,
    BooleanBuilder, Decimal128Array, Decimal128Builder, FixedSizeBinaryArray, FixedSizeBinaryBuilder, Float32Array,
    Float32Builder, Float64Array, Float64Builder, Int8Array, Int8Builder, Int16Array, Int16Builder, Int32Array,
    Int32Builder, Int64Array, Int64Builder, LargeBinaryArray, LargeBinaryBuilder, LargeStringArray, LargeStringBuilder,
    StringArray, StringBuilder, StringViewArray, StringViewBuilder, UInt8Array, UInt8Builder, UInt16Array,
    UInt16Builder, UInt32Array, UInt32Builder, UInt64Array, UInt64Builder, make_array,
};
use arrow::datatypes::DataType;
use arrow::error::ArrowError;

use crate::value::Value;

/// The cells of one array, readable by row number.
pub(crate) enum Cells {
    Bool(BooleanArray),
    Int8(Int8Array),
    Int16(Int16Array),
    Int32(Int32Array),
    Int64(Int64Array),
    UInt8(UInt8Array),
    UInt16(UInt16Array),
    UInt32(UInt32Array),
    UInt64(UInt64Array),
    Float32(Float32Array),
    Float64(Float64Array),
    Decimal(Decimal128Array),
    Utf8(StringArray),
    LargeUtf8(LargeStringArray),
    Utf8View(StringViewArray),
    Binary(BinaryArray),
    LargeBinary(LargeBinaryArray),
    BinaryView(BinaryViewArray),
    Fixed(FixedSizeBinaryArray),
}

impl Cells {
    /// The cells of `array`, whose type must be one that [`super::Kind::of`] knows.
    pub(crate) fn of(array: &ArrayRef) -> Result<Cells, ArrowError> {
        let array = relabel(array, physical_type(array.data_type()))?;
        Ok(match array.data_type() {
            DataType::Boolean => Cells::Bool(array.as_boolean().clone()),
            DataType::Int8 => Cells::Int8(array.as_primitive().clone()),
            DataType::Int16 => Cells::Int16(array.as_primitive().clone()),
            DataType::Int32 => Cells::Int32(array.as_primitive().clone()),
            DataType::Int64 => Cells::Int64(array.as_primitive().clone()),
            DataType::UInt8 => Cells::UInt8(array.as_primitive().clone()),
            DataType::UInt16 => Cells::UInt16(array.as_primitive().clone()),
            DataType::UInt32 => Cells::UInt32(array.as_primitive().clone()),
            DataType::UInt64 => Cells::UInt64(array.as_primitive().clone()),
            DataType::Float32 => Cells::Float32(array.as_primitive().clone()),
            DataType::Float64 => Cells::Float64(array.as_primitive().clone()),
            DataType::Decimal128(_, _) => Cells::Decimal(array.as_primitive().clone()),
            DataType::Utf8 => Cells::Utf8(array.as_string().clone()),
            DataType::LargeUtf8 => Cells::LargeUtf8(array.as_string().clone()),
            DataType::Utf8View => Cells::Utf8View(array.as_string_view().clone()),
            DataType::Binary => Cells::Binary(array.as_binary().clone()),
            DataType::LargeBinary => Cells::LargeBinary(array.as_binary().clone()),
            DataType::BinaryView => Cells::BinaryView(array.as_binary_view().clone()),
            DataType::FixedSizeBinary(_) => Cells::Fixed(array.as_fixed_size_binary().clone()),
            other => return Err(ArrowError::NotYetImplemented(format!("a table column of type {other}"))),
        })
    }

    /// The cell of one row; `row` is less than the array's length.
    pub(crate) fn get(&self, row: usize) -> Value<'_> {
        macro_rules! cell {
            ($array:expr, $make:expr) => {
                match $array.is_null(row) {
                    true => Value::Null,
                    false => $make($array.value(row)),
                }
            };
        }
        match self {
            Cells::Bool(a) => cell!(a, Value::Bool),
            Cells::Int8(a) => cell!(a, |v: i8| Value::Int(v.into())),
            Cells::Int16(a) => cell!(a, |v: i16| Value::Int(v.into())),
            Cells::Int32(a) => cell!(a, |v: i32| Value::Int(v.into())),
            Cells::Int64(a) => cell!(a, Value::Int),
            Cells::UInt8(a) => cell!(a, |v: u8| Value::UInt(v.into())),
            Cells::UInt16(a) => cell!(a, |v: u16| Value::UInt(v.into())),
            Cells::UInt32(a) => cell!(a, |v: u32| Value::UInt(v.into())),
            Cells::UInt64(a) => cell!(a, Value::UInt),
            Cells::Float32(a) => cell!(a, |v: f32| Value::Float(v.into())),
            Cells::Float64(a) => cell!(a, Value::Float),
            Cells::Decimal(a) => cell!(a, Value::Decimal),
            Cells::Utf8(a) => cell!(a, |v| Value::Text(Cow::Borrowed(v))),
            Cells::LargeUtf8(a) => cell!(a, |v| Value::Text(Cow::Borrowed(v))),
            Cells::Utf8View(a) => cell!(a, |v| Value::Text(Cow::Borrowed(v))),
            Cells::Binary(a) => cell!(a, |v| Value::Binary(Cow::Borrowed(v))),
            Cells::LargeBinary(a) => cell!(a, |v| Value::Binary(Cow::Borrowed(v))),
            Cells::BinaryView(a) => cell!(a, |v| Value::Binary(Cow::Borrowed(v))),
            Cells::Fixed(a) => cell!(a, |v| Value::Binary(Cow::Borrowed(v))),
        }
    }
}

/// Builds one array from cells.
pub(crate) struct CellsBuilder {
    data_type: DataType,
    builder: Builder,
}

enum Builder {
    Bool(BooleanBuilder),
    Int8(Int8Builder),
    Int16(Int16Builder),
    Int32(Int32Builder),
    Int64(Int64Builder),
    UInt8(UInt8Builder),
    UInt16(UInt16Builder),
    UInt32(UInt32Builder),
    UInt64(UInt64Builder),
    Float32(Float32Builder),
    Float64(Float64Builder),
    Decimal(Decimal128Builder),
    Utf8(StringBuilder),
    LargeUtf8(LargeStringBuilder),
    Utf8View(StringViewBuilder),
    Binary(BinaryBuilder),
    LargeBinary(LargeBinaryBuilder),
    BinaryView(BinaryViewBuilder),
    Fixed(FixedSizeBinaryBuilder),
}

impl CellsBuilder {
    /// A builder of arrays of this type.
    pub(crate) fn new(data_type: &DataType) -> Result<CellsBuilder, ArrowError> {
        let builder = match physical_type(data_type) {
            DataType::Boolean => Builder::Bool(BooleanBuilder::new()),
            DataType::Int8 => Builder::Int8(Int8Builder::new()),
            DataType::Int16 => Builder::Int16(Int16Builder::new()),
            DataType::Int32 => Builder::Int32(Int32Builder::new()),
            DataType::Int64 => Builder::Int64(Int64Builder::new()),
            DataType::UInt8 => Builder::UInt8(UInt8Builder::new()),
            DataType::UInt16 => Builder::UInt16(UInt16Builder::new()),
            DataType::UInt32 => Builder::UInt32(UInt32Builder::new()),
            DataType::UInt64 => Builder::UInt64(UInt64Builder::new()),
            DataType::Float32 => Builder::Float32(Float32Builder::new()),
            DataType::Float64 => Builder::Float64(Float64Builder::new()),
            t @ DataType::Decimal128(_, _) => Builder::Decimal(Decimal128Builder::new().with_data_type(t)),
            DataType::Utf8 => Builder::Utf8(StringBuilder::new()),
            DataType::LargeUtf8 => Builder::LargeUtf8(LargeStringBuilder::new()),
            DataType::Utf8View => Builder::Utf8View(StringViewBuilder::new()),
            DataType::Binary => Builder::Binary(BinaryBuilder::new()),
            DataType::LargeBinary => Builder::LargeBinary(LargeBinaryBuilder::new()),
            DataType::BinaryView => Builder::BinaryView(BinaryViewBuilder::new()),
            DataType::FixedSizeBinary(n) => Builder::Fixed(FixedSizeBinaryBuilder::new(n)),
            other => return Err(ArrowError::NotYetImplemented(format!("a table column of type {other}"))),
        };
        Ok(CellsBuilder { data_type: data_type.clone(), builder })
    }

    /// Appends one cell, which has been coerced to the column's kind; anything else is an error.
    pub(crate) fn push(&mut self, value: &Value<'_>) -> Result<(), ArrowError> {
        macro_rules! push {
            ($builder:expr, $variant:ident, $value:ident => $to:expr) => {
                match value {
                    Value::Null => $builder.append_null(),
                    Value::$variant($value) => $builder.append_value($to),
                    other => return Err(ArrowError::CastError(format!("{other:?} in a {} column", self.data_type))),
                }
            };
        }
        let range = |_| ArrowError::CastError(format!("{value:?} does not fit a {} column", self.data_type));
        match &mut self.builder {
            Builder::Bool(b) => push!(b, Bool, v => *v),
            Builder::Int8(b) => push!(b, Int, v => i8::try_from(*v).map_err(range)?),
            Builder::Int16(b) => push!(b, Int, v => i16::try_from(*v).map_err(range)?),
            Builder::Int32(b) => push!(b, Int, v => i32::try_from(*v).map_err(range)?),
            Builder::Int64(b) => push!(b, Int, v => *v),
            Builder::UInt8(b) => push!(b, UInt, v => u8::try_from(*v).map_err(range)?),
            Builder::UInt16(b) => push!(b, UInt, v => u16::try_from(*v).map_err(range)?),
            Builder::UInt32(b) => push!(b, UInt, v => u32::try_from(*v).map_err(range)?),
            Builder::UInt64(b) => push!(b, UInt, v => *v),
            Builder::Float32(b) => push!(b, Float, v => *v as f32),
            Builder::Float64(b) => push!(b, Float, v => *v),
            Builder::Decimal(b) => push!(b, Decimal, v => *v),
            Builder::Utf8(b) => push!(b, Text, v => v),
            Builder::LargeUtf8(b) => push!(b, Text, v => v),
            Builder::Utf8View(b) => push!(b, Text, v => v),
            Builder::Binary(b) => push!(b, Binary, v => v),
            Builder::LargeBinary(b) => push!(b, Binary, v => v),
            Builder::BinaryView(b) => push!(b, Binary, v => v),
            Builder::Fixed(b) => match value {
                Value::Null => b.append_null(),
                Value::Binary(v) => b.append_value(v)?,
                other => return Err(ArrowError::CastError(format!("{other:?} in a {} column", self.data_type))),
            },
        }
        Ok(())
    }

    /// The array of all cells pushed since the last call.
    pub(crate) fn finish(&mut self) -> Result<ArrayRef, ArrowError> {
        let array: ArrayRef = match &mut self.builder {
            Builder::Bool(b) => Arc::new(b.finish()),
            Builder::Int8(b) => Arc::new(b.finish()),
            Builder::Int16(b) => Arc::new(b.finish()),
            Builder::Int32(b) => Arc::new(b.finish()),
            Builder::Int64(b) => Arc::new(b.finish()),
            Builder::UInt8(b) => Arc::new(b.finish()),
            Builder::UInt16(b) => Arc::new(b.finish()),
            Builder::UInt32(b) => Arc::new(b.finish()),
            Builder::UInt64(b) => Arc::new(b.finish()),
            Builder::Float32(b) => Arc::new(b.finish()),
            Builder::Float64(b) => Arc::new(b.finish()),
            Builder::Decimal(b) => Arc::new(b.finish()),
            Builder::Utf8(b) => Arc::new(b.finish()),
            Builder::LargeUtf8(b) => Arc::new(b.finish()),
            Builder::Utf8View(b) => Arc::new(b.finish()),
            Builder::Binary(b) => Arc::new(b.finish()),
            Builder::LargeBinary(b) => Arc::new(b.finish()),
            Builder::BinaryView(b) => Arc::new(b.finish()),
            Builder::Fixed(b) => Arc::new(b.finish()),
        };
        relabel(&array, self.data_type.clone())
    }
}

/// The integer type whose buffers a type of dates or times shares; any other type is its own.
fn physical_type(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Date32 | DataType::Time32(_) => DataType::Int32,
        DataType::Date64 | DataType::Time64(_) | DataType::Timestamp(_, _) | DataType::Duration(_) => DataType::Int64,
        other => other.clone(),
    }
}

/// The same buffers under another type of the same layout; nothing is copied.
fn relabel(array: &ArrayRef, to: DataType) -> Result<ArrayRef, ArrowError> {
    if *array.data_type() == to {
        return Ok(Arc::clone(array));
    }
    Ok(make_array(array.to_data().into_builder().data_type(to).build()?))
}
