//! A column's options, read once.

use std::collections::BTreeSet;

use arrow::array::{Array, AsArray, StringArray};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Decimal128Type, FieldRef, Float64Type, Int64Type};
use tidemill_engine::time::micros;
use tidemill_formats::LENGTH_MAX_KEY;

use super::values::{Column, Values};
use crate::catalog::Settings;
use crate::error::{Error, Result};

/// Characters, bytes, elements that one value may have.
const LENGTH_MAX: u64 = 1 << 20;

/// Reads the options of columns.
pub(super) struct Reader<'a> {
    settings: &'a Settings<'a>,
    /// Options that some column has use for.
    seen: BTreeSet<String>,
    /// Within the elements of arrays and maps, which have no numbers of their own.
    in_elements: bool,
    /// The number of rows of the shortest sequence.
    pub(super) rows: Option<u64>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(settings: &'a Settings<'a>) -> Self {
        Reader { settings, seen: BTreeSet::new(), in_elements: false, rows: None }
    }

    /// Refuses options that no column had use for.
    pub(super) fn finish(&self) -> Result<()> {
        let options = self.settings.declaration().options.iter();
        let unused =
            options.map(|(name, _)| name).find(|name| name.starts_with("fields.") && !self.seen.contains(*name));
        match unused {
            None => Ok(()),
            Some(option) => {
                Err(self.settings.refuse(format!("option `{option}` does not apply to a column of that type or kind")))
            }
        }
    }

    fn name(path: &str, option: &str) -> String {
        format!("fields.{path}.{option}")
    }

    /// Makes `option` one that `path` has use for; its name.
    fn see(&mut self, path: &str, option: &str) -> String {
        let name = Self::name(path, option);
        self.seen.insert(name.clone());
        name
    }

    /// Makes the generator of a column; `path` leads to it.
    pub(super) fn column(&mut self, path: &str, field: &FieldRef) -> Result<Column> {
        let null_rate = self.null_rate(path, field)?;
        let kind = self.see(path, "kind");
        let sequence = self.settings.word(&kind) == Some("sequence");
        let values = if sequence { self.sequence(path, field)? } else { self.random(path, field)? };
        Ok(Column::new(field.clone(), path, null_rate, values))
    }

    fn element(&mut self, path: &str, field: &FieldRef) -> Result<Column> {
        let outer = std::mem::replace(&mut self.in_elements, true);
        let column = self.column(path, field);
        self.in_elements = outer;
        column
    }

    fn null_rate(&mut self, path: &str, field: &FieldRef) -> Result<f64> {
        let name = self.see(path, "null-rate");
        let rate = self.settings.number(&name).unwrap_or(0.0);
        if !(0.0..=1.0).contains(&rate) {
            return Err(Error::invalid(name, rate.to_string(), "say a share from 0 to 1"));
        }
        if rate > 0.0 && !field.is_nullable() {
            return Err(Error::invalid(name, rate.to_string(), "the column is NOT NULL"));
        }
        Ok(rate)
    }

    fn sequence(&mut self, path: &str, field: &FieldRef) -> Result<Values> {
        let mut bound = |option: &'static str| -> Result<i64> {
            let name = self.see(path, option);
            let given = self.settings.given(&name);
            let given = given.ok_or_else(|| Error::column(path, format!("a sequence needs the option `{name}`")))?;
            given.trim().parse().map_err(|_| Error::invalid(&name, given, "say a whole number"))
        };
        let (start, end) = (bound("start")?, bound("end")?);
        let data_type = field.data_type();
        if self.in_elements || !data_type.is_numeric() && !data_type.is_string() {
            return Err(Error::column(path, "sequences are columns of numbers or text; take the kind `random`"));
        }
        let rows =
            end.checked_sub(start).and_then(|last| u64::try_from(last).ok()).and_then(|last| last.checked_add(1));
        let name = Self::name(path, "end");
        let rows = rows.ok_or_else(|| Error::invalid(&name, end.to_string(), "a sequence ends behind its start"))?;
        if data_type.is_numeric() {
            for (option, value) in [("start", start), ("end", end)] {
                parse(&Self::name(path, option), &value.to_string(), data_type)?;
            }
        }
        self.rows = Some(self.rows.map_or(rows, |least| least.min(rows)));
        Ok(Values::Sequence { start })
    }

    fn random(&mut self, path: &str, field: &FieldRef) -> Result<Values> {
        Ok(match field.data_type() {
            DataType::Boolean => Values::Booleans,
            integer if integer.is_integer() => self.integers(path, integer)?,
            DataType::Float32 => self.floats(path, f64::from(f32::MIN), f64::from(f32::MAX))?,
            DataType::Float64 => self.floats(path, f64::MIN, f64::MAX)?,
            decimal @ DataType::Decimal128(precision, _) => {
                let most = 10_i128.pow(u32::from(*precision).min(38)) - 1;
                let mut bound = |option, default| -> Result<i128> {
                    let name = self.see(path, option);
                    let Some(given) = self.settings.given(&name) else { return Ok(default) };
                    Ok(parse(&name, given, decimal)?.as_primitive::<Decimal128Type>().value(0))
                };
                let (min, max) = (bound("min", -most)?, bound("max", most)?);
                self.ordered(path, min <= max)?;
                Values::Decimals { min, max }
            }
            text if text.is_string() => {
                let declared = field.metadata().get(LENGTH_MAX_KEY).and_then(|length| length.parse().ok());
                let length = self.length(path, declared.unwrap_or(100))?;
                Values::Text { length, var_len: self.var_len(path) }
            }
            DataType::Binary | DataType::LargeBinary | DataType::BinaryView => {
                let length = self.length(path, 100)?;
                Values::Bytes { length, var_len: self.var_len(path) }
            }
            DataType::FixedSizeBinary(width) => {
                Values::Bytes { length: u64::try_from(*width).unwrap_or(0), var_len: false }
            }
            DataType::Timestamp(..) => {
                let name = self.see(path, "max-past");
                Values::Timestamps { past: self.settings.duration(&name).map_or(0, micros).unsigned_abs() }
            }
            DataType::Date32 | DataType::Date64 => Values::Dates,
            DataType::Time32(_) | DataType::Time64(_) => Values::Times,
            DataType::List(item) => {
                let length = self.length(path, 3)?;
                Values::List { length, item: Box::new(self.element(&format!("{path}.element"), item)?) }
            }
            DataType::Map(entries, _) => {
                let DataType::Struct(fields) = entries.data_type() else { return Err(unsupported(path, field)) };
                let [key, value] = &fields[..] else { return Err(unsupported(path, field)) };
                Values::Map {
                    length: self.length(path, 3)?,
                    key: Box::new(self.element(&format!("{path}.key"), key)?),
                    value: Box::new(self.element(&format!("{path}.value"), value)?),
                }
            }
            DataType::Struct(fields) => {
                let column = |field: &FieldRef| self.column(&format!("{path}.{}", field.name()), field);
                Values::Row(fields.iter().map(column).collect::<Result<_>>()?)
            }
            _ => return Err(unsupported(path, field)),
        })
    }

    fn integers(&mut self, path: &str, data_type: &DataType) -> Result<Values> {
        let (least, most) = match data_type {
            DataType::Int8 => (i64::from(i8::MIN), i64::from(i8::MAX)),
            DataType::Int16 => (i64::from(i16::MIN), i64::from(i16::MAX)),
            DataType::Int32 => (i64::from(i32::MIN), i64::from(i32::MAX)),
            DataType::UInt8 => (0, i64::from(u8::MAX)),
            DataType::UInt16 => (0, i64::from(u16::MAX)),
            DataType::UInt32 => (0, i64::from(u32::MAX)),
            DataType::UInt64 => (0, i64::MAX),
            _ => (i64::MIN, i64::MAX),
        };
        let mut bound = |option, default| -> Result<i64> {
            let name = self.see(path, option);
            let Some(given) = self.settings.given(&name) else { return Ok(default) };
            parse(&name, given, data_type)?;
            Ok(parse(&name, given, &DataType::Int64)?.as_primitive::<Int64Type>().value(0))
        };
        let (min, max) = (bound("min", least)?, bound("max", most)?);
        self.ordered(path, min <= max)?;
        Ok(Values::Integers { min, max })
    }

    fn floats(&mut self, path: &str, least: f64, most: f64) -> Result<Values> {
        let mut bound = |option, default| -> Result<f64> {
            let name = self.see(path, option);
            let Some(given) = self.settings.given(&name) else { return Ok(default) };
            let value = parse(&name, given, &DataType::Float64)?.as_primitive::<Float64Type>().value(0);
            if value.is_finite() { Ok(value) } else { Err(Error::invalid(name, given, "say a finite number")) }
        };
        let (min, max) = (bound("min", least)?, bound("max", most)?);
        self.ordered(path, min <= max)?;
        Ok(Values::Floats { min, max })
    }

    fn ordered(&self, path: &str, ordered: bool) -> Result<()> {
        let name = Self::name(path, "min");
        let given = self.settings.given(&name).unwrap_or_default();
        if ordered { Ok(()) } else { Err(Error::invalid(name, given, "it is greater than the greatest value")) }
    }

    fn length(&mut self, path: &str, default: u64) -> Result<u64> {
        let name = self.see(path, "length");
        let length = self.settings.integer(&name).unwrap_or(default);
        if length > LENGTH_MAX {
            return Err(Error::invalid(name, length.to_string(), format!("say at most {LENGTH_MAX}")));
        }
        Ok(length)
    }

    fn var_len(&mut self, path: &str) -> bool {
        let name = self.see(path, "var-len");
        self.settings.flag(&name)
    }
}

fn unsupported(path: &str, field: &FieldRef) -> Error {
    Error::column(path, format!("no values of {} can be made up", field.data_type()))
}

/// A value of a type, as an array of one.
fn parse(option: &str, text: &str, data_type: &DataType) -> Result<std::sync::Arc<dyn Array>> {
    let array = StringArray::from_iter_values([text.trim()]);
    let strict = CastOptions { safe: false, ..CastOptions::default() };
    cast_with_options(&array, data_type, &strict)
        .map_err(|_| Error::invalid(option, text, format!("it is no value of {data_type}")))
}
