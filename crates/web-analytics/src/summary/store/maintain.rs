//! The thread that compacts, folds and drops in the background.

use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use super::SummaryStore;
use super::fold::SitePolicy;
use crate::error::Result;
use crate::summary::cell::{Minute, SiteId};

impl SummaryStore {
    /// One round of maintenance at `now`: compacts fresh chunks, folds what is due, drops what is too old, gives back its disk.
    ///
    /// # Errors
    /// [`crate::error::Error::Storage`] or [`crate::error::Error::Damaged`]; what was done before stays done.
    pub fn maintain(&self, now: Minute, policies: &[(SiteId, SitePolicy)]) -> Result<()> {
        self.compact()?;
        self.fold(now, policies)?;
        self.retain(now, policies)?;
        self.reclaim()
    }
}

/// Queries read every fresh chunk, and five are added a second.
const COMPACT_EVERY: Duration = Duration::from_secs(1);

fn now() -> Minute {
    let seconds = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
    Minute(u32::try_from(seconds / 60).unwrap_or(u32::MAX))
}

/// Maintenance in the background; stops, and waits for the round that runs, when dropped.
pub struct Maintenance {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Maintenance {
    /// Compacts every second, and has a whole round every `every`, before which `policies` is asked.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn start(
        store: Arc<SummaryStore>,
        every: Duration,
        policies: impl Fn() -> Vec<(SiteId, SitePolicy)> + Send + 'static,
    ) -> std::io::Result<Maintenance> {
        let (stop, stopped) = mpsc::channel::<()>();
        let thread = std::thread::Builder::new().name("summary-maintenance".into()).spawn(move || {
            let mut last_round = Instant::now();
            while stopped.recv_timeout(every.min(COMPACT_EVERY)) == Err(RecvTimeoutError::Timeout) {
                let result = if last_round.elapsed() < every {
                    store.compact().map(drop)
                } else {
                    last_round = Instant::now();
                    store.maintain(now(), &policies())
                };
                if let Err(error) = result {
                    tracing::error!(%error, hint = error.hint(), "maintenance of summaries failed");
                }
            }
        })?;
        Ok(Maintenance { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Maintenance {
    fn drop(&mut self) {
        self.stop.take();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("maintenance of summaries panicked");
        }
    }
}
