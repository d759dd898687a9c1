use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering::SeqCst},
    },
    time::Duration,
};

use arrow::{
    array::{ArrayRef, AsArray, Int64Array, RecordBatch, StringArray, UInt32Array},
    datatypes::Int64Type,
};
use tidemill_connectors::connector::{LookedUp, Lookup, LookupTable};
use tidemill_engine::{EngineError, OperatorContext, Result};

use super::{JoinType, LookupJoin, LookupJoinConfig, LookupOptions};
use crate::operators::testing::{Operate, Table, table, text, time};

/// Key `n` has `n` rows, named `n-0`, `n-1`, …; some calls fail, and some take long.
#[derive(Clone, Default)]
struct Names {
    calls: Arc<AtomicU64>,
    failures: Arc<AtomicI64>,
    hangs: Arc<AtomicI64>,
    /// Each key takes so many milliseconds.
    pause_ms: u64,
}

impl LookupTable for Names {
    fn open(&self, keys: &[usize], projection: &[usize], _context: &OperatorContext) -> Result<Box<dyn Lookup>> {
        assert_eq!((keys, projection), (&[0][..], &[0, 1][..]));
        Ok(Box::new(self.clone()))
    }
}

impl Lookup for Names {
    fn lookup(&mut self, keys: &RecordBatch) -> Result<LookedUp> {
        self.calls.fetch_add(1, SeqCst);
        let keys = keys.column(0).as_primitive::<Int64Type>();
        std::thread::sleep(Duration::from_millis(keys.values().iter().map(|k| *k as u64 * self.pause_ms).sum()));
        if self.hangs.fetch_sub(1, SeqCst) > 0 {
            std::thread::sleep(Duration::from_millis(400));
        }
        if self.failures.fetch_sub(1, SeqCst) > 0 {
            return Err(EngineError::operator("names", "not now"));
        }
        let rows = keys.values().iter().enumerate().flat_map(|(at, key)| (0..*key).map(move |n| (at as u32, *key, n)));
        let rows: Vec<(u32, i64, i64)> = rows.collect();
        let columns: [(&str, ArrayRef); 2] = [
            ("id", Arc::new(Int64Array::from_iter_values(rows.iter().map(|r| r.1)))),
            ("name", Arc::new(StringArray::from_iter_values(rows.iter().map(|r| format!("{}-{}", r.1, r.2))))),
        ];
        let origins = UInt32Array::from_iter_values(rows.iter().map(|r| r.0));
        Ok(LookedUp { rows: RecordBatch::try_from_iter(columns)?, origins })
    }
}

fn asks() -> Table {
    table("k: Int64, v: Int64")
}

fn config(join: JoinType, names: &Names) -> LookupJoinConfig {
    LookupJoinConfig {
        join,
        input: asks().schema,
        keys: vec![0],
        table: Arc::new(names.clone()),
        table_keys: vec![0],
        projection: vec![0, 1],
        looked_up: table("id: Int64, name: Utf8").schema,
        condition: None,
        schema: table("k: Int64, v: Int64, id: Int64, name: Utf8").schema,
        options: LookupOptions { backoff: Duration::from_millis(1), ..LookupOptions::default() },
    }
}

fn operate(config: LookupJoinConfig) -> Operate {
    Operate::unkeyed(1, move |_| LookupJoin::new(config.clone()))
}

#[test]
fn rows_meet_what_is_found_for_them_in_their_order() {
    let names = Names { pause_ms: 3, ..Names::default() };
    let mut test = operate(config(JoinType::Left, &names));
    test.rows(0, asks().rows("+I | 2 | 10 | 00:01\n+I | null | 11 | 00:02"));
    test.rows(0, asks().rows("-U | 1 | 12 | 00:03\n+U | 0 | 13 | 00:04"));
    test.watermark("00:04");
    test.finish();
    let expected = "+I | 2 | 10 | 2 | 2-0 | 00:01
                    +I | 2 | 10 | 2 | 2-1 | 00:01
                    +I | null | 11 | null | null | 00:02
                    -U | 1 | 12 | 1 | 1-0 | 00:03
                    +U | 0 | 13 | null | null | 00:04";
    assert_eq!(test.take(), text(expected));
}

#[test]
fn no_watermark_overtakes_a_row_in_flight() {
    let names = Names { pause_ms: 100, ..Names::default() };
    let mut test = operate(config(JoinType::Inner, &names));
    test.watermark("00:00.5");
    test.rows(0, asks().rows("+I | 1 | 10 | 00:01"));
    test.watermark("00:02");
    assert_eq!((test.take(), test.watermark_out()), (text(""), Some(time("00:00.5"))));
    test.finish();
    assert_eq!((test.take().len(), test.watermark_out()), (1, Some(time("max"))));
}

#[test]
fn rows_in_flight_survive_a_restart_and_are_given_once() {
    let names = Names { pause_ms: 50, ..Names::default() };
    let mut test = operate(config(JoinType::Inner, &names));
    test.rows(0, asks().rows("+I | 1 | 10 | 00:01\n+D | 1 | 11 | 00:01".replace("+D", "-D").as_str()));
    test.rows(0, asks().rows("+I | 0 | 12 | 00:02"));
    assert_eq!(test.take(), text(""));
    test.restart(1);
    test.restart(1);
    test.rows(0, asks().rows("+I | 2 | 13 | 00:03"));
    test.finish();
    let expected = "+I | 1 | 10 | 1 | 1-0 | 00:01
                    -D | 1 | 11 | 1 | 1-0 | 00:01
                    +I | 2 | 13 | 2 | 2-0 | 00:03
                    +I | 2 | 13 | 2 | 2-1 | 00:03";
    assert_eq!(test.take(), text(expected));
    test.restart(1);
    test.finish();
    assert_eq!(test.take(), text(""));
}

#[test]
fn answers_are_looked_for_while_rows_are_in_flight() {
    let names = Names::default();
    let mut test = operate(config(JoinType::Inner, &names));
    test.rows(0, asks().rows("+I | 1 | 10 | 00:01"));
    let mut lines = test.take();
    for ms in 1..5_000 {
        if !lines.is_empty() {
            break;
        }
        std::thread::sleep(Duration::from_millis(1));
        test.now(&format!("00:00.{:03}", ms % 1_000));
        lines.extend(test.take());
    }
    assert_eq!(lines, text("+I | 1 | 10 | 1 | 1-0 | 00:01"));
}

#[test]
fn what_fails_is_tried_again_and_in_the_end_told() {
    let names = Names { failures: Arc::new(AtomicI64::new(2)), ..Names::default() };
    let mut test = operate(config(JoinType::Inner, &names));
    test.rows(0, asks().rows("+I | 1 | 10 | 00:01"));
    test.finish();
    assert_eq!(test.take(), text("+I | 1 | 10 | 1 | 1-0 | 00:01"));
    assert_eq!(test.figures()[0].retries, 2);

    let names = Names { failures: Arc::new(AtomicI64::new(9)), ..Names::default() };
    let mut pool = super::lookup_pool::LookupPool::start(
        1,
        Arc::new(move || Ok(Box::new(names.clone()))),
        super::lookup_pool::Patience { timeout: Duration::from_secs(9), retries: 1, backoff: Duration::ZERO },
    )
    .unwrap();
    pool.ask(RecordBatch::try_from_iter([("k", Arc::new(Int64Array::from(vec![1])) as ArrayRef)]).unwrap());
    let told = loop {
        if let Err(told) = pool.answer(Duration::from_millis(5), &mut 0) {
            break told.to_string();
        }
    };
    assert!(told.contains("failed 2 times") && told.contains("not now"), "{told}");
}

#[test]
fn a_call_that_hangs_is_given_up_and_another_thread_takes_its_place() {
    let names = Names { hangs: Arc::new(AtomicI64::new(1)), ..Names::default() };
    let mut config = config(JoinType::Inner, &names);
    config.options.threads = 1;
    config.options.timeout = Duration::from_millis(100);
    let mut test = operate(config);
    test.rows(0, asks().rows("+I | 1 | 10 | 00:01"));
    test.finish();
    assert_eq!(test.take(), text("+I | 1 | 10 | 1 | 1-0 | 00:01"));
}

#[test]
fn answers_are_cached_and_the_input_waits_when_much_is_in_flight() {
    let names = Names::default();
    let mut config = config(JoinType::Inner, &names);
    config.options.cache = Some((100, Duration::from_secs(60)));
    config.options.capacity_rows = 1;
    let mut test = operate(config);
    for at in 1..5 {
        test.rows(0, asks().rows(&format!("+I | 1 | {at} | 00:01\n+I | 1 | {at} | 00:02")));
    }
    test.now("05:00");
    test.rows(0, asks().rows("+I | 1 | 9 | 00:03"));
    test.finish();
    assert_eq!(test.take().len(), 9);
    assert_eq!(names.calls.load(SeqCst), 2, "one call, and one after the answer had grown old");
}
