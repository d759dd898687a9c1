//! Texts, bytes and numbers in other digits and characters: `BIN`, `UNHEX`, `ENCODE`, `DECODE`, `SHA1`, `SHA2`, `INET_ATON`, `INET_NTOA`.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BinaryArray, Int64Array, StringArray};
use arrow::datatypes::{DataType, Int64Type};
use datafusion::common::{Result, exec_err, plan_err};
use sha1::Sha1;
use sha2::{Digest, Sha224, Sha256, Sha384, Sha512};

use super::scalar::Function;
use super::texts::{coded_as, hex, is_text, one_text};

pub(super) fn all() -> Vec<Function> {
    let of = |name, takes, gives, does| Function { name, takes, gives, does };
    vec![
        of(
            "bin",
            one_number,
            |_| DataType::Utf8,
            |args| {
                let numbers = args[0].as_primitive::<Int64Type>().iter();
                Ok(Arc::new(numbers.map(|number| number.map(|number| format!("{number:b}"))).collect::<StringArray>()))
            },
        ),
        of(
            "unhex",
            one_text,
            |_| DataType::Binary,
            |args| {
                let texts = args[0].as_string::<i32>().iter();
                Ok(Arc::new(texts.map(|text| bytes_of(text?)).collect::<BinaryArray>()))
            },
        ),
        of(
            "encode",
            |types| match types {
                [text, name] if is_text(text) && is_text(name) => Ok(vec![DataType::Utf8; 2]),
                _ => plan_err!("ENCODE takes a text and the name of a character set"),
            },
            |_| DataType::Binary,
            encode,
        ),
        of(
            "decode",
            |types| match types {
                [DataType::Binary | DataType::Null, name] if is_text(name) => {
                    Ok(vec![DataType::Binary, DataType::Utf8])
                }
                _ => plan_err!("DECODE takes bytes and the name of a character set"),
            },
            |_| DataType::Utf8,
            decode,
        ),
        of("sha1", one_text, |_| DataType::Utf8, |args| coded_as(args, |text| Some(hex(&Sha1::digest(text))))),
        of(
            "sha2",
            |types| match types {
                [text, bits] if is_text(text) && bits.is_integer() => Ok(vec![DataType::Utf8, DataType::Int64]),
                _ => plan_err!("SHA2 takes a text and 224, 256, 384 or 512"),
            },
            |_| DataType::Utf8,
            sha2,
        ),
        of(
            "inet_aton",
            one_text,
            |_| DataType::Int64,
            |args| {
                let texts = args[0].as_string::<i32>().iter();
                Ok(Arc::new(texts.map(|text| number_of_address(text?)).collect::<Int64Array>()))
            },
        ),
        of(
            "inet_ntoa",
            one_number,
            |_| DataType::Utf8,
            |args| {
                let address =
                    |number: i64| u32::try_from(number).ok().map(|bits| std::net::Ipv4Addr::from(bits).to_string());
                let numbers = args[0].as_primitive::<Int64Type>().iter();
                Ok(Arc::new(numbers.map(|number| address(number?)).collect::<StringArray>()))
            },
        ),
    ]
}

fn one_number(types: &[DataType]) -> Result<Vec<DataType>> {
    match types {
        [number] if number.is_integer() || number.is_null() => Ok(vec![DataType::Int64]),
        _ => plan_err!("it takes a whole number"),
    }
}

/// Of an odd number of digits Flink passes over the first, and has a zero for it.
fn bytes_of(digits: &str) -> Option<Vec<u8>> {
    let all = digits.bytes().map(|digit| u8::try_from(char::from(digit).to_digit(16)?).ok());
    let all: Vec<u8> = all.collect::<Option<_>>()?;
    let (first, pairs) = all.split_at(all.len() % 2);
    let pairs = pairs.chunks_exact(2).map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit));
    Some(first.iter().map(|_| 0).chain(pairs).collect())
}

/// A character set.
#[derive(Clone, Copy)]
enum Charset {
    Utf8,
    Latin1,
    Ascii,
    /// Whether the high byte comes last, and whether a mark says so.
    Utf16 {
        little: bool,
        marked: bool,
    },
}

fn charset(name: &str) -> Result<Charset> {
    Ok(match name.to_ascii_uppercase().as_str() {
        "UTF-8" | "UTF8" => Charset::Utf8,
        "ISO-8859-1" | "LATIN1" => Charset::Latin1,
        "US-ASCII" | "ASCII" => Charset::Ascii,
        "UTF-16BE" => Charset::Utf16 { little: false, marked: false },
        "UTF-16LE" => Charset::Utf16 { little: true, marked: false },
        "UTF-16" => Charset::Utf16 { little: false, marked: true },
        _ => {
            return exec_err!(
                "there is no character set '{name}'; there are UTF-8, UTF-16, UTF-16BE, UTF-16LE, ISO-8859-1 and US-ASCII"
            );
        }
    })
}

fn encode(args: &[ArrayRef]) -> Result<ArrayRef> {
    let rows = args[0].as_string::<i32>().iter().zip(args[1].as_string::<i32>());
    let rows = rows.map(|(text, name)| {
        let (Some(text), Some(name)) = (text, name) else { return Ok(None) };
        let up_to = |last: u32| {
            text.chars()
                .map(|c| u8::try_from(u32::from(c).min(255)).ok().filter(|_| u32::from(c) <= last).unwrap_or(b'?'))
                .collect()
        };
        Ok(Some(match charset(name)? {
            Charset::Utf8 => text.as_bytes().to_vec(),
            Charset::Latin1 => up_to(0xff),
            Charset::Ascii => up_to(0x7f),
            Charset::Utf16 { little, marked } => {
                let mark = marked.then_some(0xfeff);
                let units = mark.into_iter().chain(text.encode_utf16());
                units.flat_map(|unit| if little { unit.to_le_bytes() } else { unit.to_be_bytes() }).collect::<Vec<u8>>()
            }
        }))
    });
    Ok(Arc::new(rows.collect::<Result<BinaryArray>>()?))
}

fn decode(args: &[ArrayRef]) -> Result<ArrayRef> {
    let rows = args[0].as_binary::<i32>().iter().zip(args[1].as_string::<i32>());
    let rows = rows.map(|(bytes, name)| {
        let (Some(bytes), Some(name)) = (bytes, name) else { return Ok(None) };
        Ok(Some(match charset(name)? {
            Charset::Utf8 => String::from_utf8_lossy(bytes).into_owned(),
            Charset::Latin1 => bytes.iter().map(|byte| char::from(*byte)).collect(),
            Charset::Ascii => {
                bytes.iter().map(|byte| if byte.is_ascii() { char::from(*byte) } else { '\u{fffd}' }).collect()
            }
            Charset::Utf16 { little, marked } => {
                let (little, bytes) = match bytes {
                    [0xff, 0xfe, rest @ ..] if marked => (true, rest),
                    [0xfe, 0xff, rest @ ..] if marked => (false, rest),
                    _ => (little, bytes),
                };
                let units = bytes.chunks(2).map(|pair| match pair {
                    [a, b] if little => u16::from_le_bytes([*a, *b]),
                    [a, b] => u16::from_be_bytes([*a, *b]),
                    _ => 0xfffd,
                });
                char::decode_utf16(units).map(|unit| unit.unwrap_or('\u{fffd}')).collect()
            }
        }))
    });
    Ok(Arc::new(rows.collect::<Result<StringArray>>()?))
}

fn sha2(args: &[ArrayRef]) -> Result<ArrayRef> {
    let bits = args[1].as_primitive::<Int64Type>();
    let rows = args[0].as_string::<i32>().iter().enumerate().map(|(row, text)| {
        let Some(text) = text.filter(|_| bits.is_valid(row)) else { return Ok(None) };
        Ok(Some(match bits.value(row) {
            224 => hex(&Sha224::digest(text)),
            256 => hex(&Sha256::digest(text)),
            384 => hex(&Sha384::digest(text)),
            512 => hex(&Sha512::digest(text)),
            other => return exec_err!("SHA2 takes 224, 256, 384 or 512 bits, not {other}"),
        }))
    });
    Ok(Arc::new(rows.collect::<Result<StringArray>>()?))
}

/// Of fewer than four numbers the last one stands where it always does.
fn number_of_address(text: &str) -> Option<i64> {
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let parts = text.split('.').map(|part| part.parse::<u8>().ok().filter(|_| digits(part)));
    let mut parts: Vec<i64> = parts.map(|part| part.map(i64::from)).collect::<Option<_>>()?;
    let last = parts.pop().filter(|_| parts.len() < 4)?;
    let shifts = [24, 16, 8];
    Some(parts.iter().zip(shifts).map(|(part, shift)| part << shift).sum::<i64>() + last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_become_bytes_as_flink_does() {
        assert_eq!(bytes_of("466c"), Some(b"Fl".to_vec()));
        assert_eq!(bytes_of("1ab"), Some(vec![0, 0xab]));
        assert_eq!(bytes_of("zz"), None);
    }

    #[test]
    fn addresses_have_up_to_four_parts() {
        assert_eq!(number_of_address("127.0.0.1"), Some(2_130_706_433));
        assert_eq!(number_of_address("127.1"), Some(2_130_706_433));
        assert_eq!(number_of_address("1.2.3"), Some(16_908_291));
        for text in ["", "300", "1.2.3.4.5", " 1.2.3.4", "+1"] {
            assert_eq!(number_of_address(text), None, "{text}");
        }
    }
}
