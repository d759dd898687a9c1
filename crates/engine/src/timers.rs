//! Timers of keys: part of keyed state, so they survive a restart and move with their key's group.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    error::Result,
    key::KeyGroup,
    state::{SnapshotReader, SnapshotWriter},
    time::EventTime,
};

/// Which clock fires a timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TimeDomain {
    /// The watermark.
    Event,
    /// The wall clock.
    Processing,
}

/// A timer that fires once for its key. Setting the same one twice is setting it once.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timer {
    /// Which clock.
    pub domain: TimeDomain,
    /// When: at the first watermark, or wall-clock time, that is not before it.
    pub time: EventTime,
    /// Whose.
    pub key: Box<[u8]>,
}

const TABLE: &str = "__timers";

/// All timers of one operator on one worker.
#[derive(Debug, Default)]
pub struct Timers {
    waiting: BTreeSet<Timer>,
    changed: BTreeMap<Timer, bool>,
}

impl Timers {
    /// Sets a timer.
    pub fn set(&mut self, domain: TimeDomain, time: EventTime, key: &[u8]) {
        let timer = Timer { domain, time, key: key.into() };
        if self.waiting.insert(timer.clone()) {
            self.changed.insert(timer, true);
        }
    }

    /// Takes a timer back; it does nothing where none is set.
    pub fn cancel(&mut self, domain: TimeDomain, time: EventTime, key: &[u8]) {
        let timer = Timer { domain, time, key: key.into() };
        if self.waiting.remove(&timer) {
            self.changed.insert(timer, false);
        }
    }

    /// When the first timer of a clock is due.
    pub(crate) fn first(&self, domain: TimeDomain) -> Option<EventTime> {
        let from = Timer { domain, time: EventTime::MIN, key: Box::default() };
        self.waiting.range(from..).next().filter(|t| t.domain == domain).map(|t| t.time)
    }

    /// Takes the earliest timer that is due by `now`.
    pub(crate) fn pop_due(&mut self, domain: TimeDomain, now: EventTime) -> Option<Timer> {
        let from = Timer { domain, time: EventTime::MIN, key: Box::default() };
        let first = self.waiting.range(from..).next()?;
        if first.domain != domain || first.time > now {
            return None;
        }
        let timer = first.clone();
        self.waiting.remove(&timer);
        self.changed.insert(timer.clone(), false);
        Some(timer)
    }

    pub(crate) fn snapshot(&mut self, writer: &mut SnapshotWriter) {
        for (timer, set) in std::mem::take(&mut self.changed) {
            let mut entry = Vec::with_capacity(9 + timer.key.len());
            entry.push(timer.domain as u8);
            entry.extend_from_slice(&timer.time.0.to_be_bytes());
            entry.extend_from_slice(&timer.key);
            let group = u16::from(KeyGroup::of_key(&timer.key).0);
            writer.scoped(TABLE, group, &entry, set.then_some(&[]));
        }
    }

    pub(crate) fn restore(&mut self, reader: &SnapshotReader) -> Result<()> {
        for (entry, _) in reader.table(TABLE) {
            let (Some(&domain), Some(time)) =
                (entry.first(), entry.get(1..9).and_then(|t| t.try_into().ok()).map(i64::from_be_bytes))
            else {
                return Err(SnapshotReader::undecodable(TABLE, "it is too short"));
            };
            self.waiting.insert(Timer {
                domain: if domain == 0 { TimeDomain::Event } else { TimeDomain::Processing },
                time: EventTime(time),
                key: entry.get(9..).unwrap_or_default().into(),
            });
        }
        Ok(())
    }
}
