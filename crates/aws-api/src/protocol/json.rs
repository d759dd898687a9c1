//! JSON 1.1: blobs are base64, times are seconds with three decimals, null members are left out.

use std::io::Write;

use base64_simd::STANDARD;

use super::Value;

/// Reads a body; `None` if it is no JSON.
pub(super) fn decode(body: &[u8]) -> Option<Value<'_>> {
    serde_json::from_slice(body).ok()
}

/// About how many bytes an answer takes: long ones are made without moving what is there.
pub(super) fn size(value: &Value<'_>) -> usize {
    match value {
        Value::Null => 0,
        Value::Bool(_) | Value::Integer(_) | Value::Float(_) | Value::Time(_) => 24,
        Value::Text(text) => text.len() + 4,
        Value::Blob(bytes) => STANDARD.encoded_length(bytes.len()) + 4,
        Value::List(items) => 4 + items.iter().map(size).sum::<usize>(),
        Value::Map(members) => 4 + members.iter().map(|(name, value)| name.len() + 4 + size(value)).sum::<usize>(),
    }
}

/// Writes an answer.
pub(super) fn encode(value: &Value<'_>, out: &mut Vec<u8>) {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(flag) => out.extend_from_slice(if *flag { b"true" } else { b"false" }),
        // Writing to a vector can't fail.
        Value::Integer(number) => drop(write!(out, "{number}")),
        Value::Float(number) if number.is_finite() => {
            out.extend_from_slice(ryu::Buffer::new().format_finite(*number).as_bytes());
        }
        Value::Float(_) => out.extend_from_slice(b"null"),
        Value::Text(text) => drop(serde_json::to_writer(out, text)),
        Value::Blob(bytes) => {
            out.push(b'"');
            STANDARD.encode_append(bytes, &mut *out);
            out.push(b'"');
        }
        Value::Time(millis) => {
            drop(write!(out, "{}.{:03}", millis.div_euclid(1_000), millis.rem_euclid(1_000)));
        }
        Value::List(items) => {
            out.push(b'[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                encode(item, out);
            }
            out.push(b']');
        }
        Value::Map(members) => {
            out.push(b'{');
            let present = members.iter().filter(|(_, value)| *value != Value::Null);
            for (i, (name, value)) in present.enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                drop(serde_json::to_writer(&mut *out, name));
                out.push(b':');
                encode(value, out);
            }
            out.push(b'}');
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::super::structure;
    use super::*;

    #[test]
    fn an_answer_is_written_as_the_service_writes_it() {
        let value = structure([
            ("Data", Bytes::from_static(b"hello").into()),
            ("At", Value::Time(1_421_889_722_041)),
            ("Absent", Value::Null),
            ("Names", vec!["a\"b".into(), Value::Integer(-1)].into()),
            ("More", true.into()),
        ]);
        let mut out = Vec::new();
        encode(&value, &mut out);
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text, r#"{"Data":"aGVsbG8=","At":1421889722.041,"Names":["a\"b",-1],"More":true}"#);
    }

    #[test]
    fn texts_without_escapes_are_not_copied() {
        let body = br#"{"StreamName":"s","Escaped":"a\/b"}"#;
        let value = decode(body).unwrap();
        assert!(matches!(value.get("StreamName"), Some(Value::Text(std::borrow::Cow::Borrowed("s")))));
        assert_eq!(value.text("Escaped"), Some("a/b"));
        assert_eq!(decode(b"{"), None);
    }
}
