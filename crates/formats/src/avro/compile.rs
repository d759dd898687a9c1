//! How values of a writer's schema get into columns, worked out once a schema.
//!
//! Schema resolution goes straight to the columns: fields are matched by name (or the reader's aliases), numbers
//! widen, what the writer has not comes from the reader's default, what the columns have not is passed over. A value
//! that a column can't hold rejects its record, not the schema: only types that never fit are refused here.

use tidemill_schemas::avro::{AvroSchema, Logical, Node, NodeId, RecordField};

use super::default::write_default;
use crate::column::{Column, Kind, Unit, Values};

/// How a value is read.
#[derive(Debug)]
pub(super) enum Op {
    Null,
    Bool,
    /// An int or long, its unit changed.
    Int(Rescale),
    /// An int or long into a floating-point column.
    IntToFloat,
    /// An int or long into a decimal column of this scale.
    IntToDecimal(i8),
    Float,
    Double,
    Text,
    Bytes,
    BytesToText,
    Fixed(usize),
    /// Bytes (or so many of them) that are an unscaled number, to be shifted by decimal places.
    Decimal {
        size: Option<usize>,
        shift: i32,
    },
    Enum(Vec<Option<Box<str>>>),
    Array(Box<Op>),
    Map(Box<Op>),
    Record(Box<RecordOp>),
    Union(Vec<Op>),
    /// Values of this type (a union's branch) fit no column: why.
    Refused(String),
}

/// How a record is read.
#[derive(Debug, Default)]
pub(super) struct RecordOp {
    /// In the writer's order.
    pub(super) steps: Vec<Step>,
    /// Columns that the writer has not.
    pub(super) fills: Vec<(usize, Fill)>,
}

#[derive(Debug)]
pub(super) enum Step {
    Read(usize, Op),
    Skip(NodeId),
}

/// Where a column's value comes from that the writer has not.
#[derive(Debug)]
pub(super) enum Fill {
    Null,
    /// The reader's default, encoded.
    Default(Vec<u8>, Op),
}

/// A change of unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rescale {
    pub(super) multiply: i64,
    pub(super) divide: i64,
}

impl Rescale {
    pub(super) const NONE: Rescale = Rescale { multiply: 1, divide: 1 };

    pub(super) fn between(from: Unit, to: Unit) -> Self {
        let (from, to) = (from.per_second(), to.per_second());
        Rescale { multiply: (to / from).max(1), divide: (from / to).max(1) }
    }

    #[inline]
    pub(super) fn apply(self, value: i64) -> Option<i64> {
        match self {
            Rescale::NONE => Some(value),
            Rescale { multiply, divide } => Some(value.checked_mul(multiply)?.div_euclid(divide)),
        }
    }
}

/// A schema with one of its types.
#[derive(Clone, Copy)]
pub(super) struct At<'s> {
    pub(super) schema: &'s AvroSchema,
    pub(super) id: NodeId,
}

impl<'s> At<'s> {
    pub(super) fn node(self) -> &'s Node {
        self.schema.node(self.id)
    }

    pub(super) fn to(self, id: NodeId) -> Self {
        At { id, ..self }
    }

    /// Of a union that branch which a writer's type is read as.
    fn branch_for(self, writer: &Node) -> Self {
        let Node::Union(branches) = self.node() else { return self };
        let same = |id: &&NodeId| self.schema.node(**id).type_name() == writer.type_name();
        let some = |id: &&NodeId| *self.schema.node(**id) != Node::Null;
        let branch = branches.iter().find(same).or_else(|| branches.iter().find(some));
        branch.map_or(self, |&branch| self.to(branch))
    }
}

/// How a record's fields get into columns.
pub(super) fn record(writer: At<'_>, reader: Option<At<'_>>, columns: &[Column]) -> Result<RecordOp, String> {
    let Node::Record { fields, .. } = writer.node() else {
        return Err(format!("a record is needed, the schema has {}", writer.node().type_name()));
    };
    let reader = reader.map(|reader| reader.branch_for(writer.node()));
    let reader_fields = reader.map(|reader| match reader.node() {
        Node::Record { fields, .. } => (reader, fields.as_slice()),
        _ => (reader, &[][..]),
    });
    // For each column its reader's field, and the writer's field that fills it.
    let of_reader = |column: &Column| -> Option<(At<'_>, &RecordField)> {
        let (reader, fields) = reader_fields?;
        fields.iter().find(|field| field.name == column.name()).map(|field| (reader.to(field.node), field))
    };
    let source = |column: &Column| {
        let aliases = of_reader(column).map_or(&[][..], |(_, field)| field.aliases.as_slice());
        let named = |name: &str| fields.iter().position(|field| field.name == name);
        named(column.name()).or_else(|| aliases.iter().find_map(|alias| named(alias)))
    };
    let sources: Vec<Option<usize>> = columns.iter().map(source).collect();
    let mut op = RecordOp::default();
    for (nth, field) in fields.iter().enumerate() {
        let step =
            match sources.iter().position(|source| *source == Some(nth)).and_then(|at| Some((at, columns.get(at)?))) {
                Some((at, column)) => {
                    let reader = of_reader(column).map(|(reader, _)| reader);
                    let inner = value(writer.to(field.node), reader, column);
                    Step::Read(at, inner.map_err(|reason| format!("field `{}`: {reason}", field.name))?)
                }
                None => Step::Skip(field.node),
            };
        op.steps.push(step);
    }
    for (at, column) in columns.iter().enumerate().filter(|(at, _)| sources.get(*at) == Some(&None)) {
        op.fills.push((at, fill(of_reader(column), column)?));
    }
    Ok(op)
}

fn fill(reader: Option<(At<'_>, &RecordField)>, column: &Column) -> Result<Fill, String> {
    match reader.and_then(|(reader, field)| Some((reader, field.default.as_ref()?))) {
        Some((reader, default)) => {
            let mut bytes = Vec::new();
            write_default(reader.schema, reader.id, default, &mut bytes)?;
            Ok(Fill::Default(bytes, value(reader, Some(reader), column)?))
        }
        None if column.is_nullable() => Ok(Fill::Null),
        None => Err(format!(
            "column `{}` is NOT NULL, the writer has no such field, and there is no default for it",
            column.name()
        )),
    }
}

/// How a value gets into a column.
fn value(writer: At<'_>, reader: Option<At<'_>>, column: &Column) -> Result<Op, String> {
    if let Node::Union(branches) = writer.node() {
        let ops = branches.iter().map(|&branch| {
            let branch = writer.to(branch);
            value(branch, reader.map(|reader| reader.branch_for(branch.node())), column).unwrap_or_else(Op::Refused)
        });
        let ops: Vec<Op> = ops.collect();
        return match ops.iter().all(|op| matches!(op, Op::Refused(_))) {
            true => Err(format!("no type of the union fits {}", column.kind())),
            false => Ok(Op::Union(ops)),
        };
    }
    let reader = reader.map(|reader| reader.branch_for(writer.node()));
    let kind = column.kind();
    let refused = || Err(format!("{} does not fit {kind}", describe(writer.node())));
    Ok(match (writer.node(), kind, &column.values) {
        (Node::Null, ..) => Op::Null,
        (Node::Boolean, Kind::Bool, _) => Op::Bool,
        (Node::Int(None) | Node::Long(None), Kind::Int { .. } | Kind::UInt64, _) => Op::Int(Rescale::NONE),
        (Node::Int(None) | Node::Long(None), Kind::Float32 | Kind::Float64, _) => Op::IntToFloat,
        (Node::Int(None) | Node::Long(None), Kind::Decimal { scale, .. }, _) => Op::IntToDecimal(scale),
        (Node::Int(Some(Logical::Date)), Kind::Date, _) => Op::Int(Rescale::NONE),
        (Node::Int(Some(logical)) | Node::Long(Some(logical)), Kind::Time(unit), _) => match logical {
            Logical::TimeMillis => Op::Int(Rescale::between(Unit::Milli, unit)),
            Logical::TimeMicros => Op::Int(Rescale::between(Unit::Micro, unit)),
            _ => return refused(),
        },
        (Node::Long(Some(logical)), Kind::Timestamp { unit, .. }, _) => match timestamp_unit(*logical) {
            Some(of_writer) => Op::Int(Rescale::between(of_writer, unit)),
            None => return refused(),
        },
        // The number of a time, for columns that are declared so.
        (Node::Int(Some(_)) | Node::Long(Some(_)), Kind::Int { .. }, _) => Op::Int(Rescale::NONE),
        (Node::Float, Kind::Float32 | Kind::Float64, _) => Op::Float,
        (Node::Double, Kind::Float64, _) => Op::Double,
        (Node::Bytes(Some(Logical::Decimal { scale, .. })), Kind::Decimal { scale: to, .. }, _) => {
            Op::Decimal { size: None, shift: i32::from(to) - i32::from(*scale) }
        }
        (
            Node::Fixed { size, logical: Some(Logical::Decimal { scale, .. }), .. },
            Kind::Decimal { scale: to, .. },
            _,
        ) => Op::Decimal { size: Some(*size), shift: i32::from(to) - i32::from(*scale) },
        (Node::String(_), Kind::Text, _) => Op::Text,
        (Node::Bytes(_) | Node::String(_), Kind::Binary | Kind::FixedBinary(_), _) => Op::Bytes,
        (Node::Bytes(None), Kind::Text, _) => Op::BytesToText,
        (Node::Fixed { size, .. }, Kind::FixedBinary(width), _) if *size == width => Op::Fixed(*size),
        (Node::Fixed { size, .. }, Kind::Binary, _) => Op::Fixed(*size),
        (Node::Enum { symbols, .. }, Kind::Text, _) => Op::Enum(symbols_for(symbols, reader)),
        (Node::Array(item), _, Values::List { item: column, .. }) => {
            let reader = reader.and_then(|reader| match reader.node() {
                Node::Array(item) => Some(reader.to(*item)),
                _ => None,
            });
            Op::Array(Box::new(value(writer.to(*item), reader, column)?))
        }
        (Node::Map(inner), _, Values::Map { key, value: column, .. }) if key.kind() == Kind::Text => {
            let reader = reader.and_then(|reader| match reader.node() {
                Node::Map(inner) => Some(reader.to(*inner)),
                _ => None,
            });
            Op::Map(Box::new(value(writer.to(*inner), reader, column)?))
        }
        (Node::Record { .. }, _, Values::Struct(columns)) => Op::Record(Box::new(record(writer, reader, columns)?)),
        _ => return refused(),
    })
}

fn describe(node: &Node) -> String {
    match node {
        Node::Int(Some(logical))
        | Node::Long(Some(logical))
        | Node::Bytes(Some(logical))
        | Node::String(Some(logical)) => {
            format!("Avro's {} ({logical:?})", node.type_name())
        }
        _ => format!("Avro's {}", node.type_name()),
    }
}

pub(super) fn timestamp_unit(logical: Logical) -> Option<Unit> {
    Some(match logical {
        Logical::TimestampMillis | Logical::LocalTimestampMillis => Unit::Milli,
        Logical::TimestampMicros | Logical::LocalTimestampMicros => Unit::Micro,
        Logical::TimestampNanos | Logical::LocalTimestampNanos => Unit::Nano,
        _ => return None,
    })
}

/// What each of the writer's symbols is read as: itself where the reader has it, else the reader's default.
fn symbols_for(symbols: &[String], reader: Option<At<'_>>) -> Vec<Option<Box<str>>> {
    let of_reader = match reader.map(At::node) {
        Some(Node::Enum { symbols, default, .. }) => Some((symbols, default)),
        _ => None,
    };
    let read = |symbol: &String| match of_reader {
        Some((known, default)) if !known.contains(symbol) => default.as_deref().map(Into::into),
        _ => Some(symbol.as_str().into()),
    };
    symbols.iter().map(read).collect()
}
