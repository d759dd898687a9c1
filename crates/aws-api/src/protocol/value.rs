//! What a request or an answer holds, whichever encoding it travels in.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

/// A value of the AWS protocols. Texts of a request are slices of its body where they can be.
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'a> {
    /// Absent; never written.
    Null,
    /// Boolean.
    Bool(bool),
    /// Integer or long.
    Integer(i64),
    /// Float or double.
    Float(f64),
    /// String.
    Text(Cow<'a, str>),
    /// Blob: base64 in JSON, bytes in CBOR.
    Blob(Bytes),
    /// Milliseconds since 1970: seconds with a fraction in JSON, tagged milliseconds in CBOR.
    Time(i64),
    /// List.
    List(Vec<Value<'a>>),
    /// Structure or map, in the order of the text.
    Map(Vec<(Cow<'a, str>, Value<'a>)>),
}

/// A structure of these members.
pub fn structure<const N: usize>(members: [(&'static str, Value<'static>); N]) -> Value<'static> {
    Value::Map(members.into_iter().map(|(name, value)| (Cow::Borrowed(name), value)).collect())
}

impl<'a> Value<'a> {
    /// A copy that borrows nothing.
    pub fn into_owned(self) -> Value<'static> {
        match self {
            Value::Null => Value::Null,
            Value::Bool(flag) => Value::Bool(flag),
            Value::Integer(number) => Value::Integer(number),
            Value::Float(number) => Value::Float(number),
            Value::Text(text) => Value::Text(Cow::Owned(text.into_owned())),
            Value::Blob(bytes) => Value::Blob(bytes),
            Value::Time(millis) => Value::Time(millis),
            Value::List(items) => Value::List(items.into_iter().map(Value::into_owned).collect()),
            Value::Map(members) => Value::Map(
                members.into_iter().map(|(name, value)| (Cow::Owned(name.into_owned()), value.into_owned())).collect(),
            ),
        }
    }

    /// A member that is there and not null. Of several, the last one counts.
    pub fn get(&self, name: &str) -> Option<&Value<'a>> {
        let Value::Map(members) = self else { return None };
        let (_, value) = members.iter().rfind(|(found, _)| found == name)?;
        (*value != Value::Null).then_some(value)
    }

    /// A member that is a text.
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.get(name)? {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A member that is an integer.
    pub fn integer(&self, name: &str) -> Option<i64> {
        match self.get(name)? {
            Value::Integer(number) => Some(*number),
            _ => None,
        }
    }

    /// Whether a member is true.
    pub fn flag(&self, name: &str) -> bool {
        self.get(name) == Some(&Value::Bool(true))
    }

    /// A member that is a time, in milliseconds since 1970.
    pub fn time(&self, name: &str) -> Option<i64> {
        match self.get(name)? {
            Value::Time(millis) => Some(*millis),
            _ => None,
        }
    }

    /// A member that is a blob.
    pub fn blob(&self, name: &str) -> Option<&Bytes> {
        match self.get(name)? {
            Value::Blob(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// The items of a member that is a list; none when it isn't there.
    pub fn list(&self, name: &str) -> &[Value<'a>] {
        match self.get(name) {
            Some(Value::List(items)) => items,
            _ => &[],
        }
    }

    /// The texts of a member that is a list of texts.
    pub fn texts(&self, name: &str) -> impl Iterator<Item = &str> {
        self.list(name).iter().filter_map(|item| match item {
            Value::Text(text) => Some(text.as_ref()),
            _ => None,
        })
    }

    /// The entries of a member that is a map of texts.
    pub fn entries(&self, name: &str) -> impl Iterator<Item = (&str, &str)> {
        let entries = match self.get(name) {
            Some(Value::Map(entries)) => entries.as_slice(),
            _ => &[],
        };
        entries.iter().filter_map(|(key, value)| match value {
            Value::Text(text) => Some((key.as_ref(), text.as_ref())),
            _ => None,
        })
    }
}

macro_rules! from {
    ($($type:ty => |$value:ident| $made:expr),* $(,)?) => { $(
        impl From<$type> for Value<'static> {
            fn from($value: $type) -> Self {
                $made
            }
        }
    )* };
}

from! {
    bool => |value| Value::Bool(value),
    i64 => |value| Value::Integer(value),
    u32 => |value| Value::Integer(value.into()),
    u64 => |value| Value::Integer(i64::try_from(value).unwrap_or(i64::MAX)),
    usize => |value| Value::Integer(i64::try_from(value).unwrap_or(i64::MAX)),
    f64 => |value| Value::Float(value),
    &'static str => |value| Value::Text(Cow::Borrowed(value)),
    String => |value| Value::Text(Cow::Owned(value)),
    Bytes => |value| Value::Blob(value),
    Vec<Value<'static>> => |value| Value::List(value),
}

impl<T: Into<Value<'static>>> From<Option<T>> for Value<'static> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Value::Null, Into::into)
    }
}

impl<'de> Deserialize<'de> for Value<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Value<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
        Ok(Value::Integer(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
        Ok(i64::try_from(value).map_or(Value::Float(value as f64), Value::Integer))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
        Ok(Value::Float(value))
    }

    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Self::Value, E> {
        Ok(Value::Text(Cow::Borrowed(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Self::Value, E> {
        Ok(Value::Text(Cow::Owned(value.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        let mut map = Vec::new();
        while let Some((Key(key), value)) = entries.next_entry()? {
            map.push((key, value));
        }
        Ok(Value::Map(map))
    }
}

/// A member's name: `Cow` alone would always be copied.
struct Key<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::Text(text) => Ok(Key(text)),
            _ => Err(serde::de::Error::custom("a member's name is not a text")),
        }
    }
}
