//! Lines as Flink prints them.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, Date32Array, Decimal128Array, Float64Array, Int32Array, ListArray, RecordBatch, StringArray,
    StructArray, Time32MillisecondArray, TimestampMillisecondArray,
};
use arrow::datatypes::{DataType, Field, Int32Type};
use parking_lot::Mutex;
use tidemill_engine::{Batch, EventTime, RowKind};

use crate::testing::{declare, write};
use crate::{Environment, Printer, sink};

fn printed(options: &[(&str, &str)], batch: Batch) -> String {
    let lines = Arc::new(Mutex::new(String::new()));
    let taken = Arc::clone(&lines);
    let printer = Printer::new(move |lines| taken.lock().push_str(lines));
    let environment = Environment { printer: Some(printer), ..Environment::default() };
    let mut declaration = declare(&[("a", DataType::Int32)], options);
    declaration.options = declaration.options.with("connector", "print");
    let folder = tempfile::tempdir().unwrap();
    write(&sink(&declaration, &environment).unwrap(), vec![batch], folder.path());
    std::mem::take(&mut *lines.lock())
}

#[test]
fn each_row_is_a_line_with_its_kind() {
    use RowKind::*;
    let columns: [(&str, ArrayRef); 2] = [
        ("n", Arc::new(Int32Array::from(vec![Some(1), Some(2), None, Some(4)]))),
        ("s", Arc::new(StringArray::from(vec!["a", "b c", "", "d"]))),
    ];
    let batch = Batch::at(RecordBatch::try_from_iter(columns).unwrap(), EventTime(0))
        .with_kinds(&[Insert, UpdateBefore, UpdateAfter, Delete])
        .unwrap();
    assert_eq!(printed(&[], batch.clone()), "+I[1, a]\n-U[2, b c]\n+U[null, ]\n-D[4, d]\n");
    let named = printed(&[("print-identifier", "out")], batch);
    assert!(named.starts_with("out> +I[1, a]\nout> -U"), "{named}");
}

#[test]
fn values_are_written_as_java_does() {
    let at = |ms: &[i64]| TimestampMillisecondArray::from(ms.to_vec());
    let x: ArrayRef = Arc::new(Int32Array::from(vec![5, 6, 7]));
    let columns: [(&str, ArrayRef); 9] = [
        ("double", Arc::new(Float64Array::from(vec![1.0, 1.5e10, 1e-5]))),
        ("decimal", Arc::new(Decimal128Array::from(vec![150, -5, 0]).with_precision_and_scale(10, 2).unwrap())),
        ("date", Arc::new(Date32Array::from(vec![0, 20_000, -1]))),
        ("time", Arc::new(Time32MillisecondArray::from(vec![0, 3_661_000, 1_500]))),
        ("at", Arc::new(at(&[0, 1_618_473_900_000, 1_618_473_901_020]))),
        ("instant", Arc::new(at(&[0, 1_618_473_900_000, 1_618_473_901_020]).with_timezone("UTC"))),
        ("bytes", Arc::new(BinaryArray::from_vec(vec![b"\x01\xff", b"", b"a"]))),
        (
            "list",
            Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>([
                Some(vec![Some(1), None]),
                None,
                Some(vec![]),
            ])),
        ),
        ("row", Arc::new(StructArray::from(vec![(Arc::new(Field::new("x", DataType::Int32, true)), x)]))),
    ];
    let batch = Batch::at(RecordBatch::try_from_iter(columns).unwrap(), EventTime(0));
    assert_eq!(
        printed(&[], batch),
        "+I[1.0, 1.50, 1970-01-01, 00:00, 1970-01-01T00:00, 1970-01-01T00:00:00Z, [1, -1], [1, null], +I[5]]\n\
         +I[1.5E10, -0.05, 2024-10-04, 01:01:01, 2021-04-15T08:05, 2021-04-15T08:05:00Z, [], null, +I[6]]\n\
         +I[1.0E-5, 0.00, 1969-12-31, 00:00:01.500, 2021-04-15T08:05:01.020, 2021-04-15T08:05:01.020Z, [97], [], +I[7]]\n"
    );
}
