//! What this server's own API asks of streams that the service keeps notes about. The service's limits are not its.

use tidemill_streams::Stream;

use super::notes::Consumer;
use super::{Kinesis, now_ms};
use crate::protocol::Fault;

/// A registered consumer of enhanced fan-out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegisteredConsumer {
    /// Its name, unique in its stream.
    pub name: String,
    /// By which clients subscribe.
    pub arn: String,
    /// When it was registered, in seconds since 1970.
    pub created_s: i64,
}

impl Kinesis {
    /// Whether a stream's number of shards is being changed.
    pub fn is_scaling(&self, stream: &Stream) -> bool {
        self.scaling.lock().get(stream.name()) == Some(&stream.created().as_micros())
    }

    /// Begins to change a stream's number of open shards, to even ranges, and goes on with it after a restart; false when
    /// such a change is under way. Blocks until that is noted, not until it is done. Needs a tokio runtime.
    ///
    /// # Errors
    /// When the note can't be stored.
    pub fn begin_scaling(&self, stream: &Stream, shards: u32) -> Result<bool, Fault> {
        let begins = self.notes.change(stream, |notes| {
            let begins = notes.scaling_to.is_none();
            notes.scaling_to.get_or_insert(shards);
            Ok(begins)
        })?;
        if begins {
            self.start_scaling(stream, shards);
        }
        Ok(begins)
    }

    /// The registered consumers of a stream, by name.
    pub fn consumers(&self, stream: &Stream) -> Vec<RegisteredConsumer> {
        let notes = self.notes.of(stream);
        notes.consumers.iter().map(|(name, consumer)| self.registered(stream, name, consumer)).collect()
    }

    /// Registers a consumer; `None` when the stream has one of that name. Blocks until it is stored.
    ///
    /// # Errors
    /// When the name is none, or it can't be stored.
    pub fn register(&self, stream: &Stream, name: &str) -> Result<Option<RegisteredConsumer>, Fault> {
        let of_name = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
        if !(1..=128).contains(&name.len()) || !name.bytes().all(of_name) {
            return Err(Fault::validation(format!("{name:?} is no name of a consumer")));
        }
        let consumer = Consumer { created_s: now_ms() / 1_000, ..Consumer::default() };
        self.notes.change(stream, |notes| {
            if notes.consumers.contains_key(name) {
                return Ok(None);
            }
            notes.consumers.insert(name.to_owned(), consumer.clone());
            Ok(Some(self.registered(stream, name, &consumer)))
        })
    }

    /// Deregisters a consumer and ends its subscriptions; false when the stream has none of that name.
    ///
    /// # Errors
    /// When that can't be stored.
    pub fn deregister(&self, stream: &Stream, name: &str) -> Result<bool, Fault> {
        let there = self.notes.change(stream, |notes| Ok(notes.consumers.remove(name).is_some()))?;
        self.subscriptions.end(stream, name);
        Ok(there)
    }

    /// Forgets what is noted about a stream that was deleted.
    pub fn forget(&self, stream: &Stream) {
        self.notes.forget(stream);
    }

    fn registered(&self, stream: &Stream, name: &str, consumer: &Consumer) -> RegisteredConsumer {
        let place = self.place(&crate::access::Caller { region: None, key: None });
        let arn = place.consumer(stream.name(), name, consumer.created_s);
        RegisteredConsumer { name: name.to_owned(), arn, created_s: consumer.created_s }
    }
}
