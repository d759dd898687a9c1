//! Drives one operator by hand, on any number of workers, through snapshots and restores.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use tempfile::TempDir;
use tidemill_engine::{
    Batch, CheckpointStore, Epoch, EventTime, Job, Operator, OperatorContext, Output, Port, Replay, Result, Routing,
    SnapshotReader, SnapshotWriter, Source, SourceOutput, SourceStatus, Waker, metrics::OperatorFigures,
    runtime::local::LocalRuntime,
};

use super::{print, time};

type Make = Arc<dyn Fn(&OperatorContext) -> Result<Box<dyn Operator>> + Send + Sync>;
type Shared<T> = Arc<Mutex<T>>;

/// An operator under test.
pub(crate) struct Operate {
    make: Make,
    inputs: usize,
    routing: Option<Routing>,
    events: Shared<VecDeque<Event>>,
    /// What came out of ports 0 and 1, a line a row.
    lines: [Shared<Vec<String>>; 2],
    runtime: Option<LocalRuntime>,
    now: EventTime,
    dir: TempDir,
}

enum Event {
    Rows(usize, Batch),
    Watermark(EventTime),
    Finish,
}

impl Operate {
    /// An operator with so many input ports, whose rows come with their key, on so many workers.
    pub(crate) fn new<O: Operator + 'static>(
        inputs: usize,
        workers: usize,
        make: impl Fn(&OperatorContext) -> Result<O> + Send + Sync + 'static,
    ) -> Self {
        let make: Make = Arc::new(move |context| Ok(Box::new(make(context)?)));
        Self::start(make, inputs, None, workers)
    }

    /// An operator whose rows come without a key, on one worker.
    pub(crate) fn unkeyed<O: Operator + 'static>(
        inputs: usize,
        make: impl Fn(&OperatorContext) -> Result<O> + Send + Sync + 'static,
    ) -> Self {
        let make: Make = Arc::new(move |context| Ok(Box::new(make(context)?)));
        Self::start(make, inputs, Some(Routing::Single), 1)
    }

    fn start(make: Make, inputs: usize, routing: Option<Routing>, workers: usize) -> Self {
        let mut test = Operate {
            make,
            inputs,
            routing,
            events: Shared::default(),
            lines: Default::default(),
            runtime: None,
            now: EventTime(0),
            dir: folder(),
        };
        test.run(workers);
        test
    }

    fn run(&mut self, workers: usize) {
        let store = CheckpointStore::local(self.dir.path(), "operate").unwrap();
        self.runtime = Some(LocalRuntime::restore(self.job(), workers, &store, None).unwrap());
        self.runtime.as_mut().unwrap().set_time(self.now).unwrap();
    }

    fn job(&self) -> Job {
        let mut job = Job::new("operate");
        let (events, make) = (self.events.clone(), self.make.clone());
        let source = job.source("events", Replay::FromPosition, move |context| {
            Ok(Script { events: events.clone(), first: context.worker == 0 })
        });
        let input = |port: usize| (Port { node: source.node, output: port }, port, Routing::Single);
        let inputs: Vec<_> = (0..self.inputs).map(input).collect();
        let route = job.operator("route", &inputs, |_| Ok(KeyFirst));
        let ports: Vec<_> = (0..self.inputs)
            .map(|port| (Port { node: route, output: port }, port, self.routing.unwrap_or(Routing::Key(0))))
            .collect();
        let keyed = self.routing.is_none();
        let tested = job.operator("tested", &ports, move |context| Ok(KeyLast { operator: make(context)?, keyed }));
        for (port, lines) in self.lines.iter().enumerate() {
            let lines = lines.clone();
            let from = Port { node: tested, output: port };
            job.operator(["rows", "late"][port], &[(from, 0, Routing::Single)], move |_| Ok(Collect(lines.clone())));
        }
        job
    }

    fn event(&mut self, event: Event) {
        self.events.lock().unwrap().push_back(event);
        self.runtime.as_mut().unwrap().step().unwrap();
        assert!(self.events.lock().unwrap().is_empty());
    }

    /// Rows come in on a port.
    pub(crate) fn rows(&mut self, port: usize, batch: Batch) {
        self.event(Event::Rows(port, batch));
    }

    /// The watermark of all inputs rises.
    pub(crate) fn watermark(&mut self, to: &str) {
        self.watermark_at(time(to));
    }

    /// The watermark of all inputs rises.
    pub(crate) fn watermark_at(&mut self, to: EventTime) {
        self.event(Event::Watermark(to));
    }

    /// Processing time goes on.
    pub(crate) fn now(&mut self, now: &str) {
        self.now = time(now);
        self.runtime.as_mut().unwrap().set_time(self.now).unwrap();
    }

    /// All inputs end.
    pub(crate) fn finish(&mut self) {
        self.event(Event::Finish);
    }

    /// A checkpoint, a crash right behind it, and a start from it with so many workers.
    pub(crate) fn restart(&mut self, workers: usize) {
        self.runtime.as_mut().unwrap().checkpoint().unwrap();
        self.runtime = None;
        self.run(workers);
    }

    /// A checkpoint.
    pub(crate) fn checkpoint(&mut self) {
        self.runtime.as_mut().unwrap().checkpoint().unwrap();
    }

    /// What came out since the last call, a line a row.
    pub(crate) fn take(&mut self) -> Vec<String> {
        std::mem::take(&mut self.lines[0].lock().unwrap())
    }

    /// What came out in the order of its text: for rows of several workers, whose order is nobody's promise.
    pub(crate) fn take_sorted(&mut self) -> Vec<String> {
        let mut lines = self.take();
        lines.sort();
        lines
    }

    /// What came out of the side output since the last call.
    pub(crate) fn take_late(&mut self) -> Vec<String> {
        std::mem::take(&mut self.lines[1].lock().unwrap())
    }

    /// The operator's figures, one of each worker.
    pub(crate) fn figures(&self) -> Vec<OperatorFigures> {
        let all = self.runtime.as_ref().unwrap().metrics().read();
        all.into_iter().filter(|f| f.operator == "tested").collect()
    }

    /// Rows counted as late since the last restart.
    pub(crate) fn late(&self) -> u64 {
        self.figures().iter().map(|f| f.late_rows).sum()
    }

    /// The watermark that came out: seconds, microseconds and all as [`time`] reads them.
    pub(crate) fn watermark_out(&self) -> Option<EventTime> {
        let all = self.runtime.as_ref().unwrap().metrics().read();
        all.into_iter().find(|f| f.operator == "rows" && f.worker == 0)?.watermark_us.map(EventTime)
    }

    /// Keys in state at the last checkpoint.
    pub(crate) fn keys(&self) -> u64 {
        self.figures().iter().map(|f| f.state_keys).sum()
    }
}

/// A folder for checkpoints, in memory where the system has one: property tests restart thousands of times.
fn folder() -> TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

struct Script {
    events: Shared<VecDeque<Event>>,
    first: bool,
}

impl Source for Script {
    fn open(&mut self, _context: &OperatorContext, _waker: Waker) -> Result<()> {
        Ok(())
    }

    fn poll(&mut self, _budget: usize, out: &mut SourceOutput<'_>) -> Result<SourceStatus> {
        if !self.first {
            return Ok(SourceStatus::Finished);
        }
        match self.events.lock().unwrap().pop_front() {
            None => return Ok(SourceStatus::Waiting),
            Some(Event::Rows(port, batch)) => out.emit_to(port, batch),
            Some(Event::Watermark(time)) => out.watermark(time),
            Some(Event::Finish) => return Ok(SourceStatus::Finished),
        }
        Ok(SourceStatus::More)
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

/// Puts the last column first, so that tables of any width are routed by one column.
struct KeyFirst;

impl Operator for KeyFirst {
    fn on_batch(&mut self, port: usize, batch: Batch, out: &mut Output<'_>) -> Result<()> {
        let last = batch.rows().num_columns() - 1;
        let columns: Vec<usize> = std::iter::once(last).chain(0..last).collect();
        out.emit_to(port, batch.with_rows(batch.rows().project(&columns)?)?);
        Ok(())
    }
}

/// The operator under test, to which the columns come in their old order.
struct KeyLast {
    operator: Box<dyn Operator>,
    keyed: bool,
}

impl Operator for KeyLast {
    fn on_batch(&mut self, port: usize, batch: Batch, out: &mut Output<'_>) -> Result<()> {
        let width = batch.rows().num_columns();
        let columns: Vec<usize> = (1..width).chain([0]).collect();
        let batch = batch.with_rows(batch.rows().project(&columns)?)?;
        assert!(!self.keyed || batch.binary(width - 1).is_ok(), "rows of a keyed operator come with their key");
        self.operator.on_batch(port, batch, out)
    }

    fn on_watermark(&mut self, time: EventTime, out: &mut Output<'_>) -> Result<()> {
        self.operator.on_watermark(time, out)
    }

    fn on_idle(&mut self, out: &mut Output<'_>) -> Result<()> {
        self.operator.on_idle(out)
    }

    fn on_timer(&mut self, timer: &tidemill_engine::timers::Timer, out: &mut Output<'_>) -> Result<()> {
        self.operator.on_timer(timer, out)
    }

    fn snapshot(&mut self, epoch: Epoch, writer: &mut SnapshotWriter) -> Result<()> {
        self.operator.snapshot(epoch, writer)
    }

    fn restore(&mut self, reader: &SnapshotReader) -> Result<()> {
        self.operator.restore(reader)
    }

    fn open(&mut self, context: &OperatorContext) -> Result<()> {
        self.operator.open(context)
    }

    fn on_commit(&mut self, epoch: Epoch) -> Result<()> {
        self.operator.on_commit(epoch)
    }

    fn forwards_watermarks(&self) -> bool {
        self.operator.forwards_watermarks()
    }

    fn state_keys(&self) -> usize {
        self.operator.state_keys()
    }
}

/// Keeps what comes as lines.
struct Collect(Shared<Vec<String>>);

impl Operator for Collect {
    fn on_batch(&mut self, _port: usize, batch: Batch, _out: &mut Output<'_>) -> Result<()> {
        self.0.lock().unwrap().extend(print(&batch));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::Array;

    use super::*;
    use crate::operators::testing::{table, text};
    use tidemill_engine::StateTable;

    /// Passes on the first row of each key.
    struct First(StateTable<u8>);

    impl Operator for First {
        fn on_batch(&mut self, port: usize, batch: Batch, out: &mut Output<'_>) -> Result<()> {
            let keys = crate::operators::rows::key_column(batch.rows())?;
            let new = (0..keys.len()).filter(|i| self.0.get(keys.value(*i)).is_none()).map(|i| i as u32);
            let new: Vec<u32> = new.collect();
            new.iter().for_each(|i| *self.0.entry(keys.value(*i as usize), || 0) += 1);
            out.emit_to(port, batch.take(&new.into())?);
            Ok(())
        }

        fn snapshot(&mut self, _epoch: Epoch, writer: &mut SnapshotWriter) -> Result<()> {
            self.0.snapshot(writer)
        }

        fn restore(&mut self, reader: &SnapshotReader) -> Result<()> {
            self.0.restore(reader)
        }
    }

    #[test]
    fn an_operator_keeps_its_state_over_a_restart_with_other_workers() {
        let names = table("name: Utf8, n: Int64").keyed(&[0]);
        let mut test = Operate::new(2, 3, |_| Ok(First(StateTable::new("seen"))));
        test.rows(0, names.rows("+I | ada | 1 | 00:01\n+I | bob | 2 | 00:02"));
        assert_eq!(test.take_sorted(), text("+I | ada | 1 | 00:01\n+I | bob | 2 | 00:02"));
        test.restart(2);
        test.rows(1, names.rows("+I | ada | 3 | 00:03"));
        test.rows(1, names.rows("+I | eve | 4 | 00:03"));
        test.finish();
        assert_eq!((test.take(), test.take_late()), (vec![], text("+I | eve | 4 | 00:03")));
    }
}
