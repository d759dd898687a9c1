//! The one set of figures that every operator, source and sink reports, and what an application counts itself.

mod application;

pub use application::{Counter, Gauge, GroupName, MetricFigure, MetricGroup, MetricKind};

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::Relaxed},
};

use serde::Serialize;

/// Figures of one operator on one worker. Counters only grow; gauges say what is now.
#[derive(Debug)]
pub struct OperatorMetrics {
    /// The operator's name.
    pub operator: String,
    /// The worker's index.
    pub worker: usize,
    /// Rows that came in.
    pub rows_in: AtomicU64,
    /// Rows that went out, over all outputs.
    pub rows_out: AtomicU64,
    /// Bytes that came in.
    pub bytes_in: AtomicU64,
    /// Bytes that went out.
    pub bytes_out: AtomicU64,
    /// Batches that came in.
    pub batches_in: AtomicU64,
    /// Rows that came behind the watermark.
    pub late_rows: AtomicU64,
    /// Rows that could not be processed and went to a side output.
    pub errors: AtomicU64,
    /// External calls that were tried again.
    pub retries: AtomicU64,
    /// Time spent inside the operator, nanoseconds.
    pub busy_ns: AtomicU64,
    /// Keys held in state.
    pub state_keys: AtomicU64,
    /// Bytes written by checkpoints.
    pub checkpoint_bytes: AtomicU64,
    /// The merged watermark, microseconds since 1970; `i64::MIN` before the first.
    pub watermark: AtomicI64,
    /// A source has nothing for now, and holds no other's event time back.
    pub idle: AtomicBool,
    /// How far a source is behind the newest data of its input, in records; 0 where it can't tell.
    pub lag_records: AtomicU64,
}

impl OperatorMetrics {
    /// All zero.
    pub fn new(operator: impl Into<String>, worker: usize) -> Arc<Self> {
        Arc::new(OperatorMetrics {
            operator: operator.into(),
            worker,
            rows_in: AtomicU64::new(0),
            rows_out: AtomicU64::new(0),
            bytes_in: AtomicU64::new(0),
            bytes_out: AtomicU64::new(0),
            batches_in: AtomicU64::new(0),
            late_rows: AtomicU64::new(0),
            errors: AtomicU64::new(0),
            retries: AtomicU64::new(0),
            busy_ns: AtomicU64::new(0),
            state_keys: AtomicU64::new(0),
            checkpoint_bytes: AtomicU64::new(0),
            watermark: AtomicI64::new(i64::MIN),
            idle: AtomicBool::new(false),
            lag_records: AtomicU64::new(0),
        })
    }

    /// The figures as they are now.
    pub fn read(&self) -> OperatorFigures {
        OperatorFigures {
            operator: self.operator.clone(),
            worker: self.worker,
            rows_in: self.rows_in.load(Relaxed),
            rows_out: self.rows_out.load(Relaxed),
            bytes_in: self.bytes_in.load(Relaxed),
            bytes_out: self.bytes_out.load(Relaxed),
            batches_in: self.batches_in.load(Relaxed),
            late_rows: self.late_rows.load(Relaxed),
            errors: self.errors.load(Relaxed),
            retries: self.retries.load(Relaxed),
            busy_ns: self.busy_ns.load(Relaxed),
            state_keys: self.state_keys.load(Relaxed),
            checkpoint_bytes: self.checkpoint_bytes.load(Relaxed),
            watermark_us: Some(self.watermark.load(Relaxed)).filter(|&w| w != i64::MIN),
            idle: self.idle.load(Relaxed),
            lag_records: self.lag_records.load(Relaxed),
        }
    }
}

/// [`OperatorMetrics`] at one moment.
#[derive(Clone, Debug, Serialize)]
#[allow(missing_docs)] // the same names and meanings as in `OperatorMetrics`
pub struct OperatorFigures {
    pub operator: String,
    pub worker: usize,
    pub rows_in: u64,
    pub rows_out: u64,
    pub bytes_in: u64,
    pub bytes_out: u64,
    pub batches_in: u64,
    pub late_rows: u64,
    pub errors: u64,
    pub retries: u64,
    pub busy_ns: u64,
    pub state_keys: u64,
    pub checkpoint_bytes: u64,
    pub watermark_us: Option<i64>,
    pub idle: bool,
    pub lag_records: u64,
}

/// Figures of a whole job.
#[derive(Debug, Default)]
pub struct JobMetrics {
    /// The last durable checkpoint's epoch.
    pub checkpoint_epoch: AtomicU64,
    /// Checkpoints that became durable.
    pub checkpoints: AtomicU64,
    /// How long the last one took from its cut to durable, microseconds.
    pub checkpoint_us: AtomicU64,
    /// Restarts after a failure.
    pub restarts: AtomicU64,
    /// What the application counts itself.
    pub application: MetricGroup,
    operators: parking_lot::Mutex<Vec<Arc<OperatorMetrics>>>,
}

impl JobMetrics {
    /// Of a job whose application counts in `application`.
    pub(crate) fn new(application: MetricGroup) -> Arc<Self> {
        Arc::new(JobMetrics { application, ..JobMetrics::default() })
    }

    /// The figures of an operator on a worker, made at its first use; they survive a restart of the job.
    pub fn operator(&self, operator: &str, worker: usize) -> Arc<OperatorMetrics> {
        let mut all = self.operators.lock();
        if let Some(found) = all.iter().find(|m| m.worker == worker && m.operator == operator) {
            return found.clone();
        }
        let made = OperatorMetrics::new(operator, worker);
        all.push(made.clone());
        made
    }

    /// Every operator's figures.
    pub fn read(&self) -> Vec<OperatorFigures> {
        self.operators.lock().iter().map(|m| m.read()).collect()
    }
}
