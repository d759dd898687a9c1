//! Whatever happens in between, each row counts once.

#![allow(clippy::unwrap_used)]

mod support;

use std::time::Duration;

use support::{Faults, Ledger, Numbers, job};
use tidemill_engine::{
    CheckpointStore,
    runtime::{
        local::LocalRuntime,
        supervisor::{JobState, RestartPolicy},
        timely::{TimelyOptions, TimelyRuntime, Transport},
    },
};

fn options(workers: usize) -> TimelyOptions {
    TimelyOptions {
        workers,
        epoch: Duration::from_millis(2),
        checkpoint_interval: Duration::from_millis(6),
        budget_bytes: 1 << 20,
        restart: RestartPolicy { first_wait: Duration::from_millis(1), ..Default::default() },
        ..Default::default()
    }
}

#[test]
fn a_local_job_that_crashes_between_any_two_steps_counts_each_row_once() {
    let numbers = Numbers::new(3, 600, 7);
    for crash_after in 1..8 {
        for committed in [true, false] {
            let dir = tempfile::tempdir().unwrap();
            let store = CheckpointStore::local(dir.path(), "sums").unwrap();
            let (passed, summed) = (Ledger::default(), Ledger::default());
            let start = |workers| {
                let job = job(&numbers, &Faults::default(), &passed, &summed);
                LocalRuntime::restore(job, workers, &store, None).unwrap()
            };
            let mut runtime = start(1);
            for _ in 0..crash_after {
                runtime.step().unwrap();
            }
            match committed {
                true => runtime.checkpoint().unwrap(),
                false => runtime.checkpoint_without_commit().unwrap(),
            };
            runtime.step().unwrap();
            drop(runtime); // what came after the checkpoint is lost, and comes again
            let mut runtime = start(3);
            runtime.run().unwrap();
            runtime.checkpoint().unwrap();
            assert_eq!(passed.sums(), numbers.expected(), "crash after {crash_after}");
            assert_eq!(summed.sums(), numbers.expected(), "crash after {crash_after}");
        }
    }
}

#[test]
fn workers_that_fail_and_panic_again_and_again_count_each_row_once() {
    for (workers, transport, faults) in [
        (1, Transport::Threads, Faults::errors(4, 40)),
        (2, Transport::Threads, Faults::panics(4, 60)),
        (4, Transport::Threads, Faults::errors(6, 90)),
        (3, Transport::Bytes, Faults::panics(3, 80)),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let store = CheckpointStore::local(dir.path(), "sums").unwrap();
        let mut numbers = Numbers::new(5, 20_000, 101);
        numbers.pause = Duration::from_micros(200);
        let (passed, summed) = (Ledger::default(), Ledger::default());
        let options = TimelyOptions { transport, ..options(workers) };
        let handle = TimelyRuntime::start(job(&numbers, &faults, &passed, &summed), options, store).unwrap();
        assert_eq!(handle.wait_for(Duration::from_secs(60)), JobState::Finished);
        assert!(faults.left() <= 0, "all faults struck");
        assert_eq!(passed.rows(), 100_000);
        assert_eq!(passed.sums(), numbers.expected(), "{workers} workers by {transport:?}");
        assert_eq!(summed.sums(), numbers.expected(), "{workers} workers by {transport:?}");
    }
}

#[test]
fn a_running_job_rescales_from_one_to_three_to_two_workers() {
    let dir = tempfile::tempdir().unwrap();
    let store = CheckpointStore::local(dir.path(), "sums").unwrap();
    let mut numbers = Numbers::new(6, 100_000, 1_000);
    numbers.pause = Duration::from_millis(1);
    let (passed, summed) = (Ledger::default(), Ledger::default());
    let job = job(&numbers, &Faults::default(), &passed, &summed);
    let handle = TimelyRuntime::start(job, options(1), store).unwrap();
    for (generation, workers) in [(1, 3), (2, 2)] {
        while handle.generation() < generation {
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(Duration::from_millis(20));
        handle.rescale(workers).unwrap();
    }
    assert_eq!(handle.wait_for(Duration::from_secs(60)), JobState::Finished);
    assert_eq!(handle.generation(), 3);
    assert_eq!(passed.sums(), numbers.expected());
    assert_eq!(summed.sums(), numbers.expected());
}

#[test]
fn a_savepoint_by_name_stands_by_itself_and_restores_with_other_workers() {
    let dir = tempfile::tempdir().unwrap();
    let store = CheckpointStore::local(dir.path(), "sums").unwrap();
    let mut numbers = Numbers::new(4, 20_000, 50);
    numbers.pause = Duration::from_micros(500);
    let (passed, summed) = (Ledger::default(), Ledger::default());
    let handle =
        TimelyRuntime::start(job(&numbers, &Faults::default(), &passed, &summed), options(2), store.clone()).unwrap();
    std::thread::sleep(Duration::from_millis(30));
    handle.savepoint("before-deploy").unwrap();
    let error = handle.savepoint("before-deploy").unwrap_err().to_string();
    assert!(error.contains("exists already"), "{error}");
    assert_eq!(handle.wait_for(Duration::from_secs(60)), JobState::Finished);
    assert_eq!(store.savepoints().unwrap(), ["before-deploy"]);

    // From the savepoint again: the sums at the end are the same, because state and positions belong together.
    let (_, again) = (Ledger::default(), Ledger::default());
    let options = TimelyOptions { savepoint: Some("before-deploy".into()), ..options(3) };
    let faults = Faults::default();
    let handle =
        TimelyRuntime::start(job(&numbers, &faults, &Ledger::default(), &again), options, store.clone()).unwrap();
    assert_eq!(handle.wait_for(Duration::from_secs(60)), JobState::Finished);
    assert_eq!(again.sums(), numbers.expected());

    let missing = TimelyOptions { savepoint: Some("typo".into()), ..Default::default() };
    let handle = TimelyRuntime::start(job(&numbers, &faults, &Ledger::default(), &again), missing, store).unwrap();
    let JobState::Failed(error) = handle.wait_for(Duration::from_secs(10)) else { panic!("it started") };
    assert!(error.contains("before-deploy"), "the error names what there is: {error}");
}

#[test]
fn a_stop_commits_what_was_read_and_a_new_start_goes_on_from_there() {
    let dir = tempfile::tempdir().unwrap();
    let store = CheckpointStore::local(dir.path(), "sums").unwrap();
    let mut numbers = Numbers::new(2, 20_000, 10);
    numbers.pause = Duration::from_millis(1);
    let (passed, summed) = (Ledger::default(), Ledger::default());
    let start = || {
        let job = job(&numbers, &Faults::default(), &passed, &summed);
        TimelyRuntime::start(job, options(2), store.clone()).unwrap()
    };
    let handle = start();
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!(handle.stop(), JobState::Stopped);
    let so_far = passed.rows();
    assert!(so_far > 0 && so_far < 40_000, "{so_far} rows were committed by the stop");
    drop(handle);
    assert_eq!(start().wait_for(Duration::from_secs(60)), JobState::Finished);
    assert_eq!(passed.sums(), numbers.expected());
}

#[test]
fn a_run_that_was_believed_dead_cannot_publish() {
    let dir = tempfile::tempdir().unwrap();
    let store = CheckpointStore::local(dir.path(), "sums").unwrap();
    let numbers = Numbers::new(1, 2_000, 3);
    let (passed, summed) = (Ledger::default(), Ledger::default());
    let start = || {
        let job = job(&numbers, &Faults::default(), &passed, &summed);
        LocalRuntime::restore(job, 1, &store, None).unwrap()
    };
    let mut old = start();
    old.step().unwrap();
    old.checkpoint().unwrap();
    let mut new = start();
    old.step().unwrap();
    let error = old.checkpoint().unwrap_err().to_string();
    assert!(error.contains("TM-ENGINE-0005"), "{error}");
    new.run().unwrap();
    new.checkpoint().unwrap();
    assert_eq!(passed.sums(), numbers.expected());
}
