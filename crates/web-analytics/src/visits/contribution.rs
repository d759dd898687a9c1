//! What an impression or a session adds to its cell, and how a change of it becomes deltas.

use crate::beacon::{Issue, Issues};
use crate::summary::buffer::DeltaBuffer;
use crate::summary::cell::{CellKey, Counter, Measures, Metric};
use crate::summary::metric::METRICS;
use std::sync::Arc;

/// Counters that a contribution may have.
pub(super) const COUNTERS: usize = 6;

/// All that something adds to one cell: up to six counters, timers, issues.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Contribution {
    pub(super) key: Arc<CellKey>,
    pub(super) counters: [(Counter, i64); COUNTERS],
    /// Bits of each timer's value, so that "none" (NaN) equals itself.
    timers: [u32; METRICS],
    pub(super) issues: Issues,
    /// Beacons without an impression.
    pub(super) orphans: u32,
    pub(super) visitor: Option<u64>,
}

impl Contribution {
    /// Counters for a cell. Those of one kind of contribution are always the same, in the same order.
    pub(super) fn to(key: Arc<CellKey>, counters: [(Counter, i64); COUNTERS]) -> Self {
        let (timers, issues) = ([f32::NAN.to_bits(); METRICS], Issues::default());
        Self { key, counters, timers, issues, orphans: 0, visitor: None }
    }

    pub(super) fn time(&mut self, timers: &[f32]) {
        self.timers.iter_mut().zip(timers).for_each(|(to, value)| *to = value.to_bits());
    }
}

/// Adds what it takes to turn `was` into `now`.
pub(super) fn change(deltas: &mut DeltaBuffer, was: Option<&Contribution>, now: Option<&Contribution>) {
    match (was, now) {
        (Some(was), Some(now)) if was == now => {}
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

/// What differs between two contributions of one kind to one cell.
fn difference(cell: &mut Measures, was: Option<&Contribution>, now: Option<&Contribution>) {
    let Some(known) = now.or(was) else { return };
    for (place, (counter, _)) in known.counters.iter().enumerate() {
        let value = |of: Option<&Contribution>| of.and_then(|c| c.counters.get(place)).map_or(0, |(_, value)| *value);
        let by = value(now).saturating_sub(value(was));
        if by != 0 {
            cell.count(*counter, by);
        }
    }
    let none = [f32::NAN.to_bits(); METRICS];
    let timers = |of: Option<&Contribution>| of.map_or(none, |c| c.timers);
    for (metric, (was, now)) in Metric::ALL.into_iter().zip(timers(was).into_iter().zip(timers(now))) {
        if was != now {
            // Not a number is out of range, so nothing is counted for it.
            cell.sample(metric, f64::from(f32::from_bits(was)), -1);
            cell.sample(metric, f64::from(f32::from_bits(now)), 1);
        }
    }
    let issues = |of: Option<&Contribution>| of.map_or(Issues::default(), |c| c.issues);
    let (before, after) = (issues(was), issues(now));
    for issue in Issues(before.0 ^ after.0).iter() {
        cell.issue(issue as u8, i32::from(after.has(issue)) - i32::from(before.has(issue)));
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
