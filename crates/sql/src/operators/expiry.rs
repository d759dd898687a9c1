//! Wakes an operator to forget state that has outlived its time to live.

use std::time::Duration;

use tidemill_engine::{EventTime, OperatorContext, Output, key::KeyGroup, time::micros, timers::Timer};

/// State is looked through so often while it lives, so it is kept for up to a quarter longer than it has to.
const SWEEPS: i64 = 4;

/// Processing-time timers of one operator instance, for state that expires.
#[derive(Debug, Default)]
pub(crate) struct Expiry {
    ttl: Option<i64>,
    /// Of a key group that this worker owns, so that the timer comes back to an owner of some of the state.
    timer: Box<[u8]>,
    next: Option<EventTime>,
}

impl Expiry {
    /// State lives for so long after its last write: of several, the shortest decides how often it is looked through.
    pub(crate) fn new(ttl: Option<Duration>) -> Self {
        Expiry { ttl: ttl.map(micros), timer: [].into(), next: None }
    }

    pub(crate) fn open(&mut self, context: &OperatorContext) {
        self.timer = key_of_group(context.key_groups.start);
    }

    /// What was written at or before this time has expired; `i64::MIN` where nothing does.
    pub(crate) fn before(ttl: Option<i64>, now: EventTime) -> i64 {
        ttl.map_or(i64::MIN, |ttl| now.0.saturating_sub(ttl))
    }

    /// To be called whenever state may have been written.
    pub(crate) fn arm(&mut self, out: &mut Output<'_>) {
        if let (Some(ttl), None) = (self.ttl, self.next) {
            let at = EventTime(out.now().0.saturating_add((ttl / SWEEPS).max(1)));
            out.set_processing_timer(at, &self.timer);
            self.next = Some(at);
        }
    }

    /// To be called when the timer fires; state that has expired is to be dropped then.
    pub(crate) fn fired(&mut self, timer: &Timer) {
        if self.next == Some(timer.time) {
            self.next = None;
        }
    }
}

/// Some key that belongs to a key group.
pub(crate) fn key_of_group(group: u16) -> Box<[u8]> {
    let keys = (0u32..).map(u32::to_be_bytes);
    let found = keys.into_iter().find(|key| u16::from(KeyGroup::of_key(key).0) == group);
    found.map_or_else(|| [].into(), |key| Box::from(&key[..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_group_has_a_key() {
        for group in 0..256 {
            assert_eq!(u16::from(KeyGroup::of_key(&key_of_group(group)).0), group);
        }
    }
}
