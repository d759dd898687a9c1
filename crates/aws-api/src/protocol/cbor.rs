//! CBOR (RFC 8949) as the Java SDK speaks it: definite and indefinite lengths, times tagged 1 in milliseconds.

use std::borrow::Cow;

use bytes::Bytes;

use super::Value;

/// How deep values may be nested.
const DEPTH_MAX: usize = 32;
/// The tag of times.
const TAG_TIME: u64 = 1;
/// Times below this are seconds, as the standard has it; above, milliseconds. It is in 1973, or in the year 5138.
const SECONDS_MAX: f64 = 1e11;
const BREAK: u8 = 0xff;

const UNSIGNED: u8 = 0;
const NEGATIVE: u8 = 1;
const BYTES: u8 = 2;
const TEXT: u8 = 3;
const LIST: u8 = 4;
const MAP: u8 = 5;
const TAG: u8 = 6;

/// Reads a body; `None` if it is no CBOR, or something follows it.
pub(super) fn decode(body: &Bytes) -> Option<Value<'_>> {
    let mut reader = Reader { body, at: 0 };
    let value = reader.value(0)?;
    (reader.at == body.len()).then_some(value)
}

struct Reader<'a> {
    body: &'a Bytes,
    at: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, bytes: usize) -> Option<&'a [u8]> {
        let taken = self.body.get(self.at..self.at.checked_add(bytes)?)?;
        self.at += bytes;
        Some(taken)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    /// The number behind an initial byte; `None` in the inner option says that the length is not told.
    fn argument(&mut self, info: u8) -> Option<Option<u64>> {
        let number = match info {
            0..=23 => u64::from(info),
            24 => u64::from(self.byte()?),
            25 => u64::from(u16::from_be_bytes(self.take(2)?.try_into().ok()?)),
            26 => u64::from(u32::from_be_bytes(self.take(4)?.try_into().ok()?)),
            27 => u64::from_be_bytes(self.take(8)?.try_into().ok()?),
            31 => return Some(None),
            _ => return None,
        };
        Some(Some(number))
    }

    /// Whether a list or map of `length` has another item, after `read` of them.
    fn more(&mut self, length: Option<u64>, read: usize) -> Option<bool> {
        match length {
            Some(length) => Some((read as u64) < length),
            None if *self.body.get(self.at)? == BREAK => {
                self.at += 1;
                Some(false)
            }
            None => Some(true),
        }
    }

    fn value(&mut self, depth: usize) -> Option<Value<'a>> {
        if depth > DEPTH_MAX {
            return None;
        }
        let initial = self.byte()?;
        let (major, info) = (initial >> 5, initial & 31);
        if major == 7 {
            return self.simple(info);
        }
        let argument = self.argument(info)?;
        match major {
            UNSIGNED => Some(argument.map(|number| match i64::try_from(number) {
                Ok(number) => Value::Integer(number),
                Err(_) => Value::Float(number as f64),
            })?),
            NEGATIVE => Some(Value::Integer(-1 - i64::try_from(argument?).ok()?)),
            BYTES => self.string(BYTES, argument).map(|bytes| {
                Value::Blob(match bytes {
                    Cow::Borrowed(bytes) => self.body.slice_ref(bytes),
                    Cow::Owned(bytes) => bytes.into(),
                })
            }),
            TEXT => self.text(argument).map(Value::Text),
            LIST => {
                let mut items = Vec::new();
                while self.more(argument, items.len())? {
                    items.push(self.value(depth + 1)?);
                }
                Some(Value::List(items))
            }
            MAP => {
                let mut entries = Vec::new();
                while self.more(argument, entries.len())? {
                    let Value::Text(key) = self.value(depth + 1)? else { return None };
                    entries.push((key, self.value(depth + 1)?));
                }
                Some(Value::Map(entries))
            }
            TAG => {
                let value = self.value(depth + 1)?;
                match (argument?, value) {
                    (TAG_TIME, Value::Integer(number)) => Some(time(number as f64)),
                    (TAG_TIME, Value::Float(number)) => Some(time(number)),
                    (_, value) => Some(value),
                }
            }
            _ => None,
        }
    }

    fn simple(&mut self, info: u8) -> Option<Value<'a>> {
        match info {
            20 | 21 => Some(Value::Bool(info == 21)),
            22 | 23 => Some(Value::Null),
            25 => Some(Value::Float(half(u16::from_be_bytes(self.take(2)?.try_into().ok()?)))),
            26 => Some(Value::Float(f32::from_be_bytes(self.take(4)?.try_into().ok()?).into())),
            27 => Some(Value::Float(f64::from_be_bytes(self.take(8)?.try_into().ok()?))),
            _ => None,
        }
    }

    /// A byte or text string, whole or in chunks.
    fn string(&mut self, major: u8, length: Option<u64>) -> Option<Cow<'a, [u8]>> {
        if let Some(length) = length {
            return self.take(usize::try_from(length).ok()?).map(Cow::Borrowed);
        }
        let mut whole = Vec::new();
        loop {
            let initial = self.byte()?;
            if initial == BREAK {
                return Some(Cow::Owned(whole));
            }
            if initial >> 5 != major {
                return None;
            }
            let length = self.argument(initial & 31)??;
            whole.extend_from_slice(self.take(usize::try_from(length).ok()?)?);
        }
    }

    fn text(&mut self, length: Option<u64>) -> Option<Cow<'a, str>> {
        match self.string(TEXT, length)? {
            Cow::Borrowed(bytes) => std::str::from_utf8(bytes).ok().map(Cow::Borrowed),
            Cow::Owned(bytes) => String::from_utf8(bytes).ok().map(Cow::Owned),
        }
    }
}

fn time(number: f64) -> Value<'static> {
    let millis = if number.abs() < SECONDS_MAX { number * 1_000.0 } else { number };
    Value::Time(millis as i64)
}

/// A float of 16 bits (RFC 8949, appendix D).
fn half(bits: u16) -> f64 {
    let (exponent, mantissa) = (i32::from(bits >> 10 & 0x1f), f64::from(bits & 0x3ff));
    let value = match exponent {
        0 => mantissa * 2f64.powi(-24),
        31 if mantissa == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (mantissa + 1_024.0) * 2f64.powi(exponent - 25),
    };
    if bits & 0x8000 == 0 { value } else { -value }
}

/// Writes an answer; null members are left out.
pub(super) fn encode(value: &Value<'_>, out: &mut Vec<u8>) {
    match value {
        Value::Null => out.push(0xf6),
        Value::Bool(flag) => out.push(if *flag { 0xf5 } else { 0xf4 }),
        Value::Integer(number) => integer(*number, out),
        Value::Float(number) => {
            out.push(0xfb);
            out.extend_from_slice(&number.to_be_bytes());
        }
        Value::Text(text) => {
            head(TEXT, text.len() as u64, out);
            out.extend_from_slice(text.as_bytes());
        }
        Value::Blob(bytes) => {
            head(BYTES, bytes.len() as u64, out);
            out.extend_from_slice(bytes);
        }
        Value::Time(millis) => {
            head(TAG, TAG_TIME, out);
            integer(*millis, out);
        }
        Value::List(items) => {
            head(LIST, items.len() as u64, out);
            items.iter().for_each(|item| encode(item, out));
        }
        Value::Map(members) => {
            let present = || members.iter().filter(|(_, value)| *value != Value::Null);
            head(MAP, present().count() as u64, out);
            for (name, value) in present() {
                head(TEXT, name.len() as u64, out);
                out.extend_from_slice(name.as_bytes());
                encode(value, out);
            }
        }
    }
}

fn integer(number: i64, out: &mut Vec<u8>) {
    match u64::try_from(number) {
        Ok(number) => head(UNSIGNED, number, out),
        Err(_) => head(NEGATIVE, number.unsigned_abs() - 1, out),
    }
}

fn head(major: u8, argument: u64, out: &mut Vec<u8>) {
    let major = major << 5;
    match argument {
        0..=23 => out.push(major | argument as u8),
        24..=0xff => out.extend_from_slice(&[major | 24, argument as u8]),
        0x100..=0xffff => {
            out.push(major | 25);
            out.extend_from_slice(&(argument as u16).to_be_bytes());
        }
        0x1_0000..=0xffff_ffff => {
            out.push(major | 26);
            out.extend_from_slice(&(argument as u32).to_be_bytes());
        }
        _ => {
            out.push(major | 27);
            out.extend_from_slice(&argument.to_be_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::structure;
    use super::*;

    fn bytes(hex: &str) -> Bytes {
        let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
        digits.chunks(2).map(|two| u8::from_str_radix(std::str::from_utf8(two).unwrap(), 16).unwrap()).collect()
    }

    #[test]
    fn what_the_java_sdk_writes_is_read() {
        // {_ "StreamName": "s", "Timestamp": 1(1421889722041), "Data": h'0102', "Tags": [_ "a"]}
        let body = bytes(
            "bf 6a 53747265616d4e616d65 61 73 69 54696d657374616d70 c1 1b0000014b0f5b8bb9 64 44617461 42 0102 \
             64 54616773 9f 61 61 ff ff",
        );
        let value = decode(&body).unwrap();
        assert_eq!(value.text("StreamName"), Some("s"));
        assert_eq!(value.time("Timestamp"), Some(0x0000_014b_0f5b_8bb9));
        assert_eq!(value.blob("Data"), Some(&Bytes::from_static(&[1, 2])));
        assert_eq!(value.texts("Tags").collect::<Vec<_>>(), ["a"]);
    }

    #[test]
    fn seconds_and_milliseconds_are_told_apart() {
        assert_eq!(decode(&bytes("c1 1a 54c0509a")), Some(Value::Time(1_421_889_690_000)));
        assert_eq!(decode(&bytes("c1 fb 41d5301426a0a3d7")).map(|value| matches!(value, Value::Time(_))), Some(true));
    }

    #[test]
    fn chunks_of_a_string_are_joined_and_halves_are_numbers() {
        assert_eq!(decode(&bytes("7f 61 61 62 6263 ff")), Some("abc".into()));
        assert_eq!(decode(&bytes("f9 3c00")), Some(Value::Float(1.0)));
        assert_eq!(decode(&bytes("f9 c400")), Some(Value::Float(-4.0)));
    }

    #[test]
    fn broken_bodies_are_refused() {
        for broken in ["", "bf", "61", "5f 61 61 ff", "a1 01 02", "1c", "00 00", "9b ffffffffffffffff 00", "ff"] {
            assert_eq!(decode(&bytes(broken)), None, "{broken}");
        }
        assert_eq!(decode(&Bytes::from(vec![0x81; 100_000])), None);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(number: i64, text: String, data: Vec<u8>, float in -1e9..1e9, millis in 200_000_000_000i64..4_000_000_000_000) {
            let value = structure([
                ("n", number.into()),
                ("t", text.into()),
                ("d", Bytes::from(data).into()),
                ("l", vec![Value::Float(float), Value::Time(millis), Value::Bool(false)].into()),
            ]);
            let mut out = Vec::new();
            encode(&value, &mut out);
            let body = Bytes::from(out);
            prop_assert_eq!(decode(&body), Some(value));
        }

        #[test]
        fn any_bytes_are_read_or_refused(body: Vec<u8>) {
            decode(&Bytes::from(body));
        }
    }
}
