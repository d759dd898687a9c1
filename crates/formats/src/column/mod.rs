//! Arrow columns under construction, as all decoders fill them.
//!
//! Unlike arrow's builders a [`Column`] can take values back ([`Column::truncate`]), so that a record that turns out
//! to be broken halfway leaves nothing, and can repeat one ([`Column::copy_row`]), for records that become several
//! rows. Numbers, dates and times are kept as 64-bit integers and narrowed once a batch.

mod finish;
mod kind;
mod text;

use arrow::array::NullBufferBuilder;
use arrow::datatypes::{DataType, FieldRef};

pub(crate) use kind::{Kind, Unit};
pub(crate) use text::TextRules;

use crate::error::Result;
use crate::fault::{Fault, Read};

/// The metadata of a text column that has a longest length in characters: `VARCHAR(16)`.
pub const LENGTH_MAX_KEY: &str = "tidemill.length_max";

/// Bytes of text or binary that a column of one batch may hold: offsets are 32 bits.
const COLUMN_BYTES_MAX: usize = i32::MAX as usize;

const SECONDS_PER_DAY: i64 = 86_400;

/// One column. Invariant: `values` and `valid` have `len` rows.
#[derive(Debug)]
pub(crate) struct Column {
    field: FieldRef,
    kind: Kind,
    /// Characters that a text may have; longer ones are cut, as Kinesis Data Analytics did.
    length_max: Option<usize>,
    len: usize,
    valid: NullBufferBuilder,
    pub(crate) values: Values,
}

/// The values by their physical form.
#[derive(Debug)]
pub(crate) enum Values {
    /// Type `Null`.
    Null,
    /// Booleans.
    Bool(Vec<bool>),
    /// Integers (unsigned ones by their bits), dates, times, timestamps.
    Int(Vec<i64>),
    /// Floating point; 32-bit ones are exact in 64.
    Float(Vec<f64>),
    /// Unscaled decimals.
    Decimal(Vec<i128>),
    /// Text and binary: where each value ends.
    Bytes { ends: Vec<i32>, data: Vec<u8> },
    /// Lists: where each ends in the items.
    List { ends: Vec<i32>, item: Box<Column> },
    /// Maps: where each ends in the entries.
    Map { ends: Vec<i32>, key: Box<Column>, value: Box<Column> },
    /// Rows in rows.
    Struct(Vec<Column>),
}

impl Column {
    /// An empty column; refused where `format` has no way to fill such a type.
    pub(crate) fn new(field: &FieldRef, format: &'static str) -> Result<Self> {
        let kind = Kind::of(field, format)?;
        let values = match (&kind, storage_type(field.data_type())) {
            (Kind::List, DataType::List(item)) => {
                Values::List { ends: Vec::new(), item: Box::new(Column::new(item, format)?) }
            }
            (Kind::Map, DataType::Map(entries, _)) => match entries.data_type() {
                DataType::Struct(fields) if fields.len() == 2 => Values::Map {
                    ends: Vec::new(),
                    key: Box::new(Column::new(&fields[0], format)?),
                    value: Box::new(Column::new(&fields[1], format)?),
                },
                _ => return Err(kind::unsupported(field, format, "a map's entries are a key and a value")),
            },
            (Kind::Struct, DataType::Struct(fields)) => {
                Values::Struct(fields.iter().map(|field| Column::new(field, format)).collect::<Result<_>>()?)
            }
            (kind, _) => kind.empty_values(),
        };
        let length_max = field.metadata().get(LENGTH_MAX_KEY).and_then(|text| text.parse().ok());
        let valid = NullBufferBuilder::new(0);
        Ok(Column { field: field.clone(), kind, length_max, len: 0, valid, values })
    }

    pub(crate) fn name(&self) -> &str {
        self.field.name()
    }

    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    pub(crate) fn is_nullable(&self) -> bool {
        self.field.is_nullable()
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    #[inline]
    fn valid(&mut self) {
        self.len += 1;
        self.valid.append_non_null();
    }

    /// Adds a null, which a column declared `NOT NULL` refuses.
    pub(crate) fn push_null(&mut self) -> Read {
        if !self.field.is_nullable() && self.kind != Kind::Null {
            return Err(Fault::new(format!("null for `{}`, which is declared NOT NULL", self.field.name())));
        }
        self.push_filler();
        Ok(())
    }

    /// Adds a null whatever is declared: below a null struct there must be something.
    fn push_filler(&mut self) {
        let kind = self.kind;
        match &mut self.values {
            Values::Null => {}
            Values::Bool(values) => values.push(false),
            Values::Int(values) => values.push(0),
            Values::Float(values) => values.push(0.0),
            Values::Decimal(values) => values.push(0),
            Values::Bytes { ends, data } => {
                if let Kind::FixedBinary(width) = kind {
                    data.resize(data.len() + width, 0);
                }
                ends.push(data.len() as i32);
            }
            Values::List { ends, .. } | Values::Map { ends, .. } => {
                ends.push(ends.last().copied().unwrap_or(0));
            }
            Values::Struct(columns) => columns.iter_mut().for_each(Column::push_filler),
        }
        self.len += 1;
        self.valid.append_null();
    }

    pub(crate) fn push_bool(&mut self, value: bool) -> Read {
        match &mut self.values {
            Values::Bool(values) => values.push(value),
            _ => return Err(Fault::mismatch(self.kind, if value { "true" } else { "false" })),
        }
        self.valid();
        Ok(())
    }

    /// Adds an integer of an integer column, or what a date or time is stored as.
    #[inline]
    pub(crate) fn push_int(&mut self, value: i64) -> Read {
        let fits = match self.kind {
            Kind::Int { min, max } => (min..=max).contains(&value),
            Kind::UInt64 => value >= 0,
            Kind::Date => i32::try_from(value).is_ok(),
            Kind::Time(unit) => (0..SECONDS_PER_DAY * unit.per_second()).contains(&value),
            _ => true,
        };
        match &mut self.values {
            Values::Int(values) if fits => values.push(value),
            Values::Int(_) => return Err(Fault::new(format!("{value} is out of the range of {}", self.kind))),
            _ => return Err(Fault::mismatch(self.kind, value)),
        }
        self.valid();
        Ok(())
    }

    /// Adds an integer above the signed ones to a `UInt64` column.
    pub(crate) fn push_u64(&mut self, value: u64) -> Read {
        match &mut self.values {
            Values::Int(values) if self.kind == Kind::UInt64 => values.push(value.cast_signed()),
            _ => return Err(Fault::new(format!("{value} is out of the range of {}", self.kind))),
        }
        self.valid();
        Ok(())
    }

    pub(crate) fn push_float(&mut self, value: f64) -> Read {
        match &mut self.values {
            Values::Float(values) => values.push(value),
            _ => return Err(Fault::mismatch(self.kind, value)),
        }
        self.valid();
        Ok(())
    }

    /// Adds a decimal of the column's own scale.
    pub(crate) fn push_decimal(&mut self, unscaled: i128) -> Read {
        match (&mut self.values, self.kind) {
            (Values::Decimal(values), Kind::Decimal { precision, .. })
                if unscaled.unsigned_abs() < 10u128.pow(u32::from(precision)) =>
            {
                values.push(unscaled);
            }
            _ => return Err(Fault::new(format!("the number is out of the range of {}", self.kind))),
        }
        self.valid();
        Ok(())
    }

    /// Adds text, cut to the column's length if it has one.
    #[inline]
    pub(crate) fn push_text(&mut self, text: &str) -> Read {
        let text = match self.length_max {
            Some(max) if text.len() > max => text.char_indices().nth(max).map_or(text, |(at, _)| &text[..at]),
            _ => text,
        };
        if self.kind != Kind::Text {
            return Err(Fault::mismatch(self.kind, "text"));
        }
        self.push_bytes(text.as_bytes())
    }

    /// Adds the bytes of a text (which the caller knows to be UTF-8) or binary value.
    #[inline]
    pub(crate) fn push_bytes(&mut self, bytes: &[u8]) -> Read {
        let Values::Bytes { ends, data } = &mut self.values else {
            return Err(Fault::mismatch(self.kind, "bytes"));
        };
        if let Kind::FixedBinary(width) = self.kind
            && bytes.len() != width
        {
            return Err(Fault::mismatch(self.kind, format_args!("{} bytes", bytes.len())));
        }
        if data.len() + bytes.len() > COLUMN_BYTES_MAX {
            return Err(Fault::new("a batch holds at most 2 GiB of text in a column; decode fewer records at once"));
        }
        data.extend_from_slice(bytes);
        ends.push(data.len() as i32);
        self.valid();
        Ok(())
    }

    /// Closes a list or map whose items were added to its children, or a struct whose fields all have their value.
    pub(crate) fn end_nested(&mut self) -> Read {
        match &mut self.values {
            Values::List { ends, item } => ends.push(offset(item.len)?),
            Values::Map { ends, key, value } => {
                debug_assert_eq!(key.len, value.len);
                ends.push(offset(key.len)?);
            }
            Values::Struct(_) => {}
            _ => return Err(Fault::mismatch(self.kind, "a nested value")),
        }
        self.valid();
        Ok(())
    }

    /// The text in a row of a text column.
    pub(crate) fn text(&self, row: usize) -> Option<&str> {
        let Values::Bytes { ends, data } = &self.values else { return None };
        let begin = row.checked_sub(1).map_or(Some(0), |previous| ends.get(previous).copied())? as usize;
        std::str::from_utf8(data.get(begin..*ends.get(row)? as usize)?).ok()
    }

    /// The first text from row `begin` on that stands in an earlier row from there on, too.
    pub(crate) fn first_repeated_text(&self, begin: usize) -> Option<&str> {
        const COMPARED_ONE_BY_ONE: usize = 16;
        let texts = || (begin..self.len).filter_map(|row| self.text(row));
        if self.len - begin <= COMPARED_ONE_BY_ONE {
            return texts()
                .enumerate()
                .find(|(nth, text)| texts().take(*nth).any(|t| t == *text))
                .map(|(_, text)| text);
        }
        let mut seen = hashbrown::HashSet::<&str, ahash::RandomState>::default();
        texts().find(|text| !seen.insert(text))
    }

    /// Back to a length, also from a nested value that was begun and not ended.
    pub(crate) fn truncate(&mut self, len: usize) {
        let offset = |ends: &[i32]| len.checked_sub(1).and_then(|last| ends.get(last)).map_or(0, |&end| end as usize);
        match &mut self.values {
            Values::Null => {}
            Values::Bool(values) => values.truncate(len),
            Values::Int(values) => values.truncate(len),
            Values::Float(values) => values.truncate(len),
            Values::Decimal(values) => values.truncate(len),
            Values::Bytes { ends, data } => {
                if ends.len() > len {
                    ends.truncate(len);
                    data.truncate(offset(ends));
                }
            }
            Values::List { ends, item } => {
                ends.truncate(len);
                item.truncate(offset(ends));
            }
            Values::Map { ends, key, value } => {
                ends.truncate(len);
                key.truncate(offset(ends));
                value.truncate(offset(ends));
            }
            Values::Struct(columns) => columns.iter_mut().for_each(|column| column.truncate(len)),
        }
        if self.len > len {
            self.len = len;
            self.valid.truncate(len);
        }
    }

    /// Adds the value of an earlier row once more.
    pub(crate) fn copy_row(&mut self, row: usize) -> Read {
        if row >= self.len {
            return Err(Fault::new("a row that is not there can't be repeated"));
        }
        if !self.valid.is_valid(row) {
            self.push_filler();
            return Ok(());
        }
        let range = |ends: &[i32]| (if row == 0 { 0 } else { ends[row - 1] as usize })..ends[row] as usize;
        match &mut self.values {
            Values::Null => {}
            Values::Bool(values) => values.push(values[row]),
            Values::Int(values) => values.push(values[row]),
            Values::Float(values) => values.push(values[row]),
            Values::Decimal(values) => values.push(values[row]),
            Values::Bytes { ends, data } => {
                let range = range(ends);
                if data.len() + range.len() > COLUMN_BYTES_MAX {
                    return Err(Fault::new("repeating the value makes more than 2 GiB of text in a column"));
                }
                data.extend_from_within(range);
                ends.push(data.len() as i32);
            }
            Values::List { ends, item } => {
                range(ends).try_for_each(|at| item.copy_row(at))?;
                ends.push(offset(item.len)?);
            }
            Values::Map { ends, key, value } => {
                range(ends).try_for_each(|at| key.copy_row(at).and_then(|()| value.copy_row(at)))?;
                ends.push(offset(key.len)?);
            }
            Values::Struct(columns) => columns.iter_mut().try_for_each(|column| column.copy_row(row))?,
        }
        self.valid();
        Ok(())
    }
}

/// Where a list ends in its items, of which a batch has no more than 32 bits count.
fn offset(items: usize) -> Read<i32> {
    i32::try_from(items).map_err(|_| Fault::new("a batch holds at most 2,147,483,647 elements in a column of arrays"))
}

/// The type whose form is built: dictionaries are made from plain values at the end.
fn storage_type(data_type: &DataType) -> &DataType {
    match data_type {
        DataType::Dictionary(_, value) => value,
        other => other,
    }
}

#[cfg(test)]
mod tests;
