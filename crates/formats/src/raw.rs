//! Raw: the record is the value of the only column.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

use crate::column::{Column, Kind};
use crate::decoder::{BatchDecoder, Decoder, OnFault, ReadRecord, Rows};
use crate::encoder::{Encoder, Records, write_inserts};
use crate::error::{Error, Result};
use crate::fault::{Fault, Read};
use crate::json::utf8;
use crate::options::Chosen;
use crate::row_kind::RowKind;
use crate::view::{View, ViewValues};

const FORMAT: &str = "raw";

/// The options of raw records, checked.
#[derive(Clone, Copy, Debug)]
pub struct RawOptions {
    charset: Charset,
    little_endian: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Charset {
    Utf8,
    Ascii,
    Latin1,
}

impl RawOptions {
    pub(crate) fn new(chosen: &Chosen<'_>) -> Result<Self> {
        let charsets = [("UTF-8", Charset::Utf8), ("US-ASCII", Charset::Ascii), ("ISO-8859-1", Charset::Latin1)];
        Ok(RawOptions {
            charset: chosen.one_of("charset", &charsets)?,
            little_endian: chosen.one_of("endianness", &[("big-endian", false), ("little-endian", true)])?,
        })
    }

    /// A decoder into this one column.
    pub fn decoder(&self, schema: SchemaRef) -> Result<Box<dyn Decoder>> {
        let width = check(&schema)?;
        let reader = RawReader { options: *self, width };
        Ok(Box::new(BatchDecoder::new(schema, FORMAT, reader, OnFault::Reject)?))
    }

    /// An encoder of this one column.
    pub fn encoder(&self, schema: SchemaRef) -> Result<Box<dyn Encoder>> {
        let width = check(&schema)?;
        Ok(Box::new(RawEncoder { schema, options: *self, width }))
    }
}

/// The bytes of a number of the only column; zero where it is text or bytes.
fn check(schema: &SchemaRef) -> Result<usize> {
    let [field] = schema.fields().as_ref() else {
        let reason = format!("it takes exactly one column, not {}", schema.fields().len());
        return Err(Error::SchemaMismatch { format: FORMAT, reason });
    };
    match Column::new(field, FORMAT)?.kind() {
        Kind::Text | Kind::Binary | Kind::FixedBinary(_) => Ok(0),
        Kind::Bool => Ok(1),
        Kind::Int { .. } | Kind::UInt64 | Kind::Float32 | Kind::Float64 => {
            Ok(field.data_type().primitive_width().unwrap_or(8))
        }
        _ => Err(Error::UnsupportedType {
            format: FORMAT,
            column: field.name().clone(),
            data_type: field.data_type().to_string(),
            hint: "a raw record is text, bytes, a boolean or a number",
        }),
    }
}

struct RawReader {
    options: RawOptions,
    width: usize,
}

impl ReadRecord for RawReader {
    fn read(&mut self, record: &[u8], rows: &mut Rows) -> Read {
        let Some(column) = rows.columns.first_mut() else { return Ok(()) };
        match column.kind() {
            Kind::Text => match self.options.charset {
                Charset::Ascii if !record.is_ascii() => return Err(Fault::broken("the record is no US-ASCII")),
                Charset::Latin1 => {
                    column.push_text(&record.iter().map(|&byte| char::from(byte)).collect::<String>())?
                }
                _ => column.push_text(utf8(record)?)?,
            },
            Kind::Binary | Kind::FixedBinary(_) => column.push_bytes(record)?,
            kind => {
                if record.len() != self.width {
                    return Err(Fault::mismatch(
                        format_args!("{} bytes for {kind}", self.width),
                        format_args!("{} bytes", record.len()),
                    ));
                }
                let mut bytes = [0; 8];
                for (nth, &byte) in record.iter().enumerate() {
                    let place = if self.options.little_endian { nth } else { self.width - 1 - nth };
                    if let Some(to) = bytes.get_mut(place) {
                        *to = byte;
                    }
                }
                self.push_number(u64::from_le_bytes(bytes), column)?;
            }
        }
        rows.end_row(RowKind::Insert);
        Ok(())
    }
}

impl RawReader {
    fn push_number(&self, bits: u64, column: &mut Column) -> Read {
        match column.kind() {
            Kind::Bool => column.push_bool(bits != 0),
            Kind::Float32 => column.push_float(f64::from(f32::from_bits(bits as u32))),
            Kind::Float64 => column.push_float(f64::from_bits(bits)),
            Kind::UInt64 => column.push_u64(bits),
            Kind::Int { min: 0, .. } => column.push_int(bits.cast_signed()),
            _ => {
                let unused = 64 - 8 * self.width as u32;
                column.push_int(bits.cast_signed() << unused >> unused)
            }
        }
    }
}

struct RawEncoder {
    schema: SchemaRef,
    options: RawOptions,
    width: usize,
}

impl RawEncoder {
    fn write(&self, view: &View, row: usize, out: &mut Vec<u8>) -> std::result::Result<(), &'static str> {
        let bits = match &view.values {
            ViewValues::Text(texts) => return self.write_text(texts.value(row), out),
            ViewValues::Bytes(bytes) => {
                out.extend_from_slice(bytes.value(row));
                return Ok(());
            }
            ViewValues::Bool(array) => u64::from(array.value(row)),
            ViewValues::Int(ints) => ints.value(row).cast_unsigned(),
            ViewValues::UInt64(array) => array.value(row),
            ViewValues::Float32(array) => u64::from(array.value(row).to_bits()),
            ViewValues::Float64(array) => array.value(row).to_bits(),
            _ => return Err("its type has no raw form"),
        };
        let bytes = bits.to_le_bytes();
        let bytes = bytes.get(..self.width).unwrap_or(&bytes);
        if self.options.little_endian {
            out.extend_from_slice(bytes)
        } else {
            out.extend(bytes.iter().rev())
        }
        Ok(())
    }

    fn write_text(&self, text: &str, out: &mut Vec<u8>) -> std::result::Result<(), &'static str> {
        match self.options.charset {
            Charset::Utf8 => out.extend_from_slice(text.as_bytes()),
            Charset::Ascii if text.is_ascii() => out.extend_from_slice(text.as_bytes()),
            Charset::Latin1 if text.chars().all(|c| u32::from(c) < 256) => out.extend(text.chars().map(|c| c as u8)),
            _ => return Err("the text has characters that `raw.charset` has not"),
        }
        Ok(())
    }
}

impl Encoder for RawEncoder {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn encode(&mut self, rows: &RecordBatch, kinds: Option<&[RowKind]>, out: &mut Records) -> Result<()> {
        write_inserts(FORMAT, &self.schema, rows, kinds, out, |views, row, out| match views {
            [view] if view.is_null(row) => Err("it is null, which no raw record says".into()),
            [view] => self.write(view, row, out).map_err(str::to_owned),
            _ => Ok(()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{hostile, random_batch, reasons, rng, round_trip, rows, schema, stands};
    use crate::{Format, Options};
    use arrow::datatypes::DataType;
    use proptest::prelude::*;

    fn raw(options: &[(&str, &str)]) -> Format {
        Format::named("raw", &options.iter().copied().collect::<Options>()).unwrap()
    }

    #[test]
    fn numbers_are_as_wide_as_their_type() {
        let one = |data_type| schema(&[("v", data_type, false)]);
        let mut decoder = raw(&[]).decoder(one(DataType::Int16)).unwrap();
        let decoded = decoder.decode(&[&[0xff, 0xfe], &[1]]).unwrap();
        assert_eq!(rows(&decoded.rows), ["-2"]);
        assert_eq!(reasons(&decoded), ["expected 2 bytes for an integer of -32768 to 32767, found 1 bytes"]);
        let mut decoder = raw(&[("raw.endianness", "little-endian")]).decoder(one(DataType::UInt16)).unwrap();
        assert_eq!(rows(&decoder.decode(&[&[0xff, 0xfe]]).unwrap().rows), ["65279"]);
    }

    #[test]
    fn text_is_in_its_charset() {
        let one = schema(&[("v", DataType::Utf8, false)]);
        let decoded = raw(&[]).decoder(one.clone()).unwrap().decode(&["é".as_bytes(), b"\xe9"]).unwrap();
        assert_eq!((rows(&decoded.rows), decoded.rejected.len()), (vec!["é".to_owned()], 1));
        let latin = raw(&[("raw.charset", "ISO-8859-1")]).decoder(one).unwrap().decode(&[b"\xe9"]).unwrap();
        assert_eq!(rows(&latin.rows), ["é"]);
    }

    #[test]
    fn there_is_one_column() {
        let two = schema(&[("a", DataType::Utf8, true), ("b", DataType::Utf8, true)]);
        assert!(matches!(raw(&[]).decoder(two), Err(Error::SchemaMismatch { .. })));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again_and_no_bytes_panic(seed: u64, kind in 0usize..8, little: bool) {
            let types = [
                DataType::Int8, DataType::Int32, DataType::Int64, DataType::UInt64, DataType::Float32,
                DataType::Boolean, DataType::Utf8, DataType::Binary,
            ];
            let rng = &mut rng(seed);
            let schema = schema(&[("v", types[kind].clone(), false)]);
            let batch = random_batch(rng, &schema);
            let format = raw(&[("raw.endianness", if little { "little-endian" } else { "big-endian" })]);
            let mut decoder = format.decoder(schema.clone()).unwrap();
            round_trip(&batch, None, &mut *format.encoder(schema).unwrap(), &mut *decoder);
            stands(&mut *decoder, &hostile(rng, &[b"12345678"]));
        }
    }
}
