//! Windows of event time: tumbling, sliding, session.
//!
//! Windows are aligned to 1970 UTC. A window fires once, when the watermark reaches its end. A row all of whose windows
//! have fired is late: it is counted and goes to the late output. Session windows merge when a row joins them.

use std::{marker::PhantomData, sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};

use super::{
    keyed::{KeyedStream, decode_key, keyed_rows},
    row::{Row, RowCodec, Timed},
    stream::{Stream, emit},
};
use crate::{
    batch::Batch,
    error::Result,
    job::Port,
    operator::{Operator, Output},
    state::{SnapshotReader, SnapshotWriter, StateTable},
    time::{Epoch, EventTime, micros},
    timers::Timer,
};

/// A stretch of time: `start` inclusive, `end` exclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Window {
    /// First microsecond.
    pub start: i64,
    /// One past the last.
    pub end: i64,
}

/// Says which windows a row belongs to.
pub trait WindowAssigner: Clone + Send + Sync + 'static {
    /// The windows of a row of this time.
    fn assign(&self, time: EventTime, windows: &mut Vec<Window>);

    /// True where windows that touch become one.
    fn merges(&self) -> bool {
        false
    }
}

/// Windows of one size that follow each other.
#[derive(Clone, Copy, Debug)]
pub struct Tumbling {
    size: i64,
}

impl Tumbling {
    /// Windows of this size; at least a microsecond.
    pub fn of(size: Duration) -> Self {
        Tumbling { size: micros(size).max(1) }
    }
}

impl WindowAssigner for Tumbling {
    fn assign(&self, time: EventTime, windows: &mut Vec<Window>) {
        let start = time.0.saturating_sub(time.0.rem_euclid(self.size));
        windows.push(Window { start, end: start.saturating_add(self.size) });
    }
}

/// Windows of one size that start at every `slide`.
#[derive(Clone, Copy, Debug)]
pub struct Sliding {
    size: i64,
    slide: i64,
}

impl Sliding {
    /// A row belongs to `size / slide` windows.
    pub fn of(size: Duration, slide: Duration) -> Self {
        Sliding { size: micros(size).max(1), slide: micros(slide).max(1) }
    }
}

impl WindowAssigner for Sliding {
    fn assign(&self, time: EventTime, windows: &mut Vec<Window>) {
        let mut start = time.0.saturating_sub(time.0.rem_euclid(self.slide));
        while start > time.0.saturating_sub(self.size) {
            windows.push(Window { start, end: start.saturating_add(self.size) });
            start = start.saturating_sub(self.slide);
        }
    }
}

/// A window for each stretch of rows without a gap.
#[derive(Clone, Copy, Debug)]
pub struct SessionWindows {
    gap: i64,
}

impl SessionWindows {
    /// A session ends when no row follows for this long.
    pub fn with_gap(gap: Duration) -> Self {
        SessionWindows { gap: micros(gap).max(1) }
    }
}

impl WindowAssigner for SessionWindows {
    fn assign(&self, time: EventTime, windows: &mut Vec<Window>) {
        windows.push(Window { start: time.0, end: time.0.saturating_add(self.gap) });
    }

    fn merges(&self) -> bool {
        true
    }
}

/// A keyed stream divided into windows; an aggregation makes it a stream again.
#[derive(Clone, Debug)]
pub struct WindowedStream<K, T, A> {
    keyed: KeyedStream<K, T>,
    name: String,
    assigner: A,
    lateness: Duration,
}

/// The rows that came too late, and the results.
#[derive(Clone, Debug)]
pub struct Late<R, T> {
    /// One row for each key and window.
    pub results: Stream<R>,
    /// Rows all of whose windows had fired.
    pub late: Stream<T>,
}

impl<K: Row + Ord, T: Row, A: WindowAssigner> WindowedStream<K, T, A> {
    pub(crate) fn new(keyed: KeyedStream<K, T>, name: &str, assigner: A) -> Self {
        WindowedStream { keyed, name: name.to_string(), assigner, lateness: Duration::ZERO }
    }

    /// Lets windows wait for so long after their end before they fire.
    pub fn allowed_lateness(mut self, lateness: Duration) -> Self {
        self.lateness = lateness;
        self
    }

    /// Folds the rows of each window into an accumulator. Session windows that merge fold the rows of both again.
    pub fn aggregate<V: Row, R: Row>(
        self,
        start: impl Fn() -> V + Send + Sync + 'static,
        add: impl Fn(&mut V, T) + Send + Sync + 'static,
        result: impl Fn(&K, Window, &V) -> R + Send + Sync + 'static,
    ) -> Stream<R> {
        self.aggregate_with_late(start, add, result).results
    }

    /// As `aggregate`, with the late rows as a stream of their own.
    pub fn aggregate_with_late<V: Row, R: Row>(
        self,
        start: impl Fn() -> V + Send + Sync + 'static,
        add: impl Fn(&mut V, T) + Send + Sync + 'static,
        result: impl Fn(&K, Window, &V) -> R + Send + Sync + 'static,
    ) -> Late<R, T> {
        let result = move |key: &K, window, sum: &V| Some(result(key, window, sum));
        self.build(Functions { start: Box::new(start), add: Box::new(add), result: Box::new(result) })
    }

    /// Combines the rows of each window, two at a time.
    pub fn reduce(self, combine: impl Fn(T, T) -> T + Send + Sync + 'static) -> Stream<T> {
        let add = move |sum: &mut Option<T>, row| {
            *sum = Some(match sum.take() {
                Some(sum) => combine(sum, row),
                None => row,
            });
        };
        let result = |_: &K, _, sum: &Option<T>| sum.clone();
        self.build(Functions { start: Box::new(|| None), add: Box::new(add), result: Box::new(result) }).results
    }

    fn build<V: Row, R: Row>(self, functions: Functions<K, T, V, R>) -> Late<R, T> {
        let env = self.keyed.env.clone();
        let fold = WindowFold { functions: Arc::new(functions), merges: self.assigner.merges() };
        let (results, late) = (self.keyed.codec::<R>(), self.keyed.codec::<T>());
        let (column, assigner, lateness) = (self.keyed.column, self.assigner, micros(self.lateness));
        let inputs = [(self.keyed.port, 0, self.keyed.routing())];
        let node = env.edit(|job| {
            job.operator(&self.name, &inputs, move |_| {
                Ok(WindowOperator {
                    column,
                    assigner: assigner.clone(),
                    lateness,
                    fold: fold.clone(),
                    open: StateTable::new("windows"),
                    results: results.clone(),
                    late: late.clone(),
                    types: PhantomData,
                })
            })
        });
        Late { results: env.stream(Port { node, output: 0 }), late: env.stream(Port { node, output: 1 }) }
    }
}

struct Functions<K, T, V, R> {
    start: Box<dyn Fn() -> V + Send + Sync>,
    add: Box<dyn Fn(&mut V, T) + Send + Sync>,
    /// None where there is nothing to say of a window.
    result: Box<dyn Fn(&K, Window, &V) -> Option<R> + Send + Sync>,
}

/// How rows become a result.
struct WindowFold<K, T, V, R> {
    functions: Arc<Functions<K, T, V, R>>,
    merges: bool,
}

impl<K, T, V, R> Clone for WindowFold<K, T, V, R> {
    fn clone(&self) -> Self {
        WindowFold { functions: self.functions.clone(), merges: self.merges }
    }
}

/// One open window of a key.
#[derive(Clone, Serialize, Deserialize)]
struct Open<V, T> {
    window: Window,
    sum: V,
    /// Kept only where windows merge: what is folded can't be taken apart, and a fold need not know how to merge.
    rows: Vec<T>,
}

struct WindowOperator<K, T, V, R, A> {
    column: usize,
    assigner: A,
    lateness: i64,
    fold: WindowFold<K, T, V, R>,
    open: StateTable<Vec<Open<V, T>>>,
    results: Option<RowCodec>,
    late: Option<RowCodec>,
    types: PhantomData<fn() -> K>,
}

impl<K: Row + Ord, T: Row, V: Row, R: Row, A: WindowAssigner> WindowOperator<K, T, V, R, A> {
    fn fires_at(&self, window: Window) -> EventTime {
        EventTime(window.end.saturating_add(self.lateness))
    }

    fn add(&mut self, key: &[u8], window: Window, row: T, out: &mut Output<'_>) {
        let fires = self.fires_at(window);
        let WindowFold { functions, merges } = &self.fold;
        let open = self.open.entry(key, Vec::new);
        if !merges {
            let at = open.iter().position(|o| o.window == window);
            let at = at.unwrap_or_else(|| {
                open.push(Open { window, sum: (functions.start)(), rows: Vec::new() });
                open.len() - 1
            });
            if let Some(found) = open.get_mut(at) {
                (functions.add)(&mut found.sum, row);
            }
            out.set_timer(fires, key);
            return;
        }
        // All windows that the new one touches become one with it.
        let mut window = window;
        let mut rows = Vec::new();
        while let Some(at) = open.iter().position(|o| o.window.start <= window.end && window.start <= o.window.end) {
            let other = open.swap_remove(at);
            out.cancel_timer(EventTime(other.window.end.saturating_add(self.lateness)), key);
            window.start = window.start.min(other.window.start);
            window.end = window.end.max(other.window.end);
            rows.extend(other.rows);
        }
        rows.push(row);
        let mut sum = (functions.start)();
        rows.iter().for_each(|row| (functions.add)(&mut sum, row.clone()));
        open.push(Open { window, sum, rows });
        // Two windows of a key may end together only where they are one, so a cancelled timer was no other window's.
        out.set_timer(EventTime(window.end.saturating_add(self.lateness)), key);
    }

    /// Where a session's row would join an open window it is not late, even behind the watermark.
    fn is_late(&self, key: &[u8], window: Window, watermark: EventTime) -> bool {
        if self.fires_at(window) > watermark {
            return false;
        }
        let touches = |o: &Open<V, T>| o.window.start <= window.end && window.start <= o.window.end;
        !(self.fold.merges && self.open.get(key).is_some_and(|open| open.iter().any(touches)))
    }
}

impl<K: Row + Ord, T: Row, V: Row, R: Row, A: WindowAssigner> Operator for WindowOperator<K, T, V, R, A> {
    fn on_batch(&mut self, _port: usize, batch: Batch, out: &mut Output<'_>) -> Result<()> {
        let (keys, rows) = keyed_rows::<T>(&batch, self.column)?;
        let (mut windows, mut late) = (Vec::new(), Vec::new());
        for (key, timed) in keys.iter().zip(rows) {
            windows.clear();
            self.assigner.assign(timed.time, &mut windows);
            windows.retain(|w| !self.is_late(key, *w, out.watermark()));
            if windows.is_empty() {
                late.push(timed);
                continue;
            }
            for window in &windows {
                self.add(key, *window, timed.row.clone(), out);
            }
        }
        out.count_late(late.len() as u64);
        emit(self.late.as_ref(), &late, 1, out)
    }

    fn on_timer(&mut self, timer: &Timer, out: &mut Output<'_>) -> Result<()> {
        let key = decode_key::<K>(&timer.key)?;
        let due = timer.time.0.saturating_sub(self.lateness);
        let Some(open) = self.open.get_mut(&timer.key) else { return Ok(()) };
        let mut ripe: Vec<Open<V, T>> = Vec::new();
        open.retain(|o| {
            let fires = o.window.end <= due;
            if fires {
                ripe.push(o.clone());
            }
            !fires
        });
        if open.is_empty() {
            self.open.remove(&timer.key);
        }
        ripe.sort_by_key(|o| o.window);
        let results: Vec<Timed<R>> = ripe
            .iter()
            .filter_map(|o| {
                let row = (self.fold.functions.result)(&key, o.window, &o.sum)?;
                Some(Timed::insert(row, EventTime(o.window.end.saturating_sub(1))))
            })
            .collect();
        emit(self.results.as_ref(), &results, 0, out)
    }

    fn snapshot(&mut self, _epoch: Epoch, writer: &mut SnapshotWriter) -> Result<()> {
        self.open.snapshot(writer)
    }

    fn restore(&mut self, reader: &SnapshotReader) -> Result<()> {
        self.open.restore(reader)
    }

    fn state_keys(&self) -> usize {
        self.open.len()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// A row is in exactly the windows that contain its time.
        #[test]
        fn windows_contain_their_rows(time in -1_000_000i64..1_000_000, slide in 1i64..1_000, times in 1i64..20) {
            let sliding = Sliding { size: slide * times, slide };
            let mut windows = Vec::new();
            sliding.assign(EventTime(time), &mut windows);
            prop_assert_eq!(windows.len() as i64, times);
            prop_assert!(windows.iter().all(|w| w.start <= time && time < w.end && w.start % slide == 0));
            windows.clear();
            Tumbling { size: slide }.assign(EventTime(time), &mut windows);
            prop_assert!(windows.len() == 1 && windows[0].start <= time && time < windows[0].end);
        }
    }
}
