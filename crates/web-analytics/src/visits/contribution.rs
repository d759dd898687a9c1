//! What an impression or a session adds to its cell, and how a change of it becomes deltas.

use crate::beacon::{Issue, Issues};
use crate::summary::buffer::DeltaBuffer;
use crate::summary::cell::{CellKey, Counter, Measures, Metric};
use crate::summary::metric::METRICS;
use std::sync::Arc;

/// Counters that a contribution may have.
const COUNTERS: [Counter; 10] = [
    Counter::Beacons,
    Counter::Impressions,
    Counter::Sessions,
    Counter::Bounces,
    Counter::SessionImpressions,
    Counter::SessionSeconds,
    Counter::Orders,
    Counter::RevenueCents,
    Counter::Errors,
    Counter::Events,
];

/// All that something adds to one cell.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Contribution {
    pub(super) key: Arc<CellKey>,
    counters: [i64; COUNTERS.len()],
    /// Bits of each timer's value, so that "none" (NaN) equals itself.
    timers: [u32; METRICS],
    pub(super) issues: Issues,
    /// Beacons without an impression.
    pub(super) orphans: u32,
    pub(super) visitor: Option<u64>,
}

impl Contribution {
    /// Nothing yet, for a cell.
    pub(super) fn to(key: Arc<CellKey>) -> Self {
        Self {
            key,
            counters: [0; COUNTERS.len()],
            timers: [f32::NAN.to_bits(); METRICS],
            issues: Issues::default(),
            orphans: 0,
            visitor: None,
        }
    }

    pub(super) fn count(&mut self, counter: Counter, by: i64) {
        if let Some(place) = COUNTERS.iter().position(|known| *known == counter) {
            self.counters[place] = self.counters[place].saturating_add(by);
        }
    }

    pub(super) fn time(&mut self, timers: &[f32]) {
        self.timers.iter_mut().zip(timers).for_each(|(to, value)| *to = value.to_bits());
    }
}

/// Adds what it takes to turn `was` into `now`.
pub(super) fn change(deltas: &mut DeltaBuffer, was: Option<&Contribution>, now: Option<&Contribution>) {
    match (was, now) {
        (Some(was), Some(now)) if was.key == now.key => difference(deltas.cell(&now.key), Some(was), Some(now)),
        _ => {
            if let Some(was) = was {
                difference(deltas.cell(&was.key), Some(was), None);
            }
            if let Some(now) = now {
                difference(deltas.cell(&now.key), None, Some(now));
            }
        }
    }
}

/// What differs between two contributions to one cell.
fn difference(cell: &mut Measures, was: Option<&Contribution>, now: Option<&Contribution>) {
    for (place, counter) in COUNTERS.into_iter().enumerate() {
        let value = |of: Option<&Contribution>| of.and_then(|c| c.counters.get(place).copied()).unwrap_or(0);
        let by = value(now).saturating_sub(value(was));
        if by != 0 {
            cell.count(counter, by);
        }
    }
    for metric in Metric::ALL {
        let value = |of: Option<&Contribution>| of.and_then(|c| c.timers.get(metric as usize).copied());
        let (was, now) = (value(was), value(now));
        if was != now {
            for (bits, count) in [(was, -1), (now, 1)] {
                // Not a number is out of range, so nothing is counted for it.
                cell.sample(metric, f64::from(bits.map_or(f32::NAN, f32::from_bits)), count);
            }
        }
    }
    let issues = |of: Option<&Contribution>| of.map_or(Issues::default(), |c| c.issues);
    let (before, after) = (issues(was), issues(now));
    if before != after {
        for issue in Issue::ALL {
            let by = i32::from(after.has(issue)) - i32::from(before.has(issue));
            if by != 0 {
                cell.issue(issue as u8, by);
            }
        }
    }
    let orphans = |of: Option<&Contribution>| of.map_or(0, |c| i64::from(c.orphans));
    let by = orphans(now) - orphans(was);
    if by != 0 {
        cell.issue(Issue::OrphanEvent as u8, by as i32);
    }
    let visitor = |of: Option<&Contribution>| of.and_then(|c| c.visitor);
    if let Some(hash) = visitor(now).filter(|hash| Some(*hash) != visitor(was)) {
        cell.visitors.push(hash);
    }
}
