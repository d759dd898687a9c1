//! The clock that rows expire by.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Milliseconds since 1970, never going back, so that an expired row stays expired while the program runs.
#[derive(Clone)]
pub struct Clock {
    source: Arc<dyn Fn() -> i64 + Send + Sync>,
    latest_ms: Arc<AtomicI64>,
}

impl Clock {
    /// The system's clock.
    pub fn system() -> Clock {
        Clock::from_fn(|| {
            let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            i64::try_from(since_1970.as_millis()).unwrap_or(i64::MAX)
        })
    }

    /// A clock that a test or a simulation drives: `source` gives milliseconds since 1970.
    pub fn from_fn(source: impl Fn() -> i64 + Send + Sync + 'static) -> Clock {
        Clock { source: Arc::new(source), latest_ms: Arc::new(AtomicI64::new(i64::MIN)) }
    }

    /// Now.
    pub fn now_ms(&self) -> i64 {
        let now = (self.source)();
        self.latest_ms.fetch_max(now, Ordering::Relaxed).max(now)
    }
}

impl Default for Clock {
    fn default() -> Self {
        Clock::system()
    }
}

impl std::fmt::Debug for Clock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Clock").field("now_ms", &self.now_ms()).finish()
    }
}
