//! Columns under construction.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, TimeUnit};
use proptest::prelude::*;

use super::{Column, Values};
use crate::testing::{TEXT_SCALARS, Types, random_batch, random_schema, rng, schema};
use crate::{Error, Records};

fn column(data_type: DataType, nullable: bool) -> Column {
    Column::new(&Arc::new(Field::new("c", data_type, nullable)), "json").unwrap()
}

#[test]
fn a_value_out_of_range_is_refused_and_leaves_nothing() {
    let mut small = column(DataType::Int8, true);
    small.push_int(127).unwrap();
    assert!(small.push_int(128).is_err());
    let mut decimal = column(DataType::Decimal128(3, 1), true);
    decimal.push_decimal(999).unwrap();
    assert!(decimal.push_decimal(1_000).is_err());
    assert_eq!((small.len(), decimal.len()), (1, 1));
    assert!(column(DataType::Int8, false).push_null().is_err());
    let mut time = column(DataType::Time32(TimeUnit::Second), true);
    time.push_int(86_399).unwrap();
    assert!(time.push_int(86_400).is_err() && time.push_int(-1).is_err());
    assert!(column(DataType::Date64, true).push_int(1 << 40).is_err());
    let mut nanos = column(DataType::Timestamp(TimeUnit::Nanosecond, None), true);
    assert!(nanos.parse_text("9999-01-01", super::TextRules::Standard).is_err());
}

#[test]
fn types_that_can_t_be_filled_are_refused_by_name() {
    let field = Arc::new(Field::new("long", DataType::Decimal256(50, 2), true));
    let error = Column::new(&field, "json").unwrap_err();
    assert!(matches!(error, Error::UnsupportedType { column, .. } if column == "long"));
}

#[test]
fn dictionaries_are_built_of_their_values() {
    let data_type = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    let mut column = column(data_type.clone(), true);
    ["a", "b", "a"].iter().for_each(|text| column.push_text(text).unwrap());
    let array = column.finish().unwrap();
    assert_eq!((array.data_type(), array.len()), (&data_type, 3));
}

/// Rows of a batch in a column of one struct, by way of JSON.
fn filled(seed: u64) -> (Column, usize) {
    let rng = &mut rng(seed);
    let inner = random_schema(rng, Types { scalars: TEXT_SCALARS, nested: true, lists_of_scalars: false });
    let batch = random_batch(rng, &inner);
    let data_type = DataType::Struct(inner.fields().clone());
    let outer = schema(&[("c", data_type.clone(), true)]);
    let array = Arc::new(arrow::array::StructArray::from(batch.clone()));
    let batch = arrow::array::RecordBatch::try_new(outer.clone(), vec![array]).unwrap();
    let mut records = Records::new();
    let format = crate::Format::named("json", &Default::default()).unwrap();
    format.encoder(outer).unwrap().encode(&batch, None, &mut records).unwrap();
    let mut column = column(data_type, true);
    let mut shape = crate::json::Shape::of(&column);
    let mut reader = crate::json::ValueReader::default();
    for record in records.iter() {
        let text = std::str::from_utf8(record).unwrap();
        let value = text.strip_prefix("{\"c\":").unwrap();
        reader.read(&mut crate::json::Scanner::new(value), &mut column, &mut shape).unwrap();
    }
    (column, batch.num_rows())
}

proptest! {
    #[test]
    fn values_are_taken_back_and_repeated_at_any_depth(seed: u64, at: prop::sample::Index) {
        let (mut column, len) = filled(seed);
        let whole = filled(seed).0.finish().unwrap();
        let at = at.index(len + 1);
        column.truncate(at);
        prop_assert_eq!(column.len(), at);
        if at < len {
            let (mut other, _) = filled(seed);
            other.copy_row(at).unwrap();
            let other = other.finish().unwrap();
            prop_assert_eq!(&other.slice(0, len), &whole);
            prop_assert_eq!(&other.slice(len, 1), &whole.slice(at, 1));
        }
        let Values::Struct(children) = &column.values else { unreachable!() };
        prop_assert!(children.iter().all(|child| child.len() == at));
        prop_assert_eq!(&column.finish().unwrap(), &whole.slice(0, at));
    }
}
