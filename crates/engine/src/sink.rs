//! Sinks: where results go, and what each kind can promise.
//!
//! | [`Delivery`] | what the sink does | after a crash |
//! |---|---|---|
//! | `Append` | writes at once; `prepare` makes it durable | rows since the last checkpoint are written again |
//! | `Upsert` | writes at once by a key that replay makes again | the same keys are overwritten: exactly once in effect |
//! | `Transactional` | holds back; `prepare` hands what it holds to the checkpoint; `commit` makes it visible | exactly once |

use std::sync::Arc;

use crate::{
    batch::Batch,
    error::{EngineError, Result},
    operator::{Operator, OperatorContext, Output},
    state::{SnapshotReader, SnapshotWriter, segment::UNION},
    time::{Epoch, EventTime},
};

/// What a sink can promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// At least once.
    Append,
    /// Exactly once in effect: rows have deterministic keys and overwrite each other.
    Upsert,
    /// Exactly once, by two phases with the checkpoint.
    Transactional,
}

/// A sink, one instance a worker.
pub trait Sink: Send {
    /// Called once before anything else.
    fn open(&mut self, _context: &OperatorContext) -> Result<()> {
        Ok(())
    }

    /// Takes rows.
    fn write(&mut self, batch: Batch) -> Result<()>;

    /// The watermark of the input has grown.
    fn on_watermark(&mut self, _time: EventTime) -> Result<()> {
        Ok(())
    }

    /// The checkpoint of `epoch` is being cut. An appending or upserting sink makes durable what it wrote. A
    /// transactional one returns what `commit` will need (nothing where there is nothing to commit); it becomes part of
    /// the checkpoint. A sink with more state than that writes it to `writer`.
    fn prepare(&mut self, epoch: Epoch, writer: &mut SnapshotWriter) -> Result<Option<Vec<u8>>>;

    /// The checkpoint is durable: make `committable` visible. Idempotent: after a crash it is called again with all that
    /// the restored checkpoint holds, possibly on another worker than the one that prepared it. `id` tells the
    /// committables of one epoch apart and is the same in every call.
    fn commit(&mut self, _epoch: Epoch, _id: &str, _committable: &[u8]) -> Result<()> {
        Ok(())
    }

    /// All that was prepared up to this epoch is committed, on this worker.
    fn committed(&mut self, _epoch: Epoch) -> Result<()> {
        Ok(())
    }

    /// Reads back what `prepare` wrote to its writer.
    fn restore(&mut self, _reader: &SnapshotReader) -> Result<()> {
        Ok(())
    }

    /// What it promises.
    fn delivery(&self) -> Delivery;
}

impl<T: Sink + ?Sized> Sink for Box<T> {
    fn open(&mut self, context: &OperatorContext) -> Result<()> {
        (**self).open(context)
    }

    fn write(&mut self, batch: Batch) -> Result<()> {
        (**self).write(batch)
    }

    fn on_watermark(&mut self, time: EventTime) -> Result<()> {
        (**self).on_watermark(time)
    }

    fn prepare(&mut self, epoch: Epoch, writer: &mut SnapshotWriter) -> Result<Option<Vec<u8>>> {
        (**self).prepare(epoch, writer)
    }

    fn commit(&mut self, epoch: Epoch, id: &str, committable: &[u8]) -> Result<()> {
        (**self).commit(epoch, id, committable)
    }

    fn committed(&mut self, epoch: Epoch) -> Result<()> {
        (**self).committed(epoch)
    }

    fn restore(&mut self, reader: &SnapshotReader) -> Result<()> {
        (**self).restore(reader)
    }

    fn delivery(&self) -> Delivery {
        (**self).delivery()
    }
}

/// A sink whose batches are changed on their way to it, for whoever gives rows in another form than it takes them.
#[derive(Debug)]
pub struct Mapped<F, S> {
    map: F,
    sink: S,
}

impl<F: FnMut(Batch) -> Result<Option<Batch>> + Send, S: Sink> Mapped<F, S> {
    /// Gives `sink` what `map` makes of each batch; nothing where it makes none.
    pub fn new(sink: S, map: F) -> Self {
        Mapped { map, sink }
    }
}

impl<F: FnMut(Batch) -> Result<Option<Batch>> + Send, S: Sink> Sink for Mapped<F, S> {
    fn open(&mut self, context: &OperatorContext) -> Result<()> {
        self.sink.open(context)
    }

    fn write(&mut self, batch: Batch) -> Result<()> {
        match (self.map)(batch)? {
            Some(batch) => self.sink.write(batch),
            None => Ok(()),
        }
    }

    fn on_watermark(&mut self, time: EventTime) -> Result<()> {
        self.sink.on_watermark(time)
    }

    fn prepare(&mut self, epoch: Epoch, writer: &mut SnapshotWriter) -> Result<Option<Vec<u8>>> {
        self.sink.prepare(epoch, writer)
    }

    fn commit(&mut self, epoch: Epoch, id: &str, committable: &[u8]) -> Result<()> {
        self.sink.commit(epoch, id, committable)
    }

    fn committed(&mut self, epoch: Epoch) -> Result<()> {
        self.sink.committed(epoch)
    }

    fn restore(&mut self, reader: &SnapshotReader) -> Result<()> {
        self.sink.restore(reader)
    }

    fn delivery(&self) -> Delivery {
        self.sink.delivery()
    }
}

/// Makes a sink an operator: keeps its committables in union state until they are committed.
pub(crate) struct SinkOperator {
    sink: Box<dyn Sink>,
    context: Option<OperatorContext>,
    /// Waiting for their checkpoint to become durable: (epoch, id, bytes).
    pending: Vec<(Epoch, Arc<str>, Vec<u8>)>,
    /// Committed, to be removed from state at the next checkpoint.
    done: Vec<(Epoch, Arc<str>)>,
}

const TABLE: &str = "__committables";

impl SinkOperator {
    pub(crate) fn new(sink: Box<dyn Sink>) -> Self {
        SinkOperator { sink, context: None, pending: Vec::new(), done: Vec::new() }
    }

    fn key(epoch: Epoch, id: &str) -> Vec<u8> {
        let mut key = epoch.0.to_be_bytes().to_vec();
        key.extend_from_slice(id.as_bytes());
        key
    }
}

impl Operator for SinkOperator {
    fn open(&mut self, context: &OperatorContext) -> Result<()> {
        self.context = Some(context.clone());
        self.sink.open(context)
    }

    fn on_batch(&mut self, _port: usize, batch: Batch, _out: &mut Output<'_>) -> Result<()> {
        self.sink.write(batch)
    }

    fn on_watermark(&mut self, time: EventTime, _out: &mut Output<'_>) -> Result<()> {
        self.sink.on_watermark(time)
    }

    fn snapshot(&mut self, epoch: Epoch, writer: &mut SnapshotWriter) -> Result<()> {
        let prepared = self.sink.prepare(epoch, writer)?;
        let mut done: Vec<_> = self.done.drain(..).map(|(epoch, id)| Self::key(epoch, &id)).collect();
        done.sort();
        done.dedup();
        let id: Arc<str> = self.context.as_ref().map_or(0, |c| c.worker).to_string().into();
        // A committable may be large: it goes straight into its block. Its epoch is later than all that are done.
        writer.run(TABLE, |run| {
            done.iter().try_for_each(|key| run.push(UNION, key, |_| Ok(false)))?;
            let Some(bytes) = &prepared else { return Ok(()) };
            run.push(UNION, &Self::key(epoch, &id), |out| {
                out.extend_from_slice(bytes);
                Ok(true)
            })
        })?;
        self.pending.extend(prepared.map(|bytes| (epoch, id, bytes)));
        Ok(())
    }

    fn restore(&mut self, reader: &SnapshotReader) -> Result<()> {
        self.sink.restore(reader)?;
        let (worker, workers) = self.context.as_ref().map_or((0, 1), |c| (c.worker, c.workers));
        for (n, (key, bytes)) in reader.table(TABLE).enumerate() {
            if n % workers != worker {
                continue;
            }
            let parsed = key.split_first_chunk::<8>().and_then(|(e, id)| Some((e, std::str::from_utf8(id).ok()?)));
            let Some((epoch, id)) = parsed else {
                return Err(EngineError::State("a sink's stored committable has a bad key".into()));
            };
            let epoch = Epoch(u64::from_be_bytes(*epoch));
            self.sink.commit(epoch, id, bytes)?;
            self.done.push((epoch, id.into()));
        }
        Ok(())
    }

    fn on_commit(&mut self, epoch: Epoch) -> Result<()> {
        let ready = self.pending.iter().take_while(|(e, ..)| *e <= epoch).count();
        for (epoch, id, bytes) in self.pending.drain(..ready) {
            self.sink.commit(epoch, &id, &bytes)?;
            self.done.push((epoch, id));
        }
        self.sink.committed(epoch)
    }
}
