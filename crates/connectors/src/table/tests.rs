//! The table equals what the stream of revisions says, also when rows come twice.

#![allow(clippy::unwrap_used, clippy::panic)] // a test fails by panicking

use std::sync::Arc;
use std::time::Duration;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use tidemill_engine::{Batch, Epoch, EventTime, RowKind, Sink, SnapshotWriter};
use tidemill_tables::{Row, Scan, TableDefinition, Tables};

use super::TableSink;

fn revisions(rows: &[(RowKind, &str, i64)]) -> Batch {
    let k: ArrayRef = Arc::new(rows.iter().map(|(_, k, _)| Some(*k)).collect::<StringArray>());
    let v: ArrayRef = Arc::new(rows.iter().map(|(_, _, v)| Some(*v)).collect::<Int64Array>());
    let kinds: Vec<RowKind> = rows.iter().map(|(kind, ..)| *kind).collect();
    let rows = RecordBatch::try_from_iter([("v", v), ("k", k)]).unwrap();
    Batch::at(rows, EventTime(0)).with_kinds(&kinds).unwrap()
}

#[test]
fn revisions_become_rows_when_the_checkpoint_is_cut() {
    use RowKind::*;
    let folder = tempfile::tempdir().unwrap();
    let tables = Tables::open(folder.path()).unwrap();
    let schema = Schema::new(vec![Field::new("k", DataType::Utf8, false), Field::new("v", DataType::Int64, true)]);
    let table = tables.create(TableDefinition::new("t", Arc::new(schema), ["k"])).unwrap();
    let all = || table.rows(&Scan::all()).unwrap().collect::<Result<Vec<Row>, _>>().unwrap();
    let mut sink = TableSink::new(tables.clone(), table.clone(), Duration::from_secs(3_600));
    let prepare = |sink: &mut TableSink, epoch| {
        assert_eq!(sink.prepare(Epoch(epoch), &mut SnapshotWriter::default()).unwrap(), None);
    };

    let first = revisions(&[
        (Insert, "a", 1),
        (Insert, "b", 2),
        (UpdateBefore, "a", 1),
        (UpdateAfter, "a", 3),
        (Insert, "c", 4),
    ]);
    sink.write(first.clone()).unwrap();
    assert!(all().is_empty(), "rows of one write become visible together");
    prepare(&mut sink, 1);
    let after_first: Vec<Row> =
        vec![vec!["a".into(), 3.into()], vec!["b".into(), 2.into()], vec!["c".into(), 4.into()]];
    assert_eq!(all(), after_first);

    // Rows that waited long enough are written before the next checkpoint.
    let mut sink_at_once = TableSink::new(tables.clone(), table.clone(), Duration::ZERO);
    sink_at_once.write(revisions(&[(UpdateAfter, "a", 9)])).unwrap();
    assert_eq!(all()[0], vec!["a".into(), 9.into()]);
    sink_at_once.write(revisions(&[(UpdateAfter, "a", 3)])).unwrap();
    assert_eq!(all(), after_first);

    // A crash: the same rows come again, then others.
    let mut sink = TableSink::new(tables.clone(), table.clone(), Duration::from_secs(3_600));
    sink.write(first).unwrap();
    prepare(&mut sink, 1);
    assert_eq!(all(), after_first);
    // A revision may change the key.
    sink.write(revisions(&[(Delete, "b", 2), (UpdateBefore, "c", 4), (UpdateAfter, "d", 5)])).unwrap();
    prepare(&mut sink, 2);
    let after_second: Vec<Row> = vec![vec!["a".into(), 3.into()], vec!["d".into(), 5.into()]];
    assert_eq!(all(), after_second);
}
