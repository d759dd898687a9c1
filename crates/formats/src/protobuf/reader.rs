//! Protobuf records become rows.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use hashbrown::{HashMap, HashSet};
use prost_reflect::MessageDescriptor;
use tidemill_schemas::{DataFormat, Definition, ProtobufSchema};

use super::FORMAT;
use super::compile::{self, MessageOp, Rules, Shape, Value};
use super::message_name::MessageName;
use super::scalar::{Kept, Scalar, push_timestamp};
use super::wire::{Fields, Raw, Wire};
use crate::column::{Column, Values};
use crate::decoder::{ReadRecord, Rows};
use crate::error::{Error, Result};
use crate::fault::{Fault, Read};
use crate::registry::{self, Known, SchemaId, SchemaLookup, WireHeader, split_message_index, split_message_path};
use crate::row_kind::RowKind;

/// Fields of a message that need no memory of their own while it is read.
const SLOTS: usize = 24;

pub(super) struct ProtobufReader {
    header: WireHeader,
    /// Of records without a header.
    own: Option<MessageOp>,
    known: Known<Writer>,
    compiler: Compiler,
}

/// A file, and how each of its messages is read.
struct Writer {
    /// In Glue's order, by their full names.
    messages: Vec<(String, std::result::Result<MessageOp, String>)>,
    by_path: HashMap<Vec<usize>, usize>,
}

/// Works out how messages are read.
struct Compiler {
    /// What fields are called and how they are numbered.
    reader: Option<MessageDescriptor>,
    /// The only message that records may hold.
    expected: Option<MessageName>,
    /// Columns to compile against; they stay empty.
    columns: Rows,
    rules: Rules,
}

impl Compiler {
    fn message(&self, message: &MessageDescriptor) -> std::result::Result<MessageOp, String> {
        match &self.expected {
            Some(expected) if !expected.is_of(message) => {
                Err(format!("the record holds a {}, the table's are of {}", message.full_name(), expected.text()))
            }
            _ => compile::message(message, self.reader.as_ref(), &self.columns.columns, self.rules),
        }
    }

    fn file(&self, schema: &ProtobufSchema) -> Writer {
        let messages = schema.messages_by_name();
        let by_path = messages.iter().enumerate().map(|(nth, message)| (schema.path_of(message), nth)).collect();
        let messages = messages.iter().map(|message| (message.full_name().to_owned(), self.message(message)));
        Writer { messages: messages.collect(), by_path }
    }
}

impl Writer {
    /// How the message that a payload names is read, and the message.
    fn message<'p>(&self, id: SchemaId, payload: &'p [u8]) -> Read<(&MessageOp, &'p [u8])> {
        let (place, message) = match id {
            SchemaId::Glue(_) => split_message_index(payload).map(|(place, rest)| (Some(place), rest)),
            _ => split_message_path(payload).map(|(path, rest)| (self.by_path.get(&path).copied(), rest)),
        }
        .map_err(Fault::broken)?;
        match place.and_then(|place| self.messages.get(place)) {
            Some((_, Ok(op))) => Ok((op, message)),
            Some((name, Err(reason))) => Err(Fault::new(format!("message {name}: {reason}"))),
            None => Err(Fault::broken("the schema has no message at the place that the record names")),
        }
    }
}

impl ProtobufReader {
    pub(super) fn new(
        header: WireHeader,
        own: &MessageDescriptor,
        reader: Option<MessageDescriptor>,
        expected: Option<MessageName>,
        rules: Rules,
        columns: &SchemaRef,
        lookup: Option<Arc<dyn SchemaLookup>>,
    ) -> Result<Self> {
        let compiler = Compiler { reader, expected, columns: Rows::new(columns, FORMAT)?, rules };
        let own = match header {
            WireHeader::None => {
                let compiled = compile::message(own, None, &compiler.columns.columns, rules);
                Some(compiled.map_err(|reason| Error::SchemaMismatch { format: FORMAT, reason })?)
            }
            _ => None,
        };
        Ok(ProtobufReader { header, own, known: Known::new(header, DataFormat::Protobuf, lookup), compiler })
    }
}

impl ReadRecord for ProtobufReader {
    fn prepare(&mut self, records: &[&[u8]]) -> Result<()> {
        self.known.prepare(records, None, |definition: &Definition| {
            definition
                .protobuf()
                .map(|schema| self.compiler.file(schema))
                .ok_or_else(|| "it is no Protobuf file".into())
        })
    }

    fn read(&mut self, record: &[u8], rows: &mut Rows) -> Read {
        let (id, payload) = registry::split(self.header, record)?;
        match (&self.own, id) {
            (Some(op), None) => read_message(op, &payload, &mut rows.columns)?,
            (_, Some(id)) => {
                let writer = self.known.get(&id)?;
                writer
                    .schema
                    .message(id, &payload)
                    .and_then(|(op, message)| read_message(op, message, &mut rows.columns))
                    .map_err(|fault| fault.written_with(&writer.name))?;
            }
            (None, None) => return Err(Fault::new("the record's schema is not known")),
        }
        rows.end_row(RowKind::Insert);
        Ok(())
    }
}

/// What was found of a field.
enum Slot<'a> {
    Empty,
    Found(Raw<'a>),
    /// A message that came in parts, which are merged: that is what their bytes are, one after the other.
    Joined(Vec<u8>),
    /// A map's.
    Entries(Vec<&'a [u8]>),
}

fn read_message(op: &MessageOp, bytes: &[u8], columns: &mut [Column]) -> Read {
    let mut few = [const { Slot::Empty }; SLOTS];
    let mut many = Vec::new();
    let slots = match few.get_mut(..op.fields.len()) {
        Some(slots) => slots,
        None => {
            many.resize_with(op.fields.len(), || Slot::Empty);
            many.as_mut_slice()
        }
    };
    let mut fields = Fields(bytes);
    let mut next = 0;
    while let Some((number, wire, raw)) = fields.next()? {
        // Fields mostly come in the order of their numbers.
        let at = match op.fields.get(next) {
            Some(field) if field.number == number => next,
            _ => match op.fields.binary_search_by_key(&number, |field| field.number) {
                Ok(at) => at,
                Err(_) => continue,
            },
        };
        next = at + 1;
        let Some(field) = op.fields.get(at) else { continue };
        if op.has_oneofs && field.oneof.is_some() {
            let others = op.fields.iter().zip(slots.iter_mut()).enumerate();
            let others = others.filter(|(nth, (other, _))| other.oneof == field.oneof && *nth != at);
            others.for_each(|(_, (_, slot))| *slot = Slot::Empty);
        }
        let (Some(slot), Some(column)) = (slots.get_mut(at), field.column.and_then(|column| columns.get_mut(column)))
        else {
            continue;
        };
        match &field.shape {
            Shape::One(value, _) => {
                check_wire(value, number, wire)?;
                put(slot, value, raw);
            }
            Shape::Many(value) => {
                let Values::List { item, .. } = &mut column.values else { continue };
                push_items(value, number, wire, raw, item).map_err(|fault| fault.in_key(column.name()))?;
            }
            Shape::Map(..) => match (slot, raw) {
                (Slot::Entries(entries), Raw::Bytes(entry)) => entries.push(entry),
                (slot, Raw::Bytes(entry)) => *slot = Slot::Entries(vec![entry]),
                (_, Raw::Number(_)) => return Err(wrong_wire("map", number, wire)),
            },
            Shape::Unasked => {}
        }
    }
    for (field, slot) in op.fields.iter().zip(slots.iter()) {
        let Some(column) = field.column.and_then(|column| columns.get_mut(column)) else { continue };
        finish(&field.shape, slot, column).map_err(|fault| fault.in_key(column.name()))?;
    }
    op.unfilled.iter().try_for_each(|&column| columns.get_mut(column).map_or(Ok(()), Column::push_null))
}

/// Keeps a value; parts of a message are joined.
fn put<'a>(slot: &mut Slot<'a>, value: &Value, raw: Raw<'a>) {
    let is_message = !matches!(value, Value::Scalar(_));
    match (&mut *slot, raw) {
        (Slot::Joined(parts), Raw::Bytes(part)) => parts.extend_from_slice(part),
        (Slot::Found(Raw::Bytes(before)), Raw::Bytes(part)) if is_message => {
            *slot = Slot::Joined([*before, part].concat());
        }
        _ => *slot = Slot::Found(raw),
    }
}

/// Puts what was found of a field into its column.
fn finish(shape: &Shape, slot: &Slot<'_>, column: &mut Column) -> Read {
    match (shape, slot) {
        (Shape::One(value, _), Slot::Found(raw)) => push_value(value, *raw, column),
        (Shape::One(value, _), Slot::Joined(bytes)) => push_value(value, Raw::Bytes(bytes), column),
        (Shape::One(Value::Scalar(scalar), Some(absent)), _) => scalar.push(absent.raw(), column),
        (Shape::One(..), _) => column.push_null(),
        (Shape::Many(_), _) => column.end_nested(),
        (Shape::Map(key, value, absent), Slot::Entries(entries)) => {
            push_entries(key, value, absent.as_ref(), entries, column)
        }
        (Shape::Map(..), _) => column.end_nested(),
        (Shape::Unasked, _) => Ok(()),
    }
}

/// Adds an item, or several of a packed field.
fn push_items(value: &Value, number: u32, wire: Wire, raw: Raw<'_>, item: &mut Column) -> Read {
    if let (Value::Scalar(scalar), Raw::Bytes(packed)) = (value, raw)
        && scalar.wire() != Wire::Bytes
    {
        let mut items = Fields(packed);
        while !items.0.is_empty() {
            scalar.push(items.value(scalar.wire())?, item)?;
        }
        return Ok(());
    }
    check_wire(value, number, wire)?;
    push_value(value, raw, item)
}

fn push_value(value: &Value, raw: Raw<'_>, column: &mut Column) -> Read {
    match (value, raw) {
        (Value::Scalar(scalar), raw) => scalar.push(raw, column),
        (Value::Timestamp, Raw::Bytes(bytes)) => push_timestamp(bytes, column),
        (Value::Wrapped(scalar), Raw::Bytes(bytes)) => {
            let mut found = zero(scalar);
            let mut fields = Fields(bytes);
            while let Some((number, wire, raw)) = fields.next()? {
                if number == 1 && wire == scalar.wire() {
                    found = raw;
                }
            }
            scalar.push(found, column)
        }
        (Value::Message(op), Raw::Bytes(bytes)) => {
            let Values::Struct(columns) = &mut column.values else {
                return Err(Fault::new("the column's type is another one than was compiled for"));
            };
            read_message(op, bytes, columns)?;
            column.end_nested()
        }
        (_, Raw::Number(_)) => Err(Fault::broken("malformed Protobuf: a message has no bytes")),
    }
}

/// Adds a map's entries; of a key that comes twice the last one counts.
fn push_entries(key: &Scalar, value: &Value, absent: Option<&Kept>, entries: &[&[u8]], column: &mut Column) -> Read {
    let Values::Map { key: keys, value: values, .. } = &mut column.values else {
        return Err(Fault::new("the column's type is another one than was compiled for"));
    };
    let mut pairs = Vec::with_capacity(entries.len());
    for entry in entries {
        let mut pair = (zero(key), None);
        let mut fields = Fields(entry);
        while let Some((number, wire, raw)) = fields.next()? {
            match number {
                1 if wire == key.wire() => pair.0 = raw,
                2 => {
                    check_wire(value, number, wire)?;
                    pair.1 = Some(raw);
                }
                _ => {}
            }
        }
        pairs.push(pair);
    }
    let mut seen = HashSet::<Raw<'_>, ahash::RandomState>::default();
    let mut counts: Vec<bool> = pairs.iter().rev().map(|(key, _)| seen.insert(*key)).collect();
    counts.reverse();
    for ((of_key, of_value), _) in pairs.into_iter().zip(counts).filter(|(_, counts)| *counts) {
        key.push(of_key, keys)?;
        match (of_value, absent) {
            (Some(raw), _) => push_value(value, raw, values)?,
            (None, Some(absent)) => push_value(value, absent.raw(), values)?,
            (None, None) => push_value(value, Raw::Bytes(&[]), values)?,
        }
    }
    column.end_nested()
}

fn zero(scalar: &Scalar) -> Raw<'static> {
    match scalar.wire() {
        Wire::Bytes => Raw::Bytes(&[]),
        _ => Raw::Number(0),
    }
}

fn check_wire(value: &Value, number: u32, wire: Wire) -> Read {
    match value {
        Value::Scalar(scalar) if scalar.wire() != wire => Err(wrong_wire(&scalar.name(), number, wire)),
        Value::Message(_) | Value::Timestamp | Value::Wrapped(_) if wire != Wire::Bytes => {
            Err(wrong_wire("message", number, wire))
        }
        _ => Ok(()),
    }
}

#[cold]
fn wrong_wire(what: &str, number: u32, wire: Wire) -> Fault {
    Fault::broken(format!(
        "field {number} is no {what} but of wire type {}: the record was written with another schema",
        wire as u8
    ))
}
