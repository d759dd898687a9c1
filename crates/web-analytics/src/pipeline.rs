//! The dataflow from the stream of beacons to summaries and lake.
//!
//! ```text
//! beacons ─▶ decode ─┬──────────────────────────▶ join ─┬▶ deltas      (port 0)
//!                    ├▶ orders, by order id ────▶       ├▶ impressions (port 1)
//!                    ├▶ quarantined rows  (port 2)      └▶ sessions    (port 2)
//!                    └▶ their deltas      (port 3)
//! ```
//!
//! Between operators a beacon is three `Binary` columns: the session's key, the order's key (empty without an order) and
//! a [`crate::message::Message`]. The join is routed by the first, the orders by the second.

mod decode;
mod join;
mod orders;
#[cfg(test)]
mod tests;

use std::sync::{Arc, LazyLock};

use arrow::array::{ArrayRef, BinaryBuilder, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use tidemill_engine::batch::take_column;
use tidemill_engine::{Batch, EngineError, Job, Port, Result, Routing};

pub use decode::Decode;
pub use join::JoinVisits;
pub use orders::Orders;

use crate::sites::Sites;
use crate::summary::buffer::DeltaBuffer;

const SESSION_KEY: usize = 0;
const ORDER_KEY: usize = 1;
const MESSAGE: usize = 2;

static BEACONS: LazyLock<SchemaRef> = LazyLock::new(|| {
    let column = |name| Field::new(name, DataType::Binary, false);
    Arc::new(Schema::new(vec![column("session_key"), column("order_key"), column("message")]))
});

static DELTAS: LazyLock<SchemaRef> =
    LazyLock::new(|| Arc::new(Schema::new(vec![Field::new("deltas", DataType::Binary, false)])));

/// What the pipeline gives, to be connected to sinks.
#[derive(Clone, Copy, Debug)]
pub struct Outputs {
    /// Delta batches ([`crate::summary::codec`]) in one `Binary` column: of the join, and of quarantine.
    pub deltas: [Port; 2],
    /// Rows of [`crate::lake::impressions`].
    pub impressions: Port,
    /// Rows of [`crate::lake::sessions`].
    pub sessions: Port,
    /// Rows of [`crate::lake::quarantine`].
    pub quarantine: Port,
}

/// Adds the pipeline to a job. `beacons` gives rows as the stream source does: `data`, …, `sequence`.
pub fn add(job: &mut Job, beacons: Port, sites: &Sites) -> Outputs {
    let shared = sites.clone();
    let decode = job.operator("decode", &[(beacons, 0, Routing::Forward)], move |_| Ok(Decode::new(shared.clone())));
    let port = |node, output| Port { node, output };
    let to_orders = (port(decode, 1), 0, Routing::Key(ORDER_KEY));
    let orders = job.operator("orders", &[to_orders], |_| Ok(Orders::default()));
    let shared = sites.clone();
    let inputs = [port(decode, 0), port(orders, 0)].map(|from| (from, 0, Routing::Key(SESSION_KEY)));
    let join = job.operator("join", &inputs, move |_| Ok(JoinVisits::new(shared.clone())));
    Outputs {
        deltas: [port(join, 0), port(decode, 3)],
        impressions: port(join, 1),
        sessions: port(join, 2),
        quarantine: port(decode, 2),
    }
}

/// Collects beacons on their way between operators.
#[derive(Default)]
struct Beacons {
    session_keys: BinaryBuilder,
    order_keys: BinaryBuilder,
    messages: BinaryBuilder,
    times: Vec<i64>,
}

impl Beacons {
    fn push(&mut self, session_key: &[u8], order_key: &[u8], message: &[u8], time_us: i64) {
        self.session_keys.append_value(session_key);
        self.order_keys.append_value(order_key);
        self.messages.append_value(message);
        self.times.push(time_us);
    }

    fn finish(&mut self) -> Result<Batch> {
        let rows = self.times.len();
        let columns: Vec<ArrayRef> =
            [&mut self.session_keys, &mut self.order_keys, &mut self.messages].map(take_column).into();
        let times = std::mem::replace(&mut self.times, Vec::with_capacity(rows));
        Batch::new(RecordBatch::try_new(BEACONS.clone(), columns)?, times)
    }
}

/// One row with all deltas of a buffer; none when nothing changed.
fn deltas(buffer: &mut DeltaBuffer, time_us: i64) -> Result<Option<Batch>> {
    let Some(deltas) = buffer.encode() else { return Ok(None) };
    let mut column = BinaryBuilder::new();
    column.append_value(deltas);
    Batch::new(RecordBatch::try_new(DELTAS.clone(), vec![Arc::new(column.finish())])?, vec![time_us]).map(Some)
}

fn failed(operator: &str) -> impl Fn(crate::Error) -> EngineError {
    move |error| EngineError::operator(operator, error)
}
