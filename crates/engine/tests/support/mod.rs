//! A small job whose right result is known: numbers, counted and summed by key, into a ledger.

#![allow(dead_code, unreachable_pub, clippy::unwrap_used)] // each test file uses a part of it

pub mod storage;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, AtomicU64, Ordering::SeqCst},
    },
    time::Duration,
};

use arrow::array::{ArrayRef, AsArray, BinaryArray, Int64Array, RecordBatch};
use arrow::datatypes::Int64Type;
use tidemill_engine::{
    Batch, Delivery, EngineError, Epoch, EventTime, Job, Operator, OperatorContext, Output, Replay, Result, Routing,
    Sink, SnapshotReader, SnapshotWriter, Source, SourceOutput, SourceStatus, StateTable, Waker,
};

/// Rows (key, value), all at the times given.
pub fn rows(keys: impl IntoIterator<Item = Vec<u8>>, values: Vec<i64>, times: Vec<i64>) -> Batch {
    let keys: ArrayRef = Arc::new(BinaryArray::from_iter_values(keys));
    let values: ArrayRef = Arc::new(Int64Array::from(values));
    let rows = RecordBatch::try_from_iter([("key", keys), ("value", values)]).unwrap();
    Batch::new(rows, times).unwrap()
}

/// Reads (key, value) back.
pub fn pairs(batch: &Batch) -> Vec<(Vec<u8>, i64)> {
    let keys = batch.binary(0).unwrap();
    let values = batch.rows().column(1).as_primitive::<Int64Type>();
    (0..batch.num_rows()).map(|i| (keys.value(i).to_vec(), values.value(i))).collect()
}

/// The numbers `0..total` of each of `splits` splits; number `i` has the key `i % keys` and the time `i` ms.
#[derive(Clone)]
pub struct Numbers {
    pub splits: u64,
    pub total: u64,
    pub keys: u64,
    pub batch: u64,
    /// Pause after each poll, so that a run spans some checkpoints.
    pub pause: Duration,
    /// Stays open at its end: the job runs until it is stopped.
    pub open_end: bool,
    at: BTreeMap<u64, u64>,
}

impl Numbers {
    pub fn new(splits: u64, total: u64, keys: u64) -> Self {
        Numbers { splits, total, keys, batch: 97, pause: Duration::ZERO, open_end: false, at: BTreeMap::new() }
    }

    /// What the sums by key must be.
    pub fn expected(&self) -> BTreeMap<Vec<u8>, i64> {
        let mut sums = BTreeMap::new();
        for i in 0..self.total {
            *sums.entry((i % self.keys).to_be_bytes().to_vec()).or_default() += (i * self.splits) as i64;
        }
        sums
    }
}

impl Source for Numbers {
    fn open(&mut self, context: &OperatorContext, _waker: Waker) -> Result<()> {
        let mine = (0..self.splits).filter(|s| *s as usize % context.workers == context.worker);
        self.at = mine.map(|s| (s, 0)).collect();
        Ok(())
    }

    fn poll(&mut self, _budget: usize, out: &mut SourceOutput<'_>) -> Result<SourceStatus> {
        for at in self.at.values_mut() {
            let to = self.total.min(*at + self.batch);
            let numbers = *at..to;
            let keys = numbers.clone().map(|i| (i % self.keys).to_be_bytes().to_vec());
            let values = numbers.clone().map(|i| i as i64).collect();
            let times = numbers.map(|i| i as i64 * 1_000).collect();
            out.emit(rows(keys, values, times));
            *at = to;
        }
        match self.at.values().min() {
            Some(&at) if at < self.total => {
                out.watermark(EventTime(at as i64 * 1_000 - 1));
                std::thread::sleep(self.pause);
                Ok(SourceStatus::More)
            }
            _ if self.open_end => {
                out.idle();
                Ok(SourceStatus::Waiting)
            }
            _ => Ok(SourceStatus::Finished),
        }
    }

    fn snapshot(&mut self, writer: &mut SnapshotWriter) -> Result<()> {
        for (split, at) in &self.at {
            writer.union("at", &split.to_be_bytes(), Some(&at.to_be_bytes()));
        }
        Ok(())
    }

    fn restore(&mut self, reader: &SnapshotReader) -> Result<()> {
        for (split, at) in reader.table("at") {
            let split = u64::from_be_bytes(split.try_into().unwrap());
            if let Some(mine) = self.at.get_mut(&split) {
                *mine = u64::from_be_bytes(at.try_into().unwrap());
            }
        }
        Ok(())
    }

    fn replay(&self) -> Replay {
        Replay::FromPosition
    }
}

/// Something that goes wrong, a given number of times.
#[derive(Clone, Default)]
pub struct Faults {
    left: Arc<AtomicI64>,
    calls: Arc<AtomicU64>,
    every: u64,
    panics: bool,
}

impl Faults {
    pub fn errors(times: i64, every: u64) -> Self {
        Faults { left: Arc::new(AtomicI64::new(times)), calls: Arc::default(), every, panics: false }
    }

    pub fn panics(times: i64, every: u64) -> Self {
        Faults { panics: true, ..Self::errors(times, every) }
    }

    /// It goes wrong so often from now on.
    pub fn arm(&self, times: i64) {
        self.left.store(times, SeqCst);
    }

    pub fn left(&self) -> i64 {
        self.left.load(SeqCst)
    }

    fn strike(&self) -> Result<()> {
        let call = self.calls.fetch_add(1, SeqCst) + 1;
        if self.every == 0 || !call.is_multiple_of(self.every) || self.left.fetch_sub(1, SeqCst) <= 0 {
            return Ok(());
        }
        assert!(!self.panics, "an injected panic");
        Err(EngineError::operator("sum", "an injected fault"))
    }
}

/// Keeps the sum of each key in state, and passes each row on.
pub struct Sum {
    sums: StateTable<i64>,
    faults: Faults,
}

impl Sum {
    pub fn new(faults: Faults) -> Self {
        Sum { sums: StateTable::new("sums"), faults }
    }
}

impl Operator for Sum {
    fn on_batch(&mut self, _port: usize, batch: Batch, out: &mut Output<'_>) -> Result<()> {
        self.faults.strike()?;
        for (key, value) in pairs(&batch) {
            *self.sums.entry(&key, || 0) += value;
        }
        out.emit(batch);
        Ok(())
    }

    /// At the end of the input each key's sum goes out of port 1.
    fn on_watermark(&mut self, time: EventTime, out: &mut Output<'_>) -> Result<()> {
        if time == EventTime::MAX {
            let (keys, values): (Vec<_>, Vec<_>) = self.sums.iter().map(|(k, v)| (k.to_vec(), *v)).unzip();
            let times = vec![0; keys.len()];
            out.emit_to(1, rows(keys, values, times));
        }
        Ok(())
    }

    fn snapshot(&mut self, _epoch: Epoch, writer: &mut SnapshotWriter) -> Result<()> {
        self.sums.snapshot(writer)
    }

    fn restore(&mut self, reader: &SnapshotReader) -> Result<()> {
        self.sums.restore(reader)
    }

    fn state_keys(&self) -> usize {
        self.sums.len()
    }
}

/// What sinks have made visible.
#[derive(Default, Debug)]
pub struct Visible {
    pub sums: BTreeMap<Vec<u8>, i64>,
    pub rows: u64,
    applied: BTreeSet<(Epoch, String)>,
}

/// A transactional sink over memory that outlives the job.
#[derive(Clone, Default)]
pub struct Ledger {
    pub visible: Arc<Mutex<Visible>>,
    held: Vec<(Vec<u8>, i64)>,
    pub pause: Duration,
}

impl Ledger {
    pub fn sums(&self) -> BTreeMap<Vec<u8>, i64> {
        self.visible.lock().unwrap().sums.clone()
    }

    pub fn rows(&self) -> u64 {
        self.visible.lock().unwrap().rows
    }

    /// A sink that shows its rows here.
    pub fn sink(&self) -> Self {
        Ledger { visible: self.visible.clone(), held: Vec::new(), pause: self.pause }
    }
}

impl Sink for Ledger {
    fn write(&mut self, batch: Batch) -> Result<()> {
        std::thread::sleep(self.pause);
        self.held.extend(pairs(&batch));
        Ok(())
    }

    fn prepare(&mut self, _epoch: Epoch, _writer: &mut SnapshotWriter) -> Result<Option<Vec<u8>>> {
        if self.held.is_empty() {
            return Ok(None);
        }
        Ok(Some(serde_json::to_vec(&std::mem::take(&mut self.held)).unwrap()))
    }

    fn commit(&mut self, epoch: Epoch, id: &str, committable: &[u8]) -> Result<()> {
        let mut visible = self.visible.lock().unwrap();
        if visible.applied.insert((epoch, id.to_string())) {
            let rows: Vec<(Vec<u8>, i64)> = serde_json::from_slice(committable).unwrap();
            for (key, value) in rows {
                *visible.sums.entry(key).or_default() += value;
                visible.rows += 1;
            }
        }
        Ok(())
    }

    fn delivery(&self) -> Delivery {
        Delivery::Transactional
    }
}

/// numbers -> by key -> sum -> (each row) `passed`, (the sums at the end) `summed`.
pub fn job(numbers: &Numbers, faults: &Faults, passed: &Ledger, summed: &Ledger) -> Job {
    let mut job = Job::new("sums");
    let (numbers, faults) = (numbers.clone(), faults.clone());
    let source = job.source("numbers", Replay::FromPosition, move |_| Ok(numbers.clone()));
    let sum = job.operator("sum", &[(source, 0, Routing::Key(0))], move |_| Ok(Sum::new(faults.clone())));
    for (name, output, ledger) in [("passed", 0, passed), ("summed", 1, summed)] {
        let ledger = ledger.clone();
        let from = tidemill_engine::Port { node: sum, output };
        job.sink(name, &[(from, Routing::Forward)], Delivery::Transactional, move |_| Ok(ledger.sink()));
    }
    job
}
