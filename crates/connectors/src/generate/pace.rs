//! So many rows a second.

use std::sync::Arc;
use std::time::Duration;

use tidemill_engine::EventTime;

/// Rows are made in rounds that are at least so far apart.
const ROUND: Duration = Duration::from_millis(10);

/// Tells the time, microseconds since 1970.
#[derive(Clone)]
pub(crate) struct Clock(Arc<dyn Fn() -> EventTime + Send + Sync>);

impl Clock {
    pub(crate) fn system() -> Self {
        Clock(Arc::new(EventTime::now))
    }

    #[cfg(test)]
    pub(crate) fn new(now: impl Fn() -> EventTime + Send + Sync + 'static) -> Self {
        Clock(Arc::new(now))
    }

    pub(crate) fn now(&self) -> EventTime {
        (self.0)()
    }
}

/// Which rows are due.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    rows_per_second: u64,
    /// This row is due at that time.
    first: u64,
    begun: EventTime,
}

impl Pace {
    pub(crate) fn new(rows_per_second: u64, first: u64, begun: EventTime) -> Self {
        Pace { rows_per_second: rows_per_second.max(1), first, begun }
    }

    /// The number behind the last row that is due.
    pub(crate) fn due(&self, now: EventTime) -> u64 {
        let elapsed = u128::try_from(now.0.saturating_sub(self.begun.0)).unwrap_or(0);
        let rows = elapsed * u128::from(self.rows_per_second) / 1_000_000;
        self.first.saturating_add(u64::try_from(rows).unwrap_or(u64::MAX)).saturating_add(1)
    }

    /// How long it is until a row is due, and at least a round.
    pub(crate) fn until(&self, row: u64, now: EventTime) -> Duration {
        let after = u128::from(row.saturating_sub(self.first)) * 1_000_000 / u128::from(self.rows_per_second);
        let due = self.begun.0.saturating_add(i64::try_from(after).unwrap_or(i64::MAX));
        Duration::from_micros(u64::try_from(due.saturating_sub(now.0)).unwrap_or(0)).max(ROUND)
    }
}
