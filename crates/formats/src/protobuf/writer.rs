//! Rows become Protobuf records.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use prost_reflect::{Cardinality, FieldDescriptor, Kind as Type, MessageDescriptor};

use super::FORMAT;
use super::compile::{describe, named};
use super::scalar::{Scalar, TIMESTAMP, wrapped};
use super::wire::Wire;
use crate::column::{Column, Kind, Unit, Values};
use crate::decimal;
use crate::encoder::{Encoder, Records, write_inserts};
use crate::error::{Error, Result};
use crate::json::write_temporal;
use crate::registry::RecordHeader;
use crate::row_kind::RowKind;
use crate::time::{Instant, TimestampStyle};
use crate::varint;
use crate::view::{View, ViewValues, items};

/// How a field is written.
#[derive(Debug)]
struct FieldOp {
    number: u32,
    column: usize,
    shape: Shape,
}

#[derive(Debug)]
enum Shape {
    One {
        value: Value,
        /// A zero is not written: it is what there is without it.
        implicit: bool,
    },
    Many {
        value: Value,
        packed: bool,
    },
    Map {
        key: Scalar,
        value: Value,
    },
}

#[derive(Debug)]
enum Value {
    Scalar(Scalar),
    Message(Vec<FieldOp>),
    Timestamp,
    Wrapped(Scalar),
}

pub(super) struct ProtobufEncoder {
    columns: SchemaRef,
    fields: Vec<FieldOp>,
    header: RecordHeader,
    /// Which message of its file each record is, for records with a header.
    index: Vec<u8>,
}

impl ProtobufEncoder {
    pub(super) fn new(
        message: &MessageDescriptor,
        columns: SchemaRef,
        header: RecordHeader,
        index: Vec<u8>,
    ) -> Result<Self> {
        let empty: Vec<Column> = columns.fields().iter().map(|f| Column::new(f, FORMAT)).collect::<Result<_>>()?;
        let fields = compile(message, &empty).map_err(|reason| Error::SchemaMismatch { format: FORMAT, reason })?;
        Ok(ProtobufEncoder { columns, fields, header, index })
    }
}

impl Encoder for ProtobufEncoder {
    fn schema(&self) -> &SchemaRef {
        &self.columns
    }

    fn encode(&mut self, rows: &RecordBatch, kinds: Option<&[RowKind]>, out: &mut Records) -> Result<()> {
        let ProtobufEncoder { columns, fields, header, index } = self;
        write_inserts(FORMAT, columns, rows, kinds, out, |views, row, out| {
            let payload = header.begin(out);
            out.extend_from_slice(index);
            write_fields(fields, |column| views.get(column), row, out)?;
            header.end(payload, out);
            Ok(())
        })
    }
}

/// How columns are written as the fields of a message.
fn compile(message: &MessageDescriptor, columns: &[Column]) -> std::result::Result<Vec<FieldOp>, String> {
    let mut fields = Vec::with_capacity(columns.len());
    for (at, column) in columns.iter().enumerate() {
        let field = named(message, column.name());
        let field = field
            .ok_or_else(|| format!("message {} has no field for column `{}`", message.full_name(), column.name()))?;
        let shape = shape(&field, column).map_err(|reason| format!("field `{}`: {reason}", field.name()))?;
        fields.push(FieldOp { number: field.number(), column: at, shape });
    }
    let written = |field: &FieldDescriptor| fields.iter().any(|op| op.number == field.number());
    if let Some(field) = message.fields().find(|f| f.cardinality() == Cardinality::Required && !written(f)) {
        return Err(format!("there is no column for the required field `{}`", field.name()));
    }
    fields.sort_by_key(|field| field.number);
    Ok(fields)
}

fn shape(field: &FieldDescriptor, column: &Column) -> std::result::Result<Shape, String> {
    let refused = || Err(format!("{} can't hold {}", describe(field), column.kind()));
    if field.is_group() {
        return Err("it is a group, which is not written".into());
    }
    match &column.values {
        Values::Map { key, value: item, .. } if field.is_map() => {
            let Type::Message(entry) = field.kind() else { return refused() };
            let keys = Scalar::of(&entry.map_entry_key_field().kind()).filter(|scalar| holds(scalar, key.kind()));
            let Some(key) = keys else { return refused() };
            Ok(Shape::Map { key, value: value(&entry.map_entry_value_field(), item)? })
        }
        Values::List { item, .. } if field.is_list() => {
            // Read are both; of the library's own word the option of proto2 is no part.
            let said = field.field_descriptor_proto().options.as_ref().and_then(|options| options.packed);
            Ok(Shape::Many { value: value(field, item)?, packed: said.unwrap_or_else(|| field.is_packed()) })
        }
        _ if field.is_map() || field.is_list() => refused(),
        _ => Ok(Shape::One { value: value(field, column)?, implicit: !field.supports_presence() }),
    }
}

fn value(field: &FieldDescriptor, column: &Column) -> std::result::Result<Value, String> {
    let kind = column.kind();
    let refused = || Err(format!("{} can't hold {kind}", describe(field)));
    let of = field.kind();
    let Type::Message(of) = &of else {
        return match Scalar::of(&of).filter(|scalar| holds(scalar, kind)) {
            Some(scalar) => Ok(Value::Scalar(scalar)),
            None => refused(),
        };
    };
    match (&column.values, wrapped(of)) {
        (Values::Struct(columns), _) => Ok(Value::Message(compile(of, columns)?)),
        (_, Some(scalar)) if holds(&scalar, kind) => Ok(Value::Wrapped(scalar)),
        _ if of.full_name() == TIMESTAMP && matches!(kind, Kind::Timestamp { .. }) => Ok(Value::Timestamp),
        _ => refused(),
    }
}

/// Whether a field holds all that such a column may be, but for the range of numbers, which is checked row by row.
fn holds(scalar: &Scalar, kind: Kind) -> bool {
    match kind {
        Kind::Float32 => matches!(scalar, Scalar::Float | Scalar::Double),
        Kind::Float64 => matches!(scalar, Scalar::Double),
        Kind::Decimal { .. } => matches!(scalar, Scalar::Text),
        Kind::Binary | Kind::FixedBinary(_) => matches!(scalar, Scalar::Bytes),
        kind => scalar.fits(kind),
    }
}

type Written = std::result::Result<(), String>;

fn write_fields<'v>(
    fields: &[FieldOp],
    view: impl Fn(usize) -> Option<&'v View>,
    row: usize,
    out: &mut Vec<u8>,
) -> Written {
    for field in fields {
        let Some(view) = view(field.column) else { continue };
        if view.is_null(row) {
            continue;
        }
        match (&field.shape, &view.values) {
            (Shape::One { value, implicit }, _) => {
                let begin = out.len();
                write_tag(field.number, wire(value), out);
                let payload = out.len();
                write_value(value, view, row, out)?;
                if *implicit && out.get(payload..).is_some_and(|bytes| bytes.iter().all(|byte| *byte == 0)) {
                    out.truncate(begin);
                }
            }
            (Shape::Many { value, packed: true }, ViewValues::List(offsets, item)) => {
                let range = items(offsets, row);
                if !range.is_empty() {
                    write_tag(field.number, Wire::Bytes, out);
                    write_delimited(out, |out| range.into_iter().try_for_each(|at| write_item(value, item, at, out)))?;
                }
            }
            (Shape::Many { value, packed: false }, ViewValues::List(offsets, item)) => {
                for at in items(offsets, row) {
                    write_tag(field.number, wire(value), out);
                    write_item(value, item, at, out)?;
                }
            }
            (Shape::Map { key, value }, ViewValues::Map(offsets, keys, values)) => {
                for at in items(offsets, row) {
                    write_tag(field.number, Wire::Bytes, out);
                    write_delimited(out, |out| {
                        write_tag(1, key.wire(), out);
                        write_scalar(key, keys, at, out)?;
                        write_tag(2, wire(value), out);
                        write_item(value, values, at, out)
                    })?;
                }
            }
            _ => return Err("the column's type is another one than was compiled for".into()),
        }
    }
    Ok(())
}

fn write_item(value: &Value, view: &View, row: usize, out: &mut Vec<u8>) -> Written {
    match view.is_null(row) {
        true => Err("an element of an array or map is NULL, which Protobuf can't say".into()),
        false => write_value(value, view, row, out),
    }
}

fn wire(value: &Value) -> Wire {
    match value {
        Value::Scalar(scalar) => scalar.wire(),
        _ => Wire::Bytes,
    }
}

fn write_value(value: &Value, view: &View, row: usize, out: &mut Vec<u8>) -> Written {
    match (value, &view.values) {
        (Value::Scalar(scalar), _) => write_scalar(scalar, view, row, out),
        (Value::Message(fields), ViewValues::Struct(views)) => {
            write_delimited(out, |out| write_fields(fields, |column| views.get(column).map(|(_, view)| view), row, out))
        }
        (Value::Wrapped(scalar), _) => write_delimited(out, |out| {
            write_tag(1, scalar.wire(), out);
            write_scalar(scalar, view, row, out)
        }),
        (Value::Timestamp, ViewValues::Int(ints)) => {
            let unit = match view.kind {
                Kind::Timestamp { unit, .. } => unit,
                _ => Unit::Second,
            };
            let Instant { seconds, nanos } = Instant::from_unit(ints.value(row), unit);
            write_delimited(out, |out| {
                for (number, value) in [(1, seconds.cast_unsigned()), (2, u64::from(nanos))] {
                    if value != 0 {
                        write_tag(number, Wire::Varint, out);
                        varint::write(value, out);
                    }
                }
                Ok(())
            })
        }
        _ => Err("the column's type is another one than was compiled for".into()),
    }
}

fn write_scalar(scalar: &Scalar, view: &View, row: usize, out: &mut Vec<u8>) -> Written {
    match (&view.values, scalar) {
        (ViewValues::Bool(array), _) => out.push(u8::from(array.value(row))),
        (ViewValues::Float32(array), Scalar::Float) => out.extend_from_slice(&array.value(row).to_le_bytes()),
        (ViewValues::Float32(array), _) => out.extend_from_slice(&f64::from(array.value(row)).to_le_bytes()),
        (ViewValues::Float64(array), _) => out.extend_from_slice(&array.value(row).to_le_bytes()),
        (ViewValues::Text(texts), Scalar::Enum(of)) => {
            let name = texts.value(row);
            let symbol = of.get_value_by_name(name).map(|symbol| symbol.number());
            let symbol = symbol.or_else(|| name.parse().ok());
            let symbol = symbol.ok_or_else(|| format!("enum {} has no symbol `{name}`", of.name()))?;
            varint::write(i64::from(symbol).cast_unsigned(), out);
        }
        (ViewValues::Text(texts), _) => write_bytes(texts.value(row).as_bytes(), out),
        (ViewValues::Bytes(bytes), _) => write_bytes(bytes.value(row), out),
        (ViewValues::Decimal(array), _) => write_delimited(out, |out| {
            decimal::write(array.value(row), array.scale(), out);
            Ok(())
        })?,
        (ViewValues::Int(ints), Scalar::Text) => write_delimited(out, |out| {
            write_temporal(view, ints.value(row), TimestampStyle::Iso, out);
            Ok(())
        })?,
        (ViewValues::Int(ints), scalar) => write_int(scalar, i128::from(ints.value(row)), out)?,
        (ViewValues::UInt64(array), scalar) => write_int(scalar, i128::from(array.value(row)), out)?,
        _ => return Err("the column's type is another one than was compiled for".into()),
    }
    Ok(())
}

fn write_int(scalar: &Scalar, value: i128, out: &mut Vec<u8>) -> Written {
    let range = || format!("{value} is out of the range of {}", scalar.name());
    let signed = |bits: u8| match bits {
        32 => i32::try_from(value).map(i64::from).map_err(|_| range()),
        _ => i64::try_from(value).map_err(|_| range()),
    };
    let unsigned = |bits: u8| match bits {
        32 => u32::try_from(value).map(u64::from).map_err(|_| range()),
        _ => u64::try_from(value).map_err(|_| range()),
    };
    match scalar {
        Scalar::Int { bits } => varint::write(signed(*bits)?.cast_unsigned(), out),
        Scalar::Uint { bits } => varint::write(unsigned(*bits)?, out),
        Scalar::Zigzag { bits } => {
            let value = signed(*bits)?;
            varint::write(((value << 1) ^ (value >> 63)).cast_unsigned(), out);
        }
        Scalar::Fixed { bits: 32 } => out.extend_from_slice(&(unsigned(32)? as u32).to_le_bytes()),
        Scalar::Fixed { bits } => out.extend_from_slice(&unsigned(*bits)?.to_le_bytes()),
        Scalar::Sfixed { bits: 32 } => out.extend_from_slice(&(signed(32)? as i32).to_le_bytes()),
        Scalar::Sfixed { bits } => out.extend_from_slice(&signed(*bits)?.to_le_bytes()),
        Scalar::Enum(_) => varint::write(signed(32)?.cast_unsigned(), out),
        Scalar::Bool | Scalar::Float | Scalar::Double | Scalar::Text | Scalar::Bytes => {
            return Err("the column's type is another one than was compiled for".into());
        }
    }
    Ok(())
}

fn write_tag(number: u32, wire: Wire, out: &mut Vec<u8>) {
    varint::write(u64::from(number) << 3 | wire as u64, out);
}

fn write_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    varint::write(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

/// Writes something with its length before it.
fn write_delimited(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>) -> Written) -> Written {
    let begin = out.len();
    write(out)?;
    let (end, len) = (out.len(), out.len() - begin);
    varint::write(len as u64, out);
    let prefix = out.len() - end;
    if let Some(written) = out.get_mut(begin..) {
        written.rotate_right(prefix);
    }
    Ok(())
}
