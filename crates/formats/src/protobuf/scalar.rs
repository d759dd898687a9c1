//! Values of Protobuf's own types, and the columns that they fill.

use prost_reflect::{EnumDescriptor, FieldDescriptor, Kind as Type, MessageDescriptor, Value as Given};

use super::wire::{Raw, Wire};
use crate::column::{Column, Kind, TextRules};
use crate::fault::{Fault, Read, quote};
use crate::time::Instant;

/// A type of a field that is no message.
#[derive(Clone, Debug)]
pub(super) enum Scalar {
    Bool,
    /// `int32`, `int64`: negative ones have ten bytes.
    Int {
        bits: u8,
    },
    /// `uint32`, `uint64`.
    Uint {
        bits: u8,
    },
    /// `sint32`, `sint64`: the sign is in the lowest bit.
    Zigzag {
        bits: u8,
    },
    /// `fixed32`, `fixed64`.
    Fixed {
        bits: u8,
    },
    /// `sfixed32`, `sfixed64`.
    Sfixed {
        bits: u8,
    },
    Float,
    Double,
    Text,
    Bytes,
    Enum(EnumDescriptor),
}

impl Scalar {
    /// `None` for messages.
    pub(super) fn of(kind: &Type) -> Option<Scalar> {
        Some(match kind {
            Type::Bool => Scalar::Bool,
            Type::Int32 => Scalar::Int { bits: 32 },
            Type::Int64 => Scalar::Int { bits: 64 },
            Type::Uint32 => Scalar::Uint { bits: 32 },
            Type::Uint64 => Scalar::Uint { bits: 64 },
            Type::Sint32 => Scalar::Zigzag { bits: 32 },
            Type::Sint64 => Scalar::Zigzag { bits: 64 },
            Type::Fixed32 => Scalar::Fixed { bits: 32 },
            Type::Fixed64 => Scalar::Fixed { bits: 64 },
            Type::Sfixed32 => Scalar::Sfixed { bits: 32 },
            Type::Sfixed64 => Scalar::Sfixed { bits: 64 },
            Type::Float => Scalar::Float,
            Type::Double => Scalar::Double,
            Type::String => Scalar::Text,
            Type::Bytes => Scalar::Bytes,
            Type::Enum(of) => Scalar::Enum(of.clone()),
            Type::Message(_) => return None,
        })
    }

    pub(super) fn name(&self) -> String {
        match self {
            Scalar::Bool => "bool".into(),
            Scalar::Int { bits } => format!("int{bits}"),
            Scalar::Uint { bits } => format!("uint{bits}"),
            Scalar::Zigzag { bits } => format!("sint{bits}"),
            Scalar::Fixed { bits } => format!("fixed{bits}"),
            Scalar::Sfixed { bits } => format!("sfixed{bits}"),
            Scalar::Float => "float".into(),
            Scalar::Double => "double".into(),
            Scalar::Text => "string".into(),
            Scalar::Bytes => "bytes".into(),
            Scalar::Enum(of) => format!("enum {}", of.name()),
        }
    }

    pub(super) fn wire(&self) -> Wire {
        match self {
            Scalar::Fixed { bits: 64 } | Scalar::Sfixed { bits: 64 } | Scalar::Double => Wire::Fixed64,
            Scalar::Fixed { .. } | Scalar::Sfixed { .. } | Scalar::Float => Wire::Fixed32,
            Scalar::Text | Scalar::Bytes => Wire::Bytes,
            Scalar::Bool | Scalar::Int { .. } | Scalar::Uint { .. } | Scalar::Zigzag { .. } | Scalar::Enum(_) => {
                Wire::Varint
            }
        }
    }

    fn is_integer(&self) -> bool {
        use Scalar::{Fixed, Int, Sfixed, Uint, Zigzag};
        matches!(self, Int { .. } | Uint { .. } | Zigzag { .. } | Fixed { .. } | Sfixed { .. })
    }

    /// Whether a column of this kind takes its values.
    pub(super) fn fits(&self, kind: Kind) -> bool {
        match kind {
            Kind::Bool => matches!(self, Scalar::Bool),
            Kind::Int { .. } | Kind::UInt64 => self.is_integer() || matches!(self, Scalar::Enum(_)),
            Kind::Float32 => self.is_integer() || matches!(self, Scalar::Float),
            Kind::Float64 => self.is_integer() || matches!(self, Scalar::Float | Scalar::Double),
            Kind::Decimal { .. } => self.is_integer() || matches!(self, Scalar::Text),
            Kind::Text => matches!(self, Scalar::Text | Scalar::Bytes | Scalar::Enum(_)),
            Kind::Binary | Kind::FixedBinary(_) => matches!(self, Scalar::Bytes | Scalar::Text),
            Kind::Date | Kind::Time(_) | Kind::Timestamp { .. } => matches!(self, Scalar::Text),
            Kind::Null | Kind::List | Kind::Map | Kind::Struct => false,
        }
    }

    /// Adds a value to a column that it [fits](Scalar::fits).
    #[inline]
    pub(super) fn push(&self, raw: Raw<'_>, column: &mut Column) -> Read {
        match (self, raw) {
            (Scalar::Text, Raw::Bytes(bytes)) => {
                let text = std::str::from_utf8(bytes).map_err(|_| Fault::mismatch("UTF-8", quote(bytes)))?;
                match column.kind() {
                    Kind::Binary | Kind::FixedBinary(_) => column.push_bytes(bytes),
                    _ => column.parse_text(text, TextRules::Standard),
                }
            }
            (Scalar::Bytes, Raw::Bytes(bytes)) if column.kind() == Kind::Text => {
                let text = std::str::from_utf8(bytes).map_err(|_| Fault::mismatch("text", quote(bytes)))?;
                column.push_text(text)
            }
            (Scalar::Bytes, Raw::Bytes(bytes)) => column.push_bytes(bytes),
            (Scalar::Bool, Raw::Number(bits)) => column.push_bool(bits != 0),
            (Scalar::Float, Raw::Number(bits)) => column.push_float(f64::from(f32::from_bits(bits as u32))),
            (Scalar::Double, Raw::Number(bits)) => column.push_float(f64::from_bits(bits)),
            (Scalar::Uint { bits: 64 } | Scalar::Fixed { bits: 64 }, Raw::Number(value)) => push_u64(value, column),
            (Scalar::Uint { .. } | Scalar::Fixed { .. }, Raw::Number(value)) => {
                push_i64(i64::from(value as u32), column)
            }
            (Scalar::Int { bits: 64 } | Scalar::Sfixed { bits: 64 }, Raw::Number(value)) => {
                push_i64(value.cast_signed(), column)
            }
            (Scalar::Int { .. } | Scalar::Sfixed { .. }, Raw::Number(value)) => {
                push_i64(i64::from(value as i32), column)
            }
            (Scalar::Zigzag { bits }, Raw::Number(value)) => {
                let value = if *bits == 32 { u64::from(value as u32) } else { value };
                push_i64((value >> 1).cast_signed() ^ -(value & 1).cast_signed(), column)
            }
            (Scalar::Enum(of), Raw::Number(value)) => {
                let number = value as i32;
                match (column.kind(), of.get_value(number)) {
                    (Kind::Text, Some(symbol)) => column.push_text(symbol.name()),
                    // One that a later schema has: nothing is lost by its number.
                    (Kind::Text, None) => column.push_text(itoa::Buffer::new().format(number)),
                    _ => push_i64(i64::from(number), column),
                }
            }
            (scalar, _) => {
                Err(Fault::broken(format!("malformed Protobuf: the bytes of a value are no {}", scalar.name())))
            }
        }
    }
}

fn push_i64(value: i64, column: &mut Column) -> Read {
    match column.kind() {
        Kind::Float32 | Kind::Float64 => column.push_float(value as f64),
        Kind::Decimal { .. } => column.parse_number(itoa::Buffer::new().format(value)),
        _ => column.push_int(value),
    }
}

fn push_u64(value: u64, column: &mut Column) -> Read {
    match (column.kind(), i64::try_from(value)) {
        (Kind::UInt64, _) => column.push_u64(value),
        (_, Ok(value)) => push_i64(value, column),
        (Kind::Float32 | Kind::Float64, Err(_)) => column.push_float(value as f64),
        (Kind::Decimal { .. }, Err(_)) => column.parse_number(itoa::Buffer::new().format(value)),
        (kind, Err(_)) => Err(Fault::new(format!("{value} is out of the range of {kind}"))),
    }
}

/// A value that is kept.
#[derive(Clone, Debug)]
pub(super) enum Kept {
    Number(u64),
    Bytes(Vec<u8>),
}

impl Kept {
    pub(super) fn raw(&self) -> Raw<'_> {
        match self {
            Kept::Number(number) => Raw::Number(*number),
            Kept::Bytes(bytes) => Raw::Bytes(bytes),
        }
    }

    /// What a field holds that is not in a record, as it would lie there.
    pub(super) fn default_of(field: &FieldDescriptor) -> Kept {
        let signed = |value: i64| match field.kind() {
            Type::Sint32 | Type::Sint64 => ((value << 1) ^ (value >> 63)).cast_unsigned(),
            _ => value.cast_unsigned(),
        };
        match field.default_value() {
            Given::Bool(value) => Kept::Number(u64::from(value)),
            Given::I32(value) | Given::EnumNumber(value) => Kept::Number(signed(i64::from(value))),
            Given::I64(value) => Kept::Number(signed(value)),
            Given::U32(value) => Kept::Number(u64::from(value)),
            Given::U64(value) => Kept::Number(value),
            Given::F32(value) => Kept::Number(u64::from(value.to_bits())),
            Given::F64(value) => Kept::Number(value.to_bits()),
            Given::String(text) => Kept::Bytes(text.into_bytes()),
            Given::Bytes(bytes) => Kept::Bytes(bytes.to_vec()),
            Given::Message(_) | Given::List(_) | Given::Map(_) => Kept::Bytes(Vec::new()),
        }
    }
}

pub(super) const TIMESTAMP: &str = "google.protobuf.Timestamp";

/// The type in one of Google's messages that hold a single value, such as `google.protobuf.Int64Value`.
pub(super) fn wrapped(message: &MessageDescriptor) -> Option<Scalar> {
    let name = message.full_name().strip_prefix("google.protobuf.")?.strip_suffix("Value")?;
    let known = ["Double", "Float", "Int64", "UInt64", "Int32", "UInt32", "Bool", "String", "Bytes"];
    known.contains(&name).then(|| Scalar::of(&message.get_field(1)?.kind()))?
}

/// Adds the time in a `google.protobuf.Timestamp`.
pub(super) fn push_timestamp(bytes: &[u8], column: &mut Column) -> Read {
    let (mut seconds, mut nanos) = (0, 0);
    let mut fields = super::wire::Fields(bytes);
    while let Some((number, wire, raw)) = fields.next()? {
        match (number, wire, raw) {
            (1, Wire::Varint, Raw::Number(value)) => seconds = value.cast_signed(),
            (2, Wire::Varint, Raw::Number(value)) => nanos = value.cast_signed(),
            _ => {}
        }
    }
    let nanos = u32::try_from(nanos).ok().filter(|nanos| *nanos < 1_000_000_000);
    let nanos = nanos.ok_or_else(|| Fault::new("the nanoseconds of a timestamp are not below 1,000,000,000"))?;
    column.push_instant(Instant { seconds, nanos })
}
