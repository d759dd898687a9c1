//! The same rows, however they are made.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use arrow::datatypes::{DataType, Field, Fields, TimeUnit};
use proptest::prelude::*;
use tidemill_engine::EventTime;
use tidemill_engine::runtime::local::LocalRuntime;

use super::source::Datagen;
use crate::catalog::Settings;
use crate::connector::{SourceTable, TableDeclaration};
use crate::generate::Clock;
use crate::testing::{Seen, declare, read, read_with_crash, reading};

/// Rows are due at once, and now is always the same.
fn table(declaration: &TableDeclaration) -> Arc<dyn SourceTable> {
    let now = Arc::new(AtomicI64::new(0));
    let clock = Clock::new(move || EventTime(1_700_000_000_000_000 + now.fetch_add(1_000_000, Ordering::Relaxed)));
    let mut declaration = declaration.clone();
    declaration.options = declaration.options.with("connector", "datagen");
    Arc::new(Datagen::new(&Settings::new(&declaration).unwrap(), clock).unwrap())
}

fn all(declaration: &TableDeclaration) -> Vec<String> {
    let projection: Vec<usize> = (0..declaration.columns.len()).collect();
    read(&table(declaration), &projection, 1).0.rows()
}

#[test]
fn a_sequence_counts_and_ends_the_table() {
    let columns = [("n", DataType::Int32), ("s", DataType::Utf8), ("d", DataType::Decimal128(10, 2))];
    let mut options = vec![("rows-per-second", "0")];
    for (option, value) in [
        ("fields.n.kind", "sequence"),
        ("fields.n.start", "-1"),
        ("fields.n.end", "3"),
        ("fields.s.kind", "sequence"),
        ("fields.s.start", "7"),
        ("fields.s.end", "9"),
        ("fields.d.kind", "sequence"),
        ("fields.d.start", "1"),
        ("fields.d.end", "100"),
    ] {
        options.push((option, value));
    }
    let rows = all(&declare(&columns, &options));
    assert_eq!(rows, ["-1 | 7 | 1.00", "0 | 8 | 2.00", "1 | 9 | 3.00"]);
}

#[test]
fn values_are_within_their_bounds() {
    let rows = all(&declare(
        &[("n", DataType::Int64), ("f", DataType::Float64), ("t", DataType::Utf8), ("b", DataType::Boolean)],
        &[
            ("rows-per-second", "0"),
            ("number-of-rows", "5000"),
            ("fields.n.min", "-2"),
            ("fields.n.max", "2"),
            ("fields.f.min", "0.5"),
            ("fields.f.max", "0.75"),
            ("fields.t.length", "5"),
            ("fields.t.var-len", "true"),
            ("fields.b.null-rate", "0.5"),
        ],
    ));
    assert_eq!(rows.len(), 5_000);
    let (mut seen, mut nulls) = (std::collections::BTreeSet::new(), 0);
    for row in &rows {
        let cells: Vec<&str> = row.split(" | ").collect();
        seen.insert(cells[0].parse::<i64>().unwrap());
        assert!((0.5..=0.75).contains(&cells[1].parse::<f64>().unwrap()), "{row}");
        assert!((1..=5).contains(&cells[2].len()) && cells[2].bytes().all(|b| b.is_ascii_hexdigit()), "{row}");
        nulls += usize::from(cells[3] == "NULL");
    }
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), [-2, -1, 0, 1, 2]);
    assert!((2_000..3_000).contains(&nulls), "{nulls}");
}

fn every_type() -> TableDeclaration {
    let item = Arc::new(Field::new("element", DataType::Int32, true));
    let entries = Fields::from(vec![
        Field::new("key", DataType::Utf8, false),
        Field::new("value", DataType::Timestamp(TimeUnit::Millisecond, None), true),
    ]);
    let entries = Arc::new(Field::new("entries", DataType::Struct(entries), false));
    let row = Fields::from(vec![Field::new("x", DataType::Int8, true), Field::new("y", DataType::Binary, true)]);
    declare(
        &[
            ("boolean", DataType::Boolean),
            ("tiny", DataType::Int8),
            ("small", DataType::Int16),
            ("big", DataType::Int64),
            ("unsigned", DataType::UInt64),
            ("real", DataType::Float32),
            ("double", DataType::Float64),
            ("decimal", DataType::Decimal128(38, 4)),
            ("text", DataType::Utf8View),
            ("bytes", DataType::Binary),
            ("fixed", DataType::FixedSizeBinary(3)),
            ("date", DataType::Date32),
            ("time", DataType::Time32(TimeUnit::Millisecond)),
            ("at", DataType::Timestamp(TimeUnit::Nanosecond, None)),
            ("instant", DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into()))),
            ("list", DataType::List(item)),
            ("map", DataType::Map(entries, false)),
            ("row", DataType::Struct(row)),
        ],
        &[
            ("rows-per-second", "0"),
            ("number-of-rows", "9000"),
            ("fields.at.max-past", "1 h"),
            ("fields.text.length", "20"),
            ("fields.list.length", "2"),
            ("fields.map.value.null-rate", "0.3"),
            ("fields.row.x.max", "3"),
        ],
    )
}

#[test]
fn every_type_is_made() {
    let rows = all(&every_type());
    assert_eq!(rows.len(), 9_000);
    assert!(!rows[0].contains("ERROR"), "{}", rows[0]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn rows_are_the_same_however_they_are_split_and_replayed(
        rows in 1_u64..20_000, before in 0_usize..5, lost in 0_usize..4, workers in (1_usize..5, 1_usize..5), seed: u32,
    ) {
        let mut declaration = every_type();
        let more = [("number-of-rows", rows.to_string()), ("seed", seed.to_string())];
        for (name, value) in more {
            declaration.options = declaration.options.with(name, value);
        }
        // As they are asked for, a column has the same values with and without the others.
        let projection = [3, 8, 13, 15];
        let mut once = read(&table(&declaration), &projection, 1).0.rows();
        let mut again = read_with_crash(&table(&declaration), &projection, (before, lost), workers);
        prop_assert_eq!(once.len() as u64, rows);
        once.sort();
        again.sort();
        prop_assert_eq!(again, once);
    }
}

#[test]
fn rows_come_at_their_pace() {
    let now = Arc::new(AtomicI64::new(5_000_000));
    let clock = Arc::clone(&now);
    let declaration =
        declare(&[("n", DataType::Int64)], &[("connector", "datagen"), ("rows-per-second", "10"), ("seed", "1")]);
    let settings = Settings::new(&declaration).unwrap();
    let table: Arc<dyn SourceTable> =
        Arc::new(Datagen::new(&settings, Clock::new(move || EventTime(clock.load(Ordering::Relaxed)))).unwrap());
    assert!(!table.is_bounded());
    let (seen, none) = (Seen::default(), Seen::default());
    let mut run = LocalRuntime::start(reading(&table, &[0], &seen, &none), 2).unwrap();
    run.run().unwrap();
    assert_eq!(seen.times(), [5_000_000], "the first is due at once");
    now.fetch_add(250_000, Ordering::Relaxed);
    run.run().unwrap();
    assert_eq!(seen.times(), [5_000_000, 5_100_000, 5_200_000]);
}
