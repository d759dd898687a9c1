//! `SPLIT_INDEX(text, delimiter, n)`: the n-th part of a text, from 0.

use std::sync::Arc;

use arrow::array::{AsArray, StringBuilder};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type};
use datafusion::common::{Result, exec_err, plan_err};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};

/// The function.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct SplitIndex {
    signature: Signature,
}

impl SplitIndex {
    pub(super) fn new() -> Self {
        SplitIndex { signature: Signature::user_defined(Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for SplitIndex {
    fn name(&self) -> &'static str {
        "split_index"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        match types {
            [DataType::Utf8 | DataType::Null, DataType::Utf8, n] if n.is_integer() => {
                Ok(vec![DataType::Utf8, DataType::Utf8, DataType::Int64])
            }
            _ => plan_err!("SPLIT_INDEX takes a text, a delimiter and a number from 0"),
        }
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = args.number_rows;
        let columns = args.args.into_iter().map(|arg| arg.into_array(rows)).collect::<Result<Vec<_>>>()?;
        let [texts, delimiters, places] = columns.as_slice() else {
            return exec_err!("SPLIT_INDEX takes 3 arguments, not {}", columns.len());
        };
        let places = cast(places, &DataType::Int64)?;
        let (texts, delimiters) = (texts.as_string::<i32>(), delimiters.as_string::<i32>());
        let mut parts = StringBuilder::with_capacity(rows, rows * 8);
        for ((text, delimiter), place) in texts.iter().zip(delimiters).zip(places.as_primitive::<Int64Type>()) {
            let part = text.zip(delimiter).zip(place).and_then(|((text, delimiter), place)| {
                let place = usize::try_from(place).ok()?;
                match delimiter.as_bytes() {
                    _ if text.is_empty() => None,
                    [] => (place == 0).then_some(text),
                    [byte] if byte.is_ascii() => part(text, *byte, place),
                    _ => text.split(delimiter).nth(place),
                }
            });
            parts.append_option(part);
        }
        Ok(ColumnarValue::Array(Arc::new(parts.finish())))
    }
}

/// The n-th part between bytes. Parts are short: to look at each byte is faster than to search for the next delimiter.
fn part(text: &str, delimiter: u8, place: usize) -> Option<&str> {
    let (mut before, mut begin) = (place, 0);
    for (at, _) in text.bytes().enumerate().filter(|(_, byte)| *byte == delimiter) {
        match before.checked_sub(1) {
            Some(fewer) => (before, begin) = (fewer, at + 1),
            None => return text.get(begin..at),
        }
    }
    if before == 0 { text.get(begin..) } else { None }
}

#[cfg(test)]
mod tests {
    use super::part;

    #[test]
    fn parts_are_those_of_a_split() {
        for text in ["", "/", "a", "a/b", "/a//ü/", "https://x.y/1/2/3"] {
            for place in 0..8 {
                assert_eq!(part(text, b'/', place), text.split('/').nth(place), "{text} {place}");
            }
        }
    }
}
