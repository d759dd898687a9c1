//! Rows as state keeps them: short, and quick to write and to read.
//!
//! | a row | |
//! |---|---|
//! | nulls | a bit a column, 1 where it is null |
//! | then of each column that is not null | |
//! | integers, dates, times | ZigZag and base 128, as Protocol Buffers have them |
//! | other numbers | their bytes, little endian |
//! | booleans | a byte |
//! | texts, bytes | as [`texts`] are |
//!
//! Rows with columns of other types (lists, rows, maps) are those of a [`RowCodec`].

use std::sync::Arc;

use arrow::array::{Array, ArrayData, ArrayRef, AsArray, BooleanArray, make_array};
use arrow::buffer::{Buffer, NullBuffer};
use arrow::datatypes::{ArrowNativeType, DataType, SchemaRef};
use tidemill_engine::{EngineError, Result};

pub(crate) use differences::Differences;

use self::texts::{Text, put_text};
use super::rows::RowCodec;

mod differences;
mod texts;

/// How the values of a column are written.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Bool,
    /// Of so many bytes.
    Integer(usize),
    /// Of so many bytes, as they are.
    Fixed(usize),
    /// Texts and bytes.
    Bytes,
}

impl Kind {
    fn of(data_type: &DataType) -> Option<Self> {
        use DataType::*;
        Some(match data_type {
            Boolean => Kind::Bool,
            Int8 => Kind::Integer(1),
            Int16 => Kind::Integer(2),
            Int32 | Date32 | Time32(_) => Kind::Integer(4),
            Int64 | Date64 | Time64(_) | Timestamp(..) | Duration(_) => Kind::Integer(8),
            UInt8 => Kind::Fixed(1),
            UInt16 | Float16 => Kind::Fixed(2),
            UInt32 | Float32 => Kind::Fixed(4),
            UInt64 | Float64 => Kind::Fixed(8),
            Decimal128(..) => Kind::Fixed(16),
            Utf8 | Binary => Kind::Bytes,
            _ => return None,
        })
    }
}

/// Encodes rows of some columns and decodes them again. Equal rows have equal bytes, nulls included, and the bytes stay the same
/// over restarts; their order says nothing.
#[derive(Debug)]
pub(crate) struct PackedCodec {
    columns: Vec<(DataType, Kind)>,
    /// For rows with columns of other types.
    other: Option<RowCodec>,
}

/// Encoded rows.
#[derive(Debug, Default)]
pub(crate) struct PackedRows {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl PackedRows {
    /// One row; no bytes where there is none.
    pub(crate) fn row(&self, row: usize) -> &[u8] {
        let begin = row.checked_sub(1).map_or(Some(&0), |before| self.ends.get(before));
        begin.zip(self.ends.get(row)).and_then(|(begin, end)| self.bytes.get(*begin..*end)).unwrap_or_default()
    }
}

/// A stored row.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct PackedRow<'a> {
    /// The row by which this one is told; empty where it is whole.
    pub(crate) base: &'a [u8],
    /// What differs from the base, or the row.
    pub(crate) bytes: &'a [u8],
}

impl<'a> From<&'a [u8]> for PackedRow<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        PackedRow { base: &[], bytes }
    }
}

impl PackedCodec {
    /// A codec for all columns of a schema.
    pub(crate) fn of_schema(schema: &SchemaRef) -> Result<Self> {
        let columns =
            schema.fields().iter().map(|field| Some((field.data_type().clone(), Kind::of(field.data_type())?)));
        Ok(match columns.collect::<Option<Vec<_>>>() {
            Some(columns) => PackedCodec { columns, other: None },
            None => PackedCodec { columns: Vec::new(), other: Some(RowCodec::of_schema(schema)?) },
        })
    }

    /// How its rows are told by each other.
    pub(crate) fn differences(&self) -> Differences {
        match self.other {
            None => Differences::of_columns(self.columns.iter().map(|(_, kind)| *kind)),
            Some(_) => Differences::of_bytes(),
        }
    }

    /// Encodes rows.
    pub(crate) fn encode(&self, columns: &[ArrayRef]) -> Result<PackedRows> {
        let rows = columns.first().map_or(0, |column| column.len());
        let mut out = PackedRows { bytes: Vec::new(), ends: Vec::with_capacity(rows) };
        if let Some(other) = &self.other {
            for row in &other.encode(columns)? {
                out.bytes.extend_from_slice(row.data());
                out.ends.push(out.bytes.len());
            }
            return Ok(out);
        }
        let data: Vec<ArrayData> = columns.iter().map(|column| column.to_data()).collect();
        let columns = columns.iter().zip(&data).zip(&self.columns);
        let columns = columns.map(|((column, data), (data_type, kind))| Values::new(column, data, data_type, *kind));
        let columns = columns.collect::<Result<Vec<_>>>()?;
        let texts: usize = data.iter().map(|data| data.get_slice_memory_size().unwrap_or(0)).sum();
        out.bytes.reserve(texts);
        for row in 0..rows {
            let begin = out.bytes.len();
            out.bytes.resize(begin + columns.len().div_ceil(8), 0);
            for (place, column) in columns.iter().enumerate() {
                if !column.write(row, &mut out.bytes)
                    && let Some(nulls) = out.bytes.get_mut(begin + place / 8)
                {
                    *nulls |= 1 << (place % 8);
                }
            }
            out.ends.push(out.bytes.len());
        }
        Ok(out)
    }

    /// Decodes rows into columns, in the order given.
    pub(crate) fn decode<'a, R: Into<PackedRow<'a>>>(
        &self,
        rows: impl IntoIterator<Item = R>,
    ) -> Result<Vec<ArrayRef>> {
        let torn = || EngineError::State("a stored row can't be read; start without this state".into());
        let differences = self.differences();
        let whole = |row: PackedRow<'_>, out: &mut Vec<u8>| differences.untell(row, out).ok_or_else(torn);
        let rows = rows.into_iter().map(Into::into);
        if let Some(other) = &self.other {
            let mut all = PackedRows::default();
            for row in rows {
                whole(row, &mut all.bytes)?;
                all.ends.push(all.bytes.len());
            }
            return other.decode((0..all.ends.len()).map(|row| all.row(row)));
        }
        let expected = rows.size_hint().0;
        let mut columns: Vec<Column> = self.columns.iter().map(|(_, kind)| Column::new(*kind, expected)).collect();
        let mut told = Vec::new();
        for row in rows {
            let row = if row.base.is_empty() {
                row.bytes
            } else {
                told.clear();
                whole(row, &mut told)?;
                &told
            };
            let (nulls, mut bytes) = row.split_at_checked(self.columns.len().div_ceil(8)).ok_or_else(torn)?;
            for (place, column) in columns.iter_mut().enumerate() {
                let is_null = nulls.get(place / 8).is_some_and(|nulls| nulls >> (place % 8) & 1 == 1);
                column.read(is_null, &mut bytes).ok_or_else(torn)?;
            }
        }
        let columns = columns.into_iter().zip(&self.columns);
        columns.map(|(column, (data_type, _))| column.finish(data_type.clone())).collect()
    }
}

/// A column that is encoded.
struct Values<'a> {
    nulls: Option<&'a NullBuffer>,
    values: Slices<'a>,
}

enum Slices<'a> {
    Bool(&'a BooleanArray),
    I8(&'a [i8]),
    I16(&'a [i16]),
    I32(&'a [i32]),
    I64(&'a [i64]),
    F8(&'a [u8]),
    F16(&'a [u16]),
    F32(&'a [u32]),
    F64(&'a [u64]),
    F128(&'a [i128]),
    Bytes(&'a [i32], &'a [u8]),
}

impl<'a> Values<'a> {
    fn new(column: &'a ArrayRef, data: &'a ArrayData, data_type: &DataType, kind: Kind) -> Result<Self> {
        if column.data_type() != data_type {
            let is = column.data_type();
            return Err(EngineError::Plan(format!("a column of state is {data_type}, but came as {is}")));
        }
        let values = match kind {
            Kind::Bool => Slices::Bool(column.as_boolean()),
            Kind::Integer(1) => Slices::I8(data.buffer(0)),
            Kind::Integer(2) => Slices::I16(data.buffer(0)),
            Kind::Integer(4) => Slices::I32(data.buffer(0)),
            Kind::Integer(_) => Slices::I64(data.buffer(0)),
            Kind::Fixed(1) => Slices::F8(data.buffer(0)),
            Kind::Fixed(2) => Slices::F16(data.buffer(0)),
            Kind::Fixed(4) => Slices::F32(data.buffer(0)),
            Kind::Fixed(8) => Slices::F64(data.buffer(0)),
            Kind::Fixed(_) => Slices::F128(data.buffer(0)),
            Kind::Bytes => Slices::Bytes(data.buffer(0), data.buffers().get(1).map_or(&[], |bytes| bytes.as_slice())),
        };
        Ok(Values { nulls: column.nulls(), values })
    }

    /// Appends a value; false where it is null.
    #[inline]
    fn write(&self, row: usize, out: &mut Vec<u8>) -> bool {
        if self.nulls.is_some_and(|nulls| nulls.is_null(row)) {
            return false;
        }
        fn at<T: ArrowNativeType>(values: &[T], row: usize) -> T {
            values.get(row).copied().unwrap_or_default()
        }
        match self.values {
            Slices::Bool(values) => out.push(u8::from(values.value(row))),
            Slices::I8(values) => put_signed(at(values, row).into(), out),
            Slices::I16(values) => put_signed(at(values, row).into(), out),
            Slices::I32(values) => put_signed(at(values, row).into(), out),
            Slices::I64(values) => put_signed(at(values, row), out),
            Slices::F8(values) => out.push(at(values, row)),
            Slices::F16(values) => out.extend_from_slice(&at(values, row).to_le_bytes()),
            Slices::F32(values) => out.extend_from_slice(&at(values, row).to_le_bytes()),
            Slices::F64(values) => out.extend_from_slice(&at(values, row).to_le_bytes()),
            Slices::F128(values) => out.extend_from_slice(&at(values, row).to_le_bytes()),
            Slices::Bytes(offsets, values) => {
                let (begin, end) = (at(offsets, row) as usize, at(offsets, row + 1) as usize);
                put_text(values.get(begin..end).unwrap_or_default(), out);
            }
        }
        true
    }
}

/// A column that is decoded.
struct Column {
    values: Owned,
    valid: Vec<bool>,
    nulls: usize,
}

enum Owned {
    Bool(Vec<bool>),
    I8(Vec<i8>),
    I16(Vec<i16>),
    I32(Vec<i32>),
    I64(Vec<i64>),
    F8(Vec<u8>),
    F16(Vec<u16>),
    F32(Vec<u32>),
    F64(Vec<u64>),
    F128(Vec<i128>),
    Bytes(Vec<i32>, Vec<u8>),
}

impl Column {
    fn new(kind: Kind, rows: usize) -> Self {
        let values = match kind {
            Kind::Bool => Owned::Bool(Vec::with_capacity(rows)),
            Kind::Integer(1) => Owned::I8(Vec::with_capacity(rows)),
            Kind::Integer(2) => Owned::I16(Vec::with_capacity(rows)),
            Kind::Integer(4) => Owned::I32(Vec::with_capacity(rows)),
            Kind::Integer(_) => Owned::I64(Vec::with_capacity(rows)),
            Kind::Fixed(1) => Owned::F8(Vec::with_capacity(rows)),
            Kind::Fixed(2) => Owned::F16(Vec::with_capacity(rows)),
            Kind::Fixed(4) => Owned::F32(Vec::with_capacity(rows)),
            Kind::Fixed(8) => Owned::F64(Vec::with_capacity(rows)),
            Kind::Fixed(_) => Owned::F128(Vec::with_capacity(rows)),
            Kind::Bytes => {
                let mut offsets = Vec::with_capacity(rows + 1);
                offsets.push(0);
                Owned::Bytes(offsets, Vec::new())
            }
        };
        Column { values, valid: Vec::with_capacity(rows), nulls: 0 }
    }

    /// Takes a value from the front; none where the bytes are torn.
    #[inline]
    fn read(&mut self, is_null: bool, from: &mut &[u8]) -> Option<()> {
        self.valid.push(!is_null);
        self.nulls += usize::from(is_null);
        fn fixed<const N: usize>(from: &mut &[u8], is_null: bool) -> Option<[u8; N]> {
            if is_null {
                return Some([0; N]);
            }
            let (bytes, rest) = from.split_first_chunk()?;
            *from = rest;
            Some(*bytes)
        }
        let integer = |from: &mut &[u8]| if is_null { Some(0) } else { signed(from) };
        match &mut self.values {
            Owned::Bool(values) => values.push(fixed(from, is_null)? == [1]),
            Owned::I8(values) => values.push(integer(from)?.try_into().ok()?),
            Owned::I16(values) => values.push(integer(from)?.try_into().ok()?),
            Owned::I32(values) => values.push(integer(from)?.try_into().ok()?),
            Owned::I64(values) => values.push(integer(from)?),
            Owned::F8(values) => values.push(u8::from_le_bytes(fixed(from, is_null)?)),
            Owned::F16(values) => values.push(u16::from_le_bytes(fixed(from, is_null)?)),
            Owned::F32(values) => values.push(u32::from_le_bytes(fixed(from, is_null)?)),
            Owned::F64(values) => values.push(u64::from_le_bytes(fixed(from, is_null)?)),
            Owned::F128(values) => values.push(i128::from_le_bytes(fixed(from, is_null)?)),
            Owned::Bytes(offsets, values) => {
                if !is_null {
                    Text::take(from)?.read(values)?;
                }
                offsets.push(i32::try_from(values.len()).ok()?);
            }
        }
        Some(())
    }

    fn finish(self, data_type: DataType) -> Result<ArrayRef> {
        let (rows, nulls) = (self.valid.len(), (self.nulls > 0).then(|| NullBuffer::from(self.valid)));
        let buffers = match self.values {
            Owned::Bool(values) => return Ok(Arc::new(BooleanArray::new(values.into(), nulls))),
            Owned::I8(values) => vec![Buffer::from_vec(values)],
            Owned::I16(values) => vec![Buffer::from_vec(values)],
            Owned::I32(values) => vec![Buffer::from_vec(values)],
            Owned::I64(values) => vec![Buffer::from_vec(values)],
            Owned::F8(values) => vec![Buffer::from_vec(values)],
            Owned::F16(values) => vec![Buffer::from_vec(values)],
            Owned::F32(values) => vec![Buffer::from_vec(values)],
            Owned::F64(values) => vec![Buffer::from_vec(values)],
            Owned::F128(values) => vec![Buffer::from_vec(values)],
            Owned::Bytes(offsets, values) => vec![Buffer::from_vec(offsets), Buffer::from_vec(values)],
        };
        let data = ArrayData::builder(data_type).len(rows).nulls(nulls).buffers(buffers).build()?;
        Ok(make_array(data))
    }
}

fn put_signed(value: i64, out: &mut Vec<u8>) {
    put(((value << 1) ^ (value >> 63)) as u64, out);
}

fn put(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn signed(from: &mut &[u8]) -> Option<i64> {
    let value = unsigned(from)?;
    Some((value >> 1) as i64 ^ -((value & 1) as i64))
}

fn unsigned(from: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = from.split_first()?;
        *from = rest;
        value |= u64::from(byte & 0x7F) << shift;
        if *byte < 0x80 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use arrow::array::{
        BinaryArray, Decimal128Array, Float64Array, Int8Array, Int32Array, Int64Array, ListArray, StringArray,
        TimestampMillisecondArray, UInt16Array,
    };
    use arrow::compute::take;
    use arrow::datatypes::{Field, Int64Type, Schema};
    use proptest::prelude::*;

    use super::*;

    fn codec(columns: &[ArrayRef]) -> PackedCodec {
        let fields = columns.iter().map(|column| Field::new("c", column.data_type().clone(), true));
        PackedCodec::of_schema(&Arc::new(Schema::new(fields.collect::<Vec<_>>()))).unwrap()
    }

    fn columns(rows: &[(Option<i64>, Option<String>, Option<bool>, Option<u64>)]) -> Vec<ArrayRef> {
        let integers = || rows.iter().map(|row| row.0);
        let bits = || rows.iter().map(|row| row.3);
        vec![
            Arc::new(integers().collect::<Int64Array>()),
            Arc::new(integers().map(|n| n.map(|n| n as i8)).collect::<Int8Array>()),
            Arc::new(integers().map(|n| n.map(|n| n as i32)).collect::<Int32Array>()),
            Arc::new(integers().collect::<TimestampMillisecondArray>().with_timezone("UTC")),
            Arc::new(rows.iter().map(|row| row.1.as_deref()).collect::<StringArray>()),
            Arc::new(rows.iter().map(|row| row.1.as_deref().map(str::as_bytes)).collect::<BinaryArray>()),
            Arc::new(rows.iter().map(|row| row.2).collect::<BooleanArray>()),
            Arc::new(bits().map(|n| n.map(f64::from_bits)).collect::<Float64Array>()),
            Arc::new(bits().map(|n| n.map(|n| n as u16)).collect::<UInt16Array>()),
            Arc::new(bits().map(|n| n.map(i128::from)).collect::<Decimal128Array>()),
        ]
    }

    proptest! {
        #[test]
        fn rows_come_back_and_equal_ones_have_equal_bytes(
            rows in prop::collection::vec((any::<Option<i64>>(), any::<Option<String>>(), any::<Option<bool>>(), any::<Option<u64>>()), 1..40),
            from in 0_usize..40,
        ) {
            let whole = columns(&rows);
            let codec = codec(&whole);
            // Also of columns that are parts of others.
            let from = from.min(rows.len() - 1);
            let part: Vec<ArrayRef> = whole.iter().map(|column| column.slice(from, rows.len() - from)).collect();
            let encoded = codec.encode(&part).unwrap();
            let bytes: Vec<&[u8]> = (0..rows.len() - from).map(|row| encoded.row(row)).collect();
            let back = codec.decode(bytes.iter().copied()).unwrap();
            for (back, part) in back.iter().zip(&part) {
                prop_assert_eq!(back.to_data(), part.to_data());
            }
            let twice = codec.encode(&back).unwrap();
            for (row, bytes) in bytes.iter().enumerate() {
                prop_assert_eq!(twice.row(row), *bytes);
            }
            // As differences from any of them.
            let differences = codec.differences();
            for base in &bytes {
                let told: Vec<Vec<u8>> = bytes.iter().map(|row| {
                    let mut told = Vec::new();
                    differences.tell(base, row, &mut told);
                    told
                }).collect();
                let rows = told.iter().map(|bytes| PackedRow { base, bytes });
                prop_assert_eq!(&codec.decode(rows.clone()).unwrap(), &back);
                for (row, bytes) in rows.zip(&bytes) {
                    let mut whole = Vec::new();
                    differences.untell(row, &mut whole).unwrap();
                    prop_assert_eq!(&whole, bytes);
                }
            }
        }

        #[test]
        fn torn_bytes_are_an_error_and_never_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..60), base in 0..60) {
            let codec = codec(&columns(&[]));
            let _ = codec.decode([bytes.as_slice()]);
            let (base, bytes) = bytes.split_at(bytes.len().min(base as usize));
            let _ = codec.decode([PackedRow { base, bytes }]);
        }
    }

    #[test]
    fn a_row_that_is_cut_is_refused() {
        let columns = columns(&[(Some(300), Some("text".into()), Some(true), Some(7))]);
        let codec = codec(&columns);
        let encoded = codec.encode(&columns).unwrap();
        let row = encoded.row(0);
        assert!(codec.decode([row]).is_ok());
        assert!((0..row.len()).all(|end| codec.decode([&row[..end]]).is_err()));
        let mut told = Vec::new();
        codec.differences().tell(row, row, &mut told);
        assert!(told.len() < row.len());
        assert!((0..told.len()).all(|end| codec.decode([PackedRow { base: row, bytes: &told[..end] }]).is_err()));
    }

    #[test]
    fn rows_with_lists_come_back() {
        let lists = [Some(vec![Some(1), None]), None, Some(vec![])];
        let columns: Vec<ArrayRef> = vec![
            Arc::new(ListArray::from_iter_primitive::<Int64Type, _, _>(lists)),
            Arc::new(Int64Array::from(vec![1, 2, 3])),
        ];
        let codec = codec(&columns);
        let encoded = codec.encode(&columns).unwrap();
        let mut told = Vec::new();
        codec.differences().tell(encoded.row(1), encoded.row(0), &mut told);
        let rows = [encoded.row(2).into(), PackedRow { base: encoded.row(1), bytes: &told }];
        let picked = codec.decode(rows).unwrap();
        let places = arrow::array::UInt32Array::from(vec![2, 0]);
        let wanted: Vec<ArrayRef> = columns.iter().map(|column| take(column, &places, None).unwrap()).collect();
        assert_eq!(picked, wanted);
    }
}
