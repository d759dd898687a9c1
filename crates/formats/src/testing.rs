//! Random schemas and rows for the property tests, and the check that all decoders must stand.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::*;
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::compute::cast;
use arrow::datatypes::*;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};

use parking_lot::Mutex;
use tidemill_schemas::{DataFormat, Definition};

use crate::{Decoded, Decoder, Encoder, LookupError, Records, RegisteredSchema, RowKind, SchemaId, SchemaLookup};

/// Which types a format can hold.
#[derive(Clone, Copy)]
pub(crate) struct Types {
    pub(crate) scalars: &'static [DataType],
    pub(crate) nested: bool,
    pub(crate) lists_of_scalars: bool,
}

/// All scalars that JSON and CSV hold.
pub(crate) const TEXT_SCALARS: &[DataType] = &[
    DataType::Boolean,
    DataType::Int8,
    DataType::Int16,
    DataType::Int32,
    DataType::Int64,
    DataType::UInt8,
    DataType::UInt16,
    DataType::UInt32,
    DataType::UInt64,
    DataType::Float32,
    DataType::Float64,
    DataType::Decimal128(38, 10),
    DataType::Decimal128(5, 2),
    DataType::Utf8,
    DataType::LargeUtf8,
    DataType::Utf8View,
    DataType::Binary,
    DataType::BinaryView,
    DataType::LargeBinary,
    DataType::FixedSizeBinary(3),
    DataType::Date32,
    DataType::Date64,
    DataType::Time32(TimeUnit::Second),
    DataType::Time32(TimeUnit::Millisecond),
    DataType::Time64(TimeUnit::Microsecond),
    DataType::Time64(TimeUnit::Nanosecond),
    DataType::Timestamp(TimeUnit::Second, None),
    DataType::Timestamp(TimeUnit::Millisecond, None),
    DataType::Timestamp(TimeUnit::Microsecond, None),
    DataType::Timestamp(TimeUnit::Nanosecond, None),
];

/// Types that Protobuf holds.
pub(crate) const PROTOBUF_TYPES: Types = Types {
    scalars: &[
        DataType::Boolean,
        DataType::Int8,
        DataType::Int32,
        DataType::Int64,
        DataType::UInt16,
        DataType::UInt32,
        DataType::UInt64,
        DataType::Float32,
        DataType::Float64,
        DataType::Decimal128(38, 10),
        DataType::Utf8,
        DataType::Utf8View,
        DataType::Binary,
        DataType::FixedSizeBinary(3),
        DataType::Date32,
        DataType::Time32(TimeUnit::Millisecond),
        DataType::Timestamp(TimeUnit::Millisecond, None),
        DataType::Timestamp(TimeUnit::Nanosecond, None),
    ],
    nested: false,
    lists_of_scalars: false,
};

pub(crate) fn rng(seed: u64) -> SmallRng {
    SmallRng::seed_from_u64(seed)
}

pub(crate) fn random_schema(rng: &mut SmallRng, types: Types) -> SchemaRef {
    let count = rng.random_range(1..8);
    Arc::new(Schema::new((0..count).map(|i| random_field(rng, &format!("c{i}"), types, 2)).collect::<Vec<_>>()))
}

fn random_field(rng: &mut SmallRng, name: &str, types: Types, depth: u32) -> Field {
    let nullable = rng.random_bool(0.7);
    let nested = depth > 0 && rng.random_bool(0.4);
    let data_type = if nested && types.nested {
        match rng.random_range(0..3) {
            0 => DataType::List(Arc::new(random_field(rng, "item", types, depth - 1))),
            1 => {
                let value = random_field(rng, "value", types, depth - 1);
                let entries = Fields::from(vec![Field::new("key", DataType::Utf8, false), value]);
                DataType::Map(Arc::new(Field::new("entries", DataType::Struct(entries), false)), false)
            }
            _ => {
                let names = ["x", "quote\"d", "ü"];
                let fields = names.iter().map(|name| random_field(rng, name, types, depth - 1));
                DataType::Struct(fields.collect())
            }
        }
    } else if nested && types.lists_of_scalars {
        DataType::List(Arc::new(random_field(rng, "item", types, 0)))
    } else {
        types.scalars.choose(rng).unwrap().clone()
    };
    Field::new(name, data_type, nullable)
}

/// Rows cut out of more, as operators hand them on: offsets that don't begin at zero.
pub(crate) fn random_batch(rng: &mut SmallRng, schema: &SchemaRef) -> RecordBatch {
    let (rows, around) = (rng.random_range(0..20), rng.random_range(0..3));
    let made = rows + 2 * around;
    let columns = schema.fields().iter().map(|field| random_array(rng, field, made)).collect();
    let options = RecordBatchOptions::new().with_row_count(Some(made));
    RecordBatch::try_new_with_options(schema.clone(), columns, &options).unwrap().slice(around, rows)
}

fn random_text(rng: &mut SmallRng) -> String {
    let alphabet: Vec<char> = "abcXYZ 019\"\\/,;\n\r\t#'é漢😀\u{1}\u{7f}".chars().collect();
    (0..rng.random_range(0..12)).map(|_| *alphabet.choose(rng).unwrap()).collect()
}

/// Values of a column; below a null of a struct they are null too where they may be.
fn random_array(rng: &mut SmallRng, field: &Field, rows: usize) -> ArrayRef {
    let nulls = field
        .is_nullable()
        .then(|| NullBuffer::from_iter((0..rows).map(|_| rng.random_bool(0.8))))
        .filter(|_| rows > 0);
    let null = |row: usize| nulls.as_ref().is_some_and(|nulls| nulls.is_null(row));
    macro_rules! numbers {
        ($array:ty, $value:expr) => {
            Arc::new(
                (0..rows)
                    .map(|row| {
                        let value = $value;
                        (!null(row)).then_some(value)
                    })
                    .collect::<$array>(),
            )
        };
    }
    let data_type = field.data_type().clone();
    match &data_type {
        DataType::Boolean => numbers!(BooleanArray, rng.random()),
        DataType::Int8 => numbers!(Int8Array, rng.random()),
        DataType::Int16 => numbers!(Int16Array, rng.random()),
        DataType::Int32 => numbers!(Int32Array, rng.random()),
        DataType::Int64 => numbers!(Int64Array, rng.random::<i64>() >> rng.random_range(0..63)),
        DataType::UInt8 => numbers!(UInt8Array, rng.random()),
        DataType::UInt16 => numbers!(UInt16Array, rng.random()),
        DataType::UInt32 => numbers!(UInt32Array, rng.random()),
        DataType::UInt64 => numbers!(UInt64Array, rng.random::<u64>() >> rng.random_range(0..63)),
        DataType::Float32 => numbers!(Float32Array, f32::from_bits(rng.random()).clamp(-3e38, 3e38)),
        DataType::Float64 => {
            numbers!(Float64Array, if rng.random() { rng.random::<f64>() } else { f64::from_bits(rng.random()) })
        }
        DataType::Decimal128(precision, _) => {
            let most = 10i128.pow(u32::from(*precision)) - 1;
            let array: Arc<Decimal128Array> = numbers!(Decimal128Array, rng.random_range(-most..=most));
            Arc::new(array.as_ref().clone().with_data_type(data_type))
        }
        DataType::Utf8 => numbers!(StringArray, random_text(rng)),
        DataType::LargeUtf8 => numbers!(LargeStringArray, random_text(rng)),
        DataType::Utf8View => numbers!(StringViewArray, random_text(rng)),
        DataType::Binary => numbers!(BinaryArray, random_text(rng).into_bytes()),
        DataType::LargeBinary => numbers!(LargeBinaryArray, random_text(rng).into_bytes()),
        DataType::BinaryView => numbers!(BinaryViewArray, random_text(rng).into_bytes()),
        DataType::FixedSizeBinary(width) => {
            let values =
                (0..rows).map(|row| (!null(row)).then(|| (0..*width).map(|_| rng.random()).collect::<Vec<u8>>()));
            let values: Vec<_> = values.collect();
            Arc::new(FixedSizeBinaryArray::try_from_sparse_iter_with_size(values.into_iter(), *width).unwrap())
        }
        DataType::Date32 => numbers!(Date32Array, rng.random_range(-800_000..3_000_000)),
        DataType::Date64 => numbers!(Date64Array, rng.random_range(-800_000i64..3_000_000) * 86_400_000),
        DataType::Time32(TimeUnit::Second) => numbers!(Time32SecondArray, rng.random_range(0..86_400)),
        DataType::Time32(_) => numbers!(Time32MillisecondArray, rng.random_range(0..86_400_000)),
        DataType::Time64(TimeUnit::Microsecond) => {
            numbers!(Time64MicrosecondArray, rng.random_range(0..86_400_000_000))
        }
        DataType::Time64(_) => numbers!(Time64NanosecondArray, rng.random_range(0..86_400_000_000_000)),
        DataType::Timestamp(unit, _) => {
            let per_second = match unit {
                TimeUnit::Second => 1,
                TimeUnit::Millisecond => 1_000,
                TimeUnit::Microsecond => 1_000_000,
                TimeUnit::Nanosecond => 1_000_000_000,
            };
            let array: Arc<Int64Array> = numbers!(
                Int64Array,
                rng.random_range(-5_000_000_000i64..8_000_000_000) * per_second + rng.random_range(0..per_second)
            );
            cast(array.as_ref(), &data_type).unwrap()
        }
        DataType::List(item) => {
            let lengths: Vec<usize> = (0..rows).map(|row| if null(row) { 0 } else { rng.random_range(0..4) }).collect();
            let items = random_array(rng, item, lengths.iter().sum());
            Arc::new(ListArray::new(item.clone(), OffsetBuffer::from_lengths(lengths), items, nulls))
        }
        DataType::Map(entries, _) => {
            let DataType::Struct(fields) = entries.data_type() else { unreachable!() };
            let lengths: Vec<usize> = (0..rows).map(|row| if null(row) { 0 } else { rng.random_range(0..4) }).collect();
            let keys: StringArray = lengths.iter().flat_map(|&n| (0..n).map(|i| Some(format!("k{i}\n")))).collect();
            let values = random_array(rng, &fields[1], keys.len());
            let pairs = StructArray::new(fields.clone(), vec![Arc::new(keys), values], None);
            Arc::new(MapArray::new(entries.clone(), OffsetBuffer::from_lengths(lengths), pairs, nulls, false))
        }
        DataType::Struct(fields) => {
            let arrays = fields.iter().map(|field| random_array(rng, field, rows)).collect();
            Arc::new(StructArray::try_new_with_length(fields.clone(), arrays, nulls, rows).unwrap())
        }
        other => panic!("no random values of {other}"),
    }
}

/// The batch's rows as text, for comparing without regard to what lies below nulls.
pub(crate) fn pretty(batch: &RecordBatch) -> String {
    arrow::util::pretty::pretty_format_batches(std::slice::from_ref(batch)).unwrap().to_string()
}

/// Each row's cells as text, `a | NULL | 1.5`.
pub(crate) fn rows(batch: &RecordBatch) -> Vec<String> {
    let options = FormatOptions::new().with_null("NULL");
    let columns: Vec<_> =
        batch.columns().iter().map(|column| ArrayFormatter::try_new(column, &options).unwrap()).collect();
    let row = |row| columns.iter().map(|column| column.value(row).to_string()).collect::<Vec<_>>().join(" | ");
    (0..batch.num_rows()).map(row).collect()
}

/// What was said of the rejected records.
pub(crate) fn reasons(decoded: &Decoded) -> Vec<&str> {
    decoded.rejected.iter().map(|rejected| rejected.reason.as_str()).collect()
}

/// Columns by name, type and whether they may be null.
pub(crate) fn schema(fields: &[(&str, DataType, bool)]) -> SchemaRef {
    Arc::new(Schema::new(
        fields
            .iter()
            .map(|(name, data_type, nullable)| Field::new(*name, data_type.clone(), *nullable))
            .collect::<Vec<_>>(),
    ))
}

/// A text column that is cut to a length.
pub(crate) fn varchar(name: &str, length: usize) -> Field {
    let length = HashMap::from([(crate::LENGTH_MAX_KEY.to_owned(), length.to_string())]);
    Field::new(name, DataType::Utf8, true).with_metadata(length)
}

/// Encodes and decodes: the rows must be the same.
pub(crate) fn round_trip(
    batch: &RecordBatch,
    kinds: Option<&[RowKind]>,
    encoder: &mut dyn Encoder,
    decoder: &mut dyn Decoder,
) {
    let mut records = Records::new();
    encoder.encode(batch, kinds, &mut records).unwrap();
    assert_eq!(records.len(), batch.num_rows());
    let slices: Vec<&[u8]> = records.iter().collect();
    let decoded = decoder.decode(&slices).unwrap();
    assert_eq!(decoded.rejected, vec![], "{}", pretty(batch));
    assert_eq!(pretty(&decoded.rows), pretty(batch));
    assert_eq!(decoded.rows.schema(), batch.schema());
}

/// Bytes that no one vouches for: good records, the same with bytes changed, cut or doubled, and noise.
pub(crate) fn hostile(rng: &mut SmallRng, good: &[&[u8]]) -> Vec<Vec<u8>> {
    (0..40)
        .map(|_| {
            let mut record = good.choose(rng).map_or_else(Vec::new, |record| record.to_vec());
            for _ in 0..rng.random_range(0..6) {
                let at = rng.random_range(0..=record.len());
                match rng.random_range(0..5) {
                    0 if at < record.len() => record[at] = rng.random(),
                    1 => record.truncate(at),
                    2 => record.insert(at, *b"{}[]\":,\\-0e.tn\n;'%\x00\xff".choose(rng).unwrap()),
                    3 if at < record.len() => {
                        record.remove(at);
                    }
                    _ => {
                        let tail = record[at..].to_vec();
                        record.extend(tail);
                    }
                }
                record.truncate(4_096);
            }
            if rng.random_bool(0.1) {
                record = (0..rng.random_range(0..60)).map(|_| rng.random()).collect();
            }
            record
        })
        .collect()
}

/// Whatever comes, a decoder does not panic and loses no record: each is rows, or rejected, or passed over; and what
/// came before and after does not change what a record becomes.
pub(crate) fn stands(decoder: &mut dyn Decoder, records: &[Vec<u8>]) {
    let slices: Vec<&[u8]> = records.iter().map(Vec::as_slice).collect();
    let together = decoder.decode(&slices).unwrap();
    let rows = together.rows.num_rows();
    assert_eq!(together.kinds.as_ref().map_or(rows, Vec::len), rows);
    assert_eq!(together.origins.as_ref().map_or(rows, Vec::len), rows);
    let mut row = 0;
    let (mut rejected, mut skipped) = (Vec::new(), 0);
    for (index, slice) in slices.iter().enumerate() {
        let alone = decoder.decode(&[slice]).unwrap();
        let count = alone.rows.num_rows();
        assert!((row..row + count).all(|row| together.origin(row) == index), "record {index}");
        assert_eq!(pretty(&alone.rows), pretty(&together.rows.slice(row, count)), "record {index}");
        rejected.extend(alone.rejected.into_iter().map(|mut r| {
            r.record = index;
            r
        }));
        skipped += alone.skipped.total();
        row += count;
    }
    assert_eq!(row, rows);
    assert_eq!(together.rejected, rejected);
    assert_eq!(together.skipped.total(), skipped);
}

/// A registry that numbers what it is given from 1, by the header that is asked for.
pub(crate) struct Registry {
    glue: bool,
    pub(crate) schemas: Mutex<Vec<Arc<Definition>>>,
}

impl Registry {
    pub(crate) fn new(glue: bool) -> Arc<Self> {
        Arc::new(Registry { glue, schemas: Mutex::default() })
    }
}

impl SchemaLookup for Registry {
    fn schema(&self, id: SchemaId) -> Result<RegisteredSchema, LookupError> {
        let number = match id {
            SchemaId::Confluent(number) => number as usize,
            SchemaId::Glue(uuid) => uuid as usize,
            SchemaId::Fingerprint(_) => 0,
        };
        let schemas = self.schemas.lock();
        let definition = schemas.get(number.wrapping_sub(1)).ok_or(LookupError::NotFound)?;
        let version = format!("customers, version {number}");
        Ok(RegisteredSchema { definition: Arc::clone(definition), version })
    }

    fn id(&self, format: DataFormat, schema: &str) -> Result<SchemaId, LookupError> {
        let definition = Definition::parse(format, schema, &[]).map_err(|invalid| LookupError::Refused(invalid.reason));
        let mut schemas = self.schemas.lock();
        schemas.push(Arc::new(definition?));
        let number = schemas.len();
        Ok(if self.glue { SchemaId::Glue(number as u128) } else { SchemaId::Confluent(number as u32) })
    }
}
