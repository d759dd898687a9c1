use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{
    AsOf, JoinInput, JoinType, TemporalJoin, TemporalJoinConfig,
    model::{condition, joined, left, right},
};
use crate::operators::testing::{Consolidated, Operate, text};

fn config(join: JoinType, as_of: AsOf) -> TemporalJoinConfig {
    let input = |schema| JoinInput { schema, null_never_equals: vec![0] };
    TemporalJoinConfig {
        join,
        left: input(left().schema),
        right: input(right().schema),
        as_of,
        condition: None,
        schema: joined(join).schema,
    }
}

fn operate(config: TemporalJoinConfig, workers: usize) -> Operate {
    Operate::new(2, workers, move |_| TemporalJoin::new(config.clone()))
}

#[test]
fn a_row_meets_the_version_that_was_valid_at_its_time() {
    let mut test = operate(config(JoinType::Left, AsOf::EventTime), 1);
    test.rows(0, left().rows("+I | 1 | 10 | 00:05\n+I | 1 | 11 | 00:15\n+I | 1 | 12 | 00:25\n+I | null | 13 | 00:06"));
    test.rows(
        1,
        right().rows("+I | 1 | 100 | 00:05\n-U | 1 | 100 | 00:10\n+U | 1 | 200 | 00:10\n-D | 1 | 200 | 00:20"),
    );
    test.watermark("00:05");
    assert_eq!(test.take(), text(""));
    test.restart(2);
    test.watermark("00:16");
    let expected = "+I | 1 | 10 | 1 | 100 | 00:05
                    +I | null | 13 | null | null | 00:06
                    +I | 1 | 11 | 1 | 200 | 00:15";
    assert_eq!(test.take_sorted(), {
        let mut e = text(expected);
        e.sort();
        e
    });
    test.restart(1);
    test.rows(0, left().rows("+I | 1 | 14 | 00:15\n-D | 1 | 11 | 00:17"));
    assert_eq!((test.take_late(), test.late()), (text("+I | 1 | 14 | 00:15"), 1));
    test.finish();
    assert_eq!(test.take(), text("-D | 1 | 11 | 1 | 200 | 00:17\n+I | 1 | 12 | null | null | 00:25"));
    test.checkpoint();
    assert_eq!(test.keys(), 0, "nothing waits, and the row is gone");
}

#[test]
fn by_processing_time_a_row_meets_the_last_version_at_once() {
    let mut test = operate(config(JoinType::Left, AsOf::ProcessingTime), 1);
    test.rows(1, right().rows("+I | 1 | 100 | 00:05\n+U | 1 | 200 | 00:01"));
    test.rows(0, left().rows("+I | 1 | 10 | 00:02\n+U | 2 | 20 | 00:02\n+I | null | 30 | 00:03"));
    let expected = "+I | 1 | 10 | 1 | 200 | 00:02
                    +U | 2 | 20 | null | null | 00:02
                    +I | null | 30 | null | null | 00:03";
    assert_eq!(test.take(), text(expected));
    test.restart(3);
    test.rows(1, right().rows("-D | 1 | 200 | 00:06"));
    test.rows(0, left().rows("+I | 1 | 11 | 00:07"));
    assert_eq!(test.take(), text("+I | 1 | 11 | null | null | 00:07"));
}

#[test]
fn other_joins_are_refused() {
    assert!(TemporalJoin::new(config(JoinType::Full, AsOf::EventTime)).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    /// Versions and questions in any order up to the watermark: each row meets the last version not behind it.
    #[test]
    fn each_row_meets_its_version(
        steps in prop::collection::vec((0usize..2, 0i64..3, 0i64..4, 0i64..6, 0u8..20), 0..50),
        inner: bool, with_condition: bool, workers in 1usize..4)
    {
        let mut config = config(if inner { JoinType::Inner } else { JoinType::Left }, AsOf::EventTime);
        config.condition = with_condition.then(condition);
        let mut test = operate(config, workers);
        let mut lefts: Vec<(i64, i64, i64)> = Vec::new();
        let mut versions: BTreeMap<(i64, i64), Option<i64>> = BTreeMap::new();
        let mut watermark = 0;
        for (port, key, value, ahead, happens) in steps {
            let time = watermark + ahead;
            let shown = if key == 0 { "null".to_string() } else { key.to_string() };
            if port == 0 {
                test.rows(0, left().rows(&format!("+I | {shown} | {value} | 00:{time:02}")));
                lefts.push((key, value, time));
            } else {
                let delete = value == 3;
                let kind = if delete { "-D" } else { "+U" };
                test.rows(1, right().rows(&format!("{kind} | {shown} | {value} | 00:{time:02}")));
                versions.insert((key, time), (!delete).then_some(value));
            }
            if happens == 0 { test.restart(workers % 3 + 1); }
            if happens < 5 && watermark < 50 {
                watermark += i64::from(happens);
                test.watermark(&format!("00:{watermark:02}"));
            }
        }
        test.finish();
        let mut expected: BTreeMap<String, i64> = BTreeMap::new();
        for (key, value, time) in lefts {
            let version = versions.range((key, i64::MIN)..=(key, time)).next_back().and_then(|(_, v)| *v);
            let version = version.filter(|w| key > 0 && (!with_condition || value <= *w));
            let shown = if key == 0 { "null".to_string() } else { key.to_string() };
            match version {
                Some(w) => *expected.entry(format!("{shown} | {value} | {shown} | {w}")).or_default() += 1,
                None if !inner => *expected.entry(format!("{shown} | {value} | null | null")).or_default() += 1,
                None => {}
            }
        }
        prop_assert_eq!(Consolidated::of(&test.take()).0, expected);
        prop_assert_eq!(test.late(), 0);
    }
}
