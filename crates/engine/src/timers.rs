//! Timers of keys: part of keyed state, so they survive a restart and move with their key's group.

use std::collections::BTreeSet;

use hashbrown::hash_map::Entry;

use crate::{
    error::Result,
    key::KeyGroup,
    state::{SnapshotReader, SnapshotWriter},
    time::EventTime,
};

/// Which clock fires a timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
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

/// When a timer is due, and whose it is: most comparisons need the time only.
type Due = (EventTime, Box<[u8]>);

const PREFIX: usize = 9;

/// All timers of one operator on one worker.
#[derive(Debug, Default)]
pub struct Timers {
    event: BTreeSet<Due>,
    processing: BTreeSet<Due>,
    /// What the last snapshot does not hold yet: set, or no longer set.
    changed: hashbrown::HashMap<(TimeDomain, Due), bool, ahash::RandomState>,
}

/// Clock, time and key in bytes that sort as timers do.
fn encode(domain: TimeDomain, (time, key): &Due) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(PREFIX + key.len());
    bytes.push(domain as u8);
    // The sign bit is flipped, so that times before 1970 sort before those after.
    bytes.extend_from_slice(&(time.0 ^ i64::MIN).to_be_bytes());
    bytes.extend_from_slice(key);
    bytes
}

/// The opposite of [`encode`]; none of bytes that are too short.
fn decode(bytes: &[u8]) -> Option<(TimeDomain, Due)> {
    let (&[domain, ref time @ ..], key) = bytes.split_first_chunk::<PREFIX>()?;
    let domain = if domain == TimeDomain::Event as u8 { TimeDomain::Event } else { TimeDomain::Processing };
    Some((domain, (EventTime(i64::from_be_bytes(*time) ^ i64::MIN), key.into())))
}

impl Timers {
    fn waiting(&mut self, domain: TimeDomain) -> &mut BTreeSet<Due> {
        match domain {
            TimeDomain::Event => &mut self.event,
            TimeDomain::Processing => &mut self.processing,
        }
    }

    /// Sets a timer.
    pub fn set(&mut self, domain: TimeDomain, time: EventTime, key: &[u8]) {
        if self.waiting(domain).insert((time, key.into())) {
            self.note(domain, (time, key.into()), true);
        }
    }

    /// Takes a timer back; it does nothing where none is set.
    pub fn cancel(&mut self, domain: TimeDomain, time: EventTime, key: &[u8]) {
        if let Some(timer) = self.waiting(domain).take(&(time, key.into())) {
            self.note(domain, timer, false);
        }
    }

    /// A change, and the change back before any snapshot, are none.
    fn note(&mut self, domain: TimeDomain, timer: Due, set: bool) {
        match self.changed.entry((domain, timer)) {
            Entry::Occupied(before) => drop(before.remove()),
            Entry::Vacant(place) => drop(place.insert(set)),
        }
    }

    /// When the first timer of a clock is due.
    pub(crate) fn first(&self, domain: TimeDomain) -> Option<EventTime> {
        let waiting = if domain == TimeDomain::Event { &self.event } else { &self.processing };
        waiting.first().map(|(time, _)| *time)
    }

    /// Takes the earliest timer that is due by `now`.
    pub(crate) fn pop_due(&mut self, domain: TimeDomain, now: EventTime) -> Option<Timer> {
        self.first(domain).filter(|time| *time <= now)?;
        let (time, key) = self.waiting(domain).pop_first()?;
        self.note(domain, (time, key.clone()), false);
        Some(Timer { domain, time, key })
    }

    pub(crate) fn snapshot(&mut self, writer: &mut SnapshotWriter) -> Result<()> {
        let changed = std::mem::take(&mut self.changed).into_iter();
        let mut changed: Vec<(u16, Vec<u8>, bool)> = changed
            .map(|((domain, timer), set)| (u16::from(KeyGroup::of_key(&timer.1).0), encode(domain, &timer), set))
            .collect();
        changed.sort_unstable();
        writer
            .run(TABLE, |run| changed.iter().try_for_each(|(group, timer, set)| run.push(*group, timer, |_| Ok(*set))))
    }

    pub(crate) fn restore(&mut self, reader: &SnapshotReader) -> Result<()> {
        reader.each(TABLE, |timer, _| {
            let Some((domain, timer)) = decode(timer) else {
                return Err(SnapshotReader::undecodable(TABLE, "it is too short"));
            };
            self.waiting(domain).insert(timer);
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::state::snapshot::tests::Kept;

    fn drain(timers: &mut Timers) -> Vec<Timer> {
        let mut all = Vec::new();
        for domain in [TimeDomain::Event, TimeDomain::Processing] {
            all.extend(std::iter::from_fn(|| timers.pop_due(domain, EventTime::MAX)));
        }
        all
    }

    proptest! {
        /// Set, taken back and fired in any order with snapshots in between: they fire in the order of their time, and
        /// a restart goes on with those that are left.
        #[test]
        fn timers_are_a_sorted_set_that_survives_a_restart(
            steps in prop::collection::vec((0u8..6, any::<bool>(), -3i64..4, 0u8..3), 0..40))
        {
            let mut timers = Timers::default();
            let mut model = BTreeSet::new();
            let mut kept = Kept::default();
            for (step, event, time, key) in steps {
                let (domain, time, key) = (if event { TimeDomain::Event } else { TimeDomain::Processing }, EventTime(time), [key]);
                match step {
                    0..3 => {
                        timers.set(domain, time, &key);
                        model.insert(Timer { domain, time, key: key.into() });
                    }
                    3 => {
                        timers.cancel(domain, time, &key);
                        model.remove(&Timer { domain, time, key: key.into() });
                    }
                    4 => {
                        let due = model.iter().find(|t| t.domain == domain && t.time <= time).cloned();
                        prop_assert_eq!(&timers.pop_due(domain, time), &due);
                        due.iter().for_each(|t| { model.remove(t); });
                    }
                    _ => kept.snapshot(|writer| timers.snapshot(writer).unwrap()),
                }
            }
            kept.snapshot(|writer| timers.snapshot(writer).unwrap());
            let mut restored = Timers::default();
            restored.restore(&kept.reader(0..256)).unwrap();
            prop_assert_eq!(drain(&mut restored), model.into_iter().collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_timer_that_was_set_and_fired_between_two_snapshots_is_not_written() {
        let (mut timers, mut kept) = (Timers::default(), Kept::default());
        timers.set(TimeDomain::Event, EventTime(5), b"key");
        assert!(timers.pop_due(TimeDomain::Event, EventTime(5)).is_some());
        kept.snapshot(|writer| timers.snapshot(writer).unwrap());
        assert_eq!(kept.bytes, 0);
    }
}
