//! CSV: a line a row, columns by their place.

mod encoder;
mod reader;

use arrow::datatypes::{Field, SchemaRef};

pub(crate) use reader::{CsvReader, CsvRules};

use crate::column::{Column, TextRules, Values};
use crate::decoder::{BatchDecoder, Decoder, OnFault, Rows};
use crate::encoder::Encoder;
use crate::error::{Error, Result};
use crate::framing::{Framing, Quoting};
use crate::json::COERCIONS;
use crate::options::{Chosen, unescape};

const FORMAT: &str = "csv";

/// The options of CSV, checked.
#[derive(Clone, Debug)]
pub struct CsvOptions {
    rules: CsvRules,
}

impl CsvOptions {
    pub(crate) fn new(chosen: &Chosen<'_>) -> Result<Self> {
        let needed = |short: &'static str| {
            chosen.byte(short)?.ok_or_else(|| chosen.invalid(short, "", "say one ASCII character"))
        };
        let text = chosen.one_of("coercion", COERCIONS)?;
        chosen.flag("write-bigdecimal-in-scientific-notation")?; // decimals are always plain numbers
        let ignore_faults = chosen.flag("ignore-parse-errors")?;
        let disabled = chosen.flag("disable-quote-character")?;
        let rules = CsvRules {
            delimiter: needed("field-delimiter")?,
            row_delimiter: match unescape(chosen.text("row-delimiter")).as_str() {
                "\r\n" => b'\n',
                _ => needed("row-delimiter")?,
            },
            quote: if disabled { None } else { chosen.byte("quote-character")? },
            escape: chosen.byte("escape-character")?,
            array_delimiter: chosen.text("array-element-delimiter").to_owned(),
            null_literal: chosen.given("null-literal").map(str::to_owned),
            comments: chosen.flag("allow-comments")?,
            header: chosen.flag("header")?,
            text,
            ignore_faults,
            ragged: ignore_faults || text == TextRules::Kinesis,
        };
        let special = [Some(rules.delimiter), Some(rules.row_delimiter), rules.quote, rules.escape];
        let mut seen = Vec::new();
        for byte in special.into_iter().flatten() {
            if seen.contains(&byte) {
                let value = char::from(byte).escape_default().to_string();
                return Err(chosen.invalid("field-delimiter", value, "the delimiters, quote and escape must differ"));
            }
            seen.push(byte);
        }
        if rules.array_delimiter.is_empty() {
            return Err(chosen.invalid("array-element-delimiter", "", "say at least one character"));
        }
        Ok(CsvOptions { rules })
    }

    /// How rows lie one after the other in a file.
    pub fn framing(&self) -> Framing {
        let CsvRules { delimiter: field_delimiter, quote, escape, comments, .. } = self.rules;
        let quoting = Quoting { field_delimiter, quote, escape, comments };
        Framing::Delimited { delimiter: self.rules.row_delimiter, quoting: Some(quoting) }
    }

    /// A decoder into these columns.
    pub fn decoder(&self, schema: SchemaRef) -> Result<Box<dyn Decoder>> {
        let rows = Rows::new(&schema, FORMAT)?;
        for (column, field) in rows.columns.iter().zip(schema.fields()) {
            check_flat(column, field)?;
        }
        let on_fault = if self.rules.ignore_faults { OnFault::Ignore } else { OnFault::Reject };
        Ok(Box::new(BatchDecoder::new(schema, FORMAT, CsvReader::new(self.rules.clone()), on_fault)?))
    }

    /// An encoder of these columns.
    pub fn encoder(&self, schema: SchemaRef) -> Result<Box<dyn Encoder>> {
        for field in schema.fields() {
            check_flat(&Column::new(field, FORMAT)?, field)?;
        }
        Ok(Box::new(encoder::CsvEncoder::new(schema, self.rules.clone())))
    }
}

fn check_flat(column: &Column, field: &Field) -> Result<()> {
    let flat = match &column.values {
        Values::List { item, .. } => item.kind().is_scalar(),
        _ => column.kind().is_scalar(),
    };
    if flat {
        return Ok(());
    }
    Err(Error::UnsupportedType {
        format: FORMAT,
        column: field.name().clone(),
        data_type: field.data_type().to_string(),
        hint: "a CSV field is a value or an ARRAY of such; use format `json`, or take the field as STRING",
    })
}

#[cfg(test)]
mod tests;
