//! What the samples of one column have in common.

use arrow::datatypes::{DataType, TimeUnit};

use crate::time::parse_timestamp;

/// The longest text that a column is proposed for.
const LENGTH_MAX: usize = 65_535;
/// The shortest.
const LENGTH_MIN: usize = 4;

/// Which kinds of values were seen.
#[derive(Clone, Debug, Default)]
pub(super) struct Observed {
    integers: bool,
    wide_integers: bool,
    fractions: bool,
    booleans: bool,
    timestamps: bool,
    texts: bool,
    /// Characters of the longest value as text.
    longest: usize,
}

impl Observed {
    fn length(&mut self, text: &str) {
        self.longest = self.longest.max(text.chars().count());
    }

    /// A number as it stands.
    pub(super) fn number(&mut self, text: &str) {
        self.length(text);
        match text.trim().parse::<i64>() {
            Ok(value) if i32::try_from(value).is_ok() => self.integers = true,
            Ok(_) => self.wide_integers = true,
            Err(_) => self.fractions = true,
        }
    }

    pub(super) fn boolean(&mut self, value: bool) {
        self.length(if value { "true" } else { "false" });
        self.booleans = true;
    }

    pub(super) fn text(&mut self, text: &str) {
        self.length(text);
        if is_timestamp(text) { self.timestamps = true } else { self.texts = true }
    }

    /// A field of CSV, whose text is all that is known.
    pub(super) fn field(&mut self, text: &str) {
        match text.trim() {
            "" => self.length(text),
            trimmed if is_number(trimmed) => self.number(text),
            _ => self.text(text),
        }
    }

    /// True where all samples were numbers or times: a text among them is no sample.
    pub(super) fn is_narrow(&self) -> bool {
        !self.texts && (self.integers || self.wide_integers || self.fractions || self.timestamps)
    }

    /// The type that holds all samples; of a text its length, too.
    pub(super) fn column_type(&self) -> (DataType, String, Option<usize>) {
        let numbers = self.integers || self.wide_integers || self.fractions;
        let plain = |data_type, name: &str| (data_type, name.to_owned(), None);
        match (numbers, self.booleans, self.timestamps, self.texts) {
            (true, false, false, false) if self.fractions => plain(DataType::Float64, "DOUBLE"),
            (true, false, false, false) if self.wide_integers => plain(DataType::Int64, "BIGINT"),
            (true, false, false, false) => plain(DataType::Int32, "INTEGER"),
            (false, true, false, false) => plain(DataType::Boolean, "BOOLEAN"),
            (false, false, true, false) => plain(DataType::Timestamp(TimeUnit::Millisecond, None), "TIMESTAMP"),
            _ => {
                let length = self.longest.next_power_of_two().clamp(LENGTH_MIN, LENGTH_MAX);
                (DataType::Utf8, format!("VARCHAR({length})"), Some(length))
            }
        }
    }
}

/// A date with a time, of no more than milliseconds: what SQL's TIMESTAMP holds here.
fn is_timestamp(text: &str) -> bool {
    let fraction = text.split_once('.').map_or(0, |(_, after)| after.bytes().take_while(u8::is_ascii_digit).count());
    text.contains(':') && fraction <= 3 && parse_timestamp(text.as_bytes()).is_some()
}

/// A number as JSON or CSV has it; not the `nan` and `inf` that Rust reads.
pub(super) fn is_number(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.'))
        && text.parse::<f64>().is_ok_and(f64::is_finite)
}
