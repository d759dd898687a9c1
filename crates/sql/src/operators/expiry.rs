//! Wakes an operator to forget state that has outlived its time to live.

use std::time::Duration;

use tidemill_engine::{EventTime, OperatorContext, Output, key::KeyGroup, time::micros, timers::Timer};

/// State is looked through so often while it lives, so it is kept for up to a quarter longer than it has to.
const SWEEPS: i64 = 4;

/// Processing-time timers of one operator instance, for state that expires.
#[derive(Debug, Default)]
pub(crate) struct Expiry {
    every: Option<i64>,
    /// A key of each key group that this worker owns: wherever the groups go, the timer goes with each of them.
    keys: Vec<Box<[u8]>>,
    next: Option<EventTime>,
}

impl Expiry {
    /// For state that lives so long after its last write.
    pub(crate) fn new(ttl: Option<Duration>) -> Self {
        Expiry { every: ttl.map(|ttl| (micros(ttl) / SWEEPS).max(1)), ..Expiry::default() }
    }

    /// For something that has to be looked at so often, in microseconds, while there is any.
    pub(crate) fn every(micros: i64) -> Self {
        Expiry { every: Some(micros.max(1)), ..Expiry::default() }
    }

    pub(crate) fn open(&mut self, context: &OperatorContext) {
        if self.every.is_some() {
            self.keys = context.key_groups.clone().map(key_of_group).collect();
        }
    }

    /// What was written at or before this time has expired; `i64::MIN` where nothing does.
    pub(crate) fn before(ttl: Option<i64>, now: EventTime) -> i64 {
        ttl.map_or(i64::MIN, |ttl| now.0.saturating_sub(ttl))
    }

    /// To be called whenever state may have been written.
    pub(crate) fn arm(&mut self, out: &mut Output<'_>) {
        if let (Some(every), None) = (self.every, self.next) {
            let at = EventTime(out.now().0.saturating_add(every));
            self.keys.iter().for_each(|key| out.set_processing_timer(at, key));
            self.next = Some(at);
        }
    }

    /// To be called when a timer fires: true where the state is to be looked through now.
    pub(crate) fn fired(&mut self, timer: &Timer) -> bool {
        // Timers set before a restart fire once for each group: the first of them arms the next.
        let first = self.next.is_none_or(|next| next <= timer.time);
        if first {
            self.next = None;
        }
        first
    }
}

/// Some key that belongs to a key group.
pub(crate) fn key_of_group(group: u16) -> Box<[u8]> {
    let found = (0u32..).map(u32::to_be_bytes).find(|key| u16::from(KeyGroup::of_key(key).0) == group);
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
