use proptest::prelude::*;
use std::collections::BTreeMap;

use super::{JoinInput, JoinType, WindowJoin, WindowJoinConfig, WindowJoinInput, model::JOINS};
use crate::operators::testing::{Consolidated, Operate, Table, table, text};
use datafusion::{
    logical_expr::Operator as Compare,
    physical_expr::expressions::{BinaryExpr, Column},
};
use std::sync::Arc;

fn side() -> Table {
    table("k: Int64, v: Int64, ws: Timestamp, we: Timestamp").keyed(&[0])
}

fn config(join: JoinType) -> WindowJoinConfig {
    let input = || WindowJoinInput {
        input: JoinInput { schema: side().schema, null_never_equals: vec![0] },
        window_start: 2,
        window_end: 3,
    };
    let one = "k: Int64, v: Int64, ws: Timestamp, we: Timestamp";
    let both = "k: Int64, v: Int64, ws: Timestamp, we: Timestamp, k2: Int64, w: Int64, ws2: Timestamp, we2: Timestamp";
    let schema = table(if join.gives_left_only() { one } else { both }).schema;
    WindowJoinConfig { join, left: input(), right: input(), condition: None, schema }
}

fn operate(config: WindowJoinConfig, workers: usize) -> Operate {
    Operate::new(2, workers, move |_| WindowJoin::new(config.clone()))
}

#[test]
fn rows_meet_when_their_window_ends() {
    let mut test = operate(config(JoinType::Left), 1);
    test.rows(0, side().rows("+I | 1 | 10 | 00:00 | 00:10 | 00:01\n+I | 2 | 20 | 00:00 | 00:10 | 00:02\n+I | 1 | 11 | 00:10 | 00:20 | 00:11"));
    test.rows(1, side().rows("+I | 1 | 5 | 00:00 | 00:10 | 00:03\n+I | null | 6 | 00:00 | 00:10 | 00:03"));
    test.rows(0, side().rows("+I | null | 30 | 00:00 | 00:10 | 00:04"));
    test.watermark("00:09");
    assert_eq!(test.take(), text(""));
    test.restart(1);
    test.watermark("00:10");
    let expected = "+I | 1 | 10 | 00:00 | 00:10 | 1 | 5 | 00:00 | 00:10 | 00:09.999
                    +I | null | 30 | 00:00 | 00:10 | null | null | null | null | 00:09.999
                    +I | 2 | 20 | 00:00 | 00:10 | null | null | null | null | 00:09.999";
    assert_eq!(test.take(), text(expected));
    test.rows(1, side().rows("+I | 1 | 7 | 00:00 | 00:10 | 00:09"));
    assert_eq!((test.take_late(), test.late()), (text("+I | 1 | 7 | 00:00 | 00:10 | 00:09"), 1));
    test.restart(2);
    test.finish();
    assert_eq!(test.take(), text("+I | 1 | 11 | 00:10 | 00:20 | null | null | null | null | 00:19.999"));
    test.checkpoint();
    assert_eq!(test.keys(), 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    /// Rows of any windows, in any order and batches: pairs are those of the same key and window.
    #[test]
    fn the_output_is_the_join_of_each_window(
        steps in prop::collection::vec((0usize..2, 0i64..3, 0i64..4, 0i64..3, 0u8..20), 0..40),
        join in 0usize..6, with_condition: bool, workers in 1usize..4)
    {
        let join = JOINS[join];
        let mut config = config(join);
        if with_condition {
            let (v, w) = (Arc::new(Column::new("v", 1)), Arc::new(Column::new("w", 5)));
            config.condition = Some(Arc::new(BinaryExpr::new(v, Compare::LtEq, w)));
        }
        let mut test = operate(config, workers);
        let mut rows: [Vec<(Option<i64>, i64, i64)>; 2] = Default::default();
        let line = |(k, v, w): (Option<i64>, i64, i64)| {
            let key = k.map_or("null".to_string(), |k| k.to_string());
            format!("{key} | {v} | 00:{:02} | 00:{:02}", w * 10, w * 10 + 10)
        };
        for (port, key, value, window, happens) in steps {
            let row = ((key > 0).then_some(key), value, window);
            test.rows(port, side().rows(&format!("+I | {} | 00:{:02}", line(row), window * 10)));
            rows[port].push(row);
            if happens == 0 { test.restart(workers % 3 + 1); }
        }
        test.finish();
        let none = "null | null | null | null";
        let [lefts, rights] = rows;
        let pairs = |l: &(Option<i64>, i64, i64), r: &(Option<i64>, i64, i64)|
            l.0.is_some() && l.0 == r.0 && l.2 == r.2 && (!with_condition || l.1 <= r.1);
        let mut expected: BTreeMap<String, i64> = BTreeMap::new();
        let mut give = |row: String| *expected.entry(row).or_default() += 1;
        for l in &lefts {
            let partners: Vec<_> = rights.iter().filter(|r| pairs(l, r)).collect();
            if join.gives_left_only() {
                if partners.is_empty() == (join == JoinType::LeftAnti) { give(line(*l)); }
                continue;
            }
            partners.iter().for_each(|r| give(format!("{} | {}", line(*l), line(**r))));
            if partners.is_empty() && join.preserves(0) { give(format!("{} | {none}", line(*l))); }
        }
        if join.preserves(1) {
            rights.iter().filter(|r| !lefts.iter().any(|l| pairs(l, r))).for_each(|r| give(format!("{none} | {}", line(*r))));
        }
        prop_assert_eq!(Consolidated::of(&test.take()).0, expected);
        prop_assert_eq!(test.late(), 0);
    }
}
