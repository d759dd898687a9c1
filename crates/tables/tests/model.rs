//! Any sequence of operations, with the folder closed and opened again in between, gives what a sorted map gives.

#![allow(clippy::unwrap_used, clippy::panic)] // a test fails by panicking

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema};
use proptest::prelude::*;
use tidemill_tables::{Row, Scan, Table, TableDefinition, Tables, Value};

#[derive(Clone, Debug)]
enum Op {
    Upsert(u8, i16, Option<String>),
    PutIfAbsent(u8, i16),
    Delete(u8, i16),
    /// Moves the text of one key to another key of the other table, both or none.
    Move(u8, i16, u8, i16),
    Abandon(u8, i16),
    Prefix(u8, bool, usize),
    Range(u8, i16, u8, i16, bool),
    Get(u8, i16),
    Reopen,
}

fn op() -> impl Strategy<Value = Op> {
    let a = || 0..4u8;
    let b = || -4..4i16;
    prop_oneof![
        6 => (a(), b(), prop::option::of("[a-c]{0,3}")).prop_map(|(x, y, t)| Op::Upsert(x, y, t)),
        3 => (a(), b()).prop_map(|(x, y)| Op::PutIfAbsent(x, y)),
        3 => (a(), b()).prop_map(|(x, y)| Op::Delete(x, y)),
        3 => (a(), b(), a(), b()).prop_map(|(x, y, u, v)| Op::Move(x, y, u, v)),
        1 => (a(), b()).prop_map(|(x, y)| Op::Abandon(x, y)),
        3 => (a(), any::<bool>(), 0..5usize).prop_map(|(x, d, n)| Op::Prefix(x, d, n)),
        3 => (a(), b(), a(), b(), any::<bool>()).prop_map(|(x, y, u, v, d)| Op::Range(x, y, u, v, d)),
        3 => (a(), b()).prop_map(|(x, y)| Op::Get(x, y)),
        1 => Just(Op::Reopen),
    ]
}

type Model = BTreeMap<(u8, i16), Option<String>>;

fn row((a, b): (u8, i16), text: &Option<String>) -> Row {
    vec![a.into(), text.clone().into(), b.into()]
}

fn expected<'a>(
    entries: impl DoubleEndedIterator<Item = (&'a (u8, i16), &'a Option<String>)>,
    descending: bool,
) -> Vec<Row> {
    let mut rows: Vec<Row> = entries.map(|(key, text)| row(*key, text)).collect();
    if descending {
        rows.reverse();
    }
    rows
}

fn key(a: u8, b: i16) -> [Value<'static>; 2] {
    [a.into(), b.into()]
}

fn definition(name: &str) -> TableDefinition {
    // The key's columns are not the first ones, nor next to each other.
    let schema = Schema::new(vec![
        Field::new("a", DataType::UInt8, false),
        Field::new("text", DataType::Utf8, true),
        Field::new("b", DataType::Int16, false),
    ]);
    TableDefinition::new(name, Arc::new(schema), ["a", "b"])
}

fn open(folder: &std::path::Path) -> (Tables, Table, Table) {
    let tables = Tables::open(folder).unwrap();
    let (one, two) = (definition("one"), definition("two"));
    (tables.clone(), tables.create_if_absent(one).unwrap(), tables.create_if_absent(two).unwrap())
}

fn all(table: &Table, scan: &Scan<'_>) -> Vec<Row> {
    table.rows(scan).unwrap().collect::<Result<_, _>>().unwrap()
}

fn run(ops: Vec<Op>) -> Result<(), TestCaseError> {
    let folder = tempfile::tempdir().unwrap();
    let (mut tables, mut one, mut two) = open(folder.path());
    let (mut model_one, mut model_two) = (Model::new(), Model::new());
    for op in ops {
        match op {
            Op::Upsert(a, b, text) => {
                one.upsert(&row((a, b), &text)).unwrap();
                model_one.insert((a, b), text);
            }
            Op::PutIfAbsent(a, b) => {
                let there = one.put_if_absent(&row((a, b), &Some("new".into()))).unwrap();
                prop_assert_eq!(there, model_one.get(&(a, b)).map(|text| row((a, b), text)));
                model_one.entry((a, b)).or_insert(Some("new".into()));
            }
            Op::Delete(a, b) => {
                one.delete(&key(a, b)).unwrap();
                model_one.remove(&(a, b));
            }
            Op::Move(a, b, u, v) => {
                tables
                    .transact(|t| {
                        let Some(from) = t.get(&one, &key(a, b))? else { return Ok(()) };
                        t.delete(&one, &key(a, b))?;
                        t.upsert(&two, &[u.into(), from[1].clone(), v.into()])?;
                        assert_eq!(t.get(&one, &key(a, b))?, None, "a transaction reads its own writes");
                        assert!(t.scan(&two, &Scan::prefix(key(u, v)))?.len() == 1);
                        Ok(())
                    })
                    .unwrap();
                if let Some(text) = model_one.remove(&(a, b)) {
                    model_two.insert((u, v), text);
                }
            }
            Op::Abandon(a, b) => {
                let mut transaction = tables.begin();
                transaction.upsert(&one, &row((a, b), &Some("never".into()))).unwrap();
                transaction.delete(&two, &key(a, b)).unwrap();
            }
            Op::Prefix(a, descending, limit) => {
                let scan = Scan::prefix([Value::from(a)]).limit(limit);
                let scan = if descending { scan.descending() } else { scan };
                let mut rows = expected(model_one.range((a, i16::MIN)..=(a, i16::MAX)), descending);
                rows.truncate(limit);
                prop_assert_eq!(all(&one, &scan), rows.clone());
                prop_assert_eq!(tables.begin().scan(&one, &scan).unwrap(), rows);
            }
            Op::Range(a, b, u, v, descending) => {
                let scan = Scan::range(Bound::Excluded(key(a, b).into()), Bound::Included(key(u, v).into()));
                let scan = if descending { scan.descending() } else { scan };
                let inside = model_one.iter().filter(|(k, _)| **k > (a, b) && **k <= (u, v));
                prop_assert_eq!(all(&one, &scan), expected(inside, descending));
            }
            Op::Get(a, b) => {
                prop_assert_eq!(one.get(&key(a, b)).unwrap(), model_one.get(&(a, b)).map(|text| row((a, b), text)));
            }
            Op::Reopen => {
                drop((tables, one, two));
                (tables, one, two) = open(folder.path());
            }
        }
    }
    for (table, model) in [(one, model_one), (two, model_two)] {
        prop_assert_eq!(all(&table, &Scan::all()), expected(model.iter(), false));
        prop_assert_eq!(table.row_count().unwrap(), model.len() as u64);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn tables_behave_like_sorted_maps(ops in prop::collection::vec(op(), 1..80)) {
        run(ops)?;
    }
}
