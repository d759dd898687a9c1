//! Ingestion time: the stamp that a stream puts on each record, and the clock that it is read from.

use std::fmt;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// When a record entered its stream, in microseconds since 1970 UTC.
///
/// Within a shard, and from parent to child, stamps never go back, whatever the clock does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct IngestionTime(i64);

impl IngestionTime {
    /// Earlier than every stamp.
    pub const MIN: Self = Self(i64::MIN);

    /// A time given in microseconds since 1970.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since 1970.
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// Milliseconds since 1970, rounded down.
    pub const fn as_millis(self) -> i64 {
        self.0.div_euclid(1_000)
    }

    /// The next later stamp.
    pub(crate) const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// The next earlier stamp.
    pub(crate) const fn previous(self) -> Self {
        Self(self.0.saturating_sub(1))
    }

    pub(crate) const fn plus_second(self) -> Self {
        Self(self.0.saturating_add(1_000_000))
    }

    pub(crate) const fn minus_micros(self, micros: i64) -> Self {
        Self(self.0.saturating_sub(micros))
    }
}

impl fmt::Display for IngestionTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} µs", self.0)
    }
}

/// Where stamps come from: the system's clock, or a function for simulations and tests.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> IngestionTime + Send + Sync>);

impl Clock {
    /// The system's wall clock.
    pub fn system() -> Self {
        Self::from_fn(|| {
            let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            IngestionTime(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
        })
    }

    /// A clock that asks `now` each time.
    pub fn from_fn(now: impl Fn() -> IngestionTime + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// The time now.
    pub fn now(&self) -> IngestionTime {
        (self.0)()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}
