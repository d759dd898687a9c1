//! A record as JSON, by the schema that it was written with.

use tidemill_schemas::avro::{AvroSchema, Logical, Node, NodeId};

use super::cursor::Cursor;
use crate::column::Unit;
use crate::decimal;
use crate::fault::{Fault, Read};
use crate::legible::{push_bytes, push_float, push_float32, push_text, push_written};
use crate::time::{TimestampStyle, write_date, write_time, write_timestamp};

/// How deep values may lie in each other.
const DEPTH_MAX: usize = 128;
const MILLIS_OF_DAY: i64 = 86_400_000;

/// A whole record as one line of JSON.
pub(crate) fn to_json(schema: &AvroSchema, payload: &[u8]) -> Read<String> {
    let mut cursor = Cursor::new(payload);
    let mut out = String::new();
    Writer { schema, cursor: &mut cursor, out: &mut out }.value(schema.root(), 0)?;
    match cursor.left() {
        0 => Ok(out),
        left => Err(Fault::broken(format!("malformed Avro: {left} bytes are left behind the record"))),
    }
}

struct Writer<'a, 'b> {
    schema: &'a AvroSchema,
    cursor: &'b mut Cursor<'a>,
    out: &'b mut String,
}

impl Writer<'_, '_> {
    fn value(&mut self, id: NodeId, depth: usize) -> Read {
        if depth > DEPTH_MAX {
            return Err(Fault::broken(format!("values lie deeper than {DEPTH_MAX}")));
        }
        match self.schema.node(id) {
            Node::Null => self.out.push_str("null"),
            Node::Boolean => self.out.push_str(if self.cursor.boolean()? { "true" } else { "false" }),
            Node::Int(logical) => {
                let value = self.cursor.int()?;
                self.number(value, *logical);
            }
            Node::Long(logical) => {
                let value = self.cursor.long()?;
                self.number(value, *logical);
            }
            Node::Float => push_float32(self.cursor.float()?, self.out),
            Node::Double => push_float(self.cursor.double()?, self.out),
            Node::Bytes(logical) => {
                let bytes = self.cursor.bytes()?;
                self.bytes(bytes, *logical);
            }
            Node::Fixed { size, logical, .. } => {
                let bytes = self.cursor.take(*size)?;
                self.bytes(bytes, *logical);
            }
            Node::String(_) => push_text(self.cursor.string()?, self.out),
            Node::Enum { symbols, name, .. } => {
                let place = self.cursor.int()?;
                let symbol = usize::try_from(place).ok().and_then(|place| symbols.get(place));
                let symbol = symbol
                    .ok_or_else(|| Fault::broken(format!("malformed Avro: {name} has no symbol of number {place}")))?;
                push_text(symbol, self.out);
            }
            Node::Array(item) => self.blocks(*item, false, depth)?,
            Node::Map(value) => self.blocks(*value, true, depth)?,
            Node::Union(branches) => {
                let branch = self.cursor.branch(branches.len())?;
                self.value(branches.get(branch).copied().unwrap_or(id), depth + 1)?;
            }
            Node::Record { fields, .. } => {
                for (nth, field) in fields.iter().enumerate() {
                    self.out.push(if nth == 0 { '{' } else { ',' });
                    push_text(&field.name, self.out);
                    self.out.push(':');
                    self.value(field.node, depth + 1).map_err(|fault| fault.in_key(&field.name))?;
                }
                self.out.push_str(if fields.is_empty() { "{}" } else { "}" });
            }
        }
        Ok(())
    }

    fn blocks(&mut self, item: NodeId, keyed: bool, depth: usize) -> Read {
        self.out.push(if keyed { '{' } else { '[' });
        let mut first = true;
        loop {
            let count = self.cursor.block()?;
            if count == 0 {
                break;
            }
            for _ in 0..count {
                if !std::mem::take(&mut first) {
                    self.out.push(',');
                }
                if keyed {
                    push_text(self.cursor.string()?, self.out);
                    self.out.push(':');
                }
                self.value(item, depth + 1)?;
            }
        }
        self.out.push(if keyed { '}' } else { ']' });
        Ok(())
    }

    fn number(&mut self, value: i64, logical: Option<Logical>) {
        use Logical::{
            Date, LocalTimestampMicros, LocalTimestampMillis, LocalTimestampNanos, TimeMicros, TimeMillis,
            TimestampMicros, TimestampMillis, TimestampNanos,
        };
        let timestamp =
            |unit, zoned| move |out: &mut Vec<u8>| write_timestamp(value, unit, zoned, TimestampStyle::Iso, out);
        match logical {
            Some(Date) => push_written(self.out, |out| write_date(value, out)),
            Some(TimeMillis) if (0..MILLIS_OF_DAY).contains(&value) => self.time(value * 1_000),
            Some(TimeMicros) if (0..MILLIS_OF_DAY * 1_000).contains(&value) => self.time(value),
            Some(TimestampMillis) => push_written(self.out, timestamp(Unit::Milli, true)),
            Some(TimestampMicros) => push_written(self.out, timestamp(Unit::Micro, true)),
            Some(TimestampNanos) => push_written(self.out, timestamp(Unit::Nano, true)),
            Some(LocalTimestampMillis) => push_written(self.out, timestamp(Unit::Milli, false)),
            Some(LocalTimestampMicros) => push_written(self.out, timestamp(Unit::Micro, false)),
            Some(LocalTimestampNanos) => push_written(self.out, timestamp(Unit::Nano, false)),
            _ => self.out.push_str(itoa::Buffer::new().format(value)),
        }
    }

    fn time(&mut self, micros: i64) {
        let nanos = (micros % 1_000_000) as u32 * 1_000;
        push_written(self.out, |out| write_time(micros / 1_000_000, nanos, out));
    }

    fn bytes(&mut self, bytes: &[u8], logical: Option<Logical>) {
        match (logical, bytes.len()) {
            (Some(Logical::Decimal { scale, .. }), 1..=16) => {
                let fill = if bytes.first().is_some_and(|first| first & 0x80 != 0) { 0xFF } else { 0 };
                let mut wide = [fill; 16];
                for (to, from) in wide.iter_mut().rev().zip(bytes.iter().rev()) {
                    *to = *from;
                }
                push_written(self.out, |out| decimal::write(i128::from_be_bytes(wide), scale, out));
            }
            _ => push_bytes(bytes, self.out),
        }
    }
}
