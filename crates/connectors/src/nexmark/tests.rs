//! The benchmark's events, the same however they are made.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{DataType, Field, Fields, Int64Type, TimestampMillisecondType};
use proptest::prelude::*;

use super::{auction, bid, person};
use crate::connector::{SourceTable, TableDeclaration};
use crate::testing::{declare, read, read_with_crash};
use crate::{Environment, source};

fn row(fields: &[super::events::Field]) -> DataType {
    let fields = fields.iter().map(|field| Field::new(field.name, field.data_type.clone(), true));
    DataType::Struct(fields.collect::<Fields>())
}

fn everything(options: &[(&str, &str)]) -> TableDeclaration {
    let mut declaration = declare(
        &[
            ("event_type", DataType::Int32),
            ("person", row(person::FIELDS)),
            ("auction", row(auction::FIELDS)),
            ("bid", row(bid::FIELDS)),
        ],
        options,
    );
    declaration.options = declaration.options.with("connector", "nexmark").with("base-time", "1700000000000");
    declaration
}

fn only(kind: &str, fields: &[super::events::Field], options: &[(&str, &str)]) -> TableDeclaration {
    let columns: Vec<(&str, DataType)> = fields.iter().map(|field| (field.name, field.data_type.clone())).collect();
    let mut declaration = declare(&columns, options);
    for (name, value) in [("connector", "nexmark"), ("nexmark.event", kind), ("base-time", "1700000000000")] {
        declaration.options = declaration.options.with(name, value);
    }
    declaration
}

fn open(declaration: &TableDeclaration) -> Arc<dyn SourceTable> {
    source(declaration, &Environment::default()).unwrap()
}

#[test]
fn of_fifty_events_one_is_a_person_and_three_are_auctions() {
    let seen = read(&open(&everything(&[("events.num", "20000")])), &[0, 1, 2, 3], 1).0;
    let batches = seen.batches.lock();
    let mut kinds = BTreeMap::new();
    for batch in batches.iter() {
        let rows = batch.rows();
        for row in 0..batch.num_rows() {
            let kind = rows.column(0).as_primitive::<arrow::datatypes::Int32Type>().value(row);
            *kinds.entry(kind).or_insert(0) += 1;
            for column in 0..3 {
                let there = rows.column(column as usize + 1).is_valid(row);
                assert_eq!(there, column == kind, "row {row}");
            }
        }
    }
    assert_eq!(kinds, BTreeMap::from([(0, 400), (1, 1_200), (2, 18_400)]));
    let times: Vec<i64> = batches.iter().flat_map(|batch| batch.times().to_vec()).collect();
    assert_eq!((times[0], times[19_999]), (1_700_000_000_000_000, 1_700_000_001_999_000), "10,000 a second");
    assert!(batches.iter().all(|batch| batch.times().is_sorted()));
}

#[test]
fn fields_are_spread_as_in_the_benchmark() {
    let bids = read(&open(&only("bid", bid::FIELDS, &[("events.num", "500000")])), &[0, 1, 2, 3, 4, 5, 6], 1).0;
    let batches: Vec<_> = bids.batches.lock().iter().map(|batch| batch.rows().clone()).collect();
    let bids = arrow::compute::concat_batches(&batches[0].schema(), &batches).unwrap();
    assert_eq!(bids.num_rows(), 460_000);
    let number = |column: usize| bids.column(column).as_primitive::<Int64Type>().values().to_vec();
    let (auctions, bidders, prices) = (number(0), number(1), number(2));
    let share = |hot: usize| hot as f64 / bids.num_rows() as f64;
    let hot = share(auctions.iter().filter(|auction| (*auction - 1_000) % 100 == 0).count());
    assert!((0.49..0.53).contains(&hot), "hot auctions {hot}");
    let hot = share(bidders.iter().filter(|bidder| (*bidder - 1_001) % 100 == 0).count());
    assert!((0.74..0.78).contains(&hot), "hot bidders {hot}");
    let below_a_thousand = share(prices.iter().filter(|price| **price < 100_000).count());
    assert!((0.49..0.51).contains(&below_a_thousand), "{below_a_thousand}");
    assert!(prices.iter().all(|price| (100..=100_000_000).contains(price)));
    let hot_channels =
        bids.column(3).as_string::<i32>().iter().flatten().filter(|c| !c.starts_with("channel-")).count();
    assert!((0.49..0.51).contains(&share(hot_channels)), "{hot_channels}");
    assert!(bids.column(4).as_string::<i32>().iter().flatten().all(|url| url.starts_with("https://www.nexmark.com/")));
    let extra: usize = bids.column(6).as_string::<i32>().iter().flatten().map(str::len).sum();
    assert!((67.0..69.0).contains(&(extra as f64 / bids.num_rows() as f64)), "{extra}");

    let rows = read(&open(&only("person", person::FIELDS, &[("events.num", "500000")])), &[0, 1, 2, 3, 4, 5, 6, 7], 1)
        .0
        .rows();
    assert_eq!(rows.len(), 10_000);
    let bytes: usize = rows.iter().map(|row| row.len() - 7 * 3 - 19 - 4).sum();
    let mean = bytes as f64 / rows.len() as f64;
    assert!((185.0..205.0).contains(&mean), "{mean}: {}", rows[0]);
    assert!(rows[7].starts_with("1007 | ") && rows[7].contains("@") && rows[7].contains(".com | "), "{}", rows[7]);
}

#[test]
fn auctions_end_after_they_begin_and_have_a_seller_who_may_exist() {
    let seen = read(&open(&only("auction", auction::FIELDS, &[("events.num", "100000")])), &[0, 3, 4, 5, 6, 7, 8], 1).0;
    for batch in seen.batches.lock().iter() {
        let number = |column: usize| batch.rows().column(column).as_primitive::<Int64Type>().values().to_vec();
        let time =
            |column: usize| batch.rows().column(column).as_primitive::<TimestampMillisecondType>().values().to_vec();
        assert!(number(1).iter().zip(number(2)).all(|(initial, reserve)| *initial < reserve));
        assert!(time(3).iter().zip(time(4)).all(|(begin, end)| (1..=400).contains(&(end - begin))));
        for (id, seller) in number(0).into_iter().zip(number(5)) {
            assert!((1_000..=1_000 + (id - 1_000) / 3 + 11).contains(&seller), "auction {id}, seller {seller}");
        }
        assert!(number(6).iter().all(|category| (10..15).contains(category)));
    }
}

/// A column has the same values alone, with others, and in the table of its kind.
#[test]
fn a_column_is_the_same_wherever_it_is_declared() {
    let options = [("events.num", "9000"), ("seed", "7")];
    let all = read(&open(&everything(&options)), &[3], 1).0;
    let structs: Vec<_> = all.batches.lock().iter().map(|batch| batch.rows().column(0).clone()).collect();
    let mut urls = Vec::new();
    for rows in &structs {
        let bids = rows.as_struct();
        let texts = bids.column_by_name("url").unwrap().as_string::<i32>();
        urls.extend((0..bids.len()).filter(|row| bids.is_valid(*row)).map(|row| texts.value(row).to_owned()));
    }
    assert_eq!(read(&open(&only("bid", bid::FIELDS, &options)), &[4], 1).0.rows(), urls);
}

#[test]
fn what_is_no_field_is_told() {
    let declaration = only("bid", person::FIELDS, &[]);
    let said = source(&declaration, &Environment::default()).err().unwrap().to_string();
    assert!(said.contains("there are auction, bidder, price"), "{said}");
    let mut declaration = everything(&[]);
    declaration.options = declaration.options.with("next-event.rate", "5");
    let said = source(&declaration, &Environment::default()).err().unwrap().to_string();
    assert!(said.contains("rates that change"), "{said}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn events_are_the_same_however_they_are_split_and_replayed(
        events in 1_u64..60_000, before in 0_usize..5, lost in 0_usize..4, workers in (1_usize..5, 1_usize..5), kind in 0..4,
    ) {
        let count = events.to_string();
        let options = [("events.num", count.as_str())];
        let declaration = match kind {
            0 => everything(&options),
            1 => only("person", person::FIELDS, &options),
            2 => only("auction", auction::FIELDS, &options),
            _ => only("bid", bid::FIELDS, &options),
        };
        let projection: Vec<usize> = (0..declaration.columns.len()).collect();
        let mut once = read(&open(&declaration), &projection, 1).0.rows();
        let mut again = read_with_crash(&open(&declaration), &projection, (before, lost), workers);
        once.sort();
        again.sort();
        prop_assert_eq!(again, once);
    }
}
