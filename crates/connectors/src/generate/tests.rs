//! Generators on worker threads: woken when rows are due, and finished when there are no more.

use std::time::Duration;

use arrow::datatypes::DataType;
use tidemill_engine::CheckpointStore;
use tidemill_engine::runtime::supervisor::JobState;
use tidemill_engine::runtime::timely::{TimelyOptions, TimelyRuntime};

use super::splits::Splits;
use crate::testing::{Seen, declare, reading};
use crate::{Environment, source};

fn run(columns: &[(&str, DataType)], options: &[(&str, &str)], workers: usize) -> Vec<String> {
    let table = source(&declare(columns, options), &Environment::default()).unwrap();
    let (seen, none) = (Seen::default(), Seen::default());
    let folder = tempfile::tempdir().unwrap();
    let store = CheckpointStore::local(folder.path(), "test").unwrap();
    let options = TimelyOptions { workers, ..TimelyOptions::default() };
    let handle = TimelyRuntime::start(reading(&table, &[0], &seen, &none), options, store).unwrap();
    assert_eq!(handle.wait_for(Duration::from_secs(60)), JobState::Finished);
    seen.sorted()
}

#[test]
fn a_slow_table_ends_on_worker_threads() {
    let options = [
        ("connector", "datagen"),
        ("rows-per-second", "1000"),
        ("fields.n.kind", "sequence"),
        ("fields.n.start", "100"),
        ("fields.n.end", "299"),
    ];
    let rows = run(&[("n", DataType::Int64)], &options, 3);
    assert_eq!(rows, (100..300).map(|n| n.to_string()).collect::<Vec<_>>());
}

#[test]
fn a_fast_table_is_shared_by_worker_threads() {
    let options = [("connector", "nexmark"), ("nexmark.event", "bid"), ("events.num", "1000000"), ("base-time", "0")];
    let price = [("price", DataType::Int64)];
    assert_eq!(run(&price, &options, 1), run(&price, &options, 2));
}

/// However the numbers are dealt, and wherever the dealing is cut, each number falls to one worker once, and in order.
#[test]
fn each_number_is_taken_once() {
    for workers in [1, 2, 3, 7, 16, 300] {
        let mut taken = vec![0; 10_000];
        for worker in 0..workers {
            let mut splits = Splits::new(16, Some(10_000), worker, workers);
            let mut before = 0;
            for limit in (0..).step_by(333) {
                while let Some(numbers) = splits.take(limit) {
                    assert!(numbers.start >= before && numbers.end <= limit && numbers.end - numbers.start <= 16);
                    before = numbers.end;
                    numbers.for_each(|number| taken[number as usize] += 1);
                }
                if splits.next().is_none() {
                    break;
                }
            }
        }
        assert!(taken.iter().all(|times| *times == 1), "{workers} workers");
    }
}
