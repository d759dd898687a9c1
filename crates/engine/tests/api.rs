//! The typed API as a Flink user would write it.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tidemill_engine::{
    EventTime,
    api::{
        Collect, Elements, Environment, Never, Process, ProcessContext, SessionWindows, Sliding, Tumbling, TwoInputs,
    },
    runtime::local::LocalRuntime,
};

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Ping {
    device: String,
    second: i64,
    value: i64,
}

fn pings(of: &[(&str, i64, i64)]) -> Elements<Ping> {
    let ping = |&(device, second, value): &(&str, i64, i64)| Ping { device: device.into(), second, value };
    Elements::new(of.iter().map(ping).collect()).in_batches_of(1)
}

fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

fn run(env: &Environment, workers: usize) {
    LocalRuntime::start(env.job().unwrap(), workers).unwrap().run().unwrap();
}

fn sorted<T: Ord + Clone>(of: &Collect<T>) -> Vec<T> {
    let mut rows = of.rows();
    rows.sort();
    rows
}

#[test]
fn rows_are_mapped_filtered_split_and_united() {
    let env = Environment::new("steps");
    let all = Collect::default();
    let some = env.source("some", pings(&[("a", 1, 1), ("b", 2, 2), ("c", 3, 3)]));
    let odd = some.filter(|p| p.value % 2 == 1).map(|p| p.value);
    let twice = some.flat_map(|p| vec![p.value * 10; 2]).filter(|v| *v == 20);
    odd.map(|v| (v,)).union("both", &twice.map(|v| (v,))).sink("all", all.sink());
    run(&env, 2);
    assert_eq!(sorted(&all), [(1,), (3,), (20,), (20,)]);
}

#[test]
fn a_late_row_is_counted_and_comes_out_at_the_side() {
    let env = Environment::new("late");
    let (sums, late) = (Collect::default(), Collect::default());
    let windows = env
        .source("pings", pings(&[("a", 1, 1), ("a", 61, 10), ("a", 2, 5), ("a", 62, 20)]))
        .assign_timestamps("times", |p| EventTime::from_millis(p.second * 1_000), Duration::ZERO)
        .key_by("by device", |p| p.device.clone())
        .window("sum", Tumbling::of(seconds(60)))
        .aggregate_with_late(|| 0i64, |sum, p| *sum += p.value, |k, w, sum| (k.clone(), w.start / 1_000_000, *sum));
    windows.results.sink("sums", sums.sink());
    windows.late.sink("late", late.sink());
    let mut runtime = LocalRuntime::start(env.job().unwrap(), 1).unwrap();
    runtime.run().unwrap();
    assert_eq!(sorted(&sums), [("a".to_string(), 0, 1), ("a".to_string(), 60, 30)]);
    assert_eq!(late.rows().len(), 1);
    assert_eq!(late.rows()[0].second, 2);
    let figures = runtime.metrics().read();
    assert_eq!(figures.iter().map(|f| f.late_rows).sum::<u64>(), 1);
}

#[test]
fn lateness_that_is_allowed_is_waited_for() {
    let env = Environment::new("allowed");
    let sums = Collect::default();
    env.source("pings", pings(&[("a", 1, 1), ("a", 61, 10), ("a", 2, 5)]))
        .assign_timestamps("times", |p| EventTime::from_millis(p.second * 1_000), Duration::ZERO)
        .key_by("by device", |p| p.device.clone())
        .window("sum", Tumbling::of(seconds(60)))
        .allowed_lateness(seconds(5))
        .aggregate(|| 0i64, |sum, p| *sum += p.value, |_, w, sum| (w.start / 1_000_000, *sum))
        .sink("sums", sums.sink());
    run(&env, 1);
    assert_eq!(sorted(&sums), [(0, 6), (60, 10)]);
}

#[test]
fn sliding_windows_overlap_and_reduce_combines_rows() {
    let env = Environment::new("sliding");
    let most = Collect::default();
    env.source("pings", pings(&[("a", 5, 3), ("a", 15, 7), ("a", 25, 5)]))
        .assign_timestamps("times", |p| EventTime::from_millis(p.second * 1_000), Duration::ZERO)
        .key_by("by device", |p| p.device.clone())
        .window("max", Sliding::of(seconds(20), seconds(10)))
        .reduce(|a, b| if a.value >= b.value { a } else { b })
        .sink("most", most.sink());
    run(&env, 2);
    let mut values: Vec<i64> = most.rows().iter().map(|p: &Ping| p.value).collect();
    values.sort();
    assert_eq!(values, [3, 5, 7, 7], "windows from -10, 0, 10 and 20 s");
}

#[test]
fn sessions_merge_when_a_row_joins_them() {
    let env = Environment::new("sessions");
    let sessions = Collect::default();
    // 0 and 50 are two sessions until 25 joins them; 200 is one of its own.
    env.source("pings", pings(&[("a", 0, 1), ("a", 50, 1), ("a", 25, 1), ("a", 200, 1)]))
        .assign_timestamps("times", |p| EventTime::from_millis(p.second * 1_000), seconds(60))
        .key_by("by device", |p| p.device.clone())
        .window("session", SessionWindows::with_gap(seconds(30)))
        .aggregate(|| 0i64, |n, _| *n += 1, |_, w, n| (w.start / 1_000_000, w.end / 1_000_000, *n))
        .sink("sessions", sessions.sink());
    run(&env, 1);
    assert_eq!(sorted(&sessions), [(0, 80, 3), (200, 230, 1)]);
}

/// Passes a reading on while its device is switched on.
struct Gate;

impl TwoInputs<String, Ping, Ping> for Gate {
    type State = bool;
    type Out = Ping;

    fn on_first(&mut self, row: Ping, _: EventTime, ctx: &mut ProcessContext<'_, '_, bool, Ping, Never>) {
        if ctx.state().get().copied().unwrap_or(false) {
            ctx.emit(row);
        }
    }

    fn on_second(&mut self, row: Ping, _: EventTime, ctx: &mut ProcessContext<'_, '_, bool, Ping, Never>) {
        ctx.state().replace(row.value == 1);
    }
}

#[test]
fn connected_streams_share_the_state_of_their_key() {
    let env = Environment::new("gate");
    let open = Collect::default();
    let switches = env.source("switches", pings(&[("a", 0, 1)])).key_by("switch", |p| p.device.clone());
    let readings = env.source("readings", pings(&[("a", 1, 42), ("b", 1, 43)])).key_by("device", |p| p.device.clone());
    readings.connect(&switches).process("gate", || Gate).sink("open", open.sink());
    run(&env, 3);
    assert_eq!(open.rows().iter().map(|p: &Ping| p.value).collect::<Vec<_>>(), [42]);
}

/// Counts in state; says so when the wall clock strikes.
struct Strike;

impl Process<String, Ping> for Strike {
    type State = u32;
    type Out = (String, u32);
    type Side = (String, i64);

    fn on_row(&mut self, row: Ping, _: EventTime, ctx: &mut ProcessContext<'_, '_, u32, (String, u32), (String, i64)>) {
        *ctx.state().or_insert_with(|| 0) += 1;
        ctx.set_processing_timer(EventTime(1_000));
        ctx.emit_side((row.device, row.value));
    }

    fn on_timer(
        &mut self,
        key: &String,
        _: EventTime,
        ctx: &mut ProcessContext<'_, '_, u32, (String, u32), (String, i64)>,
    ) {
        if let Some(count) = ctx.state().take() {
            ctx.emit((key.clone(), count));
        }
    }
}

#[test]
fn processing_time_timers_fire_by_the_wall_clock_alone() {
    let env = Environment::new("strike");
    let (counts, seen) = (Collect::default(), Collect::default());
    let strike = env
        .source("pings", pings(&[("a", 0, 1), ("b", 0, 2), ("a", 0, 3)]))
        .key_by("by device", |p| p.device.clone())
        .process("strike", || Strike);
    strike.main.sink("counts", counts.sink());
    strike.side.sink("seen", seen.sink());
    let mut runtime = LocalRuntime::start(env.job().unwrap(), 2).unwrap();
    runtime.run().unwrap();
    assert_eq!((counts.rows(), seen.rows().len()), (vec![], 3));
    runtime.set_time(EventTime(1_000)).unwrap();
    assert_eq!(sorted(&counts), [("a".to_string(), 2), ("b".to_string(), 1)]);
}

#[test]
fn a_type_that_can_not_be_a_row_is_refused_when_the_job_is_built() {
    let env = Environment::new("rows");
    let numbers = env.source("pings", pings(&[("a", 0, 1)])).map(|p| p.value);
    numbers.key_by("by value", |v| *v).process("none", || Nothing).main.sink("out", Collect::default().sink());
    let error = env.job().unwrap_err().to_string();
    assert!(error.contains("can't be a row"), "{error}");
}

struct Nothing;

impl Process<i64, i64> for Nothing {
    type State = u8;
    type Out = (i64,);
    type Side = Never;
    fn on_row(&mut self, _: i64, _: EventTime, _: &mut ProcessContext<'_, '_, u8, (i64,), Never>) {}
}
