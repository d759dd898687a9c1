//! Checkpoints larger than what may be in memory, storage that stands still, and storage that lies.

#![allow(clippy::unwrap_used)]

mod support;

use std::{
    sync::{Arc, atomic::Ordering::SeqCst},
    time::Duration,
};

use support::{Faults, Ledger, Numbers, job, storage::Storage};
use tidemill_engine::{
    CheckpointStore, EventTime, Job, Operator, Output, Replay, Result, Routing, SnapshotReader, SnapshotWriter,
    StateTable,
    runtime::{
        local::LocalRuntime,
        supervisor::{JobState, RestartPolicy},
        timely::{TimelyOptions, TimelyRuntime},
    },
};

/// Keeps a thousand bytes for each key, and sets a timer for it.
struct Hoard {
    last: StateTable<(i64, Vec<u8>)>,
    seen: Arc<std::sync::Mutex<Vec<(Vec<u8>, i64)>>>,
}

impl Operator for Hoard {
    fn on_batch(&mut self, _port: usize, batch: tidemill_engine::Batch, out: &mut Output<'_>) -> Result<()> {
        for (key, value) in support::pairs(&batch) {
            *self.last.entry(&key, Default::default) = (value, vec![value as u8; 1_000]);
            out.set_timer(EventTime(i64::MAX - 1), &key);
        }
        Ok(())
    }

    /// Once the input has ended: tells each key's value, which its timer has waited for.
    fn on_timer(&mut self, timer: &tidemill_engine::timers::Timer, _out: &mut Output<'_>) -> Result<()> {
        let (value, bytes) = self.last.get(&timer.key).unwrap();
        assert!(bytes.iter().all(|b| *b == *value as u8));
        self.seen.lock().unwrap().push((timer.key.to_vec(), *value));
        Ok(())
    }

    fn snapshot(&mut self, _epoch: tidemill_engine::Epoch, writer: &mut SnapshotWriter) -> Result<()> {
        self.last.snapshot(writer)
    }

    fn restore(&mut self, reader: &SnapshotReader) -> Result<()> {
        self.last.restore(reader)
    }
}

const KEYS: u64 = 4_000;

#[test]
fn state_far_larger_than_a_block_is_written_merged_and_restored_in_pieces() {
    let storage = Storage::default();
    let store = CheckpointStore::new(Arc::new(storage.clone()), "hoard");
    let mut numbers = Numbers::new(1, 40 * KEYS, KEYS);
    numbers.batch = KEYS / 2;
    let seen = Arc::default();
    let start = |workers| {
        let mut job = Job::new("hoard");
        let (numbers, seen) = (numbers.clone(), Arc::clone(&seen));
        let source = job.source("numbers", Replay::FromPosition, move |_| Ok(numbers.clone()));
        job.operator("hoard", &[(source, 0, Routing::Key(0))], move |_| {
            Ok(Hoard { last: StateTable::new("last"), seen: Arc::clone(&seen) })
        });
        LocalRuntime::restore(job, workers, &store, None).unwrap()
    };
    let mut runtime = start(2);
    // Half of all keys change with each checkpoint. Nothing but a merge reads what was written.
    let traffic = &storage.traffic;
    let mut steps = 0;
    while traffic.read.load(SeqCst) < 8 << 20 {
        runtime.step().unwrap();
        runtime.checkpoint().unwrap();
        steps += 1;
        assert!(steps < 60, "no merge of {} bytes has begun", traffic.written.load(SeqCst));
        std::thread::sleep(Duration::from_millis(5));
    }
    for _ in 0..3 {
        runtime.step().unwrap();
        runtime.checkpoint().unwrap();
        std::thread::sleep(Duration::from_millis(200)); // the merge ends, and a later checkpoint takes it up
    }
    drop(runtime);
    let mut runtime = start(3);
    runtime.run().unwrap();
    let mut seen = std::mem::take(&mut *seen.lock().unwrap());
    seen.sort();
    let last = |key: u64| (key.to_be_bytes().to_vec(), (39 * KEYS + key) as i64);
    assert_eq!(seen, (0..KEYS).map(last).collect::<Vec<_>>());

    let (read, written) = (traffic.largest_read.load(SeqCst), traffic.largest_write.load(SeqCst));
    assert!(traffic.written.load(SeqCst) > 20 << 20);
    assert!(read < 512 << 10, "{read} bytes were read at once");
    assert!(written < 9 << 20, "{written} bytes were written at once");
}

#[test]
fn rows_flow_while_storage_stands_still_and_count_once_after_a_failure() {
    let storage = Storage::default();
    let store = CheckpointStore::new(Arc::new(storage.clone()), "sums");
    let mut numbers = Numbers::new(4, 60_000, 1_000);
    numbers.pause = Duration::from_micros(300);
    let (passed, summed, faults) = (Ledger::default(), Ledger::default(), Faults::errors(0, 20));
    let options = TimelyOptions {
        workers: 2,
        epoch: Duration::from_millis(2),
        checkpoint_interval: Duration::from_millis(6),
        budget_bytes: 128 << 10,
        restart: RestartPolicy { first_wait: Duration::from_millis(1), ..Default::default() },
        ..Default::default()
    };
    let handle = TimelyRuntime::start(job(&numbers, &faults, &passed, &summed), options, store).unwrap();
    let metrics = handle.metrics().clone();
    let read = || metrics.read().iter().filter(|f| f.operator == "numbers").map(|f| f.rows_in).sum::<u64>();
    let wait_until = |what: &dyn Fn() -> bool| {
        let begun = std::time::Instant::now();
        while !what() {
            assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", handle.state());
            std::thread::sleep(Duration::from_millis(1));
        }
    };
    wait_until(&|| metrics.checkpoints.load(SeqCst) >= 2);
    storage.traffic.shut(true);
    std::thread::sleep(Duration::from_millis(20));
    let (at, checkpoints) = (read(), metrics.checkpoints.load(SeqCst));
    // Many times the byte budget goes through, though no checkpoint ends.
    wait_until(&|| read() >= at + 40_000);
    assert_eq!(metrics.checkpoints.load(SeqCst), checkpoints);
    // And then the job fails: all of that has to come again.
    faults.arm(3);
    wait_until(&|| metrics.restarts.load(SeqCst) >= 1);
    storage.traffic.shut(false);
    assert_eq!(handle.wait_for(Duration::from_secs(60)), JobState::Finished);
    assert!(faults.left() <= 0, "all faults struck");
    assert_eq!(passed.sums(), numbers.expected());
    assert_eq!(summed.sums(), numbers.expected());
}

#[test]
fn damaged_state_is_refused_with_the_object_that_holds_it() {
    let storage = Storage::default();
    let store = CheckpointStore::new(Arc::new(storage.clone()), "sums");
    let numbers = Numbers::new(2, 5_000, 100);
    let (passed, summed) = (Ledger::default(), Ledger::default());
    let start = || LocalRuntime::restore(job(&numbers, &Faults::default(), &passed, &summed), 1, &store, None);
    let mut runtime = start().unwrap();
    runtime.step().unwrap();
    runtime.checkpoint().unwrap();
    assert!(storage.damage("sums/segments") > 0);
    let error = start().unwrap_err().to_string();
    assert!(error.contains("TM-ENGINE-0004") && error.contains("segments/"), "{error}");
}
