//! Gives the values of a request the types of their shapes, or refuses them with the service's texts.

use base64_simd::STANDARD;
use bytes::Bytes;

use super::model::{Kind, Member, Model, Operation, ShapeId};
use super::{Fault, Value};

const LIST_UNEXPECTED: &str = "Start of list found where not expected";
const MAP_UNEXPECTED: &str = "Start of structure or map found where not expected.";
const NUMBER: &str = "class com.amazon.coral.value.json.numbers.TruncatingBigNumber";

impl Model {
    /// The members that the operation knows, in the types of their shapes; others are dropped.
    pub fn conform<'a>(&self, operation: &Operation, value: Value<'a>) -> Result<Value<'a>, Fault> {
        self.structure(&operation.members, value)
    }

    fn structure<'a>(&self, members: &[Member], value: Value<'a>) -> Result<Value<'a>, Fault> {
        let given = match value {
            Value::Map(given) => given,
            Value::List(_) => return Err(Fault::serialization(LIST_UNEXPECTED)),
            _ => return Err(Fault::serialization("Expected null")),
        };
        let mut conformed = Vec::with_capacity(given.len());
        for (name, value) in given {
            let known = members.iter().find(|member| member.name == name);
            if let (Some(member), false) = (known, value == Value::Null) {
                conformed.push((name, self.typed(member.shape, value)?));
            }
        }
        Ok(Value::Map(conformed))
    }

    fn typed<'a>(&self, shape: ShapeId, value: Value<'a>) -> Result<Value<'a>, Fault> {
        let Some(shape) = self.shape(shape) else { return Ok(value) };
        match (&shape.kind, value) {
            (_, Value::Null) => Ok(Value::Null),
            (Kind::Structure(members), value) => self.structure(members, value),
            (Kind::List(item), Value::List(items)) => {
                items.into_iter().map(|value| self.typed(*item, value)).collect::<Result<_, _>>().map(Value::List)
            }
            (Kind::List(_), Value::Map(_)) => Err(Fault::serialization(MAP_UNEXPECTED)),
            (Kind::List(_), _) => Err(Fault::serialization("Expected list or null")),
            (Kind::Map(_, item), Value::Map(entries)) => {
                let typed = |(key, value)| Ok((key, self.typed(*item, value)?));
                entries.into_iter().map(typed).collect::<Result<_, Fault>>().map(Value::Map)
            }
            (Kind::Map(..), Value::List(_)) => Err(Fault::serialization(LIST_UNEXPECTED)),
            (Kind::Map(..), _) => Err(Fault::serialization("Expected map or null")),
            (_, Value::List(_)) => Err(Fault::serialization(LIST_UNEXPECTED)),
            (_, Value::Map(_)) => Err(Fault::serialization(MAP_UNEXPECTED)),
            (kind, value) => scalar(kind, value),
        }
    }
}

fn scalar<'a>(kind: &Kind, value: Value<'a>) -> Result<Value<'a>, Fault> {
    let refuse =
        |what: &str, wanted: &str| Err(Fault::serialization(format!("{what} can not be converted to {wanted}")));
    let wanted = match kind {
        Kind::Boolean => "an Boolean",
        Kind::Integer => "an Integer",
        Kind::Double => "an Double",
        Kind::String => "an String",
        Kind::Blob => "a Blob",
        _ => "milliseconds since epoch",
    };
    match (kind, value) {
        (Kind::Boolean, value @ Value::Bool(_)) | (Kind::String, value @ Value::Text(_)) => Ok(value),
        (Kind::Boolean, Value::Text(text)) => match text.to_ascii_uppercase().as_str() {
            "TRUE" | "YES" | "1" => Ok(Value::Bool(true)),
            "FALSE" | "NO" | "0" => Ok(Value::Bool(false)),
            other => refuse(&format!("'{other}'"), wanted),
        },
        (Kind::Integer, Value::Integer(number)) => {
            Ok(Value::Integer(number.clamp(i64::from(i32::MIN), i64::from(i32::MAX))))
        }
        // Numbers with a fraction are cut; what is too large stays at the largest.
        (Kind::Integer, Value::Float(number)) => {
            Ok(Value::Integer((number.floor() as i64).clamp(i64::from(i32::MIN), i64::from(i32::MAX))))
        }
        (Kind::Double, Value::Integer(number)) => Ok(Value::Float(number as f64)),
        (Kind::Double, value @ Value::Float(_)) => Ok(value),
        (Kind::Timestamp, Value::Integer(seconds)) => Ok(Value::Time(seconds.saturating_mul(1_000))),
        (Kind::Timestamp, Value::Float(seconds)) => Ok(Value::Time((seconds * 1_000.0).round() as i64)),
        (Kind::Timestamp, value @ Value::Time(_)) => Ok(value),
        (Kind::Blob, value @ Value::Blob(_)) => Ok(value),
        (Kind::Blob, Value::Text(text)) => blob(&text).map(Value::Blob),
        (_, Value::Bool(_)) => refuse("class java.lang.Boolean", wanted),
        (_, Value::Text(_)) => refuse("class java.lang.String", wanted),
        (_, Value::Blob(_)) => refuse("class java.nio.HeapByteBuffer", wanted),
        _ => refuse(NUMBER, wanted),
    }
}

fn blob(text: &str) -> Result<Bytes, Fault> {
    // The usual case first: reasons are looked for only when it fails.
    if let Ok(bytes) = STANDARD.decode_to_vec(text.as_bytes()) {
        return Ok(bytes.into());
    }
    let refuse = |why: String| Err(Fault::serialization(format!("'{text}' can not be converted to a Blob: {why}")));
    if !text.len().is_multiple_of(4) {
        return refuse(format!(
            "Base64 encoded length is expected a multiple of 4 bytes but found: {}",
            text.chars().count()
        ));
    }
    let body = text.trim_end_matches('=');
    match body.chars().find(|char| !char.is_ascii_alphanumeric() && !"+/".contains(*char)) {
        Some(char) => refuse(format!("Invalid Base64 character: '{char}'")),
        None => refuse("Invalid last non-pad Base64 character dectected".into()),
    }
}
