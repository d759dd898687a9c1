use std::time::Duration;

use proptest::prelude::*;

use super::{
    JoinInput, JoinType, RegularJoin, RegularJoinConfig, RegularJoinInput,
    model::{self, JOINS, Row, condition, joined, left, line, right},
};
use crate::operators::testing::{Consolidated, Operate, Table, text};

fn config(join: JoinType, ttl: Option<Duration>) -> RegularJoinConfig {
    let input =
        |table: Table| RegularJoinInput { input: JoinInput { schema: table.schema, null_never_equals: vec![0] }, ttl };
    RegularJoinConfig { join, left: input(left()), right: input(right()), condition: None, schema: joined(join).schema }
}

fn operate(config: RegularJoinConfig, workers: usize) -> Operate {
    Operate::new(2, workers, move |_| RegularJoin::new(config.clone()))
}

#[test]
fn an_inner_join_passes_on_what_happens_to_its_rows() {
    let mut test = operate(config(JoinType::Inner, None), 1);
    test.rows(0, left().rows("+I | 1 | 10 | 00:01\n+I | 2 | 20 | 00:02\n+I | null | 30 | 00:03"));
    test.rows(1, right().rows("+I | 1 | 5 | 00:01\n+I | 1 | 6 | 00:02\n+I | null | 7 | 00:02"));
    assert_eq!(test.take(), text("+I | 1 | 10 | 1 | 5 | 00:01\n+I | 1 | 10 | 1 | 6 | 00:02"));
    test.restart(1);
    test.rows(0, left().rows("-U | 1 | 10 | 00:04\n+U | 1 | 11 | 00:05"));
    assert_eq!(
        test.take(),
        text(
            "-U | 1 | 10 | 1 | 5 | 00:04
             -U | 1 | 10 | 1 | 6 | 00:04
             +U | 1 | 11 | 1 | 5 | 00:05
             +U | 1 | 11 | 1 | 6 | 00:05"
        )
    );
    test.rows(1, right().rows("-D | 1 | 5 | 00:06\n-D | 9 | 9 | 00:06"));
    assert_eq!(test.take(), text("-D | 1 | 11 | 1 | 5 | 00:06"));
    assert_eq!(test.figures()[0].errors, 1, "the second retraction retracts nothing");
}

#[test]
fn a_left_join_takes_the_lonely_row_back_when_its_partner_comes() {
    let mut test = operate(config(JoinType::Left, None), 1);
    test.rows(0, left().rows("+I | 1 | 10 | 00:01\n+I | null | 30 | 00:03"));
    assert_eq!(test.take(), text("+I | 1 | 10 | null | null | 00:01\n+I | null | 30 | null | null | 00:03"));
    test.rows(1, right().rows("+I | 1 | 5 | 00:02\n+I | 1 | 6 | 00:02"));
    assert_eq!(
        test.take(),
        text(
            "-D | 1 | 10 | null | null | 00:02
             +I | 1 | 10 | 1 | 5 | 00:02
             +I | 1 | 10 | 1 | 6 | 00:02"
        )
    );
    test.restart(1);
    test.rows(1, right().rows("-D | 1 | 6 | 00:07\n-D | 1 | 5 | 00:07"));
    assert_eq!(
        test.take(),
        text(
            "-D | 1 | 10 | 1 | 6 | 00:07
             -D | 1 | 10 | 1 | 5 | 00:07
             +I | 1 | 10 | null | null | 00:07"
        )
    );
    test.rows(0, left().rows("-D | null | 30 | 00:08"));
    assert_eq!(test.take(), text("-D | null | 30 | null | null | 00:08"));
}

#[test]
fn nulls_are_equal_where_the_join_says_so() {
    let mut set_operation = config(JoinType::LeftAnti, None);
    set_operation.left.input.null_never_equals.clear();
    set_operation.right.input.null_never_equals.clear();
    let mut test = operate(set_operation, 1);
    test.rows(0, left().rows("+I | null | 1 | 00:01"));
    test.rows(1, right().rows("+I | null | 2 | 00:02"));
    assert_eq!(test.take(), text("+I | null | 1 | 00:01\n-D | null | 1 | 00:02"));
}

#[test]
fn what_expired_meets_nobody_and_is_forgotten() {
    let mut test = operate(config(JoinType::Left, Some(Duration::from_secs(60))), 1);
    test.rows(1, right().rows("+I | 1 | 5 | 00:01\n+I | 2 | 6 | 00:01"));
    test.now("00:50");
    test.rows(1, right().rows("+I | 1 | 7 | 00:01"));
    test.now("01:10");
    test.rows(0, left().rows("+I | 1 | 10 | 00:02\n+I | 2 | 20 | 00:02"));
    assert_eq!(test.take(), text("+I | 1 | 10 | 1 | 7 | 00:02\n+I | 2 | 20 | null | null | 00:02"));
    test.now("05:00");
    test.checkpoint();
    assert_eq!(test.keys(), 0);
    // The result that the expired row gave stays: its partner's end retracts nothing that is not there.
    test.rows(0, left().rows("-D | 2 | 20 | 00:03"));
    assert_eq!(test.take(), text("-D | 2 | 20 | null | null | 00:03"));
}

#[test]
fn a_key_with_very_many_rows_is_joined_and_emptied_in_one_go() {
    const ROWS: i64 = 30_000;
    let lines = |add: bool| (0..ROWS).map(|value| line(add, (Some(1), value, 0))).collect::<Vec<_>>().join("\n");
    for with_condition in [false, true] {
        let mut config = config(JoinType::Full, None);
        config.condition = with_condition.then(condition);
        let mut test = operate(config, 1);
        test.rows(0, left().rows(&lines(true)));
        test.restart(2);
        test.rows(1, right().rows(&format!("+I | 1 | {ROWS} | 00:01")));
        test.rows(0, left().rows(&lines(false)));
        let output = test.take();
        assert_eq!(output.len() as i64, 4 * ROWS + 1, "alone, no longer alone, paired, gone; and the right row alone");
        assert_eq!(
            Consolidated::of(&output).0.into_iter().collect::<Vec<_>>(),
            [(format!("null | null | 1 | {ROWS}"), 1)]
        );
    }
}

/// A step: port, key (0 for NULL), value, whether to insert (what is to be deleted must be there), what happens before.
type Step = (usize, i64, i64, bool, u8);

fn run(steps: &[Step], config: RegularJoinConfig, workers: usize) -> (Consolidated, [Vec<Row>; 2]) {
    let mut test = operate(config, workers);
    let mut rows: [Vec<Row>; 2] = Default::default();
    let mut output = Consolidated::default();
    let mut pending: (usize, Vec<String>) = Default::default();
    for (port, key, value, insert, event) in steps {
        let row = ((*key > 0).then_some(*key), *value, 0);
        let there = rows[*port].iter().position(|r| *r == row);
        let insert = *insert || there.is_none();
        if *event < 3 || pending.0 != *port {
            flush(&mut test, &mut pending);
            output.apply(&test.take());
        }
        if *event == 0 {
            test.restart(workers % 3 + 1);
        }
        pending.0 = *port;
        pending.1.push(line(insert, row));
        match there {
            Some(at) if !insert => drop(rows[*port].remove(at)),
            _ => rows[*port].push(row),
        }
    }
    flush(&mut test, &mut pending);
    output.apply(&test.take());
    (output, rows)
}

fn flush(test: &mut Operate, pending: &mut (usize, Vec<String>)) {
    if !pending.1.is_empty() {
        let table = if pending.0 == 0 { left() } else { right() };
        test.rows(pending.0, table.rows(&pending.1.join("\n")));
        pending.1.clear();
    }
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec((0usize..2, 0i64..4, 0i64..4, prop::bool::weighted(0.6), 0u8..30), 0..60)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]
    /// Any valid changelogs, however batched, interleaved and restored: the output amounts to the join of what they amount to,
    /// and never retracts what is not there.
    #[test]
    fn the_output_amounts_to_the_join_of_what_the_inputs_amount_to(
        steps in steps(), join in 0usize..6, with_condition: bool, with_ttl: bool, workers in 1usize..4)
    {
        let join = JOINS[join];
        let mut config = config(join, with_ttl.then_some(Duration::from_secs(1_000)));
        config.condition = with_condition.then(condition);
        let (output, [left, right]) = run(&steps, config, workers);
        let pairs = |l: Row, r: Row| l.0.is_some() && l.0 == r.0 && (!with_condition || l.1 <= r.1);
        prop_assert_eq!(output.0, model::join(join, &left, &right, pairs));
    }
}
