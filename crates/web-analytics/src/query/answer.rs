//! What all answers share.

use serde::Serialize;

use super::totals::Totals;
use crate::summary::cell::Counter;

/// What was answered: minutes are whole, and where only hours or days are kept so are these, so a range may begin and end a
/// little outside of what was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Range {
    /// Unix ms.
    pub from: i64,
    /// Unix ms, exclusive.
    pub to: i64,
}

/// A part of the range of which not everything is held any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Partial {
    /// From here on, Unix ms, the answer is complete.
    pub before: i64,
    /// What is missing before.
    pub reason: String,
}

/// An answer with its range.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Answer<T> {
    /// What it is about.
    pub range: Range,
    /// What quantiles, ratings, visitors, beacons and user events are about, if it is another range: old ones are kept by whole
    /// days or months.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub samples_range: Option<Range>,
    /// What is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partial: Option<Partial>,
    /// The answer itself.
    #[serde(flatten)]
    pub body: T,
}

/// All counts of a period.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Counts {
    /// Page impressions.
    pub impressions: i64,
    /// Sessions that started.
    pub sessions: i64,
    /// Distinct visitors, estimated.
    pub visitors: u64,
    /// Sessions of one impression without interaction.
    pub bounces: i64,
    /// Of the sessions, 0 to 1.
    pub bounce_rate: f64,
    /// Impressions of the sessions that started.
    pub session_impressions: i64,
    /// Length of the sessions that started.
    pub session_seconds: i64,
    /// Orders.
    pub orders: i64,
    /// Their value.
    pub revenue_cents: i64,
    /// Script errors.
    pub errors: i64,
    /// User events.
    pub events: i64,
    /// Beacons.
    pub beacons: i64,
    /// Impressions of declared bots, whatever `bots` asks for.
    pub bots: i64,
    /// Issues found.
    pub issues: i64,
    /// Beacons in quarantine.
    pub quarantined: i64,
}

impl Counts {
    pub(super) fn new(totals: &Totals, bots: i64) -> Self {
        let count = |counter| totals.counter(counter);
        Counts {
            impressions: count(Counter::Impressions),
            sessions: count(Counter::Sessions),
            visitors: totals.visitors.estimate(),
            bounces: count(Counter::Bounces),
            bounce_rate: totals.bounce_rate(),
            session_impressions: count(Counter::SessionImpressions),
            session_seconds: count(Counter::SessionSeconds),
            orders: count(Counter::Orders),
            revenue_cents: count(Counter::RevenueCents),
            errors: count(Counter::Errors),
            events: count(Counter::Events),
            beacons: count(Counter::Beacons),
            bots,
            issues: totals.issues(),
            quarantined: count(Counter::Quarantined),
        }
    }
}
