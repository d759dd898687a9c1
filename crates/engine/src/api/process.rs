//! `process`: rows, timers and state in the user's hands.

use std::marker::PhantomData;

use super::{
    keyed::{KeyedStream, decode_key, keyed_rows},
    row::{Row, RowCodec, Timed},
    stream::emit,
};
use crate::{
    batch::Batch,
    error::Result,
    operator::{Operator, Output},
    state::{SnapshotReader, SnapshotWriter, StateTable},
    time::{Epoch, EventTime},
    timers::Timer,
};

/// A stateful function over a keyed stream: one value of `State` for each key.
///
/// ```
/// use std::time::Duration;
/// use tidemill_engine::{EventTime, api::{Collect, Elements, Environment, Process, ProcessContext}, runtime::local::LocalRuntime};
///
/// /// Says when a device has been silent for a minute.
/// struct Silence;
/// impl Process<String, (String, i64)> for Silence {
///     type State = i64;
///     type Out = (String, i64);
///     type Side = (String, i64);
///     fn on_row(&mut self, row: (String, i64), at: EventTime, ctx: &mut ProcessContext<'_, '_, Self::State, Self::Out, Self::Side>) {
///         if let Some(last) = ctx.state().replace(at.0) {
///             ctx.cancel_timer(EventTime(last).plus(Duration::from_secs(60)));
///         }
///         ctx.set_timer(at.plus(Duration::from_secs(60)));
///         let _ = row;
///     }
///     fn on_timer(&mut self, key: &String, time: EventTime, ctx: &mut ProcessContext<'_, '_, Self::State, Self::Out, Self::Side>) {
///         ctx.emit((key.clone(), time.millis()));
///     }
/// }
///
/// let env = Environment::new("silence");
/// let silent = Collect::default();
/// env.source("pings", Elements::new(vec![("a".to_string(), 0i64), ("a".to_string(), 50_000), ("b".to_string(), 10_000)]))
///     .assign_timestamps("times", |p| EventTime::from_millis(p.1), Duration::from_secs(100))
///     .key_by("by device", |p| p.0.clone())
///     .process("silence", || Silence)
///     .main
///     .sink("silent", silent.sink());
/// let mut run = LocalRuntime::start(env.job().unwrap(), 1).unwrap();
/// run.run().unwrap();
/// assert_eq!(silent.rows(), [("b".to_string(), 70_000), ("a".to_string(), 110_000)]);
/// ```
pub trait Process<K: Row + Ord, T: Row>: Send + 'static {
    /// What is kept for each key.
    type State: Row;
    /// Rows of the main output.
    type Out: Row;
    /// Rows of the side output.
    type Side: Row;

    /// A row of the current key.
    fn on_row(
        &mut self,
        row: T,
        time: EventTime,
        context: &mut ProcessContext<'_, '_, Self::State, Self::Out, Self::Side>,
    );

    /// A timer of the current key.
    fn on_timer(
        &mut self,
        _key: &K,
        _time: EventTime,
        _context: &mut ProcessContext<'_, '_, Self::State, Self::Out, Self::Side>,
    ) {
    }
}

/// A stateful function over two keyed streams that share its state.
pub trait TwoInputs<K: Row + Ord, A: Row, B: Row>: Send + 'static {
    /// What is kept for each key.
    type State: Row;
    /// Rows of the output.
    type Out: Row;

    /// A row of the first stream.
    fn on_first(
        &mut self,
        row: A,
        time: EventTime,
        context: &mut ProcessContext<'_, '_, Self::State, Self::Out, Never>,
    );

    /// A row of the second stream.
    fn on_second(
        &mut self,
        row: B,
        time: EventTime,
        context: &mut ProcessContext<'_, '_, Self::State, Self::Out, Never>,
    );

    /// A timer of the current key.
    fn on_timer(
        &mut self,
        _key: &K,
        _time: EventTime,
        _context: &mut ProcessContext<'_, '_, Self::State, Self::Out, Never>,
    ) {
    }
}

/// Rows that there are none of.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub struct Never {
    none: bool,
}

/// What a [`Process`] can do for the current key.
#[derive(Debug)]
pub struct ProcessContext<'a, 'o, S, M, E> {
    key: &'a [u8],
    state: &'a mut StateTable<S>,
    time: EventTime,
    main: &'a mut Vec<Timed<M>>,
    side: &'a mut Vec<Timed<E>>,
    out: &'a mut Output<'o>,
}

impl<S: Row, M: Row, E: Row> ProcessContext<'_, '_, S, M, E> {
    /// The state of the current key.
    pub fn state(&mut self) -> KeyState<'_, S> {
        KeyState { key: self.key, table: self.state }
    }

    /// Sends a row to the main output, at the time of the row or timer that caused it.
    pub fn emit(&mut self, row: M) {
        self.main.push(Timed::insert(row, self.time));
    }

    /// Sends a row to the side output.
    pub fn emit_side(&mut self, row: E) {
        self.side.push(Timed::insert(row, self.time));
    }

    /// Sets an event-time timer for the current key.
    pub fn set_timer(&mut self, time: EventTime) {
        self.out.set_timer(time, self.key);
    }

    /// Sets a processing-time timer for the current key.
    pub fn set_processing_timer(&mut self, time: EventTime) {
        self.out.set_processing_timer(time, self.key);
    }

    /// Takes an event-time timer back.
    pub fn cancel_timer(&mut self, time: EventTime) {
        self.out.cancel_timer(time, self.key);
    }

    /// The watermark.
    pub fn watermark(&self) -> EventTime {
        self.out.watermark()
    }

    /// The wall clock.
    pub fn now(&self) -> EventTime {
        self.out.now()
    }
}

/// The state of one key.
#[derive(Debug)]
pub struct KeyState<'a, S> {
    key: &'a [u8],
    table: &'a mut StateTable<S>,
}

impl<'a, S: Row> KeyState<'a, S> {
    /// The value, if there is one.
    pub fn get(self) -> Option<&'a S> {
        self.table.get(self.key)
    }

    /// The value, made first where there is none, to be changed.
    pub fn or_insert_with(self, make: impl FnOnce() -> S) -> &'a mut S {
        self.table.entry(self.key, make)
    }

    /// Sets the value and returns the one before.
    pub fn replace(self, value: S) -> Option<S> {
        match self.table.get_mut(self.key) {
            Some(old) => Some(std::mem::replace(old, value)),
            None => {
                self.table.insert(self.key, value);
                None
            }
        }
    }

    /// Forgets the value and returns it.
    pub fn take(self) -> Option<S> {
        self.table.remove(self.key)
    }
}

/// What [`ProcessOperator`] and [`TwoInputOperator`] share.
struct Keyed<S, M, E> {
    state: StateTable<S>,
    main: Vec<Timed<M>>,
    side: Vec<Timed<E>>,
    codecs: [Option<RowCodec>; 2],
}

impl<S: Row, M: Row, E: Row> Keyed<S, M, E> {
    fn new(codecs: [Option<RowCodec>; 2]) -> Self {
        Keyed { state: StateTable::new("state"), main: Vec::new(), side: Vec::new(), codecs }
    }

    fn context<'a, 'o>(
        &'a mut self,
        key: &'a [u8],
        time: EventTime,
        out: &'a mut Output<'o>,
    ) -> ProcessContext<'a, 'o, S, M, E> {
        ProcessContext { key, state: &mut self.state, time, main: &mut self.main, side: &mut self.side, out }
    }

    fn flush(&mut self, out: &mut Output<'_>) -> Result<()> {
        let [main, side] = &self.codecs;
        emit(main.as_ref(), &self.main, 0, out)?;
        emit(side.as_ref(), &self.side, 1, out)?;
        self.main.clear();
        self.side.clear();
        Ok(())
    }
}

pub(crate) struct ProcessOperator<K, T, P>
where
    K: Row + Ord,
    T: Row,
    P: Process<K, T>,
{
    process: P,
    column: usize,
    keyed: Keyed<P::State, P::Out, P::Side>,
    types: PhantomData<fn() -> (K, T)>,
}

impl<K: Row + Ord, T: Row, P: Process<K, T>> ProcessOperator<K, T, P> {
    pub(crate) fn new(process: P, column: usize, main: Option<RowCodec>, side: Option<RowCodec>) -> Self {
        ProcessOperator { process, column, keyed: Keyed::new([main, side]), types: PhantomData }
    }
}

impl<K: Row + Ord, T: Row, P: Process<K, T>> Operator for ProcessOperator<K, T, P> {
    fn on_batch(&mut self, _port: usize, batch: Batch, out: &mut Output<'_>) -> Result<()> {
        let (keys, rows) = keyed_rows::<T>(&batch, self.column)?;
        for (key, Timed { row, time, .. }) in keys.iter().zip(rows) {
            self.process.on_row(row, time, &mut self.keyed.context(key, time, out));
        }
        self.keyed.flush(out)
    }

    fn on_timer(&mut self, timer: &Timer, out: &mut Output<'_>) -> Result<()> {
        let key = decode_key::<K>(&timer.key)?;
        self.process.on_timer(&key, timer.time, &mut self.keyed.context(&timer.key, timer.time, out));
        self.keyed.flush(out)
    }

    fn snapshot(&mut self, _epoch: Epoch, writer: &mut SnapshotWriter) -> Result<()> {
        self.keyed.state.snapshot(writer)
    }

    fn restore(&mut self, reader: &SnapshotReader) -> Result<()> {
        self.keyed.state.restore(reader)
    }

    fn state_keys(&self) -> usize {
        self.keyed.state.len()
    }
}

/// Two keyed streams with the same key.
#[derive(Clone, Debug)]
pub struct Connected<K, A, B> {
    pub(crate) first: KeyedStream<K, A>,
    pub(crate) second: KeyedStream<K, B>,
}

impl<K, A, B> Connected<K, A, B> {
    pub(crate) fn new(first: KeyedStream<K, A>, second: KeyedStream<K, B>) -> Self {
        Connected { first, second }
    }
}

pub(crate) struct TwoInputOperator<K, A, B, P>
where
    K: Row + Ord,
    A: Row,
    B: Row,
    P: TwoInputs<K, A, B>,
{
    process: P,
    columns: [usize; 2],
    keyed: Keyed<P::State, P::Out, Never>,
    types: PhantomData<fn() -> (K, A, B)>,
}

impl<K: Row + Ord, A: Row, B: Row, P: TwoInputs<K, A, B>> TwoInputOperator<K, A, B, P> {
    pub(crate) fn new(process: P, columns: [usize; 2], main: Option<RowCodec>) -> Self {
        TwoInputOperator { process, columns, keyed: Keyed::new([main, None]), types: PhantomData }
    }
}

impl<K: Row + Ord, A: Row, B: Row, P: TwoInputs<K, A, B>> Operator for TwoInputOperator<K, A, B, P> {
    fn on_batch(&mut self, port: usize, batch: Batch, out: &mut Output<'_>) -> Result<()> {
        let [first, second] = self.columns;
        if port == 0 {
            let (keys, rows) = keyed_rows::<A>(&batch, first)?;
            for (key, Timed { row, time, .. }) in keys.iter().zip(rows) {
                self.process.on_first(row, time, &mut self.keyed.context(key, time, out));
            }
        } else {
            let (keys, rows) = keyed_rows::<B>(&batch, second)?;
            for (key, Timed { row, time, .. }) in keys.iter().zip(rows) {
                self.process.on_second(row, time, &mut self.keyed.context(key, time, out));
            }
        }
        self.keyed.flush(out)
    }

    fn on_timer(&mut self, timer: &Timer, out: &mut Output<'_>) -> Result<()> {
        let key = decode_key::<K>(&timer.key)?;
        self.process.on_timer(&key, timer.time, &mut self.keyed.context(&timer.key, timer.time, out));
        self.keyed.flush(out)
    }

    fn snapshot(&mut self, _epoch: Epoch, writer: &mut SnapshotWriter) -> Result<()> {
        self.keyed.state.snapshot(writer)
    }

    fn restore(&mut self, reader: &SnapshotReader) -> Result<()> {
        self.keyed.state.restore(reader)
    }

    fn state_keys(&self) -> usize {
        self.keyed.state.len()
    }
}
