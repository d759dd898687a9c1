//! What an impression's beacons amount to, in the order of their times.

use super::fact::Fact;
use crate::beacon::{Issue, Issues, TIMERS, Tells};
use std::collections::BTreeSet;

/// Sums over a segment that outlive its beacons.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct Totals {
    pub(super) beacons: u32,
    /// Those of them that were no duplicates.
    pub(super) distinct: u32,
    pub(super) events: u32,
    pub(super) errors: u32,
    pub(super) orders: u32,
    pub(super) revenue_cents: i64,
    /// What any beacon told.
    pub(super) tells: u16,
    pub(super) issues: u16,
}

impl Totals {
    pub(super) fn tells(&self, what: Tells) -> bool {
        Tells(self.tells).any(what)
    }

    /// Adds what `after` has more than `before`, both of one segment that only grew.
    pub(super) fn grow(&mut self, before: &Totals, after: &Totals) {
        self.beacons = self.beacons.saturating_add(after.beacons.saturating_sub(before.beacons));
        self.events = self.events.saturating_add(after.events.saturating_sub(before.events));
        self.errors = self.errors.saturating_add(after.errors.saturating_sub(before.errors));
        self.orders = self.orders.saturating_add(after.orders.saturating_sub(before.orders));
        let cents = after.revenue_cents.saturating_sub(before.revenue_cents);
        self.revenue_cents = self.revenue_cents.saturating_add(cents);
        self.tells |= after.tells;
        self.issues |= after.issues;
    }

    pub(super) fn add(&mut self, issue: Issue) {
        self.issues |= 1 << issue as u8;
    }

    pub(super) fn count(&mut self, fact: &Fact<'_>) {
        let tells = Tells(fact.tells);
        self.distinct = self.distinct.saturating_add(1);
        self.tells |= fact.tells;
        self.issues |= fact.issues;
        self.events += u32::from(tells.any(Tells::EVENT));
        self.errors += u32::from(tells.any(Tells::ERROR));
        let order = fact.detail.as_ref().and_then(|detail| detail.order);
        if let Some(order) = order.filter(|_| tells.any(Tells::FIRST_ORDER)) {
            self.orders += 1;
            self.revenue_cents = self.revenue_cents.saturating_add(order.value_cents);
        }
    }
}

/// Numbers seen: few and small, so mostly bits.
#[derive(Clone, Debug, Default)]
struct Numbers {
    low: u64,
    high: BTreeSet<u16>,
}

impl Numbers {
    /// False if it was there.
    fn insert(&mut self, number: u16) -> bool {
        if number >= 64 {
            return self.high.insert(number);
        }
        let bit = 1 << number;
        let new = self.low & bit == 0;
        self.low |= bit;
        new
    }
}

/// The fold of a segment's beacons so far, beside its [`Totals`].
#[derive(Clone, Debug)]
pub(super) struct Fold {
    numbers: Numbers,
    /// For each timer the value of the highest beacon number, and that number.
    timers: [f32; TIMERS],
    timer_numbers: [u16; TIMERS],
    /// Has what makes it an impression: a navigation, a load, or vitals as its very first beacon.
    pub(super) anchored: bool,
    leave_ms: Option<i64>,
}

impl Default for Fold {
    fn default() -> Self {
        Self {
            numbers: Numbers::default(),
            timers: [f32::NAN; TIMERS],
            timer_numbers: [0; TIMERS],
            anchored: false,
            leave_ms: None,
        }
    }
}

impl Fold {
    /// Takes the next beacon in, into `totals` too; says whether it was no duplicate.
    pub(super) fn add(&mut self, fact: &Fact<'_>, totals: &mut Totals) -> bool {
        totals.beacons = totals.beacons.saturating_add(1);
        if !self.numbers.insert(fact.number) {
            totals.add(Issue::DuplicateBeacon);
            return false;
        }
        let tells = Tells(fact.tells);
        totals.count(fact);
        if tells.any(Tells::LEAVE) {
            self.leave_ms = Some(self.leave_ms.map_or(fact.time_ms, |leave| leave.max(fact.time_ms)));
        }
        self.anchored |=
            tells.any(Tells::NAV) || tells.any(Tells::LOAD) || tells.any(Tells::VITALS) && fact.number == 0;
        for ((best, number), value) in self.timers.iter_mut().zip(&mut self.timer_numbers).zip(fact.timers) {
            if !value.is_nan() && (best.is_nan() || fact.number > *number) {
                (*best, *number) = (value, fact.number);
            }
        }
        true
    }

    /// The timers that count.
    pub(super) fn timers(&self) -> &[f32; TIMERS] {
        &self.timers
    }

    /// No beacon after this belongs to the segment.
    pub(super) fn deadline_ms(&self, first_ms: i64, last_ms: i64, gap_ms: i64) -> i64 {
        let idle = last_ms.saturating_add(gap_ms.min(super::IDLE_MS));
        let left = self.leave_ms.map_or(i64::MAX, |leave| leave.saturating_add(super::LEAVE_GRACE_MS));
        idle.min(left).min(first_ms.saturating_add(super::AGE_MS_MAX))
    }
}

impl Totals {
    /// Issues of the impression as a whole.
    pub(super) fn issues(&self, anchored: bool) -> Issues {
        let mut issues = Issues(self.issues);
        if anchored {
            if !self.tells(Tells::NAV) {
                issues.add(Issue::MissingNav);
            }
            if !self.tells(Tells::LOAD) {
                issues.add(Issue::MissingLoad);
            }
        }
        issues
    }
}
