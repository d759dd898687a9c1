//! Order, watermarks and progress across exchanges: the traps of the transport, each with a test.

#![allow(clippy::unwrap_used)]

mod support;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use support::{Faults, Ledger, Numbers, job, pairs, rows};
use tidemill_engine::{
    Batch, CheckpointStore, Delivery, EventTime, Job, Operator, OperatorContext, Output, Replay, Result, Routing,
    SnapshotReader, SnapshotWriter, Source, SourceOutput, SourceStatus, Waker,
    runtime::{
        supervisor::JobState,
        timely::{TimelyOptions, TimelyRuntime, Transport},
    },
};

/// Sends one small batch a poll, with a watermark after each, and moves through epochs as fast as it can.
#[derive(Clone)]
struct Ticker {
    batches: i64,
    sent: i64,
    me: i64,
    /// Worker that stays silent until the others are through: `None` for none.
    silent: Option<(i64, bool)>,
}

impl Source for Ticker {
    fn open(&mut self, context: &OperatorContext, _waker: Waker) -> Result<()> {
        self.me = context.worker as i64;
        Ok(())
    }

    fn poll(&mut self, _budget: usize, out: &mut SourceOutput<'_>) -> Result<SourceStatus> {
        if let Some((worker, idle)) = self.silent
            && worker == self.me
        {
            if idle {
                out.idle();
            }
            return Ok(SourceStatus::Waiting);
        }
        let (n, me) = (self.sent, self.me);
        out.emit(rows((0..4).map(|k: u8| vec![k]), vec![me * 1_000_000 + n; 4], vec![n * 1_000; 4]));
        out.watermark(EventTime(n * 1_000));
        self.sent += 1;
        Ok(if self.sent == self.batches { SourceStatus::Finished } else { SourceStatus::More })
    }

    fn snapshot(&mut self, _writer: &mut SnapshotWriter) -> Result<()> {
        Ok(())
    }

    fn restore(&mut self, _reader: &SnapshotReader) -> Result<()> {
        Ok(())
    }

    fn replay(&self) -> Replay {
        Replay::FromPosition
    }
}

/// What an operator saw, in its order.
#[derive(Default, Debug)]
struct Seen {
    rows: usize,
    out_of_order: usize,
    behind_watermark: usize,
    highest: i64,
}

struct Watch {
    last: BTreeMap<(i64, Vec<u8>), i64>,
    seen: Arc<Mutex<Seen>>,
}

impl Operator for Watch {
    fn on_batch(&mut self, _port: usize, batch: Batch, out: &mut Output<'_>) -> Result<()> {
        let mut seen = self.seen.lock().unwrap();
        for ((key, value), time) in pairs(&batch).into_iter().zip(batch.times()) {
            let (sender, n) = (value / 1_000_000, value % 1_000_000);
            let last = self.last.insert((sender, key), n);
            seen.rows += 1;
            seen.out_of_order += usize::from(last.is_some_and(|last| last >= n));
            seen.behind_watermark += usize::from(*time < out.watermark().0);
        }
        Ok(())
    }

    fn on_watermark(&mut self, time: EventTime, _out: &mut Output<'_>) -> Result<()> {
        let mut seen = self.seen.lock().unwrap();
        if time < EventTime::MAX {
            seen.highest = seen.highest.max(time.0);
        }
        Ok(())
    }
}

fn run(workers: usize, routing: Routing, transport: Transport, silent: Option<(i64, bool)>) -> (JobState, Seen) {
    let dir = tempfile::tempdir().unwrap();
    let store = CheckpointStore::local(dir.path(), "order").unwrap();
    let seen = Arc::new(Mutex::new(Seen::default()));
    let mut job = Job::new("order");
    let source =
        job.source("ticker", Replay::FromPosition, move |_| Ok(Ticker { batches: 3_000, sent: 0, me: 0, silent }));
    let shared = seen.clone();
    job.operator("watch", &[(source, 0, routing)], move |_| Ok(Watch { last: BTreeMap::new(), seen: shared.clone() }));
    let options = TimelyOptions {
        workers,
        transport,
        epoch: Duration::from_micros(50),
        checkpoint_interval: Duration::from_micros(100),
        ..Default::default()
    };
    let handle = TimelyRuntime::start(job, options, store).unwrap();
    let mut state = handle.wait_for(Duration::from_secs(if silent.is_some() { 2 } else { 60 }));
    if silent.is_some() {
        state = handle.stop();
    }
    drop(handle);
    (state, Arc::try_unwrap(seen).unwrap().into_inner().unwrap())
}

/// Many senders at different epochs, many small frames pending: rows of a sender keep their order, and none comes behind
/// the merged watermark of its own sender's word.
#[test]
fn rows_of_a_sender_keep_their_order_through_an_exchange_under_many_epochs() {
    for (workers, transport) in [(1, Transport::Threads), (4, Transport::Threads), (3, Transport::Bytes)] {
        let (state, seen) = run(workers, Routing::Key(0), transport, None);
        assert_eq!(state, JobState::Finished);
        assert_eq!(seen.rows, workers * 3_000 * 4);
        assert_eq!((seen.out_of_order, seen.behind_watermark), (0, 0), "{workers} workers by {transport:?}");
        assert_eq!(seen.highest, 2_998_000);
    }
}

#[test]
fn a_broadcast_reaches_every_worker_and_the_job_still_ends() {
    for (workers, transport) in [(1, Transport::Threads), (3, Transport::Threads), (2, Transport::Bytes)] {
        let (state, seen) = run(workers, Routing::Broadcast, transport, None);
        assert_eq!(state, JobState::Finished);
        assert_eq!(seen.rows, workers * workers * 3_000 * 4);
    }
}

#[test]
fn a_silent_sender_holds_event_time_back_until_it_says_that_it_is_idle() {
    let (state, seen) = run(3, Routing::Key(0), Transport::Threads, Some((1, false)));
    assert_eq!(state, JobState::Stopped);
    assert_eq!(seen.highest, 0, "the merged watermark waits for the silent sender");
    assert_eq!(seen.rows, 2 * 3_000 * 4, "its rows are processed all the same");

    let (state, seen) = run(3, Routing::Key(0), Transport::Threads, Some((1, true)));
    assert_eq!(state, JobState::Stopped);
    assert_eq!(seen.highest, 2_998_000, "an idle sender holds nobody back");
}

#[test]
fn any_number_of_workers_gives_the_same_result() {
    let numbers = Numbers::new(7, 5_000, 313);
    for workers in [1, 2, 5] {
        let dir = tempfile::tempdir().unwrap();
        let store = CheckpointStore::local(dir.path(), "sums").unwrap();
        let (passed, summed) = (Ledger::default(), Ledger::default());
        let options = TimelyOptions { workers, ..Default::default() };
        let job = job(&numbers, &Faults::default(), &passed, &summed);
        let handle = TimelyRuntime::start(job, options, store).unwrap();
        assert_eq!(handle.wait_for(Duration::from_secs(60)), JobState::Finished);
        assert_eq!(summed.sums(), numbers.expected(), "{workers} workers");
    }
}

#[test]
fn a_slow_sink_slows_the_source_down_and_memory_stays_flat() {
    let dir = tempfile::tempdir().unwrap();
    let store = CheckpointStore::local(dir.path(), "slow").unwrap();
    let mut numbers = Numbers::new(1, 10_000_000, 1_000);
    numbers.batch = 1_000;
    let mut ledger = Ledger::default();
    ledger.pause = Duration::from_millis(20);
    let mut job = Job::new("slow");
    let source = job.source("numbers", Replay::FromPosition, move |_| Ok(numbers.clone()));
    let sink = ledger.clone();
    job.sink("slow", &[(source, Routing::Single)], Delivery::Transactional, move |_| Ok(sink.sink()));
    let options = TimelyOptions { workers: 2, budget_bytes: 256 << 10, ..Default::default() };
    let handle = TimelyRuntime::start(job, options, store).unwrap();
    std::thread::sleep(Duration::from_millis(1_500));
    let figures = handle.metrics().read();
    let rows = |name: &str| -> u64 { figures.iter().filter(|f| f.operator == name).map(|f| f.rows_in).sum() };
    let (read, written) = (rows("numbers"), rows("slow"));
    assert_eq!(handle.stop(), JobState::Stopped);
    assert!(written > 0, "the job makes progress");
    // A row of this job is 36 bytes and more; the budget is looked at before each poll of 1,000 rows.
    assert!(read - written <= 256 * 1024 / 36 + 2_000, "{read} rows read, {written} written");
}

#[test]
fn a_job_that_cannot_keep_its_promise_is_refused_with_the_part_that_breaks_it() {
    let mut job = Job::new("promise");
    let source = job.source("clock", Replay::None, |_| Ok(Numbers::new(1, 1, 1)));
    let ledger = Ledger::default();
    job.sink("ledger", &[(source, Routing::Forward)], Delivery::Transactional, move |_| Ok(ledger.sink()));
    let error = job.check().unwrap_err().to_string();
    assert!(error.contains("'clock' can't replay"), "{error}");
}
