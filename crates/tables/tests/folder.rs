//! A folder of tables: created, described, dropped, locked, refused when it is from the future.

#![allow(clippy::unwrap_used, clippy::panic)] // a test fails by panicking

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray, TimestampMillisecondArray};
use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use serde::{Deserialize, Serialize};
use tidemill_tables::{Clock, Error, Options, Scan, TableDefinition, Tables, Ttl, Value};

fn names() -> TableDefinition {
    let schema = Schema::new(vec![Field::new("name", DataType::Utf8, false), Field::new("n", DataType::Int64, true)]);
    TableDefinition::new("names", Arc::new(schema), ["name"])
}

#[test]
fn tables_are_listed_described_and_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let tables = Tables::open(folder.path()).unwrap();
    let table = tables.create(names()).unwrap();
    assert!(matches!(tables.create(names()), Err(Error::TableExists(_))));
    assert!(matches!(
        tables.create_if_absent(names().with_ttl(Ttl::Age(Duration::from_secs(1)))),
        Err(Error::Definition { .. })
    ));
    table.upsert(&["a".into(), 1.into()]).unwrap();
    assert_eq!(tables.list(), ["names"]);
    let info = table.describe().unwrap();
    assert_eq!((info.definition, info.rows_approximate), (names(), 1));

    tables.drop_table("names").unwrap();
    assert!(tables.list().is_empty());
    assert!(matches!(table.get(&["a".into()]), Err(Error::NoSuchTable(_))));
    assert!(matches!(table.upsert(&["a".into(), 1.into()]), Err(Error::NoSuchTable(_))));
    drop(table);

    // A new table of the same name is empty, now and after the folder was opened again.
    let again = tables.create(names()).unwrap();
    assert_eq!(again.row_count().unwrap(), 0);
    again.upsert(&["b".into(), Value::Null]).unwrap();
    drop((again, tables));
    let tables = Tables::open(folder.path()).unwrap();
    assert_eq!(tables.table("names").unwrap().row_count().unwrap(), 1);
    assert_eq!(tables.table("names").unwrap().definition(), &names());
}

#[test]
fn a_folder_is_open_once_and_never_from_the_future() {
    let folder = tempfile::tempdir().unwrap();
    let tables = Tables::open(folder.path()).unwrap();
    let error = Tables::open(folder.path()).err().unwrap().to_string();
    assert!(error.starts_with("TM-TABLE-0001") && error.contains("another program"), "{error}");
    drop(tables);

    fs::write(folder.path().join("format.json"), r#"{"kind":"tidemill-tables","format":2}"#).unwrap();
    let error = Tables::open(folder.path()).err().unwrap();
    assert!(matches!(error, Error::NewerFormat { found: 2, known: 1, .. }), "{error}");
}

#[test]
fn a_first_open_that_was_cut_short_is_made_good() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("rows.new/keyspaces")).unwrap();
    fs::write(folder.path().join("rows.new/0.jnl"), b"half").unwrap();
    let tables = Tables::open(folder.path()).unwrap();
    tables.create(names()).unwrap().upsert(&["a".into(), 1.into()]).unwrap();
}

#[test]
fn batches_are_matched_by_column_name() {
    let folder = tempfile::tempdir().unwrap();
    let table = Tables::open(folder.path()).unwrap().create(names()).unwrap();
    let n: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), None, Some(3)]));
    let name: ArrayRef = Arc::new(StringArray::from(vec!["b", "a", "b"]));
    table.upsert_batch(&RecordBatch::try_from_iter([("n", n.clone()), ("name", name.clone())]).unwrap()).unwrap();
    let batches: Vec<RecordBatch> =
        table.scan(&Scan::all().columns(["n", "name"])).unwrap().collect::<Result<_, _>>().unwrap();
    let n_of =
        |batch: &RecordBatch| batch.column(0).as_any().downcast_ref::<Int64Array>().unwrap().iter().collect::<Vec<_>>();
    assert_eq!(n_of(&batches[0]), [None, Some(3)], "in key order, of one key the last");

    let keys = RecordBatch::try_from_iter([("name", name.clone())]).unwrap();
    assert_eq!(table.get_batch(&keys).unwrap().num_rows(), 3, "a row a key that exists");
    table.delete_batch(&keys).unwrap();
    assert_eq!(table.row_count().unwrap(), 0);

    table.upsert_batch(&keys).unwrap();
    assert_eq!(table.get(&["a".into()]).unwrap().unwrap()[1], Value::Null, "a nullable column may be missing");
    let unknown = RecordBatch::try_from_iter([("name", name), ("extra", n)]).unwrap();
    assert!(table.upsert_batch(&unknown).unwrap_err().to_string().contains("extra"));
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Named {
    name: String,
    n: Option<i64>,
}

#[test]
fn rust_structures_are_rows() {
    let folder = tempfile::tempdir().unwrap();
    let table = Tables::open(folder.path()).unwrap().create(names()).unwrap();
    let records = [Named { name: "a".into(), n: Some(1) }, Named { name: "b".into(), n: None }];
    table.upsert_records(&records).unwrap();
    assert_eq!(table.get_record(&["b".into()]).unwrap(), Some(records[1].clone()));
    assert_eq!(table.get_record::<Named>(&["c".into()]).unwrap(), None);
    assert_eq!(table.records::<Named>(&Scan::all()).unwrap(), records);
}

fn clocked(sweep_interval: Option<Duration>) -> (Arc<AtomicI64>, Options) {
    let now_ms = Arc::new(AtomicI64::new(1_000_000));
    let source = now_ms.clone();
    let clock = Clock::from_fn(move || source.load(Ordering::SeqCst));
    (now_ms, Options { clock, sweep_interval, ..Options::default() })
}

#[test]
fn rows_expire_by_age_and_by_column() {
    let folder = tempfile::tempdir().unwrap();
    let (now_ms, options) = clocked(None);
    let tables = Tables::open_with(folder.path(), options).unwrap();
    let by_age = tables.create(names().with_ttl(Ttl::Age(Duration::from_millis(100)))).unwrap();
    let schema = Schema::new(vec![
        Field::new("k", DataType::Int64, false),
        Field::new("at", DataType::Timestamp(TimeUnit::Millisecond, None), true),
    ]);
    let ttl = Ttl::Column { column: "at".into(), after: Duration::from_millis(10) };
    let by_column = tables.create(TableDefinition::new("by_column", Arc::new(schema), ["k"]).with_ttl(ttl)).unwrap();
    by_age.upsert(&["old".into(), 1.into()]).unwrap();
    let k: ArrayRef = Arc::new(Int64Array::from(vec![1, 2, 3]));
    let at: ArrayRef = Arc::new(TimestampMillisecondArray::from(vec![Some(999_990), Some(1_000_050), None]));
    by_column.upsert_batch(&RecordBatch::try_from_iter([("k", k), ("at", at)]).unwrap()).unwrap();
    let keys = |now: i64| {
        now_ms.store(now, Ordering::SeqCst);
        by_column.rows(&Scan::all()).unwrap().map(|row| row.unwrap()[0].as_i64().unwrap()).collect::<Vec<_>>()
    };

    assert_eq!(keys(1_000_000), [2, 3], "the first had expired when it was written");
    assert_eq!(keys(1_000_059), [2, 3]);
    assert_eq!(keys(1_000_060), [3], "null never expires");
    now_ms.store(1_000_099, Ordering::SeqCst);
    assert!(by_age.get(&["old".into()]).unwrap().is_some());
    now_ms.store(1_000_100, Ordering::SeqCst);
    assert_eq!(by_age.get(&["old".into()]).unwrap(), None);
    assert_eq!(by_age.row_count().unwrap(), 0);
    assert!(tables.begin().scan(&by_age, &Scan::all()).unwrap().is_empty());

    // An expired row is absent for put-if-absent, and the new one lives its own time.
    assert_eq!(by_age.put_if_absent(&["old".into(), 2.into()]).unwrap(), None);
    now_ms.store(1_000_150, Ordering::SeqCst);
    assert_eq!(by_age.get(&["old".into()]).unwrap().unwrap()[1], Value::Int(2));

    // Time that goes back brings nothing back.
    now_ms.store(1_000_200, Ordering::SeqCst);
    assert_eq!(by_age.row_count().unwrap(), 0);
    now_ms.store(1_000_000, Ordering::SeqCst);
    assert_eq!(by_age.row_count().unwrap(), 0);
}

#[test]
fn expired_rows_are_removed_in_the_background() {
    let folder = tempfile::tempdir().unwrap();
    let (now_ms, options) = clocked(Some(Duration::from_millis(5)));
    let tables = Tables::open_with(folder.path(), Options { sweep_rows: 100, ..options }).unwrap();
    let table = tables.create(names().with_ttl(Ttl::Age(Duration::from_millis(100)))).unwrap();
    let write = |from: i64, to: i64| {
        let name: ArrayRef = Arc::new((from..to).map(|n| Some(format!("{n:05}"))).collect::<StringArray>());
        table.upsert_batch(&RecordBatch::try_from_iter([("name", name)]).unwrap()).unwrap();
    };
    write(0, 1_000);
    now_ms.fetch_add(60, Ordering::SeqCst);
    write(900, 1_500);
    now_ms.fetch_add(60, Ordering::SeqCst);

    let patience = Instant::now() + Duration::from_secs(30);
    while table.stored_rows().unwrap() > 600 && Instant::now() < patience {
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(table.stored_rows().unwrap(), 600, "only the expired ones are gone");
    assert_eq!(table.row_count().unwrap(), 600);
}
