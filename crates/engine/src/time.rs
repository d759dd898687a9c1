//! The two axes of time: epochs, which order checkpoints, and event time, which orders what happened.

use std::fmt;

/// A stretch of a job's run. Some epochs are checkpoints: see [`crate::checkpoint`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Epoch(pub u64);

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// Microseconds since 1970 UTC: event time, ingestion time or processing time, as the job chooses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EventTime(pub i64);

impl EventTime {
    /// Before everything.
    pub const MIN: EventTime = EventTime(i64::MIN);
    /// After everything: the watermark of an input that has ended.
    pub const MAX: EventTime = EventTime(i64::MAX);

    /// The wall clock's time.
    pub fn now() -> Self {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        EventTime(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
    }

    /// From milliseconds since 1970 UTC.
    pub fn from_millis(ms: i64) -> Self {
        EventTime(ms.saturating_mul(1_000))
    }

    /// Milliseconds since 1970 UTC.
    pub fn millis(self) -> i64 {
        self.0.div_euclid(1_000)
    }

    /// Later by a duration, saturating.
    pub fn plus(self, duration: std::time::Duration) -> Self {
        EventTime(self.0.saturating_add(micros(duration)))
    }

    /// Earlier by a duration, saturating.
    pub fn minus(self, duration: std::time::Duration) -> Self {
        EventTime(self.0.saturating_sub(micros(duration)))
    }
}

/// A duration in whole microseconds, saturating.
pub fn micros(duration: std::time::Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

/// What a sender says of its event time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// No row earlier than this follows from this sender (rows that do are late).
    Time(EventTime),
    /// The sender has nothing for now: it doesn't hold the others back until it says a time again.
    Idle,
}
