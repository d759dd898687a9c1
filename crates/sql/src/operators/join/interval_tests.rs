use proptest::prelude::*;

use super::{
    IntervalJoin, IntervalJoinConfig, JoinInput, JoinType,
    model::{self, JOINS, Row, condition, joined, left, line, right},
};
use crate::operators::testing::{Consolidated, Operate, text, time};

const SECOND: i64 = 1_000_000;

fn config(join: JoinType, lower: i64, upper: i64) -> IntervalJoinConfig {
    let input = |schema| JoinInput { schema, null_never_equals: vec![0] };
    IntervalJoinConfig {
        join,
        left: input(left().schema),
        right: input(right().schema),
        lower: lower * SECOND,
        lower_inclusive: true,
        upper: upper * SECOND,
        upper_inclusive: true,
        processing_time: false,
        condition: None,
        schema: joined(join).schema,
    }
}

fn operate(config: IntervalJoinConfig, workers: usize) -> Operate {
    Operate::new(2, workers, move |_| IntervalJoin::new(config.clone()))
}

#[test]
fn rows_meet_within_the_interval_and_have_the_later_time() {
    // left.time BETWEEN right.time - 5 s AND right.time + 2 s
    let mut test = operate(config(JoinType::Inner, -5, 2), 1);
    test.rows(0, left().rows("+I | 1 | 10 | 00:10\n+I | 1 | 11 | 00:30\n+I | null | 12 | 00:10"));
    test.rows(1, right().rows("+I | 1 | 1 | 00:15\n+I | 1 | 2 | 00:16\n+I | 1 | 3 | 00:08\n+I | 1 | 4 | 00:07"));
    assert_eq!(test.take(), text("+I | 1 | 10 | 1 | 1 | 00:15\n+I | 1 | 10 | 1 | 3 | 00:10"));
    test.restart(2);
    test.watermark("00:29");
    test.rows(1, right().rows("+I | 1 | 5 | 00:30\n+I | 1 | 6 | 00:09"));
    assert_eq!(test.take(), text("+I | 1 | 11 | 1 | 5 | 00:30"));
    assert_eq!(test.late(), 1);
    test.finish();
    test.checkpoint();
    assert_eq!(test.keys(), 0);
}

#[test]
fn exclusive_bounds_exclude() {
    let config =
        IntervalJoinConfig { lower_inclusive: false, upper_inclusive: false, ..config(JoinType::Inner, -5, 2) };
    let mut test = operate(config, 1);
    test.rows(0, left().rows("+I | 1 | 10 | 00:10"));
    test.rows(1, right().rows("+I | 1 | 1 | 00:15\n+I | 1 | 2 | 00:14.999999\n+I | 1 | 3 | 00:08"));
    assert_eq!(test.take(), text("+I | 1 | 10 | 1 | 2 | 00:14.999999"));
    let swapped = IntervalJoinConfig { lower: 1, upper: 0, ..self::config(JoinType::Inner, 0, 0) };
    assert!(IntervalJoin::new(swapped).is_err());
}

#[test]
fn rows_that_stay_alone_come_when_nobody_can_come_for_them() {
    let mut test = operate(config(JoinType::Full, -5, 2), 1);
    test.rows(0, left().rows("+I | 1 | 10 | 00:10\n+I | 2 | 20 | 00:11\n+I | null | 30 | 00:12"));
    assert_eq!(test.take(), text("+I | null | 30 | null | null | 00:12"));
    test.rows(1, right().rows("+I | 2 | 1 | 00:12\n+I | 3 | 2 | 00:12"));
    assert_eq!(test.take(), text("+I | 2 | 20 | 2 | 1 | 00:12"));
    test.watermark("00:14");
    test.restart(3);
    assert_eq!(test.take(), text(""));
    test.watermark("00:16");
    assert_eq!(test.take_sorted(), text("+I | 1 | 10 | null | null | 00:10\n+I | null | null | 3 | 2 | 00:12"));
    test.restart(1);
    test.finish();
    assert_eq!(test.take(), text(""));
}

#[test]
fn the_watermark_waits_for_rows_that_may_still_come_alone() {
    let mut inner = operate(config(JoinType::Inner, -5, 2), 1);
    inner.watermark("00:20");
    assert_eq!(inner.watermark_out(), Some(time("00:20")));
    let mut outer = operate(config(JoinType::Left, -5, 2), 1);
    outer.rows(0, left().rows("+I | 1 | 10 | 00:15"));
    outer.watermark("00:20");
    assert_eq!((outer.take(), outer.watermark_out()), (text(""), Some(time("00:15"))));
    outer.watermark("00:20.000001");
    assert_eq!(outer.take(), text("+I | 1 | 10 | null | null | 00:15"));
    assert_eq!(outer.watermark_out(), Some(time("00:15.000001")));
}

#[test]
fn by_processing_time_rows_meet_as_they_come() {
    let mut test = operate(IntervalJoinConfig { processing_time: true, ..config(JoinType::Left, -10, 10) }, 1);
    test.now("01:00");
    test.rows(0, left().rows("+I | 1 | 10 | 00:01\n+I | 2 | 20 | 00:01"));
    test.now("01:09");
    test.rows(1, right().rows("+I | 1 | 1 | 00:40"));
    assert_eq!(test.take(), text("+I | 1 | 10 | 1 | 1 | 00:40"));
    test.restart(2);
    test.now("01:20");
    test.rows(1, right().rows("+I | 2 | 2 | 00:50"));
    assert_eq!(test.take(), text("+I | 2 | 20 | null | null | 01:00"));
    test.now("02:00");
    test.now("02:30");
    test.checkpoint();
    assert_eq!(test.keys(), 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]
    /// Rows out of order up to the watermark, in any batches: the output is the join, whenever state was dropped.
    #[test]
    fn the_output_is_the_join_by_interval(
        steps in prop::collection::vec((0usize..2, 0i64..3, 0i64..4, 0i64..8, 0u8..20), 0..50),
        join in 0usize..6, with_condition: bool, lower in -6i64..4, span in 0i64..7, workers in 1usize..4)
    {
        let join = JOINS[join];
        let upper = lower + span;
        let mut config = config(join, lower, upper);
        config.condition = with_condition.then(condition);
        let mut test = operate(config, workers);
        let mut rows: [Vec<Row>; 2] = Default::default();
        let mut pending: [Vec<String>; 2] = Default::default();
        let mut watermark = 0;
        for (port, key, value, ahead, happens) in steps {
            let row = ((key > 0).then_some(key), value, watermark + ahead);
            rows[port].push(row);
            pending[port].push(line(true, row));
            if happens < 8 {
                for (port, table) in [left(), right()].iter().enumerate() {
                    let lines = std::mem::take(&mut pending[port]);
                    if !lines.is_empty() { test.rows(port, table.rows(&lines.join("\n"))); }
                }
            }
            if happens == 0 { test.restart(workers % 3 + 1); }
            if happens < 4 && watermark < 50 {
                watermark += i64::from(happens) * 2;
                test.watermark(&format!("00:{watermark:02}"));
            }
        }
        for (port, table) in [left(), right()].iter().enumerate() {
            let lines = std::mem::take(&mut pending[port]);
            if !lines.is_empty() { test.rows(port, table.rows(&lines.join("\n"))); }
        }
        test.finish();
        let [left, right] = rows;
        let pairs = |l: Row, r: Row| l.0.is_some() && l.0 == r.0 && (!with_condition || l.1 <= r.1)
            && r.2 + lower <= l.2 && l.2 <= r.2 + upper;
        let output = test.take();
        prop_assert_eq!(Consolidated::of(&output).0, model::join(join, &left, &right, pairs));
        prop_assert_eq!(test.late(), 0);
        test.checkpoint();
        prop_assert_eq!(test.keys(), 0);
    }
}
