//! Rows become Avro records.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

use super::FORMAT;
use super::compile::{At, Rescale, timestamp_unit};
use super::cursor::{write_bytes, write_long};
use super::default::write_default;
use crate::column::{Column, Kind, Unit, Values};
use crate::encoder::{Encoder, Records, write_inserts};
use crate::error::{Error, Result};
use crate::registry::RecordHeader;
use crate::row_kind::RowKind;
use crate::view::{View, ViewValues, items};
use tidemill_schemas::avro::{AvroSchema, Logical, Node};

/// How a value is written.
#[derive(Debug)]
enum Op {
    Null,
    Bool,
    /// An int where `int`, else a long.
    Int {
        int: bool,
        rescale: Rescale,
    },
    Float,
    Double,
    Bytes,
    Fixed(usize),
    /// Bytes, or so many of them.
    Decimal(Option<usize>),
    Enum(Vec<String>),
    Array(Box<Op>),
    Map(Box<Op>),
    /// In the schema's order: a column, or a default that is already encoded.
    Record(Vec<FieldOp>),
    /// The branches of null (if there is one) and of the value.
    Union {
        null: Option<i64>,
        branch: i64,
        value: Box<Op>,
    },
}

#[derive(Debug)]
enum FieldOp {
    Column(usize, Op),
    Encoded(Vec<u8>),
}

pub(super) struct AvroEncoder {
    columns: SchemaRef,
    fields: Vec<FieldOp>,
    header: RecordHeader,
}

impl AvroEncoder {
    pub(super) fn new(schema: &AvroSchema, columns: SchemaRef, header: RecordHeader) -> Result<Self> {
        let empty: Vec<Column> = columns.fields().iter().map(|f| Column::new(f, FORMAT)).collect::<Result<_>>()?;
        let fields = record(At { schema, id: schema.root() }, &empty)
            .map_err(|reason| Error::SchemaMismatch { format: FORMAT, reason })?;
        Ok(AvroEncoder { columns, fields, header })
    }
}

impl Encoder for AvroEncoder {
    fn schema(&self) -> &SchemaRef {
        &self.columns
    }

    fn encode(&mut self, rows: &RecordBatch, kinds: Option<&[RowKind]>, out: &mut Records) -> Result<()> {
        let AvroEncoder { columns, fields, header } = self;
        write_inserts(FORMAT, columns, rows, kinds, out, |views, row, out| {
            let payload = header.begin(out);
            write_fields(fields, |column| views.get(column), row, out)?;
            header.end(payload, out);
            Ok(())
        })
    }
}

/// How columns are written as the fields of a record.
fn record(at: At<'_>, columns: &[Column]) -> std::result::Result<Vec<FieldOp>, String> {
    let Node::Record { fields, .. } = at.node() else { return Err(format!("{} is no record", at.node().type_name())) };
    if let Some(column) = columns.iter().find(|column| fields.iter().all(|field| field.name != column.name())) {
        return Err(format!("the schema has no field for column `{}`", column.name()));
    }
    let of_field = |field: &tidemill_schemas::avro::RecordField| {
        let column = columns.iter().position(|column| column.name() == field.name);
        match (column.and_then(|index| Some((index, columns.get(index)?))), &field.default) {
            (Some((index, column)), _) => value(at.to(field.node), column)
                .map(|op| FieldOp::Column(index, op))
                .map_err(|reason| format!("field `{}`: {reason}", field.name)),
            (None, Some(default)) => {
                let mut bytes = Vec::new();
                write_default(at.schema, field.node, default, &mut bytes)?;
                Ok(FieldOp::Encoded(bytes))
            }
            (None, None) => Err(format!("there is no column for the schema's field `{}`", field.name)),
        }
    };
    fields.iter().map(of_field).collect()
}

fn value(at: At<'_>, column: &Column) -> std::result::Result<Op, String> {
    let kind = column.kind();
    let int = |int: bool, rescale| Ok(Op::Int { int, rescale });
    match (at.node(), kind, &column.values) {
        (Node::Union(branches), ..) => {
            let null = branches.iter().position(|&branch| *at.schema.node(branch) == Node::Null);
            let fits = branches.iter().enumerate().filter(|(nth, _)| Some(*nth) != null || kind == Kind::Null);
            let mut fits = fits.filter_map(|(nth, &branch)| Some((nth, value(at.to(branch), column).ok()?)));
            let (branch, op) = fits.next().ok_or_else(|| format!("no type of the union can hold {kind}"))?;
            Ok(Op::Union { null: null.map(|null| null as i64), branch: branch as i64, value: Box::new(op) })
        }
        (Node::Null, Kind::Null, _) => Ok(Op::Null),
        (Node::Boolean, Kind::Bool, _) => Ok(Op::Bool),
        (Node::Int(None), Kind::Int { .. }, _) => int(true, Rescale::NONE),
        (Node::Long(None), Kind::Int { .. } | Kind::UInt64, _) => int(false, Rescale::NONE),
        (Node::Int(Some(Logical::Date)), Kind::Date, _) => int(true, Rescale::NONE),
        (Node::Int(Some(Logical::TimeMillis)), Kind::Time(unit), _) => int(true, Rescale::between(unit, Unit::Milli)),
        (Node::Long(Some(Logical::TimeMicros)), Kind::Time(unit), _) => int(false, Rescale::between(unit, Unit::Micro)),
        (Node::Long(Some(logical)), Kind::Timestamp { unit, .. }, _) => match timestamp_unit(*logical) {
            Some(to) => int(false, Rescale::between(unit, to)),
            None => Err(format!("long ({logical:?}) can't hold {kind}")),
        },
        (Node::Float, Kind::Float32, _) => Ok(Op::Float),
        (Node::Double, Kind::Float32 | Kind::Float64, _) => Ok(Op::Double),
        (Node::String(_), Kind::Text, _) | (Node::Bytes(None), Kind::Binary | Kind::FixedBinary(_) | Kind::Text, _) => {
            Ok(Op::Bytes)
        }
        (Node::Bytes(Some(Logical::Decimal { scale, .. })), Kind::Decimal { scale: of_column, .. }, _)
            if *scale == of_column =>
        {
            Ok(Op::Decimal(None))
        }
        (
            Node::Fixed { size, logical: Some(Logical::Decimal { scale, .. }), .. },
            Kind::Decimal { scale: of_column, .. },
            _,
        ) if *scale == of_column => Ok(Op::Decimal(Some(*size))),
        (Node::Fixed { size, .. }, Kind::FixedBinary(width), _) if *size == width => Ok(Op::Fixed(*size)),
        (Node::Fixed { size, .. }, Kind::Binary, _) => Ok(Op::Fixed(*size)),
        (Node::Enum { symbols, .. }, Kind::Text, _) => Ok(Op::Enum(symbols.clone())),
        (Node::Array(item), _, Values::List { item: column, .. }) => {
            Ok(Op::Array(Box::new(value(at.to(*item), column)?)))
        }
        (Node::Map(inner), _, Values::Map { key, value: column, .. }) if key.kind() == Kind::Text => {
            Ok(Op::Map(Box::new(value(at.to(*inner), column)?)))
        }
        (Node::Record { .. }, _, Values::Struct(columns)) => Ok(Op::Record(record(at, columns)?)),
        (node, ..) => Err(format!("Avro's {} can't hold {kind}", node.type_name())),
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
        match field {
            FieldOp::Encoded(bytes) => out.extend_from_slice(bytes),
            FieldOp::Column(column, op) => {
                let Some(view) = view(*column) else { continue };
                write_value(op, view, row, out)?;
            }
        }
    }
    Ok(())
}

fn write_value(op: &Op, view: &View, row: usize, out: &mut Vec<u8>) -> Written {
    let null = view.is_null(row);
    match (op, &view.values) {
        (Op::Union { null: Some(branch), .. }, _) if null => write_long(*branch, out),
        (Op::Union { branch, value, .. }, _) => {
            write_long(*branch, out);
            write_value(value, view, row, out)?;
        }
        (Op::Null, _) => {}
        _ if null => return Err("a value is NULL, for which the schema has no union with null".into()),
        (Op::Bool, ViewValues::Bool(array)) => out.push(u8::from(array.value(row))),
        (Op::Int { int, rescale }, ViewValues::Int(ints)) => write_int(*int, *rescale, ints.value(row), out)?,
        (Op::Int { .. }, ViewValues::UInt64(array)) => {
            let value = i64::try_from(array.value(row));
            write_long(value.map_err(|_| format!("{} is above the greatest long", array.value(row)))?, out);
        }
        (Op::Float, ViewValues::Float32(array)) => out.extend_from_slice(&array.value(row).to_le_bytes()),
        (Op::Double, ViewValues::Float32(array)) => out.extend_from_slice(&f64::from(array.value(row)).to_le_bytes()),
        (Op::Double, ViewValues::Float64(array)) => out.extend_from_slice(&array.value(row).to_le_bytes()),
        (Op::Bytes, ViewValues::Text(texts)) => write_bytes(texts.value(row).as_bytes(), out),
        (Op::Bytes, ViewValues::Bytes(bytes)) => write_bytes(bytes.value(row), out),
        (Op::Fixed(size), ViewValues::Bytes(bytes)) => match bytes.value(row) {
            value if value.len() == *size => out.extend_from_slice(value),
            value => return Err(format!("{} bytes don't fit a fixed of {size}", value.len())),
        },
        (Op::Decimal(size), ViewValues::Decimal(array)) => write_decimal(*size, array.value(row), out)?,
        (Op::Enum(symbols), ViewValues::Text(texts)) => {
            let text = texts.value(row);
            let symbol = symbols.iter().position(|symbol| symbol == text);
            write_long(symbol.ok_or_else(|| format!("the enum has no symbol `{text}`"))? as i64, out);
        }
        (Op::Array(op), ViewValues::List(offsets, item)) => {
            let items = items(offsets, row);
            if !items.is_empty() {
                write_long(items.len() as i64, out);
                for at in items {
                    write_value(op, item, at, out)?;
                }
            }
            write_long(0, out);
        }
        (Op::Map(op), ViewValues::Map(offsets, key, value)) => {
            let items = items(offsets, row);
            if !items.is_empty() {
                write_long(items.len() as i64, out);
                for at in items {
                    write_value(&Op::Bytes, key, at, out)?;
                    write_value(op, value, at, out)?;
                }
            }
            write_long(0, out);
        }
        (Op::Record(fields), ViewValues::Struct(views)) => {
            write_fields(fields, |column| views.get(column).map(|(_, view)| view), row, out)?;
        }
        _ => return Err("the column's type is another one than was compiled for".into()),
    }
    Ok(())
}

fn write_int(int: bool, rescale: Rescale, value: i64, out: &mut Vec<u8>) -> Written {
    let scaled = rescale.apply(value).filter(|value| !int || i32::try_from(*value).is_ok());
    write_long(scaled.ok_or_else(|| format!("{value} is out of the range of the schema's type"))?, out);
    Ok(())
}

/// Writes a number in two's complement, big endian: as few bytes as hold it, or as many as are fixed.
fn write_decimal(size: Option<usize>, value: i128, out: &mut Vec<u8>) -> Written {
    let bytes = value.to_be_bytes();
    let sign = if value < 0 { 0xff } else { 0 };
    let redundant = bytes.windows(2).take_while(|pair| matches!(pair, [a, b] if *a == sign && (b ^ sign) & 0x80 == 0));
    let least = bytes.get(redundant.count()..).unwrap_or(&bytes);
    match size {
        None => write_bytes(least, out),
        Some(size) if size >= least.len() => {
            out.resize(out.len() + size - least.len(), sign);
            out.extend_from_slice(least);
        }
        Some(size) => return Err(format!("the number needs {} bytes, the schema has {size}", least.len())),
    }
    Ok(())
}
