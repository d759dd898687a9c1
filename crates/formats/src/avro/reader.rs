//! Avro records become rows.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use tidemill_schemas::avro::AvroSchema;
use tidemill_schemas::{DataFormat, Definition};

use super::FORMAT;
use super::compile::{self, At, Fill, Op, RecordOp, Step};
use super::cursor::Cursor;
use crate::column::{Column, Values};
use crate::decoder::{ReadRecord, Rows};
use crate::error::{Error, Result};
use crate::fault::{Fault, Read, quote};
use crate::registry::{self, Known, SchemaId, SchemaLookup, WireHeader};
use crate::row_kind::RowKind;

pub(super) struct AvroReader {
    header: WireHeader,
    /// Of records without a header, or whose header has this fingerprint.
    own: Option<(Option<SchemaId>, Arc<Writer>)>,
    known: Known<Arc<Writer>>,
    compiler: Compiler,
}

/// Works out how records of a schema are read.
struct Compiler {
    reader: Option<Arc<AvroSchema>>,
    /// Columns to compile against; they stay empty.
    columns: Rows,
}

/// A writer's schema and how its records are read.
struct Writer {
    schema: AvroSchema,
    op: RecordOp,
    /// Its fields' names and defaults are the reader's where defaults are read.
    reader: Option<Arc<AvroSchema>>,
}

impl Compiler {
    fn compile(&self, schema: AvroSchema) -> std::result::Result<Arc<Writer>, String> {
        let writer = At { schema: &schema, id: schema.root() };
        let reader = self.reader.as_deref().map(|reader| At { schema: reader, id: reader.root() });
        let op = compile::record(writer, reader, &self.columns.columns)?;
        Ok(Arc::new(Writer { op, reader: self.reader.clone(), schema }))
    }

    fn compile_definition(&self, definition: &Definition) -> std::result::Result<Arc<Writer>, String> {
        let schema = definition.avro().ok_or("it is no Avro schema")?;
        super::check_record(schema).map_err(|error| error.to_string())?;
        self.compile(schema.clone())
    }
}

impl AvroReader {
    pub(super) fn new(
        header: WireHeader,
        writer: &AvroSchema,
        reader: Option<Arc<AvroSchema>>,
        columns: &SchemaRef,
        lookup: Option<Arc<dyn SchemaLookup>>,
    ) -> Result<Self> {
        let compiler = Compiler { reader, columns: Rows::new(columns, FORMAT)? };
        let compiled = compiler.compile(writer.clone());
        let compiled = compiled.map_err(|reason| Error::SchemaMismatch { format: FORMAT, reason });
        let own = match header {
            WireHeader::None => Some((None, compiled?)),
            WireHeader::SingleObject => Some((Some(SchemaId::Fingerprint(writer.fingerprint())), compiled?)),
            WireHeader::Confluent | WireHeader::Glue => None,
        };
        Ok(AvroReader { header, own, known: Known::new(header, DataFormat::Avro, lookup), compiler })
    }
}

impl ReadRecord for AvroReader {
    fn prepare(&mut self, records: &[&[u8]]) -> Result<()> {
        let own = self.own.as_ref().and_then(|(id, _)| *id);
        self.known.prepare(records, own, |definition| self.compiler.compile_definition(definition))
    }

    fn read(&mut self, record: &[u8], rows: &mut Rows) -> Read {
        let (id, payload) = registry::split(self.header, record)?;
        match (&self.own, id) {
            (Some((own, writer)), id) if *own == id => read_payload(writer, &payload, rows),
            (_, Some(id)) => {
                let writer = self.known.get(&id)?;
                read_payload(&writer.schema, &payload, rows).map_err(|fault| fault.written_with(&writer.name))
            }
            (_, None) => Err(Fault::new("the record's schema is not known")),
        }
    }
}

fn read_payload(writer: &Writer, payload: &[u8], rows: &mut Rows) -> Read {
    let mut cursor = Cursor::new(payload);
    read_record(&writer.op, writer, &mut cursor, &mut rows.columns)?;
    if cursor.left() > 0 {
        return Err(Fault::broken(format!(
            "malformed Avro: {} bytes follow the record; it was written with another schema",
            cursor.left()
        )));
    }
    rows.end_row(RowKind::Insert);
    Ok(())
}

fn read_record(op: &RecordOp, writer: &Writer, cursor: &mut Cursor<'_>, columns: &mut [Column]) -> Read {
    for step in &op.steps {
        match step {
            Step::Read(at, op) => {
                let Some(column) = columns.get_mut(*at) else { continue };
                read_value(op, writer, cursor, column).map_err(|fault| fault.in_key(column.name()))?;
            }
            Step::Skip(node) => cursor.skip(&writer.schema, *node, 0)?,
        }
    }
    for (at, fill) in &op.fills {
        let Some(column) = columns.get_mut(*at) else { continue };
        match fill {
            Fill::Null => column.push_null()?,
            Fill::Default(bytes, op) => {
                debug_assert!(writer.reader.is_some());
                read_value(op, writer, &mut Cursor::new(bytes), column)?;
            }
        }
    }
    Ok(())
}

#[inline]
fn read_value(op: &Op, writer: &Writer, cursor: &mut Cursor<'_>, column: &mut Column) -> Read {
    match op {
        Op::Null => column.push_null(),
        Op::Bool => column.push_bool(cursor.boolean()?),
        Op::Int(rescale) => {
            let value = cursor.long()?;
            let value = rescale.apply(value);
            column.push_int(value.ok_or_else(|| Fault::new("the time is out of the range of its unit"))?)
        }
        Op::IntToFloat => column.push_float(cursor.long()? as f64),
        Op::IntToDecimal(scale) => {
            let value = shift(i128::from(cursor.long()?), i32::from(*scale));
            column.push_decimal(value.ok_or_else(|| Fault::new("the number has too many digits"))?)
        }
        Op::Float => column.push_float(f64::from(cursor.float()?)),
        Op::Double => column.push_float(cursor.double()?),
        Op::Text => column.push_text(cursor.string()?),
        Op::Bytes => column.push_bytes(cursor.bytes()?),
        Op::BytesToText => {
            let bytes = cursor.bytes()?;
            let text = std::str::from_utf8(bytes);
            column.push_text(text.map_err(|_| Fault::mismatch("text", quote(bytes)))?)
        }
        Op::Fixed(size) => column.push_bytes(cursor.take(*size)?),
        Op::Decimal { size, shift: places } => {
            let bytes = match size {
                Some(size) => cursor.take(*size)?,
                None => cursor.bytes()?,
            };
            let value = unscaled(bytes).and_then(|value| shift(value, *places));
            column.push_decimal(value.ok_or_else(|| Fault::new("the number has too many digits"))?)
        }
        Op::Enum(symbols) => {
            let index = cursor.int()?;
            let symbol = usize::try_from(index).ok().and_then(|index| symbols.get(index));
            let symbol =
                symbol.ok_or_else(|| Fault::broken(format!("malformed Avro: the enum has no symbol {index}")))?;
            let reason = "the reader does not know the enum's symbol and has no default";
            column.push_text(symbol.as_deref().ok_or_else(|| Fault::new(reason))?)
        }
        Op::Union(branches) => {
            let branch = cursor.branch(branches.len())?;
            match branches.get(branch) {
                Some(op) => read_value(op, writer, cursor, column),
                None => Err(Fault::broken("malformed Avro: a union without such a branch")),
            }
        }
        Op::Refused(reason) => Err(Fault::new(reason.clone())),
        Op::Array(_) | Op::Map(_) | Op::Record(_) => read_nested(op, writer, cursor, column),
    }
}

fn read_nested(op: &Op, writer: &Writer, cursor: &mut Cursor<'_>, column: &mut Column) -> Read {
    match (op, &mut column.values) {
        (Op::Array(op), Values::List { item, .. }) => {
            let mut index = 0;
            loop {
                let count = cursor.block()?;
                if count == 0 {
                    break;
                }
                for _ in 0..count {
                    read_value(op, writer, cursor, item).map_err(|fault| fault.in_index(index))?;
                    index += 1;
                }
            }
        }
        (Op::Map(op), Values::Map { key, value, .. }) => loop {
            let count = cursor.block()?;
            if count == 0 {
                break;
            }
            for _ in 0..count {
                let name = cursor.string()?;
                key.push_text(name)?;
                read_value(op, writer, cursor, value).map_err(|fault| fault.in_key(name))?;
            }
        },
        (Op::Record(op), Values::Struct(columns)) => read_record(op, writer, cursor, columns)?,
        _ => return Err(Fault::new("the column's type is another one than was compiled for")),
    }
    column.end_nested()
}

/// A two's-complement big-endian number; longer ones only where the bytes before are nothing but sign.
fn unscaled(bytes: &[u8]) -> Option<i128> {
    let negative = bytes.first().is_some_and(|first| first & 0x80 != 0);
    let sign = if negative { 0xff } else { 0 };
    let cut = bytes.len().saturating_sub(16);
    let (before, number) = bytes.split_at(cut);
    if before.iter().any(|byte| *byte != sign) {
        return None;
    }
    let mut wide = [sign; 16];
    wide.get_mut(16 - number.len()..)?.copy_from_slice(number);
    let value = i128::from_be_bytes(wide);
    (cut == 0 || (value < 0) == negative).then_some(value)
}

/// Moves the decimal point; digits that fall off are rounded half away from zero.
fn shift(value: i128, places: i32) -> Option<i128> {
    let power = 10i128.checked_pow(places.unsigned_abs())?;
    if places >= 0 {
        return value.checked_mul(power);
    }
    let rest = value % power;
    let up = i128::from(rest.unsigned_abs() >= power.unsigned_abs().div_ceil(2));
    Some(value / power + up * value.signum())
}
