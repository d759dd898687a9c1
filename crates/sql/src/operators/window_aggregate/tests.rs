use super::*;
use crate::{
    aggregate::{AggregateCall, AggregateFunction as F},
    operators::{
        testing::{Outcome, Table, play, script, table},
        windows::Windows,
    },
};

const SECOND: i64 = 1_000_000;
const WINDOW: &str = "window_start: Timestamp, window_end: Timestamp, window_time: Timestamp";

fn input() -> Table {
    table("name: Utf8, amount: Int64, at: Timestamp").keyed(&[0])
}

fn config(windows: Windows, time: TimeAttribute) -> WindowAggregateConfig {
    WindowAggregateConfig {
        input: input().schema,
        key: vec![DataType::Utf8],
        aggregates: vec![AggregateCall::new(F::Sum, [1]), AggregateCall::new(F::Max, [1])],
        retracts: false,
        windows: WindowAssignment::Assigned { windows, time },
        output: table(&format!("name: Utf8, sum: Int64, max: Int64, {WINDOW}")).schema,
    }
}

fn run(config: &WindowAggregateConfig, text: &str, runs: &[(usize, usize)]) -> Outcome {
    let config = config.clone();
    play(move |_| WindowAggregate::new(config.clone()), 1, &script(&[input()], text), runs)
}

/// The same whatever happens in between; workers' outputs come in any order.
fn agree(config: &WindowAggregateConfig, text: &str, expected: &[&str]) {
    assert_eq!(run(config, text, &[(1, 0)]).main, expected);
    let mut expected = expected.to_vec();
    expected.sort_unstable();
    for cut in 1..script(&[input()], text).len() {
        for runs in [[(1, cut), (1, 0)], [(1, cut), (3, 0)], [(3, cut), (2, 0)]] {
            let mut found = run(config, text, &runs).main;
            found.sort_unstable();
            assert_eq!(found, expected, "{runs:?}");
        }
    }
}

const ROWS: &str = "
    +I | ann | 3 | null | 00:01
    +I | bob | 5 | null | 00:09.999
    +I | ann | 4 | null | 00:10
    watermark 00:09.998
    +I | ann | 1 | null | 00:09
    watermark 00:09.999
    +I | ann | 7 | null | 00:08
    +I | ann | 9 | null | 00:12
    watermark 00:25";

#[test]
fn tumbling_windows_go_out_with_their_last_millisecond() {
    let config = config(Windows::Tumble { size: 10 * SECOND, offset: 0 }, TimeAttribute::Rows);
    let expected = [
        "+I | ann | 4 | 3 | 00:00 | 00:10 | 00:09.999 | 00:09.999",
        "+I | bob | 5 | 5 | 00:00 | 00:10 | 00:09.999 | 00:09.999",
        "+I | ann | 13 | 9 | 00:10 | 00:20 | 00:19.999 | 00:19.999",
    ];
    agree(&config, ROWS, &expected);
    let outcome = run(&config, ROWS, &[(1, 0)]);
    assert_eq!(outcome.late, 1);
    assert_eq!(outcome.side, ["+I | ann | 7 | null | 00:08"]);
}

#[test]
fn hopping_windows_share_slices_and_a_row_is_late_only_for_those_that_are_out() {
    let config = config(Windows::Hop { size: 10 * SECOND, slide: 4 * SECOND, offset: SECOND }, TimeAttribute::Rows);
    let text = "
        +I | ann | 1 | null | 00:05
        +I | bob | 2 | null | 00:06
        watermark 00:08
        +I | ann | 4 | null | 00:06
        watermark 00:30";
    let expected = [
        "+I | ann | 1 | 1 | -00:03 | 00:07 | 00:06.999 | 00:06.999",
        "+I | bob | 2 | 2 | -00:03 | 00:07 | 00:06.999 | 00:06.999",
        "+I | ann | 5 | 4 | 00:01 | 00:11 | 00:10.999 | 00:10.999",
        "+I | bob | 2 | 2 | 00:01 | 00:11 | 00:10.999 | 00:10.999",
        "+I | ann | 5 | 4 | 00:05 | 00:15 | 00:14.999 | 00:14.999",
        "+I | bob | 2 | 2 | 00:05 | 00:15 | 00:14.999 | 00:14.999",
    ];
    agree(&config, text, &expected);
    assert_eq!(run(&config, text, &[(1, 0)]).late, 0);
}

#[test]
fn cumulating_windows_grow_by_their_steps() {
    let windows = Windows::Cumulate { size: 6 * SECOND, step: 2 * SECOND, offset: 0 };
    let text = "
        +I | ann | 1 | null | 00:01
        +I | ann | 2 | null | 00:03
        +I | bob | 5 | null | 00:05
        watermark 00:02
        +I | ann | 7 | null | 00:00
        watermark 00:04
        +I | ann | 8 | null | 00:02
        +I | ann | 3 | null | 00:06
        watermark 00:15";
    let expected = [
        "+I | ann | 1 | 1 | 00:00 | 00:02 | 00:01.999 | 00:01.999",
        "+I | ann | 10 | 7 | 00:00 | 00:04 | 00:03.999 | 00:03.999",
        "+I | ann | 18 | 8 | 00:00 | 00:06 | 00:05.999 | 00:05.999",
        "+I | bob | 5 | 5 | 00:00 | 00:06 | 00:05.999 | 00:05.999",
        "+I | ann | 3 | 3 | 00:06 | 00:08 | 00:07.999 | 00:07.999",
        "+I | ann | 3 | 3 | 00:06 | 00:10 | 00:09.999 | 00:09.999",
        "+I | ann | 3 | 3 | 00:06 | 00:12 | 00:11.999 | 00:11.999",
    ];
    agree(&config(windows, TimeAttribute::Rows), text, &expected);
    let retracting = WindowAggregateConfig { retracts: true, ..config(windows, TimeAttribute::Rows) };
    agree(&retracting, text, &expected);
}

#[test]
fn cumulating_windows_lose_rows_that_a_smaller_one_had() {
    let windows = Windows::Cumulate { size: 6 * SECOND, step: 2 * SECOND, offset: 0 };
    let text = "
        +I | ann | 9 | null | 00:03
        +I | bob | 2 | null | 00:01
        watermark 00:04
        -D | ann | 9 | null | 00:03
        -D | bob | 2 | null | 00:01
        +I | ann | 4 | null | 00:04
        watermark 00:15";
    let expected = [
        "+I | bob | 2 | 2 | 00:00 | 00:02 | 00:01.999 | 00:01.999",
        "+I | ann | 9 | 9 | 00:00 | 00:04 | 00:03.999 | 00:03.999",
        "+I | bob | 2 | 2 | 00:00 | 00:04 | 00:03.999 | 00:03.999",
        "+I | ann | 4 | 4 | 00:00 | 00:06 | 00:05.999 | 00:05.999",
    ];
    agree(&WindowAggregateConfig { retracts: true, ..config(windows, TimeAttribute::Rows) }, text, &expected);
}

#[test]
fn the_wall_clock_ends_windows_too() {
    let config = config(Windows::Tumble { size: 10 * SECOND, offset: 0 }, TimeAttribute::Processing);
    let text = "
        clock 00:03
        +I | ann | 1 | null | 05:00
        +I | bob | 2 | null | 00:00

        clock 00:08
        +I | ann | 4 | null | 05:00
        watermark 06:00
        clock 00:11
        +I | ann | 8 | null | 05:00
        clock 00:20";
    let expected = [
        "+I | ann | 5 | 4 | 00:00 | 00:10 | 00:09.999 | 00:09.999",
        "+I | bob | 2 | 2 | 00:00 | 00:10 | 00:09.999 | 00:09.999",
        "+I | ann | 8 | 8 | 00:10 | 00:20 | 00:19.999 | 00:19.999",
    ];
    agree(&config, text, &expected);
    let hopping = Windows::Hop { size: 10 * SECOND, slide: 5 * SECOND, offset: 0 };
    let hopping = super::tests::config(hopping, TimeAttribute::Processing);
    let expected = [
        "+I | ann | 1 | 1 | -00:05 | 00:05 | 00:04.999 | 00:04.999",
        "+I | bob | 2 | 2 | -00:05 | 00:05 | 00:04.999 | 00:04.999",
        "+I | ann | 5 | 4 | 00:00 | 00:10 | 00:09.999 | 00:09.999",
        "+I | bob | 2 | 2 | 00:00 | 00:10 | 00:09.999 | 00:09.999",
        "+I | ann | 12 | 8 | 00:05 | 00:15 | 00:14.999 | 00:14.999",
        "+I | ann | 8 | 8 | 00:10 | 00:20 | 00:19.999 | 00:19.999",
    ];
    agree(&hopping, text, &expected);
}

#[test]
fn times_may_be_a_column_and_rows_without_one_are_errors() {
    let config = config(Windows::Tumble { size: 10 * SECOND, offset: 0 }, TimeAttribute::Column(2));
    let text = "
        +I | ann | 1 | 00:01 | 00:30
        +I | ann | 2 | null | 00:30
        +I | ann | 4 | 00:11 | 00:30
        watermark 00:30";
    let expected = [
        "+I | ann | 1 | 1 | 00:00 | 00:10 | 00:09.999 | 00:09.999",
        "+I | ann | 4 | 4 | 00:10 | 00:20 | 00:19.999 | 00:19.999",
    ];
    agree(&config, text, &expected);
}

#[test]
fn rows_that_go_take_their_share_and_a_window_without_rows_says_nothing() {
    let windows = Windows::Hop { size: 4 * SECOND, slide: 2 * SECOND, offset: 0 };
    let config = WindowAggregateConfig { retracts: true, ..config(windows, TimeAttribute::Rows) };
    let text = "
        +I | ann | 1 | null | 00:03
        +I | ann | 9 | null | 00:03
        +I | bob | 5 | null | 00:04
        watermark 00:03.999
        -D | ann | 9 | null | 00:03
        -U | bob | 5 | null | 00:04
        +U | bob | 6 | null | 00:04
        watermark 00:06
        -D | bob | 6 | null | 00:04
        watermark 00:20";
    let expected = [
        "+I | ann | 10 | 9 | 00:00 | 00:04 | 00:03.999 | 00:03.999",
        "+I | ann | 1 | 1 | 00:02 | 00:06 | 00:05.999 | 00:05.999",
        "+I | bob | 6 | 6 | 00:02 | 00:06 | 00:05.999 | 00:05.999",
    ];
    agree(&config, text, &expected);
}

#[test]
fn rows_may_bring_their_windows_along() {
    let input = table("amount: Int64, window_start: Timestamp, window_end: Timestamp").keyed(&[]);
    let config = WindowAggregateConfig {
        input: input.schema.clone(),
        key: vec![],
        aggregates: vec![AggregateCall::new(F::Sum, [0])],
        retracts: false,
        windows: WindowAssignment::Attached { start: 1, end: 2 },
        output: table(&format!("sum: Int64, {WINDOW}")).schema,
    };
    let text = "
        +I | 1 | 00:00 | 00:10 | 00:09.999
        +I | 2 | 00:00 | 00:10 | 00:09.999
        watermark 00:09.999
        +I | 7 | 00:00 | 00:10 | 00:09.999
        +I | 4 | 00:05 | 00:20 | 00:19.999
        +I | 8 | 00:10 | 00:20 | 00:19.999
        watermark 00:30";
    let expected = [
        "+I | 3 | 00:00 | 00:10 | 00:09.999 | 00:09.999",
        "+I | 4 | 00:05 | 00:20 | 00:19.999 | 00:19.999",
        "+I | 8 | 00:10 | 00:20 | 00:19.999 | 00:19.999",
    ];
    for runs in [&[(1, 0)][..], &[(1, 1), (3, 0)], &[(2, 3), (1, 0)]] {
        let config = config.clone();
        let make = move |_: &_| WindowAggregate::new(config.clone());
        let outcome = play(make, 1, &script(std::slice::from_ref(&input), text), runs);
        assert_eq!(outcome.main, expected, "{runs:?}");
        assert_eq!(outcome.late, 1);
    }
}

#[test]
fn early_results_are_revised_until_the_window_is_complete() {
    let windows = Windows::Hop { size: 10 * SECOND, slide: 5 * SECOND, offset: 0 };
    let config = WindowAggregateConfig { retracts: true, ..config(windows, TimeAttribute::Rows) };
    let text = "
        clock 01:00
        +I | ann | 1 | null | 00:02
        +I | bob | 2 | null | 00:02
        clock 01:02
        watermark 00:04.999
        +I | ann | 4 | null | 00:06
        -D | bob | 2 | null | 00:02
        clock 01:04
        watermark 00:12
        clock 01:06
        watermark 00:30";
    let expected = [
        "+I | ann | 1 | 1 | -00:05 | 00:05 | 00:04.999 | 00:04.999",
        "+I | bob | 2 | 2 | -00:05 | 00:05 | 00:04.999 | 00:04.999",
        "+I | ann | 1 | 1 | 00:00 | 00:10 | 00:09.999 | 00:09.999",
        "+I | bob | 2 | 2 | 00:00 | 00:10 | 00:09.999 | 00:09.999",
        "-U | ann | 1 | 1 | 00:00 | 00:10 | 00:09.999 | 00:09.999",
        "+U | ann | 5 | 4 | 00:00 | 00:10 | 00:09.999 | 00:09.999",
        "-D | bob | 2 | 2 | 00:00 | 00:10 | 00:09.999 | 00:09.999",
        "+I | ann | 4 | 4 | 00:05 | 00:15 | 00:14.999 | 00:14.999",
    ];
    let events = script(&[input()], text);
    for cut in 0..events.len() {
        let config = config.clone();
        let make = move |_: &_| {
            let operator = WindowAggregate::new(config.clone())?;
            operator.with_early_results(std::time::Duration::from_secs(2))
        };
        let runs = if cut == 0 { vec![(1, 0)] } else { vec![(1, cut), (1, 0)] };
        assert_eq!(play(make, 1, &events, &runs).main, expected, "{runs:?}");
    }
}
