//! A stream of rows, not yet divided by key.

use std::{sync::Arc, time::Duration};

use super::{
    environment::Environment,
    keyed::{KeyBy, KeyedStream},
    row::{Row, RowCodec, Timed},
    sinks::TypedSink,
};
use crate::{
    batch::Batch,
    error::Result,
    job::{Port, Routing},
    operator::{Operator, OperatorContext, Output},
    sink::{Delivery, Mapped, Sink},
    time::{EventTime, Mark},
};

/// How rows are read from a batch, with all the stateless steps since the last operator applied.
pub type Decode<T> = Arc<dyn Fn(&Batch) -> Result<Vec<Timed<T>>> + Send + Sync>;

/// A stream of `T`.
#[derive(Clone)]
pub struct Stream<T> {
    pub(crate) env: Environment,
    pub(crate) port: Port,
    pub(crate) decode: Decode<T>,
    /// How rows come to the operator that reads them next.
    pub(crate) routing: Routing,
}

impl<T: Row> Stream<T> {
    pub(crate) fn new(
        env: Environment,
        port: Port,
        decode: impl Fn(&Batch) -> Result<Vec<Timed<T>>> + Send + Sync + 'static,
    ) -> Self {
        Stream { env, port, decode: Arc::new(decode), routing: Routing::Forward }
    }

    fn then<U: Row>(&self, step: impl Fn(Vec<Timed<T>>) -> Vec<Timed<U>> + Send + Sync + 'static) -> Stream<U> {
        let decode = self.decode.clone();
        let mut next = Stream::new(self.env.clone(), self.port, move |batch| Ok(step(decode(batch)?)));
        next.routing = self.routing;
        next
    }

    /// One row for each row.
    pub fn map<U: Row>(&self, f: impl Fn(T) -> U + Send + Sync + 'static) -> Stream<U> {
        self.then(move |rows| {
            rows.into_iter().map(|Timed { row, time, kind }| Timed { row: f(row), time, kind }).collect()
        })
    }

    /// The rows for which `f` is true.
    pub fn filter(&self, f: impl Fn(&T) -> bool + Send + Sync + 'static) -> Stream<T> {
        self.then(move |mut rows| {
            rows.retain(|r| f(&r.row));
            rows
        })
    }

    /// Any number of rows for each row.
    pub fn flat_map<U: Row, I: IntoIterator<Item = U>>(&self, f: impl Fn(T) -> I + Send + Sync + 'static) -> Stream<U> {
        self.then(move |rows| {
            let each = rows
                .into_iter()
                .flat_map(|Timed { row, time, kind }| f(row).into_iter().map(move |row| Timed { row, time, kind }));
            each.collect()
        })
    }

    /// The rows of both streams.
    pub fn union(&self, name: &str, other: &Stream<T>) -> Stream<T> {
        let (a, b) = (self.decode.clone(), other.decode.clone());
        let inputs = [(self.port, 0, self.routing), (other.port, 1, other.routing)];
        let codec = self.env.checked(RowCodec::of::<T>());
        let node = self.env.edit(|job| {
            job.operator(name, &inputs, move |_| Ok(Union { decode: [a.clone(), b.clone()], codec: codec.clone() }))
        });
        self.env.stream(Port { node, output: 0 })
    }

    /// Takes the time of each row from the row itself. A row may come up to `out_of_order` behind the latest before it
    /// and is not late.
    pub fn assign_timestamps(
        &self,
        name: &str,
        time: impl Fn(&T) -> EventTime + Send + Sync + 'static,
        out_of_order: Duration,
    ) -> Stream<T> {
        let decode = self.decode.clone();
        let codec = self.env.checked(RowCodec::of::<T>());
        let time: Arc<dyn Fn(&T) -> EventTime + Send + Sync> = Arc::new(time);
        let node = self.env.edit(|job| {
            job.operator(name, &[(self.port, 0, self.routing)], move |_| {
                Ok(Timestamps {
                    decode: decode.clone(),
                    time: time.clone(),
                    codec: codec.clone(),
                    out_of_order,
                    latest: EventTime::MIN,
                })
            })
        });
        self.env.stream(Port { node, output: 0 })
    }

    /// Divides the stream by a key: rows of one key are processed in order, on one worker, with state of their own.
    pub fn key_by<K: Row + Ord>(&self, name: &str, key: impl Fn(&T) -> K + Send + Sync + 'static) -> KeyedStream<K, T> {
        let decode = self.decode.clone();
        let codec = self.env.checked(RowCodec::of::<T>());
        let key: Arc<dyn Fn(&T) -> K + Send + Sync> = Arc::new(key);
        let column = codec.as_ref().map_or(0, RowCodec::width);
        let by = key.clone();
        let node = self.env.edit(|job| {
            job.operator(name, &[(self.port, 0, self.routing)], move |_| {
                Ok(KeyBy { decode: decode.clone(), key: by.clone(), codec: codec.clone() })
            })
        });
        KeyedStream::new(self.env.clone(), Port { node, output: 0 }, column)
    }

    /// Sends the rows to a sink.
    pub fn sink<S: TypedSink<T>>(&self, name: &str, sink: S) {
        let decode = self.decode.clone();
        let delivery = sink.delivery();
        self.env.edit(|job| {
            job.sink(name, &[(self.port, self.routing)], delivery, move |context| sink.make(context, decode.clone()))
        });
    }

    /// Sends the rows to a sink that takes batches, such as those of the connectors: each field is a column of its name.
    pub fn batch_sink<S: Sink + 'static>(
        &self,
        name: &str,
        delivery: Delivery,
        make: impl Fn(&OperatorContext) -> Result<S> + Send + Sync + 'static,
    ) {
        let decode = self.decode.clone();
        let codec = self.env.checked(RowCodec::of::<T>());
        self.env.edit(|job| {
            job.sink(name, &[(self.port, self.routing)], delivery, move |context| {
                let (decode, codec) = (decode.clone(), codec.clone());
                Ok(Mapped::new(make(context)?, move |batch| {
                    let rows = decode(&batch)?;
                    // Without a codec the job was refused and never runs.
                    let codec = codec.as_ref().filter(|_| !rows.is_empty());
                    codec.map(|codec| codec.encode(&rows)).transpose()
                }))
            })
        });
    }
}

impl<T> std::fmt::Debug for Stream<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Stream<{}>({:?})", std::any::type_name::<T>(), self.port)
    }
}

/// Encodes rows where a codec could be made; without one the job was refused and never runs.
pub(crate) fn emit<T: Row>(
    codec: Option<&RowCodec>,
    rows: &[Timed<T>],
    port: usize,
    out: &mut Output<'_>,
) -> Result<()> {
    if let (Some(codec), false) = (codec, rows.is_empty()) {
        out.emit_to(port, codec.encode(rows)?);
    }
    Ok(())
}

struct Union<T> {
    decode: [Decode<T>; 2],
    codec: Option<RowCodec>,
}

impl<T: Row> Operator for Union<T> {
    fn on_batch(&mut self, port: usize, batch: Batch, out: &mut Output<'_>) -> Result<()> {
        let [first, second] = &self.decode;
        let rows = if port == 0 { first(&batch)? } else { second(&batch)? };
        emit(self.codec.as_ref(), &rows, 0, out)
    }
}

struct Timestamps<T> {
    decode: Decode<T>,
    time: Arc<dyn Fn(&T) -> EventTime + Send + Sync>,
    codec: Option<RowCodec>,
    out_of_order: Duration,
    latest: EventTime,
}

impl<T: Row> Operator for Timestamps<T> {
    fn on_batch(&mut self, _port: usize, batch: Batch, out: &mut Output<'_>) -> Result<()> {
        let mut rows = (self.decode)(&batch)?;
        for row in &mut rows {
            row.time = (self.time)(&row.row);
            self.latest = self.latest.max(row.time);
        }
        emit(self.codec.as_ref(), &rows, 0, out)?;
        if self.latest > EventTime::MIN {
            // A watermark of t says that nothing earlier than t follows.
            out.emit_watermark(Mark::Time(self.latest.minus(self.out_of_order)));
        }
        Ok(())
    }

    fn on_watermark(&mut self, time: EventTime, out: &mut Output<'_>) -> Result<()> {
        if time == EventTime::MAX {
            out.emit_watermark(Mark::Time(time));
        }
        Ok(())
    }

    fn forwards_watermarks(&self) -> bool {
        false
    }
}
