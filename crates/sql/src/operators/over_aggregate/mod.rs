//! OVER windows: each row with aggregates of the rows before it.

mod frame;
#[cfg(test)]
mod tests;
mod waiting;

use std::{cmp::Reverse, collections::BinaryHeap, sync::Arc, time::Duration};

use arrow::{
    array::{Array, Int64Array, RecordBatch},
    datatypes::SchemaRef,
};
use tidemill_engine::{
    Batch, EngineError, Epoch, EventTime, Operator, OperatorContext, Output, Result, SnapshotReader, SnapshotWriter,
    StateTable,
    timers::{TimeDomain, Timer},
};

use super::{
    columns::{rows_of, without_key},
    expiry::Expiry,
    results::{check_output, micros, note_results},
    rows::{RowCodec, key_column},
    window_aggregate::TimeAttribute,
};
use crate::aggregate::{
    Accumulators, AggregateCall, Retraction,
    accumulator::{GroupStep, Step},
    bytes::Bytes,
};
use frame::Partition;
use waiting::{Timed, Waiting, behind, split};

/// Which rows before it a row is aggregated with. It is always one of them itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OverFrame {
    /// `ROWS BETWEEN n PRECEDING AND CURRENT ROW`; none is `UNBOUNDED`.
    Rows(Option<u64>),
    /// `RANGE BETWEEN INTERVAL … PRECEDING AND CURRENT ROW`, in microseconds, the far end included; none is `UNBOUNDED`.
    Range(Option<i64>),
}

/// In which order rows come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OverOrder {
    /// By event time: rows wait until the watermark has passed them. In a `RANGE`, rows of one time see each other. Rows behind
    /// the watermark are late: counted, and emitted to output 1 as they came.
    Sorted(TimeAttribute),
    /// As they arrive, each at once, seeing only what came before it; the times are those by which a `RANGE` ends, and should
    /// not go back. With the wall clock this is Flink's processing time, with row times the windows of Kinesis Data Analytics.
    Arrival(TimeAttribute),
}

/// What an [`OverAggregate`] does.
#[derive(Clone, Debug)]
pub struct OverAggregateConfig {
    /// The input's columns; the encoded key of the partition comes behind them.
    pub input: SchemaRef,
    /// What is computed for each row.
    pub aggregates: Vec<AggregateCall>,
    /// Of which rows.
    pub frame: OverFrame,
    /// In which order.
    pub order: OverOrder,
    /// A partition that had no rows for so long, by the wall clock, starts anew.
    pub state_ttl: Option<Duration>,
    /// The input's columns, then the aggregates' results.
    pub output: SchemaRef,
}

/// Gives each row the aggregates of its frame. Rows keep their times.
///
/// What a frame holds is kept as the encoded arguments of its rows and taken back when they leave it. With a `RANGE`, a partition
/// whose frame the watermark has emptied is forgotten.
#[derive(Debug)]
pub struct OverAggregate {
    config: OverAggregateConfig,
    time: TimeAttribute,
    sorted: bool,
    /// The input's columns that the aggregates take.
    arguments: Vec<usize>,
    schema: SchemaRef,
    codec: RowCodec,
    partitions: StateTable<Partition>,
    states: Accumulators,
    waiting: Waiting,
    /// When partitions may be forgotten, as far as was known when they were put here: an entry for each.
    idle: BinaryHeap<Reverse<(i64, u32)>>,
    expiry: Expiry,
    /// Rows went out since the last snapshot.
    unsaved: bool,
}

impl OverAggregate {
    /// An operator without rows.
    pub fn new(config: OverAggregateConfig) -> Result<Self> {
        let own = config.input.fields().iter().map(|field| Ok(field.data_type().clone()));
        let results = config.aggregates.iter().map(|call| call.result(&config.input));
        check_output("OVER", &config.output, &own.chain(results).collect::<Result<Vec<_>>>()?)?;
        let taken = |call: &AggregateCall| call.arguments.iter().copied().chain(call.filter).collect::<Vec<_>>();
        let mut arguments: Vec<usize> = config.aggregates.iter().flat_map(taken).collect();
        arguments.sort_unstable();
        arguments.dedup();
        let schema: SchemaRef = Arc::new(config.input.project(&arguments)?);
        let place = |at: usize| arguments.binary_search(&at).unwrap_or(usize::MAX);
        let calls: Vec<AggregateCall> = config
            .aggregates
            .iter()
            .map(|call| AggregateCall {
                arguments: call.arguments.iter().map(|at| place(*at)).collect(),
                filter: call.filter.map(place),
                ..call.clone()
            })
            .collect();
        let retraction = match config.frame {
            OverFrame::Rows(None) | OverFrame::Range(None) => Retraction::Never,
            OverFrame::Rows(Some(_)) | OverFrame::Range(Some(_)) => Retraction::Oldest,
        };
        let (time, sorted) = match config.order {
            OverOrder::Sorted(TimeAttribute::Processing) => (TimeAttribute::Processing, false),
            OverOrder::Sorted(time) => (time, true),
            OverOrder::Arrival(time) => (time, false),
        };
        Ok(OverAggregate {
            time,
            sorted,
            codec: RowCodec::of_schema(&schema)?,
            states: Accumulators::new(&calls, &schema, retraction)?,
            waiting: Waiting::new(&config.input)?,
            arguments,
            schema,
            partitions: StateTable::new("partitions"),
            idle: BinaryHeap::new(),
            expiry: Expiry::new(config.state_ttl),
            unsaved: false,
            config,
        })
    }

    fn times(&self, batch: &Batch, out: &Output<'_>) -> Result<Int64Array> {
        Ok(match self.time {
            TimeAttribute::Rows => Int64Array::new(batch.times().to_vec().into(), None),
            TimeAttribute::Processing => Int64Array::from_value(out.now().0, batch.num_rows()),
            TimeAttribute::Column(at) => match batch.rows().columns().get(at) {
                Some(column) => micros(column)?,
                None => return Err(EngineError::Plan(format!("there is no column {at} with the time of rows"))),
            },
        })
    }

    /// Gives rows that come in their order their results.
    fn process(&mut self, rows: &Timed, out: &mut Output<'_>) -> Result<()> {
        let Timed { batch, times } = rows;
        let keys = key_column(batch.rows())?;
        let mut partitions = Vec::with_capacity(times.len());
        for (row, time) in times.iter().enumerate() {
            let (number, new) = self.partitions.number(keys.value(row), Partition::new);
            partitions.push(number);
            if let (true, OverFrame::Range(Some(range))) = (new, self.config.frame) {
                self.idle.push(Reverse((time.saturating_add(range), number)));
            }
        }
        let arguments = batch.rows().project(&self.arguments)?;
        let mut walk = Walk {
            partitions: &mut self.partitions,
            numbers: &partitions,
            times,
            now: out.now().0,
            steps: Vec::with_capacity(times.len() * 3),
            left: Vec::new(),
            ends: Vec::new(),
        };
        match self.config.frame {
            OverFrame::Rows(None) => walk.each_row(),
            OverFrame::Range(None) if !self.sorted => walk.each_row(),
            OverFrame::Range(None) => walk.each_time(None),
            OverFrame::Rows(Some(before)) => {
                let encoded = encoded(&self.codec, &arguments)?;
                walk.rows(&encoded, usize::try_from(before).unwrap_or(usize::MAX));
            }
            OverFrame::Range(Some(range)) if self.sorted => {
                let encoded = encoded(&self.codec, &arguments)?;
                walk.each_time(Some((&encoded, range)));
            }
            OverFrame::Range(Some(range)) => {
                let encoded = encoded(&self.codec, &arguments)?;
                walk.range(&encoded, range);
            }
        }
        let Walk { steps, left, ends, .. } = walk;
        let scanned = self.with_rows_that_left(arguments, &left, &ends)?;
        self.states.grow(self.partitions.numbers());
        let results = self.states.scan(&scanned, &steps, times.len())?;
        let columns = without_key(batch.rows()).iter().cloned().chain(results).collect();
        out.emit(batch.with_rows(rows_of(&self.config.output, columns, times.len())?)?);
        self.expiry.arm(out);
        self.unsaved = true;
        Ok(())
    }

    /// The arguments of rows that came, and behind them of those that left.
    fn with_rows_that_left(&self, arguments: RecordBatch, left: &[u8], ends: &[usize]) -> Result<RecordBatch> {
        if ends.is_empty() || self.arguments.is_empty() {
            return Ok(arguments);
        }
        let starts = std::iter::once(0).chain(ends.iter().copied());
        let decoded = self.codec.decode(starts.zip(ends).filter_map(|(start, end)| left.get(start..*end)))?;
        let rows = arguments.num_rows() + ends.len();
        rows_of(&self.schema, behind(arguments.columns(), &decoded)?, rows)
    }

    /// Forgets partitions whose frames hold no row any more for rows later than a time.
    fn forget(&mut self, time: i64) {
        let OverFrame::Range(Some(range)) = self.config.frame else { return };
        while let Some(Reverse((_, number))) = self.idle.peek().copied().filter(|Reverse((end, _))| *end < time) {
            self.idle.pop();
            let Some(partition) = self.partitions.value_at(number) else { continue };
            let end = partition.latest.saturating_add(range);
            if end < time {
                self.partitions.remove_at(number);
                self.states.reset(number);
            } else {
                self.idle.push(Reverse((end, number)));
            }
        }
    }
}

/// Rows by their encoding; nothing where no argument is taken.
fn encoded(codec: &RowCodec, arguments: &RecordBatch) -> Result<Option<arrow::row::Rows>> {
    if arguments.num_columns() == 0 { Ok(None) } else { codec.encode(arguments.columns()).map(Some) }
}

/// Goes through rows and writes down what happens to their partitions' frames.
struct Walk<'a> {
    partitions: &'a mut StateTable<Partition>,
    /// The partition of each row, and its time.
    numbers: &'a [u32],
    times: &'a [i64],
    now: i64,
    steps: Vec<GroupStep>,
    /// The rows that left, behind each other, and where each ends.
    left: Vec<u8>,
    ends: Vec<usize>,
}

type Encoded = Option<arrow::row::Rows>;

impl Walk<'_> {
    fn step(&mut self, row: usize, step: Step) {
        self.steps.push(GroupStep { group: self.numbers[row], row: row as u32, step });
    }

    /// A row enters its partition's frame.
    fn enter(&mut self, row: usize, encoded: Option<&Encoded>) {
        if let Some(partition) = self.partitions.value_at_mut(self.numbers[row]) {
            partition.latest = partition.latest.max(self.times[row]);
            partition.updated = self.now;
            if let Some(encoded) = encoded {
                let bytes = encoded.as_ref().map(|rows| rows.row(row));
                partition.push(self.times[row], bytes.as_ref().map_or(&[], |row| row.as_ref()));
            }
        }
        self.step(row, Step::Add);
    }

    /// The oldest rows of a row's partition leave while they should.
    fn leave(&mut self, row: usize, should: impl Fn(&Partition) -> bool) {
        let group = self.numbers[row];
        while let Some(partition) = self.partitions.value_at_mut(group).filter(|partition| should(partition)) {
            partition.pop(&mut self.left);
            self.steps.push(GroupStep { group, row: (self.times.len() + self.ends.len()) as u32, step: Step::Retract });
            self.ends.push(self.left.len());
        }
    }

    fn each_row(&mut self) {
        for row in 0..self.times.len() {
            self.enter(row, None);
            self.step(row, Step::Result);
        }
    }

    fn rows(&mut self, encoded: &Encoded, before: usize) {
        for row in 0..self.times.len() {
            self.enter(row, Some(encoded));
            self.leave(row, |partition| partition.len() - 1 > before);
            self.step(row, Step::Result);
        }
    }

    fn range(&mut self, encoded: &Encoded, range: i64) {
        for row in 0..self.times.len() {
            self.enter(row, Some(encoded));
            let from = self.times[row].saturating_sub(range);
            self.leave(row, |partition| partition.oldest().is_some_and(|time| time < from));
            self.step(row, Step::Result);
        }
    }

    /// Rows of one time see each other.
    fn each_time(&mut self, range: Option<(&Encoded, i64)>) {
        let mut start = 0;
        while let Some(time) = self.times.get(start) {
            let end = start + self.times[start..].iter().take_while(|other| *other == time).count();
            (start..end).for_each(|row| self.enter(row, range.map(|(encoded, _)| encoded)));
            if let Some((_, range)) = range {
                let from = time.saturating_sub(range);
                let old = |partition: &Partition| partition.oldest().is_some_and(|time| time < from);
                (start..end).for_each(|row| self.leave(row, old));
            }
            (start..end).for_each(|row| self.step(row, Step::Result));
            start = end;
        }
    }
}

impl Operator for OverAggregate {
    fn open(&mut self, context: &OperatorContext) -> Result<()> {
        self.expiry.open(context);
        Ok(())
    }

    fn on_batch(&mut self, _port: usize, mut batch: Batch, out: &mut Output<'_>) -> Result<()> {
        let mut times = self.times(&batch, out)?;
        if times.null_count() > 0 {
            let (kept, without) = split(times.len(), |row| times.is_valid(row));
            out.count_errors(without.len() as u64);
            batch = batch.take(&kept)?;
            times = times.iter().flatten().collect();
        }
        if !self.sorted {
            let clock = if self.time == TimeAttribute::Processing { out.now() } else { out.watermark() };
            self.forget(clock.0);
            return self.process(&Timed { batch, times: times.values().to_vec() }, out);
        }
        let passed = out.watermark().0;
        if times.values().iter().any(|time| *time <= passed) {
            let (kept, late) = split(times.len(), |row| times.value(row) > passed);
            out.count_late(late.len() as u64);
            out.emit_to(1, batch.take(&late)?);
            batch = batch.take(&kept)?;
            times = times.iter().flatten().filter(|time| *time > passed).collect();
        }
        if batch.num_rows() > 0 {
            self.waiting.add(batch, times.values().to_vec());
        }
        Ok(())
    }

    fn on_watermark(&mut self, time: EventTime, out: &mut Output<'_>) -> Result<()> {
        if let Some(ready) = self.waiting.take(time.0)? {
            self.process(&ready, out)?;
        }
        if self.time != TimeAttribute::Processing {
            self.forget(time.0);
        }
        Ok(())
    }

    fn on_timer(&mut self, timer: &Timer, out: &mut Output<'_>) -> Result<()> {
        if timer.domain != TimeDomain::Processing {
            return Ok(());
        }
        self.expiry.fired(timer);
        let before = Expiry::before(self.config.state_ttl.map(tidemill_engine::time::micros), out.now());
        let expired = |number: &u32| self.partitions.value_at(*number).is_some_and(|found| found.updated <= before);
        let expired: Vec<u32> = self.partitions.each_number().filter(expired).collect();
        for number in expired {
            self.partitions.remove_at(number);
            self.states.reset(number);
        }
        if !self.partitions.is_empty() {
            self.expiry.arm(out);
        }
        Ok(())
    }

    fn snapshot(&mut self, _epoch: Epoch, writer: &mut SnapshotWriter) -> Result<()> {
        let OverAggregate { partitions, states, .. } = self;
        partitions.snapshot_numbered(
            writer,
            |key| key,
            |number, partition, out| {
                partition.encode(out);
                states.encode(number, out);
                Ok(())
            },
        )?;
        if std::mem::take(&mut self.unsaved) {
            note_results(writer);
        }
        self.waiting.snapshot(writer)
    }

    fn restore(&mut self, reader: &SnapshotReader) -> Result<()> {
        let OverAggregate { partitions, states, idle, config, .. } = self;
        partitions.restore_numbered(reader, |number, _, bytes| {
            let mut bytes = Bytes(bytes);
            let partition = Partition::decode(&mut bytes).ok_or("a frame is damaged")?;
            states.grow(number as usize + 1);
            states.decode(number, &mut bytes)?;
            if let OverFrame::Range(Some(range)) = config.frame {
                idle.push(Reverse((partition.latest.saturating_add(range), number)));
            }
            Ok(partition)
        })?;
        self.waiting.restore(reader)
    }

    fn state_keys(&self) -> usize {
        self.partitions.len()
    }
}
