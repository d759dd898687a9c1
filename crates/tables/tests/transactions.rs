//! What transactions promise: all or nothing, serialisable, one winner.

#![allow(clippy::unwrap_used, clippy::panic)] // a test fails by panicking

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use arrow::datatypes::{DataType, Field, Schema};
use tidemill_tables::{Error, Limits, Options, Result, Scan, Table, TableDefinition, Tables, Value};

fn accounts(tables: &Tables, name: &str) -> Table {
    let schema =
        Schema::new(vec![Field::new("account", DataType::UInt32, false), Field::new("cents", DataType::Int64, false)]);
    tables.create(TableDefinition::new(name, Arc::new(schema), ["account"])).unwrap()
}

fn cents(rows: &[Vec<Value<'_>>]) -> i64 {
    rows.iter().filter_map(|row| row[1].as_i64()).sum()
}

#[test]
fn transfers_of_many_threads_keep_the_sum() {
    let folder = tempfile::tempdir().unwrap();
    let tables = Tables::open(folder.path()).unwrap();
    let (a, b) = (accounts(&tables, "a"), accounts(&tables, "b"));
    for account in 0..8u32 {
        a.upsert(&[account.into(), 1_000.into()]).unwrap();
        b.upsert(&[account.into(), 1_000.into()]).unwrap();
    }
    let transfer = |from: u32, to: u32| {
        tables.transact(|t| {
            let balance = |row: Option<Vec<Value<'_>>>| row.and_then(|row| row[1].as_i64()).unwrap_or_default();
            let (x, y) = (balance(t.get(&a, &[from.into()])?), balance(t.get(&b, &[to.into()])?));
            t.upsert(&a, &[from.into(), (x - 7).into()])?;
            t.upsert(&b, &[to.into(), (y + 7).into()])
        })
    };
    thread::scope(|threads| {
        for worker in 0..4u32 {
            threads.spawn(move || (0..50u32).for_each(|i| transfer((worker + i) % 8, i % 8).unwrap()));
        }
        // A reader sees a whole number of transfers at any time.
        threads.spawn(|| {
            for _ in 0..50 {
                let mut t = tables.begin();
                let sum = cents(&t.scan(&a, &Scan::all()).unwrap()) + cents(&t.scan(&b, &Scan::all()).unwrap());
                assert_eq!(sum, 16_000);
            }
        });
    });
    let moved = cents(&b.rows(&Scan::all()).unwrap().collect::<Result<Vec<_>>>().unwrap()) - 8_000;
    assert_eq!(moved, 4 * 50 * 7, "each transfer happened exactly once");
}

#[test]
fn of_many_that_put_the_same_key_one_wins() {
    let folder = tempfile::tempdir().unwrap();
    let tables = Tables::open(folder.path()).unwrap();
    let orders = accounts(&tables, "orders");
    let won = AtomicUsize::new(0);
    thread::scope(|threads| {
        for worker in 0..4i64 {
            let (orders, won) = (&orders, &won);
            threads.spawn(move || {
                for order in 0..40u32 {
                    match orders.put_if_absent(&[order.into(), worker.into()]).unwrap() {
                        None => _ = won.fetch_add(1, Ordering::Relaxed),
                        Some(there) => assert_eq!(there[0].as_i64(), Some(order.into())),
                    }
                }
            });
        }
    });
    assert_eq!(won.into_inner(), 40);
    assert_eq!(orders.row_count().unwrap(), 40);
}

#[test]
fn a_write_into_a_range_that_was_read_is_a_conflict() {
    let folder = tempfile::tempdir().unwrap();
    let tables = Tables::open(folder.path()).unwrap();
    let (table, other) = (accounts(&tables, "a"), accounts(&tables, "b"));

    // Each would write where the other has read: one of them must fail (write skew).
    let (mut first, mut second) = (tables.begin(), tables.begin());
    assert!(first.scan(&table, &Scan::all()).unwrap().is_empty());
    assert!(second.scan(&table, &Scan::all()).unwrap().is_empty());
    first.upsert(&table, &[1u32.into(), 1.into()]).unwrap();
    second.upsert(&table, &[2u32.into(), 2.into()]).unwrap();
    first.commit().unwrap();
    assert!(matches!(second.commit(), Err(Error::Conflict { .. })));
    assert_eq!(table.row_count().unwrap(), 1);

    // What lies behind the last row of a limited scan was not read.
    let mut third = tables.begin();
    assert_eq!(third.scan(&table, &Scan::all().limit(1)).unwrap().len(), 1);
    table.upsert(&[9u32.into(), 9.into()]).unwrap();
    third.upsert(&other, &[1u32.into(), 1.into()]).unwrap();
    third.commit().unwrap();

    // Writes alone never conflict, the later commit wins.
    let (mut fourth, mut fifth) = (tables.begin(), tables.begin());
    fourth.upsert(&table, &[5u32.into(), 4.into()]).unwrap();
    fifth.upsert(&table, &[5u32.into(), 5.into()]).unwrap();
    fifth.commit().unwrap();
    fourth.commit().unwrap();
    assert_eq!(table.get(&[5u32.into()]).unwrap().unwrap()[1], Value::Int(4));
}

#[test]
fn a_transaction_reads_one_moment() {
    let folder = tempfile::tempdir().unwrap();
    let tables = Tables::open(folder.path()).unwrap();
    let table = accounts(&tables, "a");
    table.upsert(&[1u32.into(), 1.into()]).unwrap();
    let mut transaction = tables.begin();
    table.upsert(&[1u32.into(), 2.into()]).unwrap();
    assert_eq!(transaction.get(&table, &[1u32.into()]).unwrap().unwrap()[1], Value::Int(1));
    transaction.commit().unwrap();
    assert_eq!(table.get(&[1u32.into()]).unwrap().unwrap()[1], Value::Int(2));
}

#[test]
fn limits_are_refused_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let limits = Limits {
        key_bytes_max: 10,
        row_bytes_max: 100,
        transaction_bytes_max: 150,
        tables_max: 1,
        ..Limits::default()
    };
    let tables = Tables::open_with(folder.path(), Options { limits, ..Options::default() }).unwrap();
    let schema =
        Arc::new(Schema::new(vec![Field::new("k", DataType::Utf8, false), Field::new("v", DataType::Utf8, true)]));
    let table = tables.create(TableDefinition::new("t", schema.clone(), ["k"])).unwrap();

    let long = "x".repeat(90);
    let mut transaction = tables.begin();
    transaction.upsert(&table, &["a".into(), long.as_str().into()]).unwrap();
    for error in [
        table.upsert(&["a-long-key".into(), Value::Null]).unwrap_err(),
        table.upsert(&["a".into(), "x".repeat(101).into()]).unwrap_err(),
        transaction.upsert(&table, &["b".into(), long.as_str().into()]).unwrap_err(),
        tables.create(TableDefinition::new("u", schema, ["k"])).unwrap_err(),
    ] {
        assert!(matches!(error, Error::Limit { .. }), "{error}");
    }
    transaction.commit().unwrap();
    assert_eq!(table.row_count().unwrap(), 1, "what was accepted before the limit is kept");
}
