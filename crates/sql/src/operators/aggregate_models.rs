//! The aggregating operators against their definitions, on random rows in random batches, with restarts at random places.
//!
//! A model is what a reader of the manual would write: it keeps all rows and looks through them.

use std::{collections::BTreeMap, time::Duration};

use arrow::datatypes::DataType;
use proptest::prelude::*;
use tidemill_engine::EventTime;

use super::{
    group_aggregate::{GroupAggregate, GroupAggregateConfig},
    over_aggregate::{OverAggregate, OverAggregateConfig, OverFrame, OverOrder},
    session_window_aggregate::{SessionWindowAggregate, SessionWindowAggregateConfig},
    testing::{Consolidated, Event, Table, clock, play, table},
    window_aggregate::{TimeAttribute, WindowAggregate, WindowAggregateConfig, WindowAssignment},
    windows::Windows,
};
use crate::aggregate::{AggregateCall, AggregateFunction as F};

/// A row: key, value and time, and whether it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Row {
    key: u8,
    value: i64,
    time: i64,
    goes: bool,
}

/// What happens: rows in a batch, or the watermark rises.
#[derive(Clone, Debug)]
enum Act {
    Rows(Vec<Row>),
    Watermark(i64),
}

const HALF_SECOND: i64 = 500_000;

fn input() -> Table {
    table("key: Utf8, value: Int64").keyed(&[0])
}

fn results(window: bool) -> Table {
    let window = if window { ", start: Timestamp, end: Timestamp, time: Timestamp" } else { "" };
    table(&format!("key: Utf8, n: Int64, sum: Int64, max: Int64{window}"))
}

fn aggregates() -> Vec<AggregateCall> {
    vec![AggregateCall::new(F::CountAll, []), AggregateCall::new(F::Sum, [1]), AggregateCall::new(F::Max, [1])]
}

/// `n | sum | max` of values.
fn summary(values: &[i64]) -> String {
    let max = values.iter().max().unwrap();
    format!("{} | {} | {max}", values.len(), values.iter().sum::<i64>())
}

/// Acts, where some rows go again if they may, and watermarks only rise.
fn acts(retracts: bool) -> impl Strategy<Value = Vec<Act>> {
    let step = (0u8..12, 0u8..3, -4i64..9, 0i64..40, any::<prop::sample::Index>());
    prop::collection::vec(step, 0..50).prop_map(move |steps| {
        let (mut acts, mut rows, mut there, mut watermark) = (Vec::new(), Vec::new(), Vec::new(), i64::MIN);
        for (step, key, value, time, index) in steps {
            let time = time * HALF_SECOND;
            match step {
                0 => acts.push(Act::Rows(std::mem::take(&mut rows))),
                1 if time > watermark => {
                    watermark = time;
                    acts.push(Act::Rows(std::mem::take(&mut rows)));
                    acts.push(Act::Watermark(time));
                }
                2..4 if retracts && !there.is_empty() => {
                    let row: Row = there.remove(index.index(there.len()));
                    rows.push(Row { goes: true, ..row });
                }
                _ => {
                    let row = Row { key, value, time, goes: false };
                    there.push(row);
                    rows.push(row);
                }
            }
        }
        acts.push(Act::Rows(rows));
        acts.push(Act::Watermark(1_000_000_000));
        acts.retain(|act| !matches!(act, Act::Rows(rows) if rows.is_empty()));
        acts
    })
}

/// With how many workers, and for how many acts, the job runs each time it is started.
fn runs() -> impl Strategy<Value = Vec<(usize, usize)>> {
    prop::collection::vec((1usize..4, 1usize..6), 1..4)
}

fn events(acts: &[Act]) -> Vec<Event> {
    let line = |row: &Row| {
        let kind = if row.goes { "-D" } else { "+I" };
        format!("{kind} | {} | {} | {}", row.key, row.value, clock(row.time))
    };
    acts.iter()
        .map(|act| match act {
            Act::Rows(rows) => Event::Rows(0, input().rows(&rows.iter().map(line).collect::<Vec<_>>().join("\n"))),
            Act::Watermark(time) => Event::Watermark(EventTime(*time)),
        })
        .collect()
}

fn sorted(mut lines: Vec<String>) -> Vec<String> {
    lines.sort();
    lines
}

/// Removes one row equal to one that goes, which came before.
fn apply(rows: &mut Vec<Row>, row: Row) {
    if !row.goes {
        rows.push(row);
    } else if let Some(at) = rows.iter().position(|other| *other == Row { goes: false, ..row }) {
        rows.remove(at);
    }
}

fn values(rows: &[Row]) -> Vec<i64> {
    rows.iter().map(|row| row.value).collect()
}

/// Windows that contain a time, by (start, end).
fn windows_of(windows: Windows, time: i64) -> Vec<(i64, i64)> {
    let mut found = Vec::new();
    let (mut end, slice) = (i64::MIN, windows.slice_end(time));
    while let Some(next) = windows.first_end(slice, end) {
        found.push((windows.start(next), next));
        end = next;
    }
    found
}

fn window_kinds() -> impl Strategy<Value = Windows> {
    let second = 1_000_000;
    prop_oneof![
        (1i64..8, -3i64..3)
            .prop_map(move |(size, offset)| Windows::Tumble { size: size * second, offset: offset * second }),
        (1i64..8, 1i64..8).prop_map(move |(size, slide)| Windows::Hop {
            size: size * second,
            slide: slide * second,
            offset: 0
        }),
        (1i64..4, 1i64..5).prop_map(move |(step, n)| Windows::Cumulate {
            size: step * n * second,
            step: step * second,
            offset: 0
        }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn groups_amount_to_the_aggregates_of_their_rows(
        (retracts, acts) in any::<bool>().prop_flat_map(|retracts| (Just(retracts), acts(retracts))), runs in runs())
    {
        let config = GroupAggregateConfig {
            input: input().schema,
            key: vec![DataType::Utf8],
            aggregates: aggregates(),
            retracts,
            state_ttl: None,
            output: results(false).schema,
        };
        let found = play(move |_| GroupAggregate::new(config.clone()), 1, &events(&acts), &runs).main;
        let mut groups: BTreeMap<u8, Vec<Row>> = BTreeMap::new();
        for act in &acts {
            let Act::Rows(rows) = act else { continue };
            rows.iter().for_each(|row| apply(groups.entry(row.key).or_default(), *row));
        }
        let of = |(key, rows): (&u8, &Vec<Row>)| format!("+I | {key} | {} | 00:00", summary(&values(rows)));
        let expected: Vec<String> = groups.iter().filter(|(_, rows)| !rows.is_empty()).map(of).collect();
        prop_assert_eq!(Consolidated::of(&found), Consolidated::of(&expected));
    }

    #[test]
    fn windows_are_the_aggregates_of_the_rows_that_came_in_time(
        windows in window_kinds(), early in any::<bool>(),
        (retracts, acts) in any::<bool>().prop_flat_map(|retracts| (Just(retracts), acts(retracts))), runs in runs())
    {
        let config = WindowAggregateConfig {
            input: input().schema,
            key: vec![DataType::Utf8],
            aggregates: aggregates(),
            retracts,
            windows: WindowAssignment::Assigned { windows, time: TimeAttribute::Rows },
            output: results(true).schema,
        };
        let make = move |_: &_| {
            let operator = WindowAggregate::new(config.clone())?;
            if early { operator.with_early_results(Duration::from_secs(2)) } else { Ok(operator) }
        };
        // A second passes with each act.
        let seconds = (1..).map(|second| Event::Clock(clock(second * 1_000_000)));
        let events: Vec<Event> = events(&acts).into_iter().zip(seconds).flat_map(|(event, second)| [event, second]).collect();
        let found = play(make, 1, &events, &runs);
        let mut open: BTreeMap<(i64, i64, u8), Vec<Row>> = BTreeMap::new();
        let (mut passed, mut late, mut expected) = (i64::MIN, 0, Vec::new());
        for act in &acts {
            match act {
                Act::Rows(rows) => for row in rows {
                    let of_row = windows_of(windows, row.time);
                    let in_time = of_row.iter().filter(|(_, end)| end - 1_000 > passed);
                    in_time.clone().for_each(|(start, end)| apply(open.entry((*end, *start, row.key)).or_default(), *row));
                    late += u64::from(!of_row.is_empty() && in_time.count() == 0);
                },
                Act::Watermark(time) => {
                    passed = *time;
                    let later = open.split_off(&(time + 1_001, i64::MIN, 0));
                    for ((end, start, key), rows) in std::mem::replace(&mut open, later) {
                        if !rows.is_empty() {
                            let (summary, last) = (summary(&values(&rows)), clock(end - 1_000));
                            let window = format!("{} | {} | {last} | {last}", clock(start), clock(end));
                            expected.push(format!("+I | {key} | {summary} | {window}"));
                        }
                    }
                }
            }
        }
        match early {
            true => prop_assert_eq!(Consolidated::of(&found.main), Consolidated::of(&expected)),
            false => prop_assert_eq!(sorted(found.main), sorted(expected)),
        }
        prop_assert_eq!(found.late, late);
    }

    #[test]
    fn sessions_are_the_rows_between_two_gaps(gap in 1i64..8, acts in acts(false), runs in runs()) {
        let gap = gap * HALF_SECOND;
        let config = SessionWindowAggregateConfig {
            input: input().schema,
            key: vec![DataType::Utf8],
            aggregates: aggregates(),
            gap,
            time: TimeAttribute::Rows,
            output: results(true).schema,
        };
        let found = play(move |_| SessionWindowAggregate::new(config.clone()), 1, &events(&acts), &runs);
        let mut open: Vec<(u8, i64, i64, Vec<i64>)> = Vec::new();
        let (mut passed, mut late, mut expected) = (i64::MIN, 0, Vec::new());
        for act in &acts {
            match act {
                Act::Rows(rows) => for row in rows {
                    let (start, end) = (row.time, row.time + gap);
                    let touches = |(key, from, to, _): &(u8, i64, i64, Vec<i64>)| *key == row.key && *from <= end && start <= *to;
                    let (touched, others): (Vec<_>, Vec<_>) = open.drain(..).partition(touches);
                    open = others;
                    if touched.is_empty() && end - 1_000 <= passed {
                        late += 1;
                        continue;
                    }
                    let mut session = (row.key, start, end, vec![row.value]);
                    for (_, from, to, values) in touched {
                        session = (row.key, session.1.min(from), session.2.max(to), [values, session.3].concat());
                    }
                    open.push(session);
                },
                Act::Watermark(time) => {
                    passed = *time;
                    let (complete, others): (Vec<_>, Vec<_>) = open.drain(..).partition(|session| session.2 - 1_000 <= passed);
                    open = others;
                    for (key, start, end, values) in complete {
                        let last = clock(end - 1_000);
                        let window = format!("{} | {} | {last} | {last}", clock(start), clock(end));
                        expected.push(format!("+I | {key} | {} | {window}", summary(&values)));
                    }
                }
            }
        }
        prop_assert_eq!(sorted(found.main), sorted(expected));
        prop_assert_eq!(found.late, late);
    }

    #[test]
    fn rows_see_the_rows_before_them(
        frame in prop_oneof![
            Just(OverFrame::Rows(None)), Just(OverFrame::Range(None)),
            (0u64..4).prop_map(|rows| OverFrame::Rows(Some(rows))),
            (0i64..10).prop_map(|range| OverFrame::Range(Some(range * HALF_SECOND))),
        ],
        sorts in any::<bool>(), acts in acts(false), runs in runs())
    {
        let config = OverAggregateConfig {
            input: input().schema,
            aggregates: aggregates(),
            frame,
            order: if sorts { OverOrder::Sorted(TimeAttribute::Rows) } else { OverOrder::Arrival(TimeAttribute::Rows) },
            state_ttl: None,
            output: table("key: Utf8, value: Int64, n: Int64, sum: Int64, max: Int64").schema,
        };
        let mut acts = acts;
        if !sorts {
            // By arrival, times should not go back.
            let mut times: Vec<i64> = Vec::new();
            acts.iter().for_each(|act| if let Act::Rows(rows) = act { times.extend(rows.iter().map(|row| row.time)) });
            times.sort_unstable_by_key(|time| std::cmp::Reverse(*time));
            for act in &mut acts {
                if let Act::Rows(rows) = act {
                    rows.iter_mut().for_each(|row| row.time = times.pop().unwrap());
                }
            }
            acts.retain(|act| matches!(act, Act::Rows(_)));
        }
        let found = play(move |_| OverAggregate::new(config.clone()), 1, &events(&acts), &runs);
        let (mut passed, mut rows) = (i64::MIN, Vec::<Row>::new());
        for act in &acts {
            match act {
                Act::Rows(some) => rows.extend(some.iter().filter(|row| !sorts || row.time > passed).copied()),
                Act::Watermark(time) => passed = *time,
            }
        }
        if sorts {
            rows.sort_by_key(|row| row.time);
        }
        let mut expected = Vec::new();
        for (at, row) in rows.iter().enumerate() {
            let peers = sorts && matches!(frame, OverFrame::Range(_));
            let end = if peers { rows.iter().rposition(|other| other.time == row.time).unwrap() } else { at };
            let mut seen: Vec<Row> = rows[..=end].iter().copied().filter(|other| other.key == row.key).collect();
            match frame {
                OverFrame::Rows(Some(before)) => drop(seen.drain(..seen.len().saturating_sub(before as usize + 1))),
                OverFrame::Range(Some(range)) => seen.retain(|other| other.time >= row.time - range),
                OverFrame::Rows(None) | OverFrame::Range(None) => {}
            }
            expected.push(format!("+I | {} | {} | {} | {}", row.key, row.value, summary(&values(&seen)), clock(row.time)));
        }
        prop_assert_eq!(sorted(found.main), sorted(expected));
    }
}
