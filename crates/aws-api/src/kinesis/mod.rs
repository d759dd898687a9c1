//! Kinesis Data Streams over the `streams` crate.
//!
//! Streams made in any way are served; what the service knows beside their records is in `notes`. One file in
//! `operations` a kind of operation; `model.txt` lists them with what they take.

mod faults;
mod name;
mod notes;
mod operations;
mod own;
mod sequence_number;
mod settings;
mod throttle;
mod token;

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use futures::future::BoxFuture;
use parking_lot::Mutex;
use tidemill_streams::Streams;
use tokio::sync::watch;

pub use own::RegisteredConsumer;
pub use settings::Settings;

use crate::access::Access;
use crate::gateway::{Answer, Call, Service};
use crate::protocol::{Fault, Model};
use crate::{Error, Result};
use notes::Notebook;
use operations::subscribe::Subscriptions;
use throttle::Throttle;
use token::Seal;

/// The service. Clones share it.
#[derive(Clone, Debug)]
pub struct Kinesis(Arc<Inner>);

/// What all clones share.
#[doc(hidden)]
#[derive(Debug)]
pub struct Inner {
    streams: Streams,
    settings: Settings,
    model: Model,
    notes: Notebook,
    seal: Seal,
    throttles: Throttles,
    subscriptions: Subscriptions,
    /// Streams whose number of shards is being changed.
    scaling: Mutex<HashMap<String, i64>>,
    stop: watch::Sender<bool>,
}

/// Rates, by what they are of.
#[derive(Debug, Default)]
struct Throttles {
    /// By operation, and stream where the rate is a stream's.
    calls: Throttle<(&'static str, String)>,
    /// By stream's creation and shard.
    written_records: Throttle<ShardKey>,
    written_bytes: Throttle<ShardKey>,
    read_calls: Throttle<ShardKey>,
    read_bytes: Throttle<ShardKey>,
    iterators: Throttle<ShardKey>,
    subscribed: Throttle<(String, u32)>,
    /// By stream's creation, consumer and shard.
    subscribed_bytes: Throttle<(i64, String, u32)>,
}

/// A shard of all streams, by its stream's creation in microseconds.
type ShardKey = (i64, u32);

impl std::ops::Deref for Kinesis {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl Kinesis {
    /// Serves these streams; notes about them are kept in `folder`. Needs a tokio runtime.
    pub fn open(streams: Streams, folder: &Path, settings: Settings) -> Result<Self> {
        settings.check()?;
        let model = Model::parse(include_str!("model.txt"), "com.amazonaws.kinesis.v20131202")
            .map_err(|said| Error::Model { service: "Kinesis", said })?;
        let notes = Notebook::open(folder)?;
        let seal = Seal::new(notes.account().seal);
        let kinesis = Self(Arc::new(Inner {
            streams,
            subscriptions: Subscriptions::default(),
            settings,
            model,
            notes,
            seal,
            throttles: Throttles::default(),
            scaling: Mutex::default(),
            stop: watch::Sender::new(false),
        }));
        kinesis.go_on_scaling();
        Ok(kinesis)
    }

    /// Ends all subscriptions, so that a server can stop.
    pub fn stop(&self) {
        self.stop.send_replace(true);
    }
}

impl Service for Kinesis {
    fn target(&self) -> &'static str {
        "Kinesis_20131202"
    }

    fn signing_name(&self) -> &'static str {
        "kinesis"
    }

    fn model(&self) -> &Model {
        &self.0.model
    }

    fn access(&self, operation: &str) -> Access {
        operations::access(operation)
    }

    fn refusal(&self, operation: &str) -> Fault {
        let (what, instead) = match operation.contains("Queue") {
            true => ("queues", "read the stream's shards with GetRecords or SubscribeToShard"),
            false => ("channels", "write to files or tables with an application's sink"),
        };
        let said = format!("{operation} is not supported: Tidemill has no {what} on streams; {instead}.");
        Fault::validation(said)
    }

    fn call<'a>(&'a self, call: Call<'a>) -> BoxFuture<'a, Result<Answer, Fault>> {
        Box::pin(operations::call(self, call))
    }
}

/// Unix milliseconds.
fn now_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}
