//! The two encodings of bodies.

use bytes::Bytes;

use super::{Value, cbor, json};

/// How a body is written; an answer is written as its request was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// `application/x-amz-json-1.1`
    Json,
    /// `application/x-amz-cbor-1.1`
    Cbor,
}

impl Encoding {
    /// The encoding that a `Content-Type` header names.
    pub fn of(content_type: &str) -> Option<Self> {
        match content_type.split(';').next().unwrap_or_default().trim() {
            "application/x-amz-json-1.1" => Some(Self::Json),
            "application/x-amz-cbor-1.1" => Some(Self::Cbor),
            _ => None,
        }
    }

    /// Its `Content-Type`.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/x-amz-json-1.1",
            Self::Cbor => "application/x-amz-cbor-1.1",
        }
    }

    /// Reads a body; `None` if it is not in this encoding.
    pub fn decode(self, body: &Bytes) -> Option<Value<'_>> {
        match self {
            Self::Json => json::decode(body),
            Self::Cbor => cbor::decode(body),
        }
    }

    /// Writes an answer.
    pub fn encode(self, value: &Value<'_>) -> Bytes {
        let mut out = Vec::with_capacity(json::size(value));
        match self {
            Self::Json => json::encode(value, &mut out),
            Self::Cbor => cbor::encode(value, &mut out),
        }
        out.into()
    }
}
