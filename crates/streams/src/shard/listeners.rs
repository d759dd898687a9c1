//! Those who wait for a shard to have something new.

use std::sync::Arc;
use std::task::Waker;

/// Called when a shard has something new; see [`crate::ShardReader::on_data`].
pub type DataWaker = Arc<dyn Fn() + Send + Sync>;

/// The waiting readers of a shard.
#[derive(Default)]
pub(super) struct Listeners {
    next_id: u64,
    /// Called at each change, until taken away.
    pub(super) lasting: Vec<(u64, DataWaker)>,
    /// Woken at the next change.
    pub(super) once: Vec<(u64, Waker)>,
}

impl std::fmt::Debug for Listeners {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} listeners, {} waiting", self.lasting.len(), self.once.len())
    }
}

impl Listeners {
    /// A number for the next listener.
    pub(super) fn new_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }
}
