//! Arrow arrays as encoders read them: one form for the types that are written alike.

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BinaryViewArray, BooleanArray, Decimal128Array, FixedSizeBinaryArray,
    LargeBinaryArray, LargeStringArray, PrimitiveArray, StringArray, StringViewArray,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::compute::cast;
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Date32Type, Date64Type, Decimal128Type, Field, FieldRef, Float32Type, Float64Type,
    Int8Type, Int16Type, Int32Type, Int64Type, Time32MillisecondType, Time32SecondType, Time64MicrosecondType,
    Time64NanosecondType, TimeUnit, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};

use crate::column::Kind;
use crate::error::Result;

/// A column to be read, with the kind of its values.
pub(crate) struct View {
    pub(crate) kind: Kind,
    nulls: Option<NullBuffer>,
    pub(crate) values: ViewValues,
}

/// The values of a [`View`].
pub(crate) enum ViewValues {
    Null,
    Bool(BooleanArray),
    Int(IntView),
    UInt64(PrimitiveArray<UInt64Type>),
    Float32(PrimitiveArray<Float32Type>),
    Float64(PrimitiveArray<Float64Type>),
    Decimal(Decimal128Array),
    Text(TextView),
    Bytes(BytesView),
    List(OffsetBuffer<i32>, Box<View>),
    Map(OffsetBuffer<i32>, Box<View>, Box<View>),
    Struct(Vec<(FieldRef, View)>),
}

/// Integers, and what is stored as them.
pub(crate) enum IntView {
    I8(PrimitiveArray<Int8Type>),
    I16(PrimitiveArray<Int16Type>),
    I32(PrimitiveArray<Int32Type>),
    I64(PrimitiveArray<Int64Type>),
    U8(PrimitiveArray<UInt8Type>),
    U16(PrimitiveArray<UInt16Type>),
    U32(PrimitiveArray<UInt32Type>),
}

impl IntView {
    #[inline]
    pub(crate) fn value(&self, row: usize) -> i64 {
        match self {
            IntView::I8(array) => array.value(row).into(),
            IntView::I16(array) => array.value(row).into(),
            IntView::I32(array) => array.value(row).into(),
            IntView::I64(array) => array.value(row),
            IntView::U8(array) => array.value(row).into(),
            IntView::U16(array) => array.value(row).into(),
            IntView::U32(array) => array.value(row).into(),
        }
    }
}

/// Text of either form.
pub(crate) enum TextView {
    Small(StringArray),
    Large(LargeStringArray),
    View(StringViewArray),
}

impl TextView {
    #[inline]
    pub(crate) fn value(&self, row: usize) -> &str {
        match self {
            TextView::Small(array) => array.value(row),
            TextView::Large(array) => array.value(row),
            TextView::View(array) => array.value(row),
        }
    }
}

/// Bytes of either form.
pub(crate) enum BytesView {
    Small(BinaryArray),
    Large(LargeBinaryArray),
    View(BinaryViewArray),
    Fixed(FixedSizeBinaryArray),
}

impl BytesView {
    #[inline]
    pub(crate) fn value(&self, row: usize) -> &[u8] {
        match self {
            BytesView::Small(array) => array.value(row),
            BytesView::Large(array) => array.value(row),
            BytesView::View(array) => array.value(row),
            BytesView::Fixed(array) => array.value(row),
        }
    }
}

impl View {
    /// The view of a column, or why `format` can't write such.
    pub(crate) fn new(field: &Field, array: &ArrayRef, format: &'static str) -> Result<Self> {
        if let DataType::Dictionary(_, value) = field.data_type() {
            let plain = field.clone().with_data_type(value.as_ref().clone());
            return View::new(&plain, &cast(array, value)?, format);
        }
        let kind = Kind::of(field, format)?;
        Ok(View { kind, nulls: array.nulls().cloned(), values: values(field, array, format)? })
    }

    #[inline]
    pub(crate) fn is_null(&self, row: usize) -> bool {
        match &self.nulls {
            Some(nulls) => nulls.is_null(row),
            None => matches!(self.values, ViewValues::Null),
        }
    }
}

/// The items of a list's or map's row.
pub(crate) fn items(offsets: &OffsetBuffer<i32>, row: usize) -> std::ops::Range<usize> {
    offsets[row] as usize..offsets[row + 1] as usize
}

fn values(field: &Field, array: &ArrayRef, format: &'static str) -> Result<ViewValues> {
    use DataType as D;
    Ok(match field.data_type() {
        D::Null => ViewValues::Null,
        D::Boolean => ViewValues::Bool(array.as_boolean().clone()),
        D::Int8 => ViewValues::Int(IntView::I8(array.as_primitive().clone())),
        D::Int16 => ViewValues::Int(IntView::I16(array.as_primitive().clone())),
        D::Int32 => ViewValues::Int(IntView::I32(array.as_primitive().clone())),
        D::Int64 => ViewValues::Int(IntView::I64(array.as_primitive().clone())),
        D::UInt8 => ViewValues::Int(IntView::U8(array.as_primitive().clone())),
        D::UInt16 => ViewValues::Int(IntView::U16(array.as_primitive().clone())),
        D::UInt32 => ViewValues::Int(IntView::U32(array.as_primitive().clone())),
        D::UInt64 => ViewValues::UInt64(array.as_primitive().clone()),
        D::Float32 => ViewValues::Float32(array.as_primitive().clone()),
        D::Float64 => ViewValues::Float64(array.as_primitive().clone()),
        D::Decimal128(..) => ViewValues::Decimal(array.as_primitive::<Decimal128Type>().clone()),
        D::Utf8 => ViewValues::Text(TextView::Small(array.as_string().clone())),
        D::LargeUtf8 => ViewValues::Text(TextView::Large(array.as_string().clone())),
        D::Utf8View => ViewValues::Text(TextView::View(array.as_string_view().clone())),
        D::Binary => ViewValues::Bytes(BytesView::Small(array.as_binary().clone())),
        D::LargeBinary => ViewValues::Bytes(BytesView::Large(array.as_binary().clone())),
        D::BinaryView => ViewValues::Bytes(BytesView::View(array.as_binary_view().clone())),
        D::FixedSizeBinary(_) => ViewValues::Bytes(BytesView::Fixed(array.as_fixed_size_binary().clone())),
        D::Date32 => int32::<Date32Type>(array),
        D::Date64 => {
            // Days, as of the other dates.
            let millis = array.as_primitive::<Date64Type>();
            ViewValues::Int(IntView::I64(millis.unary(|millis| millis.div_euclid(86_400_000))))
        }
        D::Time32(TimeUnit::Second) => int32::<Time32SecondType>(array),
        D::Time32(_) => int32::<Time32MillisecondType>(array),
        D::Time64(TimeUnit::Nanosecond) => int64::<Time64NanosecondType>(array),
        D::Time64(_) => int64::<Time64MicrosecondType>(array),
        D::Timestamp(TimeUnit::Second, _) => int64::<TimestampSecondType>(array),
        D::Timestamp(TimeUnit::Millisecond, _) => int64::<TimestampMillisecondType>(array),
        D::Timestamp(TimeUnit::Microsecond, _) => int64::<TimestampMicrosecondType>(array),
        D::Timestamp(TimeUnit::Nanosecond, _) => int64::<TimestampNanosecondType>(array),
        D::List(item) => {
            let list = array.as_list::<i32>();
            ViewValues::List(list.offsets().clone(), Box::new(View::new(item, list.values(), format)?))
        }
        D::Map(entries, _) => {
            let map = array.as_map();
            let D::Struct(fields) = entries.data_type() else { return Ok(ViewValues::Null) };
            let key = View::new(&fields[0], map.keys(), format)?;
            let value = View::new(&fields[1], map.values(), format)?;
            ViewValues::Map(map.offsets().clone(), Box::new(key), Box::new(value))
        }
        D::Struct(fields) => {
            let columns = array.as_struct().columns();
            let views = fields
                .iter()
                .zip(columns)
                .map(|(field, array)| View::new(field, array, format).map(|view| (FieldRef::clone(field), view)));
            ViewValues::Struct(views.collect::<Result<_>>()?)
        }
        _ => ViewValues::Null, // `Kind::of` has refused it
    })
}

fn int32<T: ArrowPrimitiveType<Native = i32>>(array: &ArrayRef) -> ViewValues {
    ViewValues::Int(IntView::I32(array.as_primitive::<T>().reinterpret_cast()))
}

fn int64<T: ArrowPrimitiveType<Native = i64>>(array: &ArrayRef) -> ViewValues {
    ViewValues::Int(IntView::I64(array.as_primitive::<T>().reinterpret_cast()))
}
