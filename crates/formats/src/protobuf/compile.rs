//! How the fields of a writer's message get into columns, worked out once a message.
//!
//! A column is the field of its name. Where a reader's message is given, its field of that name says the number, and the
//! writer's field of the number is taken: so a field may be renamed. Columns without a field are NULL.

use prost_reflect::{FieldDescriptor, Kind as Type, MessageDescriptor};

use super::scalar::{Kept, Scalar, TIMESTAMP, wrapped};
use crate::column::{Column, Kind, Values};

/// How a message is read.
#[derive(Debug)]
pub(super) struct MessageOp {
    /// By number.
    pub(super) fields: Vec<FieldOp>,
    /// Columns that no field fills.
    pub(super) unfilled: Vec<usize>,
    /// Two fields of a `oneof` are asked for: the later one in a record counts.
    pub(super) has_oneofs: bool,
}

#[derive(Debug)]
pub(super) struct FieldOp {
    pub(super) number: u32,
    /// None for a field that is only looked at since another one of its `oneof` is asked for.
    pub(super) column: Option<usize>,
    pub(super) oneof: Option<usize>,
    pub(super) shape: Shape,
}

#[derive(Debug)]
pub(super) enum Shape {
    /// A value; what there is without it.
    One(Value, Option<Kept>),
    Many(Value),
    /// Keys, and values with what there is without one.
    Map(Scalar, Value, Option<Kept>),
    Unasked,
}

/// How a value is read.
#[derive(Debug)]
pub(super) enum Value {
    Scalar(Scalar),
    Message(MessageOp),
    Timestamp,
    /// The only field of a message.
    Wrapped(Scalar),
}

/// What is the same in a whole schema.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Rules {
    /// Fields of proto2 that are not in a record have their default instead of being NULL.
    pub(super) read_defaults: bool,
}

/// How a message gets into columns.
pub(super) fn message(
    writer: &MessageDescriptor,
    reader: Option<&MessageDescriptor>,
    columns: &[Column],
    rules: Rules,
) -> Result<MessageOp, String> {
    let mut op = MessageOp { fields: Vec::new(), unfilled: Vec::new(), has_oneofs: false };
    for (at, column) in columns.iter().enumerate() {
        let of_reader = reader.and_then(|reader| named(reader, column.name()));
        let field = match &of_reader {
            Some(field) => writer.get_field(field.number()),
            None => named(writer, column.name()),
        };
        let Some(field) = field else {
            if !column.is_nullable() {
                return Err(format!("column `{}` is NOT NULL, and the writer has no such field", column.name()));
            }
            op.unfilled.push(at);
            continue;
        };
        let shape = shape(&field, of_reader.as_ref(), column, rules)
            .map_err(|reason| format!("field `{}`: {reason}", field.name()))?;
        let oneof = field.containing_oneof().map(|oneof| oneof.path().last().copied().unwrap_or(0) as usize);
        op.fields.push(FieldOp { number: field.number(), column: Some(at), oneof, shape });
        let others = field.containing_oneof().filter(|oneof| !oneof.is_synthetic());
        for other in others.iter().flat_map(prost_reflect::OneofDescriptor::fields) {
            op.has_oneofs = true;
            if other.number() != field.number() {
                op.fields.push(FieldOp { number: other.number(), column: None, oneof, shape: Shape::Unasked });
            }
        }
    }
    // Of a field that is asked for and only looked at, too, the first stays.
    op.fields.sort_by_key(|field| (field.number, field.column.is_none()));
    op.fields.dedup_by(|later, field| later.number == field.number && later.column.is_none());
    let twice = op.fields.windows(2).find(|pair| matches!(pair, [a, b] if a.number == b.number));
    match twice.and_then(|pair| pair.first()) {
        Some(field) => Err(format!("two columns are the field number {}; leave one out", field.number)),
        None => Ok(op),
    }
}

/// The field of a name, or of a name in JSON.
pub(super) fn named(message: &MessageDescriptor, name: &str) -> Option<FieldDescriptor> {
    message.get_field_by_name(name).or_else(|| message.get_field_by_json_name(name))
}

fn shape(
    writer: &FieldDescriptor,
    reader: Option<&FieldDescriptor>,
    column: &Column,
    rules: Rules,
) -> Result<Shape, String> {
    let refused = || Err(format!("{} does not fit {}", describe(writer), column.kind()));
    if writer.is_group() {
        return Err("it is a group, which is not read; declare the table without it".into());
    }
    match &column.values {
        Values::Map { key, value: item, .. } if writer.is_map() => {
            let Type::Message(entry) = writer.kind() else { return refused() };
            let (of_key, of_value) = (entry.map_entry_key_field(), entry.map_entry_value_field());
            let reader = reader.filter(|reader| reader.is_map()).and_then(|reader| match reader.kind() {
                Type::Message(entry) => Some(entry.map_entry_value_field()),
                _ => None,
            });
            let keys = Scalar::of(&of_key.kind()).filter(|scalar| scalar.fits(key.kind()));
            let Some(keys) = keys else { return refused() };
            let default = Scalar::of(&of_value.kind()).is_some().then(|| Kept::default_of(&of_value));
            Ok(Shape::Map(keys, value(&of_value, reader.as_ref(), item, rules)?, default))
        }
        Values::List { item, .. } if writer.is_list() => Ok(Shape::Many(value(writer, reader, item, rules)?)),
        _ if writer.is_map() || writer.is_list() => refused(),
        _ => Ok(Shape::One(value(writer, reader, column, rules)?, absent(writer, column, rules))),
    }
}

/// What a field is that is not in the record; none for NULL.
fn absent(field: &FieldDescriptor, column: &Column, rules: Rules) -> Option<Kept> {
    let scalar = Scalar::of(&field.kind())?;
    let default = !field.supports_presence() || (rules.read_defaults && field.containing_oneof().is_none());
    // An empty text is no date and no number.
    let is_value = !matches!(scalar, Scalar::Text) || matches!(column.kind(), Kind::Text | Kind::Binary);
    (default && is_value).then(|| Kept::default_of(field))
}

fn value(
    writer: &FieldDescriptor,
    reader: Option<&FieldDescriptor>,
    column: &Column,
    rules: Rules,
) -> Result<Value, String> {
    let kind = column.kind();
    let refused = || Err(format!("{} does not fit {kind}", describe(writer)));
    let of = writer.kind();
    let Type::Message(of) = &of else {
        return match Scalar::of(&of).filter(|scalar| scalar.fits(kind)) {
            Some(scalar) => Ok(Value::Scalar(scalar)),
            None => refused(),
        };
    };
    match (&column.values, wrapped(of)) {
        (Values::Struct(columns), _) => {
            let reader = reader.and_then(|reader| match reader.kind() {
                Type::Message(reader) => Some(reader),
                _ => None,
            });
            Ok(Value::Message(message(of, reader.as_ref(), columns, rules)?))
        }
        (_, Some(scalar)) if scalar.fits(kind) => Ok(Value::Wrapped(scalar)),
        _ if of.full_name() == TIMESTAMP && matches!(kind, Kind::Timestamp { .. }) => Ok(Value::Timestamp),
        _ => refused(),
    }
}

/// A field's type, for messages.
pub(super) fn describe(field: &FieldDescriptor) -> String {
    let of = match (Scalar::of(&field.kind()), field.kind()) {
        (Some(scalar), _) => scalar.name(),
        (None, Type::Message(message)) => format!("message {}", message.name()),
        (None, _) => "a message".into(),
    };
    match (field.is_map(), field.is_list()) {
        (true, _) => "a map".into(),
        (_, true) => format!("repeated {of}"),
        _ => of,
    }
}
