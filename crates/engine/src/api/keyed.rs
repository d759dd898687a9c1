//! A stream divided by key.

use std::{marker::PhantomData, sync::Arc};

use arrow::{
    array::{ArrayRef, BinaryArray, RecordBatch},
    datatypes::{DataType, Field, Schema},
};

use super::{
    environment::Environment,
    process::{Connected, Process, ProcessOperator, TwoInputs},
    row::{Row, RowCodec, decode},
    stream::{Decode, Stream},
    window::{WindowAssigner, WindowedStream},
};
use crate::{
    batch::Batch,
    error::{EngineError, Result},
    job::{Port, Routing},
    operator::{Operator, Output},
    state::StateValue,
};

/// A stream of `T` divided by a key `K`.
#[derive(Clone, Debug)]
pub struct KeyedStream<K, T> {
    pub(crate) env: Environment,
    pub(crate) port: Port,
    /// The column with the key's bytes, behind those of the row.
    pub(crate) column: usize,
    types: PhantomData<fn() -> (K, T)>,
}

impl<K: Row + Ord, T: Row> KeyedStream<K, T> {
    pub(crate) fn new(env: Environment, port: Port, column: usize) -> Self {
        KeyedStream { env, port, column, types: PhantomData }
    }

    pub(crate) fn routing(&self) -> Routing {
        Routing::Key(self.column)
    }

    /// Divides each key's rows into windows of event time.
    pub fn window<A: WindowAssigner>(&self, name: &str, assigner: A) -> WindowedStream<K, T, A> {
        WindowedStream::new(self.clone(), name, assigner)
    }

    /// Calls a [`Process`] for each row and each timer, with state of the row's key.
    pub fn process<P: Process<K, T>>(
        &self,
        name: &str,
        make: impl Fn() -> P + Send + Sync + 'static,
    ) -> Processed<P::Out, P::Side> {
        let (column, codec, side) = (self.column, self.codec::<P::Out>(), self.codec::<P::Side>());
        let inputs = [(self.port, 0, self.routing())];
        let node = self.env.edit(|job| {
            job.operator(name, &inputs, move |_| Ok(ProcessOperator::new(make(), column, codec.clone(), side.clone())))
        });
        Processed { main: self.env.stream(Port { node, output: 0 }), side: self.env.stream(Port { node, output: 1 }) }
    }

    /// Joins this stream with another one that has the same key: one operator sees the rows of both, and shares its
    /// state between them.
    pub fn connect<U: Row>(&self, other: &KeyedStream<K, U>) -> Connected<K, T, U> {
        Connected::new(self.clone(), other.clone())
    }

    pub(crate) fn codec<U: Row>(&self) -> Option<RowCodec> {
        self.env.checked(RowCodec::of::<U>())
    }
}

impl<K: Row + Ord, T: Row, U: Row> Connected<K, T, U> {
    /// Calls `P` for the rows of both streams.
    pub fn process<P: TwoInputs<K, T, U>>(
        &self,
        name: &str,
        make: impl Fn() -> P + Send + Sync + 'static,
    ) -> Stream<P::Out> {
        let columns = [self.first.column, self.second.column];
        let codec = self.first.codec::<P::Out>();
        let inputs = [(self.first.port, 0, self.first.routing()), (self.second.port, 1, self.second.routing())];
        let node = self.first.env.edit(|job| {
            job.operator(name, &inputs, move |_| {
                Ok(super::process::TwoInputOperator::new(make(), columns, codec.clone()))
            })
        });
        self.first.env.stream(Port { node, output: 0 })
    }
}

/// What a [`Process`] sends.
#[derive(Clone, Debug)]
pub struct Processed<M, S> {
    /// The main output.
    pub main: Stream<M>,
    /// The side output.
    pub side: Stream<S>,
}

/// Encodes rows with the bytes of their key in one more column.
pub(crate) struct KeyBy<K, T> {
    pub(crate) decode: Decode<T>,
    pub(crate) key: Arc<dyn Fn(&T) -> K + Send + Sync>,
    pub(crate) codec: Option<RowCodec>,
}

impl<K: Row, T: Row> Operator for KeyBy<K, T> {
    fn on_batch(&mut self, _port: usize, batch: Batch, out: &mut Output<'_>) -> Result<()> {
        let rows = (self.decode)(&batch)?;
        let Some(codec) = self.codec.as_ref().filter(|_| !rows.is_empty()) else { return Ok(()) };
        let mut keys = Vec::with_capacity(rows.len());
        for row in &rows {
            let mut key = Vec::new();
            (self.key)(&row.row).encode(&mut key).map_err(EngineError::State)?;
            keys.push(key);
        }
        let keys: ArrayRef = Arc::new(BinaryArray::from_iter_values(keys));
        let plain = codec.encode(&rows)?;
        let mut fields: Vec<_> = plain.schema().fields().iter().cloned().collect();
        fields.push(Arc::new(Field::new(KEY, DataType::Binary, false)));
        let mut columns = plain.rows().columns().to_vec();
        columns.push(keys);
        let keyed = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)?;
        out.emit(plain.with_rows(keyed)?);
        Ok(())
    }
}

const KEY: &str = "__key";

/// Keys and rows of a batch that [`KeyBy`] made.
pub(crate) fn keyed_rows<T: Row>(batch: &Batch, column: usize) -> Result<(Vec<Box<[u8]>>, Vec<super::Timed<T>>)> {
    let keys = batch.binary(column)?;
    let keys = (0..batch.num_rows()).map(|i| keys.value(i).into()).collect();
    let plain = batch.rows().project(&(0..column).collect::<Vec<_>>())?;
    Ok((keys, decode(&batch.with_rows(plain)?)?))
}

/// A key from its bytes.
pub(crate) fn decode_key<K: Row>(bytes: &[u8]) -> Result<K> {
    K::decode(bytes).map_err(|e| EngineError::State(format!("a key can't be read: {e}")))
}
