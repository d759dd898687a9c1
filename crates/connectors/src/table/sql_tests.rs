//! Embedded tables as tables of SQL.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int32Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, TimeUnit};
use tidemill_engine::metrics::OperatorMetrics;
use tidemill_engine::{Batch, EventTime, OperatorContext, RowKind};
use tidemill_tables::Tables;

use crate::connector::{Accepts, TableDeclaration};
use crate::testing::{declare, read, read_with_crash, rows, write};
use crate::{Environment, lookup, sink, source};

fn environment(folder: &tempfile::TempDir) -> Environment {
    Environment { tables: Some(Tables::open(folder.path()).unwrap()), ..Environment::default() }
}

fn declaration(options: &[(&str, &str)]) -> TableDeclaration {
    let columns = [("site", DataType::Utf8), ("day", DataType::Int32), ("visits", DataType::Int64)];
    let mut declaration = declare(&columns, options);
    declaration.options = declaration.options.with("connector", "table").with("table", "visits");
    declaration.primary_key = vec!["site".into(), "day".into()];
    declaration
}

fn visits(given: &[(RowKind, &str, i32, i64)]) -> Batch {
    let columns: [(&str, ArrayRef); 3] = [
        ("site", Arc::new(StringArray::from_iter_values(given.iter().map(|row| row.1)))),
        ("day", Arc::new(Int32Array::from_iter_values(given.iter().map(|row| row.2)))),
        ("visits", Arc::new(Int64Array::from_iter_values(given.iter().map(|row| row.3)))),
    ];
    let kinds: Vec<RowKind> = given.iter().map(|row| row.0).collect();
    Batch::at(RecordBatch::try_from_iter(columns).unwrap(), EventTime(0)).with_kinds(&kinds).unwrap()
}

fn fill(environment: &Environment, batch: Batch) {
    let checkpoints = tempfile::tempdir().unwrap();
    let table = sink(&declaration(&[]), environment).unwrap();
    assert_eq!(table.accepts(), Accepts::Upserts);
    write(&table, vec![batch], checkpoints.path());
}

fn context() -> OperatorContext {
    OperatorContext {
        job: "j".into(),
        operator: "o".into(),
        worker: 0,
        workers: 1,
        key_groups: 0..256,
        generation: 1,
        metrics: OperatorMetrics::new("o", 0),
    }
}

#[test]
fn what_is_upserted_is_read_and_what_is_deleted_is_gone() {
    use RowKind::*;
    let folder = tempfile::tempdir().unwrap();
    let environment = environment(&folder);
    let changes =
        [(Insert, "a", 2, 5), (Insert, "a", 1, 7), (Insert, "b", 1, 1), (UpdateAfter, "a", 2, 6), (Delete, "b", 1, 1)];
    fill(&environment, visits(&changes));
    let table = source(&declaration(&[]), &environment).unwrap();
    assert!(table.is_bounded());
    assert_eq!(read(&table, &[2, 0, 1], 3).0.rows(), ["7 | a | 1", "6 | a | 2"]);
    assert_eq!(read(&table, &[], 1).0.times().len(), 2);
    // Fewer columns, of other types.
    let mut other = declare(&[("visits", DataType::Utf8)], &[("connector", "table"), ("table", "visits")]);
    assert_eq!(read(&source(&other, &environment).unwrap(), &[0], 1).0.rows(), ["7", "6"]);
    let said = sink(&other, &environment).err().unwrap().to_string();
    assert!(said.contains("column `site`"), "{said}");
    other.options = other.options.with("table", "nothing");
    let said = source(&other, &environment).err().unwrap().to_string();
    assert!(said.contains("table `nothing`"), "{said}");
    let other = declare(&[("n", DataType::Utf8)], &[("connector", "table"), ("table", "visits")]);
    let said = source(&other, &environment).err().unwrap().to_string();
    assert!(said.contains("it has site, day, visits"), "{said}");
}

#[test]
fn a_scan_goes_on_behind_the_last_key() {
    let folder = tempfile::tempdir().unwrap();
    let environment = environment(&folder);
    let given: Vec<_> = (0..20_000).map(|n| (RowKind::Insert, ["a", "b"][n as usize % 2], n, i64::from(n))).collect();
    fill(&environment, visits(&given));
    let table = source(&declaration(&[]), &environment).unwrap();
    for (steps, workers) in [((1, 1), (1, 2)), ((2, 0), (2, 1)), ((9, 0), (1, 1))] {
        let mut rows = read_with_crash(&table, &[2], steps, workers);
        rows.sort_by_key(|row| row.parse::<i64>().unwrap());
        assert_eq!(rows, (0..20_000).map(|n| n.to_string()).collect::<Vec<_>>(), "{steps:?}");
    }
}

#[test]
fn rows_are_looked_up_by_their_key_or_its_beginning() {
    let folder = tempfile::tempdir().unwrap();
    let environment = environment(&folder);
    use RowKind::Insert;
    fill(&environment, visits(&[(Insert, "a", 1, 10), (Insert, "a", 2, 20), (Insert, "b", 1, 30)]));
    for cache in ["NONE", "PARTIAL"] {
        let declaration = declaration(&[("lookup.cache", cache)]);
        let table = lookup(&declaration, &environment).unwrap();
        let ask = |keys: &[usize], asked: Vec<(&str, ArrayRef)>| {
            let mut by = table.open(keys, &[2, 1], &context()).unwrap();
            let asked = RecordBatch::try_from_iter_with_nullable(asked.into_iter().map(|(n, a)| (n, a, true))).unwrap();
            let (first, again) = (by.lookup(&asked).unwrap(), by.lookup(&asked).unwrap());
            let text = rows(&Batch::at(first.rows, EventTime(0)));
            assert_eq!(text, rows(&Batch::at(again.rows, EventTime(0))));
            (text, first.origins.values().to_vec())
        };
        let sites = || -> ArrayRef {
            Arc::new(StringArray::from(vec![Some("b"), Some("a"), None, Some("c"), Some("a"), Some("a")]))
        };
        let days: ArrayRef = Arc::new(Int32Array::from(vec![1, 2, 1, 1, 3, 2]));
        let (found, origins) = ask(&[1, 0], vec![("day", days), ("site", sites())]);
        assert_eq!(found, ["30 | 1", "20 | 2", "20 | 2"], "{cache}");
        assert_eq!(origins, [0, 1, 5]);
        let (found, origins) = ask(&[0], vec![("site", sites())]);
        assert_eq!(found, ["30 | 1", "10 | 1", "20 | 2", "10 | 1", "20 | 2", "10 | 1", "20 | 2"]);
        assert_eq!(origins, [0, 1, 1, 4, 4, 5, 5]);
        let said = table.open(&[1], &[2], &context()).err().unwrap().to_string();
        assert!(said.contains("by its key (site, day)"), "{said}");
    }
}

#[test]
fn a_table_is_made_with_its_key_and_time_to_live() {
    let folder = tempfile::tempdir().unwrap();
    let environment = environment(&folder);
    let at = DataType::Timestamp(TimeUnit::Millisecond, None);
    let mut made =
        declare(&[("k", at), ("v", DataType::Float64)], &[("connector", "table"), ("table.time-to-live", "1 h")]);
    let said = sink(&made, &environment).err().unwrap().to_string();
    assert!(said.contains("table `t`"), "without a key: {said}");
    made.primary_key = vec!["k".into()];
    assert!(sink(&made, &environment).is_ok());
    assert!(environment.tables.as_ref().unwrap().table("t").unwrap().definition().ttl().is_some());
    let said = sink(&made, &Environment::default()).err().unwrap().to_string();
    assert!(said.starts_with("TM-CONNECTOR-0007"), "{said}");
}
