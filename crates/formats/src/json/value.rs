//! A JSON value becomes a value of a column.

use super::keys::Keys;
use super::scanner::{Number, Scanner};
use crate::column::{Column, Kind, TextRules, Values};
use crate::fault::{Fault, Read, quote};
use crate::time::{Instant, TimestampStyle};

/// How values are taken where systems differ.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ValueRules {
    /// Flink's rules or those of Kinesis Data Analytics.
    pub(crate) text: TextRules,
    /// A value that does not fit becomes null where the column allows it.
    pub(crate) ignore_faults: bool,
    /// A field that is not there is a fault, not null.
    pub(crate) fail_on_missing: bool,
    /// What a number in a timestamp column counts, if it is taken at all.
    pub(crate) timestamps: TimestampStyle,
}

/// What a column's nested fields are called, in the shape of the column.
#[derive(Debug)]
pub(crate) enum Shape {
    Scalar,
    Items(Box<Shape>),
    Fields(Keys, Vec<Shape>),
}

impl Shape {
    pub(crate) fn of(column: &Column) -> Self {
        match &column.values {
            Values::List { item, .. } => Shape::Items(Box::new(Shape::of(item))),
            Values::Map { value, .. } => Shape::Items(Box::new(Shape::of(value))),
            Values::Struct(fields) => {
                Shape::Fields(Keys::new(fields.iter().map(Column::name)), fields.iter().map(Shape::of).collect())
            }
            _ => Shape::Scalar,
        }
    }
}

/// Reads values into columns; holds what is used again from value to value.
#[derive(Debug, Default)]
pub(crate) struct ValueReader {
    pub(crate) rules: ValueRules,
    scratch: String,
}

impl ValueReader {
    pub(crate) fn new(rules: ValueRules) -> Self {
        ValueReader { rules, scratch: String::new() }
    }

    /// Reads the next value into the column, whose length grows by one.
    #[inline]
    pub(crate) fn read(&mut self, scanner: &mut Scanner<'_>, column: &mut Column, shape: &mut Shape) -> Read {
        if !self.rules.ignore_faults {
            return self.read_strictly(scanner, column, shape);
        }
        let (begin, len) = (scanner.at(), column.len());
        let read = self.read_strictly(scanner, column, shape);
        if let Err(fault) = read {
            if fault.is_broken() || !column.is_nullable() {
                return Err(fault);
            }
            column.truncate(len);
            scanner.go_to(begin);
            scanner.skip()?;
            return column.push_null();
        }
        Ok(())
    }

    fn read_strictly(&mut self, scanner: &mut Scanner<'_>, column: &mut Column, shape: &mut Shape) -> Read {
        match scanner.peek() {
            Some(b'"') => {
                let text = scanner.string(&mut self.scratch)?;
                column.parse_text(text, self.rules.text)
            }
            Some(b'-' | b'0'..=b'9') => {
                let begin = scanner.at();
                let number = scanner.number()?;
                self.read_number(number, scanner.slice(begin, scanner.at()), column)
            }
            Some(b'n') => scanner.word("null").and_then(|()| column.push_null()),
            Some(b't') => scanner.word("true").and_then(|()| self.read_bool(true, column)),
            Some(b'f') => scanner.word("false").and_then(|()| self.read_bool(false, column)),
            Some(b'{' | b'[') => self.read_nested(scanner, column, shape),
            _ => Err(scanner.unexpected("a value")),
        }
    }

    #[inline]
    fn read_number(&self, number: Number, text: &str, column: &mut Column) -> Read {
        match (column.kind(), number) {
            (Kind::Int { .. } | Kind::UInt64, Number::Int(value)) => column.push_int(value),
            (Kind::Float64, Number::Int(value)) => column.push_float(value as f64),
            (Kind::Float64, Number::Float(value)) if value.is_finite() => column.push_float(value),
            (Kind::Text, _) => column.push_text(text),
            (Kind::Bool, number) if self.rules.text == TextRules::Kinesis => {
                let zero = match number {
                    Number::Int(value) => value == 0,
                    Number::Float(value) => value == 0.0,
                };
                column.push_bool(!zero)
            }
            (Kind::Timestamp { .. }, Number::Int(value)) => match self.rules.timestamps {
                TimestampStyle::Epoch(unit) => column.push_instant(Instant::from_unit(value, unit)),
                _ => Err(Fault::mismatch(column.kind(), format_args!("the number {value}"))),
            },
            (Kind::Date, Number::Int(days)) if matches!(self.rules.timestamps, TimestampStyle::Epoch(_)) => {
                column.push_int(days)
            }
            (Kind::Bool | Kind::Null | Kind::Binary | Kind::FixedBinary(_), _)
            | (Kind::Date | Kind::Time(_) | Kind::Timestamp { .. } | Kind::List | Kind::Map | Kind::Struct, _) => {
                Err(Fault::mismatch(column.kind(), format_args!("the number {}", quote(text.as_bytes()))))
            }
            (_, _) => column.parse_number(text),
        }
    }

    fn read_bool(&self, value: bool, column: &mut Column) -> Read {
        match column.kind() {
            Kind::Text => column.push_text(if value { "true" } else { "false" }),
            Kind::Bool => column.push_bool(value),
            _ if self.rules.text == TextRules::Standard => {
                Err(Fault::mismatch(column.kind(), if value { "`true`" } else { "`false`" }))
            }
            Kind::Int { .. } | Kind::UInt64 => column.push_int(i64::from(value)),
            Kind::Float32 | Kind::Float64 => column.push_float(f64::from(u8::from(value))),
            Kind::Decimal { .. } => column.parse_number(if value { "1" } else { "0" }),
            Kind::Binary | Kind::FixedBinary(1) => column.push_bytes(&[u8::from(value)]),
            kind => Err(Fault::mismatch(kind, if value { "`true`" } else { "`false`" })),
        }
    }

    fn read_nested(&mut self, scanner: &mut Scanner<'_>, column: &mut Column, shape: &mut Shape) -> Read {
        let kind = column.kind();
        if kind == Kind::Text {
            return column.push_text(scanner.value_text()?);
        }
        let open = if kind == Kind::List { b'[' } else { b'{' };
        if kind.is_scalar() || !scanner.eat(open) {
            let found = if scanner.peek() == Some(b'[') { "an array" } else { "an object" };
            return Err(Fault::mismatch(kind, found));
        }
        let (row, mut first) = (column.len(), true);
        match (&mut column.values, shape) {
            (Values::List { item, .. }, Shape::Items(shape)) => {
                let mut index = 0;
                while scanner.next_in(b']', &mut first)? {
                    self.read(scanner, item, shape).map_err(|fault| fault.in_index(index))?;
                    index += 1;
                }
            }
            (Values::Map { ends, key, value }, Shape::Items(shape)) => {
                let begin = ends.last().copied().unwrap_or(0) as usize;
                while scanner.next_in(b'}', &mut first)? {
                    key.push_text(scanner.string(&mut self.scratch)?)?;
                    scanner.expect(b':')?;
                    let entry = value.len();
                    self.read(scanner, value, shape)
                        .map_err(|fault| fault.in_key(key.text(entry).unwrap_or_default()))?;
                }
                if let Some(twice) = key.first_repeated_text(begin) {
                    return Err(Fault::new(format!("the map has the key {} twice", quote(twice.as_bytes()))));
                }
            }
            (Values::Struct(fields), Shape::Fields(keys, shapes)) => {
                let mut nth = 0;
                while scanner.next_in(b'}', &mut first)? {
                    let field = keys.read(nth, scanner, &mut self.scratch)?;
                    scanner.expect(b':')?;
                    nth += 1;
                    match field.and_then(|field| Some((field, fields.get_mut(field)?, shapes.get_mut(field)?))) {
                        Some((field, column, shape)) => {
                            column.truncate(row); // of a key that comes twice the last counts
                            self.read(scanner, column, shape).map_err(|fault| fault.in_key(keys.name(field)))?;
                        }
                        None => scanner.skip()?,
                    }
                }
                for column in fields.iter_mut().filter(|column| column.len() == row) {
                    push_missing(column, self.rules)?;
                }
            }
            _ => return Err(Fault::mismatch(kind, "a nested value")),
        }
        column.end_nested()
    }
}

/// A column whose field is not in the record.
pub(crate) fn push_missing(column: &mut Column, rules: ValueRules) -> Read {
    if rules.fail_on_missing || !column.is_nullable() {
        return Err(Fault::new(format!("there is no field `{}`", column.name())));
    }
    column.push_null()
}
