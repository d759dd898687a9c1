use super::{
    JoinInput, JoinType, ReferenceJoin, ReferenceJoinConfig,
    model::{joined, left, right},
};
use crate::operators::testing::{Operate, text};

fn operate(join: JoinType) -> Operate {
    let input = |schema| JoinInput { schema, null_never_equals: vec![0] };
    let config = ReferenceJoinConfig {
        join,
        left: input(left().schema),
        right: input(right().schema),
        condition: None,
        schema: if join.gives_left_only() { left().schema } else { joined(join).schema },
    };
    Operate::new(2, 1, move |_| ReferenceJoin::new(config.clone()))
}

const LEFT: &str = "+I | 1 | 10 | 00:05\n+I | 2 | 20 | 00:02\n+I | null | 30 | 00:03";

#[test]
fn rows_wait_for_the_table_and_meet_all_its_rows() {
    for (join, expected) in [
        (
            JoinType::Left,
            "+I | null | 30 | null | null | 00:03\n+I | 2 | 20 | null | null | 00:02\n+I | 1 | 10 | 1 | 100 | 00:05\n+I | 1 | 10 | 1 | 200 | 00:05",
        ),
        (JoinType::Inner, "+I | 1 | 10 | 1 | 100 | 00:05\n+I | 1 | 10 | 1 | 200 | 00:05"),
        (JoinType::LeftSemi, "+I | 1 | 10 | 00:05"),
        (JoinType::LeftAnti, "+I | null | 30 | 00:03\n+I | 2 | 20 | 00:02"),
    ] {
        let mut test = operate(join);
        test.rows(0, left().rows(LEFT));
        test.rows(1, right().rows("+I | 1 | 100 | 00:00\n+I | 1 | 200 | 00:00\n+I | null | 300 | 00:00"));
        test.rows(1, right().rows("+I | 2 | 400 | 00:00\n-D | 2 | 400 | 00:00"));
        assert_eq!(test.take(), text(""), "the table may go on");
        test.restart(2);
        test.watermark("00:01");
        let sorted = |mut rows: Vec<_>| {
            rows.sort();
            rows
        };
        assert_eq!(test.take_sorted(), sorted(text(expected)), "{join:?}");
        test.restart(1);
        test.rows(0, left().rows("+I | 1 | 11 | 00:06"));
        let at_once = match join {
            JoinType::Left | JoinType::Inner => "+I | 1 | 11 | 1 | 100 | 00:06\n+I | 1 | 11 | 1 | 200 | 00:06",
            JoinType::LeftSemi => "+I | 1 | 11 | 00:06",
            _ => "",
        };
        assert_eq!(test.take_sorted(), sorted(text(at_once)), "{join:?}");
    }
}

#[test]
fn rows_of_the_table_alone_are_nobodys() {
    let input = |schema| JoinInput { schema, null_never_equals: vec![0] };
    let (left, right, schema) = (input(left().schema), input(right().schema), joined(JoinType::Full).schema);
    assert!(
        ReferenceJoin::new(ReferenceJoinConfig { join: JoinType::Full, left, right, condition: None, schema }).is_err()
    );
}
