//! Rows survive being stored, and the order of encoded keys is the order of their values.

#![allow(clippy::unwrap_used, clippy::panic)] // a test fails by panicking

use std::cmp::Ordering;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use proptest::prelude::*;

use super::{BatchDecoder, Cells, CellsBuilder, RowCodec, successor};
use crate::definition::TableDefinition;
use crate::value::Value;

type Owned = Value<'static>;

/// Every type that a column may have.
fn types() -> Vec<DataType> {
    use DataType::*;
    let mut types = vec![
        Boolean,
        Int8,
        Int16,
        Int32,
        Int64,
        UInt8,
        UInt16,
        UInt32,
        UInt64,
        Float32,
        Float64,
        Decimal128(38, 3),
        Utf8,
        LargeUtf8,
        Utf8View,
        Binary,
        LargeBinary,
        BinaryView,
        FixedSizeBinary(3),
        Date32,
        Date64,
        Time32(TimeUnit::Second),
        Time64(TimeUnit::Microsecond),
        Timestamp(TimeUnit::Second, None),
        Timestamp(TimeUnit::Nanosecond, Some("UTC".into())),
        Duration(TimeUnit::Millisecond),
    ];
    types.sort_by_key(ToString::to_string);
    types
}

/// A value of a type, with the edges of its range and bytes that need an escape made likely.
fn value_of(data_type: &DataType) -> BoxedStrategy<Owned> {
    use DataType::*;
    fn int(low: i64, high: i64) -> BoxedStrategy<Owned> {
        prop_oneof![Just(low), Just(high), Just(-1), Just(0), Just(1), low..=high].prop_map(Value::Int).boxed()
    }
    fn uint(high: u64) -> BoxedStrategy<Owned> {
        prop_oneof![Just(0), Just(high), 0..=high].prop_map(Value::UInt).boxed()
    }
    let bytes = || prop::collection::vec(prop_oneof![Just(0u8), Just(1), Just(0xFE), Just(0xFF), any::<u8>()], 0..6);
    match data_type {
        Boolean => any::<bool>().prop_map(Value::Bool).boxed(),
        Int8 => int(i8::MIN.into(), i8::MAX.into()),
        Int16 => int(i16::MIN.into(), i16::MAX.into()),
        Int32 | Date32 | Time32(_) => int(i32::MIN.into(), i32::MAX.into()),
        UInt8 => uint(u8::MAX.into()),
        UInt16 => uint(u16::MAX.into()),
        UInt32 => uint(u32::MAX.into()),
        UInt64 => uint(u64::MAX),
        Float32 => prop_oneof![
            Just(f32::NAN),
            Just(-0.0),
            Just(0.0),
            Just(f32::INFINITY),
            Just(f32::NEG_INFINITY),
            any::<f32>()
        ]
        .prop_filter("a signalling NaN becomes quiet", |v| !v.is_nan() || v.to_bits() == f32::NAN.to_bits())
        .prop_map(|v| Value::Float(v.into()))
        .boxed(),
        Float64 => prop_oneof![Just(f64::NAN), Just(-0.0), Just(0.0), Just(f64::INFINITY), any::<f64>()]
            .prop_map(Value::Float)
            .boxed(),
        Decimal128(_, _) => {
            let high = 10i128.pow(38) - 1;
            prop_oneof![Just(-high), Just(high), Just(0), -high..=high].prop_map(Value::Decimal).boxed()
        }
        Utf8 | LargeUtf8 | Utf8View => {
            prop::collection::vec(prop_oneof![Just('\0'), Just('\u{1}'), Just('a'), Just('é'), any::<char>()], 0..6)
                .prop_map(|chars| Value::from(chars.into_iter().collect::<String>()))
                .boxed()
        }
        Binary | LargeBinary | BinaryView => bytes().prop_map(Value::from).boxed(),
        FixedSizeBinary(n) => prop::collection::vec(any::<u8>(), *n as usize).prop_map(Value::from).boxed(),
        _ => int(i64::MIN, i64::MAX),
    }
}

fn compare(a: &Owned, b: &Owned) -> Ordering {
    match (a, b) {
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        (Value::Int(a), Value::Int(b)) => a.cmp(b),
        (Value::UInt(a), Value::UInt(b)) => a.cmp(b),
        (Value::Float(a), Value::Float(b)) => a.total_cmp(b),
        (Value::Decimal(a), Value::Decimal(b)) => a.cmp(b),
        (Value::Text(a), Value::Text(b)) => a.cmp(b),
        (Value::Binary(a), Value::Binary(b)) => a.cmp(b),
        _ => panic!("{a:?} and {b:?} are of different kinds"),
    }
}

fn codec(types: &[DataType], key: &[usize]) -> RowCodec {
    let fields: Vec<Field> =
        types.iter().enumerate().map(|(i, t)| Field::new(format!("c{i}"), t.clone(), true)).collect();
    let key = key.iter().map(|i| format!("c{i}"));
    RowCodec::new(&TableDefinition::new("t", Arc::new(Schema::new(fields)), key)).unwrap()
}

/// Two key columns of any types and two keys of them.
fn two_keys() -> impl Strategy<Value = (Vec<DataType>, Vec<Owned>, Vec<Owned>)> {
    (prop::sample::select(types()), prop::sample::select(types())).prop_flat_map(|(a, b)| {
        let key = || (value_of(&a), value_of(&b)).prop_map(|(a, b)| vec![a, b]);
        let same_start = (key(), value_of(&b)).prop_map(|(first, b)| (first.clone(), vec![first[0].clone(), b]));
        (Just(vec![a.clone(), b.clone()]), prop_oneof![same_start, (key(), key())])
            .prop_map(|(types, (x, y))| (types, x, y))
    })
}

/// A row of all types, the last column being the key, with nulls.
fn whole_row() -> impl Strategy<Value = Vec<Owned>> {
    let types = types();
    let last = types.len() - 1;
    let cells: Vec<BoxedStrategy<Owned>> = types
        .iter()
        .enumerate()
        .map(|(i, t)| match i == last {
            true => value_of(t),
            false => prop_oneof![1 => Just(Value::Null), 4 => value_of(t)].boxed(),
        })
        .collect();
    cells
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn encoded_keys_are_ordered_as_their_values((types, x, y) in two_keys()) {
        let codec = codec(&types, &[0, 1]);
        let (bytes_x, bytes_y) = (codec.encode_key(&x).unwrap(), codec.encode_key(&y).unwrap());
        let values = compare(&x[0], &y[0]).then(compare(&x[1], &y[1]));
        prop_assert_eq!(bytes_x.cmp(&bytes_y), values);
        prop_assert!(bytes_x == bytes_y || !bytes_x.starts_with(&bytes_y), "no key begins another");
    }

    #[test]
    fn the_keys_of_a_prefix_are_one_range((types, x, y) in two_keys()) {
        let codec = codec(&types, &[0, 1]);
        let prefix = codec.encode_key_prefix([x[0].clone()]).unwrap();
        let key = codec.encode_key(&y).unwrap();
        let inside = key >= prefix && successor(prefix).is_none_or(|end| key < end);
        prop_assert_eq!(inside, compare(&x[0], &y[0]).is_eq());
    }

    #[test]
    fn a_row_of_every_type_survives(row in whole_row()) {
        let types = types();
        let codec = codec(&types, &[types.len() - 1]);
        let (key, value) = codec.encode_row(&row, 0).unwrap();
        prop_assert_eq!(codec.decode_row(&key, &value).unwrap(), row);
    }

    #[test]
    fn a_batch_of_every_type_survives(rows in prop::collection::vec(whole_row(), 1..5)) {
        let types = types();
        let codec = codec(&types, &[types.len() - 1]);
        let columns: Vec<ArrayRef> = types.iter().enumerate().map(|(i, t)| {
            let mut column = CellsBuilder::new(t).unwrap();
            rows.iter().for_each(|row| column.push(&row[i]).unwrap());
            column.finish().unwrap()
        }).collect();
        for (i, column) in columns.iter().enumerate() {
            let cells = Cells::of(column).unwrap();
            prop_assert_eq!(cells.get(0), rows[0][i].clone());
        }
        let given = RecordBatch::try_new(codec.schema.clone(), columns).unwrap();

        let projection = codec.project(None).unwrap();
        let mut decoder = BatchDecoder::new(&codec, &projection).unwrap();
        for (key, value) in codec.encode_batch(&given, 0).unwrap() {
            decoder.push(&key, &value).unwrap();
        }
        prop_assert_eq!(decoder.finish().unwrap(), given);
    }

    #[test]
    fn damaged_bytes_are_an_error_and_never_a_panic(key in prop::collection::vec(any::<u8>(), 0..40), value in prop::collection::vec(any::<u8>(), 0..80)) {
        let types = types();
        let _ = codec(&types, &[types.len() - 1, 3, 13]).decode_row(&key, &value);
    }
}

#[test]
fn nulls_are_refused_in_keys() {
    let codec = codec(&[DataType::Utf8, DataType::Int32], &[0]);
    let error = codec.encode_row(&[Value::Null, Value::Int(1)], 0).unwrap_err().to_string();
    assert!(error.starts_with("TM-TABLE-0006") && error.contains("c0"), "{error}");
}

#[test]
fn values_that_do_not_fit_are_refused() {
    let codec = codec(&[DataType::Int8, DataType::UInt16, DataType::Float32, DataType::FixedSizeBinary(2)], &[0]);
    let good: Vec<Owned> = vec![Value::Int(1), Value::UInt(1), Value::Float(0.5), Value::from(vec![1, 2])];
    codec.encode_row(&good, 0).unwrap();
    for (column, bad) in [
        (0, Value::Int(128)),
        (0, Value::Int(-129)),
        (1, Value::Int(-1)),
        (1, Value::UInt(65_536)),
        (2, Value::Float(0.1)),
        (2, Value::from("0.5")),
        (3, Value::from(vec![1])),
    ] {
        let mut row = good.clone();
        row[column] = bad.clone();
        assert!(codec.encode_row(&row, 0).is_err(), "{bad:?} in column {column}");
    }
}

#[test]
fn values_are_compact() {
    // An order as an application keeps it: site, order id, cents, currency, bot or not.
    let types = [DataType::Utf8, DataType::UInt64, DataType::Int64, DataType::Utf8, DataType::Boolean];
    let row = ["shop".into(), 123_456u64.into(), 4_999i64.into(), "EUR".into(), false.into()];
    let (key, value) = codec(&types, &[0, 1]).encode_row(&row, 0).unwrap();
    assert_eq!(key.len(), "shop".len() + 2 + 8);
    assert_eq!(value.len(), 1 + 1 + 2 + 4 + 1, "flags, null bits, cents, currency, boolean");
}
