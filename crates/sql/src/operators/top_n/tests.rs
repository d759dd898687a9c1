use arrow::compute::SortOptions;
use proptest::prelude::*;
use std::{collections::BTreeMap, time::Duration};

use super::*;
use crate::operators::testing::{Consolidated, Operate, Table, table, text};

fn scores() -> Table {
    table("team: Int64, player: Utf8, score: Int64").keyed(&[0])
}

fn config(start: u64, end: u64, rank_number: bool, append_only: bool) -> TopNConfig {
    let schema = if rank_number {
        table("team: Int64, player: Utf8, score: Int64, rank: Int64").schema
    } else {
        scores().schema
    };
    let descending = SortOptions { descending: true, nulls_first: false };
    TopNConfig {
        input: scores().schema,
        sort: vec![(2, descending)],
        start,
        end,
        rank_number,
        append_only,
        schema,
        ttl: None,
    }
}

fn operate(config: TopNConfig, workers: usize) -> Operate {
    Operate::new(1, workers, move |_| TopN::new(config.clone()))
}

#[test]
fn without_numbers_only_who_enters_and_who_leaves_is_told() {
    for append_only in [true, false] {
        let mut test = operate(config(1, 2, false, append_only), 1);
        test.rows(0, scores().rows("+I | 1 | ada | 5 | 00:01\n+I | 1 | bob | 7 | 00:02\n+I | 1 | eve | 5 | 00:03"));
        assert_eq!(test.take(), text("+I | 1 | ada | 5 | 00:01\n+I | 1 | bob | 7 | 00:02"));
        test.restart(1);
        test.rows(0, scores().rows("+I | 1 | kim | 6 | 00:04\n+I | 2 | lou | null | 00:05\n+I | 2 | max | 0 | 00:05"));
        assert_eq!(
            test.take(),
            text(
                "-D | 1 | ada | 5 | 00:04
                 +I | 1 | kim | 6 | 00:04
                 +I | 2 | lou | null | 00:05
                 +I | 2 | max | 0 | 00:05"
            )
        );
    }
}

#[test]
fn with_numbers_each_rank_that_changes_is_told() {
    let mut test = operate(config(1, 3, true, false), 1);
    test.rows(0, scores().rows("+I | 1 | ada | 5 | 00:01\n+I | 1 | bob | 7 | 00:02"));
    assert_eq!(
        test.take(),
        text(
            "+I | 1 | ada | 5 | 1 | 00:01
             -U | 1 | ada | 5 | 1 | 00:02
             +U | 1 | bob | 7 | 1 | 00:02
             +I | 1 | ada | 5 | 2 | 00:02"
        )
    );
    test.restart(2);
    test.rows(0, scores().rows("-D | 1 | bob | 7 | 00:03\n-D | 1 | zoe | 7 | 00:03"));
    assert_eq!(
        test.take(),
        text(
            "-U | 1 | bob | 7 | 1 | 00:03
             +U | 1 | ada | 5 | 1 | 00:03
             -D | 1 | ada | 5 | 2 | 00:03"
        )
    );
    assert_eq!(test.figures().iter().map(|f| f.errors).sum::<u64>(), 1, "nobody named zoe is there");
}

#[test]
fn a_row_that_goes_makes_room_for_the_next() {
    let mut test = operate(config(2, 2, false, false), 1);
    let rows = "+I | 1 | ada | 9 | 00:01\n+I | 1 | bob | 8 | 00:01\n+I | 1 | eve | 7 | 00:01";
    test.rows(0, scores().rows(rows));
    assert_eq!(test.take(), text("+I | 1 | bob | 8 | 00:01"));
    test.rows(0, scores().rows("-D | 1 | ada | 9 | 00:02"));
    assert_eq!(test.take(), text("-D | 1 | bob | 8 | 00:02\n+I | 1 | eve | 7 | 00:02"));
}

#[test]
fn a_key_that_expired_starts_anew() {
    for append_only in [true, false] {
        let config = TopNConfig { ttl: Some(Duration::from_secs(60)), ..config(1, 1, false, append_only) };
        let mut test = operate(config, 1);
        test.rows(0, scores().rows("+I | 1 | ada | 5 | 00:01"));
        test.now("01:01");
        test.rows(0, scores().rows("+I | 1 | bob | 4 | 00:02"));
        assert_eq!(test.take(), text("+I | 1 | ada | 5 | 00:01\n+I | 1 | bob | 4 | 00:02"));
        test.now("10:00");
        test.checkpoint();
        assert_eq!(test.keys(), 0);
    }
}

#[test]
fn ranks_that_can_not_be_are_refused() {
    assert!(TopN::new(config(0, 3, false, true)).is_err());
    assert!(TopN::new(config(4, 3, false, true)).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]
    /// Any valid changelog, however batched and restored: the output amounts to the ranks of the rows that are left.
    #[test]
    fn the_output_amounts_to_the_best_rows(
        steps in prop::collection::vec((0i64..2, 0u8..3, 0i64..4, prop::bool::weighted(0.65), 0u8..20), 0..50),
        start in 1u64..4, more in 0u64..3, numbers: bool, append_only: bool, workers in 1usize..4)
    {
        let mut test = operate(config(start, start + more, numbers, append_only), workers);
        let mut model: BTreeMap<i64, Vec<(i64, u8)>> = BTreeMap::new();
        let mut output = Consolidated::default();
        let mut lines: Vec<String> = Vec::new();
        for (team, player, score, insert, happens) in steps {
            if happens < 8 && !lines.is_empty() {
                test.rows(0, scores().rows(&std::mem::take(&mut lines).join("\n")));
                output.apply(&test.take());
            }
            if happens == 0 { test.restart(workers % 3 + 1); }
            let team_rows = model.entry(team).or_default();
            let there = team_rows.iter().position(|r| *r == (score, player)).filter(|_| !insert && !append_only);
            match there {
                Some(at) => drop(team_rows.remove(at)),
                None => team_rows.push((score, player)),
            }
            lines.push(format!("{} | {team} | p{player} | {score} | 00:01", if there.is_some() { "-D" } else { "+I" }));
        }
        if !lines.is_empty() { test.rows(0, scores().rows(&lines.join("\n"))); }
        output.apply(&test.take());
        let mut expected: BTreeMap<String, i64> = BTreeMap::new();
        for (team, mut rows) in model {
            rows.sort_by_key(|(score, _)| -score); // stable: of one score in the order of arrival
            let ranks = rows.iter().enumerate().skip(start as usize - 1).take(more as usize + 1);
            for (rank, (score, player)) in ranks {
                let number = if numbers { format!(" | {}", rank + 1) } else { String::new() };
                *expected.entry(format!("{team} | p{player} | {score}{number}")).or_default() += 1;
            }
        }
        prop_assert_eq!(output.0, expected);
    }
}
