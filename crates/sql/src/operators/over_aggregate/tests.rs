use super::*;
use crate::{
    aggregate::AggregateFunction as F,
    operators::testing::{Outcome, Table, play, script, table},
};

const SECOND: i64 = 1_000_000;

fn input() -> Table {
    table("name: Utf8, amount: Int64").keyed(&[0])
}

fn config(frame: OverFrame, order: OverOrder) -> OverAggregateConfig {
    OverAggregateConfig {
        input: input().schema,
        aggregates: vec![
            AggregateCall::new(F::CountAll, []),
            AggregateCall::new(F::Sum, [1]),
            AggregateCall::new(F::Max, [1]),
        ],
        frame,
        order,
        state_ttl: None,
        output: table("name: Utf8, amount: Int64, n: Int64, sum: Int64, max: Int64").schema,
    }
}

fn run(config: &OverAggregateConfig, text: &str, runs: &[(usize, usize)]) -> Outcome {
    let config = config.clone();
    play(move |_| OverAggregate::new(config.clone()), 1, &script(&[input()], text), runs)
}

fn agree(config: &OverAggregateConfig, text: &str, expected: &[&str]) {
    assert_eq!(run(config, text, &[(1, 0)]).main, expected);
    let mut sorted = expected.to_vec();
    sorted.sort_unstable();
    for cut in 1..script(&[input()], text).len() {
        assert_eq!(run(config, text, &[(1, cut), (1, 0)]).main, expected, "{cut}");
        for runs in [[(1, cut), (3, 0)], [(3, cut), (2, 0)]] {
            let mut found = run(config, text, &runs).main;
            found.sort_unstable();
            assert_eq!(found, sorted, "{runs:?}");
        }
    }
}

const ROWS: &str = "
    +I | ann | 3 | 00:05
    +I | bob | 9 | 00:02
    +I | ann | 8 | 00:01

    +I | ann | 1 | 00:05
    watermark 00:01
    +I | ann | 7 | 00:01
    +I | ann | 2 | 00:12
    watermark 00:10
    +I | ann | 4 | 00:15
    watermark 00:20";

const EVENT_TIME: OverOrder = OverOrder::Sorted(TimeAttribute::Rows);

#[test]
fn rows_wait_for_the_watermark_and_see_the_rows_before_them() {
    let expected = [
        "+I | ann | 8 | 1 | 8 | 8 | 00:01",
        "+I | bob | 9 | 1 | 9 | 9 | 00:02",
        "+I | ann | 3 | 2 | 11 | 8 | 00:05",
        "+I | ann | 1 | 2 | 4 | 3 | 00:05",
        "+I | ann | 2 | 2 | 3 | 2 | 00:12",
        "+I | ann | 4 | 2 | 6 | 4 | 00:15",
    ];
    agree(&config(OverFrame::Rows(Some(1)), EVENT_TIME), ROWS, &expected);
    let outcome = run(&config(OverFrame::Rows(Some(1)), EVENT_TIME), ROWS, &[(1, 0)]);
    assert_eq!((outcome.late, outcome.side), (1, vec!["+I | ann | 7 | 00:01".to_string()]));
    let expected = [
        "+I | ann | 8 | 1 | 8 | 8 | 00:01",
        "+I | bob | 9 | 1 | 9 | 9 | 00:02",
        "+I | ann | 3 | 2 | 11 | 8 | 00:05",
        "+I | ann | 1 | 3 | 12 | 8 | 00:05",
        "+I | ann | 2 | 4 | 14 | 8 | 00:12",
        "+I | ann | 4 | 5 | 18 | 8 | 00:15",
    ];
    agree(&config(OverFrame::Rows(None), EVENT_TIME), ROWS, &expected);
}

#[test]
fn in_a_range_rows_of_one_time_see_each_other_and_its_far_end_is_part_of_it() {
    let expected = [
        "+I | ann | 8 | 1 | 8 | 8 | 00:01",
        "+I | bob | 9 | 1 | 9 | 9 | 00:02",
        "+I | ann | 3 | 3 | 12 | 8 | 00:05",
        "+I | ann | 1 | 3 | 12 | 8 | 00:05",
        "+I | ann | 2 | 3 | 6 | 3 | 00:12",
        "+I | ann | 4 | 4 | 10 | 4 | 00:15",
    ];
    agree(&config(OverFrame::Range(Some(10 * SECOND)), EVENT_TIME), ROWS, &expected);
    let expected = [
        "+I | ann | 8 | 1 | 8 | 8 | 00:01",
        "+I | bob | 9 | 1 | 9 | 9 | 00:02",
        "+I | ann | 3 | 3 | 12 | 8 | 00:05",
        "+I | ann | 1 | 3 | 12 | 8 | 00:05",
        "+I | ann | 2 | 4 | 14 | 8 | 00:12",
        "+I | ann | 4 | 5 | 18 | 8 | 00:15",
    ];
    agree(&config(OverFrame::Range(None), EVENT_TIME), ROWS, &expected);
}

#[test]
fn by_arrival_each_row_goes_out_at_once_and_sees_only_what_came_before() {
    let text = "
        +I | ann | 1 | 00:01
        +I | ann | 2 | 00:01
        +I | ann | 4 | 00:11

        +I | ann | 8 | 00:11.1
        +I | bob | 5 | 00:11.1";
    let expected = [
        "+I | ann | 1 | 1 | 1 | 1 | 00:01",
        "+I | ann | 2 | 2 | 3 | 2 | 00:01",
        "+I | ann | 4 | 3 | 7 | 4 | 00:11",
        "+I | ann | 8 | 2 | 12 | 8 | 00:11.1",
        "+I | bob | 5 | 1 | 5 | 5 | 00:11.1",
    ];
    let order = OverOrder::Arrival(TimeAttribute::Rows);
    agree(&config(OverFrame::Range(Some(10 * SECOND)), order), text, &expected);
}

#[test]
fn by_the_wall_clock_rows_leave_a_range_as_time_goes_on() {
    let text = "
        clock 00:01
        +I | ann | 1 | 50:00
        clock 00:05
        +I | ann | 2 | 50:00
        clock 00:12
        +I | ann | 4 | 50:00";
    let expected =
        ["+I | ann | 1 | 1 | 1 | 1 | 50:00", "+I | ann | 2 | 2 | 3 | 2 | 50:00", "+I | ann | 4 | 2 | 6 | 4 | 50:00"];
    agree(&config(OverFrame::Range(Some(10 * SECOND)), OverOrder::Sorted(TimeAttribute::Processing)), text, &expected);
}

#[test]
fn values_of_rows_before_and_ends_of_frames() {
    let config = OverAggregateConfig {
        aggregates: vec![
            AggregateCall::new(F::Lag { offset: 2 }, [1]),
            AggregateCall::new(F::FirstValue, [1]),
            AggregateCall::new(F::LastValue, [1]),
            AggregateCall { distinct: true, ..AggregateCall::new(F::Count, [1]) },
        ],
        output: table("name: Utf8, amount: Int64, lag: Int64, first: Int64, last: Int64, distinct: Int64").schema,
        ..config(OverFrame::Rows(Some(2)), OverOrder::Arrival(TimeAttribute::Rows))
    };
    let text = "
        +I | ann | 1 | 00:01
        +I | ann | null | 00:02
        +I | ann | 3 | 00:03

        +I | ann | 3 | 00:04
        +I | ann | 5 | 00:05";
    let expected = [
        "+I | ann | 1 | null | 1 | 1 | 1 | 00:01",
        "+I | ann | null | null | 1 | 1 | 1 | 00:02",
        "+I | ann | 3 | 1 | 1 | 3 | 2 | 00:03",
        "+I | ann | 3 | null | 3 | 3 | 1 | 00:04",
        "+I | ann | 5 | 3 | 3 | 5 | 2 | 00:05",
    ];
    agree(&config, text, &expected);
}

#[test]
fn partitions_without_rows_are_forgotten() {
    let mut test = crate::operators::testing::Operate::new(1, 1, |_| {
        OverAggregate::new(config(OverFrame::Range(Some(10 * SECOND)), EVENT_TIME))
    });
    test.rows(0, input().rows("+I | ann | 1 | 00:01\n+I | bob | 1 | 00:08"));
    test.watermark("00:10");
    test.checkpoint();
    assert_eq!(test.keys(), 2);
    test.watermark("00:12");
    test.checkpoint();
    assert_eq!(test.keys(), 1);
    let forgetful = OverAggregateConfig {
        state_ttl: Some(Duration::from_secs(10)),
        ..config(OverFrame::Rows(None), OverOrder::Arrival(TimeAttribute::Rows))
    };
    let mut test = crate::operators::testing::Operate::new(1, 1, move |_| OverAggregate::new(forgetful.clone()));
    test.now("00:01");
    test.rows(0, input().rows("+I | ann | 1 | 00:01"));
    test.now("00:20");
    test.rows(0, input().rows("+I | ann | 1 | 00:02"));
    assert_eq!(test.take()[1], "+I | ann | 1 | 1 | 1 | 1 | 00:02");
}
